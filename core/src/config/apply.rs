//! From one configuration of a running gate to the next.

use super::build::{ConfiguredGate, Room};
use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::{AccountConfig, AdaptationConfig, GateConfig};
use crate::bounded::Counting;
use crate::gate::Requests as _;
use crate::hold::AccountId;
use crate::time::{Duration, Instant};

impl<const ACCOUNTS: usize> GateConfig<ACCOUNTS> {
    /// Makes a running gate what this says, or changes nothing. `running` is what it was built from, or what was applied to
    /// it last. Both outlive the gate: a `Box::leak` on a server, two static cells on a chip.
    ///
    /// What can change:
    ///
    /// * the quota of `requests`: what is used stays used ([`Inherit::KeepUsed`](crate::Inherit::KeepUsed)), and a rate that the
    ///   adaptation has lowered stays lowered; what the server has advertised is forgotten until it says so again;
    /// * the slots: lowering them ends no job;
    /// * the numbers of the adaptation ([`Aimd::set_policy`](crate::Aimd::set_policy)), and its pacing as a whole;
    /// * of each account the limit, the soft limit, overage, rollover and thresholds, as
    ///   [`Ledger::set_spec`](crate::Ledger::set_spec) has it; more accounts behind those that are there;
    /// * patience, and the block of the owner's, if it is another one (without one the gate stays as it is);
    /// * the names of presets, and how the bucket and the window start, which only matters to a gate that is built.
    ///
    /// Everything else must stay what it was.
    ///
    /// # Errors
    /// As [`gate`](Self::gate); [`Problem::NotLive`] with the field that cannot change.
    ///
    /// # Example
    /// ```
    /// use tollgate::config::{ConfiguredGate, GateConfig, Problem};
    /// use tollgate::Instant;
    /// let now = Instant::ORIGIN;
    /// let config = GateConfig::<0>::parse(r#"{ "requests": { "units": 60, "per": "1m" }, "slots": { "limit": 2 } }"#)?;
    /// let wider = GateConfig::<0>::parse(r#"{ "requests": { "units": 90, "per": "1m" }, "slots": { "limit": 4 } }"#)?;
    /// let other = GateConfig::<0>::parse(r#"{ "slots": { "limit": 4 } }"#)?;
    ///
    /// let mut gate: ConfiguredGate<'_, 0, 8, 2> = config.gate(now)?;
    /// wider.apply(now, &mut gate, &config)?;
    /// assert_eq!((gate.status(now).requests, gate.slots()), (60, 4)); // no request is granted by the change
    ///
    /// let refused = other.apply(now, &mut gate, &wider).unwrap_err();
    /// assert_eq!((refused.path(), refused.problem()), ("requests", Problem::NotLive));
    /// # Ok::<(), tollgate::config::ConfigError>(())
    /// ```
    pub fn apply<
        'c,
        const JOBS: usize,
        const CALLS: usize,
        const LINES: usize,
        const SLICES: usize,
        const WINDOW: usize,
    >(
        &'c self,
        now: Instant,
        gate: &mut ConfiguredGate<'c, ACCOUNTS, JOBS, CALLS, LINES, SLICES, WINDOW>,
        running: &Self,
    ) -> Result<(), ConfigError> {
        self.check()?;
        if self.closed_until != running.closed_until {
            self.check_until(now)?;
        }
        self.check_room(Room { jobs: JOBS, lines: LINES, window: WINDOW })?;
        let (accounts, taken) = (gate.limits.money.accounts.len(), usize::from(gate.limits.money.slices_used));
        self.check_live(running, accounts)?;
        self.check_slices(accounts, SLICES.saturating_sub(taken))?;

        // Nothing below is refused.
        if let (Some(adaptation), Some(next)) = (&mut gate.limits.adaptation, &self.adaptation) {
            adaptation.pacing = next.pacing;
            for (aimd, policy) in [
                (adaptation.rate.as_mut().map(|(rate, _)| rate), next.rate.map(|(policy, _)| policy)),
                (adaptation.jobs.as_mut(), next.jobs),
            ] {
                if let (Some(aimd), Some(policy)) = (aimd, policy) {
                    aimd.set_policy(policy);
                }
            }
        }
        let rate = |config: &Self| config.adaptation.and_then(|adaptation| adaptation.rate);
        if let (Some(requests), Some(before)) = (self.requests, running.requests)
            && (requests.quota != before.quota || rate(self) != rate(running))
        {
            gate.requests_mut().retune(now, requests.quota);
            // What the adaptation has lowered stays lowered.
            let adapted = gate.limits.adaptation.and_then(|adaptation| adaptation.rate);
            if adapted.is_some_and(|(rate, _)| rate.value() < rate.policy.ceiling) {
                gate.retune(now);
            }
        }
        gate.set_slots(self.slot_limit());
        gate.set_patience(self.patience);
        for (index, account) in (0u8..).zip(&self.accounts) {
            if usize::from(index) >= accounts {
                let _ = gate.money_mut(now).open(now, &account.spec);
            } else {
                // Also where it is the same: from now on the gate looks at this configuration.
                let _ = gate.money_mut(now).set_spec(now, AccountId(index), &account.spec);
            }
        }
        if let Some(until) = self.closed_until.filter(|_| self.closed_until != running.closed_until) {
            gate.block_until(now, until);
        }
        Ok(())
    }

    /// What cannot change while the gate runs is what it was.
    fn check_live(&self, running: &Self, accounts: usize) -> Result<(), ConfigError> {
        let window = |config: &Self| config.window.map(|window| (window.limit, window.length, window.when_full));
        let list = FieldPath::ROOT.then("accounts");
        for (field, same) in [
            ("requests", self.requests.is_some() == running.requests.is_some()),
            ("window", window(self) == window(running)),
            ("breaker", self.breaker == running.breaker),
            ("retry", self.retry == running.retry),
            ("adaptation", adapted(self.adaptation) == adapted(running.adaptation)),
            ("accounts", self.accounts.len() >= accounts && running.accounts.len() == accounts),
        ] {
            if !same {
                return Err(FieldPath::ROOT.then(field).says(Problem::NotLive));
            }
        }
        for (index, (account, before)) in self.accounts.iter().zip(&running.accounts).numbered() {
            if let Some(field) = changed(account, before) {
                return Err(list.at(index).then(field).says(Problem::NotLive));
            }
        }
        Ok(())
    }
}

/// What of an adaptation cannot change: which parts it has, and over which time a rate is meant.
fn adapted(config: Option<AdaptationConfig>) -> Option<(Option<Duration>, bool, bool)> {
    config.map(|config| (config.rate.map(|(_, per)| per), config.jobs.is_some(), config.advertised))
}

/// The field of an account that cannot change, if it has.
fn changed(account: &AccountConfig, before: &AccountConfig) -> Option<&'static str> {
    let (spec, old) = (&account.spec, &before.spec);
    if account.name != before.name {
        Some("name")
    } else if spec.unit != old.unit {
        Some("unit")
    } else if !old.renewal.goes_on_as(&spec.renewal, None) {
        Some("period")
    } else {
        None
    }
}
