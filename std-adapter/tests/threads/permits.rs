//! What a permit gives back, and whom that wakes.

use std::mem;
use std::thread;

use tollgate::{Denied, Duration, Instant};
use tollgate_std::{Permit, Shared, StdClock, Wait};

use crate::{Desks, HandClock, Visitors, bucket, office};

#[test]
fn every_way_to_settle_wakes_the_line() {
    let ways: [fn(Permit<Desks, HandClock>); 4] =
        [drop, Permit::release, |permit| permit.commit(1), |permit| permit.commit(7)];
    for way in ways {
        let office = office(1);
        let held = office.blocking_wait(1, Duration::ZERO).unwrap();
        assert_eq!((held.at(), held.cost()), (Instant::ORIGIN, 1));
        let mut line = Visitors::of(&office);
        line.enter("A", 1, Wait::forever());
        way(held);
        drop(line.granted("A"));
        line.close();
        let (booked, settled) = office.with(|desks, _| (desks.booked, desks.settled));
        assert_eq!((booked, settled), (2, 2));
    }
}

#[test]
fn a_bucket_gets_back_what_was_not_used() {
    for (settle, left) in [(Some(0), 10), (Some(4), 6), (Some(10), 0), (Some(12), 0), (None, 10)] {
        let bucket = bucket(10);
        bucket.with(|bucket, now| bucket.credit(now, 10));
        let held = bucket.blocking_wait(10, Duration::ZERO).unwrap();
        match settle {
            Some(actual) => held.commit(actual),
            None => drop(held),
        }
        assert_eq!(bucket.available(), left, "{settle:?}");
    }
    let debtor = bucket(10);
    debtor.with(|bucket, now| bucket.credit(now, 10));
    debtor.blocking_wait(10, Duration::ZERO).unwrap().commit(12);
    assert_eq!(debtor.earliest(1), Ok(Instant::from_secs(3)), "two seconds of debt and one to earn");
}

#[test]
fn a_commit_of_less_than_held_lets_the_next_pass() {
    let bucket = bucket(10);
    bucket.with(|bucket, now| bucket.credit(now, 10));
    let held = bucket.reserve(10, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&bucket);
    line.enter("A", 6, Wait::forever());
    held.commit(4);
    line.granted("A").commit(6);
    line.close();
    assert_eq!(bucket.available(), 0);
}

#[test]
fn a_thread_that_panics_gives_its_permit_back() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&office);
    line.enter("A", 1, Wait::forever());
    let fate = thread::spawn(move || {
        let _held = held;
        panic!("in the middle of the work");
    });
    assert!(fate.join().is_err());
    drop(line.granted("A"));
    line.close();
    assert_eq!(office.available(), 1);
}

#[test]
fn a_forgotten_permit_stays_counted() {
    let office = office(2);
    mem::forget(office.reserve(1, Duration::ZERO).unwrap());
    assert_eq!(office.available(), 1);
    assert_eq!(office.allow(2), Err(Denied::Busy));
    assert_eq!(office.allow(1), Ok(()));
}

#[test]
fn nothing_held_leaves_no_trace() {
    let office = office(1);
    for permit in [office.reserve(0, Duration::MAX).unwrap(), office.blocking_wait(0, Wait::forever()).unwrap()] {
        assert_eq!(permit.cost(), 0);
    }
    office.blocking_wait(0, Duration::ZERO).unwrap().commit(0);
    assert_eq!(office.with(|desks, _| (desks.booked, desks.settled)), (0, 0));
}

#[test]
fn a_permit_may_lie_ahead() {
    let bucket = bucket(10);
    let held = bucket.reserve(3, Duration::from_secs(3)).unwrap();
    assert_eq!(held.at(), Instant::from_secs(3));
    assert_eq!(bucket.reserve(1, Duration::from_secs(3)).unwrap_err(), Denied::Until(Instant::from_secs(1)));
    drop(held);
    assert_eq!(bucket.earliest(1), Ok(Instant::from_secs(1)), "given back as if it had never been");
}

#[test]
fn handles_and_permits_go_where_threads_go() {
    fn send_and_sync<T: Send + Sync + 'static>() {}
    send_and_sync::<Shared<Desks, HandClock>>();
    send_and_sync::<Permit<Desks, HandClock>>();
    send_and_sync::<StdClock>();
    send_and_sync::<Wait>();
}
