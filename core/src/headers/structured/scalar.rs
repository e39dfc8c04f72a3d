//! Keys and bare items: what stands between the separators of a structured field (RFC 9651 sections 4.2.3.3 to 4.2.10).

use super::text::{Base64, Display, Text, Utf8, hex};
use super::{Scan, Value};
use crate::headers::text::number;

/// The most digits of an integer.
const DIGITS: usize = 15;
/// The most digits in front of a decimal's point.
const WHOLE_DIGITS: usize = 12;

/// Whether a number is an integer, or in thousandths because it had a point.
#[derive(Clone, Copy)]
enum Places {
    None,
    Three,
}

impl<'a> Scan<'a> {
    /// Spaces, perhaps none; no tabs.
    pub(super) fn spaces(&mut self) {
        while self.byte(b' ').is_some() {}
    }

    /// `[a-z*][a-z0-9_.*-]*`
    pub(super) fn key(&mut self) -> Option<&'a [u8]> {
        if !matches!(self.peek()?, b'a'..=b'z' | b'*') {
            return None;
        }
        Some(self.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
    }

    /// Any value but an inner list.
    #[inline]
    pub(super) fn bare_item(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'0'..=b'9' | b'-' => match self.number()? {
                (number, Places::None) => Some(Value::Integer(number)),
                (thousandths, Places::Three) => Some(Value::Decimal { thousandths }),
            },
            b'"' => self.string().map(Value::String),
            b'a'..=b'z' | b'A'..=b'Z' | b'*' => Some(Value::Token(self.take_while(is_token))),
            b'?' => {
                self.byte(b'?')?;
                let yes = self.byte(b'1').is_some();
                if !yes {
                    self.byte(b'0')?;
                }
                Some(Value::Boolean(yes))
            }
            b':' => self.base64().map(Value::Bytes),
            b'@' => {
                self.byte(b'@')?;
                match self.number()? {
                    (secs, Places::None) => Some(Value::Date(secs)),
                    (_, Places::Three) => None,
                }
            }
            b'%' => self.display().map(Value::Display),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<(i64, Places)> {
        let negative = self.byte(b'-').is_some();
        // At most fifteen digits, so that neither the number nor its negative overflows.
        let signed = |number: i64| if negative { 0i64.saturating_sub(number) } else { number };
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let whole = natural(digits)?;
        if self.byte(b'.').is_none() {
            return Some((signed(whole), Places::None));
        }
        let places = self.take_while(|byte| byte.is_ascii_digit());
        let scale = match places.len() {
            1 => 100,
            2 => 10,
            3 => 1,
            _ => return None,
        };
        if digits.len() > WHOLE_DIGITS {
            return None;
        }
        // Less than 10^12 and less than 10^3.
        let thousandths = whole.saturating_mul(1000).saturating_add(natural(places)?.saturating_mul(scale));
        Some((signed(thousandths), Places::Three))
    }

    fn string(&mut self) -> Option<Text<'a>> {
        self.byte(b'"')?;
        let mut rest = self.rest();
        loop {
            match rest {
                [b'"', ..] => break,
                [b'\\', b'"' | b'\\', tail @ ..] => rest = tail,
                [b'\\', ..] => return None,
                [b' '..=b'~', tail @ ..] => rest = tail,
                _ => return None,
            }
        }
        self.up_to(rest).map(Text)
    }

    fn base64(&mut self) -> Option<Base64<'a>> {
        self.byte(b':')?;
        let start = *self;
        let symbols = self.take_while(|byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/'));
        // Padding may be missing, and its bits may be set: a reader should not fail for that (section 4.2.7).
        let padding = match symbols.len() % 4 {
            0 => 0,
            2 => 2,
            3 => 1,
            _ => return None,
        };
        for _ in 0..padding {
            if self.byte(b'=').is_none() {
                break;
            }
        }
        let end = self.rest();
        *self = start;
        let text = self.up_to(end)?;
        end.starts_with(b":").then_some(Base64(text))
    }

    fn display(&mut self) -> Option<Display<'a>> {
        self.byte(b'%')?;
        self.byte(b'"')?;
        let mut rest = self.rest();
        let mut utf8 = Utf8::default();
        loop {
            rest = match rest {
                [b'"', ..] => break,
                [b'%', high, low, tail @ ..] => {
                    utf8 = utf8.then(hex(*high)?.wrapping_shl(4) | hex(*low)?)?;
                    tail
                }
                [byte @ b' '..=b'~', tail @ ..] if *byte != b'%' => {
                    utf8 = utf8.then(*byte)?;
                    tail
                }
                _ => return None,
            };
        }
        utf8.is_whole().then_some(())?;
        self.up_to(rest).map(Display)
    }

    /// What is in front of this end of the rest; goes on behind the end's first byte.
    fn up_to(&mut self, end: &'a [u8]) -> Option<&'a [u8]> {
        let taken = self.rest().len().checked_sub(end.len())?;
        let (head, tail) = self.rest().split_at_checked(taken)?;
        *self = Scan::new(tail.split_first()?.1);
        Some(head)
    }
}

/// `tchar` of RFC 9110, and `:` and `/`.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^')
        || matches!(byte, b'_' | b'`' | b'|' | b'~' | b':' | b'/')
}

/// The number that these digits make; `None` for none or too many.
fn natural(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > DIGITS {
        return None;
    }
    i64::try_from(number(digits)?).ok()
}
