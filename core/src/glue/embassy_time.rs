//! `embassy-time` instants and durations, both ways, and its clock.
//!
//! Everything goes through ticks and `TICK_HZ`, because embassy's own nanoseconds wrap after nine years at 32 768 Hz.
//! Into tollgate: `From`, rounded down to a microsecond (the refusing direction for a stamp). Out of tollgate: `TryFrom`
//! where there is a tick that reads the same, and `to_embassy_ceil`, rounded up so that a sleep never ends early. At
//! embassy's default of 1 MHz all of them are free and exact.

use core::fmt;

use crate::ticks::TickRate;
use crate::time::{Clock, Duration, Instant};

const RATE: TickRate = match TickRate::reduced(embassy_time::TICK_HZ) {
    Some(rate) => rate,
    None => panic!("the tick rate of embassy-time is not a rate"),
};

/// The clock of `embassy-time`: one origin, usually the boot, for all.
///
/// It never goes back as long as the time driver does not. Needs the feature `embassy-time`; with `embassy-sync` too,
/// it wakes whoever waits for a `Shared` limiter.
///
/// # Example
/// ```no_run
/// use tollgate::embassy::EmbassyClock;
/// use tollgate::{Clocked, Instant, Quota, Start, TokenBucket};
/// let quota = tollgate::valid!(Quota::new(10, tollgate::Duration::from_secs(1)));
/// let mut limiter = Clocked::new(EmbassyClock, TokenBucket::new(quota, Start::Full, Instant::ORIGIN));
/// assert!(limiter.allow(3).is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EmbassyClock;

impl Clock for EmbassyClock {
    #[inline]
    fn now(&self) -> Instant {
        embassy_time::Instant::now().into()
    }
}

#[cfg(feature = "embassy-sync")]
impl crate::glue::embassy_sync::AlarmClock for EmbassyClock {
    fn wake_at(&self, at: Instant, waker: &core::task::Waker) {
        use core::future::Future;
        use core::pin::Pin;
        use core::task::Context;

        // A timer hands its waker to the time driver when it is polled for the first time, and keeps nothing itself.
        let mut timer = embassy_time::Timer::at(at.to_embassy_ceil());
        if Pin::new(&mut timer).poll(&mut Context::from_waker(waker)).is_ready() {
            waker.wake_by_ref();
        }
    }
}

/// No tick of `embassy-time` reads as this number of microseconds; `to_embassy_ceil` names the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BetweenTicks {
    /// Microseconds, of the instant since the origin or of the duration.
    pub micros: u64,
}

impl fmt::Display for BetweenTicks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} us: expected microseconds that a tick of {} Hz falls on", self.micros, embassy_time::TICK_HZ)
    }
}

impl core::error::Error for BetweenTicks {}

macro_rules! both_ways {
    ($($name:ident)*) => {$(
        impl From<embassy_time::$name> for $name {
            fn from(theirs: embassy_time::$name) -> Self {
                Self::from_ticks(theirs.as_ticks(), RATE)
            }
        }

        impl TryFrom<$name> for embassy_time::$name {
            type Error = BetweenTicks;

            fn try_from(ours: $name) -> Result<Self, Self::Error> {
                let theirs = ours.to_embassy_ceil();
                if $name::from(theirs) == ours { Ok(theirs) } else { Err(BetweenTicks { micros: ours.as_micros() }) }
            }
        }

        impl $name {
            /// The same for `embassy-time`, rounded up to a tick and saturating.
            ///
            /// Needs the feature `embassy-time`.
            pub const fn to_embassy_ceil(self) -> embassy_time::$name {
                embassy_time::$name::from_ticks(self.to_ticks_ceil(RATE))
            }
        }
    )*};
}

both_ways! { Instant Duration }

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: u64 = embassy_time::TICK_HZ;

    #[test]
    fn whole_seconds_are_whole_at_every_tick_rate() {
        for secs in [0, 1, 9 * 31_557_600, 500 * 31_557_600] {
            let theirs = embassy_time::Instant::from_ticks(secs * HZ);
            assert_eq!(Instant::from(theirs), Instant::from_secs(secs));
            assert_eq!(embassy_time::Instant::try_from(Instant::from_secs(secs)), Ok(theirs));
            let theirs = embassy_time::Duration::from_ticks(secs * HZ);
            assert_eq!(Duration::from(theirs), Duration::from_secs(secs));
            assert_eq!(embassy_time::Duration::try_from(Duration::from_secs(secs)), Ok(theirs));
        }
    }

    #[test]
    fn a_sleep_never_ends_early_and_a_stamp_is_never_late() {
        for micros in (0..10_000).chain([u64::MAX / 2, u64::MAX - 1]) {
            let ours = Instant::from_micros(micros);
            let tick = ours.to_embassy_ceil();
            assert!(Instant::from(tick) >= ours || tick == embassy_time::Instant::MAX);
            if let Some(before) = tick.as_ticks().checked_sub(1) {
                assert!(Instant::from(embassy_time::Instant::from_ticks(before)) < ours, "{micros}");
            }
        }
    }

    #[test]
    fn what_no_tick_reads_as_is_refused() {
        for micros in [0, 1, 31, 1_000_001, u64::MAX] {
            match embassy_time::Duration::try_from(Duration::from_micros(micros)) {
                Ok(theirs) => assert_eq!(Duration::from(theirs).as_micros(), micros),
                Err(refused) => assert_eq!(refused, BetweenTicks { micros }),
            }
        }
        let text = std::format!("{}", BetweenTicks { micros: 31 });
        assert_eq!(text, std::format!("31 us: expected microseconds that a tick of {HZ} Hz falls on"));
    }
}
