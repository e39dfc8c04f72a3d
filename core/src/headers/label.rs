//! The name of a limit in a fixed size: enough of it to show, a hash to tell it from others.

use core::fmt;

/// How many bytes of a name are kept; of a longer one, the length and a hash tell it from others.
pub const LABEL_LEN: usize = 26;

/// The name of a limit or of a scope, as the server gave it: [`LABEL_LEN`] bytes of it, in a fixed size.
///
/// Equal exactly if the whole names were equal, but for a collision of length, 26 bytes and a 32-bit hash, which a
/// server can only play on itself.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Label {
    text: [u8; LABEL_LEN],
    len: u16,
    hash: u32,
}

impl Label {
    pub(super) const EMPTY: Self = Self { text: [0; LABEL_LEN], len: 0, hash: 0 };

    pub(super) fn new(name: impl Iterator<Item = u8>) -> Self {
        let mut label = Self { hash: 0x811C_9DC5, ..Self::EMPTY };
        for byte in name {
            if let Some(place) = label.text.get_mut(usize::from(label.len)) {
                *place = byte;
            }
            label.len = label.len.saturating_add(1);
            // FNV-1a.
            label.hash = (label.hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        label
    }

    /// The name, or its first [`LABEL_LEN`] bytes. Whatever the server sent: not necessarily text.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.len)).unwrap_or(&self.text)
    }

    /// Whether the name was longer than what is kept.
    pub const fn is_truncated(&self) -> bool {
        self.len as usize > LABEL_LEN
    }

    /// Whether there is no name.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl PartialEq for Label {
    /// All of it, and first what tells most names apart at once.
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.len == other.len && self.text == other.text
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_bytes().escape_ascii(), f)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str) -> Label {
        Label::new(name.bytes())
    }

    #[test]
    fn names_are_equal_only_if_they_are_equal() {
        let long = "a-very-long-name-of-a-policy-that-goes-on";
        assert_eq!(label("burst").as_bytes(), b"burst");
        assert_eq!(label(long).as_bytes(), &long.as_bytes()[..LABEL_LEN]);
        assert!(label(long).is_truncated() && !label(&long[..LABEL_LEN]).is_truncated());
        assert_ne!(label(long), label(&long.replace("on", "no")));
        assert_ne!(label(long), label(&long[..LABEL_LEN]));
        assert!(label("").is_empty() && label("").as_bytes().is_empty());
        assert_eq!(std::format!("{:?}", label("a\"\n\u{e9}")), r#""a\"\n\xc3\xa9""#);
    }
}
