//! `Call`: one call to an upstream, without a thread, a task or a request: when to send, and what an answer leads to.
//!
//! Both drivers (blocking, async) ask [`Call::step`], sleep or send, and report to [`Call::answered`]. To be told to wait
//! and to be known as waiting is one step under one lock, so that no ring is missed. Dropped at any moment, it gives back
//! what it holds: its place, the breaker's probe, what its retry took from the stock.

use std::task::Waker;

use tollgate::{
    Advice, Clock, Decision, Denied, Duration, Entropy, Health, Instant, Limiter, Outcome, Phase, Repeatable,
    Reservation, Retry, RetryPolicy,
};

use crate::cancel::{Cancel, SignedUp};
use crate::upstream::{Attempt, Inner, State, Upstream};
use crate::waiters::Left;

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send the attempt of this number.
    Send(u32),
    /// Look again at `until`, or when the waker is woken.
    Wait { now: Instant, until: Instant },
    /// It cannot be sent before `until`, which is after the deadline.
    Late { until: Instant },
    /// The token was cancelled.
    Cancelled,
}

/// When an attempt is due, as far as its own call goes.
#[derive(Clone, Copy, Debug)]
enum Due {
    At(Instant),
    /// At `not_before` if a job has ended, else at `latest`.
    Release {
        not_before: Instant,
        latest: Instant,
    },
}

/// What is out while an attempt is.
#[derive(Debug)]
struct Flight {
    sent: Instant,
    probe: Option<Reservation>,
    /// How many jobs had ended unclaimed when it was sent.
    unclaimed: u64,
}

pub(crate) struct Call<'a, C: Clock> {
    inner: &'a Inner<C>,
    cancel: Option<&'a Cancel>,
    policy: RetryPolicy,
    retry: Retry,
    end: Instant,
    due: Due,
    /// The gate that this call waits for, and when it goes itself: not everybody at once.
    held: Option<(Instant, Instant)>,
    place: Option<u64>,
    signed: Option<SignedUp<'a>>,
    flight: Option<Flight>,
    attempts: u32,
}

impl<'a, C: Clock> Call<'a, C> {
    pub(crate) fn new<K>(upstream: &'a Upstream<K, C>, repeatable: Repeatable) -> Self {
        let (inner, policy) = (&*upstream.inner, upstream.policy);
        let now = inner.clock.now();
        Self {
            inner,
            cancel: upstream.cancel.as_ref(),
            policy,
            retry: Retry::new(policy, repeatable, now),
            end: now.saturating_add(policy.throttled.deadline()),
            due: Due::At(now),
            held: None,
            place: None,
            signed: None,
            flight: None,
            attempts: 0,
        }
    }

    /// What to do now. Where that is to wait, `waker` is woken when it is worth another look before the time.
    pub(crate) fn step(&mut self, waker: &Waker) -> Step {
        // Signed up first, so that a token cancelled in between is seen by one or by the other.
        self.signed = self.cancel.map(|cancel| cancel.sign_up(waker.clone()));
        if self.cancel.is_some_and(Cancel::is_cancelled) {
            return Step::Cancelled;
        }
        let mine = waker.clone();
        // Both dropped after the lock.
        let (_old, left);
        let mut state = self.inner.lock();
        let now = self.inner.clock.now();
        let step = self.judge(&mut state, now);
        match step {
            Step::Wait { .. } => {
                let place = *self.place.get_or_insert_with(|| state.waiters.join(false));
                (_old, left) = (state.waiters.listen(place, mine), None);
            }
            Step::Send(_) => (_old, left) = (None, self.place.take().map(|place| state.waiters.leave(place, true))),
            Step::Late { .. } | Step::Cancelled => (_old, left) = (None, None),
        }
        drop(state);
        if !matches!(step, Step::Wait { .. }) {
            self.signed = None;
        }
        wake(left);
        step
    }

    /// Whether it is worth another [`step`](Self::step) before the time; if not, `waker` is woken when it is.
    pub(crate) fn is_rung(&mut self, waker: &Waker) -> bool {
        let signed = self.cancel.map(|cancel| cancel.sign_up(waker.clone()));
        self.signed = signed;
        if self.cancel.is_some_and(Cancel::is_cancelled) {
            return true;
        }
        let Some(place) = self.place else { return true };
        let mine = waker.clone();
        let _old;
        let mut state = self.inner.lock();
        if state.waiters.is_rung(place) {
            return true;
        }
        _old = state.waiters.listen(place, mine);
        false
    }

    /// The attempt ended like this: what is decided about it.
    pub(crate) fn answered(&mut self, outcome: &Outcome) -> Decision {
        let Some(Flight { sent, probe, unclaimed }) = self.flight.take() else { return Decision::Done };
        let mut state = self.inner.lock();
        let now = self.inner.clock.now();
        let entropy = state.entropy.next();
        let advice = self.retry.decide(now, outcome, &mut state.restraint, entropy);
        if let Some(gate) = advice.gate {
            state.gate = state.gate.max(gate);
        }
        let woken = state.landed(now, probe, advice.health);
        state.adapt(now, sent, &advice);
        match advice.decision {
            // A job ended while the refusal was on its way, and nobody else has gone for it.
            Decision::RetryOnRelease { not_before } if state.waiters.unclaimed() != unclaimed => {
                self.due = Due::At(not_before);
            }
            Decision::RetryOnRelease { not_before } => {
                let latest = now.saturating_add(self.policy.throttled.max()).min(self.end).max(not_before);
                self.due = Due::Release { not_before, latest };
                self.place = Some(state.waiters.join(true));
            }
            Decision::RetryAt(at) => self.due = Due::At(at),
            Decision::Done | Decision::GiveUp(_) => {}
        }
        let observer = state.observer.clone();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        if let Some(observer) = observer {
            observer(&Attempt { number: self.attempts, sent, answered: now, outcome: *outcome, advice });
        }
        advice.decision
    }

