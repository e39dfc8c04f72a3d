//! The ledger: what a job costs is set aside in two of four accounts, and settled.

use core::hint::black_box;

use tollgate::{
    AccountId, Amount, BudgetSpec, Calendar, Credits, Cycle, Duration, Instant, JobId, Ledger, LedgerError, Line,
    Renewal, Trust, UnixMicros, Usd,
};

use crate::case::{BEGIN, Case, anew};

/// Four accounts, and sixteen holds of two lines; as many are remembered.
pub type Books = Ledger<'static, 4, 16, 2, 16>;

/// The same four without holds, for a gate.
pub type Accounts = Ledger<'static, 4, 0, 2, 0>;

/// Credits for all time.
pub static CREDITS: BudgetSpec<'static> = BudgetSpec::new::<Credits>(Amount::whole(10_000), Renewal::Lifetime);
/// Dollars for all time.
pub static DOLLARS: BudgetSpec<'static> = BudgetSpec::new::<Usd>(Amount::whole(500), Renewal::Lifetime);
/// Credits a day.
pub static DAILY: BudgetSpec<'static> =
    BudgetSpec::new::<Credits>(Amount::whole(1_000), Renewal::Calendar(Calendar::utc(Cycle::Day)));
/// Dollars a day.
pub static DAILY_DOLLARS: BudgetSpec<'static> =
    BudgetSpec::new::<Usd>(Amount::whole(50), Renewal::Calendar(Calendar::utc(Cycle::Day)));

/// The first of January 2026.
const NEW_YEAR: UnixMicros = UnixMicros::from_secs(1_767_225_600);
const TTL: Duration = Duration::from_mins(10);

/// So much of the credits a day, and so much of the dollars.
pub const fn cost(credits: u32, dollars: u32) -> [Line; 2] {
    [Line::new::<Credits>(AccountId(2), Amount::whole(credits)), Line::new::<Usd>(AccountId(1), Amount::whole(dollars))]
}

/// What a job is guessed to cost.
pub static GUESS: [Line; 2] = cost(40, 2);
/// What it has cost.
pub static TRUTH: [Line; 2] = cost(30, 1);
/// More than is there.
pub static TOO_MUCH: [Line; 2] = cost(800, 1);

/// Opens the four accounts, and says which day it is. Those who look at the answers see whether it went well.
pub fn open<const H: usize, const R: usize>(ledger: &mut Ledger<'static, 4, H, 2, R>) {
    ledger.set_wall(BEGIN, black_box(NEW_YEAR), Duration::ZERO, Trust::Owner);
    for spec in [&CREDITS, &DOLLARS, &DAILY, &DAILY_DOLLARS] {
        let _ = ledger.open(BEGIN, spec);
    }
}

/// A ledger with eight holds.
fn books() -> Books {
    let mut books = Ledger::new(Duration::from_secs(black_box(5)));
    open(&mut books);
    for id in 0..8 {
        let _ = books.reserve(BEGIN, JobId(id), &GUESS, TTL);
    }
    books
}

/// Sets the guess aside.
#[inline(never)]
pub fn ledger_reserve(books: &mut Books, now: Instant) -> bool {
    books.reserve(now, JobId(black_box(17)), black_box(&GUESS), TTL).is_ok()
}

/// Asks for more than is there.
#[inline(never)]
pub fn ledger_refuse(books: &mut Books, now: Instant) -> bool {
    matches!(books.check(now, black_box(&TOO_MUCH)), Err(LedgerError::Denied { .. }))
}

/// Settles the truth.
#[inline(never)]
pub fn ledger_settle(books: &mut Books, now: Instant) -> bool {
    books.settle(now, JobId(black_box(3)), black_box(&TRUTH)).is_ok()
}

/// Charges without a hold.
#[inline(never)]
pub fn ledger_charge(books: &mut Books, now: Instant) -> bool {
    books.charge(now, JobId(black_box(17)), black_box(&TRUTH)).is_ok()
}

/// Gives a hold back.
#[inline(never)]
pub fn ledger_void(books: &mut Books, now: Instant) -> bool {
    books.void(now, JobId(black_box(3))).is_ok()
}

const LEDGER: &str = "Ledger of 4 accounts, 8 of 16 holds";

/// The rows.
pub static CASES: [Case; 5] = [
    Case::anew(LEDGER, "reserve 2 amounts", |run| anew(books, &[], ledger_reserve, run, |_, ok| ok)),
    Case::anew(LEDGER, "check, short of money", |run| anew(books, &[], ledger_refuse, run, |_, ok| ok)),
    Case::anew(LEDGER, "settle 2 amounts", |run| anew(books, &[], ledger_settle, run, |_, ok| ok)),
    Case::anew(LEDGER, "charge 2 amounts", |run| anew(books, &[], ledger_charge, run, |_, ok| ok)),
    Case::anew(LEDGER, "void", |run| anew(books, &[], ledger_void, run, |_, ok| ok)),
];
