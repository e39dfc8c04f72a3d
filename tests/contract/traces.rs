//! The traces that break the obvious wordings of the laws, one by one.

use tollgate::{
    Book, Denied, Duration, History, Instant, Limiter, Quota, Start, TokenBucket, WhenFull, Window, WindowLog,
    WindowSlices, reserve_all,
};

use crate::bookings::Dice;
use crate::model::us;

const SECOND: Duration = Duration::from_secs(1);

fn s(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

/// One a second, ten at once.
fn ten() -> TokenBucket {
    let quota = tollgate::valid!(Quota::new_with_burst(1, SECOND, 10));
    TokenBucket::new(quota, Start::Full, Instant::ORIGIN)
}

#[test]
fn nobody_is_served_from_what_accrues_before_a_booking_later_than_its_own_earliest() {
    let mut bucket = ten();
    let held = bucket.book(s(0), s(100), 10).expect("a full bucket can wait");
    assert_eq!(held.at(), s(100));
    assert_eq!(bucket.available(s(0)), 0);
    assert_eq!(bucket.allow(s(50), 1), Err(Denied::Until(s(101))));
    assert_eq!(bucket.available(s(100)), 0);
    assert_eq!(bucket.allow(s(101), 1), Ok(()));
}

#[test]
fn a_release_keeps_what_time_has_returned() {
    let mut bucket = ten();
    let held = bucket.reserve(s(0), 10, Duration::ZERO).expect("full");
    bucket.allow(s(5), 5).expect("five have accrued");
    bucket.release(s(5), held);
    assert_eq!(bucket.available(s(5)), 5, "not ten: five of them came back with time");
}

#[test]
fn after_cost_by_rate_nothing_comes_back() {
    let mut bucket = ten();
    let held = bucket.reserve(s(0), 4, Duration::ZERO).expect("full");
    bucket.allow(s(4), 10).expect("full again");
    bucket.commit(s(4), held, 1);
    assert_eq!(bucket.available(s(4)), 0);
}

#[test]
fn a_release_keeps_what_a_later_booking_was_promised_behind() {
    let mut bucket = ten();
    bucket.allow(s(0), 10).expect("full");
    let first = bucket.reserve(s(0), 2, SECOND.saturating_mul(9)).expect("patient");
    let second = bucket.reserve(s(0), 3, SECOND.saturating_mul(9)).expect("patient");
    assert_eq!((first.at(), second.at()), (s(2), s(5)));
    bucket.release(s(0), first);
    assert_eq!(bucket.earliest(s(0), 1), Ok(s(6)), "the second was promised behind all of the first");
    bucket.release(s(0), second);
    assert_eq!(bucket.earliest(s(0), 1), Ok(s(3)), "three of five");
}

#[test]
fn the_newest_booking_wholly_released_takes_its_promise_with_it() {
    let mut bucket = ten();
    bucket.allow(s(0), 10).expect("full");
    let first = bucket.reserve(s(0), 2, SECOND.saturating_mul(9)).expect("patient");
    let second = bucket.reserve(s(0), 3, SECOND.saturating_mul(9)).expect("patient");
    bucket.release(s(0), second);
    bucket.release(s(0), first);
    assert_eq!(bucket.earliest(s(0), 1), Ok(s(1)));
}

#[test]
fn a_newest_booking_used_in_part_leaves_its_promise() {
    let mut bucket = ten();
    bucket.allow(s(0), 10).expect("full");
    let first = bucket.reserve(s(0), 2, SECOND.saturating_mul(9)).expect("patient");
    let second = bucket.reserve(s(0), 3, SECOND.saturating_mul(9)).expect("patient");
    bucket.commit(s(0), second, 1);
    bucket.release(s(0), first);
    assert_eq!(bucket.earliest(s(0), 1), Ok(s(4)), "two of three came back, none of two");
}

#[test]
fn a_jump_forward_and_back_locks_nobody_out() {
    let mut bucket = ten();
    bucket.allow(s(3_600), 1).expect("full");
    assert_eq!(bucket.available(s(0)), 9);
    assert_eq!(bucket.earliest(s(0), 9), Ok(s(0)));
    bucket.reserve(s(0), 4, Duration::ZERO).map(|held| bucket.release(s(0), held)).expect("nine are there");
    assert_eq!(bucket.available(s(0)), 9, "and what is released at once is there again");
    bucket.allow(s(0), 9).expect("nine are there");
    assert_eq!(bucket.allow(s(1_800), 1), Err(Denied::Until(s(3_601))), "nothing accrues in time that has passed");
}

#[test]
fn a_restart_ends_the_stall_without_adding_units() {
    let mut bucket = ten();
    let held = bucket.reserve(s(3_600), 10, Duration::ZERO).expect("full");
    bucket.restart(s(0));
    assert_eq!(bucket.available(s(0)), 0);
    bucket.allow(s(10), 10).expect("ten seconds have passed");
    bucket.release(s(10), held);
    assert_eq!(bucket.available(s(10)), 0, "time has returned the old booking already");
}

#[test]
fn a_refusal_does_not_move_the_time() {
    let quota = tollgate::valid!(Quota::new_with_burst(1, Duration::from_micros(40), 2));
    let mut bucket = TokenBucket::new(quota, Start::Empty, us(0));
    assert!(bucket.allow(us(60), 2).is_err());
    assert!(bucket.allow(us(50), 2).is_err());
    assert_eq!(bucket.allow(us(50), 1), Ok(()));
    assert_eq!(bucket.available(us(80)), 1, "30 us of the second unit were there at 50");
}

#[test]
fn until_with_patience_is_the_earliest_less_the_patience() {
    let mut bucket = ten();
    bucket.allow(s(0), 10).expect("full");
    let patience = SECOND.saturating_mul(3);
    assert_eq!(bucket.reserve(s(0), 5, patience).map(drop), Err(Denied::Until(s(2))));
    assert!(bucket.reserve(us(1_999_999), 5, patience).is_err());
    assert_eq!(bucket.reserve(s(2), 5, patience).map(|held| held.at()), Ok(s(5)));
}

#[test]
fn a_debt_is_not_paid_by_what_a_full_bucket_lost_before() {
    let mut bucket = ten();
    let held = bucket.reserve(s(0), 1, Duration::ZERO).expect("full");
    bucket.commit(s(100), held, 5);
    assert_eq!(bucket.available(s(100)), 6);
}

#[test]
fn a_debt_saturates_and_delays() {
    let quota = tollgate::valid!(Quota::new_with_burst(1, Duration::from_days(30), 1));
    let mut bucket = TokenBucket::new(quota, Start::Full, s(0));
    let held = bucket.reserve(s(0), 1, Duration::ZERO).expect("full");
    bucket.commit(s(0), held, 3_500_000);
    let month = 30 * 86_400;
    assert_eq!(bucket.allow(s(0), 1), Err(Denied::Until(s(month * 3_500_000))));
    let held = bucket.reserve(s(0), 0, Duration::ZERO).expect("nothing is free");
    bucket.commit(s(0), held, u64::MAX);
    assert_eq!(bucket.available(Instant::from_micros(u64::MAX / 2 - 1)), 0, "the debt is 2^63 - 1 us");
    assert!(bucket.allow(s(month * 3_500_000), 1).is_err());
}

#[test]
fn nothing_is_booked_at_the_end_of_time_that_does_not_fit() {
    let end = Instant::MAX;
    let mut bucket = ten();
    bucket.allow(end, 10).expect("full");
    assert_eq!(bucket.reserve(end, 1, Duration::MAX).map(drop), Err(Denied::Until(end)));
    assert_eq!(bucket.earliest(end, 1), Err(Denied::Until(end)));

    let window = tollgate::valid!(Window::new(3, SECOND));
    let mut log = WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, s(0));
    log.allow(end, 3).expect("empty");
    assert_eq!(log.reserve(end, 1, Duration::MAX).map(drop), Err(Denied::Until(end)));
    let mut slices = WindowSlices::<2>::new(window, History::Empty, s(0)).expect("half a second");
    slices.allow(end, 3).expect("empty");
    assert_eq!(slices.reserve(end, 1, Duration::MAX).map(drop), Err(Denied::Until(end)));

    // What was used three halves of a second before would leave there.
    let before = |halves: u64| end.saturating_sub(Duration::from_millis(500 * halves));
    let mut slices = WindowSlices::<2>::new(window, History::Empty, before(3)).expect("half a second");
    slices.allow(before(3), 2).expect("empty");
    slices.allow(before(1), 1).expect("one is left");
    assert_eq!(slices.allow(end, 1), Err(Denied::Until(end)));
}

