//! A gate of five limits: ask, sending, answered, finished, and when to look again.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Gate, History, Quota, Start, TokenBucket, Window, WindowSlices};
use tollgate_bench::gates::{BREAKER, Five, QUOTA, WINDOW, five_limits};
use tollgate_bench::gates::{gate_answered, gate_ask, gate_finished, gate_next_event, gate_sending};
use tollgate_bench::money::{GUESS, TRUTH};
use tollgate_chip::{config, firmware};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let quota = config(QUOTA, || Quota::new_with_burst(black_box(60), black_box(QUOTA.per()), black_box(10)).ok());
    let window = config(WINDOW, || Window::new(black_box(60), black_box(WINDOW.length())).ok());
    let start = |now| {
        let window = WindowSlices::new(window, History::Empty, now).ok()?;
        let limits = five_limits(TokenBucket::new(quota, Start::Full, now), window, BREAKER);
        Some(Five::new(Gate::new(limits, now).with_slots(8), &GUESS, &TRUTH))
    };
    firmware(start, |desk, now| {
        let Some(desk) = desk else { return false };
        let sent = gate_ask(desk, now) && gate_sending(desk, now) && gate_answered(desk, now);
        (sent && gate_finished(desk, now)) || gate_next_event(desk, now)
    })
}
