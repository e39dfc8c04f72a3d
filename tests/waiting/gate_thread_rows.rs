//! The rows of `thread_rows.rs` for a gate and a dispatcher: what users suffer from while they wait, as threads.

use std::sync::Barrier;
use std::thread;

use tollgate::{AskError, Dispatch, Duration, Instant, JobState, Request};
use tollgate_std::{AdmitError, Cancel, Wait, WaitError};

use crate::gate_scene::{
    Admitted, Api, assert_gate_is_empty, clip, job, jobs_on, rate_on, requests_left, slots_on, state,
};
use crate::scene::{HandClock, until};

fn wait_on_a_thread(
    api: &Api<HandClock>,
    request: Request<'static>,
    wait: impl Into<Wait>,
) -> thread::JoinHandle<Admitted<HandClock>> {
    let (handle, wait, before) = (api.clone(), wait.into(), api.waiting());
    let thread = thread::spawn(move || handle.blocking_admit(&request, wait));
    until(|| api.waiting() > before);
    thread
}

/// Row 26: cancelled waiters eat units, block those behind, leak permits, or deadlock.
#[test]
fn cancelled_threads_take_nothing_of_a_gate_and_block_nobody() {
    for survivor in 0..5 {
        let api = rate_on(10, HandClock::default());
        let cancel = Cancel::new();
        let threads: Vec<_> = (0..5)
            .map(|place| {
                let wait = match place {
                    stays if stays == survivor => Wait::forever(),
                    even if even % 2 == 0 => Wait::forever().or_cancelled(&cancel),
                    _ => Wait::at_most(Duration::from_secs(1)).hoping_for_release(),
                };
                wait_on_a_thread(&api, job(1 + place).counts(10), wait)
            })
            .collect();
        api.clock().set(Instant::from_secs(1));
        api.wake();
        cancel.cancel();
        until(|| api.waiting() == 1);
        api.clock().set(Instant::from_micros(9_999_999));
        api.wake();
        assert_eq!(api.waiting(), 1);
        api.clock().set(Instant::from_secs(10));
        api.wake();
        for (place, thread) in (0..).zip(threads) {
            let ended = thread.join().unwrap().map(|mut admission| admission.sending().unwrap());
            assert_eq!(ended.is_ok(), place == survivor, "{ended:?}");
        }
        api.clock().set(Instant::from_secs(20));
        assert_eq!((api.waiting(), requests_left(&api), api.status().in_flight), (0, 10, 1));
        assert_eq!(state(&api, 1 + survivor), Some(JobState::Unknown), "the one that was sent");
    }
}

/// Row 27: callers that had given up long ago kept consuming.
#[test]
fn abandoned_threads_leave_nothing_in_a_gate() {
    let api = rate_on(60, HandClock::default()).with_max_waiters(4);
    for second in 1..=60 {
        let cancel = Cancel::new();
        thread::scope(|scope| {
            for who in 0..4 {
                let (api, cancel) = (&api, &cancel);
                scope.spawn(move || {
                    let wait = Wait::forever().or_cancelled(cancel);
                    let ended = api.blocking_admit(&job(10 + who).counts(60), wait).map(drop);
                    assert!(matches!(ended, Err(AdmitError::Wait { why: WaitError::Cancelled, .. })));
                });
            }
            until(|| api.waiting() == 4);
            let refused = api.blocking_admit(&job(1).counts(60), Wait::forever()).map(drop);
            assert_eq!(refused, Err(AdmitError::Wait { why: WaitError::Full, limit: None }), "never more than may");
            cancel.cancel();
        });
        assert_gate_is_empty(&api);
        api.clock().set(Instant::from_secs(second));
    }
    assert_eq!(requests_left(&api), 60, "a minute's worth, although hundreds have asked for it");
    assert!(api.blocking_admit(&job(1).counts(60), Duration::ZERO).is_ok(), "for whoever is still there");
}

