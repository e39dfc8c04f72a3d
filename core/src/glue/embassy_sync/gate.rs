//! A gate, or a dispatcher, that tasks share: [`Shared::admit`] waits for one admission over every limit of an upstream,
//! [`Shared::next`] for the next job of a queue.
//!
//! It is the same line with the same promises as for a limiter. A gate is some hundred bytes to some kilobytes, and each
//! call takes it out of its cell and puts it back: share the `&'static mut` of one in a `StaticCell`.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;

use super::Shared;
use super::gated::{Dispatches, Gated, Verbs};
use super::permit::Permit;
use super::waiting::{AlarmClock, Place, WaitError, Waiting};
use crate::any_gate::AnyGate;
use crate::dispatch::Dispatch;
use crate::dispatcher::SubmitError;
use crate::gate::{Answer, AskError, Binding, Fate, Finished, GateError, Request};
use crate::hold::Line;
use crate::job::JobId;
use crate::limiter::Denied;
use crate::queue_entry::{Entry, QueueError, Rejected};
use crate::retry::{Outcome, Retry};
use crate::time::{Clock, Duration, Instant};

/// A gate's permit that gives itself back if it is dropped: before it was sent, everything returns; after that, its job is
/// [`Unknown`](crate::JobState::Unknown), for it may run, and keeps slot and money until somebody knows.
///
/// Say [`sending`](Permit::sending) when the request goes out and [`answered`](Permit::answered) when it is over, or
/// [`resolved`](Permit::resolved) where the program decides about retries by itself.
pub type Admission<'a, M, G, C, const W: usize> = Permit<'a, M, G, C, W, crate::gate::Permit>;

/// Why a wait for a gate ended without an admission: [`crate::AdmitError`] of a [`WaitError`].
///
/// # Example
/// ```
/// use tollgate::embassy::{AdmitError, WaitError};
/// use tollgate::{Binding, Instant};
/// let why = WaitError::Timeout { until: Some(Instant::from_secs(17)) };
/// let refused = AdmitError::Wait { why, limit: Some(Binding::Requests) };
/// assert_eq!(refused.to_string(), "the rate of requests: timed out: not before 17.000000 s");
/// ```
pub type AdmitError = crate::admit_error::AdmitError<WaitError>;

/// # A gate, or a dispatcher with one
///
/// What is not one of these verbs is reached with [`with`](Self::with), which wakes whoever waits: `set_slots`,
/// `reconcile`, `block_until`, a report.
impl<M: RawMutex, G: Gated, C: Clock, const W: usize> Shared<M, G, C, W> {
    /// Waits in line until the request may be sent, and charges every limit in the poll that returns; none before that.
    ///
    /// For as long as it takes, unless [`at_most`](Admitting::at_most) or [`until`](Admitting::until) is said. It does not
    /// sleep to a known failure: where only time opens the limit that binds (the server's block, the rate, the window, the
    /// breaker) and does so after the deadline, it ends at once. Where a job that is finished may do so (slots, tables,
    /// money), it stays.
    ///
    /// # Errors
    /// [`AdmitError`]; nothing is held then. What can never pass is told as soon as it is known, in line too.
    ///
    /// # Example
    /// ```
    /// use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
    /// use tollgate::embassy::{AdmitError, Shared};
    /// use tollgate::{Duration, Gate, Instant, JobId, Limits, ManualClock, Request};
    /// let gate = Gate::<_, 8, 2>::new(Limits::new(), Instant::ORIGIN).with_slots(1);
    /// let api = Shared::<NoopRawMutex, _, _, 4>::new(gate, ManualClock::default());
    /// let mut context = Context::from_waker(Waker::noop());
    ///
    /// // What `.await` does, step by step:
    /// let first = Request::new(JobId(1), Duration::from_mins(10));
    /// let Poll::Ready(Ok(mut admission)) = pin!(api.admit(&first)).poll(&mut context) else { panic!("it is free") };
    /// admission.sending()?; // and now the request goes out
    ///
    /// let second = Request::new(JobId(2), Duration::from_mins(10));
    /// let mut waiting = pin!(api.admit(&second).at_most(Duration::from_secs(30)));
    /// assert!(waiting.as_mut().poll(&mut context).is_pending());
    /// drop(admission); // the task was cancelled: nobody knows whether the job runs
    /// assert!(waiting.as_mut().poll(&mut context).is_pending(), "and it keeps its slot");
    /// api.finished(JobId(1), &[]).unwrap()?; // it did, and is over
    /// assert!(matches!(waiting.poll(&mut context), Poll::Ready(Ok(_))));
    /// # Ok::<(), tollgate::GateError>(())
    /// ```
    pub const fn admit<'a, 'r>(&'a self, request: &Request<'r>) -> Admitting<'a, 'r, M, G, C, W> {
        Admitting { place: Place::new(self), request: *request, limit: None, over: false }
    }

