//! What a journal has to know about a [`Gate`], and how it puts one together again after a reboot.
//!
//! Reads the tables, and writes them only while a journal is replayed; the verbs stay free of it.

use super::Gate;
use super::answer::lease_end;
use super::job::{GateError, Job, JobState};
use super::limits::AnyLimits;
use super::money::Money;
use crate::bounded::Bounded;
use crate::hold::Line;
use crate::job::JobId;
use crate::time::{Duration, Instant};

/// What a job of this gate holds.
pub(crate) type AmountsOf<L> = <<L as AnyLimits>::Money as Money>::Amounts;

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// The jobs that have been sent: those a journal has to know.
    pub(crate) fn sent_jobs(&self) -> impl Iterator<Item = &Job<AmountsOf<L>>> {
        self.jobs.iter().filter(|job| job.state != JobState::Asked)
    }

    /// The entry of a job, in any state.
    pub(crate) fn entry(&self, id: JobId) -> Option<&Job<AmountsOf<L>>> {
        self.find(id)
    }

    /// Whether [`sending`](Self::sending) would be refused now; if not, the job and the end of its lease.
    pub(crate) fn may_send(&self, now: Instant, permit: &super::Permit) -> Result<Option<(JobId, Instant)>, GateError> {
        let eff = self.effective(now);
        let (_, call) = self.unsent(eff, permit)?;
        let least = eff.saturating_add(self.state.patience.to_answer);
        Ok(call.job().map(|id| (id, lease_end(eff, call.lease).max(least))))
    }

    /// Whether [`finished`](Self::finished) would settle an entry of the table.
    pub(crate) fn may_finish(&self, now: Instant, id: JobId, actual: &[Line]) -> bool {
        let state = self.state_at(id, self.effective(now));
        let settles = state.is_some_and(|state| !matches!(state, JobState::Asked | JobState::Settled));
        let money = &self.limits.all().money;
        let matches = |job: &Job<_>| money.matches_all(&job.amounts, actual).is_ok();
        settles && money.resolve(actual).is_ok() && self.find(id).is_some_and(matches)
    }

    /// Writes down what time has done until `now`, and returns the effective instant.
    pub(crate) fn act(&mut self, now: Instant) -> Instant {
        let eff = self.note(now);
        self.advance(eff);
        eff
    }

    /// The latest instant that was acted on.
    pub(crate) const fn last(&self) -> Instant {
        self.state.last
    }

    /// Until when the server, or the owner, has closed the gate.
    pub(crate) const fn closed_until(&self) -> Instant {
        self.state.block
    }

    // --- replaying ---

    /// This job was freed, or forgotten.
    pub(crate) fn forget(&mut self, id: JobId) {
        if let Some(place) = self.place(id) {
            self.jobs.discard(place);
            self.recount();
        }
    }

    /// The next record of a job. Its lease, from the reboot on, stands in `ends` as if that were the origin. `false` if
    /// there is no place for it.
    pub(crate) fn replay(&mut self, mut job: Job<AmountsOf<L>>) -> bool {
        if !job.state.has_hold() {
            self.state.order = self.state.order.wrapping_add(1);
            job.order = self.state.order;
        }
        if let Some(known) = self.find_mut(job.id) {
            *known = job;
            self.recount();
            return true;
        }
        self.make_place();
        let put = self.jobs.put(job).is_ok();
        self.recount();
        put
    }

    /// The limits, and the jobs that have been sent.
    pub(crate) fn halves(&mut self) -> (&mut L, impl Iterator<Item = &Job<AmountsOf<L>>>) {
        (&mut self.limits, self.jobs.iter().filter(|job| job.state != JobState::Asked))
    }

    /// Everything was replayed: it is `now`, and nobody knows what became of what was under way.
    pub(crate) fn go_on(&mut self, now: Instant, block: Instant) {
        self.state.last = self.state.last.max(now);
        self.state.block = self.state.block.max(block);
        self.wake(now, |then| {
            if then == Instant::MAX { then } else { now.saturating_add(then.saturating_since(Instant::ORIGIN)) }
        });
    }

    /// After a reboot: what was sent is unknown, and leases end when `at` says.
    pub(crate) fn wake(&mut self, now: Instant, at: impl Fn(Instant) -> Instant) {
        for job in &mut self.jobs {
            job.ends = at(job.ends);
            job.sent = job.sent.min(now);
            if job.state == JobState::Sent {
                job.enter(JobState::Unknown, true);
            }
        }
        self.state.next_due = self.first_end().0;
    }
}

/// A lease as a duration; none is for ever.
pub(crate) const fn lease_left(ends: Instant, now: Instant) -> Option<Duration> {
    if ends.as_micros() == u64::MAX { None } else { Some(ends.saturating_since(now)) }
}
