//! `Subject`: a limiter as the contract sees it: how to make one, and what it promises.

use core::fmt;

use tollgate::{Denied, Duration, Instant, Limiter};

use super::bound::Bound;

/// A limiter under test: a factory, and what is known of it.
///
/// # Example
/// ```
/// use tollgate::{Duration, Quota, Start, TokenBucket};
/// use tollgate_std::testing::{BucketBound, Subject, contract};
///
/// let quota = Quota::new_with_burst(7, Duration::from_secs(60), 3)?;
/// let subject = Subject::new(move |now| TokenBucket::new(quota, Start::Full, now))
///     .bound(BucketBound { units: 7, per: Duration::from_secs(60), burst: 3 })
///     .max_cost(3)
///     .rejects("a burst of zero", || Quota::new_with_burst(7, Duration::from_secs(60), 0).is_err());
/// contract(&subject);
/// # Ok::<(), tollgate::QuotaError>(())
/// ```
pub struct Subject<L> {
    make: Box<dyn Fn(Instant) -> L>,
    pub(super) bound: Option<Box<dyn Bound>>,
    pub(super) rejects: Vec<Rejection>,
    pub(super) footprint: Option<Footprint<L>>,
    pub(super) cases: u32,
    pub(super) steps: usize,
    pub(super) lease: Duration,
    pub(super) grain: Duration,
    max_cost: Option<u64>,
    scale: Option<Duration>,
}

/// What a constructor refuses, and the question whether it does.
type Rejection = (&'static str, Box<dyn Fn() -> bool>);

/// The most that a limiter may hold, and how to count it.
type Footprint<L> = (usize, Box<dyn Fn(&L) -> usize>);

impl<L: Limiter + Clone> Subject<L> {
    /// A limiter that `make` builds fresh at a stamp, which is the first one that it has acted on.
    pub fn new(make: impl Fn(Instant) -> L + 'static) -> Self {
        Self {
            make: Box::new(make),
            bound: None,
            rejects: Vec::new(),
            footprint: None,
            cases: 64,
            steps: 24,
            lease: Duration::MAX,
            grain: Duration::ZERO,
            max_cost: None,
            scale: None,
        }
    }

    /// The bound it promises over every interval: without one, `never_over` has nothing to judge and passes.
    #[must_use]
    pub fn bound(mut self, bound: impl Bound + 'static) -> Self {
        self.bound = Some(Box::new(bound));
        self
    }

    /// The largest cost that can ever pass. Unsaid, the limiter is asked: `Never { max }` tells, anything else means
    /// that there is none.
    #[must_use]
    pub fn max_cost(mut self, max: u64) -> Self {
        self.max_cost = Some(max);
        self
    }

    /// How long it takes to recover: traces step in fractions and multiples of this. Unsaid, a drained limiter is asked.
    #[must_use]
    pub fn time_scale(mut self, scale: Duration) -> Self {
        self.scale = Some(scale);
        self
    }

    /// What the constructor must reject: a name for the report, and whether it does.
    #[must_use]
    pub fn rejects(mut self, what: &'static str, rejected: impl Fn() -> bool + 'static) -> Self {
        self.rejects.push((what, Box::new(rejected)));
        self
    }

    /// The most it may ever hold (entries, keys, bytes: whatever `count` counts), for `bounded_memory`.
    #[must_use]
    pub fn footprint(mut self, most: usize, count: impl Fn(&L) -> usize + 'static) -> Self {
        self.footprint = Some((most, Box::new(count)));
        self
    }

    /// How long a booking is counted that nobody settles; what is committed later may be forgotten. For ever, unsaid.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How coarsely it keeps time: a limiter that counts in slices, or merges entries, may answer this much sooner or
    /// later where another grant has moved them. Exact, unsaid.
    #[must_use]
    pub fn grain(mut self, grain: Duration) -> Self {
        self.grain = grain;
        self
    }

    /// Traces per law, unless `TOLLGATE_CASES` says otherwise. 64 by default.
    #[must_use]
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// The longest trace, in calls. 24 by default.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps.max(1);
        self
    }

    pub(super) fn make(&self, now: Instant) -> L {
        (self.make)(now)
    }

    /// The magnitudes that traces are made of.
    pub(super) fn scale(&self) -> Scale {
        let now = Instant::from_secs(1_000_000);
        let mut fresh = self.make(now);
        let max_cost = self.max_cost.unwrap_or_else(|| match fresh.earliest(now, u64::MAX) {
            Err(Denied::Never { max }) => max,
            _ => u64::MAX,
        });
        for _ in 0..64 {
            let room = fresh.available(now);
            if room == 0 || fresh.allow(now, room).is_err() {
                break;
            }
        }
        let wait = |cost| match fresh.earliest(now, cost) {
            Ok(at) | Err(Denied::Until(at)) if at > now && at < Instant::MAX => at.checked_since(now),
            _ => None,
        };
        let unit = wait(1).or(self.scale).unwrap_or(Duration::from_millis(1));
        let full = self.scale.or_else(|| wait(max_cost)).unwrap_or(Duration::from_secs(1)).as_micros().max(1);
        Scale { max_cost, unit: unit.as_micros().clamp(1, full), full }
    }
}

impl<L> fmt::Debug for Subject<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("cases", &self.cases).field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// The magnitudes of a limiter: what is a small step for it, and what a large one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The largest cost that can pass; `u64::MAX` for none.
    pub(super) max_cost: u64,
    /// Microseconds until a drained limiter grants one unit.
    pub(super) unit: u64,
    /// Microseconds until it grants the largest cost.
    pub(super) full: u64,
}
