//! The gate: with a quota and slots alone, and with five limits, sixteen places for jobs and seven of eight slots taken.

use core::hint::black_box;

use tollgate::{
    Answer, AnyLimits, AskError, Binding, Breaker, BreakerPolicy, Burst, Duration, Fate, Gate, History, Instant, JobId,
    Ledger, Limits, Line, Outcome, Permit, Quota, QuotaCosts, Repeatable, Request, Restraint, Retry, RetryQuota, Start,
    TokenBucket, Trip, Verdict, Window, WindowSlices, presets::backoffs, valid,
};

use crate::case::{BEGIN, Case, Goal, anew};
use crate::money::{self, Accounts, GUESS, TOO_MUCH, TRUTH};

/// Request quota and slots; 8 jobs, 2 requests on their way.
pub type Two = Desk<Limits<TokenBucket>, 8, 2>;
/// Request quota, strict window, slots, four accounts, breaker with a stock of retries; 16 jobs of 2 amounts, 4 requests
/// on their way.
pub type Five = Desk<FiveLimits, 16, 4>;
/// The limits of [`Five`], but for the slots.
pub type FiveLimits = Limits<TokenBucket, WindowSlices<60>, Accounts, Breaker, Restraint>;

/// Sixty a minute, ten at once.
pub const QUOTA: Quota = valid!(Quota::new_with_burst(60, Duration::from_mins(1), 10));
/// Sixty in any minute.
pub const WINDOW: Window = valid!(Window::new(60, Duration::from_mins(1)));
/// Half of the calls of a minute.
pub const BREAKER: BreakerPolicy = valid!(BreakerPolicy::new(
    Trip::Rolling { window: Duration::from_mins(1), calls: 10, permille: 500 },
    Duration::from_secs(30)
));

const LEASE: Duration = Duration::from_mins(10);
/// The server is content.
const OK: Outcome = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };
const NEXT: JobId = JobId(17);

/// A gate, and what its user keeps of a call.
#[derive(Debug)]
pub struct Desk<L: AnyLimits, const J: usize, const C: usize> {
    gate: Gate<L, J, C>,
    guess: &'static [Line],
    truth: &'static [Line],
    permit: Option<Permit>,
    refused: Option<AskError>,
    retry: Retry,
}

impl<L: AnyLimits, const J: usize, const C: usize> Desk<L, J, C> {
    /// Nothing is on its way.
    pub const fn new(gate: Gate<L, J, C>, guess: &'static [Line], truth: &'static [Line]) -> Self {
        let retry = Retry::new(backoffs::RETRY, Repeatable::Keyed, BEGIN);
        Self { gate, guess, truth, permit: None, refused: None, retry }
    }

    fn refused_by(&self, limit: Binding) -> bool {
        matches!(self.refused, Some(AskError::Refused { limit: found, .. }) if found == limit)
    }
}

/// So many jobs run, as the cases show by what is left for them.
#[inline(never)]
fn run_jobs<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, jobs: u64) -> bool {
    (0..jobs).all(|id| {
        let request = Request::new(JobId(id), LEASE).costs(desk.guess);
        desk.gate.ask(BEGIN, &request).is_ok_and(|permit| {
            let sent = desk.gate.sending(BEGIN, &permit);
            sent.is_ok() && desk.gate.answered(BEGIN, &permit, &OK, &mut desk.retry, 0) == Ok(Answer::Accepted)
        })
    })
}

/// Asks for the next job.
#[inline(never)]
pub fn gate_ask<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, now: Instant) -> bool {
    let request = Request::new(black_box(NEXT), LEASE).costs(desk.guess);
    match desk.gate.ask(now, &request) {
        Ok(permit) => desk.permit = Some(permit),
        Err(why) => desk.refused = Some(why),
    }
    desk.permit.is_some()
}

/// Asks for the next job, and not why not.
#[inline(never)]
pub fn gate_try_ask<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, now: Instant) -> bool {
    let request = Request::new(black_box(NEXT), LEASE).costs(desk.guess);
    desk.permit = desk.gate.try_ask(now, &request);
    desk.permit.is_some()
}

/// Says that it is sent.
#[inline(never)]
pub fn gate_sending<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, now: Instant) -> bool {
    desk.permit.as_ref().is_some_and(|permit| desk.gate.sending(now, permit).is_ok())
}

/// Says that the server has accepted it.
#[inline(never)]
pub fn gate_answered<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, now: Instant) -> bool {
    let Some(permit) = &desk.permit else { return false };
    desk.gate.answered(now, permit, black_box(&OK), &mut desk.retry, 0) == Ok(Answer::Accepted)
}

/// Says what has become of it.
#[inline(never)]
pub fn gate_resolved<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, now: Instant) -> bool {
    let Some(permit) = &desk.permit else { return false };
    desk.gate.resolved(now, permit, black_box(Fate::Runs)).is_ok()
}

/// Says that a job has ended.
#[inline(never)]
pub fn gate_finished<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, now: Instant) -> bool {
    desk.gate.finished(now, JobId(black_box(3)), desk.truth).is_ok()
}

/// Asks until when there is nothing to do.
#[inline(never)]
pub fn gate_next_event<L: AnyLimits, const J: usize, const C: usize>(desk: &mut Desk<L, J, C>, now: Instant) -> bool {
    desk.gate.next_event(now).is_some()
}

