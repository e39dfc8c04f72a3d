//! Batches and the choice of a model: the source's rows, its mistakes, and a search through all subsets.

use proptest::prelude::*;
use tollgate::presets::tariffs::{seed002, seed003};
use tollgate::{
    Amount, Choice, Duration, Funds, Greedy, Item, JobSpec, Model, Need, Package, PlanError, Planned, PriceError,
    Ratio, RatioError, Rounding, Tariff, TariffParts, Usd, cheapest, plan_exact, plan_greedy,
};

use crate::table::{Table, text};

fn five_cents() -> &'static Package {
    seed003::TARIFF.package(Amount::whole(100)).unwrap()
}

fn usd(text: &str) -> Amount<Usd> {
    Amount::parse(text).unwrap()
}

/// What a job of document 003 costs in dollars; its planner prices everything in 1080p.
fn cost(model: &str, seconds: u64) -> Result<Amount<Usd>, PriceError<'_>> {
    let job = JobSpec { model, duration: Duration::from_secs(seconds), resolution: "1080p" };
    five_cents().usd(seed003::TARIFF.credits(&job, Rounding::Ceil)?, Rounding::Ceil)
}

/// A planner's answer as positions in the list.
fn indices<U>(order: &[u16], planned: &Planned<U>) -> Vec<usize> {
    order[..planned.count].iter().map(|index| usize::from(*index)).collect()
}

fn greedy<U>(items: &[Item<U>], budget: Amount<U>, greedy: Greedy) -> Vec<usize> {
    let mut order = vec![0; items.len()];
    let planned = plan_greedy(items, budget, greedy, &mut order).unwrap();
    indices(&order, &planned)
}

fn exact<U>(items: &[Item<U>], budget: Amount<U>) -> Vec<usize> {
    let mut order = vec![0; items.len()];
    let planned = plan_exact(items, budget, &mut order).unwrap();
    indices(&order, &planned)
}

#[test]
fn batches_are_planned_as_by_document_003() {
    let file: serde_json::Value = serde_json::from_str(&text("g11_plan_batch_seed003.json")).unwrap();
    let (mut names, mut items) = (Vec::new(), Vec::new());
    for video in file["input"].as_array().unwrap() {
        let model = video["model"].as_str().unwrap_or("kling-v1");
        match cost(model, video["duration"].as_u64().unwrap()) {
            Ok(cost) => {
                let priority = video["priority"].as_u64().unwrap_or(0);
                items.push(Item { priority: priority.try_into().unwrap(), cost });
                names.push(video["id"].as_str().unwrap());
            }
            // 20 seconds with a model that makes 10: planned there as soon as it is affordable.
            Err(error) => {
                assert_eq!(video["id"], "f");
                assert!(matches!(error, PriceError::TooLong { max_seconds: 10, .. }));
            }
        }
    }
    let list_before = items.clone();
    let budgets = file["by_budget_usd"].as_object().unwrap();
    assert_eq!((names.len(), budgets.len()), (5, 8));
    for (budget, expected) in budgets {
        let plan = greedy(&items, usd(budget), Greedy::Skip);
        let planned = expected["planned"].as_array().unwrap();
        assert_eq!(plan.len(), planned.len(), "{budget}");
        for (index, pair) in plan.iter().zip(planned) {
            assert_eq!((names[*index], items[*index].cost), (pair[0].as_str().unwrap(), usd(&pair[1].to_string())));
        }
    }
    assert_eq!(items, list_before, "the caller's list is not sorted behind his back");
}

#[test]
fn a_dear_item_does_not_displace_two_in_an_exact_plan() {
    let file: serde_json::Value = serde_json::from_str(&text("g11b_plan_order_seed003.json")).unwrap();
    let video = |video: &serde_json::Value| Item {
        priority: 1,
        cost: cost(video["model"].as_str().unwrap(), video["duration"].as_u64().unwrap()).unwrap(),
    };
    let mut items: Vec<_> = file["input"].as_array().unwrap().iter().map(video).collect();
    let budget = usd(&file["budget_usd"].to_string());
    assert_eq!(file["planned"], serde_json::json!(["hi"]));
    assert_eq!(greedy(&items, budget, Greedy::Skip), [0], "the source, in its order");
    assert_eq!(exact(&items, budget), [1, 2]);
    items.rotate_left(1);
    assert_eq!(greedy(&items, budget, Greedy::Skip), [0, 1], "and in another");
    assert_eq!(exact(&items, budget), [0, 1]);
}

