//! A network client on a chip: it orders videos from the gateway example's server, within its plan and our budget.
//!
//! ```text
//! five workers, in line ──wait_for(next)──> desk: queue, gate ──> HTTP ──> Ethernet ──> a server on the emulator's host
//!       ^                                                           │
//!       └── refused, broken: back into the queue <── ordered ───────┴── accepted ──> look, look, made
//! ```
//! The debugger passes the server's port and the number of videos. A line of the log starts with its time; the summary
//! is the same in every run, and its bill is to be the server's.

#![no_std]
#![no_main]

mod clock;
mod desk;
mod http;
mod report;
mod video;

use core::net::Ipv4Addr;

use board::{Ticks, command_line, exit, println, stellaris::Ethernet};
use embassy_executor::Spawner;
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use embassy_sync::blocking_mutex::raw::ThreadModeRawMutex as OneThread;
use embassy_time::with_timeout;
use static_cell::{ConstStaticCell, StaticCell};
use tollgate::Clock;
use tollgate::embassy::Shared;

use crate::clock::ServerClock;
use crate::desk::{Desk, TASKS};
use crate::http::{PATIENCE, Room, Server, exchange};

/// Borrowed, because `Shared` takes in its hands what it shares, and the desk is large.
type SharedDesk = Shared<OneThread, &'static mut Desk, ServerClock, TASKS>;

static SOCKETS: ConstStaticCell<StackResources<{ TASKS + 2 }>> = ConstStaticCell::new(StackResources::new());
static ROOMS: ConstStaticCell<[Room; TASKS]> = ConstStaticCell::new([Room::EMPTY; TASKS]);
static RUNNER: StaticCell<Runner<Ethernet>> = StaticCell::new();
static SHARED: StaticCell<SharedDesk> = StaticCell::new();

#[embassy_executor::task]
async fn network(runner: &'static mut Runner<'static, Ethernet>) {
    runner.run().await;
}

/// Apart, so that what is copied here does not stay on the stack of `main`.
#[inline(never)]
fn start_network(spawner: Spawner) -> Stack<'static> {
    let (ethernet, config) = (Ethernet::new([0x02, 0, 0, 0, 0, 1]), Config::dhcpv4(DhcpConfig::default()));
    let (stack, runner) = embassy_net::new(ethernet, config, SOCKETS.take(), 1);
    spawner.spawn(network(RUNNER.init(runner)).unwrap());
    stack
}

#[embassy_executor::task(pool_size = TASKS)]
async fn work(desk: &'static SharedDesk, server: Server, room: &'static mut Room) {
    while let Ok(Some(order)) = desk.wait_for(|desk, now| desk.next(now)).await {
        let heard = exchange(server, &order.0.payload.video.order(), room).await;
        report::log(ServerClock.now(), order.0.id, &heard);
        let mut task = desk.with(|desk, now| desk.ordered(now, order, &heard)).flatten();
        while let Some(mut running) = task.take() {
            ServerClock.until(running.at).await;
            task = match desk.with(|desk, now| desk.look(now)) {
                Some(Ok(permit)) => {
                    let heard = exchange(server, &running.video.status(), room).await;
                    desk.with(|desk, now| desk.looked(now, running, &permit, &heard)).flatten()
                }
                refused => {
                    running.at = refused.and_then(Result::err).unwrap_or(running.at);
                    Some(running)
                }
            };
        }
    }
    desk.with(|desk, now| desk.print(now));
    exit(0)
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    Ticks::start();
    let mut line = [0; 64];
    let mut words = command_line(&mut line).split_ascii_whitespace().flat_map(str::parse);
    let (Some(port), Some(videos)) = (words.next(), words.next()) else { exit(2) };
    let desk = &*SHARED.init(Shared::new(Desk::open(ServerClock.now(), videos), ServerClock));
    let stack = start_network(spawner);
    if with_timeout(PATIENCE, stack.wait_config_up()).await.is_err() {
        println!("[{}] no network: nobody has given us an address", ServerClock.now());
    }
    // The host, as the emulator's network knows it.
    let server = Server { stack, address: (Ipv4Addr::new(10, 0, 2, 2), port) };
    for room in ROOMS.take() {
        spawner.spawn(work(desk, server, room).unwrap());
    }
}
