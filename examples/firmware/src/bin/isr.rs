//! A limiter shared with an interrupt: one allowance of lines for an alarm in the timer's interrupt and for the main loop.
//!
//! ```text
//! interrupt, each 70 ms   alarm  ─┐
//!                                 ├─> critical section ──> one bucket: 10 a second, 4 at once
//! main loop, each 30 ms   report ─┘
//! ```
//! A question takes a few hundred instructions at most, so that the section is as short as the limiter's answer.

#![no_std]
#![no_main]

use core::cell::{Cell, RefCell};

use board::{Ticks, every_tick, exit, println, sleep_until};
use critical_section::Mutex;
use tollgate::{Clock, Duration, Instant, Limiter, Quota, Start, TokenBucket, valid};

const LINES: Quota = valid!(Quota::new_with_burst(10, Duration::from_secs(1), 4));
const ALARM_MS: u64 = 70;
const REPORT_MS: u64 = 30;
const STOP: Instant = Instant::from_secs(2);

static LIMITER: Mutex<RefCell<TokenBucket>> =
    Mutex::new(RefCell::new(TokenBucket::new(LINES, Start::Full, Instant::ORIGIN)));
static ALARMS: Mutex<Cell<Tally>> = Mutex::new(Cell::new(Tally { granted: 0, refused: 0 }));

#[derive(Clone, Copy)]
struct Tally {
    granted: u32,
    refused: u32,
}

impl Tally {
    fn count(&mut self, granted: bool) {
        if granted { self.granted += 1 } else { self.refused += 1 }
    }
}

/// The one line that both sides share.
fn may_print(now: Instant) -> bool {
    critical_section::with(|token| LIMITER.borrow_ref_mut(token).allow(now, 1).is_ok())
}

/// Runs in the timer's interrupt.
fn alarm(now: Instant) {
    if now <= STOP && now.as_millis().is_multiple_of(ALARM_MS) {
        let granted = may_print(now);
        critical_section::with(|token| {
            let mut tally = ALARMS.borrow(token).get();
            tally.count(granted);
            ALARMS.borrow(token).set(tally);
        });
    }
}

#[board::entry]
fn main() -> ! {
    let clock = Ticks::start();
    every_tick(alarm);
    let mut reports = Tally { granted: 0, refused: 0 };
    let mut next = Instant::from_millis(REPORT_MS);
    while next <= STOP {
        sleep_until(next);
        reports.count(may_print(clock.now()));
        next = next.saturating_add(Duration::from_millis(REPORT_MS));
    }
    sleep_until(STOP);
    let alarms = critical_section::with(|token| ALARMS.borrow(token).get());
    println!("alarms   {:2} granted, {:2} refused", alarms.granted, alarms.refused);
    println!("reports  {:2} granted, {:2} refused", reports.granted, reports.refused);
    let granted = alarms.granted + reports.granted;
    println!("together {granted} in {STOP}: 4 at once and 10 a second");
    exit(u8::from(granted > 4 + 10 * 2))
}
