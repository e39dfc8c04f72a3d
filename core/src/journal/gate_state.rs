//! What a keeper of a gate is without its flash: the gate, the books of its accounts, and what is written of each job.
//!
//! ```text
//! pending ──> a record ──> written ──> wrote ──> pending ──> ... ──> nothing: the journal says what the gate says
//! ```
//! Only two things are written before they happen: that a job is sent, and what it cost in the end. All else only gives
//! back or slows down, and may follow; nothing is sent until it has.

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::budget::{Home, UNDATED};
use crate::gate::{
    Adapt, AnyLimits, Fuse, Gate, GateError, HeldAmount, Job, JobState, Limits, Part, Permit, Requests, Restrain,
    lease_left,
};
use crate::hold::{AccountId, Line};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::time::Instant;

use super::books::{Books, config};
use super::fault::{GateKeepError, JournalError, JournalFault};
use super::layout::{Geometry, Layout};
use super::lease::Keeping;
use super::log::Log;
use super::record::{JobPhase, JobRecord, Record};
use super::state::Health;

/// The number of the gate's block among those of the journal.
pub(crate) const WHO: u16 = 0;

/// What was written last of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Written {
    /// Its first record may be there, or not.
    Perhaps,
    /// What was is no longer all there is to say.
    Stale,
    As(JobPhase),
}

pub(crate) struct GateState<L: AnyLimits, const N: usize, const JOBS: usize, const CALLS: usize> {
    pub(crate) gate: Gate<L, JOBS, CALLS>,
    pub(crate) books: Books<N, 0>,
    pub(crate) health: Health,
    /// Records written since it was opened, copies not counted.
    pub(crate) records: u32,
    pub(crate) written: Vec<(JobId, Written), JOBS>,
}

/// The limits of a gate whose accounts are kept.
pub(crate) type Kept<'a, Q, W, B, R, A, const N: usize, const L: usize, const S: usize> =
    Limits<Q, W, Ledger<'a, N, 0, L, 0, S>, B, R, A>;

