//! `Dispatcher`: a queue in front of a gate. Ask it what to do next; it polls nothing.
//!
//! For a program that has more jobs than it may send. Who has none waiting asks the [`Gate`](crate::Gate) itself.
//!
//! ```text
//! submit ──> queue ──> next(now) ──┬─> Send { entry, permit } ──> gate.sending ──> answered ──> gate.finished
//!                        ^         ├─> WaitUntil(t), WaitForRelease, Empty            │
//!                        │         └─> Expired, Rejected: nothing is dropped in silence
//!                        └──────────── to be sent again ────────────────────────────┘
//! ```

use core::fmt;

use crate::any_gate::AnyGate;
use crate::backoff::Policy;
use crate::gate::{Answer, AskError, GateError, JobState, Permit, Request};
use crate::job::JobId;
use crate::limiter::Denied;
use crate::log::log;
use crate::queue::Queue;
use crate::queue_entry::{Entry, Rejected};
use crate::retry::{Outcome, Repeatable, Retry, RetryPolicy};
use crate::time::{Duration, Instant};
use crate::valid;

/// What waits in a [`Dispatcher`]: it knows what it asks the gate for.
pub trait Work {
    /// The request of the job `id`.
    fn request(&self, id: JobId) -> Request<'_>;

    /// Where the job keeps how often it was sent again, for [`Dispatcher::answered`]; `None`: it is sent once.
    ///
    /// Its [`request`](Self::request) says the same: [`repeatable`](Request::repeatable) as this is, and
    /// [`attempt`](Request::attempt) the number of retries so far.
    fn retry(&mut self) -> Option<&mut Retry> {
        None
    }
}

/// Of a job that is sent once: no retries, and of the server's block whatever the gate allows.
const ONCE: RetryPolicy = {
    let none = valid!(Policy::new(Duration::from_secs(1), Duration::from_secs(1))).with_retries(0);
    RetryPolicy { throttled: none, transient: none, spread_permille: 0, max_block: Duration::MAX }
};

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

/// What became of a job that was answered.
#[derive(Debug)]
#[must_use = "the job is in here, unless it waits again"]
pub struct Answered<T> {
    /// What the gate has decided.
    pub answer: Answer,
    /// The job. `None` after [`Answer::RetryAt`] and [`Answer::RetryOnRelease`]: it waits in the queue to be sent again.
    /// If it is here all the same, the queue had no room, or its deadline will have passed by then: it is not sent again,
    /// and what its retry took from the stock of retries has been given back.
    pub entry: Option<Entry<T>>,
}

/// An answer that says nothing about its job. It comes back.
#[derive(Debug)]
pub struct Unheard<T> {
    /// Why: [`GateError::StalePermit`] if it came too late, or is not of this job; [`GateError::Unexpected`] if nothing
    /// was sent.
    pub why: GateError,
    /// The job.
    pub entry: Entry<T>,
}

impl<T> fmt::Display for Unheard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Unheard<T> {}

/// A [`Queue`] in front of a [`Gate`](crate::Gate), or of one that keeps its jobs in a journal.
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
pub struct Dispatcher<G, T, const N: usize, const C: usize = 1> {
    /// The gate: everything that happens to a job after its permit is said here.
    pub gate: G,
    /// The queue: to look. What is taken out of it by its own verbs keeps what its retry took; see
    /// [`cancel`](Dispatcher::cancel).
    pub queue: Queue<T, N, C>,
    /// The server had no room while this much was in flight: it must be less before another job takes a slot.
    full: Option<u64>,
}

impl<G: fmt::Debug, T: fmt::Debug, const N: usize, const C: usize> fmt::Debug for Dispatcher<G, T, N, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("gate", &self.gate)
            .field("queue", &self.queue)
            .field("full", &self.full)
            .finish()
    }
}

