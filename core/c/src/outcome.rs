//! How a request ended, and what is to be done: outcomes in, answers out.

use tollgate::{
    Answer, Duration, Failure, Fate, Instant, Outcome, Reason, Repeatable, Retry, RetryPolicy, Verdict,
    presets::backoffs,
};

use crate::call::{flag, given, plain};
use crate::handle::{self, handle};
use crate::status::tollgate_status;

/// Words of 64 bits in a `tollgate_retry`.
pub const TOLLGATE_RETRY_WORDS: usize = 25;

/// One call and its attempts. In the caller's storage, which stays where it is from `tollgate_retry_init` on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_retry {
    opaque: [u64; TOLLGATE_RETRY_WORDS],
}
handle!(tollgate_retry, 7, Retry);

/// Whether a request may be carried out twice.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_repeatable {
    /// No: a POST that starts a job, and bills it.
    No = 0,
    /// Its method is idempotent: GET, HEAD, PUT, DELETE.
    Idempotent = 1,
    /// It carries an idempotency key, the same for every attempt.
    Keyed = 2,
}

pub(crate) fn repeatable(value: u32) -> Result<Repeatable, tollgate_status> {
    match value {
        0 => Ok(Repeatable::No),
        1 => Ok(Repeatable::Idempotent),
        2 => Ok(Repeatable::Keyed),
        _ => Err(tollgate_status::ErrorValue),
    }
}

/// Why there was no answer.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_failure {
    /// There was one.
    None = 0,
    /// Nothing was sent: no address, no connection.
    NotSent = 1,
    /// It was sent and certainly not carried out: HTTP/2 `REFUSED_STREAM`.
    NotProcessed = 2,
    /// It broke off after sending, or timed out: nobody knows.
    Broken = 3,
    /// A bad certificate, or cancelled by the caller: no use in trying.
    Final = 4,
}

/// What a response means for whoever sends requests.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_verdict {
    /// As the status says: 429 is a refusal for the rate, 503 and 529 are an overload, all others say nothing.
    ByStatus = 0,
    /// No limit was hit.
    Clear = 1,
    /// Too fast, and the server said how long to wait.
    Soft = 2,
    /// Too fast, and the server did not say how long to wait.
    Blind = 3,
    /// Too many at the same time: one must end first.
    Concurrency = 4,
    /// Paid for, entitled to or allowed no more: a wait will not help.
    HardQuota = 5,
    /// The server has more than it can do.
    Overloaded = 6,
}

/// How a request ended. All zero but `status` is what a plain response says.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_outcome {
    /// How long the server asked to stay back, in microseconds; 0 if it did not, unless `at_once` is 1.
    pub wait_us: u64,
    /// One of `tollgate_failure`. If it is not `TOLLGATE_FAILURE_NONE`, nothing else counts.
    pub failure: u32,
    /// One of `tollgate_verdict`.
    pub verdict: u32,
    /// 1 if the server said to retry, -1 if it said not to, 0 if it said neither.
    pub should_retry: i32,
    /// 1 if the server said in so many words that there is nothing to wait for.
    pub at_once: u32,
    /// The HTTP status, at least 100.
    pub status: u16,
}

impl TryFrom<tollgate_outcome> for Outcome {
    type Error = tollgate_status;

    fn try_from(outcome: tollgate_outcome) -> Result<Self, tollgate_status> {
        let failure = match outcome.failure {
            0 => None,
            1 => Some(Failure::NotSent),
            2 => Some(Failure::NotProcessed),
            3 => Some(Failure::Broken),
            4 => Some(Failure::Final),
            _ => return Err(tollgate_status::ErrorValue),
        };
        if let Some(failure) = failure {
            return Ok(Self::Failed(failure));
        }
        let named = flag(outcome.at_once)? || outcome.wait_us > 0;
        let wait = named.then_some(Duration::from_micros(outcome.wait_us));
        let verdict = match (outcome.verdict, outcome.status) {
            (0, 429) if wait.is_some() => Verdict::Soft,
            (0, 429) | (3, _) => Verdict::Blind,
            (0, 503 | 529) | (6, _) => Verdict::Overloaded,
            (0 | 1, _) => Verdict::Clear,
            (2, _) => Verdict::Soft,
            (4, _) => Verdict::Concurrency,
            (5, _) => Verdict::HardQuota,
            _ => return Err(tollgate_status::ErrorValue),
        };
        let should_retry = match outcome.should_retry {
            0 => None,
            1 => Some(true),
            -1 => Some(false),
            _ => return Err(tollgate_status::ErrorValue),
        };
        if outcome.status < 100 {
            return Err(tollgate_status::ErrorValue);
        }
        Ok(Self::Answered { status: outcome.status, verdict, wait, should_retry })
    }
}

