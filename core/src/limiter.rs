//! The contract: one set of verbs for every limiter, and one atomic admission over many.
//!
//! | You want to | Call |
//! |---|---|
//! | know how much could go now | [`available`](Limiter::available) |
//! | know when it could go | [`earliest`](Limiter::earliest) |
//! | take it now or not at all | [`allow`](Limiter::allow) |
//! | take it now or soon, and settle the truth later | [`reserve`](Limiter::reserve), then [`commit`](Limiter::commit) or [`release`](Limiter::release) |
//! | take from several limits, all or none | [`reserve_all`](crate::reserve_all) |
//!
//! Users import [`Limiter`] alone. Whoever brings a limiter of his own implements the four methods of [`Book`] and gets
//! all of the above; `tollgate_std::testing::contract` then checks him against the laws.

use core::fmt;

use crate::time::{Duration, Instant};

/// Why a call was refused. Exhaustive: there are three things a caller can do about it.
///
/// A refusal has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Denied {
    /// Come back then: the same call, with nothing in between, passes at this instant and not a microsecond earlier.
    /// [`Instant::MAX`] says that it lies beyond the range of time.
    Until(Instant),
    /// Come back when something is released: time alone will not help.
    Busy,
    /// Ask for less: at most `max` can ever pass in one call.
    Never {
        /// The largest cost that can ever pass.
        max: u64,
    },
}

impl Denied {
    /// Which of two refusals binds: `Never` beats `Busy` beats the latest `Until`; the first wins a tie.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.outranks(self) { other } else { self }
    }

    pub(crate) fn outranks(self, other: Self) -> bool {
        match (self, other) {
            (Self::Until(mine), Self::Until(theirs)) => mine > theirs,
            (Self::Never { .. }, Self::Busy | Self::Until(_)) | (Self::Busy, Self::Until(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Until(at) => write!(f, "not before {at}"),
            Self::Busy => f.write_str("not before something is released"),
            Self::Never { max } => write!(f, "never: at most {max} at once"),
        }
    }
}

impl core::error::Error for Denied {}

/// Units that are booked and not settled yet.
///
/// Settle it exactly once, in the limiter it came from, with [`commit`](Limiter::commit) or
/// [`release`](Limiter::release). It moves and is not `Clone`, so settling twice does not compile. Dropping it settles
/// nothing: the units stay counted as the limiter's page says (a bucket: spent; windows and slots: until the lease
/// ends).
///
/// ```compile_fail,E0382
/// use tollgate::{Duration, Instant, Limiter, Quota, Start, TokenBucket};
/// let now = Instant::ORIGIN;
/// let mut bucket = TokenBucket::new(tollgate::valid!(Quota::new(5, Duration::from_secs(1))), Start::Full, now);
/// let held = bucket.reserve(now, 2, Duration::ZERO).unwrap();
/// bucket.commit(now, held, 2);
/// bucket.commit(now, held, 2); // use of moved value
/// ```
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a reservation holds units until it is committed or released"]
pub struct Reservation {
    at: Instant,
    cost: u64,
    token: Token,
}

/// What an implementor wants back when his [`Reservation`] is settled; callers have no use for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Token {
    /// A key, a stamp, a job: whatever finds the entry again.
    pub key: u64,
    /// A generation or sequence number, so that a stale or foreign reservation is recognised.
    pub mark: u32,
}

impl Reservation {
    /// A reservation of `cost` units for the instant `at`. For implementors of [`Book`].
    pub const fn new(at: Instant, cost: u64, token: Token) -> Self {
        Self { at, cost, token }
    }

    /// When the units may be used: send no earlier.
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// How many units are held.
    pub const fn cost(&self) -> u64 {
        self.cost
    }

    /// What the limiter wanted back.
    pub const fn token(&self) -> Token {
        self.token
    }
}

