//! Named data: backoff formulas, radio sub-bands. **There is no default preset**: sources contradict each other, so one is
//! chosen by name.

pub mod backoffs;
pub mod radio;
