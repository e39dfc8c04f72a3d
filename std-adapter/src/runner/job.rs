//! `JobRequest`: what a runner has to know of a job before it runs. `JobError`, `SubmitRefusal`: why it did not.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tollgate::{
    AskError, Duration, GateError, Instant, JobId, Line, QueueError, Reason, Repeatable, Request, Retry, RetryPolicy,
    Work, presets::backoffs,
};

use super::handle::AnyCell;
use super::task::Function;

/// What a job asks for, and how it waits: for [`Runner::submit`](super::Runner::submit).
///
/// # Example
/// ```
/// use tollgate::{Duration, Repeatable};
/// use tollgate_std::JobRequest;
/// let video = JobRequest::new(Duration::from_mins(10))
///     .weighs(2)
///     .repeatable(Repeatable::Keyed)
///     .key(42) // of this user; users take turns
///     .class(1) // less urgent than class 0
///     .timeout(Duration::from_mins(30));
/// # let _ = video;
/// ```
#[derive(Clone, Debug)]
#[must_use = "it asks for nothing before it is submitted"]
pub struct JobRequest {
    pub(super) id: Option<JobId>,
    pub(super) weight: u32,
    pub(super) requests: u32,
    pub(super) estimate: Vec<Line>,
    pub(super) lease: Duration,
    pub(super) repeatable: Repeatable,
    pub(super) policy: RetryPolicy,
    pub(super) key: u32,
    pub(super) class: u8,
    pub(super) start_by: Instant,
    pub(super) timeout: Duration,
}

impl JobRequest {
    /// A job of weight 1 that costs one request and no money, of key 0 in class 0, that waits for as long as it takes.
    ///
    /// `lease` is how long it may run from its sending unless it is renewed; zero and [`Duration::MAX`] are for ever. It
    /// is sent again as [`backoffs::RETRY`] says, and not where that could run it twice.
    pub const fn new(lease: Duration) -> Self {
        Self {
            id: None,
            weight: 1,
            requests: 1,
            estimate: Vec::new(),
            lease,
            repeatable: Repeatable::No,
            policy: backoffs::RETRY,
            key: 0,
            class: 0,
            start_by: Instant::MAX,
            timeout: Duration::MAX,
        }
    }

    /// Its name. Without one the runner gives it the next number that neither its queue nor its gate knows.
    pub const fn id(mut self, id: JobId) -> Self {
        self.id = Some(id);
        self
    }

