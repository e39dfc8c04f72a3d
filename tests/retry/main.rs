//! Every row of the decision table, the source documents' error reference, and what a hostile server cannot do.

mod adaptive;

use tollgate::headers::FeedbackReader;
use tollgate::presets::backoffs;
use tollgate::{
    Advice, Burst, Decision, Duration, Failure, Health, Instant, Outcome, QuotaCosts, RatioBudget, Reason, Repeatable,
    Restraint, Retry, RetryPolicy, RetryQuota, Verdict,
};

const NOW: Instant = Instant::from_secs(1_000);
const ALL: [Repeatable; 3] = [Repeatable::No, Repeatable::Idempotent, Repeatable::Keyed];

fn answered(status: u16, verdict: Verdict, wait: Option<u64>) -> Outcome {
    Outcome::Answered { status, verdict, wait: wait.map(Duration::from_secs), should_retry: None }
}

fn decide(repeatable: Repeatable, outcome: Outcome, entropy: u32) -> Advice {
    Retry::new(backoffs::RETRY, repeatable, NOW).decide(NOW, &outcome, &mut Restraint::default(), entropy)
}

fn after(micros: u64) -> Decision {
    Decision::RetryAt(NOW.saturating_add(Duration::from_micros(micros)))
}

/// Whether it is sent again, for (POST, idempotent, keyed).
fn again(outcome: Outcome) -> [bool; 3] {
    ALL.map(|repeatable| {
        let decision = decide(repeatable, outcome, 7).decision;
        matches!(decision, Decision::RetryAt(_) | Decision::RetryOnRelease { .. })
    })
}

#[test]
fn every_row_of_the_table() {
    use Health::{Failure as Ill, Success as Well, Unknown};
    use Verdict::{Blind, Clear, Concurrency, HardQuota, Overloaded, Soft};
    let any = [true; 3];
    let harmless = [false, true, true];
    let never = [false; 3];
    // (outcome, again for POST / idempotent / keyed, slow down, fewer jobs, gate after s, health)
    let table = [
        (answered(200, Clear, None), never, false, false, None, Well),
        (answered(200, Clear, Some(30)), never, false, false, Some(30), Well),
        (answered(304, Clear, None), never, false, false, None, Well),
        (answered(429, Soft, Some(17)), any, false, false, Some(17), Unknown),
        (answered(403, Soft, Some(60)), any, false, false, Some(60), Unknown),
        (answered(429, Blind, None), any, true, false, None, Unknown),
        (answered(429, Concurrency, None), any, false, true, None, Unknown),
        (answered(429, HardQuota, None), never, false, false, None, Unknown),
        (answered(503, Overloaded, Some(9)), harmless, true, false, Some(9), Ill),
        (answered(529, Overloaded, None), harmless, true, false, None, Ill),
        (answered(500, Clear, None), harmless, false, false, None, Ill),
        (answered(502, Clear, None), harmless, false, false, None, Ill),
        (answered(504, Clear, None), harmless, false, false, None, Ill),
        (answered(501, Clear, None), never, false, false, None, Unknown),
        (answered(505, Clear, None), never, false, false, None, Unknown),
        (answered(400, Clear, None), never, false, false, None, Unknown),
        (answered(404, Clear, None), never, false, false, None, Unknown),
        (answered(422, Clear, None), never, false, false, None, Unknown),
        (answered(408, Clear, None), harmless, false, false, None, Unknown),
        (answered(409, Clear, None), [false, false, true], false, false, None, Unknown),
        (answered(413, Clear, None), never, false, false, None, Unknown),
        (answered(413, Clear, Some(5)), any, false, false, None, Unknown),
        (answered(421, Clear, None), any, false, false, None, Unknown),
        (answered(425, Clear, None), any, false, false, None, Unknown),
        (Outcome::Failed(Failure::NotSent), any, false, false, None, Ill),
        (Outcome::Failed(Failure::NotProcessed), any, false, false, None, Unknown),
        (Outcome::Failed(Failure::Broken), harmless, false, false, None, Ill),
        (Outcome::Failed(Failure::Final), never, false, false, None, Unknown),
    ];
    for (outcome, repeated, slow_down, fewer_jobs, gate, health) in table {
        let advice = decide(Repeatable::Keyed, outcome, 7);
        let gate = gate.map(|secs| NOW.saturating_add(Duration::from_secs(secs)));
        assert_eq!(again(outcome), repeated, "{outcome:?}");
        assert_eq!((advice.slow_down, advice.fewer_jobs), (slow_down, fewer_jobs), "{outcome:?}");
        assert_eq!((advice.gate, advice.health), (gate, health), "{outcome:?}");
    }
}

