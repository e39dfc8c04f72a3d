//! `WindowLog<N>`: a window that remembers every grant, and is therefore exact.
//!
//! Take it where the other side counts strictly and N is small: 12 frames an hour, 60 requests a minute. Beyond some
//! hundred entries [`WindowSlices`](crate::WindowSlices) does it in constant memory. 16 bytes an entry; a decision
//! looks at what has left the window since the last one and at the live holds.
//!
//! ```text
//! entries  [ left │ settled, oldest first │ held, as booked │ free ]
//!                 start              settled             len      N
//! ```

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::time::Instant;
use crate::window::{History, WhenFull, Window, beyond_time, is_live, is_out};

/// An exact sliding window with room for `N` grants.
///
/// Dropping a reservation keeps it counted until the window's [lease](Window::with_lease) ends.
///
/// # Example
/// ```
/// use tollgate::{Denied, Duration, History, Instant, Limiter, WhenFull, Window, WindowLog};
/// let window = tollgate::valid!(Window::new(2, Duration::from_secs(60)));
/// let mut log = WindowLog::<8>::new(window, WhenFull::Refuse, History::Empty, Instant::ORIGIN);
///
/// assert_eq!(log.allow(Instant::from_secs(1), 1), Ok(()));
/// assert_eq!(log.allow(Instant::from_secs(5), 1), Ok(()));
/// assert_eq!(log.allow(Instant::from_secs(9), 1), Err(Denied::Until(Instant::from_secs(61))));
/// assert_eq!(log.usage_permille(Instant::from_secs(9)), 1_000);
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowLog<const N: usize> {
    pub(crate) window: Window,
    pub(crate) when_full: WhenFull,
    pub(crate) entries: Vec<Entry, N>,
    /// Entries before this have left the window; they are swept out when room is needed.
    pub(crate) start: usize,
    /// Entries before this are settled and sorted by stamp; those behind it are held.
    pub(crate) settled: usize,
    pub(crate) used: u64,
    /// What was committed without an entry of its own: after its lease, or from a reservation of nothing.
    pub(crate) late: Entry,
    pub(crate) last: Instant,
    pub(crate) mark: u32,
    pub(crate) faults: u32,
}

/// A settled grant and when it was committed, or a hold and when its lease ends.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Entry {
    pub(crate) stamp: Instant,
    pub(crate) cost: u32,
    pub(crate) mark: u32,
}

const NOTHING: Entry = Entry { stamp: Instant::ORIGIN, cost: 0, mark: 0 };

/// One entry more, and its cost.
fn counted(entries: usize, sum: u64, entry: &Entry) -> (usize, u64) {
    (entries.saturating_add(1), sum.saturating_add(u64::from(entry.cost)))
}

impl<const N: usize> WindowLog<N> {
    /// A log for this window, at the stamp `now`.
    ///
    /// `N` of zero does not compile.
    pub fn new(window: Window, when_full: WhenFull, history: History, now: Instant) -> Self {
        const { assert!(N > 0, "a log needs at least one entry") }
        let late = match history {
            History::Empty => NOTHING,
            History::UsedUp => Entry { stamp: now, cost: window.limit(), mark: 0 },
        };
        Self {
            window,
            when_full,
            entries: Vec::new(),
            start: 0,
            settled: 0,
            used: 0,
            late,
            last: now,
            mark: 0,
            faults: 0,
        }
    }

    /// The window it keeps.
    pub const fn window(&self) -> Window {
        self.window
    }

    /// How much of the limit is used or held, in permille, rounded down; above 1000 when in debt.
    pub fn usage_permille(&self, now: Instant) -> u32 {
        self.window.permille(self.sum(self.last.max(now)))
    }

