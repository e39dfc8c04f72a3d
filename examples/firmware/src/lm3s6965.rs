//! TI Stellaris LM3S6965 evaluation board: a Cortex-M3 with 256 KiB of flash, 64 KiB of RAM, and Ethernet.

/// What the board is called.
pub const NAME: &str = "lm3s6965";

/// Ticks of `SysTick` in two microseconds, at 12.5 MHz: the internal oscillator, which the chip starts with.
pub(crate) const TICKS_IN_2_MICROS: u32 = 25;

// The table of this chip's interrupts.
use ::lm3s6965 as _;
