//! Text of a structured field as it stands in the line, and the bytes that are meant by it.

use core::fmt;

/// A string, `"say \"hi\""`: printable ASCII between quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Text<'a>(pub(in crate::headers) &'a [u8]);

impl<'a> Text<'a> {
    /// What stands between the quotes, with a backslash in front of each quote and backslash.
    pub const fn as_escaped(self) -> &'a [u8] {
        self.0
    }

    /// What is meant: ASCII.
    ///
    /// # Example
    /// ```
    /// use tollgate::headers::structured::{Reader, Value};
    /// let Ok(Some((_, Value::String(text)))) = Reader::item(br#""say \"hi\"""#).member() else { unreachable!() };
    /// assert!(text.bytes().eq(*b"say \"hi\""));
    /// ```
    pub fn bytes(self) -> impl Iterator<Item = u8> + Clone + 'a {
        let mut escaped = false;
        self.0.iter().copied().filter(move |byte| {
            escaped = *byte == b'\\' && !escaped;
            !escaped
        })
    }
}

/// Bytes, `:aGVsbG8=:`, in base 64 (RFC 4648 section 4).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Base64<'a>(pub(super) &'a [u8]);

impl<'a> Base64<'a> {
    /// What stands between the colons. Its padding may be missing, and the bits that mean nothing may be set.
    pub const fn as_encoded(self) -> &'a [u8] {
        self.0
    }

    /// What is meant.
    ///
    /// # Example
    /// ```
    /// use tollgate::headers::structured::{Reader, Value};
    /// let Ok(Some((_, Value::Bytes(bytes)))) = Reader::item(b":aGVsbG8=:").member() else { unreachable!() };
    /// assert!(bytes.bytes().eq(*b"hello"));
    /// ```
    pub fn bytes(self) -> impl Iterator<Item = u8> + Clone + 'a {
        // The bits of the last symbols that are not part of a byte yet, and how many they are.
        let (mut bits, mut held) = (0u16, 0u8);
        self.0.iter().filter_map(move |symbol| {
            bits = bits.wrapping_shl(6) | u16::from(sextet(*symbol)?);
            if held == 0 {
                held = 6;
                return None;
            }
            // Six more of two, four or six, less a byte: four, two or none.
            held = held.wrapping_sub(2);
            let [_, byte] = bits.wrapping_shr(held.into()).to_be_bytes();
            Some(byte)
        })
    }
}

/// Text that people read, `%"f%c3%bc"`: with all of Unicode.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Display<'a>(pub(super) &'a [u8]);

impl<'a> Display<'a> {
    /// What stands between the quotes, with two hexadecimal digits behind each `%`.
    pub const fn as_encoded(self) -> &'a [u8] {
        self.0
    }

    /// What is meant: valid UTF-8.
    ///
    /// # Example
    /// ```
    /// use tollgate::headers::structured::{Reader, Value};
    /// let Ok(Some((_, Value::Display(text)))) = Reader::item(b"%\"f%c3%bcr\"").member() else { unreachable!() };
    /// assert!(text.bytes().eq("für".bytes()));
    /// ```
    pub fn bytes(self) -> impl Iterator<Item = u8> + Clone + 'a {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (first, tail) = rest.split_first()?;
            if let ([high, low, tail @ ..], b'%') = (tail, first) {
                rest = tail;
                return Some(hex(*high)?.wrapping_shl(4) | hex(*low)?);
            }
            rest = tail;
            Some(*first)
        })
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Debug for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":{}:", self.0.escape_ascii())
    }
}

impl fmt::Debug for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%\"{}\"", self.0.escape_ascii())
    }
}

/// The six bits of a symbol; `None` for padding.
const fn sextet(symbol: u8) -> Option<u8> {
    Some(match symbol {
        b'A'..=b'Z' => symbol.wrapping_sub(b'A'),
        b'a'..=b'z' => symbol.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => symbol.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// A digit of a percent-encoded byte: lower case alone is allowed (RFC 9651 section 4.2.10).
pub(super) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

/// Where in a character of UTF-8 a text is, byte by byte (Unicode, table 3-7).
#[derive(Clone, Copy)]
pub(super) struct Utf8 {
    /// Bytes that the character still takes.
    missing: u8,
    /// What the next of them may be.
    low: u8,
    high: u8,
}

impl Default for Utf8 {
    /// Between two characters.
    fn default() -> Self {
        Self { missing: 0, low: 0x80, high: 0xBF }
    }
}

impl Utf8 {
    /// Behind one more byte; `None` if no text has it there.
    pub(super) fn then(self, byte: u8) -> Option<Self> {
        let (missing, low, high) = match byte {
            _ if self.missing > 0 => {
                let fits = self.low <= byte && byte <= self.high;
                return fits.then(|| Self { missing: self.missing.saturating_sub(1), ..Self::default() });
            }
            0..=0x7F => (0, 0x80, 0xBF),
            0xC2..=0xDF => (1, 0x80, 0xBF),
            0xE0 => (2, 0xA0, 0xBF),
            0xED => (2, 0x80, 0x9F),
            0xE1..=0xEF => (2, 0x80, 0xBF),
            0xF0 => (3, 0x90, 0xBF),
            0xF1..=0xF3 => (3, 0x80, 0xBF),
            0xF4 => (3, 0x80, 0x8F),
            _ => return None,
        };
        Some(Self { missing, low, high })
    }

    /// Whether no byte is missing.
    pub(super) const fn is_whole(self) -> bool {
        self.missing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every beginning of up to four bytes that could make a difference.
    #[test]
    fn text_is_valid_exactly_where_core_says_so() {
        const EDGES: [u8; 24] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
            0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
        ];
        let valid = |bytes: &[u8]| {
            let end = bytes.iter().try_fold(Utf8::default(), |state, byte| state.then(*byte));
            end.is_some_and(Utf8::is_whole)
        };
        for number in 0..EDGES.len().pow(4) {
            let edge = |place: u32| EDGES[number / EDGES.len().pow(place) % EDGES.len()];
            let bytes = [edge(0), edge(1), edge(2), edge(3)];
            for len in 1..=4 {
                let bytes = &bytes[..len];
                assert_eq!(valid(bytes), core::str::from_utf8(bytes).is_ok(), "{bytes:x?}");
            }
        }
    }
}
