//! Two lives of one limiter: one that was saved and restored, and one that was never away.
//!
//! With the time off trusted both give the same answers to every later call; with the time off unknown the restored one
//! never grants more. What was open at the save counts as used in both.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tollgate::{
    Amount, Breaker, BreakerPolicy, BudgetSpec, Calendar, Credits, Custom, Cycle, Duration, History, Image, Instant,
    Ledger, Limiter, Offline, Quota, Renewal, Reservation, Rolling, Start, TokenBucket, Trip, Trust, UnixMicros,
    WhenFull, Window, WindowLog, WindowSlices,
};

use crate::support::{Jobs, OneAccount, S, SECS, load, saved};

/// One call: what, how long after the one before, how much, how patiently.
#[derive(Clone, Copy, Debug)]
struct Call {
    what: u8,
    wait: u16,
    cost: u16,
    patience: u16,
}

fn calls(most: usize) -> impl Strategy<Value = Vec<Call>> {
    let call = (0u8..8, any::<u16>(), any::<u16>(), any::<u16>()).prop_map(|(what, wait, cost, patience)| Call {
        what,
        wait,
        cost,
        patience,
    });
    prop::collection::vec(call, 0..most)
}

/// A limiter, the time that it takes to come round, and the largest cost.
struct Subject<L> {
    make: fn(Instant) -> L,
    /// What the next boot makes.
    again: fn(Instant) -> L,
    round: Duration,
    most: u64,
    /// Whether answers are the same for stamps that come late, too.
    late: bool,
    /// Whether something may be open at the save.
    open: bool,
    /// Whether who takes all that there is gets the most.
    greedy: bool,
}

impl<L> Subject<L> {
    fn new(most: u64, round: Duration, make: fn(Instant) -> L) -> Self {
        Self { make, again: make, round, most, late: true, open: true, greedy: true }
    }
}

/// A life: the limiter, its clock, what is held, and what was answered.
struct Life<L> {
    limiter: L,
    now: Instant,
    held: Vec<Reservation>,
}

fn part(of: Duration, share: u16) -> Duration {
    // Mostly short, sometimes beyond the whole.
    let micros = of.as_micros();
    Duration::from_micros(match share {
        0..8_000 => 0,
        8_000..50_000 => micros * u64::from(share) / 400_000,
        _ => micros * u64::from(share) / 50_000,
    })
}

impl<L: Limiter + Clone + Image> Life<L> {
    /// Makes a call, and shows all that can be seen.
    fn run(&mut self, subject: &Subject<L>, call: Call) -> String {
        self.now = self.now.saturating_add(part(subject.round, call.wait));
        // One in sixteen comes late.
        let late =
            if call.patience % 16 == 3 && subject.late { part(subject.round, call.cost) } else { Duration::ZERO };
        let now = self.now.saturating_sub(late);
        let cost = 1 + u64::from(call.cost) % subject.most.min(60_000);
        let answer = match call.what {
            0..3 => format!("{:?}", self.limiter.allow(now, cost)),
            3..5 => {
                let held = self.limiter.reserve(now, cost, part(subject.round, call.patience));
                let said = held.as_ref().map(|held| (held.at(), held.cost())).map_err(|denied| *denied);
                self.held.extend(held.ok());
                format!("{said:?}")
            }
            5 if !self.held.is_empty() => {
                let held = self.held.remove(usize::from(call.cost) % self.held.len());
                let actual = held.cost() * u64::from(call.patience % 5) / 3;
                self.limiter.commit(now, held, actual);
                String::new()
            }
            6 if !self.held.is_empty() => {
                let held = self.held.remove(usize::from(call.cost) % self.held.len());
                self.limiter.release(now, held);
                String::new()
            }
            _ => String::new(),
        };
        let seen = [1, cost, subject.most].map(|cost| self.limiter.earliest(now, cost));
        format!("{call:?} at {now}: {answer} {} {seen:?}", self.limiter.available(now))
    }
}

fn same_answers<L: Limiter + Clone + Image>(
    subject: &Subject<L>,
    before: &[Call],
    off: Duration,
    after: &[Call],
) -> Result<(), TestCaseError> {
    let start = S(1_000_000);
    let mut never = Life { limiter: (subject.make)(start), now: start, held: Vec::new() };
    let mut latest = start;
    for call in before {
        never.run(subject, *call);
        latest = latest.max(never.now);
    }
    if !subject.open {
        for held in never.held.drain(..) {
            never.limiter.release(latest, held);
        }
    }
    let image = saved(&never.limiter, latest);
    let boot = latest.saturating_add(off);
    let restored = load((subject.again)(boot), boot, Offline::Trusted(off), &image);
    // What was open counts as used, now.
    for held in never.held.drain(..) {
        let cost = held.cost();
        never.limiter.commit(boot, held, cost);
    }
    never.now = boot;
    let mut restored = Life { limiter: restored, now: boot, held: Vec::new() };
    for call in after {
        let (one, other) = (never.run(subject, *call), restored.run(subject, *call));
        prop_assert_eq!(one, other);
    }
    Ok(())
}

