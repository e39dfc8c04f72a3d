//! A quotient by what may be zero.

#![no_std]
#![no_main]

use tollgate_proof::{any, seen};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    seen(any::<u64>() / any::<u64>());
    loop {
        core::hint::spin_loop();
    }
}
