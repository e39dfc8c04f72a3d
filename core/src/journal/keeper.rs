//! `Keeper`: a ledger that writes down before it grants.
//!
//! Here is what needs no flash; the verbs are in `verbs`. If a record cannot be written nothing is
//! granted.

use crate::hold::{AccountId, LedgerError, Line, Receipt};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::terms::{BudgetSpec, ChangeError};
use crate::time::{Duration, Instant};
use crate::wall::{Heard, Trust, UnixMicros};

use super::record::JobRecord;
use super::state::{Health, State};

/// A flash whose driver is asynchronous: `Keeper<Async<F>, ..>` has the same verbs as `async fn`.
///
/// A future that is dropped leaves nothing granted; what it had half written is skipped by the next call.
#[cfg(feature = "journal-async")]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Async<F>(pub F);

/// A [`Ledger`] in a flash `F`, with places for `J` jobs that are kept one by one.
///
/// **Never too little.** After a cut at any byte, what is counted as used is at least what was granted; a future in the
/// middle of a write, a second cut during recovery, and a torn slot included.
///
/// **Hardly too much.** For each cut and budget by at most its lease, less what was granted of it, and by the holds that
/// lived then; holds of kept jobs live on. Nothing with [`Keeping::Strict`](super::Keeping::Strict). A clean
/// [`shutdown`](Self::shutdown) is exact.
///
/// **Time.** Instants continue: this boot's start at [`base`](Self::base). Nothing ages while the power is off, and
/// calendar budgets are frozen until the date is known again.
///
/// **Damage.** Bits that rot are found by checksum. If a record is missing every budget is used up for one period, one
/// without periods until [`repair`](Self::repair). The last record of all is the exception: damaged later, it looks as if
/// it had been cut, and at most one lease is counted too little.
///
/// # Example
/// ```
/// use tollgate::journal::{Keeper, Keeping, Layout};
/// use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal};
/// use tollgate_std::testing::Flash;
/// static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(1_000), Renewal::Lifetime);
/// const LAYOUT: Layout = tollgate::valid!(Layout::new(0, 4096, 2));
/// let keeping = [Keeping::lease::<Credits>(Amount::whole(100))];
///
/// let mut flash = <Flash>::new(8192);
/// let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
/// let credits = ledger.open(Instant::ORIGIN, &CREDITS)?;
/// let mut keeper = Keeper::<_, 1, 4>::open(&mut flash, LAYOUT, ledger, &keeping)?;
///
/// // Twenty charges of three credits are one record.
/// for id in 1..=20 {
///     let _ = keeper.charge(keeper.base(), JobId(id), &[Line::new::<Credits>(credits, Amount::whole(3))])?;
/// }
/// assert_eq!(keeper.records(), 1);
/// drop(keeper); // the power goes
///
/// let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
/// ledger.open(Instant::ORIGIN, &CREDITS)?;
/// let keeper = Keeper::<_, 1, 4>::open(&mut flash, LAYOUT, ledger, &keeping)?;
/// let left = keeper.ledger().available::<Credits>(keeper.base(), credits)?;
/// assert_eq!(left, Amount::whole(900)); // 60 were used, and 100 count
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keeper<
    'a,
    F,
    const N: usize,
    const H: usize,
    const J: usize = 0,
    const L: usize = 2,
    const R: usize = 16,
    const S: usize = 0,
> {
    pub(super) flash: F,
    pub(super) state: State<'a, N, H, J, L, R, S>,
}

/// What needs no flash.
impl<'a, F, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
    Keeper<'a, F, N, H, J, L, R, S>
{
    /// The ledger, for its questions: `available`, `check`, `report`, `alerts`, `hold`.
    pub const fn ledger(&self) -> &Ledger<'a, N, H, L, R, S> {
        &self.state.ledger
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

    /// Whether a damage has closed this budget, and nothing has opened it since.
    pub fn is_closed(&self, account: AccountId) -> bool {
        self.state.books.is_closed(&self.state.ledger, account)
    }

    /// What is used of this budget at most, going by its last record; kept jobs not included. In millionths.
    pub fn high(&self, account: AccountId) -> Option<u64> {
        self.state.books.kept(account).map(|kept| kept.lease.high())
    }

    /// Records written since it was opened; what is copied from page to page is not counted.
    pub const fn records(&self) -> u32 {
        self.state.records
    }

    /// Pages erased and begun since it was opened.
    pub const fn turns(&self) -> u32 {
        self.state.log.turns()
    }

    /// The jobs that are sent and have not ended, as they were written down: after a reboot, ask the provider about them.
    pub fn jobs(&self) -> impl Iterator<Item = &JobRecord> + '_ {
        self.state.books.jobs.iter().filter(|job| job.written).map(|job| &job.record)
    }

    /// Until when this upstream is blocked, going by [`block`](Self::block).
    pub fn blocked(&self, who: u16) -> Option<Instant> {
        self.state.books.blocks.iter().find(|(known, _)| *known == who).map(|(_, until)| *until)
    }

    /// The flash, for what else it can do. Whoever writes to the journal's pages destroys it.
    pub const fn flash_mut(&mut self) -> &mut F {
        &mut self.flash
    }

    /// The flash back; the ledger is forgotten.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// As [`Ledger::set_wall`]: no record, because the first charge of a new period writes one.
    pub fn set_wall(&mut self, now: Instant, unix: UnixMicros, error: Duration, trust: Trust) -> Heard {
        self.state.ledger.set_wall(now, unix, error, trust)
    }

    /// As [`Ledger::set_spec`]: limits are no part of the journal.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn set_spec(&mut self, now: Instant, account: AccountId, spec: &'a BudgetSpec<'a>) -> Result<(), ChangeError> {
        self.state.ledger.set_spec(now, account, spec)
    }

    /// As [`Ledger::extend`].
    ///
    /// # Errors
    /// As there.
    pub fn extend(&mut self, now: Instant, id: JobId, by: Duration) -> Result<Instant, LedgerError> {
        self.state.ledger.extend(now, id, by)
    }

    /// As [`Ledger::reserve`], for a job that is not sent yet: nothing is written, and a reboot forgets it. Call
    /// [`sending`](Self::sending) before it is sent, or [`void`](Self::void).
    ///
    /// # Errors
    /// As [`Ledger::reserve`]; [`LedgerError::Full`] also if there is no place for another job, and
    /// [`LedgerError::TooManyLines`] above four.
    pub fn reserve_unsent(
        &mut self,
        now: Instant,
        id: JobId,
        lines: &[Line],
        ttl: Duration,
    ) -> Result<Receipt, LedgerError> {
        self.state.reserve_unsent(now, id, lines, ttl)
    }
}
