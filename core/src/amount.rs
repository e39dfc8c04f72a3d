//! `Amount`: money, credits, airtime or bytes in whole millionths of a unit, exact and checked.
//!
//! A count for budgets and prices; the cost of a rate limiter is a plain `u64` of its own units.
//! Eight bytes. Every operation that could leave the range says so and changes nothing; a charge never saturates.
//!
//! ```text
//! "2.40"  <->  2 400 000 millionths      0 ..= 2^63 - 1, so that every difference fits an i64
//! ```
//!
//! Millionths because every multiplier and unit price of the source documents is exact in them; finer prices, such as
//! dollars per token, are [`Ratio`]s and are rounded once.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::decimal::{self, DecimalError};
use crate::ratio::{Ratio, Rounding};
use crate::time::Duration;
use crate::unit::Airtime;

/// How much of a unit, in millionths of it: 0 to 2^63 - 1 of them, that is up to 9.2 x 10^12 whole units.
///
/// Amounts of different units do not mix:
///
/// ```compile_fail,E0308
/// use tollgate::{Amount, Credits, Usd};
/// let credits: Amount<Credits> = Amount::whole(5);
/// let dollars: Amount<Usd> = Amount::whole(5);
/// credits.checked_add(dollars); // credits are not dollars
/// ```
///
/// **Text.** [`parse`](Self::parse) reads `2.40`. `{}` writes the shortest exact decimal, without the unit, which the
/// type tells: `2.4`. `{:.2}` writes two decimals, **cut and not rounded**, so that nothing is shown that is not there:
/// `2.40`; take [`rounded`](Self::rounded) first where a price is to be shown rounded up. There are never more than six.
///
/// # Example
/// ```
/// use tollgate::{Amount, Ratio, Rounding, Usd};
/// const BUDGET: Amount<Usd> = tollgate::valid!(Amount::parse("0.30"));
/// const JOB: Amount<Usd> = tollgate::valid!(Amount::parse("0.1"));
///
/// let mut left = BUDGET;
/// for _ in 0..3 {
///     left = left.checked_sub(JOB).ok_or("too little left")?; // three times exactly, unlike 0.3 - 0.1 - 0.1 - 0.1
/// }
/// assert_eq!(left, Amount::ZERO);
/// assert_eq!(BUDGET.times(Ratio::new(1, 7)?, Rounding::Ceil)?.as_micros(), 42_858);
/// assert_eq!(format!("{BUDGET} {BUDGET:.2} {BUDGET:.0}"), "0.3 0.30 0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Amount<U> {
    micros: u64,
    // A function pointer, so that an amount is Send and Sync whatever its tag is.
    unit: PhantomData<fn() -> U>,
}

/// Why an amount could not be computed. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AmountError {
    /// The result would exceed 2^63 - 1 millionths.
    Overflow,
    /// There is a remainder, and [`Rounding::Exact`] allows none.
    Inexact,
}

impl AmountError {
    /// What is wrong, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::Overflow => "an amount that is too large: expected at most 9223372036854.775807",
            Self::Inexact => "an amount between two millionths: expected a rounding, or a product without remainder",
        }
    }
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for AmountError {}

const MICROS: u64 = 1_000_000;

impl<U> Amount<U> {
    /// Nothing.
    pub const ZERO: Self = Self::raw(0);
    /// The most: 2^63 - 1 millionths, 9 223 372 036 854.775807 units.
    pub const MAX: Self = Self::raw(i64::MAX as u64);

    const fn raw(micros: u64) -> Self {
        Self { micros, unit: PhantomData }
    }

    const fn checked(micros: Option<u64>) -> Option<Self> {
        match micros {
            Some(micros) if micros <= Self::MAX.micros => Some(Self::raw(micros)),
            _ => None,
        }
    }

    /// So many whole units; always in range.
    pub const fn whole(units: u32) -> Self {
        Self::raw(units as u64 * MICROS)
    }

    /// So many whole units, of which there may be more than a `u32` holds.
    ///
    /// # Errors
    /// [`AmountError::Overflow`] above 9 223 372 036 854 units.
    pub const fn from_whole(units: u64) -> Result<Self, AmountError> {
        match Self::checked(units.checked_mul(MICROS)) {
            Some(amount) => Ok(amount),
            None => Err(AmountError::Overflow),
        }
    }

    /// So many millionths.
    ///
    /// # Errors
    /// [`AmountError::Overflow`] above 2^63 - 1.
    pub const fn from_micros(micros: u64) -> Result<Self, AmountError> {
        match Self::checked(Some(micros)) {
            Some(amount) => Ok(amount),
            None => Err(AmountError::Overflow),
        }
    }

