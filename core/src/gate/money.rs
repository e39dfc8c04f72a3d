//! `Money`: the accounts of a gate. `()` for none, or a [`Ledger`] without holds of its own.
//!
//! The gate keeps what its jobs hold in its own table, one lease for slot and hold; the ledger keeps the budgets. So a
//! job takes 16 bytes an amount and not 64, and nothing has two ends of time.

use core::fmt;

use heapless::Vec;

use super::job::{Ending, HeldAmount};

use crate::accounts::Undated;
use crate::bounded::{Bounded, Counting};
use crate::hold::{AccountId, HeldLine, Hold, HoldState, LedgerError, Line, OnExpiry, Receipt};
use crate::job::JobId;
use crate::ledger::{Account, Ledger};
use crate::limiter::Denied;
use crate::report::Report;
use crate::terms::{BudgetSpec, Renewal};
use crate::time::{Duration, Instant};
use crate::wall::{Heard, Trust, UnixMicros};
use crate::window::is_live;

/// The place of the accounts: `()`, or a [`Ledger<N, 0, L, 0, S>`](Ledger), whose holds are the gate's.
///
/// Nobody else implements it.
pub trait Money: sealed::Sealed {
    /// What a job holds.
    type Amounts: Copy + fmt::Debug + AsRef<[HeldAmount]> + AsMut<[HeldAmount]>;
    /// Nothing.
    const NOTHING: Self::Amounts;

    #[doc(hidden)]
    fn resolve(&self, lines: &[Line]) -> Result<(), LedgerError>;
    /// Whether all of it can be set aside; else which account is short.
    #[doc(hidden)]
    fn fits(&self, eff: Instant, lines: &[Line], ends: &Ends<impl Endings, impl Endings>) -> Result<(), AccountId>;
    /// The same, with when.
    #[doc(hidden)]
    fn quote(&self, asked: Instant, lines: &[Line], ends: &Ends<impl Endings, impl Endings>) -> Quoted;
    #[doc(hidden)]
    fn act(&mut self, eff: Instant);
    /// Into `amounts`, which are [`NOTHING`](Self::NOTHING).
    #[doc(hidden)]
    fn hold(&mut self, lines: &[Line], amounts: &mut Self::Amounts);
    #[doc(hidden)]
    fn free(&mut self, amounts: &Self::Amounts);
    #[doc(hidden)]
    fn post(&mut self, amounts: &mut Self::Amounts);
    #[doc(hidden)]
    fn matches_all(&self, amounts: &Self::Amounts, actual: &[Line]) -> Result<(), LedgerError>;
    #[doc(hidden)]
    fn settle(
        &mut self,
        id: JobId,
        amounts: &mut Self::Amounts,
        overdue: bool,
        actual: &[Line],
    ) -> Result<Receipt, LedgerError>;
    #[doc(hidden)]
    fn refundable(&self, amounts: &Self::Amounts, lines: &[Line]) -> Result<(), LedgerError>;
    #[doc(hidden)]
    fn refund(&mut self, amounts: &mut Self::Amounts, lines: &[Line]) -> Receipt;
    #[doc(hidden)]
    fn absorb(&mut self, id: JobId, actual: &[Line]) -> Result<Receipt, LedgerError>;
    #[doc(hidden)]
    fn set_wall(&mut self, eff: Instant, heard: Sample, undated: Undated<'_>) -> Heard;
    #[doc(hidden)]
    fn restart(&mut self, now: Instant);
    #[doc(hidden)]
    fn next_change(&self, eff: Instant) -> Option<Instant>;
    #[doc(hidden)]
    fn report(&self, eff: Instant, account: AccountId, endings: impl Iterator<Item = Ending> + Clone)
    -> Option<Report>;
}

/// How jobs end, one each amount.
pub trait Endings: Iterator<Item = Ending> + Clone {}

impl<I: Iterator<Item = Ending> + Clone> Endings for I {}

/// How the jobs of a gate end if nobody does anything.
#[derive(Debug)]
pub struct Ends<A, U> {
    /// Nothing ends before this.
    pub(crate) due: Instant,
    /// All that hold something.
    pub(crate) all: A,
    /// Those that are not sent, and are given back.
    pub(crate) unsent: U,
}

/// What the accounts say of a request.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    /// The refusal that binds; none if all agree.
    pub(crate) worst: Option<(AccountId, Denied)>,
    /// From then on they agree, if nothing happens.
    pub(crate) lasts: bool,
}

