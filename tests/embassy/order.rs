//! Who is served next, who is woken, and that those who gave up are neither.

use tollgate::{Denied, Duration, Limiter, Start};

use super::*;

#[test]
fn the_first_to_come_is_the_first_to_be_served() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let mut held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line: Vec<_> = (0..4).map(|_| Task::started(office.wait(1))).collect();
    for turn in 0..4 {
        held.release();
        assert!(line.iter().enumerate().all(|(place, task)| task.is_woken() == (place == 0)), "turn {turn}: no herd");
        held = line.remove(0).run().expect("its turn").unwrap();
        assert_eq!(office.waiting(), line.len());
        // Whoever heads the line now is called to look, and finds nothing.
        assert!(line.iter_mut().all(|task| task.run().is_none()));
    }
    held.release();
    assert_eq!((used(&office), office.available()), (0, 1));
}

/// The order of polling is not the order of arrival: only the head asks.
#[test]
fn polling_more_often_jumps_no_queue() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut first = Task::started(office.wait(1));
    let mut second = Task::started(office.wait(1));
    held.release();
    for _ in 0..10 {
        assert!(second.poll().is_none());
    }
    assert_eq!(office.allow(1), Err(Denied::Busy), "nobody barges past those who wait");
    assert_eq!(office.available(), 0);
    let served = first.run().unwrap().unwrap();
    served.release();
    assert!(second.run().is_some());
}

/// Peers: no order among waiters, and a big request starves behind small ones.
#[test]
fn a_big_request_is_not_starved_by_small_ones() {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(10, Start::Empty), &clock);
    let mut big = Task::started(office.wait(10));
    let mut small: Vec<_> = (0..3).map(|_| Task::started(office.wait(1))).collect();
    for _ in 0..9 {
        clock.advance(Duration::from_secs(1));
        assert!(small.iter_mut().all(|task| task.poll().is_none()), "one is there, and is not for them");
        assert_eq!(office.allow(1), Err(Denied::Busy));
    }
    clock.advance(Duration::from_secs(1));
    big.run().expect("after the ten seconds that ten units take").unwrap().commit(10);
    for _ in 0..3 {
        clock.advance(Duration::from_secs(1));
        assert!(small.iter_mut().skip(1).all(|task| task.poll().is_none()));
        small.remove(0).poll().expect("in their order, one a second").unwrap().commit(1);
    }
}

/// Peers: cancelled waiters eat tokens, block the queue, leak permits.
#[test]
fn a_cancelled_waiter_takes_nothing_and_blocks_nobody() {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(2, Start::Empty), &clock);
    let head = Task::started(office.wait(2));
    let middle = Task::started(office.wait(2));
    let mut last = Task::started(office.wait(1));
    drop(middle);
    assert!(!last.is_woken(), "it was not next");
    drop(head);
    assert!(last.is_woken(), "it is now");
    assert_eq!((office.waiting(), last.run().is_none()), (1, true));
    clock.advance(Duration::from_secs(1));
    last.run().expect("the first unit is for it").unwrap().commit(1);
    clock.advance(Duration::from_secs(2));
    assert_eq!(office.available(), 2, "all that came since, nothing eaten");
}

/// Peers: whoever was granted and cancelled before it noticed leaks what it was granted.
#[test]
fn a_waiter_dropped_between_its_wake_up_and_its_poll_passes_the_turn_on() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let first = Task::started(office.wait(1));
    let mut second = Task::started(office.wait(1));
    let mut third = Task::started(office.wait(1));
    held.release();
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken() && !third.is_woken());
    let served = second.run().unwrap().unwrap();
    assert_eq!(used(&office), 1);
    // Granted and never looked at: the answer is dropped with the task.
    drop(served);
    third.run().unwrap().unwrap().release();
    assert_eq!((used(&office), office.waiting()), (0, 0));
}

/// Peers: abandoned waiters go on consuming for hours.
#[test]
fn a_thousand_abandoned_waiters_consume_nothing() {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(5, Start::Empty), &clock);
    for _ in 0..1_000 {
        let mut abandoned: Vec<_> = (1..5).map(|cost| Task::started(office.wait(cost))).collect();
        assert_eq!(office.waiting(), 4);
        abandoned.swap_remove(1);
    }
    assert_eq!(office.waiting(), 0);
    clock.advance(Duration::from_hours(4));
    assert_eq!(office.available(), 5);
    assert_eq!(office.allow(5), Ok(()), "nobody waits, nothing was taken");
}

/// Peers: only the last poller is woken.
#[test]
fn everyone_is_woken_and_not_only_who_polled_last() {
    let clock = HandClock::default();
    let office = desks(&clock, 4);
    let held: Vec<_> = (0..4).map(|_| office.reserve(1, Duration::ZERO).unwrap()).collect();
    let mut line: Vec<_> = (0..4).map(|_| Task::started(office.wait(1))).collect();
    // All desks at once: the head is woken, and each who is served wakes the next.
    drop(held);
    let served: Vec<_> = line.iter_mut().map(|task| task.run().expect("woken in turn").unwrap()).collect();
    assert_eq!((served.len(), used(&office)), (4, 4));
}

#[test]
fn a_wait_that_moves_to_another_task_is_woken_there() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut wait = Task::started(office.wait(1));
    wait.moved();
    assert!(wait.poll().is_none());
    held.release();
    assert!(wait.run().is_some());
}

/// Whoever was called and does not come before the next release is called again when the next one calls.
#[test]
fn two_releases_before_the_head_looks_are_both_used() {
    let clock = HandClock::default();
    let office = desks(&clock, 2);
    let held: Vec<_> = (0..2).map(|_| office.reserve(1, Duration::ZERO).unwrap()).collect();
    let mut line: Vec<_> = (0..2).map(|_| Task::started(office.wait(1))).collect();
    drop(held);
    let served: Vec<_> = line.iter_mut().map(|task| task.run().unwrap().unwrap()).collect();
    assert_eq!(served.len(), 2);
}

#[test]
fn a_clock_that_goes_back_delays_and_loses_nobody() {
    let clock = HandClock::default();
    clock.set(S(100));
    let office: Office<TokenBucket> = Shared::new(bucket(1, Start::Empty), &clock);
    office.with(|bucket, now| bucket.allow(now, 1)).unwrap().expect("what came in the first hundred seconds");
    let mut first = Task::started(office.wait(1));
    let mut second = Task::started(office.wait(1));
    clock.set(S(40));
    office.wake();
    assert!(first.run().is_none() && second.run().is_none());
    assert_eq!(office.waiting(), 2);
    clock.set(S(101));
    first.run().expect("when it is that late again").unwrap().commit(1);
    assert!(second.run().is_none());
    clock.set(S(102));
    second.run().expect("and no sooner for the next").unwrap().commit(1);
}

/// A head that is woken too early, by an alarm of somebody else's, sets its own again.
#[test]
fn a_wake_up_for_nothing_does_no_harm() {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(1, Start::Empty), &clock);
    let mut head = Task::started(office.wait(1));
    let mut other = Task::started(office.wait(1));
    for _ in 0..5 {
        office.wake();
        assert!(head.run().is_none() && other.run().is_none());
    }
    assert_eq!(clock.alarms(), [S(1)], "one alarm, for the head");
    clock.set(S(1));
    assert!(!other.is_woken());
    head.run().unwrap().unwrap().commit(1);
    assert!(other.is_woken());
    assert!(other.run().is_none());
    assert_eq!(clock.alarms(), [S(2)]);
}
