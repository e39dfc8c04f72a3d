//! Threads that really sleep, and are woken by hand: nobody waits for real time to pass.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time;

use tollgate::{Clock, Duration, Instant, Repeatable};
use tollgate_std::{CallError, Cancel};

use crate::{Api, BUSY, EXACT, api, assert_nothing_left, quota_left, soft, with_quota};

/// Looks again and again, politely, until it is so.
fn until(so: impl Fn() -> bool) {
    let start = time::Instant::now();
    while !so() {
        assert!(start.elapsed() < time::Duration::from_mins(1), "stuck");
        thread::yield_now();
    }
}

fn waiting(api: &Api) -> bool {
    api.status().waiting == 1
}

#[test]
fn cancelled_in_the_middle_of_a_sleep_it_ends_at_once() {
    let (api, cancel) = (with_quota(EXACT, 100), Cancel::new());
    let handle = api.clone().or_cancelled(&cancel);
    let call = thread::spawn(move || handle.call(Repeatable::No, |_| Err(soft(500))));
    until(|| waiting(&api));
    assert_eq!(quota_left(&api), 95);
    cancel.cancel();
    assert_eq!(call.join().unwrap(), Err(CallError::Cancelled { last: Some(Err(soft(500))) }));
    assert_eq!(quota_left(&api), 100);
    assert_nothing_left(&api);
}

#[test]
fn cancelled_before_the_gate_opens_it_sends_nothing() {
    let (api, cancel) = (api(EXACT), Cancel::new());
    api.close_until(Instant::from_secs(500));
    let handle = api.clone().or_cancelled(&cancel);
    let call = thread::spawn(move || handle.call(Repeatable::No, |_| panic!("sent")));
    until(|| waiting(&api));
    cancel.cancel();
    assert_eq!(call.join().unwrap(), Err(CallError::Cancelled { last: None }));
    assert_nothing_left(&api);
}

#[test]
fn a_release_wakes_a_thread() {
    let api = api(EXACT);
    let handle = api.clone();
    let call =
        thread::spawn(move || handle.call(Repeatable::No, |number| if number == 1 { Err(BUSY) } else { Ok(200) }));
    until(|| waiting(&api));
    api.clock().set(Instant::from_secs(1));
    api.released();
    assert_eq!(call.join().unwrap(), Ok(200));
    assert_eq!(api.clock().now(), Instant::from_secs(1));
}

#[test]
fn a_clock_moved_by_hand_and_a_wake_end_a_sleep() {
    let api = api(EXACT);
    let handle = api.clone();
    let call =
        thread::spawn(move || handle.call(Repeatable::No, |number| if number == 1 { Err(soft(500)) } else { Ok(200) }));
    until(|| waiting(&api));
    api.clock().advance(Duration::from_secs(500));
    api.wake();
    assert_eq!(call.join().unwrap(), Ok(200));
}

#[test]
fn a_panic_in_an_attempt_gives_everything_back() {
    let api = with_quota(EXACT, 100);
    let sleep = |_: &_, span: time::Duration| api.clock().advance(span.into());
    let call =
        || api.call_with(Repeatable::No, sleep, |number| if number == 1 { Err(soft(5)) } else { panic!("a bug") });
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    assert_eq!(quota_left(&api), 100);
    assert_nothing_left(&api);
}

#[test]
fn a_crowd_of_threads_keeps_the_books() {
    let api = with_quota(EXACT, 1_000);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let sleep = |_: &_, span: time::Duration| api.clock().advance(span.into());
                    let attempt = |number| if number == 1 { Err(soft(1)) } else { Ok(200) };
                    assert_eq!(api.call_with(Repeatable::No, sleep, attempt), Ok(200));
                }
            });
        }
    });
    assert_eq!(quota_left(&api), 1_000);
    assert_nothing_left(&api);
}
