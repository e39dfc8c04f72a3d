//! The other ways in which servers write time: epochs, Go durations, RFC 3339; and what they all become.
//!
//! A header names either a span from the receipt of the response or a point on the calendar. The calendar is resolved
//! late, against the response's own `Date`, so that the client's clock takes no part in it:
//!
//! ```text
//! Date: 12:41:00    reset: 12:41:17Z     17 s, whatever our clock shows
//! ```
//! Everything is rounded up to a microsecond: waiting too long by that much refuses, too short would be refused.

use super::Mode;
use super::http_date::{HttpDate, offset, sign, time_of_day};
use super::text::{Decimal, Scan, trim};
use crate::time::Duration;

pub use crate::wall::UnixMicros;

/// A span that a server named; as long as it said, without any cap.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate::headers::moment::go_duration;
/// let reset = go_duration("6m0s".as_bytes()).unwrap();
/// assert_eq!((reset.span, reset.saturated), (Duration::from_mins(6), false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Delay {
    /// How long, rounded up to a microsecond.
    pub span: Duration,
    /// It was longer than a [`Duration`] can be; `span` is then [`Duration::MAX`].
    pub saturated: bool,
}

impl Delay {
    pub(super) const fn exactly(span: Duration) -> Self {
        Self { span, saturated: false }
    }

    pub(super) fn from_micros(micros: Option<u64>) -> Self {
        Self { span: Duration::from_micros(micros.unwrap_or(u64::MAX)), saturated: micros.is_none() }
    }
}

/// A point on the calendar whose century may be open. An open one sorts before every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Stamp {
    Dated(HttpDate),
    At(UnixMicros),
}

impl Stamp {
    pub(super) fn http_date(value: &[u8], mode: Mode) -> Option<Self> {
        let date = HttpDate::parse(value, mode)?;
        Some(date.unix().map_or(Self::Dated(date), |secs| Self::At(UnixMicros::from_secs(secs))))
    }

    pub(super) fn resolve(self, base: Option<UnixMicros>) -> Option<UnixMicros> {
        match self {
            Self::At(at) => Some(at),
            Self::Dated(date) => date.unix_at(base?.as_secs()).map(UnixMicros::from_secs),
        }
    }

    /// How long it is from `base` until then.
    pub(super) fn until(self, base: Option<UnixMicros>) -> Option<Duration> {
        Some(self.resolve(base)?.saturating_since(base?))
    }
}

/// What a value of a reset header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    After(Delay),
    On(Stamp),
    /// A negative number: the server does not know.
    Unknown,
}

/// How a server writes the time of a reset.
///
/// [`Format::Auto`] tells all of them apart except milliseconds from seconds: whoever sends spans in milliseconds needs
/// his own [`Dialect`](super::dialects::Dialect).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Format {
    /// A number from 10^11 on is an epoch in milliseconds, from 10^9 on one in seconds, below that seconds from now;
    /// text is a Go duration, RFC 3339 or an HTTP-date.
    #[default]
    Auto,
    /// Seconds from now, perhaps with a fraction.
    Seconds,
    /// Milliseconds from now, perhaps with a fraction.
    Millis,
    /// Seconds since 1970, perhaps with a fraction.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// As [`go_duration`].
    GoDuration,
    /// As [`rfc3339`].
    Rfc3339,
    /// As [`HttpDate::parse`].
    HttpDate,
}

/// The smallest numbers that [`Format::Auto`] takes for an epoch: September 2001 in seconds, March 1973 in milliseconds.
const EPOCH_SECONDS_FROM: u64 = 1_000_000_000;
const EPOCH_MILLIS_FROM: u64 = 100_000_000_000;

impl Format {
    /// `None` for garbage.
    pub(super) fn read(self, value: &[u8], mode: Mode) -> Option<Moment> {
        let value = trim(value);
        let (unit, absolute) = match self {
            Self::GoDuration => return go_duration(value).map(Moment::After),
            Self::Rfc3339 => return rfc3339(value).map(|at| Moment::On(Stamp::At(at))),
            Self::HttpDate => return Stamp::http_date(value, mode).map(Moment::On),
            Self::Auto => return auto(value, mode),
            Self::Seconds => (1_000_000, false),
            Self::Millis => (1_000, false),
            Self::EpochSeconds => (1_000_000, true),
            Self::EpochMillis => (1_000, true),
        };
        number(value, |_| (unit, absolute))
    }
}

/// A decimal number and nothing else, read as what `kind` says of its whole part.
fn number(value: &[u8], kind: impl Fn(u64) -> (u64, bool)) -> Option<Moment> {
    let mut scan = Scan::new(value);
    let negative = scan.byte(b'-').is_some();
    let decimal = scan.decimal()?;
    scan.end()?;
    if negative {
        return Some(Moment::Unknown);
    }
    let (unit, absolute) = kind(decimal.whole);
    let micros = decimal.times(unit);
    if !absolute {
        return Some(Moment::After(Delay::from_micros(micros)));
    }
    // Beyond the calendar, and so beyond every wait.
    let Some(at) = micros.and_then(|micros| i64::try_from(micros).ok()) else {
        return Some(Moment::After(Delay::from_micros(None)));
    };
    Some(Moment::On(Stamp::At(UnixMicros::from_micros(at))))
}

