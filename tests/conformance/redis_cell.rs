//! redis-cell: brandur/redis-cell @ 4d42338, `src/cell/mod.rs` :: `it_rate_limits` and its rate constructors.
//!
//! A limit of 5 (a burst of 4 and one more), one a second. What it answers in one line of five numbers, the caller reads
//! off three verbs here: remaining is `available`, "reset after" is `earliest` for the whole burst, "retry after" is the
//! `Until` of the refusal.

use tollgate::{Denied, Duration, Instant, Limiter, Quota, QuotaError};

use crate::{bucket, ms};

/// Milliseconds since the origin, the quantity, and what is left; then the waits in milliseconds.
struct Row {
    at: u64,
    quantity: u64,
    remaining: u64,
    reset_after: u64,
    /// `None`: granted.
    retry_after: Option<u64>,
}

const fn granted(at: u64, quantity: u64, remaining: u64, reset_after: u64) -> Row {
    Row { at, quantity, remaining, reset_after, retry_after: None }
}

const fn refused(at: u64, quantity: u64, remaining: u64, reset_after: u64, retry_after: u64) -> Row {
    Row { at, quantity, remaining, reset_after, retry_after: Some(retry_after) }
}

const ROWS: [Row; 14] = [
    granted(0, 1, 4, 1_000),
    granted(0, 1, 3, 2_000),
    granted(0, 1, 2, 3_000),
    granted(0, 1, 1, 4_000),
    granted(0, 1, 0, 5_000),
    refused(0, 1, 0, 5_000, 1_000),
    granted(3_000, 1, 2, 3_000),
    granted(3_100, 1, 1, 3_900),
    granted(4_000, 1, 1, 4_000),
    granted(8_000, 1, 4, 1_000),
    granted(9_500, 1, 4, 1_000),
    granted(9_500, 0, 4, 1_000), // a look, free
    granted(9_500, 2, 2, 3_000),
    refused(9_500, 5, 2, 3_000, 3_000),
];

#[test]
fn the_five_numbers_of_a_throttle_come_from_three_verbs() {
    let mut bucket = bucket(5, 1, Duration::from_secs(1), 5);
    // Their row 0 takes 6 of 5: limited there, with a retry after -1. Differs: what can never pass says so.
    assert_eq!(bucket.allow(Instant::ORIGIN, 6), Err(Denied::Never { max: 5 }));
    assert_eq!((bucket.available(ms(0)), bucket.earliest(ms(0), 5)), (5, Ok(ms(0))));

    for (row, Row { at, quantity, remaining, reset_after, retry_after }) in (1..).zip(&ROWS) {
        let want = retry_after.map_or(Ok(()), |retry| Err(Denied::Until(ms(at + retry))));
        assert_eq!(bucket.allow(ms(*at), *quantity), want, "row {row}");
        assert_eq!(bucket.available(ms(*at)), *remaining, "row {row}: remaining");
        assert_eq!(bucket.earliest(ms(*at), 5), Ok(ms(at + reset_after)), "row {row}: reset");
    }
}

#[test]
fn rates_are_intervals() {
    let minute = Duration::from_mins(1);
    for (units, per, interval) in [
        (24, Duration::from_days(1), Duration::from_hours(1)),
        (6, Duration::from_hours(1), Duration::from_mins(10)),
        (6, minute, Duration::from_secs(10)),
        (6, minute.saturating_mul(2), Duration::from_secs(20)),
        (5, Duration::from_secs(1), Duration::from_millis(200)),
    ] {
        let spaced = Quota::new_with_burst(units, per, 1).unwrap();
        assert_eq!(spaced, Quota::every(interval).unwrap(), "{units} per {per}");
    }
    assert_eq!(Quota::new(0, minute), Err(QuotaError::ZeroUnits));
}
