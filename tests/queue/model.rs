//! The queue as a list that is searched from the front each time: slow and obvious.

use tollgate::{Entry, Instant, QueueError, QueuePolicy};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) id: u64,
    pub(crate) key: u32,
    pub(crate) class: u8,
    pub(crate) deadline: Instant,
    pub(crate) not_before: Instant,
    pub(crate) arrival: u64,
    pub(crate) returned: bool,
    pub(crate) overtaken: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) waiting: Vec<Waits>,
    /// For each class the keys that have new entries, the one whose turn it is first.
    turns: Vec<Vec<u32>>,
    passed: Vec<u32>,
    places: usize,
    policy: QueuePolicy,
    pub(crate) last: Instant,
    arrivals: u64,
}

impl Model {
    pub(crate) fn new(places: usize, classes: usize, policy: QueuePolicy) -> Self {
        let (turns, passed) = (vec![Vec::new(); classes], vec![0; classes]);
        Self { waiting: Vec::new(), turns, passed, places, policy, last: Instant::ORIGIN, arrivals: 0 }
    }

    /// A new entry, or one that comes back with the arrival it had.
    pub(crate) fn put<T>(
        &mut self,
        now: Instant,
        earliest: Instant,
        entry: &Entry<T>,
        returned: Option<u64>,
    ) -> Result<(), QueueError> {
        let classes = u8::try_from(self.turns.len()).unwrap();
        let not_before = if returned.is_some() { earliest } else { Instant::ORIGIN };
        let earliest = earliest.max(now).max(self.last);
        let waiting = u16::try_from(self.waiting.len()).unwrap();
        let room = if returned.is_some() { 0 } else { usize::from(self.policy.room_for_returns) };
        if entry.class >= classes {
            return Err(QueueError::UnknownClass { class: entry.class, classes });
        }
        if self.waiting.iter().any(|other| other.id == entry.id.0) {
            return Err(QueueError::AlreadyQueued(entry.id));
        }
        if entry.deadline < earliest {
            return Err(QueueError::TooLate { deadline: entry.deadline, earliest });
        }
        if self.waiting.len() + room >= self.places {
            return Err(QueueError::Full { waiting });
        }
        self.last = self.last.max(now);
        let turns = &mut self.turns[usize::from(entry.class)];
        if returned.is_none() && !turns.contains(&entry.key) {
            turns.push(entry.key);
        }
        let arrival = returned.unwrap_or_else(|| {
            self.arrivals += 1;
            self.arrivals
        });
        self.waiting.push(Waits {
            id: entry.id.0,
            key: entry.key,
            class: entry.class,
            deadline: entry.deadline,
            not_before,
            arrival,
            returned: returned.is_some(),
            overtaken: 0,
        });
        Ok(())
    }

    /// What would be served next in each class.
    fn nexts(&self, eff: Instant) -> Vec<Option<u64>> {
        let may = |entry: &&Waits| entry.deadline >= eff && entry.not_before <= eff;
        let next = |class: usize| {
            let mine = || self.waiting.iter().filter(may).filter(move |entry| usize::from(entry.class) == class);
            let came_back = mine().filter(|entry| entry.returned).min_by_key(|entry| entry.arrival);
            let of_key =
                |key: &u32| mine().filter(|entry| !entry.returned && entry.key == *key).min_by_key(|e| e.arrival);
            came_back.or_else(|| self.turns[class].iter().find_map(of_key)).map(|entry| entry.id)
        };
        (0..self.turns.len()).map(next).collect()
    }

    fn head(&self, eff: Instant) -> Option<u64> {
        let nexts = self.nexts(eff);
        let waiting: Vec<usize> = (0..nexts.len()).filter(|class| nexts[*class].is_some()).collect();
        let due = waiting.iter().filter(|class| self.passed[**class] >= u32::from(self.policy.patience));
        let most = due.clone().map(|class| self.passed[*class]).max();
        let class = due.clone().find(|class| Some(self.passed[**class]) == most).or(waiting.first())?;
        nexts[*class]
    }

    /// Takes an entry out; if it was served, its class and its key have had their turn.
    fn remove(&mut self, id: u64, served: Option<Instant>) -> Waits {
        let place = self.waiting.iter().position(|entry| entry.id == id).unwrap();
        let class = usize::from(self.waiting[place].class);
        if let Some(eff) = served {
            let nexts = self.nexts(eff);
            for (passed, next) in self.passed.iter_mut().zip(nexts) {
                *passed += u32::from(next.is_some());
            }
            self.passed[class] = 0;
        }
        let entry = self.waiting.remove(place);
        let left = |other: &Waits| !other.returned && other.class == entry.class && other.key == entry.key;
        let turns = &mut self.turns[class];
        if !entry.returned {
            let waits_on = self.waiting.iter().any(left);
            if !waits_on || served.is_some() {
                turns.retain(|key| *key != entry.key);
            }
            if waits_on && served.is_some() {
                turns.push(entry.key);
            }
        }
        entry
    }

    /// All that could be served at `now`, in the order in which they would be.
    pub(crate) fn order(&self, now: Instant) -> Vec<u64> {
        let (mut copy, mut order) = (self.clone(), Vec::new());
        let eff = self.last.max(now);
        while let Some(id) = copy.head(eff) {
            copy.remove(id, Some(eff));
            order.push(id);
        }
        order
    }

    pub(crate) fn candidates(&self, now: Instant) -> Vec<u64> {
        let (past, times) = self.policy.skip_ahead.map_or((0, 0), |skip| (skip.past, skip.times));
        let mut order = self.order(now);
        order.truncate(usize::from(past) + 1);
        let blocks = order.iter().position(|id| self.get(*id).unwrap().overtaken >= times);
        order.truncate(blocks.map_or(usize::MAX, |place| place + 1));
        order
    }

    pub(crate) fn take(&mut self, now: Instant, id: u64) -> Option<Waits> {
        let order = self.candidates(now);
        let place = order.iter().position(|other| *other == id)?;
        for entry in self.waiting.iter_mut().filter(|entry| order[..place].contains(&entry.id)) {
            entry.overtaken += 1;
        }
        self.last = self.last.max(now);
        let eff = self.last;
        Some(self.remove(id, Some(eff)))
    }

    pub(crate) fn cancel(&mut self, id: u64) -> Option<Waits> {
        self.get(id)?;
        Some(self.remove(id, None))
    }

    pub(crate) fn expire(&mut self, now: Instant) -> Option<Waits> {
        let first = self.waiting.iter().min_by_key(|entry| (entry.deadline, entry.arrival))?;
        let (id, eff) = (first.id, self.last.max(now));
        if first.deadline >= eff {
            return None;
        }
        self.last = eff;
        Some(self.remove(id, None))
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Waits> {
        self.waiting.iter().find(|entry| entry.id == id)
    }

    pub(crate) fn next_expiry(&self) -> Option<u64> {
        let deadlines = self.waiting.iter().map(|entry| entry.deadline).filter(|deadline| *deadline < Instant::MAX);
        deadlines.min().map(|deadline| deadline.as_micros() + 1)
    }

    pub(crate) fn next_ready(&self, now: Instant) -> Option<Instant> {
        let eff = self.last.max(now);
        self.waiting.iter().map(|entry| entry.not_before).filter(|then| *then > eff).min()
    }
}
