//! Named data: backoff formulas, plans, radio sub-bands, tariffs. **There is no default preset**: sources contradict each
//! other, so one is chosen by name.
//!
//! The names carry the number of the source document that a preset follows. All are about the Kling AI video API:
//!
//! | number | what it is | presets |
//! |---|---|---|
//! | 000 | a guide to rate limits | [`backoffs::SEED_000`], plans |
//! | 001 | another guide to rate limits, with tiers | [`backoffs::SEED_001`], plans |
//! | 002 | cost controls: credits per duration | tariffs |
//! | 003 | pricing basics: credits per second | tariffs |
//! | 004 | a page on usage caps | plans |

pub mod backoffs;
pub mod plans;
pub mod radio;
pub mod tariffs;
