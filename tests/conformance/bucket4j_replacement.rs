//! Bucket4j @ 731354a7 : `ConfigurationReplacementSpecification`: a quota changed while the bucket runs. Its nanoseconds
//! are microseconds here.
//!
//! All four of its strategies, and our fifth. Not our model: a change to "intervally" refill (two rows), because our
//! buckets accrue continuously. Its identifiers of bandwidths are the caller's variables here: a bandwidth whose
//! identifier matches is `set_quota`, one that does not is a new bucket.

use tollgate::{Denied, Duration, Inherit, Instant, Limiter, Quota, TokenBucket, reserve_all};

use crate::{bucket, us};

fn quota(units: u32, micros: u64) -> Quota {
    Quota::new(units, Duration::from_micros(micros)).unwrap()
}

/// 3 per 5, empty at 0, at 3: 1.8 units. Then 60 per 1000.
#[test]
fn what_a_bucket_keeps_of_its_level() {
    for (inherit, expected) in [
        (Inherit::Reset, &[(0, 60)][..]),
        (Inherit::AsIs, &[(0, 1), (3, 1), (4, 2)]),        // 1.8, then 2.04
        (Inherit::Additive, &[(0, 58), (3, 58), (4, 59)]), // 58.8, then 59.04
        (Inherit::Proportional, &[(0, 36), (4, 36), (16, 36), (17, 37)]), // 1.8 of 3 is 36 of 60; then 37.02
        (Inherit::KeepUsed, &[(0, 1), (3, 1), (4, 2)]),    // never rises: as it is
    ] {
        let mut bucket = bucket(3, 3, Duration::from_micros(5), 0);
        bucket.set_quota(us(3), quota(60, 1_000), inherit);
        for (after, available) in expected {
            assert_eq!(bucket.available(us(3 + after)), *available, "{inherit:?}, {after} later");
        }
    }
}

/// (old, initial, new, available by strategy): a full bucket that shrinks is full, one that grows is not.
#[test]
fn a_burst_that_shrinks_or_grows() {
    for (old, initial, new, inherit, available) in [
        (500, 500, 200, Inherit::AsIs, 200),
        (500, 500, 200, Inherit::Additive, 200),
        (500, 500, 200, Inherit::Proportional, 200),
        (500, 500, 200, Inherit::KeepUsed, 200),
        (500, 200, 900, Inherit::Additive, 600),
        (500, 200, 900, Inherit::AsIs, 200),
        (500, 200, 900, Inherit::Proportional, 360),
        (500, 200, 900, Inherit::KeepUsed, 200),
        (500, 200, 900, Inherit::Reset, 900),
    ] {
        let mut bucket = bucket(old, old, Duration::from_secs(1), initial);
        let second = Quota::new(new, Duration::from_secs(1)).unwrap();
        bucket.set_quota(Instant::ORIGIN, second, inherit);
        assert_eq!(bucket.available(Instant::ORIGIN), available, "{initial} of {old} to {new}, {inherit:?}");
    }
}

/// A bandwidth without a predecessor starts fresh: 60. One with a predecessor keeps its level, and the least counts: x (3,
/// empty) and z (1000, one unit) become y (60) and z.
#[test]
fn bandwidths_that_stay_keep_their_level_and_new_ones_are_fresh() {
    let mut z = bucket(1_000, 1_000, Duration::from_micros(1_000), 1);
    let mut y = bucket(60, 60, Duration::from_micros(1_000), 60);
    z.set_quota(Instant::ORIGIN, quota(1_000, 1_000), Inherit::AsIs);
    assert_eq!((y.available(us(0)), z.available(us(0))), (60, 1));
    assert!(reserve_all(us(0), Duration::ZERO, [(&mut y, 2), (&mut z, 2)]).is_err());
    assert!(reserve_all(us(0), Duration::ZERO, [(&mut y, 1), (&mut z, 1)]).is_ok());
}

/// Ten million units forced into a bucket of 3 become 60 of 60, not more; here they were never more than 3.
#[test]
fn a_share_is_never_above_the_whole() {
    let mut bucket = bucket(3, 3, Duration::from_micros(5), 0);
    bucket.credit(us(0), 10_000_000);
    assert_eq!(bucket.available(us(0)), 3);
    bucket.set_quota(us(0), quota(60, 1_000), Inherit::Proportional);
    assert_eq!(bucket.available(us(0)), 60);
}

/// 6 per 8, empty, at 3: 2.25. Half of it, for 3 per 8, is 1 and 1/8; after forcing five, -2.75 becomes -2 and 5/8.
/// In thousands, so that an eighth shows in the instant at which the next unit comes.
#[test]
fn a_proportional_change_keeps_fractions_and_debts() {
    let after = |forced: u64| {
        let mut bucket = bucket(6, 6, Duration::from_micros(8_000), 0);
        let held = bucket.reserve(us(3_000), 0, Duration::ZERO).unwrap();
        bucket.commit(us(3_000), held, forced);
        bucket.set_quota(us(3_000), quota(3, 8_000), Inherit::Proportional);
        bucket
    };
    let unit = |bucket: &TokenBucket, n| bucket.earliest(us(3_000), n).map(|at| at.as_micros() - 3_000);
    assert_eq!(after(0).available(us(3_000)), 1);
    assert_eq!(unit(&after(0), 2), Ok((8_000_u64 * 7 / 8).div_ceil(3)), "7/8 of a unit is missing to 2");
    assert_eq!(after(5).available(us(3_000)), 0);
    assert_eq!(unit(&after(5), 1), Ok((8_000_u64 * 19 / 8).div_ceil(3)), "2 and 3/8 of a unit are missing to 1");
}

/// Our fifth, by its own rule: what is used of the old burst is used of the new one, a debt if that is more; and the level
/// never rises, so that a larger plan earns its units by time.
#[test]
fn keep_used_charges_the_new_burst_with_what_the_old_one_had_spent() {
    for (old, left, new, available, debt) in [
        (10, 4, 20, 4, 0), // 14 would have risen
        (10, 4, 10, 4, 0),
        (10, 4, 8, 2, 0), // 6 used of 8
        (10, 4, 6, 0, 0),
        (10, 4, 5, 0, 1),
        (10, 0, 5, 0, 5),
        (10, 10, 5, 5, 0),
    ] {
        let mut bucket = bucket(old, old, Duration::from_secs(1), left);
        let second = Quota::new(new, Duration::from_secs(1)).unwrap();
        bucket.set_quota(us(0), second, Inherit::KeepUsed);
        let what = format!("{left} of {old} to {new}");
        assert_eq!(bucket.available(us(0)), available, "{what}");
        if available == 0 {
            let unit = Denied::Until(us(((debt + 1) * 1_000_000_u64).div_ceil(new.into())));
            assert_eq!(bucket.allow(us(0), 1), Err(unit), "{what}: {debt} owed");
        }
    }
}

/// Neither `AsIs` nor `KeepUsed` adds a unit, over there and back: shrinking and growing again mints nothing.
#[test]
fn there_and_back_mints_nothing() {
    for inherit in [Inherit::AsIs, Inherit::Proportional, Inherit::KeepUsed] {
        for left in 0..=10 {
            let mut bucket = bucket(10, 10, Duration::from_secs(1), left);
            for units in [3, 7, 10] {
                bucket.set_quota(us(0), Quota::new(units, Duration::from_secs(1)).unwrap(), inherit);
            }
            assert!(bucket.available(us(0)) <= left.into(), "{left} left, {inherit:?}");
        }
    }
}
