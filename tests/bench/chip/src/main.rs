//! Every case of `tests/bench`, run on a chip with a mark between the runs, for whoever counts instructions from outside.
//!
//! ```text
//! mark  limiter FEW  mark  limiter MANY  mark  empty FEW  mark  empty MANY  mark  next case ...
//! ```
//! Before a case runs, its line is printed; the first line says how many checks MANY has more than FEW.

#![no_std]
#![no_main]

use core::arch::asm;
use core::fmt::{self, Write};
use core::hint::black_box;
use core::panic::PanicInfo;

use tollgate_bench::cases::CASES;

const FEW: u64 = 4;
const MANY: u64 = 8;

/// What an emulator looks for in the sequence of instructions.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tollgate_mark() {
    // SAFETY: does nothing, in a way that the compiler cannot see.
    unsafe { asm!("nop") }
}

/// Where the chip starts.
#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let _ = writeln!(Console, "{}", MANY - FEW);
    for case in &CASES {
        let _ = writeln!(Console, "{case}");
        let mut right = true;
        for (empty, checks) in [(false, FEW), (false, MANY), (true, FEW), (true, MANY)] {
            let (run, empty, checks) = black_box((case.run, empty, checks));
            tollgate_mark();
            right &= run(empty, checks);
            tollgate_mark();
        }
        if !right {
            let _ = writeln!(Console, "answered otherwise than the case says");
            exit(false);
        }
    }
    exit(true)
}

/// The debugger's console (semihosting), a piece of text at a time.
struct Console;

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

fn exit(well: bool) -> ! {
    // The reasons: the application has ended, or a run-time error of an unknown kind.
    ask_debugger(0x18, if well { 0x2_0026 } else { 0x2_0023 });
    loop {
        core::hint::spin_loop();
    }
}

fn ask_debugger(operation: usize, argument: usize) {
    // SAFETY: 0x04 reads a text that ends with a zero at its argument, which every caller of it has there; 0x18 takes a
    // number.
    unsafe { asm!("bkpt 0xAB", inout("r0") operation => _, in("r1") argument) }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(false)
}
