//! What becomes of the jobs of a gate, told to `tracing` as `observe.rs` says.

use tollgate::{Answer, AskError, Cost, Fate, Instant};
#[cfg(feature = "tracing")]
use tracing::{debug, trace, warn};

#[cfg(feature = "tracing")]
use crate::observe::TARGET;

/// What became of a job.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told"))]
pub(crate) enum JobEvent {
    /// No wait would help.
    Turned(AskError),
    /// A request goes out.
    Sending,
    /// A request was answered.
    Answered(Answer),
    /// It was said what has become of a request.
    Resolved(Fate),
    /// A permit came back, not sent.
    Returned,
    /// A permit came back that was sent, and nobody knows the answer.
    Lost,
    /// It is over and paid for.
    Finished(Cost),
    /// It waits in a queue.
    Queued,
    /// It waits to be sent again.
    Again { until: Instant },
    /// A runner is done with it, and how.
    Over(End),
}

/// How a runner is done with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Dropped,
    Expired,
    Timeout,
    Refused,
    GaveUp,
    Panicked,
    Closed,
    Lost,
}

#[cfg(feature = "tracing")]
impl JobEvent {
    pub(crate) fn tell(self, limit: Option<&str>, job: Option<u64>) {
        match self {
            Self::Turned(why) => {
                debug!(target: TARGET, limit, job, reason = "hopeless", why = %why, "refused");
            }
            Self::Sending => trace!(target: TARGET, limit, job, "sending"),
            Self::Answered(answer) => {
                let (answer, until, why) = match answer {
                    Answer::Accepted => ("accepted", None, None),
                    Answer::Done => ("done", None, None),
                    Answer::Finished => ("finished", None, None),
                    Answer::RetryAt(at) => ("again", Some(at), None),
                    Answer::RetryOnRelease { not_before } => ("again on release", Some(not_before), None),
                    Answer::GiveUp(why) => ("give up", None, Some(why)),
                };
                let (until_us, why) = (until.map(Instant::as_micros), why.map(tracing::field::display));
                debug!(target: TARGET, limit, job, answer, until_us, why, "answered");
            }
            Self::Resolved(fate) => {
                let fate = match fate {
                    Fate::Runs => "runs",
                    Fate::Refused => "refused",
                    Fate::NotSent => "not sent",
                    Fate::Unknown => "unknown",
                };
                debug!(target: TARGET, limit, job, fate, "resolved");
            }
            Self::Returned => debug!(target: TARGET, limit, job, "returned"),
            Self::Lost => warn!(target: TARGET, limit, job, "lost"),
            Self::Finished(cost) => {
                let cost = match cost {
                    Cost::Settled => "settled",
                    Cost::Corrected => "corrected",
                    Cost::Late => "late",
                    Cost::Replayed => "replayed",
                };
                trace!(target: TARGET, limit, job, taken = cost, "finished");
            }
            Self::Queued => debug!(target: TARGET, limit, job, "queued"),
            Self::Again { until } => debug!(target: TARGET, limit, job, until_us = until.as_micros(), "again"),
            Self::Over(end @ (End::Panicked | End::Lost)) => {
                warn!(target: TARGET, limit, job, reason = end.word(), "ended");
            }
            Self::Over(end) => debug!(target: TARGET, limit, job, reason = end.word(), "ended"),
        }
    }
}

#[cfg(feature = "tracing")]
impl End {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::GaveUp => "gave up",
            Self::Panicked => "panicked",
            Self::Closed => "closed",
            Self::Lost => "lost",
        }
    }
}
