//! The desk: a dispatcher with the limits of this server and our money, and what each answer means for its job.

use static_cell::StaticCell;
use tollgate::presets::backoffs;
use tollgate::{
    Adaptation, Aimd, AimdPolicy, Amount, Answer, Breaker, BreakerPolicy, BudgetSpec, Burst, Credits, Denied,
    Dispatcher, Duration, Entropy, Entry, Failure, Gate, History, Instant, JobId, JobState, Ledger, Limits, Line, Next,
    Outcome, Permit, Queue, QueuePolicy, Quota, QuotaCosts, Reason, Renewal, Repeatable, Request, Restraint, Retry,
    RetryPolicy, RetryQuota, Seen, Start, TokenBucket, Trip, Usd, WhenFull, Window, WindowLog, Work, valid,
};

use crate::http::Heard;
use crate::report::{End, Report};
use crate::video::{Accounts, State, Video};

const MINUTE: Duration = Duration::from_mins(1);
/// The server's plan: requests in any minute, and tasks at once.
const PLAN: u32 = 60;
pub(crate) const TASKS: usize = 5;
const SLOTS: u32 = 5;
/// Two clocks, and ours shows the beginning of its tick: our minute is one percent longer, so that theirs is over, too.
const WINDOW: Window = valid!(Window::new(PLAN, Duration::from_millis(60_600)));
const RATE: Quota = valid!(Quota::new_with_burst(PLAN, MINUTE, PLAN / 6));
const PACE: AimdPolicy = AimdPolicy { floor: PLAN / 2, ceiling: PLAN, keep_permille: 700, step: 2, every: 1 };
const CROWD: AimdPolicy = AimdPolicy { floor: 1, ceiling: SLOTS, keep_permille: 500, step: 1, every: 3 };
const TRIP: BreakerPolicy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 8 }, Duration::from_secs(5)));
/// How long a job keeps its slot and its money when nothing is heard of it.
const LEASE: Duration = Duration::from_mins(20);
const POLICY: RetryPolicy = RetryPolicy {
    throttled: backoffs::SEED_001,
    transient: backoffs::SEED_001_SERVER_ERROR.with_retries(2),
    max_block: MINUTE,
    ..backoffs::RETRY
};
static CREDITS: BudgetSpec<'static> = BudgetSpec::new::<Credits>(Amount::whole(10_000), Renewal::Lifetime);
static DOLLARS: BudgetSpec<'static> = BudgetSpec::new::<Usd>(Amount::whole(250), Renewal::Lifetime);

type Money = Ledger<'static, 2, 0, 2, 0>;
type Upstream = Limits<TokenBucket, WindowLog<{ PLAN as usize }>, Money, Breaker, Restraint, Adaptation>;

/// A video that is wanted, and how often it was tried.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) video: Video,
    price: [Line; 2],
    retry: Retry,
}

impl Work for Wanted {
    fn request(&self, id: JobId) -> Request<'_> {
        // The server takes the job's number for its task's name, so that the same order twice starts one task.
        let request = Request::new(id, LEASE).costs(&self.price).repeatable(Repeatable::Keyed);
        request.attempt(self.retry.retried())
    }
}

/// An order to be sent now, and its permit.
pub(crate) type Order = (Entry<Wanted>, Permit);

/// A task at the server, to be looked at.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) at: Instant,
    pub(crate) video: Video,
    retry: Retry,
    /// It is not ordered again, for this reason, and yet it may run.
    doubt: Option<Reason>,
}

impl Task {
    fn new(video: Video, now: Instant, at: Instant, doubt: Option<Reason>) -> Self {
        Self { at, video, retry: Retry::new(POLICY, Repeatable::Idempotent, now), doubt }
    }
}

/// The queue, the gate and the accounts behind it.
#[derive(Debug)]
pub(crate) struct Desk {
    jobs: Dispatcher<Gate<Upstream, 8, TASKS>, Wanted, { 2 * TASKS }>,
    accounts: Accounts,
    entropy: Entropy,
    /// Videos that are not in the queue yet, from here to there; and how many are not over.
    wanted: core::ops::RangeInclusive<u16>,
    open: u16,
    report: Report,
}

