//! What happens in the golden traces: every limiter, the ledger and a gate, asked by a clock that jumps and goes back.
//!
//! The same file is compiled for the host and into firmware; what it writes is the same bytes everywhere. A line is the
//! stamp in microseconds, what was asked, and the answer.

use core::fmt::{Debug, Result, Write};

use tollgate::{
    AccountId, Amount, Answer, Backoff, Breaker, BreakerPolicy, BudgetSpec, Calendar, Credits, Cycle, Denied, Duration,
    Entropy, Gate, History, Instant, JobId, Ledger, Limiter, Limits, Line, Outcome, Permit, Quota, Renewal, Repeatable,
    Request, Reservation, Retry, Slots, Start, TokenBucket, Trip, Trust, UnixMicros, Verdict, WhenFull, Window,
    WindowLog, WindowSlices, presets::backoffs, valid,
};

/// A scenario: the name of its file, and what writes it.
pub(crate) type Scenario = (&'static str, fn(&mut dyn Write) -> Result);

/// All of them, by name.
pub(crate) const SCENARIOS: [Scenario; 9] = [
    ("backoff", backoff),
    ("breaker", breaker),
    ("gate", gate),
    ("ledger", ledger),
    ("slots", slots),
    ("token_bucket", |out| limiter(out, TokenBucket::new(QUOTA, Start::Full, BEGIN), 1)),
    ("token_bucket_odd", |out| limiter(out, TokenBucket::new(ODD, Start::Empty, BEGIN), 2)),
    ("window_log", |out| limiter(out, WindowLog::<6>::new(WINDOW, WhenFull::Merge, History::Empty, BEGIN), 3)),
    ("window_slices", |out| match WindowSlices::<6>::new(WINDOW, History::UsedUp, BEGIN) {
        Ok(window) => limiter(out, window, 4),
        Err(error) => writeln!(out, "{error}"),
    }),
];

const BEGIN: Instant = Instant::from_secs(1_000);
const QUOTA: Quota = valid!(Quota::new_with_burst(60, Duration::from_mins(1), 5));
/// A remainder at every step.
const ODD: Quota = valid!(Quota::new_with_burst(300_007, Duration::from_secs(7), 9));
const WINDOW: Window = valid!(Window::new(12, Duration::from_secs(60)));
const MINUTE: Duration = Duration::from_mins(1);
static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(30), Renewal::Calendar(UTC_DAYS));
static LIFETIME: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(400), Renewal::Lifetime);
const UTC_DAYS: Calendar = Calendar::utc(Cycle::Day);

const STEPS: u32 = 64;

/// A clock that mostly walks, and a die: both from one seed.
struct World {
    now: Instant,
    seed: u32,
}

impl World {
    const fn new(seed: u32) -> Self {
        Self { now: BEGIN, seed: seed.wrapping_mul(0x9E37_79B9) | 1 }
    }

    /// A number below `sides`.
    const fn die(&mut self, sides: u32) -> u32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        ((self.seed as u64 * sides as u64) >> 32) as u32
    }

    /// The next stamp: of sixteen, two stand still, one goes back, one jumps far ahead, and the others walk.
    fn step(&mut self, stride: u32) -> Instant {
        let span = Duration::from_micros(u64::from(self.die(stride)));
        self.now = match self.die(16) {
            0 | 1 => self.now,
            2 => self.now.saturating_sub(span.saturating_mul(5)),
            3 => self.now.saturating_add(span.saturating_mul(200)),
            _ => self.now.saturating_add(span),
        };
        self.now
    }
}

/// A line of a trace.
fn say(out: &mut dyn Write, now: Instant, asked: core::fmt::Arguments<'_>, answer: &dyn Debug) -> Result {
    writeln!(out, "{:>14} {asked}: {answer:?}", now.as_micros())
}

