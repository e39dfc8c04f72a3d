//! The part of the program that is the same everywhere: five clips wait for an upstream that takes an order a second,
//! makes two clips at once, and is paid from 80 credits.
//!
//! ```text
//! five clips ──> queue ──next──> gate: a request a second, two slots, 80 credits ──> upstream ──ready──> settled
//! ```
//! What differs is who sleeps, and how: see the four programs beside this file.

#![expect(clippy::missing_panics_doc, reason = "an example: what cannot happen ends the run")]

use core::fmt;

use tollgate::{
    AccountId, Amount, BudgetSpec, Credits, Denied, Dispatcher, Duration, Entry, Fate, Gate, Instant, JobId, Ledger,
    Limits, Line, Next, Queue, QueuePolicy, Quota, Renewal, Request, Start, TokenBucket, Work, valid,
};

const ORDERS: Quota = valid!(Quota::every(Duration::from_secs(1)));
static CREDITS: BudgetSpec<'static> = BudgetSpec::new::<Credits>(Amount::whole(80), Renewal::Lifetime);
/// What is set aside for a clip, and what it turns out to cost.
const ESTIMATE: Amount<Credits> = Amount::whole(20);
const ACTUAL: Amount<Credits> = Amount::whole(15);
/// How long a clip keeps its slot and its credits when nothing is heard of it.
const LEASE: Duration = Duration::from_mins(10);
/// How long the upstream works on each of them, in milliseconds.
const WANTED: [u64; 5] = [2_500, 3_000, 1_200, 2_000, 1_300];

type Money = Ledger<'static, 1, 0, 1, 0>;

/// A clip that is wanted.
#[derive(Debug)]
struct Clip {
    takes: Duration,
    price: [Line; 1],
}

impl Work for Clip {
    fn request(&self, id: JobId) -> Request<'_> {
        Request::new(id, LEASE).costs(&self.price)
    }
}

/// The queue, and the gate behind it.
#[derive(Debug)]
pub struct Studio {
    desk: Dispatcher<Gate<Limits<TokenBucket, (), Money>, 8, 2>, Clip, 8>,
    credits: AccountId,
    opened: Instant,
}

/// A clip that the upstream works on. It says so.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// Its number.
    pub id: JobId,
    /// How long it takes: then call [`Studio::ready`].
    pub takes: Duration,
    after: Duration,
}

/// A clip that is made and paid for. It says so.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    id: JobId,
    after: Duration,
    spent: u64,
}

impl Studio {
    /// Five clips wait.
    pub fn open(now: Instant) -> Self {
        let mut money = Money::new(Duration::ZERO);
        let credits = money.open(now, &CREDITS).expect("room for one account");
        let limits = Limits::new().requests(TokenBucket::new(ORDERS, Start::Full, now)).money(money);
        let mut desk = Dispatcher::new(Gate::new(limits, now).with_slots(2), Queue::new(QueuePolicy::DEFAULT));
        for (id, millis) in (1..).zip(WANTED) {
            let clip = Clip { takes: Duration::from_millis(millis), price: [Line::new(credits, ESTIMATE)] };
            desk.submit(now, Entry::new(JobId(id), clip)).expect("room for eight");
        }
        Self { desk, credits, opened: now }
    }

    /// Orders the next clip. `None`: all are made.
    ///
    /// # Errors
    /// Nothing can be ordered now: come back at that instant, or (`Busy`) when a clip is ready. Nothing has changed then.
    pub fn next(&mut self, now: Instant) -> Result<Option<Started>, Denied> {
        let (entry, permit) = match self.desk.next(now) {
            Next::Send { entry, permit } => (entry, permit),
            Next::WaitUntil(at) => return Err(Denied::Until(at)),
            Next::WaitForRelease => return Err(Denied::Busy),
            Next::Empty if self.desk.gate.in_flight(now) > 0 => return Err(Denied::Busy),
            Next::Empty => return Ok(None),
            Next::Expired(_) | Next::Rejected { .. } => unreachable!("no deadlines, and 20 of 80 credits"),
        };
        self.desk.gate.sending(now, &permit).expect("it is fresh");
        // Here the request goes out. This upstream takes every order at once.
        self.desk.gate.resolved(now, &permit, Fate::Runs).expect("it was sent");
        Ok(Some(Started { id: entry.id, takes: entry.payload.takes, after: now.saturating_since(self.opened) }))
    }

    /// The clip is made: its slot is free, and it is paid for.
    pub fn ready(&mut self, now: Instant, id: JobId) -> Ready {
        self.desk.gate.finished(now, id, &[Line::new(self.credits, ACTUAL)]).expect("it runs");
        let spent = self.desk.gate.report(now, self.credits).map_or(0, |report| report.posted / 1_000_000);
        Ready { id, after: now.saturating_since(self.opened), spent }
    }
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  clip {} is ordered", Seconds(self.after), self.id.0)
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  clip {} is ready, {} of 80 credits are spent", Seconds(self.after), self.id.0, self.spent)
    }
}

/// To the nearest tenth of a second: each of the four ways has a clock that ticks in its own steps.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.as_millis() + 50) / 100;
        write!(f, "{}.{} s", tenths / 10, tenths % 10)
    }
}
