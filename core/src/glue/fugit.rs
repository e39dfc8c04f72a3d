//! `fugit` durations and instants, both ways, for RTIC users who write `500u64.millis()`.
//!
//! Into tollgate: `From`, any tick, rounded down to a microsecond (the refusing direction for a stamp). Out of tollgate:
//! `From` where nothing is lost, `TryFrom` where it may not fit, and `to_fugit_ceil` for any other tick, rounded up so
//! that a sleep never ends early.

use crate::quota::{gcd, mul_div};
use crate::time::{Duration, Instant};

type Span<T, const NOM: u64, const DENOM: u64> = fugit::Duration<T, NOM, DENOM>;
/// Only instants that do not wrap; a wrapping counter goes through [`Wrapping32`](crate::Wrapping32).
type Stamp<T, const NOM: u64, const DENOM: u64> = fugit::Instant<T, NOM, DENOM, fugit::kind::Monotonic>;

/// `floor(ticks x num / den)`, saturating; a denominator of zero, which fugit cannot compute with either, is no time.
const fn scale(ticks: u64, num: u64, den: u64) -> u64 {
    if den == 0 {
        return 0;
    }
    if den == 1 {
        return ticks.saturating_mul(num);
    }
    if den > crate::quota::MAX_FULL {
        return 0;
    }
    match mul_div(ticks, num, den) {
        Some((quotient, _)) => quotient,
        None => u64::MAX,
    }
}

/// A tick of `nom / denom` seconds as a fraction of microseconds, reduced.
const fn micros_per_tick(nom: u64, denom: u64) -> (u64, u64) {
    let common = gcd(nom, denom);
    if common == 0 {
        return (0, 0);
    }
    let (nom, denom) = (nom / common, denom / common);
    let common = gcd(1_000_000, denom);
    (nom.saturating_mul(1_000_000 / common), denom / common)
}

const fn to_micros<const NOM: u64, const DENOM: u64>(ticks: u64) -> u64 {
    let (num, den) = const { micros_per_tick(NOM, DENOM) };
    scale(ticks, num, den)
}

const fn from_micros_ceil<const NOM: u64, const DENOM: u64>(micros: u64) -> u64 {
    let (num, den) = const { micros_per_tick(NOM, DENOM) };
    if num == 0 || num > crate::quota::MAX_FULL {
        return u64::MAX;
    }
    match mul_div(micros, den, num) {
        Some((ticks, rest)) => ticks.saturating_add((rest > 0) as u64),
        None => u64::MAX,
    }
}

macro_rules! both_ways {
    ($($ours:ident, $theirs:ident;)*) => {$(
        impl<const NOM: u64, const DENOM: u64> From<$theirs<u32, NOM, DENOM>> for $ours {
            fn from(theirs: $theirs<u32, NOM, DENOM>) -> Self {
                $ours::from_micros(to_micros::<NOM, DENOM>(u64::from(theirs.as_ticks())))
            }
        }

        impl<const NOM: u64, const DENOM: u64> From<$theirs<u64, NOM, DENOM>> for $ours {
            fn from(theirs: $theirs<u64, NOM, DENOM>) -> Self {
                $ours::from_micros(to_micros::<NOM, DENOM>(theirs.as_ticks()))
            }
        }

        impl From<$ours> for $theirs<u64, 1, 1_000_000> {
            fn from(ours: $ours) -> Self {
                Self::from_ticks(ours.as_micros())
            }
        }

        impl TryFrom<$ours> for $theirs<u32, 1, 1_000_000> {
            type Error = core::num::TryFromIntError;

            fn try_from(ours: $ours) -> Result<Self, Self::Error> {
                u32::try_from(ours.as_micros()).map(Self::from_ticks)
            }
        }

        impl $ours {
            /// The same in `fugit`, in ticks of `NOM / DENOM` seconds, rounded up and saturating.
            ///
            /// Needs the feature `fugit`.
            pub const fn to_fugit_ceil<const NOM: u64, const DENOM: u64>(
                self,
            ) -> $theirs<u64, NOM, DENOM> {
                $theirs::<u64, NOM, DENOM>::from_ticks(from_micros_ceil::<NOM, DENOM>(self.as_micros()))
            }
        }
    )*};
}

both_ways! {
    Duration, Span;
    Instant, Stamp;
}

#[cfg(test)]
mod tests {
    use super::*;
    use fugit::{ExtU32, ExtU64};

    #[test]
    fn ticks_become_microseconds() {
        let millis: fugit::MillisDurationU64 = 500u64.millis();
        assert_eq!(Duration::from(millis), Duration::from_millis(500));
        let minutes: fugit::MinutesDurationU32 = 3u32.minutes();
        assert_eq!(Duration::from(minutes), Duration::from_mins(3));
        assert_eq!(
            Duration::from(fugit::Duration::<u64, 1, 32_768>::from_ticks(32_769)),
            Duration::from_micros(1_000_030)
        );
        assert_eq!(
            Duration::from(fugit::Duration::<u64, 1, 1_000_000_000>::from_ticks(1_999)),
            Duration::from_micros(1)
        );
        assert_eq!(Instant::from(Stamp::<u32, 1, 1_000>::from_ticks(u32::MAX)).as_millis(), u64::from(u32::MAX));
        assert_eq!(Duration::from(fugit::Duration::<u64, 3_600, 1>::from_ticks(u64::MAX)), Duration::MAX);
    }

    #[test]
    fn microseconds_become_ticks_and_never_early() {
        let exact: fugit::MicrosDurationU64 = Duration::from_micros(u64::MAX).into();
        assert_eq!(exact.as_ticks(), u64::MAX);
        assert_eq!(fugit::MicrosDurationU32::try_from(Duration::from_secs(4)).map(|d| d.as_ticks()), Ok(4_000_000));
        assert!(fugit::MicrosDurationU32::try_from(Duration::from_secs(5_000)).is_err());
        assert_eq!(Duration::from_micros(1).to_fugit_ceil::<1, 1_000>().as_ticks(), 1);
        assert_eq!(Duration::from_micros(1_000).to_fugit_ceil::<1, 1_000>().as_ticks(), 1);
        assert_eq!(Instant::from_secs(2).to_fugit_ceil::<1, 32_768>().as_ticks(), 65_536);
        assert_eq!(Instant::MAX.to_fugit_ceil::<1, 1_000_000_000>().as_ticks(), u64::MAX);
    }

    #[test]
    fn a_round_trip_keeps_every_microsecond() {
        for micros in [0, 1, 999, 1_000_001, u64::MAX] {
            let there: Stamp<u64, 1, 1_000_000> = Instant::from_micros(micros).into();
            assert_eq!(Instant::from(there).as_micros(), micros);
        }
    }
}
