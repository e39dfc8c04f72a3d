//! Rolling windows against the list of what was granted: never over, and never stricter than was said.
//!
//! `ref_rolling_window.csv` has three traces. The adversarial one can be recovered from its counts, and its rows are held:
//! a hundred tries at once at the end of a minute, then one each millisecond for two minutes. How the two random ones
//! were drawn cannot; in their place stand the inequalities that they were drawn to show, on traces of our own.

use std::collections::VecDeque;

use tollgate::{
    Book, Duration, History, Instant, Limiter, Quota, Start, TokenBucket, WhenFull, Window, WindowLog, WindowSlices,
};

use crate::golden_rows;

const LIMIT: u32 = 100;
const MINUTE: u64 = 60_000_000;
const PER_MINUTE: Window = tollgate::valid!(Window::new(LIMIT, Duration::from_micros(MINUTE)));

/// Everything that was granted, and nothing else: slow, and obviously right.
#[derive(Default)]
struct Granted(VecDeque<(u64, u64)>);

impl Granted {
    /// The units in `(now - length, now]`.
    fn within(&self, length: u64, now: u64) -> u64 {
        self.0.iter().filter(|(at, _)| *at + length > now && *at <= now).map(|(_, cost)| cost).sum()
    }

    /// The most units in any window of a minute that ends with a grant: no other holds more.
    fn worst_minute(&self) -> u64 {
        let (mut worst, mut sum, mut oldest) = (0, 0, 0);
        for (at, cost) in &self.0 {
            sum += cost;
            while self.0[oldest].0 + MINUTE <= *at {
                sum -= self.0[oldest].1;
                oldest += 1;
            }
            worst = worst.max(sum);
        }
        worst
    }
}

/// A trace is instants and costs, in order.
type Trace = Vec<(u64, u64)>;

fn adversarial() -> Trace {
    let minute = 59_999_000;
    let burst = core::iter::repeat_n((minute, 1), 100);
    burst.chain((1..=120_000).map(|millis| (minute + millis * 1_000, 1))).collect()
}

/// Bursts, silences of a slice, a window and more, and instants on either side of every kind of boundary.
fn random(seed: u64, steps: u64) -> Trace {
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut now = 0;
    let mut trace = Vec::new();
    for _ in 0..steps {
        now += match draw(40) {
            0 => MINUTE / [1, 2, 6, 12, 60][usize::try_from(draw(5)).unwrap()], // a slice
            1 => draw(2 * MINUTE),
            2 => (now / 1_000_000 + 1) * 1_000_000 - now - draw(2), // a second, or a microsecond before
            3..20 => 0,
            _ => draw(500_000),
        };
        trace.push((now, 1 + draw(4)));
    }
    trace
}

fn traces() -> Vec<(String, Trace)> {
    let random = (1..=6).map(|seed| (format!("random {seed}"), random(seed, 4_000)));
    let sparse = adversarial().into_iter().step_by(37).collect();
    random.chain([("adversarial, thinned out".to_owned(), sparse)]).collect()
}

/// Plays a trace; after every call, what the limiter says is in use lies between the two sums of the list.
/// `late` is how much longer than a minute a unit may stay.
fn play(limiter: &mut impl Book, trace: &Trace, late: u64, what: &str) -> Granted {
    let mut granted = Granted::default();
    for &(at, cost) in trace {
        let now = Instant::from_micros(at);
        let (least, most) = (granted.within(MINUTE, at), granted.within(MINUTE + late, at));
        let used = u64::from(LIMIT) - limiter.available(now);
        assert!(least <= used && used <= most, "{what} at {now}: {least} <= {used} <= {most}");
        let passes = limiter.allow(now, cost).is_ok();
        assert_eq!(passes, used + cost <= u64::from(LIMIT), "{what} at {now}: {cost} more than {used}");
        if passes {
            granted.0.push_back((at, cost));
        }
    }
    assert!(granted.worst_minute() <= u64::from(LIMIT), "{what}");
    granted
}

fn slices<const B: usize>() -> WindowSlices<B> {
    WindowSlices::new(PER_MINUTE, History::Empty, Instant::ORIGIN).unwrap()
}

