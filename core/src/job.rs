//! `JobId`: what slots, holds and prices call a job, and the two ways in which one is not what the caller thinks.

use core::fmt;

/// The caller's name for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct JobId(pub u64);

/// This job has a slot already; asking again would run it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AlreadyOpen(pub JobId);

impl fmt::Display for AlreadyOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} has a slot already: expected a job without one", self.0.0)
    }
}

impl core::error::Error for AlreadyOpen {}

/// This job has no slot: never opened, closed before, or its lease is over and it was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NotOpen(pub JobId);

impl fmt::Display for NotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} has no slot: expected one that runs", self.0.0)
    }
}

impl core::error::Error for NotOpen {}
