//! `Gated` and `Dispatches`: what has a gate in it, by value or behind a `&mut`.

use crate::dispatch::Dispatch;
use crate::dispatcher::{Dispatcher, SubmitError, Work};
use crate::gate::{Answer, AnyLimits, AskError, Finished, Gate, GateError, Permit, Request};
use crate::hold::Line;
use crate::job::JobId;
use crate::limiter::Denied;
use crate::queue_entry::Entry;
use crate::retry::{Outcome, Retry};
use crate::time::Instant;

/// A [`Gate`], a [`Dispatcher`] with the gate behind its queue, or a `&mut` of one: what an [`Admission`](super::Admission)
/// can be for. Nobody else implements it.
pub trait Gated: sealed::Sealed {
    #[doc(hidden)]
    fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError>;
    #[doc(hidden)]
    fn earliest(&self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError>;
    #[doc(hidden)]
    fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError>;
    #[doc(hidden)]
    fn answered(
        &mut self,
        now: Instant,
        permit: &Permit,
        outcome: &Outcome,
        retry: &mut Retry,
        entropy: u32,
    ) -> Result<Answer, GateError>;
    #[doc(hidden)]
    fn cancel_permit(&mut self, now: Instant, permit: Permit) -> Result<(), GateError>;
    #[doc(hidden)]
    fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError>;
}

/// A [`Dispatcher`], or a `&mut` of one. Nobody else implements it.
pub trait Dispatches: Gated {
    /// What the jobs carry.
    type Payload: Work;
    #[doc(hidden)]
    fn submit(&mut self, now: Instant, entry: Entry<Self::Payload>) -> Result<(), SubmitError<Self::Payload>>;
    #[doc(hidden)]
    fn dispatch(&mut self, now: Instant) -> Result<Dispatch<Self::Payload>, Denied>;
}

mod sealed {
    use super::{AnyLimits, Dispatcher, Gate};

    /// Nobody else implements [`Gated`](super::Gated).
    pub trait Sealed {}
    impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Sealed for Gate<L, JOBS, CALLS> {}
    impl<L: AnyLimits, T, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Sealed
        for Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>
    {
    }
    impl<G: Sealed + ?Sized> Sealed for &mut G {}
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gated for Gate<L, JOBS, CALLS> {
    fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError> {
        self.ask(now, request)
    }
    fn earliest(&self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError> {
        self.earliest(now, request)
    }
    fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError> {
        self.sending(now, permit)
    }
    fn answered(
        &mut self,
        now: Instant,
        permit: &Permit,
        outcome: &Outcome,
        retry: &mut Retry,
        entropy: u32,
    ) -> Result<Answer, GateError> {
        self.answered(now, permit, outcome, retry, entropy)
    }
    fn cancel_permit(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
        self.cancel(now, permit)
    }
    fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError> {
        self.finished(now, id, actual)
    }
}

impl<L: AnyLimits, T: Work, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Gated
    for Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>
{
    fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError> {
        self.gate.ask(now, request)
    }
    fn earliest(&self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError> {
        self.gate.earliest(now, request)
    }
    fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError> {
        self.gate.sending(now, permit)
    }
    fn answered(
        &mut self,
        now: Instant,
        permit: &Permit,
        outcome: &Outcome,
        retry: &mut Retry,
        entropy: u32,
    ) -> Result<Answer, GateError> {
        let answer = self.gate.answered(now, permit, outcome, retry, entropy)?;
        if let (Answer::RetryOnRelease { .. }, Some(id)) = (answer, permit.job()) {
            self.hold_back(now, id);
        }
        Ok(answer)
    }
    fn cancel_permit(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
        self.gate.cancel(now, permit)
    }
    fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError> {
        self.gate.finished(now, id, actual)
    }
}

impl<G: Gated + ?Sized> Gated for &mut G {
    fn ask(&mut self, now: Instant, request: &Request<'_>) -> Result<Permit, AskError> {
        (**self).ask(now, request)
    }
    fn earliest(&self, now: Instant, request: &Request<'_>) -> Result<Instant, AskError> {
        (**self).earliest(now, request)
    }
    fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError> {
        (**self).sending(now, permit)
    }
    fn answered(
        &mut self,
        now: Instant,
        permit: &Permit,
        outcome: &Outcome,
        retry: &mut Retry,
        entropy: u32,
    ) -> Result<Answer, GateError> {
        (**self).answered(now, permit, outcome, retry, entropy)
    }
    fn cancel_permit(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
        (**self).cancel_permit(now, permit)
    }
    fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError> {
        (**self).finished(now, id, actual)
    }
}

impl<L: AnyLimits, T: Work, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Dispatches
    for Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>
{
    type Payload = T;

    fn submit(&mut self, now: Instant, entry: Entry<T>) -> Result<(), SubmitError<T>> {
        self.submit(now, entry)
    }
    fn dispatch(&mut self, now: Instant) -> Result<Dispatch<T>, Denied> {
        self.dispatch(now)
    }
}

impl<D: Dispatches + ?Sized> Dispatches for &mut D {
    type Payload = D::Payload;

    fn submit(&mut self, now: Instant, entry: Entry<D::Payload>) -> Result<(), SubmitError<D::Payload>> {
        (**self).submit(now, entry)
    }
    fn dispatch(&mut self, now: Instant) -> Result<Dispatch<D::Payload>, Denied> {
        (**self).dispatch(now)
    }
}