/// The limits of [`Five`], with 60 slices in a minute.
pub fn five_limits(bucket: TokenBucket, window: WindowSlices<60>, breaker: BreakerPolicy) -> FiveLimits {
    let mut ledger = Ledger::new(Duration::from_secs(5));
    money::open(&mut ledger);
    let restraint =
        Restraint { quota: Some(RetryQuota::new(QuotaCosts::AWS)), ratio: None, burst: Some(Burst::SEED_001) };
    let limits = Limits::new().requests(bucket).window(window).money(ledger);
    limits.breaker(Breaker::new(breaker, BEGIN)).restraint(restraint)
}

/// Eight slots.
#[inline(never)]
fn two() -> Two {
    let bucket = TokenBucket::new(black_box(QUOTA), Start::Full, BEGIN);
    Desk::new(Gate::new(Limits::new().requests(bucket), BEGIN).with_slots(8), &[], &[])
}

#[inline(never)]
fn five_of(quota: Quota, history: History) -> Five {
    let bucket = TokenBucket::new(black_box(quota), Start::Full, BEGIN);
    let window = WindowSlices::new(black_box(WINDOW), history, BEGIN)
        .unwrap_or_else(|_| unreachable!("a minute divides by sixty"));
    let limits = five_limits(bucket, window, black_box(BREAKER));
    Desk::new(Gate::new(limits, BEGIN).with_slots(8), &GUESS, &TRUTH)
}

fn five() -> Five {
    five_of(QUOTA, History::Empty)
}

/// The quota refuses the eighth.
fn hasty() -> Five {
    five_of(valid!(QUOTA.with_burst(7)), History::Empty)
}

const TWO: &str = "Gate of a quota and 8 slots";
const FIVE: &str = "Gate of five limits, 7 of 8 slots taken";
/// On a Cortex-M3.
const ASK: Goal = Some((1_500, 600));

/// Seven of eight slots.
const BUSY: fn(&mut Five, Instant) -> bool = |desk, _| run_jobs(desk, 7);

/// The next job costs more than is there.
const POOR: fn(&mut Five, Instant) -> bool = |desk, _| {
    desk.guess = &TOO_MUCH;
    true
};

/// The rows.
pub static CASES: [Case; 16] = [
    Case::anew(TWO, "try_ask, granted", |run| anew(two, &[|desk, _| run_jobs(desk, 7)], gate_try_ask, run, |_, ok| ok)),
    Case::anew(TWO, "try_ask, refused by the slots", |run| {
        anew(two, &[|desk, _| run_jobs(desk, 8)], gate_try_ask, run, |_, ok| !ok)
    }),
    Case::anew(TWO, "ask, granted", |run| anew(two, &[|desk, _| run_jobs(desk, 7)], gate_ask, run, |_, ok| ok)),
    Case::anew(TWO, "ask, refused by the slots + retry time", |run| {
        anew(two, &[|desk, _| run_jobs(desk, 8)], gate_ask, run, |desk, _| desk.refused_by(Binding::Slots))
    }),
    Case::anew(FIVE, "try_ask, granted", |run| anew(five, &[BUSY], gate_try_ask, run, |_, ok| ok))
        .goals(None, ASK, None),
    Case::anew(FIVE, "try_ask, refused by an account", |run| anew(five, &[BUSY, POOR], gate_try_ask, run, |_, ok| !ok))
        .goals(None, ASK, None),
    Case::anew(FIVE, "ask, granted", |run| anew(five, &[BUSY], gate_ask, run, |_, ok| ok)).goals(None, ASK, None),
    Case::anew(FIVE, "ask, refused by the quota + retry time", |run| {
        anew(hasty, &[BUSY], gate_ask, run, |desk, _| desk.refused_by(Binding::Requests))
    })
    .goals(None, ASK, None),
    Case::anew(FIVE, "ask, refused by the slots + retry time", |run| {
        anew(five, &[|desk, _| run_jobs(desk, 8)], gate_ask, run, |desk, _| desk.refused_by(Binding::Slots))
    })
    .goals(None, ASK, None),
    Case::anew(FIVE, "ask, refused by the window + retry time", |run| {
        let build = || five_of(QUOTA, History::UsedUp);
        anew(build, &[], gate_ask, run, |desk, _| desk.refused_by(Binding::Window))
    })
    .goals(None, ASK, None),
    Case::anew(FIVE, "ask, refused by an account + retry time", |run| {
        anew(five, &[BUSY, POOR], gate_ask, run, |desk, _| {
            matches!(desk.refused, Some(AskError::Refused { limit: Binding::Money(_), .. }))
        })
    })
    .goals(None, ASK, None),
    Case::anew(FIVE, "sending", |run| anew(five, &[BUSY, gate_ask], gate_sending, run, |_, ok| ok)),
    Case::anew(FIVE, "answered", |run| anew(five, &[BUSY, gate_ask, gate_sending], gate_answered, run, |_, ok| ok)),
    Case::anew(FIVE, "resolved", |run| anew(five, &[BUSY, gate_ask, gate_sending], gate_resolved, run, |_, ok| ok)),
    Case::anew(FIVE, "finished", |run| anew(five, &[BUSY], gate_finished, run, |_, ok| ok)),
    Case::anew(FIVE, "next_event", |run| anew(five, &[BUSY], gate_next_event, run, |_, ok| ok)),
];
