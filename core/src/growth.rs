//! `Growth`: how delays grow from one retry to the next.

use core::fmt;
use core::num::NonZeroU32;

use crate::backoff::Backoff;
use crate::division::permille_of;

/// How the delays grow from one retry to the next, before jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Growth {
    /// Always the base.
    Constant,
    /// Each the sum of the two before: 1, 1, 2, 3, 5.
    Fibonacci,
    /// Each `permille / 1000` times the one before; 2000 doubles. Fractions of a microsecond are dropped.
    Exponential {
        /// The factor in permille, at least 1000.
        permille: NonZeroU32,
    },
}

/// A growth with its step, so that a constant policy on a chip links that step and no other.
#[derive(Clone, Copy)]
pub(crate) struct Grows {
    /// `Constant` is 0 and `Fibonacci` 1; above is a factor in permille, which is at least 1000.
    code: u32,
    // A 64-bit machine has flash to spare, and a backoff there would take 8 bytes more.
    #[cfg(not(target_pointer_width = "64"))]
    step: fn(&mut Backoff),
}

const FIBONACCI: u32 = 1;
const DOUBLING: u32 = 2_000;

impl Grows {
    pub(crate) const DOUBLING: Self = Self {
        code: DOUBLING,
        #[cfg(not(target_pointer_width = "64"))]
        step: double,
    };

    #[inline]
    pub(crate) const fn of(growth: Growth) -> Self {
        let code = match growth {
            Growth::Constant => 0,
            Growth::Fibonacci => FIBONACCI,
            Growth::Exponential { permille } => permille.get(),
        };
        Self {
            code,
            #[cfg(not(target_pointer_width = "64"))]
            step: step(growth),
        }
    }

    /// Leads a backoff on, after a delay.
    #[inline]
    pub(crate) fn lead(self, backoff: &mut Backoff) {
        #[cfg(not(target_pointer_width = "64"))]
        (self.step)(backoff);
        #[cfg(target_pointer_width = "64")]
        if self.code == DOUBLING { double(backoff) } else { other(backoff) }
    }

    pub(crate) const fn growth(self) -> Growth {
        match NonZeroU32::new(self.code) {
            None => Growth::Constant,
            Some(code) if code.get() == FIBONACCI => Growth::Fibonacci,
            Some(permille) => Growth::Exponential { permille },
        }
    }
}

#[inline]
const fn step(growth: Growth) -> fn(&mut Backoff) {
    match growth {
        Growth::Constant => stay,
        Growth::Fibonacci => add,
        // The common case needs no multiplication.
        Growth::Exponential { permille } if permille.get() == DOUBLING => double,
        Growth::Exponential { .. } => multiply,
    }
}

#[cfg(target_pointer_width = "64")]
fn other(backoff: &mut Backoff) {
    step(backoff.policy.growth.growth())(backoff);
}

fn stay(_: &mut Backoff) {}

fn add(backoff: &mut Backoff) {
    let (d, max) = (backoff.nominal, backoff.max());
    // At the max it stays there.
    if d < max {
        backoff.nominal = backoff.following;
        backoff.following = d.wrapping_add(backoff.following.min(max.wrapping_sub(d)));
    }
}

#[inline]
fn double(backoff: &mut Backoff) {
    let d = backoff.nominal;
    // At most the max, as it is already, so that nothing wraps.
    backoff.nominal = d.wrapping_add(d.min(backoff.max().wrapping_sub(d)));
}

fn multiply(backoff: &mut Backoff) {
    let (d, max) = (backoff.nominal, backoff.max());
    if d < max {
        // No factor is below 1000.
        let more = permille_of(d, backoff.policy.growth.code.wrapping_sub(1_000));
        backoff.nominal = d.wrapping_add(more.min(max.wrapping_sub(d)));
    }
}

/// The step follows from the growth.
impl PartialEq for Grows {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Grows {}

impl fmt::Debug for Grows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.growth().fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Grows {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.growth().format(f);
    }
}
