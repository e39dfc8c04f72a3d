//! `Calendar`: days, weeks and months with an anchor, as half-open periods of Unix time.
//!
//! For budgets that start afresh at midnight or on the 15th. "In any 24 hours" is a window, not a calendar.
//! Four bytes. Every boundary is computed from the anchor, never from the boundary before it: a month anchored on the
//! 31st comes back to the 31st after February.
//!
//! ```text
//! anchor 31, ClampToLast   31 Jan ──────── 29 Feb ─────── 31 Mar ─────── 30 Apr ────
//! anchor 31, EndOfLast     31 Jan ─────────── 1 Mar ───── 31 Mar ────────── 1 May ──
//!                               └ [start, end): the end belongs to the next period
//! ```
//!
//! UTC or a fixed offset. Zones with summer time, whose days have 23 or 25 hours, implement [`Boundaries`].

use crate::civil::{CalendarError, DAY, Date, Weekday, civil, day_number, days_after_monday, days_in_month, unix_day};

/// What repeats: days, weeks or months, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Cycle {
    /// From midnight to midnight.
    Day,
    /// Seven days, from midnight at the start of this day.
    Week {
        /// The first day of the week.
        start: Weekday,
    },
    /// From midnight at the start of this day of the month.
    Month {
        /// The day of the month.
        anchor: MonthDay,
        /// What happens in months that lack that day; no matter up to 28.
        rule: ShortMonth,
    },
}

/// A day of the month, 1 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "u8", try_from = "u8"))]
pub struct MonthDay(u8);

/// Where a month starts that lacks the anchor day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ShortMonth {
    /// At the start of its last day, as Stripe bills: 31 becomes 29 February, 00:00.
    ClampToLast,
    /// At the end of its last day, as Android counts data plans: 31 becomes 1 March, 00:00.
    EndOfLast,
}

/// A fixed distance from UTC in minutes, east positive, up to a day either way.
///
/// # Example
/// ```
/// use tollgate::{Calendar, Cycle, UtcOffset};
/// // Days in India begin at 18:30 UTC.
/// const INDIA: UtcOffset = tollgate::valid!(UtcOffset::minutes(330));
/// let days = Calendar { cycle: Cycle::Day, offset: INDIA };
/// assert_eq!(days.period(0).start, -330 * 60);
/// assert!(UtcOffset::minutes(1_441).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "i16", try_from = "i16"))]
pub struct UtcOffset(i16);

/// One period of a calendar: `start <= t < end`, in seconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Period {
    /// The number of the period: the next one has the next number, and 0 is the one that 1970-01-01 is in. Comparable
    /// only within one calendar.
    pub index: i32,
    /// The first second of the period.
    pub start: i64,
    /// The first second after it.
    pub end: i64,
}

/// Where periods begin and end.
///
/// An implementor promises, for every `unix` within the years -9999 to 9999: the period contains it; the period that
/// contains its `end` starts there, and has the next index (a higher one, where a zone has skipped a whole day). Beyond
/// those years, and up to two days before their ends, he may answer with the first or last period that he knows.
///
/// # Example
/// A provider whose quota is whole again every five hours, whatever the date:
/// ```
/// use tollgate::{Amount, Boundaries, BudgetSpec, Credits, Period, Renewal};
/// struct FiveHours;
/// impl Boundaries for FiveHours {
///     fn period_at(&self, unix: i64) -> Period {
///         const SECONDS: i64 = 5 * 3_600;
///         let number = unix.div_euclid(SECONDS).clamp(i32::MIN.into(), i32::MAX.into());
///         let start = number * SECONDS;
///         Period { index: i32::try_from(number).unwrap_or(0), start, end: start + SECONDS }
///     }
/// }
/// static ZONE: FiveHours = FiveHours;
/// static WINDOW: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Zone(&ZONE));
/// let Renewal::Zone(zone) = WINDOW.renewal() else { panic!() };
/// assert_eq!(zone.period_at(-1).end, 0);
/// assert!(zone.period_at(17_999).contains(0) && !zone.period_at(18_000).contains(17_999));
/// ```
pub trait Boundaries {
    /// The period that contains this second of Unix time.
    fn period_at(&self, unix: i64) -> Period;
}

impl<B: Boundaries + ?Sized> Boundaries for &B {
    fn period_at(&self, unix: i64) -> Period {
        (**self).period_at(unix)
    }
}

/// Periods in UTC or at a fixed offset from it.
///
/// # Example
/// ```
/// use tollgate::{Boundaries, Calendar, Cycle, Date, MonthDay, ShortMonth};
/// const ON_THE_31ST: MonthDay = tollgate::valid!(MonthDay::new(31));
/// let billing = Calendar::utc(Cycle::Month { anchor: ON_THE_31ST, rule: ShortMonth::ClampToLast });
///
/// let january = billing.period_at(Date::new(2024, 2, 10)?.to_unix());
/// assert_eq!(Date::from_unix(january.start), Date::new(2024, 1, 31)?);
/// assert_eq!(Date::from_unix(january.end), Date::new(2024, 2, 29)?);
/// let february = billing.period_at(january.end);
/// assert_eq!(Date::from_unix(february.end), Date::new(2024, 3, 31)?); // the 31st again, not the 29th
/// # Ok::<(), tollgate::CalendarError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Calendar {
    /// What repeats.
    pub cycle: Cycle,
    /// Where midnight is.
    #[cfg_attr(feature = "serde", serde(default))]
    pub offset: UtcOffset,
}

