//! `Permit`: what a [`Shared`] limiter has booked for you, given back if you drop it.

use core::fmt;

use embassy_sync::blocking_mutex::raw::RawMutex;

use super::Shared;
use crate::limiter::{Limiter, Reservation, Token};
use crate::time::{Clock, Instant};

/// Something that is booked: units, unless [`Shared::guard`] made it of something else.
///
/// Say what was really used with [`commit`](Self::commit). Dropped without that (an early return, `?`, a cancelled task),
/// everything is given back that time has not given back already, and whoever waits is woken. Forgotten with
/// `mem::forget`, its units stay counted as the limiter's page says; nothing else happens.
///
/// # Example
/// ```
/// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
/// use tollgate::embassy::Shared;
/// use tollgate::{Duration, Instant, ManualClock, Quota, Start, TokenBucket};
/// # fn download() -> Option<u64> { Some(3) }
/// let quota = tollgate::valid!(Quota::new(10, Duration::from_hours(1)));
/// let bucket = TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
/// let limiter = Shared::<NoopRawMutex, _, _, 4>::new(bucket, ManualClock::default());
///
/// let permit = limiter.reserve(8, Duration::ZERO).unwrap();
/// if let Some(used) = download() {
///     permit.commit(used);
/// } // else all 8 are given back
/// assert_eq!(limiter.available(), 7);
/// ```
#[must_use = "a permit that is dropped at once is given back at once"]
pub struct Permit<'a, M: RawMutex, L, C: Clock, const W: usize, R = Reservation> {
    shared: &'a Shared<M, L, C, W>,
    /// Gone only while it is being settled.
    held: Option<R>,
    undo: fn(&mut L, Instant, R),
}

/// What a permit of units does when it is dropped.
pub(super) fn give_back<L: Limiter>(limiter: &mut L, now: Instant, held: Reservation) {
    // A reservation of nothing leaves no trace.
    if held.cost() > 0 {
        limiter.release(now, held);
    }
}

impl<'a, M: RawMutex, L, C: Clock, const W: usize, R> Permit<'a, M, L, C, W, R> {
    pub(super) const fn new(shared: &'a Shared<M, L, C, W>, held: R, undo: fn(&mut L, Instant, R)) -> Self {
        Self { shared, held: Some(held), undo }
    }

    pub(super) const fn held(&self) -> Option<&R> {
        self.held.as_ref()
    }

    /// It was settled: nothing is given back any more.
    pub(super) fn forget(&mut self) {
        self.held = None;
    }

    /// Looks at what is held together with the limiter, or changes both: a lease renewed, a request marked as sent.
    ///
    /// As [`Shared::with`]: whoever heads the line is woken afterwards, and `None` comes only from inside another `with`.
    pub fn with<T>(&mut self, change: impl FnOnce(&mut L, Instant, &mut R) -> T) -> Option<T> {
        let held = self.held.as_mut()?;
        self.shared.with(|limiter, now| change(limiter, now, held))
    }

    /// Settles what is held in words of your own, instead of giving it back, and wakes whoever waits.
    ///
    /// `None` only from inside another `with` of the same limiter; what was held is dropped unsettled then.
    pub fn settle<T>(mut self, settle: impl FnOnce(&mut L, Instant, R) -> T) -> Option<T> {
        let held = self.held.take()?;
        self.shared.with(|limiter, now| settle(limiter, now, held))
    }
}

impl<M: RawMutex, L: Limiter, C: Clock, const W: usize> Permit<'_, M, L, C, W> {
    /// When the units may be used. After a wait that is now; after [`Shared::reserve`] it may lie ahead.
    pub fn at(&self) -> Instant {
        self.held.as_ref().map_or(Instant::ORIGIN, Reservation::at)
    }

    /// How many units are held.
    pub fn cost(&self) -> u64 {
        self.held.as_ref().map_or(0, Reservation::cost)
    }

    /// Settles what was really used, and wakes whoever waits. Less than held gives the difference back, more is a debt
    /// that those who come after pay.
    pub fn commit(mut self, actual: u64) {
        if let Some(held) = self.held.take() {
            self.shared.commit(held, actual);
        }
    }

    /// Gives everything back that time has not given back already; the same as to drop it, said aloud.
    pub fn release(self) {}

    /// The reservation alone, for [`Shared::commit`] and [`Shared::release`]: dropped, it gives nothing back any more.
    pub fn into_reservation(mut self) -> Reservation {
        self.held.take().unwrap_or(Reservation::new(Instant::ORIGIN, 0, Token::default()))
    }
}

impl<M: RawMutex, L, C: Clock, const W: usize, R> Drop for Permit<'_, M, L, C, W, R> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.shared.with(|limiter, now| (self.undo)(limiter, now, held));
        }
    }
}

impl<M: RawMutex, L, C: Clock, const W: usize, R: fmt::Debug> fmt::Debug for Permit<'_, M, L, C, W, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("held", &self.held).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<M: RawMutex, L, C: Clock, const W: usize, R: defmt::Format> defmt::Format for Permit<'_, M, L, C, W, R> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Permit {{ held: {} }}", self.held);
    }
}
