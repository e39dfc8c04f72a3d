//! `tollgate_ledger`: budgets that are charged together, with holds that are settled, voided and refunded.

use tollgate::{Duration, Instant, JobId, Ledger, OnExpiry};

use crate::budget::{
    self, Specs, TOLLGATE_ACCOUNTS, TOLLGATE_ROLLING_SLICES, acknowledge, change, lines, tollgate_budget, tollgate_line,
};
use crate::call::{Place, explained, given, plain};
use crate::handle::{self, handle, inside};
use crate::report::{booked, receipted, reported, told, tollgate_receipt, tollgate_report, tollgate_wall};
use crate::status::tollgate_status;
use crate::why::tollgate_why;

/// How many holds of a `tollgate_ledger` can be live.
pub const TOLLGATE_LEDGER_HOLDS: usize = 8;

/// How many resolved holds a `tollgate_ledger` remembers, so that the same call again gets the same answer.
pub const TOLLGATE_LEDGER_REMEMBERED: usize = 8;

/// Words of 64 bits in a `tollgate_ledger`.
pub const TOLLGATE_LEDGER_WORDS: usize = 796;

/// Budgets that are charged together, all of them or none. In the caller's storage, which stays where it is from
/// `tollgate_ledger_init` on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_ledger {
    opaque: [u64; TOLLGATE_LEDGER_WORDS],
}
handle!(tollgate_ledger, 6, Books);

type Accounts = Ledger<
    'static,
    TOLLGATE_ACCOUNTS,
    TOLLGATE_LEDGER_HOLDS,
    TOLLGATE_ACCOUNTS,
    TOLLGATE_LEDGER_REMEMBERED,
    TOLLGATE_ROLLING_SLICES,
>;

/// The ledger refers to the budgets beside it. Nobody makes a reference to the whole, only to the ledger.
#[derive(Debug)]
pub(crate) struct Books {
    specs: Specs,
    accounts: Accounts,
}

/// The ledger in a storage.
///
/// # Safety
/// As [`inside`], and `'h` ends with the call.
unsafe fn books<'h>(ledger: *mut tollgate_ledger) -> Result<&'h mut Accounts, tollgate_status> {
    // SAFETY: sealed storage holds valid books, and the caller promises the rest.
    unsafe { inside(ledger).map(|books| &mut (*books).accounts) }
}

/// The ledger in a storage, to look at.
///
/// # Safety
/// As [`inside`], and `'h` ends with the call.
unsafe fn read<'h>(ledger: *const tollgate_ledger) -> Result<&'h Accounts, tollgate_status> {
    // SAFETY: sealed storage holds valid books, and the caller promises the rest.
    unsafe { inside(ledger).map(|books| &(*books).accounts) }
}

/// Makes a ledger in `ledger`, whatever was there, with an account for each of `count` budgets, at most
/// `TOLLGATE_ACCOUNTS`. The accounts start whole, and are known by their positions. A hold lives `grace_us` longer than
/// its time to live: for answers under way. The budgets are copied.
///
/// Errors: `TOLLGATE_STATUS_ERROR_BUDGET_...`, with `why->account`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_init(
    ledger: *mut tollgate_ledger,
    budgets: *const tollgate_budget,
    count: usize,
    grace_us: u64,
    now_us: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules. The budgets stay beside the ledger that refers to them, and are sealed with it.
    unsafe {
        explained(why, || {
            budget::check(budgets, count)?;
            let books = handle::begin(ledger)?;
            let accounts = &raw mut (*books).accounts;
            accounts.write(Ledger::new(Duration::from_micros(grace_us)));
            let specs = &raw mut (*books).specs;
            budget::open(budgets, count, Instant::from_micros(now_us), specs, &mut *accounts)?;
            handle::finish(ledger);
            Ok(())
        })
    }
}

/// Says what a wall clock shows: without it, budgets with a calendar do not roll. What became of it is written to `heard`,
/// one of `tollgate_heard`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_set_wall(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    wall: *const tollgate_wall,
    heard: *mut u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (books, now) = (books(ledger)?, Instant::from_micros(now_us));
            told(wall, heard, |unix, error, trust| books.set_wall(now, unix, error, trust))
        })
    }
}

/// Whether these `count` amounts would be admitted now. Changes and remembers nothing.
///
/// Refused with `TOLLGATE_STATUS_DENIED`. Errors: `TOLLGATE_STATUS_ERROR_LINE_...`, `TOLLGATE_STATUS_ERROR_NEGATIVE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_check(
    ledger: *const tollgate_ledger,
    now_us: u64,
    amounts: *const tollgate_line,
    count: usize,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            read(ledger)?.check(Instant::from_micros(now_us), lines(amounts, count)?.as_slice())?;
            Ok(())
        })
    }
}

/// Sets these `count` amounts aside in all their budgets, or in none, for `ttl_us`. The same call under the same id gets
/// the same answer and changes nothing. Equality admits: 100 of 100 fit. `receipt` may be NULL.
///
/// Refused with `TOLLGATE_STATUS_DENIED`. Errors: `TOLLGATE_STATUS_ERROR_FULL`, `TOLLGATE_STATUS_ERROR_MISMATCH`, and
/// those of `tollgate_ledger_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_reserve(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
    amounts: *const tollgate_line,
    count: usize,
    ttl_us: u64,
    receipt: *mut tollgate_receipt,
    why: *mut tollgate_why,
) -> tollgate_status {
    let (now, ttl) = (Instant::from_micros(now_us), Duration::from_micros(ttl_us));
    // SAFETY: the caller keeps the rules.
    unsafe { booked(amounts, count, receipt, why, |lines| Ok(books(ledger)?.reserve(now, JobId(id), lines, ttl)?)) }
}

