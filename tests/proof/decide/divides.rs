//! Two decisions that must not be: one divides 64 bits, one compares floats. What checks the decisions has to see both.

#![no_std]
#![no_main]

use core::num::NonZeroU64;
use tollgate_proof::{any, cases, seen};

cases! {
    decide_by_division {
        seen(any::<u64>() / any::<NonZeroU64>());
    }

    decide_by_float {
        seen(any::<f32>() + any::<f32>());
    }
}

/// Where the firmware would start.
#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    all();
    loop {
        core::hint::spin_loop();
    }
}