    /// Whether to slow down: `None` while the usage is at most `above_permille`, else the instant at which, left alone,
    /// it will be again. Computed from the oldest live entry; [`Instant::MAX`] if only a release would help.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, History, Instant, Limiter, WhenFull, Window, WindowLog};
    /// let window = tollgate::valid!(Window::new(30, Duration::from_secs(60)));
    /// let mut log = WindowLog::<30>::new(window, WhenFull::Refuse, History::Empty, Instant::ORIGIN);
    /// log.allow(Instant::from_secs(59), 24).unwrap();
    /// assert_eq!(log.pace(Instant::from_secs(61), 800), None); // 24 of 30 is 80 %, and not above
    /// log.allow(Instant::from_secs(60), 1).unwrap();
    /// assert_eq!(log.pace(Instant::from_secs(61), 800), Some(Instant::from_secs(119)));
    /// ```
    pub fn pace(&self, now: Instant, above_permille: u16) -> Option<Instant> {
        let (eff, target) = (self.last.max(now), self.window.share(above_permille));
        if self.sum(eff) <= target { None } else { Some(self.falls_to(eff, target)) }
    }

    /// Re-anchors the log at `now` after a **known** clock fault: what was stamped later counts as used just now, and
    /// leases run at most once more. Adds no units that the fault has not given back already.
    pub fn restart(&mut self, now: Instant) {
        let lease = now.saturating_add(self.window.lease());
        let settled = self.settled;
        for (index, entry) in self.entries.iter_mut().numbered() {
            entry.stamp = entry.stamp.min(if index < settled { now } else { lease });
        }
        self.late.stamp = self.late.stamp.min(now);
        self.last = now;
    }

    /// Calls whose stamp was older than one acted on before; saturates.
    pub const fn clock_faults(&self) -> u32 {
        self.faults
    }

    /// The settled entries and the held ones.
    pub(crate) fn parts(&self) -> (&[Entry], &[Entry]) {
        let (settled, held) = self.entries.split_at_checked(self.settled).unwrap_or((&self.entries, &[]));
        (settled.get(self.start..).unwrap_or(&[]), held)
    }

    /// What is in use at `eff`: entries, units settled, units held. Nothing moves.
    fn view(&self, eff: Instant) -> (usize, u64, u64) {
        let (settled, held) = self.parts();
        let out = settled.iter().take_while(|entry| is_out(entry.stamp, self.window.length(), eff));
        let (left, gone) = out.fold((0, 0), |(n, sum), entry| counted(n, sum, entry));
        let live = held.iter().filter(|entry| is_live(entry.stamp, eff));
        let (holds, units) = live.fold((0, 0), |(n, sum), entry| counted(n, sum, entry));
        let late = if is_out(self.late.stamp, self.window.length(), eff) { 0 } else { u64::from(self.late.cost) };
        (
            settled.len().saturating_sub(left).saturating_add(holds),
            self.used.saturating_sub(gone).saturating_add(late),
            units,
        )
    }

    fn sum(&self, eff: Instant) -> u64 {
        let (_, used, held) = self.view(eff);
        used.saturating_add(held)
    }

    /// Whether one more entry could be made at `eff`.
    fn has_entry(&self, eff: Instant) -> bool {
        let live = |entry: &&Entry| !is_out(entry.stamp, self.window.length(), eff);
        let can_merge = || self.parts().0.iter().filter(live).take(2).many() == 2;
        self.view(eff).0 < N || (self.when_full == WhenFull::Merge && can_merge())
    }

    /// The first instant from `from` on at which, left alone, the sum is at most `target`; `MAX` if never.
    fn falls_to(&self, from: Instant, target: u64) -> Instant {
        let (mut settled, held) = self.parts();
        let end = |entry: &Entry| entry.stamp.saturating_add(self.window.length());
        let (mut at, mut sum) = (from, self.sum(from));
        let late = if self.late.cost > 0 { end(&self.late) } else { Instant::MAX };
        while let Some((_, others)) = settled.split_first().filter(|(entry, _)| end(entry) <= from) {
            settled = others;
        }
        // One step for each instant at which something leaves: a settled entry, the late one, a hold whose lease ends.
        for _ in 0..=self.entries.len().saturating_add(1) {
            if sum <= target {
                return at;
            }
            let before = at;
            let ends = settled.first().map(end).into_iter().chain([late]).chain(held.iter().map(|hold| hold.stamp));
            at = ends.filter(|end| *end > before).soonest();
            if at == Instant::MAX {
                break;
            }
            while let Some((entry, others)) = settled.split_first().filter(|(entry, _)| end(entry) <= at) {
                (sum, settled) = (sum.saturating_sub(u64::from(entry.cost)), others);
            }
            let over = held.iter().map(|hold| (hold.stamp, hold.cost)).chain([(late, self.late.cost)]);
            for (_, cost) in over.filter(|(end, _)| before < *end && *end <= at) {
                sum = sum.saturating_sub(u64::from(cost));
            }
        }
        Instant::MAX
    }

