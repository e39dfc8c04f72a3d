//! `Runner`: jobs as async functions, run when the gate lets them, sent again when it says so, and paid for to the last.
//!
//! Take it where more jobs come in than may be sent. Who waits for his own request takes
//! [`Shared::admit`](crate::Shared::admit); who has workers of his own takes a [`Shared`] dispatcher. It brings no
//! runtime: whoever runs it says how tasks are spawned, and its clock, a [`Timer`], how they sleep.
//!
//! ```text
//! submit ──► queue ──► permit ──► the function: sending, answered, finished ──► JobHandle
//!              ▲ classes, keys, deadlines           │ Stop::Again                  └ dropped: cancelled
//!              └────────────────────────────────────┘
//! ```

mod call;
mod desk;
mod handle;
mod job;
mod task;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use tollgate::{AnyLimits, Clock, Denied, Dispatch, Entropy, Gate, Instant, JobId, QueuePolicy, Retry, Status};

use call::Attempt;
use desk::{Desk, Door, Job};
use handle::{Cell, Withdraw};
use job::Queued;
use task::Task;

use crate::observe::{Event, Log};
use crate::observe_job::{End, JobEvent};
use crate::shared::Shared;
use crate::timer::Timer;
use crate::wait::{Wait, WaitError};

pub use call::{Call, Stop};
pub use handle::JobHandle;
pub use job::{JobError, JobRequest, SubmitRefusal};
pub use task::JobTask;