#[test]
fn a_request_that_may_have_run_says_so() {
    for outcome in [Outcome::Failed(Failure::Broken), answered(500, Verdict::Clear, None)] {
        assert_eq!(decide(Repeatable::No, outcome, 0).decision, Decision::GiveUp(Reason::MaybeRunning));
    }
    let hard = decide(Repeatable::Keyed, answered(429, Verdict::HardQuota, Some(5)), 0);
    assert_eq!(hard.decision, Decision::GiveUp(Reason::Refused));
}

/// The error reference of source document 001: the stated seconds, or from 1 s doubling.
#[test]
fn a_stated_delay_is_kept_and_an_unstated_one_doubles() {
    let soft = answered(429, Verdict::Soft, Some(17));
    assert_eq!(decide(Repeatable::No, soft, 0).decision, after(17_000_000));
    assert_eq!(decide(Repeatable::No, soft, u32::MAX).decision, after(20_400_000), "a fifth more at most");

    let (mut call, mut upstream) = (Retry::new(backoffs::RETRY, Repeatable::No, NOW), Restraint::default());
    let blind = answered(429, Verdict::Blind, None);
    let delays = [(); 3].map(|()| call.decide(NOW, &blind, &mut upstream, u32::MAX).decision);
    assert_eq!(delays, [after(1_000_000), after(2_000_000), Decision::GiveUp(Reason::Retries)]);
}

#[test]
fn concurrency_waits_for_a_job_to_end() {
    let busy = answered(429, Verdict::Concurrency, Some(1));
    let at = NOW.saturating_add(Duration::from_secs(1));
    assert_eq!(decide(Repeatable::No, busy, 0).decision, Decision::RetryOnRelease { not_before: at });
    // Nor before a second is over where nothing was said and chance would have it sooner.
    let busy = answered(429, Verdict::Concurrency, None);
    assert_eq!(decide(Repeatable::No, busy, 0).decision, Decision::RetryOnRelease { not_before: at });
}

#[test]
fn now_is_permission_and_from_the_second_retry_on_not_an_order() {
    let (mut call, mut upstream) = (Retry::new(backoffs::RETRY, Repeatable::No, NOW), Restraint::default());
    let soon = answered(429, Verdict::Soft, Some(0));
    assert_eq!(call.decide(NOW, &soon, &mut upstream, u32::MAX).decision, after(0));
    assert_eq!(call.decide(NOW, &soon, &mut upstream, u32::MAX).decision, after(2_000_000));
}

#[test]
fn a_server_that_says_retry_is_believed_only_where_it_does_no_harm() {
    let told = |status, yes| Outcome::Answered { status, verdict: Verdict::Clear, wait: None, should_retry: Some(yes) };
    assert_eq!(again(told(404, true)), [false, true, true]);
    assert_eq!(again(told(500, false)), [false; 3]);
    assert_eq!(again(told(200, true)), [false; 3], "a success is a success");
}

#[test]
fn no_server_can_make_the_client_wait_longer_than_max_block() {
    for secs in [601, 1_000_000, u64::MAX] {
        let advice = decide(Repeatable::No, answered(429, Verdict::Soft, Some(secs)), u32::MAX);
        let named = NOW.saturating_add(Duration::from_secs(secs));
        assert_eq!(advice.decision, Decision::GiveUp(Reason::TooLong { until: named }));
        assert_eq!(advice.gate, Some(NOW.saturating_add(Duration::from_mins(10))), "closed, but not for ever");
    }
    let longest = decide(Repeatable::No, answered(429, Verdict::Soft, Some(600)), u32::MAX);
    assert_eq!(longest.decision, after(600_000_000), "the spread does not exceed it");
}

