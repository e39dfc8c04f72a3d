//! The next delay, with jitter.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, Jitter, Policy, valid};
use tollgate_bench::limiters::{Retries, backoff_next};
use tollgate_chip::{config, firmware};

const BASE: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let policy = config(valid!(valid!(Policy::new(BASE, MOST)).with_jitter(Jitter::Full)), || {
        Policy::new(black_box(BASE), black_box(MOST)).and_then(|policy| policy.with_jitter(Jitter::Full)).ok()
    });
    firmware(|now| Retries::new(policy, now), backoff_next)
}