/// A at 0, B at 5, a window of 10; a grant at 12 forgets A; then A is released, with the stamp 3.
#[test]
fn a_release_with_an_old_stamp_does_not_hit_a_younger_entry() {
    let window = Window::new(3, Duration::from_micros(10)).and_then(|w| w.with_lease(Duration::from_micros(10)));
    let mut log = WindowLog::<3>::new(window.expect("ten"), WhenFull::Refuse, History::Empty, us(0));
    let a = log.reserve(us(0), 1, Duration::ZERO).expect("empty");
    log.allow(us(5), 1).expect("one is in");
    log.allow(us(12), 1).expect("two are in");
    log.release(us(3), a);
    assert_eq!(log.available(us(12)), 1, "B and the grant at 12");
    assert_eq!((log.available(us(14)), log.available(us(15)), log.available(us(22))), (1, 2, 3));
}

#[test]
fn a_hold_does_not_age_and_is_stamped_at_its_commit() {
    let window = tollgate::valid!(Window::new(2, Duration::from_micros(10)));
    let mut log = WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, us(0));
    let held = log.reserve(us(0), 2, Duration::ZERO).expect("empty");
    assert_eq!(log.allow(us(50), 1), Err(Denied::Busy));
    log.commit(us(60), held, 2);
    assert_eq!(log.allow(us(69), 1), Err(Denied::Until(us(70))));
    assert_eq!(log.allow(us(70), 2), Ok(()));
}

