//! `Wait` and `WaitError`: how long to stand in line, and why it came to nothing.

use std::fmt;
use std::time;

use tollgate::{Duration, Instant};

use crate::cancel::Cancel;

/// How long to wait, and what ends the wait early. A plain duration is one too.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate_std::{Cancel, Wait};
/// let shutdown = Cancel::new();
/// let _ = Wait::from(Duration::from_secs(5));
/// let _ = Wait::at_most(Duration::from_secs(5)).or_cancelled(&shutdown);
/// let _ = Wait::forever().or_cancelled(&shutdown);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it says how to wait, it does not wait"]
pub struct Wait {
    end: End,
    cancel: Option<Cancel>,
    hoping: bool,
}

#[derive(Clone, Copy, Debug)]
enum End {
    After(Duration),
    At(Instant),
}

impl Wait {
    /// At most `patience`, counted from the call. Zero: now or not at all. [`Duration::MAX`]: for ever.
    pub const fn at_most(patience: Duration) -> Self {
        Self { end: End::After(patience), cancel: None, hoping: false }
    }

    /// Until the limiter's clock shows `deadline`; what has passed already means "now or not at all".
    pub const fn until(deadline: Instant) -> Self {
        Self { end: End::At(deadline), cancel: None, hoping: false }
    }

    /// For as long as it takes.
    pub const fn forever() -> Self {
        Self::at_most(Duration::MAX)
    }

    /// Or until `cancel` is cancelled; of several, the last one counts.
    pub fn or_cancelled(mut self, cancel: &Cancel) -> Self {
        self.cancel = Some(cancel.clone());
        self
    }

    /// Stays to the deadline even where time alone would come too late.
    ///
    /// Without this, a wait ends at once when the limiter names an instant after the deadline. That is right for rates
    /// and windows. Where something may be released sooner than the limiter can know (slots with long leases, large
    /// holds that are mostly given back), say this.
    pub const fn hoping_for_release(mut self) -> Self {
        self.hoping = true;
        self
    }

    pub(crate) const fn deadline(&self, now: Instant) -> Instant {
        match self.end {
            End::After(patience) => now.saturating_add(patience),
            End::At(deadline) => deadline,
        }
    }

    pub(crate) const fn is_hoping(&self) -> bool {
        self.hoping
    }

    pub(crate) const fn cancel(&self) -> Option<&Cancel> {
        self.cancel.as_ref()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(Cancel::is_cancelled)
    }
}

impl From<Duration> for Wait {
    fn from(patience: Duration) -> Self {
        Self::at_most(patience)
    }
}

impl From<time::Duration> for Wait {
    fn from(patience: time::Duration) -> Self {
        Self::at_most(patience.into())
    }
}

/// Why a wait ended without anything. Nothing is held or used then. Exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The deadline has passed, or the limiter says that it will.
    Timeout {
        /// When it would have passed, as things stood; `None` where only a release would have helped, or others stood
        /// before.
        until: Option<Instant>,
    },
    /// The wait was cancelled.
    Cancelled,
    /// Ask for less: at most `max` can ever pass in one call.
    Never {
        /// The largest cost that can ever pass.
        max: u64,
    },
    /// As many wait already as may; see [`Shared::with_max_waiters`](crate::Shared::with_max_waiters).
    Full,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { until: Some(at) } => write!(f, "timed out: not before {at}"),
            Self::Timeout { until: None } => f.write_str("timed out in line"),
            Self::Cancelled => f.write_str("cancelled while waiting"),
            Self::Never { max } => write!(f, "never: at most {max} at once"),
            Self::Full => f.write_str("too many wait already"),
        }
    }
}

impl std::error::Error for WaitError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_saturate() {
        let now = Instant::from_secs(7);
        assert_eq!(Wait::at_most(Duration::from_secs(1)).deadline(now), Instant::from_secs(8));
        assert_eq!(Wait::forever().deadline(now), Instant::MAX);
        assert_eq!(Wait::until(Instant::from_secs(3)).deadline(now), Instant::from_secs(3));
        assert_eq!(Wait::from(time::Duration::MAX).deadline(now), Instant::MAX);
        assert_eq!(Wait::from(time::Duration::from_secs(2)).deadline(now), Instant::from_secs(9));
    }

    #[test]
    fn errors_read_as_sentences() {
        let table = [
            (WaitError::Timeout { until: Some(Instant::from_millis(1_500)) }, "timed out: not before 1.500000 s"),
            (WaitError::Timeout { until: None }, "timed out in line"),
            (WaitError::Cancelled, "cancelled while waiting"),
            (WaitError::Never { max: 5 }, "never: at most 5 at once"),
            (WaitError::Full, "too many wait already"),
        ];
        for (error, text) in table {
            assert_eq!(error.to_string(), text);
        }
    }
}
