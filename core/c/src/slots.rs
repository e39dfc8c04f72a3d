//! `tollgate_slots`: how many jobs may run at once, by job and not by call.

use tollgate::{Duration, Instant, JobId, Limiter, Slots};

use crate::call::{Place, explained, jobs, plain};
use crate::handle::{self, handle};
use crate::status::tollgate_status;
use crate::why::tollgate_why;

/// How many jobs `tollgate_slots` has room for.
pub const TOLLGATE_SLOTS_JOBS: usize = 16;

/// The longest list of running jobs that can be given in one call.
pub const TOLLGATE_LIST_MAX: usize = 32;

/// Words of 64 bits in a `tollgate_slots`.
pub const TOLLGATE_SLOTS_WORDS: usize = 70;

/// Weighted concurrency. In the caller's storage, which stays where it is from `tollgate_slots_init` on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_slots {
    opaque: [u64; TOLLGATE_SLOTS_WORDS],
}
handle!(tollgate_slots, 4, Slots<TOLLGATE_SLOTS_JOBS>);

/// What a reconciliation of slots has found.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_reconciled {
    /// Jobs of ours that no longer run; their slots are free.
    pub closed: u32,
    /// Running jobs that we do not know; each counts as weight 1 until the next reconciliation.
    pub foreign: u32,
}

/// Makes slots in `slots`, whatever was there, of which `limit` may be taken at once; 0 lets nothing in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_init(slots: *mut tollgate_slots, limit: u32) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| Ok(handle::put(slots, Slots::new(limit))?)) }
}

/// Gives a job `weight` slots, until `tollgate_slots_close` or for `lease_us` unless it is renewed; a lease of 0 is for
/// ever. A weight of 0 always passes and takes nothing.
///
/// Refused with `TOLLGATE_STATUS_BUSY`, with `TOLLGATE_STATUS_UNTIL` where leases alone will free enough, with
/// `TOLLGATE_STATUS_NEVER` above the limit. Errors: `TOLLGATE_STATUS_ERROR_ALREADY_OPEN`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_open(
    slots: *mut tollgate_slots,
    now_us: u64,
    job: u64,
    weight: u32,
    lease_us: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let slots = handle::open(slots)?;
            let job = slots.job(JobId(job), Duration::from_micros(lease_us));
            let mut job = job.map_err(|_| tollgate_status::ErrorAlreadyOpen)?;
            Ok(job.allow(Instant::from_micros(now_us), weight.into())?)
        })
    }
}

/// Frees the slots of a job that has ended, well or not. Closing twice is harmless, and reported.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_close(slots: *mut tollgate_slots, now_us: u64, job: u64) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let closed = handle::open(slots)?.close(Instant::from_micros(now_us), JobId(job));
            closed.map_err(|_| tollgate_status::ErrorNotFound)?;
            Ok(())
        })
    }
}

/// Prolongs a job's lease to `lease_us` from now; never shortens it.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, also for a lease that is over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_renew(
    slots: *mut tollgate_slots,
    now_us: u64,
    job: u64,
    lease_us: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (now, lease) = (Instant::from_micros(now_us), Duration::from_micros(lease_us));
            let renewed = handle::open(slots)?.renew(now, JobId(job), lease);
            Ok(renewed.map_err(|_| tollgate_status::ErrorNotFound)?)
        })
    }
}

/// Takes one job whose lease is over out of the table and writes it to `job`. Call it until it says
/// `TOLLGATE_STATUS_NOTHING`. Such a job counts no longer, whether this is called or not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_expire(
    slots: *mut tollgate_slots,
    now_us: u64,
    job: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (slots, place) = (handle::open(slots)?, Place::new(job)?);
            let over = slots.expire(Instant::from_micros(now_us)).ok_or(tollgate_status::Nothing)?;
            place.put(over.0);
            Ok(())
        })
    }
}

/// Changes the limit, live. Lowering it ends nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_set_limit(slots: *mut tollgate_slots, limit: u32) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            handle::open(slots)?.set_limit(limit);
            Ok(())
        })
    }
}

/// Writes the weight that is taken now to `weight`, foreign jobs included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_in_flight(
    slots: *const tollgate_slots,
    now_us: u64,
    weight: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (slots, place) = (handle::look(slots)?, Place::new(weight)?);
            place.put(slots.in_flight(Instant::from_micros(now_us)));
            Ok(())
        })
    }
}

/// Makes the table agree with the provider's list of `count` running jobs, asked for at `asked_at_us`: after a reboot, or
/// from time to time. Jobs that are not on it are closed, those on it are renewed for `lease_us`, what was opened since it
/// was asked for is left alone. `running` may be NULL if `count` is 0.
///
/// Errors: `TOLLGATE_STATUS_ERROR_TOO_MANY` above `TOLLGATE_LIST_MAX`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_slots_reconcile(
    slots: *mut tollgate_slots,
    now_us: u64,
    asked_at_us: u64,
    running: *const u64,
    count: usize,
    lease_us: u64,
    found: *mut tollgate_reconciled,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (slots, place) = (handle::open(slots)?, Place::new(found)?);
            let list = jobs(running, count)?;
            let (now, asked_at) = (Instant::from_micros(now_us), Instant::from_micros(asked_at_us));
            let seen = slots.reconcile(now, asked_at, list.as_slice(), Duration::from_micros(lease_us));
            place.put(tollgate_reconciled { closed: seen.closed, foreign: seen.foreign });
            Ok(())
        })
    }
}
