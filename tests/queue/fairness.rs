//! Adversaries: nobody waits longer than the documentation says, and the bounds are reached, so they are no guesses.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tollgate::{Entry, Instant, JobId, Queue, QueuePolicy, SkipAhead};

use crate::at;

const NOW: Instant = Instant::ORIGIN;

/// How often a class is passed over at most: the bound of the documentation.
fn bound(patience: u16, classes: usize) -> u32 {
    u32::from(patience.max(1)) + u32::try_from(classes).unwrap() - 2
}

/// Serves while counting, for each class that waits, how often it was passed over in a row.
struct Watch<const C: usize> {
    queue: Queue<(), 64, C>,
    next: u64,
    passed: [u32; C],
    worst: u32,
}

impl<const C: usize> Watch<C> {
    fn new(patience: u16) -> Self {
        let queue = Queue::new(QueuePolicy { patience, ..QueuePolicy::DEFAULT });
        Self { queue, next: 0, passed: [0; C], worst: 0 }
    }

    fn waits(&self, class: u8) -> usize {
        self.queue.jobs().filter(|id| self.queue.get(*id).unwrap().class == class).count()
    }

    fn submit(&mut self, class: u8) {
        self.next += 1;
        let _ = self.queue.submit(NOW, NOW, Entry::new(JobId(self.next), ()).class(class));
    }

    /// All of a class change their minds.
    fn cancel(&mut self, class: u8) {
        let all: Vec<_> = self.queue.jobs().filter(|id| self.queue.get(*id).unwrap().class == class).collect();
        for id in all {
            self.queue.cancel(id).unwrap();
        }
        self.passed[usize::from(class)] = 0;
    }

    fn pop(&mut self) -> Option<u8> {
        let waited: Vec<usize> = (0..C).filter(|class| self.waits(u8::try_from(*class).unwrap()) > 0).collect();
        let served = self.queue.pop(NOW)?.class;
        for class in waited {
            self.passed[class] += 1;
            if class == usize::from(served) {
                self.passed[class] = 0;
            }
            self.worst = self.worst.max(self.passed[class]);
        }
        Some(served)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// Whoever comes and goes, and whenever.
    #[test]
    fn no_class_is_passed_over_more_often_than_the_bound(
        patience in 0..6u16,
        moves in prop::collection::vec((0..8u8, 0..4u8), 300),
    ) {
        let mut watch = Watch::<4>::new(patience);
        for (what, class) in moves {
            match what {
                0..3 => watch.submit(class),
                3 => watch.cancel(class),
                _ => { watch.pop(); }
            }
            prop_assert!(watch.worst <= bound(patience, 4), "{} times", watch.worst);
        }
    }

    /// With keys that begin to wait, change their minds and come again whenever they like.
    #[test]
    fn a_key_is_passed_over_once_by_each_key_that_waited_before_it(
        moves in prop::collection::vec((0..8u8, 0..6u32), 300),
    ) {
        let mut queue = Queue::<(), 64>::new(QueuePolicy::DEFAULT);
        // For each key that waits: how many services of others it may still see.
        let mut allowed = BTreeMap::<u32, usize>::new();
        for (id, (what, key)) in (0..).zip(moves) {
            let of_key = |queue: &Queue<(), 64>, key| queue.jobs().filter(|id| queue.get(*id).unwrap().key == key).min();
            match what {
                0..3 => {
                    let others = allowed.keys().filter(|other| **other != key).count();
                    if queue.submit(NOW, NOW, Entry::new(JobId(id), ()).key(key)).is_ok() {
                        allowed.entry(key).or_insert(others);
                    }
                }
                3 => {
                    if let Some(first) = of_key(&queue, key) {
                        queue.cancel(first).unwrap();
                    }
                }
                _ => {
                    let Some(served) = queue.pop(NOW).map(|entry| entry.key) else { continue };
                    allowed.remove(&served);
                    for (key, left) in &mut allowed {
                        prop_assert!(*left > 0, "key {key} waits for a turn too many");
                        *left -= 1;
                    }
                    if of_key(&queue, served).is_some() {
                        allowed.insert(served, allowed.len());
                    }
                }
            }
            allowed.retain(|key, _| of_key(&queue, *key).is_some());
        }
    }

    /// Some jobs do not fit at the moment, and others that do pass them.
    #[test]
    fn nobody_is_overtaken_more_often_than_said(
        past in 0..6u8,
        times in 0..4u8,
        jobs in prop::collection::vec((0..4u32, 0..2u8, 0..10u32), 1..60),
        rooms in prop::collection::vec(0..10u32, 200),
    ) {
        let policy = QueuePolicy { skip_ahead: Some(SkipAhead { past, times }), ..QueuePolicy::DEFAULT };
        let mut queue = Queue::<u32, 64, 2>::new(policy);
        for (id, (key, class, size)) in (0..).zip(jobs) {
            queue.submit(NOW, NOW, Entry::new(JobId(id), size).key(key).class(class)).unwrap();
        }
        for room in rooms {
            let candidates: Vec<_> = queue.candidates(NOW).map(|waiting| (waiting.id, *waiting.payload)).collect();
            prop_assert!(candidates.len() <= usize::from(past) + 1);
            if let Some((id, _)) = candidates.iter().find(|(_, size)| *size <= room) {
                prop_assert_eq!(queue.take(NOW, *id).map(|entry| entry.id), Some(*id));
            }
            prop_assert!(queue.jobs().all(|id| queue.get(id).unwrap().overtaken <= times));
        }
    }
}

/// Two classes wait until they are due, and leave; they come back at the worst moment, when the least urgent one is due.
#[test]
fn the_bound_on_classes_is_reached() {
    for patience in 1..9 {
        let mut watch = Watch::<4>::new(patience);
        (0..40).for_each(|_| watch.submit(0));
        for class in [1, 2] {
            watch.submit(class);
        }
        (0..patience).for_each(|_| assert_eq!(watch.pop(), Some(0)));
        for class in [1, 2] {
            watch.cancel(class);
        }
        watch.submit(3);
        (0..patience).for_each(|_| assert_eq!(watch.pop(), Some(0)));
        for class in [1, 2] {
            watch.submit(class);
        }
        assert_eq!([watch.pop(), watch.pop()], [Some(1), Some(2)]);
        assert_eq!(watch.passed[3], bound(patience, 4), "patience {patience}");
        assert_eq!(watch.pop(), Some(3));
    }
    // Without patience the classes take turns.
    let mut watch = Watch::<3>::new(0);
    (0..3).for_each(|class| (0..5).for_each(|_| watch.submit(class)));
    let turns: Vec<_> = std::iter::from_fn(|| watch.pop()).collect();
    assert_eq!(turns, [0, 1, 2].repeat(5));
    assert_eq!(watch.worst, bound(0, 3));
}

#[test]
fn a_flood_of_urgent_jobs_lets_every_class_through() {
    let mut watch = Watch::<3>::new(7);
    let mut served = [0; 3];
    for round in 0..808 {
        (0..3)
            .filter(|class| watch.waits(*class) == 0)
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|class| watch.submit(class));
        let class = watch.pop().unwrap();
        if round >= 8 {
            served[usize::from(class)] += 1;
        }
    }
    assert_eq!(served, [600, 100, 100], "one in eight each, and the rest is urgent");
}

