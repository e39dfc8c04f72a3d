//! Arm MPS2 board with FPGA image 505: a Cortex-M33 that starts in its secure state.

/// What the board is called.
pub const NAME: &str = "mps2-an505";

/// Ticks of the core in a second.
pub const HZ: u32 = 20_000_000;
