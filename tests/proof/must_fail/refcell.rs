//! A cell that may be borrowed already.

#![no_std]
#![no_main]

use tollgate_proof::{any, seen};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    *any::<&core::cell::RefCell<u32>>().borrow_mut() += 1;
    loop {
        core::hint::spin_loop();
    }
}
