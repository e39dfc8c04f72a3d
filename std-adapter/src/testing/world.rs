//! `World`: a limiter with what its callers hold. Laws compare two of them that were treated differently.

use tollgate::{Denied, Duration, Instant, Limiter, Reservation};

use super::bound::{Event, History};
use super::report::Log;
use super::trace::{Act, Answer, Call, Held};

/// A limiter, the bookings that are out, and what it has agreed to.
#[derive(Debug)]
pub(super) struct World<L> {
    pub(super) limiter: L,
    pub(super) history: History,
    held: Vec<(usize, Reservation)>,
    next: usize,
    /// The effective time: the latest stamp acted on.
    acted: Instant,
}

impl<L: Limiter + Clone> Clone for World<L> {
    fn clone(&self) -> Self {
        Self {
            limiter: self.limiter.clone(),
            history: self.history.clone(),
            held: self.held.iter().map(|(id, held)| (*id, copy(held))).collect(),
            ..*self
        }
    }
}

/// A second copy of a reservation, for a second copy of its limiter.
pub(super) const fn copy(held: &Reservation) -> Reservation {
    Reservation::new(held.at(), held.cost(), held.token())
}

impl<L: Limiter + Clone> World<L> {
    pub(super) const fn new(limiter: L, start: Instant) -> Self {
        Self { limiter, history: History::new(), held: Vec::new(), next: 0, acted: start }
    }

    /// What is held.
    pub(super) fn held(&self) -> Vec<Held> {
        self.held.iter().map(|(id, held)| Held { id: *id, cost: held.cost(), at: held.at() }).collect()
    }

    /// The booking of this number.
    pub(super) fn booking(&self, id: usize) -> Option<&Reservation> {
        self.held.iter().find(|(number, _)| *number == id).map(|(_, held)| held)
    }

    /// The number of the next booking.
    pub(super) const fn next(&self) -> usize {
        self.next
    }

    /// Makes the call and writes it down.
    pub(super) fn run(&mut self, call: &Call, log: &mut Log) -> Answer {
        let number = self.next;
        let answer = self.apply(call);
        log.row(call.now, || {
            let name = if self.next > number { format!("{} #{number}", call.act) } else { call.act.to_string() };
            (name, answer.to_string())
        });
        answer
    }

    /// Makes the call. Bookings take the next number; a booking of another number than held is passed over.
    pub(super) fn apply(&mut self, call: &Call) -> Answer {
        let now = call.now;
        match call.act {
            Act::Peek(cost) => Answer::Seen(self.limiter.available(now), self.limiter.earliest(now, cost)),
            Act::Allow(cost) => {
                let answer = self.limiter.allow(now, cost);
                if answer.is_ok() && cost > 0 {
                    let id = self.booked(now, now, cost);
                    self.settled(now, id, cost);
                }
                Answer::Allowed(answer)
            }
            Act::Reserve(cost, patience) => {
                let held = self.limiter.reserve(now, cost, patience);
                self.reserved(now, held)
            }
            Act::Late(cost, late) => {
                let held = self.book_late(now, cost, late);
                self.reserved(now, held)
            }
            Act::Settle(id, actual) => {
                if let Some(held) = self.take(id) {
                    self.limiter.commit(now, held, actual);
                    self.settled(now, id, actual);
                }
                Answer::Settled
            }
            Act::Drop(id) => {
                let _forgotten = self.take(id);
                Answer::Settled
            }
        }
    }

    fn reserved(&mut self, now: Instant, held: Result<Reservation, Denied>) -> Answer {
        Answer::Reserved(held.map(|held| {
            let at = held.at();
            if held.cost() > 0 {
                let id = self.booked(now, at, held.cost());
                self.held.push((id, held));
            }
            at
        }))
    }

    fn book_late(&mut self, now: Instant, cost: u64, late: Duration) -> Result<Reservation, Denied> {
        if cost == 0 {
            return self.limiter.reserve(now, cost, late);
        }
        let earliest = self.limiter.earliest(now, cost)?;
        let at = self.limiter.quote(now, earliest.saturating_add(late), cost)?;
        // Nothing is promised at the end of time.
        if at == Instant::MAX { Err(Denied::Until(at)) } else { self.limiter.book(now, at, cost) }
    }

    /// Leaves a number out, so that two worlds keep numbering alike.
    pub(super) const fn skip(&mut self) {
        self.next += 1;
    }

    fn take(&mut self, id: usize) -> Option<Reservation> {
        let index = self.held.iter().position(|(number, _)| *number == id)?;
        Some(self.held.remove(index).1)
    }

    fn booked(&mut self, now: Instant, at: Instant, cost: u64) -> usize {
        let id = self.next;
        self.next += 1;
        self.acted = self.acted.max(now);
        self.history.push(Event::Booked { id, now: self.acted, at: at.max(self.acted), cost });
        id
    }

    fn settled(&mut self, now: Instant, id: usize, actual: u64) {
        self.acted = self.acted.max(now);
        self.history.push(Event::Settled { id, now: self.acted, actual });
    }
}

/// All that can be seen of a limiter without touching it.
pub(super) fn look<L: Limiter>(limiter: &L, now: Instant, costs: [u64; 3]) -> (u64, [Result<Instant, Denied>; 3]) {
    (limiter.available(now), costs.map(|cost| limiter.earliest(now, cost)))
}
