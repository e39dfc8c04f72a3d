//! The slow, obvious model of a ledger: lists instead of sums, 128-bit numbers, everything recomputed.

use tollgate::Overage;

pub(crate) const GRACE: u64 = 2;
pub(crate) const MINUTE: u64 = 60;
pub(crate) const REMEMBERED: usize = 8;
pub(crate) const PLACES: usize = 6;
pub(crate) const ROLLING: usize = 2;

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) limit: i128,
    pub(crate) overage: Overage,
    pub(crate) carries: bool,
    pub(crate) rollover: Option<(i128, i128)>,
    pub(crate) calendar: bool,
    pub(crate) period: i128,
    pub(crate) posted: i128,
    pub(crate) prev: i128,
    pub(crate) debt: i128,
    pub(crate) bonus: i128,
    pub(crate) unaccounted: i128,
    pub(crate) closed: bool,
    /// What was posted in a rolling budget: when, how much, by which hold.
    pub(crate) stamps: Vec<(u64, i128, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Live,
    Posted,
    PostedLate,
    Voided,
    Expired,
    Denied,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelLine {
    pub(crate) account: usize,
    pub(crate) period: i128,
    pub(crate) reserved: i128,
    pub(crate) actual: i128,
    pub(crate) taken: i128,
    pub(crate) extra: i128,
    pub(crate) extra_period: i128,
    pub(crate) refunded: i128,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelHold {
    pub(crate) id: u64,
    pub(crate) until: u64,
    pub(crate) posts: bool,
    pub(crate) state: State,
    pub(crate) lines: Vec<ModelLine>,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) now: u64,
    pub(crate) accounts: Vec<Account>,
    pub(crate) live: Vec<ModelHold>,
    /// The oldest first.
    pub(crate) resolved: Vec<ModelHold>,
}

/// An answer, without the numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
    Did(State),
    Again(State),
    Mismatch,
    NotFound,
    AlreadyPosted,
    AlreadyVoided,
    NotPosted,
    Expired,
    RefundExceeds,
    Denied,
    DeniedAgain,
    Overage,
    Full,
}

impl Model {
    /// Time passes: holds run out in order, calendars roll.
    pub(crate) fn advance(&mut self, to: u64) {
        self.now = self.now.max(to);
        let now = self.now;
        let over = |hold: &ModelHold| hold.until + GRACE <= now;
        for (at, account) in self.accounts.iter_mut().enumerate() {
            let end = if account.calendar { (u64::try_from(account.period).unwrap() + 1) * MINUTE } else { u64::MAX };
            let mut ends: Vec<_> = self.live.iter().filter(|hold| over(hold)).collect();
            ends.sort_by_key(|hold| hold.until);
            let (before, after): (Vec<_>, Vec<_>) = ends.into_iter().partition(|hold| hold.until + GRACE <= end);
            let run_out = |account: &mut Account, hold: &ModelHold| {
                for line in hold.lines.iter().filter(|line| line.account == at && hold.posts) {
                    account.post(line.period, line.reserved, hold.until + GRACE, hold.id);
                }
            };
            for hold in &before {
                run_out(account, hold);
            }
            if now >= end {
                // Holds that are alive when the period ends count against it.
                let held = |hold: &&ModelHold| hold.until + GRACE > end;
                let held = self.live.iter().filter(held).flat_map(|hold| &hold.lines);
                let held = held.filter(|line| line.account == at && line.period == account.period);
                account.roll(i128::from(now / MINUTE), held.map(|line| line.reserved).sum());
            }
            for hold in &after {
                run_out(account, hold);
            }
        }
        let (mut ended, live): (Vec<_>, Vec<_>) = self.live.drain(..).partition(over);
        self.live = live;
        ended.sort_by_key(|hold| (hold.until, hold.id));
        for mut hold in ended {
            hold.state = State::Expired;
            for line in &mut hold.lines {
                line.taken = if hold.posts { line.reserved } else { 0 };
            }
            self.remember(hold);
        }
    }

    pub(crate) fn remember(&mut self, hold: ModelHold) {
        self.resolved.push(hold);
    }

    /// Only what is granted pushes old ids out.
    pub(crate) fn forget(&mut self) {
        self.resolved.drain(..self.resolved.len().saturating_sub(REMEMBERED));
    }

    pub(crate) fn find(&self, id: u64) -> Option<&ModelHold> {
        self.live.iter().chain(&self.resolved).find(|hold| hold.id == id)
    }

    pub(crate) fn held(&self, at: usize) -> i128 {
        let account = &self.accounts[at];
        let lines = self.live.iter().flat_map(|hold| &hold.lines).filter(|line| line.account == at);
        lines.filter(|line| !account.calendar || line.period == account.period).map(|line| line.reserved).sum()
    }

    pub(crate) fn free(&self, at: usize) -> i128 {
        let account = &self.accounts[at];
        let used = account.posted + self.held(at) + account.debt;
        if account.closed { 0 } else { (account.limit + account.bonus - used).max(0) }
    }

