//! `Retry-After` (RFC 9110 section 10.2.3): how long to stay away.
//!
//! The raw delay comes out, as long as the server said: what to believe of it is the caller's policy. A date in the past
//! is a delay of zero, "retry permitted", and not an error; what cannot be read is ignored, never zero.
//!
//! 40 bytes; the lines may come in any order and before or after the `Date` that resolves them.

use super::Mode;
use super::moment::{Delay, Stamp, UnixMicros};
use super::text::{Scan, trim};
use crate::time::Duration;

/// Everything that the `Retry-After` lines of one response say; the **longest** valid one counts.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate::headers::{Mode, moment::UnixMicros, retry_after::{Kind, RetryAfter}};
///
/// let mut lines = RetryAfter::new();
/// assert!(lines.line(b"120", Mode::Lenient));
/// assert!(!lines.line(b"a couple of minutes", Mode::Lenient));
/// let wait = lines.resolve(None).unwrap();
/// assert_eq!((wait.delay.span, wait.kind), (Duration::from_secs(120), Kind::Seconds));
///
/// // A date counts from the `Date` of the same response.
/// let mut lines = RetryAfter::new();
/// lines.line(b"Mon, 05 Aug 2019 09:27:05 GMT", Mode::Lenient);
/// assert_eq!(lines.resolve(None), None);
/// let date = UnixMicros::from_secs(1_564_997_220);
/// assert_eq!(lines.resolve(Some(date)).unwrap().delay.span, Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RetryAfter {
    delay: Option<(Delay, Kind)>,
    stamp: Option<Stamp>,
}

/// How the delay was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// Whole seconds, as the RFC has it.
    Seconds,
    /// Seconds with a fraction, as Shopify has it.
    Decimal,
    /// A date.
    Date,
}

/// A delay and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wait {
    /// How long, from the receipt of the response.
    pub delay: Delay,
    /// How it was written.
    pub kind: Kind,
}

impl RetryAfter {
    /// No line yet.
    pub const fn new() -> Self {
        Self { delay: None, stamp: None }
    }

    /// Takes the value of one line; tells whether it could be read. One that cannot changes nothing.
    ///
    /// [`Mode::Strict`]: whole seconds or an HTTP-date. [`Mode::Lenient`]: also `2.0`, RFC 3339, the freer dates of
    /// [`HttpDate::parse`](super::http_date::HttpDate::parse), and several numbers that a proxy has joined with commas.
    /// Digits are always seconds, never an epoch. No sign, exponent or unit.
    pub fn line(&mut self, value: &[u8], mode: Mode) -> bool {
        let value = trim(value);
        if let Some(read) = number(value, mode) {
            self.delay = self.delay.max(Some(read));
            return true;
        }
        let stamp = Stamp::http_date(value, mode).or_else(|| match mode {
            Mode::Strict => None,
            Mode::Lenient => super::moment::rfc3339(value).map(Stamp::At),
        });
        if stamp.is_some() {
            self.stamp = self.stamp.max(stamp);
            return true;
        }
        // Not a date, so that a comma can only be a proxy's: numbers throughout, or garbage.
        if mode == Mode::Strict {
            return false;
        }
        let mut longest = None;
        for part in value.split(|byte| *byte == b',') {
            let Some(read) = number(trim(part), mode) else { return false };
            longest = longest.max(Some(read));
        }
        self.delay = self.delay.max(longest);
        true
    }

    /// The longest of all, with `base` the response's `Date`, or else what a clock showed at its receipt.
    ///
    /// `None` if nothing valid was there, or only dates and no `base`.
    pub fn resolve(self, base: Option<UnixMicros>) -> Option<Wait> {
        let told = self.delay.map(|(delay, kind)| Wait { delay, kind });
        let dated = self.stamp.and_then(|stamp| stamp.until(base));
        let dated = dated.map(|span| Wait { delay: Delay::exactly(span), kind: Kind::Date });
        match (told, dated) {
            (Some(told), Some(dated)) if dated.delay > told.delay => Some(dated),
            (told, dated) => told.or(dated),
        }
    }

    /// Whether no line could be read.
    pub const fn is_empty(&self) -> bool {
        self.delay.is_none() && self.stamp.is_none()
    }
}

fn number(value: &[u8], mode: Mode) -> Option<(Delay, Kind)> {
    let mut scan = Scan::new(value);
    let decimal = scan.decimal()?;
    scan.end()?;
    let kind = if decimal.has_point { Kind::Decimal } else { Kind::Seconds };
    if decimal.has_point && mode == Mode::Strict {
        return None;
    }
    Some((Delay::from_micros(decimal.times(1_000_000)), kind))
}

/// Reads a delay in milliseconds: `retry-after-ms` and its like. `None` if it is none.
///
/// These outrank `Retry-After`, because they are the same with more digits.
pub fn millis(value: &[u8]) -> Option<Delay> {
    let mut scan = Scan::new(trim(value));
    let decimal = scan.decimal()?;
    scan.end()?;
    Some(Delay::from_micros(decimal.times(1_000)))
}

/// What `grpc-retry-pushback-ms` says (gRFC A6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Pushback {
    /// Retry after this long.
    After(Duration),
    /// Negative, or not to be understood: do not retry at all.
    Never,
}

/// Reads `grpc-retry-pushback-ms`, a 32-bit number of milliseconds. Whatever cannot be read means [`Pushback::Never`],
/// as gRFC A6 has it.
pub fn pushback(value: &[u8]) -> Pushback {
    let mut scan = Scan::new(trim(value));
    match (scan.whole(), scan.end()) {
        (Some((millis, false)), Some(())) if millis <= i32::MAX.unsigned_abs().into() => {
            Pushback::After(Duration::from_millis(millis))
        }
        _ => Pushback::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_counts_in_any_order() {
        let lines: [&[u8]; 4] = [b"5", b"Mon, 05 Aug 2019 09:27:05 GMT", b"2, 7.5 ,3", b"junk"];
        let base = Some(UnixMicros::from_secs(1_564_997_220 - 3));
        for first in 0..4 {
            let mut all = RetryAfter::new();
            for step in 0..4 {
                all.line(lines[(first + step) % 4], Mode::Lenient);
            }
            let wait = all.resolve(base).unwrap();
            assert_eq!((wait.delay.span, wait.kind), (Duration::from_secs(8), Kind::Date));
            assert_eq!(all.resolve(None).unwrap().delay.span, Duration::from_millis(7_500));
        }
    }

    #[test]
    fn a_mixed_list_is_garbage() {
        for value in ["abc, 3", "3,", ",", "2; 3", "Sun, 06 Nov 1994 08:49:37 GMT, 3", "-1, 3"] {
            let mut lines = RetryAfter::new();
            assert!(!lines.line(value.as_bytes(), Mode::Lenient), "{value}");
            assert!(lines.is_empty());
        }
    }

    #[test]
    fn milliseconds_and_pushback() {
        assert_eq!(millis(b" 1820 ").unwrap().span, Duration::from_millis(1_820));
        assert_eq!(millis(b"0.5").unwrap().span, Duration::from_micros(500));
        assert!(millis(b"99999999999999999999999").unwrap().saturated);
        assert_eq!(millis(b"-1"), None);
        assert_eq!(pushback(b"1500"), Pushback::After(Duration::from_millis(1_500)));
        for value in ["-1", "", "x", "2147483648", "1.5", "99999999999999999999999"] {
            assert_eq!(pushback(value.as_bytes()), Pushback::Never, "{value}");
        }
    }
}
