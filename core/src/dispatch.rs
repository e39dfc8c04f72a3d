//! `Dispatch`: what a [`Dispatcher`] has for a worker, in the words of a limiter: now, then, or on a release.
//!
//! For whoever waits for work in a line, as the adapters do. A loop of its own asks [`Dispatcher::next`].

use crate::any_gate::AnyGate;
use crate::dispatcher::{Dispatcher, Next, Work};
use crate::gate::{AskError, Permit};
use crate::limiter::Denied;
use crate::queue_entry::Entry;
use crate::time::Instant;

/// Something to do: a job to send, or one that will not be sent. `P` is a permit, or a guard around one.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a permit holds a slot, money and a request until it is sent or cancelled, and no job is dropped in silence"]
pub enum Dispatch<T, P = Permit> {
    /// Send it now.
    Send {
        /// The job.
        entry: Entry<T>,
        /// Its permit.
        permit: P,
    },
    /// Its deadline has passed.
    Expired(Entry<T>),
    /// It can never be sent as it is.
    Rejected {
        /// The job.
        entry: Entry<T>,
        /// What is wrong with it.
        why: AskError,
    },
}

impl<T, P> Dispatch<T, P> {
    /// The same with another permit: a guard around it.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Dispatch, Entry, JobId};
    /// let job = Dispatch::Send { entry: Entry::new(JobId(7), ()), permit: 7 };
    /// assert_eq!(job.map(|permit| permit + 1), Dispatch::Send { entry: Entry::new(JobId(7), ()), permit: 8 });
    /// ```
    pub fn map<Q>(self, guard: impl FnOnce(P) -> Q) -> Dispatch<T, Q> {
        match self {
            Self::Send { entry, permit } => Dispatch::Send { entry, permit: guard(permit) },
            Self::Expired(entry) => Dispatch::Expired(entry),
            Self::Rejected { entry, why } => Dispatch::Rejected { entry, why },
        }
    }
}

impl<G: AnyGate, T: Work, const N: usize, const C: usize> Dispatcher<G, T, N, C> {
    /// As [`next`](Self::next), with a refusal where there is nothing to do.
    ///
    /// # Errors
    /// [`Denied::Until`]: nothing before then, unless a job is finished or submitted; [`Denied::Busy`]: nothing before
    /// that.
    ///
    /// # Example
    /// ```
    /// use tollgate::{
    ///     Denied, Dispatch, Dispatcher, Duration, Entry, Gate, Instant, JobId, Limits, Queue, QueuePolicy, Request, Work,
    /// };
    /// #[derive(Debug)]
    /// struct Clip;
    /// impl Work for Clip {
    ///     fn request(&self, id: JobId) -> Request<'_> {
    ///         Request::new(id, Duration::MAX)
    ///     }
    /// }
    /// let now = Instant::ORIGIN;
    /// let gate = Gate::<_, 8, 8>::new(Limits::new(), now).with_slots(1);
    /// let mut jobs = Dispatcher::new(gate, Queue::<_, 16>::new(QueuePolicy::DEFAULT));
    /// assert_eq!(jobs.dispatch(now).unwrap_err(), Denied::Busy);
    /// jobs.submit(now, Entry::new(JobId(1), Clip)).unwrap();
    /// assert!(matches!(jobs.dispatch(now), Ok(Dispatch::Send { entry, .. }) if entry.id == JobId(1)));
    /// ```
    pub fn dispatch(&mut self, now: Instant) -> Result<Dispatch<T>, Denied> {
        match self.next(now) {
            Next::Send { entry, permit } => Ok(Dispatch::Send { entry, permit }),
            Next::Expired(entry) => Ok(Dispatch::Expired(entry)),
            Next::Rejected { entry, why } => Ok(Dispatch::Rejected { entry, why }),
            Next::WaitUntil(at) => Err(Denied::Until(at)),
            Next::WaitForRelease | Next::Empty => Err(Denied::Busy),
        }
    }
}
