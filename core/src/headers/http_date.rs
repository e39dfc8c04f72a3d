//! HTTP-date (RFC 9110 section 5.6.7) to unix seconds and back, without a clock and without allocation.
//!
//! All three formats are read, the preferred one is written. A two-digit year is settled against the response's own
//! `Date` ([`HttpDate::unix_at`]), so that no clock of ours takes part.
//!
//! ```text
//! Sun, 06 Nov 1994 08:49:37 GMT       IMF-fixdate, the one to write
//! Sunday, 06-Nov-94 08:49:37 GMT      RFC 850: a two-digit year
//! Sun Nov  6 08:49:37 1994            asctime
//! ```
//! About 200 instructions a date; nothing is retained.

use super::Mode;
use super::text::{Out, Scan, trim};
use crate::bounded::Counting;
use crate::civil::{DAY, civil, day_number, days_after_monday, days_in_month, floor_div};

/// Unix seconds of 0001-01-01T00:00:00Z and of 9999-12-31T23:59:59Z: what four digits of a year can say.
const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;

const DAYS: [&[u8]; 7] = [b"Sunday", b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The length of an IMF-fixdate.
pub const IMF_LEN: usize = 29;

/// A date as a header gave it; its year may still lack the century.
///
/// Years 1 to 9999. The name of the weekday is checked for spelling and not against the date: a wrong weekday must not
/// turn a wait into an immediate retry. Second 60 is the second after 59 (a leap second).
///
/// # Example
/// ```
/// use tollgate::headers::{Mode, http_date::HttpDate};
/// let date = HttpDate::parse(b"Sun, 06 Nov 1994 08:49:37 GMT", Mode::Strict).unwrap();
/// assert_eq!(date.unix(), Some(784_111_777));
///
/// // "94" is 1994 for a response of 2026: 2094 would be more than 50 years ahead.
/// let old = HttpDate::parse(b"Sunday, 06-Nov-94 08:49:37 GMT", Mode::Strict).unwrap();
/// assert_eq!(old.unix(), None);
/// assert_eq!(old.unix_at(1_792_540_800), Some(784_111_777));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpDate {
    /// With the century, or 0 to 99 without.
    year: u16,
    has_century: bool,
    month: u8,
    day: u8,
    /// Since midnight, less the zone: from a day before to a day after.
    secs: i32,
}

impl HttpDate {
    /// Reads a date in any of the three formats; `None` if it is none. Blanks at both ends are ignored.
    ///
    /// [`Mode::Strict`] is the grammar of the RFC, which is case-sensitive. [`Mode::Lenient`] also takes `UTC`, `+0000`
    /// and other numeric zones or none, one-digit days, a missing weekday, short weekdays and four-digit years with
    /// dashes, several blanks, any case. Zones by name (`EST`) are refused: they are guesses.
    pub fn parse(value: &[u8], mode: Mode) -> Option<Self> {
        let scan = Scan::new(trim(value));
        match mode {
            Mode::Strict => imf(scan).or_else(|| rfc850(scan)).or_else(|| asctime(scan)),
            Mode::Lenient => lenient(scan),
        }
    }

    /// Unix seconds, or `None` while the century is open.
    pub fn unix(self) -> Option<i64> {
        if self.has_century { self.in_year(i32::from(self.year)) } else { None }
    }

    /// Unix seconds, with the century settled by `now`, the unix seconds of the response's `Date` (or of a clock).
    ///
    /// Of the centuries before, at and after `now`, the latest in which the day exists and lies **no more than 50 years
    /// ahead** (RFC 9110 section 5.6.7). `None` if the day exists in none of them (29 February).
    pub fn unix_at(self, now: i64) -> Option<i64> {
        if self.has_century {
            return self.unix();
        }
        let now = now.clamp(FIRST_SECOND, LAST_SECOND);
        let (today, second) = (floor_div(now, DAY), now.rem_euclid(DAY));
        // Within years 1 to 9999, so the days fit.
        let (year, month, day) = civil(i32::try_from(today).unwrap_or(0));
        // 29 February of a common year is 1 March.
        let latest = i64::from(day_number(year.saturating_add(50), month, day)) * DAY + second;
        let century = (year - year % 100).saturating_add(i32::from(self.year));
        [century.saturating_add(100), century, century.saturating_sub(100)]
            .into_iter()
            .filter(|year| (1..=9999).contains(year))
            .filter_map(|year| self.in_year(year))
            .find(|unix| *unix <= latest)
    }

    fn in_year(self, year: i32) -> Option<i64> {
        if self.day == 0 || self.day > days_in_month(year, self.month) {
            return None;
        }
        Some(i64::from(day_number(year, self.month, self.day)) * DAY + i64::from(self.secs))
    }

