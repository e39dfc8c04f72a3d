//! `Retry-After`, Go durations and RFC 3339 against the vectors.

use crate::vectors::{cases, text};
use proptest::prelude::*;
use tollgate::Duration;
use tollgate::headers::Mode;
use tollgate::headers::http_date::HttpDate;
use tollgate::headers::moment::{UnixMicros, go_duration, rfc3339};
use tollgate::headers::retry_after::{Kind, RetryAfter, millis, pushback};

fn millis_up(span: Duration) -> u64 {
    span.as_micros().div_ceil(1_000)
}

#[test]
fn retry_after_is_read_as_the_vectors_say() {
    for case in cases("retry_after.json") {
        let now = case["now_unix"].as_i64().unwrap();
        let date = case["date"].as_str().and_then(|date| HttpDate::parse(date.as_bytes(), Mode::Lenient));
        let base = UnixMicros::from_secs(date.and_then(|date| date.unix_at(now)).unwrap_or(now));
        let mut lines = RetryAfter::new();
        for line in case["retry_after"].as_array().unwrap() {
            lines.line(line.as_str().unwrap().as_bytes(), Mode::Lenient);
        }
        let (wait, expect) = (lines.resolve(Some(base)), &case["expect"]);
        let kind = match wait.map(|wait| wait.kind) {
            None => "invalid",
            Some(Kind::Seconds) => "seconds",
            Some(Kind::Decimal) => "decimal",
            Some(Kind::Date) => "date",
        };
        assert_eq!(kind, text(expect, "kind"), "{case}");
        let saturated = wait.is_some_and(|wait| wait.delay.saturated);
        assert_eq!(saturated, expect["saturated"].as_bool().unwrap(), "{case}");
        let told = wait.filter(|_| !saturated).map(|wait| millis_up(wait.delay.span));
        assert_eq!(told, expect["delay_ms"].as_u64(), "{case}");
        if saturated {
            assert_eq!(wait.unwrap().delay.span, Duration::MAX);
        }
    }
}

#[test]
fn the_strict_reader_takes_what_the_rfc_allows_and_no_more() {
    for case in cases("retry_after.json") {
        let lines = case["retry_after"].as_array().unwrap();
        let [line] = &lines[..] else { continue };
        let valid = RetryAfter::new().line(line.as_str().unwrap().as_bytes(), Mode::Strict);
        assert_eq!(valid, case["strict_valid"].as_bool().unwrap(), "{case}");
    }
}

#[test]
fn durations_are_read_as_the_vectors_say() {
    for case in cases("durations.json") {
        let value = text(&case, "value").as_bytes();
        match text(&case, "format") {
            "go" => {
                let read = go_duration(value);
                if case["ms"] == "saturate" {
                    assert!(read.unwrap().saturated && read.unwrap().span == Duration::MAX, "{case}");
                } else {
                    assert_eq!(read.map(|delay| millis_up(delay.span)), case["ms"].as_u64(), "{case}");
                }
            }
            "rfc3339_unix_ms" => {
                let millis = rfc3339(value).map(|at| (at.as_micros() + 999).div_euclid(1_000));
                assert_eq!(millis, case["ms"].as_i64(), "{case}");
            }
            other => panic!("unknown format {other}"),
        }
    }
}

proptest! {
    #[test]
    fn seconds_are_exact_or_saturated(secs: u64) {
        let mut lines = RetryAfter::new();
        prop_assert!(lines.line(secs.to_string().as_bytes(), Mode::Strict));
        let delay = lines.resolve(None).unwrap().delay;
        let exact = secs.checked_mul(1_000_000);
        prop_assert_eq!(delay.saturated, exact.is_none());
        prop_assert_eq!(delay.span.as_micros(), exact.unwrap_or(u64::MAX));
    }

    /// A slow and obvious reader: every part in nanoseconds, in 128 bits.
    #[test]
    fn go_durations_add_up(hours in 0..100_000_u64, minutes in 0..100_u64, nanos in 0..200_000_000_000_u64) {
        let text = format!("{hours}h{minutes}m{}.{:09}s", nanos / 1_000_000_000, nanos % 1_000_000_000);
        let wanted = u128::from(hours * 3_600 + minutes * 60) * 1_000_000 + u128::from(nanos).div_ceil(1_000);
        prop_assert_eq!(u128::from(go_duration(text.as_bytes()).unwrap().span.as_micros()), wanted);
    }

    #[test]
    fn any_bytes_are_read_without_panic(value in proptest::collection::vec(any::<u8>(), 0..80), base: i64) {
        for mode in [Mode::Strict, Mode::Lenient] {
            let mut lines = RetryAfter::new();
            lines.line(&value, mode);
            let _ = lines.resolve(Some(UnixMicros::from_micros(base)));
        }
        let _ = (go_duration(&value), rfc3339(&value), millis(&value), pushback(&value));
    }

    /// The shapes of numbers and times, which random bytes never hit.
    #[test]
    fn near_misses_are_read_without_panic(value in "[-+]?[0-9]{0,25}[.,:TtZ -]?[0-9]{0,12}(ns|us|ms|s|m|h|d|Z|[+-][0-9]{2}:[0-9]{2})?") {
        let _ = (go_duration(value.as_bytes()), rfc3339(value.as_bytes()), millis(value.as_bytes()));
        let mut lines = RetryAfter::new();
        if lines.line(value.as_bytes(), Mode::Strict) {
            let mut again = RetryAfter::new();
            prop_assert!(again.line(value.as_bytes(), Mode::Lenient));
            prop_assert_eq!(again, lines);
        }
    }
}
