//! What time does to a [`Ledger`]: periods roll, windows age, holds run out, and the date becomes known or unknown.
//!
//! Everything is computed first on a copy, so that a question, or a call that is refused, changes nothing; the next
//! granted call writes it down. Nothing here divides but the search for a new period's boundaries.

use crate::bounded::{Bounded, Counting};
use crate::budget::{Budget, DATED, Home, UNDATED};
use crate::gate::{HeldAmount, Sample};
use crate::hold::{AccountId, Hold, Line, OnExpiry};
use crate::ledger::{Account, Ledger};
use crate::terms::{BudgetSpec, ChangeError, Renewal, Rolling};
use crate::time::{Duration, Instant};
use crate::wall::{Heard, Trust, UnixMicros};
use crate::window::is_live;

/// Shows a caller the amounts that are kept outside of the ledger, and whether each is held and not posted.
pub(crate) type Undated<'v> = &'v mut dyn FnMut(&mut dyn FnMut(&mut HeldAmount, bool));

impl<'a, const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'a, N, H, L, R, S> {
    /// Hears that it was `unix` at `now`, give or take `error`; see [`Wall::set`](crate::Wall::set).
    ///
    /// Calendar budgets start a new period when the wall shows its start *less its error*. While the date is not known
    /// they do not roll; what is charged meanwhile goes to the period that is then learned, if that is a later one. A
    /// fresh budget adopts the period it learns, unchanged. An earlier one, once confirmed, takes back what had been
    /// booked to the one before.
    pub fn set_wall(&mut self, now: Instant, unix: UnixMicros, error: Duration, trust: Trust) -> Heard {
        let eff = self.act(now);
        self.hear(eff, (unix, error, trust), &mut |_| {})
    }

    /// The same for who keeps the holds outside: `undated` shows them.
    pub(crate) fn hear(&mut self, eff: Instant, (unix, error, trust): Sample, undated: Undated<'_>) -> Heard {
        let heard = self.wall.set(eff, unix, error, trust);
        for at in self.indices() {
            if heard == Heard::Learned {
                self.learn(at, eff, undated);
            }
            self.find_roll(at, eff);
        }
        heard
    }

    /// Gives an account another specification from now on: another limit, soft limit, overage or thresholds.
    ///
    /// Nothing that is held or posted is touched. A limit below what is used admits nothing until enough is free again,
    /// and what is then above it at the end of a period is carried as a debt. With debts and recovery this is the one way
    /// by which more may be used than the limit says. A higher limit arms an alert again that is now below its share by
    /// the hysteresis; a lower one fires what it reaches; an alert whose share is in both specifications stays as it is. A
    /// budget that was closed by a cap is opened by a higher limit, or by a specification without a cap.
    ///
    /// What came on top from the period before stays; rollover and forgiveness apply from the next roll. Time up to `now`
    /// is judged by the old specification.
    ///
    /// # Errors
    /// [`ChangeError`]: the account is not open, or unit or periods differ. Of a zone the running period must be the same.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Amount, BudgetSpec, ChangeError, Credits, Duration, Instant, JobId, Ledger, Line, Renewal, Usd};
    /// static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// static FIFTY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(50), Renewal::Lifetime);
    /// static DOLLARS: BudgetSpec = BudgetSpec::new::<Usd>(Amount::whole(50), Renewal::Lifetime);
    ///
    /// let now = Instant::ORIGIN;
    /// let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// let credits = ledger.open(now, &HUNDRED)?;
    /// let eighty = [Line::new::<Credits>(credits, Amount::whole(80))];
    /// let _ = ledger.reserve(now, JobId(1), &eighty, Duration::MAX)?;
    ///
    /// // The hold lives, and its job may cost what was set aside; nothing more fits.
    /// ledger.set_spec(now, credits, &FIFTY)?;
    /// assert_eq!(ledger.available::<Credits>(now, credits)?, Amount::ZERO);
    /// let _ = ledger.settle(now, JobId(1), &eighty)?;
    ///
    /// ledger.set_spec(now, credits, &HUNDRED)?;
    /// assert_eq!(ledger.available::<Credits>(now, credits)?, Amount::whole(20));
    /// assert_eq!(ledger.set_spec(now, credits, &DOLLARS), Err(ChangeError::UnitMismatch));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_spec(&mut self, now: Instant, account: AccountId, spec: &'a BudgetSpec<'a>) -> Result<(), ChangeError> {
        let index = usize::from(account.0);
        let old = self.accounts.get(index).ok_or(ChangeError::UnknownBudget)?.spec;
        if spec.unit != old.unit {
            return Err(ChangeError::UnitMismatch);
        }
        let surely = self.wall.surely(self.effective(now)).map(UnixMicros::as_secs);
        if !old.renewal.goes_on_as(&spec.renewal, surely) {
            return Err(ChangeError::OtherRenewal);
        }
        let eff = self.act(now);
        if let Some(account) = self.accounts.get_mut(index) {
            account.budget.change_spec(old, spec);
            account.spec = spec;
        }
        self.find_roll(account, eff);
        Ok(())
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = AccountId> + use<N, H, L, R, S> {
        let len = u8::try_from(self.accounts.len()).unwrap_or(u8::MAX);
        (0..len).map(AccountId)
    }

