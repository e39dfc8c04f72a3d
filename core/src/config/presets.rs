//! Presets by their names: what a plan fills in, and what a document must not exceed.

use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::{GateConfig, RequestsConfig, SlotsConfig};
use crate::bucket::Start;
use crate::presets::plans::{seed000, seed001, seed004};
use crate::presets::tariffs::{seed002, seed003};
use crate::price::Tariff;
use crate::quota::{MAX_FULL, Quota, mul_div};
use crate::tier::{Plan, Stated};
use crate::time::Duration;
use crate::unit::{Credits, Unit, Usd};

pub(super) const MINUTE: Duration = Duration::from_mins(1);

impl<const ACCOUNTS: usize> GateConfig<ACCOUNTS> {
    /// The plans that a document can name: the number of the source document, and its name there.
    pub const PLANS: &'static [&'static str] = &PLANS;
    /// The tariffs that a document can name, by the number of the source document.
    pub const TARIFFS: &'static [&'static str] = &TARIFFS;

    /// The plan it names, if it names one of [`PLANS`](Self::PLANS).
    pub fn plan(&self) -> Option<Plan<'static>> {
        self.plan.and_then(plan)
    }

    /// The tariff it names, if it names one of [`TARIFFS`](Self::TARIFFS).
    pub fn tariff(&self) -> Option<Tariff<'static>> {
        self.tariff.and_then(tariff)
    }

    /// Requests, spaced out, and slots as the plan has them, where the document has none.
    pub(super) fn fill_in(&mut self) -> Result<(), ConfigError> {
        let Some(plan) = self.plan() else { return Ok(()) };
        if let (None, None, Some(units)) = (self.requests, self.window, plan.requests_per_minute.value()) {
            let spaced = Quota::new_with_burst(units, MINUTE, 1);
            let quota = spaced.map_err(|error| FieldPath::ROOT.then("plan").says(Problem::Quota(error)))?;
            self.requests = Some(RequestsConfig { quota, start: Start::Full });
        }
        if let (None, Some(slots)) = (self.slots, plan.concurrency.value()) {
            self.slots = Some(SlotsConfig::new(u32::from(slots)));
        }
        Ok(())
    }

    /// The names are known, and nothing exceeds or lacks what they stand for.
    pub(super) fn check_presets(&self) -> Result<(), ConfigError> {
        let root = FieldPath::ROOT;
        let has = |unit: u32| self.accounts.iter().any(|account| account.spec.unit == unit);
        if let Some(name) = self.tariff {
            tariff(name).ok_or(root.then("tariff").says(Problem::Word { known: &TARIFFS }))?;
            if !self.accounts.is_empty() && !has(Credits::ID) && !has(Usd::ID) {
                let wanted = "an account in credits or usd, in which the tariff is";
                return Err(root.then("accounts").says(Problem::Expected(wanted)));
            }
        }
        let Some(name) = self.plan else { return Ok(()) };
        let plan = plan(name).ok_or(root.then("plan").says(Problem::Word { known: &PLANS }))?;
        self.check_rates(&plan)?;
        match (self.slots, plan.concurrency) {
            (None, Stated::Custom) => return Err(root.then("slots").says(Problem::Missing)),
            (Some(slots), Stated::Exactly(most)) if slots.limit > u32::from(most) => {
                let (found, max, of) = (u64::from(slots.limit), u64::from(most), "what the plan has at a time");
                return Err(root.then("slots").then("limit").says(Problem::Above { found, max, of }));
            }
            _ => {}
        }
        if (plan.daily.value().is_some() || plan.monthly.value().is_some()) && !has(Credits::ID) {
            let wanted = "an account in credits, which the plan limits";
            return Err(root.then("accounts").says(Problem::Expected(wanted)));
        }
        Ok(())
    }

    /// Requests and window are no faster than the plan.
    fn check_rates(&self, plan: &Plan<'_>) -> Result<(), ConfigError> {
        let root = FieldPath::ROOT;
        if plan.requests_per_minute == Stated::Custom && self.requests.is_none() && self.window.is_none() {
            return Err(root.then("requests").says(Problem::Missing));
        }
        let Stated::Exactly(most) = plan.requests_per_minute else { return Ok(()) };
        let fits = |field: FieldPath, (units, per): (u32, Duration)| {
            if !is_faster((units, per), (most, MINUTE)) {
                return Ok(());
            }
            let share = mul_div(u64::from(most), per.as_micros(), MINUTE.as_micros());
            let (max, of) = (share.map_or(u64::MAX, |(share, _)| share), "what the plan has in this time");
            Err(field.says(Problem::Above { found: u64::from(units), max, of }))
        };
        if let Some(RequestsConfig { quota, .. }) = self.requests {
            fits(root.then("requests").then("units"), (quota.units(), quota.per()))?;
        }
        if let Some(window) = self.window {
            fits(root.then("window").then("limit"), (window.limit, window.length))?;
        }
        Ok(())
    }
}

/// Whether so many per so long are more than so many per so long, exactly.
pub(super) fn is_faster((units, per): (u32, Duration), (most, length): (u32, Duration)) -> bool {
    let product = |units: u32, span: Duration| u128::from(units).wrapping_mul(u128::from(span.as_micros()));
    product(units, length) > product(most, per)
}

/// Whether every rate of up to `ceiling` in this period can be exact with this burst.
pub(super) fn is_exact(per: Duration, burst: u32) -> bool {
    per.as_micros().checked_mul(u64::from(burst)).is_some_and(|full| full <= MAX_FULL)
}

const PLANS: [&str; 9] = [
    "seed000/free",
    "seed000/standard",
    "seed000/pro",
    "seed000/enterprise",
    "seed001/free",
    "seed001/standard",
    "seed001/pro",
    "seed001/enterprise",
    "seed004",
];

fn plan(name: &str) -> Option<Plan<'static>> {
    Some(match name {
        "seed000/free" => seed000::FREE,
        "seed000/standard" => seed000::STANDARD,
        "seed000/pro" => seed000::PRO,
        "seed000/enterprise" => seed000::ENTERPRISE,
        "seed001/free" => seed001::FREE,
        "seed001/standard" => seed001::STANDARD,
        "seed001/pro" => seed001::PRO,
        "seed001/enterprise" => seed001::ENTERPRISE,
        "seed004" => seed004::PLAN,
        _ => return None,
    })
}

const TARIFFS: [&str; 2] = ["seed002", "seed003"];

fn tariff(name: &str) -> Option<Tariff<'static>> {
    match name {
        "seed002" => Some(seed002::TARIFF),
        "seed003" => Some(seed003::TARIFF),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known() {
        assert!(PLANS.iter().all(|name| plan(name).is_some()));
        assert!(TARIFFS.iter().all(|name| tariff(name).is_some()));
        assert!(plan("seed001").is_none() && tariff("").is_none());
    }

    #[test]
    fn rates_are_compared_exactly() {
        assert!(!is_faster((1, Duration::from_secs(1)), (60, MINUTE)));
        assert!(is_faster((1, Duration::from_micros(999_999)), (60, MINUTE)));
        assert!(is_faster((u32::MAX, Duration::from_micros(1)), (1, Duration::MAX)));
        assert!(!is_faster((u32::MAX, Duration::MAX), (u32::MAX, Duration::MAX)));
    }
}
