//! A [`Gate`] that threads and tasks share: waiting for one admission over every limit of an upstream.
//!
//! It is a [`Shared`] like any other, with the same line and the same promises; only what is asked is a [`Request`], and
//! what is granted is an [`Admission`]. Who has more jobs than may be sent, and wants them sent in a better order than
//! that of their arrival, takes a [`Runner`](crate::Runner).
//!
//! ```text
//! admit ──► in line ──► Admission ──► sending ──► answered ──► Accepted: the job runs until `finished`
//!                           └ dropped: all returns   └ dropped: the job is Unknown, and keeps what it holds
//! ```

use tollgate::{
    AnyLimits, AskError, Binding, Clock, Denied, Finished, Gate, GateError, Instant, JobId, Line, Permit, Request,
    Status,
};

use crate::admission::Admission;
use crate::gated::Gated;
use crate::observe::{Event, Log};
use crate::observe_job::JobEvent;
use crate::shared::Shared;
use crate::timer::Timer;
use crate::visit::No;
use crate::wait::{Wait, WaitError};

/// Why a wait for a gate ended without an admission: [`tollgate::AdmitError`] of a [`WaitError`].
///
/// # Example
/// ```
/// use tollgate::{Binding, Instant};
/// use tollgate_std::{AdmitError, WaitError};
/// let why = WaitError::Timeout { until: Some(Instant::from_secs(17)) };
/// let refused = AdmitError::Wait { why, limit: Some(Binding::Requests) };
/// assert_eq!(refused.to_string(), "the rate of requests: timed out: not before 17.000000 s");
/// ```
pub type AdmitError = tollgate::AdmitError<WaitError>;

/// One request on its way through the line, and what was said to it last.
struct Asking<'r> {
    request: &'r Request<'r>,
    limit: Option<Binding>,
    hopeless: Option<AskError>,
}

impl<'r> Asking<'r> {
    const fn new(request: &'r Request<'r>) -> Self {
        Self { request, limit: None, hopeless: None }
    }

    fn ask<L: AnyLimits, const JOBS: usize, const CALLS: usize>(
        &mut self,
        gate: &mut Gate<L, JOBS, CALLS>,
        now: Instant,
        turn: bool,
    ) -> Result<Permit, No> {
        let answer = if turn {
            gate.ask(now, self.request)
        } else {
            // Behind others, only what no wait can change is news.
            match gate.earliest(now, self.request) {
                Ok(_) | Err(AskError::Refused { denied: Denied::Until(_) | Denied::Busy, .. }) => {
                    return Err(No::Denied(Denied::Busy));
                }
                Err(why) => Err(why),
            }
        };
        answer.map_err(|why| match why {
            AskError::Refused { limit, denied } => {
                self.limit = Some(limit);
                No::Bound(limit, denied)
            }
            why => {
                self.hopeless = Some(why);
                No::Hopeless
            }
        })
    }

    fn end(self, log: Log, ended: Result<Permit, WaitError>) -> Result<Permit, AdmitError> {
        ended.map_err(|why| match self.hopeless {
            Some(why) => {
                log.tell(Event::Job(JobEvent::Turned(why)));
                AdmitError::Ask(why)
            }
            None => AdmitError::Wait { why, limit: self.limit },
        })
    }
}

