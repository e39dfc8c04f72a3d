//! A token bucket in a super-loop: two frames a second, three at once, and sleep until the next one may go.

#![no_std]
#![no_main]

use board::{Ticks, exit, println, sleep_until};
use tollgate::{Clock, Clocked, Denied, Duration, Instant, Quota, Start, TokenBucket, valid};

const UPLINK: Quota = valid!(Quota::new_with_burst(2, Duration::from_secs(1), 3));
const STOP: Instant = Instant::from_secs(3);

#[board::entry]
fn main() -> ! {
    let clock = Ticks::start();
    let mut uplink = Clocked::new(clock, TokenBucket::new(UPLINK, Start::Full, clock.now()));
    let mut sent = 0;
    while clock.now() < STOP {
        match uplink.allow(1) {
            Ok(()) => {
                sent += 1;
                println!("{:4} ms  frame {sent}", uplink.now().as_millis());
            }
            Err(Denied::Until(at)) => sleep_until(at),
            // A bucket has nothing to release, and one frame fits into the burst.
            Err(Denied::Busy | Denied::Never { .. }) => exit(1),
        }
    }
    println!("{sent} frames in {STOP}");
    // Three at once, and then two in each second.
    exit(u8::from(sent != 3 + 2 * 3 - 1))
}
