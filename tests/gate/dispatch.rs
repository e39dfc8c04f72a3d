//! The dispatcher: starts that are exact, nothing lost, and a hundred thousand jobs against a server that keeps books.

use std::collections::{BTreeMap, VecDeque};

use tollgate::{
    AccountId, Amount, Answer, AskError, Binding, BudgetSpec, Credits, Denied, Dispatcher, Duration, Entry, Gate,
    Instant, JobId, JobState, Ledger, Limits, Line, Next, Queue, QueuePolicy, Quota, Renewal, Repeatable, Request,
    Start, SubmitError, TokenBucket, Work, valid,
};

use crate::support::{BLIND, BROKEN, LEASE, OK, PATIENCE, S, retry};

/// A job with its estimate.
#[derive(Clone, Debug)]
struct Clip([Line; 1], u32);

impl Work for Clip {
    fn request(&self, id: JobId) -> Request<'_> {
        Request::new(id, LEASE).costs(&self.0).weighs(self.1).repeatable(Repeatable::Keyed)
    }
}

#[derive(Debug)]
struct Free;

impl Work for Free {
    fn request(&self, id: JobId) -> Request<'_> {
        Request::new(id, LEASE)
    }
}

#[derive(Debug)]
struct Heavy;

impl Work for Heavy {
    fn request(&self, id: JobId) -> Request<'_> {
        Request::new(id, LEASE).weighs(3)
    }
}

type Simple = Dispatcher<Gate<Limits<TokenBucket>, 16, 16>, Free, 16>;

fn spaced(by: u64, slots: u32) -> Simple {
    let quota = Quota::every(Duration::from_secs(by)).unwrap();
    let gate = Gate::new(Limits::new().requests(TokenBucket::new(quota, Start::Full, S(0))), S(0));
    Dispatcher::new(gate.with_slots(slots).with_patience(PATIENCE), Queue::new(QueuePolicy::DEFAULT))
}

/// Starts all that wait; each call takes `call` seconds, and the next is asked for when it is over.
fn starts(jobs: &mut Simple, call: u64) -> Vec<u64> {
    let (mut now, mut starts) = (S(0), Vec::new());
    loop {
        match jobs.next(now) {
            Next::Send { permit, .. } => {
                jobs.gate.sending(now, &permit).unwrap();
                starts.push(now.as_micros() / 1_000_000);
                now = now.saturating_add(Duration::from_secs(call));
                jobs.gate.answered(now, &permit, &OK, &mut retry(Repeatable::No), 0).unwrap();
            }
            Next::WaitUntil(then) => now = then,
            _ => return starts,
        }
    }
}

#[test]
fn a_start_does_not_wait_for_the_job_before_it() {
    let mut jobs = spaced(1, 5);
    for id in 0..5 {
        jobs.submit(S(0), Entry::new(JobId(id), Free)).unwrap();
    }
    assert_eq!(starts(&mut jobs, 0), [0, 1, 2, 3, 4]);
    assert_eq!(jobs.gate.in_flight(S(5)), 5);
}

#[test]
fn starts_keep_their_distance_from_start_to_start() {
    let mut jobs = spaced(2, 9);
    for id in 0..4 {
        jobs.submit(S(0), Entry::new(JobId(id), Free)).unwrap();
    }
    assert_eq!(starts(&mut jobs, 2), [0, 2, 4, 6]);
}

#[test]
fn a_newcomer_does_not_take_the_slot_of_who_waits() {
    let mut jobs = spaced(1, 1);
    jobs.submit(S(0), Entry::new(JobId(1), Free)).unwrap();
    let Next::Send { permit, .. } = jobs.next(S(0)) else { panic!() };
    jobs.gate.sending(S(0), &permit).unwrap();
    for id in [2, 3] {
        jobs.submit(S(id), Entry::new(JobId(id), Free)).unwrap();
    }
    assert!(matches!(jobs.next(S(4)), Next::WaitUntil(_)));
    jobs.gate.finished(S(5), JobId(1), &[]).unwrap();
    let Next::Send { entry, .. } = jobs.next(S(5)) else { panic!() };
    assert_eq!(entry.id, JobId(2));
}

