//! Fixed-point arithmetic against vectors and against 128-bit arithmetic.

use std::num::NonZeroU32;

use proptest::prelude::*;
use tollgate::{Amount, AmountError, Credits, Ratio, Rounding, Usd, mul_div};

use crate::table::Table;

const MODES: [(&str, Rounding); 5] = [
    ("floor", Rounding::Floor),
    ("ceil", Rounding::Ceil),
    ("half_up", Rounding::HalfUp),
    ("half_even", Rounding::HalfEven),
    ("exact", Rounding::Exact),
];

/// `a x num / den` in 128 bits: `None` where exactness fails.
fn oracle(a: u64, num: u32, den: u32, rounding: Rounding) -> Option<u128> {
    let (product, den) = (u128::from(a) * u128::from(num), u128::from(den));
    let (quotient, rest) = (product / den, product % den);
    Some(match rounding {
        Rounding::Floor => quotient,
        Rounding::Ceil => product.div_ceil(den),
        Rounding::HalfUp => (2 * product + den) / (2 * den),
        Rounding::HalfEven => match (2 * rest).cmp(&den) {
            std::cmp::Ordering::Less => quotient,
            std::cmp::Ordering::Greater => quotient + 1,
            std::cmp::Ordering::Equal => quotient + quotient % 2,
        },
        Rounding::Exact if rest == 0 => quotient,
        Rounding::Exact => return None,
    })
}

#[test]
fn all_five_roundings_equal_the_vectors() {
    for row in Table::read("ref_mul_div.csv", 21).rows() {
        let (a, num, den): (u64, u32, u32) = (row.get("a"), row.get("num"), row.get("den"));
        let (quotient, rest) = mul_div(a, num, NonZeroU32::new(den).unwrap()).unwrap();
        assert_eq!(quotient, row.get::<u64>("floor"));
        assert_eq!(quotient + u64::from(rest > 0), row.get::<u64>("ceil"));
        let ratio = Ratio::new(u64::from(num), u64::from(den)).unwrap();
        for (column, rounding) in MODES {
            let expected = match row.text(column) {
                "ERR_INEXACT" => Err(AmountError::Inexact),
                micros => Amount::from_micros(micros.parse().unwrap()),
            };
            match Amount::<Usd>::from_micros(a) {
                Ok(amount) => assert_eq!(amount.times(ratio, rounding), expected, "{a} x {ratio} {column}"),
                // The oracle's numbers go beyond an amount, to all of a u64.
                Err(error) => assert_eq!((error, a > i64::MAX as u64), (AmountError::Overflow, true)),
            }
        }
    }
}

#[test]
fn a_budget_admits_as_many_steps_as_fit_exactly() {
    for row in Table::read("ref_float_budget_traps.csv", 40).rows() {
        let cents = |column| Amount::<Usd>::from_micros(row.get::<u64>(column) * 10_000).unwrap();
        let (limit, step) = (cents("limit_cents"), cents("step_cents"));
        let mut spent = Amount::ZERO;
        let mut admitted = 0u32;
        while let Some(next) = spent.checked_add(step).filter(|next| *next <= limit) {
            (spent, admitted) = (next, admitted + 1);
        }
        assert_eq!(admitted, row.get::<u32>("admitted_exact"), "{limit} by {step}");
        assert_ne!(admitted, row.get::<u32>("admitted_float"), "the trap is no trap: {limit} by {step}");
    }
}

#[test]
fn multipliers_that_trip_a_float_are_exact() {
    // 100 x 1.15 in floats is 114.99999999999999 and was truncated to 114.
    let bonus = Ratio::parse("1.15").unwrap();
    for whole in 0..200_000u32 {
        let exact = u64::from(whole) * 1_150_000;
        assert_eq!(Amount::<Credits>::whole(whole).times(bonus, Rounding::Exact).unwrap().as_micros(), exact);
    }
    assert_eq!(Amount::<Credits>::whole(100).times(bonus, Rounding::Exact), Ok(Amount::whole(115)));
}

fn micros() -> impl Strategy<Value = u64> {
    prop_oneof![0..1_000u64, 0..=i64::MAX as u64, (i64::MAX as u64 - 1_000)..=i64::MAX as u64]
}

fn side() -> impl Strategy<Value = u32> {
    prop_oneof![0..100u32, any::<u32>(), (u32::MAX - 100)..=u32::MAX]
}

