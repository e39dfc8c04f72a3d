//! The laws of a limiter, for the gate as a whole: five limits, random lives of jobs, clocks that stand still and go back.
//!
//! The judge of `never_over` is a list of what was sent, kept here and not by the gate.

use proptest::prelude::*;
use tollgate::{
    AccountId, Amount, AskError, Binding, Breaker, BreakerPolicy, BudgetSpec, Credits, Denied, Duration, Fate, Gate,
    History, Instant, JobId, Ledger, Limits, Line, Permit, Quota, Renewal, Repeatable, Request, Seen, Start,
    TokenBucket, Trip, Usd, WhenFull, Window, WindowLog, valid,
};

use crate::support::{BLIND, BROKEN, OK, retry};

static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(300), Renewal::Lifetime);
static DOLLARS: BudgetSpec = BudgetSpec::new::<Usd>(Amount::whole(90), Renewal::Lifetime);
const SLOTS: u32 = 4;
const STRICT: (u32, Duration) = (6, Duration::from_secs(20));
const RATE: Quota = valid!(Quota::new_with_burst(5, Duration::from_secs(10), 4));

type Five = Gate<Limits<TokenBucket, WindowLog<8>, Ledger<'static, 2, 0, 2, 0>, Breaker>, 8, 3>;

fn five() -> Five {
    let now = Instant::from_secs(1_000);
    let mut money = Ledger::new(Duration::ZERO);
    money.open(now, &CREDITS).unwrap();
    money.open(now, &DOLLARS).unwrap();
    let policy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 3 }, Duration::from_secs(5)));
    let window = WindowLog::new(valid!(Window::new(STRICT.0, STRICT.1)), WhenFull::Refuse, History::Empty, now);
    let limits = Limits::new().requests(TokenBucket::new(RATE, Start::Full, now));
    let limits = limits.window(window).money(money).breaker(Breaker::new(policy, now));
    Gate::new(limits, now).with_slots(SLOTS)
}

/// One thing that happens, and how long after the one before.
#[derive(Clone, Debug)]
struct Step {
    wait: u64,
    event: Event,
}

#[derive(Clone, Debug)]
enum Event {
    Ask { job: u64, weight: u32, cost: u32, requests: u32, lease: u64, keyed: bool, tersely: bool },
    Poll { requests: u32 },
    Sending(usize),
    Cancel(usize),
    Answered(usize, u8),
    Finished { job: u64, cost: u32 },
    Renew { job: u64 },
    Reconcile { complete: bool, running: Vec<u64> },
    Expire,
}

fn event() -> impl Strategy<Value = Event> {
    use Event::{Answered, Ask, Cancel, Expire, Finished, Poll, Reconcile, Renew, Sending};
    let ask = (0..7u64, 0..=5u32, 0..120u32, 0..=4u32, 0..90u64, any::<bool>(), any::<bool>());
    let ask = ask.prop_map(|(job, weight, cost, requests, lease, keyed, tersely)| Ask {
        job,
        weight,
        cost,
        requests,
        lease,
        keyed,
        tersely,
    });
    prop_oneof![
        8 => ask,
        1 => (0..=2u32).prop_map(|requests| Poll { requests }),
        6 => (0..3usize).prop_map(Sending),
        1 => (0..3usize).prop_map(Cancel),
        5 => ((0..3usize), 0..8u8).prop_map(|(at, how)| Answered(at, how)),
        3 => (0..7u64, 0..150u32).prop_map(|(job, cost)| Finished { job, cost }),
        1 => (0..7u64).prop_map(|job| Renew { job }),
        1 => (any::<bool>(), prop::collection::vec(0..9u64, 0..5))
            .prop_map(|(complete, running)| Reconcile { complete, running }),
        1 => Just(Expire),
    ]
}

fn steps(len: usize) -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![3 => Just(0), 3 => 1..3_000_000u64, 1 => 3_000_000..45_000_000u64];
    prop::collection::vec((wait, event()).prop_map(|(wait, event)| Step { wait, event }), 1..len)
}

