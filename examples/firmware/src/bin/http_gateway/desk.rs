//! The desk: the gate of this server with its limits and our money, and what each job does next.

use tollgate::presets::backoffs;
use tollgate::{
    Adaptation, Aimd, AimdPolicy, Amount, Answer, AskError, Breaker, BreakerPolicy, BudgetSpec, Burst, Credits, Denied,
    Duration, Entropy, Failure, Gate, History, Instant, JobId, JobState, Ledger, Limits, Line, OpenError, Outcome,
    Permit, Quota, QuotaCosts, Reason, Renewal, Repeatable, Request, Restraint, Retry, RetryPolicy, RetryQuota, Seen,
    Start, TokenBucket, Trip, Usd, WhenFull, Window, WindowLog, valid,
};

use crate::http::Heard;
use crate::video::{Accounts, Job, Task};

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
const POLICY: RetryPolicy = RetryPolicy { throttled: backoffs::SEED_001, max_block: MINUTE, ..backoffs::RETRY };
static CREDITS: BudgetSpec<'static> = BudgetSpec::new::<Credits>(Amount::whole(10_000), Renewal::Lifetime);
static DOLLARS: BudgetSpec<'static> = BudgetSpec::new::<Usd>(Amount::whole(250), Renewal::Lifetime);

type Money = Ledger<'static, 2, 0, 2, 0>;
type Upstream = Limits<TokenBucket, WindowLog<{ PLAN as usize }>, Money, Breaker, Restraint, Adaptation>;

/// A job on its way.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) job: Job,
    order: Retry,
    look: Retry,
    /// It is not ordered again, for this reason, and yet it may run.
    doubt: Option<Reason>,
}

impl Course {
    pub(crate) fn new(job: Job, now: Instant) -> Self {
        // The server takes the job's number for its task's name, so that the same order twice starts one task.
        let order = Retry::new(POLICY, Repeatable::Keyed, now);
        Self { job, order, look: Retry::new(POLICY, Repeatable::Idempotent, now), doubt: None }
    }
}

/// What a job does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Order it then, if the gate lets it.
    Order(Instant),
    /// Order it then, or as soon as another job has ended.
    OrderOnRelease(Instant),
    /// Ask for its task then.
    Look(Instant),
    /// Nothing.
    Over(End),
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is made and paid for.
    Made,
    /// Its task failed, and costs nothing.
    Failed,
    /// It was never started, and costs nothing.
    Refused(Reason),
    /// Nobody knows whether it runs: its money stays set aside, and its slot until the lease is over.
    Unknown(Reason),
}

/// The gate and the accounts behind it.
#[derive(Debug)]
pub(crate) struct Desk {
    gate: Gate<Upstream, 16, TASKS>,
    accounts: Accounts,
    entropy: Entropy,
}

impl Desk {
    pub(crate) fn new(now: Instant) -> Result<Self, OpenError> {
        let mut money = Money::new(Duration::ZERO);
        let accounts = [money.open(now, &CREDITS)?, money.open(now, &DOLLARS)?];
        let (pace, crowd) = (valid!(PACE.checked()), valid!(CROWD.checked()));
        let limits = Limits::new()
            .requests(TokenBucket::new(RATE, Start::Full, now))
            .window(WindowLog::new(WINDOW, WhenFull::Refuse, History::Empty, now))
            .money(money)
            .breaker(Breaker::new(TRIP, now))
            .restraint(Restraint {
                quota: Some(RetryQuota::new(QuotaCosts::AWS)),
                burst: Some(Burst::SEED_001),
                ratio: None,
            })
            .adaptation(Adaptation {
                rate: Some((Aimd::new(pace), MINUTE)),
                jobs: Some(Aimd::new(crowd)),
                ..Adaptation::default()
            });
        let gate = Gate::new(limits, now).with_slots(SLOTS);
        Ok(Self { gate, accounts, entropy: Entropy::of_device(1) })
    }

    /// May the job be ordered now? All limits agree, or nothing has changed and it is told what to wait for.
    pub(crate) fn order(&mut self, now: Instant, course: &Course) -> Result<Permit, Next> {
        let Ok(price) = course.job.price(self.accounts, course.job.seconds) else { return Err(refused()) };
        let request = Request::new(JobId(course.job.id), LEASE)
            .costs(&price)
            .repeatable(Repeatable::Keyed)
            .attempt(course.order.retried());
        match self.gate.ask(now, &request) {
            Ok(permit) => Ok(self.sending(now, permit)),
            // A slot is free at the end of a lease at the latest, and most are given back long before.
            Err(AskError::Refused { denied: Denied::Until(at), .. }) => Err(Next::OrderOnRelease(at)),
            Err(AskError::Refused { denied: Denied::Busy, .. }) => Err(Next::OrderOnRelease(Instant::MAX)),
            Err(_) => Err(refused()),
        }
    }

