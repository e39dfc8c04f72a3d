//! The rows of `tokio_rows.rs` for a gate and a dispatcher: what users suffer from while they wait, as tasks on tokio.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time;

use tokio::task::JoinHandle;
use tokio::time::{Instant as TokioInstant, sleep, timeout};
use tollgate::{AskError, Binding, Dispatch, Duration, JobId, JobState, Start, TokenBucket};
use tollgate_std::{Admission, AdmitError, Cancel, TokioClock, Wait, WaitError};

use crate::gate_scene::{
    Any, Api, Jobs, LEASE, assert_gate_is_empty, clip, earliest, job, jobs_on, rate_on, requests_left, slots_on, state,
};
use crate::scene::{paused, settle_down};

fn secs(secs: u64) -> time::Duration {
    time::Duration::from_secs(secs)
}

fn millis(millis: u64) -> time::Duration {
    time::Duration::from_millis(millis)
}

/// A task that waits for ever, and now stands in line.
async fn enter(api: &Api<TokioClock>, id: u64) -> JoinHandle<Admission<Any, TokioClock>> {
    let (handle, before) = (api.clone(), api.waiting());
    let task = tokio::spawn(async move { handle.admit(&job(id), Wait::forever()).await.unwrap() });
    settle_down().await;
    assert_eq!(api.waiting(), before + 1);
    task
}

/// Every way in which a task that waits can go away after `after`.
async fn go_away(way: u64, api: Api<TokioClock>, after: time::Duration) {
    let request = job(100 + way).counts(10);
    match way % 4 {
        0 => {
            let task = tokio::spawn(async move { api.admit(&request, Wait::forever()).await.map(drop) });
            sleep(after).await;
            task.abort();
            assert!(task.await.is_err_and(|fate| fate.is_cancelled()));
        }
        1 => assert!(timeout(after, api.admit(&request, Wait::forever())).await.is_err()),
        2 => {
            let patience = Wait::at_most(after.into()).hoping_for_release();
            let ended = api.admit(&request, patience).await.unwrap_err();
            assert!(matches!(ended, AdmitError::Wait { why: WaitError::Timeout { .. }, .. }), "{ended}");
        }
        _ => {
            let cancel = Cancel::new();
            let end = async {
                sleep(after).await;
                cancel.cancel();
            };
            let wait = Wait::forever().or_cancelled(&cancel);
            let (mut end, mut wait) = (pin!(end), pin!(api.admit(&request, wait)));
            let ended = poll_fn(|context| {
                let _ = end.as_mut().poll(context);
                wait.as_mut().poll(context)
            });
            assert!(matches!(ended.await, Err(AdmitError::Wait { why: WaitError::Cancelled, .. })));
        }
    }
}

/// Row 26: cancelled waiters eat units, block those behind, leak permits, or deadlock.
#[test]
fn cancelled_tasks_take_nothing_of_a_gate_and_block_nobody() {
    for survivor in 0..5 {
        paused(async {
            let api = rate_on(10, TokioClock::default());
            let start = TokioInstant::now();
            let (mut others, mut served) = (Vec::new(), None);
            for place in 0..5 {
                let handle = api.clone();
                if place == survivor {
                    served = Some(tokio::spawn(async move {
                        let mut admission = handle.admit(&job(1).counts(10), Wait::forever()).await.unwrap();
                        admission.sending().unwrap();
                    }));
                } else {
                    let after = millis(1_000 + 2_000 * place);
                    others.push(tokio::spawn(go_away(place + survivor, handle, after)));
                }
                settle_down().await;
            }
            assert_eq!(api.waiting(), 5);
            served.expect("somebody stays").await.unwrap();
            let passed = start.elapsed();
            assert!(passed >= secs(10) && passed <= millis(10_002), "as if it had been alone, not after {passed:?}");
            for other in others {
                other.await.unwrap();
            }
            sleep(secs(10)).await;
            let status = api.status();
            assert_eq!((api.waiting(), status.requests, status.in_flight, status.calls), (0, 10, 1, 0));
            assert_eq!(state(&api, 1), Some(JobState::Unknown), "sent, and nobody has told the answer");
        });
    }
}

