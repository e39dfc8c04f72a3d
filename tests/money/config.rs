//! Tariffs and plans from JSON, read without a heap.

use tollgate::presets::plans::{seed001, seed004};
use tollgate::presets::tariffs::{seed002, seed003};
use tollgate::{Calendar, Cycle, MonthDay, Plan, ShortMonth, TariffConfig, TariffError, UtcOffset};

const SEED003: &str = r#"{
    "per_second": "5",
    "models": [
        { "name": "kling-v1", "quality": "Standard", "rank": 1, "multiplier": "1", "max_seconds": 10, "max_resolution": "1080p" },
        { "name": "kling-v1.5", "quality": "Enhanced", "rank": 2, "multiplier": "2.0", "max_seconds": 30, "max_resolution": "4k" },
        { "name": "kling-pro", "quality": "Pro", "rank": 3, "multiplier": "4/1", "max_seconds": 60, "max_resolution": "4k" }
    ],
    "resolutions": [
        { "name": "720p", "multiplier": "0.8" }, { "name": "1080p", "multiplier": "1" }, { "name": "4k", "multiplier": "3/2" }
    ],
    "packages": [
        { "credits": "100", "price": "5" },
        { "credits": "500", "bonus": "50", "price": "20.00" },
        { "credits": "1000", "bonus": "150", "price": "35" },
        { "credits": "5000", "bonus": "1000", "price": "150" }
    ]
}"#;

type Config<'a> = TariffConfig<'a, 4>;

fn read(json: &str) -> Result<Config<'_>, serde_json_core::de::Error> {
    serde_json_core::from_str(json).map(|(config, _)| config)
}

#[test]
fn a_tariff_from_json_is_the_preset() {
    let config = read(SEED003).unwrap();
    assert_eq!(config.tariff(), Ok(seed003::TARIFF));
    let written = serde_json_core::to_string::<_, 2048>(&config).unwrap();
    assert_eq!(read(&written), Ok(config));

    let second = r#"{ "listed": [{ "seconds": 5, "credits": "10" }, { "seconds": 10, "credits": "20" }], "per_second": "2",
        "models": [{ "name": "kling-v1", "rank": 1, "multiplier": "1" }, { "name": "kling-v1.5", "rank": 2, "multiplier": "1" },
                   { "name": "kling-pro", "rank": 3, "multiplier": "2" }],
        "resolutions": [{ "name": "1080p", "multiplier": "1" }],
        "packages": [{ "credits": "100", "price": "10" }, { "credits": "500", "price": "40" },
                     { "credits": "2000", "price": "120" }, { "credits": "10000", "price": "500" }] }"#;
    assert_eq!(read(second).unwrap().tariff(), Ok(seed002::TARIFF));
    // The same through the reader that servers use.
    assert_eq!(serde_json::from_str::<Config<'_>>(second).unwrap().tariff(), Ok(seed002::TARIFF));
}

#[test]
fn what_is_not_exact_or_not_known_is_refused() {
    for (from, to) in [
        (r#""per_second": "5""#, r#""per_second": 5"#),
        (r#""per_second": "5""#, r#""per_second": "5.0000001""#),
        (r#""per_second": "5""#, r#""per_secnod": "5""#),
        (r#""multiplier": "4/1""#, r#""multiplier": "4/0""#),
        (r#""multiplier": "4/1""#, r#""multiplier": 4.0"#),
        (r#""credits": "100", "price": "5""#, r#""credits": "0", "price": "5""#),
        (r#""rank": 1"#, r#""rank": 256"#),
        (r#""packages": ["#, r#""packages": [{ "credits": "1", "price": "5" }, "#),
    ] {
        let changed = SEED003.replacen(from, to, 1);
        assert_ne!(changed, SEED003, "{from}");
        assert!(read(&changed).is_err(), "{to}");
    }
    let twice = SEED003.replace("\"kling-v1.5\"", "\"kling-v1\"");
    assert_eq!(read(&twice).unwrap().tariff(), Err(TariffError::Twice { row: 0 }));
}

#[test]
fn plans_and_calendars_keep_their_meaning_in_json() {
    for plan in [seed001::ENTERPRISE, seed004::PLAN] {
        let json = serde_json_core::to_string::<_, 512>(&plan).unwrap();
        assert_eq!(serde_json_core::from_str::<Plan<'_>>(&json).unwrap().0, plan, "{json}");
    }
    let billing = Calendar {
        cycle: Cycle::Month { anchor: MonthDay::new(31).unwrap(), rule: ShortMonth::EndOfLast },
        offset: UtcOffset::minutes(-90).unwrap(),
    };
    let json = serde_json::to_string(&billing).unwrap();
    assert_eq!(json, r#"{"cycle":{"month":{"anchor":31,"rule":"end_of_last"}},"offset":-90}"#);
    assert_eq!(serde_json_core::from_str::<Calendar>(&json).unwrap().0, billing);
    assert!(serde_json::from_str::<Calendar>(&json.replace("31", "32")).is_err());
    assert!(serde_json::from_str::<Calendar>(&json.replace("-90", "-1441")).is_err());
    let utc = serde_json::from_str::<Calendar>(r#"{"cycle":"day"}"#).unwrap();
    assert_eq!(utc, Calendar::utc(Cycle::Day));
}
