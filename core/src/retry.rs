//! `Retry`: an outcome in, a decision out.
//!
//! What may be repeated depends on what the server has done with it: a throttled request was not carried out, whatever
//! its method; a request that broke off after sending may have been, so it is repeated only if that does no harm. The
//! table is in [`Outcome`]. One [`Retry`] for each call; what all calls to an upstream share is in [`Restraint`].
//!
//! ```text
//! outcome ──> decide ──> Decision   for this call: done, again at t, again when a job ends, give up
//!                  └───> Advice     for everybody: gate, rate, cap, health
//! ```
//! Rules: RFC 9110 sections 9.2.2 and 10.2.3, RFC 6585, the idempotency-key draft, the AWS retry specification 2.1.

use core::fmt;

use crate::backoff::{Backoff, GiveUp, Policy};
use crate::burst::Burst;
use crate::division::divide;
use crate::entropy::draw;
use crate::retry_quota::{RatioBudget, RetryKind, RetryQuota};
use crate::time::{Duration, Instant};

/// What a response means for whoever sends requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// No limit was hit.
    Clear,
    /// Too fast, and the server said how long to wait.
    Soft,
    /// Too fast, and the server did not say how long to wait.
    Blind,
    /// Too many at the same time: one must end first. The rate is fine.
    Concurrency,
    /// Paid for, entitled to or allowed no more, or "do not retry": a wait will not help.
    HardQuota,
    /// The server has more than it can do (503, 529).
    Overloaded,
}

/// How a request ended.
///
/// | outcome | again | wait | for everybody | health |
/// |---|---|---|---|---|
/// | `Soft` | yes | what the server said, plus up to a fifth | gate closed until then | |
/// | `Blind` | yes | backoff from 1 s | lower rate | |
/// | `Concurrency` | yes | until a job ends, at least 1 s | lower cap | |
/// | `HardQuota` | no | | | |
/// | `Overloaded` | if repeatable | what the server said, else backoff | gate, lower rate | failure |
/// | 500, 502, 504 | if repeatable | short backoff | | failure |
/// | 408 | if repeatable | short backoff | | |
/// | 409 | with a key: the original still runs | short backoff | | |
/// | 413 with a delay | yes | what the server said | | |
/// | 421, 425 | yes | short backoff | | |
/// | 501, 505, other 4xx | no | | | |
/// | [`Failure::NotSent`] | yes | short backoff | | failure |
/// | [`Failure::NotProcessed`] | yes | short backoff | | |
/// | [`Failure::Broken`] | if repeatable | short backoff | | failure |
/// | [`Failure::Final`] | no | | | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Outcome {
    /// The server answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// What it means for limits.
        verdict: Verdict,
        /// How long the server asked to stay back, if it did.
        wait: Option<Duration>,
        /// Whether the server said in so many words to retry, or not to (`x-should-retry`).
        should_retry: Option<bool>,
    },
    /// No answer.
    Failed(Failure),
}

#[cfg(feature = "headers")]
impl From<&crate::headers::Feedback> for Outcome {
    fn from(feedback: &crate::headers::Feedback) -> Self {
        Self::Answered {
            status: feedback.status(),
            verdict: feedback.verdict(),
            wait: feedback.gate(),
            should_retry: feedback.should_retry(),
        }
    }
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Failure {
    /// Nothing was sent: no address, no connection.
    NotSent,
    /// It was sent and certainly not carried out: HTTP/2 `REFUSED_STREAM`, beyond a `GOAWAY`.
    NotProcessed,
    /// It broke off after sending, or timed out: nobody knows.
    Broken,
    /// A bad certificate, or cancelled by the caller: no use in trying.
    Final,
}

/// Whether a request may be carried out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Repeatable {
    /// No: a POST that starts a job, and bills it.
    No,
    /// Its method is idempotent: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
    Idempotent,
    /// It carries an idempotency key, the same for every attempt.
    Keyed,
}

/// How a call is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RetryPolicy {
    /// Delays after a refusal that named none, and after one for concurrency; its retries and deadline bind all.
    pub throttled: Policy,
    /// Delays after a server error or a broken connection.
    pub transient: Policy,
    /// A server's delay is prolonged by up to this share, in permille, so that not everybody comes back at once.
    pub spread_permille: u16,
    /// The longest wait that a server can impose; a call that should wait longer gives up.
    pub max_block: Duration,
}

/// What to do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decision {
    /// It is over: the answer, good or bad, is final.
    Done,
    /// Send it again then.
    RetryAt(Instant),
    /// Send it again when one of our jobs has ended, but not before.
    RetryOnRelease {
        /// The earliest instant.
        not_before: Instant,
    },
    /// It should be sent again, but not by us.
    GiveUp(Reason),
}

