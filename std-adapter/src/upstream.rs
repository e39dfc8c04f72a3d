//! `Upstream`: what all calls to one server share, so that what it said to one is known to all.
//!
//! A gate that a refused call closes for everybody, the stock of retries, a breaker, a rate that adapts. Calls are made
//! with [`Upstream::call`] and [`Upstream::call_async`]; what is decided about an answer is [`tollgate::Retry`]'s, and
//! the limits of one's own are a [`Shared`](crate::Shared) limiter's. One lock, held for a decision and never while
//! anybody sleeps or sends.
//!
//! ```text
//! call ──► gate open? ──► breaker? ──► attempt ──► outcome ──► decide ──┬──► answer
//!           ▲   closed for all ◄──── refused, "in 17 s" ◄───────────────┤
//!           └──────────── again, after the wait ◄───────────────────────┘
//! ```

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tollgate::{
    Advice, Aimd, AimdPolicy, Breaker, BreakerPolicy, Clock, Entropy, Instant, Outcome, Phase, Restraint, RetryPolicy,
};

use crate::cancel::Cancel;
use crate::clock::StdClock;
use crate::waiters::Waiters;

/// One server, or one account at a server, as all calls to it see it. Clones are the same upstream.
///
/// A handle holds how its calls are retried ([`with_policy`](Self::with_policy)), how their answers are read
/// ([`reading`](Self::reading)) and what ends their waits ([`or_cancelled`](Self::or_cancelled)); the rest is shared.
///
/// A panic in an attempt leaves everything usable: what the call had taken is given back.
///
/// # Example
/// ```
/// use tollgate::{Failure, Outcome, Repeatable, Verdict, presets::backoffs};
/// use tollgate_std::Upstream;
/// type Answer = Result<u16, std::io::Error>;
/// struct Client {
///     api: Upstream<fn(&Answer) -> Outcome>,
/// }
///
/// /// How the answers of this server are to be read.
/// fn read(answer: &Answer) -> Outcome {
///     match answer {
///         Ok(429) => Outcome::Answered { status: 429, verdict: Verdict::Blind, wait: None, should_retry: None },
///         Ok(status) => Outcome::Answered { status: *status, verdict: Verdict::Clear, wait: None, should_retry: None },
///         Err(_) => Outcome::Failed(Failure::Broken),
///     }
/// }
///
/// let client = Client { api: Upstream::new(backoffs::RETRY, read) };
/// let mut answers = [502, 200].into_iter(); // ill for a moment
/// let status = client.api.call(Repeatable::Idempotent, |_attempt| Ok(answers.next().unwrap_or(500)))?;
/// assert_eq!(status, 200);
/// # Ok::<(), tollgate_std::CallError<u16, std::io::Error>>(())
/// ```
pub struct Upstream<K, C = StdClock> {
    pub(crate) inner: Arc<Inner<C>>,
    pub(crate) policy: RetryPolicy,
    pub(crate) classify: K,
    pub(crate) cancel: Option<Cancel>,
}

pub(crate) struct Inner<C> {
    pub(crate) clock: C,
    state: Mutex<State>,
}

type Observer = Arc<dyn Fn(&Attempt) + Send + Sync>;

pub(crate) struct State {
    pub(crate) restraint: Restraint,
    pub(crate) entropy: Entropy,
    /// Nobody sends before this.
    pub(crate) gate: Instant,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) rate: Option<Aimd>,
    pub(crate) in_flight: u32,
    pub(crate) waiters: Waiters,
    pub(crate) observer: Option<Observer>,
}

impl<C> Inner<C> {
    /// A panic elsewhere is no reason to lock everybody out: nothing foreign but the clock runs under this lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One attempt and what came of it, for whoever looks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Counted from 1 in each call.
    pub number: u32,
    /// When it was sent.
    pub sent: Instant,
    /// When it was answered.
    pub answered: Instant,
    /// How it ended.
    pub outcome: Outcome,
    /// What is done about it.
    pub advice: Advice,
}

/// How things stand at an upstream, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Until when nobody sends; `None` if the gate is open.
    pub closed_until: Option<Instant>,
    /// What is left in the stock of retries, where there is one.
    pub quota_left: Option<u32>,
    /// What the breaker does, where there is one.
    pub breaker: Option<Phase>,
    /// The rate that the server takes, where it is watched.
    pub rate: Option<u32>,
    /// Attempts that are sent and not answered.
    pub in_flight: u32,
    /// Calls that wait: for the gate, for the breaker, to send again.
    pub waiting: usize,
}

impl<K> Upstream<K> {
    /// An upstream that nothing is known about: open, without a stock of retries, a breaker or a rate.
    ///
    /// `classify` reads its answers, see [`Classify`](crate::Classify). Jitter starts from the operating system's
    /// randomness, since clients that share a seed come back together; see [`with_entropy`](Self::with_entropy).
    pub fn new(policy: RetryPolicy, classify: K) -> Self {
        Self::with_clock(policy, classify, StdClock::default())
    }
}

impl<K, C> Upstream<K, C> {
    /// The same on a clock of one's own.
    pub fn with_clock(policy: RetryPolicy, classify: K, clock: C) -> Self {
        let state = State {
            restraint: Restraint::default(),
            // The hasher's keys come from the operating system; what is hashed with them does not matter.
            entropy: Entropy::of_device(RandomState::new().hash_one(0)),
            gate: Instant::ORIGIN,
            breaker: None,
            rate: None,
            in_flight: 0,
            waiters: Waiters::default(),
            observer: None,
        };
        Self { inner: Arc::new(Inner { clock, state: Mutex::new(state) }), policy, classify, cancel: None }
    }

