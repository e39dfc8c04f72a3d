//! Examples on a host, to read and to run. This library is empty; the examples are programs.
//!
//! | Command | What it shows |
//! |---|---|
//! | `cargo run --release --example gateway` | the main job: a real client, a real server, every limit in one gate, no violation |
//! | `cargo run --example super_loop` | one loop without an operating system that sleeps until something can happen |
//! | `cargo run --example clips_tokio` | the program of the page `tollgate::guide` on tokio; its other three ways are firmware |
