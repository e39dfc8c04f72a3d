//! Every decision, as the caller sees it.

use std::rc::Rc;

use tollgate::{
    Burst, Duration, Entropy, Failure, Instant, Outcome, Policy, RatioBudget, Reason, Repeatable, Restraint,
    RetryPolicy, Verdict,
};
use tollgate_std::{CallError, Upstream};

use crate::{BROKEN, BUSY, EXACT, answered, api, deadline, quota_left, retries, run, soft, with_quota};

#[test]
fn an_answer_is_returned_as_it_came() {
    for status in [200, 304, 404, 422, 501] {
        let story = run(|| api(EXACT), Repeatable::Keyed, &[Ok(status)]);
        assert_eq!((story.secs(), story.ended, story.at), (vec![0], Ok(status), Instant::ORIGIN));
    }
}

#[test]
fn a_permanent_error_is_one_call_and_no_wait() {
    let wrong = answered(400, Verdict::Clear, None);
    for error in [Outcome::Failed(Failure::Final), wrong, answered(404, Verdict::Clear, Some(30))] {
        let story = run(|| api(EXACT), Repeatable::Keyed, &[Err(error)]);
        assert_eq!((story.secs(), story.at), (vec![0], Instant::ORIGIN));
        assert_eq!(story.ended, Err(CallError::Final(error)));
    }
    let unpaid = answered(429, Verdict::HardQuota, Some(5));
    let story = run(|| api(EXACT), Repeatable::Keyed, &[Err(unpaid)]);
    assert_eq!((story.secs(), story.at), (vec![0], Instant::ORIGIN));
    assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::Refused, last: Err(unpaid) }));
}

#[test]
fn what_the_server_says_is_obeyed_exactly() {
    let story = run(|| api(EXACT), Repeatable::No, &[Err(soft(17)), Err(soft(3)), Ok(200)]);
    assert_eq!((story.secs(), story.ended), (vec![0, 17, 20], Ok(200)));
    assert_eq!(story.at, Instant::from_secs(20));
}

#[test]
fn it_is_never_sooner_and_at_most_a_fifth_later() {
    let policy = RetryPolicy { spread_permille: 200, ..EXACT };
    for seed in 0..50 {
        let upstream = || api(policy).with_entropy(Entropy::of_device(seed));
        let story = run(upstream, Repeatable::No, &[Err(soft(10)), Ok(200)]);
        assert!((10_000_000..=12_000_000).contains(&story.at.as_micros()), "{}", story.at);
    }
}

#[test]
fn all_retries_used_gives_the_last_refusal() {
    for (used, sent) in [(0, vec![0]), (1, vec![0, 1]), (3, vec![0, 1, 3, 7])] {
        let script = vec![Ok(429); sent.len()];
        let story = run(|| api(retries(used)), Repeatable::No, &script);
        assert_eq!((story.at.as_secs(), story.secs()), (*sent.last().unwrap(), sent));
        assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::Retries, last: Ok(429) }));
    }
}

#[test]
fn what_may_have_run_is_not_sent_twice() {
    let story = run(|| api(EXACT), Repeatable::No, &[Err(BROKEN)]);
    assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::MaybeRunning, last: Err(BROKEN) }));
    for repeatable in [Repeatable::Idempotent, Repeatable::Keyed] {
        let story = run(|| api(EXACT), repeatable, &[Err(BROKEN), Ok(500), Ok(201)]);
        assert_eq!((story.ended, story.at), (Ok(201), Instant::from_millis(300)));
    }
}

#[test]
fn no_wait_ends_after_the_deadline() {
    // Refused at 0, 1, 3: the next would be at 7.
    let story = run(|| api(deadline(6)), Repeatable::No, &[Ok(429); 3]);
    assert_eq!((story.secs(), story.at), (vec![0, 1, 3], Instant::from_secs(3)));
    assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::Deadline, last: Ok(429) }));
    let story = run(|| api(deadline(7)), Repeatable::No, &[Ok(429), Ok(429), Ok(429), Ok(200)]);
    assert_eq!((story.secs(), story.ended), (vec![0, 1, 3, 7], Ok(200)), "just met");
}

