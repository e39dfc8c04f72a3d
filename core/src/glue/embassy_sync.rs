//! `Shared`: one limiter for many tasks, on the blocking mutex of `embassy-sync`, with a fair line for those who wait.
//!
//! Take it for any limiter, a tuple of them, or whatever else answers "now, then, or never", that embassy tasks (or
//! interrupts) share; where one loop owns the limiter, [`Clocked`](crate::Clocked) does. It costs the limiter, 16 bytes
//! for each of W waiters on a 32-bit chip, and one short critical section a call. The clock is read once per call, under
//! the lock.
//!
//! ```text
//! A waits ─────────────┐ slot freed by C: A has it
//!     B arrives: Busy  │ (or stands behind A)
//! C works ─────────────┘
//! ```

mod gate;
mod gated;
mod line;
mod permit;
mod room;
mod waiting;

use core::fmt;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;

use crate::limiter::{Denied, Limiter, Reservation};
use crate::time::{Clock, Duration, Instant};

pub use gate::{Admission, AdmitError, Admitting};
pub use gated::{Dispatches, Gated};
pub use permit::Permit;
use room::{Room, WakeLater, behind};
pub use waiting::{AlarmClock, WaitError, Waiting};

/// A limiter that tasks share by reference, with room for `W` who wait; put it into a `static`.
///
/// The verbs are those of [`Limiter`], by `&self` and without `now`. What it adds is [`wait`](Self::wait), with these
/// promises:
///
/// * **First come, first served.** Only the head of the line asks the limiter, so that a large request is not starved by
///   small ones. While somebody waits, everybody else gets [`Denied::Busy`] (or `Never`), even where units are there.
/// * **Waiting holds nothing.** Units are booked in the poll that returns them, not before. A wait that is dropped at
///   any moment, also between its wake-up and its poll, has cost nothing; it leaves the line, from wherever it stands,
///   and the next is woken if it was the head.
/// * **No polling.** The head has the one alarm of the line, at the instant that the limiter has named, and is woken,
///   alone, by whatever may let it pass sooner: a settled or dropped [`Permit`], [`with`](Self::with), the head before
///   it leaving. Others have an alarm only for a deadline of theirs.
/// * **No sleep to a known failure.** When the head is told an instant after its deadline, it is refused at once; see
///   [`Waiting::hoping_for_release`] for who would rather stay.
/// * **Bounded.** Who finds all `W` seats taken gets [`WaitError::Full`] at once.
///
/// `M` is the raw mutex: `NoopRawMutex` within one executor, `ThreadModeRawMutex` or `CriticalSectionRawMutex` beyond.
/// Limiters and closures run under it, with interrupts off in the last case.
///
/// **A large limiter.** Each call takes the limiter out of its cell and puts it back, so that no call can meet another
/// one half done. For some kilobytes (a ledger, a gate) keep it in a `StaticCell` and share the `&'static mut` of it,
/// which is a limiter too.
///
/// **From inside `with`** of the same limiter nobody else gets at it: the verbs say [`Denied::Busy`], `with` says
/// `None`, and a permit dropped there is not given back but counts as its limiter's page says.
///
/// # Example
/// A limiter in a `static`, a task that waits, and one that changes the quota:
/// ```no_run
/// use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
/// use tollgate::embassy::{AlarmClock, Shared, WaitError};
/// use tollgate::{Clock, Duration, Inherit, Instant, Quota, Start, TokenBucket};
/// # #[derive(Clone, Copy)] struct EmbassyClock; // of tollgate::embassy, with the feature `embassy-time`
/// # impl Clock for EmbassyClock { fn now(&self) -> Instant { Instant::ORIGIN } }
/// # impl AlarmClock for EmbassyClock { fn wake_at(&self, _: Instant, _: &core::task::Waker) {} }
/// # async fn send() -> Result<(), ()> { Ok(()) }
///
/// const API: Quota = tollgate::valid!(Quota::new(60, Duration::from_mins(1)));
/// static REQUESTS: Shared<CriticalSectionRawMutex, TokenBucket, EmbassyClock, 4> =
///     Shared::new(TokenBucket::new(API, Start::Full, Instant::ORIGIN), EmbassyClock);
///
/// async fn report() -> Result<(), WaitError> {
///     let permit = REQUESTS.wait(1).at_most(Duration::from_secs(30)).await?;
///     if send().await.is_ok() {
///         permit.commit(1);
///     } // else it is dropped, and given back
///     Ok(())
/// }
///
/// fn slow_down(quota: Quota) {
///     REQUESTS.with(|bucket, now| bucket.set_quota(now, quota, Inherit::Proportional));
/// }
/// ```
pub struct Shared<M: RawMutex, L, C, const W: usize> {
    clock: C,
    room: Mutex<M, Room<L, W>>,
}

