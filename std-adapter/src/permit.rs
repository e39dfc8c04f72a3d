//! `Permit`: what a [`Shared`] limiter has booked for you, given back if you drop it.

use std::fmt;

use tollgate::{Book, Clock, Instant, Reservation, Token};

use crate::clock::StdClock;
use crate::observe::Event;
use crate::shared::Shared;

/// Units that are booked. Say what was really used with [`commit`](Self::commit).
///
/// Dropped without that (an early return, `?`, a panic, a task that is aborted), everything is given back that time has
/// not given back already, unless [`charge_on_drop`](Self::charge_on_drop) said otherwise; whoever waits is woken. It
/// belongs to nobody: send it to another thread or task, keep it in a struct. Forgotten with `mem::forget`, its units stay counted as
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

    /// Gives everything back that time has not given back already.
    pub fn release(mut self) {
        self.actual = 0;
    }

    /// From now on, to drop it is to have used `actual` units: say it before what cannot be taken back, above all before
    /// a request is sent that is charged whether or not anybody waits for the answer. Zero is where it starts.
    ///
    /// [`commit`](Self::commit) and [`release`](Self::release) still have the last word.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Duration, Quota, Start, TokenBucket};
    /// use tollgate_std::{Shared, StdClock};
    /// let quota = tollgate::valid!(Quota::new(10, Duration::from_hours(1)));
    /// let limiter = Shared::new(TokenBucket::new(quota, Start::Full, StdClock::default().now()));
    ///
    /// let mut permit = limiter.blocking_wait(8, Duration::from_secs(1))?;
    /// permit.charge_on_drop(8); // sent: the server counts it from here on
    /// drop(permit); // nobody waits for the answer
    /// assert_eq!(limiter.available(), 2);
    /// # Ok::<(), tollgate_std::WaitError>(())
    /// ```
    pub const fn charge_on_drop(&mut self, actual: u64) {
        self.actual = actual;
    }
}

impl<L: Book, C: Clock> Drop for Permit<L, C> {
    fn drop(&mut self) {
        let nothing = Reservation::new(self.held.at(), 0, Token::default());
        let held = std::mem::replace(&mut self.held, nothing);
        // Nothing held and nothing used leaves no trace, as everywhere.
        if held.cost() > 0 || self.actual > 0 {
            let log = self.shared.log(Some(held.cost()));
            self.shared.with(|limiter, now| limiter.settle(now, held, self.actual));
            log.tell(Event::Settled { actual: self.actual });
        }
    }
}

impl<L: Book, C: Clock> fmt::Debug for Permit<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("at", &self.at()).field("cost", &self.cost()).finish_non_exhaustive()
    }
}
