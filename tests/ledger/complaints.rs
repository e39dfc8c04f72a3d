//! What users of comparable systems complain about, row by row of that list ("money D"), where no restart is needed.
//!
//! Rows 19 to 23 are with the journal, 7 and 20 too; 16 and 18 are `row_32` and `row_28` of the golden files; 6 is I4 of the
//! model; 8 is a lease of each process.

use tollgate::{
    AccountId, Amount, BudgetSpec, Calendar, ChangeError, Credits, Cycle, Date, Duration, Grant, GrantError, Grants,
    HoldState, Instant, JobId, Ledger, LedgerError, Line, MonthDay, Renewal, ShortMonth, Thresholds, Trust, UnixMicros,
    UtcOffset, Wall,
};

type C = Credits;
type Books<'a> = Ledger<'a, 2, 4, 2, 8>;

const ACCOUNT: AccountId = AccountId(0);
const TTL: Duration = Duration::from_mins(10);
const TICK: Duration = Duration::from_micros(1);

fn secs(n: u64) -> Instant {
    Instant::from_secs(n)
}

fn of(units: u32) -> [Line; 1] {
    [Line::new::<C>(ACCOUNT, Amount::whole(units))]
}

fn spec(limit: u32, renewal: Renewal<'static>) -> BudgetSpec<'static> {
    BudgetSpec::new::<C>(Amount::whole(limit), renewal)
}

fn calendar(cycle: Cycle, east: i16) -> Calendar {
    Calendar { cycle, offset: UtcOffset::minutes(east).unwrap() }
}

fn unix(year: i16, month: u8, day: u8) -> i64 {
    Date::new(year, month, day).unwrap().to_unix()
}

/// A ledger at this second of Unix time, with this one account.
fn books<'a>(now: i64, spec: &'a BudgetSpec<'a>) -> Books<'a> {
    let mut books = Books::new(Duration::ZERO);
    books.set_wall(secs(0), UnixMicros::from_secs(now), Duration::ZERO, Trust::Owner);
    books.open(secs(0), spec).unwrap();
    books
}

fn left(books: &Books<'_>, now: Instant) -> Amount<C> {
    books.available::<C>(now, ACCOUNT).unwrap()
}

#[test]
fn rows_1_to_3_there_is_one_way_in_and_nobody_is_unknown() {
    let spec = spec(100, Renewal::Lifetime);
    let mut books = books(0, &spec);
    // What is under way counts before its cost is known.
    let _ = books.reserve(secs(0), JobId(1), &of(60), TTL).unwrap();
    for now in [0, 1, 599] {
        assert!(matches!(books.reserve(secs(now), JobId(2 + now), &of(60), TTL), Err(LedgerError::Denied { .. })));
    }
    // Somebody without a budget has no budget, and not everybody's.
    let nobody = [Line::new::<C>(AccountId(1), Amount::whole(1))];
    assert_eq!(books.reserve(secs(0), JobId(9), &nobody, TTL), Err(LedgerError::UnknownBudget { line: 0 }));
    // Exhausted is exhausted for every verb.
    let _ = books.settle(secs(1), JobId(1), &of(100)).unwrap();
    assert!(books.check(secs(1), &of(1)).is_err() && books.charge(secs(1), JobId(10), &of(1)).is_err());
    assert!(books.ask(JobId(11), TTL, &of(1)).is_ok_and(|mut ask| {
        use tollgate::Limiter;
        ask.allow(secs(1), 1).is_err()
    }));
}

#[test]
fn rows_4_and_25_a_hold_that_nobody_ends_is_gone_when_its_time_is_up_and_no_balance_shows_it() {
    let spec = spec(100, Renewal::Lifetime);
    let mut books = books(0, &spec);
    let _ = books.reserve(secs(0), JobId(1), &of(100), TTL).unwrap();
    let end = secs(0).saturating_add(TTL);
    assert_eq!(left(&books, end.saturating_sub(TICK)), Amount::ZERO);
    // Nobody has swept, and nobody has called anything: it is judged when it is read.
    assert_eq!(left(&books, end), Amount::whole(100));
    assert_eq!(books.report(end, ACCOUNT).map(|report| report.held), Some(0));
    assert!(books.reserve(end, JobId(2), &of(100), TTL).is_ok());
    assert_eq!(books.hold(JobId(1)).map(tollgate::Hold::state), Some(HoldState::Expired));
}

#[test]
fn row_5_a_cost_that_is_known_is_not_released() {
    let spec = spec(100, Renewal::Lifetime);
    let mut books = books(0, &spec);
    let _ = books.reserve(secs(0), JobId(1), &of(80), TTL).unwrap();
    let _ = books.settle(secs(1), JobId(1), &of(15)).unwrap();
    assert_eq!(books.void(secs(2), JobId(1)), Err(LedgerError::AlreadyPosted));
    assert_eq!(left(&books, secs(2)), Amount::whole(85));
    // Even one that does not fit keeps the hold from being released in silence.
    let _ = books.reserve(secs(3), JobId(2), &of(85), TTL).unwrap();
    assert!(matches!(books.settle(secs(4), JobId(2), &of(90)), Err(LedgerError::Overage(_))));
    assert_eq!(left(&books, secs(4).saturating_add(TTL)), Amount::ZERO);
}

#[test]
fn rows_9_to_11_a_day_ends_at_midnight_where_the_owner_is() {
    // Opened and used at 15:43 in Tokyo, nine hours east of UTC: the day ends at 00:00 there, whenever it was opened.
    let spec = spec(100, Renewal::Calendar(calendar(Cycle::Day, 540)));
    let opened = unix(2026, 1, 15) + (15 * 60 + 43) * 60 - 9 * 3_600;
    let mut books = books(opened, &spec);
    let _ = books.charge(secs(0), JobId(1), &of(100)).unwrap();
    let midnight = secs((8 * 60 + 17) * 60);
    assert_eq!(left(&books, midnight.saturating_sub(TICK)), Amount::ZERO);
    assert_eq!(left(&books, midnight), Amount::whole(100));
    // And every midnight after it, with all of the hundred, although nobody looks for a week.
    for day in 1..=20 {
        let at = midnight.saturating_add(Duration::from_days(day * 7));
        assert_eq!(left(&books, at), Amount::whole(100), "{day}");
        let _ = books.charge(at, JobId(1 + day), &of(100)).unwrap();
        assert_eq!(left(&books, at), Amount::ZERO, "{day}");
    }
}

#[test]
fn rows_9_12_and_13_a_month_is_a_month_and_its_last_day_belongs_to_it() {
    const RULES: [ShortMonth; 2] = [ShortMonth::ClampToLast, ShortMonth::EndOfLast];
    for (anchor, rule) in [1, 15, 29, 30, 31].into_iter().flat_map(|anchor| RULES.map(|rule| (anchor, rule))) {
        let cycle = Cycle::Month { anchor: MonthDay::new(anchor).unwrap(), rule };
        let spec = spec(100, Renewal::Calendar(Calendar::utc(cycle)));
        // The whole year before and after a leap day, and the first weeks of a year, where date arithmetic breaks.
        let start = unix(2023, 1, 29);
        let mut books = books(start, &spec);
        let mut period = Calendar::utc(cycle).period(start);
        for month in 0..30 {
            let at = |unix: i64| secs(u64::try_from((unix - start).max(0)).unwrap());
            let last = at(period.end).saturating_sub(TICK);
            let _ = books.charge(at(period.start), JobId(2 * month), &of(40)).unwrap();
            let _ = books.charge(last, JobId(2 * month + 1), &of(60)).unwrap();
            assert_eq!(left(&books, last), Amount::ZERO, "{anchor} {rule:?} {month}");
            assert_eq!(left(&books, at(period.end)), Amount::whole(100), "{anchor} {rule:?} {month}");
            let report = books.report(at(period.end), ACCOUNT).unwrap();
            assert_eq!((report.posted, report.previous), (0, 100_000_000), "{anchor} {rule:?} {month}");
            period = Calendar::utc(cycle).period(period.end);
        }
    }
}

#[test]
fn rows_13_and_14_a_top_up_that_is_sent_twice_is_credited_once() {
    let mut grants = Grants::<C, 2, 2>::new(Duration::ZERO);
    let pack = Grant { id: 7, amount: Amount::whole(100), effective: None, expires: None, priority: 0, kind: 0 };
    grants.add(pack).unwrap();
    assert_eq!(grants.add(pack), Err(GrantError::IdMismatch));
    assert_eq!(grants.available(secs(0), &Wall::default()), Amount::whole(100));
}

#[test]
fn row_15_a_settlement_that_is_repeated_mints_nothing() {
    let spec = spec(100, Renewal::Lifetime);
    let mut books = books(0, &spec);
    let _ = books.reserve(secs(0), JobId(1), &of(50), TTL).unwrap();
    for _ in 0..5 {
        let _ = books.settle(secs(1), JobId(1), &of(20)).unwrap();
        assert_eq!(left(&books, secs(1)), Amount::whole(80));
    }
    let _ = books.refund(secs(2), JobId(1), &of(20)).unwrap();
    let again = books.refund(secs(2), JobId(1), &of(20));
    assert_eq!(again, Err(LedgerError::RefundExceeds { line: 0, left: 0 }));
    assert_eq!(left(&books, secs(2)), Amount::whole(100));
}

#[test]
fn row_17_alerts_are_armed_again_by_the_new_period_and_equality_fires() {
    let spec = spec(100, Renewal::Calendar(calendar(Cycle::Day, 0)))
        .with_thresholds(tollgate::valid!(Thresholds::percent(&[80], 5)));
    let mut books = books(0, &spec);
    for day in 0..3 {
        let at = secs(day * 86_400);
        let _ = books.charge(at, JobId(2 * day), &of(79)).unwrap();
        assert_eq!(books.alerts().count(), 0, "{day}");
        let _ = books.charge(at, JobId(2 * day + 1), &of(1)).unwrap();
        let alert = books.alerts().next().expect("exactly four fifths");
        assert!(books.acknowledge(alert));
    }
}

#[test]
fn row_24_what_has_expired_is_not_spent_and_takes_nothing_else_along() {
    let mut wall = Wall::default();
    wall.set(secs(0), UnixMicros::from_secs(0), Duration::ZERO, Trust::Owner);
    let mut grants = Grants::<C, 2, 2>::new(Duration::ZERO);
    let paid = Grant { id: 1, amount: Amount::whole(100), effective: None, expires: None, priority: 1, kind: 0 };
    grants.add(paid).unwrap();
    grants.add(Grant { id: 2, expires: Some(UnixMicros::from_secs(60)), priority: 0, ..paid }).unwrap();
    grants.reserve(secs(0), &wall, JobId(1), Amount::whole(30), Duration::MAX).unwrap();
    grants.settle(secs(0), &wall, JobId(1), Amount::whole(30)).unwrap();
    assert_eq!(grants.available(secs(59), &wall), Amount::whole(170));
    assert_eq!(grants.available(secs(60), &wall), Amount::whole(100));
    let expired = |grants: &Grants<C, 2, 2>, id| grants.report(secs(60), &wall, id).unwrap().expired;
    assert_eq!((expired(&grants, 1), expired(&grants, 2)), (Amount::ZERO, Amount::whole(70)));
    // A refund does not make paid credit of it.
    grants.refund(secs(61), JobId(1), Amount::whole(30)).unwrap();
    assert_eq!(grants.available(secs(61), &wall), Amount::whole(100));
}

#[test]
fn row_26_the_first_day_of_a_month_does_not_move_under_a_running_count() {
    let on = |day| {
        let anchor = MonthDay::new(day).unwrap();
        spec(100, Renewal::Calendar(Calendar::utc(Cycle::Month { anchor, rule: ShortMonth::ClampToLast })))
    };
    let (first, tenth) = (on(1), on(10));
    let mut books = books(unix(2026, 1, 20), &first);
    let _ = books.charge(secs(0), JobId(1), &of(30)).unwrap();
    let before = books.report(secs(1), ACCOUNT);
    assert_eq!(books.set_spec(secs(1), ACCOUNT, &tenth), Err(ChangeError::OtherRenewal));
    assert_eq!(books.report(secs(1), ACCOUNT), before);
    // An account of its own, which starts whole, is the explicit way.
    let other = books.open(secs(1), &tenth).unwrap();
    assert_eq!(books.available::<C>(secs(1), other), Ok(Amount::whole(100)));
}

#[test]
fn row_27_the_limit_is_a_limit_and_not_a_mail() {
    // Seven dollars are seven dollars, within the microsecond and however many ask.
    let spec = spec(7, Renewal::Calendar(Calendar::utc(Cycle::MONTH)));
    let mut books = books(unix(2026, 3, 1), &spec);
    let spent = (0..18_000).filter(|id| books.charge(secs(id / 100), JobId(*id), &of(1)).is_ok()).count();
    assert_eq!(spent, 7);
}
