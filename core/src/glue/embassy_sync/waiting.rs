//! `Waiting`: a place in line as a future. `WaitError`: why it came to nothing. `AlarmClock`: who wakes it by time.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use embassy_sync::blocking_mutex::raw::RawMutex;

use super::Shared;
use super::line::{Left, Ticket};
use crate::limiter::Denied;
use crate::time::{Clock, Duration, Instant, ManualClock};

/// A clock that can also wake a task.
///
/// With both embassy features, `EmbassyClock` is one. Whoever has another timer queue implements it there; whoever has
/// none does nothing in `wake_at` and calls [`Shared::wake`] when time has passed.
pub trait AlarmClock: Clock {
    /// Wakes `waker` once this clock shows `at` or more; at once, if it does already. Later than that is a delay,
    /// earlier or more than once does no harm.
    ///
    /// An alarm is never taken back: whoever was woken for nothing looks, and sets another one.
    fn wake_at(&self, at: Instant, waker: &Waker);
}

impl<C: AlarmClock + ?Sized> AlarmClock for &C {
    fn wake_at(&self, at: Instant, waker: &Waker) {
        (**self).wake_at(at, waker);
    }
}

/// Moved by hand, and so is the waking: call [`Shared::wake`] afterwards.
impl AlarmClock for ManualClock {
    fn wake_at(&self, _at: Instant, _waker: &Waker) {}
}

/// Why a wait ended without anything. Nothing is held or used then. Exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WaitError {
    /// The deadline has passed, or the limiter says that it will.
    Timeout {
        /// When it would have passed, as things stood; `None` where only a release would have helped, or others stood
        /// before.
        until: Option<Instant>,
    },
    /// Ask for less: at most `max` can ever pass in one call.
    Never {
        /// The largest cost that can ever pass.
        max: u64,
    },
    /// As many wait already as there are seats.
    Full,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { until: Some(at) } => write!(f, "timed out: not before {at}"),
            Self::Timeout { until: None } => f.write_str("timed out in line"),
            Self::Never { max } => write!(f, "never: at most {max} at once"),
            Self::Full => f.write_str("too many wait already"),
        }
    }
}

impl core::error::Error for WaitError {}

/// A place in line, and how long it is kept. However a wait ends, the place is given back, and the next is woken.
pub(super) struct Place<'a, M: RawMutex, L, C, const W: usize> {
    pub(super) shared: &'a Shared<M, L, C, W>,
    pub(super) deadline: Instant,
    pub(super) hoping: bool,
    ticket: Option<Ticket>,
}

impl<'a, M: RawMutex, L, C, const W: usize> Place<'a, M, L, C, W> {
    pub(super) const fn new(shared: &'a Shared<M, L, C, W>) -> Self {
        Self { shared, deadline: Instant::MAX, hoping: false, ticket: None }
    }
}

impl<M: RawMutex, L, C, const W: usize> Drop for Place<'_, M, L, C, W> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.room.lock(|room| room.line.leave(ticket)).wake_next();
        }
    }
}

/// A wait in line, from [`Shared::wait`] or [`Shared::wait_for`]. Say how long, then `.await` it.
///
/// It stands in line from its first poll. Dropped at any moment, it leaves the line and has cost nothing. Kept, but
/// never polled again, it holds up whoever stands behind: do not `mem::forget` it.
#[must_use = "it waits when it is awaited"]
pub struct Waiting<'a, M: RawMutex, L, C, const W: usize, F> {
    place: Place<'a, M, L, C, W>,
    /// `ask(limiter, now, turn)` books if it is our turn, and never otherwise. `None` when the wait is over.
    ask: Option<F>,
}

impl<'a, M: RawMutex, L, C, const W: usize, F> Waiting<'a, M, L, C, W, F> {
    pub(super) const fn new(shared: &'a Shared<M, L, C, W>, ask: F) -> Self {
        Self { place: Place::new(shared), ask: Some(ask) }
    }

    /// Until the clock shows `deadline`; what has passed already means "now or not at all".
    ///
    /// A deadline is a limit of patience, not a guard: a head that is polled late asks once more, and is granted if it
    /// can be.
    pub fn until(mut self, deadline: impl Into<Instant>) -> Self {
        self.place.deadline = deadline.into();
        self
    }

    /// Stays to the deadline even where time alone would come too late.
    ///
    /// Without this, a wait ends at once when the limiter names an instant after the deadline. That is right for rates
    /// and windows. Where something may be released sooner than the limiter can know (slots with long leases, large
    /// holds that are mostly given back), say this.
    pub fn hoping_for_release(mut self) -> Self {
        self.place.hoping = true;
        self
    }
}

