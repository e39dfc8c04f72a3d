//! The clock: a tick each millisecond, counted, and how far its timer is into the next one.
//!
//! ```text
//! ticks     |0        |1        |2        |3
//! timer     0....9999 0....9999 0...^
//!                                   now = 2 ms + what the timer shows
//! ```
//! A device that sleeps for minutes takes a slower tick, and is woken less often.
//!
//! A 64-bit count of milliseconds does not wrap in the life of a device, and no reading goes back: a tick that has
//! happened but is not counted yet, because its interrupt has to wait, is added by the reader.

use core::cell::Cell;

use critical_section::Mutex;
use tollgate::{Clock, Instant};

use crate::core_of_board::idle;
use crate::timer_of_board::{start_timer, within_tick};

/// Counted milliseconds.
static COUNTED: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));
/// Milliseconds in a tick.
static PERIOD: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));
type Hook = Option<fn(Instant)>;

static HOOK: Mutex<Cell<Hook>> = Mutex::new(Cell::new(None));

/// The board's clock, with microseconds since [`Ticks::start`].
#[derive(Clone, Copy, Debug)]
pub struct Ticks(());

impl Ticks {
    /// Starts the timer with a tick of a millisecond, and its interrupt.
    pub fn start() -> Self {
        Self::start_every(1)
    }

    /// The same with a tick of half a second: a device that sleeps long is woken less often.
    pub fn start_slow() -> Self {
        Self::start_every(500)
    }

    fn start_every(millis: u32) -> Self {
        let running = critical_section::with(|token| PERIOD.borrow(token).replace(millis)) != 0;
        assert!(!running, "the timer runs already");
        start_timer(millis);
        Self(())
    }

    /// What the running clock shows, for whoever has no `Ticks` at hand: an interrupt, a driver.
    pub fn read() -> Instant {
        critical_section::with(|token| {
            let period = PERIOD.borrow(token).get();
            let (uncounted, micros) = within_tick(period);
            let millis = COUNTED.borrow(token).get() + u64::from(uncounted * period);
            Instant::from_micros(millis * 1_000 + u64::from(micros))
        })
    }
}

impl Clock for Ticks {
    fn now(&self) -> Instant {
        Self::read()
    }
}

/// Has `hook` called in the timer's interrupt, once a tick, with the time of the tick.
pub fn every_tick(hook: fn(Instant)) {
    critical_section::with(|token| HOOK.borrow(token).set(Some(hook)));
}

/// Sleeps until the first tick at `at` or after it.
pub fn sleep_until(at: Instant) {
    sleep_until_by(&Ticks(()), at);
}

/// The same by a clock that is made of the board's: one that goes on over resets.
pub fn sleep_until_by(clock: &impl Clock, at: Instant) {
    while clock.now() < at {
        idle();
    }
}

/// What the interrupt of the timer does.
pub(crate) fn count_tick() {
    let (millis, hook) = critical_section::with(|token| {
        let counted = COUNTED.borrow(token);
        counted.set(counted.get() + u64::from(PERIOD.borrow(token).get()));
        (counted.get(), HOOK.borrow(token).get())
    });
    let now = Instant::from_millis(millis);
    #[cfg(feature = "embassy")]
    crate::embassy::wake_due(now.as_micros());
    if let Some(hook) = hook {
        hook(now);
    }
}
