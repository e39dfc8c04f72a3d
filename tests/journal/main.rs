//! Money through power cuts: the journal, its leases, its wear, and the file on a host.

mod asynchronous;
mod budgets;
mod complaints;
mod cuts;
mod damage;
mod file;
mod gate_cuts;
mod gate_money;
mod gates;
mod limiter_cuts;
mod limiter_damage;
mod limiters;
mod support;
mod vectors;
