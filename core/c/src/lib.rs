#![doc = include_str!("../README.md")]
#![no_std]
#![allow(non_camel_case_types, reason = "the names are those of the C header")]
#![allow(clippy::missing_safety_doc, reason = "the same for every function: said once, under Rules")]
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

mod bucket;
mod call;
mod handle;
mod status;

pub use bucket::*;
pub use status::{tollgate_status, tollgate_status_text, tollgate_why};

/// No panic can be reached in an optimised build, so that it contains no call of this and links without
/// `tollgate_panicked`. An application that links a debug build provides it; it must not return.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn tollgate_panicked() -> !;
    }
    // SAFETY: the application's own function, which takes nothing.
    unsafe { tollgate_panicked() }
}
