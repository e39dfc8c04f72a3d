//! `Ratio` and `Rounding`: exact multipliers, and the one place where a result is rounded.
//!
//! Multiply the ratios first and round once: 7 credits x 4/5 x 3/2 are 8.4; rounding to whole credits at each step
//! would make 7 of them.
//!
//! ```text
//! amount (64 bit) x num (32 bit) = 96 bit, divided by den (32 bit) in three 64 / 32 steps: quotient and remainder
//! ```
//!
//! No 128-bit number and no float; three 64-bit divisions, off every granting and refusing path.

use core::fmt;
use core::num::NonZeroU32;

use crate::amount::AmountError;
use crate::decimal::{self, DecimalError};
use crate::quota::gcd;

/// A fraction in lowest terms, each side at most 2^32 - 1; zero is allowed, and is 0/1.
///
/// # Example
/// ```
/// use tollgate::Ratio;
/// const FOUR_FIFTHS: Ratio = tollgate::valid!(Ratio::new(80, 100));
/// assert_eq!((FOUR_FIFTHS.num(), FOUR_FIFTHS.den()), (4, 5));
/// assert_eq!(FOUR_FIFTHS.times(Ratio::parse("1.5")?)?, Ratio::new(6, 5)?);
/// # Ok::<(), tollgate::RatioError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    num: u32,
    den: NonZeroU32,
}

/// Why a ratio cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RatioError {
    /// The denominator is zero.
    ZeroDenominator,
    /// In lowest terms, one side exceeds 2^32 - 1.
    TooLarge {
        /// The numerator in lowest terms.
        num: u64,
        /// The denominator in lowest terms.
        den: u64,
    },
    /// The text is neither a decimal nor a fraction of two whole numbers; in a fraction, bytes are counted per side.
    Text(DecimalError),
}

impl RatioError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::ZeroDenominator => "a ratio over 0: expected a denominator of at least 1",
            Self::TooLarge { .. } => "a ratio that does not fit: expected each side to be at most 2^32 - 1",
            Self::Text(error) => error.message(),
        }
    }
}

impl fmt::Display for RatioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { num, den } => {
                write!(f, "a ratio of {num}/{den} does not fit: expected each side to be at most {}", u32::MAX)
            }
            Self::Text(error) => write!(f, "not a ratio: {error}"),
            Self::ZeroDenominator => f.write_str(self.message()),
        }
    }
}

impl core::error::Error for RatioError {}

impl Ratio {
    /// One: changes nothing.
    pub const ONE: Self = Self { num: 1, den: NonZeroU32::MIN };

    /// `num / den`, reduced to lowest terms.
    ///
    /// # Errors
    /// [`RatioError::ZeroDenominator`]; [`RatioError::TooLarge`] if a side in lowest terms exceeds 2^32 - 1.
    pub const fn new(num: u64, den: u64) -> Result<Self, RatioError> {
        if den == 0 {
            return Err(RatioError::ZeroDenominator);
        }
        let common = gcd(num, den);
        let (num, den) = (num / common, den / common);
        if num > u32::MAX as u64 || den > u32::MAX as u64 {
            return Err(RatioError::TooLarge { num, den });
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        match NonZeroU32::new(den as u32) {
            Some(den) => Ok(Self { num: num as u32, den }),
            None => Err(RatioError::ZeroDenominator),
        }
    }

    /// Reads `"3/2"`, `"1.5"` or `"2"`; decimals have at most nine digits after the point.
    ///
    /// # Errors
    /// [`RatioError::Text`] naming what is not a number, or as [`new`](Self::new).
    pub const fn parse(text: &str) -> Result<Self, RatioError> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut rest = bytes;
        while let [byte, tail @ ..] = rest {
            if *byte == b'/'
                && let Some((num, _)) = bytes.split_at_checked(at)
            {
                return match (decimal::parse(num, 0), decimal::parse(tail, 0)) {
                    (Ok(num), Ok(den)) => Self::new(num, den),
                    (Err(error), _) | (_, Err(error)) => Err(RatioError::Text(error)),
                };
            }
            (rest, at) = (tail, at + 1);
        }
        match decimal::parse(bytes, 9) {
            Ok(billionths) => Self::new(billionths, 1_000_000_000),
            Err(error) => Err(RatioError::Text(error)),
        }
    }

    /// The numerator in lowest terms.
    pub const fn num(self) -> u32 {
        self.num
    }

    /// The denominator in lowest terms, at least 1.
    pub const fn den(self) -> u32 {
        self.den.get()
    }

    /// The product, exact and in lowest terms.
    ///
    /// # Errors
    /// [`RatioError::TooLarge`] if the product in lowest terms does not fit.
    pub const fn times(self, other: Self) -> Result<Self, RatioError> {
        Self::new(self.num as u64 * other.num as u64, self.den() as u64 * other.den() as u64)
    }