/// The verbs of any limiter.
fn limiter<L: Limiter>(out: &mut dyn Write, mut limiter: L, seed: u32) -> Result {
    let mut world = World::new(seed);
    let mut held: Option<Reservation> = None;
    for _ in 0..STEPS {
        let now = world.step(2_000_000);
        let cost = u64::from(world.die(6));
        match (world.die(6), held.take()) {
            (0, _) => say(out, now, format_args!("earliest {cost}"), &limiter.earliest(now, cost))?,
            (1, Some(old)) => {
                limiter.commit(now, old, cost);
                say(out, now, format_args!("commit {cost}"), &limiter.available(now))?;
            }
            (2, Some(old)) => {
                limiter.release(now, old);
                say(out, now, format_args!("release"), &limiter.available(now))?;
            }
            (1..=3, old) => {
                held = old;
                if held.is_none() {
                    let reserved = limiter.reserve(now, cost, Duration::from_secs(3));
                    let told: core::result::Result<(Instant, u64), &Denied> =
                        reserved.as_ref().map(|held| (held.at(), held.cost()));
                    say(out, now, format_args!("reserve {cost} within 3 s"), &told)?;
                    held = reserved.ok();
                }
            }
            (_, old) => {
                held = old;
                say(out, now, format_args!("allow {cost}"), &limiter.allow(now, cost))?;
            }
        }
    }
    Ok(())
}

fn slots(out: &mut dyn Write) -> Result {
    let mut world = World::new(5);
    let mut slots = Slots::<4>::new(5);
    for _ in 0..STEPS {
        let (now, id) = (world.step(20_000_000), JobId(u64::from(world.die(6))));
        match world.die(5) {
            0 => say(out, now, format_args!("close {}", id.0), &slots.close(now, id))?,
            1 => say(out, now, format_args!("renew {}", id.0), &slots.renew(now, id, MINUTE))?,
            2 => say(out, now, format_args!("expire"), &slots.expire(now))?,
            _ => {
                let weight = u64::from(world.die(3)) + 1;
                let answer = slots.job(id, MINUTE).map(|mut job| job.allow(now, weight));
                say(out, now, format_args!("open {} with {weight}", id.0), &answer)?;
            }
        }
        say(out, now, format_args!("in flight"), &slots.in_flight(now))?;
    }
    Ok(())
}

fn breaker(out: &mut dyn Write) -> Result {
    const POLICY: BreakerPolicy =
        valid!(BreakerPolicy::new(Trip::Consecutive { failures: 3 }, Duration::from_secs(10)));
    let mut world = World::new(6);
    let mut breaker = Breaker::new(POLICY, BEGIN);
    for _ in 0..STEPS {
        let now = world.step(4_000_000);
        match breaker.reserve(now, 1, Duration::ZERO) {
            Ok(call) if world.die(3) == 0 => {
                breaker.success(now, call);
                say(out, now, format_args!("success"), &breaker.phase(now))?;
            }
            Ok(call) => {
                breaker.failure(now, call);
                say(out, now, format_args!("failure"), &breaker.phase(now))?;
            }
            Err(denied) => say(out, now, format_args!("refused"), &denied)?,
        }
    }
    Ok(())
}

fn backoff(out: &mut dyn Write) -> Result {
    let mut world = World::new(7);
    let mut backoff = Backoff::new(backoffs::RETRY.throttled, BEGIN);
    let mut entropy = Entropy::of_device(7).at_boot(3);
    for _ in 0..STEPS {
        let now = world.step(1_000_000);
        match world.die(8) {
            0 => {
                backoff.reset(now);
                say(out, now, format_args!("reset"), &backoff.retried())?;
            }
            1 => {
                let told = Duration::from_secs(u64::from(world.die(40)));
                say(out, now, format_args!("after {told}"), &backoff.after(told, now, entropy.next()))?;
            }
            _ => say(out, now, format_args!("next"), &backoff.next(now, entropy.next()))?,
        }
    }
    Ok(())
}

