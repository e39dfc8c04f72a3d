//! Several calls at one upstream: what one learns holds for all.

use std::sync::{Arc, Mutex};

use tollgate::{
    AimdPolicy, BreakerPolicy, Clock, Duration, Instant, Phase, Reason, Repeatable, RetryPolicy, Trip, Verdict, valid,
};
use tollgate_std::{Attempt, CallError};

use crate::{BROKEN, BUSY, EXACT, Task, answered, api, assert_nothing_left, deadline, on_a_thread, retries, soft};

const S: fn(u64) -> Instant = Instant::from_secs;

#[test]
fn one_refused_call_closes_the_gate_for_the_other() {
    let api = api(EXACT);
    let (mut refused, mut other) = (Task::new(&api, Repeatable::No), Task::new(&api, Repeatable::No));
    refused.go();
    assert_eq!(refused.answer(Err(soft(17))), None);
    assert_eq!(api.status().closed_until, Some(S(17)));
    other.go();
    assert_eq!((other.sent(), api.status().waiting), (vec![], 2));
    api.clock().set(S(16));
    other.go();
    assert_eq!(other.sent(), []);
    api.clock().set(S(17));
    other.go();
    refused.go();
    assert_eq!((refused.sent(), other.sent()), (vec![0, 17], vec![17]));
    assert_eq!((refused.answer(Ok(200)), other.answer(Ok(204))), (Some(Ok(200)), Some(Ok(204))));
    assert_nothing_left(&api);
}

#[test]
fn a_gate_that_is_closed_again_is_waited_for_again() {
    let api = api(EXACT);
    let (mut first, mut second, mut third) =
        (Task::new(&api, Repeatable::No), Task::new(&api, Repeatable::No), Task::new(&api, Repeatable::No));
    first.go();
    second.go();
    first.answer(Err(soft(5)));
    third.go();
    api.clock().set(S(4));
    second.answer(Err(soft(10)));
    api.clock().set(S(5));
    first.go();
    third.go();
    assert_eq!((first.sent(), third.sent()), (vec![0], vec![]), "closed to 14 meanwhile");
    api.clock().set(S(14));
    for task in [&mut first, &mut third] {
        task.go();
    }
    assert_eq!((first.sent(), third.sent()), (vec![0, 14], vec![14]));
}

#[test]
fn a_shorter_refusal_does_not_open_the_gate_sooner() {
    let api = api(EXACT);
    let (mut first, mut second) = (Task::new(&api, Repeatable::No), Task::new(&api, Repeatable::No));
    first.go();
    second.go();
    first.answer(Err(soft(17)));
    second.answer(Err(soft(3)));
    assert_eq!(api.status().closed_until, Some(S(17)));
    api.clock().set(S(3));
    second.go();
    assert_eq!(second.sent(), [0]);
}

#[test]
fn a_retry_that_the_gate_holds_beyond_its_deadline_gives_back_what_it_took() {
    let api = crate::with_quota(deadline(20), 100);
    let mut call = Task::new(&api, Repeatable::No);
    call.go();
    call.answer(Err(soft(5)));
    assert_eq!(crate::quota_left(&api), 95);
    api.close_until(S(21));
    api.clock().set(S(5));
    let ended = call.poll();
    assert_eq!(ended, Some(Err(CallError::GaveUp { reason: Reason::Deadline, last: Err(soft(5)) })));
    drop(call);
    assert_eq!(crate::quota_left(&api), 100);
    assert_nothing_left(&api);
}

#[test]
fn those_who_wait_for_the_gate_do_not_all_come_at_once() {
    let api = api(RetryPolicy { spread_permille: 200, ..EXACT });
    api.close_until(S(100));
    let mut tasks: Vec<_> = (0..50).map(|_| Task::new(&api, Repeatable::No)).collect();
    let mut moments = Vec::new();
    for second in 0..=120 {
        api.clock().set(S(second));
        api.wake(); // whoever is woken early keeps to the moment he drew
        for task in &mut tasks {
            task.go();
        }
        moments.push(tasks.iter().filter(|task| !task.sent().is_empty()).count());
    }
    assert_eq!((moments[99], moments[120]), (0, 50));
    assert!((15..=35).contains(&moments[110]), "{} of 50 half-way", moments[110]);
}