#[test]
fn a_deadline_that_cannot_be_met_is_refused_at_once_and_others_expire_exactly() {
    let mut jobs = spaced(60, 9);
    jobs.submit(S(0), Entry::new(JobId(1), Free)).unwrap();
    let Next::Send { permit, .. } = jobs.next(S(0)) else { panic!() };
    jobs.gate.sending(S(0), &permit).unwrap();
    let refused = jobs.submit(S(0), Entry::new(JobId(2), Free).deadline(S(59))).unwrap_err();
    assert!(matches!(refused, SubmitError::Queue(_)), "{refused}");
    jobs.submit(S(0), Entry::new(JobId(3), Free)).unwrap();
    jobs.submit(S(0), Entry::new(JobId(4), Free).deadline(S(60))).unwrap();
    let Next::Send { entry, permit } = jobs.next(S(60)) else { panic!() };
    assert_eq!(entry.id, JobId(3));
    jobs.gate.sending(S(60), &permit).unwrap();
    let late = S(60).saturating_add(Duration::from_micros(1));
    assert!(matches!(jobs.next(S(60)), Next::WaitUntil(at) if at == late));
    assert!(matches!(jobs.next(late), Next::Expired(entry) if entry.id == JobId(4)));
    assert!(matches!(jobs.next(late), Next::Empty));
}

#[test]
fn what_can_never_pass_comes_back_with_its_reason() {
    let quota = Quota::every(Duration::from_secs(1)).unwrap();
    let gate = Gate::<_, 4, 4>::new(Limits::new().requests(TokenBucket::new(quota, Start::Full, S(0))), S(0));
    let mut jobs = Dispatcher::<_, _, 4>::new(gate.with_slots(3), Queue::new(QueuePolicy::DEFAULT));
    let heavy = Clip([Line::new::<Credits>(AccountId(0), Amount::ZERO)], 9);
    let SubmitError::Gate { why, entry } = jobs.submit(S(0), Entry::new(JobId(1), heavy)).unwrap_err() else {
        panic!()
    };
    assert!(matches!(why, AskError::Estimate(_)), "{why}");
    assert_eq!(entry.id, JobId(1));
    // It fitted when it came, and then the owner lowered the limit.
    let gate = Gate::<_, 4, 4>::new(Limits::new(), S(0)).with_slots(3);
    let mut jobs = Dispatcher::<_, _, 4>::new(gate, Queue::new(QueuePolicy::DEFAULT));
    jobs.submit(S(0), Entry::new(JobId(1), Heavy)).unwrap();
    jobs.gate.set_slots(2);
    let Next::Rejected { entry, why } = jobs.next(S(0)) else { panic!() };
    assert_eq!(
        (entry.id, why),
        (JobId(1), AskError::Refused { limit: Binding::Slots, denied: Denied::Never { max: 2 } })
    );
}

static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(4_000_000), Renewal::Lifetime);

type Busy = Dispatcher<Gate<Limits<TokenBucket, (), Ledger<'static, 1, 0, 1, 0>>, 256, 16>, Clip, 128, 5>;

/// A small deterministic source of chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// What the server knows: which jobs run, what each cost, and how many ran at once.
#[derive(Default)]
struct Server {
    running: BTreeMap<u64, u64>,
    billed: u64,
    most: usize,
}

