//! `Breaker`: stop calling what is ill, and find out gently whether it is well again.
//!
//! It counts failures of health: 5xx and transport errors. **Throttling is no ill health**: a 429 is settled without a
//! verdict. It is a limiter as the others are (`reserve`, then [`success`](Breaker::success) or
//! [`failure`](Breaker::failure), or `release` where there is nothing to say), so it joins
//! [`reserve_all`](crate::reserve_all).
//!
//! ```text
//!             too many failures              `open_for` is over
//!  Closed ──────────────────────────> Open ──────────────────────> HalfOpen (few probes at a time)
//!    ^                                  ^                             │  │
//!    └── enough probes succeeded ───────│─────────────────────────────┘  │
//!                                       └── a probe failed, or was lost ─┘
//! ```

use crate::bounded::Counting;
use crate::breaker_policy::{BreakerPolicy, Trip};
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::log::log;
use crate::slide::slide;
use crate::time::{Duration, Instant};

/// What a breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// Lets everything through.
    Closed,
    /// Lets nothing through before this instant.
    Open {
        /// When the first probe may go.
        until: Instant,
    },
    /// Lets a few probes through.
    HalfOpen {
        /// Probes without a verdict yet.
        out: u16,
        /// Probes that succeeded since it half opened.
        passed: u16,
        /// When the probes that are out count as lost.
        lost_at: Instant,
    },
}

pub(crate) const SLICES: usize = 8;

/// Calls and failures of an eighth of the window.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Slice {
    pub(crate) calls: u32,
    pub(crate) failures: u32,
}

/// A circuit breaker.
///
/// # Example
/// ```
/// use tollgate::{Breaker, BreakerPolicy, Denied, Duration, Instant, Limiter, Trip};
/// let policy = BreakerPolicy::new(Trip::Consecutive { failures: 1 }, Duration::from_secs(30))?;
/// let mut breaker = Breaker::new(policy, Instant::ORIGIN);
///
/// let call = breaker.reserve(Instant::ORIGIN, 1, Duration::ZERO).unwrap();
/// breaker.failure(Instant::from_secs(1), call);
/// assert_eq!(breaker.allow(Instant::from_secs(2), 1), Err(Denied::Until(Instant::from_secs(31))));
///
/// let probe = breaker.reserve(Instant::from_secs(31), 1, Duration::ZERO).unwrap();
/// breaker.success(Instant::from_secs(32), probe);
/// assert!(breaker.allow(Instant::from_secs(32), 1).is_ok());
/// # Ok::<(), tollgate::BreakerError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Breaker {
    pub(crate) policy: BreakerPolicy,
    pub(crate) phase: Phase,
    pub(crate) last: Instant,
    /// Counts the phases, so that a verdict on a call of an earlier one changes nothing.
    pub(crate) mark: u32,
    pub(crate) in_a_row: u32,
    pub(crate) slices: [Slice; SLICES],
    pub(crate) head: Instant,
}

impl Breaker {
    /// A closed breaker.
    pub const fn new(policy: BreakerPolicy, now: Instant) -> Self {
        const NONE: Slice = Slice { calls: 0, failures: 0 };
        Self { policy, phase: Phase::Closed, last: now, mark: 1, in_a_row: 0, slices: [NONE; SLICES], head: now }
    }

    /// What it does with a call at `now`.
    pub fn phase(&self, now: Instant) -> Phase {
        let eff = self.last.max(now);
        let mut phase = self.phase;
        // Probes lost, then open again, then half open again: two steps at most matter.
        if let Phase::HalfOpen { out, lost_at, .. } = phase
            && out > 0
            && eff >= lost_at
        {
            phase = Phase::Open { until: lost_at.saturating_add(self.policy.open_for) };
        }
        match phase {
            Phase::Open { until } if eff >= until => Phase::HalfOpen { out: 0, passed: 0, lost_at: eff },
            other => other,
        }
    }

    /// Re-anchors the breaker at `now` after a **known** clock fault: what is open, or waits for a probe, does so at most
    /// once more, and what it has counted stays counted. A `now` that is not an earlier one changes nothing.
    pub fn restart(&mut self, now: Instant) {
        if now >= self.last {
            return;
        }
        (self.last, self.head) = (now, self.head.min(now));
        match &mut self.phase {
            Phase::Closed => {}
            Phase::Open { until } => *until = (*until).min(now.saturating_add(self.policy.open_for)),
            Phase::HalfOpen { lost_at, .. } => *lost_at = (*lost_at).min(now.saturating_add(self.policy.lost_after)),
        }
    }

