//! What a server says: all header lines of a response, read to the end.

use core::hint::black_box;

use tollgate::headers::{Feedback, FeedbackReader};
use tollgate::{Duration, Instant};

use crate::case::{Case, drive};
use crate::response;

/// The header lines of a response, and what they said.
#[derive(Clone, Debug)]
pub struct Exchange {
    lines: &'static [(&'static [u8], &'static [u8])],
    feedback: Option<Feedback>,
}

impl Exchange {
    /// A response that is not read yet.
    pub const fn new(lines: &'static [(&'static [u8], &'static [u8])]) -> Self {
        Self { lines, feedback: None }
    }
}

/// All header lines of a response, one after the other, to the end.
#[inline(never)]
pub fn feedback_of_lines(exchange: &mut Exchange, _now: Instant) -> bool {
    let mut reader = FeedbackReader::new();
    for (name, value) in exchange.lines {
        reader.line(name, value);
    }
    exchange.feedback = Some(reader.finish(429, None));
    true
}

/// The rows.
pub static CASES: [Case; 2] = [
    Case {
        parts: response::BYTES,
        goals: [None, Some((40, 20)), Some((40, 20))],
        ..Case::new("Feedback", "a byte of a typical response's headers", |run| {
            let exchange = Exchange::new(black_box(&response::LINES));
            drive(exchange, feedback_of_lines, Duration::ZERO, run, |exchange, _| is_read(exchange))
        })
    },
    Case {
        parts: response::BYTES_OF_A_SUCCESS,
        goals: [None, Some((40, 20)), Some((40, 20))],
        ..Case::new("Feedback", "a byte of headers without a limit", |run| {
            let exchange = Exchange::new(black_box(response::success()));
            let right = |exchange: &Exchange, _| exchange.feedback.is_some_and(|read| read.binding().is_none());
            drive(exchange, feedback_of_lines, Duration::ZERO, run, right)
        })
    },
];

/// Two named limits and the plain one, the delay, and nothing wrong.
fn is_read(exchange: &Exchange) -> bool {
    exchange.feedback.is_some_and(|read| {
        let seconds = Some(Duration::from_secs(17));
        read.buckets().count() == 3 && read.gate() == seconds && read.faults().is_empty()
    })
}
