//! Five clips on embassy: one task orders, and each clip is a task of its own.

#![no_std]
#![no_main]

pub mod studio;

use board::{Ticks, exit, println};
use embassy_executor::Spawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::Timer;
use static_cell::StaticCell;
use studio::{Started, Studio};
use tollgate::Clock;
use tollgate::embassy::{EmbassyClock, Shared};

/// With room for one task that waits: the one that orders.
type SharedStudio = Shared<CriticalSectionRawMutex, Studio, EmbassyClock, 1>;

static STUDIO: StaticCell<SharedStudio> = StaticCell::new();

#[embassy_executor::task(pool_size = 2)]
async fn clip(studio: &'static SharedStudio, started: Started) {
    Timer::after_micros(started.takes.as_micros()).await;
    if let Some(ready) = studio.with(|studio, now| studio.ready(now, started.id)) {
        println!("{ready}");
    }
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    Ticks::start();
    let studio = &*STUDIO.init_with(|| Shared::new(Studio::open(EmbassyClock.now()), EmbassyClock));

    while let Ok(Some(started)) = studio.wait_for(Studio::next).await {
        println!("{started}");
        spawner.spawn(clip(studio, started).expect("two at once"));
    }
    exit(0)
}
