//! Defects 5 to 11 and 48: a bucket that sleeps, spins, goes below zero, drifts, divides by zero and mints.

use serde_json::Value;
use tollgate::{
    Clocked, Denied, Duration, History, Instant, Limiter, ManualClock, Quota, QuotaError, Start, TokenBucket, WhenFull,
    Window, WindowLog,
};

use crate::{at, golden_json, millionths};

const SECOND: Duration = Duration::from_secs(1);

/// `capacity` tokens of which one comes back every `interval`, full at the origin.
fn bucket(capacity: u32, interval: Duration, now: Instant) -> TokenBucket {
    TokenBucket::new(Quota::new_with_burst(1, interval, capacity).unwrap(), Start::Full, now)
}

type Take = fn(&mut TokenBucket, Instant, u64) -> Result<(), Denied>;

/// At once, and booked for now and committed: two ways through the code to the same answer.
const BOTH_WAYS: [Take; 2] = [
    |bucket, now, cost| bucket.allow(now, cost),
    |bucket, now, cost| {
        let held = bucket.reserve(now, cost, Duration::ZERO)?;
        bucket.commit(now, held, cost);
        Ok(())
    },
];

/// One operation of a golden scenario: when, how much, for how long to wait, and what the document's code answered.
struct Op {
    /// Microseconds; before zero where the clock went back.
    t: i64,
    cost: i64,
    timeout: Option<u64>,
    result: Value,
    tokens_after: Value,
}

fn scenario(name: &str) -> Vec<Op> {
    let all = golden_json("g07_token_bucket_seed000.json");
    let rows = all[name].as_array().unwrap_or_else(|| panic!("no scenario {name}"));
    let read = |row: &Value| {
        let op = row["op"].as_array().unwrap();
        let t = row["t"].to_string();
        let micros = i64::try_from(millionths(t.trim_start_matches('-'))).unwrap();
        Op {
            t: if t.starts_with('-') { -micros } else { micros },
            cost: op[1].as_i64().unwrap(),
            timeout: op.get(2).and_then(Value::as_u64),
            result: row["result"].clone(),
            tokens_after: row["tokens_after"].clone(),
        }
    };
    rows.iter().map(read).collect()
}

/// Where the rows are right, call for call: what was granted is granted, and what is left is what was left.
fn agrees(name: &str, mut bucket: TokenBucket) {
    for op in scenario(name) {
        let now = Instant::from_micros(u64::try_from(op.t).unwrap());
        let granted = bucket.allow(now, u64::try_from(op.cost).unwrap()).is_ok();
        assert_eq!(Value::Bool(granted), op.result, "{name} at {now}");
        let left = millionths(&op.tokens_after.to_string()) / 1_000_000;
        assert_eq!(bucket.available(now), left, "{name} at {now}");
    }
}

#[test]
fn what_the_document_gets_right_comes_out_here() {
    agrees("cap60_rate1_burst", bucket(60, SECOND, at(0)));
    agrees("boundary_double", bucket(60, SECOND, at(0)));
}

/// `acquire(5)` slept five times one second, and `acquire(31, timeout=30)` gave up without saying how long it would be.
/// Nothing sleeps here: the wait is the answer, and patience is an argument.
#[test]
fn defect_05_a_refusal_says_how_long_and_nothing_sleeps() {
    let empty = || TokenBucket::new(Quota::new(60, Duration::from_mins(1)).unwrap(), Start::Empty, at(0));
    assert_eq!(empty().allow(at(0), 5), Err(Denied::Until(Instant::from_millis(5_000))));
    assert_eq!(empty().allow(at(0), 31), Err(Denied::Until(Instant::from_millis(31_000))));

    // The scenario itself: each row's `t` is when the call had returned, so asked at the row before. What waited there
    // is a booking here, for the same instant.
    let mut bucket = bucket(60, SECOND, at(0));
    let (mut asked, mut rows) = (at(0), 0);
    for op in scenario("cap60_rate1_acquire_blocks") {
        let returned = Instant::from_micros(u64::try_from(op.t).unwrap());
        let patience = Duration::from_secs(op.timeout.unwrap_or(0));
        let booked = bucket.reserve(asked, u64::try_from(op.cost).unwrap(), patience);
        match op.result {
            Value::Bool(true) => assert_eq!(booked.unwrap().at(), returned),
            // A second more than the patience, whoever asks.
            _ => assert_eq!(booked, Err(Denied::Until(returned.saturating_add(SECOND)))),
        }
        asked = returned;
        rows += 1;
    }
    assert_eq!(rows, 6);
}

