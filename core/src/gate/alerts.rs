//! The alerts of a [`Gate`]'s accounts.

use super::Gate;
use super::limits::{AnyLimits, Limits};
use crate::ledger::Ledger;
use crate::report::Alert;

impl<'a, Q, W, B, R, A, const N: usize, const L: usize, const S: usize, const JOBS: usize, const CALLS: usize>
    Gate<Limits<Q, W, Ledger<'a, N, 0, L, 0, S>, B, R, A>, JOBS, CALLS>
where
    Limits<Q, W, Ledger<'a, N, 0, L, 0, S>, B, R, A>: AnyLimits,
{
    /// The alerts that have fired and were not acknowledged: see [`Ledger::alerts`].
    pub fn alerts(&self) -> impl Iterator<Item = Alert> + '_ {
        self.limits.money.alerts()
    }

    /// This alert has been seen to; whether it was pending.
    pub fn acknowledge(&mut self, alert: Alert) -> bool {
        self.limits.money.acknowledge(alert)
    }
}
