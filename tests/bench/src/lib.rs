//! The questions whose cost is measured: one small function per limiter and answer, never inlined.
//!
//! They stand in a library without `std`, so that the same functions are compiled for the chips. A new limiter brings
//! its functions here and its rows into the table of `cases.rs`.

#![no_std]

pub mod cases;
pub mod response;

use tollgate::headers::{Feedback, FeedbackReader};
use tollgate::{Backoff, Denied, Duration, Entropy, Instant, Limiter, TokenBucket, WindowLog, WindowSlices};

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

/// One unit of a window in sixty slices.
#[inline(never)]
pub fn window_slices_allow(window: &mut WindowSlices<60>, now: Instant) -> bool {
    window.allow(now, 1).is_ok()
}

/// One unit of an exact window.
#[inline(never)]
pub fn window_log_allow(window: &mut WindowLog<16>, now: Instant) -> bool {
    window.allow(now, 1).is_ok()
}

/// A call that is repeated, with the generator that spreads its delays.
#[derive(Clone, Debug)]
pub struct Retries {
    backoff: Backoff,
    entropy: Entropy,
}

/// The next delay, with its random bits.
#[inline(never)]
pub fn backoff_next(retries: &mut Retries, now: Instant) -> Option<Duration> {
    retries.backoff.next(now, retries.entropy.next()).ok()
}

/// The header lines of a response, and what they said.
#[derive(Clone, Debug)]
pub struct Exchange {
    lines: &'static [(&'static [u8], &'static [u8])],
    feedback: Option<Feedback>,
}

/// All header lines of a response, one after the other, to the end.
#[inline(never)]
pub fn feedback_of_lines(exchange: &mut Exchange, _now: Instant) -> bool {
    let mut reader = FeedbackReader::new();
    for (name, value) in exchange.lines {
        reader.line(name, value);
    }
    exchange.feedback = Some(reader.finish(429, None));
    true
}

/// The empty limiter: what the loop around a question costs by itself.
#[inline(never)]
pub fn nothing<L, A: Default>(_limiter: &mut L, _now: Instant) -> A {
    A::default()
}
