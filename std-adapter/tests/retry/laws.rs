//! A call alone does exactly what core's `Retry` says, whatever the answers.

use tollgate::{Burst, Clock, Decision, Duration, Entropy, Failure, Instant, Outcome, Repeatable, Verdict};
use tollgate::{QuotaCosts, RatioBudget, Restraint, Retry, RetryPolicy, RetryQuota, presets::backoffs};
use tollgate_std::CallError;

use crate::{Answer, EXACT, Ended, Story, answered, api, read, run};

fn restraint() -> Restraint {
    Restraint {
        quota: Some(RetryQuota::new(QuotaCosts { capacity: 40, ..QuotaCosts::AWS })),
        ratio: Some(RatioBudget::new(Duration::from_secs(10), 500, 2)),
        burst: Some(Burst::SEED_001),
    }
}

/// The plain loop around core, with nobody else at the upstream: no gate is needed then.
fn oracle(policy: RetryPolicy, repeatable: Repeatable, script: &[Answer], seed: u64) -> (Story, u32) {
    let (mut upstream, mut entropy, mut now) = (restraint(), Entropy::of_device(seed), Instant::ORIGIN);
    let mut call = Retry::new(policy, repeatable, now);
    let (mut sent, mut answers) = (Vec::new(), script.iter());
    upstream.sending(now);
    let ended: Ended = loop {
        sent.push(now);
        let answer = *answers.next().unwrap();
        let refused = now;
        match call.decide(now, &read(&answer), &mut upstream, entropy.next()).decision {
            Decision::Done => break answer.map_err(CallError::Final),
            Decision::GiveUp(reason) => break Err(CallError::GaveUp { reason, last: answer }),
            Decision::RetryAt(at) => now = at,
            Decision::RetryOnRelease { not_before } => {
                let end = Instant::ORIGIN.saturating_add(policy.throttled.deadline());
                now = refused.saturating_add(policy.throttled.max()).min(end).max(not_before);
            }
        }
    };
    (Story { sent, ended, at: now }, upstream.quota.unwrap().left())
}

fn any_answer(entropy: &mut Entropy) -> Answer {
    let wait = [None, Some(0), Some(1), Some(17), Some(61), Some(700)][entropy.next() as usize % 6];
    match entropy.next() % 16 {
        0 => Ok(200),
        1 => Ok(409),
        2..=3 => Err(answered(429, Verdict::Soft, wait)),
        4..=5 => Ok(429),
        6..=7 => Err(answered(429, Verdict::Concurrency, wait)),
        8..=9 => Err(answered(503, Verdict::Overloaded, wait)),
        10 => Err(answered(413, Verdict::Clear, wait)),
        11..=12 => Ok(500),
        13 => Err(Outcome::Failed(Failure::NotSent)),
        14 => Err(Outcome::Failed(Failure::NotProcessed)),
        _ => Err(Outcome::Failed(Failure::Broken)),
    }
}

#[test]
fn a_call_alone_does_what_core_decides() {
    let policies = [
        backoffs::RETRY,
        EXACT,
        RetryPolicy { throttled: backoffs::SEED_001.with_deadline(Duration::from_secs(90)), ..backoffs::RETRY },
        RetryPolicy { throttled: backoffs::SEED_000, transient: backoffs::SEED_001_SERVER_ERROR, ..EXACT },
    ];
    let (mut entropy, mut retried) = (Entropy::of_device(1), 0);
    for seed in 0..3_000 {
        let policy = policies[entropy.next() as usize % policies.len()];
        let repeatable = [Repeatable::No, Repeatable::Idempotent, Repeatable::Keyed][entropy.next() as usize % 3];
        let script: Vec<Answer> = (0..12).map(|_| any_answer(&mut entropy)).collect();
        let upstream = || api(policy).with_restraint(restraint()).with_entropy(Entropy::of_device(seed));
        let (expected, left) = oracle(policy, repeatable, &script, seed);
        let story = run(upstream, repeatable, &script);
        assert_eq!(story, expected, "{script:?}");
        let again = upstream();
        crate::on_a_thread(&again, repeatable, &script);
        assert_eq!(crate::quota_left(&again), left, "{script:?}");
        assert!(again.clock().now() <= Instant::ORIGIN.saturating_add(policy.throttled.deadline()));
        retried += story.sent.len() - 1;
    }
    assert!(retried > 3_000, "{retried} retries: too few to say much");
}
