//! A network client on a chip: it orders videos from the gateway example's server, within its plan and our budget.
//!
//! ```text
//! workers ──> desk: limits, money ──> HTTP ──> TCP, IP ──> Ethernet ──> emulator ──> a server on its host's loopback
//! ```
//! The debugger passes the server's port and the number of videos. A line of the log starts with its time; the summary
//! is the same in every run, and its bill is to be the server's.

#![no_std]
#![no_main]

mod desk;
mod http;
mod report;
mod video;
mod worker;

use core::net::Ipv4Addr;

use board::{Ticks, command_line, exit, println, stellaris::Ethernet};
use embassy_executor::Spawner;
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use embassy_sync::blocking_mutex::raw::ThreadModeRawMutex as OneThread;
use embassy_sync::channel::Channel;
use embassy_time::{Duration, with_timeout};
use static_cell::{ConstStaticCell, StaticCell};

use crate::desk::{Desk, End, TASKS};
use crate::http::Room;
use crate::report::Report;
use crate::video::Job;
use crate::worker::{Bell, Shared, Worker, now};

/// The host, as the emulator's network knows it, and our own address on the wire.
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const ADDRESS: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
/// How long a network is waited for before the first order is tried.
const PATIENCE: Duration = Duration::from_secs(2);

static SOCKETS: ConstStaticCell<StackResources<{ TASKS + 2 }>> = ConstStaticCell::new(StackResources::new());
static ROOMS: ConstStaticCell<[Room; TASKS]> = ConstStaticCell::new([Room::EMPTY; TASKS]);
static DESK: StaticCell<Shared> = StaticCell::new();
static RELEASED: Bell = Bell::new();
static JOBS: Channel<OneThread, Job, 1> = Channel::new();
static ENDED: Channel<OneThread, (Job, End), 1> = Channel::new();

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Ethernet>) {
    runner.run().await;
}

#[embassy_executor::task]
async fn hire(jobs: u16) {
    for id in 1..=jobs {
        JOBS.send(Job::nth(id)).await;
    }
}

#[embassy_executor::task(pool_size = TASKS)]
async fn work(mut worker: Worker) {
    loop {
        let job = JOBS.receive().await;
        let end = worker.work(job).await;
        RELEASED.sender().send(());
        ENDED.send((job, end)).await;
    }
}

/// Port and number of jobs.
fn arguments() -> Option<(u16, u16)> {
    let mut line = [0; 64];
    let mut words = command_line(&mut line).split_ascii_whitespace().flat_map(str::parse);
    Some((words.next()?, words.next()?))
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    Ticks::start();
    let (Some((port, jobs)), Ok(desk)) = (arguments(), Desk::new(now())) else { exit(2) };
    let desk = DESK.init(Shared::new(desk));
    let (stack, runner): (Stack, _) =
        embassy_net::new(Ethernet::new(ADDRESS), Config::dhcpv4(DhcpConfig::default()), SOCKETS.take(), 1);
    spawner.spawn(network(runner).unwrap());
    if with_timeout(PATIENCE, stack.wait_config_up()).await.is_err() {
        println!("[{}] no network: nobody has given us an address", now());
    }
    spawner.spawn(hire(jobs).unwrap());
    for room in ROOMS.take() {
        let released = RELEASED.receiver().unwrap();
        spawner.spawn(work(Worker { stack, server: (HOST, port), desk, room, released }).unwrap());
    }
    let mut report = Report::default();
    for _ in 0..jobs {
        let (job, end) = ENDED.receive().await;
        report.add(&job, end);
    }
    report.print(desk.lock().await.books(now()));
    exit(0)
}
