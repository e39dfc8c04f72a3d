//! Every order in which two waits can be polled, dropped and cancelled while what they wait for is released.
//!
//! Each of these steps is one critical section, so that these orders are all that any number of cores can bring about.

use tollgate::Duration;
use tollgate_std::{Cancel, Permit, Shared, Wait, WaitError};

use crate::scene::{Desks, HandClock, Task, assert_nothing_left, office};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Poll(usize),
    Drop(usize),
    Cancel(usize),
    /// The permit that both wait for.
    Release,
    /// The limit goes up by one, or down again.
    Change,
    Wake,
}

const OPS: [Op; 9] = [
    Op::Poll(0),
    Op::Poll(1),
    Op::Drop(0),
    Op::Drop(1),
    Op::Cancel(0),
    Op::Cancel(1),
    Op::Release,
    Op::Change,
    Op::Wake,
];

const STEPS: u32 = 5;

/// One who waits, and how he was told to go on.
struct Waiter {
    task: Option<Task<Desks>>,
    cancel: Cancel,
    /// How often he had been woken when he was last polled; `None` if he never was.
    seen: Option<u64>,
    permit: Option<Permit<Desks, HandClock>>,
}

impl Waiter {
    fn of(office: &Shared<Desks, HandClock>) -> Self {
        let cancel = Cancel::new();
        let task = Task::new(office, 1, Wait::forever().or_cancelled(&cancel));
        Self { task: Some(task), cancel, seen: None, permit: None }
    }

    fn poll(&mut self) {
        let Some(task) = &mut self.task else { return };
        self.seen = Some(task.woken());
        match task.poll() {
            None => return,
            Some(Ok(permit)) => {
                assert!(!self.cancel.is_cancelled(), "granted after it was cancelled");
                self.permit = Some(permit);
            }
            Some(Err(why)) => {
                assert_eq!((why, self.cancel.is_cancelled()), (WaitError::Cancelled, true));
            }
        }
        (self.task, self.seen) = (None, None);
    }

    fn waits(&self) -> bool {
        self.seen.is_some()
    }

    fn will_look(&self) -> bool {
        self.task.as_ref().zip(self.seen).is_some_and(|(task, seen)| task.woken() > seen)
    }
}

fn play(ops: impl Iterator<Item = Op>) {
    let office = office(1);
    let mut held = Some(office.reserve(1, Duration::ZERO).unwrap());
    let mut waiters = [(); 2].map(|()| Waiter::of(&office));
    let mut arrivals = Vec::new();
    for op in ops {
        match op {
            Op::Poll(who) => {
                waiters[who].poll();
                if waiters[who].waits() && !arrivals.contains(&who) {
                    arrivals.push(who);
                }
            }
            Op::Drop(who) => (waiters[who].task, waiters[who].seen, waiters[who].permit) = (None, None, None),
            Op::Cancel(who) => waiters[who].cancel.cancel(),
            Op::Release => drop(held.take()),
            Op::Change => office.with(|desks, _| desks.limit = 3 - desks.limit),
            Op::Wake => office.wake(),
        }
        arrivals.retain(|who| waiters[*who].waits());
        assert_eq!(office.waiting(), arrivals.len());
        let (limit, used) = office.look(|desks, _| (desks.limit, desks.used));
        let permits = u64::from(held.is_some()) + waiters.iter().map(|w| u64::from(w.permit.is_some())).sum::<u64>();
        assert_eq!(used, permits, "what is taken is in somebody's hands");
        // Nothing is forgotten: if the head could go, it knows.
        if let Some(head) = arrivals.first().filter(|_| used < limit) {
            assert!(waiters[*head].will_look(), "the head sleeps although it could go");
        }
        for who in &arrivals {
            assert!(!waiters[*who].cancel.is_cancelled() || waiters[*who].will_look(), "cancelled, and not told");
        }
    }
    drop(held);
    drop(waiters);
    assert_nothing_left(&office);
}

#[test]
fn no_order_of_steps_loses_a_permit_or_a_wake_up() {
    let base = OPS.len();
    for code in 0..base.pow(STEPS) {
        let ops = (0..STEPS).scan(code, |rest, _| {
            let op = OPS[*rest % base];
            *rest /= base;
            Some(op)
        });
        // Also from where both stand in line already.
        play(ops.clone());
        play([Op::Poll(0), Op::Poll(1)].into_iter().chain(ops));
    }
}
