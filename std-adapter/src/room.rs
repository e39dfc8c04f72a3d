//! What handles share: the limiter, its clock and the line before it, and the one body under every wait.
//!
//! Everything is looked at and changed under one lock. Whoever must wait joins the line under the same lock under which
//! it was refused, and sleeps without it; a wake-up before the sleep is kept. So none is missed:
//!
//! ```text
//! waiter   lock: refused, joins ── unlock ─────────────── sleeps ─► lock: head? asks again
//! other                            lock: releases ── unlock, wakes the head
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tollgate::{Clock, Denied, Instant, Limiter};

use crate::line::{Left, Line, Naps, Parker};
use crate::wait::{Wait, WaitError};

/// How many may wait unless told otherwise.
const MAX_WAITERS: usize = 1024;

pub(crate) struct Room<L, C> {
    pub(crate) clock: C,
    state: Mutex<State<L>>,
}

pub(crate) struct State<L> {
    pub(crate) limiter: L,
    pub(crate) line: Line,
}

impl<L: Limiter> State<L> {
    /// The limiter, if it may be asked now: nobody barges past those who wait.
    pub(crate) fn turn(&mut self, now: Instant, cost: u64) -> Result<&mut L, Denied> {
        if cost == 0 || self.line.is_empty() { Ok(&mut self.limiter) } else { Err(behind(&self.limiter, now, cost)) }
    }
}

/// The answer to whoever is not served yet because others wait: `Busy`, but what can never pass is told so.
pub(crate) fn behind<L: Limiter>(limiter: &L, now: Instant, cost: u64) -> Denied {
    match limiter.earliest(now, cost) {
        Err(never @ Denied::Never { .. }) => never,
        _ => Denied::Busy,
    }
}

impl<L, C> Room<L, C> {
    pub(crate) const fn new(limiter: L, clock: C) -> Self {
        Self { clock, state: Mutex::new(State { limiter, line: Line::new(MAX_WAITERS) }) }
    }

    /// A panic elsewhere is no reason to lock everybody out; why that is sound is said at `Shared`.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L, C: Clock> Room<L, C> {
    /// Looks, or takes something, under the lock. The clock is read under it too.
    pub(crate) fn ask<R>(&self, ask: impl FnOnce(&mut State<L>, Instant) -> R) -> R {
        let mut state = self.lock();
        let now = self.clock.now();
        ask(&mut state, now)
    }

    /// Changes something that whoever waits might have waited for; wakes the head afterwards.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut L, Instant) -> R) -> R {
        // Declared first, dropped last: when the lock is free, because a waker may be anybody's code.
        let mut later = WakeLater(None);
        let mut state = self.lock();
        // The line cannot change meanwhile, so that this is the head afterwards too.
        later.0 = state.line.head();
        let now = self.clock.now();
        change(&mut state.limiter, now)
    }

    /// The one body under every wait. `ask(limiter, now, turn)` books if it is our turn, and never otherwise.
    pub(crate) fn wait_by<T>(
        &self,
        wait: &Wait,
        mut ask: impl FnMut(&mut L, Instant, bool) -> Result<T, Denied>,
    ) -> Result<T, WaitError> {
        if wait.is_cancelled() {
            return Err(WaitError::Cancelled);
        }
        // To be refused and to join the line is one step under one lock: no release can slip between the two.
        let mut state = self.lock();
        let mut now = self.clock.now();
        let deadline = wait.deadline(now);
        let turn = state.line.is_empty();
        let mut until = match next(ask(&mut state.limiter, now, turn), now, deadline, wait.is_hoping())? {
            Next::Granted(granted) => return Ok(granted),
            Next::Sleep(until) => until,
        };
        let parker = Arc::new(Parker::default());
        let ticket = state.line.join(Waker::from(parker.clone())).ok_or(WaitError::Full)?;
        let place = Place { room: self, ticket };
        drop(state);

        let _signed_up = wait.cancel().map(|cancel| cancel.sign_up(Waker::from(parker.clone())));
        let mut naps = Naps::default();
        loop {
            // Both before the sleep, for a token cancelled before it knew us, and after it.
            if wait.is_cancelled() {
                return Err(WaitError::Cancelled);
            }
            let woken = parker.park(naps.span(now, until));
            if wait.is_cancelled() {
                return Err(WaitError::Cancelled);
            }
            let mut state = self.lock();
            now = self.clock.now();
            naps.slept(woken);
            let turn = state.line.is_head(place.ticket);
            until = match next(ask(&mut state.limiter, now, turn), now, deadline, wait.is_hoping())? {
                Next::Granted(granted) => return Ok(granted),
                Next::Sleep(until) => until,
            };
        }
    }
}

enum Next<T> {
    Granted(T),
    /// Until then, or until woken; [`Instant::MAX`] is no time.
    Sleep(Instant),
}

/// What an answer of the limiter means to somebody with this deadline.
fn next<T>(answer: Result<T, Denied>, now: Instant, deadline: Instant, hoping: bool) -> Result<Next<T>, WaitError> {
    let over = now >= deadline;
    match answer {
        Ok(granted) => Ok(Next::Granted(granted)),
        Err(Denied::Never { max }) => Err(WaitError::Never { max }),
        Err(Denied::Until(at)) if over || (at > deadline && !hoping) => Err(WaitError::Timeout { until: Some(at) }),
        Err(Denied::Until(at)) => Ok(Next::Sleep(at.min(deadline))),
        Err(Denied::Busy) if over => Err(WaitError::Timeout { until: None }),
        Err(Denied::Busy) => Ok(Next::Sleep(deadline)),
    }
}

/// A place in the line. However its wait ends, it is given back, and the next is woken.
struct Place<'a, L, C> {
    room: &'a Room<L, C>,
    ticket: u64,
}

impl<L, C> Drop for Place<'_, L, C> {
    fn drop(&mut self) {
        let left = self.room.lock().line.leave(self.ticket);
        if let Some(Left { next: Some(next), .. }) = left {
            next.wake();
        }
    }
}

/// Wakes whoever is in it when it is dropped, also by a panic.
struct WakeLater(Option<Waker>);

impl Drop for WakeLater {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