fn item(priority: u32, micros: u64) -> Item<Usd> {
    Item { priority, cost: Amount::from_micros(micros).unwrap() }
}

#[test]
fn stop_prefers_nothing_to_what_is_more_important() {
    let items = [item(1, 1), item(3, 5), item(2, 7), item(2, 1)];
    let budget = Amount::from_micros(7).unwrap();
    assert_eq!(greedy(&items, budget, Greedy::Skip), [1, 3, 0]);
    assert_eq!(greedy(&items, budget, Greedy::Stop), [1]);
    assert_eq!(exact(&items, budget), [1, 3, 0]);
    assert_eq!(greedy(&items, Amount::ZERO, Greedy::Skip), [0usize; 0]);
}

#[test]
fn too_many_items_and_too_small_a_buffer_are_refused() {
    let items = vec![item(1, 0); 33];
    let budget = Amount::ZERO;
    let too_many = PlanError::TooManyItems { items: 33, max: 32 };
    assert_eq!(plan_exact(&items, budget, &mut [0; 33]), Err(too_many));
    assert_eq!(too_many.to_string(), "33 items: expected at most 32");
    let small = PlanError::BufferTooSmall { len: 32, needed: 33 };
    assert_eq!(plan_greedy(&items, budget, Greedy::Skip, &mut [0; 32]), Err(small));
    assert_eq!(greedy(&items, budget, Greedy::Skip).len(), 33, "what costs nothing always fits");
    assert_eq!(exact(&items[..32], budget).len(), 32);
    assert_eq!(exact::<Usd>(&[], Amount::MAX), [0usize; 0]);
    assert!(plan_greedy(&vec![item(0, 0); 65_536], budget, Greedy::Skip, &mut vec![0; 65_536]).is_err());
}

#[test]
fn thirty_two_items_are_planned_exactly() {
    // Powers of two and a budget with every second bit: the one set that spends it all is the best.
    let items: Vec<_> = (0..32).map(|bit| item(1 << bit, 1 << bit)).collect();
    let budget = Amount::from_micros(0x5555_5555).unwrap();
    assert_eq!(exact(&items, budget), (0..32).rev().step_by(2).map(|bit| bit - 1).collect::<Vec<_>>());
    // Costs whose sum leaves every integer: only one of them fits.
    let huge = vec![item(1, i64::MAX as u64); 32];
    assert_eq!(exact(&huge, Amount::MAX), [0]);
}

/// Every subset, by the rule in the words of the documentation.
fn oracle(items: &[Item<Usd>], budget: Amount<Usd>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(items[*index].priority));
    let sets = (0..1u32 << items.len()).map(|set| order.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1));
    let sets = sets.map(|set| set.map(|(at, index)| (at, *index)).collect::<Vec<_>>());
    let total =
        |set: &[(usize, usize)]| set.iter().map(|(_, index)| u128::from(items[*index].cost.as_micros())).sum::<u128>();
    let affordable = sets.filter(|set| total(set) <= u128::from(budget.as_micros()));
    let best = affordable.max_by_key(|set| {
        let value: u64 = set.iter().map(|(_, index)| u64::from(items[*index].priority)).sum();
        // Of equals, the one whose first difference is an earlier item: compare as a list of yes and no.
        let members: Vec<bool> = (0..items.len()).map(|at| set.iter().any(|(taken, _)| *taken == at)).collect();
        (value, set.len(), std::cmp::Reverse(total(set)), members)
    });
    best.unwrap().into_iter().map(|(_, index)| index).collect()
}

fn batch(max: usize) -> impl Strategy<Value = Vec<Item<Usd>>> {
    let cost = prop_oneof![0..20u64, 0..1_000_000u64, 0..=i64::MAX as u64];
    prop::collection::vec((prop_oneof![0..4u32, any::<u32>()], cost).prop_map(|(p, c)| item(p, c)), 0..=max)
}

