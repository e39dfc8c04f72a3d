//! `WindowSlices<B>`: a window in constant memory that never lets too much through.
//!
//! The window is cut into B slices; they and the running one are counted in full, plus what is held. So it is never over,
//! and never stricter than an exact window of `length x (1 + 1/B)`: units come back at most one slice late, never early.
//! Take a [`WindowLog`](crate::WindowLog) where every microsecond counts. 4 bytes a slice; a decision within the running
//! slice is an addition and a comparison. There is no interpolation: two-counter interpolation passes 199 of 100.
//!
//! ```text
//!     ┌──────┬──────┬──────┬──────┐        B = 3, all four counted in full
//!  ───┴──────┴──────┴──────┴──●───┴──> time
//!         (───────────────────] the exact window
//! ```

use crate::division::divide;
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::time::{Duration, Instant};
use crate::window::{History, Window, WindowError, beyond_time, is_live};

/// A sliding window of `B` slices and the running one.
///
/// A dropped reservation stays counted until the window's [lease](Window::with_lease) ends; since holds are kept as sums,
/// not one by one, it may stay up to two leases longer.
///
/// # Example
/// ```
/// use tollgate::{Denied, Duration, History, Instant, Limiter, Window, WindowSlices};
/// let minute = tollgate::valid!(Window::new(100, Duration::from_secs(60)));
/// let mut window = WindowSlices::<6>::new(minute, History::Empty, Instant::ORIGIN)?;
///
/// assert_eq!(window.allow(Instant::from_secs(5), 100), Ok(()));
/// // An exact window would say 65 s; the slice of ten seconds leaves as a whole at 70 s.
/// assert_eq!(window.allow(Instant::from_secs(6), 1), Err(Denied::Until(Instant::from_secs(70))));
/// # Ok::<(), tollgate::WindowError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
// In this sequence, so that the short instructions of small chips reach all but the slices.
#[repr(C)]
pub struct WindowSlices<const B: usize> {
    /// Of `past`, the next to leave.
    pub(crate) oldest: usize,
    pub(crate) running: u32,
    pub(crate) faults: u32,
    pub(crate) last: Instant,
    /// When the running slice began, not after `last`; moves only when something is granted or settled.
    pub(crate) head: Instant,
    pub(crate) slice: Duration,
    /// The sum of all slices.
    pub(crate) used: u64,
    /// Two generations of holds: new ones join the first, and the second runs out.
    pub(crate) young: Holds,
    pub(crate) aged: Holds,
    pub(crate) window: Window,
    /// The B slices before the running one.
    pub(crate) past: [u32; B],
}

/// Holds that are forgotten together, when the last of their leases has ended.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Holds {
    pub(crate) units: u64,
    since: Instant,
    until: Instant,
    pub(crate) mark: u32,
}

impl Holds {
    pub(crate) const fn none(since: Instant, mark: u32) -> Self {
        Self { units: 0, since, until: since, mark }
    }

    #[inline(never)]
    pub(crate) fn at(&self, eff: Instant) -> u64 {
        if is_live(self.until, eff) { self.units } else { 0 }
    }
}

impl<const B: usize> WindowSlices<B> {
    /// Slices for this window, at the stamp `now`.
    ///
    /// `B` of zero does not compile.
    ///
    /// # Errors
    /// [`WindowError::Uneven`] if the length does not divide into `B` slices of whole microseconds.
    pub const fn new(window: Window, history: History, now: Instant) -> Result<Self, WindowError> {
        const { assert!(B > 0 && B < u32::MAX as usize, "a window needs at least one slice") }
        let length = window.length().as_micros();
        let (slice, rest) = divide(length, B as u64);
        if rest > 0 {
            #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
            return Err(WindowError::Uneven { length: window.length(), slices: B as u32 });
        }
        let running = match history {
            History::Empty => 0,
            History::UsedUp => window.limit(),
        };
        Ok(Self {
            oldest: 0,
            running,
            faults: 0,
            last: now,
            head: now,
            slice: Duration::from_micros(slice),
            used: running as u64,
            young: Holds::none(now, 2),
            aged: Holds::none(now, 1),
            window,
            past: [0; B],
        })
    }

    /// The window it keeps.
    pub const fn window(&self) -> Window {
        self.window
    }

    /// How much of the limit is used or held, in permille, rounded down; above 1000 when in debt.
    pub fn usage_permille(&self, now: Instant) -> u32 {
        let eff = self.last.max(now);
        self.window.permille(self.sum_at(eff))
    }

    /// Whether to slow down: `None` while the usage is at most `above_permille`, else the instant at which, left alone,
    /// it will be again. [`Instant::MAX`] if only a release would help.
    pub fn pace(&self, now: Instant, above_permille: u16) -> Option<Instant> {
        let (eff, target) = (self.last.max(now), self.window.share(above_permille));
        if self.sum_at(eff) <= target { None } else { Some(self.falls_to(eff, target)) }
    }

