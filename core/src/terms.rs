//! `BudgetSpec`: what a budget promises: how much, how often it starts afresh, and what happens above it.
//!
//! A constant, kept by reference: it can stay in flash. Amounts are typed when it is made and checked against the unit.
//!
//! ```text
//! Lifetime   ────────────────────────────────────>   until it is used up
//! Calendar   ──────────|──────────|──────────|───>   whole again at every boundary
//! Rolling         (─────────────────────]            so much in any stretch of this length
//! ```

use core::fmt;

use crate::alerts::Thresholds;
use crate::amount::Amount;
use crate::calendar::{Boundaries, Calendar, Period};
use crate::division::divide;
use crate::time::Duration;
use crate::unit::Unit;

/// When a budget starts afresh.
#[derive(Clone, Copy)]
pub enum Renewal<'a> {
    /// Never.
    Lifetime,
    /// At every boundary of this calendar: day, week or month, in UTC or at a fixed offset.
    Calendar(Calendar),
    /// At every boundary of a real zone, with days of 23 and 25 hours.
    Zone(&'a (dyn Boundaries + Sync)),
    /// Never at once: what was used comes back when it is this old.
    Rolling(Rolling),
}

impl fmt::Debug for Renewal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifetime => f.write_str("Lifetime"),
            Self::Calendar(calendar) => f.debug_tuple("Calendar").field(calendar).finish(),
            Self::Zone(_) => f.write_str("Zone"),
            Self::Rolling(rolling) => f.debug_tuple("Rolling").field(rolling).finish(),
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Renewal<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Calendar(calendar) => defmt::write!(f, "Calendar({})", calendar),
            Self::Rolling(rolling) => defmt::write!(f, "Rolling({})", rolling),
            Self::Lifetime | Self::Zone(_) => {
                let name = if self.is_dated() { "Zone" } else { "Lifetime" };
                defmt::write!(f, "{=str}", name);
            }
        }
    }
}

impl Renewal<'_> {
    /// The calendar period that contains this second, if there is one.
    pub(crate) fn period_at(&self, unix: i64) -> Option<Period> {
        match self {
            Self::Calendar(calendar) => Some(calendar.period(unix)),
            Self::Zone(zone) => Some(zone.period_at(unix)),
            Self::Lifetime | Self::Rolling(_) => None,
        }
    }

    pub(crate) const fn is_dated(&self) -> bool {
        matches!(self, Self::Calendar(_) | Self::Zone(_))
    }

    /// Whether what is counted now goes on under `other`. A zone may have learned new rules, as long as the period that
    /// contains `unix` is the same; while that is not known it must be the same object.
    pub(crate) fn goes_on_as(&self, other: &Self, unix: Option<i64>) -> bool {
        match (self, other) {
            (Self::Lifetime, Self::Lifetime) => true,
            (Self::Calendar(ours), Self::Calendar(theirs)) => ours == theirs,
            (Self::Rolling(ours), Self::Rolling(theirs)) => ours == theirs,
            (Self::Zone(ours), Self::Zone(theirs)) => match unix {
                Some(unix) => ours.period_at(unix) == theirs.period_at(unix),
                None => core::ptr::addr_eq(*ours, *theirs),
            },
            _ => false,
        }
    }
}

/// A window that moves with time, cut into slices.
///
/// All slices and the running one are counted in full, so that it is never over, and never stricter than an exact
/// window of `length x (1 + 1/slices)`. Each slice takes 8 bytes of the ledger's pool, and one more.
///
/// # Example
/// ```
/// use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, Line, Renewal, Rolling};
/// // 66 credits in any 24 hours, to the hour.
/// const DAY: Rolling = tollgate::valid!(Rolling::new(Duration::from_hours(24), 24));
/// static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Rolling(DAY));
///
/// let hour = |n: u64| Instant::from_secs(n * 3_600);
/// let mut ledger = Ledger::<1, 4, 1, 4, 25>::new(Duration::ZERO); // a pool of 24 slices and the running one
/// let account = ledger.open(hour(0), &CREDITS)?;
/// let _ = ledger.charge(hour(5), JobId(1), &[Line::new::<Credits>(account, Amount::whole(66))])?;
/// assert_eq!(ledger.available::<Credits>(hour(29), account)?, Amount::ZERO); // 24 hours old, in a slice that is not
/// assert_eq!(ledger.available::<Credits>(hour(30), account)?, Amount::whole(66));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rolling {
    slice: Duration,
    slices: u16,
}