    pub(crate) fn effective(&self, now: Instant) -> Instant {
        self.last.max(now)
    }

    pub(crate) fn is_over(&self, hold: &Hold<L>, eff: Instant) -> bool {
        !is_live(self.deadline(hold), eff)
    }

    pub(crate) const fn deadline(&self, hold: &Hold<L>) -> Instant {
        hold.until.saturating_add(self.grace)
    }

    /// The common case of lines that are in order: each in the unit of its account, and none twice.
    pub(crate) fn are_plain(&self, mut lines: &[Line]) -> bool {
        if lines.len() > L {
            return false;
        }
        while let [line, later @ ..] = lines {
            let account = self.accounts.get(usize::from(line.account.0));
            if account.is_none_or(|account| account.spec.unit != line.unit)
                || later.iter().any(|other| other.account == line.account)
            {
                return false;
            }
            lines = later;
        }
        true
    }

    /// The tag of what is reserved or charged in this account now.
    pub(crate) fn tag(&self, spec: &BudgetSpec<'_>, budget: &Budget) -> i32 {
        budget.tag(spec, self.wall.is_known())
    }

    /// The account as it is at `eff`, if nobody does anything until then.
    pub(crate) fn view(&self, at: AccountId, eff: Instant) -> Option<(&'a BudgetSpec<'a>, Budget)> {
        self.view_after(at, eff, |_| {})
    }

    /// The same, with what `ends` does to the budget before it rolls.
    pub(crate) fn view_after(
        &self,
        at: AccountId,
        eff: Instant,
        ends: impl FnOnce(&mut Budget),
    ) -> Option<(&'a BudgetSpec<'a>, Budget)> {
        let account = self.accounts.get(usize::from(at.0))?;
        let (spec, mut budget) = (account.spec, account.budget);
        let due = eff >= self.next_expiry;
        if let Renewal::Rolling(rolling) = spec.renewal {
            budget.posted = self.aged(account, rolling, eff);
            ends(&mut budget);
            if due {
                self.run_out(at, eff, |hold, reserved| {
                    budget.held = budget.held.saturating_sub(reserved);
                    // Until it is written down it counts as long as its slice can possibly last.
                    let leaves = self.deadline(hold).saturating_add(rolling.length()).saturating_add(rolling.slice());
                    if hold.on_expiry == OnExpiry::Post && eff < leaves {
                        budget.posted = budget.posted.saturating_add(reserved);
                    }
                });
            }
            return Some((spec, budget));
        }
        let (rolls, roll_at) = (eff >= budget.roll_at, budget.roll_at);
        ends(&mut budget);
        if due {
            self.run_out_lines(at, eff, &mut budget, |ended| !rolls || ended <= roll_at);
        }
        if rolls {
            self.roll(spec, &mut budget, eff);
            if due {
                self.run_out_lines(at, eff, &mut budget, |ended| ended > roll_at);
            }
        }
        Some((spec, budget))
    }

