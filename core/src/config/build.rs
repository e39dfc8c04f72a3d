//! From a configuration to a gate.

use super::error::{ConfigError, Problem};
use super::path::FieldPath;
use super::{BurstConfig, GateConfig, RatioConfig};
use crate::adapt::Aimd;
use crate::bounded::Counting;
use crate::breaker::Breaker;
use crate::bucket::TokenBucket;
use crate::burst::Burst;
use crate::gate::{Adaptation, Gate, Limits, Offer, Request};
use crate::job::JobId;
use crate::ledger::{Ledger, OpenError};
use crate::retry::Restraint;
use crate::retry_quota::{RatioBudget, RetryQuota};
use crate::terms::{BudgetSpec, Renewal};
use crate::time::{Duration, Instant};
use crate::window::{WhenFull, Window};
use crate::window_log::WindowLog;

/// The limits of a gate that a configuration decides: every place is there, and may be off.
pub type ConfiguredLimits<'c, const ACCOUNTS: usize, const LINES: usize, const SLICES: usize, const WINDOW: usize> =
    Limits<
        Option<TokenBucket>,
        Option<WindowLog<WINDOW>>,
        Ledger<'c, ACCOUNTS, 0, LINES, 0, SLICES>,
        Option<Breaker>,
        Option<Restraint>,
        Option<Adaptation>,
    >;

/// A gate that a configuration decides: with `JOBS` jobs and `CALLS` requests on their way as any [`Gate`], up to `LINES`
/// amounts a job, `SLICES` slices of rolling budgets (one more for each than it has), and `WINDOW` requests in the window.
pub type ConfiguredGate<
    'c,
    const ACCOUNTS: usize,
    const JOBS: usize,
    const CALLS: usize,
    const LINES: usize = 2,
    const SLICES: usize = 0,
    const WINDOW: usize = 1,
> = Gate<ConfiguredLimits<'c, ACCOUNTS, LINES, SLICES, WINDOW>, JOBS, CALLS>;

