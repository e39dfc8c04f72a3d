//! `Call`: a request of a gate between its permit and its answer.

use super::Asks;
use super::limits::AnyLimits;
use super::part::Part;
use crate::job::JobId;
use crate::time::{Duration, Instant};

/// The permission to send one request, now. Say [`sending`](super::Gate::sending) when it goes out, and
/// [`answered`](super::Gate::answered) or [`resolved`](super::Gate::resolved) when it is over, or
/// [`cancel`](super::Gate::cancel) it.
///
/// It is good in the gate that gave it; another one would take it for its own with that number. It moves and is not `Clone`. One that is lost is void after [`Patience::to_send`](super::Patience::to_send), and
/// everything it held returns; once it is sent, its job is [`Unknown`](super::JobState::Unknown) after
/// [`Patience::to_answer`](super::Patience::to_answer).
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a permit holds a slot, money and a request until it is sent or cancelled"]
pub struct Permit {
    pub(crate) mark: u32,
    pub(crate) job: Option<JobId>,
    pub(crate) until: Instant,
}

impl Permit {
    /// The job it is for; `None` for a question about the status of something.
    pub const fn job(&self) -> Option<JobId> {
        self.job
    }

    /// When it is void, if it is not sent before.
    pub const fn until(&self) -> Instant {
        self.until
    }
}

/// What is known of a request on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<H> {
    pub(crate) mark: u32,
    pub(crate) id: JobId,
    /// When it was asked for; once sent, when that was.
    pub(crate) since: Instant,
    /// When it is void, or lost.
    pub(crate) until: Instant,
    pub(crate) lease: Duration,
    pub(crate) sent: bool,
    pub(crate) first: bool,
    pub(super) asks: Asks,
    pub(crate) held: H,
}

impl<H: Copy> Call<H> {
    /// An empty place.
    pub(crate) const fn free(held: H) -> Self {
        Self {
            mark: 0,
            id: JobId(0),
            since: Instant::ORIGIN,
            until: Instant::MAX,
            lease: Duration::ZERO,
            sent: true,
            first: false,
            asks: Asks::Nothing,
            held,
        }
    }

    /// Its place is free; what it held is to be settled.
    pub(crate) fn leave(&mut self) -> H {
        (self.mark, self.asks, self.sent, self.until) = (0, Asks::Nothing, true, Instant::MAX);
        self.held
    }

    /// Whether this is an empty place: no request has the number 0.
    pub(crate) const fn is_free(&self) -> bool {
        self.mark == 0
    }

    pub(crate) fn job(&self) -> Option<JobId> {
        (self.asks != Asks::Nothing).then_some(self.id)
    }
}

/// What it has booked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<Q, W, B> {
    pub(crate) requests: Q,
    pub(crate) window: W,
    pub(crate) breaker: B,
}

/// What a request books in these limits.
pub(crate) type HeldIn<L> = Held<
    <<L as AnyLimits>::Requests as Part>::Held,
    <<L as AnyLimits>::Window as Part>::Held,
    <<L as AnyLimits>::Breaker as Part>::Held,
>;
