//! Exactness over a simulated year: not one unit too many, not one too few.
//!
//! A year has 31 536 000 000 000 microseconds, too many to step through; so the year is crossed in jumps that the burst
//! can hold, and in dense runs at its start, at its end, and where 32-bit counters of microseconds and of milliseconds
//! wrap.

use tollgate::{Denied, Duration, Limiter, Quota, Start, TokenBucket};

use crate::bookings::Dice;
use crate::model::us;

const YEAR: u64 = 365 * 86_400 * 1_000_000;
const SECOND: u64 = 1_000_000;

/// Units and period.
const RATES: [(u32, u64); 16] = [
    (7, SECOND),
    (300_007, SECOND),
    (7, 60 * SECOND),
    (1, 60 * SECOND),
    (10, 60 * SECOND),
    (1, 3_600 * SECOND),
    (5, 3_600 * SECOND),
    (1, 86_400 * SECOND),
    (13, 86_400 * SECOND),
    (333, SECOND),
    (1_000_003, SECOND),
    (1, 30 * 86_400 * SECOND),
    (60, 60 * SECOND),
    (1_000_000_001, SECOND),
    (3, 7),
    (14_500, 60 * SECOND),
];

fn accrued(units: u32, per: u64, span: u64) -> u64 {
    u64::try_from(u128::from(span) * u128::from(units) / u128::from(per)).expect("a year's units fit")
}

/// The burst that holds what accrues in `gap`.
fn burst_for(units: u32, per: u64, gap: u64) -> Option<u32> {
    let held = (u128::from(gap) * u128::from(units)).div_ceil(u128::from(per)) + 1;
    u32::try_from(held).ok()
}

fn bucket(units: u32, per: u64, burst: u32) -> Option<TokenBucket> {
    let quota = Quota::new_with_burst(units, Duration::from_micros(per), burst).ok()?;
    Some(TokenBucket::new(quota, Start::Full, us(0)))
}

/// Takes everything at every stamp; the sum must be exact at each of them.
fn greedy(bucket: &mut TokenBucket, (units, per): (u32, u64), stamps: impl Iterator<Item = u64>, what: &str) {
    let burst = u64::from(bucket.quota().burst());
    let (mut first, mut sum) = (None, 0);
    for stamp in stamps {
        let start = *first.get_or_insert(stamp);
        let room = bucket.available(us(stamp));
        if room > 0 {
            bucket.allow(us(stamp), room).expect("what is available is granted");
            sum += room;
        }
        assert!(bucket.allow(us(stamp), 1).is_err());
        let exact = burst + accrued(units, per, stamp - start);
        assert_eq!(sum, exact, "{units} in {per} us, {what}, at {stamp} us");
    }
}

#[test]
fn a_year_in_jumps_is_exact_to_the_unit() {
    for (units, per) in RATES {
        // As many polls as the rate allows for: the burst must hold what a jump brings, in 32 bits.
        let most = u128::from(u32::MAX / 2) * u128::from(per) / u128::from(units);
        let gap = u64::try_from(most).unwrap_or(YEAR).min(YEAR / 20_000).min((1 << 61) / u64::from(units));
        let burst = burst_for(units, per, gap).expect("the gap was chosen for it");
        let mut bucket = bucket(units, per, burst).expect("a burst below 2^32 at these rates");
        let mut dice = Dice(u64::from(units));
        let mut now = 0;
        let polls = (YEAR / gap).min(40_000) * 2;
        let stamps = (0..polls).map(|_| {
            now += dice.below(gap) + 1;
            now
        });
        greedy(&mut bucket, (units, per), stamps, "jumps");
    }
}

#[test]
fn dense_runs_are_exact_at_the_start_the_end_and_the_wraps() {
    let runs = [0, 1 << 32, (1 << 32) * 1_000, YEAR, 100 * YEAR];
    for (units, per) in RATES {
        for (cadence, polls) in [(1, 4_000), (1_000, 2_000), (997, 1_000)] {
            let Some(burst) = burst_for(units, per, cadence) else { continue };
            for middle in runs {
                let mut bucket = bucket(units, per, burst).expect("a burst for a millisecond fits");
                let start = middle - (cadence * polls / 2).min(middle);
                let stamps = (0..polls).map(|poll| start + poll * cadence);
                greedy(&mut bucket, (units, per), stamps, &format!("every {cadence} us"));
            }
        }
    }
}

/// From a refusal to the instant it names, and on: grant k is at `ceil(k x cost x per / units)`, to the microsecond.
/// The burst holds besides the cost what accrues in the microsecond that an instant is rounded up by.
#[test]
fn hopping_from_until_to_until_is_never_early_and_never_late() {
    for (units, per) in RATES {
        for hops in [20_000, 100] {
            // A cost that takes the year in so many hops, if the bucket can hold it.
            let spare = u64::from(units).div_ceil(per);
            let most = ((1 << 62) / per).min(u64::from(u32::MAX)) - spare;
            let cost = (accrued(units, per, YEAR) / hops).clamp(1, most);
            let burst = u32::try_from(cost + spare).expect("clamped");
            let mut bucket = bucket(units, per, burst).expect("burst x period is at most 2^62");
            bucket.allow(us(0), u64::from(burst)).expect("full");
            let mut now = 0;
            for hop in 1..=u128::from(hops) {
                let Err(Denied::Until(until)) = bucket.allow(us(now), cost) else { panic!("granted early, at {now}") };
                let exact = (hop * u128::from(cost) * u128::from(per)).div_ceil(u128::from(units));
                assert_eq!(u128::from(until.as_micros()), exact, "{units} in {per} us, hop {hop} of {cost} units");
                assert!(bucket.allow(us(until.as_micros() - 1), cost).is_err());
                bucket.allow(until, cost).expect("as it said");
                now = until.as_micros();
            }
        }
    }
}

#[test]
fn polling_more_often_than_a_burst_of_one_holds_discards_only_what_it_cannot_hold() {
    let mut bucket = bucket(300_007, SECOND, 1).expect("a small burst");
    let granted = (0..=SECOND).filter(|&now| bucket.allow(us(now), 1).is_ok()).count();
    assert_eq!(granted, 250_001, "one in four microseconds, both ends included");
}

#[test]
fn rates_that_cannot_be_exact_are_rejected() {
    let hour = Duration::from_hours(1);
    assert!(Quota::new_with_burst(1, hour, u32::MAX).is_err(), "4 294 967 295 hours are beyond 2^62 us");
    let month = Quota::new_with_burst(1, Duration::from_days(30), 10_000).expect("10 000 months fit");
    let mut bucket = TokenBucket::new(month, Start::Full, us(0));
    bucket.allow(us(0), 10_000).expect("all of the burst");
    assert_eq!(bucket.allow(us(0), 1), Err(Denied::Until(us(30 * 86_400 * SECOND))));
}
