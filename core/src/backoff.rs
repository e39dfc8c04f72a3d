//! `Backoff`: later and later, never later than promised.
//!
//! Every delay is at most `max`, **after** jitter. Randomness is an argument, so that a device without a generator says
//! where it takes it from; [`Entropy`](crate::Entropy) makes a start from a device id and a boot count. For a server that says when to
//! come back, its delay is a floor: [`Backoff::after`]. Where the policy is a constant, a chip links the growth and the
//! jitter that it names, and no others.
//!
//! ```text
//! attempt   1    2      3          4                  5
//!           ├────┤──────┤──────────┤──────────────────┤ ...  growth, then jitter, then at most `max`
//!           base base·2 base·4     base·8
//! ```

use core::fmt;

use crate::growth::{Grows, Growth};
use crate::jitter::{Jitter, Spread};
use crate::time::{Duration, Instant};

/// How to back off: checked once, at compile time where it is a constant.
///
/// # Example
/// ```
/// use tollgate::{Duration, Jitter, Policy, valid};
/// const DOUBLING: Policy = valid!(Policy::new(Duration::from_secs(1), Duration::from_secs(60))).with_retries(5);
/// const SPREAD: Policy = valid!(DOUBLING.with_jitter(Jitter::Full));
/// assert_eq!((SPREAD.max(), SPREAD.retries()), (Duration::from_secs(60), 5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "Plain", try_from = "Plain"))]
pub struct Policy {
    base: Duration,
    max: Duration,
    deadline: Duration,
    retries: u32,
    pub(crate) growth: Grows,
    pub(crate) spread: Spread,
}

/// Why a policy cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PolicyError {
    /// The first delay is above the largest.
    BaseAboveMax {
        /// The first delay.
        base: Duration,
        /// The largest delay.
        max: Duration,
    },
    /// A factor below 1000 permille: the delays would shrink.
    Shrinking {
        /// The factor.
        permille: u32,
    },
    /// A range whose lower end is above its upper one.
    EmptyRange {
        /// The lower factor.
        from: u16,
        /// The upper factor.
        to: u16,
    },
}

impl PolicyError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(&self) -> &'static str {
        match self {
            Self::BaseAboveMax { .. } => "a backoff whose base is above its max",
            Self::Shrinking { .. } => "a backoff factor below 1000 permille",
            Self::EmptyRange { .. } => "a jitter range whose lower end is above its upper one",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseAboveMax { base, max } => write!(f, "a base of {base}: expected at most the max of {max}"),
            Self::Shrinking { permille } => write!(f, "a factor of {permille} permille: expected at least 1000"),
            Self::EmptyRange { from, to } => write!(f, "a jitter from {from} permille: expected at most its end, {to}"),
        }
    }
}

impl core::error::Error for PolicyError {}

impl Policy {
    /// Doubles from `base` to at most `max`, without jitter, for ever.
    ///
    /// A base of zero means "at once, every time".
    ///
    /// # Errors
    /// [`PolicyError::BaseAboveMax`].
    pub const fn new(base: Duration, max: Duration) -> Result<Self, PolicyError> {
        if base.as_micros() > max.as_micros() {
            return Err(PolicyError::BaseAboveMax { base, max });
        }
        let (growth, spread) = (Grows::DOUBLING, Spread::of(Jitter::None));
        Ok(Self { base, max, deadline: Duration::MAX, retries: u32::MAX, growth, spread })
    }

    /// The same policy with another growth.
    ///
    /// # Errors
    /// [`PolicyError::Shrinking`].
    pub const fn with_growth(self, growth: Growth) -> Result<Self, PolicyError> {
        match growth {
            Growth::Exponential { permille } if permille.get() < 1_000 => {
                Err(PolicyError::Shrinking { permille: permille.get() })
            }
            _ => Ok(Self { growth: Grows::of(growth), ..self }),
        }
    }

    /// The same policy, spread.
    ///
    /// # Errors
    /// [`PolicyError::EmptyRange`].
    pub const fn with_jitter(self, jitter: Jitter) -> Result<Self, PolicyError> {
        match jitter {
            Jitter::TimesRange { from, to } if from > to => Err(PolicyError::EmptyRange { from, to }),
            _ => Ok(Self { spread: Spread::of(jitter), ..self }),
        }
    }