    /// `value x num / den`, rounded as said; the result may still exceed what an amount holds.
    pub(crate) const fn scale(self, value: u64, rounding: Rounding) -> Result<u64, AmountError> {
        match mul_div(value, self.num, self.den) {
            Some((quotient, rest)) => rounding.apply(quotient, rest, self.den()),
            None => Err(AmountError::Overflow),
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    /// By value: two 32 x 32 products.
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        let (mine, theirs) =
            (u64::from(self.num) * u64::from(other.den()), u64::from(other.num) * u64::from(self.den()));
        mine.cmp(&theirs)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::str::FromStr for Ratio {
    type Err = RatioError;

    fn from_str(text: &str) -> Result<Self, RatioError> {
        Self::parse(text)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Ratio {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}/{}", self.num, self.den.get());
    }
}

/// As text, `"3/2"`; read from any form that [`Ratio::parse`] reads.
#[cfg(feature = "serde")]
impl serde::Serialize for Ratio {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Ratio {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(decimal::TextVisitor {
            expecting: "a ratio as text, such as \"3/2\" or \"1.5\"",
            kind: core::marker::PhantomData,
        })
    }
}

/// Which whole micro-unit stands for what lies between two of them.
///
/// `Ceil` for a charge: the sum of what is charged is never below the sum of the exact prices, and each charge is less
/// than one micro-unit too high. `Floor` for a pro-rated refund and for what is shown as remaining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Rounding {
    /// Up: for a charge.
    Ceil,
    /// Down: for a refund, and for what is left.
    Floor,
    /// To the nearest, a half goes up.
    HalfUp,
    /// To the nearest, a half goes to the even neighbour, as banks do.
    HalfEven,
    /// Not at all: a remainder is an error.
    Exact,
}

impl Rounding {
    /// `quotient + rest / den` as a whole number; `rest` is below `den`.
    const fn apply(self, quotient: u64, rest: u32, den: u32) -> Result<u64, AmountError> {
        let (twice, den) = (rest as u64 * 2, den as u64);
        let up = match self {
            Self::Exact if rest > 0 => return Err(AmountError::Inexact),
            Self::Floor | Self::Exact => false,
            Self::Ceil => rest > 0,
            Self::HalfUp => twice >= den,
            Self::HalfEven => twice > den || (twice == den && quotient % 2 == 1),
        };
        match quotient.checked_add(up as u64) {
            Some(rounded) => Ok(rounded),
            None => Err(AmountError::Overflow),
        }
    }
}

/// `value x num / den` and what remains, exact; `None` if the quotient does not fit into 64 bits.
///
/// # Example
/// ```
/// use core::num::NonZeroU32;
/// let third = NonZeroU32::new(3).ok_or("zero")?;
/// assert_eq!(tollgate::mul_div(u64::MAX, 2, third), Some((12_297_829_382_473_034_410, 0)));
/// assert_eq!(tollgate::mul_div(u64::MAX, 4, third), None);
/// # Ok::<(), &str>(())
/// ```
pub const fn mul_div(value: u64, num: u32, den: NonZeroU32) -> Option<(u64, u32)> {
    const LOW: u64 = u32::MAX as u64;
    let (num, den) = (num as u64, den.get() as u64);
    // Cannot overflow: (2^32 - 1)^2 + 2^32 - 1 is below 2^64.
    let low = (value & LOW) * num;
    let high = (value >> 32) * num + (low >> 32);
    // Long division of the three 32-bit digits; each partial dividend is below den x 2^32.
    let top = high >> 32;
    if top >= den {
        return None;
    }
    let middle = (top << 32) | (high & LOW);
    let bottom = ((middle % den) << 32) | (low & LOW);
    #[expect(clippy::cast_possible_truncation, reason = "a remainder of a u32")]
    let rest = (bottom % den) as u32;
    Some((((middle / den) << 32) | (bottom / den), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_multiplied_first_and_rounded_once() {
        let chain = Ratio::new(4, 5).unwrap().times(Ratio::new(3, 2).unwrap()).unwrap();
        assert_eq!(chain.scale(7_000_000, Rounding::Exact), Ok(8_400_000));
    }

    #[test]
    fn ratios_are_reduced_or_refused() {
        assert_eq!(Ratio::new(0, 7), Ratio::new(0, 1));
        assert_eq!(Ratio::new(1, 0), Err(RatioError::ZeroDenominator));
        assert_eq!(Ratio::new(0, 0), Err(RatioError::ZeroDenominator));
        assert_eq!(Ratio::new(u64::MAX, u64::MAX), Ok(Ratio::ONE));
        assert_eq!(Ratio::new(1 << 32, 1), Err(RatioError::TooLarge { num: 1 << 32, den: 1 }));
        assert_eq!(Ratio::new(1 << 33, 2 << 32), Ok(Ratio::ONE));
        let (big, small) = (Ratio::new(u64::from(u32::MAX), 2).unwrap(), Ratio::new(3, 1).unwrap());
        assert_eq!(big.times(small), Err(RatioError::TooLarge { num: 12_884_901_885, den: 2 }));
        assert!(Ratio::new(1, 3).unwrap() < Ratio::new(1, 2).unwrap());
    }

    #[test]
    fn ratios_read_what_people_write() {
        for (text, expected) in [
            ("3/2", Ratio::new(3, 2)),
            ("1.5", Ratio::new(3, 2)),
            ("2", Ratio::new(2, 1)),
            ("0.8", Ratio::new(4, 5)),
            ("1/0", Err(RatioError::ZeroDenominator)),
            ("1/2/3", Err(RatioError::Text(DecimalError::NotADigit { found: b'/', at: 1 }))),
            ("/2", Err(RatioError::Text(DecimalError::Empty))),
            ("-1", Err(RatioError::Text(DecimalError::Sign))),
            ("0.0000000001", Err(RatioError::Text(DecimalError::TooManyDecimals { max: 9 }))),
        ] {
            assert_eq!(Ratio::parse(text), expected, "{text}");
        }
    }
}
