//! Days and civil dates of the proleptic Gregorian calendar, years 1 to 9999, in 32 bits.
//!
//! To be replaced by `crate::calendar`: `days_from_civil`, `civil_from_days`, `days_in_month` and `weekday` are all that
//! this module uses of it.

/// The day number of 1970-01-01 when 0001-01-01 is day 1.
const EPOCH: i32 = 719_163;

pub(super) const SECS_PER_DAY: i64 = 86_400;

/// Unix seconds of 0001-01-01T00:00:00Z and of 9999-12-31T23:59:59Z.
pub(super) const FIRST_SECOND: i64 = -62_135_596_800;
pub(super) const LAST_SECOND: i64 = 253_402_300_799;

const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// How many days the month has; none if there is no such month.
pub(super) const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Days from 1970-01-01; `year` 1 to 9999, `month` 1 to 12. A day past the month's end runs on into the next.
pub(super) const fn days_from_civil(year: i32, month: u8, day: u8) -> i32 {
    let past = year - 1;
    let years = 365 * past + past / 4 - past / 100 + past / 400;
    // Months of 30.58 days, then February put right.
    let months = (367 * month as i32 - 362) / 12;
    let february = if month <= 2 { 0 } else { 2 - is_leap(year) as i32 };
    years + months - february + day as i32 - EPOCH
}

/// Year, month and day of a day counted from 1970-01-01, within years 1 to 9999.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 12 and 1 to 31")]
pub(super) const fn civil_from_days(days: i32) -> (i32, u8, u8) {
    let from_first = days + EPOCH - 1;
    let (n400, rest) = (from_first / 146_097, from_first % 146_097);
    let (n100, rest) = (rest / 36_524, rest % 36_524);
    let (n4, rest) = (rest / 1_461, rest % 1_461);
    let n1 = rest / 365;
    // The last day of a leap cycle belongs to the year that it ends.
    let year = 400 * n400 + 100 * n100 + 4 * n4 + n1 + (n100 != 4 && n1 != 4) as i32;
    let in_year = days - days_from_civil(year, 1, 1);
    let february = if days < days_from_civil(year, 3, 1) { 0 } else { 2 - is_leap(year) as i32 };
    let month = ((12 * (in_year + february) + 373) / 367) as u8;
    let day = (days - days_from_civil(year, month, 1) + 1) as u8;
    (year, month, day)
}

/// 0 for Sunday to 6 for Saturday.
#[expect(clippy::cast_possible_truncation, reason = "0 to 6")]
pub(super) const fn weekday(days: i32) -> u8 {
    (days + EPOCH).rem_euclid(7) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_is_counted_once() {
        let (mut days, mut name) = (days_from_civil(1, 1, 1), 1);
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_from_civil(year, month, day), days);
                    assert_eq!(civil_from_days(days), (year, month, day));
                    assert_eq!(weekday(days), name, "{year}-{month}-{day}");
                    (days, name) = (days + 1, (name + 1) % 7);
                }
            }
        }
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(i64::from(days_from_civil(1, 1, 1)) * SECS_PER_DAY, FIRST_SECOND);
        assert_eq!(i64::from(days) * SECS_PER_DAY - 1, LAST_SECOND);
    }
}
