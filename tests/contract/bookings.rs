//! Dense random traces of bookings and releases: small numbers, so that everything collides.
//!
//! `TOLLGATE_TRACES` asks for more of them.

use core::ops::Range;

use tollgate::{Book, Duration, Instant, Limiter, Quota, Reservation, Start, TokenBucket};

use crate::model::{Booked, Charge, Give, Model, us};

/// Numbers that look random, the same ones every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}

fn traces(default: u64) -> u64 {
    std::env::var("TOLLGATE_TRACES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What the judge needs of a bucket.
trait Bookings {
    type Held;
    fn allow(&mut self, now: u64, cost: u64) -> bool;
    /// Books `late` microseconds after the bucket's own earliest, as `reserve_all` does for a slower neighbour.
    fn book(&mut self, now: u64, cost: u64, late: u64) -> (u64, Self::Held);
    fn settle(&mut self, now: u64, held: Self::Held, actual: u64);
}

impl Bookings for TokenBucket {
    type Held = Reservation;

    fn allow(&mut self, now: u64, cost: u64) -> bool {
        Limiter::allow(self, us(now), cost).is_ok()
    }

    fn book(&mut self, now: u64, cost: u64, late: u64) -> (u64, Reservation) {
        let earliest = self.quote(us(now), us(now), cost).expect("small numbers always fit");
        let at = self.quote(us(now), earliest.saturating_add(Duration::from_micros(late)), cost).expect("so do these");
        let held = Book::book(self, us(now), at, cost).expect("it was quoted");
        (at.as_micros(), held)
    }

    fn settle(&mut self, now: u64, held: Reservation, actual: u64) {
        self.commit(us(now), held, actual);
    }
}

impl Bookings for Model {
    type Held = Booked;

    fn allow(&mut self, now: u64, cost: u64) -> bool {
        Self::allow(self, now, cost)
    }

    fn book(&mut self, now: u64, cost: u64, late: u64) -> (u64, Booked) {
        let at = self.earliest(now, cost).expect("small numbers always fit") + late;
        (at, Self::book(self, now, at, cost))
    }

    fn settle(&mut self, now: u64, held: Booked, actual: u64) {
        Self::settle(self, now, held, actual);
    }
}

struct Rate {
    units: u64,
    per: u64,
    burst: u64,
}

impl Rate {
    fn roll(dice: &mut Dice) -> Self {
        Self { units: dice.below(3) + 1, per: dice.below(6) + 1, burst: dice.below(5) + 1 }
    }

    /// Every interval of a list of (stamp, units) holds `burst + ceil((length + 1 us) x units / per)` at most.
    fn is_kept(&self, uses: &mut [(u64, u64)]) -> bool {
        uses.sort_unstable();
        (0..uses.len()).all(|first| {
            let mut sum = 0;
            uses[first..].iter().all(|&(at, units)| {
                sum += units;
                sum <= self.burst + ((at - uses[first].0 + 1) * self.units).div_ceil(self.per)
            })
        })
    }
}

/// One trace of some twelve calls; the list of what was used in the end.
fn uses<B: Bookings>(bucket: &mut B, dice: &mut Dice, burst: u64) -> Vec<(u64, u64)> {
    let (mut now, mut uses, mut held) = (0, Vec::new(), Vec::new());
    for _ in 0..14 {
        now += [0, 0, 0, 1, 1, 2, 3, 7][usize::try_from(dice.below(8)).unwrap_or(0)];
        let cost = dice.below(burst) + 1;
        match dice.below(8) {
            0..=2 if bucket.allow(now, cost) => uses.push((now, cost)),
            0..=2 => {}
            3..=5 => {
                let late = if dice.below(2) == 0 { 0 } else { dice.below(9) };
                let (at, booked) = bucket.book(now, cost, late);
                held.push((at, cost, booked));
            }
            _ if held.is_empty() => {}
            _ => {
                let pick = usize::try_from(dice.below(held.len() as u64)).unwrap_or(0);
                let (at, cost, booked) = held.swap_remove(pick);
                let actual = if dice.below(3) == 0 { dice.below(cost + 1) } else { 0 };
                bucket.settle(now, booked, actual);
                uses.push((at, actual));
            }
        }
    }
    uses.extend(held.into_iter().map(|(at, cost, _)| (at, cost)));
    uses
}

fn model_breaks(give: Give, charge: Charge, seeds: Range<u64>) -> u64 {
    let mut broken = 0;
    for seed in seeds {
        let mut dice = Dice(seed);
        let rate = Rate::roll(&mut dice);
        let small = |value: u64| u32::try_from(value).expect("rolled below ten");
        let mut model = Model::new(small(rate.units), rate.per, small(rate.burst), 0).ruled(give, charge);
        broken += u64::from(!rate.is_kept(&mut uses(&mut model, &mut dice, rate.burst)));
    }
    broken
}

#[test]
fn token_bucket_is_never_over_in_three_hundred_thousand_traces() {
    for seed in 0..traces(300_000) {
        let mut dice = Dice(seed);
        let rate = Rate::roll(&mut dice);
        let small = |value: u64| u32::try_from(value).expect("rolled below ten");
        let quota = Quota::new_with_burst(small(rate.units), Duration::from_micros(rate.per), small(rate.burst));
        let mut bucket = TokenBucket::new(quota.expect("small numbers always fit"), Start::Full, us(0));
        let mut uses = uses(&mut bucket, &mut dice, rate.burst);
        assert!(rate.is_kept(&mut uses), "trace {seed}: {uses:?}");
    }
}

#[test]
fn the_right_rules_are_never_over() {
    assert_eq!(model_breaks(Give::Rule, Charge::Line, 0..traces(30_000)), 0);
}

#[test]
fn each_simpler_rule_for_giving_back_grants_too_much() {
    for (give, seeds) in [
        (Give::Everything, 0..2_000),
        (Give::SinceAt, 0..4_000),
        (Give::LaterPromises, 0..4_000),
        (Give::TailFromLevel, 0..20_000),
        // One trace in some hundred thousand.
        (Give::AnyLastRollsBack, 144_000..146_000),
    ] {
        assert!(model_breaks(give, Charge::Line, seeds) > 0, "{give:?} survives");
    }
}

#[test]
fn each_simpler_charge_for_a_booking_ahead_grants_too_much() {
    for charge in [Charge::AtOnce, Charge::MoveLast] {
        assert!(model_breaks(Give::Rule, charge, 0..4_000) > 0, "{charge:?} survives");
    }
}

/// Every call, with stamps that go back as well, answered as by the obvious model.
#[test]
fn token_bucket_agrees_with_the_obvious_model_on_every_call() {
    for seed in 0..traces(30_000) {
        let mut dice = Dice(!seed);
        let (units, burst) = (dice.below(9) + 1, dice.below(9) + 1);
        let per = if dice.below(2) == 0 { dice.below(20) + 1 } else { dice.below(1 << 34) + 1 };
        let small = |value: u64| u32::try_from(value).expect("rolled below ten");
        let quota = Quota::new_with_burst(small(units), Duration::from_micros(per), small(burst));
        let start = dice.below(100);
        let mut bucket = TokenBucket::new(quota.expect("small numbers always fit"), Start::Full, us(start));
        let mut model = Model::new(small(units), per, small(burst), start);
        let (mut now, mut held) = (start, Vec::new());
        for step in 0..20 {
            let far = dice.below(per / units * 2 + 3);
            now = if dice.below(4) == 0 { now.saturating_sub(far) } else { now + far };
            let cost = dice.below(burst) + 1;
            match dice.below(6) {
                0..=2 => {
                    let granted = (Limiter::allow(&mut bucket, us(now), cost).is_ok(), model.allow(now, cost));
                    assert_eq!(granted.0, granted.1, "trace {seed}, step {step}: allow({cost}) at {now}");
                }
                3 => {
                    let (at, reservation) = Bookings::book(&mut bucket, now, cost, dice.below(2) * far);
                    held.push((reservation, model.book(now, at, cost)));
                }
                _ if held.is_empty() => {}
                _ => {
                    let pick = usize::try_from(dice.below(held.len() as u64)).unwrap_or(0);
                    let (reservation, booked) = held.swap_remove(pick);
                    let actual = match step % 4 {
                        0 | 1 => 0,
                        2 => cost.min(booked.cost),
                        _ => booked.cost + cost,
                    };
                    bucket.commit(us(now), reservation, actual);
                    model.settle(now, booked, actual);
                }
            }
            let seen = (bucket.available(us(now)), bucket.earliest(us(now), cost).ok().map(Instant::as_micros));
            let wanted = (model.available(now), model.earliest(now, cost));
            assert_eq!(seen, wanted, "trace {seed}, step {step}: available and earliest({cost}) at {now}");
        }
    }
}
