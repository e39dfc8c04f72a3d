//! The boards that the firmware here runs on, behind one small face: a clock, sleep, a line of text, the end.
//!
//! ```text
//! feature      board                            clock, at a tick of 1 kHz       end, print
//! lm3s6965     TI Stellaris, Cortex-M3          SysTick, 12.5 MHz               semihosting
//! microbit     BBC micro:bit, Cortex-M0         SysTick, 16 MHz                 semihosting
//! mps2-an505   Arm MPS2 image 505, Cortex-M33   SysTick, 20 MHz                 semihosting
//! riscv-virt   QEMU virt, RV32IMAC or RV32IMC   CLINT, 10 MHz                   semihosting
//! ```
//! All of `unsafe` is in this library, each with its reason; the binaries have none.

#![no_std]

#[cfg(feature = "cortex-m")]
mod cortex;
#[cfg(feature = "cortex-m")]
use cortex as core_of_board;
#[cfg(feature = "riscv-virt")]
mod riscv_virt;
#[cfg(feature = "riscv-virt")]
use riscv_virt as core_of_board;

#[cfg(all(feature = "cortex-m", not(feature = "rtic")))]
mod systick;
#[cfg(feature = "riscv-virt")]
use riscv_virt as timer_of_board;
#[cfg(all(feature = "cortex-m", not(feature = "rtic")))]
use systick as timer_of_board;

#[cfg(feature = "lm3s6965")]
mod lm3s6965;
#[cfg(feature = "lm3s6965")]
use lm3s6965 as this;
#[cfg(feature = "microbit")]
mod microbit;
#[cfg(feature = "microbit")]
use microbit as this;
#[cfg(feature = "mps2-an505")]
mod mps2_an505;
#[cfg(feature = "mps2-an505")]
use mps2_an505 as this;
#[cfg(feature = "riscv-virt")]
use riscv_virt as this;

mod console;
pub mod desk;
#[cfg(feature = "embassy")]
mod embassy;
#[cfg(feature = "defmt")]
mod logged;
mod pages;
mod retained;
#[cfg(all(feature = "lm3s6965", feature = "network"))]
pub mod stellaris;
#[cfg(not(feature = "rtic"))]
mod ticks;

pub use console::{Console, Errors, command_line, exit};
pub use core_of_board::{entry, idle, reset};
pub use pages::Pages;
pub use retained::{Retained, RetainedError};
pub use this::{HZ, NAME};
#[cfg(not(feature = "rtic"))]
pub use ticks::{Ticks, every_tick, sleep_until, sleep_until_by};

/// Prints a line on the debugger's console.
#[macro_export]
macro_rules! println {
    ($($words:tt)*) => {{
        use ::core::fmt::Write as _;
        // The console takes everything.
        let _ = ::core::writeln!($crate::Console, $($words)*);
    }};
}

/// Where the run ends that should not have: the reason goes to the errors of the debugger, the exit code is 101.
#[panic_handler]
fn panic(reason: &core::panic::PanicInfo<'_>) -> ! {
    use core::fmt::Write;
    let _ = writeln!(Errors, "{reason}");
    exit(101)
}
