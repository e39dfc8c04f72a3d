//! The clock of `embassy-time`, on its mock driver: one global, so that these tests take turns.

use std::sync::{Mutex, MutexGuard, PoisonError};

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::{MockDriver, TICK_HZ, with_timeout};
use tollgate::embassy::{BetweenTicks, EmbassyClock};
use tollgate::{Clock, JobId, Limiter, Slots, Start};

use super::*;

/// The driver at zero, for one test at a time.
fn driver() -> (MutexGuard<'static, ()>, &'static MockDriver) {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    MockDriver::get().reset();
    (turn, MockDriver::get())
}

fn micros(micros: u64) -> embassy_time::Duration {
    embassy_time::Duration::from_micros(micros)
}

#[test]
fn the_clock_shows_the_ticks_of_the_driver() {
    let (_turn, driver) = driver();
    assert_eq!(EmbassyClock.now(), Instant::ORIGIN);
    driver.advance(micros(1_500_001));
    assert_eq!(EmbassyClock.now(), Instant::from_micros(1_500_001));
}

#[test]
fn a_head_is_served_at_the_tick_that_the_limiter_has_named() {
    static SHARED: Shared<CriticalSectionRawMutex, TokenBucket, EmbassyClock, 2> = Shared::new(
        TokenBucket::new(
            tollgate::valid!(Quota::new_with_burst(3, Duration::from_secs(1), 2)),
            Start::Empty,
            Instant::ORIGIN,
        ),
        EmbassyClock,
    );
    let (_turn, driver) = driver();
    let mut first = Task::started(SHARED.wait(1));
    let mut second = Task::started(SHARED.wait(1));
    driver.advance(micros(333_333));
    assert!(first.run().is_none() && second.run().is_none(), "a third of a microsecond is missing");
    driver.advance(micros(1));
    assert!(first.is_woken() && !second.is_woken(), "one alarm, for the head");
    first.run().unwrap().unwrap().commit(1);
    assert!(second.run().is_none());
    driver.advance(micros(333_332));
    assert!(second.run().is_none());
    driver.advance(micros(1));
    second.run().expect("two thirds, rounded up").unwrap().commit(1);
}

#[test]
fn a_timeout_of_embassy_is_a_cancelled_wait() {
    let (_turn, driver) = driver();
    let shared = Shared::<CriticalSectionRawMutex, _, _, 2>::new(bucket(2, Start::Empty), EmbassyClock);
    let mut patient = Task::started(with_timeout(micros(5_000_000), shared.wait(2)));
    let mut hasty = Task::started(with_timeout(micros(1_000_000), shared.wait(1)));
    driver.advance(micros(1_000_000));
    assert!(hasty.run().expect("out of patience").is_err());
    drop(hasty);
    assert_eq!((shared.waiting(), patient.run().is_none()), (1, true));
    driver.advance(micros(1_000_000));
    patient.run().unwrap().unwrap().unwrap().commit(2);
    // Its own words are cheaper: one wait, and an answer that says when.
    let mut wait = Task::new(shared.wait(2).at_most(embassy_time::Duration::from_secs(1)));
    assert_eq!(wait.poll().unwrap().unwrap_err(), WaitError::Timeout { until: Some(S(4)) });
    let mut wait = Task::new(shared.wait(2).until(embassy_time::Instant::from_secs(3)));
    assert!(wait.poll().unwrap().is_err());
}

#[test]
fn a_lease_that_ends_lets_the_next_job_in() {
    let (_turn, driver) = driver();
    let shared = Shared::<NoopRawMutex, _, _, 2>::new(Slots::<4>::new(1), EmbassyClock);
    let lease = Duration::from_secs(30);
    let open =
        |id| shared.wait_for(move |slots: &mut Slots<4>, now| slots.job(JobId(id), lease).unwrap().allow(now, 1));
    assert_eq!(Task::new(open(1)).poll(), Some(Ok(())));
    let mut second = Task::started(open(2));
    driver.advance(micros(29_999_999));
    assert_eq!(second.run(), None);
    driver.advance(micros(1));
    assert_eq!(second.run(), Some(Ok(())));
}