/// Why a call is not retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reason {
    /// A wait will not help: billing, entitlement, or the server said so.
    Refused,
    /// It may have been carried out, and must not be twice.
    MaybeRunning,
    /// All retries are used.
    Retries,
    /// The wait would end after the deadline.
    Deadline,
    /// The server asks for more than `max_block`.
    TooLong {
        /// When the server said that it would be free again.
        until: Instant,
    },
    /// So many calls failed lately that retrying would make it worse.
    Quota,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the server will not have it, however long we wait"),
            Self::MaybeRunning => f.write_str("it may have been carried out, and must not be twice"),
            Self::Retries => f.write_str("all retries are used"),
            Self::Deadline => f.write_str("the wait would end after the deadline"),
            Self::TooLong { until: Instant::MAX } => {
                f.write_str("the server is closed for longer than time is counted")
            }
            Self::TooLong { until } => write!(f, "the server is closed until {until}, longer than we wait"),
            Self::Quota => f.write_str("too many calls failed lately"),
        }
    }
}

impl core::error::Error for Reason {}

/// What an outcome says about the health of the other side: for a [`Breaker`](crate::Breaker).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Health {
    /// It is well.
    Success,
    /// It is ill.
    Failure,
    /// It says nothing: throttling is no ill health, nor is a mistake of ours.
    Unknown,
}

/// What to do about one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Advice {
    /// For this call.
    pub decision: Decision,
    /// Keep everybody back until then, at most `max_block` away.
    pub gate: Option<Instant>,
    /// Lower the rate ([`Aimd::congested`](crate::Aimd::congested)).
    pub slow_down: bool,
    /// Lower the number of jobs at once ([`Aimd::crowded`](crate::Aimd::crowded)).
    pub fewer_jobs: bool,
    /// For the breaker.
    pub health: Health,
}

/// What all calls to one upstream share; each part is optional.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Restraint {
    /// A stock of retries.
    pub quota: Option<RetryQuota>,
    /// Retries as a share of the traffic.
    pub ratio: Option<RatioBudget>,
    /// Longer waits after several refusals in a short time.
    pub burst: Option<Burst>,
}

impl Restraint {
    /// A new call, not a retry, is about to be sent.
    pub fn sending(&mut self, now: Instant) {
        if let Some(ratio) = &mut self.ratio {
            ratio.deposit(now);
        }
    }

    /// Re-anchors it at `now` after a **known** clock fault: what was seen later counts as seen just now, and no retry is
    /// added.
    pub fn restart(&mut self, now: Instant) {
        if let Some(ratio) = &mut self.ratio {
            ratio.restart(now);
        }
        if let Some(burst) = &mut self.burst {
            burst.restart(now);
        }
    }

    fn refused(&mut self, now: Instant, entropy: u32) -> Option<Duration> {
        self.burst.as_mut().and_then(|burst| burst.refused(now, entropy))
    }

    fn take(&mut self, now: Instant, kind: RetryKind) -> bool {
        // Both or none: the ratio is asked first because its answer can be looked at.
        if self.ratio.as_ref().is_some_and(|ratio| !ratio.allows(now)) {
            return false;
        }
        if self.quota.as_mut().is_some_and(|quota| quota.take(kind).is_err()) {
            return false;
        }
        if let Some(ratio) = &mut self.ratio {
            ratio.withdraw(now);
        }
        true
    }
}

/// What a rule of the table asks for.
enum Rule {
    Done,
    Refused,
    /// Again after what the server said, else after a delay of this kind.
    Again(RetryKind, Option<Duration>),
    Maybe(RetryKind, Option<Duration>),
}

/// One call and its attempts.
///
/// # Example
/// ```
/// use tollgate::{Decision, Duration, Instant, Outcome, Repeatable, Restraint, Retry, Verdict, presets::backoffs};
/// let mut upstream = Restraint::default();
/// let mut call = Retry::new(backoffs::RETRY, Repeatable::No, Instant::ORIGIN);
///
/// let now = Instant::from_secs(10);
/// let refused = Outcome::Answered {
///     status: 429,
///     verdict: Verdict::Soft,
///     wait: Some(Duration::from_secs(17)),
///     should_retry: None,
/// };
/// let advice = call.decide(now, &refused, &mut upstream, 0);
/// assert_eq!(advice.decision, Decision::RetryAt(Instant::from_secs(27)));
/// assert_eq!(advice.gate, Some(Instant::from_secs(27)));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Retry {
    /// Its policy's attempts and its deadline hold for both.
    throttled: Backoff,
    transient: Backoff,
    max_block: Duration,
    spread_permille: u16,
    repeatable: Repeatable,
    /// What the retry that waits or is under way took from the quota; it comes back with a success.
    taken: Option<RetryKind>,
}

