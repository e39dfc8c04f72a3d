//! One file for each foreign crate: impls only.

#[cfg(feature = "fugit")]
mod fugit;
