//! QEMU's `virt` machine with one 32-bit hart: RV32IMAC, or RV32IMC without atomics.

use core::cell::Cell;
use core::sync::atomic::{Ordering, compiler_fence};

use critical_section::Mutex;
use riscv::interrupt::Interrupt;
use riscv::register::{mie, mstatus};

pub use riscv_rt::entry;

/// What the board is called.
pub const NAME: &str = "riscv-virt";

/// Ticks of the machine's timer in a second.
pub const HZ: u32 = 10_000_000;
const TICKS_IN_MICRO: u32 = HZ / 1_000_000;

/// Of the interrupt controller of the core (CLINT), by the machine's memory map.
const MTIMECMP: *mut u32 = 0x0200_4000 as *mut u32;
const MTIME: *const u32 = 0x0200_BFF8 as *const u32;
/// The machine's switch: a word written here ends or restarts it.
const FINISHER: *mut u32 = 0x0010_0000 as *mut u32;
const RESTART: u32 = 0x7777;

/// The timer at the latest counted tick, and its ticks in a period.
static LATEST: Mutex<Cell<(u64, u32)>> = Mutex::new(Cell::new((0, 0)));

fn timer() -> u64 {
    loop {
        // SAFETY: the two halves of a counter that is always there; reading it changes nothing.
        let (high, low, again) =
            unsafe { (MTIME.add(1).read_volatile(), MTIME.read_volatile(), MTIME.add(1).read_volatile()) };
        // Otherwise the low half wrapped in between.
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of the register")]
fn alarm(at: u64) {
    // SAFETY: the register of the only hart. The high half is out of reach in between, so that no alarm comes early.
    unsafe {
        MTIMECMP.add(1).write_volatile(u32::MAX);
        MTIMECMP.write_volatile(at as u32);
        MTIMECMP.add(1).write_volatile((at >> 32) as u32);
    }
}

pub(crate) fn start_timer(millis: u32) {
    critical_section::with(|token| {
        let (now, period) = (timer(), millis * 1_000 * TICKS_IN_MICRO);
        LATEST.borrow(token).set((now, period));
        alarm(now + u64::from(period));
    });
    // SAFETY: the handler below is there, and no critical section is open here.
    unsafe {
        mie::set_mtimer();
        mstatus::set_mie();
    }
}

/// Ticks that the interrupt has not counted yet, and the microseconds since the latest. With interrupts off.
pub(crate) fn within_tick(_millis: u32) -> (u32, u32) {
    let (latest, period) = critical_section::with(|token| LATEST.borrow(token).get());
    if period == 0 {
        return (0, 0);
    }
    let passed = u32::try_from(timer().saturating_sub(latest)).unwrap_or(u32::MAX);
    (passed / period, passed % period / TICKS_IN_MICRO)
}

/// Sleeps until the next interrupt.
pub fn idle() {
    riscv::asm::wfi();
}

/// Starts the machine anew. What the memory map calls `RETAINED` stays as it is.
pub fn reset() -> ! {
    compiler_fence(Ordering::SeqCst);
    // SAFETY: the machine stops here, whatever it was doing.
    unsafe { FINISHER.write_volatile(RESTART) };
    loop {
        idle();
    }
}

/// One call of the debugger.
pub(crate) fn ask_debugger(operation: usize, argument: usize) -> usize {
    let answer;
    // SAFETY: the callers, all in `console`, pass operations that stay within what their argument points to. The three
    // instructions are the mark by which a debugger knows its call, so that they stand together and uncompressed.
    unsafe {
        core::arch::asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => answer,
            in("a1") argument,
            options(nostack),
        );
    }
    answer
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn machine_timer() {
    critical_section::with(|token| {
        let (latest, period) = LATEST.borrow(token).get();
        let tick = latest + u64::from(period);
        LATEST.borrow(token).set((tick, period));
        alarm(tick + u64::from(period));
    });
    crate::ticks::count_tick();
}