    /// Forgets what has left the window, and makes room for one more entry if there is a way.
    fn sweep(&mut self, eff: Instant) {
        let length = self.window.length();
        while let Some(entry) = self.parts().0.first().filter(|entry| is_out(entry.stamp, length, eff)) {
            self.used = self.used.saturating_sub(u64::from(entry.cost));
            self.start = self.start.saturating_add(1);
        }
        if is_out(self.late.stamp, length, eff) {
            self.late.cost = 0;
        }
        if self.entries.is_full() {
            self.remove(0, self.start);
            self.start = 0;
            let mut index = 0;
            while let Some(hold) = self.parts().1.get(index) {
                if is_live(hold.stamp, eff) { index += 1 } else { self.remove_hold(index) }
            }
        }
        if self.entries.is_full() && self.when_full == WhenFull::Merge && self.settled >= 2 {
            self.merge();
        }
        self.last = self.last.max(eff);
    }

    /// Merges a settled entry into the next one, which is newer, so that the log is never over: the entry that leaves the
    /// smallest gap behind, so that the others stay spread over the window. Were it always the oldest, it would move on
    /// with the load and never leave.
    fn merge(&mut self) {
        let (settled, _) = self.parts();
        let around = settled.iter().zip(settled.iter().skip(2));
        let gaps = around.map(|(before, after)| after.stamp.saturating_since(before.stamp));
        let index = gaps.numbered().min_by_key(|(_, gap)| *gap).map_or(0, |(before, _)| before.saturating_add(1));
        let older = self.entries.get(index).copied();
        if let (Some(newer), Some(older)) = (self.entries.get_mut(index.saturating_add(1)), older) {
            newer.cost = newer.cost.saturating_add(older.cost);
        }
        self.remove(index, 1);
    }

    /// Drops `count` settled entries from `first` on; those that follow move up. Amortised, one move for each grant.
    fn remove(&mut self, first: usize, count: usize) {
        let kept = self.entries.len().saturating_sub(count);
        for index in first..kept {
            let moved = self.entries.get(index.saturating_add(count)).copied();
            if let (Some(slot), Some(entry)) = (self.entries.get_mut(index), moved) {
                *slot = entry;
            }
        }
        self.entries.truncate(kept);
        self.settled = self.settled.saturating_sub(count);
    }

    /// Removes a hold; the last one takes its place.
    fn remove_hold(&mut self, index: usize) {
        let last = self.entries.pop();
        if let (Some(slot), Some(last)) = (self.entries.get_mut(self.settled.saturating_add(index)), last) {
            *slot = last;
        }
    }

    fn note(&mut self, now: Instant) {
        if now < self.last {
            self.faults = self.faults.saturating_add(1);
        }
    }

    fn check(&self, cost: u64) -> Result<u32, Denied> {
        let limit = self.window.limit();
        u32::try_from(cost).ok().filter(|cost| *cost <= limit).ok_or(Denied::Never { max: u64::from(limit) })
    }

    /// Enters a settled grant. There is room: it was reserved, or swept free.
    fn enter(&mut self, stamp: Instant, cost: u32) {
        let entry = Entry { stamp, cost, mark: 0 };
        let displaced = self.entries.get_mut(self.settled).map(|hold| core::mem::replace(hold, entry));
        if self.entries.put(displaced.unwrap_or(entry)).is_ok() {
            self.settled = self.settled.saturating_add(1);
            self.used = self.used.saturating_add(u64::from(cost));
        }
    }

    fn enter_late(&mut self, stamp: Instant, cost: u32) {
        self.late = Entry { stamp, cost: self.late.cost.saturating_add(cost), mark: 0 };
    }
}

