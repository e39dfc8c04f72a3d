//! One unit of a `TokenBucket`, or not.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, Quota, Start, TokenBucket, valid};
use tollgate_bench::limiters::token_bucket_allow;
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    firmware(|now| TokenBucket::new(quota, Start::Full, now), token_bucket_allow)
}
