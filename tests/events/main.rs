//! What is told to `tracing` about a shared limiter, a gate or a runner: every answer, once, in fields.
//!
//! In a process of their own and one after the other: `tracing` remembers for each place in the code whether anybody
//! listens, and may miss a listener that comes while another thread gets there for the first time.

#[path = "../waiting/scene.rs"]
#[expect(dead_code, reason = "most of it is for those who wait")]
mod scene;

use std::fmt::{Debug, Write};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate::presets::backoffs;
use tollgate::{
    Duration, Failure, Fate, Gate, Instant, JobId, Limits, Outcome, QueuePolicy, Quota, Repeatable, Request, Retry,
    Start, TokenBucket, Verdict,
};
use tollgate_std::{Call, Cancel, JobRequest, Runner, Shared, Stop, Wait};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use scene::{Desks, HandClock, Task, bucket, office};

/// Collects events as lines: level, message, fields in the order in which they come.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<String>>>);

struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.fields, " {field}={value}");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tollgate"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line { message: String::new(), fields: String::new() };
        event.record(&mut line);
        let level = event.metadata().level();
        self.0.lock().unwrap().push(format!("{level} {}:{}", line.message, line.fields));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// No other test runs until this is dropped.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is told while this runs.
fn told(scene: impl FnOnce()) -> Vec<String> {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), scene);
    let lines = collector.0.lock().unwrap();
    lines.clone()
}

fn desks(limit: u64) -> Shared<Desks, HandClock> {
    office(limit).named("desks")
}

#[test]
fn calls_that_do_not_wait_are_told_with_the_limit_that_answered() {
    let _alone = alone();
    let (desks, rate) = (desks(2), bucket(10).named("rate"));
    let lines = told(|| {
        let held = desks.reserve(1, Duration::ZERO);
        let _ = (desks.allow(3), desks.allow(2), rate.allow(4));
        let _ = (desks.available(), desks.earliest(1), desks.look(|_, _| ()), desks.with(|_, _| ()));
        rate.reserve(4, Duration::from_secs(9)).unwrap().commit(3);
        drop(held);
    });
    assert_eq!(
        lines,
        [
            "TRACE granted: limit=desks cost=1",
            "WARN refused: limit=desks cost=3 reason=never max=2",
            "DEBUG refused: limit=desks cost=2 reason=busy",
            "DEBUG refused: limit=rate cost=4 reason=until until_us=4000000",
            "TRACE granted: limit=rate cost=4",
            "TRACE settled: limit=rate cost=4 actual=3",
            "TRACE settled: limit=desks cost=1 actual=0",
        ]
    );
}

#[test]
fn waits_are_told_from_the_line_to_the_settlement() {
    let _alone = alone();
    let desks = desks(1);
    let lines = told(|| {
        let held = desks.blocking_wait(1, Duration::ZERO).unwrap();
        let first = Task::in_line(&desks, 1, Wait::forever());
        let second = Task::in_line(&desks, 1, Wait::forever());
        desks.clock().set(Instant::from_millis(3));
        held.commit(1);
        first.granted().release();
        desks.clock().set(Instant::from_millis(5));
        second.granted().commit(4);
    });
    assert_eq!(
        lines,
        [
            "TRACE granted: limit=desks cost=1",
            "DEBUG waiting: limit=desks cost=1 ahead=0",
            "DEBUG waiting: limit=desks cost=1 ahead=1",
            "TRACE settled: limit=desks cost=1 actual=1",
            "DEBUG granted: limit=desks cost=1 waited_us=3000",
            "TRACE settled: limit=desks cost=1 actual=0",
            "DEBUG granted: limit=desks cost=1 waited_us=5000",
            "DEBUG settled: limit=desks cost=1 actual=4",
        ]
    );
}