/// One period of a [`Cycle`] in whole days: `first <= day < next`.
///
/// For implementors of [`Boundaries`], who know at which second of Unix time a day starts in their zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Span {
    /// The number of the period, as in [`Period::index`].
    pub index: i32,
    /// Its first day, in days since 1970-01-01.
    pub first: i32,
    /// The first day after it.
    pub next: i32,
}

impl MonthDay {
    /// The first, which every month has.
    pub const FIRST: Self = Self(1);

    /// The `day`-th of the month.
    ///
    /// # Errors
    /// [`CalendarError::MonthDay`] outside 1 to 31.
    pub const fn new(day: u8) -> Result<Self, CalendarError> {
        match day {
            1..=31 => Ok(Self(day)),
            _ => Err(CalendarError::MonthDay { day }),
        }
    }

    /// 1 to 31.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for MonthDay {
    type Error = CalendarError;

    fn try_from(day: u8) -> Result<Self, CalendarError> {
        Self::new(day)
    }
}

impl From<MonthDay> for u8 {
    fn from(day: MonthDay) -> Self {
        day.0
    }
}

impl UtcOffset {
    /// None: UTC itself.
    pub const UTC: Self = Self(0);

    /// So many minutes east of UTC; west is negative.
    ///
    /// # Errors
    /// [`CalendarError::Offset`] outside -1440 to 1440.
    pub const fn minutes(minutes: i16) -> Result<Self, CalendarError> {
        match minutes {
            -1440..=1440 => Ok(Self(minutes)),
            _ => Err(CalendarError::Offset { minutes }),
        }
    }

    /// Minutes east of UTC.
    pub const fn as_minutes(self) -> i16 {
        self.0
    }
}

impl TryFrom<i16> for UtcOffset {
    type Error = CalendarError;

    fn try_from(minutes: i16) -> Result<Self, CalendarError> {
        Self::minutes(minutes)
    }
}

impl From<UtcOffset> for i16 {
    fn from(offset: UtcOffset) -> Self {
        offset.0
    }
}

impl Period {
    /// Whether this second lies in the period; the end does not.
    pub const fn contains(&self, unix: i64) -> bool {
        self.start <= unix && unix < self.end
    }

    /// How many seconds it has.
    pub const fn seconds(&self) -> u64 {
        self.end.abs_diff(self.start)
    }
}

impl Cycle {
    /// From the first of each month.
    pub const MONTH: Self = Self::Month { anchor: MonthDay::FIRST, rule: ShortMonth::ClampToLast };

    /// The period that contains this day, where `day` is in days since 1970-01-01.
    ///
    /// Beyond the years -9999 to 9999, and the day on either side of them that an offset may reach, it is the first or
    /// the last one.
    pub const fn span_at(self, day: i32) -> Span {
        const FIRST: i32 = Date::MIN.to_days() - 1;
        const LAST: i32 = Date::MAX.to_days() + 1;
        let day = match day {
            ..FIRST => FIRST,
            FIRST..=LAST => day,
            _ => LAST,
        };
        match self {
            Self::Day => Span { index: day, first: day, next: day + 1 },
            Self::Week { start } => {
                let first = day - days_after_monday(day - start as i32);
                let epoch = -days_after_monday(-(start as i32));
                Span { index: (first - epoch) / 7, first, next: first + 7 }
            }
            Self::Month { anchor, rule } => {
                let (current, epoch) = (rule.month_of(day, anchor), rule.month_of(0, anchor));
                Span {
                    index: current.saturating_sub(epoch),
                    first: rule.start(current, anchor),
                    next: rule.start(current.saturating_add(1), anchor),
                }
            }
        }
    }
}

impl ShortMonth {
    /// The month in which the period of this day starts, counted from January of the year 0.
    const fn month_of(self, day: i32, anchor: MonthDay) -> i32 {
        let (year, month, _) = civil(day);
        let months = year.saturating_mul(12).saturating_add(month as i32 - 1);
        if day < self.start(months, anchor) { months.saturating_sub(1) } else { months }
    }

    /// The day on which the period of this month starts; months are counted from January of the year 0.
    const fn start(self, months: i32, anchor: MonthDay) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "1 to 12")]
        let (year, month) = (months.div_euclid(12), (months.rem_euclid(12) + 1) as u8);
        let last = days_in_month(year, month);
        if anchor.0 <= last {
            return day_number(year, month, anchor.0);
        }
        match self {
            Self::ClampToLast => day_number(year, month, last),
            Self::EndOfLast => day_number(year, month, last) + 1,
        }
    }
}

impl Calendar {
    /// This cycle in UTC.
    pub const fn utc(cycle: Cycle) -> Self {
        Self { cycle, offset: UtcOffset::UTC }
    }

    /// The period that contains this second of Unix time: [`Boundaries::period_at`] for constants.
    pub const fn period(&self, unix: i64) -> Period {
        let offset = self.offset.0 as i64 * 60;
        let Span { index, first, next } = self.cycle.span_at(unix_day(unix, offset));
        Period { index, start: first as i64 * DAY - offset, end: next as i64 * DAY - offset }
    }
}

impl Boundaries for Calendar {
    fn period_at(&self, unix: i64) -> Period {
        self.period(unix)
    }
}
