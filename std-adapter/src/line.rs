//! The line: who waits, in which order, and how each of them is woken, alone.
//!
//! It is kept under the lock of the limiter it belongs to. Whoever waits is known by a [`Waker`], so that threads and
//! tasks can stand in one line.
//!
//! ```text
//! join ──► ticket 7   6   5   4 ──► only the head (4) asks the limiter; when it leaves, 5 is woken
//!                         └─ cancelled or out of time: leaves from the middle, nobody else is disturbed
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time;

use tollgate::{Duration, Instant};

/// Places in the order of arrival.
#[derive(Debug)]
pub(crate) struct Line {
    places: VecDeque<Place>,
    next: u64,
    max: usize,
}

#[derive(Debug)]
struct Place {
    ticket: u64,
    waker: Waker,
    /// Whether it should look again: for tasks, which are polled for other reasons too.
    rung: bool,
}

impl Place {
    fn ring(&mut self) -> Waker {
        self.rung = true;
        self.waker.clone()
    }
}

impl Line {
    pub(crate) const fn new(max: usize) -> Self {
        Self { places: VecDeque::new(), next: 0, max }
    }

    pub(crate) const fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A ticket at the end of the line, or `None` if it is full.
    pub(crate) fn join(&mut self, waker: Waker) -> Option<u64> {
        if self.places.len() >= self.max {
            return None;
        }
        let ticket = self.next;
        self.next += 1;
        self.places.push_back(Place { ticket, waker, rung: false });
        Some(ticket)
    }

    /// Whom to wake for this place from now on; answers whom one would have woken until now.
    pub(crate) fn listen(&mut self, ticket: u64, waker: Waker) -> Option<Waker> {
        let index = self.find(ticket)?;
        let place = self.places.get_mut(index)?;
        place.rung = false;
        Some(std::mem::replace(&mut place.waker, waker))
    }

    /// Whether somebody rang for this place since it last listened. A place that is gone need not wait for that.
    pub(crate) fn is_rung(&self, ticket: u64) -> bool {
        self.find(ticket).and_then(|index| self.places.get(index)).is_none_or(|place| place.rung)
    }

    /// Gives the ticket back; `None` if it is not in the line.
    pub(crate) fn leave(&mut self, ticket: u64) -> Option<Left> {
        let index = self.find(ticket)?;
        let own = self.places.remove(index)?.waker;
        Some(Left { _own: own, next: if index == 0 { self.ring_head() } else { None } })
    }

    pub(crate) fn is_head(&self, ticket: u64) -> bool {
        self.places.front().is_some_and(|place| place.ticket == ticket)
    }

    /// Rings for the head. Answers whom to wake.
    pub(crate) fn ring_head(&mut self) -> Option<Waker> {
        self.places.front_mut().map(Place::ring)
    }

    /// Rings for everybody. Answers whom to wake.
    pub(crate) fn ring_all(&mut self) -> Vec<Waker> {
        self.places.iter_mut().map(Place::ring).collect()
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.places.binary_search_by_key(&ticket, |place| place.ticket).ok()
    }
}

/// What is left of a place, to be dropped when the lock is free: a waker may be anybody's code, and so may its drop.
#[derive(Debug)]
pub(crate) struct Left {
    _own: Waker,
    /// If the place was the head's, who has to be woken now.
    pub(crate) next: Option<Waker>,
}

/// Puts one thread to sleep; the thread's own `park` token is left to whoever else uses it.
///
/// A wake-up that comes while the thread is awake is kept, so that none is missed between looking and sleeping.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    woken: Mutex<bool>,
    condvar: Condvar,
}

