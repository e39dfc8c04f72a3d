//! Every row of the source documents' price calculations through the presets: equal where the source is right, and the
//! named error or the exact price where it is not.

use tollgate::presets::tariffs::{seed002, seed003};
use tollgate::{
    Amount, AmountError, Credits, Duration, JobSpec, Model, Package, PriceError, Ratio, RatioError, Resolution,
    Rounding, Tariff, TariffError, TariffParts, Usd,
};

use crate::table::{Row, Table};

fn job<'a>(model: &'a str, seconds: u64, resolution: &'a str) -> JobSpec<'a> {
    JobSpec { model, duration: Duration::from_secs(seconds), resolution }
}

fn micros<U>(micros: u64) -> Amount<U> {
    Amount::from_micros(micros).unwrap()
}

/// The price without any rounding: every price of the source documents is exact in millionths.
fn exact<'a>(tariff: &Tariff<'a>, job: &JobSpec<'a>) -> Amount<Credits> {
    tariff.credits(job, Rounding::Exact).unwrap_or_else(|error| panic!("{job:?}: {error}"))
}

#[test]
fn every_row_of_document_002_has_its_price_or_its_error() {
    let (mut priced, mut unknown, mut zero, mut negative) = (0, 0, 0, 0);
    for row in Table::read("g01_credits_seed002.csv", 44).rows() {
        let model = row.text("model");
        // A negative duration cost negative credits there; here there is no such duration.
        let Ok(seconds) = row.text("duration_s").parse() else {
            negative += 1;
            continue;
        };
        let job = job(model, seconds, "1080p");
        match seed002::TARIFF.credits(&job, Rounding::Exact) {
            Ok(credits) => {
                assert_eq!(credits, Amount::whole(row.get("credits")), "{job:?}");
                priced += 1;
            }
            Err(PriceError::UnknownModel { name, known }) => {
                assert_eq!((name, model, known), ("kling-pr0", "kling-pr0", &seed002::MODELS[..]));
                unknown += 1;
            }
            Err(error) => {
                assert_eq!((error, seconds), (PriceError::ZeroDuration, 0));
                zero += 1;
            }
        }
    }
    assert_eq!((priced, unknown, zero, negative), (27, 10, 3, 4));
}

