//! backon: Xuanwo/backon @ db212c0, `backon/src/backoff/{exponential,fibonacci,constant}.rs`.
//!
//! Its largest numbers are scaled: a factor of 10^10 is 4 000 000 here (a permille in a u32), 10^19 seconds are 10^19
//! microseconds. What differs: it jitters after the cap (119.99 s measured with a max of 60 s; its pull request 240) and
//! its Fibonacci overshoots the cap (its 231); here every delay is at most the max, after jitter.

use core::num::NonZeroU32;

use tollgate::{Backoff, Duration, Entropy, GiveUp, Growth, Instant, Jitter, Policy, PolicyError};

use crate::{Numbers, us};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn times(permille: u32) -> Growth {
    Growth::Exponential { permille: NonZeroU32::new(permille).unwrap() }
}

fn policy(base: Duration, max: Duration, growth: Growth) -> Policy {
    Policy::new(base, max).unwrap().with_growth(growth).unwrap()
}

/// The delays in milliseconds, each slept through, until it gives up or `most` are out.
fn delays(policy: Policy, most: usize) -> (Vec<u64>, Option<GiveUp>) {
    let (mut now, mut out) = (Instant::ORIGIN, Vec::new());
    let mut backoff = Backoff::new(policy, now);
    while out.len() < most {
        match backoff.next(now, 0) {
            Ok(delay) => {
                now = now.saturating_add(delay);
                out.push(delay.as_micros() / 1_000);
            }
            Err(why) => return (out, Some(why)),
        }
    }
    (out, None)
}

#[test]
fn the_delays_without_jitter_are_theirs() {
    let half = Duration::from_millis(500);
    let two = Duration::from_secs(2);
    let three = |policy: Policy| policy.with_retries(3);
    for (test, policy, want, end) in [
        ("defaults", three(policy(SECOND, MINUTE, times(2_000))), &[1_000, 2_000, 4_000][..], Some(GiveUp::Retries)),
        ("factor 1.5", three(policy(SECOND, MINUTE, times(1_500))), &[1_000, 1_500, 2_250], Some(GiveUp::Retries)),
        ("min 0.5 s", three(policy(half, MINUTE, times(2_000))), &[500, 1_000, 2_000], Some(GiveUp::Retries)),
        ("max 2 s", three(policy(SECOND, two, times(2_000))), &[1_000, 2_000, 2_000], Some(GiveUp::Retries)),
        (
            "total 3 s, factor 1",
            policy(SECOND, MINUTE, times(1_000)).with_deadline(Duration::from_secs(3)),
            &[1_000, 1_000, 1_000],
            Some(GiveUp::Deadline),
        ),
        ("fibonacci", policy(SECOND, MINUTE, Growth::Fibonacci), &[1_000, 1_000, 2_000, 3_000, 5_000, 8_000], None),
        ("fibonacci, max 2 s", policy(SECOND, two, Growth::Fibonacci), &[1_000, 1_000, 2_000, 2_000], None),
        ("fibonacci, min 0.5 s", policy(half, MINUTE, Growth::Fibonacci), &[500, 500, 1_000], None),
        ("constant", three(policy(SECOND, MINUTE, Growth::Constant)), &[1_000; 3], Some(GiveUp::Retries)),
    ] {
        let most = want.len() + usize::from(end.is_some());
        assert_eq!(delays(policy, most), (want.to_vec(), end), "{test}");
    }
}

