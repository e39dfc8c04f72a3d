//! `tollgate` on a host: the same exact limiters, shared by threads.

mod clock;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::StdClock;
