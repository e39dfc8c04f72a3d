//! How waits end without anything: in time, at once, and without a trace.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tollgate::{Denied, Duration, Instant};
use tollgate_std::{Cancel, Wait, WaitError};

use crate::{Visitors, bucket, office, until};

#[test]
fn a_wait_cancelled_in_the_middle_leaves_the_others_in_order() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let mut line = Visitors::of(&office);
    line.enter("A", 1, Wait::forever());
    line.enter("B", 1, Wait::forever().or_cancelled(&cancel));
    line.enter("C", 1, Wait::forever());

    cancel.cancel();
    assert_eq!(line.refused("B"), WaitError::Cancelled);
    assert_eq!(office.waiting(), 2);
    drop(held);
    drop(line.granted("A"));
    drop(line.granted("C"));
    line.close();
    let (booked, settled) = office.with(|desks, _| (desks.booked, desks.settled));
    assert_eq!((booked, settled), (3, 3), "B booked nothing");
}

#[test]
fn a_cancelled_head_lets_the_next_pass_without_any_release() {
    let office = office(2);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let mut line = Visitors::of(&office);
    line.enter("A, both", 2, Wait::forever().or_cancelled(&cancel));
    line.enter("B, one", 1, Wait::forever());
    cancel.cancel();
    let [(_, both), (_, one)] = line.next_two();
    assert_eq!(both.unwrap_err(), WaitError::Cancelled);
    drop(one.unwrap());
    line.close();
    drop(held);
    assert_eq!(office.available(), 2);
}

#[test]
fn one_token_ends_all_its_waits_now_and_later() {
    let (first, second) = (office(0), office(1));
    let held = second.reserve(1, Duration::ZERO).unwrap();
    first.with(|desks, _| (desks.limit, desks.used) = (1, 1));
    let cancel = Cancel::new();
    let wait = Wait::forever().or_cancelled(&cancel);
    let (mut here, mut there) = (Visitors::of(&first), Visitors::of(&second));
    here.enter("A", 1, wait.clone());
    there.enter("B", 1, wait.clone());
    there.enter("C", 1, wait.clone());
    cancel.clone().cancel();
    assert_eq!(here.refused("A"), WaitError::Cancelled);
    assert_eq!([there.next().1.unwrap_err(), there.next().1.unwrap_err()], [WaitError::Cancelled; 2]);
    here.close();
    there.close();

    drop(held);
    assert_eq!(second.blocking_wait(1, wait.clone()).unwrap_err(), WaitError::Cancelled, "though there is room");
    assert_eq!(second.blocking_wait(0, wait).unwrap().cost(), 0, "what costs nothing passes");
    assert_eq!(second.with(|desks, _| desks.booked), 1);
}

#[test]
fn a_wait_times_out_at_its_deadline_and_not_before() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let asked = AtomicU64::new(0);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            office.blocking_wait_for(Duration::from_secs(5), |_, _| {
                asked.fetch_add(1, Ordering::SeqCst);
                Err::<(), _>(Denied::Busy)
            })
        });
        until(|| office.waiting() == 1);
        office.clock().set(Instant::from_micros(4_999_999));
        let before = asked.load(Ordering::SeqCst);
        office.wake();
        until(|| asked.load(Ordering::SeqCst) > before);
        assert_eq!(office.waiting(), 1, "one microsecond is left");
        office.clock().set(Instant::from_secs(5));
        office.wake();
        assert_eq!(waiter.join().unwrap(), Err(WaitError::Timeout { until: None }));
    });
    drop(held);
    assert_eq!(office.available(), 1);
}

#[test]
fn a_wait_in_the_middle_times_out_too() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&office);
    line.enter("A", 1, Wait::forever());
    line.enter("B", 1, Wait::until(Instant::from_secs(60)));
    line.enter("C", 1, Wait::forever());
    office.clock().set(Instant::from_secs(61));
    office.wake();
    assert_eq!(line.refused("B"), WaitError::Timeout { until: None });
    drop(held);
    drop(line.granted("A"));
    drop(line.granted("C"));
    line.close();
}

#[test]
fn a_deadline_known_to_fail_is_refused_at_once() {
    let bucket = bucket(10);
    // The clock never moves: whoever slept here would sleep for ever.
    for (cost, patience, until) in [(1, 999_999, 1), (2, 1_000_000, 2), (10, 9_999_999, 10), (1, 0, 1)] {
        let refused = bucket.blocking_wait(cost, Duration::from_micros(patience)).unwrap_err();
        assert_eq!(refused, WaitError::Timeout { until: Some(Instant::from_secs(until)) }, "{cost} in {patience} us");
    }
    let refused = bucket.blocking_wait(11, Wait::forever()).unwrap_err();
    assert_eq!(refused, WaitError::Never { max: 10 });
}

#[test]
fn whoever_becomes_the_head_is_told_at_once_that_it_is_in_vain() {
    let bucket = bucket(10);
    let mut line = Visitors::of(&bucket);
    line.enter("A", 5, Wait::forever());
    line.enter("B", 10, Duration::from_secs(12));
    bucket.clock().set(Instant::from_secs(5));
    bucket.wake();
    let [(_, a), (_, b)] = line.next_two();
    assert_eq!(b.unwrap_err(), WaitError::Timeout { until: Some(Instant::from_secs(15)) });
    a.unwrap().commit(5);
    line.close();
}

