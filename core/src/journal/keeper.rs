//! `Keeper`: a ledger that writes down before it grants.
//!
//! The verbs of the [`Ledger`](crate::Ledger), each after the record it needs. If that cannot be written nothing is
//! granted. One body of verbs for drivers that block and for those that are asynchronous.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

use crate::amount::Amount;
use crate::hold::{AccountId, LedgerError, Line, Receipt};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::report::{Alert, Observed, Raise};
use crate::terms::{BudgetSpec, ChangeError};
use crate::time::{Duration, Instant};
use crate::unit::Unit;
use crate::wall::{Heard, Trust, UnixMicros};

use super::fault::{JournalError, KeepError};
use super::layout::{Geometry, Layout};
use super::lease::Keeping;
use super::log::Step;
use super::record::{JobRecord, Record};
use super::recovery::{Look, Scan};
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
/// lived then; holds of kept jobs live on. Nothing with [`Keeping::Strict`]. A clean [`shutdown`](Self::shutdown) is exact.
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
    flash: F,
    state: State<'a, N, H, J, L, R, S>,
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
        self.state.is_closed(account)
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

impl<F: NorFlash, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
    Keeper<'_, F, N, H, J, L, R, S>
{
    fn drive(&mut self, record: Option<Record>) -> Result<(), JournalError<F::Error>> {
        self.state.log.begin(record);
        loop {
            let done = match self.state.step()? {
                Step::Read(at) => self.flash.read(at, &mut self.state.log.buf),
                Step::Write(at) => self.flash.write(at, &self.state.log.buf),
                Step::Erase(from, to) => self.flash.erase(from, to),
                Step::Ask(_) => Ok(()),
                Step::Done => return Ok(()),
            };
            if let Err(error) = done {
                self.state.log.abandon();
                return Err(JournalError::Flash(error));
            }
        }
    }

    fn scan(&mut self, scan: &mut Scan) -> Result<(), JournalError<F::Error>> {
        loop {
            let done = match scan.next()? {
                Look::Read(at) => self.flash.read(at, &mut scan.buf),
                Look::Write(at) => self.flash.write(at, &scan.buf),
                Look::Replay => {
                    self.state.replay(scan)?;
                    Ok(())
                }
                Look::Done => return Ok(()),
            };
            done.map_err(JournalError::Flash)?;
        }
    }

    fn start(&mut self, pages: impl Iterator<Item = u16>, scan: &Scan) -> Result<(), JournalError<F::Error>> {
        for page in pages {
            let (from, to) = scan.layout().range(page);
            self.flash.erase(from, to).map_err(JournalError::Flash)?;
        }
        self.flash.write(scan.layout().start(), &scan.first_header()).map_err(JournalError::Flash)
    }
}

#[cfg(feature = "journal-async")]
use embedded_storage_async::nor_flash::{NorFlash as AsyncNorFlash, ReadNorFlash as AsyncReadNorFlash};

#[cfg(feature = "journal-async")]
impl<F: AsyncNorFlash, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
    Keeper<'_, Async<F>, N, H, J, L, R, S>
{
    async fn drive(&mut self, record: Option<Record>) -> Result<(), JournalError<F::Error>> {
        self.state.log.begin(record);
        loop {
            let done = match self.state.step()? {
                Step::Read(at) => self.flash.0.read(at, &mut self.state.log.buf).await,
                Step::Write(at) => self.flash.0.write(at, &self.state.log.buf).await,
                Step::Erase(from, to) => self.flash.0.erase(from, to).await,
                Step::Ask(_) => Ok(()),
                Step::Done => return Ok(()),
            };
            if let Err(error) = done {
                self.state.log.abandon();
                return Err(JournalError::Flash(error));
            }
        }
    }

    async fn scan(&mut self, scan: &mut Scan) -> Result<(), JournalError<F::Error>> {
        loop {
            let done = match scan.next()? {
                Look::Read(at) => self.flash.0.read(at, &mut scan.buf).await,
                Look::Write(at) => self.flash.0.write(at, &scan.buf).await,
                Look::Replay => {
                    self.state.replay(scan)?;
                    Ok(())
                }
                Look::Done => return Ok(()),
            };
            done.map_err(JournalError::Flash)?;
        }
    }

    async fn start(&mut self, pages: impl Iterator<Item = u16>, scan: &Scan) -> Result<(), JournalError<F::Error>> {
        for page in pages {
            let (from, to) = scan.layout().range(page);
            self.flash.0.erase(from, to).await.map_err(JournalError::Flash)?;
        }
        self.flash.0.write(scan.layout().start(), &scan.first_header()).await.map_err(JournalError::Flash)
    }
}

