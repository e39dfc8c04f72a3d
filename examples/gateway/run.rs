//! What happened in a run, as the client saw it.

use serde::Serialize;
use tollgate::{Duration, Instant};

use crate::api::Answer;
use crate::jobs::Priority;
use crate::queue::Turn;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Accepted,
    TooFast,
    TooMany,
    Unclear,
    Rejected,
}

/// A request: counted here from `reserved` until a minute after `committed`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) job: u64,
    #[serde(rename = "reserved_us")]
    pub(crate) reserved: Instant,
    #[serde(rename = "committed_us")]
    pub(crate) committed: Instant,
    pub(crate) outcome: Outcome,
}

impl Sent {
    pub(crate) fn new(turn: &Turn, reserved: Instant, committed: Instant, answer: &Answer) -> Self {
        let outcome = match answer {
            Answer::Accepted { .. } => Outcome::Accepted,
            Answer::TooFast { .. } => Outcome::TooFast,
            Answer::TooMany => Outcome::TooMany,
            Answer::Unclear => Outcome::Unclear,
            Answer::Rejected { .. } => Outcome::Rejected,
        };
        Self { job: turn.job.id, reserved, committed, outcome }
    }
}

/// A slot, from before the request to after the end of the task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) job: u64,
    pub(crate) priority: Priority,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

impl Held {
    pub(crate) fn new(turn: &Turn, from: Instant, to: Instant) -> Self {
        Self { job: turn.job.id, priority: turn.job.priority, from, to }
    }
}

/// Everything that a report needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) requests: Vec<Sent>,
    pub(crate) held: Vec<Held>,
    /// When nothing was sent because of a 429.
    pub(crate) closed: Vec<(Instant, Instant)>,
    /// Videos that are made.
    pub(crate) done: usize,
    /// Jobs that never will be, and why.
    pub(crate) failed: Vec<(u64, String)>,
    pub(crate) retried: u32,
    /// How often the rate, the minute and the slots were what a request had to wait for.
    pub(crate) refused: [u32; 3],
    pub(crate) waited: Duration,
    pub(crate) waited_most: Duration,
    pub(crate) peak_permille: u32,
    pub(crate) peak_slots: u64,
    pub(crate) end: Instant,
}

impl Run {
    /// A request goes at `now` that was ready at `ready`.
    pub(crate) fn admitted(&mut self, now: Instant, ready: Instant) {
        let wait = now.saturating_since(ready);
        self.waited = self.waited.saturating_add(wait);
        self.waited_most = self.waited_most.max(wait);
    }

    pub(crate) fn count(&self, outcomes: &[Outcome]) -> usize {
        self.requests.iter().filter(|sent| outcomes.contains(&sent.outcome)).count()
    }
}
