//! What time does to a [`Gate`]: permits become void, requests are lost, leases end, and the next of these is known.
//!
//! A question looks at what would be; only a granted call, or [`expire`](Gate::expire), writes it down. Each end is
//! applied at its own instant and in order, so that it does not matter when somebody looks.

use super::Gate;
use super::call::{Call, HeldIn};
use super::job::{Ending, JobState};
use super::limits::AnyLimits;
use super::money::Money;
use super::part::{Adapt, Fuse, Part, Patience};
use crate::bounded::{Bounded, Counting};
use crate::breaker::Phase;
use crate::job::JobId;
use crate::log::{Who, log};
use crate::retry::Health;
use crate::time::{Duration, Instant};
use crate::wall::{Heard, Trust, UnixMicros};
use crate::window::is_live;

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// Tells what time has done to a job by `now`, once for each, the first first: `Unknown`, or `Overdue`. `None` if there
    /// is nothing to tell.
    ///
    /// Call it until it says `None` whenever [`next_event`](Self::next_event) has passed. Without it everything happens
    /// all the same, at the next call that changes something.
    pub fn expire(&mut self, now: Instant) -> Option<(JobId, JobState)> {
        let eff = self.note(now);
        self.advance(eff);
        let job = self.jobs.iter_mut().filter(|job| job.is_untold()).min_by_key(|job| (job.ends, job.id))?;
        job.tell();
        Some((job.id, job.state))
    }

    /// The next instant after which something is different although nobody has called: a permit is void, a request is
    /// lost, a lease ends, a block ends, a budget starts anew, the breaker lets a probe through. At `now` if that has
    /// happened already; `None` if nothing is going to happen.
    ///
    /// Sleep until then, or until an `ask` said, or until something comes in.
    ///
    /// # Example
    /// Two jobs, of which nothing is ever heard: the gate says when to look, and what has become of them.
    /// ```
    /// use tollgate::{Duration, Gate, Instant, JobId, JobState, Limits, Request};
    /// let (mut now, lease) = (Instant::ORIGIN, Duration::from_mins(10));
    /// let mut gate = Gate::<_, 8, 2>::new(Limits::new(), now);
    /// let sent = gate.ask(now, &Request::new(JobId(1), lease))?;
    /// gate.sending(now, &sent).unwrap();
    /// let lost = gate.ask(now, &Request::new(JobId(2), lease))?; // and never sent
    ///
    /// let mut log = Vec::new();
    /// while let Some(at) = gate.next_event(now) {
    ///     now = at; // on a chip: sleep until then
    ///     while let Some((JobId(id), state)) = gate.expire(now) {
    ///         log.push((now.as_micros() / 1_000_000, id, state));
    ///     }
    /// }
    /// // The permit was void after half a minute, with nothing to tell; the answer was late after two, the lease over after ten.
    /// assert_eq!(log, [(120, 1, JobState::Unknown), (600, 1, JobState::Overdue)]);
    /// # let _ = lost;
    /// # Ok::<(), tollgate::AskError>(())
    /// ```
    pub fn next_event(&self, now: Instant) -> Option<Instant> {
        let eff = self.effective(now);
        if self.jobs.iter().any(super::job::Job::is_untold) {
            return Some(eff);
        }
        let breaker = match self.limits.all().breaker.phase_at(eff) {
            Phase::Open { until } => Some(until),
            Phase::HalfOpen { out: 1.., lost_at, .. } => Some(lost_at),
            _ => None,
        };
        let closed = [self.state.block, self.state.paced].into_iter().filter(|until| *until > eff);
        let later = closed.chain(breaker).chain(self.limits.all().money.next_change(eff));
        let next = later.chain([self.first_end()]).min().unwrap_or(Instant::MAX);
        (next < Instant::MAX).then_some(next.max(eff))
    }

    /// Hears what the wall clock says; see [`Ledger::set_wall`](crate::Ledger::set_wall). Without accounts it is
    /// [`Heard::Agreed`].
    pub fn set_wall(&mut self, now: Instant, unix: UnixMicros, error: Duration, trust: Trust) -> Heard {
        let eff = self.note(now);
        self.advance(eff);
        let jobs = &mut self.jobs;
        self.limits.all_mut().money.set_wall(eff, (unix, error, trust), &mut |each| {
            for job in jobs.iter_mut() {
                let held = job.state.has_hold();
                for amount in job.amounts.as_mut().iter_mut().filter(|amount| amount.is_some()) {
                    each(amount, held);
                }
            }
        })
    }

    /// The owner closes the gate until then, or opens it by an instant that has passed. The server's block is replaced.
    pub fn block_until(&mut self, now: Instant, until: Instant) {
        let eff = self.note(now);
        (self.state.block, self.state.block_set) = (until, eff);
        self.state.paced = self.state.paced.min(until);
    }

    /// The owner changes the limit of slots, live. Lowering it ends nothing.
    pub const fn set_slots(&mut self, slots: u32) {
        self.state.slots = slots;
    }

    /// The owner changes the patience, live; for what is asked and sent from now on.
    pub const fn set_patience(&mut self, patience: Patience) {
        self.state.patience = patience;
    }

    /// The limits, to look at.
    pub const fn limits(&self) -> &L {
        &self.limits
    }

    /// How many slots there are: the least of what the owner, the server and the adaptation say.
    pub fn slots(&self) -> u32 {
        self.state.slots.min(self.limits.all().adaptation.most_jobs())
    }

    pub(super) fn effective(&self, now: Instant) -> Instant {
        self.state.last.max(now)
    }

    /// Counts a stamp that is older than one acted on, and returns the effective one.
    pub(super) fn note(&mut self, now: Instant) -> Instant {
        if now < self.state.last {
            self.state.counters.clock_faults = self.state.counters.clock_faults.saturating_add(1);
            log!(warn, "time went back by {=u64} us", self.state.last.saturating_since(now).as_micros());
        }
        self.effective(now)
    }

    /// Where a job stands at `eff`; `None` if it is not here, or no longer.
    pub(super) fn state_at(&self, id: JobId, eff: Instant) -> Option<JobState> {
        let job = self.find(id)?;
        if job.is_due(eff) {
            return (job.state != JobState::Asked).then_some(JobState::Overdue);
        }
        let lost = |until: Instant| !is_live(until, eff);
        if job.state == JobState::Sent && self.calls.iter().any(|call| call.job() == Some(id) && lost(call.until)) {
            return Some(JobState::Unknown);
        }
        Some(job.state)
    }

    /// How the holds of all jobs end if nobody does anything.
    pub(super) fn endings(&self) -> impl Iterator<Item = Ending> + Clone + '_ {
        self.jobs.iter().flat_map(super::job::Job::endings)
    }

    /// Writes down what time has done until `eff`.
    pub(super) fn advance(&mut self, eff: Instant) {
        if !is_live(self.state.next_due, eff) {
            // Each step ends a call or a job's state for good.
            for _ in 0..JOBS.saturating_mul(2).saturating_add(CALLS) {
                let call = self.calls.iter().numbered().map(|(at, call)| (call.until, at)).min();
                let call = call.filter(|(until, _)| !is_live(*until, eff));
                let job = self.jobs.iter().numbered().filter(|(_, job)| job.is_due(eff));
                // What was asked and not sent ends with its call.
                let job = job.filter(|(_, job)| job.state != JobState::Asked);
                let job = job.map(|(at, job)| (job.ends, job.id, at)).min();
                match (call, job) {
                    (Some((until, at)), job) if job.is_none_or(|(ends, ..)| until <= ends) => self.lose(until, at),
                    (_, Some((ends, _, at))) => self.overdue(ends, at),
                    _ => break,
                }
            }
            self.state.next_due = self.first_end();
        }
        self.state.last = self.state.last.max(eff);
        self.limits.all_mut().money.act(eff);
    }

    pub(super) fn first_end(&self) -> Instant {
        let jobs = self.jobs.iter().filter(|job| job.state.has_hold()).map(|job| job.ends);
        self.calls.iter().map(|call| call.until).chain(jobs).min().unwrap_or(Instant::MAX)
    }

    /// A permit was not sent in time, or a request was not answered in time.
    fn lose(&mut self, at: Instant, index: usize) {
        let Some(call) = self.calls.take_out(index) else { return };
        let sent = call.sent;
        log!(warn, "{}: {=str}", Who(call.job()), if sent { "not answered in time" } else { "not sent in time" });
        self.state.counters.expired = self.state.counters.expired.saturating_add(1);
        let Some(id) = self.abandon(at, call) else { return };
        if sent {
            self.doubt(id, true);
        } else {
            self.void(at, id);
        }
    }

    /// Settles a request that has no answer: one that was sent is counted, and is a failure.
    pub(super) fn abandon(&mut self, at: Instant, call: Call<HeldIn<L>>) -> Option<JobId> {
        let health = if call.sent { Health::Failure } else { Health::Unknown };
        let sent = call.sent;
        self.settle_call(at, call, sent, health)
    }

    /// Settles what a request has booked, and returns its job.
    pub(super) fn settle_call(
        &mut self,
        at: Instant,
        call: Call<HeldIn<L>>,
        counts: bool,
        health: Health,
    ) -> Option<JobId> {
        let (limits, job) = (self.limits.all_mut(), call.job());
        limits.requests.part_settle(at, call.held.requests, counts);
        limits.window.part_settle(at, call.held.window, counts);
        limits.breaker.verdict(at, call.held.breaker, health);
        job
    }

    /// Nobody knows whether a job that was sent runs.
    pub(super) fn doubt(&mut self, id: JobId, untold: bool) {
        if let Some(job) = self.find_mut(id).filter(|job| job.state == JobState::Sent) {
            job.enter(JobState::Unknown, untold);
        }
    }

    /// A job that was asked for and not sent is gone; one that had been sent before stays as it was.
    pub(super) fn void(&mut self, at: Instant, id: JobId) {
        if self.find(id).is_some_and(|job| job.state == JobState::Asked) {
            self.free(at, id);
        }
    }

    /// Frees the slot and the money of a job that does not run.
    pub(super) fn free(&mut self, at: Instant, id: JobId) {
        let Some(index) = self.jobs.iter().place(|job| job.id == id) else { return };
        let Some(job) = self.jobs.take_out(index) else { return };
        let money = &mut self.limits.all_mut().money;
        money.act(at);
        money.free(&job.amounts);
        self.state.counters.refunded = self.state.counters.refunded.saturating_add(1);
    }

    /// A lease is over: the slot is free, and the hold is posted.
    fn overdue(&mut self, at: Instant, index: usize) {
        self.state.order = self.state.order.wrapping_add(1);
        let order = self.state.order;
        let Some(job) = self.jobs.get_mut(index) else { return };
        job.enter(JobState::Overdue, true);
        log!(warn, "job {=u64}: its lease is over", job.id.0);
        job.order = order;
        let money = &mut self.limits.all_mut().money;
        money.act(at);
        money.post(&mut job.amounts);
        self.state.counters.expired = self.state.counters.expired.saturating_add(1);
    }
}
