//! The gate: life of a job, time, reconciliation, blocks, and one admission over everything.

mod blocks;
mod dispatch;
mod dispatch_answered;
mod laws;
mod lives;
mod owner;
mod reconcile;
mod restart;
mod states;
mod stock;
mod support;