impl<
    'a,
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
> GateState<Kept<'a, Q, W, B, R, A, N, L, S>, N, JOBS, CALLS>
{
    pub(crate) fn new(
        gate: Gate<Kept<'a, Q, W, B, R, A, N, L, S>, JOBS, CALLS>,
        layout: Layout,
        keeping: &[Keeping],
        flash: Geometry,
    ) -> Result<(Self, Log), JournalFault> {
        const { assert!(L <= 4, "a record has room for four amounts of a job") }
        layout.suits(flash).map_err(JournalFault::Layout)?;
        let books = Books::open(gate.limits.money.accounts.len(), keeping, &layout, JOBS)?;
        let log = Log::blank(layout, config(&gate.limits.money));
        Ok((Self { gate, books, health: Health::New, records: 0, written: Vec::new() }, log))
    }

    pub(crate) const fn ledger(&self) -> &Ledger<'a, N, 0, L, 0, S> {
        &self.gate.limits.money
    }

    // --- what is written ---

    pub(crate) fn record(&self, at: u16) -> Option<Record> {
        if let Some(record) = self.books.record(self.ledger(), at) {
            return Some(record);
        }
        let fixed = u16::try_from(self.books.kept.len().saturating_add(2).saturating_add(self.books.blocks.len()));
        let at = usize::from(at.saturating_sub(fixed.unwrap_or(u16::MAX)));
        let known =
            |job: &&Job<_>| self.written.iter().any(|(id, written)| *id == job.id && *written != Written::Perhaps);
        let job = self.gate.sent_jobs().filter(known).nth(at)?;
        let phase = phase_of(job.state)?;
        Some(Record::Job(JobRecord { counted: true, ..self.record_of(job, phase) }))
    }

    fn record_of(&self, job: &Job<[HeldAmount; L]>, phase: JobPhase) -> JobRecord {
        let held = || job.amounts.iter().filter(|amount| amount.is_some());
        JobRecord {
            id: job.id,
            tag: job.tag,
            weight: u16::try_from(job.weight).unwrap_or(u16::MAX),
            phase,
            minutes: minutes(job.ends, self.gate.last()),
            undated: held().any(|amount| amount.tag == UNDATED),
            counted: false,
            previous: bits(held(), |amount| self.is_previous(amount)),
            partial: bits(held(), |amount| amount.partial),
            amounts: Vec::of(held().map(|amount| (amount.account, amount.micros))),
        }
    }

    /// Whether an amount belongs to a period that is over.
    fn is_previous(&self, amount: &HeldAmount) -> bool {
        let account = self.ledger().accounts.get(usize::from(amount.account.0));
        account
            .is_some_and(|account| account.spec.renewal.is_dated() && account.budget.home(amount.tag) == Home::Previous)
    }

    /// The record that is to be written next for what has happened already.
    pub(crate) fn pending(&self) -> Option<Record> {
        self.changed_job().or_else(|| {
            let ledger = self.ledger();
            let account = ledger.indices().find_map(|at| self.books.overtaken(ledger, at));
            account.or_else(|| self.gone_job()).or_else(|| self.pending_block())
        })
    }

    fn pending_block(&self) -> Option<Record> {
        self.books.before_block(self.gate.last(), WHO, self.gate.closed_until())
    }

    fn changed_job(&self) -> Option<Record> {
        self.gate.sent_jobs().find_map(|job| {
            let phase = phase_of(job.state)?;
            let written = self.written(job.id).unwrap_or(Written::Stale);
            (written != Written::As(phase)).then(|| Record::Job(self.record_of(job, phase)))
        })
    }

    /// A job of which there is a record, and no longer anything else.
    fn gone_job(&self) -> Option<Record> {
        let (id, _) = self.written.iter().find(|(id, written)| self.is_gone(*id) && !is_over(*written))?;
        let (phase, amounts) = (JobPhase::Freed, Vec::new());
        let (id, tag, weight, minutes, undated, counted, previous, partial) = (*id, 0, 0, 0, false, false, 0, 0);
        Some(Record::Job(JobRecord { id, tag, weight, phase, minutes, undated, counted, previous, partial, amounts }))
    }

    fn is_gone(&self, id: JobId) -> bool {
        self.gate.entry(id).is_none_or(|job| job.state == JobState::Asked)
    }

    fn written(&self, id: JobId) -> Option<Written> {
        self.written.iter().find(|(known, _)| *known == id).map(|(_, written)| *written)
    }

    fn write_down(&mut self, id: JobId, written: Written) {
        if let Some(known) = self.written.iter_mut().find(|(known, _)| *known == id) {
            known.1 = written;
        } else {
            // There are as many places as jobs, and those that are gone were taken out.
            let _ = self.written.put((id, written));
        }
    }

    /// This record has been written.
    pub(crate) fn wrote(&mut self, record: &Record) {
        self.records = self.records.saturating_add(1);
        match record {
            Record::Job(JobRecord { id, phase: JobPhase::Freed, .. }) => self.written.keep(|(known, _)| known != id),
            Record::Job(job) => {
                self.count_now(job);
                self.write_down(job.id, Written::As(job.phase));
            }
            Record::Block { who, until, .. } => {
                self.books.wrote(&self.gate.limits.money, record);
                self.books.block(*who, *until);
            }
            other => self.books.wrote(&self.gate.limits.money, other),
        }
    }

    /// As `count`, while the gate is ahead of the record, but for a last one.
    fn count_now(&mut self, record: &JobRecord) {
        if record.phase == JobPhase::Overdue {
            for (at, &(account, micros)) in record.amounts.iter().numbered() {
                self.books.add(account, if has(record.previous, at) { 0 } else { micros }, record.undated);
            }
        } else {
            self.count(record);
        }
    }

    /// What is settled or overdue and was forgotten by the gate needs no record: a replay forgets it alike.
    pub(crate) fn prune(&mut self) {
        let gate = &self.gate;
        self.written.keep(|(id, written)| !is_over(*written) || gate.entry(*id).is_some());
    }

    /// The most records that can be pending.
    pub(crate) const fn most_pending() -> usize {
        JOBS.saturating_mul(2).saturating_add(N.saturating_mul(2)).saturating_add(1)
    }

    /// The provider's name of a job has changed.
    pub(crate) fn touch(&mut self, id: JobId) {
        let sent = self.gate.entry(id).is_some_and(|job| job.state == JobState::Sent);
        // The record of its acceptance will have it; and nobody lists one that is over.
        if !sent && self.written(id).is_some_and(|written| !is_over(written)) {
            self.write_down(id, Written::Stale);
        }
    }

    /// What a settled job took has changed.
    pub(crate) fn restate(&mut self, id: JobId) {
        self.write_down(id, Written::Stale);
    }

    // --- what is needed before a change ---

    /// The snapshot without which nobody would know which period these amounts are of.
    fn undescribed(&self, mut accounts: impl Iterator<Item = AccountId>) -> Option<Record> {
        let ledger = self.ledger();
        accounts.find_map(|at| self.books.need(ledger, at, ledger.last, 0))
    }

    /// Before these are charged: nothing within the leases.
    pub(crate) fn before_charge(&self, now: Instant, lines: &[Line]) -> Option<Record> {
        let (ledger, eff) = (self.ledger(), self.ledger().effective(now));
        lines.iter().find_map(|line| self.books.need(ledger, line.account, eff, line.micros))
    }

    /// The record of a job that is about to be sent, after those that it needs; `None` if it is written.
    pub(crate) fn before_sending<E>(
        &mut self,
        now: Instant,
        permit: &Permit,
    ) -> Result<Option<Record>, GateKeepError<E>> {
        let Some((id, ends)) = self.gate.may_send(now, permit)? else { return Ok(None) };
        let job = self.gate.entry(id).ok_or(GateError::NotFound)?;
        if u16::try_from(job.weight).is_err() {
            return Err(JournalError::Fault(JournalFault::TooHeavy { weight: job.weight }).into());
        }
        if matches!(self.written(id), Some(Written::As(JobPhase::Sent))) {
            return Ok(None);
        }
        let accounts = job.amounts.iter().filter(|amount| amount.is_some()).map(|amount| amount.account);
        if let Some(record) = self.undescribed(accounts) {
            return Ok(Some(record));
        }
        let record = JobRecord { minutes: minutes(ends, now), ..self.record_of(job, JobPhase::Sent) };
        self.write_down(id, Written::Perhaps);
        Ok(Some(Record::Job(record)))
    }

    /// The last record of a job, after those that it needs.
    pub(crate) fn before_finish(&self, id: JobId, actual: &[Line]) -> Option<Record> {
        if matches!(self.written(id), Some(Written::As(JobPhase::Settled))) {
            return None;
        }
        let job = self.gate.entry(id)?;
        if let Some(record) = self.undescribed(actual.iter().map(|line| line.account)) {
            return Some(record);
        }
        let (eff, dated) = (self.gate.last(), self.ledger().wall.is_known());
        let booked = |line: &Line| {
            let held = job.amounts.iter().find(|held| held.account == line.account).map_or(0, |held| held.micros);
            let over = line.micros.saturating_sub(held);
            let excess = Books::<N, 0>::excess(self.ledger(), None, &Line { micros: over, ..*line }, eff, true);
            line.micros.saturating_sub(over).saturating_add(excess)
        };
        let known = self.record_of(job, JobPhase::Settled);
        let undated = !dated || known.undated;
        // In the order of what it held, as it will be remembered.
        let said = |held: &&HeldAmount| actual.iter().find(|line| line.account == held.account);
        let lines = || job.amounts.iter().filter(|held| held.is_some()).filter_map(|held| said(&held));
        let partial = bits(lines(), |line| booked(line) < line.micros);
        let amounts = Vec::of(lines().map(|line| (line.account, booked(line))));
        Some(Record::Job(JobRecord { minutes: 0, undated, partial, amounts, ..known }))
    }
}

