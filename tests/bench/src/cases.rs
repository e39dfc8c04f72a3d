//! The rows: which question is asked, in which state, and what it should cost. The same on the host and on the chips.

use core::fmt;
use core::hint::black_box;

use tollgate::{Backoff, Duration, Entropy, History, Instant, Jitter, Policy, Quota, Start};
use tollgate::{TokenBucket, WhenFull, Window, WindowLog, WindowSlices};

use crate::{Exchange, Retries, backoff_next, feedback_of_lines, nothing, response};
use crate::{token_bucket_allow, token_bucket_retry, window_log_allow, window_slices_allow};

/// What a row should cost at most, and what would be splendid.
pub type Goal = Option<(u32, u32)>;

/// A row of instructions to count.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is asked.
    pub limiter: &'static str,
    /// What the answer is.
    pub name: &'static str,
    /// Of how many things the figure is the cost of one: bytes of a response.
    pub parts: u32,
    /// On this machine.
    pub host: Goal,
    /// On a Cortex-M3.
    pub m3: Goal,
    /// On a Cortex-M0.
    pub m0: Goal,
    /// Runs so many checks, around nothing if `empty`; whether the last one was answered as the case says.
    pub run: fn(empty: bool, checks: u64) -> bool,
}

impl fmt::Display for Case {
    /// The row as both programs list it: tab separated, the goals for the host and the two chips.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limiter, name, parts, .. } = self;
        write!(f, "{limiter}\t{name}\t{parts}")?;
        for goal in [self.host, self.m3, self.m0] {
            match goal {
                Some((target, stretch)) => write!(f, "\t{target}\t{stretch}")?,
                None => write!(f, "\t\t")?,
            }
        }
        Ok(())
    }
}

const BUCKET: &str = "TokenBucket";

/// Every row, in the sequence of the tables.
pub static CASES: [Case; 10] = [
    Case {
        limiter: BUCKET,
        name: "burst",
        parts: 1,
        host: Some((20, 14)),
        m3: Some((30, 18)),
        m0: Some((47, 25)),
        run: |empty, checks| drive(bucket(Start::Full), empty, token_bucket_allow, Duration::ZERO, checks, |_, ok| ok),
    },
    Case {
        limiter: BUCKET,
        name: "refill",
        parts: 1,
        host: Some((20, 14)),
        m3: Some((30, 24)),
        m0: Some((60, 40)),
        run: |empty, checks| drive(bucket(Start::Empty), empty, token_bucket_allow, INTERVAL, checks, |_, ok| ok),
    },
    Case {
        limiter: BUCKET,
        name: "refuse",
        parts: 1,
        host: Some((14, 12)),
        m3: Some((27, 20)),
        m0: Some((42, 30)),
        run: |empty, checks| {
            drive(bucket(Start::Empty), empty, token_bucket_allow, Duration::ZERO, checks, |_, ok| !ok)
        },
    },
    Case {
        limiter: BUCKET,
        name: "refuse + retry time",
        parts: 1,
        host: Some((37, 30)),
        m3: Some((250, 40)),
        m0: Some((500, 70)),
        run: |empty, checks| {
            let right = |_: &_, at| at == BEGIN.saturating_add(INTERVAL);
            drive(bucket(Start::Empty), empty, token_bucket_retry, Duration::ZERO, checks, right)
        },
    },
    Case {
        limiter: "WindowSlices<60>",
        name: "grant",
        parts: 1,
        host: None,
        m3: Some((100, 50)),
        m0: None,
        run: |empty, checks| drive(slices(), empty, window_slices_allow, Duration::ZERO, checks, |_, ok| ok),
    },
    Case {
        limiter: "WindowSlices<60>",
        name: "grant, each in a new slice",
        parts: 1,
        host: None,
        m3: Some((100, 50)),
        m0: None,
        run: |empty, checks| drive(slices(), empty, window_slices_allow, SECOND, checks, |_, ok| ok),
    },
    Case {
        limiter: "WindowLog<16>",
        name: "grant",
        parts: 1,
        host: None,
        m3: None,
        m0: None,
        // Fifteen in the window, and one leaves whenever one comes.
        run: |empty, checks| drive(log(), empty, window_log_allow, Duration::from_secs(4), checks, |_, ok| ok),
    },
    Case {
        limiter: "Backoff",
        name: "next with jitter",
        parts: 1,
        host: Some((57, 25)),
        m3: Some((100, 40)),
        m0: None,
        run: |empty, checks| drive(retries(), empty, backoff_next, Duration::ZERO, checks, |_, delay| delay.is_some()),
    },
    Case {
        limiter: "Feedback",
        name: "a byte of a typical response's headers",
        parts: response::BYTES,
        host: None,
        m3: Some((40, 20)),
        m0: Some((40, 20)),
        run: |empty, checks| {
            let exchange = Exchange { lines: black_box(&response::LINES), feedback: None };
            drive(exchange, empty, feedback_of_lines, Duration::ZERO, checks, |exchange, _| is_read(exchange))
        },
    },
    Case {
        limiter: "Feedback",
        name: "a byte of headers without a limit",
        parts: response::BYTES_OF_A_SUCCESS,
        host: None,
        m3: Some((40, 20)),
        m0: Some((40, 20)),
        run: |empty, checks| {
            let exchange = Exchange { lines: black_box(response::success()), feedback: None };
            let right = |exchange: &Exchange, _| exchange.feedback.is_some_and(|read| read.binding().is_none());
            drive(exchange, empty, feedback_of_lines, Duration::ZERO, checks, right)
        },
    },
];

