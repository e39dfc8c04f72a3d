//! The document and its plain sections: requests, window, slots, patience, block.

use serde::de::MapAccess;

use super::account::AccountDraft;
use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::policies::BreakerDraft;
use super::read::{Draft, Section, Value, need};
use super::{GateConfig, RequestsConfig, SlotsConfig, WindowConfig};
use crate::bucket::Start;
use crate::gate::Patience;
use crate::quota::{Quota, QuotaError};
use crate::time::{Duration, Instant};
use crate::window::{History, WhenFull};

/// The whole document.
impl<const ACCOUNTS: usize> Section for GateConfig<ACCOUNTS> {
    const FIELDS: &'static [&'static str] = &[
        "plan",
        "tariff",
        "requests",
        "window",
        "slots",
        "accounts",
        "breaker",
        "retry",
        "adaptation",
        "patience",
        "block",
    ];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "plan" => self.plan = Some(value.word(Self::PLANS)?),
            "tariff" => self.tariff = Some(value.word(Self::TARIFFS)?),
            "requests" => self.requests = Some(value.object::<RequestsDraft>()?),
            "window" => self.window = Some(value.object::<WindowDraft>()?),
            "slots" => self.slots = Some(value.object::<SlotsDraft>()?),
            "accounts" => value.objects::<AccountDraft, ACCOUNTS>(&mut self.accounts)?,
            "breaker" => self.breaker = Some(value.object::<BreakerDraft>()?),
            "retry" => value.section(self.retry.get_or_insert_default())?,
            "adaptation" => value.section(self.adaptation.get_or_insert_default())?,
            "patience" => value.section(&mut self.patience)?,
            "block" => value.section(&mut Block { config: self })?,
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

#[derive(Default)]
struct RequestsDraft {
    units: Option<u32>,
    per: Option<Duration>,
    burst: Option<u32>,
    start: Option<Start>,
}

impl Section for RequestsDraft {
    const FIELDS: &'static [&'static str] = &["units", "per", "burst", "start"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "units" => self.units = Some(value.count(1)?),
            "per" => self.per = Some(value.time()?),
            "burst" => self.burst = Some(value.count(1)?),
            "start" => self.start = Some(value.read(START, start)?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for RequestsDraft {
    type Value = RequestsConfig;

    fn finish(self, here: FieldPath) -> Result<RequestsConfig, ConfigError> {
        let (units, per) = (need(self.units, here, "units")?, need(self.per, here, "per")?);
        let quota = Quota::new_with_burst(units, per, self.burst.unwrap_or(units));
        let quota = quota.map_err(|error| {
            let field = match error {
                QuotaError::ZeroUnits => "units",
                QuotaError::ZeroPeriod => "per",
                QuotaError::ZeroBurst | QuotaError::TooLarge { .. } => "burst",
            };
            here.then(field).says(Problem::Quota(error))
        })?;
        Ok(RequestsConfig { quota, start: self.start.unwrap_or(Start::Full) })
    }
}

const START: &str = "\"full\", \"empty\" or a whole number as text";

fn start(text: &str) -> Result<Start, Problem> {
    match text {
        "full" => Ok(Start::Full),
        "empty" => Ok(Start::Empty),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            number.parse().map(Start::With).map_err(|_| Problem::Expected(START))
        }
        _ => Err(Problem::Expected(START)),
    }
}

#[derive(Default)]
struct WindowDraft {
    limit: Option<u32>,
    length: Option<Duration>,
    when_full: Option<WhenFull>,
    history: Option<History>,
}

impl Section for WindowDraft {
    const FIELDS: &'static [&'static str] = &["limit", "length", "when_full", "history"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "limit" => self.limit = Some(value.count(1)?),
            "length" => self.length = Some(value.time()?),
            "when_full" => {
                let merges = value.word(&["refuse", "merge"])? == "merge";
                self.when_full = Some(if merges { WhenFull::Merge } else { WhenFull::Refuse });
            }
            "history" => {
                let used_up = value.word(&["empty", "used_up"])? == "used_up";
                self.history = Some(if used_up { History::UsedUp } else { History::Empty });
            }
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for WindowDraft {
    type Value = WindowConfig;

    fn finish(self, here: FieldPath) -> Result<WindowConfig, ConfigError> {
        let (limit, length) = (need(self.limit, here, "limit")?, need(self.length, here, "length")?);
        let (when_full, history) = (self.when_full.unwrap_or(WhenFull::Refuse), self.history.unwrap_or(History::Empty));
        Ok(WindowConfig { limit, length, when_full, history })
    }
}

#[derive(Default)]
struct SlotsDraft {
    limit: Option<u32>,
    weight: Option<u32>,
    lease: Option<Duration>,
}

impl Section for SlotsDraft {
    const FIELDS: &'static [&'static str] = &["limit", "weight", "lease"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "limit" => self.limit = Some(value.count(1)?),
            "weight" => self.weight = Some(value.count(0)?),
            "lease" => self.lease = Some(value.time()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for SlotsDraft {
    type Value = SlotsConfig;

    fn finish(self, here: FieldPath) -> Result<SlotsConfig, ConfigError> {
        let slots = SlotsConfig::new(need(self.limit, here, "limit")?);
        let (weight, lease) = (self.weight.unwrap_or(slots.weight), self.lease.unwrap_or(slots.lease));
        Ok(SlotsConfig { weight, lease, ..slots })
    }
}

impl Section for Patience {
    const FIELDS: &'static [&'static str] = &["to_send", "to_answer"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "to_send" => self.to_send = value.time()?,
            "to_answer" => self.to_answer = value.time()?,
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

/// What concerns the server's block, and the owner's.
struct Block<'c, const ACCOUNTS: usize> {
    config: &'c mut GateConfig<ACCOUNTS>,
}

impl<const ACCOUNTS: usize> Section for Block<'_, ACCOUNTS> {
    const FIELDS: &'static [&'static str] = &["max", "until_us"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "max" => self.config.patience.max_block = value.span()?,
            "until_us" => self.config.closed_until = Some(Instant::from_micros(value.whole(0, u64::MAX)?)),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}