impl<M: RawMutex, L, C, const W: usize> Shared<M, L, C, W> {
    /// The limiter on a clock; give the limiter the same clock's stamps.
    pub const fn new(limiter: L, clock: C) -> Self {
        Self { clock, room: Mutex::new(Room::new(limiter)) }
    }

    /// The clock.
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// How many wait at this moment.
    pub fn waiting(&self) -> usize {
        self.room.lock(|room| room.line.len())
    }

    /// Wakes everybody who waits, to look again: the clock was moved by hand, or wakes nobody.
    ///
    /// Everybody, because each has a deadline on that clock. Nothing is lost or granted by it.
    pub fn wake(&self) {
        for seat in 0..W {
            drop(WakeLater(self.room.lock(|room| room.line.call_seat(seat))));
        }
    }
}

impl<M: RawMutex, L, C: Clock, const W: usize> Shared<M, L, C, W> {
    /// What the clock shows.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Gives access to the limiter, for what is not one of the verbs: a new quota, a credit, a job closed, an image.
    ///
    /// Whoever heads the line is woken afterwards. What is booked in here goes past the line. It runs under the lock: be
    /// quick. `None` only from inside another `with` of the same limiter; `change` has not been called then.
    ///
    /// # Example
    /// ```
    /// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
    /// use tollgate::embassy::Shared;
    /// use tollgate::{Duration, JobId, ManualClock, Slots};
    /// let slots = Shared::<NoopRawMutex, _, _, 4>::new(Slots::<8>::new(3), ManualClock::default());
    /// let opened = slots.with(|slots, now| {
    ///     use tollgate::Limiter;
    ///     slots.job(JobId(7), Duration::from_mins(10)).is_ok_and(|mut job| job.allow(now, 2).is_ok())
    /// });
    /// assert_eq!(opened, Some(true));
    /// assert_eq!(slots.with(|slots, now| slots.close(now, JobId(7))), Some(Ok(2)));
    /// ```
    pub fn with<R>(&self, change: impl FnOnce(&mut L, Instant) -> R) -> Option<R> {
        // Declared before the lock, dropped after it, because a waker may be anybody's code.
        let mut later = WakeLater(None);
        self.room.lock(|room| {
            later.0 = room.line.call_head();
            let now = self.clock.now();
            room.lend(|limiter| change(limiter, now))
        })
    }

