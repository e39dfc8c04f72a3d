//! `Answer`: from the permit to what the server said.

use super::call::Permit;
use super::job::{GateError, JobState};
use super::limits::AnyLimits;
use super::part::{Adapt, Restrain};
use super::{Asks, Gate};
use crate::bounded::{Bounded, Counting};
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

/// What an outcome says about whether the job runs.
enum Fate {
    Runs,
    DoesNotRun,
    Nobody,
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
        let to_answer = self.state.patience.to_answer;
        let call = self.calls.iter().place(|call| call.mark == permit.mark && call.until > eff);
        let index = call.ok_or(GateError::StalePermit)?;
        let Some(call) = self.calls.get(index) else { return Err(GateError::StalePermit) };
        if call.sent {
            return Err(GateError::Unexpected { state: JobState::Sent });
        }
        // Another word about the job may have come since it was asked for.
        match call.job().map(|id| self.state_at(id, eff)) {
            None | Some(Some(JobState::Asked | JobState::Unknown)) => {}
            Some(None) => return Err(GateError::NotFound),
            Some(Some(state)) => return Err(GateError::Unexpected { state }),
        }
        self.advance(eff);
        let Some(call) = self.calls.iter_mut().find(|call| call.mark == permit.mark) else {
            return Err(GateError::StalePermit);
        };
        (call.sent, call.since, call.until) = (true, eff, eff.saturating_add(to_answer));
        let (until, lease, first, id) = (call.until, call.lease, call.first, call.job());
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

    /// Gives a permit back. Not sent yet, everything returns, also the place of a probe; once sent, its job is
    /// [`Unknown`](JobState::Unknown), for it may run.
    ///
    /// # Errors
    /// [`GateError::StalePermit`].
    #[expect(clippy::needless_pass_by_value, reason = "a permit that is given back is gone")]
    pub fn cancel(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
        let eff = self.note(now);
        let call = self.calls.iter().any(|call| call.mark == permit.mark && call.until > eff);
        if !call {
            return Err(GateError::StalePermit);
        }
        self.advance(eff);
        let index = self.calls.iter().place(|call| call.mark == permit.mark).ok_or(GateError::StalePermit)?;
        let call = self.calls.take_out(index).ok_or(GateError::StalePermit)?;
        let sent = call.sent;
        match self.abandon(eff, call) {
            Some(id) if sent => self.doubt(id, false),
            Some(id) => self.void(eff, id),
            None => {}
        }
        Ok(())
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
        match self.calls.iter().find(|call| call.mark == permit.mark && call.until > eff) {
            None => return Err(GateError::StalePermit),
            Some(call) if !call.sent => return Err(GateError::Unexpected { state: JobState::Asked }),
            Some(_) => self.advance(eff),
        }
        let index = self.calls.iter().place(|call| call.mark == permit.mark).ok_or(GateError::StalePermit)?;
        let call = self.calls.take_out(index).ok_or(GateError::StalePermit)?;
        let observed = u32::try_from(self.taken(eff)).unwrap_or(u32::MAX);
        let mut none = Restraint::default();
        let restraint = self.limits.all_mut().restraint.restraint().unwrap_or(&mut none);
        let advice = retry.decide(eff, outcome, restraint, entropy);
        if let Some(burst) = restraint.burst.as_mut().filter(|_| advice.health == Health::Success) {
            burst.reset();
        }
        let (sent, again, counts) =
            (call.since, call.asks == Asks::Again, *outcome != Outcome::Failed(Failure::NotSent));
        let job = self.settle_call(eff, call, counts, advice.health);
        self.block(eff, sent, &advice);
        self.adapt(eff, sent, observed, &advice);
        let Some(id) = job else { return Ok(told(eff, None, advice.decision.into())) };
        let fate = match fate(outcome, retry.repeatable()) {
            // What refuses the second request says nothing about the first.
            Fate::DoesNotRun if again => Fate::Nobody,
            fate => fate,
        };
        Ok(told(eff, job, self.judge(eff, id, &fate, advice.decision)))
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

    fn judge(&mut self, eff: Instant, id: JobId, fate: &Fate, decision: Decision) -> Answer {
        match self.find(id).map(|job| job.state) {
            Some(JobState::Sent) => {}
            Some(JobState::Settled) => return Answer::Finished,
            // Found on a list, overdue or forgotten meanwhile: the answer only counts the request.
            _ => return decision.into(),
        }
        match fate {
            Fate::Runs => {
                if let Some(job) = self.find_mut(id) {
                    job.enter(JobState::Running, false);
                }
                Answer::Accepted
            }
            Fate::DoesNotRun => {
                self.free(eff, id);
                decision.into()
            }
            Fate::Nobody => {
                self.doubt(id, false);
                decision.into()
            }
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
        Outcome::Failed(Failure::NotSent | Failure::NotProcessed) => Fate::DoesNotRun,
        // Cancelled by the caller, it may have arrived.
        Outcome::Failed(Failure::Broken | Failure::Final) => Fate::Nobody,
        Outcome::Answered { verdict, status, .. } => match (verdict, status) {
            (Verdict::Soft | Verdict::Blind | Verdict::Concurrency | Verdict::HardQuota, _) => Fate::DoesNotRun,
            (Verdict::Clear, 100..=399) => Fate::Runs,
            // The original still runs.
            (_, 409) if repeatable == Repeatable::Keyed => Fate::Nobody,
            (_, 408 | 500 | 502..=504 | 506..) | (Verdict::Overloaded, _) => Fate::Nobody,
            _ => Fate::DoesNotRun,
        },
    }
}

/// When a lease ends; none is for ever.
pub(super) fn lease_end(from: Instant, lease: Duration) -> Instant {
    if lease.is_zero() { Instant::MAX } else { from.saturating_add(lease) }
}