    /// The same policy with at most so many retries; 0 means one call and no delay.
    #[must_use]
    pub const fn with_retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// The same policy in which no sleep ends later than `deadline` after the start.
    #[must_use]
    pub const fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The first delay.
    pub const fn base(&self) -> Duration {
        self.base
    }

    /// The largest delay, jitter included.
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// How often to retry at most.
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// How long after the start the last sleep may end.
    pub const fn deadline(&self) -> Duration {
        self.deadline
    }
}

/// Why there is no next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum GiveUp {
    /// All retries are used.
    Retries,
    /// The sleep would end after the deadline.
    Deadline,
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retries => "all retries are used",
            Self::Deadline => "the next sleep would end after the deadline",
        })
    }
}

impl core::error::Error for GiveUp {}

/// The delays of one call and its retries.
///
/// # Example
/// ```
/// use tollgate::{Backoff, Duration, Entropy, GiveUp, Instant, Jitter, Policy};
/// const POLICY: Policy = tollgate::valid!(Policy::new(Duration::from_secs(1), Duration::from_secs(3))).with_retries(3);
///
/// let (now, mut entropy) = (Instant::ORIGIN, Entropy::of_device(0x1234).at_boot(7));
/// let mut backoff = Backoff::new(POLICY, now);
/// assert_eq!(backoff.next(now, entropy.next()), Ok(Duration::from_secs(1)));
/// assert_eq!(backoff.next(now, entropy.next()), Ok(Duration::from_secs(2)));
/// assert_eq!(backoff.next(now, entropy.next()), Ok(Duration::from_secs(3)));
/// assert_eq!(backoff.next(now, entropy.next()), Err(GiveUp::Retries));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    pub(crate) policy: Policy,
    pub(crate) start: Instant,
    /// The next delay before jitter, and the one after it where the growth looks two back.
    pub(crate) nominal: u64,
    pub(crate) following: u64,
    /// The last delay that was handed out, for decorrelated jitter.
    pub(crate) previous: u64,
    pub(crate) retried: u32,
}

impl Backoff {
    /// A call that starts now.
    pub const fn new(policy: Policy, now: Instant) -> Self {
        let base = policy.base.as_micros();
        Self { policy, start: now, nominal: base, following: base, previous: base, retried: 0 }
    }

    /// Begins again: call it on success, or for the next call.
    pub const fn reset(&mut self, now: Instant) {
        *self = Self::new(self.policy, now);
    }

    /// How long to sleep before the next attempt, at most the policy's max. `entropy` is any 32 random bits.
    ///
    /// # Errors
    /// [`GiveUp`]; nothing has changed then.
    #[inline]
    pub fn next(&mut self, now: Instant, entropy: u32) -> Result<Duration, GiveUp> {
        self.peek(now, entropy).inspect(|delay| self.advance(delay.as_micros()))
    }

    /// As [`next`](Self::next) after a server said how long to wait: never less than that, and more only by the jitter
    /// that spreads our own delay above its lower end. May exceed the max, which binds us and not the server.
    ///
    /// # Errors
    /// [`GiveUp`]; nothing has changed then.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Backoff, Duration, Instant, Policy};
    /// let policy = Policy::new(Duration::from_secs(1), Duration::from_secs(60))?;
    /// let mut backoff = Backoff::new(policy, Instant::ORIGIN);
    /// assert_eq!(backoff.after(Duration::from_secs(17), Instant::ORIGIN, 0), Ok(Duration::from_secs(17)));
    /// # Ok::<(), tollgate::PolicyError>(())
    /// ```
    pub fn after(&mut self, server: Duration, now: Instant, entropy: u32) -> Result<Duration, GiveUp> {
        let [low, drawn] = [0, entropy].map(|entropy| self.policy.spread.draw(self, entropy, u64::MAX));
        let delay = self.admit(now, server.saturating_add(Duration::from_micros(drawn.saturating_sub(low))))?;
        self.advance(drawn.min(self.max()));
        Ok(delay)
    }

