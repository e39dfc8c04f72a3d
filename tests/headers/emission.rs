//! What a server writes, byte for byte, and read again by our reader and by others.

use crate::vectors::{cases, text};
use proptest::prelude::*;
use serde_json::Value;
use tollgate::Duration;
use tollgate::headers::emit::{Answer, EmitError, Policy, PolicyError, Standing, Style, emit, retry_after_date};
use tollgate::headers::moment::UnixMicros;
use tollgate::headers::{FeedbackReader, Unit, Verdict};

fn lines(style: Style, answer: &Answer<'_>) -> Result<Vec<(String, String)>, EmitError> {
    let (mut lines, mut buffer) = (Vec::new(), [0; 512]);
    emit(style, answer, &mut buffer, |name, value| lines.push((name.to_owned(), value.to_owned())))?;
    Ok(lines)
}

fn span(of: &Value) -> Option<Duration> {
    of.as_u64().map(Duration::from_millis)
}

fn standing<'a>(state: &'a Value, key: &'a [u8]) -> Result<Standing<'a>, PolicyError> {
    let name = state["policy"].as_str().unwrap_or("default");
    let mut policy = Policy::new(name, state["limit"].as_u64().unwrap())?;
    policy = policy.with_unit(match state["unit"].as_str() {
        None => Unit::Requests,
        Some("content-bytes") => Unit::ContentBytes,
        Some("concurrent-requests") => Unit::ConcurrentRequests,
        Some(other) => panic!("{other}"),
    });
    if let Some(window) = span(&state["window_ms"]) {
        policy = policy.with_window(window);
    }
    if !key.is_empty() {
        policy = policy.with_partition(key);
    }
    Ok(Standing { policy, remaining: state["remaining"].as_u64().unwrap(), reset: span(&state["reset_ms"]) })
}

