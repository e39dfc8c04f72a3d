//! `Answer`: from the permit to what the server said.

use super::Gate;
use super::call::{Call, HeldIn, Permit};
use super::job::{GateError, JobState};
use super::limits::AnyLimits;
use super::part::{Adapt, Restrain};
use crate::bounded::Counting;
use crate::job::JobId;
use crate::log::{Said, Who, log};
use crate::retry::{Advice, Decision, Failure, Health, Outcome, Reason, Repeatable, Restraint, Retry, Verdict};
use crate::time::{Duration, Instant};

/// What becomes of a request and its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Answer {
    /// The job runs: slot and money stay until it is [`finished`](Gate::finished).
    Accepted,
    /// The answer is final, and no job runs because of it: what it held is free.
    Done,
    /// The job was finished before its answer came: the request is counted, and that was all.
    Finished,
    /// Ask again then.
    RetryAt(Instant),
    /// Ask again when a job has ended, but not before.
    RetryOnRelease {
        /// The earliest instant.
        not_before: Instant,
    },
    /// It should be sent again, but not by us. After [`Reason::MaybeRunning`] the job keeps slot and money until somebody
    /// knows.
    GiveUp(Reason),
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Done => Self::Done,
            Decision::RetryAt(at) => Self::RetryAt(at),
            Decision::RetryOnRelease { not_before } => Self::RetryOnRelease { not_before },
            Decision::GiveUp(reason) => Self::GiveUp(reason),
        }
    }
}

