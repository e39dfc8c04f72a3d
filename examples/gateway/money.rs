//! The money: what a job costs, and the four budgets that it comes out of.
//!
//! Credits and dollars, for each project and in total, charged together or not at all. The gate sets the estimate aside
//! before a job is sent, and settles what was made.

use std::collections::BTreeMap;
use std::error::Error;

use tollgate::presets::tariffs::seed003;
use tollgate::{
    AccountId, Alert, Amount, AskError, Binding, BudgetSpec, Credits, Denied, Duration, Instant, JobSpec, Ledger, Line,
    Package, Renewal, Rounding, Tariff, Thresholds, Usd, valid,
};

use crate::jobs::Job;
use crate::limits::{Gate, Order};

/// Prices and packages of source document 003; the invoice must be of the same tariff.
const TARIFF: Tariff<'static> = seed003::TARIFF;
const PACKAGE: Package = seed003::PACKAGES[3];
const ALERTS: Thresholds = valid!(Thresholds::percent(&[50, 75, 90], 5));

// What the owner is ready to spend in this run: in all, on a project, and on one that has to be cheap.
static ALL: [BudgetSpec<'static>; 2] = both(31_000, 775);
static PROJECT: [BudgetSpec<'static>; 2] = both(20_000, 600);
static TRAILER: [BudgetSpec<'static>; 2] = both(1_000, 25);

const fn both(credits: u32, dollars: u32) -> [BudgetSpec<'static>; 2] {
    let credits = BudgetSpec::new::<Credits>(Amount::whole(credits), Renewal::Lifetime);
    let dollars = BudgetSpec::new::<Usd>(Amount::whole(dollars), Renewal::Lifetime);
    [credits.with_thresholds(ALERTS), dollars.with_thresholds(ALERTS)]
}

/// The most projects of one file: each takes two accounts of the ledger.
const MOST_PROJECTS: usize = 31;

pub(crate) const MOST_ACCOUNTS: usize = 2 + 2 * MOST_PROJECTS;

/// The books of the client, in its gate: four lines a job, and no holds of its own.
pub(crate) type Money = Ledger<'static, MOST_ACCOUNTS, 0, 4, 0>;

/// What was spent: millionths of a credit and of a dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Spent {
    pub(crate) credits: u64,
    pub(crate) dollars: u64,
}

/// Whose accounts are which; the whole budget has the name of nobody.
#[derive(Debug)]
pub(crate) struct Purse(BTreeMap<String, [AccountId; 2]>);

impl Purse {
    /// Books with two accounts for each project of these jobs, and two for all of them.
    pub(crate) fn of<'a>(
        jobs: impl IntoIterator<Item = &'a Job>,
        now: Instant,
    ) -> Result<(Self, Money), Box<dyn Error>> {
        let mut money = Money::new(Duration::ZERO);
        let [credits, dollars] = &ALL;
        let mut accounts = BTreeMap::from([(String::new(), [money.open(now, credits)?, money.open(now, dollars)?])]);
        for job in jobs {
            let [credits, dollars] = if job.project == "trailer" { &TRAILER } else { &PROJECT };
            if !accounts.contains_key(&job.project) {
                accounts.insert(job.project.clone(), [money.open(now, credits)?, money.open(now, dollars)?]);
            }
        }
        Ok((Self(accounts), money))
    }

    /// How many accounts there are.
    pub(crate) fn accounts(&self) -> usize {
        2 * self.0.len()
    }

    /// The number of a job's project, from 1.
    pub(crate) fn number(&self, job: &Job) -> u32 {
        self.0.get(&job.project).map_or(0, |[credits, _]| u32::from(credits.0 / 2))
    }

    /// What `seconds` of this job cost, in all four budgets; priced as it is billed, up to the next millionth.
    pub(crate) fn price(&self, job: &Job, seconds: u32) -> Result<[Line; 4], String> {
        let duration = Duration::from_secs(u64::from(seconds));
        let spec = JobSpec { model: job.model, resolution: job.resolution, duration };
        let credits = match seconds {
            0 => Ok(Amount::ZERO), // nothing was made, and nothing is billed
            _ => TARIFF.credits(&spec, Rounding::Ceil),
        };
        let credits = credits.map_err(|error| error.to_string())?;
        let dollars = PACKAGE.usd(credits, Rounding::Ceil).map_err(|error| error.to_string())?;
        let [[mine, my_dollars], [all, all_dollars]] = [job.project.as_str(), ""].map(|name| self.0[name]);
        Ok([
            Line::new::<Credits>(mine, credits),
            Line::new::<Usd>(my_dollars, dollars),
            Line::new::<Credits>(all, credits),
            Line::new::<Usd>(all_dollars, dollars),
        ])
    }

    /// Why a job will never be sent: what its budget is short of, or what else is wrong with it.
    pub(crate) fn why_not(&self, gate: &Gate, order: &Order, why: AskError) -> String {
        let AskError::Refused { limit: Binding::Money(account), denied: Denied::Never { max } } = why else {
            return why.to_string();
        };
        let line = order.payload.price.iter().find(|line| line.account() == account);
        let (short, [name, unit]) = (line.map_or(0, Line::micros).saturating_sub(max), self.name(gate, account));
        format!("{name} is short of {}.{:06} {unit}", short / 1_000_000, short % 1_000_000)
    }

    /// An alert, for people.
    pub(crate) fn tell(&self, gate: &Gate, alert: Alert) -> String {
        let [name, unit] = self.name(gate, alert.account);
        format!("{name}: {} of its {unit} are spent or set aside", alert.share)
    }

    /// Whose account it is, and what it is counted in.
    fn name<'a>(&'a self, gate: &Gate, account: AccountId) -> [&'a str; 2] {
        let owner = self.0.iter().find(|(_, accounts)| accounts.contains(&account)).map_or("", |(name, _)| name);
        let unit = gate.report(Instant::ORIGIN, account).map_or("", |report| report.unit);
        [if owner.is_empty() { "the whole budget" } else { owner }, unit]
    }

    /// What was spent, by project, and in total under the name of nobody.
    pub(crate) fn spent(&self, gate: &Gate, now: Instant) -> BTreeMap<String, Spent> {
        let posted = |account| gate.report(now, account).map_or(0, |report| report.posted);
        let spent = |[credits, dollars]: [AccountId; 2]| Spent { credits: posted(credits), dollars: posted(dollars) };
        self.0.iter().map(|(name, accounts)| (name.clone(), spent(*accounts))).collect()
    }
}
