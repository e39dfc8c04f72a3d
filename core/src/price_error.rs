//! What can be wrong with a tariff, and with a job under a good one.
//!
//! [`TariffError`] is found once, where the tables are put together; [`PriceError`] belongs to one job and names what it
//! asked for and what there is.

use core::fmt;

use crate::amount::{Amount, AmountError};
use crate::price::{Listed, Model, Package, Resolution, TariffParts};
use crate::ratio::RatioError;
use crate::time::Duration;
use crate::unit::Credits;

/// Why a tariff or a package cannot be. Rows are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TariffError {
    /// No model at all.
    NoModels,
    /// No resolution at all.
    NoResolutions,
    /// Neither a listed duration nor a price per second.
    NoBase,
    /// A listed duration, or a maximum, of zero seconds.
    ZeroSeconds {
        /// The row in its table.
        row: u16,
    },
    /// A name, a listed duration or a package size that stands in a later row too.
    Twice {
        /// The earlier row.
        row: u16,
    },
    /// The maximum of a model is not among the resolutions.
    UnknownMaxResolution {
        /// The row of the model.
        row: u16,
    },
    /// A package of no credits.
    NoCredits,
    /// A package of too many credits.
    Overflow,
    /// Multipliers, the longest duration of a model included, or a unit price, that are no ratio of two `u32`.
    Ratio(RatioError),
}

impl TariffError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoModels => "a tariff without models: expected at least one",
            Self::NoResolutions => "a tariff without resolutions: expected at least one",
            Self::NoBase => "a tariff without a base: expected listed durations or a price per second",
            Self::ZeroSeconds { .. } => "a duration of 0 seconds: expected at least 1",
            Self::Twice { .. } => "a row that stands in its table twice: expected it once",
            Self::UnknownMaxResolution { .. } => "a maximum that is no resolution: expected one of the table",
            Self::NoCredits => "a package of 0 credits: expected more",
            Self::Overflow => "a package of too many credits: expected at most 9223372036854.775807",
            Self::Ratio(error) => error.message(),
        }
    }
}

impl fmt::Display for TariffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSeconds { row } | Self::Twice { row } | Self::UnknownMaxResolution { row } => {
                write!(f, "row {row}: {}", self.message())
            }
            Self::Ratio(error) => write!(f, "multipliers or unit price: {error}"),
            other => f.write_str(other.message()),
        }
    }
}

impl core::error::Error for TariffError {}

/// Why a job has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PriceError<'a> {
    /// The tariff has no such model.
    UnknownModel {
        /// What was asked for.
        name: &'a str,
        /// What there is.
        known: &'a [Model<'a>],
    },
    /// The tariff has no such resolution.
    UnknownResolution {
        /// What was asked for.
        name: &'a str,
        /// What there is.
        known: &'a [Resolution<'a>],
    },
    /// No model has such a quality.
    UnknownQuality {
        /// What was asked for.
        name: &'a str,
        /// The models and their qualities.
        known: &'a [Model<'a>],
    },
    /// The tariff has no such package, or none as small as this.
    UnknownPackage {
        /// What was asked for.
        credits: Amount<Credits>,
        /// What there is.
        known: &'a [Package],
    },
    /// A job of no duration.
    ZeroDuration,
    /// Longer than the model makes.
    TooLong {
        /// The model.
        model: &'a str,
        /// What was asked for.
        duration: Duration,
        /// What it makes.
        max_seconds: u32,
    },
    /// A higher resolution than the model makes.
    ResolutionTooHigh {
        /// The model.
        model: &'a str,
        /// What was asked for.
        resolution: &'a str,
        /// What it makes.
        max: &'a str,
    },
    /// A duration that is not listed, in a tariff without a price per second.
    UnlistedDuration {
        /// What was asked for.
        duration: Duration,
        /// What there is.
        known: &'a [Listed],
    },
    /// A duration with too fine a fraction of a second, or too long, to be multiplied exactly.
    Ratio(RatioError),
    /// The price is too large, or inexact where it must not be.
    Amount(AmountError),
}

impl From<RatioError> for PriceError<'_> {
    fn from(error: RatioError) -> Self {
        Self::Ratio(error)
    }
}

impl From<AmountError> for PriceError<'_> {
    fn from(error: AmountError) -> Self {
        Self::Amount(error)
    }
}

/// `a, b, c`, or `nothing` for none.
fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
    let mut first = true;
    for item in items {
        write!(f, "{}{item}", if first { "" } else { ", " })?;
        first = false;
    }
    f.write_str(if first { "nothing" } else { "" })
}

