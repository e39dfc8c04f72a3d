//! Dates and periods against vectors made with another library, and against a walk from day to day.

use proptest::prelude::*;
use tollgate::{
    Boundaries, Calendar, Cycle, Date, IsoWeek, MonthDay, Period, ShortMonth, UtcOffset, Weekday, is_leap_year,
};

use crate::table::Table;

const DAY: i64 = 86_400;
const RULES: [ShortMonth; 2] = [ShortMonth::ClampToLast, ShortMonth::EndOfLast];
const WEEKDAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

fn monthly(anchor: u8, rule: ShortMonth) -> Calendar {
    Calendar::utc(Cycle::Month { anchor: MonthDay::new(anchor).unwrap(), rule })
}

/// `2024-02-29` or `2024-02-29T12:34:56`, in UTC.
fn unix(text: &str) -> i64 {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let part = |text: &str| text.parse::<i64>().unwrap();
    let date: Vec<i64> = date.split('-').map(part).collect();
    let time: Vec<i64> = time.split(':').map(part).collect();
    let day = Date::new(date[0].try_into().unwrap(), date[1].try_into().unwrap(), date[2].try_into().unwrap());
    day.unwrap().to_unix() + time[0] * 3_600 + time[1] * 60 + time[2]
}

#[test]
fn dates_equal_the_vectors() {
    for row in Table::read("ref_calendar.csv", 230).rows() {
        let date = Date::new(row.get("year"), row.get("month"), row.get("day")).unwrap();
        let days: i32 = row.get("days_since_epoch");
        assert_eq!((date.to_days(), Date::from_days(days)), (days, date));
        assert_eq!(date.weekday(), WEEKDAYS[row.get::<usize>("iso_weekday(1=Mon)") - 1]);
        assert_eq!(date.iso_week(), IsoWeek { year: row.get("iso_year"), week: row.get("iso_week") });
        assert_eq!(is_leap_year(i32::from(date.year())), row.get::<u8>("leap") == 1);
        assert_eq!(date.day_of_year(), row.get::<u16>("day_of_year"));
    }
}

#[test]
fn periods_start_where_the_source_says() {
    for row in Table::read("g10_period_starts_seed002.csv", 17).rows() {
        let now = unix(row.text("now_utc"));
        for (column, cycle) in [
            ("daily_start", Cycle::Day),
            ("weekly_start(Mon)", Cycle::Week { start: Weekday::Monday }),
            ("monthly_start", Cycle::MONTH),
        ] {
            let period = Calendar::utc(cycle).period_at(now);
            assert_eq!(period.start, unix(row.text(column)), "{column} of {}", row.text("now_utc"));
            assert!(period.contains(now));
        }
        let IsoWeek { year, week } = Date::from_unix(now).iso_week();
        let weekday = WEEKDAYS.iter().position(|day| *day == Date::from_unix(now).weekday()).unwrap() + 1;
        assert_eq!(format!("{year}-W{week:02}-{weekday}"), row.text("iso_week"));
    }
}

