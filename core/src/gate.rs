//! `Gate`: every limit of one upstream behind one admission.
//!
//! Whoever calls one metered API or shares one radio asks here, and only here, before anything is sent. For a single
//! limit take the limiter itself.
//!
//! ```text
//! ask ──> Permit ──> sending ──> (the request is on its way) ──> answered ──> Accepted: slot and money stay
//!  │        └ cancel                                                 └──> RetryAt, GiveUp ...      │
//! Refused { limit, denied }                                    finished(job, actual) <─────────────┘
//! ```
//!
//! A request that is accepted and runs for minutes keeps its slot until [`finished`](Gate::finished). What is absent from
//! the [`Limits`] costs neither memory nor code. A decision looks at each limit and through the table of jobs once.

mod answer;
mod call;
mod finish;
#[cfg(feature = "image")]
mod image;
mod job;
#[cfg(feature = "journal")]
mod keep;
mod limits;
mod money;
mod offer;
mod part;
mod reconcile;
mod refusal;
mod request;
mod restart;
mod status;
mod time;

use core::fmt;

use heapless::Vec;

pub use answer::{Answer, Fate};
pub use call::Permit;
use call::{Call, Held, HeldIn};
pub use finish::{Cost, Finished};
pub(crate) use job::Job;
pub use job::{GateError, HeldAmount, JobState};
#[cfg(feature = "journal")]
pub(crate) use keep::lease_left;
pub use limits::{AnyLimits, Limits};
pub use money::Money;
pub(crate) use money::Sample;
pub use offer::Offer;
pub use part::{Adapt, Adaptation, Fuse, Part, Patience, Requests, Restrain};
pub use reconcile::{Found, Seen};
pub use request::{AskError, Binding, Request};
pub use status::{Counters, Status};

use crate::bounded::{Bounded, Counting};
use crate::job::JobId;
use crate::limiter::Denied;
use crate::log::{Wait, Who, log};
use crate::retry::Repeatable;
use crate::time::{Duration, Instant};

/// Every limit of one upstream: up to `JOBS` jobs, live or remembered, and `CALLS` requests on their way at once.
///
/// Take [`ask`](Self::ask) where the reason of a refusal, or its end, is of use, and [`try_ask`](Self::try_ask) where the
/// program comes back anyway. Take [`answered`](Self::answered) where the gate is to learn from what the server said and to
/// decide about retries, and [`resolved`](Self::resolved) where the program does so by itself. The terse ones are smaller and
/// faster.
///
/// Stamps may repeat and go back, and grant nothing then; after a clock fault that its owner knows of,
/// [`restart`](Self::restart) ends the wait for the clock to catch up.
///
/// With the feature `defmt` it says in the log what it does: at `warn` what should not be (a lease that runs out, a job
/// that is given up, time that goes back, a breaker that opens, a budget's alert), at `info` what ends or comes again, at
/// `debug` each grant and each refusal, by which limit and for how long. `DEFMT_LOG=info,tollgate=debug` shows all of it.
///
/// # Example
/// ```
/// use tollgate::{
///     Amount, Answer, AskError, Binding, BudgetSpec, Credits, Denied, Duration, Gate, Instant, JobId, Ledger, Limits,
///     Line, Outcome, Quota, Renewal, Repeatable, Request, Retry, Start, TokenBucket, Verdict, presets::backoffs, valid,
/// };
/// static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Lifetime);
/// let now = Instant::ORIGIN;
///
/// // 60 requests a minute, two jobs at once, 66 credits.
/// let quota = valid!(Quota::new(60, Duration::from_mins(1)));
/// let mut money = Ledger::<1, 0, 1, 0>::new(Duration::ZERO);
/// let credits = money.open(now, &CREDITS)?;
/// let limits = Limits::new().requests(TokenBucket::new(quota, Start::Full, now)).money(money);
/// let mut gate = Gate::<_, 8, 2>::new(limits, now).with_slots(2);
///
/// // A clip of about 40 credits that takes a few minutes.
/// let cost = [Line::new::<Credits>(credits, Amount::whole(40))];
/// let request = Request::new(JobId(1), Duration::from_mins(10)).costs(&cost);
/// let permit = gate.ask(now, &request)?;
/// gate.sending(now, &permit)?;
/// let ok = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };
/// let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, now);
/// assert_eq!(gate.answered(now, &permit, &ok, &mut retry, 0)?, Answer::Accepted);
///
/// // It runs. A second one does not fit: 26 credits are left, and only a release helps.
/// let second = Request::new(JobId(2), Duration::from_mins(10)).costs(&cost);
/// let refused = gate.ask(now, &second).unwrap_err();
/// assert_eq!(refused, AskError::Refused { limit: Binding::Money(credits), denied: Denied::Busy });
///
/// // It took 30 credits.
/// let later = Instant::from_secs(90);
/// gate.finished(later, JobId(1), &[Line::new::<Credits>(credits, Amount::whole(30))])?;
/// assert_eq!(gate.report(later, credits).unwrap().available, 36_000_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Gate<L: AnyLimits, const JOBS: usize, const CALLS: usize> {
    // In this order a small chip reaches most of it in one instruction.
    state: State,
    pub(crate) limits: L,
    calls: [Call<HeldIn<L>>; CALLS],
    jobs: Vec<Job<<L::Money as Money>::Amounts>, JOBS, u16>,
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> fmt::Debug for Gate<L, JOBS, CALLS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("jobs", &self.jobs).field("state", &self.state).finish_non_exhaustive()
    }
}

