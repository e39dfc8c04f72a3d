#![doc = include_str!("../README.md")]
#![no_std]
#![deny(
    clippy::float_arithmetic,
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

#[cfg(test)]
extern crate std;

mod accounts;
mod adapt;
mod admission;
mod admit_error;
mod alerts;
mod amount;
mod any_gate;
mod ask;
mod backoff;
mod best_set;
mod bounded;
mod breaker;
mod breaker_policy;
mod bucket;
mod budget;
mod burn;
mod burst;
mod calendar;
#[cfg(any(feature = "image", feature = "journal"))]
mod checksum;
mod civil;
mod clocked;
#[cfg(feature = "json")]
pub mod config;
mod continued;
mod decimal;
mod dispatch;
mod dispatcher;
mod division;
#[cfg(any(feature = "embassy-sync", feature = "embassy-time"))]
pub mod embassy;
mod entropy;
mod floor;
mod forecast;
mod gain;
mod gate;
mod glue;
mod grants;
mod growth;
pub mod guide;
#[cfg(feature = "headers")]
pub mod headers;
mod hold;
#[cfg(feature = "image")]
mod image;
mod jitter;
mod job;
#[cfg(feature = "journal")]
pub mod journal;
mod ledger;
mod ledger_holds;
mod ledger_restart;
mod limiter;
mod log;
mod plan;
pub mod presets;
mod price;
mod price_config;
mod price_error;
mod queue;
mod queue_candidates;
mod queue_entry;
mod queue_lines;
mod queue_place;
mod queue_trees;
mod queue_walk;
mod quota;
mod ratio;
mod report;
mod retry;
mod retry_quota;
mod settlement;
mod slide;
mod slots;
mod sort;
mod terms;
mod ticks;
mod tier;
mod time;
mod unit;
mod usage;
mod wall;
mod wall_sync;
mod window;
mod window_log;
mod window_slices;

pub use adapt::{Aimd, AimdError, AimdPolicy, Pacing};
pub use admission::{Refused, reserve_all};
pub use admit_error::AdmitError;
pub use alerts::{ThresholdError, Thresholds};
pub use amount::{Amount, AmountError};
pub use any_gate::AnyGate;
pub use ask::Ask;
pub use backoff::{Backoff, GiveUp, Policy, PolicyError};
pub use breaker::{Breaker, Phase};
pub use breaker_policy::{BreakerError, BreakerPolicy, Trip};
pub use bucket::{Inherit, Start, TokenBucket};
pub use budget::Budget;
pub use burst::Burst;
pub use calendar::{Boundaries, Calendar, Cycle, MonthDay, Period, ShortMonth, Span, UtcOffset};
pub use civil::{CalendarError, Date, IsoWeek, Weekday, is_leap_year};
pub use clocked::Clocked;
pub use continued::{Continued, Offline};
pub use decimal::DecimalError;
pub use dispatch::Dispatch;
pub use dispatcher::{Answered, Dispatcher, Next, SubmitError, Unheard, Work};
pub use entropy::Entropy;
pub use forecast::{Forecast, burns_out};
pub use gate::{
    Adapt, Adaptation, Answer, AnyLimits, AskError, Binding, Cost, Counters, Fate, Finished, Found, Fuse, Gate,
    GateError, HeldAmount, JobState, Limits, Money, Offer, Part, Patience, Permit, Request, Requests, Restrain, Seen,
    Status,
};
pub use grants::{Grant, GrantAsk, GrantError, GrantReport, Grants, Segment};
pub use growth::Growth;
pub use hold::{AccountId, HeldLine, Hold, HoldState, LedgerError, Line, Lines, OnExpiry, Receipt, Shortfall};
#[cfg(feature = "image")]
pub use image::{Boot, Image, ImageError, Mismatch, Restored, saved_at};
pub use jitter::Jitter;
pub use job::{AlreadyOpen, JobId, NotOpen};
pub use ledger::{Ledger, OpenError};
pub use limiter::{Book, Denied, Limiter, Reservation, Token};
pub use plan::{Choice, Funds, Greedy, Item, Need, PlanError, Planned, cheapest, plan_exact, plan_greedy};
pub use price::{JobSpec, Listed, Model, Package, Resolution, Tariff, TariffParts};
pub use price_config::TariffConfig;
pub use price_error::{PriceError, TariffError};
pub use queue::Queue;
pub use queue_candidates::Candidates;
pub use queue_entry::{Entry, QueueError, QueuePolicy, Rejected, SkipAhead, Waiting};
pub use quota::{Quota, QuotaError};
pub use ratio::{Ratio, RatioError, Rounding, mul_div};
pub use report::{Alert, Observed, Raise, Report};
pub use retry::{
    Advice, Decision, Failure, Health, Outcome, Reason, Repeatable, Restraint, Retry, RetryPolicy, Verdict,
};
pub use retry_quota::{Exhausted, QuotaCosts, RatioBudget, RetryKind, RetryQuota};
pub use slots::{Job, Reconciled, Slots};
pub use terms::{BudgetSpec, ChangeError, Overage, Renewal, Rolling, SpecError};
pub use ticks::{TickRate, Wrapping32, ZeroHertz};
pub use tier::{BurstRule, Plan, Reset, Scope, Stated};
pub use time::{Clock, Duration, Instant, ManualClock};
pub use unit::{Airtime, Bytes, Credits, Custom, Unit, Usd};
pub use usage::{Counted, Usage, UsageKey, Used};
pub use wall::{Heard, Trust, UnixMicros, Wall};
pub use wall_sync::{WallClock, WallReading, WallSync};
pub use window::{History, WhenFull, Window, WindowError};
pub use window_log::WindowLog;
pub use window_slices::WindowSlices;
