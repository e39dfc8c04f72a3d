//! What users of other limiters suffer from while they wait, as threads and with a clock that is moved by hand.
//!
//! Each row names where it was reported. `tokio_rows.rs` has the same rows for tasks.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tollgate::{Denied, Duration, History, Inherit, Instant, Limiter, Quota, WhenFull, Window, WindowLog};
use tollgate_std::{Cancel, Shared, Wait, WaitError};

use crate::scene::{HandClock, assert_nothing_left, bucket, office, until, wait_on_a_thread};

/// Cancelled waiters eat units, block those behind, leak permits, or deadlock: dotnet/runtime 85523 and 77180, twilight
/// 1309.
#[test]
fn cancelled_threads_take_nothing_and_block_nobody() {
    for survivor in 0..5 {
        let limiter = bucket(10);
        let cancel = Cancel::new();
        let threads: Vec<_> = (0..5)
            .map(|place| {
                let wait = match place {
                    stays if stays == survivor => Wait::forever(),
                    even if even % 2 == 0 => Wait::forever().or_cancelled(&cancel),
                    _ => Wait::at_most(Duration::from_secs(1)).hoping_for_release(),
                };
                wait_on_a_thread(&limiter, 10, wait)
            })
            .collect();
        limiter.clock().set(Instant::from_secs(1));
        limiter.wake();
        cancel.cancel();
        until(|| limiter.waiting() == 1);
        limiter.clock().set(Instant::from_micros(9_999_999));
        limiter.wake();
        assert_eq!(limiter.waiting(), 1);
        limiter.clock().set(Instant::from_secs(10));
        limiter.wake();
        for (place, thread) in threads.into_iter().enumerate() {
            let ended = thread.join().unwrap().map(|permit| {
                assert_eq!(permit.at(), Instant::from_secs(10), "as if it had been alone");
                permit.commit(10);
            });
            assert_eq!(ended.is_ok(), place == survivor, "{ended:?}");
        }
        limiter.clock().set(Instant::from_secs(20));
        assert_eq!((limiter.waiting(), limiter.available()), (0, 10), "nobody else took anything");
    }
}

/// Callers that had given up long ago kept consuming: 3.8 million abandoned waits, and the process died every four hours:
/// data-fair 486, on npm's `limiter`.
#[test]
fn abandoned_threads_leave_nothing_behind() {
    let limiter = bucket(60).with_max_waiters(4);
    for second in 1..=60 {
        let cancel = Cancel::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let ended = limiter.blocking_wait(60, Wait::forever().or_cancelled(&cancel)).map(drop);
                    assert_eq!(ended, Err(WaitError::Cancelled));
                });
            }
            until(|| limiter.waiting() == 4);
            let refused = limiter.blocking_wait(60, Wait::forever()).map(drop);
            assert_eq!(refused, Err(WaitError::Full), "never more than may");
            cancel.cancel();
        });
        assert_eq!(limiter.waiting(), 0, "nobody is left behind");
        limiter.clock().set(Instant::from_secs(second));
    }
    assert_eq!(limiter.available(), 60, "a minute's worth, although hundreds have asked for it");
    assert!(limiter.blocking_wait(60, Duration::ZERO).is_ok(), "for whoever is still there");
}

