//! What the owner changes in the accounts of a running [`Gate`].

use super::Gate;
use super::limits::Limits;
use super::part::{Adapt, Fuse, Part, Requests, Restrain};
use crate::hold::AccountId;
use crate::ledger::{Ledger, OpenError};
use crate::terms::{BudgetSpec, ChangeError};
use crate::time::Instant;

impl<'a, Q, W, B, R, A, const N: usize, const L: usize, const S: usize, const JOBS: usize, const CALLS: usize>
    Gate<Limits<Q, W, Ledger<'a, N, 0, L, 0, S>, B, R, A>, JOBS, CALLS>
where
    Q: Requests,
    W: Part,
    B: Fuse,
    R: Restrain,
    A: Adapt,
{
    /// Gives an account another specification from now on; see [`Ledger::set_spec`]. What jobs hold stays held.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing has changed then, but for what time has done.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Amount, BudgetSpec, Credits, Duration, Gate, Instant, JobId, Ledger, Limits, Line, Renewal, Request};
    /// static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// static FIFTY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(50), Renewal::Lifetime);
    /// let now = Instant::ORIGIN;
    /// let mut money = Ledger::<1, 0, 1, 0>::new(Duration::ZERO);
    /// let credits = money.open(now, &HUNDRED)?;
    /// let mut gate = Gate::<_, 4, 4>::new(Limits::new().money(money), now);
    ///
    /// let cost = [Line::new::<Credits>(credits, Amount::whole(40))];
    /// let _permit = gate.ask(now, &Request::new(JobId(1), Duration::MAX).costs(&cost))?;
    /// gate.set_spec(now, credits, &FIFTY)?;
    /// let report = gate.report(now, credits).ok_or("not open")?;
    /// assert_eq!((report.held, report.available), (40_000_000, 10_000_000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_spec(&mut self, now: Instant, account: AccountId, spec: &'a BudgetSpec<'a>) -> Result<(), ChangeError> {
        let eff = self.note(now);
        self.advance(eff);
        self.limits.money.set_spec(eff, account, spec)
    }

    /// Opens another account, which starts whole; see [`Ledger::open`].
    ///
    /// # Errors
    /// [`OpenError`]; nothing has changed then, but for what time has done.
    pub fn open(&mut self, now: Instant, spec: &'a BudgetSpec<'a>) -> Result<AccountId, OpenError> {
        let eff = self.note(now);
        self.advance(eff);
        self.limits.money.open(eff, spec)
    }
}
