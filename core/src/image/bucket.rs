//! The image of a [`TokenBucket`]: its level, and the quota that the level is counted in.

use crate::bucket::{Inherit, MAX_MISSING, TokenBucket};
use crate::gain::gained;
use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift};
use crate::quota::MAX_FULL;
use crate::time::Instant;

/// What an image has of the quota that its level is counted in.
const QUOTA: usize = 8 + 8 + 4;

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
        let [seq0, seq1] = self.seq.to_le_bytes();
        to.u32(u32::from_le_bytes([seq0, seq1, self.life, self.faults]));
    }

    // Inlined, so that where other configurations are refused there is no code for another quota.
    #[expect(clippy::inline_always, reason = "out of line it takes half as much again")]
    #[inline(always)]
    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let is_same = when.same;
        let (missing, last, tail) = (from.u64(), from.instant(), from.instant());
        from.expect(missing <= MAX_MISSING);
        let (step, room, gain) = if is_same {
            from.skip(QUOTA);
            (self.step, self.room, self.gain)
        } else {
            let (step, room, gain) = (from.u64(), from.u64(), from.u32());
            let full = room.checked_add(step).filter(|full| *full <= MAX_FULL);
            from.expect(full.is_some() && step > 0 && gain > 0);
            (step, room, gain)
        };
        let [seq0, seq1, life, faults] = from.u32().to_le_bytes();
        let seq = u16::from_le_bytes([seq0, seq1]);
        let saved = when.last_act(last);
        let ahead = tail.saturating_since(last);
        let (last, excess) = when.ago(when.span(saved, last));
        // A tail that is not ahead says nothing.
        let tail = last.saturating_add(ahead.saturating_sub(excess));
        if !when.applies(from) {
            return;
        }
        let own = self.quota();
        let life = life.max(self.life).wrapping_add(1);
        *self = Self { gain, seq, life, faults, missing, last, step, room, tail };
        // What accrued before this clock began.
        self.missing = self.missing.saturating_sub(gained(excess.as_micros(), gain));
        if !is_same {
            // The old quota was only needed to know what the level means.
            self.set_quota(when.now(), own, Inherit::KeepUsed);
        }
    }
}
