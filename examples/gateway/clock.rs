//! One clock for both sides, and a fast one: with a speed of 60 a virtual minute takes a real second.
//!
//! Everything in this example (limits, tasks, `Retry-After`, backoff) is told in virtual time; only the loopback network
//! and the operating system live in real time. A millisecond in which the machine does something else is therefore 60
//! virtual milliseconds, so that the run meets more jitter than a real gateway would, not less.

use std::time::{Instant as Real, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tollgate::{Clock, Instant};

/// A clock that runs `speed` times as fast as the real one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastClock {
    origin: Real,
    /// What it showed at the origin.
    base: u64,
    speed: u32,
}

impl FastClock {
    /// A clock that shows zero now, or what it showed when it was noted, and the time since: it runs on without a process.
    pub(crate) fn start(speed: u32, noted: Option<Noted>) -> Self {
        let speed = speed.max(1);
        let base = noted.map_or(0, |noted| {
            let since = Noted::unix().saturating_sub(noted.unix);
            noted.shown.saturating_add(since.saturating_mul(u64::from(speed)))
        });
        Self { origin: Real::now(), base, speed }
    }

    /// Virtual microseconds since the start. It never goes back.
    pub(crate) fn micros(&self) -> u64 {
        let nanos = self.origin.elapsed().as_nanos() * u128::from(self.speed) / 1_000;
        self.base.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// To go on from after a restart.
    pub(crate) fn note(&self) -> Noted {
        Noted { unix: Noted::unix(), shown: self.micros() }
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
        let left = at.as_micros().saturating_sub(self.base);
        let nanos = (u128::from(left) * 1_000).div_ceil(u128::from(self.speed));
        let real = std::time::Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        tokio::time::sleep_until((self.origin + real).into()).await;
    }
}

/// What the clock showed, and when that was in microseconds since 1970.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Noted {
    unix: u64,
    shown: u64,
}

impl Noted {
    fn unix() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Clock for FastClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.micros())
    }
}