/// Row 27: callers that had given up long ago kept consuming.
#[test]
fn abandoned_tasks_leave_nothing_in_a_gate() {
    paused(async {
        let api = rate_on(60, TokioClock::default()).with_max_waiters(64);
        let mut gone = 0;
        for round in 0..60 {
            let crowd: Vec<_> = (0..100)
                .map(|who| {
                    let api = api.clone();
                    let request = job(1 + round * 100 + who).counts(60);
                    tokio::spawn(async move { timeout(millis(500), api.admit(&request, Wait::forever())).await })
                })
                .collect();
            settle_down().await;
            assert_eq!(api.waiting(), 64, "never more than may");
            for caller in crowd {
                match caller.await.unwrap() {
                    Err(_elapsed) => gone += 1,
                    Ok(refused) => {
                        assert!(matches!(refused, Err(AdmitError::Wait { why: WaitError::Full, .. })));
                    }
                }
            }
            assert_gate_is_empty(&api);
            sleep(millis(490)).await;
        }
        assert_eq!(gone, 60 * 64);
        sleep(secs(1)).await;
        assert_eq!(requests_left(&api), 60, "a minute's worth, although thousands have asked for it");
        assert!(api.admit(&job(7).counts(60), Duration::ZERO).await.is_ok(), "for whoever is still there");
    });
}

