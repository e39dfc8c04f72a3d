//! Random lives of a ledger against a slow, obvious model (`oracle.rs`), limits that change on the way included.
//!
//! Invariants after every step: I1 no budget is over what it can have, or goes further over a limit that was lowered; I2 all or nothing; I3 every hold ends once;
//! I4 what is held is the sum of the live holds; R1 what is charged is never below the exact prices, and less than a
//! millionth above each; R2 a full refund gives back what was recorded, whatever the price was. Rolling budgets are checked from both sides: never over an exact window, and never stricter than one
//! that is a slice longer.

use tollgate::{
    AccountId, Amount, BudgetSpec, Credits, Duration, HeldLine, Hold, HoldState, Instant, JobId, Ledger, LedgerError,
    Line, OnExpiry, Ratio, Receipt, Renewal, Rolling, Rounding,
};

use crate::oracle::{Account, Amounts, GRACE, Model, ModelHold, ModelLine, PLACES, REMEMBERED, ROLLING, Said, State};
use crate::support::{Every, dated};

const RUNS: u64 = 1_000;
const STEPS: u32 = 300;
/// The rolling budget: forty seconds in four slices.
const LENGTH: u64 = 40;
const SLICE: u64 = 10;

type Books<'a> = Ledger<'a, 3, PLACES, 3, REMEMBERED, 5>;

pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn pick(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).unwrap()
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
        // Nothing more fits even above a lowered limit.
        assert!(more == 0 || then.used_in(LENGTH) + more <= limit, "{label}: over the exact window");
    }
}

/// Another limit for one of the accounts, and in part another overage.
fn change(rng: &mut Rng, ledger: &mut Books<'_>, model: &mut Model, high: &mut [i128; 3], now: u64, label: &str) {
    let at = rng.pick(3);
    let (stamp, account) = (Instant::from_secs(now), AccountId(u8::try_from(at).unwrap()));
    let before = ledger.report(stamp, account).unwrap();
    let limit = rng.below(120);
    let micros = Amount::<Credits>::from_micros;
    // Rolling budgets reject; what rolls over stays as it is.
    let old = &model.accounts[at];
    let mut spec = BudgetSpec::new::<Credits>(micros(limit).unwrap(), renewals()[at]);
    if at != ROLLING {
        spec = overage(rng, spec);
    }
    if let Some((min, max)) = old.rollover {
        let [min, max] = [min, max].map(|n| micros(u64::try_from(n).unwrap()).unwrap());
        spec = spec.with_rollover(min, max).unwrap();
    }
    let spec = Box::leak(Box::new(if old.carries { spec } else { spec.forgiving() }));
    assert_eq!(ledger.set_spec(stamp, account, spec), Ok(()), "{label}");
    model.advance(now);
    model.accounts[at].change(i128::from(limit), spec.overage());
    let after = ledger.report(stamp, account).unwrap();
    assert_eq!((before.posted, before.held, before.debt), (after.posted, after.held, after.debt), "{label}");
    high[at] = i128::from(after.posted + after.held);
}

fn renewals() -> [Renewal<'static>; 3] {
    let rolling = Rolling::new(Duration::from_secs(LENGTH), 4).unwrap();
    [Renewal::Lifetime, Renewal::Zone(&Every(60)), Renewal::Rolling(rolling)]
}

