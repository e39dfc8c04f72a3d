//! `ConfigError`: what is wrong with a document, and where.

use core::fmt;

use super::path::{FieldPath, NameError};
use crate::adapt::AimdError;
use crate::alerts::ThresholdError;
use crate::breaker_policy::BreakerError;
use crate::decimal::{self, DecimalError};
use crate::ledger::OpenError;
use crate::quota::QuotaError;
use crate::ratio::RatioError;
use crate::terms::SpecError;
use crate::time::Instant;
use crate::window::WindowError;

/// Why a document, or a configuration made in code, is refused as a whole. Nothing was built or changed then.
///
/// # Example
/// ```
/// use tollgate::config::{GateConfig, Problem};
/// let error = GateConfig::<4>::parse(r#"{ "requests": { "units": 60, "per": "1m", "brust": 5 } }"#).unwrap_err();
/// assert_eq!(error.path(), "requests.brust");
/// assert!(matches!(error.problem(), Problem::UnknownField { .. }));
/// assert_eq!(error.to_string(), "requests.brust: no such field: expected one of units, per, burst, start");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConfigError {
    path: FieldPath,
    problem: Problem,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Problem {
    /// The document is longer than it may be.
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most.
        max: usize,
    },
    /// It is nested too deeply.
    TooDeep {
        /// Where, counted in bytes from 0.
        at: usize,
        /// The most levels.
        max: u8,
    },
    /// It is no JSON, or has an escape in a text.
    Syntax {
        /// Where, counted in bytes from 0.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// There is no such field.
    UnknownField {
        /// What there is.
        known: &'static [&'static str],
    },
    /// The field stands twice in its object.
    Twice,
    /// The field must be there.
    Missing,
    /// It is something else than this.
    Expected(&'static str),
    /// It is not a whole number in this range.
    Number {
        /// The number, if it is a whole one that could be read.
        found: Option<u64>,
        /// The least.
        min: i64,
        /// The most.
        max: u64,
    },
    /// It is none of these words or names.
    Word {
        /// What there is.
        known: &'static [&'static str],
    },
    /// It has no meaning beside what stands in another field.
    OnlyWith(&'static str),
    /// The list is too long.
    TooMany {
        /// How many there may be.
        max: usize,
    },
    /// It is no name.
    Name(NameError),
    /// Another account has the name.
    Taken {
        /// The position of that account.
        by: u8,
    },
    /// It is no amount.
    Amount(DecimalError),
    /// It is no ratio.
    Ratio(RatioError),
    /// Why a quota cannot be.
    Quota(QuotaError),
    /// Why a window cannot be.
    Window(WindowError),
    /// Why a budget cannot be.
    Spec(SpecError),
    /// Why thresholds cannot be.
    Thresholds(ThresholdError),
    /// Why a breaker cannot be.
    Breaker(BreakerError),
    /// Why an adaptation cannot be.
    Aimd(AimdError),
    /// Why an account cannot be opened in this gate.
    Open(OpenError),
    /// A number is above what another field, or the gate, allows.
    Above {
        /// The number.
        found: u64,
        /// The most.
        max: u64,
        /// What says so.
        of: &'static str,
    },
    /// A number is below what another field needs.
    Below {
        /// The number.
        found: u64,
        /// The least.
        min: u64,
        /// What says so.
        of: &'static str,
    },
    /// An amount is above another one; both in millionths.
    AmountAbove {
        /// The amount.
        found: u64,
        /// The most.
        max: u64,
        /// What says so.
        of: &'static str,
    },
    /// An instant that has passed already.
    Past {
        /// The instant.
        until: Instant,
        /// When it was read.
        now: Instant,
    },
    /// It cannot be changed while the gate runs: build another gate.
    NotLive,
}

impl ConfigError {
    pub(super) const fn new(path: FieldPath, problem: Problem) -> Self {
        Self { path, problem }
    }

    /// Where: `accounts[2].limit`; empty for the document itself.
    pub fn path(&self) -> &str {
        self.path.as_str()
    }

    /// What is wrong there.
    pub const fn problem(&self) -> Problem {
        self.problem
    }
}

impl FieldPath {
    /// This is wrong here.
    pub(super) const fn says(self, problem: Problem) -> ConfigError {
        ConfigError::new(self, problem)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            "" => write!(f, "{}", self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

impl core::error::Error for ConfigError {}

/// An amount in millionths, as people write it.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_micros(self.0, f)
    }
}

/// `a, b, c`.
struct List(&'static [&'static str]);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for word in self.0 {
            write!(f, "{comma}{word}")?;
            comma = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLong { len, max } => write!(f, "a document of {len} bytes: expected at most {max}"),
            Self::TooDeep { at, max } => write!(f, "byte {at} is nested too deeply: expected at most {max} levels"),
            Self::Syntax { at, expected } => write!(f, "byte {at}: expected {expected}"),
            Self::UnknownField { known } => write!(f, "no such field: expected one of {}", List(known)),
            Self::Twice => f.write_str("the field stands twice: expected it once"),
            Self::Missing => f.write_str("the field is missing: expected it"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Number { found: Some(found), min, max } => {
                write!(f, "{found} is not in range: expected a whole number from {min} to {max}")
            }
            Self::Number { found: None, min, max } => write!(f, "expected a whole number from {min} to {max}"),
            Self::Word { known } => write!(f, "expected one of {}", List(known)),
            Self::OnlyWith(what) => write!(f, "it means nothing here: expected it only with {what}"),
            Self::TooMany { max } => write!(f, "too many: expected at most {max}"),
            Self::Name(error) => error.fmt(f),
            Self::Taken { by } => write!(f, "the name of accounts[{by}]: expected another"),
            Self::Amount(error) => error.fmt(f),
            Self::Ratio(error) => error.fmt(f),
            Self::Quota(error) => error.fmt(f),
            Self::Window(error) => error.fmt(f),
            Self::Spec(error) => error.fmt(f),
            Self::Thresholds(error) => error.fmt(f),
            Self::Breaker(error) => error.fmt(f),
            Self::Aimd(error) => error.fmt(f),
            Self::Open(error) => write!(f, "no room in this gate: {error}"),
            Self::Above { found, max, of } => write!(f, "{found} is too much: expected at most {max}, {of}"),
            Self::Below { found, min, of } => write!(f, "{found} is too little: expected at least {min}, {of}"),
            Self::AmountAbove { found, max, of } => {
                write!(f, "{} is too much: expected at most {}, {of}", Micros(found), Micros(max))
            }
            Self::Past { until, now } => write!(f, "{until} has passed: expected an instant after {now}"),
            Self::NotLive => f.write_str("cannot be changed while the gate runs: expected what it was"),
        }
    }
}
