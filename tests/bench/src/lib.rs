//! The questions whose cost is measured: one small function per limiter and answer, never inlined.
//!
//! They stand in a library without `std`, so that the same functions are compiled for the chips. A new limiter brings
//! its functions here and its rows into the table of `main.rs`.

#![no_std]

use tollgate::{Denied, Instant, Limiter, TokenBucket};

/// One unit, and whoever asks ignores when he could come back.
#[inline(never)]
pub fn token_bucket_allow(bucket: &mut TokenBucket, now: Instant) -> bool {
    bucket.allow(now, 1).is_ok()
}

/// One unit, or when to come back.
#[inline(never)]
pub fn token_bucket_retry(bucket: &mut TokenBucket, now: Instant) -> Instant {
    match bucket.allow(now, 1) {
        Err(Denied::Until(at)) => at,
        _ => Instant::ORIGIN,
    }
}

/// The empty limiter: what the loop around a question costs by itself.
#[inline(never)]
pub fn nothing<L, A: Default>(_limiter: &mut L, _now: Instant) -> A {
    A::default()
}