    /// What a rolling budget has used in the last so many seconds, holds included.
    pub(crate) fn used_in(&self, length: u64) -> i128 {
        let stamps = self.accounts[ROLLING].stamps.iter();
        let inside = stamps.filter(|(at, ..)| self.now < at + length);
        inside.map(|(_, amount, _)| amount).sum::<i128>() + self.held(ROLLING)
    }
}

impl Account {
    pub(crate) fn post(&mut self, period: i128, amount: i128, at: u64, id: u64) {
        self.stamps.push((at, amount, id));
        if period == self.period { self.posted += amount } else { self.prev += amount }
    }

    pub(crate) fn roll(&mut self, to: i128, held: i128) {
        let slept = to - self.period - 1;
        let left = self.limit + self.bonus - self.posted - held - self.debt;
        self.debt = if self.carries { (-left - slept * self.limit).max(0).min((-left).max(0)) } else { 0 };
        self.bonus = match self.rollover {
            Some((min, _)) if slept > 0 => min,
            Some((min, max)) => left.max(min).min(max),
            None => 0,
        };
        self.prev = if slept == 0 { self.posted } else { 0 };
        (self.posted, self.closed, self.period) = (0, false, to);
    }

    /// Splits an excess into what is posted, owed and missed.
    pub(crate) fn cover(&self, excess: i128, free: i128, forced: bool) -> Result<(i128, i128, i128), ()> {
        let posted = excess.min(free);
        let rest = excess - posted;
        let (owed, may_miss) = match self.overage {
            Overage::Reject => (0, forced),
            Overage::Cap => (0, true),
            Overage::Debt { max } => (rest.min((i128::from(max) - self.debt).max(0)), forced),
        };
        if rest > owed && !may_miss { Err(()) } else { Ok((posted, owed, rest - owed)) }
    }

    /// Another limit and overage, from now on.
    pub(crate) fn change(&mut self, limit: i128, overage: Overage) {
        self.closed &= limit <= self.limit && overage == Overage::Cap;
        (self.limit, self.overage) = (limit, overage);
    }

    pub(crate) fn give_back(&mut self, period: i128, amount: i128, id: u64) {
        let mut rest = amount;
        for (_, posted, _) in self.stamps.iter_mut().rev().filter(|(.., by)| *by == id) {
            let back = rest.min(*posted);
            *posted -= back;
            rest -= back;
        }
        if self.period - period > 1 || amount == 0 {
            return;
        }
        let repaid = amount.min(self.debt);
        self.debt -= repaid;
        self.closed = false;
        if period == self.period {
            self.posted -= amount - repaid;
        } else {
            self.prev = (self.prev - (amount - repaid)).max(0);
        }
    }
}

pub(crate) type Amounts = Vec<(usize, i128)>;

impl Model {
    pub(crate) fn reserve(
        &mut self,
        now: u64,
        id: u64,
        amounts: &Amounts,
        ttl: u64,
        charge: bool,
        rolling_fails: bool,
    ) -> Said {
        let mut then = self.clone();
        then.advance(now);
        if let Some(known) = then.find(id) {
            let same = known.lines.iter().map(|line| (line.account, line.reserved)).collect::<Amounts>() == *amounts;
            return match known.state {
                _ if !same => Said::Mismatch,
                State::Denied => Said::DeniedAgain,
                state => Said::Again(state),
            };
        }
        let fails = amounts.iter().any(|&(at, n)| if at == ROLLING { rolling_fails } else { n > then.free(at) });
        let lines = amounts.iter().map(|&(account, reserved)| {
            let period = then.accounts[account].period;
            let (actual, taken) = if charge { (reserved, reserved) } else { (0, 0) };
            ModelLine { account, period, reserved, actual, taken, extra: 0, extra_period: period, refunded: 0 }
        });
        let mut hold =
            ModelHold { id, until: then.now + ttl, posts: false, state: State::Live, lines: lines.collect() };
        if fails {
            hold.state = State::Denied;
            self.remember(hold);
            return Said::Denied;
        }
        if !charge && then.live.len() == PLACES {
            return Said::Full;
        }
        *self = then;
        if charge {
            for line in &hold.lines {
                self.accounts[line.account].post(line.period, line.reserved, self.now, id);
            }
            hold.state = State::Posted;
            self.remember(hold);
            return Said::Did(State::Posted);
        }
        self.live.push(hold);
        Said::Did(State::Live)
    }

