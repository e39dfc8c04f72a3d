//! One program, four ways: in a super-loop, on RTIC, on embassy and on tokio.
//!
//! Five clips wait for an upstream that takes an order a second, makes two at once and is paid from 80 credits. All four
//! programs print the same:
#![doc = "```text"]
#![doc = include_str!("guide/expected.txt")]
#![doc = "```"]
//! Each line has its limit: clip 2 waits for the rate, clip 3 and clip 4 for a slot, and clip 5 for the credits that clip 4
//! does not need after all: 20 are set aside for each, and 15 is what one turns out to cost.
//!
//! # Which one
//! | You have | Take | Who sleeps | Features |
//! |---|---|---|---|
//! | one loop that owns everything | [`Clocked`](crate::Clocked), or `now` in every call | the loop, to the earliest of the instants it knows | |
//! | interrupts that share it, no executor | the same within `critical_section`, or RTIC | as above; the section is as short as one decision | |
//! | RTIC | a shared resource | a task, in `timeout_at`, that a signal wakes sooner | `fugit` |
//! | embassy, or another executor without a heap | `tollgate::embassy::Shared` | whoever waits, first come first served | `embassy-sync`, `embassy-time` |
//! | tokio, or any runtime on a host | `tollgate_std::Shared` | whoever waits, in one line with the threads | `tokio`, of `tollgate-std` |
//! | jobs that are async functions | `tollgate_std::Runner`, which has the queue and the retries in it | each job's own task | |
//! | threads | `tollgate_std::Shared`, with its `blocking_` verbs | the thread | |
//!
//! On all of them a refusal says what to wait for, and nothing is polled: `Until(at)` is the instant to sleep to, `Busy`
//! is over when a clip is ready. `Shared` does both by itself: it sleeps, and it wakes the first in line when anybody
//! reaches in. Without it the program does: it takes the earliest of the instants, and looks again when a clip is ready.
//! What ends without anybody's word, a permit or a lease, is told by [`Gate::expire`](crate::Gate::expire) at
//! [`Gate::next_event`](crate::Gate::next_event).
//!
//! # What is the same
//! A [`Dispatcher`](crate::Dispatcher), its upstream, and the words. `next` has the shape that everything here waits for:
//! something now, or when. This upstream takes every order, and [`Gate::resolved`](crate::Gate::resolved) says so; where its
//! answers are to decide about retries, [`Gate::answered`](crate::Gate::answered) hears them.
#![doc = "```ignore"]
#![doc = include_str!("guide/studio.rs")]
#![doc = "```"]
//!
//! # In a super-loop
//! Every board of `examples/firmware` runs this one, down to the Cortex-M0: `cargo xtask firmware run microbit clips_super_loop`.
#![doc = "```ignore"]
#![doc = include_str!("guide/super_loop.rs")]
#![doc = "```"]
//!
//! # On RTIC
//! `cargo xtask firmware run lm3s6965 clips_rtic`. Locks are RTIC's, at compile time; what must come at once gets a task of a
//! higher priority, and shares the same studio.
#![doc = "```ignore"]
#![doc = include_str!("guide/rtic.rs")]
#![doc = "```"]
//!
//! # On embassy
//! Every board runs it: `cargo xtask firmware run rv32imac clips_embassy`.
#![doc = "```ignore"]
#![doc = include_str!("guide/embassy.rs")]
#![doc = "```"]
//!
//! # On tokio
//! `cargo run --example clips_tokio`.
#![doc = "```ignore"]
#![doc = include_str!("guide/tokio.rs")]
#![doc = "```"]
//!
//! The sources are in `examples/clips`. This page shows those files themselves, and `cargo xtask firmware` compares what
//! they print, on this machine and on five emulated boards.
