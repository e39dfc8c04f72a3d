//! What every Cortex-M has: `SysTick`, sleep, reset.

use core::sync::atomic::{Ordering, compiler_fence};

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};

pub use cortex_m_rt::entry;

use crate::this::TICKS_IN_2_MICROS;

/// Ticks of the timer in a period. The counter has 24 bits, which half a second of 25 MHz fit in.
fn ticks_in(millis: u32) -> u32 {
    millis * 500 * TICKS_IN_2_MICROS
}

pub(crate) fn start_timer(millis: u32) {
    // SAFETY: nobody else has the timer: the peripherals are taken nowhere in this crate.
    let mut timer = unsafe { cortex_m::Peripherals::steal() }.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(ticks_in(millis) - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

/// Ticks that the interrupt has not counted yet, none or one, and the microseconds since the latest. With interrupts off.
pub(crate) fn within_tick(millis: u32) -> (u32, u32) {
    let mut left = SYST::get_current();
    let uncounted = SCB::is_pendst_pending();
    if uncounted {
        // The tick may have come after the first look.
        left = SYST::get_current();
    }
    // The timer counts down, and zero, not the reload value, is the first moment of a tick.
    let passed = if left == 0 { 0 } else { ticks_in(millis).saturating_sub(left) };
    (u32::from(uncounted), passed * 2 / TICKS_IN_2_MICROS)
}

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

#[cortex_m_rt::exception]
fn SysTick() {
    crate::ticks::count_tick();
}