    /// Calls `each` for every hold on this account whose time is up at `eff` and that is still in the table.
    fn run_out(&self, at: AccountId, eff: Instant, mut each: impl FnMut(&Hold<L>, u64)) {
        for hold in self.holds.iter().filter(|hold| self.is_over(hold, eff)) {
            if let Some(line) = hold.line(at) {
                each(hold, line.reserved);
            }
        }
    }

    fn run_out_lines(&self, at: AccountId, eff: Instant, budget: &mut Budget, when: impl Fn(Instant) -> bool) {
        self.run_out(at, eff, |hold, reserved| {
            if when(self.deadline(hold)) {
                let home = budget.home(hold.line(at).map_or(UNDATED, |line| line.tag));
                budget.unhold(home, reserved);
                if hold.on_expiry == OnExpiry::Post {
                    budget.post(home, reserved);
                }
            }
        });
    }

    /// Goes on to the period that the wall surely shows at `eff`.
    fn roll(&self, spec: &BudgetSpec<'_>, budget: &mut Budget, eff: Instant) {
        let Some(period) = self.wall.surely(eff).and_then(|unix| spec.renewal.period_at(unix.as_secs())) else {
            return;
        };
        if period.index > budget.period {
            budget.roll(spec, period.index);
        }
        budget.roll_at = self.roll_at(spec, budget.period, eff);
    }

    /// When this period is surely over, as far as is known at `eff`.
    pub(crate) fn roll_at(&self, spec: &BudgetSpec<'_>, index: i32, eff: Instant) -> Instant {
        // The wall less a larger error than before may show an earlier period: look a few ahead.
        const AHEAD: u32 = 8;
        let now = self.wall.surely(eff).and_then(|unix| spec.renewal.period_at(unix.as_secs()));
        let Some(mut period) = now else { return Instant::MAX };
        for _ in 0..AHEAD {
            if period.index >= index {
                break;
            }
            period = spec.renewal.period_at(period.end).unwrap_or(period);
        }
        // A later period is running: this one is over already.
        let end = if period.index > index { period.start } else { period.end };
        self.wall.when_surely(UnixMicros::from_secs(end)).unwrap_or(Instant::MAX)
    }

    /// Recomputes when a calendar budget rolls: never while the date is unknown.
    pub(crate) fn find_roll(&mut self, at: AccountId, eff: Instant) {
        let Some((spec, period)) = self.accounts.get(usize::from(at.0)).map(|a| (a.spec, a.budget.period)) else {
            return;
        };
        if spec.renewal.is_dated() {
            let roll_at = self.roll_at(spec, period, eff);
            if let Some(account) = self.accounts.get_mut(usize::from(at.0)) {
                account.budget.roll_at = roll_at;
            }
        }
    }

    /// The date became known: the account learns its period, and everything undated gets one.
    pub(crate) fn learn(&mut self, at: AccountId, eff: Instant, outside: Undated<'_>) {
        let surely = self.wall.surely(eff);
        let Some(account) = self.accounts.get_mut(usize::from(at.0)) else { return };
        let spec = account.spec;
        let Some(period) = surely.and_then(|unix| spec.renewal.period_at(unix.as_secs())) else { return };
        let lines = |hold: &Hold<L>| hold.line(at).copied();
        // A later period than the one that is confirmed was never there: the date that named it was wrong.
        let dated = |tag: i32| if tag == UNDATED { period.index } else { tag.min(period.index) };
        let undated = self.holds.iter().filter_map(lines).filter(|line| line.tag == UNDATED);
        let mut undated_held: u64 = undated.map(|line| line.reserved).total();
        outside(&mut |amount, held| {
            if amount.account == at {
                let counts = held && amount.tag == UNDATED;
                undated_held = undated_held.saturating_add(if counts { amount.micros } else { 0 });
                amount.tag = dated(amount.tag);
            }
        });
        account.budget.learn(spec, period.index, undated_held);
        for line in self.holds.iter_mut().chain(&mut self.resolved).flat_map(|hold| &mut hold.lines) {
            if line.account == at {
                (line.tag, line.extra_tag) = (dated(line.tag), dated(line.extra_tag));
            }
        }
        let budget = &mut account.budget;
        let held = self.holds.iter().filter_map(lines).filter(|line| budget.home(line.tag) != Home::Previous);
        budget.held = held.map(|line| line.reserved).total();
        outside(&mut |amount, held| {
            if held && amount.account == at && budget.home(amount.tag) != Home::Previous {
                budget.held = budget.held.saturating_add(amount.micros);
            }
        });
        budget.alert(spec);
    }