    pub(crate) fn settle(&mut self, now: u64, id: u64, amounts: &Amounts, forced: bool, rolling_fails: bool) -> Said {
        let mut then = self.clone();
        then.advance(now);
        let Some(known) = then.find(id).cloned() else { return Said::NotFound };
        let late = known.state == State::Expired;
        match known.state {
            State::Live | State::Expired => {}
            State::Posted | State::PostedLate => {
                let same = amounts.iter().all(|&(at, n)| known.lines.iter().any(|l| l.account == at && l.actual == n));
                return if same { Said::Again(known.state) } else { Said::AlreadyPosted };
            }
            State::Voided => return Said::AlreadyVoided,
            State::Denied => return Said::NotFound,
        }
        let of = |at: usize| amounts.iter().find(|(account, _)| *account == at).unwrap().1;
        let booked = |line: &ModelLine| if late { line.taken } else { line.reserved };
        let fails = known.lines.iter().any(|line| {
            let (excess, account) = ((of(line.account) - booked(line)).max(0), &then.accounts[line.account]);
            if line.account == ROLLING {
                rolling_fails
            } else {
                account.cover(excess, then.free(line.account), forced).is_err()
            }
        });
        if fails && !late {
            self.live.iter_mut().find(|hold| hold.id == id).unwrap().posts = true;
            return Said::Overage;
        }
        *self = then;
        if fails {
            let hold = self.resolved.iter_mut().find(|hold| hold.id == id).unwrap();
            for line in &mut hold.lines {
                let missed = (of(line.account) - line.taken).max(0);
                self.accounts[line.account].unaccounted += (missed - line.actual).max(0);
                line.actual = line.actual.max(missed);
            }
            return Said::Overage;
        }
        let free: Vec<_> = (0..self.accounts.len()).map(|at| self.free(at)).collect();
        self.live.retain(|hold| hold.id != id);
        self.resolved.retain(|hold| hold.id != id);
        let (mut hold, stamp) = (known, self.now);
        for line in &mut hold.lines {
            let account = &mut self.accounts[line.account];
            let actual = of(line.account);
            let excess = (actual - booked(line)).max(0);
            if late {
                let back = (line.taken - actual).max(0);
                account.give_back(line.period, back, id);
                line.taken -= back;
                account.unaccounted -= line.actual.min(excess);
            } else {
                line.taken = actual.min(line.reserved);
                account.post(line.period, line.taken, stamp, id);
            }
            line.actual = actual;
            // The own hold is still in `free`, and the same amount is posted now.
            let free = if line.account == ROLLING { excess } else { free[line.account] };
            let (posted, owed, missed) = account.cover(excess, free, forced).unwrap();
            if excess > 0 {
                account.post(account.period, posted, stamp, id);
            }
            account.debt += owed;
            account.unaccounted += missed;
            account.closed |= missed > 0 && account.overage == Overage::Cap;
            (line.extra, line.extra_period) = (posted + owed, account.period);
        }
        hold.state = if late { State::PostedLate } else { State::Posted };
        let state = hold.state;
        self.remember(hold);
        Said::Did(state)
    }

    pub(crate) fn void(&mut self, now: u64, id: u64) -> Said {
        let mut then = self.clone();
        then.advance(now);
        match then.find(id).map(|hold| hold.state) {
            None | Some(State::Denied) => Said::NotFound,
            Some(State::Posted | State::PostedLate) => Said::AlreadyPosted,
            Some(State::Voided) => Said::Again(State::Voided),
            Some(State::Expired) => Said::Expired,
            Some(State::Live) => {
                *self = then;
                let at = self.live.iter().position(|hold| hold.id == id).unwrap();
                let mut hold = self.live.remove(at);
                hold.state = State::Voided;
                self.remember(hold);
                Said::Did(State::Voided)
            }
        }
    }

    pub(crate) fn extend(&mut self, now: u64, id: u64, by: u64) -> Said {
        let mut then = self.clone();
        then.advance(now);
        match then.find(id).map(|hold| (hold.state, hold.until)) {
            None | Some((State::Denied, _)) => Said::NotFound,
            Some((State::Posted | State::PostedLate, _)) => Said::AlreadyPosted,
            Some((State::Voided, _)) => Said::AlreadyVoided,
            Some((State::Expired, _)) => Said::Expired,
            Some((State::Live, until)) if until <= then.now => Said::Expired,
            Some((State::Live, _)) => {
                *self = then;
                self.live.iter_mut().find(|hold| hold.id == id).unwrap().until += by;
                Said::Did(State::Live)
            }
        }
    }

    pub(crate) fn refund(&mut self, now: u64, id: u64, amounts: &Amounts) -> Said {
        let mut then = self.clone();
        then.advance(now);
        let Some(known) = then.find(id).cloned() else { return Said::NotFound };
        match known.state {
            State::Posted | State::PostedLate => {}
            State::Live => return Said::NotPosted,
            State::Voided => return Said::AlreadyVoided,
            State::Expired => return Said::Expired,
            State::Denied => return Said::NotFound,
        }
        let line = |at: usize| known.lines.iter().find(|line| line.account == at).unwrap();
        let left = |line: &ModelLine| line.taken + line.extra - line.refunded;
        if amounts.iter().any(|&(at, n)| n > left(line(at))) {
            return Said::RefundExceeds;
        }
        *self = then;
        let hold = self.resolved.iter_mut().find(|hold| hold.id == id).unwrap();
        for &(at, n) in amounts {
            let line = hold.lines.iter_mut().find(|line| line.account == at).unwrap();
            let extra = (line.extra - line.refunded).max(0).min(n);
            line.refunded += n;
            self.accounts[at].give_back(line.extra_period, extra, id);
            self.accounts[at].give_back(line.period, n - extra, id);
        }
        Said::Did(known.state)
    }
}
