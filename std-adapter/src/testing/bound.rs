//! Oracles: what a limiter may have granted, judged from a plain list of what it did grant.
//!
//! They are slow on purpose: every interval of a trace is summed up anew, in numbers that cannot overflow.

use core::fmt;

use tollgate::{Duration, Instant};

/// What was granted in a trace, in the order of the calls.
///
/// Stamps are *effective*: the running maximum of the stamps that the limiter has acted on, because a clock that goes
/// back does not make an hour longer.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<Event>,
}

/// One thing that a limiter has agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `cost` units were booked.
    Booked {
        /// Which booking; they are numbered from zero.
        id: usize,
        /// When that was.
        now: Instant,
        /// For when; not before `now`.
        at: Instant,
        /// How many units.
        cost: u64,
    },
    /// A booking was settled; `allow` books and settles at once.
    Settled {
        /// Which booking.
        id: usize,
        /// When that was.
        now: Instant,
        /// What was really used; zero for a release.
        actual: u64,
    },
}

/// So many units, used at a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: Instant,
    /// How many; never zero.
    pub units: u64,
}

impl History {
    pub(super) const fn new() -> Self {
        Self { events: Vec::new() }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Everything, in the order of the calls.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The uses, each at the instant it was booked for: how a bucket counts. What was never settled counts in full.
    pub fn by_booking(&self) -> Vec<Use> {
        let settled = |wanted: usize| {
            self.events.iter().find_map(|event| match *event {
                Event::Settled { id, actual, .. } if id == wanted => Some(actual),
                _ => None,
            })
        };
        let booked = self.events.iter().filter_map(|event| match *event {
            Event::Booked { id, at, cost, .. } => Some(Use { at, units: settled(id).unwrap_or(cost) }),
            Event::Settled { .. } => None,
        });
        sorted(booked)
    }

    /// The uses, each at the instant it was committed: how a window counts. What was never committed was never used.
    pub fn by_commit(&self) -> Vec<Use> {
        sorted(self.events.iter().filter_map(|event| match *event {
            Event::Settled { now, actual, .. } => Some(Use { at: now, units: actual }),
            Event::Booked { .. } => None,
        }))
    }

    fn books_ahead(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Booked { now, at, .. } if at > now))
    }
}

fn sorted(uses: impl Iterator<Item = Use>) -> Vec<Use> {
    let mut uses: Vec<Use> = uses.filter(|one| one.units > 0).collect();
    uses.sort_by_key(|one| one.at);
    uses
}

/// What a limiter promises never to exceed.
///
/// # Example
/// An author's own: "at most one grant in a stamp".
/// ```
/// use tollgate_std::testing::{Bound, History};
///
/// #[derive(Debug)]
/// struct OnePerStamp;
///
/// impl Bound for OnePerStamp {
///     fn judge(&self, history: &History) -> Result<(), String> {
///         match history.by_booking().windows(2).find(|pair| pair[0].at == pair[1].at) {
///             Some(pair) => Err(format!("one grant at {}, got two", pair[0].at)),
///             None => Ok(()),
///         }
///     }
/// }
/// ```
pub trait Bound: fmt::Debug {
    /// Judges a trace without debt.
    ///
    /// # Errors
    /// What was allowed, and what was granted instead: a sentence for the report.
    fn judge(&self, history: &History) -> Result<(), String>;
}

/// In every interval of length `L`, both ends included, at most `burst + floor(L x units / per)`; where something was
/// booked ahead, `burst + ceil((L + 1 us) x units / per)`, because a booked instant is rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketBound {
    /// Units per period.
    pub units: u32,
    /// The period.
    pub per: Duration,
    /// Units at once.
    pub burst: u32,
}

impl Bound for BucketBound {
    fn judge(&self, history: &History) -> Result<(), String> {
        let (rate, per) = (u128::from(self.units), u128::from(self.per.as_micros()));
        let rounded = history.books_ahead();
        every_interval(&history.by_booking(), |length| {
            let accrued = if rounded { ((length + 1) * rate).div_ceil(per) } else { length * rate / per };
            u128::from(self.burst) + accrued
        })
    }
}

/// In every interval `(t - window, t]` at most `limit`, counted when it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowBound {
    /// Units in any window.
    pub limit: u64,
    /// The window; a use exactly this old is out of it.
    pub window: Duration,
}

