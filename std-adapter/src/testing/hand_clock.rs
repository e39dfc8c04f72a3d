//! `HandClock`: a clock that all threads see, that moves only when told, and that rings what is due then.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time;

use tollgate::{Clock, Duration, Instant};

use crate::timer::Timer;

/// A clock for tests that is moved by hand; clones are the same clock. [`tollgate::ManualClock`] stays on one thread.
///
/// Tasks that sleep on it ([`Timer`]) wake when it is moved to their time. Threads that block, and tasks that wait for
/// something else besides, look at it when they are told: [`Shared::wake`](crate::Shared::wake),
/// [`Runner::wake`](crate::Runner::wake), [`Upstream::wake`](crate::Upstream::wake).
///
/// # Example
/// An hour in no time:
/// ```
/// use std::future::Future;
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use tollgate::{Duration, Instant, Quota, Start, TokenBucket};
/// use tollgate_std::{Shared, Wait, testing::HandClock};
/// let clock = HandClock::default();
/// let quota = tollgate::valid!(Quota::every(Duration::from_hours(1)));
/// let limiter = Shared::with_clock(TokenBucket::new(quota, Start::Empty, Instant::ORIGIN), clock.clone());
///
/// let mut context = Context::from_waker(Waker::noop());
/// let mut wait = pin!(limiter.wait(1, Wait::forever()));
/// assert!(wait.as_mut().poll(&mut context).is_pending());
/// clock.advance(Duration::from_hours(1));
/// assert!(matches!(wait.poll(&mut context), Poll::Ready(Ok(_))));
/// ```
#[derive(Clone, Default)]
pub struct HandClock(Arc<Mutex<Hands>>);

#[derive(Default)]
struct Hands {
    now: Instant,
    /// Whom to wake when.
    alarms: Vec<(Instant, Waker)>,
}

impl HandClock {
    /// Moves it to `now`, forwards or backwards, and wakes whoever is due.
    pub fn set(&self, now: Instant) {
        self.move_by(|_| now);
    }

    /// Moves it forwards and wakes whoever is due; saturates.
    pub fn advance(&self, by: Duration) {
        self.move_by(|now| now.saturating_add(by));
    }

    /// Wakes `waker` once the clock shows `at`; at once, if it does already. Set twice for the same task it is one alarm.
    pub fn wake_at(&self, at: Instant, waker: &Waker) {
        let mut hands = self.lock();
        if hands.now >= at {
            drop(hands);
            waker.wake_by_ref();
        } else if !hands.alarms.iter().any(|(set, whose)| *set == at && whose.will_wake(waker)) {
            hands.alarms.push((at, waker.clone()));
        }
    }

    /// When alarms will ring, in order.
    pub fn alarms(&self) -> Vec<Instant> {
        let mut alarms: Vec<_> = self.lock().alarms.iter().map(|(at, _)| *at).collect();
        alarms.sort_unstable();
        alarms
    }

    fn move_by(&self, to: impl FnOnce(Instant) -> Instant) {
        let mut hands = self.lock();
        let now = to(hands.now);
        hands.now = now;
        let due: Vec<_> = hands.alarms.extract_if(.., |(at, _)| *at <= now).collect();
        // A waker is anybody's code, and may look at the clock.
        drop(hands);
        for (_, waker) in due {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        self.lock().now
    }
}

impl Timer for HandClock {
    type Sleep = HandSleep;

    fn sleep(&self, span: time::Duration) -> HandSleep {
        HandSleep { until: self.now().saturating_add(span.into()), clock: self.clone() }
    }
}

/// A sleep on a [`HandClock`]: over when the clock has been moved to its end.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub struct HandSleep {
    clock: HandClock,
    until: Instant,
}

impl Future for HandSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.until {
            return Poll::Ready(());
        }
        // Moved in between, it wakes at once.
        self.clock.wake_at(self.until, context.waker());
        Poll::Pending
    }
}

impl fmt::Debug for HandClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandClock").field("now", &self.now()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicU32);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn it_rings_what_is_due_once_and_wakes_sleepers_in_time() {
        let (clock, bell) = (HandClock::default(), Arc::new(Bell::default()));
        let waker = Waker::from(Arc::clone(&bell));
        let mut context = Context::from_waker(&waker);
        let rung = || bell.0.load(Ordering::SeqCst);
        let mut sleep = pin!(clock.sleep(time::Duration::from_secs(5)));
        for _ in 0..2 {
            assert!(sleep.as_mut().poll(&mut context).is_pending());
        }
        clock.wake_at(Instant::from_secs(9), &waker);
        assert_eq!(clock.alarms(), [Instant::from_secs(5), Instant::from_secs(9)], "the sleeper has one");
        for (now, times) in [(4, 0), (5, 1), (5, 1), (2, 1), (8, 1), (20, 2)] {
            clock.set(Instant::from_secs(now));
            assert_eq!(rung(), times, "{now}");
        }
        assert!(sleep.poll(&mut context).is_ready());
        clock.wake_at(Instant::from_secs(20), &waker);
        assert_eq!((rung(), clock.alarms().len()), (3, 0), "due already");
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Instant::MAX);
    }
}
