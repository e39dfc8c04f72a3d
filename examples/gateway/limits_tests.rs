//! The gate against the server's books, over a network that delays every packet as it likes. No real time passes.

use std::collections::BTreeMap;

use tollgate::{Alert, Dispatcher, Entropy, Instant, JobId, Next, Outcome, Permit, Queue, Verdict};

use super::{Clip, Gate, Jobs, Order, STRICT};
use crate::books::Books;
use crate::jobs::{Job, Priority};
use crate::money::{Purse, Spent};
use crate::plan::PlanName;

const TASKS: u64 = 200;
const NOW: Instant = Instant::ORIGIN;
const OK: Outcome = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };

fn job(id: u64, model: &'static str, duration_s: u32) -> Job {
    let [project, prompt] = ["archive", "a cat"].map(str::to_owned);
    Job { id, project, priority: Priority::Low, model, duration_s, resolution: "1080p", prompt }
}

/// So many jobs that wait, all alike.
fn waiting(plan: PlanName, count: u64, model: &'static str, seconds: u32) -> (Box<Jobs<Gate>>, Purse) {
    let (purse, money) = Purse::of(&[job(0, model, seconds)], NOW).unwrap();
    let gate = super::of(plan.plan(), money, NOW, false).unwrap();
    let mut jobs = Box::new(Dispatcher::new(gate, Queue::new(STRICT)));
    for id in 0..count {
        jobs.submit(NOW, Clip::order(job(id, model, seconds), &purse, [1, 1], NOW).unwrap()).unwrap();
    }
    (jobs, purse)
}

#[derive(Debug)]
enum Event {
    /// At the server, which will be done with the task at this instant.
    Arrives(u64),
    Answered(Order, Permit),
    /// The client hears that the task has ended.
    Ended,
}

/// When a request is stamped in the client's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamped {
    Answered,
    Sent,
}

/// Sends tasks as fast as the gate lets it, and returns the server's books.
fn world(plan: PlanName, seed: u64, longest_run: u32, stamped: Stamped) -> Books {
    let (mut jobs, purse) = waiting(plan, TASKS, "kling-v1", 5);
    let mut books = Books::new(plan.plan().per_minute, plan.plan().concurrent);
    let mut dice = Entropy::of_device(seed);
    let mut up_to = |micros: u32| u64::from(dice.next() % micros);
    let mut events: BTreeMap<(u64, JobId, u8), Event> = BTreeMap::new();
    let mut now = 0;
    loop {
        let shown = Instant::from_micros(now);
        let wake = match jobs.next(shown) {
            Next::Send { entry, permit } => {
                jobs.gate.sending(shown, &permit).unwrap();
                let (id, arrives) = (entry.id, now + up_to(3_000_000));
                let answered = arrives + up_to(3_000_000);
                let ended = answered + up_to(longest_run);
                let heard = if stamped == Stamped::Answered { answered } else { now };
                events.insert((heard, id, 1), Event::Answered(entry, permit));
                events.insert((arrives, id, 0), Event::Arrives(ended));
                events.insert((ended, id, 2), Event::Ended);
                now
            }
            Next::WaitUntil(at) => at.as_micros(),
            Next::WaitForRelease | Next::Empty => u64::MAX,
            Next::Expired(_) | Next::Rejected { .. } => panic!("no deadline, and all fit"),
        };
        let next = events.first_key_value().map_or(u64::MAX, |((at, ..), _)| *at);
        now = next.min(wake);
        if now == u64::MAX {
            return books;
        }
        let Some(((_, id, _), event)) = (next <= wake).then(|| events.pop_first()).flatten() else { continue };
        let shown = Instant::from_micros(now);
        match event {
            Event::Arrives(ends) => {
                let _ = books.arrive(now);
                let _ = books.start(now, id.0, ends - now);
            }
            Event::Answered(order, permit) => drop(jobs.answered(shown, order, &permit, &OK, 0).unwrap()),
            Event::Ended => {
                let price = purse.price(&job(id.0, "kling-v1", 5), 5).unwrap();
                jobs.gate.finished(shown, id, &price).unwrap();
            }
        }
    }
}

const PLANS: [PlanName; 3] = [PlanName::Free, PlanName::Standard, PlanName::Pro];

#[test]
fn no_latency_makes_the_server_count_too_many() {
    for plan in PLANS {
        let (mut peak_requests, mut peak_tasks) = (0, 0);
        for seed in 0..12 {
            let longest_run = if seed % 2 == 0 { 1 } else { 20_000_000 };
            let books = world(plan, seed, longest_run, Stamped::Answered);
            assert_eq!((books.too_fast, books.too_many, books.arrivals.len()), (0, 0, 200), "{plan:?}, seed {seed}");
            peak_requests = peak_requests.max(books.peak_requests);
            peak_tasks = peak_tasks.max(books.peak_tasks);
        }
        // Not by being timid: both limits are used to the last unit.
        let limits = (plan.plan().per_minute as usize, plan.plan().concurrent as usize);
        assert_eq!((peak_requests, peak_tasks), limits, "{plan:?}");
    }
}

#[test]
fn stamping_when_sent_would_break_the_plan() {
    for plan in PLANS {
        let broken = (0..12).filter(|seed| world(plan, *seed, 1, Stamped::Sent).too_fast > 0).count();
        assert!(broken > 0, "{plan:?}: the test above could not fail");
    }
}

#[test]
fn a_job_that_does_not_fit_is_refused_before_it_is_sent_and_each_alert_is_told_once() {
    // 1200 credits each, of 20 000; a second less is made than was ordered.
    let (mut jobs, purse) = waiting(PlanName::Pro, 20, "kling-pro", 60);
    let (mut told, mut refused, mut now) = (Vec::new(), Vec::new(), NOW);
    let mut tell = |gate: &mut Gate| {
        let pending: Vec<Alert> = gate.limits().money.alerts().collect();
        for alert in pending {
            told.push(purse.tell(gate, alert));
            gate.money_mut(NOW).acknowledge(alert);
        }
    };
    loop {
        match jobs.next(now) {
            Next::Send { entry, permit } => {
                jobs.gate.sending(now, &permit).unwrap();
                let price = purse.price(&entry.payload.job, 59).unwrap();
                let id = entry.id;
                drop(jobs.answered(now, entry, &permit, &OK, 0).unwrap());
                tell(&mut jobs.gate);
                jobs.gate.finished(now, id, &price).unwrap();
            }
            Next::WaitUntil(at) => now = at,
            Next::Rejected { entry, why } => refused.push(purse.why_not(&jobs.gate, &entry, why)),
            Next::Empty => break,
            other => panic!("{other:?}"),
        }
        tell(&mut jobs.gate);
    }
    // Sixteen jobs of 59 seconds are 18 880 credits.
    assert_eq!(refused, ["archive is short of 80.000000 credits"; 4]);
    let spent = Spent { credits: 18_880_000_000, dollars: 472_000_000 };
    assert_eq!(purse.spent(&jobs.gate, now), BTreeMap::from([("archive".into(), spent), (String::new(), spent)]));
    assert_eq!(told[0], "archive: 1/2 of its credits are spent or set aside");
    let mut unique = told.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), told.len(), "{told:?}");
}
