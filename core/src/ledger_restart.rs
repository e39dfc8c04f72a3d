//! A [`Ledger`] after a clock fault of which its owner knows.

use crate::ledger::Ledger;
use crate::terms::Renewal;
use crate::time::Instant;

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'_, N, H, L, R, S> {
    /// Re-anchors the accounts at `now` after a **known** clock fault: the clock ran ahead, and has been set right.
    ///
    /// * What is used stays used, and in a rolling window for as long as if it were used just now; what the fault has aged,
    ///   released or begun stays so. Live holds keep what was left of them at the latest stamp.
    /// * The date is unknown until it is told again: what it would be was reckoned on that clock. If the fault had begun a
    ///   period too many, [`set_wall`](Self::set_wall) then takes back what had been booked to the one before.
    ///
    /// A `now` that is not before the latest stamp changes nothing.
    ///
    /// # Example
    /// ```
    /// use tollgate::{
    ///     Amount, BudgetSpec, Calendar, Credits, Cycle, Duration, Instant, JobId, Ledger, Line, Renewal, Trust, UnixMicros,
    /// };
    /// static DAILY: BudgetSpec =
    ///     BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)));
    /// let (s, hour, noon) = (Instant::from_secs, 3_600, UnixMicros::from_secs(1_760_011_200));
    /// let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// let account = ledger.open(s(0), &DAILY)?;
    /// let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// ledger.set_wall(s(0), noon, Duration::ZERO, Trust::Owner);
    /// let _ = ledger.charge(s(0), JobId(1), &credits(90))?;
    ///
    /// // The clock is a day ahead: another hundred, of which 20 are used before somebody notices.
    /// let _ = ledger.charge(s(24 * hour), JobId(2), &credits(20))?;
    /// ledger.restart(s(60));
    /// ledger.set_wall(s(60), UnixMicros::from_secs(1_760_011_260), Duration::ZERO, Trust::Owner);
    /// assert_eq!(ledger.available::<Credits>(s(60), account)?, Amount::ZERO);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restart(&mut self, now: Instant) {
        let last = self.last;
        if now >= last {
            return;
        }
        let ahead = last.saturating_since(now);
        for hold in self.holds.iter_mut().filter(|hold| hold.until < Instant::MAX) {
            hold.until = hold.until.saturating_sub(ahead);
        }
        self.next_expiry = self.holds.iter().map(|hold| self.deadline(hold)).min().unwrap_or(Instant::MAX);
        self.last = now;
        self.wall.restart(now);
        for at in self.indices() {
            self.find_roll(at, now);
            if let Some(account) = self.accounts.get_mut(usize::from(at.0))
                && let Renewal::Rolling(rolling) = account.spec.renewal
            {
                account.budget.roll_at = account.budget.roll_at.min(now.saturating_add(rolling.slice()));
            }
        }
    }
}
