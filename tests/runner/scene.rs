//! A runner with a rate, slots and one account, on tokio's paused time, and jobs that do as they are told.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time;

use tokio::task::JoinHandle;
use tollgate::{
    AccountId, Amount, BudgetSpec, Clock, Credits, Duration, Entropy, Failure, Gate, JobId, JobState, Ledger, Limits,
    Line, Outcome, QueuePolicy, Quota, Renewal, Start, TokenBucket, Verdict,
};
use tollgate_std::{Call, JobRequest, Runner, Stop, TokioClock};

pub(crate) static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(1_000_000), Renewal::Lifetime);
pub(crate) const ACCOUNT: AccountId = AccountId(0);
pub(crate) const LEASE: Duration = Duration::from_mins(10);

pub(crate) type Books = Limits<TokenBucket, (), Ledger<'static, 1, 0, 2, 0>>;
/// With a table that has room for all jobs of a test, so that none is forgotten.
pub(crate) type Plant<C = TokioClock> = Runner<Books, C, 256, 16, 32, 2>;

/// A thousand requests at once and a hundred a second; these slots; a million credits.
pub(crate) fn plant_on<C: Clock + Clone>(slots: u32, clock: C) -> Plant<C> {
    let now = clock.now();
    let quota = Quota::new_with_burst(100, Duration::from_secs(1), 1_000).unwrap();
    let mut money = Ledger::new(Duration::ZERO);
    money.open(now, &CREDITS).unwrap();
    let limits = Limits::new().requests(TokenBucket::new(quota, Start::Full, now)).money(money);
    let policy = QueuePolicy { room_for_returns: 8, ..QueuePolicy::DEFAULT };
    Runner::new(Gate::new(limits, now).with_slots(slots), policy, clock).with_entropy(Entropy::of_device(7))
}

pub(crate) fn plant(slots: u32) -> Plant {
    plant_on(slots, TokioClock::default())
}

/// Runs it on tokio.
pub(crate) fn start(plant: &Plant) -> JoinHandle<()> {
    let plant = plant.clone();
    tokio::spawn(async move { plant.run(|job| drop(tokio::spawn(job))).await })
}

pub(crate) fn credits(n: u32) -> [Line; 1] {
    [Line::new::<Credits>(ACCOUNT, Amount::whole(n))]
}

/// A job of about 40 credits.
pub(crate) fn clip() -> JobRequest {
    JobRequest::new(LEASE).costs(credits(40))
}

pub(crate) const fn answer(status: u16, verdict: Verdict) -> Outcome {
    Outcome::Answered { status, verdict, wait: None, should_retry: None }
}

pub(crate) const OK: Outcome = answer(200, Verdict::Clear);
pub(crate) const BLIND: Outcome = answer(429, Verdict::Blind);
pub(crate) const BROKEN: Outcome = Outcome::Failed(Failure::Broken);

pub(crate) fn secs(secs: u64) -> time::Duration {
    time::Duration::from_secs(secs)
}

/// Sent and accepted, and finished at `actual` after so many seconds.
pub(crate) async fn work(mut call: Call, span: u64, actual: u32) -> Result<u32, Stop> {
    call.sending()?;
    call.answered(&OK)?;
    tokio::time::sleep(secs(span)).await;
    call.finished(&credits(actual))?;
    Ok(actual)
}

/// Sent, and never answered.
pub(crate) async fn hang(mut call: Call) -> Result<(), Stop> {
    call.sending()?;
    std::future::pending().await
}

/// Counts how often it is made and dropped.
#[derive(Clone, Default)]
pub(crate) struct Drops(pub(crate) Arc<AtomicU32>);

impl Drops {
    pub(crate) fn many(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn state<C: Clock>(plant: &Plant<C>, id: JobId) -> Option<JobState> {
    plant.look(|gate, now| gate.job(now, id))
}

/// What the account has spent and what it holds, in credits.
pub(crate) fn spent<C: Clock>(plant: &Plant<C>) -> (u64, u64) {
    let report = plant.look(|gate, now| gate.report(now, ACCOUNT)).unwrap();
    assert_eq!((report.unaccounted, report.debt), (0, 0));
    (report.posted / 1_000_000, report.held / 1_000_000)
}

/// Slots taken, requests on their way, tasks, jobs that wait.
pub(crate) fn load<C: Clock>(plant: &Plant<C>) -> (u64, u32, usize, usize) {
    let status = plant.status();
    (status.in_flight, status.calls, plant.running(), plant.waiting())
}

/// Runs it on one thread in paused time, which jumps to the next timer when all tasks wait. What would wait for ever fails.
pub(crate) fn paused<T>(scene: impl Future<Output = T>) -> T {
    TokioClock::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let scene = async { tokio::time::timeout(secs(3_600 * 24 * 365), scene).await };
    runtime.block_on(scene).expect("it waits for something that nobody brings")
}

/// Lets all other tasks run until they wait. No time passes.
pub(crate) async fn settle_down() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Small, seeded, and the same on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1)
    }

    pub(crate) fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
