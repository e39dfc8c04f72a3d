//! The image of a [`Wall`]: what the date was.
//!
//! After a time that nobody knows it is not known any more; but it is not earlier than it surely was.

use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift};
use crate::time::{Duration, Instant};
use crate::wall::{Sample, UnixMicros, Wall};

const SAMPLE: usize = 1 + 3 * 8;

impl Body for Wall {
    const KIND: u8 = 15;
    const LEN: usize = 2 * SAMPLE + 3 * 8 + 4 + 1;

    fn config(&self) -> Config {
        Config::of(&[], &[self.max_step.as_micros()])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        for sample in [self.anchor, self.candidate] {
            let none = Sample { at: Instant::ORIGIN, unix: UnixMicros::from_micros(0), error: Duration::ZERO };
            let Sample { at, unix, error } = sample.unwrap_or(none);
            to.u8(u8::from(sample.is_some()));
            to.instant(at);
            to.i64(unix.as_micros());
            to.u64(error.as_micros());
        }
        to.i64(self.least.as_micros());
        to.i64(self.floor.as_micros());
        to.instant(self.last);
        to.u32(self.steps);
        to.u8(u8::from(self.known));
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (anchor, candidate) = (read_sample(from), read_sample(from));
        let [least, floor] = [from.i64(), from.i64()].map(UnixMicros::from_micros);
        let (latest, steps, known) = (from.instant(), from.u32(), from.flag());
        from.expect(!known || anchor.is_some());
        if !when.applies(from) {
            return;
        }
        let mut wall = Self { anchor, candidate, least, floor, last: latest, steps, known, ..*self };
        if when.is_trusted() {
            let way = when.behind(latest);
            for sample in [&mut wall.anchor, &mut wall.candidate].into_iter().flatten() {
                // A sample from before this clock began is read at its beginning.
                sample.unix = sample.unix.saturating_add(way.excess(sample.at));
                sample.at = way.at(sample.at);
            }
            wall.last = way.at(latest);
        } else {
            let surely = wall.surely(when.saved()).unwrap_or(floor);
            wall.floor = floor.max(surely);
            wall.freeze();
            wall.last = when.past(latest);
        }
        wall.floor = wall.floor.max(self.floor);
        *self = wall;
    }
}

fn read_sample(from: &mut Reader<'_>) -> Option<Sample> {
    let is_there = from.flag();
    let (at, unix, error) = (from.instant(), from.i64(), from.u64());
    let sample = Sample { at, unix: UnixMicros::from_micros(unix), error: Duration::from_micros(error) };
    if is_there { Some(sample) } else { None }
}
