//! `Forecast`: where a budget will stand at the end of its period, if things go on as they did.
//!
//! A straight line from the start of the period through what is posted. For people and dashboards; nothing is refused
//! because of it. Divides, so not for a decision.
//!
//! ```text
//! posted x length / elapsed, rounded up          an alert only strictly above the limit
//! ```

use crate::quota::mul_div;
use crate::time::Duration;

/// What a straight line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Forecast {
    /// What will have been used at the end of the period, in millionths, rounded up; saturates.
    pub expected: u64,
    /// That is more than the limit. Exactly the limit is not.
    pub over: bool,
    /// How long what is available lasts at this pace, rounded down; `None` while nothing was used.
    pub exhausted_in: Option<Duration>,
    /// Enough of the period has passed for this to mean something.
    pub enough: bool,
}

impl Forecast {
    /// The line through `posted` millionths after `elapsed` of a period of `length`, with nothing held or owed.
    ///
    /// [`Ledger::forecast`](crate::Ledger::forecast) draws it for an account, and takes what is held and owed from what
    /// lasts. It means something after `least`, or after a tenth of the period where that is `None`. Nothing elapsed counts as
    /// one microsecond.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Forecast};
    /// let month = Duration::from_days(30);
    /// let forecast = Forecast::linear(50_000_000, 100_000_000, Duration::from_days(10), month, None);
    /// assert_eq!((forecast.expected, forecast.over, forecast.enough), (150_000_000, true, true));
    /// assert_eq!(forecast.exhausted_in, Some(Duration::from_days(10)));
    /// ```
    pub fn linear(posted: u64, limit: u64, elapsed: Duration, length: Duration, least: Option<Duration>) -> Self {
        let past = elapsed.as_micros().clamp(1, MAX);
        let expected = match mul_div(posted, length.as_micros(), past) {
            Some((whole, rest)) => whole.saturating_add(u64::from(rest > 0)),
            None => u64::MAX,
        };
        let exhausted_in = lasts(limit.saturating_sub(posted), posted, elapsed);
        let least = least.unwrap_or(Duration::from_micros(length.as_micros() / 10));
        Self { expected, over: expected > limit, exhausted_in, enough: elapsed >= least }
    }
}

/// How long `available` lasts at the pace of `posted` in `elapsed`, rounded down.
pub(crate) fn lasts(available: u64, posted: u64, elapsed: Duration) -> Option<Duration> {
    let past = elapsed.as_micros().clamp(1, MAX);
    match posted {
        0 => None,
        posted => {
            Some(mul_div(available, past, posted.min(MAX)).map_or(Duration::MAX, |(t, _)| Duration::from_micros(t)))
        }
    }
}

/// What `mul_div` takes as a divisor: 146 000 years of microseconds, or half of the largest amount.
const MAX: u64 = 1 << 62;

/// Whether a budget burns out before its period ends: at the pace of the last `window`, in which `spent` millionths were
/// used, more than `available` goes in the `left` time.
///
/// Equality does not: the last millionth may be used.
///
/// # Example
/// ```
/// use tollgate::{Duration, burns_out};
/// let (window, left) = (Duration::from_mins(5), Duration::from_hours(10));
/// assert!(burns_out(1_000_000, window, left, 100_000_000)); // 120 in ten hours, 100 are left
/// assert!(!burns_out(1_000_000, window, left, 120_000_000));
/// ```
pub fn burns_out(spent: u64, window: Duration, left: Duration, available: u64) -> bool {
    match mul_div(spent, left.as_micros(), window.as_micros().clamp(1, MAX)) {
        Some((goes, rest)) => goes > available || (goes == available && rest > 0),
        None => true,
    }
}
