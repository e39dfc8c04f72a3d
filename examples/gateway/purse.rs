//! The money: what every job costs, set aside before it is sent, and settled by what was made.
//!
//! Credits and dollars, for each project and in total: four budgets that are charged together or not at all. A job that
//! does not fit is refused before anything is sent. A job that waits to be sent again keeps what was set aside for it.

use std::collections::BTreeMap;

use tollgate::presets::tariffs::seed003;
use tollgate::{
    AccountId, Alert, Amount, Ask, BudgetSpec, Credits, Duration, Instant, JobId, JobSpec, Ledger, LedgerError, Line,
    Package, Ratio, Renewal, Rounding, Tariff, Thresholds, Usd, valid,
};

use crate::jobs::Job;

/// Prices and packages of source document 003; the invoice must be of the same tariff.
const TARIFF: Tariff<'static> = seed003::TARIFF;
const PACKAGE: Package = seed003::PACKAGES[3];
const SHARES: [Ratio; 3] = [valid!(Ratio::new(1, 2)), valid!(Ratio::new(3, 4)), valid!(Ratio::new(9, 10))];
const ALERTS: Thresholds = valid!(Thresholds::new(&SHARES, valid!(Ratio::new(1, 20))));

// What the owner is ready to spend in this run: a little less than all jobs of the file would cost.
static ALL_CREDITS: BudgetSpec<'static> =
    BudgetSpec::new::<Credits>(Amount::whole(33_000), Renewal::Lifetime).with_thresholds(ALERTS);
static ALL_DOLLARS: BudgetSpec<'static> =
    BudgetSpec::new::<Usd>(Amount::whole(820), Renewal::Lifetime).with_thresholds(ALERTS);
static PROJECT_CREDITS: BudgetSpec<'static> =
    BudgetSpec::new::<Credits>(Amount::whole(20_000), Renewal::Lifetime).with_thresholds(ALERTS);
static PROJECT_DOLLARS: BudgetSpec<'static> =
    BudgetSpec::new::<Usd>(Amount::whole(600), Renewal::Lifetime).with_thresholds(ALERTS);

/// What a hold may outlive: a job is settled when its video is there, or voided when it failed.
const TTL: Duration = Duration::from_hours(6);

/// The most projects of one file: each takes two accounts of the ledger.
pub(crate) const MOST_PROJECTS: usize = 31;
const ACCOUNTS: usize = 2 + 2 * MOST_PROJECTS;

/// What a job costs, as a limit.
pub(crate) type Price<'a> = Ask<'a, 'static, ACCOUNTS, 128, 4, 64, 0>;

/// What was spent: millionths of a credit and of a dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Spent {
    pub(crate) credits: u64,
    pub(crate) dollars: u64,
}

/// The client's books.
#[derive(Debug)]
pub(crate) struct Purse {
    ledger: Ledger<'static, ACCOUNTS, 128, 4, 64>,
    all: [AccountId; 2],
    projects: BTreeMap<String, [AccountId; 2]>,
}

