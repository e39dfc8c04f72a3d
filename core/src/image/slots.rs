//! The image of [`Slots`]: which jobs run, and how long their leases go on.

use heapless::Vec;

use crate::bounded::Bounded;
use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift, number_on};
use crate::job::JobId;
use crate::slots::{Slot, Slots};
use crate::time::Instant;

/// Id, opened, ends, weight, and whether it was not committed yet.
const SLOT: usize = 8 + 8 + 8 + 4 + 1;

impl<const N: usize> Body for Slots<N> {
    const KIND: u8 = 4;
    const LEN: usize = 28 + N * SLOT;

    fn config(&self) -> Config {
        Config::of(&[], &[u64::from(self.limit)])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.instant(self.last);
        for value in [self.mark, self.foreign, self.expired, self.faults] {
            to.u32(value);
        }
        to.count(self.table.len());
        for slot in &self.table {
            to.u64(slot.id.0);
            to.instant(slot.opened);
            to.instant(slot.ends);
            to.u32(slot.weight);
            to.u8(u8::from(slot.mark != 0));
        }
        to.blank((N - self.table.len().min(N)) * SLOT);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (last, mark) = (from.instant(), from.u32());
        let (foreign, expired, faults) = (from.u32(), from.u32(), from.u32());
        let count = from.count(N);
        let way = when.behind(last);
        let (mut table, mut open) = (Vec::new(), 0);
        for _ in 0..count {
            let (id, opened, ends) = (JobId(from.u64()), way.at(from.instant()), way.at(from.instant()));
            let (weight, was_open) = (from.u32(), from.flag());
            from.expect(table.iter().all(|known: &Slot| known.id != id));
            open = u32::from(was_open).saturating_add(open);
            // It is not known whether the job was started: it runs until its lease ends or somebody knows better.
            let _ = table.put(Slot { id, opened, ends, weight, mark: 0 });
        }
        when.found_open(open);
        from.skip((N - count) * SLOT);
        if when.applies(from) {
            let (mut last, mark) = (way.at(last), number_on(mark, self.mark));
            if open > 0 {
                // To be committed now is to act now.
                last = last.max(when.now());
            }
            *self = Self { table, limit: self.limit, foreign, last, mark, expired, faults };
        }
    }
}