impl Rolling {
    /// A window of this length in so many slices.
    ///
    /// # Errors
    /// [`SpecError::Slices`] for none, for more than 4096, or if the length is not a whole number of microseconds for
    /// each.
    pub const fn new(length: Duration, slices: u16) -> Result<Self, SpecError> {
        let micros = length.as_micros();
        if slices == 0 || slices > 4096 || micros == 0 || divide(micros, slices as u64).1 > 0 {
            return Err(SpecError::Slices { length, slices });
        }
        Ok(Self { slice: Duration::from_micros(divide(micros, slices as u64).0), slices })
    }

    /// How long a slice is.
    pub const fn slice(&self) -> Duration {
        self.slice
    }

    /// How many slices the window has, without the running one.
    pub const fn slices(&self) -> u16 {
        self.slices
    }

    /// The length of the window.
    pub const fn length(&self) -> Duration {
        self.slice.saturating_mul(self.slices as u64)
    }
}

/// What happens to a settlement that is higher than its hold and does not fit.
///
/// # Example
/// 90 of 100 credits were held for a job, and it took 120:
/// ```
/// use tollgate::{Amount, BudgetSpec, Credits, Duration, Instant, JobId, Ledger, LedgerError, Line, Renewal};
/// const HUNDRED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
/// static REJECT: BudgetSpec = HUNDRED;
/// static CAP: BudgetSpec = HUNDRED.with_cap();
/// static DEBT: BudgetSpec = tollgate::valid!(HUNDRED.with_debt::<Credits>(Amount::whole(50)));
///
/// let now = Instant::ORIGIN;
/// let took_120 = |spec| {
///     let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
///     let account = ledger.open(now, spec)?;
///     let credits = |n| [Line::new::<Credits>(account, Amount::whole(n))];
///     let _ = ledger.reserve(now, JobId(1), &credits(90), Duration::MAX)?;
///     let settled = ledger.settle(now, JobId(1), &credits(120));
///     let report = ledger.report(now, account).ok_or("not open")?;
///     let whole = [report.posted, report.held, report.debt, report.unaccounted].map(|micros| micros / 1_000_000);
///     Ok::<_, Box<dyn std::error::Error>>((settled.is_ok(), whole))
/// };
/// assert_eq!(took_120(&REJECT)?, (false, [0, 90, 0, 0])); // the hold stays, and the caller decides
/// assert_eq!(took_120(&CAP)?, (true, [100, 0, 0, 20])); // and nothing more is admitted
/// assert_eq!(took_120(&DEBT)?, (true, [100, 0, 20, 0])); // the next period repays it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Overage {
    /// It is refused, and the caller decides.
    Reject,
    /// What fits is posted, the rest is unaccounted, and nothing new is admitted until the next period or a refund.
    Cap,
    /// It is a debt, up to so many millionths in all; above that it is refused.
    Debt {
        /// The largest debt, in millionths.
        max: u64,
    },
}

