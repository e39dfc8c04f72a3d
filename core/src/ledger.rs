//! `Ledger`: many budgets charged together, with holds that are settled, voided, extended and refunded.
//!
//! For what a job costs: credits, dollars, airtime, bytes. An operation over several budgets changes all of them or none;
//! a rate ("60 a minute") is a [`TokenBucket`](crate::TokenBucket).
//!
//! ```text
//! reserve ─── the guess is set aside in every budget ───> settle: the truth is posted, the rest is free again
//!    │                                                 └> void: all of it is free again
//!    └─ denied: names the first budget that is short, and by how much       refund: later, from what was posted
//! ```
//!
//! Constant memory: N accounts (80 bytes), H live holds and R remembered ones (40 + 64 L bytes each), S slices of rolling
//! budgets (8 bytes). A decision looks at each named budget; holds are searched, H + R of them.

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::budget::{Budget, Home};
use crate::hold::{AccountId, HeldLine, Hold, HoldState, LedgerError, Line, Lines, OnExpiry, Receipt, Shortfall};
use crate::job::JobId;
use crate::settlement::add_short;
use crate::terms::{BudgetSpec, Renewal};
use crate::time::{Duration, Instant};
use crate::wall::Wall;

/// Budgets that are charged together: `N` accounts, `H` live holds with up to `L` lines each, `R` remembered holds, and a
/// pool of `S` slices for rolling budgets.
///
/// **Ids.** The same call under the same id gets the same answer and changes nothing; other amounts under it are an
/// error. This is guaranteed for live holds and for the last `R` that were resolved or denied.
///
/// **Time.** A hold lives until its time to live is over, and `grace` longer. It belongs to the period of its reserve,
/// also when it is settled after a roll; only what a settlement adds above its hold is charged to the running period. In
/// a rolling budget a live hold does not age; it is stamped when it is settled.
///
/// # Example
/// One job's life:
/// ```
/// use tollgate::{Amount, BudgetSpec, Calendar, Credits, Cycle, Duration, HoldState, Instant, JobId, Ledger, LedgerError, Line};
/// use tollgate::{Renewal, Trust, UnixMicros, Usd};
///
/// // A daily allowance of credits, and dollars for the whole campaign.
/// static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Calendar(Calendar::utc(Cycle::Day)));
/// static DOLLARS: BudgetSpec = BudgetSpec::new::<Usd>(Amount::whole(50), Renewal::Lifetime);
///
/// let now = Instant::ORIGIN;
/// let mut ledger = Ledger::<2, 8>::new(Duration::from_secs(5));
/// ledger.set_wall(now, UnixMicros::from_secs(1_767_225_600), Duration::ZERO, Trust::Owner);
/// let credits = ledger.open(now, &CREDITS)?;
/// let dollars = ledger.open(now, &DOLLARS)?;
///
/// // The job is estimated at 40 credits and 2.40 dollars. Both are set aside, or none.
/// let (job, ttl) = (JobId(1), Duration::from_mins(10));
/// let estimate = [
///     Line::new::<Credits>(credits, Amount::whole(40)),
///     Line::new::<Usd>(dollars, tollgate::valid!(Amount::parse("2.40"))),
/// ];
/// assert_eq!(ledger.reserve(now, job, &estimate, ttl)?.state, HoldState::Live);
///
/// // A second one does not fit: 26 credits are left. The dollars were not touched either.
/// let Err(LedgerError::Denied { short, .. }) = ledger.reserve(now, JobId(2), &estimate, ttl) else { panic!() };
/// assert_eq!((short.account, short.micros), (credits, 14_000_000));
///
/// // It took 30 credits and 1.80 dollars: the rest is free again.
/// let actual = [
///     Line::new::<Credits>(credits, Amount::whole(30)),
///     Line::new::<Usd>(dollars, tollgate::valid!(Amount::parse("1.80"))),
/// ];
/// let later = Instant::from_secs(90);
/// assert_eq!(ledger.settle(later, job, &actual)?.state, HoldState::Posted);
/// assert!(ledger.settle(later, job, &actual)?.replayed); // the answer got lost and was asked for again
/// assert_eq!(ledger.available::<Credits>(later, credits)?, Amount::whole(36));
///
/// // The clip was broken, and the provider gives 10 credits back.
/// let refund = [Line::new::<Credits>(credits, Amount::whole(10))];
/// let _ = ledger.refund(later, job, &refund)?;
/// assert_eq!(ledger.available::<Credits>(later, credits)?, Amount::whole(46));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ledger<'a, const N: usize, const H: usize, const L: usize = 2, const R: usize = 16, const S: usize = 0> {
    pub(crate) accounts: Vec<Account<'a>, N, u8>,
    pub(crate) holds: Vec<Hold<L>, H, u16>,
    pub(crate) resolved: Vec<Hold<L>, R, u16>,
    pub(crate) slices: [u64; S],
    pub(crate) wall: Wall,
    pub(crate) grace: Duration,
    pub(crate) last: Instant,
    /// No live hold's time is up before this.
    pub(crate) next_expiry: Instant,
    pub(crate) seq: u32,
    pub(crate) faults: u32,
    pub(crate) id_floor: u64,
    pub(crate) slices_used: u16,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Account<'a> {
    pub(crate) spec: &'a BudgetSpec<'a>,
    pub(crate) budget: Budget,
    /// Where its slices start in the pool, and which of them is running.
    pub(crate) offset: u16,
    pub(crate) running: u16,
}

