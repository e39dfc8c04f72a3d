//! Which answer is given where several apply, for every pair that can occur in one call; and that it changes nothing.

use tollgate::{
    AccountId, Amount, BudgetSpec, Credits, Duration, HoldState, Instant, JobId, Ledger, LedgerError, Line, Renewal,
    Usd,
};

use Because::{Already, Expired, Mismatch, NotFound, Replayed, Short, Unit, Unknown};
use Call::{Charge, Check, Extend, Refund, Reserve, Settle, Void};

/// The order of the specification, but for the overflow, which cannot be: amounts and limits are checked when they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Because {
    Mismatch,
    Replayed,
    NotFound,
    Already,
    Expired,
    Unit,
    Unknown,
    /// Denied, or an overage.
    Short,
}

const ORDER: [Because; 8] = [Mismatch, Replayed, NotFound, Already, Expired, Unit, Unknown, Short];

/// Pairs of which one call can never have both.
const NEVER: [(Because, Because); 7] = [
    // The amounts are the same or not.
    (Mismatch, Replayed),
    // Only a new id is reserved, and then it is not sought.
    (Mismatch, NotFound),
    // What is not known was not answered, not settled, and has not run out: see the test of forgotten ids.
    (Replayed, NotFound),
    (NotFound, Already),
    (NotFound, Expired),
    // The unit and the accounts belong to what is repeated: other ones are a mismatch.
    (Replayed, Unit),
    (Replayed, Unknown),
];

type Books = Ledger<'static, 2, 2, 2, 8>;

const CREDITS: AccountId = AccountId(0);
const DOLLARS: AccountId = AccountId(1);
const NOWHERE: AccountId = AccountId(9);
const NOW: Instant = Instant::from_secs(200);

// The ids, by what has become of them at that time.
const LIVE: u64 = 1;
const POSTED: u64 = 2;
const VOIDED: u64 = 3;
const EXPIRED: u64 = 4;
const DENIED: u64 = 5;
/// Its time is up, but its grace is not.
const ENDED: u64 = 6;
const POSTED_LATE: u64 = 7;
const FRESH: u64 = 8;

fn c(units: u32) -> Line {
    Line::new::<Credits>(CREDITS, Amount::whole(units))
}

fn d(units: u32) -> Line {
    Line::new::<Usd>(DOLLARS, Amount::whole(units))
}

/// Right but for its unit.
fn wrong(units: u32) -> Line {
    Line::new::<Usd>(CREDITS, Amount::whole(units))
}

fn nowhere(units: u32) -> Line {
    Line::new::<Credits>(NOWHERE, Amount::whole(units))
}

/// Every id as its name says, both places taken, 60 credits and 91 dollars left. Each hold is of 5 credits, but for the
/// live one: 20 credits and 9 dollars.
fn books() -> Books {
    static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    static BUCKS: BudgetSpec = BudgetSpec::new::<Usd>(Amount::whole(100), Renewal::Lifetime);
    let (start, second, hour) = (Instant::ORIGIN, Duration::from_secs(1), Duration::from_hours(1));
    let mut books = Books::new(Duration::from_secs(100));
    books.open(start, &HUNDRED).unwrap();
    books.open(start, &BUCKS).unwrap();
    let five = [c(5)];
    for id in [EXPIRED, POSTED_LATE] {
        let _ = books.reserve(start, JobId(id), &five, second).unwrap();
    }
    let later = Instant::from_secs(150);
    let _ = books.settle(later, JobId(POSTED_LATE), &five).unwrap();
    let _ = books.charge(later, JobId(POSTED), &five).unwrap();
    let _ = books.reserve(later, JobId(VOIDED), &five, second).unwrap();
    let _ = books.void(later, JobId(VOIDED)).unwrap();
    assert!(books.reserve(later, JobId(DENIED), &[c(500)], hour).is_err());
    let _ = books.reserve(later, JobId(LIVE), &[c(20), d(9)], hour).unwrap();
    let _ = books.reserve(later, JobId(ENDED), &[c(10)], second).unwrap();
    books
}

#[derive(Clone, Debug)]
enum Call {
    Reserve(u64, Vec<Line>),
    Charge(u64, Vec<Line>),
    Settle(u64, Vec<Line>),
    Refund(u64, Vec<Line>),
    Check(Vec<Line>),
    Void(u64),
    Extend(u64),
}

