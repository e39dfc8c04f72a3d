//! Random lives of a ledger against a slow, obvious model: lists instead of sums, 128-bit numbers, everything recomputed.
//!
//! Invariants after every step: I1 no budget is over what it can have; I2 all or nothing; I3 every hold ends once;
//! I4 what is held is the sum of the live holds; R1 nothing is booked that was not asked for; R2 a full refund gives back
//! what was booked. Rolling budgets are checked from both sides: never over an exact window, and never stricter than one
//! that is a slice longer.

use tollgate::{
    AccountId, Amount, BudgetSpec, Credits, Duration, HoldState, Instant, JobId, Ledger, LedgerError, Line, OnExpiry,
    Overage, Receipt, Renewal, Rolling,
};

use crate::support::{Every, dated};

const RUNS: u64 = 1_000;
const STEPS: u32 = 300;
const GRACE: u64 = 2;
const MINUTE: u64 = 60;
/// The rolling budget: forty seconds in four slices.
const LENGTH: u64 = 40;
const SLICE: u64 = 10;
const REMEMBERED: usize = 8;
const PLACES: usize = 6;
const ROLLING: usize = 2;

type Books<'a> = Ledger<'a, 3, PLACES, 3, REMEMBERED, 5>;

struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn pick(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).unwrap()
    }
}

#[derive(Clone, Debug)]
struct Account {
    limit: i128,
    overage: Overage,
    carries: bool,
    rollover: Option<(i128, i128)>,
    calendar: bool,
    period: i128,
    posted: i128,
    prev: i128,
    debt: i128,
    bonus: i128,
    unaccounted: i128,
    closed: bool,
    /// What was posted in a rolling budget: when, how much, by which hold.
    stamps: Vec<(u64, i128, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Live,
    Posted,
    PostedLate,
    Voided,
    Expired,
    Denied,
}

#[derive(Clone, Debug)]
struct ModelLine {
    account: usize,
    period: i128,
    reserved: i128,
    actual: i128,
    taken: i128,
    extra: i128,
    extra_period: i128,
    refunded: i128,
}

#[derive(Clone, Debug)]
struct ModelHold {
    id: u64,
    until: u64,
    posts: bool,
    state: State,
    lines: Vec<ModelLine>,
}

#[derive(Clone, Debug)]
struct Model {
    now: u64,
    accounts: Vec<Account>,
    live: Vec<ModelHold>,
    /// The oldest first.
    resolved: Vec<ModelHold>,
}

/// An answer, without the numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
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
    fn advance(&mut self, to: u64) {
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

    fn remember(&mut self, hold: ModelHold) {
        self.resolved.push(hold);
    }

    /// Only what is granted pushes old ids out.
    fn forget(&mut self) {
        self.resolved.drain(..self.resolved.len().saturating_sub(REMEMBERED));
    }

    fn find(&self, id: u64) -> Option<&ModelHold> {
        self.live.iter().chain(&self.resolved).find(|hold| hold.id == id)
    }

    fn held(&self, at: usize) -> i128 {
        let account = &self.accounts[at];
        let lines = self.live.iter().flat_map(|hold| &hold.lines).filter(|line| line.account == at);
        lines.filter(|line| !account.calendar || line.period == account.period).map(|line| line.reserved).sum()
    }

    fn free(&self, at: usize) -> i128 {
        let account = &self.accounts[at];
        let used = account.posted + self.held(at) + account.debt;
        if account.closed { 0 } else { (account.limit + account.bonus - used).max(0) }
    }

    /// What a rolling budget has used in the last so many seconds, holds included.
    fn used_in(&self, length: u64) -> i128 {
        let stamps = self.accounts[ROLLING].stamps.iter();
        let inside = stamps.filter(|(at, ..)| self.now < at + length);
        inside.map(|(_, amount, _)| amount).sum::<i128>() + self.held(ROLLING)
    }
}

impl Account {
    fn post(&mut self, period: i128, amount: i128, at: u64, id: u64) {
        self.stamps.push((at, amount, id));
        if period == self.period { self.posted += amount } else { self.prev += amount }
    }

