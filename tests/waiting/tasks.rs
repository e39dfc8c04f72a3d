//! A wait as a future, polled by hand: where it stands, who is woken, and what is left when it is dropped.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use tollgate::{AlreadyOpen, Denied, Duration, Inherit, Instant, JobId, Limiter, Quota, Slots};
use tollgate_std::{Cancel, Shared, TokioClock, Wait, WaitError};

use crate::scene::{Desks, HandClock, Task, assert_nothing_left, bucket, office};

#[test]
fn what_is_free_is_granted_at_once_and_what_costs_nothing_always() {
    let office = office(1);
    let permit = Task::new(&office, 1, Duration::ZERO).poll().unwrap().unwrap();
    assert_eq!((permit.at(), permit.cost(), office.waiting()), (Instant::ORIGIN, 1, 0));
    assert_eq!(Task::new(&office, 0, Duration::ZERO).poll().unwrap().unwrap().cost(), 0);
    assert_eq!(Task::new(&office, 1, Duration::ZERO).poll().unwrap().unwrap_err(), WaitError::Timeout { until: None });
    assert_eq!(Task::new(&office, 2, Wait::forever()).poll().unwrap().unwrap_err(), WaitError::Never { max: 1 });
    drop(permit);
    assert_nothing_left(&office);
}

#[test]
fn a_future_that_was_never_polled_stands_nowhere() {
    let office = office(0);
    office.with(|desks, _| desks.limit = 1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let later = Task::new(&office, 1, Wait::forever());
    assert_eq!(office.waiting(), 0);
    let first = Task::in_line(&office, 1, Wait::forever());
    drop((later, held));
    drop(first.granted());
    assert_nothing_left(&office);
}

#[test]
fn patience_begins_with_the_first_poll() {
    let office = office(1);
    let _held = office.reserve(1, Duration::ZERO).unwrap();
    let mut task = Task::new(&office, 1, Duration::from_secs(5));
    office.clock().set(Instant::from_secs(100));
    assert!(task.poll().is_none());
    office.clock().set(Instant::from_micros(104_999_999));
    office.wake();
    assert!(task.poll().is_none());
    office.clock().set(Instant::from_secs(105));
    office.wake();
    assert_eq!(task.refused(), WaitError::Timeout { until: None });
}

#[test]
fn a_full_line_is_an_answer_at_once() {
    let office = office(1).with_max_waiters(2);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let line = [(); 2].map(|()| Task::in_line(&office, 1, Wait::forever()));
    let full = || Task::new(&office, 1, Wait::forever()).poll().expect("an answer").unwrap_err();
    assert_eq!((full(), full()), (WaitError::Full, WaitError::Full));
    let [first, second] = line;
    drop(first);
    let third = Task::in_line(&office, 1, Wait::forever());
    assert_eq!(full(), WaitError::Full);
    drop(held);
    drop(second.granted());
    drop(third.granted());
    assert_nothing_left(&office);
}

#[test]
fn a_deadline_known_to_fail_is_refused_at_once_in_front_and_behind() {
    let bucket = bucket(10);
    let late = |cost, micros| {
        let mut task = Task::new(&bucket, cost, Duration::from_micros(micros));
        task.poll().expect("it is in vain").unwrap_err()
    };
    let rows = [(1, 999_999), (2, 1_999_999), (10, 9_999_999), (1, 0)];
    for (cost, micros) in rows {
        assert_eq!(late(cost, micros), WaitError::Timeout { until: Some(Instant::from_secs(cost)) });
    }
    let _first = Task::in_line(&bucket, 1, Wait::forever());
    for (cost, micros) in rows {
        assert_eq!(late(cost, micros), WaitError::Timeout { until: Some(Instant::from_secs(cost)) });
    }
    assert_eq!(bucket.waiting(), 1);
    let mut exact = Task::in_line(&bucket, 10, Duration::from_secs(10));
    bucket.clock().set(Instant::from_secs(1));
    bucket.wake();
    assert!(exact.poll().is_none(), "the first is not served yet");
}

#[test]
fn the_head_sleeps_exactly_as_long_as_it_must() {
    let bucket = bucket(10);
    let mut task = Task::in_line(&bucket, 3, Wait::forever());
    bucket.clock().set(Instant::from_micros(2_999_999));
    bucket.wake();
    assert!(task.poll().is_none());
    bucket.clock().set(Instant::from_secs(3));
    bucket.wake();
    assert_eq!(task.granted().at(), Instant::from_secs(3));
}

#[test]
fn a_reconfiguration_wakes_the_head() {
    let bucket = bucket(10);
    let task = Task::in_line(&bucket, 10, Wait::forever());
    let twenty = Quota::new(20, Duration::from_secs(1)).unwrap();
    bucket.with(|bucket, now| bucket.set_quota(now, twenty, Inherit::Reset));
    task.granted().commit(10);

    let office = office(2);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let (both, one) = (Task::in_line(&office, 2, Wait::forever()), Task::in_line(&office, 1, Wait::forever()));
    office.with(|desks, _| desks.limit = 1);
    assert_eq!(both.refused(), WaitError::Never { max: 1 });
    drop(held);
    drop(one.granted());
    assert_nothing_left(&office);
}

#[test]
fn to_look_wakes_nobody() {
    let office = office(1);
    let _held = office.reserve(1, Duration::ZERO).unwrap();
    let task = Task::in_line(&office, 1, Wait::forever());
    assert_eq!(office.look(|desks, _| desks.used), 1);
    let _ = (office.available(), office.allow(1), office.earliest(1), office.reserve(1, Duration::MAX));
    assert_eq!(task.woken(), 0);
    office.with(|_, _| ());
    assert_eq!(task.woken(), 1);
}

#[test]
fn one_token_ends_waits_of_tasks_now_and_later() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let wait = Wait::forever().or_cancelled(&cancel);
    let tasks = [(); 3].map(|()| Task::in_line(&office, 1, wait.clone()));
    cancel.cancel();
    assert_eq!(tasks.map(Task::refused), [WaitError::Cancelled; 3]);
    drop(held);
    assert_eq!(Task::new(&office, 1, wait).poll().unwrap().unwrap_err(), WaitError::Cancelled);
    assert_nothing_left(&office);
}

