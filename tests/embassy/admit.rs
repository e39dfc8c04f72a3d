//! A gate and a dispatcher that tasks wait for: rows 26 to 29 of what users of other limiters suffer from, and the rest.

use tollgate::embassy::{Admission, AdmitError, Admitting, Dispatches, Gated};
use tollgate::presets::backoffs;
use tollgate::{
    Answer, AskError, Binding, Clock, Dispatch, Dispatcher, Entry, Fate, Gate, GateError, JobId, JobState, Limits,
    Outcome, Queue, QueuePolicy, Repeatable, Request, Retry, Start, Verdict, Work,
};

use super::*;

const LEASE: Duration = Duration::from_secs(600);
const OK: Outcome = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };

type Any = Gate<Limits<TokenBucket>, 16, 16>;
type Jobs = Dispatcher<Gate<Limits<TokenBucket>, 16, 16>, Clip, 8, 2>;
type Admitted<'s, 'c, G> = Result<Admission<'s, NoopRawMutex, G, &'c HandClock, 4>, AdmitError>;

#[derive(Debug, PartialEq, Eq)]
struct Clip;

impl Work for Clip {
    fn request(&self, id: JobId) -> Request<'_> {
        job(id.0)
    }
}

fn job(id: u64) -> Request<'static> {
    Request::new(JobId(id), LEASE)
}

fn clip(id: u64) -> Entry<Clip> {
    Entry::new(JobId(id), Clip)
}

/// One request a second, up to `burst` at once; none at first. So many slots.
fn gate(burst: u32, slots: u32) -> Any {
    Gate::new(Limits::new().requests(bucket(burst, Start::Empty)), Instant::ORIGIN).with_slots(slots)
}

/// As many requests as one likes, and so many slots.
fn slots(slots: u32) -> Any {
    Gate::new(Limits::new().requests(bucket(100_000, Start::Full)), Instant::ORIGIN).with_slots(slots)
}

fn jobs(slots_: u32) -> Jobs {
    Dispatcher::new(slots(slots_), Queue::new(QueuePolicy::DEFAULT))
}

fn state(api: &Office<'_, Any>, id: u64) -> Option<JobState> {
    api.with(|gate, now| gate.job(now, JobId(id))).unwrap()
}

fn assert_empty(api: &Office<'_, Any>) {
    let status = api.with(|gate, now| gate.status(now)).unwrap();
    assert_eq!((api.waiting(), status.in_flight, status.calls), (0, 0, 0));
}

fn granted<T, E: std::fmt::Debug>(task: &mut Task<'_, Result<T, E>>) -> T {
    task.run().expect("it still waits").unwrap()
}

/// Row 26: cancelled waiters eat units, block those behind, leak permits, or deadlock.
#[test]
fn cancelled_waiters_take_nothing_of_a_gate_and_block_nobody() {
    for survivor in 0..4 {
        let clock = HandClock::default();
        let api: Office<Any> = Shared::new(gate(10, 9), &clock);
        let requests = [1, 2, 3, 4].map(|id| job(id).counts(10));
        let mut line: Vec<_> = requests.iter().map(|request| Some(Task::started(api.admit(request)))).collect();
        assert_eq!(api.waiting(), 4);
        for place in (0..4).filter(|place| *place != survivor) {
            clock.advance(Duration::from_secs(2));
            line[place] = None;
        }
        let mut task = line[survivor].take().unwrap();
        assert!(task.run().is_none());
        clock.set(S(10));
        granted(&mut task).sending().unwrap();
        clock.set(S(20));
        let status = api.with(|gate, now| gate.status(now)).unwrap();
        assert_eq!((api.waiting(), status.requests, status.in_flight, status.calls), (0, 10, 1, 0));
        assert_eq!(state(&api, 1 + survivor as u64), Some(JobState::Unknown), "sent, and nobody told the answer");
    }
}

/// Row 27: callers that had given up long ago kept consuming.
#[test]
fn abandoned_waiters_leave_nothing_in_a_gate() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(gate(60, 9), &clock);
    let request = job(1).counts(60);
    for second in 1..=60 {
        let crowd: Vec<_> = (0..4).map(|_| Task::started(api.admit(&request))).collect();
        let refused = Task::new(api.admit(&request)).poll().unwrap().map(drop);
        assert_eq!(refused, Err(AdmitError::Wait { why: WaitError::Full, limit: None }), "never more than may");
        drop(crowd);
        assert_empty(&api);
        clock.set(S(second));
    }
    assert!(Task::new(api.admit(&request)).poll().unwrap().is_ok(), "a minute's worth, for whoever is still there");
}

