//! Formulas and fixed points from specifications and manuals, each with its source.
//!
//! Not here: the client throttle of Google's SRE book, which weighs requests against accepts and is no limiter of this
//! kind.

use tollgate::presets::radio::{EU868, sub_band};
use tollgate::{
    Backoff, Denied, Duration, History, Instant, Jitter, JobId, Limiter, Policy, Quota, Slots, Start, TokenBucket,
    WhenFull, Window, WindowLog, WindowSlices,
};

use crate::{Numbers, bucket, ms, us};

const HOUR: Duration = Duration::from_hours(1);

/// The example of the `LoRaWAN` specification (thethingsnetwork.org/forum/t/122): a frame of 0.5 s at 1 % closes the
/// sub-band for 49.5 s. A bucket of microseconds on the air that holds one frame says the same.
#[test]
fn half_a_second_on_the_air_closes_a_one_percent_band_for_49_5_s() {
    let mut band = bucket(500_000, 1, Duration::from_micros(100), 500_000);
    band.allow(Instant::ORIGIN, 500_000).unwrap();
    let end = ms(500);
    let next = band.earliest(end, 500_000).unwrap();
    assert_eq!(next.saturating_since(end), Duration::from_millis(49_500));
}

/// `LoRaWAN` L2 1.0.4, page 33: aggregated silence is the airtime times `2^MaxDutyCycle - 1`, for 0 to 15.
#[test]
fn the_aggregated_duty_cycle_is_a_power_of_two() {
    let airtime = 1_483_000;
    for max_duty_cycle in 0..=15 {
        let mut band = bucket(airtime, 1, Duration::from_micros(1 << max_duty_cycle), airtime);
        band.allow(Instant::ORIGIN, airtime.into()).unwrap();
        let end = us(airtime.into());
        let silence = band.earliest(end, airtime.into()).unwrap().saturating_since(end);
        assert_eq!(silence.as_micros(), u64::from(airtime) * ((1 << max_duty_cycle) - 1), "{max_duty_cycle}");
    }
}

/// tektelic.com/what-it-is/maximum-duty-cycle: bands K, L, M, N, P, Q have 0.1, 1, 1, 0.1, 10 and 1 %; 1 % is 36 s.
#[test]
fn the_eu868_bands_have_their_duty_cycles() {
    assert_eq!(EU868.map(|band| band.permille), [1, 10, 10, 1, 100, 10]);
    let one_percent = sub_band(868_100_000).unwrap().window();
    assert_eq!((one_percent.limit(), one_percent.length()), (36_000_000, HOUR));
}

/// The Things Network's fair use, 30 s a day, is 1 250 ms an hour (`RadioLib` #1031).
#[test]
fn fair_use_is_a_second_and_a_quarter_an_hour() {
    let day = Quota::new_with_burst(30_000_000, Duration::from_hours(24), 1_250_000).unwrap();
    assert_eq!(day, Quota::new(1_250_000, HOUR).unwrap());
}

/// `LoRaMac-node` #1315: a bucket of 36 s that starts full and refills at 1 % lets 72 s through in its first hour. So a
/// strict duty cycle takes a window, or a bucket that starts empty.
#[test]
fn a_full_bucket_doubles_the_first_hour() {
    let duty = Quota::new(36_000_000, HOUR).unwrap();
    let airtime_of_first_hour = |start| {
        let mut band = TokenBucket::new(duty, start, Instant::ORIGIN);
        let at_once = band.available(us(0));
        band.allow(us(0), at_once).unwrap();
        let later = band.available(us(HOUR.as_micros()));
        at_once + later
    };
    assert_eq!(airtime_of_first_hour(Start::Full), 72_000_000);
    assert_eq!(airtime_of_first_hour(Start::Empty), 36_000_000);
    assert_eq!(duty.worst_case(HOUR), 72_000_001, "and it says so beforehand");

    let window = sub_band(868_100_000).unwrap().window();
    let mut strict = WindowSlices::<60>::new(window, History::Empty, Instant::ORIGIN).unwrap();
    strict.allow(us(0), 36_000_000).unwrap();
    assert_eq!(strict.available(us(HOUR.as_micros() - 1)), 0);
}

