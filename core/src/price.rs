//! `Tariff`: what a job costs in credits, and what the credits cost in money.
//!
//! All of it is data: a constant here, or read from a file into a [`TariffConfig`](crate::TariffConfig). What the data
//! does not know, such as a model, a resolution or a duration, is an error that names it, never a default.
//!
//! ```text
//! credits = base(duration) x model x resolution       multiplied first, rounded once
//! dollars = credits x price / (package + bonus)       rounded once
//! ```
//!
//! Prices belong before a hold, not on the path of a decision: they divide. A tariff borrows its tables.

use crate::amount::Amount;
use crate::bounded::Counting;
use crate::price_error::{PriceError, TariffError};
use crate::ratio::{Ratio, RatioError, Rounding};
use crate::time::Duration;
use crate::unit::{Credits, Usd};

/// The base price of one duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Listed {
    /// For exactly so many seconds.
    pub seconds: u32,
    /// This.
    pub credits: Amount<Credits>,
}

/// A model, what it multiplies the base by, and what it can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Model<'a> {
    /// What the API calls it.
    pub name: &'a str,
    /// What people call its quality, where the source names one; for choosing by quality.
    pub quality: Option<&'a str>,
    /// Higher is better.
    pub rank: u8,
    /// Times the base.
    pub multiplier: Ratio,
    /// The longest it makes; `None`: the source names no maximum.
    pub max_seconds: Option<u32>,
    /// The highest resolution it makes; `None`: the source names none.
    pub max_resolution: Option<&'a str>,
}

/// A resolution and what it multiplies the base by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Resolution<'a> {
    /// Such as `1080p`.
    pub name: &'a str,
    /// Times the base.
    pub multiplier: Ratio,
}

/// The tables of a [`Tariff`], not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TariffParts<'a> {
    /// Durations with a base price of their own.
    pub listed: &'a [Listed],
    /// The base price of a second for every other duration; `None`: there are no others.
    pub per_second: Option<Amount<Credits>>,
    /// The models.
    pub models: &'a [Model<'a>],
    /// The resolutions, **from the lowest to the highest**.
    pub resolutions: &'a [Resolution<'a>],
    /// What credits are sold in, in any order.
    pub packages: &'a [Package],
}

/// What is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct JobSpec<'a> {
    /// The name of the model.
    pub model: &'a str,
    /// How long it will be.
    pub duration: Duration,
    /// The name of the resolution.
    pub resolution: &'a str,
}

/// So many credits for so much money.
///
/// # Example
/// ```
/// use tollgate::{Amount, Package, Ratio, Rounding};
/// let package = Package::new(Amount::whole(1_000), Amount::whole(35))?.with_bonus(Amount::whole(150))?;
/// assert_eq!(package.unit_price(), Ratio::new(7, 230)?); // 35 / 1150: no whole number of millionths
/// assert_eq!(package.usd(Amount::whole(230), Rounding::Exact)?, Amount::whole(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "PlainPackage", try_from = "PlainPackage"))]
pub struct Package {
    credits: Amount<Credits>,
    bonus: Amount<Credits>,
    price: Amount<Usd>,
    unit: Ratio,
}

/// What jobs cost, checked once.
///
/// # Example
/// A price list of one's own, as a constant:
/// ```
/// use tollgate::{Amount, Duration, JobSpec, Model, Package, Ratio, Resolution, Rounding, Tariff, TariffParts, valid};
/// const MODELS: [Model; 1] = [Model {
///     name: "clip-2",
///     quality: None,
///     rank: 0,
///     multiplier: valid!(Ratio::parse("1.5")),
///     max_seconds: Some(30),
///     max_resolution: None,
/// }];
/// const TARIFF: Tariff = valid!(Tariff::new(TariffParts {
///     listed: &[],
///     per_second: Some(Amount::whole(4)),
///     models: &MODELS,
///     resolutions: &[Resolution { name: "720p", multiplier: Ratio::ONE }],
///     packages: &[valid!(Package::new(Amount::whole(1_000), Amount::whole(20)))],
/// }));
/// let job = JobSpec { model: "clip-2", duration: Duration::from_millis(2_500), resolution: "720p" };
/// let credits = TARIFF.credits(&job, Rounding::Ceil)?; // 2.5 s x 4 x 1.5
/// assert_eq!(credits, Amount::whole(15));
/// assert_eq!(TARIFF.package(Amount::whole(1_000))?.usd(credits, Rounding::Ceil)?, Amount::parse("0.30")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// One of the source documents, and what it does not know:
/// ```
/// use tollgate::presets::tariffs::seed003;
/// use tollgate::{Amount, Duration, JobSpec, PriceError, Rounding};
/// let job = JobSpec { model: "kling-v1.5", duration: Duration::from_secs(10), resolution: "1080p" };
/// let credits = seed003::TARIFF.credits(&job, Rounding::Ceil)?;
/// assert_eq!(credits, Amount::whole(100));
/// let package = seed003::TARIFF.package(Amount::whole(100))?;
/// assert_eq!(package.usd(credits, Rounding::Ceil)?, Amount::whole(5));
///
/// let misspelt = JobSpec { model: "kling-pr0", ..job };
/// assert!(matches!(seed003::TARIFF.credits(&misspelt, Rounding::Ceil), Err(PriceError::UnknownModel { .. })));
/// # Ok::<(), PriceError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tariff<'a> {
    parts: TariffParts<'a>,
    limits: bool,
}

