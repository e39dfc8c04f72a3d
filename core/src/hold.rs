//! `Hold`: an amount that is set aside in several budgets at once, and what became of it.
//!
//! Every hold ends exactly once: posted, voided or expired. What the ledger remembers of it afterwards makes its id
//! idempotent: the same call again gets the same answer, another one an error.
//!
//! ```text
//! reserve ──> Live ── settle ──> Posted <── settle, late ──┐
//!               ├──── void ────> Voided                    │
//!               └── time is up ──────────> Expired ────────┘
//! ```

use core::fmt;

use heapless::Vec;

use crate::amount::Amount;
use crate::job::JobId;
use crate::time::Instant;
use crate::unit::Unit;

/// The number of an account in its ledger: the order in which they were opened, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct AccountId(pub u8);

/// So much from this account.
///
/// # Example
/// ```
/// use tollgate::{AccountId, Amount, Credits, Line};
/// let line = Line::new::<Credits>(AccountId(0), Amount::whole(40));
/// assert_eq!(line.micros(), 40_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Line {
    pub(crate) account: AccountId,
    pub(crate) unit: u32,
    pub(crate) micros: u64,
}

impl Line {
    /// `amount` from `account`; the account must be in the same unit.
    pub const fn new<U: Unit>(account: AccountId, amount: Amount<U>) -> Self {
        Self { account, unit: U::ID, micros: amount.as_micros() }
    }

    /// Which account.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// How much, in millionths of the unit.
    pub const fn micros(&self) -> u64 {
        self.micros
    }
}

/// Some of the lines of a call, by their position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lines(pub(crate) u32);

impl Lines {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Whether the line at this position is among them.
    pub const fn contains(self, at: u8) -> bool {
        at < 32 && self.0 >> at & 1 == 1
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One bit a line, the first the lowest.
    pub const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn add(&mut self, at: usize) {
        if at < 32 {
            self.0 |= 1 << at;
        }
    }
}

/// Which budget was too short, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shortfall {
    /// The first account, in the caller's order, that could not take its line.
    pub account: AccountId,
    /// The position of that line.
    pub line: u8,
    /// What it was short of, in millionths of its unit.
    pub micros: u64,
    /// All the lines that did not fit.
    pub failing: Lines,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} is short of {} millionths", self.account.0, self.micros)
    }
}

