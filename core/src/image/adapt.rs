//! The images of an [`Aimd`] and an [`Adaptation`]: what was found out about the other side.

use crate::adapt::Aimd;
use crate::gate::{Adaptation, Offer};
use crate::image::bytes::{Reader, Writer};
use crate::image::frame::Piece;
use crate::image::retry::{read_optional, write_optional};
use crate::image::{Body, Config, Shift};
use crate::time::{Duration, Instant};

/// Units, their time, and jobs.
const OFFER: usize = 4 + 8 + 4;

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

/// Pacing has no state; the quota of the owner is configuration.
impl Body for Adaptation {
    const HAS_PARTS: bool = true;
    const KIND: u8 = 18;
    const LEN: usize = 2 * <Option<Aimd>>::LEN + 1 + OFFER;

    fn config(&self) -> Config {
        Config::of(&[u64::from(self.offer.is_some())], &[self.rate.map_or(0, |(_, per)| per.as_micros())])
    }

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        Piece::write(&self.rate.map(|(rate, _)| rate), saved, to);
        Piece::write(&self.jobs, saved, to);
        let offer = self.offer.unwrap_or_default();
        let (units, per) = offer.rate().unwrap_or_default();
        to.u8(u8::from(offer.rate().is_some()));
        to.u32(units);
        to.u64(per.as_micros());
        to.u32(offer.jobs());
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let mut rate = self.rate.map(|(rate, _)| rate);
        Piece::read(&mut rate, from, when);
        self.rate = rate.zip(self.rate).map(|(rate, (_, per))| (rate, per));
        Piece::read(&mut self.jobs, from, when);
        let (is_there, units, per, jobs) = (from.flag(), from.u32(), Duration::from_micros(from.u64()), from.u32());
        from.expect(!is_there || units > 0 && !per.is_zero());
        if when.applies(from)
            && let Some(offer) = &mut self.offer
        {
            *offer = Offer::heard(is_there.then_some((units, per)), jobs);
        }
    }
}