/// A hundred thousand jobs of fifty keys in five classes; some are cancelled, some tasks crash, the clock is faulty.
#[test]
fn a_hundred_thousand_jobs_lose_nothing_and_double_nothing() {
    const SLOTS: u32 = 12;
    const JOBS: u64 = 100_000;
    let quota = valid!(Quota::new(50, Duration::from_secs(1)));
    let mut money = Ledger::new(Duration::ZERO);
    let account = money.open(S(0), &CREDITS).unwrap();
    let limits = Limits::new().requests(TokenBucket::new(quota, Start::Full, S(0))).money(money);
    let gate = Gate::new(limits, S(0)).with_slots(SLOTS).with_patience(PATIENCE);
    let mut jobs = Busy::new(gate, Queue::new(QueuePolicy::DEFAULT));
    let (mut chance, mut server) = (Chance(0x5EED), Server::default());
    let (mut now, mut next_id) = (S(1_000), 0u64);
    let (mut sent, mut cancelled, mut dropped, mut crashed) = (0u64, 0u64, 0u64, 0u64);
    // Tasks that the server runs, in the order in which they end.
    let mut ends: VecDeque<(Instant, u64)> = VecDeque::new();
    while next_id < JOBS || !jobs.queue.is_empty() || !ends.is_empty() {
        while next_id < JOBS && jobs.queue.len() < 100 {
            let cost = [Line::new::<Credits>(account, Amount::whole(20))];
            let class = u8::try_from(chance.below(5)).unwrap();
            let key = u32::try_from(chance.below(50)).unwrap();
            jobs.submit(now, Entry::new(JobId(next_id), Clip(cost, 1)).key(key).class(class)).unwrap();
            next_id += 1;
        }
        if chance.below(50) == 0 {
            let known: Vec<_> = jobs.queue.jobs().collect();
            if let Some(id) = known.first() {
                assert!(jobs.cancel(*id).is_some());
                cancelled += 1;
            }
        }
        // A faulty clock: now and then it shows an earlier instant.
        let shown = if chance.below(20) == 0 { now.saturating_sub(Duration::from_secs(chance.below(30))) } else { now };
        match jobs.next(shown) {
            Next::Send { permit, entry } => match chance.below(40) {
                // The task is dropped before it sends, with or without a word.
                0 => {
                    jobs.gate.cancel(shown, permit).unwrap();
                    dropped += 1;
                }
                1 => dropped += 1,
                fate => {
                    jobs.gate.sending(shown, &permit).unwrap();
                    let outcome = match fate {
                        2 => BLIND,
                        3 => BROKEN,
                        _ => OK,
                    };
                    if outcome == BLIND {
                        let answer = jobs.gate.answered(shown, &permit, &outcome, &mut retry(Repeatable::Keyed), 0);
                        let Ok(Answer::RetryAt(at)) = answer else { panic!("{answer:?}") };
                        jobs.requeue(shown, entry, at).unwrap();
                        continue;
                    }
                    sent += 1;
                    // The server has it, whether or not its answer arrives.
                    let cost = chance.below(20) + 1;
                    server.running.insert(entry.id.0, cost);
                    server.most = server.most.max(server.running.len());
                    ends.push_back((now.saturating_add(Duration::from_secs(1)), entry.id.0));
                    if fate == 4 {
                        crashed += 1;
                    } else {
                        jobs.gate.answered(shown, &permit, &outcome, &mut retry(Repeatable::No), 0).unwrap();
                    }
                }
            },
            Next::WaitUntil(at) => {
                now = now.max(at.min(now.saturating_add(Duration::from_millis(100))));
            }
            Next::WaitForRelease | Next::Empty => now = now.saturating_add(Duration::from_millis(100)),
            Next::Expired(_) | Next::Rejected { .. } => panic!("none has a deadline, and all fit"),
        }
        while ends.front().is_some_and(|(end, _)| *end <= now) {
            let (_, id) = ends.pop_front().unwrap();
            let cost = server.running.remove(&id).unwrap();
            server.billed += cost;
            let actual = [Line::new::<Credits>(account, Amount::whole(u32::try_from(cost).unwrap()))];
            jobs.gate.finished(now, JobId(id), &actual).unwrap();
        }
    }
    let now = now.saturating_add(Duration::from_secs(1_000));
    while jobs.gate.expire(now).is_some() {}
    let report = jobs.gate.report(now, account).unwrap();
    assert_eq!((report.posted, report.held, report.unaccounted), (server.billed * 1_000_000, 0, 0));
    assert_eq!((jobs.gate.in_flight(now), jobs.gate.status(now).calls), (0, 0), "no permit is lost");
    assert_eq!(sent + cancelled + dropped, JOBS, "each job has exactly one end");
    assert!(server.most <= SLOTS as usize, "{} at once", server.most);
    assert_eq!(jobs.gate.counters().late, 0, "and none was charged as a stranger");
    assert!(jobs.gate.jobs().all(|(_, state)| state == JobState::Settled));
    assert!(cancelled > 1_000 && dropped > 1_000 && crashed > 1_000, "{cancelled} {dropped} {crashed}");
}
