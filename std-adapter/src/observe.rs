//! What happens at a shared limiter or gate, and to the jobs of a runner, told to `tracing` by the feature of that name and to nobody without it.
//!
//! An event says what happened in its message, which never changes, and all else in fields: `limit` (see
//! [`Shared::named`](crate::Shared::named)), `cost`, `job`, `waited_us`, ... Nothing is told while the limiter is locked: a
//! subscriber is anybody's code, and may ask this limiter.
//!
//! | Level | Message |
//! |---|---|
//! | `WARN` | `clock went back`; `refused` with the reason `never`: it is asked for more than can ever pass; `lost`: a request that was sent and dropped; `ended` by a panic |
//! | `DEBUG` | `waiting`, `granted` after a wait, `refused`, `cancelled`, `settled` with a debt; `answered`, `resolved`, `returned`; `queued`, `again`, `ended` |
//! | `TRACE` | `granted` at once, `settled`; `sending`, `finished` |

use tollgate::{Binding, Denied, Duration, Instant};
#[cfg(feature = "tracing")]
use tracing::{debug, trace, warn};

use crate::observe_job::JobEvent;
use crate::wait::WaitError;

/// What a subscriber filters by.
#[cfg(feature = "tracing")]
pub(crate) const TARGET: &str = "tollgate";

/// What happened.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told"))]
pub(crate) enum Event {
    /// Granted without a wait.
    Granted,
    /// Granted in line.
    Served { waited: Duration },
    /// Stands in line, behind so many.
    Waiting { ahead: usize },
    /// Refused without a wait.
    Refused(Denied),
    /// A wait came to nothing.
    Ended { why: WaitError, waited: Duration, binds: Option<Binding> },
    /// Whoever waited went away.
    Dropped,
    /// A permit was settled.
    Settled { actual: u64 },
    /// Something became of a job.
    Job(JobEvent),
    /// The clock shows less than it did.
    ClockWentBack { last: Instant, now: Instant },
}

/// Who is told of it: of which limit, and of how many units where that is known.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told"))]
pub(crate) struct Log {
    pub(crate) limit: &'static str,
    pub(crate) cost: Option<u64>,
    pub(crate) job: Option<u64>,
}

impl Log {
    /// A call without a wait was answered.
    pub(crate) fn answered<T>(self, answer: &Result<T, Denied>) {
        self.tell(match answer {
            Ok(_) => Event::Granted,
            Err(denied) => Event::Refused(*denied),
        });
    }

    #[cfg(not(feature = "tracing"))]
    #[expect(clippy::unused_self, reason = "nobody is told")]
    #[inline]
    pub(crate) const fn tell(self, _event: Event) {}

    #[cfg(feature = "tracing")]
    pub(crate) fn tell(self, event: Event) {
        let (limit, cost, job) = (Some(self.limit).filter(|name| !name.is_empty()), self.cost, self.job);
        match event {
            Event::Granted => trace!(target: TARGET, limit, cost, job, "granted"),
            Event::Served { waited } => {
                debug!(target: TARGET, limit, cost, job, waited_us = waited.as_micros(), "granted");
            }
            Event::Waiting { ahead } => debug!(target: TARGET, limit, cost, job, ahead, "waiting"),
            Event::Refused(denied) => self.refused(&Refusal::from(denied), None, None),
            Event::Ended { why: WaitError::Cancelled, waited, .. } => {
                debug!(target: TARGET, limit, cost, job, waited_us = waited.as_micros(), reason = "token", "cancelled");
            }
            Event::Ended { why, waited, binds } => self.refused(&Refusal::from(why), Some(waited.as_micros()), binds),
            Event::Dropped => debug!(target: TARGET, limit, cost, job, reason = "dropped", "cancelled"),
            Event::Settled { actual } if cost.is_some_and(|cost| actual > cost) => {
                debug!(target: TARGET, limit, cost, job, actual, "settled");
            }
            Event::Settled { actual } => trace!(target: TARGET, limit, cost, job, actual, "settled"),
            Event::Job(event) => event.tell(limit, job),
            Event::ClockWentBack { last, now } => {
                warn!(target: TARGET, limit, last_us = last.as_micros(), now_us = now.as_micros(), "clock went back");
            }
        }
    }
}

#[cfg(feature = "tracing")]
impl Log {
    fn refused(self, refusal: &Refusal, waited_us: Option<u64>, binds: Option<Binding>) {
        let (limit, cost, job) = (Some(self.limit).filter(|name| !name.is_empty()), self.cost, self.job);
        let Refusal { reason, max, .. } = *refusal;
        let until_us = refusal.until.map(Instant::as_micros);
        let binds = binds.map(tracing::field::display);
        if reason == "never" {
            warn!(target: TARGET, limit, cost, job, binds, reason, max, waited_us, "refused");
        } else {
            debug!(target: TARGET, limit, cost, job, binds, reason, until_us, waited_us, "refused");
        }
    }
}

/// One reading of the clock after another.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    #[cfg(feature = "tracing")]
    last: Instant,
}

impl Watch {
    /// What there is to tell about this reading. Each step back is told once.
    #[cfg(not(feature = "tracing"))]
    #[expect(clippy::unused_self, reason = "nobody is told")]
    #[inline]
    pub(crate) const fn see(&mut self, _now: Instant) -> Option<Event> {
        None
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn see(&mut self, now: Instant) -> Option<Event> {
        let last = std::mem::replace(&mut self.last, now);
        (now < last).then_some(Event::ClockWentBack { last, now })
    }
}

/// A refusal, of a call or of a wait, as fields.
#[cfg(feature = "tracing")]
struct Refusal {
    reason: &'static str,
    until: Option<Instant>,
    max: Option<u64>,
}

#[cfg(feature = "tracing")]
impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Until(at) => Self { reason: "until", until: Some(at), max: None },
            Denied::Busy => Self { reason: "busy", until: None, max: None },
            Denied::Never { max } => Self { reason: "never", until: None, max: Some(max) },
        }
    }
}

#[cfg(feature = "tracing")]
impl From<WaitError> for Refusal {
    fn from(why: WaitError) -> Self {
        match why {
            WaitError::Timeout { until } => Self { reason: "timeout", until, max: None },
            WaitError::Cancelled => Self { reason: "cancelled", until: None, max: None },
            WaitError::Never { max } => Self { reason: "never", until: None, max: Some(max) },
            WaitError::Full => Self { reason: "full", until: None, max: None },
        }
    }
}
