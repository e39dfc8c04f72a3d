//! Defects 1 to 4: delays above their own cap, errors classified by their text, zero retries, a server ignored.

use serde_json::Value;
use tollgate::presets::backoffs;
use tollgate::{Backoff, Duration, GiveUp, Instant, Jitter, Policy};

use crate::{golden_json, golden_rows, seconds};

/// The delay of an attempt counted from zero, as the documents count.
fn delay(policy: Policy, attempt: u32, entropy: u32) -> Duration {
    let mut backoff = Backoff::new(policy.with_retries(u32::MAX), Instant::ORIGIN);
    for _ in 0..attempt {
        backoff.next(Instant::ORIGIN, entropy).unwrap();
    }
    backoff.next(Instant::ORIGIN, entropy).unwrap()
}

/// Random numbers of the golden rows: 0, 0.5 and just below 1.
const ENTROPIES: [u32; 3] = [0, 1 << 31, u32::MAX];

#[test]
fn defect_01_no_delay_is_above_its_cap() {
    let mut rows = 0;
    for row in golden_rows("g06_backoff.csv") {
        let [seed, base, max, attempt, nominal, delays @ .., exceeds] = row.as_slice() else { panic!("{row:?}") };
        let policy = match (seed.as_str(), base.as_str()) {
            ("000", "1.0") => backoffs::SEED_000,
            ("000", "2.0") => backoffs::SEED_000_USAGE,
            ("001", "1.0") => backoffs::SEED_001,
            ("001", "2.0") => backoffs::SEED_001_SERVER_ERROR,
            other => panic!("no preset for {other:?}"),
        };
        assert_eq!((policy.base(), policy.max()), (seconds(base), seconds(max)));
        let attempt: u32 = attempt.parse().unwrap();
        let plain = delay(policy.with_jitter(Jitter::None).unwrap(), attempt, 0);
        assert_eq!(plain, seconds(nominal), "seed {seed}, base {base}, attempt {attempt}");

        let theirs: Vec<_> = delays.iter().map(seconds).collect();
        assert_eq!(exceeds == "True", theirs.iter().any(|delay| *delay > policy.max()), "the file says what it holds");
        for (entropy, theirs) in ENTROPIES.into_iter().zip(theirs) {
            let ours = delay(policy, attempt, entropy);
            assert_eq!(ours, theirs.min(policy.max()), "seed {seed}, base {base}, attempt {attempt}, {entropy:#x}");
        }
        rows += 1;
    }
    assert_eq!(rows, 42);
}

#[test]
fn defect_01_the_sixth_attempt_of_either_document_is_at_most_sixty_seconds() {
    let millis = Duration::from_millis;
    assert_eq!(delay(backoffs::SEED_000, 6, u32::MAX), millis(60_000));
    assert_eq!(delay(backoffs::SEED_000, 6, 0), millis(30_000));
    assert_eq!(delay(backoffs::SEED_001, 6, u32::MAX), millis(60_000));
    assert_eq!(delay(backoffs::SEED_001, 6, 0), millis(60_000));
    // No shift overflows.
    for attempt in [63, 64, 65, 1_000] {
        assert_eq!(delay(backoffs::SEED_001, attempt, 0), millis(60_000));
    }
}

/// Any text with "rate" in it was retried: "failed to gene-rate video: invalid prompt" cost five calls and 30 s. A class
/// of errors instead of their texts comes with the `retry` feature; what is here: a permanent error asks for no delay at
/// all, and the calls and sleeps of a retried one are theirs.
#[test]
fn defect_02_a_retried_error_costs_five_calls_and_a_permanent_one_costs_one() {
    let mut texts = Vec::new();
    for row in golden_json("g06b_backoff_classify_seed000.json").as_array().unwrap() {
        let Some(error) = row.get("error").and_then(Value::as_str) else { continue };
        let retried = row["treated_as_rate_limit"].as_bool().unwrap();
        // Their usage example without jitter: from 2 s, five calls.
        let mut backoff = Backoff::new(backoffs::SEED_000_USAGE.with_jitter(Jitter::None).unwrap(), Instant::ORIGIN);
        let mut slept = Vec::new();
        while retried && let Ok(delay) = backoff.next(Instant::ORIGIN, 0) {
            slept.push(delay);
        }
        let theirs: Vec<_> = row["slept_s"].as_array().unwrap().iter().map(seconds).collect();
        assert_eq!(slept, theirs, "{error}");
        assert_eq!(row["calls"].as_u64(), Some(u64::from(backoff.retried()) + 1), "{error}");
        texts.push((error.to_owned(), retried));
    }
    assert_eq!(texts.len(), 8);
    assert!(texts.contains(&("failed to generate video: invalid prompt".to_owned(), true)), "the defect is recorded");
}

/// `max_retries=0` raised `TypeError: exceptions must derive from BaseException`.
#[test]
fn defect_03_zero_retries_are_one_call() {
    let rows = golden_json("g06b_backoff_classify_seed000.json");
    assert!(rows.as_array().unwrap().iter().any(|row| row.get("max_retries=0").is_some()));

    let policy = backoffs::SEED_000.with_retries(0);
    let mut backoff = Backoff::new(policy, Instant::ORIGIN);
    assert_eq!(backoff.next(Instant::ORIGIN, 0), Err(GiveUp::Retries));
    assert_eq!(backoff.after(Duration::from_secs(1), Instant::ORIGIN, 0), Err(GiveUp::Retries));
    assert_eq!(backoff.retried(), 0);
}

/// The documents mean five calls (000) and six (001) by the same "5 retries"; the presets say which.
#[test]
fn the_two_documents_count_retries_differently() {
    assert_eq!((backoffs::SEED_000.retries(), backoffs::SEED_001.retries()), (4, 5));
}

/// The `Retry-After` of a 429 was never read. A server's delay is obeyed to the millisecond, and only jitter is added.
#[test]
fn defect_04_a_server_that_says_17_seconds_gets_17_seconds() {
    let exactly = Duration::from_millis(17_000);
    for retried in 0..5 {
        let mut backoff = Backoff::new(backoffs::SEED_001, Instant::ORIGIN);
        for _ in 0..retried {
            backoff.next(Instant::ORIGIN, u32::MAX).unwrap();
        }
        assert_eq!(backoff.after(exactly, Instant::ORIGIN, 0), Ok(exactly), "after {retried} retries");
    }
    // Spread, but never earlier; and above our own max if the server says so.
    let mut backoff = Backoff::new(backoffs::SEED_001, Instant::ORIGIN);
    let spread = backoff.after(exactly, Instant::ORIGIN, u32::MAX).unwrap();
    assert_eq!(spread, Duration::from_millis(17_500), "half of the first second is jitter");
    let long = Duration::from_mins(10);
    assert_eq!(backoff.after(long, Instant::ORIGIN, 0), Ok(long));
}