/// Runs jobs behind a gate with `JOBS` and `CALLS` places, from a queue of `N` places and `CLASSES` classes. Clones are
/// handles on the same runner.
///
/// * **In order.** Urgent classes first, keys in turn, first in first out, as a [`Queue`](tollgate::Queue) promises. It is
///   woken by a release, by time and by a live change of a limit; nothing polls.
/// * **Bounded.** A full queue is an answer, [`SubmitRefusal`]. Results are kept for nobody: a handle that is dropped
///   cancels its job.
/// * **The books are right**, however an attempt ends: what was not sent returns; what was sent and not answered is
///   [`Unknown`](tollgate::JobState::Unknown); what was accepted keeps slot and money until it is finished or its lease is
///   over. A function that panics is an error for its handle, and for nobody else.
/// * **Sent again** as the gate and the job's policy decide, at its old place in the queue; a job is never run twice
///   where it may be running.
///
/// # Example
/// ```
/// # #[cfg(feature = "tokio")] {
/// use tollgate::{Clock, Duration, Gate, Limits, Outcome, QueuePolicy, Quota, Start, TokenBucket, Verdict, valid};
/// use tollgate_std::{Call, JobRequest, Runner, Stop, TokioClock};
/// # use tollgate::Failure;
/// # async fn post(attempt: u32) -> Result<u16, std::io::Error> { Ok(if attempt == 1 { 429 } else { 200 }) }
/// # async fn finished_video(_id: u16) -> Result<String, std::io::Error> { Ok("cat.mp4".into()) }
///
/// /// Sends the request, waits for the video. What goes wrong on the way is its result.
/// async fn video(mut call: Call) -> Result<Result<String, std::io::Error>, Stop> {
///     call.sending()?;
///     let answer = post(call.attempt()).await;
///     let outcome = match &answer {
///         Ok(429) => Outcome::Answered { status: 429, verdict: Verdict::Blind, wait: None, should_retry: None },
///         Ok(status) => Outcome::Answered { status: *status, verdict: Verdict::Clear, wait: None, should_retry: None },
///         Err(_) => Outcome::Failed(Failure::Broken),
///     };
///     call.answered(&outcome)?; // refused: back into the queue
///     let video = finished_video(7).await; // minutes later; the slot is taken all the time
///     call.finished(&[])?;
///     Ok(video)
/// }
///
/// let clock = TokioClock::default();
/// let rate = TokenBucket::new(valid!(Quota::new(60, Duration::from_mins(1))), Start::Full, clock.now());
/// let gate = Gate::new(Limits::new().requests(rate), clock.now()).with_slots(3);
/// // 64 jobs in the table of the gate, 8 requests on their way at once, 256 jobs that wait.
/// let runner = Runner::<_, _, 64, 8, 256>::new(gate, QueuePolicy::DEFAULT, clock);
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let driver = tokio::spawn({
///     let runner = runner.clone();
///     async move { runner.run(|job| drop(tokio::spawn(job))).await }
/// });
/// let cat = runner.submit(JobRequest::new(Duration::from_mins(10)), video)?;
/// assert_eq!(cat.await??, "cat.mp4");
///
/// runner.close(Duration::from_secs(30)).await?;
/// driver.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # }
/// ```
pub struct Runner<L: AnyLimits, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize = 1> {
    desk: Shared<Desk<L, JOBS, CALLS, N, CLASSES>, C>,
    /// True when everything is done and nothing more can come; for those who wait for that.
    idle: Shared<bool, C>,
    entropy: Arc<Mutex<Entropy>>,
}

impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize>
    Runner<L, C, JOBS, CALLS, N, CLASSES>
where
    L: AnyLimits,
    C: Clock + Clone,
{
    /// A runner that is open and that nobody [`run`](Self::run)s yet. Give the gate stamps of the same clock.
    ///
    /// Jitter starts from the operating system's randomness; see [`with_entropy`](Self::with_entropy).
    pub fn new(gate: Gate<L, JOBS, CALLS>, policy: QueuePolicy, clock: C) -> Self {
        // As many may run it as like to.
        let desk = Shared::with_clock(Desk::new(gate, policy), clock.clone()).with_max_waiters(usize::MAX);
        // The hasher's keys come from the operating system; what is hashed with them does not matter.
        let entropy = Arc::new(Mutex::new(Entropy::of_device(RandomState::new().hash_one(0))));
        Self { desk, idle: Shared::with_clock(false, clock), entropy }
    }
}

impl<L: AnyLimits, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize>
    Runner<L, C, JOBS, CALLS, N, CLASSES>
{
    /// This handle under a name, by which events tell which runner they are about; see [`Shared::named`].
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { desk: self.desk.named(name), ..self }
    }

    /// With jitter that starts from `entropy`, so that a test or a simulation repeats itself. For all handles.
    #[must_use]
    pub fn with_entropy(self, entropy: Entropy) -> Self {
        *self.entropy.lock().unwrap_or_else(PoisonError::into_inner) = entropy;
        self
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        self.desk.clock()
    }

    /// Makes whoever runs it, or waits for its end, look again: the clock was moved by hand.
    pub fn wake(&self) {
        self.desk.wake();
        self.idle.wake();
    }

    fn log(&self, job: Option<JobId>) -> Log {
        self.desk.log_job(job)
    }

    fn tell(&self, job: JobId, event: JobEvent) {
        self.log(Some(job)).tell(Event::Job(event));
    }
}

impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize>
    Runner<L, C, JOBS, CALLS, N, CLASSES>
where
    L: AnyLimits,
    C: Clock,
{
    /// Gives access to the gate, for what is not said by a [`Call`]: a new limit, the provider's list, the last word of a
    /// webhook about a job. Whoever waits looks again afterwards. As [`Shared::with`]: be quick, and do not use this
    /// runner inside.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Clock, Gate, Limits, QueuePolicy};
    /// use tollgate_std::{Runner, StdClock};
    /// let clock = StdClock::default();
    /// let gate = Gate::new(Limits::new(), clock.now()).with_slots(1);
    /// let runner = Runner::<_, _, 8, 2, 16>::new(gate, QueuePolicy::DEFAULT, clock);
    /// runner.with(|gate, _| gate.set_slots(3)); // and two more jobs start
    /// assert_eq!(runner.status().slots, 3);
    /// ```
    pub fn with<R>(&self, change: impl FnOnce(&mut Gate<L, JOBS, CALLS>, Instant) -> R) -> R {
        self.desk.with(|desk, now| change(&mut desk.jobs.gate, now))
    }

    /// Looks at the gate. Nobody is woken by that.
    pub fn look<R>(&self, look: impl FnOnce(&Gate<L, JOBS, CALLS>, Instant) -> R) -> R {
        self.desk.look(|desk, now| look(&desk.jobs.gate, now))
    }

    /// Where the gate stands: see [`Gate::status`].
    pub fn status(&self) -> Status {
        self.look(Gate::status)
    }

    /// How many jobs wait, those that wait to be sent again included.
    pub fn waiting(&self) -> usize {
        self.desk.look(|desk, _| desk.jobs.queue.len())
    }

    /// How many tasks run: from the permit to the end of the function.
    pub fn running(&self) -> usize {
        self.desk.look(|desk, _| desk.running)
    }

    /// Tells those who wait for the end, if this is it.
    fn check_idle(&self) {
        if self.desk.look(|desk, _| desk.is_idle()) {
            self.idle.with(|idle, _| *idle = true);
        }
    }
}

impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize>
    Runner<L, C, JOBS, CALLS, N, CLASSES>
where
    L: AnyLimits + 'static,
    Gate<L, JOBS, CALLS>: Send,
    C: Clock + Send + Sync + 'static,
{
    /// Lets a job wait for its turn, and answers at once. `function` is called for each attempt, with its permit.
    ///
    /// # Errors
    /// [`SubmitRefusal`]: the queue is full, the gate would never take it, its `start_by` cannot be met, or the runner is
    /// closed.
    ///
    /// # Example
    /// See [`Runner`].
    pub fn submit<T, F, R>(&self, request: JobRequest, mut function: F) -> Result<JobHandle<T>, SubmitRefusal>
    where
        T: Send + 'static,
        F: FnMut(Call) -> R + Send + 'static,
        R: Future<Output = Result<T, Stop>> + Send + 'static,
    {
        let cell = Arc::new(Cell::new());
        let results = Arc::clone(&cell);
        let function = Box::new(move |call: Call| {
            let (attempt, results) = (function(call), Arc::clone(&results));
            let attempt: task::Boxed<Result<(), Stop>> = Box::pin(async move {
                results.fill(attempt.await?);
                Ok(())
            });
            attempt
        });
        let retry = Retry::new(request.policy, request.repeatable, self.desk.now());
        let queued =
            Queued { spec: request, retry, sent: 0, ends: Instant::MAX, function, cell: Arc::<Cell<T>>::clone(&cell) };
        match self.desk.room.change(self.log(None), |desk, now| desk.submit(now, Box::new(queued))) {
            Ok(id) => {
                self.tell(id, JobEvent::Queued);
                Ok(JobHandle::new(id, cell, Box::new(self.clone())))
            }
            Err((job, why)) => {
                self.tell(job.id, JobEvent::Over(End::Refused));
                Err(why)
            }
        }
    }

    /// One that will not run: its handle is told.
    fn end(&self, job: Job, end: End, why: JobError) {
        self.tell(job.id, JobEvent::Over(end));
        let cell = Arc::clone(&job.payload.cell);
        drop(job);
        cell.end(Err(why));
    }
}

impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize>
    Runner<L, C, JOBS, CALLS, N, CLASSES>
where
    L: AnyLimits + 'static,
    Gate<L, JOBS, CALLS>: Send,
    C: Timer + Clone + Send + Sync + 'static,
    C::Sleep: Send,
{
    /// Takes the jobs out of the queue, each when the gate lets it, and hands their tasks to `spawn`; ends when the runner
    /// is closed and everything is done. Spawn it: nothing runs without it. Several may run it; dropped, it can be run
    /// anew.
    ///
    /// `spawn` runs a [`JobTask`] beside others and returns at once: `|job| drop(tokio::spawn(job))`, or a thread for each
    /// that blocks on it.
    ///
    /// # Panics
    /// As the timer: tokio's outside a runtime with its timer enabled, when it has to wait.
    ///
    /// # Example
    /// See [`Runner`].
    pub async fn run(&self, mut spawn: impl FnMut(JobTask)) {
        let forever = Wait::forever();
        loop {
            let next = self.desk.room.wait(&forever, self.log(None), Desk::take);
            // Nothing else can end it: there is room in the line, and it has no deadline.
            let Ok(Some(next)) = next.await else { return };
            match next.map(|permit| self.desk.guard(permit)) {
                Dispatch::Send { entry, permit } => {
                    let (id, retry) = (entry.id, entry.payload.retry.clone());
                    let desk = self.desk.clone();
                    let attempt = Arc::new(Attempt::new(desk, Arc::clone(&self.entropy), id, permit, retry));
                    let (runner, job) = (self.clone(), Some(entry));
                    spawn(JobTask::new(Task { runner, attempt, job, future: None, alarm: None }));
                }
                Dispatch::Expired(job) => self.end(job, End::Expired, JobError::Expired),
                Dispatch::Rejected { entry, why } => self.end(entry, End::Refused, JobError::Refused(why)),
            }
            self.check_idle();
        }
    }

    /// Closes: takes no new jobs, turns away those that wait ([`JobError::Closed`]), and waits until those that run have
    /// ended. Those that have not when the wait is over run on. It cannot be opened again; the second time only waits.
    ///
    /// # Errors
    /// [`WaitError`]: some still run.
    ///
    /// # Example
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// use tollgate::{Clock, Duration, Gate, Limits, QueuePolicy};
    /// use tollgate_std::{Call, JobError, JobRequest, Runner, TokioClock};
    /// let clock = TokioClock::default();
    /// let gate = Gate::new(Limits::new(), clock.now());
    /// let runner = Runner::<Limits, _, 8, 2, 16>::new(gate, QueuePolicy::DEFAULT, clock);
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    /// # runtime.block_on(async {
    /// let waiting = runner.submit(JobRequest::new(Duration::MAX), |mut call: Call| async move { call.sending() })?;
    /// runner.close(Duration::from_secs(30)).await?;
    /// assert!(matches!(waiting.await, Err(JobError::Closed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # }
    /// ```
    pub async fn close(&self, wait: impl Into<Wait>) -> Result<(), WaitError> {
        while let Some(job) = self.desk.with(|desk, _| desk.turn_away()) {
            self.end(job, End::Closed, JobError::Closed);
        }
        self.ended(&wait.into()).await
    }

    /// As [`close`](Self::close), but those that wait are still served, and sent again, before it ends.
    ///
    /// # Errors
    /// [`WaitError`]: some still wait or run. [`close`](Self::close) turns them away.
    pub async fn drain(&self, wait: impl Into<Wait>) -> Result<(), WaitError> {
        self.desk.with(|desk, _| {
            if desk.door == Door::Open {
                desk.door = Door::Draining;
            }
        });
        self.ended(&wait.into()).await
    }

    async fn ended(&self, wait: &Wait) -> Result<(), WaitError> {
        self.check_idle();
        let ended = |idle: &mut bool, _| if *idle { Ok(()) } else { Err(Denied::Busy) };
        self.idle.wait_for(wait.clone(), ended).await
    }
}

impl<L, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize> Withdraw
    for Runner<L, C, JOBS, CALLS, N, CLASSES>
where
    L: AnyLimits + 'static,
    Gate<L, JOBS, CALLS>: Send,
    C: Clock + Send + Sync + 'static,
{
    fn withdraw(&self, id: JobId) {
        if let Some(job) = self.desk.room.change(self.log(Some(id)), |desk, _| desk.withdraw(id)) {
            self.end(job, End::Dropped, JobError::Lost);
            self.check_idle();
        }
    }
}

impl<L: AnyLimits, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize> Clone
    for Runner<L, C, JOBS, CALLS, N, CLASSES>
{
    fn clone(&self) -> Self {
        Self { desk: self.desk.clone(), idle: self.idle.clone(), entropy: Arc::clone(&self.entropy) }
    }
}

impl<L: AnyLimits, C, const JOBS: usize, const CALLS: usize, const N: usize, const CLASSES: usize> fmt::Debug
    for Runner<L, C, JOBS, CALLS, N, CLASSES>
{
    /// Without what is shared, whose lock may be held by whoever prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("places", &N).field("classes", &CLASSES).finish_non_exhaustive()
    }
}
