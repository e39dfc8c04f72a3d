//! What the owner of a journal asks for: the time, fresh ids, alerts, repairs, an orderly end. No job is in these.

use crate::budget::{Budget, OVER};
use crate::hold::{AccountId, LedgerError};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::report::Alert;
use crate::terms::Renewal;
use crate::time::Instant;

use super::books::{Books, CLOSED, IDS, SHORT_BLOCK};
use super::record::Record;

impl<const N: usize, const J: usize> Books<N, J> {
    /// Before the power is taken away on purpose.
    pub(crate) fn before_shutdown<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        now: Instant,
    ) -> Option<Record> {
        let budgets = ledger.indices().find_map(|at| self.tidy(ledger, at, true));
        let ids = (self.next_id < self.ids_high).then_some(Record::Ids { high: self.next_id });
        let base = ledger.effective(now).max(self.base);
        let late = (base > self.base).then(|| Record::Clock { base, floor: self.floor_at(ledger, base) });
        budgets.or(ids).or(late)
    }

    /// What time it is, if that was not written down for long.
    pub(crate) fn before_tick<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        now: Instant,
    ) -> Option<Record> {
        let base = ledger.effective(now).max(self.base);
        (now >= self.clock_due).then(|| Record::Clock { base, floor: self.floor_at(ledger, base) })
    }

    /// Before a fresh id is given out.
    pub(crate) fn before_id(&self) -> Option<Record> {
        let high = self.next_id.saturating_add(IDS);
        (self.next_id >= self.ids_high).then_some(Record::Ids { high })
    }

    pub(crate) fn take_id(&mut self) -> JobId {
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        JobId(id)
    }

    /// A block that differs from the one that is written down, if either is long.
    pub(crate) fn before_block(&self, eff: Instant, who: u16, until: Instant) -> Option<Record> {
        let known = self.blocks.iter().find(|(known, _)| *known == who).map_or(Instant::ORIGIN, |(_, until)| *until);
        let (until, known) = (until.max(eff), known.max(eff));
        let long = until.max(known).saturating_since(eff) > SHORT_BLOCK;
        (long && until != known).then_some(Record::Block { who, until, base: eff.max(self.base) })
    }

    /// Before an alert is acknowledged.
    pub(crate) fn before_acknowledge<const H: usize, const L: usize, const R: usize, const S: usize>(
        ledger: &Ledger<'_, N, H, L, R, S>,
        alert: Alert,
    ) -> Option<Record> {
        let budget = ledger.accounts.get(usize::from(alert.account.0))?.budget;
        let bit = 1u8.checked_shl(u32::from(alert.threshold)).unwrap_or(0);
        let pending = budget.pending & !bit;
        (pending != budget.pending).then_some(Record::Alert { account: alert.account, armed: budget.armed, pending })
    }

    /// Whether a damage has closed this budget and nothing has opened it since.
    pub(crate) fn is_closed<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        at: AccountId,
    ) -> bool {
        let account = ledger.accounts.get(usize::from(at.0));
        self.kept(at).zip(account).is_some_and(|(kept, account)| {
            let same = !account.spec.renewal.is_dated() || kept.period == account.budget.period;
            kept.flags & CLOSED != 0 && same
        })
    }

    /// What the owner says is used: as a record, and then as the state of the budget.
    pub(crate) fn before_repair<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &mut Ledger<'_, N, H, L, R, S>,
        now: Instant,
        at: AccountId,
        micros: u64,
    ) -> Result<Record, LedgerError> {
        ledger.act(now);
        let account = ledger.accounts.get(usize::from(at.0)).ok_or(LedgerError::UnknownBudget { line: 0 })?;
        let mut after = account.budget;
        lay_open(&mut after, micros);
        self.repaired(ledger, at, &after).ok_or(LedgerError::UnknownBudget { line: 0 })
    }
}

/// The owner's word about a budget, after its record.
pub(crate) fn repair<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize>(
    ledger: &mut Ledger<'_, N, H, L, R, S>,
    at: AccountId,
    micros: u64,
) {
    let Some(account) = ledger.accounts.get(usize::from(at.0)) else { return };
    if let Renewal::Rolling(rolling) = account.spec.renewal {
        let running = account.budget.period;
        for age in 0..=i32::from(rolling.slices()) {
            ledger.take_back(at, running.wrapping_sub(age), u64::MAX);
        }
        ledger.put(at, running, micros);
        return ledger.alert(at);
    }
    ledger.change(at, |budget| lay_open(budget, micros));
}

const fn lay_open(budget: &mut Budget, micros: u64) {
    (budget.posted, budget.debt, budget.undated) = (micros, 0, 0);
    budget.set(OVER, false);
}
