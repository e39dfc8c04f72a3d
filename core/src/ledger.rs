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
use crate::budget::Budget;
use crate::hold::{AccountId, Hold, HoldState, LedgerError, Line, Lines, OnExpiry, Receipt, Shortfall};
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
            Self::NoAccount => f.write_str("no place for another account: expected fewer"),
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
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, Ledger, LedgerError, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let now = Instant::ORIGIN;
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// // 100 credits are there.
    /// assert!(ledger.check(now, &credits(100)).is_ok());
    /// let Err(LedgerError::Denied { short, .. }) = ledger.check(now, &credits(130)) else { panic!() };
    /// assert_eq!(short.micros, 30_000_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, HoldState, Instant, JobId, Ledger, LedgerError, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// // Of 100 credits, 70 for this job, for a minute.
    /// let held = ledger.reserve(now, JobId(1), &credits(70), minute)?;
    /// assert_eq!((held.state, held.replayed), (HoldState::Live, false));
    /// assert!(ledger.reserve(now, JobId(2), &credits(31), minute).is_err());
    ///
    /// // The same call again, because the answer was lost: the same answer. Another amount under this id is an error.
    /// assert!(ledger.reserve(now, JobId(1), &credits(70), minute)?.replayed);
    /// assert_eq!(ledger.reserve(now, JobId(1), &credits(71), minute), Err(LedgerError::IdMismatch));
    ///
    /// // Nobody has settled it: after its minute it is free again.
    /// let later = now.saturating_add(minute);
    /// assert_eq!(ledger.available::<Credits>(later, account)?, Amount::whole(100));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let now = Instant::ORIGIN;
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.charge(now, JobId(1), &credits(40))?;
    /// let _ = ledger.charge(now, JobId(1), &credits(40))?; // the same job, not another one
    /// assert_eq!(ledger.available::<Credits>(now, account)?, Amount::whole(60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.reserve(now, JobId(1), &credits(70), minute)?;
    /// let _ = ledger.void(now, JobId(1))?;
    /// assert_eq!(ledger.available::<Credits>(now, account)?, Amount::whole(100));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, LedgerError, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.reserve(now, JobId(1), &credits(70), minute)?;
    /// assert_eq!(ledger.extend(Instant::from_secs(59), JobId(1), minute)?, Instant::from_secs(120));
    /// assert_eq!(ledger.extend(Instant::from_secs(120), JobId(1), minute), Err(LedgerError::Expired));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, OnExpiry, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.reserve(now, JobId(1), &credits(70), minute)?;
    /// ledger.on_expiry(now, JobId(1), OnExpiry::Post)?; // it is sent now, and may cost that
    ///
    /// // No answer has come.
    /// let later = now.saturating_add(minute);
    /// assert_eq!(ledger.available::<Credits>(later, account)?, Amount::whole(30));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    // --- checks, which change nothing; the changes are in `ledger_holds` ---

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
        let other = |(at, line, account): (u8, Line, Option<&Account<'_>>)| {
            account.filter(|account| account.spec.unit != line.unit).map(|account| (at, account.spec.unit_name()))
        };
        if let Some((line, expected)) = specs().find_map(other) {
            return Err(LedgerError::UnitMismatch { line, expected });
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
}