/// Why an account could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// The ledger has no place for another account.
    NoAccount,
    /// The pool has too few slices left for this window.
    NoSlices {
        /// How many it needs.
        needed: u32,
        /// How many are left.
        left: u32,
    },
}

impl core::fmt::Display for OpenError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoAccount => f.write_str("no place for another account"),
            Self::NoSlices { needed, left } => write!(f, "{needed} slices are needed and {left} are left"),
        }
    }
}

impl core::error::Error for OpenError {}

impl<'a, const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'a, N, H, L, R, S> {
    /// A ledger without accounts, in which a hold lives `grace` longer than its time to live: for answers under way.
    pub const fn new(grace: Duration) -> Self {
        const { assert!(L <= 32, "a hold has at most 32 lines") }
        const { assert!(N <= 255, "a ledger has at most 255 accounts") }
        Self {
            accounts: Vec::new(),
            holds: Vec::new(),
            resolved: Vec::new(),
            slices: [0; S],
            wall: Wall::new(Wall::MAX_STEP),
            grace,
            last: Instant::ORIGIN,
            next_expiry: Instant::MAX,
            seq: 0,
            faults: 0,
            id_floor: 0,
            slices_used: 0,
        }
    }

    /// The same ledger with this wall, whose floor and largest step may have been set.
    #[must_use]
    pub fn with_wall(self, wall: Wall) -> Self {
        Self { wall, ..self }
    }

    /// Opens an account that starts whole.
    ///
    /// # Errors
    /// [`OpenError`]: no place for it, or too few slices left for its window.
    pub fn open(&mut self, now: Instant, spec: &'a BudgetSpec<'a>) -> Result<AccountId, OpenError> {
        let id = u8::try_from(self.accounts.len()).map_err(|_| OpenError::NoAccount)?;
        let mut account = Account { spec, budget: Budget::new(spec), offset: self.slices_used, running: 0 };
        let (eff, mut used) = (self.effective(now), u32::from(self.slices_used));
        if let Renewal::Rolling(rolling) = spec.renewal {
            let left = u32::try_from(S).unwrap_or(u32::MAX).min(u32::from(u16::MAX)).saturating_sub(used);
            let needed = u32::from(rolling.slices()) + 1;
            if needed > left {
                return Err(OpenError::NoSlices { needed, left });
            }
            used = used.saturating_add(needed);
            account.budget.roll_at = eff.saturating_add(rolling.slice());
        }
        self.accounts.put(account).map_err(|_| OpenError::NoAccount)?;
        self.slices_used = u16::try_from(used).unwrap_or(u16::MAX);
        self.last = eff;
        self.date(AccountId(id), eff);
        Ok(AccountId(id))
    }

    /// Whether these amounts would be admitted now, and which of them above a soft limit. Changes and remembers nothing.
    ///
    /// # Errors
    /// [`LedgerError::Denied`] and what is wrong with the lines.
    pub fn check(&self, now: Instant, lines: &[Line]) -> Result<Lines, LedgerError> {
        self.resolve(lines)?;
        self.admit(lines, self.effective(now)).map_err(|short| LedgerError::Denied { short, replayed: false })
    }