    /// The call was answered by something that is well.
    pub fn success(&mut self, now: Instant, call: Reservation) {
        if let Some(calls) = self.verdict(now, call) {
            match &mut self.phase {
                Phase::HalfOpen { out, passed, .. } => {
                    *out = out.saturating_sub(calls);
                    *passed = passed.saturating_add(calls);
                    if *passed >= self.policy.probes {
                        self.enter(Phase::Closed);
                    }
                }
                _ => _ = self.count(u32::from(calls), 0),
            }
        }
    }

    /// The call failed for want of health: a 5xx, a reset, a timeout. Not a 429: release that.
    pub fn failure(&mut self, now: Instant, call: Reservation) {
        if let Some(calls) = self.verdict(now, call) {
            let trips = match self.phase {
                Phase::HalfOpen { .. } => true,
                _ => self.count(u32::from(calls), u32::from(calls)),
            };
            if trips {
                self.enter(Phase::Open { until: self.last.saturating_add(self.policy.open_for) });
            }
        }
    }

    /// How many calls the verdict is on, if they belong to the present phase.
    #[expect(clippy::needless_pass_by_value, reason = "a verdict is given once")]
    fn verdict(&mut self, now: Instant, call: Reservation) -> Option<u16> {
        self.advance(now);
        let current = call.token().mark == self.mark && call.cost() > 0;
        current.then(|| u16::try_from(call.cost()).unwrap_or(u16::MAX))
    }

    /// What it answers when time may have done something to it.
    fn quote_at(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        match self.phase(now) {
            Phase::Closed => Ok(from),
            Phase::Open { until } => Err(Denied::Until(until)),
            // Several calls at once are more than it takes to probe; they pass when it has closed.
            Phase::HalfOpen { .. } if cost > u64::from(self.policy.probes) => Err(Denied::Busy),
            Phase::HalfOpen { .. } if cost <= self.room(now) => Ok(from),
            Phase::HalfOpen { lost_at, .. } => Err(Denied::Until(lost_at.saturating_add(self.policy.open_for))),
        }
    }

    fn enter(&mut self, phase: Phase) {
        tell(phase, self.last);
        self.phase = phase;
        self.mark = self.mark.checked_add(1).unwrap_or(1);
        self.in_a_row = 0;
        self.slices = [Slice::default(); SLICES];
        self.head = self.last;
    }

    fn advance(&mut self, now: Instant) {
        self.last = self.last.max(now);
        // The common case: time does nothing to a closed one.
        if self.phase == Phase::Closed {
            return;
        }
        let phase = self.phase(self.last);
        if core::mem::discriminant(&phase) != core::mem::discriminant(&self.phase) {
            self.enter(phase);
        } else if let (Phase::HalfOpen { out: 0, .. }, Phase::HalfOpen { out, .. }) = (phase, self.phase)
            && out > 0
        {
            // Lost, opened and half open again while nobody looked: verdicts on the lost ones come too late.
            self.enter(phase);
        }
    }

    /// Counts calls while closed, and tells whether that is too much.
    fn count(&mut self, calls: u32, failures: u32) -> bool {
        match self.policy.trip {
            Trip::Consecutive { failures: limit } => {
                self.in_a_row = if failures > 0 { self.in_a_row.saturating_add(failures) } else { 0 };
                self.in_a_row >= limit
            }
            Trip::Rolling { window, calls: enough, permille } => {
                self.rotate(window);
                if let Some(slice) = self.slices.first_mut() {
                    slice.calls = slice.calls.saturating_add(calls);
                    slice.failures = slice.failures.saturating_add(failures);
                }
                let all: u64 = self.slices.iter().map(|slice| u64::from(slice.calls)).total();
                let bad: u64 = self.slices.iter().map(|slice| u64::from(slice.failures)).total();
                // Eight times 2^32 at most, and a thousandfold: far below 2^64.
                let share = bad.wrapping_mul(1_000) >= all.wrapping_mul(u64::from(permille));
                failures > 0 && all >= u64::from(enough) && share
            }
        }
    }