/// What the call says; of a success, the state, and whether it was said before.
fn make(books: &mut Books, call: &Call) -> Result<(HoldState, bool), LedgerError> {
    let receipt = match call {
        Reserve(id, lines) => books.reserve(NOW, JobId(*id), lines, Duration::from_secs(9)),
        Charge(id, lines) => books.charge(NOW, JobId(*id), lines),
        Settle(id, lines) => books.settle(NOW, JobId(*id), lines),
        Refund(id, lines) => books.refund(NOW, JobId(*id), lines),
        Void(id) => books.void(NOW, JobId(*id)),
        Check(lines) => return books.check(NOW, lines).map(|_| (HoldState::Live, false)),
        Extend(id) => {
            return books.extend(NOW, JobId(*id), Duration::from_secs(9)).map(|_| (HoldState::Live, false));
        }
    };
    receipt.map(|receipt| (receipt.state, receipt.replayed))
}

/// Makes the call on fresh books, and looks that nothing has changed but what the answer says.
fn answer(call: &Call) -> Result<(HoldState, bool), LedgerError> {
    let mut books = books();
    let shown = |books: &Books| [CREDITS, DOLLARS].map(|account| books.report(NOW, account).unwrap());
    let (before, all) = (shown(&books), format!("{books:?}"));
    let got = make(&mut books, call);
    assert_eq!(shown(&books), before, "{call:?}");
    match got {
        // The id remembers it; the hold will be posted when its time is up.
        Err(LedgerError::Denied { replayed: false, .. } | LedgerError::Overage(_)) => {}
        _ => assert_eq!(format!("{books:?}"), all, "{call:?}"),
    }
    got
}

fn class(answer: Result<(HoldState, bool), LedgerError>) -> Because {
    match answer {
        Ok((_, true)) | Err(LedgerError::Denied { replayed: true, .. }) => Replayed,
        Err(LedgerError::IdMismatch) => Mismatch,
        Err(LedgerError::NotFound) => NotFound,
        Err(LedgerError::AlreadyPosted | LedgerError::AlreadyVoided) => Already,
        Err(LedgerError::Expired) => Expired,
        Err(LedgerError::UnitMismatch { .. }) => Unit,
        Err(LedgerError::UnknownBudget { .. }) => Unknown,
        Err(LedgerError::Denied { .. } | LedgerError::Overage(_)) => Short,
        other => panic!("{other:?}"),
    }
}

