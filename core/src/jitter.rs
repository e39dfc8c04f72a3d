//! `Jitter`: how delays are spread, so that many clients do not come back at once.
//!
//! Full, equal and decorrelated jitter have these names and formulas in the AWS Architecture Blog, "Exponential Backoff And
//! Jitter" (2015), which also measures them.

use core::fmt;

use crate::backoff::Backoff;
use crate::division::permille_of;
use crate::entropy::{draw, share};

/// How a delay `d` is spread, so that many clients do not come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Jitter {
    /// `d`.
    None,
    /// Between 0 and `d`.
    Full,
    /// Between `d / 2` and `d`.
    Equal,
    /// Between the base and three times the previous delay; the growth is not used.
    Decorrelated,
    /// Between `d` and `d x (1 + permille / 1000)`.
    PlusPermille(u16),
    /// Between `d x from / 1000` and `d x to / 1000`.
    TimesRange {
        /// The lower factor, in permille.
        from: u16,
        /// The upper factor, in permille, not below the lower one.
        to: u16,
    },
}

/// A jitter with its draw, so that a constant policy links that draw and no other.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) jitter: Jitter,
    draw: fn(&Backoff, u32, u64) -> u64,
}

impl Spread {
    #[inline]
    pub(crate) const fn of(jitter: Jitter) -> Self {
        let draw = match jitter {
            Jitter::None => none,
            Jitter::Full => full,
            Jitter::Equal => equal,
            Jitter::Decorrelated => decorrelated,
            Jitter::PlusPermille(_) => plus,
            Jitter::TimesRange { .. } => times,
        };
        Self { jitter, draw }
    }

    /// The next delay, by so much entropy and at most so much; entropy of zero draws the least.
    #[inline]
    pub(crate) fn draw(self, backoff: &Backoff, entropy: u32, most: u64) -> u64 {
        // The common case in place, where flash is no matter.
        if cfg!(target_pointer_width = "64") && matches!(self.jitter, Jitter::Full) {
            full(backoff, entropy, most)
        } else {
            (self.draw)(backoff, entropy, most)
        }
    }
}

fn none(backoff: &Backoff, _: u32, _: u64) -> u64 {
    backoff.nominal
}

#[inline]
fn full(backoff: &Backoff, entropy: u32, _: u64) -> u64 {
    share(backoff.nominal, entropy)
}

fn equal(backoff: &Backoff, entropy: u32, _: u64) -> u64 {
    draw(backoff.nominal >> 1, backoff.nominal, entropy)
}

fn decorrelated(backoff: &Backoff, entropy: u32, most: u64) -> u64 {
    draw(backoff.policy.base().as_micros(), permille_of(backoff.previous, 3_000), entropy).min(most)
}

fn plus(backoff: &Backoff, entropy: u32, most: u64) -> u64 {
    let Jitter::PlusPermille(plus) = backoff.policy.spread.jitter else { return backoff.nominal };
    draw(backoff.nominal, permille_of(backoff.nominal, u32::from(plus).wrapping_add(1_000)), entropy).min(most)
}

fn times(backoff: &Backoff, entropy: u32, most: u64) -> u64 {
    let Jitter::TimesRange { from, to } = backoff.policy.spread.jitter else { return backoff.nominal };
    let [from, to] = [from, to].map(|permille| permille_of(backoff.nominal, u32::from(permille)));
    draw(from, to, entropy).min(most)
}

/// The draw follows from the jitter.
impl PartialEq for Spread {
    fn eq(&self, other: &Self) -> bool {
        self.jitter == other.jitter
    }
}

impl Eq for Spread {}

impl fmt::Debug for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.jitter.fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Spread {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.jitter.format(f);
    }
}