impl Bound for WindowBound {
    fn judge(&self, history: &History) -> Result<(), String> {
        let window = u128::from(self.window.as_micros());
        every_interval(&history.by_commit(), |length| if length < window { u128::from(self.limit) } else { u128::MAX })
    }
}

/// Sums up every interval that starts and ends with a use, and compares it with what its length allows.
fn every_interval(uses: &[Use], allowed: impl Fn(u128) -> u128) -> Result<(), String> {
    for (index, first) in uses.iter().enumerate() {
        let mut sum = 0u128;
        for last in uses.iter().skip(index) {
            sum += u128::from(last.units);
            let length = last.at.saturating_since(first.at);
            let most = allowed(u128::from(length.as_micros()));
            if sum > most {
                return Err(format!("at most {most} units from {} to {} ({length}), got {sum}", first.at, last.at));
            }
        }
    }
    Ok(())
}

/// At every moment at most `max` units that are booked and neither released nor past their lease.
///
/// A commit keeps the actual units; only a release, or the lease, frees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    max: u64,
    lease: Option<Duration>,
}

impl Concurrency {
    /// At most `max` at a time, for as long as they are not released.
    pub const fn new(max: u64) -> Self {
        Self { max, lease: None }
    }

    /// What is not released counts no longer than this after it was booked.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }
}

impl Bound for Concurrency {
    fn judge(&self, history: &History) -> Result<(), String> {
        let mut live: Vec<(usize, Instant, u64)> = Vec::new();
        for event in history.events() {
            match *event {
                Event::Booked { id, now, at, cost } => {
                    let ended = |start: Instant| self.lease.is_some_and(|lease| start.saturating_add(lease) <= now);
                    live.retain(|&(_, start, _)| !ended(start));
                    live.push((id, at, cost));
                }
                Event::Settled { id, actual, .. } => {
                    for entry in live.iter_mut().filter(|entry| entry.0 == id) {
                        entry.2 = actual;
                    }
                }
            }
            let sum: u128 = live.iter().map(|entry| u128::from(entry.2)).sum();
            if sum > u128::from(self.max) {
                return Err(format!("at most {} units at a time, got {sum} after {event:?}", self.max));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(uses: &[(u64, u64, u64)]) -> History {
        let mut history = History::default();
        for (id, &(now, at, units)) in uses.iter().enumerate() {
            let (now, at) = (Instant::from_micros(now), Instant::from_micros(at));
            history.push(Event::Booked { id, now, at, cost: units });
            history.push(Event::Settled { id, now: at, actual: units });
        }
        history
    }

    #[test]
    fn a_bucket_is_judged_over_every_interval() {
        let bound = BucketBound { units: 1, per: Duration::from_micros(10), burst: 2 };
        for (uses, fine) in [
            (&[(0, 0, 2), (10, 10, 1)][..], true),
            (&[(0, 0, 2), (9, 9, 1)], false),
            (&[(0, 0, 2), (9, 10, 1)], true),
            (&[(0, 0, 1), (100, 100, 2), (109, 109, 1)], false),
            (&[(5, 5, 3)], false),
        ] {
            assert_eq!(bound.judge(&history(uses)).is_ok(), fine, "{uses:?}");
        }
    }

    #[test]
    fn a_use_exactly_one_window_old_is_out() {
        let bound = WindowBound { limit: 2, window: Duration::from_micros(10) };
        assert!(bound.judge(&history(&[(0, 0, 2), (10, 10, 2)])).is_ok());
        assert!(bound.judge(&history(&[(0, 0, 2), (9, 9, 1)])).is_err());
        assert!(bound.judge(&history(&[(0, 0, 1), (9, 9, 1), (10, 10, 1)])).is_ok());
    }

    #[test]
    fn concurrency_ends_with_a_release_or_a_lease() {
        let at = Instant::from_micros;
        let booked = |id, now| Event::Booked { id, now: at(now), at: at(now), cost: 1 };
        let judge = |bound: Concurrency, events: &[Event]| bound.judge(&History { events: events.to_vec() }).is_ok();
        let released = Event::Settled { id: 0, now: at(1), actual: 0 };
        assert!(!judge(Concurrency::new(1), &[booked(0, 0), booked(1, 5)]));
        assert!(judge(Concurrency::new(1), &[booked(0, 0), released, booked(1, 5)]));
        let leased = Concurrency::new(1).lease(Duration::from_micros(5));
        assert!(judge(leased, &[booked(0, 0), booked(1, 5)]));
        assert!(!judge(leased, &[booked(0, 0), booked(1, 4)]));
    }
}
