//! Which jobs of a batch to run within a budget, and the cheapest model that meets a need.
//!
//! | Function | Takes | Work, worst case | Memory |
//! |---|---|---|---|
//! | [`plan_greedy`] | the most important that fits, again and again | a sort of n | none |
//! | [`plan_exact`] | the best set of at most 32 | 131 072 subsets, eight heap steps each | about 10 KiB of stack |
//!
//! Nothing is reserved: a plan is advice, the ledger decides. Costs come from a [`Tariff`](crate::Tariff), which has
//! refused what cannot be made at all. The caller's list is only read; indices into it are written to his buffer.

use core::cmp::Reverse;
use core::fmt;

use crate::amount::Amount;
use crate::best_set;
use crate::bounded::Bounded;
use crate::price::{JobSpec, Model, Package, Tariff};
use crate::price_error::PriceError;
use crate::ratio::Rounding;
use crate::sort::sort_by_key;
use crate::time::Duration;
use crate::unit::{Credits, Usd};

/// A job of a batch: how important it is and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Item<U> {
    /// Higher goes first; 0 where nothing is said.
    pub priority: u32,
    /// What it costs, an upper estimate.
    pub cost: Amount<U>,
}

/// What happens when the most important job that is left does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Greedy {
    /// It is left out, and the next is tried: nothing that still fits is left behind.
    Skip,
    /// The plan ends: nothing less important is ever preferred to it.
    Stop,
}

/// How much of the buffer is the plan, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Planned<U> {
    /// The plan is so many indices at the front of the buffer; what follows them there has no meaning.
    pub count: usize,
    /// Never more than the budget.
    pub total: Amount<U>,
}

/// Why there is no plan. The buffer has not been written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PlanError {
    /// More items than this way of planning can take.
    TooManyItems {
        /// How many there are.
        items: usize,
        /// How many there may be.
        max: usize,
    },
    /// The buffer holds fewer indices than there are items.
    BufferTooSmall {
        /// What the buffer holds.
        len: usize,
        /// How many items there are.
        needed: usize,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyItems { items, max } => write!(f, "{items} items: expected at most {max}"),
            Self::BufferTooSmall { len, needed } => {
                write!(f, "a buffer for {len} indices: expected room for {needed}")
            }
        }
    }
}

impl core::error::Error for PlanError {}

/// Plans by priority, highest first and in the order of the list within one, as long as the budget lasts.
///
/// `order` must have room for an index of every item; the plan is its first `count` of them, in the order to run.
///
/// # Errors
/// [`PlanError`]: more than 65 535 items, or a buffer that is too small.
///
/// # Example
/// ```
/// use tollgate::{Amount, Greedy, Item, Usd, plan_exact, plan_greedy};
/// let item = |dollars| Item { priority: 1, cost: Amount::<Usd>::whole(dollars) };
/// let batch = [item(10), item(5), item(5)];
/// let mut order = [0; 3];
/// let planned = plan_greedy(&batch, Amount::whole(10), Greedy::Skip, &mut order)?;
/// assert_eq!(order[..planned.count], [0]);
/// let planned = plan_exact(&batch, Amount::whole(10), &mut order)?;
/// assert_eq!(order[..planned.count], [1, 2]); // two jobs for the same money
/// # Ok::<(), tollgate::PlanError>(())
/// ```
pub fn plan_greedy<U>(
    items: &[Item<U>],
    budget: Amount<U>,
    greedy: Greedy,
    order: &mut [u16],
) -> Result<Planned<U>, PlanError> {
    let order = by_priority(items, usize::from(u16::MAX), order)?;
    let mut left = budget;
    let count = keep(order, |index| {
        let cost = items.get(usize::from(index))?.cost;
        match (left.checked_sub(cost), greedy) {
            (Some(rest), _) => {
                left = rest;
                Some(true)
            }
            (None, Greedy::Skip) => Some(false),
            (None, Greedy::Stop) => None,
        }
    });
    Ok(Planned { count, total: budget.saturating_sub(left) })
}

/// Plans the set with the greatest sum of priorities that the budget allows.
///
/// Of two such sets the one with more items, then the cheaper, then the one with the item that [`plan_greedy`] would try
/// first. So items of priority 0 come along where there is room, and three of priority 4 go before one of 10. `order` is
/// written as by [`plan_greedy`].
///
/// The search is exact and bounded: the items are halved, and the subsets of one half are met by those of the other in
/// the order of their costs (Schroeppel and Shamir, 1981).
///
/// # Errors
/// [`PlanError`]: more than 32 items, or a buffer that is too small.
pub fn plan_exact<U>(items: &[Item<U>], budget: Amount<U>, order: &mut [u16]) -> Result<Planned<U>, PlanError> {
    let order = by_priority(items, best_set::MAX_ITEMS, order)?;
    let mut batch = heapless::Vec::new();
    for item in order.iter().filter_map(|index| items.get(usize::from(*index))) {
        // Full only beyond MAX_ITEMS, which has been refused.
        let _ = batch.put(best_set::Entry { value: item.priority, cost: item.cost.as_micros() });
    }
    let chosen = best_set::find(&batch, budget.as_micros());
    let (mut place, mut total) = (0u32, Amount::ZERO);
    let count = keep(order, |index| {
        let taken = chosen.has(place);
        place = place.saturating_add(1);
        if taken {
            // Cannot fail: the whole set is within the budget.
            total = total.checked_add(items.get(usize::from(index))?.cost)?;
        }
        Some(taken)
    });
    Ok(Planned { count, total })
}

