//! `Queue<T, N, C>`: who goes next when not all can go at once. Bounded, fair, and nothing put into it is ever lost.
//!
//! For jobs that wait for a limit: urgent classes first, keys (users, projects) in turn, first in first out within a key.
//! If there is one class and one key and no deadline, `heapless::Deque` does. 64 bytes a place beside the payload; steps
//! grow with log2(N), and those that choose look at each class.
//!
//! ```text
//!  submit ──> waiting ──> pop, take ──> (sent) ──> requeue: back to its old place, not before t
//!                │                                    │
//!                └────────────── cancel, expire ──────┘   the entry comes back whole
//! ```

use crate::job::JobId;
use crate::queue_candidates::Candidates;
use crate::queue_entry::{Entry, QueueError, QueuePolicy, Rejected, Waiting};
use crate::queue_lines::Class;
use crate::queue_place::{NIL, Place, Tree};
use crate::queue_trees::Places;
use crate::queue_walk::Walk;
use crate::time::{Duration, Instant};

/// A bounded queue with `N` places and `C` classes, class 0 the most urgent.
///
/// # Order
/// * **Classes**: the most urgent class that waits is served, unless one is due: one that was passed over `patience` times
///   since it was served; of several, the one passed over most. So with two classes or more, one that waits is passed
///   over at most `max(patience, 1) + C - 2` times in a row, and there are moments when it is.
/// * **Keys** of a class take turns: with `K` keys waiting, each is served once in `K` services. A key that begins to wait
///   goes behind those that do: coming and going neither gains nor loses a turn. Within a key: first in, first out.
/// * **Those that came back** ([`requeue`](Self::requeue)) had their key's turn already. When their time has come they go
///   first in their class, by arrival, and come on top of the `K`.
/// * **Nobody passes the first**, however small, unless [`SkipAhead`](crate::SkipAhead) says so. Then the bounds above
///   grow by the `times` that one may be overtaken.
///
/// # Time
/// Stamps may repeat or go back: a deadline passes by the latest stamp that the queue has acted on. Looking
/// ([`head`](Self::head), [`candidates`](Self::candidates)) and being refused is no act and changes nothing.
///
/// # Example
/// ```
/// use tollgate::{Entry, Instant, JobId, Queue, QueuePolicy};
/// let now = Instant::ORIGIN;
/// // Sixteen places; class 0 for what a person waits for, class 1 for the rest.
/// let mut queue = Queue::<&str, 16, 2>::new(QueuePolicy::DEFAULT);
///
/// let (anna, ben) = (1, 2);
/// queue.submit(now, now, Entry::new(JobId(10), "Anna's first video").key(anna).class(1))?;
/// queue.submit(now, now, Entry::new(JobId(11), "Anna's second video").key(anna).class(1))?;
/// queue.submit(now, now, Entry::new(JobId(12), "Ben's video").key(ben).class(1))?;
/// queue.submit(now, now, Entry::new(JobId(13), "a preview").key(ben))?;
///
/// // Ask the limits about the first; only if they grant it, take it out.
/// assert_eq!(queue.head(now).map(|first| *first.payload), Some("a preview"));
/// let order = core::iter::from_fn(|| queue.pop(now)).map(|entry| entry.payload);
/// assert!(order.eq(["a preview", "Anna's first video", "Ben's video", "Anna's second video"]));
/// # Ok::<(), tollgate::Rejected<&str>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Queue<T, const N: usize, const C: usize = 1> {
    payloads: [Option<T>; N],
    classes: [Class; C],
    policy: QueuePolicy,
    last: Instant,
    arrivals: u64,
    faults: u32,
    places: Places<[Place; N]>,
}

impl<T, const N: usize, const C: usize> Queue<T, N, C> {
    /// An empty queue.
    ///
    /// `N` from 1 to 65 534 and `C` from 1 to 255; others do not compile.
    pub const fn new(policy: QueuePolicy) -> Self {
        const {
            assert!(N > 0 && N < NIL as usize, "a queue has room for 1 to 65 534 entries");
            assert!(C > 0 && C <= 255, "a queue has 1 to 255 classes");
        }
        Self {
            payloads: [const { None }; N],
            classes: [Class::EMPTY; C],
            policy,
            last: Instant::ORIGIN,
            arrivals: 0,
            faults: 0,
            places: Places::new(),
        }
    }