/// How much of a unit may be used in a period, and what happens around that.
///
/// # Example
/// ```
/// use tollgate::{Amount, BudgetSpec, Calendar, Credits, Cycle, Renewal, Thresholds};
///
/// static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Calendar(Calendar::utc(Cycle::Day)))
///     .with_thresholds(tollgate::valid!(Thresholds::percent(&[50, 80, 100], 5)));
/// assert_eq!(DAILY.unit_name(), "credits");
///
/// // A warning from 50 on, and up to 20 unused ones come on top of the next day.
/// static GENEROUS: BudgetSpec = tollgate::valid!(
///     tollgate::valid!(DAILY.with_soft::<Credits>(Amount::whole(50))).with_rollover::<Credits>(Amount::ZERO, Amount::whole(20))
/// );
/// assert_eq!(GENEROUS.rollover(), Some((0, 20_000_000)));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BudgetSpec<'a> {
    pub(crate) renewal: Renewal<'a>,
    pub(crate) limit: u64,
    pub(crate) soft: Option<u64>,
    pub(crate) overage: Overage,
    /// The least and the most that is carried over.
    pub(crate) rollover: Option<(u64, u64)>,
    pub(crate) carry_debt: bool,
    pub(crate) thresholds: Thresholds,
    pub(crate) unit: u32,
    unit_name: &'static str,
}

/// Why a budget cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpecError {
    /// An amount is in another unit than the limit.
    UnitMismatch,
    /// The limit and what can come on top of it exceed 2^63 - 1 millionths.
    TooLarge,
    /// The least rollover is above the most.
    Rollover {
        /// The least, in millionths.
        min: u64,
        /// The most, in millionths.
        max: u64,
    },
    /// Only what has calendar periods can carry anything over.
    NoPeriods,
    /// The window does not divide into the slices.
    Slices {
        /// The length of the window.
        length: Duration,
        /// How many slices it should divide into.
        slices: u16,
    },
}

impl SpecError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::UnitMismatch => "an amount in another unit than the limit: expected the same unit",
            Self::TooLarge => "a limit that is too large with what comes on top: expected at most 2^63 - 1 millionths",
            Self::Rollover { .. } => "the least rollover is above the most: expected it below",
            Self::NoPeriods => "a rollover without calendar periods: expected a calendar",
            Self::Slices { .. } => "a window that does not divide: expected 1 to 4096 slices of whole microseconds",
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rollover { min, max } => {
                write!(f, "a rollover of at least {min} and at most {max}: expected min <= max")
            }
            Self::Slices { length, slices } => {
                write!(f, "a window of {length} in {slices} slices: expected 1 to 4096 of whole microseconds")
            }
            other => f.write_str(other.message()),
        }
    }
}

impl core::error::Error for SpecError {}

/// Why an account cannot have another specification. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChangeError {
    /// No account has this number.
    UnknownBudget,
    /// The new specification is in another unit: open another account.
    UnitMismatch,
    /// It starts afresh at other times: what was counted so far would belong to no period of it. Open another account.
    OtherRenewal,
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownBudget => "no account has this number",
            Self::UnitMismatch => "a specification in another unit: expected that of the account",
            Self::OtherRenewal => "a specification with other periods: expected those of the account",
        })
    }
}

impl core::error::Error for ChangeError {}

impl<'a> BudgetSpec<'a> {
    /// At most `limit` in each period. Zero always refuses.
    ///
    /// What does not fit is rejected; debt from a lowered limit is carried; nothing rolls over; no alerts.
    pub const fn new<U: Unit>(limit: Amount<U>, renewal: Renewal<'a>) -> Self {
        Self {
            renewal,
            limit: limit.as_micros(),
            soft: None,
            overage: Overage::Reject,
            rollover: None,
            carry_debt: true,
            thresholds: Thresholds::NONE,
            unit: U::ID,
            unit_name: U::NAME,
        }
    }