#[test]
fn a_wait_that_comes_to_nothing_says_why() {
    let _alone = alone();
    let desks = desks(1).with_max_waiters(3);
    let _held = desks.reserve(1, Duration::ZERO).unwrap();
    let cancel = Cancel::new();
    let lines = told(|| {
        let dropped = Task::in_line(&desks, 1, Wait::forever());
        let cancelled = Task::in_line(&desks, 1, Wait::forever().or_cancelled(&cancel));
        let late = Task::in_line(&desks, 1, Duration::from_millis(7));
        let _ = desks.blocking_wait(1, Wait::forever()).map(drop);
        drop(dropped);
        cancel.cancel();
        cancelled.refused();
        desks.clock().set(Instant::from_millis(7));
        desks.wake();
        late.refused();
        let _ = desks.blocking_wait(2, Wait::forever()).map(drop);
        let _ = desks.blocking_wait_for(Duration::ZERO, |_, now| Err::<(), _>(tollgate::Denied::Until(now)));
    });
    assert_eq!(
        lines[3..],
        [
            "DEBUG refused: limit=desks cost=1 reason=full waited_us=0",
            "DEBUG cancelled: limit=desks cost=1 reason=dropped",
            "DEBUG cancelled: limit=desks cost=1 waited_us=0 reason=token",
            "DEBUG refused: limit=desks cost=1 reason=timeout waited_us=7000",
            "WARN refused: limit=desks cost=2 reason=never max=1 waited_us=0",
            "DEBUG refused: limit=desks reason=timeout until_us=7000 waited_us=0",
        ]
    );
}

#[test]
fn a_clock_that_goes_back_is_told_once() {
    let _alone = alone();
    let desks = desks(9);
    let lines = told(|| {
        for millis in [5, 5, 3, 3, 4, 2, 9] {
            desks.clock().set(Instant::from_millis(millis));
            desks.with(|_, _| ());
            desks.available();
        }
    });
    assert_eq!(
        lines,
        [
            "WARN clock went back: limit=desks last_us=5000 now_us=3000",
            "WARN clock went back: limit=desks last_us=4000 now_us=2000",
        ]
    );
}

#[test]
fn without_a_name_there_is_no_field_for_it() {
    let _alone = alone();
    let office = office(1);
    assert_eq!(told(|| assert_eq!(office.allow(1), Ok(()))), ["TRACE granted: cost=1"]);
}

/// One job at a time, and ten requests a second.
fn api() -> Shared<Gate<Limits<TokenBucket>, 8, 8>, HandClock> {
    let clock = HandClock::default();
    let quota = Quota::new(10, Duration::from_secs(1)).unwrap();
    let rate = TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
    Shared::with_clock(Gate::new(Limits::new().requests(rate), Instant::ORIGIN).with_slots(1), clock).named("api")
}

const OK: Outcome = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };
const BLIND: Outcome = Outcome::Answered { status: 429, verdict: Verdict::Blind, wait: None, should_retry: None };

#[test]
fn a_gate_tells_what_becomes_of_each_request_and_which_limit_binds() {
    let _alone = alone();
    let api = api();
    let ask = |id| api.blocking_admit(&Request::new(JobId(id), Duration::from_secs(600)), Duration::ZERO);
    let lines = told(|| {
        let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, Instant::ORIGIN);
        let mut first = ask(1).unwrap();
        let _ = (ask(2).map(drop), ask(1).map(drop));
        first.sending().unwrap();
        first.answered(&OK, &mut retry, 0).unwrap();
        api.finished(JobId(1), &[]).unwrap();
        drop(ask(3).unwrap());
        let mut fourth = ask(4).unwrap();
        fourth.sending().unwrap();
        drop(fourth);
        api.finished(JobId(4), &[]).unwrap();
        for (id, fate) in [(5, Fate::NotSent), (6, Fate::Refused), (7, Fate::Unknown)] {
            let mut next = ask(id).unwrap();
            next.sending().unwrap();
            next.resolved(fate).unwrap();
        }
        api.finished(JobId(7), &[]).unwrap();
        let mut last = ask(8).unwrap();
        last.sending().unwrap();
        last.resolved(Fate::Runs).unwrap();
    });
    assert_eq!(
        lines,
        [
            "TRACE granted: limit=api job=1",
            "DEBUG refused: limit=api job=2 binds=the slots reason=timeout until_us=30000000 waited_us=0",
            "DEBUG refused: limit=api job=1 reason=hopeless why=the job is here already, asked: expected a new one",
            "TRACE sending: limit=api job=1",
            "DEBUG answered: limit=api job=1 answer=accepted",
            "TRACE finished: limit=api job=1 taken=settled",
            "TRACE granted: limit=api job=3",
            "DEBUG returned: limit=api job=3",
            "TRACE granted: limit=api job=4",
            "TRACE sending: limit=api job=4",
            "WARN lost: limit=api job=4",
            "TRACE finished: limit=api job=4 taken=settled",
            "TRACE granted: limit=api job=5",
            "TRACE sending: limit=api job=5",
            "DEBUG resolved: limit=api job=5 fate=not sent",
            "TRACE granted: limit=api job=6",
            "TRACE sending: limit=api job=6",
            "DEBUG resolved: limit=api job=6 fate=refused",
            "TRACE granted: limit=api job=7",
            "TRACE sending: limit=api job=7",
            "DEBUG resolved: limit=api job=7 fate=unknown",
            "TRACE finished: limit=api job=7 taken=settled",
            "TRACE granted: limit=api job=8",
            "TRACE sending: limit=api job=8",
            "DEBUG resolved: limit=api job=8 fate=runs",
        ]
    );
}

