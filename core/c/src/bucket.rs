//! `tollgate_bucket`: so many units per period with a burst, exact for ever.

use tollgate::{Denied, Duration, Inherit, Instant, Limiter, Quota, Reservation, Start, TokenBucket};

use crate::call::{Done, Place, explained, given, plain};
use crate::handle::{self, handle};
use crate::status::tollgate_status;
use crate::why::tollgate_why;

/// Words of 64 bits in a `tollgate_bucket`.
pub const TOLLGATE_BUCKET_WORDS: usize = 7;

/// A token bucket: so many units per period, and some of them at once. In the caller's storage, which stays where it is
/// from `tollgate_bucket_init` on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_bucket {
    opaque: [u64; TOLLGATE_BUCKET_WORDS],
}
handle!(tollgate_bucket, 1, TokenBucket);

/// Words of 64 bits in a `tollgate_reservation`.
pub const TOLLGATE_RESERVATION_WORDS: usize = 6;

/// Units that are booked in a limiter and not settled yet. A value: it may be moved, but settle it once.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_reservation {
    opaque: [u64; TOLLGATE_RESERVATION_WORDS],
}
handle!(tollgate_reservation, 2, Booked, COPIED);

/// A reservation and the limiter it belongs to.
#[derive(Debug)]
pub(crate) struct Booked {
    limiter: usize,
    held: Reservation,
}

/// So many units per period, and how many of them may be taken at once.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_quota {
    /// Units in every period; at least 1.
    pub units: u32,
    /// How many may be taken at once; at least 1. 1 spaces every unit out.
    pub burst: u32,
    /// The period in microseconds; at least 1. Burst times period, in lowest terms, may be up to 2^62.
    pub per_us: u64,
}

impl TryFrom<tollgate_quota> for Quota {
    type Error = tollgate::QuotaError;

    fn try_from(quota: tollgate_quota) -> Result<Self, Self::Error> {
        Self::new_with_burst(quota.units, Duration::from_micros(quota.per_us), quota.burst)
    }
}

/// What a bucket keeps of its level when its quota changes.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_inherit {
    /// The new burst less what is used; never more than before. A debt if more is used.
    KeepUsed = 0,
    /// The level stays, at most the new burst.
    AsIs = 1,
    /// The share of the burst stays.
    Proportional = 2,
    /// The level stays, and what the burst has grown is added.
    Additive = 3,
    /// Full.
    Reset = 4,
}

impl tollgate_inherit {
    pub(crate) fn of(value: u32) -> Result<Inherit, tollgate_status> {
        Ok(match value {
            _ if value == Self::KeepUsed as u32 => Inherit::KeepUsed,
            _ if value == Self::AsIs as u32 => Inherit::AsIs,
            _ if value == Self::Proportional as u32 => Inherit::Proportional,
            _ if value == Self::Additive as u32 => Inherit::Additive,
            _ if value == Self::Reset as u32 => Inherit::Reset,
            _ => return Err(tollgate_status::ErrorValue),
        })
    }
}

/// Makes a bucket in `bucket`, whatever was there, with `start` units in it: `UINT32_MAX` for full, 0 for empty, the safe
/// choice after a reboot without a memory.
///
/// Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...` names what is wrong with the quota.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_init(
    bucket: *mut tollgate_bucket,
    quota: *const tollgate_quota,
    start: u32,
    now_us: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let quota = Quota::try_from(given(quota)?)?;
            let start = if start == u32::MAX { Start::Full } else { Start::With(start) };
            handle::put(bucket, TokenBucket::new(quota, start, Instant::from_micros(now_us)))?;
            Ok(())
        })
    }
}

/// Whether `cost` units could be taken now. Changes nothing.
///
/// Refused with `TOLLGATE_STATUS_UNTIL` or `TOLLGATE_STATUS_NEVER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_check(
    bucket: *const tollgate_bucket,
    now_us: u64,
    cost: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { explained(why, || check(handle::look(bucket)?, now_us, cost)) }
}

/// Takes `cost` units now, or says when they could be taken. A cost of zero always passes.
///
/// Refused with `TOLLGATE_STATUS_UNTIL` or `TOLLGATE_STATUS_NEVER`. `now_us` may repeat or go back: older stamps never add
/// units.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_take(
    bucket: *mut tollgate_bucket,
    now_us: u64,
    cost: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { explained(why, || Ok(handle::open(bucket)?.allow(Instant::from_micros(now_us), cost)?)) }
}

