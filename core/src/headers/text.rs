//! Reading a value from the left, and writing one into a buffer: the only loops over bytes in this module.
//!
//! A [`Scan`] never looks back and never indexes; every method takes what it names or answers `None`. What it has taken
//! by then is lost, so a caller who wants to try something else keeps a copy (it is two words).

/// What is left of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a>(&'a [u8]);

/// A non-negative decimal number: whole part and hundred-millionths, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) whole: u64,
    /// In 1/10^8, at most 10^8.
    pub(super) fraction: u32,
    /// The fraction had more places than are kept and is one of them too large.
    pub(super) rounded: bool,
    pub(super) has_point: bool,
    /// The whole part did not fit.
    pub(super) saturated: bool,
}

/// Decimal places that are kept: a day in microseconds times this still fits 64 bits.
const PLACES: u32 = 100_000_000;

impl Decimal {
    /// The number times `unit`, rounded up; `None` if it does not fit.
    pub(super) fn times(self, unit: u64) -> Option<u64> {
        if self.saturated {
            return None;
        }
        let whole = self.whole.checked_mul(unit)?;
        let part = match self.fraction {
            0 => 0,
            fraction => u64::from(fraction).saturating_mul(unit).div_ceil(u64::from(PLACES)),
        };
        whole.checked_add(part)
    }

    /// A million times the number, rounded down; saturates.
    pub(super) fn micros_down(self) -> u64 {
        let part = self.fraction.saturating_sub(self.rounded.into()) / 100;
        self.whole.saturating_mul(1_000_000).saturating_add(part.into())
    }
}

/// Spaces and tabs at both ends are not part of a field's value (RFC 9110 section 5.5).
pub(super) const fn trim(value: &[u8]) -> &[u8] {
    let mut rest = value;
    while let [b' ' | b'\t', tail @ ..] = rest {
        rest = tail;
    }
    while let [head @ .., b' ' | b'\t'] = rest {
        rest = head;
    }
    rest
}

/// The number that these digits make, which they must be; `None` if it does not fit.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.wrapping_sub(b'0');
    // Nine of them fit 32 bits, which is all that most numbers need.
    let (short, long) = digits.split_at_checked(9).unwrap_or((digits, &[]));
    let short = short.iter().fold(0u32, |value, byte| value.wrapping_mul(10).wrapping_add(digit(byte).into()));
    long.iter().try_fold(short.into(), |value: u64, byte| value.checked_mul(10)?.checked_add(digit(byte).into()))
}

impl<'a> Scan<'a> {
    pub(super) const fn new(value: &'a [u8]) -> Self {
        Self(value)
    }

    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) const fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The end, or nothing.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// One byte, exactly this one.
    pub(super) fn byte(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == wanted).then(|| self.0 = rest)
    }

    /// These bytes; with `fold`, in any case.
    pub(super) fn word(&mut self, wanted: &[u8], fold: bool) -> Option<()> {
        let (head, rest) = self.0.split_at_checked(wanted.len())?;
        let same = if fold { head.eq_ignore_ascii_case(wanted) } else { head == wanted };
        same.then(|| self.0 = rest)
    }

    /// As many bytes as fulfil a condition, perhaps none.
    pub(super) fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let mut rest = self.0;
        while let [byte, tail @ ..] = rest
            && fits(*byte)
        {
            rest = tail;
        }
        let head = self.0.get(..self.0.len().saturating_sub(rest.len())).unwrap_or(self.0);
        self.0 = rest;
        head
    }

    /// Spaces and tabs, perhaps none.
    pub(super) fn blanks(&mut self) -> usize {
        self.take_while(|byte| byte == b' ' || byte == b'\t').len()
    }

    /// The number that exactly `count` digits make; at most nine of them.
    pub(super) fn digits(&mut self, count: usize) -> Option<u32> {
        let (head, rest) = self.0.split_at_checked(count)?;
        let mut value = 0u32;
        for byte in head {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value.saturating_mul(10).saturating_add(u32::from(digit));
        }
        self.0 = rest;
        Some(value)
    }

    /// As [`digits`](Self::digits), for two of them.
    pub(super) fn two(&mut self) -> Option<u8> {
        u8::try_from(self.digits(2)?).ok()
    }

    /// Digits, at least one, and whether they were too many for 64 bits.
    pub(super) fn whole(&mut self) -> Option<(u64, bool)> {
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return None;
        }
        let value = number(digits);
        Some((value.unwrap_or(u64::MAX), value.is_none()))
    }

    /// `12` or `12.5`: digits on both sides of the point, no sign, no exponent.
    pub(super) fn decimal(&mut self) -> Option<Decimal> {
        let (whole, saturated) = self.whole()?;
        let has_point = self.byte(b'.').is_some();
        let (fraction, rounded) = if has_point { self.fraction()? } else { (0, false) };
        Some(Decimal { whole, fraction, rounded, has_point, saturated })
    }

    /// The digits behind a point, at least one, in 1/10^8 rounded up; and whether it was rounded.
    pub(super) fn fraction(&mut self) -> Option<(u32, bool)> {
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return None;
        }
        let (mut value, mut place, mut more) = (0u32, PLACES, false);
        for byte in digits {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            place /= 10;
            // Below 10^8, since the places sum to less than that.
            value = value.saturating_add(digit.saturating_mul(place));
            more |= place == 0 && digit != 0;
        }
        Some((value.saturating_add(u32::from(more)), more))
    }
}

