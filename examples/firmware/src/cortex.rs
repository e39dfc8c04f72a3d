//! What every Cortex-M has: sleep, reset, the debugger.

use core::sync::atomic::{Ordering, compiler_fence};

use cortex_m::peripheral::SCB;

pub use cortex_m_rt::entry;

/// Sleeps until the next interrupt.
pub fn idle() {
    cortex_m::asm::wfi();
}

/// Starts the chip anew. What the memory map calls `RETAINED` stays as it is.
pub fn reset() -> ! {
    compiler_fence(Ordering::SeqCst);
    SCB::sys_reset()
}

/// One call of the debugger.
pub(crate) fn ask_debugger(operation: usize, argument: usize) -> usize {
    let answer;
    // SAFETY: the callers, all in `console`, pass operations that stay within what their argument points to.
    unsafe { core::arch::asm!("bkpt 0xAB", inout("r0") operation => answer, in("r1") argument, options(nostack)) }
    answer
}
