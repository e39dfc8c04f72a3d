//! `Dispatcher`: a queue in front of a gate. Ask it what to do next; it polls nothing.
//!
//! For a program that has more jobs than it may send. Who has none waiting asks the [`Gate`] itself.
//!
//! ```text
//! submit ──> queue ──> next(now) ──┬─> Send { entry, permit }     sending, answered, finished: to the gate
//!                        ^         ├─> WaitUntil(t), WaitForRelease, Empty
//!        requeue (retry) ┘         └─> Expired(entry), Rejected { entry, why }: nothing is dropped in silence
//! ```

use core::fmt;

use crate::gate::{AnyLimits, AskError, Gate, Permit, Request};
use crate::job::JobId;
use crate::limiter::Denied;
use crate::log::log;
use crate::queue::Queue;
use crate::queue_entry::{Entry, Rejected};
use crate::time::Instant;

/// What waits in a [`Dispatcher`]: it knows what it asks the gate for.
pub trait Work {
    /// The request of the job `id`.
    fn request(&self, id: JobId) -> Request<'_>;
}

/// What to do next.
#[derive(Debug)]
#[must_use = "a permit holds a slot, money and a request until it is sent or cancelled"]
pub enum Next<T> {
    /// Send it now.
    Send {
        /// The job.
        entry: Entry<T>,
        /// Its permit.
        permit: Permit,
    },
    /// Nothing before then, unless a job is finished or submitted.
    WaitUntil(Instant),
    /// Nothing before a job is finished, or submitted.
    WaitForRelease,
    /// Nobody waits.
    Empty,
    /// Its deadline has passed. Ask again.
    Expired(Entry<T>),
    /// It can never be sent as it is. Ask again.
    Rejected {
        /// The job.
        entry: Entry<T>,
        /// What is wrong with it.
        why: AskError,
    },
}

/// Why a job cannot wait. It comes back.
#[derive(Debug)]
pub enum SubmitError<T> {
    /// The queue does not take it: full, too late, known, or of no class.
    Queue(Rejected<T>),
    /// The gate would never take it.
    Gate {
        /// The job.
        entry: Entry<T>,
        /// What is wrong with it.
        why: AskError,
    },
}

impl<T> fmt::Display for SubmitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(rejected) => rejected.why.fmt(f),
            Self::Gate { why, .. } => why.fmt(f),
        }
    }
}

impl<T: fmt::Debug> core::error::Error for SubmitError<T> {}

/// A [`Queue`] in front of a [`Gate`].
///
/// # Example
/// Five jobs, one a second: each takes half a minute, and none waits for the one before it to end.
/// ```
/// use tollgate::{
///     Dispatcher, Duration, Entry, Gate, Instant, JobId, Limits, Next, Queue, QueuePolicy, Quota, Request, Start,
///     TokenBucket, Work, valid,
/// };
/// #[derive(Debug)]
/// struct Clip;
/// impl Work for Clip {
///     fn request(&self, id: JobId) -> Request<'_> {
///         Request::new(id, Duration::from_mins(10))
///     }
/// }
/// let s = Instant::from_secs;
/// let quota = valid!(Quota::every(Duration::from_secs(1)));
/// let gate = Gate::<_, 8, 8>::new(Limits::new().requests(TokenBucket::new(quota, Start::Full, s(0))), s(0));
/// let mut jobs = Dispatcher::new(gate.with_slots(5), Queue::<_, 16>::new(QueuePolicy::DEFAULT));
/// for id in 0..5 {
///     jobs.submit(s(0), Entry::new(JobId(id), Clip)).unwrap();
/// }
///
/// let (mut now, mut starts) = (s(0), Vec::new());
/// loop {
///     match jobs.next(now) {
///         Next::Send { permit, .. } => {
///             jobs.gate.sending(now, &permit).unwrap();
///             starts.push(now);
///         }
///         Next::WaitUntil(then) => now = then,
///         _ => break,
///     }
/// }
/// assert_eq!(starts, [s(0), s(1), s(2), s(3), s(4)]);
/// ```
pub struct Dispatcher<L: AnyLimits, T, const JOBS: usize, const CALLS: usize, const N: usize, const C: usize = 1> {
    /// The gate: everything that happens to a job after its permit is said here.
    pub gate: Gate<L, JOBS, CALLS>,
    /// The queue: to cancel, to look, to put back.
    pub queue: Queue<T, N, C>,
}

impl<L: AnyLimits, T: fmt::Debug, const JOBS: usize, const CALLS: usize, const N: usize, const C: usize> fmt::Debug
    for Dispatcher<L, T, JOBS, CALLS, N, C>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("gate", &self.gate).field("queue", &self.queue).finish()
    }
}

