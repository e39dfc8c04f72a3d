//! `Aimd`: find the rate or the number of jobs that a server will take, by asking for a little more and backing off fast.
//!
//! Additive increase, multiplicative decrease, in integers between a floor and a ceiling. **One decrease per congestion
//! epoch**: a burst of refusals for requests that were all sent before the last decrease says one thing, not many.
//! A refusal for concurrency lowers a cap to what was seen to fit and leaves the rate alone: keep one `Aimd` for each.
//! [`Pacing`] slows down earlier, when a server says that little is left.
//!
//! ```text
//! ceiling ───────────────────────────────
//!                  ╱│          ╱│
//!               ╱   │       ╱   │     up by `step` after `every` successes,
//!            ╱      │    ╱      │ ╱   down to `keep` permille
//!         ╱         │ ╱         │
//! floor ─────────────────────────────────
//! ```

use core::fmt;

use crate::division::{divide, divide_up};
use crate::time::{Duration, Instant};

/// How an [`Aimd`] moves; checked once.
///
/// # Example
/// ```
/// use tollgate::{AimdPolicy, valid};
/// /// 6 to 60 requests a minute, 70 % after a refusal, one more after ten successes.
/// const RPM: AimdPolicy = valid!(AimdPolicy { floor: 6, ceiling: 60, keep_permille: 700, step: 1, every: 10 }.checked());
/// assert_eq!(RPM.ceiling, 60);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AimdPolicy {
    /// Never below this, at least 1.
    pub floor: u32,
    /// Never above this.
    pub ceiling: u32,
    /// What is left after a decrease, in permille, below 1000.
    pub keep_permille: u16,
    /// How much is added.
    pub step: u32,
    /// After how many successes, at least 1.
    pub every: u32,
}

/// Why such a policy cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AimdError {
    /// A floor of zero would stop for ever.
    ZeroFloor,
    /// The floor is above the ceiling.
    FloorAboveCeiling {
        /// The floor.
        floor: u32,
        /// The ceiling.
        ceiling: u32,
    },
    /// A decrease that keeps everything.
    NoDecrease {
        /// What it would keep.
        keep_permille: u16,
    },
    /// An increase after zero successes.
    ZeroEvery,
}

impl AimdError {
    /// What is wrong, for [`valid!`](crate::valid).
    pub const fn message(&self) -> &'static str {
        match self {
            Self::ZeroFloor => "a floor of 0: expected at least 1",
            Self::FloorAboveCeiling { .. } => "a floor above the ceiling",
            Self::NoDecrease { .. } => "a decrease that keeps 1000 permille or more",
            Self::ZeroEvery => "an increase after 0 successes: expected at least 1",
        }
    }
}

impl fmt::Display for AimdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FloorAboveCeiling { floor, ceiling } => {
                write!(f, "a floor of {floor}: expected at most the ceiling of {ceiling}")
            }
            Self::NoDecrease { keep_permille } => write!(f, "{keep_permille} permille kept: expected below 1000"),
            other => f.write_str(other.message()),
        }
    }
}

impl core::error::Error for AimdError {}

impl AimdPolicy {
    /// This policy if it holds together.
    ///
    /// # Errors
    /// [`AimdError`].
    pub const fn checked(self) -> Result<Self, AimdError> {
        let Self { floor, ceiling, keep_permille, every, .. } = self;
        match (floor, keep_permille, every) {
            (0, ..) => Err(AimdError::ZeroFloor),
            (_, 1_000.., _) => Err(AimdError::NoDecrease { keep_permille }),
            (_, _, 0) => Err(AimdError::ZeroEvery),
            _ if floor > ceiling => Err(AimdError::FloorAboveCeiling { floor, ceiling }),
            _ => Ok(self),
        }
    }
}

/// A number that adapts to what a server takes: requests per period, or jobs at once.
///
/// # Example
/// ```
/// use tollgate::{Aimd, AimdPolicy, Instant, valid};
/// const RPM: AimdPolicy = valid!(AimdPolicy { floor: 6, ceiling: 60, keep_permille: 700, step: 1, every: 2 }.checked());
/// let mut rate = Aimd::new(RPM);
/// let (sent, now) = (Instant::from_secs(9), Instant::from_secs(10));
/// assert!(rate.congested(now, sent));
/// assert!(!rate.congested(now, sent)); // another of the same burst
/// assert_eq!(rate.value(), 42);
/// rate.succeeded();
/// rate.succeeded();
/// assert_eq!(rate.value(), 43);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Aimd {
    pub(crate) policy: AimdPolicy,
    pub(crate) value: u32,
    pub(crate) successes: u32,
    pub(crate) decreased: Option<Instant>,
}

