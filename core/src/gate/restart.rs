//! A [`Gate`] after a clock fault of which its owner knows.
//!
//! ```text
//! true time   0 ────── 10 ──────────── 40 ────────>
//! the clock   0 ────── 10
//!                       └ 3610 ────── 3640
//!                                       └ 40: everything waits for 3640, unless it is told to go on
//! ```

use super::Gate;
use super::limits::AnyLimits;
use super::money::Money;
use super::part::{Adapt, Part, Restrain};
use crate::log::log;
use crate::time::Instant;

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// Goes on at `now` after a **known** clock fault: the clock ran ahead, calls were made by it, and it has been set right.
    ///
    /// Old time changes nothing, and so a gate whose clock was an hour ahead stands still for that hour, with all that is in
    /// it: to grant would be worse. An owner who knows that it was a fault ends that with this. It gives nothing back:
    ///
    /// * What the fault has ended stays ended: permits void, requests lost, leases over, periods begun, a distance that the
    ///   [`Pacing`](crate::Pacing) had asked for. The next list ([`reconcile`](Self::reconcile)) shows which jobs still run.
    /// * Permits, leases and the block keep their ends if they were set before the fault, and their distance from the latest
    ///   stamp if they were set by the faulty clock. None comes too early; that of a lease that was renewed by the faulty
    ///   clock comes too late, by no more than the fault.
    /// * The limits go on as their own `restart` says: what is used counts as used just now, at the latest, and a breaker
    ///   stays open once more at the latest.
    /// * The date is unknown until it is told again ([`set_wall`](Self::set_wall)), and until then no calendar budget rolls. If
    ///   the fault had begun a period too many, what had been booked to the one before comes back.
    ///
    /// Stamps that were promised by the faulty clock (an `Until`, a permit's end) mean nothing any more: ask again. A `now`
    /// that is not before the latest stamp changes nothing.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Gate, Instant, JobId, Limits, Quota, Request, Start, TokenBucket, valid};
    /// let s = Instant::from_secs;
    /// let quota = valid!(Quota::every(Duration::from_secs(1)));
    /// let mut gate = Gate::<_, 8, 8>::new(Limits::new().requests(TokenBucket::new(quota, Start::Full, s(0))), s(0));
    /// let request = |id| Request::new(JobId(id), Duration::from_mins(10));
    /// assert!(gate.try_ask(s(3_610), &request(1)).is_some()); // an hour ahead
    /// assert!(gate.try_ask(s(40), &request(2)).is_none()); // and back: it would wait for an hour
    /// gate.restart(s(40));
    /// assert!(gate.try_ask(s(40), &request(2)).is_none()); // that second is not over
    /// assert!(gate.try_ask(s(41), &request(2)).is_some());
    /// ```
    pub fn restart(&mut self, now: Instant) {
        let last = self.state.last;
        if now >= last {
            return;
        }
        log!(warn, "told to go on {=u64} us earlier", last.saturating_since(now).as_micros());
        let ahead = last.saturating_since(now);
        let end = |set: Instant, end: Instant| {
            if set <= now || end == Instant::MAX { end } else { end.saturating_sub(ahead).max(now) }
        };
        for call in self.calls.iter_mut().filter(|call| !call.is_free()) {
            (call.since, call.until) = (call.since.min(now), end(call.since, call.until));
        }
        for job in &mut self.jobs {
            (job.sent, job.ends) = (job.sent.min(now), end(job.sent, job.ends));
        }
        let state = &mut self.state;
        (state.block, state.block_set) = (end(state.block_set, state.block), state.block_set.min(now));
        state.paced = state.paced.min(now.saturating_add(state.paced.saturating_since(last)));
        (state.listed, state.last) = (state.listed.min(now), now);
        let limits = self.limits.all_mut();
        limits.requests.part_restart(now);
        limits.window.part_restart(now);
        limits.breaker.part_restart(now);
        limits.money.restart(now);
        if let Some(restraint) = limits.restraint.restraint() {
            restraint.restart(now);
        }
        if let Some(adaptation) = limits.adaptation.adaptation() {
            let rate = adaptation.rate.as_mut().map(|(rate, _)| rate);
            rate.into_iter().chain(&mut adaptation.jobs).for_each(|aimd| aimd.restart(now));
        }
        self.state.next_due = self.first_end().0;
    }
}
