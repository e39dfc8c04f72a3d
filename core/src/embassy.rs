//! Tollgate for embassy: a limiter that tasks share and wait for, and the clock of `embassy-time`.
//!
//! | Feature | What it brings |
//! |---|---|
//! | `embassy-sync` | [`Shared`], [`Waiting`], [`Permit`], [`AlarmClock`]; any clock, any executor |
//! | `embassy-time` | [`EmbassyClock`]; conversions of instants and durations, both ways |
//!
//! Neither picks a tick rate, a time driver or an implementation of `critical-section`: those are the application's. Where
//! one loop owns the limiter and nobody waits, take [`Clocked`](crate::Clocked) instead.

#[cfg(feature = "embassy-sync")]
pub use crate::glue::embassy_sync::{AlarmClock, Permit, Shared, WaitError, Waiting};
#[cfg(feature = "embassy-time")]
pub use crate::glue::embassy_time::{BetweenTicks, EmbassyClock};
