//! `Lease`: how much may be used before the next record, written down before the first unit of it is admitted.
//!
//! ```text
//!  0 ........... used ............ high ........ limit
//!                 ├── in the lease ──┤                    nothing is written
//!                                    ├── above it ──>     a record with a new `high` first
//! ```
//! After a reboot `high` counts as used: never less than was, and at most one lease less one millionth too much. Near the
//! limit a lease shrinks to what is left, so that a reboot cannot cost more than that.

use crate::amount::Amount;
use crate::unit::Unit;

/// How a budget is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Keeping {
    /// A record for every charge, written before it: nothing is counted too much after a reboot.
    Strict,
    /// A record for every so many millionths: what flash endures. See [`Wear`](super::Wear) for how many.
    Lease {
        /// How much is leased at once, in millionths of the budget's unit.
        micros: u64,
    },
}

impl Keeping {
    /// Leases of this amount; of zero it is strict.
    pub const fn lease<U: Unit>(amount: Amount<U>) -> Self {
        match amount.as_micros() {
            0 => Self::Strict,
            micros => Self::Lease { micros },
        }
    }

    /// The lease, which is zero for strict.
    pub const fn micros(self) -> u64 {
        match self {
            Self::Strict => 0,
            Self::Lease { micros } => micros,
        }
    }
}

/// One budget's lease.
///
/// What is used is posted, held and owed together, in millionths.
///
/// # Example
/// ```
/// use tollgate::journal::{Keeping, Lease};
/// let mut lease = Lease::new(Keeping::Lease { micros: 10 }, 0);
/// let (mut used, limit, mut writes) = (0, 1_000, 0);
/// for _ in 0..25 {
///     if let Some(high) = lease.before(used, 1, limit - used) {
///         writes += 1; // write `high`, and only then:
///         lease.written(high);
///     }
///     used += 1;
/// }
/// assert_eq!((used, lease.high(), writes), (25, 30, 3));
/// assert_eq!(lease.after(used, limit - used), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lease {
    keeping: Keeping,
    high: u64,
}

impl Lease {
    /// A lease of a budget of which `used` is used, as is written down.
    pub const fn new(keeping: Keeping, used: u64) -> Self {
        Self { keeping, high: used }
    }

    /// What is used at most, going by the last record.
    pub const fn high(&self) -> u64 {
        self.high
    }

    /// How it is kept.
    pub const fn keeping(&self) -> Keeping {
        self.keeping
    }

    /// What has to be written before `more` is added to what is used, while `available` is left; `None` within the lease.
    pub const fn before(&self, used: u64, more: u64, available: u64) -> Option<u64> {
        // Saturating errs on the side of writing: amounts are below 2^63.
        if used.saturating_add(more) <= self.high { None } else { Some(self.raised(used, more, available)) }
    }

    /// What should be written after less is used than was: `None` unless two leases are in store. Until it is written, a
    /// reboot only counts too much.
    pub const fn after(&self, used: u64, available: u64) -> Option<u64> {
        let slack = self.high.saturating_sub(used);
        let worth = match self.keeping {
            Keeping::Strict => 1,
            Keeping::Lease { micros } => micros.saturating_mul(2),
        };
        if slack < worth { None } else { Some(self.raised(used, 0, available)) }
    }

    /// Used, and the larger of what is asked and the lease, which is no longer than what is left.
    pub(crate) const fn raised(&self, used: u64, more: u64, available: u64) -> u64 {
        let lease = self.keeping.micros();
        let lease = if lease < available { lease } else { available };
        used.saturating_add(if more > lease { more } else { lease })
    }

    /// A record with this `high` has been written.
    pub const fn written(&mut self, high: u64) {
        self.high = high;
    }
}
