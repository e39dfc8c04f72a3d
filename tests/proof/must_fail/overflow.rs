//! A sum that may be too large, where such sums are checked.

#![no_std]
#![no_main]

use tollgate_proof::{any, seen};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    seen(any::<u32>() + any::<u32>());
    loop {
        core::hint::spin_loop();
    }
}
