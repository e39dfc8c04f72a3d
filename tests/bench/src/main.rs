//! The loops that `cargo xtask size` counts instructions in.
//!
//! ```text
//! tollgate-bench list                            one line per figure, tab separated
//! tollgate-bench limiter TokenBucket burst 1000000   a million checks
//! tollgate-bench empty   TokenBucket burst 1000000   the same loop around nothing
//! ```

use std::hint::black_box;
use std::process::ExitCode;

use tollgate::{Duration, Instant, Quota, Reservation, Start, TokenBucket};
use tollgate_bench::{nothing, token_bucket_allow, token_bucket_retry};

/// A row of instructions to count.
struct Case {
    limiter: &'static str,
    name: &'static str,
    /// What it should cost at most, and what would be splendid.
    goal: (u32, u32),
    /// Runs so many checks, around nothing if `empty`; whether every one was answered as the case says.
    run: fn(empty: bool, checks: u64) -> bool,
}

/// A row of bytes.
struct Size {
    name: &'static str,
    bytes: usize,
    goal: Option<(u32, u32)>,
}

/// 1000 a second, one unit every millisecond.
const INTERVAL: Duration = Duration::from_millis(1);
const QUOTA: Quota = tollgate::valid!(Quota::new_with_burst(1_000, Duration::from_secs(1), 4_000_000));

const CASES: [Case; 4] = [
    Case {
        limiter: "TokenBucket",
        name: "burst",
        goal: (20, 14),
        run: |empty, checks| drive(bucket(Start::Full), empty, token_bucket_allow, Duration::ZERO, checks, |ok| ok),
    },
    Case {
        limiter: "TokenBucket",
        name: "refill",
        goal: (20, 14),
        run: |empty, checks| drive(bucket(Start::Empty), empty, token_bucket_allow, INTERVAL, checks, |ok| ok),
    },
    Case {
        limiter: "TokenBucket",
        name: "refuse",
        goal: (14, 12),
        run: |empty, checks| drive(bucket(Start::Empty), empty, token_bucket_allow, Duration::ZERO, checks, |ok| !ok),
    },
    Case {
        limiter: "TokenBucket",
        name: "refuse + retry time",
        goal: (37, 30),
        run: |empty, checks| {
            let right = |at| at == BEGIN.saturating_add(INTERVAL);
            drive(bucket(Start::Empty), empty, token_bucket_retry, Duration::ZERO, checks, right)
        },
    },
];

const SIZES: [Size; 3] = [
    Size { name: "TokenBucket", bytes: size_of::<TokenBucket>(), goal: Some((48, 40)) },
    Size { name: "Quota", bytes: size_of::<Quota>(), goal: None },
    Size { name: "Reservation", bytes: size_of::<Reservation>(), goal: None },
];

const BEGIN: Instant = Instant::from_secs(1_000);

fn bucket(start: Start) -> TokenBucket {
    TokenBucket::new(black_box(QUOTA), start, BEGIN)
}

/// Asks through a pointer that the compiler cannot see through, with a clock that moves by `step` between the checks.
fn drive<L, A: Copy + Default>(
    mut limiter: L,
    empty: bool,
    ask: fn(&mut L, Instant) -> A,
    step: Duration,
    checks: u64,
    right: fn(A) -> bool,
) -> bool {
    let ask = black_box(if empty { nothing } else { ask });
    let step = black_box(step);
    let mut now = BEGIN;
    let mut last = A::default();
    for _ in 0..checks {
        now = now.saturating_add(step);
        last = black_box(ask(&mut limiter, now));
    }
    empty || right(last)
}

fn list() {
    for Case { limiter, name, goal: (target, stretch), .. } in CASES {
        println!("instructions\t{limiter}\t{name}\t{target}\t{stretch}");
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
