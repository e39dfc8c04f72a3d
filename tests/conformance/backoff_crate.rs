//! The `backoff` crate: ihrwein/backoff @ 587e2da, `tests/exponential.rs`.

use tollgate::{Backoff, Duration, GiveUp, Instant, Policy};

use crate::ms;

fn doubling() -> Policy {
    Policy::new(Duration::from_millis(500), Duration::from_secs(5)).unwrap()
}

#[test]
fn half_a_second_doubles_to_five_and_stays() {
    let mut backoff = Backoff::new(doubling(), Instant::ORIGIN);
    for millis in [500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000] {
        assert_eq!(backoff.next(Instant::ORIGIN, 0), Ok(Duration::from_millis(millis)));
    }
    backoff.reset(Instant::ORIGIN);
    assert_eq!(backoff.next(Instant::ORIGIN, 0), Ok(Duration::from_millis(500)), "after a success");
}

/// 900 ms are over, the next delay is 500 ms, the whole may take 1 000 ms: no sleep begins that ends too late.
#[test]
fn no_sleep_ends_after_the_deadline() {
    let policy = doubling().with_deadline(Duration::from_millis(1_000));
    let mut backoff = Backoff::new(policy, Instant::ORIGIN);
    assert_eq!(backoff.next(ms(900), 0), Err(GiveUp::Deadline));
    assert_eq!(backoff.next(ms(501), 0), Err(GiveUp::Deadline));
    assert_eq!(backoff.next(ms(500), 0), Ok(Duration::from_millis(500)), "ends on the deadline");
}
