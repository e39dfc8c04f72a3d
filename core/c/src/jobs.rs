//! The jobs of a `tollgate_gate` after their requests: their end, their lists, and what time does to them.

use tollgate::{Cost, Duration, Found, Instant, JobId, Quota, Seen, TokenBucket};

use crate::bucket::{tollgate_inherit, tollgate_quota};
use crate::budget::{lines, tollgate_line};
use crate::call::{Place, explained, flag, given, list, plain};
use crate::gate::{gate_of, gate_read, tollgate_gate};
use crate::report::{told, tollgate_receipt, tollgate_wall};
use crate::slots::TOLLGATE_LIST_MAX;
use crate::status::tollgate_status;
use crate::why::{tollgate_job_state, tollgate_why};

/// How the last word about a job was taken.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_cost {
    /// It replaces what the job held.
    Settled = 0,
    /// Its lease was over and its hold posted: that is corrected.
    Corrected = 1,
    /// Nobody remembers the job: a fresh charge. It may be the second for this job.
    Late = 2,
    /// Said before: nothing has changed.
    Replayed = 3,
}

/// What the end of a job did.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_finished {
    /// One of `tollgate_cost`.
    pub cost: u32,
    /// What the accounts did, with what could not be booked.
    pub receipt: tollgate_receipt,
}

/// The job is over, well or not, and `actual` is what it cost: one amount for each account of its estimate, zero if nothing
/// was charged. Frees the slot and settles the money; never refused for want of it. `finished` may be NULL.
///
/// Errors: `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was not sent, `TOLLGATE_STATUS_ERROR_MISMATCH` if it was settled at
/// other amounts, `TOLLGATE_STATUS_ERROR_LINE_...`, `TOLLGATE_STATUS_ERROR_NEGATIVE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_finished(
    gate: *mut tollgate_gate,
    now_us: u64,
    job: u64,
    actual: *const tollgate_line,
    count: usize,
    finished: *mut tollgate_finished,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let (gate, place) = (gate_of(gate)?, Place::optional(finished)?);
            let done = gate.finished(Instant::from_micros(now_us), JobId(job), lines(actual, count)?.as_slice())?;
            let cost = match done.cost {
                Cost::Settled => tollgate_cost::Settled,
                Cost::Corrected => tollgate_cost::Corrected,
                Cost::Late => tollgate_cost::Late,
                Cost::Replayed => tollgate_cost::Replayed,
            };
            let receipt = done.receipt.map_or(tollgate_receipt::NONE, tollgate_receipt::from);
            place.put(tollgate_finished { cost: cost as u32, receipt });
            Ok(())
        })
    }
}

/// The job still runs: prolongs slot and money together to `lease_us` from now; never shortens them. The end is written to
/// `ends_us`.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it does not run, as far as is known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_renew(
    gate: *mut tollgate_gate,
    now_us: u64,
    job: u64,
    lease_us: u64,
    ends_us: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, place) = (gate_of(gate)?, Place::new(ends_us)?);
            let ends = gate.renew(Instant::from_micros(now_us), JobId(job), Duration::from_micros(lease_us))?;
            place.put(ends.as_micros());
            Ok(())
        })
    }
}

/// Remembers the provider's name for a job, by which `tollgate_gate_reconcile` finds it too. Zero is no name.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_tag(gate: *mut tollgate_gate, job: u64, tag: u64) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| Ok(gate_of(gate)?.tag(JobId(job), tag)?)) }
}

/// Writes where a job stands to `state`, one of `tollgate_job_state`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_job(
    gate: *const tollgate_gate,
    now_us: u64,
    job: u64,
    state: *mut u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, place) = (gate_read(gate)?, Place::new(state)?);
            let state = gate.job(Instant::from_micros(now_us), JobId(job));
            place.put(state.map_or(tollgate_job_state::None, tollgate_job_state::from) as u32);
            Ok(())
        })
    }
}

/// One entry of the provider's list of running jobs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_seen {
    /// The job by our name, or by the provider's, as `tollgate_gate_tag` was told.
    pub name: u64,
    /// 1 if it is the provider's.
    pub is_tag: u32,
}

/// What a reconciliation found; counts of jobs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_found {
    /// They were unknown, and run.
    pub running: u32,
    /// They were unknown, and do not run: two complete lists did not have them. Slot and money are free.
    pub freed: u32,
    /// They ran and do not any more: their slots are free, and what they cost is to be said.
    pub needs_actual: u32,
    /// What runs without a slot of ours.
    pub foreign: u32,
}

