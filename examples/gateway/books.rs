//! The server's books: what it has seen, and whether that broke the plan. The judge of the whole run.
//!
//! Written to be obviously right and to share nothing with the client: no Tollgate in here, only lists that are counted
//! from the start each time. All stamps are the server's own, in virtual microseconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const MINUTE: u64 = 60_000_000;

/// A task that was started, and when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Everything that happened, in the order in which it happened. `GET /books` shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Books {
    pub(crate) per_minute: usize,
    pub(crate) concurrent: usize,
    /// When each request arrived that could cost something, whatever it was answered.
    pub(crate) arrivals: Vec<u64>,
    /// By the client's own name for the task, so that a request sent twice starts one task.
    pub(crate) tasks: BTreeMap<u64, Task>,
    /// Requests that were one too many in their minute.
    pub(crate) too_fast: u64,
    /// Requests that would have been one task too many.
    pub(crate) too_many: u64,
    /// The most requests in any minute, and the most tasks at any time.
    pub(crate) peak_requests: usize,
    pub(crate) peak_tasks: usize,
}

impl Books {
    pub(crate) fn new(per_minute: u32, concurrent: u32) -> Self {
        Self { per_minute: per_minute as usize, concurrent: concurrent as usize, ..Self::default() }
    }

    /// A request arrives. `Err`: one too many in the minute `(now - 60 s, now]`; there is room again after so many
    /// microseconds.
    pub(crate) fn arrive(&mut self, now: u64) -> Result<(), u64> {
        self.arrivals.push(now);
        let in_window: Vec<u64> = self.arrivals.iter().copied().filter(|arrival| now - arrival < MINUTE).collect();
        self.peak_requests = self.peak_requests.max(in_window.len());
        if in_window.len() > self.per_minute {
            self.too_fast += 1;
            // One more fits when only one less than the limit is left.
            let must_leave = in_window[in_window.len() - self.per_minute];
            return Err(must_leave + MINUTE - now);
        }
        Ok(())
    }

    /// A task is to be started that takes `run` microseconds. `Err`: it would be one too many at once.
    ///
    /// The slot is taken until the task ends, not until the request is answered. A task that was started before stays
    /// what it is.
    pub(crate) fn start(&mut self, now: u64, id: u64, run: u64) -> Result<Task, ()> {
        if let Some(task) = self.tasks.get(&id) {
            return Ok(*task);
        }
        let running = self.tasks.values().filter(|task| task.end > now).count();
        if running >= self.concurrent {
            self.too_many += 1;
            return Err(());
        }
        self.peak_tasks = self.peak_tasks.max(running + 1);
        let task = Task { start: now, end: now + run };
        self.tasks.insert(id, task);
        Ok(task)
    }

    /// How often the plan was broken.
    pub(crate) fn violations(&self) -> u64 {
        self.too_fast + self.too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn the_minute_slides_and_its_far_end_is_open() {
        let mut books = Books::new(2, 1);
        assert_eq!(books.arrive(10), Ok(()));
        assert_eq!(books.arrive(20 * SECOND), Ok(()));
        // A microsecond before the first is a minute old; then two more leave before one fits.
        assert_eq!(books.arrive(MINUTE + 9), Err(20 * SECOND - 9));
        assert_eq!((books.violations(), books.too_fast, books.peak_requests), (1, 1, 3));

        let mut books = Books::new(2, 1);
        books.arrive(10).unwrap();
        books.arrive(20 * SECOND).unwrap();
        assert_eq!(books.arrive(MINUTE + 10), Ok(()));
        assert_eq!((books.violations(), books.peak_requests), (0, 2));
    }

    #[test]
    fn whoever_waits_as_told_is_let_in() {
        let mut books = Books::new(3, 1);
        for now in [0, 5 * SECOND, 7 * SECOND] {
            books.arrive(now).unwrap();
        }
        let wait = books.arrive(8 * SECOND).unwrap_err();
        assert_eq!(books.clone().arrive(8 * SECOND + wait), Ok(()));
        assert!(books.arrive(8 * SECOND + wait - 1).is_err());
    }

    #[test]
    fn a_task_holds_its_slot_until_it_ends() {
        let mut books = Books::new(30, 2);
        books.start(0, 1, 10 * SECOND).unwrap();
        books.start(0, 2, 20 * SECOND).unwrap();
        assert_eq!(books.start(10 * SECOND - 1, 3, SECOND), Err(()));
        assert_eq!(books.violations(), 1);
        assert_eq!(books.start(10 * SECOND, 3, SECOND), Ok(Task { start: 10 * SECOND, end: 11 * SECOND }));
        assert_eq!((books.violations(), books.peak_tasks), (1, 2));
    }

    #[test]
    fn the_same_name_starts_one_task() {
        let mut books = Books::new(30, 1);
        let task = books.start(0, 1, 10 * SECOND).unwrap();
        assert_eq!(books.start(3 * SECOND, 1, 99 * SECOND), Ok(task));
        assert_eq!((books.violations(), books.tasks.len()), (0, 1));
    }
}
