//! Amounts, calendars, prices and plans against their vectors (`tests/vectors/golden/`) and slow oracles.
//!
//! A `g*` file records what the source documents' own code returns, defects included: the library equals it where it is
//! right, and the test says what comes instead where it is not. A `ref_*` file is exact and is equalled throughout.

mod amounts;
mod calendars;
mod config;
mod plans;
mod presets;
mod prices;
mod table;
mod zones;