/// Why a call on a ledger was refused. Nothing has changed then, but what [`Denied`](Self::Denied) and
/// [`Overage`](Self::Overage) say.
///
/// Where several apply, the first in this order is given: `IdMismatch`, `IdInUse`, a replay, `NotFound` or `Absorbed`,
/// `AlreadyPosted` and `AlreadyVoided`, `NotPosted`, `Expired`, `TooManyLines`, `UnitMismatch`, `UnknownBudget`, `Repeated`, `Unsettled`,
/// `RefundExceeds`, `Denied` and `Overage`, `Full`. There is no overflow: amounts and specifications are checked so that
/// no sum of them can.
///
/// What an id was used for is settled before the lines are looked at: a known id with a line in the wrong unit is an
/// `IdMismatch`, because the unit belongs to the amount. A second settlement at another amount is `AlreadyPosted` and not
/// `IdMismatch`: the id is the right one, the job is only over. An id that was denied was never set aside, and is
/// `NotFound` to all but the call that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LedgerError {
    /// This id was used before for other amounts.
    IdMismatch,
    /// This id was used before; [`ask`](crate::Ledger::ask) takes fresh ones only.
    IdInUse,
    /// No hold has this id, or it was resolved too long ago to be remembered.
    NotFound,
    /// The id is from before a reboot and is not remembered: its amounts are inside what was restored as used, so that
    /// there is nothing to charge, to settle or to give back.
    Absorbed,
    /// The hold was settled already, at another amount.
    AlreadyPosted,
    /// The hold was voided already.
    AlreadyVoided,
    /// The hold is not posted yet: nothing can be refunded.
    NotPosted,
    /// The hold's time is up, and it has been released.
    Expired,
    /// More lines than a hold of this ledger can have.
    TooManyLines,
    /// The line at this position is in another unit than its account.
    UnitMismatch {
        /// Its position.
        line: u8,
        /// The unit of the account: its [`NAME`](Unit::NAME).
        expected: &'static str,
    },
    /// The line at this position names an account that is not open, or not part of the hold.
    UnknownBudget {
        /// Its position.
        line: u8,
    },
    /// The line at this position names an account a second time.
    Repeated {
        /// Its position.
        line: u8,
    },
    /// A settlement says nothing about this account of the hold; say zero if it is zero.
    Unsettled {
        /// The account.
        account: AccountId,
    },
    /// The line at this position refunds more than is left of what was posted.
    RefundExceeds {
        /// Its position.
        line: u8,
        /// What is left to refund, in millionths.
        left: u64,
    },
    /// A budget has too little left. The id remembers it: the same call gets the same answer again, so ask anew under
    /// a new id, or [`check`](crate::Ledger::check) first.
    Denied {
        /// Which, and by how much.
        short: Shortfall,
        /// It was answered before.
        replayed: bool,
    },
    /// A settlement does not fit. A live hold stays, and will be posted and not released when its time is up, because
    /// the job is known to have run; of a late one the amount is counted as unaccounted.
    Overage(Shortfall),
    /// All the places for holds are taken by live ones.
    Full,
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdMismatch => f.write_str("this id was used for other amounts: expected a new id"),
            Self::IdInUse => f.write_str("this id was used before: expected a new id"),
            Self::NotFound => f.write_str("no hold has this id: expected one that lives or is remembered"),
            Self::Absorbed => f.write_str("the id is from before a reboot: what it took is counted already"),
            Self::AlreadyPosted => f.write_str("settled already, at another amount"),
            Self::AlreadyVoided => f.write_str("voided already"),
            Self::NotPosted => f.write_str("not settled yet: expected a posted hold"),
            Self::Expired => f.write_str("the hold's time is up"),
            Self::TooManyLines => f.write_str("more lines than a hold of this ledger can have: expected fewer"),
            Self::UnitMismatch { line, expected } => {
                write!(f, "line {line} is in another unit than its account: expected {expected}")
            }
            Self::UnknownBudget { line } => {
                write!(f, "line {line} names an account that is not there: expected one that is open, or of the hold")
            }
            Self::Repeated { line } => write!(f, "line {line} names an account a second time: expected each once"),
            Self::Unsettled { account } => write!(f, "no amount for account {}: expected one, or zero", account.0),
            Self::RefundExceeds { line, left } => write!(f, "line {line} refunds more than the {left} millionths left"),
            Self::Denied { short, .. } => write!(f, "denied: {short}"),
            Self::Overage(short) => write!(f, "the settlement does not fit: {short}"),
            Self::Full => f.write_str("no place for another hold: expected one to be settled first"),
        }
    }
}

impl core::error::Error for LedgerError {}

/// What happens to a hold whose time is up before anybody has settled or voided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnExpiry {
    /// It is released. A settlement that comes later is tried as a fresh charge.
    Free,
    /// It is posted in full: for what was sent and never answered. A settlement that comes later corrects it.
    Post,
}

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HoldState {
    /// The amounts are set aside.
    Live,
    /// It was settled.
    Posted,
    /// It was settled after its time was up.
    PostedLate,
    /// It was released.
    Voided,
    /// Its time was up, and nobody has settled it since.
    Expired,
    /// It was never set aside.
    Denied(Shortfall),
}

/// What a call on a ledger did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a replay or a late settlement may need the caller's attention"]
pub struct Receipt {
    /// Where the hold stands now.
    pub state: HoldState,
    /// The same call was answered before, and nothing has changed.
    pub replayed: bool,
    /// Lines that were admitted above the soft limit.
    pub soft: Lines,
    /// Lines that were settled above their hold.
    pub beyond: Lines,
    /// Lines of which a part could not be booked, and was added to what is unaccounted.
    pub missed: Lines,
    /// Lines refunded, at least in part, to a period that is closed: recorded, and nothing is free because of it.
    pub closed: Lines,
}

