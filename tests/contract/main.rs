//! The contract on every limiter of the house, the limiters that it must catch, and the traces behind its laws.
//!
//! `TOLLGATE_CASES` and `TOLLGATE_TRACES` ask for more traces, `TOLLGATE_SEED` for others.

mod bookings;
mod exact;
mod model;
mod subjects;
mod traces;
mod wrong;
