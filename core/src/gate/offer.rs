//! `Offer`: what the server says that it takes. A gate follows it downwards, and never above what its owner has set.

use super::Gate;
use super::limits::AnyLimits;
use super::part::{Adapt, Requests};
#[cfg(feature = "headers")]
use crate::headers::{Bucket, Feedback, Unit};
use crate::quota::Quota;
use crate::time::{Duration, Instant};

/// What the server has advertised: a rate, and how many jobs at once.
///
/// A rate is adopted from a window of at most [`Patience::max_block`](super::Patience::max_block). A longer one, say of a
/// day, is watched by what is left of it, or the requests of a day would be spread thin over the day.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Offer {
    /// So many requests in so long.
    rate: Option<(u32, Duration)>,
    /// The owner's quota, while it is not the one in force.
    own: Option<Quota>,
    /// So many jobs at once.
    slots: u32,
}

impl Offer {
    /// Nothing was said yet.
    pub const NONE: Self = Self { rate: None, own: None, slots: u32::MAX };

    /// What an image remembers of it; the quota in force is the owner's.
    #[cfg(feature = "image")]
    pub(crate) const fn heard(rate: Option<(u32, Duration)>, slots: u32) -> Self {
        Self { rate, own: None, slots }
    }

    /// The rate that the server advertises: requests, and in how long; `None` while none is known.
    pub const fn rate(&self) -> Option<(u32, Duration)> {
        self.rate
    }

    /// How many jobs at once, by weight; `u32::MAX` while nothing is known.
    pub const fn jobs(&self) -> u32 {
        self.slots
    }
}

impl Default for Offer {
    fn default() -> Self {
        Self::NONE
    }
}

impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// The request limit, for the owner to change; the rate that the server has advertised is forgotten, and counts again
    /// when it says so again.
    pub fn requests_mut(&mut self) -> &mut L::Requests {
        let limits = self.limits.all_mut();
        if let Some(offer) = limits.adaptation.adaptation().and_then(|adaptation| adaptation.offer.as_mut()) {
            (offer.rate, offer.own) = (None, None);
        }
        &mut limits.requests
    }

    /// Puts the quota in force that owner, adaptation and server agree on.
    pub(crate) fn retune(&mut self, eff: Instant) {
        let limits = self.limits.all_mut();
        let (Some(adaptation), Some(now)) = (limits.adaptation.adaptation(), limits.requests.quota_in_force()) else {
            return;
        };
        let offer = adaptation.offer.unwrap_or_default();
        let own = offer.own.unwrap_or(now);
        let adapted = match &adaptation.rate {
            Some((rate, per)) => Quota::new_with_burst(rate.value(), *per, own.burst()).unwrap_or(own),
            None => own,
        };
        let target = match offer.rate {
            Some((units, per)) if slower((units, per), (adapted.units(), adapted.per())) => {
                Quota::new_with_burst(units, per, adapted.burst().min(units)).unwrap_or(adapted)
            }
            _ => adapted,
        };
        if let Some(offer) = &mut adaptation.offer {
            offer.own = (target != own).then_some(own);
        }
        if target != now {
            limits.requests.retune(eff, target);
        }
    }
}

/// Whether `a` is a lower rate than `b`.
fn slower(a: (u32, Duration), b: (u32, Duration)) -> bool {
    // Below 2^96.
    u128::from(a.0) * u128::from(b.1.as_micros()) < u128::from(b.0) * u128::from(a.1.as_micros())
}

#[cfg(feature = "headers")]
impl<L: AnyLimits, const JOBS: usize, const CALLS: usize> Gate<L, JOBS, CALLS> {
    /// Hears what a response said about limits, besides its outcome. Call it before [`answered`](Self::answered).
    ///
    /// * What is left of a rate is believed if it is less than we thought. A server never raises it.
    /// * With an [`Offer`], a rate or a number of concurrent requests that is advertised and lower than the owner's is
    ///   adopted; when the server advertises more again, the gate follows, up to the owner's.
    /// * With [`Adaptation::pacing`](super::Adaptation::pacing) the next requests keep their distance when little is left.
    ///
    /// A hostile value slows the gate down to one request in [`Patience::max_block`](super::Patience::max_block), and not
    /// below one job at once.
    ///
    /// # Example
    /// ```
    /// use tollgate::{
    ///     Adaptation, Duration, Gate, Instant, Limits, Offer, Quota, Start, TokenBucket, headers::FeedbackReader, valid,
    /// };
    /// let now = Instant::ORIGIN;
    /// let quota = valid!(Quota::new(60, Duration::from_mins(1)));
    /// let follows = Adaptation { offer: Some(Offer::NONE), ..Adaptation::default() };
    /// let limits = Limits::new().requests(TokenBucket::new(quota, Start::Full, now)).adaptation(follows);
    /// let mut gate = Gate::<_, 8, 2>::new(limits, now);
    ///
    /// let mut response = FeedbackReader::new();
    /// response.line(b"ratelimit-policy", b"\"minute\";q=20;w=60");
    /// gate.heard(now, &response.finish(200, None));
    /// assert_eq!(gate.limits().requests.quota(), Quota::new(20, Duration::from_mins(1))?);
    /// # Ok::<(), tollgate::QuotaError>(())
    /// ```
    pub fn heard(&mut self, now: Instant, feedback: &Feedback) {
        let eff = self.note(now);
        let rejects = u32::from(feedback.faults().ignored);
        self.state.counters.parse_rejects = self.state.counters.parse_rejects.saturating_add(rejects);
        // Of several windows the slowest counts.
        let (mut rate, mut jobs) = (None, None);
        for bucket in feedback.buckets() {
            match bucket.unit() {
                Unit::Requests => {
                    self.hear_left(eff, bucket);
                    let said = self.advertised(bucket);
                    rate = match (rate, said) {
                        (Some(least), Some(said)) if !slower(said, least) => Some(least),
                        (least, said) => said.or(least),
                    };
                }
                Unit::ConcurrentRequests => jobs = jobs.into_iter().chain(bucket.limit()).min(),
                _ => {}
            }
        }
        let adaptation = self.limits.all_mut().adaptation.adaptation();
        let Some(offer) = adaptation.and_then(|adaptation| adaptation.offer.as_mut()) else { return };
        offer.rate = rate.or(offer.rate);
        offer.slots = jobs.map_or(offer.slots, |jobs| u32::try_from(jobs).unwrap_or(u32::MAX).max(1));
        self.retune(eff);
    }

    /// The rate that a bucket stands for, if it is one to adopt.
    fn advertised(&self, bucket: &Bucket) -> Option<(u32, Duration)> {
        let (limit, window) = (bucket.limit()?, bucket.window()?);
        let fits = limit > 0 && !window.is_zero() && window <= self.state.patience.max_block;
        fits.then(|| (u32::try_from(limit).unwrap_or(u32::MAX), window))
    }

    /// Believes what is left, and keeps the distance that it asks for.
    fn hear_left(&mut self, eff: Instant, bucket: &Bucket) {
        let Some(remaining) = bucket.remaining() else { return };
        // What is on its way is booked here, and not known there yet.
        let limits = self.limits.all_mut();
        limits.requests.lower_to(eff, remaining);
        let pacing = limits.adaptation.adaptation().and_then(|adaptation| adaptation.pacing);
        if let (Some(pacing), Some(limit)) = (pacing, bucket.limit()) {
            let gap = pacing.gap(remaining, limit, bucket.reset_after()).min(self.state.patience.max_block);
            self.state.paced = self.state.paced.max(eff.saturating_add(gap));
        }
    }
}
