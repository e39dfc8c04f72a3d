//! Whole responses: the vendors' vectors, the five generations, and what must hold for any response.

use crate::vectors::{cases, text};
use proptest::prelude::*;
use serde_json::Value;
use tollgate::Duration;
use tollgate::headers::dialects::{self, Dialect, by_name};
use tollgate::headers::moment::UnixMicros;
use tollgate::headers::ratelimit::Generation;
use tollgate::headers::{BUCKETS, Bucket, Feedback, FeedbackReader, Mode, Origin, Unit, Verdict};

type Lines<'a> = Vec<(&'a [u8], &'a [u8])>;

fn read(dialect: &'static Dialect, lines: &[(&[u8], &[u8])], status: u16, now: Option<UnixMicros>) -> Feedback {
    let mut reader = FeedbackReader::of(dialect);
    for (name, value) in lines {
        reader.line(name, value);
    }
    reader.finish(status, now)
}

/// A response that says nothing but these lines.
fn feedback(lines: &[(&str, &str)], status: u16) -> Feedback {
    let lines: Lines<'_> = lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    read(&dialects::GENERIC, &lines, status, None)
}

fn millis(span: Option<Duration>) -> Option<u64> {
    span.map(|span| span.as_micros().div_ceil(1_000))
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Requests => "requests",
        Unit::Tokens => "tokens",
        other => panic!("no vector has {other:?}"),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clear => "ok",
        Verdict::Soft => "throttled_soft",
        Verdict::Blind => "throttled_blind",
        Verdict::Concurrency => "concurrency",
        Verdict::HardQuota => "hard_quota",
        Verdict::Overloaded => "overloaded",
    }
}

/// The case as a caller would give it to the reader, the code in its body included.
fn of_case(case: &Value, dialect: &'static Dialect, reverse: bool) -> Feedback {
    let mut reader = FeedbackReader::of(dialect);
    let mut lines = case["headers"].as_array().unwrap().clone();
    if reverse {
        lines.reverse();
    }
    for line in &lines {
        reader.line(line[0].as_str().unwrap().as_bytes(), line[1].as_str().unwrap().as_bytes());
    }
    let body = case["body"].as_str().map(|body| serde_json::from_str::<Value>(body).unwrap());
    if let Some(code) = body.and_then(|body| body["code"].as_u64()) {
        reader.code(u32::try_from(code).unwrap());
    }
    let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
    reader.finish(status, Some(UnixMicros::from_secs(case["now_unix"].as_i64().unwrap())))
}

fn assert_numbers(bucket: Option<&Bucket>, expect: &Value, case: &Value) {
    let number = |of: fn(&Bucket) -> Option<u64>| bucket.and_then(of);
    assert_eq!(number(Bucket::limit), expect["limit"].as_u64(), "limit: {case}");
    assert_eq!(number(Bucket::remaining), expect["remaining"].as_u64(), "remaining: {case}");
    assert_eq!(number(Bucket::used), expect["used"].as_u64(), "used: {case}");
    let reset = millis(bucket.and_then(Bucket::reset_after));
    assert_eq!(reset, expect["reset_after_ms"].as_u64(), "reset: {case}");
    assert_eq!(unit(bucket.map_or(Unit::Requests, Bucket::unit)), text(expect, "unit"), "unit: {case}");
    let window = bucket.and_then(Bucket::window).map(Duration::as_secs);
    assert_eq!(window, expect["window_s"].as_u64(), "window: {case}");
}

fn assert_case(case: &Value, seen: &Feedback) {
    let expect = &case["expect"];
    let binding = seen.binding();
    assert_numbers(binding, expect, case);
    let wait = seen.retry_after().map(|delay| delay.span);
    assert_eq!(millis(wait), expect["retry_after_ms"].as_u64(), "retry: {case}");
    assert_eq!(verdict(seen.verdict()), text(expect, "verdict"), "{case}");
    assert_eq!(millis(seen.gate()), expect["gate_ms"].as_u64(), "gate: {case}");
    assert_eq!(seen.near_limit(), expect["near_limit"].as_bool().unwrap_or(false), "{case}");
    let rate = seen.micro_requests_per_sec().map(|rate| rate / 1_000);
    assert_eq!(rate, expect["rate_milli_per_s"].as_u64(), "{case}");

    let named = binding.filter(|bucket| bucket.origin() == Origin::Policy).map(Bucket::name);
    let scope = seen.scope().or(named).map(ToString::to_string);
    let scope = scope.or(seen.code().map(|code| code.to_string()));
    assert_eq!(scope.as_deref(), expect["scope"].as_str(), "scope: {case}");

    let buckets = expect["buckets"].as_array().unwrap();
    let named: Vec<&Bucket> = seen.buckets().filter(|bucket| bucket.origin() != Origin::Plain).collect();
    assert!(named.len() == buckets.len() || (buckets.is_empty() && named.len() == 1), "{named:?}: {case}");
    for expect in buckets {
        let name = text(expect, "name").as_bytes();
        let bucket = named.iter().copied().find(|bucket| bucket.name().as_bytes() == name);
        assert_numbers(Some(bucket.unwrap_or_else(|| panic!("no bucket {expect} in {named:?}"))), expect, case);
    }
}