/// Fills the front of the buffer with the indices of all items, by priority and then by position.
fn by_priority<'b, U>(items: &[Item<U>], max: usize, order: &'b mut [u16]) -> Result<&'b mut [u16], PlanError> {
    let (needed, len) = (items.len(), order.len());
    if needed > max {
        return Err(PlanError::TooManyItems { items: needed, max });
    }
    let Some(order) = order.get_mut(..needed) else {
        return Err(PlanError::BufferTooSmall { len, needed });
    };
    for (slot, index) in order.iter_mut().zip(0..=u16::MAX) {
        *slot = index;
    }
    sort_by_key(order, |index| (Reverse(items.get(usize::from(index)).map(|item| item.priority)), index));
    Ok(order)
}

/// Moves the indices that are wanted to the front, until `None`, and counts them.
fn keep(order: &mut [u16], mut wanted: impl FnMut(u16) -> Option<bool>) -> usize {
    let mut count = 0;
    for at in 0..order.len() {
        let Some(index) = order.get(at).copied() else { break };
        match wanted(index) {
            Some(true) => {
                if let Some(slot) = order.get_mut(count) {
                    *slot = index;
                }
                count = usize::saturating_add(count, 1);
            }
            Some(false) => {}
            None => break,
        }
    }
    count
}

/// What a model must be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Need<'a> {
    /// At least this quality, as a model of the tariff names its own.
    pub quality: &'a str,
    /// This long.
    pub duration: Duration,
    /// In this resolution.
    pub resolution: &'a str,
}

/// What there is to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Funds<'p> {
    /// Credits.
    Credits(Amount<Credits>),
    /// Dollars, which credits of this package cost.
    Dollars(Amount<Usd>, &'p Package),
}

/// A model and what the job costs with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Choice<'a> {
    /// The model.
    pub model: &'a Model<'a>,
    /// The price, rounded up.
    pub credits: Amount<Credits>,
}

/// The cheapest model that meets the need and the funds; of two at the same price the better, then the first of the table.
///
/// `None`: no model can do this, or none for these funds. A worse one than asked for is never the answer.
///
/// # Errors
/// [`PriceError`]: a quality, resolution or duration that has no meaning in this tariff, or a price that is too large.
///
/// # Example
/// ```
/// use tollgate::presets::tariffs::seed003;
/// use tollgate::{Amount, Duration, Funds, Need, cheapest};
/// let need = Need { quality: "Enhanced", duration: Duration::from_secs(10), resolution: "1080p" };
/// let package = seed003::TARIFF.package(Amount::whole(100))?; // 100 credits for 5 dollars
/// let five = Funds::Dollars(Amount::whole(5), package);
/// assert_eq!(cheapest(&seed003::TARIFF, &need, five)?.map(|choice| choice.model.name), Some("kling-v1.5"));
///
/// let longer = Need { duration: Duration::from_secs(11), ..need };
/// assert_eq!(cheapest(&seed003::TARIFF, &longer, five)?, None);
/// # Ok::<(), tollgate::PriceError>(())
/// ```
pub fn cheapest<'a>(
    tariff: &Tariff<'a>,
    need: &Need<'a>,
    funds: Funds<'_>,
) -> Result<Option<Choice<'a>>, PriceError<'a>> {
    let rank = tariff.rank(need.quality)?;
    let mut best: Option<Choice<'a>> = None;
    // A model of a lower rank is not even priced: whatever is wrong with its price is none of this job's business.
    for model in tariff.parts().models.iter().filter(|model| model.rank >= rank) {
        let job = JobSpec { model: model.name, duration: need.duration, resolution: need.resolution };
        let credits = match tariff.credits_of(model, &job, Rounding::Ceil) {
            Ok(credits) => credits,
            Err(PriceError::TooLong { .. } | PriceError::ResolutionTooHigh { .. }) => continue,
            Err(error) => return Err(error),
        };
        let affordable = match funds {
            Funds::Credits(available) => credits <= available,
            Funds::Dollars(available, package) => package.usd(credits, Rounding::Ceil)? <= available,
        };
        let better =
            best.is_none_or(|other| (credits, Reverse(model.rank)) < (other.credits, Reverse(other.model.rank)));
        if affordable && better {
            best = Some(Choice { model, credits });
        }
    }
    Ok(best)
}
