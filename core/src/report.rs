//! What a ledger shows: reports, alerts, and what the provider's own books say.
//!
//! Amounts are in millionths, because a report is about any unit; [`Ledger::available`] has the typed one.
//!
//! ```text
//! limit + bonus │■■■■■■ posted │□□□ held │▒ debt │ available │       unaccounted: used, and booked nowhere
//! ```

use core::fmt;

use crate::amount::Amount;
use crate::bounded::Counting;
use crate::budget::{Budget, Home, OVER};
use crate::forecast::{Forecast, lasts};
use crate::hold::{AccountId, HoldState, LedgerError, Line};
use crate::ledger::Ledger;
use crate::quota::mul_div;
use crate::ratio::Ratio;
use crate::terms::{BudgetSpec, Renewal};
use crate::time::{Duration, Instant};
use crate::unit::Unit;

/// Where an account stands. Amounts in millionths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Report {
    /// The unit's name.
    pub unit: &'static str,
    /// The limit of a period.
    pub limit: u64,
    /// What came on top from the period before.
    pub bonus: u64,
    /// The calendar period's number; 0 without a calendar.
    pub period: i32,
    /// What was settled or charged in this period.
    pub posted: u64,
    /// What live holds have set aside in it.
    pub held: u64,
    /// What was used above the limit and is counted against what is available.
    pub debt: u64,
    /// What one call could take now.
    pub available: u64,
    /// Posted and held of limit and bonus, rounded down; saturates. Of a limit of zero it is 1000.
    pub permille: u32,
    /// What was posted in the period before.
    pub previous: u64,
    /// What holds from before this period have set aside.
    pub previous_held: u64,
    /// What was posted, or made a debt, while the date was unknown.
    pub undated: u64,
    /// What was used and could not be booked, since the ledger was made or it was written off.
    pub unaccounted: u64,
    /// A cap was exceeded: nothing is admitted until the next period or a refund.
    pub closed: bool,
    /// The soft limit is exceeded.
    pub soft: bool,
    /// A calendar budget whose date is not known: it does not roll.
    pub frozen: bool,
    /// Thresholds that are armed, one bit each.
    pub armed: u8,
    /// Alerts that have fired and were not acknowledged, one bit each.
    pub pending: u8,
    /// Calls with a stamp older than one acted on before; of the whole ledger.
    pub clock_regressions: u32,
    /// Steps of the wall; of the whole ledger.
    pub wall_steps: u32,
}

/// A threshold that was reached and has not been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Alert {
    /// Whose.
    pub account: AccountId,
    /// Its position in the account's thresholds, ascending.
    pub threshold: u8,
    /// The share of the limit.
    pub share: Ratio,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} has reached {} of its limit", self.account.0, self.share)
    }
}

/// How our books and the provider's differed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a difference is somebody's money"]
pub struct Observed {
    /// The provider's balance less what we thought was not spent, in millionths: negative if others spend too. What we
    /// thought is below zero in debt, and above a lowered limit.
    pub difference: i64,
    /// What was posted because of it.
    pub posted: u64,
    /// What was taken back because of it, debts included, where that was asked for.
    pub raised: u64,
}