/// The names of what is told about one job of a runner, with the reason where there is one.
fn story(lines: &[String], job: u64) -> Vec<String> {
    let about = lines.iter().filter(|line| line.split(' ').any(|word| word == format!("job={job}")));
    let reason = |line: &str| line.split(' ').find_map(|word| word.strip_prefix("reason=").map(str::to_owned));
    about
        .map(|line| {
            let name = line.split(':').next().unwrap_or_default();
            reason(line).map_or_else(|| name.to_owned(), |why| format!("{name} {why}"))
        })
        .collect()
}

/// Panics without a word on the screen.
async fn fails(call: Call) -> Result<(), Stop> {
    if call.attempt() == 1 {
        std::panic::resume_unwind(Box::new("on purpose"));
    }
    Ok(())
}

#[test]
fn a_runner_tells_the_life_of_each_job() {
    let _alone = alone();
    let clock = HandClock::default();
    let gate = Gate::new(Limits::new(), Instant::ORIGIN).with_slots(9);
    let runner = Runner::<Limits, _, 16, 16, 4>::new(gate, QueuePolicy::DEFAULT, clock).named("plant");
    let submit = |outcome: Outcome| {
        runner.submit(JobRequest::new(Duration::from_secs(60)), move |mut call: Call| async move {
            call.sending()?;
            call.completed(&outcome, &[])
        })
    };
    let lines = told(|| {
        let done = submit(OK).unwrap();
        let again = submit(BLIND).unwrap();
        let broken = submit(Outcome::Failed(Failure::Broken)).unwrap();
        let panics = JobRequest::new(Duration::from_secs(60));
        let panics = runner.submit(panics, fails).unwrap();
        assert!(submit(OK).is_err(), "full");
        let mut tasks = Vec::new();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::pin!(runner.run(|task| tasks.push(task))).poll(&mut context).is_pending());
        for task in &mut tasks {
            assert!(std::pin::pin!(task).poll(&mut context).is_ready());
        }
        drop((done, again, broken, panics));
    });
    let done = ["DEBUG queued", "TRACE sending", "DEBUG answered", "TRACE finished", "DEBUG ended done"];
    assert_eq!(story(&lines, 1), done);
    let again = ["DEBUG queued", "TRACE sending", "DEBUG answered", "DEBUG again", "DEBUG ended dropped"];
    assert_eq!(story(&lines, 2), again);
    assert_eq!(story(&lines, 3), ["DEBUG queued", "TRACE sending", "DEBUG answered", "DEBUG ended gave"]);
    assert_eq!(story(&lines, 4), ["DEBUG queued", "DEBUG returned", "WARN ended panicked"]);
    assert_eq!(story(&lines, 5), ["DEBUG ended refused"]);
    assert!(lines.iter().all(|line| line.contains("limit=plant")));
}

/// A subscriber that asks the limiter it is told about.
struct Curious(Shared<Desks, HandClock>, Collector);
impl Subscriber for Curious {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.1.enabled(metadata)
    }
    fn event(&self, event: &Event<'_>) {
        assert!(self.0.look(|desks, _| desks.used) <= 1);
        self.1.event(event);
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Nothing is told under the lock.
#[test]
fn a_subscriber_may_ask_the_limiter() {
    let _alone = alone();
    let (desks, collector) = (desks(1), Collector::default());
    desks.clock().set(Instant::from_secs(1));
    desks.available();
    desks.clock().set(Instant::ORIGIN);
    tracing::subscriber::with_default(Curious(desks.clone(), collector.clone()), || {
        let held = desks.reserve(1, Duration::ZERO).unwrap();
        let _ = desks.allow(1);
        let (first, second) = (Task::in_line(&desks, 1, Wait::forever()), Task::in_line(&desks, 1, Wait::forever()));
        drop(first);
        held.release();
        drop(second.granted());
    });
    assert_eq!(collector.0.lock().unwrap().len(), 9);
}