/// What is neither a limit nor a table.
#[derive(Clone, Copy, Debug)]
struct State {
    patience: Patience,
    last: Instant,
    /// Nothing in the tables ends before this.
    next_due: Instant,
    /// Closed by the server until then.
    block: Instant,
    /// When that was said.
    block_set: Instant,
    /// The next request keeps this distance.
    paced: Instant,
    /// When the latest complete list was asked for.
    listed: Instant,
    /// The weight of all jobs that have a slot, whether or not time has ended their leases.
    taken: u64,
    slots: u32,
    foreign: u32,
    mark: u32,
    order: u16,
    counters: Counters,
}

/// What a job is to an `ask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// New: it needs a place, a slot and money.
    New,
    /// Sent before and unknown since: it has them.
    Again,
    /// None: a question about the status of something.
    Nothing,
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// A gate with these limits, slots without end, and [`Patience::DEFAULT`].
    pub fn new(limits: L, now: Instant) -> Self {
        const { assert!(JOBS > 0, "a gate needs room for at least one job") }
        const { assert!(CALLS > 0, "a gate needs room for at least one request on its way") }
        let state = State {
            patience: Patience::DEFAULT,
            last: now,
            next_due: Instant::MAX,
            block: Instant::ORIGIN,
            block_set: Instant::ORIGIN,
            paced: Instant::ORIGIN,
            listed: Instant::ORIGIN,
            taken: 0,
            slots: u32::MAX,
            foreign: 0,
            mark: 0,
            order: 0,
            counters: Counters::NONE,
        };
        let (requests, window, breaker) = (L::Requests::NOTHING, L::Window::NOTHING, L::Breaker::NOTHING);
        let held = Held { requests, window, breaker };
        Self { state, limits, calls: [Call::free(held); CALLS], jobs: Vec::new() }
    }

    /// The same gate with so many slots for jobs, by weight.
    #[must_use]
    pub fn with_slots(mut self, slots: u32) -> Self {
        self.state.slots = slots;
        self
    }

    /// The same gate with other patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.state.patience = patience;
        self
    }

    /// Asks to send the request of a job, now: all limits agree and are charged, or none is.
    ///
    /// An accepted job keeps its slot and its money until it is [`finished`](Self::finished). Of a job whose request was
    /// lost, [`Unknown`](JobState::Unknown), the request is asked for again with the slot and the money that it has, if
    /// it is [`repeatable`](Request::repeatable), one request of a job at a time. One that the gate has forgotten is a new
    /// one: [`forgotten`](Counters::forgotten).
    ///
    /// # Errors
    /// [`AskError`]: which limit binds and when to come back (`Never` beats `Busy` beats the latest `Until`), or what is
    /// wrong with the request. Nothing has changed then, but for what time has done to permits that were lost.
    pub fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError> {
        let eff = self.note(now);
        let asks = self.kind(eff, request)?;
        self.admit(eff, request, asks)
    }

    /// As [`ask`](Self::ask), for who comes back anyway: yes, or not now. The reason, and when, would be told by
    /// [`earliest`](Self::earliest); to find that out is most of the work of a refusal, and of the code.
    ///
    /// What is wrong with a request is `None` too, and counted nowhere: its job is here already or may be running, or its
    /// estimate is of other accounts. To come back helps little then; `earliest` tells. A refusal is counted for the first
    /// limit that binds: block, requests, window, slots, table of jobs, accounts, requests on their way, breaker.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Gate, Instant, JobId, Limits, Request};
    /// let now = Instant::ORIGIN;
    /// let mut gate = Gate::<_, 8, 2>::new(Limits::new(), now).with_slots(1);
    /// assert!(gate.try_ask(now, &Request::new(JobId(1), Duration::from_mins(10))).is_some());
    /// assert!(gate.try_ask(now, &Request::new(JobId(2), Duration::from_mins(10))).is_none());
    /// ```
    #[must_use = "a permit holds a slot, money and a request until it is sent or cancelled"]
    pub fn try_ask(&mut self, now: Instant, request: &Request<'_>) -> Option<Permit> {
        let eff = self.note(now);
        let asks = self.kind(eff, request).ok()?;
        self.settle_lost(eff);
        if let Some(limit) = self.binds(eff, request, asks) {
            self.state.counters.refuse(limit);
            log!(debug, "{}: refused by {}", Who(request.started(asks)), limit);
            return None;
        }
        match self.enter(eff, request, asks) {
            0 => None,
            mark => Some(self.permit(eff, mark, request.started(asks))),
        }
    }

    /// What a request is, by its job and its amounts.
    fn kind(&self, eff: Instant, request: &Request<'_>) -> Result<Asks, AskError> {
        let asks = match self.state_at(request.job, eff) {
            None => Asks::New,
            Some(JobState::Unknown) if self.call_ends(request.job) > eff => {
                return Err(AskError::Known { state: JobState::Unknown });
            }
            Some(JobState::Unknown) if request.repeatable == Repeatable::No => return Err(AskError::MaybeRunning),
            Some(JobState::Unknown) => Asks::Again,
            Some(state) => return Err(AskError::Known { state }),
        };
        self.limits.all().money.resolve(request.estimate).map_err(AskError::Estimate)?;
        Ok(asks)
    }

    /// Asks to send a request that starts no job and costs no money: a question for a status, or a list of what runs.
    /// `cost` is what the provider counts it for, often nothing.
    ///
    /// # Errors
    /// [`AskError::Refused`].
    pub fn poll(&mut self, now: Instant, cost: u32) -> Result<Permit, AskError> {
        let request = Request::new(JobId(0), Duration::ZERO).counts(cost).attempt(1);
        let eff = self.note(now);
        self.admit(eff, &request, Asks::Nothing)
    }

    /// All or nothing, with the whole answer.
    fn admit(&mut self, eff: Instant, request: &Request<'_>, asks: Asks) -> Result<Permit, AskError> {
        self.settle_lost(eff);
        let (limit, denied) = match self.look_ahead(eff, request, asks) {
            Some(refused) => refused,
            None => match self.enter(eff, request, asks) {
                // A limit has not kept its word.
                0 => (Binding::Requests, Denied::Busy),
                mark => return Ok(self.permit(eff, mark, request.started(asks))),
            },
        };
        self.state.counters.refuse(limit);
        log!(debug, "{}: refused by {}, {}", Who(request.started(asks)), limit, Wait(denied, eff));
        Err(AskError::Refused { limit, denied })
    }

    /// What lost permits hold comes back only by settling them.
    fn settle_lost(&mut self, eff: Instant) {
        if self.state.next_due <= eff && self.calls.iter().any(|call| call.until <= eff) {
            self.advance(eff);
        }
    }

    /// The first limit that binds at `eff`, without when it will not.
    #[inline(never)]
    fn binds(&self, eff: Instant, request: &Request<'_>, asks: Asks) -> Option<Binding> {
        let (limits, cost) = (self.limits.all(), request.requests);
        if self.state.block.max(self.state.paced) > eff {
            return Some(Binding::Block);
        }
        if !limits.requests.part_fits(eff, cost) {
            return Some(Binding::Requests);
        }
        if !limits.window.part_fits(eff, cost) {
            return Some(Binding::Window);
        }
        if asks == Asks::New {
            if !self.slots_fit(eff, request.weight) {
                return Some(Binding::Slots);
            }
            if !self.has_place(eff) {
                return Some(Binding::Jobs);
            }
            if let Err(account) = limits.money.fits(eff, request.estimate, &self.ends()) {
                return Some(Binding::Money(account));
            }
        }
        if !self.has_call_place(eff) {
            return Some(Binding::Calls);
        }
        if !limits.breaker.part_fits(eff, 1) {
            return Some(Binding::Breaker);
        }
        None
    }

    /// Charges what a request books, or nothing.
    fn book(&mut self, eff: Instant, cost: u32) -> Option<HeldIn<L>> {
        let limits = self.limits.all_mut();
        let requests = limits.requests.part_book(eff, cost)?;
        let Some(window) = limits.window.part_book(eff, cost) else {
            limits.requests.part_settle(eff, requests, false);
            return None;
        };
        let Some(breaker) = limits.breaker.part_book(eff, 1) else {
            limits.window.part_settle(eff, window, false);
            limits.requests.part_settle(eff, requests, false);
            return None;
        };
        Some(Held { requests, window, breaker })
    }

    fn permit(&self, eff: Instant, mark: u32, job: Option<JobId>) -> Permit {
        Permit { mark, job, until: eff.saturating_add(self.state.patience.to_send) }
    }

    /// Second pass: everything agreed. Returns the number of the request, or 0 if a limit has not kept its word.
    fn enter(&mut self, eff: Instant, request: &Request<'_>, asks: Asks) -> u32 {
        self.advance(eff);
        let Some(held) = self.book(eff, request.requests) else { return 0 };
        let until = eff.saturating_add(self.state.patience.to_send);
        self.state.next_due = self.state.next_due.min(until);
        self.state.counters.granted = self.state.counters.granted.saturating_add(1);
        self.state.mark = self.state.mark.checked_add(1).unwrap_or(1);
        let mark = self.state.mark;
        if asks == Asks::New {
            self.make_place();
            let mut amounts = <L::Money as Money>::NOTHING;
            self.limits.all_mut().money.hold(request.estimate, &mut amounts);
            self.state.taken = self.state.taken.wrapping_add(request.weight.into());
            // That there is a place was checked before.
            let _ = self.jobs.put(Job::new(request.job, request.weight, amounts, eff, until));
        }
        let (id, lease, first) = (request.job, request.lease, !request.retry);
        let call = Call { mark, id, asks, since: eff, until, lease, sent: false, first, held };
        // That there is a place was checked before.
        if let Some(free) = self.calls.iter_mut().find(|call| call.is_free()) {
            *free = call;
        }
        log!(debug, "{}: granted", Who(request.started(asks)));
        mark
    }

    /// Forgets the job that was settled first, else the one that is overdue longest, if the table is full.
    #[inline(never)]
    pub(crate) fn make_place(&mut self) {
        if !self.jobs.is_full() {
            return;
        }
        let (mut oldest, mut age, mut lost) = (usize::MAX, 0, 0);
        for (index, job) in self.jobs.iter().numbered() {
            let after = u32::from(self.state.order.wrapping_sub(job.order));
            let (rank, is_lost) = match job.state {
                JobState::Settled => (1 << 17 | after, 0),
                JobState::Overdue => (1 << 16 | after, 1),
                _ => (0, 0),
            };
            if rank > age {
                (oldest, age, lost) = (index, rank, is_lost);
            }
        }
        self.state.counters.forgotten = self.state.counters.forgotten.saturating_add(lost);
        self.jobs.discard(oldest);
    }

    /// Whether there is a place for a new job at `eff`.
    fn has_place(&self, eff: Instant) -> bool {
        !self.jobs.is_full() || self.jobs.iter().any(|job| job.is_forgettable(eff))
    }

    /// Whether there is a place for another request at `eff`.
    fn has_call_place(&self, eff: Instant) -> bool {
        self.calls.iter().any(|call| call.is_free() || call.until <= eff)
    }

    /// Whether so many slots are free at `eff`.
    fn slots_fit(&self, eff: Instant, weight: u32) -> bool {
        weight == 0 || self.taken(eff).saturating_add(u64::from(weight)) <= u64::from(self.slots())
    }

    /// The weight that is taken at `eff`: by strangers, and by our jobs, at most 2^16 of 2^32 each.
    fn taken(&self, eff: Instant) -> u64 {
        let ours = if eff < self.state.next_due { self.state.taken } else { self.weight_at(eff) };
        ours.wrapping_add(self.state.foreign.into())
    }

    /// The place of a job in the table.
    #[inline(never)]
    fn place(&self, id: JobId) -> Option<usize> {
        self.jobs.iter().place(|job| job.id == id)
    }

    /// The weight of our jobs whose leases are not over at `eff`.
    #[inline(never)]
    fn weight_at(&self, eff: Instant) -> u64 {
        let weights = self.jobs.iter().filter(|job| job.occupies(eff)).map(|job| u64::from(job.weight));
        weights.fold(0, u64::wrapping_add)
    }

    /// The slots of some jobs were taken or freed.
    fn recount(&mut self) {
        self.state.taken = self.weight_at(Instant::ORIGIN);
    }

    fn find(&self, id: JobId) -> Option<&Job<<L::Money as Money>::Amounts>> {
        self.jobs.get(self.place(id)?)
    }

    fn find_mut(&mut self, id: JobId) -> Option<&mut Job<<L::Money as Money>::Amounts>> {
        let place = self.place(id)?;
        self.jobs.get_mut(place)
    }

    /// When the request of a job that is on its way is void, or lost; over since ever if it has none.
    #[inline(never)]
    fn call_ends(&self, id: JobId) -> Instant {
        self.calls.iter().find(|call| call.job() == Some(id)).map_or(Instant::ORIGIN, |call| call.until)
    }
}