    /// Re-anchors the slices at `now` after a **known** clock fault: none of them leaves earlier than if it were as old as
    /// it can be, and leases run at most once more. Adds no units that the fault has not given back already.
    pub fn restart(&mut self, now: Instant) {
        let lease = now.saturating_add(self.window.lease());
        for holds in [&mut self.young, &mut self.aged] {
            (holds.since, holds.until) = (holds.since.min(now), holds.until.min(lease));
        }
        (self.head, self.last) = (self.head.min(now), now);
    }

    /// Calls whose stamp was older than one acted on before; saturates.
    pub const fn clock_faults(&self) -> u32 {
        self.faults
    }

    /// The slices in the order in which they leave: the first at the end of the running one.
    #[cfg(feature = "image")]
    pub(crate) fn leaving(&self) -> impl Iterator<Item = u32> + '_ {
        let (late, early) = self.past.split_at_checked(self.oldest).unwrap_or((&[], &self.past));
        early.iter().chain(late).copied().chain(core::iter::once(self.running))
    }

    /// The place after this one in the ring.
    #[inline]
    const fn after(place: usize) -> usize {
        let next = place.wrapping_add(1);
        if next < B { next } else { 0 }
    }

    /// How long the running slice runs already. The end of time ends none: nothing leaves there.
    #[inline(never)]
    fn since_head(&self, eff: Instant) -> u64 {
        eff.min(Instant::from_micros(u64::MAX - 1)).saturating_since(self.head).as_micros()
    }

    /// When the running slice will have left, and with it all the others.
    #[inline(never)]
    fn end_of_all(&self) -> Instant {
        self.head.saturating_add(self.slice).saturating_add(self.window.length())
    }

    /// What the slices hold at `eff`. Nothing moves.
    #[inline(never)]
    fn used_at(&self, eff: Instant) -> u64 {
        let (mut since, slice) = (self.since_head(eff), self.slice.as_micros());
        if since >= self.window.length().as_micros().saturating_add(slice) {
            return 0;
        }
        let (mut used, mut oldest) = (self.used, self.oldest);
        while let (Some(left), Some(count)) = (since.checked_sub(slice), self.past.get(oldest)) {
            (since, oldest) = (left, Self::after(oldest));
            used = used.wrapping_sub(u64::from(*count));
        }
        used
    }

    /// When the slices alone hold at most `target`.
    #[inline(never)]
    fn slices_fall_to(&self, target: u64) -> Instant {
        if target < u64::from(self.running) {
            return self.end_of_all();
        }
        if self.used <= target {
            return Instant::ORIGIN;
        }
        let (mut end, mut used, mut oldest) = (self.head, self.used, self.oldest);
        for _ in 0..B {
            if used <= target {
                break;
            }
            end = end.saturating_add(self.slice);
            used = used.wrapping_sub(self.past.get(oldest).copied().map_or(0, u64::from));
            oldest = Self::after(oldest);
        }
        end
    }

    /// Nothing is held in either generation.
    #[inline]
    const fn is_free_of_holds(&self) -> bool {
        self.young.units | self.aged.units == 0
    }

    #[inline(never)]
    fn held_at(&self, eff: Instant) -> u64 {
        // The common case.
        if self.is_free_of_holds() {
            return 0;
        }
        self.young.at(eff).saturating_add(self.aged.at(eff))
    }

    fn sum_at(&self, eff: Instant) -> u64 {
        self.used_at(eff).saturating_add(self.held_at(eff))
    }

    /// The first instant from `from` on at which, left alone, the sum is at most `target`; `MAX` if never.
    fn falls_to(&self, from: Instant, target: u64) -> Instant {
        let first = self.falls_after(from, target);
        if self.is_free_of_holds() {
            return first;
        }
        // The sum only falls: at the ends of slices, and when a generation of holds is forgotten.
        let young = self.falls_after(self.young.until.max(from), target);
        let aged = self.falls_after(self.aged.until.max(from), target);
        first.min(young).min(aged)
    }

    /// The same, were what is held at `start` held for ever.
    #[inline(never)]
    fn falls_after(&self, start: Instant, target: u64) -> Instant {
        match target.checked_sub(self.held_at(start)) {
            Some(left) => self.slices_fall_to(left).max(start),
            None => Instant::MAX,
        }
    }

    /// Moves the running slice up to `eff`.
    pub(crate) fn advance(&mut self, eff: Instant) {
        if eff.as_micros().wrapping_sub(self.head.as_micros()) >= self.slice.as_micros() {
            self.roll(eff);
        }
        // What is over must not come back to life when a new hold joins it.
        let fresh = Holds::none(eff, self.young.mark.max(self.aged.mark).wrapping_add(1));
        let is_live = |holds: &Holds| is_live(holds.until, eff);
        if !is_live(&self.young) {
            self.young = fresh;
        } else if !is_live(&self.aged) && eff.saturating_since(self.young.since) >= self.window.lease() {
            (self.aged, self.young) = (self.young, fresh);
        }
        self.last = self.last.max(eff);
    }

    /// The same where slices have ended. Those that have all left re-anchor there, without a division.
    #[inline(never)]
    fn roll(&mut self, eff: Instant) {
        let (mut since, slice) = (self.since_head(eff), self.slice.as_micros());
        for _ in 0..=B {
            if since < slice {
                return;
            }
            since = since.wrapping_sub(slice);
            if let Some(oldest) = self.past.get_mut(self.oldest) {
                self.used = self.used.wrapping_sub(u64::from(*oldest));
                *oldest = core::mem::take(&mut self.running);
            }
            self.oldest = Self::after(self.oldest);
            self.head = Instant::from_micros(self.head.as_micros().wrapping_add(slice));
        }
        self.head = if since < slice { self.head } else { eff };
    }

    #[inline]
    fn note(&mut self, now: Instant) {
        if now < self.last {
            self.faults = self.faults.saturating_add(1);
        }
    }

    /// Counts settled units in the running slice. Saturates at 2^32: by then the limit is used up many times over.
    #[inline]
    pub(crate) fn enter(&mut self, cost: u64) {
        let before = self.running;
        self.running = self.running.saturating_add(u32::try_from(cost).unwrap_or(u32::MAX));
        self.used = self.used.saturating_add(u64::from(self.running.wrapping_sub(before)));
    }

    /// The common case: nothing is held, and at most one slice has ended. Generations without holds need not change.
    #[inline]
    fn enter_soon(&mut self, eff: Instant, target: u64, cost: u64) -> bool {
        let (since, slice) = (eff.as_micros().wrapping_sub(self.head.as_micros()), self.slice.as_micros());
        let mut used = self.used;
        if since >= slice {
            let head = Instant::from_micros(self.head.as_micros().wrapping_add(slice));
            let Some(oldest) = self.past.get_mut(self.oldest) else { return false };
            used = used.wrapping_sub(u64::from(*oldest));
            if since.wrapping_sub(slice) >= slice || used > target || head == Instant::MAX {
                return false;
            }
            *oldest = core::mem::take(&mut self.running);
            self.oldest = Self::after(self.oldest);
            self.head = head;
        } else if used > target {
            return false;
        }
        self.last = eff;
        // At most the limit.
        self.used = used.wrapping_add(cost);
        self.running = self.running.wrapping_add((cost & 0xFFFF_FFFF) as u32);
        true
    }

    /// Everything else.
    #[inline(never)]
    fn enter_late(&mut self, eff: Instant, target: u64, cost: u64) -> Result<(), Denied> {
        let Some(left) = target.checked_sub(self.held_at(eff)) else { return Err(Denied::Busy) };
        if self.used_at(eff) > left {
            return Err(Denied::Until(self.falls_to(eff, target)));
        }
        self.advance(eff);
        self.enter(cost);
        Ok(())
    }

    /// The common case: it fits although nothing leaves.
    #[inline]
    const fn fits_as_it_is(&self, target: u64) -> bool {
        self.used.saturating_add(self.young.units).saturating_add(self.aged.units) <= target
    }

    /// When it fits, as time takes slices and holds away.
    fn fits_at(&self, from: Instant, target: u64) -> Result<Instant, Denied> {
        let eff = self.last.max(from);
        match target.checked_sub(self.held_at(eff)) {
            None => Err(Denied::Busy),
            Some(left) if self.used_at(eff) <= left => Ok(from),
            _ => beyond_time(self.falls_to(eff, target)),
        }
    }

    /// How much may be in use for `cost` still to fit.
    #[inline]
    fn target(&self, cost: u64) -> Result<u64, Denied> {
        let limit = u64::from(self.window.limit());
        limit.checked_sub(cost).ok_or(Denied::Never { max: limit })
    }
}

