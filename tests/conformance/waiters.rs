//! The rows that need somebody who waits: aiolimiter's tasks (@ 01c52ea, `tests/test_aiolimiter.py`) and governor's threads
//! (@ 9f3a79d), on the shared handle of the std adapter.
//!
//! Threads are real, time is not: the clock moves when it is told, and each step waits for the line to be as long as it
//! must become.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use tollgate::{Denied, Duration, Instant, Quota, Start, TokenBucket};
use tollgate_std::testing::HandClock;
use tollgate_std::{Cancel, Shared, Wait, WaitError};

use crate::{bucket, ms};

/// A shared bucket and the book of who was let through, and when by the clock.
struct Scene {
    limiter: Shared<TokenBucket, HandClock>,
    passed: Mutex<Vec<(&'static str, Instant)>>,
    cancels: Mutex<Vec<Cancel>>,
}

/// Sends everybody home when a step fails, so that the test fails and does not hang.
struct Curfew<'s>(&'s Scene);

impl Drop for Curfew<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.cancels).iter().for_each(Cancel::cancel);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scene {
    fn of(bucket: TokenBucket) -> Self {
        Self {
            limiter: Shared::with_clock(bucket, HandClock::default()),
            passed: Mutex::default(),
            cancels: Mutex::default(),
        }
    }

    /// Sends somebody in, and returns when he stands in line as the `nth`; zero: when he has passed. The answer cancels
    /// his wait.
    fn enter<'s>(&'s self, scope: &'s thread::Scope<'s, '_>, name: &'static str, cost: u64, nth: usize) -> Cancel {
        let (before, cancel) = (lock(&self.passed).len(), Cancel::new());
        lock(&self.cancels).push(cancel.clone());
        let wait = Wait::forever().or_cancelled(&cancel);
        scope.spawn(move || match self.limiter.blocking_wait(cost, wait) {
            Ok(permit) => {
                lock(&self.passed).push((name, permit.at()));
                permit.commit(cost);
            }
            Err(why) => assert_eq!(why, WaitError::Cancelled, "{name}"),
        });
        until(|| if nth == 0 { lock(&self.passed).len() > before } else { self.limiter.waiting() == nth });
        cancel
    }

    /// Moves the clock, and returns when no more than `waiting` stand in line.
    fn at(&self, millis: u64, waiting: usize) {
        self.limiter.clock().set(ms(millis));
        self.limiter.wake();
        until(|| self.limiter.waiting() == waiting);
    }

    /// Who has passed, and when, in the order of time and then of names.
    fn end(self) -> Vec<(&'static str, Instant)> {
        let mut passed = self.passed.into_inner().unwrap_or_else(PoisonError::into_inner);
        passed.sort_by_key(|(name, at)| (*at, *name));
        passed
    }
}

/// Looks again until it is so; a minute of real time only turns a hang into a failure.
fn until(so: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !so() {
        assert!(start.elapsed().as_secs() < 60, "stuck");
        thread::yield_now();
    }
}

fn three_per_three() -> Scene {
    let scene = Scene::of(bucket(3, 3, Duration::from_secs(3), 3));
    scene.limiter.allow(1).unwrap();
    scene
}

/// `test_acquire`: 5 per 10 s and ten tasks, looked at after 3, 7 and 11 s.
#[test]
fn ten_tasks_pass_as_five_one_two_and_two() {
    const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let scene = Scene::of(bucket(5, 5, Duration::from_secs(10), 5));
    thread::scope(|scope| {
        let _curfew = Curfew(&scene);
        for (task, name) in NAMES.into_iter().enumerate() {
            scene.enter(scope, name, 1, (task + 1).saturating_sub(5));
        }
        scene.at(3_000, 4);
        scene.at(7_000, 2);
        scene.at(11_000, 0);
    });
    let times = [0, 0, 0, 0, 0, 3_000, 7_000, 7_000, 11_000, 11_000].map(ms);
    assert_eq!(scene.end(), NAMES.into_iter().zip(times).collect::<Vec<_>>(), "first come, first served");
}

/// `test_acquire_wait_time`, `test_decreasing_acquire`: one of three is held, a task wants three, which takes 1 s; then
/// another wants one. There it jumps ahead and makes the first wait for 2 s. Differs: it stands behind.
#[test]
fn a_small_request_stands_behind_a_large_one() {
    let scene = three_per_three();
    thread::scope(|scope| {
        let _curfew = Curfew(&scene);
        scene.enter(scope, "three", 3, 1);
        assert_eq!(scene.limiter.allow(1), Err(Denied::Busy), "although two are there");
        scene.enter(scope, "one", 1, 2);
        scene.at(999, 2);
        // Both are woken again and again: two are there, and still the second does not take one.
        for _ in 0..1_000 {
            scene.limiter.wake();
            thread::yield_now();
        }
        assert_eq!(scene.limiter.waiting(), 2);
        scene.at(1_000, 1);
        scene.at(1_999, 1);
        scene.at(2_000, 0);
    });
    assert_eq!(scene.end(), [("three", ms(1_000)), ("one", ms(2_000))]);
}

/// `test_task_cancelled`: two want three each; with the first cancelled, the second passes at 1 s and not at 4 s.
#[test]
fn a_cancelled_waiter_frees_the_next() {
    let scene = three_per_three();
    thread::scope(|scope| {
        let _curfew = Curfew(&scene);
        let first = scene.enter(scope, "first", 3, 1);
        scene.enter(scope, "second", 3, 2);
        first.cancel();
        until(|| scene.limiter.waiting() == 1);
        scene.at(1_000, 0);
    });
    assert_eq!(scene.end(), [("second", ms(1_000))]);
}

/// `test_over_acquire`: more than the capacity is an error, and nobody waits for it.
#[test]
fn nobody_waits_for_what_never_comes() {
    let scene = Scene::of(bucket(1, 1, Duration::from_mins(1), 1));
    let refused = scene.limiter.blocking_wait(42, Wait::forever()).map(|permit| permit.commit(42));
    assert_eq!(refused, Err(WaitError::Never { max: 1 }));
}

/// governor: `direct.rs` :: `stresstest_large_quotas`, two threads, none denied (a fifth of its million checks each; all two
/// million are made on one thread in `governor.rs`); `gcra.rs` :: `in_memory stresstest_collisions`, eight threads, and
/// what they took is what is missing.
#[test]
fn threads_lose_nothing_and_take_nothing_twice() {
    for (threads, tries) in [(2_u32, 200_000_u32), (8, 10_000)] {
        let quota = Quota::new(1_000_000_001, Duration::from_secs(1)).unwrap();
        let scene = Scene::of(TokenBucket::new(quota, Start::Full, Instant::ORIGIN));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..tries).for_each(|_| assert_eq!(scene.limiter.allow(1), Ok(()))));
            }
        });
        assert_eq!(scene.limiter.available(), 1_000_000_001 - u64::from(threads * tries));
    }
}
