//! `Books`: what the journal has to know about budgets, jobs and ids, and which record a change needs first.
//!
//! Reads the ledger, writes nothing: it says what must be written, and is told when it was.
//!
//! ```text
//! need(change) ──> a record ──> written ──> wrote ──> need ──> ... ──> nothing more: the change may happen
//! ```
//! Used, for a lease, is what is posted, held and owed less what kept jobs hold: those have records of their own.

use heapless::Vec;

use crate::bounded::Bounded;
use crate::budget::{Budget, DATED};
use crate::hold::{AccountId, Hold, HoldState, Line};
use crate::ledger::Ledger;
use crate::terms::{BudgetSpec, Renewal};
use crate::time::{Duration, Instant};
use crate::wall::UnixMicros;

use super::JournalFault;
use super::jobs::carried;
use super::layout::Layout;
use super::lease::{Keeping, Lease};
use super::record::{Figures, JobRecord, Record, fingerprint};

/// The flag of a budget that a damage has closed; the others are those of the budget.
pub(crate) const CLOSED: u8 = 4;

/// Ids that one record covers.
pub(crate) const IDS: u64 = 64;

/// A block that is shorter than this is not worth a record.
pub(crate) const SHORT_BLOCK: Duration = Duration::from_secs(60);

/// How often the time is written down.
pub(crate) const CLOCK_EVERY: Duration = Duration::from_hours(1);

/// How many upstreams can have a block.
pub(crate) const BLOCKS: usize = 4;

/// What is written down about one budget.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Kept {
    pub(crate) lease: Lease,
    pub(crate) undated: u64,
    pub(crate) unaccounted: u64,
    pub(crate) period: i32,
    pub(crate) flags: u8,
    pub(crate) frozen: bool,
    /// It has a snapshot.
    pub(crate) known: bool,
}

/// A job that is kept, or will be once it is sent.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct KeptJob {
    pub(crate) record: JobRecord,
    pub(crate) written: bool,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Books<const N: usize, const J: usize> {
    pub(crate) kept: Vec<Kept, N>,
    pub(crate) jobs: Vec<KeptJob, J>,
    pub(crate) blocks: Vec<(u16, Instant), BLOCKS>,
    pub(crate) next_id: u64,
    pub(crate) ids_high: u64,
    pub(crate) base: Instant,
    pub(crate) floor: UnixMicros,
    pub(crate) clock_due: Instant,
}

/// A budget as it is at some instant, with what its kept jobs hold taken out.
#[derive(Clone, Copy, Debug)]
struct Standing<'a> {
    spec: &'a BudgetSpec<'a>,
    budget: Budget,
    used: u64,
    period: i32,
    frozen: bool,
}

impl Standing<'_> {
    fn free(&self) -> u64 {
        self.budget.free(self.spec)
    }

    /// How much of `high` would go along to a later period.
    const fn undated(&self, high: u64) -> u64 {
        let dated = self.budget.posted.saturating_add(self.budget.debt).saturating_sub(self.budget.undated);
        if self.frozen { high.saturating_sub(dated) } else { 0 }
    }

    const fn snapshot(&self, account: AccountId, high: u64, undated: u64, flags: u8) -> Record {
        let budget = &self.budget;
        let figures = Figures {
            period: self.period,
            high,
            undated,
            flags,
            armed: budget.armed,
            pending: budget.pending,
            debt: budget.debt,
            bonus: budget.bonus,
            previous: budget.prev_posted,
            unaccounted: budget.unaccounted,
            posted: budget.posted,
            held: budget.held,
        };
        Record::Snapshot { account, figures }
    }
}

