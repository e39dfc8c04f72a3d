//! Crowds that come, wait, give up, are aborted and cancelled: nothing is lost, nothing is granted twice.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::{thread, time};

use tollgate::{Book, Clock, Duration, Instant};
use tollgate_std::{Cancel, Permit, Shared, TokioClock, Wait, WaitError};

use crate::scene::{Desks, Dice, HandClock, assert_nothing_left, bucket_on, office, office_on, paused};

const DESKS: u64 = 3;
const LINE: usize = 12;

/// What the crowd itself believes to hold, kept beside the limiter and never under its lock.
#[derive(Default)]
struct Witness {
    inside: AtomicU64,
    granted: AtomicU64,
    full: AtomicU64,
    late: AtomicU64,
    cancelled: AtomicU64,
    /// Futures dropped before they were ready.
    gone: AtomicU64,
    tokens: Mutex<Vec<Cancel>>,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::SeqCst);
}

impl Witness {
    /// Notes how a wait ended; a permit is inside from here until [`leave`](Self::leave).
    fn note<L: Book, C: Clock>(&self, ended: Result<Permit<L, C>, WaitError>) -> Option<Permit<L, C>> {
        match ended {
            Ok(permit) => {
                let inside = self.inside.fetch_add(permit.cost(), Ordering::SeqCst) + permit.cost();
                assert!(inside <= DESKS, "{inside} desks are held, of {DESKS}");
                count(&self.granted);
                return Some(permit);
            }
            Err(WaitError::Full) => count(&self.full),
            Err(WaitError::Timeout { .. }) => count(&self.late),
            Err(WaitError::Cancelled) => count(&self.cancelled),
            Err(WaitError::Never { max }) => panic!("never more than {max}"),
        }
        None
    }

    /// Before the permit goes: the count may be too low for a moment, never too high.
    fn leave<L: Book, C: Clock>(&self, permit: Permit<L, C>, way: u64) {
        self.inside.fetch_sub(permit.cost(), Ordering::SeqCst);
        match way {
            0 => permit.release(),
            1 => {
                let cost = permit.cost();
                permit.commit(cost);
            }
            _ => drop(permit),
        }
    }

    /// A token that anybody may cancel.
    fn token(&self) -> Cancel {
        let cancel = Cancel::new();
        self.tokens.lock().unwrap().push(cancel.clone());
        cancel
    }

    fn cancel_somebody(&self, dice: &mut Dice) {
        let token = {
            let mut tokens = self.tokens.lock().unwrap();
            let many = tokens.len() as u64;
            (many > 0).then(|| tokens.swap_remove(usize::try_from(dice.throw(many)).unwrap()))
        };
        token.inspect(Cancel::cancel);
    }

    fn assert_all_happened<C: Clock>(&self, office: &Shared<Desks, C>) {
        assert_nothing_left(office);
        assert_eq!(office.available(), DESKS);
        assert_eq!(office.look(|desks, _| desks.booked), self.granted.load(Ordering::SeqCst), "each grant was taken");
        let counts = [&self.granted, &self.full, &self.late, &self.cancelled, &self.gone];
        let counts = counts.map(|count| count.load(Ordering::SeqCst));
        assert!(counts.iter().all(|count| *count > 0), "the test has lost its teeth: {counts:?}");
    }
}

/// One wait, of a random kind, on tokio's clock.
async fn try_something(office: &Shared<Desks, TokioClock>, dice: &mut Dice, witness: &Witness) {
    let desks = 1 + dice.throw(DESKS);
    let span = time::Duration::from_micros(dice.throw(20_000));
    let ended = match dice.throw(6) {
        0 => office.wait(desks, Wait::forever()).await,
        1 => office.wait(desks, span).await,
        2 => office.wait(desks, Wait::until(office.now().saturating_add(span.into()))).await,
        3 => match tokio::time::timeout(span, office.wait(desks, Wait::forever())).await {
            Ok(ended) => ended,
            Err(_elapsed) => return count(&witness.gone),
        },
        4 => office.wait(desks, Wait::forever().or_cancelled(&witness.token())).await,
        _ => {
            tokio::time::sleep(span).await;
            return witness.cancel_somebody(dice);
        }
    };
    if let Some(permit) = witness.note(ended) {
        tokio::time::sleep(time::Duration::from_micros(dice.throw(3_000))).await;
        witness.leave(permit, dice.throw(3));
    }
}