/// Three formulas of the AWS Architecture Blog: full is 0 to `min(cap, base x 2^k)`, equal is one half of that and up to
/// the other, decorrelated is `min(cap, base to 3 x previous)`.
#[test]
fn jitter_is_drawn_from_the_stated_range() {
    let (base, cap) = (Duration::from_millis(100), Duration::from_secs(20));
    let policy = |jitter| Policy::new(base, cap).unwrap().with_jitter(jitter).unwrap();
    let mut numbers = Numbers(5);
    for entropy in
        [0, 1, 1 << 31, u32::MAX - 1, u32::MAX].into_iter().chain((0..50).map(|_| numbers.draw_u32(0, u32::MAX)))
    {
        let mut full = Backoff::new(policy(Jitter::Full), Instant::ORIGIN);
        let mut equal = Backoff::new(policy(Jitter::Equal), Instant::ORIGIN);
        let mut decorrelated = Backoff::new(policy(Jitter::Decorrelated), Instant::ORIGIN);
        let mut previous = 100_000;
        for k in 0..12 {
            let d = (100_000 << k).min(20_000_000_u64);
            let next = |backoff: &mut Backoff| backoff.next(Instant::ORIGIN, entropy).unwrap().as_micros();
            let (full, equal, now) = (next(&mut full), next(&mut equal), next(&mut decorrelated));
            assert!(full <= d, "full: {full} of {d}");
            assert!((d / 2..=d).contains(&equal), "equal: {equal} of {d}");
            assert!((100_000..=(3 * previous).min(20_000_000)).contains(&now), "decorrelated: {now} after {previous}");
            previous = now;
            if entropy == u32::MAX {
                assert_eq!((full, equal), (d, d), "the last value is the upper end");
            }
            if entropy == 0 {
                assert_eq!((full, equal, now), (0, d / 2, 100_000), "zero is the lower end");
            }
        }
    }
}

/// `OpenAI`'s cookbook, `api_request_parallel_processor.py` @ 04a3090, asks two buckets every millisecond: the cadence at
/// which a limiter that rounds its refill down and forgets the rest grants nothing at all.
#[test]
fn a_poll_every_millisecond_gets_every_unit() {
    for (units, minutes) in [(7, 60), (1_500, 2), (125_000, 1), (59_999, 1)] {
        let mut bucket = bucket(units, units, Duration::from_mins(1), 0);
        let mut granted = 0;
        for millis in 1..=minutes * 60_000 {
            let free = bucket.available(ms(millis));
            bucket.allow(ms(millis), free).unwrap();
            granted += free;
        }
        assert_eq!(granted, u64::from(units) * minutes, "{units} a minute for {minutes} minutes");
    }
}

/// Kling's "Concurrency Rules": what is limited are tasks, from `submitted` to their end, failure included; a task of n
/// images weighs n; there is no request limit, and waiting is for a release.
#[test]
fn a_task_holds_its_slot_from_submission_to_its_end() {
    let mut slots = Slots::<8>::new(5);
    let (submitted, failed) = (ms(0), ms(240_000));
    for (id, weight) in [(1, 1), (2, 4)] {
        slots.job(JobId(id), Duration::MAX).unwrap().allow(submitted, weight).unwrap();
    }
    assert_eq!(slots.job(JobId(3), Duration::MAX).unwrap().allow(failed, 1), Err(Denied::Busy));
    assert_eq!(slots.job(JobId(3), Duration::MAX).unwrap().allow(failed, 6), Err(Denied::Never { max: 5 }));
    assert_eq!(slots.close(failed, JobId(2)), Ok(4));
    assert_eq!(slots.job(JobId(3), Duration::MAX).unwrap().allow(failed, 4), Ok(()));
}

/// A window that is full to the last unit admits nothing and counts to the last unit, at every size.
#[test]
fn equality_admits() {
    let mut log =
        WindowLog::<2>::new(Window::new(36_000_000, HOUR).unwrap(), WhenFull::Refuse, History::Empty, Instant::ORIGIN);
    assert_eq!(log.allow(us(0), 35_999_999), Ok(()));
    assert_eq!(log.allow(us(0), 1), Ok(()), "`>=` on the credit: with `>` the last unit is stuck (LoRaMac-node #1255)");
    assert!(log.allow(us(1), 1).is_err());
}