#[test]
fn vendors_are_read_as_the_vectors_say_in_any_order() {
    for case in cases("vendors.json") {
        let vendor = text(&case, "vendor");
        let dialect = by_name(vendor).unwrap_or_else(|| panic!("no dialect {vendor}"));
        let seen = of_case(&case, dialect, false);
        assert_case(&case, &seen);
        assert_eq!(seen, of_case(&case, dialect, true), "order matters: {case}");
        let garbage = matches!(text(&case, "id"), "garbage" | "lemlist");
        assert_eq!(seen.faults().is_empty(), !garbage, "{:?}: {case}", seen.faults());
    }
}

/// Where a vendor uses common names, the heuristic reads the same numbers without being told the vendor.
#[test]
fn the_heuristic_needs_no_name() {
    let own_names =
        ["anthropic-429", "shopify-429", "stripe-rate", "stripe-lock", "atlassian-beta-two", "amazon-spapi"];
    let own_names = own_names.iter().chain(&["salesforce", "gitlab-ok", "gitlab-trailing-ows", "github-secondary-403"]);
    let own_names: Vec<&str> = own_names.copied().collect();
    for mut case in cases("vendors.json") {
        let id = text(&case, "id").to_owned();
        if own_names.contains(&&id[..]) || case["body"].is_string() {
            continue;
        }
        let seen = of_case(&case, &dialects::GENERIC, false);
        // Documented windows and scopes are what the name brings.
        let expect = case["expect"].as_object_mut().unwrap();
        let binding = seen.binding();
        expect["window_s"] = binding.and_then(Bucket::window).map(Duration::as_secs).into();
        let named = binding.filter(|bucket| bucket.origin() == Origin::Policy).map(Bucket::name);
        expect.insert("scope".into(), seen.scope().or(named).map(ToString::to_string).into());
        if let [bucket] = &mut expect["buckets"].as_array_mut().unwrap()[..] {
            bucket["window_s"] = Value::Null;
        }
        assert_case(&case, &seen);
    }
}

