//! Decimal text to scaled integers and back: `"2.40"` is 2 400 000 millionths, exactly.
//!
//! The grammar is the narrowest that people write: digits, and perhaps a point with digits on both sides. No sign, no
//! exponent, no separators, no blanks, no float on the way. Used by [`Amount`](crate::Amount) and
//! [`Ratio`](crate::Ratio).

use core::fmt;

/// Why a text is not a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecimalError {
    /// Nothing there.
    Empty,
    /// A sign, `+` or `-`: these numbers are never negative.
    Sign,
    /// Something else than a digit or one point.
    NotADigit {
        /// The byte that was found.
        found: u8,
        /// Where, counted in bytes from 0.
        at: u32,
    },
    /// A point without a digit on one of its sides: write `0.5` and `5`.
    BarePoint,
    /// More digits after the point than can be kept: it would have to be rounded.
    TooManyDecimals {
        /// How many can be kept.
        max: u8,
    },
    /// Larger than the type holds.
    Overflow,
}

impl DecimalError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => "an empty text: expected a decimal such as 2.40",
            Self::Sign => "a sign: expected a decimal without one, such as 2.40",
            Self::NotADigit { .. } => "not a digit: expected a decimal such as 2.40",
            Self::BarePoint => "a point without digits on both sides: expected a decimal such as 0.50",
            Self::TooManyDecimals { .. } => "too many decimals to be kept exactly: expected fewer",
            Self::Overflow => "a decimal that is too large: expected less",
        }
    }
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADigit { found, at } => {
                write!(f, "'{}' at byte {at}: expected a decimal such as 2.40", found.escape_ascii())
            }
            Self::TooManyDecimals { max } => {
                write!(f, "too many decimals to be kept exactly: expected at most {max}")
            }
            other => f.write_str(other.message()),
        }
    }
}

impl core::error::Error for DecimalError {}

/// The value of `text` times 10^`decimals`, exactly; `decimals` is at most 9.
///
/// # Errors
/// [`DecimalError`]: the first thing wrong, from the left.
pub(crate) const fn parse(text: &[u8], decimals: u8) -> Result<u64, DecimalError> {
    let (mut value, mut at, mut left, mut pointed) = (0u64, 0u32, decimals, false);
    let mut digit_last = false;
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        match *byte {
            b'+' | b'-' if at == 0 => return Err(DecimalError::Sign),
            b'.' if !pointed && digit_last => (pointed, digit_last) = (true, false),
            b'.' if !pointed => return Err(DecimalError::BarePoint),
            digit @ b'0'..=b'9' => {
                if pointed {
                    match left.checked_sub(1) {
                        Some(fewer) => left = fewer,
                        None => return Err(DecimalError::TooManyDecimals { max: decimals }),
                    }
                }
                value = match append(value, digit - b'0') {
                    Some(value) => value,
                    None => return Err(DecimalError::Overflow),
                };
                digit_last = true;
            }
            found => return Err(DecimalError::NotADigit { found, at }),
        }
        (rest, at) = (tail, at.saturating_add(1));
    }
    if !digit_last {
        return Err(if pointed { DecimalError::BarePoint } else { DecimalError::Empty });
    }
    while left > 0 {
        value = match append(value, 0) {
            Some(value) => value,
            None => return Err(DecimalError::Overflow),
        };
        left -= 1;
    }
    Ok(value)
}

/// `value x 10 + digit`.
const fn append(value: u64, digit: u8) -> Option<u64> {
    match value.checked_mul(10) {
        Some(value) => value.checked_add(digit as u64),
        None => None,
    }
}

/// Writes `micros` millionths: the shortest exact form, or cut to `precision` decimals, of which there are six.
pub(crate) fn write_micros(micros: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use core::fmt::Write as _;
    // Fourteen digits of whole units, a point and six decimals is the longest u64.
    let mut text = heapless::String::<21>::new();
    write!(text, "{}.{:06}", micros / 1_000_000, micros % 1_000_000)?;
    let whole = text.len().saturating_sub(7);
    let shown = match f.precision() {
        Some(0) => whole,
        Some(precision) => text.len().min(whole + 1 + precision),
        None => text.trim_end_matches('0').trim_end_matches('.').len(),
    };
    f.pad_integral(true, "", text.get(..shown).unwrap_or(&text))
}

/// The wire form of what people write as text.
#[cfg(feature = "serde")]
pub(crate) struct TextVisitor<T> {
    pub(crate) expecting: &'static str,
    pub(crate) kind: core::marker::PhantomData<T>,
}

#[cfg(feature = "serde")]
impl<T: core::str::FromStr<Err: fmt::Display>> serde::de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        let cases: &[(&str, Result<u64, DecimalError>)] = &[
            ("2.40", Ok(2_400_000)),
            ("2.4", Ok(2_400_000)),
            ("0", Ok(0)),
            ("007", Ok(7_000_000)),
            ("0.000001", Ok(1)),
            ("18446744073709.551615", Ok(u64::MAX)),
            ("18446744073709.551616", Err(DecimalError::Overflow)),
            ("18446744073710", Err(DecimalError::Overflow)),
            ("99999999999999999999", Err(DecimalError::Overflow)),
            ("", Err(DecimalError::Empty)),
            ("-1", Err(DecimalError::Sign)),
            ("+1", Err(DecimalError::Sign)),
            ("1-2", Err(DecimalError::NotADigit { found: b'-', at: 1 })),
            (".5", Err(DecimalError::BarePoint)),
            ("5.", Err(DecimalError::BarePoint)),
            (".", Err(DecimalError::BarePoint)),
            ("1.2.3", Err(DecimalError::NotADigit { found: b'.', at: 3 })),
            ("1.0000000", Err(DecimalError::TooManyDecimals { max: 6 })),
            (" 1", Err(DecimalError::NotADigit { found: b' ', at: 0 })),
            ("1e3", Err(DecimalError::NotADigit { found: b'e', at: 1 })),
            ("1,5", Err(DecimalError::NotADigit { found: b',', at: 1 })),
            ("$1", Err(DecimalError::NotADigit { found: b'$', at: 0 })),
            ("\u{0664}", Err(DecimalError::NotADigit { found: 0xd9, at: 0 })),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes(), 6), *expected, "{text:?}");
        }
    }

    #[test]
    fn errors_name_what_was_found() {
        use std::string::ToString as _;
        let error = parse(b"1\x00", 6).unwrap_err();
        assert_eq!(error.to_string(), "'\\x00' at byte 1: expected a decimal such as 2.40");
    }
}