#[test]
fn whoever_would_be_late_even_in_front_does_not_stand_behind() {
    let bucket = bucket(10);
    let mut line = Visitors::of(&bucket);
    line.enter("A", 1, Wait::forever());
    for (cost, patience) in [(1, 999_999), (10, 9_999_999)] {
        let refused = bucket.blocking_wait(cost, Duration::from_micros(patience)).unwrap_err();
        assert_eq!(refused, WaitError::Timeout { until: Some(Instant::from_secs(cost)) });
    }
    line.enter("B", 10, Duration::from_secs(10));
    line.enter("C", 10, Wait::at_most(Duration::from_secs(1)).hoping_for_release());
    bucket.with(|bucket, now| bucket.credit(now, 10));
    line.granted("A").release();
    line.granted("B").release();
    line.granted("C").release();
    line.close();
}

#[test]
fn a_deadline_that_is_just_met_is_granted_even_to_late_sleepers() {
    for wakes_at in [Instant::from_secs(1), Instant::from_secs(100)] {
        let bucket = bucket(1);
        let mut line = Visitors::of(&bucket);
        line.enter("A", 1, Duration::from_secs(1));
        bucket.clock().set(wakes_at);
        bucket.wake();
        line.granted("A").commit(1);
        line.close();
    }
}

#[test]
fn a_release_may_come_sooner_for_those_who_hope() {
    let bucket = bucket(10);
    bucket.with(|bucket, now| bucket.credit(now, 10));
    let held = bucket.reserve(10, Duration::ZERO).unwrap();
    let second = Wait::at_most(Duration::from_secs(1));
    let refused = bucket.blocking_wait(5, second.clone()).unwrap_err();
    assert_eq!(refused, WaitError::Timeout { until: Some(Instant::from_secs(5)) });

    let mut line = Visitors::of(&bucket);
    line.enter("A", 5, second.clone().hoping_for_release());
    held.release();
    line.granted("A").commit(5);
    line.enter("B", 10, second.hoping_for_release());
    bucket.clock().set(Instant::from_secs(1));
    bucket.wake();
    assert_eq!(line.refused("B"), WaitError::Timeout { until: Some(Instant::from_secs(5)) }, "in vain, and in time");
    line.close();
}

#[test]
fn no_patience_means_now_or_not_at_all() {
    let office = office(1);
    office.clock().set(Instant::from_secs(9));
    for wait in [Wait::at_most(Duration::ZERO), Wait::until(Instant::from_secs(8))] {
        let permit = office.blocking_wait(1, wait.clone()).unwrap();
        assert_eq!(office.blocking_wait(1, wait).unwrap_err(), WaitError::Timeout { until: None });
        permit.commit(1);
    }
    assert_eq!(office.with(|desks, _| desks.booked), 2);
}

#[test]
fn a_full_line_is_an_answer() {
    let office = office(1).with_max_waiters(2);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let mut line = Visitors::of(&office);
    line.enter("A", 1, Wait::forever());
    line.enter("B", 1, Wait::forever().or_cancelled(&cancel));
    assert_eq!(office.blocking_wait(1, Wait::forever()).unwrap_err(), WaitError::Full);
    assert_eq!(office.blocking_wait(1, Duration::ZERO).unwrap_err(), WaitError::Timeout { until: None });
    cancel.cancel();
    assert_eq!(line.refused("B"), WaitError::Cancelled);
    line.enter("C", 1, Wait::forever());
    drop(held);
    drop(line.granted("A"));
    drop(line.granted("C"));
    line.close();

    let office = office.with_max_waiters(0);
    let held = office.blocking_wait(1, Wait::forever()).unwrap();
    assert_eq!(office.blocking_wait(1, Wait::forever()).unwrap_err(), WaitError::Full);
    drop(held);
}

#[test]
fn abandoned_waits_consume_nothing() {
    let bucket = bucket(10);
    let cancel = Cancel::new();
    let mut line = Visitors::of(&bucket);
    for _ in 0..5 {
        line.enter("cancelled", 2, Wait::forever().or_cancelled(&cancel));
        line.enter("late", 3, Wait::until(Instant::from_secs(4)));
    }
    // Nobody may be served on the way: the big one at the head needs more than there ever is meanwhile.
    cancel.cancel();
    for _ in 0..5 {
        assert_eq!(line.refused("cancelled"), WaitError::Cancelled);
    }
    bucket.clock().set(Instant::from_micros(2_999_999));
    bucket.with(|bucket, now| bucket.set_quota(now, bucket.quota().with_burst(2).unwrap(), tollgate::Inherit::AsIs));
    for _ in 0..5 {
        assert_eq!(line.refused("late"), WaitError::Never { max: 2 });
    }
    line.close();
    assert_eq!(bucket.available(), 2, "all that two seconds have brought");
}

#[test]
fn a_clock_that_goes_back_grants_nothing_and_breaks_nothing() {
    let bucket = bucket(1);
    bucket.clock().set(Instant::from_secs(10));
    assert_eq!(bucket.allow(1), Ok(()));
    let mut line = Visitors::of(&bucket);
    line.enter("A", 1, Wait::until(Instant::from_secs(20)));
    bucket.clock().set(Instant::from_secs(3));
    bucket.wake();
    assert_eq!(bucket.allow(1), Err(Denied::Busy));
    bucket.clock().set(Instant::from_secs(11));
    bucket.wake();
    line.granted("A").commit(1);
    line.close();
}
