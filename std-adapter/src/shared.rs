//! `Shared`: one limiter for many threads and tasks, with a fair line for those who wait.
//!
//! Take it for any limiter, or several of them in a tuple, that threads or tasks share. It costs a mutex per call (an allocation
//! only when somebody has to wait) and reads the clock once per call, **under** the lock: a stamp read before the lock
//! is old by the time it is used.
//!
//! ```text
//! A waits ─────────────┐ slot freed by C: A has it
//!     B arrives: Busy  │ (or stands behind A)
//! C works ─────────────┘
//! ```

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use tollgate::{Clock, Denied, Duration, Instant, JobId, Limiter, Reservation, Token};

use crate::clock::StdClock;
use crate::observe::Log;
use crate::permit::Permit;
use crate::room::{Room, alone};
use crate::wait::{Wait, WaitError};

/// A handle on a limiter that threads and tasks share. Clones are handles on the same limiter.
///
/// The verbs are those of [`Limiter`], without `now`. What it adds is [`blocking_wait`](Self::blocking_wait) for threads
/// and, on a clock that is a [`Timer`](crate::Timer), [`wait`](Self::wait) for tasks, in one line, with these promises:
///
/// * **First come, first served.** Only the head of the line asks the limiter, so that a large request is not starved by
///   small ones. While somebody waits, everybody else gets [`Denied::Busy`] (or `Never`), even where units are there.
/// * **Waiting holds nothing.** Units are booked when they can be used, not before. A wait that times out, is cancelled,
///   dropped or panics has cost nothing; it leaves the line, from wherever it stands, and the next is woken if it was the head.
/// * **No polling.** The head sleeps to the instant that the limiter has named and is woken, alone, by whatever may let
///   it pass sooner: a settled or dropped [`Permit`], [`with`](Self::with), the head before it leaving.
/// * **No sleep to a known failure.** Whoever is told an instant after its deadline is refused at once; see
///   [`Wait::hoping_for_release`] for who would rather stay. For the head that instant is exact; whoever stands further
///   back is told when it could pass if nobody stood before, and again when it becomes the head.
/// * **Bounded.** At most [`with_max_waiters`](Self::with_max_waiters) wait.
///
/// A deadline is a limit of patience, not a guard: a head that the system wakes late asks once more, and is granted if
/// it can be. Threads sleep in real time; with a clock that is moved by hand, call [`wake`](Self::wake) after.
///
/// **Panics of others.** A panic under the lock, in a closure or in a limiter of one's own, locks nobody out: each
/// operation of a limiter leaves it valid, so what is found after a panic is a limiter on which some of the closure's
/// operations were done and the others were not.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration, Quota, Start, TokenBucket};
/// use tollgate_std::{Shared, StdClock};
/// const API: Quota = tollgate::valid!(Quota::new(60, Duration::from_mins(1)));
///
/// let limiter = Shared::new(TokenBucket::new(API, Start::Full, StdClock::default().now()));
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| limiter.blocking_wait(10, Duration::from_secs(5)).map(|permit| permit.commit(10)));
///     }
/// });
/// assert_eq!(limiter.available(), 20);
/// ```
pub struct Shared<L, C = StdClock> {
    pub(crate) room: Arc<Room<L, C>>,
    name: &'static str,
}

impl<L> Shared<L> {
    /// The limiter on the clock of the process, [`StdClock`]; give the limiter the same clock's `now`.
    pub fn new(limiter: L) -> Self {
        Self::with_clock(limiter, StdClock::default())
    }
}

impl<L, C> Shared<L, C> {
    /// The limiter on a clock of one's own.
    pub fn with_clock(limiter: L, clock: C) -> Self {
        Self { room: Arc::new(Room::new(limiter, clock)), name: "" }
    }

    /// Lets at most `max` wait at a time, through any handle; whoever comes then gets [`WaitError::Full`]. Unless told
    /// otherwise 1024; zero: nobody waits. Those who wait already may stay.
    #[must_use]
    pub fn with_max_waiters(self, max: usize) -> Self {
        self.room.lock().line.set_max(max);
        self
    }

    /// This handle under a name, by which the events of the feature `tracing` tell which limit they are about: the field
    /// `limit`. Clones and permits of the handle bear it too.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// How many wait at this moment.
    pub fn waiting(&self) -> usize {
        self.room.lock().line.len()
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.room.clock
    }

