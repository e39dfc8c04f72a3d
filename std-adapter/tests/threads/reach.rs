//! Reaching into a shared limiter: reconfiguration, several limits at once, and panics on the way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tollgate::{
    AlreadyOpen, Denied, Duration, Inherit, Instant, JobId, Limiter, Quota, Reservation, Slots, Start, TokenBucket,
    reserve_all,
};
use tollgate_std::{Shared, Wait, WaitError};

use crate::{Desks, HandClock, Visitors, bucket, office, until};

#[test]
fn a_reconfiguration_wakes_the_line() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&office);
    line.enter("A", 1, Wait::forever());
    office.with(|desks, _| desks.limit = 2);
    drop(line.granted("A"));
    line.close();
    drop(held);

    let bucket = bucket(10);
    let mut line = Visitors::of(&bucket);
    line.enter("A", 1, Wait::forever());
    let faster = Quota::new(20, Duration::from_secs(1)).unwrap();
    bucket.with(|bucket, now| bucket.set_quota(now, faster, Inherit::Reset));
    line.granted("A").commit(1);
    line.close();
}

#[test]
fn whoever_has_become_too_big_is_told_so() {
    let office = office(2);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&office);
    line.enter("both", 2, Wait::forever());
    office.with(|desks, _| desks.limit = 1);
    assert_eq!(line.refused("both"), WaitError::Never { max: 1 });
    line.close();
    drop(held);
}

#[test]
fn several_limits_are_waited_for_as_one() {
    let quota = Quota::new_with_burst(1, Duration::from_secs(1), 10).unwrap();
    let rate = TokenBucket::new(quota, Start::Empty, Instant::ORIGIN);
    let both = Shared::with_clock((rate, Desks::new(1)), HandClock::default());
    let book = |(rate, desks): &mut (TokenBucket, Desks), now: Instant| -> Result<[Reservation; 2], Denied> {
        reserve_all(now, Duration::ZERO, [(rate, 1), (desks, 1)]).map_err(|refused| refused.denied)
    };
    let soon = both.blocking_wait_for(Duration::from_millis(999), book);
    assert_eq!(soon, Err(WaitError::Timeout { until: Some(Instant::from_secs(1)) }));

    let handle = both.clone();
    let waiter = thread::spawn(move || handle.blocking_wait_for(Wait::forever(), book));
    until(|| both.waiting() == 1);
    both.clock().set(Instant::from_secs(1));
    both.wake();
    let [unit, desk] = waiter.join().unwrap().unwrap();
    assert_eq!(both.with(|(rate, desks), now| (rate.available(now), desks.available(now))), (0, 0));

    // The rate has come back, the desk has not; freeing it is what the next one waits for.
    both.clock().set(Instant::from_secs(2));
    let handle = both.clone();
    let waiter = thread::spawn(move || handle.blocking_wait_for(Wait::forever(), book));
    until(|| both.waiting() == 1);
    let settle = |(rate, desks): &mut (TokenBucket, Desks), now, [unit, desk]: [Reservation; 2]| {
        rate.commit(now, unit, 1);
        desks.release(now, desk);
    };
    both.with(|limits, now| settle(limits, now, [unit, desk]));
    let held = waiter.join().unwrap().unwrap();
    both.with(|limits, now| settle(limits, now, held));
    assert_eq!(both.with(|(rate, desks), now| (rate.available(now), desks.available(now))), (0, 1));
}

#[test]
fn a_job_waits_for_its_slot_until_another_is_closed() {
    type Jobs = Shared<Slots<4>, HandClock>;
    fn start(jobs: &Jobs, id: u64, wait: Wait) -> Result<Result<(), AlreadyOpen>, WaitError> {
        jobs.blocking_wait_for(wait, |slots, now| match slots.job(JobId(id), Duration::from_mins(10)) {
            Ok(mut job) => job.allow(now, 1).map(Ok),
            Err(open) => Ok(Err(open)),
        })
    }
    let jobs: Jobs = Shared::with_clock(Slots::new(1), HandClock::default());
    let minute = Wait::at_most(Duration::from_mins(1));
    assert_eq!(start(&jobs, 1, minute.clone()), Ok(Ok(())));
    assert_eq!(start(&jobs, 1, minute.clone()), Ok(Err(AlreadyOpen(JobId(1)))));
    // The lease alone would take ten minutes. Jobs are closed sooner than that, so this one hopes.
    let refused = Err(WaitError::Timeout { until: Some(Instant::from_secs(600)) });
    assert_eq!(start(&jobs, 2, minute.clone()), refused);
    let handle = jobs.clone();
    let second = thread::spawn(move || start(&handle, 2, minute.hoping_for_release()));
    until(|| jobs.waiting() == 1);
    assert_eq!(jobs.with(|slots, now| slots.close(now, JobId(1))), Ok(1));
    assert_eq!(second.join().unwrap(), Ok(Ok(())));
    assert_eq!(jobs.with(|slots, now| slots.close(now, JobId(2))), Ok(1));
}

#[test]
fn a_panic_inside_locks_nobody_out() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line = Visitors::of(&office);
    line.enter("A", 1, Wait::forever());
    let fate = catch_unwind(AssertUnwindSafe(|| {
        office.with(|desks, _| {
            desks.limit = 2;
            panic!("half way");
        })
    }));
    assert!(fate.is_err());
    // What was done before the panic is done, and whoever waited for it has been woken.
    drop(line.granted("A"));
    assert_eq!(office.allow(0), Ok(()));
    assert_eq!(office.available(), 1);
    drop(held);
    assert_eq!(office.available(), 2);
    line.close();
}

#[test]
fn a_wait_that_panics_leaves_the_line_and_calls_the_next() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let handle = office.clone();
    let doomed = thread::spawn(move || {
        handle.blocking_wait_for(Wait::forever(), |desks, _| {
            assert!(desks.used > 0, "a booking that panics");
            Err::<(), _>(Denied::Busy)
        })
    });
    until(|| office.waiting() == 1);
    let mut line = Visitors::of(&office);
    line.enter("B", 1, Wait::forever());
    drop(held);
    assert!(doomed.join().is_err());
    drop(line.granted("B"));
    line.close();
    assert_eq!(office.available(), 1);
}

#[test]
fn a_closure_that_names_the_past_does_no_harm() {
    let office = office(1);
    office.clock().set(Instant::from_secs(5));
    let mut left = 50;
    let granted = office.blocking_wait_for(Wait::forever(), |_, now| {
        left -= 1;
        if left == 0 { Ok(now) } else { Err(Denied::Until(Instant::ORIGIN)) }
    });
    assert_eq!(granted, Ok(Instant::from_secs(5)));
}

#[test]
fn a_handle_can_be_printed_while_it_is_in_use() {
    let office = office(1);
    let text = office.with(|_, _| format!("{office:?}"));
    assert_eq!(text, "Shared { handles: 1, .. }");
    let permit = office.reserve(1, Duration::ZERO).unwrap();
    assert_eq!(format!("{permit:?}"), "Permit { at: 0.000000 s, cost: 1, .. }");
}
