//! Firmware for a bare chip: where it starts, what it says through the debugger, how it ends, and its stack.
//!
//! Two kinds of binaries use it: `tollgate-chip` runs every case of `tests/bench`; those in `src/bin` are linked, measured
//! and never run.

#![no_std]

use core::arch::{asm, global_asm};
use core::fmt;
use core::hint::black_box;
use core::panic::PanicInfo;

use tollgate::Instant;

#[cfg(target_arch = "arm")]
global_asm!(".section .start, \"a\"", ".word _stack_start", ".word reset");

#[cfg(target_arch = "riscv32")]
global_asm!(".section .start, \"ax\"", ".global _start", "_start:", "la sp, _stack_start", "j reset");

/// What an emulator looks for in the sequence of instructions.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tollgate_mark() {
    // SAFETY: does nothing, in a way that the compiler cannot see.
    unsafe { asm!("nop") }
}

/// The debugger's console (semihosting), a piece of text at a time.
#[derive(Clone, Copy, Debug)]
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.as_bytes().chunks(63) {
            let mut line = [0u8; 64];
            for (place, byte) in line.iter_mut().zip(piece) {
                *place = *byte;
            }
            ask_debugger(0x04, line.as_ptr() as usize);
        }
        Ok(())
    }
}

/// Ends the run; the emulator fails unless all went well.
pub fn exit(well: bool) -> ! {
    // The reasons: the application has ended, or a run-time error of an unknown kind.
    ask_debugger(0x18, if well { 0x2_0026 } else { 0x2_0023 });
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(target_arch = "arm")]
fn ask_debugger(operation: usize, argument: usize) {
    // SAFETY: 0x04 reads a text that ends with a zero at its argument, which every caller of it has there; 0x18 takes a
    // number.
    unsafe { asm!("bkpt 0xAB", inout("r0") operation => _, in("r1") argument) }
}

#[cfg(target_arch = "riscv32")]
fn ask_debugger(operation: usize, argument: usize) {
    // SAFETY: as above. The three instructions are the mark by which a debugger knows its call, so that they stand
    // together and uncompressed.
    unsafe {
        asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => _,
            in("a1") argument,
        );
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(false)
}

/// The part of the stack that is painted: more than any question takes, which is checked.
const PAINTED: usize = 6 * 1_024;
const PAINT: u32 = 0xC0FF_EE11;

/// Bytes of stack that `check` takes: what lies below us is painted, and then one looks where the paint is gone.
#[inline(never)]
pub fn stack_of(check: &mut dyn FnMut()) -> usize {
    let top = stack_pointer() - 64;
    let bottom = (top - PAINTED).max(lowest());
    for place in (bottom..top).step_by(4) {
        // SAFETY: memory below the stack pointer and this function's own frame, which nobody uses while it runs.
        unsafe { (place as *mut u32).write_volatile(PAINT) }
    }
    check();
    // SAFETY: as above.
    let touched = (bottom..top).step_by(4).find(|place| unsafe { (*place as *const u32).read_volatile() } != PAINT);
    let lowest = touched.unwrap_or(top);
    if lowest == bottom {
        // It may have taken more.
        exit(false);
    }
    top - lowest
}

fn stack_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!("mov {0}, sp", out(reg) pointer, options(nomem, nostack));
        #[cfg(target_arch = "riscv32")]
        asm!("mv {0}, sp", out(reg) pointer, options(nomem, nostack));
    }
    pointer & !3
}

fn lowest() -> usize {
    unsafe extern "C" {
        static _stack_end: u8;
    }
    (&raw const _stack_end) as usize
}

/// Runs `ask` for ever on what `start` has made, with nothing known about the time: firmware with one limiter and nothing
/// else. The same around `()` is what the limiter is compared with.
#[inline(always)]
pub fn firmware<L, A>(start: impl FnOnce(Instant) -> L, ask: impl Fn(&mut L, Instant) -> A) -> ! {
    let now = || black_box(Instant::ORIGIN);
    any_firmware();
    let mut limiter = start(now());
    loop {
        black_box(ask(&mut limiter, now()));
    }
}

/// What any firmware has: the compiler's routines that copy, move and clear memory, for each alignment.
#[inline(never)]
fn any_firmware() {
    fn of<T: Copy>(memory: &mut [T], zero: T) {
        let places = black_box(1);
        if let Some((left, right)) = memory.split_at_mut_checked(places) {
            left.copy_from_slice(right);
            black_box(&mut *left).fill(zero);
        }
        memory.copy_within(..places, black_box(0));
        black_box(memory);
    }
    of(&mut black_box([0u8; 2]), 0);
    of(&mut black_box([0u32; 2]), 0);
    of(&mut black_box([0u64; 2]), 0);
    of(&mut black_box([7u8; 2]), black_box(7));
}

/// A configuration that is a constant; with the feature `run-time` one that nothing is known about, and that is checked
/// on the chip.
#[inline(always)]
pub fn config<T>(constant: T, at_run_time: impl FnOnce() -> Option<T>) -> T {
    if !cfg!(feature = "run-time") {
        return constant;
    }
    match at_run_time() {
        Some(config) => config,
        // Whoever has it from elsewhere sees that it is wrong, and does nothing more.
        None => loop {
            core::hint::spin_loop();
        },
    }
}

/// A flash that nothing is known about.
#[derive(Debug)]
pub struct Flash;

impl embedded_storage::nor_flash::ErrorType for Flash {
    type Error = embedded_storage::nor_flash::NorFlashErrorKind;
}

impl embedded_storage::nor_flash::ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    #[inline(never)]
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        black_box((offset, bytes, Ok(()))).2
    }

    fn capacity(&self) -> usize {
        8_192
    }
}

impl embedded_storage::nor_flash::NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4_096;

    #[inline(never)]
    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        black_box((from, to, Ok(()))).2
    }

    #[inline(never)]
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        black_box((offset, bytes, Ok(()))).2
    }
}
