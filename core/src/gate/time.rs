//! What time does to a [`Gate`]: permits become void, requests are lost, leases end, and the next of these is known.
//!
//! A question looks at what would be; only a granted call, or [`expire`](Gate::expire), writes it down. Each end is
//! applied at its own instant and in order, so that it does not matter when somebody looks.

use super::answer::Fate;
use super::call::Held;
use super::job::{Ending, JobState};
use super::limits::AnyLimits;
use super::money::{Endings, Ends, Money};
use super::part::{Adapt, Fuse, Part, Patience};
use super::{Asks, Gate};
use crate::bounded::{Bounded, Counting};
use crate::breaker::Phase;
use crate::job::JobId;
use crate::log::{Who, log};
use crate::retry::Health;
use crate::time::{Duration, Instant};
use crate::wall::{Heard, Trust, UnixMicros};

/// What ends first: by its place in its table.
#[derive(Clone, Copy, Debug)]
pub(super) enum First {
    Call(usize),
    Job(usize),
}

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
        let next = later.chain([self.first_end().0]).min().unwrap_or(Instant::MAX);
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

    /// The latest stamp; at most a microsecond before the end of time, so that what ends there never does.
    pub(super) fn effective(&self, now: Instant) -> Instant {
        const LAST: Instant = Instant::MAX.saturating_sub(Duration::from_micros(1));
        self.state.last.max(now).min(LAST)
    }

    /// Counts a stamp that is older than one acted on, and returns the effective one.
    #[inline(never)]
    pub(super) fn note(&mut self, now: Instant) -> Instant {
        if now < self.state.last {
            self.state.counters.clock_faults = self.state.counters.clock_faults.saturating_add(1);
            log!(warn, "time went back by {=u64} us", self.state.last.saturating_since(now).as_micros());
        }
        self.effective(now)
    }

    /// Where a job stands at `eff`; `None` if it is not here, or no longer.
    pub(super) fn state_at(&self, id: JobId, eff: Instant) -> Option<JobState> {
        self.stands(id, eff).map(|(_, state)| state)
    }

    /// The same, and its place in the table.
    #[inline(never)]
    pub(super) fn stands(&self, id: JobId, eff: Instant) -> Option<(usize, JobState)> {
        let place = self.place(id)?;
        let job = self.jobs.get(place)?;
        let state = match job.state {
            JobState::Asked if job.is_due(eff) => return None,
            _ if job.is_due(eff) => JobState::Overdue,
            JobState::Sent if self.call_ends(id) <= eff => JobState::Unknown,
            state => state,
        };
        Some((place, state))
    }

    /// How the holds of all jobs end if nobody does anything, and when the first does.
    pub(super) fn ends(&self) -> Ends<impl Endings, impl Endings> {
        let unsent = self.jobs.iter().filter(|job| job.state == JobState::Asked);
        let unsent = unsent.flat_map(super::job::Job::endings);
        Ends { due: self.state.next_due, all: self.endings(), unsent }
    }

    /// How the holds of all jobs end if nobody does anything.
    pub(super) fn endings(&self) -> impl Iterator<Item = Ending> + Clone + '_ {
        self.jobs.iter().flat_map(super::job::Job::endings)
    }

    /// Writes down what time has done until `eff`.
    #[inline(never)]
    pub(super) fn advance(&mut self, eff: Instant) {
        if self.state.next_due <= eff {
            self.end_what_is_due(eff);
        }
        self.state.last = self.state.last.max(eff);
        self.limits.all_mut().money.act(eff);
    }

    #[inline(never)]
    fn end_what_is_due(&mut self, eff: Instant) {
        // Each step ends a call or a job's state for good.
        for _ in 0..JOBS.saturating_mul(2).saturating_add(CALLS) {
            let (at, what) = self.first_end();
            self.state.next_due = at;
            match what {
                _ if at > eff => break,
                First::Call(index) => self.lose(at, index),
                First::Job(index) => self.overdue(at, index),
            }
        }
        self.recount();
    }

    /// What ends first, a request before a job.
    pub(super) fn first_end(&self) -> (Instant, First) {
        let mut first = (Instant::MAX, First::Call(CALLS));
        for (index, call) in self.calls.iter().numbered() {
            if call.until < first.0 {
                first = (call.until, First::Call(index));
            }
        }
        for (index, job) in self.jobs.iter().numbered() {
            if job.ends < first.0 && job.state.has_lease() {
                first = (job.ends, First::Job(index));
            }
        }
        first
    }

    /// A permit was not sent in time, or a request was not answered in time.
    fn lose(&mut self, at: Instant, index: usize) {
        self.state.counters.expired = self.state.counters.expired.saturating_add(1);
        if let Some(call) = self.calls.get(index) {
            log!(
                warn,
                "{}: {=str}",
                Who(call.job()),
                if call.sent { "not answered in time" } else { "not sent in time" }
            );
        }
        self.abandon(at, index);
    }

    /// Ends a request without an answer: one that was sent is counted, and is a failure.
    pub(super) fn abandon(&mut self, at: Instant, index: usize) {
        let sent = self.calls.get(index).is_some_and(|call| call.sent);
        let (fate, health) = if sent { (Fate::Unknown, Health::Failure) } else { (Fate::NotSent, Health::Unknown) };
        self.conclude(at, index, fate, health);
    }

    /// Ends a request: settles what it has booked, and its job goes on, or is free. Returns where that stood.
    #[inline(never)]
    pub(super) fn conclude(&mut self, at: Instant, index: usize, fate: Fate, health: Health) -> Option<JobState> {
        let call = self.calls.get_mut(index)?;
        // Only time ends it as late as this, and that is to be told.
        let (job, again, late, since) = (call.job(), call.asks == Asks::Again, call.until <= at, lower(call.since));
        let counts = fate != Fate::NotSent;
        let Held { requests, window, breaker } = call.leave();
        let limits = self.limits.all_mut();
        limits.requests.part_settle(at, requests, counts);
        limits.window.part_settle(at, window, counts);
        limits.breaker.verdict(at, breaker, health);
        let place = self.place(job?)?;
        let job = self.jobs.get_mut(place)?;
        let before = job.state;
        // Found on a list, finished, overdue meanwhile: the end of a request only counts it. So it does if the job was
        // forgotten since, and asked for anew.
        if matches!(before, JobState::Asked | JobState::Sent) && lower(job.sent) == since {
            match fate {
                Fate::Runs => job.enter(JobState::Running, false),
                // What refuses the second request says nothing about the first.
                Fate::Refused | Fate::NotSent if !again => self.free(at, place),
                _ => job.enter(JobState::Unknown, late),
            }
        }
        Some(before)
    }

    /// Frees the slot and the money of a job that does not run.
    pub(super) fn free(&mut self, at: Instant, place: usize) {
        let Some(job) = self.jobs.get_mut(place) else { return };
        let money = &mut self.limits.all_mut().money;
        money.act(at);
        money.free(&job.amounts);
        self.jobs.discard(place);
        self.recount();
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

/// The lower half of a stamp: enough to tell two requests of one job apart, in less code than all of it.
const fn lower(stamp: Instant) -> u32 {
    (stamp.as_micros() & 0xFFFF_FFFF) as u32
}