    /// Sets these amounts aside in all their budgets, or in none, for `ttl`.
    ///
    /// Equality admits: 100 of 100 fit. The order of the lines only matters for which one a denial names.
    ///
    /// # Errors
    /// [`LedgerError::Denied`], which the id remembers; [`LedgerError::Full`], which it does not;
    /// [`LedgerError::IdMismatch`]; [`LedgerError::Absorbed`]; what is wrong with the lines.
    pub fn reserve(&mut self, now: Instant, id: JobId, lines: &[Line], ttl: Duration) -> Result<Receipt, LedgerError> {
        let eff = self.effective(now);
        if let Some(known) = self.look(id, eff) {
            return self.replayed(&known, lines);
        }
        let soft = self.admit_or_remember(now, id, lines)?;
        if !self.has_place(eff) {
            return Err(LedgerError::Full);
        }
        self.act(now);
        self.insert(id, lines, eff.saturating_add(ttl), false);
        Ok(Receipt { soft, ..Receipt::of(HoldState::Live) })
    }

    /// Takes these amounts at once, all or none: [`reserve`](Self::reserve) and [`settle`](Self::settle) in one.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve), but never [`LedgerError::Full`].
    pub fn charge(&mut self, now: Instant, id: JobId, lines: &[Line]) -> Result<Receipt, LedgerError> {
        if let Some(known) = self.look(id, self.effective(now)) {
            return self.replayed(&known, lines);
        }
        let soft = self.admit_or_remember(now, id, lines)?;
        self.act(now);
        self.charge_admitted(Some(id), lines);
        Ok(Receipt { soft, ..Receipt::of(HoldState::Posted) })
    }

    /// Releases a hold whose job did not run.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`]; [`LedgerError::AlreadyPosted`]; [`LedgerError::Expired`]: it has been released already.
    pub fn void(&mut self, now: Instant, id: JobId) -> Result<Receipt, LedgerError> {
        let hold = self.look(id, self.effective(now)).ok_or(self.missing(id))?;
        match hold.state {
            HoldState::Live => {}
            HoldState::Posted | HoldState::PostedLate => return Err(LedgerError::AlreadyPosted),
            HoldState::Voided => return Ok(Receipt::replay(HoldState::Voided)),
            HoldState::Expired => return Err(LedgerError::Expired),
            HoldState::Denied(_) => return Err(LedgerError::NotFound),
        }
        self.act(now);
        self.release(id).ok_or(LedgerError::NotFound)?;
        Ok(Receipt::of(HoldState::Voided))
    }

    /// Prolongs a live hold by `by`, and returns the new end. Only before its end: the grace is for answers, not for
    /// extensions.
    ///
    /// # Errors
    /// [`LedgerError::Expired`]; [`LedgerError::NotFound`]; [`LedgerError::AlreadyPosted`];
    /// [`LedgerError::AlreadyVoided`].
    pub fn extend(&mut self, now: Instant, id: JobId, by: Duration) -> Result<Instant, LedgerError> {
        let eff = self.effective(now);
        let hold = self.look(id, eff).ok_or(self.missing(id))?;
        match hold.state {
            HoldState::Live if crate::window::is_live(hold.until, eff) => {}
            HoldState::Live | HoldState::Expired => return Err(LedgerError::Expired),
            HoldState::Posted | HoldState::PostedLate => return Err(LedgerError::AlreadyPosted),
            HoldState::Voided => return Err(LedgerError::AlreadyVoided),
            HoldState::Denied(_) => return Err(LedgerError::NotFound),
        }
        self.act(now);
        let hold = self.live_mut(id).ok_or(LedgerError::NotFound)?;
        hold.until = hold.until.saturating_add(by);
        Ok(hold.until)
    }

    /// Says what happens to a live hold when its time is up; [`OnExpiry::Free`] until then. Say [`OnExpiry::Post`] when
    /// the request is about to be sent.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`], also for holds that are resolved.
    pub fn on_expiry(&mut self, now: Instant, id: JobId, what: OnExpiry) -> Result<(), LedgerError> {
        let live = self.look(id, self.effective(now)).is_some_and(|hold| hold.state == HoldState::Live);
        let hold = self.live_mut(id).filter(|_| live).ok_or(LedgerError::NotFound)?;
        hold.on_expiry = what;
        Ok(())
    }

    /// A hold by its id: a live one, or one that is remembered.
    pub fn hold(&self, id: JobId) -> Option<&Hold<L>> {
        self.find(id)
    }

