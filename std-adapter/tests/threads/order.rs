//! Who is served, and in which order.

use tollgate::{Denied, Duration, Instant};
use tollgate_std::{Wait, WaitError};

use crate::{Visitors, bucket, office, until};

#[test]
fn whoever_waits_gets_the_slot_before_whoever_comes() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&office);
    line.enter("A", 1, Wait::forever());
    line.enter("B", 1, Wait::forever());
    assert_eq!(office.allow(1), Err(Denied::Busy));

    drop(held);
    let a = line.granted("A");
    until(|| office.waiting() == 1);
    assert_eq!(office.allow(1), Err(Denied::Busy));
    drop(a);
    line.granted("B").commit(1);
    assert_eq!(office.allow(1), Ok(()), "the line is empty again");
    line.close();
}

#[test]
fn nobody_barges_past_the_line() {
    let office = office(3);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&office);
    line.enter("all three", 3, Wait::forever());

    // Two desks are free, and they are nobody's but the head's.
    assert_eq!(office.with(|desks, _| desks.limit - desks.used), 2);
    assert_eq!(office.available(), 0);
    assert_eq!(office.allow(1), Err(Denied::Busy));
    assert_eq!(office.reserve(1, Duration::MAX).unwrap_err(), Denied::Busy);
    assert_eq!(office.earliest(1), Err(Denied::Busy));
    assert_eq!(office.blocking_wait(1, Duration::ZERO).unwrap_err(), WaitError::Timeout { until: None });

    // What can never pass is told so at once, and what costs nothing passes.
    assert_eq!(office.allow(4), Err(Denied::Never { max: 3 }));
    assert_eq!(office.reserve(4, Duration::MAX).unwrap_err(), Denied::Never { max: 3 });
    assert_eq!(office.earliest(4), Err(Denied::Never { max: 3 }));
    assert_eq!(office.blocking_wait(4, Wait::forever()).unwrap_err(), WaitError::Never { max: 3 });
    assert_eq!(office.allow(0), Ok(()));
    assert_eq!(office.reserve(0, Duration::ZERO).unwrap().cost(), 0);
    assert_eq!(office.blocking_wait(0, Duration::ZERO).unwrap().cost(), 0);
    assert_eq!(office.earliest(0), Ok(Instant::ORIGIN));

    drop(held);
    drop(line.granted("all three"));
    line.close();
    assert_eq!(office.available(), 3);
    assert_eq!(office.with(|desks, _| desks.booked), 2, "refusals booked nothing");
}

#[test]
fn a_big_request_is_not_starved_by_small_ones() {
    let office = office(4);
    let mut held: Vec<_> = (0..4).map(|_| office.reserve(1, Duration::ZERO).unwrap()).collect();
    let mut line = Visitors::of(&office);
    line.enter("big", 4, Wait::forever());
    line.enter("small", 1, Wait::forever());
    line.enter("also small", 1, Wait::forever());
    while let Some(permit) = held.pop() {
        assert_eq!(office.waiting(), 3, "desks get free, and the small ones keep their places");
        drop(permit);
    }
    drop(line.granted("big"));
    let both = line.next_two().map(|(_, permit)| permit.unwrap());
    assert_eq!(office.available(), 2);
    drop(both);
    line.close();
}

#[test]
fn a_rate_serves_the_line_one_by_one() {
    let bucket = bucket(10);
    let mut line = Visitors::of(&bucket);
    let names = ["first", "second", "third", "fourth", "fifth"];
    for name in names {
        line.enter(name, 1, Wait::forever());
    }
    for (second, name) in (1..).zip(names) {
        bucket.clock().advance(Duration::from_secs(1));
        bucket.wake();
        let permit = line.granted(name);
        assert_eq!(permit.at(), Instant::from_secs(second));
        permit.commit(1);
    }
    line.close();
    assert_eq!(bucket.available(), 0);
}

#[test]
fn units_for_several_serve_several() {
    let bucket = bucket(10);
    let mut line = Visitors::of(&bucket);
    for name in ["first", "second", "third"] {
        line.enter(name, 1, Wait::forever());
    }
    bucket.clock().advance(Duration::from_secs(2));
    bucket.wake();
    // Nobody does anything more: each who is served calls the next.
    let two = line.next_two().map(|(name, permit)| {
        permit.unwrap().commit(1);
        name
    });
    assert_eq!(two, ["first", "second"]);
    bucket.clock().advance(Duration::from_secs(1));
    bucket.wake();
    line.granted("third").commit(1);
    line.close();
}

#[test]
fn the_head_wakes_by_itself_when_its_instant_comes() {
    let bucket = bucket(1);
    bucket.clock().set(Instant::from_micros(999_990));
    let mut line = Visitors::of(&bucket);
    line.enter("A", 1, Wait::forever());
    // No wake-up: it has gone to sleep for ten microseconds, or for a few more if the clock stood still.
    bucket.clock().advance(Duration::from_micros(10));
    assert_eq!(line.granted("A").at(), Instant::from_secs(1));
    line.close();
}

#[test]
fn only_the_head_asks_the_limiter() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let asked = [AtomicU64::new(0), AtomicU64::new(0)];
    std::thread::scope(|scope| {
        for (index, asked) in asked.iter().enumerate() {
            let office = &office;
            scope.spawn(move || {
                office.blocking_wait_for(Wait::forever(), |desks, _| {
                    asked.fetch_add(1, Ordering::SeqCst);
                    if desks.used == 0 { Ok(()) } else { Err(Denied::Busy) }
                })
            });
            until(|| office.waiting() == index + 1);
        }
        // A hundred looks that change nothing: the head looks again each time, whoever is behind it never.
        for _ in 0..100 {
            let before = asked[0].load(Ordering::SeqCst);
            office.wake();
            until(|| asked[0].load(Ordering::SeqCst) > before);
        }
        assert_eq!(asked[1].load(Ordering::SeqCst), 0);
        assert_eq!(office.waiting(), 2);
        drop(held);
    });
    assert_eq!(asked[1].load(Ordering::SeqCst), 1, "and once it was the head, and served");
}