/// Whether an amount can be set aside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fits {
    Not,
    Now,
    /// Now, and later too if nothing happens until then.
    Always,
}

/// What a wall clock said: a time, its error, and whose word it is.
pub(crate) type Sample = (UnixMicros, Duration, Trust);

mod sealed {
    /// Nobody else implements [`Money`](super::Money).
    pub trait Sealed {}
    impl Sealed for () {}
    impl<const N: usize, const L: usize, const S: usize> Sealed for crate::ledger::Ledger<'_, N, 0, L, 0, S> {}
}

impl Money for () {
    type Amounts = [HeldAmount; 0];
    const NOTHING: Self::Amounts = [];

    fn resolve(&self, lines: &[Line]) -> Result<(), LedgerError> {
        if lines.is_empty() { Ok(()) } else { Err(LedgerError::UnknownBudget { line: 0 }) }
    }
    fn fits(&self, _: Instant, _: &[Line], _: &Ends<impl Endings, impl Endings>) -> Result<(), AccountId> {
        Ok(())
    }
    fn quote(&self, _: Instant, _: &[Line], _: &Ends<impl Endings, impl Endings>) -> Quoted {
        Quoted { worst: None, lasts: true }
    }
    fn act(&mut self, _: Instant) {}
    fn hold(&mut self, _: &[Line], _: &mut Self::Amounts) {}
    fn free(&mut self, _: &Self::Amounts) {}
    fn post(&mut self, _: &mut Self::Amounts) {}
    fn matches_all(&self, _: &Self::Amounts, actual: &[Line]) -> Result<(), LedgerError> {
        self.resolve(actual)
    }
    fn settle(&mut self, _: JobId, _: &mut Self::Amounts, _: bool, actual: &[Line]) -> Result<Receipt, LedgerError> {
        self.resolve(actual).map(|()| Receipt::of(HoldState::Posted))
    }
    fn refundable(&self, _: &Self::Amounts, lines: &[Line]) -> Result<(), LedgerError> {
        self.resolve(lines)
    }
    fn refund(&mut self, _: &mut Self::Amounts, _: &[Line]) -> Receipt {
        Receipt::of(HoldState::Posted)
    }
    fn absorb(&mut self, _: JobId, actual: &[Line]) -> Result<Receipt, LedgerError> {
        self.resolve(actual).map(|()| Receipt::of(HoldState::PostedLate))
    }
    fn set_wall(&mut self, _: Instant, _: Sample, _: Undated<'_>) -> Heard {
        Heard::Agreed
    }
    fn restart(&mut self, _: Instant) {}
    fn next_change(&self, _: Instant) -> Option<Instant> {
        None
    }
    fn report(&self, _: Instant, _: AccountId, _: impl Iterator<Item = Ending> + Clone) -> Option<Report> {
        None
    }
}

