//! Specifications that change under way, and what the provider's own books say.

use tollgate::{
    AccountId, Amount, Boundaries, BudgetSpec, Calendar, ChangeError, Credits, Cycle, Duration, Instant, JobId, Ledger,
    LedgerError, Line, Period, Raise, Renewal, Rolling, Thresholds, Usd, Weekday,
};

use crate::support::{Every, dated};

use Raise::{No, ToLimit};

type C = Credits;
type Books<'a> = Ledger<'a, 1, 4, 1, 4, 12>;

const ACCOUNT: AccountId = AccountId(0);
const DAY: Renewal<'static> = Renewal::Zone(&Every(86_400));

fn micros(n: u64) -> Amount<C> {
    Amount::from_micros(n).unwrap()
}

fn secs(n: u64) -> Instant {
    Instant::from_secs(n)
}

fn of(n: u64) -> [Line; 1] {
    [Line::new::<C>(ACCOUNT, micros(n))]
}

fn life(limit: u64) -> BudgetSpec<'static> {
    BudgetSpec::new::<C>(micros(limit), Renewal::Lifetime)
}

fn daily(limit: u64) -> BudgetSpec<'static> {
    BudgetSpec::new::<C>(micros(limit), DAY)
}

/// A ledger with this account, of which so much is posted.
fn books<'a>(spec: &'a BudgetSpec<'a>, posted: u64) -> Books<'a> {
    let mut books: Books<'a> = dated(0);
    books.open(secs(0), spec).unwrap();
    let _ = books.charge(secs(0), JobId(99), &of(posted)).unwrap();
    books
}

fn available(books: &Books<'_>, now: u64) -> u64 {
    books.available::<C>(secs(now), ACCOUNT).unwrap().as_micros()
}

/// The positions of the alerts, which are acknowledged.
fn fired(books: &mut Books<'_>) -> Vec<u8> {
    let alerts: Vec<_> = books.alerts().collect();
    for alert in &alerts {
        assert!(books.acknowledge(*alert));
    }
    alerts.iter().map(|alert| alert.threshold).collect()
}

#[test]
fn a_lower_limit_kills_no_hold_and_admits_nothing_until_enough_is_free() {
    let (before, after) = (life(100), life(50));
    let mut books = books(&before, 20);
    let _ = books.reserve(secs(0), JobId(1), &of(60), Duration::MAX).unwrap();
    books.set_spec(secs(1), ACCOUNT, &after).unwrap();
    let report = books.report(secs(1), ACCOUNT).unwrap();
    assert_eq!((report.limit, report.posted, report.held, report.available), (50, 20, 60, 0));
    assert!(matches!(books.check(secs(1), &of(1)), Err(LedgerError::Denied { .. })));
    // Its job may cost what was set aside, and not more.
    assert!(matches!(books.settle(secs(2), JobId(1), &of(61)), Err(LedgerError::Overage(_))));
    let _ = books.settle(secs(2), JobId(1), &of(60)).unwrap();
    for (refund, free) in [(29, 0), (1, 0), (1, 1), (9, 10)] {
        let _ = books.refund(secs(3), JobId(1), &of(refund)).unwrap();
        assert_eq!(available(&books, 3), free, "{refund}");
    }
    assert!(books.check(secs(3), &of(10)).is_ok() && books.check(secs(3), &of(11)).is_err());
}

#[test]
fn alerts_follow_the_limit_by_the_rule_of_the_hysteresis() {
    let steps = Thresholds::percent(&[50, 75, 90, 100], 5).unwrap();
    let specs = [100, 170, 178, 200, 80, 81, 84, 85, 50].map(|limit| life(limit).with_thresholds(steps));
    let by = |limit: u64| specs.iter().find(|spec| spec.limit_micros() == limit).unwrap();
    // 80 are used. (the limit goes, what fires then, what is armed afterwards)
    for (limits, fires, armed) in [
        ([100].as_slice(), [].as_slice(), 0b1100_u8),
        // 47 %: not five below a half, but far below three quarters.
        (&[170], &[], 0b1110),
        // 44.9 %.
        (&[178], &[], 0b1111),
        (&[200, 100], &[0, 1], 0b1100),
        (&[170, 100], &[1], 0b1100),
        (&[80], &[2, 3], 0),
        (&[50], &[2, 3], 0),
        // 95.2 % is not five below all of it; 94.1 % is. Both are above 90 % less five.
        (&[80, 84], &[2, 3], 0),
        (&[80, 85], &[2, 3], 0b1000),
        (&[80, 85, 80], &[2, 3], 0),
    ] {
        let mut books = books(by(100), 80);
        assert_eq!(fired(&mut books), [0, 1]);
        for limit in limits {
            books.set_spec(secs(1), ACCOUNT, by(*limit)).unwrap();
        }
        assert_eq!(fired(&mut books), fires, "{limits:?}");
        assert_eq!(books.report(secs(1), ACCOUNT).unwrap().armed, armed, "{limits:?}");
    }
}

