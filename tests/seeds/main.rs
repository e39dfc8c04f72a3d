//! The defects of the source documents, each as a test with the exact answer that is wanted instead.
//!
//! The files under `vectors/golden` record what the documents' own code returns, bugs included (`g*`), and what an
//! independent oracle returns (`ref_*`). Where a row is right it must come out here too; where it is a defect, the test
//! first shows the row and then our answer. The numbers of the defects are those of the list in the specification.
//!
//! Defects of the texts of errors and of headers are in the tests of `retry` and `headers`, those of money in `money` and
//! `ledger`.

mod backoff;
mod bucket;
mod monitor;
mod queue;
mod radio;
mod rolling;
mod slots;

use serde_json::Value;
use tollgate::{Duration, Instant};

/// The text of a golden file.
fn golden(name: &str) -> String {
    let path = format!("{}/vectors/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn golden_json(name: &str) -> Value {
    serde_json::from_str(&golden(name)).expect("a golden file in JSON")
}

/// The rows of a golden table, as columns of text, without the heading.
fn golden_rows(name: &str) -> Vec<Vec<String>> {
    golden(name).lines().skip(1).map(|row| row.split(',').map(str::to_owned).collect()).collect()
}

/// Millionths of a decimal, exact: `59.999` is 59 999 000. Digits behind the sixth are dropped.
fn millionths(decimal: &str) -> u64 {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    let part: String = part.chars().chain("000000".chars()).take(6).collect();
    let number = |digits: &str| digits.parse::<u64>().unwrap_or_else(|error| panic!("{decimal}: {error}"));
    number(whole) * 1_000_000 + number(&part)
}

/// Seconds in decimal, in a column or a JSON number.
fn seconds(value: &impl ToString) -> Duration {
    Duration::from_micros(millionths(&value.to_string()))
}

fn at(seconds: u64) -> Instant {
    Instant::from_secs(seconds)
}

/// Where a loop goes on that was refused until `then`: a refusal that names no later instant would spin.
fn wait(now: Instant, then: Instant) -> Instant {
    assert!(then > now, "refused at {now} until {then}");
    then
}

#[test]
fn decimals_are_read_exactly() {
    for (text, wanted) in [("0.0", 0), ("59.999", 59_999_000), ("83.33333333333334", 83_333_333), ("2", 2_000_000)] {
        assert_eq!(millionths(text), wanted, "{text}");
    }
}