/// The implementor's side: what a limiter must answer. Object safe.
///
/// `now` is whatever the caller's clock showed: it may repeat, jump or go back. Answers follow the *effective* time, the
/// latest stamp that the limiter has acted on. None of these methods is called with a cost of zero, except `settle`,
/// whose `held` may be a reservation of nothing ([`Token::default`]).
///
/// What trips a first attempt, in the order in which the contract usually finds it: an *old* settlement must not hit a
/// younger booking (number them in [`Token::mark`]); time that a full limiter has wasted must not pay a later debt
/// (bring the state up to `now` before adding to it); where the next free instant saturates at [`Instant::MAX`],
/// `room` is 0 and `quote` answers `Until(MAX)`, even to who asks at the end of time.
///
/// # Example
/// A limiter of one's own, "at most one per key press", in full:
/// ```
/// use tollgate::{Book, Denied, Instant, Limiter, Reservation, Token};
///
/// #[derive(Debug, Default)]
/// struct Presses { left: u64 }
///
/// impl Book for Presses {
///     fn room(&self, _now: Instant) -> u64 {
///         self.left
///     }
///     fn quote(&self, _now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
///         if cost <= self.left { Ok(from) } else { Err(Denied::Busy) }
///     }
///     fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
///         self.quote(now, at, cost)?;
///         self.left -= cost;
///         Ok(Reservation::new(at, cost, Token::default()))
///     }
///     fn settle(&mut self, _now: Instant, held: Reservation, actual: u64) {
///         self.left = (self.left + held.cost()).saturating_sub(actual);
///     }
/// }
///
/// let mut presses = Presses { left: 1 };
/// assert_eq!(presses.allow(Instant::ORIGIN, 1), Ok(()));
/// assert_eq!(presses.allow(Instant::ORIGIN, 1), Err(Denied::Busy));
/// ```
pub trait Book {
    /// How many units one call could take now.
    fn room(&self, now: Instant) -> u64;

    /// The earliest instant, not before `from`, for which `cost` can be booked now.
    ///
    /// `from` is never before `now`. Storage, slots and the current budget period are judged at `now`; only what time
    /// gives back is judged at the instant returned.
    ///
    /// # Errors
    /// [`Denied::Until`]: cannot be booked ahead, ask again then. [`Denied::Busy`]: only a release helps.
    /// [`Denied::Never`]: too big.
    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied>;

    /// Whether `cost` can be booked now, for now. Override it where that is cheaper than to find out when.
    #[inline]
    fn fits(&self, now: Instant, cost: u64) -> bool {
        matches!(self.quote(now, now, cost), Ok(at) if at <= now)
    }

    /// Books `cost` at `at`, which is never before `now`.
    ///
    /// Checks again, so that a stale quote is refused and not believed; succeeds for what `quote` has just answered.
    ///
    /// # Errors
    /// As [`quote`](Self::quote). Nothing has changed then.
    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied>;

    /// Books `cost` now, for now; `None` where it does not fit, and nothing has changed then. Override it where that is
    /// cheaper than to find out when it will.
    #[inline]
    fn charge(&mut self, now: Instant, cost: u64) -> Option<Reservation> {
        self.book(now, now, cost).ok()
    }

    /// Replaces the `held` units by the `actual` ones; zero gives everything back that time has not given back already.
    ///
    /// More than was held never fails: it is a debt that those who come after pay. A reservation of another limiter is
    /// a mistake that must not panic.
    fn settle(&mut self, now: Instant, held: Reservation, actual: u64);

    /// Takes `cost` at once. Override it where that is cheaper than to book and settle.
    ///
    /// # Errors
    /// As [`quote`](Self::quote), with [`Denied::Until`] for what could only be booked ahead. Nothing has changed then.
    #[inline]
    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        let held = reserve(self, now, cost, Duration::ZERO)?;
        self.settle(now, held, cost);
        Ok(())
    }

    /// Goes on at `now`, an earlier stamp than the latest, after a **known** clock fault, without giving anything back.
    /// Override it where the latest stamp is remembered: until the clock has caught up with that, nothing returns.
    ///
    /// Not for `dyn Book`, and one that is borrowed is restarted by its owner.
    #[inline]
    fn restart(&mut self, now: Instant)
    where
        Self: Sized,
    {
        let _ = now;
    }
}

/// A limiter that is borrowed, or behind `&mut dyn Book`, is a limiter.
impl<B: Book + ?Sized> Book for &mut B {
    fn room(&self, now: Instant) -> u64 {
        (**self).room(now)
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        (**self).quote(now, from, cost)
    }

    fn fits(&self, now: Instant, cost: u64) -> bool {
        (**self).fits(now, cost)
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        (**self).book(now, at, cost)
    }

    fn charge(&mut self, now: Instant, cost: u64) -> Option<Reservation> {
        (**self).charge(now, cost)
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        (**self).settle(now, held, actual);
    }

    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        (**self).take(now, cost)
    }
}

/// The user's side: six verbs, the same on every limiter.
///
/// # Example
/// ```
/// use tollgate::{Denied, Duration, Instant, Limiter, Quota, Start, TokenBucket};
///
/// let quota = tollgate::valid!(Quota::new(2, Duration::from_secs(1)));
/// let mut bucket = TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
/// let now = Instant::from_secs(10);
///
/// assert_eq!(bucket.allow(now, 2), Ok(()));
/// assert_eq!(bucket.allow(now, 1), Err(Denied::Until(Instant::from_millis(10_500))));
/// assert_eq!(bucket.allow(now, 3), Err(Denied::Never { max: 2 }));
/// assert_eq!(bucket.earliest(now, 1), Ok(Instant::from_millis(10_500)));
///
/// // Book half a second ahead, use less than was held, give the rest back.
/// let held = bucket.reserve(now, 1, Duration::from_secs(1))?;
/// assert_eq!(held.at(), Instant::from_millis(10_500));
/// bucket.release(now, held);
/// # Ok::<(), Denied>(())
/// ```
pub trait Limiter: Book {
    /// How many units one call could take now: `allow(now, n)` succeeds exactly when `n` is at most this.
    #[inline]
    fn available(&self, now: Instant) -> u64 {
        self.room(now)
    }

