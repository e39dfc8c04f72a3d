//! `Quota`: so many units per period, with a burst. Checked once, at compile time where it is a constant.
//!
//! A quota is the *rate* of a [`TokenBucket`](crate::TokenBucket). "Never more than `limit` in any window" is another
//! promise: see [`Window`](crate::Window).
//!
//! ```text
//! 60 per minute, burst 10      at once: 10      then: one every second      in any minute: at most 71
//! ```
//!
//! Inside, the rate is kept in lowest terms (60 per minute is 1 per second), so that `burst x period` fits for every
//! rate that a person would write down: half a gigabyte a month works, in bytes.

use core::fmt;

use crate::division::divide;
use crate::time::Duration;

/// So many units per period, and how many of them may be taken at once.
///
/// Two quotas are equal when they allow the same: 60 a minute equals 1 a second with the same burst.
///
/// # Example
/// ```
/// use tollgate::{Duration, Quota};
/// const API: Quota = tollgate::valid!(Quota::new(60, Duration::from_mins(1)));
/// assert_eq!((API.units(), API.per(), API.burst()), (60, Duration::from_secs(60), 60));
///
/// let gentle = API.with_burst(1)?; // spaced one second apart
/// assert_eq!(gentle, Quota::new(1, Duration::from_secs(1))?);
/// # Ok::<(), tollgate::QuotaError>(())
/// ```
///
/// A bad constant does not compile:
/// ```compile_fail,E0080
/// use tollgate::{Duration, Quota};
/// const NOTHING: Quota = tollgate::valid!(Quota::new(0, Duration::from_mins(1)));
/// # assert_eq!(NOTHING.units(), 0);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "Plain", try_from = "Plain"))]
pub struct Quota {
    units: u32,
    burst: u32,
    per: Duration,
    rate: Rate,
}

/// What a bucket computes with: `gain` level a microsecond, `step` level a unit, `full` level at most.
///
/// The level is counted in units of `1 / step`, so both are whole numbers and nothing is ever rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Rate {
    pub(crate) gain: u32,
    pub(crate) step: u64,
    pub(crate) full: u64,
}

/// Why a quota cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum QuotaError {
    /// No units: nothing would ever be granted. Say so with a limiter that is switched off.
    ZeroUnits,
    /// No period: the rate would be infinite. Say so by not limiting.
    ZeroPeriod,
    /// No burst: not even one unit could ever be taken.
    ZeroBurst,
    /// `burst x period`, in lowest terms, exceeds 2^62: it could not be counted exactly.
    TooLarge {
        /// The burst that was asked for.
        burst: u32,
        /// The largest burst that fits this rate; zero if none does.
        max_burst: u32,
    },
}

impl QuotaError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::ZeroUnits => "a quota of 0 units: expected at least 1",
            Self::ZeroPeriod => "a quota per 0 us: expected at least 1 us",
            Self::ZeroBurst => "a burst of 0 units: expected at least 1",
            Self::TooLarge { .. } => "burst x period is too large to be exact: expected a smaller burst",
        }
    }
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { burst, max_burst } => {
                write!(
                    f,
                    "a burst of {burst} units is too large to be exact at this rate: expected at most {max_burst}"
                )
            }
            other => f.write_str(other.message()),
        }
    }
}

impl core::error::Error for QuotaError {}

/// The largest level: leaves as much room again for debt, and sums of two levels fit.
pub(crate) const MAX_FULL: u64 = 1 << 62;

impl Quota {
    /// `units` in every `per`, all of which may be taken at once.
    ///
    /// # Errors
    /// [`QuotaError`], naming the number: zero units, a zero period, or a product that cannot be exact.
    pub const fn new(units: u32, per: Duration) -> Result<Self, QuotaError> {
        Self::new_with_burst(units, per, units)
    }

    /// The same rate, of which at most `burst` may be taken at once. 1 spaces every unit out.
    ///
    /// # Errors
    /// [`QuotaError`]: a burst of zero, or one too large to be exact at this rate.
    pub const fn with_burst(self, burst: u32) -> Result<Self, QuotaError> {
        Self::new_with_burst(self.units, self.per, burst)
    }

