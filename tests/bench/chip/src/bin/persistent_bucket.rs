//! A `TokenBucket` that is saved to an image and restored from it.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, Image, Mismatch, Offline, Quota, Start, TokenBucket, valid};
use tollgate_bench::limiters::token_bucket_allow;
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    let start = |now| {
        let mut bucket = TokenBucket::new(quota, Start::Full, now);
        let image = black_box([0xFF; TokenBucket::SIZE]);
        // What cannot be restored begins anew.
        let _ = black_box(bucket.restore(now, Offline::Unknown, Mismatch::Refuse, &image));
        bucket
    };
    firmware(start, |bucket, now| {
        let mut image = [0xFF; TokenBucket::SIZE];
        let saved = bucket.save(now, &mut image).is_ok();
        black_box(&image);
        saved && token_bucket_allow(bucket, now)
    })
}