/// Row 28: no order among waiters, large requests starve, all wake up to look.
#[test]
fn a_gate_serves_waiters_in_order_and_wakes_them_one_by_one() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(gate(10, 9), &clock);
    let requests = [(1, 10), (2, 1), (3, 7), (4, 1)].map(|(id, cost)| job(id).counts(cost));
    let mut line: Vec<_> = requests.iter().map(|request| Task::started(api.admit(request))).collect();
    let mut due = 0;
    for cost in [10, 1, 7, 1] {
        due += cost;
        clock.set(Instant::from_micros(due * 1_000_000 - 1));
        assert!(line.iter().all(|task| !task.is_woken()), "not a microsecond too early, and no herd");
        clock.set(S(due));
        assert!(line.iter().enumerate().all(|(place, task)| task.is_woken() == (place == 0)));
        granted(&mut line[0]).sending().unwrap();
        line.remove(0);
        // Called, because it heads the line now and its turn may have come.
        assert!(line.iter_mut().all(|task| task.run().is_none()));
    }
    assert_eq!(api.waiting(), 0);
}

/// Row 28, for slots: a heavy job is not starved by light ones behind it.
#[test]
fn a_heavy_job_at_the_head_is_not_starved() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(2), &clock);
    let [one, two] = [job(1), job(2)];
    let held = [&one, &two].map(|request| Task::new(api.admit(request)).poll().unwrap().unwrap());
    let (big, small) = (job(3).weighs(2), job(4));
    let (mut heavy, mut light) = (Task::started(api.admit(&big)), Task::started(api.admit(&small)));
    for one in held {
        assert!(heavy.run().is_none() && light.poll().is_none());
        drop(one);
    }
    drop(granted(&mut heavy));
    drop(granted(&mut light));
    assert_empty(&api);
}

/// Row 29: only the last poller is woken; no mode that refuses.
#[test]
fn a_gate_wakes_every_waiter_wherever_it_was_polled_last() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(1), &clock);
    let requests = [1, 2, 3, 4, 5].map(job);
    let held = Task::new(api.admit(&requests[0])).poll().unwrap().unwrap();
    let mut line: Vec<_> = requests[1..].iter().map(|request| Task::started(api.admit(request))).collect();
    line[0].moved();
    assert!(line[0].poll().is_none(), "in another task now");
    drop(held);
    for mut task in line {
        assert!(task.is_woken());
        drop(granted(&mut task));
    }
    assert_empty(&api);
}

/// Row 40: dropped after its wake-up and before its poll, it passes the slot on.
#[test]
fn a_waiter_dropped_in_the_moment_of_its_grant_passes_the_slot_on() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(1), &clock);
    let requests = [1, 2, 3].map(job);
    let held = Task::new(api.admit(&requests[0])).poll().unwrap().unwrap();
    let (first, mut second) = (Task::started(api.admit(&requests[1])), Task::started(api.admit(&requests[2])));
    drop(held);
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    let admission = granted(&mut second);
    assert_eq!((admission.job(), state(&api, 2)), (Some(JobId(3)), None));
    drop(admission);
    assert_empty(&api);
}

#[test]
fn a_live_change_wakes_whoever_waits_for_it() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(1), &clock);
    let requests = [1, 2, 3].map(job);
    let _held = Task::new(api.admit(&requests[0])).poll().unwrap().unwrap();
    let mut second = Task::started(api.admit(&requests[1]));
    api.with(|gate, _| gate.set_slots(3));
    let _second = granted(&mut second);
    api.with(|gate, now| gate.block_until(now, S(1_000)));
    let mut third = Task::started(api.admit(&requests[2]));
    assert_eq!(clock.alarms().last(), Some(&S(1_000)));
    api.with(|gate, now| gate.block_until(now, now));
    let _third = granted(&mut third);
}

