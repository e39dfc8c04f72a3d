//! The server's block, the breaker's probes, adaptation and what retries share.

use tollgate::{
    Adaptation, Aimd, AimdPolicy, Answer, AskError, Binding, Breaker, BreakerPolicy, Denied, Duration, Gate, JobId,
    Limits, Outcome, Patience, Phase, QuotaCosts, Reason, Repeatable, Request, Restraint, RetryQuota, Trip, Verdict,
    valid,
};

use crate::support::{BLIND, LEASE, OK, PATIENCE, Plain, S, answer, bucket, gate, retry};

fn soft(wait: u64) -> Outcome {
    let wait = Some(Duration::from_secs(wait));
    Outcome::Answered { status: 429, verdict: Verdict::Soft, wait, should_retry: None }
}

/// Sends a request of this job at `sent` and hears `outcome` at `heard`.
fn exchange(gate: &mut Plain, job: u64, sent: u64, heard: u64, outcome: &Outcome) -> Answer {
    let permit = gate.ask(S(sent), &Request::new(JobId(job), LEASE)).unwrap();
    gate.sending(S(sent), &permit).unwrap();
    gate.answered(S(heard), &permit, outcome, &mut retry(Repeatable::No), 0).unwrap()
}

fn blocked(gate: &mut Plain, at: u64) -> Option<u64> {
    gate.status(S(at)).blocked.map(|until| until.as_micros() / 1_000_000)
}

#[test]
fn a_block_takes_the_maximum_and_only_news_shortens_it() {
    let mut gate = gate().with_slots(9);
    let (one, two) = (Request::new(JobId(1), LEASE), Request::new(JobId(2), LEASE));
    let early = gate.ask(S(0), &one).unwrap();
    let late = gate.ask(S(0), &two).unwrap();
    gate.sending(S(0), &early).unwrap();
    gate.sending(S(0), &late).unwrap();
    gate.answered(S(1), &early, &soft(30), &mut retry(Repeatable::No), 0).unwrap();
    assert_eq!(blocked(&mut gate, 1), Some(31));
    let refused = gate.ask(S(30), &one).unwrap_err();
    assert_eq!(refused, AskError::Refused { limit: Binding::Block, denied: Denied::Until(S(31)) });
    // Sent before the block was set: a shorter wait, or a success, is old news.
    gate.answered(S(2), &late, &soft(5), &mut retry(Repeatable::No), 0).unwrap();
    assert_eq!(blocked(&mut gate, 2), Some(31));
    // The owner may; and what is sent after that is news.
    gate.block_until(S(3), S(3));
    exchange(&mut gate, 3, 4, 5, &soft(40));
    assert_eq!(blocked(&mut gate, 5), Some(45));
    gate.block_until(S(6), S(50));
    assert_eq!(blocked(&mut gate, 6), Some(50));
}

#[test]
fn a_server_cannot_close_the_gate_for_ever() {
    let mut gate = gate();
    let given_up = exchange(&mut gate, 1, 0, 0, &soft(1_000_000));
    assert_eq!(given_up, Answer::GiveUp(Reason::TooLong { until: S(1_000_000) }));
    assert_eq!(blocked(&mut gate, 0), Some(600), "what the call's own policy allows");
    let mut gate = crate::support::gate().with_patience(Patience { max_block: Duration::from_secs(60), ..PATIENCE });
    exchange(&mut gate, 1, 0, 0, &soft(1_000_000));
    assert_eq!(blocked(&mut gate, 0), Some(60), "and what the owner does");
}

#[test]
fn a_success_that_was_sent_after_the_block_opens_the_gate() {
    let mut gate = gate();
    gate.block_until(S(0), S(100));
    // The owner opens it for one question and the server is well.
    gate.block_until(S(10), S(10));
    let permit = gate.poll(S(11), 0).unwrap();
    gate.sending(S(11), &permit).unwrap();
    gate.answered(S(12), &permit, &OK, &mut retry(Repeatable::Idempotent), 0).unwrap();
    assert_eq!(blocked(&mut gate, 12), None);
}

fn with_breaker() -> Gate<Limits<(), (), (), Breaker>, 4, 3> {
    let policy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 1 }, Duration::from_secs(30)));
    let policy = policy.with_probe_timeout(Duration::from_secs(300)).unwrap();
    let mut gate = Gate::new(Limits::new().breaker(Breaker::new(policy, S(0))), S(0)).with_patience(PATIENCE);
    let permit = gate.ask(S(0), &Request::new(JobId(1), LEASE)).unwrap();
    gate.sending(S(0), &permit).unwrap();
    gate.answered(S(0), &permit, &answer(500, Verdict::Clear), &mut retry(Repeatable::No), 0).unwrap();
    assert_eq!(gate.status(S(0)).breaker, Phase::Open { until: S(30) });
    gate
}

