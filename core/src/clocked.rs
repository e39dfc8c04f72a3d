//! `Clocked<C, L>`: a limiter that reads its clock itself, for a super-loop or RTIC; a gate or a dispatcher, too.
//!
//! Tasks that wait for one another take `Shared` of [`embassy`](crate::embassy) or of `tollgate-std`. The clock's size on
//! top; all four ways side by side are on the page [`guide`](crate::guide).

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
///
/// # Example: a gate in a super-loop
/// What is no limiter has no verbs here, and is reached by [`with`](Self::with): a [`Gate`](crate::Gate), a
/// [`Dispatcher`](crate::Dispatcher), a [`Ledger`](crate::Ledger).
/// ```
/// use tollgate::{
///     AskError, Clocked, Denied, Duration, Gate, Instant, JobId, Limits, ManualClock, Quota, Request, Start, TokenBucket,
///     valid,
/// };
/// let clock = ManualClock::default();
/// let requests = TokenBucket::new(valid!(Quota::every(Duration::from_secs(1))), Start::Full, Instant::ORIGIN);
/// let mut gate = Clocked::new(&clock, Gate::<_, 8, 4>::new(Limits::new().requests(requests), Instant::ORIGIN));
///
/// for id in [1, 2, 3] {
///     let job = Request::new(JobId(id), Duration::from_mins(10));
///     let permit = loop {
///         match gate.with(|gate, now| gate.ask(now, &job)) {
///             Ok(permit) => break permit,
///             // On a chip: sleep until then, or until something comes in.
///             Err(AskError::Refused { denied: Denied::Until(at), .. }) => clock.set(at),
///             Err(other) => panic!("{other}"),
///         }
///     };
///     gate.with(|gate, now| gate.sending(now, &permit))?;
/// }
/// assert_eq!(gate.now(), Instant::from_secs(2));
/// // Nobody has answered: in two minutes the first of them counts as lost.
/// assert_eq!(gate.with(|gate, now| gate.next_event(now)), Some(Instant::from_secs(120)));
/// # Ok::<(), tollgate::GateError>(())
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

    /// The limiter, to look at; pass it [`now`](Self::now).
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

impl<C: Clock, L> Clocked<C, L> {
    /// What the clock shows.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Reaches in, with the time: for whatever is done at an instant and is not one of the six verbs.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clocked, Duration, JobId, Limiter, ManualClock, Slots};
    /// let mut slots = Clocked::new(ManualClock::default(), Slots::<8>::new(3));
    /// let opened = slots.with(|slots, now| slots.job(JobId(7), Duration::from_mins(10)).map(|mut job| job.allow(now, 2)));
    /// assert_eq!(opened, Ok(Ok(())));
    /// assert_eq!(slots.with(|slots, now| slots.close(now, JobId(7))), Ok(2));
    /// ```
    pub fn with<R>(&mut self, change: impl FnOnce(&mut L, Instant) -> R) -> R {
        change(&mut self.limiter, self.clock.now())
    }
}

impl<C: Clock, L: Limiter> Clocked<C, L> {
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