impl<const N: usize, const L: usize, const S: usize> Money for Ledger<'_, N, 0, L, 0, S> {
    type Amounts = [HeldAmount; L];
    const NOTHING: Self::Amounts = [HeldAmount::NONE; L];

    fn resolve(&self, lines: &[Line]) -> Result<(), LedgerError> {
        Self::resolve(self, lines)
    }

    fn fits(&self, eff: Instant, lines: &[Line], ends: &Ends<impl Endings, impl Endings>) -> Result<(), AccountId> {
        let eff = self.effective(eff);
        let short = lines.iter().find(|line| self.line_fits(line, eff, ends) == Fits::Not);
        short.map_or(Ok(()), |line| Err(line.account))
    }

    fn quote(&self, asked: Instant, lines: &[Line], ends: &Ends<impl Endings, impl Endings>) -> Quoted {
        let eff = self.effective(asked);
        let mut quoted = Quoted { worst: None, lasts: true };
        for line in lines {
            let mut fits = self.line_fits(line, eff, ends);
            if fits == Fits::Not {
                let denied;
                (denied, fits) = self.line_quote(line, eff, ends);
                if quoted.worst.is_none_or(|(_, worst)| denied.outranks(worst)) {
                    quoted.worst = Some((line.account, denied));
                }
            }
            quoted.lasts &= fits == Fits::Always;
        }
        quoted
    }

    fn act(&mut self, eff: Instant) {
        if eff > self.last {
            Self::act(self, eff);
        }
    }

    fn hold(&mut self, lines: &[Line], amounts: &mut Self::Amounts) {
        let is_known = self.wall.is_known();
        for (amount, line) in amounts.iter_mut().zip(lines) {
            let Some(Account { spec, budget, .. }) = self.accounts.get_mut(usize::from(line.account.0)) else {
                continue;
            };
            let tag = budget.tag(spec, is_known);
            *amount = HeldAmount { micros: line.micros, tag, account: line.account, partial: false, spare: 0 };
            budget.held = budget.held.saturating_add(line.micros);
            budget.alert(spec);
        }
    }

    fn free(&mut self, amounts: &Self::Amounts) {
        for amount in amounts.iter().filter(|amount| amount.is_some()) {
            self.unhold(&held_line(amount));
            self.alert(amount.account);
        }
    }

    fn post(&mut self, amounts: &mut Self::Amounts) {
        for amount in amounts.iter_mut().filter(|amount| amount.is_some()) {
            let mut line = held_line(amount);
            self.unhold(&line);
            self.post_line(&mut line, amount.micros);
            amount.tag = line.tag;
            self.alert(amount.account);
        }
    }

    fn matches_all(&self, amounts: &Self::Amounts, actual: &[Line]) -> Result<(), LedgerError> {
        self.matches(&as_hold(JobId(0), amounts), actual)
    }

    fn settle(
        &mut self,
        id: JobId,
        amounts: &mut Self::Amounts,
        overdue: bool,
        actual: &[Line],
    ) -> Result<Receipt, LedgerError> {
        let mut hold = as_hold(id, amounts);
        if overdue {
            hold.expire();
        }
        let missing = |ledger: &Self, amount: &HeldAmount| {
            ledger.accounts.get(usize::from(amount.account.0)).map_or(0, |account| account.budget.unaccounted)
        };
        let before = amounts.each_ref().map(|amount| missing(self, amount));
        let receipt = Self::post(self, hold, actual, true);
        for (amount, before) in amounts.iter_mut().zip(before).filter(|(amount, _)| amount.is_some()) {
            let said = actual.iter().find(|line| line.account == amount.account).map_or(0, |line| line.micros);
            // What could not be booked is not given back either.
            let missed = missing(self, amount).saturating_sub(before);
            (amount.micros, amount.partial) = (said.saturating_sub(missed), missed > 0);
            // In a rolling window it ages from now on; elsewhere it keeps the period of its estimate.
            if let Some(account) = self.accounts.get(usize::from(amount.account.0)).filter(|_| !overdue)
                && self.is_rolling(amount.account)
            {
                amount.tag = self.tag(account.spec, &account.budget);
            }
        }
        Ok(receipt)
    }

    fn refundable(&self, amounts: &Self::Amounts, lines: &[Line]) -> Result<(), LedgerError> {
        self.resolve_of(Some(&as_hold(JobId(0), amounts)), lines)?;
        for (at, line) in (0..=u8::MAX).zip(lines) {
            let left = amounts.iter().find(|amount| amount.account == line.account).map_or(0, |amount| amount.micros);
            if line.micros > left {
                return Err(LedgerError::RefundExceeds { line: at, left });
            }
        }
        Ok(())
    }

    fn refund(&mut self, amounts: &mut Self::Amounts, lines: &[Line]) -> Receipt {
        let mut receipt = Receipt::of(HoldState::Posted);
        for (at, line) in lines.iter().numbered() {
            let Some(own) = amounts.iter_mut().find(|amount| amount.account == line.account) else { continue };
            own.micros = own.micros.saturating_sub(line.micros);
            own.partial |= line.micros > 0;
            if !self.give_back(line.account, own.tag, line.micros) {
                receipt.closed.add(at);
            }
        }
        receipt
    }

    fn absorb(&mut self, id: JobId, actual: &[Line]) -> Result<Receipt, LedgerError> {
        Self::absorb(self, self.last, id, actual)
    }

    fn set_wall(&mut self, eff: Instant, (unix, error, trust): Sample, undated: Undated<'_>) -> Heard {
        self.hear(eff, (unix, error, trust), undated)
    }

    fn restart(&mut self, now: Instant) {
        Self::restart(self, now);
    }

    fn next_change(&self, eff: Instant) -> Option<Instant> {
        self.indices().filter_map(|account| self.next_change(account, eff)).min()
    }

    fn report(
        &self,
        eff: Instant,
        account: AccountId,
        endings: impl Iterator<Item = Ending> + Clone,
    ) -> Option<Report> {
        let view = self.view_with(account, self.effective(eff), endings.clone())?;
        let live = endings.filter(|ending| ending.amount.account == account && is_live(ending.at, eff));
        Some(self.report_of(account, view, live.map(|ending| (ending.amount.tag, ending.amount.micros))))
    }
}