/// Takes these `count` amounts at once, all or none. `receipt` may be NULL.
///
/// Refused and errors as `tollgate_ledger_reserve`, but never `TOLLGATE_STATUS_ERROR_FULL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_charge(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
    amounts: *const tollgate_line,
    count: usize,
    receipt: *mut tollgate_receipt,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules.
    unsafe { booked(amounts, count, receipt, why, |lines| Ok(books(ledger)?.charge(now, JobId(id), lines)?)) }
}

/// Replaces what a hold has set aside by what was really used: one amount for every account of the hold. Less frees the
/// rest, more is met as each budget's overage says. `receipt` may be NULL.
///
/// Refused with `TOLLGATE_STATUS_OVERAGE`. Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`,
/// `TOLLGATE_STATUS_ERROR_ALREADY_POSTED`, `TOLLGATE_STATUS_ERROR_ALREADY_VOIDED`, `TOLLGATE_STATUS_ERROR_LINE_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_settle(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
    actual: *const tollgate_line,
    count: usize,
    receipt: *mut tollgate_receipt,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules.
    unsafe { booked(actual, count, receipt, why, |lines| Ok(books(ledger)?.settle(now, JobId(id), lines)?)) }
}

/// Settles whatever it was: as `tollgate_ledger_settle`, but never refused. What a budget cannot take is unaccounted, and
/// an id that nobody remembers is a late charge. `receipt` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_absorb(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
    actual: *const tollgate_line,
    count: usize,
    receipt: *mut tollgate_receipt,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules.
    unsafe { booked(actual, count, receipt, why, |lines| Ok(books(ledger)?.absorb(now, JobId(id), lines)?)) }
}

/// Gives back a part of what a settled job was charged; may be called again for more of it. `receipt` may be NULL.
///
/// Errors: `TOLLGATE_STATUS_ERROR_LINE_REFUND` above what was posted, `TOLLGATE_STATUS_ERROR_NOT_POSTED`,
/// `TOLLGATE_STATUS_ERROR_NOT_FOUND`, `TOLLGATE_STATUS_ERROR_LINE_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_refund(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
    amounts: *const tollgate_line,
    count: usize,
    receipt: *mut tollgate_receipt,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules.
    unsafe { booked(amounts, count, receipt, why, |lines| Ok(books(ledger)?.refund(now, JobId(id), lines)?)) }
}

/// Releases a hold whose job did not run. `receipt` may be NULL.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, `TOLLGATE_STATUS_ERROR_ALREADY_POSTED`, `TOLLGATE_STATUS_ERROR_EXPIRED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_void(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
    receipt: *mut tollgate_receipt,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| receipted(receipt, || Ok(books(ledger)?.void(Instant::from_micros(now_us), JobId(id))?))) }
}

/// Prolongs a live hold by `by_us`, and writes its new end to `until_us`. Only before its end.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, `TOLLGATE_STATUS_ERROR_EXPIRED`, `TOLLGATE_STATUS_ERROR_ALREADY_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_extend(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
    by_us: u64,
    until_us: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (books, place) = (books(ledger)?, Place::new(until_us)?);
            let until = books.extend(Instant::from_micros(now_us), JobId(id), Duration::from_micros(by_us))?;
            place.put(until.as_micros());
            Ok(())
        })
    }
}

/// The request of this hold's job goes out now: from here on the hold is posted in full when its time is up, and not
/// released.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, also for holds that are resolved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_sending(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    id: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| Ok(books(ledger)?.on_expiry(Instant::from_micros(now_us), JobId(id), OnExpiry::Post)?)) }
}

/// Writes where an account stands to `report`.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_report(
    ledger: *const tollgate_ledger,
    now_us: u64,
    account: u32,
    report: *mut tollgate_report,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let books = read(ledger)?;
            reported(report, account, |account| books.report(Instant::from_micros(now_us), account))
        })
    }
}

/// The alert at this position of the account's alerts has been seen to. `TOLLGATE_STATUS_NOTHING` if it was not pending.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_acknowledge(
    ledger: *mut tollgate_ledger,
    account: u32,
    alert: u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| acknowledge(books(ledger)?, account, alert)) }
}

/// Gives an account another budget from now on: another limit, soft limit, overage or alerts, copied. What is held and
/// posted stays.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_BUDGET_...`, also if unit or renewal are not those
/// that the account has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_ledger_set_budget(
    ledger: *mut tollgate_ledger,
    now_us: u64,
    account: u32,
    budget: *const tollgate_budget,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules. The budgets are beside the ledger that refers to them.
    unsafe {
        explained(why, || {
            let (specs, budget) = (inside(ledger).map(|books| &raw mut (*books).specs)?, given(budget)?);
            change(specs, books(ledger)?, now, account, &budget)
        })
    }
}
