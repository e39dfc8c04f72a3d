#![no_std]
#![deny(
    clippy::float_arithmetic,
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]
//! Rate limits.

#[cfg(test)]
extern crate std;

mod bucket;
mod clocked;
mod limiter;
mod quota;
mod ticks;
mod time;

pub use bucket::{Inherit, Start, TokenBucket};
pub use clocked::Clocked;
pub use limiter::{Book, Denied, Limiter, Reservation, Token};
pub use quota::{Quota, QuotaError};
pub use ticks::{TickRate, Wrapping32, ZeroHertz};
pub use time::{Clock, Duration, Instant, ManualClock};
