//! One file for each foreign crate: impls only, and the few types that exist for that crate alone.

#[cfg(feature = "defmt")]
mod defmt;
#[cfg(feature = "embassy-sync")]
pub(crate) mod embassy_sync;
#[cfg(feature = "embassy-time")]
pub(crate) mod embassy_time;
#[cfg(feature = "fugit")]
mod fugit;
