#![doc = include_str!("../README.md")]
#![no_std]
#![expect(non_camel_case_types, reason = "the names are those of the C header")]
#![expect(clippy::missing_safety_doc, reason = "the same for every function: said once, under Rules")]
#![deny(
    clippy::float_arithmetic,
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

// On a host the standard library brings the panic handler.
#[cfg(not(target_os = "none"))]
extern crate std;

mod accounts;
mod backoff;
mod bucket;
mod budget;
mod call;
mod gate;
mod handle;
mod jobs;
mod ledger;
mod outcome;
mod report;
mod response;
mod slots;
mod state;
mod status;
mod why;
mod window;

pub use accounts::*;
pub use backoff::*;
pub use bucket::*;
pub use budget::{
    TOLLGATE_ACCOUNTS, TOLLGATE_ROLLING_SLICES, tollgate_budget, tollgate_line, tollgate_overage, tollgate_renewal,
    tollgate_unit,
};
pub use gate::{
    TOLLGATE_GATE_CALLS, TOLLGATE_GATE_JOBS, TOLLGATE_GATE_WORDS, TOLLGATE_PERMIT_WORDS, tollgate_gate,
    tollgate_gate_answered, tollgate_gate_ask, tollgate_gate_cancel, tollgate_gate_config, tollgate_gate_earliest,
    tollgate_gate_heard, tollgate_gate_init, tollgate_gate_poll, tollgate_gate_resolved, tollgate_gate_sending,
    tollgate_gate_try_ask, tollgate_permit, tollgate_request,
};
pub use handle::TOLLGATE_ALIGNMENT;
pub use jobs::*;
pub use ledger::*;
pub use outcome::*;
pub use report::*;
pub use response::*;
pub use slots::*;
pub use state::*;
pub use status::*;
pub use why::*;
pub use window::*;

/// No panic can be reached in an optimised build, so that it contains no call of this and links without
/// `tollgate_panicked`. Whoever links an unoptimised build provides that; it must not return.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn tollgate_panicked() -> !;
    }
    // SAFETY: the application's own function, which takes nothing.
    unsafe { tollgate_panicked() }
}
