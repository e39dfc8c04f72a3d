//! The ledger as a limiter: what it promises, and what `reserve_all` makes of it.

use proptest::prelude::*;
use tollgate::Raise::{No, ToLimit};
use tollgate::{
    Amount, BudgetSpec, Credits, Denied, Duration, Heard, Instant, JobId, Ledger, Limiter, Line, OnExpiry, Renewal,
    Rolling, Trust, UnixMicros,
};

use crate::support::{Every, dated};

type C = Credits;

fn micros(n: u64) -> Amount<C> {
    Amount::from_micros(n).unwrap()
}

fn secs(n: u64) -> Instant {
    Instant::from_secs(n)
}

const TICK: Duration = Duration::from_micros(1);

#[test]
fn a_calendar_budget_says_when_its_next_period_surely_starts() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Zone(&Every(60)));
    let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    ledger.set_wall(secs(0), UnixMicros::from_secs(30), Duration::from_secs(2), Trust::Owner);
    let account = ledger.open(secs(0), &spec).unwrap();
    let mut budget = ledger.account(account, Duration::MAX).unwrap();
    assert_eq!(budget.allow(secs(1), 100), Ok(()));
    // The minute is over when the wall shows it *and* its error of two seconds has passed.
    assert_eq!(budget.allow(secs(1), 1), Err(Denied::Until(secs(32))));
    assert_eq!(budget.allow(secs(1), 101), Err(Denied::Never { max: 100 }));
    assert_eq!(budget.allow(secs(32).saturating_sub(TICK), 1), Err(Denied::Until(secs(32))));
    assert_eq!(budget.allow(secs(32), 1), Ok(()));
}

#[test]
fn a_lifetime_budget_says_never_and_what_is_left() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Lifetime);
    let mut ledger: Ledger<'_, 1, 4> = dated(0);
    let account = ledger.open(secs(0), &spec).unwrap();
    let mut budget = ledger.account(account, Duration::from_secs(10)).unwrap();
    let held = budget.reserve(secs(0), 60, Duration::ZERO).unwrap();
    // A release helps, or the end of the hold.
    assert_eq!(budget.allow(secs(0), 100), Err(Denied::Until(secs(10))));
    budget.commit(secs(1), held, 50);
    assert_eq!(budget.allow(secs(1), 51), Err(Denied::Never { max: 50 }));
    assert_eq!(budget.available(secs(1)), 50);
}

#[test]
fn a_budget_without_a_date_is_busy_where_only_a_roll_would_help() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Zone(&Every(60)));
    let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    let account = ledger.open(secs(0), &spec).unwrap();
    let mut budget = ledger.account(account, Duration::MAX).unwrap();
    assert_eq!(budget.allow(secs(0), 100), Ok(()));
    assert_eq!(budget.allow(secs(1_000), 1), Err(Denied::Busy));
}

#[test]
fn a_carried_debt_skips_as_many_periods_as_it_takes() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Zone(&Every(60))).with_debt::<C>(micros(1_000)).unwrap();
    let mut ledger: Ledger<'_, 1, 4> = dated(0);
    let account = ledger.open(secs(0), &spec).unwrap();
    let mut budget = ledger.account(account, Duration::MAX).unwrap();
    let held = budget.reserve(secs(0), 100, Duration::ZERO).unwrap();
    budget.commit(secs(1), held, 450);
    // 350 are owed: three periods repay 300, and in the fourth from now 50 are free.
    assert_eq!(budget.allow(secs(1), 50), Err(Denied::Until(secs(240))));
    assert_eq!(budget.allow(secs(1), 51), Err(Denied::Until(secs(300))));
    assert_eq!(budget.allow(secs(240), 50), Ok(()));
}

#[test]
fn under_reject_the_excess_of_a_commit_is_unaccounted() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Lifetime);
    let mut ledger: Ledger<'_, 1, 4> = dated(0);
    let account = ledger.open(secs(0), &spec).unwrap();
    let cost = [Line::new::<C>(account, micros(30))];
    let held = ledger.ask(JobId(1), Duration::MAX, &cost).unwrap().reserve(secs(0), 2, Duration::ZERO).unwrap();
    let receipt = ledger.commit(secs(1), held, 5).unwrap();
    assert!(receipt.beyond.contains(0) && receipt.missed.contains(0));
    let report = ledger.report(secs(1), account).unwrap();
    // All that fits is posted, so that nothing looks free that is not.
    assert_eq!((report.posted, report.unaccounted, report.available), (100, 50, 0));
    assert_eq!(ledger.write_off::<C>(account), Ok(micros(50)));
    assert!(ledger.ask(JobId(1), Duration::MAX, &cost).is_err());
}

