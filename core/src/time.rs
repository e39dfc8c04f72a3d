//! Time as an argument: microseconds in a `u64` that saturate.
//!
//! Nothing in this crate reads a clock. Every verb takes `now: Instant` first, and the [`Clock`] trait is the seam where
//! an adapter reads it, once per call ([`Clocked`](crate::Clocked) here, `tollgate-std` on servers).
//!
//! A microsecond because a `u64` of them spans 584 000 years, because radio airtime is exact in them, and because
//! `burst x period` then has a thousandfold more headroom than in nanoseconds.
//!
//! ```text
//! origin (boot, or whatever the caller chose)
//! |----------------------------|------------------> Instant, only ever compared and subtracted
//!                              now                  Duration = Instant - Instant, never negative
//! ```

use core::cell::Cell;
use core::fmt;

use crate::ticks::TickRate;

/// A point in time: microseconds since an origin that the caller chose, usually the boot.
///
/// Arithmetic saturates at both ends. [`Instant::MAX`] means "not within the range of time": no limiter promises
/// anything there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Instant(u64);

/// A span of time in whole microseconds, never negative.
///
/// Constructors in larger units saturate at [`Duration::MAX`] (584 000 years).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Duration(u64);

impl Instant {
    /// The origin.
    pub const ORIGIN: Self = Self(0);
    /// The end of the range; as an answer it means "never within the range of time".
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `micros` microseconds after the origin.
    #[inline]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the origin; saturates.
    #[inline]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// The instant `secs` seconds after the origin; saturates.
    #[inline]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// The instant at which a counter of the given rate showed `ticks`: exact, rounded down to a microsecond.
    ///
    /// Rounding a stamp down is the refusing direction for everything that accrues. Saturates after 584 000 years,
    /// whatever the rate.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Instant, TickRate};
    /// let rtc = TickRate::HZ_32768;
    /// assert_eq!(Instant::from_ticks(32_768, rtc), Instant::from_secs(1));
    /// assert_eq!(Instant::from_ticks(1, rtc), Instant::from_micros(30)); // 30.517... us
    /// ```
    #[inline]
    pub const fn from_ticks(ticks: u64, rate: TickRate) -> Self {
        Self(rate.ticks_to_micros(ticks))
    }

    /// Microseconds since the origin.
    #[inline]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the origin, rounded down.
    #[inline]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds since the origin, rounded down.
    #[inline]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The first tick at which this instant has been reached (rounded up), so that a timer set to it never fires early.
    ///
    /// Saturates at `u64::MAX` ticks.
    #[inline]
    pub const fn to_ticks_ceil(self, rate: TickRate) -> u64 {
        rate.micros_to_ticks_ceil(self.0)
    }

    /// `self + span`, or [`Instant::MAX`].
    #[must_use]
    #[inline]
    pub const fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// `self - span`, or the origin.
    #[must_use]
    #[inline]
    pub const fn saturating_sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long ago `earlier` was, or zero if it lies ahead: time that goes back has not passed.
    #[must_use]
    #[inline]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// How long ago `earlier` was, or `None` if it lies ahead.
    #[inline]
    pub const fn checked_since(self, earlier: Self) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(micros) => Some(Duration(micros)),
            None => None,
        }
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span; as a patience it means "however long it takes".
    pub const MAX: Self = Self(u64::MAX);

    /// `micros` microseconds.
    #[inline]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// `millis` milliseconds; saturates.
    #[inline]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// `secs` seconds; saturates.
    #[inline]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// `mins` minutes; saturates.
    #[inline]
    pub const fn from_mins(mins: u64) -> Self {
        Self(mins.saturating_mul(60_000_000))
    }

    /// `hours` hours; saturates.
    #[inline]
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours.saturating_mul(3_600_000_000))
    }

    /// `days` days of 24 hours; saturates. Calendar days, which may have 23 or 25, are not a `Duration`.
    #[inline]
    pub const fn from_days(days: u64) -> Self {
        Self(days.saturating_mul(86_400_000_000))
    }

    /// The span of `ticks` at the given rate: exact, rounded down to a microsecond; saturates after 584 000 years.
    #[inline]
    pub const fn from_ticks(ticks: u64, rate: TickRate) -> Self {
        Self(rate.ticks_to_micros(ticks))
    }

    /// Microseconds.
    #[inline]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    #[inline]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds, rounded down.
    #[inline]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds, rounded up: what a `Retry-After` header says.
    #[inline]
    pub const fn to_secs_ceil(self) -> u64 {
        self.0.div_ceil(1_000_000)
    }

    /// Ticks that cover this span (rounded up), so that a sleep of them never ends early. Saturates.
    #[inline]
    pub const fn to_ticks_ceil(self, rate: TickRate) -> u64 {
        rate.micros_to_ticks_ceil(self.0)
    }

    /// Whether this is no time at all.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `self + other`, or [`Duration::MAX`].
    #[must_use]
    #[inline]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self - other`, or zero.
    #[must_use]
    #[inline]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self x times`, or [`Duration::MAX`].
    #[must_use]
    #[inline]
    pub const fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

/// `12.000345 s`: seconds with six decimals, exact.
fn write_secs(micros: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_secs(self.0, f)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_secs(self.0, f)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_secs(self.0, f)
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_secs(self.0, f)
    }
}

/// Rounds to whole microseconds, down: rounding a stamp or a span down is the refusing direction for accrual.
impl From<core::time::Duration> for Duration {
    fn from(span: core::time::Duration) -> Self {
        Self(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Duration> for core::time::Duration {
    fn from(span: Duration) -> Self {
        Self::from_micros(span.0)
    }
}

/// Where the time comes from.
///
/// An implementor promises nothing: limiters treat a stamp that repeats, jumps or goes back as ordinary input. A clock
/// that is monotonic simply loses no refill.
///
/// # Example
/// ```
/// use tollgate::{Clock, Instant, TickRate};
///
/// /// The 32 768 Hz counter of a real-time clock.
/// struct Rtc;
///
/// impl Clock for Rtc {
///     fn now(&self) -> Instant {
///         let ticks = 65_536; // read the register here
///         Instant::from_ticks(ticks, TickRate::HZ_32768)
///     }
/// }
/// assert_eq!(Rtc.now(), Instant::from_secs(2));
/// ```
pub trait Clock {
    /// The current instant.
    fn now(&self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// A clock that moves only when told, for tests and simulations.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration, Instant, ManualClock};
/// let clock = ManualClock::new(Instant::ORIGIN);
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Instant::from_secs(5));
/// clock.set(Instant::from_secs(2)); // clocks do go back
/// assert_eq!(clock.now(), Instant::from_secs(2));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Cell<Instant>);

impl ManualClock {
    /// A clock that shows `now` until it is moved.
    #[inline]
    pub const fn new(now: Instant) -> Self {
        Self(Cell::new(now))
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Instant) {
        self.0.set(now);
    }

    /// Moves the clock forward; saturates at [`Instant::MAX`].
    pub fn advance(&self, by: Duration) {
        self.0.set(self.0.get().saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        self.0.get()
    }
}
