//! Whose turn it is: higher priority first, first in first out within; those who back off step aside until their time.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate::{Duration, Instant, Repeatable, Retry, RetryPolicy, presets::backoffs};

use crate::jobs::{Job, Priority};

/// The backoff of source document 001, and at most two minutes of what a server imposes.
pub(crate) const POLICY: RetryPolicy = RetryPolicy {
    throttled: backoffs::SEED_001,
    transient: backoffs::SEED_001_SERVER_ERROR,
    max_block: Duration::from_mins(2),
    ..backoffs::RETRY
};

/// A job that is still to be ordered.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) job: Arc<Job>,
    /// Its place in the file.
    pub(crate) place: usize,
    /// Not before this; what it waits after it is the limits' doing.
    pub(crate) ready: Instant,
    /// Whether and when to order it again.
    pub(crate) retry: Retry,
}

/// The jobs that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<(Reverse<Priority>, usize), Turn>,
}

impl Queue {
    /// All jobs of a file, ready now.
    pub(crate) fn of(jobs: Vec<Job>, now: Instant) -> Self {
        let turn = |(place, job)| Turn {
            job: Arc::new(job),
            place,
            ready: now,
            // The task's id would make a second order harmless. But a task that may run needs its slot until we know, and
            // asking costs nothing, a second order one of the minute: so an unclear order is asked for, not repeated.
            retry: Retry::new(POLICY, Repeatable::No, now),
        };
        let mut queue = Self::default();
        jobs.into_iter().enumerate().map(turn).for_each(|turn| queue.put(turn));
        queue
    }

    /// Waits in the place it had before, however often it comes back.
    pub(crate) fn put(&mut self, turn: Turn) {
        self.waiting.insert((Reverse(turn.job.priority), turn.place), turn);
    }

    /// Takes the first who is ready. `Err`: when the next one will be, [`Instant::MAX`] if nobody waits.
    pub(crate) fn take(&mut self, now: Instant) -> Result<Turn, Instant> {
        let first = self.waiting.iter().find(|(_, turn)| turn.ready <= now).map(|(key, _)| *key);
        let next = || self.waiting.values().map(|turn| turn.ready).min().unwrap_or(Instant::MAX);
        first.ok_or_else(next).and_then(|key| self.waiting.remove(&key).ok_or(Instant::MAX))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u64, priority: Priority) -> Job {
        let [project, prompt] = ["p", "q"].map(str::to_owned);
        Job { id, project, priority, model: "kling-v1", duration_s: 5, resolution: "720p", prompt }
    }

    #[test]
    fn higher_priority_first_and_first_in_first_out_within() {
        let jobs = [(1, Priority::Low), (2, Priority::Normal), (3, Priority::High), (4, Priority::Normal)];
        let now = Instant::from_secs(1);
        let mut queue = Queue::of(jobs.map(|(id, priority)| job(id, priority)).into(), now);
        let order: Vec<u64> = std::iter::from_fn(|| queue.take(now).ok()).map(|turn| turn.job.id).collect();
        assert_eq!(order, [3, 2, 4, 1]);
        assert!(queue.is_empty());
    }

    #[test]
    fn who_backs_off_lets_others_pass_and_returns_to_his_place() {
        let (now, later) = (Instant::from_secs(1), Instant::from_secs(5));
        let mut queue = Queue::of((1..=3).map(|id| job(id, Priority::Normal)).collect(), now);
        let first = queue.take(now).unwrap();
        queue.put(Turn { ready: later, ..first });
        assert_eq!(queue.take(now).unwrap().job.id, 2);
        assert_eq!(queue.take(later).unwrap().job.id, 1);
        assert_eq!(queue.take(now).unwrap().job.id, 3);
        assert_eq!(queue.take(now).unwrap_err(), Instant::MAX);
    }

    #[test]
    fn an_idle_queue_tells_when_the_next_is_ready() {
        let (now, later) = (Instant::from_secs(1), Instant::from_secs(5));
        let mut queue = Queue::of(vec![job(1, Priority::Low)], later);
        assert_eq!(queue.take(now).unwrap_err(), later);
    }
}
