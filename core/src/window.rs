//! `Window`: at most so many units in *any* stretch of this length.
//!
//! The promise of a [`WindowLog`](crate::WindowLog), which is exact and remembers every grant, and of
//! [`WindowSlices`](crate::WindowSlices), which takes constant memory and errs towards refusing. For a steady rate take
//! a [`TokenBucket`](crate::TokenBucket): cheaper, but it lets `burst + rate x length` through.
//!
//! ```text
//! (now - length, now]        a grant exactly `length` old is out
//!   ──────(────────────────────────]──────> time
//! ```
//!
//! **Live holds.** A reservation counts in full from booking, does not age while it is held, and is stamped when it is
//! committed: the server counts a request when it arrives, not when we planned it, and airtime ends when the
//! transmission ends. Stamping at the reservation breaks the server's own window in most traces.

use core::fmt;

use crate::division::divide;
use crate::limiter::Denied;
use crate::time::{Duration, Instant};

/// At most `limit` units in any window of `length`.
///
/// # Example
/// ```
/// use tollgate::{Duration, Window};
/// const PER_MINUTE: Window = tollgate::valid!(Window::new(30, Duration::from_mins(1)));
/// assert_eq!(PER_MINUTE.limit(), 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "Plain", try_from = "Plain"))]
pub struct Window {
    limit: u32,
    length: Duration,
    lease: Duration,
}

/// Why a window cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WindowError {
    /// A limit of zero: nothing would ever be granted.
    ZeroLimit,
    /// A length of zero: nothing would ever be limited.
    ZeroLength,
    /// A lease of zero: a reservation would be forgotten before it could be committed.
    ZeroLease,
    /// The length does not divide into the slices.
    Uneven {
        /// The length of the window.
        length: Duration,
        /// How many slices it should divide into.
        slices: u32,
    },
}

impl WindowError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(&self) -> &'static str {
        match self {
            Self::ZeroLimit => "a window of 0 units: expected at least 1",
            Self::ZeroLength => "a window of 0 us: expected at least 1 us",
            Self::ZeroLease => "a lease of 0 us: expected at least 1 us",
            Self::Uneven { .. } => "the window's length must be a whole number of microseconds for each slice",
        }
    }
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uneven { length, slices } => {
                write!(f, "a window of {length} in {slices} slices: expected whole microseconds for each slice")
            }
            other => f.write_str(other.message()),
        }
    }
}

impl core::error::Error for WindowError {}

impl Window {
    /// At most `limit` units in any `length`.
    ///
    /// # Errors
    /// [`WindowError`] for a limit or a length of zero.
    pub const fn new(limit: u32, length: Duration) -> Result<Self, WindowError> {
        match (limit, length.is_zero()) {
            (0, _) => Err(WindowError::ZeroLimit),
            (_, true) => Err(WindowError::ZeroLength),
            _ => Ok(Self { limit, length, lease: Duration::MAX }),
        }
    }

    /// The same window, in which a reservation that is neither committed nor released stops counting `lease` after the
    /// instant it was booked for.
    ///
    /// Without a lease it counts for ever: nothing is granted too much, but whoever drops reservations locks himself
    /// out. A commit after the lease is over still counts, and may then exceed the limit; so choose it longer than the
    /// longest call.
    ///
    /// # Errors
    /// [`WindowError::ZeroLease`].
    pub const fn with_lease(self, lease: Duration) -> Result<Self, WindowError> {
        if lease.is_zero() { Err(WindowError::ZeroLease) } else { Ok(Self { lease, ..self }) }
    }

    /// The most units in any window; a larger cost is `Never`.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// The length of the window.
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// How long a reservation counts that is never settled.
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// The largest sum that is not above `permille` of the limit, rounded down.
    pub(crate) const fn share(&self, permille: u16) -> u64 {
        divide(self.limit as u64 * permille as u64, 1_000).0
    }

    /// How many permille of the limit `units` are, rounded down; saturates.
    pub(crate) fn permille(&self, units: u64) -> u32 {
        u32::try_from(divide(units.saturating_mul(1_000), u64::from(self.limit)).0).unwrap_or(u32::MAX)
    }
}

/// What a window holds when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum History {
    /// Nothing was used before: the window starts empty.
    Empty,
    /// The limit was used up this instant: the safe choice for the first window after a reboot without a memory, and
    /// what a strict duty cycle needs.
    UsedUp,
}

/// What a [`WindowLog`](crate::WindowLog) does when all its entries are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum WhenFull {
    /// Refuse until an entry is free: exact, and at most N grants in any window.
    Refuse,
    /// Merge two neighbours to the newer stamp, those that leave the smallest gap: never over. Under steady load units
    /// come back late by some N-ths of the window; give it four entries or more.
    Merge,
}

/// Whether an entry of this stamp has left the window of this length at `now`.
#[inline]
pub(crate) fn is_out(stamp: Instant, length: Duration, now: Instant) -> bool {
    now.saturating_since(stamp) >= length
}

/// Whether a lease that ends at `until` still runs; one that saturated never ends, not even at the end of time.
#[inline]
pub(crate) fn is_live(until: Instant, now: Instant) -> bool {
    now < until || until == Instant::MAX
}

/// What fits first beyond the range of time is not booked, not even by who asks at the end of it.
#[inline]
pub(crate) const fn beyond_time(at: Instant) -> Result<Instant, Denied> {
    match at {
        Instant::MAX => Err(Denied::Until(at)),
        at => Ok(at),
    }
}

/// The wire form of a [`Window`].
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    limit: u32,
    length_us: Duration,
    #[serde(default = "no_lease")]
    lease_us: Duration,
}

#[cfg(feature = "serde")]
fn no_lease() -> Duration {
    Duration::MAX
}

#[cfg(feature = "serde")]
impl From<Window> for Plain {
    fn from(window: Window) -> Self {
        Self { limit: window.limit, length_us: window.length, lease_us: window.lease }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Plain> for Window {
    type Error = WindowError;

    fn try_from(plain: Plain) -> Result<Self, WindowError> {
        Self::new(plain.limit, plain.length_us)?.with_lease(plain.lease_us)
    }
}