    /// One unit in every `interval`; the burst is one.
    ///
    /// # Errors
    /// [`QuotaError::ZeroPeriod`] for a zero interval.
    pub const fn every(interval: Duration) -> Result<Self, QuotaError> {
        Self::new_with_burst(1, interval, 1)
    }

    /// `units` in every `per`, of which at most `burst` may be taken at once: [`new`](Self::new) and
    /// [`with_burst`](Self::with_burst) in one, for rates whose whole period would not fit as a burst.
    ///
    /// # Errors
    /// [`QuotaError`], as for the two.
    pub const fn new_with_burst(units: u32, per: Duration, burst: u32) -> Result<Self, QuotaError> {
        if units == 0 {
            return Err(QuotaError::ZeroUnits);
        }
        if per.is_zero() {
            return Err(QuotaError::ZeroPeriod);
        }
        if burst == 0 {
            return Err(QuotaError::ZeroBurst);
        }
        let common = gcd(units as u64, per.as_micros());
        let step = divide(per.as_micros(), common).0;
        #[expect(clippy::cast_possible_truncation, reason = "a quotient of a u32")]
        let gain = divide(units as u64, common).0 as u32;
        match step.checked_mul(burst as u64) {
            Some(full) if full <= MAX_FULL => Ok(Self { units, burst, per, rate: Rate { gain, step, full } }),
            _ => {
                #[expect(clippy::cast_possible_truncation, reason = "below `burst`, which is a u32")]
                let max_burst = divide(MAX_FULL, step).0 as u32;
                Err(QuotaError::TooLarge { burst, max_burst })
            }
        }
    }

    /// Units per [`per`](Self::per), as they were given.
    pub const fn units(&self) -> u32 {
        self.units
    }

    /// The period, as it was given.
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// How many units may be taken at once; a larger cost is `Never`.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    pub(crate) const fn rate(&self) -> Rate {
        self.rate
    }

    /// The quota that a bucket computes with, in lowest terms.
    #[expect(clippy::cast_possible_truncation, reason = "full / step is the burst, which was a u32")]
    pub(crate) const fn from_rate(rate: Rate) -> Self {
        let burst = divide(rate.full, rate.step).0 as u32;
        Self { units: rate.gain, burst, per: Duration::from_micros(rate.step), rate }
    }

    /// The most that a bucket with this quota can grant in any interval of this length, both ends included:
    /// `burst + ceil((interval + 1 us) x units / per)`. Saturates.
    ///
    /// This answers "why did 70 pass in the first minute?". Who needs a hard limit in every window takes a
    /// [`Window`](crate::Window). The extra microsecond is the rounding of booked instants.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Quota};
    /// let q = Quota::new(60, Duration::from_mins(1))?.with_burst(10)?;
    /// assert_eq!(q.worst_case(Duration::from_mins(1)), 71);
    /// # Ok::<(), tollgate::QuotaError>(())
    /// ```
    pub const fn worst_case(&self, interval: Duration) -> u64 {
        let Rate { gain, step, .. } = self.rate;
        match mul_div(interval.as_micros().saturating_add(1), gain as u64, step) {
            Some((units, rest)) => units.saturating_add((rest > 0) as u64).saturating_add(self.burst as u64),
            None => u64::MAX,
        }
    }
}

impl PartialEq for Quota {
    fn eq(&self, other: &Self) -> bool {
        self.rate == other.rate
    }
}

impl Eq for Quota {}

/// `a x b / d` with its remainder, or `None` if the quotient does not fit; `d` is at least 1 and at most 2^62.
///
/// A bit at a time, because the product takes up to 128 bits and no chip should link a 128-bit division. Not for a
/// decision: it is used when a quota changes and when a worst case is printed.
pub(crate) const fn mul_div(a: u64, b: u64, d: u64) -> Option<(u64, u64)> {
    if d == 0 {
        return None;
    }
    let (whole, part) = divide(a, d);
    let Some(whole) = whole.checked_mul(b) else { return None };
    let (mut quotient, mut rest, mut bit) = (0u64, 0u64, u64::BITS);
    while bit > 0 {
        bit -= 1;
        // The bits of `b` above this one, times `part`, are quotient x d + rest; rest and part are below d, so that
        // nothing wraps.
        rest = rest.wrapping_mul(2);
        quotient = quotient.wrapping_mul(2).wrapping_add((rest >= d) as u64);
        rest -= if rest >= d { d } else { 0 };
        if b >> bit & 1 == 1 {
            rest = rest.wrapping_add(part);
            quotient = quotient.wrapping_add((rest >= d) as u64);
            rest -= if rest >= d { d } else { 0 };
        }
    }
    match whole.checked_add(quotient) {
        Some(quotient) => Some((quotient, rest)),
        None => None,
    }
}

