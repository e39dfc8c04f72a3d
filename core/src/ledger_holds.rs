//! The holds of a [`Ledger`]: the table of live ones, that of remembered ones, and what coming and going does to budgets.
//!
//! Second passes: everything was checked before, and nothing here refuses. A hold goes from the first table to the second
//! when it is resolved, and out of that when `R` others were resolved after it.

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::budget::{Budget, Home};
use crate::hold::{AccountId, HeldLine, Hold, HoldState, Line, OnExpiry};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::terms::Renewal;
use crate::time::Instant;

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'_, N, H, L, R, S> {
    /// Whether there is a place for another hold at `eff`, those included whose time is up by then.
    pub(crate) fn has_place(&self, eff: Instant) -> bool {
        !self.holds.is_full() || self.holds.iter().any(|hold| self.is_over(hold, eff))
    }

    pub(crate) fn find(&self, id: JobId) -> Option<&Hold<L>> {
        self.holds.iter().chain(&self.resolved).find(|hold| hold.id == id && !hold.anonymous)
    }

    /// The hold as it is at `eff`, if it is remembered then.
    pub(crate) fn look(&self, id: JobId, eff: Instant) -> Option<Hold<L>> {
        let mut hold = self.find(id)?.clone();
        if hold.state == HoldState::Live && self.is_over(&hold, eff) {
            if R == 0 {
                return None;
            }
            hold.expire();
        }
        Some(hold)
    }

    pub(crate) fn new_hold(&mut self, id: JobId, lines: &[Line], until: Instant) -> Hold<L> {
        self.seq = self.seq.wrapping_add(1);
        let tag =
            |line: &Line| self.accounts.get(usize::from(line.account.0)).map_or(0, |a| self.tag(a.spec, &a.budget));
        let lines = Vec::of(lines.iter().map(|line| HeldLine::new(line, tag(line))));
        let (state, on_expiry) = (HoldState::Live, OnExpiry::Free);
        Hold { id, until, lines, state, mark: self.seq, order: 0, on_expiry, anonymous: false }
    }

    /// Second pass of a charge; there is room.
    pub(crate) fn charge_admitted(&mut self, id: Option<JobId>, lines: &[Line]) {
        let mut hold = self.new_hold(id.unwrap_or(JobId(0)), lines, self.last);
        for line in &mut hold.lines {
            self.post_line(line, line.reserved);
            self.alert(line.account);
            (line.taken, line.actual) = (line.reserved, line.reserved);
        }
        hold.anonymous = id.is_none();
        hold.state = HoldState::Posted;
        self.remember(hold);
    }

    /// Second pass: sets the amounts aside. There is room and a place; returns the mark of the hold.
    pub(crate) fn insert(&mut self, id: JobId, lines: &[Line], until: Instant, anonymous: bool) -> u32 {
        let mut hold = self.new_hold(id, lines, until);
        (hold.anonymous, hold.mark) = (anonymous, self.seq.max(1));
        let mark = hold.mark;
        for line in lines {
            self.change(line.account, |budget| budget.held = budget.held.saturating_add(line.micros));
        }
        self.next_expiry = self.next_expiry.min(self.deadline(&hold));
        // A place was checked before; without one nothing could be set aside.
        let _ = self.holds.put(hold);
        mark
    }

    /// Changes a budget and fires its alerts: the last step of every operation on it.
    pub(crate) fn change(&mut self, at: AccountId, change: impl FnOnce(&mut Budget)) {
        if let Some(account) = self.accounts.get_mut(usize::from(at.0)) {
            change(&mut account.budget);
            account.budget.alert(account.spec);
        }
    }

    /// Fires the alerts of a budget that was changed in several steps, between which it may have looked emptier.
    pub(crate) fn alert(&mut self, at: AccountId) {
        self.change(at, |_| {});
    }

    pub(crate) fn is_rolling(&self, at: AccountId) -> bool {
        self.accounts.get(usize::from(at.0)).is_some_and(|a| matches!(a.spec.renewal, Renewal::Rolling(_)))
    }

    /// Posts to where the line's tag says; in a rolling budget to the running slice. No alert yet.
    pub(crate) fn post_line(&mut self, line: &mut HeldLine, amount: u64) {
        let rolling = self.is_rolling(line.account);
        let Some(account) = self.accounts.get_mut(usize::from(line.account.0)) else { return };
        let budget = &mut account.budget;
        if rolling {
            line.tag = budget.period;
            self.put(line.account, line.tag, amount);
        } else {
            budget.post(budget.home(line.tag), amount);
        }
    }

    /// Ends the hold of a line in its budget. No alert yet.
    pub(crate) fn unhold(&mut self, line: &HeldLine) {
        let rolling = self.is_rolling(line.account);
        let Some(account) = self.accounts.get_mut(usize::from(line.account.0)) else { return };
        let home = if rolling { Home::Current { undated: false } } else { account.budget.home(line.tag) };
        account.budget.unhold(home, line.reserved);
    }

    pub(crate) fn live_mut(&mut self, id: JobId) -> Option<&mut Hold<L>> {
        self.holds.iter_mut().find(|hold| hold.id == id && !hold.anonymous)
    }

    /// Takes a hold out of whichever table it is in.
    pub(crate) fn remove(&mut self, key: impl Fn(&Hold<L>) -> bool) -> Option<Hold<L>> {
        if let Some(index) = self.holds.iter().place(&key) {
            return self.holds.take_out(index);
        }
        self.resolved.iter().place(&key).and_then(|index| self.resolved.take_out(index))
    }

    pub(crate) fn release(&mut self, id: JobId) -> Option<()> {
        let hold = self.remove(|hold| hold.id == id && !hold.anonymous)?;
        self.release_hold(hold);
        Some(())
    }

    pub(crate) fn release_hold(&mut self, mut hold: Hold<L>) {
        for line in &hold.lines {
            self.unhold(line);
            self.alert(line.account);
        }
        hold.state = HoldState::Voided;
        self.remember(hold);
    }

    /// Keeps a resolved hold, in the place of the one that was resolved first.
    pub(crate) fn remember(&mut self, mut hold: Hold<L>) {
        if hold.anonymous {
            return;
        }
        self.seq = self.seq.wrapping_add(1);
        hold.order = self.seq;
        if let Err(hold) = self.resolved.put(hold) {
            let seq = self.seq;
            if let Some(oldest) = self.resolved.iter_mut().max_by_key(|hold| seq.wrapping_sub(hold.order)) {
                *oldest = hold;
            }
        }
    }
}