    /// The date, if there can be such a one in some century.
    fn new(year: Year, month: u8, day: u8, secs: i32) -> Option<Self> {
        let (year, has_century) = match year {
            Year::Full(year) => (year, true),
            Year::Short(year) => (year, false),
        };
        let date = Self { year, has_century, month, day, secs };
        let some_year = if has_century { i32::from(year) } else { 2000 + i32::from(year) };
        if some_year == 0 {
            return None;
        }
        date.in_year(some_year).map(|_| date)
    }
}

/// Writes an IMF-fixdate; `None` outside the years 1 to 9999.
///
/// # Example
/// ```
/// use tollgate::headers::http_date::{IMF_LEN, write_imf};
/// let mut buffer = [0; IMF_LEN];
/// assert_eq!(write_imf(784_111_777, &mut buffer), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
/// ```
pub fn write_imf(unix: i64, buffer: &mut [u8; IMF_LEN]) -> Option<&str> {
    let mut out = Out::new(buffer);
    imf_into(unix, &mut out)?;
    core::str::from_utf8(out.done()).ok()
}

pub(super) fn imf_into(unix: i64, out: &mut Out<'_>) -> Option<()> {
    if !(FIRST_SECOND..=LAST_SECOND).contains(&unix) {
        return None;
    }
    let days = i32::try_from(floor_div(unix, DAY)).ok()?;
    let second = u32::try_from(unix.rem_euclid(DAY)).ok()?;
    let (year, month, day) = civil(days);
    out.bytes(DAYS.get(usize::try_from((days_after_monday(days) + 1) % 7).ok()?)?.first_chunk::<3>()?)?;
    out.bytes(b", ")?;
    out.small(u32::from(day), 2)?;
    out.bytes(b" ")?;
    out.bytes(MONTHS.get(usize::from(month).checked_sub(1)?)?)?;
    out.bytes(b" ")?;
    out.small(u32::try_from(year).ok()?, 4)?;
    for (mark, part) in [(b" ", second / 3_600), (b":", second / 60 % 60), (b":", second % 60)] {
        out.bytes(mark)?;
        out.small(part, 2)?;
    }
    out.bytes(b" GMT")
}