#[test]
fn no_crowd_of_tasks_loses_a_permit_or_wins_one_twice() {
    for seed in 0..8 {
        paused(async {
            let office = office_on(DESKS, TokioClock::default()).with_max_waiters(LINE);
            let witness = std::sync::Arc::new(Witness::default());
            let crowd: Vec<_> = (0..24)
                .map(|who| {
                    let (office, witness, mut dice) = (office.clone(), witness.clone(), Dice::of(seed * 100 + who));
                    tokio::spawn(async move {
                        for _ in 0..100 {
                            try_something(&office, &mut dice, &witness).await;
                            assert!(office.waiting() <= LINE);
                        }
                        witness.tokens.lock().unwrap().drain(..).for_each(|token| token.cancel());
                    })
                })
                .collect();
            for task in crowd {
                task.await.unwrap();
            }
            witness.assert_all_happened(&office);
        });
    }
}

/// Aborted wherever they are: before the line, in it, woken and not polled yet, with a permit in hand.
#[test]
fn no_aborted_task_keeps_a_desk_or_a_place() {
    paused(async {
        let office = office_on(DESKS, TokioClock::default()).with_max_waiters(LINE);
        let mut dice = Dice::of(7);
        for _ in 0..200 {
            let crowd: Vec<_> = (0..10)
                .map(|_| {
                    let (office, cost, span) = (office.clone(), 1 + dice.throw(DESKS), dice.throw(5_000));
                    tokio::spawn(async move {
                        let permit = office.wait(cost, Wait::forever()).await.unwrap();
                        tokio::time::sleep(time::Duration::from_micros(span)).await;
                        drop(permit);
                    })
                })
                .collect();
            for task in crowd {
                for _ in 0..dice.throw(3) {
                    tokio::task::yield_now().await;
                }
                if dice.throw(4) == 0 {
                    tokio::time::sleep(time::Duration::from_micros(dice.throw(4_000))).await;
                }
                if dice.throw(3) == 0 {
                    let _ = task.await;
                } else {
                    task.abort();
                }
            }
            crate::scene::settle_down().await;
            assert_nothing_left(&office);
        }
    });
}

/// What accrues is granted, all of it and no more, whoever gives up meanwhile.
#[test]
fn a_crowd_on_a_rate_gets_exactly_what_accrues() {
    paused(async {
        let limiter = bucket_on(5, TokioClock::default());
        let start = limiter.now();
        let used = std::sync::Arc::new(AtomicU64::new(0));
        let crowd: Vec<_> = (0..10)
            .map(|seed| {
                let (limiter, used, mut dice) = (limiter.clone(), used.clone(), Dice::of(seed));
                tokio::spawn(async move {
                    while limiter.now().saturating_since(start) < Duration::from_secs(300) {
                        let (cost, patience) = (1 + dice.throw(5), time::Duration::from_millis(dice.throw(20_000)));
                        let ended = tokio::time::timeout(patience, limiter.wait(cost, Wait::forever())).await;
                        if let Ok(Ok(permit)) = ended {
                            permit.commit(cost);
                            let used = used.fetch_add(cost, Ordering::SeqCst) + cost;
                            let passed = limiter.now().saturating_since(start);
                            assert!(used <= passed.as_secs(), "{used} in {passed:?}");
                        }
                    }
                })
            })
            .collect();
        for task in crowd {
            task.await.unwrap();
        }
        let (used, left) = (used.load(Ordering::SeqCst), limiter.available());
        let passed = limiter.now().saturating_since(start).as_secs();
        assert!(used + left >= passed - 5, "{used} were used and {left} are left of {passed}");
    });
}

