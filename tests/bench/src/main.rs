//! The loops that `cargo xtask size` counts instructions in.
//!
//! ```text
//! tollgate-bench list                            one line per figure, tab separated
//! tollgate-bench limiter TokenBucket burst 1000000   a million checks
//! tollgate-bench empty   TokenBucket burst 1000000   the same loop around nothing
//! ```

use std::process::ExitCode;

use tollgate::{Quota, Reservation, TokenBucket};
use tollgate_bench::cases::{CASES, Goal};

/// A row of bytes.
struct Size {
    name: &'static str,
    bytes: usize,
    goal: Goal,
}

const SIZES: [Size; 3] = [
    Size { name: "TokenBucket", bytes: size_of::<TokenBucket>(), goal: Some((48, 40)) },
    Size { name: "Quota", bytes: size_of::<Quota>(), goal: None },
    Size { name: "Reservation", bytes: size_of::<Reservation>(), goal: None },
];

fn list() {
    for case in &CASES {
        println!("instructions\t{case}");
    }
    for Size { name, bytes, goal } in SIZES {
        let (target, stretch) = goal.map_or_else(Default::default, |(a, b)| (a.to_string(), b.to_string()));
        println!("bytes\t{name}\t{bytes}\t{target}\t{stretch}");
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => list(),
        [subject @ ("limiter" | "empty"), limiter, name, checks] => {
            let case = CASES.iter().find(|case| case.limiter == limiter && case.name == name);
            let (Some(case), Ok(checks)) = (case, checks.parse()) else {
                eprintln!("no such case: {limiter} {name}");
                return ExitCode::FAILURE;
            };
            if !(case.run)(subject == "empty", checks) {
                eprintln!("{limiter} {name}: answered otherwise than the case says");
                return ExitCode::FAILURE;
            }
        }
        _ => {
            eprintln!("usage: tollgate-bench list | (limiter | empty) LIMITER CASE CHECKS");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
