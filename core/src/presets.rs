//! Named data: backoff formulas, plans, radio sub-bands, tariffs. **There is no default preset**: sources contradict each
//! other, so one is chosen by name.

pub mod backoffs;
pub mod plans;
pub mod radio;
pub mod tariffs;
