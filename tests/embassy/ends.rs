//! How a wait ends otherwise: full, too late, too big, or because the limiter was changed.

use tollgate::{Clock, Duration, Inherit, JobId, Limiter, Slots, Start, reserve_all};

use super::*;

/// The answer of a wait that must not have to wait.
fn at_once<T>(mut task: Task<'_, Result<T, WaitError>>) -> Result<T, WaitError> {
    task.poll().expect("an answer at once")
}

#[test]
fn a_full_line_is_an_answer_at_once() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let _held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line: Vec<_> = (0..4).map(|_| Task::started(office.wait(1))).collect();
    assert_eq!(at_once(Task::new(office.wait(1))).unwrap_err(), WaitError::Full);
    assert_eq!(office.waiting(), 4);
    line.remove(2);
    let _late = Task::started(office.wait(1));
    assert_eq!(at_once(Task::new(office.wait_for(|_, _| Ok(())))).unwrap_err(), WaitError::Full);
}

#[test]
fn without_seats_nobody_waits_and_what_is_there_is_given() {
    let clock = HandClock::default();
    let office = Shared::<NoopRawMutex, _, _, 0>::new(Desks::new(1), &clock);
    let held = at_once(Task::new(office.wait(1))).unwrap();
    assert_eq!(at_once(Task::new(office.wait(1))).unwrap_err(), WaitError::Full);
    drop(held);
    assert!(at_once(Task::new(office.wait(1))).is_ok());
}

#[test]
fn a_deadline_that_cannot_be_met_is_refused_at_once() {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(5, Start::Empty), &clock);
    let refused = at_once(Task::new(office.wait(3).at_most(Duration::from_micros(2_999_999)))).unwrap_err();
    assert_eq!(refused, WaitError::Timeout { until: Some(S(3)) });
    let mut met = Task::started(office.wait(3).at_most(Duration::from_secs(3)));
    clock.set(S(3));
    met.run().expect("met to the microsecond").unwrap().commit(3);
    assert_eq!((office.waiting(), clock.alarms().len()), (0, 0));
}

#[test]
fn a_deadline_passes_wherever_one_stands() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let first = Task::started(office.wait(1));
    let mut middle = Task::started(office.wait(1).until(S(2)));
    let mut last = Task::started(office.wait(1).until(S(3)));
    assert_eq!(clock.alarms(), [S(2), S(3)], "the head has none: only a release helps");
    clock.set(Instant::from_micros(1_999_999));
    assert!(middle.run().is_none());
    clock.set(S(2));
    assert_eq!(middle.run().unwrap().unwrap_err(), WaitError::Timeout { until: None });
    assert!(!first.is_woken() && !last.is_woken(), "nobody else is disturbed");
    drop(first);
    assert!(last.run().is_none());
    clock.set(S(3));
    assert_eq!(last.run().unwrap().unwrap_err(), WaitError::Timeout { until: None });
    drop(held);
    assert_eq!((used(&office), office.waiting()), (0, 0));
}

#[test]
fn no_patience_means_now_or_not_at_all() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let held = at_once(Task::new(office.wait(1).at_most(Duration::ZERO))).unwrap();
    let refused = at_once(Task::new(office.wait(1).at_most(Duration::ZERO))).unwrap_err();
    assert_eq!(refused, WaitError::Timeout { until: None });
    drop(held);
    clock.set(S(9));
    assert!(at_once(Task::new(office.wait(1).until(S(3)))).is_ok(), "a deadline is not a guard");
}

#[test]
fn who_hopes_for_a_release_stays_to_the_deadline() {
    let clock = HandClock::default();
    let office = Shared::<NoopRawMutex, _, _, 4>::new(Slots::<4>::new(1), &clock);
    let hour = Duration::from_hours(1);
    office.with(|slots, now| slots.job(JobId(1), hour).unwrap().allow(now, 1)).unwrap().unwrap();
    let book = |slots: &mut Slots<4>, now| slots.job(JobId(2), hour).unwrap().allow(now, 1);
    let refused = at_once(Task::new(office.wait_for(book).until(S(60)))).unwrap_err();
    assert_eq!(refused, WaitError::Timeout { until: Some(S(3_600)) });
    let mut hoping = Task::started(office.wait_for(book).until(S(60)).hoping_for_release());
    assert_eq!(clock.alarms(), [S(60)]);
    office.with(|slots, now| slots.close(now, JobId(1))).unwrap().unwrap();
    assert_eq!(hoping.run(), Some(Ok(())));
    let mut in_vain = Task::started(
        office
            .wait_for(|slots, now| slots.job(JobId(3), hour).unwrap().allow(now, 1))
            .until(S(60))
            .hoping_for_release(),
    );
    clock.set(S(60));
    assert_eq!(in_vain.run(), Some(Err(WaitError::Timeout { until: Some(S(3_600)) })));
}