proptest! {
    #[test]
    fn mul_div_equals_128_bit_arithmetic(a: u64, num in side(), den in side()) {
        prop_assume!(den > 0);
        let product = u128::from(a) * u128::from(num);
        let expected = u64::try_from(product / u128::from(den))
            .ok()
            .map(|quotient| (quotient, u32::try_from(product % u128::from(den)).unwrap()));
        prop_assert_eq!(mul_div(a, num, NonZeroU32::new(den).unwrap()), expected);
    }

    #[test]
    fn times_equals_128_bit_arithmetic(a in micros(), num in side(), den in side(), mode in 0..5usize) {
        prop_assume!(den > 0);
        let ratio = Ratio::new(u64::from(num), u64::from(den)).unwrap();
        let rounding = MODES[mode].1;
        let got = Amount::<Usd>::from_micros(a).unwrap().times(ratio, rounding);
        match oracle(a, num, den, rounding) {
            Some(value) if value <= i64::MAX as u128 => {
                prop_assert_eq!(u128::from(got.unwrap().as_micros()), value);
            }
            Some(_) => prop_assert_eq!(got, Err(AmountError::Overflow)),
            None => prop_assert!(got.is_err()),
        }
    }

    /// R1: with `Ceil`, the sum charged is never below the exact sum, and each charge is less than a millionth above.
    #[test]
    fn charges_cover_the_exact_sum(
        jobs in prop::collection::vec(0..1_000_000_000_000u64, 1..50),
        num in 1..1_000_000u32,
        den in 1..1_000_000u32,
    ) {
        let ratio = Ratio::new(u64::from(num), u64::from(den)).unwrap();
        let (mut charged, mut exact_numerator) = (0u128, 0u128);
        for job in &jobs {
            let charge = Amount::<Usd>::from_micros(*job).unwrap().times(ratio, Rounding::Ceil).unwrap();
            let (times_den, exact) = (u128::from(charge.as_micros()) * u128::from(den), u128::from(*job) * u128::from(num));
            prop_assert!(times_den >= exact && times_den - exact < u128::from(den));
            charged += u128::from(charge.as_micros());
            exact_numerator += exact;
        }
        let excess = charged * u128::from(den) - exact_numerator;
        prop_assert!(excess < u128::from(den) * jobs.len() as u128);
    }

    /// R2: a refund of what was recorded restores the balance to the millionth, whatever the rounding was.
    #[test]
    fn a_full_refund_of_the_recorded_amount_restores_the_balance(
        balance in micros(), price in micros(), num in side(), den in 1..=u32::MAX, mode in 0..5usize,
    ) {
        let ratio = Ratio::new(u64::from(num), u64::from(den)).unwrap();
        let balance = Amount::<Credits>::from_micros(balance).unwrap();
        let Ok(recorded) = Amount::from_micros(price).unwrap().times(ratio, MODES[mode].1) else { return Ok(()) };
        let Some(left) = balance.checked_sub(recorded) else { return Ok(()) };
        prop_assert_eq!(left.checked_add(recorded), Some(balance));
        prop_assert_eq!(balance.signed_diff(left), i64::try_from(recorded.as_micros()).unwrap());
    }

    /// Pro-rated refunds are cut: however a charge is split, its parts never give back more than it was.
    #[test]
    fn refunds_of_the_parts_never_exceed_the_charge(charge in micros(), parts in prop::collection::vec(1..1_000u32, 1..20)) {
        let whole: u32 = parts.iter().sum();
        let charge = Amount::<Usd>::from_micros(charge).unwrap();
        let mut back = Amount::ZERO;
        for part in parts {
            let share = Ratio::new(u64::from(part), u64::from(whole)).unwrap();
            back = back.checked_add(charge.times(share, Rounding::Floor).unwrap()).unwrap();
        }
        prop_assert!(back <= charge);
    }

    #[test]
    fn text_and_amounts_are_the_same_thing(micros in micros()) {
        let amount = Amount::<Usd>::from_micros(micros).unwrap();
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        prop_assert_eq!(format!("{amount:.6}").parse(), Ok(amount));
        let cents: Amount<Usd> = format!("{amount:.2}").parse().unwrap();
        prop_assert_eq!(Ok(cents), amount.rounded(2, Rounding::Floor));
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = Amount::<Usd>::parse(&text);
        let _ = Ratio::parse(&text);
    }
}
