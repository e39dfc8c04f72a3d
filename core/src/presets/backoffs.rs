//! The backoff formulas of the two source documents, with the delay clamped after the jitter.
//!
//! Both documents add jitter after the cap, so that their 60 s become up to 90 s; here the max is the max. They also
//! disagree on what "5 retries" means: five calls in one, six in the other.

use crate::backoff::Policy;
use crate::jitter::Jitter;
use crate::retry::RetryPolicy;
use crate::time::Duration;
use crate::valid;

const SIXTY: Duration = Duration::from_secs(60);

/// Source document 000: from 1 s, doubling, times 0.5 to 1.5, at most 60 s; five calls, so four sleeps.
///
/// # Example
/// ```
/// use tollgate::{Backoff, Duration, Instant, presets::backoffs};
/// let mut backoff = Backoff::new(backoffs::SEED_000, Instant::ORIGIN);
/// assert_eq!(backoff.next(Instant::ORIGIN, 0), Ok(Duration::from_millis(500)));
/// ```
pub const SEED_000: Policy = valid!(
    valid!(Policy::new(Duration::from_secs(1), SIXTY))
        .with_retries(4)
        .with_jitter(Jitter::TimesRange { from: 500, to: 1_500 })
);

/// Source document 000 as its usage example sets it: from 2 s.
pub const SEED_000_USAGE: Policy = valid!(
    valid!(Policy::new(Duration::from_secs(2), SIXTY))
        .with_retries(4)
        .with_jitter(Jitter::TimesRange { from: 500, to: 1_500 })
);

/// Source document 001 for a 429: from 1 s, doubling, plus up to half, at most 60 s; five retries, so six calls.
pub const SEED_001: Policy =
    valid!(valid!(Policy::new(Duration::from_secs(1), SIXTY)).with_retries(5).with_jitter(Jitter::PlusPermille(500)));

/// Source document 001 for a 5xx: the same from 2 s.
pub const SEED_001_SERVER_ERROR: Policy =
    valid!(valid!(Policy::new(Duration::from_secs(2), SIXTY)).with_retries(5).with_jitter(Jitter::PlusPermille(500)));

/// A whole retry policy as the recommendations of the protocols' documents add up to: full jitter from 1 s to 60 s after a
/// refusal that named no delay, from 100 ms to 20 s after an error, a fifth of spread on what a server says, at most ten
/// minutes of it, three attempts.
pub const RETRY: RetryPolicy = RetryPolicy {
    throttled: valid!(valid!(Policy::new(Duration::from_secs(1), SIXTY)).with_retries(2).with_jitter(Jitter::Full)),
    transient: valid!(
        valid!(Policy::new(Duration::from_millis(100), Duration::from_secs(20)))
            .with_retries(2)
            .with_jitter(Jitter::Full)
    ),
    spread_permille: 200,
    max_block: Duration::from_mins(10),
};
