//! Those of a queue that may be served now.

use crate::queue::Queue;
use crate::queue_entry::Waiting;
use crate::queue_walk::Walk;

/// The entries that may be served now, in order: see [`Queue::candidates`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Candidates<'a, T, const N: usize, const C: usize> {
    queue: &'a Queue<T, N, C>,
    walk: Walk<C>,
    left: u16,
}

impl<'a, T, const N: usize, const C: usize> Candidates<'a, T, N, C> {
    /// The first of a walk that has not begun, and as many behind it as may pass it.
    pub(crate) fn new(queue: &'a Queue<T, N, C>, walk: Walk<C>) -> Self {
        let past = queue.policy().skip_ahead.map_or(0, |skip| skip.past);
        Self { queue, walk, left: u16::from(past) + 1 }
    }

    pub(crate) fn next_slot(&mut self) -> Option<u16> {
        self.left = self.left.checked_sub(1)?;
        let slot = self.queue.step(&mut self.walk)?;
        let times = self.queue.policy().skip_ahead.map_or(0, |skip| skip.times);
        if self.queue.view().get(slot)?.overtaken >= times {
            self.left = 0;
        }
        Some(slot)
    }
}

impl<'a, T, const N: usize, const C: usize> Iterator for Candidates<'a, T, N, C> {
    type Item = Waiting<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.next_slot()?;
        self.queue.show(slot)
    }
}

impl<T, const N: usize, const C: usize> core::iter::FusedIterator for Candidates<'_, T, N, C> {}