impl Package {
    /// So many credits for this price, without a bonus.
    ///
    /// # Errors
    /// [`TariffError::NoCredits`]; [`TariffError::Ratio`] if the price of one credit is no ratio of two `u32`.
    pub const fn new(credits: Amount<Credits>, price: Amount<Usd>) -> Result<Self, TariffError> {
        Self { credits, bonus: Amount::ZERO, price, unit: Ratio::ONE }.with_bonus(Amount::ZERO)
    }

    /// The same with so many credits on top; what was on top before is replaced.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`TariffError::Overflow`] if there are too many credits.
    pub const fn with_bonus(self, bonus: Amount<Credits>) -> Result<Self, TariffError> {
        if self.credits.is_zero() {
            return Err(TariffError::NoCredits);
        }
        let Some(total) = self.credits.checked_add(bonus) else { return Err(TariffError::Overflow) };
        match Ratio::new(self.price.as_micros(), total.as_micros()) {
            Ok(unit) => Ok(Self { bonus, unit, ..self }),
            Err(error) => Err(TariffError::Ratio(error)),
        }
    }

    /// The credits that are paid for; they also name the package.
    pub const fn credits(&self) -> Amount<Credits> {
        self.credits
    }

    /// The credits on top.
    pub const fn bonus(&self) -> Amount<Credits> {
        self.bonus
    }

    /// What it costs.
    pub const fn price(&self) -> Amount<Usd> {
        self.price
    }

    /// Dollars for one credit, the bonus included; exact, and often no whole number of millionths.
    pub const fn unit_price(&self) -> Ratio {
        self.unit
    }

    /// What so many of its credits have cost, rounded once.
    ///
    /// # Errors
    /// [`PriceError::Amount`]: too large, or inexact under [`Rounding::Exact`].
    pub const fn usd(&self, credits: Amount<Credits>, rounding: Rounding) -> Result<Amount<Usd>, PriceError<'static>> {
        match credits.convert(self.unit, rounding) {
            Ok(usd) => Ok(usd),
            Err(error) => Err(PriceError::Amount(error)),
        }
    }
}

impl<'a> Tariff<'a> {
    /// A tariff of these tables.
    ///
    /// # Errors
    /// [`TariffError`], naming the row: an empty table, a name or duration twice, a maximum that is no resolution, or
    /// multipliers whose product is too large to be exact.
    pub const fn new(parts: TariffParts<'a>) -> Result<Self, TariffError> {
        match crate::price_error::check(&parts) {
            Ok(()) => Ok(Self { parts, limits: true }),
            Err(error) => Err(error),
        }
    }

    /// The same prices with no maximum of any model enforced: what the formula alone says, for comparing tariffs and for
    /// settling a job that ran all the same. Not for deciding whether a job may start.
    #[must_use]
    pub const fn ignoring_limits(self) -> Self {
        Self { limits: false, ..self }
    }

