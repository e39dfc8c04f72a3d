//! What `heapless::Vec` and iterators do, in words that keep no panic, not even where a program checks every sum.
//!
//! The originals count up and trust the length: `push` adds to a length that the compiler cannot know to be small,
//! `swap_remove` and `extend` panic where they are used wrongly, `enumerate`, `position`, `count` and `sum` could go beyond
//! the largest number. Each of them keeps a panic in the program, which the proof of panic freedom finds. These look
//! first, or saturate; where the length is what it should be, the answers are the same.

use core::iter::Zip;
use core::mem;
use core::ops::Range;

use heapless::{LenType, Vec};

use crate::time::Instant;

/// A vector of a fixed capacity.
pub(crate) trait Bounded<T> {
    /// Appends; gives the item back where there is no room.
    fn put(&mut self, item: T) -> Result<(), T>;
    /// Puts the item at this place, in front of those from there on; gives it back where there is no room, or no place.
    fn put_at(&mut self, at: usize, item: T) -> Result<(), T>;
    /// Removes the item at this place, and puts the last one there.
    fn take_out(&mut self, at: usize) -> Option<T>;
    /// The same, for whoever has seen it.
    fn discard(&mut self, at: usize);
    /// Removes the others; the order stays.
    fn keep(&mut self, wanted: impl FnMut(&T) -> bool);
    /// As many of these as there is room for.
    fn of(items: impl IntoIterator<Item = T>) -> Self;
}

impl<T, Len: LenType, const N: usize> Bounded<T> for Vec<T, N, Len> {
    #[inline]
    fn put(&mut self, item: T) -> Result<(), T> {
        if self.len() < N { self.push(item) } else { Err(item) }
    }

    fn put_at(&mut self, at: usize, item: T) -> Result<(), T> {
        if at <= self.len() && self.len() < N { self.insert(at, item) } else { Err(item) }
    }

    #[inline]
    fn take_out(&mut self, at: usize) -> Option<T> {
        if at >= self.len() {
            return None;
        }
        let last = self.pop()?;
        match self.get_mut(at) {
            Some(slot) => Some(mem::replace(slot, last)),
            None => Some(last),
        }
    }

    #[inline(never)]
    fn discard(&mut self, at: usize) {
        if at < self.len()
            && let Some(last) = self.pop()
            && let Some(slot) = self.get_mut(at)
        {
            *slot = last;
        }
    }

    fn keep(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        let mut kept = 0usize;
        for at in 0..self.len() {
            let Some((front, [item, ..])) = self.split_at_mut_checked(at) else { break };
            if wanted(item) {
                if let Some(gap) = front.get_mut(kept) {
                    mem::swap(gap, item);
                }
                kept = kept.saturating_add(1);
            }
        }
        self.truncate(kept);
    }

    fn of(items: impl IntoIterator<Item = T>) -> Self {
        let mut vec = Self::new();
        for item in items {
            if vec.put(item).is_err() {
                break;
            }
        }
        vec
    }
}

/// An iterator that is counted, which it is never long enough to overflow.
pub(crate) trait Counting: Iterator + Sized {
    /// Each item with its number, from 0.
    #[inline]
    fn numbered(self) -> Zip<Range<usize>, Self> {
        (0..usize::MAX).zip(self)
    }

    /// The number of the first item that is meant.
    #[inline]
    fn place(self, mut meant: impl FnMut(Self::Item) -> bool) -> Option<usize> {
        self.numbered().find_map(|(at, item)| meant(item).then_some(at))
    }

    /// How many there are.
    #[inline]
    fn many(self) -> usize {
        self.fold(0, |many, _| many.saturating_add(1))
    }

    /// The first of these instants; `MAX` where there is none. (`min` would divide the length of a table by the size of an
    /// entry, which a Cortex-M0 has no instruction for.)
    #[inline]
    fn soonest(self) -> Instant
    where
        Self: Iterator<Item = Instant>,
    {
        let mut first = Instant::MAX;
        for at in self {
            if at < first {
                first = at;
            }
        }
        first
    }

    /// All together; saturates.
    #[inline]
    fn total(self) -> u64
    where
        Self: Iterator<Item = u64>,
    {
        self.fold(0, u64::saturating_add)
    }
}

impl<I: Iterator> Counting for I {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_answer_as_the_originals() {
        for len in 0..=4usize {
            let items = || (0..len).map(|at| at * 7 % 5);
            let original: Vec<usize, 4> = items().collect();
            assert_eq!(Vec::<usize, 4>::of(items()), original);
            assert_eq!(Vec::<usize, 3>::of(items()).len(), len.min(3));
            assert!(items().numbered().eq(items().enumerate()));
            assert_eq!(items().many(), len);
            assert_eq!(items().map(|item| item as u64).total(), items().sum::<usize>() as u64);
            for at in 0..4 {
                assert_eq!(items().place(|item| item == at), items().position(|item| item == at));
                let (mut ours, mut theirs) = (original.clone(), original.clone());
                let taken = (at < len).then(|| theirs.swap_remove(at));
                assert_eq!(ours.take_out(at), taken);
                assert_eq!(ours, theirs);
                let placed = if at <= ours.len() { theirs.insert(at, 8) } else { Err(8) };
                assert_eq!(ours.put_at(at, 8), placed);
                assert_eq!(ours, theirs);
                ours.keep(|item| item % 3 != at % 3);
                theirs.retain(|item| item % 3 != at % 3);
                assert_eq!(ours, theirs);
            }
            let mut full = original.clone();
            assert_eq!(full.put(9).is_ok(), len < 4);
        }
        assert_eq!([u64::MAX, 2].into_iter().total(), u64::MAX);
        let stamps = [7, 3, 9].map(Instant::from_micros);
        assert_eq!(stamps.into_iter().soonest(), Instant::from_micros(3));
        assert_eq!(stamps.into_iter().take(0).soonest(), Instant::MAX);
    }
}