impl<G: AnyGate, T: Work, const N: usize, const C: usize> Dispatcher<G, T, N, C> {
    /// A dispatcher of these two.
    pub const fn new(gate: G, queue: Queue<T, N, C>) -> Self {
        Self { gate, queue, full: None }
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

    /// Hears how the request of a job ended: [`Gate::answered`](crate::Gate::answered), and a job that is to be sent again waits for that at its
    /// old place. When the server had no room ([`Answer::RetryOnRelease`]), no other is sent before a job of ours has ended
    /// or its lease is over. `entropy` is any 32 random bits.
    ///
    /// # Errors
    /// [`Unheard`] with the job.
    ///
    /// # Example
    /// ```
    /// use tollgate::presets::backoffs;
    /// use tollgate::{
    ///     Answer, Dispatcher, Duration, Entry, Gate, Instant, JobId, Limits, Next, Outcome, Queue, QueuePolicy,
    ///     Repeatable, Request, Retry, Verdict, Work,
    /// };
    /// #[derive(Debug)]
    /// struct Clip(Retry);
    /// impl Work for Clip {
    ///     fn request(&self, id: JobId) -> Request<'_> {
    ///         Request::new(id, Duration::from_mins(10)).repeatable(self.0.repeatable()).attempt(self.0.retried())
    ///     }
    ///     fn retry(&mut self) -> Option<&mut Retry> {
    ///         Some(&mut self.0)
    ///     }
    /// }
    /// let s = Instant::from_secs;
    /// let gate = Gate::<_, 8, 2>::new(Limits::new(), s(0)).with_slots(3);
    /// let mut jobs = Dispatcher::new(gate, Queue::<_, 8>::new(QueuePolicy::DEFAULT));
    /// jobs.submit(s(0), Entry::new(JobId(1), Clip(Retry::new(backoffs::RETRY, Repeatable::Keyed, s(0)))))?;
    ///
    /// // "429 Too Many Requests, Retry-After: 17".
    /// let Next::Send { entry, permit } = jobs.next(s(0)) else { panic!() };
    /// jobs.gate.sending(s(0), &permit)?;
    /// let (wait, verdict) = (Some(Duration::from_secs(17)), Verdict::Soft);
    /// let refused = Outcome::Answered { status: 429, verdict, wait, should_retry: None };
    /// let heard = jobs.answered(s(1), entry, &permit, &refused, 0)?;
    /// assert_eq!(heard.answer, Answer::RetryAt(s(18)));
    ///
    /// // It waits again by itself, and the gate is closed for everybody.
    /// assert!(matches!(jobs.next(s(1)), Next::WaitUntil(at) if at == s(18)));
    /// let Next::Send { entry, permit } = jobs.next(s(18)) else { panic!() };
    /// jobs.gate.sending(s(18), &permit)?;
    /// let ok = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };
    /// let heard = jobs.answered(s(19), entry, &permit, &ok, 0)?;
    /// assert_eq!((heard.answer, heard.entry.map(|job| job.id)), (Answer::Accepted, Some(JobId(1))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answered(
        &mut self,
        now: Instant,
        mut entry: Entry<T>,
        permit: &Permit,
        outcome: &Outcome,
        entropy: u32,
    ) -> Result<Answered<T>, Unheard<T>> {
        if permit.job() != Some(entry.id) {
            return Err(Unheard { why: GateError::StalePermit, entry });
        }
        let mut once = Retry::new(ONCE, Repeatable::No, now);
        let retry = entry.payload.retry().unwrap_or(&mut once);
        let answer = match self.gate.answered(now, permit, outcome, retry, entropy) {
            Ok(answer) => answer,
            Err(why) => return Err(Unheard { why, entry }),
        };
        let at = match answer {
            Answer::RetryAt(at) => at,
            Answer::RetryOnRelease { not_before } => {
                self.hold_back(now, entry.id);
                not_before
            }
            _ => return Ok(Answered { answer, entry: Some(entry) }),
        };
        let entry = self.requeue(now, entry, at).err().map(|rejected| rejected.entry);
        Ok(Answered { answer, entry })
    }

