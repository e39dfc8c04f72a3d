//! What happened in a run, as the client saw it.

use std::collections::BTreeMap;

use serde::Serialize;
use tollgate::{Answer, Counters, Duration, Instant, JobId, Outcome, Verdict};

use crate::api::Reply;
use crate::jobs::Priority;
use crate::limits::{Gate, Order};
use crate::money::Spent;

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

/// What the gate holds everybody to, before or after an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) blocked: Option<Instant>,
    /// Requests in a minute, and tasks at once.
    pub(crate) rate: u32,
    pub(crate) tasks: u32,
}

impl Standing {
    pub(crate) fn of(gate: &Gate, now: Instant) -> Self {
        let rate = gate.limits().adaptation.rate.map_or(0, |(rate, _)| rate.value());
        Self { blocked: gate.status(now).blocked, rate, tasks: gate.slots() }
    }
}

/// A request: counted here from `sent` until a minute after `answered`.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) job: u64,
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
    pub(crate) reply: Reply,
    pub(crate) answer: Answer,
    pub(crate) before: Standing,
    pub(crate) after: Standing,
}

impl Attempt {
    pub(crate) const fn fate(&self) -> Fate {
        use Verdict::{Blind, Concurrency, Soft};
        match (self.answer, self.reply.outcome) {
            (Answer::Accepted | Answer::Finished, _) => Fate::Accepted,
            (Answer::Done | Answer::GiveUp(_), _) => Fate::Final,
            (_, Outcome::Answered { verdict: Soft | Blind | Concurrency, .. }) => Fate::Throttled,
            _ => Fate::Unclear,
        }
    }

    /// Until when nothing is sent because of this answer.
    pub(crate) fn closed_until(&self) -> Option<Instant> {
        self.after.blocked.filter(|_| self.after.blocked > self.before.blocked)
    }

    /// When the job is to be sent again.
    const fn again(&self) -> Option<Instant> {
        match self.answer {
            Answer::RetryAt(at) | Answer::RetryOnRelease { not_before: at } => Some(at),
            _ => None,
        }
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

/// Everything that a report needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) requests: Vec<Attempt>,
    pub(crate) held: Vec<Held>,
    /// When nothing was sent because the server said so.
    pub(crate) closed: Vec<(Instant, Instant)>,
    /// All jobs, and why those failed that did.
    pub(crate) ended: BTreeMap<u64, Option<String>>,
    /// What was in a request's way.
    pub(crate) refused: Option<Counters>,
    pub(crate) peak_permille: u32,
    pub(crate) peak_slots: u64,
    /// What was spent by our books, by project and in total, and the jobs whose money is still set aside: none.
    pub(crate) spent: BTreeMap<String, Spent>,
    pub(crate) held_back: usize,
    pub(crate) alerts: Vec<String>,
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
    /// Jobs that have their slot.
    pub(crate) slots: BTreeMap<u64, (Priority, Instant)>,
}

impl Run {
    /// A request goes at `now`.
    pub(crate) fn sending(&mut self, now: Instant, order: &Order, gate: &Gate) {
        self.peak_permille = self.peak_permille.max(gate.limits().window.usage_permille(now));
        self.peak_slots = self.peak_slots.max(gate.in_flight(now));
        self.slots.entry(order.id.0).or_insert((order.payload.job.priority, now));
    }

    pub(crate) fn answered(&mut self, attempt: Attempt) {
        let news = attempt.closed_until().map(|until| (attempt.answered, until));
        self.closed.extend(news);
        self.requests.push(attempt);
    }

    /// A job has no slot any more.
    pub(crate) fn left(&mut self, now: Instant, id: JobId) {
        let held = self.slots.remove(&id.0);
        self.held.extend(held.map(|(priority, from)| Held { job: id.0, priority, from, to: now }));
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.requests.iter().filter(|sent| sent.fate() == fate).count()
    }

    /// The jobs that will never be made, and why.
    pub(crate) fn failed(&self) -> impl Iterator<Item = (u64, &String)> {
        self.ended.iter().filter_map(|(id, why)| Some((*id, why.as_ref()?)))
    }

    pub(crate) fn retried(&self) -> usize {
        self.requests.iter().filter_map(Attempt::again).count()
    }

    /// How long requests waited that could have gone as far as their job was concerned: all together, and at most.
    pub(crate) fn waited(&self) -> (Duration, Duration) {
        let mut ready = BTreeMap::new();
        let (mut all, mut most) = (Duration::ZERO, Duration::ZERO);
        for request in &self.requests {
            let since = ready.insert(request.job, request.again().unwrap_or(Instant::MAX)).unwrap_or(self.begin);
            let wait = request.sent.saturating_since(since);
            (all, most) = (all.saturating_add(wait), most.max(wait));
        }
        (all, most)
    }
}