/// A call and everything that applies to it.
fn table() -> Vec<(Call, &'static [Because])> {
    let both = || vec![nowhere(1), wrong(500)];
    let mut table = vec![
        // Nothing but one thing.
        (Reserve(LIVE, vec![c(20), d(8)]), &[Mismatch] as &[Because]),
        (Settle(FRESH, vec![c(1)]), &[NotFound]),
        (Refund(FRESH, vec![c(1)]), &[NotFound]),
        (Void(DENIED), &[NotFound]),
        (Extend(DENIED), &[NotFound]),
        (Extend(ENDED), &[Expired]),
        (Void(EXPIRED), &[Expired]),
        (Extend(EXPIRED), &[Expired]),
        (Check(vec![c(61)]), &[Short]),
        // Voiding again is an answer given again, and not an error.
        (Void(VOIDED), &[Replayed, Already, Expired]),
        (Extend(VOIDED), &[Already, Expired]),
        (Void(POSTED), &[Already]),
        (Void(POSTED_LATE), &[Already, Expired]),
        (Extend(POSTED_LATE), &[Already, Expired]),
        // The same settlement again, which would not fit any more if it were a new one.
        (Settle(POSTED, vec![c(5)]), &[Replayed, Already]),
        (Settle(POSTED_LATE, vec![c(5)]), &[Replayed, Already, Expired]),
        (Settle(POSTED_LATE, vec![c(6)]), &[Already, Expired]),
        (Settle(POSTED_LATE, vec![c(500)]), &[Already, Expired, Short]),
        // The right numbers in the wrong unit are another settlement.
        (Settle(POSTED, vec![wrong(5)]), &[Already, Unit]),
        (Settle(DENIED, vec![c(500)]), &[NotFound, Short]),
        (Refund(DENIED, both()), &[NotFound, Unit, Unknown]),
        (Refund(VOIDED, both()), &[Already, Expired, Unit, Unknown]),
        (Refund(EXPIRED, both()), &[Expired, Unit, Unknown]),
        (Refund(EXPIRED, vec![nowhere(1)]), &[Expired, Unknown]),
        (Refund(POSTED, both()), &[Unit, Unknown]),
        (Refund(POSTED, vec![d(1)]), &[Unknown]),
        (Settle(LIVE, vec![nowhere(1), c(500)]), &[Unknown, Short]),
        (Settle(LIVE, vec![wrong(500), d(9)]), &[Unit, Short]),
        (Settle(LIVE, vec![c(81), d(9)]), &[Short]),
        // A late settlement is not refused as late.
        (Settle(EXPIRED, both()), &[Unit, Unknown, Short]),
        (Check(both()), &[Unit, Unknown, Short]),
        (Check(vec![c(500), nowhere(1)]), &[Unknown, Short]),
    ];
    for verb in [Reserve as fn(u64, Vec<Line>) -> Call, Charge] {
        table.extend([
            // The same again, though both places are taken, and however it ended.
            (verb(LIVE, vec![c(20), d(9)]), &[Replayed] as &[Because]),
            (verb(POSTED, vec![c(5)]), &[Replayed, Already]),
            (verb(VOIDED, vec![c(5)]), &[Replayed, Already, Expired]),
            (verb(EXPIRED, vec![c(5)]), &[Replayed, Expired]),
            (verb(DENIED, vec![c(500)]), &[Replayed, Short]),
            // Something else under a known id, whatever else is wrong with it.
            (verb(LIVE, vec![wrong(20), d(9)]), &[Mismatch, Unit]),
            (verb(LIVE, vec![c(20), nowhere(9)]), &[Mismatch, Unknown]),
            (verb(LIVE, vec![c(500), d(9)]), &[Mismatch, Short]),
            (verb(LIVE, both()), &[Mismatch, Unit, Unknown, Short]),
            (verb(POSTED, vec![c(6)]), &[Mismatch, Already]),
            (verb(VOIDED, vec![wrong(5)]), &[Mismatch, Already, Expired, Unit]),
            (verb(EXPIRED, vec![c(6)]), &[Mismatch, Expired]),
            (verb(DENIED, vec![c(501)]), &[Mismatch, Short]),
            // A new id.
            (verb(FRESH, both()), &[Unit, Unknown, Short]),
            (verb(FRESH, vec![wrong(500)]), &[Unit, Short]),
            (verb(FRESH, vec![c(500), nowhere(1)]), &[Unknown, Short]),
            (verb(FRESH, vec![c(500), d(1)]), &[Short]),
        ]);
    }
    for (id, why) in [(FRESH, NotFound), (POSTED, Already), (VOIDED, Already)] {
        table.push((Settle(id, both()), if why == NotFound { &[NotFound, Unit, Unknown, Short] } else { AFTER }));
    }
    table
}

/// What is wrong with a settled or voided job's second settlement, all at once.
const AFTER: &[Because] = &[Already, Unit, Unknown, Short];

#[test]
fn the_first_reason_in_the_order_is_given_and_nothing_changes() {
    for (call, applies) in table() {
        let got = answer(&call);
        assert_eq!(class(got), *applies.iter().min().unwrap(), "{call:?}: {got:?}");
    }
}

#[test]
fn the_table_has_every_pair_that_can_occur() {
    let table = table();
    for (at, first) in ORDER.iter().enumerate() {
        for second in &ORDER[at + 1..] {
            let both = |(_, applies): &&(Call, &[Because])| applies.contains(first) && applies.contains(second);
            let found = table.iter().find(both).is_some();
            assert_eq!(found, !NEVER.contains(&(*first, *second)), "{first:?} and {second:?}");
        }
    }
}