impl<const ACCOUNTS: usize> GateConfig<ACCOUNTS> {
    /// The gate that this describes, as it is at first. The configuration outlives it: the budgets stay here.
    ///
    /// Budgets with a calendar stay frozen until [`Gate::set_wall`] tells the date.
    ///
    /// # Errors
    /// As [`check`](Self::check); more slots than jobs of their weight have room, a window of more requests than it has
    /// entries that must not merge, a rolling budget without room for its slices; an instant of the owner's that has passed.
    ///
    /// # Example
    /// ```
    /// use tollgate::config::{ConfiguredGate, GateConfig};
    /// use tollgate::{AskError, Binding, Denied, Instant, JobId};
    /// let config = GateConfig::<0>::parse(r#"{ "slots": { "limit": 1, "lease": "5m" } }"#)?;
    /// let mut gate: ConfiguredGate<'_, 0, 8, 2> = config.gate(Instant::ORIGIN)?;
    /// let _permit = gate.ask(Instant::ORIGIN, &config.request(JobId(1)))?;
    /// let refused = gate.ask(Instant::ORIGIN, &config.request(JobId(2)));
    /// assert!(matches!(refused, Err(AskError::Refused { limit: Binding::Slots, denied: Denied::Until(_) })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gate<const JOBS: usize, const CALLS: usize, const LINES: usize, const SLICES: usize, const WINDOW: usize>(
        &self,
        now: Instant,
    ) -> Result<ConfiguredGate<'_, ACCOUNTS, JOBS, CALLS, LINES, SLICES, WINDOW>, ConfigError> {
        self.check()?;
        self.check_until(now)?;
        self.check_room(Room { jobs: JOBS, lines: LINES, window: WINDOW })?;
        self.check_slices(0, SLICES)?;
        let limits = Limits {
            requests: self.requests.map(|requests| TokenBucket::new(requests.quota, requests.start, now)),
            window: self.window_log(now)?,
            money: Ledger::new(Duration::ZERO),
            breaker: self.breaker.map(|policy| Breaker::new(policy, now)),
            restraint: self.restraint(),
            adaptation: self.adaptation(),
        };
        // Changed in place: it may be as large as a stack allows.
        let mut gate = Gate::new(limits, now);
        gate.set_patience(self.patience);
        gate.set_slots(self.slot_limit());
        for (index, account) in self.accounts.iter().numbered() {
            let opened = gate.limits.money.open(now, &account.spec);
            opened.map_err(|error| FieldPath::ROOT.then("accounts").at(index).says(Problem::Open(error)))?;
        }
        if let Some(until) = self.closed_until {
            gate.block_until(now, until);
        }
        Ok(gate)
    }

    /// The request of a job as the configuration has it: its weight and its lease. Without slots, those of
    /// [`Request::new`], for ever.
    pub fn request(&self, job: JobId) -> Request<'static> {
        match self.slots {
            Some(slots) => Request::new(job, slots.lease).weighs(slots.weight),
            None => Request::new(job, Duration::MAX),
        }
    }

    pub(super) fn slot_limit(&self) -> u32 {
        self.slots.map_or(u32::MAX, |slots| slots.limit)
    }

    fn window_log<const WINDOW: usize>(&self, now: Instant) -> Result<Option<WindowLog<WINDOW>>, ConfigError> {
        let Some(config) = self.window else { return Ok(None) };
        let window = Window::new(config.limit, config.length);
        let window = window.map_err(|error| FieldPath::ROOT.then("window").says(Problem::Window(error)))?;
        Ok(Some(WindowLog::new(window, config.when_full, config.history, now)))
    }

    fn restraint(&self) -> Option<Restraint> {
        let retry = self.retry?;
        let ratio = |ratio: RatioConfig| RatioBudget::new(ratio.per, ratio.permille, ratio.per_second);
        let burst = |burst: BurstConfig| Burst::new(burst.refusals, burst.within, (burst.wait_min, burst.wait_max));
        Some(Restraint {
            quota: retry.quota.map(RetryQuota::new),
            ratio: retry.ratio.map(ratio),
            burst: retry.burst.map(burst),
        })
    }

    fn adaptation(&self) -> Option<Adaptation> {
        let adaptation = self.adaptation?;
        Some(Adaptation {
            rate: adaptation.rate.map(|(policy, per)| (Aimd::new(policy), per)),
            jobs: adaptation.jobs.map(Aimd::new),
            pacing: adaptation.pacing,
            offer: adaptation.advertised.then_some(Offer::NONE),
        })
    }

    /// The tables of a gate have room for what is asked of them.
    pub(super) fn check_room(&self, has: Room) -> Result<(), ConfigError> {
        let root = FieldPath::ROOT;
        // As many jobs of the stated weight could run at once.
        if let Some(slots) = self.slots.filter(|slots| slots.weight > 0) {
            let (found, max) = (u64::from(slots.limit), wide(has.jobs).saturating_mul(u64::from(slots.weight)));
            // A rest that is less than a job takes no place.
            if found >= max.saturating_add(u64::from(slots.weight)) {
                let of = "the jobs of this weight that the gate has room for";
                return Err(root.then("slots").then("limit").says(Problem::Above { found, max, of }));
            }
        }
        if let Some(window) = self.window.filter(|window| window.when_full == WhenFull::Refuse) {
            let (found, max) = (u64::from(window.limit), wide(has.window));
            if found > max {
                let of = "the entries of the gate's window, or a when_full of \"merge\"";
                return Err(root.then("window").then("limit").says(Problem::Above { found, max, of }));
            }
        }
        if !self.accounts.is_empty() && has.lines == 0 {
            return Err(root.then("accounts").says(Problem::TooMany { max: 0 }));
        }
        Ok(())
    }

    /// The slices of the accounts from this one on fit into what is left.
    pub(super) fn check_slices(&self, from: usize, left: usize) -> Result<(), ConfigError> {
        let mut left = u32::try_from(left).unwrap_or(u32::MAX).min(u32::from(u16::MAX));
        for (index, account) in self.accounts.iter().numbered().skip(from) {
            let needed = slices(&account.spec);
            if needed > left {
                let field = FieldPath::ROOT.then("accounts").at(index).then("slices");
                return Err(field.says(Problem::Open(OpenError::NoSlices { needed, left })));
            }
            left = left.saturating_sub(needed);
        }
        Ok(())
    }
}

/// How many slices of the pool a budget takes.
fn slices(spec: &BudgetSpec<'_>) -> u32 {
    match spec.renewal {
        Renewal::Rolling(rolling) => u32::from(rolling.slices()).saturating_add(1),
        _ => 0,
    }
}

/// What a gate has room for.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) jobs: usize,
    pub(super) lines: usize,
    pub(super) window: usize,
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
