//! The most valuable set of at most 32 entries within a limit: an exact knapsack in little memory.
//!
//! The entries are halved. The subsets of the first half come from the dearest down, those of the second from the
//! cheapest up, so that every subset of the second half that fits beside the present one of the first has been seen,
//! and the best of them is known. Neither half, of up to 65 536 subsets, is ever stored: its subsets are sums of two
//! quarters of up to 256, which a heap of 256 entries yields in order (Schroeppel and Shamir, 1981).

use core::cmp::Reverse;

use heapless::Vec;

use crate::bounded::Bounded;
use crate::sort::{heap_pop, heap_push, sort_by_key};

/// How many entries there may be.
pub(crate) const MAX_ITEMS: usize = 32;
const HALF: usize = 16;
const QUARTER: usize = 8;
const SUBSETS: usize = 1 << QUARTER;

/// Something to take or to leave.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) value: u32,
    pub(crate) cost: u64,
}

/// A set of entries, compared by what it is worth: greater is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Set {
    value: u64,
    count: u8,
    /// Saturates, far above every limit.
    cost: Reverse<u64>,
    /// The first entry is the highest bit, so that of two equals the one with the earlier entry is the greater.
    members: u32,
}

impl Set {
    const EMPTY: Self = Self { value: 0, count: 0, cost: Reverse(0), members: 0 };

    /// Whether the entry of this number, from 0, is in the set.
    pub(crate) const fn has(self, entry: u32) -> bool {
        entry < u32::BITS && self.members & (1 << (u32::BITS - 1 - entry)) != 0
    }

    /// Both together, where they have no entry in common.
    fn with(self, other: Self) -> Self {
        Self {
            value: self.value.saturating_add(other.value),
            count: self.count.saturating_add(other.count),
            cost: Reverse(self.cost.0.saturating_add(other.cost.0)),
            members: self.members | other.members,
        }
    }
}

/// At most eight entries, and all their sets by cost: a set is a byte whose lowest bit is the first entry.
struct Quarter<'e> {
    entries: &'e [Entry],
    /// The number of the first entry.
    number: usize,
    sets: Vec<u8, SUBSETS>,
}

/// A key, and the places of two sets; the smallest comes first.
type Pair = Reverse<(u64, u8, u8)>;

/// The subsets of one half, in the order of their costs.
struct Half<'e> {
    outer: Quarter<'e>,
    inner: Quarter<'e>,
    /// For each set of the outer quarter, the next of the inner one: cost of both, and their places.
    heap: Vec<Pair, SUBSETS>,
    from_the_dearest: bool,
}

/// The best set whose cost is at most `limit`, which is below `u64::MAX`.
#[inline(never)]
pub(crate) fn find(entries: &Vec<Entry, MAX_ITEMS>, limit: u64) -> Set {
    let (first, second) = entries.split_at_checked(HALF).unwrap_or((entries, &[]));
    let mut second = Half::new(second, HALF, false);
    let mut waiting = second.next();
    let (mut best, mut beside) = (Set::EMPTY, Set::EMPTY);
    let mut first = Half::new(first, 0, true);
    while let Some(set) = first.next() {
        let Some(room) = limit.checked_sub(set.cost.0) else { continue };
        while let Some(fits) = waiting.filter(|other| other.cost.0 <= room) {
            beside = beside.max(fits);
            waiting = second.next();
        }
        best = best.max(set.with(beside));
    }
    best
}

/// A key that is small for what comes first.
const fn directed(cost: u64, from_the_dearest: bool) -> u64 {
    if from_the_dearest { !cost } else { cost }
}

impl<'e> Quarter<'e> {
    fn new(entries: &'e [Entry], number: usize, from_the_dearest: bool) -> Self {
        let mut quarter = Self { entries, number, sets: Vec::new() };
        let mut sets = Vec::of((0..=u8::MAX).take(1usize << entries.len().min(QUARTER)));
        sort_by_key(&mut sets, |set| directed(quarter.set(set).cost.0, from_the_dearest));
        quarter.sets = sets;
        quarter
    }

    fn set(&self, members: u8) -> Set {
        let mut set = Set::EMPTY;
        for ((entry, bit), place) in self.entries.iter().zip(0..u8::BITS).zip(self.number..MAX_ITEMS) {
            if members >> bit & 1 == 1 {
                let members = (1u32 << (u32::BITS - 1)) >> (place % MAX_ITEMS);
                set = set.with(Set { value: u64::from(entry.value), count: 1, cost: Reverse(entry.cost), members });
            }
        }
        set
    }

    /// The set at this place in the order of the costs.
    fn nth(&self, place: u8) -> Option<Set> {
        self.sets.get(usize::from(place)).map(|members| self.set(*members))
    }
}

impl<'e> Half<'e> {
    fn new(entries: &'e [Entry], number: usize, from_the_dearest: bool) -> Self {
        let (outer, inner) = entries.split_at_checked(QUARTER).unwrap_or((entries, &[]));
        let mut half = Self {
            outer: Quarter::new(outer, number, from_the_dearest),
            inner: Quarter::new(inner, number + QUARTER, from_the_dearest),
            heap: Vec::new(),
            from_the_dearest,
        };
        for outer in 0..=u8::MAX {
            half.offer(outer, 0);
        }
        half
    }

    /// Puts a pair of places in line, if there is such a pair.
    fn offer(&mut self, outer: u8, inner: u8) {
        if let Some(set) = self.pair(outer, inner) {
            // Never full: there is at most one pair in line for each set of the outer quarter.
            heap_push(&mut self.heap, Reverse((directed(set.cost.0, self.from_the_dearest), outer, inner)));
        }
    }

    fn pair(&self, outer: u8, inner: u8) -> Option<Set> {
        Some(self.outer.nth(outer)?.with(self.inner.nth(inner)?))
    }

    fn next(&mut self) -> Option<Set> {
        let Reverse((_, outer, inner)) = heap_pop(&mut self.heap)?;
        if let Some(after) = inner.checked_add(1) {
            self.offer(outer, after);
        }
        self.pair(outer, inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stack is said to be about 9 KiB: these are what fills it.
    #[test]
    fn both_halves_fit_into_nine_kibibytes() {
        assert!(2 * size_of::<Half<'_>>() + size_of::<Vec<Entry, MAX_ITEMS>>() <= 10 * 1024);
        assert!(2 * size_of::<Half<'_>>() <= 9 * 1024 + 512);
    }
}