impl<const N: usize> Book for WindowLog<N> {
    fn room(&self, now: Instant) -> u64 {
        let eff = self.last.max(now);
        let left = u64::from(self.window.limit()).saturating_sub(self.sum(eff));
        if self.has_entry(eff) { left } else { 0 }
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        let cost = self.check(cost)?;
        let now = self.last.max(now);
        if !self.has_entry(now) {
            let (settled, held) = self.parts();
            let length = self.window.length();
            let oldest = settled.iter().map(|entry| entry.stamp.saturating_add(length)).find(|end| *end > now);
            // Only live holds are in the way: a release comes first, or else a lease ends.
            let Some(oldest) = oldest else { return Err(Denied::Busy) };
            let lease = held.iter().map(|hold| hold.stamp).filter(|end| *end > now).min();
            return Err(Denied::Until(lease.map_or(oldest, |lease| lease.min(oldest))));
        }
        let target = u64::from(self.window.limit() - cost);
        let eff = self.last.max(from);
        match self.view(eff) {
            (_, _, held) if held > target => Err(Denied::Busy),
            (_, used, held) if used.saturating_add(held) <= target => Ok(from),
            _ => beyond_time(self.falls_to(eff, target)),
        }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        let earliest = self.quote(now, at, cost)?;
        if earliest > at {
            return Err(Denied::Until(earliest));
        }
        let units = self.check(cost)?;
        self.note(now);
        self.sweep(self.last.max(now));
        self.mark = self.mark.wrapping_add(1);
        let stamp = self.last.max(at).saturating_add(self.window.lease());
        // Room was checked by the quote; should there be none all the same, nothing is granted.
        self.entries.put(Entry { stamp, cost: units, mark: self.mark }).map_err(|_| Denied::Busy)?;
        Ok(Reservation::new(at, cost, Token { key: stamp.as_micros(), mark: self.mark }))
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        if held.cost() == 0 && actual == 0 {
            return;
        }
        self.note(now);
        let eff = self.last.max(now);
        let Token { key, mark } = held.token();
        let is_it = |entry: &Entry| entry.mark == mark && entry.stamp.as_micros() == key;
        let found = self.parts().1.iter().place(is_it).filter(|_| held.cost() > 0);
        let over = !is_live(Instant::from_micros(key), eff);
        if let Some(index) = found {
            self.remove_hold(index);
        }
        self.sweep(eff);
        let actual = u32::try_from(actual).unwrap_or(u32::MAX);
        match found {
            _ if actual == 0 => {}
            // An entry whose lease is over counts for nothing any more; it may have been lent to another. Without one of
            // its own, what was committed late shares an entry, which is only as old as the latest of them.
            Some(_) if !over => self.enter(eff, actual),
            _ if !self.entries.is_full() => self.enter(eff, actual),
            _ => self.enter_late(eff, actual),
        }
    }