/// A hold whose lease ends between now and the instant to which a neighbour raises the call.
#[test]
fn a_lease_that_ends_in_between_does_not_make_the_order_matter() {
    let window = Window::new(4, Duration::from_micros(10)).and_then(|w| w.with_lease(Duration::from_micros(3)));
    let mut log = WindowLog::<5>::new(window.expect("ten"), WhenFull::Refuse, History::Empty, us(0));
    drop(log.reserve(us(0), 4, Duration::ZERO).expect("empty"));
    let quota = tollgate::valid!(Quota::new_with_burst(1, Duration::from_micros(5), 1));
    let mut bucket = TokenBucket::new(quota, Start::Empty, us(0));
    let patience = Duration::from_micros(20);
    let first = reserve_all(us(0), patience, [(&mut log, 1), (&mut bucket, 1)]).map_err(|refused| refused.denied);
    assert_eq!(first.map(|[held, _]| held.at()), Err(Denied::Busy));
    let second = reserve_all(us(0), patience, [(&mut bucket, 1), (&mut log, 1)]).map_err(|refused| refused.denied);
    assert_eq!(second.map(|[held, _]| held.at()), Err(Denied::Busy));
}

/// What a list of everything granted says is in use in `(now - length, now]`.
fn in_use(granted: &[(u64, u64)], now: u64, length: u64) -> u64 {
    granted.iter().filter(|(stamp, _)| stamp + length > now).map(|(_, units)| units).sum()
}

fn judge_slices<const B: usize>(slice: u64) {
    let length = slice * B as u64;
    let window = Window::new(20, Duration::from_micros(length)).expect("not empty");
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut slices = WindowSlices::<B>::new(window, History::Empty, us(0)).expect("it divides");
        let mut exact = WindowLog::<64>::new(window, WhenFull::Refuse, History::Empty, us(0));
        let (mut now, mut coarse, mut precise) = (0, Vec::new(), Vec::new());
        for _ in 0..60 {
            now += dice.below(length / 3 + 2) * dice.below(3) / 2;
            let cost = dice.below(6) + 1;
            let room = slices.available(us(now));
            let (strict, loose) = (in_use(&coarse, now, length + slice), in_use(&coarse, now, length));
            assert!(room >= 20 - strict.min(20), "B = {B}, trace {seed} at {now}: stricter than one slice more");
            assert!(room <= 20 - loose.min(20), "B = {B}, trace {seed} at {now}: over");
            assert_eq!(exact.available(us(now)), 20 - in_use(&precise, now, length), "trace {seed} at {now}");
            if slices.allow(us(now), cost).is_ok() {
                coarse.push((now, cost));
            }
            if exact.allow(us(now), cost).is_ok() {
                precise.push((now, cost));
            }
        }
    }
}

#[test]
fn slices_lie_between_the_window_and_one_slice_more_and_a_log_is_exact() {
    judge_slices::<1>(10);
    judge_slices::<2>(7);
    judge_slices::<6>(3);
    judge_slices::<60>(1);
}
