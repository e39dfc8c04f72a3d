//! Documents that are read: what every field becomes, what is left out, and what is written back.

use tollgate::config::{
    AccountConfig, AdaptationConfig, BurstConfig, GateConfig, Name, RatioConfig, RequestsConfig, SlotsConfig,
    WindowConfig,
};
use tollgate::presets::tariffs::seed003;
use tollgate::{
    AccountId, AimdPolicy, Amount, BreakerPolicy, BudgetSpec, Calendar, Credits, Custom, Cycle, Duration, History,
    Instant, MonthDay, Pacing, Patience, Quota, QuotaCosts, Ratio, Renewal, Rolling, ShortMonth, Start, Thresholds,
    Trip, UtcOffset, Weekday, WhenFull,
};

pub(crate) type Config = GateConfig<4>;

/// The document that the examples have.
pub(crate) fn example() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/gate.json")).unwrap()
}

pub(crate) fn parse(document: &str) -> Config {
    Config::parse(document).unwrap_or_else(|error| panic!("{error}: {document}"))
}

/// One account of these fields.
fn account(fields: &str) -> BudgetSpec<'static> {
    let fields = format!(r#"{{ "accounts": [{{ "name": "a", "unit": "credits", "limit": "66", {fields} }}] }}"#);
    parse(&fields).accounts[0].spec
}

#[test]
fn the_example_is_what_it_says() {
    let config = parse(&example());
    let minute = Duration::from_mins(1);
    let quota = Quota::new_with_burst(30, minute, 5).unwrap();
    assert_eq!((config.plan, config.tariff()), (Some("seed001/standard"), Some(seed003::TARIFF)));
    assert_eq!(config.requests, Some(RequestsConfig { quota, start: Start::Full }));
    let window = WindowConfig { limit: 30, length: minute, when_full: WhenFull::Refuse, history: History::Empty };
    assert_eq!(config.window, Some(window));
    assert_eq!(config.slots, Some(SlotsConfig { lease: Duration::from_mins(10), ..SlotsConfig::new(3) }));

    let names: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["daily", "month", "campaign", "any hour"]);
    assert_eq!((config.account("campaign"), config.account("camp")), (Some(AccountId(2)), None));
    let units: Vec<&str> = config.accounts.iter().map(|account| account.spec.unit_name()).collect();
    assert_eq!(units, ["credits", "usd", "usd", "airtime"]);
    let limits: Vec<u64> = config.accounts.iter().map(|account| account.spec.limit_micros()).collect();
    assert_eq!(limits, [66_000_000, 50_000_000, 240_000_000, 36_000_000]);
    let shares = [Ratio::new(1, 2), Ratio::new(4, 5), Ratio::new(1, 1)].map(Result::unwrap);
    assert_eq!(*config.accounts[0].spec.thresholds(), Thresholds::new(&shares, Ratio::new(1, 20).unwrap()).unwrap());

    let trip = Trip::Rolling { window: minute, calls: 20, permille: 500 };
    let policy = BreakerPolicy::new(trip, Duration::from_secs(30)).unwrap().with_probes(2).unwrap();
    assert_eq!(config.breaker, Some(policy.with_probe_timeout(Duration::from_secs(10)).unwrap()));
    let retry = config.retry.unwrap();
    assert_eq!(retry.quota, Some(QuotaCosts::AWS));
    assert_eq!(retry.ratio, Some(RatioConfig { per: Duration::from_secs(10), permille: 200, per_second: 1 }));
    let (wait_min, wait_max) = (Duration::from_secs(30), minute);
    assert_eq!(retry.burst, Some(BurstConfig { refusals: 3, within: minute, wait_min, wait_max }));
    let aimd = |floor, ceiling, keep_permille, every| AimdPolicy { floor, ceiling, keep_permille, step: 1, every };
    let adaptation = AdaptationConfig {
        rate: Some((aimd(6, 30, 700, 10), minute)),
        jobs: Some(aimd(1, 3, 500, 3)),
        pacing: Some(Pacing::SEED_000),
        advertised: true,
    };
    assert_eq!(config.adaptation, Some(adaptation));
    assert_eq!((config.patience, config.closed_until), (Patience::DEFAULT, None));
}

