//! One unit of a window in slices.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, History, Window, WindowSlices, valid};
use tollgate_bench::limiters::window_slices_allow;
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let window = config(valid!(Window::new(60, MINUTE)), || Window::new(black_box(60), black_box(MINUTE)).ok());
    firmware(
        |now| WindowSlices::new(window, History::Empty, now).ok(),
        |window, now| window.as_mut().is_some_and(|window| window_slices_allow(window, now)),
    )
}