#[test]
fn what_overflows_saturates() {
    let (factor, max) = (times(4_000_000_000), Duration::MAX);
    let mut backoff = Backoff::new(policy(SECOND, max, factor).with_retries(4), Instant::ORIGIN);
    for want in [1_000_000, 4_000_000_000_000, 16_000_000_000_000_000_000, u64::MAX] {
        assert_eq!(backoff.next(Instant::ORIGIN, 0), Ok(Duration::from_micros(want)));
    }
    assert_eq!(backoff.next(Instant::ORIGIN, 0), Err(GiveUp::Retries));

    let (ten, sixty) = (Duration::from_secs(10_000_000_000), Duration::from_secs(60_000_000_000));
    let mut backoff = Backoff::new(policy(ten, sixty, factor), Instant::ORIGIN);
    for want in [ten, sixty, sixty] {
        assert_eq!(backoff.next(Instant::ORIGIN, 0), Ok(want));
    }

    let large = Duration::from_micros(10_000_000_000_000_000_000);
    let mut backoff = Backoff::new(policy(large, max, Growth::Fibonacci), Instant::ORIGIN);
    for want in [large, large, max, max] {
        assert_eq!(backoff.next(Instant::ORIGIN, 0), Ok(want));
    }
}

#[test]
fn ten_thousand_retries_are_as_good_as_ten() {
    for growth in [times(2_000), Growth::Fibonacci, Growth::Constant] {
        let mut backoff = Backoff::new(policy(SECOND, Duration::MAX, growth), Instant::ORIGIN);
        for _ in 0..10_000 {
            backoff.next(Instant::ORIGIN, 0).unwrap();
        }
        assert_eq!(backoff.retried(), 10_000);
        let last = if growth == Growth::Constant { SECOND } else { Duration::MAX };
        assert_eq!(backoff.next(Instant::ORIGIN, 0), Ok(last));
    }
}

/// Each jittered delay lies in `[d, 2d)` there; here in `[d, 2d]`, the upper end with the entropy's last value alone.
#[test]
fn jitter_adds_up_to_the_delay_again() {
    let jittered = policy(SECOND, Duration::MAX, times(2_000)).with_jitter(Jitter::PlusPermille(1_000)).unwrap();
    let mut entropy = Entropy::of_device(7).at_boot(1);
    let mut seen = [false; 2];
    for _ in 0..200 {
        let mut backoff = Backoff::new(jittered, Instant::ORIGIN);
        for nominal in [1_000_000, 2_000_000, 4_000_000, 8_000_000] {
            let delay = backoff.next(Instant::ORIGIN, entropy.next()).unwrap().as_micros();
            assert!((nominal..=2 * nominal).contains(&delay), "{delay} of {nominal}");
            seen[usize::from(delay > nominal * 3 / 2)] = true;
        }
    }
    assert_eq!(seen, [true, true], "both halves are used");
}

#[test]
fn no_delay_exceeds_the_max() {
    let four = Duration::from_secs(4);
    // 1, 1, 2, 3, 5, 5, 5 there.
    let (fibonacci, _) = delays(policy(SECOND, four, Growth::Fibonacci), 7);
    assert_eq!(fibonacci, [1_000, 1_000, 2_000, 3_000, 4_000, 4_000, 4_000]);

    let mut numbers = Numbers(4);
    for growth in [times(2_000), times(1_001), times(u32::MAX), Growth::Fibonacci, Growth::Constant] {
        for jitter in [
            Jitter::None,
            Jitter::Full,
            Jitter::Equal,
            Jitter::Decorrelated,
            Jitter::PlusPermille(1_000),
            Jitter::PlusPermille(u16::MAX),
            Jitter::TimesRange { from: 500, to: 1_500 },
        ] {
            let jittered = policy(SECOND, MINUTE, growth).with_jitter(jitter).unwrap();
            let mut backoff = Backoff::new(jittered, Instant::ORIGIN);
            for retry in 0..100 {
                let entropy = if retry % 2 == 0 { u32::MAX } else { numbers.draw_u32(0, u32::MAX) };
                let delay = backoff.next(us(retry), entropy).unwrap();
                assert!(delay <= MINUTE, "{growth:?}, {jitter:?}: {delay}");
            }
        }
    }
}

/// A min of 10 s with a max of 5 s is 10, 5, 5 there.
#[test]
fn a_min_above_the_max_is_rejected() {
    let (base, max) = (Duration::from_secs(10), Duration::from_secs(5));
    assert_eq!(Policy::new(base, max), Err(PolicyError::BaseAboveMax { base, max }));
}
