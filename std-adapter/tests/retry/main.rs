//! Calls to an upstream, on threads and as tasks, with a clock that is moved by hand and sleeps that move it.
//!
//! Nothing here waits on real time. What concerns one call alone is run twice, by both drivers, which must agree.

mod laws;
mod mixed;
mod paths;
mod seeds;
mod tasks;
mod threads;

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time;

use tollgate::{
    Clock, Duration, Entropy, Failure, Instant, Outcome, Policy, QuotaCosts, Repeatable, Restraint, RetryPolicy,
    RetryQuota, Verdict, valid,
};
use tollgate_std::{CallError, Upstream};

use tollgate_std::testing::HandClock;

/// A response, of which only the status is read, or whatever outcome the test wants.
type Answer = Result<u16, Outcome>;
type Ended = Result<u16, CallError<u16, Outcome>>;
type Api = Upstream<fn(&Answer) -> Outcome, HandClock>;

/// Doubles from 1 s to 60 s without jitter, from 100 ms to 20 s after an error, five retries, nothing spread.
const EXACT: RetryPolicy = RetryPolicy {
    throttled: valid!(Policy::new(Duration::from_secs(1), Duration::from_secs(60))).with_retries(5),
    transient: valid!(Policy::new(Duration::from_millis(100), Duration::from_secs(20))).with_retries(5),
    spread_permille: 0,
    max_block: Duration::from_mins(10),
};

const fn retries(retries: u32) -> RetryPolicy {
    RetryPolicy { throttled: EXACT.throttled.with_retries(retries), ..EXACT }
}

const fn deadline(secs: u64) -> RetryPolicy {
    RetryPolicy { throttled: EXACT.throttled.with_deadline(Duration::from_secs(secs)), ..EXACT }
}

fn read(answer: &Answer) -> Outcome {
    match answer {
        Ok(429) => answered(429, Verdict::Blind, None),
        Ok(status) => answered(*status, Verdict::Clear, None),
        Err(outcome) => *outcome,
    }
}

const fn answered(status: u16, verdict: Verdict, wait: Option<u64>) -> Outcome {
    let wait = match wait {
        Some(secs) => Some(Duration::from_secs(secs)),
        None => None,
    };
    Outcome::Answered { status, verdict, wait, should_retry: None }
}

const BROKEN: Outcome = Outcome::Failed(Failure::Broken);
const BUSY: Outcome = answered(429, Verdict::Concurrency, None);

const fn soft(secs: u64) -> Outcome {
    answered(429, Verdict::Soft, Some(secs))
}

fn api(policy: RetryPolicy) -> Api {
    Upstream::with_clock(policy, read as fn(&Answer) -> Outcome, HandClock::default())
        .with_entropy(Entropy::of_device(7))
}

fn with_quota(policy: RetryPolicy, capacity: u32) -> Api {
    let quota = RetryQuota::new(QuotaCosts { capacity, ..QuotaCosts::AWS });
    api(policy).with_restraint(Restraint { quota: Some(quota), ..Restraint::default() })
}

fn quota_left(api: &Api) -> u32 {
    api.status().quota_left.expect("a stock of retries")
}

/// Nobody waits, nothing is out.
fn assert_nothing_left(api: &Api) {
    let status = api.status();
    assert_eq!((status.in_flight, status.waiting), (0, 0), "{status:?}");
}

/// What a call did: when it sent, and how it ended when.
#[derive(Debug, PartialEq)]
struct Story {
    sent: Vec<Instant>,
    ended: Ended,
    at: Instant,
}

impl Story {
    fn secs(&self) -> Vec<u64> {
        self.sent.iter().map(|at| at.as_secs()).collect()
    }
}