    /// Wakes everybody who waits, to look again: the clock was moved by hand, or runs faster than real time.
    ///
    /// Everybody, because each has a deadline on that clock. Nothing is lost or granted by it.
    pub fn wake(&self) {
        let everybody = self.room.lock().line.ring_all();
        everybody.into_iter().for_each(Waker::wake);
    }

    pub(crate) const fn log(&self, cost: Option<u64>) -> Log {
        Log { limit: self.name, cost, job: None }
    }

    pub(crate) fn log_job(&self, job: Option<JobId>) -> Log {
        Log { limit: self.name, cost: None, job: job.map(|id| id.0) }
    }
}

impl<L, C: Clock> Shared<L, C> {
    /// What the clock shows.
    pub fn now(&self) -> Instant {
        self.room.clock.now()
    }

    /// Gives access to the limiter, for what is not one of the verbs: a new quota, a credit, a job closed, an image.
    ///
    /// Whoever heads the line is woken afterwards. What is booked in here goes past the line. Nobody else gets at the
    /// limiter meanwhile: be quick, and do not use this limiter's handles or drop its permits inside, which would
    /// deadlock.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Duration, Inherit, Quota, Start, TokenBucket};
    /// use tollgate_std::{Shared, StdClock};
    /// let minute = Duration::from_mins(1);
    /// let limiter = Shared::new(TokenBucket::new(Quota::new(10, minute)?, Start::Full, StdClock::default().now()));
    /// let twice = Quota::new(20, minute)?;
    /// limiter.with(|bucket, now| bucket.set_quota(now, twice, Inherit::Additive));
    /// assert_eq!(limiter.available(), 20);
    /// # Ok::<(), tollgate::QuotaError>(())
    /// ```
    pub fn with<R>(&self, change: impl FnOnce(&mut L, Instant) -> R) -> R {
        self.room.change(self.log(None), change)
    }

    /// Looks at the limiter, for what is not one of the verbs: its counters, what is in flight. Nobody is woken by that.
    ///
    /// As for [`with`](Self::with): be quick, and do not use this limiter's handles inside.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, JobId, Limiter, Slots};
    /// use tollgate_std::Shared;
    /// let jobs = Shared::new(Slots::<8>::new(3));
    /// jobs.with(|slots, now| slots.job(JobId(7), Duration::MAX).unwrap().allow(now, 2))?;
    /// assert_eq!(jobs.look(|slots, now| slots.in_flight(now)), 2);
    /// # Ok::<(), tollgate::Denied>(())
    /// ```
    pub fn look<R>(&self, look: impl FnOnce(&L, Instant) -> R) -> R {
        self.room.ask(self.log(None), |state, now| look(&state.limiter, now))
    }

    /// Waits in line for whatever `book` books: several limits at once, a job in its slot, a part of a limiter.
    ///
    /// `book` is called when this wait heads the line, and again whenever that might have changed its answer; what it
    /// returns is the answer of the wait, and settling it is the caller's business (through [`with`](Self::with)). It
    /// must change nothing when it refuses, and must not use this limiter's handles, as in `with`.
    ///
    /// # Errors
    /// [`WaitError`]; nothing is held then. `Never` comes when the wait heads the line, not before.
    ///
    /// # Example
    /// A request and the slot of the job it starts, both or neither:
    /// ```
    /// use tollgate::{Clock, Duration, JobId, Limiter, Quota, Slots, Start, TokenBucket, reserve_all};
    /// use tollgate_std::{Shared, StdClock};
    /// let quota = tollgate::valid!(Quota::new(5, Duration::from_secs(1)));
    /// let requests = TokenBucket::new(quota, Start::Full, StdClock::default().now());
    /// let limits = Shared::new((requests, Slots::<8>::new(3)));
    ///
    /// let booked = limits.blocking_wait_for(Duration::from_secs(5), |(requests, slots), now| {
    ///     let mut job = match slots.job(JobId(7), Duration::from_mins(10)) {
    ///         Ok(job) => job,
    ///         Err(runs_already) => return Ok(Err(runs_already)), // no reason to wait
    ///     };
    ///     reserve_all(now, Duration::ZERO, [(requests, 1), (&mut job, 1)]).map(Ok).map_err(|refused| refused.denied)
    /// })?;
    /// let [request, slot] = booked?;
    /// limits.with(|(requests, slots), now| {
    ///     requests.commit(now, request, 1);
    ///     slots.commit(now, slot, 1);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn blocking_wait_for<T>(
        &self,
        wait: impl Into<Wait>,
        mut book: impl FnMut(&mut L, Instant) -> Result<T, Denied>,
    ) -> Result<T, WaitError> {
        let ask = |limiter: &mut L, now, turn| Ok(if turn { book(limiter, now) } else { Err(Denied::Busy) }?);
        self.room.blocking(&wait.into(), self.log(None), ask)
    }
}

