//! governor: boinkor-net/governor @ 9f3a79d (v0.10.4), `governor/tests/*.rs` and `governor/src/gcra.rs`.
//!
//! A cell rate algorithm in nanoseconds that starts full; its burst is the count per period unless said otherwise. Its
//! property `accurate_not_until` has a file of its own, `until.rs`, because every limiter is held to it.
//!
//! Its threads (`actual_threadsafety`, `stresstest_collisions`) are in `waiters.rs` and in the std adapter's own tests;
//! the numbers of the first are here too, on one thread.

use tollgate::{Denied, Duration, Instant, Limiter, Quota, QuotaError, Start, TokenBucket};

use crate::{Numbers, ms};

const SECOND: Duration = Duration::from_secs(1);

/// What is expected of a call.
enum Want {
    Yes,
    No,
    /// Too big, whatever the time; names the capacity.
    Never(u64),
}
use Want::{Never, No, Yes};

/// So many units per second, and what they get at `(milliseconds since the call before, cost)`.
struct Row {
    test: &'static str,
    per_second: u32,
    steps: &'static [(u64, u64, Want)],
}

const ROWS: &[Row] = &[
    Row {
        test: "direct.rs :: rejects_too_many",
        per_second: 2,
        steps: &[(0, 1, Yes), (1, 1, Yes), (1, 1, No), (1_000, 1, Yes), (1, 1, Yes), (1, 1, No)],
    },
    Row {
        // A regression upstream, #107 and #249: idling longer than a period must not earn a sixth cell.
        test: "direct.rs :: does_not_allow_one_extra_cell_after_longer_interval",
        per_second: 5,
        steps: &[
            (0, 1, Yes),
            (0, 1, Yes),
            (0, 1, Yes),
            (0, 1, Yes),
            (0, 1, Yes),
            (0, 1, No),
            (2_000, 1, Yes),
            (0, 1, Yes),
            (0, 1, Yes),
            (0, 1, Yes),
            (0, 1, Yes),
            (0, 1, No),
        ],
    },
    Row {
        test: "direct.rs :: never_allows_more_than_capacity_all",
        per_second: 4,
        steps: &[(0, 2, Yes), (0, 2, Yes), (1, 2, No), (1_000, 2, Yes), (1, 2, Yes), (1, 2, No)],
    },
    Row {
        test: "direct.rs :: rejects_too_many_all",
        per_second: 5,
        steps: &[(0, 15, Never(5)), (3_000, 15, Never(5))],
    },
    Row {
        test: "direct.rs :: all_capacity_check_rejects_excess",
        per_second: 5,
        steps: &[(0, 15, Never(5)), (0, 7, Never(5)), (0, 6, Never(5)), (0, 5, Yes)],
    },
    Row {
        test: "direct.rs :: actual_threadsafety, its numbers on one thread",
        per_second: 20,
        steps: &[(0, 20, Yes), (2, 1, No), (998, 1, Yes)],
    },
];

fn per_second(units: u32) -> TokenBucket {
    TokenBucket::new(Quota::new(units, SECOND).unwrap(), Start::Full, Instant::ORIGIN)
}

#[test]
fn the_tables_hold() {
    for Row { test, per_second: rate, steps } in ROWS {
        // `all_1_identical_to_1`: asking for a batch of one is the same verb here, so the row is held by construction.
        let mut bucket = per_second(*rate);
        let mut millis = 0;
        for (step, (after, cost, want)) in steps.iter().enumerate() {
            millis += after;
            let got = bucket.allow(ms(millis), *cost);
            let as_wanted = match want {
                Yes => got == Ok(()),
                No => matches!(got, Err(Denied::Until(_))),
                Never(max) => got == Err(Denied::Never { max: *max }),
            };
            assert!(as_wanted, "{test}, step {step}: {got:?}");
        }
    }
}

/// `direct.rs` :: `correct_wait_time`: 20 rounds of a millisecond; on a refusal, wait as long as was said: it passes.
#[test]
fn the_reported_wait_is_enough() {
    let mut bucket = per_second(5);
    let (mut now, mut conforming) = (Instant::ORIGIN, 0);
    for _ in 0..20 {
        now = now.saturating_add(Duration::from_millis(1));
        if let Err(denied) = bucket.allow(now, 1) {
            let Denied::Until(at) = denied else { panic!("{denied:?}") };
            now = at;
            assert_eq!(bucket.allow(now, 1), Ok(()));
        }
        conforming += 1;
    }
    assert_eq!(conforming, 20);
}

/// `direct.rs` :: `stresstest_large_quotas`: two million checks against 1 000 000 001 a second; held although a unit
/// accrues faster than the clock ticks.
#[test]
fn a_large_quota_is_never_refused() {
    let mut bucket = per_second(1_000_000_001);
    for _ in 0..2_000_000 {
        assert_eq!(bucket.allow(Instant::ORIGIN, 1), Ok(()));
    }
    assert_eq!(bucket.available(Instant::ORIGIN), 1_000_000_001 - 2_000_000);
}