/// Whether this bit is set.
pub(crate) fn has(bits: u8, at: usize) -> bool {
    u32::try_from(at).ok().and_then(|at| bits.checked_shr(at)).is_some_and(|bits| bits & 1 == 1)
}

/// One bit for each of these for which it is so.
fn bits<T>(of: impl Iterator<Item = T>, is_so: impl Fn(T) -> bool) -> u8 {
    of.take(4).fold((0, 1), |(bits, bit), item| (if is_so(item) { bits | bit } else { bits }, bit << 1)).0
}

/// What is left of a lease, rounded up.
fn minutes(ends: Instant, now: Instant) -> u16 {
    match lease_left(ends, now) {
        None => u16::MAX,
        Some(left) => u16::try_from(left.as_micros().div_ceil(60_000_000))
            .map_or(u16::MAX - 1, |left| left.clamp(1, u16::MAX - 1)),
    }
}

/// A record of this phase is all there is to say about a job in this state.
pub(crate) const fn phase_of(state: JobState) -> Option<JobPhase> {
    Some(match state {
        JobState::Asked => return None,
        // A reboot knows no more of one that was sent.
        JobState::Sent | JobState::Unknown => JobPhase::Sent,
        JobState::Running => JobPhase::Running,
        JobState::NeedsActual => JobPhase::NeedsActual,
        JobState::Overdue => JobPhase::Overdue,
        JobState::Settled => JobPhase::Settled,
    })
}

const fn is_over(written: Written) -> bool {
    matches!(written, Written::As(JobPhase::Settled | JobPhase::Overdue))
}
