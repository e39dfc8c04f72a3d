//! The images of what retries are restrained by: [`Backoff`], [`RetryQuota`], [`RatioBudget`], [`Burst`], [`Restraint`].

use crate::backoff::Backoff;
use crate::burst::Burst;
use crate::growth::Growth;
use crate::image::bytes::{Reader, Writer};
use crate::image::frame::{part_len, read_part, write_part};
use crate::image::{Body, Config, Shift};
use crate::jitter::Jitter;
use crate::retry::Restraint;
use crate::retry_quota::{RatioBudget, RetryQuota, SLICES};
use crate::slide::slide;
use crate::time::{Duration, Instant};

impl Body for Backoff {
    const KIND: u8 = 7;
    const LEN: usize = 4 * 8 + 4;

    fn config(&self) -> Config {
        let policy = &self.policy;
        let growth = match policy.growth.growth() {
            Growth::Constant => 0,
            Growth::Fibonacci => 1,
            Growth::Exponential { permille } => 1 << 32 | u64::from(permille.get()),
        };
        let jitter = match policy.spread.jitter {
            Jitter::None => 0,
            Jitter::Full => 1,
            Jitter::Equal => 2,
            Jitter::Decorrelated => 3,
            Jitter::PlusPermille(permille) => 1 << 32 | u64::from(permille),
            Jitter::TimesRange { from, to } => 1 << 33 | u64::from(from) << 16 | u64::from(to),
        };
        let times = [policy.base(), policy.max(), policy.deadline()].map(Duration::as_micros);
        let [base, max, deadline] = times;
        Config::of(&[], &[base, max, deadline, growth, jitter, u64::from(policy.retries())])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.instant(self.start);
        for value in [self.nominal, self.following, self.previous] {
            to.u64(value);
        }
        to.u32(self.retried);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (start, nominal, following, previous) = (from.instant(), from.u64(), from.u64(), from.u64());
        let (start, retried, max) = (when.past(start), from.u32(), self.policy.max().as_micros());
        if when.applies(from) {
            let (nominal, following) = (nominal.min(max), following.min(max));
            *self = Self { start, nominal, following, previous, retried, policy: self.policy };
        }
    }
}

impl Body for RetryQuota {
    const KIND: u8 = 10;
    const LEN: usize = 4 + 4;

    fn config(&self) -> Config {
        let costs = self.costs;
        Config::of(&[], &[costs.capacity, costs.transient, costs.throttled, costs.success].map(u64::from))
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.u32(self.left);
        to.u32(self.costs.capacity.saturating_sub(self.left));
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (left, used) = (from.u32(), from.u32());
        if when.applies(from) {
            self.left = left.min(self.costs.capacity.saturating_sub(used));
        }
    }
}

impl Body for RatioBudget {
    const KIND: u8 = 11;
    const LEN: usize = 8 + 8 + SLICES * 8;

    fn config(&self) -> Config {
        let terms = [u64::from(self.permille), self.reserve.cast_unsigned()];
        Config::of(&[self.slice.as_micros()], &terms)
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.instant(self.last);
        to.instant(self.head);
        for slice in &self.slices {
            to.i64(*slice);
        }
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (last, head) = (from.instant(), from.instant());
        let mut slices = [0; SLICES];
        for slice in &mut slices {
            *slice = from.i64();
        }
        let (excess, mut head, last) = (when.excess(head), when.past(head), when.past(last));
        if !excess.is_zero() {
            // The first slice began before this clock did.
            slide(&mut slices, &mut head, self.slice, Instant::ORIGIN.saturating_add(excess));
            head = Instant::ORIGIN;
        }
        if when.applies(from) {
            (self.slices, self.head, self.last) = (slices, head, last);
        }
    }
}

impl Body for Burst {
    const KIND: u8 = 12;
    const LEN: usize = 8 * 9;

    fn config(&self) -> Config {
        let (least, most) = self.wait;
        let [within, least, most] = [self.within, least, most].map(Duration::as_micros);
        Config::of(&[], &[u64::from(self.refusals), within, least, most])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        for seen in &self.seen {
            write_optional(*seen, to);
        }
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let mut seen = [None; 8];
        for seen in &mut seen {
            *seen = read_optional(from, when);
        }
        if when.applies(from) {
            self.seen = seen;
        }
    }
}

/// Parts that are not used take their place all the same, so that the size is the same.
impl Body for Restraint {
    const HAS_PARTS: bool = true;
    const KIND: u8 = 9;
    const LEN: usize = part_len::<RetryQuota>() + part_len::<RatioBudget>() + part_len::<Burst>();

    fn config(&self) -> Config {
        let used = [self.quota.is_some(), self.ratio.is_some(), self.burst.is_some()];
        Config::of(&used.map(u64::from), &[])
    }

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        write_if(self.quota.as_ref(), saved, to);
        write_if(self.ratio.as_ref(), saved, to);
        write_if(self.burst.as_ref(), saved, to);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        read_if(self.quota.as_mut(), from, when);
        read_if(self.ratio.as_mut(), from, when);
        read_if(self.burst.as_mut(), from, when);
    }
}

fn write_if<B: Body>(part: Option<&B>, saved: Instant, to: &mut Writer<'_>) {
    match part {
        Some(part) => write_part(part, saved, to),
        None => to.blank(part_len::<B>()),
    }
}

fn read_if<B: Body>(part: Option<&mut B>, from: &mut Reader<'_>, when: &mut Shift) {
    match part {
        Some(part) => read_part(part, from, when),
        None => from.skip(part_len::<B>()),
    }
}

/// A stamp that may be missing: 9 bytes.
pub(crate) fn write_optional(stamp: Option<Instant>, to: &mut Writer<'_>) {
    to.u8(u8::from(stamp.is_some()));
    to.instant(stamp.unwrap_or_default());
}

/// A stamp of the past that may be missing.
pub(crate) fn read_optional(from: &mut Reader<'_>, when: &mut Shift) -> Option<Instant> {
    let (is_there, stamp) = (from.flag(), from.instant());
    if is_there { Some(when.past(stamp)) } else { None }
}
