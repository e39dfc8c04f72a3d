//! A gate is waited for like any limiter: in line, by time and by release, and a permit that is dropped is cancelled.

use tollgate::presets::backoffs;
use tollgate::{AskError, Gate, JobId, JobState, Limits, Outcome, Repeatable, Request, Retry, Start, Verdict};

use super::*;

type Api = Gate<Limits<TokenBucket>, 4, 4>;
type Asked<'s, 'c> = Permit<'s, NoopRawMutex, Api, &'c HandClock, 4, tollgate::Permit>;
/// A permit in line, or why asking again would not help.
type Ticket<'s, 'c> = Result<Result<Asked<'s, 'c>, AskError>, WaitError>;

const LEASE: Duration = Duration::from_secs(600);

/// Two requests at once and one a second, one slot.
fn api(clock: &HandClock) -> Office<'_, Api> {
    Shared::new(Gate::new(Limits::new().requests(bucket(2, Start::Full)), Instant::ORIGIN).with_slots(1), clock)
}

async fn ask<'s, 'c>(api: &'s Office<'c, Api>, id: u64) -> Ticket<'s, 'c> {
    let asked = api.wait_for(|gate, now| match gate.ask(now, &Request::new(JobId(id), LEASE)) {
        Err(AskError::Refused { denied, .. }) => Err(denied),
        other => Ok(other),
    });
    Ok(asked.await?.map(|permit| {
        api.guard(permit, |gate, now, permit| {
            gate.cancel(now, permit).unwrap();
        })
    }))
}

fn state(api: &Office<'_, Api>, id: u64) -> Option<JobState> {
    api.with(|gate, now| gate.job(now, JobId(id))).unwrap()
}

fn send(permit: Asked<'_, '_>) {
    let ok = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };
    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, Instant::ORIGIN);
    let answer = permit.settle(|gate, now, permit| {
        gate.sending(now, &permit)?;
        gate.answered(now, &permit, &ok, &mut retry, 0)
    });
    assert!(answer.unwrap().is_ok());
}

#[test]
fn a_job_waits_for_the_slot_of_the_one_before_it() {
    let clock = HandClock::default();
    let api = api(&clock);
    send(Task::new(ask(&api, 1)).poll().unwrap().unwrap().unwrap());
    let mut second = Task::started(ask(&api, 2));
    let mut third = Task::started(ask(&api, 3));
    clock.set(S(60));
    assert!(second.run().is_none(), "the request could go, the slot is taken");
    api.with(|gate, now| gate.finished(now, JobId(1), &[])).unwrap().unwrap();
    assert!(!third.is_woken());
    let permit = second.run().unwrap().unwrap().unwrap();
    assert_eq!(state(&api, 2), Some(JobState::Asked));
    // Cancelled before it was sent: everything returns, and the next one has it.
    drop(permit);
    assert_eq!(state(&api, 2), None);
    send(third.run().unwrap().unwrap().unwrap());
    assert_eq!((state(&api, 3), api.waiting()), (Some(JobState::Running), 0));
}

#[test]
fn a_job_that_is_there_already_is_told_and_does_not_wait() {
    let clock = HandClock::default();
    let api = api(&clock);
    let permit = Task::new(ask(&api, 1)).poll().unwrap().unwrap().unwrap();
    let again = Task::new(ask(&api, 1)).poll().unwrap().unwrap();
    assert_eq!(again.unwrap_err(), AskError::Known { state: JobState::Asked });
    drop(permit);
}

#[test]
fn a_cancelled_task_leaves_neither_the_line_nor_the_gate_changed() {
    let clock = HandClock::default();
    let api = api(&clock);
    let permit = Task::new(ask(&api, 1)).poll().unwrap().unwrap().unwrap();
    let abandoned = Task::started(ask(&api, 2));
    drop(abandoned);
    drop(permit);
    assert_eq!((api.waiting(), state(&api, 1), state(&api, 2)), (0, None, None));
    // Both requests, too, are there again.
    let asked = [3, 4].map(|id| api.with(|gate, now| gate.ask(now, &Request::new(JobId(id), LEASE).weighs(0))));
    assert!(asked.iter().flatten().all(Result::is_ok));
}
