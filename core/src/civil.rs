//! Civil dates: days since 1970 to year, month and day, and back, without tables.
//!
//! The proleptic Gregorian calendar from the year -9999 to 9999. Days are counted in eras of 400 years, 146 097 days
//! each, whose years start in March, so that the leap day is the last of the year: Howard Hinnant's arithmetic.
//!
//! ```text
//! day number      -719 162           0             20 778           2 932 896
//! date           0001-01-01     1970-01-01       2026-11-21        9999-12-31
//! ```

use crate::division::{divide, divide_up};
use core::fmt;

/// Seconds in a day of UTC, which knows no other kind.
pub(crate) const DAY: i64 = 86_400;

/// From 0000-03-01 to 1970-01-01.
const EPOCH: i32 = 719_468;
const ERA_YEARS: i32 = 400;
const ERA_DAYS: i32 = 146_097;

/// A day of the Gregorian calendar, from -9999-01-01 to 9999-12-31.
///
/// # Example
/// ```
/// use tollgate::{Date, IsoWeek, Weekday};
/// let leap_day = Date::new(2024, 2, 29)?;
/// assert_eq!((leap_day.to_days(), leap_day.weekday()), (19_782, Weekday::Thursday));
/// assert_eq!(Date::new(2024, 12, 30)?.iso_week(), IsoWeek { year: 2025, week: 1 });
/// assert_eq!(Date::from_unix(1_709_251_199), leap_day); // its last second
/// # Ok::<(), tollgate::CalendarError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Date {
    year: i16,
    month: u8,
    day: u8,
}

/// A day of the week, from Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(missing_docs, reason = "the seven days need no explanation")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A week as ISO 8601 numbers it: Monday to Sunday, week 1 has the first Thursday of its year.
///
/// The first days of January may belong to the last week of the year before, and the last of December to week 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IsoWeek {
    /// The year that the week belongs to.
    pub year: i16,
    /// 1 to 53.
    pub week: u8,
}

/// Why a date or a calendar cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CalendarError {
    /// No such day, or none within the years -9999 to 9999.
    NoSuchDate {
        /// The year.
        year: i16,
        /// The month.
        month: u8,
        /// The day.
        day: u8,
    },
    /// A day of the month that no month has.
    MonthDay {
        /// The day.
        day: u8,
    },
    /// An offset from UTC of more than a day.
    Offset {
        /// Minutes east of UTC.
        minutes: i16,
    },
}

impl CalendarError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoSuchDate { .. } => "no such date: expected a day of the years -9999 to 9999",
            Self::MonthDay { .. } => "no such day of the month: expected 1 to 31",
            Self::Offset { .. } => "an offset of more than a day: expected -1440 to 1440 minutes",
        }
    }
}

impl fmt::Display for CalendarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDate { year, month, day } => {
                write!(f, "no date {year:04}-{month:02}-{day:02}: expected a day of the years -9999 to 9999")
            }
            Self::MonthDay { day } => write!(f, "no day {day} of the month: expected 1 to 31"),
            Self::Offset { minutes } => {
                write!(f, "an offset of {minutes} minutes: expected -1440 to 1440")
            }
        }
    }
}

impl core::error::Error for CalendarError {}

impl Date {
    /// The first day of the range, -9999-01-01.
    pub const MIN: Self = Self { year: -9999, month: 1, day: 1 };
    /// The last day of the range, 9999-12-31.
    pub const MAX: Self = Self { year: 9999, month: 12, day: 31 };

    /// The day of this year, month (1 to 12) and day of the month (1 to 31).
    ///
    /// # Errors
    /// [`CalendarError::NoSuchDate`]: 29 February of a common year, month 13, the year 10 000.
    pub const fn new(year: i16, month: u8, day: u8) -> Result<Self, CalendarError> {
        if year < -9999 || year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in_month(year as i32, month)
        {
            return Err(CalendarError::NoSuchDate { year, month, day });
        }
        Ok(Self { year, month, day })
    }

    /// The day that is so many days after 1970-01-01; beyond the range, the first or last day of it.
    pub const fn from_days(days: i32) -> Self {
        if days <= Self::MIN.to_days() {
            return Self::MIN;
        }
        if days >= Self::MAX.to_days() {
            return Self::MAX;
        }
        let (year, month, day) = civil(days);
        #[expect(clippy::cast_possible_truncation, reason = "between -9999 and 9999, by the two checks")]
        Self { year: year as i16, month, day }
    }

    /// The day in UTC of a Unix time in seconds; beyond the range, the first or last day of it.
    pub const fn from_unix(unix: i64) -> Self {
        Self::from_days(unix_day(unix, 0))
    }

    /// Days since 1970-01-01; negative before.
    pub const fn to_days(self) -> i32 {
        day_number(self.year as i32, self.month, self.day)
    }

    /// The Unix time in seconds at which this day starts in UTC.
    pub const fn to_unix(self) -> i64 {
        self.to_days() as i64 * DAY
    }

    /// The year; 0 is the year before 1.
    pub const fn year(self) -> i16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The day of the week.
    pub const fn weekday(self) -> Weekday {
        match days_after_monday(self.to_days()) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }

