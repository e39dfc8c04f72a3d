//! governor @ 9f3a79d : `governor/tests/proptests.rs` :: `accurate_not_until`, for every limiter that answers `Until`.
//!
//! The best single property of any limiter: drain it, take what one interval gives back, again and again; then at every
//! fraction of the reported wait the answer is no, and at the very instant that was reported it is yes.

use tollgate::{
    Book, Denied, Duration, History, Instant, Limiter, Quota, Start, TokenBucket, WhenFull, Window, WindowLog,
    WindowSlices,
};

use crate::Numbers;

/// The refusal at `now` names an instant; asked at each of `parts` fractions on the way it is refused with the same
/// answer, as it is one microsecond before, and there it passes.
fn the_reported_instant_is_exact(limiter: &mut impl Book, now: Instant, cost: u64, parts: u64, what: &str) -> Instant {
    let Err(Denied::Until(at)) = limiter.allow(now, cost) else { panic!("{what}: not refused at {now}") };
    let wait = at.saturating_since(now).as_micros();
    for part in 1..=parts {
        let asked = Instant::from_micros(now.as_micros() + wait / (parts + 1) * part);
        assert_eq!(limiter.allow(asked, cost), Err(Denied::Until(at)), "{what}: asked at {asked}");
    }
    let eve = at.saturating_sub(Duration::from_micros(1));
    assert_eq!(limiter.allow(eve, cost), Err(Denied::Until(at)), "{what}: the microsecond before {at}");
    assert_eq!(limiter.allow(at, cost), Ok(()), "{what}: at {at}");
    at
}

/// The peer's ranges: 1 to 9999 a second, as many extra intervals, as many parts (of which we look at fewer: each costs
/// the same, and the microsecond before the end is the one that matters).
#[test]
fn a_bucket_says_exactly_when() {
    let mut numbers = Numbers(1);
    for case in 0..400 {
        let capacity = numbers.draw_u32(1, 9_999);
        let extra = numbers.draw(1, 200);
        let parts = numbers.draw(1, 40);
        let quota = Quota::new(capacity, Duration::from_secs(1)).unwrap();
        let mut bucket = TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
        let mut now = Instant::ORIGIN;
        while bucket.allow(now, 1).is_ok() {}
        for _ in 0..extra {
            let Ok(next) = bucket.earliest(now, 1) else { panic!("one unit is never too much") };
            now = next;
            assert_eq!(bucket.allow(now, 1), Ok(()));
        }
        the_reported_instant_is_exact(&mut bucket, now, 1, parts, &format!("case {case}: {capacity} a second"));
    }
}

/// The same for costs above one, odd periods, and instants that are nobody's multiple.
#[test]
fn a_bucket_says_exactly_when_for_any_cost() {
    let mut numbers = Numbers(2);
    for case in 0..400 {
        let (units, burst) = (numbers.draw_u32(1, 300_007), numbers.draw_u32(1, 5_000));
        let per = Duration::from_micros(numbers.draw(1, 90_000_000));
        let quota = Quota::new_with_burst(units, per, burst).unwrap();
        let mut now = Instant::from_micros(numbers.draw(0, 1 << 40));
        let mut bucket = TokenBucket::new(quota, Start::Empty, now);
        for _ in 0..20 {
            let cost = numbers.draw(1, burst.into());
            if cost > bucket.available(now) {
                let what = format!("case {case}: {units} per {per}, burst {burst}, cost {cost}");
                now = the_reported_instant_is_exact(&mut bucket, now, cost, 5, &what);
            }
            now = now.saturating_add(Duration::from_micros(numbers.draw(0, 2 * per.as_micros() / u64::from(units))));
        }
    }
}

/// Random grants with random gaps, and the property at every refusal.
fn a_window_says_exactly_when(limiter: &mut impl Book, limit: u32, length: Duration, seed: u64, what: &str) {
    let mut numbers = Numbers(seed);
    let (mut now, mut refusals) = (Instant::ORIGIN, 0);
    for _ in 0..400 {
        now = now.saturating_add(Duration::from_micros(numbers.draw(0, length.as_micros() / 7)));
        let cost = numbers.draw(1, u64::from(limit).div_ceil(3));
        if cost <= limiter.available(now) {
            assert_eq!(limiter.allow(now, cost), Ok(()), "{what}: {cost} at {now}");
        } else {
            now = the_reported_instant_is_exact(limiter, now, cost, 5, what);
            refusals += 1;
        }
    }
    assert!(refusals > 50, "{what}: {refusals} refusals prove little");
}

#[test]
fn a_window_log_says_exactly_when() {
    for seed in 0..20 {
        for (limit, micros) in [(10, 2_000_000), (97, 60_000_000), (1, 7_919), (36_000_000, 3_600_000_000)] {
            let length = Duration::from_micros(micros);
            let window = Window::new(limit, length).unwrap();
            for when_full in [WhenFull::Refuse, WhenFull::Merge] {
                let what = format!("{limit} per {length}, {when_full:?}, seed {seed}");
                let mut roomy = WindowLog::<400>::new(window, when_full, History::Empty, Instant::ORIGIN);
                a_window_says_exactly_when(&mut roomy, limit, length, seed, &what);
            }
            // Four entries only: what is refused for want of storage is promised as exactly.
            let mut narrow = WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, Instant::ORIGIN);
            let mut merging = WindowLog::<4>::new(window, WhenFull::Merge, History::Empty, Instant::ORIGIN);
            a_window_says_exactly_when(&mut narrow, limit, length, seed, "four entries, refuse");
            a_window_says_exactly_when(&mut merging, limit, length, seed, "four entries, merge");
        }
    }
}

#[test]
fn window_slices_say_exactly_when() {
    fn slices<const B: usize>(limit: u32, micros: u64, seed: u64) {
        let length = Duration::from_micros(micros);
        let window = Window::new(limit, length).unwrap();
        let mut slices = WindowSlices::<B>::new(window, History::Empty, Instant::ORIGIN).unwrap();
        a_window_says_exactly_when(&mut slices, limit, length, seed, &format!("{limit} per {length}, B = {B}"));
    }
    for seed in 0..20 {
        for (limit, micros) in [(10, 2_000_040), (97, 60_000_000), (1, 7_920), (36_000_000, 3_600_000_000)] {
            slices::<1>(limit, micros, seed);
            slices::<2>(limit, micros, seed);
            slices::<6>(limit, micros, seed);
            slices::<12>(limit, micros, seed);
            slices::<60>(limit, micros, seed);
        }
    }
}
