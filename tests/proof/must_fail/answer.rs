//! An answer of the core that is taken for granted: nothing of its state is known, not even that it admits.

#![no_std]
#![no_main]

use tollgate::{Limiter, TokenBucket};
use tollgate_proof::{any, seen};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    seen(any::<&mut TokenBucket>().allow(any(), any()).unwrap());
    loop {
        core::hint::spin_loop();
    }
}
