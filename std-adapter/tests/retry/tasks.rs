//! A future dropped in any state leaves nothing behind.

use tollgate::{BreakerPolicy, Duration, Instant, Phase, Repeatable, Trip, valid};
use tollgate_std::{CallError, Cancel};

use crate::{Api, BROKEN, BUSY, EXACT, Task, assert_nothing_left, quota_left, soft, with_quota};

const BREAKER: BreakerPolicy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 1 }, Duration::from_secs(30)));

fn after(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

/// A task in the named state, and what is left of the stock of 100 while it is in it.
fn states() -> Vec<(&'static str, Api, Task, u32)> {
    let mut list = Vec::new();
    let mut add = |name, left, prepare: fn(&Api, &mut Task)| {
        let api = with_quota(EXACT, 100);
        let mut task = Task::new(&api, Repeatable::Keyed);
        prepare(&api, &mut task);
        list.push((name, api, task, left));
    };
    add("never polled", 100, |_, _| {});
    add("waits for the gate", 100, |api, task| {
        api.close_until(after(9));
        task.go();
    });
    add("sent", 100, |_, task| task.go());
    add("waits to send again", 95, |_, task| {
        task.go();
        task.answer(Err(soft(5)));
    });
    add("waits to send again after an error", 86, |_, task| {
        task.go();
        task.answer(Err(BROKEN));
    });
    add("should send again, the gate is closed", 95, |api, task| {
        task.go();
        task.answer(Err(soft(5)));
        api.close_until(after(50));
        api.clock().set(after(5));
        task.go();
    });
    add("waits for a release", 95, |_, task| {
        task.go();
        task.answer(Err(BUSY));
    });
    add("was released and has not noticed", 95, |api, task| {
        task.go();
        task.answer(Err(BUSY));
        api.released();
    });
    add("sent again", 95, |api, task| {
        task.go();
        task.answer(Err(soft(5)));
        api.clock().set(after(5));
        task.go();
    });
    // The first retry was sent and failed: what it took is spent.
    add("waits for a second retry", 90, |api, task| {
        task.go();
        task.answer(Err(soft(5)));
        api.clock().set(after(5));
        task.go();
        task.answer(Err(soft(5)));
    });
    list
}

#[test]
fn dropped_in_every_state_it_gives_everything_back() {
    for (name, api, task, left) in states() {
        assert_eq!(quota_left(&api), left, "{name}");
        drop(task);
        assert_eq!(quota_left(&api), if name == "waits for a second retry" { 95 } else { 100 }, "{name}");
        assert_nothing_left(&api);
    }
}

#[test]
fn cancelled_in_every_wait_it_ends_at_once() {
    for with_answer in [false, true] {
        let (api, cancel) = (with_quota(EXACT, 100), Cancel::new());
        let mut task = Task::new(&api.clone().or_cancelled(&cancel), Repeatable::Keyed);
        if with_answer {
            task.go();
            task.answer(Err(soft(5)));
        } else {
            api.close_until(after(9));
            task.go();
        }
        cancel.cancel();
        assert_eq!(task.woken(), 1, "it need not be polled to notice");
        let last = with_answer.then(|| Err(soft(5)));
        assert_eq!(task.poll(), Some(Err(CallError::Cancelled { last })));
        assert_eq!(quota_left(&api), 100);
        assert_nothing_left(&api);
        let mut late = Task::new(&api.clone().or_cancelled(&cancel), Repeatable::Keyed);
        assert_eq!(late.poll(), Some(Err(CallError::Cancelled { last: None })));
        assert_eq!(late.sent(), [], "a token cancelled before is cancelled");
    }
}

#[test]
fn a_cancelled_token_lets_an_attempt_end_by_itself() {
    let (api, cancel) = (with_quota(EXACT, 100), Cancel::new());
    let handle = api.clone().or_cancelled(&cancel);
    for (answer, ended) in [(Ok(200), Ok(200)), (Err(soft(5)), Err(CallError::Cancelled { last: Some(Err(soft(5))) }))]
    {
        let fresh = Cancel::new();
        let mut task = Task::new(&handle.clone().or_cancelled(&fresh), Repeatable::Keyed);
        task.go();
        fresh.cancel();
        task.go();
        assert_eq!(task.answer(answer), Some(ended));
    }
    assert_eq!(quota_left(&api), 100);
    assert_nothing_left(&api);
}

#[test]
fn a_dropped_probe_frees_its_place_without_a_verdict() {
    let api = with_quota(EXACT, 100).with_breaker(BREAKER);
    crate::on_a_thread(&api, Repeatable::No, &[Err(BROKEN)]);
    let (mut probe, mut next) = (Task::new(&api, Repeatable::No), Task::new(&api, Repeatable::No));
    api.clock().set(after(30));
    probe.go();
    next.go();
    assert_eq!((probe.sent(), next.sent()), (vec![30], vec![]));
    drop(probe);
    assert_eq!(next.woken(), 1);
    next.go();
    assert_eq!(next.sent(), [30]);
    assert!(matches!(api.status().breaker, Some(Phase::HalfOpen { out: 1, passed: 0, .. })));
    drop(next);
    assert_nothing_left(&api);
}

#[test]
fn a_task_that_moved_is_woken_where_it_is() {
    let api = with_quota(EXACT, 100);
    let mut task = Task::new(&api, Repeatable::Keyed);
    task.go();
    task.answer(Err(BUSY));
    let before = std::mem::take(&mut task.bell);
    task.go();
    api.released();
    assert_eq!((before.0.load(std::sync::atomic::Ordering::SeqCst), task.woken()), (0, 1));
}

#[test]
fn the_futures_can_be_spawned() {
    fn spawnable<T: Send + 'static>(_: &T) {}
    let api = with_quota(EXACT, 100);
    let call = async move {
        let sleep = |_| std::future::ready(());
        api.call_async(Repeatable::No, sleep, |_| std::future::ready(Ok(200))).await
    };
    spawnable(&call);
    assert_eq!(crate::now_or_never(call), Ok(200));
}

#[cfg(feature = "tokio")]
#[test]
fn on_tokio_paused_time_passes_at_once_and_exactly() {
    let read = crate::read as fn(&crate::Answer) -> tollgate::Outcome;
    let api = tollgate_std::Upstream::with_clock(EXACT, read, tollgate_std::TokioClock::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = tokio::time::Instant::now();
        let answers = std::cell::RefCell::new(vec![Ok(200), Err(soft(17)), Ok(429)]);
        let attempt = |_| std::future::ready(answers.borrow_mut().pop().unwrap());
        assert_eq!(api.call_tokio(Repeatable::No, attempt).await, Ok(200));
        // 1 s and 17 s; tokio rounds up to the next of its milliseconds.
        let waited = start.elapsed().as_millis();
        assert!((18_000..=18_004).contains(&waited), "{waited} ms");
    });
}