    /// It takes so many slots; zero for none.
    pub const fn weighs(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// It counts as so many requests.
    pub const fn counts(mut self, requests: u32) -> Self {
        self.requests = requests;
        self
    }

    /// It will cost about this: set aside while it runs.
    pub fn costs(mut self, estimate: impl Into<Vec<Line>>) -> Self {
        self.estimate = estimate.into();
        self
    }

    /// Whether it may be sent again while nobody knows whether it runs.
    pub const fn repeatable(mut self, repeatable: Repeatable) -> Self {
        self.repeatable = repeatable;
        self
    }

    /// How it is sent again.
    pub const fn retried(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Whose job it is: keys of one class take turns.
    pub const fn key(mut self, key: u32) -> Self {
        self.key = key;
        self
    }

    /// How urgent it is; 0 is the most urgent class.
    pub const fn class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }

    /// The last instant at which it may start. Refused at once if the limits say that it will be later, though a job that
    /// is finished before its lease is over might have made room in time.
    pub const fn start_by(mut self, deadline: Instant) -> Self {
        self.start_by = deadline;
        self
    }

    /// The time it has, from its submission to its result: waiting, running and being sent again. When it is over, a job
    /// that waits is taken out of the queue, and the future of one that runs is dropped.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// What waits in the queue of a runner.
pub(super) struct Queued {
    pub(super) spec: JobRequest,
    pub(super) retry: Retry,
    /// How often it was sent.
    pub(super) sent: u32,
    /// When its time is over.
    pub(super) ends: Instant,
    pub(super) function: Function,
    pub(super) cell: Arc<dyn AnyCell>,
}

impl Work for Box<Queued> {
    fn request(&self, id: JobId) -> Request<'_> {
        let JobRequest { weight, requests, estimate, lease, repeatable, .. } = &self.spec;
        let request = Request::new(id, *lease).weighs(*weight).counts(*requests).costs(estimate);
        request.repeatable(*repeatable).attempt(self.sent)
    }

    fn retry(&mut self) -> Option<&mut Retry> {
        Some(&mut self.retry)
    }
}

/// Why a runner does not take a job. Nothing has changed then; its function is dropped. Exhaustive.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration, Gate, Limits, QueueError, QueuePolicy};
/// use tollgate_std::{Call, JobRequest, Runner, StdClock, SubmitRefusal};
/// let clock = StdClock::default();
/// let gate = Gate::new(Limits::new(), clock.now());
/// let runner = Runner::<Limits, _, 8, 2, 1>::new(gate, QueuePolicy::DEFAULT, clock);
/// let submit = || runner.submit(JobRequest::new(Duration::from_mins(10)), |mut call: Call| async move { call.sending() });
/// let _first = submit()?;
/// assert_eq!(submit().unwrap_err(), SubmitRefusal::Queue(QueueError::Full { waiting: 1 }));
/// # Ok::<(), SubmitRefusal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitRefusal {
    /// The queue does not: full, too late, known, or of no class.
    Queue(QueueError),
    /// The gate never would.
    Gate(AskError),
    /// The runner is closed.
    Closed,
}

impl fmt::Display for SubmitRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(why) => why.fmt(f),
            Self::Gate(why) => why.fmt(f),
            Self::Closed => f.write_str("the runner is closed: expected an open one"),
        }
    }
}

impl std::error::Error for SubmitRefusal {}

/// Why there is no result of a job. What it held has been given back, or is kept by the gate until somebody knows.
///
/// # Example
/// ```
/// use tollgate::Reason;
/// use tollgate_std::JobError;
/// /// Whether a customer may be told to try again.
/// fn is_worth_another_try(why: &JobError) -> bool {
///     match why {
///         JobError::Expired | JobError::Closed | JobError::Requeue(_) => true,
///         JobError::GaveUp(reason) => !matches!(reason, Reason::Refused | Reason::MaybeRunning),
///         _ => false, // it may be running
///     }
/// }
/// assert!(is_worth_another_try(&JobError::Expired));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// The last instant at which it might start, or its time, passed while it waited.
    Expired,
    /// Its time was over while it ran. If it had been sent it may run on at the server, and the gate knows that.
    Timeout,
    /// The gate will not have it, now that it is its turn: it may be running already, or can never pass any more.
    Refused(AskError),
    /// The server refused it, and it is not sent again.
    GaveUp(Reason),
    /// It was to be sent again, and the queue would not take it back.
    Requeue(QueueError),
    /// It spoke to the gate at the wrong time, or too late: what it said did nothing.
    Gate(GateError),
    /// Its function panicked, with this.
    Panicked(Box<dyn Any + Send>),
    /// The runner was closed before it could be sent, or sent again.
    Closed,
    /// The executor dropped its task: a runtime that shuts down.
    Lost,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("its time was over before it could be sent"),
            Self::Timeout => f.write_str("its time was over while it ran"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::GaveUp(why) => write!(f, "given up: {why}"),
            Self::Requeue(why) => write!(f, "not sent again: {why}"),
            Self::Gate(why) => write!(f, "out of step with the gate: {why}"),
            Self::Panicked(_) => f.write_str("its function panicked"),
            Self::Closed => f.write_str("the runner was closed before it could be sent"),
            Self::Lost => f.write_str("its task was dropped by the executor"),
        }
    }
}

impl std::error::Error for JobError {}