/// The fingerprint of accounts: how many, their units, and when they start afresh. Limits may change.
pub(crate) fn config<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize>(
    ledger: &Ledger<'_, N, H, L, R, S>,
) -> u32 {
    // Around a short month, where calendars differ: 2024-02-29 and a month later.
    const DAYS: [i64; 3] = [0, 1_709_164_800, 1_711_800_000];
    let words = ledger.accounts.iter().flat_map(|account| {
        let spec = account.spec;
        let mut words = [u64::from(spec.unit), 0, 0, 0, 0, 0, 0, 0];
        let [_, kind, length, slices, days @ ..] = &mut words;
        match spec.renewal {
            Renewal::Lifetime => *kind = 0,
            Renewal::Rolling(rolling) => {
                (*kind, *length, *slices) = (1, rolling.length().as_micros(), rolling.slices().into());
            }
            Renewal::Calendar(_) => {
                *kind = 2;
                for (word, unix) in days.iter_mut().zip(DAYS) {
                    *word = spec.renewal.period_at(unix).map_or(0, |period| {
                        period.start.cast_unsigned() ^ u64::from(period.index.cast_unsigned()) << 40
                    });
                }
            }
            // Its rules may change while it stays the same zone.
            Renewal::Zone(_) => *kind = 3,
        }
        words
    });
    fingerprint(words)
}

impl<const N: usize, const J: usize> Books<N, J> {
    /// The books of so many accounts and jobs, if a page has room for them.
    pub(crate) fn open(
        accounts: usize,
        keeping: &[Keeping],
        layout: &Layout,
        jobs: usize,
    ) -> Result<Self, JournalFault> {
        if keeping.len() != accounts {
            let few = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
            return Err(JournalFault::Keeping { given: few(keeping.len()), accounts: few(accounts) });
        }
        // Header, mark, and the largest record on top of a snapshot.
        let snapshot = accounts.saturating_mul(4).saturating_add(jobs.saturating_mul(3));
        if snapshot.saturating_add(2 + BLOCKS + 2 + 4) > usize::from(layout.slots()) {
            return Err(JournalFault::PageTooSmall { slots: layout.slots() });
        }
        Ok(Self::new(keeping))
    }

    fn new(keeping: &[Keeping]) -> Self {
        let kept = |keeping: &Keeping| Kept {
            lease: Lease::new(*keeping, 0),
            undated: 0,
            unaccounted: 0,
            period: 0,
            flags: 0,
            frozen: false,
            known: false,
        };
        Self {
            kept: Vec::of(keeping.iter().map(kept)),
            jobs: Vec::new(),
            blocks: Vec::new(),
            next_id: 1,
            ids_high: 1,
            base: Instant::ORIGIN,
            floor: UnixMicros::from_micros(i64::MIN),
            clock_due: Instant::ORIGIN,
        }
    }

    pub(crate) fn kept(&self, at: AccountId) -> Option<&Kept> {
        self.kept.get(usize::from(at.0))
    }