    /// May we ask how the task is doing? That costs nothing, but a closed gate is closed for this as well.
    pub(crate) fn look(&mut self, now: Instant) -> Result<Permit, Next> {
        match self.gate.poll(now, 0) {
            Ok(permit) => Ok(self.sending(now, permit)),
            Err(AskError::Refused { denied: Denied::Until(at), .. }) => Err(Next::Look(at)),
            Err(_) => Err(Next::Look(now.saturating_add(Duration::from_secs(1)))),
        }
    }

    /// The order was answered, or not.
    pub(crate) fn ordered(&mut self, now: Instant, course: &mut Course, permit: &Permit, heard: &Heard<'_>) -> Next {
        let (task, outcome) = self.hear(now, heard);
        let answer = self.gate.answered(now, permit, &outcome, &mut course.order, self.entropy.next());
        match answer {
            Ok(Answer::Accepted) => {
                let ready = if let Some(Task::Running(ready)) = task { ready } else { Duration::ZERO };
                Next::Look(now.saturating_add(ready))
            }
            Ok(Answer::RetryAt(at) | Answer::RetryOnRelease { not_before: at }) => Next::Order(at),
            Ok(Answer::GiveUp(reason)) => self.give_up(now, course, reason),
            Ok(_) => refused(),
            Err(_) => self.give_up(now, course, Reason::MaybeRunning),
        }
    }

    /// The server said something about the task, or not.
    pub(crate) fn looked(&mut self, now: Instant, course: &mut Course, permit: &Permit, heard: &Heard<'_>) -> Next {
        let (task, outcome) = self.hear(now, heard);
        let (id, job) = (JobId(course.job.id), course.job);
        let answer = self.gate.answered(now, permit, &outcome, &mut course.look, self.entropy.next());
        match (task, answer, course.doubt) {
            (Some(Task::Running(ready)), ..) => {
                // It answers again: what was retried before is forgotten.
                (course.look, course.doubt) = (Retry::new(POLICY, Repeatable::Idempotent, now), None);
                let _ = self.gate.reconcile(now, now, false, &[Seen::Job(id)]);
                let _ = self.gate.renew(now, id, LEASE);
                Next::Look(now.saturating_add(ready))
            }
            (Some(Task::Made(seconds)), ..) => self.finish(now, &job, Some(seconds), End::Made),
            (Some(Task::Failed), ..) => self.finish(now, &job, None, End::Failed),
            (None, Ok(Answer::RetryAt(at) | Answer::RetryOnRelease { not_before: at }), _) => Next::Look(at),
            // The server does not know it: so it was never started.
            (None, Ok(Answer::Done), Some(reason)) => self.finish(now, &job, None, End::Refused(reason)),
            (None, Ok(Answer::GiveUp(reason)), _) => Next::Over(End::Unknown(reason)),
            (None, ..) => Next::Over(End::Unknown(Reason::Refused)),
        }
    }

    /// Millionths of a credit and of a dollar: spent, and set aside.
    pub(crate) fn books(&self, now: Instant) -> [(u64, u64); 2] {
        self.accounts.map(|account| self.gate.report(now, account).map_or((0, 0), |books| (books.posted, books.held)))
    }

    fn sending(&mut self, now: Instant, permit: Permit) -> Permit {
        // It goes out in this same instant, so that it cannot be stale.
        let _ = self.gate.sending(now, &permit);
        permit
    }

    /// What an answer says of its task, and how it counts.
    fn hear(&mut self, now: Instant, heard: &Heard<'_>) -> (Option<Task>, Outcome) {
        let (feedback, page) = match heard {
            Ok(heard) => heard,
            Err(failure) => return (None, Outcome::Failed(*failure)),
        };
        self.gate.heard(now, feedback);
        let task = page.and_then(|page| page.task()).filter(|_| feedback.status() < 300);
        // A success that says nothing is none.
        let silent = task.is_none() && feedback.status() < 400;
        (task, if silent { Outcome::Failed(Failure::Broken) } else { Outcome::from(feedback) })
    }

    fn finish(&mut self, now: Instant, job: &Job, seconds: Option<u32>, end: End) -> Next {
        let nothing =
            [Line::new::<Credits>(self.accounts[0], Amount::ZERO), Line::new::<Usd>(self.accounts[1], Amount::ZERO)];
        let price = seconds.map_or(Ok(nothing), |seconds| job.price(self.accounts, seconds));
        let finished = price.map(|price| self.gate.finished(now, JobId(job.id), &price));
        Next::Over(if matches!(finished, Ok(Ok(_))) { end } else { End::Unknown(Reason::Refused) })
    }

    /// It is not ordered again. Whether it runs is asked for first, if that is not known.
    fn give_up(&self, now: Instant, course: &mut Course, reason: Reason) -> Next {
        if self.gate.job(now, JobId(course.job.id)).is_some_and(JobState::has_hold) {
            course.doubt = Some(reason);
            return Next::Look(now);
        }
        Next::Over(End::Refused(reason))
    }
}

const fn refused() -> Next {
    Next::Over(End::Refused(Reason::Refused))
}
