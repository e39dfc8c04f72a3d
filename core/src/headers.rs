//! What a server says about its limits, and how to say it.
//!
//! HTTP servers tell their limits in `Retry-After`, in five generations of `RateLimit` fields and in dozens of vendor
//! headers.

mod civil;
pub mod http_date;
pub mod moment;
pub mod retry_after;
mod text;

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
