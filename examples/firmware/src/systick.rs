//! The timer that every Cortex-M has, as the source of the board's tick.

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};

use crate::this::HZ;

/// Whole for every board here.
const TICKS_IN_2_MICROS: u32 = HZ / 500_000;

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
    // The timer counts down, and zero, not the reload value, is the first moment of a tick. Where ticks can come late, as
    // in an emulator that keeps real time, it is also what the timer shows until they come.
    let left = if left == 0 && !uncounted { 1 } else { left };
    let passed = if left == 0 { 0 } else { ticks_in(millis).saturating_sub(left) };
    (u32::from(uncounted), passed * 2 / TICKS_IN_2_MICROS)
}

#[cortex_m_rt::exception]
fn SysTick() {
    crate::ticks::count_tick();
}
