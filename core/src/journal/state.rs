//! What a keeper is without its flash: the ledger, the books, and the end of the log.
//!
//! Says before each change which record it needs first. The drivers in `keeper` write those; nothing here waits.

use crate::bounded::Bounded;
use crate::hold::{HoldState, LedgerError, Line, OnExpiry, Receipt};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::time::{Duration, Instant};

use super::books::{Books, KeptJob, config};
use super::fault::JournalFault;
use super::layout::{Geometry, Layout};
use super::lease::Keeping;
use super::log::Log;
use super::record::{JobPhase, JobRecord, Record};
use super::recovery::{Damage, Scan};

/// How long the hold of a kept job lives after a reboot, if nobody extends it. Then it is posted, not released.
const JOB_LEASE: Duration = Duration::from_hours(1);

/// In what state the journal was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Health {
    /// The flash was blank, or its first record was cut: a new journal.
    New,
    /// Nothing was cut.
    Clean,
    /// Writes were cut by a loss of power and skipped; nothing that was granted was in them.
    Torn {
        /// How many slots, on the newest page.
        slots: u16,
    },
    /// Records are lost. Every budget is used up: until its next period, or until its owner repairs it. One limiter by itself
    /// is used up only if its newest record is among them.
    Damaged(Damage),
}

impl Health {
    pub(crate) const fn is_damaged(self) -> bool {
        matches!(self, Self::Damaged(_))
    }
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct State<
    'a,
    const N: usize,
    const H: usize,
    const J: usize,
    const L: usize,
    const R: usize,
    const S: usize,
> {
    pub(crate) ledger: Ledger<'a, N, H, L, R, S>,
    pub(crate) books: Books<N, J>,
    pub(crate) log: Log,
    pub(crate) health: Health,
    /// Records written since it was opened, copies not counted.
    pub(crate) records: u32,
}

impl<'a, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
    State<'a, N, H, J, L, R, S>
{
    pub(crate) fn new(
        ledger: Ledger<'a, N, H, L, R, S>,
        layout: Layout,
        keeping: &[Keeping],
        flash: Geometry,
    ) -> Result<Self, JournalFault> {
        layout.suits(flash).map_err(JournalFault::Layout)?;
        let books = Books::open(ledger.accounts.len(), keeping, &layout, J)?;
        let log = Log::blank(layout, config(&ledger));
        Ok(Self { books, log, ledger, health: Health::New, records: 0 })
    }

    /// Everything is read. If the flash is blank, it says whether the first page has to be erased.
    pub(crate) fn opened(&mut self, scan: &Scan) -> Option<bool> {
        let blank = match scan.log() {
            Ok(log) => {
                (self.log, self.health) = (log, scan.health());
                None
            }
            Err(erase) => Some(erase),
        };
        self.books.finish(&mut self.ledger, self.health.is_damaged(), JOB_LEASE);
        blank
    }

    pub(crate) fn wrote(&mut self, record: &Record) {
        self.records = self.records.saturating_add(1);
        self.books.wrote(&self.ledger, record);
    }

    // --- what is needed before a change ---

    /// Before these amounts are taken under this id: nothing if they will be refused, or have been taken before.
    pub(crate) fn before_take(&self, now: Instant, id: JobId, lines: &[Line], holds: bool) -> Option<Record> {
        let eff = self.ledger.effective(now);
        let new = self.ledger.look(id, eff).is_none() && self.ledger.fresh(id).is_ok();
        let fits = new && self.ledger.check(now, lines).is_ok() && (!holds || self.ledger.has_place(eff));
        if !fits {
            return None;
        }
        lines.iter().find_map(|line| self.books.need(&self.ledger, line.account, eff, line.micros))
    }

    /// Before this id is settled: nothing if that will be refused, or has been done before.
    pub(crate) fn before_settle(&self, now: Instant, id: JobId, actual: &[Line], forced: bool) -> Option<Record> {
        let (ledger, eff) = (&self.ledger, self.ledger.effective(now));
        let hold = ledger.look(id, eff);
        match &hold {
            Some(hold) if matches!(hold.state, HoldState::Live | HoldState::Expired) => {
                ledger.matches(hold, actual).ok()?;
                ledger.affords(hold, actual, eff, forced).ok()?;
            }
            None if forced && ledger.fresh(id).is_ok() => ledger.resolve(actual).ok()?,
            _ => return None,
        }
        if hold.is_some() && self.books.job(id).is_some_and(|job| job.written) {
            let period = actual.iter().find_map(|line| self.books.need(ledger, line.account, eff, 0));
            return period.or_else(|| self.books.last_record(ledger, id, Some(actual), eff));
        }
        actual.iter().find_map(|line| {
            let more = Books::<N, J>::excess(ledger, hold.as_ref(), line, eff, forced);
            if more > 0 { self.books.need(ledger, line.account, eff, more) } else { None }
        })
    }

    /// Before a kept job's amounts are given back.
    pub(crate) fn before_void(&self, now: Instant, id: JobId) -> Option<Record> {
        let eff = self.ledger.effective(now);
        let hold = self.ledger.look(id, eff)?;
        let open = matches!(hold.state, HoldState::Live | HoldState::Expired);
        if open { self.books.last_record(&self.ledger, id, None, eff) } else { None }
    }

    /// Less is used than was, or what has no lease has changed.
    pub(crate) fn untidy(&self) -> Option<Record> {
        self.ledger.indices().find_map(|at| self.books.tidy(&self.ledger, at, false))
    }

    /// Before the power is taken away on purpose.
    pub(crate) fn before_shutdown(&self, now: Instant) -> Option<Record> {
        self.books.before_shutdown(&self.ledger, now)
    }

    pub(crate) fn before_tick(&self, now: Instant) -> Option<Record> {
        self.books.before_tick(&self.ledger, now)
    }

    pub(crate) fn before_block(&self, now: Instant, who: u16, until: Instant) -> Option<Record> {
        self.books.before_block(self.ledger.effective(now), who, until)
    }

    // --- jobs ---

    /// Sets amounts aside for a job that is not sent yet: no record.
    pub(crate) fn reserve_unsent(
        &mut self,
        now: Instant,
        id: JobId,
        lines: &[Line],
        ttl: Duration,
    ) -> Result<Receipt, LedgerError> {
        if lines.len() > 4 {
            return Err(LedgerError::TooManyLines);
        }
        let (ledger, eff) = (&self.ledger, self.ledger.effective(now));
        let live = |id| ledger.hold(id).is_some_and(|hold| hold.state == HoldState::Live && !ledger.is_over(hold, eff));
        self.books.jobs.keep(|job| job.written || live(job.record.id));
        let new = self.books.job(id).is_none();
        if new && self.books.jobs.is_full() {
            return Err(LedgerError::Full);
        }
        let receipt = self.ledger.reserve(now, id, lines, ttl)?;
        if new && receipt.state == HoldState::Live && !receipt.replayed {
            let record = self.record_of(id, 0, 0, JobPhase::Sent);
            if let Some(record) = record {
                // There is a place: it was checked.
                let _ = self.books.jobs.put(KeptJob { record, written: false });
            }
        }
        Ok(receipt)
    }

    fn record_of(&self, id: JobId, tag: u64, weight: u16, phase: JobPhase) -> Option<JobRecord> {
        let hold = self.ledger.hold(id)?;
        let amounts = Bounded::of(hold.lines.iter().take(4).map(|line| (line.account, line.reserved)));
        let (minutes, undated, counted, previous, partial) = (0, false, false, 0, 0);
        Some(JobRecord { id, tag, weight, phase, minutes, undated, counted, previous, partial, amounts })
    }

    /// The record of a job that is about to be sent.
    pub(crate) fn sending(&self, now: Instant, id: JobId, weight: u16, tag: u64) -> Result<Record, LedgerError> {
        let hold = self.ledger.look(id, self.ledger.effective(now)).ok_or(self.ledger.missing(id))?;
        match hold.state {
            HoldState::Live if hold.lines.len() > 4 => return Err(LedgerError::TooManyLines),
            HoldState::Live => {}
            HoldState::Posted | HoldState::PostedLate => return Err(LedgerError::AlreadyPosted),
            HoldState::Voided => return Err(LedgerError::AlreadyVoided),
            HoldState::Expired => return Err(LedgerError::Expired),
            HoldState::Denied(_) => return Err(LedgerError::NotFound),
        }
        if self.books.job(id).is_none() && self.books.jobs.is_full() {
            return Err(LedgerError::Full);
        }
        self.record_of(id, tag, weight, JobPhase::Sent).map(Record::Job).ok_or(LedgerError::NotFound)
    }

    /// What is sent is posted, not released, if nobody ever hears of it again.
    pub(crate) fn sent(&mut self, now: Instant, id: JobId) -> Result<(), LedgerError> {
        self.ledger.on_expiry(now, id, OnExpiry::Post)
    }

    /// The record of a job that the provider has accepted under this tag.
    pub(crate) fn accepted(&self, id: JobId, tag: u64) -> Result<Record, LedgerError> {
        let job = self.books.job(id).filter(|job| job.written).ok_or(self.ledger.missing(id))?;
        Ok(Record::Job(JobRecord { tag, phase: JobPhase::Running, ..job.record.clone() }))
    }

    /// Gives a hold back, that of a kept job also after its time was up.
    pub(crate) fn void(&mut self, now: Instant, id: JobId, was_kept: bool) -> Result<Receipt, LedgerError> {
        self.books.jobs.keep(|job| job.written || job.record.id != id);
        match self.ledger.look(id, self.ledger.effective(now)) {
            Some(hold) if was_kept && hold.state == HoldState::Expired => {
                let unit = |at| self.ledger.unit(at).unwrap_or(0);
                let zero = |account| Line { account, unit: unit(account), micros: 0 };
                let lines: heapless::Vec<Line, L> = Bounded::of(hold.lines.iter().map(|line| zero(line.account)));
                self.ledger.absorb(now, id, &lines)
            }
            _ => self.ledger.void(now, id),
        }
    }
}