/// `acquire(11)` of a capacity of 10 spun for its 30 s and then said no; without a timeout, for ever.
#[test]
fn defect_06_more_than_the_capacity_is_refused_at_once() {
    let [op] = scenario("request_above_capacity_times_out").try_into().unwrap_or_else(|_| panic!("one row"));
    assert_eq!((op.t, op.cost, op.result), (30_000_000, 11, Value::Bool(false)));
    let mut bucket = bucket(10, SECOND, at(0));
    assert_eq!(bucket.allow(at(0), 11), Err(Denied::Never { max: 10 }));
    assert_eq!(bucket.reserve(at(0), 11, Duration::MAX), Err(Denied::Never { max: 10 }));
    assert_eq!(bucket.available(at(0)), 10);
}

/// A clock 30 s back took 10 tokens to -20. Here they stay, and the call at -30 s is admitted.
#[test]
fn defect_07_a_clock_that_goes_back_takes_nothing() {
    const ORIGIN: i64 = 1_000_000_000;
    let stamp = |micros: i64| Instant::from_micros(u64::try_from(ORIGIN + micros).unwrap());
    // At 0, -30, 0 and 20 s: what they left, and what is left here.
    let ours = [10, 9, 8, 27];
    let rows = scenario("clock_backwards_makes_negative");
    assert_eq!(rows[1].tokens_after.to_string(), "-20.0", "the defect is recorded");
    for take in BOTH_WAYS {
        let mut bucket = bucket(60, SECOND, stamp(0));
        for (op, left) in rows.iter().zip(ours) {
            assert_eq!(take(&mut bucket, stamp(op.t), u64::try_from(op.cost).unwrap()), Ok(()), "at {}", op.t);
            assert_eq!(bucket.available(stamp(op.t)), left, "at {}", op.t);
        }
        assert!(bucket.clock_faults() > 0);
    }
}

/// A jump of an hour forward and back left -3541 tokens and locked everybody out until 3542 s.
#[test]
fn defect_08_a_jump_forward_and_back_locks_nobody_out() {
    let rows = scenario("clock_forward_then_back_locks_out");
    let refused = rows.iter().filter(|op| op.result == Value::Bool(false)).count();
    assert_eq!(refused, 3, "the defect is recorded");
    assert_eq!((rows[0].t, rows[1].t), (3_600_000_000, 0));
    for take in BOTH_WAYS {
        let mut bucket = bucket(60, SECOND, at(0));
        assert_eq!(take(&mut bucket, at(3_600), 1), Ok(()));
        assert_eq!(take(&mut bucket, at(0), 1), Ok(()));
        assert!(bucket.clock_faults() > 0);
        // And nothing was minted: 58 are left, until time has caught up with the hour.
        for now in [0, 3_000, 3_540, 3_600] {
            assert_eq!(bucket.available(at(now)), 58, "at {now} s");
        }
        assert_eq!(bucket.available(at(3_602)), 60);
    }
    // Counted once where it is asked once.
    let mut bucket = bucket(60, SECOND, at(0));
    bucket.allow(at(3_600), 1).unwrap();
    bucket.allow(at(0), 1).unwrap();
    assert_eq!(bucket.clock_faults(), 1);
}

/// Ten times 0.1 was 0.9999999999999999, and the token of the tenth second was refused.
#[test]
fn defect_09_a_tenth_of_a_token_a_second_is_one_after_ten() {
    let rows = scenario("float_refill_0.1");
    let last = rows.last().unwrap();
    assert_eq!((last.t, &last.result), (10_000_000, &Value::Bool(false)), "the defect is recorded");

    let mut bucket = bucket(1, Duration::from_secs(10), at(0));
    for (second, op) in rows.iter().enumerate() {
        let now = Instant::from_micros(u64::try_from(op.t).unwrap());
        let wanted = if second % 10 == 0 { Ok(()) } else { Err(Denied::Until(at(10))) };
        assert_eq!(bucket.allow(now, 1), wanted, "at {second} s");
    }
}

