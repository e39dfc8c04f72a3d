//! The image of a [`Ledger`]: its budgets, the holds on them, what it remembers, and its wall.
//!
//! A calendar budget comes back frozen unless the time off is trusted: it starts no new period before the date is known
//! again. Holds live on, and are settled by their ids; a reservation without an id is posted in full.

use crate::alerts::Thresholds;
use crate::bounded::{Bounded, Counting};
use crate::budget::Budget;
use crate::calendar::{Calendar, Cycle, ShortMonth};
use crate::hold::{Hold, Line};
use crate::image::bytes::{Print, Reader, Writer};
use crate::image::hold::{hold_len, read_hold, write_hold};
use crate::image::{Body, Config, Shift, number_on};
use crate::ledger::{Account, Ledger};
use crate::terms::{BudgetSpec, Overage, Renewal};
use crate::time::Instant;
use crate::wall::Wall;

/// The fingerprint of its unit and periods, the state of its budget, and its running slice.
const ACCOUNT: usize = 4 + 4 + 3 + 8 * 8 + 2;

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Body
    for Ledger<'_, N, H, L, R, S>
{
    const HAS_PARTS: bool = true;
    const KIND: u8 = 5;
    const LEN: usize = 8 + 4 + 4 + Wall::LEN + 4 + N * ACCOUNT + S * 8 + 2 * 4 + (H + R) * hold_len(L);

    /// Units and periods are compared account by account, so that a new one at the end can be told from another one.
    fn config(&self) -> Config {
        let mut terms = Print::NONE;
        terms.add(self.grace.as_micros());
        terms.add(self.wall.max_step.as_micros());
        for account in &self.accounts {
            terms.add(u64::from(shape(account.spec).to_bits()));
            add_terms(&mut terms, account.spec);
        }
        let capacities = [N, H, L, R, S].map(|capacity| capacity as u64);
        Config { terms, ..Config::of(&capacities, &[]) }
    }

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        to.instant(self.last);
        to.u32(self.seq);
        to.u32(self.faults);
        self.wall.write(saved, to);
        to.count(self.accounts.len());
        for account in &self.accounts {
            write_account(account, to);
        }
        to.blank((N - self.accounts.len().min(N)) * ACCOUNT);
        for slice in &self.slices {
            to.u64(*slice);
        }
        // A reservation without an id whose time was up is nobody's.
        let eff = self.effective(saved);
        let kept = || self.holds.iter().filter(|hold| !hold.anonymous || !self.is_over(hold, eff));
        to.count(kept().many());
        for hold in kept() {
            write_hold(hold, to);
        }
        to.blank(H.saturating_sub(kept().many()).saturating_mul(hold_len(L)));
        to.count(self.resolved.len());
        for hold in &self.resolved {
            write_hold(hold, to);
        }
        to.blank((R - self.resolved.len().min(R)) * hold_len(L));
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (last, seq, faults) = (from.instant(), from.u32(), from.u32());
        let mut way = when.behind(last);
        let applies = when.applies(from);
        let own = self.wall;
        Body::read(&mut self.wall, from, &mut way);
        let accounts = from.count(N);
        // More than are open here are others; fewer, and the new ones at the end start whole.
        when.require(accounts <= self.accounts.len());
        for account in self.accounts.iter_mut().take(accounts) {
            read_account(account, applies, from, when, &mut way);
        }
        from.skip((N - accounts) * ACCOUNT);
        for slice in &mut self.slices {
            let amount = from.amount();
            if applies {
                *slice = amount;
            }
        }
        self.read_holds(applies, accounts, from, when, &way);
        if applies {
            (self.last, self.seq, self.faults) = (way.at(last), number_on(seq, self.seq), faults);
            self.go_on(own, when);
        }
    }
}

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'_, N, H, L, R, S> {
    fn read_holds(&mut self, applies: bool, accounts: usize, from: &mut Reader<'_>, when: &mut Shift, way: &Shift) {
        if applies {
            self.holds.clear();
            self.resolved.clear();
        }
        let mut total = 0u64;
        let count = from.count(H);
        for _ in 0..count {
            let mut hold: Hold<L> = read_hold(accounts, from, way);
            total = hold.lines.iter().fold(total, |sum, line| sum.saturating_add(line.reserved));
            when.found_open(u32::from(hold.anonymous));
            if hold.anonymous {
                // Posted below, and not released by time before.
                hold.until = Instant::MAX;
            }
            if applies {
                let _ = self.holds.put(hold);
            }
        }
        // Every sum of what is held must fit.
        from.expect(i64::try_from(total).is_ok());
        from.skip((H - count) * hold_len(L));
        let count = from.count(R);
        for _ in 0..count {
            let hold = read_hold(accounts, from, way);
            if applies {
                let _ = self.resolved.put(hold);
            }
        }
        from.skip((R - count) * hold_len(L));
    }

    /// What is not in the image: when holds run out and periods end; and what was open is posted.
    fn go_on(&mut self, own: Wall, when: &Shift) {
        let (now, was_known) = (when.now(), self.wall.is_known());
        let deadlines = self.holds.iter().map(|hold| self.deadline(hold));
        self.next_expiry = deadlines.min().unwrap_or(Instant::MAX);
        // A gate shows what its jobs hold only when it is told the date: one that was told before is forgotten.
        let own = if H == 0 { Wall { known: false, ..own } } else { own };
        if own.is_known() {
            // The date was learned since the boot: that is later news than the image.
            self.wall = Wall { floor: self.wall.floor.max(own.floor), ..own };
        }
        let learns = own.is_known() && !was_known;
        let eff = if learns { self.effective(now) } else { self.last };
        for at in self.indices() {
            if learns {
                self.learn(at, eff, &mut |_| {});
            }
            self.find_roll(at, eff);
            if !when.same {
                self.alert(at);
            }
        }
        if self.holds.iter().any(|hold| hold.anonymous) {
            self.act(now);
            for _ in 0..H {
                let Some(hold) = self.remove(|hold| hold.anonymous) else { break };
                let line =
                    |line: &crate::hold::HeldLine| Line { account: line.account, unit: 0, micros: line.reserved };
                let lines: heapless::Vec<Line, L> = Bounded::of(hold.lines.iter().map(line));
                let _ = self.post(hold, &lines, true);
            }
        }
    }
}