/// (lines of `RateLimit` and `RateLimit-Policy` and their elders, generation, limit, remaining, reset, window)
type Form = (&'static [(&'static str, &'static str)], Option<Generation>, [Option<u64>; 4]);

const FORMS: &[Form] = &[
    (
        &[
            ("RateLimit-Limit", "100, 100;window=60;burst=1000;comment=\"sliding, of course\""),
            ("RateLimit-Remaining", "12"),
            ("RateLimit-Reset", "Tue, 15 Nov 1994 08:12:51 GMT"),
            ("Date", "Tue, 15 Nov 1994 08:12:31 GMT"),
        ],
        Some(Generation::P),
        [Some(100), Some(12), Some(20), Some(60)],
    ),
    (
        &[("RateLimit-Limit", "100, 100;w=60"), ("RateLimit-Remaining", "12"), ("RateLimit-Reset", "20")],
        Some(Generation::A),
        [Some(100), Some(12), Some(20), Some(60)],
    ),
    (
        &[
            ("RateLimit-Limit", "50;foo=bar"),
            ("RateLimit-Remaining", "12;x"),
            ("RateLimit-Reset", "20;y=\"z\""),
            ("RateLimit-Policy", "10;w=1"),
            ("RateLimit-Policy", "50;w=60"),
        ],
        Some(Generation::B),
        [Some(50), Some(12), Some(20), Some(60)],
    ),
    (
        &[("RateLimit", "limit=50, remaining=12"), ("RateLimit", "reset=20"), ("RateLimit-Policy", "50;w=60")],
        Some(Generation::C),
        [Some(50), Some(12), Some(20), Some(60)],
    ),
    (
        &[("RateLimit-Policy", "\"a\\\"b\";q=50;w=60"), ("RateLimit", "\"a\\\"b\";r=12;t=20")],
        Some(Generation::D),
        [Some(50), Some(12), Some(20), Some(60)],
    ),
    // Split over lines, and the names need not meet.
    (
        &[("RateLimit", "\"b\";r=5"), ("RateLimit", "\"a\";r=12;t=20"), ("RateLimit-Policy", "\"c\";q=50;w=60")],
        Some(Generation::D),
        [None, Some(5), None, None],
    ),
    // A dictionary lacks what it requires.
    (&[("RateLimit", "limit=50, remaining=12")], Some(Generation::C), [None; 4]),
    // One bad line voids the field, and that field only.
    (
        &[("RateLimit", "\"a\";r=12;t=20"), ("RateLimit", "\"b\";r=x"), ("RateLimit-Policy", "\"a\";q=50;w=60")],
        Some(Generation::D),
        [Some(50), None, None, Some(60)],
    ),
    (
        &[("RateLimit", "\"a\";r=12;t=20"), ("RateLimit-Policy", "\"a\";q=50;w=60, \"b\"")],
        Some(Generation::D),
        [None, Some(12), Some(20), None],
    ),
    // A list of quotas that ends in garbage leaves nothing behind.
    (&[("RateLimit-Limit", "10, 10;w=1, junk")], None, [None; 4]),
    // Seen as one field, these are broken: an empty member, two forms, a quota twice.
    (&[("RateLimit", "\"a\";r=12;t=20"), ("RateLimit", "")], None, [None; 4]),
    (&[("RateLimit", "\"a\";r=12;t=20"), ("RateLimit", "limit=50, reset=5")], None, [None; 4]),
    (&[("RateLimit-Policy", "10;w=1"), ("RateLimit-Policy", "10;w=60")], None, [None; 4]),
    (&[("RateLimit-Policy", "10;w=1"), ("RateLimit-Policy", "\"a\";q=1")], None, [None; 4]),
];

#[test]
fn the_generations_are_told_apart_in_any_order() {
    for (lines, generation, wanted) in FORMS {
        let mut lines = lines.to_vec();
        for _ in 0..lines.len() {
            lines.rotate_left(1);
            let seen = feedback(&lines, 200);
            let secs = |span: Option<Duration>| span.map(Duration::as_secs);
            let of = |bucket: &Bucket| {
                [bucket.limit(), bucket.remaining(), secs(bucket.reset_after()), secs(bucket.window())]
            };
            assert_eq!(seen.binding().map_or([None; 4], of), *wanted, "{lines:?} {seen:?}");
            let void = wanted == &[None; 4];
            assert_eq!(seen.generation(), *generation, "{lines:?}");
            assert!(!void || seen.faults().ignored > 0, "{lines:?}");
        }
    }
}

#[test]
fn a_strict_reader_ignores_what_the_draft_does_not_allow() {
    for (value, lenient) in
        [("quota;t=1", true), ("\"quota\";t=1", true), ("\"quota\";r=1;t=1", true), ("1;r=1", false)]
    {
        let seen = |mode| {
            let mut reader = FeedbackReader::new().with_mode(mode);
            reader.line(b"ratelimit", value.as_bytes());
            reader.finish(200, None).binding().is_some()
        };
        assert_eq!(seen(Mode::Lenient), lenient, "{value}");
        assert_eq!(seen(Mode::Strict), value.contains("\";r"), "{value}");
    }
}

#[test]
fn more_names_than_there_is_room_for_void_all_of_them() {
    let names: Vec<String> = (0..=BUCKETS).map(|name| format!("X-RateLimit-Remaining-{name}")).collect();
    let mut lines: Vec<(&str, &str)> = names.iter().map(|name| (&name[..], "0")).collect();
    lines.push(("X-RateLimit-Limit", "7"));
    assert_eq!(feedback(&lines[1..], 200).buckets().count(), BUCKETS + 1);
    let seen = feedback(&lines, 200);
    assert_eq!(seen.buckets().count(), 1, "the plain one is left");
    assert_eq!(usize::from(seen.faults().void), BUCKETS + 1);
}

#[test]
fn old_news_from_a_cache_is_no_news() {
    let lines = [("RateLimit", "\"a\";r=0;t=20"), ("Age", "1"), ("Retry-After", "5")];
    let seen = feedback(&lines, 429);
    assert!(seen.from_cache() && seen.buckets().count() == 0);
    assert_eq!(seen.gate(), Some(Duration::from_secs(5)));
    assert_eq!(feedback(&[lines[0], ("Age", "0")], 200).gate(), Some(Duration::from_secs(20)));
}

#[test]
fn a_full_house_is_not_a_matter_of_rate() {
    let lines = [("RateLimit", "\"c\";r=0"), ("RateLimit-Policy", "\"c\";q=5;qu=\"concurrent-requests\"")];
    let seen = feedback(&lines, 429);
    assert_eq!((seen.verdict(), seen.gate()), (Verdict::Concurrency, Some(Duration::from_secs(1))));
    let mut reader = FeedbackReader::of(&dialects::STRIPE);
    reader.line(b"Stripe-Rate-Limited-Reason", b"endpoint-concurrency");
    assert_eq!(reader.finish(429, None).verdict(), Verdict::Concurrency);
}

#[test]
fn dates_without_anything_to_compare_are_counted_and_not_guessed() {
    let seen = feedback(&[("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"), ("X-RateLimit-Reset", "1700000000")], 429);
    assert_eq!((seen.verdict(), seen.gate(), seen.faults().unresolved), (Verdict::Blind, None, 2));
}

/// A reset counts from the earliest `Date`, which makes the longest wait.
#[test]
fn of_two_dates_the_earlier_counts_in_any_order() {
    let mut lines = [
        ("Date", "Mon, 05 Aug 2019 09:27:00 GMT"),
        ("Date", "Mon, 05 Aug 2019 09:26:00 GMT"),
        ("Retry-After", "Mon, 05 Aug 2019 09:27:05 GMT"),
    ];
    for _ in 0..lines.len() {
        assert_eq!(feedback(&lines, 429).gate(), Some(Duration::from_secs(65)), "{lines:?}");
        lines.rotate_left(1);
    }
    lines.reverse();
    assert_eq!(feedback(&lines, 429).gate(), Some(Duration::from_secs(65)));
}

#[test]
fn hostile_numbers_saturate_and_are_counted() {
    let nines = "9".repeat(1_000);
    for name in
        ["Retry-After", "Retry-After-Ms", "X-RateLimit-Reset", "X-RateLimit-Reset-After", "X-RateLimit-Reset-Tokens"]
    {
        let seen = feedback(&[(name, &nines)], 429);
        assert_eq!(seen.gate(), Some(Duration::MAX), "{name}");
        assert_eq!(seen.faults().clamped, 1, "{name}");
    }
    let seen = feedback(&[("X-RateLimit-Limit", &nines), ("X-RateLimit-Remaining", &nines)], 200);
    assert_eq!(seen.binding().unwrap().limit(), Some(u64::MAX));
    assert_eq!(seen.faults().clamped, 2);
    // Fifteen digits are as many as a structured field may have.
    let seen = feedback(&[("RateLimit", "\"a\";r=0;t=999999999999999")], 200);
    assert_eq!(seen.gate(), Some(Duration::MAX));
}

/// Riot and `HubSpot` have no vectors: their documentation's examples.
#[test]
fn pairs_and_fixed_names_are_read() {
    let mut reader = FeedbackReader::of(&dialects::RIOT);
    reader.line(b"X-App-Rate-Limit", b"20:1,100:120");
    reader.line(b"X-App-Rate-Limit-Count", b"1:1,100:120");
    reader.line(b"X-Method-Rate-Limit-Count", b"1:1,junk");
    reader.line(b"X-Rate-Limit-Type", b"application");
    let seen = reader.finish(429, None);
    let binding = seen.binding().unwrap();
    assert_eq!(
        (binding.name().as_bytes(), binding.remaining(), binding.limit()),
        (&b"app:120"[..], Some(0), Some(100))
    );
    assert_eq!((seen.buckets().count(), seen.faults().ignored), (2, 1));
    assert_eq!(seen.scope().unwrap().as_bytes(), b"application");

    let mut reader = FeedbackReader::of(&dialects::HUBSPOT);
    reader.line(b"X-HubSpot-RateLimit-Max", b"110");
    reader.line(b"X-HubSpot-RateLimit-Remaining", b"109");
    reader.line(b"X-HubSpot-RateLimit-Interval-Milliseconds", b"10000");
    reader.line(b"X-HubSpot-RateLimit-Daily", b"250000");
    reader.line(b"X-HubSpot-RateLimit-Daily-Remaining", b"249974");
    let seen = reader.finish(200, None);
    assert_eq!(seen.binding().unwrap().window(), Some(Duration::from_secs(10)));
    let day = seen.buckets().nth(1).unwrap();
    assert_eq!((day.remaining(), day.window()), (Some(249_974), Some(Duration::from_days(1))));
}

#[test]
fn delta_milliseconds_need_their_dialect() {
    let lines: [(&[u8], &[u8]); 2] = [(b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", b"1500")];
    let wait = |dialect| read(dialect, &lines, 200, None).gate();
    assert_eq!(wait(&dialects::DELTA_MILLIS), Some(Duration::from_millis(1_500)));
    assert_eq!(wait(&dialects::GENERIC), Some(Duration::from_secs(1_500)));
}

#[test]
fn reader_and_feedback_stay_small() {
    assert!(size_of::<FeedbackReader>() <= 1_200, "{}", size_of::<FeedbackReader>());
    assert!(size_of::<Feedback>() <= 1_100, "{}", size_of::<Feedback>());
}

/// Names that mean something, and values that often do.
fn line() -> impl Strategy<Value = (&'static str, String)> {
    let names = prop::sample::select(vec![
        "RateLimit",
        "ratelimit-policy",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "Retry-After",
        "retry-after-ms",
        "Date",
        "Age",
        "x-ratelimit-limit",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
        "x-ratelimit-a-reset",
        "x-ratelimit-reset",
        "x-ratelimit-reset-after",
        "x-should-retry",
        "grpc-status",
        "grpc-retry-pushback-ms",
        "x-ratelimit-resource",
        "x-ratelimit-used",
        "x-ratelimit-nearlimit",
        "beta-ratelimit",
        "x-app-rate-limit",
        "x-app-rate-limit-count",
        "stripe-rate-limited-reason",
        "sforce-limit-info",
        "Content-Type",
    ]);
    let values = prop_oneof![
        "\"[a-c]\";r=[0-9]{1,2}(;t=[0-9]{1,3})?(, \"[a-z]\";r=[0-9])?",
        "\"[a-c]\";q=[0-9]{1,2}(;w=[0-9]{1,3})?(, \"[a-z]\";q=[0-9])?",
        "[0-9]{1,2};w=[0-9]{1,2}(, [0-9]{1,2};w=[0-9]{1,2})?",
        "(limit=[0-9]{1,2}, )?(remaining=[0-9], )?reset=[0-9]{1,2}",
        "-?[0-9]{1,22}(\\.[0-9]{1,9})?",
        "[0-9]{1,2}(ms|s|m|h)([0-9]s)?",
        "[0-9]{1,2}:[0-9]{1,3}(,[0-9]:[0-9])?",
        "(Sun, 06 Nov 1994 08:49:3[0-9] GMT|Sunday, 06-Nov-9[0-9] 08:49:37 GMT|20[0-9]{2}-08-21T12:41:17Z)",
        "(true|false|global-concurrency|global-rate|api-usage=[0-9]{1,2}/[0-9]{1,2}|)",
        "\\PC{0,12}",
    ];
    (names, values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Also beyond the bounds, also with garbage between: not one bit of the answer depends on the order.
    #[test]
    fn the_order_of_lines_does_not_matter(
        lines in prop::collection::vec(line(), 0..14),
        shuffled in any::<prop::sample::Index>(),
        swaps in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..14),
        status in prop::sample::select(vec![200, 301, 400, 403, 429, 500, 503, 529]),
        now: Option<u32>,
        dialect in prop::sample::select(dialects::ALL),
    ) {
        let now = now.map(|secs| UnixMicros::from_secs(secs.into()));
        let mut lines: Lines<'_> = lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let before = read(dialect, &lines, status, now);
        if !lines.is_empty() {
            let middle = shuffled.index(lines.len());
            lines.rotate_left(middle);
            for (one, other) in swaps {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
            }
        }
        let after = read(dialect, &lines, status, now);
        prop_assert_eq!(before, after);
    }

    /// Whatever comes, nothing panics, and a verdict with a wait has one.
    #[test]
    fn any_response_has_an_answer(
        lines in prop::collection::vec((line(), prop::collection::vec(any::<u8>(), 0..60), any::<bool>()), 0..14),
        status: u16, now: Option<i64>, code: Option<u32>, dialect in prop::sample::select(dialects::ALL),
    ) {
        for mode in [Mode::Strict, Mode::Lenient] {
            let mut reader = FeedbackReader::of(dialect).with_mode(mode);
            for ((name, value), bytes, random) in &lines {
                reader.line(name.as_bytes(), if *random { bytes } else { value.as_bytes() });
            }
            if let Some(code) = code {
                reader.code(code);
            }
            let seen = reader.finish(status, now.map(UnixMicros::from_micros));
            prop_assert_eq!(seen.verdict() == Verdict::Soft && seen.gate().is_none(), false);
            prop_assert!(seen.buckets().count() <= BUCKETS + 1);
            prop_assert_eq!(seen.binding().is_some(), seen.buckets().count() > 0);
            let _ = format!("{seen:?}");
        }
    }
}
