//! The document and its plain sections: requests, window, slots, patience, block.

use heapless::Vec;
use serde::de::MapAccess;

use super::account::{AccountConfig, AccountSection};
use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::policies::{AdaptationSection, BreakerSection, RetrySection};
use super::read::{Section, Value, need};
use super::{AdaptationConfig, GateConfig, RequestsConfig, RetryConfig, SlotsConfig, WindowConfig};
use crate::breaker::BreakerPolicy;
use crate::bucket::Start;
use crate::gate::Patience;
use crate::quota::{Quota, QuotaError};
use crate::time::{Duration, Instant};
use crate::window::{History, WhenFull};

/// The whole document.
#[derive(Default)]
pub(super) struct Document<const ACCOUNTS: usize> {
    plan: Option<&'static str>,
    tariff: Option<&'static str>,
    requests: Option<RequestsConfig>,
    window: Option<WindowConfig>,
    slots: Option<SlotsConfig>,
    accounts: Vec<AccountConfig, ACCOUNTS, u8>,
    breaker: Option<BreakerPolicy>,
    retry: Option<RetryConfig>,
    adaptation: Option<AdaptationConfig>,
    patience: Option<Patience>,
    block: Option<Block>,
}

impl<const ACCOUNTS: usize> Section for Document<ACCOUNTS> {
    type Value = GateConfig<ACCOUNTS>;
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
            "plan" => self.plan = Some(value.word(GateConfig::<ACCOUNTS>::PLANS)?),
            "tariff" => self.tariff = Some(value.word(GateConfig::<ACCOUNTS>::TARIFFS)?),
            "requests" => self.requests = Some(value.object::<RequestsSection>()?),
            "window" => self.window = Some(value.object::<WindowSection>()?),
            "slots" => self.slots = Some(value.object::<SlotsSection>()?),
            "accounts" => self.accounts = value.objects::<AccountSection, ACCOUNTS>()?,
            "breaker" => self.breaker = Some(value.object::<BreakerSection>()?),
            "retry" => self.retry = Some(value.object::<RetrySection>()?),
            "adaptation" => self.adaptation = Some(value.object::<AdaptationSection>()?),
            "patience" => self.patience = Some(value.object::<PatienceSection>()?),
            "block" => self.block = Some(value.object::<BlockSection>()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }

    fn finish(self, _here: FieldPath) -> Result<Self::Value, ConfigError> {
        let Self { plan, tariff, requests, window, slots, accounts, breaker, retry, adaptation, .. } = self;
        let mut patience = self.patience.unwrap_or_default();
        let block = self.block.unwrap_or_default();
        patience.max_block = block.max.unwrap_or(patience.max_block);
        let closed_until = block.until;
        Ok(GateConfig {
            plan,
            tariff,
            requests,
            window,
            slots,
            accounts,
            breaker,
            retry,
            adaptation,
            patience,
            closed_until,
        })
    }
}

#[derive(Default)]
struct RequestsSection {
    units: Option<u32>,
    per: Option<Duration>,
    burst: Option<u32>,
    start: Option<Start>,
}

impl Section for RequestsSection {
    type Value = RequestsConfig;
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
struct WindowSection {
    limit: Option<u32>,
    length: Option<Duration>,
    when_full: Option<WhenFull>,
    history: Option<History>,
}

impl Section for WindowSection {
    type Value = WindowConfig;
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

    fn finish(self, here: FieldPath) -> Result<WindowConfig, ConfigError> {
        let (limit, length) = (need(self.limit, here, "limit")?, need(self.length, here, "length")?);
        let (when_full, history) = (self.when_full.unwrap_or(WhenFull::Refuse), self.history.unwrap_or(History::Empty));
        Ok(WindowConfig { limit, length, when_full, history })
    }
}

#[derive(Default)]
struct SlotsSection {
    limit: Option<u32>,
    weight: Option<u32>,
    lease: Option<Duration>,
}

impl Section for SlotsSection {
    type Value = SlotsConfig;
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

    fn finish(self, here: FieldPath) -> Result<SlotsConfig, ConfigError> {
        let slots = SlotsConfig::new(need(self.limit, here, "limit")?);
        let (weight, lease) = (self.weight.unwrap_or(slots.weight), self.lease.unwrap_or(slots.lease));
        Ok(SlotsConfig { weight, lease, ..slots })
    }
}

#[derive(Default)]
struct PatienceSection(Patience);

impl Section for PatienceSection {
    type Value = Patience;
    const FIELDS: &'static [&'static str] = &["to_send", "to_answer"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "to_send" => self.0.to_send = value.time()?,
            "to_answer" => self.0.to_answer = value.time()?,
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }

    fn finish(self, _here: FieldPath) -> Result<Patience, ConfigError> {
        Ok(self.0)
    }
}

/// What concerns the server's block, and the owner's.
#[derive(Clone, Copy, Default)]
struct Block {
    max: Option<Duration>,
    until: Option<Instant>,
}

#[derive(Default)]
struct BlockSection(Block);

impl Section for BlockSection {
    type Value = Block;
    const FIELDS: &'static [&'static str] = &["max", "until_us"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "max" => self.0.max = Some(value.span()?),
            "until_us" => self.0.until = Some(Instant::from_micros(value.whole(0, u64::MAX)?)),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }

    fn finish(self, _here: FieldPath) -> Result<Block, ConfigError> {
        Ok(self.0)
    }
}
