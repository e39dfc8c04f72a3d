//! `GateKeeper`: a gate whose money and jobs survive a power cut.
//!
//! Whoever sends jobs that cost money through a [`Gate`] writes down that one is sent before it is sent. For budgets
//! without a gate take a [`Keeper`](super::Keeper); for the other limits an image of each.
//!
//! ```text
//! ask ──> Permit ──> sending ──> record ──> written ──> Ok: send it ──> answered ──> finished ──> record ──> Ok
//! nothing is written        └──────────> failed ──> nothing may be sent
//! ```
//! Here is what needs no flash; the verbs that may write are in `gate_verbs`.

use core::fmt;

use crate::gate::{
    Adapt, AnyLimits, AskError, Fuse, Gate, GateError, Part, Patience, Permit, Request, Requests, Restrain,
};
use crate::hold::AccountId;
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::retry::Retry;
use crate::terms::{BudgetSpec, ChangeError};
use crate::time::{Duration, Instant};
use crate::wall::{Heard, Trust, UnixMicros};

use super::gate_state::{GateState, Kept};
use super::log::Log;
use super::state::Health;

/// A [`Gate`] with `N` accounts whose jobs are in a flash `F`.
///
/// The verbs are the gate's. [`ask`](Self::ask) writes nothing; [`sending`](Self::sending) writes that the job is about to
/// be sent and refuses when it cannot; what follows from an answer, from time or from a list is written as it happens, and
/// what could not be written is tried again by the next verb: until then [`is_behind`](Self::is_behind), and nothing more
/// can be sent.
///
/// **After a reboot** every job is where it was: what was only asked for is given back, what was sent is
/// [`Unknown`](crate::JobState::Unknown) and told so by [`expire`](Self::expire), leases begin again, and a
/// [`finished`](Self::finished) that is said again is [`Replayed`](crate::Cost::Replayed). Budgets are as a
/// [`Keeper`](super::Keeper) leaves them, a long block of the server included. What a cut at any byte leaves behind counts
/// never less than was granted, and at most a lease and the holds of then more. The other limits are not in the journal:
/// give them to the gate as an image left them, or empty.
///
/// **Time.** Instants continue: this boot's start at [`base`](Self::base).
///
/// # Example
/// ```
/// use tollgate::journal::{GateKeeper, Keeping, Layout};
/// use tollgate::{
///     Amount, BudgetSpec, Cost, Credits, Duration, Gate, Instant, JobId, JobState, Ledger, Limits, Line, Renewal, Request,
/// };
/// use tollgate_std::testing::Flash;
/// static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(1_000), Renewal::Lifetime);
/// const LAYOUT: Layout = tollgate::valid!(Layout::new(0, 4096, 2));
/// let keeping = [Keeping::lease::<Credits>(Amount::whole(100))];
///
/// // The same on every boot: a fresh gate, and the journal.
/// let gate = || -> Result<_, Box<dyn std::error::Error>> {
///     let mut money = Ledger::<1, 0, 1, 0>::new(Duration::ZERO);
///     let credits = money.open(Instant::ORIGIN, &CREDITS)?;
///     Ok((Gate::<_, 8, 2>::new(Limits::new().money(money), Instant::ORIGIN).with_slots(2), credits))
/// };
/// let mut flash = <Flash>::new(8192);
/// let (fresh, credits) = gate()?;
/// let mut keeper = GateKeeper::open(&mut flash, LAYOUT, fresh, &keeping)?;
///
/// let (now, cost) = (keeper.base(), [Line::new::<Credits>(credits, Amount::whole(40))]);
/// let permit = keeper.ask(now, &Request::new(JobId(1), Duration::from_mins(10)).costs(&cost))?;
/// keeper.sending(now, &permit)?; // written: only now it may be sent
/// drop(keeper); // the power goes
///
/// let (fresh, _) = gate()?;
/// let mut keeper = GateKeeper::open(&mut flash, LAYOUT, fresh, &keeping)?;
/// let now = keeper.base();
/// assert_eq!(keeper.expire(now), Some((JobId(1), JobState::Unknown)));
/// assert_eq!(keeper.gate().report(now, credits).unwrap().held, 40_000_000);
///
/// // It had run after all.
/// let actual = [Line::new::<Credits>(credits, Amount::whole(30))];
/// assert_eq!(keeper.finished(now, JobId(1), &actual)?.cost, Cost::Settled);
/// assert_eq!(keeper.finished(now, JobId(1), &actual)?.cost, Cost::Replayed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GateKeeper<F, L: AnyLimits, const N: usize, const JOBS: usize, const CALLS: usize> {
    pub(super) flash: F,
    pub(super) log: Log,
    pub(super) state: GateState<L, N, JOBS, CALLS>,
}

impl<F, L: AnyLimits, const N: usize, const JOBS: usize, const CALLS: usize> fmt::Debug
    for GateKeeper<F, L, N, JOBS, CALLS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateKeeper")
            .field("gate", &self.state.gate)
            .field("health", &self.state.health)
            .finish_non_exhaustive()
    }
}

