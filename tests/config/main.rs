//! Configuration from a file: what is written is read back, and what cannot be is refused with the number.

mod documents;
mod live;
mod random;
mod refusals;
mod status;

use std::fmt::Debug;

use serde_json::{Value, from_value, json, to_value};
use tollgate::presets::{backoffs, radio};
use tollgate::{
    AimdPolicy, Duration, Growth, History, Inherit, Instant, Jitter, JobId, Pacing, Policy, Quota, QuotaCosts, Start,
    Trip, WhenFull, Window,
};

/// What is written is this, and reads back as the same.
fn same<T>(value: &T, written: Value)
where
    T: serde::Serialize + for<'de> serde::Deserialize<'de> + PartialEq + Debug,
{
    assert_eq!(to_value(value).unwrap(), written);
    assert_eq!(&from_value::<T>(written).unwrap(), value);
}

fn refusal<T: for<'de> serde::Deserialize<'de> + Debug>(written: Value) -> String {
    from_value::<T>(written).unwrap_err().to_string()
}

#[test]
fn a_quota_is_three_numbers() {
    let quota = Quota::new_with_burst(60, Duration::from_mins(1), 10).unwrap();
    same(&quota, json!({ "units": 60, "per_us": 60_000_000, "burst": 10 }));
    let read: Quota = from_value(json!({ "units": 60, "per_us": 60_000_000, "burst": 10 })).unwrap();
    assert_eq!((read.units(), read.per()), (60, Duration::from_mins(1)), "as it was written, not in lowest terms");
}

#[test]
fn a_quota_that_cannot_be_is_refused_with_its_number() {
    // Of a number that is none for a quota serde says more or less, by the features of its JSON reader.
    for (written, says) in [
        (json!({ "units": 0, "per_us": 1, "burst": 1 }), "a quota of 0 units: expected at least 1"),
        (json!({ "units": 1, "per_us": 0, "burst": 1 }), "a quota per 0 us: expected at least 1 us"),
        (json!({ "units": 1, "per_us": 1, "burst": 0 }), "a burst of 0 units: expected at least 1"),
        (json!({ "units": 1, "per_us": 3_600_000_000_u64, "burst": u32::MAX }), "expected at most 1281023894"),
        (json!({ "units": 1, "per_us": 1, "burst": 1, "brust": 1 }), "unknown field `brust`"),
        (json!({ "units": -1, "per_us": 1, "burst": 1 }), "invalid"),
        (json!({ "units": 1.0, "per_us": 1, "burst": 1 }), "invalid"),
    ] {
        let refused = refusal::<Quota>(written);
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn a_window_has_a_lease_only_if_it_says_so() {
    let window = Window::new(30, Duration::from_mins(1)).unwrap();
    assert_eq!(from_value::<Window>(json!({ "limit": 30, "length_us": 60_000_000 })).unwrap(), window);
    let leased = window.with_lease(Duration::from_secs(5)).unwrap();
    same(&leased, json!({ "limit": 30, "length_us": 60_000_000, "lease_us": 5_000_000 }));
    for (written, says) in [
        (json!({ "limit": 0, "length_us": 1 }), "a window of 0 units"),
        (json!({ "limit": 1, "length_us": 0 }), "a window of 0 us"),
        (json!({ "limit": 1, "length_us": 1, "lease_us": 0 }), "a lease of 0 us"),
    ] {
        assert!(refusal::<Window>(written).contains(says));
    }
}

#[test]
fn a_backoff_policy_reads_back_with_all_its_parts() {
    for policy in
        [backoffs::SEED_000, backoffs::SEED_001, backoffs::RETRY.transient.with_deadline(Duration::from_secs(9))]
    {
        assert_eq!(from_value::<Policy>(to_value(policy).unwrap()).unwrap(), policy);
    }
    let plain = json!({ "base_us": 1, "max_us": 2, "growth": "constant", "jitter": { "plus_permille": 500 } });
    let policy: Policy = from_value(plain).unwrap();
    assert_eq!((policy.retries(), policy.deadline()), (u32::MAX, Duration::MAX));
    for (growth, jitter, max, says) in [
        (json!("constant"), json!("full"), 0, "expected at most the max of 0.000000 s"),
        (json!({ "exponential": { "permille": 999 } }), json!("none"), 9, "a factor of 999 permille"),
        (json!("fibonacci"), json!({ "times_range": { "from": 2, "to": 1 } }), 9, "a jitter from 2 permille"),
    ] {
        let written = json!({ "base_us": 1, "max_us": max, "growth": growth, "jitter": jitter });
        let refused = refusal::<Policy>(written);
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn words_are_written_in_snake_case() {
    same(&Start::With(7), json!({ "with": 7 }));
    same(&Start::Full, json!("full"));
    same(&Inherit::KeepUsed, json!("keep_used"));
    same(&History::UsedUp, json!("used_up"));
    same(&WhenFull::Merge, json!("merge"));
    same(&Growth::Fibonacci, json!("fibonacci"));
    same(&Jitter::Decorrelated, json!("decorrelated"));
    same(&Trip::Consecutive { failures: 5 }, json!({ "consecutive": { "failures": 5 } }));
}

#[test]
fn plain_records_and_numbers() {
    same(&JobId(u64::MAX), json!(u64::MAX));
    same(&Instant::from_secs(1), json!(1_000_000));
    same(&radio::LoRa::EU868, to_value(radio::LoRa::EU868).unwrap());
    same(&QuotaCosts::AWS, json!({ "capacity": 500, "transient": 14, "throttled": 5, "success": 1 }));
    same(&Pacing::SEED_000, json!({ "below_permille": 100, "least": 2_000_000 }));
    let aimd = AimdPolicy { floor: 1, ceiling: 2, keep_permille: 3, step: 4, every: 5 };
    same(&aimd, to_value(aimd).unwrap());
}
