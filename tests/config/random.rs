//! Configurations and documents by chance: what is written is read as the same, and nothing panics.

use proptest::prelude::*;
use tollgate::config::{
    AccountConfig, AdaptationConfig, BurstConfig, Name, RatioConfig, RequestsConfig, RetryConfig, SlotsConfig,
    WindowConfig,
};
use tollgate::{
    AimdPolicy, Airtime, Amount, BreakerPolicy, BudgetSpec, Bytes, Calendar, Credits, Custom, Cycle, Duration, History,
    Instant, MonthDay, Pacing, Patience, Quota, QuotaCosts, Ratio, Renewal, Rolling, ShortMonth, Start, Thresholds,
    Trip, Unit, Usd, UtcOffset, Weekday, WhenFull,
};

use crate::documents::{Config, example};

fn span() -> impl Strategy<Value = Duration> {
    let unit = prop_oneof![Just(1u64), Just(1_000), Just(1_000_000), Just(60_000_000), Just(3_600_000_000)];
    prop_oneof![
        (1..10_000u64, unit).prop_map(|(count, unit)| Duration::from_micros(count * unit)),
        (1..u64::MAX).prop_map(Duration::from_micros),
    ]
}

fn requests() -> impl Strategy<Value = RequestsConfig> {
    (1..u32::MAX, 1..1u64 << 40, 1..1u32 << 20, 0..3u8, any::<u32>()).prop_map(|(units, per, burst, start, with)| {
        let quota = Quota::new_with_burst(units, Duration::from_micros(per), burst).unwrap();
        let start = match start {
            0 => Start::Full,
            1 => Start::Empty,
            _ => Start::With(with % (burst + 1)),
        };
        RequestsConfig { quota, start }
    })
}

fn window() -> impl Strategy<Value = WindowConfig> {
    (1..u32::MAX, span(), any::<bool>(), any::<bool>()).prop_map(|(limit, length, merges, used)| WindowConfig {
        limit,
        length,
        when_full: if merges { WhenFull::Merge } else { WhenFull::Refuse },
        history: if used { History::UsedUp } else { History::Empty },
    })
}

fn slots() -> impl Strategy<Value = SlotsConfig> {
    (1..u32::MAX, any::<u32>(), span()).prop_map(|(limit, weight, lease)| SlotsConfig {
        limit,
        weight: weight % (limit + 1),
        lease,
    })
}

fn renewal() -> impl Strategy<Value = Renewal<'static>> {
    const DAYS: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let month = (1..=31u8, any::<bool>()).prop_map(|(day, clamps)| Cycle::Month {
        anchor: MonthDay::new(day).unwrap(),
        rule: if clamps { ShortMonth::ClampToLast } else { ShortMonth::EndOfLast },
    });
    let cycle =
        prop_oneof![Just(Cycle::Day), prop::sample::select(&DAYS[..]).prop_map(|start| Cycle::Week { start }), month];
    let dated = (cycle, -1440..=1440i16)
        .prop_map(|(cycle, offset)| Renewal::Calendar(Calendar { cycle, offset: UtcOffset::minutes(offset).unwrap() }));
    let rolling = (1..1u64 << 50, 1..=4096u16).prop_map(|(slice, slices)| {
        Renewal::Rolling(Rolling::new(Duration::from_micros(slice * u64::from(slices)), slices).unwrap())
    });
    prop_oneof![Just(Renewal::Lifetime), dated, rolling]
}

const MOST: u64 = i64::MAX.cast_unsigned() / 4;

