//! `AnyGate`: a gate by itself, or one that keeps its jobs in a journal, by one name.

use crate::gate::{Answer, AnyLimits, AskError, Gate, GateError, JobState, Permit, Request, Restrain};
use crate::job::JobId;
use crate::retry::{Outcome, Retry};
use crate::time::Instant;

/// What a [`Dispatcher`](crate::Dispatcher) asks: a [`Gate`], or a `GateKeeper` (feature `journal`). Nobody else implements it.
pub trait AnyGate: sealed::Sealed {
    /// As [`Gate::earliest`].
    ///
    /// # Errors
    /// As there.
    fn earliest(&self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError>;
    /// As [`Gate::ask`].
    ///
    /// # Errors
    /// As there.
    fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError>;
    /// As [`Gate::cancel`].
    ///
    /// # Errors
    /// As there.
    fn cancel(&mut self, now: Instant, permit: Permit) -> Result<(), GateError>;
    /// As [`Gate::answered`].
    ///
    /// # Errors
    /// As there.
    fn answered(
        &mut self,
        now: Instant,
        permit: &Permit,
        outcome: &Outcome,
        retry: &mut Retry,
        entropy: u32,
    ) -> Result<Answer, GateError>;
    /// As [`Gate::cancel_retry`].
    fn cancel_retry(&mut self, retry: &mut Retry);
    /// As [`Gate::job`].
    fn job(&self, now: Instant, id: JobId) -> Option<JobState>;
    /// As [`Gate::jobs`].
    fn jobs(&self) -> impl Iterator<Item = (JobId, JobState)> + '_;
    /// As [`Gate::in_flight`].
    fn in_flight(&self, now: Instant) -> u64;
    /// When the next slot is free by the end of its lease alone.
    fn next_slot(&self, now: Instant) -> Option<Instant>;
    /// As [`Gate::next_event`].
    fn next_event(&self, now: Instant) -> Option<Instant>;
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// A job that was to be sent again ([`Answer::RetryAt`], [`Answer::RetryOnRelease`]) is not: what its retry took from
    /// the gate's stock of retries comes back, as by [`Retry::cancel`].
    ///
    /// The job itself is left as it is: one that is [`Unknown`](JobState::Unknown) stays unknown.
    ///
    /// # Example
    /// ```
    /// use tollgate::{
    ///     Answer, Duration, Failure, Gate, Instant, JobId, Limits, Outcome, QuotaCosts, Repeatable, Request, Restraint,
    ///     Retry, RetryQuota, presets::backoffs,
    /// };
    /// let now = Instant::ORIGIN;
    /// let restraint = Restraint { quota: Some(RetryQuota::new(QuotaCosts::AWS)), ..Restraint::default() };
    /// let mut gate = Gate::<_, 8, 2>::new(Limits::new().restraint(restraint), now);
    /// let left = |gate: &Gate<Limits<(), (), (), (), Restraint>, 8, 2>| {
    ///     gate.limits().restraint.quota.as_ref().map(RetryQuota::left)
    /// };
    /// let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, now);
    /// let permit = gate.ask(now, &Request::new(JobId(1), Duration::from_mins(10)))?;
    /// gate.sending(now, &permit)?;
    /// let answer = gate.answered(now, &permit, &Outcome::Failed(Failure::NotSent), &mut retry, 0)?;
    /// assert!(matches!(answer, Answer::RetryAt(_)));
    /// assert_eq!(left(&gate), Some(486));
    /// gate.cancel_retry(&mut retry); // whoever wanted it has gone
    /// assert_eq!(left(&gate), Some(500));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_retry(&mut self, retry: &mut Retry) {
        if let Some(restraint) = self.limits.all_mut().restraint.restraint() {
            retry.cancel(restraint);
        }
    }
}

/// The impl of a type whose questions go to `$gate`; `answered` and the verbs are its own.
macro_rules! any_gate {
    ([$($generics:tt)*], $Type:ty, |$self:ident| $gate:expr) => {
        impl<$($generics)*> AnyGate for $Type {
            fn earliest(&$self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError> {
                $gate.earliest(now, request)
            }
            fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError> {
                <$Type>::ask(self, now, request)
            }
            fn cancel(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
                <$Type>::cancel(self, now, permit)
            }
            fn answered(
                &mut self,
                now: Instant,
                permit: &Permit,
                outcome: &Outcome,
                retry: &mut Retry,
                entropy: u32,
            ) -> Result<Answer, GateError> {
                <$Type>::answered(self, now, permit, outcome, retry, entropy)
            }
            fn cancel_retry(&mut self, retry: &mut Retry) {
                <$Type>::cancel_retry(self, retry);
            }
            fn job(&$self, now: Instant, id: JobId) -> Option<JobState> {
                $gate.job(now, id)
            }
            fn jobs(&$self) -> impl Iterator<Item = (JobId, JobState)> + '_ {
                $gate.jobs()
            }
            fn in_flight(&$self, now: Instant) -> u64 {
                $gate.in_flight(now)
            }
            fn next_slot(&$self, now: Instant) -> Option<Instant> {
                $gate.next_slot(now)
            }
            fn next_event(&$self, now: Instant) -> Option<Instant> {
                $gate.next_event(now)
            }
        }
        impl<$($generics)*> sealed::Sealed for $Type {}
    };
}

any_gate!([L: AnyLimits, const JOBS: usize, const CALLS: usize], Gate<L, JOBS, CALLS>, |self| self);

#[cfg(feature = "journal")]
any_gate!(
    [
        'a,
        F: embedded_storage::nor_flash::NorFlash,
        Q: crate::gate::Requests,
        W: crate::gate::Part,
        B: crate::gate::Fuse,
        R: crate::gate::Restrain,
        A: crate::gate::Adapt,
        const N: usize,
        const L: usize,
        const S: usize,
        const JOBS: usize,
        const CALLS: usize
    ],
    crate::journal::GateKeeper<F, crate::gate::Limits<Q, W, crate::ledger::Ledger<'a, N, 0, L, 0, S>, B, R, A>, N, JOBS, CALLS>,
    |self| self.gate()
);

mod sealed {
    /// Nobody else implements [`AnyGate`](super::AnyGate).
    pub trait Sealed {}
}