    /// When `cost` could be taken, with all the patience in the world. Changes nothing.
    ///
    /// # Errors
    /// [`Denied::Until`] if it cannot be booked yet, but could then; [`Denied::Busy`]; [`Denied::Never`].
    fn earliest(&self, now: Instant, cost: u64) -> Result<Instant, Denied> {
        if cost == 0 { Ok(now) } else { promise(self.quote(now, now, cost)) }
    }

    /// Takes `cost` units now, or tells when they could be taken. A cost of zero always passes and leaves no trace.
    ///
    /// `now` may repeat or go back (two cores, an interrupt): older stamps never add units.
    ///
    /// # Errors
    /// [`Denied`]; nothing has changed then.
    #[expect(clippy::inline_always, reason = "out of line, a refusal would compute a retry time that few read")]
    #[inline(always)]
    fn allow(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        if cost == 0 { Ok(()) } else { self.take(now, cost) }
    }

    /// Books `cost` units for now, or for a moment at most `max_wait` away: [`Reservation::at`] tells.
    ///
    /// # Errors
    /// [`Denied::Until`] with the instant from which the same call, with the same patience, passes; [`Denied::Busy`];
    /// [`Denied::Never`]. Nothing has changed then.
    fn reserve(&mut self, now: Instant, cost: u64, max_wait: Duration) -> Result<Reservation, Denied> {
        if cost == 0 {
            return Ok(Reservation::new(now, 0, Token::default()));
        }
        reserve(self, now, cost, max_wait)
    }

    /// Settles what was really used. Less than held gives the difference back, more is a debt that delays later callers.
    #[inline]
    fn commit(&mut self, now: Instant, held: Reservation, actual: u64) {
        self.settle(now, held, actual);
    }

    /// Gives everything back that time has not given back already.
    #[inline]
    fn release(&mut self, now: Instant, held: Reservation) {
        self.settle(now, held, 0);
    }
}

impl<B: Book + ?Sized> Limiter for B {}

/// Nothing is promised at the end of time.
pub(crate) fn promise(quote: Result<Instant, Denied>) -> Result<Instant, Denied> {
    match quote {
        Ok(Instant::MAX) => Err(Denied::Until(Instant::MAX)),
        other => other,
    }
}

/// The one body under `reserve`, `take` and their like.
fn reserve<B: Book + ?Sized>(book: &mut B, now: Instant, cost: u64, max_wait: Duration) -> Result<Reservation, Denied> {
    match admit_at(now, max_wait, |asked, from| book.quote(asked, from, cost)) {
        Ok(at) => book.book(now, at, cost),
        Err(denied) => Err(denied),
    }
}

/// How often a refusal is looked through: a limit that frees storage, then quota, then its neighbour, needs three.
pub(crate) const LOOKAHEAD: u32 = 8;

/// When a call with this patience is admitted, given who answers `quote(asked_at, from)`.
///
/// A refusal is exact: where the answer is "ask again at `t`", the same question is put for `t`, and so on, until the
/// instant is found at which it would be granted. Quotes are pure, so that looking ahead costs nothing but time.
pub(crate) fn admit_at(
    now: Instant,
    max_wait: Duration,
    mut quote: impl FnMut(Instant, Instant) -> Result<Instant, Denied>,
) -> Result<Instant, Denied> {
    let mut asked = now;
    for _ in 0..LOOKAHEAD {
        let again = match quote(asked, asked) {
            Ok(at) if at <= asked.saturating_add(max_wait) && (at < Instant::MAX || at == now) => {
                return if asked == now { Ok(at) } else { Err(Denied::Until(asked)) };
            }
            Ok(at) => at.saturating_sub(if at == Instant::MAX { Duration::ZERO } else { max_wait }),
            Err(Denied::Until(at)) => at,
            Err(denied) if asked == now => return Err(denied),
            // It frees, and then only a release helps: no instant can be promised.
            Err(_) => return Err(Denied::Busy),
        };
        if again <= asked || again == Instant::MAX {
            return Err(Denied::Until(again.max(asked)));
        }
        asked = again;
    }
    Err(Denied::Until(asked))
}
