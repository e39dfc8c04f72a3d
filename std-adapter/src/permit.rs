//! `Permit`: what a [`Shared`] limiter has booked for you, given back if you drop it.

use std::fmt;

use tollgate::{Book, Clock, Instant, Reservation, Token};

use crate::clock::StdClock;
use crate::shared::Shared;

/// Units that are booked. Say what was really used with [`commit`](Self::commit).
///
/// Dropped without that (an early return, `?`, a panic), everything is given back that time has not given back already,
/// and whoever waits is woken. It can be sent to another thread. Forgotten with `mem::forget`, its units stay counted as
/// the limiter's page says; nothing else happens.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration, Quota, Start, TokenBucket};
/// use tollgate_std::{Shared, StdClock};
/// # fn download() -> Result<u64, std::io::Error> { Ok(3) }
/// let quota = tollgate::valid!(Quota::new(10, Duration::from_hours(1)));
/// let limiter = Shared::new(TokenBucket::new(quota, Start::Full, StdClock::default().now()));
///
/// let permit = limiter.blocking_wait(8, Duration::from_secs(1))?;
/// let used = download()?; // an error here gives all 8 back
/// permit.commit(used);
/// assert_eq!(limiter.available(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a permit that is dropped at once is given back at once"]
pub struct Permit<L: Book, C: Clock = StdClock> {
    shared: Shared<L, C>,
    held: Reservation,
    /// What the drop will say was used.
    actual: u64,
}

impl<L: Book, C: Clock> Permit<L, C> {
    pub(crate) const fn new(shared: Shared<L, C>, held: Reservation) -> Self {
        Self { shared, held, actual: 0 }
    }

    /// When the units may be used. After a wait that is now; after [`Shared::reserve`] it may lie ahead.
    pub const fn at(&self) -> Instant {
        self.held.at()
    }

    /// How many units are held.
    pub const fn cost(&self) -> u64 {
        self.held.cost()
    }

    /// Settles what was really used, and wakes whoever waits. Less than held gives the difference back, more is a debt
    /// that those who come after pay.
    pub fn commit(mut self, actual: u64) {
        self.actual = actual;
    }

    /// Gives everything back that time has not given back already; the same as to drop it, said aloud.
    pub fn release(self) {}
}

impl<L: Book, C: Clock> Drop for Permit<L, C> {
    fn drop(&mut self) {
        let nothing = Reservation::new(self.held.at(), 0, Token::default());
        let held = std::mem::replace(&mut self.held, nothing);
        // Nothing held and nothing used leaves no trace, as everywhere.
        if held.cost() > 0 || self.actual > 0 {
            self.shared.with(|limiter, now| limiter.settle(now, held, self.actual));
        }
    }
}

impl<L: Book, C: Clock> fmt::Debug for Permit<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("at", &self.at()).field("cost", &self.cost()).finish_non_exhaustive()
    }
}
