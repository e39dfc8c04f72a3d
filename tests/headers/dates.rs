//! HTTP dates against vectors, `httpdate` and `parse-net`.

use crate::vectors::{cases, text};
use proptest::prelude::*;
use tollgate::headers::Mode;
use tollgate::headers::http_date::{HttpDate, IMF_LEN, write_imf};

fn unix(value: &[u8], mode: Mode, now: i64) -> Option<i64> {
    HttpDate::parse(value, mode)?.unix_at(now)
}

#[test]
fn dates_are_read_as_the_vectors_say() {
    for case in cases("http_date.json") {
        let (value, now) = (text(&case, "value").as_bytes(), case["now_unix"].as_i64().unwrap());
        assert_eq!(unix(value, Mode::Strict, now), case["strict"].as_i64(), "strict: {case}");
        assert_eq!(unix(value, Mode::Lenient, now), case["lenient"].as_i64(), "lenient: {case}");
    }
}

/// One second more than 50 years ahead is the past, for every now.
#[test]
fn a_two_digit_year_is_never_more_than_fifty_years_ahead() {
    let date = HttpDate::parse(b"Wednesday, 21-Oct-76 00:00:00 GMT", Mode::Strict).unwrap();
    let fifty_before = 1_792_540_800; // 2026-10-21T00:00:00Z
    assert_eq!(date.unix_at(fifty_before), Some(3_370_464_000));
    assert_eq!(date.unix_at(fifty_before - 1), Some(3_370_464_000 - 3_155_760_000), "2076 is 50 years and 1 s ahead");
    for year in 1..9950 {
        let now = i64::from(year) * 31_556_952 - 62_135_596_800;
        if let Some(unix) = date.unix_at(now) {
            assert!(unix - now <= 50 * 31_556_952 + 3 * 86_400, "year {year}");
            assert!(unix - now > -50 * 31_556_952 - 3 * 86_400 || year < 80, "year {year}");
        }
    }
}

/// What `httpdate` accepts, we read alike, but for its fixed pivot of two-digit years.
#[test]
fn we_agree_with_httpdate() {
    for case in cases("http_date.json") {
        let value = text(&case, "value");
        let Ok(theirs) = httpdate::parse_http_date(value) else { continue };
        let theirs = theirs.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let id = text(&case, "id");
        if id.starts_with("rfc850-") {
            continue;
        }
        assert_eq!(unix(value.as_bytes(), Mode::Lenient, 1_792_540_800), i64::try_from(theirs).ok(), "{id}");
    }
}

/// `parse-net` refuses a leap second and a wrong weekday; else the two agree exactly.
#[test]
fn we_agree_with_parse_net() {
    let ours_alone = ["leap-second", "leap-second-2016", "sec-60-odd-minute", "weekday-mismatch"];
    for case in cases("http_date.json") {
        let (value, now) = (text(&case, "value").as_bytes(), case["now_unix"].as_i64().unwrap());
        let theirs = parse_net::http_date_at(value, now).ok().map(parse_net::HttpDate::unix);
        let ours = unix(value, Mode::Strict, now);
        if ours_alone.contains(&text(&case, "id")) {
            assert_ne!(ours, theirs, "no exception needed: {case}");
        } else {
            assert_eq!(ours, theirs, "{case}");
        }
    }
}

proptest! {
    #[test]
    fn the_two_writers_and_four_readers_agree(unix in -62_135_596_800_i64..=253_402_300_799) {
        let mut buffer = [0; IMF_LEN];
        let text = write_imf(unix, &mut buffer).unwrap();
        let theirs = parse_net::HttpDate::parse_imf_fixdate(text.as_bytes()).unwrap();
        prop_assert_eq!(theirs.unix(), unix);
        prop_assert_eq!(&theirs.format()[..], text.as_bytes());
        for mode in [Mode::Strict, Mode::Lenient] {
            prop_assert_eq!(HttpDate::parse(text.as_bytes(), mode).and_then(HttpDate::unix), Some(unix));
        }
        if unix >= 0 {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix.unsigned_abs());
            prop_assert_eq!(httpdate::fmt_http_date(time), text);
        }
    }

    /// Two-digit years, for any response of nine centuries and any date within 49 years of it.
    #[test]
    fn the_century_is_the_one_that_parse_net_finds(now in -11_676_096_000_i64..16_725_225_600, away in -49 * 31_556_952_i64..49 * 31_556_952) {
        const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let mut buffer = [0; IMF_LEN];
        let imf = write_imf(now + away, &mut buffer).unwrap();
        let name = DAYS.iter().find(|name| name.starts_with(&imf[..3])).unwrap();
        let text = format!("{name}, {}-{}-{}{}", &imf[5..7], &imf[8..11], &imf[14..16], &imf[16..]);
        prop_assert_eq!(unix(text.as_bytes(), Mode::Strict, now), Some(now + away), "{}", text);
        prop_assert_eq!(parse_net::http_date_at(text.as_bytes(), now).unwrap().unix(), now + away, "{}", text);
    }

    /// What is valid to the letter means the same to the lenient reader; and nothing panics.
    #[test]
    fn lenient_contains_strict(value in "(Sun|Monday|Wednesday|sun|X)?,?[ ]{0,2}([0-9]{0,2}|Nov)[ -]{0,2}(Nov|feb|29)?[ -]?[0-9]{0,5}[ ]([0-2][0-9]:[0-6][0-9]:[0-6][0-9])?( GMT| UTC| [+-][0-9]{4}|)?") {
        if let Some(date) = HttpDate::parse(value.as_bytes(), Mode::Strict) {
            prop_assert_eq!(HttpDate::parse(value.as_bytes(), Mode::Lenient), Some(date));
        }
        let _ = HttpDate::parse(value.as_bytes(), Mode::Lenient).map(|date| date.unix_at(0));
    }

    #[test]
    fn any_bytes_are_read_without_panic(value in proptest::collection::vec(any::<u8>(), 0..80), now: i64) {
        for mode in [Mode::Strict, Mode::Lenient] {
            let _ = HttpDate::parse(&value, mode).map(|date| (date.unix(), date.unix_at(now)));
        }
    }
}
