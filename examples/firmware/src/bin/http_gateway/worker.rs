//! A worker: takes a job from its order to its end, one request at a time.

use core::net::Ipv4Addr;

use board::Ticks;
use embassy_futures::select::select;
use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::ThreadModeRawMutex as OneThread;
use embassy_sync::mutex::Mutex;
use embassy_sync::watch::{Receiver, Watch};
use embassy_time::{Duration, Timer};
use tollgate::Instant;

use crate::desk::{Course, Desk, End, Next, TASKS};
use crate::http::{Room, exchange};
use crate::report::log;
use crate::video::Job;

/// The server's clock is so much faster than ours: a minute of its plan takes two seconds.
const SPEED: u64 = 30;
/// For a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// One desk for all.
pub(crate) type Shared = Mutex<OneThread, Desk>;
/// Rings when a job has ended.
pub(crate) type Bell = Watch<OneThread, (), TASKS>;

/// The server's time.
pub(crate) fn now() -> Instant {
    Instant::from_micros(Ticks::read().as_micros() * SPEED)
}

async fn until(at: Instant) {
    Timer::at(embassy_time::Instant::from_micros(at.as_micros().div_ceil(SPEED))).await;
}

/// What a worker works with.
pub(crate) struct Worker {
    pub(crate) stack: Stack<'static>,
    pub(crate) server: (Ipv4Addr, u16),
    pub(crate) desk: &'static Shared,
    pub(crate) room: &'static mut Room,
    pub(crate) released: Receiver<'static, OneThread, (), TASKS>,
}

impl Worker {
    pub(crate) async fn work(&mut self, job: Job) -> End {
        let mut course = Course::new(job, now());
        let mut next = Next::Order(now());
        loop {
            next = match next {
                Next::Over(end) => return end,
                Next::OrderOnRelease(at) => {
                    select(until(at), self.released.changed()).await;
                    self.order(&mut course).await
                }
                Next::Order(at) => {
                    until(at).await;
                    self.order(&mut course).await
                }
                Next::Look(at) => {
                    until(at).await;
                    self.look(&mut course).await
                }
            };
        }
    }

    async fn order(&mut self, course: &mut Course) -> Next {
        // What has ended before is known to the desk.
        let _ = self.released.try_changed();
        let permit = match self.desk.lock().await.order(now(), course) {
            Ok(permit) => permit,
            Err(wait) => return wait,
        };
        let heard = exchange(self.stack, self.server, PATIENCE, &course.job.order(), self.room).await;
        log(now(), &course.job, &heard);
        self.desk.lock().await.ordered(now(), course, &permit, &heard)
    }

    async fn look(&mut self, course: &mut Course) -> Next {
        let permit = match self.desk.lock().await.look(now()) {
            Ok(permit) => permit,
            Err(wait) => return wait,
        };
        let heard = exchange(self.stack, self.server, PATIENCE, &course.job.status(), self.room).await;
        self.desk.lock().await.looked(now(), course, &permit, &heard)
    }
}