/// # A gate
///
/// What is not one of these verbs is reached with [`with`](Self::with), which wakes whoever waits, and
/// [`look`](Self::look): `set_slots`, `reconcile`, `block_until`, a budget's report. **Drop no [`Admission`] inside.**
impl<L: AnyLimits, const JOBS: usize, const CALLS: usize, C: Clock> Shared<Gate<L, JOBS, CALLS>, C> {
    /// Waits in line until the request may be sent, and charges every limit; none is charged before that. Blocks the
    /// thread.
    ///
    /// The order is that of arrival: a heavy job at the head is not starved by light ones behind it. The head is woken
    /// by time, by whatever is settled or dropped, and by [`with`](Self::with): a live change of a limit. With
    /// [`Duration::ZERO`](tollgate::Duration::ZERO) it is asked once, and only if nobody waits.
    ///
    /// It does not sleep to a known failure: where only time opens the limit that binds (the server's block, the rate,
    /// the window, the breaker) and does so after the deadline, it ends at once. Where a job that is finished may do so
    /// (slots, tables, money), it stays.
    ///
    /// # Errors
    /// [`AdmitError`]; nothing is held then. What can never pass is told as soon as it is known, in line too.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Binding, Clock, Duration, Gate, JobId, Limits, Quota, Request, Start, TokenBucket, valid};
    /// use tollgate_std::{AdmitError, Shared, StdClock, WaitError};
    /// let now = StdClock::default().now();
    /// let rate = TokenBucket::new(valid!(Quota::new(60, Duration::from_mins(1))), Start::Full, now);
    /// let api = Shared::new(Gate::<_, 8, 2>::new(Limits::new().requests(rate), now).with_slots(1));
    ///
    /// let request = Request::new(JobId(7), Duration::from_mins(10));
    /// let mut admission = api.blocking_admit(&request, Duration::from_secs(5))?;
    /// admission.sending()?; // and now the request goes out
    /// # drop(admission);
    ///
    /// // There is one slot, and the job has it.
    /// let second = Request::new(JobId(8), Duration::from_mins(10));
    /// let refused = api.blocking_admit(&second, Duration::ZERO).unwrap_err();
    /// assert!(matches!(refused, AdmitError::Wait { why: WaitError::Timeout { .. }, limit: Some(Binding::Slots) }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn blocking_admit(
        &self,
        request: &Request<'_>,
        wait: impl Into<Wait>,
    ) -> Result<Admission<Gate<L, JOBS, CALLS>, C>, AdmitError> {
        let (log, mut asking) = (self.log_job(Some(request.job())), Asking::new(request));
        let ended = self.room.blocking(&wait.into(), log, |gate, now, turn| asking.ask(gate, now, turn));
        asking.end(log, ended).map(|permit| self.guard(permit))
    }
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize, C: Timer> Shared<Gate<L, JOBS, CALLS>, C> {
    /// As [`blocking_admit`](Self::blocking_admit), for tasks, in one line with the threads.
    ///
    /// Dropped at any moment, the future leaves nothing behind, and if it was about to be granted, the next one is. No
    /// lock is held across an `await`. The [`Admission`] is bound to no task.
    ///
    /// # Errors
    /// As [`blocking_admit`](Self::blocking_admit).
    ///
    /// # Panics
    /// As the timer: tokio's outside a runtime with its timer enabled, when it has to wait.
    ///
    /// # Example
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// use tollgate::{
    ///     Answer, Clock, Duration, Gate, JobId, Limits, Outcome, Quota, Repeatable, Request, Retry, Start, TokenBucket,
    ///     Verdict, presets::backoffs, valid,
    /// };
    /// use tollgate_std::{Shared, TokioClock};
    /// # async fn post() -> Outcome {
    /// #     Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None }
    /// # }
    /// let clock = TokioClock::default();
    /// let rate = TokenBucket::new(valid!(Quota::every(Duration::from_secs(1))), Start::Full, clock.now());
    /// let api = Shared::with_clock(Gate::<_, 8, 2>::new(Limits::new().requests(rate), clock.now()), clock);
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    /// # runtime.block_on(async {
    /// for id in 1..=3 {
    ///     let request = Request::new(JobId(id), Duration::from_mins(10));
    ///     let mut admission = api.admit(&request, Duration::from_secs(5)).await?;
    ///     let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, api.now());
    ///     admission.sending()?;
    ///     let outcome = post().await; // dropped here, the job is Unknown: it may run
    ///     assert_eq!(admission.answered(&outcome, &mut retry, 4)?, Answer::Accepted);
    ///     api.finished(JobId(id), &[])?;
    /// }
    /// assert_eq!(api.status().in_flight, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # }
    /// ```
    pub async fn admit(
        &self,
        request: &Request<'_>,
        wait: impl Into<Wait>,
    ) -> Result<Admission<Gate<L, JOBS, CALLS>, C>, AdmitError> {
        let (log, mut asking) = (self.log_job(Some(request.job())), Asking::new(request));
        let ended = self.room.wait(&wait.into(), log, |gate, now, turn| asking.ask(gate, now, turn)).await;
        asking.end(log, ended).map(|permit| self.guard(permit))
    }
}

/// # A gate, or a dispatcher with one
impl<G: Gated, C: Clock> Shared<G, C> {
    /// Keeps a permit that was taken inside [`with`](Self::with) so that it gives itself back if it is dropped: for a
    /// [`poll`](Gate::poll), or for what is asked in an order of one's own.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Gate, Limits};
    /// use tollgate_std::{Shared, StdClock};
    /// let api = Shared::new(Gate::<_, 8, 2>::new(Limits::new(), StdClock::default().now()));
    /// // A question about the status of a job, which costs nothing.
    /// let question = api.with(|gate, now| gate.poll(now, 0)).map(|permit| api.guard(permit))?;
    /// assert_eq!(question.job(), None);
    /// # Ok::<(), tollgate::AskError>(())
    /// ```
    pub fn guard(&self, permit: Permit) -> Admission<G, C> {
        Admission::new(self.clone(), permit)
    }

    /// A job is over, and `actual` is what it cost: see [`Gate::finished`]. Whoever waits is woken.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Cost, Gate, JobId, Limits};
    /// use tollgate_std::{Shared, StdClock};
    /// let api = Shared::new(Gate::<_, 8, 2>::new(Limits::new(), StdClock::default().now()));
    /// // A webhook for a job of which nobody here knows: charged all the same, and said so.
    /// assert_eq!(api.finished(JobId(7), &[])?.cost, Cost::Late);
    /// # Ok::<(), tollgate::GateError>(())
    /// ```
    pub fn finished(&self, id: JobId, actual: &[Line]) -> Result<Finished, GateError> {
        let log = self.log_job(Some(id));
        let finished = self.room.change(log, |gated, now| gated.gate_mut().finished(now, id, actual))?;
        log.tell(Event::Job(JobEvent::Finished(finished.cost)));
        Ok(finished)
    }

    /// Where the gate stands: see [`Gate::status`].
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Gate, Limits};
    /// use tollgate_std::{Shared, StdClock};
    /// let api = Shared::new(Gate::<_, 8, 2>::new(Limits::new(), StdClock::default().now()).with_slots(3));
    /// assert_eq!((api.status().slots, api.status().in_flight), (3, 0));
    /// ```
    pub fn status(&self) -> Status {
        self.look(|gated, now| gated.gate().status(now))
    }
}