#[test]
fn the_owner_may_open_the_gate() {
    let api = api(EXACT);
    api.close_until(S(500));
    let mut call = Task::new(&api, Repeatable::No);
    call.go();
    api.open();
    assert_eq!(call.woken(), 1);
    call.go();
    assert_eq!(call.sent(), [0]);
}

#[test]
fn a_release_lets_the_longest_waiting_go_but_not_before_its_time() {
    let api = api(EXACT);
    let mut tasks: Vec<_> = (0..3).map(|_| Task::new(&api, Repeatable::No)).collect();
    for task in &mut tasks {
        task.go();
        task.answer(Err(BUSY)); // not before 1 s
    }
    api.clock().set(Instant::from_millis(900));
    api.released();
    assert_eq!(tasks.iter().map(Task::woken).collect::<Vec<_>>(), [1, 0, 0]);
    tasks.iter_mut().for_each(Task::go);
    assert_eq!(tasks[0].sent(), [0], "not before 1 s");
    api.clock().set(S(1));
    tasks.iter_mut().for_each(Task::go);
    assert_eq!(tasks.iter().map(|task| task.sent().len()).collect::<Vec<_>>(), [2, 1, 1]);
    api.clock().set(S(30));
    api.released();
    tasks.iter_mut().for_each(Task::go);
    assert_eq!(tasks.iter().map(|task| task.sent().len()).collect::<Vec<_>>(), [2, 2, 1]);
    // Nobody tells of the third.
    api.clock().set(S(60));
    tasks[2].go();
    assert_eq!(tasks[2].sent(), [0, 60]);
}

#[test]
fn a_release_while_the_refusal_is_on_its_way_counts() {
    let api = api(EXACT);
    let mut call = Task::new(&api, Repeatable::No);
    api.released(); // before it was sent: the server knew
    call.go();
    api.clock().set(S(3));
    api.released();
    call.answer(Err(BUSY));
    api.clock().set(S(4));
    call.go();
    assert_eq!(call.sent(), [0, 4]);
    call.answer(Err(BUSY));
    api.clock().set(S(63));
    call.go();
    assert_eq!(call.sent(), [0, 4], "an old one does not count");
}

#[test]
fn a_release_that_an_abandoned_call_did_not_use_goes_to_the_next() {
    let api = api(EXACT);
    let (mut first, mut second) = (Task::new(&api, Repeatable::No), Task::new(&api, Repeatable::No));
    for task in [&mut first, &mut second] {
        task.go();
        task.answer(Err(BUSY));
    }
    api.released();
    drop(first);
    assert_eq!(second.woken(), 1);
    api.clock().set(S(1));
    second.go();
    assert_eq!(second.sent(), [0, 1]);
}

const BREAKER: BreakerPolicy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 2 }, Duration::from_secs(30)));

#[test]
fn an_open_breaker_holds_everybody_back_and_one_probe_goes_first() {
    let api = api(EXACT).with_breaker(BREAKER);
    on_a_thread(&api.clone().with_policy(retries(0)), Repeatable::Keyed, &[Err(BROKEN)]);
    on_a_thread(&api.clone().with_policy(retries(0)), Repeatable::Keyed, &[Err(BROKEN)]);
    assert_eq!(api.status().breaker, Some(Phase::Open { until: S(30) }));

    let hasty = api.clone().with_policy(deadline(29));
    let ended = on_a_thread(&hasty, Repeatable::Keyed, &[]);
    assert_eq!((ended.ended, ended.at), (Err(CallError::Closed { until: S(30) }), S(0)), "at once");

    let (mut probe, mut other) = (Task::new(&api, Repeatable::Keyed), Task::new(&api, Repeatable::Keyed));
    probe.go();
    other.go();
    api.clock().set(S(30));
    probe.go();
    other.go();
    assert_eq!((probe.sent(), other.sent()), (vec![30], vec![]));
    assert_eq!(probe.answer(Ok(200)), Some(Ok(200)));
    assert_eq!(other.woken(), 1);
    other.go();
    assert_eq!((other.sent(), api.status().breaker), (vec![30], Some(Phase::Closed)));
}

