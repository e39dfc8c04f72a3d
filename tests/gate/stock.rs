//! The stock of retries of a dispatcher: whatever is not sent again gives back what it took, and only that.

use tollgate::{
    Answer, Dispatcher, Duration, Entry, Gate, Instant, JobId, Limits, Next, Outcome, Queue, QueuePolicy, QuotaCosts,
    Repeatable, Request, Restraint, Retry, RetryQuota, Verdict, Work,
};

use crate::support::{BLIND, BROKEN, LEASE, OK, PATIENCE, S, answer, retry};

/// "429 Too Many Requests, Retry-After: 20".
const IN_20_S: Outcome =
    Outcome::Answered { status: 429, verdict: Verdict::Soft, wait: Some(Duration::from_secs(20)), should_retry: None };

#[derive(Debug)]
struct Clip(Retry);

impl Work for Clip {
    fn request(&self, id: JobId) -> Request<'_> {
        Request::new(id, LEASE).repeatable(self.0.repeatable()).attempt(self.0.retried())
    }

    fn retry(&mut self) -> Option<&mut Retry> {
        Some(&mut self.0)
    }
}

type Upstream = Limits<(), (), (), (), Restraint>;
type Jobs = Dispatcher<Gate<Upstream, 4, 4>, Clip, 2, 1>;

/// 500 retries in stock, two places in the queue.
fn jobs() -> Jobs {
    let restraint = Restraint { quota: Some(RetryQuota::new(QuotaCosts::AWS)), ..Restraint::default() };
    let gate = Gate::new(Limits::new().restraint(restraint), S(0)).with_slots(2).with_patience(PATIENCE);
    Dispatcher::new(gate, Queue::new(QueuePolicy { room_for_returns: 0, ..QueuePolicy::DEFAULT }))
}

fn left(jobs: &Jobs) -> u32 {
    jobs.gate.limits().restraint.quota.as_ref().map_or(0, RetryQuota::left)
}

/// Submits it, sends it and hears this.
fn sent(jobs: &mut Jobs, now: Instant, entry: Entry<Clip>, outcome: &Outcome) -> (Answer, Option<Entry<Clip>>) {
    jobs.submit(now, entry).unwrap();
    let Next::Send { entry, permit } = jobs.next(now) else { panic!("it is free") };
    jobs.gate.sending(now, &permit).unwrap();
    let heard = jobs.answered(now, entry, &permit, outcome, 0).unwrap();
    (heard.answer, heard.entry)
}

fn clip(id: u64) -> Entry<Clip> {
    Entry::new(JobId(id), Clip(retry(Repeatable::Keyed)))
}

#[test]
fn a_job_that_waits_to_be_sent_again_and_is_cancelled_gives_its_retry_back() {
    for (outcome, cost) in [(BLIND, 5), (BROKEN, 14), (answer(429, Verdict::Concurrency), 5)] {
        let mut jobs = jobs();
        assert!(sent(&mut jobs, S(0), clip(1), &outcome).1.is_none());
        assert_eq!(left(&jobs), 500 - cost);
        let job = jobs.cancel(JobId(1)).unwrap();
        assert_eq!((left(&jobs), job.payload.0.taken()), (500, None));
        assert!(jobs.cancel(JobId(1)).is_none());
    }
    // One that has not been sent yet has taken nothing.
    let mut jobs = jobs();
    jobs.submit(S(0), clip(1)).unwrap();
    assert!(jobs.cancel(JobId(1)).is_some());
    assert_eq!(left(&jobs), 500);
}

#[test]
fn a_job_that_expires_while_it_waits_to_be_sent_again_gives_its_retry_back() {
    let mut jobs = jobs();
    assert!(sent(&mut jobs, S(0), clip(1).deadline(S(30)), &IN_20_S).1.is_none());
    assert_eq!(left(&jobs), 495);
    assert!(matches!(jobs.next(S(31)), Next::Expired(job) if job.payload.0.taken().is_none()));
    assert_eq!(left(&jobs), 500);
}

#[test]
fn a_job_for_which_the_queue_has_no_room_any_more_gives_its_retry_back() {
    // Its deadline will have passed by then.
    let mut jobs = jobs();
    let (answer, entry) = sent(&mut jobs, S(0), clip(1).deadline(S(10)), &IN_20_S);
    assert!(matches!(answer, Answer::RetryAt(at) if at >= S(20)) && entry.is_some());
    assert_eq!(left(&jobs), 500);
}

#[test]
fn a_job_that_can_never_be_sent_again_gives_its_retry_back() {
    let mut jobs = jobs();
    assert!(sent(&mut jobs, S(0), clip(1), &BLIND).1.is_none());
    assert_eq!(left(&jobs), 495);
    // The owner leaves no slot.
    jobs.gate.set_slots(0);
    assert!(matches!(jobs.next(S(100)), Next::Rejected { .. }));
    assert_eq!(left(&jobs), 500);
}

#[test]
fn a_retry_that_was_sent_is_spent_unless_it_succeeds() {
    for (outcome, now_left) in [(OK, 500), (answer(400, Verdict::Clear), 495), (BROKEN, 481)] {
        let mut jobs = jobs();
        assert!(sent(&mut jobs, S(0), clip(1), &BLIND).1.is_none());
        let Next::Send { entry, permit } = jobs.next(S(100)) else { panic!("its time has come") };
        jobs.gate.sending(S(100), &permit).unwrap();
        let entry = jobs.answered(S(100), entry, &permit, &outcome, 0).unwrap().entry;
        assert_eq!(left(&jobs), now_left, "{outcome:?}");
        if let Some(mut job) = entry {
            // It is over: there is nothing to cancel.
            jobs.gate.cancel_retry(&mut job.payload.0);
            assert_eq!(left(&jobs), now_left, "{outcome:?}");
        }
    }
}
