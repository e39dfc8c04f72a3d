//! `tollgate` on a host: the same exact limiters, shared by threads and tasks.
//!
//! The limiters themselves, their contract and their words are those of the crate [`tollgate`]; this one brings what
//! needs an operating system: a clock, locks, waiting in line.
//!
//! # Example: workers behind one limit
//! Sixty calls a minute, whoever makes them; at most five seconds in line; what fails is given back.
//! ```
//! use tollgate::{Clock, Duration, Quota, Start, TokenBucket};
//! use tollgate_std::{Shared, StdClock, WaitError};
//! # fn call_upstream(_request: u32) -> Result<(), std::io::Error> { Ok(()) }
//! const API: Quota = tollgate::valid!(Quota::new(60, Duration::from_mins(1)));
//!
//! let limiter = Shared::new(TokenBucket::new(API, Start::Full, StdClock::default().now()));
//! let workers = [1, 2, 3].map(|request| {
//!     let limiter = limiter.clone();
//!     std::thread::spawn(move || match limiter.blocking_wait(1, Duration::from_secs(5)) {
//!         Ok(permit) => call_upstream(request).map(|()| permit.commit(1)),
//!         Err(WaitError::Timeout { until: Some(at) }) => Err(std::io::Error::other(format!("retry at {at}"))),
//!         Err(refused) => Err(std::io::Error::other(refused)),
//!     })
//! });
//! for worker in workers {
//!     worker.join().unwrap()?;
//! }
//! assert_eq!(limiter.available(), 57);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Which one do I need?
//! ```text
//! one limit ................................ Shared<TokenBucket>           wait(cost)     ──► Permit
//! every limit of an upstream ............... Shared<Gate>                  admit(request) ──► Admission
//!   and more jobs than may be sent,
//!     with workers of my own ............... Shared<Dispatcher>            next()         ──► Dispatch
//!     as async functions ................... Runner                        submit(..)     ──► JobHandle
//! no limit of mine, only what it answers ... Upstream                      call(..)       ──► the answer
//! ```
//! * [`Shared`] is one lock, one clock and one fair line around whatever is limited. The same line serves threads and
//!   tasks: first come, first served, woken by release, by time and by a live change of a limit.
//! * With a [`Gate`](tollgate::Gate), who waits asks for all limits at once. An [`Admission`] that is dropped before it was
//!   sent gives everything back; after that, its job may run, and the gate knows.
//! * With a [`Dispatcher`](tollgate::Dispatcher), jobs wait in a queue with classes, keys and deadlines, and the line is
//!   one of workers.
//! * A [`Runner`] brings the workers: jobs are async functions, sent again when the gate says so, with a handle each.
//! * An [`Upstream`] needs no limits: it keeps back what the server has refused, for all calls.
//!
//! # What is where
//! | You want | Take |
//! |---|---|
//! | the time | [`StdClock`] |
//! | one limiter for many threads and tasks | [`Shared`] |
//! | to wait your turn, fairly | [`Shared::blocking_wait`], [`Shared::wait`], with a [`Wait`] |
//! | to wait for several limits, or for a part of one | [`Shared::blocking_wait_for`], [`Shared::wait_for`] |
//! | to wait on a runtime of your own | [`Timer`] |
//! | to know why a wait came to nothing | [`WaitError`] |
//! | to wait for all limits of an upstream at once | [`Shared::admit`], [`Shared::blocking_admit`] on a `Shared<Gate<..>>` |
//! | to know why that came to nothing | [`AdmitError`] |
//! | a gate's permit that crosses tasks and gives itself back | [`Admission`] |
//! | jobs for workers of your own | [`Shared::submit`], [`Shared::next`], [`Shared::blocking_next`] on a `Shared<Dispatcher<..>>` |
//! | jobs as async functions, in order, sent again, paid for | [`Runner`], [`JobRequest`], [`Call`] |
//! | the result of one, or to cancel it | [`JobHandle`], [`JobError`] |
//! | to run them on a runtime of your own | [`Runner::run`], [`JobTask`] |
//! | to stop in good order | [`Runner::close`], [`Runner::drain`] |
//! | to stop waiting from outside | [`Cancel`] |
//! | units that are given back when you forget about them | [`Permit`] |
//! | to look at a shared limiter, to reach into it | [`Shared::look`], [`Shared::with`] |
//! | to send again where that may help, and keep others back | [`Upstream::call`], [`Upstream::call_async`] |
//! | to say what the answers of your HTTP stack mean | [`Classify`] |
//! | to know why a call came to nothing | [`CallError`] |
//! | to tell that a job has ended at the server | [`Upstream::released`] |
//! | to see what goes on at an upstream | [`Upstream::status`], [`Upstream::with_observer`] |
//! | to wait, and to send again, on tokio's clock and sleep | `TokioClock`, by the feature `tokio` |
//! | to see what goes on at a limiter, a gate or a runner | [`Shared::named`], [`Runner::named`], with the feature `tracing` |
//! | to learn from a response's headers | `http`, by the feature of that name |
//! | budgets that survive a crash, in a file | `JournalFile`, by the feature `journal` |
//! | days and months in a time zone | `ZonedCalendar`, by the feature `jiff` |
//! | to check a limiter of your own against the contract | `testing`, by the feature of that name |
//! | a flash that loses its power when you say so | `testing::Flash`, by the same |
//! | time that passes when you say so, for threads and tasks | `testing::HandClock`, by the same |

mod admission;
mod call;
mod cancel;
mod clock;
mod dispatch;
mod gate;
mod gated;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "journal")]
mod journal_file;
mod line;
mod observe;
mod observe_job;
mod permit;
mod retry;
mod retry_async;
#[cfg(feature = "tokio")]
mod retry_tokio;
mod room;
mod runner;
mod shared;
mod shared_async;
#[cfg(feature = "testing")]
pub mod testing;
mod timer;
mod upstream;
mod visit;
mod wait;
mod waiters;
#[cfg(feature = "jiff")]
mod zone;

pub use admission::Admission;
pub use cancel::Cancel;
pub use clock::StdClock;
pub use gate::AdmitError;
pub use gated::Gated;
#[cfg(feature = "journal")]
pub use journal_file::{JournalFile, JournalFileError};
pub use permit::Permit;
pub use retry::{Alarm, CallError, Classify};
#[cfg(feature = "tokio")]
pub use retry_tokio::TokioClock;
pub use runner::{Call, JobError, JobHandle, JobRequest, JobTask, Runner, Stop, SubmitRefusal};
pub use shared::Shared;
pub use timer::Timer;
pub use upstream::{Attempt, Status, Upstream};
pub use wait::{Wait, WaitError};
#[cfg(feature = "jiff")]
pub use zone::{UnknownZone, ZonedCalendar};