/// What has become of a request that was sent, for `tollgate_gate_resolved`. Zero is what is safe to believe.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_fate {
    /// It broke off: nobody knows whether the job runs.
    Unknown = 0,
    /// The server has accepted it: the job runs, and keeps slot and money.
    Runs = 1,
    /// The server has refused it: the job is free, and the request counts.
    Refused = 2,
    /// It has not reached the server after all: everything returns.
    NotSent = 3,
}

pub(crate) fn fate(value: u32) -> Result<Fate, tollgate_status> {
    match value {
        0 => Ok(Fate::Unknown),
        1 => Ok(Fate::Runs),
        2 => Ok(Fate::Refused),
        3 => Ok(Fate::NotSent),
        _ => Err(tollgate_status::ErrorValue),
    }
}

/// What becomes of a request and its job.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_verb {
    /// The job runs: slot and money stay until it is finished.
    Accepted = 0,
    /// The answer is final, and no job runs because of it: what it held is free.
    Done = 1,
    /// The job was finished before its answer came.
    Finished = 2,
    /// Ask again at `at_us`.
    RetryAt = 3,
    /// Ask again when a job has ended, but not before `at_us`.
    RetryOnRelease = 4,
    /// It should be sent again, but not by us: see `reason`.
    GiveUp = 5,
}

/// Why a call is not sent again.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_reason {
    /// It is, or it is over.
    None = 0,
    /// A wait will not help: billing, entitlement, or the server said so.
    Refused = 1,
    /// It may have been carried out, and must not be twice. The job keeps slot and money until somebody knows.
    MaybeRunning = 2,
    /// All retries are used.
    Retries = 3,
    /// The wait would end after the deadline.
    Deadline = 4,
    /// The server asks for more than we wait; it says that it is free again at `at_us`.
    TooLong = 5,
    /// So many calls failed lately that retrying would make it worse.
    Quota = 6,
}

/// What to do now.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_answer {
    /// When, in microseconds of the caller's clock; 0 if it says nothing.
    pub at_us: u64,
    /// One of `tollgate_verb`.
    pub verb: u32,
    /// One of `tollgate_reason`.
    pub reason: u32,
}

impl From<Answer> for tollgate_answer {
    fn from(answer: Answer) -> Self {
        let of = |verb: tollgate_verb, at: Instant| Self { at_us: at.as_micros(), verb: verb as u32, reason: 0 };
        let never = Instant::ORIGIN;
        match answer {
            Answer::Accepted => of(tollgate_verb::Accepted, never),
            Answer::Done => of(tollgate_verb::Done, never),
            Answer::Finished => of(tollgate_verb::Finished, never),
            Answer::RetryAt(at) => of(tollgate_verb::RetryAt, at),
            Answer::RetryOnRelease { not_before } => of(tollgate_verb::RetryOnRelease, not_before),
            Answer::GiveUp(reason) => {
                let (reason, at) = match reason {
                    Reason::Refused => (tollgate_reason::Refused, never),
                    Reason::MaybeRunning => (tollgate_reason::MaybeRunning, never),
                    Reason::Retries => (tollgate_reason::Retries, never),
                    Reason::Deadline => (tollgate_reason::Deadline, never),
                    Reason::TooLong { until } => (tollgate_reason::TooLong, until),
                    Reason::Quota => (tollgate_reason::Quota, never),
                };
                Self { reason: reason as u32, ..of(tollgate_verb::GiveUp, at) }
            }
        }
    }
}

/// How a call is retried: full jitter from 1 s to 60 s after a refusal that named no delay, from 100 ms to 20 s after an
/// error, a fifth of spread on what a server says, at most ten minutes of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_retry_config {
    /// No sleep ends later than this after the start, in microseconds; 0 for no such end.
    pub deadline_us: u64,
    /// The longest wait that a server can impose, in microseconds; 0 for ten minutes.
    pub max_block_us: u64,
    /// How often to send again at most; 0 for never.
    pub retries: u32,
    /// One of `tollgate_repeatable`.
    pub repeatable: u32,
}

/// Makes a call in `retry`, whatever was there, that starts now.
///
/// Errors: `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_retry_init(
    retry: *mut tollgate_retry,
    config: *const tollgate_retry_config,
    now_us: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let config = given(config)?;
            let usual = backoffs::RETRY;
            let or = |micros: u64, usual: Duration| if micros == 0 { usual } else { Duration::from_micros(micros) };
            let deadline = or(config.deadline_us, Duration::MAX);
            let policy = RetryPolicy {
                throttled: usual.throttled.with_retries(config.retries).with_deadline(deadline),
                transient: usual.transient.with_retries(config.retries).with_deadline(deadline),
                max_block: or(config.max_block_us, usual.max_block),
                ..usual
            };
            let made = Retry::new(policy, repeatable(config.repeatable)?, Instant::from_micros(now_us));
            Ok(handle::put(retry, made)?)
        })
    }
}