#[test]
fn headers_are_written_as_the_vectors_say() {
    for case in cases("emit.json") {
        let state = &case["state"];
        let style = match state["style"].as_str() {
            None => Style::Draft,
            Some("x-delta") => Style::XDelta,
            Some("x-epoch") => Style::XEpoch,
            Some("draft-06") => Style::Draft6,
            Some("draft-07") => Style::Draft7,
            Some("http-date") => {
                let mut buffer = [0; 29];
                let date = retry_after_date(state["retry_after_unix"].as_i64().unwrap(), &mut buffer);
                assert_eq!(date, case["headers"][0][1].as_str());
                continue;
            }
            Some(other) => panic!("{other}"),
        };
        let hex = state["pk_hex"].as_str().unwrap_or_default();
        let key: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let states = state["policies"].as_array().map_or(std::slice::from_ref(state), Vec::as_slice);
        let standings: Result<Vec<_>, _> = states.iter().map(|state| standing(state, &key)).collect();
        if case["headers"].is_null() {
            assert_eq!(standings, Err(PolicyError::NotPrintable { at: 3 }), "{case}");
            continue;
        }
        let answer = Answer {
            standings: &standings.unwrap(),
            retry_after: span(&state["retry_after_ms"]),
            now: state["now_unix_ms"].as_i64().map(UnixMicros::from_millis),
        };
        let wanted: Vec<(String, String)> = case["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (line[0].as_str().unwrap().to_owned(), line[1].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(lines(style, &answer).unwrap(), wanted, "{}", text(&case, "id"));
    }
}

#[test]
fn what_does_not_fit_is_refused_and_what_is_missing_is_named() {
    let policy = Policy::new("default", 100).unwrap().with_window(Duration::from_secs(60));
    let standings = [Standing { policy, remaining: 1, reset: Some(Duration::from_secs(1)) }];
    let answer = Answer { standings: &standings, ..Answer::default() };
    let mut seen = 0;
    assert_eq!(emit(Style::Draft, &answer, &mut [0; 19], |_, _| seen += 1), Err(EmitError::Full));
    assert_eq!((emit(Style::Draft, &answer, &mut [0; 20], |_, _| seen += 1), seen), (Ok(()), 2));
    assert_eq!(lines(Style::XEpoch, &answer), Err(EmitError::NoTime));
    assert_eq!(lines(Style::Draft, &Answer::default()), Ok(Vec::new()), "an empty list is no field");
    assert_eq!(retry_after_date(0, &mut [0; 28]), None);
}

/// The time of the limit that refuses is the time to come back at; another's may be earlier.
#[test]
fn retry_after_is_never_before_the_reset_of_an_exhausted_limit() {
    let policy = |name, quota| Policy::new(name, quota).unwrap();
    let secs = |secs| Some(Duration::from_secs(secs));
    let standings = [
        Standing { policy: policy("gcra", 60), remaining: 0, reset: secs(60) },
        Standing { policy: policy("minute", 60), remaining: 0, reset: secs(2) },
        Standing { policy: policy("unsaid", 60), remaining: 0, reset: None },
        Standing { policy: policy("spare", 60), remaining: 5, reset: secs(90) },
    ];
    let answer = Answer { standings: &standings, retry_after: secs(7), now: None };
    let lines = lines(Style::Draft, &answer).unwrap();
    assert_eq!(lines[1].1, r#""gcra";r=0;t=7, "minute";r=0;t=2, "unsaid";r=0;t=7, "spare";r=5;t=90"#);
}

fn unit() -> impl Strategy<Value = Unit> {
    prop::sample::select(vec![Unit::Requests, Unit::ContentBytes, Unit::ConcurrentRequests])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Our reader, and two others' parsers, understand what is written; rounding is towards refusing.
    #[test]
    fn what_is_written_is_read_again(
        (one, other) in ("[ -~]{0,20}", "[ -~]{0,20}"), quota: u64, unit in unit(), window in 1..u64::MAX,
        remaining in prop::sample::select(vec![0, 1, 5, u64::MAX]), reset: u64, key: [u8; 5], len in 0..5_usize,
    ) {
        prop_assume!(one != other);
        let policy = Policy::new(&one, quota).unwrap().with_window(Duration::from_micros(window)).with_unit(unit);
        let standings = [
            Standing { policy: policy.with_partition(&key[..len]), remaining, reset: Some(Duration::from_micros(reset)) },
            Standing { policy: Policy::new(&other, 7).unwrap(), remaining: 3, reset: None },
        ];
        let lines = lines(Style::Draft, &Answer { standings: &standings, ..Answer::default() }).unwrap();
        let mut reader = FeedbackReader::new().with_mode(tollgate::headers::Mode::Strict);
        for (name, value) in &lines {
            prop_assert!(parse_net::sfv::parse_list(value.as_bytes()).is_ok(), "{}", value);
            reader.line(name.as_bytes(), value.as_bytes());
        }
        let seen = reader.finish(200, None);
        prop_assert_eq!(seen.faults().ignored, 0, "{:?}", lines);
        let bucket = seen.buckets().find(|bucket| bucket.name().as_bytes() == one.as_bytes()).unwrap();
        let timed = unit != Unit::ConcurrentRequests;
        prop_assert_eq!(bucket.unit(), unit);
        prop_assert_eq!(bucket.remaining(), Some(remaining.min(999_999_999_999_999)));
        let secs = |span: Option<Duration>| span.map(Duration::as_secs);
        let wanted = reset.div_ceil(1_000_000).max(u64::from(remaining == 0));
        prop_assert_eq!(secs(bucket.reset_after()), timed.then_some(wanted));
        prop_assert_eq!(secs(bucket.window()), timed.then_some(window.div_ceil(1_000_000)));
        // The announced rate is not above the real one, and less than one unit of a window below it.
        if timed && bucket.limit() < Some(999_999_999_999_999) && window <= 1 << 62 {
            let (limit, whole) = (u128::from(bucket.limit().unwrap()), u128::from(window.div_ceil(1_000_000)) * 1_000_000);
            prop_assert!(limit * u128::from(window) <= u128::from(quota) * whole);
            prop_assert!((limit + 1) * u128::from(window) > u128::from(quota) * whole);
        }
    }

    /// Every style, with any numbers: the client's wait covers the server's.
    #[test]
    fn every_style_tells_a_refused_client_to_wait_long_enough(
        quota: u32, wait in 0..4_000_000_000_000_u64, style in prop::sample::select(vec![
            Style::Draft, Style::Draft7, Style::Draft6, Style::XDelta, Style::XEpoch]),
        now in 1_000_000_000..4_000_000_000_i64,
    ) {
        let span = Duration::from_micros(wait);
        let policy = Policy::new("a", quota.into()).unwrap().with_window(Duration::from_secs(60));
        let standings = [Standing { policy, remaining: 0, reset: Some(span) }];
        let now = UnixMicros::from_secs(now);
        let answer = Answer { standings: &standings, retry_after: Some(span), now: Some(now) };
        let mut reader = FeedbackReader::new();
        for (name, value) in lines(style, &answer).unwrap() {
            reader.line(name.as_bytes(), value.as_bytes());
        }
        let seen = reader.finish(429, Some(now));
        prop_assert_eq!(seen.verdict(), Verdict::Soft);
        prop_assert!(seen.gate().unwrap() >= span);
        prop_assert!(seen.gate().unwrap() <= span.saturating_add(Duration::from_secs(1)));
        prop_assert_eq!(seen.binding().unwrap().limit(), Some(quota.into()));
    }
}
