//! The end of a run: a table for people, a JSON file for programs.

use std::fmt;
use std::time::Duration as Real;

use serde_json::{Value, json};
use tollgate::{AccountId, Binding, Duration};

use crate::bill::Bill;
use crate::books::Books;
use crate::plan::Plan;
use crate::run::{Attempt, Fate, Run};
use crate::understood::Understood;

/// A finished run and what the server's books say about it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) seed: u64,
    pub(crate) speed: u32,
    pub(crate) jobs: usize,
    pub(crate) run: Run,
    pub(crate) books: Books,
    pub(crate) bill: Bill,
    pub(crate) real: Real,
    /// Whether another run was cut short before this one.
    pub(crate) resumed: bool,
}

impl Report {
    /// The rows of the table: what, how many, and a word on it.
    fn rows(&self) -> Vec<(&'static str, String, String)> {
        let (run, books, plan) = (&self.run, &self.books, self.plan);
        let since = if self.resumed { "since this start; in all, " } else { "" };
        let failed = run.failed().count();
        let done = run.ended.len() - failed;
        let count = |fate| run.count(fate).to_string();
        let [rate, minute, slots, money, closed] = self.held_back();
        let (waited, waited_most) = run.waited();
        let limits = format!("plan \"{}\": {} in any minute", plan.name, plan.per_minute);
        vec![
            ("jobs", self.jobs.to_string(), format!("{done} done, {failed} failed for good")),
            ("sent", run.requests.len().to_string(), format!("{since}the server counted {}", books.arrivals.len())),
            ("accepted", count(Fate::Accepted), String::new()),
            ("throttled", count(Fate::Throttled), "too fast, or too many tasks".into()),
            ("unclear", count(Fate::Unclear), "5xx; sent again by its name, with the slot that it has".into()),
            ("retried", run.retried().to_string(), String::new()),
            ("failed for good", failed.to_string(), "see below".into()),
            (
                "held back",
                (rate + minute + slots + money + closed).to_string(),
                format!("rate {rate}, minute {minute}, slots {slots}, money {money}, by the server {closed}"),
            ),
            ("waited", seconds(waited), "all jobs together".into()),
            ("waited at most", seconds(waited_most), "one job for its turn".into()),
            ("peak of the minute", format!("{} \u{2030}", run.peak_permille), limits),
            ("  server's peak", books.peak_requests.to_string(), "requests in one minute".into()),
            ("peak of the slots", run.peak_slots.to_string(), format!("plan: {} at once", plan.concurrent)),
            ("  server's peak", books.peak_tasks.to_string(), "tasks at once".into()),
            (
                "violations",
                books.violations().to_string(),
                format!("by the server's books: {} too fast, {} too many", books.too_fast, books.too_many),
            ),
            ("virtual time", seconds(run.end.saturating_since(tollgate::Instant::ORIGIN)), String::new()),
            ("real time", format!("{:.1} s", self.real.as_secs_f64()), format!("clock at {} x", self.speed)),
        ]
    }

    /// How often the rate, the minute, the slots, the money and the server's word were in a request's way.
    fn held_back(&self) -> [u32; 5] {
        let money = Binding::Money(AccountId(0));
        let limits = [Binding::Requests, Binding::Window, Binding::Slots, money, Binding::Block];
        limits.map(|limit| self.run.refused.map_or(0, |counters| counters.refused(limit)))
    }

    /// Whether the server charges what our books say, to the millionth, and nothing is set aside any more.
    pub(crate) fn bill_agrees(&self) -> bool {
        let billed = |name: &String| self.bill.by_project.get(name).copied().unwrap_or_default();
        let same = self.run.spent.iter().all(|(name, spent)| *spent == billed(name));
        same && self.run.held_back == 0 && self.bill.by_project.keys().all(|name| self.run.spent.contains_key(name))
    }

    fn compare(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<20}{:>16}{:>16}{:>16}{:>16}", "money", "our credits", "billed", "our dollars", "billed")?;
        for (name, ours) in &self.run.spent {
            let theirs = self.bill.by_project.get(name).copied().unwrap_or_default();
            let name = if name.is_empty() { "all" } else { name };
            let [ours_c, bill_c, ours_d, bill_d] = [ours.credits, theirs.credits, ours.dollars, theirs.dollars]
                .map(|micros| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
            writeln!(f, "{name:<20}{ours_c:>16}{bill_c:>16}{ours_d:>16}{bill_d:>16}")?;
        }
        let verdict = if self.bill_agrees() { "the two agree to the millionth" } else { "THE TWO DIFFER" };
        writeln!(f, "{:<20}{verdict}; {} jobs still hold money", "", self.run.held_back)
    }

    /// The report for programs. Stamps are in virtual microseconds.
    pub(crate) fn json(&self) -> Value {
        let run = &self.run;
        let [rate, minute, slots, money, closed] = self.held_back();
        let (waited, waited_most) = run.waited();
        let requests = run.requests.iter().map(|request| {
            let Attempt { job, sent, answered, .. } = request;
            json!({ "job": job, "reserved_us": sent, "committed_us": answered, "outcome": request.fate() })
        });
        json!({
            "plan": { "name": self.plan.name, "per_minute": self.plan.per_minute, "concurrent": self.plan.concurrent },
            "seed": self.seed,
            "speed": self.speed,
            "jobs": self.jobs,
            "done": run.ended.len() - run.failed().count(),
            "sent": run.requests.len(),
            "accepted": run.count(Fate::Accepted),
            "throttled": run.count(Fate::Throttled),
            "unclear": run.count(Fate::Unclear),
            "retried": run.retried(),
            "refusals": Understood::of(run).iter().map(Understood::json).collect::<Vec<_>>(),
            "failed": run.failed().map(|(id, why)| json!({ "job": id, "why": why })).collect::<Vec<_>>(),
            "held_back": { "rate": rate, "minute": minute, "slots": slots, "money": money, "server": closed },
            "spent": run.spent,
            "bill": self.bill.by_project,
            "bill_agrees": self.bill_agrees(),
            "alerts": run.alerts,
            "waited_us": waited,
            "waited_most_us": waited_most,
            "peak_minute_permille": run.peak_permille,
            "peak_slots": run.peak_slots,
            "violations": self.books.violations(),
            "virtual_us": run.end,
            "real_ms": u64::try_from(self.real.as_millis()).unwrap_or(u64::MAX),
            "requests": requests.collect::<Vec<_>>(),
            "server": self.books,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value, remark) in self.rows() {
            let line = format!("{name:<20}{value:>10}   {remark}");
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "\nfailed for good")?;
        for (job, why) in self.run.failed() {
            writeln!(f, "  job {job:<4} {why}")?;
        }
        writeln!(f, "\nbudget alerts, each told once")?;
        self.run.alerts.iter().try_for_each(|alert| writeln!(f, "  {alert}"))?;
        self.compare(f)?;
        writeln!(f, "\nrefusals understood\n{}", Understood::HEAD)?;
        Understood::of(&self.run).iter().try_for_each(|row| writeln!(f, "{row}"))?;
        writeln!(f)
    }
}

pub(crate) fn seconds(span: Duration) -> String {
    let tenths = span.as_millis() / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}