#[test]
fn a_task_that_moved_is_woken_where_it_is() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let mut tasks = [(); 2].map(|()| Task::in_line(&office, 1, Wait::forever().or_cancelled(&cancel)));
    let before = tasks.each_mut().map(|task| std::mem::take(&mut task.bell));
    assert!(tasks.iter_mut().all(|task| task.poll().is_none()));
    let [released, cancelled] = tasks;
    drop(held);
    drop(released.granted());
    let held = office.reserve(1, Duration::ZERO).err();
    assert_eq!(held, Some(Denied::Busy), "the other one heads the line");
    cancel.cancel();
    assert_eq!(cancelled.refused(), WaitError::Cancelled);
    assert!(before.iter().all(|bell| bell.0.load(Ordering::SeqCst) == 0), "the old places hear nothing");
    assert_nothing_left(&office);
}

#[test]
fn a_cancelled_task_that_moved_is_woken_where_it_is() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let mut task = Task::in_line(&office, 1, Wait::forever().or_cancelled(&cancel));
    let before = std::mem::take(&mut task.bell);
    assert!(task.poll().is_none());
    cancel.cancel();
    assert_eq!(before.0.load(Ordering::SeqCst), 0);
    assert_eq!(task.refused(), WaitError::Cancelled);
    drop(held);
    assert_nothing_left(&office);
}

#[test]
fn several_limits_are_waited_for_as_one() {
    let jobs = Shared::with_clock(Slots::<4>::new(1), HandClock::default());
    let start = |id| {
        let jobs = jobs.clone();
        async move {
            let wait = Wait::at_most(Duration::from_mins(1)).hoping_for_release();
            jobs.wait_for(wait, |slots, now| match slots.job(JobId(id), Duration::from_mins(10)) {
                Ok(mut job) => job.allow(now, 1).map(Ok),
                Err(open) => Ok(Err(open)),
            })
            .await
        }
    };
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(pin!(start(1)).poll(&mut context), Poll::Ready(Ok(Ok(()))));
    let (mut again, mut second) = (pin!(start(1)), pin!(start(2)));
    assert_eq!(again.as_mut().poll(&mut context), Poll::Ready(Ok(Err(AlreadyOpen(JobId(1))))));
    assert_eq!(second.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(jobs.with(|slots, now| slots.close(now, JobId(1))), Ok(1));
    assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(Ok(Ok(()))));
}

#[test]
fn whoever_is_polled_without_a_ring_asks_nothing() {
    let office = office(1);
    let asked = Cell::new(0);
    let mut wait = pin!(office.wait_for(Wait::forever(), |_, _| {
        asked.set(asked.get() + 1);
        Err::<(), _>(Denied::Busy)
    }));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        assert_eq!(wait.as_mut().poll(&mut context), Poll::Pending);
    }
    assert_eq!(asked.get(), 1);
}

#[test]
fn a_booking_that_panics_leaves_the_line_and_calls_the_next() {
    let office = office(1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let handle = office.clone();
    let mut doomed = Box::pin(async move {
        handle
            .wait_for(Wait::forever(), |desks, _| {
                assert!(desks.used > 0, "a booking that panics");
                Err::<(), _>(Denied::Busy)
            })
            .await
    });
    let mut context = Context::from_waker(Waker::noop());
    assert!(doomed.as_mut().poll(&mut context).is_pending());
    let next = Task::in_line(&office, 1, Wait::forever());
    drop(held);
    let fate = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = doomed.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(fate.is_err());
    drop(next.granted());
    assert_nothing_left(&office);
}

#[test]
fn what_a_permit_charges_when_it_is_dropped_is_said_beforehand() {
    for (said, settle, left) in [(None, None, 10), (Some(8), None, 2), (Some(8), Some(0), 10), (Some(8), Some(3), 7)] {
        let bucket = bucket(10);
        bucket.with(|bucket, now| bucket.credit(now, 10));
        let mut permit = Task::new(&bucket, 8, Duration::ZERO).poll().unwrap().unwrap();
        if let Some(actual) = said {
            permit.charge_on_drop(actual);
        }
        match settle {
            None => drop(permit),
            Some(0) => permit.release(),
            Some(actual) => permit.commit(actual),
        }
        assert_eq!(bucket.available(), left, "{said:?}, then {settle:?}");
    }
}

#[test]
fn futures_and_permits_can_be_sent_to_other_tasks() {
    fn spawnable<T: Send + 'static>(_: T) {}
    fn sendable<T: Send>(_: T) {}
    fn on_tokio(shared: Shared<Desks, TokioClock>) {
        spawnable(async move {
            let permit = shared.wait(1, Wait::forever()).await;
            std::future::pending::<()>().await;
            drop(permit);
        });
    }
    let office = office(1);
    sendable(office.wait(1, Wait::forever()));
    sendable(office.wait_for(Wait::forever(), |_, _| Ok(())));
    on_tokio(crate::scene::office_on(1, TokioClock::default()));
}
