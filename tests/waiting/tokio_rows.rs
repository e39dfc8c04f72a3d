//! What users of other limiters suffer from while they wait, as tasks on tokio in paused time.
//!
//! Each row names where it was reported. `thread_rows.rs` has the same rows for threads.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use tokio::task::JoinHandle;
use tokio::time::{Instant as TokioInstant, sleep, timeout};
use tollgate::{Clock, Duration, History, Inherit, Limiter, Quota, WhenFull, Window, WindowLog};
use tollgate_std::{Cancel, Permit, Shared, TokioClock, Wait, WaitError};

use crate::scene::{Desks, assert_nothing_left, bucket_on, office_on, paused, settle_down};

type Office = Shared<Desks, TokioClock>;

fn secs(secs: u64) -> std::time::Duration {
    std::time::Duration::from_secs(secs)
}

fn millis(millis: u64) -> std::time::Duration {
    std::time::Duration::from_millis(millis)
}

/// A task that waits for ever, and now stands in line.
async fn enter(office: &Office, cost: u64) -> JoinHandle<Permit<Desks, TokioClock>> {
    let (handle, before) = (office.clone(), office.waiting());
    let task = tokio::spawn(async move { handle.wait(cost, Wait::forever()).await.unwrap() });
    settle_down().await;
    assert_eq!(office.waiting(), before + 1);
    task
}

/// Every way in which a task that waits can go away after `after`.
async fn go_away(way: usize, limiter: Shared<tollgate::TokenBucket, TokioClock>, after: std::time::Duration) {
    match way % 4 {
        0 => {
            let task = tokio::spawn(async move { limiter.wait(10, Wait::forever()).await.map(drop) });
            sleep(after).await;
            task.abort();
            assert!(task.await.is_err_and(|fate| fate.is_cancelled()));
        }
        1 => assert!(timeout(after, limiter.wait(10, Wait::forever())).await.is_err()),
        2 => {
            let patience = Wait::at_most(after.into()).hoping_for_release();
            assert!(matches!(limiter.wait(10, patience).await, Err(WaitError::Timeout { .. })));
        }
        _ => {
            let cancel = Cancel::new();
            let end = async {
                sleep(after).await;
                cancel.cancel();
            };
            let (mut end, mut wait) = (pin!(end), pin!(limiter.wait(10, Wait::forever().or_cancelled(&cancel))));
            let ended = poll_fn(|context| {
                let _ = end.as_mut().poll(context);
                wait.as_mut().poll(context)
            });
            assert_eq!(ended.await.map(drop), Err(WaitError::Cancelled));
        }
    }
}

/// Cancelled waiters eat units, block those behind, leak permits, or deadlock: dotnet/runtime 85523 and 77180, twilight
/// 1309.
#[test]
fn cancelled_tasks_take_nothing_and_block_nobody() {
    for survivor in 0..5 {
        paused(async {
            let limiter = bucket_on(10, TokioClock::default());
            let start = TokioInstant::now();
            let mut others = Vec::new();
            let mut served = None;
            for place in 0..5 {
                let handle = limiter.clone();
                if place == survivor {
                    served = Some(tokio::spawn(async move {
                        handle.wait(10, Wait::forever()).await.map(|permit| permit.commit(10))
                    }));
                } else {
                    let after = millis(1_000 + 2_000 * (place as u64));
                    others.push(tokio::spawn(go_away(place + survivor, handle, after)));
                }
                settle_down().await;
            }
            assert_eq!(limiter.waiting(), 5);
            served.expect("somebody stays").await.unwrap().unwrap();
            let passed = start.elapsed();
            assert!(passed >= secs(10) && passed <= millis(10_002), "as if it had been alone, not after {passed:?}");
            for other in others {
                other.await.unwrap();
            }
            sleep(secs(10)).await;
            assert_eq!((limiter.waiting(), limiter.available()), (0, 10), "nobody else took anything");
        });
    }
}

/// Callers that had given up long ago kept consuming: 3.8 million abandoned waits, and the process died every four hours:
/// data-fair 486, on npm's `limiter`.
#[test]
fn abandoned_tasks_leave_nothing_behind() {
    paused(async {
        let limiter = bucket_on(60, TokioClock::default()).with_max_waiters(64);
        limiter.allow(60).unwrap_err();
        let mut gone = 0;
        for _ in 0..60 {
            let crowd: Vec<_> = (0..100)
                .map(|_| {
                    let limiter = limiter.clone();
                    tokio::spawn(async move { timeout(millis(500), limiter.wait(60, Wait::forever())).await })
                })
                .collect();
            settle_down().await;
            assert_eq!(limiter.waiting(), 64, "never more than may");
            for caller in crowd {
                match caller.await.unwrap() {
                    Err(_elapsed) => gone += 1,
                    Ok(refused) => assert_eq!(refused.map(drop), Err(WaitError::Full)),
                }
            }
            assert_eq!(limiter.waiting(), 0, "nobody is left behind");
            sleep(millis(490)).await;
        }
        assert_eq!(gone, 60 * 64);
        sleep(secs(1)).await;
        assert_eq!(limiter.available(), 60, "a minute's worth, although thousands have asked for it");
        assert!(limiter.wait(60, Duration::ZERO).await.is_ok(), "for whoever is still there");
    });
}

