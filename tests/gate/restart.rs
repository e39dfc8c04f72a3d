//! A clock that was ahead and has been set right: the gate goes on, and grants no more than its limits allow.
//!
//! The judge of that keeps a list of what was sent, with the stamps of a clock that was never wrong.

use proptest::prelude::*;
use tollgate::{
    Adaptation, Aimd, AimdPolicy, Amount, Breaker, BreakerPolicy, BudgetSpec, Calendar, Credits, Cycle, Duration, Fate,
    Gate, History, Instant, JobId, JobState, Ledger, Limits, Line, Permit, Quota, Renewal, Repeatable, Request,
    Rolling, Start, TokenBucket, Trip, Trust, UnixMicros, WhenFull, Window, WindowLog, valid,
};

use crate::support::{ACCOUNT, BLIND, JOB, LEASE, PATIENCE, S, ask, credits, gate, hear, retry};

const HOUR: u64 = 3_600;

#[test]
fn a_gate_stands_still_after_a_jump_of_an_hour_and_goes_on_when_it_is_told_to() {
    for told in [false, true] {
        let mut gate = gate();
        let _lost = ask(&mut gate, HOUR, JOB, Repeatable::No).unwrap();
        if told {
            gate.restart(S(5));
        }
        // Ten seconds to send, by the clock that has been set right.
        assert_eq!(gate.job(S(14), JOB), Some(JobState::Asked), "{told}");
        assert_eq!(gate.job(S(15), JOB).is_none(), told);
        let second = ask(&mut gate, 15, JobId(2), Repeatable::No);
        assert_eq!(gate.next_event(S(15)), Some(S(if told { 25 } else { HOUR + 10 })));
        assert_eq!(second.unwrap().until(), S(if told { 25 } else { HOUR + 10 }));
    }
}

/// What was set before the fault ends when it would have; what the faulty clock has set, as long after.
#[test]
fn nothing_that_was_set_ends_too_early_or_much_too_late() {
    let mut gate = gate();
    let before = ask(&mut gate, 0, JobId(1), Repeatable::No).unwrap();
    gate.sending(S(1), &before).unwrap();
    gate.resolved(S(2), &before, Fate::Runs).unwrap();
    gate.renew(S(3), JobId(1), Duration::from_secs(2 * HOUR)).unwrap();
    // An hour ahead, ten seconds long.
    let during = ask(&mut gate, HOUR + 10, JobId(2), Repeatable::No).unwrap();
    gate.sending(S(HOUR + 11), &during).unwrap();
    gate.block_until(S(HOUR + 20), S(HOUR + 50));
    assert_eq!(gate.expire(S(HOUR + 20)), None);
    gate.restart(S(20));
    assert_eq!(gate.status(S(20)).blocked, Some(S(50)));
    assert_eq!(gate.in_flight(S(20)), 2);
    assert_eq!(gate.job(S(70), JobId(2)), Some(JobState::Sent));
    assert_eq!(gate.job(S(71), JobId(2)), Some(JobState::Unknown));
    assert_eq!(gate.job(S(610), JobId(2)), Some(JobState::Unknown));
    assert_eq!(gate.job(S(611), JobId(2)), Some(JobState::Overdue));
    assert_eq!(gate.job(S(3 + 2 * HOUR - 1), JobId(1)), Some(JobState::Running));
    assert_eq!(gate.job(S(3 + 2 * HOUR), JobId(1)), Some(JobState::Overdue));

    // A block from before the fault is what the server said.
    let mut gate = self::gate();
    gate.block_until(S(0), S(60));
    while gate.expire(S(HOUR)).is_some() {}
    gate.restart(S(20));
    assert_eq!(gate.status(S(20)).blocked, Some(S(60)));
    assert_eq!(gate.status(S(60)).blocked, None);
}

#[test]
fn what_the_fault_has_ended_stays_ended_and_a_list_shows_what_runs() {
    let mut gate = gate();
    let permit = ask(&mut gate, 0, JOB, Repeatable::No).unwrap();
    gate.sending(S(0), &permit).unwrap();
    gate.resolved(S(1), &permit, Fate::Runs).unwrap();
    assert_eq!(gate.expire(S(HOUR)), Some((JOB, JobState::Overdue)));
    gate.restart(S(10));
    assert_eq!((gate.job(S(10), JOB), gate.in_flight(S(10))), (Some(JobState::Overdue), 0));
    assert_eq!(gate.report(S(10), ACCOUNT).unwrap().posted, 40_000_000);
    let found = gate.reconcile(S(12), S(11), true, &[tollgate::Seen::Job(JOB)]);
    assert_eq!((found.foreign, gate.in_flight(S(12))), (1, 1), "it has a slot there");
    assert_eq!(gate.finished(S(20), JOB, &credits(30)).unwrap().cost, tollgate::Cost::Corrected);
}