/// Writes how many units one call could take now to `units`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_available(
    bucket: *const tollgate_bucket,
    now_us: u64,
    units: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (bucket, place) = (handle::look(bucket)?, Place::new(units)?);
            place.put(bucket.available(Instant::from_micros(now_us)));
            Ok(())
        })
    }
}

/// Books `cost` units for now, or for an instant at most `max_wait_us` away, which is written to `at_us`: send no earlier.
/// Settle `held` once, with `tollgate_bucket_commit`.
///
/// Refused as `tollgate_bucket_take`; `TOLLGATE_STATUS_UNTIL` says when the same call, with the same patience, passes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_reserve(
    bucket: *mut tollgate_bucket,
    now_us: u64,
    cost: u64,
    max_wait_us: u64,
    held: *mut tollgate_reservation,
    at_us: *mut u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { explained(why, || reserve(bucket, (now_us, cost, max_wait_us), held, at_us)) }
}

/// Replaces the units of a reservation by the `actual` ones: zero gives back what time has not given back already, more is
/// a debt that later callers pay. Uses `held` up.
///
/// Errors: `TOLLGATE_STATUS_ERROR_UNINITIALISED` if `held` was settled before, `TOLLGATE_STATUS_ERROR_FOREIGN` if it is of
/// another limiter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_commit(
    bucket: *mut tollgate_bucket,
    now_us: u64,
    held: *mut tollgate_reservation,
    actual: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| commit(bucket, now_us, held, actual)) }
}

/// Adds `units`, for instance a refund by the server; never above the burst.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_refund(
    bucket: *mut tollgate_bucket,
    now_us: u64,
    units: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            handle::open(bucket)?.credit(Instant::from_micros(now_us), units);
            Ok(())
        })
    }
}

/// Changes the quota, live; `inherit` is one of `tollgate_inherit`. What is booked keeps the instants it was promised.
///
/// Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...`, `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_bucket_set_quota(
    bucket: *mut tollgate_bucket,
    now_us: u64,
    quota: *const tollgate_quota,
    inherit: u32,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let bucket = handle::open(bucket)?;
            let (quota, inherit) = (Quota::try_from(given(quota)?)?, tollgate_inherit::of(inherit)?);
            bucket.set_quota(Instant::from_micros(now_us), quota, inherit);
            Ok(())
        })
    }
}

/// Whether a limiter would let `cost` pass.
pub(crate) fn check(limiter: &impl Limiter, now_us: u64, cost: u64) -> Done {
    let now = Instant::from_micros(now_us);
    match limiter.earliest(now, cost)? {
        at if at > now => Err(Denied::Until(at).into()),
        _ => Ok(()),
    }
}

/// Books in a limiter: now, cost and patience.
///
/// # Safety
/// As [`handle::inside`], for all pointers.
pub(crate) unsafe fn reserve<H: handle::Handle<Inside: Limiter>>(
    storage: *mut H,
    (now_us, cost, max_wait_us): (u64, u64, u64),
    held: *mut tollgate_reservation,
    at_us: *mut u64,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let limiter = handle::open(storage)?;
        let (_, place) = (handle::sound_mut(held)?, Place::new(at_us)?);
        let booked = limiter.reserve(Instant::from_micros(now_us), cost, Duration::from_micros(max_wait_us))?;
        place.put(booked.at().as_micros());
        handle::put(held, Booked { limiter: storage.addr(), held: booked })?;
        Ok(())
    }
}

/// Settles in a limiter.
///
/// # Safety
/// As [`handle::inside`], for all pointers.
pub(crate) unsafe fn commit<H: handle::Handle<Inside: Limiter>>(
    storage: *mut H,
    now_us: u64,
    held: *mut tollgate_reservation,
    actual: u64,
) -> Done {
    // SAFETY: the caller's promise.
    unsafe {
        let limiter = handle::open(storage)?;
        if handle::look(held)?.limiter != storage.addr() {
            return Err(tollgate_status::ErrorForeign.into());
        }
        limiter.commit(Instant::from_micros(now_us), handle::take(held)?.held, actual);
        Ok(())
    }
}
