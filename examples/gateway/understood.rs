//! How each refusal was understood: a row for each kind and dialect, with the first of them as the example.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use tollgate::{Answer, Duration, Instant, Outcome, Verdict};

use crate::api::Reply;
use crate::report::seconds;
use crate::run::{Attempt, Fate, Run};

/// All refusals of one kind in one dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Understood<'a> {
    count: usize,
    first: &'a Attempt,
}

impl<'a> Understood<'a> {
    pub(crate) const HEAD: &'static str = "  as the server calls it         n  for example                                   understood as            done";

    /// One row for each name that the server has for a refusal, and each way in which it was understood.
    pub(crate) fn of(run: &'a Run) -> Vec<Self> {
        let mut rows = BTreeMap::new();
        for first in run.requests.iter().filter(|sent| sent.fate() != Fate::Accepted) {
            let row = rows
                .entry((&first.reply.label, answered(&first.reply.outcome).0, verdict(&first.reply.outcome)))
                .or_insert(Self { count: 0, first });
            row.count += 1;
        }
        rows.into_values().collect()
    }

    pub(crate) fn json(&self) -> Value {
        let reply = &self.first.reply;
        let (status, wait) = answered(&reply.outcome);
        json!({
            "label": reply.label,
            "count": self.count,
            "status": status,
            "wrote": reply.wrote,
            "verdict": verdict(&reply.outcome),
            "wait_us": wait,
            "done": self.done(),
        })
    }

    /// What was done, for everybody and for the job.
    fn done(&self) -> String {
        let Attempt { answered: now, reply, answer, before, after, .. } = self.first;
        let later = |at: Instant| seconds(at.saturating_since(*now));
        let everybody = [
            self.first.closed_until().map(|until| format!("nobody for {}", later(until))),
            (after.rate < before.rate).then(|| "slower".to_owned()),
            (after.tasks < before.tasks).then(|| "fewer at once".to_owned()),
        ];
        let unclear = answered(&reply.outcome).0.is_none_or(|status| status >= 500);
        let job = match answer {
            Answer::RetryAt(at) if unclear => format!("again by its name after {}", later(*at)),
            Answer::RetryAt(at) => format!("again after {}", later(*at)),
            Answer::RetryOnRelease { .. } => "again when one has ended".to_owned(),
            _ if unclear => "asked for the task, given up".to_owned(),
            _ => "given up".to_owned(),
        };
        everybody.into_iter().flatten().chain([job]).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Understood<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reply { label, wrote, outcome, .. } = &self.first.reply;
        let (status, wait) = answered(outcome);
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        let example: Vec<char> = format!("{status} {wrote}").chars().collect();
        let example: String = match example.len() {
            // Who spoke stands at the beginning, and what it is about at the end.
            length @ 45.. => [&example[..14], &['.'; 3], &example[length - 27..]].concat().iter().collect(),
            _ => example.iter().collect(),
        };
        let mut meaning = verdict(outcome).to_owned();
        if let Some(wait) = wait {
            // A span without an end is a number that nobody wants to read.
            let wait = if wait >= Duration::from_days(1) { "over a day".to_owned() } else { seconds(wait) };
            meaning = format!("{meaning}, {wait}");
        }
        write!(f, "  {label:<28}{:>4}  {example:<44}  {meaning:<23}  {}", self.count, self.done())
    }
}

/// Status, and how long the server asked to stay back.
const fn answered(outcome: &Outcome) -> (Option<u16>, Option<Duration>) {
    match outcome {
        Outcome::Answered { status, wait, .. } => (Some(*status), *wait),
        Outcome::Failed(_) => (None, None),
    }
}

const fn verdict(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Failed(_) => "no answer",
        Outcome::Answered { verdict, .. } => match verdict {
            Verdict::Clear => "no limit hit",
            Verdict::Soft => "too fast",
            Verdict::Blind => "too fast, blind",
            Verdict::Concurrency => "too many at once",
            Verdict::HardQuota => "no more for us",
            Verdict::Overloaded => "overloaded",
        },
    }
}