fn budget() -> impl Strategy<Value = Amount<Usd>> {
    prop_oneof![0..60u64, 0..3_000_000u64, 0..=i64::MAX as u64].prop_map(|micros| Amount::from_micros(micros).unwrap())
}

proptest! {
    #[test]
    fn an_exact_plan_is_the_best_of_all_subsets(items in batch(10), budget in budget()) {
        prop_assert_eq!(exact(&items, budget), oracle(&items, budget));
    }

}

proptest! {
    // Few, because each plans 32 items exactly: some 100 000 subsets.
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// With more items than can be enumerated here, in all four quarters.
    #[test]
    fn an_exact_plan_is_worth_at_least_as_much_as_a_greedy_one(items in batch(32), budget in budget()) {
        let worth = |plan: &[usize]| plan.iter().map(|index| u64::from(items[*index].priority)).sum::<u64>();
        let (skip, stop) = (greedy(&items, budget, Greedy::Skip), greedy(&items, budget, Greedy::Stop));
        prop_assert!(worth(&exact(&items, budget)) >= worth(&skip));
        prop_assert!(worth(&skip) >= worth(&stop) && skip.starts_with(&stop));
    }

    /// A budget made from a hidden set, of which nothing can be left out and beside which nothing fits.
    #[test]
    fn an_exact_plan_finds_a_hidden_set(costs in prop::collection::vec(1..1u64 << 50, 32), hidden: u32) {
        let items: Vec<_> = costs.iter().map(|cost| item(1, *cost)).collect();
        let fits = (0..32).filter(|at| hidden >> at & 1 == 1).map(|at: usize| costs[at]).sum();
        let budget = Amount::from_micros(fits).unwrap();
        // Of the same worth each, so the most items win: the cheapest ones.
        let mut sorted = costs.clone();
        sorted.sort_unstable();
        let most = sorted.iter().scan(0, |sum, cost| { *sum += cost; Some(*sum) }).filter(|sum| *sum <= fits).count();
        prop_assert_eq!(exact(&items, budget).len(), most);
        // Worth what they cost: the hidden set, or another that spends as much.
        let worth: Vec<_> = (0..32).map(|at| item(u32::try_from(costs[at] >> 22).unwrap(), costs[at] >> 22)).collect();
        let fits = (0..32).filter(|at| hidden >> at & 1 == 1).map(|at: usize| costs[at] >> 22).sum();
        let mut order = [0; 32];
        let planned = plan_exact(&worth, Amount::from_micros(fits).unwrap(), &mut order).unwrap();
        prop_assert_eq!(planned.total.as_micros(), fits);
    }

    #[test]
    fn every_plan_is_within_the_budget_stable_and_without_repeats(items in batch(32), budget in budget()) {
        let mut order = vec![u16::MAX; items.len() + 3];
        for way in 0..3 {
            let planned = match way {
                0 => plan_greedy(&items, budget, Greedy::Skip, &mut order),
                1 => plan_greedy(&items, budget, Greedy::Stop, &mut order),
                _ => plan_exact(&items, budget, &mut order),
            }.unwrap();
            let plan = indices(&order, &planned);
            let total: u128 = plan.iter().map(|index| u128::from(items[*index].cost.as_micros())).sum();
            prop_assert_eq!(total, u128::from(planned.total.as_micros()));
            prop_assert!(planned.total <= budget);
            let key = |index: &usize| (std::cmp::Reverse(items[*index].priority), *index);
            prop_assert!(plan.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])));
        }
        prop_assert_eq!(&order[items.len()..], &[u16::MAX; 3]);
    }
}