/// Polls it so many times, whether it was woken or not, and then drops it.
async fn drop_after<T>(polls: u64, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

const ROUNDS: u32 = 1_000;

/// What threads and tasks do alike; true if that was all of this round.
fn something_else(office: &Shared<Desks, HandClock>, dice: &mut Dice, witness: &Witness) -> bool {
    match dice.throw(5) {
        0 => witness.cancel_somebody(dice),
        1 => {
            office.clock().advance(Duration::from_micros(dice.throw(20)));
            office.wake();
        }
        _ => return false,
    }
    assert!(office.waiting() <= LINE / 2);
    true
}

fn a_thread(office: &Shared<Desks, HandClock>, mut dice: Dice, witness: &Witness) {
    for _ in 0..ROUNDS {
        if something_else(office, &mut dice, witness) {
            continue;
        }
        let desks = 1 + dice.throw(DESKS);
        let ended = match dice.throw(4) {
            0 => office.blocking_wait(desks, Wait::forever()),
            1 => office.blocking_wait(desks, Duration::from_micros(dice.throw(50))),
            2 => office.blocking_wait(desks, Wait::forever().or_cancelled(&witness.token())),
            _ => office.reserve(desks, Duration::ZERO).map_err(|_| WaitError::Timeout { until: None }),
        };
        if let Some(permit) = witness.note(ended) {
            thread::yield_now();
            witness.leave(permit, dice.throw(3));
        }
    }
}

async fn a_task(office: Shared<Desks, HandClock>, mut dice: Dice, witness: &Witness) {
    for _ in 0..ROUNDS {
        if something_else(&office, &mut dice, witness) {
            continue;
        }
        let desks = 1 + dice.throw(DESKS);
        let ended = match dice.throw(4) {
            0 => office.wait(desks, Wait::forever()).await,
            1 => office.wait(desks, Duration::from_micros(dice.throw(50))).await,
            2 => office.wait(desks, Wait::forever().or_cancelled(&witness.token())).await,
            _ => {
                let wait = drop_after(dice.throw(4), office.wait(desks, Wait::forever()));
                let Some(ended) = wait.await else {
                    count(&witness.gone);
                    continue;
                };
                ended
            }
        };
        if let Some(permit) = witness.note(ended) {
            tokio::task::yield_now().await;
            witness.leave(permit, dice.throw(3));
        }
    }
}

/// Keeps time going for those who have to be late, until everybody has gone home.
fn tick(office: &Shared<Desks, HandClock>, witness: &Witness, done: impl Fn() -> bool) {
    let mut dice = Dice::of(99);
    while !done() {
        office.clock().advance(Duration::from_micros(1));
        office.wake();
        witness.cancel_somebody(&mut dice);
        thread::yield_now();
    }
}

#[test]
fn no_crowd_of_threads_and_tasks_loses_a_permit_or_wins_one_twice() {
    let office = office(DESKS).with_max_waiters(LINE / 2);
    let witness = std::sync::Arc::new(Witness::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|seed| {
            let (office, witness) = (office.clone(), witness.clone());
            runtime.spawn(async move { a_task(office, Dice::of(seed), &witness).await })
        })
        .collect();
    thread::scope(|scope| {
        let threads: Vec<_> = (10..14)
            .map(|seed| {
                let (office, witness) = (&office, &witness);
                scope.spawn(move || a_thread(office, Dice::of(seed), witness))
            })
            .collect();
        tick(&office, &witness, || {
            threads.iter().all(thread::ScopedJoinHandle::is_finished)
                && tasks.iter().all(tokio::task::JoinHandle::is_finished)
        });
    });
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    witness.assert_all_happened(&office);
    assert!(office.now() > Instant::ORIGIN);
}
