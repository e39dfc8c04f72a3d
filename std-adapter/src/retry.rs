//! Calls that are sent again where that may help: what answers mean, why a call ended, and the blocking driver.
//!
//! For tasks see [`Upstream::call_async`]; the decisions are those of [`tollgate::Retry`].

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Waker;
use std::{error, fmt, time};

use tollgate::{Clock, Decision, Instant, Outcome, Reason, Repeatable};

use crate::call::{Call, Step};
use crate::line::{Naps, Parker};
use crate::upstream::Upstream;

/// Reads the answers of an upstream: what a success, a refusal or an error of *your* HTTP stack means.
///
/// A function or a closure `Fn(&Result<T, E>) -> Outcome` is one; write the type of a closure's argument out. Implement it
/// for a type of your own to read answers of several types. What a server answers is what counts, never the text of an
/// error: source document 000 retried everything whose message contained "rate", as in "gene*rate*".
///
/// # Example
/// With the feature `http`, for any stack on the crate of that name; errors are yours to tell apart:
/// ```
/// # #[cfg(feature = "http")] {
/// use tollgate::headers::FeedbackReader;
/// use tollgate::{Failure, Outcome};
/// fn read<T>(answer: &Result<http::Response<T>, std::io::Error>) -> Outcome {
///     let Ok(response) = answer else { return Outcome::Failed(Failure::Broken) };
///     let mut reader = FeedbackReader::new();
///     tollgate_std::http::feed(&mut reader, response.headers());
///     Outcome::from(&reader.finish(response.status().as_u16(), None))
/// }
/// # let refused = http::Response::builder().status(429).header("Retry-After", "17").body(()).unwrap();
/// # let wait = Some(tollgate::Duration::from_secs(17));
/// # assert!(matches!(read(&Ok(refused)), Outcome::Answered { status: 429, wait: told, .. } if told == wait));
/// # }
/// ```
/// By hand, for a server that says in seconds how long to wait:
/// ```
/// use std::io;
/// use tollgate::{Duration, Failure, Outcome, Verdict};
/// struct Reply { status: u16, retry_after: Option<u64> }
///
/// fn read(answer: &Result<Reply, io::Error>) -> Outcome {
///     match answer {
///         Ok(reply) => Outcome::Answered {
///             status: reply.status,
///             verdict: match (reply.status, reply.retry_after) {
///                 (429, Some(_)) => Verdict::Soft,
///                 (429, None) => Verdict::Blind,
///                 (503, _) => Verdict::Overloaded,
///                 _ => Verdict::Clear,
///             },
///             wait: reply.retry_after.map(Duration::from_secs),
///             should_retry: None,
///         },
///         Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Outcome::Failed(Failure::NotSent),
///         Err(_) => Outcome::Failed(Failure::Broken),
///     }
/// }
/// # let reply = Reply { status: 429, retry_after: Some(17) };
/// # assert!(matches!(read(&Ok(reply)), Outcome::Answered { verdict: Verdict::Soft, .. }));
/// ```
pub trait Classify<T, E> {
    /// How this attempt ended.
    fn classify(&self, answer: &Result<T, E>) -> Outcome;
}

impl<T, E, F: Fn(&Result<T, E>) -> Outcome> Classify<T, E> for F {
    fn classify(&self, answer: &Result<T, E>) -> Outcome {
        self(answer)
    }
}

/// Why a call came to nothing, with the last answer there was. Exhaustive.
///
/// An answer that is final is returned as it came: `Ok`, even with status 404, or [`CallError::Final`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError<T, E> {
    /// The error is final: sending again would not help.
    Final(E),
    /// It should be sent again, but not by us.
    GaveUp {
        /// Why not.
        reason: Reason,
        /// The last answer: a refusal or an error.
        last: Result<T, E>,
    },
    /// Nothing was sent: the upstream is closed for longer than the deadline.
    Closed {
        /// When it could have been sent, as things stood.
        until: Instant,
    },
    /// The wait was cancelled.
    Cancelled {
        /// The last answer, if anything was sent.
        last: Option<Result<T, E>>,
    },
}

