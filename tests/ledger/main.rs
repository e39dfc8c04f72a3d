//! The wall, budgets, the ledger and grants against their vectors (`tests/vectors/golden/`) and a slow, obvious model.
//!
//! A `g*` file records what the source documents' own code returns, defects included: the library equals it where it is
//! right, and the test says what comes instead where it is not. A `ref_*` file is exact and is equalled throughout; where
//! the reference model is simpler than the rules, the rules hold and the test says so.

mod asks;
mod bad_input;
mod changes;
mod complaints;
mod contract;
mod dates;
mod golden;
mod grants;
mod grants_model;
mod model;
mod oracle;
mod precedence;
mod scenarios;
mod support;
mod usage;