    /// Lets a new job wait.
    ///
    /// `earliest` is when it could be served at best, as the limits quote it ([`Book::quote`](crate::Book::quote)); `now`
    /// if nobody knows.
    ///
    /// # Errors
    /// The entry comes back, and nothing has changed. In this order: [`QueueError::UnknownClass`];
    /// [`QueueError::AlreadyQueued`]; [`QueueError::TooLate`] if its deadline is before `now` or before `earliest`;
    /// [`QueueError::Full`].
    ///
    /// # Example
    /// ```
    /// use tollgate::{Entry, Instant, JobId, Queue, QueueError, QueuePolicy};
    /// let s = Instant::from_secs;
    /// let mut queue = Queue::<(), 4, 1>::new(QueuePolicy::DEFAULT);
    /// let entry = Entry::new(JobId(1), ()).deadline(s(30));
    /// // The limits say 40 s: better told now than after half a minute.
    /// let refused = queue.submit(s(0), s(40), entry).unwrap_err();
    /// assert_eq!(refused.why, QueueError::TooLate { deadline: s(30), earliest: s(40) });
    /// assert!(queue.submit(s(0), s(30), refused.entry).is_ok());
    /// ```
    pub fn submit(&mut self, now: Instant, earliest: Instant, entry: Entry<T>) -> Result<(), Rejected<T>> {
        let slot = match self.admit(now, earliest, &entry, self.policy.room_for_returns) {
            Ok(slot) => slot,
            Err(why) => return Err(Rejected { why, entry }),
        };
        self.act(now);
        let arrival = self.next_arrival();
        self.fill(slot, Entry { arrival, ..entry }, None);
        Ok(())
    }

    /// Puts a job back that was served and has to be tried again, not before an instant.
    ///
    /// Until then it blocks nobody. Then it has its old place: before all of its class that were not served yet, and among
    /// others that came back by arrival. It is no second turn of its key. One that never was in the queue arrives now.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), with `not_before` for the earliest instant; but it is not refused a place that
    /// newcomers leave free ([`QueuePolicy::room_for_returns`]).
    ///
    /// # Example
    /// ```
    /// use tollgate::{Entry, Instant, JobId, Queue, QueuePolicy};
    /// let s = Instant::from_secs;
    /// let mut queue = Queue::<(), 4, 1>::new(QueuePolicy::DEFAULT);
    /// for id in [1, 2, 3] {
    ///     queue.submit(s(0), s(0), Entry::new(JobId(id), ()))?;
    /// }
    /// let refused_by_server = queue.pop(s(0)).unwrap();
    /// queue.requeue(s(0), refused_by_server, s(5))?;
    /// assert_eq!(queue.pop(s(1)).unwrap().id, JobId(2));
    /// assert_eq!(queue.next_ready(s(1)), Some(s(5)));
    /// assert_eq!(queue.pop(s(5)).unwrap().id, JobId(1));
    /// # Ok::<(), tollgate::Rejected<()>>(())
    /// ```
    pub fn requeue(&mut self, now: Instant, entry: Entry<T>, not_before: Instant) -> Result<(), Rejected<T>> {
        let slot = match self.admit(now, not_before, &entry, 0) {
            Ok(slot) => slot,
            Err(why) => return Err(Rejected { why, entry }),
        };
        self.act(now);
        let arrival = if entry.arrival == 0 { self.next_arrival() } else { entry.arrival };
        self.fill(slot, Entry { arrival, ..entry }, Some(not_before));
        Ok(())
    }

