//! `Call`: how the function of a job tells the gate what happens, and `Stop`: how it ends without a result.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate::{Answer, Clock, Duration, Entropy, Finished, GateError, Instant, JobId, Line, Outcome, Reason, Retry};

use super::desk::Desks;
use crate::admission::Admission;
use crate::shared::Shared;

/// Why the function of a job ends without a result; the verbs of [`Call`] bring it, and `?` hands it on. Exhaustive.
///
/// What the function itself has to report (a bad answer, an error of its own) is no `Stop` but its result: let that be a
/// `Result`.
///
/// # Example
/// A job that puts itself off until its token is there:
/// ```
/// use tollgate::{Duration, Outcome};
/// use tollgate_std::{Call, Stop};
/// # async fn token() -> Option<String> { None }
/// # async fn post(_token: String) -> Outcome { Outcome::Failed(tollgate::Failure::Broken) }
/// async fn clip(mut call: Call) -> Result<(), Stop> {
///     let Some(token) = token().await else {
///         return Err(Stop::Again { not_before: call.now().saturating_add(Duration::from_secs(10)) });
///     };
///     call.sending()?;
///     let outcome = post(token).await;
///     call.completed(&outcome, &[])?;
///     Ok(())
/// }
/// # let _ = clip;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// To be sent again, not before then: the job goes back to its old place in the queue. Also for reasons of one's own,
    /// as long as nothing was sent.
    Again {
        /// The earliest instant.
        not_before: Instant,
    },
    /// The server refused it, and it is not sent again.
    GaveUp(Reason),
    /// The gate was told something at the wrong time, or too late.
    Gate(GateError),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again { not_before } => write!(f, "to be sent again, not before {not_before}"),
            Self::GaveUp(why) => why.fmt(f),
            Self::Gate(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for Stop {}

impl From<GateError> for Stop {
    fn from(why: GateError) -> Self {
        Self::Gate(why)
    }
}

/// One attempt of a job of a [`Runner`](super::Runner): its permit, and the verbs of the gate.
///
/// ```text
/// sending ──► (the request) ──► answered ──► Accepted: (it runs) ──► finished
///                                  └ Stop::Again, Stop::GaveUp: leave with `?`
/// ```
/// The permit lives no longer than the attempt: when the future of the job ends, is dropped or panics, what was not sent
/// returns, and what was sent and not answered is [`Unknown`](tollgate::JobState::Unknown). A job that was accepted and is
/// not [`finished`](Self::finished) keeps its slot until its lease is over: somebody else may say it
/// ([`Runner::with`](super::Runner::with)).
///
/// # Example
/// A job that runs for minutes at the provider, is asked for and costs what the provider says:
/// ```
/// use tollgate::{AccountId, Amount, Credits, Duration, Line, Outcome};
/// use tollgate_std::{Call, Stop};
/// # struct Task { id: u64, credits: Option<u32> }
/// # async fn post() -> (Outcome, Task) {
/// #     (Outcome::Failed(tollgate::Failure::NotSent), Task { id: 0, credits: None })
/// # }
/// # async fn ask(id: u64) -> Task { Task { id, credits: Some(30) } }
/// async fn video(mut call: Call) -> Result<u64, Stop> {
///     call.sending()?;
///     let (outcome, mut task) = post().await;
///     call.answered(&outcome)?;
///     call.tag(task.id)?; // by which the provider's list knows it
///     while task.credits.is_none() {
///         call.renew(Duration::from_mins(10))?;
///         task = ask(task.id).await;
///     }
///     let cost = Amount::whole(task.credits.unwrap_or(0));
///     call.finished(&[Line::new::<Credits>(AccountId(0), cost)])?;
///     Ok(task.id)
/// }
/// # let _ = video;
/// ```
#[must_use = "an attempt that says nothing has sent nothing"]
pub struct Call {
    pub(super) attempt: Arc<dyn AnyAttempt>,
    pub(super) id: JobId,
    pub(super) number: u32,
}

impl Call {
    /// The job.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Which attempt this is, from 1.
    pub const fn attempt(&self) -> u32 {
        self.number
    }

    /// What the clock of the runner shows.
    pub fn now(&self) -> Instant {
        self.attempt.now()
    }

    /// The request goes out now. Say it before the first byte; see [`Gate::sending`](tollgate::Gate::sending).
    ///
    /// # Errors
    /// [`Stop::Gate`]: too late, everything has returned; or said before.
    pub fn sending(&mut self) -> Result<(), Stop> {
        Ok(self.attempt.sending()?)
    }

    /// What the headers of the response said about limits; before [`answered`](Self::answered). See
    /// [`Gate::heard`](tollgate::Gate::heard).
    #[cfg(feature = "http")]
    pub fn heard(&mut self, feedback: &tollgate::headers::Feedback) {
        self.attempt.heard(feedback);
    }

    /// Hears how the request ended, and settles it: [`Accepted`](Answer::Accepted), the job runs until it is
    /// [`finished`](Self::finished); [`Done`](Answer::Done), the answer is final and nothing runs.
    ///
    /// # Errors
    /// [`Stop::Again`] and [`Stop::GaveUp`], as the job's [`RetryPolicy`](tollgate::RetryPolicy) decides;
    /// [`Stop::Gate`]: too late, or not sent.
    pub fn answered(&mut self, outcome: &Outcome) -> Result<Answer, Stop> {
        match self.attempt.answered(outcome)? {
            Answer::RetryAt(not_before) | Answer::RetryOnRelease { not_before } => Err(Stop::Again { not_before }),
            Answer::GiveUp(why) => Err(Stop::GaveUp(why)),
            answer => Ok(answer),
        }
    }

    /// For a job that is its own answer: [`answered`](Self::answered), and if it was accepted,
    /// [`finished`](Self::finished) at `actual`.
    ///
    /// # Errors
    /// As both.
    pub fn completed(&mut self, outcome: &Outcome, actual: &[Line]) -> Result<Answer, Stop> {
        let answer = self.answered(outcome)?;
        if answer == Answer::Accepted {
            self.finished(actual)?;
        }
        Ok(answer)
    }

    /// The job is over, and `actual` is what it cost: see [`Gate::finished`](tollgate::Gate::finished).
    ///
    /// # Errors
    /// [`Stop::Gate`].
    pub fn finished(&mut self, actual: &[Line]) -> Result<Finished, Stop> {
        Ok(self.attempt.finished(actual)?)
    }

    /// The job still runs: prolongs its lease. Returns the end; see [`Gate::renew`](tollgate::Gate::renew).
    ///
    /// # Errors
    /// [`Stop::Gate`].
    pub fn renew(&mut self, lease: Duration) -> Result<Instant, Stop> {
        Ok(self.attempt.renew(lease)?)
    }

    /// The provider's name for the job, by which a list of what runs knows it: see [`Gate::tag`](tollgate::Gate::tag).
    ///
    /// # Errors
    /// [`Stop::Gate`].
    pub fn tag(&mut self, tag: u64) -> Result<(), Stop> {
        Ok(self.attempt.tag(tag)?)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("id", &self.id).field("attempt", &self.number).finish_non_exhaustive()
    }
}

/// An attempt, whatever its gate is.
pub(super) trait AnyAttempt: Send + Sync {
    fn now(&self) -> Instant;
    fn sending(&self) -> Result<(), GateError>;
    #[cfg(feature = "http")]
    fn heard(&self, feedback: &tollgate::headers::Feedback);
    fn answered(&self, outcome: &Outcome) -> Result<Answer, GateError>;
    fn finished(&self, actual: &[Line]) -> Result<Finished, GateError>;
    fn renew(&self, lease: Duration) -> Result<Instant, GateError>;
    fn tag(&self, tag: u64) -> Result<(), GateError>;
}

/// What an attempt holds. The task that runs it has one end, the function of the job the other.
pub(super) struct Attempt<D: Desks, C: Clock> {
    desk: Shared<D, C>,
    entropy: Arc<Mutex<Entropy>>,
    id: JobId,
    hold: Mutex<Hold<D, C>>,
}

struct Hold<D: Desks, C: Clock> {
    /// Out of its place while somebody speaks to the gate with it, and gone when it is answered.
    admission: Option<Admission<D, C>>,
    retry: Retry,
    sent: bool,
    /// The attempt is over: whoever brings the admission back drops it.
    over: bool,
}

impl<D: Desks, C: Clock> Attempt<D, C> {
    pub(super) fn new(
        desk: Shared<D, C>,
        entropy: Arc<Mutex<Entropy>>,
        id: JobId,
        admission: Admission<D, C>,
        retry: Retry,
    ) -> Self {
        let hold = Hold { admission: Some(admission), retry, sent: false, over: false };
        Self { desk, entropy, id, hold: Mutex::new(hold) }
    }

    fn lock(&self) -> MutexGuard<'_, Hold<D, C>> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Speaks to the gate without this lock: it wakes others, who may be anybody's code.
    fn speak<T>(
        &self,
        say: impl FnOnce(&mut Admission<D, C>, &mut Retry) -> Result<T, GateError>,
    ) -> Result<T, GateError> {
        let (mut admission, mut retry) = {
            let mut hold = self.lock();
            (hold.admission.take().ok_or(GateError::StalePermit)?, hold.retry.clone())
        };
        let said = say(&mut admission, &mut retry);
        let late = {
            let mut hold = self.lock();
            hold.retry = retry;
            hold.sent |= admission.is_sent();
            if hold.over { Some(admission) } else { hold.admission.replace(admission) }
        };
        drop(late);
        said
    }

    /// The attempt is over. Answers how it is retried from here on, and whether it was sent.
    pub(super) fn end(&self) -> (Retry, bool) {
        let (admission, ended) = {
            let mut hold = self.lock();
            hold.over = true;
            (hold.admission.take(), (hold.retry.clone(), hold.sent))
        };
        drop(admission);
        ended
    }
}

impl<D: Desks + Send, C: Clock + Send + Sync> AnyAttempt for Attempt<D, C> {
    fn now(&self) -> Instant {
        self.desk.now()
    }

    fn sending(&self) -> Result<(), GateError> {
        self.speak(|admission, _| admission.sending())
    }

    #[cfg(feature = "http")]
    fn heard(&self, feedback: &tollgate::headers::Feedback) {
        self.desk.with(|desk, now| desk.gate_mut().heard(now, feedback));
    }

    fn answered(&self, outcome: &Outcome) -> Result<Answer, GateError> {
        let entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.speak(|admission, retry| admission.answer(outcome, retry, entropy))
    }

    fn finished(&self, actual: &[Line]) -> Result<Finished, GateError> {
        self.desk.finished(self.id, actual)
    }

    fn renew(&self, lease: Duration) -> Result<Instant, GateError> {
        self.desk.with(|desk, now| desk.gate_mut().renew(now, self.id, lease))
    }

    fn tag(&self, tag: u64) -> Result<(), GateError> {
        self.desk.with(|desk, _| desk.gate_mut().tag(self.id, tag))
    }
}