/// What only time opens ends a wait at once if that is too late; what a job may open is waited for.
#[test]
fn nobody_sleeps_to_a_known_failure_and_nobody_leaves_who_may_be_served() {
    let clock = HandClock::default();
    let rate: Office<Any> = Shared::new(gate(10, 9), &clock);
    let ten = job(1).counts(10);
    let late = Task::new(rate.admit(&ten).at_most(Duration::from_secs(9))).poll().unwrap().map(drop);
    let why = WaitError::Timeout { until: Some(S(10)) };
    assert_eq!(late, Err(AdmitError::Wait { why, limit: Some(Binding::Requests) }));
    assert!(Task::new(rate.admit(&ten).until(S(9)).hoping_for_release()).poll().is_none(), "unless it hopes");

    let api: Office<Any> = Shared::new(slots(1), &clock);
    let requests = [1, 2, 3].map(job);
    let mut held = Task::new(api.admit(&requests[0])).poll().unwrap().unwrap();
    held.sending().unwrap();
    let mut second = Task::started(api.admit(&requests[1]).at_most(Duration::from_secs(5)));
    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, clock.now());
    assert_eq!(held.answered(&OK, &mut retry, 0), Ok(Answer::Accepted));
    assert!(second.run().is_none(), "the lease of it is ten minutes");
    clock.set(S(3));
    api.finished(JobId(1), &[]).unwrap().unwrap();
    let _second = granted(&mut second);
    let mut third = Task::started(api.admit(&requests[2]).at_most(Duration::from_secs(5)));
    clock.set(S(8));
    let late = third.run().unwrap().map(drop).unwrap_err();
    assert!(matches!(late, AdmitError::Wait { limit: Some(Binding::Slots), why: WaitError::Timeout { .. } }), "{late}");
}

/// In line, too: to stand there would help nobody.
#[test]
fn what_no_wait_can_change_is_told_at_once() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(1), &clock);
    let (first, second, heavy) = (job(1), job(2), job(3).weighs(9));
    let _held = Task::new(api.admit(&first)).poll().unwrap().unwrap();
    for in_line in [false, true] {
        let _line = in_line.then(|| Task::started(api.admit(&second)));
        let known = Task::new(api.admit(&first)).poll().unwrap().map(drop);
        assert_eq!(known, Err(AdmitError::Ask(AskError::Known { state: JobState::Asked })));
        let never = Task::new(api.admit(&heavy)).poll().unwrap().map(drop);
        let why = WaitError::Never { max: 1 };
        assert_eq!(never, Err(AdmitError::Wait { why, limit: Some(Binding::Slots) }));
        assert_eq!(api.waiting(), usize::from(in_line));
    }
}

#[test]
fn what_was_sent_and_dropped_is_unknown_and_what_was_not_is_free() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(3), &clock);
    let requests = [1, 2, 3].map(job);
    let [mut sent, asked, early] = [0, 1, 2].map(|at| Task::new(api.admit(&requests[at])).poll().unwrap().unwrap());
    sent.sending().unwrap();
    assert_eq!(sent.sending(), Err(GateError::Unexpected { state: JobState::Sent }));
    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, clock.now());
    assert!(early.answered(&OK, &mut retry, 0).is_err(), "it was not sent, and returns");
    drop((sent, asked));
    assert_eq!([1, 2, 3].map(|id| state(&api, id)), [Some(JobState::Unknown), None, None]);
    api.finished(JobId(1), &[]).unwrap().unwrap();
    assert_empty(&api);
}

/// The program says what became of a job: whoever waits for what it held is served, and nobody else.
#[test]
fn what_became_of_a_job_is_said_and_wakes_who_waits_for_it() {
    for (fate, after) in [
        (Fate::Runs, Some(JobState::Running)),
        (Fate::Unknown, Some(JobState::Unknown)),
        (Fate::Refused, None),
        (Fate::NotSent, None),
    ] {
        let clock = HandClock::default();
        let api: Office<Any> = Shared::new(slots(1), &clock);
        let requests = [1, 2].map(job);
        let mut held = Task::new(api.admit(&requests[0])).poll().unwrap().unwrap();
        held.sending().unwrap();
        let mut second = Task::started(api.admit(&requests[1]));
        assert_eq!(held.resolved(fate), Ok(()), "{fate:?}");
        assert_eq!(state(&api, 1), after, "{fate:?}");
        assert_eq!(second.run().is_some(), after.is_none(), "{fate:?}");
    }
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(1), &clock);
    let early = Task::new(api.admit(&job(1))).poll().unwrap().unwrap();
    assert_eq!(early.resolved(Fate::Runs), Err(GateError::Unexpected { state: JobState::Asked }));
    assert_eq!(state(&api, 1), None, "it was not sent, and returns");
    let mut late = Task::new(api.admit(&job(2))).poll().unwrap().unwrap();
    late.sending().unwrap();
    clock.set(S(3_000));
    assert_eq!(late.resolved(Fate::Refused), Err(GateError::StalePermit));
}