/// A key that cancels and submits before every service, hoping for the front, and one that has a single job at a time.
#[test]
fn coming_and_going_gains_no_turn() {
    let mut queue = Queue::<(), 64>::new(QueuePolicy::DEFAULT);
    let mut served = [0u32; 3];
    let mut id = 0;
    let mut put = |queue: &mut Queue<(), 64>, key| {
        id += 1;
        queue.submit(NOW, NOW, Entry::new(JobId(id), ()).key(key)).unwrap();
        JobId(id)
    };
    let mut restless = put(&mut queue, 0);
    put(&mut queue, 1);
    for _ in 0..30 {
        put(&mut queue, 2);
    }
    for _ in 0..60 {
        let key = queue.pop(NOW).unwrap().key;
        served[usize::try_from(key).unwrap()] += 1;
        if key != 0 {
            queue.cancel(restless);
        }
        restless = put(&mut queue, 0);
        if key != 0 {
            put(&mut queue, key);
        }
    }
    assert!(served[0] <= 20, "{served:?}");
    assert!(served[1].abs_diff(served[2]) <= 1, "one at a time has as many turns as thirty: {served:?}");
}

/// A server refuses every job of one key, every time.
#[test]
fn those_who_come_back_come_on_top_and_take_no_turn_from_others() {
    let mut queue = Queue::<u32, 64>::new(QueuePolicy::DEFAULT);
    for id in 0..30 {
        let key = u32::try_from(id % 3).unwrap();
        queue.submit(at(0), at(0), Entry::new(JobId(id), 0).key(key)).unwrap();
    }
    let (mut order, mut second) = (Vec::new(), now_and_then(1));
    while let Some(mut entry) = queue.pop(at(second.next().unwrap())) {
        if entry.payload == 0 {
            order.push(entry.key);
        }
        entry.payload += 1;
        if entry.key == 0 && entry.payload < 4 {
            let now = second.next().unwrap();
            queue.requeue(at(now), entry, at(now + 1)).unwrap();
        }
    }
    assert_eq!(order, [0, 1, 2].repeat(10));
}

fn now_and_then(from: u64) -> impl Iterator<Item = u64> {
    from..
}

#[test]
fn a_big_job_is_not_starved_by_small_ones() {
    let mut queue = Queue::<u32, 8>::new(QueuePolicy::DEFAULT);
    queue.submit(NOW, NOW, Entry::new(JobId(0), 90)).unwrap();
    for id in 1..8 {
        queue.submit(NOW, NOW, Entry::new(JobId(id), 1).key(u32::try_from(id).unwrap())).unwrap();
    }
    // However often the limits say no, it is the only candidate, until they say yes.
    for _ in 0..100 {
        assert_eq!(queue.candidates(NOW).map(|waiting| waiting.id).collect::<Vec<_>>(), [JobId(0)]);
        assert!(queue.take(NOW, JobId(1)).is_none());
    }
    assert_eq!(queue.pop(NOW).map(|entry| entry.payload), Some(90));
}

/// A flood of small jobs, each with a key of its own, passes a big one as often as it bears, and not once more.
#[test]
fn a_flood_of_small_jobs_passes_as_often_as_said() {
    let policy = QueuePolicy { skip_ahead: Some(SkipAhead { past: 3, times: 5 }), ..QueuePolicy::DEFAULT };
    let mut queue = Queue::<u32, 8>::new(policy);
    queue.submit(NOW, NOW, Entry::new(JobId(0), 90)).unwrap();
    let (mut passed, mut id) = (0, 0);
    loop {
        id += 1;
        queue.submit(NOW, NOW, Entry::new(JobId(id), 1).key(u32::try_from(id).unwrap())).unwrap();
        let small = queue.candidates(NOW).find(|waiting| *waiting.payload < 90).map(|waiting| waiting.id);
        let Some(small) = small else { break };
        queue.take(NOW, small).unwrap();
        passed += 1;
    }
    assert_eq!(passed, 5);
    assert_eq!(queue.pop(NOW).map(|entry| entry.id), Some(JobId(0)));
}
