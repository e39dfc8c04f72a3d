//! `embassy::Shared`: its line, its permits and its clock, with tasks that are polled by hand.
//!
//! Nothing here waits on real time. A task is polled when the test says so, or when it was woken, and never otherwise, so
//! that a wake-up that is missing or too many is seen.

mod admit;
mod chaos;
mod driver;
mod ends;
mod gate;
mod order;
mod permits;
mod tasks;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use tollgate::embassy::{Permit, Shared, WaitError};
use tollgate::{Book, Denied, Duration, Instant, Quota, Reservation, Start, Token, TokenBucket};

use tasks::{HandClock, Task};

const S: fn(u64) -> Instant = Instant::from_secs;

/// A limiter with four seats that tasks of one executor share.
type Office<'c, L> = Shared<NoopRawMutex, L, &'c HandClock, 4>;
type Held<'s, 'c, L> = Permit<'s, NoopRawMutex, L, &'c HandClock, 4>;
type Waiter<'s, 'c, L> = Task<'s, Result<Held<'s, 'c, L>, WaitError>>;

/// Desks in an office: nothing but a release helps. It objects to being given back what it never gave.
#[derive(Debug)]
struct Desks {
    limit: u64,
    used: u64,
    asked: u64,
}

impl Desks {
    const fn new(limit: u64) -> Self {
        Self { limit, used: 0, asked: 0 }
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
        self.asked += 1;
        self.quote(now, at, cost)?;
        self.used += cost;
        Ok(Reservation::new(at, cost, Token::default()))
    }

    fn settle(&mut self, _now: Instant, held: Reservation, _actual: u64) {
        self.used = self.used.checked_sub(held.cost()).expect("given back what was never given");
    }
}

/// One unit a second, `burst` at once.
fn bucket(burst: u32, start: Start) -> TokenBucket {
    TokenBucket::new(Quota::new_with_burst(1, Duration::from_secs(1), burst).unwrap(), start, Instant::ORIGIN)
}

fn desks(clock: &HandClock, limit: u64) -> Office<'_, Desks> {
    Shared::new(Desks::new(limit), clock)
}

fn used(office: &Office<'_, Desks>) -> u64 {
    office.with(|desks, _| desks.used).unwrap()
}
