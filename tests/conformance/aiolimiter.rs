//! aiolimiter: mjpieters/aiolimiter @ 01c52ea, `tests/test_aiolimiter.py`: a leaky bucket under asyncio tasks.
//!
//! A task that waits is a reservation here: the instant it is booked for is the instant at which the task goes on. The
//! same rows with real waiters, on the shared handle of the std adapter, are in `waiters.rs`.

use tollgate::{Denied, Duration, Instant, Limiter};

use crate::{bucket, ms};

fn three_per_three() -> tollgate::TokenBucket {
    bucket(3, 3, Duration::from_secs(3), 3)
}

/// `test_acquire`: 5 per 10 s and ten tasks: five at once, one more by 3 s, two more by 7 s, the rest by 11 s.
#[test]
fn ten_tasks_are_served_in_turn() {
    let mut bucket = bucket(5, 5, Duration::from_secs(10), 5);
    let booked: Vec<_> = (0..10).map(|_| bucket.reserve(Instant::ORIGIN, 1, Duration::MAX).unwrap().at()).collect();
    assert!(booked.is_sorted(), "first come, first served");
    for (by, done) in [(0, 5), (3_000, 6), (7_000, 8), (11_000, 10)] {
        assert_eq!(booked.iter().filter(|at| **at <= ms(by)).count(), done, "by {by} ms");
    }
}

/// `test_has_capacity`, `test_over_acquire`: one a minute.
#[test]
fn more_than_the_capacity_is_an_error() {
    let mut bucket = bucket(1, 1, Duration::from_mins(1), 1);
    assert_eq!(bucket.available(Instant::ORIGIN), 1);
    assert_eq!(bucket.allow(Instant::ORIGIN, 42), Err(Denied::Never { max: 1 }));
    assert_eq!(bucket.reserve(Instant::ORIGIN, 42, Duration::MAX), Err(Denied::Never { max: 1 }));
    bucket.allow(Instant::ORIGIN, 1).unwrap();
    assert_eq!(bucket.available(Instant::ORIGIN), 0);
}

/// `test_acquire_wait_time`: one of three is held, three more come after a second.
#[test]
fn a_large_amount_waits_for_what_is_missing() {
    let mut bucket = three_per_three();
    bucket.allow(Instant::ORIGIN, 1).unwrap();
    assert_eq!(bucket.reserve(Instant::ORIGIN, 3, Duration::MAX).unwrap().at(), ms(1_000));
}

/// `test_decreasing_acquire`: while a task waits for three, another asks for one. There it jumps ahead, because waiters are
/// sorted by amount, and the large one goes on at 2 s. Differs: who came first keeps his second, the newcomer waits.
#[test]
fn a_small_amount_does_not_jump_ahead() {
    let mut bucket = three_per_three();
    bucket.allow(Instant::ORIGIN, 1).unwrap();
    let large = bucket.reserve(Instant::ORIGIN, 3, Duration::MAX).unwrap();
    assert_eq!(bucket.allow(Instant::ORIGIN, 1), Err(Denied::Until(ms(2_000))));
    let small = bucket.reserve(Instant::ORIGIN, 1, Duration::MAX).unwrap();
    assert_eq!((large.at(), small.at()), (ms(1_000), ms(2_000)));
}

/// `test_task_cancelled`: two tasks want three each, at 1 s and at 4 s; the first is cancelled, and whoever comes next
/// has its second. What was booked behind keeps its promise: it is the waiters of the shared handle who move up.
#[test]
fn a_cancelled_waiter_frees_its_place() {
    let mut bucket = three_per_three();
    bucket.allow(Instant::ORIGIN, 1).unwrap();
    let first = bucket.reserve(Instant::ORIGIN, 3, Duration::MAX).unwrap();
    assert_eq!(bucket.earliest(Instant::ORIGIN, 3), Ok(ms(4_000)));
    bucket.release(Instant::ORIGIN, first);
    assert_eq!(bucket.reserve(Instant::ORIGIN, 3, Duration::MAX).unwrap().at(), ms(1_000));
}
