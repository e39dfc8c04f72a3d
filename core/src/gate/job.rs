//! `JobState`: where a job stands between the question and the last word about its cost.
//!
//! ```text
//! Asked ── sending ──> Sent ── accepted ──> Running ──────── finished ──┐
//!   └ cancelled, not      ├ refused ─> free    ├ not listed: NeedsActual ┼──> Settled
//!     sent in time: free  └ lost ───> Unknown ─┴ lease over: Overdue ────┘
//! ```

use core::fmt;

use crate::hold::AccountId;
use crate::hold::LedgerError;
use crate::job::JobId;
use crate::time::Instant;

/// Where a job of a [`Gate`](super::Gate) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum JobState {
    /// It has a permit that is not sent yet.
    Asked,
    /// Its request is under way.
    Sent,
    /// Its request broke off, or was lost in a reboot: nobody knows whether it runs. Slot and hold stay.
    Unknown,
    /// The server has accepted it. Slot and hold stay.
    Running,
    /// The server no longer lists it and nobody has said what it cost. The hold stays.
    NeedsActual,
    /// Its lease is over: its slot is free, its hold is posted, and the first word about its cost corrects it.
    Overdue,
    /// It is paid for.
    Settled,
}

impl JobState {
    /// Whether it takes a slot.
    pub const fn has_slot(self) -> bool {
        matches!(self, Self::Asked | Self::Sent | Self::Unknown | Self::Running)
    }

    /// Whether its lease ends it. What was asked and not sent ends with its request.
    pub(super) const fn has_lease(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown | Self::Running | Self::NeedsActual)
    }

    /// Whether its estimate is set aside.
    pub const fn has_hold(self) -> bool {
        self.has_slot() || matches!(self, Self::NeedsActual)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "asked",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::NeedsActual => "needs its actual cost",
            Self::Overdue => "overdue",
            Self::Settled => "settled",
        })
    }
}

/// Why a word about a job or a permit does nothing. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GateError {
    /// No such job: never asked for, free again, or forgotten.
    NotFound,
    /// The permit is not one of a request under way: used up, cancelled, or not sent in time.
    StalePermit,
    /// This does not happen to a job in this state.
    Unexpected {
        /// Where the job stands.
        state: JobState,
    },
    /// The job was settled at other amounts before.
    Mismatch,
    /// What is wrong with the amounts.
    Ledger(LedgerError),
}

impl From<LedgerError> for GateError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such job: never asked for, free again, or forgotten"),
            Self::StalePermit => f.write_str("a permit that is used up: expected one of a request under way"),
            Self::Unexpected { state } => write!(f, "this does not happen to a job that is {state}"),
            Self::Mismatch => f.write_str("settled at other amounts before: expected the same"),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GateError {}

/// One amount of a job: set aside, posted when its lease was over, or settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeldAmount {
    pub(crate) micros: u64,
    /// The period it belongs to, as its ledger names them.
    pub(crate) tag: i32,
    pub(crate) account: AccountId,
    /// Settled, and `micros` is only the part of it that was booked and not given back since.
    pub(crate) partial: bool,
    /// No padding, so that it is copied in whole words.
    pub(crate) spare: u16,
}

impl HeldAmount {
    /// An empty place: a ledger has at most 255 accounts, so that the last number is never one.
    pub(crate) const NONE: Self = Self { micros: 0, tag: 0, account: AccountId(u8::MAX), partial: false, spare: 0 };

    pub(crate) const fn is_some(&self) -> bool {
        self.account.0 != u8::MAX
    }
}

/// One entry of the table of jobs.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Job<A> {
    pub(crate) id: JobId,
    /// The provider's name for it; 0 while it has none.
    pub(crate) tag: u64,
    /// When it was sent last; while asked, when that was.
    pub(crate) sent: Instant,
    /// When the permit is void, or the lease is over.
    pub(crate) ends: Instant,
    pub(crate) amounts: A,
    pub(crate) weight: u32,
    /// The order in which it was settled or became overdue, for who is forgotten first. It wraps: only the table counts.
    pub(crate) order: u16,
    pub(crate) state: JobState,
    flags: u8,
}

/// A complete list did not have it.
const MISSED: u8 = 1;
/// What time did to it has not been told yet.
const UNTOLD: u8 = 2;
/// Two complete lists did not have it.
const GONE: u8 = 4;

impl<A> Job<A> {
    /// One that is asked for.
    pub(crate) fn new(id: JobId, weight: u32, amounts: A, now: Instant, until: Instant) -> Self {
        Self { id, tag: 0, sent: now, ends: until, amounts, weight, order: 0, state: JobState::Asked, flags: 0 }
    }

    /// It is in another state; whether that is to be told, and what lists said before no longer counts.
    pub(crate) fn enter(&mut self, state: JobState, untold: bool) {
        self.state = state;
        self.flags = if untold { UNTOLD } else { 0 };
    }

    /// For an image.
    #[cfg(feature = "image")]
    pub(crate) const fn flags(&self) -> u8 {
        self.flags
    }

    /// Goes on as it was in an image; `false` for flags that there are none of.
    #[cfg(feature = "image")]
    pub(crate) const fn resume(&mut self, state: JobState, flags: u8) -> bool {
        (self.state, self.flags) = (state, flags & (MISSED | UNTOLD | GONE));
        flags == self.flags
    }

    pub(crate) const fn is_untold(&self) -> bool {
        self.flags & UNTOLD != 0
    }

    pub(crate) const fn tell(&mut self) {
        self.flags &= !UNTOLD;
    }

    pub(crate) const fn is_gone(&self) -> bool {
        self.flags & GONE != 0
    }

    /// A complete list did not have it; two in a row, and it is gone.
    pub(crate) const fn miss(&mut self) {
        self.flags |= if self.flags & MISSED == 0 { MISSED } else { GONE };
    }

    pub(crate) const fn found(&mut self) {
        self.flags &= !(MISSED | GONE);
    }

    /// Whether it takes a slot at `eff`.
    pub(crate) fn occupies(&self, eff: Instant) -> bool {
        self.state.has_slot() && self.ends > eff
    }

    /// Whether time has ended its state by `eff` and nobody has written that down.
    pub(crate) fn is_due(&self, eff: Instant) -> bool {
        self.state.has_hold() && self.ends <= eff
    }

    /// Whether a new job may take its place at `eff`.
    pub(crate) fn is_forgettable(&self, eff: Instant) -> bool {
        !self.state.has_hold() || self.is_due(eff)
    }
}

/// How a job's hold ends when time ends it.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    pub(crate) at: Instant,
    /// It was sent: it is posted and not freed.
    pub(crate) posts: bool,
    pub(crate) amount: HeldAmount,
}

impl<A: AsRef<[HeldAmount]>> Job<A> {
    pub(crate) fn endings(&self) -> impl Iterator<Item = Ending> + Clone + '_ {
        let held = if self.state.has_hold() { self.amounts.as_ref() } else { &[] };
        let posts = self.state != JobState::Asked;
        let amounts = held.iter().filter(|amount| amount.is_some());
        amounts.map(move |amount| Ending { at: self.ends, posts, amount: *amount })
    }
}
