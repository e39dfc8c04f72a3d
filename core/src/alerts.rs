//! `Thresholds`: up to eight shares of a budget, each of which alerts once.
//!
//! ```text
//! used ──╱╲___╱───   fires at or above 75 %, then is silent; falls below 75 % less the hysteresis: armed again
//!  75 % ●    ●       fired alerts stay pending until somebody acknowledges them
//! ```
//! Compared by cross-multiplication in 96 bits: no division, no rounding, equality fires.

use core::fmt;

use crate::bounded::Counting;
use crate::ratio::Ratio;

/// Up to eight ascending shares of a budget's limit, with one hysteresis.
///
/// # Example
/// ```
/// use tollgate::{Ratio, Thresholds};
/// const STEPS: Thresholds = tollgate::valid!(Thresholds::percent(&[50, 75, 90, 100], 5));
/// assert_eq!(STEPS.get(1), Ratio::new(3, 4).ok());
/// assert_eq!(STEPS.iter().count(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Thresholds {
    shares: [Ratio; Self::MAX],
    len: u8,
    pub(crate) hysteresis: Ratio,
}

/// Why thresholds cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ThresholdError {
    /// There are more than eight.
    TooMany,
    /// One is zero, or not above the one before it.
    NotAscending {
        /// Its position.
        at: u8,
    },
    /// Together with the hysteresis it takes more than 32 bits to compare.
    TooFine {
        /// Its position.
        at: u8,
    },
}

impl ThresholdError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooMany => "more than 8 thresholds: expected at most 8",
            Self::NotAscending { .. } => "thresholds out of order: expected each above the one before, and above 0",
            Self::TooFine { .. } => "a threshold too fine for its hysteresis: expected smaller denominators",
        }
    }
}

impl fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => f.write_str(self.message()),
            Self::NotAscending { at } => write!(f, "threshold {at} is not above the one before it, or is 0"),
            Self::TooFine { at } => write!(f, "threshold {at} and the hysteresis have too large denominators"),
        }
    }
}

impl core::error::Error for ThresholdError {}

impl Thresholds {
    /// How many there may be.
    pub const MAX: usize = 8;
    /// None.
    pub const NONE: Self = {
        let zero = Ratio::ONE;
        Self { shares: [zero; Self::MAX], len: 0, hysteresis: zero }
    };

    /// These shares of the limit, ascending; above one is allowed and can only be reached by a lowered limit. An alert
    /// that has fired is armed again once the usage falls below its share less `hysteresis`, or at the next period.
    ///
    /// # Errors
    /// [`ThresholdError`], with the position.
    pub const fn new(shares: &[Ratio], hysteresis: Ratio) -> Result<Self, ThresholdError> {
        let mut kept = Self { hysteresis, ..Self::NONE };
        let (mut rest, mut below, mut len) = (shares, (0, 1), 0);
        let mut room: &mut [Ratio] = &mut kept.shares;
        while let [share, tail @ ..] = rest {
            let [slot, after @ ..] = room else { return Err(ThresholdError::TooMany) };
            let at = len;
            // a/b > c/d, exact in 64 bits.
            if share.num() as u64 * below.1 as u64 <= below.0 as u64 * share.den() as u64 {
                return Err(ThresholdError::NotAscending { at });
            }
            let fine = share.den() as u64 * hysteresis.den() as u64 > u32::MAX as u64;
            if fine || share.num() as u64 * hysteresis.den() as u64 > u32::MAX as u64 {
                return Err(ThresholdError::TooFine { at });
            }
            *slot = *share;
            below = (share.num(), share.den());
            (rest, room, len) = (tail, after, len + 1);
        }
        kept.len = len;
        Ok(kept)
    }

