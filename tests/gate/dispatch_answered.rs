//! What a dispatcher does with an answer: back into the queue by itself, and nothing waits for itself.

use tollgate::{
    Answer, Dispatcher, Duration, Entry, Fate, Gate, GateError, Instant, JobId, JobState, Limits, Next, Outcome,
    Permit, Queue, QueuePolicy, Reason, Repeatable, Request, Retry, Unheard, Verdict, Work,
};

use crate::support::{BLIND, BROKEN, LEASE, OK, PATIENCE, S, answer, retry};

/// The longest jitter.
const DICE: u32 = u32::MAX;
const FULL: Outcome = answer(429, Verdict::Concurrency);

/// A job with its retries; without any it is sent once.
#[derive(Debug)]
struct Clip(Option<Retry>);

impl Work for Clip {
    fn request(&self, id: JobId) -> Request<'_> {
        let request = Request::new(id, LEASE);
        match &self.0 {
            Some(retry) => request.repeatable(retry.repeatable()).attempt(retry.retried()),
            None => request,
        }
    }

    fn retry(&mut self) -> Option<&mut Retry> {
        self.0.as_mut()
    }
}

type Jobs = Dispatcher<Gate<Limits, 8, 8>, Clip, 4, 2>;

fn jobs(slots: u32) -> Jobs {
    let gate = Gate::new(Limits::new(), S(0)).with_slots(slots).with_patience(PATIENCE);
    Dispatcher::new(gate, Queue::new(QueuePolicy::DEFAULT))
}

fn keyed(id: u64) -> Entry<Clip> {
    Entry::new(JobId(id), Clip(Some(retry(Repeatable::Keyed))))
}

/// The next one is this, and it is sent.
#[track_caller]
fn send(jobs: &mut Jobs, now: Instant, id: u64) -> (Entry<Clip>, Permit) {
    let next = jobs.next(now);
    let Next::Send { entry, permit } = next else { panic!("{next:?}") };
    assert_eq!(entry.id, JobId(id));
    jobs.gate.sending(now, &permit).unwrap();
    (entry, permit)
}

#[test]
fn what_is_to_be_sent_again_waits_by_itself_and_goes_at_its_time() {
    let mut jobs = jobs(2);
    jobs.submit(S(0), keyed(1)).unwrap();
    let (entry, permit) = send(&mut jobs, S(0), 1);
    let heard = jobs.answered(S(1), entry, &permit, &BLIND, DICE).unwrap();
    let Answer::RetryAt(at) = heard.answer else { panic!("{heard:?}") };
    assert!(heard.entry.is_none() && at > S(1), "{heard:?}");
    assert!(matches!(jobs.next(S(1)), Next::WaitUntil(then) if then == at));
    let (entry, permit) = send(&mut jobs, at, 1);
    assert_eq!(entry.payload.0.as_ref().map(Retry::retried), Some(1));
    let heard = jobs.answered(at, entry, &permit, &OK, DICE).unwrap();
    assert_eq!((heard.answer, heard.entry.map(|entry| entry.id)), (Answer::Accepted, Some(JobId(1))));
}

/// A program that decides by itself says what became of the job to the gate, and puts it back where it is to go again.
#[test]
fn a_program_that_decides_by_itself_says_what_became_of_a_job_and_puts_it_back() {
    let mut jobs = jobs(1);
    for id in [1, 2] {
        jobs.submit(S(0), Entry::new(JobId(id), Clip(None))).unwrap();
    }
    let (first, permit) = send(&mut jobs, S(0), 1);
    jobs.gate.resolved(S(1), &permit, Fate::Refused).unwrap();
    jobs.requeue(S(1), first, S(5)).unwrap();
    let (_, second) = send(&mut jobs, S(1), 2);
    jobs.gate.resolved(S(2), &second, Fate::Runs).unwrap();
    assert!(!matches!(jobs.next(S(6)), Next::Send { .. }), "the slot is taken");
    jobs.gate.finished(S(7), JobId(2), &[]).unwrap();
    let (_, again) = send(&mut jobs, S(7), 1);
    jobs.gate.resolved(S(8), &again, Fate::Runs).unwrap();
    assert_eq!(jobs.gate.job(S(8), JobId(1)), Some(JobState::Running));
}

#[test]
fn a_job_without_retries_is_sent_once_and_comes_back() {
    let mut jobs = jobs(2);
    for (id, outcome, reason) in [(1, BLIND, Reason::Retries), (2, BROKEN, Reason::MaybeRunning)] {
        jobs.submit(S(0), Entry::new(JobId(id), Clip(None))).unwrap();
        let (entry, permit) = send(&mut jobs, S(0), id);
        let heard = jobs.answered(S(1), entry, &permit, &outcome, DICE).unwrap();
        assert_eq!(heard.answer, Answer::GiveUp(reason));
        assert_eq!(heard.entry.map(|entry| entry.id), Some(JobId(id)));
    }
}