    /// Keeps a permit that was taken inside [`with`](Self::with) so that it gives itself back if it is dropped: for a
    /// [`poll`](crate::Gate::poll), or for what is asked in an order of one's own.
    ///
    /// # Example
    /// ```
    /// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
    /// use tollgate::embassy::Shared;
    /// use tollgate::{Gate, Instant, Limits, ManualClock};
    /// let gate = Gate::<_, 8, 2>::new(Limits::new(), Instant::ORIGIN);
    /// let api = Shared::<NoopRawMutex, _, _, 4>::new(gate, ManualClock::default());
    /// // A question about the status of a job, which costs nothing.
    /// let question = api.with(|gate, now| gate.poll(now, 0)).map(|asked| asked.map(|permit| api.guard_permit(permit)));
    /// assert!(matches!(question, Some(Ok(admission)) if admission.job().is_none()));
    /// ```
    pub const fn guard_permit(&self, permit: crate::gate::Permit) -> Admission<'_, M, G, C, W> {
        Permit::new(self, permit, cancel)
    }

    /// A job is over, and `actual` is what it cost: see [`Gate::finished`](crate::Gate::finished). Whoever waits is woken.
    /// `None` only from inside [`with`](Self::with).
    pub fn finished(&self, id: JobId, actual: &[Line]) -> Option<Result<Finished, GateError>> {
        self.with(|gated, now| gated.gate_mut().finished(now, id, actual))
    }
}

/// # A dispatcher
impl<M: RawMutex, D: Dispatches, C: Clock, const W: usize> Shared<M, D, C, W> {
    /// Lets a job wait for a worker, and wakes one. From any task; never waits: a full queue is an answer.
    ///
    /// # Errors
    /// As [`Dispatcher::submit`](crate::Dispatcher::submit): the job comes back, and nothing has changed. From inside
    /// [`with`](Self::with) it comes back as [`QueueError::Full`] with nobody waiting.
    ///
    /// # Example
    /// ```
    /// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
    /// use tollgate::embassy::Shared;
    /// use tollgate::{
    ///     Dispatcher, Duration, Entry, Gate, Instant, JobId, Limits, ManualClock, Queue, QueuePolicy, Request, Work,
    /// };
    /// #[derive(Debug)]
    /// struct Reading(u16);
    /// impl Work for Reading {
    ///     fn request(&self, id: JobId) -> Request<'_> {
    ///         Request::new(id, Duration::from_mins(1))
    ///     }
    /// }
    /// let gate = Gate::<_, 8, 2>::new(Limits::new(), Instant::ORIGIN);
    /// let jobs = Dispatcher::new(gate, Queue::<_, 1>::new(QueuePolicy::DEFAULT));
    /// let jobs = Shared::<NoopRawMutex, _, _, 4>::new(jobs, ManualClock::default());
    /// assert!(jobs.submit(Entry::new(JobId(1), Reading(20))).is_ok());
    /// assert!(jobs.submit(Entry::new(JobId(2), Reading(21))).is_err(), "full, and the reading comes back");
    /// ```
    pub fn submit(&self, entry: Entry<D::Payload>) -> Result<(), SubmitError<D::Payload>> {
        let mut entry = Some(entry);
        let submitted = self.with(|jobs, now| entry.take().map(|entry| jobs.submit(now, entry)));
        match (submitted.flatten(), entry) {
            (Some(result), _) => result,
            (None, Some(entry)) => Err(SubmitError::Queue(Rejected { why: QueueError::Full { waiting: 0 }, entry })),
            (None, None) => Ok(()),
        }
    }

