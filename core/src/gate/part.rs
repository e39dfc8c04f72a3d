//! The places of a [`Gate`](super::Gate) that may stay empty, and what may stand in them.
//!
//! `()` stands for "no such limit": it takes no memory and no code. An [`Option`] of what fits is decided when the gate is
//! made: `None` limits nothing, and takes the room of what could stand there.
//!
//! | place | what fits |
//! |---|---|
//! | requests | [`TokenBucket`], a window, any [`Book`] that says how it is retuned ([`Requests`]) |
//! | window | any [`Book`] |
//! | breaker | [`Breaker`] |
//! | restraint | [`Restraint`] |
//! | adaptation | [`Adaptation`] |
//!
//! Money has a page of its own, [`Money`](super::Money).

use core::fmt;

use super::offer::Offer;
use crate::adapt::{Aimd, Pacing};
use crate::breaker::{Breaker, Phase};
use crate::bucket::{Inherit, TokenBucket};
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::quota::Quota;
use crate::retry::{Health, Restraint};
use crate::time::{Duration, Instant};
use crate::window_log::WindowLog;
use crate::window_slices::WindowSlices;

/// One limit of a gate: a [`Book`], or `()` for none.
pub trait Part {
    /// What is kept of a booking until it is settled.
    type Held: Copy + fmt::Debug;
    /// What is kept of no booking.
    const NOTHING: Self::Held;
    /// How much could be booked now.
    fn part_room(&self, now: Instant) -> u64;
    /// Whether `cost` could be booked now; zero always can.
    fn part_fits(&self, now: Instant, cost: u32) -> bool;
    /// The earliest instant for `cost`, as [`Book::quote`]. Of a cost of zero it is `now`.
    ///
    /// # Errors
    /// As [`Book::quote`].
    fn part_quote(&self, now: Instant, cost: u32) -> Result<Instant, Denied>;
    /// Books `cost` for now; `None` where it does not fit, and nothing has changed then.
    fn part_book(&mut self, now: Instant, cost: u32) -> Option<Self::Held>;
    /// Settles a booking: it counts in full, or not at all.
    fn part_settle(&mut self, now: Instant, held: Self::Held, counts: bool);
    /// Goes on at `now` after a known clock fault, as [`Book::restart`].
    fn part_restart(&mut self, now: Instant);
}

/// What is kept of a [`Reservation`] for now, in 24 bytes. An image settles a copy of it, on a copy of its limit.
#[derive(Clone, Copy, Debug)]
pub struct Booked {
    at: Instant,
    key: u64,
    mark: u32,
    cost: u32,
}

impl Booked {
    #[expect(clippy::needless_pass_by_value, reason = "a reservation is kept in one place")]
    fn of(held: Reservation, cost: u32) -> Self {
        let Token { key, mark } = held.token();
        Self { at: held.at(), key, mark, cost }
    }

    fn reservation(self) -> Reservation {
        Reservation::new(self.at, u64::from(self.cost), Token { key: self.key, mark: self.mark })
    }
}

impl Part for () {
    type Held = ();
    const NOTHING: () = ();
    fn part_room(&self, _now: Instant) -> u64 {
        u64::MAX
    }
    fn part_fits(&self, _now: Instant, _cost: u32) -> bool {
        true
    }
    fn part_quote(&self, now: Instant, _cost: u32) -> Result<Instant, Denied> {
        Ok(now)
    }
    fn part_book(&mut self, _now: Instant, _cost: u32) -> Option<()> {
        Some(())
    }
    fn part_settle(&mut self, _now: Instant, (): (), _counts: bool) {}
    fn part_restart(&mut self, _now: Instant) {}
}