    fn roll(&mut self, to: i128, held: i128) {
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
    fn cover(&self, excess: i128, free: i128, forced: bool) -> Result<(i128, i128, i128), ()> {
        let posted = excess.min(free);
        let rest = excess - posted;
        let (owed, may_miss) = match self.overage {
            Overage::Reject => (0, forced),
            Overage::Cap => (0, true),
            Overage::Debt { max } => (rest.min((i128::from(max) - self.debt).max(0)), forced),
        };
        if rest > owed && !may_miss { Err(()) } else { Ok((posted, owed, rest - owed)) }
    }

    fn give_back(&mut self, period: i128, amount: i128, id: u64) {
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

type Amounts = Vec<(usize, i128)>;

impl Model {
    fn reserve(&mut self, now: u64, id: u64, amounts: &Amounts, ttl: u64, charge: bool, rolling_fails: bool) -> Said {
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

    fn settle(&mut self, now: u64, id: u64, amounts: &Amounts, forced: bool, rolling_fails: bool) -> Said {
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

    fn void(&mut self, now: u64, id: u64) -> Said {
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

    fn extend(&mut self, now: u64, id: u64, by: u64) -> Said {
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

    fn refund(&mut self, now: u64, id: u64, amounts: &Amounts) -> Said {
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

fn said(answer: &Result<Receipt, LedgerError>) -> Said {
    let state = |state| match state {
        HoldState::Live => State::Live,
        HoldState::Posted => State::Posted,
        HoldState::PostedLate => State::PostedLate,
        HoldState::Voided => State::Voided,
        HoldState::Expired => State::Expired,
        HoldState::Denied(_) => State::Denied,
    };
    match answer {
        Ok(receipt) if receipt.replayed => Said::Again(state(receipt.state)),
        Ok(receipt) => Said::Did(state(receipt.state)),
        Err(LedgerError::IdMismatch) => Said::Mismatch,
        Err(LedgerError::NotFound) => Said::NotFound,
        Err(LedgerError::AlreadyPosted) => Said::AlreadyPosted,
        Err(LedgerError::AlreadyVoided) => Said::AlreadyVoided,
        Err(LedgerError::NotPosted) => Said::NotPosted,
        Err(LedgerError::Expired) => Said::Expired,
        Err(LedgerError::RefundExceeds { .. }) => Said::RefundExceeds,
        Err(LedgerError::Denied { replayed: true, .. }) => Said::DeniedAgain,
        Err(LedgerError::Denied { .. }) => Said::Denied,
        Err(LedgerError::Overage(_)) => Said::Overage,
        Err(LedgerError::Full) => Said::Full,
        Err(error) => panic!("{error:?}"),
    }
}

/// Whether the rolling line was refused, of a call with these lines.
fn rolling_failed(answer: &Result<Receipt, LedgerError>, lines: &[Line]) -> bool {
    let at = lines.iter().position(|line| usize::from(line.account().0) == ROLLING);
    let (Err(LedgerError::Denied { short, .. } | LedgerError::Overage(short)), Some(at)) = (answer, at) else {
        return false;
    };
    short.failing.contains(u8::try_from(at).unwrap())
}

/// The rolling budget's answer lies between the exact window and one that is a slice longer.
fn rolling_is_between(model: &Model, now: u64, more: i128, failed: bool, label: &str) {
    let mut then = model.clone();
    then.advance(now);
    let limit = then.accounts[ROLLING].limit;
    if failed {
        assert!(then.used_in(LENGTH + SLICE) + more > limit, "{label}: stricter than a window one slice longer");
    } else {
        assert!(then.used_in(LENGTH) + more <= limit, "{label}: over the exact window");
    }
}

fn spec(rng: &mut Rng, renewal: Renewal<'static>) -> BudgetSpec<'static> {
    let micros = |n| Amount::<Credits>::from_micros(n).unwrap();
    let dated = matches!(renewal, Renewal::Zone(_));
    let mut spec = BudgetSpec::new::<Credits>(micros(rng.below(120)), renewal);
    if !matches!(renewal, Renewal::Rolling(_)) {
        spec = match rng.below(3) {
            0 => spec,
            1 => spec.with_cap(),
            _ => spec.with_debt(micros(rng.below(150))).unwrap(),
        };
    }
    if dated && rng.below(2) == 0 {
        let min = rng.below(10);
        spec = spec.with_rollover(micros(min), micros(min + rng.below(40))).unwrap();
    }
    if rng.below(3) == 0 { spec.forgiving() } else { spec }
}

fn model_of(specs: &[BudgetSpec<'static>; 3]) -> Model {
    let accounts = specs.iter().map(|spec| Account {
        limit: i128::from(spec.limit_micros()),
        overage: spec.overage(),
        carries: spec.carries_debt(),
        rollover: spec.rollover().map(|(min, max)| (i128::from(min), i128::from(max))),
        calendar: matches!(spec.renewal(), Renewal::Zone(_)),
        period: 0,
        posted: 0,
        prev: 0,
        debt: 0,
        bonus: 0,
        unaccounted: 0,
        closed: false,
        stamps: Vec::new(),
    });
    Model { now: 0, accounts: accounts.collect(), live: Vec::new(), resolved: Vec::new() }
}

/// What every account shows, but for what wanders in time.
fn shown(ledger: &Books<'_>, now: u64) -> Vec<[u64; 8]> {
    let account = |at| {
        let r = ledger.report(Instant::from_secs(now), AccountId(at)).unwrap();
        [r.posted, r.held, r.debt, r.bonus, r.previous, r.unaccounted, r.available, u64::from(r.closed)]
    };
    (0..3).map(account).collect()
}

fn same_as_model(ledger: &Books<'_>, model: &Model, now: u64, label: &str) {
    let mut then = model.clone();
    then.advance(now);
    for (at, got) in shown(ledger, now).into_iter().enumerate() {
        let (account, held) = (&then.accounts[at], then.held(at));
        assert_eq!(i128::from(got[1]), held, "{label}: I4 held of {at}");
        if at == ROLLING {
            let posted = i128::from(got[0]);
            assert!(posted + held >= then.used_in(LENGTH), "{label}: never over");
            assert!(posted + held <= then.used_in(LENGTH + SLICE), "{label}: at most a slice late");
            assert!(posted + held <= account.limit, "{label}: I1 of {at}");
            assert_eq!(i128::from(got[5]), account.unaccounted, "{label}: unaccounted of {at}");
            continue;
        }
        let want =
            [account.posted, held, account.debt, account.bonus, account.prev, account.unaccounted, then.free(at)];
        assert_eq!(got[..7].iter().map(|n| i128::from(*n)).collect::<Vec<_>>(), want, "{label}: account {at}");
        assert_eq!(got[7] == 1, account.closed, "{label}: account {at} closed");
        assert!(account.posted + held <= account.limit + account.bonus, "{label}: I1 of {at}");
    }
}

fn lines_of(amounts: &Amounts) -> Vec<Line> {
    let micros = |n: i128| Amount::from_micros(u64::try_from(n).unwrap()).unwrap();
    amounts.iter().map(|&(at, n)| Line::new::<Credits>(AccountId(u8::try_from(at).unwrap()), micros(n))).collect()
}

fn some_amounts(rng: &mut Rng) -> Amounts {
    let mut order = [0, 1, 2];
    order.swap(0, rng.pick(3));
    order.swap(1, 1 + rng.pick(2));
    let count = 1 + rng.pick(3);
    order[..count].iter().map(|at| (*at, i128::from(rng.below(60)))).collect()
}

/// One random operation on both.
fn step(rng: &mut Rng, ledger: &mut Books<'_>, model: &mut Model, now: u64, label: &str) {
    let id = rng.below(40);
    let (stamp, job) = (Instant::from_secs(now), JobId(id));
    let mut then = model.clone();
    then.advance(now);
    let before = shown(ledger, now.max(model.now));
    let known = then.find(id).cloned();
    let (got, want) = match rng.below(10) {
        0..=3 => reserve(rng, ledger, model, (now, id), label),
        4..=6 => settle(rng, ledger, model, (now, id), known.as_ref(), label),
        7 => (ledger.void(stamp, job), model.void(now, id)),
        8 if rng.below(2) == 0 => {
            let by = rng.below(30);
            let got = ledger.extend(stamp, job, Duration::from_secs(by)).map(|_| live());
            (got, model.extend(now, id, by))
        }
        8 => {
            let got = ledger.on_expiry(stamp, job, OnExpiry::Post);
            let live = known.as_ref().is_some_and(|hold| hold.state == State::Live);
            assert_eq!(got.is_ok(), live, "{label}");
            if let (true, Some(hold)) = (live, model.live.iter_mut().find(|hold| hold.id == id)) {
                hold.posts = true;
            }
            return;
        }
        _ => {
            let lines = known.iter().flat_map(|hold| &hold.lines);
            let left = |line: &ModelLine| line.taken + line.extra - line.refunded;
            let some = lines.map(|line| (line.account, (left(line) - i128::from(rng.below(8)) + 1).max(0)));
            let amounts: Amounts = some.collect();
            (ledger.refund(stamp, job, &lines_of(&amounts)), model.refund(now, id, &amounts))
        }
    };
    assert_eq!(said(&got), want, "{label}: {got:?} {known:?}");
    let noted = matches!(got, Err(LedgerError::Overage(_)));
    if !matches!(want, Said::Did(_)) && !noted {
        assert_eq!(shown(ledger, now.max(model.now)), before, "{label}: I2 a refusal changed something");
    }
}

type Answers = (Result<Receipt, LedgerError>, Said);

fn reserve(rng: &mut Rng, ledger: &mut Books<'_>, model: &mut Model, (now, id): (u64, u64), label: &str) -> Answers {
    let amounts = some_amounts(rng);
    let (lines, ttl, charge) = (lines_of(&amounts), rng.below(50), rng.below(4) == 0);
    let (stamp, job) = (Instant::from_secs(now), JobId(id));
    let got = if charge {
        ledger.charge(stamp, job, &lines)
    } else {
        ledger.reserve(stamp, job, &lines, Duration::from_secs(ttl))
    };
    let failed = rolling_failed(&got, &lines);
    let decided = matches!(said(&got), Said::Did(_)) || (failed && said(&got) == Said::Denied);
    if let (Some((_, n)), true) = (amounts.iter().find(|(at, _)| *at == ROLLING), decided) {
        rolling_is_between(model, now, *n, failed, label);
    }
    (got, model.reserve(now, id, &amounts, ttl, charge, failed))
}

fn settle(
    rng: &mut Rng,
    ledger: &mut Books<'_>,
    model: &mut Model,
    (now, id): (u64, u64),
    known: Option<&ModelHold>,
    label: &str,
) -> Answers {
    let near = |rng: &mut Rng, n: i128| (n + i128::from(rng.below(30)) - 20).max(0);
    let amounts: Amounts = match known {
        Some(hold) => hold.lines.iter().map(|line| (line.account, near(rng, line.reserved))).collect(),
        None => vec![(0, 1)],
    };
    let rolls = amounts.iter().find(|(at, _)| *at == ROLLING);
    let forced = rolls.is_none() && known.is_some() && rng.below(3) == 0;
    let (stamp, job, lines) = (Instant::from_secs(now), JobId(id), lines_of(&amounts));
    let got = if forced { ledger.absorb(stamp, job, &lines) } else { ledger.settle(stamp, job, &lines) };
    let failed = rolling_failed(&got, &lines);
    if let (Some(hold), Some((_, n))) = (known, rolls) {
        let line = hold.lines.iter().find(|line| line.account == ROLLING).unwrap();
        let booked = if hold.state == State::Expired { line.taken } else { line.reserved };
        if *n > booked && (failed || matches!(said(&got), Said::Did(_))) {
            rolling_is_between(model, now, n - booked, failed, label);
        }
    }
    (got, model.settle(now, id, &amounts, forced, failed))
}

fn live() -> Receipt {
    // A receipt cannot be made outside the crate; any live one will do.
    static NOTHING: BudgetSpec<'static> = BudgetSpec::new::<Credits>(Amount::ZERO, Renewal::Lifetime);
    let mut ledger = Ledger::<1, 1>::new(Duration::ZERO);
    ledger.open(Instant::ORIGIN, &NOTHING).unwrap();
    ledger.reserve(Instant::ORIGIN, JobId(0), &[], Duration::MAX).unwrap()
}

#[test]
fn a_ledger_does_what_a_slow_obvious_model_does() {
    for run in 1..=RUNS {
        let mut rng = Rng(run.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let rolling = Rolling::new(Duration::from_secs(LENGTH), 4).unwrap();
        let renewals = [Renewal::Lifetime, Renewal::Zone(&Every(60)), Renewal::Rolling(rolling)];
        let specs = renewals.map(|renewal| spec(&mut rng, renewal));
        let (mut ledger, mut model): (Books<'_>, _) = (dated(GRACE), model_of(&specs));
        for spec in &specs {
            ledger.open(Instant::ORIGIN, spec).unwrap();
        }
        let mut now = 0;
        for at in 0..STEPS {
            now = match rng.below(40) {
                0 => now + rng.below(200),
                1 => now.saturating_sub(rng.below(90)),
                2..=19 => now + rng.below(4),
                _ => now,
            };
            let label = format!("run {run} step {at} at {now}");
            step(&mut rng, &mut ledger, &mut model, now, &label);
            model.forget();
            same_as_model(&ledger, &model, now, &label);
        }
    }
}
