//! The clock: a tick each millisecond, counted, and how far its timer is into the next one.
//!
//! ```text
//! ticks     |0        |1        |2        |3
//! timer     0....9999 0....9999 0...^
//!                                   now = 2 ms + what the timer shows
//! ```
//! A 64-bit count of milliseconds does not wrap in the life of a device, and no reading goes back: a tick that has
//! happened but is not counted yet, because its interrupt has to wait, is added by the reader.

use core::cell::Cell;

use critical_section::Mutex;
use tollgate::{Clock, Instant};

use crate::core_of_board::{idle, start_timer, within_tick};

static COUNTED: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));
type Hook = Option<fn(Instant)>;

static HOOK: Mutex<Cell<Hook>> = Mutex::new(Cell::new(None));

/// The board's clock, with microseconds since [`Ticks::start`].
#[derive(Clone, Copy, Debug)]
pub struct Ticks(());

impl Ticks {
    /// Starts the timer and its interrupt; a second call finds it running.
    pub fn start() -> Self {
        start_timer();
        Self(())
    }

    /// What the running clock shows, for whoever has no `Ticks` at hand: an interrupt, a driver.
    pub fn read() -> Instant {
        critical_section::with(|token| {
            let (uncounted, micros) = within_tick();
            let millis = COUNTED.borrow(token).get() + u64::from(uncounted);
            Instant::from_micros(millis * 1_000 + u64::from(micros))
        })
    }
}

impl Clock for Ticks {
    fn now(&self) -> Instant {
        Self::read()
    }
}

/// Has `hook` called in the timer's interrupt, once a millisecond, with the time of the tick.
pub fn every_tick(hook: fn(Instant)) {
    critical_section::with(|token| HOOK.borrow(token).set(Some(hook)));
}

/// Sleeps until the first tick at `at` or after it.
pub fn sleep_until(at: Instant) {
    while Ticks::read() < at {
        idle();
    }
}

/// What the interrupt of the timer does.
pub(crate) fn count_tick() {
    let (millis, hook) = critical_section::with(|token| {
        let counted = COUNTED.borrow(token);
        counted.set(counted.get() + 1);
        (counted.get(), HOOK.borrow(token).get())
    });
    if let Some(hook) = hook {
        hook(Instant::from_millis(millis));
    }
}