impl<F, L: AnyLimits, const N: usize, const JOBS: usize, const CALLS: usize> GateKeeper<F, L, N, JOBS, CALLS> {
    /// The gate, for its questions: `status`, `report`, `job`, `jobs`, `earliest`, `next_event`.
    pub const fn gate(&self) -> &Gate<L, JOBS, CALLS> {
        &self.state.gate
    }

    /// The latest instant that was written down. This boot's instants go on from here: the time since the boot is added
    /// to it, and the time without power only if it is known and trusted.
    pub const fn base(&self) -> Instant {
        self.state.books.base
    }

    /// In what state the journal was found when it was opened.
    pub const fn health(&self) -> Health {
        self.state.health
    }

    /// What is used of this budget at most, going by its last record; what jobs hold is not included. In millionths.
    pub fn high(&self, account: AccountId) -> Option<u64> {
        self.state.books.kept(account).map(|kept| kept.lease.high())
    }

    /// Records written since it was opened; what is copied from page to page is not counted.
    pub const fn records(&self) -> u32 {
        self.state.records
    }

    /// Pages erased and begun since it was opened.
    pub const fn turns(&self) -> u32 {
        self.log.turns()
    }

    /// The flash, for what else it can do. Whoever writes to the journal's pages destroys it.
    pub const fn flash_mut(&mut self) -> &mut F {
        &mut self.flash
    }

    /// The flash back; the gate is forgotten.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// As [`Gate::ask`]. Nothing is written: a reboot gives back what was not sent.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError> {
        self.state.gate.ask(now, request)
    }

    /// As [`Gate::try_ask`]. Nothing is written, as by [`ask`](Self::ask).
    #[must_use = "a permit holds a slot, money and a request until it is sent or cancelled"]
    pub fn try_ask(&mut self, now: Instant, request: &Request<'_>) -> Option<Permit> {
        self.state.gate.try_ask(now, request)
    }

    /// As [`Gate::poll`].
    ///
    /// # Errors
    /// [`AskError::Refused`].
    pub fn poll(&mut self, now: Instant, cost: u32) -> Result<Permit, AskError> {
        self.state.gate.poll(now, cost)
    }

    /// As [`Gate::cancel`]. Nothing is written: what was not sent is in no record, and of what was sent nobody knows.
    ///
    /// # Errors
    /// [`GateError::StalePermit`].
    pub fn cancel(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
        self.state.gate.cancel(now, permit)
    }

    /// As [`Gate::renew`]. Nothing is written: after a reboot a lease begins again.
    ///
    /// # Errors
    /// [`GateError`].
    pub fn renew(&mut self, now: Instant, id: JobId, lease: Duration) -> Result<Instant, GateError> {
        self.state.gate.renew(now, id, lease)
    }

    /// As [`Gate::set_wall`]: no record, because the first one of a new period tells it.
    pub fn set_wall(&mut self, now: Instant, unix: UnixMicros, error: Duration, trust: Trust) -> Heard {
        self.state.gate.set_wall(now, unix, error, trust)
    }

    /// As [`Gate::set_slots`]; no part of the journal.
    pub const fn set_slots(&mut self, slots: u32) {
        self.state.gate.set_slots(slots);
    }

    /// As [`Gate::set_patience`]; no part of the journal.
    pub const fn set_patience(&mut self, patience: Patience) {
        self.state.gate.set_patience(patience);
    }

    /// As [`Gate::requests_mut`]; no part of the journal.
    pub fn requests_mut(&mut self) -> &mut L::Requests {
        self.state.gate.requests_mut()
    }

    /// As [`Gate::cancel_retry`].
    pub fn cancel_retry(&mut self, retry: &mut Retry) {
        self.state.gate.cancel_retry(retry);
    }

    /// As [`Gate::heard`].
    #[cfg(feature = "headers")]
    pub fn heard(&mut self, now: Instant, feedback: &crate::headers::Feedback) {
        self.state.gate.heard(now, feedback);
    }
}

impl<
    'a,
    F,
    Q: Requests,
    W: Part,
    B: Fuse,
    R: Restrain,
    A: Adapt,
    const N: usize,
    const L: usize,
    const S: usize,
    const JOBS: usize,
    const CALLS: usize,
> GateKeeper<F, Kept<'a, Q, W, B, R, A, N, L, S>, N, JOBS, CALLS>
{
    /// The accounts, for their questions: `alerts`, `available`. What jobs hold is in the gate's
    /// [`report`](Gate::report).
    pub const fn ledger(&self) -> &Ledger<'a, N, 0, L, 0, S> {
        self.state.ledger()
    }

    /// Whether something has happened that is not written down, because it could not be: nothing is sent before it is.
    /// After a reboot more counts as used than was, or more jobs are unknown.
    pub fn is_behind(&self) -> bool {
        self.state.pending().is_some()
    }

    /// Whether a damage has closed this budget, and nothing has opened it since.
    pub fn is_closed(&self, account: AccountId) -> bool {
        self.state.books.is_closed(self.state.ledger(), account)
    }

    /// As [`Ledger::set_spec`]: limits are no part of the journal.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn set_spec(&mut self, now: Instant, account: AccountId, spec: &'a BudgetSpec<'a>) -> Result<(), ChangeError> {
        self.state.gate.act(now);
        self.state.gate.limits.money.set_spec(now, account, spec)
    }
}