impl<B: Book> Part for B {
    type Held = Booked;
    const NOTHING: Booked = Booked { at: Instant::ORIGIN, key: 0, mark: 0, cost: 0 };
    fn part_room(&self, now: Instant) -> u64 {
        self.room(now)
    }
    fn part_fits(&self, now: Instant, cost: u32) -> bool {
        cost == 0 || self.fits(now, u64::from(cost))
    }
    fn part_quote(&self, now: Instant, cost: u32) -> Result<Instant, Denied> {
        if cost == 0 { Ok(now) } else { self.quote(now, now, u64::from(cost)) }
    }
    fn part_book(&mut self, now: Instant, cost: u32) -> Option<Booked> {
        let held = match cost {
            0 => Reservation::new(now, 0, Token::default()),
            cost => self.charge(now, u64::from(cost))?,
        };
        Some(Booked::of(held, cost))
    }
    fn part_settle(&mut self, now: Instant, held: Booked, counts: bool) {
        let cost = u64::from(held.cost);
        match (cost, counts) {
            (0, _) => {}
            (_, true) => self.settle(now, held.reservation(), cost),
            (_, false) => self.settle(now, held.reservation(), 0),
        }
    }
    fn part_restart(&mut self, now: Instant) {
        self.restart(now);
    }
}

/// `None` limits nothing; what was booked in what is gone meanwhile is forgotten.
impl<P: Part> Part for Option<P> {
    type Held = Option<P::Held>;
    const NOTHING: Option<P::Held> = None;
    fn part_room(&self, now: Instant) -> u64 {
        self.as_ref().map_or(u64::MAX, |part| part.part_room(now))
    }
    fn part_fits(&self, now: Instant, cost: u32) -> bool {
        self.as_ref().is_none_or(|part| part.part_fits(now, cost))
    }
    fn part_quote(&self, now: Instant, cost: u32) -> Result<Instant, Denied> {
        self.as_ref().map_or(Ok(now), |part| part.part_quote(now, cost))
    }
    fn part_book(&mut self, now: Instant, cost: u32) -> Option<Self::Held> {
        // Where nothing stands, nothing is booked.
        match self {
            Some(part) => part.part_book(now, cost).map(Some),
            None => Some(None),
        }
    }
    fn part_settle(&mut self, now: Instant, held: Self::Held, counts: bool) {
        if let (Some(part), Some(held)) = (self, held) {
            part.part_settle(now, held, counts);
        }
    }
    fn part_restart(&mut self, now: Instant) {
        if let Some(part) = self {
            part.part_restart(now);
        }
    }
}

/// The request limit of a gate, which the server's feedback and the adaptation may retune.
pub trait Requests: Part {
    /// The quota in force; `None` where there is no rate to change.
    fn quota_in_force(&self) -> Option<Quota> {
        None
    }

    /// Puts another quota in force from now on, without granting anything. Does nothing where there is no rate.
    fn retune(&mut self, now: Instant, quota: Quota) {
        let _ = (now, quota);
    }

    /// Takes what is there above `left`: the server says that no more is.
    fn lower_to(&mut self, now: Instant, left: u64) {
        let above = u32::try_from(self.part_room(now).saturating_sub(left)).unwrap_or(u32::MAX);
        if let Some(held) = self.part_book(now, above) {
            self.part_settle(now, held, true);
        }
    }
}

impl Requests for () {
    fn lower_to(&mut self, _now: Instant, _left: u64) {}
}

impl<P: Requests> Requests for Option<P> {
    fn quota_in_force(&self) -> Option<Quota> {
        self.as_ref().and_then(Requests::quota_in_force)
    }
    fn retune(&mut self, now: Instant, quota: Quota) {
        if let Some(part) = self {
            part.retune(now, quota);
        }
    }
    fn lower_to(&mut self, now: Instant, left: u64) {
        if let Some(part) = self {
            part.lower_to(now, left);
        }
    }
}

impl<const N: usize> Requests for WindowLog<N> {}
impl<const B: usize> Requests for WindowSlices<B> {}

impl Requests for TokenBucket {
    fn quota_in_force(&self) -> Option<Quota> {
        Some(self.quota())
    }

    /// What was used stays used.
    fn retune(&mut self, now: Instant, quota: Quota) {
        self.set_quota(now, quota, Inherit::KeepUsed);
    }
}

/// The place of the breaker.
pub trait Fuse: Part {
    /// A call was judged.
    fn verdict(&mut self, now: Instant, held: Self::Held, health: Health);
    /// Where it stands.
    fn phase_at(&self, now: Instant) -> Phase;
}

