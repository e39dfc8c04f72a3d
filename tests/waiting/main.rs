//! Waiting in one line, as threads and as tasks: what the users of other limiters suffer from.
//!
//! Nothing waits on real time: tokio's is paused, and the other clock is moved by hand.

mod crowd;
mod gate_scene;
mod gate_thread_rows;
mod gate_tokio_rows;
mod mixed;
mod orders;
mod scene;
mod tasks;
mod thread_rows;
mod tokio_rows;
