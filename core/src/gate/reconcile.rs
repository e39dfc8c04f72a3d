//! `reconcile`: making the jobs of a [`Gate`] agree with the provider's list of what runs.

use super::Gate;
use super::job::{Job, JobState};
use super::limits::AnyLimits;
use crate::bounded::Counting;
use crate::job::JobId;
use crate::time::Instant;

/// One entry of the provider's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Seen {
    /// A job by our name.
    Job(JobId),
    /// A job by the provider's name, as [`Gate::tag`] was told.
    Tag(u64),
}

/// What a reconciliation found; counts of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Found {
    /// They were unknown, and run.
    pub running: u32,
    /// They were unknown, and do not run: two complete lists did not have them. Slot and money are free.
    pub freed: u32,
    /// They ran and do not any more: their slots are free, and what they cost is to be said.
    pub needs_actual: u32,
    /// The weight of what runs without a slot of ours: strangers count 1 each. It counts until the next list.
    pub foreign: u32,
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// Makes the table agree with the provider's list of running jobs, asked for at `asked_at`: after a reboot, and from
    /// time to time.
    ///
    /// Only a `complete` list can say that something does not run, only a list that was asked for after the one before,
    /// and only about jobs that were sent before it was asked for. A page of a list says what runs.
    pub fn reconcile(&mut self, now: Instant, asked_at: Instant, complete: bool, seen: &[Seen]) -> Found {
        let eff = self.note(now);
        self.advance(eff);
        let asked_at = asked_at.min(eff);
        let fresh = complete && (asked_at > self.state.listed || self.state.listed == Instant::ORIGIN);
        let mut found = Found::default();
        let mut returned = 0u64;
        for job in &mut self.jobs {
            if seen.iter().any(|seen| is(*seen, job.id, job.tag)) {
                job.found();
                match job.state {
                    JobState::Unknown => {
                        job.enter(JobState::Running, false);
                        found.running = found.running.saturating_add(1);
                    }
                    JobState::NeedsActual | JobState::Overdue | JobState::Settled => {
                        returned = returned.saturating_add(u64::from(job.weight));
                    }
                    JobState::Asked | JobState::Sent | JobState::Running => {}
                }
                continue;
            }
            if !fresh || job.sent >= asked_at {
                continue;
            }
            match job.state {
                JobState::Running => {
                    job.enter(JobState::NeedsActual, false);
                    found.needs_actual = found.needs_actual.saturating_add(1);
                }
                JobState::Unknown => {
                    job.miss();
                    // Those are taken out below.
                    found.freed = found.freed.saturating_add(u32::from(job.is_gone()));
                }
                _ => {}
            }
        }
        for _ in 0..found.freed {
            let Some(place) = self.jobs.iter().place(Job::is_gone) else { break };
            self.recall(eff, place);
            self.free(eff, place);
        }
        let known = |entry: &Seen| self.jobs.iter().any(|job| is(*entry, job.id, job.tag));
        let named = |index: usize, entry: &Seen| seen.iter().take(index).any(|before| before == entry);
        let strangers = seen.iter().numbered().filter(|(index, entry)| !known(entry) && !named(*index, entry)).many();
        let foreign = returned.saturating_add(u64::try_from(strangers).unwrap_or(u64::MAX));
        let foreign = u32::try_from(foreign).unwrap_or(u32::MAX);
        // An older list, or a page of one, only adds.
        self.state.foreign = if fresh { foreign } else { self.state.foreign.max(foreign) };
        if fresh {
            self.state.listed = asked_at;
        }
        found.foreign = self.state.foreign;
        self.recount();
        found
    }

    /// Takes back the permits of a job that is gone.
    fn recall(&mut self, eff: Instant, place: usize) {
        let Some(id) = self.jobs.get(place).map(|job| job.id) else { return };
        for _ in 0..CALLS {
            let Some(index) = self.calls.iter().place(|call| call.job() == Some(id)) else { break };
            self.abandon(eff, index);
        }
    }
}

fn is(seen: Seen, id: JobId, tag: u64) -> bool {
    match seen {
        Seen::Job(job) => job == id,
        Seen::Tag(name) => name != 0 && name == tag,
    }
}
