//! The three limits of one upstream, asked as one: rate, minute, slots.
//!
//! Why the server's books never show more than these do: see `client.rs`; `limits_tests.rs` tries it with every latency.

use tollgate::{
    Denied, Duration, History, Instant, JobId, Limiter, Quota, Refused, Reservation, Slots, Start, TokenBucket,
    WhenFull, Window, WindowLog, reserve_all,
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
        let spaced = Quota::new_with_burst(plan.per_minute, MINUTE, plan.per_minute.div_ceil(6))?;
        let any_minute = Window::new(plan.per_minute, MINUTE)?;
        Ok(Self {
            rate: TokenBucket::new(spaced, Start::Full, now),
            minute: WindowLog::new(any_minute, WhenFull::Refuse, History::Empty, now),
            slots: Slots::new(plan.concurrent),
            costs,
        })
    }

    /// All three or none. A refusal has changed nothing, and says which limit binds and what to wait for.
    pub(crate) fn admit(&mut self, now: Instant, id: JobId) -> Result<Permit, Refused> {
        // A job that has a slot already is not asked for twice.
        let mut job = self.slots.job(id, LEASE).map_err(|_| Refused { index: 2, denied: Denied::Busy })?;
        let [rate, minute, slot] = self.costs;
        let all = [(&mut self.rate as _, rate), (&mut self.minute as _, minute), (&mut job as _, slot)];
        let [rate, minute, slot] = reserve_all(now, Duration::ZERO, all)?;
        Ok(Permit { rate, minute, slot })
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

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