/// A list that is asked for afterwards counts, whatever the faulty clock had sent and asked.
#[test]
fn lists_that_are_asked_for_afterwards_count() {
    let mut gate = gate();
    let permit = ask(&mut gate, HOUR, JOB, Repeatable::No).unwrap();
    gate.sending(S(HOUR), &permit).unwrap();
    gate.resolved(S(HOUR), &permit, Fate::Runs).unwrap();
    gate.reconcile(S(HOUR + 2), S(HOUR + 1), true, &[tollgate::Seen::Job(JOB)]);
    gate.restart(S(10));
    assert_eq!(gate.reconcile(S(12), S(11), true, &[]).needs_actual, 1);
}

static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)));

/// The clock was a day ahead and has begun the next one: its hundred, and what was used of them, are those of today.
#[test]
fn a_day_that_the_fault_has_begun_is_taken_back_when_the_date_is_told() {
    let mut money = Ledger::<1, 0, 2, 0>::new(Duration::ZERO);
    money.open(S(0), &DAILY).unwrap();
    let mut gate = Gate::<_, 4, 3>::new(Limits::new().money(money), S(0)).with_patience(PATIENCE);
    let date = |gate: &mut Gate<_, 4, 3>, at: u64| {
        gate.set_wall(
            S(at),
            UnixMicros::from_secs(1_767_268_800 + i64::try_from(at).unwrap()),
            Duration::ZERO,
            Trust::Owner,
        )
    };
    let job = |gate: &mut Gate<_, 4, 3>, at: u64, id: u64, units: u32| {
        let cost = credits(units);
        let Some(permit) = gate.try_ask(S(at), &Request::new(JobId(id), LEASE).costs(&cost)) else { return false };
        gate.sending(S(at), &permit).unwrap();
        gate.resolved(S(at), &permit, Fate::Runs).unwrap();
        id != 2 || gate.finished(S(at), JobId(id), &cost).is_ok()
    };
    date(&mut gate, 0);
    assert!(job(&mut gate, 10, 1, 70));
    gate.finished(S(11), JobId(1), &credits(70)).unwrap();
    assert!(job(&mut gate, 24 * HOUR, 2, 20) && job(&mut gate, 24 * HOUR, 3, 5));
    gate.restart(S(60));
    assert!(gate.report(S(60), ACCOUNT).unwrap().frozen);
    date(&mut gate, 60);
    let report = gate.report(S(60), ACCOUNT).unwrap();
    assert_eq!((report.frozen, report.posted, report.held), (false, 90_000_000, 5_000_000));
    assert!(!job(&mut gate, 60, 4, 6) && job(&mut gate, 60, 5, 5));
}

#[test]
fn the_breaker_and_the_rate_that_was_found_out_go_on_too() {
    let policy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 1 }, Duration::from_secs(30)));
    let aimd = valid!(AimdPolicy { floor: 1, ceiling: 64, keep_permille: 500, step: 1, every: 100 }.checked());
    let adaptation = Adaptation { rate: Some((Aimd::new(aimd), Duration::from_secs(1))), ..Adaptation::default() };
    let rate = TokenBucket::new(valid!(Quota::new(64, Duration::from_secs(1))), Start::Full, S(0));
    let limits = Limits::new().requests(rate).breaker(Breaker::new(policy, S(0))).adaptation(adaptation);
    let mut gate = Gate::<_, 4, 3>::new(limits, S(0));
    let send = |gate: &mut Gate<_, 4, 3>, at: u64, id: u64| {
        let permit = gate.ask(S(at), &Request::new(JobId(id), LEASE))?;
        gate.sending(S(at), &permit).unwrap();
        Ok::<_, tollgate::AskError>(permit)
    };
    let blind = send(&mut gate, HOUR, 1).unwrap();
    gate.answered(S(HOUR), &blind, &BLIND, &mut retry(Repeatable::No), 0).unwrap();
    gate.block_until(S(HOUR), S(0));
    let per_second = |units| Quota::new_with_burst(units, Duration::from_secs(1), 64).unwrap();
    assert_eq!(gate.limits().requests.quota(), per_second(32));
    let broken = send(&mut gate, HOUR, 2).unwrap();
    gate.resolved(S(HOUR), &broken, Fate::Unknown).unwrap();
    gate.restart(S(10));
    assert!(send(&mut gate, 39, 3).is_err(), "the breaker is open for 30 s");
    let probe = send(&mut gate, 40, 3).unwrap();
    gate.resolved(S(40), &probe, Fate::Runs).unwrap();
    let blind = send(&mut gate, 41, 4).unwrap();
    gate.answered(S(41), &blind, &BLIND, &mut retry(Repeatable::No), 0).unwrap();
    assert_eq!(gate.limits().requests.quota(), per_second(16), "another burst of refusals");
}

