//! Gates and dispatchers to wait for.

use tollgate::{
    AskError, Clock, Dispatcher, Duration, Entry, Gate, Instant, JobId, JobState, Limits, Queue, QueuePolicy, Quota,
    Request, Start, TokenBucket, Work,
};
use tollgate_std::{Admission, AdmitError, Shared};

pub(crate) type Any = Gate<Limits<TokenBucket>, 64, 64>;
pub(crate) type Api<C> = Shared<Any, C>;
pub(crate) type Admitted<C> = Result<Admission<Any, C>, AdmitError>;
pub(crate) type Jobs<C> = Shared<Dispatcher<Gate<Limits<TokenBucket>, 64, 64>, Clip, 64, 2>, C>;

pub(crate) const LEASE: Duration = Duration::from_hours(1);

fn gate<C: Clock>(slots: u32, burst: u32, start: Start, clock: &C) -> Any {
    let quota = Quota::new_with_burst(1, Duration::from_secs(1), burst).unwrap();
    let rate = TokenBucket::new(quota, start, clock.now());
    Gate::new(Limits::new().requests(rate), clock.now()).with_slots(slots)
}

/// As many requests as one likes, and so many slots.
pub(crate) fn slots_on<C: Clock>(slots: u32, clock: C) -> Api<C> {
    Shared::with_clock(gate(slots, 100_000, Start::Full, &clock), clock)
}

/// One request a second, up to `burst` at once; none at first.
pub(crate) fn rate_on<C: Clock>(burst: u32, clock: C) -> Api<C> {
    Shared::with_clock(gate(1_000, burst, Start::Empty, &clock), clock)
}

/// A dispatcher with so many slots.
pub(crate) fn jobs_on<C: Clock>(slots: u32, clock: C) -> Jobs<C> {
    let gate = gate(slots, 100_000, Start::Full, &clock);
    Shared::with_clock(Dispatcher::new(gate, Queue::new(QueuePolicy::DEFAULT)), clock)
}

#[derive(Debug)]
pub(crate) struct Clip;

impl Work for Clip {
    fn request(&self, id: JobId) -> Request<'_> {
        job(id.0)
    }
}

pub(crate) fn clip(id: u64) -> Entry<Clip> {
    Entry::new(JobId(id), Clip)
}

pub(crate) fn job(id: u64) -> Request<'static> {
    Request::new(JobId(id), LEASE)
}

pub(crate) fn state<C: Clock>(api: &Api<C>, id: u64) -> Option<JobState> {
    api.look(|gate, now| gate.job(now, JobId(id)))
}

/// Nobody waits, nothing is held, no request is on its way.
pub(crate) fn assert_gate_is_empty<C: Clock>(api: &Api<C>) {
    let status = api.status();
    let live = api.look(|gate, now| gate.jobs().filter(|(id, _)| gate.job(now, *id).is_some()).count());
    assert_eq!((api.waiting(), status.in_flight, status.calls, live), (0, 0, 0, 0));
}

/// Requests that could go at this moment, whoever waits.
pub(crate) fn requests_left<C: Clock>(api: &Api<C>) -> u64 {
    api.status().requests
}

/// What can be asked again, and when.
pub(crate) fn earliest<C: Clock>(api: &Api<C>, id: u64) -> Result<Instant, AskError> {
    api.look(|gate, now| gate.earliest(now, &job(id)))
}