impl<T, E> CallError<T, E> {
    /// The last answer, if anything was sent.
    pub fn into_last(self) -> Option<Result<T, E>> {
        match self {
            Self::Final(error) => Some(Err(error)),
            Self::GaveUp { last, .. } => Some(last),
            Self::Cancelled { last } => last,
            Self::Closed { .. } => None,
        }
    }

    /// The error of the last attempt, if it was one.
    pub const fn error(&self) -> Option<&E> {
        match self {
            Self::Final(error) | Self::GaveUp { last: Err(error), .. } | Self::Cancelled { last: Some(Err(error)) } => {
                Some(error)
            }
            _ => None,
        }
    }
}

impl<T, E> fmt::Display for CallError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Final(_) => f.write_str("failed for good"),
            Self::GaveUp { reason, .. } => write!(f, "gave up: {reason}"),
            Self::Closed { until } => write!(f, "not sent: closed until {until}, after the deadline"),
            Self::Cancelled { .. } => f.write_str("cancelled while waiting to send"),
        }
    }
}

impl<T: fmt::Debug, E: error::Error + 'static> error::Error for CallError<T, E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.error().map(|error| error as _)
    }
}

/// Wakes one thread that sleeps between attempts, before its time: a job ended, or the call was cancelled.
#[derive(Debug)]
pub struct Alarm(Arc<Parker>);

impl Alarm {
    /// Sleeps for at most `span` of real time, or until it rings; one that rang before the sleep counts.
    pub fn sleep(&self, span: time::Duration) {
        self.0.park(Some(span));
    }
}

/// Longer naps than this say nothing: the clock is looked at again.
const LONGEST_NAP: time::Duration = time::Duration::from_hours(24);

/// The naps between two attempts.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    naps: Naps,
    last: Option<Instant>,
}

impl Rest {
    /// How long to sleep from `now` to `until`; not a moment too long, unless the clock stands still.
    pub(crate) fn nap(&mut self, now: Instant, until: Instant) -> time::Duration {
        if let Some(last) = self.last.replace(now) {
            self.naps.slept(now > last);
        }
        self.naps.span(now, until).map_or(LONGEST_NAP, |span| span.min(LONGEST_NAP))
    }
}

/// How a call ends that may not be sent any more.
pub(crate) fn late<T, E>(until: Instant, last: Option<Result<T, E>>) -> CallError<T, E> {
    last.map_or(CallError::Closed { until }, |last| CallError::GaveUp { reason: Reason::Deadline, last })
}

/// How a call ends with this answer; or it goes on, and keeps the answer until the next one.
pub(crate) fn conclude<T, E>(
    decision: Decision,
    answer: Result<T, E>,
) -> ControlFlow<Result<T, CallError<T, E>>, Result<T, E>> {
    match decision {
        Decision::Done => ControlFlow::Break(answer.map_err(CallError::Final)),
        Decision::GiveUp(reason) => ControlFlow::Break(Err(CallError::GaveUp { reason, last: answer })),
        Decision::RetryAt(_) | Decision::RetryOnRelease { .. } => ControlFlow::Continue(answer),
    }
}

