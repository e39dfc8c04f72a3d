//! The ledger of `ledger_and_bucket.rs` in a journal on flash, and its `TokenBucket` in an image: both outlive a power cut.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::journal::{Keeper, Keeping, Layout};
use tollgate::{Amount, Credits, Duration, Image, JobId, Ledger, Mismatch, Offline, Quota, Start, TokenBucket, valid};
use tollgate_bench::limiters::token_bucket_allow;
use tollgate_bench::money::{Books, GUESS, TRUTH, open};
use tollgate_chip::{Flash, config, firmware};

const MINUTE: Duration = Duration::from_mins(1);
const LAYOUT: Layout = valid!(Layout::new(0, 4_096, 2));
const TTL: Duration = Duration::from_mins(10);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let grace = config(Duration::from_secs(5), || Some(Duration::from_secs(black_box(5))));
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    let keeping = [Keeping::lease::<Credits>(Amount::whole(10)); 4];
    let start = |now| {
        let mut books: Books = Ledger::new(grace);
        open(&mut books);
        let mut bucket = TokenBucket::new(quota, Start::Full, now);
        let image = black_box([0xFF; TokenBucket::SIZE]);
        // What cannot be restored begins anew.
        let _ = black_box(bucket.restore(now, Offline::Unknown, Mismatch::Refuse, &image));
        (Keeper::<_, 4, 16>::open(Flash, LAYOUT, books, &keeping).ok(), bucket)
    };
    firmware(start, |(keeper, bucket), now| {
        let Some(keeper) = keeper else { return false };
        let id = JobId(black_box(17));
        let may = token_bucket_allow(bucket, now) && keeper.reserve(now, id, black_box(&GUESS), TTL).is_ok();
        let mut image = [0xFF; TokenBucket::SIZE];
        let saved = bucket.save(now, &mut image).is_ok();
        black_box(&image);
        let settled = may && keeper.settle(now, id, black_box(&TRUTH)).is_ok();
        saved && settled && keeper.void(now, id).is_ok()
    })
}
