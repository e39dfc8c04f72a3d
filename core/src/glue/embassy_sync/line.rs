//! The line: who waits, in which order, and how each of them is woken, alone.
//!
//! It is kept under the lock of the limiter it stands before, and made of cells, so that no part of it is ever out of
//! its place: whoever drops a waiter finds it, even from code that has the limiter in its hands.
//!
//! ```text
//! seats    [ticket 7] [free] [ticket 4] [ticket 6]     the lowest ticket is the head: only it asks the limiter
//! ```
//! W seats of a ticket and a waker, 16 bytes each on a 32-bit chip; every call looks through all of them.

use core::cell::Cell;
use core::num::NonZeroU64;
use core::task::Waker;

/// A place in the line. Numbers rise with the order of arrival and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(NonZeroU64);

struct Seat {
    ticket: Cell<Option<Ticket>>,
    /// `None` from when its owner was woken until it looks again.
    waker: Cell<Option<Waker>>,
}

/// At most `W` waiters.
pub(super) struct Line<const W: usize> {
    seats: [Seat; W],
    last: Cell<u64>,
}

/// What is left of a place, to be dropped when the lock is free: a waker may be anybody's code, and so may its drop.
#[derive(Default)]
pub(super) struct Left {
    _own: Option<Waker>,
    /// If the place was the head's, who has to be woken now.
    next: Option<Waker>,
}

impl Left {
    /// Wakes the next, not under the lock.
    pub(super) fn wake_next(self) {
        if let Some(next) = self.next {
            next.wake();
        }
    }
}

impl<const W: usize> Line<W> {
    pub(super) const fn new() -> Self {
        Self { seats: [const { Seat { ticket: Cell::new(None), waker: Cell::new(None) } }; W], last: Cell::new(0) }
    }

    pub(super) fn len(&self) -> usize {
        // Said as a fold because `count` checks its addition, which is a panic that the optimizer does not always see
        // through.
        self.seats.iter().fold(0, |taken: usize, seat| taken.saturating_add(usize::from(seat.ticket.get().is_some())))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head().is_none()
    }

    /// Whether the holder of this ticket may ask: it is the head, or it has none yet and nobody waits.
    pub(super) fn is_turn(&self, ticket: Option<Ticket>) -> bool {
        self.head().and_then(|seat| seat.ticket.get()) == ticket
    }

    /// A ticket at the end of the line, or `None` if it is full.
    pub(super) fn join(&self) -> Option<Ticket> {
        let seat = self.seats.iter().find(|seat| seat.ticket.get().is_none())?;
        // Saturates after more waits than anybody can make.
        let ticket = Ticket(NonZeroU64::MIN.saturating_add(self.last.get()));
        self.last.set(ticket.0.get());
        seat.ticket.set(Some(ticket));
        Some(ticket)
    }

    /// Remembers whom to wake for this ticket; the waker of before, if it is another one, is for the caller to drop.
    pub(super) fn keep(&self, ticket: Ticket, waker: &Waker) -> Option<Waker> {
        let seat = self.find(ticket)?;
        match seat.waker.take() {
            Some(same) if same.will_wake(waker) => {
                seat.waker.set(Some(same));
                None
            }
            other => {
                seat.waker.set(Some(waker.clone()));
                other
            }
        }
    }

    /// Gives the ticket back.
    pub(super) fn leave(&self, ticket: Ticket) -> Left {
        let was_head = self.is_turn(Some(ticket));
        let Some(seat) = self.find(ticket) else { return Left::default() };
        seat.ticket.set(None);
        Left { _own: seat.waker.take(), next: if was_head { self.call_head() } else { None } }
    }

    /// Who has to be woken so that the head looks again; nobody if it was woken already and has not looked yet.
    pub(super) fn call_head(&self) -> Option<Waker> {
        self.head()?.waker.take()
    }

    /// The same for whoever has this seat.
    pub(super) fn call_seat(&self, index: usize) -> Option<Waker> {
        self.seats.get(index)?.waker.take()
    }

    fn head(&self) -> Option<&Seat> {
        let taken = self.seats.iter().filter_map(|seat| Some((seat.ticket.get()?, seat)));
        taken.min_by_key(|(ticket, _)| *ticket).map(|(_, seat)| seat)
    }

    fn find(&self, ticket: Ticket) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.ticket.get() == Some(ticket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_who_came_first_and_not_who_sits_first() {
        let line = Line::<3>::new();
        let [a, b, c] = [(); 3].map(|()| line.join().unwrap());
        assert!(a < b && b < c);
        assert_eq!((line.join(), line.len()), (None, 3));
        line.leave(a);
        let d = line.join().unwrap(); // in the seat of the first
        assert!(line.is_turn(Some(b)) && !line.is_turn(Some(d)) && !line.is_turn(None));
        line.leave(b);
        line.leave(b);
        line.leave(c);
        assert!(line.is_turn(Some(d)));
        line.leave(d);
        assert!(line.is_turn(None) && line.is_empty());
    }

    #[test]
    fn whoever_was_woken_is_not_woken_twice() {
        let line = Line::<2>::new();
        let [a, b] = [(); 2].map(|()| line.join().unwrap());
        line.keep(a, Waker::noop());
        line.keep(b, Waker::noop());
        assert!(line.call_head().is_some());
        assert!(line.call_head().is_none(), "on its way");
        assert!(line.leave(a).next.is_some(), "and if it does not come, the next is called");
        assert!(line.leave(b).next.is_none());
    }

    #[test]
    fn a_line_without_seats_is_full() {
        let line = Line::<0>::new();
        assert_eq!(line.join(), None);
        assert!(line.is_turn(None));
    }
}