#[test]
fn a_probe_gives_its_place_back_without_a_verdict_or_is_judged() {
    let probe = Request::new(JobId(2), LEASE);
    let mut gate = with_breaker();
    let refused = gate.ask(S(29), &probe).unwrap_err();
    assert_eq!(refused, AskError::Refused { limit: Binding::Breaker, denied: Denied::Until(S(30)) });
    // Dropped, and throttled: the place is free again.
    let permit = gate.ask(S(30), &probe).unwrap();
    assert!(gate.ask(S(30), &Request::new(JobId(3), LEASE)).is_err(), "one probe at a time");
    gate.cancel(S(31), permit).unwrap();
    let permit = gate.ask(S(31), &probe).unwrap();
    gate.sending(S(31), &permit).unwrap();
    gate.answered(S(32), &permit, &BLIND, &mut retry(Repeatable::No), 0).unwrap();
    let permit = gate.ask(S(40), &probe).unwrap();
    gate.sending(S(40), &permit).unwrap();
    gate.answered(S(41), &permit, &OK, &mut retry(Repeatable::No), 0).unwrap();
    assert_eq!(gate.status(S(41)).breaker, Phase::Closed);
}

#[test]
fn a_probe_that_is_not_sent_returns_its_place_and_one_that_is_lost_is_a_failure() {
    let probe = Request::new(JobId(2), LEASE);
    let mut gate = with_breaker();
    let _dropped = gate.ask(S(30), &probe).unwrap();
    let permit = gate.ask(S(40), &probe).unwrap();
    gate.sending(S(40), &permit).unwrap();
    let third = Request::new(JobId(3), LEASE);
    let refused = gate.ask(S(100), &third).unwrap_err();
    // It was lost at 100 s, and open again until 130 s.
    assert_eq!(refused, AskError::Refused { limit: Binding::Breaker, denied: Denied::Until(S(130)) });
    assert!(gate.ask(S(130), &third).is_ok());
}

const RPM: AimdPolicy = AimdPolicy { floor: 6, ceiling: 60, keep_permille: 500, step: 6, every: 1 };
const JOBS: AimdPolicy = AimdPolicy { floor: 1, ceiling: 5, keep_permille: 500, step: 1, every: 2 };

#[test]
fn a_burst_of_refusals_lowers_the_rate_once_and_concurrency_lowers_the_slots() {
    let adaptation = Adaptation {
        rate: Some((Aimd::new(valid!(RPM.checked())), Duration::from_mins(1))),
        jobs: Some(Aimd::new(valid!(JOBS.checked()))),
        ..Adaptation::default()
    };
    let limits = Limits::new().requests(bucket()).adaptation(adaptation);
    let mut gate = Gate::<_, 8, 4>::new(limits, S(0)).with_slots(9);
    assert_eq!(gate.slots(), 5);
    let ask = |id| Request::new(JobId(id), LEASE);
    let burst: Vec<_> = (1..=3).map(|id| gate.ask(S(0), &ask(id)).unwrap()).collect();
    for permit in &burst {
        gate.sending(S(0), permit).unwrap();
    }
    for permit in &burst {
        gate.answered(S(1), permit, &BLIND, &mut retry(Repeatable::No), 0).unwrap();
    }
    let quota = gate.requests_mut().quota();
    assert_eq!(quota.per().as_micros() / u64::from(quota.units()), 2_000_000, "30 a minute");
    assert_eq!(gate.slots(), 5, "the rate has nothing to do with the slots");
    // Two run, the third is refused for concurrency.
    for id in 4..=6 {
        let permit = gate.ask(S(10), &ask(id)).unwrap();
        gate.sending(S(10), &permit).unwrap();
        let outcome = if id < 6 { OK } else { answer(429, Verdict::Concurrency) };
        let answer = gate.answered(S(11), &permit, &outcome, &mut retry(Repeatable::No), 0).unwrap();
        assert_eq!(matches!(answer, Answer::RetryOnRelease { .. }), id == 6);
    }
    assert_eq!((gate.slots(), gate.in_flight(S(11))), (2, 2));
    let refused = gate.ask(S(12), &ask(7)).unwrap_err();
    assert!(matches!(refused, AskError::Refused { limit: Binding::Slots, .. }), "{refused}");
    assert!(matches!(gate.ask(S(12), &ask(7).weighs(4)), Err(AskError::Refused { denied: Denied::Busy, .. })));
}

#[test]
fn retries_of_all_jobs_share_one_stock() {
    let quota = RetryQuota::new(QuotaCosts { capacity: 12, ..QuotaCosts::AWS });
    let restraint = Restraint { quota: Some(quota), ..Restraint::default() };
    let mut gate = Gate::<_, 8, 4>::new(Limits::new().restraint(restraint), S(0));
    let mut decisions = Vec::new();
    for id in 1..=4 {
        let permit = gate.ask(S(id), &Request::new(JobId(id), LEASE)).unwrap();
        gate.sending(S(id), &permit).unwrap();
        decisions.push(gate.answered(S(id), &permit, &BLIND, &mut retry(Repeatable::No), 0).unwrap());
    }
    let given_up = decisions.iter().filter(|answer| **answer == Answer::GiveUp(Reason::Quota)).count();
    assert_eq!(given_up, 2, "{decisions:?}");
}
