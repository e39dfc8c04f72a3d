//! `Limits`: what a gate is made of, each limit in its place.

use super::money::Money;
use super::part::{Adapt, Fuse, Part, Requests, Restrain};

/// The limits of one upstream. Every place may stay empty, and costs nothing then.
///
/// # Example
/// ```
/// use tollgate::{Breaker, BreakerPolicy, Duration, Instant, Limits, Quota, Start, TokenBucket, Trip, valid};
/// let now = Instant::ORIGIN;
/// let quota = valid!(Quota::new(60, Duration::from_mins(1)));
/// let policy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 5 }, Duration::from_secs(30)));
/// let limits =
///     Limits::new().requests(TokenBucket::new(quota, Start::Full, now)).breaker(Breaker::new(policy, now));
/// assert_eq!(limits.requests.quota(), quota);
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits<Q = (), W = (), M = (), B = (), R = (), A = ()> {
    /// Requests, by rate: usually a [`TokenBucket`](crate::TokenBucket).
    pub requests: Q,
    /// Requests, strictly: so many in any window.
    pub window: W,
    /// Credits, dollars, airtime: a [`Ledger`](crate::Ledger) without holds of its own.
    pub money: M,
    /// A [`Breaker`](crate::Breaker).
    pub breaker: B,
    /// What all retries share: a [`Restraint`](crate::Restraint).
    pub restraint: R,
    /// An [`Adaptation`](super::Adaptation).
    pub adaptation: A,
}

impl Limits {
    /// No limits yet.
    pub const fn new() -> Self {
        Self { requests: (), window: (), money: (), breaker: (), restraint: (), adaptation: () }
    }
}

impl<Q, W, M, B, R, A> Limits<Q, W, M, B, R, A> {
    /// With this request limit.
    pub fn requests<T: Requests>(self, requests: T) -> Limits<T, W, M, B, R, A> {
        let Self { window, money, breaker, restraint, adaptation, .. } = self;
        Limits { requests, window, money, breaker, restraint, adaptation }
    }

    /// With this strict window; it counts requests too.
    pub fn window<T: Part>(self, window: T) -> Limits<Q, T, M, B, R, A> {
        let Self { requests, money, breaker, restraint, adaptation, .. } = self;
        Limits { requests, window, money, breaker, restraint, adaptation }
    }

    /// With these accounts.
    pub fn money<T: Money>(self, money: T) -> Limits<Q, W, T, B, R, A> {
        let Self { requests, window, breaker, restraint, adaptation, .. } = self;
        Limits { requests, window, money, breaker, restraint, adaptation }
    }

    /// With this breaker.
    pub fn breaker<T: Fuse>(self, breaker: T) -> Limits<Q, W, M, T, R, A> {
        let Self { requests, window, money, restraint, adaptation, .. } = self;
        Limits { requests, window, money, breaker, restraint, adaptation }
    }

    /// With this restraint on retries.
    pub fn restraint<T: Restrain>(self, restraint: T) -> Limits<Q, W, M, B, T, A> {
        let Self { requests, window, money, breaker, adaptation, .. } = self;
        Limits { requests, window, money, breaker, restraint, adaptation }
    }

    /// With this adaptation.
    pub fn adaptation<T: Adapt>(self, adaptation: T) -> Limits<Q, W, M, B, R, T> {
        let Self { requests, window, money, breaker, restraint, .. } = self;
        Limits { requests, window, money, breaker, restraint, adaptation }
    }
}

/// Any [`Limits`], by one name: what a [`Gate`](super::Gate) is generic over. Nobody else implements it.
pub trait AnyLimits: sealed::Sealed {
    /// The request limit.
    type Requests: Requests;
    /// The strict window.
    type Window: Part;
    /// The accounts.
    type Money: Money;
    /// The breaker.
    type Breaker: Fuse;
    /// What retries share.
    type Restraint: Restrain;
    /// The adaptation.
    type Adaptation: Adapt;

    #[doc(hidden)]
    fn all(&self) -> &Of<Self>;
    #[doc(hidden)]
    fn all_mut(&mut self) -> &mut Of<Self>;
}

/// The [`Limits`] that they are.
pub(crate) type Of<L> = Limits<
    <L as AnyLimits>::Requests,
    <L as AnyLimits>::Window,
    <L as AnyLimits>::Money,
    <L as AnyLimits>::Breaker,
    <L as AnyLimits>::Restraint,
    <L as AnyLimits>::Adaptation,
>;

impl<Q: Requests, W: Part, M: Money, B: Fuse, R: Restrain, A: Adapt> AnyLimits for Limits<Q, W, M, B, R, A> {
    type Requests = Q;
    type Window = W;
    type Money = M;
    type Breaker = B;
    type Restraint = R;
    type Adaptation = A;

    fn all(&self) -> &Self {
        self
    }
    fn all_mut(&mut self) -> &mut Self {
        self
    }
}

mod sealed {
    /// Nobody else implements [`AnyLimits`](super::AnyLimits).
    pub trait Sealed {}
    impl<Q, W, M, B, R, A> Sealed for super::Limits<Q, W, M, B, R, A> {}
}
