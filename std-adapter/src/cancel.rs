//! `Cancel`: ends waits from outside, at once. For a shutdown, a caller that hung up, a sibling that was faster.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// A token that ends every wait it was given to, now and later. Clones are the same token.
///
/// It cannot be taken back. One token may serve any number of waits on any number of limiters.
///
/// # Example
/// ```
/// use tollgate::{Duration, Quota, Start, TokenBucket};
/// use tollgate_std::{Cancel, Shared, StdClock, Wait, WaitError};
/// # use tollgate::Clock;
/// let quota = tollgate::valid!(Quota::every(Duration::from_hours(1)));
/// let limiter = Shared::new(TokenBucket::new(quota, Start::Empty, StdClock::default().now()));
///
/// let shutdown = Cancel::new();
/// let worker = std::thread::spawn({
///     let (limiter, shutdown) = (limiter.clone(), shutdown.clone());
///     move || limiter.blocking_wait(1, Wait::forever().or_cancelled(&shutdown)).map(|permit| permit.commit(1))
/// });
/// shutdown.cancel();
/// assert_eq!(worker.join().unwrap(), Err(WaitError::Cancelled));
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    /// Whoever is to be woken; as many as there are waits with this token, each of which signs off when it ends.
    wakers: Mutex<Wakers>,
}

#[derive(Default)]
struct Wakers {
    next: u64,
    list: Vec<(u64, Waker)>,
}

impl Inner {
    /// A panic cannot leave the list half changed: nothing foreign runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancel {
    /// A token that nobody has cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every wait with this token, and every one that begins later. The second time does nothing.
    ///
    /// A wait that has been granted but has not returned yet may still return its permit.
    pub fn cancel(&self) {
        let woken = {
            let mut wakers = self.0.lock();
            // Under the lock: whoever signs up later sees it, whoever signed up earlier is in the list.
            self.0.cancelled.store(true, Ordering::Release);
            std::mem::take(&mut wakers.list)
        };
        for (_, waker) in woken {
            waker.wake();
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Wakes `waker` when this token is cancelled, until the answer is dropped. Look at
    /// [`is_cancelled`](Self::is_cancelled) **after** this: a token cancelled before wakes nobody.
    pub(crate) fn sign_up(&self, waker: Waker) -> SignedUp<'_> {
        let mut wakers = self.0.lock();
        let id = wakers.next;
        wakers.next += 1;
        if !self.is_cancelled() {
            wakers.list.push((id, waker));
        }
        SignedUp { inner: &self.0, id }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// Signs off when it is dropped, so that an abandoned wait leaves nothing behind in a token that lives on.
pub(crate) struct SignedUp<'a> {
    inner: &'a Inner,
    id: u64,
}

impl Drop for SignedUp<'_> {
    fn drop(&mut self) {
        let mut wakers = self.inner.lock();
        let index = wakers.list.iter().position(|(id, _)| *id == self.id);
        let own = index.map(|index| wakers.list.swap_remove(index));
        // The lock first: a waker may be anybody's code, and so may its drop.
        drop(wakers);
        drop(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Parker;

    #[test]
    fn a_wait_that_ended_leaves_nothing_in_the_token() {
        let cancel = Cancel::new();
        let parker = Arc::new(Parker::default());
        let first = cancel.sign_up(Waker::from(parker.clone()));
        let second = cancel.sign_up(Waker::from(parker.clone()));
        assert_eq!(cancel.0.lock().list.len(), 2);
        drop(first);
        assert_eq!(cancel.0.lock().list.len(), 1);
        cancel.cancel();
        assert!(parker.park(None), "the second one is woken");
        drop(second);
        let late = cancel.sign_up(Waker::from(parker));
        assert!(cancel.is_cancelled() && cancel.0.lock().list.is_empty());
        drop(late);
    }
}