impl Retry {
    /// A call that starts now.
    pub const fn new(policy: RetryPolicy, repeatable: Repeatable, now: Instant) -> Self {
        let (throttled, transient) = (Backoff::new(policy.throttled, now), Backoff::new(policy.transient, now));
        let RetryPolicy { max_block, spread_permille, .. } = policy;
        Self { throttled, transient, max_block, spread_permille, repeatable, taken: None }
    }

    /// Whether it may be carried out twice.
    pub const fn repeatable(&self) -> Repeatable {
        self.repeatable
    }

    /// How often it was sent again so far.
    pub const fn retried(&self) -> u32 {
        self.throttled.retried().saturating_add(self.transient.retried())
    }

    /// What to do about the outcome of the latest attempt. `entropy` is any 32 random bits.
    ///
    /// A call that gives up still closes the gate and lowers the rate: that is news for the others.
    pub fn decide(&mut self, now: Instant, outcome: &Outcome, upstream: &mut Restraint, entropy: u32) -> Advice {
        let mut advice = effects(outcome);
        let rule = self.rule(outcome);
        // Answered, the retry that was under way is spent.
        let spent = self.taken.take();
        if let (Rule::Done, Health::Success) = (&rule, advice.health)
            && let Some(quota) = &mut upstream.quota
        {
            quota.succeeded(spent);
        }
        let throttled = matches!(outcome, Outcome::Answered { verdict: Verdict::Soft | Verdict::Blind, .. });
        let raised = if throttled { upstream.refused(now, entropy) } else { None };
        // A success that leaves nothing closes the gate before anybody is refused.
        if let Outcome::Answered { verdict: Verdict::Soft | Verdict::Overloaded, wait: Some(wait), .. }
        | Outcome::Answered { verdict: Verdict::Clear, status: 100..=399, wait: Some(wait), .. } = outcome
        {
            advice.gate = Some(now.saturating_add((*wait).min(self.max_block)));
        }
        if let Some(raised) = raised {
            let until = now.saturating_add(raised.min(self.max_block));
            advice.gate = Some(advice.gate.map_or(until, |gate| gate.max(until)));
        }
        advice.decision = match rule {
            Rule::Done => Decision::Done,
            Rule::Refused => Decision::GiveUp(Reason::Refused),
            Rule::Maybe(..) if self.repeatable == Repeatable::No => Decision::GiveUp(Reason::MaybeRunning),
            Rule::Again(kind, wait) | Rule::Maybe(kind, wait) => {
                match self.again(now, kind, wait.max(raised), upstream, entropy) {
                    Ok(at) if advice.fewer_jobs => {
                        // Jitter must not hit a server that is full before it can have room.
                        Decision::RetryOnRelease { not_before: at.max(now.saturating_add(CROWDED)) }
                    }
                    Ok(at) => Decision::RetryAt(at),
                    Err(reason) => Decision::GiveUp(reason),
                }
            }
        };
        advice
    }

    /// The retry that was decided last is not sent after all: what it took from the quota comes back, once.
    ///
    /// For a call that is cancelled, or expires, while it waits to be sent again; without such a retry nothing happens.
    /// Once it is sent, nobody knows what it did, and there is no more to give back. What a [`RatioBudget`] granted does
    /// not come back: it is forgotten with its time. A gate has the restraint in it:
    /// [`Gate::cancel_retry`](crate::Gate::cancel_retry); a [`Dispatcher`](crate::Dispatcher) does so by itself.
    ///
    /// # Example
    /// ```
    /// use tollgate::{
    ///     Decision, Failure, Instant, Outcome, QuotaCosts, Repeatable, Restraint, Retry, RetryQuota, presets::backoffs,
    /// };
    /// let mut upstream = Restraint { quota: Some(RetryQuota::new(QuotaCosts::AWS)), ..Restraint::default() };
    /// let left = |upstream: &Restraint| upstream.quota.as_ref().map(RetryQuota::left);
    /// let mut call = Retry::new(backoffs::RETRY, Repeatable::Idempotent, Instant::ORIGIN);
    ///
    /// let advice = call.decide(Instant::ORIGIN, &Outcome::Failed(Failure::Broken), &mut upstream, 0);
    /// assert!(matches!(advice.decision, Decision::RetryAt(_)));
    /// assert_eq!(left(&upstream), Some(486));
    /// call.cancel(&mut upstream); // nobody waits for the answer any more
    /// assert_eq!(left(&upstream), Some(500));
    /// ```
    pub fn cancel(&mut self, upstream: &mut Restraint) {
        if let (Some(kind), Some(quota)) = (self.taken.take(), &mut upstream.quota) {
            quota.cancelled(kind);
        }
    }

