//! Many threads at once: nothing lost, nothing granted twice.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tollgate::{Denied, Duration, Instant, Quota, Start, TokenBucket};
use tollgate_std::{Cancel, Shared, Wait, WaitError};

use crate::{HandClock, Office, office};

/// Twenty a second: the published trace `actual_threadsafety` of the crate `governor`, stamp for stamp.
#[test]
fn twenty_threads_pass_and_the_next_one_does_not() {
    let quota = Quota::new(20, Duration::from_secs(1)).unwrap();
    let bucket = TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
    let limiter = Shared::with_clock(bucket, HandClock::default());
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(limiter.allow(1), Ok(())));
        }
    });
    let refused = Err(Denied::Until(Instant::from_millis(50)));
    assert_eq!(limiter.allow(1), refused);
    limiter.clock().set(Instant::from_millis(2));
    assert_eq!(limiter.allow(1), refused);
    limiter.clock().set(Instant::from_millis(1_000));
    assert_eq!(limiter.allow(1), Ok(()));
}

const THREADS: u64 = 8;
const ROUNDS: u32 = 3_000;
const DESKS: u64 = 3;

/// Small, seeded, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What the threads themselves believe to hold, kept beside the limiter and never under its lock.
#[derive(Default)]
struct Witness {
    inside: AtomicU64,
    granted: AtomicU64,
    refused: AtomicU64,
    cancelled: AtomicU64,
    late: AtomicU64,
}

impl Witness {
    fn enter(&self, desks: u64) {
        let inside = self.inside.fetch_add(desks, Ordering::SeqCst) + desks;
        assert!(inside <= DESKS, "{inside} desks are held, of {DESKS}");
        self.granted.fetch_add(1, Ordering::SeqCst);
    }

    /// Before the permit goes: the count may be too low for a moment, never too high.
    fn leave(&self, desks: u64) {
        self.inside.fetch_sub(desks, Ordering::SeqCst);
    }

    fn refuse(&self, why: WaitError) {
        let count = match why {
            WaitError::Cancelled => &self.cancelled,
            WaitError::Timeout { .. } => &self.late,
            WaitError::Never { .. } | WaitError::Full => &self.refused,
        };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

fn one_of_the_crowd(seed: u64, office: &Office, tokens: &Mutex<Vec<Cancel>>, witness: &Witness) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    for _ in 0..ROUNDS {
        let desks = 1 + dice.throw(DESKS);
        let result = match dice.throw(8) {
            0 => office.blocking_wait(desks, Wait::forever()),
            1 => office.blocking_wait(desks, Duration::from_micros(dice.throw(50))),
            2 => office.blocking_wait(desks, Duration::ZERO),
            3 => office.reserve(desks, Duration::ZERO).map_err(|_| WaitError::Full),
            4 | 5 => {
                let cancel = Cancel::new();
                let mine = usize::try_from(seed).unwrap();
                tokens.lock().unwrap()[mine] = cancel.clone();
                office.blocking_wait(desks, Wait::forever().or_cancelled(&cancel))
            }
            6 => {
                let whose = usize::try_from(dice.throw(THREADS)).unwrap();
                let token = tokens.lock().unwrap()[whose].clone();
                token.cancel();
                continue;
            }
            _ => {
                office.clock().advance(Duration::from_micros(dice.throw(20)));
                office.wake();
                assert!(office.waiting() <= 5);
                continue;
            }
        };
        match result {
            Err(why) => witness.refuse(why),
            Ok(permit) => {
                assert_eq!(permit.cost(), desks);
                witness.enter(desks);
                if dice.throw(2) == 0 {
                    thread::yield_now();
                }
                witness.leave(desks);
                match dice.throw(3) {
                    0 => permit.release(),
                    1 => permit.commit(desks),
                    _ => drop(permit),
                }
            }
        }
    }
}

#[test]
fn no_permit_is_lost_and_none_is_given_twice() {
    let office = office(DESKS).with_max_waiters(5);
    let tokens = Mutex::new((0..THREADS).map(|_| Cancel::new()).collect());
    let witness = Witness::default();
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (office, tokens, witness) = (&office, &tokens, &witness);
            scope.spawn(move || one_of_the_crowd(seed, office, tokens, witness));
        }
    });
    let granted = witness.granted.load(Ordering::SeqCst);
    let (used, booked, settled) = office.with(|desks, _| (desks.used, desks.booked, desks.settled));
    assert_eq!((used, booked, settled), (0, granted, granted));
    assert_eq!((office.waiting(), office.available()), (0, DESKS));
    for (what, count) in [("granted", &witness.granted), ("refused", &witness.refused)] {
        assert!(count.load(Ordering::SeqCst) > 0, "nobody was {what}: the test has lost its teeth");
    }
}

/// A crowd on a rate, served by a clock that ticks: in any time, no more than accrued.
#[test]
fn a_crowd_gets_what_accrues_and_no_more() {
    let quota = Quota::new_with_burst(1, Duration::from_millis(1), 4).unwrap();
    let bucket = TokenBucket::new(quota, Start::Empty, Instant::ORIGIN);
    let limiter = Shared::with_clock(bucket, HandClock::default());
    let granted = AtomicU64::new(0);
    thread::scope(|scope| {
        let crowd = (1..=THREADS).map(|seed| {
            let (limiter, granted) = (&limiter, &granted);
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..100 {
                    let cost = 1 + dice.throw(4);
                    limiter.blocking_wait(cost, Wait::forever()).unwrap().commit(cost);
                    let all = granted.fetch_add(cost, Ordering::SeqCst) + cost;
                    let now = limiter.now();
                    assert!(all <= now.as_millis(), "{all} by {now}");
                }
            })
        });
        let crowd: Vec<_> = crowd.collect();
        while !crowd.iter().all(thread::ScopedJoinHandle::is_finished) {
            limiter.clock().advance(Duration::from_micros(500));
            limiter.wake();
            thread::yield_now();
        }
    });
    assert!(granted.load(Ordering::SeqCst) >= THREADS * 100);
}