const BEGIN: Instant = Instant::from_secs(1_000);
const SECOND: Duration = Duration::from_secs(1);

/// 1000 a second, one unit every millisecond.
const INTERVAL: Duration = Duration::from_millis(1);
const QUOTA: Quota = tollgate::valid!(Quota::new_with_burst(1_000, SECOND, 4_000_000));
const MINUTE: Window = tollgate::valid!(Window::new(4_000_000, Duration::from_mins(1)));
const DOUBLING: Policy = tollgate::valid!(Policy::new(SECOND, Duration::from_mins(1))).with_retries(u32::MAX);
const SPREAD: Policy = tollgate::valid!(DOUBLING.with_jitter(Jitter::Full));

fn bucket(start: Start) -> TokenBucket {
    TokenBucket::new(black_box(QUOTA), start, BEGIN)
}

fn slices() -> WindowSlices<60> {
    // A minute has sixty seconds.
    WindowSlices::new(black_box(MINUTE), History::Empty, BEGIN)
        .unwrap_or_else(|_| unreachable!("a minute divides by sixty"))
}

fn log() -> WindowLog<16> {
    WindowLog::new(black_box(MINUTE), WhenFull::Refuse, History::Empty, BEGIN)
}

fn retries() -> Retries {
    Retries { backoff: Backoff::new(black_box(SPREAD), BEGIN), entropy: Entropy::of_device(black_box(7)) }
}

/// Two named limits and the plain one, the delay, and nothing wrong.
fn is_read(exchange: &Exchange) -> bool {
    exchange.feedback.is_some_and(|read| {
        let seconds = Some(Duration::from_secs(17));
        read.buckets().count() == 3 && read.gate() == seconds && read.faults().is_empty()
    })
}

/// Asks through a pointer that the compiler cannot see through, with a clock that moves by `step` between the checks.
fn drive<L, A: Copy + Default>(
    mut limiter: L,
    empty: bool,
    ask: fn(&mut L, Instant) -> A,
    step: Duration,
    checks: u64,
    right: fn(&L, A) -> bool,
) -> bool {
    let ask = black_box(if empty { nothing } else { ask });
    let step = black_box(step);
    let mut now = BEGIN;
    let mut last = A::default();
    for _ in 0..checks {
        now = now.saturating_add(step);
        last = black_box(ask(&mut limiter, now));
    }
    empty || right(&limiter, last)
}
