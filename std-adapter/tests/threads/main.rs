//! `Shared`, its line and its permits, with real threads and a clock that is moved by hand.
//!
//! Nothing here waits on real time: what must have happened before the next step is known from `Shared::waiting`, from a
//! counter or from a channel. [`STUCK`] only turns a test that would hang for ever into one that fails.

mod crowd;
mod ends;
mod order;
mod permits;
mod reach;

use std::sync::mpsc::{self, Receiver, Sender};
use std::{thread, time};

use tollgate::{Book, Denied, Duration, Instant, Quota, Reservation, Start, Token, TokenBucket};
use tollgate_std::{Permit, Shared, Wait, WaitError};

use tollgate_std::testing::HandClock;

/// Nobody is expected to need this long, on however busy a machine.
const STUCK: time::Duration = time::Duration::from_mins(1);

/// Desks in an office: nothing but a release helps. It counts, and objects to being given back what it never gave.
#[derive(Debug)]
struct Desks {
    limit: u64,
    used: u64,
    booked: u64,
    settled: u64,
}

impl Desks {
    fn new(limit: u64) -> Self {
        Self { limit, used: 0, booked: 0, settled: 0 }
    }
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

type Office = Shared<Desks, HandClock>;
type Granted<L> = Result<Permit<L, HandClock>, WaitError>;

fn office(desks: u64) -> Office {
    Shared::with_clock(Desks::new(desks), HandClock::default())
}

/// One a second, up to `burst` at once; empty at the origin.
fn bucket(burst: u32) -> Shared<TokenBucket, HandClock> {
    let quota = Quota::new_with_burst(1, Duration::from_secs(1), burst).unwrap();
    Shared::with_clock(TokenBucket::new(quota, Start::Empty, Instant::ORIGIN), HandClock::default())
}

/// Looks again and again, politely, until it is so.
fn until(so: impl Fn() -> bool) {
    let start = time::Instant::now();
    while !so() {
        assert!(start.elapsed() < STUCK, "stuck");
        thread::yield_now();
    }
}

/// Threads that wait in line, each known by a name; they report in the order in which their waits end.
struct Visitors<L: Book> {
    shared: Shared<L, HandClock>,
    sender: Sender<(&'static str, Granted<L>)>,
    ended: Receiver<(&'static str, Granted<L>)>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl<L: Book + Send + 'static> Visitors<L> {
    fn of(shared: &Shared<L, HandClock>) -> Self {
        let (sender, ended) = mpsc::channel();
        Self { shared: shared.clone(), sender, ended, threads: Vec::new() }
    }

    /// Sends somebody in, and comes back when he stands in line.
    fn enter(&mut self, name: &'static str, cost: u64, wait: impl Into<Wait>) {
        let (shared, sender, wait) = (self.shared.clone(), self.sender.clone(), wait.into());
        let before = self.shared.waiting();
        self.threads.push(thread::spawn(move || {
            let _ = sender.send((name, shared.blocking_wait(cost, wait)));
        }));
        until(|| self.shared.waiting() > before);
    }

    /// The next whose wait ends.
    fn next(&self) -> (&'static str, Granted<L>) {
        self.ended.recv_timeout(STUCK).expect("nobody's wait ends")
    }

    /// The next whose wait ends; it must be this one, with a permit.
    fn granted(&self, name: &'static str) -> Permit<L, HandClock> {
        let (who, permit) = self.next();
        assert_eq!(who, name);
        permit.unwrap()
    }

    /// The next whose wait ends; it must be this one, without anything.
    fn refused(&self, name: &'static str) -> WaitError {
        let (who, permit) = self.next();
        assert_eq!(who, name);
        permit.unwrap_err()
    }

    /// The next two whose waits end, in the order of their names: threads that leave at once report in any order.
    fn next_two(&self) -> [(&'static str, Granted<L>); 2] {
        let mut two = [self.next(), self.next()];
        two.sort_by_key(|end| end.0);
        two
    }

    /// All have gone home.
    fn close(self) {
        for thread in self.threads {
            thread.join().unwrap();
        }
        assert_eq!(self.shared.waiting(), 0);
        assert!(self.ended.try_recv().is_err(), "an end that nobody looked at");
    }
}
