//! Whatever comes in whatever order: no permit is lost, none is doubled, nobody is forgotten in the line.

use proptest::prelude::*;
use tollgate::{Clock, Duration, Limiter, Start};

use super::*;

const LIMIT: u64 = 4;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// A new task, with so many seconds of patience; it is polled once.
    Come {
        cost: u64,
        patience: Option<u64>,
    },
    /// A poll that nobody asked for.
    Poll(usize),
    /// The executor polls everybody who was woken, the latest first or the first first.
    Run {
        backwards: bool,
    },
    /// A task is cancelled, wherever it stands.
    Cancel(usize),
    /// A permit is let go of.
    Settle {
        which: usize,
        actual: u64,
    },
    /// Somebody who does not want to wait.
    Allow(u64),
    Forward(u64),
    Back(u64),
    /// Access that changes nothing, which must not matter.
    Look,
    /// A wait moves to another task.
    Move(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let which = 0..8_usize;
    prop_oneof![
        4 => (0..=LIMIT, prop::option::of(0..9_u64)).prop_map(|(cost, patience)| Op::Come { cost, patience }),
        1 => which.clone().prop_map(Op::Poll),
        4 => any::<bool>().prop_map(|backwards| Op::Run { backwards }),
        2 => which.clone().prop_map(Op::Cancel),
        3 => (which.clone(), 0..=LIMIT).prop_map(|(which, actual)| Op::Settle { which, actual }),
        1 => (0..=LIMIT).prop_map(Op::Allow),
        3 => (0..3_000_000_u64).prop_map(Op::Forward),
        1 => (0..3_000_000_u64).prop_map(Op::Back),
        1 => Just(Op::Look),
        1 => which.prop_map(Op::Move),
    ]
}

/// Who waits, in the order in which they came, and what is held.
struct World<'s, 'c, L> {
    office: &'s Office<'c, L>,
    clock: &'c HandClock,
    waiting: Vec<(u64, Waiter<'s, 'c, L>)>,
    held: Vec<Held<'s, 'c, L>>,
}

impl<'s, 'c, L: Limiter> World<'s, 'c, L> {
    fn new(office: &'s Office<'c, L>, clock: &'c HandClock) -> Self {
        Self { office, clock, waiting: Vec::new(), held: Vec::new() }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Come { cost, patience } => self.come(cost, patience),
            Op::Poll(which) => self.poll(which),
            Op::Run { backwards } => self.run(backwards),
            Op::Cancel(which) if which < self.waiting.len() => drop(self.waiting.remove(which)),
            Op::Settle { which, actual } if which < self.held.len() => self.held.swap_remove(which).commit(actual),
            Op::Allow(cost) => {
                let available = self.office.available();
                assert!(self.waiting.is_empty() || available == 0, "none for those who do not stand in line");
                assert_eq!(self.office.allow(cost).is_ok(), cost <= available);
            }
            Op::Forward(by) => self.clock.advance(Duration::from_micros(by)),
            Op::Back(by) => self.clock.set(self.clock.now().saturating_sub(Duration::from_micros(by))),
            Op::Look => assert!(self.office.with(|_, _| ()).is_some()),
            Op::Move(which) => {
                if let Some((_, task)) = self.waiting.get_mut(which) {
                    task.moved();
                    self.poll(which);
                }
            }
            Op::Cancel(_) | Op::Settle { .. } => {}
        }
        assert_eq!(self.office.waiting(), self.waiting.len());
    }

    fn come(&mut self, cost: u64, patience: Option<u64>) {
        let mut wait = self.office.wait(cost);
        if let Some(patience) = patience {
            wait = wait.at_most(Duration::from_secs(patience));
        }
        let mut task = Task::new(wait);
        match task.poll() {
            None => self.waiting.push((cost, task)),
            Some(Ok(permit)) => {
                assert!(cost == 0 || self.waiting.is_empty(), "past those who wait");
                assert_eq!(permit.cost(), cost);
                self.held.push(permit);
            }
            Some(Err(WaitError::Full)) => assert_eq!(self.waiting.len(), 4),
            Some(Err(WaitError::Timeout { .. })) => assert!(patience.is_some()),
            Some(Err(WaitError::Never { .. })) => assert!(cost > LIMIT),
        }
    }

    fn poll(&mut self, which: usize) {
        let Some((cost, task)) = self.waiting.get_mut(which) else { return };
        match task.poll() {
            None => return,
            Some(Ok(permit)) => {
                assert_eq!((which, permit.cost()), (0, *cost), "only the head is served");
                self.held.push(permit);
            }
            Some(Err(error)) => assert!(matches!(error, WaitError::Timeout { .. })),
        }
        self.waiting.remove(which);
    }

    /// Until nobody is woken any more; bounded, because nobody may wake himself for ever.
    fn run(&mut self, backwards: bool) {
        for _ in 0..100 {
            let mut woken = (0..self.waiting.len()).filter(|&at| self.waiting[at].1.is_woken());
            match if backwards { woken.next_back() } else { woken.next() } {
                Some(which) => self.poll(which),
                None => return,
            }
        }
        panic!("somebody is woken again and again");
    }

    /// Everything is given back and time goes on: everybody who waits is served or out of patience, by wake-ups alone.
    fn close(mut self) {
        for _ in 0..50 {
            self.held.clear();
            self.run(false);
            self.clock.advance(Duration::from_secs(20));
            self.run(true);
        }
        let left = self.waiting.iter().map(|(cost, _)| *cost).collect::<Vec<_>>();
        assert!(left.is_empty(), "forgotten: {left:?}");
        assert_eq!((self.office.waiting(), self.clock.alarms().len()), (0, 0));
    }
}

/// Desks that `allow` has taken are taken for good.
fn desks_are_conserved(ops: &[Op]) {
    let clock = HandClock::default();
    let office = desks(&clock, LIMIT);
    let mut world = World::new(&office, &clock);
    for op in ops.iter().filter(|op| !matches!(op, Op::Allow(1..))) {
        world.step(*op);
        let held: u64 = world.held.iter().map(Held::cost).sum();
        assert_eq!(used(&office), held, "after {op:?}");
    }
    world.close();
    assert_eq!(used(&office), 0);
}

fn units_are_conserved(ops: &[Op]) {
    let clock = HandClock::default();
    let office: Office<TokenBucket> = Shared::new(bucket(4, Start::Empty), &clock);
    let mut world = World::new(&office, &clock);
    let (mut taken, mut latest) = (0, Instant::ORIGIN);
    for op in ops {
        let free = if matches!(op, Op::Allow(_)) { office.available() } else { 0 };
        match *op {
            Op::Allow(cost) if cost <= free => taken += cost,
            Op::Settle { which, actual } if which < world.held.len() => taken += actual,
            _ => {}
        }
        world.step(*op);
        latest = latest.max(clock.now());
        let held: u64 = world.held.iter().map(Held::cost).sum();
        // More may be settled than was held: a debt that those who come after pay, so only without one is it exact.
        if !ops.iter().any(|op| matches!(op, Op::Settle { .. })) {
            assert!(taken + held <= latest.as_secs(), "{taken} + {held} by {latest}");
        }
    }
    world.close();
    clock.advance(Duration::from_secs(60));
    assert_eq!(office.available(), 4, "what was given back is there");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_desk_is_lost_and_none_is_given_twice(ops in prop::collection::vec(op(), 1..60)) {
        desks_are_conserved(&ops);
    }

    #[test]
    fn no_unit_is_lost_and_none_is_given_twice(ops in prop::collection::vec(op(), 1..60)) {
        units_are_conserved(&ops);
    }
}
