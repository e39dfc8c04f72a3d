//! `Slots<N>`: how many jobs may run at once, by job and not by call.
//!
//! A slot belongs to a [`JobId`], has a weight and a lease, and stays taken until the *job* ends: minutes after the HTTP
//! response, or after a reboot. 32 bytes a slot; every call looks through the N entries.
//!
//! ```text
//!            reserve      commit(actual weight)                     close
//! free ────> held ──────> running ──── renew ──── renew ──────────> free
//!              │ release     └── lease over: no longer counted, reported by expire
//!              └──> free
//! ```

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::job::{AlreadyOpen, JobId, NotOpen};
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::time::{Duration, Instant};
use crate::window::is_live;

/// What a [`reconcile`](Slots::reconcile) found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reconciled {
    /// Jobs of ours that no longer run; their slots are free.
    pub closed: u32,
    /// Running jobs that we do not know; each counts as weight 1 until the next reconciliation.
    pub foreign: u32,
}

/// Weighted concurrency with room for `N` jobs.
///
/// # Example
/// ```
/// use tollgate::{Denied, Duration, Instant, JobId, Limiter, Slots};
/// let now = Instant::ORIGIN;
/// let lease = Duration::from_mins(10);
/// let mut slots = Slots::<8>::new(3);
///
/// // An image task takes as many slots as it makes images.
/// slots.job(JobId(1), lease).unwrap().allow(now, 2)?;
/// assert_eq!(slots.job(JobId(2), lease).unwrap().allow(now, 2), Err(Denied::Until(Instant::from_secs(600))));
/// assert_eq!(slots.job(JobId(3), lease).unwrap().allow(now, 4), Err(Denied::Never { max: 3 }));
///
/// assert_eq!(slots.close(now, JobId(1)), Ok(2));
/// assert!(slots.close(now, JobId(1)).is_err()); // reported, and nothing changes
/// slots.job(JobId(2), lease).unwrap().allow(now, 2)?;
/// # Ok::<(), Denied>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slots<const N: usize> {
    pub(crate) table: Vec<Slot, N>,
    pub(crate) limit: u32,
    pub(crate) foreign: u32,
    pub(crate) last: Instant,
    pub(crate) mark: u32,
    pub(crate) expired: u32,
    pub(crate) faults: u32,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Slot {
    pub(crate) id: JobId,
    pub(crate) opened: Instant,
    pub(crate) ends: Instant,
    pub(crate) weight: u32,
    /// The reservation that holds it; 0 once it is committed.
    pub(crate) mark: u32,
}

impl<const N: usize> Slots<N> {
    /// Slots of which `limit` may be taken at once; zero lets nothing in.
    ///
    /// `N` of zero does not compile.
    pub const fn new(limit: u32) -> Self {
        const { assert!(N > 0, "slots need room for at least one job") }
        Self { table: Vec::new(), limit, foreign: 0, last: Instant::ORIGIN, mark: 0, expired: 0, faults: 0 }
    }