    /// With a stock of retries, a share of the traffic or longer waits after a burst of refusals; for all handles.
    #[must_use]
    pub fn with_restraint(self, restraint: Restraint) -> Self {
        self.inner.lock().restraint = restraint;
        self
    }

    /// With a rate that adapts to what the server takes: [`Status::rate`] is what to set a limiter to. For all handles.
    #[must_use]
    pub fn with_rate(self, policy: AimdPolicy) -> Self {
        self.inner.lock().rate = Some(Aimd::new(policy));
        self
    }

    /// With jitter that starts from `entropy`, so that a test or a simulation repeats itself. For all handles.
    #[must_use]
    pub fn with_entropy(self, entropy: Entropy) -> Self {
        self.inner.lock().entropy = entropy;
        self
    }

    /// With somebody who is told of every attempt, on the thread of its call and without any lock: for a log, for
    /// metrics, to lower a number of jobs ([`Advice::fewer_jobs`]). For all handles; of several, the last one counts.
    #[must_use]
    pub fn with_observer(self, observer: impl Fn(&Attempt) + Send + Sync + 'static) -> Self {
        // The old one is dropped without the lock: it is foreign code.
        let _old = self.inner.lock().observer.replace(Arc::new(observer));
        self
    }

    /// This handle with another policy; its calls share everything else.
    #[must_use]
    pub fn with_policy(self, policy: RetryPolicy) -> Self {
        Self { policy, ..self }
    }

    /// This handle for answers that are read in another way; its calls share everything else.
    pub fn reading<K2>(self, classify: K2) -> Upstream<K2, C> {
        Upstream { inner: self.inner, policy: self.policy, classify, cancel: self.cancel }
    }

    /// This handle, whose calls also end when `cancel` is cancelled: those that wait at once, those that are sent with
    /// their answer. Of several, the last one counts.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Failure, Outcome, Repeatable, presets::backoffs};
    /// use tollgate_std::{CallError, Cancel, Upstream};
    /// let read = |_: &Result<(), &str>| Outcome::Failed(Failure::Broken);
    /// let shutdown = Cancel::new();
    /// let api = Upstream::new(backoffs::RETRY, read).or_cancelled(&shutdown);
    /// let ended = api.call(Repeatable::Idempotent, |_| {
    ///     shutdown.cancel();
    ///     Err("connection reset")
    /// });
    /// assert_eq!(ended, Err(CallError::Cancelled { last: Some(Err("connection reset")) }));
    /// ```
    #[must_use]
    pub fn or_cancelled(self, cancel: &Cancel) -> Self {
        Self { cancel: Some(cancel.clone()), ..self }
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.inner.clock
    }

    /// One of our jobs has ended: whoever was refused for concurrency and has waited longest may send again.
    ///
    /// Without it such a call is sent again after the largest delay of the policy's `throttled`, counted from the
    /// refusal, or at its deadline if that is sooner: a release that nobody tells of delays a call, no more.
    pub fn released(&self) {
        let woken = self.inner.lock().waiters.released();
        woken.into_iter().for_each(Waker::wake);
    }

    /// Makes everybody who waits look again: the clock was moved by hand, or runs faster than real time.
    pub fn wake(&self) {
        let everybody = self.inner.lock().waiters.ring();
        everybody.into_iter().for_each(Waker::wake);
    }

    /// Nobody sends before `at`: the server said so in another way than by refusing one of these calls. Never sooner
    /// than what is known already. How much of a server's word to believe is the caller's business here.
    pub fn close_until(&self, at: Instant) {
        let mut state = self.inner.lock();
        state.gate = state.gate.max(at);
    }

    /// Opens the gate now, whatever the server said: for the owner, who knows better. Whoever waits for it sends at once;
    /// calls that were refused themselves still wait what they were told.
    pub fn open(&self) {
        self.inner.lock().gate = Instant::ORIGIN;
        self.wake();
    }
}

impl<K, C: Clock> Upstream<K, C> {
    /// With a breaker: while it is open, calls wait for it as for the gate, and those whose deadline is sooner end at
    /// once. For all handles.
    ///
    /// Throttling is no ill health; see [`Breaker`].
    #[must_use]
    pub fn with_breaker(self, policy: BreakerPolicy) -> Self {
        let breaker = Breaker::new(policy, self.inner.clock.now());
        self.inner.lock().breaker = Some(breaker);
        self
    }

    /// How things stand.
    pub fn status(&self) -> Status {
        let state = self.inner.lock();
        let now = self.inner.clock.now();
        Status {
            closed_until: Some(state.gate).filter(|gate| *gate > now),
            quota_left: state.restraint.quota.as_ref().map(tollgate::RetryQuota::left),
            breaker: state.breaker.as_ref().map(|breaker| breaker.phase(now)),
            rate: state.rate.as_ref().map(Aimd::value),
            in_flight: state.in_flight,
            waiting: state.waiters.len(),
        }
    }
}

impl<K: Clone, C> Clone for Upstream<K, C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            policy: self.policy,
            classify: self.classify.clone(),
            cancel: self.cancel.clone(),
        }
    }
}

impl<K, C> fmt::Debug for Upstream<K, C> {
    /// Without what is shared, whose lock may be held by whoever prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("policy", &self.policy).finish_non_exhaustive()
    }
}