impl Aimd {
    /// Starts at the ceiling: the owner's limit is tried first.
    pub const fn new(policy: AimdPolicy) -> Self {
        Self { policy, value: policy.ceiling, successes: 0, decreased: None }
    }

    /// What to use now.
    pub const fn value(&self) -> u32 {
        self.value
    }

    /// The owner changes the policy, live: what was at the ceiling is at the new one, and what was lowered stays as it is,
    /// within the new bounds.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Aimd, AimdPolicy, Instant, valid};
    /// const FAST: AimdPolicy = valid!(AimdPolicy { floor: 6, ceiling: 60, keep_permille: 500, step: 1, every: 2 }.checked());
    /// const SLOW: AimdPolicy = valid!(AimdPolicy { ceiling: 40, ..FAST }.checked());
    /// let mut rate = Aimd::new(SLOW);
    /// rate.set_policy(FAST);
    /// assert_eq!(rate.value(), 60);
    /// rate.congested(Instant::ORIGIN, Instant::ORIGIN);
    /// rate.set_policy(SLOW);
    /// assert_eq!(rate.value(), 30);
    /// ```
    pub fn set_policy(&mut self, policy: AimdPolicy) {
        let lowered = self.value < self.policy.ceiling;
        self.value = if lowered { self.value.min(policy.ceiling).max(policy.floor) } else { policy.ceiling };
        self.policy = policy;
    }

    /// A request sent at `sent` was refused for its rate. Decreases, unless it was sent before the last decrease; tells
    /// which.
    pub fn congested(&mut self, now: Instant, sent: Instant) -> bool {
        let keep = divide(u64::from(self.value) * u64::from(self.policy.keep_permille), 1_000).0;
        self.lower(now, sent, u32::try_from(keep).unwrap_or(u32::MAX))
    }

    /// A request sent at `sent` was refused for concurrency while `observed` jobs ran, itself included: the cap becomes
    /// one less than that.
    pub fn crowded(&mut self, now: Instant, sent: Instant, observed: u32) -> bool {
        self.lower(now, sent, self.value.min(observed.saturating_sub(1)))
    }

    /// A request succeeded.
    pub fn succeeded(&mut self) {
        self.successes = self.successes.saturating_add(1);
        if self.successes >= self.policy.every {
            self.successes = 0;
            self.value = self.value.saturating_add(self.policy.step).min(self.policy.ceiling);
        }
    }

    /// Re-anchors it at `now` after a **known** clock fault: a refusal of what is sent from now on is heard again.
    pub fn restart(&mut self, now: Instant) {
        self.decreased = self.decreased.map(|last| last.min(now));
    }

    fn lower(&mut self, now: Instant, sent: Instant, to: u32) -> bool {
        if self.decreased.is_some_and(|last| sent < last) {
            return false;
        }
        // A clock that went back must not reopen an epoch that is over.
        self.decreased = Some(self.decreased.map_or(now, |last| last.max(now)));
        self.successes = 0;
        self.value = to.max(self.policy.floor);
        true
    }
}

/// When to slow down because a server says that little is left.
///
/// # Example
/// ```
/// use tollgate::{Duration, Pacing};
/// let pacing = Pacing::SEED_000; // below 10 % left: 2 s between requests
/// assert_eq!(pacing.gap(9, 100, None), Duration::from_secs(2));
/// assert_eq!(pacing.gap(10, 100, None), Duration::ZERO);
/// // The rest of the window spread over what is left, if that is longer.
/// assert_eq!(pacing.gap(5, 100, Some(Duration::from_secs(30))), Duration::from_secs(6));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pacing {
    /// Below this share of the limit, strictly, requests are spread out; in permille.
    pub below_permille: u16,
    /// The least gap between two requests then.
    pub least: Duration,
}