impl fmt::Display for PriceError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModel { name, known } => {
                write!(f, "no model {name:?}: expected one of ")?;
                list(f, known.iter().map(|model| model.name))
            }
            Self::UnknownResolution { name, known } => {
                write!(f, "no resolution {name:?}: expected one of ")?;
                list(f, known.iter().map(|resolution| resolution.name))
            }
            Self::UnknownQuality { name, known } => {
                write!(f, "no quality {name:?}: expected one of ")?;
                list(f, known.iter().filter_map(|model| model.quality))
            }
            Self::UnknownPackage { credits, known } => {
                write!(f, "no package for {credits} credits: expected one of ")?;
                list(f, known.iter().map(Package::credits))
            }
            Self::ZeroDuration => f.write_str("a duration of 0 s: expected more"),
            Self::TooLong { model, duration, max_seconds } => {
                write!(f, "{duration} is too long for {model:?}: expected at most {max_seconds} s")
            }
            Self::ResolutionTooHigh { model, resolution, max } => {
                write!(f, "{resolution} is too high for {model:?}: expected at most {max}")
            }
            Self::UnlistedDuration { duration, known } => {
                write!(f, "no price for {duration}: expected one of these seconds: ")?;
                list(f, known.iter().map(|listed| listed.seconds))
            }
            Self::Ratio(error) => write!(f, "no exact price for this duration: {error}"),
            Self::Amount(error) => write!(f, "no price: {error}"),
        }
    }
}

impl core::error::Error for PriceError<'_> {}

/// A loop over a slice that a `const fn` may contain: each item with its row and what comes after it.
macro_rules! each {
    ($item:ident, $row:ident, $tail:ident in $slice:expr => $body:block) => {
        let (mut rest, mut $row) = ($slice, 0u16);
        while let [$item, $tail @ ..] = rest {
            $body(rest, $row) = ($tail, $row.saturating_add(1));
        }
    };
}

/// Everything that [`Tariff::new`](crate::Tariff::new) promises about its tables.
pub(crate) const fn check(parts: &TariffParts<'_>) -> Result<(), TariffError> {
    if parts.models.is_empty() {
        return Err(TariffError::NoModels);
    }
    if parts.resolutions.is_empty() {
        return Err(TariffError::NoResolutions);
    }
    if parts.listed.is_empty() && parts.per_second.is_none() {
        return Err(TariffError::NoBase);
    }
    each!(listed, row, tail in parts.listed => {
        if listed.seconds == 0 {
            return Err(TariffError::ZeroSeconds { row });
        }
        each!(other, later, _after in tail => {
            if other.seconds == listed.seconds {
                return Err(TariffError::Twice { row });
            }
        });
    });
    each!(package, row, tail in parts.packages => {
        each!(other, later, _after in tail => {
            if other.credits().as_micros() == package.credits().as_micros() {
                return Err(TariffError::Twice { row });
            }
        });
    });
    each!(resolution, row, tail in parts.resolutions => {
        if has_resolution(tail, resolution.name) {
            return Err(TariffError::Twice { row });
        }
    });
    each!(model, row, tail in parts.models => {
        each!(other, later, _after in tail => {
            if same(other.name, model.name) {
                return Err(TariffError::Twice { row });
            }
        });
        if let Err(error) = check_model(parts, model, row) {
            return Err(error);
        }
    });
    Ok(())
}

/// One model: its maxima exist, and the largest product of its multipliers is exact.
const fn check_model(parts: &TariffParts<'_>, model: &Model<'_>, row: u16) -> Result<(), TariffError> {
    if let Some(max) = model.max_resolution
        && !has_resolution(parts.resolutions, max)
    {
        return Err(TariffError::UnknownMaxResolution { row });
    }
    // Without a maximum, a duration that is too long to be exact is found when it is asked for.
    let longest = match (model.max_seconds, parts.per_second) {
        (Some(0), _) => return Err(TariffError::ZeroSeconds { row }),
        (Some(max), Some(_)) => max as u64,
        _ => 1,
    };
    each!(resolution, at, _after in parts.resolutions => {
        match model.multiplier.times(resolution.multiplier) {
            Ok(chain) => {
                // Not reduced: so that every shorter whole duration fits as well.
                let (num, den) = (chain.num() as u64 * longest, chain.den() as u64);
                if num > u32::MAX as u64 {
                    return Err(TariffError::Ratio(RatioError::TooLarge { num, den }));
                }
            }
            Err(error) => return Err(TariffError::Ratio(error)),
        }
    });
    Ok(())
}

const fn has_resolution(resolutions: &[Resolution<'_>], name: &str) -> bool {
    each!(resolution, row, _tail in resolutions => {
        if same(resolution.name, name) {
            return true;
        }
    });
    false
}

/// `a == b` in a `const fn`.
const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([x, left @ ..], [y, right @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (left, right);
    }
    a.is_empty() && b.is_empty()
}