    /// The day of the year, 1 to 366.
    pub const fn day_of_year(self) -> u16 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 366")]
        {
            self.to_days().saturating_sub(day_number(self.year as i32, 1, 1)).saturating_add(1) as u16
        }
    }

    /// The week as ISO 8601 numbers it.
    pub const fn iso_week(self) -> IsoWeek {
        let days = self.to_days();
        // A week belongs to the year of its Thursday. The last days of 9999 and the first of -9999 stay in the range,
        // because those Thursdays do.
        let thursday = days.saturating_add(3 - days_after_monday(days));
        let (year, ..) = civil(thursday);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 53, and the year of a Date")]
        IsoWeek { year: year as i16, week: (thursday.saturating_sub(day_number(year, 1, 1)) / 7 + 1) as u8 }
    }
}

impl fmt::Display for Date {
    /// `2026-11-21`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Whether this year has a 29 February.
pub const fn is_leap_year(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// 28 to 31; `month` is 1 to 12.
pub(crate) const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// How many days after the last Monday: 0 to 6.
pub(crate) const fn days_after_monday(days: i32) -> i32 {
    // 1970-01-01 was a Thursday; no date is so late that the sum is not one.
    days.saturating_add(3).rem_euclid(7)
}

/// The quotient rounded down; `by` is above zero. The standard one keeps a check that it fits, which it always does.
pub(crate) const fn floor_div(number: i64, by: i64) -> i64 {
    let (size, by) = (number.unsigned_abs(), by.unsigned_abs());
    // At most 2^63, and as a negative number that fits too.
    if number < 0 { 0i64.wrapping_sub_unsigned(divide_up(size, by)) } else { divide(size, by).0.cast_signed() }
}

/// The day number of a Unix time in a zone so many seconds east of UTC, held to the years around -9999 and 9999.
pub(crate) const fn unix_day(unix: i64, offset: i64) -> i32 {
    let (first, last) = (Date::MIN.to_unix(), Date::MAX.to_unix() + DAY - 1);
    let held = if unix < first {
        first
    } else if unix > last {
        last
    } else {
        unix
    };
    #[expect(clippy::cast_possible_truncation, reason = "held to twenty thousand years: below four million days")]
    {
        floor_div(held.saturating_add(offset), DAY) as i32
    }
}

/// Days from 1970-01-01 to a civil date; exact for at least the years -100 000 to 100 000.
pub(crate) const fn day_number(year: i32, month: u8, day: u8) -> i32 {
    // Years start in March, so January and February belong to the year before.
    let year = if month > 2 { year } else { year.saturating_sub(1) };
    let month = (month as i32 + 9) % 12;
    let (era, of_era) = (year.div_euclid(ERA_YEARS), year.rem_euclid(ERA_YEARS));
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + days_before(month) + day as i32 - 1;
    era.saturating_mul(ERA_DAYS).saturating_add(day_of_era - EPOCH)
}

/// The year, month and day of a day number, the reverse of [`day_number`].
pub(crate) const fn civil(days: i32) -> (i32, u8, u8) {
    let shifted = days.saturating_add(EPOCH);
    let (era, day_of_era) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    // Take out the leap days that lie before this one: one in 4 years, not in 100, but in the last year of the era.
    let of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (of_era * 365 + of_era / 4 - of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - days_before(month) + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 12 and 1 to 31")]
    {
        (era * ERA_YEARS + of_era + carry, month as u8, day as u8)
    }
}

/// Days before month `month` of a year that starts in March (0): 31, 30, 31, 30, 31 repeat, 153 days in five months.
const fn days_before(month: i32) -> i32 {
    (153 * month + 2) / 5
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn every_day_of_twenty_thousand_years_follows_the_one_before() {
        let (mut year, mut month, mut day) = (-9999, 1, 1);
        for days in Date::MIN.to_days()..=Date::MAX.to_days() {
            assert_eq!((civil(days), day_number(year, month, day)), ((year, month, day), days));
            // The obvious way to the next day.
            day += 1;
            if day > days_in_month(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
    }

    #[test]
    fn dates_outside_the_range_are_held_or_refused() {
        for (days, expected) in [(i32::MIN, Date::MIN), (i32::MAX, Date::MAX), (2_932_897, Date::MAX)] {
            assert_eq!(Date::from_days(days), expected);
        }
        for (unix, expected) in [(i64::MIN, Date::MIN), (i64::MAX, Date::MAX), (-1, Date::from_days(-1))] {
            assert_eq!(Date::from_unix(unix), expected);
        }
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 0, 1), (2024, 1, 0), (10_000, 1, 1)]
        {
            assert_eq!(Date::new(year, month, day), Err(CalendarError::NoSuchDate { year, month, day }));
        }
        let error = CalendarError::NoSuchDate { year: 2023, month: 2, day: 29 };
        assert_eq!(error.to_string(), "no date 2023-02-29: expected a day of the years -9999 to 9999");
        assert_eq!(Date::MAX.iso_week(), IsoWeek { year: 9999, week: 52 });
        assert_eq!(Date::MIN.iso_week(), IsoWeek { year: -9999, week: 1 });
    }
}
