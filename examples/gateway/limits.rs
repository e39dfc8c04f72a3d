//! The three limits of one upstream, asked as one: rate, minute, slots.
//!
//! Why the server's books never show more than these do: see `client.rs`; `limits_tests.rs` tries it with every latency.

use tollgate::{
    Advice, Aimd, AimdPolicy, Book, Denied, Duration, History, Inherit, Instant, JobId, Limiter, Quota, QuotaError,
    Refused, Reservation, Slots, Start, TokenBucket, WhenFull, Window, WindowLog, reserve_all,
};

use crate::plan::Plan;

const MINUTE: Duration = Duration::from_mins(1);
/// How long a slot is kept for a task of which nothing is heard. Every sign of life renews it.
pub(crate) const LEASE: Duration = Duration::from_hours(1);

/// The three limits of one upstream.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Spaces the requests out, so that they do not come in clots of thirty.
    rate: TokenBucket,
    /// What the plan promises, exactly: so many in *any* minute. The bucket alone would let its burst through on top.
    pub(crate) minute: WindowLog<64>,
    /// Tasks, not calls: each is taken until its task ends.
    pub(crate) slots: Slots<8>,
    /// How many requests a minute, and how many tasks at once, the server seems to take: the plan's, or less for a while.
    pub(crate) pace: Aimd,
    pub(crate) crowd: Aimd,
    /// What a request costs in each. One that costs nothing is not asked: that is how `--careless` breaks the plan.
    costs: [u64; 3],
}

/// What a request holds in each limit while it is on its way.
#[derive(Debug)]
pub(crate) struct Permit {
    rate: Reservation,
    minute: Reservation,
    slot: Reservation,
}

impl Limits {
    /// The limits of a plan, all of them unused.
    pub(crate) fn of(plan: Plan, costs: [u64; 3], now: Instant) -> Result<Self, Box<dyn std::error::Error>> {
        let any_minute = Window::new(plan.per_minute, MINUTE)?;
        // At least half of the plan, and from there two requests a minute more after each success. A task more at once
        // after three: they are few, and each lasts.
        let pace = AimdPolicy {
            floor: plan.per_minute.div_ceil(2),
            ceiling: plan.per_minute,
            keep_permille: 700,
            step: 2,
            every: 1,
        };
        let crowd = AimdPolicy { floor: 1, ceiling: plan.concurrent, keep_permille: 500, step: 1, every: 3 };
        Ok(Self {
            rate: TokenBucket::new(spaced(plan.per_minute)?, Start::Full, now),
            minute: WindowLog::new(any_minute, WhenFull::Refuse, History::Empty, now),
            slots: Slots::new(plan.concurrent),
            pace: Aimd::new(pace.checked()?),
            crowd: Aimd::new(crowd.checked()?),
            costs,
        })
    }

    /// All of them or none, the `money` for the job included, unless it was set aside before. A refusal has changed
    /// nothing, and says which limit binds (3: the money) and what to wait for.
    pub(crate) fn admit(&mut self, now: Instant, id: JobId, money: Option<&mut dyn Book>) -> Result<Permit, Refused> {
        // A job that has a slot already is not asked for twice.
        let mut job = self.slots.job(id, LEASE).map_err(|_| Refused { index: 2, denied: Denied::Busy })?;
        let [rate, minute, slot] = self.costs;
        let mut nothing = Slots::<1>::new(0);
        let mut paid = nothing.job(id, LEASE).map_err(|_| Refused { index: 3, denied: Denied::Busy })?;
        let (money, price): (&mut dyn Book, u64) = match money {
            Some(money) => (money, 1),
            None => (&mut paid, 0),
        };
        let limits: [(&mut dyn Book, u64); 4] =
            [(&mut self.rate, rate), (&mut self.minute, minute), (&mut job, slot), (money, price)];
        // The money is held by the job's id, for the minutes that its task takes.
        let [rate, minute, slot, _held_by_id] = reserve_all(now, Duration::ZERO, limits)?;
        Ok(Permit { rate, minute, slot })
    }

    /// A request sent at `sent` was refused: fewer in a minute, or fewer tasks at once, as far as that is advised. To be
    /// told before [`answered`](Self::answered), while the request has its slot.
    pub(crate) fn lower(&mut self, now: Instant, sent: Instant, advice: &Advice) {
        if advice.slow_down && self.pace.congested(now, sent) {
            self.adapt(now);
        }
        if advice.fewer_jobs {
            let running = u32::try_from(self.slots.in_flight(now)).unwrap_or(u32::MAX);
            self.crowd.crowded(now, sent, running);
            self.adapt(now);
        }
    }

    /// A request was accepted: a little more is tried again, up to the plan.
    pub(crate) fn raise(&mut self, now: Instant) {
        self.pace.succeeded();
        self.crowd.succeeded();
        self.adapt(now);
    }

    fn adapt(&mut self, now: Instant) {
        self.slots.set_limit(self.crowd.value());
        if let Ok(quota) = spaced(self.pace.value()) {
            self.rate.set_quota(now, quota, Inherit::KeepUsed);
        }
    }

    /// The answer is here, so the request has arrived: it counts, from now. `holds_slot`: a task runs, or may run.
    pub(crate) fn answered(&mut self, now: Instant, permit: Permit, holds_slot: bool) {
        let Permit { rate, minute, slot } = permit;
        let [rate_cost, minute_cost, slot_cost] = self.costs;
        self.rate.commit(now, rate, rate_cost);
        self.minute.commit(now, minute, minute_cost);
        if holds_slot { self.slots.commit(now, slot, slot_cost) } else { self.slots.release(now, slot) }
    }
}

/// So many in a minute, ten seconds' worth of them at once.
fn spaced(per_minute: u32) -> Result<Quota, QuotaError> {
    Quota::new_with_burst(per_minute, MINUTE, per_minute.div_ceil(6))
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