    /// Its tables.
    pub const fn parts(&self) -> &TariffParts<'a> {
        &self.parts
    }

    /// What a job costs: base, times model, times resolution, rounded once. Exact prices of the source documents need no
    /// rounding; for whole credits take [`Amount::rounded`] of the result.
    ///
    /// # Errors
    /// [`PriceError`], the first of: unknown model, unknown resolution, zero duration, too long for the model, too high
    /// a resolution for it, a duration without a price, a result that is too large or inexact.
    pub fn credits(&self, job: &JobSpec<'a>, rounding: Rounding) -> Result<Amount<Credits>, PriceError<'a>> {
        self.credits_of(self.model(job.model)?, job, rounding)
    }

    /// [`credits`](Self::credits) with the model looked up already; `job.model` is ignored.
    pub(crate) fn credits_of(
        &self,
        model: &'a Model<'a>,
        job: &JobSpec<'a>,
        rounding: Rounding,
    ) -> Result<Amount<Credits>, PriceError<'a>> {
        let resolution = self.resolution(job.resolution)?;
        if job.duration.is_zero() {
            return Err(PriceError::ZeroDuration);
        }
        if self.limits {
            self.within_limits(model, resolution, job.duration)?;
        }
        let chain = model.multiplier.times(resolution.multiplier)?;
        let same = |listed: &&Listed| Duration::from_secs(u64::from(listed.seconds)) == job.duration;
        let (base, chain) = match (self.parts.listed.iter().find(same), self.parts.per_second) {
            (Some(listed), _) => (listed.credits, chain),
            (None, Some(per_second)) => (per_second, chain.times(seconds(job.duration)?)?),
            (None, None) => {
                return Err(PriceError::UnlistedDuration { duration: job.duration, known: self.parts.listed });
            }
        };
        Ok(base.times(chain, rounding)?)
    }

    fn within_limits(
        &self,
        model: &'a Model<'a>,
        resolution: &'a Resolution<'a>,
        duration: Duration,
    ) -> Result<(), PriceError<'a>> {
        if let Some(max_seconds) = model.max_seconds
            && duration > Duration::from_secs(u64::from(max_seconds))
        {
            return Err(PriceError::TooLong { model: model.name, duration, max_seconds });
        }
        let place = |name: &str| self.parts.resolutions.iter().place(|resolution| resolution.name == name);
        match model.max_resolution {
            Some(max) if place(resolution.name) > place(max) => {
                Err(PriceError::ResolutionTooHigh { model: model.name, resolution: resolution.name, max })
            }
            _ => Ok(()),
        }
    }

    /// The model of this name.
    ///
    /// # Errors
    /// [`PriceError::UnknownModel`], naming it and those that there are.
    pub fn model(&self, name: &'a str) -> Result<&'a Model<'a>, PriceError<'a>> {
        let known = self.parts.models;
        known.iter().find(|model| model.name == name).ok_or(PriceError::UnknownModel { name, known })
    }

    /// The resolution of this name.
    ///
    /// # Errors
    /// [`PriceError::UnknownResolution`], naming it and those that there are.
    pub fn resolution(&self, name: &'a str) -> Result<&'a Resolution<'a>, PriceError<'a>> {
        let known = self.parts.resolutions;
        known.iter().find(|resolution| resolution.name == name).ok_or(PriceError::UnknownResolution { name, known })
    }

    /// The rank of the worst model of this quality.
    ///
    /// # Errors
    /// [`PriceError::UnknownQuality`], naming it and those that there are.
    pub fn rank(&self, quality: &'a str) -> Result<u8, PriceError<'a>> {
        let known = self.parts.models;
        let ranks = known.iter().filter(|model| model.quality == Some(quality)).map(|model| model.rank);
        ranks.min().ok_or(PriceError::UnknownQuality { name: quality, known })
    }

    /// The package that has so many credits, its bonus not counted.
    ///
    /// # Errors
    /// [`PriceError::UnknownPackage`], naming the credits and the packages that there are.
    pub fn package(&self, credits: Amount<Credits>) -> Result<&'a Package, PriceError<'a>> {
        let known = self.parts.packages;
        known.iter().find(|package| package.credits == credits).ok_or(PriceError::UnknownPackage { credits, known })
    }

    /// The largest package that is no larger than what an account has bought: its tier.
    ///
    /// # Errors
    /// [`PriceError::UnknownPackage`] if it has bought less than the smallest: such an account has no price.
    pub fn tier(&self, bought: Amount<Credits>) -> Result<&'a Package, PriceError<'a>> {
        let known = self.parts.packages;
        let affordable = known.iter().filter(|package| package.credits <= bought);
        affordable.max_by_key(|package| package.credits).ok_or(PriceError::UnknownPackage { credits: bought, known })
    }
}

/// A duration as a number of seconds.
fn seconds(duration: Duration) -> Result<Ratio, RatioError> {
    Ratio::new(duration.as_micros(), 1_000_000)
}

/// The wire form of a [`Package`].
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainPackage {
    credits: Amount<Credits>,
    #[serde(default)]
    bonus: Amount<Credits>,
    price: Amount<Usd>,
}

#[cfg(feature = "serde")]
impl From<Package> for PlainPackage {
    fn from(package: Package) -> Self {
        Self { credits: package.credits, bonus: package.bonus, price: package.price }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<PlainPackage> for Package {
    type Error = TariffError;

    fn try_from(plain: PlainPackage) -> Result<Self, TariffError> {
        Self::new(plain.credits, plain.price)?.with_bonus(plain.bonus)
    }
}
