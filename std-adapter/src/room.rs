//! What handles share: the limiter, its clock and the line before it; and how a thread waits there.
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

use crate::line::{Line, Naps, Parker};
use crate::observe::{Event, Log, Watch};
use crate::visit::{No, Step, Visit};
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
    pub(crate) watch: Watch,
}

impl<L: Limiter> State<L> {
    /// The limiter, if it may be asked now: nobody barges past those who wait.
    pub(crate) fn turn(&mut self, now: Instant, cost: u64) -> Result<&mut L, Denied> {
        if cost == 0 || self.line.is_empty() { Ok(&mut self.limiter) } else { Err(behind(&self.limiter, now, cost)) }
    }
}

/// The answer to whoever is not served yet because others wait: `Busy`, but what can never pass is told so.
fn behind<L: Limiter>(limiter: &L, now: Instant, cost: u64) -> Denied {
    match limiter.earliest(now, cost) {
        Err(never @ Denied::Never { .. }) => never,
        _ => Denied::Busy,
    }
}

/// The answer to whoever stands in line behind others: when it would pass if they were not there.
pub(crate) fn alone<L: Limiter>(limiter: &L, now: Instant, cost: u64) -> Denied {
    limiter.earliest(now, cost).map_or_else(|denied| denied, Denied::Until)
}

impl<L, C> Room<L, C> {
    pub(crate) fn new(limiter: L, clock: C) -> Self {
        let state = State { limiter, line: Line::new(MAX_WAITERS), watch: Watch::default() };
        Self { clock, state: Mutex::new(state) }
    }

    /// A panic elsewhere is no reason to lock everybody out; why that is sound is said at `Shared`.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L, C: Clock> Room<L, C> {
    /// Looks, or takes something, under the lock. The clock is read under it too.
    pub(crate) fn ask<R>(&self, log: Log, ask: impl FnOnce(&mut State<L>, Instant) -> R) -> R {
        let mut later = Later::new(log);
        let mut state = self.lock();
        let now = self.clock.now();
        later.told(state.watch.see(now));
        ask(&mut state, now)
    }

    /// Changes something that whoever waits might have waited for; wakes the head afterwards.
    pub(crate) fn change<R>(&self, log: Log, change: impl FnOnce(&mut L, Instant) -> R) -> R {
        let mut later = Later::new(log);
        let mut state = self.lock();
        // The line cannot change meanwhile, so that this is the head afterwards too.
        later.waker = state.line.ring_head();
        let now = self.clock.now();
        later.told(state.watch.see(now));
        change(&mut state.limiter, now)
    }

    /// Waits on this thread. `ask(limiter, now, turn)` books if it is our turn, and never otherwise.
    pub(crate) fn blocking<T>(
        &self,
        wait: &Wait,
        log: Log,
        ask: impl FnMut(&mut L, Instant, bool) -> Result<T, No>,
    ) -> Result<T, WaitError> {
        let mut visit = Visit::new(self, wait, log, ask);
        let mut naps = Naps::default();
        // Made when somebody has to wait.
        let mut parker: Option<Arc<Parker>> = None;
        loop {
            match visit.step(|| Waker::from(Arc::clone(parker.get_or_insert_default()))) {
                Step::Ended(ended) => return ended,
                Step::Sleep { now, until } => {
                    let woken = parker.get_or_insert_default().park(naps.span(now, until));
                    naps.slept(woken);
                }
            }
        }
    }
}

/// What is done when the lock is free, also after a panic: a waker and a subscriber may be anybody's code. To be declared
/// before the lock is taken, because what is declared first is dropped last.
pub(crate) struct Later {
    log: Log,
    pub(crate) waker: Option<Waker>,
    events: [Option<Event>; 2],
}

impl Later {
    pub(crate) const fn new(log: Log) -> Self {
        Self { log, waker: None, events: [None; 2] }
    }

    /// To be told; there is room for what one step can bring.
    pub(crate) fn told(&mut self, event: Option<Event>) {
        if let Some(free) = self.events.iter_mut().find(|slot| slot.is_none()) {
            *free = event;
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        for event in self.events.into_iter().flatten() {
            self.log.tell(event);
        }
    }
}