    /// The same for a unit that is known only when the program runs, and whose limit is an amount.
    #[cfg(feature = "json")]
    pub(crate) const fn of_unit((unit, unit_name): (u32, &'static str), limit: u64, renewal: Renewal<'a>) -> Self {
        Self { limit, unit, unit_name, ..Self::new::<crate::unit::Credits>(Amount::ZERO, renewal) }
    }

    /// The same, which marks what is admitted above `soft`.
    ///
    /// # Errors
    /// [`SpecError::UnitMismatch`].
    pub const fn with_soft<U: Unit>(self, soft: Amount<U>) -> Result<Self, SpecError> {
        if U::ID == self.unit {
            Ok(Self { soft: Some(soft.as_micros()), ..self })
        } else {
            Err(SpecError::UnitMismatch)
        }
    }

    /// The same, in which a settlement above the hold takes what is left and closes the budget: [`Overage::Cap`].
    #[must_use]
    pub const fn with_cap(self) -> Self {
        Self { overage: Overage::Cap, ..self }
    }

    /// The same, in which a settlement above the hold may run up a debt of at most `max`: [`Overage::Debt`].
    ///
    /// A rolling budget has no debt of its own: the excess is posted above the limit, by at most `max`, and ages like
    /// everything else.
    ///
    /// # Errors
    /// [`SpecError::UnitMismatch`]; [`SpecError::TooLarge`].
    pub const fn with_debt<U: Unit>(self, max: Amount<U>) -> Result<Self, SpecError> {
        if U::ID != self.unit {
            return Err(SpecError::UnitMismatch);
        }
        Self { overage: Overage::Debt { max: max.as_micros() }, ..self }.checked()
    }

    /// The same, in which debts are forgiven when a period ends.
    #[must_use]
    pub const fn forgiving(self) -> Self {
        Self { carry_debt: false, ..self }
    }

    /// The same, in which what is left at the end of a period comes on top of the next one: at least `min`, at most
    /// `max`. After periods in which nobody asked it is `min`.
    ///
    /// # Errors
    /// [`SpecError::UnitMismatch`]; [`SpecError::Rollover`]; [`SpecError::NoPeriods`]; [`SpecError::TooLarge`].
    pub const fn with_rollover<U: Unit>(self, min: Amount<U>, max: Amount<U>) -> Result<Self, SpecError> {
        let (min, max) = (min.as_micros(), max.as_micros());
        if U::ID != self.unit {
            return Err(SpecError::UnitMismatch);
        }
        if !self.renewal.is_dated() {
            return Err(SpecError::NoPeriods);
        }
        if min > max {
            return Err(SpecError::Rollover { min, max });
        }
        Self { rollover: Some((min, max)), ..self }.checked()
    }

    /// The same, which alerts once at each of these shares of the limit.
    #[must_use]
    pub const fn with_thresholds(self, thresholds: Thresholds) -> Self {
        Self { thresholds, ..self }
    }

    /// Limit, rollover and debt together stay within what an amount holds, so that no sum can overflow later.
    pub(crate) const fn checked(self) -> Result<Self, SpecError> {
        let debt = match self.overage {
            Overage::Debt { max } => max,
            Overage::Reject | Overage::Cap => 0,
        };
        match self.limit.saturating_add(self.max_bonus()).checked_add(debt) {
            Some(sum) if sum <= i64::MAX as u64 => Ok(self),
            _ => Err(SpecError::TooLarge),
        }
    }

    /// The most that a rollover can add.
    pub(crate) const fn max_bonus(&self) -> u64 {
        match self.rollover {
            Some((_, max)) => max,
            None => 0,
        }
    }

    /// The limit in millionths of its unit.
    pub const fn limit_micros(&self) -> u64 {
        self.limit
    }

    /// The unit's [`NAME`](Unit::NAME).
    pub const fn unit_name(&self) -> &'static str {
        self.unit_name
    }

    /// When it starts afresh.
    pub const fn renewal(&self) -> Renewal<'a> {
        self.renewal
    }

    /// What happens to a settlement that does not fit.
    pub const fn overage(&self) -> Overage {
        self.overage
    }

    /// Whether debts outlive the period.
    pub const fn carries_debt(&self) -> bool {
        self.carry_debt
    }

    /// The least and the most that is carried over, in millionths.
    pub const fn rollover(&self) -> Option<(u64, u64)> {
        self.rollover
    }

    /// The alerts.
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }
}