/// No order among waiters, large requests starve, all wake up to look: aiolimiter's `test_decreasing_acquire`, the
/// documentation of governor's `until_ready`, clipperhouse/rate 30.
#[test]
fn threads_are_served_in_order_and_woken_one_by_one() {
    const COSTS: [u64; 6] = [10, 1, 7, 1, 10, 2];
    let limiter = bucket(10);
    let asked = AtomicU64::new(0);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (place, cost) in COSTS.into_iter().enumerate() {
            let (limiter, asked) = (&limiter, &asked);
            threads.push(scope.spawn(move || {
                limiter.blocking_wait_for(Wait::forever(), |bucket, now| {
                    asked.fetch_add(1, Ordering::SeqCst);
                    bucket.allow(now, cost).map(|()| now)
                })
            }));
            until(|| limiter.waiting() == place + 1);
        }
        let mut due = 0;
        for (left, (cost, thread)) in (0..COSTS.len()).rev().zip(COSTS.into_iter().zip(threads)) {
            due += cost;
            limiter.clock().set(Instant::from_secs(due));
            limiter.wake();
            assert_eq!(thread.join().unwrap(), Ok(Instant::from_secs(due)));
            until(|| limiter.waiting() == left);
        }
    });
    assert_eq!(limiter.available(), 0);
    // That the herd keeps away is exact where nobody naps: see `only_the_head_asks_the_limiter` of the adapter's own tests.
    assert!(asked.load(Ordering::SeqCst) >= COSTS.len() as u64);
}

/// Only the last poller is woken; there is no mode that refuses; the limiter cannot be cloned: tower 454, 793, 794.
#[test]
fn every_thread_is_woken() {
    let office = office(1).with_max_waiters(4);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let threads = [(); 4].map(|()| wait_on_a_thread(&office.clone(), 1, Wait::forever()));
    assert_eq!(office.blocking_wait(1, Wait::forever()).map(drop), Err(WaitError::Full));
    assert_eq!(office.allow(1), Err(Denied::Busy));
    drop(held);
    for thread in threads {
        drop(thread.join().unwrap().unwrap());
    }
    assert_nothing_left(&office);
}

/// A permit is lost when a wait is interrupted in the moment in which it is granted: resilience4j's test
/// `waitingThreadIsInterrupted`.
#[test]
fn a_thread_cancelled_in_the_moment_of_its_grant_has_it_or_passes_it_on() {
    let office = office(1);
    for _ in 0..300 {
        let held = office.reserve(1, Duration::ZERO).unwrap();
        let cancel = Cancel::new();
        let first = wait_on_a_thread(&office, 1, Wait::forever().or_cancelled(&cancel));
        let second = wait_on_a_thread(&office, 1, Wait::forever());
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
            Ok(permit) => {
                assert!(!second.is_finished());
                drop(permit);
            }
            Err(why) => assert_eq!(why, WaitError::Cancelled),
        }
        drop(second.join().unwrap().unwrap());
        assert_nothing_left(&office);
    }
}

/// What was reserved is lost when the window changes: symfony 61668. So it is not when the window passes, nor when the limit
/// is changed.
#[test]
fn nothing_is_lost_when_a_window_passes_or_changes() {
    let window = Window::new(2, Duration::from_secs(60)).unwrap();
    let log = WindowLog::<8>::new(window, WhenFull::Refuse, History::Empty, Instant::ORIGIN);
    let limiter = Shared::with_clock(log, HandClock::default());
    limiter.allow(2).unwrap();
    limiter.clock().set(Instant::from_secs(30));
    let ahead = limiter.reserve(1, Duration::from_secs(60)).unwrap();
    assert_eq!(ahead.at(), Instant::from_secs(60));
    let behind = wait_on_a_thread(&limiter, 2, Wait::forever());
    limiter.clock().set(Instant::from_secs(70));
    limiter.wake();
    assert_eq!((limiter.waiting(), limiter.look(Limiter::available)), (1, 1), "one of two is reserved");
    ahead.release();
    behind.join().unwrap().unwrap().commit(2);
    limiter.clock().set(Instant::from_secs(130));
    assert_eq!(limiter.available(), 2);

    let bucket = bucket(10);
    let held = bucket.reserve(10, Duration::from_secs(10)).unwrap();
    let waiter = wait_on_a_thread(&bucket, 10, Wait::forever());
    let double = Quota::new_with_burst(2, Duration::from_secs(1), 10).unwrap();
    bucket.with(|bucket, now| bucket.set_quota(now, double, Inherit::AsIs));
    held.release();
    bucket.clock().set(Instant::from_secs(5));
    bucket.wake();
    assert_eq!(waiter.join().unwrap().unwrap().at(), Instant::from_secs(5));
}
