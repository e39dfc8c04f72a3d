//! What a job really cost: settlements and refunds of a [`Ledger`].
//!
//! Up to its hold a settlement goes to the period of the reserve; what lies above is a charge of the running one. Late,
//! all of it is. A refund goes back to where it was posted, debts first, and never comes to more than was posted.
//!
//! ```text
//!  period of the reserve     running period
//!  ├── taken ──┤├─ free ┤    ├── extra ──┤          actual = taken + extra (+ what is unaccounted)
//! ```

use crate::bounded::Counting;
use crate::budget::{Cover, Home, UNDATED};
use crate::hold::{AccountId, HeldLine, Hold, HoldState, LedgerError, Line, Lines, OnExpiry, Receipt, Shortfall};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::time::Instant;

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'_, N, H, L, R, S> {
    /// Replaces what a hold has set aside by what was really used.
    ///
    /// One amount for every account of the hold, in any order. Less than was held frees the rest; more is met as each
    /// budget's [`Overage`](crate::Overage) says, by all budgets or by none. After the hold's time is up it is tried as
    /// a fresh charge.
    ///
    /// # Errors
    /// [`LedgerError::Overage`]: see there what becomes of the hold. [`LedgerError::NotFound`],
    /// [`LedgerError::AlreadyPosted`], [`LedgerError::AlreadyVoided`]; what is wrong with the lines.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, HoldState, Instant, JobId, Ledger, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.reserve(now, JobId(1), &credits(70), minute)?;
    /// assert_eq!(ledger.settle(now, JobId(1), &credits(55))?.state, HoldState::Posted);
    /// assert_eq!(ledger.available::<Credits>(now, account)?, Amount::whole(45));
    ///
    /// // An answer that came too late, after the hold had been released: charged all the same, as long as it fits.
    /// let _ = ledger.reserve(now, JobId(2), &credits(40), minute)?;
    /// let late = Instant::from_secs(90);
    /// assert_eq!(ledger.settle(late, JobId(2), &credits(40))?.state, HoldState::PostedLate);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn settle(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Receipt, LedgerError> {
        self.finish(now, id, actual, false)
    }

    /// Settles whatever it was: as [`settle`](Self::settle), but what a budget cannot take is added to what is
    /// unaccounted, and never refused. An id that nobody remembers is a late charge.
    ///
    /// # Errors
    /// As [`settle`](Self::settle), without [`LedgerError::Overage`] and [`LedgerError::NotFound`];
    /// [`LedgerError::Absorbed`]: it is inside what was restored after a reboot.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.reserve(now, JobId(1), &credits(70), minute)?;
    /// assert!(ledger.settle(now, JobId(1), &credits(130)).is_err()); // more than there is
    /// let receipt = ledger.absorb(now, JobId(1), &credits(130))?;
    /// assert!(receipt.missed.contains(0));
    /// let report = ledger.report(now, account).ok_or("not open")?;
    /// assert_eq!((report.posted, report.unaccounted), (100_000_000, 30_000_000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn absorb(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Receipt, LedgerError> {
        self.finish(now, id, actual, true)
    }

    /// Gives back a part of what a settled job was charged; may be called again for more of it.
    ///
    /// It goes to the period it was posted in, the running one or the one before; what is older is recorded, and reported
    /// as [`Receipt::closed`]. It repays debts first, and opens a budget that was closed by a cap. Accounts that are not
    /// named are left alone.
    ///
    /// # Errors
    /// [`LedgerError::RefundExceeds`]; [`LedgerError::NotPosted`]; [`LedgerError::NotFound`];
    /// [`LedgerError::AlreadyVoided`]; [`LedgerError::Expired`]; what is wrong with the lines.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, LedgerError, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let now = Instant::ORIGIN;
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.charge(now, JobId(1), &credits(40))?;
    /// let _ = ledger.refund(now, JobId(1), &credits(25))?;
    /// assert_eq!(ledger.available::<Credits>(now, account)?, Amount::whole(85));
    /// let more = ledger.refund(now, JobId(1), &credits(16));
    /// assert_eq!(more, Err(LedgerError::RefundExceeds { line: 0, left: 15_000_000 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refund(&mut self, now: Instant, id: JobId, lines: &[Line]) -> Result<Receipt, LedgerError> {
        let hold = self.look(id, self.effective(now)).ok_or(self.missing(id))?;
        match hold.state {
            HoldState::Posted | HoldState::PostedLate => {}
            HoldState::Live => return Err(LedgerError::NotPosted),
            HoldState::Voided => return Err(LedgerError::AlreadyVoided),
            HoldState::Expired => return Err(LedgerError::Expired),
            HoldState::Denied(_) => return Err(LedgerError::NotFound),
        }
        self.resolve_of(Some(&hold), lines)?;
        for (at, line) in (0..=u8::MAX).zip(lines) {
            let left = hold.line(line.account).map_or(0, HeldLine::refundable);
            if line.micros > left {
                return Err(LedgerError::RefundExceeds { line: at, left });
            }
        }
        self.act(now);
        let mut receipt = Receipt::of(hold.state);
        for (at, line) in lines.iter().numbered() {
            let Some(own) = hold.line(line.account) else { continue };
            // What was charged last is given back first.
            let extra = own.extra.saturating_sub(own.refunded).min(line.micros);
            if let Some(own) = self.remembered(id, line.account) {
                own.refunded = own.refunded.saturating_add(line.micros);
            }
            let parts = [(own.extra_tag, extra), (own.tag, line.micros - extra)];
            for (tag, part) in parts {
                if !self.give_back(line.account, tag, part) {
                    receipt.closed.add(at);
                }
            }
        }
        Ok(receipt)
    }

    /// Gives back to the period or slice with this tag, debts first; whether that is still open.
    pub(crate) fn give_back(&mut self, at: AccountId, tag: i32, amount: u64) -> bool {
        if amount == 0 {
            return true;
        }
        if self.is_rolling(at) {
            let open = self.in_window(at, tag);
            self.take_back(at, tag, amount);
            self.change(at, |budget| {
                if open {
                    budget.repay(amount);
                }
            });
            return open;
        }
        let mut open = true;
        self.change(at, |budget| {
            let home = budget.home(tag);
            open = home != Home::Previous || tag.checked_add(1) == Some(budget.period);
            if open {
                budget.give_back(home, amount);
            }
        });
        open
    }

    fn finish(&mut self, now: Instant, id: JobId, actual: &[Line], forced: bool) -> Result<Receipt, LedgerError> {
        let eff = self.effective(now);
        let hold = match self.look(id, eff) {
            Some(hold) => hold,
            None if forced && self.fresh(id).is_ok() => self.strange(id, actual)?,
            None => return Err(self.missing(id)),
        };
        match hold.state {
            HoldState::Live | HoldState::Expired => {}
            HoldState::Posted | HoldState::PostedLate if hold.settled_at(actual, |account| self.unit(account)) => {
                return Ok(Receipt::replay(hold.state));
            }
            HoldState::Posted | HoldState::PostedLate => return Err(LedgerError::AlreadyPosted),
            HoldState::Voided => return Err(LedgerError::AlreadyVoided),
            HoldState::Denied(_) => return Err(LedgerError::NotFound),
        }
        self.matches(&hold, actual)?;
        if let Err(short) = self.affords(&hold, actual, eff, forced) {
            self.overage(now, &hold, actual);
            return Err(LedgerError::Overage(short));
        }
        self.act(now);
        let hold = self.remove(|known| known.id == id && !known.anonymous).unwrap_or(hold);
        Ok(self.post(hold, actual, forced))
    }

    /// A job that nobody remembers: as one whose time was up long ago.
    pub(crate) fn strange(&mut self, id: JobId, lines: &[Line]) -> Result<Hold<L>, LedgerError> {
        self.resolve(lines)?;
        let mut hold = self.new_hold(id, lines, self.last);
        for line in &mut hold.lines {
            line.reserved = 0;
        }
        hold.state = HoldState::Expired;
        Ok(hold)
    }

    /// Whether the lines name the accounts of the hold, each once.
    pub(crate) fn matches(&self, hold: &Hold<L>, lines: &[Line]) -> Result<(), LedgerError> {
        self.resolve_of(Some(hold), lines)?;
        let unsettled = |own: &&HeldLine| !lines.iter().any(|line| line.account == own.account);
        hold.lines.iter().find(unsettled).map_or(Ok(()), |own| Err(LedgerError::Unsettled { account: own.account }))
    }

    /// First pass of a settlement: whether all that lies above the hold is met.
    pub(crate) fn affords(&self, hold: &Hold<L>, actual: &[Line], eff: Instant, forced: bool) -> Result<(), Shortfall> {
        let mut short = None;
        for (at, line) in actual.iter().numbered() {
            let Some((own, (spec, budget))) = hold.line(line.account).zip(self.view(line.account, eff)) else {
                continue;
            };
            let excess = line.micros.saturating_sub(booked(hold.state, own));
            let rolling = self.is_rolling(line.account);
            if let Err(missing) = budget.cover(spec, excess, rolling, forced) {
                add_short(&mut short, at, line.account, missing);
            }
        }
        short.map_or(Ok(()), Err)
    }

    /// A settlement that does not fit: nothing is posted, and nothing is dropped in silence.
    fn overage(&mut self, now: Instant, hold: &Hold<L>, actual: &[Line]) {
        if hold.state == HoldState::Live {
            if let Some(hold) = self.live_mut(hold.id) {
                hold.on_expiry = OnExpiry::Post;
            }
            return;
        }
        self.act(now);
        for line in actual {
            let Some(own) = hold.line(line.account) else { continue };
            // What was named in vain before is counted already.
            let missed = line.micros.saturating_sub(own.taken).max(own.actual);
            let more = missed - own.actual;
            self.change(line.account, |budget| budget.miss(more));
            if let Some(own) = self.remembered(hold.id, line.account) {
                own.actual = missed;
            }
        }
    }

    /// A line of a resolved hold, unless acting has just pushed it out.
    fn remembered(&mut self, id: JobId, account: AccountId) -> Option<&mut HeldLine> {
        let known = self.resolved.iter_mut().find(|known| known.id == id)?;
        known.lines.iter_mut().find(|own| own.account == account)
    }

    /// Second pass of a settlement.
    pub(crate) fn post(&mut self, mut hold: Hold<L>, actual: &[Line], forced: bool) -> Receipt {
        let late = hold.state == HoldState::Expired;
        let mut receipt = Receipt::of(if late { HoldState::PostedLate } else { HoldState::Posted });
        for (at, line) in actual.iter().numbered() {
            let state = hold.state;
            let Some(own) = hold.lines.iter_mut().find(|own| own.account == line.account) else { continue };
            let excess = line.micros.saturating_sub(booked(state, own));
            if late {
                let back = own.taken.saturating_sub(line.micros);
                self.give_back(own.account, own.tag, back);
                own.taken = own.taken.saturating_sub(back);
                let noted = own.actual.min(excess);
                self.change(own.account, |budget| budget.unaccounted = budget.unaccounted.saturating_sub(noted));
            } else {
                self.unhold(own);
                own.taken = line.micros.min(own.reserved);
                self.post_line(own, own.taken);
            }
            own.actual = line.micros;
            if excess > 0 {
                receipt.beyond.add(at);
                if self.post_excess(own, excess, forced).missed > 0 {
                    receipt.missed.add(at);
                }
            }
            self.alert(own.account);
        }
        hold.state = receipt.state;
        self.remember(hold);
        receipt
    }

    /// Charges what lies above a hold to the running period. No alert yet.
    fn post_excess(&mut self, own: &mut HeldLine, excess: u64, forced: bool) -> Cover {
        let rolling = self.is_rolling(own.account);
        let Some(account) = self.accounts.get(usize::from(own.account.0)) else { return Cover::default() };
        let (spec, mut budget) = (account.spec, account.budget);
        let tag = self.tag(spec, &budget);
        // It was checked; should it not fit all the same, what is missing is counted.
        let cover = budget.cover(spec, excess, rolling, forced).or_else(|_| budget.cover(spec, excess, rolling, true));
        let cover = cover.unwrap_or_default();
        (own.extra, own.extra_tag) = (cover.posted.saturating_add(cover.debt), tag);
        if rolling {
            budget.apply(Cover { posted: 0, ..cover }, false);
            self.store(own.account, budget);
            self.put(own.account, tag, cover.posted);
        } else {
            budget.apply(cover, tag == UNDATED);
            self.store(own.account, budget);
        }
        cover
    }
}

/// What a line has booked already, before a settlement.
fn booked(state: HoldState, own: &HeldLine) -> u64 {
    if state == HoldState::Expired { own.taken } else { own.reserved }
}

pub(crate) fn add_short(short: &mut Option<Shortfall>, at: usize, account: AccountId, micros: u64) {
    let line = u8::try_from(at).unwrap_or(u8::MAX);
    short.get_or_insert(Shortfall { account, line, micros, failing: Lines::NONE }).failing.add(at);
}
