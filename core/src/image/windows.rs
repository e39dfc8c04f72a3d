//! The images of [`WindowLog`] and [`WindowSlices`]: what was used, and when it leaves.
//!
//! What was held may have been used until the power went: it counts as used at the moment of the restore, so that no
//! window, the first one after the reboot included, holds more than its limit.

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift, number_on};
use crate::time::Instant;
use crate::window::{WhenFull, Window, is_live};
use crate::window_log::{Entry, WindowLog};
use crate::window_slices::{Holds, WindowSlices};

/// Stamp and cost.
const ENTRY: usize = 8 + 4;

/// A window of another length forgets at another time: what it has forgotten is not known.
fn config(window: &Window, slices: u64, more: u64) -> Config {
    let (limit, length, lease) = (window.limit(), window.length(), window.lease());
    Config::of(&[length.as_micros(), slices], &[u64::from(limit), lease.as_micros(), more])
}

impl<const N: usize> Body for WindowLog<N> {
    const KIND: u8 = 2;
    const LEN: usize = 36 + N * ENTRY;

    fn config(&self) -> Config {
        config(&self.window, 0, u64::from(self.when_full == WhenFull::Merge))
    }

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        let eff = self.last.max(saved);
        let (settled, held) = self.parts();
        let live = || held.iter().filter(|hold| is_live(hold.stamp, eff));
        to.instant(self.last);
        to.u32(self.mark);
        to.u32(self.faults);
        to.instant(self.late.stamp);
        to.u32(self.late.cost);
        to.count(settled.len());
        to.count(live().many());
        for entry in settled.iter().chain(live()) {
            to.instant(entry.stamp);
            to.u32(entry.cost);
        }
        to.blank(N.saturating_sub(settled.len()).saturating_sub(live().many()).saturating_mul(ENTRY));
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (last, mark, faults) = (from.instant(), from.u32(), from.u32());
        let (late_stamp, late_cost) = (from.instant(), from.u32());
        let settled = from.count(N);
        let open = from.count(N.saturating_sub(settled));
        // Stamps from before this clock began are those of its beginning: what has left the window by then must go.
        let length = self.window.length();
        let is_out = |then: Instant, when: &Shift| when.age(then) >= length && !when.excess(then).is_zero();
        let (mut entries, mut before) = (Vec::new(), Instant::ORIGIN);
        for _ in 0..settled {
            let (then, cost) = (from.instant(), from.u32());
            from.expect(before <= then);
            before = then;
            if !is_out(then, when) {
                // There is room: counted above.
                let _ = entries.put(Entry { stamp: when.past(then), cost, mark: 0 });
            }
        }
        for _ in 0..open {
            let (_lease, cost) = (from.instant(), from.u32());
            let _ = entries.put(Entry { stamp: when.now(), cost, mark: 0 });
        }
        when.found_open(u32::try_from(open).unwrap_or(u32::MAX));
        from.skip(N.saturating_sub(settled).saturating_sub(open).saturating_mul(ENTRY));
        let late_cost = if is_out(late_stamp, when) { 0 } else { late_cost };
        let late = if late_cost > 0 { when.past(late_stamp) } else { Instant::ORIGIN };
        let last = when.past(last);
        // To be used now is to act now.
        let last = if open > 0 { last.max(when.now()) } else { last };
        if when.applies(from) {
            let used = entries.iter().map(|entry: &Entry| u64::from(entry.cost)).total();
            let (start, settled, mark) = (0, entries.len(), number_on(mark, self.mark));
            let late = Entry { stamp: late, cost: late_cost, mark: 0 };
            let (window, when_full) = (self.window, self.when_full);
            *self = Self { window, when_full, entries, start, settled, used, late, last, mark, faults };
        }
    }
}

impl<const B: usize> Body for WindowSlices<B> {
    const KIND: u8 = 3;
    const LEN: usize = 36 + B * 4;

    fn config(&self) -> Config {
        config(&self.window, self.past.len() as u64, 0)
    }

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        let eff = self.last.max(saved);
        to.instant(self.last);
        to.instant(self.head);
        to.u32(self.young.mark.max(self.aged.mark));
        to.u32(self.faults);
        to.u64(self.young.at(eff).saturating_add(self.aged.at(eff)));
        for count in self.leaving() {
            to.u32(count);
        }
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (last, head, mark, faults) = (from.instant(), from.instant(), from.u32(), from.u32());
        let open = from.u64();
        let mut past = [0; B];
        for count in &mut past {
            *count = from.u32();
        }
        let running = from.u32();
        when.found_open(u32::from(open > 0));
        let (excess, head, last) = (when.excess(head), when.past(head), when.past(last));
        if !when.applies(from) {
            return;
        }
        let mark = number_on(mark, self.young.mark.max(self.aged.mark));
        let used = past.iter().chain([&running]).map(|count| u64::from(*count)).total();
        let (young, aged) = (Holds::none(when.now(), mark.saturating_add(1)), Holds::none(when.now(), mark));
        *self = Self { oldest: 0, running, faults, last, head, used, young, aged, past, ..*self };
        if !excess.is_zero() {
            // The running slice began before this clock did: those leave that are over, and the next one begins with it.
            self.last = Instant::ORIGIN;
            self.advance(Instant::ORIGIN.saturating_add(excess));
            (self.head, self.last) = (Instant::ORIGIN, last);
        }
        if open > 0 {
            self.advance(when.now().max(last));
            self.enter(open);
        }
    }
}