    /// Waits for something to do: a job to send, with its admission, or one that will not be sent.
    ///
    /// Workers are served in the order in which they came. The first sleeps until the gate lets a job through, and is
    /// woken by a release, a new job, or a change of a limit. Dropped at any moment, the wait has taken nothing out of the
    /// queue. The job of an admission that is dropped does not go back into the queue by itself:
    /// [`requeue`](crate::Dispatcher::requeue) it.
    ///
    /// # Errors
    /// [`WaitError`]: nothing came in time, or too many wait.
    ///
    /// # Example
    /// A task that sends what others submit:
    /// ```no_run
    /// use embassy_sync::blocking_mutex::raw::RawMutex;
    /// use tollgate::embassy::{AlarmClock, Dispatches, Shared};
    /// use tollgate::{Dispatch, Duration, Entry, Fate, JobId, Request, Work};
    /// # async fn post(_: &Reading) -> Fate { Fate::Unknown }
    /// struct Reading(u16);
    /// impl Work for Reading {
    ///     fn request(&self, id: JobId) -> Request<'_> {
    ///         Request::new(id, Duration::from_mins(1))
    ///     }
    /// }
    ///
    /// /// `D` is a `&'static mut Dispatcher<..>`.
    /// async fn sender<M: RawMutex, D: Dispatches<Payload = Reading>, C: AlarmClock>(jobs: &Shared<M, D, C, 2>) {
    ///     loop {
    ///         let Ok(Dispatch::Send { entry, mut permit }) = jobs.next().await else { continue };
    ///         if permit.sending().is_ok() {
    ///             let fate = post(&entry.payload).await; // dropped here, the job is Unknown
    ///             let _ = permit.resolved(fate);
    ///             let _ = jobs.finished(entry.id, &[]);
    ///         }
    ///     }
    /// }
    /// ```
    #[expect(clippy::type_complexity, reason = "what asks is a closure, which has no shorter name")]
    pub fn next<'a>(
        &'a self,
    ) -> Waiting<
        'a,
        M,
        D,
        C,
        W,
        impl FnMut(&mut D, Instant, bool) -> Result<Dispatch<D::Payload, Admission<'a, M, D, C, W>>, Denied>,
    > {
        let next = move |jobs: &mut D, now, turn| {
            if turn { Ok(jobs.dispatch(now)?.map(|permit| self.guard_permit(permit))) } else { Err(Denied::Busy) }
        };
        // One that is submitted, finished or put back may always come sooner.
        Waiting::new(self, next).hoping_for_release()
    }
}

/// What an admission does when it is dropped. Too late is all right: time has done it.
fn cancel<G: Gated>(gated: &mut G, now: Instant, permit: crate::gate::Permit) {
    let _ = gated.gate_mut().cancel(now, permit);
}

impl<M: RawMutex, G: Gated, C: Clock, const W: usize> Admission<'_, M, G, C, W> {
    /// The job it is for; `None` for a question about the status of something.
    pub fn job(&self) -> Option<JobId> {
        self.held().and_then(crate::gate::Permit::job)
    }

    /// The request goes out now. Say it before the first byte: see [`Gate::sending`](crate::Gate::sending).
    ///
    /// # Errors
    /// [`GateError::StalePermit`]: it is too late, and everything has returned; or from inside [`Shared::with`], and
    /// nothing has changed. [`GateError::Unexpected`]: said before.
    pub fn sending(&mut self) -> Result<(), GateError> {
        self.with(|gated, now, permit| gated.gate_mut().sending(now, permit)).unwrap_or(Err(GateError::StalePermit))
    }

    /// Hears how the request ended, and decides what becomes of it; whoever waits is woken. `retry` is the call's own,
    /// `entropy` any 32 random bits: see [`Gate::answered`](crate::Gate::answered).
    ///
    /// # Errors
    /// [`GateError::StalePermit`]: too late, its job is unknown by now; or from inside [`Shared::with`].
    /// [`GateError::Unexpected`]: it was not sent, and everything returns.
    pub fn answered(mut self, outcome: &Outcome, retry: &mut Retry, entropy: u32) -> Result<Answer, GateError> {
        let answer = self.with(|gated, now, permit| {
            let answer = gated.gate_mut().answered(now, permit, outcome, retry, entropy)?;
            if let (Answer::RetryOnRelease { .. }, Some(id)) = (answer, permit.job()) {
                gated.hold_back(now, id);
            }
            Ok(answer)
        });
        let answer = answer.unwrap_or(Err(GateError::StalePermit))?;
        self.forget();
        Ok(answer)
    }

    /// Hears what has become of the request, from a program that decides by itself whether to send it again; whoever waits
    /// is woken. [`answered`](Self::answered) without what it needs of memory and code: see
    /// [`Gate::resolved`](crate::Gate::resolved).
    ///
    /// # Errors
    /// As [`answered`](Self::answered).
    ///
    /// # Example
    /// A request that is sent once, well or not:
    /// ```no_run
    /// use embassy_sync::blocking_mutex::raw::RawMutex;
    /// use tollgate::embassy::{AlarmClock, Gated, Shared};
    /// use tollgate::{Duration, Fate, JobId, Request};
    /// # async fn post() -> Option<u16> { None }
    /// async fn report<M: RawMutex, G: Gated, C: AlarmClock>(api: &Shared<M, G, C, 4>, id: JobId) -> bool {
    ///     let request = Request::new(id, Duration::from_mins(10));
    ///     let Ok(mut admission) = api.admit(&request).at_most(Duration::from_secs(30)).await else { return false };
    ///     if admission.sending().is_err() {
    ///         return false;
    ///     }
    ///     let fate = match post().await {
    ///         Some(200..=299) => Fate::Runs,
    ///         Some(_) => Fate::Refused,
    ///         None => Fate::Unknown,
    ///     };
    ///     admission.resolved(fate).is_ok() && fate == Fate::Runs
    /// }
    /// ```
    pub fn resolved(mut self, fate: Fate) -> Result<(), GateError> {
        let resolved = self.with(|gated, now, permit| gated.gate_mut().resolved(now, permit, fate));
        resolved.unwrap_or(Err(GateError::StalePermit))?;
        self.forget();
        Ok(())
    }
}

