//! `Usage`, and what does not grow.

use tollgate::{
    Amount, BudgetSpec, Counted, Credits, Duration, HoldState, Instant, JobId, Ledger, LedgerError, Line, OnExpiry,
    Renewal, Rounding, Usage, UsageKey, Usd,
};

use crate::support::{Every, dated};

const fn key(id: u64) -> UsageKey {
    UsageKey { kind: 0, id }
}

fn whole(units: u32) -> Amount<Credits> {
    Amount::whole(units)
}

#[test]
fn usage_is_counted_under_its_key_or_with_the_others() {
    use Counted::{Others, Own};
    // Two places. (period, key, amount; where; then of the keys 1, 2, 3 and the others: current, previous, count)
    type Row = (u32, u32, u32);
    const NONE: Option<Row> = None;
    let mut usage = Usage::<Credits, 2>::new();
    for (at, (period, id, amount, counted, keys, others)) in [
        (5, 1, 10, Own, [Some((10, 0, 1)), NONE, NONE], (0, 0, 0)),
        (5, 2, 20, Own, [Some((10, 0, 1)), Some((20, 0, 1)), NONE], (0, 0, 0)),
        // The table is full: new keys count with the others, known ones under their own.
        (5, 3, 30, Others, [Some((10, 0, 1)), Some((20, 0, 1)), NONE], (30, 0, 1)),
        (5, 4, 40, Others, [Some((10, 0, 1)), Some((20, 0, 1)), NONE], (70, 0, 2)),
        (5, 1, 1, Own, [Some((11, 0, 2)), Some((20, 0, 1)), NONE], (70, 0, 2)),
        // The next period. Who has used something in the one before keeps the place.
        (6, 3, 3, Others, [Some((0, 11, 0)), Some((0, 20, 0)), NONE], (3, 70, 1)),
        (6, 1, 5, Own, [Some((5, 11, 1)), Some((0, 20, 0)), NONE], (3, 70, 1)),
        // Time goes back: it counts in the running period.
        (5, 1, 6, Own, [Some((11, 11, 2)), Some((0, 20, 0)), NONE], (3, 70, 1)),
        (-9, 3, 1, Others, [Some((11, 11, 2)), Some((0, 20, 0)), NONE], (4, 70, 2)),
        // 2 has used nothing in two periods, and gives its place up.
        (7, 3, 7, Own, [Some((0, 11, 0)), NONE, Some((7, 0, 1))], (0, 4, 0)),
        // Skipped periods: nothing was used in the one before.
        (9, 1, 8, Own, [Some((8, 0, 1)), NONE, Some((0, 0, 0))], (0, 0, 0)),
        (i32::MAX, 1, 9, Own, [Some((9, 0, 1)), NONE, Some((0, 0, 0))], (0, 0, 0)),
        // Nothing is an amount too, and holds a place.
        (i32::MAX, 2, 0, Own, [Some((9, 0, 1)), Some((0, 0, 1)), NONE], (0, 0, 0)),
        (i32::MAX, 3, 1, Others, [Some((9, 0, 1)), Some((0, 0, 1)), NONE], (1, 0, 1)),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(usage.add(period, key(id), whole(amount)), counted, "{at}");
        for (id, want) in (1..).zip(keys) {
            let want = want.map(|(current, previous, count)| (whole(current), whole(previous), count));
            assert_eq!(usage.of(key(id)).map(|used| (used.current, used.previous, used.count)), want, "{at}: {id}");
        }
        let got = usage.others();
        assert_eq!((got.current, got.previous, got.count), (whole(others.0), whole(others.1), others.2), "{at}");
        assert_eq!(usage.iter().count(), keys.iter().flatten().count(), "{at}");
    }
}

#[test]
fn a_look_at_the_next_period_rolls_as_a_charge_does() {
    let mut usage = Usage::<Credits, 1>::new();
    usage.add(1, key(1), whole(4));
    for (period, want) in [(1, (4, 0)), (0, (4, 0)), (2, (0, 4)), (1, (0, 4)), (2, (0, 4)), (4, (0, 0))] {
        usage.roll(period);
        let used = usage.of(key(1)).unwrap();
        assert_eq!((used.current, used.previous), (whole(want.0), whole(want.1)), "{period}");
    }
}

#[test]
fn totals_stay_at_the_end_of_their_range_and_kinds_are_told_apart() {
    let mut usage = Usage::<Credits, 2>::new();
    for kind in [0, 0, 1] {
        usage.add(1, UsageKey { kind, id: 1 }, Amount::MAX);
    }
    let counts = usage.iter().map(|(key, used)| (key.kind, used.current, used.count)).collect::<Vec<_>>();
    assert_eq!(counts, [(0, Amount::MAX, 2), (1, Amount::MAX, 1)]);
}

