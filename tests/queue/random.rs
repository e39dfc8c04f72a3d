//! Random traces: every answer of the queue is that of the model, whatever the clock does.

use proptest::prelude::*;
use tollgate::{Entry, Instant, JobId, Queue, QueuePolicy, SkipAhead};

use crate::model::{Model, Waits};

const PLACES: usize = 12;
const CLASSES: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Op {
    Submit {
        id: u64,
        key: u32,
        class: u8,
        deadline: Option<u64>,
        quote: u64,
    },
    Pop,
    /// One of the candidates, or any job.
    Take {
        candidate: bool,
        which: u64,
    },
    Requeue {
        which: usize,
        after: u64,
    },
    Cancel {
        id: u64,
    },
    Expire,
    Restart,
    Forward {
        by: u64,
    },
    Back {
        by: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let class = prop_oneof![40 => 0..3u8, 1 => 3..=u8::MAX];
    let deadline = prop_oneof![2 => Just(None), 3 => (0..60u64).prop_map(Some)];
    let quote = prop_oneof![3 => Just(0), 1 => 0..30u64];
    let submit = (0..24u64, 0..4u32, class, deadline, quote).prop_map(|(id, key, class, deadline, quote)| Op::Submit {
        id,
        key,
        class,
        deadline,
        quote,
    });
    prop_oneof![
        12 => submit,
        4 => Just(Op::Pop),
        4 => (any::<bool>(), 0..24u64).prop_map(|(candidate, which)| Op::Take { candidate, which }),
        4 => (0..8usize, 0..30u64).prop_map(|(which, after)| Op::Requeue { which, after }),
        2 => (0..24u64).prop_map(|id| Op::Cancel { id }),
        3 => Just(Op::Expire),
        1 => Just(Op::Restart),
        6 => (0..12u64).prop_map(|by| Op::Forward { by }),
        1 => (0..200u64).prop_map(|by| Op::Back { by }),
    ]
}

fn policy() -> impl Strategy<Value = QueuePolicy> {
    let skip_ahead = prop_oneof![
        Just(None),
        (0..5u8, 0..4u8).prop_map(|(past, times)| Some(SkipAhead { past, times })),
        Just(Some(SkipAhead { past: u8::MAX, times: u8::MAX })),
    ];
    (0..5u16, skip_ahead, 0..4u16).prop_map(|(patience, skip_ahead, room_for_returns)| QueuePolicy {
        patience,
        skip_ahead,
        room_for_returns,
    })
}

/// The queue, the model, and what was taken out, with its arrival.
struct Both {
    queue: Queue<u64, PLACES, CLASSES>,
    model: Model,
    out: Vec<(Entry<u64>, u64)>,
    now: u64,
    /// Payloads are numbered: none may be lost, none may be mixed up.
    made: u64,
}

fn agree(ours: Option<&Entry<u64>>, theirs: Option<&Waits>) {
    let ours = ours.map(|entry| (entry.id.0, entry.key, entry.class, entry.deadline));
    assert_eq!(ours, theirs.map(|entry| (entry.id, entry.key, entry.class, entry.deadline)));
}

impl Both {
    fn now(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    fn step(&mut self, op: Op) {
        let now = self.now();
        let after = |by: u64| Instant::from_micros(self.now.saturating_add(by));
        match op {
            Op::Submit { id, key, class, deadline, quote } => {
                self.made += 1;
                let deadline = deadline.map_or(Instant::MAX, after);
                let entry = Entry::new(JobId(id), self.made).key(key).class(class).deadline(deadline);
                let wanted = self.model.put(now, after(quote), &entry, None);
                let given = self.queue.submit(now, after(quote), entry.clone());
                assert_eq!(given.as_ref().map_err(|refused| refused.why), wanted.as_ref().map_err(|why| *why));
                if let Err(refused) = given {
                    assert_eq!(refused.entry, entry);
                }
            }
            Op::Pop => {
                let head = self.model.candidates(now).first().copied();
                self.served(head, |queue| queue.pop(now));
            }
            Op::Take { candidate, which } => {
                let candidates = self.model.candidates(now);
                let some = usize::try_from(which).unwrap().checked_rem(candidates.len()).map(|which| candidates[which]);
                let id = if candidate { some.unwrap_or(which) } else { which };
                self.served(Some(id), |queue| queue.take(now, JobId(id)));
            }
            Op::Requeue { which, after: by } => {
                let Some(which) = which.checked_rem(self.out.len()) else { return };
                let (entry, arrival) = self.out.swap_remove(which);
                let not_before = after(by);
                let wanted = self.model.put(now, not_before, &entry, Some(arrival));
                let given = self.queue.requeue(now, entry, not_before);
                assert_eq!(given.as_ref().map_err(|refused| refused.why), wanted.as_ref().map_err(|why| *why));
                if let Err(refused) = given {
                    self.out.push((refused.entry, arrival));
                }
            }
            Op::Cancel { id } => {
                let payload = self.queue.get(JobId(id)).map(|waiting| *waiting.payload);
                let (ours, theirs) = (self.queue.cancel(JobId(id)), self.model.cancel(id));
                agree(ours.as_ref(), theirs.as_ref());
                assert_eq!(ours.map(|entry| entry.payload), payload);
            }
            Op::Expire => {
                let (ours, theirs) = (self.queue.expire(now), self.model.expire(now));
                agree(ours.as_ref(), theirs.as_ref());
            }
            Op::Restart => {
                self.queue.restart(now);
                self.model.last = now;
            }
            Op::Forward { by } => self.now += by,
            Op::Back { by } => self.now = self.now.saturating_sub(by),
        }
    }

    fn served(&mut self, id: Option<u64>, serve: impl FnOnce(&mut Queue<u64, PLACES, CLASSES>) -> Option<Entry<u64>>) {
        let now = self.now();
        let ours = serve(&mut self.queue);
        let theirs = id.and_then(|id| self.model.take(now, id));
        agree(ours.as_ref(), theirs.as_ref());
        if let (Some(entry), Some(waits)) = (ours, theirs) {
            // An entry that is out under a name that waits again would be refused for ever: forget the older one.
            self.out.retain(|(out, _)| out.id != entry.id);
            self.out.push((entry, waits.arrival));
        }
    }

    fn compare(&self) {
        let (queue, model, now) = (&self.queue, &self.model, self.now());
        let candidates = model.candidates(now);
        assert!(queue.candidates(now).map(|waiting| waiting.id.0).eq(candidates.iter().copied()), "{candidates:?}");
        assert_eq!(queue.head(now).map(|waiting| waiting.id.0), candidates.first().copied());
        assert_eq!(queue.len(), model.waiting.len());
        assert_eq!(queue.is_empty(), model.waiting.is_empty());
        assert_eq!(queue.next_expiry().map(Instant::as_micros), model.next_expiry());
        assert_eq!(queue.next_ready(now), model.next_ready(now));
        let (mut ours, mut theirs): (Vec<_>, Vec<_>) =
            (queue.jobs().map(|id| id.0).collect(), model.waiting.iter().map(|entry| entry.id).collect());
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
        for entry in &model.waiting {
            let waiting = queue.get(JobId(entry.id)).expect("it waits");
            assert_eq!((waiting.key, waiting.class, waiting.deadline), (entry.key, entry.class, entry.deadline));
            assert_eq!((waiting.not_before, waiting.overtaken), (entry.not_before, entry.overtaken));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn the_queue_does_what_the_list_does(policy in policy(), ops in prop::collection::vec(op(), 200..400)) {
        let (queue, model) = (Queue::new(policy), Model::new(PLACES, CLASSES, policy));
        let mut both = Both { queue, model, out: Vec::new(), now: 100, made: 0 };
        for op in ops {
            both.step(op);
            both.compare();
        }
    }

    /// Where nobody is held up, the candidates are what is served, one after the other.
    #[test]
    fn the_candidates_are_those_who_are_served(
        patience in 0..6u16,
        jobs in prop::collection::vec((0..5u32, 0..3u8), 1..100),
    ) {
        let skip_ahead = Some(SkipAhead { past: u8::MAX, times: u8::MAX });
        let mut queue = Queue::<(), 128, 3>::new(QueuePolicy { patience, skip_ahead, ..QueuePolicy::DEFAULT });
        let now = Instant::ORIGIN;
        for (id, (key, class)) in (0..).zip(jobs) {
            queue.submit(now, now, Entry::new(JobId(id), ()).key(key).class(class)).unwrap();
        }
        let shown: Vec<_> = queue.candidates(now).map(|waiting| waiting.id).collect();
        let served: Vec<_> = std::iter::from_fn(|| queue.pop(now)).map(|entry| entry.id).collect();
        prop_assert_eq!(shown, served);
        prop_assert!(queue.is_empty());
    }
}
