//! BBC micro:bit: a Nordic nRF51822, a Cortex-M0 with 256 KiB of flash and 16 KiB of RAM; no division, no compare-and-swap.
//!
//! The emulator gives its core a `SysTick`, which the chip itself does not have: there, one of its timers takes the part.

/// What the board is called.
pub const NAME: &str = "microbit";

/// Ticks of the core in a second.
pub const HZ: u32 = 16_000_000;