fn lines(cost: u32) -> [Line; 2] {
    let credits = Line::new::<Credits>(AccountId(0), Amount::whole(cost));
    [credits, Line::new::<Usd>(AccountId(1), Amount::whole(cost / 4))]
}

/// Among the ways to answer, the one that everything returns by.
const NOT_SENT: u8 = 6;

/// A gate and the permits that are out.
struct Play {
    gate: Five,
    permits: Vec<Permit>,
}

impl Play {
    fn new() -> Self {
        Self { gate: five(), permits: Vec::new() }
    }

    /// Does it, and tells what was answered and whether it was a refusal of an `ask`.
    fn step(&mut self, now: Instant, event: &Event) -> (String, bool) {
        let Self { gate, permits } = self;
        let at = |index: usize| index.checked_rem(permits.len());
        let said = match event {
            Event::Ask { .. } | Event::Poll { .. } => {
                let asked = match (event, asked(event)) {
                    (Event::Ask { tersely: true, .. }, Some((request, cost))) => {
                        match gate.try_ask(now, &request.costs(&cost)) {
                            Some(permit) => Ok(permit),
                            None => return ("not now".to_owned(), true),
                        }
                    }
                    (_, Some((request, cost))) => gate.ask(now, &request.costs(&cost)),
                    (Event::Poll { requests }, None) => gate.poll(now, *requests),
                    _ => unreachable!("these two ask"),
                };
                match asked {
                    Ok(permit) => {
                        let said = format!("{permit:?}");
                        permits.push(permit);
                        return (said, false);
                    }
                    Err(why) => return (format!("{why:?}"), true),
                }
            }
            Event::Sending(index) => format!("{:?}", at(*index).map(|index| gate.sending(now, &permits[index]))),
            Event::Cancel(index) => {
                format!("{:?}", at(*index).map(|index| gate.cancel(now, permits.swap_remove(index))))
            }
            Event::Answered(index, how) => {
                let Some(index) = at(*index) else { return (String::new(), false) };
                let said = match [OK, OK, BLIND, BROKEN].get(usize::from(*how)) {
                    Some(outcome) => {
                        gate.answered(now, &permits[index], outcome, &mut retry(Repeatable::Keyed), 7).map(Some)
                    }
                    None => {
                        let fate = [Fate::Runs, Fate::Refused, Fate::NotSent, Fate::Unknown][usize::from(*how) - 4];
                        gate.resolved(now, &permits[index], fate).map(|()| None)
                    }
                };
                if said.is_ok() {
                    let _ = permits.swap_remove(index);
                }
                format!("{said:?}")
            }
            Event::Finished { job, cost } => format!("{:?}", gate.finished(now, JobId(*job), &lines(*cost))),
            Event::Renew { job } => format!("{:?}", gate.renew(now, JobId(*job), Duration::from_secs(30))),
            Event::Reconcile { complete, running } => {
                let seen: Vec<_> = running.iter().map(|job| Seen::Job(JobId(*job))).collect();
                format!("{:?}", gate.reconcile(now, now, *complete, &seen))
            }
            Event::Expire => format!("{:?}", gate.expire(now)),
        };
        (said, false)
    }

    /// Everything that can be seen of the gate, but what it counts.
    fn seen(&self, now: Instant) -> String {
        let mut status = self.gate.status(now);
        status.counters = *five().counters();
        let reports = [0, 1].map(|at| self.gate.report(now, AccountId(at)));
        let mut jobs: Vec<_> = (0..7).map(|job| self.gate.job(now, JobId(job))).collect();
        jobs.retain(Option::is_some);
        format!("{status:?} {reports:?} {jobs:?} {:?}", self.gate.next_event(now))
    }
}

/// The request of an `Ask`, and its cost.
fn asked(event: &Event) -> Option<(Request<'static>, [Line; 2])> {
    let Event::Ask { job, weight, cost, requests, lease, keyed, .. } = event else { return None };
    let repeatable = if *keyed { Repeatable::Keyed } else { Repeatable::No };
    let request = Request::new(JobId(*job), Duration::from_secs(*lease)).weighs(*weight).counts(*requests);
    Some((request.repeatable(repeatable), lines(*cost)))
}

