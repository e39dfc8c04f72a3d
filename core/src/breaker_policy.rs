//! `BreakerPolicy`: what opens a [`Breaker`](crate::Breaker), for how long, and how it finds out that all is well again.

use core::fmt;

use crate::breaker::SLICES;
use crate::time::Duration;

/// What opens a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Trip {
    /// So many failures in a row.
    Consecutive {
        /// How many, at least 1.
        failures: u32,
    },
    /// At least this share of the calls of a window, once there were enough of them.
    Rolling {
        /// The window, counted in eighths: what is forgotten is at least a window and at most 9/8 of one old.
        window: Duration,
        /// The calls below which nothing is concluded, at least 1.
        calls: u32,
        /// The share of failures in permille, 1 to 1000; equality opens.
        permille: u16,
    },
}

/// How a breaker behaves; checked once.
///
/// # Example
/// ```
/// use tollgate::{BreakerPolicy, Duration, Trip, valid};
/// const POLICY: BreakerPolicy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 5 }, Duration::from_secs(30)));
/// const TWO: BreakerPolicy = valid!(POLICY.with_probes(2));
/// assert_eq!(TWO.probes(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BreakerPolicy {
    pub(crate) trip: Trip,
    pub(crate) open_for: Duration,
    pub(crate) probes: u16,
    pub(crate) lost_after: Duration,
}

/// Why a breaker's policy cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BreakerError {
    /// A count of zero: failures, calls or probes.
    ZeroCount,
    /// A share of failures outside 1 to 1000 permille.
    Share {
        /// What was asked for.
        permille: u16,
    },
    /// A span of zero, or a window shorter than eight microseconds.
    ZeroSpan,
}

impl BreakerError {
    /// What is wrong, for [`valid!`](crate::valid).
    pub const fn message(&self) -> &'static str {
        match self {
            Self::ZeroCount => "a breaker that counts to 0: expected at least 1",
            Self::Share { .. } => "a share of failures outside 1 to 1000 permille",
            Self::ZeroSpan => "a breaker's span of 0 us: expected at least 1 us, and 8 us for a window",
        }
    }
}

impl fmt::Display for BreakerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { permille } => write!(f, "a share of {permille} permille: expected 1 to 1000"),
            other => f.write_str(other.message()),
        }
    }
}

impl core::error::Error for BreakerError {}

impl BreakerPolicy {
    /// Opens as `trip` says, for `open_for`; then one probe at a time, lost after as long again.
    ///
    /// # Errors
    /// [`BreakerError`].
    pub const fn new(trip: Trip, open_for: Duration) -> Result<Self, BreakerError> {
        match trip {
            Trip::Consecutive { failures: 0 } | Trip::Rolling { calls: 0, .. } => return Err(BreakerError::ZeroCount),
            Trip::Rolling { permille, .. } if permille == 0 || permille > 1_000 => {
                return Err(BreakerError::Share { permille });
            }
            Trip::Rolling { window, .. } if window.as_micros() < SLICES as u64 => return Err(BreakerError::ZeroSpan),
            _ if open_for.is_zero() => return Err(BreakerError::ZeroSpan),
            _ => {}
        }
        Ok(Self { trip, open_for, probes: 1, lost_after: open_for })
    }

    /// The same policy with up to so many probes at a time; as many must succeed in a row to close it.
    ///
    /// # Errors
    /// [`BreakerError::ZeroCount`].
    pub const fn with_probes(self, probes: u16) -> Result<Self, BreakerError> {
        if probes == 0 { Err(BreakerError::ZeroCount) } else { Ok(Self { probes, ..self }) }
    }

    /// The same policy in which a probe without a verdict counts as failed after `lost_after`.
    ///
    /// # Errors
    /// [`BreakerError::ZeroSpan`].
    pub const fn with_probe_timeout(self, lost_after: Duration) -> Result<Self, BreakerError> {
        if lost_after.is_zero() { Err(BreakerError::ZeroSpan) } else { Ok(Self { lost_after, ..self }) }
    }

    /// How many probes may be out at a time.
    pub const fn probes(&self) -> u16 {
        self.probes
    }
}