/// Row 28: no order among waiters, large requests starve, all wake up to look.
#[test]
fn a_gate_serves_tasks_in_order_and_wakes_them_one_by_one() {
    const COSTS: [u32; 12] = [10, 1, 1, 7, 1, 10, 2, 3, 1, 9, 1, 4];
    paused(async {
        let api = rate_on(10, TokioClock::default());
        let (start, polls) = (TokioInstant::now(), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for (id, cost) in (1..).zip(COSTS) {
            let (api, polls) = (api.clone(), Arc::clone(&polls));
            tasks.push(tokio::spawn(async move {
                let request = job(id).counts(cost);
                let mut wait = pin!(api.admit(&request, Wait::forever()));
                let admission = poll_fn(|context| {
                    polls.fetch_add(1, Ordering::SeqCst);
                    wait.as_mut().poll(context)
                });
                admission.await.unwrap().sending().unwrap();
                start.elapsed()
            }));
            settle_down().await;
        }
        assert_eq!(api.waiting(), COSTS.len());
        let mut due = 0;
        for (cost, task) in COSTS.into_iter().zip(tasks) {
            let passed = task.await.unwrap();
            due += u64::from(cost);
            assert!(passed >= secs(due) && passed <= secs(due) + millis(3), "{cost} after {passed:?}, due at {due} s");
        }
        // When it comes, when it is the head, when its permit before it came back, when its time has come, and once more
        // for tokio's millisecond. A herd would be of the order of the square.
        let polls = polls.load(Ordering::SeqCst);
        assert!(polls <= 5 * COSTS.len() as u64, "{polls} polls");
    });
}

/// Row 28, for slots: a heavy job is not starved by light ones behind it.
#[test]
fn a_heavy_job_at_the_head_is_served_before_light_ones() {
    paused(async {
        let api = slots_on(3, TokioClock::default());
        let held: Vec<_> = (1..=3).map(|id| api.blocking_admit(&job(id), Duration::ZERO).unwrap()).collect();
        let handle = api.clone();
        let heavy = tokio::spawn(async move { handle.admit(&job(10).weighs(3), Wait::forever()).await.unwrap() });
        settle_down().await;
        let light = enter(&api, 11).await;
        for (left, one) in (0..3).rev().zip(held) {
            assert!(!heavy.is_finished() && !light.is_finished(), "{left}");
            drop(one);
            settle_down().await;
        }
        drop(heavy.await.unwrap());
        drop(light.await.unwrap());
        assert_gate_is_empty(&api);
    });
}

/// Row 29: only the last poller is woken; no mode that refuses; cannot be cloned.
#[test]
fn a_gate_wakes_every_task_wherever_it_was_polled_last() {
    paused(async {
        let api = slots_on(1, TokioClock::default()).with_max_waiters(8);
        let held = api.admit(&job(1), Duration::ZERO).await.unwrap();
        let mut tasks = Vec::new();
        for id in 10..18 {
            tasks.push(enter(&api.clone(), id).await);
        }
        let refused = api.admit(&job(2), Wait::forever()).await.unwrap_err();
        assert_eq!(refused, AdmitError::Wait { why: WaitError::Full, limit: None }, "at once");
        drop(held);
        for task in tasks {
            drop(task.await.unwrap());
        }
        // Polled here first, then in a task of its own.
        let held = api.admit(&job(1), Duration::ZERO).await.unwrap();
        let handle = api.clone();
        let mut moving = Box::pin(async move { handle.admit(&job(2), Wait::forever()).await.map(drop) });
        assert!(poll_fn(|context| Poll::Ready(moving.as_mut().poll(context).is_pending())).await);
        let moved = tokio::spawn(moving);
        settle_down().await;
        drop(held);
        assert_eq!(moved.await.unwrap(), Ok(()));
        assert_gate_is_empty(&api);
    });
}

/// Row 40: a permit is lost when a wait is interrupted in the moment in which it is granted.
#[test]
fn a_task_aborted_between_its_grant_and_its_next_poll_passes_the_slot_on() {
    paused(async {
        let api = slots_on(1, TokioClock::default());
        let mut held = api.admit(&job(1), Duration::ZERO).await.unwrap();
        for _ in 0..50 {
            let [first, second] = [enter(&api, 2).await, enter(&api, 3).await];
            // Nothing runs between the two: the first has been woken, and never sees it.
            drop(held);
            first.abort();
            assert!(first.await.is_err_and(|fate| fate.is_cancelled()));
            held = second.await.unwrap();
            // And the other way round: it has the permit, and goes with the task.
            let third = enter(&api, 4).await;
            drop(held);
            settle_down().await;
            assert!(third.is_finished());
            drop(third);
            held = api.admit(&job(5), Duration::ZERO).await.expect("given back with the task");
        }
        drop(held);
        assert_gate_is_empty(&api);
    });
}

#[test]
fn a_live_change_of_a_limit_wakes_whoever_waits_for_it() {
    paused(async {
        let api = slots_on(1, TokioClock::default());
        let held = api.admit(&job(1), Duration::ZERO).await.unwrap();
        let second = enter(&api, 2).await;
        api.with(|gate, _| gate.set_slots(2));
        drop((second.await.unwrap(), held));

        api.with(|gate, now| gate.block_until(now, now.saturating_add(LEASE)));
        let third = enter(&api, 3).await;
        api.with(|gate, now| gate.block_until(now, now));
        drop(third.await.unwrap());

        let rate = rate_on(10, TokioClock::default());
        let fourth = enter(&rate, 4).await;
        rate.with(|gate, now| {
            let quota = gate.limits().requests.quota();
            *gate.requests_mut() = TokenBucket::new(quota, Start::Full, now);
        });
        drop(fourth.await.unwrap());
        assert_gate_is_empty(&rate);
    });
}

/// What only time opens ends a wait at once if that is too late; what a job may open is waited for.
#[test]
fn nobody_sleeps_to_a_known_failure_and_nobody_leaves_who_may_be_served() {
    paused(async {
        let (rate, start) = (rate_on(10, TokioClock::default()), TokioInstant::now());
        let refused = rate.admit(&job(1).counts(10), secs(9)).await.unwrap_err();
        let AdmitError::Wait { why: WaitError::Timeout { until: Some(at) }, limit } = refused else {
            panic!("{refused}")
        };
        assert_eq!((limit, at), (Some(Binding::Requests), rate.now().saturating_add(Duration::from_secs(10))));
        assert!(start.elapsed() < millis(1));

        // The lease of the job before is an hour; it is over in a second.
        let slots = slots_on(1, TokioClock::default());
        let held = slots.admit(&job(1), Duration::ZERO).await.unwrap();
        let handle = slots.clone();
        let second = tokio::spawn(async move { handle.admit(&job(2), secs(5)).await.map(drop) });
        sleep(secs(1)).await;
        drop(held);
        assert_eq!(second.await.unwrap(), Ok(()));

        let _held = slots.admit(&job(1), Duration::ZERO).await.unwrap();
        let late = slots.admit(&job(2), secs(5)).await.unwrap_err();
        assert!(matches!(late, AdmitError::Wait { limit: Some(Binding::Slots), why: WaitError::Timeout { .. } }));
        let never = slots.admit(&job(2).weighs(2), secs(5)).await.unwrap_err();
        assert!(matches!(never, AdmitError::Wait { limit: Some(Binding::Slots), why: WaitError::Never { max: 1 } }));
    });
}

/// In line, too: to stand there would help nobody.
#[test]
fn what_no_wait_can_change_is_told_at_once() {
    paused(async {
        let api = slots_on(1, TokioClock::default());
        let _held = api.admit(&job(1), Duration::ZERO).await.unwrap();
        let known = AdmitError::Ask(AskError::Known { state: JobState::Asked });
        assert_eq!(api.admit(&job(1), Wait::forever()).await.unwrap_err(), known);
        let _in_line = enter(&api, 2).await;
        assert_eq!(api.admit(&job(1), Wait::forever()).await.unwrap_err(), known);
        let never = api.admit(&job(3).weighs(9), Wait::forever()).await.unwrap_err();
        assert!(matches!(never, AdmitError::Wait { why: WaitError::Never { max: 1 }, .. }));
        assert_eq!(api.waiting(), 1);
    });
}

#[test]
fn what_was_sent_and_dropped_is_unknown_and_what_was_not_is_free() {
    paused(async {
        let api = slots_on(2, TokioClock::default());
        let left = requests_left(&api);
        let mut sent = api.admit(&job(1), Duration::ZERO).await.unwrap();
        sent.sending().unwrap();
        assert!(sent.sending().is_err(), "once");
        let asked = api.admit(&job(2), Duration::ZERO).await.unwrap();
        let other_task = tokio::spawn(async move { drop((sent, asked)) });
        other_task.await.unwrap();
        assert_eq!((state(&api, 1), state(&api, 2)), (Some(JobState::Unknown), None));
        assert_eq!((requests_left(&api), api.status().in_flight), (left - 1, 1));
        // Not repeatable, and the gate says so; its last word frees it.
        assert_eq!(earliest(&api, 1), Err(AskError::MaybeRunning));
        api.finished(JobId(1), &[]).unwrap();
        assert_eq!(api.status().in_flight, 0);
    });
}

/// An admission that is kept too long is void, and so are its words.
#[test]
fn an_admission_that_is_not_sent_in_time_has_given_everything_back() {
    paused(async {
        let api = slots_on(1, TokioClock::default());
        let mut slow = api.admit(&job(1), Duration::ZERO).await.unwrap();
        let next = enter(&api, 2).await;
        let next = timeout(secs(31), next).await.expect("after the thirty seconds that it has").unwrap();
        assert!(slow.sending().is_err());
        drop(slow);
        assert_eq!((state(&api, 1), state(&api, 2)), (None, Some(JobState::Asked)));
        drop(next);
        assert_gate_is_empty(&api);
    });
}

type Worker = JoinHandle<(
    u64,
    Admission<
        tollgate::Dispatcher<tollgate::Gate<tollgate::Limits<TokenBucket>, 64, 64>, crate::gate_scene::Clip, 64, 2>,
        TokioClock,
    >,
)>;

/// A worker that waits for one job.
async fn work(jobs: &Jobs<TokioClock>) -> Worker {
    let (handle, before) = (jobs.clone(), jobs.waiting());
    let worker = tokio::spawn(async move {
        match handle.next(Wait::forever()).await.unwrap() {
            Dispatch::Send { entry, permit } => (entry.id.0, permit),
            other => panic!("{other:?}"),
        }
    });
    settle_down().await;
    assert_eq!(jobs.waiting(), before + 1);
    worker
}

/// Rows 26 and 27 for workers: one that is gone has taken no job with it.
#[test]
fn cancelled_and_abandoned_workers_take_no_job_out_of_the_queue() {
    paused(async {
        let jobs = jobs_on(10, TokioClock::default());
        for round in 0..50 {
            let [first, second, third] = [work(&jobs).await, work(&jobs).await, work(&jobs).await];
            second.abort();
            assert!(second.await.is_err());
            // The first has been woken for the job, and never looks.
            jobs.submit(clip(1 + round)).unwrap();
            first.abort();
            assert!(first.await.is_err());
            let (id, permit) = third.await.unwrap();
            assert_eq!((id, jobs.waiting()), (1 + round, 0));
            drop(permit);
            assert!(timeout(millis(5), jobs.next(Wait::forever())).await.is_err(), "nothing is there twice");
        }
        assert_eq!((jobs.status().in_flight, jobs.status().calls), (0, 0));
    });
}

/// Rows 28 and 29 for workers: in their order, one by one, and all of them.
#[test]
fn workers_are_served_in_order_and_all_of_them_are_woken() {
    paused(async {
        let jobs = jobs_on(2, TokioClock::default()).with_max_waiters(4);
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(work(&jobs).await);
        }
        assert_eq!(jobs.next(Wait::forever()).await.unwrap_err(), WaitError::Full);
        for id in 1..=4 {
            jobs.submit(clip(id)).unwrap();
        }
        settle_down().await;
        let mut held = Vec::new();
        for (expected, worker) in (1..).zip(workers) {
            let (id, permit) = worker.await.unwrap();
            assert_eq!(id, expected);
            held.push(permit);
            if held.len() == 2 {
                assert_eq!(jobs.waiting(), if expected == 2 { 2 } else { 0 }, "both slots are taken");
                held.clear();
            }
        }
        assert!(matches!(jobs.next(secs(1)).await, Err(WaitError::Timeout { .. })));
    });
}