fn start() -> Instant {
    Instant::from_secs(1_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// `refusal_changes_nothing`: a gate that was asked in vain answers as one that never was.
    #[test]
    fn what_was_refused_was_never_asked(steps in steps(120)) {
        let (mut asked, mut spared) = (Play::new(), Play::new());
        let mut now = start();
        for Step { wait, event } in &steps {
            now = now.saturating_add(Duration::from_micros(*wait));
            // A refusal writes down what time has done to permits that were lost; so does this, for both.
            while asked.gate.expire(now).is_some() {}
            while spared.gate.expire(now).is_some() {}
            let (said, refused) = asked.step(now, event);
            if !refused {
                prop_assert_eq!(&said, &spared.step(now, event).0, "{:?}", event);
            }
            prop_assert_eq!(asked.seen(now), spared.seen(now), "{:?}", event);
        }
    }

    /// `poll_invariance`: questions are free, whatever they are about.
    #[test]
    fn questions_change_nothing(steps in steps(120), probe in event()) {
        let (mut asked, mut spared) = (Play::new(), Play::new());
        let mut now = start();
        for Step { wait, event } in &steps {
            now = now.saturating_add(Duration::from_micros(*wait));
            for ahead in [0, 1, 7_000_000, u64::MAX] {
                let later = now.saturating_add(Duration::from_micros(ahead));
                let _ = asked.seen(later);
                if let Some((request, cost)) = self::asked(&probe) {
                    let _ = asked.gate.earliest(later, &request.costs(&cost));
                }
            }
            prop_assert_eq!(asked.step(now, event).0, spared.step(now, event).0, "{:?}", event);
        }
    }

    /// `allow_iff_available` and `until_is_exact`: it passes when it was said to pass, and not a microsecond before.
    #[test]
    fn what_is_promised_is_kept_exactly(steps in steps(120), probe in event()) {
        let mut play = Play::new();
        let mut now = start();
        for Step { wait, event } in &steps {
            now = now.saturating_add(Duration::from_micros(*wait));
            while play.gate.expire(now).is_some() {}
            if let Some((request, cost)) = asked(event) {
                let request = request.costs(&cost);
                let earliest = play.gate.earliest(now, &request);
                let (said, refused) = play.step(now, event);
                prop_assert_eq!(earliest == Ok(now), !refused, "{:?} {}", earliest, said);
            } else {
                play.step(now, event);
            }
            let Some((request, cost)) = asked(&probe) else { continue };
            let request = request.costs(&cost);
            let unsent = play.gate.status(now).calls > 0 || play.gate.job(now, request.job()).is_some();
            match play.gate.earliest(now, &request) {
                Ok(at) if at > now => {
                    let before = at.saturating_sub(Duration::from_micros(1));
                    prop_assert_eq!(play.gate.earliest(before, &request), Ok(at), "a microsecond before");
                    // A permit that is out may come back first, and then not be enough; so may a lease of this very job.
                    prop_assert!(unsent || play.gate.earliest(at, &request) == Ok(at), "then: {:?}", at);
                }
                Ok(at) => prop_assert_eq!(at, now),
                Err(AskError::Refused { denied, .. }) => prop_assert!(!matches!(denied, Denied::Until(_))),
                Err(_) => {}
            }
        }
    }

    /// `never_over` and `time_backwards_mints_nothing`, with every limit judged from outside at every step.
    #[test]
    fn no_limit_is_ever_exceeded(steps in steps(160), back in prop::collection::vec(0..60_000_000u64, 160)) {
        let mut play = Play::new();
        let (mut now, mut last) = (start(), start());
        let mut granted: Vec<(Instant, u64)> = Vec::new();
        let mut sent: Vec<(Instant, u64, String)> = Vec::new();
        let mut out: Vec<(String, u64)> = Vec::new();
        for (Step { wait, event }, back) in steps.iter().zip(back) {
            now = now.saturating_add(Duration::from_micros(*wait));
            // Every third stamp is an old one.
            let stamp = if back % 3 == 0 { now.saturating_sub(Duration::from_micros(back)) } else { now };
            // Whatever is asked for is judged by the stamps that the gate has acted on.
            while play.gate.expire(stamp).is_some() {}
            last = last.max(stamp);
            let before = play.permits.len();
            let which = if let Event::Sending(at) = event { at.checked_rem(before) } else { None };
            let unsent = if let Event::Answered(at, NOT_SENT) = event { at.checked_rem(before) } else { None };
            let unsent = unsent.map(|index| format!("{:?}", Some(&play.permits[index])));
            let (said, refused) = play.step(stamp, event);
            if !refused && play.permits.len() > before {
                let requests = match event {
                    Event::Ask { requests, .. } | Event::Poll { requests } => u64::from(*requests),
                    _ => 0,
                };
                granted.push((last, requests));
                out.push((format!("{:?}", play.permits.last()), requests));
            }
            if let Some(index) = which.filter(|_| said == "Some(Ok(()))") {
                let name = format!("{:?}", Some(&play.permits[index]));
                let requests = out.iter().find(|(permit, _)| *permit == name).map_or(0, |(_, requests)| *requests);
                sent.push((last, requests, name));
            }
            // It has not reached the server after all.
            if let Some(name) = unsent.filter(|_| said.starts_with("Ok")) {
                sent.retain(|(.., permit)| *permit != name);
            }
            // The strict window, over every window that ends with a sent request.
            for (end, ..) in &sent {
                let inside = sent.iter().filter(|(at, ..)| *at <= *end && end.saturating_since(*at) < STRICT.1);
                let used: u64 = inside.map(|(_, requests, _)| *requests).sum();
                prop_assert!(used <= u64::from(STRICT.0), "{used} in one window");
            }
            // Sums of weight, and books. Under Reject the last word can only be over by what it says to be missing.
            prop_assert!(play.gate.in_flight(last) <= u64::from(SLOTS) + u64::from(play.gate.status(last).foreign));
            for (account, spec) in [(0, &CREDITS), (1, &DOLLARS)] {
                let report = play.gate.report(last, AccountId(account)).unwrap();
                prop_assert!(report.posted + report.held <= report.limit, "{spec:?}: {report:?}");
                prop_assert_eq!(report.available, report.limit - report.posted - report.held);
            }
        }
        // The bucket, over every interval that starts and ends with a grant; what was cancelled may have come back.
        let returns = |step: &Step| matches!(step.event, Event::Cancel(_) | Event::Answered(_, NOT_SENT));
        let returned = play.gate.counters().expired > 0 || steps.iter().any(returns);
        for (index, (from, _)) in granted.iter().enumerate().filter(|_| !returned) {
            for until in index..granted.len() {
                let used: u64 = granted[index..=until].iter().map(|(_, requests)| *requests).sum();
                let length = granted[until].0.saturating_since(*from);
                prop_assert!(used <= RATE.worst_case(length.saturating_add(Duration::from_micros(1))), "{used} in {length:?}");
            }
        }
    }

    /// `bounded_memory`, `no_panic`: any stamp at any time, the ends of the scale included.
    #[test]
    fn any_stamp_is_ordinary_input(steps in steps(60), stamps in prop::collection::vec(any::<u64>(), 60)) {
        let mut play = Play::new();
        for (Step { event, .. }, stamp) in steps.iter().zip(stamps) {
            let stamp = if stamp % 5 == 0 { u64::MAX - stamp % 1_000 } else { stamp >> (stamp % 64) };
            let _ = play.step(Instant::from_micros(stamp), event);
            let _ = play.seen(Instant::from_micros(stamp.rotate_left(7)));
        }
    }
}

/// `zero_cost_is_free` and `too_big_is_never`.
#[test]
fn nothing_is_free_and_too_much_is_never() {
    let mut gate = five();
    let now = start();
    for _ in 0..3 {
        let permit = gate.poll(now, 0).unwrap();
        gate.cancel(now, permit).unwrap();
    }
    assert_eq!(gate.status(now).requests, 4);
    let job = |id| Request::new(JobId(id), Duration::from_secs(60));
    let never = |gate: &mut Five, request: &Request<'_>| match gate.ask(now, request) {
        Err(AskError::Refused { limit, denied: Denied::Never { max } }) => (limit, max),
        other => panic!("{other:?}"),
    };
    assert_eq!(never(&mut gate, &job(1).counts(5)), (Binding::Requests, 4));
    assert_eq!(never(&mut gate, &job(1).weighs(5)), (Binding::Slots, 4));
    let (dear, dearer) = (lines(301), [Line::new::<Usd>(AccountId(1), Amount::whole(91))]);
    assert_eq!(never(&mut gate, &job(1).costs(&dear)), (Binding::Money(AccountId(0)), 300_000_000));
    assert_eq!(never(&mut gate, &job(1).costs(&dearer)), (Binding::Money(AccountId(1)), 90_000_000));
    assert_eq!(gate.status(now).in_flight, 0);
}