#[test]
fn undated_charges_go_along_to_the_period_that_is_learned() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Zone(&Every(60)));
    let mut ledger: Ledger<'_, 1, 4> = dated(0);
    let account = ledger.open(secs(0), &spec).unwrap();
    let charge = |ledger: &mut Ledger<'_, 1, 4>, now, id, n| {
        ledger.charge(secs(now), JobId(id), &[Line::new::<C>(account, micros(n))]).map(|_| ())
    };
    charge(&mut ledger, 10, 1, 40).unwrap();
    // A stranger says it is a year later: frozen, and what follows is undated.
    let late = 365 * 86_400;
    let stranger = |ledger: &mut Ledger<'_, 1, 4>, now: u64, unix: i64| {
        ledger.set_wall(secs(now), UnixMicros::from_secs(unix), Duration::from_secs(1), Trust::Stranger)
    };
    assert_eq!(stranger(&mut ledger, 20, late), Heard::Unconfirmed);
    charge(&mut ledger, 30, 2, 50).unwrap();
    let lines = [Line::new::<C>(account, micros(7))];
    let _ = ledger.reserve(secs(30), JobId(3), &lines, Duration::MAX).unwrap();
    assert!(charge(&mut ledger, 75, 4, 50).is_err(), "it does not roll while the date is unknown");
    let report = ledger.report(secs(75), account).unwrap();
    assert_eq!((report.posted, report.undated, report.held, report.frozen), (90, 50, 7, true));
    // Confirmed: the year has passed, and what was charged while nobody knew belongs to the period that is learned.
    assert_eq!(stranger(&mut ledger, 85, late + 65), Heard::Learned);
    let report = ledger.report(secs(85), account).unwrap();
    assert_eq!((report.posted, report.undated, report.held, report.frozen), (50, 0, 7, false));
    // A refund of what was undated finds its period.
    let _ = ledger.refund(secs(85), JobId(2), &[Line::new::<C>(account, micros(20))]).unwrap();
    assert_eq!(ledger.report(secs(85), account).unwrap().posted, 30);
    let _ = ledger.settle(secs(86), JobId(3), &lines).unwrap();
    assert_eq!(ledger.report(secs(86), account).unwrap().posted, 37);
}

#[test]
fn a_bad_date_does_not_lock_for_years() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Zone(&Every(60)));
    let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    ledger.set_wall(secs(0), UnixMicros::from_secs(1_000_000), Duration::ZERO, Trust::Owner);
    let account = ledger.open(secs(0), &spec).unwrap();
    let lines = |n| [Line::new::<C>(account, micros(n))];
    let _ = ledger.charge(secs(0), JobId(1), &lines(60)).unwrap();
    let _ = ledger.reserve(secs(60), JobId(2), &lines(30), Duration::MAX).unwrap();
    // The owner corrects himself: it was one period all along, and it is overspent by nothing.
    ledger.set_wall(secs(61), UnixMicros::from_secs(600_000), Duration::ZERO, Trust::Owner);
    let report = ledger.report(secs(61), account).unwrap();
    assert_eq!((report.period, report.posted, report.held, report.previous), (10_000, 60, 30, 0));
    assert!(ledger.check(secs(61), &lines(11)).is_err());
    assert!(ledger.check(secs(61), &lines(10)).is_ok());
    assert!(ledger.check(secs(121), &lines(100)).is_ok(), "the hold is of the period before, and that one is over");
}