    fn standing<'a, const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'a, N, H, L, R, S>,
        at: AccountId,
        eff: Instant,
    ) -> Option<Standing<'a>> {
        let (spec, budget) = ledger.view(at, eff)?;
        let dated = spec.renewal.is_dated();
        let rolling = matches!(spec.renewal, Renewal::Rolling(_));
        // What is held for a gate has records of its own, job by job.
        let held = if H == 0 { 0 } else { budget.held };
        let mut used = budget.posted.saturating_add(held).saturating_add(budget.debt);
        for job in if J == 0 { &[][..] } else { &self.jobs } {
            used = used.saturating_sub(carried(ledger, job.record.id, at, &budget, rolling, eff));
        }
        let period = if dated { budget.period } else { 0 };
        Some(Standing { spec, budget, used, period, frozen: dated && !ledger.wall.is_known() })
    }

    /// The record that must be written before `more` is added to this budget.
    pub(crate) fn need<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        account: AccountId,
        eff: Instant,
        more: u64,
    ) -> Option<Record> {
        let (now, kept) = (self.standing(ledger, account, eff)?, self.kept(account)?);
        // Of what adds nothing, such as the end of a kept job, nothing is leased.
        let high = if more == 0 { now.used } else { kept.lease.raised(now.used, more, now.free()) };
        let undated = now.undated(high);
        if !self.same_period(kept, &now) {
            return Some(now.snapshot(account, high, undated, now.budget.flags));
        }
        let enough = kept.lease.before(now.used, more, now.free()).is_none() && kept.frozen == now.frozen;
        if enough { None } else { Some(Record::Lease { account, period: now.period, high, undated }) }
    }

    #[expect(clippy::unused_self, reason = "reads like the others")]
    fn same_period(&self, kept: &Kept, now: &Standing<'_>) -> bool {
        kept.known && kept.period == now.period && (kept.flags ^ now.budget.flags) & DATED == 0
    }

    /// The record that should be written because less is used than was, or something else has changed.
    pub(crate) fn tidy<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        account: AccountId,
        exact: bool,
    ) -> Option<Record> {
        let (now, kept) = (self.standing(ledger, account, ledger.last)?, self.kept(account)?);
        if !kept.known && now.used == 0 && now.budget.unaccounted == 0 {
            return None;
        }
        let same = self.same_period(kept, &now);
        let flags = now.budget.flags | if same { kept.flags & CLOSED } else { 0 };
        let changed = !same || kept.unaccounted != now.budget.unaccounted || kept.flags != flags;
        if exact {
            let whole = !changed && kept.lease.high() == now.used && kept.frozen == now.frozen;
            return if whole { None } else { Some(now.snapshot(account, now.used, now.undated(now.used), flags)) };
        }
        let lower = kept.lease.after(now.used, now.free());
        let high = lower.unwrap_or_else(|| kept.lease.high().max(now.used));
        if changed {
            let high = if same { high } else { kept.lease.raised(now.used, 0, now.free()) };
            return Some(now.snapshot(account, high, now.undated(high), flags));
        }
        lower.map(|high| Record::Lease { account, period: now.period, high, undated: now.undated(high) })
    }

    /// The record that is needed after the fact: of what was used and is in no lease yet, or as in `tidy`.
    pub(crate) fn overtaken<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        account: AccountId,
    ) -> Option<Record> {
        let (now, kept) = (self.standing(ledger, account, ledger.last)?, self.kept(account)?);
        if self.same_period(kept, &now) && now.used > kept.lease.high() {
            let high = kept.lease.raised(now.used, 0, now.free());
            return Some(Record::Lease { account, period: now.period, high, undated: now.undated(high) });
        }
        self.tidy(ledger, account, false)
    }

    /// One record after another of all there is, for a new page: what was written down last, not what is planned.
    pub(crate) fn record<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        at: u16,
    ) -> Option<Record> {
        let at = usize::from(at);
        if at < self.kept.len() {
            let account = AccountId(u8::try_from(at).unwrap_or(u8::MAX));
            let (now, kept) = (self.standing(ledger, account, ledger.last)?, self.kept.get(at)?);
            let same = self.same_period(kept, &now);
            let high = if same { kept.lease.high().max(now.used) } else { now.used };
            let undated = now.undated(high).max(if same { kept.undated } else { 0 });
            return Some(now.snapshot(account, high, undated, now.budget.flags | kept.flags & CLOSED));
        }
        let fixed = [
            Record::Ids { high: self.ids_high },
            Record::Clock { base: self.base.max(ledger.last), floor: self.floor_at(ledger, ledger.last) },
        ];
        let at = at - self.kept.len();
        if let Some(record) = fixed.get(at) {
            return Some(record.clone());
        }
        let base = self.base.max(ledger.last);
        let jobs = if J == 0 { &[][..] } else { &self.jobs };
        let blocks = self.blocks.iter().map(|(who, until)| Record::Block { who: *who, until: *until, base });
        let jobs = jobs.iter().filter(|job| job.written).map(|job| Record::Job(job.record.clone()));
        blocks.chain(jobs).nth(at - fixed.len())
    }

    pub(crate) fn floor_at<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        now: Instant,
    ) -> UnixMicros {
        ledger.wall.surely(now).map_or(self.floor, |unix| self.floor.max(unix))
    }

    /// This record has been written.
    pub(crate) fn wrote<const H: usize, const L: usize, const R: usize, const S: usize>(
        &mut self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        record: &Record,
    ) {
        let known = !ledger.wall.is_known();
        let frozen = |at: &AccountId| {
            known && ledger.accounts.get(usize::from(at.0)).is_some_and(|account| account.spec.renewal.is_dated())
        };
        match record {
            Record::Lease { account, period, high, undated } => {
                let frozen = frozen(account);
                if let Some(kept) = self.kept.get_mut(usize::from(account.0)) {
                    kept.lease.written(*high);
                    (kept.period, kept.undated, kept.frozen) = (*period, *undated, frozen);
                }
            }
            Record::Snapshot { account, figures } => {
                let frozen = frozen(account);
                if let Some(kept) = self.kept.get_mut(usize::from(account.0)) {
                    kept.lease.written(figures.high);
                    (kept.period, kept.undated, kept.flags) = (figures.period, figures.undated, figures.flags);
                    (kept.unaccounted, kept.frozen, kept.known) = (figures.unaccounted, frozen, true);
                }
            }
            Record::Job(job) => self.wrote_job(job),
            Record::Ids { high } => self.ids_high = *high,
            Record::Clock { base, floor } => {
                (self.base, self.floor) = (*base, *floor);
                self.clock_due = base.saturating_add(CLOCK_EVERY);
            }
            Record::Block { base, .. } => self.base = self.base.max(*base),
            Record::Alert { .. } => {}
        }
    }

    /// So much more is inside a lease: what a record of a job moves there.
    pub(crate) fn add(&mut self, account: AccountId, micros: u64, undated: bool) {
        if let Some(kept) = self.kept.get_mut(usize::from(account.0)) {
            kept.lease.written(kept.lease.high().saturating_add(micros));
            kept.undated = kept.undated.saturating_add(if undated { micros } else { 0 });
        }
    }

    /// So much less is inside a lease: what the last record of a job takes back of what was posted for it.
    pub(crate) fn take_back(&mut self, account: AccountId, micros: u64) {
        if let Some(kept) = self.kept.get_mut(usize::from(account.0)) {
            kept.lease.written(kept.lease.high().saturating_sub(micros));
        }
    }

    /// What a settlement adds to this budget, on top of what is held for it; nothing if it will be refused.
    pub(crate) fn excess<const H: usize, const L: usize, const R: usize, const S: usize>(
        ledger: &Ledger<'_, N, H, L, R, S>,
        hold: Option<&Hold<L>>,
        line: &Line,
        eff: Instant,
        forced: bool,
    ) -> u64 {
        let Some((spec, budget)) = ledger.view(line.account, eff) else { return 0 };
        let own = hold.and_then(|hold| Some((hold.state, hold.line(line.account)?)));
        let booked = own.map_or(0, |(state, own)| if state == HoldState::Live { own.reserved } else { own.taken });
        let excess = line.micros.saturating_sub(booked);
        let rolling = matches!(spec.renewal, Renewal::Rolling(_));
        budget.cover(spec, excess, rolling, forced).map_or(0, |cover| cover.posted.saturating_add(cover.debt))
    }

    /// The snapshot of a budget whose owner says what is used of it.
    pub(crate) fn repaired<const H: usize, const L: usize, const R: usize, const S: usize>(
        &self,
        ledger: &Ledger<'_, N, H, L, R, S>,
        account: AccountId,
        after: &Budget,
    ) -> Option<Record> {
        let mut now = self.standing(ledger, account, ledger.last)?;
        let was = now.budget.posted.saturating_add(now.budget.debt);
        let high = now.used.saturating_sub(was).saturating_add(after.posted);
        now.budget = *after;
        Some(now.snapshot(account, high, 0, after.flags))
    }
}