    /// What [`next`](Self::next) would answer. Changes nothing.
    ///
    /// # Errors
    /// [`GiveUp`].
    #[inline]
    pub fn peek(&self, now: Instant, entropy: u32) -> Result<Duration, GiveUp> {
        // The draw, not the range, is clamped to the max.
        let delay = self.policy.spread.draw(self, entropy, self.max());
        self.admit(now, Duration::from_micros(delay))
    }

    /// When the call started.
    pub const fn start(&self) -> Instant {
        self.start
    }

    /// How many delays were handed out since the start.
    pub const fn retried(&self) -> u32 {
        self.retried
    }

    #[inline]
    pub(crate) const fn max(&self) -> u64 {
        self.policy.max.as_micros()
    }

    fn admit(&self, now: Instant, delay: Duration) -> Result<Duration, GiveUp> {
        if self.retried >= self.policy.retries {
            return Err(GiveUp::Retries);
        }
        // A deadline that never comes, the common one, needs no clock.
        if self.policy.deadline < Duration::MAX {
            let left = self.policy.deadline.as_micros().checked_sub(delay.as_micros());
            if left.is_none_or(|left| now > self.start.saturating_add(Duration::from_micros(left))) {
                return Err(GiveUp::Deadline);
            }
        }
        Ok(delay)
    }

    /// After a delay that was admitted, so that `retried` is below what the policy allows, and does not wrap.
    #[inline]
    fn advance(&mut self, delay: u64) {
        self.previous = delay;
        self.retried = self.retried.wrapping_add(1);
        self.policy.growth.lead(self);
    }
}

/// The wire form of a [`Policy`].
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    base_us: Duration,
    max_us: Duration,
    growth: Growth,
    jitter: Jitter,
    retries: Option<u32>,
    deadline_us: Option<Duration>,
}