impl Purse {
    /// Books with an account for each project of these jobs.
    pub(crate) fn of<'a>(
        jobs: impl IntoIterator<Item = &'a Job>,
        now: Instant,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut ledger = Ledger::new(Duration::ZERO);
        let all = [ledger.open(now, &ALL_CREDITS)?, ledger.open(now, &ALL_DOLLARS)?];
        let mut projects = BTreeMap::new();
        for job in jobs {
            if !projects.contains_key(&job.project) {
                let accounts = [ledger.open(now, &PROJECT_CREDITS)?, ledger.open(now, &PROJECT_DOLLARS)?];
                projects.insert(job.project.clone(), accounts);
            }
        }
        Ok(Self { ledger, all, projects })
    }

    /// What `seconds` of this job cost, in all four budgets; priced as it is billed, up to the next millionth.
    fn lines(&self, job: &Job, seconds: u32) -> Result<[Line; 4], String> {
        let duration = Duration::from_secs(u64::from(seconds));
        let spec = JobSpec { model: job.model, resolution: job.resolution, duration };
        let credits = TARIFF.credits(&spec, Rounding::Ceil).map_err(|error| error.to_string())?;
        let dollars = PACKAGE.usd(credits, Rounding::Ceil).map_err(|error| error.to_string())?;
        let [project_credits, project_dollars] = *self.projects.get(&job.project).ok_or("an unknown project")?;
        Ok([
            Line::new::<Credits>(project_credits, credits),
            Line::new::<Usd>(project_dollars, dollars),
            Line::new::<Credits>(self.all[0], credits),
            Line::new::<Usd>(self.all[1], dollars),
        ])
    }

    /// The price of a job as a limit, to be asked with the others; `None` if it is set aside already. `Err` says why the
    /// job has no price.
    pub(crate) fn ask(&mut self, job: &Job) -> Result<Option<Price<'_>>, String> {
        if self.ledger.hold(JobId(job.id)).is_some() {
            return Ok(None);
        }
        let lines = self.lines(job, job.duration_s)?;
        self.ledger.ask(JobId(job.id), TTL, &lines).map(Some).map_err(|error| error.to_string())
    }

    /// Why the price of a job does not fit.
    pub(crate) fn why_not(&self, now: Instant, job: &Job) -> String {
        match self.lines(job, job.duration_s).map(|lines| self.ledger.check(now, &lines)) {
            Ok(Err(LedgerError::Denied { short, .. })) => {
                let (whole, part) = (short.micros / 1_000_000, short.micros % 1_000_000);
                format!(
                    "{} is short of {whole}.{part:06} {}",
                    self.owner(short.account, job),
                    self.unit(now, short.account)
                )
            }
            _ => "no budget for it".into(),
        }
    }

    fn owner<'a>(&self, account: AccountId, job: &'a Job) -> &'a str {
        if self.all.contains(&account) { "the whole budget" } else { &job.project }
    }

    fn unit(&self, now: Instant, account: AccountId) -> &'static str {
        self.ledger.report(now, account).map_or("", |report| report.unit)
    }

    /// The video is there, `seconds` long: that is what is billed, and the rest is free again.
    pub(crate) fn settle(&mut self, now: Instant, job: &Job, seconds: u32) -> Result<(), String> {
        let lines = self.lines(job, seconds)?;
        // Whatever a budget says now, the job has run.
        self.ledger.absorb(now, JobId(job.id), &lines).map(drop).map_err(|error| error.to_string())
    }

    /// The job failed: it costs nothing. A job for which nothing was set aside is none of our business.
    pub(crate) fn void(&mut self, now: Instant, job: &Job) {
        let _ = self.ledger.void(now, JobId(job.id));
    }

    /// The alerts that nobody has seen yet; each is told once.
    pub(crate) fn alerts(&mut self, now: Instant) -> Vec<String> {
        let pending: Vec<Alert> = self.ledger.alerts().collect();
        let tell = |alert: &Alert| {
            let mine = |accounts: &[AccountId; 2]| accounts.contains(&alert.account);
            let project = self.projects.iter().find(|(_, accounts)| mine(accounts));
            let name = project.map_or("the whole budget", |(name, _)| name);
            format!("{name}: {} of its {} are spent or set aside", alert.share, self.unit(now, alert.account))
        };
        let told = pending.iter().map(tell).collect();
        for alert in pending {
            self.ledger.acknowledge(alert);
        }
        told
    }

    /// What was spent, by project, and in total under the name of nobody.
    pub(crate) fn spent(&self, now: Instant) -> BTreeMap<String, Spent> {
        let posted = |account| self.ledger.report(now, account).map_or(0, |report| report.posted);
        let spent = |[credits, dollars]: [AccountId; 2]| Spent { credits: posted(credits), dollars: posted(dollars) };
        let projects = self.projects.iter().map(|(name, accounts)| (name.clone(), spent(*accounts)));
        projects.chain([(String::new(), spent(self.all))]).collect()
    }

    /// What is still set aside: nothing, when every job has ended.
    pub(crate) fn held(&self) -> usize {
        self.ledger.holds().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Priority;
    use tollgate::Limiter as _;

    const NOW: Instant = Instant::ORIGIN;

    fn job(id: u64, duration_s: u32) -> Job {
        Job {
            id,
            project: "archive".into(),
            priority: Priority::Low,
            model: "kling-pro",
            duration_s,
            resolution: "4k",
            prompt: String::new(),
        }
    }

    fn set_aside(purse: &mut Purse, job: &Job) -> Result<(), String> {
        let held = purse.ask(job)?.map(|mut price| price.reserve(NOW, 1, Duration::ZERO).is_ok());
        if held == Some(false) { Err(purse.why_not(NOW, job)) } else { Ok(()) }
    }

    #[test]
    fn a_job_is_set_aside_once_and_settled_by_what_was_made() {
        let (long, mut purse) = (job(1, 10), Purse::of(&[job(1, 10)], NOW).unwrap());
        set_aside(&mut purse, &long).unwrap();
        set_aside(&mut purse, &long).unwrap(); // sent again after a 429
        assert_eq!((purse.held(), purse.spent(NOW)["archive"]), (1, Spent::default()));
        purse.settle(NOW, &long, 9).unwrap();
        let spent = Spent { credits: 270_000_000, dollars: 6_750_000 };
        assert_eq!((purse.spent(NOW)["archive"], purse.spent(NOW)[""]), (spent, spent));
        assert_eq!(purse.held(), 0);
    }

    #[test]
    fn a_job_that_failed_costs_nothing() {
        let mut purse = Purse::of(&[job(1, 60)], NOW).unwrap();
        set_aside(&mut purse, &job(1, 60)).unwrap();
        purse.void(NOW, &job(1, 60));
        assert_eq!((purse.held(), purse.spent(NOW)[""]), (0, Spent::default()));
    }

    #[test]
    fn a_job_that_does_not_fit_is_refused_by_name_and_amount() {
        let mut purse = Purse::of(&[job(1, 60)], NOW).unwrap();
        for id in 0..11 {
            set_aside(&mut purse, &job(id, 60)).unwrap(); // 1800 credits each
        }
        let refused = set_aside(&mut purse, &job(99, 60)).unwrap_err();
        assert_eq!(refused, "archive is short of 1600.000000 credits");
        assert_eq!(purse.held(), 11);
    }

    #[test]
    fn each_alert_is_told_once() {
        let mut purse = Purse::of(&[job(1, 60)], NOW).unwrap();
        let mut told = Vec::new();
        for id in 0..11 {
            set_aside(&mut purse, &job(id, 60)).unwrap();
            told.extend(purse.alerts(NOW));
        }
        assert_eq!(told[0], "archive: 1/2 of its credits are spent or set aside");
        let mut unique = told.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), told.len());
    }
}
