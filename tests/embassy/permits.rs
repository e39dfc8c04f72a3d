//! What was booked is given back exactly once, however it is let go of.

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use tollgate::embassy::EmbassyClock;
use tollgate::{Duration, JobId, Limiter, Slots, Start};

use super::*;

#[test]
fn a_permit_gives_back_what_was_not_used() {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(10, Start::Full), &clock);
    let permit = office.reserve(8, Duration::ZERO).unwrap();
    assert_eq!((permit.at(), permit.cost(), office.available()), (Instant::ORIGIN, 8, 2));
    permit.commit(3);
    assert_eq!(office.available(), 7);
    drop(office.reserve(7, Duration::ZERO).unwrap());
    assert_eq!(office.available(), 7);
    office.reserve(7, Duration::ZERO).unwrap().release();
    assert_eq!(office.available(), 7);
    let held = office.reserve(7, Duration::ZERO).unwrap().into_reservation();
    assert_eq!(office.available(), 0, "it is the caller's now");
    office.release(held);
    let held = office.reserve(2, Duration::ZERO).unwrap().into_reservation();
    office.commit(held, 1);
    assert_eq!((office.available(), office.earliest(7)), (6, Ok(S(1))));
}

#[test]
fn every_way_to_let_go_wakes_the_head() {
    type Way = fn(Held<'_, '_, Desks>, &Office<'_, Desks>);
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let ways: [Way; 6] = [
        |held, _| drop(held),
        |held, _| held.release(),
        |held, _| held.commit(1),
        |held, office| office.release(held.into_reservation()),
        |held, office| office.commit(held.into_reservation(), 1),
        |held, _| held.settle(Limiter::release).unwrap(),
    ];
    for (way, let_go) in ways.into_iter().enumerate() {
        let held = office.reserve(1, Duration::ZERO).unwrap();
        let mut wait = Task::started(office.wait(1));
        let_go(held, &office);
        assert!(wait.run().is_some_and(|answer| answer.is_ok()), "way {way}");
        assert_eq!((used(&office), office.waiting()), (0, 0), "way {way}");
    }
}

#[test]
fn a_guard_undoes_what_is_not_settled() {
    let clock = HandClock::default();
    let office = Shared::<NoopRawMutex, _, _, 4>::new(Slots::<4>::new(1), &clock);
    let lease = Duration::from_secs(60);
    let open = |id| {
        let office = &office;
        async move {
            office.wait_for(move |slots, now| slots.job(JobId(id), lease).unwrap().allow(now, 1)).await?;
            Ok(office.guard(JobId(id), |slots, now, id| assert!(slots.close(now, id).is_ok())))
        }
    };
    let in_flight = || office.with(|slots, now| slots.in_flight(now)).unwrap();
    let mut first: Task<Result<_, WaitError>> = Task::new(open(1));
    let mut job = first.poll().unwrap().unwrap();
    assert_eq!(job.with(|slots, now, id| slots.renew(now, *id, lease)), Some(Ok(())));
    let mut second: Task<Result<_, WaitError>> = Task::started(open(2));
    drop(job);
    let job = second.run().unwrap().unwrap();
    assert_eq!(in_flight(), 1);
    assert_eq!(job.settle(|_, _, id| id), Some(JobId(2)), "settled: it runs on");
    assert_eq!(in_flight(), 1);
}

/// So that a task may hold them on an executor of another priority.
#[test]
fn waits_and_permits_can_be_sent_where_the_mutex_allows_it() {
    static SHARED: Shared<CriticalSectionRawMutex, Desks, EmbassyClock, 2> = Shared::new(Desks::new(1), EmbassyClock);
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    drop(is_send(SHARED.wait(1)));
    drop(is_send(SHARED.wait_for(|desks, _| Ok(desks.used))));
    drop(is_send(SHARED.guard((), |_, _, ()| ())));
}

/// A task that is cancelled while it works, and one that is cancelled with its answer in its hands.
#[test]
fn a_cancelled_task_gives_back_what_it_holds() {
    let clock = HandClock::default();
    let office = desks(&clock, 2);
    let work = || async {
        let permit = office.wait(2).await.unwrap();
        std::future::pending::<()>().await;
        permit.commit(2);
    };
    let working = Task::started(work());
    let mut next = Task::started(work());
    assert_eq!(used(&office), 2);
    drop(working);
    assert_eq!(used(&office), 0);
    assert!(next.run().is_none());
    assert_eq!((used(&office), office.waiting()), (2, 0), "the next one works");
}

#[test]
fn from_inside_nobody_else_gets_at_the_limiter() {
    let clock = HandClock::default();
    let office = desks(&clock, 3);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let waiting = Task::new(office.wait(1));
    office.with(|desks, _| {
        assert_eq!((office.allow(1), office.available(), office.waiting()), (Err(Denied::Busy), 0, 0));
        assert!(office.with(|_, _| ()).is_none());
        let mut waiting = waiting;
        assert!(waiting.poll().is_none() && waiting.is_woken(), "later");
        drop(held);
        assert_eq!(desks.used, 1, "and a permit dropped in here counts on");
    });
    assert_eq!((used(&office), office.allow(2)), (1, Ok(())));
}

/// A place in line is given back even then.
#[test]
fn a_wait_dropped_from_inside_leaves_the_line() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let first = Task::started(office.wait(1));
    let mut next = Task::started(office.wait(1));
    office.with(|_, _| drop(first));
    assert_eq!(office.waiting(), 1);
    drop(held);
    assert!(next.run().is_some());
}

#[test]
fn a_panic_inside_locks_nobody_out() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let held = office.reserve(1, Duration::ZERO).unwrap().into_reservation();
    let mut first = Task::started(office.wait(1));
    let panics = std::panic::AssertUnwindSafe(|| {
        office.with(|desks, now| {
            desks.release(now, held);
            panic!("on purpose");
        })
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    assert!(first.run().is_some_and(|answer| answer.is_ok()), "what it released is used");
}
