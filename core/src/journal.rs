//! What survives a power cut: one limiter, the money of a ledger, or that of a gate, in a journal on NOR flash.
//!
//! Whoever counts only in memory starts whole after every reboot. These write down what may be used *before* it is used;
//! within that lease nothing is written.
//!
//! | what | with |
//! |---|---|
//! | one limiter: a quota, a window, a duty cycle | [`LimiterKeeper`] |
//! | one thing that grants nothing: a backoff, a breaker, the clock | [`ImageLog`] |
//! | the money of a ledger, its jobs and ids | [`Keeper`] |
//! | the money and the jobs of a gate | [`GateKeeper`] |
//! | a place of your own for bytes: an EEPROM, a file, a backup register | an [image](crate::Image) alone |
//!
//! The first two take the features `image` and `journal`; they cost a fraction of a [`Keeper`], for they have one record
//! instead of seven kinds, and nothing to replay.
//!
//! ```text
//!  charge ──> inside the lease ───────────────────────────────> granted
//!         └─> above it ──> record: "used up to X" ──> written ──> granted          after a cut: X counts as used
//!                                                 └─> failed ───> nothing granted
//! ```
//! Any flash with [`embedded_storage::nor_flash::NorFlash`] will do, as two or more pages in a ring; erased is all ones.
//! Records have a number and a checksum. A cut at any byte of any write or erase, and another one while the first is being
//! recovered from, loses nothing that was granted.

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
