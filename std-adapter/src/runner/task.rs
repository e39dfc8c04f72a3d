//! `JobTask`: one attempt of a job as a future, for whatever runs futures. However it ends, the books are right.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tollgate::{AnyLimits, Gate, Instant, JobId};

use super::Runner;
use super::call::{Attempt, Call, Stop};
use super::desk::{Desk, Job, Refused};
use super::job::JobError;
use crate::observe_job::{End, JobEvent};
use crate::timer::Timer;

/// A future that may move between threads.
pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// The function of a job, which puts its result where it belongs.
pub(super) type Function = Box<dyn FnMut(Call) -> Boxed<Result<(), Stop>> + Send>;

/// One attempt of a job, to be run: by `tokio::spawn`, by another executor, on a thread.
///
/// It never fails and never panics. Dropped before it is over, it ends the attempt: the handle of the job gets
/// [`JobError::Lost`].
///
/// # Example
/// No runtime: a thread for each job, and any `block_on`.
/// ```
/// use tollgate_std::JobTask;
/// # fn block_on(job: JobTask) { drop(job) }
/// fn spawn(job: JobTask) {
///     std::thread::spawn(move || block_on(job));
/// }
/// # let _ = spawn;
/// // runner.run(spawn)
/// ```
#[must_use = "a job that is not run holds its place"]
pub struct JobTask(Boxed<()>);

impl JobTask {
    pub(super) fn new(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(task))
    }
}

impl Future for JobTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.get_mut().0.as_mut().poll(context)
    }
}

impl fmt::Debug for JobTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobTask").finish_non_exhaustive()
    }
}

/// How the function ended.
enum Ended {
    Done,
    Stopped(Stop),
    Panicked(Box<dyn Any + Send>),
    Cancelled,
    Timeout,
    Lost,
}

type At<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> =
    Attempt<Desk<L, JOBS, CALLS, N, P>, C>;

pub(super) struct Task<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize>
where
    L: AnyLimits + 'static,
    Gate<L, JOBS, CALLS>: Send,
    C: Timer + Clone + Send + Sync + 'static,
{
    pub(super) runner: Runner<L, C, JOBS, CALLS, N, P>,
    pub(super) attempt: Arc<At<L, C, JOBS, CALLS, N, P>>,
    /// Gone when it is over.
    pub(super) job: Option<Job>,
    pub(super) future: Option<Boxed<Result<(), Stop>>>,
    pub(super) alarm: Option<Pin<Box<C::Sleep>>>,
}

impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Task<L, C, JOBS, CALLS, N, P>
where
    L: AnyLimits + 'static,
    Gate<L, JOBS, CALLS>: Send,
    C: Timer + Clone + Send + Sync + 'static,
{
    /// Starts the function when it is polled first, and polls it. `None`: not over yet.
    fn run(&mut self, context: &mut Context<'_>) -> Option<Ended> {
        let job = self.job.as_mut()?;
        // Listens before it looks: a handle that is dropped in between is seen, or wakes.
        job.payload.cell.listen(context.waker());
        if job.payload.cell.is_cancelled() {
            return Some(Ended::Cancelled);
        }
        let (id, number, ends) = (job.id, job.payload.sent.saturating_add(1), job.payload.ends);
        if self.is_late(ends, context) {
            return Some(Ended::Timeout);
        }
        let (job, future, attempt) = (self.job.as_mut()?, &mut self.future, &self.attempt);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let call = || Call { attempt: Arc::<At<L, C, JOBS, CALLS, N, P>>::clone(attempt), id, number };
            future.get_or_insert_with(|| (job.payload.function)(call())).as_mut().poll(context)
        }));
        match polled {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(Ok(()))) => Some(Ended::Done),
            Ok(Poll::Ready(Err(stop))) => Some(Ended::Stopped(stop)),
            Err(panic) => Some(Ended::Panicked(panic)),
        }
    }

    /// Whether the time of the job is over; if not, the task is woken when it is.
    fn is_late(&mut self, ends: Instant, context: &mut Context<'_>) -> bool {
        let now = self.runner.desk.now();
        if ends == Instant::MAX || now >= ends {
            return now >= ends;
        }
        let span = || std::time::Duration::from(ends.saturating_since(now));
        let clock = self.runner.desk.clock();
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(clock.sleep(span())));
        if alarm.as_mut().poll(context).is_ready() {
            // Too early by this clock, or in time: another look tells, and sets another one.
            self.alarm = None;
            context.waker().wake_by_ref();
        }
        false
    }

    /// Ends the attempt: first the function, then its permit, then its place, and at last its handle is told.
    fn end(&mut self, ended: Ended) {
        let Some(mut job) = self.job.take() else { return };
        let future = self.future.take();
        self.alarm = None;
        // The drop of a future is anybody's code, too.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
        let (retry, sent) = self.attempt.end();
        job.payload.retry = retry;
        job.payload.sent = job.payload.sent.saturating_add(u32::from(sent));
        let ended = dropped.map_or_else(Ended::Panicked, |()| ended);
        let (id, cell) = (job.id, Arc::clone(&job.payload.cell));
        let (end, result) = match ended {
            Ended::Stopped(Stop::Again { not_before }) => match self.again(id, job, not_before) {
                Ok(()) => return self.runner.tell(id, JobEvent::Again { until: not_before }),
                Err(why) => why,
            },
            over => {
                let mut retry = job.payload.retry.clone();
                // So is the drop of a function, and here nobody is served by its panic.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
                let unsent = (!sent).then_some(&mut retry);
                self.runner.desk.room.change(self.runner.log(Some(id)), |desk, _| desk.ended(unsent));
                match over {
                    Ended::Done => (End::Done, Ok(())),
                    Ended::Stopped(Stop::GaveUp(why)) => (End::GaveUp, Err(JobError::GaveUp(why))),
                    Ended::Stopped(Stop::Gate(why)) => (End::Refused, Err(JobError::Gate(why))),
                    Ended::Panicked(panic) => (End::Panicked, Err(JobError::Panicked(panic))),
                    Ended::Timeout => (End::Timeout, Err(JobError::Timeout)),
                    Ended::Lost => (End::Lost, Err(JobError::Lost)),
                    // Nobody is told.
                    Ended::Cancelled | Ended::Stopped(Stop::Again { .. }) => (End::Dropped, Err(JobError::Lost)),
                }
            }
        };
        self.runner.tell(id, JobEvent::Over(end));
        cell.end(result);
        self.runner.check_idle();
    }

    /// Gives the place of the task back, and puts its job into the queue.
    fn again(&self, id: JobId, job: Job, not_before: Instant) -> Result<(), (End, Result<(), JobError>)> {
        let log = self.runner.log(Some(id));
        let back = self.runner.desk.room.change(log, |desk, now| desk.again(now, job, not_before));
        back.map_err(|(job, why)| {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
            match why {
                Refused::Cancelled => (End::Dropped, Err(JobError::Lost)),
                Refused::Closed => (End::Closed, Err(JobError::Closed)),
                Refused::Queue(why) => (End::Refused, Err(JobError::Requeue(why))),
            }
        })
    }
}

impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Future
    for Task<L, C, JOBS, CALLS, N, P>
where
    L: AnyLimits + 'static,
    Gate<L, JOBS, CALLS>: Send,
    C: Timer + Clone + Send + Sync + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let Some(ended) = this.run(context) {
            this.end(ended);
        }
        if this.job.is_none() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// By an executor that shuts down, or that never ran it.
impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Drop for Task<L, C, JOBS, CALLS, N, P>
where
    L: AnyLimits + 'static,
    Gate<L, JOBS, CALLS>: Send,
    C: Timer + Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.end(Ended::Lost);
    }
}
