//! The image of a [`Usage`] table: who has used how much. Nothing in it knows the time but the number of its period.

use heapless::Vec;

use crate::amount::Amount;
use crate::bounded::Bounded;
use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift};
use crate::time::Instant;
use crate::unit::Unit;
use crate::usage::{Usage, UsageKey, Used};

const USED: usize = 8 + 8 + 4;
/// Kind, id, and what was used.
const KEY: usize = 1 + 8 + USED;

impl<U: Unit, const N: usize> Body for Usage<U, N> {
    const KIND: u8 = 14;
    const LEN: usize = 4 + 4 + USED + N * KEY;

    fn config(&self) -> Config {
        Config::of(&[u64::from(U::ID)], &[])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.i32(self.period);
        to.count(self.table.len());
        write_used(&self.others, to);
        for (key, used) in &self.table {
            to.u8(key.kind);
            to.u64(key.id);
            write_used(used, to);
        }
        to.blank((N - self.table.len().min(N)) * KEY);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let period = from.i32();
        let count = from.count(N);
        let others = read_used(from);
        let mut table: Vec<(UsageKey, Used<U>), N> = Vec::new();
        for _ in 0..count {
            let key = UsageKey { kind: from.u8(), id: from.u64() };
            from.expect(table.iter().all(|(known, _)| *known != key));
            let _ = table.put((key, read_used(from)));
        }
        from.skip((N - count) * KEY);
        if when.applies(from) {
            *self = Self { table, others, period };
        }
    }
}

fn write_used<U>(used: &Used<U>, to: &mut Writer<'_>) {
    to.u64(used.current.as_micros());
    to.u64(used.previous.as_micros());
    to.u32(used.count);
}

fn read_used<U>(from: &mut Reader<'_>) -> Used<U> {
    let (current, previous) = (from.amount(), from.amount());
    let amount = |micros| Amount::from_micros(micros).unwrap_or(Amount::MAX);
    Used { current: amount(current), previous: amount(previous), count: from.u32() }
}
