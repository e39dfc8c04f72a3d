//! `AnyGate`: a gate by itself, or one that keeps its jobs in a journal, by one name.

use crate::gate::{Answer, AnyLimits, AskError, Gate, GateError, JobState, Permit, Request};
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