    /// The server had no room for this job while others were in flight ([`Answer::RetryOnRelease`]): no other is sent
    /// before one of those has ended or its lease is over. [`answered`](Self::answered) does so by itself; this is for
    /// whoever has asked the gate.
    pub fn hold_back(&mut self, now: Instant, id: JobId) {
        // One that has a slot since it was sent first does not wait for another.
        if self.gate.job(now, id).is_none() {
            self.full = Some(self.gate.in_flight(now)).filter(|others| *others > 0);
        }
    }

    /// Puts a job back that is to be sent again: at its old place, and not before then. [`answered`](Self::answered) does
    /// so by itself; this is for whoever has asked the gate, or decides by himself and has told it what became of the job:
    /// [`Gate::resolved`](crate::Gate::resolved).
    ///
    /// # Errors
    /// [`Rejected`] with the job: its deadline would have passed, or the queue is full. What its retry took from the stock
    /// of retries has been given back then.
    pub fn requeue(&mut self, now: Instant, entry: Entry<T>, not_before: Instant) -> Result<(), Rejected<T>> {
        self.queue.requeue(now, entry, not_before).map_err(|rejected| {
            let entry = self.unsent(rejected.entry);
            Rejected { entry, ..rejected }
        })
    }

    /// A job that leaves the queue otherwise than to be sent: its retry is not made.
    fn unsent(&mut self, mut entry: Entry<T>) -> Entry<T> {
        if let Some(retry) = entry.payload.retry() {
            self.gate.cancel_retry(retry);
        }
        entry
    }

    /// Tells what to do next. Ask again after each answer but the two that say to wait, and `Empty`.
    pub fn next(&mut self, now: Instant) -> Next<T> {
        if let Some(entry) = self.queue.expire(now) {
            log!(warn, "job {=u64}: its deadline has passed", entry.id.0);
            return Next::Expired(self.unsent(entry));
        }
        self.full = self.full.filter(|full| self.gate.in_flight(now) >= *full);
        let mut wake = self.full.and_then(|_| self.gate.next_slot(now));
        let mut chosen = None;
        let resumed = self.resumed(now);
        let others = self.queue.candidates(now).filter(|waiting| self.full.is_none() && Some(waiting.id) != resumed);
        for waiting in resumed.and_then(|id| self.queue.get(id)).into_iter().chain(others) {
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
            Some((id, Ok(permit))) => match self.queue.take(now, id).or_else(|| self.queue.cancel(id)) {
                Some(entry) => return Next::Send { entry, permit },
                // It waited a moment ago; should it be gone, nothing is charged for it.
                None => _ = self.gate.cancel(now, permit),
            },
            Some((id, Err(why))) => {
                if let Some(entry) = self.queue.cancel(id) {
                    log!(warn, "job {=u64}: rejected: {}", id.0, why);
                    return Next::Rejected { entry: self.unsent(entry), why };
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

    /// The job to be sent again that has its slot and its money since it was sent first, if its time has come. It goes
    /// before all classes: behind one that waits for its slot it would wait for itself.
    fn resumed(&self, now: Instant) -> Option<JobId> {
        let unknown = self.gate.jobs().filter(|(_, state)| *state == JobState::Unknown);
        let waiting = unknown.filter_map(|(id, _)| self.queue.get(id));
        let ready = waiting.filter(|waiting| waiting.not_before <= now && waiting.deadline >= now);
        ready.min_by_key(|waiting| waiting.not_before).map(|waiting| waiting.id)
    }

    /// Takes a waiting job out. If it waited to be sent again, what its retry took from the stock of retries comes back.
    pub fn cancel(&mut self, id: JobId) -> Option<Entry<T>> {
        let entry = self.queue.cancel(id)?;
        Some(self.unsent(entry))
    }

    /// The next instant at which something happens by itself in the gate, or a deadline passes: see
    /// [`Gate::next_event`](crate::Gate::next_event).
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