    /// Acts at `now`: writes down what time has done until then. An older stamp is counted and changes nothing.
    pub(crate) fn act(&mut self, now: Instant) -> Instant {
        if now < self.last {
            self.faults = self.faults.saturating_add(1);
        }
        let eff = self.effective(now);
        self.last = eff;
        let due = eff >= self.next_expiry;
        for at in self.indices() {
            let Some(account) = self.accounts.get(usize::from(at.0)) else { continue };
            let rolls = eff >= account.budget.roll_at;
            if let Renewal::Rolling(rolling) = account.spec.renewal {
                if rolls {
                    self.advance(at, rolling, eff);
                }
            } else if (due || rolls)
                && let Some((spec, mut budget)) = self.view(at, eff)
            {
                budget.alert(spec);
                self.store(at, budget);
            }
        }
        if due {
            self.sweep(eff);
        }
        eff
    }

    pub(crate) fn store(&mut self, at: AccountId, budget: Budget) {
        if let Some(account) = self.accounts.get_mut(usize::from(at.0)) {
            account.budget = budget;
        }
    }

    /// Takes out the holds whose time is up, in the order (end, id); their sums are written down already, but for
    /// rolling budgets.
    fn sweep(&mut self, eff: Instant) {
        for _ in 0..H {
            let over = self.holds.iter().numbered().filter(|(_, hold)| self.is_over(hold, eff));
            let Some((index, _)) = over.min_by_key(|(_, hold)| (hold.until, hold.id)) else { break };
            let Some(mut hold) = self.holds.take_out(index) else { break };
            let ended = self.deadline(&hold);
            hold.expire();
            for line in &mut hold.lines {
                let tag = self.expire_rolling(line.account, ended, line.reserved, line.taken);
                line.tag = tag.unwrap_or(line.tag);
            }
            self.remember(hold);
        }
        let deadlines = self.holds.iter().map(|hold| self.deadline(hold));
        self.next_expiry = deadlines.min().unwrap_or(Instant::MAX);
    }

    /// Ends a line in a rolling budget; what is posted of it is stamped when its time was up.
    fn expire_rolling(&mut self, at: AccountId, ended: Instant, reserved: u64, taken: u64) -> Option<i32> {
        let account = self.accounts.get_mut(usize::from(at.0))?;
        let Renewal::Rolling(rolling) = account.spec.renewal else { return None };
        account.budget.held = account.budget.held.saturating_sub(reserved);
        let mut age = 0u16;
        let mut start = account.budget.roll_at.saturating_sub(rolling.slice());
        while ended < start && age <= rolling.slices() {
            start = start.saturating_sub(rolling.slice());
            age = age.saturating_add(1);
        }
        let tag = account.budget.period.wrapping_sub(i32::from(age));
        self.put(at, tag, taken);
        if let Some(account) = self.accounts.get_mut(usize::from(at.0)) {
            account.budget.alert(account.spec);
        }
        Some(tag)
    }

    /// The slice of a rolling budget with this tag, if it is still in the window.
    fn slot(&mut self, at: AccountId, tag: i32) -> Option<(&mut u64, &mut Budget)> {
        let account = self.accounts.get_mut(usize::from(at.0))?;
        let Renewal::Rolling(rolling) = account.spec.renewal else { return None };
        let age = u16::try_from(account.budget.period.wrapping_sub(tag)).ok().filter(|age| *age <= rolling.slices())?;
        let back = if account.running >= age { 0 } else { rolling.slices().wrapping_add(1) };
        let index = usize::from(account.offset) + usize::from(account.running.wrapping_add(back).wrapping_sub(age));
        Some((self.slices.get_mut(index)?, &mut account.budget))
    }

