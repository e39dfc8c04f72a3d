//! `GateConfig`: every limit of a [`Gate`](crate::Gate) from one JSON document, and a gate's figures as JSON.
//!
//! For limits that are not known when the program is built: a file on a server, a page of flash, a message to a device. Who
//! knows them writes them in code, where a wrong one does not compile. A document is taken as a whole or refused as a whole,
//! with the path of the field; so is a change of a running gate ([`apply`](GateConfig::apply)). No heap, no float; nesting is
//! looked at before anything recurses. About 400 bytes, and 230 an account; a few
//! KiB of stack while it is read, so that a micro:bit runs one (`examples/firmware`). Not part of the proof of panic freedom.
//!
//! # A document
//! ```
//! use tollgate::config::{ConfiguredGate, GateConfig};
//! use tollgate::{Amount, Instant, JobId, Line, Usd};
//!
//! const DOCUMENT: &str = r#"{
//!   "plan": "seed001/standard",
//!   "requests": { "units": 30, "per": "1m", "burst": 5 },
//!   "window": { "limit": 30, "length": "1m" },
//!   "slots": { "limit": 3, "weight": 1, "lease": "10m" },
//!   "accounts": [
//!     { "name": "daily", "unit": "credits", "limit": "66", "soft": "50", "period": "day", "utc_offset_min": 480,
//!       "thresholds": ["1/2", "0.8", "1"] },
//!     { "name": "campaign", "unit": "usd", "limit": "50.00", "period": "lifetime", "overage": "debt", "max_debt": "2.40" },
//!     { "name": "any hour", "unit": "airtime", "limit": "36", "period": "rolling", "length": "1h", "slices": 60 }
//!   ],
//!   "breaker": { "failures": 5, "open_for": "30s" },
//!   "retry": { "quota": { "capacity": 500, "transient": 14, "throttled": 5, "success": 1 } },
//!   "adaptation": { "jobs": { "floor": 1, "ceiling": 3, "keep_permille": 500, "step": 1, "every": 3 } },
//!   "patience": { "to_send": "30s", "to_answer": "2m" },
//!   "block": { "max": "1h" }
//! }"#;
//!
//! // Room for four accounts. The gate: 16 jobs, 4 requests on their way, 2 amounts a job, 61 slices, 32 requests in the window.
//! let config = GateConfig::<4>::parse(DOCUMENT)?;
//! let slower = GateConfig::<4>::parse(&DOCUMENT.replace(r#""units": 30"#, r#""units": 15"#))?;
//! let now = Instant::ORIGIN;
//! let mut gate: ConfiguredGate<'_, 4, 16, 4, 2, 61, 32> = config.gate(now)?;
//!
//! // A job as the document says: its weight, its lease. Accounts are found by their names.
//! let campaign = config.account("campaign").ok_or("no such account")?;
//! let cost = [Line::new::<Usd>(campaign, tollgate::valid!(Amount::parse("2.40")))];
//! let permit = gate.ask(now, &config.request(JobId(1)).costs(&cost))?;
//! gate.sending(now, &permit)?;
//!
//! // Half as many requests, from now on: either all of a document, or nothing.
//! slower.apply(now, &mut gate, &config)?;
//!
//! let mut page = [0; 2048];
//! let status = slower.status(now, &gate, &mut page)?;
//! assert!(status.contains(r#""name":"campaign","unit":"usd","limit":"50","#), "{status}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Fields
//! Whatever is absent is not limited. **Durations** are text, a whole number with one of `us ms s m h d`. **Amounts** are
//! text, whole units with up to six decimals, at most 9223372036854.775807. **Ratios** are text, `"4/5"` or `"0.8"`. **Counts**
//! are whole numbers, up to 4294967295 unless said. Nothing is `null`; texts have no escapes; no field stands twice, and
//! there are no other fields than these:
//!
//! | field | what it says | default |
//! |---|---|---|
//! | `plan` | a preset by its name: what the document leaves out of requests and slots, and what it must not exceed | none |
//! | `tariff` | a preset by its name, for [`tariff`](GateConfig::tariff) | none |
//! | `requests.units`, `.per` | so many requests (1 or more) in every so long: a [`Quota`] | must be there |
//! | `requests.burst` | how many at once, 1 or more | `units` |
//! | `requests.start` | `"full"`, `"empty"`, or how many are there, as text; at most `burst` | `"full"` |
//! | `window.limit`, `.length` | at most so many requests (1 or more) in any so long | must be there |
//! | `window.when_full` | `"refuse"` or `"merge"`: [`WhenFull`] | `"refuse"` |
//! | `window.history` | `"empty"` or `"used_up"`: [`History`] | `"empty"` |
//! | `slots.limit` | the weight of all jobs at once, 1 or more | must be there |
//! | `slots.weight` | the weight of a job of which nothing else is said, at most `limit` | 1 |
//! | `slots.lease` | how long such a job may run unless it is renewed | for ever |
//! | `accounts[].name` | 1 to 24 bytes, another for each | must be there |
//! | `accounts[].unit` | `"credits"`, `"usd"`, `"airtime"`, `"bytes"`, or `"custom/7"` for [`Custom<7>`](crate::Custom) | must be there |
//! | `accounts[].limit` | an amount; 0 always refuses | must be there |
//! | `accounts[].soft` | what is above is marked; at most `limit` | none |
//! | `accounts[].period` | `"lifetime"`, `"day"`, `"week"`, `"month"`, `"rolling"` | must be there |
//! | `accounts[].utc_offset_min` | of a day, week or month: where midnight is, -1440 to 1440 minutes east of UTC | 0 |
//! | `accounts[].week_start` | of a week: `"monday"` to `"sunday"` | `"monday"` |
//! | `accounts[].month_start` | of a month: 1 to 31 | 1 |
//! | `accounts[].short_month` | of a month: `"clamp_to_last"` or `"end_of_last"`: [`ShortMonth`](crate::ShortMonth) | `"clamp_to_last"` |
//! | `accounts[].length`, `.slices` | of a rolling period: how long, and in how many slices, 1 to 4096 | must be there |
//! | `accounts[].overage` | `"reject"`, `"cap"`, `"debt"`: [`Overage`](crate::Overage) | `"reject"` |
//! | `accounts[].max_debt` | with `"debt"`: an amount | must be there |
//! | `accounts[].forgive_debt` | `true`: debts end with the period | `false` |
//! | `accounts[].rollover` | of a day, week or month: `{ "min": amount, "max": amount }` that is carried over | none |
//! | `accounts[].thresholds` | up to 8 ratios of the limit, ascending, each of which alerts | none |
//! | `accounts[].hysteresis` | how far below a threshold it is armed again | `"1/20"` |
//! | `breaker.failures` | so many in a row open it, 1 or more | or these three: |
//! | `breaker.window`, `.calls`, `.permille` | of at least so many calls (1 or more) in so long, 1 to 1000 permille failed | |
//! | `breaker.open_for` | how long | must be there |
//! | `breaker.probes` | so many afterwards, 1 to 65535 | 1 |
//! | `breaker.probe_timeout` | when one is lost | `open_for` |
//! | `retry.quota` | `capacity`, `transient`, `throttled`, `success`: [`QuotaCosts`] | none |
//! | `retry.ratio` | `per` (at least 10us), `permille`, `per_second` (both up to 65535): [`RatioBudget`](crate::RatioBudget) | none |
//! | `retry.burst` | `refusals` (1 to 8), `within`, `wait_min`, `wait_max`: [`Burst`](crate::Burst) | none |
//! | `adaptation.rate` | `per`, `floor`, `ceiling`, `keep_permille`, `step`, `every`: [`AimdPolicy`] of `requests` | none |
//! | `adaptation.jobs` | the same without `per`, of the slots | none |
//! | `adaptation.pacing` | `below_permille` (up to 1000), `least`: [`Pacing`] | none |
//! | `adaptation.advertised` | `true`: follow the rate and the concurrency that the server advertises, below these: [`Offer`](crate::Offer) | `false` |
//! | `patience.to_send`, `.to_answer` | see [`Patience`] | `"30s"`, `"2m"` |
//! | `block.max` | the longest that a server can close the gate for | `"1h"` |
//! | `block.until_us` | the owner keeps it closed until this instant, in microseconds, which must not have passed | none |
//!
//! Contradictions are errors too: [`check`](GateConfig::check) has their list.

