//! Tariffs, one module for each source document, named by the number of the document.
//!
//! The two disagree about nearly everything: 10 seconds of `kling-pro` in 1080p cost 40 credits and $2.40 by
//! [`seed002`], 200 credits and $10.00 by [`seed003`]. Take the one that matches the invoice.

use crate::amount::Amount;
use crate::price::{Listed, Model, Package, Resolution, Tariff, TariffParts};
use crate::price_error::TariffError;
use crate::ratio::Ratio;
use crate::valid;

const HALF_AGAIN: Ratio = valid!(Ratio::new(3, 2));
const FOUR_FIFTHS: Ratio = valid!(Ratio::new(4, 5));
const DOUBLE: Ratio = valid!(Ratio::new(2, 1));
const FOURFOLD: Ratio = valid!(Ratio::new(4, 1));

const fn package(credits: u32, bonus: u32, dollars: u32) -> Result<Package, TariffError> {
    match Package::new(Amount::whole(credits), Amount::whole(dollars)) {
        Ok(package) => package.with_bonus(Amount::whole(bonus)),
        Err(error) => Err(error),
    }
}

/// Document 002, "Kling AI Cost Controls": credits per duration, four packages without a bonus.
///
/// The formula there names a resolution multiplier, but only 1080p has one, of 1. Durations that are not listed cost
/// 2 credits a second, as in its code. It names no maximum duration, and neither qualities nor ranks: the ranks here are
/// the order of its table.
pub mod seed002 {
    use super::{Amount, DOUBLE, Listed, Model, Package, Ratio, Resolution, Tariff, TariffParts, package, valid};

    const fn model(name: &'static str, rank: u8, multiplier: Ratio) -> Model<'static> {
        Model { name, quality: None, rank, multiplier, max_seconds: None, max_resolution: None }
    }

    /// 100 credits at $0.10, 500 at $0.08, 2000 at $0.06, 10 000 at $0.05.
    ///
    /// The document's own code prices every record with the third and everything below 100 credits with the first; here
    /// the package of the account is an argument.
    pub const PACKAGES: [Package; 4] = [
        valid!(package(100, 0, 10)),
        valid!(package(500, 0, 40)),
        valid!(package(2_000, 0, 120)),
        valid!(package(10_000, 0, 500)),
    ];

    /// `kling-v1` and `kling-v1.5` at 1, `kling-pro` at 2.
    pub const MODELS: [Model<'static>; 3] =
        [model("kling-v1", 1, Ratio::ONE), model("kling-v1.5", 2, Ratio::ONE), model("kling-pro", 3, DOUBLE)];

    /// 10 credits for 5 seconds, 20 for 10.
    pub const LISTED: [Listed; 2] =
        [Listed { seconds: 5, credits: Amount::whole(10) }, Listed { seconds: 10, credits: Amount::whole(20) }];

    /// 10 credits for 5 seconds, 20 for 10, else 2 a second; `kling-pro` twice that.
    pub const TARIFF: Tariff<'static> = valid!(Tariff::new(TariffParts {
        listed: &LISTED,
        per_second: Some(Amount::whole(2)),
        models: &MODELS,
        resolutions: &[Resolution { name: "1080p", multiplier: Ratio::ONE }],
        packages: &PACKAGES,
    }));
}

/// Document 003, "Kling AI Pricing Basics": credits per second, by model and resolution, four packages with bonuses.
pub mod seed003 {
    use super::{
        Amount, DOUBLE, FOUR_FIFTHS, FOURFOLD, HALF_AGAIN, Model, Package, Ratio, Resolution, Tariff, TariffParts,
        package, valid,
    };

    /// 100 credits for $5; 500 for $20 and 10 % more; 1000 for $35 and 15 % more; 5000 for $150 and 20 % more.
    ///
    /// The bonuses are credits on top. The prices alone are 20, 30 and 40 % lower than that of the smallest package, so
    /// the stated percentages could also be meant as a (wrong) account of those; then the prices are those of
    /// `package.with_bonus(Amount::ZERO)`.
    pub const PACKAGES: [Package; 4] = [
        valid!(package(100, 0, 5)),
        valid!(package(500, 50, 20)),
        valid!(package(1_000, 150, 35)),
        valid!(package(5_000, 1_000, 150)),
    ];

    /// The resolutions: 720p at 0.8, 1080p at 1, 4k at 1.5.
    pub const RESOLUTIONS: [Resolution<'static>; 3] = [
        Resolution { name: "720p", multiplier: FOUR_FIFTHS },
        Resolution { name: "1080p", multiplier: Ratio::ONE },
        Resolution { name: "4k", multiplier: HALF_AGAIN },
    ];

    /// 5 credits a second with `kling-v1` (up to 10 s, 1080p), 10 with `kling-v1.5` (30 s, 4k), 20 with `kling-pro`
    /// (60 s, 4k).
    ///
    /// The document's own code enforces the maximum of the duration only where it chooses a model, and that of the
    /// resolution nowhere; here both hold. [`Tariff::ignoring_limits`] has the bare formula.
    pub const TARIFF: Tariff<'static> = valid!(Tariff::new(TariffParts {
        listed: &[],
        per_second: Some(Amount::whole(5)),
        models: &[
            Model {
                name: "kling-v1",
                quality: Some("Standard"),
                rank: 1,
                multiplier: Ratio::ONE,
                max_seconds: Some(10),
                max_resolution: Some("1080p"),
            },
            Model {
                name: "kling-v1.5",
                quality: Some("Enhanced"),
                rank: 2,
                multiplier: DOUBLE,
                max_seconds: Some(30),
                max_resolution: Some("4k"),
            },
            Model {
                name: "kling-pro",
                quality: Some("Pro"),
                rank: 3,
                multiplier: FOURFOLD,
                max_seconds: Some(60),
                max_resolution: Some("4k"),
            },
        ],
        resolutions: &RESOLUTIONS,
        packages: &PACKAGES,
    }));

    /// How long a video for a purpose should be, in seconds. The document takes 10 for every other purpose; here another
    /// purpose is not in the list. The three longest are beyond what `kling-v1` makes, the longest only `kling-pro` makes.
    pub const DURATIONS: [(&str, u32); 5] = [
        ("social_media_clip", 5),
        ("product_showcase", 10),
        ("story_segment", 15),
        ("full_scene", 30),
        ("extended_content", 60),
    ];

    /// Which resolution is worth paying for on a platform. The document takes 1080p for every other platform; here
    /// another platform is not in the list.
    pub const PLATFORMS: [(&str, &str); 6] = [
        ("tiktok", "1080p"),
        ("instagram", "1080p"),
        ("youtube", "4k"),
        ("twitter", "720p"),
        ("presentation", "1080p"),
        ("broadcast", "4k"),
    ];
}
