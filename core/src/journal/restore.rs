//! From records back to a ledger.
//!
//! ```text
//!  replay: every record in order, straight into the accounts        finish: high counts as posted, jobs get their holds
//! ```
//! Nothing ages while the power is off. A hold of a kept job lives again; every other one is inside what its lease says is
//! used. After a damage all budgets are used up: for the period that is learned next, or until their owner repairs them.

use crate::bounded::Bounded;
use crate::budget::{DATED, OVER};
use crate::hold::{AccountId, Line, OnExpiry};
use crate::ledger::Ledger;
use crate::terms::{Overage, Renewal};
use crate::time::Duration;

use super::JournalFault;
use super::books::{Books, CLOSED};
use super::record::{Figures, JobPhase, Record};

impl<const N: usize, const J: usize> Books<N, J> {
    /// Takes in the next record of the journal.
    pub(crate) fn replay<const H: usize, const L: usize, const R: usize, const S: usize>(
        &mut self,
        ledger: &mut Ledger<'_, N, H, L, R, S>,
        record: &Record,
    ) -> Result<(), JournalFault> {
        match record {
            Record::Snapshot { account, figures } => Self::place(ledger, *account, figures)?,
            Record::Lease { account, .. } | Record::Alert { account, .. } if self.kept(*account).is_none() => {
                return Err(JournalFault::NoAccount { account: *account });
            }
            Record::Alert { account, armed, pending } => {
                if let Some(account) = ledger.accounts.get_mut(usize::from(account.0)) {
                    (account.budget.armed, account.budget.pending) = (*armed, *pending);
                }
            }
            Record::Block { who, until, .. } => self.block(*who, *until),
            Record::Job(job) => {
                let new = matches!(job.phase, JobPhase::Sent | JobPhase::Running) && self.job(job.id).is_none();
                if new && self.jobs.is_full() {
                    return Err(JournalFault::Jobs { most: u16::try_from(J).unwrap_or(u16::MAX) });
                }
            }
            Record::Lease { .. } | Record::Ids { .. } | Record::Clock { .. } => {}
        }
        self.wrote(ledger, record);
        Ok(())
    }

    /// Remembers a block, in the place of the one that ends first.
    pub(crate) fn block(&mut self, who: u16, until: crate::time::Instant) {
        if let Some(known) = self.blocks.iter_mut().find(|(known, _)| *known == who) {
            known.1 = until;
        } else if let Err(new) = self.blocks.put((who, until))
            && let Some(first) = self.blocks.iter_mut().min_by_key(|(_, until)| *until)
            && first.1 < new.1
        {
            *first = new;
        }
    }

    /// The figures of a snapshot; what is posted is found out at the end.
    fn place<const H: usize, const L: usize, const R: usize, const S: usize>(
        ledger: &mut Ledger<'_, N, H, L, R, S>,
        account: AccountId,
        figures: &Figures,
    ) -> Result<(), JournalFault> {
        let known = ledger.accounts.get_mut(usize::from(account.0));
        let known = known.ok_or(JournalFault::NoAccount { account })?;
        let (spec, budget) = (known.spec, &mut known.budget);
        if spec.renewal.is_dated() {
            budget.period = figures.period;
        }
        budget.flags = figures.flags & (DATED | OVER);
        (budget.armed, budget.pending) = (figures.armed, figures.pending);
        (budget.debt, budget.bonus) = (figures.debt, figures.bonus.min(spec.max_bonus()));
        (budget.prev_posted, budget.unaccounted) = (figures.previous, figures.unaccounted);
        Ok(())
    }

    /// Everything was replayed: the accounts are as they must be taken to be. Jobs hold for `lease` from now on.
    pub(crate) fn finish<const H: usize, const L: usize, const R: usize, const S: usize>(
        &mut self,
        ledger: &mut Ledger<'_, N, H, L, R, S>,
        damaged: bool,
        lease: Duration,
    ) {
        ledger.last = ledger.last.max(self.base);
        ledger.wall = ledger.wall.with_floor(ledger.wall.floor().max(self.floor));
        ledger.wall.freeze();
        // A gate remembers its jobs itself, and takes the last word about one that it has forgotten for a late charge.
        let remembers = H > 0 || R > 0;
        ledger.absorb_below(if remembers && self.ids_high > 1 { self.ids_high } else { 0 });
        self.next_id = self.ids_high;
        self.blocks.keep(|(_, until)| *until > ledger.last);
        for account in ledger.indices() {
            self.take_up(ledger, account, damaged);
        }
        for at in 0..if J == 0 { 0 } else { self.jobs.len() } {
            self.hold_again(ledger, at, lease);
        }
        for account in ledger.indices() {
            ledger.find_roll(account, ledger.last);
            ledger.alert(account);
        }
    }

    /// One budget: high is posted, but for what is a debt.
    fn take_up<const H: usize, const L: usize, const R: usize, const S: usize>(
        &mut self,
        ledger: &mut Ledger<'_, N, H, L, R, S>,
        at: AccountId,
        damaged: bool,
    ) {
        let last = ledger.last;
        let index = usize::from(at.0);
        let (Some(account), Some(kept)) = (ledger.accounts.get_mut(index), self.kept.get_mut(index)) else { return };
        let (spec, budget) = (account.spec, &mut account.budget);
        let (cap, mut high) = (budget.cap(spec), kept.lease.high());
        if damaged {
            // Closed whatever rolls over into the period that is learned next.
            high = high.max(spec.limit.saturating_add(budget.bonus.max(spec.max_bonus())));
            kept.lease.written(high);
            (kept.undated, kept.flags) = (high, kept.flags | CLOSED);
        }
        if let Renewal::Rolling(rolling) = spec.renewal {
            budget.roll_at = last.saturating_add(rolling.slice());
            let running = budget.period;
            return ledger.put(at, running, high);
        }
        let debt = match spec.overage {
            Overage::Debt { .. } if !damaged => budget.debt.max(high.saturating_sub(cap)),
            _ => budget.debt,
        };
        budget.debt = debt.min(high);
        budget.posted = high - budget.debt;
        budget.undated = if spec.renewal.is_dated() { kept.undated.min(high) } else { 0 };
    }

    /// A kept job holds what its record says; without a place for the hold it is posted.
    fn hold_again<const H: usize, const L: usize, const R: usize, const S: usize>(
        &mut self,
        ledger: &mut Ledger<'_, N, H, L, R, S>,
        at: usize,
        lease: Duration,
    ) {
        let Some(job) = self.jobs.get(at) else { return };
        let id = job.record.id;
        let unit = |account: AccountId| ledger.unit(account).unwrap_or(0);
        let amounts = job.record.amounts.iter();
        let lines: heapless::Vec<Line, L> =
            Bounded::of(amounts.map(|&(account, micros)| Line { account, unit: unit(account), micros }));
        if ledger.has_place(ledger.last) {
            ledger.insert(id, &lines, ledger.last.saturating_add(lease), false);
            if let Some(hold) = ledger.live_mut(id) {
                hold.on_expiry = OnExpiry::Post;
            }
        } else {
            ledger.charge_admitted(Some(id), &lines);
        }
    }
}
