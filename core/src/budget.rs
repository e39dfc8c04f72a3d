//! `Budget`: the state of one budget, 72 bytes, without a word about who holds what.
//!
//! A pure state machine that the [`Ledger`](crate::Ledger) drives: it admits, posts and rolls. Copied and rolled it shows
//! what will be; only a granted operation writes it back.
//!
//! ```text
//! limit + bonus = posted + held + debt + free        (nothing is free while the budget is closed by a cap)
//! at a roll:  debt' = what exceeded limit + bonus, less one limit per period slept through
//!             bonus' = what was left, between the least and the most rollover
//! ```

use crate::bounded::Counting;
use crate::log::log;
use crate::terms::{BudgetSpec, Overage};
use crate::time::Instant;

/// The state of one budget: 72 bytes in the table of a [`Ledger`](crate::Ledger), one for each account.
///
/// Nobody makes one by hand: [`Ledger::open`](crate::Ledger::open) does, by a [`BudgetSpec`], and
/// [`Ledger::report`](crate::Ledger::report) shows what is in it. Amounts are in millionths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Budget {
    /// The calendar period; for a rolling budget the number of its running slice, which wraps.
    pub(crate) period: i32,
    pub(crate) flags: u8,
    pub(crate) armed: u8,
    pub(crate) pending: u8,
    pub(crate) posted: u64,
    pub(crate) held: u64,
    pub(crate) debt: u64,
    pub(crate) bonus: u64,
    pub(crate) prev_posted: u64,
    /// What of `posted` and `debt` was used while the date was unknown.
    pub(crate) undated: u64,
    pub(crate) unaccounted: u64,
    /// When the period, or the running slice, is over; `MAX` while that is unknown.
    pub(crate) roll_at: Instant,
}

/// The period is a real one: it was learned from a wall.
pub(crate) const DATED: u8 = 1;
/// A cap was exceeded: nothing new until the next period or a refund.
pub(crate) const OVER: u8 = 2;

/// Which period a hold or a posting belongs to, seen from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// The running one; whether it is to be moved once the date is known.
    Current { undated: bool },
    /// The one before it; for live holds, every earlier one.
    Previous,
}

/// The tag of what happened while the date was unknown.
pub(crate) const UNDATED: i32 = i32::MIN;

/// Where a charge above its hold goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cover {
    pub(crate) posted: u64,
    pub(crate) debt: u64,
    pub(crate) missed: u64,
    /// The cap was exceeded.
    pub(crate) closes: bool,
}

impl Budget {
    pub(crate) const fn new(spec: &BudgetSpec<'_>) -> Self {
        Self {
            period: 0,
            flags: 0,
            armed: spec.thresholds.all(),
            pending: 0,
            posted: 0,
            held: 0,
            debt: 0,
            bonus: 0,
            prev_posted: 0,
            undated: 0,
            unaccounted: 0,
            roll_at: Instant::MAX,
        }
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) const fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// All that can be used in this period. Does not overflow: the specification was checked.
    pub(crate) const fn cap(&self, spec: &BudgetSpec<'_>) -> u64 {
        spec.limit.saturating_add(self.bonus)
    }

    const fn used(&self) -> u64 {
        self.posted.saturating_add(self.held).saturating_add(self.debt)
    }

    /// What is left to admit.
    pub(crate) const fn free(&self, spec: &BudgetSpec<'_>) -> u64 {
        if self.has(OVER) { 0 } else { self.cap(spec).saturating_sub(self.used()) }
    }

    /// What would be left if every hold were released.
    pub(crate) const fn left_without_holds(&self, spec: &BudgetSpec<'_>) -> u64 {
        if self.has(OVER) { 0 } else { self.cap(spec).saturating_sub(self.posted.saturating_add(self.debt)) }
    }

    /// What is not spent, holds not deducted: below zero in debt and above a lowered limit, also while a cap keeps it closed.
    pub(crate) fn unspent(&self, spec: &BudgetSpec<'_>) -> i64 {
        let signed = |micros| i64::try_from(micros).unwrap_or(i64::MAX);
        signed(self.cap(spec)).saturating_sub(signed(self.posted)).saturating_sub(signed(self.debt))
    }

    /// Whether the usage is above the soft limit.
    pub(crate) const fn is_soft(&self, spec: &BudgetSpec<'_>, more: u64) -> bool {
        match spec.soft {
            Some(soft) => self.used().saturating_add(more) > soft,
            None => false,
        }
    }

    /// The tag of what is reserved or charged now; `is_dated`: the date is known.
    pub(crate) const fn tag(&self, spec: &BudgetSpec<'_>, is_dated: bool) -> i32 {
        if is_dated || !spec.renewal.is_dated() { self.period } else { UNDATED }
    }

