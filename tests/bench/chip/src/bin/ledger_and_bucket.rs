//! A ledger as in `ledger.rs` and a `TokenBucket` as in `token_bucket.rs`, that forget everything at a reboot.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, Ledger, Quota, Start, TokenBucket, valid};
use tollgate_bench::limiters::token_bucket_allow;
use tollgate_bench::money::{Books, ledger_reserve, ledger_settle, ledger_void, open};
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let grace = config(Duration::from_secs(5), || Some(Duration::from_secs(black_box(5))));
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    let start = |now| {
        let mut books: Books = Ledger::new(grace);
        open(&mut books);
        (books, TokenBucket::new(quota, Start::Full, now))
    };
    firmware(start, |(books, bucket), now| {
        let may = token_bucket_allow(bucket, now) && ledger_reserve(books, now);
        may && ledger_settle(books, now) && ledger_void(books, now)
    })
}
