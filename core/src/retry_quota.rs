//! `RetryQuota` and `RatioBudget`: retries must not make an outage worse.
//!
//! A quota is a stock of units that failures drain and successes refill, so that retries stop when nothing works. A ratio
//! allows retries as a share of the traffic of the last seconds. Either, or both ([`Restraint`](crate::Restraint)).

use core::fmt;

use crate::slide::slide;
use crate::time::{Duration, Instant};

/// Why a retry is made; throttling is cheaper, since the server did no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RetryKind {
    /// The server refused for its limits.
    Throttled,
    /// A server error, or a broken connection.
    Transient,
}

/// Too little is left for another retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Exhausted {
    /// What a retry costs.
    pub cost: u32,
    /// What is left.
    pub left: u32,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a retry costs {}: {} left", self.cost, self.left)
    }
}

impl core::error::Error for Exhausted {}

/// The numbers of a [`RetryQuota`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QuotaCosts {
    /// The stock, full at the start.
    pub capacity: u32,
    /// What a retry after an error takes.
    pub transient: u32,
    /// What a retry after a refusal takes.
    pub throttled: u32,
    /// What a success without a retry adds.
    pub success: u32,
}

impl QuotaCosts {
    /// The AWS retry specification 2.1: 500 units, 14 a retry, 5 after throttling, 1 back for each success.
    pub const AWS: Self = Self { capacity: 500, transient: 14, throttled: 5, success: 1 };
}

/// A stock of retries.
///
/// # Example
/// ```
/// use tollgate::{QuotaCosts, RetryKind, RetryQuota};
/// let mut quota = RetryQuota::new(QuotaCosts { capacity: 20, ..QuotaCosts::AWS });
/// assert!(quota.take(RetryKind::Transient).is_ok());
/// assert!(quota.take(RetryKind::Transient).is_err()); // 6 left
/// assert!(quota.take(RetryKind::Throttled).is_ok());
/// quota.succeeded(Some(RetryKind::Throttled));
/// assert_eq!(quota.left(), 6);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RetryQuota {
    pub(crate) costs: QuotaCosts,
    pub(crate) left: u32,
}

impl RetryQuota {
    /// A full stock.
    pub const fn new(costs: QuotaCosts) -> Self {
        Self { costs, left: costs.capacity }
    }

    /// Takes what a retry costs.
    ///
    /// # Errors
    /// [`Exhausted`]; nothing has changed then.
    pub const fn take(&mut self, kind: RetryKind) -> Result<(), Exhausted> {
        let cost = self.cost(kind);
        match self.left.checked_sub(cost) {
            Some(left) => self.left = left,
            None => return Err(Exhausted { cost, left: self.left }),
        }
        Ok(())
    }

    /// A call succeeded: what its last retry took comes back, or a little if it needed none. Never above the capacity.
    pub fn succeeded(&mut self, retried: Option<RetryKind>) {
        let back = retried.map_or(self.costs.success, |kind| self.cost(kind));
        self.left = self.left.saturating_add(back).min(self.costs.capacity);
    }

    /// A retry was scheduled and then cancelled: what it took comes back. [`Retry::cancel`](crate::Retry::cancel) knows
    /// what that was.
    pub fn cancelled(&mut self, kind: RetryKind) {
        self.succeeded(Some(kind));
    }

    /// What is left.
    pub const fn left(&self) -> u32 {
        self.left
    }

    const fn cost(&self, kind: RetryKind) -> u32 {
        match kind {
            RetryKind::Throttled => self.costs.throttled,
            RetryKind::Transient => self.costs.transient,
        }
    }
}

pub(crate) const SLICES: usize = 10;

/// Retries as a share of the calls of the last seconds, plus a few a second for when there is little traffic.
///
/// Deposits are kept in tenths of `ttl` and forgotten as a whole: early rather than late.
///
/// # Example
/// ```
/// use tollgate::{Duration, Instant, RatioBudget};
/// // One retry for every two calls of the last second.
/// let mut budget = RatioBudget::new(Duration::from_secs(1), 500, 0);
/// budget.deposit(Instant::ORIGIN);
/// assert!(!budget.allows(Instant::ORIGIN));
/// budget.deposit(Instant::ORIGIN);
/// assert!(budget.withdraw(Instant::from_millis(890)));
/// assert!(!budget.withdraw(Instant::from_millis(890)));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RatioBudget {
    pub(crate) slice: Duration,
    pub(crate) permille: u16,
    /// Permille of a retry that the floor adds over the whole `ttl`.
    pub(crate) reserve: i64,
    pub(crate) head: Instant,
    pub(crate) last: Instant,
    /// Deposits less withdrawals, in permille of a retry; the running slice first.
    pub(crate) slices: [i64; SLICES],
}

