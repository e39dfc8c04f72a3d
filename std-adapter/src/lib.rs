//! tollgate-std

#[cfg(feature = "testing")]
pub mod testing;
