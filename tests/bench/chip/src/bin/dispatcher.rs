//! A dispatcher: a queue of 16 in front of a gate of a quota and slots.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Dispatcher, Duration, Gate, Limits, Queue, QueuePolicy, Quota, Start, TokenBucket, valid};
use tollgate_bench::queues::{Desk, dispatcher_next, dispatcher_submit};
use tollgate_chip::{config, firmware};

const MINUTE: Duration = Duration::from_mins(1);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let quota = config(valid!(Quota::new_with_burst(60, MINUTE, 5)), || {
        Quota::new_with_burst(black_box(60), black_box(MINUTE), black_box(5)).ok()
    });
    let start = |now| {
        let limits = Limits::new().requests(TokenBucket::new(quota, Start::Full, now));
        let desk: Desk = Dispatcher::new(Gate::new(limits, now).with_slots(8), Queue::new(QueuePolicy::DEFAULT));
        desk
    };
    firmware(start, |desk, now| dispatcher_submit(desk, now) && dispatcher_next(desk, now) == 1)
}