/// Row 28: no order among waiters, large requests starve, all wake up to look.
#[test]
fn a_gate_serves_threads_in_order() {
    const COSTS: [u32; 6] = [10, 1, 7, 1, 10, 2];
    let api = rate_on(10, HandClock::default());
    let threads: Vec<_> =
        (1..).zip(COSTS).map(|(id, cost)| wait_on_a_thread(&api, job(id).counts(cost), Wait::forever())).collect();
    let mut due = 0;
    for (left, (cost, thread)) in (0..COSTS.len()).rev().zip(COSTS.into_iter().zip(threads)) {
        due += u64::from(cost);
        api.clock().set(Instant::from_micros(due * 1_000_000 - 1));
        api.wake();
        assert_eq!(api.waiting(), left + 1, "not a microsecond too early");
        api.clock().set(Instant::from_secs(due));
        api.wake();
        thread.join().unwrap().unwrap().sending().unwrap();
        until(|| api.waiting() == left);
    }
    assert_eq!(requests_left(&api), 0);
}

/// Row 29: only the last poller is woken; no mode that refuses; cannot be cloned.
#[test]
fn a_gate_wakes_every_thread() {
    let api = slots_on(1, HandClock::default()).with_max_waiters(4);
    let held = api.blocking_admit(&job(1), Duration::ZERO).unwrap();
    let threads = [2, 3, 4, 5].map(|id| wait_on_a_thread(&api.clone(), job(id), Wait::forever()));
    let refused = api.blocking_admit(&job(6), Wait::forever()).map(drop);
    assert_eq!(refused, Err(AdmitError::Wait { why: WaitError::Full, limit: None }));
    let behind = api.blocking_admit(&job(6), Duration::ZERO).map(drop);
    assert_eq!(behind, Err(AdmitError::Wait { why: WaitError::Timeout { until: None }, limit: None }));
    let known = api.blocking_admit(&job(1), Wait::forever()).map(drop);
    assert_eq!(known, Err(AdmitError::Ask(AskError::Known { state: JobState::Asked })));
    drop(held);
    for thread in threads {
        drop(thread.join().unwrap().unwrap());
    }
    assert_gate_is_empty(&api);
}

/// Row 40: a permit is lost when a wait is interrupted in the moment in which it is granted.
#[test]
fn a_thread_cancelled_in_the_moment_of_its_grant_has_the_slot_or_passes_it_on() {
    let api = slots_on(1, HandClock::default());
    for _ in 0..200 {
        let held = api.blocking_admit(&job(1), Duration::ZERO).unwrap();
        let cancel = Cancel::new();
        let first = wait_on_a_thread(&api, job(2), Wait::forever().or_cancelled(&cancel));
        let second = wait_on_a_thread(&api, job(3), Wait::forever());
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                cancel.cancel();
            });
            start.wait();
            drop(held);
        });
        match first.join().unwrap() {
            Ok(admission) => {
                assert!(!second.is_finished());
                drop(admission);
            }
            Err(why) => assert!(matches!(why, AdmitError::Wait { why: WaitError::Cancelled, .. })),
        }
        drop(second.join().unwrap().unwrap());
        assert_gate_is_empty(&api);
    }
}

/// All rows for workers: those who are gone have taken nothing, and the others are served in their order.
#[test]
fn workers_on_threads_take_jobs_in_their_order_and_leave_them_when_they_go() {
    let jobs = jobs_on(2, HandClock::default()).with_max_waiters(3);
    let cancel = Cancel::new();
    let work = |wait: Wait| {
        let (handle, before) = (jobs.clone(), jobs.waiting());
        let worker = thread::spawn(move || match handle.blocking_next(wait)? {
            Dispatch::Send { entry, permit } => Ok::<_, WaitError>((entry.id.0, permit)),
            other => panic!("{other:?}"),
        });
        until(|| jobs.waiting() > before);
        worker
    };
    let gone = work(Wait::forever().or_cancelled(&cancel));
    let [first, second] = [(); 2].map(|()| work(Wait::forever()));
    assert_eq!(jobs.blocking_next(Wait::forever()).unwrap_err(), WaitError::Full);
    cancel.cancel();
    assert_eq!(gone.join().unwrap().unwrap_err(), WaitError::Cancelled);
    for id in [1, 2, 3] {
        jobs.submit(clip(id)).unwrap();
    }
    let (first, second) = (first.join().unwrap().unwrap(), second.join().unwrap().unwrap());
    assert_eq!((first.0, second.0), (1, 2));
    let third = work(Wait::forever());
    drop(first.1);
    assert_eq!(third.join().unwrap().unwrap().0, 3);
    drop(second.1);
    assert_eq!((jobs.waiting(), jobs.status().in_flight, jobs.status().calls), (0, 0, 0));
}
