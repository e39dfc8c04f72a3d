//! `Plan`: what an account may do, as its provider states it.
//!
//! Only data, with words for what a document leaves open: the documents contradict each other, so there is no default
//! plan, and what is not stated is not made up. Build limiters from the numbers that are there.

use crate::amount::Amount;
use crate::unit::Credits;

/// A number in a document, or the way in which it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Stated<T> {
    /// The document says nothing.
    Unstated,
    /// By agreement with the provider.
    Custom,
    /// This.
    Exactly(T),
    /// This or more.
    AtLeast(T),
}

impl<T: Copy> Stated<T> {
    /// The number to plan with, if there is one: of "10 or more" the 10.
    ///
    /// # Example
    /// ```
    /// use tollgate::presets::plans::{seed000, seed001};
    /// assert_eq!(seed001::ENTERPRISE.concurrency.value(), Some(10)); // "10+"
    /// assert_eq!(seed000::ENTERPRISE.concurrency.value(), None); // "custom"
    /// ```
    pub const fn value(self) -> Option<T> {
        match self {
            Self::Exactly(value) | Self::AtLeast(value) => Some(value),
            Self::Unstated | Self::Custom => None,
        }
    }
}

/// What happens to requests in a burst above the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum BurstRule {
    /// The document says nothing.
    Unstated,
    /// A short one may exceed the rate by so many percent.
    Allowed {
        /// From.
        from_percent: u8,
        /// To.
        to_percent: u8,
    },
    /// It is detected, and answered with longer refusals.
    Punished,
}

/// Who shares the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Scope {
    /// The document says nothing, or tells the reader to find out.
    Unstated,
    /// Each API key has its own.
    Key,
    /// All keys of an account.
    Account,
    /// Whatever runs under the plan.
    Plan,
}

/// When used credits come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Reset {
    /// The document says nothing.
    Unstated,
    /// At a boundary of the calendar.
    Calendar,
    /// One after the other, as each grows old.
    Rolling,
}

/// What an account may do.
///
/// # Example
/// Limiters of the numbers that are stated; of the others somebody must decide:
/// ```
/// use tollgate::presets::plans::{seed000, seed001};
/// use tollgate::{Amount, BudgetSpec, Calendar, Cycle, Duration, Quota, Renewal, Slots};
/// let plan = seed001::FREE;
/// let per_minute = plan.requests_per_minute.value().ok_or("not stated")?;
/// let quota = Quota::new(per_minute, Duration::from_mins(1))?;
/// let slots = Slots::<8>::new(u32::from(plan.concurrency.value().ok_or("not stated")?));
/// let daily = plan.daily.value().ok_or("not stated")?;
/// let credits = BudgetSpec::new(daily, Renewal::Calendar(Calendar::utc(Cycle::Day)));
/// assert_eq!((quota.units(), slots.limit(), credits.limit_micros()), (10, 1, 66_000_000));
///
/// assert_eq!(seed000::ENTERPRISE.requests_per_minute.value(), None); // "custom": ask the provider
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Plan<'a> {
    /// Its name in the document.
    pub name: &'a str,
    /// Requests in a minute.
    pub requests_per_minute: Stated<u32>,
    /// Jobs that run at the same time.
    pub concurrency: Stated<u16>,
    /// Credits in a day.
    pub daily: Stated<Amount<Credits>>,
    /// Credits in a month.
    pub monthly: Stated<Amount<Credits>>,
    /// Bursts above the rate.
    pub burst: BurstRule,
    /// Who shares all this.
    pub scope: Scope,
    /// When credits come back.
    pub reset: Reset,
    /// The longest video in seconds.
    pub max_seconds: Stated<u32>,
    /// The highest resolution.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub max_resolution: Stated<&'a str>,
}

impl<'a> Plan<'a> {
    /// A plan of which only the name is known, to build others from.
    pub const fn unstated(name: &'a str) -> Self {
        Self {
            name,
            requests_per_minute: Stated::Unstated,
            concurrency: Stated::Unstated,
            daily: Stated::Unstated,
            monthly: Stated::Unstated,
            burst: BurstRule::Unstated,
            scope: Scope::Unstated,
            reset: Reset::Unstated,
            max_seconds: Stated::Unstated,
            max_resolution: Stated::Unstated,
        }
    }
}
