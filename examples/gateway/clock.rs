//! One clock for both sides, and a fast one: with a speed of 60 a virtual minute takes a real second.
//!
//! Everything in this example (limits, tasks, `Retry-After`, backoff) is told in virtual time; only the loopback network
//! and the operating system live in real time. A millisecond in which the machine does something else is therefore 60
//! virtual milliseconds, so that the run meets more jitter than a real gateway would, not less.

use std::time::Instant as Real;

use tollgate::{Clock, Instant};

/// A clock that runs `speed` times as fast as the real one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastClock {
    origin: Real,
    speed: u32,
}

impl FastClock {
    /// A clock that shows zero now.
    pub(crate) fn start(speed: u32) -> Self {
        Self { origin: Real::now(), speed: speed.max(1) }
    }

    /// Virtual microseconds since the start. It never goes back.
    pub(crate) fn micros(&self) -> u64 {
        let nanos = self.origin.elapsed().as_nanos() * u128::from(self.speed) / 1_000;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// Real time since the start.
    pub(crate) fn real(&self) -> std::time::Duration {
        self.origin.elapsed()
    }

    /// Sleeps until the clock shows `at` or a little more, never less; for ever if that is [`Instant::MAX`].
    pub(crate) async fn sleep_until(&self, at: Instant) {
        if at == Instant::MAX {
            return std::future::pending().await;
        }
        let nanos = (u128::from(at.as_micros()) * 1_000).div_ceil(u128::from(self.speed));
        let real = std::time::Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        tokio::time::sleep_until((self.origin + real).into()).await;
    }
}

impl Clock for FastClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.micros())
    }
}
