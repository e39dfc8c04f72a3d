//! `Gated`: what has a gate in it, so that one guard and one set of words do for all of them.

use tollgate::{AnyLimits, Dispatcher, Gate, Work};

/// A [`Gate`], or a [`Dispatcher`] with the gate behind its queue, by one name: what an [`Admission`](crate::Admission)
/// can be for. Nobody else implements it.
pub trait Gated: sealed::Inside {}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gated for Gate<L, JOBS, CALLS> {}

impl<L: AnyLimits, T: Work, const JOBS: usize, const CALLS: usize, const N: usize, const C: usize> Gated
    for Dispatcher<Gate<L, JOBS, CALLS>, T, N, C>
{
}

pub(crate) mod sealed {
    use tollgate::{
        Answer, AnyLimits, Dispatcher, Duration, Fate, Finished, Gate, GateError, Instant, JobId, Line, Outcome,
        Permit, Retry, Status, Work,
    };

    /// Where the gate is.
    pub trait Inside {
        fn gate(&self) -> &dyn Verbs;
        fn gate_mut(&mut self) -> &mut dyn Verbs;
        /// The server had no room for this job; for those who have others that wait.
        fn hold_back(&mut self, now: Instant, id: JobId) {
            let _ = (now, id);
        }
    }

    impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Inside for Gate<L, JOBS, CALLS> {
        fn gate(&self) -> &dyn Verbs {
            self
        }
        fn gate_mut(&mut self) -> &mut dyn Verbs {
            self
        }
    }

    impl<L: AnyLimits, T: Work, const JOBS: usize, const CALLS: usize, const N: usize, const C: usize> Inside
        for Dispatcher<Gate<L, JOBS, CALLS>, T, N, C>
    {
        fn gate(&self) -> &dyn Verbs {
            &self.gate
        }
        fn gate_mut(&mut self) -> &mut dyn Verbs {
            &mut self.gate
        }
        fn hold_back(&mut self, now: Instant, id: JobId) {
            self.hold_back(now, id);
        }
    }

    /// The verbs of a gate of any size.
    pub trait Verbs {
        fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateError>;
        fn answered(
            &mut self,
            now: Instant,
            permit: &Permit,
            outcome: &Outcome,
            retry: &mut Retry,
            entropy: u32,
        ) -> Result<Answer, GateError>;
        fn resolved(&mut self, now: Instant, permit: &Permit, fate: Fate) -> Result<(), GateError>;
        fn cancel(&mut self, now: Instant, permit: Permit) -> Result<(), GateError>;
        fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError>;
        fn renew(&mut self, now: Instant, id: JobId, lease: Duration) -> Result<Instant, GateError>;
        fn tag(&mut self, id: JobId, tag: u64) -> Result<(), GateError>;
        #[cfg(feature = "http")]
        fn heard(&mut self, now: Instant, feedback: &tollgate::headers::Feedback);
        fn status(&self, now: Instant) -> Status;
    }

    impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Verbs for Gate<L, JOBS, CALLS> {
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
        fn resolved(&mut self, now: Instant, permit: &Permit, fate: Fate) -> Result<(), GateError> {
            self.resolved(now, permit, fate)
        }
        fn cancel(&mut self, now: Instant, permit: Permit) -> Result<(), GateError> {
            self.cancel(now, permit)
        }
        fn finished(&mut self, now: Instant, id: JobId, actual: &[Line]) -> Result<Finished, GateError> {
            self.finished(now, id, actual)
        }
        fn renew(&mut self, now: Instant, id: JobId, lease: Duration) -> Result<Instant, GateError> {
            self.renew(now, id, lease)
        }
        fn tag(&mut self, id: JobId, tag: u64) -> Result<(), GateError> {
            self.tag(id, tag)
        }
        #[cfg(feature = "http")]
        fn heard(&mut self, now: Instant, feedback: &tollgate::headers::Feedback) {
            self.heard(now, feedback);
        }
        fn status(&self, now: Instant) -> Status {
            self.status(now)
        }
    }
}