#[test]
fn a_gate_and_a_dispatcher_are_waited_for_on_its_alarms() {
    use tollgate::{Dispatch, Dispatcher, Entry, Gate, Limits, Queue, QueuePolicy, Request, Work};
    #[derive(Debug)]
    struct Clip;
    impl Work for Clip {
        fn request(&self, id: JobId) -> Request<'_> {
            Request::new(id, Duration::from_secs(30))
        }
    }
    let (_turn, driver) = driver();
    let gate = || Gate::<_, 4, 4>::new(Limits::new().requests(bucket(1, Start::Empty)), Instant::ORIGIN).with_slots(1);
    let api = Shared::<NoopRawMutex, _, _, 2>::new(gate(), EmbassyClock);
    let requests = [1, 2].map(|id| Request::new(JobId(id), Duration::from_secs(30)));
    let (mut first, mut second) = (Task::started(api.admit(&requests[0])), Task::started(api.admit(&requests[1])));
    driver.advance(micros(999_999));
    assert!(first.run().is_none());
    driver.advance(micros(1));
    let mut admission = first.run().unwrap().unwrap();
    admission.sending().unwrap();
    drop(admission);
    assert!(second.run().is_none(), "the slot is taken until the lease is over");
    driver.advance(micros(119_999_999));
    assert!(second.run().is_none(), "which is never sooner than an answer can come");
    driver.advance(micros(1));
    assert!(second.run().unwrap().is_ok());

    let jobs = Dispatcher::new(gate(), Queue::<_, 4>::new(QueuePolicy::DEFAULT));
    let jobs = Shared::<NoopRawMutex, _, _, 2>::new(jobs, EmbassyClock);
    let mut worker = Task::started(jobs.next());
    jobs.submit(Entry::new(JobId(1), Clip)).unwrap();
    let Some(Ok(Dispatch::Send { mut permit, .. })) = worker.run() else { panic!("the bucket has filled by now") };
    permit.sending().unwrap();
    let mut worker = Task::started(jobs.next());
    jobs.with(|jobs, _| jobs.gate.set_slots(2));
    jobs.submit(Entry::new(JobId(2), Clip)).unwrap();
    assert!(worker.run().is_none());
    driver.advance(micros(1_000_000));
    assert!(matches!(worker.run(), Some(Ok(Dispatch::Send { .. }))), "at its tick");
}

/// More tasks with alarms than the driver has room for: it wakes somebody early, who sets his again.
#[test]
fn a_driver_that_runs_out_of_timers_loses_nobody() {
    let (_turn, driver) = driver();
    let shared = Shared::<NoopRawMutex, _, _, 20>::new(bucket(1, Start::Empty), EmbassyClock);
    let mut line: Vec<_> = (1..=20).map(|n| Task::started(shared.wait(1).until(S(n)))).collect();
    for second in 1..=20 {
        driver.advance(micros(1_000_000));
        // Each that was thrown out throws out another; one round is enough to see who is due.
        let served = line.iter_mut().filter_map(|task| if task.is_woken() { task.poll() } else { None });
        let served: Vec<_> = served.collect();
        assert!(served.iter().any(Result::is_ok), "second {second}");
        served.into_iter().flatten().for_each(|permit| permit.commit(1));
        line.remove(0);
    }
    assert_eq!(shared.waiting(), 0);
}

#[test]
fn conversions_go_through_ticks() {
    assert_eq!(TICK_HZ, 1_000_000, "what the mock driver sets");
    for micros in [0, 1, 999_999, 500 * 31_557_600_000_000, u64::MAX] {
        let theirs = embassy_time::Instant::from_ticks(micros);
        assert_eq!(Instant::from(theirs).as_micros(), micros);
        assert_eq!(embassy_time::Instant::try_from(Instant::from_micros(micros)), Ok::<_, BetweenTicks>(theirs));
        assert_eq!(Duration::from(embassy_time::Duration::from_ticks(micros)).as_micros(), micros);
        assert_eq!(Duration::from_micros(micros).to_embassy_ceil().as_ticks(), micros);
    }
}