#[test]
fn longer_than_anybody_waits_is_told_at_once() {
    for secs in [601, u64::MAX] {
        let story = run(|| api(EXACT), Repeatable::No, &[Err(soft(secs))]);
        let reason = Reason::TooLong { until: Instant::ORIGIN.saturating_add(Duration::from_secs(secs)) };
        assert_eq!(story.ended, Err(CallError::GaveUp { reason, last: Err(soft(secs)) }));
        assert_eq!(story.at, Instant::ORIGIN);
    }
}

#[test]
fn an_empty_stock_of_retries_gives_the_error_and_still_closes_the_gate() {
    let story = run(|| with_quota(EXACT, 9), Repeatable::No, &[Err(soft(5)), Err(soft(5))]);
    assert_eq!(story.secs(), [0, 5]);
    assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::Quota, last: Err(soft(5)) }));

    let upstream = with_quota(EXACT, 4);
    crate::on_a_thread(&upstream, Repeatable::No, &[Err(soft(5))]);
    assert_eq!(upstream.status().closed_until, Some(Instant::from_secs(5)));
    assert_eq!(quota_left(&upstream), 4, "what is refused takes nothing");
}

#[test]
fn the_stock_is_charged_as_core_says() {
    // 14 for an error, 5 for a refusal; a success brings back what the last one took.
    for (script, left) in [
        (vec![Ok(200)], 100),
        (vec![Err(BROKEN), Ok(200)], 100),
        (vec![Err(BROKEN), Ok(429), Ok(200)], 86),
        (vec![Ok(429), Err(BROKEN), Ok(200)], 95),
        (vec![Err(BROKEN), Ok(404)], 86),
        (vec![Ok(429); 6], 75),
    ] {
        let upstream = with_quota(EXACT, 100);
        crate::on_a_thread(&upstream, Repeatable::Keyed, &script);
        assert_eq!(quota_left(&upstream), left, "{script:?}");
    }
}

#[test]
fn only_new_calls_feed_the_share_of_retries() {
    let ratio = RatioBudget::new(Duration::from_mins(10), 1_000, 0);
    let upstream = || api(EXACT).with_restraint(Restraint { ratio: Some(ratio), ..Restraint::default() });
    let story = run(upstream, Repeatable::No, &[Ok(429), Ok(429)]);
    assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::Quota, last: Ok(429) }));
}

#[test]
fn several_refusals_raise_the_wait() {
    let upstream = || api(EXACT).with_restraint(Restraint { burst: Some(Burst::SEED_001), ..Restraint::default() });
    let story = run(upstream, Repeatable::No, &[Ok(429), Ok(429), Ok(429), Ok(200)]);
    assert_eq!(&story.secs()[..3], [0, 1, 3]);
    assert!((33..=63).contains(&story.at.as_secs()), "{}", story.at);
}

#[test]
fn concurrency_without_any_release_is_tried_again_after_the_largest_delay() {
    let story = run(|| api(EXACT), Repeatable::No, &[Err(BUSY), Err(BUSY), Ok(200)]);
    assert_eq!((story.secs(), story.ended), (vec![0, 60, 120], Ok(200)));
    // At the deadline if that is sooner, but never before what core asks for.
    let story = run(|| api(deadline(20)), Repeatable::No, &[Err(BUSY), Err(BUSY)]);
    assert_eq!(story.secs(), [0, 20]);
    assert_eq!(story.ended, Err(CallError::GaveUp { reason: Reason::Deadline, last: Err(BUSY) }));
    let told = answered(429, Verdict::Concurrency, Some(90));
    assert_eq!(run(|| api(EXACT), Repeatable::No, &[Err(told), Ok(200)]).secs(), [0, 90]);
}

#[test]
fn a_closed_gate_is_waited_for_or_the_call_is_not_sent() {
    let closed = |policy, until| {
        let upstream = api(policy);
        upstream.close_until(Instant::from_secs(until));
        upstream.close_until(Instant::from_secs(1)); // never sooner
        upstream
    };
    let story = run(|| closed(deadline(30), 30), Repeatable::No, &[Ok(200)]);
    assert_eq!((story.secs(), story.ended), (vec![30], Ok(200)));
    let story = run(|| closed(deadline(29), 30), Repeatable::No, &[]);
    assert_eq!(story.at, Instant::ORIGIN, "known at once");
    let ended: CallError<u16, Outcome> = CallError::Closed { until: Instant::from_secs(30) };
    assert_eq!(ended.to_string(), "not sent: closed until 30.000000 s, after the deadline");
    assert_eq!(story.ended, Err(ended));
}