    /// What the retry that waits to be sent, or is under way, has taken from a quota; `None` for a first attempt, and
    /// once the call is over.
    pub const fn taken(&self) -> Option<RetryKind> {
        self.taken
    }

    fn rule(&self, outcome: &Outcome) -> Rule {
        use RetryKind::{Throttled, Transient};
        let (status, verdict, wait, should_retry) = match *outcome {
            Outcome::Answered { status, verdict, wait, should_retry } => (status, verdict, wait, should_retry),
            Outcome::Failed(Failure::NotSent | Failure::NotProcessed) => return Rule::Again(Transient, None),
            Outcome::Failed(Failure::Broken) => return Rule::Maybe(Transient, None),
            Outcome::Failed(Failure::Final) => return Rule::Done,
        };
        match (verdict, status) {
            (Verdict::HardQuota, _) => Rule::Refused,
            (Verdict::Soft | Verdict::Concurrency, _) => Rule::Again(Throttled, wait),
            (Verdict::Blind, _) => Rule::Again(Throttled, None),
            (_, 100..=399) => Rule::Done,
            _ if should_retry == Some(false) => Rule::Refused,
            (Verdict::Clear, 421 | 425) => Rule::Again(Transient, None),
            (Verdict::Clear, 413) if wait.is_some() => Rule::Again(Throttled, wait),
            (Verdict::Clear, 409) if self.repeatable == Repeatable::Keyed => Rule::Again(Transient, wait),
            (Verdict::Overloaded, _) | (_, 408 | 500 | 502 | 503 | 504) => Rule::Maybe(Transient, wait),
            _ if should_retry == Some(true) => Rule::Maybe(Transient, wait),
            _ => Rule::Done,
        }
    }

    /// When to send again, if that is allowed; takes it from the quota last, so that a refusal costs nothing.
    fn again(
        &mut self,
        now: Instant,
        kind: RetryKind,
        server: Option<Duration>,
        upstream: &mut Restraint,
        entropy: u32,
    ) -> Result<Instant, Reason> {
        let (limits, max_block) = (self.throttled.policy, self.max_block);
        if let Some(wait) = server.filter(|wait| *wait > max_block) {
            return Err(Reason::TooLong { until: now.saturating_add(wait) });
        }
        if self.retried() >= limits.retries() {
            return Err(Reason::Retries);
        }
        let backoff = match kind {
            RetryKind::Throttled => &mut self.throttled,
            RetryKind::Transient => &mut self.transient,
        };
        let own = backoff.peek(now, entropy).map_err(Reason::from)?;
        let wait = match server {
            // Only added to, never below what was said; and nothing that a server says exceeds the cap.
            Some(wait) if !wait.is_zero() => {
                let most = u64::from(self.spread_permille).saturating_mul(divide(wait.as_micros(), 1_000).0);
                wait.saturating_add(Duration::from_micros(draw(0, most, entropy))).min(max_block)
            }
            // "Now" is permission, not an order: from the second retry on, our own delay is the floor.
            Some(_) if backoff.retried() == 0 => Duration::ZERO,
            _ => own,
        };
        if now.saturating_since(backoff.start()).saturating_add(wait) > limits.deadline() {
            return Err(Reason::Deadline);
        }
        if !upstream.take(now, kind) {
            return Err(Reason::Quota);
        }
        backoff.next(now, entropy).map_err(Reason::from)?;
        self.taken = Some(kind);
        Ok(now.saturating_add(wait))
    }
}

impl From<GiveUp> for Reason {
    fn from(why: GiveUp) -> Self {
        match why {
            GiveUp::Retries => Self::Retries,
            GiveUp::Deadline => Self::Deadline,
        }
    }
}

/// The least wait after a refusal for concurrency.
const CROWDED: Duration = Duration::from_secs(1);

/// What an outcome means for everybody, without the gate.
fn effects(outcome: &Outcome) -> Advice {
    let mut advice =
        Advice { decision: Decision::Done, gate: None, slow_down: false, fewer_jobs: false, health: Health::Unknown };
    match outcome {
        Outcome::Failed(Failure::NotSent | Failure::Broken) => advice.health = Health::Failure,
        Outcome::Failed(_) => {}
        Outcome::Answered { verdict, status, .. } => match (verdict, status) {
            (Verdict::Blind, _) => advice.slow_down = true,
            (Verdict::Concurrency, _) => advice.fewer_jobs = true,
            (Verdict::Overloaded, _) => (advice.slow_down, advice.health) = (true, Health::Failure),
            (Verdict::Clear, 100..=399) => advice.health = Health::Success,
            (Verdict::Clear, 500 | 502..=504) => advice.health = Health::Failure,
            (Verdict::Soft | Verdict::HardQuota | Verdict::Clear, _) => {}
        },
    }
    advice
}
