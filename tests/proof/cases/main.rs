//! Every public question of the core, called with nothing known.
//!
//! A new type brings a function of a few lines: a reference to any state of it, and each of its questions once.

#![no_std]
#![no_main]

mod gate;
mod headers;
mod image;
mod journal;
mod ledger;
mod limiters;
mod money;
mod queue;
mod time;
mod upstream;

/// Where the firmware would start.
#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    time::all();
    limiters::all();
    money::all();
    ledger::all();
    upstream::all();
    headers::all();
    gate::all();
    queue::all();
    image::all();
    journal::all();
    loop {
        core::hint::spin_loop();
    }
}
