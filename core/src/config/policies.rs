//! The sections of what reacts: breaker, retries, adaptation.

use serde::de::MapAccess;

use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::read::{Draft, Section, Value, need};
use super::{AdaptationConfig, BurstConfig, RatioConfig, RetryConfig};
use crate::adapt::{AimdError, AimdPolicy, Pacing};
use crate::breaker_policy::{BreakerError, BreakerPolicy, Trip};
use crate::retry_quota::QuotaCosts;
use crate::time::Duration;

const TWO_BYTES: u64 = u16::MAX as u64;

#[derive(Default)]
pub(super) struct BreakerDraft {
    failures: Option<u32>,
    window: Option<Duration>,
    calls: Option<u32>,
    permille: Option<u16>,
    open_for: Option<Duration>,
    probes: Option<u16>,
    probe_timeout: Option<Duration>,
}

impl Section for BreakerDraft {
    const FIELDS: &'static [&'static str] =
        &["failures", "window", "calls", "permille", "open_for", "probes", "probe_timeout"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "failures" => self.failures = Some(value.count(1)?),
            "window" => self.window = Some(value.time()?),
            "calls" => self.calls = Some(value.count(1)?),
            "permille" => self.permille = Some(value.whole(1, 1_000)?),
            "open_for" => self.open_for = Some(value.time()?),
            "probes" => self.probes = Some(value.whole(1, TWO_BYTES)?),
            "probe_timeout" => self.probe_timeout = Some(value.time()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for BreakerDraft {
    type Value = BreakerPolicy;

    fn finish(self, here: FieldPath) -> Result<BreakerPolicy, ConfigError> {
        let trip = match self.failures {
            Some(failures) => {
                let others = [
                    ("window", self.window.is_some()),
                    ("calls", self.calls.is_some()),
                    ("permille", self.permille.is_some()),
                ];
                if let Some((field, _)) = others.into_iter().find(|(_, there)| *there) {
                    return Err(here
                        .then(field)
                        .says(Problem::OnlyWith("window, calls and permille, without failures")));
                }
                Trip::Consecutive { failures }
            }
            None if self.window.is_none() && self.calls.is_none() && self.permille.is_none() => {
                return Err(here.says(Problem::Expected("failures, or window, calls and permille")));
            }
            None => Trip::Rolling {
                window: need(self.window, here, "window")?,
                calls: need(self.calls, here, "calls")?,
                permille: need(self.permille, here, "permille")?,
            },
        };
        let open_for = need(self.open_for, here, "open_for")?;
        let lost_after = self.probe_timeout.unwrap_or(open_for);
        let policy = BreakerPolicy::new(trip, open_for).and_then(|policy| policy.with_probes(self.probes.unwrap_or(1)));
        policy.and_then(|policy| policy.with_probe_timeout(lost_after)).map_err(|error| {
            let field = match error {
                BreakerError::ZeroSpan => "window",
                BreakerError::ZeroCount => "probes",
                BreakerError::Share { .. } => "permille",
            };
            here.then(field).says(Problem::Breaker(error))
        })
    }
}

impl Section for RetryConfig {
    const FIELDS: &'static [&'static str] = &["quota", "ratio", "burst"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "quota" => self.quota = Some(value.object::<QuotaDraft>()?),
            "ratio" => self.ratio = Some(value.object::<RatioDraft>()?),
            "burst" => self.burst = Some(value.object::<BurstDraft>()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

#[derive(Default)]
struct QuotaDraft {
    capacity: Option<u32>,
    transient: Option<u32>,
    throttled: Option<u32>,
    success: Option<u32>,
}

impl Section for QuotaDraft {
    const FIELDS: &'static [&'static str] = &["capacity", "transient", "throttled", "success"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "capacity" => self.capacity = Some(value.count(0)?),
            "transient" => self.transient = Some(value.count(0)?),
            "throttled" => self.throttled = Some(value.count(0)?),
            "success" => self.success = Some(value.count(0)?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for QuotaDraft {
    type Value = QuotaCosts;

    fn finish(self, here: FieldPath) -> Result<QuotaCosts, ConfigError> {
        Ok(QuotaCosts {
            capacity: need(self.capacity, here, "capacity")?,
            transient: need(self.transient, here, "transient")?,
            throttled: need(self.throttled, here, "throttled")?,
            success: need(self.success, here, "success")?,
        })
    }
}

#[derive(Default)]
struct RatioDraft {
    per: Option<Duration>,
    permille: Option<u16>,
    per_second: Option<u16>,
}

impl Section for RatioDraft {
    const FIELDS: &'static [&'static str] = &["per", "permille", "per_second"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "per" => self.per = Some(value.time()?),
            "permille" => self.permille = Some(value.whole(0, TWO_BYTES)?),
            "per_second" => self.per_second = Some(value.whole(0, TWO_BYTES)?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for RatioDraft {
    type Value = RatioConfig;

    fn finish(self, here: FieldPath) -> Result<RatioConfig, ConfigError> {
        Ok(RatioConfig {
            per: need(self.per, here, "per")?,
            permille: need(self.permille, here, "permille")?,
            per_second: need(self.per_second, here, "per_second")?,
        })
    }
}

#[derive(Default)]
struct BurstDraft {
    refusals: Option<u8>,
    within: Option<Duration>,
    wait_min: Option<Duration>,
    wait_max: Option<Duration>,
}

impl Section for BurstDraft {
    const FIELDS: &'static [&'static str] = &["refusals", "within", "wait_min", "wait_max"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "refusals" => self.refusals = Some(value.whole(1, 8)?),
            "within" => self.within = Some(value.time()?),
            "wait_min" => self.wait_min = Some(value.span()?),
            "wait_max" => self.wait_max = Some(value.span()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for BurstDraft {
    type Value = BurstConfig;

    fn finish(self, here: FieldPath) -> Result<BurstConfig, ConfigError> {
        Ok(BurstConfig {
            refusals: need(self.refusals, here, "refusals")?,
            within: need(self.within, here, "within")?,
            wait_min: need(self.wait_min, here, "wait_min")?,
            wait_max: need(self.wait_max, here, "wait_max")?,
        })
    }
}

impl Section for AdaptationConfig {
    const FIELDS: &'static [&'static str] = &["rate", "jobs", "pacing", "advertised"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "rate" => self.rate = Some(value.object::<RateDraft>()?),
            "jobs" => self.jobs = Some(value.object::<AimdDraft>()?),
            "pacing" => self.pacing = Some(value.object::<PacingDraft>()?),
            "advertised" => self.advertised = value.flag()?,
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

#[derive(Default)]
struct AimdDraft {
    floor: Option<u32>,
    ceiling: Option<u32>,
    keep_permille: Option<u16>,
    step: Option<u32>,
    every: Option<u32>,
}

impl Section for AimdDraft {
    const FIELDS: &'static [&'static str] = &["floor", "ceiling", "keep_permille", "step", "every"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "floor" => self.floor = Some(value.count(1)?),
            "ceiling" => self.ceiling = Some(value.count(1)?),
            "keep_permille" => self.keep_permille = Some(value.whole(0, 999)?),
            "step" => self.step = Some(value.count(0)?),
            "every" => self.every = Some(value.count(1)?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for AimdDraft {
    type Value = AimdPolicy;

    fn finish(self, here: FieldPath) -> Result<AimdPolicy, ConfigError> {
        let policy = AimdPolicy {
            floor: need(self.floor, here, "floor")?,
            ceiling: need(self.ceiling, here, "ceiling")?,
            keep_permille: need(self.keep_permille, here, "keep_permille")?,
            step: need(self.step, here, "step")?,
            every: need(self.every, here, "every")?,
        };
        check_aimd(&policy, here)?;
        Ok(policy)
    }
}

/// Whether such a policy holds together.
pub(super) fn check_aimd(policy: &AimdPolicy, here: FieldPath) -> Result<(), ConfigError> {
    policy.checked().map(|_| ()).map_err(|error| {
        let field = match error {
            AimdError::ZeroFloor | AimdError::FloorAboveCeiling { .. } => "floor",
            AimdError::NoDecrease { .. } => "keep_permille",
            AimdError::ZeroEvery => "every",
        };
        here.then(field).says(Problem::Aimd(error))
    })
}

#[derive(Default)]
struct RateDraft {
    per: Option<Duration>,
    policy: AimdDraft,
}

impl Section for RateDraft {
    const FIELDS: &'static [&'static str] = &["per", "floor", "ceiling", "keep_permille", "step", "every"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "per" => self.per = Some(value.time()?),
            _ => return self.policy.take(field, value),
        }
        Ok(())
    }
}

impl Draft for RateDraft {
    type Value = (AimdPolicy, Duration);

    fn finish(self, here: FieldPath) -> Result<Self::Value, ConfigError> {
        let per = need(self.per, here, "per")?;
        self.policy.finish(here).map(|policy| (policy, per))
    }
}

#[derive(Default)]
struct PacingDraft {
    below_permille: Option<u16>,
    least: Option<Duration>,
}

impl Section for PacingDraft {
    const FIELDS: &'static [&'static str] = &["below_permille", "least"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "below_permille" => self.below_permille = Some(value.whole(0, 1_000)?),
            "least" => self.least = Some(value.span()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for PacingDraft {
    type Value = Pacing;

    fn finish(self, here: FieldPath) -> Result<Pacing, ConfigError> {
        Ok(Pacing {
            below_permille: need(self.below_permille, here, "below_permille")?,
            least: need(self.least, here, "least")?,
        })
    }
}