impl<const B: usize> Book for WindowSlices<B> {
    fn room(&self, now: Instant) -> u64 {
        let eff = self.last.max(now);
        u64::from(self.window.limit()).saturating_sub(self.sum_at(eff))
    }

    #[inline]
    fn quote(&self, _now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        let target = self.target(cost)?;
        if self.fits_as_it_is(target) { Ok(from) } else { self.fits_at(from, target) }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        let earliest = self.quote(now, at, cost)?;
        if earliest > at {
            return Err(Denied::Until(earliest));
        }
        self.note(now);
        self.advance(self.last.max(now));
        self.young.units = self.young.units.saturating_add(cost);
        self.young.until = self.young.until.max(self.last.max(at).saturating_add(self.window.lease()));
        Ok(Reservation::new(at, cost, Token { key: 0, mark: self.young.mark }))
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        if held.cost() == 0 && actual == 0 {
            return;
        }
        self.note(now);
        let eff = self.last.max(now);
        let mark = held.token().mark;
        for holds in [&mut self.young, &mut self.aged] {
            if holds.mark == mark {
                holds.units = holds.units.saturating_sub(held.cost());
            }
        }
        self.advance(eff);
        self.enter(actual);
    }

    #[inline]
    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        let target = self.target(cost)?;
        self.note(now);
        let eff = self.last.max(now);
        if self.is_free_of_holds() && self.enter_soon(eff, target, cost) {
            return Ok(());
        }
        self.enter_late(eff, target, cost)
    }

    fn restart(&mut self, now: Instant) {
        Self::restart(self, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limiter;

    const S: fn(u64) -> Instant = Instant::from_secs;

    fn slices(limit: u32, lease: u64) -> WindowSlices<5> {
        let window = Window::new(limit, Duration::from_secs(10)).and_then(|w| w.with_lease(Duration::from_secs(lease)));
        WindowSlices::new(window.unwrap(), History::Empty, S(0)).unwrap()
    }

    #[test]
    fn units_leave_with_their_slice() {
        let mut window = slices(3, 99);
        for at in [0, 3, 5] {
            assert_eq!(window.allow(S(at), 1), Ok(()));
        }
        for (now, available) in [(5, 0), (11, 0), (12, 1), (13, 1), (14, 2), (16, 3)] {
            assert_eq!(window.available(S(now)), available, "at {now} s");
        }
        assert_eq!(window.allow(S(6), 2), Err(Denied::Until(S(14))));
    }

    #[test]
    fn idle_for_long_it_starts_afresh_at_any_instant() {
        let mut window = slices(3, 99);
        window.allow(S(1), 3).unwrap();
        assert_eq!(window.allow(Instant::from_micros(99_000_001), 3), Ok(()));
        assert_eq!(window.allow(S(100), 1), Err(Denied::Until(Instant::from_micros(111_000_001))));
    }

    #[test]
    fn a_hold_is_stamped_at_its_commit() {
        let mut window = slices(3, 99);
        let held = window.reserve(S(0), 3, Duration::ZERO).unwrap();
        assert_eq!(window.allow(S(50), 1), Err(Denied::Busy));
        window.commit(S(51), held, 2);
        assert_eq!((window.available(S(51)), window.usage_permille(S(51))), (1, 666));
    }

    #[test]
    fn a_dropped_hold_is_forgotten_after_its_lease_even_while_others_come() {
        let mut window = slices(10, 7);
        drop(window.reserve(S(0), 4, Duration::ZERO).unwrap());
        for at in 1..40 {
            let held = window.reserve(S(at), 1, Duration::ZERO).unwrap();
            window.release(S(at), held);
            assert!(at >= 7 || window.available(S(at)) == 6, "not before its lease");
        }
        assert_eq!(window.available(S(40)), 10);
    }

    #[test]
    fn forgotten_holds_do_not_come_back_with_new_ones() {
        let mut window = slices(10, 7);
        drop(window.reserve(S(0), 9, Duration::ZERO).unwrap());
        assert_eq!(window.available(S(7)), 10);
        let held = window.reserve(S(8), 1, Duration::ZERO).unwrap();
        assert_eq!(window.available(S(8)), 9);
        window.release(S(8), held);
    }

    #[test]
    fn pace_says_when_the_usage_will_have_fallen() {
        let mut window = slices(30, 99);
        window.allow(S(5), 25).unwrap();
        assert_eq!(window.pace(S(6), 900), None);
        assert_eq!(window.pace(S(6), 800), Some(S(16)));
    }

    #[test]
    fn a_restart_ends_the_stall_of_a_clock_fault() {
        let mut window = slices(2, 3);
        window.allow(Instant::MAX, 2).unwrap();
        window.restart(S(8));
        assert_eq!((window.available(S(8)), window.available(S(19)), window.available(S(20))), (0, 0, 2));
    }

    #[test]
    fn an_uneven_window_is_refused() {
        let window = Window::new(1, Duration::from_micros(11)).unwrap();
        let refused = WindowSlices::<5>::new(window, History::Empty, S(0)).map(|_| ());
        assert_eq!(refused, Err(WindowError::Uneven { length: Duration::from_micros(11), slices: 5 }));
    }
}
