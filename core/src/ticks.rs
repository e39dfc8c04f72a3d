//! Tick counters: any rate from 1 Hz to 4 GHz to microseconds and back, and a 32-bit counter made long.
//!
//! A conversion multiplies the reduced fraction `1 000 000 / hz` in two 64-bit steps, so it is exact, cannot overflow
//! before the microseconds themselves do, and needs no 128-bit arithmetic. It costs one or two 64-bit divisions, once
//! per clock reading; a counter at 1 MHz is free (`Instant::from_micros`).

use core::num::NonZeroU32;

/// Microseconds in a second: the resolution of [`Instant`](crate::Instant).
const MICROS: u32 = 1_000_000;

/// How fast a counter ticks: a whole number of hertz, at least one.
///
/// # Example
/// ```
/// use tollgate::{Duration, TickRate};
/// const SYSTICK: TickRate = tollgate::valid!(TickRate::hz(12_500_000));
/// assert_eq!(Duration::from_ticks(25, SYSTICK), Duration::from_micros(2));
/// assert_eq!(Duration::from_micros(2).to_ticks_ceil(SYSTICK), 25);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TickRate {
    /// `micros_num / ticks_den` is `1 000 000 / hz` in lowest terms.
    micros_num: NonZeroU32,
    ticks_den: NonZeroU32,
}

/// Zero hertz is not a rate: time would stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ZeroHertz;

impl ZeroHertz {
    /// What is wrong, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        "a tick rate of 0 Hz: expected at least 1 Hz"
    }
}

impl core::fmt::Display for ZeroHertz {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ZeroHertz {}

impl TickRate {
    /// One tick a second.
    pub const HZ_1: Self = crate::valid!(Self::hz(1));
    /// One tick a millisecond.
    pub const KHZ_1: Self = crate::valid!(Self::hz(1_000));
    /// A watch crystal.
    pub const HZ_32768: Self = crate::valid!(Self::hz(32_768));
    /// One tick a microsecond; embassy's default.
    pub const MHZ_1: Self = crate::valid!(Self::hz(1_000_000));

    /// A counter of `hz` ticks a second.
    ///
    /// # Errors
    /// [`ZeroHertz`] for zero.
    pub const fn hz(hz: u32) -> Result<Self, ZeroHertz> {
        match Self::reduced(hz as u64) {
            Some(rate) => Ok(rate),
            None => Err(ZeroHertz),
        }
    }

    /// Also above 4 GHz, where the rate has enough factors in common with a million; `None` for zero and for the rest.
    pub(crate) const fn reduced(hz: u64) -> Option<Self> {
        if hz == 0 {
            return None;
        }
        let common = crate::quota::gcd(hz, MICROS as u64);
        match (narrow(MICROS as u64 / common), narrow(hz / common)) {
            (Some(micros_num), Some(ticks_den)) => Some(Self { micros_num, ticks_den }),
            _ => None,
        }
    }

    /// `floor(ticks x 1 000 000 / hz)`, saturating.
    pub(crate) const fn ticks_to_micros(self, ticks: u64) -> u64 {
        let (num, den) = (self.micros_num.get() as u64, self.ticks_den.get() as u64);
        // The remainder is below 2^32 and `num` is at most 10^6, so the second product fits.
        (ticks / den).saturating_mul(num).saturating_add(ticks % den * num / den)
    }

    /// `ceil(micros x hz / 1 000 000)`, saturating.
    pub(crate) const fn micros_to_ticks_ceil(self, micros: u64) -> u64 {
        let (num, den) = (self.micros_num.get() as u64, self.ticks_den.get() as u64);
        (micros / num).saturating_mul(den).saturating_add((micros % num * den).div_ceil(num))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "looked at before")]
const fn narrow(value: u64) -> Option<NonZeroU32> {
    if value > u32::MAX as u64 { None } else { NonZeroU32::new(value as u32) }
}

/// Extends a 32-bit tick counter to 64 bits, through every wrap.
///
/// It must be shown the counter **at least once in every half range** (24.8 days of milliseconds, 35 minutes of
/// microseconds): a longer silence is indistinguishable from a shorter one. A reading up to half a range behind the
/// latest is taken as old (two cores, an interrupt that read first): it is answered where it belongs and moves nothing.
///
/// ```text
/// counter  0xFFFF_FFF0   0xFFFF_FFFF  0x0000_0000   0x0000_0010
/// extended 4294967280    4294967295   4294967296    4294967312
/// ```
///
/// # Example
/// ```
/// use tollgate::{Instant, TickRate, Wrapping32};
/// let mut millis = Wrapping32::default();
/// millis.extend(0xE000_0000); // whatever it shows at first
/// assert_eq!(millis.extend(5), (1 << 32) + 5); // wrapped after 49.7 days, and time goes on
/// assert_eq!(millis.extend(u32::MAX), u64::from(u32::MAX)); // an old reading
/// let now = Instant::from_ticks(millis.extend(6), TickRate::KHZ_1);
/// assert_eq!(now.as_millis(), (1 << 32) + 6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wrapping32 {
    /// `None` before the first reading, which may be anything: not every counter starts at zero at the boot.
    latest: Option<u64>,
}