/// `middleware.rs` :: `state_information` (4 a second) and `state_snapshot_tracks_quota_accurately` (one per 90 ms,
/// burst 2, then 120 s of rest).
#[test]
fn what_remains_is_counted_down() {
    let mut four = per_second(4);
    for remaining in [3, 2, 1, 0] {
        assert_eq!(four.allow(Instant::ORIGIN, 1), Ok(()));
        assert_eq!(four.available(Instant::ORIGIN), remaining);
    }
    assert!(four.allow(Instant::ORIGIN, 1).is_err());

    let quota = Quota::every(Duration::from_millis(90)).unwrap().with_burst(2).unwrap();
    let mut two = TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
    for now in [ms(0), ms(120_000)] {
        for remaining in [1, 0] {
            assert_eq!(two.allow(now, 1), Ok(()));
            assert_eq!(two.available(now), remaining);
        }
        assert_eq!(two.allow(now, 1), Err(Denied::Until(now.saturating_add(Duration::from_millis(90)))));
    }
}

/// `future.rs` :: `pauses`, `pauses_n`, `errors_on_exceeded_capacity`: 10 a second.
#[test]
fn a_wait_is_as_long_as_it_takes() {
    let mut bucket = per_second(10);
    bucket.allow(Instant::ORIGIN, 10).unwrap();
    assert_eq!(bucket.earliest(Instant::ORIGIN, 1), Ok(ms(100)));

    let mut bucket = per_second(10);
    bucket.allow(Instant::ORIGIN, 6).unwrap();
    assert_eq!(bucket.earliest(Instant::ORIGIN, 5), Ok(ms(100)));
    assert_eq!(bucket.reserve(Instant::ORIGIN, 5, Duration::MAX).unwrap().at(), ms(100));
    assert_eq!(bucket.earliest(Instant::ORIGIN, 11), Err(Denied::Never { max: 10 }));
}

/// `gcra.rs` :: `roundtrips_quota`: 1 to 9999 a second, and there and back through a bucket.
#[test]
fn a_quota_survives_the_round_trip() {
    let mut numbers = Numbers(9);
    for _ in 0..2_000 {
        let (units, burst) = (numbers.draw_u32(1, 9_999), numbers.draw_u32(1, 9_999));
        let quota = Quota::new_with_burst(units, SECOND, burst).unwrap();
        assert_eq!((quota.units(), quota.per(), quota.burst()), (units, SECOND, burst));
        let back = TokenBucket::new(quota, Start::Full, Instant::ORIGIN).quota();
        assert_eq!(back, quota, "{units} a second, burst {burst}");
        assert_eq!(back.burst(), burst);
    }
}

/// Measured, not tested upstream: `per_hour(1)` with a burst of 2^32 - 1 grants 975 202 there, because a product wraps.
/// Here the constructor says no, and names the largest burst that is exact.
#[test]
fn a_burst_that_cannot_be_exact_is_rejected() {
    let hourly = Quota::new(1, Duration::from_hours(1)).unwrap();
    let Err(QuotaError::TooLarge { burst: u32::MAX, max_burst }) = hourly.with_burst(u32::MAX) else {
        panic!("2^32 - 1 hours of refill do not fit")
    };
    assert!(u64::from(max_burst) > 975_202, "or else the peer grants more than this one could");

    let mut bucket = TokenBucket::new(hourly.with_burst(max_burst).unwrap(), Start::Full, Instant::ORIGIN);
    assert_eq!(bucket.allow(Instant::ORIGIN, max_burst.into()), Ok(()));
    assert!(bucket.allow(Instant::ORIGIN, 1).is_err());
}

/// Measured, not tested upstream: one per 30 days with a burst of 10 000 grants 2 883 there.
#[test]
fn ten_thousand_months_of_burst_are_exact() {
    let month = Duration::from_days(30);
    let quota = Quota::new_with_burst(1, month, 10_000).unwrap();
    let mut bucket = TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
    let granted = (0..20_000).take_while(|_| bucket.allow(Instant::ORIGIN, 1).is_ok()).count();
    assert_eq!(granted, 10_000);
    assert_eq!(bucket.earliest(Instant::ORIGIN, 1), Ok(Instant::ORIGIN.saturating_add(month)));
    // And after ten thousand months of idling it is full again, to the microsecond.
    let full = Instant::ORIGIN.saturating_add(month.saturating_mul(10_000));
    assert_eq!(bucket.earliest(Instant::ORIGIN, 10_000), Ok(full));
    assert_eq!(bucket.available(full.saturating_sub(Duration::from_micros(1))), 9_999);
    assert_eq!(bucket.available(full), 10_000);
}
