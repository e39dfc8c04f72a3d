//! The limits against the server's books, over a network that delays every packet as it likes. No real time passes.

use std::collections::{BTreeMap, HashMap};

use tollgate::{Advice, Decision, Denied, Duration, Entropy, Health, Instant, JobId};

use super::{Limits, Permit};
use crate::books::Books;
use crate::plan::PlanName;

const TASKS: u64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// At the server, which will be done with the task at this instant.
    Arrives(u64, u64),
    Answered(u64),
    /// The client hears that the task has ended.
    Ended(u64),
}

/// When a request is stamped in the client's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamped {
    Answered,
    Reserved,
}

/// Sends tasks as fast as the limits let it, and returns the server's books.
fn world(plan: PlanName, seed: u64, longest_run: u32, stamped: Stamped) -> Books {
    let plan = plan.plan();
    let mut limits = Limits::of(plan, [1, 1, 1], Instant::ORIGIN).unwrap();
    let mut books = Books::new(plan.per_minute, plan.concurrent);
    let mut dice = Entropy::of_device(seed);
    let mut up_to = |micros: u32| u64::from(dice.next() % micros);
    let mut permits: HashMap<u64, Permit> = HashMap::new();
    let mut events: BTreeMap<(u64, u64), Vec<Event>> = BTreeMap::new();
    let (mut now, mut next) = (0, 0);
    loop {
        let wake = match limits.admit(Instant::from_micros(now), JobId(next), None) {
            _ if next == TASKS => u64::MAX,
            Ok(permit) => {
                let arrives = now + up_to(3_000_000);
                let answered = arrives + up_to(3_000_000);
                let ended = answered + up_to(longest_run);
                events.entry((arrives, next)).or_default().push(Event::Arrives(next, ended));
                events.entry((answered, next)).or_default().push(Event::Answered(next));
                events.entry((ended, next)).or_default().push(Event::Ended(next));
                match stamped {
                    Stamped::Answered => drop(permits.insert(next, permit)),
                    Stamped::Reserved => limits.answered(Instant::from_micros(now), permit, true),
                }
                next += 1;
                continue;
            }
            Err(refused) => match refused.denied {
                Denied::Until(at) => at.as_micros(),
                Denied::Busy => u64::MAX,
                Denied::Never { .. } => panic!("one request fits every plan"),
            },
        };
        match events.first_key_value() {
            Some(((at, _), _)) if *at <= wake => {}
            _ if wake < u64::MAX => {
                now = wake;
                continue;
            }
            _ => return books,
        }
        let ((at, _), happened) = events.pop_first().unwrap();
        now = at;
        for event in happened {
            match event {
                Event::Arrives(id, ends) => {
                    let _ = books.arrive(now);
                    let _ = books.start(now, id, ends - now);
                }
                Event::Answered(id) => {
                    if let Some(permit) = permits.remove(&id) {
                        limits.answered(Instant::from_micros(now), permit, true);
                    }
                }
                Event::Ended(id) => assert_eq!(limits.slots.close(Instant::from_micros(now), JobId(id)), Ok(1)),
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
fn stamping_when_reserved_would_break_the_plan() {
    for plan in PLANS {
        let broken = (0..12).filter(|seed| world(plan, *seed, 1, Stamped::Reserved).too_fast > 0).count();
        assert!(broken > 0, "{plan:?}: the test above could not fail");
    }
}

#[test]
fn what_a_refusal_lowers_comes_back_with_successes() {
    let plan = PlanName::Standard.plan();
    let mut limits = Limits::of(plan, [1, 1, 1], Instant::ORIGIN).unwrap();
    let blank =
        Advice { decision: Decision::Done, gate: None, slow_down: false, fewer_jobs: false, health: Health::Unknown };
    let rate = |limits: &Limits| {
        let quota = limits.rate.quota();
        u64::from(quota.units()) * Duration::from_mins(1).as_micros() / quota.per().as_micros()
    };
    let now = Instant::from_secs(60);
    let permits = [1, 2].map(|id| limits.admit(now, JobId(id), None).unwrap());
    let crowded = Advice { fewer_jobs: true, ..blank };
    limits.lower(now, now, &crowded);
    assert_eq!((limits.slots.limit(), rate(&limits)), (1, 30), "two ran, the refused one included");
    for permit in permits {
        limits.answered(now, permit, false);
    }

    let slow = Advice { slow_down: true, ..blank };
    limits.lower(now, now, &slow);
    assert_eq!((limits.slots.limit(), rate(&limits)), (1, 21));
    limits.lower(now, Instant::from_secs(59), &slow);
    assert_eq!(rate(&limits), 21, "one decrease for a burst");
    for _ in 0..100 {
        limits.raise(now);
    }
    assert_eq!((limits.slots.limit(), rate(&limits)), (plan.concurrent, 30), "up to the plan, never above it");
}