impl<'a, const N: usize, const L: usize, const S: usize> Ledger<'a, N, 0, L, 0, S> {
    /// The account as it is at `eff`, with what time does to the holds of a gate until then.
    fn view_with(
        &self,
        at: AccountId,
        eff: Instant,
        endings: impl Iterator<Item = Ending>,
    ) -> Option<(&'a BudgetSpec<'a>, crate::budget::Budget)> {
        let rolling = match self.accounts.get(usize::from(at.0))?.spec.renewal {
            Renewal::Rolling(rolling) => Some(rolling),
            _ => None,
        };
        self.view_after(at, eff, |budget| {
            let due = endings.filter(|ending| ending.amount.account == at && ending.at <= eff);
            for Ending { at: ended, posts, amount } in due.filter(|ending| ending.at < Instant::MAX) {
                match rolling {
                    // Until it is written down it counts as long as its slice can possibly last.
                    Some(rolling) if posts && eff < leaves(ended, rolling) => {}
                    Some(_) => budget.held = budget.held.saturating_sub(amount.micros),
                    // What ends after the roll belongs to the period before: posted or held it counts the same.
                    None if ended > budget.roll_at => {}
                    None => {
                        let home = budget.home(amount.tag);
                        budget.unhold(home, amount.micros);
                        if posts {
                            budget.post(home, amount.micros);
                        }
                    }
                }
            }
        })
    }

    /// Whether there is enough at `eff`.
    #[expect(clippy::inline_always, reason = "out of line, a third of it is passing the arguments")]
    #[inline(always)]
    fn line_fits(&self, line: &Line, eff: Instant, ends: &Ends<impl Endings, impl Endings>) -> Fits {
        let Some(account) = self.accounts.get(usize::from(line.account.0)) else { return Fits::Always };
        let (spec, budget) = (account.spec, &account.budget);
        if !matches!(spec.renewal, Renewal::Rolling(_)) {
            let stands = eff < budget.roll_at;
            // However many periods have begun: each has its limit, and the debt of this one is the most that is left of it.
            if !stands && line.micros <= spec.limit.saturating_sub(budget.carried(spec)) {
                return Fits::Always;
            }
            // Within a period, what ends gives back or is posted, and takes nothing that is free; the next one has no debt then.
            match line.micros <= budget.free(spec) {
                true if line.micros <= spec.limit => return Fits::Always,
                true if stands => return Fits::Now,
                false if stands && eff < ends.due => return Fits::Not,
                _ => {}
            }
        }
        if self.line_fits_then(line, eff, ends) { Fits::Now } else { Fits::Not }
    }