/// A caller's buffer that is filled from the left; full is an answer.
#[derive(Debug)]
pub(super) struct Out<'a> {
    room: &'a mut [u8],
    written: usize,
}

impl<'a> Out<'a> {
    pub(super) fn new(room: &'a mut [u8]) -> Self {
        Self { room, written: 0 }
    }

    pub(super) fn bytes(&mut self, text: &[u8]) -> Option<()> {
        let end = self.written.checked_add(text.len())?;
        self.room.get_mut(self.written..end)?.copy_from_slice(text);
        self.written = end;
        Some(())
    }

    pub(super) fn number(&mut self, value: u64) -> Option<()> {
        if let Ok(small) = u32::try_from(value) {
            return self.small(small, 1);
        }
        // Nine digits at a time, so that only one or two 64-bit divisions are made.
        let (high, low) = (value / 1_000_000_000, value % 1_000_000_000);
        if let Ok(high) = u32::try_from(high) {
            self.small(high, 1)?;
        } else {
            self.small(u32::try_from(high / 1_000_000_000).ok()?, 1)?;
            self.small(u32::try_from(high % 1_000_000_000).ok()?, 9)?;
        }
        self.small(u32::try_from(low).ok()?, 9)
    }

    /// At least `width` digits, zeros in front.
    pub(super) fn small(&mut self, value: u32, width: usize) -> Option<()> {
        let (mut digits, mut rest, mut used) = ([b'0'; 10], value, 0);
        for place in digits.iter_mut().rev() {
            if rest == 0 && used >= width {
                break;
            }
            *place = b'0'.wrapping_add(u8::try_from(rest % 10).ok()?);
            (rest, used) = (rest / 10, used + 1);
        }
        self.bytes(digits.get(digits.len().saturating_sub(used)..)?)
    }

    /// What has been written.
    pub(super) fn done(self) -> &'a [u8] {
        let room: &'a [u8] = self.room;
        room.get(..self.written).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn fractions_round_up_and_never_wrap() {
        for (text, unit, wanted) in [
            ("1", 1_000_000, Some(1_000_000)),
            ("1.0001", 1_000_000, Some(1_000_100)),
            ("0.0000001", 1_000_000, Some(1)),
            ("0.00000000000000000001", 1_000_000, Some(1)),
            ("0.99999999999999999999", 1_000_000, Some(1_000_000)),
            ("0.5", 86_400_000_000, Some(43_200_000_000)),
            ("18446744073709551615", 1, Some(u64::MAX)),
            ("18446744073709551615.1", 1, None),
            ("18446744073709551616", 1, None),
            ("99999999999999999999999999999999999", 1_000_000, None),
        ] {
            assert_eq!(Scan::new(text.as_bytes()).decimal().unwrap().times(unit), wanted, "{text}");
        }
        for text in ["", ".5", "5.", "-1", "+1", "x"] {
            let mut scan = Scan::new(text.as_bytes());
            assert!(scan.decimal().is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_they_print() {
        for value in
            [0, 1, 9, 10, 4_294_967_295, 4_294_967_296, 1_000_000_000_000_000_000, 999_999_999_999_999, u64::MAX]
        {
            let mut room = [0; 20];
            let mut out = Out::new(&mut room);
            out.number(value).unwrap();
            assert_eq!(out.done(), value.to_string().as_bytes());
            let mut short = [0; 20];
            let short = short.get_mut(..value.to_string().len() - 1).unwrap();
            assert!(Out::new(short).number(value).is_none(), "{value} does not fit one byte less");
        }
    }
}