/// The verbs, once for each kind of driver: `[async]` and `[.await]` are all that differs.
macro_rules! verbs {
    ($Flash:ty, $Bound:path, $Read:path, $open:ident, $format:ident, [$($async:tt)?], [$($wait:tt)*]) => {
        impl<'a, F: $Bound, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
            Keeper<'a, $Flash, N, H, J, L, R, S>
        {
            /// Opens the journal in this part of a flash, or begins a new one if it is blank.
            ///
            /// The accounts of the ledger must be open, in their order, and untouched; `keeping` says for each how it is
            /// kept. What was used before the reboot is used in them afterwards.
            ///
            /// # Errors
            /// [`JournalError`]: the flash failed, is not erased and not a journal, or is that of another version,
            /// layout or configuration. Nothing has changed then. A journal with damages is opened: see
            /// [`health`](Self::health).
            pub $($async)? fn $open(
                flash: $Flash,
                layout: Layout,
                ledger: Ledger<'a, N, H, L, R, S>,
                keeping: &[Keeping],
            ) -> Result<Self, JournalError<F::Error>> {
                let state = State::new(ledger, layout, keeping, Self::geometry(&flash))?;
                let mut scan = state.scan();
                let mut keeper = Self { flash, state };
                keeper.scan(&mut scan)$($wait)*?;
                if let Some(erase) = keeper.state.opened(&scan) {
                    keeper.start(0..u16::from(erase), &scan)$($wait)*?;
                }
                if matches!(keeper.state.health, Health::Damaged(_)) {
                    // Closed also after the next reboot.
                    keeper.drive(None)$($wait)*?;
                }
                Ok(keeper)
            }

            /// Erases this part of a flash, whatever is in it, and begins a new journal: the owner's word that nothing in
            /// it counts.
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn $format(
                flash: $Flash,
                layout: Layout,
                ledger: Ledger<'a, N, H, L, R, S>,
                keeping: &[Keeping],
            ) -> Result<Self, JournalError<F::Error>> {
                let state = State::new(ledger, layout, keeping, Self::geometry(&flash))?;
                let mut keeper = Self { flash, state };
                let scan = keeper.state.scan();
                keeper.start(0..layout.pages(), &scan)$($wait)*?;
                let _ = keeper.state.opened(&scan);
                Ok(keeper)
            }

            fn geometry(flash: &$Flash) -> Geometry {
                Geometry {
                    read: <F as $Read>::READ_SIZE,
                    write: <F as $Bound>::WRITE_SIZE,
                    erase: <F as $Bound>::ERASE_SIZE,
                    capacity: Self::capacity(flash),
                }
            }

            $($async)? fn put(&mut self, record: Record) -> Result<(), JournalError<F::Error>> {
                self.drive(Some(record.clone()))$($wait)*?;
                self.state.wrote(&record);
                Ok(())
            }

            /// What can wait: until it is written a reboot counts too much, and the next call tries again.
            $($async)? fn tidy(&mut self) {
                for _ in 0..2 * N {
                    let Some(record) = self.state.untidy() else { break };
                    if self.put(record)$($wait)*.is_err() {
                        break;
                    }
                }
            }

            /// As [`Ledger::charge`], after a record if it is not inside the lease.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: the record could not be written.
            pub $($async)? fn charge(
                &mut self,
                now: Instant,
                id: JobId,
                lines: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N {
                    let Some(record) = self.state.before_take(now, id, lines, false) else { break };
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.ledger.charge(now, id, lines)?)
            }

            /// As [`Ledger::reserve`], after a record if it is not inside the lease. A reboot takes it for used; for jobs
            /// that live longer, see [`reserve_unsent`](Self::reserve_unsent).
            ///
            /// # Errors
            /// As [`charge`](Self::charge); [`LedgerError::Full`].
            pub $($async)? fn reserve(
                &mut self,
                now: Instant,
                id: JobId,
                lines: &[Line],
                ttl: Duration,
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N {
                    let Some(record) = self.state.before_take(now, id, lines, true) else { break };
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.ledger.reserve(now, id, lines, ttl)?)
            }

            /// The job is about to be sent: from here on it is kept. A reboot restores its hold, which is posted and not
            /// released if nobody ever hears of it again.
            ///
            /// `tag` is the provider's name for it or 0, `weight` what it weighs in a limit of concurrency; both are only
            /// kept. Called again, for another attempt, it is written again.
            ///
            /// # Errors
            /// [`LedgerError::NotFound`], [`LedgerError::Expired`] and the like: it holds nothing;
            /// [`LedgerError::Full`]: no place for another job; [`LedgerError::TooManyLines`] above four;
            /// [`KeepError::Journal`]: do not send it.
            pub $($async)? fn sending(
                &mut self,
                now: Instant,
                id: JobId,
                weight: u16,
                tag: u64,
            ) -> Result<(), KeepError<F::Error>> {
                let record = self.state.sending(now, id, weight, tag)?;
                self.put(record)$($wait)*?;
                Ok(self.state.sent(now, id)?)
            }

            /// The provider has accepted a kept job, under this tag.
            ///
            /// # Errors
            /// [`LedgerError::NotFound`]: it is not kept; [`KeepError::Journal`].
            pub $($async)? fn accepted(&mut self, id: JobId, tag: u64) -> Result<(), KeepError<F::Error>> {
                let record = self.state.accepted(id, tag)?;
                Ok(self.put(record)$($wait)*?)
            }

            /// As [`Ledger::settle`]: what it takes above its hold, or at the end of a kept job all of it, is written
            /// first.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: not settled.
            pub $($async)? fn settle(
                &mut self,
                now: Instant,
                id: JobId,
                actual: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N + 1 {
                    let Some(record) = self.state.before_settle(now, id, actual, false) else { break };
                    self.put(record)$($wait)*?;
                }
                let receipt = self.state.ledger.settle(now, id, actual);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::absorb`]: settled whatever it was.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: not settled.
            pub $($async)? fn absorb(
                &mut self,
                now: Instant,
                id: JobId,
                actual: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N + 1 {
                    let Some(record) = self.state.before_settle(now, id, actual, true) else { break };
                    self.put(record)$($wait)*?;
                }
                let receipt = self.state.ledger.absorb(now, id, actual);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::void`]; a kept job ends with a record, and is given back also after its time was up.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: not released.
            pub $($async)? fn void(&mut self, now: Instant, id: JobId) -> Result<Receipt, KeepError<F::Error>> {
                let record = self.state.before_void(now, id);
                let was_kept = record.is_some();
                if let Some(record) = record {
                    self.put(record)$($wait)*?;
                }
                let receipt = self.state.void(now, id, was_kept);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::refund`].
            ///
            /// # Errors
            /// As there.
            pub $($async)? fn refund(
                &mut self,
                now: Instant,
                id: JobId,
                lines: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                let receipt = self.state.ledger.refund(now, id, lines);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::observe`]; what others have spent is written afterwards.
            ///
            /// # Errors
            /// As there.
            pub $($async)? fn observe<U: Unit>(
                &mut self,
                now: Instant,
                account: AccountId,
                balance: Amount<U>,
                raise: Raise,
            ) -> Result<Observed, KeepError<F::Error>> {
                let observed = self.state.ledger.observe(now, account, balance, raise);
                self.tidy()$($wait)*;
                Ok(observed?)
            }

            /// As [`Ledger::write_off`].
            ///
            /// # Errors
            /// As there.
            pub $($async)? fn write_off<U: Unit>(
                &mut self,
                account: AccountId,
            ) -> Result<Amount<U>, KeepError<F::Error>> {
                let unaccounted = self.state.ledger.write_off::<U>(account);
                self.tidy()$($wait)*;
                Ok(unaccounted?)
            }

            /// As [`Ledger::acknowledge`], after a record: an alert is never lost, and repeated at most once.
            ///
            /// # Errors
            /// [`JournalError`]: it is still pending.
            pub $($async)? fn acknowledge(&mut self, alert: Alert) -> Result<bool, JournalError<F::Error>> {
                if let Some(record) = self.state.before_acknowledge(alert) {
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.ledger.acknowledge(alert))
            }

            /// A fresh id, never given out before, across reboots as well: one record for every 64.
            ///
            /// After a reboot an older one that is not remembered is [`LedgerError::Absorbed`].
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn next_id(&mut self) -> Result<JobId, JournalError<F::Error>> {
                if let Some(record) = self.state.before_id() {
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.take_id())
            }

            /// Writes down what time it is: on the first call after a boot, and then every hour. An hour that is not
            /// written down is one that has not passed after a reboot.
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn tick(&mut self, now: Instant) -> Result<(), JournalError<F::Error>> {
                if let Some(record) = self.state.before_tick(now) {
                    self.put(record)$($wait)*?;
                }
                Ok(())
            }

            /// This upstream, by your numbering, is blocked until then: written if that is more than 60 s away. At most
            /// four are remembered, those that end last.
            ///
            /// # Errors
            /// [`JournalError`]: it is remembered until the next reboot.
            pub $($async)? fn block(
                &mut self,
                now: Instant,
                who: u16,
                until: Instant,
            ) -> Result<(), JournalError<F::Error>> {
                let record = self.state.before_block(now, who, until);
                self.state.books.block(who, until);
                if let Some(record) = record {
                    self.put(record)$($wait)*?;
                }
                Ok(())
            }

            /// The owner's word that so much of a budget is used: opens one that a damage has closed.
            ///
            /// # Errors
            /// [`LedgerError::UnknownBudget`] or [`LedgerError::UnitMismatch`], of line 0; [`KeepError::Journal`].
            pub $($async)? fn repair<U: Unit>(
                &mut self,
                now: Instant,
                account: AccountId,
                used: Amount<U>,
            ) -> Result<(), KeepError<F::Error>> {
                self.state.ledger.resolve(&[Line::new::<U>(account, used)])?;
                let record = self.state.repaired(now, account, used.as_micros())?;
                self.put(record)$($wait)*?;
                self.state.repair(account, used.as_micros());
                Ok(())
            }

            /// Writes everything exactly as it is, before the power is taken away on purpose: nothing is counted too much
            /// afterwards. It may be used on.
            ///
            /// # Errors
            /// [`JournalError`]: a reboot counts up to a lease too much.
            pub $($async)? fn shutdown(&mut self, now: Instant) -> Result<(), JournalError<F::Error>> {
                self.state.ledger.act(now);
                for _ in 0..N + 2 {
                    let Some(record) = self.state.before_shutdown(now) else { break };
                    self.put(record)$($wait)*?;
                }
                // The ids above are free again.
                Ok(())
            }
        }
    };
}

verbs!(F, NorFlash, ReadNorFlash, open, format, [], []);
#[cfg(feature = "journal-async")]
verbs!(Async<F>, AsyncNorFlash, AsyncReadNorFlash, open_async, format_async, [async], [.await]);

impl<F: ReadNorFlash, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
    Keeper<'_, F, N, H, J, L, R, S>
{
    fn capacity(flash: &F) -> usize {
        flash.capacity()
    }
}

#[cfg(feature = "journal-async")]
impl<F, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
    Keeper<'_, Async<F>, N, H, J, L, R, S>
where
    F: AsyncReadNorFlash,
{
    fn capacity(flash: &Async<F>) -> usize {
        flash.0.capacity()
    }
}
