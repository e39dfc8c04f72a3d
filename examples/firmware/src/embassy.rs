//! The board's clock and tick as the time driver of embassy, in its default unit, microseconds.
//!
//! ```text
//! task waits until t ──> queue of the executor's tasks, its first instant kept
//! tick of the board  ──> is that instant here? then wake what is due
//! ```

use core::cell::{Cell, RefCell};
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;

use crate::Ticks;

struct Ticking {
    queue: Mutex<RefCell<Queue>>,
    /// Nothing is due before this instant.
    next: Mutex<Cell<u64>>,
}

time_driver_impl!(static DRIVER: Ticking = Ticking {
    queue: Mutex::new(RefCell::new(Queue::new())),
    next: Mutex::new(Cell::new(u64::MAX)),
});

impl Driver for Ticking {
    fn now(&self) -> u64 {
        Ticks::read().as_micros()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|token| {
            let mut queue = self.queue.borrow_ref_mut(token);
            if queue.schedule_wake(at, waker) {
                self.next.borrow(token).set(queue.next_expiration(self.now()));
            }
        });
    }
}

/// Part of the board's tick.
pub(crate) fn wake_due(now: u64) {
    critical_section::with(|token| {
        let next = DRIVER.next.borrow(token);
        if now >= next.get() {
            next.set(DRIVER.queue.borrow_ref_mut(token).next_expiration(now));
        }
    });
}