fn overage(rng: &mut Rng, spec: BudgetSpec<'static>) -> BudgetSpec<'static> {
    match rng.below(3) {
        0 => spec,
        1 => spec.with_cap(),
        _ => spec.with_debt(Amount::<Credits>::from_micros(rng.below(150)).unwrap()).unwrap(),
    }
}

fn spec(rng: &mut Rng, renewal: Renewal<'static>) -> BudgetSpec<'static> {
    let micros = |n| Amount::<Credits>::from_micros(n).unwrap();
    let dated = matches!(renewal, Renewal::Zone(_));
    let mut spec = BudgetSpec::new::<Credits>(micros(rng.below(120)), renewal);
    if !matches!(renewal, Renewal::Rolling(_)) {
        spec = overage(rng, spec);
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

/// `high` is what each account had used when its limit was last changed, which only matters above it.
fn same_as_model(ledger: &Books<'_>, model: &Model, high: &[i128; 3], now: u64, label: &str) {
    let mut then = model.clone();
    then.advance(now);
    for (at, got) in shown(ledger, now).into_iter().enumerate() {
        let (account, held) = (&then.accounts[at], then.held(at));
        assert_eq!(i128::from(got[1]), held, "{label}: I4 held of {at}");
        if at == ROLLING {
            let posted = i128::from(got[0]);
            assert!(posted + held >= then.used_in(LENGTH), "{label}: never over");
            assert!(posted + held <= then.used_in(LENGTH + SLICE), "{label}: at most a slice late");
            assert!(posted + held <= account.limit.max(high[at]), "{label}: I1 of {at}");
            assert_eq!(i128::from(got[5]), account.unaccounted, "{label}: unaccounted of {at}");
            continue;
        }
        let want =
            [account.posted, held, account.debt, account.bonus, account.prev, account.unaccounted, then.free(at)];
        assert_eq!(got[..7].iter().map(|n| i128::from(*n)).collect::<Vec<_>>(), want, "{label}: account {at}");
        assert_eq!(got[7] == 1, account.closed, "{label}: account {at} closed");
        let most = (account.limit + account.bonus).max(high[at]);
        assert!(account.posted + held <= most, "{label}: I1 of {at}");
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

/// What was charged at once, at a price that is no whole number, and what that is exactly.
struct Prices {
    price: Ratio,
    charged: u128,
    /// Times the denominator.
    exact: u128,
    lines: u128,
}

impl Prices {
    fn new(rng: &mut Rng) -> Self {
        let price = Ratio::new(1 + rng.below(50), 1 + rng.below(40)).unwrap();
        Self { price, charged: 0, exact: 0, lines: 0 }
    }

    /// So many of something in one account after the other, with a price rounded up.
    fn charge(&mut self, rng: &mut Rng, ledger: &mut Books<'_>, model: &mut Model, now: u64, label: &str) {
        let mut amounts = some_amounts(rng);
        amounts.retain(|(at, _)| *at != ROLLING);
        let sold: Vec<_> = amounts.iter().map(|_| rng.below(20)).collect();
        for ((_, micros), sold) in amounts.iter_mut().zip(&sold) {
            let cost = Amount::<Credits>::from_micros(*sold).unwrap().times(self.price, Rounding::Ceil).unwrap();
            *micros = i128::from(cost.as_micros());
        }
        let id = 40 + rng.below(20);
        let got = ledger.charge(Instant::from_secs(now), JobId(id), &lines_of(&amounts));
        assert_eq!(said(&got), model.reserve(now, id, &amounts, 0, true, false), "{label}: {got:?}");
        if let Ok(Receipt { replayed: false, .. }) = got {
            let lines = ledger.hold(JobId(id)).unwrap().lines();
            self.charged += lines.iter().map(|line| u128::from(line.posted())).sum::<u128>();
            self.exact += sold.iter().map(|n| u128::from(*n) * u128::from(self.price.num())).sum::<u128>();
            self.lines += lines.len() as u128;
        }
        let (charged, den) = (self.charged * u128::from(self.price.den()), u128::from(self.price.den()));
        assert!(charged >= self.exact, "{label}: R1 charged less than the exact sum");
        assert!(charged - self.exact < (self.lines * den).max(1), "{label}: R1 more than a millionth each above it");
    }
}

/// R2, on a copy: all that is left of a settled job is given back, and then there is nothing more of it.
fn a_full_refund_gives_back_what_was_recorded(rng: &mut Rng, ledger: &Books<'_>, now: u64, label: &str) {
    let (mut then, stamp, id) = (ledger.clone(), Instant::from_secs(now), JobId(rng.below(60)));
    // What time does first is not the refund's doing.
    let _ = then.reserve(stamp, JobId(u64::MAX), &[], Duration::ZERO);
    let posted = |hold: &&Hold<3>| matches!(hold.state(), HoldState::Posted | HoldState::PostedLate);
    let Some(hold) = then.hold(id).filter(posted).cloned() else { return };
    let left = |line: &HeldLine| line.posted() - line.refunded();
    let line = |line: &HeldLine, micros| Line::new::<Credits>(line.account(), Amount::from_micros(micros).unwrap());
    let all: Vec<_> = hold.lines().iter().map(|own| line(own, left(own))).collect();
    let forever = AccountId(0);
    let used = |books: &Books<'_>| books.report(stamp, forever).map(|r| r.posted + r.debt).unwrap();
    let before = used(&then);
    let _ = then.refund(stamp, id, &all).unwrap();
    let recorded = hold.lines().iter().filter(|own| own.account() == forever).map(left).sum::<u64>();
    assert_eq!(before - used(&then), recorded, "{label}: R2");
    for own in hold.lines() {
        let more = then.refund(stamp, id, &[line(own, 1)]);
        assert_eq!(said(&more), Said::RefundExceeds, "{label}: R2 again: {more:?}");
    }
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
        let specs = renewals().map(|renewal| spec(&mut rng, renewal));
        let (mut ledger, mut model): (Books<'_>, _) = (dated(GRACE), model_of(&specs));
        for spec in &specs {
            ledger.open(Instant::ORIGIN, spec).unwrap();
        }
        let (mut now, mut high, mut prices) = (0, [0; 3], Prices::new(&mut rng));
        for at in 0..STEPS {
            now = match rng.below(40) {
                0 => now + rng.below(200),
                1 => now.saturating_sub(rng.below(90)),
                2..=19 => now + rng.below(4),
                _ => now,
            };
            let label = format!("run {run} step {at} at {now}");
            match rng.below(25) {
                0 => change(&mut rng, &mut ledger, &mut model, &mut high, now, &label),
                1 | 2 => prices.charge(&mut rng, &mut ledger, &mut model, now, &label),
                _ => step(&mut rng, &mut ledger, &mut model, now, &label),
            }
            model.forget();
            same_as_model(&ledger, &model, &high, now, &label);
            if at % 4 == 0 {
                a_full_refund_gives_back_what_was_recorded(&mut rng, &ledger, now, &label);
            }
        }
    }
}
