//! Short texts of a fixed size: the name of an account, and where in a document something stands.

use core::fmt;

/// A text of at most `N` bytes, of which there are at most 255.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Short<const N: usize> {
    text: [u8; N],
    len: u8,
}

impl<const N: usize> Short<N> {
    const EMPTY: Self = Self { text: [0; N], len: 0 };

    fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.len)).unwrap_or(&[]);
        core::str::from_utf8(text).unwrap_or("")
    }

    /// Appends whole characters, as many as there is room for.
    fn append(&mut self, text: &str) {
        for letter in text.chars() {
            let mut bytes = [0; 4];
            let bytes = letter.encode_utf8(&mut bytes).as_bytes();
            let end = usize::from(self.len).saturating_add(bytes.len());
            let (Some(room), Ok(len)) = (self.text.get_mut(usize::from(self.len)..end), u8::try_from(end)) else {
                return;
            };
            for (to, from) in room.iter_mut().zip(bytes) {
                *to = *from;
            }
            self.len = len;
        }
    }
}

/// What an account is called: 1 to 24 bytes, without quotes, backslashes and control characters.
///
/// # Example
/// ```
/// use tollgate::config::{Name, NameError};
/// assert_eq!(Name::new("daily credits")?.as_str(), "daily credits");
/// assert_eq!(Name::new("a name that takes more room"), Err(NameError::TooLong { len: 27 }));
/// # Ok::<(), NameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name(Short<{ Name::MAX }>);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    Empty,
    /// Longer than 24 bytes.
    TooLong {
        /// How long it is, in bytes.
        len: u32,
    },
    /// A quote, a backslash or a control character.
    Character {
        /// Where, counted in bytes from 0.
        at: u32,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty name: expected 1 to 24 bytes"),
            Self::TooLong { len } => write!(f, "a name of {len} bytes: expected 1 to 24"),
            Self::Character { at } => {
                write!(f, "byte {at} of a name: expected no quote, backslash or control character")
            }
        }
    }
}

impl core::error::Error for NameError {}

impl Name {
    /// The most bytes.
    pub const MAX: usize = 24;

    /// This text as a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        if let Some(at) = text.find(|letter: char| letter == '"' || letter == '\\' || letter.is_control()) {
            return Err(NameError::Character { at: small(at) });
        }
        match text.len() {
            0 => Err(NameError::Empty),
            1..=Self::MAX => {
                let mut name = Short::EMPTY;
                name.append(text);
                Ok(Self(name))
            }
            len => Err(NameError::TooLong { len: small(len) }),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Where in a document something stands: `accounts[2].limit`. Empty for the document itself; what goes beyond 64 bytes
/// is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldPath(Short<64>);

impl FieldPath {
    /// The document itself.
    pub(super) const ROOT: Self = Self(Short::EMPTY);

    /// A field of the object that is here.
    #[must_use]
    #[inline(never)]
    pub(super) fn then(mut self, field: &str) -> Self {
        self.0.append(if self.0.len == 0 { "" } else { "." });
        self.0.append(field);
        self
    }

    /// An element of the list that is here.
    #[must_use]
    pub(super) fn at(mut self, index: usize) -> Self {
        // A number of up to three digits, since no list is longer than 255.
        let digit = |number: usize| char::from_digit(u32::try_from(number % 10).unwrap_or(0), 10).unwrap_or('0');
        let mut bytes = [0; 4];
        self.0.append("[");
        for power in [100, 10, 1] {
            if index >= power || power == 1 {
                self.0.append(digit(index / power).encode_utf8(&mut bytes));
            }
        }
        self.0.append("]");
        self
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

macro_rules! shown_as_text {
    ($($text:ty),*) => {$(
        impl fmt::Display for $text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        #[cfg(feature = "defmt")]
        impl defmt::Format for $text {
            fn format(&self, f: defmt::Formatter<'_>) {
                defmt::write!(f, "{=str}", self.as_str());
            }
        }
    )*};
}

shown_as_text!(Name, FieldPath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_people_write_it() {
        let account = FieldPath::ROOT.then("accounts").at(0);
        assert_eq!(account.then("limit").as_str(), "accounts[0].limit");
        for (index, text) in [(9, "[9]"), (10, "[10]"), (105, "[105]"), (255, "[255]")] {
            assert_eq!(FieldPath::ROOT.at(index).as_str(), text);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let long = FieldPath::ROOT.then("0123456789012345678901234567890123456789012345678901234567890\u{e9}\u{e9}");
        assert_eq!(long.as_str().len(), 63);
        assert_eq!(long.then("x").as_str().len(), 64);
    }

    #[test]
    fn names_stay_what_they_are() {
        for text in ["a", "daily credits", "\u{e9}t\u{e9}", "123456789012345678901234"] {
            assert_eq!(Name::new(text).map(|name| name.as_str() == text), Ok(true));
        }
        for (text, error) in [
            ("", NameError::Empty),
            ("1234567890123456789012345", NameError::TooLong { len: 25 }),
            ("a\"b", NameError::Character { at: 1 }),
            ("ab\\", NameError::Character { at: 2 }),
            ("\u{7f}", NameError::Character { at: 0 }),
        ] {
            assert_eq!(Name::new(text), Err(error));
        }
    }
}