#[test]
fn the_spread_after_a_gate_ends_at_the_deadline() {
    let policy = RetryPolicy { spread_permille: u16::MAX, ..deadline(31) };
    for seed in 0..50 {
        let upstream = || {
            let upstream = api(policy).with_entropy(Entropy::of_device(seed));
            upstream.close_until(Instant::from_secs(30));
            upstream
        };
        let story = run(upstream, Repeatable::No, &[Ok(200)]);
        assert!((30_000_000..=31_000_000).contains(&story.at.as_micros()), "{}", story.at);
    }
}

#[test]
fn a_handle_may_have_its_own_policy_and_reading() {
    let upstream = api(EXACT);
    let hasty = upstream.clone().with_policy(retries(0));
    assert_eq!(crate::on_a_thread(&hasty, Repeatable::No, &[Err(soft(9))]).secs(), [0]);
    let texts = upstream.clone().reading(|_: &Result<&str, ()>| answered(200, Verdict::Clear, None));
    let sleep = |_: &_, span: std::time::Duration| upstream.clock().advance(span.into());
    assert_eq!(texts.call_with(Repeatable::No, sleep, |_| Ok("a text")), Ok("a text"));
    assert_eq!(upstream.status().closed_until, None);
    assert_eq!(tollgate::Clock::now(upstream.clock()).as_micros(), 9_000_000, "it waited for the other");
}

/// A response that is kept holds its connection.
#[test]
fn the_kept_answer_is_dropped_before_the_next_attempt() {
    let (held, clock) = (Rc::new(()), crate::HandClock::default());
    let refused_once = |answer: &Result<Rc<()>, u32>| match answer {
        Ok(_) => answered(429, Verdict::Blind, None),
        Err(_) => Outcome::Failed(Failure::Final),
    };
    let api = Upstream::with_clock(EXACT, refused_once, clock.clone());
    let attempt = |number| {
        assert_eq!(Rc::strong_count(&held), 1, "attempt {number}");
        if number == 1 { Ok(held.clone()) } else { Err(number) }
    };
    let kept = |span: Duration| {
        assert_eq!(Rc::strong_count(&held), 2, "until then it is kept");
        clock.advance(span);
    };
    let ended = api.call_with(Repeatable::No, |_, span| kept(span.into()), attempt);
    assert_eq!(ended, Err(CallError::Final(2)));
    let sleep = |span: std::time::Duration| {
        kept(span.into());
        std::future::ready(())
    };
    let ended =
        crate::now_or_never(api.call_async(Repeatable::No, sleep, |number| std::future::ready(attempt(number))));
    assert_eq!(ended, Err(CallError::Final(2)));
}

#[test]
fn errors_read_as_sentences_and_lead_to_their_cause() {
    #[derive(Debug, PartialEq)]
    struct Reset;
    impl std::fmt::Display for Reset {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("connection reset")
        }
    }
    impl std::error::Error for Reset {}
    let gave_up = CallError::<(), _>::GaveUp { reason: Reason::Retries, last: Err(Reset) };
    assert_eq!(gave_up.to_string(), "gave up: all retries are used");
    let source = std::error::Error::source(&gave_up).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("connection reset"));
    assert_eq!(gave_up.into_last(), Some(Err(Reset)));
    assert_eq!(CallError::<(), _>::Final(Reset).to_string(), "failed for good");
    let cancelled = CallError::<(), Reset>::Cancelled { last: None };
    assert_eq!((cancelled.to_string().as_str(), cancelled.error()), ("cancelled while waiting to send", None));
    let endless = RetryPolicy {
        throttled: Policy::new(Duration::MAX, Duration::MAX).unwrap(),
        max_block: Duration::MAX,
        ..EXACT
    };
    // Naps are a day at most; the end of time is reached all the same, and nothing overflows.
    let upstream = api(endless);
    upstream.clock().set(Instant::MAX.saturating_sub(Duration::from_days(3)));
    let story = crate::on_a_thread(&upstream, Repeatable::No, &[Ok(429), Ok(200)]);
    assert_eq!((story.ended, story.at), (Ok(200), Instant::MAX));
}