impl<L: AnyLimits, T: Work, const JOBS: usize, const CALLS: usize, const N: usize, const C: usize>
    Dispatcher<L, T, JOBS, CALLS, N, C>
{
    /// A dispatcher of these two.
    pub const fn new(gate: Gate<L, JOBS, CALLS>, queue: Queue<T, N, C>) -> Self {
        Self { gate, queue }
    }

    /// Lets a job wait. One whose deadline cannot be met as things stand is refused at once, and so is one that the gate
    /// would never take.
    ///
    /// # Errors
    /// [`SubmitError`]; the job comes back, and nothing has changed.
    pub fn submit(&mut self, now: Instant, entry: Entry<T>) -> Result<(), SubmitError<T>> {
        let earliest = match self.gate.earliest(now, &entry.payload.request(entry.id)) {
            Ok(at) => at,
            Err(AskError::Refused { denied: Denied::Busy, .. }) => now,
            Err(why) => return Err(SubmitError::Gate { entry, why }),
        };
        self.queue.submit(now, earliest, entry).map_err(SubmitError::Queue)
    }

    /// Puts a job back that is to be sent again, as [`Answer::RetryAt`](crate::Answer::RetryAt) and
    /// [`Answer::RetryOnRelease`](crate::Answer::RetryOnRelease) ask: at its old place, and not before then.
    ///
    /// # Errors
    /// [`Rejected`] with the job: its deadline would have passed, or the queue is full.
    pub fn requeue(&mut self, now: Instant, entry: Entry<T>, not_before: Instant) -> Result<(), Rejected<T>> {
        self.queue.requeue(now, entry, not_before)
    }

    /// Tells what to do next. Ask again after each answer but the two that say to wait, and `Empty`.
    pub fn next(&mut self, now: Instant) -> Next<T> {
        if let Some(entry) = self.queue.expire(now) {
            log!(warn, "job {=u64}: its deadline has passed", entry.id.0);
            return Next::Expired(entry);
        }
        let mut wake: Option<Instant> = None;
        let mut chosen = None;
        for waiting in self.queue.candidates(now) {
            match self.gate.ask(now, &waiting.payload.request(waiting.id)) {
                Ok(permit) => chosen = Some((waiting.id, Ok(permit))),
                Err(AskError::Refused { denied: Denied::Until(at), .. }) => {
                    wake = Some(wake.map_or(at, |wake| wake.min(at)));
                    continue;
                }
                Err(AskError::Refused { denied: Denied::Busy, .. }) => continue,
                Err(why) => chosen = Some((waiting.id, Err(why))),
            }
            break;
        }
        match chosen {
            Some((id, Ok(permit))) => match self.queue.take(now, id) {
                Some(entry) => return Next::Send { entry, permit },
                // It was a candidate a moment ago; should it be gone, nothing is charged for it.
                None => _ = self.gate.cancel(now, permit),
            },
            Some((id, Err(why))) => {
                if let Some(entry) = self.queue.cancel(id) {
                    log!(warn, "job {=u64}: rejected: {}", id.0, why);
                    return Next::Rejected { entry, why };
                }
            }
            None => {}
        }
        let later = [self.queue.next_ready(now), self.queue.next_expiry()];
        match later.into_iter().flatten().chain(wake).min() {
            Some(at) => Next::WaitUntil(at),
            None if self.queue.is_empty() => Next::Empty,
            None => Next::WaitForRelease,
        }
    }

    /// Takes a waiting job out.
    pub fn cancel(&mut self, id: JobId) -> Option<Entry<T>> {
        self.queue.cancel(id)
    }

    /// The next instant at which something happens by itself in the gate, or a deadline passes: see
    /// [`Gate::next_event`].
    ///
    /// # Example
    /// ```
    /// use tollgate::{Dispatcher, Duration, Entry, Gate, Instant, JobId, Limits, Next, Queue, QueuePolicy, Request, Work};
    /// #[derive(Debug)]
    /// struct Clip;
    /// impl Work for Clip {
    ///     fn request(&self, id: JobId) -> Request<'_> {
    ///         Request::new(id, Duration::from_mins(10))
    ///     }
    /// }
    /// let s = Instant::from_secs;
    /// let gate = Gate::<_, 8, 8>::new(Limits::new(), s(0)).with_slots(1);
    /// let mut jobs = Dispatcher::new(gate, Queue::<_, 8>::new(QueuePolicy::DEFAULT));
    /// for id in [1, 2] {
    ///     jobs.submit(s(0), Entry::new(JobId(id), Clip).deadline(s(30))).unwrap();
    /// }
    /// let Next::Send { permit, .. } = jobs.next(s(0)) else { panic!("it is free") };
    /// jobs.gate.sending(s(0), &permit).unwrap();
    ///
    /// // The second waits for the slot, and no longer than to its deadline.
    /// let at = jobs.next_event(s(0)).unwrap();
    /// assert!(at >= s(30) && at < s(31), "{at}");
    /// assert!(matches!(jobs.next(at), Next::Expired(entry) if entry.id == JobId(2)));
    /// // Then the answer to the first is due.
    /// assert_eq!(jobs.next_event(at), Some(s(120)));
    /// ```
    pub fn next_event(&self, now: Instant) -> Option<Instant> {
        let queue = [self.queue.next_ready(now), self.queue.next_expiry()].into_iter().flatten();
        queue.chain(self.gate.next_event(now)).min()
    }
}
