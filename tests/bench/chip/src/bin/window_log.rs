//! One unit of an exact window.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, History, WhenFull, Window, WindowLog, valid};
use tollgate_bench::limiters::window_log_allow;
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let window = config(valid!(Window::new(16, MINUTE)), || Window::new(black_box(16), black_box(MINUTE)).ok());
    firmware(|now| WindowLog::new(window, WhenFull::Refuse, History::Empty, now), window_log_allow)
}