    /// Keeps what was booked by [`with`](Self::with) or [`wait_for`](Self::wait_for) in a permit that gives it back with
    /// `undo` if it is dropped.
    ///
    /// # Example
    /// A job's slot, closed again if the task is cancelled:
    /// ```
    /// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
    /// use tollgate::embassy::Shared;
    /// use tollgate::{Duration, JobId, Limiter, ManualClock, Slots};
    /// let slots = Shared::<NoopRawMutex, _, _, 4>::new(Slots::<8>::new(3), ManualClock::default());
    ///
    /// let opened = slots.with(|slots, now| slots.job(JobId(7), Duration::MAX).ok()?.allow(now, 2).ok());
    /// let job = slots.guard(JobId(7), |slots, now, id| {
    ///     let _ = slots.close(now, id);
    /// });
    /// assert_eq!(slots.with(|slots, now| slots.in_flight(now)), Some(2));
    /// drop(job);
    /// assert_eq!(slots.with(|slots, now| slots.in_flight(now)), Some(0));
    /// # assert_eq!(opened, Some(Some(())));
    /// ```
    pub const fn guard<R>(&self, held: R, undo: fn(&mut L, Instant, R)) -> Permit<'_, M, L, C, W, R> {
        Permit::new(self, held, undo)
    }

    /// Waits in line for whatever `book` books: several limits at once, a job in its slot, the next one of a queue.
    ///
    /// `book` is called when this wait heads the line, and again whenever that might have changed its answer; what it
    /// returns is the answer of the wait, and settling it is the caller's business (through [`with`](Self::with) or
    /// [`guard`](Self::guard)). It must change nothing when it refuses. Dropping the wait at any moment drops nothing
    /// that was booked, because the poll that books is the poll that returns.
    ///
    /// # Errors
    /// [`WaitError`]; nothing is held then. `Never` comes when the wait heads the line, not before.
    ///
    /// # Example
    /// A request and the slot of the job it starts, both or neither:
    /// ```no_run
    /// use embassy_sync::blocking_mutex::raw::RawMutex;
    /// use tollgate::embassy::{AlarmClock, Shared, WaitError};
    /// use tollgate::{AlreadyOpen, Duration, JobId, Limiter, Slots, TokenBucket, reserve_all};
    ///
    /// type Limits = (TokenBucket, Slots<8>);
    ///
    /// async fn start<M: RawMutex, C: AlarmClock>(limits: &Shared<M, Limits, C, 4>, id: JobId) -> Result<(), WaitError> {
    ///     let booked = limits.wait_for(|(requests, slots), now| {
    ///         let mut job = match slots.job(id, Duration::from_mins(10)) {
    ///             Ok(job) => job,
    ///             Err(runs_already) => return Ok(Err(runs_already)), // no reason to wait
    ///         };
    ///         reserve_all(now, Duration::ZERO, [(requests, 1), (&mut job, 1)]).map(Ok).map_err(|refused| refused.denied)
    ///     });
    ///     if let Ok([request, slot]) = booked.at_most(Duration::from_secs(5)).await? {
    ///         // Sent here; a guard around the two would give them back if this task were cancelled meanwhile.
    ///         limits.with(|(requests, slots), now| {
    ///             requests.commit(now, request, 1);
    ///             slots.commit(now, slot, 1);
    ///         });
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[expect(clippy::type_complexity, reason = "what asks is a closure, which has no shorter name")]
    pub fn wait_for<R, F>(
        &self,
        mut book: F,
    ) -> Waiting<'_, M, L, C, W, impl FnMut(&mut L, Instant, bool) -> Result<R, Denied>>
    where
        F: FnMut(&mut L, Instant) -> Result<R, Denied>,
    {
        Waiting::new(self, move |limiter: &mut L, now, turn| if turn { book(limiter, now) } else { Err(Denied::Busy) })
    }
}

impl<M: RawMutex, L: Limiter, C: Clock, const W: usize> Shared<M, L, C, W> {
    /// How many units one call could take now: `allow(n)` passes exactly when `n` is at most this. None while somebody
    /// waits. It may be out of date as soon as it is known.
    pub fn available(&self) -> u64 {
        self.room.lock(|room| {
            let now = self.clock.now();
            let room = if room.line.is_empty() { room.lend(|limiter| limiter.available(now)) } else { None };
            room.unwrap_or(0)
        })
    }

    /// When `cost` could be taken, with all the patience in the world. Changes nothing.
    ///
    /// # Errors
    /// As [`Limiter::earliest`]; [`Denied::Busy`] while somebody waits.
    pub fn earliest(&self, cost: u64) -> Result<Instant, Denied> {
        self.ask(cost, |limiter, now| limiter.earliest(now, cost))
    }

    /// Takes `cost` units now, or tells when they could be taken. A cost of zero always passes and leaves no trace.
    ///
    /// # Errors
    /// As [`Limiter::allow`]; [`Denied::Busy`] while somebody waits. Nothing has changed then.
    pub fn allow(&self, cost: u64) -> Result<(), Denied> {
        self.ask(cost, |limiter, now| limiter.allow(now, cost))
    }

