//! Arm MPS2 board with FPGA image 505: a Cortex-M33 that starts in its secure state.

/// What the board is called.
pub const NAME: &str = "mps2-an505";

/// Ticks of `SysTick` in two microseconds, at 20 MHz.
pub(crate) const TICKS_IN_2_MICROS: u32 = 40;
