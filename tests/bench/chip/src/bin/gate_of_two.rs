//! A gate of a quota and slots: ask, sending, answered, finished, and when to look again.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Duration, Gate, Limits, Quota, Start, TokenBucket, valid};
use tollgate_bench::gates::{Two, gate_answered, gate_ask, gate_finished, gate_next_event, gate_sending};
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    let start = |now| {
        let limits = Limits::new().requests(TokenBucket::new(quota, Start::Full, now));
        Two::new(Gate::new(limits, now).with_slots(8), &[], &[])
    };
    firmware(start, |desk, now| {
        let sent = gate_ask(desk, now) && gate_sending(desk, now) && gate_answered(desk, now);
        (sent && gate_finished(desk, now)) || gate_next_event(desk, now)
    })
}