#[test]
fn an_alert_whose_share_is_in_both_specifications_stays_as_it_is() {
    let none = life(100);
    let old = life(100).with_thresholds(Thresholds::percent(&[50, 75, 100], 5).unwrap());
    let new = life(100).with_thresholds(Thresholds::percent(&[75, 80, 90], 5).unwrap());
    let mut seen = books(&old, 80);
    assert_eq!(fired(&mut seen), [0, 1]);
    seen.set_spec(secs(1), ACCOUNT, &new).unwrap();
    assert_eq!((fired(&mut seen), seen.report(secs(1), ACCOUNT).unwrap().armed), (vec![1], 0b100));
    // What is pending and in both stays pending, at its new position.
    let mut unseen = books(&old, 80);
    unseen.set_spec(secs(1), ACCOUNT, &new).unwrap();
    assert_eq!(fired(&mut unseen), [0, 1]);
    unseen.set_spec(secs(1), ACCOUNT, &none).unwrap();
    assert_eq!((fired(&mut unseen), unseen.report(secs(1), ACCOUNT).unwrap().armed), (vec![], 0));
}

#[test]
fn soft_limit_and_overage_change_at_once() {
    let (plain, soft) = (life(100), life(100).with_soft(micros(30)).unwrap());
    let debt = life(100).with_debt(micros(10)).unwrap();
    let mut books = books(&plain, 20);
    assert!(books.check(secs(0), &of(40)).unwrap().is_empty());
    books.set_spec(secs(0), ACCOUNT, &soft).unwrap();
    assert!(books.check(secs(0), &of(40)).unwrap().contains(0));
    let _ = books.reserve(secs(0), JobId(1), &of(80), Duration::MAX).unwrap();
    assert!(matches!(books.settle(secs(1), JobId(1), &of(90)), Err(LedgerError::Overage(_))));
    books.set_spec(secs(1), ACCOUNT, &debt).unwrap();
    let _ = books.settle(secs(1), JobId(1), &of(90)).unwrap();
    // The debt stays a debt where no new ones are made.
    books.set_spec(secs(1), ACCOUNT, &plain).unwrap();
    assert_eq!(books.report(secs(1), ACCOUNT).map(|r| (r.debt, r.soft)), Some((10, false)));
}

#[test]
fn a_budget_closed_by_a_cap_opens_with_a_higher_limit_or_without_a_cap() {
    for (limit, capped, closed, free) in [
        (100, true, true, 0),
        (60, true, true, 0),
        (101, true, false, 1),
        (100, false, false, 0),
        (150, false, false, 50),
    ] {
        let (old, new) = (life(100).with_cap(), if capped { life(limit).with_cap() } else { life(limit) });
        let mut books = books(&old, 60);
        let _ = books.reserve(secs(0), JobId(1), &of(40), Duration::MAX).unwrap();
        let _ = books.settle(secs(0), JobId(1), &of(70)).unwrap();
        assert!(books.report(secs(0), ACCOUNT).unwrap().closed);
        books.set_spec(secs(0), ACCOUNT, &new).unwrap();
        let report = books.report(secs(0), ACCOUNT).unwrap();
        assert_eq!((report.closed, report.available, report.unaccounted), (closed, free, 30), "{limit} {capped}");
    }
}

#[test]
fn what_is_above_a_lowered_limit_at_the_end_of_a_period_is_a_debt() {
    const NEXT: u64 = 86_400;
    let (old, low, forgiving) = (daily(100), daily(30), daily(30).forgiving());
    let mut carried = books(&old, 80);
    carried.set_spec(secs(1), ACCOUNT, &low).unwrap();
    let states = [NEXT, 2 * NEXT, 3 * NEXT].map(|now| {
        let _ = carried.charge(secs(now), JobId(now), &of(0)).unwrap();
        carried.report(secs(now), ACCOUNT).map(|r| (r.debt, r.available)).unwrap()
    });
    assert_eq!(states, [(50, 0), (20, 10), (0, 30)]);

    let mut forgiven = books(&old, 80);
    forgiven.set_spec(secs(1), ACCOUNT, &forgiving).unwrap();
    assert_eq!(available(&forgiven, NEXT), 30);
    // The day that is over when the limit changes is judged by the limit it had.
    let mut late = books(&old, 80);
    late.set_spec(secs(NEXT), ACCOUNT, &low).unwrap();
    assert_eq!((available(&late, NEXT), late.report(secs(NEXT), ACCOUNT).unwrap().previous), (30, 80));
}