/// No order among waiters, large requests starve, all wake up to look: aiolimiter's `test_decreasing_acquire`, the
/// documentation of governor's `until_ready`, clipperhouse/rate 30.
#[test]
fn tasks_are_served_in_order_and_woken_one_by_one() {
    const COSTS: [u64; 12] = [10, 1, 1, 7, 1, 10, 2, 3, 1, 9, 1, 4];
    paused(async {
        let limiter = bucket_on(10, TokioClock::default());
        let (start, polls) = (TokioInstant::now(), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for cost in COSTS {
            let (limiter, polls) = (limiter.clone(), Arc::clone(&polls));
            tasks.push(tokio::spawn(async move {
                let mut wait = pin!(limiter.wait(cost, Wait::forever()));
                let permit = poll_fn(|context| {
                    polls.fetch_add(1, Ordering::SeqCst);
                    wait.as_mut().poll(context)
                });
                permit.await.unwrap().commit(cost);
                start.elapsed()
            }));
            settle_down().await;
        }
        assert_eq!(limiter.waiting(), COSTS.len());
        let mut due = 0;
        for (cost, task) in COSTS.into_iter().zip(tasks) {
            let passed = task.await.unwrap();
            due += cost;
            assert!(passed >= secs(due) && passed <= secs(due) + millis(3), "{cost} after {passed:?}, due at {due} s");
        }
        // Each: when it comes, when it is the head, when its time has come, and once more where a millisecond of tokio's
        // was not enough. A herd would be of the order of the square.
        let polls = polls.load(Ordering::SeqCst);
        assert!(polls <= 4 * COSTS.len() as u64, "{polls} polls");
    });
}

/// Only the last poller is woken; there is no mode that refuses; the limiter cannot be cloned: tower 454, 793, 794.
#[test]
fn every_task_is_woken_wherever_it_was_polled_last() {
    paused(async {
        let office = office_on(1, TokioClock::default()).with_max_waiters(8);
        let held = office.reserve(1, Duration::ZERO).unwrap();
        let mut tasks = Vec::new();
        for _ in 0..8 {
            tasks.push(enter(&office.clone(), 1).await);
        }
        assert_eq!(office.wait(1, Wait::forever()).await.map(drop), Err(WaitError::Full), "at once");
        drop(held);
        for task in tasks {
            drop(task.await.unwrap());
        }

        // Polled here first, then in a task of its own.
        let held = office.reserve(1, Duration::ZERO).unwrap();
        let handle = office.clone();
        let mut moving = Box::pin(async move { handle.wait(1, Wait::forever()).await.map(drop) });
        assert!(poll_fn(|context| Poll::Ready(moving.as_mut().poll(context).is_pending())).await);
        let moved = tokio::spawn(moving);
        settle_down().await;
        drop(held);
        assert_eq!(moved.await.unwrap(), Ok(()));
        assert_nothing_left(&office);
    });
}

/// A permit is lost when a wait is interrupted in the moment in which it is granted: resilience4j's test
/// `waitingThreadIsInterrupted`.
#[test]
fn a_task_aborted_between_its_grant_and_its_next_poll_passes_it_on() {
    paused(async {
        let office = office_on(1, TokioClock::default());
        let mut held = office.reserve(1, Duration::ZERO).unwrap();
        for _ in 0..50 {
            let [first, second] = [enter(&office, 1).await, enter(&office, 1).await];
            // Nothing runs between the two: the first has been woken, and never sees it.
            drop(held);
            first.abort();
            assert!(first.await.is_err_and(|fate| fate.is_cancelled()));
            held = second.await.unwrap();

            // And the other way round: it has the permit, and nobody takes it from the task.
            let third = enter(&office, 1).await;
            drop(held);
            settle_down().await;
            assert!(third.is_finished());
            drop(third);
            held = office.wait(1, Duration::ZERO).await.expect("given back with the task");
        }
        drop(held);
        assert_nothing_left(&office);
    });
}

/// What was reserved is lost when the window changes: symfony 61668. So it is not when the window passes, nor when the limit
/// is changed.
#[test]
fn nothing_is_lost_when_a_window_passes_or_changes() {
    paused(async {
        let clock = TokioClock::default();
        let window = Window::new(2, Duration::from_secs(60)).unwrap();
        let log = WindowLog::<8>::new(window, WhenFull::Refuse, History::Empty, clock.now());
        let limiter = Shared::with_clock(log, clock);
        let start = TokioInstant::now();
        limiter.allow(2).unwrap();
        sleep(secs(30)).await;
        let ahead = limiter.reserve(1, Duration::from_secs(60)).unwrap();
        let handle = limiter.clone();
        let behind = tokio::spawn(async move { handle.wait(2, Wait::forever()).await.map(|permit| permit.commit(2)) });
        sleep(secs(40)).await;
        assert_eq!((limiter.waiting(), limiter.look(Limiter::available)), (1, 1), "one of two is reserved");
        ahead.release();
        behind.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_secs(), 70);
        sleep(secs(60)).await;
        assert_eq!(limiter.available(), 2);

        let bucket = bucket_on(10, clock);
        let held = bucket.reserve(10, Duration::from_secs(10)).unwrap();
        let handle = bucket.clone();
        let waiter =
            tokio::spawn(async move { handle.wait(10, Wait::forever()).await.map(|permit| permit.commit(10)) });
        settle_down().await;
        let double = Quota::new_with_burst(2, Duration::from_secs(1), 10).unwrap();
        bucket.with(|bucket, now| bucket.set_quota(now, double, Inherit::AsIs));
        held.release();
        let start = TokioInstant::now();
        waiter.await.unwrap().unwrap();
        assert!(start.elapsed() >= secs(5) && start.elapsed() <= millis(5_002), "{:?}", start.elapsed());
    });
}