#[test]
fn no_sleep_ends_after_the_deadline() {
    let throttled = backoffs::RETRY.throttled.with_deadline(Duration::from_secs(30));
    let policy = RetryPolicy { throttled, ..backoffs::RETRY };
    let mut call = Retry::new(policy, Repeatable::No, NOW);
    let at = NOW.saturating_add(Duration::from_secs(14));
    let soft = |secs| answered(429, Verdict::Soft, Some(secs));
    let late = call.decide(at, &soft(17), &mut Restraint::default(), 0);
    assert_eq!(late.decision, Decision::GiveUp(Reason::Deadline));
    assert_eq!(call.retried(), 0, "a refusal takes no retry");
    let fits = call.decide(at, &soft(16), &mut Restraint::default(), 0);
    assert_eq!(fits.decision, Decision::RetryAt(NOW.saturating_add(Duration::from_secs(30))));
}

#[test]
fn an_empty_quota_stops_retries_and_still_closes_the_gate() {
    let quota = RetryQuota::new(QuotaCosts { capacity: 9, ..QuotaCosts::AWS });
    let mut upstream = Restraint { quota: Some(quota), ..Restraint::default() };
    let soft = answered(429, Verdict::Soft, Some(5));
    let call = || Retry::new(backoffs::RETRY, Repeatable::No, NOW);
    assert_eq!(call().decide(NOW, &soft, &mut upstream, 0).decision, after(5_000_000));
    let empty = call().decide(NOW, &soft, &mut upstream, 0);
    assert_eq!(empty.decision, Decision::GiveUp(Reason::Quota));
    assert_eq!(empty.gate, Some(NOW.saturating_add(Duration::from_secs(5))));
    assert_eq!(upstream.quota.map(|quota| quota.left()), Some(4));
}

#[test]
fn a_success_gives_back_what_its_retry_took() {
    let quota = RetryQuota::new(QuotaCosts { capacity: 100, ..QuotaCosts::AWS });
    let mut upstream = Restraint { quota: Some(quota), ..Restraint::default() };
    let mut call = Retry::new(backoffs::RETRY, Repeatable::Keyed, NOW);
    call.decide(NOW, &Outcome::Failed(Failure::Broken), &mut upstream, 0);
    assert_eq!(upstream.quota.map(|quota| quota.left()), Some(86));
    call.decide(NOW, &answered(200, Verdict::Clear, None), &mut upstream, 0);
    assert_eq!(upstream.quota.map(|quota| quota.left()), Some(100));
}

#[test]
fn a_ratio_that_refuses_takes_nothing_from_the_quota() {
    let mut upstream = Restraint {
        quota: Some(RetryQuota::new(QuotaCosts::AWS)),
        ratio: Some(RatioBudget::new(Duration::from_secs(10), 1_000, 0)),
        burst: None,
    };
    let blind = answered(429, Verdict::Blind, None);
    let mut call = Retry::new(backoffs::RETRY, Repeatable::No, NOW);
    let refused = call.decide(NOW, &blind, &mut upstream, 0);
    assert_eq!(refused.decision, Decision::GiveUp(Reason::Quota));
    assert_eq!(upstream.quota.map(|quota| quota.left()), Some(500));
    upstream.sending(NOW);
    assert_eq!(call.decide(NOW, &blind, &mut upstream, 0).decision, after(0));
}

