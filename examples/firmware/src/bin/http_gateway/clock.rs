//! The server's time, which runs so much faster than ours: a minute of its plan takes two seconds.

use core::task::Waker;

use embassy_time::Timer;
use tollgate::embassy::{AlarmClock, EmbassyClock};
use tollgate::{Clock, Instant};

const SPEED: u64 = 30;

#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock;

impl ServerClock {
    pub(crate) async fn until(self, at: Instant) {
        Timer::at(embassy_time::Instant::from_micros(ours(at).as_micros())).await;
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Instant {
        Instant::from_micros(EmbassyClock.now().as_micros() * SPEED)
    }
}

impl AlarmClock for ServerClock {
    fn wake_at(&self, at: Instant, waker: &Waker) {
        EmbassyClock.wake_at(ours(at), waker);
    }
}

fn ours(theirs: Instant) -> Instant {
    Instant::from_micros(theirs.as_micros().div_ceil(SPEED))
}