fn ledger(out: &mut dyn Write) -> Result {
    let mut world = World::new(8);
    let mut ledger = Ledger::<2, 4, 2, 4>::new(MINUTE);
    for spec in [&DAILY, &LIFETIME] {
        say(out, BEGIN, format_args!("open"), &ledger.open(BEGIN, spec))?;
    }
    let unix = UnixMicros::from_secs(1_795_219_200);
    say(out, BEGIN, format_args!("the date"), &ledger.set_wall(BEGIN, unix, Duration::ZERO, Trust::Owner))?;
    for _ in 0..STEPS {
        // Of a day's length are the far jumps.
        let (now, id) = (world.step(400_000_000), JobId(u64::from(world.die(7))));
        let credits = Amount::whole(world.die(14));
        let lines = [AccountId(0), AccountId(1)].map(|account| Line::new::<Credits>(account, credits));
        let (id_, whole) = (id.0, credits.to_whole_floor());
        match world.die(6) {
            0 => say(out, now, format_args!("void {id_}"), &ledger.void(now, id))?,
            1 => say(out, now, format_args!("refund {id_} {whole}"), &ledger.refund(now, id, &lines))?,
            2 => say(out, now, format_args!("settle {id_} {whole}"), &ledger.settle(now, id, &lines))?,
            3 => say(out, now, format_args!("charge {id_} {whole}"), &ledger.charge(now, id, &lines))?,
            _ => say(out, now, format_args!("reserve {id_} {whole}"), &ledger.reserve(now, id, &lines, MINUTE))?,
        }
        let free = [AccountId(0), AccountId(1)].map(|account| ledger.available::<Credits>(now, account).ok());
        say(out, now, format_args!("free"), &free.map(|free| free.map(Amount::as_micros)))?;
    }
    Ok(())
}

fn gate(out: &mut dyn Write) -> Result {
    let mut world = World::new(9);
    let mut money = Ledger::<2, 0, 2, 0>::new(Duration::ZERO);
    say(out, BEGIN, format_args!("open"), &money.open(BEGIN, &LIFETIME))?;
    let limits = Limits::new().requests(TokenBucket::new(QUOTA, Start::Full, BEGIN)).money(money);
    let mut gate = Gate::<_, 4, 3>::new(limits, BEGIN).with_slots(3);
    let mut permit: Option<Permit> = None;
    for _ in 0..STEPS {
        let (now, id) = (world.step(5_000_000), JobId(u64::from(world.die(5))));
        let cost = [Line::new::<Credits>(AccountId(0), Amount::whole(world.die(9)))];
        match (permit.take(), world.die(4)) {
            (Some(sent), 0) => say(out, now, format_args!("cancel"), &gate.cancel(now, sent))?,
            (Some(sent), _) => {
                let status = [200, 429, 503].get(world.die(3) as usize).copied().unwrap_or(200);
                let verdict = if status == 429 { Verdict::Blind } else { Verdict::Clear };
                let outcome = Outcome::Answered { status, verdict, wait: None, should_retry: None };
                let mut retry = Retry::new(backoffs::RETRY, Repeatable::Keyed, now);
                say(out, now, format_args!("sending"), &gate.sending(now, &sent))?;
                let entropy = world.die(u32::MAX);
                let answer: core::result::Result<Answer, _> = gate.answered(now, &sent, &outcome, &mut retry, entropy);
                say(out, now, format_args!("answered {status}"), &answer)?;
            }
            (None, 0) => say(out, now, format_args!("finished {}", id.0), &gate.finished(now, id, &cost))?,
            (None, _) => {
                let request = Request::new(id, MINUTE).costs(&cost).repeatable(Repeatable::Keyed);
                let asked = gate.ask(now, &request);
                say(out, now, format_args!("ask {}", id.0), &asked.as_ref().map(Permit::until))?;
                permit = asked.ok();
            }
        }
        say(out, now, format_args!("next event"), &gate.next_event(now))?;
    }
    Ok(())
}