#[test]
fn nothing_said_limits_nothing() {
    for document in
        ["{}", " {\n} ", r#"{ "accounts": [], "retry": {}, "adaptation": {}, "patience": {}, "block": {} }"#]
    {
        let config = parse(document);
        assert_eq!((config.requests, config.window, config.slots, config.breaker), (None, None, None, None));
        assert_eq!((config.accounts.len(), config.patience), (0, Patience::DEFAULT));
    }
    assert_eq!(parse("{}"), Config::default());
}

#[test]
fn what_is_left_out_has_the_stated_default() {
    let config = parse(
        r#"{ "requests": { "units": 60, "per": "1m" }, "window": { "limit": 9, "length": "1s" }, "slots": { "limit": 2 },
             "breaker": { "failures": 5, "open_for": "7s" } }"#,
    );
    let quota = Quota::new(60, Duration::from_mins(1)).unwrap();
    assert_eq!(config.requests, Some(RequestsConfig { quota, start: Start::Full }));
    assert_eq!(config.requests.unwrap().quota.burst(), 60);
    let window = config.window.unwrap();
    assert_eq!((window.when_full, window.history), (WhenFull::Refuse, History::Empty));
    assert_eq!(config.slots, Some(SlotsConfig { limit: 2, weight: 1, lease: Duration::MAX }));
    let policy = BreakerPolicy::new(Trip::Consecutive { failures: 5 }, Duration::from_secs(7)).unwrap();
    assert_eq!(config.breaker, Some(policy));

    let spec = account(r#""period": "lifetime", "thresholds": ["0.5"]"#);
    let half = Thresholds::percent(&[50], 5).unwrap();
    assert_eq!((spec.overage(), spec.carries_debt(), spec.rollover()), (tollgate::Overage::Reject, true, None));
    assert_eq!(*spec.thresholds(), half);
}

#[test]
fn every_period_is_the_one_it_names() {
    let utc = |cycle| Renewal::Calendar(Calendar::utc(cycle));
    let east = UtcOffset::minutes(330).unwrap();
    let month = |day, rule| Cycle::Month { anchor: MonthDay::new(day).unwrap(), rule };
    for (fields, expected) in [
        (r#""period": "lifetime""#, Renewal::Lifetime),
        (r#""period": "day""#, utc(Cycle::Day)),
        (r#""period": "day", "utc_offset_min": 330"#, Renewal::Calendar(Calendar { cycle: Cycle::Day, offset: east })),
        (r#""period": "week""#, utc(Cycle::Week { start: Weekday::Monday })),
        (r#""period": "week", "week_start": "tuesday""#, utc(Cycle::Week { start: Weekday::Tuesday })),
        (r#""period": "week", "week_start": "wednesday""#, utc(Cycle::Week { start: Weekday::Wednesday })),
        (r#""period": "week", "week_start": "thursday""#, utc(Cycle::Week { start: Weekday::Thursday })),
        (r#""period": "week", "week_start": "friday""#, utc(Cycle::Week { start: Weekday::Friday })),
        (r#""period": "week", "week_start": "saturday""#, utc(Cycle::Week { start: Weekday::Saturday })),
        (r#""week_start": "sunday", "period": "week""#, utc(Cycle::Week { start: Weekday::Sunday })),
        (r#""period": "month""#, utc(Cycle::MONTH)),
        (
            r#""period": "month", "month_start": 31, "short_month": "end_of_last""#,
            utc(month(31, ShortMonth::EndOfLast)),
        ),
        (
            r#""period": "month", "month_start": 30, "short_month": "clamp_to_last""#,
            utc(month(30, ShortMonth::ClampToLast)),
        ),
        (
            r#""period": "rolling", "length": "24h", "slices": 24"#,
            Renewal::Rolling(Rolling::new(Duration::from_hours(24), 24).unwrap()),
        ),
    ] {
        assert_eq!(format!("{:?}", account(fields).renewal()), format!("{expected:?}"), "{fields}");
    }
}

#[test]
fn terms_are_those_of_a_budget_made_in_code() {
    let day = Renewal::Calendar(Calendar::utc(Cycle::Day));
    let spec = BudgetSpec::new::<Credits>(Amount::whole(66), day);
    let whole = Amount::<Credits>::whole;
    for (fields, expected) in [
        (r#""overage": "reject""#, spec),
        (r#""overage": "cap""#, spec.with_cap()),
        (
            r#""overage": "debt", "max_debt": "12.5""#,
            spec.with_debt::<Credits>(Amount::parse("12.5").unwrap()).unwrap(),
        ),
        (r#""forgive_debt": true"#, spec.forgiving()),
        (r#""forgive_debt": false"#, spec),
        (r#""rollover": { "min": "5", "max": "20" }"#, spec.with_rollover(whole(5), whole(20)).unwrap()),
        (r#""soft": "66""#, spec.with_soft(whole(66)).unwrap()),
        (
            r#""thresholds": ["1/2", "3/4"], "hysteresis": "0.1""#,
            spec.with_thresholds(Thresholds::percent(&[50, 75], 10).unwrap()),
        ),
    ] {
        let read = account(&format!(r#""period": "day", {fields}"#));
        assert_eq!(format!("{read:?}"), format!("{expected:?}"), "{fields}");
    }
    let whole = |fields: &str| AccountConfig { name: Name::new("a").unwrap(), spec: account(fields) };
    let plain = whole(r#""period": "day""#);
    for fields in [
        r#""period": "week""#,
        r#""period": "day", "utc_offset_min": 1"#,
        r#""period": "day", "overage": "cap""#,
        r#""period": "day", "forgive_debt": true"#,
        r#""period": "day", "rollover": { "min": "0", "max": "0" }"#,
        r#""period": "day", "soft": "66""#,
        r#""period": "day", "thresholds": ["1"]"#,
    ] {
        assert_ne!(whole(fields), plain, "{fields}");
        assert_eq!(whole(fields), whole(fields));
    }
    let custom = parse(r#"{ "accounts": [{ "name": "a", "unit": "custom/7", "limit": "1", "period": "lifetime" }] }"#);
    let expected = BudgetSpec::new::<Custom<7>>(Amount::whole(1), Renewal::Lifetime);
    assert_eq!(format!("{:?}", custom.accounts[0].spec), format!("{expected:?}"));
}

#[test]
fn a_plan_fills_in_what_is_not_said() {
    let config = parse(r#"{ "plan": "seed000/standard" }"#);
    let quota = config.requests.unwrap().quota;
    assert_eq!(quota, Quota::new_with_burst(60, Duration::from_mins(1), 1).unwrap(), "spaced out");
    assert_eq!(config.slots, Some(SlotsConfig::new(10)));
    assert_eq!(config.plan().unwrap().name, "standard");

    // What is said stays, if it is not more than the plan has: 1 a second is as much as 60 a minute.
    let config =
        parse(r#"{ "plan": "seed000/standard", "requests": { "units": 1, "per": "1s" }, "slots": { "limit": 9 } }"#);
    assert_eq!(config.requests.unwrap().quota, Quota::new(1, Duration::from_secs(1)).unwrap());
    assert_eq!(config.slots, Some(SlotsConfig::new(9)));
    // A strict window is a limit on requests too.
    assert_eq!(parse(r#"{ "plan": "seed000/free", "window": { "limit": 10, "length": "1m" } }"#).requests, None);
    // Of "10 or more at a time" it takes the 10; who has been promised more says so.
    let agreed = r#""requests": { "units": 500, "per": "1m" }"#;
    assert_eq!(parse(&format!(r#"{{ "plan": "seed001/enterprise", {agreed} }}"#)).slots, Some(SlotsConfig::new(10)));
    let more = parse(&format!(r#"{{ "plan": "seed001/enterprise", {agreed}, "slots": {{ "limit": 99 }} }}"#));
    assert_eq!(more.slots, Some(SlotsConfig::new(99)));
}

#[test]
fn edges_of_the_numbers_are_read_exactly() {
    let most = u32::MAX;
    let config = parse(&format!(
        r#"{{ "requests": {{ "units": {most}, "per": "1s", "burst": {most}, "start": "{most}" }},
             "slots": {{ "limit": {most}, "weight": 0, "lease": "18446744073709551615us" }},
             "block": {{ "max": "0s", "until_us": 18446744073709551615 }},
             "accounts": [{{ "name": "a", "unit": "custom/4294967039", "limit": "9223372036854.775807", "period": "lifetime" }},
                          {{ "name": "b", "unit": "bytes", "limit": "0.000001", "soft": "0", "period": "lifetime" }}] }}"#
    ));
    let requests = config.requests.unwrap();
    assert_eq!((requests.quota.units(), requests.quota.burst(), requests.start), (most, most, Start::With(most)));
    assert_eq!(config.slots, Some(SlotsConfig { limit: most, weight: 0, lease: Duration::MAX }));
    assert_eq!((config.closed_until, config.patience.max_block), (Some(Instant::MAX), Duration::ZERO));
    assert_eq!(config.accounts[0].spec.limit_micros(), i64::MAX.cast_unsigned());
    assert_eq!(config.accounts[1].spec.limit_micros(), 1);
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let documents = [
        example(),
        "{}".to_owned(),
        r#"{ "plan": "seed000/pro" }"#.to_owned(),
        r#"{ "requests": { "units": 7, "per": "3s", "start": "4" }, "block": { "max": "7ms", "until_us": 9 } }"#
            .to_owned(),
        r#"{ "accounts": [{ "name": "é", "unit": "custom/0", "limit": "0", "period": "week", "week_start": "sunday",
             "utc_offset_min": -1440, "forgive_debt": true, "rollover": { "min": "0.5", "max": "0.50" },
             "thresholds": ["1/3", "5/2"], "hysteresis": "1/9" }] }"#
            .to_owned(),
    ];
    for document in documents {
        let config = parse(&document);
        let mut page = [0; 4096];
        let written = config.write(&mut page).unwrap();
        assert_eq!(parse(written), config, "{written}");
        // A server's reader understands it as well, and an exact fit is a fit.
        serde_json::from_str::<serde_json::Value>(written).unwrap();
        let mut exact = vec![0; written.len()];
        assert_eq!(config.write(&mut exact), Ok(written));
        let mut short = vec![0; written.len() - 1];
        let refused = tollgate::config::WriteError::NoRoom { needed: written.len() };
        assert_eq!(config.write(&mut short), Err(refused));
    }
}
