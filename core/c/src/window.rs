//! `tollgate_window`: never more than so many units in any stretch of this length.

use tollgate::{Duration, History, Instant, Limiter, Window, WindowError, WindowSlices};

use crate::bucket::{check, commit, reserve, tollgate_reservation};
use crate::call::{Place, explained, flag, given, plain};
use crate::handle::{self, handle};
use crate::status::tollgate_status;
use crate::why::tollgate_why;

/// Into how many slices a window is cut: units come back at most one slice late, never early.
pub const TOLLGATE_WINDOW_SLICES: usize = 60;

/// Words of 64 bits in a `tollgate_window`.
pub const TOLLGATE_WINDOW_WORDS: usize = 48;

/// A sliding window: never more than its limit in any stretch of its length. In the caller's storage, which stays where it
/// is from `tollgate_window_init` on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_window {
    opaque: [u64; TOLLGATE_WINDOW_WORDS],
}
handle!(tollgate_window, 3, WindowSlices<TOLLGATE_WINDOW_SLICES>);

/// What a window keeps.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_window_config {
    /// The length in microseconds; a multiple of `TOLLGATE_WINDOW_SLICES`.
    pub length_us: u64,
    /// How long a reservation counts that is never settled, in microseconds; 0 for ever.
    pub lease_us: u64,
    /// Units in any stretch of the length; at least 1.
    pub limit: u32,
    /// 1 to start as if the limit had been used up this instant: the safe choice after a reboot without a memory, and what
    /// a duty cycle needs. 0 to start empty.
    pub used_up: u32,
}

/// Makes a window in `window`, whatever was there.
///
/// Errors: `TOLLGATE_STATUS_ERROR_WINDOW_...`, `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_window_init(
    window: *mut tollgate_window,
    config: *const tollgate_window_config,
    now_us: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let config = given(config)?;
            let history = if flag(config.used_up)? { History::UsedUp } else { History::Empty };
            let lease = if config.lease_us == 0 { Duration::MAX } else { Duration::from_micros(config.lease_us) };
            let made = Window::new(config.limit, Duration::from_micros(config.length_us))
                .and_then(|kept| kept.with_lease(lease))
                .and_then(|kept| WindowSlices::new(kept, history, Instant::from_micros(now_us)));
            let made = made.map_err(|error| match error {
                WindowError::ZeroLimit => tollgate_status::ErrorWindowLimit,
                _ => tollgate_status::ErrorWindowLength,
            })?;
            handle::put(window, made)?;
            Ok(())
        })
    }
}

/// Whether `cost` units could be taken now. Changes nothing.
///
/// Refused with `TOLLGATE_STATUS_UNTIL`, `TOLLGATE_STATUS_NEVER`, or, where only reservations are in the way that have no
/// lease, `TOLLGATE_STATUS_BUSY`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_window_check(
    window: *const tollgate_window,
    now_us: u64,
    cost: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { explained(why, || check(handle::look(window)?, now_us, cost)) }
}

/// Takes `cost` units now, or says when they could be taken. A cost of zero always passes.
///
/// Refused as `tollgate_window_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_window_take(
    window: *mut tollgate_window,
    now_us: u64,
    cost: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { explained(why, || Ok(handle::open(window)?.allow(Instant::from_micros(now_us), cost)?)) }
}

/// Writes how many units one call could take now to `units`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_window_available(
    window: *const tollgate_window,
    now_us: u64,
    units: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (window, place) = (handle::look(window)?, Place::new(units)?);
            place.put(window.available(Instant::from_micros(now_us)));
            Ok(())
        })
    }
}

/// Books `cost` units for now, or for an instant at most `max_wait_us` away, which is written to `at_us`. They count in
/// full until they are settled with `tollgate_window_commit`, and age from then on.
///
/// Refused as `tollgate_window_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_window_reserve(
    window: *mut tollgate_window,
    now_us: u64,
    cost: u64,
    max_wait_us: u64,
    held: *mut tollgate_reservation,
    at_us: *mut u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { explained(why, || reserve(window, (now_us, cost, max_wait_us), held, at_us)) }
}

/// Replaces the units of a reservation by the `actual` ones; zero gives them back. Uses `held` up.
///
/// Errors: `TOLLGATE_STATUS_ERROR_UNINITIALISED` if `held` was settled before, `TOLLGATE_STATUS_ERROR_FOREIGN` if it is of
/// another limiter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_window_commit(
    window: *mut tollgate_window,
    now_us: u64,
    held: *mut tollgate_reservation,
    actual: u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| commit(window, now_us, held, actual)) }
}

/// Writes how much of the limit is used or held to `permille`, rounded down; above 1000 when in debt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_window_usage(
    window: *const tollgate_window,
    now_us: u64,
    permille: *mut u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (window, place) = (handle::look(window)?, Place::new(permille)?);
            place.put(window.usage_permille(Instant::from_micros(now_us)));
            Ok(())
        })
    }
}
