//! What a proof is made of: values that the compiler knows nothing about, and a panic that cannot be linked.
//!
//! ```text
//! any() ──> a call of Tollgate ──> seen()      for every call: nothing of its state or arguments is known
//!                 └── a panic ──> the handler ──> a function that does not exist: the link fails
//! ```
//! The trap of such proofs is knowledge: link-time optimisation looks into a private variable, sees that nobody changes
//! it, and removes the panic with the proof. So no case builds a state: [`any`] hands out references to places that the
//! compiler believes to have been written by someone else, again before each call. Firmware of this kind is linked and
//! never run. In `must_fail/` is what must not link, lest the proof prove nothing.
//!
//! In the proof: every limiter, slots, budgets, ledger, grants, prices, plans, presets, the calendar and the clocks, backoff,
//! retry, breaker, adaptation; the gate, the queue, the dispatcher; headers, read and written, structured fields as well;
//! images of every kind; the journal of a limiter, a ledger and a gate, with its recovery from any bytes.
//!
//! Not in it, and why:
//!
//! | what | why |
//! |---|---|
//! | JSON (`json`, `serde`) | `serde-json-core` indexes, in both directions |
//! | `Display`, `Debug`, `defmt` | what goes through `core::fmt` keeps panics of its own |
//! | `journal-async`, `embassy-sync` | a future panics when it is polled after it was ready: `must_fail/resumed.rs` |
//! | `fugit`, `embassy-time` | the conversions of these crates panic, or divide by a rate that the program sets |
//! | [`tollgate::valid!`] | it panics at compile time, where that is the point |
//! | `tollgate-std`, `tollgate-c` | the proof is about the core; the C interface says for itself what must not link |

#![no_std]

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

/// Any value at all of the type, as far as the compiler knows.
///
/// Take state as `any::<&mut State>()`: whatever lies behind it is forgotten with each further `any`.
#[inline(always)]
pub fn any<T>() -> T {
    // SAFETY: it is not. The program is linked and never run, and the value comes out of an assembly block that the
    // compiler cannot look into, where it might well have been written.
    unsafe { black_box(MaybeUninit::<T>::uninit()).assume_init() }
}

/// Makes the compiler believe that the answer is used, all of it.
#[inline(always)]
pub fn seen<T>(answer: T) {
    black_box(answer);
}

/// Declares functions that are called with nothing known: one for each case, all of them called by `reset`.
///
/// Their names stay in the firmware, where `cargo xtask proof` counts them.
#[macro_export]
macro_rules! cases {
    ($($(#[$about:meta])* $name:ident $body:block)*) => {
        $(
            $(#[$about])*
            #[unsafe(no_mangle)]
            #[inline(never)]
            pub extern "C" fn $name() {
                $body
            }
        )*
        /// All of them.
        pub fn all() {
            $($name();)*
        }
    };
}

#[cfg(not(feature = "name-the-panics"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_can_be_reached() -> !;
    }
    // SAFETY: nobody defines it, so that nobody calls it.
    unsafe { a_panic_can_be_reached() }
}

/// Links, and keeps the file and the line of each panic that is left.
#[cfg(feature = "name-the-panics")]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    loop {
        black_box(info.location());
    }
}