#[derive(Clone, Copy)]
enum Year {
    Full(u16),
    Short(u16),
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf(mut scan: Scan<'_>) -> Option<HttpDate> {
    short_day(&mut scan)?;
    scan.word(b", ", false)?;
    let day = scan.two()?;
    scan.byte(b' ')?;
    let month = month(&mut scan, false)?;
    scan.byte(b' ')?;
    let year = full_year(&mut scan)?;
    scan.byte(b' ')?;
    let secs = time_of_day(&mut scan)?;
    scan.word(b" GMT", false)?;
    scan.end()?;
    HttpDate::new(year, month, day, secs)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(mut scan: Scan<'_>) -> Option<HttpDate> {
    let name = scan.take_while(|byte| byte.is_ascii_alphabetic());
    DAYS.contains(&name).then_some(())?;
    scan.word(b", ", false)?;
    let day = scan.two()?;
    scan.byte(b'-')?;
    let month = month(&mut scan, false)?;
    scan.byte(b'-')?;
    let year = Year::Short(scan.two()?.into());
    scan.byte(b' ')?;
    let secs = time_of_day(&mut scan)?;
    scan.word(b" GMT", false)?;
    scan.end()?;
    HttpDate::new(year, month, day, secs)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(mut scan: Scan<'_>) -> Option<HttpDate> {
    short_day(&mut scan)?;
    scan.byte(b' ')?;
    let month = month(&mut scan, false)?;
    scan.byte(b' ')?;
    let day = if scan.byte(b' ').is_some() { u8::try_from(scan.digits(1)?).ok()? } else { scan.two()? };
    scan.byte(b' ')?;
    let secs = time_of_day(&mut scan)?;
    scan.byte(b' ')?;
    let year = full_year(&mut scan)?;
    scan.end()?;
    HttpDate::new(year, month, day, secs)
}

/// Any of the three, with the liberties that [`HttpDate::parse`] lists.
fn lenient(mut scan: Scan<'_>) -> Option<HttpDate> {
    let start = scan;
    let name = scan.take_while(|byte| byte.is_ascii_alphabetic());
    if is_day_name(name) {
        let comma = scan.byte(b',').is_some();
        (scan.blanks() > 0 || comma).then_some(())?;
    } else {
        scan = start;
    }
    if scan.peek()?.is_ascii_alphabetic() {
        let month = month(&mut scan, true)?;
        gap(&mut scan)?;
        let day = day(&mut scan)?;
        gap(&mut scan)?;
        let secs = time_of_day(&mut scan)?;
        gap(&mut scan)?;
        let year = full_year(&mut scan)?;
        scan.end()?;
        return HttpDate::new(year, month, day, secs);
    }
    let day = day(&mut scan)?;
    let dashes = scan.byte(b'-').is_some();
    if !dashes {
        gap(&mut scan)?;
    }
    let month = month(&mut scan, true)?;
    let year = if dashes {
        scan.byte(b'-')?;
        let mut full = scan;
        match full_year(&mut full) {
            Some(year) => {
                scan = full;
                year
            }
            None => Year::Short(scan.two()?.into()),
        }
    } else {
        gap(&mut scan)?;
        full_year(&mut scan)?
    };
    gap(&mut scan)?;
    let secs = time_of_day(&mut scan)?;
    let zone = zone(scan)?;
    HttpDate::new(year, month, day, secs.saturating_sub(zone))
}

/// Nothing, `GMT`, `UTC` or `+hhmm`, and then the end; seconds east of Greenwich.
fn zone(mut scan: Scan<'_>) -> Option<i32> {
    if scan.end().is_some() {
        return Some(0);
    }
    gap(&mut scan)?;
    if scan.word(b"GMT", true).or_else(|| scan.word(b"UTC", true)).is_some() {
        scan.end()?;
        return Some(0);
    }
    let sign = sign(&mut scan)?;
    let (hours, minutes) = (scan.two()?, scan.two()?);
    scan.end()?;
    offset(sign, hours, minutes)
}

/// `+` or `-`, which must be there.
pub(super) fn sign(scan: &mut Scan<'_>) -> Option<i32> {
    if scan.byte(b'+').is_some() { Some(1) } else { scan.byte(b'-').map(|()| -1) }
}

/// An offset from UTC in seconds, less than a day.
pub(super) fn offset(sign: i32, hours: u8, minutes: u8) -> Option<i32> {
    (hours < 24 && minutes < 60).then_some(sign * (i32::from(hours) * 3_600 + i32::from(minutes) * 60))
}

/// `hh:mm:ss`, 00:00:00 to 23:59:60, in seconds; `:60` is the second that follows `:59`.
pub(super) fn time_of_day(scan: &mut Scan<'_>) -> Option<i32> {
    let hour = scan.two()?;
    scan.byte(b':')?;
    let minute = scan.two()?;
    scan.byte(b':')?;
    let second = scan.two()?;
    (hour < 24 && minute < 60 && second <= 60)
        .then_some(i32::from(hour) * 3_600 + i32::from(minute) * 60 + i32::from(second))
}

fn full_year(scan: &mut Scan<'_>) -> Option<Year> {
    Some(Year::Full(u16::try_from(scan.digits(4)?).ok()?))
}

fn day(scan: &mut Scan<'_>) -> Option<u8> {
    let mut two = *scan;
    if let Some(day) = two.two() {
        *scan = two;
        return Some(day);
    }
    u8::try_from(scan.digits(1)?).ok()
}

fn gap(scan: &mut Scan<'_>) -> Option<()> {
    (scan.blanks() > 0).then_some(())
}

fn short_day(scan: &mut Scan<'_>) -> Option<()> {
    DAYS.iter().find_map(|name| scan.word(name.first_chunk::<3>()?, false))
}

fn is_day_name(name: &[u8]) -> bool {
    let short = |day: &&[u8]| day.first_chunk::<3>().is_some_and(|short| name.eq_ignore_ascii_case(short));
    DAYS.iter().any(|day| name.eq_ignore_ascii_case(day) || short(day))
}

fn month(scan: &mut Scan<'_>, fold: bool) -> Option<u8> {
    let at = MONTHS.iter().place(|name| scan.word(name, fold).is_some())?;
    u8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leap_day_skips_centuries_that_lack_it() {
        let date = HttpDate::parse(b"Tuesday, 29-Feb-00 00:00:00 GMT", Mode::Strict).unwrap();
        let year = |year: i32| i64::from(day_number(year, 7, 1)) * DAY;
        assert_eq!(date.unix_at(year(2060)), Some(951_782_400), "2100 has no 29 February: 2000");
        assert_eq!(date.unix_at(year(2260)), None, "2100, 2200 and 2300 have none");
        assert_eq!(date.unix_at(i64::MIN), None);
        assert!(date.unix_at(i64::MAX).is_none(), "9900 has none, 10000 and 10100 are no years");
    }

    #[test]
    fn every_second_that_is_written_is_read_again() {
        let mut buffer = [0; IMF_LEN];
        for step in 0..100_000 {
            let unix = FIRST_SECOND + step * 3_155_379;
            if unix > LAST_SECOND {
                break;
            }
            let text = write_imf(unix, &mut buffer).unwrap();
            assert_eq!(HttpDate::parse(text.as_bytes(), Mode::Strict).and_then(HttpDate::unix), Some(unix));
            assert_eq!(HttpDate::parse(text.as_bytes(), Mode::Lenient).and_then(HttpDate::unix), Some(unix));
        }
        assert_eq!(write_imf(FIRST_SECOND - 1, &mut buffer), None);
        assert_eq!(write_imf(LAST_SECOND + 1, &mut buffer), None);
    }
}