impl<K, C: Clock> Upstream<K, C> {
    /// Sends, and sends again where that may help and do no harm. Blocks the thread while it waits.
    ///
    /// `attempt` is called with 1, 2, 3 ...; what may be done about its answer depends on `repeatable` and stands in the
    /// table of [`Outcome`]. No retries in the policy means one call; no wait ends after the policy's deadline, counted
    /// from here. Before each attempt the call waits for the gate that refused calls have closed, and goes up to
    /// `spread_permille` of its wait later, so that not everybody comes at once. Keep the time of a single attempt short
    /// in `attempt` itself, and answer a timeout there with [`Failure::Broken`](tollgate::Failure::Broken).
    ///
    /// The answer of an attempt is kept, unread, while its call waits. A panic in `attempt` gives everything back.
    ///
    /// # Errors
    /// [`CallError`], with the last answer.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Outcome, Reason, Repeatable, Verdict, presets::backoffs};
    /// use tollgate_std::{CallError, Upstream};
    /// let read = |answer: &Result<u16, String>| Outcome::Answered {
    ///     status: *answer.as_ref().unwrap_or(&500),
    ///     verdict: Verdict::Clear,
    ///     wait: None,
    ///     should_retry: None,
    /// };
    /// let api = Upstream::new(backoffs::RETRY, read);
    ///
    /// // A POST without an idempotency key may have been carried out: it is not sent twice.
    /// let mut sent = 0;
    /// let ended = api.call(Repeatable::No, |_attempt| {
    ///     sent += 1;
    ///     Err("internal error".to_owned())
    /// });
    /// let last = Err("internal error".to_owned());
    /// assert_eq!(ended, Err(CallError::GaveUp { reason: Reason::MaybeRunning, last }));
    /// assert_eq!(sent, 1);
    /// ```
    pub fn call<T, E>(
        &self,
        repeatable: Repeatable,
        attempt: impl FnMut(u32) -> Result<T, E>,
    ) -> Result<T, CallError<T, E>>
    where
        K: Classify<T, E>,
    {
        self.call_with(repeatable, Alarm::sleep, attempt)
    }

    /// As [`call`](Self::call), with a sleep of one's own: a simulation, a test.
    ///
    /// `sleep` may return early; the clock says how long it still is. It should also return when the [`Alarm`] rings.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Example
    /// Seventeen seconds in no time:
    /// ```
    /// use tollgate::{Clock, Duration, Instant, ManualClock, Outcome, Repeatable, Verdict, presets::backoffs};
    /// use tollgate_std::Upstream;
    /// let read = |answer: &Result<u64, u64>| {
    ///     let (status, verdict) = if answer.is_ok() { (200, Verdict::Clear) } else { (429, Verdict::Soft) };
    ///     let wait = answer.err().map(Duration::from_secs);
    ///     Outcome::Answered { status, verdict, wait, should_retry: None }
    /// };
    /// let clock = ManualClock::default();
    /// let api = Upstream::with_clock(backoffs::RETRY, read, &clock);
    ///
    /// let sleep = |_alarm: &_, span: std::time::Duration| clock.advance(span.into());
    /// let answer = api.call_with(Repeatable::No, sleep, |attempt| if attempt == 1 { Err(17) } else { Ok(42) });
    /// assert_eq!(answer, Ok(42));
    /// assert!(clock.now() >= Instant::from_secs(17));
    /// ```
    pub fn call_with<T, E>(
        &self,
        repeatable: Repeatable,
        mut sleep: impl FnMut(&Alarm, time::Duration),
        mut attempt: impl FnMut(u32) -> Result<T, E>,
    ) -> Result<T, CallError<T, E>>
    where
        K: Classify<T, E>,
    {
        let alarm = Alarm(Arc::new(Parker::default()));
        let waker = Waker::from(alarm.0.clone());
        let mut call = Call::new(self, repeatable);
        let (mut last, mut rest) = (None, Rest::default());
        loop {
            match call.step(&waker) {
                Step::Cancelled => return Err(CallError::Cancelled { last }),
                Step::Late { until } => return Err(late(until, last)),
                Step::Wait { now, until } => sleep(&alarm, rest.nap(now, until)),
                Step::Send(number) => {
                    // The earlier answer may hold a connection that this attempt wants.
                    drop(last.take());
                    rest = Rest::default();
                    let answer = attempt(number);
                    match conclude(call.answered(&self.classify.classify(&answer)), answer) {
                        ControlFlow::Continue(kept) => last = Some(kept),
                        ControlFlow::Break(ended) => return ended,
                    }
                }
            }
        }
    }
}
