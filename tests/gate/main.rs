//! The gate: life of a job, time, reconciliation, blocks, and one admission over everything.

mod states;
mod support;
