//! `Clocked<C, L>`: a limiter that reads its clock itself, for a super-loop or RTIC.

use crate::limiter::{Denied, Limiter, Reservation};
use crate::time::{Clock, Duration, Instant};

/// A limiter with its clock: the same six verbs without `now`. The clock is read once per call.
///
/// # Example
/// ```
/// use tollgate::{Clocked, Duration, Instant, ManualClock, Quota, Start, TokenBucket};
/// let clock = ManualClock::default();
/// let bucket = TokenBucket::new(Quota::every(Duration::from_millis(100))?, Start::Full, Instant::ORIGIN);
/// let mut limiter = Clocked::new(&clock, bucket);
///
/// assert!(limiter.allow(1).is_ok());
/// assert!(limiter.allow(1).is_err());
/// clock.advance(Duration::from_millis(100));
/// assert!(limiter.allow(1).is_ok());
/// # Ok::<(), tollgate::QuotaError>(())
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Clocked<C, L> {
    clock: C,
    limiter: L,
}

impl<C, L> Clocked<C, L> {
    /// A limiter that asks `clock` for the time.
    pub const fn new(clock: C, limiter: L) -> Self {
        Self { clock, limiter }
    }

    /// The clock.
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// The limiter, for what is not one of the six verbs; pass it [`now`](Self::now).
    pub const fn limiter(&self) -> &L {
        &self.limiter
    }

    /// The limiter, mutable.
    pub const fn limiter_mut(&mut self) -> &mut L {
        &mut self.limiter
    }

    /// The limiter without its clock.
    pub fn into_inner(self) -> L {
        self.limiter
    }
}

impl<C: Clock, L: Limiter> Clocked<C, L> {
    /// What the clock shows.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// See [`Limiter::available`].
    pub fn available(&self) -> u64 {
        self.limiter.available(self.clock.now())
    }

    /// See [`Limiter::earliest`].
    ///
    /// # Errors
    /// As there.
    pub fn earliest(&self, cost: u64) -> Result<Instant, Denied> {
        self.limiter.earliest(self.clock.now(), cost)
    }

    /// See [`Limiter::allow`].
    ///
    /// # Errors
    /// As there.
    pub fn allow(&mut self, cost: u64) -> Result<(), Denied> {
        self.limiter.allow(self.clock.now(), cost)
    }

    /// See [`Limiter::reserve`].
    ///
    /// # Errors
    /// As there.
    pub fn reserve(&mut self, cost: u64, max_wait: Duration) -> Result<Reservation, Denied> {
        self.limiter.reserve(self.clock.now(), cost, max_wait)
    }

    /// See [`Limiter::commit`].
    pub fn commit(&mut self, held: Reservation, actual: u64) {
        self.limiter.commit(self.clock.now(), held, actual);
    }

    /// See [`Limiter::release`].
    pub fn release(&mut self, held: Reservation) {
        self.limiter.release(self.clock.now(), held);
    }
}
