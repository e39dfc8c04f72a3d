//! The images of an [`Aimd`] and an [`Adaptation`]: what was found out about the other side.

use crate::adapt::Aimd;
use crate::gate::Adaptation;
use crate::image::bytes::{Reader, Writer};
use crate::image::frame::Piece;
use crate::image::retry::{read_optional, write_optional};
use crate::image::{Body, Config, Shift};
use crate::time::Instant;

impl Body for Aimd {
    const KIND: u8 = 13;
    const LEN: usize = 4 + 4 + 9;

    fn config(&self) -> Config {
        let policy = self.policy;
        let keep = u32::from(policy.keep_permille);
        Config::of(&[], &[policy.floor, policy.ceiling, keep, policy.step, policy.every].map(u64::from))
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.u32(self.value);
        to.u32(self.successes);
        write_optional(self.decreased, to);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (value, successes, decreased) = (from.u32(), from.u32(), read_optional(from, when));
        if when.applies(from) {
            // Not `clamp`, which panics where a policy was not checked.
            let value = value.min(self.policy.ceiling).max(self.policy.floor);
            *self = Self { value, successes, decreased, policy: self.policy };
        }
    }
}

/// Pacing has no state.
impl Body for Adaptation {
    const KIND: u8 = 18;
    const LEN: usize = 2 * <Option<Aimd>>::LEN;

    fn config(&self) -> Config {
        Config::of(&[], &[self.rate.map_or(0, |(_, per)| per.as_micros())])
    }

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        Piece::write(&self.rate.map(|(rate, _)| rate), saved, to);
        Piece::write(&self.jobs, saved, to);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let mut rate = self.rate.map(|(rate, _)| rate);
        Piece::read(&mut rate, from, when);
        self.rate = rate.zip(self.rate).map(|(rate, (_, per))| (rate, per));
        Piece::read(&mut self.jobs, from, when);
    }
}
