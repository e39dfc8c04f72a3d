//! The questions whose cost is measured, and the states they are asked in.
//!
//! They stand in a library without `std`, so that the same functions are compiled for the chips. A new limiter brings
//! its functions and its rows into one of the files here.

#![no_std]

pub mod case;
pub mod feedback;
pub mod gates;
pub mod limiters;
pub mod memory;
pub mod money;
pub mod queues;
pub mod response;

use case::Case;

/// Every row, in the sequence of the tables.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    let parts: [&[Case]; 5] = [&limiters::CASES, &feedback::CASES, &money::CASES, &gates::CASES, &queues::CASES];
    parts.into_iter().flatten()
}