/// What has become of a request that was sent, for [`Gate::resolved`].
///
/// A job that was [`Unknown`](JobState::Unknown) and sent again is `Unknown` after each of them but [`Runs`](Self::Runs):
/// what refuses the second request says nothing about the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fate {
    /// The server has accepted it: the job runs, and keeps slot and money.
    Runs,
    /// The server has refused it: the job gives back its slot and its money, and the request counts.
    Refused,
    /// It has not reached the server after all: everything returns, the request too.
    NotSent,
    /// It broke off: nobody knows whether the job runs. It keeps slot and money, and the request counts.
    Unknown,
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// The request goes out now: the point after which a reboot cannot tell whether its job runs. Write that down first
    /// where it must survive.
    ///
    /// # Errors
    /// [`GateError::StalePermit`]: cancelled, answered, or too late; [`GateError::Unexpected`]: it was sent already, or its
    /// job was found running or finished since; [`GateError::NotFound`]: its job is forgotten. Cancel the permit then.
    pub fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError> {
        let eff = self.note(now);
        let (index, _) = self.unsent(eff, permit)?;
        self.advance(eff);
        // Time ends only other requests.
        let Some(call) = self.calls.get_mut(index) else { return Err(GateError::StalePermit) };
        let until = eff.saturating_add(self.state.patience.to_answer);
        (call.sent, call.since, call.until) = (true, eff, until);
        let (lease, first, id) = (call.lease, call.first, call.job());
        if let Some(job) = id.and_then(|id| self.find_mut(id)) {
            let ends = lease_end(eff, lease).max(until);
            job.ends = if job.state == JobState::Asked { ends } else { job.ends.max(ends) };
            job.sent = eff;
            job.enter(JobState::Sent, false);
        }
        self.state.next_due = self.state.next_due.min(until);
        if let Some(restraint) = self.limits.all_mut().restraint.restraint().filter(|_| first) {
            restraint.sending(eff);
        }
        Ok(())
    }

    /// The request of a permit, if it may be sent at `eff`, and its place.
    pub(super) fn unsent(&self, eff: Instant, permit: &Permit) -> Result<(usize, &Call<HeldIn<L>>), GateError> {
        let (index, call) = self.call(eff, permit)?;
        if call.sent {
            return Err(GateError::Unexpected { state: JobState::Sent });
        }
        // Another word about the job may have come since it was asked for.
        let Some(id) = call.job() else { return Ok((index, call)) };
        match self.state_at(id, eff).ok_or(GateError::NotFound)? {
            JobState::Asked | JobState::Unknown => Ok((index, call)),
            state => Err(GateError::Unexpected { state }),
        }
    }

    /// The request of a permit, if it is under way at `eff`, and its place.
    #[inline(never)]
    pub(super) fn call(&self, eff: Instant, permit: &Permit) -> Result<(usize, &Call<HeldIn<L>>), GateError> {
        let under_way = |call: &Call<_>| call.mark == permit.mark && !call.is_free() && call.until > eff;
        self.calls.iter().numbered().find(|(_, call)| under_way(call)).ok_or(GateError::StalePermit)
    }

    /// Gives a permit back. Not sent yet, everything returns, also the place of a probe; once sent, its job is
    /// [`Unknown`](JobState::Unknown), for it may run.
    ///
    /// # Errors
    /// [`GateError::StalePermit`].
    #[expect(clippy::needless_pass_by_value, reason = "a permit that is given back is gone")]
    pub fn cancel(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
        let eff = self.note(now);
        let (index, _) = self.call(eff, &permit)?;
        self.advance(eff);
        self.abandon(eff, index);
        Ok(())
    }

    /// Hears what has become of a request, from a program that decides by itself whether to send it again:
    /// [`answered`](Self::answered) without its [`Retry`], and without what that needs of memory and code. A breaker takes
    /// `Runs` for a success, `Unknown` for a failure, and the others for neither. Nothing is learnt about the server: its
    /// block, the [`Restraint`] and the adaptation stay as they are.
    ///
    /// Of a job that was [`finished`](Self::finished) meanwhile, and of a request that starts none
    /// ([`poll`](Self::poll)), only the request is settled.
    ///
    /// # Errors
    /// [`GateError::StalePermit`]; [`GateError::Unexpected`]: it was not sent.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Fate, Gate, Instant, JobId, JobState, Limits, Request};
    /// let now = Instant::ORIGIN;
    /// let mut gate = Gate::<_, 8, 2>::new(Limits::new(), now).with_slots(1);
    /// let permit = gate.ask(now, &Request::new(JobId(1), Duration::from_mins(10)))?;
    /// gate.sending(now, &permit).unwrap();
    /// gate.resolved(now, &permit, Fate::Runs).unwrap();
    /// assert_eq!(gate.job(now, JobId(1)), Some(JobState::Running));
    /// # Ok::<(), tollgate::AskError>(())
    /// ```
    pub fn resolved(&mut self, now: Instant, permit: &Permit, fate: Fate) -> Result<(), GateError> {
        let eff = self.note(now);
        let index = self.sent(eff, permit)?;
        self.advance(eff);
        let health = match fate {
            Fate::Runs => Health::Success,
            Fate::Unknown => Health::Failure,
            Fate::Refused | Fate::NotSent => Health::Unknown,
        };
        self.conclude(eff, index, fate, health);
        Ok(())
    }

    /// The place of the request of a permit that was sent.
    fn sent(&self, eff: Instant, permit: &Permit) -> Result<usize, GateError> {
        match self.call(eff, permit)? {
            (_, call) if !call.sent => Err(GateError::Unexpected { state: JobState::Asked }),
            (index, _) => Ok(index),
        }
    }

    /// Hears how a request ended, settles what it booked, and decides what becomes of it. `retry` is the call's own, and
    /// `entropy` any 32 random bits.
    ///
    /// A job that was refused is free: money and slot return, and the request stays counted unless it was never sent. One
    /// that broke off is [`Unknown`](JobState::Unknown).
    ///
    /// # Errors
    /// [`GateError::StalePermit`]; [`GateError::Unexpected`]: it was not sent.
    pub fn answered(
        &mut self,
        now: Instant,
        permit: &Permit,
        outcome: &Outcome,
        retry: &mut Retry,
        entropy: u32,
    ) -> Result<Answer, GateError> {
        let eff = self.note(now);
        let index = self.sent(eff, permit)?;
        self.advance(eff);
        let Some(call) = self.calls.get(index) else { return Err(GateError::StalePermit) };
        let (sent, job) = (call.since, call.job());
        let observed = u32::try_from(self.taken(eff)).unwrap_or(u32::MAX);
        let mut none = Restraint::default();
        let restraint = self.limits.all_mut().restraint.restraint().unwrap_or(&mut none);
        let advice = retry.decide(eff, outcome, restraint, entropy);
        if let Some(burst) = restraint.burst.as_mut().filter(|_| advice.health == Health::Success) {
            burst.reset();
        }
        let fate = fate(outcome, retry.repeatable());
        let before = self.conclude(eff, index, fate, advice.health);
        self.block(eff, sent, &advice);
        self.adapt(eff, sent, observed, &advice);
        Ok(told(
            eff,
            job,
            match (before, fate) {
                (Some(JobState::Sent), Fate::Runs) => Answer::Accepted,
                (Some(JobState::Settled), _) => Answer::Finished,
                _ => advice.decision.into(),
            },
        ))
    }

    /// Remembers the provider's name for a job, by which [`reconcile`](Self::reconcile) finds it too. Zero is no name.
    ///
    /// # Errors
    /// [`GateError::NotFound`].
    pub fn tag(&mut self, id: JobId, tag: u64) -> Result<(), GateError> {
        let job = self.find_mut(id).ok_or(GateError::NotFound)?;
        job.tag = tag;
        Ok(())
    }

    /// A block takes the maximum; an answer to a request that was sent after it was set may shorten it.
    fn block(&mut self, eff: Instant, sent: Instant, advice: &Advice) {
        let most = eff.saturating_add(self.state.patience.max_block);
        let until = advice.gate.map(|until| until.min(most));
        let news = sent > self.state.block_set;
        match until {
            Some(until) if news || until > self.state.block => {
                (self.state.block, self.state.block_set) = (until, eff);
                log!(info, "closed by the server for {=u64} us", until.saturating_since(eff).as_micros());
            }
            // Served, and nothing was said: it is open.
            None if news && advice.health == Health::Success => self.state.block = self.state.block.min(eff),
            _ => {}
        }
    }

    fn adapt(&mut self, eff: Instant, sent: Instant, observed: u32, advice: &Advice) {
        let Some(adaptation) = self.limits.all_mut().adaptation.adaptation() else { return };
        if let Some(jobs) = &mut adaptation.jobs {
            if advice.fewer_jobs {
                jobs.crowded(eff, sent, observed);
            } else if advice.health == Health::Success {
                jobs.succeeded();
            }
        }
        let Some((rate, _)) = &mut adaptation.rate else { return };
        let before = rate.value();
        if advice.slow_down {
            rate.congested(eff, sent);
        } else if advice.health == Health::Success {
            rate.succeeded();
        }
        if rate.value() != before {
            self.retune(eff);
        }
    }
}