impl<M: RawMutex, L, C: Clock, const W: usize, F> Waiting<'_, M, L, C, W, F> {
    /// At most `patience`, counted from now. Zero: now or not at all. [`Duration::MAX`]: for ever.
    pub fn at_most(self, patience: impl Into<Duration>) -> Self {
        let deadline = self.place.shared.now().saturating_add(patience.into());
        self.until(deadline)
    }
}

/// Nothing in it is pinned.
impl<M: RawMutex, L, C, const W: usize, F> Unpin for Waiting<'_, M, L, C, W, F> {}

enum Step<R> {
    Over(Result<R, WaitError>),
    /// Until then, or until woken; [`Instant::MAX`] is no time.
    Sleep(Instant),
}

/// What an answer of the limiter means to somebody with this deadline.
fn step<R>(answer: Result<R, Denied>, now: Instant, deadline: Instant, hoping: bool) -> Step<R> {
    let over = now >= deadline;
    match answer {
        Ok(granted) => Step::Over(Ok(granted)),
        Err(Denied::Never { max }) => Step::Over(Err(WaitError::Never { max })),
        Err(Denied::Until(at)) if over || (at > deadline && !hoping) => {
            Step::Over(Err(WaitError::Timeout { until: Some(at) }))
        }
        Err(Denied::Until(at)) => Step::Sleep(at.min(deadline)),
        Err(Denied::Busy) if over => Step::Over(Err(WaitError::Timeout { until: None })),
        Err(Denied::Busy) => Step::Sleep(deadline),
    }
}

impl<M: RawMutex, L, C: AlarmClock, const W: usize> Place<'_, M, L, C, W> {
    /// Asks, and gives the place back if that is the end. `ask(limiter, now, turn)` books if it is our turn, and never
    /// otherwise; it also says whether something may come sooner than its answer can know.
    pub(super) fn poll<R>(
        &mut self,
        waker: &Waker,
        ask: impl FnOnce(&mut L, Instant, bool) -> (Result<R, Denied>, bool),
    ) -> Poll<Result<R, WaitError>> {
        let Self { shared, deadline, hoping, ticket } = self;
        // To be refused and to join the line is one step under one lock: no release can slip between the two. What is
        // dropped or woken comes out of the lock.
        let (mut old, mut left) = (None, Left::default());
        let step = shared.room.lock(|room| {
            let now = shared.clock.now();
            let turn = room.line.is_turn(*ticket);
            let (answer, sooner) = room.lend(|limiter| ask(limiter, now, turn))?;
            let mut step = step(answer, now, *deadline, *hoping || sooner);
            if let Step::Sleep(_) = step {
                *ticket = ticket.or_else(|| room.line.join());
                match *ticket {
                    Some(ticket) => old = room.line.keep(ticket, waker),
                    None => step = Step::Over(Err(WaitError::Full)),
                }
            }
            if let (Step::Over(_), Some(ticket)) = (&step, ticket.take_if(|_| matches!(step, Step::Over(_)))) {
                left = room.line.leave(ticket);
            }
            Some(step)
        });
        drop(old);
        left.wake_next();
        match step {
            Some(Step::Over(result)) => Poll::Ready(result),
            Some(Step::Sleep(until)) => {
                if until < Instant::MAX {
                    shared.clock.wake_at(until, waker);
                }
                Poll::Pending
            }
            // Polled from inside `with`: somebody has the limiter in his hands. Again later.
            None => {
                waker.wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<M, L, C, const W: usize, R, F> Future for Waiting<'_, M, L, C, W, F>
where
    M: RawMutex,
    C: AlarmClock,
    F: FnMut(&mut L, Instant, bool) -> Result<R, Denied>,
{
    type Output = Result<R, WaitError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { place, ask: kept } = self.get_mut();
        // Polled again after the end, it neither books a second time nor joins the line.
        let Some(ask) = kept else { return Poll::Pending };
        let polled = place.poll(context.waker(), |limiter, now, turn| (ask(limiter, now, turn), false));
        if polled.is_ready() {
            *kept = None;
        }
        polled
    }
}

impl<M: RawMutex, L, C, const W: usize, F> fmt::Debug for Waiting<'_, M, L, C, W, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("deadline", &self.place.deadline)
            .field("hoping", &self.place.hoping)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<M: RawMutex, L, C, const W: usize, F> defmt::Format for Waiting<'_, M, L, C, W, F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Waiting {{ deadline: {}, hoping: {} }}", self.place.deadline, self.place.hoping);
    }
}
