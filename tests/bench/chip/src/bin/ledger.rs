//! A ledger of four accounts, two of them by the day: reserve, settle and void.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, Ledger};
use tollgate_bench::money::{Books, ledger_reserve, ledger_settle, ledger_void, open};
use tollgate_chip::{config, firmware};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let grace = config(Duration::from_secs(5), || Some(Duration::from_secs(black_box(5))));
    let start = |_| {
        let mut books: Books = Ledger::new(grace);
        open(&mut books);
        books
    };
    firmware(start, |books, now| ledger_reserve(books, now) && ledger_settle(books, now) && ledger_void(books, now))
}
