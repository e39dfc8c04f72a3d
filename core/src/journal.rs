//! Money that survives a power cut: budgets, jobs and ids in a journal on NOR flash.
//!
//! Whoever counts only in memory starts whole after every reboot. A [`Keeper`] writes down what a budget may have used
//! *before* it is used; within that lease nothing is written. A [`GateKeeper`] does so for the money of a gate, and writes
//! down each of its jobs. For what is no money take an image of the limiter instead.
//!
//! ```text
//!  charge ──> inside the lease ───────────────────────────────> granted
//!         └─> above it ──> record: "used up to X" ──> written ──> granted          after a cut: X counts as used
//!                                                 └─> failed ───> nothing granted
//! ```
//! Any flash with [`embedded_storage::nor_flash::NorFlash`] will do, as two or more pages in a ring; erased is all ones.
//! Records are slots of 32 bytes with a number and a checksum. A cut at any byte of any write or erase, and another one
//! while the first is being recovered from, loses nothing that was granted.

mod books;
mod drive;
mod fault;
mod gate_keeper;
mod gate_restore;
mod gate_state;
mod gate_verbs;
#[cfg(feature = "image")]
mod image_log;
#[cfg(feature = "image")]
mod image_ring;
mod jobs;
mod keeper;
mod layout;
mod lease;
#[cfg(feature = "image")]
mod limiter_keeper;
mod log;
mod owner;
mod record;
mod recovery;
mod restore;
mod state;
mod verbs;
mod wear;

pub use fault::{GateKeepError, JournalError, JournalFault, KeepError};
pub use gate_keeper::GateKeeper;
#[cfg(feature = "image")]
pub use image_log::{ImageLog, record_bytes};
#[cfg(feature = "journal-async")]
pub use keeper::Async;
pub use keeper::Keeper;
pub use layout::{FORMAT, Layout, LayoutError};
pub use lease::{Keeping, Lease};
#[cfg(feature = "image")]
pub use limiter_keeper::{LimiterKeepError, LimiterKeeper};
pub use record::{Figures, JobPhase, JobRecord, Record, SLOT};
pub use recovery::Damage;
pub use state::Health;
pub use wear::Wear;
