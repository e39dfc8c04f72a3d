//! `JobHandle`: the one place where the result of a job goes. Nobody else keeps it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tollgate::JobId;

use super::job::JobError;
use crate::line::Parker;

/// What a job and its handle share. Nothing foreign runs under its lock: not a drop, not a waker.
pub(super) struct Cell<T> {
    /// Nobody wants it any more: it is to be stopped.
    cancelled: AtomicBool,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Option<T>,
    ended: Option<Result<(), JobError>>,
    /// Nobody wants the value, but it is to run.
    detached: bool,
    handle: Option<Waker>,
    task: Option<Waker>,
}

/// What the runner does with it, whatever its result is.
pub(super) trait AnyCell: Send + Sync {
    fn is_cancelled(&self) -> bool;
    /// Whom to wake when it is cancelled. To be called before looking.
    fn listen(&self, task: &Waker);
    /// It is over; the first word counts.
    fn end(&self, ended: Result<(), JobError>);
}

impl<T> Cell<T> {
    pub(super) fn new() -> Self {
        let state = State { value: None, ended: None, detached: false, handle: None, task: None };
        Self { cancelled: AtomicBool::new(false), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result, told when the job has ended.
    pub(super) fn fill(&self, value: T) {
        let unwanted = {
            let mut state = self.lock();
            if state.detached || self.cancelled.load(Ordering::SeqCst) {
                Some(value)
            } else {
                state.value.replace(value)
            }
        };
        drop(unwanted);
    }

    fn take(&self, waker: &Waker) -> Option<Result<T, JobError>> {
        let mine = waker.clone();
        let _old;
        let mut state = self.lock();
        match state.ended.take() {
            None => {
                _old = state.handle.replace(mine);
                None
            }
            // A value is there before the end is told.
            Some(Ok(())) => state.value.take().map(Ok),
            Some(Err(why)) => Some(Err(why)),
        }
    }

    /// Nobody wants it. Wakes the task, which stops at its next poll.
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        let (task, value) = {
            let mut state = self.lock();
            (state.task.take(), state.value.take())
        };
        drop(value);
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<T: Send> AnyCell for Cell<T> {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn listen(&self, task: &Waker) {
        let mine = task.clone();
        let _old = self.lock().task.replace(mine);
    }

    fn end(&self, ended: Result<(), JobError>) {
        let (waker, _task, unwanted) = {
            let mut state = self.lock();
            let unwanted =
                if state.detached || state.ended.is_some() { Some(ended) } else { state.ended.replace(ended) };
            (state.handle.take(), state.task.take(), unwanted)
        };
        drop(unwanted);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Takes a cancelled job of this name out of the queue, if it waits there.
pub(super) trait Withdraw: Send + Sync {
    fn withdraw(&self, id: JobId);
}

/// The result of a job that a [`Runner`](super::Runner) has taken: `.await` it, or [`blocking_wait`](Self::blocking_wait).
///
/// **Dropped, it cancels the job**: one that waits leaves the queue at once; of one that runs, the future is dropped at
/// the next poll of its task, which is woken. What it had not sent returns; what it had sent may run at the server, and the
/// gate keeps slot and money until somebody knows. [`detach`](Self::detach) lets it run without anybody who waits for it.
/// Results are kept for nobody: one that comes too late is dropped.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration, Gate, Limits, QueuePolicy};
/// use tollgate_std::{Call, JobRequest, Runner, StdClock};
/// let clock = StdClock::default();
/// let gate = Gate::new(Limits::new(), clock.now());
/// let runner = Runner::<Limits, _, 8, 2, 16>::new(gate, QueuePolicy::DEFAULT, clock);
/// let submit = || runner.submit(JobRequest::new(Duration::from_mins(10)), |mut call: Call| async move { call.sending() });
///
/// let (unwanted, kept) = (submit()?, submit()?);
/// assert_eq!((unwanted.id().0, runner.waiting()), (1, 2));
/// drop(unwanted);
/// assert_eq!((kept.is_finished(), runner.waiting()), (false, 1));
/// kept.detach(); // and whoever runs the runner runs it
/// assert_eq!(runner.waiting(), 1);
/// # Ok::<(), tollgate_std::SubmitRefusal>(())
/// ```
#[must_use = "a handle that is dropped cancels its job"]
pub struct JobHandle<T> {
    id: JobId,
    cell: Arc<Cell<T>>,
    /// Gone when it is over.
    queue: Option<Box<dyn Withdraw>>,
}

impl<T: Send> JobHandle<T> {
    pub(super) fn new(id: JobId, cell: Arc<Cell<T>>, queue: Box<dyn Withdraw>) -> Self {
        Self { id, cell, queue: Some(queue) }
    }

    /// The job.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Whether its result is there.
    pub fn is_finished(&self) -> bool {
        self.queue.is_none() || self.cell.lock().ended.is_some()
    }

    /// Lets the job run, and drops what comes of it.
    pub fn detach(mut self) {
        self.queue = None;
        let unwanted = {
            let mut state = self.cell.lock();
            state.detached = true;
            (state.value.take(), state.ended.take())
        };
        drop(unwanted);
    }

    /// Waits for the result on this thread. Do not call it from a task of an async runtime.
    ///
    /// # Errors
    /// [`JobError`].
    pub fn blocking_wait(mut self) -> Result<T, JobError> {
        let parker = Arc::new(Parker::default());
        let waker = Waker::from(Arc::clone(&parker));
        loop {
            if let Some(ended) = self.take(&waker) {
                return ended;
            }
            parker.park(None);
        }
    }

    fn take(&mut self, waker: &Waker) -> Option<Result<T, JobError>> {
        let ended = self.cell.take(waker)?;
        self.queue = None;
        Some(ended)
    }
}

impl<T: Send> Future for JobHandle<T> {
    type Output = Result<T, JobError>;

    /// Polled again after the end, it is pending for ever.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().take(context.waker()).map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for JobHandle<T> {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            self.cell.cancel();
            queue.withdraw(self.id);
        }
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