#[cfg(feature = "serde")]
impl From<Policy> for Plain {
    fn from(policy: Policy) -> Self {
        Self {
            base_us: policy.base,
            max_us: policy.max,
            growth: policy.growth.growth(),
            jitter: policy.spread.jitter,
            retries: Some(policy.retries).filter(|retries| *retries < u32::MAX),
            deadline_us: Some(policy.deadline).filter(|deadline| *deadline < Duration::MAX),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Plain> for Policy {
    type Error = PolicyError;

    fn try_from(plain: Plain) -> Result<Self, PolicyError> {
        let policy = Self::new(plain.base_us, plain.max_us)?.with_growth(plain.growth)?.with_jitter(plain.jitter)?;
        Ok(policy
            .with_retries(plain.retries.unwrap_or(u32::MAX))
            .with_deadline(plain.deadline_us.unwrap_or(Duration::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroU32;
    use std::vec::Vec;

    const T: Instant = Instant::ORIGIN;

    fn policy(base: u64, max: u64) -> Policy {
        Policy::new(Duration::from_millis(base), Duration::from_millis(max)).unwrap()
    }

    fn delays(policy: Policy, entropy: u32) -> Vec<u64> {
        let mut backoff = Backoff::new(policy, T);
        (0..7).map_while(|_| backoff.next(T, entropy).ok()).map(Duration::as_millis).collect()
    }

    #[test]
    fn delays_grow_as_said() {
        let permille = |p| Growth::Exponential { permille: NonZeroU32::new(p).unwrap() };
        for (growth, expected) in [
            (Growth::Constant, [100, 100, 100, 100, 100, 100, 100]),
            (Growth::Fibonacci, [100, 100, 200, 300, 500, 800, 900]),
            (permille(2_000), [100, 200, 400, 800, 900, 900, 900]),
            (permille(1_500), [100, 150, 225, 337, 506, 759, 900]),
        ] {
            assert_eq!(delays(policy(100, 900).with_growth(growth).unwrap(), 0), expected, "{growth:?}");
        }
    }

    #[test]
    fn every_delay_is_at_most_the_max_after_jitter() {
        let jitters = [
            (Jitter::None, 800, 800),
            (Jitter::Full, 0, 800),
            (Jitter::Equal, 400, 800),
            (Jitter::PlusPermille(500), 800, 900),
            (Jitter::TimesRange { from: 500, to: 1_500 }, 400, 900),
        ];
        for (jitter, low, high) in jitters {
            let policy = policy(100, 900).with_jitter(jitter).unwrap();
            assert_eq!((delays(policy, 0)[3], delays(policy, u32::MAX)[3]), (low, high), "{jitter:?}");
        }
        let decorrelated = policy(100, 900).with_jitter(Jitter::Decorrelated).unwrap();
        assert_eq!(delays(decorrelated, 0), [100; 7]);
        assert_eq!(delays(decorrelated, u32::MAX), [300, 900, 900, 900, 900, 900, 900]);
    }

    #[test]
    fn no_sleep_ends_after_the_deadline() {
        let policy = policy(500, 5_000).with_deadline(Duration::from_millis(1_000));
        let mut backoff = Backoff::new(policy, T);
        assert_eq!(backoff.peek(Instant::from_millis(500), 0), Ok(Duration::from_millis(500)));
        assert_eq!(backoff.next(Instant::from_millis(900), 0), Err(GiveUp::Deadline));
        assert_eq!(backoff.retried(), 0, "a refusal changes nothing");
    }

    #[test]
    fn zero_retries_is_one_call() {
        assert_eq!(Backoff::new(policy(1, 1).with_retries(0), T).next(T, 0), Err(GiveUp::Retries));
    }

    #[test]
    fn the_extremes_saturate() {
        let forever =
            Policy::new(Duration::MAX, Duration::MAX).unwrap().with_jitter(Jitter::PlusPermille(u16::MAX)).unwrap();
        let mut backoff = Backoff::new(forever, T);
        for entropy in [0, 1, u32::MAX] {
            assert_eq!(backoff.next(Instant::MAX, entropy), Ok(Duration::MAX));
        }
        let shrinking = Growth::Exponential { permille: NonZeroU32::new(999).unwrap() };
        assert_eq!(policy(1, 2).with_growth(shrinking), Err(PolicyError::Shrinking { permille: 999 }));
        assert!(Policy::new(Duration::from_secs(10), Duration::from_secs(5)).is_err());
    }

    #[test]
    fn what_a_server_says_is_prolonged_by_the_jitter_alone() {
        // A second delay of 800 ms, whose jitter goes beyond the max: that binds us and not the server.
        for (jitter, most) in [
            (Jitter::None, 0),
            (Jitter::Full, 800),
            (Jitter::Equal, 400),
            (Jitter::Decorrelated, 2_300),
            (Jitter::PlusPermille(500), 400),
            (Jitter::TimesRange { from: 500, to: 1_500 }, 800),
        ] {
            let mut backoff = Backoff::new(policy(400, 900).with_jitter(jitter).unwrap(), T);
            backoff.next(T, u32::MAX).unwrap();
            for (entropy, spread) in [(0, 0), (u32::MAX, most)] {
                let expected = Ok(Duration::from_millis(5_000 + spread));
                assert_eq!(backoff.clone().after(Duration::from_secs(5), T, entropy), expected, "{jitter:?}");
            }
        }
    }

    #[test]
    fn a_policy_is_what_it_was_made_of() {
        let permille = |p| Growth::Exponential { permille: NonZeroU32::new(p).unwrap() };
        for growth in [Growth::Constant, Growth::Fibonacci, permille(1_000), permille(2_000), permille(u32::MAX)] {
            let grown = policy(1, 2).with_growth(growth).unwrap();
            assert_eq!((grown.growth.growth(), grown == policy(1, 2)), (growth, growth == permille(2_000)));
        }
        assert_ne!(policy(1, 2).with_jitter(Jitter::Full), policy(1, 2).with_jitter(Jitter::Equal));
    }

    #[test]
    fn success_starts_again() {
        let mut backoff = Backoff::new(policy(100, 900), T);
        backoff.next(T, 0).unwrap();
        backoff.next(T, 0).unwrap();
        backoff.reset(T);
        assert_eq!((backoff.retried(), backoff.next(T, 0)), (0, Ok(Duration::from_millis(100))));
    }
}
