//! The contract for limiter authors: one body of laws, run on any limiter.
//!
//! Whoever writes a limiter of his own implements the four methods of [`Book`](tollgate::Book) and calls [`contract`] in
//! a test. Random traces (calls, bookings, releases, clock faults, jumps to the end of time) are run against the laws in
//! [`Law`]; a broken law fails the test with its name, the shortest trace that breaks it, and what was expected.
//!
//! Limiters must be `Clone`: most laws compare two futures of the same limiter, one of which was disturbed.
//!
//! # Example
//! A limiter of one's own, "so many in flight", and its test:
//! ```
//! use tollgate::{Book, Denied, Instant, Reservation, Token};
//! use tollgate_std::testing::{Concurrency, Subject, contract};
//!
//! #[derive(Clone)]
//! struct InFlight { max: u64, used: u64 }
//!
//! impl Book for InFlight {
//!     fn room(&self, _now: Instant) -> u64 {
//!         self.max.saturating_sub(self.used)
//!     }
//!     fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
//!         match cost {
//!             big if big > self.max => Err(Denied::Never { max: self.max }),
//!             fits if fits <= self.room(now) => Ok(from),
//!             _ => Err(Denied::Busy),
//!         }
//!     }
//!     fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
//!         let at = self.quote(now, at, cost)?;
//!         self.used += cost;
//!         Ok(Reservation::new(at, cost, Token::default()))
//!     }
//!     fn settle(&mut self, _now: Instant, held: Reservation, actual: u64) {
//!         self.used = self.used.saturating_sub(held.cost()).saturating_add(actual);
//!     }
//! }
//!
//! // #[test] fn in_flight_keeps_the_contract() {
//! let subject = Subject::new(|_now| InFlight { max: 5, used: 0 }).bound(Concurrency::new(5));
//! contract(&subject);
//! // }
//! ```
//! Had `settle` given back one unit too many:
//! ```should_panic
//! # use tollgate::{Book, Denied, Instant, Reservation, Token};
//! # use tollgate_std::testing::{Concurrency, Subject, contract};
//! # #[derive(Clone)]
//! # struct InFlight { max: u64, used: u64 }
//! # impl Book for InFlight {
//! #     fn room(&self, _now: Instant) -> u64 { self.max.saturating_sub(self.used) }
//! #     fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
//! #         match cost {
//! #             big if big > self.max => Err(Denied::Never { max: self.max }),
//! #             fits if fits <= self.room(now) => Ok(from),
//! #             _ => Err(Denied::Busy),
//! #         }
//! #     }
//! #     fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
//! #         let at = self.quote(now, at, cost)?;
//! #         self.used += cost;
//! #         Ok(Reservation::new(at, cost, Token::default()))
//! #     }
//! #     fn settle(&mut self, _now: Instant, held: Reservation, actual: u64) {
//! #         self.used = self.used.saturating_sub(held.cost() + 1).saturating_add(actual);
//! #     }
//! # }
//! # let subject = Subject::new(|_now| InFlight { max: 5, used: 0 }).bound(Concurrency::new(5));
//! contract(&subject); // panics: names the law, prints the trace
//! ```
//!
//! # How many traces, and which
//! The same ones on every run. `TOLLGATE_CASES` (traces per law) and `TOLLGATE_SEED` (a number) in the environment ask
//! for more or for others; both are printed with a failure.

//!
//! # Power cuts
//! [`Flash`] is a NOR flash in memory that can be cut off at any byte: for whatever has to survive that.
//!
//! # Time
//! [`HandClock`] moves only when it is told, and all threads and tasks see it: for whatever waits.

mod bound;
mod flash;
mod hand_clock;
mod laws;
mod report;
mod subject;
mod trace;
mod world;

pub use bound::{Bound, BucketBound, Concurrency, Event, History, Use, WindowBound};
pub use flash::{Cut, Flash, FlashError};
pub use hand_clock::{HandClock, HandSleep};
pub use laws::{Law, check, contract};
pub use report::Broken;
pub use subject::Subject;