    /// The same with all that time does until then.
    #[inline(never)]
    fn line_fits_then(&self, line: &Line, eff: Instant, ends: &Ends<impl Endings, impl Endings>) -> bool {
        let view = if self.is_rolling(line.account) {
            self.view_with(line.account, eff, ends.all.clone())
        } else {
            // It makes no difference to what is free whether something is held or posted.
            self.view_with(line.account, eff, ends.unsent.clone())
        };
        view.is_none_or(|(spec, budget)| line.micros <= budget.free(spec))
    }

    /// When there is enough of what is short at `eff`.
    #[inline(never)]
    fn line_quote(&self, line: &Line, eff: Instant, ends: &Ends<impl Endings, impl Endings>) -> (Denied, Fits) {
        let Some(account) = self.accounts.get(usize::from(line.account.0)) else { return (Denied::Busy, Fits::Not) };
        let spec = account.spec;
        let most = match spec.renewal {
            Renewal::Lifetime => match self.view_with(line.account, eff, ends.all.clone()) {
                Some((spec, budget)) => budget.left_without_holds(spec),
                None => spec.limit,
            },
            Renewal::Rolling(_) => spec.limit,
            // The running period's own bonus may be gone at `eff`, and does not matter then.
            _ if eff < account.budget.roll_at => spec.limit.saturating_add(account.budget.bonus.max(spec.max_bonus())),
            _ => spec.limit.saturating_add(spec.max_bonus()),
        };
        if line.micros > most {
            return (Denied::Never { max: most }, Fits::Not);
        }
        let own = |ending: &Ending| ending.amount.account == line.account;
        if let Renewal::Rolling(rolling) = spec.renewal {
            let leaves = |ending: Ending| if ending.posts { leaves(ending.at, rolling) } else { ending.at };
            self.when_fits(line, eff, ends, &ends.all.clone().filter(own).map(leaves))
        } else {
            // What is posted goes with its period.
            self.when_fits(line, eff, ends, &ends.unsent.clone().filter(own).map(|ending| ending.at))
        }
    }

    /// When it will fit, left alone: when something leaves, or at the end of a slice or a period, a few dozen of them ahead
    /// at most.
    fn when_fits(
        &self,
        line: &Line,
        eff: Instant,
        ends: &Ends<impl Endings, impl Endings>,
        leave: &(impl Iterator<Item = Instant> + Clone),
    ) -> (Denied, Fits) {
        const AHEAD: usize = 64;
        let (mut t, mut fits) = (eff, Fits::Not);
        for _ in 0..AHEAD.saturating_add(S) {
            let changes = self.next_change(line.account, t).into_iter().chain(leave.clone());
            let next = changes.filter(|end| *end > t).soonest();
            if next == Instant::MAX {
                return (Denied::Busy, Fits::Not);
            }
            t = next;
            fits = self.line_fits(line, t, ends);
            if fits != Fits::Not {
                break;
            }
        }
        (Denied::Until(t), fits)
    }
}

/// When what is posted at the end of a hold has surely left a rolling window.
fn leaves(ended: Instant, rolling: crate::terms::Rolling) -> Instant {
    ended.saturating_add(rolling.length()).saturating_add(rolling.slice())
}

/// What a job holds as a hold of a ledger, which is not kept.
fn as_hold<const L: usize>(id: JobId, amounts: &[HeldAmount; L]) -> Hold<L> {
    let lines = Vec::of(amounts.iter().filter(|amount| amount.is_some()).map(held_line));
    let (state, on_expiry) = (HoldState::Live, OnExpiry::Post);
    Hold { id, until: Instant::MAX, lines, state, mark: 0, order: 0, on_expiry, anonymous: true }
}

fn held_line(amount: &HeldAmount) -> HeldLine {
    HeldLine::new(&Line { account: amount.account, unit: 0, micros: amount.micros }, amount.tag)
}
