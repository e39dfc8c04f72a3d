//! A queue of 64: submit, pop, cancel, expire.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Queue, QueuePolicy};
use tollgate_bench::queues::{queue_cancel, queue_expire, queue_pop, queue_submit};
use tollgate_chip::{config, firmware};

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let at_run_time = || Some(QueuePolicy { patience: black_box(7), ..QueuePolicy::DEFAULT });
    let policy = config(QueuePolicy::DEFAULT, at_run_time);
    let start = |_| Queue::<u32, 64>::new(policy);
    firmware(start, |queue, now| {
        let submitted = queue_submit(queue, now);
        submitted && (queue_pop(queue, now) || queue_cancel(queue, now) || queue_expire(queue, now))
    })
}
