//! `Status`: what a gate shows of itself, in a fixed size.

use super::job::JobState;
use super::limits::AnyLimits;
use super::part::{Fuse, Part};
use super::{Binding, Gate};
use crate::bounded::Counting;
use crate::breaker::Phase;
use crate::time::Instant;

/// What has happened so far. Every counter saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counters {
    /// Permits given.
    pub granted: u32,
    /// Refusals, by the limit that bound: see [`refused`](Self::refused).
    pub refusals: [u32; 8],
    /// Jobs that gave back all they held: not sent, refused by the server, or found not to run.
    pub refunded: u32,
    /// Permits not sent in time, requests not answered in time, and leases that were over.
    pub expired: u32,
    /// Overdue jobs that were forgotten for want of room. What they held stays posted. Such a job is a new one when it is
    /// asked for again, or finished: its cost is posted a second time, and without an idempotency key it may run twice. Let
    /// `JOBS` be more than what runs and what is overdue between two reconciliations.
    pub forgotten: u32,
    /// Costs of jobs that nobody remembered.
    pub late: u32,
    /// Calls whose stamp was older than one acted on before.
    pub clock_faults: u32,
    /// Header fields that could not be read.
    pub parse_rejects: u32,
}

impl Counters {
    pub(super) const NONE: Self = Self {
        granted: 0,
        refusals: [0; 8],
        refunded: 0,
        expired: 0,
        forgotten: 0,
        late: 0,
        clock_faults: 0,
        parse_rejects: 0,
    };

    /// How often this limit bound; all accounts count as one.
    pub fn refused(&self, limit: Binding) -> u32 {
        self.refusals.get(index(limit)).copied().unwrap_or(0)
    }

    pub(super) fn refuse(&mut self, limit: Binding) {
        if let Some(count) = self.refusals.get_mut(index(limit)) {
            *count = count.saturating_add(1);
        }
    }
}

const fn index(limit: Binding) -> usize {
    match limit {
        Binding::Block => 0,
        Binding::Requests => 1,
        Binding::Window => 2,
        Binding::Slots => 3,
        Binding::Jobs => 4,
        Binding::Calls => 5,
        Binding::Money(_) => 6,
        Binding::Breaker => 7,
    }
}

/// Where a gate stands. Accounts have reports of their own: [`Gate::report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Status {
    /// Closed by the server, or slowed down, until then; `None` while open.
    pub blocked: Option<Instant>,
    /// Requests that could go now.
    pub requests: u64,
    /// Requests that the strict window has room for.
    pub window: u64,
    /// The limit on slots, the adaptation included.
    pub slots: u32,
    /// The weight that is taken, by jobs of ours and by strangers.
    pub in_flight: u64,
    /// The part of it that belongs to strangers.
    pub foreign: u32,
    /// Requests between permit and answer.
    pub calls: u32,
    /// How many jobs stand where, in the order of [`JobState`].
    pub jobs: [u32; 7],
    /// The breaker; closed if there is none.
    pub breaker: Phase,
    /// What has happened so far.
    pub counters: Counters,
}

impl Status {
    /// How many jobs are in this state.
    pub fn jobs_in(&self, state: JobState) -> u32 {
        self.jobs.get(state as usize).copied().unwrap_or(0)
    }
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// Where the gate stands at `now`. Changes nothing.
    pub fn status(&self, now: Instant) -> Status {
        let eff = self.effective(now);
        let limits = self.limits.all();
        let mut jobs = [0; 7];
        for (id, _) in self.jobs() {
            if let Some(count) = self.state_at(id, eff).and_then(|state| jobs.get_mut(state as usize)) {
                *count = u32::saturating_add(*count, 1);
            }
        }
        let calls = self.calls.iter().filter(|call| !call.is_free() && call.until > eff);
        let closed = self.state.block.max(self.state.paced);
        Status {
            blocked: (closed > eff).then_some(closed),
            requests: limits.requests.part_room(eff),
            window: limits.window.part_room(eff),
            slots: self.slots(),
            in_flight: self.taken(eff),
            foreign: self.state.foreign,
            calls: u32::try_from(calls.many()).unwrap_or(u32::MAX),
            jobs,
            breaker: limits.breaker.phase_at(eff),
            counters: self.state.counters,
        }
    }

    /// What has happened so far.
    pub const fn counters(&self) -> &Counters {
        &self.state.counters
    }
}
