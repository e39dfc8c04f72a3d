//! `TariffConfig`: a tariff read from a file, without a heap.
//!
//! The tables are fixed in size and the names are borrowed from the text that was read, so that `serde-json-core` fills
//! it on a chip. Names must not contain escapes. Numbers that must be exact are text: `"37.5"`, `"4/5"`.

use heapless::Vec;

use crate::amount::Amount;
use crate::price::{Listed, Model, Package, Resolution, Tariff, TariffParts};
use crate::price_error::TariffError;
use crate::unit::Credits;

/// The tables of a tariff, at most `N` rows each.
///
/// # Example
/// ```json
/// {
///   "listed": [{ "seconds": 5, "credits": "10" }],
///   "per_second": "2",
///   "models": [{ "name": "kling-pro", "quality": "Pro", "rank": 3, "multiplier": "2", "max_seconds": 60,
///                "max_resolution": "1080p" }],
///   "resolutions": [{ "name": "720p", "multiplier": "0.8" }, { "name": "1080p", "multiplier": "1" }],
///   "packages": [{ "credits": "500", "bonus": "50", "price": "20" }]
/// }
/// ```
///
/// `listed`, `per_second`, `packages`, `bonus`, `quality` and both maxima may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct TariffConfig<'a, const N: usize> {
    /// Durations with a base price of their own.
    #[cfg_attr(feature = "serde", serde(default))]
    pub listed: Vec<Listed, N>,
    /// The base price of a second for every other duration.
    pub per_second: Option<Amount<Credits>>,
    /// The models.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub models: Vec<Model<'a>, N>,
    /// The resolutions, from the lowest to the highest.
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub resolutions: Vec<Resolution<'a>, N>,
    /// What credits are sold in.
    #[cfg_attr(feature = "serde", serde(default))]
    pub packages: Vec<Package, N>,
}

impl<const N: usize> TariffConfig<'_, N> {
    /// The tariff of these tables, checked.
    ///
    /// # Errors
    /// [`TariffError`], as [`Tariff::new`].
    pub fn tariff(&self) -> Result<Tariff<'_>, TariffError> {
        Tariff::new(TariffParts {
            listed: self.listed.as_slice(),
            per_second: self.per_second,
            models: self.models.as_slice(),
            resolutions: self.resolutions.as_slice(),
            packages: self.packages.as_slice(),
        })
    }
}