impl Pacing {
    /// Source document 000: fewer than 10 % left, 2 s.
    pub const SEED_000: Self = Self { below_permille: 100, least: Duration::from_secs(2) };
    /// Source document 001: more than 80 % used, that is fewer than 20 % left; until the window frees, without a least.
    pub const SEED_001: Self = Self { below_permille: 200, least: Duration::ZERO };

    /// How far apart to send, given what is left of the limit and when it is whole again. Zero while enough is left.
    ///
    /// With nothing left it is the whole time to the reset.
    pub fn gap(&self, remaining: u64, limit: u64, reset_in: Option<Duration>) -> Duration {
        // Cross-multiplied; the products saturate together, and a limit of zero is no statement.
        if limit == 0 || remaining.saturating_mul(1_000) >= limit.saturating_mul(u64::from(self.below_permille)) {
            return Duration::ZERO;
        }
        let spread = reset_in.map_or(0, |reset| divide_up(reset.as_micros(), remaining));
        self.least.max(Duration::from_micros(spread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Instant = Instant::from_secs;
    const POLICY: AimdPolicy = AimdPolicy { floor: 5, ceiling: 100, keep_permille: 700, step: 2, every: 3 };

    #[test]
    fn a_burst_of_refusals_is_one_decrease() {
        let mut rate = Aimd::new(POLICY);
        for (now, sent, lowers, value) in [
            (10, 8, true, 70),
            (10, 9, false, 70),
            (11, 9, false, 70),
            (12, 10, true, 49), // sent at the decrease, not before it
            (13, 12, true, 34),
        ] {
            assert_eq!((rate.congested(S(now), S(sent)), rate.value()), (lowers, value), "sent at {sent} s");
        }
    }

    #[test]
    fn it_stays_between_floor_and_ceiling() {
        let mut rate = Aimd::new(POLICY);
        for at in 1..100 {
            rate.congested(S(at), S(at));
        }
        assert_eq!(rate.value(), 5);
        for _ in 0..3 * 48 {
            rate.succeeded();
        }
        assert_eq!(rate.value(), 100);
    }

    #[test]
    fn a_refusal_starts_the_count_of_successes_again() {
        let mut rate = Aimd::new(POLICY);
        rate.congested(S(1), S(1));
        rate.succeeded();
        rate.succeeded();
        rate.congested(S(2), S(2));
        rate.succeeded();
        assert_eq!(rate.value(), 49);
    }

    #[test]
    fn concurrency_lowers_the_cap_to_what_fits() {
        let mut cap = Aimd::new(AimdPolicy { floor: 1, ceiling: 10, keep_permille: 500, step: 1, every: 2 });
        assert!(cap.crowded(S(1), S(1), 4));
        assert_eq!(cap.value(), 3);
        assert!(cap.crowded(S(2), S(2), 9), "never up");
        assert_eq!(cap.value(), 3);
        assert!(cap.crowded(S(3), S(3), 0));
        assert_eq!(cap.value(), 1);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_decrease_twice() {
        let mut rate = Aimd::new(POLICY);
        assert!(rate.congested(S(100), S(99)));
        assert!(rate.congested(S(40), S(100)));
        assert!(!rate.congested(S(41), S(99)));
    }

    #[test]
    fn contradictions_are_refused() {
        for (policy, error) in [
            (AimdPolicy { floor: 0, ..POLICY }, AimdError::ZeroFloor),
            (AimdPolicy { floor: 101, ..POLICY }, AimdError::FloorAboveCeiling { floor: 101, ceiling: 100 }),
            (AimdPolicy { keep_permille: 1_000, ..POLICY }, AimdError::NoDecrease { keep_permille: 1_000 }),
            (AimdPolicy { every: 0, ..POLICY }, AimdError::ZeroEvery),
        ] {
            assert_eq!(policy.checked(), Err(error));
        }
    }

    #[test]
    fn eighty_percent_used_is_not_above_eighty_percent() {
        let reset = Some(Duration::from_secs(35));
        assert_eq!(Pacing::SEED_001.gap(6, 30, reset), Duration::ZERO, "24 of 30 used");
        assert_eq!(Pacing::SEED_001.gap(5, 30, reset), Duration::from_secs(7), "25 of 30 used");
        assert_eq!(Pacing::SEED_001.gap(0, 30, reset), Duration::from_secs(35));
        assert_eq!(Pacing::SEED_001.gap(0, 0, reset), Duration::ZERO);
    }
}
