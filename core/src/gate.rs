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
mod request;
mod status;
mod time;

use core::fmt;

use heapless::Vec;

pub use answer::Answer;
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
use crate::limiter::{Denied, admit_at};
use crate::log::{Wait, Who, log};
use crate::retry::Repeatable;
use crate::time::{Duration, Instant};

/// Every limit of one upstream: up to `JOBS` jobs, live or remembered, and `CALLS` requests on their way at once.
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
pub struct Gate<L: AnyLimits, const JOBS: usize, const CALLS: usize> {
    pub(crate) limits: L,
    jobs: Vec<Job<<L::Money as Money>::Amounts>, JOBS, u16>,
    calls: Vec<Call<HeldIn<L>>, CALLS, u16>,
    state: State,
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
            slots: u32::MAX,
            foreign: 0,
            mark: 0,
            order: 0,
            counters: Counters::NONE,
        };
        Self { limits, jobs: Vec::new(), calls: Vec::new(), state }
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
    /// it is [`repeatable`](Request::repeatable).
    ///
    /// # Errors
    /// [`AskError`]: which limit binds and when to come back (`Never` beats `Busy` beats the latest `Until`), or what is
    /// wrong with the request. Nothing has changed then, but for what time has done to permits that were lost.
    pub fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError> {
        let asks = self.kind(self.effective(now), request)?;
        self.admit(now, request, asks)
    }

    /// When this request would pass, if nothing happens until then; while permits are out that may come back unsent, when
    /// the first of them is void, if that is sooner. Changes nothing.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), but never `Until`.
    pub fn earliest(&self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError> {
        let eff = self.effective(now);
        let asks = self.kind(eff, request)?;
        match self.when(eff, request, asks) {
            Ok(()) => Ok(now),
            Err((_, Denied::Until(at))) => Ok(at),
            Err((limit, denied)) => Err(AskError::Refused { limit, denied }),
        }
    }

    /// What a request is, by its job and its amounts.
    fn kind(&self, eff: Instant, request: &Request<'_>) -> Result<Asks, AskError> {
        let asks = match self.state_at(request.job, eff) {
            None => Asks::New,
            Some(JobState::Unknown) if self.has_call(request.job) => {
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
        self.admit(now, &request, Asks::Nothing)
    }

    fn admit(&mut self, now: Instant, request: &Request<'_>, asks: Asks) -> Result<Permit, AskError> {
        self.note(now);
        let eff = self.effective(now);
        let mut quoted = self.when(eff, request, asks);
        if quoted.is_err() && self.calls.iter().any(|call| call.until <= eff) {
            // What lost permits hold comes back only by settling them.
            self.advance(eff);
            quoted = self.when(eff, request, asks);
        }
        let granted = quoted.and_then(|()| {
            self.advance(eff);
            self.book(eff, request)
        });
        let held = match granted {
            Ok(held) => held,
            Err((limit, denied)) => {
                self.state.counters.refuse(limit);
                let job = (asks != Asks::Nothing).then_some(request.job);
                log!(debug, "{}: refused by {}, {}", Who(job), limit, Wait(denied, eff));
                return Err(AskError::Refused { limit, denied });
            }
        };
        Ok(self.enter(eff, request, asks, held))
    }

    /// Whether it passes at `eff`; if not, exactly when, and who binds.
    #[inline]
    fn when(&self, eff: Instant, request: &Request<'_>, asks: Asks) -> Result<(), (Binding, Denied)> {
        match self.quote(eff, request, asks) {
            None => Ok(()),
            Some(refused) => Err(self.look_ahead(eff, request, asks, refused)),
        }
    }

    /// Exactly when what is `refused` at `eff` passes, and who binds until then.
    #[inline(never)]
    fn look_ahead(
        &self,
        eff: Instant,
        request: &Request<'_>,
        asks: Asks,
        refused: (Binding, Denied),
    ) -> (Binding, Denied) {
        let (mut binds, mut first) = (refused.0, Some(refused));
        let admitted =
            admit_at(eff, Duration::ZERO, |asked, _| match first.take().or_else(|| self.quote(asked, request, asks)) {
                None => Ok(asked),
                Some((limit, denied)) => {
                    binds = limit;
                    Err(denied)
                }
            });
        match (admitted, asks) {
            // When its lease is over it is no longer a question of limits.
            (Err(Denied::Until(at)), Asks::Again) => (binds, Denied::Until(at.min(self.ends(request.job)))),
            (Err(denied), _) => (binds, denied),
            // It was refused at `eff`.
            (Ok(_), _) => refused,
        }
    }

    fn ends(&self, id: JobId) -> Instant {
        self.find(id).map_or(Instant::MAX, |job| job.ends)
    }

    /// Asks every limit; the worst refusal counts, and the first wins a tie. `None` if all agree. On its own, so that
    /// nothing is got ready for a second round where one is enough.
    #[inline(never)]
    fn quote(&self, asked: Instant, request: &Request<'_>, asks: Asks) -> Option<(Binding, Denied)> {
        let limits = self.limits.all();
        let cost = request.requests;
        let mut worst = Worst(None);
        let closed = self.state.block.max(self.state.paced);
        if closed > asked {
            worst.hear(Binding::Block, Denied::Until(closed));
        }
        self.part(asked, Binding::Requests, limits.requests.part_quote(asked, cost), &mut worst);
        self.part(asked, Binding::Window, limits.window.part_quote(asked, cost), &mut worst);
        if asks == Asks::New {
            if let Err(denied) = self.slots_quote(asked, request.weight) {
                worst.hear(Binding::Slots, denied);
            }
            if let Err(denied) = self.place_quote(asked) {
                worst.hear(Binding::Jobs, denied);
            }
            if let Err((account, denied)) =
                limits.money.quote(asked, request.estimate, self.state.next_due, self.endings())
            {
                worst.hear(Binding::Money(account), denied);
            }
        }
        self.part(asked, Binding::Breaker, limits.breaker.part_quote(asked, 1), &mut worst);
        if let Err(denied) = self.call_quote(asked) {
            worst.hear(Binding::Calls, denied);
        }
        worst.0
    }

    /// What a limit answers that books requests.
    #[inline]
    fn part(&self, asked: Instant, limit: Binding, quote: Result<Instant, Denied>, worst: &mut Worst) {
        match quote {
            Ok(at) if at <= asked => {}
            Ok(at) => worst.hear(limit, self.or_void(asked, Denied::Until(at))),
            Err(denied) => worst.hear(limit, self.or_void(asked, denied)),
        }
    }

    /// A permit that is not sent gives its request back when it is void, and that may be all that is waited for.
    #[inline(never)]
    fn or_void(&self, asked: Instant, denied: Denied) -> Denied {
        let unsent = self.calls.iter().filter(|call| !call.sent).map(|call| call.until).min();
        match (denied, unsent) {
            (Denied::Until(at), Some(void)) => Denied::Until(at.min(void.max(asked))),
            (Denied::Busy, Some(void)) => Denied::Until(void.max(asked)),
            (denied, _) => denied,
        }
    }

    /// Charges what a request books, or nothing.
    fn book(&mut self, eff: Instant, request: &Request<'_>) -> Result<HeldIn<L>, (Binding, Denied)> {
        let cost = request.requests;
        let limits = self.limits.all_mut();
        let requests = limits.requests.part_book(eff, cost).map_err(|denied| (Binding::Requests, denied))?;
        let window = match limits.window.part_book(eff, cost) {
            Ok(held) => held,
            Err(denied) => {
                limits.requests.part_settle(eff, requests, false);
                return Err((Binding::Window, denied));
            }
        };
        match limits.breaker.part_book(eff, 1) {
            Ok(breaker) => Ok(Held { requests, window, breaker }),
            Err(denied) => {
                limits.window.part_settle(eff, window, false);
                limits.requests.part_settle(eff, requests, false);
                Err((Binding::Breaker, denied))
            }
        }
    }

    /// Second pass: everything agreed.
    fn enter(&mut self, eff: Instant, request: &Request<'_>, asks: Asks, held: HeldIn<L>) -> Permit {
        let until = eff.saturating_add(self.state.patience.to_send);
        self.state.mark = self.state.mark.checked_add(1).unwrap_or(1);
        let mark = self.state.mark;
        if asks == Asks::New {
            self.make_place();
            let job = Job::new(request.job, request.weight, <L::Money as Money>::NOTHING, eff, until);
            // A place was made.
            if !self.jobs.is_full() {
                let _ = self.jobs.extend_from_slice(&[job]);
            }
            if let Some(job) = self.jobs.last_mut() {
                self.limits.all_mut().money.hold(request.estimate, &mut job.amounts);
            }
        }
        let job = (asks != Asks::Nothing).then_some(request.job);
        let (id, lease, first) = (request.job, request.lease, !request.retry);
        let call = Call { mark, id, asks, since: eff, until, lease, sent: false, first, held };
        // A place was checked before.
        let _ = self.calls.put(call);
        self.state.next_due = self.state.next_due.min(until);
        self.state.counters.granted = self.state.counters.granted.saturating_add(1);
        log!(debug, "{}: granted", Who(job));
        Permit { mark, job, until }
    }

    /// Forgets the job that was settled first, else the one that is overdue longest, if the table is full.
    fn make_place(&mut self) {
        if !self.jobs.is_full() {
            return;
        }
        let order = self.state.order;
        let age = |job: &Job<_>| (job.state == JobState::Settled, order.wrapping_sub(job.order));
        let over = self.jobs.iter().numbered().filter(|(_, job)| !job.state.has_hold());
        if let Some((index, job)) = over.max_by_key(|(_, job)| age(job)) {
            let lost = u32::from(job.state == JobState::Overdue);
            self.state.counters.forgotten = self.state.counters.forgotten.saturating_add(lost);
            self.jobs.take_out(index);
        }
    }

    fn slots_quote(&self, asked: Instant, weight: u32) -> Result<(), Denied> {
        if weight > self.state.slots {
            return Err(Denied::Never { max: u64::from(self.state.slots) });
        }
        // What the adaptation has lowered may rise again: not `Never`.
        let limit = self.slots();
        let fits = |taken: u64| weight == 0 || taken.saturating_add(u64::from(weight)) <= u64::from(limit);
        if fits(self.taken(asked)) { Ok(()) } else { Err(self.slots_return(asked, fits)) }
    }

    /// When leases alone free enough slots.
    #[inline(never)]
    fn slots_return(&self, asked: Instant, fits: impl Fn(u64) -> bool) -> Denied {
        let mut at = asked;
        for _ in 0..JOBS {
            let ends = self.jobs.iter().filter(|job| job.state.has_slot()).map(|job| job.ends);
            let Some(next) = ends.filter(|end| *end > at && *end < Instant::MAX).min() else { break };
            at = next;
            if fits(self.taken(at)) {
                return Denied::Until(at);
            }
        }
        Denied::Busy
    }

    fn place_quote(&self, asked: Instant) -> Result<(), Denied> {
        if !self.jobs.is_full() || self.jobs.iter().any(|job| job.is_forgettable(asked)) {
            return Ok(());
        }
        let first = self.jobs.iter().map(|job| job.ends).min().unwrap_or(Instant::MAX);
        Err(if first == Instant::MAX { Denied::Busy } else { Denied::Until(first) })
    }

    fn call_quote(&self, asked: Instant) -> Result<(), Denied> {
        if !self.calls.is_full() || self.calls.iter().any(|call| call.until <= asked) {
            return Ok(());
        }
        let first = self.calls.iter().map(|call| call.until).min().unwrap_or(Instant::MAX);
        Err(Denied::Until(first))
    }

    /// The weight that is taken at `eff`: by strangers, and by our jobs, at most 2^16 of 2^32 each.
    fn taken(&self, eff: Instant) -> u64 {
        let foreign = u64::from(self.state.foreign);
        let add = |taken: u64, job: &Job<_>| taken.wrapping_add(u64::from(job.weight));
        // The common case: no lease has ended.
        if eff < self.state.next_due {
            let (mut taken, mut jobs): (u64, &[_]) = (foreign, &self.jobs);
            while let [job, rest @ ..] = jobs {
                (taken, jobs) = (if job.state.has_slot() { add(taken, job) } else { taken }, rest);
            }
            return taken;
        }
        self.jobs.iter().filter(|job| job.occupies(eff)).fold(foreign, add)
    }

    fn find(&self, id: JobId) -> Option<&Job<<L::Money as Money>::Amounts>> {
        self.jobs.iter().find(|job| job.id == id)
    }

    fn find_mut(&mut self, id: JobId) -> Option<&mut Job<<L::Money as Money>::Amounts>> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }

    fn has_call(&self, id: JobId) -> bool {
        self.calls.iter().any(|call| call.job() == Some(id))
    }
}

/// The refusal that binds so far.
struct Worst(Option<(Binding, Denied)>);

impl Worst {
    #[inline(never)]
    fn hear(&mut self, limit: Binding, denied: Denied) {
        if self.0.is_none_or(|(_, worst)| denied.outranks(worst)) {
            self.0 = Some((limit, denied));
        }
    }
}
