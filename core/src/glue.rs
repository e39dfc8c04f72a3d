//! One file for each foreign crate: impls only.

#[cfg(feature = "defmt")]
mod defmt;
#[cfg(feature = "fugit")]
mod fugit;