fn never_more<L: Limiter + Clone + Image>(
    subject: &Subject<L>,
    before: &[Call],
    off: Duration,
    after: &[Call],
) -> Result<(), TestCaseError> {
    // One clock goes on, as `Continued` does; another starts at zero.
    for base in [None, Some(Instant::from_micros(3))] {
        let start = S(1_000_000);
        let mut never = Life { limiter: (subject.make)(start), now: start, held: Vec::new() };
        for call in before {
            never.run(subject, *call);
        }
        let image = saved(&never.limiter, never.now);
        let mut restored_now = base.unwrap_or(never.now);
        let mut restored = load((subject.again)(restored_now), restored_now, Offline::Unknown, &image);
        // Unused, in truth: the one that was never away gives all of it back.
        for held in never.held.drain(..) {
            never.limiter.release(never.now, held);
        }
        never.now = never.now.saturating_add(off);
        // Left alone, it has never more to give.
        let mut waited = Duration::ZERO;
        for call in after {
            waited = waited.saturating_add(part(subject.round, call.wait));
            let [here, there] = [restored_now, never.now].map(|now| now.saturating_add(waited));
            prop_assert!(restored.available(here) <= never.limiter.available(there), "after {}", waited);
        }
        if !subject.greedy {
            continue;
        }
        // Nor if all of it is taken at once, again and again.
        let (mut most, mut granted) = (0u64, 0u64);
        for call in after {
            let wait = part(subject.round, call.wait);
            (never.now, restored_now) = (never.now.saturating_add(wait), restored_now.saturating_add(wait));
            for (limiter, now, sum) in
                [(&mut never.limiter, never.now, &mut most), (&mut restored, restored_now, &mut granted)]
            {
                let all = limiter.available(now);
                prop_assert!(all == 0 || limiter.allow(now, all).is_ok());
                *sum = sum.saturating_add(all);
            }
            prop_assert!(granted <= most, "{} granted instead of {} at {}", granted, most, never.now);
        }
    }
    Ok(())
}

/// The same lives on every run; `TOLLGATE_CASES` asks for more, and others.
fn runner(cases: u32) -> TestRunner {
    let more = std::env::var("TOLLGATE_CASES").ok().and_then(|cases| cases.parse().ok());
    let config =
        ProptestConfig { cases: more.unwrap_or(cases), failure_persistence: None, ..ProptestConfig::default() };
    match more {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    }
}