    /// Where something with this tag belongs, seen from the running period.
    ///
    /// A later tag than the period exists only after an earlier period was confirmed: it belongs here then.
    pub(crate) const fn home(&self, tag: i32) -> Home {
        if tag == UNDATED {
            Home::Current { undated: true }
        } else if tag >= self.period {
            Home::Current { undated: false }
        } else {
            Home::Previous
        }
    }

    /// Posts at home. Sums of previous periods saturate: they are shown, and admit nothing.
    pub(crate) const fn post(&mut self, home: Home, amount: u64) {
        match home {
            Home::Current { undated } => {
                self.posted = self.posted.saturating_add(amount);
                if undated {
                    self.undated = self.undated.saturating_add(amount);
                }
            }
            Home::Previous => self.prev_posted = self.prev_posted.saturating_add(amount),
        }
    }

    /// Takes back what was posted at home; never more than is there.
    pub(crate) const fn unpost(&mut self, home: Home, amount: u64) {
        match home {
            Home::Current { undated } => {
                self.posted = self.posted.saturating_sub(amount);
                if undated {
                    self.undated = self.undated.saturating_sub(amount);
                }
            }
            Home::Previous => self.prev_posted = self.prev_posted.saturating_sub(amount),
        }
    }

    /// Ends a hold, of which nothing is posted yet.
    pub(crate) const fn unhold(&mut self, home: Home, amount: u64) {
        if let Home::Current { .. } = home {
            self.held = self.held.saturating_sub(amount);
        }
    }

    /// How a charge of `excess` without a hold is met, or by how much it is too high.
    ///
    /// With `forced` it is always met; what the budget cannot take is missed, and the budget is left with nothing free.
    pub(crate) fn cover(&self, spec: &BudgetSpec<'_>, excess: u64, rolling: bool, forced: bool) -> Result<Cover, u64> {
        let free = self.free(spec);
        let posted = excess.min(free);
        let rest = excess - posted;
        let (limit_of_rest, may_miss) = match spec.overage {
            Overage::Reject => (0, forced),
            Overage::Cap => (0, true),
            // Above its limit a rolling budget owes what it has posted there.
            Overage::Debt { max } if rolling => {
                (max.saturating_sub(self.used().saturating_sub(self.cap(spec))), forced)
            }
            Overage::Debt { max } => (max.saturating_sub(self.debt), forced),
        };
        let owed = rest.min(limit_of_rest);
        let missed = rest - owed;
        if missed > 0 && !may_miss {
            return Err(missed);
        }
        let closes = missed > 0 && matches!(spec.overage, Overage::Cap);
        let (posted, debt) = if rolling { (posted.saturating_add(owed), 0) } else { (posted, owed) };
        Ok(Cover { posted, debt, missed, closes })
    }

    /// Books what [`cover`](Self::cover) has answered.
    pub(crate) const fn apply(&mut self, cover: Cover, undated: bool) {
        self.posted = self.posted.saturating_add(cover.posted);
        self.debt = self.debt.saturating_add(cover.debt);
        if undated {
            self.undated = self.undated.saturating_add(cover.posted).saturating_add(cover.debt);
        }
        self.miss(cover.missed);
        if cover.closes {
            self.set(OVER, true);
        }
    }

    /// Counts what was used and could not be booked. Saturates: it is a counter for people.
    pub(crate) const fn miss(&mut self, amount: u64) {
        self.unaccounted = self.unaccounted.saturating_add(amount);
    }

    /// Gives back what was used at home, debts first.
    #[inline(never)]
    pub(crate) fn give_back(&mut self, home: Home, refund: u64) {
        let rest = self.repay(refund);
        self.unpost(home, rest);
        if let Home::Current { undated: true } = home {
            self.undated = self.undated.saturating_sub(refund - rest);
        }
    }

    /// Repays debt from a refund, and returns what is left of it. A refund opens a budget closed by a cap.
    pub(crate) fn repay(&mut self, refund: u64) -> u64 {
        let repaid = refund.min(self.debt);
        self.debt -= repaid;
        if refund > 0 {
            self.set(OVER, false);
        }
        refund - repaid
    }

    /// The debt that the next period begins with, if nothing happens until then but that holds end.
    pub(crate) const fn carried(&self, spec: &BudgetSpec<'_>) -> u64 {
        if spec.carry_debt { self.used().saturating_sub(self.cap(spec)) } else { 0 }
    }

