//! Every case of `tests/bench`, run on a chip with a mark around each run, for whoever counts instructions from outside.
//!
//! What it prints, tab separated: `bytes`, a name, a size and its goals; `case`, the number of checks and the case's line;
//! `stack` and the bytes of the case before.

#![no_std]
#![no_main]

use core::fmt::Write;

use tollgate_bench::case::{Case, Probe, Run, counted};
use tollgate_bench::cases;
use tollgate_bench::memory::SIZES;
use tollgate_chip::{Console, exit, stack_of, tollgate_mark};

/// On a state that goes on, and on one that is built for each check.
const FEW: u32 = 4;
const FEW_ANEW: u32 = 1;

/// Whether the board has memory for large states: all but the smallest core, which is known by what it cannot do.
const IS_LARGE: bool = !cfg!(target_arch = "arm") || cfg!(target_has_atomic = "32");

/// Where the chip starts.
#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    for size in &SIZES {
        let _ = writeln!(Console, "{size}");
    }
    for case in cases().filter(|case| IS_LARGE || !case.large) {
        let few = if case.anew { FEW_ANEW } else { FEW };
        let _ = writeln!(Console, "case\t{few}\t{case}");
        if !counted(case, few, || tollgate_mark()) {
            let _ = writeln!(Console, "answered otherwise than the case says");
            exit(false);
        }
        let _ = writeln!(Console, "stack\t{}", painted(case, few, false).saturating_sub(painted(case, few, true)));
    }
    exit(true)
}

/// The most stack that a check takes.
#[inline(never)]
fn painted(case: &Case, checks: u32, empty: bool) -> usize {
    let mut deepest = Deepest(0);
    (case.run)(Run { empty, checks, probe: Some(&mut deepest) });
    deepest.0
}

struct Deepest(usize);

impl Probe for Deepest {
    fn around(&mut self, check: &mut dyn FnMut()) {
        self.0 = self.0.max(stack_of(check));
    }
}