    /// The entry whose turn it is, or `None`: nobody waits, or only those whose time has not come.
    ///
    /// Ask the limits about it, and [`pop`](Self::pop) it when they grant. One whose deadline has passed is never the head.
    pub fn head(&self, now: Instant) -> Option<Waiting<'_, T>> {
        self.candidates(now).next()
    }

    /// The entries that may be served now, in the order in which they would be: the head, and with
    /// [`SkipAhead`](crate::SkipAhead) those that may pass it.
    ///
    /// Ends after `past` entries behind the head, and behind one that may not be overtaken any more. The candidate
    /// number `i` takes up to `i` times the steps of the first; each entry that [`expire`](Self::expire) has not
    /// collected takes as many again.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Entry, Instant, JobId, Queue, QueuePolicy, SkipAhead};
    /// let now = Instant::ORIGIN;
    /// let skip_ahead = Some(SkipAhead { past: 2, times: 1 });
    /// let mut queue = Queue::<u32, 8, 1>::new(QueuePolicy { skip_ahead, ..QueuePolicy::DEFAULT });
    /// for (id, size) in [(1, 90), (2, 70), (3, 10), (4, 5)] {
    ///     queue.submit(now, now, Entry::new(JobId(id), size))?;
    /// }
    /// let fits = queue.candidates(now).find(|waiting| *waiting.payload <= 20).map(|waiting| waiting.id);
    /// assert_eq!(fits, Some(JobId(3)));
    /// assert_eq!(queue.take(now, JobId(3)).unwrap().payload, 10);
    /// // The first was overtaken once: now it blocks until it is served.
    /// assert_eq!(queue.candidates(now).count(), 1);
    /// # Ok::<(), tollgate::Rejected<u32>>(())
    /// ```
    pub fn candidates(&self, now: Instant) -> Candidates<'_, T, N, C> {
        Candidates::new(self, self.walk(now))
    }

    /// Serves the [`head`](Self::head): takes it out.
    pub fn pop(&mut self, now: Instant) -> Option<Entry<T>> {
        let walk = self.walk(now);
        let slot = self.step(&mut walk.clone())?;
        self.serve(now, &walk, slot)
    }

    /// Serves one of the [`candidates`](Self::candidates): takes it out, and counts for those before it that they were
    /// overtaken. `None`: it is not one of them, and nothing has changed.
    pub fn take(&mut self, now: Instant, id: JobId) -> Option<Entry<T>> {
        let (slot, mut ahead) = (self.find(id)?, 0u16);
        let mut candidates = self.candidates(now);
        while candidates.next_slot()? != slot {
            ahead = ahead.saturating_add(1);
        }
        let walk = self.walk(now);
        let mut again = walk.clone();
        for _ in 0..ahead {
            let passed = self.step(&mut again)?;
            if let Some(place) = Places::get_mut(&mut self.places, passed) {
                place.overtaken = place.overtaken.saturating_add(1);
            }
        }
        self.serve(now, &walk, slot)
    }

    /// Takes a job out, wherever it waits, its deadline passed or not. `None`: it does not wait here.
    ///
    /// All others keep their places, those of its key too.
    pub fn cancel(&mut self, id: JobId) -> Option<Entry<T>> {
        let slot = self.find(id)?;
        self.remove(slot, false)
    }

    /// Takes out one entry whose deadline has passed, the earliest first; call it until it says `None`.
    ///
    /// Such an entry is not served from that microsecond on, whether this is called or not; but it keeps its place, and
    /// the turn of its key.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Entry, Instant, JobId, Queue, QueuePolicy};
    /// let s = Instant::from_secs;
    /// let mut queue = Queue::<(), 4, 1>::new(QueuePolicy::DEFAULT);
    /// queue.submit(s(0), s(0), Entry::new(JobId(1), ()).deadline(s(9)))?;
    /// assert!(queue.expire(s(9)).is_none()); // served at that very instant is in time
    /// let wake_up = queue.next_expiry().unwrap();
    /// assert_eq!(wake_up, Instant::from_micros(9_000_001));
    /// assert_eq!(queue.expire(wake_up).unwrap().id, JobId(1));
    /// # Ok::<(), tollgate::Rejected<()>>(())
    /// ```
    pub fn expire(&mut self, now: Instant) -> Option<Entry<T>> {
        let slot = self.view().first(Tree::Deadline, (0, 0, 0));
        if self.view().get(slot)?.is_live(self.effective(now)) {
            return None;
        }
        self.act(now);
        self.remove(slot, false)
    }

    /// The first instant at which [`expire`](Self::expire) has something to tell: a microsecond after the earliest
    /// deadline. It may lie behind.
    pub fn next_expiry(&self) -> Option<Instant> {
        let slot = self.view().first(Tree::Deadline, (0, 0, 0));
        self.view().get(slot).map(|place| place.deadline.saturating_add(Duration::from_micros(1)))
    }

    /// The next instant, after `now`, at which the time comes of one that came back. `None`: nobody waits for a time.
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        let after = self.effective(now).as_micros().checked_add(1)?;
        let slot = self.view().first(Tree::Ready, (after, 0, 0));
        self.view().get(slot).map(|place| place.not_before)
    }

    /// The entry of this job, if it waits.
    pub fn get(&self, id: JobId) -> Option<Waiting<'_, T>> {
        self.show(self.find(id)?)
    }

    /// The jobs that wait, in no particular order.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.view().iter().map(|place| JobId(place.id))
    }

    /// How many wait, whether they could be served or not.
    pub const fn len(&self) -> usize {
        self.places.taken() as usize
    }

    /// Whether nobody waits.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the queue chooses.
    pub const fn policy(&self) -> QueuePolicy {
        self.policy
    }

    /// Re-anchors the queue at `now` after a **known** clock fault: deadlines that only the fault has passed are good
    /// again.
    pub const fn restart(&mut self, now: Instant) {
        self.last = now;
    }

    /// Calls whose stamp was older than one acted on before; saturates.
    pub const fn clock_faults(&self) -> u32 {
        self.faults
    }

    fn next_arrival(&mut self) -> u64 {
        self.arrivals = self.arrivals.saturating_add(1);
        self.arrivals
    }

    /// A place for this entry, if it may wait.
    fn admit(&mut self, now: Instant, earliest: Instant, entry: &Entry<T>, spare: u16) -> Result<u16, QueueError> {
        let earliest = earliest.max(self.effective(now));
        if usize::from(entry.class) >= C {
            // `C` is 255 at most.
            return Err(QueueError::UnknownClass { class: entry.class, classes: u8::try_from(C).unwrap_or(u8::MAX) });
        }
        if self.find(entry.id).is_some() {
            return Err(QueueError::AlreadyQueued(entry.id));
        }
        if entry.deadline < earliest {
            return Err(QueueError::TooLate { deadline: entry.deadline, earliest });
        }
        let waiting = self.places.taken();
        if usize::from(waiting) + usize::from(spare) >= N {
            return Err(QueueError::Full { waiting });
        }
        Places::take_place(&mut self.places).ok_or(QueueError::Full { waiting })
    }

    /// Fills a place; `not_before` for one that came back.
    fn fill(&mut self, slot: u16, entry: Entry<T>, not_before: Option<Instant>) {
        let Entry { id, key, class, deadline, payload, arrival } = entry;
        let Self { payloads, classes, places, .. } = self;
        let places: &mut Places = places;
        let Some(place) = places.get_mut(slot) else { return };
        *place = Place::VACANT;
        (place.id, place.key, place.class, place.arrival) = (id.0, key, class, arrival);
        (place.deadline, place.not_before) = (deadline, not_before.unwrap_or(Instant::ORIGIN));
        if let Some(room) = payloads.get_mut(usize::from(slot)) {
            *room = Some(payload);
        }
        places.insert(Tree::Id, slot);
        if deadline < Instant::MAX {
            places.insert(Tree::Deadline, slot);
        }
        if not_before.is_some() {
            places.insert(Tree::Returned, slot);
            places.insert(Tree::Ready, slot);
        } else if let Some(class) = classes.get_mut(usize::from(class)) {
            places.line_up(class, slot);
        }
    }

    /// Takes a candidate out, and counts it for its class; `walk` stands where it began.
    fn serve(&mut self, now: Instant, walk: &Walk<C>, slot: u16) -> Option<Entry<T>> {
        let class = self.view().get(slot)?.class;
        walk.count(usize::from(class), &mut self.classes);
        self.act(now);
        self.remove(slot, true)
    }

    fn remove(&mut self, slot: u16, served: bool) -> Option<Entry<T>> {
        let Self { payloads, classes, places, .. } = self;
        let places: &mut Places = places;
        let Place { id, key, class, deadline, arrival, .. } = *places.get(slot)?;
        places.leave(classes.get_mut(usize::from(class))?, slot, served);
        places.free_place(slot);
        let payload = payloads.get_mut(usize::from(slot))?.take()?;
        Some(Entry { id: JobId(id), key, class, deadline, payload, arrival })
    }

    pub(crate) fn show(&self, slot: u16) -> Option<Waiting<'_, T>> {
        let Place { id, key, class, deadline, not_before, overtaken, .. } = *self.view().get(slot)?;
        let payload = self.payloads.get(usize::from(slot))?.as_ref()?;
        Some(Waiting { id: JobId(id), key, class, deadline, not_before, overtaken, payload })
    }

    fn find(&self, id: JobId) -> Option<u16> {
        let slot = self.view().first(Tree::Id, (id.0, 0, 0));
        self.view().get(slot).filter(|place| place.id == id.0).map(|_| slot)
    }

    fn walk(&self, now: Instant) -> Walk<C> {
        Walk::new(self.view(), &self.classes, self.policy.patience, self.effective(now))
    }

    pub(crate) fn step(&self, walk: &mut Walk<C>) -> Option<u16> {
        walk.next(self.view(), &self.classes)
    }

    fn effective(&self, now: Instant) -> Instant {
        self.last.max(now)
    }

    fn act(&mut self, now: Instant) {
        self.faults = self.faults.saturating_add(u32::from(now < self.last));
        self.last = self.effective(now);
    }

    pub(crate) fn view(&self) -> &Places {
        &self.places
    }
}
