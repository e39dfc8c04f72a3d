//! `Visit`: one wait in line, without a thread or a task: whether to go on, to sleep, or that it is over.
//!
//! Both drivers (blocking, async) ask [`Visit::step`] and sleep. To be refused and to join the line is one step under one
//! lock, and so is to be granted and to leave it. Dropped at any moment, it gives its place back and wakes the next.
//!
//! ```text
//! step ──► refused, joins ──► sleep ──► rung or time ──► step ──► granted, leaves, the next is rung
//!    └──► granted                └──► dropped: leaves, and if the ring was for it, it goes to the next
//! ```

use std::task::Waker;

use tollgate::{Binding, Clock, Denied, Instant};

use crate::cancel::SignedUp;
use crate::line::Left;
use crate::observe::{Event, Log};
use crate::room::{Later, Room, State};
use crate::wait::{Wait, WaitError};

/// Why it is not granted now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum No {
    /// What the limiter said.
    Denied(Denied),
    /// The same, but something may come sooner than it can know.
    Perhaps(Denied),
    /// What this limit of a gate said.
    Bound(Binding, Denied),
    /// Asking again would not help; whoever asks knows why, and tells.
    Hopeless,
}

impl From<Denied> for No {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// What to do now.
pub(crate) enum Step<T> {
    /// It is over.
    Ended(Result<T, WaitError>),
    /// Look again at `until`, or when woken; [`Instant::MAX`] is no time.
    Sleep { now: Instant, until: Instant },
}

pub(crate) struct Visit<'a, L, C, A> {
    room: &'a Room<L, C>,
    wait: &'a Wait,
    log: Log,
    /// `ask(limiter, now, turn)` books if it is our turn, and never otherwise.
    ask: A,
    /// When it came, and when it goes.
    times: Option<(Instant, Instant)>,
    ticket: Option<u64>,
    signed: Option<SignedUp<'a>>,
}

impl<'a, L, C, A> Visit<'a, L, C, A> {
    pub(crate) const fn new(room: &'a Room<L, C>, wait: &'a Wait, log: Log, ask: A) -> Self {
        Self { room, wait, log, ask, times: None, ticket: None, signed: None }
    }

    /// Whether it is worth another [`step`](Self::step) before the time; if not, `waker` is woken when it is.
    pub(crate) fn is_rung(&mut self, waker: &Waker) -> bool {
        let Some(ticket) = self.ticket else { return true };
        self.sign_up(|| waker.clone());
        if self.wait.is_cancelled() {
            return true;
        }
        let mine = waker.clone();
        // Dropped after the lock: a waker may be anybody's code.
        let _old;
        let mut state = self.room.lock();
        if state.line.is_rung(ticket) {
            return true;
        }
        _old = state.line.listen(ticket, mine);
        false
    }

    /// Before looking at the token, so that a token cancelled in between is seen by one or by the other.
    fn sign_up(&mut self, waker: impl FnOnce() -> Waker) {
        self.signed = self.wait.cancel().map(|cancel| cancel.sign_up(waker()));
    }

    /// Gives the place back, if there is one.
    fn leave(&mut self, state: &mut State<L>) -> Option<Left> {
        self.ticket.take().and_then(|ticket| state.line.leave(ticket))
    }
}

impl<L, C: Clock, A> Visit<'_, L, C, A> {
    /// Asks if it is our turn. Where the answer is to sleep, `waker` is woken when it is worth another look.
    pub(crate) fn step<T>(&mut self, mut waker: impl FnMut() -> Waker) -> Step<T>
    where
        A: FnMut(&mut L, Instant, bool) -> Result<T, No>,
    {
        self.sign_up(&mut waker);
        // All dropped after the lock, the last one first.
        let mut later = Later::new(self.log);
        let _old;
        let mut state = self.room.lock();
        let now = self.room.clock.now();
        later.told(state.watch.see(now));
        let (came, deadline) = *self.times.get_or_insert_with(|| (now, self.wait.deadline(now)));
        let turn = self.ticket.map_or(state.line.is_empty(), |ticket| state.line.is_head(ticket));
        let (mut silent, mut binds) = (false, None);
        let answer = if self.wait.is_cancelled() {
            Err(WaitError::Cancelled)
        } else {
            let answer = (self.ask)(&mut state.limiter, now, turn);
            match &answer {
                Err(No::Hopeless) => silent = true,
                Err(No::Bound(limit, _)) => binds = Some(*limit),
                _ => {}
            }
            next(answer, now, deadline, self.wait.is_hoping(), turn)
        };
        let ended = match (answer, self.ticket) {
            (Ok(Next::Sleep(until)), Some(ticket)) => {
                _old = state.line.listen(ticket, waker());
                return Step::Sleep { now, until };
            }
            (Ok(Next::Sleep(until)), None) => {
                let ahead = state.line.len();
                self.ticket = state.line.join(waker());
                if self.ticket.is_some() {
                    later.told(Some(Event::Waiting { ahead }));
                    return Step::Sleep { now, until };
                }
                Err(WaitError::Full)
            }
            (Ok(Next::Granted(granted)), _) => Ok(granted),
            (Err(why), _) => Err(why),
        };
        let (waits, waited) = (self.ticket.is_some(), now.saturating_since(came));
        later.told(match &ended {
            Ok(_) if waits => Some(Event::Served { waited }),
            Ok(_) => Some(Event::Granted),
            Err(why) => Some(Event::Ended { why: *why, waited, binds }).filter(|_| !silent),
        });
        let left = self.leave(&mut state);
        drop(state);
        self.signed = None;
        wake(left);
        Step::Ended(ended)
    }
}

impl<L, C, A> Drop for Visit<'_, L, C, A> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            let left = self.leave(&mut self.room.lock());
            wake(left);
            self.log.tell(Event::Dropped);
        }
    }
}

fn wake(left: Option<Left>) {
    if let Some(Left { next: Some(next), .. }) = left {
        next.wake();
    }
}

enum Next<T> {
    Granted(T),
    /// Until then, or until woken.
    Sleep(Instant),
}

/// What an answer of the limiter means to somebody with this deadline. Whose turn it is not, time brings nothing; but the
/// instant at which it would pass if nobody stood before tells whether it stands there in vain.
fn next<T>(
    answer: Result<T, No>,
    now: Instant,
    deadline: Instant,
    hoping: bool,
    turn: bool,
) -> Result<Next<T>, WaitError> {
    let over = now >= deadline;
    let (denied, hoping) = match answer {
        Ok(granted) => return Ok(Next::Granted(granted)),
        // A job that is finished opens those limits, and no instant is the last word about that.
        Err(
            No::Perhaps(denied)
            | No::Bound(Binding::Slots | Binding::Jobs | Binding::Calls | Binding::Money(_), denied),
        ) => (denied, true),
        Err(No::Denied(denied) | No::Bound(_, denied)) => (denied, hoping),
        Err(No::Hopeless) => (Denied::Never { max: 0 }, hoping),
    };
    match denied {
        Denied::Never { max } => Err(WaitError::Never { max }),
        Denied::Until(at) if at > deadline && !hoping => Err(WaitError::Timeout { until: Some(at) }),
        Denied::Until(at) if over => Err(WaitError::Timeout { until: turn.then_some(at) }),
        Denied::Until(at) => Ok(Next::Sleep(if turn { at.min(deadline) } else { deadline })),
        Denied::Busy if over => Err(WaitError::Timeout { until: None }),
        Denied::Busy => Ok(Next::Sleep(deadline)),
    }
}
