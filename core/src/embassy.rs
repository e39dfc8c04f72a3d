//! Tollgate for embassy: a limiter that tasks share and wait for, and the clock of `embassy-time`.
//!
//! | Feature | What it brings |
//! |---|---|
//! | `embassy-sync` | `Shared`, `Waiting`, `Permit`; `Admitting` and `Admission` for a gate; `AlarmClock`; any clock, any executor |
//! | `embassy-time` | `EmbassyClock`; conversions of instants and durations, both ways |
//!
//! Neither picks a tick rate, a time driver or an implementation of `critical-section`: those are the application's. Where
//! one loop owns the limiter and nobody waits, take [`Clocked`](crate::Clocked) instead.
//!
//! # Example
//! Two tasks that share sixty requests a minute, one that sends and one that changes the limit:
#![cfg_attr(all(feature = "embassy-sync", feature = "embassy-time"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "embassy-sync", feature = "embassy-time")), doc = "```ignore")]
//! use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
//! use embassy_time::Timer;
//! use tollgate::embassy::{EmbassyClock, Shared, WaitError};
//! use tollgate::{Duration, Inherit, Instant, Quota, Start, TokenBucket};
//! # async fn send() -> Result<(), ()> { Ok(()) }
//!
//! const API: Quota = tollgate::valid!(Quota::new_with_burst(60, Duration::from_mins(1), 5));
//!
//! /// Room for four tasks that wait.
//! static REQUESTS: Shared<CriticalSectionRawMutex, TokenBucket, EmbassyClock, 4> =
//!     Shared::new(TokenBucket::new(API, Start::Full, Instant::ORIGIN), EmbassyClock);
//!
//! // #[embassy_executor::task]
//! async fn sensor() {
//!     loop {
//!         match REQUESTS.wait(1).at_most(Duration::from_secs(30)).await {
//!             Ok(permit) => {
//!                 if send().await.is_ok() {
//!                     permit.commit(1);
//!                 } // else the permit is dropped, and the unit is there for the next in line
//!             }
//!             Err(WaitError::Timeout { until }) => { /* known as soon as it was certain; `until` says when it could */ }
//!             Err(WaitError::Full | WaitError::Never { .. }) => { /* said at once */ }
//!         }
//!         Timer::after_secs(10).await;
//!     }
//! }
//!
//! // #[embassy_executor::task]
//! async fn at_night(slow: Quota) {
//!     Timer::after_secs(8 * 3_600).await;
//!     REQUESTS.with(|bucket, now| bucket.set_quota(now, slow, Inherit::Proportional)); // and the line looks again
//! }
//! ```
//!
//! The same `Shared` serves a [`Gate`](crate::Gate), which tasks wait for with `Shared::admit`, and a
//! [`Dispatcher`](crate::Dispatcher), whose next job they wait for with `Shared::next`. A job's slot, several limits at once and whatever else says "now, then, or never" is waited for with
//! `Shared::wait_for`.

#[cfg(feature = "embassy-sync")]
pub use crate::glue::embassy_sync::{
    Admission, AdmitError, Admitting, AlarmClock, Dispatches, Gated, Permit, Shared, WaitError, Waiting,
};
#[cfg(feature = "embassy-time")]
pub use crate::glue::embassy_time::{BetweenTicks, EmbassyClock};
