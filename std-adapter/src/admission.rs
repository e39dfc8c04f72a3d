//! `Admission`: a gate's permit that gives itself back if you drop it.

use std::fmt;

use tollgate::{Answer, Clock, Fate, GateError, Instant, JobId, Outcome, Permit, Retry};

use crate::clock::StdClock;
use crate::gated::Gated;
use crate::observe::{Event, Log};
use crate::observe_job::JobEvent;
use crate::shared::Shared;

/// The permission to send one request, now, from a [`Gate`](tollgate::Gate) that is [`Shared`], or from a
/// [`Dispatcher`](tollgate::Dispatcher) that is.
///
/// Say [`sending`](Self::sending) when it goes out and [`answered`](Self::answered) when it is over, or
/// [`resolved`](Self::resolved) where the program decides about retries by itself. Dropped before
/// `sending` (an early return, `?`, a panic, a task that is aborted) everything it holds returns. Dropped after it, the
/// request stays counted and its job is [`Unknown`](tollgate::JobState::Unknown): it may run, and keeps slot and money
/// until somebody knows. Whoever waits is woken. It belongs to nobody: send it to another thread or task.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration, Gate, JobId, JobState, Limits, Request};
/// use tollgate_std::{Shared, StdClock};
/// let api = Shared::new(Gate::<_, 8, 2>::new(Limits::new(), StdClock::default().now()));
/// let ask = |id| api.blocking_admit(&Request::new(JobId(id), Duration::from_mins(10)), Duration::ZERO);
/// let state = |id| api.look(|gate, now| gate.job(now, JobId(id)));
///
/// drop(ask(1)?); // not sent: as if nobody had asked
/// assert_eq!(state(1), None);
///
/// let mut admission = ask(2)?;
/// admission.sending()?;
/// drop(admission); // sent, and nobody knows the answer
/// assert_eq!(state(2), Some(JobState::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an admission that is dropped at once is given back at once"]
pub struct Admission<G: Gated, C: Clock = StdClock> {
    shared: Shared<G, C>,
    /// Gone when it is answered or taken out.
    permit: Option<Permit>,
    sent: bool,
}

impl<G: Gated, C: Clock> Admission<G, C> {
    pub(crate) const fn new(shared: Shared<G, C>, permit: Permit) -> Self {
        Self { shared, permit: Some(permit), sent: false }
    }

    /// The job it is for; `None` for a question about the status of something.
    pub fn job(&self) -> Option<JobId> {
        self.permit.as_ref().and_then(Permit::job)
    }

    /// When it is void, if it is not sent before.
    pub fn until(&self) -> Instant {
        self.permit.as_ref().map_or(Instant::ORIGIN, Permit::until)
    }

    /// The request goes out now. Say it before the first byte: see [`Gate::sending`](tollgate::Gate::sending).
    ///
    /// # Errors
    /// [`GateError::StalePermit`]: it is too late, and everything has returned; [`GateError::Unexpected`]: said before.
    pub fn sending(&mut self) -> Result<(), GateError> {
        let permit = self.permit.as_ref().ok_or(GateError::StalePermit)?;
        let log = self.log();
        // Nobody can pass sooner because of it: nobody is woken.
        self.shared.room.ask(log, |state, now| state.limiter.gate_mut().sending(now, permit))?;
        self.sent = true;
        log.tell(Event::Job(JobEvent::Sending));
        Ok(())
    }

    /// Hears how the request ended, and decides what becomes of it; whoever waits is woken. `retry` is the call's own,
    /// `entropy` any 32 random bits: see [`Gate::answered`](tollgate::Gate::answered).
    ///
    /// # Errors
    /// [`GateError::StalePermit`]: too late, its job is unknown by now; [`GateError::Unexpected`]: it was not sent, and
    /// everything returns.
    pub fn answered(mut self, outcome: &Outcome, retry: &mut Retry, entropy: u32) -> Result<Answer, GateError> {
        self.answer(outcome, retry, entropy)
    }

    pub(crate) fn answer(&mut self, outcome: &Outcome, retry: &mut Retry, entropy: u32) -> Result<Answer, GateError> {
        let log = self.log();
        let permit = self.permit.as_ref().ok_or(GateError::StalePermit)?;
        let hear = |gated: &mut G, now| {
            let answer = gated.gate_mut().answered(now, permit, outcome, retry, entropy)?;
            if let (Answer::RetryOnRelease { .. }, Some(id)) = (answer, permit.job()) {
                gated.hold_back(now, id);
            }
            Ok::<_, GateError>(answer)
        };
        let answer = self.shared.room.change(log, hear)?;
        self.permit = None;
        log.tell(Event::Job(JobEvent::Answered(answer)));
        Ok(answer)
    }

    /// Hears what has become of the request, from a program that decides by itself whether to send it again; whoever waits
    /// is woken. See [`Gate::resolved`](tollgate::Gate::resolved).
    ///
    /// # Errors
    /// [`GateError::StalePermit`]: too late, its job is unknown by now; [`GateError::Unexpected`]: it was not sent, and
    /// everything returns.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Duration, Fate, Gate, JobId, JobState, Limits, Request};
    /// use tollgate_std::{Shared, StdClock};
    /// let api = Shared::new(Gate::<_, 8, 2>::new(Limits::new(), StdClock::default().now()));
    /// let request = Request::new(JobId(1), Duration::from_mins(10));
    /// let mut admission = api.blocking_admit(&request, Duration::ZERO)?;
    /// admission.sending()?;
    /// admission.resolved(Fate::Runs)?; // "202 Accepted"
    /// assert_eq!(api.look(|gate, now| gate.job(now, JobId(1))), Some(JobState::Running));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resolved(mut self, fate: Fate) -> Result<(), GateError> {
        let log = self.log();
        let permit = self.permit.as_ref().ok_or(GateError::StalePermit)?;
        self.shared.room.change(log, |gated, now| gated.gate_mut().resolved(now, permit, fate))?;
        self.permit = None;
        log.tell(Event::Job(JobEvent::Resolved(fate)));
        Ok(())
    }

    /// The permit alone, for the verbs of the gate inside [`Shared::with`]: dropped, it is void only after its time.
    ///
    /// `None` never comes from an admission that was handed out.
    pub fn into_permit(mut self) -> Option<Permit> {
        self.permit.take()
    }

    pub(crate) const fn is_sent(&self) -> bool {
        self.sent
    }

    fn log(&self) -> Log {
        self.shared.log_job(self.job())
    }
}

impl<G: Gated, C: Clock> Drop for Admission<G, C> {
    fn drop(&mut self) {
        let log = self.log();
        if let Some(permit) = self.permit.take() {
            // Too late is all right: time has done it.
            let _ = self.shared.room.change(log, |gated, now| gated.gate_mut().cancel(now, permit));
            log.tell(if self.sent { Event::Job(JobEvent::Lost) } else { Event::Job(JobEvent::Returned) });
        }
    }
}

impl<G: Gated, C: Clock> fmt::Debug for Admission<G, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("job", &self.job()).field("sent", &self.sent).finish_non_exhaustive()
    }
}
