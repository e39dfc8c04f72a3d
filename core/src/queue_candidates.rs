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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue_trees::steps;
    use crate::{Entry, Instant, JobId, QueuePolicy, SkipAhead};
    use std::boxed::Box;

    const CLASSES: usize = 4;

    /// The most steps of any call while `N` places fill, everything happens to full ones, and they empty: for each verb.
    fn most_steps<const N: usize>(keys: u32) -> [u64; 8] {
        let now = Instant::from_secs;
        let skip_ahead = Some(SkipAhead { past: 1, times: 1 });
        let policy = QueuePolicy { skip_ahead, ..QueuePolicy::DEFAULT };
        let mut queue = Box::new(Queue::<(), N, CLASSES>::new(policy));
        let mut most = [0; 8];
        let mut note = |verb: usize, steps: u64| most[verb] = most[verb].max(steps);
        let n = u64::try_from(N).unwrap();
        // Names in descending order, deadlines mixed: the trees have to turn all the time.
        let entry = |id: u64| {
            let (key, class) = (u32::try_from(id * 7).unwrap() % keys, u8::try_from(id % 4).unwrap());
            Entry::new(JobId(u64::MAX - id), ()).key(key).class(class).deadline(now(9 * n + id * 7 % n))
        };
        let mut ids = 0..;
        for id in ids.by_ref().take(N) {
            note(0, steps::of(|| queue.submit(now(0), now(0), entry(id))).0);
        }
        for round in 0..4 * n {
            let at = now(round);
            note(1, steps::of(|| queue.head(at).is_some()).0);
            let (cost, served) = steps::of(|| queue.pop(at));
            note(2, cost);
            // Half of them come back, and wait for a time of their own.
            if let Some(back) = served.filter(|_| round % 2 == 0) {
                note(3, steps::of(|| queue.requeue(at, back, now(round + round * 5 % (n / 2)))).0);
            }
            while queue.len() < N - 1 {
                note(0, steps::of(|| queue.submit(at, at, entry(ids.next().unwrap()))).0);
            }
            note(4, steps::of(|| (queue.next_ready(at), queue.next_expiry())).0);
            if let Some(id) = queue.candidates(at).nth(1).map(|waiting| waiting.id) {
                note(5, steps::of(|| queue.take(at, id)).0);
            }
        }
        for _ in 0..n / 2 {
            let (cost, expired) = steps::of(|| queue.expire(now(99 * n)));
            note(6, cost);
            assert!(expired.is_some());
        }
        let left: std::vec::Vec<JobId> = queue.jobs().collect();
        for id in left {
            note(7, steps::of(|| queue.cancel(id)).0);
        }
        assert!(queue.is_empty());
        most
    }

    /// Steps are links followed and keys read, the same on every machine.
    #[test]
    fn every_call_takes_a_number_of_steps_that_grows_with_the_logarithm() {
        for keys in [1, 5, u32::MAX] {
            let all = [(4, most_steps::<16>(keys)), (7, most_steps::<128>(keys)), (10, most_steps::<1024>(keys))];
            for (log2, most) in all {
                assert!(most.iter().all(|steps| *steps <= 60 * log2), "{most:?} with {keys} keys");
            }
        }
    }
}