fn write_account(account: &Account<'_>, to: &mut Writer<'_>) {
    let budget = &account.budget;
    to.u32(shape(account.spec).to_bits());
    to.i32(budget.period);
    to.u8(budget.flags);
    to.u8(budget.armed);
    to.u8(budget.pending);
    for amount in
        [budget.posted, budget.held, budget.debt, budget.bonus, budget.prev_posted, budget.undated, budget.unaccounted]
    {
        to.u64(amount);
    }
    to.instant(budget.roll_at);
    to.u16(account.running);
}

fn read_account(account: &mut Account<'_>, applies: bool, from: &mut Reader<'_>, when: &mut Shift, way: &mut Shift) {
    let spec = account.spec;
    when.require(Print::from_bits(from.u32()) == shape(spec));
    let (period, flags, armed, pending) = (from.i32(), from.u8(), from.u8(), from.u8());
    let (posted, held, debt, bonus) = (from.amount(), from.amount(), from.amount(), from.amount());
    // Sums that saturate on their own.
    let (prev_posted, undated, unaccounted) = (from.u64(), from.u64(), from.u64());
    let (roll_at, running) = (from.instant(), from.u16());
    let (roll_at, running) = match spec.renewal {
        Renewal::Rolling(rolling) => {
            from.expect(running <= rolling.slices());
            (way.at_most(roll_at, rolling.slice()), running)
        }
        _ => (Instant::MAX, 0),
    };
    if !applies {
        return;
    }
    // A limit that has grown leaves less room for what came on top.
    let bonus = bonus.min(i64::MAX.cast_unsigned().saturating_sub(spec.limit));
    let (all, same) = (spec.thresholds.all(), when.same);
    // Thresholds of another configuration are other thresholds: all are armed, and those that are reached fire.
    let (armed, pending) = if same { (armed & all, pending & all) } else { (all, 0) };
    account.budget =
        Budget { period, flags, armed, pending, posted, held, debt, bonus, prev_posted, undated, unaccounted, roll_at };
    account.running = running;
}

/// What must be the same for a state to go on: the unit, and when it starts afresh. Of a zone only that it is one.
fn shape(spec: &BudgetSpec<'_>) -> Print {
    let mut print = Print::NONE;
    print.add(u64::from(spec.unit));
    let (tag, value, more) = match spec.renewal {
        Renewal::Lifetime => (0, 0, 0),
        Renewal::Calendar(calendar) => (1, cycle(calendar), calendar.offset.as_minutes().unsigned_abs().into()),
        Renewal::Zone(_) => (2, 0, 0),
        Renewal::Rolling(rolling) => (3, rolling.slice().as_micros(), u64::from(rolling.slices())),
    };
    for value in [tag, value, more] {
        print.add(value);
    }
    print
}

fn cycle(calendar: Calendar) -> u64 {
    let east = u64::from(calendar.offset.as_minutes() > 0) << 32;
    east | match calendar.cycle {
        Cycle::Day => 0,
        Cycle::Week { start } => 1 << 16 | start as u64,
        Cycle::Month { anchor, rule } => {
            2 << 16 | u64::from(anchor.get()) << 8 | u64::from(rule == ShortMonth::EndOfLast)
        }
    }
}

/// What may differ under [`Mismatch::KeepUsed`](crate::Mismatch::KeepUsed).
fn add_terms(print: &mut Print, spec: &BudgetSpec<'_>) {
    print.add(spec.limit);
    print.add_optional(spec.soft);
    let (overage, max) = match spec.overage {
        Overage::Reject => (0, 0),
        Overage::Cap => (1, 0),
        Overage::Debt { max } => (2, max),
    };
    print.add(overage);
    print.add(max);
    print.add_optional(spec.rollover.map(|(min, _)| min));
    print.add_optional(spec.rollover.map(|(_, max)| max));
    print.add(u64::from(spec.carry_debt));
    add_thresholds(print, &spec.thresholds);
}

fn add_thresholds(print: &mut Print, thresholds: &Thresholds) {
    let add = |print: &mut Print, ratio: crate::ratio::Ratio| {
        print.add(u64::from(ratio.num()) << 32 | u64::from(ratio.den()));
    };
    add(print, thresholds.hysteresis);
    for share in thresholds.iter() {
        add(print, share);
    }
}
