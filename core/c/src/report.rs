//! What accounts say: receipts, reports, the wall clock.

use tollgate::{AccountId, Duration, Heard, Line, Receipt, Report, Trust, UnixMicros};

use crate::budget::{lines, tollgate_line};
use crate::call::{Done, Place, explained, flag, given};
use crate::status::tollgate_status;
use crate::why::tollgate_why;

/// What a call on accounts did. Sets of lines have one bit each, the first the lowest.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_receipt {
    /// 1 if the same call was answered before, and nothing has changed.
    pub replayed: u32,
    /// Lines that were admitted above the soft limit.
    pub soft: u32,
    /// Lines that were settled above their hold.
    pub beyond: u32,
    /// Lines of which a part could not be booked, and is unaccounted.
    pub missed: u32,
    /// Lines refunded, at least in part, to a period that is closed: recorded, and nothing is free because of it.
    pub closed: u32,
}

impl tollgate_receipt {
    /// Nothing has changed.
    pub(crate) const NONE: Self = Self { replayed: 1, soft: 0, beyond: 0, missed: 0, closed: 0 };
}

impl From<Receipt> for tollgate_receipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            replayed: receipt.replayed.into(),
            soft: receipt.soft.bits(),
            beyond: receipt.beyond.bits(),
            missed: receipt.missed.bits(),
            closed: receipt.closed.bits(),
        }
    }
}

/// Where an account stands. Amounts in millionths of its unit.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_report {
    /// The limit of a period.
    pub limit: u64,
    /// What was settled or charged in this period.
    pub posted: u64,
    /// What live holds have set aside in it.
    pub held: u64,
    /// What was used above the limit and is counted against what is available.
    pub debt: u64,
    /// What one call could take now.
    pub available: u64,
    /// What was posted in the period before.
    pub previous: u64,
    /// What was used and could not be booked.
    pub unaccounted: u64,
    /// Posted and held of the limit, in permille, rounded down.
    pub permille: u32,
    /// The calendar period's number; 0 without a calendar.
    pub period: i32,
    /// Alerts that have fired, one bit each, the first the lowest; in a ledger until they are acknowledged.
    pub alerts: u32,
    /// 1 if a cap was exceeded: nothing is admitted until the next period or a refund.
    pub closed: u32,
    /// 1 if the soft limit is exceeded.
    pub soft: u32,
    /// 1 for a calendar budget whose date is not known: it does not roll.
    pub frozen: u32,
}

impl From<Report> for tollgate_report {
    fn from(report: Report) -> Self {
        Self {
            limit: report.limit,
            posted: report.posted,
            held: report.held,
            debt: report.debt,
            available: report.available,
            previous: report.previous,
            unaccounted: report.unaccounted,
            permille: report.permille,
            period: report.period,
            alerts: report.pending.into(),
            closed: report.closed.into(),
            soft: report.soft.into(),
            frozen: report.frozen.into(),
        }
    }
}

/// What a wall clock says, for budgets with a calendar.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_wall {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub unix_us: i64,
    /// How wrong that may be, in microseconds.
    pub error_us: u64,
    /// 1 if it is the owner's word: a clock that keeps its power, authenticated network time, a person. Believed at once. 0
    /// for a stranger's, such as the `Date` of a response: believed when a second one at least 60 s later agrees.
    pub owner: u32,
}

/// What became of a word about the time.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_heard {
    /// The date is known from now on, or known anew.
    Learned = 0,
    /// It agrees with what was believed.
    Agreed = 1,
    /// It differs by more than the errors allow, but not by a jump: followed.
    Stepped = 2,
    /// It is a jump, or the first of two: nothing is known until it is confirmed.
    Unconfirmed = 3,
    /// It cannot be: ignored.
    Ignored = 4,
}

impl tollgate_wall {
    pub(crate) fn sample(self) -> Result<(UnixMicros, Duration, Trust), tollgate_status> {
        let trust = if flag(self.owner)? { Trust::Owner } else { Trust::Stranger };
        Ok((UnixMicros::from_micros(self.unix_us), Duration::from_micros(self.error_us), trust))
    }
}

impl From<Heard> for tollgate_heard {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Learned => Self::Learned,
            Heard::Agreed => Self::Agreed,
            Heard::Stepped => Self::Stepped,
            Heard::Unconfirmed => Self::Unconfirmed,
            Heard::BelowFloor => Self::Ignored,
        }
    }
}

/// Does what has a receipt, unless that cannot be written.
///
/// # Safety
/// A `receipt` that is neither NULL nor misaligned can be written to during the call.
pub(crate) unsafe fn receipted(
    receipt: *mut tollgate_receipt,
    call: impl FnOnce() -> Result<Receipt, tollgate_why>,
) -> Done {
    // SAFETY: the caller's promise.
    let place = unsafe { Place::optional(receipt)? };
    place.put(call()?.into());
    Ok(())
}

/// Does what takes the lines of a job, and tells its receipt and its reasons.
///
/// # Safety
/// As [`lines`], [`receipted`] and [`explained`].
pub(crate) unsafe fn booked(
    amounts: *const tollgate_line,
    count: usize,
    receipt: *mut tollgate_receipt,
    why: *mut tollgate_why,
    call: impl FnOnce(&[Line]) -> Result<Receipt, tollgate_why>,
) -> tollgate_status {
    // SAFETY: the caller's promise.
    unsafe {
        explained(why, || {
            let lines = lines(amounts, count)?;
            receipted(receipt, || call(lines.as_slice()))
        })
    }
}

/// Writes the report of an account, if there is one.
///
/// # Safety
/// A `report` that is neither NULL nor misaligned can be written to during the call.
pub(crate) unsafe fn reported(
    report: *mut tollgate_report,
    account: u32,
    of: impl FnOnce(AccountId) -> Option<Report>,
) -> Done {
    // SAFETY: the caller's promise.
    let place = unsafe { Place::new(report)? };
    let account = u8::try_from(account).map_err(|_| tollgate_status::ErrorNotFound)?;
    place.put(of(AccountId(account)).ok_or(tollgate_status::ErrorNotFound)?.into());
    Ok(())
}

/// Tells what a wall clock shows, and writes what became of it.
///
/// # Safety
/// As [`given`], and a `heard` that is neither NULL nor misaligned can be written to during the call.
pub(crate) unsafe fn told(
    wall: *const tollgate_wall,
    heard: *mut u32,
    tell: impl FnOnce(UnixMicros, Duration, Trust) -> Heard,
) -> Done {
    // SAFETY: the caller's promise.
    let (place, (unix, error, trust)) = unsafe { (Place::new(heard)?, given(wall)?.sample()?) };
    place.put(tollgate_heard::from(tell(unix, error, trust)) as u32);
    Ok(())
}
