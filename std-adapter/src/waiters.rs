//! Who waits to send to an upstream, and who of them waits for a job to end.
//!
//! Kept under the lock of the upstream. A job that ended is good for one retry: it goes to whoever has waited longest for
//! one, and if that call is abandoned before it uses it, to the next. One entry for each waiting call.

use std::task::Waker;

/// The calls that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// In the order in which they came.
    list: Vec<Waiter>,
    next: u64,
    /// Jobs that ended when nobody waited for one.
    unclaimed: u64,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    waker: Option<Waker>,
    /// Whether it should look again.
    rung: bool,
    release: Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    NotNeeded,
    Awaited,
    Granted,
}

/// What is left of a place, to be dropped and woken when the lock is free: a waker may be anybody's code.
#[derive(Debug, Default)]
pub(crate) struct Left {
    _own: Option<Waker>,
    pub(crate) next: Option<Waker>,
}

impl Waiters {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// How many jobs have ended that nobody waited for. A change while a request is on its way is a release for it.
    pub(crate) const fn unclaimed(&self) -> u64 {
        self.unclaimed
    }

    /// A place at the end.
    pub(crate) fn join(&mut self, for_release: bool) -> u64 {
        let id = self.next;
        self.next += 1;
        let release = if for_release { Release::Awaited } else { Release::NotNeeded };
        self.list.push(Waiter { id, waker: None, rung: false, release });
        id
    }

    /// Whom to wake for this place; answers whom one would have woken until now.
    pub(crate) fn listen(&mut self, id: u64, waker: Waker) -> Option<Waker> {
        let waiter = self.find(id)?;
        waiter.rung = false;
        waiter.waker.replace(waker)
    }

    /// Whether somebody rang since it last listened.
    pub(crate) fn is_rung(&mut self, id: u64) -> bool {
        self.find(id).is_none_or(|waiter| waiter.rung)
    }

    /// Whether a job has ended for it.
    pub(crate) fn is_released(&mut self, id: u64) -> bool {
        self.find(id).is_none_or(|waiter| waiter.release == Release::Granted)
    }

    /// Gives the place back. A release that was not `used` goes to the next.
    pub(crate) fn leave(&mut self, id: u64, used: bool) -> Left {
        let Ok(index) = self.list.binary_search_by_key(&id, |waiter| waiter.id) else { return Left::default() };
        let own = self.list.remove(index);
        let next = if own.release == Release::Granted && !used { self.released() } else { None };
        Left { _own: own.waker, next }
    }

    /// A job has ended. Answers whom to wake.
    pub(crate) fn released(&mut self) -> Option<Waker> {
        if let Some(first) = self.list.iter_mut().find(|waiter| waiter.release == Release::Awaited) {
            first.release = Release::Granted;
            first.rung = true;
            first.waker.clone()
        } else {
            self.unclaimed = self.unclaimed.wrapping_add(1);
            None
        }
    }

    /// Rings for everybody. Answers whom to wake.
    pub(crate) fn ring(&mut self) -> Vec<Waker> {
        self.list.iter_mut().for_each(|waiter| waiter.rung = true);
        self.list.iter().filter_map(|waiter| waiter.waker.clone()).collect()
    }

    fn find(&mut self, id: u64) -> Option<&mut Waiter> {
        let index = self.list.binary_search_by_key(&id, |waiter| waiter.id).ok()?;
        self.list.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_goes_to_whoever_waited_longest_for_one() {
        let mut waiters = Waiters::default();
        let [gate, first, second] = [false, true, true].map(|for_release| waiters.join(for_release));
        waiters.released();
        assert_eq!([gate, first, second].map(|id| waiters.is_released(id)), [false, true, false]);
        assert_eq!([gate, first, second].map(|id| waiters.is_rung(id)), [false, true, false]);
        assert_eq!(waiters.unclaimed(), 0);
    }

    #[test]
    fn a_release_that_was_not_used_goes_on() {
        let mut waiters = Waiters::default();
        let [first, second, third] = [true; 3].map(|for_release| waiters.join(for_release));
        waiters.released();
        waiters.leave(first, false);
        assert!(waiters.is_released(second) && !waiters.is_released(third));
        waiters.leave(second, true);
        assert!(!waiters.is_released(third), "used is used");
        waiters.released();
        waiters.leave(third, false);
        assert_eq!((waiters.unclaimed(), waiters.len()), (1, 0));
    }
}