#[test]
fn a_stamp_that_is_not_earlier_changes_nothing() {
    let mut gate = gate();
    let permit = ask(&mut gate, 10, JOB, Repeatable::No).unwrap();
    gate.sending(S(10), &permit).unwrap();
    let seen = |gate: &crate::support::Plain| format!("{gate:?} {:?}", gate.status(S(2_000)));
    let before = seen(&gate);
    for now in [10, 11, 100_000] {
        gate.restart(S(now));
        assert_eq!(seen(&gate), before);
    }
    assert!(hear(&mut gate, 11, &permit, &BLIND, Repeatable::No).is_ok());
}

const SLOTS: u32 = 5;
const STRICT: (u32, Duration) = (14, Duration::from_secs(30));
const RATE: Quota = valid!(Quota::new_with_burst(5, Duration::from_secs(10), 6));
const MONEY: (u64, Duration) = (120, Duration::from_secs(60));
static ROLLING: BudgetSpec =
    BudgetSpec::new::<Credits>(Amount::whole(120), Renewal::Rolling(valid!(Rolling::new(Duration::from_secs(60), 4))));

type All = Gate<Limits<TokenBucket, WindowLog<64>, Ledger<'static, 1, 0, 1, 0, 5>, Breaker>, 16, 8>;

fn all(now: Instant) -> All {
    let mut money = Ledger::new(Duration::ZERO);
    money.open(now, &ROLLING).unwrap();
    let policy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 3 }, Duration::from_secs(5)));
    let window = WindowLog::new(valid!(Window::new(STRICT.0, STRICT.1)), WhenFull::Refuse, History::Empty, now);
    let limits = Limits::new().requests(TokenBucket::new(RATE, Start::Full, now)).window(window).money(money);
    Gate::new(limits.breaker(Breaker::new(policy, now)), now).with_slots(SLOTS).with_patience(PATIENCE)
}

/// A job as somebody with a good clock sees it.
#[derive(Debug)]
struct Sent {
    id: JobId,
    at: Instant,
    /// When its lease is over.
    ends: Instant,
    requests: u32,
    weight: u32,
    cost: u32,
    /// When it was said what it had cost, and that.
    finished: Option<(Instant, u32)>,
    refused: bool,
}

impl Sent {
    fn takes_slot(&self, now: Instant) -> bool {
        !self.refused && self.finished.is_none() && self.ends > now
    }

    /// What it counts in the rolling budget.
    fn counts(&self, now: Instant) -> u64 {
        let (said, amount) = self.finished.unwrap_or((self.ends, self.cost));
        let is_over = now.saturating_since(said.min(self.ends)) >= MONEY.1;
        if self.refused || is_over { 0 } else { amount.into() }
    }
}

/// The latest grant of these, by a good clock, against every limit.
fn judge(sent: &[Sent]) {
    let Some(last) = sent.last() else { return };
    let mut used = 0;
    for earlier in sent.iter().rev() {
        used += u64::from(earlier.requests);
        let length = last.at.saturating_since(earlier.at);
        assert!(used <= RATE.worst_case(length.saturating_add(Duration::from_micros(1))), "{used} in {length}");
        assert!(length >= STRICT.1 || used <= STRICT.0.into(), "{used} in one window");
    }
    let weight: u32 = sent.iter().filter(|job| job.takes_slot(last.at)).map(|job| job.weight).sum();
    assert!(weight <= SLOTS, "{weight} at once");
    let money: u64 = sent.iter().map(|job| job.counts(last.at)).sum();
    assert!(money <= MONEY.0, "{money} credits in one minute");
}

#[derive(Clone, Debug)]
enum Event {
    Send { weight: u32, cost: u32, requests: u32, lease: u64 },
    Resolve(usize, Fate),
    Finish(usize, u32),
    Expire,
}