type Prepare = fn(&mut Five, Instant);

/// `all_or_nothing`: whichever limit refuses, the others have given nothing.
#[test]
fn one_refusal_leaves_every_limit_as_it_was() {
    let now = start();
    let cost = lines(100);
    let request = |id| Request::new(JobId(id), Duration::from_secs(60)).costs(&cost);
    let drained: [(Binding, Prepare); 5] = [
        (Binding::Block, |gate, now| gate.block_until(now, now.saturating_add(Duration::from_secs(9)))),
        (Binding::Slots, |gate, _| gate.set_slots(0)),
        (Binding::Requests, |gate, now| {
            for _ in 0..2 {
                let permit = gate.poll(now, 2).unwrap();
                gate.sending(now, &permit).unwrap();
                gate.answered(now, &permit, &BLIND, &mut retry(Repeatable::No), 0).unwrap();
            }
        }),
        (Binding::Money(AccountId(1)), |gate, now| {
            let spent = [Line::new::<Usd>(AccountId(1), Amount::whole(80))];
            let _ = gate.money_mut(now).charge(now, JobId(99), &spent).unwrap();
        }),
        (Binding::Calls, |gate, now| {
            for _ in 0..3 {
                let permit = gate.poll(now, 0).unwrap();
                gate.sending(now, &permit).unwrap();
            }
        }),
    ];
    for (binds, prepare) in drained {
        let mut play = Play::new();
        prepare(&mut play.gate, now);
        let before = play.seen(now);
        match play.gate.ask(now, &request(1)) {
            Err(AskError::Refused { limit, .. }) => assert_eq!(limit, binds),
            other => panic!("{binds:?}: {other:?}"),
        }
        assert_eq!(play.gate.try_ask(now, &request(1)), None, "{binds:?}");
        assert_eq!(play.gate.counters().refused(binds), 2, "{binds:?}");
        assert_eq!(play.seen(now), before, "{binds:?}");
    }
}

/// A permit that nobody sends gives its request back, and whoever waits for it is told when.
#[test]
fn a_wait_is_over_when_an_unsent_permit_is_void() {
    let now = start();
    let quota = valid!(Quota::every(Duration::from_secs(100)));
    let mut gate = Gate::<_, 4, 2>::new(Limits::new().requests(TokenBucket::new(quota, Start::Full, now)), now);
    let permit = gate.ask(now, &Request::new(JobId(1), Duration::ZERO)).unwrap();
    let second = Request::new(JobId(2), Duration::ZERO);
    let refused = |gate: &mut Gate<_, 4, 2>, denied| {
        assert_eq!(gate.ask(now, &second), Err(AskError::Refused { limit: Binding::Requests, denied }));
    };
    refused(&mut gate, Denied::Until(permit.until()));
    gate.sending(now, &permit).unwrap();
    refused(&mut gate, Denied::Until(now.saturating_add(Duration::from_secs(100))));
}