mod account;
mod apply;
mod build;
mod check;
mod error;
mod path;
mod policies;
mod presets;
mod read;
mod scan;
mod sections;
mod span;
mod status;
mod write;

use heapless::Vec;

pub use account::AccountConfig;
pub use build::{ConfiguredGate, ConfiguredLimits};
pub use error::{ConfigError, Problem};
pub use path::{FieldPath, Name, NameError};
pub use status::write_status;
pub use write::WriteError;

use crate::adapt::{AimdPolicy, Pacing};
use crate::breaker_policy::BreakerPolicy;
use crate::bucket::Start;
use crate::gate::Patience;
use crate::quota::Quota;
use crate::retry_quota::QuotaCosts;
use crate::time::{Duration, Instant};
use crate::window::{History, WhenFull};

/// Every limit of a gate with up to `ACCOUNTS` accounts, as plain values.
///
/// Read from a document, or put together in code; [`check`](Self::check) says whether it holds together, and everything
/// that makes something of it asks that first. The default limits nothing.
///
/// # Example
/// ```
/// use tollgate::config::{GateConfig, SlotsConfig};
/// let config = GateConfig::<0>::parse(r#"{ "slots": { "limit": 2 } }"#)?;
/// assert_eq!(config.slots, Some(SlotsConfig::new(2)));
/// assert_eq!(config, GateConfig { slots: Some(SlotsConfig::new(2)), ..GateConfig::default() });
///
/// let mut page = [0; 256];
/// let written = config.write(&mut page)?;
/// assert_eq!(GateConfig::parse(written)?, config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GateConfig<const ACCOUNTS: usize> {
    /// A plan of the [`presets`](crate::presets::plans), by its name: [`PLANS`](Self::PLANS).
    pub plan: Option<&'static str>,
    /// A tariff of the [`presets`](crate::presets::tariffs), by its name: [`TARIFFS`](Self::TARIFFS).
    pub tariff: Option<&'static str>,
    /// The rate of requests.
    pub requests: Option<RequestsConfig>,
    /// Requests, strictly.
    pub window: Option<WindowConfig>,
    /// Jobs at once.
    pub slots: Option<SlotsConfig>,
    /// What jobs cost; the first is account 0.
    pub accounts: Vec<AccountConfig, ACCOUNTS, u8>,
    /// When to stop calling what is ill.
    pub breaker: Option<BreakerPolicy>,
    /// What all retries share.
    pub retry: Option<RetryConfig>,
    /// How to find out what the server takes.
    pub adaptation: Option<AdaptationConfig>,
    /// How long the gate waits for its callers, and the longest block that a server can set.
    pub patience: Patience,
    /// The owner keeps it closed until then.
    pub closed_until: Option<Instant>,
}