/// A rate of 0 divided by zero, and taking -3 minted three tokens.
#[test]
fn defect_10_a_rate_of_zero_is_an_error_and_no_amount_is_negative() {
    assert!(scenario("rate0")[1].result.to_string().contains("ZeroDivisionError"));
    assert_eq!(Quota::new(0, SECOND), Err(QuotaError::ZeroUnits));
    assert_eq!(Quota::new_with_burst(0, SECOND, 2), Err(QuotaError::ZeroUnits));

    let minting = scenario("negative_tokens_mints");
    assert_eq!((minting[1].cost, minting[1].tokens_after.to_string().as_str()), (-3, "3.0"));
    // The cost is a u64: what came in as -3 does not fit, and wrapped around it is far too much.
    assert!(u64::try_from(minting[1].cost).is_err());
    let mut bucket = bucket(5, SECOND, at(0));
    bucket.allow(at(0), 5).unwrap();
    assert_eq!(bucket.allow(at(0), (-3_i64).cast_unsigned()), Err(Denied::Never { max: 5 }));
    assert_eq!((bucket.available(at(0)), bucket.allow(at(0), 3)), (0, Err(Denied::Until(at(3)))));
}

/// What was sold as 60 a minute admits 119 in the first minute, 120 with its last instant. The bucket says so; who needs
/// 60 in *any* minute takes the window.
#[test]
fn defect_11_a_bucket_states_its_worst_minute_and_a_window_keeps_sixty() {
    let greedy = |limiter: &mut dyn tollgate::Book| {
        let mut granted = Vec::new();
        for second in 0..=180 {
            while limiter.allow(at(second), 1).is_ok() {
                granted.push(second);
            }
        }
        let worst = (0..=180).map(|end| granted.iter().filter(|s| end < **s + 60 && **s <= end).count()).max();
        (granted.iter().filter(|second| **second < 60).count(), worst.unwrap())
    };
    let mut bucket = bucket(60, SECOND, at(0));
    let recorded = &golden_json("g07_token_bucket_seed000.json")["window_count_119_in_60s"]["granted_in_[0,60)"];
    let (first_minute, worst) = greedy(&mut bucket);
    assert_eq!(recorded.as_u64(), Some(first_minute as u64));
    assert_eq!((first_minute, worst), (119, 119));
    assert_eq!(bucket.worst_case(Duration::from_mins(1)), 121, "the closed minute has 120, one more for rounding");

    let rolling = Window::new(60, Duration::from_secs(60)).unwrap();
    let mut window = WindowLog::<60>::new(rolling, WhenFull::Refuse, History::Empty, at(0));
    assert_eq!(greedy(&mut window), (60, 60));
}

/// The documents measure durations with the wall clock. Time is an argument here: whatever the origin of the caller's
/// monotonic clock, the decisions are the same, and no step of a wall clock reaches them.
#[test]
fn defect_48_durations_are_measured_by_the_callers_clock() {
    let trace = |origin: Instant| {
        let clock = ManualClock::new(origin);
        let mut limiter = Clocked::new(&clock, bucket(10, SECOND, origin));
        let mut answers = Vec::new();
        for step in 0..200_u64 {
            clock.advance(Duration::from_millis(step * 37 % 1_900));
            let answer = limiter.allow(1 + step % 4);
            answers.push(answer.map_err(|denied| match denied {
                Denied::Until(at) => at.saturating_since(origin),
                other => panic!("{other}"),
            }));
        }
        answers
    };
    let boot = trace(Instant::ORIGIN);
    assert!(boot.iter().any(Result::is_ok) && boot.iter().any(Result::is_err));
    assert_eq!(boot, trace(Instant::from_secs(1_790_000_000)), "from a wall clock's origin");
    assert_eq!(boot, trace(Instant::from_micros(u64::MAX / 2)), "from an origin far away");
}