/// Days that are the same until the third, which is longer.
struct Longer;

impl Boundaries for Longer {
    fn period_at(&self, unix: i64) -> Period {
        if unix < 3 * 86_400 {
            Every(86_400).period_at(unix)
        } else {
            Period { index: 3, start: 259_200, end: 999_999 }
        }
    }
}

#[test]
fn unit_and_periods_stay_and_a_refused_change_changes_nothing() {
    let renewals = [
        Renewal::Lifetime,
        Renewal::Calendar(Calendar::utc(Cycle::Day)),
        Renewal::Calendar(Calendar::utc(Cycle::Week { start: Weekday::Monday })),
        DAY,
        Renewal::Zone(&Every(3_600)),
        Renewal::Rolling(Rolling::new(Duration::from_secs(60), 6).unwrap()),
        Renewal::Rolling(Rolling::new(Duration::from_secs(60), 3).unwrap()),
        Renewal::Rolling(Rolling::new(Duration::from_secs(30), 6).unwrap()),
    ];
    for (from, old) in renewals.iter().enumerate() {
        let old = BudgetSpec::new::<C>(micros(100), *old);
        for (to, new) in renewals.iter().enumerate() {
            let same = BudgetSpec::new::<C>(micros(50), *new);
            let dollars = BudgetSpec::new::<Usd>(Amount::whole(1), *new);
            let mut books = books(&old, 60);
            let before = format!("{books:?}");
            assert_eq!(books.set_spec(secs(9), AccountId(1), &same), Err(ChangeError::UnknownBudget));
            assert_eq!(books.set_spec(secs(9), ACCOUNT, &dollars), Err(ChangeError::UnitMismatch));
            let want = if from == to { Ok(()) } else { Err(ChangeError::OtherRenewal) };
            assert_eq!(books.set_spec(secs(9), ACCOUNT, &same), want, "{from} {to}");
            assert_eq!(format!("{books:?}") == before, want.is_err(), "{from} {to}");
        }
    }
}

#[test]
fn a_zone_may_learn_new_rules_for_later_periods() {
    let (old, lower, new) = (daily(100), daily(50), BudgetSpec::new::<C>(micros(100), Renewal::Zone(&Longer)));
    let mut books = books(&old, 60);
    books.set_spec(secs(0), ACCOUNT, &new).unwrap();
    assert_eq!(books.report(secs(4 * 86_400), ACCOUNT).unwrap().period, 3);
    // In the longer day they differ, and there is no way back.
    assert_eq!(books.set_spec(secs(4 * 86_400), ACCOUNT, &old), Err(ChangeError::OtherRenewal));
    // Without a date it must be the same zone.
    let mut undated = Ledger::<1, 1>::new(Duration::ZERO);
    undated.open(secs(0), &old).unwrap();
    assert_eq!(undated.set_spec(secs(0), ACCOUNT, &new), Err(ChangeError::OtherRenewal));
    assert_eq!(undated.set_spec(secs(0), ACCOUNT, &lower), Ok(()));
}

/// What has happened before the provider's balance is heard.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// 40 of 100 posted.
    Posted,
    /// The same, and 50 held.
    Held,
    /// 100 of 100 posted, and 20 owed.
    InDebt,
    /// 100 of 100 posted, 20 unaccounted, and closed by a cap.
    Closed,
    /// 40 posted, and the limit lowered to 30.
    Lowered,
    /// 40 of 100 posted in a rolling window.
    Rolls,
}