impl Wrapping32 {
    /// A counter that stands at `ticks`, for instance one restored after a reboot.
    pub const fn starting_at(ticks: u64) -> Self {
        Self { latest: Some(ticks) }
    }

    /// The 64-bit reading that `counter` stands for; never panics, saturates at both ends. The first reading stands for
    /// itself.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what the counter shows")]
    pub const fn extend(&mut self, counter: u32) -> u64 {
        let Some(latest) = self.latest else {
            self.latest = Some(counter as u64);
            return counter as u64;
        };
        let ahead = counter.wrapping_sub(latest as u32);
        if ahead < 1 << 31 {
            let now = latest.saturating_add(ahead as u64);
            self.latest = Some(now);
            now
        } else {
            latest.saturating_sub(ahead.wrapping_neg() as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Duration, Instant};

    /// (hz, ticks, microseconds rounded down)
    const TABLE: [(u32, u64, u64); 14] = [
        (1, 1, 1_000_000),
        (1, 31_557_600_000, 31_557_600_000_000_000), // 1000 years
        (7, 3, 428_571),
        (1_000, 1, 1_000),
        (32_768, 1, 30),
        (32_768, 32_767, 999_969),
        (32_768, 32_768, 1_000_000),
        (1_000_000, u64::MAX, u64::MAX),
        (12_500_000, 25, 2),
        (16_000_000, 15, 0),
        (16_000_000, 16, 1),
        (1_000_000_000, 999, 0),
        (1_000_000_000, u64::MAX, 18_446_744_073_709_551),
        (u32::MAX, u32::MAX as u64, 1_000_000),
    ];

    #[test]
    fn ticks_convert_exactly() {
        for (hz, ticks, micros) in TABLE {
            let rate = TickRate::hz(hz).unwrap();
            assert_eq!(Instant::from_ticks(ticks, rate).as_micros(), micros, "{ticks} at {hz} Hz");
            assert_eq!(Duration::from_ticks(ticks, rate).as_micros(), micros, "{ticks} at {hz} Hz");
        }
    }

    #[test]
    fn five_hundred_years_fit_at_every_common_rate() {
        const YEARS_500: u64 = 500 * 31_557_600; // seconds
        for hz in [1, 1_000, 32_768, 1_000_000, 16_000_000, 1_000_000_000] {
            let rate = TickRate::hz(hz).unwrap();
            let ticks = YEARS_500 * u64::from(hz);
            assert_eq!(Instant::from_ticks(ticks, rate), Instant::from_secs(YEARS_500), "{hz} Hz");
            assert_eq!(Instant::from_secs(YEARS_500).to_ticks_ceil(rate), ticks, "{hz} Hz");
        }
    }

    #[test]
    fn zero_hertz_is_refused() {
        assert_eq!(TickRate::hz(0), Err(ZeroHertz));
    }

    #[test]
    fn a_rate_above_32_bits_is_exact_or_refused() {
        let rate = TickRate::reduced(5_242_880_000).unwrap();
        assert_eq!(Instant::from_ticks(5_242_880_000 * 3 + 5_243, rate), Instant::from_micros(3_000_001));
        assert_eq!(Instant::from_ticks(5_242, rate), Instant::ORIGIN);
        assert_eq!((TickRate::reduced(u64::MAX), TickRate::reduced(0)), (None, None));
    }

    #[test]
    fn a_timer_set_by_ticks_never_fires_early() {
        let rate = TickRate::HZ_32768;
        for micros in 0..100_000 {
            let ticks = Instant::from_micros(micros).to_ticks_ceil(rate);
            assert!(ticks * 1_000_000 >= micros * 32_768);
            assert!(ticks == 0 || (ticks - 1) * 1_000_000 < micros * 32_768);
        }
    }

    #[test]
    fn a_wrapping_counter_goes_on_for_years() {
        let mut counter = Wrapping32::default();
        let mut truth: u64 = 0;
        for step in [1, 0x7FFF_FFFF, 12, 0x7FFF_FFFF, 0x7FFF_FFFF, 0, 5] {
            truth += step;
            #[expect(clippy::cast_possible_truncation, reason = "what a 32-bit counter does")]
            let shown = truth as u32;
            assert_eq!(counter.extend(shown), truth);
        }
    }

    #[test]
    fn an_old_reading_moves_nothing() {
        let mut counter = Wrapping32::starting_at(1 << 40);
        assert_eq!(counter.extend(u32::MAX), (1 << 40) - 1);
        assert_eq!(counter.extend(0), 1 << 40);
        let mut fresh = Wrapping32::starting_at(0);
        assert_eq!(fresh.extend(u32::MAX), 0, "before the origin there is nothing");
    }

    #[test]
    fn a_counter_that_runs_since_before_the_boot_is_taken_as_it_is() {
        for first in [0, 1 << 31, 0xF000_0000, u32::MAX] {
            let mut counter = Wrapping32::default();
            assert_eq!(counter.extend(first), u64::from(first));
            assert_eq!(counter.extend(first.wrapping_add(9)), u64::from(first) + 9);
        }
    }
}
