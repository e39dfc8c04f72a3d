//! What a server says: all header lines of a response.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate_bench::feedback::{Exchange, feedback_of_lines};
use tollgate_chip::firmware;

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    firmware(|_| Exchange::new(black_box(&[])), feedback_of_lines)
}