/// The rate of requests, and how full the bucket is at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestsConfig {
    /// The rate and the burst.
    pub quota: Quota,
    /// How full it is at first.
    pub start: Start,
}

/// Requests in any stretch of time: a [`WindowLog`](crate::WindowLog).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowConfig {
    /// The most requests, at least 1.
    pub limit: u32,
    /// In any so long, not zero.
    pub length: Duration,
    /// What happens when all its entries are in use.
    pub when_full: WhenFull,
    /// What it holds at first.
    pub history: History,
}

/// Jobs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlotsConfig {
    /// The weight of all jobs at once.
    pub limit: u32,
    /// The weight of a job of which nothing else is said.
    pub weight: u32,
    /// How long such a job may run unless it is renewed; `MAX` is for ever.
    pub lease: Duration,
}

impl SlotsConfig {
    /// So many jobs of weight 1, which may run for ever.
    pub const fn new(limit: u32) -> Self {
        Self { limit, weight: 1, lease: Duration::MAX }
    }
}

/// What all retries share; each part is optional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RetryConfig {
    /// A stock of retries.
    pub quota: Option<QuotaCosts>,
    /// Retries as a share of the traffic.
    pub ratio: Option<RatioConfig>,
    /// Longer waits after several refusals.
    pub burst: Option<BurstConfig>,
}

/// The numbers of a [`RatioBudget`](crate::RatioBudget).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RatioConfig {
    /// Over which time calls are counted, at least 10 microseconds.
    pub per: Duration,
    /// Permille of a retry for each call.
    pub permille: u16,
    /// And so many retries a second.
    pub per_second: u16,
}

/// The numbers of a [`Burst`](crate::Burst).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BurstConfig {
    /// So many refusals, 1 to 8.
    pub refusals: u8,
    /// Within so long.
    pub within: Duration,
    /// Raise the wait to at least this.
    pub wait_min: Duration,
    /// And at most this.
    pub wait_max: Duration,
}

/// How to find out what the server takes; each part is optional. What an [`Adaptation`](crate::Adaptation) starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdaptationConfig {
    /// Requests in every such period.
    pub rate: Option<(AimdPolicy, Duration)>,
    /// Jobs at once, by weight.
    pub jobs: Option<AimdPolicy>,
    /// Slower when the server says that little is left.
    pub pacing: Option<Pacing>,
    /// Whether to follow what the server advertises, below the owner's: see [`Offer`](crate::Offer).
    pub advertised: bool,
}

impl<const ACCOUNTS: usize> GateConfig<ACCOUNTS> {
    /// The longest document, in bytes.
    pub const MAX_LEN: usize = 16_384;

    /// Reads a document, and checks that it holds together.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing wrong, and where; syntax and nesting first, then the fields in the order of the
    /// document, then what contradicts each other.
    pub fn parse(document: &str) -> Result<Self, ConfigError> {
        let (len, max) = (document.len(), Self::MAX_LEN);
        if len > max {
            return Err(FieldPath::ROOT.says(Problem::TooLong { len, max }));
        }
        scan::scan(document)?;
        let mut config = Self::default();
        read::read(document, &mut config)?;
        config.fill_in()?;
        config.check()?;
        Ok(config)
    }
}