fn auto(value: &[u8], mode: Mode) -> Option<Moment> {
    let guess = |whole| match whole {
        EPOCH_MILLIS_FROM.. => (1_000, true),
        EPOCH_SECONDS_FROM.. => (1_000_000, true),
        _ => (1_000_000, false),
    };
    if let Some(moment) = number(value, guess) {
        return Some(moment);
    }
    if let [_, _, _, _, b'-', ..] = value {
        return rfc3339(value).map(|at| Moment::On(Stamp::At(at)));
    }
    if let Some(delay) = go_duration(value) {
        return Some(Moment::After(delay));
    }
    Stamp::http_date(value, mode).map(Moment::On)
}

/// Reads a duration as Go prints it: `1h2m3.5s`, `20ms`, `500us`, `0`; and `1d`. `None` if it is none.
///
/// Rounded up to a microsecond; negative ones are zero; too long ones saturate. No blanks, no exponent.
pub fn go_duration(value: &[u8]) -> Option<Delay> {
    let mut scan = Scan::new(value);
    let negative = sign(&mut scan) == Some(-1);
    let mut total = Some(0u64);
    if scan.rest() == b"0" {
        return Some(Delay::from_micros(total));
    }
    scan.peek()?;
    while scan.peek().is_some() {
        let number = go_number(&mut scan)?;
        let unit = match scan.take_while(|byte| !byte.is_ascii_digit() && byte != b'.') {
            b"ns" => 0,
            b"us" | [0xC2, 0xB5, b's'] | [0xCE, 0xBC, b's'] => 1,
            b"ms" => 1_000,
            b"s" => 1_000_000,
            b"m" => 60_000_000,
            b"h" => 3_600_000_000,
            b"d" => 86_400_000_000,
            _ => return None,
        };
        let micros = if unit == 0 { number.times(1).map(|nanos| nanos.div_ceil(1_000)) } else { number.times(unit) };
        total = total.and_then(|total| total.checked_add(micros?));
    }
    Some(if negative { Delay::exactly(Duration::ZERO) } else { Delay::from_micros(total) })
}

/// Unlike a header's number, Go's may begin or end with its point.
fn go_number(scan: &mut Scan<'_>) -> Option<Decimal> {
    let whole = scan.whole();
    let has_point = scan.byte(b'.').is_some();
    let fraction = if has_point { scan.fraction() } else { None };
    let (fraction, rounded) = match fraction {
        None if whole.is_none() => return None,
        fraction => fraction.unwrap_or((0, false)),
    };
    let (whole, saturated) = whole.unwrap_or((0, false));
    Some(Decimal { whole, fraction, rounded, has_point, saturated })
}

/// Reads a timestamp of RFC 3339 section 5.6, years 1 to 9999; `None` if it is none.
///
/// The zone and the seconds are required. Lower case and a blank instead of `T` are allowed, as the RFC does. Fractions
/// are rounded up to a microsecond. Second 60 is the second after 59.
///
/// # Example
/// ```
/// use tollgate::headers::moment::{UnixMicros, rfc3339};
/// assert_eq!(rfc3339(b"2024-01-15T10:30:00.123Z"), Some(UnixMicros::from_millis(1_705_314_600_123)));
/// assert_eq!(rfc3339(b"2024-01-15"), None);
/// ```
pub fn rfc3339(value: &[u8]) -> Option<UnixMicros> {
    use crate::civil::{DAY, day_number, days_in_month};

    let mut scan = Scan::new(value);
    let year = i32::try_from(scan.digits(4)?).ok().filter(|year| *year > 0)?;
    scan.byte(b'-')?;
    let month = scan.two()?;
    scan.byte(b'-')?;
    let day = scan.two()?;
    ((1..=12).contains(&month) && day > 0 && day <= days_in_month(year, month)).then_some(())?;
    scan.word(b"T", true).or_else(|| scan.byte(b' '))?;
    let secs = time_of_day(&mut scan)?;
    let fraction = if scan.byte(b'.').is_some() { scan.fraction()?.0 } else { 0 };
    let zone = if scan.word(b"Z", true).is_some() {
        0
    } else {
        let sign = sign(&mut scan)?;
        let hours = scan.two()?;
        scan.byte(b':')?;
        offset(sign, hours, scan.two()?)?
    };
    scan.end()?;
    let unix = i64::from(day_number(year, month, day)) * DAY + i64::from(secs) - i64::from(zone);
    // At most 2.6 x 10^17: no overflow.
    Some(UnixMicros::from_micros(unix.saturating_mul(1_000_000).saturating_add(i64::from(fraction.div_ceil(100)))))
}
