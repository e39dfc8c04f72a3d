//! `hello` without a limiter, for what the limiter adds to it: two frames a second, one after the other, not three at once.

#![no_std]
#![no_main]

use board::{Ticks, exit, println, sleep_until};
use tollgate::{Clock, Duration, Instant};

const GAP: Duration = Duration::from_millis(500);
const STOP: Instant = Instant::from_secs(3);

#[board::entry]
fn main() -> ! {
    let clock = Ticks::start();
    let mut next = clock.now();
    let mut sent = 0;
    while clock.now() < STOP {
        let now = clock.now();
        if now < next {
            sleep_until(next);
        } else {
            sent += 1;
            println!("{:4} ms  frame {sent}", now.as_millis());
            next = now.saturating_add(GAP);
        }
    }
    println!("{sent} frames in {STOP}");
    exit(u8::from(sent != 2 * 3))
}
