//! Single limiters: one small function for each question, never inlined, and the cases it is asked in.

use core::hint::black_box;

use tollgate::{
    Backoff, Breaker, BreakerPolicy, Denied, Duration, Entropy, History, Instant, Jitter, JobId, Limiter, Policy,
    Quota, Slots, Start, TokenBucket, Trip, WhenFull, Window, WindowLog, WindowSlices, valid,
};

use crate::case::{BEGIN, Case, anew, drive};

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

/// A slot for a job.
#[inline(never)]
pub fn slots_allow(slots: &mut Slots<8>, now: Instant) -> bool {
    slots.job(JobId(black_box(17)), Duration::from_mins(10)).is_ok_and(|mut job| job.allow(now, 1).is_ok())
}

/// The job has ended.
#[inline(never)]
pub fn slots_close(slots: &mut Slots<8>, now: Instant) -> bool {
    slots.close(now, JobId(black_box(3))).is_ok()
}

/// One call through a breaker.
#[inline(never)]
pub fn breaker_allow(breaker: &mut Breaker, now: Instant) -> bool {
    breaker.allow(now, 1).is_ok()
}

/// One call through a breaker, which has failed.
#[inline(never)]
pub fn breaker_failure(breaker: &mut Breaker, now: Instant) -> bool {
    let call = breaker.reserve(now, 1, Duration::ZERO);
    call.is_ok_and(|call| {
        breaker.failure(now, call);
        true
    })
}

/// A call that is repeated, with the generator that spreads its delays.
#[derive(Clone, Debug)]
pub struct Retries {
    backoff: Backoff,
    entropy: Entropy,
}

impl Retries {
    /// The first attempt of a call.
    pub const fn new(policy: Policy, now: Instant) -> Self {
        Self { backoff: Backoff::new(policy, now), entropy: Entropy::of_device(7) }
    }
}

/// The next delay, with its random bits.
#[inline(never)]
pub fn backoff_next(retries: &mut Retries, now: Instant) -> Option<Duration> {
    retries.backoff.next(now, retries.entropy.next()).ok()
}

const BUCKET: &str = "TokenBucket";
const SLICES: &str = "WindowSlices<60>";
const SLOTS: &str = "Slots<8>";
const BREAKER: &str = "Breaker";

/// The rows, in the sequence of the tables.
pub static CASES: [Case; 13] = [
    Case::new(BUCKET, "burst", |run| drive(bucket(Start::Full), token_bucket_allow, Duration::ZERO, run, |_, ok| ok))
        .goals(Some((20, 14)), Some((30, 18)), Some((47, 25))),
    Case::new(BUCKET, "refill", |run| drive(bucket(Start::Empty), token_bucket_allow, INTERVAL, run, |_, ok| ok))
        .goals(Some((20, 14)), Some((30, 24)), Some((60, 40))),
    Case::new(BUCKET, "refuse", |run| {
        drive(bucket(Start::Empty), token_bucket_allow, Duration::ZERO, run, |_, ok| !ok)
    })
    .goals(Some((14, 12)), Some((27, 20)), Some((42, 30))),
    Case::new(BUCKET, "refuse + retry time", |run| {
        let right = |_: &_, at| at == BEGIN.saturating_add(INTERVAL);
        drive(bucket(Start::Empty), token_bucket_retry, Duration::ZERO, run, right)
    })
    .goals(Some((37, 30)), Some((250, 40)), Some((500, 70))),
    Case::new(SLICES, "grant", |run| drive(slices(), window_slices_allow, Duration::ZERO, run, |_, ok| ok)).goals(
        None,
        Some((100, 50)),
        None,
    ),
    Case::new(SLICES, "grant, each in a new slice", |run| {
        drive(slices(), window_slices_allow, SECOND, run, |_, ok| ok)
    })
    .goals(None, Some((100, 50)), None),
    // Fifteen in the window, and one leaves whenever one comes.
    Case::new("WindowLog<16>", "grant", |run| drive(log(), window_log_allow, Duration::from_secs(4), run, |_, ok| ok)),
    Case::anew(SLOTS, "grant the last free one", |run| anew(|| slots(7), &[], slots_allow, run, |_, ok| ok)),
    Case::anew(SLOTS, "refuse + retry time", |run| anew(|| slots(8), &[], slots_allow, run, |_, ok| !ok)),
    Case::anew(SLOTS, "close", |run| anew(|| slots(8), &[], slots_close, run, |_, ok| ok)),
    Case::new(BREAKER, "grant", |run| drive(breaker(), breaker_allow, Duration::ZERO, run, |_, ok| ok)),
    Case::anew(BREAKER, "grant, then a failure", |run| anew(breaker, &[], breaker_failure, run, |_, ok| ok)),
    Case::new("Backoff", "next with jitter", |run| {
        drive(retries(), backoff_next, Duration::ZERO, run, |_, delay| delay.is_some())
    })
    .goals(Some((57, 25)), Some((100, 40)), None),
];

const SECOND: Duration = Duration::from_secs(1);
/// 1000 a second, one unit every millisecond.
const INTERVAL: Duration = Duration::from_millis(1);
const QUOTA: Quota = valid!(Quota::new_with_burst(1_000, SECOND, 4_000_000));
const MINUTE: Window = valid!(Window::new(4_000_000, Duration::from_mins(1)));
const DOUBLING: Policy = valid!(Policy::new(SECOND, Duration::from_mins(1))).with_retries(u32::MAX);
const SPREAD: Policy = valid!(DOUBLING.with_jitter(Jitter::Full));
const HALF: BreakerPolicy =
    valid!(BreakerPolicy::new(Trip::Rolling { window: SECOND, calls: 10, permille: 500 }, SECOND));

fn bucket(start: Start) -> TokenBucket {
    TokenBucket::new(black_box(QUOTA), start, BEGIN)
}

fn slices() -> WindowSlices<60> {
    // A minute has sixty seconds.
    WindowSlices::new(black_box(MINUTE), History::Empty, BEGIN)
        .unwrap_or_else(|_| unreachable!("a minute divides by sixty"))
}

fn log() -> WindowLog<16> {
    WindowLog::new(black_box(MINUTE), WhenFull::Refuse, History::Empty, BEGIN)
}

/// Eight slots, so many of them taken.
fn slots(taken: u64) -> Slots<8> {
    let mut slots = Slots::new(black_box(8));
    for id in 0..taken {
        // The case shows whether they are.
        let _ = slots.job(JobId(id), Duration::from_mins(10)).map(|mut job| job.allow(BEGIN, 1));
    }
    slots
}

fn breaker() -> Breaker {
    Breaker::new(black_box(HALF), BEGIN)
}

fn retries() -> Retries {
    Retries::new(black_box(SPREAD), BEGIN)
}