/// The greatest common divisor; `gcd(a, 0) = a`.
pub(crate) const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, divide(a, b).1);
    }
    a
}

/// The wire form of a [`Quota`]: what a person writes into a file.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    units: u32,
    per_us: Duration,
    burst: u32,
}

#[cfg(feature = "serde")]
impl From<Quota> for Plain {
    fn from(quota: Quota) -> Self {
        Self { units: quota.units, per_us: quota.per, burst: quota.burst }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Plain> for Quota {
    type Error = QuotaError;

    fn try_from(plain: Plain) -> Result<Self, QuotaError> {
        Self::new_with_burst(plain.units, plain.per_us, plain.burst)
    }
}

/// Unwraps a `Result` in a constant: a value that is not valid **does not compile**, and no code is left at run time.
///
/// For every constructor here whose error has `message()`: `Quota::new`, `Window::new`, `Policy::new`, `TickRate::hz`.
///
/// # Example
/// ```
/// use tollgate::{Duration, Quota};
/// const SPACED: Quota = tollgate::valid!(Quota::every(Duration::from_millis(250)));
/// # assert_eq!(SPACED.burst(), 1);
/// ```
#[macro_export]
macro_rules! valid {
    ($result:expr) => {
        const {
            match $result {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(error) => ::core::panic!("{}", error.message()),
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructors_reject_and_name_the_number() {
        let second = Duration::from_secs(1);
        assert_eq!(Quota::new(0, second), Err(QuotaError::ZeroUnits));
        assert_eq!(Quota::new(1, Duration::ZERO), Err(QuotaError::ZeroPeriod));
        assert_eq!(Quota::new(1, second).and_then(|q| q.with_burst(0)), Err(QuotaError::ZeroBurst));
        let hourly = Quota::new(1, Duration::from_hours(1)).unwrap();
        let max_burst = u32::try_from((1u64 << 62) / 3_600_000_000).unwrap();
        assert_eq!(hourly.with_burst(u32::MAX), Err(QuotaError::TooLarge { burst: u32::MAX, max_burst }));
        assert!(hourly.with_burst(max_burst).is_ok());
        assert!(hourly.with_burst(max_burst + 1).is_err());
        assert!(matches!(Quota::new(7, Duration::MAX), Err(QuotaError::TooLarge { burst: 7, max_burst: 0 })));
    }

    #[test]
    fn a_data_plan_in_bytes_fits() {
        let month = Duration::from_days(30);
        for bytes in [500_000_000, 1 << 29, u32::MAX] {
            let plan = Quota::new_with_burst(bytes, month, 1 << 20);
            assert!(plan.is_ok(), "{bytes} bytes a month: {plan:?}");
        }
    }

    #[test]
    fn equal_rates_are_equal() {
        let minute = Quota::new(60, Duration::from_mins(1)).unwrap();
        assert_eq!(minute, Quota::new(1, Duration::from_secs(1)).unwrap().with_burst(60).unwrap());
        assert_ne!(minute, minute.with_burst(59).unwrap());
    }

    #[test]
    fn worst_case_is_exact_at_the_extremes() {
        let odd = Quota::new(7, Duration::from_secs(60)).unwrap();
        assert_eq!(odd.worst_case(Duration::ZERO), 8);
        assert_eq!(odd.worst_case(Duration::from_secs(60)), 15);
        assert_eq!(odd.worst_case(Duration::from_micros(60_000_000 - 1)), 14);
        let slow = Quota::new_with_burst(u32::MAX, Duration::from_micros((1 << 62) - 1), 1).unwrap();
        assert_eq!(slow.worst_case(Duration::from_micros((1 << 62) - 2)), u64::from(u32::MAX) + 1);
        let fast = Quota::new(u32::MAX, Duration::from_micros(1)).unwrap();
        assert_eq!(fast.worst_case(Duration::MAX), u64::MAX);
    }
}
