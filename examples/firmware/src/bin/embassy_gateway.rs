//! A gateway on embassy: customers, a dispatcher and the clips that run are tasks, and one desk is shared by all.
//!
//! ```text
//! customers ──submit──> ┌──────┐ ──wait_for(next)──> dispatcher ──200──> clip ──finished──> desk
//!                       │ desk │ <──answered──────────┘  a task each
//!                       └──────┘
//! ```
//! `Shared` wakes the dispatcher at the instant that the gate or the queue has named, or when a clip comes or ends.
//! Everything is logged with defmt.

#![no_std]
#![no_main]

use board::desk::{Desk, WANTED};
use board::{Ticks, exit};
use embassy_executor::Spawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::once_lock::OnceLock;
use embassy_time::Timer;
use tollgate::embassy::{EmbassyClock, Shared};
use tollgate::{Answer, Clock};

type SharedDesk = Shared<CriticalSectionRawMutex, Desk, EmbassyClock, 1>;

static DESK: OnceLock<SharedDesk> = OnceLock::new();

#[embassy_executor::task]
async fn customers(desk: &'static SharedDesk) {
    for (number, customer, seconds) in WANTED {
        let taken = desk.with(|desk, now| desk.submit(now, number, customer, seconds)) == Some(true);
        defmt::info!("clip {} of {} s for customer {}: taken {}", number, seconds, customer, taken);
        Timer::after_millis(100).await;
    }
}

#[embassy_executor::task]
async fn dispatcher(desk: &'static SharedDesk, spawner: Spawner) {
    loop {
        let Ok(order) = desk.wait_for(Desk::next).await else { continue };
        let (number, seconds) = (order.number(), order.seconds());
        defmt::info!("clip {} is ordered", number);
        let status = desk.with(|desk, _| desk.ask_upstream()).unwrap_or(500);
        Timer::after_millis(50).await;
        match desk.with(|desk, now| desk.answered(now, order, status)) {
            Some(Answer::Accepted) => spawner.spawn(clip(desk, number, seconds).expect("two run at most")),
            Some(answer) => defmt::warn!("clip {}: status {}, {}", number, status, Desk::word(answer)),
            None => defmt::unreachable!("the desk is not asked from within itself"),
        }
    }
}

/// What the upstream makes, until it is made.
#[embassy_executor::task(pool_size = 2)]
async fn clip(desk: &'static SharedDesk, number: u64, seconds: u32) {
    Timer::after_secs(u64::from(seconds)).await;
    desk.with(|desk, now| desk.finished(now, number, seconds));
    defmt::info!("clip {} is made", number);
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    Ticks::start();
    let desk = DESK.get_or_init(|| Shared::new(Desk::new(EmbassyClock.now()), EmbassyClock));
    spawner.spawn(customers(desk).expect("the only one"));
    spawner.spawn(dispatcher(desk, spawner).expect("the only one"));
    loop {
        Timer::after_secs(1).await;
        if let Some((settled, billed, held)) = desk.with(|desk, now| desk.closing(now)).flatten() {
            defmt::info!("settled {} credits, billed {}, held {}", settled, billed, held);
            exit(u8::from(settled != billed || held != 0));
        }
    }
}
