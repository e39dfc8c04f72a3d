//! The image of a [`Breaker`]: its phase, and what it has counted.

use crate::breaker::{Breaker, Phase, SLICES, Slice};
use crate::breaker_policy::Trip;
use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift, number_on};
use crate::slide::slide;
use crate::time::{Duration, Instant};

impl Breaker {
    /// How long a slice of its window is, if it has one.
    fn slice(&self) -> Option<Duration> {
        match self.policy.trip {
            Trip::Rolling { window, .. } => Some(Duration::from_micros(window.as_micros() >> SLICES.trailing_zeros())),
            Trip::Consecutive { .. } => None,
        }
    }
}

impl Body for Breaker {
    const KIND: u8 = 8;
    const LEN: usize = 8 + 8 + 4 + 4 + 1 + 8 + 2 + 2 + SLICES * 8;

    fn config(&self) -> Config {
        let policy = &self.policy;
        let (limit, share) = match policy.trip {
            Trip::Consecutive { failures } => (failures, 0),
            Trip::Rolling { calls, permille, .. } => (calls, permille),
        };
        let (open_for, lost_after) = (policy.open_for.as_micros(), policy.lost_after.as_micros());
        let terms = [u64::from(limit), u64::from(share), open_for, u64::from(policy.probes), lost_after];
        Config::of(&[self.slice().map_or(0, Duration::as_micros)], &terms)
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.instant(self.last);
        to.instant(self.head);
        to.u32(self.mark);
        to.u32(self.in_a_row);
        let (tag, at, out, passed) = match self.phase {
            Phase::Closed => (0, Instant::ORIGIN, 0, 0),
            Phase::Open { until } => (1, until, 0, 0),
            Phase::HalfOpen { out, passed, lost_at } => (2, lost_at, out, passed),
        };
        to.u8(tag);
        to.instant(at);
        to.u16(out);
        to.u16(passed);
        for slice in &self.slices {
            to.u32(slice.calls);
            to.u32(slice.failures);
        }
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (last, head, mark) = (from.instant(), from.instant(), from.u32());
        let mut in_a_row = from.u32();
        let (tag, at, out, passed) = (from.u8(), from.instant(), from.u16(), from.u16());
        let mut slices = [Slice::default(); SLICES];
        for slice in &mut slices {
            *slice = Slice { calls: from.u32(), failures: from.u32() };
        }
        from.expect(tag <= 2);
        let open_for = self.policy.open_for;
        let phase = match tag {
            0 => Phase::Closed,
            1 => Phase::Open { until: when.at_most(at, open_for) },
            // A probe without a verdict has failed: when its time was up, or now.
            _ if out > 0 => Phase::Open { until: when.at(at).min(when.now()).saturating_add(open_for) },
            _ => Phase::HalfOpen { out, passed, lost_at: when.at(at) },
        };
        when.found_open(u32::from(out));
        let (excess, mut head, mut last) = (when.excess(head), when.past(head), when.past(last));
        if out > 0 {
            last = last.max(when.now());
            (slices, head, in_a_row) = ([Slice::default(); SLICES], last, 0);
        } else if let Some(slice) = self.slice().filter(|_| !excess.is_zero()) {
            // The first slice began before this clock did.
            slide(&mut slices, &mut head, slice, Instant::ORIGIN.saturating_add(excess));
            head = Instant::ORIGIN;
        }
        if when.applies(from) {
            let (policy, mark) = (self.policy, number_on(mark, self.mark));
            *self = Self { policy, phase, last, mark, in_a_row, slices, head };
        }
    }
}
