//! `StdClock`: the clock of a host, on `std::time::Instant`.
//!
//! All `StdClock`s of a process share one origin, the first reading of any of them. Two limiters, a deadline and a log
//! line then speak of the same instants; with an origin per clock, comparing two of them would compile and be wrong.
//! It holds nothing and costs one `Instant::now()`.
//!
//! It never goes back. Where the system stops its monotonic clock in suspend (Linux does), time asleep does not count:
//! nothing is refilled by it.

use std::sync::OnceLock;
use std::time;

use tollgate::{Clock, Duration, Instant};

/// The first reading in this process.
static ORIGIN: OnceLock<time::Instant> = OnceLock::new();

fn origin() -> time::Instant {
    *ORIGIN.get_or_init(time::Instant::now)
}

/// The monotonic clock of the process.
///
/// # Example
/// ```
/// use tollgate::{Clock, Quota, Start, TokenBucket};
/// use tollgate_std::StdClock;
///
/// let clock = StdClock::default();
/// let quota = tollgate::valid!(Quota::new(10, tollgate::Duration::from_secs(1)));
/// let bucket = TokenBucket::new(quota, Start::Full, clock.now());
/// # let _ = bucket;
/// assert!(clock.now() <= StdClock::default().now(), "one origin for all");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StdClock(());

impl StdClock {
    /// What this clock showed, or will show, at the moment `at`.
    ///
    /// Rounded down to a microsecond, the refusing direction for what accrues. What lies before the first reading of
    /// the clock is [`Instant::ORIGIN`].
    ///
    /// # Example
    /// ```
    /// use tollgate_std::{StdClock, Wait};
    /// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    /// let wait = Wait::until(StdClock::default().from_std(deadline));
    /// # let _ = wait;
    /// ```
    pub fn from_std(self, at: time::Instant) -> Instant {
        Instant::ORIGIN.saturating_add(Duration::from(at.saturating_duration_since(origin())))
    }

    /// The moment at which this clock shows `at`, for timers of others; `None` if it is too far for the system's clock.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Duration, Instant};
    /// use tollgate_std::StdClock;
    /// let clock = StdClock::default();
    /// let soon = clock.now().saturating_add(Duration::from_secs(1));
    /// assert_eq!(clock.to_std(soon).map(|at| clock.from_std(at)), Some(soon));
    /// ```
    pub fn to_std(self, at: Instant) -> Option<time::Instant> {
        origin().checked_add(time::Duration::from(at.saturating_since(Instant::ORIGIN)))
    }
}

impl Clock for StdClock {
    fn now(&self) -> Instant {
        // The origin first: were it taken after the reading, the first reading would lie before it.
        let origin = origin();
        Instant::ORIGIN.saturating_add(Duration::from(origin.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_near_the_origin_and_never_goes_back() {
        let clock = StdClock::default();
        let mut last = clock.now();
        for _ in 0..1_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
        assert_eq!(clock.from_std(origin()), Instant::ORIGIN);
    }

    #[test]
    fn conversions_round_down_and_saturate() {
        let clock = StdClock::default();
        let at = origin() + time::Duration::from_nanos(1_999);
        assert_eq!(clock.from_std(at), Instant::from_micros(1));
        let micro = Instant::from_micros(1);
        assert_eq!(clock.to_std(micro), origin().checked_add(time::Duration::from_micros(1)));
        if let Some(before) = origin().checked_sub(time::Duration::from_secs(1)) {
            assert_eq!(clock.from_std(before), Instant::ORIGIN);
        }
    }
}
