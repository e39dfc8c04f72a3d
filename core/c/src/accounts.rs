//! The accounts of a `tollgate_gate`, for their owner.

use tollgate::{Instant, JobId};

use crate::budget::{acknowledge, change, tollgate_budget, tollgate_line};
use crate::call::{explained, given, plain};
use crate::gate::{gate_of, gate_read, specs_of, tollgate_gate};
use crate::report::{booked, reported, tollgate_receipt, tollgate_report};
use crate::status::tollgate_status;
use crate::why::tollgate_why;

/// Writes where an account stands to `report`.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_report(
    gate: *const tollgate_gate,
    now_us: u64,
    account: u32,
    report: *mut tollgate_report,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let gate = gate_read(gate)?;
            reported(report, account, |account| gate.report(Instant::from_micros(now_us), account))
        })
    }
}

/// The provider gives back a part of what a settled job cost; may be said again for more of it. `receipt` may be NULL.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it is not settled;
/// `TOLLGATE_STATUS_ERROR_LINE_REFUND` above what was posted; `TOLLGATE_STATUS_ERROR_LINE_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_refund(
    gate: *mut tollgate_gate,
    now_us: u64,
    job: u64,
    amounts: *const tollgate_line,
    count: usize,
    receipt: *mut tollgate_receipt,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules.
    unsafe { booked(amounts, count, receipt, why, |lines| Ok(gate_of(gate)?.refund(now, JobId(job), lines)?)) }
}

/// The alert at this position of the account's alerts has been seen to. `TOLLGATE_STATUS_NOTHING` if it was not pending.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_acknowledge(
    gate: *mut tollgate_gate,
    now_us: u64,
    account: u32,
    alert: u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| acknowledge(gate_of(gate)?.money_mut(Instant::from_micros(now_us)), account, alert)) }
}

/// Gives an account another budget from now on: another limit, soft limit, overage or alerts, copied. What is held and
/// posted stays.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_BUDGET_...`, also if unit or renewal are not those
/// that the account has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_set_budget(
    gate: *mut tollgate_gate,
    now_us: u64,
    account: u32,
    budget: *const tollgate_budget,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules. The budgets are beside the gate that refers to them.
    unsafe {
        explained(why, || {
            let (specs, budget) = (specs_of(gate)?, given(budget)?);
            change(specs, gate_of(gate)?.money_mut(now), now, account, &budget)
        })
    }
}