    /// Books `cost` units for now, or for a moment at most `max_wait` away: [`Permit::at`] tells. Does not wait.
    ///
    /// # Errors
    /// As [`Limiter::reserve`]; [`Denied::Busy`] while somebody waits. Nothing has changed then.
    pub fn reserve(&self, cost: u64, max_wait: Duration) -> Result<Permit<'_, M, L, C, W>, Denied> {
        let held = self.ask(cost, |limiter, now| limiter.reserve(now, cost, max_wait))?;
        Ok(Permit::new(self, held, permit::give_back))
    }

    /// Settles a reservation that was taken out of its permit, and wakes whoever waits; see [`Limiter::commit`].
    pub fn commit(&self, held: Reservation, actual: u64) {
        // Nothing held and nothing used leaves no trace, as everywhere.
        if held.cost() > 0 || actual > 0 {
            self.with(|limiter, now| limiter.commit(now, held, actual));
        }
    }

    /// Gives a reservation back that was taken out of its permit, and wakes whoever waits; see [`Limiter::release`].
    pub fn release(&self, held: Reservation) {
        self.commit(held, 0);
    }

    /// Waits in line until `cost` units can be used, and books them; a cost of zero never waits.
    ///
    /// For as long as it takes, unless [`at_most`](Waiting::at_most) or [`until`](Waiting::until) is said. What is
    /// promised about order, deadlines and dropping stands at [`Shared`]. Nothing happens before it is polled.
    ///
    /// # Errors
    /// [`WaitError`]; nothing is held then. More than can ever pass is `Never`, at once.
    ///
    /// # Example
    /// ```
    /// use core::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
    /// use tollgate::embassy::{Shared, WaitError};
    /// use tollgate::{Duration, Instant, ManualClock, Quota, Start, TokenBucket};
    /// let quota = tollgate::valid!(Quota::every(Duration::from_secs(1)));
    /// let bucket = TokenBucket::new(quota, Start::Empty, Instant::ORIGIN);
    /// let limiter = Shared::<NoopRawMutex, _, _, 4>::new(bucket, ManualClock::default());
    ///
    /// // What `.await` does, step by step:
    /// let mut context = Context::from_waker(Waker::noop());
    /// let mut wait = pin!(limiter.wait(1).at_most(Duration::from_secs(5)));
    /// assert!(wait.as_mut().poll(&mut context).is_pending());
    /// limiter.clock().advance(Duration::from_secs(1));
    /// limiter.wake(); // an `EmbassyClock` wakes by itself
    /// let Poll::Ready(Ok(permit)) = wait.poll(&mut context) else { panic!("it is time") };
    /// permit.commit(1);
    ///
    /// // The next one is a second away: no point in waiting for half of it.
    /// let refused = pin!(limiter.wait(1).at_most(Duration::from_millis(500))).poll(&mut context);
    /// assert!(matches!(refused, Poll::Ready(Err(WaitError::Timeout { until: Some(_) }))));
    /// ```
    #[expect(clippy::type_complexity, reason = "what asks is a closure, which has no shorter name")]
    pub fn wait<'a>(
        &'a self,
        cost: u64,
    ) -> Waiting<'a, M, L, C, W, impl FnMut(&mut L, Instant, bool) -> Result<Permit<'a, M, L, C, W>, Denied>> {
        Waiting::new(self, move |limiter: &mut L, now, turn| {
            if turn || cost == 0 {
                let held = limiter.reserve(now, cost, Duration::ZERO)?;
                Ok(Permit::new(self, held, permit::give_back))
            } else {
                Err(behind(limiter, now, cost))
            }
        })
    }

    fn ask<R>(&self, cost: u64, ask: impl FnOnce(&mut L, Instant) -> Result<R, Denied>) -> Result<R, Denied> {
        self.room.lock(|room| {
            let now = self.clock.now();
            room.ask(now, cost, |limiter| ask(limiter, now))
        })
    }
}

impl<M: RawMutex, L, C, const W: usize> fmt::Debug for Shared<M, L, C, W> {
    /// Without the limiter, which may be in somebody's hands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("waiting", &self.waiting()).field("seats", &W).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<M: RawMutex, L, C, const W: usize> defmt::Format for Shared<M, L, C, W> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Shared {{ waiting: {}, seats: {} }}", self.waiting(), W);
    }
}