    fn rotate(&mut self, window: Duration) {
        let slice = Duration::from_micros(window.as_micros() >> SLICES.trailing_zeros());
        slide(&mut self.slices, &mut self.head, slice, self.last);
    }
}

/// A line for the log.
fn tell(phase: Phase, now: Instant) {
    match phase {
        Phase::Open { until } => log!(warn, "breaker: open for {=u64} us", until.saturating_since(now).as_micros()),
        phase => log!(info, "breaker: {=str}", if phase == Phase::Closed { "closed" } else { "half open" }),
    }
}

impl Book for Breaker {
    /// While closed, any number.
    fn room(&self, now: Instant) -> u64 {
        match self.phase(now) {
            Phase::Closed => u64::MAX,
            Phase::Open { .. } => 0,
            Phase::HalfOpen { out, .. } => u64::from(self.policy.probes.saturating_sub(out)),
        }
    }

    /// Not ahead: `Until` the first probe may go. Where all probes are out, until they are lost and it half opens
    /// again; a verdict may come sooner.
    #[inline]
    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        if matches!(self.phase, Phase::Closed) { Ok(from) } else { self.quote_at(now, from, cost) }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.quote(now, at, cost)?;
        self.advance(now);
        let calls = u16::try_from(cost).unwrap_or(u16::MAX);
        if let Phase::HalfOpen { out, lost_at, .. } = &mut self.phase {
            *out = out.saturating_add(calls);
            *lost_at = (*lost_at).max(self.last.max(at).saturating_add(self.policy.lost_after));
        }
        Ok(Reservation::new(at, cost, Token { key: 0, mark: self.mark }))
    }

    fn restart(&mut self, now: Instant) {
        Self::restart(self, now);
    }

    /// Without a verdict: a probe's place is free again.
    fn settle(&mut self, now: Instant, held: Reservation, _actual: u64) {
        if let Some(calls) = self.verdict(now, held)
            && let Phase::HalfOpen { out, .. } = &mut self.phase
        {
            *out = out.saturating_sub(calls);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BreakerError, Limiter};

    const S: fn(u64) -> Instant = Instant::from_secs;

    fn breaker(trip: Trip, probes: u16) -> Breaker {
        let policy = BreakerPolicy::new(trip, Duration::from_secs(30)).and_then(|policy| policy.with_probes(probes));
        Breaker::new(policy.and_then(|policy| policy.with_probe_timeout(Duration::from_secs(5))).unwrap(), S(0))
    }

    fn call(breaker: &mut Breaker, at: u64) -> Reservation {
        breaker.reserve(S(at), 1, Duration::ZERO).unwrap()
    }

    #[test]
    fn a_known_clock_fault_keeps_it_open_at_most_once_more() {
        let mut breaker = breaker(Trip::Consecutive { failures: 1 }, 1);
        let held = call(&mut breaker, 3_600);
        breaker.failure(S(3_600), held);
        assert_eq!(breaker.allow(S(10), 1), Err(Denied::Until(S(3_630))), "an hour ahead and back");
        breaker.restart(S(10));
        assert_eq!(breaker.phase(S(39)), Phase::Open { until: S(40) });
        let probe = call(&mut breaker, 40);
        breaker.restart(S(40));
        assert_eq!(breaker.phase(S(44)), Phase::HalfOpen { out: 1, passed: 0, lost_at: S(45) });
        breaker.success(S(44), probe);
        assert_eq!(breaker.phase(S(44)), Phase::Closed);
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_forgives_them() {
        let mut breaker = breaker(Trip::Consecutive { failures: 3 }, 1);
        for (at, fails) in [(1, true), (2, true), (3, false), (4, true), (5, true), (6, true)] {
            assert_eq!(breaker.phase(S(at)), Phase::Closed);
            let held = call(&mut breaker, at);
            if fails { breaker.failure(S(at), held) } else { breaker.success(S(at), held) }
        }
        assert_eq!(breaker.allow(S(7), 1), Err(Denied::Until(S(36))));
        assert_eq!(breaker.available(S(36)), 1);
    }

    #[test]
    fn throttling_is_no_ill_health() {
        let mut breaker = breaker(Trip::Consecutive { failures: 1 }, 1);
        for at in 0..100 {
            let held = call(&mut breaker, at);
            breaker.release(S(at), held);
        }
        assert_eq!(breaker.phase(S(100)), Phase::Closed);
    }

    #[test]
    fn a_share_of_failures_opens_it_once_there_are_enough_calls() {
        let rolling = Trip::Rolling { window: Duration::from_secs(80), calls: 4, permille: 500 };
        let mut breaker = breaker(rolling, 1);
        for (at, fails, phase) in [
            (1, true, Phase::Closed),
            (2, true, Phase::Closed),
            (3, true, Phase::Closed),
            (95, false, Phase::Closed), // the first three are forgotten
            (96, true, Phase::Closed),
            (97, false, Phase::Closed),
            (98, true, Phase::Open { until: S(128) }),
        ] {
            let held = call(&mut breaker, at);
            let verdict = if fails { Breaker::failure } else { Breaker::success };
            verdict(&mut breaker, S(at), held);
            assert_eq!(breaker.phase(S(at)), phase, "at {at} s");
        }
    }

    #[test]
    fn half_open_lets_only_its_probes_out() {
        let mut breaker = breaker(Trip::Consecutive { failures: 1 }, 2);
        let held = call(&mut breaker, 0);
        breaker.failure(S(0), held);
        let (a, b) = (call(&mut breaker, 30), call(&mut breaker, 31));
        assert_eq!(breaker.allow(S(32), 1), Err(Denied::Until(S(66))), "lost at 36, then open for 30");
        breaker.success(S(32), a);
        assert_eq!(breaker.available(S(32)), 1);
        breaker.release(S(33), b); // a 429: its place is free, no verdict
        assert_eq!(breaker.available(S(33)), 2);
        let c = call(&mut breaker, 34);
        breaker.success(S(34), c);
        assert_eq!(breaker.phase(S(34)), Phase::Closed);
    }

    #[test]
    fn a_lost_probe_counts_as_failed() {
        let mut breaker = breaker(Trip::Consecutive { failures: 1 }, 1);
        let held = call(&mut breaker, 0);
        breaker.failure(S(0), held);
        let lost = call(&mut breaker, 30);
        assert_eq!(breaker.phase(S(35)), Phase::Open { until: S(65) });
        assert!(matches!(breaker.phase(S(65)), Phase::HalfOpen { out: 0, .. }));
        let probe = call(&mut breaker, 65);
        breaker.success(S(66), lost);
        assert!(matches!(breaker.phase(S(66)), Phase::HalfOpen { out: 1, passed: 0, .. }), "too late to have a say");
        breaker.success(S(67), probe);
        assert_eq!(breaker.phase(S(67)), Phase::Closed);
    }

    #[test]
    fn a_verdict_on_a_call_of_before_changes_nothing() {
        let mut breaker = breaker(Trip::Consecutive { failures: 2 }, 1);
        let (a, b, c) = (call(&mut breaker, 0), call(&mut breaker, 0), call(&mut breaker, 0));
        breaker.failure(S(1), a);
        breaker.failure(S(1), b);
        breaker.success(S(2), c);
        assert_eq!(breaker.phase(S(2)), Phase::Open { until: S(31) });
    }

    #[test]
    fn time_that_goes_back_closes_nothing_and_opens_nothing() {
        let mut breaker = breaker(Trip::Consecutive { failures: 1 }, 1);
        let held = call(&mut breaker, 100);
        breaker.failure(S(40), held);
        assert_eq!(breaker.phase(S(40)), Phase::Open { until: S(130) });
        assert!(breaker.allow(S(129), 1).is_err());
    }

    #[test]
    fn bad_policies_are_refused() {
        let open_for = Duration::from_secs(1);
        let rolling = |calls, permille| Trip::Rolling { window: open_for, calls, permille };
        for (trip, error) in [
            (Trip::Consecutive { failures: 0 }, BreakerError::ZeroCount),
            (rolling(0, 500), BreakerError::ZeroCount),
            (rolling(1, 0), BreakerError::Share { permille: 0 }),
            (rolling(1, 1_001), BreakerError::Share { permille: 1_001 }),
        ] {
            assert_eq!(BreakerPolicy::new(trip, open_for), Err(error));
        }
        let fine = BreakerPolicy::new(rolling(1, 1), open_for).unwrap();
        assert_eq!(fine.with_probes(0), Err(BreakerError::ZeroCount));
        assert_eq!(BreakerPolicy::new(rolling(1, 1), Duration::ZERO), Err(BreakerError::ZeroSpan));
    }
}
