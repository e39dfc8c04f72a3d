//! The ledger of `ledger.rs` in a journal on flash: it outlives a power cut.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::journal::{Keeper, Keeping, Layout};
use tollgate::{Amount, Credits, Duration, JobId, Ledger, valid};
use tollgate_bench::money::{Books, GUESS, TRUTH, open};
use tollgate_chip::{Flash, config, firmware};

const LAYOUT: Layout = valid!(Layout::new(0, 4_096, 2));
const TTL: Duration = Duration::from_mins(10);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let grace = config(Duration::from_secs(5), || Some(Duration::from_secs(black_box(5))));
    let keeping = [Keeping::lease::<Credits>(Amount::whole(10)); 4];
    let start = |_| {
        let mut books: Books = Ledger::new(grace);
        open(&mut books);
        Keeper::<_, 4, 16>::open(Flash, LAYOUT, books, &keeping).ok()
    };
    firmware(start, |keeper, now| {
        let Some(keeper) = keeper else { return false };
        let id = JobId(black_box(17));
        let reserved = keeper.reserve(now, id, black_box(&GUESS), TTL).is_ok();
        reserved && keeper.settle(now, id, black_box(&TRUTH)).is_ok() && keeper.void(now, id).is_ok()
    })
}
