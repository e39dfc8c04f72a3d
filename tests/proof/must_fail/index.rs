//! An index that nobody has checked.

#![no_std]
#![no_main]

use tollgate_proof::{any, seen};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let values = any::<&[u32]>();
    seen(values[any::<usize>()]);
    loop {
        core::hint::spin_loop();
    }
}
