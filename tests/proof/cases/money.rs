//! Money: amounts, ratios, prices and plans. Texts are read; nothing is written.

use tollgate::TariffConfig;
use tollgate::presets::plans::concurrency::{Task, capacity};
use tollgate::presets::radio;
use tollgate::{Airtime, Duration, Ratio, cheapest, mul_div, plan_exact, plan_greedy};
use tollgate::{
    Amount, Credits, Funds, Greedy, Item, JobSpec, Need, Package, Plan, Rounding, Stated, Tariff, Usage, Usd,
};
use tollgate_proof::{any, cases, seen};

cases! {
    amounts {
        let amount = any::<Amount<Credits>>();
        seen((Amount::<Credits>::whole(any()), Amount::<Credits>::from_whole(any())));
        seen((Amount::<Credits>::from_micros(any()), Amount::<Credits>::parse(any())));
        seen((amount.as_micros(), amount.to_whole_floor(), amount.is_zero()));
        seen((amount.checked_add(any()), amount.checked_sub(any()), amount.checked_mul(any())));
        seen((amount.saturating_sub(any()), amount.signed_diff(any())));
        seen(amount.times(any(), any()));
        seen(amount.convert::<Usd>(any(), any()));
        seen(amount.rounded(any(), any()));
        seen((amount == any(), amount < any(), any::<&str>().parse::<Amount<Credits>>().is_ok()));
        seen((Duration::from(any::<Amount<Airtime>>()), Amount::<Airtime>::try_from(any::<Duration>())));
    }

    ratios {
        seen((Ratio::new(any(), any()), Ratio::parse(any())));
        let ratio = any::<Ratio>();
        seen((ratio.times(any()), ratio < any(), any::<&str>().parse::<Ratio>().is_ok()));
        seen(mul_div(any(), any(), any()));
    }

    prices {
        seen(Package::new(any(), any()));
        let package = any::<&Package>;
        seen((package().with_bonus(any()), package().unit_price()));
        seen(package().usd(any(), any()));
        seen(Tariff::new(any()));
        let tariff = any::<&Tariff<'_>>;
        seen(tariff().credits(any::<&JobSpec<'_>>(), any::<Rounding>()));
        seen((tariff().model(any()), tariff().resolution(any()), tariff().rank(any())));
        seen((tariff().package(any()), tariff().tier(any())));
        seen(any::<Tariff<'_>>().ignoring_limits());
    }

    plan {
        seen(plan_greedy::<Credits>(any::<&[Item<Credits>]>(), any(), any::<Greedy>(), any()));
        seen(plan_exact::<Credits>(any::<&[Item<Credits>]>(), any(), any()));
        seen(cheapest(any::<&Tariff<'_>>(), any::<&Need<'_>>(), any::<Funds<'_>>()));
    }

    tiers {
        seen(any::<Stated<u32>>().value());
        seen(Plan::unstated(any()));
    }

    /// Tables of prices and plans, and the radio's.
    presets {
        seen((capacity(any(), any()), any::<Task>().slots(), any::<Task>().kind()));
        seen((radio::sub_band(any()), any::<&radio::SubBand>().window(), any::<&radio::LoRa>().airtime(any())));
        seen(any::<&TariffConfig<'static, 8>>().tariff());
    }

    usage {
        let usage = any::<&mut Usage<Credits, 8>>;
        seen(usage().add(any(), any(), any()));
        usage().roll(any());
        seen((usage().of(any()), usage().others()));
        usage().iter().for_each(seen);
        seen(Usage::<Credits, 8>::new());
    }
}