/// What an [`observe`](Ledger::observe) may do besides lowering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Raise {
    /// Nothing: a balance above ours is only reported.
    No,
    /// Take back what we have posted too much, up to the limit and not above it. As with a refund debts go first, and a
    /// budget that was closed by a cap opens. For more than the limit, raise the limit:
    /// [`set_spec`](Ledger::set_spec).
    ToLimit,
}

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'_, N, H, L, R, S> {
    /// What one call could take from this account now.
    ///
    /// # Errors
    /// [`LedgerError::UnknownBudget`] or [`LedgerError::UnitMismatch`], of line 0.
    pub fn available<U: Unit>(&self, now: Instant, account: AccountId) -> Result<Amount<U>, LedgerError> {
        self.resolve(&[Line::new::<U>(account, Amount::ZERO)])?;
        let free = self.view(account, self.effective(now)).map_or(0, |(spec, budget)| budget.free(spec));
        Ok(Amount::from_micros(free).unwrap_or(Amount::MAX))
    }

    /// Where this account stands at `now`; `None` if it is not open.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let (now, minute) = (Instant::ORIGIN, Duration::from_mins(1));
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.charge(now, JobId(1), &credits(25))?;
    /// let _ = ledger.reserve(now, JobId(2), &credits(30), minute)?;
    /// let report = ledger.report(now, account).ok_or("not open")?;
    /// assert_eq!((report.limit, report.posted, report.held), (100_000_000, 25_000_000, 30_000_000));
    /// assert_eq!((report.available, report.permille, report.unit), (45_000_000, 550, "credits"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report(&self, now: Instant, account: AccountId) -> Option<Report> {
        let eff = self.effective(now);
        let view = self.view(account, eff)?;
        let live = self.holds.iter().filter(|hold| !self.is_over(hold, eff)).filter_map(|hold| hold.line(account));
        Some(self.report_of(account, view, live.map(|line| (line.tag, line.reserved))))
    }

    /// The report of an account that looks like this, with the tags and amounts of its live holds.
    pub(crate) fn report_of(
        &self,
        account: AccountId,
        (spec, budget): (&BudgetSpec<'_>, Budget),
        live: impl Iterator<Item = (i32, u64)>,
    ) -> Report {
        let (cap, used) = (budget.cap(spec), budget.posted.saturating_add(budget.held));
        let rolling = self.is_rolling(account);
        let previous_held = live.filter(|(tag, _)| !rolling && budget.home(*tag) == Home::Previous);
        let permille = match cap {
            0 => 1_000,
            cap => mul_div(used, 1_000, cap).map_or(u32::MAX, |(share, _)| u32::try_from(share).unwrap_or(u32::MAX)),
        };
        Report {
            unit: spec.unit_name(),
            limit: spec.limit,
            bonus: budget.bonus,
            period: if spec.renewal.is_dated() { budget.period } else { 0 },
            posted: budget.posted,
            held: budget.held,
            debt: budget.debt,
            available: budget.free(spec),
            permille,
            previous: budget.prev_posted,
            previous_held: previous_held.map(|(_, reserved)| reserved).total(),
            undated: budget.undated,
            unaccounted: budget.unaccounted,
            closed: budget.has(OVER),
            soft: budget.is_soft(spec, 0),
            frozen: !self.is_dated(spec, &budget),
            armed: budget.armed,
            pending: budget.pending,
            clock_regressions: self.faults,
            wall_steps: self.wall.steps(),
        }
    }

    /// The alerts that have fired and were not acknowledged, ascending for each account.
    ///
    /// An alert fires once in a period, when posted and held together reach its share, and again only after they have
    /// fallen below it by the hysteresis. It stays pending over the end of the period.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let now = Instant::ORIGIN;
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// use tollgate::Thresholds;
    /// static WATCHED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime)
    ///     .with_thresholds(tollgate::valid!(Thresholds::percent(&[50, 80], 5)));
    /// ledger.set_spec(now, account, &WATCHED)?;
    /// let _ = ledger.charge(now, JobId(1), &credits(60))?;
    /// let pending: Vec<_> = ledger.alerts().collect();
    /// assert_eq!(pending[0].to_string(), "account 0 has reached 1/2 of its limit");
    ///
    /// // It is pending until somebody has seen to it, and is not given again in this period.
    /// assert!(ledger.acknowledge(pending[0]));
    /// let _ = ledger.charge(now, JobId(2), &credits(10))?;
    /// assert_eq!(ledger.alerts().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn alerts(&self) -> impl Iterator<Item = Alert> + '_ {
        self.indices().zip(&self.accounts).flat_map(|(account, state)| {
            let shares = (0u8..8).zip(state.spec.thresholds.iter());
            let pending = shares.filter(|(threshold, _)| state.budget.pending >> (*threshold & 7) & 1 == 1);
            pending.map(move |(threshold, share)| Alert { account, threshold, share })
        })
    }

    /// This alert has been seen to; whether it was pending.
    pub fn acknowledge(&mut self, alert: Alert) -> bool {
        let Some(account) = self.accounts.get_mut(usize::from(alert.account.0)) else { return false };
        let bit = 1u8.checked_shl(u32::from(alert.threshold)).unwrap_or(0);
        let was = account.budget.pending & bit != 0;
        account.budget.pending &= !bit;
        was
    }

    /// Sets what is unaccounted to zero and returns it: somebody has looked into it.
    ///
    /// # Errors
    /// [`LedgerError::UnknownBudget`] or [`LedgerError::UnitMismatch`], of line 0.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let now = Instant::ORIGIN;
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.absorb(now, JobId(1), &credits(130))?; // 30 more than there was
    /// assert_eq!(ledger.write_off::<Credits>(account)?, Amount::whole(30));
    /// assert_eq!(ledger.write_off::<Credits>(account)?, Amount::ZERO);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_off<U: Unit>(&mut self, account: AccountId) -> Result<Amount<U>, LedgerError> {
        self.resolve(&[Line::new::<U>(account, Amount::ZERO)])?;
        let mut unaccounted = 0;
        self.change(account, |budget| unaccounted = core::mem::take(&mut budget.unaccounted));
        // A hold that is settled late must not take off again what is written off now.
        for line in self.resolved.iter_mut().filter(|hold| hold.state == HoldState::Expired).flat_map(|h| &mut h.lines)
        {
            if line.account == account {
                line.actual = 0;
            }
        }
        Ok(Amount::from_micros(unaccounted).unwrap_or(Amount::MAX))
    }

    /// Hears what the provider says is left, holds of ours not deducted, and believes the lower of the two books.
    ///
    /// A lower balance is posted at once, as far as anything is free: others spend from it too. A higher one changes
    /// nothing but is reported, unless `raise` says otherwise; it never raises what is available above the limit. Ask
    /// again from time to time: what could not be posted because of live holds is posted once they are gone. Hearing the
    /// same twice changes nothing more.
    ///
    /// # Errors
    /// [`LedgerError::UnknownBudget`] or [`LedgerError::UnitMismatch`], of line 0.
    ///
    /// # Example
    /// ```
    /// # use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Raise, Renewal};
    /// # static HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
    /// # let now = Instant::ORIGIN;
    /// # let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// # let account = ledger.open(now, &HUNDRED)?;
    /// # let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
    /// let _ = ledger.charge(now, JobId(1), &credits(40))?;
    /// // 60 should be left. Somebody else has used 25 of them.
    /// let heard = ledger.observe::<Credits>(now, account, Amount::whole(35), Raise::No)?;
    /// assert_eq!((heard.difference, heard.posted), (-25_000_000, 25_000_000));
    /// // 15 are given back: only reported, unless they may be taken.
    /// let heard = ledger.observe::<Credits>(now, account, Amount::whole(50), Raise::No)?;
    /// assert_eq!((heard.difference, ledger.available::<Credits>(now, account)?), (15_000_000, Amount::whole(35)));
    /// let heard = ledger.observe::<Credits>(now, account, Amount::whole(50), Raise::ToLimit)?;
    /// assert_eq!((heard.raised, ledger.available::<Credits>(now, account)?), (15_000_000, Amount::whole(50)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn observe<U: Unit>(
        &mut self,
        now: Instant,
        account: AccountId,
        balance: Amount<U>,
        raise: Raise,
    ) -> Result<Observed, LedgerError> {
        self.resolve(&[Line::new::<U>(account, balance)])?;
        let eff = self.act(now);
        let Some((spec, budget)) = self.view(account, eff) else { return Err(LedgerError::UnknownBudget { line: 0 }) };
        let difference = signed(balance.as_micros()).saturating_sub(budget.unspent(spec));
        let (lower, higher) = (difference.min(0).unsigned_abs(), difference.max(0).cast_unsigned());
        let posted = lower.min(budget.free(spec));
        let raised = match raise {
            Raise::ToLimit => higher.min(budget.posted.saturating_add(budget.debt)),
            Raise::No => 0,
        };
        let tag = self.tag(spec, &budget);
        if let Renewal::Rolling(rolling) = spec.renewal {
            self.put(account, tag, posted);
            let mut rest = raised;
            self.change(account, |budget| rest = budget.repay(rest));
            // From the newest slice back: what is newest would have stayed longest.
            for age in 0..=i32::from(rolling.slices()) {
                rest = rest.saturating_sub(self.take_back(account, tag.wrapping_sub(age), rest));
            }
            self.alert(account);
        } else {
            self.change(account, |budget| {
                budget.post(budget.home(tag), posted);
                budget.give_back(budget.home(tag), raised);
            });
        }
        Ok(Observed { difference, posted, raised })
    }

    /// Where a calendar budget will stand at the end of its period; `None` for other budgets and while the date is
    /// unknown. It means something after `least`, or a tenth of the period.
    ///
    /// What is expected comes from what is posted; how long the rest lasts, from what is available: less what is held and
    /// owed.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Amount, BudgetSpec, Calendar, Credits, Cycle, Duration, Instant, JobId, Ledger, Line, Renewal};
    /// use tollgate::{Trust, UnixMicros};
    /// static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Calendar(Calendar::utc(Cycle::Day)));
    /// let midnight = Instant::ORIGIN;
    /// let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
    /// ledger.set_wall(midnight, UnixMicros::from_secs(0), Duration::ZERO, Trust::Owner);
    /// let credits = ledger.open(midnight, &DAILY)?;
    ///
    /// // 22 by six in the morning are 88 a day; at that pace the other 44 last twelve hours.
    /// let _ = ledger.charge(midnight, JobId(1), &[Line::new::<Credits>(credits, Amount::whole(22))])?;
    /// let six = Instant::from_secs(6 * 3_600);
    /// let forecast = ledger.forecast(six, credits, None).ok_or("no date")?;
    /// assert_eq!((forecast.expected, forecast.over), (88_000_000, true));
    /// assert_eq!(forecast.exhausted_in, Some(Duration::from_hours(12)));
    ///
    /// // A job that holds 33 of them leaves 11, which last three.
    /// let hold = [Line::new::<Credits>(credits, Amount::whole(33))];
    /// let _ = ledger.reserve(six, JobId(2), &hold, Duration::from_hours(1))?;
    /// let exhausted = ledger.forecast(six, credits, None).and_then(|forecast| forecast.exhausted_in);
    /// assert_eq!(exhausted, Some(Duration::from_hours(3)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forecast(&self, now: Instant, account: AccountId, least: Option<Duration>) -> Option<Forecast> {
        let eff = self.effective(now);
        let (spec, budget) = self.view(account, eff)?;
        let unix = self.wall.surely(eff)?;
        let period = spec.renewal.period_at(unix.as_secs())?;
        let elapsed = unix.saturating_since(crate::wall::UnixMicros::from_secs(period.start));
        let length = Duration::from_secs(period.seconds());
        let exhausted_in = lasts(budget.free(spec), budget.posted, elapsed);
        Some(Forecast { exhausted_in, ..Forecast::linear(budget.posted, budget.cap(spec), elapsed, length, least) })
    }
}

/// Amounts stay below 2^63.
fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}
