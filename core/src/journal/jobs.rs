//! The jobs that a keeper of budgets keeps one by one: what each holds, and what its end moves into the leases.

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::budget::{Budget, Home};
use crate::hold::{AccountId, HoldState, Line, OnExpiry};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::terms::Renewal;
use crate::time::Instant;

use super::books::{Books, KeptJob};
use super::record::{JobPhase, JobRecord, Record};

impl<const N: usize, const J: usize> Books<N, J> {
    pub(crate) fn job(&self, id: JobId) -> Option<&KeptJob> {
        if J == 0 {
            return None;
        }
        self.jobs.iter().find(|job| job.record.id == id)
    }

    /// A job's record: its last one moves what it took into the leases. One for a job that is not kept is a repetition.
    pub(crate) fn wrote_job(&mut self, job: &JobRecord) {
        if J == 0 {
            // Whoever keeps none has no code for them.
            return;
        }
        let known = self.jobs.iter().place(|known| known.record.id == job.id);
        match (job.phase, known) {
            (JobPhase::Sent | JobPhase::Running, Some(at)) => {
                if let Some(known) = self.jobs.get_mut(at) {
                    *known = KeptJob { record: job.clone(), written: true };
                }
            }
            (JobPhase::Sent | JobPhase::Running, None) => {
                // There is a place: it was checked, and a journal of more jobs is refused.
                let _ = self.jobs.put(KeptJob { record: job.clone(), written: true });
            }
            (JobPhase::Settled | JobPhase::Freed, Some(at)) => {
                let _ = self.jobs.take_out(at);
                for (account, micros) in &job.amounts {
                    self.add(*account, *micros, job.undated);
                }
            }
            _ => {}
        }
    }

    /// What the end of a kept job adds to a lease: all of it, because its hold was not in it.
    pub(crate) fn outcome<const H: usize, const L: usize, const R: usize, const S: usize>(
        ledger: &Ledger<'_, N, H, L, R, S>,
        id: JobId,
        line: &Line,
        eff: Instant,
    ) -> u64 {
        let hold = ledger.look(id, eff);
        let excess = Self::excess(ledger, hold.as_ref(), line, eff, true);
        let carried = ledger.view(line.account, eff).map_or(0, |(spec, budget)| {
            carried(ledger, id, line.account, &budget, matches!(spec.renewal, Renewal::Rolling(_)), eff)
        });
        excess.saturating_add(carried.min(line.micros))
    }

    /// The last record of a job.
    pub(crate) fn last_record<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        id: JobId,
        actual: Option<&[Line]>,
        eff: Instant,
    ) -> Option<Record> {
        let job = &self.job(id).filter(|job| job.written)?.record;
        let amounts = |line: &Line| (line.account, Self::outcome(ledger, id, line, eff));
        Some(Record::Job(JobRecord {
            phase: if actual.is_some() { JobPhase::Settled } else { JobPhase::Freed },
            undated: !ledger.wall.is_known(),
            amounts: Vec::of(actual.unwrap_or_default().iter().map(amounts)),
            ..job.clone()
        }))
    }
}

/// What a kept job holds in this budget, as it is counted there at `eff`.
pub(crate) fn carried<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize>(
    ledger: &Ledger<'_, N, H, L, R, S>,
    id: JobId,
    account: AccountId,
    budget: &Budget,
    rolling: bool,
    eff: Instant,
) -> u64 {
    let Some(hold) = ledger.hold(id) else { return 0 };
    let Some(line) = hold.line(account) else { return 0 };
    let runs = hold.state == HoldState::Live && !ledger.is_over(hold, eff);
    let counted = match hold.state {
        HoldState::Live => runs || hold.on_expiry == OnExpiry::Post && !rolling,
        HoldState::Expired => hold.on_expiry == OnExpiry::Post && !rolling,
        _ => false,
    };
    let here = rolling || budget.home(line.tag) != Home::Previous;
    if counted && here { line.reserved } else { 0 }
}