impl RatioBudget {
    /// `permille` of a retry for each call of the last `ttl`, and `per_sec` retries a second besides.
    pub const fn new(ttl: Duration, permille: u16, per_sec: u16) -> Self {
        // At most 65 535 a second over what an i64 counts: clamped to a day, beyond which nobody remembers.
        let secs = if ttl.as_secs() > 86_400 { 86_400 } else { ttl.as_secs() };
        #[expect(clippy::cast_possible_wrap, reason = "at most 86 400")]
        let reserve = per_sec as i64 * 1_000 * secs as i64;
        let slice = Duration::from_micros(ttl.as_micros() / SLICES as u64);
        Self { slice, permille, reserve, head: Instant::ORIGIN, last: Instant::ORIGIN, slices: [0; SLICES] }
    }

    /// A call, not a retry, is sent.
    pub fn deposit(&mut self, now: Instant) {
        self.advance(now);
        if let Some(first) = self.slices.first_mut() {
            *first = first.saturating_add(i64::from(self.permille));
        }
    }

    /// Whether a retry would be allowed. Changes nothing.
    pub fn allows(&self, now: Instant) -> bool {
        let mut later = *self;
        later.advance(now);
        later.balance() >= 1_000
    }

    /// Takes one retry if it is allowed, and tells.
    pub fn withdraw(&mut self, now: Instant) -> bool {
        if !self.allows(now) {
            return false;
        }
        self.advance(now);
        if let Some(first) = self.slices.first_mut() {
            *first = first.saturating_sub(1_000);
        }
        true
    }

    /// Re-anchors it at `now` after a **known** clock fault; adds no retry.
    pub(crate) fn restart(&mut self, now: Instant) {
        (self.last, self.head) = (self.last.min(now), self.head.min(now));
    }

    fn balance(&self) -> i64 {
        self.slices.iter().fold(self.reserve, |sum, slice| sum.saturating_add(*slice))
    }

    fn advance(&mut self, now: Instant) {
        self.last = self.last.max(now);
        slide(&mut self.slices, &mut self.head, self.slice, self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Instant = Instant::from_millis;

    #[test]
    fn the_aws_stock_drains_and_refills() {
        let mut quota = RetryQuota::new(QuotaCosts::AWS);
        let transient = (0..100).take_while(|_| quota.take(RetryKind::Transient).is_ok()).count();
        assert_eq!((transient, quota.left()), (35, 10));
        assert_eq!(quota.take(RetryKind::Transient), Err(Exhausted { cost: 14, left: 10 }));
        assert!(quota.take(RetryKind::Throttled).is_ok());
        for _ in 0..9 {
            quota.succeeded(None);
        }
        assert_eq!(quota.left(), 14);
        quota.succeeded(Some(RetryKind::Transient));
        assert_eq!(quota.left(), 28);
        quota.cancelled(RetryKind::Throttled);
        assert_eq!(quota.left(), 33);
        for _ in 0..1_000 {
            quota.succeeded(None);
        }
        assert_eq!(quota.left(), 500);
    }

    /// The rows of `tower` @ 8358ee7, `tower/src/retry/budget/tps_budget.rs`.
    #[test]
    fn a_share_of_the_traffic_may_be_retried() {
        let second = Duration::from_secs(1);
        let mut empty = RatioBudget::new(second, 1_000, 0);
        assert!(!empty.withdraw(MS(0)));
        empty.deposit(MS(0));
        assert!(!empty.withdraw(MS(3_000)), "expired");

        let mut half = RatioBudget::new(second, 500, 0);
        half.deposit(MS(0));
        half.deposit(MS(0));
        assert!(half.withdraw(MS(901)));
        let mut half = RatioBudget::new(second, 500, 0);
        half.deposit(MS(0));
        half.deposit(MS(301));
        half.deposit(MS(1_102));
        assert!(half.withdraw(MS(1_102)), "the second and the third count");
        assert!(!half.withdraw(MS(1_102)));

        let mut floor = RatioBudget::new(second, 0, 5);
        assert_eq!((0..9).filter(|_| floor.withdraw(MS(0))).count(), 5);
        assert!(floor.withdraw(MS(1_000)));
    }

    #[test]
    fn time_that_goes_back_brings_nothing_back() {
        let mut budget = RatioBudget::new(Duration::from_secs(1), 0, 1);
        assert!(budget.withdraw(MS(50_000)));
        for now in [49_000, 0, 50_999] {
            assert!(!budget.allows(MS(now)));
        }
        assert!(budget.allows(Instant::MAX));
    }
}
