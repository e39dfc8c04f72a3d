//! A [`Dispatcher`] that threads and tasks share: jobs come in from anywhere, and whoever is free takes the next.
//!
//! For workers of one's own. A [`Runner`](crate::Runner) brings the workers: it runs async functions, sends them again,
//! and keeps the books right whatever becomes of them.
//!
//! ```text
//! submit ──► queue ──► next ──► Send, Expired, Rejected    one worker after the other, first come, first served
//! ```

use tollgate::{AnyLimits, Clock, Denied, Dispatch, Dispatcher, Entry, Gate, Instant, SubmitError, Work};

use crate::admission::Admission;
use crate::observe::Event;
use crate::observe_job::JobEvent;
use crate::shared::Shared;
use crate::timer::Timer;
use crate::visit::No;
use crate::wait::{Wait, WaitError};

/// # A dispatcher
///
/// What is not one of these verbs is reached with [`with`](Self::with), which wakes a worker, and [`look`](Self::look):
/// to put a job back, to cancel one, a live change of a limit. **Drop no [`Admission`] inside.**
impl<L, T, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize, C>
    Shared<Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>, C>
where
    L: AnyLimits,
    T: Work,
    C: Clock,
{
    /// Lets a job wait for a worker, and wakes one. Never blocks: a full queue is an answer.
    ///
    /// # Errors
    /// As [`Dispatcher::submit`]: the job comes back, and nothing has changed.
    ///
    /// # Example
    /// See [`blocking_next`](Self::blocking_next).
    pub fn submit(&self, entry: Entry<T>) -> Result<(), SubmitError<T>> {
        let log = self.log_job(Some(entry.id));
        self.room.change(log, |jobs, now| jobs.submit(now, entry))?;
        log.tell(Event::Job(JobEvent::Queued));
        Ok(())
    }

    /// Waits for something to do: a job to send, with its permit, or one that will not be sent. Blocks the thread.
    ///
    /// Workers are served in the order in which they came; the first sleeps until the gate lets a job through, or is
    /// woken by a release, a new job or a change of a limit. The permit gives itself back if it is dropped; the job of
    /// it does not go back into the queue by itself.
    ///
    /// # Errors
    /// [`WaitError`]: nothing came in time.
    ///
    /// # Example
    /// ```
    /// use tollgate::{
    ///     Clock, Dispatch, Dispatcher, Duration, Entry, Gate, JobId, Limits, Queue, QueuePolicy, Request, Work,
    /// };
    /// use tollgate_std::{Shared, StdClock};
    /// #[derive(Debug)]
    /// struct Clip(&'static str);
    /// impl Work for Clip {
    ///     fn request(&self, id: JobId) -> Request<'_> {
    ///         Request::new(id, Duration::from_mins(10))
    ///     }
    /// }
    /// let gate = Gate::<_, 8, 2>::new(Limits::new(), StdClock::default().now());
    /// let jobs = Shared::new(Dispatcher::new(gate, Queue::<_, 16, 2>::new(QueuePolicy::DEFAULT)));
    /// jobs.submit(Entry::new(JobId(1), Clip("a film")).class(1))?;
    /// jobs.submit(Entry::new(JobId(2), Clip("a preview")))?;
    ///
    /// let Dispatch::Send { entry, mut permit } = jobs.blocking_next(Duration::from_secs(1))? else { panic!() };
    /// assert_eq!(entry.payload.0, "a preview");
    /// permit.sending()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::type_complexity, reason = "a dispatcher has its sizes in its type")]
    pub fn blocking_next(
        &self,
        wait: impl Into<Wait>,
    ) -> Result<Dispatch<T, Admission<Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>, C>>, WaitError> {
        let next = self.room.blocking(&wait.into(), self.log_job(None), |jobs, now, turn| take(jobs, now, turn))?;
        Ok(next.map(|permit| self.guard(permit)))
    }
}

impl<L, T, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize, C>
    Shared<Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>, C>
where
    L: AnyLimits,
    T: Work,
    C: Timer,
{
    /// As [`blocking_next`](Self::blocking_next), for tasks, in one line with the threads. Dropped at any moment, the
    /// future has taken nothing out of the queue.
    ///
    /// # Errors
    /// As [`blocking_next`](Self::blocking_next).
    ///
    /// # Panics
    /// As the timer: tokio's outside a runtime with its timer enabled, when it has to wait.
    ///
    /// # Example
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// # use tollgate::{
    /// #     Clock, Dispatch, Dispatcher, Duration, Entry, Gate, JobId, Limits, Queue, QueuePolicy, Quota, Request, Start,
    /// #     TokenBucket, Work, valid,
    /// # };
    /// # use tollgate_std::{Shared, TokioClock, Wait};
    /// # struct Clip;
    /// # impl Work for Clip {
    /// #     fn request(&self, id: JobId) -> Request<'_> {
    /// #         Request::new(id, Duration::from_mins(10))
    /// #     }
    /// # }
    /// let clock = TokioClock::default();
    /// let rate = TokenBucket::new(valid!(Quota::every(Duration::from_secs(1))), Start::Full, clock.now());
    /// let gate = Gate::<_, 8, 2>::new(Limits::new().requests(rate), clock.now());
    /// let jobs = Shared::with_clock(Dispatcher::new(gate, Queue::<_, 16>::new(QueuePolicy::DEFAULT)), clock);
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    /// # runtime.block_on(async {
    /// let worker = tokio::spawn({
    ///     let jobs = jobs.clone();
    ///     async move {
    ///         for _ in 0..3 {
    ///             if let Ok(Dispatch::Send { mut permit, .. }) = jobs.next(Wait::forever()).await {
    ///                 permit.sending().unwrap();
    ///             }
    ///         }
    ///     }
    /// });
    /// for id in 1..=3 {
    ///     jobs.submit(Entry::new(JobId(id), Clip)).map_err(|refused| refused.to_string())?;
    /// }
    /// worker.await.unwrap(); // one a second
    /// # Ok::<(), String>(())
    /// # }).unwrap();
    /// # }
    /// ```
    pub async fn next(
        &self,
        wait: impl Into<Wait>,
    ) -> Result<Dispatch<T, Admission<Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>, C>>, WaitError> {
        let next = self.room.wait(&wait.into(), self.log_job(None), |jobs, now, turn| take(jobs, now, turn)).await?;
        Ok(next.map(|permit| self.guard(permit)))
    }
}

/// The next one for whose turn it is. One that is submitted, finished or put back may always come sooner.
fn take<L: AnyLimits, T: Work, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize>(
    jobs: &mut Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>,
    now: Instant,
    turn: bool,
) -> Result<Dispatch<T>, No> {
    if turn { jobs.dispatch(now).map_err(No::Perhaps) } else { Err(No::Denied(Denied::Busy)) }
}