#[test]
fn a_job_that_the_queue_does_not_take_back_is_not_lost() {
    let mut jobs = jobs(2);
    jobs.submit(S(0), keyed(1).deadline(S(1))).unwrap();
    let (entry, permit) = send(&mut jobs, S(0), 1);
    let wait = Some(Duration::from_secs(9));
    let soft = Outcome::Answered { status: 429, verdict: Verdict::Soft, wait, should_retry: None };
    let heard = jobs.answered(S(1), entry, &permit, &soft, DICE).unwrap();
    assert_eq!(
        (heard.answer, heard.entry.map(|entry| entry.id)),
        (Answer::RetryAt(Instant::from_millis(11_800)), Some(JobId(1)))
    );
    assert_eq!(jobs.gate.job(S(1), JobId(1)), None, "the server refused it: it holds nothing");
}

#[test]
fn an_answer_that_is_not_heard_gives_the_job_back() {
    let mut jobs = jobs(2);
    for id in [1, 2] {
        jobs.submit(S(0), keyed(id)).unwrap();
    }
    let (first, one) = send(&mut jobs, S(0), 1);
    let (second, two) = send(&mut jobs, S(0), 2);
    // Of another job, and too late.
    let Unheard { why, entry: first } = jobs.answered(S(1), first, &two, &OK, DICE).unwrap_err();
    assert_eq!((why, first.id), (GateError::StalePermit, JobId(1)));
    let Unheard { why, entry } = jobs.answered(S(60), first, &one, &OK, DICE).unwrap_err();
    assert_eq!((why, entry.id), (GateError::StalePermit, JobId(1)));
    assert_eq!(jobs.gate.job(S(60), JobId(1)), Some(JobState::Unknown));
    assert!(jobs.answered(S(59), second, &two, &OK, DICE).is_ok());
}

#[test]
fn nobody_else_is_sent_to_a_full_server_before_a_job_has_ended() {
    let mut jobs = jobs(8);
    jobs.submit(S(0), keyed(1)).unwrap();
    let (entry, permit) = send(&mut jobs, S(0), 1);
    let _ = jobs.answered(S(0), entry, &permit, &OK, DICE).unwrap();
    jobs.submit(S(0), keyed(2)).unwrap();
    let (entry, permit) = send(&mut jobs, S(0), 2);
    let heard = jobs.answered(S(0), entry, &permit, &FULL, DICE).unwrap();
    let Answer::RetryOnRelease { not_before } = heard.answer else { panic!("{heard:?}") };
    assert!(heard.entry.is_none());
    // A newcomer is not sent either, and the lease of the first is the latest that a release can come.
    jobs.submit(S(0), keyed(3)).unwrap();
    assert!(matches!(jobs.next(S(0)), Next::WaitUntil(at) if at == not_before));
    for now in [not_before, S(599)] {
        assert!(matches!(jobs.next(now), Next::WaitUntil(at) if at == S(600)), "{now}");
    }
    jobs.gate.finished(S(599), JobId(1), &[]).unwrap();
    let _ = send(&mut jobs, S(599), 2);
    let _ = send(&mut jobs, S(599), 3);
}

#[test]
fn a_server_that_is_full_of_strangers_is_asked_again_at_the_time_alone() {
    let mut jobs = jobs(8);
    jobs.submit(S(0), keyed(1)).unwrap();
    let (entry, permit) = send(&mut jobs, S(0), 1);
    let heard = jobs.answered(S(0), entry, &permit, &FULL, DICE).unwrap();
    let Answer::RetryOnRelease { not_before } = heard.answer else { panic!("{heard:?}") };
    assert!(matches!(jobs.next(S(0)), Next::WaitUntil(at) if at == not_before));
    let _ = send(&mut jobs, not_before, 1);
}

#[test]
fn a_job_that_has_its_slot_is_not_sent_behind_one_that_waits_for_it() {
    let mut jobs = jobs(1);
    jobs.submit(S(0), keyed(1).class(1)).unwrap();
    let (entry, permit) = send(&mut jobs, S(0), 1);
    let heard = jobs.answered(S(1), entry, &permit, &BROKEN, DICE).unwrap();
    let Answer::RetryAt(at) = heard.answer else { panic!("{heard:?}") };
    // More urgent, and it waits for the slot of the first.
    jobs.submit(S(1), keyed(2)).unwrap();
    assert!(matches!(jobs.next(S(1)), Next::WaitUntil(then) if then <= at));
    let (entry, permit) = send(&mut jobs, at, 1);
    // Full or not, it does not wait for its own slot.
    let heard = jobs.answered(at, entry, &permit, &FULL, DICE).unwrap();
    let Answer::RetryOnRelease { not_before } = heard.answer else { panic!("{heard:?}") };
    let (entry, permit) = send(&mut jobs, not_before, 1);
    let heard = jobs.answered(not_before, entry, &permit, &OK, DICE).unwrap();
    assert_eq!(heard.answer, Answer::Accepted);
    jobs.gate.finished(not_before, JobId(1), &[]).unwrap();
    let _ = send(&mut jobs, not_before, 2);
}
