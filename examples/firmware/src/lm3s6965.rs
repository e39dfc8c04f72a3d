//! TI Stellaris LM3S6965 evaluation board: a Cortex-M3 with 256 KiB of flash, 64 KiB of RAM, and Ethernet.

/// What the board is called.
pub const NAME: &str = "lm3s6965";

/// Ticks of the core in a second: the internal oscillator, which the chip starts with.
pub const HZ: u32 = 12_500_000;

// The table of this chip's interrupts.
use ::lm3s6965 as _;