    /// The same in whole percent.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub const fn percent(shares: &[u32], hysteresis: u32) -> Result<Self, ThresholdError> {
        let mut ratios = [Ratio::ONE; Self::MAX];
        let (mut rest, mut room): (&[u32], &mut [Ratio]) = (shares, &mut ratios);
        while let [share, tail @ ..] = rest {
            let [slot, after @ ..] = room else { return Err(ThresholdError::TooMany) };
            *slot = percent(*share);
            (rest, room) = (tail, after);
        }
        match ratios.split_at_checked(shares.len()) {
            Some((ratios, _)) => Self::new(ratios, percent(hysteresis)),
            None => Err(ThresholdError::TooMany),
        }
    }

    /// The share at this position.
    pub fn get(&self, at: u8) -> Option<Ratio> {
        self.iter().nth(usize::from(at))
    }

    /// The shares, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Ratio> + '_ {
        self.shares.iter().copied().take(usize::from(self.len))
    }

    /// None.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them armed.
    pub(crate) const fn all(&self) -> u8 {
        match self.len {
            0 => 0,
            len => u8::MAX >> (8u8.wrapping_sub(len) & 7),
        }
    }

    /// Which of the `armed` fire now, and which are armed afterwards.
    ///
    /// Nothing used fires nothing, not even on a limit of zero.
    pub(crate) fn judge(&self, used: u64, cap: u64, armed: u8) -> (u8, u8) {
        let (mut fired, mut after) = (0, armed);
        for (at, share) in self.iter().numbered() {
            // There are at most eight.
            let bit = 1u8 << (at & 7);
            if armed & bit != 0 {
                if used > 0 && wide(used, share.den()) >= wide(cap, share.num()) {
                    fired |= bit;
                    after &= !bit;
                }
            } else if self.rearms(share, used, cap) {
                after |= bit;
            }
        }
        (fired, after)
    }

    /// `used < cap x (share - hysteresis)`; the products of the two fit 32 bits, as was checked when they were made.
    fn rearms(&self, share: Ratio, used: u64, cap: u64) -> bool {
        let product = |a: u32, b: u32| a.saturating_mul(b);
        let num = product(share.num(), self.hysteresis.den());
        let back = u64::from(self.hysteresis.num()) * u64::from(share.den());
        let num = u64::from(num).saturating_sub(back);
        let num = u32::try_from(num).unwrap_or(0);
        wide(used, product(share.den(), self.hysteresis.den())) < wide(cap, num)
    }
}

/// So many percent; a `u32` of them always fits a ratio.
const fn percent(share: u32) -> Ratio {
    match Ratio::new(share as u64, 100) {
        Ok(ratio) => ratio,
        Err(_) => Ratio::ONE,
    }
}

/// `a x b` in 96 bits: the upper 64 and the lower 32, so that two of them compare.
const fn wide(a: u64, b: u32) -> (u64, u32) {
    const LOW: u64 = u32::MAX as u64;
    let low = (a & LOW) * b as u64;
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let tail = low as u32;
    // Cannot overflow: (2^32 - 1)^2 + 2^32 - 1 is below 2^64.
    ((a >> 32) * b as u64 + (low >> 32), tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_fires_and_one_less_does_not() {
        let steps = Thresholds::percent(&[50, 75, 100], 5).unwrap();
        for (used, fired) in [(0, 0), (49, 0), (50, 1), (74, 1), (75, 3), (99, 3), (100, 7), (1_000, 7)] {
            assert_eq!(steps.judge(used, 100, 7).0, fired, "{used}");
        }
        // At the ends of the range, where a 64-bit product would wrap.
        let top = i64::MAX as u64;
        assert_eq!(steps.judge(top, top, 7), (7, 0));
        assert_eq!(steps.judge(top / 2, top, 7), (0, 7));
        assert_eq!(steps.judge(top / 2 + 1, top, 7), (1, 6));
        assert_eq!(steps.judge(0, 0, 7), (0, 7));
        assert_eq!(steps.judge(1, 0, 7), (7, 0));
    }

    #[test]
    fn it_is_armed_again_only_below_the_hysteresis() {
        let steps = Thresholds::percent(&[50, 75], 5).unwrap();
        for (used, armed) in [(75, 0), (70, 0), (69, 2), (45, 2), (44, 3), (0, 3)] {
            assert_eq!(steps.judge(used, 100, 0), (0, armed), "{used}");
        }
        let never = Thresholds::percent(&[5], 5).unwrap();
        assert_eq!(never.judge(0, 100, 0), (0, 0)); // not before the next period
    }

    #[test]
    fn constructors_reject_and_say_where() {
        assert_eq!(Thresholds::percent(&[50, 50], 0), Err(ThresholdError::NotAscending { at: 1 }));
        assert_eq!(Thresholds::percent(&[0], 0), Err(ThresholdError::NotAscending { at: 0 }));
        assert_eq!(Thresholds::percent(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 0), Err(ThresholdError::TooMany));
        let fine = Ratio::new(1, u64::from(u32::MAX)).unwrap();
        assert_eq!(Thresholds::new(&[fine], Ratio::new(1, 2).unwrap()), Err(ThresholdError::TooFine { at: 0 }));
        assert!(Thresholds::new(&[fine], Ratio::ONE).is_ok());
        assert_eq!(Thresholds::percent(&[1, 2, 3, 4, 5, 6, 7, 8], 0).unwrap().all(), 255);
        assert_eq!(Thresholds::NONE.all(), 0);
    }
}