    fn judge(&mut self, state: &mut State, now: Instant) -> Step {
        let own = match self.due {
            Due::At(at) => at,
            Due::Release { not_before, latest } => {
                let released = self.place.is_none_or(|place| state.waiters.is_released(place));
                if released { not_before } else { latest }
            }
        };
        let due = own.max(self.opening(state, now, own));
        if due > self.end {
            return Step::Late { until: due };
        }
        // Whoever wakes up late sends all the same: what was promised is that no sleep is meant to end after the deadline.
        if now < due {
            return Step::Wait { now, until: due };
        }
        let probe = match state.breaker.as_mut().map(|breaker| (breaker.phase(now), breaker)) {
            None => None,
            Some((phase, breaker)) => match breaker.reserve(now, 1, Duration::ZERO) {
                Ok(probe) => Some(probe),
                Err(denied) => return self.behind_breaker(now, phase, denied),
            },
        };
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts == 1 {
            state.restraint.sending(now);
        }
        state.in_flight = state.in_flight.saturating_add(1);
        self.flight = Some(Flight { sent: now, probe, unclaimed: state.waiters.unclaimed() });
        Step::Send(self.attempts)
    }

    /// When the gate lets this call through: spread after its opening like the waits of those who were refused.
    fn opening(&mut self, state: &mut State, now: Instant, own: Instant) -> Instant {
        let gate = state.gate;
        if let Some((_, mine)) = self.held.filter(|(known, _)| *known == gate) {
            return mine;
        }
        if gate <= own.max(now) {
            self.held = None;
            return gate;
        }
        let later = spread(gate.saturating_since(now), self.policy.spread_permille, &mut state.entropy);
        // The deadline allows less spread, but not an earlier start.
        let mine = gate.saturating_add(later).min(self.end.max(gate));
        self.held = Some((gate, mine));
        mine
    }

    fn behind_breaker(&self, now: Instant, phase: Phase, denied: Denied) -> Step {
        // Probes that are out may get their verdict, and let everybody pass, at any moment.
        let hope = matches!(phase, Phase::HalfOpen { .. }) && now < self.end;
        match denied {
            Denied::Until(until) if until > self.end && !hope => Step::Late { until },
            Denied::Until(until) => Step::Wait { now, until: until.min(self.end) },
            Denied::Busy | Denied::Never { .. } => Step::Wait { now, until: self.end },
        }
    }
}

impl State {
    /// An attempt is over. Answers whom to wake.
    fn landed(&mut self, now: Instant, probe: Option<Reservation>, health: Health) -> Vec<Waker> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let (Some(breaker), Some(probe)) = (&mut self.breaker, probe) else { return Vec::new() };
        let probing = matches!(breaker.phase(now), Phase::HalfOpen { .. });
        match health {
            Health::Success => breaker.success(now, probe),
            Health::Failure => breaker.failure(now, probe),
            Health::Unknown => breaker.release(now, probe),
        }
        if probing { self.waiters.ring() } else { Vec::new() }
    }

    fn adapt(&mut self, now: Instant, sent: Instant, advice: &Advice) {
        let Some(rate) = &mut self.rate else { return };
        if advice.slow_down {
            rate.congested(now, sent);
        }
        if advice.health == Health::Success {
            rate.succeeded();
        }
    }
}

impl<C: Clock> Drop for Call<'_, C> {
    fn drop(&mut self) {
        if self.retry.taken().is_none() && self.flight.is_none() && self.place.is_none() {
            return;
        }
        let mut state = self.inner.lock();
        self.retry.cancel(&mut state.restraint);
        let mut woken = Vec::new();
        if let Some(flight) = self.flight.take() {
            let now = self.inner.clock.now();
            woken = state.landed(now, flight.probe, Health::Unknown);
        }
        let left = self.place.take().map(|place| state.waiters.leave(place, false));
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        wake(left);
    }
}

fn wake(left: Option<Left>) {
    if let Some(Left { next: Some(next), .. }) = left {
        next.wake();
    }
}

/// Up to this share of a wait.
fn spread(wait: Duration, permille: u16, entropy: &mut Entropy) -> Duration {
    let most = u128::from(wait.as_micros()) * u128::from(permille) / 1_000;
    let part = (most * u128::from(entropy.next())) >> 32;
    Duration::from_micros(u64::try_from(part).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_a_share_of_the_wait() {
        for entropy in 0..100 {
            let mut entropy = Entropy::of_device(entropy);
            assert!(spread(Duration::from_secs(10), 200, &mut entropy) < Duration::from_secs(2));
            assert_eq!(spread(Duration::MAX, 0, &mut entropy), Duration::ZERO);
            assert!(spread(Duration::MAX, u16::MAX, &mut entropy) <= Duration::MAX);
        }
    }
}
