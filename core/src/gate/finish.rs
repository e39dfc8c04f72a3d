//! `Finished`: the last word about what a job cost.

use super::Gate;
use super::answer::lease_end;
use super::job::{GateError, HeldAmount, JobState};
use super::limits::AnyLimits;
use super::money::Money;
use crate::bounded::Counting;
use crate::hold::{AccountId, Line, Receipt};
use crate::job::JobId;
use crate::log::log;
use crate::report::Report;
use crate::time::{Duration, Instant};

/// How the last word about a job was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cost {
    /// It replaces what the job held.
    Settled,
    /// Its lease was over and its hold posted: that is corrected.
    Corrected,
    /// Nobody remembers the job: a fresh charge. It may be the second for this job.
    Late,
    /// Said before: nothing has changed.
    Replayed,
}

/// What [`finished`](Gate::finished) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Finished {
    /// How the word was taken.
    pub cost: Cost,
    /// What the accounts did, with what could not be booked; `None` if nothing changed.
    pub receipt: Option<Receipt>,
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// The job is over, well or not, and `actual` is what it cost: one amount for each account of its estimate, zero if
    /// nothing was charged. Frees the slot and settles the money.
    ///
    /// It is never refused for want of money: what a budget cannot take is unaccounted, and every report shows that.
    ///
    /// # Errors
    /// [`GateError::Unexpected`]: it was not sent; [`GateError::Mismatch`]: it was settled at other amounts;
    /// [`GateError::Ledger`]: what is wrong with the amounts. Nothing has changed then.
    pub fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError> {
        let eff = self.note(now);
        let money = &self.limits.all().money;
        money.resolve(actual)?;
        let replay = Finished { cost: Cost::Replayed, receipt: None };
        let Some((place, state)) = self.stands(id, eff) else {
            self.advance(eff);
            let receipt = self.limits.all_mut().money.absorb(id, actual)?;
            self.state.counters.late = self.state.counters.late.saturating_add(1);
            log!(warn, "job {=u64}: finished, and not known: charged anew", id.0);
            return Ok(Finished { cost: Cost::Late, receipt: Some(receipt) });
        };
        let known = self.jobs.get(place).ok_or(GateError::NotFound)?;
        match state {
            JobState::Asked => return Err(GateError::Unexpected { state }),
            JobState::Settled if same(known.amounts.as_ref(), actual) => return Ok(replay),
            JobState::Settled => return Err(GateError::Mismatch),
            _ => money.matches_all(&known.amounts, actual)?,
        }
        let overdue = state == JobState::Overdue;
        self.advance(eff);
        // It may have moved, not gone.
        let Some(job) = self.place(id).and_then(|place| self.jobs.get_mut(place)) else {
            return Err(GateError::NotFound);
        };
        let receipt = self.limits.all_mut().money.settle(id, &mut job.amounts, overdue, actual)?;
        self.state.order = self.state.order.wrapping_add(1);
        if job.state.has_slot() {
            self.state.taken = self.state.taken.wrapping_sub(job.weight.into());
        }
        job.enter(JobState::Settled, false);
        (job.order, job.ends) = (self.state.order, Instant::MAX);
        log!(info, "job {=u64}: finished", id.0);
        Ok(Finished { cost: if overdue { Cost::Corrected } else { Cost::Settled }, receipt: Some(receipt) })
    }

    /// The provider gives back a part of what a settled job cost; may be said again for more of it.
    ///
    /// It goes to the period of the estimate, the running one or the one before, as
    /// [`Ledger::refund`](crate::Ledger::refund) says. After a refund any last word that is not below the rest counts as the
    /// same word.
    ///
    /// # Errors
    /// [`GateError::NotFound`]: never asked for, or forgotten; [`GateError::Unexpected`]: not settled yet;
    /// [`GateError::Ledger`]: more than is left of it, or what is wrong with the amounts. Nothing has changed then.
    pub fn refund(&mut self, now: Instant, id: JobId, lines: &[Line]) -> Result<Receipt, GateError> {
        let eff = self.note(now);
        let (place, state) = self.stands(id, eff).ok_or(GateError::NotFound)?;
        if state != JobState::Settled {
            return Err(GateError::Unexpected { state });
        }
        let known = self.jobs.get(place).ok_or(GateError::NotFound)?;
        self.limits.all().money.refundable(&known.amounts, lines)?;
        self.advance(eff);
        // What is settled does not change with time.
        let Some(job) = self.place(id).and_then(|place| self.jobs.get_mut(place)) else {
            return Err(GateError::NotFound);
        };
        Ok(self.limits.all_mut().money.refund(&mut job.amounts, lines))
    }

    /// The job still runs: prolongs slot and hold together to `now + lease`; never shortens them. Returns the end.
    ///
    /// # Errors
    /// [`GateError::NotFound`]; [`GateError::Unexpected`]: it does not run, as far as is known.
    pub fn renew(&mut self, now: Instant, id: JobId, lease: Duration) -> Result<Instant, GateError> {
        let eff = self.note(now);
        match self.state_at(id, eff) {
            None => return Err(GateError::NotFound),
            Some(JobState::Running) => {}
            Some(state) => return Err(GateError::Unexpected { state }),
        }
        self.advance(eff);
        let job = self.find_mut(id).ok_or(GateError::NotFound)?;
        job.ends = job.ends.max(lease_end(eff, lease));
        Ok(job.ends)
    }

    /// Where a job stands at `now`; `None` if it is not here.
    pub fn job(&self, now: Instant, id: JobId) -> Option<JobState> {
        self.state_at(id, self.effective(now))
    }

    /// The jobs in the table, the remembered ones included.
    pub fn jobs(&self) -> impl Iterator<Item = (JobId, JobState)> + '_ {
        self.jobs.iter().map(|job| (job.id, job.state))
    }

    /// The accounts, for their owner: alerts to acknowledge, a balance that the provider reports, a specification to
    /// change, a charge without a job. Act on them with the same `now`; the date is told to the gate
    /// ([`set_wall`](Self::set_wall)), for it holds money that moves with it.
    pub fn money_mut(&mut self, now: Instant) -> &mut L::Money {
        let eff = self.note(now);
        self.advance(eff);
        &mut self.limits.all_mut().money
    }

    /// Where an account stands at `now`; `None` if it is not open.
    pub fn report(&self, now: Instant, account: AccountId) -> Option<Report> {
        self.limits.all().money.report(self.effective(now), account, self.endings())
    }

    /// The weight that is taken at `now`: by jobs of ours and by strangers.
    pub fn in_flight(&self, now: Instant) -> u64 {
        self.taken(self.effective(now))
    }

    /// When the next slot is free by the end of its lease alone.
    pub(crate) fn next_slot(&self, now: Instant) -> Option<Instant> {
        let eff = self.effective(now);
        let jobs = self.jobs.iter().filter(|job| job.occupies(eff) && job.ends < Instant::MAX);
        jobs.map(|job| job.ends).min()
    }
}

/// Whether these are the amounts it was settled at, in any order.
fn same(settled: &[HeldAmount], actual: &[Line]) -> bool {
    let known = settled.iter().filter(|amount| amount.is_some());
    let is = |amount: &HeldAmount, line: &Line| {
        line.micros == amount.micros || (amount.partial && line.micros > amount.micros)
    };
    let said = |amount: &HeldAmount| actual.iter().any(|line| line.account == amount.account && is(amount, line));
    known.clone().many() == actual.len() && known.clone().all(said)
}