    /// One job as a limiter: its cost is its weight. Joins [`reserve_all`](crate::reserve_all).
    ///
    /// `lease` is how long the slot is kept, from the instant it is booked for, if nobody closes or renews it;
    /// [`Duration::MAX`] for ever, and so is zero: no lease is not a lease that is over.
    ///
    /// # Errors
    /// [`AlreadyOpen`]: the job has a slot, held or running, or one whose lease is over and that
    /// [`expire`](Self::expire) has not reported yet.
    pub fn job(&mut self, id: JobId, lease: Duration) -> Result<Job<'_, N>, AlreadyOpen> {
        if self.find(id).is_some() { Err(AlreadyOpen(id)) } else { Ok(Job { slots: self, id, lease }) }
    }

    /// Keeps the slot of a reservation at its `actual` weight until the job is closed; zero closes it.
    ///
    /// A weight above what was held never fails. A commit after the lease finds the slot given up, as
    /// [`expired`](Self::expired) tells: a job that runs all the same is found by [`reconcile`](Self::reconcile). A
    /// reservation whose slot is gone changes nothing.
    #[expect(clippy::needless_pass_by_value, reason = "settling twice must not compile")]
    pub fn commit(&mut self, now: Instant, held: Reservation, actual: u64) {
        self.note(now);
        let Token { key, mark } = held.token();
        let found = self.find(JobId(key)).filter(|_| mark != 0);
        if let Some(slot) = found.and_then(|index| self.table.get_mut(index)).filter(|slot| slot.mark == mark) {
            let eff = self.last.max(now);
            let over = !is_live(slot.ends, eff);
            slot.weight = saturate(actual);
            slot.mark = 0;
            if actual == 0 || over {
                self.remove(found);
            }
            self.expired = self.expired.saturating_add(u32::from(over && actual > 0));
            self.last = eff;
        }
    }

    /// Closes the slot of a reservation whose job was not started.
    pub fn release(&mut self, now: Instant, held: Reservation) {
        self.commit(now, held, 0);
    }

    /// Frees the slot of a job that has ended, well or not, and returns its weight.
    ///
    /// Closing twice is harmless and reported.
    ///
    /// # Errors
    /// [`NotOpen`]; nothing has changed then.
    pub fn close(&mut self, now: Instant, id: JobId) -> Result<u32, NotOpen> {
        let index = self.find(id);
        let slot = self.remove(index).ok_or(NotOpen(id))?;
        self.act(now);
        Ok(slot.weight)
    }

    /// Prolongs a job's lease to `now + lease`; never shortens it.
    ///
    /// # Errors
    /// [`NotOpen`], also for a lease that is over: its slot may have been given away.
    pub fn renew(&mut self, now: Instant, id: JobId, lease: Duration) -> Result<(), NotOpen> {
        let eff = self.last.max(now);
        let index = self.find(id).ok_or(NotOpen(id))?;
        let slot = self.table.get_mut(index).filter(|slot| is_live(slot.ends, eff)).ok_or(NotOpen(id))?;
        slot.ends = slot.ends.max(end(eff, lease));
        self.act(now);
        Ok(())
    }

    /// Takes one job whose lease is over out of the table; call it until it says `None`.
    ///
    /// Such a job counts no longer from the instant its lease ends, whether this is called or not.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Duration, Instant, JobId, Limiter, Slots};
    /// # let mut slots = Slots::<8>::new(3);
    /// slots.job(JobId(1), Duration::from_secs(30)).unwrap().allow(Instant::ORIGIN, 1).unwrap();
    /// assert_eq!(slots.expire(Instant::from_secs(29)), None);
    /// assert_eq!(slots.expire(Instant::from_secs(30)), Some(JobId(1)));
    /// assert_eq!(slots.expire(Instant::from_secs(30)), None);
    /// ```
    pub fn expire(&mut self, now: Instant) -> Option<JobId> {
        let eff = self.last.max(now);
        let index = self.table.iter().place(|slot| !is_live(slot.ends, eff));
        let slot = self.remove(index)?;
        self.expired = self.expired.saturating_add(1);
        self.act(now);
        Some(slot.id)
    }

    /// Makes the table agree with the provider's list of `running` jobs, asked for at `asked_at`: after a reboot, or from
    /// time to time.
    ///
    /// Jobs of ours that are not on it are closed; those on it are renewed for `lease`, even if their lease was over.
    /// Reservations not committed yet and jobs opened since `asked_at` are left alone: the list cannot know them.
    /// Unknown jobs on the list count as foreign weight, 1 each, until the next call.
    pub fn reconcile(&mut self, now: Instant, asked_at: Instant, running: &[JobId], lease: Duration) -> Reconciled {
        self.act(now);
        let (ends, before) = (end(self.last, lease), self.table.len());
        for slot in &mut self.table {
            if running.contains(&slot.id) {
                slot.ends = slot.ends.max(ends);
            }
        }
        self.table.keep(|slot| slot.mark != 0 || slot.opened >= asked_at || running.contains(&slot.id));
        let known = |id: &JobId| self.table.iter().any(|slot| slot.id == *id);
        let named = |index: usize, id: &JobId| running.get(..index).is_some_and(|before| before.contains(id));
        let strangers = running.iter().numbered().filter(|(index, id)| !known(id) && !named(*index, id));
        self.foreign = saturate(strangers.many() as u64);
        Reconciled { closed: saturate(before.saturating_sub(self.table.len()) as u64), foreign: self.foreign }
    }

    /// Re-anchors the slots at `now` after a **known** clock fault: leases keep what was left of them, and one that only
    /// the fault has ended runs again.
    pub fn restart(&mut self, now: Instant) {
        let last = core::mem::replace(&mut self.last, now);
        for slot in self.table.iter_mut().filter(|slot| slot.ends > last && slot.ends < Instant::MAX) {
            slot.ends = slot.ends.min(now.saturating_add(slot.ends.saturating_since(last)));
        }
    }

    /// Changes the limit, live. Lowering it kills nothing: no new job starts until enough have ended.
    pub const fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// The limit on the sum of weights.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// The weight that is taken at `now`: held, running and foreign. Jobs whose lease is over do not count.
    pub fn in_flight(&self, now: Instant) -> u64 {
        self.taken(self.last.max(now))
    }

    /// The jobs in the table, those with a lease that is over included.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.table.iter().map(|slot| slot.id)
    }

    /// Jobs whose lease has ended so far, reported by [`expire`](Self::expire) or pushed out by a new one; saturates.
    pub const fn expired(&self) -> u32 {
        self.expired
    }

    /// Calls whose stamp was older than one acted on before; saturates.
    pub const fn clock_faults(&self) -> u32 {
        self.faults
    }

    fn find(&self, id: JobId) -> Option<usize> {
        self.table.iter().place(|slot| slot.id == id)
    }

    fn remove(&mut self, index: Option<usize>) -> Option<Slot> {
        self.table.take_out(index?)
    }

    fn taken(&self, eff: Instant) -> u64 {
        let live = self.table.iter().filter(|slot| is_live(slot.ends, eff));
        live.map(|slot| u64::from(slot.weight)).total().saturating_add(u64::from(self.foreign))
    }

    fn has_entry(&self, eff: Instant) -> bool {
        !self.table.is_full() || self.table.iter().any(|slot| !is_live(slot.ends, eff))
    }

    fn note(&mut self, now: Instant) {
        if now < self.last {
            self.faults = self.faults.saturating_add(1);
        }
    }

    fn act(&mut self, now: Instant) {
        self.note(now);
        self.last = self.last.max(now);
    }

    /// When leases alone leave room for `weight`.
    fn leases_free(&self, eff: Instant, weight: u64) -> Denied {
        let mut at = eff;
        for _ in 0..self.table.len() {
            let ends = self.table.iter().map(|slot| slot.ends).filter(|end| *end > at && *end < Instant::MAX);
            let Some(next) = ends.min() else { return Denied::Busy };
            at = next;
            if self.taken(at).saturating_add(weight) <= u64::from(self.limit) {
                return Denied::Until(at);
            }
        }
        Denied::Busy
    }
}

