//! What source document 000 makes of ten sets of headers (`g16_adaptive_seed000.json`), and what is made of them here.
//!
//! It sleeps a second on every response without headers, takes a reset of 30 for a date in 1970, ignores `Retry-After`
//! while something remains, and fails on a date and on a fraction. Here nothing sleeps: a response is a number of facts,
//! missing is not zero, and `Retry-After` always wins.

use tollgate::headers::{FeedbackReader, dialects};
use tollgate::{Duration, Pacing, UnixMicros};

/// How long everybody stays back after a refusal with these headers, and how far apart requests go after a success.
struct Wanted {
    dialect: &'static str,
    gate: Option<u64>,
    gap: u64,
    why: &'static str,
}

const fn wanted(dialect: &'static str, gate: Option<u64>, gap: u64, why: &'static str) -> Wanted {
    Wanted { dialect, gate, gap, why }
}

/// Milliseconds. A reset of 1030 at 1000 is a date only for whoever knows the server: by its size it is a delta.
const WANTED: [Wanted; 10] = [
    wanted("github", None, 0, "no headers say nothing"),
    wanted("github", None, 0, "exactly 10 % left is not below 10 %; a refusal then names no wait"),
    wanted("github", None, 6_000, "5 of 60 left: spread over the 30 s to the reset"),
    wanted("github", Some(30_000), 30_000, "nothing left until the reset"),
    wanted("generic", Some(30_000), 30_000, "a reset of 30 is a delta"),
    wanted("github", Some(45_000), 30_000, "the longer of the two"),
    wanted("github", Some(17_000), 0, "as long as the server says"),
    wanted("github", Some(1_792_566_680_000), 0, "a date"),
    wanted("github", Some(1_500), 0, "a fraction"),
    wanted("github", Some(45_000), 0, "Retry-After wins while half is left"),
];

#[test]
fn missing_is_not_zero_and_retry_after_always_wins() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/golden/g16_adaptive_seed000.json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(rows.len(), WANTED.len());
    for (row, wanted) in rows.iter().zip(WANTED) {
        let mut reader = dialects::by_name(wanted.dialect).map_or_else(FeedbackReader::new, FeedbackReader::of);
        let headers = row["headers"].as_object().unwrap();
        for (name, value) in headers {
            reader.line(name.as_bytes(), value.as_str().unwrap().as_bytes());
        }
        let now = Some(UnixMicros::from_secs(1_000));
        let refused = reader.finish(429, now);
        assert_eq!(refused.gate().map(Duration::as_millis), wanted.gate, "{}", wanted.why);

        let served = reader.finish(200, now);
        let gap = served.binding().and_then(|bucket| {
            let (remaining, limit) = (bucket.remaining()?, bucket.limit()?);
            Some(Pacing::SEED_000.gap(remaining, limit, bucket.reset_after()))
        });
        assert_eq!(gap.map_or(0, Duration::as_millis), wanted.gap, "{}", wanted.why);
    }
}
