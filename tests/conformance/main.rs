//! The peers' own tests, as tables: what other limiters promise their users, this one promises too, or says why not.
//!
//! One file a peer, each with the repository, the commit and the name of the test that a row comes from; the facts and
//! figures are theirs, the code is not. A row is *held* where the same numbers come out, and *differs* where the peer
//! asserts what should not be copied: then the row states our answer and the reason. Peers that count in nanoseconds
//! are read in microseconds: the integers are the same, the unit is a thousand times longer.
//!
//! What is not our model is listed at the top of each file with the reason.

mod aiolimiter;
mod backoff_crate;
mod backon;
mod bucket4j;
mod bucket4j_replacement;
mod formulas;
mod governor;
mod limits;
mod redis_cell;
mod until;
mod waiters;

use tollgate::{Duration, Instant, Quota, Start, TokenBucket};

/// `micros` after the origin.
fn us(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// `millis` after the origin.
fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// `units` in every `per`, `burst` at once, of which `start` are there at the origin.
fn bucket(burst: u32, units: u32, per: Duration, start: u32) -> TokenBucket {
    bucket_at(burst, units, per, start, Instant::ORIGIN)
}

fn bucket_at(burst: u32, units: u32, per: Duration, start: u32, now: Instant) -> TokenBucket {
    let quota = Quota::new_with_burst(units, per, burst).expect("a quota that can be exact");
    TokenBucket::new(quota, Start::With(start), now)
}

/// A generator for traces: the same numbers in every run, so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    /// A number of `low..=high`.
    fn draw(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = self.0 ^ (self.0 >> 29);
        low + (mixed >> 16) % (high - low + 1)
    }

    fn draw_u32(&mut self, low: u32, high: u32) -> u32 {
        u32::try_from(self.draw(low.into(), high.into())).expect("not above the upper end")
    }
}
