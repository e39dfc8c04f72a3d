//! Days in real zones against vectors made with another time-zone library, and the contract of `Boundaries` there.

use proptest::prelude::*;
use tollgate::{Boundaries, Calendar, Cycle, Date, MonthDay, ShortMonth, Weekday};
use tollgate_std::ZonedCalendar;

use crate::table::Table;

fn days(zone: &str) -> ZonedCalendar {
    ZonedCalendar::new(Cycle::Day, zone).unwrap()
}

#[test]
fn local_days_equal_the_vectors() {
    let mut odd = 0;
    for row in Table::read("ref_dst_days.csv", 70).rows() {
        let (start, end): (i64, i64) = (row.get("start_epoch_s"), row.get("end_epoch_s"));
        let calendar = days(row.text("zone"));
        for unix in [start, start + 1, i64::midpoint(start, end), end - 1] {
            let period = calendar.period_at(unix);
            assert_eq!((period.start, period.end), (start, end), "{} {}", row.text("zone"), row.text("local_date"));
            assert_eq!(Date::from_days(period.index).to_string(), row.text("local_date"));
            assert_eq!(period.seconds(), row.get::<u64>("length_s"));
        }
        odd += u32::from(row.text("length_s") != "86400");
    }
    assert_eq!(odd, 6, "days of 23, 23.5, 24.5 and 25 hours");
}

/// Where the clock goes back over midnight, the day that has begun does not end a second time.
#[test]
fn a_clock_that_goes_back_over_midnight_starts_no_day_twice() {
    // St John's, 29 October 2006: 00:01 became 23:01 of the 28th, at 02:31 UTC.
    let calendar = days("America/St_Johns");
    let midnight = 1_162_089_000;
    let day = calendar.period_at(midnight);
    assert_eq!((day.start, calendar.period_at(midnight - 1).end), (midnight, midnight));
    assert_eq!(calendar.period_at(midnight + 60), day, "23:01 again");
    assert_eq!(calendar.period_at(midnight + 3_660), day, "00:01 again");
    assert_eq!(day.seconds(), 25 * 3_600);
}

/// Where the clock skips midnight, the day begins with the first second that it has.
#[test]
fn a_clock_that_skips_midnight_starts_the_day_after_the_gap() {
    // Toronto, 30 March 1919: 23:30 became 00:30 of the 31st.
    let calendar = days("America/Toronto");
    let skip = -1_601_753_400;
    assert_eq!((calendar.period_at(skip - 1).end, calendar.period_at(skip).start), (skip, skip));
    // Samoa had no 30 December 2011: the 31st follows the 29th.
    let samoa = days("Pacific/Apia");
    let before = samoa.period_at(1_325_200_000);
    let after = samoa.period_at(before.end);
    assert_eq!((Date::from_days(before.index), Date::from_days(after.index)), (day(2011, 12, 29), day(2011, 12, 31)));
    assert_eq!(after.start, before.end);
}

fn day(year: i16, month: u8, day: u8) -> Date {
    Date::new(year, month, day).unwrap()
}

#[test]
fn a_zone_without_a_shift_equals_the_calendar_of_the_core() {
    let cycle = Cycle::Month { anchor: MonthDay::new(31).unwrap(), rule: ShortMonth::EndOfLast };
    let zoned = ZonedCalendar::new(cycle, "UTC").unwrap();
    for month in 0..600 {
        let unix = month * 30 * 86_400;
        assert_eq!(zoned.period_at(unix), Calendar::utc(cycle).period_at(unix));
    }
}

#[test]
fn an_unknown_zone_is_named() {
    let error = ZonedCalendar::new(Cycle::Day, "Europe/Atlantis").unwrap_err();
    assert_eq!(error.to_string(), "no time zone \"Europe/Atlantis\": expected an IANA name such as Europe/Berlin");
}

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/St_Johns",
    "America/Toronto",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Africa/Monrovia",
];

/// Every quarter of an hour of every day that is not 24 hours long, through two centuries of shifts.
#[test]
fn every_moment_of_an_odd_day_lies_in_it() {
    for zone in ZONES {
        let calendar = days(zone);
        let (mut odd, mut period) = (0, calendar.period_at(-3_000_000_000));
        while period.start < 2_500_000_000 {
            if period.seconds() != 86_400 {
                odd += 1;
                for unix in (period.start..period.end).step_by(900) {
                    assert_eq!(calendar.period_at(unix), period, "{zone}");
                }
            }
            let next = calendar.period_at(period.end);
            assert!(next.start == period.end && next.index > period.index, "{zone}: {period:?}, then {next:?}");
            period = next;
        }
        assert!(odd > 0, "{zone}");
    }
}

proptest! {
    #[test]
    fn local_periods_abut(zone in 0..ZONES.len(), kind in 0..3usize, unix in -2_600_000_000..4_000_000_000i64) {
        let anchor = MonthDay::new(31).unwrap();
        let cycle = [
            Cycle::Day,
            Cycle::Week { start: Weekday::Sunday },
            Cycle::Month { anchor, rule: ShortMonth::ClampToLast },
        ][kind];
        let calendar = ZonedCalendar::new(cycle, ZONES[zone]).unwrap();
        let period = calendar.period_at(unix);
        prop_assert!(period.contains(unix));
        let next = calendar.period_at(period.end);
        prop_assert_eq!(next.start, period.end);
        prop_assert!(next.index > period.index);
        prop_assert_eq!(calendar.period_at(period.end - 1), period);
    }

    #[test]
    fn any_time_has_a_local_period(zone in 0..ZONES.len(), unix: i64) {
        let _ = days(ZONES[zone]).period_at(unix);
        let _ = days(ZONES[zone]).period_at(i64::MAX);
        let _ = days(ZONES[zone]).period_at(i64::MIN);
    }
}