/// A budget in this unit, of numbers by chance.
fn spec<U: Unit>(renewal: Renewal<'static>, numbers: [u64; 4], choices: u8, shares: &[u32]) -> BudgetSpec<'static> {
    let amount = |micros: u64| Amount::<U>::from_micros(micros % MOST).unwrap();
    let [limit, soft, low, high] = numbers;
    let mut spec = BudgetSpec::new::<U>(amount(limit), renewal);
    if choices & 1 == 1 {
        spec = spec.with_soft(Amount::<U>::from_micros(soft % (limit % MOST + 1)).unwrap()).unwrap();
    }
    match choices >> 1 & 3 {
        0 => spec = spec.with_cap(),
        1 => spec = spec.with_debt(amount(high)).unwrap(),
        _ => {}
    }
    if choices & 8 == 8 {
        spec = spec.forgiving();
    }
    if choices & 16 == 16
        && let Renewal::Calendar(_) = renewal
    {
        let (min, max) = (amount(low).min(amount(high)), amount(low).max(amount(high)));
        spec = spec.with_rollover(min, max).unwrap();
    }
    let ratios: Vec<Ratio> = shares.iter().map(|share| Ratio::new(u64::from(*share), 1_000).unwrap()).collect();
    if ratios.is_empty() {
        spec
    } else {
        spec.with_thresholds(Thresholds::new(&ratios, Ratio::new(1, 20).unwrap()).unwrap())
    }
}

fn account() -> impl Strategy<Value = AccountConfig> {
    let shares = prop::collection::btree_set(1..3_000u32, 0..=8);
    (r#"[^"\\\p{Cc}]{1,6}"#, 0..6u8, renewal(), any::<[u64; 4]>(), any::<u8>(), shares).prop_map(
        |(name, unit, renewal, numbers, choices, shares)| {
            let shares: Vec<u32> = shares.into_iter().collect();
            let spec = match unit {
                0 => spec::<Credits>,
                1 => spec::<Usd>,
                2 => spec::<Airtime>,
                3 => spec::<Bytes>,
                4 => spec::<Custom<0>>,
                _ => spec::<Custom<0xFFFF_FEFF>>,
            }(renewal, numbers, choices, &shares);
            AccountConfig { name: Name::new(&name).unwrap(), spec }
        },
    )
}

fn breaker() -> impl Strategy<Value = BreakerPolicy> {
    let trip = prop_oneof![
        (1..u32::MAX).prop_map(|failures| Trip::Consecutive { failures }),
        (8..u64::MAX, 1..u32::MAX, 1..=1000u16).prop_map(|(window, calls, permille)| Trip::Rolling {
            window: Duration::from_micros(window),
            calls,
            permille
        }),
    ];
    (trip, span(), 1..u16::MAX, span()).prop_map(|(trip, open_for, probes, lost)| {
        BreakerPolicy::new(trip, open_for).unwrap().with_probes(probes).unwrap().with_probe_timeout(lost).unwrap()
    })
}

fn retry() -> impl Strategy<Value = RetryConfig> {
    let quota = (1..u32::MAX, any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(capacity, transient, throttled, success)| QuotaCosts {
            capacity,
            transient: transient % capacity,
            throttled: throttled % capacity,
            success,
        },
    );
    let ratio = (10..u64::MAX, any::<u16>(), any::<u16>()).prop_map(|(per, permille, per_second)| RatioConfig {
        per: Duration::from_micros(per),
        permille,
        per_second,
    });
    let burst = (1..=8u8, span(), span(), span()).prop_map(|(refusals, within, one, other)| BurstConfig {
        refusals,
        within,
        wait_min: one.min(other),
        wait_max: one.max(other),
    });
    (prop::option::of(quota), prop::option::of(ratio), prop::option::of(burst))
        .prop_map(|(quota, ratio, burst)| RetryConfig { quota, ratio, burst })
}

/// What adapts, within these requests and slots.
fn adaptation(
    requests: Option<RequestsConfig>,
    slots: Option<SlotsConfig>,
    numbers: [u32; 5],
    keep_permille: u16,
) -> AdaptationConfig {
    let [chance, step, every, least, share] = numbers;
    let policy = |floor: u32, ceiling: u32| AimdPolicy { floor, ceiling, keep_permille, step, every: every.max(1) };
    let rate = requests.map(|requests| {
        let ceiling = chance % requests.quota.units() + 1;
        (policy(share % ceiling + 1, ceiling), requests.quota.per())
    });
    let jobs = slots.map(|slots| policy(slots.weight.max(1), slots.limit));
    let pacing =
        Pacing { below_permille: u16::try_from(share % 1001).unwrap(), least: Duration::from_micros(u64::from(least)) };
    AdaptationConfig { rate, jobs, pacing: Some(pacing), advertised: chance % 2 == 0 }
}

prop_compose! {
    fn config()(
        requests in prop::option::of(requests()),
        window in prop::option::of(window()),
        slots in prop::option::of(slots()),
        accounts in prop::collection::vec(account(), 0..=4),
        breaker in prop::option::of(breaker()),
        retry in prop::option::of(retry()),
        numbers in prop::option::of(any::<[u32; 5]>()),
        keep in 0..1000u16,
        patience in (span(), span(), any::<u64>()),
        until in prop::option::of(any::<u64>()),
        tariff in prop::option::of(prop::sample::select(Config::TARIFFS)),
    ) -> Config {
        let mut kept: Vec<AccountConfig> = Vec::new();
        for account in accounts {
            if kept.iter().all(|other| other.name != account.name) {
                kept.push(account);
            }
        }
        let priced = kept.is_empty() || kept.iter().any(|account| ["credits", "usd"].contains(&account.spec.unit_name()));
        let (to_send, to_answer, max_block) = patience;
        Config {
            plan: None,
            tariff: tariff.filter(|_| priced),
            requests,
            window,
            slots,
            accounts: kept.into_iter().collect(),
            breaker,
            retry,
            adaptation: numbers.map(|numbers| adaptation(requests, slots, numbers, keep)),
            patience: Patience { to_send, to_answer, max_block: Duration::from_micros(max_block) },
            closed_until: until.map(Instant::from_micros),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_as_the_same(config in config()) {
        prop_assert_eq!(config.check(), Ok(()));
        let mut page = [0; 8192];
        let written = config.write(&mut page).unwrap();
        let read = Config::parse(written);
        prop_assert_eq!(&read, &Ok(config.clone()), "{}", written);
        // Also what equality might overlook.
        prop_assert_eq!(format!("{read:?}"), format!("{:?}", Ok::<_, ()>(&config)));
        let value: serde_json::Value = serde_json::from_str(written).unwrap();
        // Another writer's blanks change nothing.
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(Config::parse(&pretty), Ok(config), "{}", pretty);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        if let Err(error) = Config::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_tokens_are_read_or_refused(tokens in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..60)) {
        let text: String = tokens.concat();
        if let Ok(config) = Config::parse(&text) {
            prop_assert_eq!(config.check(), Ok(()));
            // What we read is JSON to others too.
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..8)) {
        let mut bytes = example().into_bytes();
        for (at, byte, kind) in damage {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(config) = Config::parse(&text) {
            let mut page = [0; 4096];
            prop_assert_eq!(Config::parse(config.write(&mut page).unwrap()), Ok(config));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }
}

const TOKENS: [&str; 31] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    " ",
    "\"requests\"",
    "\"units\"",
    "\"per\"",
    "\"1m\"",
    "\"slots\"",
    "\"limit\"",
    "1",
    "60",
    "-1",
    "1.5",
    "1e9",
    "null",
    "true",
    "\"accounts\"",
    "\"name\"",
    "\"unit\"",
    "\"usd\"",
    "\"period\"",
    "\"day\"",
    "\"patience\"",
    "\"to_send\"",
    "\"thresholds\"",
    "\\u0000",
];