#[test]
fn a_log_is_the_list_itself() {
    for (name, trace) in traces() {
        let mut log = WindowLog::<100>::new(PER_MINUTE, WhenFull::Refuse, History::Empty, Instant::ORIGIN);
        let granted = play(&mut log, &trace, 0, &format!("log, {name}"));
        assert_eq!(granted.worst_minute(), u64::from(LIMIT), "{name}: it was tried");
    }
}

/// With w = W/B: the sum of the slices is at least what an exact window of W holds, and at most what one of W + w holds.
#[test]
fn slices_lie_between_two_exact_windows() {
    fn hold<const B: usize>(name: &str, trace: &Trace) {
        let late = MINUTE / B as u64;
        play(&mut slices::<B>(), trace, late, &format!("B = {B}, {name}"));
    }
    for (name, trace) in traces() {
        hold::<1>(&name, &trace);
        hold::<2>(&name, &trace);
        hold::<6>(&name, &trace);
        hold::<12>(&name, &trace);
        hold::<60>(&name, &trace);
    }
}

/// More slices let more through, and the log the most: the price of constant memory, in one number each.
#[test]
fn more_slices_come_closer_to_the_exact_window() {
    let trace = random(7, 8_000);
    let admitted = |limiter: &mut dyn Book| -> u64 {
        let mut passes = |(at, cost): &(u64, u64)| limiter.allow(Instant::from_micros(*at), *cost).is_ok();
        trace.iter().filter(|try_| passes(try_)).map(|(_, cost)| cost).sum()
    };
    let mut log = WindowLog::<100>::new(PER_MINUTE, WhenFull::Refuse, History::Empty, Instant::ORIGIN);
    let sums = [
        admitted(&mut slices::<1>()),
        admitted(&mut slices::<2>()),
        admitted(&mut slices::<6>()),
        admitted(&mut slices::<12>()),
        admitted(&mut slices::<60>()),
        admitted(&mut log),
    ];
    assert!(sums.is_sorted(), "{sums:?}");
}

/// The rows of the adversarial trace: units admitted, and the most in any 60 s.
#[test]
fn the_adversarial_rows_are_held() {
    let trace = adversarial();
    let attack = |limiter: &mut dyn Book| {
        let mut granted = Granted::default();
        for (at, cost) in &trace {
            if limiter.allow(Instant::from_micros(*at), *cost).is_ok() {
                granted.0.push_back((*at, *cost));
            }
        }
        (granted.0.len() as u64, granted.worst_minute())
    };
    let half = Quota::new(LIMIT / 2, Duration::from_mins(1)).unwrap();
    let full = Quota::new(LIMIT, Duration::from_mins(1)).unwrap();
    let bucket = |quota| TokenBucket::new(quota, Start::Full, Instant::ORIGIN);
    let log = || WindowLog::<100>::new(PER_MINUTE, WhenFull::Refuse, History::Empty, Instant::ORIGIN);

    let mut held = 0;
    for row in golden_rows("ref_rolling_window.csv").iter().filter(|row| row[1] == "adversarial") {
        assert_eq!(row[2].parse(), Ok(trace.len()), "the trace has as many tries");
        let theirs: (u64, u64) = (row[4].parse().unwrap(), row[5].parse().unwrap());
        let ours = match row[0].as_str() {
            "exact_log" => attack(&mut log()),
            "conservative_B1" => attack(&mut slices::<1>()),
            "conservative_B2" => attack(&mut slices::<2>()),
            "conservative_B4" => attack(&mut slices::<4>()),
            "conservative_B6" => attack(&mut slices::<6>()),
            "conservative_B12" => attack(&mut slices::<12>()),
            "conservative_B60" => attack(&mut slices::<60>()),
            "token_bucket_cap_L" => attack(&mut bucket(full)),
            "token_bucket_cap_L/2_rate_L/2" => attack(&mut bucket(half)),
            // What lets more through than was said is not to be had here.
            "optimistic_B6" | "optimistic_B60" | "cloudflare_2counter" | "fixed_window" => {
                assert!(theirs.1 > u64::from(LIMIT), "{row:?}");
                continue;
            }
            other => panic!("unknown algorithm {other}"),
        };
        assert_eq!(ours, theirs, "{}", row[0]);
        held += 1;
    }
    assert_eq!(held, 9);
}