    /// Goes on to the later period `to`. Holds of the period that ends are no longer counted here.
    pub(crate) fn roll(&mut self, spec: &BudgetSpec<'_>, to: i32) {
        let gap = i64::from(to).saturating_sub(i64::from(self.period)).cast_unsigned();
        let slept = gap.saturating_sub(1);
        let (cap, used) = (self.cap(spec), self.used());
        let over = used.saturating_sub(cap);
        self.debt = if spec.carry_debt { over.saturating_sub(spec.limit.saturating_mul(slept)) } else { 0 };
        self.bonus = match spec.rollover {
            Some((min, _)) if slept > 0 => min,
            Some((min, max)) => cap.saturating_sub(used).max(min).min(max),
            None => 0,
        };
        self.prev_posted = if slept == 0 { self.posted } else { 0 };
        (self.posted, self.held, self.undated) = (0, 0, 0);
        self.armed = spec.thresholds.all();
        self.set(OVER, false);
        self.period = to;
    }

    /// Learns the period after a time without a date; `undated_held` is what was held meanwhile.
    ///
    /// A fresh budget adopts it. A later period takes along what was used while it was unknown, debts made then included.
    /// An earlier one has been confirmed, so that what was taken for two periods was one.
    pub(crate) fn learn(&mut self, spec: &BudgetSpec<'_>, period: i32, undated_held: u64) {
        if !self.has(DATED) {
            self.period = period;
            self.set(DATED, true);
        } else if period > self.period {
            // What goes along is posted there as it was posted here; what was more than that is a debt, and stays one.
            let posted = self.undated.min(self.posted);
            let owed = self.undated - posted;
            self.posted -= posted;
            self.debt = self.debt.saturating_sub(owed);
            self.held = self.held.saturating_sub(undated_held);
            self.roll(spec, period);
            (self.posted, self.held) = (posted, undated_held);
            self.debt = self.debt.saturating_add(owed);
        } else if period < self.period {
            self.posted = self.posted.saturating_add(self.prev_posted);
            self.prev_posted = 0;
            self.period = period;
        }
        self.undated = 0;
    }

    /// Goes on under another specification with the same unit and periods.
    ///
    /// A threshold that is in both keeps what has become of it; a new one is armed, and fires at once if it is reached. A
    /// budget that a cap has closed opens if the limit is raised, or if the new specification has no cap.
    pub(crate) fn change_spec(&mut self, old: &BudgetSpec<'_>, new: &BudgetSpec<'_>) {
        let (mut armed, mut pending) = (0, 0);
        for (at, share) in new.thresholds.iter().numbered() {
            // There are at most eight.
            let bit = |at: usize| 1u8 << (at & 7);
            let before = old.thresholds.iter().place(|known| known == share).map(bit);
            let had = |bits: u8| before.map(|before| bits & before != 0);
            let bit = bit(at);
            armed |= if had(self.armed).unwrap_or(true) { bit } else { 0 };
            pending |= if had(self.pending).unwrap_or(false) { bit } else { 0 };
        }
        (self.armed, self.pending) = (armed, pending);
        // What came on top stays until the period ends, but limit and bonus must be an amount.
        self.bonus = self.bonus.min(i64::MAX.cast_unsigned().saturating_sub(new.limit));
        if new.limit > old.limit || !matches!(new.overage, Overage::Cap) {
            self.set(OVER, false);
        }
        self.alert(new);
    }

    /// Fires the thresholds that are reached, once; arms those that are left behind. Basis: posted and held.
    pub(crate) fn alert(&mut self, spec: &BudgetSpec<'_>) {
        if spec.thresholds.is_empty() {
            return;
        }
        let used = self.posted.saturating_add(self.held);
        let (fired, armed) = spec.thresholds.judge(used, self.cap(spec), self.armed);
        if fired != 0 {
            log!(warn, "budget: {=u64} millionths of {=u64} are used or set aside", used, self.cap(spec));
        }
        self.pending |= fired;
        self.armed = armed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::Amount;
    use crate::calendar::{Calendar, Cycle};
    use crate::terms::Renewal;
    use crate::unit::Credits;

    const DAY: Renewal<'static> = Renewal::Calendar(Calendar::utc(Cycle::Day));

    fn spec(limit: u32) -> BudgetSpec<'static> {
        BudgetSpec::new::<Credits>(Amount::whole(limit), DAY)
    }

    fn whole(units: u32) -> u64 {
        Amount::<Credits>::whole(units).as_micros()
    }

    #[test]
    fn a_budget_takes_72_bytes() {
        assert_eq!(size_of::<Budget>(), 72);
    }