#[test]
fn while_a_probe_is_out_others_hope_for_its_verdict_to_their_deadline() {
    let api = api(EXACT).with_breaker(BREAKER);
    for _ in 0..2 {
        on_a_thread(&api.clone().with_policy(retries(0)), Repeatable::No, &[Err(BROKEN)]);
    }
    api.clock().set(S(30));
    let hasty = api.clone().with_policy(deadline(5));
    let mut tasks: Vec<_> = [&api, &hasty, &hasty].into_iter().map(|api| Task::new(api, Repeatable::No)).collect();
    let [probe, late, other] = &mut tasks[..] else { unreachable!() };
    probe.go();
    late.go();
    api.clock().set(S(34));
    other.go();
    api.clock().set(S(35));
    let lost = S(30 + 30 + 30);
    assert_eq!(late.poll(), Some(Err(CallError::Closed { until: lost })), "no verdict in time");
    other.go();
    probe.answer(Ok(200));
    other.go();
    assert_eq!(other.sent(), [35]);
}

#[test]
fn throttling_is_no_ill_health_and_frees_the_probe() {
    let api = api(retries(0)).with_breaker(BREAKER);
    for _ in 0..5 {
        on_a_thread(&api, Repeatable::Keyed, &[Err(soft(1))]);
    }
    assert_eq!(api.status().breaker, Some(Phase::Closed));
    on_a_thread(&api, Repeatable::Keyed, &[Err(BROKEN)]);
    on_a_thread(&api, Repeatable::Keyed, &[Err(BROKEN)]);
    let story = on_a_thread(&api, Repeatable::Keyed, &[Err(soft(1))]);
    let Some(Phase::HalfOpen { out, passed, .. }) = api.status().breaker else { panic!("{:?}", api.status()) };
    assert_eq!((out, passed), (0, 0), "{story:?}");
}

#[test]
fn the_rate_falls_once_for_a_burst_and_rises_with_successes() {
    const RPM: AimdPolicy =
        valid!(AimdPolicy { floor: 6, ceiling: 60, keep_permille: 700, step: 1, every: 2 }.checked());
    let api = api(retries(0)).with_rate(RPM);
    let mut tasks: Vec<_> = (0..5).map(|_| Task::new(&api, Repeatable::No)).collect();
    tasks.iter_mut().for_each(Task::go);
    api.clock().set(S(2));
    for task in &mut tasks {
        task.answer(Ok(429));
    }
    assert_eq!(api.status().rate, Some(42));
    on_a_thread(&api, Repeatable::No, &[Ok(200)]);
    on_a_thread(&api, Repeatable::No, &[Ok(200)]);
    assert_eq!(api.status().rate, Some(43));
}

#[test]
fn an_observer_sees_every_attempt_and_may_use_the_upstream() {
    let seen = Arc::new(Mutex::new(Vec::<Attempt>::new()));
    let api = api(EXACT);
    let handle = api.clone();
    let list = Arc::clone(&seen);
    let api = api.with_observer(move |attempt| {
        list.lock().unwrap().push(*attempt);
        handle.close_until(Instant::from_secs(2));
    });
    let story = on_a_thread(&api, Repeatable::No, &[Err(BUSY), Ok(429), Ok(200)]);
    let seen = seen.lock().unwrap();
    let rows: Vec<_> = seen.iter().map(|a| (a.number, a.sent, a.advice.fewer_jobs, a.advice.slow_down)).collect();
    let sent = &story.sent;
    assert_eq!(rows, [(1, sent[0], true, false), (2, sent[1], false, true), (3, sent[2], false, false)]);
    assert_eq!(seen[1].outcome, answered(429, Verdict::Blind, None));
    assert_eq!(seen[2].answered, api.clock().now());
}