    /// The holds that are in the table, those whose time is up and nobody has noticed included.
    pub fn holds(&self) -> impl Iterator<Item = &Hold<L>> + '_ {
        self.holds.iter()
    }

    // --- checks, which change nothing ---

    /// Whether the lines are in order: known accounts, each once, in their units.
    pub(crate) fn resolve(&self, lines: &[Line]) -> Result<(), LedgerError> {
        if self.are_plain(lines) { Ok(()) } else { self.resolve_of(None, lines) }
    }

    /// The same for lines that may only name accounts of this hold.
    pub(crate) fn resolve_of(&self, hold: Option<&Hold<L>>, lines: &[Line]) -> Result<(), LedgerError> {
        if lines.len() > L {
            return Err(LedgerError::TooManyLines);
        }
        let spec = |(at, line): (u8, &Line)| (at, *line, self.accounts.get(usize::from(line.account.0)));
        let specs = || (0..=u8::MAX).zip(lines).map(spec);
        if let Some((line, ..)) = specs().find(|(_, line, account)| account.is_some_and(|a| a.spec.unit != line.unit)) {
            return Err(LedgerError::UnitMismatch { line });
        }
        let strange = |line: &Line| hold.is_some_and(|hold| hold.line(line.account).is_none());
        if let Some((line, ..)) = specs().find(|(_, line, account)| account.is_none() || strange(line)) {
            return Err(LedgerError::UnknownBudget { line });
        }
        let again = |(at, line): &(usize, &Line)| lines.iter().take(*at).any(|earlier| earlier.account == line.account);
        match lines.iter().numbered().find(again) {
            Some((at, _)) => Err(LedgerError::Repeated { line: u8::try_from(at).unwrap_or(u8::MAX) }),
            None => Ok(()),
        }
    }

    /// First pass: whether every budget has room. The lines are in order.
    pub(crate) fn admit(&self, lines: &[Line], eff: Instant) -> Result<Lines, Shortfall> {
        let (mut soft, mut short) = (Lines::NONE, None);
        for (at, line) in lines.iter().numbered() {
            let Some((spec, budget)) = self.view(line.account, eff) else { continue };
            let missing = line.micros.saturating_sub(budget.free(spec));
            if missing > 0 {
                add_short(&mut short, at, line.account, missing);
            } else if budget.is_soft(spec, line.micros) {
                soft.add(at);
            }
        }
        short.map_or(Ok(soft), Err)
    }

    fn admit_or_remember(&mut self, now: Instant, id: JobId, lines: &[Line]) -> Result<Lines, LedgerError> {
        self.fresh(id)?;
        self.resolve(lines)?;
        self.admit(lines, self.effective(now)).map_err(|short| {
            let mut hold = self.new_hold(id, lines, self.last);
            hold.state = HoldState::Denied(short);
            self.remember(hold);
            LedgerError::Denied { short, replayed: false }
        })
    }

    /// A reserve or charge under an id that is known.
    fn replayed(&self, known: &Hold<L>, lines: &[Line]) -> Result<Receipt, LedgerError> {
        if !known.asked(lines, |account| self.unit(account)) {
            return Err(LedgerError::IdMismatch);
        }
        match known.state {
            HoldState::Denied(short) => Err(LedgerError::Denied { short, replayed: true }),
            state => Ok(Receipt::replay(state)),
        }
    }

    pub(crate) fn unit(&self, account: AccountId) -> Option<u32> {
        self.accounts.get(usize::from(account.0)).map(|account| account.spec.unit)
    }

    /// Whether there is a place for another hold at `eff`, those included whose time is up by then.
    pub(crate) fn has_place(&self, eff: Instant) -> bool {
        !self.holds.is_full() || self.holds.iter().any(|hold| self.is_over(hold, eff))
    }

    fn find(&self, id: JobId) -> Option<&Hold<L>> {
        self.holds.iter().chain(&self.resolved).find(|hold| hold.id == id && !hold.anonymous)
    }

    /// The hold as it is at `eff`, if it is remembered then.
    pub(crate) fn look(&self, id: JobId, eff: Instant) -> Option<Hold<L>> {
        let mut hold = self.find(id)?.clone();
        if hold.state == HoldState::Live && self.is_over(&hold, eff) {
            if R == 0 {
                return None;
            }
            hold.expire();
        }
        Some(hold)
    }

    // --- changes, after the checks ---

    pub(crate) fn new_hold(&mut self, id: JobId, lines: &[Line], until: Instant) -> Hold<L> {
        self.seq = self.seq.wrapping_add(1);
        let tag =
            |line: &Line| self.accounts.get(usize::from(line.account.0)).map_or(0, |a| self.tag(a.spec, &a.budget));
        let lines = Vec::of(lines.iter().map(|line| HeldLine::new(line, tag(line))));
        let (state, on_expiry) = (HoldState::Live, OnExpiry::Free);
        Hold { id, until, lines, state, mark: self.seq, order: 0, on_expiry, anonymous: false }
    }

    /// Second pass of a charge; there is room.
    pub(crate) fn charge_admitted(&mut self, id: Option<JobId>, lines: &[Line]) {
        let mut hold = self.new_hold(id.unwrap_or(JobId(0)), lines, self.last);
        for line in &mut hold.lines {
            self.post_line(line, line.reserved);
            self.alert(line.account);
            (line.taken, line.actual) = (line.reserved, line.reserved);
        }
        hold.anonymous = id.is_none();
        hold.state = HoldState::Posted;
        self.remember(hold);
    }

    /// Second pass: sets the amounts aside. There is room and a place; returns the mark of the hold.
    pub(crate) fn insert(&mut self, id: JobId, lines: &[Line], until: Instant, anonymous: bool) -> u32 {
        let mut hold = self.new_hold(id, lines, until);
        (hold.anonymous, hold.mark) = (anonymous, self.seq.max(1));
        let mark = hold.mark;
        for line in lines {
            self.change(line.account, |budget| budget.held = budget.held.saturating_add(line.micros));
        }
        self.next_expiry = self.next_expiry.min(self.deadline(&hold));
        // A place was checked before; without one nothing could be set aside.
        let _ = self.holds.put(hold);
        mark
    }

    /// Changes a budget and fires its alerts: the last step of every operation on it.
    pub(crate) fn change(&mut self, at: AccountId, change: impl FnOnce(&mut Budget)) {
        if let Some(account) = self.accounts.get_mut(usize::from(at.0)) {
            change(&mut account.budget);
            account.budget.alert(account.spec);
        }
    }

    /// Fires the alerts of a budget that was changed in several steps, between which it may have looked emptier.
    pub(crate) fn alert(&mut self, at: AccountId) {
        self.change(at, |_| {});
    }

    pub(crate) fn is_rolling(&self, at: AccountId) -> bool {
        self.accounts.get(usize::from(at.0)).is_some_and(|a| matches!(a.spec.renewal, Renewal::Rolling(_)))
    }

    /// Posts to where the line's tag says; in a rolling budget to the running slice. No alert yet.
    pub(crate) fn post_line(&mut self, line: &mut HeldLine, amount: u64) {
        let rolling = self.is_rolling(line.account);
        let Some(account) = self.accounts.get_mut(usize::from(line.account.0)) else { return };
        let budget = &mut account.budget;
        if rolling {
            line.tag = budget.period;
            self.put(line.account, line.tag, amount);
        } else {
            budget.post(budget.home(line.tag), amount);
        }
    }

    /// Ends the hold of a line in its budget. No alert yet.
    pub(crate) fn unhold(&mut self, line: &HeldLine) {
        let rolling = self.is_rolling(line.account);
        let Some(account) = self.accounts.get_mut(usize::from(line.account.0)) else { return };
        let home = if rolling { Home::Current { undated: false } } else { account.budget.home(line.tag) };
        account.budget.unhold(home, line.reserved);
    }

    pub(crate) fn live_mut(&mut self, id: JobId) -> Option<&mut Hold<L>> {
        self.holds.iter_mut().find(|hold| hold.id == id && !hold.anonymous)
    }

    /// Takes a hold out of whichever table it is in.
    pub(crate) fn remove(&mut self, key: impl Fn(&Hold<L>) -> bool) -> Option<Hold<L>> {
        if let Some(index) = self.holds.iter().place(&key) {
            return self.holds.take_out(index);
        }
        self.resolved.iter().place(&key).and_then(|index| self.resolved.take_out(index))
    }

    fn release(&mut self, id: JobId) -> Option<()> {
        let hold = self.remove(|hold| hold.id == id && !hold.anonymous)?;
        self.release_hold(hold);
        Some(())
    }

    pub(crate) fn release_hold(&mut self, mut hold: Hold<L>) {
        for line in &hold.lines {
            self.unhold(line);
            self.alert(line.account);
        }
        hold.state = HoldState::Voided;
        self.remember(hold);
    }

    /// Keeps a resolved hold, in the place of the one that was resolved first.
    pub(crate) fn remember(&mut self, mut hold: Hold<L>) {
        if hold.anonymous {
            return;
        }
        self.seq = self.seq.wrapping_add(1);
        hold.order = self.seq;
        if let Err(hold) = self.resolved.put(hold) {
            let seq = self.seq;
            if let Some(oldest) = self.resolved.iter_mut().max_by_key(|hold| seq.wrapping_sub(hold.order)) {
                *oldest = hold;
            }
        }
    }
}