impl From<Found> for tollgate_found {
    fn from(found: Found) -> Self {
        let Found { running, freed, needs_actual, foreign } = found;
        Self { running, freed, needs_actual, foreign }
    }
}

/// Makes the table agree with the provider's list of `count` running jobs, asked for at `asked_at_us`: after a reboot, and
/// from time to time. Only a list that is `complete` (1, else 0) can say that something does not run. `seen` may be NULL if
/// `count` is 0.
///
/// Errors: `TOLLGATE_STATUS_ERROR_TOO_MANY` above `TOLLGATE_LIST_MAX`, `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_reconcile(
    gate: *mut tollgate_gate,
    now_us: u64,
    asked_at_us: u64,
    complete: u32,
    seen: *const tollgate_seen,
    count: usize,
    found: *mut tollgate_found,
) -> tollgate_status {
    let convert = |_, entry: tollgate_seen| {
        Ok(if flag(entry.is_tag)? { Seen::Tag(entry.name) } else { Seen::Job(JobId(entry.name)) })
    };
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, place, complete) = (gate_of(gate)?, Place::new(found)?, flag(complete)?);
            let seen = list::<_, _, TOLLGATE_LIST_MAX>(seen, count, Seen::Tag(0), convert)?;
            let (now, asked_at) = (Instant::from_micros(now_us), Instant::from_micros(asked_at_us));
            place.put(gate.reconcile(now, asked_at, complete, seen.as_slice()).into());
            Ok(())
        })
    }
}

/// Tells what time has done to a job, once for each, the first first: writes `job`, and `state`, one of
/// `tollgate_job_state`. Call it until it says `TOLLGATE_STATUS_NOTHING`, whenever `tollgate_gate_next_event` has passed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_expire(
    gate: *mut tollgate_gate,
    now_us: u64,
    job: *mut u64,
    state: *mut u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, job, place) = (gate_of(gate)?, Place::new(job)?, Place::new(state)?);
            let (id, state) = gate.expire(Instant::from_micros(now_us)).ok_or(tollgate_status::Nothing)?;
            job.put(id.0);
            place.put(tollgate_job_state::from(state) as u32);
            Ok(())
        })
    }
}

/// Writes the next instant after which something is different although nobody has called to `at_us`: sleep until then, or
/// until an ask said, or until something comes in. `TOLLGATE_STATUS_NOTHING` if nothing is going to happen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_next_event(
    gate: *const tollgate_gate,
    now_us: u64,
    at_us: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, place) = (gate_read(gate)?, Place::new(at_us)?);
            place.put(gate.next_event(Instant::from_micros(now_us)).ok_or(tollgate_status::Nothing)?.as_micros());
            Ok(())
        })
    }
}

/// Says what a wall clock shows: without it, budgets with a calendar do not roll. What became of it is written to `heard`,
/// one of `tollgate_heard`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_set_wall(
    gate: *mut tollgate_gate,
    now_us: u64,
    wall: *const tollgate_wall,
    heard: *mut u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, now) = (gate_of(gate)?, Instant::from_micros(now_us));
            told(wall, heard, |unix, error, trust| gate.set_wall(now, unix, error, trust))
        })
    }
}

/// Closes the gate until then, or opens it by an instant that has passed. The server's block is replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_block_until(
    gate: *mut tollgate_gate,
    now_us: u64,
    until_us: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            gate_of(gate)?.block_until(Instant::from_micros(now_us), Instant::from_micros(until_us));
            Ok(())
        })
    }
}

/// Changes how many jobs may run at once, live; 0 lets none in. Lowering it ends nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_set_slots(gate: *mut tollgate_gate, slots: u32) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            gate_of(gate)?.set_slots(slots);
            Ok(())
        })
    }
}

/// Changes the quota of requests, live; `inherit` is one of `tollgate_inherit`.
///
/// Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...`, `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_set_quota(
    gate: *mut tollgate_gate,
    now_us: u64,
    quota: *const tollgate_quota,
    inherit: u32,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let requests: &mut TokenBucket = gate_of(gate)?.requests_mut();
            let (quota, inherit) = (Quota::try_from(given(quota)?)?, tollgate_inherit::of(inherit)?);
            requests.set_quota(Instant::from_micros(now_us), quota, inherit);
            Ok(())
        })
    }
}