impl Desk {
    /// The only one, in its place. What is copied on the way there must not stay on the stack of `main`.
    #[inline(never)]
    pub(crate) fn open(now: Instant, videos: u16) -> &'static mut Self {
        static DESK: StaticCell<Desk> = StaticCell::new();
        DESK.init_with(|| Self::new(now, videos))
    }

    fn new(now: Instant, videos: u16) -> Self {
        let mut money = Money::new(Duration::ZERO);
        let accounts = [&CREDITS, &DOLLARS].map(|spec| money.open(now, spec).expect("room for two accounts"));
        let (pace, crowd) = (valid!(PACE.checked()), valid!(CROWD.checked()));
        // All at once, because each step of `Limits::new()...` copies what it has, and this has two kilobytes.
        let limits = Limits {
            requests: TokenBucket::new(RATE, Start::Full, now),
            window: WindowLog::new(WINDOW, WhenFull::Refuse, History::Empty, now),
            money,
            breaker: Breaker::new(TRIP, now),
            restraint: Restraint {
                quota: Some(RetryQuota::new(QuotaCosts::AWS)),
                burst: Some(Burst::SEED_001),
                ratio: None,
            },
            adaptation: Adaptation {
                rate: Some((Aimd::new(pace), MINUTE)),
                jobs: Some(Aimd::new(crowd)),
                ..Adaptation::default()
            },
        };
        let jobs = Dispatcher::new(Gate::new(limits, now).with_slots(SLOTS), Queue::new(QueuePolicy::DEFAULT));
        let (entropy, report) = (Entropy::of_device(1), Report::default());
        Self { jobs, accounts, entropy, wanted: 1..=videos, open: videos, report }
    }

    /// The next order, booked in every limit. `None`: every video is over.
    ///
    /// # Errors
    /// Until when there is nothing to order, or (`Busy`) until something ends. Nothing has changed then.
    pub(crate) fn next(&mut self, now: Instant) -> Result<Option<Order>, Denied> {
        // Half of the queue: the other half is for what comes back.
        while self.jobs.queue.len() < TASKS {
            let Some(number) = self.wanted.next() else { break };
            let video = Video::nth(number);
            let price = video.price(self.accounts, video.seconds).expect("it is in the tariff");
            let wanted = Wanted { video, price, retry: Retry::new(POLICY, Repeatable::Keyed, now) };
            self.jobs.submit(now, Entry::new(JobId(video.id), wanted)).expect("less than the budget");
        }
        loop {
            match self.jobs.next(now) {
                Next::Send { entry, permit } => {
                    // It goes out in this same instant, so that it cannot be stale.
                    let _ = self.jobs.gate.sending(now, &permit);
                    return Ok(Some((entry, permit)));
                }
                Next::WaitUntil(at) => return Err(Denied::Until(at)),
                Next::WaitForRelease => return Err(Denied::Busy),
                Next::Empty if self.open > 0 => return Err(Denied::Busy),
                Next::Empty => return Ok(None),
                // None has a deadline; and its lease may be over while it waits to be ordered again.
                Next::Expired(entry) | Next::Rejected { entry, .. } => {
                    self.over(&entry.payload.video, End::Unknown(Reason::MaybeRunning));
                }
            }
        }
    }

    /// The order was answered, or not. Returns the task that is to be looked at, if there may be one.
    pub(crate) fn ordered(&mut self, now: Instant, (mut entry, permit): Order, heard: &Heard<'_>) -> Option<Task> {
        let (state, outcome) = self.hear(now, heard);
        let (id, video) = (entry.id, entry.payload.video);
        let retry = &mut entry.payload.retry;
        let reason = match self.jobs.gate.answered(now, &permit, &outcome, retry, self.entropy.next()) {
            Ok(Answer::Accepted) => {
                let ready = if let Some(State::Running(ready)) = state { ready } else { Duration::ZERO };
                return Some(Task::new(video, now, now.saturating_add(ready), None));
            }
            Ok(Answer::RetryAt(at) | Answer::RetryOnRelease { not_before: at }) => {
                self.jobs.requeue(now, entry, at).expect("room for what comes back");
                return None;
            }
            Ok(Answer::GiveUp(reason)) => reason,
            Ok(_) => Reason::Refused,
            Err(_) => Reason::MaybeRunning,
        };
        // It is not ordered again. Whether it runs is asked for first, if that is not known.
        if self.jobs.gate.job(now, id).is_some_and(JobState::has_hold) {
            return Some(Task::new(video, now, now, Some(reason)));
        }
        self.over(&video, End::Refused(reason))
    }

    /// May we ask how a task is doing? That costs nothing, but a closed gate is closed for this as well.
    ///
    /// # Errors
    /// When to ask again.
    pub(crate) fn look(&mut self, now: Instant) -> Result<Permit, Instant> {
        let permit = self.jobs.gate.poll(now, 0).map_err(|refused| match refused {
            tollgate::AskError::Refused { denied: Denied::Until(at), .. } => at,
            _ => now.saturating_add(Duration::from_secs(1)),
        })?;
        let _ = self.jobs.gate.sending(now, &permit);
        Ok(permit)
    }

    /// The server said something about the task, or not. Returns the task if it is to be looked at again.
    pub(crate) fn looked(&mut self, now: Instant, mut task: Task, permit: &Permit, heard: &Heard<'_>) -> Option<Task> {
        let (state, outcome) = self.hear(now, heard);
        let (id, video) = (JobId(task.video.id), task.video);
        let answer = self.jobs.gate.answered(now, permit, &outcome, &mut task.retry, self.entropy.next());
        match (state, answer, task.doubt) {
            (Some(State::Running(ready)), ..) => {
                // It answers again: what was retried before is forgotten.
                let _ = self.jobs.gate.reconcile(now, now, false, &[Seen::Job(id)]);
                let _ = self.jobs.gate.renew(now, id, LEASE);
                Some(Task::new(video, now, now.saturating_add(ready), None))
            }
            (Some(State::Made(seconds)), ..) => self.finish(now, &video, Some(seconds), End::Made),
            (Some(State::Failed), ..) => self.finish(now, &video, None, End::Failed),
            (None, Ok(Answer::RetryAt(at) | Answer::RetryOnRelease { not_before: at }), _) => Some(Task { at, ..task }),
            // The server does not know it: so it was never started.
            (None, Ok(Answer::Done), Some(reason)) => self.finish(now, &video, None, End::Refused(reason)),
            (None, Ok(Answer::GiveUp(reason)), _) => self.over(&video, End::Unknown(reason)),
            (None, ..) => self.over(&video, End::Unknown(Reason::Refused)),
        }
    }

    /// The summary: what has become of the videos, and what is spent and set aside.
    pub(crate) fn print(&self, now: Instant) {
        let books = |account| self.jobs.gate.report(now, account).map_or((0, 0), |books| (books.posted, books.held));
        self.report.print(self.accounts.map(books));
    }

    /// What an answer says of its task, and how it counts.
    fn hear(&mut self, now: Instant, heard: &Heard<'_>) -> (Option<State>, Outcome) {
        let (feedback, page) = match heard {
            Ok(heard) => heard,
            Err(failure) => return (None, Outcome::Failed(*failure)),
        };
        self.jobs.gate.heard(now, feedback);
        let state = page.and_then(|page| page.state()).filter(|_| feedback.status() < 300);
        // A success that says nothing is none.
        let silent = state.is_none() && feedback.status() < 400;
        (state, if silent { Outcome::Failed(Failure::Broken) } else { Outcome::from(feedback) })
    }

    fn finish(&mut self, now: Instant, video: &Video, seconds: Option<u32>, end: End) -> Option<Task> {
        let [credits, dollars] = self.accounts;
        let nothing = [Line::new::<Credits>(credits, Amount::ZERO), Line::new::<Usd>(dollars, Amount::ZERO)];
        let price = seconds.map_or(Ok(nothing), |seconds| video.price(self.accounts, seconds));
        let finished = price.map(|price| self.jobs.gate.finished(now, JobId(video.id), &price));
        self.over(video, if matches!(finished, Ok(Ok(_))) { end } else { End::Unknown(Reason::Refused) })
    }

    fn over(&mut self, video: &Video, end: End) -> Option<Task> {
        self.open -= 1;
        self.report.add(video.id, end);
        None
    }
}