    fn restart(&mut self, now: Instant) {
        Self::restart(self, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Duration, Limiter};

    const S: fn(u64) -> Instant = Instant::from_secs;

    fn log<const N: usize>(limit: u32, lease: u64, when_full: WhenFull) -> WindowLog<N> {
        let window = Window::new(limit, Duration::from_secs(10)).and_then(|w| w.with_lease(Duration::from_secs(lease)));
        WindowLog::new(window.unwrap(), when_full, History::Empty, S(0))
    }

    #[test]
    fn an_entry_exactly_one_window_old_is_out() {
        let mut log = log::<4>(1, 99, WhenFull::Refuse);
        assert_eq!(log.allow(S(3), 1), Ok(()));
        assert_eq!(log.allow(Instant::from_micros(12_999_999), 1), Err(Denied::Until(S(13))));
        assert_eq!(log.allow(S(13), 1), Ok(()));
    }

    #[test]
    fn a_hold_does_not_age_and_is_stamped_at_its_commit() {
        let mut log = log::<4>(2, 99, WhenFull::Refuse);
        let held = log.reserve(S(0), 2, Duration::ZERO).unwrap();
        assert_eq!(log.allow(S(50), 1), Err(Denied::Busy));
        log.commit(S(60), held, 1);
        assert_eq!(log.available(S(60)), 1);
        assert_eq!(log.allow(S(60), 2), Err(Denied::Until(S(70))));
    }

    #[test]
    fn an_old_release_does_not_hit_a_younger_entry() {
        let mut log = log::<4>(2, 99, WhenFull::Refuse);
        let a = log.reserve(S(0), 1, Duration::ZERO).unwrap();
        let b = log.reserve(S(5), 1, Duration::ZERO).unwrap();
        log.commit(S(0), a, 1);
        log.commit(S(5), b, 1);
        let c = log.reserve(S(15), 2, Duration::ZERO).unwrap();
        log.release(S(3), c);
        assert_eq!((log.available(S(15)), log.clock_faults()), (2, 2));
    }

    #[test]
    fn a_dropped_reservation_counts_until_its_lease_ends() {
        let mut log = log::<4>(1, 7, WhenFull::Refuse);
        drop(log.reserve(S(0), 1, Duration::ZERO).unwrap());
        assert_eq!(log.available(Instant::from_micros(6_999_999)), 0);
        assert_eq!(log.available(S(7)), 1);
    }

    #[test]
    fn a_commit_after_its_lease_still_counts() {
        let mut log = log::<4>(1, 7, WhenFull::Refuse);
        let late = log.reserve(S(0), 1, Duration::ZERO).unwrap();
        log.commit(S(8), late, 1);
        assert_eq!(log.allow(S(8), 1), Err(Denied::Until(S(18))));
    }

    #[test]
    fn a_full_log_refuses_or_merges_to_the_newer_stamp() {
        let mut refuses = log::<2>(9, 99, WhenFull::Refuse);
        let mut merges = log::<2>(9, 99, WhenFull::Merge);
        for log in [&mut refuses, &mut merges] {
            log.allow(S(0), 1).unwrap();
            log.allow(S(4), 1).unwrap();
        }
        assert_eq!((refuses.available(S(5)), refuses.allow(S(5), 1)), (0, Err(Denied::Until(S(10)))));
        assert_eq!((merges.available(S(5)), merges.allow(S(5), 1)), (7, Ok(())));
        assert_eq!(merges.available(S(13)), 6, "both older entries count until the newer one is out");
        assert_eq!(merges.available(S(14)), 8);
    }

    #[test]
    fn until_waits_for_storage_and_quota() {
        let mut log = log::<2>(4, 99, WhenFull::Refuse);
        log.allow(S(0), 1).unwrap();
        log.allow(S(4), 3).unwrap();
        assert_eq!(log.reserve(S(5), 1, Duration::ZERO), Err(Denied::Until(S(10))), "an entry is free at 10");
        assert_eq!(log.reserve(S(5), 4, Duration::ZERO), Err(Denied::Until(S(14))), "the quota at 14");
        assert_eq!(log.reserve(S(5), 4, Duration::from_secs(3)), Err(Denied::Until(S(11))), "with patience");
    }

    #[test]
    fn late_commits_age_like_others_while_there_is_room() {
        let mut log = log::<8>(100, 7, WhenFull::Refuse);
        for at in 0..200 {
            let nothing = log.reserve(S(at * 5), 0, Duration::ZERO).unwrap();
            log.commit(S(at * 5), nothing, 1);
        }
        assert_eq!(log.available(S(199 * 5)), 98);
    }

    #[test]
    fn a_merging_log_lets_go_under_steady_load() {
        let mut log = log::<8>(1_000, 99, WhenFull::Merge);
        for at in 0..500 {
            assert_eq!(log.allow(S(at), 1), Ok(()));
        }
        // Ten are in the window; what is merged stays a little longer.
        assert!((1_000 - 16..=1_000 - 10).contains(&log.available(S(499))), "{}", log.available(S(499)));
    }

    #[test]
    fn a_restart_ends_the_stall_of_a_clock_fault() {
        let mut log = log::<4>(2, 3, WhenFull::Refuse);
        log.allow(S(5), 1).unwrap();
        log.allow(Instant::MAX, 1).unwrap();
        drop(log.reserve(Instant::MAX, 1, Duration::ZERO));
        log.restart(S(8));
        assert_eq!((log.available(S(8)), log.available(S(15)), log.available(S(18))), (0, 1, 2));
    }

    #[test]
    fn the_first_window_after_a_reboot_can_be_closed() {
        let window = Window::new(36, Duration::from_secs(10)).unwrap();
        let mut log = WindowLog::<4>::new(window, WhenFull::Refuse, History::UsedUp, S(100));
        assert_eq!(log.allow(S(100), 1), Err(Denied::Until(S(110))));
        assert_eq!(log.allow(S(110), 36), Ok(()));
    }
}
