//! Waiting in line as a task, on any runtime: the clock is a [`Timer`].
//!
//! Tasks and threads stand in one line. No lock is held across an `await`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tollgate::{Denied, Duration, Instant, Limiter};

use crate::line::Naps;
use crate::observe::Log;
use crate::permit::Permit;
use crate::room::{Room, alone};
use crate::shared::Shared;
use crate::timer::Timer;
use crate::visit::{No, Step, Visit};
use crate::wait::{Wait, WaitError};

impl<L, C: Timer> Room<L, C> {
    /// Waits as a task. `ask(limiter, now, turn)` books if it is our turn, and never otherwise.
    pub(crate) async fn wait<T>(
        &self,
        wait: &Wait,
        log: Log,
        ask: impl FnMut(&mut L, Instant, bool) -> Result<T, No>,
    ) -> Result<T, WaitError> {
        let mut visit = Visit::new(self, wait, log, ask);
        let mut naps = Naps::default();
        loop {
            match poll_fn(|context| Poll::Ready(visit.step(|| context.waker().clone()))).await {
                Step::Ended(ended) => return ended,
                Step::Sleep { now, until } => {
                    let mut sleeping = pin!(naps.span(now, until).map(|span| self.clock.sleep(span)));
                    let woken = poll_fn(|context| {
                        // The ring is looked at in every poll: the task may have moved and have another waker now.
                        if visit.is_rung(context.waker()) {
                            return Poll::Ready(true);
                        }
                        let over = sleeping.as_mut().as_pin_mut().map(|sleep| sleep.poll(context));
                        if over == Some(Poll::Ready(())) { Poll::Ready(false) } else { Poll::Pending }
                    })
                    .await;
                    naps.slept(woken);
                }
            }
        }
    }
}

impl<L, C: Timer> Shared<L, C> {
    /// As [`blocking_wait_for`](Self::blocking_wait_for), for tasks; about the future see [`wait`](Self::wait).
    ///
    /// What `book` returns is lost if the future is dropped in the same moment, before anybody has seen it: let it be
    /// something that gives itself back, or look at it before the next `await`.
    ///
    /// # Errors
    /// As [`blocking_wait_for`](Self::blocking_wait_for).
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Instant, JobId, Limiter, Slots};
    /// # use tollgate::{Clock, ManualClock};
    /// use tollgate_std::{Shared, Timer, Wait};
    /// # struct Manual(ManualClock);
    /// # impl Clock for Manual { fn now(&self) -> Instant { self.0.now() } }
    /// # impl Timer for Manual {
    /// #     type Sleep = std::future::Pending<()>;
    /// #     fn sleep(&self, _: std::time::Duration) -> Self::Sleep { std::future::pending() }
    /// # }
    /// # let clock = Manual(ManualClock::default());
    /// let jobs = Shared::with_clock(Slots::<8>::new(3), clock);
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// // Ten minutes are the lease; jobs are closed sooner than that.
    /// let patience = Wait::at_most(Duration::from_mins(1)).hoping_for_release();
    /// let started = jobs.wait_for(patience, |slots, now| match slots.job(JobId(7), Duration::from_mins(10)) {
    ///     Ok(mut job) => job.allow(now, 1).map(Ok),
    ///     Err(runs_already) => Ok(Err(runs_already)), // no reason to wait
    /// });
    /// assert_eq!(started.await, Ok(Ok(())));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn wait_for<T>(
        &self,
        wait: impl Into<Wait>,
        mut book: impl FnMut(&mut L, Instant) -> Result<T, Denied>,
    ) -> Result<T, WaitError> {
        let ask = |limiter: &mut L, now, turn| Ok(if turn { book(limiter, now) } else { Err(Denied::Busy) }?);
        self.room.wait(&wait.into(), self.log(None), ask).await
    }
}

impl<L: Limiter, C: Timer> Shared<L, C> {
    /// As [`blocking_wait`](Self::blocking_wait), for tasks, in one line with the threads.
    ///
    /// The future joins the line, and its patience begins, when it is polled for the first time. Dropped at any moment it
    /// leaves nothing behind, and if it was about to be granted, the next is: put it into a `timeout`, a `select!` or a
    /// task that is aborted as you like. It goes to other threads if the limiter and the clock do. The [`Permit`] is
    /// bound to no task.
    ///
    /// A future that is polled once and then neither polled nor dropped keeps its place, and those behind it waiting. The
    /// patience of the [`Wait`] only ends if somebody polls.
    ///
    /// # Errors
    /// As [`blocking_wait`](Self::blocking_wait).
    ///
    /// # Panics
    /// As the timer: tokio's outside a runtime with its timer enabled, when it has to wait.
    ///
    /// # Example
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// use tollgate::{Clock, Duration, Quota, Start, TokenBucket};
    /// use tollgate_std::{Shared, TokioClock, WaitError};
    /// let quota = tollgate::valid!(Quota::new_with_burst(1, Duration::from_secs(1), 1));
    /// let clock = TokioClock::default();
    ///
    /// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    /// runtime.block_on(async {
    ///     let limiter = Shared::with_clock(TokenBucket::new(quota, Start::Full, clock.now()), clock);
    ///     let workers = [1, 2, 3].map(|_| {
    ///         let limiter = limiter.clone();
    ///         tokio::spawn(async move { limiter.wait(1, Duration::from_secs(5)).await.map(|permit| permit.commit(1)) })
    ///     });
    ///     for worker in workers {
    ///         assert_eq!(worker.await.unwrap(), Ok(())); // at 0, 1 and 2 s
    ///     }
    ///     let late = limiter.wait(1, Duration::from_millis(10)).await;
    ///     assert!(matches!(late, Err(WaitError::Timeout { until: Some(_) })));
    /// });
    /// # }
    /// ```
    pub async fn wait(&self, cost: u64, wait: impl Into<Wait>) -> Result<Permit<L, C>, WaitError> {
        let held = if cost == 0 {
            self.nothing()
        } else {
            let ask = |limiter: &mut L, now, turn| {
                Ok(if turn { limiter.reserve(now, cost, Duration::ZERO) } else { Err(alone(limiter, now, cost)) }?)
            };
            self.room.wait(&wait.into(), self.log(Some(cost)), ask).await?
        };
        Ok(Permit::new(self.clone(), held))
    }
}
