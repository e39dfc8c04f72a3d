//! Documents that are refused: which field, and what is said about it.

use tollgate::config::{GateConfig, Problem};

use crate::documents::{Config, example};

/// Refused at this path, saying this.
fn refused(document: &str, path: &str, says: &str) {
    let error = Config::parse(document).map(|_| ()).expect_err(document);
    assert_eq!(error.path(), path, "{error}: {document}");
    let text = error.to_string();
    let said = text.strip_prefix(path).unwrap().trim_start_matches(": ");
    assert!(said.starts_with(says), "{text}\n  is not: {says}\n  in {document}");
    assert!(text.starts_with(|first: char| !first.is_uppercase()), "{text}");
}

const COUNT: &str = "expected a whole number from 1 to 4294967295";
const SPAN: &str = "expected a duration such as \"500ms\"";
const TEXT_AMOUNT: &str = "expected a decimal amount such as \"2.40\"";

#[test]
fn numbers_that_are_none_name_their_field_and_range() {
    for number in
        ["-1", "1.5", "1e3", "4294967296", "99999999999999999999", "\"5\"", "null", "true", "[1]", "{}", "-0", "1.0"]
    {
        let document = format!(r#"{{ "requests": {{ "per": "1m", "units": {number} }} }}"#);
        let error = Config::parse(&document).expect_err(number);
        assert_eq!(error.path(), "requests.units", "{number}: {error}");
        assert!(matches!(error.problem(), Problem::Number { min: 1, max: 4_294_967_295, .. }), "{number}: {error}");
        assert!(error.to_string().contains(COUNT), "{number}: {error}");
    }
    refused(
        r#"{ "requests": { "units": 1, "per": "1m", "burst": 0 } }"#,
        "requests.burst",
        "0 is not in range: expected a whole number from 1 to 4294967295",
    );
    refused(r#"{ "requests": { "units": 4294967296, "per": "1m" } }"#, "requests.units", "4294967296 is not in range");
    refused(
        r#"{ "block": { "until_us": -5 } }"#,
        "block.until_us",
        "expected a whole number from 0 to 18446744073709551615",
    );
    refused(
        r#"{ "breaker": { "probes": 65536 } }"#,
        "breaker.probes",
        "65536 is not in range: expected a whole number from 1 to 65535",
    );
    refused(
        r#"{ "breaker": { "permille": 1001 } }"#,
        "breaker.permille",
        "1001 is not in range: expected a whole number from 1 to 1000",
    );
    refused(r#"{ "retry": { "burst": { "refusals": 9 } } }"#, "retry.burst.refusals", "9 is not in range");
    refused(
        r#"{ "adaptation": { "jobs": { "keep_permille": 1000 } } }"#,
        "adaptation.jobs.keep_permille",
        "1000 is not in range",
    );
    for offset in ["1441", "-1441", "1.5", "99999", "\"60\""] {
        let document = format!(r#"{{ "accounts": [{{ "utc_offset_min": {offset} }}] }}"#);
        refused(&document, "accounts[0].utc_offset_min", "expected a whole number from -1440 to 1440");
    }
}

#[test]
fn texts_that_are_none_name_their_field_and_an_example() {
    for (document, path, says) in [
        (r#"{ "requests": { "per": 60 } }"#, "requests.per", SPAN),
        (r#"{ "requests": { "per": "60" } }"#, "requests.per", SPAN),
        (r#"{ "requests": { "per": "-1s" } }"#, "requests.per", SPAN),
        (r#"{ "requests": { "per": "1.5s" } }"#, "requests.per", SPAN),
        (r#"{ "requests": { "per": "999999999999d" } }"#, "requests.per", SPAN),
        (r#"{ "requests": { "per": "0s" } }"#, "requests.per", "expected a duration of more than 0"),
        (
            r#"{ "requests": { "start": "half" } }"#,
            "requests.start",
            "expected \"full\", \"empty\" or a whole number as text",
        ),
        (r#"{ "requests": { "start": "4294967296" } }"#, "requests.start", "expected \"full\""),
        (r#"{ "requests": { "start": "" } }"#, "requests.start", "expected \"full\""),
        (r#"{ "window": { "when_full": "Refuse" } }"#, "window.when_full", "expected one of refuse, merge"),
        (r#"{ "window": { "history": 0 } }"#, "window.history", "expected one of empty, used_up"),
        (
            r#"{ "plan": "gold" }"#,
            "plan",
            "expected one of seed000/free, seed000/standard, seed000/pro, seed000/enterprise, seed001/free",
        ),
        (r#"{ "tariff": "seed004" }"#, "tariff", "expected one of seed002, seed003"),
        (r#"{ "accounts": [{ "limit": 2.40 }] }"#, "accounts[0].limit", TEXT_AMOUNT),
        (r#"{ "accounts": [{ "limit": 2 }] }"#, "accounts[0].limit", TEXT_AMOUNT),
        (
            r#"{ "accounts": [{ "limit": "2,40" }] }"#,
            "accounts[0].limit",
            "',' at byte 1: expected a decimal such as 2.40",
        ),
        (r#"{ "accounts": [{ "limit": "-1" }] }"#, "accounts[0].limit", "a sign: expected a decimal without one"),
        (r#"{ "accounts": [{ "limit": "1e3" }] }"#, "accounts[0].limit", "'e' at byte 1"),
        (
            r#"{ "accounts": [{ "limit": "0.0000001" }] }"#,
            "accounts[0].limit",
            "too many decimals to be kept exactly: expected at most 6",
        ),
        (
            r#"{ "accounts": [{ "limit": "9223372036854.775808" }] }"#,
            "accounts[0].limit",
            "a decimal that is too large",
        ),
        (r#"{ "accounts": [{ "limit": "" }] }"#, "accounts[0].limit", "an empty text"),
        (r#"{ "accounts": [{ "name": "" }] }"#, "accounts[0].name", "an empty name: expected 1 to 24 bytes"),
        (r#"{ "accounts": [{ "name": "1234567890123456789012345" }] }"#, "accounts[0].name", "a name of 25 bytes"),
        (r#"{ "accounts": [{ "name": 7 }] }"#, "accounts[0].name", "expected a name"),
        (
            r#"{ "accounts": [{ "unit": "eur" }] }"#,
            "accounts[0].unit",
            "expected \"credits\", \"usd\", \"airtime\", \"bytes\"",
        ),
        (r#"{ "accounts": [{ "unit": "custom/4294967040" }] }"#, "accounts[0].unit", "expected \"credits\""),
        (r#"{ "accounts": [{ "unit": "custom/+7" }] }"#, "accounts[0].unit", "expected \"credits\""),
        (r#"{ "accounts": [{ "unit": "custom/" }] }"#, "accounts[0].unit", "expected \"credits\""),
        (
            r#"{ "accounts": [{ "period": "daily" }] }"#,
            "accounts[0].period",
            "expected one of lifetime, day, week, month, rolling",
        ),
        (
            r#"{ "accounts": [{ "week_start": "Monday" }] }"#,
            "accounts[0].week_start",
            "expected one of monday, tuesday",
        ),
        (
            r#"{ "accounts": [{ "month_start": 32 }] }"#,
            "accounts[0].month_start",
            "32 is not in range: expected a whole number from 1 to 31",
        ),
        (
            r#"{ "accounts": [{ "slices": 4097 }] }"#,
            "accounts[0].slices",
            "4097 is not in range: expected a whole number from 1 to 4096",
        ),
        (r#"{ "accounts": [{ "overage": "allow" }] }"#, "accounts[0].overage", "expected one of reject, cap, debt"),
        (r#"{ "accounts": [{ "forgive_debt": 1 }] }"#, "accounts[0].forgive_debt", "expected true or false"),
        (
            r#"{ "accounts": [{ "thresholds": ["1/2", 0.8] }] }"#,
            "accounts[0].thresholds[1]",
            "expected a ratio such as \"4/5\" or \"0.8\"",
        ),
        (r#"{ "accounts": [{ "thresholds": ["1/0"] }] }"#, "accounts[0].thresholds[0]", "a ratio over 0"),
        (r#"{ "accounts": [{ "hysteresis": "5%" }] }"#, "accounts[0].hysteresis", "not a ratio: '%' at byte 1"),
        (r#"{ "accounts": [{ "thresholds": "1/2" }] }"#, "accounts[0].thresholds", "expected a list"),
        (r#"{ "accounts": {} }"#, "accounts", "expected a list"),
        (r#"{ "accounts": [[]] }"#, "accounts[0]", "expected an object"),
        (r#"{ "slots": 3 }"#, "slots", "expected an object"),
        (r#"{ "slots": null }"#, "slots", "expected an object"),
        ("[]", "", "expected an object"),
        ("7", "", "expected an object"),
    ] {
        refused(document, path, says);
    }
}

#[test]
fn unknown_and_repeated_fields_are_refused_with_their_path() {
    for (document, path, says) in [
        (
            r#"{ "limits": {} }"#,
            "limits",
            "no such field: expected one of plan, tariff, requests, window, slots, accounts, breaker",
        ),
        (
            r#"{ "requests": { "brust": 5 } }"#,
            "requests.brust",
            "no such field: expected one of units, per, burst, start",
        ),
        (r#"{ "requests": { "": 5 } }"#, "requests.", "no such field"),
        (
            r#"{ "window": { "lease": "1m" } }"#,
            "window.lease",
            "no such field: expected one of limit, length, when_full, history",
        ),
        (r#"{ "slots": { "Limit": 5 } }"#, "slots.Limit", "no such field: expected one of limit, weight, lease"),
        (
            r#"{ "accounts": [{ "name": "a" , "sfot": "1" }] }"#,
            "accounts[0].sfot",
            "no such field: expected one of name, unit",
        ),
        (
            r#"{ "accounts": [{ "rollover": { "mix": "1" } }] }"#,
            "accounts[0].rollover.mix",
            "no such field: expected one of min, max",
        ),
        (r#"{ "breaker": { "failure": 5 } }"#, "breaker.failure", "no such field: expected one of failures, window"),
        (r#"{ "retry": { "quota": { "cap": 5 } } }"#, "retry.quota.cap", "no such field"),
        (r#"{ "retry": { "ratio": { "cap": 5 } } }"#, "retry.ratio.cap", "no such field"),
        (r#"{ "retry": { "burst": { "cap": 5 } } }"#, "retry.burst.cap", "no such field"),
        (
            r#"{ "adaptation": { "rate": { "cap": 5 } } }"#,
            "adaptation.rate.cap",
            "no such field: expected one of per, floor",
        ),
        (
            r#"{ "adaptation": { "jobs": { "per": 5 } } }"#,
            "adaptation.jobs.per",
            "no such field: expected one of floor, ceiling",
        ),
        (r#"{ "adaptation": { "pacing": { "most": 5 } } }"#, "adaptation.pacing.most", "no such field"),
        (
            r#"{ "patience": { "max_block": "1h" } }"#,
            "patience.max_block",
            "no such field: expected one of to_send, to_answer",
        ),
        (r#"{ "block": { "min": "1h" } }"#, "block.min", "no such field: expected one of max, until_us"),
        (r#"{ "slots": { "limit": 5, "limit": 5 } }"#, "slots.limit", "the field stands twice: expected it once"),
        (r#"{ "slots": { "limit": 5 }, "slots": { "limit": 5 } }"#, "slots", "the field stands twice"),
        (r#"{ "accounts": [], "plan": "seed000/free", "accounts": [] }"#, "accounts", "the field stands twice"),
        (
            r#"{ "accounts": [{ "rollover": { "min": "1", "min": "1" } }] }"#,
            "accounts[0].rollover.min",
            "the field stands twice",
        ),
    ] {
        refused(document, path, says);
    }
    // The first thing wrong is the one that is told, and a long name is cut.
    refused(r#"{ "a": 1, "b": 2 }"#, "a", "no such field");
    let long = "x".repeat(200);
    refused(&format!(r#"{{ "{long}": 1 }}"#), &long[..64], "no such field");
}

#[test]
fn missing_fields_are_named() {
    let account = r#""name": "a", "unit": "usd", "limit": "1""#;
    for (document, path) in [
        (r#"{ "requests": { "per": "1m" } }"#.to_owned(), "requests.units"),
        (r#"{ "requests": { "units": 1 } }"#.to_owned(), "requests.per"),
        (r#"{ "window": { "length": "1m" } }"#.to_owned(), "window.limit"),
        (r#"{ "window": { "limit": 1 } }"#.to_owned(), "window.length"),
        (r#"{ "slots": { "weight": 1 } }"#.to_owned(), "slots.limit"),
        (r#"{ "accounts": [{ "unit": "usd" }] }"#.to_owned(), "accounts[0].name"),
        (r#"{ "accounts": [{ "name": "a" }] }"#.to_owned(), "accounts[0].unit"),
        (r#"{ "accounts": [{ "name": "a", "unit": "usd" }] }"#.to_owned(), "accounts[0].limit"),
        (format!(r#"{{ "accounts": [{{ {account} }}] }}"#), "accounts[0].period"),
        (format!(r#"{{ "accounts": [{{ {account}, "period": "rolling", "slices": 4 }}] }}"#), "accounts[0].length"),
        (format!(r#"{{ "accounts": [{{ {account}, "period": "rolling", "length": "1h" }}] }}"#), "accounts[0].slices"),
        (format!(r#"{{ "accounts": [{{ {account}, "period": "day", "overage": "debt" }}] }}"#), "accounts[0].max_debt"),
        (r#"{ "accounts": [{ "rollover": { "max": "1" } }] }"#.to_owned(), "accounts[0].rollover.min"),
        (r#"{ "breaker": { "failures": 1 } }"#.to_owned(), "breaker.open_for"),
        (r#"{ "breaker": { "window": "1m", "permille": 5 } }"#.to_owned(), "breaker.calls"),
        (
            r#"{ "retry": { "quota": { "capacity": 5, "transient": 1, "throttled": 1 } } }"#.to_owned(),
            "retry.quota.success",
        ),
        (r#"{ "adaptation": { "rate": { "floor": 1 } } }"#.to_owned(), "adaptation.rate.per"),
        (r#"{ "adaptation": { "jobs": { "floor": 1 } } }"#.to_owned(), "adaptation.jobs.ceiling"),
        (r#"{ "plan": "seed000/enterprise" }"#.to_owned(), "requests"),
        (r#"{ "plan": "seed000/enterprise", "window": { "limit": 1, "length": "1m" } }"#.to_owned(), "slots"),
    ] {
        refused(&document, path, "the field is missing: expected it");
    }
    refused(r#"{ "breaker": { "open_for": "1s" } }"#, "breaker", "expected failures, or window, calls and permille");
}

#[test]
fn contradictions_are_refused_as_a_whole() {
    let account =
        |fields: &str| format!(r#"{{ "accounts": [{{ "name": "a", "unit": "usd", "limit": "5", {fields} }}] }}"#);
    let two = |first: &str, second: &str| {
        let rest = r#""unit": "usd", "limit": "5", "period": "day""#;
        format!(r#"{{ "accounts": [{{ "name": "{first}", {rest} }}, {{ "name": "{second}", {rest} }}] }}"#)
    };
    let rate = |requests: &str, rate: &str| format!(r#"{{ {requests} "adaptation": {{ "rate": {{ {rate} }} }} }}"#);
    let aimd = r#""keep_permille": 500, "step": 1, "every": 1"#;
    for (document, path, says) in [
        // A weight, a start, a retry that never fits.
        (r#"{ "slots": { "limit": 3, "weight": 4 } }"#.to_owned(), "slots.weight", "4 is too much: expected at most 3, the slots"),
        (
            r#"{ "requests": { "units": 9, "per": "1s", "burst": 5, "start": "6" } }"#.to_owned(),
            "requests.start",
            "6 is too much: expected at most 5, the burst",
        ),
        (
            r#"{ "retry": { "quota": { "capacity": 5, "transient": 6, "throttled": 1, "success": 1 } } }"#.to_owned(),
            "retry.quota.transient",
            "6 is too much: expected at most 5, the capacity",
        ),
        (
            r#"{ "requests": { "units": 1, "per": "30d", "burst": 4294967295 } }"#.to_owned(),
            "requests.burst",
            "a burst of 4294967295 units is too large to be exact at this rate: expected at most 1779199",
        ),
        // Accounts.
        (two("a", "a"), "accounts[1].name", "the name of accounts[0]: expected another"),
        (account(r#""period": "day", "soft": "5.000001""#), "accounts[0].soft", "5.000001 is too much: expected at most 5, the limit"),
        (account(r#""period": "day", "week_start": "monday""#), "accounts[0].week_start", "it means nothing here: expected it only with a period of \"week\""),
        (account(r#""period": "week", "month_start": 1"#), "accounts[0].month_start", "it means nothing here"),
        (account(r#""period": "week", "short_month": "clamp_to_last""#), "accounts[0].short_month", "it means nothing here"),
        (account(r#""period": "lifetime", "utc_offset_min": 0"#), "accounts[0].utc_offset_min", "it means nothing here"),
        (account(r#""period": "rolling", "length": "1h", "slices": 6, "utc_offset_min": 0"#), "accounts[0].utc_offset_min", "it means"),
        (account(r#""period": "day", "length": "24h""#), "accounts[0].length", "it means nothing here: expected it only with a period of \"rolling\""),
        (account(r#""period": "day", "slices": 24"#), "accounts[0].slices", "it means nothing here"),
        (account(r#""period": "rolling", "length": "1s", "slices": 7"#), "accounts[0].slices", "a window of 1.000000 s in 7 slices"),
        (account(r#""period": "day", "max_debt": "1""#), "accounts[0].max_debt", "it means nothing here: expected it only with an overage of \"debt\""),
        (account(r#""period": "day", "overage": "cap", "max_debt": "1""#), "accounts[0].max_debt", "it means nothing here"),
        (account(r#""period": "day", "hysteresis": "1/9""#), "accounts[0].hysteresis", "it means nothing here: expected it only with thresholds"),
        (account(r#""period": "day", "rollover": { "min": "2", "max": "1" }"#), "accounts[0].rollover", "a rollover of at least 2000000 and at most 1000000"),
        (account(r#""period": "lifetime", "rollover": { "min": "1", "max": "1" }"#), "accounts[0].rollover", "a rollover without calendar periods"),
        (account(r#""period": "day", "overage": "debt", "max_debt": "9223372036854""#), "accounts[0].limit", "a limit that is too large with what comes on top"),
        (account(r#""period": "day", "thresholds": ["1/2", "1/2"]"#), "accounts[0].thresholds[1]", "threshold 1 is not above the one before it"),
        (account(r#""period": "day", "thresholds": ["1","2","3","4","5","6","7","8","9"]"#), "accounts[0].thresholds", "too many: expected at most 8"),
        (format!(r#"{{ "accounts": [{}] }}"#, [r#"{ "name": "a", "unit": "usd", "limit": "1", "period": "day" }"#; 5].join(",")), "accounts", "too many: expected at most 4"),
        // What reacts.
        (r#"{ "breaker": { "failures": 5, "calls": 9, "open_for": "1s" } }"#.to_owned(), "breaker.calls", "it means nothing here: expected it only with window, calls and permille"),
        (r#"{ "breaker": { "window": "7us", "calls": 9, "permille": 9, "open_for": "1s" } }"#.to_owned(), "breaker.window", "a breaker's span of 0 us"),
        (r#"{ "retry": { "ratio": { "per": "9us", "permille": 1, "per_second": 0 } } }"#.to_owned(), "retry.ratio.per", "9 is too little: expected at least 10"),
        (r#"{ "retry": { "burst": { "refusals": 3, "within": "1m", "wait_min": "2s", "wait_max": "1s" } } }"#.to_owned(), "retry.burst.wait_min", "expected at most wait_max"),
        (format!(r#"{{ "adaptation": {{ "jobs": {{ "floor": 3, "ceiling": 2, {aimd} }} }} }}"#), "adaptation.jobs.floor", "a floor of 3: expected at most the ceiling of 2"),
        (format!(r#"{{ "slots": {{ "limit": 3 }}, "adaptation": {{ "jobs": {{ "floor": 1, "ceiling": 4, {aimd} }} }} }}"#), "adaptation.jobs.ceiling", "4 is too much: expected at most 3, the slots"),
        (format!(r#"{{ "slots": {{ "limit": 9, "weight": 2 }}, "adaptation": {{ "jobs": {{ "floor": 1, "ceiling": 4, {aimd} }} }} }}"#), "adaptation.jobs.floor", "1 is too little: expected at least 2, the weight of a job"),
        (rate("", &format!(r#""per": "1m", "floor": 1, "ceiling": 2, {aimd}"#)), "adaptation.rate", "it means nothing here: expected it only with requests"),
        (rate(r#""requests": { "units": 60, "per": "1m" },"#, &format!(r#""per": "1s", "floor": 1, "ceiling": 2, {aimd}"#)), "adaptation.rate.ceiling", "expected a rate not above that of requests"),
        (rate(r#""requests": { "units": 4294967295, "per": "1s" },"#, &format!(r#""per": "1d", "floor": 1, "ceiling": 2, {aimd}"#)), "adaptation.rate.per", "expected a shorter period"),
        // Presets.
        (r#"{ "plan": "seed001/free" }"#.to_owned(), "accounts", "expected an account in credits, which the plan limits"),
        (r#"{ "plan": "seed004", "accounts": [{ "name": "a", "unit": "usd", "limit": "66", "period": "day" }] }"#.to_owned(), "accounts", "expected an account in credits"),
        (r#"{ "tariff": "seed002", "accounts": [{ "name": "a", "unit": "bytes", "limit": "66", "period": "day" }] }"#.to_owned(), "accounts", "expected an account in credits or usd, in which the tariff is"),
        (r#"{ "plan": "seed000/free", "requests": { "units": 11, "per": "1m" } }"#.to_owned(), "requests.units", "11 is too much: expected at most 10, what the plan has"),
        (r#"{ "plan": "seed000/free", "requests": { "units": 1, "per": "5999999us" } }"#.to_owned(), "requests.units", "1 is too much: expected at most 0, what the plan has in this time"),
        (r#"{ "plan": "seed000/free", "window": { "limit": 6, "length": "30s" } }"#.to_owned(), "window.limit", "6 is too much: expected at most 5"),
        (r#"{ "plan": "seed000/free", "slots": { "limit": 3 } }"#.to_owned(), "slots.limit", "3 is too much: expected at most 2, what the plan has at a time"),
    ] {
        refused(&document, path, says);
    }
}

#[test]
fn a_config_made_in_code_is_checked_as_well() {
    let mut config = Config { plan: Some("gold"), ..Config::default() };
    assert_eq!(config.check().unwrap_err().path(), "plan");
    config.plan = None;
    config.tariff = Some("x");
    assert_eq!(config.check().unwrap_err().path(), "tariff");
    config.tariff = None;
    config.slots = Some(tollgate::config::SlotsConfig::new(0));
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "slots.limit: 0 is not in range: expected a whole number from 1 to 4294967295"
    );
    config.slots = None;
    config.patience.to_send = tollgate::Duration::ZERO;
    assert_eq!(config.check().unwrap_err().to_string(), "patience.to_send: expected a duration of more than 0");
    config.patience = tollgate::Patience::DEFAULT;
    assert_eq!(config.check(), Ok(()));
}

#[test]
fn a_document_cut_at_any_byte_is_refused() {
    let document = example();
    let whole = document.trim_end().len();
    for end in (0..whole).filter(|end| document.is_char_boundary(*end)) {
        let error = Config::parse(&document[..end]).expect_err("half a document");
        assert!(matches!(error.problem(), Problem::Syntax { .. }), "{end}: {error}");
    }
    assert!(Config::parse(&document[..whole]).is_ok());
}

#[test]
fn a_backslash_is_at_home_nowhere() {
    let document = example();
    for at in 0..document.len() {
        let mut bytes = document.clone().into_bytes();
        bytes[at] = b'\\';
        let error = Config::parse(std::str::from_utf8(&bytes).unwrap()).expect_err("a backslash");
        // Of a word it is the start that is named.
        let near = |found: usize| (at.saturating_sub(3)..=at).contains(&found);
        assert!(matches!(error.problem(), Problem::Syntax { at: found, .. } if near(found)), "{at}: {error}");
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    for (open, close) in [("[", "]"), ("{\"accounts\":", "}"), ("{\"a\":[", "]}")] {
        for levels in [9, 100, 1_000] {
            let document = open.repeat(levels) + "1" + &close.repeat(levels);
            let error = Config::parse(&document).unwrap_err();
            assert!(matches!(error.problem(), Problem::TooDeep { max: 8, .. }), "{error}");
            assert_eq!(error.path(), "");
        }
    }
    let blank = |len: usize| format!("{{{}}}", " ".repeat(len - 2));
    assert!(Config::parse(&blank(GateConfig::<4>::MAX_LEN)).is_ok());
    let error = Config::parse(&blank(GateConfig::<4>::MAX_LEN + 1)).unwrap_err();
    assert_eq!(error.to_string(), "a document of 16385 bytes: expected at most 16384");
    refused(&("[".repeat(9)), "", "byte 8 is nested too deeply: expected at most 8 levels");
}

#[test]
fn syntax_errors_name_the_byte() {
    refused("{ \"slots\": { \"limit\": 01 } }", "", "byte 23: expected a comma or the closing bracket");
    refused("{ \"slots\": { \"limit\": 1, } }", "", "byte 25: expected a field");
    refused("{ \"slots\": { \"limit\" 1 } }", "", "byte 21: expected a colon");
    refused("{} 1", "", "byte 3: expected the end of the document");
    refused(r#"{ "plan": "seed\u0030" }"#, "", "byte 15: expected a text without escapes");
}