    #[test]
    fn a_carried_debt_is_repaid_by_the_new_period() {
        let spec = spec(100).with_debt::<Credits>(Amount::whole(1_000)).unwrap();
        // (posted, held, debt, periods on) -> debt
        for (posted, held, debt, gap, expected) in [
            (100, 0, 30, 1, 30),
            (0, 70, 30, 1, 0),
            (0, 71, 30, 1, 1),
            (100, 0, 250, 1, 250),
            (0, 0, 250, 1, 150),
            (100, 0, 250, 2, 150),
            (0, 0, 250, 3, 0),
            (100, 0, 250, i32::MAX, 0),
        ] {
            let mut budget = Budget::new(&spec);
            (budget.posted, budget.held, budget.debt) = (whole(posted), whole(held), whole(debt));
            budget.roll(&spec, gap);
            assert_eq!(budget.debt, whole(expected), "{posted} {held} {debt} {gap}");
            assert_eq!(budget.prev_posted, if gap == 1 { whole(posted) } else { 0 });
        }
        let mut budget = Budget::new(&spec);
        budget.debt = whole(250);
        budget.roll(&spec.forgiving(), 1);
        assert_eq!(budget.debt, 0);
    }

    #[test]
    fn the_rollover_stays_between_the_least_and_the_most() {
        let spec = spec(100).with_rollover::<Credits>(Amount::whole(5), Amount::whole(20)).unwrap();
        for (posted, gap, expected) in [(0, 1, 20), (70, 1, 20), (85, 1, 15), (98, 1, 5), (100, 1, 5), (0, 2, 5)] {
            let mut budget = Budget::new(&spec);
            budget.posted = whole(posted);
            budget.roll(&spec, gap);
            assert_eq!(budget.bonus, whole(expected), "{posted} {gap}");
        }
    }

    #[test]
    fn what_was_undated_goes_along_to_a_later_period_and_stays_in_the_same() {
        let spec = spec(100);
        let before =
            Budget { period: 7, flags: DATED, posted: 60, held: 9, undated: 20, prev_posted: 11, ..Budget::new(&spec) };
        for (period, dated, expected) in [
            (7, true, (7, 60, 9, 11)),
            (8, true, (8, 20, 4, 40)),
            (9, true, (9, 20, 4, 0)),
            (6, true, (6, 71, 9, 0)),
            (3, false, (3, 60, 9, 11)),
        ] {
            let mut budget = before;
            budget.set(DATED, dated);
            budget.learn(&spec, period, 4);
            assert_eq!((budget.period, budget.posted, budget.held, budget.prev_posted), expected);
            assert_eq!(budget.undated, 0);
        }
    }

    #[test]
    fn what_was_owed_without_a_date_goes_along_as_well() {
        let spec = spec(100);
        // (posted, debt, undated of both, periods on) -> (posted, debt, posted before)
        for (posted, debt, undated, on, expected) in [
            (100, 30, 130, 1, [100, 30, 0]),
            (100, 30, 50, 1, [50, 0, 50]),
            (100, 30, 20, 1, [20, 10, 80]),
            (100, 30, 20, 2, [20, 0, 0]),
            (100, 230, 20, 2, [20, 110, 0]),
        ] {
            let [posted, debt, undated] = [posted, debt, undated].map(whole);
            let mut budget = Budget { flags: DATED, posted, debt, undated, ..Budget::new(&spec) };
            budget.learn(&spec, on, 0);
            let got = [budget.posted, budget.debt, budget.prev_posted];
            assert_eq!(got, expected.map(whole), "{posted} {debt} {undated} {on}");
        }
    }

    #[test]
    fn an_excess_is_met_as_the_overage_says() {
        let base = spec(100);
        let debt = base.with_debt::<Credits>(Amount::whole(30)).unwrap();
        let cover = |posted, debt, missed, closes| Cover {
            posted: whole(posted),
            debt: whole(debt),
            missed: whole(missed),
            closes,
        };
        // 80 used of 100.
        for (spec, excess, rolling, forced, expected) in [
            (base, 20, false, false, Ok(cover(20, 0, 0, false))),
            (base, 21, false, false, Err(whole(1))),
            (base, 50, false, true, Ok(cover(20, 0, 30, false))),
            (base.with_cap(), 20, false, false, Ok(cover(20, 0, 0, false))),
            (base.with_cap(), 50, false, false, Ok(cover(20, 0, 30, true))),
            (debt, 50, false, false, Ok(cover(20, 30, 0, false))),
            (debt, 51, false, false, Err(whole(1))),
            (debt, 51, false, true, Ok(cover(20, 30, 1, false))),
            (debt, 50, true, false, Ok(cover(50, 0, 0, false))),
            (debt, 51, true, false, Err(whole(1))),
        ] {
            let budget = Budget { posted: whole(50), held: whole(30), ..Budget::new(&spec) };
            assert_eq!(budget.cover(&spec, whole(excess), rolling, forced), expected, "{excess} {:?}", spec.overage);
        }
    }
}