/// From inside `with` nobody else gets at the gate; a permit dropped there is void after its time.
#[test]
fn from_inside_nothing_is_changed_and_nothing_panics() {
    let clock = HandClock::default();
    let api: Office<Any> = Shared::new(slots(2), &clock);
    let requests = [1, 2].map(job);
    let mut first = Task::new(api.admit(&requests[0])).poll().unwrap().unwrap();
    api.with(|_, _| {
        assert_eq!(first.sending(), Err(GateError::StalePermit));
        assert!(api.finished(JobId(1), &[]).is_none());
        let mut late = Task::new(api.admit(&requests[1]));
        assert!(late.poll().is_none() && late.is_woken(), "again later");
    });
    assert_eq!(first.sending(), Ok(()));
    api.with(|_, _| drop(first));
    assert_eq!(state(&api, 1), Some(JobState::Sent));
    clock.set(S(120));
    assert_eq!(state(&api, 1), Some(JobState::Unknown), "as its page says");
    assert_eq!(api.waiting(), 0);
}

/// A gate of some kilobytes stays where it is.
#[test]
fn a_gate_behind_a_reference_is_shared_as_well() {
    fn wait<'a, 'r, G: Gated>(
        api: &'a Office<'r, G>,
        request: &Request<'r>,
    ) -> Admitting<'a, 'r, NoopRawMutex, G, &'r HandClock, 4> {
        api.admit(request)
    }
    let clock = HandClock::default();
    let mut gate = slots(1);
    let api: Office<&mut Any> = Shared::new(&mut gate, &clock);
    let requests = [1, 2].map(job);
    let first: Admitted<'_, '_, _> = Task::new(wait(&api, &requests[0])).poll().unwrap();
    let mut second = Task::started(wait(&api, &requests[1]));
    drop(first);
    drop(granted(&mut second));
    drop(second);
    drop(api);
    assert_eq!(gate.in_flight(S(0)), 0);
}

/// Rows 26, 27 and 29 for workers: one that is gone has taken no job with it.
#[test]
fn workers_that_are_gone_take_no_job_and_the_others_are_served_in_order() {
    let clock = HandClock::default();
    let shared: Office<Jobs> = Shared::new(jobs(2), &clock);
    let mut line: Vec<_> = (0..4).map(|_| Task::started(shared.next())).collect();
    assert_eq!(Task::new(shared.next()).poll().unwrap().unwrap_err(), WaitError::Full);
    for id in 1..=3 {
        shared.submit(clip(id)).unwrap();
    }
    // Woken for the first job, and gone.
    assert!(line[0].is_woken());
    drop(line.remove(0));
    drop(line.remove(1));
    let mut held = Vec::new();
    for (expected, task) in (1..).zip(&mut line) {
        let Dispatch::Send { entry, permit } = granted(task) else { panic!() };
        assert_eq!(entry.id.0, expected);
        held.push(permit);
    }
    let mut third = Task::started(shared.next());
    held[0].sending().unwrap();
    assert!(third.run().is_none());
    drop(held.pop());
    assert!(matches!(granted(&mut third), Dispatch::Send { entry, .. } if entry.id == JobId(3)));
    assert_eq!(shared.waiting(), 0);
}