#[test]
fn the_cheapest_model_is_chosen_where_there_is_one() {
    let (mut right, mut differ) = (0, 0);
    for row in Table::read("g04_select_model_seed003.csv", 224).rows() {
        let need = Need {
            quality: row.text("required_quality"),
            duration: Duration::from_secs(row.get("duration_s")),
            resolution: "1080p",
        };
        let funds = Funds::Dollars(Amount::from_micros(row.get("budget_micro_usd")).unwrap(), five_cents());
        let got = match cheapest(&seed003::TARIFF, &need, funds) {
            Ok(choice) => choice.map_or("NONE", |choice| choice.model.name),
            Err(PriceError::UnknownQuality { name: "Ultra", .. }) => "ERR_UNKNOWN_QUALITY",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(got, row.text("right_choice"), "{need:?} {funds:?}");
        right += u32::from(got == row.text("seed_choice"));
        differ += u32::from(got != row.text("seed_choice"));
    }
    assert_eq!((right, differ), (47, 177));
}

fn need<'a>(quality: &'a str, seconds: u64, resolution: &'a str) -> Need<'a> {
    Need { quality, duration: Duration::from_secs(seconds), resolution }
}

#[test]
fn a_worse_model_than_asked_for_is_never_chosen() {
    // "Pro", 11 s, 10 dollars: the source answers with kling-v1.5; kling-pro costs 11 dollars.
    let dollars = |whole| Funds::Dollars(Amount::whole(whole), five_cents());
    assert_eq!(cheapest(&seed003::TARIFF, &need("Pro", 11, "1080p"), dollars(10)), Ok(None));
    let choice = cheapest(&seed003::TARIFF, &need("Pro", 11, "1080p"), dollars(11)).unwrap().unwrap();
    assert_eq!((choice.model.name, choice.credits), ("kling-pro", Amount::whole(220)));
    // 4k rules out the cheapest, whose maximum is 1080p.
    let funds = Funds::Credits(Amount::whole(75));
    let choice = cheapest(&seed003::TARIFF, &need("Standard", 5, "4k"), funds).unwrap().unwrap();
    assert_eq!((choice.model.name, choice.credits), ("kling-v1.5", Amount::whole(75)));
    let less = Funds::Credits(Amount::from_micros(74_999_999).unwrap());
    assert_eq!(cheapest(&seed003::TARIFF, &need("Standard", 5, "4k"), less), Ok(None));
    for (bad, message) in [
        (need("Ultra", 5, "4k"), "no quality \"Ultra\": expected one of Standard, Enhanced, Pro"),
        (need("Pro", 5, "8k"), "no resolution \"8k\": expected one of 720p, 1080p, 4k"),
        (need("Pro", 0, "4k"), "a duration of 0 s: expected more"),
    ] {
        assert_eq!(cheapest(&seed003::TARIFF, &bad, funds).unwrap_err().to_string(), message);
    }
}

/// A model that nobody asked for has no say, not even by a price that cannot be computed.
#[test]
fn a_model_of_lower_quality_is_not_priced() {
    let models = [
        Model { quality: Some("low"), multiplier: Ratio::new(1, u64::from(u32::MAX)).unwrap(), ..seed002::MODELS[0] },
        Model { quality: Some("high"), ..seed002::MODELS[1] },
    ];
    let tariff = Tariff::new(TariffParts { models: &models, ..*seed002::TARIFF.parts() }).unwrap();
    let odd = Need { duration: Duration::from_micros(10_000_001), ..need("high", 10, "1080p") };
    let funds = Funds::Credits(Amount::MAX);
    let choice = cheapest(&tariff, &odd, funds).unwrap().unwrap();
    assert_eq!((choice.model.name, choice.credits.as_micros()), ("kling-v1.5", 20_000_002));
    let low = cheapest(&tariff, &Need { quality: "low", ..odd }, funds);
    assert!(matches!(low, Err(PriceError::Ratio(RatioError::TooLarge { .. }))), "{low:?}");
}

#[test]
fn of_two_at_the_same_price_the_better_is_chosen_and_then_the_first() {
    let model = |at: usize, rank| Model { quality: Some("any"), rank, ..seed002::MODELS[at] };
    for (ranks, expected) in [([1, 2], 1), ([2, 1], 0), ([2, 2], 0)] {
        // Document 002 prices kling-v1 and kling-v1.5 alike.
        let models = [model(0, ranks[0]), model(1, ranks[1])];
        let tariff = Tariff::new(TariffParts { models: &models, ..*seed002::TARIFF.parts() }).unwrap();
        let choice = cheapest(&tariff, &need("any", 5, "1080p"), Funds::Credits(Amount::MAX));
        assert_eq!(choice, Ok(Some(Choice { model: &models[expected], credits: Amount::whole(10) })), "{ranks:?}");
    }
}
