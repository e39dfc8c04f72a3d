//! The golden traces, written by the chip: the same bytes as on the host, which has saved them in `tests/golden`.

#![no_std]
#![no_main]

#[path = "../../../../tests/golden/scenario.rs"]
mod scenario;

use board::{Console, exit};

#[board::entry]
fn main() -> ! {
    for (_, write) in scenario::SCENARIOS {
        if write(&mut Console).is_err() {
            exit(1);
        }
    }
    exit(0)
}
