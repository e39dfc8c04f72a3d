//! `Request`: what is asked of a [`Gate`](super::Gate), and why it may be refused.

use core::fmt;

use super::Asks;
use super::job::JobState;
use crate::hold::{AccountId, LedgerError, Line};
use crate::job::JobId;
use crate::limiter::Denied;
use crate::retry::Repeatable;
use crate::time::Duration;

/// Which limit of a gate binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Binding {
    /// The server has closed the gate, or asked to go slower.
    Block,
    /// The rate of requests.
    Requests,
    /// The strict window.
    Window,
    /// Too many jobs at once.
    Slots,
    /// The table of jobs is full.
    Jobs,
    /// Too many requests on their way at once.
    Calls,
    /// This account; a `Never` counts in millionths of its unit.
    Money(AccountId),
    /// The breaker is open.
    Breaker,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.write_str("the server's block"),
            Self::Requests => f.write_str("the rate of requests"),
            Self::Window => f.write_str("the window of requests"),
            Self::Slots => f.write_str("the slots"),
            Self::Jobs => f.write_str("the table of jobs"),
            Self::Calls => f.write_str("the requests on their way"),
            Self::Money(account) => write!(f, "account {}", account.0),
            Self::Breaker => f.write_str("the breaker"),
        }
    }
}

/// Why there is no permit. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AskError {
    /// A limit binds. It is not remembered against the job: ask again then.
    Refused {
        /// Which one.
        limit: Binding,
        /// What it said; an `Until` is when the whole call passes, if nothing happens in between. Where a lease has to
        /// end that is late: a job that is finished may let it pass sooner.
        denied: Denied,
    },
    /// The job is here already: asking again would run it twice.
    Known {
        /// Where it stands; `Unknown` while another request of it is on its way.
        state: JobState,
    },
    /// It may be running, and the request cannot be repeated without running it twice.
    MaybeRunning,
    /// What is wrong with the estimate.
    Estimate(LedgerError),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { limit, denied } => write!(f, "{limit}: {denied}"),
            Self::Known { state } => write!(f, "the job is here already, {state}: expected a new one"),
            Self::MaybeRunning => f.write_str("the job may be running: expected an idempotency key to send it again"),
            Self::Estimate(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AskError {}

/// One request for a permit.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'r> {
    pub(super) job: JobId,
    pub(super) weight: u32,
    pub(super) requests: u32,
    pub(super) estimate: &'r [Line],
    pub(super) lease: Duration,
    pub(super) repeatable: Repeatable,
    pub(super) retry: bool,
}

impl<'r> Request<'r> {
    /// A job of weight 1 that costs one request and no money, and may run for `lease` from its sending unless it is
    /// renewed; zero and [`Duration::MAX`] are for ever.
    pub const fn new(job: JobId, lease: Duration) -> Self {
        let repeatable = Repeatable::No;
        Self { job, weight: 1, requests: 1, estimate: &[], lease, repeatable, retry: false }
    }

    /// It takes so many slots; zero for none.
    #[must_use]
    pub const fn weighs(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// It counts as so many requests.
    #[must_use]
    pub const fn counts(self, requests: u32) -> Self {
        Self { requests, ..self }
    }

    /// It will cost about this.
    #[must_use]
    pub const fn costs(self, estimate: &'r [Line]) -> Self {
        Self { estimate, ..self }
    }

    /// Whether it may be sent again while nobody knows whether it runs.
    #[must_use]
    pub const fn repeatable(self, repeatable: Repeatable) -> Self {
        Self { repeatable, ..self }
    }

    /// How often it was sent before: from 1 on it is a retry, and adds nothing to what retries may draw upon.
    #[must_use]
    pub const fn attempt(self, attempt: u32) -> Self {
        Self { retry: attempt > 0, ..self }
    }

    /// The job that it starts, or goes on with.
    pub(super) fn started(&self, asks: Asks) -> Option<JobId> {
        (asks != Asks::Nothing).then_some(self.job)
    }

    /// Its job.
    pub const fn job(&self) -> JobId {
        self.job
    }
}
