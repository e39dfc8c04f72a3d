//! The desk of the two gateways: clips wait in a queue, a gate says which may be ordered, and an upstream plays a script.
//!
//! ```text
//! submit ──> queue ──head──> gate: 1 order in 500 ms, 3 at once, 200 credits ──> sent ──> answered ──> runs ──> finished
//!              ^                                                                            │
//!              └──────────────── 503, 429: back to its old place ───────────────────────────┘
//! ```

use tollgate::presets::backoffs;
use tollgate::{
    AccountId, Adaptation, Aimd, AimdPolicy, Amount, Answer, AskError, BudgetSpec, Credits, Denied, Duration, Entropy,
    Entry, Gate, Instant, JobId, Ledger, Limits, Line, Outcome, Permit, Queue, QueuePolicy, Quota, Renewal, Repeatable,
    Request, Retry, Start, TokenBucket, Verdict, valid,
};

static CREDITS: BudgetSpec<'static> = BudgetSpec::new::<Credits>(Amount::whole(200), Renewal::Lifetime);
const RATE: Quota = valid!(Quota::every(Duration::from_millis(500)));
/// The upstream says three at once, and we believe its refusals more.
const CROWD: AimdPolicy = AimdPolicy { floor: 1, ceiling: 3, keep_permille: 700, step: 1, every: 5 };
/// How long a clip keeps its slot and its credits when nothing is heard of it.
const LEASE: Duration = Duration::from_mins(5);
/// Credits for each second of a clip.
const PRICE: u32 = 4;

/// What is wanted: number, customer, seconds. One arrives each 100 ms.
pub const WANTED: [(u64, u32, u32); 8] =
    [(1, 1, 5), (2, 1, 3), (3, 1, 4), (4, 2, 2), (5, 2, 6), (6, 1, 1), (7, 2, 3), (8, 1, 2)];

type Money = Ledger<'static, 1, 0, 1, 0>;

/// A clip that waits to be made.
#[derive(Debug)]
pub struct Clip {
    seconds: u32,
    retry: Retry,
}

/// A clip on its way to the upstream.
#[derive(Debug)]
pub struct Order {
    entry: Entry<Clip>,
    permit: Permit,
}

impl Order {
    /// The number of the clip.
    pub fn number(&self) -> u64 {
        self.entry.id.0
    }

    /// How long it is, and how long the upstream takes to make it.
    pub fn seconds(&self) -> u32 {
        self.entry.payload.seconds
    }
}

/// The queue, the gate behind it, and the upstream.
#[derive(Debug)]
pub struct Desk {
    queue: Queue<Clip, 8>,
    gate: Gate<Limits<TokenBucket, (), Money, (), (), Adaptation>, 4, 1>,
    credits: AccountId,
    entropy: Entropy,
    /// The upstream has no room until a clip ends.
    full: bool,
    /// Clips that are neither finished nor given up.
    open: u32,
    upstream: Upstream,
}

impl Desk {
    /// Nothing waits, nothing runs.
    pub fn new(now: Instant) -> Self {
        let mut money = Money::new(Duration::ZERO);
        let credits = money.open(now, &CREDITS).expect("room for one account");
        let limits = Limits::new()
            .requests(TokenBucket::new(RATE, Start::Full, now))
            .money(money)
            .adaptation(Adaptation { jobs: Some(Aimd::new(valid!(CROWD.checked()))), ..Adaptation::default() });
        let gate = Gate::new(limits, now).with_slots(3);
        let queue = Queue::new(QueuePolicy::DEFAULT);
        Self {
            queue,
            gate,
            credits,
            entropy: Entropy::of_device(7),
            full: false,
            open: 0,
            upstream: Upstream::default(),
        }
    }

    /// A customer wants a clip; `false` if there is no room.
    pub fn submit(&mut self, now: Instant, number: u64, customer: u32, seconds: u32) -> bool {
        let clip = Clip { seconds, retry: Retry::new(backoffs::RETRY, Repeatable::Keyed, now) };
        let taken = self.queue.submit(now, now, Entry::new(JobId(number), clip).key(customer)).is_ok();
        self.open += u32::from(taken);
        taken
    }