    /// Reads a decimal of whole units, such as `2.40`: digits, and perhaps a point and up to six more. No sign, no
    /// exponent, no separators, no blanks.
    ///
    /// # Errors
    /// [`DecimalError`], naming what was found. Decimals beyond the sixth are refused even where they are zero.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Amount, DecimalError, Usd};
    /// assert_eq!(Amount::<Usd>::parse("2.40")?.as_micros(), 2_400_000);
    /// assert_eq!(Amount::<Usd>::parse("-1"), Err(DecimalError::Sign));
    /// assert_eq!(Amount::<Usd>::parse("0.0000001"), Err(DecimalError::TooManyDecimals { max: 6 }));
    /// # Ok::<(), DecimalError>(())
    /// ```
    pub const fn parse(text: &str) -> Result<Self, DecimalError> {
        match decimal::parse(text.as_bytes(), 6) {
            Ok(micros) if micros <= Self::MAX.micros => Ok(Self::raw(micros)),
            Ok(_) => Err(DecimalError::Overflow),
            Err(error) => Err(error),
        }
    }

    /// Millionths of the unit.
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// Whole units, rounded down.
    pub const fn to_whole_floor(self) -> u64 {
        self.micros / MICROS
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.micros == 0
    }

    /// `self + other`, or `None` above [`MAX`](Self::MAX).
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::checked(self.micros.checked_add(other.micros))
    }

    /// `self - other`, or `None` below zero.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        Self::checked(self.micros.checked_sub(other.micros))
    }

    /// `self x count`, or `None` above [`MAX`](Self::MAX).
    pub const fn checked_mul(self, count: u64) -> Option<Self> {
        Self::checked(self.micros.checked_mul(count))
    }

    /// What is left of `self` after `other`, or nothing: for what is shown, not for a charge.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self::raw(self.micros.saturating_sub(other.micros))
    }

    /// `self - other` in millionths, with a sign: for reports. Always fits.
    pub const fn signed_diff(self, other: Self) -> i64 {
        self.micros.cast_signed().wrapping_sub(other.micros.cast_signed())
    }

    /// `self x ratio`, rounded once, as said.
    ///
    /// Multiply a chain of ratios first ([`Ratio::times`]) and the result is rounded once as a whole.
    ///
    /// # Errors
    /// [`AmountError::Overflow`] above [`MAX`](Self::MAX); [`AmountError::Inexact`] under [`Rounding::Exact`] with a
    /// remainder.
    pub const fn times(self, ratio: Ratio, rounding: Rounding) -> Result<Self, AmountError> {
        self.convert(ratio, rounding)
    }

    /// `self x price` in another unit, where `price` is in units of `V` for one of `U`; rounded once.
    ///
    /// # Errors
    /// As [`times`](Self::times).
    ///
    /// # Example
    /// ```
    /// use tollgate::{Amount, Credits, Ratio, Rounding, Usd};
    /// let credits: Amount<Credits> = Amount::whole(40);
    /// let package = Ratio::new(120, 2_000)?; // 120 dollars for 2000 credits
    /// let price: Amount<Usd> = credits.convert(package, Rounding::Ceil)?;
    /// assert_eq!(format!("{price:.2}"), "2.40");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn convert<V>(self, price: Ratio, rounding: Rounding) -> Result<Amount<V>, AmountError> {
        match price.scale(self.micros, rounding) {
            Ok(micros) => Amount::from_micros(micros),
            Err(error) => Err(error),
        }
    }

    /// This amount with so many decimals: 2 for cents, 0 for whole units, 6 or more for no change.
    ///
    /// # Errors
    /// [`AmountError::Overflow`] if rounding up leaves the range; [`AmountError::Inexact`] under [`Rounding::Exact`].
    ///
    /// # Example
    /// ```
    /// use tollgate::{Amount, Credits, Rounding};
    /// let exact: Amount<Credits> = Amount::parse("37.5")?;
    /// assert_eq!(exact.rounded(0, Rounding::Ceil)?, Amount::whole(38));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn rounded(self, decimals: u8, rounding: Rounding) -> Result<Self, AmountError> {
        let step: u32 = match decimals {
            0 => 1_000_000,
            1 => 100_000,
            2 => 10_000,
            3 => 1_000,
            4 => 100,
            5 => 10,
            _ => 1,
        };
        match Ratio::new(1, step as u64) {
            Ok(part) => match self.times(part, rounding) {
                Ok(steps) => match steps.checked_mul(step as u64) {
                    Some(amount) => Ok(amount),
                    None => Err(AmountError::Overflow),
                },
                Err(error) => Err(error),
            },
            Err(_) => Ok(self),
        }
    }
}

impl From<Amount<Airtime>> for Duration {
    fn from(airtime: Amount<Airtime>) -> Self {
        Self::from_micros(airtime.micros)
    }
}

impl TryFrom<Duration> for Amount<Airtime> {
    type Error = AmountError;

    fn try_from(span: Duration) -> Result<Self, AmountError> {
        Self::from_micros(span.as_micros())
    }
}

// Written out, because a derive would ask the tag for the same traits.

impl<U> Clone for Amount<U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U> Copy for Amount<U> {}

impl<U> Default for Amount<U> {
    fn default() -> Self {
        Self::ZERO
    }
}