impl<L: Limiter, C: Clock> Shared<L, C> {
    /// How many units one call could take now: `allow(n)` passes exactly when `n` is at most this. None while somebody
    /// waits. It may be out of date as soon as it is known.
    pub fn available(&self) -> u64 {
        self.room.ask(self.log(None), |state, now| if state.line.is_empty() { state.limiter.available(now) } else { 0 })
    }

    /// When `cost` could be taken, with all the patience in the world. Changes nothing.
    ///
    /// # Errors
    /// As [`Limiter::earliest`]; [`Denied::Busy`] while somebody waits.
    pub fn earliest(&self, cost: u64) -> Result<Instant, Denied> {
        self.room.ask(self.log(Some(cost)), |state, now| match state.turn(now, cost) {
            Ok(limiter) => limiter.earliest(now, cost),
            Err(denied) => Err(denied),
        })
    }

    /// Takes `cost` units now, or tells when they could be taken. A cost of zero always passes and leaves no trace.
    ///
    /// # Errors
    /// As [`Limiter::allow`]; [`Denied::Busy`] while somebody waits. Nothing has changed then.
    pub fn allow(&self, cost: u64) -> Result<(), Denied> {
        let log = self.log(Some(cost));
        let answer = self.room.ask(log, |state, now| state.turn(now, cost)?.allow(now, cost));
        log.answered(&answer);
        answer
    }

    /// Books `cost` units for now, or for a moment at most `max_wait` away: [`Permit::at`] tells. Does not wait.
    ///
    /// # Errors
    /// As [`Limiter::reserve`]; [`Denied::Busy`] while somebody waits. Nothing has changed then.
    pub fn reserve(&self, cost: u64, max_wait: Duration) -> Result<Permit<L, C>, Denied> {
        let log = self.log(Some(cost));
        let answer = self.room.ask(log, |state, now| state.turn(now, cost)?.reserve(now, cost, max_wait));
        log.answered(&answer);
        Ok(Permit::new(self.clone(), answer?))
    }

    /// Waits in line until `cost` units can be used, and books them. Blocks the thread; a cost of zero never waits.
    ///
    /// What is promised about order and deadlines stands at [`Shared`]. Do not call it from a task of an async runtime, for
    /// which there is [`wait`](Self::wait), nor while holding a permit that others in the line need.
    ///
    /// # Errors
    /// [`WaitError`]; nothing is held then. More than can ever pass is `Never`, at once.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Duration, Quota, Start, TokenBucket};
    /// use tollgate_std::{Shared, StdClock, WaitError};
    /// let quota = tollgate::valid!(Quota::every(Duration::from_hours(1)));
    /// let limiter = Shared::new(TokenBucket::new(quota, Start::Full, StdClock::default().now()));
    ///
    /// let permit = limiter.blocking_wait(1, Duration::from_secs(5))?;
    /// permit.commit(1);
    /// // The next one is an hour away: no point in waiting five seconds.
    /// let refused = limiter.blocking_wait(1, Duration::from_secs(5));
    /// assert!(matches!(refused, Err(WaitError::Timeout { until: Some(_) })));
    /// # Ok::<(), WaitError>(())
    /// ```
    pub fn blocking_wait(&self, cost: u64, wait: impl Into<Wait>) -> Result<Permit<L, C>, WaitError> {
        let held = if cost == 0 {
            self.nothing()
        } else {
            self.room.blocking(&wait.into(), self.log(Some(cost)), |limiter, now, turn| {
                Ok(if turn { limiter.reserve(now, cost, Duration::ZERO) } else { Err(alone(limiter, now, cost)) }?)
            })?
        };
        Ok(Permit::new(self.clone(), held))
    }

    /// What costs nothing never waits.
    pub(crate) fn nothing(&self) -> Reservation {
        Reservation::new(self.now(), 0, Token::default())
    }
}

impl<L, C> Clone for Shared<L, C> {
    fn clone(&self) -> Self {
        Self { room: Arc::clone(&self.room), name: self.name }
    }
}

impl<L, C> fmt::Debug for Shared<L, C> {
    /// Without the limiter, whose lock may be held by whoever prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("handles", &Arc::strong_count(&self.room)).finish_non_exhaustive()
    }
}
