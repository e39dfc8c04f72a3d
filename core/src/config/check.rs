//! What contradicts each other in a configuration.

use super::GateConfig;
use super::account::check_spec;
use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::policies::check_aimd;
use super::presets::{is_exact, is_faster};
use crate::bounded::Counting;
use crate::bucket::Start;
use crate::time::{Duration, Instant};

impl<const ACCOUNTS: usize> GateConfig<ACCOUNTS> {
    /// Whether it holds together. A document that was [read](Self::parse) does.
    ///
    /// # Errors
    /// [`ConfigError`]; refused is:
    ///
    /// * a number out of its range, as the table of fields has them;
    /// * more requests at the start than the burst;
    /// * a weight above the slots; one above the least that the adaptation may lower them to, for then nothing would run again;
    /// * two accounts of one name; a soft limit above the limit; a limit that overflows with what may come on top;
    /// * a retry that costs more than the whole stock; a least wait above the most;
    /// * an adapted rate without requests, above their quota, or too fine to be exact with their burst; more adapted jobs
    ///   than slots;
    /// * a preset that is not known; more requests or slots than the plan has; nothing said about what a plan leaves to an
    ///   agreement; no account in credits under a plan that limits them; accounts, and none in a unit of the tariff.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_rate()?;
        self.check_slots()?;
        self.check_accounts()?;
        self.check_retry()?;
        self.check_adaptation()?;
        for (field, span) in [("to_send", self.patience.to_send), ("to_answer", self.patience.to_answer)] {
            above_zero(FieldPath::ROOT.then("patience").then(field), span)?;
        }
        self.check_presets()
    }

    /// The account of this name.
    pub fn account(&self, name: &str) -> Option<crate::AccountId> {
        let index = self.accounts.iter().place(|account| account.name.as_str() == name)?;
        u8::try_from(index).ok().map(crate::AccountId)
    }

    /// The instant until which the owner keeps the gate closed lies ahead.
    pub(super) fn check_until(&self, now: Instant) -> Result<(), ConfigError> {
        match self.closed_until {
            Some(until) if until <= now => {
                Err(FieldPath::ROOT.then("block").then("until_us").says(Problem::Past { until, now }))
            }
            _ => Ok(()),
        }
    }

    fn check_rate(&self) -> Result<(), ConfigError> {
        let root = FieldPath::ROOT;
        if let Some(requests) = self.requests
            && let Start::With(units) = requests.start
            && units > requests.quota.burst()
        {
            let (found, max, of) = (u64::from(units), u64::from(requests.quota.burst()), "the burst");
            return Err(root.then("requests").then("start").says(Problem::Above { found, max, of }));
        }
        if let Some(window) = self.window {
            from_one(root.then("window").then("limit"), window.limit)?;
            above_zero(root.then("window").then("length"), window.length)?;
        }
        Ok(())
    }

    fn check_slots(&self) -> Result<(), ConfigError> {
        let Some(slots) = self.slots else { return Ok(()) };
        let here = FieldPath::ROOT.then("slots");
        from_one(here.then("limit"), slots.limit)?;
        at_most(here.then("weight"), slots.weight, slots.limit, "the slots")?;
        above_zero(here.then("lease"), slots.lease)
    }

    fn check_accounts(&self) -> Result<(), ConfigError> {
        let list = FieldPath::ROOT.then("accounts");
        for (index, account) in self.accounts.iter().numbered() {
            let here = list.at(index);
            let earlier = self.accounts.iter().take(index).place(|other| other.name == account.name);
            if let Some(by) = earlier {
                return Err(here.then("name").says(Problem::Taken { by: u8::try_from(by).unwrap_or(u8::MAX) }));
            }
            check_spec(&account.spec, here)?;
        }
        Ok(())
    }

    fn check_retry(&self) -> Result<(), ConfigError> {
        let Some(retry) = self.retry else { return Ok(()) };
        let here = FieldPath::ROOT.then("retry");
        if let Some(costs) = retry.quota {
            let here = here.then("quota");
            at_most(here.then("transient"), costs.transient, costs.capacity, "the capacity")?;
            at_most(here.then("throttled"), costs.throttled, costs.capacity, "the capacity")?;
        }
        if let Some(ratio) = retry.ratio.filter(|ratio| ratio.per.as_micros() < 10) {
            let (found, min, of) = (ratio.per.as_micros(), 10, "in microseconds");
            return Err(here.then("ratio").then("per").says(Problem::Below { found, min, of }));
        }
        if let Some(burst) = retry.burst {
            let here = here.then("burst");
            if burst.refusals == 0 || burst.refusals > 8 {
                let problem = Problem::Number { found: Some(u64::from(burst.refusals)), min: 1, max: 8 };
                return Err(here.then("refusals").says(problem));
            }
            above_zero(here.then("within"), burst.within)?;
            if burst.wait_min > burst.wait_max {
                return Err(here.then("wait_min").says(Problem::Expected("at most wait_max")));
            }
        }
        Ok(())
    }

    fn check_adaptation(&self) -> Result<(), ConfigError> {
        let Some(adaptation) = self.adaptation else { return Ok(()) };
        let here = FieldPath::ROOT.then("adaptation");
        if let Some((policy, per)) = adaptation.rate {
            let here = here.then("rate");
            check_aimd(&policy, here)?;
            above_zero(here.then("per"), per)?;
            let Some(requests) = self.requests else { return Err(here.says(Problem::OnlyWith("requests"))) };
            let quota = requests.quota;
            if is_faster((policy.ceiling, per), (quota.units(), quota.per())) {
                return Err(here.then("ceiling").says(Problem::Expected("a rate not above that of requests")));
            }
            if !is_exact(per, quota.burst()) {
                let wanted = "a shorter period: with the burst of requests this one cannot be exact";
                return Err(here.then("per").says(Problem::Expected(wanted)));
            }
        }
        if let Some(policy) = adaptation.jobs {
            let here = here.then("jobs");
            check_aimd(&policy, here)?;
            if let Some(slots) = self.slots {
                at_most(here.then("ceiling"), policy.ceiling, slots.limit, "the slots")?;
                if policy.floor < slots.weight {
                    let (found, min) = (u64::from(policy.floor), u64::from(slots.weight));
                    let of = "the weight of a job, which would not fit";
                    return Err(here.then("floor").says(Problem::Below { found, min, of }));
                }
            }
        }
        match adaptation.pacing {
            Some(pacing) => at_most(
                here.then("pacing").then("below_permille"),
                u32::from(pacing.below_permille),
                1_000,
                "the whole limit",
            ),
            None => Ok(()),
        }
    }
}

fn at_most(field: FieldPath, found: u32, max: u32, of: &'static str) -> Result<(), ConfigError> {
    if found <= max {
        return Ok(());
    }
    Err(field.says(Problem::Above { found: u64::from(found), max: u64::from(max), of }))
}

fn from_one(field: FieldPath, found: u32) -> Result<(), ConfigError> {
    if found > 0 {
        return Ok(());
    }
    Err(field.says(Problem::Number { found: Some(0), min: 1, max: u64::from(u32::MAX) }))
}

fn above_zero(field: FieldPath, span: Duration) -> Result<(), ConfigError> {
    if span.is_zero() { Err(field.says(Problem::Expected("a duration of more than 0"))) } else { Ok(()) }
}