#[test]
fn the_lower_of_two_books_is_believed() {
    let spec = BudgetSpec::new::<C>(micros(100), Renewal::Lifetime);
    let mut ledger: Ledger<'_, 1, 4> = dated(0);
    let account = ledger.open(secs(0), &spec).unwrap();
    let lines = [Line::new::<C>(account, micros(30))];
    let _ = ledger.reserve(secs(0), JobId(1), &lines, Duration::MAX).unwrap();
    // (the provider's balance, raise, difference, posted, raised, available afterwards)
    for (balance, raise, difference, posted, raised, available) in [
        (100, No, 0, 0, 0, 70),
        (80, No, -20, 20, 0, 50),
        (90, No, 10, 0, 0, 50),
        (90, ToLimit, 10, 0, 10, 60),
        (500, ToLimit, 410, 0, 10, 70),
        (0, No, -100, 70, 0, 0),
    ] {
        let got = ledger.observe::<C>(secs(1), account, micros(balance), raise).unwrap();
        assert_eq!((got.difference, got.posted, got.raised), (difference, posted, raised), "{balance}");
        assert_eq!(ledger.available::<C>(secs(1), account), Ok(micros(available)), "{balance}");
    }
    // The hold is gone, the balance is still nothing: the rest is posted when it is seen again.
    let _ = ledger.void(secs(2), JobId(1)).unwrap();
    let got = ledger.observe::<C>(secs(2), account, Amount::ZERO, No).unwrap();
    assert_eq!((got.difference, got.posted), (-30, 30));
}

#[derive(Clone, Debug)]
enum Op {
    Charge(u64),
    Hold(u64, u64, bool),
    Settle(u64),
}

fn op() -> impl Strategy<Value = (u64, Op)> {
    let what = prop_oneof![
        (1..60u64).prop_map(Op::Charge),
        (1..60u64, 0..90u64, any::<bool>()).prop_map(|(n, ttl, posts)| Op::Hold(n, ttl, posts)),
        (0..90u64).prop_map(Op::Settle),
    ];
    (0..25u64, what)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Over a minute budget with debt and rollover and a rolling one at once.
    #[test]
    fn until_is_exact_and_what_is_available_is_allowed(ops in prop::collection::vec(op(), 1..30), ask in 1..70u64) {
        let minute = BudgetSpec::new::<C>(micros(70), Renewal::Zone(&Every(60)))
            .with_debt::<C>(micros(150)).unwrap().with_rollover::<C>(micros(0), micros(20)).unwrap();
        let rolling = Renewal::Rolling(Rolling::new(Duration::from_secs(40), 4).unwrap());
        let rolling = BudgetSpec::new::<C>(micros(80), rolling);
        let mut ledger: Ledger<'_, 2, 4, 2, 4, 5> = dated(1);
        let (a, b) = (ledger.open(secs(0), &minute).unwrap(), ledger.open(secs(0), &rolling).unwrap());
        let lines = |n| [Line::new::<C>(a, micros(n)), Line::new::<C>(b, micros(n))];
        let mut now = 0;
        for (id, (wait, op)) in (0u64..).zip(ops) {
            now += wait;
            match op {
                Op::Charge(n) => drop(ledger.charge(secs(now), JobId(id), &lines(n))),
                Op::Hold(n, ttl, posts) => {
                    let _ = ledger.reserve(secs(now), JobId(id), &lines(n), Duration::from_secs(ttl));
                    if posts {
                        let _ = ledger.on_expiry(secs(now), JobId(id), OnExpiry::Post);
                    }
                }
                Op::Settle(n) => {
                    let live = ledger.holds().next().map(tollgate::Hold::id);
                    if let Some(id) = live {
                        let _ = ledger.absorb(secs(now), id, &lines(n));
                    }
                }
            }
            let free = {
                let once = lines(1);
                ledger.clone().ask(JobId(999), Duration::MAX, &once).unwrap().available(secs(now))
            };
            let allows = |at: Instant, n: u64| {
                let mut ledger = ledger.clone();
                ledger.ask(JobId(999), Duration::MAX, &lines(n)).unwrap().allow(at, 1)
            };
            prop_assert_eq!(allows(secs(now), ask).is_ok(), ask <= free);
            if let Err(Denied::Until(at)) = allows(secs(now), ask) {
                prop_assert!(at > secs(now));
                prop_assert_eq!(allows(at.saturating_sub(TICK), ask), Err(Denied::Until(at)));
                prop_assert_eq!(allows(at, ask), Ok(()));
            }
            if let Err(denied) = allows(secs(now), ask) {
                prop_assert!(denied != Denied::Busy || ledger.holds().count() == 4, "leases and periods free everything");
            }
        }
    }
}