#[test]
fn a_worker_is_woken_by_a_job_by_time_by_a_release_and_by_a_change() {
    let clock = HandClock::default();
    let mut owned = jobs(1);
    let shared: Office<&mut Jobs> = Shared::new(&mut owned, &clock);
    let mut worker = Task::started(shared.next());
    assert!(clock.alarms().is_empty(), "nothing to wait for but a job");
    shared.submit(clip(1)).unwrap();
    let Dispatch::Send { permit, .. } = granted(&mut worker) else { panic!() };

    let mut worker = Task::started(shared.next());
    shared.with(|jobs, now| jobs.queue.submit(now, now, clip(2).deadline(S(9))).unwrap());
    assert!(worker.run().is_none(), "the slot is taken");
    clock.set(Instant::from_micros(9_000_001));
    assert!(matches!(granted(&mut worker), Dispatch::Expired(entry) if entry.id == JobId(2)));

    let mut worker = Task::started(shared.next());
    shared.submit(clip(3)).unwrap();
    assert!(worker.run().is_none());
    drop(permit);
    let Dispatch::Send { entry, permit } = granted(&mut worker) else { panic!() };
    assert_eq!(entry.id, JobId(3));

    let mut worker = Task::started(shared.next());
    shared.submit(clip(4)).unwrap();
    assert!(worker.run().is_none());
    shared.with(|jobs, _| jobs.gate.set_slots(2));
    assert!(matches!(granted(&mut worker), Dispatch::Send { entry, .. } if entry.id == JobId(4)));
    drop(permit);

    // A job that can never go is handed back, whoever waits for it.
    shared.submit(clip(5)).unwrap();
    shared.with(|jobs, _| jobs.gate.set_slots(0));
    let rejected = Task::new(shared.next()).poll().unwrap().unwrap();
    assert!(matches!(rejected, Dispatch::Rejected { entry, why: AskError::Refused { .. } } if entry.id == JobId(5)));
    let late = Task::new(shared.next().at_most(Duration::ZERO)).poll().unwrap();
    assert!(matches!(late, Err(WaitError::Timeout { .. })));
}

/// After a refusal for concurrency a slot of ours says nothing: one of our jobs has to end first.
#[test]
fn when_the_server_has_no_room_the_next_worker_waits_for_a_release() {
    let clock = HandClock::default();
    let shared: Office<Jobs> = Shared::new(jobs(3), &clock);
    for id in 1..=3 {
        shared.submit(clip(id)).unwrap();
    }
    let take = || match Task::new(shared.next()).poll().unwrap().unwrap() {
        Dispatch::Send { entry, mut permit } => {
            permit.sending().unwrap();
            (entry, permit)
        }
        other => panic!("{other:?}"),
    };
    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, clock.now());
    let ((_, first), (refused, second)) = (take(), take());
    assert_eq!(first.answered(&OK, &mut retry, 0), Ok(Answer::Accepted));
    let full = Outcome::Answered { status: 429, verdict: Verdict::Concurrency, wait: None, should_retry: None };
    let Ok(Answer::RetryOnRelease { not_before }) = second.answered(&full, &mut retry, 0) else { panic!() };
    shared.with(|jobs, now| jobs.requeue(now, refused, not_before)).unwrap().unwrap();
    let mut third = Task::started(shared.next());
    clock.set(S(30));
    assert!(third.run().is_none(), "although two slots are free");
    shared.finished(JobId(1), &[]).unwrap().unwrap();
    assert!(matches!(granted(&mut third), Dispatch::Send { entry, .. } if entry.id == JobId(2)), "at its old place");
}

/// Time would come too late for it, and a job that is submitted does not.
#[test]
fn a_worker_stays_to_its_deadline_because_a_job_may_come_sooner() {
    let clock = HandClock::default();
    let shared: Office<Jobs> = Shared::new(jobs(1), &clock);
    shared.with(|jobs, now| jobs.requeue(now, clip(1), S(100))).unwrap().unwrap();
    let mut worker = Task::started(shared.next().at_most(Duration::from_secs(50)));
    let mut late = Task::started(shared.next().at_most(Duration::from_secs(10)));
    clock.set(S(20));
    assert!(matches!(late.run(), Some(Err(WaitError::Timeout { .. }))));
    shared.submit(clip(2)).unwrap();
    assert!(matches!(granted(&mut worker), Dispatch::Send { entry, .. } if entry.id == JobId(2)));
}

/// Bounded: a full queue is an answer, and the job comes back.
#[test]
fn a_job_that_is_not_taken_comes_back() {
    fn full<D: Dispatches<Payload = Clip>>(shared: &Office<'_, D>, id: u64) -> Entry<Clip> {
        match shared.submit(clip(id)) {
            Err(tollgate::SubmitError::Queue(rejected)) => rejected.entry,
            other => panic!("{other:?}"),
        }
    }
    let clock = HandClock::default();
    let shared: Office<Jobs> = Shared::new(jobs(1), &clock);
    for id in 0..8 {
        shared.submit(clip(id)).unwrap();
    }
    assert_eq!(full(&shared, 8), clip(8));
    drop(Task::new(shared.next()).poll());
    shared.with(|_, _| assert_eq!(full(&shared, 9), clip(9), "nobody else gets at it"));
}
