//! 64-bit division for chips that have none, in a tenth of the flash that the compiler's routine takes.
//!
//! For what is not on the path of a decision: retry times, configuration at run time, dates. What fits into 32 bits takes
//! one instruction where the chip has it; the rest goes bit by bit, as many steps as the quotient has bits, so that small
//! quotients are fast. A 64-bit machine divides by itself.

/// `n / d` and `n % d`; dividing by zero takes one for it.
#[cfg(target_pointer_width = "64")]
#[inline]
pub(crate) const fn divide(n: u64, d: u64) -> (u64, u64) {
    match (n.checked_div(d), n.checked_rem(d)) {
        (Some(quotient), Some(rest)) => (quotient, rest),
        _ => (n, 0),
    }
}

/// `n / d` and `n % d`; dividing by zero takes one for it.
#[cfg(not(target_pointer_width = "64"))]
#[inline(never)]
pub(crate) const fn divide(n: u64, d: u64) -> (u64, u64) {
    // A Cortex-M0, which has no atomics either, neither divides nor counts zeros; a plain RV32 does not count them.
    const IS_LEAST: bool = cfg!(all(target_arch = "arm", not(target_has_atomic = "32")));
    in_steps::<{ !IS_LEAST }, { !IS_LEAST && !cfg!(target_arch = "riscv32") }>(n, d)
}

/// The same in one step or bit by bit, on a chip that divides 32 bits, and counts leading zeros, or does not.
#[cfg(any(test, not(target_pointer_width = "64")))]
const fn in_steps<const DIVIDES: bool, const COUNTS: bool>(n: u64, d: u64) -> (u64, u64) {
    let d = d | (d == 0) as u64;
    if DIVIDES && n >> 32 == 0 && d >> 32 == 0 {
        #[expect(clippy::cast_possible_truncation, reason = "both were looked at")]
        let (n, d) = (n as u32, d as u32);
        if let (Some(quotient), Some(rest)) = (n.checked_div(d), n.checked_rem(d)) {
            return (quotient as u64, rest as u64);
        }
    }
    // The largest multiple of the divisor by a power of two that is not above `n`, or the divisor.
    let (mut part, mut places) = (d, 1u32);
    if COUNTS {
        let more = d.leading_zeros().saturating_sub(n.leading_zeros());
        (part, places) = (d.wrapping_shl(more), more.wrapping_add(1));
    } else {
        while part <= n >> 1 {
            part <<= 1;
            places = places.wrapping_add(1);
        }
    }
    let (mut quotient, mut rest) = (0u64, n);
    while places > 0 {
        // The quotient's bits so far times `d`, and `rest`, are `n`, and `rest` is below twice `part`.
        let (less, below) = rest.overflowing_sub(part);
        let back = (below as u64).wrapping_neg(); // all ones, or nothing
        rest = less.wrapping_add(part & back);
        quotient = (quotient << 1).wrapping_add(1).wrapping_add(back);
        part >>= 1;
        places = places.wrapping_sub(1);
    }
    (quotient, rest)
}

/// `n / d`, rounded up.
#[inline]
pub(crate) const fn divide_up(n: u64, d: u64) -> u64 {
    let (quotient, rest) = divide(n, d);
    // A rest says that the divisor is at least 2, and the quotient at most half of the range.
    quotient.wrapping_add((rest > 0) as u64)
}

/// `2^38 / 1000`, rounded up.
const OVER_1000: u64 = 274_877_907;

/// `d x permille / 1000`, rounded down, saturating.
#[inline(never)]
pub(crate) fn permille_of(d: u64, permille: u32) -> u64 {
    // The product in 96 bits: neither sum exceeds (2^32 - 1) x 2^32.
    let permille = u64::from(permille);
    let low = (d & 0xFFFF_FFFF).wrapping_mul(permille);
    let high = (d >> 32).wrapping_mul(permille).wrapping_add(low >> 32);
    // Divided by hand, 16 bits a step, so that no chip needs a routine for it. The digits go out of the number at the top,
    // and those of the quotient come in at the bottom.
    let (mut rest, mut number) = ((high >> 32) as u32, high << 32 | low & 0xFFFF_FFFF);
    if rest >= 1_000 {
        return u64::MAX;
    }
    for _ in 0..4 {
        // Below 1000 x 2^16, as the rest is below 1000; so far the product, which fits, gives the exact quotient.
        let part = rest << 16 | (number >> 48) as u32;
        let digit = (u64::from(part).wrapping_mul(OVER_1000) >> 38) as u32;
        number = number << 16 | u64::from(digit);
        rest = part.wrapping_sub(digit.wrapping_mul(1_000));
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_divides_as_the_machine_does() {
        let mut numbers = std::vec![0, 1, 2, 3, 7, 10, 999, 1_000, 60_000_000, u64::MAX, u64::MAX - 1];
        numbers.extend((0..64).flat_map(|bit| {
            [
                1u64 << bit,
                (1u64 << bit) - 1,
                (1u64 << bit) + 1,
                0x9E37_79B9_7F4A_7C15 >> bit,
                0xFFFF_0000_FFFE_FFFF >> bit,
            ]
        }));
        for &n in &numbers {
            for &d in &numbers {
                let expected = (n / d.max(1), n % d.max(1));
                let steps = [in_steps::<true, true>, in_steps::<true, false>, in_steps::<false, false>];
                assert_eq!(steps.map(|divide| divide(n, d)), [expected; 3], "{n} / {d}");
                assert_eq!(divide(n, d), expected, "{n} / {d}");
                assert_eq!(divide_up(n, d), n.div_ceil(d.max(1)), "{n} / {d}");
            }
        }
    }

    #[test]
    fn a_share_in_permille_is_exact() {
        let mut numbers = std::vec![0, 1, 999, 1_000, 1_001, 60_000_000, u64::MAX, u64::MAX - 1];
        numbers.extend((0..64).flat_map(|bit| [1u64 << bit, u64::MAX >> bit, 0x9E37_79B9_7F4A_7C15 >> bit]));
        for &d in &numbers {
            for permille in [0, 1, 500, 999, 1_000, 1_001, 1_500, 2_000, 3_000, 66_535, u32::MAX - 1, u32::MAX] {
                let exact = u128::from(d) * u128::from(permille) / 1_000;
                let expected = u64::try_from(exact).unwrap_or(u64::MAX);
                assert_eq!(permille_of(d, permille), expected, "{d} x {permille}");
            }
        }
    }
}