impl Fuse for () {
    fn verdict(&mut self, _now: Instant, (): (), _health: Health) {}
    fn phase_at(&self, _now: Instant) -> Phase {
        Phase::Closed
    }
}

impl Fuse for Breaker {
    fn verdict(&mut self, now: Instant, held: Booked, health: Health) {
        let held = held.reservation();
        match health {
            Health::Success => self.success(now, held),
            Health::Failure => self.failure(now, held),
            // Throttling is no ill health: a probe gives its place back without a verdict.
            Health::Unknown => self.settle(now, held, 0),
        }
    }
    fn phase_at(&self, now: Instant) -> Phase {
        self.phase(now)
    }
}

impl<P: Fuse> Fuse for Option<P> {
    fn verdict(&mut self, now: Instant, held: Self::Held, health: Health) {
        if let (Some(part), Some(held)) = (self, held) {
            part.verdict(now, held, health);
        }
    }
    fn phase_at(&self, now: Instant) -> Phase {
        self.as_ref().map_or(Phase::Closed, |part| part.phase_at(now))
    }
}

/// The place of what all retries share.
pub trait Restrain {
    /// It, if it is there.
    fn restraint(&mut self) -> Option<&mut Restraint>;
}

impl Restrain for () {
    fn restraint(&mut self) -> Option<&mut Restraint> {
        None
    }
}

impl Restrain for Restraint {
    fn restraint(&mut self) -> Option<&mut Restraint> {
        Some(self)
    }
}

impl<P: Restrain> Restrain for Option<P> {
    fn restraint(&mut self) -> Option<&mut Restraint> {
        self.as_mut().and_then(Restrain::restraint)
    }
}

/// How a gate finds out what the server takes; each part is optional.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adaptation {
    /// Requests in every such period.
    pub rate: Option<(Aimd, Duration)>,
    /// Jobs at once, by weight.
    pub jobs: Option<Aimd>,
    /// Slower when the server says that little is left.
    pub pacing: Option<Pacing>,
    /// What the server advertises, where it is less than what the owner has set.
    pub offer: Option<Offer>,
}

#[cfg(feature = "image")]
impl Adaptation {
    /// Whether it changes the quota in force.
    pub(crate) const fn retunes(&self) -> bool {
        self.rate.is_some() || self.offer.is_some()
    }
}

/// The place of the adaptation.
pub trait Adapt {
    /// It, if it is there.
    fn adaptation(&mut self) -> Option<&mut Adaptation>;
    /// The most jobs at once, by weight.
    fn most_jobs(&self) -> u32;
}

impl Adapt for () {
    fn adaptation(&mut self) -> Option<&mut Adaptation> {
        None
    }
    fn most_jobs(&self) -> u32 {
        u32::MAX
    }
}

impl Adapt for Adaptation {
    fn adaptation(&mut self) -> Option<&mut Adaptation> {
        Some(self)
    }
    fn most_jobs(&self) -> u32 {
        let offered = self.offer.map_or(u32::MAX, |offer| offer.jobs());
        self.jobs.map_or(offered, |jobs| jobs.value().min(offered))
    }
}

impl<P: Adapt> Adapt for Option<P> {
    fn adaptation(&mut self) -> Option<&mut Adaptation> {
        self.as_mut().and_then(Adapt::adaptation)
    }
    fn most_jobs(&self) -> u32 {
        self.as_ref().map_or(u32::MAX, Adapt::most_jobs)
    }
}

/// How long a gate waits for its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Patience {
    /// A permit that is not sent within this is void, and everything it holds returns.
    pub to_send: Duration,
    /// A request that is not answered within this is lost: nobody knows whether its job runs.
    pub to_answer: Duration,
    /// The longest that a server can close the gate for.
    pub max_block: Duration,
}

impl Patience {
    /// 30 s to send, two minutes to answer, an hour of block.
    pub const DEFAULT: Self = Self {
        to_send: Duration::from_secs(30),
        to_answer: Duration::from_mins(2),
        max_block: Duration::from_hours(1),
    };
}

impl Default for Patience {
    fn default() -> Self {
        Self::DEFAULT
    }
}
