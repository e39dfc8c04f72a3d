//! Every case on this machine, with a mark around each run, for callgrind to count instructions between the marks.
//!
//! What it prints, tab separated: `case`, the number of checks, and the case's line.

use std::hint::black_box;
use std::process::ExitCode;

use tollgate_bench::case::counted;
use tollgate_bench::cases;

/// On a state that goes on; a multiple of sixty, so that slices are turned over alike.
const FEW: u32 = 1_200;
/// Of a response's bytes, and on a state that is built for each check.
const FEW_OF_MANY: u32 = 2;

/// What callgrind looks for.
#[inline(never)]
fn mark() {
    black_box(());
}

fn main() -> ExitCode {
    for case in cases() {
        let few = if case.anew || case.parts > 1 { FEW_OF_MANY } else { FEW };
        println!("case\t{few}\t{case}");
        if !counted(case, few, mark) {
            eprintln!("answered otherwise than the case says");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
