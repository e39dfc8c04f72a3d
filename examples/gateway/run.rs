//! What happened in a run, as the client saw it.

use std::collections::BTreeMap;

use serde::Serialize;
use tollgate::{Advice, Decision, Duration, Instant, Outcome, Reason, Verdict};

use crate::api::Answer;
use crate::jobs::Priority;
use crate::purse::Spent;
use crate::queue::Turn;

/// What became of a request: for the counts and the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    Accepted,
    /// Too fast, or too many tasks.
    Throttled,
    /// An error, or no answer: started or not?
    Unclear,
    /// The job is given up.
    Final,
}

/// A request: counted here from `reserved` until a minute after `committed`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) job: u64,
    #[serde(rename = "reserved_us")]
    pub(crate) reserved: Instant,
    #[serde(rename = "committed_us")]
    pub(crate) committed: Instant,
    #[serde(rename = "outcome")]
    pub(crate) fate: Fate,
    #[serde(skip)]
    pub(crate) outcome: Outcome,
    #[serde(skip)]
    pub(crate) advice: Advice,
    /// What the server wrote, and what it calls that.
    #[serde(skip)]
    pub(crate) wrote: String,
    #[serde(skip)]
    pub(crate) label: String,
}

impl Sent {
    pub(crate) fn new(job: u64, reserved: Instant, committed: Instant, answer: &Answer, advice: Advice) -> Self {
        let fate = match (answer.outcome, advice.decision) {
            _ if answer.ready_in.is_some() => Fate::Accepted,
            (_, Decision::GiveUp(Reason::MaybeRunning)) => Fate::Unclear,
            (_, Decision::Done | Decision::GiveUp(_)) => Fate::Final,
            (Outcome::Answered { verdict: Verdict::Soft | Verdict::Blind | Verdict::Concurrency, .. }, _) => {
                Fate::Throttled
            }
            _ => Fate::Unclear,
        };
        let (wrote, label) = (answer.wrote.clone(), answer.label.clone());
        Self { job, reserved, committed, fate, outcome: answer.outcome, advice, wrote, label }
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
    /// When nothing was sent because the server said so.
    pub(crate) closed: Vec<(Instant, Instant)>,
    /// Videos that are made.
    pub(crate) done: usize,
    /// Jobs that never will be, and why.
    pub(crate) failed: Vec<(u64, String)>,
    pub(crate) retried: u32,
    /// How often the rate, the minute, the slots and the money were in a request's way.
    pub(crate) refused: [u32; 4],
    pub(crate) waited: Duration,
    pub(crate) waited_most: Duration,
    pub(crate) peak_permille: u32,
    pub(crate) peak_slots: u64,
    /// What was spent by our books, by project and in total, and the jobs whose money is still set aside: none.
    pub(crate) spent: BTreeMap<String, Spent>,
    pub(crate) held_back: usize,
    pub(crate) alerts: Vec<String>,
    pub(crate) end: Instant,
}

impl Run {
    /// A request goes at `now` that was ready at `ready`.
    pub(crate) fn admitted(&mut self, now: Instant, ready: Instant) {
        let wait = now.saturating_since(ready);
        self.waited = self.waited.saturating_add(wait);
        self.waited_most = self.waited_most.max(wait);
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.requests.iter().filter(|sent| sent.fate == fate).count()
    }
}