#[test]
fn a_worker_is_woken_by_time_by_a_release_and_by_a_change() {
    paused(async {
        let jobs = jobs_on(1, TokioClock::default());
        let start = TokioInstant::now();
        jobs.submit(clip(1)).unwrap();
        jobs.submit(clip(2)).unwrap();
        let Ok(Dispatch::Send { permit, .. }) = jobs.next(Duration::ZERO).await else { panic!() };
        let late = clip(3).deadline(jobs.now().saturating_add(Duration::from_secs(9)));
        let refused = jobs.submit(late).unwrap_err();
        assert!(refused.to_string().contains("deadline"), "with the lease of an hour before it: {refused}");
        let by_release = work(&jobs).await;
        drop(permit);
        let (id, mut held) = by_release.await.unwrap();
        assert_eq!(id, 2);
        held.sending().unwrap();
        jobs.with(|jobs, now| {
            let late = clip(3).deadline(now.saturating_add(Duration::from_secs(9)));
            jobs.queue.submit(now, now, late).unwrap();
        });
        assert!(matches!(jobs.next(Wait::forever()).await, Ok(Dispatch::Expired(entry)) if entry.id == JobId(3)));
        assert!(start.elapsed() >= secs(9) && start.elapsed() <= millis(9_002), "{:?}", start.elapsed());
        jobs.submit(clip(4)).unwrap();
        let by_change = work(&jobs).await;
        jobs.with(|jobs, _| jobs.gate.set_slots(2));
        assert_eq!(by_change.await.unwrap().0, 4);
    });
}

/// Time would come too late for it, and a job that is submitted does not.
#[test]
fn a_worker_stays_to_its_deadline_because_a_job_may_come_sooner() {
    paused(async {
        let jobs = jobs_on(1, TokioClock::default());
        jobs.with(|jobs, now| {
            let later = now.saturating_add(Duration::from_secs(100));
            jobs.requeue(now, clip(1), later).unwrap();
        });
        let handle = jobs.clone();
        let worker = tokio::spawn(async move { handle.next(secs(50)).await });
        sleep(secs(20)).await;
        jobs.submit(clip(2)).unwrap();
        assert!(matches!(worker.await.unwrap(), Ok(Dispatch::Send { entry, .. }) if entry.id == JobId(2)));
    });
}