/// The reasons that the specification's order does not name have their places in it.
#[test]
fn the_other_reasons_stand_where_the_documentation_says() {
    use LedgerError as E;
    let line_of = |answer| match answer {
        Err(E::UnitMismatch { line, .. } | E::UnknownBudget { line } | E::Repeated { line }) => line,
        other => panic!("{other:?}"),
    };
    // The reason comes before the position of the line.
    assert_eq!(line_of(answer(&Check(vec![nowhere(1), wrong(1)]))), 1);
    assert_eq!(line_of(answer(&Check(vec![c(1), nowhere(1)]))), 1);
    let three = || vec![wrong(1), c(1), nowhere(1)];
    for (call, want) in [
        (Reserve(LIVE, three()), E::IdMismatch),
        (Reserve(FRESH, three()), E::TooManyLines),
        (Charge(FRESH, three()), E::TooManyLines),
        (Check(three()), E::TooManyLines),
        (Settle(LIVE, three()), E::TooManyLines),
        (Settle(FRESH, three()), E::NotFound),
        (Refund(EXPIRED, three()), E::Expired),
        (Refund(LIVE, vec![wrong(500)]), E::NotPosted),
        (Check(vec![c(500), c(1)]), E::Repeated { line: 1 }),
        (Settle(LIVE, vec![c(500), c(1)]), E::Repeated { line: 1 }),
        (Settle(LIVE, vec![c(500)]), E::Unsettled { account: DOLLARS }),
        (Refund(POSTED, vec![c(500), c(1)]), E::Repeated { line: 1 }),
        (Refund(POSTED, vec![c(6), d(1)]), E::UnknownBudget { line: 1 }),
        (Refund(POSTED, vec![d(1), d(1)]), E::UnknownBudget { line: 0 }),
        (Settle(ENDED, vec![d(500), d(1)]), E::UnknownBudget { line: 0 }),
        (Refund(POSTED, vec![c(6)]), E::RefundExceeds { line: 0, left: 5_000_000 }),
        // Short comes before full: the same call may fit a larger table and still be denied.
        (Reserve(FRESH, vec![c(1)]), E::Full),
        // One account twice, as the settlement of a hold of two.
        (Settle(POSTED, vec![c(5), c(5)]), E::AlreadyPosted),
    ] {
        assert_eq!(answer(&call), Err(want), "{call:?}");
    }
    assert_eq!(class(answer(&Reserve(FRESH, vec![c(61)]))), Short);
}

#[test]
fn a_forgotten_id_is_not_found_whatever_became_of_it() {
    let mut books = books();
    for id in 100..108 {
        let _ = books.charge(NOW, JobId(id), &[c(1)]).unwrap();
    }
    for id in [POSTED, VOIDED, EXPIRED] {
        for call in [Void(id), Extend(id), Settle(id, vec![wrong(5)]), Refund(id, vec![c(500)])] {
            assert_eq!(make(&mut books, &call), Err(LedgerError::NotFound), "{call:?}");
        }
    }
}

#[test]
fn a_settlement_of_half_a_hold_twice_is_not_the_one_of_before() {
    let mut books = books();
    let settlement = [c(9), d(9)];
    let _ = books.settle(NOW, JobId(LIVE), &settlement).unwrap();
    assert!(books.settle(NOW, JobId(LIVE), &[d(9), c(9)]).unwrap().replayed);
    assert_eq!(books.settle(NOW, JobId(LIVE), &[c(9), c(9)]), Err(LedgerError::AlreadyPosted));
}

/// Why there is no overflow to be answered: the largest amounts there are do not reach it.
#[test]
fn the_largest_amounts_do_not_overflow() {
    let most = Amount::<Credits>::MAX;
    let spec = BudgetSpec::new::<Credits>(most, Renewal::Lifetime);
    let mut books = Ledger::<1, 4>::new(Duration::MAX);
    let account = books.open(NOW, &spec).unwrap();
    let all = [Line::new::<Credits>(account, most)];
    let _ = books.reserve(NOW, JobId(1), &all, Duration::MAX).unwrap();
    let Err(LedgerError::Denied { short, .. }) = books.charge(NOW, JobId(2), &all) else { panic!() };
    assert_eq!(short.micros, most.as_micros());
    assert_eq!(books.extend(NOW, JobId(1), Duration::MAX), Ok(Instant::MAX));
    let _ = books.settle(NOW, JobId(1), &all).unwrap();
    assert_eq!(
        books.report(NOW, account).map(|r| (r.posted, r.available, r.permille)),
        Some((most.as_micros(), 0, 1_000))
    );
}
