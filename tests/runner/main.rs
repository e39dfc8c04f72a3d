//! The runner: every way in which a job can end, with the books of its gate, and crowds of jobs that end in all of them.
//!
//! Nothing waits on real time: tokio's is paused, and where real threads race, the clock is moved by hand.

mod closing;
mod ends;
mod order;
mod scene;
mod stock;
mod stress;
mod threads;