/// One job of a [`Slots`] as a one-shot limiter whose cost is the job's weight.
///
/// `commit` keeps the slot until [`Slots::close`], `release` closes it. Settle here or with [`Slots::commit`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Job<'a, const N: usize> {
    slots: &'a mut Slots<N>,
    id: JobId,
    lease: Duration,
}

impl<const N: usize> Book for Job<'_, N> {
    fn room(&self, now: Instant) -> u64 {
        let eff = self.slots.last.max(now);
        let left = u64::from(self.slots.limit).saturating_sub(self.slots.taken(eff));
        if self.slots.has_entry(eff) && self.slots.find(self.id).is_none() { left } else { 0 }
    }

    /// `Busy` while the table is full; `Until` where leases alone free enough, and a release may come sooner.
    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        let limit = u64::from(self.slots.limit);
        let eff = self.slots.last.max(now);
        if cost > limit {
            return Err(Denied::Never { max: limit });
        }
        if !self.slots.has_entry(eff) || self.slots.find(self.id).is_some() {
            return Err(Denied::Busy);
        }
        let fits = self.slots.taken(eff).saturating_add(cost) <= limit;
        if fits { Ok(from) } else { Err(self.slots.leases_free(eff, cost)) }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.quote(now, at, cost)?;
        let slots = &mut *self.slots;
        slots.act(now);
        if slots.table.is_full() {
            slots.expire(now);
        }
        slots.mark = slots.mark.checked_add(1).unwrap_or(1);
        let opened = slots.last.max(at);
        let ends = end(opened, self.lease);
        let slot = Slot { id: self.id, opened, ends, weight: saturate(cost), mark: slots.mark };
        // Room was checked by the quote; should there be none all the same, nothing is granted.
        slots.table.put(slot).map_err(|_| Denied::Busy)?;
        Ok(Reservation::new(at, cost, Token { key: self.id.0, mark: slots.mark }))
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        if held.cost() > 0 {
            return self.slots.commit(now, held, actual);
        }
        // A reservation of nothing made no entry; a job that takes a slot after all is counted, if there is room.
        if actual > 0 && self.slots.find(self.id).is_none() {
            self.slots.act(now);
            let ends = end(self.slots.last, self.lease);
            let slot = Slot { id: self.id, opened: self.slots.last, ends, weight: saturate(actual), mark: 0 };
            if self.slots.table.put(slot).is_err() {
                // It has no entry, but it does run: foreign, until the next reconciliation.
                self.slots.foreign = self.slots.foreign.saturating_add(slot.weight);
            }
        }
    }
}