/// The answer, with a line for the log.
fn told(eff: Instant, job: Option<JobId>, answer: Answer) -> Answer {
    match answer {
        Answer::Accepted | Answer::Done | Answer::Finished => log!(debug, "{}: {}", Who(job), Said(answer, eff)),
        Answer::RetryAt(_) | Answer::RetryOnRelease { .. } => log!(info, "{}: {}", Who(job), Said(answer, eff)),
        Answer::GiveUp(_) => log!(warn, "{}: {}", Who(job), Said(answer, eff)),
    }
    answer
}

/// The table of `Outcome`, read for whether the job runs.
fn fate(outcome: &Outcome, repeatable: Repeatable) -> Fate {
    match *outcome {
        Outcome::Failed(Failure::NotSent) => Fate::NotSent,
        Outcome::Failed(Failure::NotProcessed) => Fate::Refused,
        // Cancelled by the caller, it may have arrived.
        Outcome::Failed(Failure::Broken | Failure::Final) => Fate::Unknown,
        Outcome::Answered { verdict, status, .. } => match (verdict, status) {
            (Verdict::Soft | Verdict::Blind | Verdict::Concurrency | Verdict::HardQuota, _) => Fate::Refused,
            (Verdict::Clear, 100..=399) => Fate::Runs,
            // The original still runs.
            (_, 409) if repeatable == Repeatable::Keyed => Fate::Unknown,
            (_, 408 | 500 | 502..=504 | 506..) | (Verdict::Overloaded, _) => Fate::Unknown,
            _ => Fate::Refused,
        },
    }
}

/// When a lease ends; none is for ever.
pub(super) fn lease_end(from: Instant, lease: Duration) -> Instant {
    if lease.is_zero() { Instant::MAX } else { from.saturating_add(lease) }
}
