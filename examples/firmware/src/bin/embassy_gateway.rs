//! A limiter that two tasks share, on embassy.

#![no_std]
#![no_main]

use core::cell::RefCell;

use board::{Ticks, exit};
use embassy_executor::Spawner;
use embassy_sync::blocking_mutex::{Mutex, raw::CriticalSectionRawMutex};
use embassy_time::Timer;
use tollgate::{Denied, Duration, Instant, Limiter, Quota, Start, TokenBucket, valid};

const LINES: Quota = valid!(Quota::new_with_burst(10, Duration::from_secs(1), 4));
static LIMITER: Mutex<CriticalSectionRawMutex, RefCell<TokenBucket>> =
    Mutex::new(RefCell::new(TokenBucket::new(LINES, Start::Full, Instant::ORIGIN)));

#[embassy_executor::task(pool_size = 2)]
async fn sender(name: &'static str) {
    loop {
        match LIMITER.lock(|limiter| limiter.borrow_mut().allow(Ticks::read(), 1)) {
            Ok(()) => defmt::info!("{} sends", name),
            Err(Denied::Until(at)) => Timer::at(embassy_time::Instant::from_micros(at.as_micros())).await,
            _ => return,
        }
    }
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    Ticks::start();
    spawner.spawn(sender("one").unwrap());
    spawner.spawn(sender("two").unwrap());
    Timer::after_secs(2).await;
    exit(0)
}
