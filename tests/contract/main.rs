//! The contract on every limiter of the house, and the limiters that it must catch.

mod subjects;
