//! From records back to a gate.
//!
//! ```text
//!  replay: each record into the table of jobs, or into the accounts       opened: what jobs hold is held, and time goes on
//! ```
//! What a record moves into the leases is found out by the same words when it is written and when it is read.

use crate::bounded::{Bounded, Counting};
use crate::budget::{Home, UNDATED};
use crate::gate::{Adapt, Fuse, HeldAmount, Job, JobState, Part, Requests, Restrain};
use crate::hold::AccountId;
use crate::terms::Renewal;
use crate::time::{Duration, Instant};

use super::JournalFault;
use super::gate_state::{GateState, Kept, WHO, Written, has, phase_of};
use super::log::Log;
use super::record::{JobPhase, JobRecord, Record};
use super::recovery::Scan;

impl<
    Q: Requests,
    W: Part,
    B: Fuse,
    R: Restrain,
    A: Adapt,
    const N: usize,
    const L: usize,
    const S: usize,
    const JOBS: usize,
    const CALLS: usize,
> GateState<Kept<'_, Q, W, B, R, A, N, L, S>, N, JOBS, CALLS>
{
    pub(crate) fn replay(&mut self, record: &Record) -> Result<(), JournalFault> {
        match record {
            Record::Job(job) => self.replay_job(job),
            other => self.books.replay(&mut self.gate.limits.money, other),
        }
    }

    fn replay_job(&mut self, record: &JobRecord) -> Result<(), JournalFault> {
        let known = |(account, _): &&(AccountId, u64)| self.books.kept(*account).is_none();
        if let Some((account, _)) = record.amounts.iter().find(known) {
            return Err(JournalFault::NoAccount { account: *account });
        }
        let settled = self.gate.entry(record.id).is_some_and(|job| job.state == JobState::Settled);
        if settled && matches!(record.phase, JobPhase::Running | JobPhase::NeedsActual | JobPhase::Overdue) {
            // Its last record was written after all, although the flash or the caller had given up on it.
            return Ok(());
        }
        self.count(record);
        let state = match record.phase {
            JobPhase::Sent => JobState::Sent,
            JobPhase::Running => JobState::Running,
            JobPhase::NeedsActual => JobState::NeedsActual,
            JobPhase::Overdue => JobState::Overdue,
            JobPhase::Settled => JobState::Settled,
            JobPhase::Freed => {
                self.gate.forget(record.id);
                return Ok(());
            }
        };
        let ends = match record.minutes {
            u16::MAX => Instant::MAX,
            minutes => Instant::ORIGIN.saturating_add(Duration::from_mins(minutes.into())),
        };
        let mut job = Job::new(record.id, record.weight.into(), self.amounts(record), Instant::ORIGIN, ends);
        job.tag = record.tag;
        job.enter(state, false);
        if self.gate.replay(job) { Ok(()) } else { Err(JournalFault::Jobs { most: u16::try_from(JOBS).unwrap_or(0) }) }
    }

    /// The amounts of a record, each in the period it belongs to, as far as the account is replayed.
    fn amounts(&self, record: &JobRecord) -> [HeldAmount; L] {
        let mut amounts = [HeldAmount::NONE; L];
        for (at, (amount, &(account, micros))) in amounts.iter_mut().zip(&record.amounts).numbered() {
            let Some(known) = self.ledger().accounts.get(usize::from(account.0)) else { continue };
            let period = known.budget.period;
            let tag = match known.spec.renewal {
                // Nobody knows whether what was posted is still in the window: nothing is taken back from there.
                Renewal::Rolling(rolling) if matches!(record.phase, JobPhase::Overdue | JobPhase::Settled) => {
                    period.wrapping_sub(i32::from(rolling.slices())).wrapping_sub(1)
                }
                Renewal::Rolling(_) | Renewal::Lifetime => period,
                _ if has(record.previous, at) => period.saturating_sub(1),
                _ if record.undated => UNDATED,
                _ => period,
            };
            *amount = HeldAmount { micros, tag, account, partial: has(record.partial, at), spare: 0 };
        }
        amounts
    }

    /// Everything is read. If the flash is blank, it says whether the first page has to be erased.
    pub(crate) fn opened(&mut self, scan: &Scan, log: &mut Log) -> Option<bool> {
        let blank = match scan.log() {
            Ok(found) => {
                (*log, self.health) = (found, scan.health());
                None
            }
            Err(erase) => Some(erase),
        };
        for job in self.gate.sent_jobs() {
            // There are as many places.
            let _ = self.written.put((job.id, phase_of(job.state).map_or(Written::Stale, Written::As)));
        }
        let (limits, jobs) = self.gate.halves();
        let ledger = &mut limits.money;
        for job in jobs.filter(|job| job.state.has_hold()) {
            for amount in job.amounts.iter().filter(|amount| amount.is_some()) {
                let rolling = ledger.is_rolling(amount.account);
                if let Some(account) = ledger.accounts.get_mut(usize::from(amount.account.0))
                    && (rolling || account.budget.home(amount.tag) != Home::Previous)
                {
                    account.budget.held = account.budget.held.saturating_add(amount.micros);
                }
            }
        }
        self.books.finish(ledger, self.health.is_damaged(), Duration::ZERO);
        let block = self.books.blocks.iter().find(|(who, _)| *who == WHO).map_or(Instant::ORIGIN, |(_, until)| *until);
        let now = self.ledger().last;
        self.gate.go_on(now, block);
        blank
    }

    /// What a record of a job moves into the leases, given what is known of the job before: all of it when its hold was
    /// posted, and the difference to that in its last one. What belongs to an earlier period is in no lease.
    pub(crate) fn count(&mut self, record: &JobRecord) {
        let known = self.gate.entry(record.id).map(|job| (job.state, job.amounts));
        let was = known.map(|(state, _)| state);
        let moves = match record.phase {
            JobPhase::Overdue => was != Some(JobState::Overdue) && was != Some(JobState::Settled),
            JobPhase::Settled => was != Some(JobState::Settled),
            _ => false,
        };
        if record.counted || !moves {
            return;
        }
        for (at, &(account, micros)) in record.amounts.iter().numbered() {
            let held = known.and_then(|(_, amounts)| amounts.iter().find(|held| held.account == account).copied());
            let held = held.map_or(0, |held| held.micros);
            let counts = match record.phase {
                JobPhase::Settled if was == Some(JobState::Overdue) || has(record.previous, at) => {
                    micros.saturating_sub(held)
                }
                _ if has(record.previous, at) => 0,
                _ => micros,
            };
            self.books.add(account, counts, record.undated);
            let posted = was == Some(JobState::Overdue) && record.phase == JobPhase::Settled;
            if posted && !has(record.previous, at) && !self.ledger().is_rolling(account) {
                self.books.take_back(account, held.saturating_sub(micros));
            }
        }
    }
}
