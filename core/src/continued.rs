//! `Continued`: instants that go on across reboots, and what is known of the time between.
//!
//! Holds, leases, windows, breakers and backoffs live on [`Instant`]s. If those started again at zero, everything saved
//! would lie in the future, or look as young as the boot. So the clock of this boot goes on where the last one was heard
//! of, plus the time that the device was off, if somebody trustworthy knows it.
//!
//! ```text
//! last boot  ├──────────────●╌╌╌╌╌╌╌╌╌╌╌╌┼──────────────> the same axis
//!                     last persisted   base = last persisted + trusted offline time
//! ```

use crate::time::{Clock, Duration, Instant};

/// How long a device was off, as far as somebody trustworthy knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Offline {
    /// Nobody knows: nothing ages, nothing refills, no budget starts a new period.
    Unknown,
    /// At least so long: by a real-time clock that keeps its power, or authenticated network time. Rounded down, and
    /// without the drift that the clock may have.
    Trusted(Duration),
}

impl Offline {
    /// What may be counted as passed: nothing while unknown.
    pub const fn credit(self) -> Duration {
        match self {
            Self::Unknown => Duration::ZERO,
            Self::Trusted(span) => span,
        }
    }
}

/// A clock that goes on where the last boot was heard of.
///
/// # Example
/// ```
/// use tollgate::{Clock, Continued, Duration, Instant, ManualClock, Offline};
/// let ticks = ManualClock::new(Instant::from_millis(3)); // since the boot
///
/// // The last stamp in flash is from hour 5, and the real-time clock says that the power was off for 20 minutes.
/// let clock = Continued::new(&ticks, Instant::from_secs(5 * 3_600), Offline::Trusted(Duration::from_mins(20)));
/// assert_eq!(clock.now(), Instant::from_secs(5 * 3_600 + 1_200));
/// ticks.advance(Duration::from_secs(1));
/// assert_eq!(clock.now(), Instant::from_secs(5 * 3_600 + 1_201));
/// assert_eq!(clock.since_boot(), Duration::from_secs(1));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Continued<C> {
    clock: C,
    /// What the clock showed at the boot, and the instant that this was.
    first: Instant,
    base: Instant,
    offline: Offline,
}

impl<C: Clock> Continued<C> {
    /// Goes on from `last`, the latest instant that was persisted, and the time off; reads `clock` once.
    ///
    /// A first boot goes on from [`Instant::ORIGIN`]. Saturates at [`Instant::MAX`].
    pub fn new(clock: C, last: Instant, offline: Offline) -> Self {
        let first = clock.now();
        Self { clock, first, base: last.saturating_add(offline.credit()), offline }
    }

    /// How long ago this boot began.
    pub fn since_boot(&self) -> Duration {
        self.clock.now().saturating_since(self.first)
    }

    /// How long something was off that was saved at `saved`, on this clock: for images that are older than the stamp the
    /// clock goes on from.
    ///
    /// Unknown if the time off is; else all that lies between. A stamp ahead of the clock is as old as can be: no time
    /// has passed since.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Continued, Duration, Instant, ManualClock, Offline};
    /// let hour = |hours: u64| Instant::from_secs(hours * 3_600);
    /// let clock = Continued::new(ManualClock::default(), hour(5), Offline::Trusted(Duration::from_hours(2)));
    /// assert_eq!(clock.offline_since(hour(4)), Offline::Trusted(Duration::from_hours(3)));
    /// assert_eq!(clock.offline_since(hour(9)), Offline::Trusted(Duration::ZERO));
    /// ```
    pub fn offline_since(&self, saved: Instant) -> Offline {
        match self.offline {
            Offline::Unknown => Offline::Unknown,
            Offline::Trusted(_) => Offline::Trusted(self.now().saturating_since(saved)),
        }
    }
}

impl<C> Continued<C> {
    /// The instant at which this boot began.
    pub const fn base(&self) -> Instant {
        self.base
    }

    /// What was known of the time off.
    pub const fn offline(&self) -> Offline {
        self.offline
    }

    /// The clock of this boot.
    pub const fn clock(&self) -> &C {
        &self.clock
    }
}

/// A clock that goes back goes back here too: limiters know what to do with it.
impl<C: Clock> Clock for Continued<C> {
    fn now(&self) -> Instant {
        let shown = self.clock.now();
        self.base.saturating_add(shown.saturating_since(self.first)).saturating_sub(self.first.saturating_since(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    const S: fn(u64) -> Instant = Instant::from_secs;

    #[test]
    fn unknown_time_is_no_time() {
        let clock = Continued::new(ManualClock::new(S(7)), S(100), Offline::Unknown);
        assert_eq!((clock.now(), clock.base(), clock.since_boot()), (S(100), S(100), Duration::ZERO));
        assert_eq!(clock.offline_since(S(1)), Offline::Unknown);
    }

    #[test]
    fn a_clock_that_steps_back_is_not_hidden() {
        let ticks = ManualClock::new(S(7));
        let clock = Continued::new(&ticks, S(100), Offline::Trusted(Duration::from_secs(20)));
        for (shown, now) in [(7, 120), (9, 122), (6, 119), (0, 113)] {
            ticks.set(S(shown));
            assert_eq!(clock.now(), S(now), "shown {shown} s");
        }
    }

    #[test]
    fn the_end_of_time_is_the_end() {
        let clock = Continued::new(ManualClock::default(), Instant::MAX, Offline::Trusted(Duration::MAX));
        assert_eq!(clock.now(), Instant::MAX);
    }
}