/// 40 credits are $4.00 of a package of 100 for $10, and $2.40 of one of 2000 for $120.
#[test]
fn row_30_the_price_is_that_of_the_package_that_the_account_has() {
    let tariff = &tollgate::presets::tariffs::seed002::TARIFF;
    let spec = BudgetSpec::new::<Usd>(Amount::whole(10), Renewal::Lifetime);
    for (package, micros, jobs) in [(100, 4_000_000, 2), (500, 3_200_000, 3), (2_000, 2_400_000, 4)] {
        let package = tariff.package(whole(package)).unwrap();
        let cost = package.usd(whole(40), Rounding::Exact).unwrap();
        assert_eq!(cost.as_micros(), micros);
        let mut ledger = Ledger::<1, 1>::new(Duration::ZERO);
        let account = ledger.open(Instant::ORIGIN, &spec).unwrap();
        let line = [Line::new::<Usd>(account, cost)];
        let admitted = (0..10).filter(|id| ledger.charge(Instant::ORIGIN, JobId(*id), &line).is_ok()).count();
        assert_eq!(admitted, jobs, "{micros}");
    }
    // A package that cannot be bought has no price, instead of somebody else's.
    assert!(tariff.package(whole(99)).is_err());
}

#[test]
fn row_39_a_job_that_fails_later_is_voided_settled_or_runs_out() {
    let spec = BudgetSpec::new::<Credits>(whole(100), Renewal::Lifetime);
    let (start, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    let (later, after) = (Instant::from_secs(30), Instant::from_secs(61));
    let mut ledger = Ledger::<1, 8>::new(Duration::ZERO);
    let account = ledger.open(start, &spec).unwrap();
    let line = |units| [Line::new::<Credits>(account, whole(units))];
    let available = |ledger: &Ledger<'_, 1, 8>, now| ledger.available::<Credits>(now, account).unwrap();
    // The id is the caller's, and known before the provider answers: an answer without one loses nothing.
    for id in 1..=5 {
        assert_eq!(ledger.reserve(start, JobId(id), &line(20), minute).unwrap().state, HoldState::Live);
    }
    assert_eq!(available(&ledger, start), Amount::ZERO);
    // It failed and is free; it failed and costs a part; it was posted and is given back.
    let _ = ledger.void(later, JobId(1)).unwrap();
    let _ = ledger.settle(later, JobId(2), &line(5)).unwrap();
    let _ = ledger.settle(later, JobId(3), &line(20)).unwrap();
    let _ = ledger.refund(later, JobId(3), &line(20)).unwrap();
    // Of the rest nobody ever hears again: one was never sent, the other may have been.
    ledger.on_expiry(later, JobId(5), OnExpiry::Post).unwrap();
    assert_eq!((available(&ledger, later), available(&ledger, after)), (whole(55), whole(75)));
    assert_eq!(ledger.void(after, JobId(4)), Err(LedgerError::Expired));
    let report = ledger.report(after, account).unwrap();
    assert_eq!((report.posted, report.held), (25_000_000, 0));
}

#[test]
fn row_42_ten_thousand_charges_take_no_more_memory_than_one() {
    let spec = BudgetSpec::new::<Credits>(whole(1_000), Renewal::Zone(&Every(1_000)));
    let mut ledger: Ledger<'_, 1, 4, 1, 4> = dated(0);
    let account = ledger.open(Instant::ORIGIN, &spec).unwrap();
    let mut usage = Usage::<Credits, 4>::new();
    let size = (size_of_val(&ledger), size_of_val(&usage));
    for second in 0..10_000_u32 {
        let now = Instant::from_secs(second.into());
        let line = [Line::new::<Credits>(account, whole(1))];
        let _ = ledger.charge(now, JobId(second.into()), &line).unwrap();
        usage.add(i32::try_from(second / 1_000).unwrap(), key(u64::from(second % 8)), whole(1));
        let report = ledger.report(now, account).unwrap();
        assert_eq!(report.posted, whole(second % 1_000 + 1).as_micros());
        assert_eq!(report.previous, if second < 1_000 { 0 } else { whole(1_000).as_micros() });
    }
    // No table is a pointer to something that grows: the sizes are all there is, and the last four ids are remembered.
    assert_eq!((size_of_val(&ledger), size_of_val(&usage)), size);
    assert!(size.0 < 1_500 && size.1 < 300, "{size:?}");
    let known = (0..10_000).filter(|id| ledger.hold(JobId(*id)).is_some()).collect::<Vec<_>>();
    assert_eq!(known, [9_996, 9_997, 9_998, 9_999]);
    assert_eq!(usage.iter().map(|(_, used)| used.count).collect::<Vec<_>>(), [125; 4]);
    assert_eq!((usage.others().count, usage.others().previous), (500, whole(500)));
}
