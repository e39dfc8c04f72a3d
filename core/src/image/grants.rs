//! The image of [`Grants`]: what was granted, what is left of it, and who holds it.
//!
//! Grants are added while the program runs, so they are state: what was added to the object before the restore is gone.

use heapless::Vec;

use crate::amount::Amount;
use crate::bounded::Bounded;
use crate::grants::{Entry, Grant, Grants, Held, Segment};
use crate::image::bytes::{Reader, Writer};
use crate::image::hold::{state_of, tag_of};
use crate::image::{Body, Config, Shift, number_on};
use crate::job::JobId;
use crate::time::Instant;
use crate::unit::Unit;
use crate::wall::UnixMicros;

/// Id, priority, kind, amount, start, end, remaining, held, posted.
const GRANT: usize = 4 + 1 + 1 + 8 + 2 * DATE + 3 * 8;
const DATE: usize = 1 + 8;
/// Grant and amount.
const SEGMENT: usize = 4 + 8;

/// Id, end, three amounts, order, state, number of segments, segments.
const fn held_len(segments: usize) -> usize {
    8 + 8 + 3 * 8 + 4 + 1 + 1 + segments * SEGMENT
}

impl<U: Unit, const G: usize, const H: usize, const K: usize, const R: usize> Body for Grants<U, G, H, K, R> {
    const HAS_PARTS: bool = true;
    const KIND: u8 = 6;
    const LEN: usize = 8 + 4 + 8 + 3 * 4 + G * GRANT + (H + R) * held_len(K);

    fn config(&self) -> Config {
        Config::of(&[u64::from(U::ID), K as u64, H as u64], &[self.grace.as_micros()])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.instant(self.last);
        to.u32(self.seq);
        to.u64(self.unaccounted);
        to.count(self.table.len());
        for entry in &self.table {
            write_entry(entry, to);
        }
        to.blank((G - self.table.len().min(G)) * GRANT);
        write_table(&self.holds, to);
        write_table(&self.resolved, to);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let (last, seq, unaccounted) = (from.instant(), from.u32(), from.u64());
        let way = when.behind(last);
        let applies = when.applies(from);
        let count = from.count(G);
        if applies {
            self.table.clear();
        }
        // Every sum of all that there is must fit.
        let mut total = 0u64;
        for _ in 0..count {
            let entry = read_entry::<U>(from);
            let all = [entry.remaining, entry.held, entry.posted];
            total = all.into_iter().fold(total, u64::saturating_add);
            if applies {
                let _ = self.table.put(entry);
            }
        }
        from.expect(i64::try_from(total).is_ok());
        from.skip((G - count) * GRANT);
        read_table(&mut self.holds, applies, from, &way);
        read_table(&mut self.resolved, applies, from, &way);
        if applies {
            (self.last, self.seq) = (way.at(last), number_on(seq, self.seq));
            self.unaccounted = unaccounted;
        }
    }
}

fn write_date(date: Option<UnixMicros>, to: &mut Writer<'_>) {
    to.u8(u8::from(date.is_some()));
    to.i64(date.map_or(0, UnixMicros::as_micros));
}

fn read_date(from: &mut Reader<'_>) -> Option<UnixMicros> {
    let (is_there, micros) = (from.flag(), from.i64());
    if is_there { Some(UnixMicros::from_micros(micros)) } else { None }
}

fn write_entry<U>(entry: &Entry<U>, to: &mut Writer<'_>) {
    let grant = &entry.grant;
    to.u32(grant.id);
    to.u8(grant.priority);
    to.u8(grant.kind);
    to.u64(grant.amount.as_micros());
    write_date(grant.effective, to);
    write_date(grant.expires, to);
    for amount in [entry.remaining, entry.held, entry.posted] {
        to.u64(amount);
    }
}

fn read_entry<U>(from: &mut Reader<'_>) -> Entry<U> {
    let (id, priority, kind) = (from.u32(), from.u8(), from.u8());
    let amount = Amount::from_micros(from.amount()).unwrap_or(Amount::MAX);
    let (effective, expires) = (read_date(from), read_date(from));
    let grant = Grant { id, amount, effective, expires, priority, kind };
    Entry { grant, remaining: from.amount(), held: from.amount(), posted: from.amount() }
}

fn write_table<const K: usize, const N: usize>(table: &Vec<Held<K>, N>, to: &mut Writer<'_>) {
    to.count(table.len());
    for held in table {
        to.u64(held.id.0);
        to.instant(held.until);
        for amount in [held.reserved, held.actual, held.missed] {
            to.u64(amount);
        }
        to.u32(held.order);
        to.u8(tag_of(held.state));
        to.u8(u8::try_from(held.split.len()).unwrap_or(u8::MAX));
        for segment in &held.split {
            to.u32(segment.grant);
            to.u64(segment.micros);
        }
        to.blank((K - held.split.len().min(K)) * SEGMENT);
    }
    to.blank((N - table.len().min(N)) * held_len(K));
}

fn read_table<const K: usize, const N: usize>(
    table: &mut Vec<Held<K>, N>,
    applies: bool,
    from: &mut Reader<'_>,
    way: &Shift,
) {
    let count = from.count(N);
    if applies {
        table.clear();
    }
    for _ in 0..count {
        let held = read_held(from, way);
        if applies {
            let _ = table.put(held);
        }
    }
    from.skip(N.saturating_sub(count).saturating_mul(held_len(K)));
}

/// Reservations of before are stale: the mark is nobody's.
fn read_held<const K: usize>(from: &mut Reader<'_>, way: &Shift) -> Held<K> {
    let (id, until) = (JobId(from.u64()), way.at(from.instant()));
    let (reserved, actual, missed) = (from.amount(), from.amount(), from.amount());
    let (order, tag, count) = (from.u32(), from.u8(), usize::from(from.u8()));
    let state = state_of(tag, from);
    from.expect(count <= K);
    let (mut split, mut total) = (Vec::new(), 0u64);
    for _ in 0..count.min(K) {
        let segment = Segment { grant: from.u32(), micros: from.amount() };
        total = total.saturating_add(segment.micros);
        let _ = split.put(segment);
    }
    from.expect(i64::try_from(total).is_ok());
    from.skip((K - count.min(K)) * SEGMENT);
    Held { id, split, reserved, actual, missed, until, state, mark: 0, order }
}