#[test]
fn several_refusals_in_a_row_raise_the_wait() {
    let mut upstream = Restraint { burst: Some(Burst::SEED_001), ..Restraint::default() };
    let blind = answered(429, Verdict::Blind, None);
    let mut refused = |entropy| {
        let mut call = Retry::new(backoffs::RETRY, Repeatable::No, NOW);
        call.decide(NOW, &blind, &mut upstream, entropy)
    };
    assert_eq!(refused(0).gate, None);
    assert_eq!(refused(0).gate, None);
    let third = refused(0);
    assert_eq!(third.decision, after(30_000_000));
    assert_eq!(third.gate, Some(NOW.saturating_add(Duration::from_secs(30))));
    assert_eq!(refused(u32::MAX).gate, Some(NOW.saturating_add(Duration::from_secs(60))));
}

/// From the wire to the decision: what a response's headers say is what is done.
#[test]
fn a_response_becomes_a_decision() {
    let mut reader = FeedbackReader::new();
    for (name, value) in [("Retry-After", "17"), ("RateLimit", "\"burst\";r=0;t=30")] {
        reader.line(name.as_bytes(), value.as_bytes());
    }
    let outcome = Outcome::from(&reader.finish(429, None));
    assert_eq!(decide(Repeatable::No, outcome, 0).decision, after(30_000_000), "two limits: the longer");

    let nothing = Outcome::from(&FeedbackReader::new().finish(429, None));
    assert!(decide(Repeatable::No, nothing, 0).slow_down);
}

#[test]
fn time_at_its_ends_is_ordinary() {
    for now in [Instant::ORIGIN, Instant::MAX] {
        for entropy in [0, u32::MAX] {
            for secs in [None, Some(0), Some(600), Some(u64::MAX)] {
                let mut call = Retry::new(backoffs::RETRY, Repeatable::Keyed, NOW);
                let soft = answered(429, Verdict::Soft, secs);
                let advice = call.decide(now, &soft, &mut Restraint::default(), entropy);
                assert!(advice.gate.is_none_or(|gate| gate <= now.saturating_add(Duration::from_mins(10))));
            }
        }
    }
}

#[test]
fn a_retry_that_is_cancelled_gives_back_what_it_took_once() {
    let full = || Restraint { quota: Some(RetryQuota::new(QuotaCosts::AWS)), ..Restraint::default() };
    let left = |upstream: &Restraint| upstream.quota.as_ref().unwrap().left();
    let fresh = || Retry::new(backoffs::RETRY, Repeatable::Idempotent, NOW);
    for (outcome, cost) in [
        (answered(429, Verdict::Soft, Some(1)), 5),
        (answered(429, Verdict::Concurrency, None), 5),
        (Outcome::Failed(Failure::Broken), 14),
        // Nothing is to be sent again.
        (answered(400, Verdict::Clear, None), 0),
        (answered(429, Verdict::HardQuota, None), 0),
    ] {
        let (mut upstream, mut call) = (full(), fresh());
        call.cancel(&mut upstream);
        assert_eq!(left(&upstream), 500, "a first attempt has taken nothing");
        call.decide(NOW, &outcome, &mut upstream, 0);
        assert_eq!((left(&upstream), call.taken().is_some()), (500 - cost, cost > 0), "{outcome:?}");
        for _ in 0..2 {
            call.cancel(&mut upstream);
            assert_eq!((left(&upstream), call.taken()), (500, None), "{outcome:?}");
        }
    }
    // Answered, a retry is spent: of two only the second comes back, and of one that was given up none.
    let (mut upstream, mut call) = (full(), fresh());
    for wait in [Some(1), Some(2)] {
        call.decide(NOW, &answered(429, Verdict::Soft, wait), &mut upstream, 0);
    }
    call.cancel(&mut upstream);
    assert_eq!(left(&upstream), 495);
    let mut call = fresh();
    call.decide(NOW, &Outcome::Failed(Failure::Broken), &mut upstream, 0);
    call.decide(NOW, &answered(429, Verdict::HardQuota, None), &mut upstream, 0);
    call.cancel(&mut upstream);
    assert_eq!(left(&upstream), 481);
    // Without a stock there is nothing to give back to.
    let (mut none, mut call) = (Restraint::default(), fresh());
    call.decide(NOW, &answered(429, Verdict::Soft, Some(1)), &mut none, 0);
    call.cancel(&mut none);
    assert_eq!(call.taken(), None);
}