#[test]
fn the_lower_of_two_books_is_believed_and_once_is_enough() {
    use Before::{Closed, Held, InDebt, Lowered, Posted, Rolls};
    let rolling = Renewal::Rolling(Rolling::new(Duration::from_secs(60), 6).unwrap());
    let specs = [life(100), life(100).with_debt(micros(20)).unwrap(), life(100).with_cap(), life(30)];
    let [plain, debt, cap, low] = &specs;
    let window = BudgetSpec::new::<C>(micros(100), rolling);
    // (before, balance, raise; difference, posted, raised, available afterwards, difference when heard again)
    for (before, balance, raise, difference, posted, raised, free, again) in [
        (Posted, 60, No, 0, 0, 0, 60, 0),
        (Posted, 10, No, -50, 50, 0, 10, 0),
        (Posted, 10, ToLimit, -50, 50, 0, 10, 0),
        (Posted, 0, No, -60, 60, 0, 0, 0),
        (Posted, 75, No, 15, 0, 0, 60, 15),
        (Posted, 75, ToLimit, 15, 0, 15, 75, 0),
        (Posted, 100, ToLimit, 40, 0, 40, 100, 0),
        // Never above the limit.
        (Posted, 500, ToLimit, 440, 0, 40, 100, 400),
        // As far as anything is free: the rest when the hold is gone.
        (Held, 55, No, -5, 5, 0, 5, 0),
        (Held, 30, No, -30, 10, 0, 0, -20),
        (Held, 0, No, -60, 10, 0, 0, -50),
        (Held, 90, No, 30, 0, 0, 10, 30),
        (Held, 500, ToLimit, 440, 0, 40, 50, 400),
        // What is owed was spent.
        (InDebt, 0, No, 20, 0, 0, 0, 20),
        (InDebt, 0, ToLimit, 20, 0, 20, 0, 0),
        (InDebt, 10, ToLimit, 30, 0, 30, 10, 0),
        (InDebt, 500, ToLimit, 520, 0, 120, 100, 400),
        (Closed, 0, No, 0, 0, 0, 0, 0),
        (Closed, 10, No, 10, 0, 0, 0, 10),
        (Closed, 10, ToLimit, 10, 0, 10, 10, 0),
        (Lowered, 0, No, 10, 0, 0, 0, 10),
        (Lowered, 20, ToLimit, 30, 0, 30, 20, 0),
        (Rolls, 10, No, -50, 50, 0, 10, 0),
        (Rolls, 75, ToLimit, 15, 0, 15, 75, 0),
        (Rolls, 500, ToLimit, 440, 0, 40, 100, 400),
    ] {
        let label = format!("{before:?} {balance} {raise:?}");
        let spec = match before {
            InDebt => debt,
            Closed => cap,
            Rolls => &window,
            Posted | Held | Lowered => plain,
        };
        let mut books = books(spec, 40);
        match before {
            Posted | Rolls => {}
            Held => drop(books.reserve(secs(0), JobId(1), &of(50), Duration::MAX).unwrap()),
            Lowered => books.set_spec(secs(0), ACCOUNT, low).unwrap(),
            InDebt | Closed => {
                let _ = books.reserve(secs(0), JobId(1), &of(60), Duration::MAX).unwrap();
                let _ = books.settle(secs(0), JobId(1), &of(80)).unwrap();
            }
        }
        let got = books.observe::<C>(secs(1), ACCOUNT, micros(balance), raise).unwrap();
        assert_eq!((got.difference, got.posted, got.raised), (difference, posted, raised), "{label}");
        assert_eq!(available(&books, 1), free, "{label}");
        let report = books.report(secs(1), ACCOUNT);
        let twice = books.observe::<C>(secs(1), ACCOUNT, micros(balance), raise).unwrap();
        assert_eq!((twice.difference, twice.posted, twice.raised), (again, 0, 0), "{label}");
        assert_eq!(books.report(secs(1), ACCOUNT), report, "{label}");
    }
}

#[test]
fn a_balance_in_another_unit_or_of_nobody_is_an_error() {
    let spec = life(100);
    let mut books = books(&spec, 40);
    let other = books.observe::<Usd>(secs(0), ACCOUNT, Amount::ZERO, No);
    assert_eq!(other, Err(LedgerError::UnitMismatch { line: 0, expected: "credits" }));
    let nobody = books.observe::<C>(secs(0), AccountId(1), Amount::ZERO, No);
    assert_eq!(nobody, Err(LedgerError::UnknownBudget { line: 0 }));
    assert_eq!(available(&books, 0), 60);
}

/// An hour ahead and back: without a word everything waits for that hour.
#[test]
fn after_a_known_clock_fault_what_is_used_ages_on_and_a_hold_keeps_what_was_left_of_it() {
    static MINUTE: BudgetSpec = BudgetSpec::new::<Credits>(
        Amount::whole(100),
        Renewal::Rolling(tollgate::valid!(Rolling::new(Duration::from_secs(60), 4))),
    );
    let at = Instant::from_secs;
    for told in [false, true] {
        let mut ledger = Ledger::<1, 4, 1, 4, 5>::new(Duration::ZERO);
        let account = ledger.open(at(0), &MINUTE).unwrap();
        let credits = |units| [Line::new::<Credits>(account, Amount::whole(units))];
        let _ = ledger.charge(at(3_610), JobId(1), &credits(50)).unwrap();
        let _ = ledger.reserve(at(3_610), JobId(2), &credits(30), Duration::from_secs(20)).unwrap();
        if told {
            ledger.restart(at(10));
            ledger.restart(at(3_600)); // a later stamp is none of its business
        }
        for (now, left) in [(10, 20), (29, 20), (30, 50), (69, 50), (85, 100)] {
            let expected = Amount::whole(if told { left } else { 20 });
            assert_eq!(ledger.available::<Credits>(at(now), account), Ok(expected), "{told} {now}");
        }
    }
}