#[test]
fn more_than_can_ever_pass_is_never_at_once_even_behind_others() {
    let clock = HandClock::default();
    let office = desks(&clock, 2);
    let _held = office.reserve(2, Duration::ZERO).unwrap();
    assert_eq!(at_once(Task::new(office.wait(3))).unwrap_err(), WaitError::Never { max: 2 });
    let _head = Task::started(office.wait(1));
    assert_eq!(at_once(Task::new(office.wait(3))).unwrap_err(), WaitError::Never { max: 2 });
    assert_eq!(office.allow(3), Err(Denied::Never { max: 2 }));
    assert_eq!(office.waiting(), 1);
}

#[test]
fn nothing_never_waits() {
    let clock = HandClock::default();
    let office = desks(&clock, 1);
    let _held = office.reserve(1, Duration::ZERO).unwrap();
    let mut head = Task::started(office.wait(1));
    let nothing = at_once(Task::new(office.wait(0).at_most(Duration::ZERO))).unwrap();
    assert_eq!((nothing.cost(), office.allow(0)), (0, Ok(())));
    nothing.commit(0);
    assert!(!head.is_woken(), "it leaves no trace");
    drop(office.reserve(0, Duration::ZERO).unwrap());
    assert!(head.poll().is_none() && office.waiting() == 1);
}

#[test]
fn a_new_quota_lets_the_line_look_again() {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(1, Start::Empty), &clock);
    let mut head = Task::started(office.wait(1));
    let fast = Quota::new_with_burst(1_000, Duration::from_secs(1), 4).unwrap();
    office.with(|bucket, now| bucket.set_quota(now, fast, Inherit::AsIs));
    assert!(head.run().is_none());
    assert_eq!(clock.alarms(), [Instant::from_millis(1), S(1)], "a new alarm; the old one rings for nothing");
    clock.set(Instant::from_millis(1));
    assert!(head.run().expect("a thousand times as fast").is_ok());

    let mut big = Task::started(office.wait(4));
    let small = Task::started(office.wait(1));
    office.with(|bucket, now| bucket.set_quota(now, Quota::every(Duration::from_secs(1)).unwrap(), Inherit::AsIs));
    assert_eq!(big.run().unwrap().unwrap_err(), WaitError::Never { max: 1 }, "it will never pass any more");
    assert!(small.is_woken(), "and holds up nobody");
}

#[test]
fn more_desks_are_used_by_as_many_as_wait() {
    let clock = HandClock::default();
    let office = desks(&clock, 0);
    office.with(|desks, _| desks.limit = 1).unwrap();
    let held = office.reserve(1, Duration::ZERO).unwrap();
    let mut line: Vec<_> = (0..3).map(|_| Task::started(office.wait(1))).collect();
    office.with(|desks, _| desks.limit = 3).unwrap();
    let served: Vec<_> = line.iter_mut().filter_map(Task::run).collect();
    assert_eq!((served.len(), used(&office)), (2, 3));
    drop(held);
    assert!(line[2].run().is_some());
}

#[test]
fn several_limits_are_waited_for_as_one() {
    let clock = HandClock::default();
    let limits = Shared::<NoopRawMutex, _, _, 4>::new((bucket(1, Start::Full), Slots::<4>::new(1)), &clock);
    let start = |id| {
        limits.wait_for(move |(requests, slots): &mut (TokenBucket, Slots<4>), now| {
            let mut job = slots.job(JobId(id), Duration::MAX).map_err(|_| Denied::Never { max: 0 })?;
            let limits: [(&mut dyn Book, u64); 2] = [(requests, 1), (&mut job, 1)];
            reserve_all(now, Duration::ZERO, limits).map_err(|refused| refused.denied)
        })
    };
    let [request, slot] = at_once(Task::new(start(1))).unwrap();
    limits.with(|(requests, slots), now| (requests.commit(now, request, 1), slots.commit(now, slot, 1)));
    let mut second = Task::started(start(2));
    let mut third = Task::started(start(3));
    clock.set(S(5));
    assert!(second.run().is_none(), "the request could go, the slot is taken");
    assert!(limits.with(|(requests, _), now| requests.available(now)) == Some(1), "and it holds neither");
    limits.with(|(_, slots), now| slots.close(now, JobId(1)));
    let [request, slot] = second.run().unwrap().unwrap();
    assert!(third.run().is_none());
    limits.with(|(requests, slots), now| (requests.release(now, request), slots.release(now, slot)));
    assert!(third.run().is_some(), "both are given back");
}

/// Polled again after its end by a careless combinator.
#[test]
fn a_wait_that_is_over_books_nothing_more() {
    let clock = HandClock::default();
    let office = desks(&clock, 3);
    let mut wait = Task::new(office.wait(1));
    let _held = wait.poll().unwrap().unwrap();
    assert!(wait.poll().is_none() && wait.poll().is_none());
    assert_eq!((used(&office), office.waiting()), (1, 0));
    assert_eq!(office.clock().now(), Instant::ORIGIN);
}