impl Receipt {
    pub(crate) const fn of(state: HoldState) -> Self {
        let none = Lines::NONE;
        Self { state, replayed: false, soft: none, beyond: none, missed: none, closed: none }
    }

    pub(crate) const fn replay(state: HoldState) -> Self {
        let mut receipt = Self::of(state);
        receipt.replayed = true;
        receipt
    }
}

/// A hold with up to `L` lines, live or remembered.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hold<const L: usize> {
    pub(crate) id: JobId,
    pub(crate) until: Instant,
    pub(crate) lines: Vec<HeldLine, L>,
    pub(crate) state: HoldState,
    /// A number of its own, so that a stale reservation is recognised.
    pub(crate) mark: u32,
    /// The order in which it was resolved.
    pub(crate) order: u32,
    pub(crate) on_expiry: OnExpiry,
    /// It has no id of the caller's, and is forgotten once it is resolved.
    pub(crate) anonymous: bool,
}

/// One line of a [`Hold`]; amounts in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeldLine {
    pub(crate) account: AccountId,
    /// The period of the reserve; for a rolling budget, once posted, its slice.
    pub(crate) tag: i32,
    pub(crate) extra_tag: i32,
    pub(crate) reserved: u64,
    /// What the settlement named; before it, what a late one named in vain.
    pub(crate) actual: u64,
    /// What was posted to the period of the reserve.
    pub(crate) taken: u64,
    /// What was charged on top, to the period of the settlement.
    pub(crate) extra: u64,
    pub(crate) refunded: u64,
}

impl HeldLine {
    pub(crate) const fn new(line: &Line, tag: i32) -> Self {
        Self {
            account: line.account,
            tag,
            extra_tag: tag,
            reserved: line.micros,
            actual: 0,
            taken: 0,
            extra: 0,
            refunded: 0,
        }
    }

    /// Which account.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// What was set aside.
    pub const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// What was booked in the end, debt included, refunds not deducted.
    pub const fn posted(&self) -> u64 {
        self.taken.saturating_add(self.extra)
    }

    /// What was refunded of it.
    pub const fn refunded(&self) -> u64 {
        self.refunded
    }

    pub(crate) const fn refundable(&self) -> u64 {
        self.posted().saturating_sub(self.refunded)
    }
}

impl<const L: usize> Hold<L> {
    /// The caller's id.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Where it stands.
    pub const fn state(&self) -> HoldState {
        self.state
    }

    /// When its time is up, the ledger's grace not included.
    pub const fn until(&self) -> Instant {
        self.until
    }

    /// Its lines, in the order in which they were reserved.
    pub fn lines(&self) -> &[HeldLine] {
        &self.lines
    }

    /// Whether these amounts are the ones that were asked for, in the same order; `unit` knows that of each account.
    pub(crate) fn asked(&self, lines: &[Line], unit: impl Fn(AccountId) -> Option<u32>) -> bool {
        let same = |(held, line): (&HeldLine, &Line)| {
            held.account == line.account && held.reserved == line.micros && unit(line.account) == Some(line.unit)
        };
        self.lines.len() == lines.len() && self.lines.iter().zip(lines).all(same)
    }

    /// Whether these are the amounts it was settled at, in any order, each account once.
    pub(crate) fn settled_at(&self, lines: &[Line], unit: impl Fn(AccountId) -> Option<u32>) -> bool {
        let same = |held: &HeldLine, line: &Line| {
            held.account == line.account && held.actual == line.micros && unit(line.account) == Some(line.unit)
        };
        self.lines.len() == lines.len() && self.lines.iter().all(|held| lines.iter().any(|line| same(held, line)))
    }

    pub(crate) fn line(&self, account: AccountId) -> Option<&HeldLine> {
        self.lines.iter().find(|line| line.account == account)
    }

    /// Turns it into one whose time is up. What is posted then was posted where it had been reserved.
    pub(crate) fn expire(&mut self) {
        self.state = HoldState::Expired;
        if self.on_expiry == OnExpiry::Post {
            for line in &mut self.lines {
                line.taken = line.reserved;
            }
        }
    }
}