fn check<L: Limiter + Clone + Image>(subject: &Subject<L>) {
    let lives = (calls(40), any::<u16>(), calls(30));
    let outcome = runner(400).run(&lives, |(before, off, after)| {
        let off = part(subject.round, off);
        same_answers(subject, &before, off, &after)?;
        never_more(subject, &before, off, &after)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn quota(units: u32, per: Duration, burst: u32) -> Quota {
    Quota::new_with_burst(units, per, burst).expect("a quota that can be")
}

#[test]
fn a_bucket_goes_on_as_if_it_had_never_been_away() {
    check(&Subject::new(10, SECS(10), |now| TokenBucket::new(quota(60, SECS(60), 10), Start::Full, now)));
    check(&Subject::new(3, SECS(26), |now| TokenBucket::new(quota(7, SECS(60), 3), Start::Empty, now)));
    let fast = |now| TokenBucket::new(quota(300_007, SECS(1), 50_000), Start::With(9), now);
    check(&Subject::new(50_000, Duration::from_millis(170), fast));
}

fn window(limit: u32, length: Duration) -> Window {
    Window::new(limit, length).expect("a window that can be")
}

#[test]
fn a_log_goes_on_as_if_it_had_never_been_away() {
    let log = |now| WindowLog::<8>::new(window(10, SECS(60)), WhenFull::Refuse, History::Empty, now);
    check(&Subject::new(10, SECS(60), log));
    let one = |now| WindowLog::<1>::new(window(3, SECS(60)), WhenFull::Refuse, History::UsedUp, now);
    check(&Subject::new(3, SECS(60), one));
    // Which entries are merged depends on the order of those of one instant, and on what was granted.
    let merging = |now| WindowLog::<4>::new(window(100, SECS(60)), WhenFull::Merge, History::Empty, now);
    check(&Subject { open: false, greedy: false, ..Subject::new(100, SECS(60), merging) });
}

#[test]
fn slices_go_on_as_if_they_had_never_been_away() {
    // Slices begin where something is granted after a pause, so that who took less may later have less.
    let six = |now| WindowSlices::<6>::new(window(100, SECS(60)), History::Empty, now).expect("it divides into slices");
    check(&Subject { greedy: false, ..Subject::new(100, SECS(60), six) });
    let one = |now| WindowSlices::<1>::new(window(5, SECS(60)), History::UsedUp, now).expect("it divides into slices");
    check(&Subject { greedy: false, ..Subject::new(5, SECS(60), one) });
}

#[test]
fn slots_go_on_as_if_they_had_never_been_away() {
    // A job whose lease is over is given up when it is committed, or when its place is needed: which of the two comes
    // first tells who has acted when.
    check(&Subject { late: false, ..Subject::new(9, SECS(60), |_| Jobs::<6>::new(9, SECS(60))) });
    check(&Subject::new(9, SECS(60), |_| Jobs::<3>::new(9, Duration::MAX)));
}

static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(1), Renewal::Calendar(Calendar::utc(Cycle::Day)));
static EVER: BudgetSpec = BudgetSpec::new::<Custom<1>>(Amount::whole(1), Renewal::Lifetime);
static WINDOW: BudgetSpec = BudgetSpec::new::<Custom<1>>(
    Amount::whole(1),
    Renewal::Rolling(tollgate::valid!(Rolling::new(Duration::from_secs(60), 4))),
);

fn account(spec: &'static BudgetSpec<'static>, now: Instant, date: Option<i64>) -> OneAccount {
    let mut ledger = Ledger::new(SECS(5));
    if let Some(date) = date {
        ledger.set_wall(now, UnixMicros::from_secs(date), SECS(1), Trust::Owner);
    }
    let account = ledger.open(now, spec).expect("there is a place");
    OneAccount { ledger, account }
}

#[test]
fn a_budget_goes_on_as_if_it_had_never_been_away() {
    let most = 1_000_000;
    check(&Subject::new(most, SECS(100), |now| account(&EVER, now, None)));
    check(&Subject { greedy: false, ..Subject::new(most, SECS(60), |now| account(&WINDOW, now, None)) });
    // The next boot is told nothing of the date; it knows it from the image, or not at all.
    let dated = Subject::new(most, SECS(100_000), |now| account(&DAILY, now, Some(1_767_225_600)));
    check(&Subject { again: |now| account(&DAILY, now, None), ..dated });
}

#[test]
fn a_breaker_goes_on_as_if_it_had_never_been_away() {
    let rolling = Trip::Rolling { window: SECS(80), calls: 3, permille: 500 };
    for trip in [Trip::Consecutive { failures: 2 }, rolling] {
        let policy = BreakerPolicy::new(trip, SECS(30)).and_then(|policy| policy.with_probes(2));
        let policy = policy.and_then(|policy| policy.with_probe_timeout(SECS(5))).expect("a policy that can be");
        let mut runner = runner(1_000);
        let outcome = runner.run(&(calls(40), any::<u16>(), calls(30)), |(before, off, after)| {
            let (mut never, mut now, mut held) = (Breaker::new(policy, S(9_000)), S(9_000), Vec::new());
            for call in before {
                step(&mut never, &mut now, &mut held, call);
            }
            let image = saved(&never, now);
            let off = part(SECS(60), off);
            now = now.saturating_add(off);
            let mut restored = load(Breaker::new(policy, now), now, Offline::Trusted(off), &image);
            // Probes that were out have failed; of other calls nobody knows.
            let probing = matches!(never.phase(now), tollgate::Phase::HalfOpen { .. });
            for call in held.drain(..).filter(|_| probing) {
                never.failure(now, call);
            }
            let (mut other, mut others) = (now, Vec::new());
            for call in after {
                let answers =
                    [step(&mut never, &mut now, &mut held, call), step(&mut restored, &mut other, &mut others, call)];
                prop_assert_eq!(&answers[0], &answers[1]);
            }
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}

fn step(breaker: &mut Breaker, now: &mut Instant, held: &mut Vec<Reservation>, call: Call) -> String {
    *now = now.saturating_add(part(SECS(60), call.wait));
    let answer = match call.what {
        0..3 => {
            let booked = breaker.reserve(*now, 1 + u64::from(call.cost % 2), Duration::ZERO);
            let said = booked.as_ref().map(Reservation::at).map_err(|denied| *denied);
            held.extend(booked.ok());
            format!("{said:?}")
        }
        what if !held.is_empty() => {
            let call = held.remove(usize::from(call.cost) % held.len());
            match what {
                3 => breaker.success(*now, call),
                4..6 => breaker.failure(*now, call),
                _ => breaker.release(*now, call),
            }
            String::new()
        }
        _ => String::new(),
    };
    // When probes would be lost says nothing while none is out.
    let phase = match breaker.phase(*now) {
        tollgate::Phase::HalfOpen { out: 0, passed, .. } => format!("half open, {passed} passed"),
        phase => format!("{phase:?}"),
    };
    format!("{call:?} at {now}: {answer} {phase} {}", breaker.available(*now))
}