/// Gives the answers of a script, one for each attempt, and notes when it was asked.
fn attempts<'a>(api: &'a Api, sent: &'a RefCell<Vec<Instant>>, script: &'a [Answer]) -> impl FnMut(u32) -> Answer + 'a {
    move |number| {
        sent.borrow_mut().push(api.clock().now());
        assert_eq!(usize::try_from(number), Ok(sent.borrow().len()), "counted from 1");
        *script.get(sent.borrow().len() - 1).expect("one attempt more than the script has")
    }
}

/// One call on a thread, whose sleeps only move the clock.
fn on_a_thread(api: &Api, repeatable: Repeatable, script: &[Answer]) -> Story {
    let sent = RefCell::default();
    let sleep = |_: &_, span: time::Duration| api.clock().advance(span.into());
    let ended = api.call_with(repeatable, sleep, attempts(api, &sent, script));
    assert_nothing_left(api);
    Story { ended, sent: sent.into_inner(), at: api.clock().now() }
}

/// One call as a task, likewise.
fn as_a_task(api: &Api, repeatable: Repeatable, script: &[Answer]) -> Story {
    let sent = RefCell::default();
    let mut attempt = attempts(api, &sent, script);
    let call = api.call_async(
        repeatable,
        |span| {
            api.clock().advance(span.into());
            std::future::ready(())
        },
        |number| std::future::ready(attempt(number)),
    );
    let ended = now_or_never(call);
    drop(attempt);
    assert_nothing_left(api);
    Story { ended, sent: sent.into_inner(), at: api.clock().now() }
}

/// One call to a fresh upstream by each driver; they agree.
fn run(upstream: impl Fn() -> Api, repeatable: Repeatable, script: &[Answer]) -> Story {
    let [blocking, task] = [upstream(), upstream()];
    let story = on_a_thread(&blocking, repeatable, script);
    assert_eq!(story, as_a_task(&task, repeatable, script));
    assert_eq!(blocking.status(), task.status());
    story
}

fn now_or_never<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for something that nobody brings"),
    }
}

/// Counts how often it was woken.
#[derive(Debug, Default)]
struct Bell(AtomicU64);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A call that is polled by hand; its sleeps are over when the clock says so, its attempts when [`Task::answer`] is called.
struct Task {
    future: Pin<Box<dyn Future<Output = Ended>>>,
    answers: Arc<std::sync::Mutex<Inbox>>,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct Inbox {
    sent: Vec<Instant>,
    answer: Option<Answer>,
}

impl Task {
    fn new(api: &Api, repeatable: Repeatable) -> Self {
        let answers = Arc::new(std::sync::Mutex::new(Inbox::default()));
        let (api, inbox) = (api.clone(), Arc::clone(&answers));
        let future = async move {
            let clock = api.clock();
            let sleep = |span: time::Duration| {
                let until = clock.now().saturating_add(span.into());
                std::future::poll_fn(move |_| if clock.now() >= until { Poll::Ready(()) } else { Poll::Pending })
            };
            let attempt = |_| {
                inbox.lock().unwrap().sent.push(clock.now());
                std::future::poll_fn(|_| inbox.lock().unwrap().answer.take().map_or(Poll::Pending, Poll::Ready))
            };
            api.call_async(repeatable, sleep, attempt).await
        };
        Self { future: Box::pin(future), answers, bell: Arc::default() }
    }

    fn poll(&mut self) -> Option<Ended> {
        let waker = Waker::from(self.bell.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }

    /// Goes on; it must not end.
    fn go(&mut self) {
        let ended = self.poll();
        assert!(ended.is_none(), "{ended:?}");
    }

    fn answer(&mut self, answer: Answer) -> Option<Ended> {
        self.answers.lock().unwrap().answer = Some(answer);
        self.poll()
    }

    /// When its attempts were sent, in seconds.
    fn sent(&self) -> Vec<u64> {
        self.answers.lock().unwrap().sent.iter().map(|at| at.as_secs()).collect()
    }

    /// How often it was woken so far.
    fn woken(&self) -> u64 {
        self.bell.0.load(Ordering::SeqCst)
    }
}
