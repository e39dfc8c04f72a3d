//! Why a journal cannot be opened or written, and why a call on a keeper was refused.

use core::fmt;

use crate::gate::GateError;
use crate::hold::{AccountId, LedgerError};
#[cfg(feature = "image")]
use crate::image::ImageError;

use super::layout::LayoutError;

/// What is wrong with a journal, apart from the flash failing. Nothing was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JournalFault {
    /// The flash cannot hold a journal like this.
    Layout(LayoutError),
    /// No page is a journal's, and all there is are zeros.
    Zeroed,
    /// No page is a journal's, and the flash is not erased: it belongs to somebody else, or was destroyed.
    Unknown,
    /// The journal is in another version of the format.
    Version {
        /// Which.
        found: u8,
    },
    /// The journal is that of other accounts: other units, other periods, more or fewer of them.
    Config {
        /// Its fingerprint.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// The journal has pages or records of another size, or another number of pages.
    OtherLayout,
    /// A record names an account that is not open.
    NoAccount {
        /// Which.
        account: AccountId,
    },
    /// The journal has more jobs than there are places for.
    Jobs {
        /// How many there are places for.
        most: u16,
    },
    /// It was not said for every account, in order, how it is kept.
    Keeping {
        /// For how many it was said.
        given: u8,
        /// How many are open.
        accounts: u8,
    },
    /// A page has too few slots for all that may have to be copied to it, or too little room for two images.
    PageTooSmall {
        /// How many it has.
        slots: u16,
    },
    /// A job weighs more than a record has room for.
    TooHeavy {
        /// What it weighs.
        weight: u32,
    },
    /// The newest image cannot be restored: it is of something else, or of another configuration.
    #[cfg(feature = "image")]
    Image(ImageError),
    /// The numbers of records or pages are used up: after 4 294 967 294 of them.
    Exhausted,
}

impl fmt::Display for JournalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(error) => error.fmt(f),
            Self::Zeroed => f.write_str("the flash is all zeros: expected a journal or erased pages"),
            Self::Unknown => f.write_str("no page is a journal's: expected a journal or erased pages"),
            Self::Version { found } => write!(f, "a journal of version {found}: expected {}", super::FORMAT),
            Self::Config { found, expected } => {
                write!(f, "a journal of other accounts ({found:#010x}): expected {expected:#010x}")
            }
            Self::OtherLayout => {
                f.write_str("a journal with other pages or records: expected the layout it was made with")
            }
            Self::NoAccount { account } => write!(f, "a record names account {}: expected one that is open", account.0),
            Self::Jobs { most } => write!(f, "the journal has more jobs than fit: expected at most {most}"),
            Self::Keeping { given, accounts } => {
                write!(f, "told how {given} accounts are kept: expected all {accounts} that are open")
            }
            Self::PageTooSmall { slots } => {
                write!(f, "a page of {slots} slots: expected room for all accounts, jobs and blocks")
            }
            Self::TooHeavy { weight } => write!(f, "a job of weight {weight}: expected at most 65535"),
            #[cfg(feature = "image")]
            Self::Image(error) => error.fmt(f),
            Self::Exhausted => f.write_str("the numbers of records are used up: expected a new flash"),
        }
    }
}

impl core::error::Error for JournalFault {}

/// Why a journal cannot be opened or written. Nothing was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum JournalError<E> {
    /// The flash failed: worn, full, or without power.
    Flash(E),
    /// It is the journal.
    Fault(JournalFault),
}

impl<E> From<JournalFault> for JournalError<E> {
    fn from(fault: JournalFault) -> Self {
        Self::Fault(fault)
    }
}

impl<E> From<LayoutError> for JournalError<E> {
    fn from(error: LayoutError) -> Self {
        Self::Fault(JournalFault::Layout(error))
    }
}

impl<E: fmt::Debug> fmt::Display for JournalError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for JournalError<E> {}

/// Why a call on a [`Keeper`](super::Keeper) was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum KeepError<E> {
    /// By the ledger; see there what has changed.
    Ledger(LedgerError),
    /// By the journal, before anything was granted.
    Journal(JournalError<E>),
}

impl<E> From<LedgerError> for KeepError<E> {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl<E> From<JournalError<E>> for KeepError<E> {
    fn from(error: JournalError<E>) -> Self {
        Self::Journal(error)
    }
}

impl<E: fmt::Debug> fmt::Display for KeepError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for KeepError<E> {}

/// Why a call on a [`GateKeeper`](super::GateKeeper) was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum GateKeepError<E> {
    /// By the gate; nothing has changed.
    Gate(GateError),
    /// By the journal: the record could not be written.
    Journal(JournalError<E>),
}

impl<E> From<GateError> for GateKeepError<E> {
    fn from(error: GateError) -> Self {
        Self::Gate(error)
    }
}

impl<E> From<JournalError<E>> for GateKeepError<E> {
    fn from(error: JournalError<E>) -> Self {
        Self::Journal(error)
    }
}

impl<E: fmt::Debug> fmt::Display for GateKeepError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for GateKeepError<E> {}
