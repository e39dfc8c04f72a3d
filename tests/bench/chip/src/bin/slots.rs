//! A slot for a job, and its end.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::Slots;
use tollgate_bench::limiters::{slots_allow, slots_close};
use tollgate_chip::{config, firmware};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let limit = config(3, || Some(black_box(3)));
    firmware(|_| Slots::new(limit), |slots, now| slots_allow(slots, now) && slots_close(slots, now))
}
