//! A `TokenBucket` that outlives a power cut: in a journal on flash, with a lease.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::journal::{ImageLog, Layout, LimiterKeeper};
use tollgate::{Duration, Mismatch, Offline, Quota, Start, TokenBucket, valid};
use tollgate_chip::{Flash, config, firmware};

const MINUTE: Duration = Duration::from_mins(1);
const LAYOUT: Layout = valid!(Layout::new(0, 4_096, 2));

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    let lease = config(5, || Some(black_box(5)));
    let start = |now| {
        let log = ImageLog::<_, 96>::open(Flash, LAYOUT).ok()?;
        let bucket = TokenBucket::new(quota, Start::Full, now);
        LimiterKeeper::open(log, bucket, lease, now, Offline::Unknown, Mismatch::Refuse).ok()
    };
    firmware(start, |keeper, now| keeper.as_mut().is_some_and(|keeper| keeper.allow(now, 1).is_ok()))
}
