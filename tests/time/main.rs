//! Time against 128-bit arithmetic: every tick rate, every stamp, every wrap.

use proptest::prelude::*;
use tollgate::{Clock, Duration, Instant, ManualClock, TickRate, Wrapping32};

/// Rates that boards have, and any other.
fn hz() -> impl Strategy<Value = u32> {
    prop_oneof![
        prop::sample::select(vec![1, 7, 50, 1_000, 32_768, 1_000_000, 12_500_000, 16_000_000, 1_000_000_000, u32::MAX]),
        1..=u32::MAX,
    ]
}

fn saturated(micros: u128) -> u64 {
    u64::try_from(micros).unwrap_or(u64::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ticks_to_micros_is_the_exact_floor(ticks in any::<u64>(), shift in 0_u32..64, hz in hz()) {
        let (ticks, rate) = (ticks >> shift, TickRate::hz(hz).unwrap());
        let exact = saturated(u128::from(ticks) * 1_000_000 / u128::from(hz));
        prop_assert_eq!(Instant::from_ticks(ticks, rate).as_micros(), exact);
        prop_assert_eq!(Duration::from_ticks(ticks, rate).as_micros(), exact);
    }

    #[test]
    fn micros_to_ticks_is_the_exact_ceiling(micros in any::<u64>(), shift in 0_u32..64, hz in hz()) {
        let (micros, rate) = (micros >> shift, TickRate::hz(hz).unwrap());
        let exact = saturated((u128::from(micros) * u128::from(hz)).div_ceil(1_000_000));
        prop_assert_eq!(Instant::from_micros(micros).to_ticks_ceil(rate), exact);
        prop_assert_eq!(Duration::from_micros(micros).to_ticks_ceil(rate), exact);
    }

    #[test]
    fn a_later_tick_is_never_an_earlier_instant(ticks in any::<u64>(), step in any::<u32>(), hz in hz()) {
        let rate = TickRate::hz(hz).unwrap();
        prop_assert!(Instant::from_ticks(ticks, rate) <= Instant::from_ticks(ticks.saturating_add(step.into()), rate));
    }

    #[test]
    fn arithmetic_saturates_and_never_panics(a in any::<u64>(), b in any::<u64>()) {
        let (at, by) = (Instant::from_micros(a), Duration::from_micros(b));
        prop_assert_eq!(at.saturating_add(by).as_micros(), a.saturating_add(b));
        prop_assert_eq!(at.saturating_sub(by).as_micros(), a.saturating_sub(b));
        prop_assert_eq!(at.checked_since(Instant::from_micros(b)).map(Duration::as_micros), a.checked_sub(b));
        prop_assert_eq!(Duration::from_days(a).as_micros(), a.saturating_mul(86_400_000_000));
        prop_assert_eq!(by.to_secs_ceil(), b.div_ceil(1_000_000));
    }

    #[test]
    fn a_wrapping_counter_follows_the_true_one(
        start in any::<u32>(),
        steps in prop::collection::vec(prop_oneof![0_u64..5, 0_u64..1 << 31], 1..200),
    ) {
        let mut truth = u64::from(start);
        let mut counter = Wrapping32::starting_at(truth);
        for step in steps {
            truth += step;
            let shown = u32::try_from(truth & 0xFFFF_FFFF).unwrap();
            prop_assert_eq!(counter.extend(shown), truth);
            // A reading that was taken a little earlier belongs a little earlier, and moves nothing.
            prop_assert_eq!(counter.extend(shown.wrapping_sub(3)), truth.saturating_sub(3));
        }
    }
}

/// 49.7 days of milliseconds in 32 bits: published peers stop granting here.
#[test]
fn a_wrapping_millisecond_tick_never_locks_out() {
    use tollgate::{Limiter, Quota, Start, TokenBucket};
    let mut millis = Wrapping32::starting_at(u64::from(u32::MAX) - 2_500);
    let start = Instant::from_millis(u64::from(u32::MAX) - 2_500);
    let mut bucket = TokenBucket::new(Quota::every(Duration::from_secs(1)).unwrap(), Start::Empty, start);
    let mut granted = 0;
    let mut shown = u32::MAX - 2_500;
    for _ in 0..10_000 {
        shown = shown.wrapping_add(1);
        let now = Instant::from_ticks(millis.extend(shown), TickRate::KHZ_1);
        granted += u32::from(bucket.allow(now, 1).is_ok());
    }
    assert_eq!(granted, 10);
}

#[test]
fn a_manual_clock_moves_only_when_told() {
    let clock = ManualClock::new(Instant::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(Clock::now(&&clock), Instant::MAX);
    clock.set(Instant::ORIGIN);
    assert_eq!(clock.now(), Instant::ORIGIN);
}

#[test]
fn seconds_are_written_with_six_decimals() {
    assert_eq!(Duration::from_micros(12_000_345).to_string(), "12.000345 s");
    assert_eq!(format!("{:?}", Instant::MAX), "18446744073709.551615 s");
}

/// The figures of the README's table.
#[test]
fn limiters_are_as_small_as_the_readme_says() {
    use core::mem::size_of;
    use tollgate::{Aimd, Backoff, Breaker, Slots, TokenBucket, WindowLog, WindowSlices};
    assert_eq!(size_of::<TokenBucket>(), 48);
    assert_eq!(size_of::<WindowLog<64>>() - size_of::<WindowLog<0>>(), 64 * 16);
    assert_eq!((size_of::<WindowLog<0>>(), size_of::<Slots<0>>()), (96, 40));
    assert_eq!((size_of::<WindowSlices<60>>(), size_of::<WindowSlices<12>>()), (376, 136 + 12 * 4));
    assert_eq!(size_of::<Slots<8>>() - size_of::<Slots<0>>(), 8 * 32);
    assert_eq!((size_of::<Backoff>(), size_of::<Breaker>(), size_of::<Aimd>()), (88, 144, 48));
}
