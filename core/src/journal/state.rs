//! What a keeper is without its flash: the ledger, the books, and the end of the log.
//!
//! Says before each change which record it needs first. The drivers in `keeper` write those; nothing here waits.

use crate::bounded::Bounded;
use crate::hold::{AccountId, HoldState, LedgerError, Line, OnExpiry, Receipt};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::report::Alert;
use crate::terms::Renewal;
use crate::time::{Duration, Instant};

use super::books::{Books, CLOSED, IDS, KeptJob, SHORT_BLOCK, config};
use super::fault::JournalFault;
use super::layout::{Geometry, Layout};
use super::lease::Keeping;
use super::log::{Log, Step};
use super::record::{JobPhase, JobRecord, Record};
use super::recovery::{Damage, Scan};

/// How long the hold of a kept job lives after a reboot, if nobody extends it. Then it is posted, not released.
const JOB_LEASE: Duration = Duration::from_hours(1);

/// In what state the journal was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Health {
    /// The flash was blank: a new journal.
    New,
    /// Nothing was cut.
    Clean,
    /// Writes were cut by a loss of power and skipped; nothing that was granted was in them.
    Torn {
        /// How many slots, on the newest page.
        slots: u16,
    },
    /// Records are lost. Every budget is used up: until its next period, or until its owner repairs it.
    Damaged(Damage),
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
        let accounts = ledger.accounts.len();
        if keeping.len() != accounts {
            let few = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
            return Err(JournalFault::Keeping { given: few(keeping.len()), accounts: few(accounts) });
        }
        // Header, mark, and the largest record on top of a snapshot.
        if Books::<N, J>::most_slots(accounts).saturating_add(2 + 4) > usize::from(layout.slots()) {
            return Err(JournalFault::PageTooSmall { slots: layout.slots() });
        }
        let log = Log::blank(layout, config(&ledger));
        Ok(Self { books: Books::new(keeping), log, ledger, health: Health::New, records: 0 })
    }

    pub(crate) fn scan(&self) -> Scan {
        self.log.scan()
    }

    pub(crate) fn replay(&mut self, scan: &mut Scan) -> Result<(), JournalFault> {
        match scan.take() {
            Some(record) => self.books.replay(&mut self.ledger, &record),
            None => Ok(()),
        }
    }

    /// Everything is read. If the flash is blank, it says whether the first page has to be erased.
    pub(crate) fn opened(&mut self, scan: &Scan) -> Option<bool> {
        let blank = match scan.log() {
            Ok(log) => {
                self.log = log;
                self.health = match (scan.damage(), scan.torn()) {
                    (Some(damage), _) => Health::Damaged(damage),
                    (None, 0) => Health::Clean,
                    (None, slots) => Health::Torn { slots },
                };
                None
            }
            Err(erase) => Some(erase),
        };
        let damaged = matches!(self.health, Health::Damaged(_));
        self.books.finish(&mut self.ledger, damaged, JOB_LEASE);
        blank
    }

    /// The next step of the log; a record it asks for is handed over here.
    pub(crate) fn step(&mut self) -> Result<Step, JournalFault> {
        loop {
            match self.log.next()? {
                Step::Ask(at) => {
                    let record = self.books.record(&self.ledger, at);
                    self.log.give(record);
                }
                step => return Ok(step),
            }
        }
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
        let budgets = self.ledger.indices().find_map(|at| self.books.tidy(&self.ledger, at, true));
        let ids = (self.books.next_id < self.books.ids_high).then_some(Record::Ids { high: self.books.next_id });
        let clock = self.ledger.effective(now).max(self.books.base);
        let late = (clock > self.books.base)
            .then(|| Record::Clock { base: clock, floor: self.books.floor_at(&self.ledger, clock) });
        budgets.or(ids).or(late)
    }

    pub(crate) fn before_id(&self) -> Option<Record> {
        let high = self.books.next_id.saturating_add(IDS);
        (self.books.next_id >= self.books.ids_high).then_some(Record::Ids { high })
    }

    pub(crate) fn take_id(&mut self) -> JobId {
        let id = self.books.next_id;
        self.books.next_id = id.saturating_add(1);
        JobId(id)
    }

    pub(crate) fn before_tick(&self, now: Instant) -> Option<Record> {
        let base = self.ledger.effective(now).max(self.books.base);
        let due = now >= self.books.clock_due;
        due.then(|| Record::Clock { base, floor: self.books.floor_at(&self.ledger, base) })
    }

    pub(crate) fn before_block(&self, now: Instant, who: u16, until: Instant) -> Option<Record> {
        let known = self.books.blocks.contains(&(who, until));
        let long = until.saturating_since(self.ledger.effective(now)) > SHORT_BLOCK;
        (long && !known).then_some(Record::Block { who, until })
    }

    pub(crate) fn before_acknowledge(&self, alert: Alert) -> Option<Record> {
        let budget = self.ledger.accounts.get(usize::from(alert.account.0))?.budget;
        let bit = 1u8.checked_shl(u32::from(alert.threshold)).unwrap_or(0);
        let pending = budget.pending & !bit;
        (pending != budget.pending).then_some(Record::Alert { account: alert.account, armed: budget.armed, pending })
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
        Some(JobRecord { id, tag, weight, phase, amounts })
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

    // --- damage ---

    /// Whether a damage has closed this budget and nothing has opened it since.
    pub(crate) fn is_closed(&self, at: AccountId) -> bool {
        let account = self.ledger.accounts.get(usize::from(at.0));
        self.books.kept(at).zip(account).is_some_and(|(kept, account)| {
            let same = !account.spec.renewal.is_dated() || kept.period == account.budget.period;
            kept.flags & CLOSED != 0 && same
        })
    }

    /// What the owner says is used: as a record, and then as the state of the budget.
    pub(crate) fn repaired(&mut self, now: Instant, at: AccountId, micros: u64) -> Result<Record, LedgerError> {
        self.ledger.act(now);
        let mut after = self.clone_budget(at)?;
        (after.posted, after.debt, after.undated) = (micros, 0, 0);
        after.set(crate::budget::OVER, false);
        self.books.repaired(&self.ledger, at, &after).ok_or(LedgerError::UnknownBudget { line: 0 })
    }

    fn clone_budget(&self, at: AccountId) -> Result<crate::budget::Budget, LedgerError> {
        let account = self.ledger.accounts.get(usize::from(at.0));
        account.map(|account| account.budget).ok_or(LedgerError::UnknownBudget { line: 0 })
    }

    pub(crate) fn repair(&mut self, at: AccountId, micros: u64) {
        let Some(account) = self.ledger.accounts.get(usize::from(at.0)) else { return };
        if let Renewal::Rolling(rolling) = account.spec.renewal {
            let running = account.budget.period;
            for age in 0..=i32::from(rolling.slices()) {
                self.ledger.take_back(at, running.wrapping_sub(age), u64::MAX);
            }
            self.ledger.put(at, running, micros);
            return self.ledger.alert(at);
        }
        self.ledger.change(at, |budget| {
            (budget.posted, budget.debt, budget.undated) = (micros, 0, 0);
            budget.set(crate::budget::OVER, false);
        });
    }
}