/// A wait for a gate, from [`Shared::admit`]. Say how long, then `.await` it.
///
/// It stands in line from its first poll. Dropped at any moment, it leaves the line and has cost nothing. Kept, but never
/// polled again, it holds up whoever stands behind: do not `mem::forget` it.
#[must_use = "it waits when it is awaited"]
pub struct Admitting<'a, 'r, M: RawMutex, G, C, const W: usize> {
    place: Place<'a, M, G, C, W>,
    request: Request<'r>,
    /// Which limit bound last.
    limit: Option<Binding>,
    over: bool,
}

impl<M: RawMutex, G, C, const W: usize> Admitting<'_, '_, M, G, C, W> {
    /// Until the clock shows `deadline`; what has passed already means "now or not at all".
    pub fn until(mut self, deadline: impl Into<Instant>) -> Self {
        self.place.deadline = deadline.into();
        self
    }

    /// Stays to the deadline whichever limit binds: somebody may change it.
    pub fn hoping_for_release(mut self) -> Self {
        self.place.hoping = true;
        self
    }
}

impl<M: RawMutex, G, C: Clock, const W: usize> Admitting<'_, '_, M, G, C, W> {
    /// At most `patience`, counted from now. Zero: now or not at all. [`Duration::MAX`]: for ever.
    pub fn at_most(self, patience: impl Into<Duration>) -> Self {
        let deadline = self.place.shared.now().saturating_add(patience.into());
        self.until(deadline)
    }
}

/// Nothing in it is pinned.
impl<M: RawMutex, G, C, const W: usize> Unpin for Admitting<'_, '_, M, G, C, W> {}

/// Whether somebody may open this limit before its time: a job that is finished, a request that is answered.
const fn may_be_released(limit: Binding) -> bool {
    matches!(limit, Binding::Slots | Binding::Jobs | Binding::Calls | Binding::Money(_))
}

impl<'a, M: RawMutex, G: Gated, C: AlarmClock, const W: usize> Future for Admitting<'a, '_, M, G, C, W> {
    type Output = Result<Admission<'a, M, G, C, W>, AdmitError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { place, request, limit, over } = self.get_mut();
        // Polled again after the end, it neither asks a second time nor joins the line.
        if *over {
            return Poll::Pending;
        }
        let shared = place.shared;
        let polled = place.poll(context.waker(), |gated, now, turn| {
            let gate = gated.gate_mut();
            let answer = if turn {
                gate.ask(now, request)
            } else {
                // Behind others, only what no wait can change is news.
                match gate.earliest(now, request) {
                    Ok(_) | Err(AskError::Refused { denied: Denied::Until(_) | Denied::Busy, .. }) => {
                        return (Err(Denied::Busy), false);
                    }
                    Err(why) => Err(why),
                }
            };
            match answer {
                Ok(permit) => (Ok(Ok(permit)), false),
                Err(AskError::Refused { limit: binds, denied }) => {
                    *limit = Some(binds);
                    (Err(denied), may_be_released(binds))
                }
                Err(why) => (Ok(Err(why)), false),
            }
        });
        let Poll::Ready(ended) = polled else { return Poll::Pending };
        *over = true;
        Poll::Ready(match ended {
            Ok(Ok(permit)) => Ok(shared.guard_permit(permit)),
            Ok(Err(why)) => Err(AdmitError::Ask(why)),
            Err(why) => Err(AdmitError::Wait { why, limit: *limit }),
        })
    }
}

impl<M: RawMutex, G, C, const W: usize> fmt::Debug for Admitting<'_, '_, M, G, C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitting").field("request", &self.request).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<M: RawMutex, G, C, const W: usize> defmt::Format for Admitting<'_, '_, M, G, C, W> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Admitting {{ request: {} }}", self.request);
    }
}