    /// The clip to order now, taken out of the queue and booked in every limit.
    ///
    /// # Errors
    /// When to come back: at an instant, or (`Busy`) when a clip is submitted or finished. Nothing has changed then.
    pub fn next(&mut self, now: Instant) -> Result<Order, Denied> {
        if self.full {
            return Err(Denied::Busy);
        }
        let Some(head) = self.queue.head(now) else {
            return Err(self.queue.next_ready(now).map_or(Denied::Busy, Denied::Until));
        };
        let price = self.price(head.payload.seconds);
        let attempt = head.payload.retry.retried();
        let request = Request::new(head.id, LEASE).costs(&price).repeatable(Repeatable::Keyed).attempt(attempt);
        match self.gate.ask(now, &request) {
            Ok(permit) => {
                self.gate.sending(now, &permit).expect("it is fresh");
                Ok(Order { entry: self.queue.pop(now).expect("the head"), permit })
            }
            Err(AskError::Refused { denied, .. }) => Err(denied),
            Err(error) => panic!("{error}"),
        }
    }

    /// What the upstream would say to an order.
    pub fn ask_upstream(&mut self) -> u16 {
        self.upstream.order()
    }

    /// The upstream has answered with this status.
    pub fn answered(&mut self, now: Instant, mut order: Order, status: u16) -> Answer {
        let verdict = match status {
            429 => Verdict::Concurrency,
            503 => Verdict::Overloaded,
            _ => Verdict::Clear,
        };
        let outcome = Outcome::Answered { status, verdict, wait: None, should_retry: None };
        let entropy = self.entropy.next();
        let answer = self.gate.answered(now, &order.permit, &outcome, &mut order.entry.payload.retry, entropy);
        let answer = answer.expect("it was sent");
        self.full = matches!(answer, Answer::RetryOnRelease { .. }) && self.upstream.running > 0;
        match answer {
            Answer::RetryAt(at) | Answer::RetryOnRelease { not_before: at } => {
                self.queue.requeue(now, order.entry, at).expect("its place is free");
            }
            Answer::GiveUp(_) => self.open -= 1,
            _ => {}
        }
        answer
    }

    /// The instant that a refusal names; after `Busy`, only an event helps.
    pub fn when(denied: Denied) -> Instant {
        if let Denied::Until(at) = denied { at } else { Instant::MAX }
    }

    /// What an answer means, in a word for the log.
    pub fn word(answer: Answer) -> &'static str {
        match answer {
            Answer::Accepted => "accepted",
            Answer::RetryAt(_) => "again later",
            Answer::RetryOnRelease { .. } => "again when another one ends",
            Answer::GiveUp(_) => "given up",
            Answer::Done | Answer::Finished => "done",
        }
    }

    /// The clip is made, and costs what its seconds cost.
    pub fn finished(&mut self, now: Instant, number: u64, seconds: u32) {
        self.upstream.made(seconds);
        (self.full, self.open) = (false, self.open - 1);
        let price = self.price(seconds);
        self.gate.finished(now, JobId(number), &price).expect("it runs");
    }

    /// The books, once every clip is finished or given up: credits that we settled, credits that the upstream bills, and
    /// millionths that are still held.
    pub fn closing(&self, now: Instant) -> Option<(u64, u64, u64)> {
        let report = self.gate.report(now, self.credits)?;
        (self.open == 0).then_some((report.posted / 1_000_000, self.upstream.bill, report.held))
    }

    fn price(&self, seconds: u32) -> [Line; 1] {
        [Line::new::<Credits>(self.credits, Amount::whole(PRICE * seconds))]
    }
}

/// A server with room for two, one less than we were told, and a bad moment at every fourth order.
#[derive(Debug, Default)]
struct Upstream {
    orders: u32,
    running: u32,
    bill: u64,
}

impl Upstream {
    fn order(&mut self) -> u16 {
        self.orders += 1;
        if self.running == 2 {
            429
        } else if self.orders.is_multiple_of(4) {
            503
        } else {
            self.running += 1;
            200
        }
    }

    fn made(&mut self, seconds: u32) {
        self.running -= 1;
        self.bill += u64::from(PRICE * seconds);
    }
}
