//! `Desk`: what a runner keeps under its one lock: the dispatcher, who runs, and whether it is open.

use tollgate::{
    AnyLimits, AskError, Denied, Dispatch, Dispatcher, Entry, Gate, Instant, JobId, Queue, QueueError, QueuePolicy,
    Retry,
};

use super::job::{Queued, SubmitRefusal};
use crate::gated::{Gated, sealed};
use crate::visit::No;

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    /// Nobody new; who waits is still served.
    Draining,
    /// Nobody.
    Closed,
}

pub(super) type Job = Entry<Box<Queued>>;

pub(super) struct Desk<L: AnyLimits, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> {
    pub(super) jobs: Dispatcher<Gate<L, JOBS, CALLS>, Box<Queued>, N, P>,
    pub(super) door: Door,
    /// Tasks that were started and have not ended.
    pub(super) running: usize,
    /// The next name for a job that has none.
    next: u64,
}

/// Any desk, by one name.
pub(super) trait Desks: Gated {}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Desks
    for Desk<L, JOBS, CALLS, N, P>
{
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Gated
    for Desk<L, JOBS, CALLS, N, P>
{
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> sealed::Inside
    for Desk<L, JOBS, CALLS, N, P>
{
    fn gate(&self) -> &dyn sealed::Verbs {
        &self.jobs.gate
    }
    fn gate_mut(&mut self) -> &mut dyn sealed::Verbs {
        &mut self.jobs.gate
    }
    fn hold_back(&mut self, now: Instant, id: JobId) {
        self.jobs.hold_back(now, id);
    }
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Desk<L, JOBS, CALLS, N, P> {
    pub(super) fn new(gate: Gate<L, JOBS, CALLS>, policy: QueuePolicy) -> Self {
        Self { jobs: Dispatcher::new(gate, Queue::new(policy)), door: Door::Open, running: 0, next: 1 }
    }

    /// Lets a job wait. It comes back if it may not: its drop is anybody's code.
    pub(super) fn submit(&mut self, now: Instant, mut job: Box<Queued>) -> Result<JobId, (Job, SubmitRefusal)> {
        let (id, next) = job.spec.id.map_or_else(|| self.name(now), |id| (id, self.next));
        job.ends = now.saturating_add(job.spec.timeout);
        let (key, class, start_by, ends) = (job.spec.key, job.spec.class, job.spec.start_by, job.ends);
        let entry = Entry::new(id, job).key(key).class(class).deadline(start_by.min(ends));
        if self.door != Door::Open {
            return Err((entry, SubmitRefusal::Closed));
        }
        let request = tollgate::Work::request(&entry.payload, id);
        let earliest = match self.jobs.gate.earliest(now, &request) {
            Ok(at) => at,
            Err(AskError::Refused { denied: Denied::Busy, .. }) => now,
            Err(why) => return Err((entry, SubmitRefusal::Gate(why))),
        };
        // A timeout is a limit of patience, and a lease that is to end only after it may end sooner.
        if earliest > start_by {
            return Err((entry, SubmitRefusal::Queue(QueueError::TooLate { deadline: start_by, earliest })));
        }
        match self.jobs.queue.submit(now, now, entry) {
            Ok(()) => {
                self.next = next;
                Ok(id)
            }
            Err(rejected) => Err((rejected.entry, SubmitRefusal::Queue(rejected.why))),
        }
    }

    /// The next number that nobody knows, and the one behind it.
    fn name(&self, now: Instant) -> (JobId, u64) {
        let mut next = self.next;
        // One more than there can be known ones.
        for _ in 0..=N.saturating_add(JOBS) {
            let id = JobId(next);
            next = next.checked_add(1).unwrap_or(1);
            if self.jobs.queue.get(id).is_none() && self.jobs.gate.job(now, id).is_none() {
                return (id, next);
            }
        }
        (JobId(next), next)
    }

    /// What a runner is to do; `None` when there is nothing more to do for ever.
    pub(super) fn take(&mut self, now: Instant, turn: bool) -> Result<Option<Dispatch<Box<Queued>>>, No> {
        if !turn {
            return Err(No::Denied(Denied::Busy));
        }
        if self.is_idle() {
            return Ok(None);
        }
        let next = self.jobs.dispatch(now).map_err(No::Perhaps)?;
        self.running += usize::from(matches!(next, Dispatch::Send { .. }));
        Ok(Some(next))
    }

    /// A task has ended, and with it its job; `unsent` is the retry that it was to make and has not sent.
    pub(super) fn ended(&mut self, unsent: Option<&mut Retry>) {
        self.running = self.running.saturating_sub(1);
        if let Some(retry) = unsent {
            self.jobs.gate.cancel_retry(retry);
        }
    }

    /// A task has ended, and its job is to be sent again. It comes back with the reason if it cannot.
    pub(super) fn again(&mut self, now: Instant, mut job: Job, not_before: Instant) -> Result<(), (Job, Refused)> {
        let refused = match self.door {
            _ if job.payload.cell.is_cancelled() => Some(Refused::Cancelled),
            Door::Closed => Some(Refused::Closed),
            Door::Open | Door::Draining => None,
        };
        if let Some(why) = refused {
            self.ended(Some(&mut job.payload.retry));
            return Err((job, why));
        }
        self.ended(None);
        let deadline = job.payload.ends;
        let again = self.jobs.requeue(now, job.deadline(deadline), not_before);
        again.map_err(|rejected| (rejected.entry, Refused::Queue(rejected.why)))
    }

    /// Takes out a job that was cancelled while it waited.
    pub(super) fn withdraw(&mut self, id: JobId) -> Option<Job> {
        self.jobs.queue.get(id).filter(|waiting| waiting.payload.cell.is_cancelled())?;
        self.jobs.cancel(id)
    }

    /// Closes, and takes out one that waits; to be called until it says `None`.
    pub(super) fn turn_away(&mut self) -> Option<Job> {
        self.door = Door::Closed;
        let first = self.jobs.queue.jobs().next()?;
        self.jobs.cancel(first)
    }

    /// Whether everything is done and nothing more can come.
    pub(super) fn is_idle(&self) -> bool {
        self.door != Door::Open && self.running == 0 && self.jobs.queue.is_empty()
    }
}

/// Why a job does not go back into the queue.
pub(super) enum Refused {
    Cancelled,
    Closed,
    Queue(QueueError),
}
