//! Response headers: vectors, differential tests against other parsers, and what must hold for any input.

mod dates;
mod delays;
mod emission;
mod feedback;
mod fields;
mod structured;
mod vectors;