impl Parker {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until woken, or for at most this long; says whether it was woken.
    pub(crate) fn park(&self, at_most: Option<time::Duration>) -> bool {
        let guard = self.lock();
        let mut guard = match at_most {
            None => self.condvar.wait_while(guard, |woken| !*woken).unwrap_or_else(PoisonError::into_inner),
            Some(span) => {
                self.condvar.wait_timeout_while(guard, span, |woken| !*woken).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        std::mem::take(&mut *guard)
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.lock() = true;
        self.condvar.notify_one();
    }
}

/// How long to sleep until a clock, which need not be the system's, shows an instant.
///
/// At least a microsecond. If that was not enough (coarse ticks, a slow clock, one that stands) naps grow, to a
/// millisecond: no busy loop, whatever the clock does.
#[derive(Debug, Default)]
pub(crate) struct Naps {
    /// How many ended by themselves without an end to the wait.
    in_vain: u32,
}

impl Naps {
    /// 2^10 us, about a millisecond.
    const LONGEST: u32 = 10;

    /// How long to sleep from `now` to `until`; `None` for ever.
    pub(crate) fn span(&self, now: Instant, until: Instant) -> Option<time::Duration> {
        if until == Instant::MAX {
            return None;
        }
        let least = Duration::from_micros(1 << self.in_vain);
        Some(time::Duration::from(until.saturating_since(now).max(least)))
    }

    /// A nap is over; say whether somebody ended it.
    pub(crate) fn slept(&mut self, woken: bool) {
        self.in_vain = if woken { 0 } else { (self.in_vain + 1).min(Self::LONGEST) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waker() -> (Arc<Parker>, Waker) {
        let parker = Arc::new(Parker::default());
        (parker.clone(), Waker::from(parker))
    }

    #[test]
    fn the_head_that_leaves_names_the_next_and_others_nobody() {
        let mut line = Line::new(3);
        let (parkers, wakers): (Vec<_>, Vec<_>) = (0..4).map(|_| waker()).unzip();
        let tickets: Vec<_> = wakers.iter().map(|waker| line.join(waker.clone())).collect();
        assert_eq!(tickets, [Some(0), Some(1), Some(2), None], "three places");
        assert!(line.is_head(0) && !line.is_head(1));
        assert!(line.leave(1).is_some_and(|left| left.next.is_none()), "from the middle");
        let next = line.leave(0).and_then(|left| left.next);
        assert!(next.is_some_and(|next| next.will_wake(&wakers[2])));
        assert!(line.is_head(2));
        assert!(line.leave(2).is_some_and(|left| left.next.is_none()), "the last");
        assert!(line.leave(2).is_none(), "a ticket given back twice is nobody's");
        assert!(line.is_empty());
        assert_eq!(parkers.len(), 4);
    }

    #[test]
    fn a_ring_is_for_one_place_until_it_listens() {
        let mut line = Line::new(2);
        let (_, old) = waker();
        let (_, new) = waker();
        let [first, second] = [old.clone(), old.clone()].map(|waker| line.join(waker).expect("two places"));
        assert!(line.ring_head().is_some_and(|head| head.will_wake(&old)));
        assert_eq!([first, second].map(|ticket| line.is_rung(ticket)), [true, false]);
        assert!(line.listen(first, new.clone()).is_some_and(|before| before.will_wake(&old)));
        assert!(!line.is_rung(first));
        assert!(line.ring_all()[0].will_wake(&new), "where it is now");
        line.listen(second, new.clone());
        line.leave(first);
        assert!(line.is_rung(second), "it is the head now");
        assert!(line.is_rung(first) && line.listen(first, new).is_none(), "nobody waits without a place");
    }

    #[test]
    fn a_wake_up_before_the_sleep_is_kept_once() {
        let (parker, waker) = waker();
        waker.wake_by_ref();
        waker.wake();
        assert!(parker.park(None));
        assert!(!parker.park(Some(time::Duration::ZERO)));
    }

    #[test]
    fn naps_grow_for_a_clock_that_stands_still() {
        let (now, until) = (Instant::from_micros(99), Instant::from_micros(100));
        let mut naps = Naps::default();
        let mut spans = Vec::new();
        for _ in 0..13 {
            spans.push(naps.span(now, until).map_or(0, |span| span.as_micros()));
            naps.slept(false);
        }
        assert_eq!(spans, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]);
        naps.slept(true);
        assert_eq!(naps.span(now, until), Some(time::Duration::from_micros(1)), "somebody moved it");
        assert_eq!(naps.span(until, now), Some(time::Duration::from_micros(1)), "an instant in the past");
        assert_eq!(naps.span(now, Instant::MAX), None);
    }
}
