//! Tasks, an executor and an alarm clock that do only what they are told.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tollgate::embassy::AlarmClock;
use tollgate::{Clock, Instant};

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

/// The clock of the adapter's tests, on which embassy's waits set their alarms.
#[derive(Debug, Default)]
pub(crate) struct HandClock(tollgate_std::testing::HandClock);

impl Deref for HandClock {
    type Target = tollgate_std::testing::HandClock;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl AlarmClock for HandClock {
    fn wake_at(&self, at: Instant, waker: &Waker) {
        self.0.wake_at(at, waker);
    }
}
