//! limits: alisaifee/limits @ f7d1eef, its moving, sliding and fixed windows, 10 per 2 s; and Upstash: ratelimit-js @ 5b5448a,
//! `src/lua-scripts/single.ts`.
//!
//! The moving window is `WindowLog`. Not our model, because they let more through than was said: the fixed window (its
//! row of a cost above the limit is held), and the sliding counters of both, which interpolate between two periods; in
//! their place stands `WindowSlices`, which is never over.

use tollgate::{Book, Denied, Duration, History, Instant, Limiter, WhenFull, Window, WindowLog, WindowSlices};

use crate::ms;

const TWO_SECONDS: Window = tollgate::valid!(Window::new(10, Duration::from_secs(2)));

fn log() -> WindowLog<10> {
    WindowLog::new(TWO_SECONDS, WhenFull::Refuse, History::Empty, Instant::ORIGIN)
}

fn slices<const B: usize>(window: Window) -> WindowSlices<B> {
    WindowSlices::new(window, History::Empty, Instant::ORIGIN).unwrap()
}

/// A cost of 11 is refused, a cost of 5 leaves 5, and looking consumes nothing.
fn look_and_take(window: &mut impl Book) {
    let now = Instant::ORIGIN;
    assert_eq!(window.allow(now, 11), Err(Denied::Never { max: 10 }));
    assert_eq!(window.allow(now, 5), Ok(()));
    for _ in 0..3 {
        assert_eq!(window.available(now), 5);
        assert_eq!(window.earliest(now, 5), Ok(now));
        assert!(window.earliest(now, 6).is_ok_and(|at| at > now));
    }
    assert_eq!(window.allow(now, 5), Ok(()));
    assert!(window.allow(now, 1).is_err());
}

#[test]
fn a_look_consumes_nothing() {
    look_and_take(&mut log());
    look_and_take(&mut slices::<1>(TWO_SECONDS));
    look_and_take(&mut slices::<8>(TWO_SECONDS));
}

/// Five hits in the first 500 ms and five at 1.3 s later: the eleventh is refused until the first is two seconds old.
#[test]
fn a_moving_window_refuses_the_eleventh() {
    let mut log = log();
    for at in [0, 100, 200, 300, 400, 1_800, 1_800, 1_800, 1_800, 1_800] {
        assert_eq!(log.allow(ms(at), 1), Ok(()), "at {at}");
    }
    assert_eq!(log.allow(ms(1_800), 1), Err(Denied::Until(ms(2_000))));
    assert_eq!(log.allow(ms(1_999), 1), Err(Denied::Until(ms(2_000))));
    for at in [2_000, 2_100, 2_200, 2_300, 2_400] {
        assert_eq!(log.allow(ms(at), 1), Ok(()), "at {at}");
    }
    assert_eq!(log.allow(ms(2_400), 1), Err(Denied::Until(ms(3_800))));
}

/// A sliding counter with three old hits of five frees one every third of a period. Differs: an interpolated count can be
/// below the truth. In one slice and the running one, all count until two periods are over; then all are gone, as there.
#[test]
fn after_two_periods_everything_is_free() {
    let mut window = slices::<1>(Window::new(5, Duration::from_secs(2)).unwrap());
    window.allow(ms(0), 3).unwrap();
    for (at, free) in [(2_000, 2), (2_667, 2), (3_999, 2), (4_000, 5)] {
        assert_eq!(window.available(ms(at)), free, "at {at}");
    }
}

/// Upstash admits whatever the weight as long as one more would fit: five at 9 of 10 make 14. Differs.
#[test]
fn a_weight_is_counted_before_it_is_admitted() {
    let mut log = log();
    let (mut coarse, mut fine) = (slices::<1>(TWO_SECONDS), slices::<8>(TWO_SECONDS));
    for window in [&mut log as &mut dyn Book, &mut coarse, &mut fine] {
        assert_eq!(window.allow(ms(0), 9), Ok(()));
        assert!(matches!(window.allow(ms(1), 5), Err(Denied::Until(_))));
        assert_eq!(window.available(ms(1)), 1);
        assert_eq!(window.allow(ms(1), 1), Ok(()));
    }
}

/// Two hundred of a hundred across a boundary: what an interpolation passes and a fixed window passes, no slice does.
#[test]
fn a_boundary_is_no_loophole() {
    fn across<const B: usize>() -> (u64, Instant) {
        let mut window = slices::<B>(Window::new(100, Duration::from_secs(60)).unwrap());
        window.allow(ms(0), 1).unwrap(); // pins the slices to the minute
        window.allow(ms(59_999), 99).unwrap();
        (window.available(ms(60_001)), window.earliest(ms(60_001), 100).unwrap())
    }
    for (granted, earliest) in [across::<1>(), across::<6>(), across::<60>()] {
        assert!(granted <= 1, "99 are two milliseconds old");
        assert!(earliest >= ms(119_999));
    }
}
