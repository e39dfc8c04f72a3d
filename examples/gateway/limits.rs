//! Everything the client keeps to, in one gate: requests, tasks, money, and what the server says. And the queue before it.
//!
//! **Why no violation can happen, however late a packet or a thread is.** The server counts a request when it *arrives*.
//! That instant is not known here, but it lies between two that are: *sent*, and *answered*. The strict window counts a
//! request in full from the first and does not let it age until the second. So whatever the server has in its minute, the
//! window has in its own; no margin is guessed. `limits_tests.rs` tries it with every latency.
//!
//! ```text
//!  here     sent ├──── held, does not age ────┤ answered ├──── 60 s ────┤ out
//!  server              arrived ├──── 60 s ────┤ out
//! ```
//! Giving up on a request that may still arrive would break that: so nobody gives up, but for the deadline of the run.

use std::error::Error;

use tollgate::journal::GateKeeper;
use tollgate::presets::backoffs;
use tollgate::{
    Adaptation, Aimd, AimdPolicy, Breaker, BreakerPolicy, Burst, Dispatcher, Duration, Entry, History, Instant, JobId,
    Limits, Line, Offer, Patience, QueuePolicy, Quota, QuotaCosts, Repeatable, Request, Restraint, Retry, RetryPolicy,
    RetryQuota, Start, TokenBucket, Trip, WhenFull, Window, WindowLog, Work, valid,
};

use crate::jobs::{Job, MOST_JOBS};
use crate::money::{MOST_ACCOUNTS, Money, Purse};
use crate::plan::Plan;

const MINUTE: Duration = Duration::from_mins(1);
/// How long slot and money are kept for a task of which nothing is heard. Every sign of life renews them.
pub(crate) const LEASE: Duration = Duration::from_hours(1);
/// The backoff of source document 001, and at most two minutes of what a server imposes.
pub(crate) const POLICY: RetryPolicy = RetryPolicy {
    throttled: backoffs::SEED_001,
    transient: backoffs::SEED_001_SERVER_ERROR,
    max_block: Duration::from_mins(2),
    ..backoffs::RETRY
};
const BREAKER: BreakerPolicy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 8 }, Duration::from_secs(30)));
/// Nobody is overtaken by a less urgent class.
pub(crate) const STRICT: QueuePolicy = QueuePolicy { patience: u16::MAX, ..QueuePolicy::DEFAULT };

type Upstream = Limits<TokenBucket, WindowLog<64>, Money, Breaker, Restraint, Adaptation>;
/// Up to 64 tasks, and 64 requests on their way.
pub(crate) type Gate = tollgate::Gate<Upstream, 64, 64>;
/// With what it knows of money and jobs in a journal.
pub(crate) type Keeper<F> = GateKeeper<F, Upstream, MOST_ACCOUNTS, 64, 64>;
/// With a queue of three classes.
pub(crate) type Jobs<G> = Dispatcher<G, Box<Clip>, MOST_JOBS, 3>;
/// A job that waits or is on its way.
pub(crate) type Order = Entry<Box<Clip>>;

/// What the gate has to know of a job.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) job: Job,
    /// The last word of the server, for people.
    pub(crate) said: String,
    pub(crate) price: [Line; 4],
    /// As how many requests and how many tasks it counts: that is how `--careless` breaks the plan.
    counts: [u32; 2],
    retry: Retry,
}

impl Clip {
    /// The entry of a job, at its price.
    pub(crate) fn order(job: Job, purse: &Purse, counts: [u32; 2], now: Instant) -> Result<Order, String> {
        let (id, key, class) = (JobId(job.id), purse.number(&job), job.priority.class());
        let price = purse.price(&job, job.duration_s)?;
        // The server knows a task by our name for it, so that an order sent twice starts one task.
        let retry = Retry::new(POLICY, Repeatable::Keyed, now);
        Ok(Entry::new(id, Box::new(Self { job, said: "nobody knows why".to_owned(), price, counts, retry }))
            .key(key)
            .class(class))
    }
}

impl Work for Box<Clip> {
    fn request(&self, id: JobId) -> Request<'_> {
        let [requests, slots] = self.counts;
        let request = Request::new(id, LEASE).counts(requests).weighs(slots).costs(&self.price);
        request.repeatable(self.retry.repeatable()).attempt(self.retry.retried())
    }

    fn retry(&mut self) -> Option<&mut Retry> {
        Some(&mut self.retry)
    }
}

/// The limits of a plan: all of them unused, or used up to be safe if there was a run of which nobody knows how it used
/// them.
pub(crate) fn of(plan: Plan, money: Money, now: Instant, resumed: bool) -> Result<Gate, Box<dyn Error>> {
    let (start, history) = if resumed { (Start::Empty, History::UsedUp) } else { (Start::Full, History::Empty) };
    // Ten seconds' worth at once, so that requests do not come in clots of thirty.
    let rate = Quota::new_with_burst(plan.per_minute, MINUTE, plan.per_minute.div_ceil(6))?;
    // What the plan promises, exactly: so many in *any* minute. The rate alone would let its burst through on top.
    let minute = Window::new(plan.per_minute, MINUTE)?;
    // What the server seems to take: the plan's, or less for a while. At least half of the requests, and two more after
    // each success; one task more at once after three.
    let requests = AimdPolicy {
        floor: plan.per_minute.div_ceil(2),
        ceiling: plan.per_minute,
        keep_permille: 700,
        step: 2,
        every: 1,
    };
    let tasks = AimdPolicy { floor: 1, ceiling: plan.concurrent, keep_permille: 500, step: 1, every: 3 };
    let limits = Limits::new()
        .requests(TokenBucket::new(rate, start, now))
        .window(WindowLog::new(minute, WhenFull::Refuse, history, now))
        .money(money)
        .breaker(Breaker::new(BREAKER, now))
        .restraint(Restraint {
            quota: Some(RetryQuota::new(QuotaCosts::AWS)),
            burst: Some(Burst::SEED_001),
            ratio: None,
        })
        .adaptation(Adaptation {
            rate: Some((Aimd::new(requests.checked()?), MINUTE)),
            jobs: Some(Aimd::new(tasks.checked()?)),
            offer: Some(Offer::NONE),
            pacing: None,
        });
    let patience = Patience { to_answer: LEASE, max_block: POLICY.max_block, ..Patience::DEFAULT };
    Ok(Gate::new(limits, now).with_slots(plan.concurrent).with_patience(patience))
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
