//! What goes into a [`Queue`](crate::Queue), what comes out of it, and how it decides.

use core::fmt;

use crate::job::JobId;
use crate::time::Instant;

/// A job with what the queue has to know of it. It is handed back whole: when it is served, cancelled, expired or refused.
///
/// # Example
/// ```
/// use tollgate::{Entry, Instant, JobId};
/// let entry = Entry::new(JobId(7), "a cat on a skateboard").key(42).class(1).deadline(Instant::from_secs(60));
/// assert_eq!((entry.id, entry.key, entry.class), (JobId(7), 42, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry<T> {
    /// The caller's name for the job; no two entries of a queue share one.
    pub id: JobId,
    /// Whose job it is: a user, a project, a device. Keys of one class take turns.
    pub key: u32,
    /// How urgent it is: 0 is the most urgent class, the number of classes less one the least.
    pub class: u8,
    /// The last instant at which it may be served; [`Instant::MAX`] for none.
    pub deadline: Instant,
    /// Whatever the caller needs to do the job.
    pub payload: T,
    /// Its place in the order of arrival, which it keeps when it comes back; 0 until it was queued.
    pub(crate) arrival: u64,
}

impl<T> Entry<T> {
    /// An entry of key 0 in class 0 without a deadline.
    pub const fn new(id: JobId, payload: T) -> Self {
        Self { id, key: 0, class: 0, deadline: Instant::MAX, payload, arrival: 0 }
    }

    /// The same entry with this key.
    #[must_use]
    pub fn key(mut self, key: u32) -> Self {
        self.key = key;
        self
    }

    /// The same entry in this class; 0 is the most urgent one.
    #[must_use]
    pub fn class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }

    /// The same entry with this deadline: served at that very instant is in time, a microsecond later is not.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = deadline;
        self
    }
}

/// An entry as it waits in the queue, to look at.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Waiting<'a, T> {
    /// The caller's name for the job.
    pub id: JobId,
    /// Whose job it is.
    pub key: u32,
    /// How urgent it is.
    pub class: u8,
    /// The last instant at which it may be served; [`Instant::MAX`] for none.
    pub deadline: Instant,
    /// Not served before this; [`Instant::ORIGIN`] unless it came back.
    pub not_before: Instant,
    /// How often another one was served although this one's turn came first.
    pub overtaken: u8,
    /// What the caller gave.
    pub payload: &'a T,
}

impl<T> Clone for Waiting<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Waiting<'_, T> {}

/// How a [`Queue`](crate::Queue) chooses between classes, and whom it lets pass.
///
/// # Example
/// ```
/// use tollgate::{QueuePolicy, SkipAhead};
/// let strict = QueuePolicy::DEFAULT;
/// let nimble = QueuePolicy { skip_ahead: Some(SkipAhead { past: 4, times: 10 }), ..strict };
/// assert_eq!(strict.skip_ahead, None);
/// # let _ = nimble;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QueuePolicy {
    /// How often a waiting class is passed over by more urgent ones before its turn is due.
    ///
    /// With `C` classes, two or more, none is passed over more than `max(patience, 1) + C - 2` times in a row. Zero makes
    /// the classes take turns; [`u16::MAX`] comes near to strict priority.
    pub patience: u16,
    /// Whether one may be served although the turn of another, who has to wait, comes first. `None`: the first blocks,
    /// so that a big job is never starved by small ones.
    pub skip_ahead: Option<SkipAhead>,
    /// Places that newcomers leave free for jobs that come back. With as many as the queue has, no newcomer gets in.
    pub room_for_returns: u16,
}

impl QueuePolicy {
    /// Due after seven times: one service in eight; nobody is overtaken, no places are left free.
    pub const DEFAULT: Self = Self { patience: 7, skip_ahead: None, room_for_returns: 0 };
}

impl Default for QueuePolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How far one may be served ahead of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SkipAhead {
    /// How many entries may be overtaken at once; zero is none.
    pub past: u8,
    /// How often an entry is overtaken at most; then it blocks until it is served. Zero is never.
    pub times: u8,
}

/// Why a queue does not take an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum QueueError {
    /// There is no such class.
    UnknownClass {
        /// The class asked for.
        class: u8,
        /// How many there are, counted from class 0.
        classes: u8,
    },
    /// A job of this name waits already.
    AlreadyQueued(JobId),
    /// The deadline has passed, or will have before the job can be served.
    TooLate {
        /// The last instant at which it may be served.
        deadline: Instant,
        /// The first instant at which it could be.
        earliest: Instant,
    },
    /// Every place that a newcomer may have is taken; one is freed when an entry is served, cancelled or expired.
    Full {
        /// How many entries wait.
        waiting: u16,
    },
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownClass { class, classes } => {
                write!(f, "class {class} is unknown: expected one below {classes}")
            }
            Self::AlreadyQueued(id) => write!(f, "job {} waits already: expected one that does not", id.0),
            Self::TooLate { deadline, earliest } => {
                write!(f, "deadline {deadline} cannot be met: expected {earliest} or later")
            }
            Self::Full { waiting } => write!(f, "queue is full: {waiting} wait, expected a free place"),
        }
    }
}

impl core::error::Error for QueueError {}

/// An entry that the queue did not take, with the reason; the queue has not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rejected<T> {
    /// Why.
    pub why: QueueError,
    /// The entry, as it was given.
    pub entry: Entry<T>,
}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Rejected<T> {}
