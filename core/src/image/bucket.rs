//! The image of a [`TokenBucket`]: its level, and the quota that the level is counted in.

use crate::bucket::{Inherit, MAX_MISSING, TokenBucket};
use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift};
use crate::quota::MAX_FULL;
use crate::time::Instant;

impl Body for TokenBucket {
    const KIND: u8 = 1;
    const LEN: usize = 48;

    fn config(&self) -> Config {
        Config::of(&[], &[u64::from(self.gain), self.step, self.room])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.u64(self.missing);
        to.instant(self.last);
        to.instant(self.tail);
        to.u64(self.step);
        to.u64(self.room);
        to.u32(self.gain);
        to.u16(self.seq);
        to.u8(self.life);
        to.u8(self.faults);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (missing, last, tail) = (from.u64(), from.instant(), from.instant());
        let (step, room, gain) = (from.u64(), from.u64(), from.u32());
        let (seq, life, faults) = (from.u16(), from.u8(), from.u8());
        let full = room.checked_add(step).filter(|full| *full <= MAX_FULL);
        from.expect(full.is_some() && step > 0 && gain > 0 && missing <= MAX_MISSING);
        // A level counts from `last`, and so does everything else: a clock that had jumped moves them all.
        let way = when.behind(last);
        let (tail, excess) = (way.at(tail), way.excess(last));
        let last = when.now().saturating_sub(way.age(last));
        if !when.applies(from) {
            return;
        }
        let own = self.quota();
        let life = life.max(self.life).wrapping_add(1);
        *self = Self { gain, seq, life, faults, missing, last, step, room, tail };
        // What accrued before this clock began.
        self.missing = self.missing.saturating_sub(excess.as_micros().saturating_mul(u64::from(gain)));
        if !when.same {
            // The old quota was only needed to know what the level means.
            self.set_quota(when.now(), own, Inherit::KeepUsed);
        }
    }
}