/// What is wrong with a row of document 003, by its own table of maxima.
fn wrong_in_003(row: Row<'_>) -> Option<&'static str> {
    match (row.get("duration_s"), row.text("resolution"), row.text("model")) {
        (_, "1440p", _) => Some("no resolution \"1440p\": expected one of 720p, 1080p, 4k"),
        (0u64, ..) => Some("a duration of 0 s: expected more"),
        _ if row.text("within_max_duration") == "False" => Some("too long"),
        (.., "4k", "kling-v1") => Some("4k is too high for \"kling-v1\": expected at most 1080p"),
        _ => None,
    }
}

#[test]
fn every_row_of_document_003_has_its_price_or_its_error() {
    let at_five_cents = seed003::TARIFF.package(Amount::whole(100)).unwrap();
    let (mut priced, mut refused) = (0, 0);
    for row in Table::read("g02_credits_seed003.csv", 108).rows() {
        let job = job(row.text("model"), row.get("duration_s"), row.text("resolution"));
        let got = seed003::TARIFF.credits(&job, Rounding::Exact);
        match (wrong_in_003(row), got) {
            (Some(expected), Err(error)) => {
                assert!(error.to_string().contains(expected), "{job:?}: {error}");
                refused += 1;
            }
            (None, Ok(credits)) => {
                // Its code cut fractions of a credit off.
                let whole = credits.rounded(0, Rounding::Floor).unwrap();
                assert_eq!(whole, Amount::whole(row.get("credits")), "{job:?}");
                let usd = at_five_cents.usd(whole, Rounding::Exact).unwrap();
                assert_eq!(usd, micros(row.get("exact_micro_usd_at_0.05")), "{job:?}");
                priced += 1;
            }
            (expected, got) => panic!("{job:?}: {got:?}, expected {expected:?}"),
        }
        // The bare formula equals the source wherever it used what it knew.
        if let Ok(credits) = seed003::TARIFF.ignoring_limits().credits(&job, Rounding::Exact) {
            assert_eq!(credits.to_whole_floor(), row.get::<u64>("credits"));
        }
    }
    // Refused: 27 of an unknown resolution, 9 of no duration, 12 too long, 5 in 4k on a model that ends at 1080p.
    assert_eq!((priced, refused), (55, 53));
}

#[test]
fn a_refusal_names_the_value_and_the_maximum() {
    let error = seed003::TARIFF.credits(&job("kling-v1", 60, "1080p"), Rounding::Ceil).unwrap_err();
    let duration = Duration::from_secs(60);
    assert_eq!(error, PriceError::TooLong { model: "kling-v1", duration, max_seconds: 10 });
    assert_eq!(error.to_string(), "60.000000 s is too long for \"kling-v1\": expected at most 10 s");
    // A microsecond more than the maximum is more.
    let over = JobSpec { duration: Duration::from_micros(10_000_001), ..job("kling-v1", 10, "1080p") };
    assert!(matches!(seed003::TARIFF.credits(&over, Rounding::Ceil), Err(PriceError::TooLong { .. })));
    assert!(seed003::TARIFF.credits(&job("kling-v1", 10, "1080p"), Rounding::Ceil).is_ok());
}

#[test]
fn exact_prices_of_both_documents_equal_the_vectors() {
    // Document 002 with the resolutions of document 003: its own formula, which its code forgot.
    let parts = TariffParts { resolutions: &seed003::RESOLUTIONS, ..*seed002::TARIFF.parts() };
    let completed = Tariff::new(parts).unwrap();
    for row in Table::read("ref_price_exact_micro.csv", 72).rows() {
        let job = job(row.text("model"), row.get("duration_s"), row.text("resolution"));
        let third = exact(&seed003::TARIFF.ignoring_limits(), &job);
        assert_eq!(third, micros(row.get("seed003_micro_credits")), "{job:?}");
        let whole = |rounding| third.rounded(0, rounding).unwrap().to_whole_floor();
        assert_eq!(whole(Rounding::Floor), row.get::<u64>("floor_credits(seed int())"));
        assert_eq!(whole(Rounding::Ceil), row.get::<u64>("ceil_credits"));
        let second = exact(&seed002::TARIFF, &JobSpec { resolution: "1080p", ..job });
        assert_eq!(second, micros(row.get("seed002_micro_credits(1080p)")), "{job:?}");
        assert_eq!(exact(&completed, &job), micros(row.get("seed002_with_seed003_resolution_mult")), "{job:?}");
        let between = Ratio::new(third.as_micros(), second.as_micros());
        assert_eq!(between, Ratio::parse(row.text("ratio_003_over_002")));
    }
}

#[test]
fn every_tier_of_document_002_has_its_price() {
    let (mut priced, mut refused) = (0, 0);
    for row in Table::read("g03_cost_seed002.csv", 126).rows() {
        let bought = Amount::whole(row.get("tier_credits"));
        match seed002::TARIFF.tier(bought) {
            Ok(package) => {
                let usd = package.usd(Amount::whole(row.get("credits")), Rounding::Exact);
                assert_eq!(usd, Ok(micros(row.get("exact_micro_usd"))), "{bought}");
                assert_eq!(Ok(package.unit_price()), Ratio::parse(row.text("rate_usd")));
                priced += 1;
            }
            // A tenth of a dollar there, for a package that cannot be bought.
            Err(error) => {
                assert_eq!(error, PriceError::UnknownPackage { credits: bought, known: &seed002::PACKAGES });
                assert!(bought < Amount::whole(100));
                refused += 1;
            }
        }
    }
    assert_eq!((priced, refused), (99, 27));
}

/// `percent` with two decimals, as hundredths.
fn hundredths(text: &str) -> u64 {
    text.replace('.', "").parse().unwrap()
}

#[test]
fn packages_cost_what_is_stated_with_and_without_the_bonus() {
    for row in Table::read("ref_packages.csv", 8).rows() {
        let tariff = if row.text("seed") == "002" { seed002::TARIFF } else { seed003::TARIFF };
        let smallest = tariff.parts().packages[0].with_bonus(Amount::ZERO).unwrap().unit_price();
        let package = tariff.package(Amount::whole(row.get("credits"))).unwrap();
        assert_eq!(package.price(), Amount::whole(row.get("price_usd")));
        let bonus = row.text("stated_bonus_pct").parse().unwrap_or(0);
        let stated = package.credits().times(Ratio::new(bonus, 100).unwrap(), Rounding::Exact);
        assert_eq!(Ok(package.bonus()), stated);

        let bare = package.with_bonus(Amount::ZERO).unwrap();
        let unit = bare.usd(Amount::whole(1), Rounding::Exact).unwrap();
        assert_eq!(unit, micros(row.get("unit_micro_usd")));
        let hundred = package.usd(Amount::whole(100), Rounding::HalfUp).unwrap().as_micros();
        assert_eq!(hundred, hundredths(row.text("unit_micro_usd_if_bonus_is_on_top")));

        // The discount that the price really is, in hundredths of a percent.
        let percent =
            |ratio| Amount::<Usd>::whole(1).times(ratio, Rounding::HalfUp).unwrap().rounded(4, Rounding::HalfUp);
        let (first, here) = (u64::from(smallest.num()) * u64::from(bare.unit_price().den()), bare.unit_price());
        let here = u64::from(here.num()) * u64::from(smallest.den());
        let discount = percent(Ratio::new(first - here, first).unwrap()).unwrap().as_micros() / 100;
        assert_eq!(discount, hundredths(row.text("actual_discount_pct_vs_smallest")));
        let extra = percent(Ratio::new(first - here, here).unwrap()).unwrap().as_micros() / 100;
        assert_eq!(extra, hundredths(row.text("implied_extra_credits_pct_vs_smallest")));
    }
}

/// The worked examples of the two documents, and how far apart they are.
#[test]
fn the_examples_of_the_documents_hold() {
    let enhanced = job("kling-v1.5", 10, "1080p");
    let pro = job("kling-pro", 10, "1080p");
    let five_cents = seed003::TARIFF.package(Amount::whole(100)).unwrap();
    let credits = exact(&seed003::TARIFF, &enhanced);
    assert_eq!((credits, five_cents.usd(credits, Rounding::Exact)), (Amount::whole(100), Ok(micros(5_000_000))));

    let credits = exact(&seed002::TARIFF, &pro);
    let usd = |package| seed002::TARIFF.package(Amount::whole(package)).unwrap().usd(credits, Rounding::Exact).unwrap();
    assert_eq!((credits, usd(2_000).as_micros()), (Amount::whole(40), 2_400_000));
    // Its tracker records 2.40 whatever the account bought; with the smallest package the job really costs 4.00.
    assert_eq!(format!("{:.2}", usd(100)), "4.00");
    let dollars = five_cents.usd(exact(&seed003::TARIFF, &pro), Rounding::Exact).unwrap();
    assert_eq!(dollars, Amount::whole(10));
}

#[test]
fn half_a_credit_is_kept_and_rounded_once() {
    // 5 s x 5 credits x 1.5 was cut to 37.
    let credits = exact(&seed003::TARIFF.ignoring_limits(), &job("kling-v1", 5, "4k"));
    assert_eq!((credits.as_micros(), credits.rounded(0, Rounding::Ceil)), (37_500_000, Ok(Amount::whole(38))));
    // 7 credits x 0.8 x 1.5 are 8.4; cut at each step they were 7.
    let models = [Model {
        name: "m",
        quality: None,
        rank: 0,
        multiplier: Ratio::new(4, 5).unwrap(),
        max_seconds: None,
        max_resolution: None,
    }];
    let resolutions = [Resolution { name: "r", multiplier: Ratio::new(3, 2).unwrap() }];
    let parts = TariffParts {
        listed: &[],
        per_second: Some(Amount::whole(7)),
        models: &models,
        resolutions: &resolutions,
        packages: &[],
    };
    assert_eq!(exact(&Tariff::new(parts).unwrap(), &job("m", 1, "r")), micros(8_400_000));
}

#[test]
fn fractions_of_a_second_are_exact_or_refused() {
    let price = |micros: u64, rounding| {
        let job = JobSpec { duration: Duration::from_micros(micros), ..job("kling-pro", 0, "4k") };
        seed003::TARIFF.credits(&job, rounding)
    };
    assert_eq!(price(3_500_000, Rounding::Exact), Ok(Amount::whole(105)));
    assert_eq!(price(1, Rounding::Exact), Ok(micros(30)));
    let max = JobSpec { duration: Duration::MAX, ..job("kling-pro", 0, "1080p") };
    assert!(matches!(
        seed002::TARIFF.credits(&max, Rounding::Ceil),
        Err(PriceError::Ratio(RatioError::TooLarge { .. }))
    ));
}

#[test]
fn a_duration_without_a_price_is_refused() {
    let parts = TariffParts { per_second: None, ..*seed002::TARIFF.parts() };
    let tariff = Tariff::new(parts).unwrap();
    assert_eq!(exact(&tariff, &job("kling-pro", 5, "1080p")), Amount::whole(20));
    let error = tariff.credits(&job("kling-pro", 7, "1080p"), Rounding::Ceil).unwrap_err();
    assert_eq!(error.to_string(), "no price for 7.000000 s: expected one of these seconds: 5, 10");
}

#[test]
fn bad_tables_are_refused_with_their_row() {
    let good = *seed003::TARIFF.parts();
    let models = |change: fn(&mut Model<'static>)| {
        let mut models = seed003::TARIFF.parts().models.to_vec();
        change(&mut models[1]);
        models
    };
    let check = |parts: TariffParts<'_>, expected| assert_eq!(Tariff::new(parts).err(), Some(expected));
    check(TariffParts { models: &[], ..good }, TariffError::NoModels);
    check(TariffParts { resolutions: &[], ..good }, TariffError::NoResolutions);
    check(TariffParts { per_second: None, ..good }, TariffError::NoBase);
    let zero = [seed002::LISTED[0], tollgate::Listed { seconds: 0, ..seed002::LISTED[1] }];
    check(TariffParts { listed: &zero, ..good }, TariffError::ZeroSeconds { row: 1 });
    let twice = [seed002::LISTED[0], seed002::LISTED[1], seed002::LISTED[1]];
    check(TariffParts { listed: &twice, ..good }, TariffError::Twice { row: 1 });
    let twice = [seed003::RESOLUTIONS[0], seed003::RESOLUTIONS[1], seed003::RESOLUTIONS[1]];
    check(TariffParts { resolutions: &twice, ..good }, TariffError::Twice { row: 1 });
    let twice = [seed003::PACKAGES[3], seed003::PACKAGES[3].with_bonus(Amount::ZERO).unwrap()];
    check(TariffParts { packages: &twice, ..good }, TariffError::Twice { row: 0 });
    check(TariffParts { models: &models(|model| model.name = "kling-pro"), ..good }, TariffError::Twice { row: 1 });
    check(
        TariffParts { models: &models(|model| model.max_seconds = Some(0)), ..good },
        TariffError::ZeroSeconds { row: 1 },
    );
    let unknown = models(|model| model.max_resolution = Some("4K"));
    check(TariffParts { models: &unknown, ..good }, TariffError::UnknownMaxResolution { row: 1 });
    let long = models(|model| model.max_seconds = Some(u32::MAX));
    let num = u64::from(u32::MAX) * 8;
    check(TariffParts { models: &long, ..good }, TariffError::Ratio(RatioError::TooLarge { num, den: 5 }));

    assert_eq!(Package::new(Amount::ZERO, Amount::whole(1)), Err(TariffError::NoCredits));
    assert_eq!(
        Package::new(Amount::MAX, Amount::whole(1)).unwrap_err().to_string().split(':').next(),
        Some("multipliers or unit price")
    );
    assert_eq!(seed003::PACKAGES[0].with_bonus(Amount::MAX), Err(TariffError::Overflow));
    assert_eq!(
        seed003::PACKAGES[1].usd(Amount::whole(1), Rounding::Exact),
        Err(PriceError::Amount(AmountError::Inexact)),
        "20 dollars for 550 credits"
    );
}
