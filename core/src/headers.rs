//! What a server says about its limits, and how to say it.
//!
//! A client gives every header line to a [`FeedbackReader`] and gets a [`Feedback`]: how long to wait, what is left, what
//! kind of refusal it was. A server describes its limits in [`emit`]. Both work on bytes, with any HTTP stack.
//!
//! ```text
//! Retry-After, RateLimit (five generations), vendors' headers ──► FeedbackReader ──► Feedback ──► wait, retry or give up
//! ```
//! Everything is bad input: what cannot be read is ignored and counted, too large numbers saturate, nothing panics, and
//! work is linear in the input. A reader and a feedback take about a kilobyte each.

mod bucket;
pub mod dialects;
pub mod emit;
mod feedback;
pub mod http_date;
mod label;
mod lines;
pub mod moment;
pub mod ratelimit;
mod reader;
pub mod retry_after;
pub mod structured;
mod table;
mod text;
mod vendors;

pub use bucket::{Bucket, Origin, Unit};
pub use feedback::{Faults, Feedback};
pub use label::{LABEL_LEN, Label};
pub use reader::FeedbackReader;
pub use table::BUCKETS;

pub use crate::retry::Verdict;

/// How closely a value must follow its grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Mode {
    /// To the letter of the RFC: for servers, and for tests.
    Strict,
    /// What is seen in the wild and has one meaning only: for clients.
    #[default]
    Lenient,
}