/// When a lease ends that starts at `from`.
fn end(from: Instant, lease: Duration) -> Instant {
    if lease.is_zero() { Instant::MAX } else { from.saturating_add(lease) }
}

fn saturate(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limiter;

    const S: fn(u64) -> Instant = Instant::from_secs;
    const LEASE: Duration = Duration::from_secs(60);

    fn open<const N: usize>(slots: &mut Slots<N>, now: Instant, id: u64, weight: u64) -> Result<(), Denied> {
        slots.job(JobId(id), LEASE).unwrap().allow(now, weight)
    }

    #[test]
    fn a_job_keeps_its_slot_until_it_is_closed() {
        let mut slots = Slots::<4>::new(2);
        assert_eq!(open(&mut slots, S(0), 1, 2), Ok(()));
        assert_eq!(slots.job(JobId(1), LEASE).map(|_| ()), Err(AlreadyOpen(JobId(1))));
        assert_eq!(slots.close(S(1), JobId(1)), Ok(2));
        assert_eq!(slots.close(S(1), JobId(1)), Err(NotOpen(JobId(1))));
        assert_eq!(slots.in_flight(S(1)), 0);
    }

    #[test]
    fn a_full_table_is_busy_and_a_weight_above_the_limit_is_never() {
        let mut slots = Slots::<2>::new(9);
        open(&mut slots, S(0), 1, 1).unwrap();
        open(&mut slots, S(0), 2, 1).unwrap();
        assert_eq!(open(&mut slots, S(0), 3, 1), Err(Denied::Busy));
        assert_eq!(open(&mut slots, S(0), 3, 10), Err(Denied::Never { max: 9 }));
        assert_eq!(slots.job(JobId(3), LEASE).unwrap().available(S(0)), 0);
        assert_eq!(open(&mut slots, S(60), 3, 9), Ok(()), "both leases are over");
        assert_eq!(slots.expired(), 1, "one made room");
    }

    #[test]
    fn until_is_the_lease_that_frees_enough() {
        let mut slots = Slots::<4>::new(3);
        slots.job(JobId(1), Duration::from_secs(9)).unwrap().allow(S(0), 1).unwrap();
        slots.job(JobId(2), Duration::from_secs(5)).unwrap().allow(S(0), 1).unwrap();
        slots.job(JobId(3), Duration::MAX).unwrap().allow(S(0), 1).unwrap();
        assert_eq!(open(&mut slots, S(1), 4, 1), Err(Denied::Until(S(5))));
        assert_eq!(open(&mut slots, S(1), 4, 2), Err(Denied::Until(S(9))));
        assert_eq!(open(&mut slots, S(1), 4, 3), Err(Denied::Busy), "one has no lease");
    }

    #[test]
    fn a_lower_limit_kills_nothing() {
        let mut slots = Slots::<4>::new(3);
        open(&mut slots, S(0), 1, 2).unwrap();
        open(&mut slots, S(0), 2, 1).unwrap();
        slots.set_limit(1);
        assert_eq!((slots.in_flight(S(1)), open(&mut slots, S(1), 3, 1)), (3, Err(Denied::Until(S(60)))));
        slots.close(S(2), JobId(1)).unwrap();
        slots.close(S(2), JobId(2)).unwrap();
        assert_eq!(open(&mut slots, S(2), 3, 1), Ok(()));
    }

    #[test]
    fn a_lease_ends_only_by_the_effective_stamp() {
        let mut slots = Slots::<4>::new(1);
        open(&mut slots, S(100), 1, 1).unwrap();
        assert_eq!(slots.renew(S(40), JobId(1), LEASE), Ok(()), "an older stamp never shortens");
        assert_eq!(slots.expire(S(159)), None);
        assert_eq!(slots.renew(S(159), JobId(1), LEASE), Ok(()));
        assert_eq!(slots.expire(S(218)), None);
        assert_eq!((slots.expire(S(219)), slots.expire(S(219))), (Some(JobId(1)), None));
        assert_eq!(slots.renew(S(219), JobId(1), LEASE), Err(NotOpen(JobId(1))));
    }

    #[test]
    fn reconcile_agrees_with_the_provider() {
        let mut slots = Slots::<8>::new(5);
        for (id, at) in [(1, 0), (2, 0), (3, 20)] {
            open(&mut slots, S(at), id, 1).unwrap();
        }
        let held = slots.job(JobId(4), LEASE).unwrap().reserve(S(20), 1, Duration::ZERO).unwrap();
        // Asked at 10: job 1 runs, job 2 does not, job 3 came later, job 4 is not sent, job 99 is a stranger.
        let found = slots.reconcile(S(21), S(10), &[JobId(1), JobId(99)], LEASE);
        assert_eq!(found, Reconciled { closed: 1, foreign: 1 });
        assert_eq!(slots.in_flight(S(21)), 4);
        slots.release(S(22), held);
        assert_eq!(slots.reconcile(S(30), S(30), &[JobId(1)], LEASE), Reconciled { closed: 1, foreign: 0 });
        assert_eq!(slots.in_flight(S(89)), 1, "renewed by the list");
    }

    #[test]
    fn no_lease_is_not_a_lease_that_is_over() {
        let mut slots = Slots::<4>::new(1);
        slots.job(JobId(1), Duration::ZERO).unwrap().allow(S(0), 1).unwrap();
        assert_eq!(slots.job(JobId(2), Duration::ZERO).unwrap().allow(S(0), 1), Err(Denied::Busy));
    }

    #[test]
    fn a_commit_after_the_lease_leaves_no_ghost() {
        let mut slots = Slots::<4>::new(1);
        let held = slots.job(JobId(1), LEASE).unwrap().reserve(S(0), 1, Duration::ZERO).unwrap();
        slots.commit(S(61), held, 1);
        assert_eq!((slots.in_flight(S(61)), slots.expired()), (0, 1));
        assert!(slots.job(JobId(1), LEASE).is_ok(), "and may be opened again");
    }

    #[test]
    fn a_job_without_an_entry_is_foreign() {
        let mut slots = Slots::<1>::new(5);
        open(&mut slots, S(0), 1, 1).unwrap();
        let mut job = slots.job(JobId(2), LEASE).unwrap();
        let nothing = job.reserve(S(0), 0, Duration::ZERO).unwrap();
        job.commit(S(0), nothing, 3);
        assert_eq!(slots.in_flight(S(0)), 4);
        assert_eq!(slots.reconcile(S(1), S(1), &[JobId(9), JobId(9)], LEASE).foreign, 1, "named twice, counted once");
    }

    #[test]
    fn a_restart_ends_the_stall_of_a_clock_fault() {
        let mut slots = Slots::<4>::new(2);
        open(&mut slots, S(5), 1, 1).unwrap();
        open(&mut slots, S(86_400), 2, 1).unwrap();
        slots.restart(S(10));
        assert_eq!((slots.in_flight(S(10)), slots.in_flight(S(65)), slots.in_flight(S(70))), (2, 1, 0));
    }

    #[test]
    fn a_stale_reservation_changes_nothing() {
        let mut slots = Slots::<2>::new(2);
        let old = slots.job(JobId(1), LEASE).unwrap().reserve(S(0), 1, Duration::ZERO).unwrap();
        slots.close(S(1), JobId(1)).unwrap();
        open(&mut slots, S(1), 1, 2).unwrap();
        slots.release(S(2), old);
        assert_eq!(slots.in_flight(S(2)), 2);
    }
}
