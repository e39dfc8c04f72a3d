//! Tasks, an executor and an alarm clock that do only what they are told.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tollgate::embassy::AlarmClock;
use tollgate::{Clock, Duration, Instant};

#[derive(Debug, Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future and the waker it is polled with. It is polled by `poll` and `run` alone.
pub(crate) struct Task<'f, T> {
    future: Pin<Box<dyn Future<Output = T> + 'f>>,
    bell: Arc<Bell>,
}

impl<'f, T> Task<'f, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'f) -> Self {
        Self { future: Box::pin(future), bell: Arc::default() }
    }

    /// Polled for the first time: it stands in line now, if it has to.
    pub(crate) fn started(future: impl Future<Output = T> + 'f) -> Self {
        let mut task = Self::new(future);
        assert!(task.poll().is_none(), "it should have to wait");
        task
    }

    pub(crate) fn poll(&mut self) -> Option<T> {
        self.bell.0.store(0, Ordering::Relaxed);
        match self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(self.bell.clone()))) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    /// What an executor does: polls it as often as it is woken.
    pub(crate) fn run(&mut self) -> Option<T> {
        for _ in 0..100 {
            if !self.is_woken() {
                return None;
            }
            if let Some(answer) = self.poll() {
                return Some(answer);
            }
        }
        panic!("it wakes itself for ever");
    }

    /// Moves it to another task, which has to be polled: its wake-ups of before are not its own any more.
    pub(crate) fn moved(&mut self) {
        self.bell = Arc::default();
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.bell.0.load(Ordering::Relaxed) > 0
    }
}

impl<T> fmt::Debug for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("woken", &self.is_woken()).finish_non_exhaustive()
    }
}

/// A clock that moves when told and rings what is due; it also tells how many alarms are set.
#[derive(Debug, Default)]
pub(crate) struct HandClock {
    now: Cell<Instant>,
    alarms: RefCell<Vec<(Instant, Waker)>>,
}

impl HandClock {
    /// Moves it, forwards or backwards, and rings what is due.
    pub(crate) fn set(&self, now: Instant) {
        self.now.set(now);
        let due: Vec<_> = self.alarms.borrow_mut().extract_if(.., |(at, _)| *at <= now).collect();
        for (_, waker) in due {
            waker.wake();
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.set(self.now.get().saturating_add(by));
    }

    /// When alarms ring, in order; an alarm set twice for the same task is one.
    pub(crate) fn alarms(&self) -> Vec<Instant> {
        let mut alarms: Vec<_> = self.alarms.borrow().iter().map(|(at, _)| *at).collect();
        alarms.sort_unstable();
        alarms
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        self.now.get()
    }
}

impl AlarmClock for HandClock {
    fn wake_at(&self, at: Instant, waker: &Waker) {
        if at <= self.now.get() {
            return waker.wake_by_ref();
        }
        let mut alarms = self.alarms.borrow_mut();
        if !alarms.iter().any(|(set, whose)| *set == at && whose.will_wake(waker)) {
            alarms.push((at, waker.clone()));
        }
    }
}