fn event() -> impl Strategy<Value = (u64, Event)> {
    // Each limit has its turn: most jobs are cheap in all but one.
    let send = prop_oneof![
        3 => (Just(0), Just(0), 1..4u32, 1..9u64),
        1 => (1..4u32, Just(0), 0..2u32, 1..90u64),
        1 => (0..2u32, 10..60u32, 0..2u32, 1..90u64),
    ];
    let send = send.prop_map(|(weight, cost, requests, lease)| Event::Send { weight, cost, requests, lease });
    let fate = prop::sample::select(vec![Fate::Runs, Fate::Runs, Fate::Refused, Fate::Unknown]);
    let event = prop_oneof![
        6 => send,
        5 => (0..8usize, fate).prop_map(|(at, fate)| Event::Resolve(at, fate)),
        3 => (0..8usize, 0..60u32).prop_map(|(at, actual)| Event::Finish(at, actual)),
        1 => Just(Event::Expire),
    ];
    (prop_oneof![4 => Just(0), 3 => 1..2_000_000u64, 1 => 2_000_000..30_000_000u64], event)
}

/// A gate with its clock, which may be wrong, and what somebody knows whose clock never is.
struct Play {
    gate: All,
    permits: Vec<(JobId, Permit)>,
    sent: Vec<Sent>,
}

impl Play {
    /// It is `now`, and the clock of the gate shows something else.
    fn step(&mut self, now: Instant, clock: Instant, event: &Event) {
        let Self { gate, permits, sent } = self;
        match *event {
            Event::Send { weight, cost, requests, lease } => {
                let (id, lease) = (JobId(sent.len() as u64), Duration::from_secs(lease));
                let line = [Line::new::<Credits>(ACCOUNT, Amount::whole(cost))];
                let request = Request::new(id, lease).weighs(weight).counts(requests).costs(&line);
                let Some(permit) = gate.try_ask(clock, &request) else { return };
                gate.sending(clock, &permit).unwrap();
                permits.push((id, permit));
                let ends = now.saturating_add(lease.max(PATIENCE.to_answer));
                sent.push(Sent { id, at: now, ends, requests, weight, cost, finished: None, refused: false });
            }
            Event::Resolve(at, fate) => {
                let Some(at) = at.checked_rem(permits.len()) else { return };
                let (id, permit) = permits.swap_remove(at);
                if gate.resolved(clock, &permit, fate).is_ok() && fate == Fate::Refused {
                    sent.iter_mut().filter(|job| job.id == id).for_each(|job| job.refused = true);
                }
            }
            Event::Finish(at, actual) => {
                let open = |job: &&mut Sent| job.finished.is_none() && gate.job(clock, job.id).is_some();
                let Some(job) = sent.iter_mut().filter(open).nth(at) else { return };
                let actual = actual.min(job.cost);
                gate.finished(clock, job.id, &[Line::new::<Credits>(ACCOUNT, Amount::whole(actual))]).unwrap();
                job.finished = Some((now, actual));
            }
            Event::Expire => while gate.expire(clock).is_some() {},
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// The clock jumps ahead before one step, and is set right before another. From the jump on, which itself lets more
    /// through, no limit is exceeded by a clock that was never wrong; and afterwards nothing waits for the faulty time.
    #[test]
    fn no_limit_is_exceeded_although_the_gate_goes_on(
        steps in prop::collection::vec(event(), 1..120),
        jump in prop_oneof![1..60_000_000u64, 60_000_000..100_000_000_000u64],
        (from, length) in (0..40usize, 1..60usize),
    ) {
        let mut now = S(1_000);
        let mut play = Play { gate: all(now), permits: Vec::new(), sent: Vec::new() };
        let mut first = 0;
        for (step, (wait, event)) in steps.iter().enumerate() {
            now = now.saturating_add(Duration::from_micros(*wait));
            let is_ahead = (from..from + length).contains(&step);
            let clock = if is_ahead { now.saturating_add(Duration::from_micros(jump)) } else { now };
            if step == from {
                first = play.sent.len();
            } else if step == from + length {
                play.gate.restart(clock);
            }
            let before = play.sent.len();
            play.step(now, clock, event);
            if play.sent.len() > before {
                judge(&play.sent[first..]);
            }
        }
        play.gate.restart(now);
        let (later, cost) = (now.saturating_add(Duration::from_secs(400)), credits(120));
        while play.gate.expire(later).is_some() {}
        let all = Request::new(JobId(u64::MAX), LEASE).weighs(SLOTS).counts(6).costs(&cost);
        prop_assert_eq!(play.gate.earliest(later, &all), Ok(later));
    }
}
