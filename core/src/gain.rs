//! What a level gains in a time: `elapsed x gain`, 64 by 32 bits, on chips of every kind.
//!
//! A level is at most [`MOST`], so that what is above it need not be known, and the sign tells a difference below zero.
//! A decision multiplies twice, 32 by 32 bits; a Cortex-M0, whose multiplication keeps 32 bits, calls a routine, unless the
//! rate in lowest terms brings one unit of level in each microsecond, as it often does.

/// The most that a level is: 2^63 - 1.
pub(crate) const MOST: u64 = u64::MAX >> 1;

/// Whether the chip multiplies 32 by 32 bits to 64; a Cortex-M0, which has no atomics either, does not.
const IS_LONG: bool = !cfg!(all(target_arch = "arm", not(target_has_atomic = "32")));

/// `elapsed x gain` for a decision; `None` only above [`MOST`].
#[inline]
pub(crate) fn checked(elapsed: u64, gain: u32) -> Option<u64> {
    if cfg!(target_pointer_width = "64") {
        elapsed.checked_mul(u64::from(gain))
    } else if IS_LONG {
        product(elapsed, gain)
    } else {
        Some(gained(elapsed, gain))
    }
}

/// Whether the difference of two levels, which may have wrapped, is below zero. A 64-bit machine knows that it wrapped;
/// for a 32-bit chip compilers would subtract once more to know it.
#[inline]
pub(crate) const fn is_negative((difference, wrapped): (u64, bool)) -> bool {
    if cfg!(target_pointer_width = "64") { wrapped } else { difference.cast_signed() < 0 }
}

/// `elapsed x gain`, saturating at [`MOST`] or above: for everything else.
#[inline]
pub(crate) fn gained(elapsed: u64, gain: u32) -> u64 {
    if cfg!(target_pointer_width = "64") {
        elapsed.saturating_mul(u64::from(gain))
    } else if IS_LONG {
        product(elapsed, gain).unwrap_or(MOST)
    } else if gain == 1 && elapsed >> 63 == 0 {
        elapsed
    } else {
        apart(elapsed, gain)
    }
}

/// The same, out of line.
#[inline(never)]
fn apart(elapsed: u64, gain: u32) -> u64 {
    product(elapsed, gain).unwrap_or(MOST)
}

/// The lower half of a level.
const WORD: u64 = u32::MAX as u64;

/// `elapsed x gain`, if that is at most [`MOST`].
#[inline]
fn product(elapsed: u64, gain: u32) -> Option<u64> {
    let (low, high) = (times((elapsed & WORD) as u32, gain), times((elapsed >> 32) as u32, gain));
    // Cannot overflow: (2^32 - 1)^2 + 2^32 - 1 is below 2^64.
    let high = high.wrapping_add(low >> 32);
    if high >> 31 == 0 { Some(high << 32 | low & WORD) } else { None }
}

/// `a x b`, all of it.
#[inline]
fn times(a: u32, b: u32) -> u64 {
    if IS_LONG { u64::from(a).wrapping_mul(u64::from(b)) } else { in_halves(a, b) }
}

/// `a x b` in halves: a third of what the compiler's routine takes.
/// None of the sums overflows: `(2^16 - 1)^2 + 2 x (2^16 - 1) = 2^32 - 1`.
#[inline(never)]
fn in_halves(a: u32, b: u32) -> u64 {
    let (a_low, a_high, b_low, b_high) = (a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16);
    let low = a_low.wrapping_mul(b_low);
    let mid = a_high.wrapping_mul(b_low).wrapping_add(low >> 16);
    let middle = a_low.wrapping_mul(b_high).wrapping_add(mid & 0xFFFF);
    let high = a_high.wrapping_mul(b_high).wrapping_add(mid >> 16).wrapping_add(middle >> 16);
    u64::from(high) << 32 | u64::from(middle << 16 | low & 0xFFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chip_multiplies_exactly() {
        let words = [0, 1, 2, 7, 0xFFFF, 0x1_0000, 0x1_0001, 0xFFFF_0000, 0xABCD_EF01, u32::MAX - 1, u32::MAX];
        let spans = (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, u64::MAX >> bit, 0x9E37_79B9_7F4A_7C15 >> bit]);
        for elapsed in spans {
            for gain in words {
                let exact = u128::from(elapsed) * u128::from(gain);
                let level = u64::try_from(exact).ok().filter(|level| *level <= MOST);
                assert_eq!(product(elapsed, gain), level, "{elapsed} x {gain}");
                assert_eq!(checked(elapsed, gain).filter(|level| *level <= MOST), level, "{elapsed} x {gain}");
                assert_eq!(gained(elapsed, gain).min(MOST), level.unwrap_or(MOST), "{elapsed} x {gain}");
            }
        }
        for a in words {
            for b in words {
                assert_eq!(in_halves(a, b), u64::from(a) * u64::from(b), "{a} x {b}");
            }
        }
    }

    #[test]
    fn the_sign_tells_what_wrapped() {
        let levels = [0, 1, 1 << 32, 1 << 62, MOST - 1, MOST];
        for a in levels {
            for b in levels {
                let difference = a.overflowing_sub(b);
                assert_eq!(is_negative(difference), a < b);
                assert_eq!(difference.0.cast_signed() < 0, a < b, "{a} - {b}, as a chip does");
            }
        }
    }
}