impl<U> PartialEq for Amount<U> {
    fn eq(&self, other: &Self) -> bool {
        self.micros == other.micros
    }
}

impl<U> Eq for Amount<U> {}

impl<U> PartialOrd for Amount<U> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<U> Ord for Amount<U> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.micros.cmp(&other.micros)
    }
}

impl<U> Hash for Amount<U> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.micros.hash(state);
    }
}

impl<U> fmt::Display for Amount<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_micros(self.micros, f)
    }
}

impl<U> fmt::Debug for Amount<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_micros(self.micros, f)
    }
}

impl<U> core::str::FromStr for Amount<U> {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text)
    }
}

#[cfg(feature = "defmt")]
impl<U> defmt::Format for Amount<U> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u64}.{=u64:06}", self.micros / MICROS, self.micros % MICROS);
    }
}

/// As text, `"2.4"`, because a bare number would leave open whether it counts units or millionths; as a `u64` of
/// millionths in formats that people do not read.
#[cfg(feature = "serde")]
impl<U> serde::Serialize for Amount<U> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.micros)
        }
    }
}

#[cfg(feature = "serde")]
impl<'de, U> serde::Deserialize<'de> for Amount<U> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_str(decimal::TextVisitor {
                expecting: "a decimal as text, such as \"2.40\"",
                kind: PhantomData,
            });
        }
        Self::from_micros(u64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Usd;
    use std::format;

    type Dollars = Amount<Usd>;

    #[test]
    fn the_range_ends_where_a_difference_still_fits() {
        let max = Dollars::MAX;
        assert_eq!(max.signed_diff(Amount::ZERO), i64::MAX);
        assert_eq!(Amount::ZERO.signed_diff(max), -i64::MAX);
        assert_eq!(Dollars::from_micros(1 << 63), Err(AmountError::Overflow));
        assert_eq!(max.checked_add(Dollars::from_micros(1).unwrap()), None);
        assert_eq!(max.checked_mul(2), None);
        assert_eq!(Dollars::ZERO.checked_sub(Dollars::from_micros(1).unwrap()), None);
        assert_eq!(Dollars::from_whole(9_223_372_036_855), Err(AmountError::Overflow));
        assert_eq!(Dollars::parse("9223372036854.775807"), Ok(max));
        assert_eq!(Dollars::parse("9223372036854.775808"), Err(DecimalError::Overflow));
        let double = Ratio::new(2, 1).unwrap();
        assert_eq!(max.times(double, Rounding::Exact), Err(AmountError::Overflow));
        assert_eq!(max.times(Ratio::new(3, 2).unwrap(), Rounding::Floor), Err(AmountError::Overflow));
        assert_eq!(max.times(Ratio::new(1, 2).unwrap(), Rounding::Exact), Err(AmountError::Inexact));
        assert_eq!(max.rounded(0, Rounding::Ceil), Err(AmountError::Overflow));
        assert_eq!(max.rounded(6, Rounding::Exact), Ok(max));
    }

    #[test]
    fn text_is_exact_both_ways() {
        for (text, shortest, cents) in [
            ("2.40", "2.4", "2.40"),
            ("0", "0", "0.00"),
            ("100", "100", "100.00"),
            ("0.000001", "0.000001", "0.00"),
            ("0.999999", "0.999999", "0.99"),
            ("9223372036854.775807", "9223372036854.775807", "9223372036854.77"),
        ] {
            let amount = Dollars::parse(text).unwrap();
            assert_eq!(format!("{amount}"), shortest);
            assert_eq!(format!("{amount:.2}"), cents);
            assert_eq!(shortest.parse(), Ok(amount));
        }
        let amount = Dollars::parse("2.40").unwrap();
        assert_eq!(
            format!("{amount:>8.2}|{amount:<6}|{amount:.0}|{amount:.9}|{amount:?}"),
            "    2.40|2.4   |2|2.400000|2.4"
        );
    }

    #[test]
    fn decimals_round_as_said() {
        let amount = Dollars::parse("2.345001").unwrap();
        for (decimals, rounding, expected) in [
            (2, Rounding::Ceil, "2.35"),
            (2, Rounding::Floor, "2.34"),
            (2, Rounding::HalfUp, "2.35"),
            (3, Rounding::HalfEven, "2.345"),
            (0, Rounding::Ceil, "3"),
            (5, Rounding::Ceil, "2.34501"),
        ] {
            assert_eq!(amount.rounded(decimals, rounding), Ok(Dollars::parse(expected).unwrap()));
        }
        assert_eq!(amount.rounded(2, Rounding::Exact), Err(AmountError::Inexact));
    }

    #[test]
    fn airtime_is_a_duration() {
        let on_air = Duration::from_millis(1_500);
        let amount = Amount::<Airtime>::try_from(on_air).unwrap();
        assert_eq!((format!("{amount}").as_str(), Duration::from(amount)), ("1.5", on_air));
        assert_eq!(Amount::<Airtime>::try_from(Duration::MAX), Err(AmountError::Overflow));
    }
}
