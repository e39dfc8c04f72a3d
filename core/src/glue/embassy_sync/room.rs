//! What is kept under the lock: the limiter, which is lent to one call at a time, and the line before it.
//!
//! The raw mutexes of `embassy-sync` keep others out, but not a call from inside a call. So the limiter is taken out of
//! its cell and put back: the inner call finds nothing, and says so, where a `RefCell` would panic.

use core::cell::Cell;
use core::task::Waker;

use super::line::Line;
use crate::limiter::{Denied, Limiter};
use crate::time::Instant;

pub(super) struct Room<L, const W: usize> {
    /// Out of its cell while somebody has it in his hands.
    limiter: Cell<Option<L>>,
    pub(super) line: Line<W>,
}

/// Puts the limiter back, whatever happens to who borrowed it.
struct Lent<'a, L> {
    limiter: Option<L>,
    home: &'a Cell<Option<L>>,
}

impl<L> Drop for Lent<'_, L> {
    fn drop(&mut self) {
        if let Some(limiter) = self.limiter.take() {
            self.home.set(Some(limiter));
        }
    }
}

impl<L, const W: usize> Room<L, W> {
    pub(super) const fn new(limiter: L) -> Self {
        Self { limiter: Cell::new(Some(limiter)), line: Line::new() }
    }

    /// `None` if somebody has it already: this is a call from inside another one.
    pub(super) fn lend<R>(&self, use_it: impl FnOnce(&mut L) -> R) -> Option<R> {
        let mut lent = Lent { limiter: self.limiter.take(), home: &self.limiter };
        lent.limiter.as_mut().map(use_it)
    }
}

impl<L: Limiter, const W: usize> Room<L, W> {
    /// Asks the limiter, unless others wait: nobody barges past them.
    pub(super) fn ask<R>(
        &self,
        now: Instant,
        cost: u64,
        ask: impl FnOnce(&mut L) -> Result<R, Denied>,
    ) -> Result<R, Denied> {
        let turn = cost == 0 || self.line.is_empty();
        let answer = self.lend(|limiter| if turn { ask(limiter) } else { Err(behind(limiter, now, cost)) });
        answer.unwrap_or(Err(Denied::Busy))
    }
}

/// The answer to whoever is not served yet because others wait: `Busy`, but what can never pass is told so.
pub(super) fn behind<L: Limiter>(limiter: &L, now: Instant, cost: u64) -> Denied {
    match limiter.earliest(now, cost) {
        Err(never @ Denied::Never { .. }) => never,
        _ => Denied::Busy,
    }
}

/// Wakes whoever is in it when it is dropped, also by a panic.
pub(super) struct WakeLater(pub(super) Option<Waker>);

impl Drop for WakeLater {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
