//! `Gated` and `Dispatches`: what has a gate in it, by value or behind a `&mut`.

use crate::any_gate::AnyGate;
use crate::dispatch::Dispatch;
use crate::dispatcher::{Dispatcher, SubmitError, Work};
use crate::gate::{AnyLimits, Fate, Finished, Gate, GateError, Permit};
use crate::hold::Line;
use crate::job::JobId;
use crate::limiter::Denied;
use crate::queue_entry::Entry;
use crate::time::Instant;

/// A [`Gate`], a [`Dispatcher`] with the gate behind its queue, or a `&mut` of one: what an [`Admission`](super::Admission)
/// can be for. Nobody else implements it.
pub trait Gated: sealed::Sealed {
    #[doc(hidden)]
    type Gate: Verbs;
    #[doc(hidden)]
    fn gate_mut(&mut self) -> &mut Self::Gate;
    /// The server had no room for this job; for those who have others that wait.
    #[doc(hidden)]
    fn hold_back(&mut self, now: Instant, id: JobId) {
        let _ = (now, id);
    }
}

/// The verbs of a gate of any size that are not those of any gate.
#[doc(hidden)]
pub trait Verbs: AnyGate {
    fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError>;
    fn resolved(&mut self, now: Instant, permit: &Permit, fate: Fate) -> Result<(), GateError>;
    fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError>;
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Verbs for Gate<L, JOBS, CALLS> {
    fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError> {
        self.sending(now, permit)
    }
    fn resolved(&mut self, now: Instant, permit: &Permit, fate: Fate) -> Result<(), GateError> {
        self.resolved(now, permit, fate)
    }
    fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError> {
        self.finished(now, id, actual)
    }
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
    type Gate = Self;

    fn gate_mut(&mut self) -> &mut Self {
        self
    }
}

impl<L: AnyLimits, T: Work, const JOBS: usize, const CALLS: usize, const N: usize, const P: usize> Gated
    for Dispatcher<Gate<L, JOBS, CALLS>, T, N, P>
{
    type Gate = Gate<L, JOBS, CALLS>;

    fn gate_mut(&mut self) -> &mut Self::Gate {
        &mut self.gate
    }
    fn hold_back(&mut self, now: Instant, id: JobId) {
        self.hold_back(now, id);
    }
}

impl<G: Gated + ?Sized> Gated for &mut G {
    type Gate = G::Gate;

    fn gate_mut(&mut self) -> &mut Self::Gate {
        (**self).gate_mut()
    }
    fn hold_back(&mut self, now: Instant, id: JobId) {
        (**self).hold_back(now, id);
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