#[test]
fn months_are_counted_from_the_anchor_and_not_from_the_month_before() {
    for (rule, starts) in [
        (ShortMonth::ClampToLast, ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        (ShortMonth::EndOfLast, ["2024-01-31", "2024-03-01", "2024-03-31", "2024-05-01", "2024-05-31"]),
    ] {
        let mut period = monthly(31, rule).period_at(unix("2024-02-15"));
        for start in starts {
            assert_eq!(Date::from_unix(period.start).to_string(), start, "{rule:?}");
            period = monthly(31, rule).period_at(period.end);
        }
    }
}

/// Fifty years of months, whatever the anchor: 600 periods without a gap, each of 28 to 35 days.
#[test]
fn fifty_years_of_months_have_no_gap() {
    for anchor in 1..=31 {
        for rule in RULES {
            let calendar = monthly(anchor, rule);
            let first = calendar.period_at(unix("2000-02-10"));
            let mut period = first;
            for count in 1..=600 {
                assert!((28 * DAY..=35 * DAY).contains(&(period.end - period.start)), "{anchor} {rule:?} {period:?}");
                assert_eq!(calendar.period_at(period.end - 1), period);
                let next = calendar.period_at(period.end);
                assert_eq!((next.start, next.index), (period.end, first.index + count));
                period = next;
            }
            assert_eq!(Date::from_unix(period.start), shifted(first.start, 50), "{anchor} {rule:?}");
        }
    }
}

/// The same month and day so many years later, as far as it exists.
fn shifted(start: i64, years: i16) -> Date {
    let date = Date::from_unix(start);
    let same = Date::new(date.year() + years, date.month(), date.day());
    same.unwrap_or_else(|_| Date::new(date.year() + years, date.month(), date.day() - 1).unwrap())
}

#[test]
fn an_offset_moves_midnight() {
    let india = Calendar { cycle: Cycle::Day, offset: UtcOffset::minutes(330).unwrap() };
    let day = india.period_at(unix("2026-03-07T18:29:59"));
    assert_eq!((day.start, day.end), (unix("2026-03-06T18:30:00"), unix("2026-03-07T18:30:00")));
    assert!(UtcOffset::minutes(-1_440).is_ok() && UtcOffset::minutes(1_440).is_ok());
    assert!(UtcOffset::minutes(1_441).is_err() && UtcOffset::minutes(i16::MIN).is_err());
}

/// Every cycle at every kind of offset.
fn calendar() -> impl Strategy<Value = Calendar> {
    let cycle = prop_oneof![
        Just(Cycle::Day),
        (0..7usize).prop_map(|day| Cycle::Week { start: WEEKDAYS[day] }),
        (1..=31u8, 0..2usize)
            .prop_map(|(day, rule)| Cycle::Month { anchor: MonthDay::new(day).unwrap(), rule: RULES[rule] }),
    ];
    (cycle, -1_440..=1_440i16)
        .prop_map(|(cycle, minutes)| Calendar { cycle, offset: UtcOffset::minutes(minutes).unwrap() })
}

fn range() -> std::ops::RangeInclusive<i64> {
    Date::MIN.to_unix()..=Date::MAX.to_unix() + DAY - 1
}

/// An instant anywhere in the range, near its ends, and near us.
fn instant() -> impl Strategy<Value = i64> {
    let (first, last) = range().into_inner();
    prop_oneof![
        range(),
        first..first + 90 * DAY,
        last - 90 * DAY..=last,
        -40 * DAY..40 * DAY,
        1_600_000_000..1_900_000_000i64
    ]
}

/// Whether a local day begins a period: the rule said in words, without any arithmetic on boundaries.
fn begins(cycle: Cycle, date: Date) -> bool {
    match cycle {
        Cycle::Day => true,
        Cycle::Week { start } => date.weekday() == start,
        Cycle::Month { anchor, rule } => {
            let tomorrow = Date::from_days(date.to_days() + 1);
            let yesterday = Date::from_days(date.to_days() - 1);
            let after_short = date.day() == 1 && yesterday.day() < anchor.get();
            date.day() == anchor.get()
                || match rule {
                    ShortMonth::ClampToLast => tomorrow.day() == 1 && date.day() < anchor.get(),
                    ShortMonth::EndOfLast => after_short,
                }
        }
    }
}

proptest! {
    /// The contract of `Boundaries`, and against a walk over the days.
    #[test]
    fn periods_abut_and_begin_where_the_rule_says(calendar in calendar(), unix in instant()) {
        let period = calendar.period_at(unix);
        prop_assert!(period.contains(unix), "{period:?}");
        let (before, after) = (calendar.period_at(period.start - 1), calendar.period_at(period.end));
        let (first, last) = range().into_inner();
        if period.start > first {
            prop_assert_eq!((before.end, before.index), (period.start, period.index - 1));
        }
        if period.end <= last {
            prop_assert_eq!((after.start, after.index), (period.end, period.index + 1));
        }
        if period.start > first + 2 * DAY && period.end < last - 2 * DAY {
            let shift = i64::from(calendar.offset.as_minutes()) * 60;
            let mut day = Date::from_unix(unix + shift);
            while !begins(calendar.cycle, day) {
                day = Date::from_days(day.to_days() - 1);
            }
            prop_assert_eq!(period.start, day.to_unix() - shift);
        }
    }

    #[test]
    fn later_time_is_never_in_an_earlier_period(calendar in calendar(), a in instant(), b in instant()) {
        let (early, late) = (calendar.period_at(a.min(b)), calendar.period_at(a.max(b)));
        prop_assert!(early.index <= late.index && early.start <= late.start && early.end <= late.end);
    }

    #[test]
    fn the_epoch_is_in_period_0(calendar in calendar()) {
        let shift = i64::from(calendar.offset.as_minutes()) * 60;
        prop_assert_eq!(calendar.period_at(-shift).index, 0);
    }

    /// A clock that says anything gets the first or the last period, and nothing panics.
    #[test]
    fn any_time_at_all_has_a_period(calendar in calendar(), unix: i64, day: i32) {
        let (first, last) = range().into_inner();
        prop_assert_eq!(calendar.period_at(unix), calendar.period_at(unix.clamp(first, last)));
        for (beyond, edge) in [(i64::MAX, last), (last + 1, last), (i64::MIN, first), (first - 1, first)] {
            prop_assert_eq!(calendar.period_at(beyond), calendar.period_at(edge));
        }
        let _ = calendar.cycle.span_at(day);
    }
}

/// In UTC, where the range ends with a day.
#[test]
fn beyond_the_range_every_day_is_the_first_or_the_last() {
    let (first, last) = range().into_inner();
    let daily = Calendar::utc(Cycle::Day);
    for (beyond, edge) in [(last + 1, last), (i64::MAX, last), (first - 1, first), (i64::MIN, first)] {
        assert_eq!(daily.period_at(beyond), daily.period_at(edge));
    }
    assert_eq!(daily.period_at(last).index, Date::MAX.to_days());
}

#[test]
fn a_period_is_half_open() {
    let Period { start, end, .. } = Calendar::utc(Cycle::Day).period_at(0);
    let day = Calendar::utc(Cycle::Day).period_at(0);
    assert!(day.contains(start) && day.contains(end - 1) && !day.contains(end) && !day.contains(start - 1));
    assert_eq!(day.seconds(), 86_400);
}
