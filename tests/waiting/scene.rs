//! Who waits in these tests, and before what: an office with desks, a bucket, tasks that are polled by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::{thread, time};

use tollgate::{Book, Clock, Denied, Duration, Instant, Quota, Reservation, Start, Token, TokenBucket};
use tollgate_std::{Permit, Shared, TokioClock, Wait, WaitError};

pub(crate) use tollgate_std::testing::HandClock;

/// Desks in an office: nothing but a release helps. It counts, and objects to being given back what it never gave.
#[derive(Debug)]
pub(crate) struct Desks {
    pub(crate) limit: u64,
    pub(crate) used: u64,
    pub(crate) booked: u64,
    pub(crate) settled: u64,
}

impl Book for Desks {
    fn room(&self, _now: Instant) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        match cost {
            big if big > self.limit => Err(Denied::Never { max: self.limit }),
            fits if fits <= self.room(now) => Ok(from),
            _ => Err(Denied::Busy),
        }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.quote(now, at, cost)?;
        self.used += cost;
        self.booked += 1;
        Ok(Reservation::new(at, cost, Token::default()))
    }

    fn settle(&mut self, _now: Instant, held: Reservation, _actual: u64) {
        self.used = self.used.checked_sub(held.cost()).expect("given back twice");
        self.settled += 1;
    }
}

pub(crate) fn office_on<C>(desks: u64, clock: C) -> Shared<Desks, C> {
    Shared::with_clock(Desks { limit: desks, used: 0, booked: 0, settled: 0 }, clock)
}

pub(crate) fn office(desks: u64) -> Shared<Desks, HandClock> {
    office_on(desks, HandClock::default())
}

/// Nobody waits, and nothing is held.
pub(crate) fn assert_nothing_left<C: Clock>(office: &Shared<Desks, C>) {
    let (used, unsettled) = office.with(|desks, _| (desks.used, desks.booked - desks.settled));
    assert_eq!((office.waiting(), used, unsettled), (0, 0, 0));
}

/// One a second, up to `burst` at once; empty at first.
pub(crate) fn bucket_on<C: Clock>(burst: u32, clock: C) -> Shared<TokenBucket, C> {
    let quota = Quota::new_with_burst(1, Duration::from_secs(1), burst).unwrap();
    let bucket = TokenBucket::new(quota, Start::Empty, clock.now());
    Shared::with_clock(bucket, clock)
}

pub(crate) fn bucket(burst: u32) -> Shared<TokenBucket, HandClock> {
    bucket_on(burst, HandClock::default())
}

/// Runs it on one thread in paused time, which jumps to the next timer when all tasks wait. What would wait for ever fails.
pub(crate) fn paused<T>(scene: impl Future<Output = T>) -> T {
    TokioClock::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let scene = async { tokio::time::timeout(time::Duration::from_hours(24 * 365), scene).await };
    runtime.block_on(scene).expect("it waits for something that nobody brings")
}

/// Lets all other tasks run until they wait. No time passes.
pub(crate) async fn settle_down() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Looks again and again, politely, until it is so; a minute of real time only turns a hang into a failure.
pub(crate) fn until(so: impl Fn() -> bool) {
    let start = time::Instant::now();
    while !so() {
        assert!(start.elapsed().as_secs() < 60, "stuck");
        thread::yield_now();
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

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Bell(pub(crate) AtomicU64);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) type Ended<L> = Result<Permit<L, HandClock>, WaitError>;

/// A wait that is polled by hand.
pub(crate) struct Task<L: Book> {
    future: Pin<Box<dyn Future<Output = Ended<L>> + Send>>,
    pub(crate) bell: Arc<Bell>,
}

impl<L: Book + Send + 'static> Task<L> {
    pub(crate) fn new(shared: &Shared<L, HandClock>, cost: u64, wait: impl Into<Wait>) -> Self {
        let (shared, wait) = (shared.clone(), wait.into());
        Self { future: Box::pin(async move { shared.wait(cost, wait).await }), bell: Arc::default() }
    }

    /// One that stands in line.
    pub(crate) fn in_line(shared: &Shared<L, HandClock>, cost: u64, wait: impl Into<Wait>) -> Self {
        let mut task = Self::new(shared, cost, wait);
        assert!(task.poll().is_none(), "it did not have to wait");
        task
    }

    pub(crate) fn poll(&mut self) -> Option<Ended<L>> {
        let waker = Waker::from(self.bell.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }

    /// It has been woken, and is over; the permit.
    pub(crate) fn granted(mut self) -> Permit<L, HandClock> {
        assert!(self.woken() > 0, "nobody woke it");
        self.poll().expect("it still waits").unwrap()
    }

    /// It has been woken, and is over; why it came to nothing.
    pub(crate) fn refused(mut self) -> WaitError {
        assert!(self.woken() > 0, "nobody woke it");
        self.poll().expect("it still waits").unwrap_err()
    }

    /// How often it was woken so far.
    pub(crate) fn woken(&self) -> u64 {
        self.bell.0.load(Ordering::SeqCst)
    }
}

/// On a thread.
pub(crate) fn wait_on_a_thread<L: Book + Send + 'static>(
    shared: &Shared<L, HandClock>,
    cost: u64,
    wait: impl Into<Wait>,
) -> thread::JoinHandle<Ended<L>> {
    let (handle, wait, before) = (shared.clone(), wait.into(), shared.waiting());
    let thread = thread::spawn(move || handle.blocking_wait(cost, wait));
    until(|| shared.waiting() > before);
    thread
}
