//! A call through a breaker, and its failure.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Breaker, BreakerPolicy, Duration, Trip, valid};
use tollgate_bench::limiters::{breaker_allow, breaker_failure};
use tollgate_chip::{config, firmware};

const SPAN: Duration = Duration::from_secs(30);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let policy = config(valid!(BreakerPolicy::new(Trip::Consecutive { failures: 5 }, SPAN)), || {
        BreakerPolicy::new(Trip::Consecutive { failures: black_box(5) }, black_box(SPAN)).ok()
    });
    firmware(
        |now| Breaker::new(policy, now),
        |breaker, now| breaker_allow(breaker, now) && breaker_failure(breaker, now),
    )
}
