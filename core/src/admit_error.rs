//! `AdmitError`: why a wait for a gate came to nothing, in the words of whoever waits.
//!
//! One for all who wait in a line, on threads, in tasks or on embassy; each brings its own word for how a wait ends.

use core::fmt;

use crate::gate::{AskError, Binding};

/// Why a wait for a gate ended without an admission; `W` is how a wait can end. Nothing is held then. Exhaustive.
///
/// # Example
/// ```
/// use tollgate::{AdmitError, Binding, Denied, Instant};
/// let why = Denied::Until(Instant::from_secs(17));
/// let refused = AdmitError::Wait { why, limit: Some(Binding::Requests) };
/// assert_eq!(refused.to_string(), format!("the rate of requests: {why}"));
/// assert_eq!(AdmitError::Wait { why, limit: None }.to_string(), why.to_string());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AdmitError<W> {
    /// The wait came to nothing.
    Wait {
        /// How it ended.
        why: W,
        /// Which limit bound when the gate was last asked; `None` if it was not, because others stood before.
        limit: Option<Binding>,
    },
    /// To ask again would not help: the job is here already, it may be running, or its estimate is wrong.
    Ask(AskError),
}

impl<W: fmt::Display> fmt::Display for AdmitError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait { why, limit: Some(limit) } => write!(f, "{limit}: {why}"),
            Self::Wait { why, limit: None } => why.fmt(f),
            Self::Ask(why) => why.fmt(f),
        }
    }
}

impl<W: fmt::Debug + fmt::Display> core::error::Error for AdmitError<W> {}