    /// Posts to the slice with this tag; nothing, if it has left the window.
    pub(crate) fn put(&mut self, at: AccountId, tag: i32, amount: u64) {
        if let Some((slot, budget)) = self.slot(at, tag) {
            *slot = slot.saturating_add(amount);
            budget.posted = budget.posted.saturating_add(amount);
        }
    }

    /// Takes back from the slice with this tag, and returns how much was there.
    pub(crate) fn take_back(&mut self, at: AccountId, tag: i32, amount: u64) -> u64 {
        let Some((slot, budget)) = self.slot(at, tag) else { return 0 };
        let amount = amount.min(*slot);
        *slot -= amount;
        budget.posted = budget.posted.saturating_sub(amount);
        amount
    }

    /// Whether the slice with this tag is still in the window.
    pub(crate) fn in_window(&mut self, at: AccountId, tag: i32) -> bool {
        self.slot(at, tag).is_some()
    }

    /// The slices of a rolling account in the order in which they leave, the running one last.
    fn leaving(&self, account: &Account<'_>, rolling: Rolling) -> impl Iterator<Item = u64> + '_ {
        let (from, len) = (usize::from(account.offset), usize::from(rolling.slices()) + 1);
        let ring = self.slices.get(from..from + len).unwrap_or(&[]);
        let (early, late) = ring.split_at_checked(usize::from(account.running) + 1).unwrap_or((ring, &[]));
        late.iter().chain(early).copied()
    }

    /// What the slices of a rolling account hold at `eff`.
    fn aged(&self, account: &Account<'_>, rolling: Rolling, eff: Instant) -> u64 {
        let (mut end, mut posted) = (account.budget.roll_at, account.budget.posted);
        if eff >= end {
            for slot in self.leaving(account, rolling) {
                if eff < end || end == Instant::MAX {
                    break;
                }
                posted = posted.saturating_sub(slot);
                end = end.saturating_add(rolling.slice());
            }
        }
        posted
    }

    /// Moves the running slice up to `eff`. Slices that have all left start anew there, without a division.
    fn advance(&mut self, at: AccountId, rolling: Rolling, eff: Instant) {
        let Some(account) = self.accounts.get_mut(usize::from(at.0)) else { return };
        let budget = &mut account.budget;
        for _ in 0..=rolling.slices() {
            if eff < budget.roll_at || budget.roll_at == Instant::MAX {
                break;
            }
            account.running = if account.running < rolling.slices() { account.running + 1 } else { 0 };
            if let Some(oldest) = self.slices.get_mut(usize::from(account.offset) + usize::from(account.running)) {
                budget.posted = budget.posted.saturating_sub(core::mem::take(oldest));
            }
            budget.period = budget.period.wrapping_add(1);
            budget.roll_at = budget.roll_at.saturating_add(rolling.slice());
        }
        if eff >= budget.roll_at {
            budget.roll_at = eff.saturating_add(rolling.slice());
        }
        budget.alert(account.spec);
    }

    /// The first instant after `t` at which something in this account changes by itself, its holds not included.
    pub(crate) fn next_change(&self, at: AccountId, t: Instant) -> Option<Instant> {
        let account = self.accounts.get(usize::from(at.0))?;
        let next = match account.spec.renewal {
            Renewal::Rolling(rolling) => {
                let mut end = account.budget.roll_at;
                for _ in 0..=rolling.slices() {
                    if end > t {
                        break;
                    }
                    end = end.saturating_add(rolling.slice());
                }
                end
            }
            // It stands until then.
            _ if t < account.budget.roll_at => account.budget.roll_at,
            _ => self.view(at, t)?.1.roll_at,
        };
        Some(next).filter(|next| *next > t && *next < Instant::MAX)
    }

    /// Opens the calendar of a new account.
    pub(crate) fn date(&mut self, at: AccountId, eff: Instant) {
        if self.wall.is_known() {
            self.learn(at, eff, &mut |_| {});
        }
        self.find_roll(at, eff);
    }

    /// Whether the account's period is a real one that is known to be running.
    pub(crate) fn is_dated(&self, spec: &BudgetSpec<'_>, budget: &Budget) -> bool {
        !spec.renewal.is_dated() || (self.wall.is_known() && budget.has(DATED))
    }
}
