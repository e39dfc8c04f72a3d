//! The retry decorators of the source documents, with the answer that is wanted instead of theirs.

use std::cell::Cell;

use tollgate::presets::backoffs;
use tollgate::{Duration, Entropy, Failure, Instant, Outcome, Policy, Reason, Repeatable, RetryPolicy};
use tollgate_std::{CallError, Upstream};

use crate::{EXACT, HandClock, api, run, soft};

fn policy(throttled: Policy) -> RetryPolicy {
    RetryPolicy { throttled, ..EXACT }
}

/// Whether each wait lies in its range, in milliseconds.
fn waits(policy: RetryPolicy, ranges: &[(u64, u64)]) {
    for seed in 0..50 {
        let script = vec![Ok(429); ranges.len() + 1];
        let story = run(|| api(policy).with_entropy(Entropy::of_device(seed)), Repeatable::No, &script);
        assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::Retries, last: Ok(429) }));
        assert_eq!(story.sent.len(), script.len());
        for (pair, (from, to)) in story.sent.windows(2).zip(ranges) {
            let waited = pair[1].saturating_since(pair[0]).as_millis();
            assert!((*from..=*to).contains(&waited), "{waited} ms, expected {from} to {to}");
        }
    }
}

#[test]
fn source_document_000_is_five_calls_with_four_sleeps() {
    waits(policy(backoffs::SEED_000), &[(500, 1_500), (1_000, 3_000), (2_000, 6_000), (4_000, 12_000)]);
    waits(policy(backoffs::SEED_000_USAGE), &[(1_000, 3_000), (2_000, 6_000), (4_000, 12_000), (8_000, 24_000)]);
}

#[test]
fn source_document_001_is_six_calls_with_five_sleeps() {
    let ranges = [(1_000, 1_500), (2_000, 3_000), (4_000, 6_000), (8_000, 12_000), (16_000, 24_000)];
    waits(policy(backoffs::SEED_001), &ranges);
}

#[test]
fn source_document_001_doubles_from_two_seconds_after_a_server_error() {
    let both = RetryPolicy { throttled: backoffs::SEED_001, transient: backoffs::SEED_001_SERVER_ERROR, ..EXACT };
    let story = run(|| api(both), Repeatable::Idempotent, &[Ok(500), Ok(503), Ok(200)]);
    let waited: Vec<_> = story.sent.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_millis()).collect();
    assert!((2_000..=3_000).contains(&waited[0]) && (4_000..=6_000).contains(&waited[1]), "{waited:?}");
}

/// Document 000 ended its loop without an exception to raise, and raised `None`: a `TypeError`.
#[test]
fn zero_retries_is_one_call() {
    let none = policy(backoffs::SEED_000.with_retries(0));
    let refused = run(|| api(none), Repeatable::No, &[Ok(429)]);
    assert_eq!((refused.at, refused.sent.len()), (Instant::ORIGIN, 1));
    assert_eq!(refused.ended, Err(CallError::GaveUp { reason: Reason::Retries, last: Ok(429) }));
    assert_eq!(run(|| api(none), Repeatable::No, &[Ok(200)]).ended, Ok(200));
}

/// Document 000 retried every error whose text contains "rate" or "429".
#[test]
fn texts_that_contain_rate_mean_nothing() {
    let read = |answer: &Result<(), &str>| match answer {
        Ok(()) => soft(0),
        Err(_) => Outcome::Failed(Failure::Final),
    };
    let api = Upstream::with_clock(EXACT, read, HandClock::default());
    for text in ["cannot generate video", "invalid aspect ratio, rate it", "rate limit", "task 429 not found"] {
        let calls = Cell::new(0);
        let no_sleep = |_: &_, _| panic!("there is nothing to wait for");
        let ended = api.call_with(Repeatable::Keyed, no_sleep, |_| {
            calls.set(calls.get() + 1);
            Err(text)
        });
        assert_eq!((ended, calls.get()), (Err(CallError::Final(text)), 1));
    }
}

/// Document 001's reference: "429 + Retry-After: wait specified seconds"; its code never looked at the header.
#[test]
fn a_stated_delay_is_waited_and_not_the_formula() {
    let story = run(|| api(policy(backoffs::SEED_001)), Repeatable::No, &[Err(soft(17)), Err(soft(40)), Ok(200)]);
    assert_eq!((story.secs(), story.at), (vec![0, 17, 57], Instant::from_secs(57)));
}

#[test]
fn no_sleep_exceeds_the_max_of_either_document() {
    for formula in [backoffs::SEED_000, backoffs::SEED_001] {
        let story = run(|| api(policy(formula.with_retries(9))), Repeatable::No, &[Ok(429); 10]);
        for pair in story.sent.windows(2) {
            assert!(pair[1].saturating_since(pair[0]) <= Duration::from_secs(60));
        }
    }
}
