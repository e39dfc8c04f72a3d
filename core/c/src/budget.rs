//! `tollgate_budget`: how much of a unit may be used in a period, and what happens above it.

use core::mem::MaybeUninit;

use tollgate::{
    AccountId, Airtime, Alert, Amount, BudgetSpec, Bytes, Calendar, ChangeError, Credits, Custom, Cycle, Duration,
    Instant, Ledger, Line, MonthDay, Renewal, Rolling, ShortMonth, Thresholds, Unit, Usd, UtcOffset, Weekday,
};

use crate::call::{Done, List, each, list};
use crate::status::tollgate_status as S;
use crate::why::tollgate_why as Why;

/// How many accounts a ledger or a gate can have, and so how many lines a job.
pub const TOLLGATE_ACCOUNTS: usize = 4;

/// What the rolling budgets of a ledger or a gate share: each takes its slices and one more.
pub const TOLLGATE_ROLLING_SLICES: usize = 32;

/// What an amount counts. Amounts are in millionths of it, from 0 to `INT64_MAX`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_unit {
    /// Credits of a provider.
    Credits = 0,
    /// United States dollars; a millionth is a ten-thousandth of a cent.
    Usd = 1,
    /// Seconds on the air; a millionth is a microsecond.
    Airtime = 2,
    /// Bytes, in millionths as every unit.
    Bytes = 3,
    /// Something else, which does not mix with the others.
    Other = 4,
}

/// When a budget starts afresh.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_renewal {
    /// Never.
    Lifetime = 0,
    /// At midnight, `offset_minutes` from UTC.
    Day = 1,
    /// At midnight at the start of this `day` of the week, 0 for Monday.
    Week = 2,
    /// At midnight at the start of this `day` of the month, 1 to 31, or of its last one; 0 for the first.
    Month = 3,
    /// Never at once: what was used comes back when it is `window_us` old.
    Rolling = 4,
}

/// What happens to a settlement that is higher than its hold and does not fit.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_overage {
    /// It is refused, and the caller decides.
    Reject = 0,
    /// What fits is posted, the rest is unaccounted, and nothing new is admitted until the next period or a refund.
    Cap = 1,
    /// It is a debt, up to `debt` in all; above that it is refused.
    Debt = 2,
}

/// A budget. What is zero is off.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_budget {
    /// The most that may be used in a period, in millionths; 0 always refuses.
    pub limit: i64,
    /// What is admitted above this is marked, in millionths; 0 for no mark.
    pub soft: i64,
    /// The largest debt for `TOLLGATE_OVERAGE_DEBT`, in millionths; with the limit at most `INT64_MAX`.
    pub debt: i64,
    /// The window of a rolling budget in microseconds, a multiple of `slices`.
    pub window_us: u64,
    /// One of `tollgate_unit`.
    pub unit: u32,
    /// One of `tollgate_renewal`.
    pub renewal: u32,
    /// One of `tollgate_overage`.
    pub overage: u32,
    /// Into how many slices the window of a rolling budget is cut; it is never over, and one slice stricter at most.
    pub slices: u16,
    /// Where midnight is: minutes east of UTC, -1440 to 1440.
    pub offset_minutes: i16,
    /// The day of the week or month on which a period starts.
    pub day: u8,
    /// Alerts at these percent of the limit, ascending; 0 for none. Each fires once, and again after the usage has fallen
    /// 5 percent below it.
    pub alerts: [u8; 4],
}

/// So much from one account.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_line {
    /// How much, in millionths of the unit; from 0 to `INT64_MAX`.
    pub amount: i64,
    /// The account, by its position in the configuration.
    pub account: u32,
    /// The unit of the amount, one of `tollgate_unit`: that of the account.
    pub unit: u32,
}

/// What a unit is good for inside: [`Unit`] with its number known at run time.
pub(crate) trait ByUnit {
    type Out;
    fn with<U: Unit>(self) -> Self::Out;
}

pub(crate) fn by_unit<F: ByUnit>(unit: u32, it: F) -> Option<F::Out> {
    Some(match unit {
        _ if unit == tollgate_unit::Credits as u32 => it.with::<Credits>(),
        _ if unit == tollgate_unit::Usd as u32 => it.with::<Usd>(),
        _ if unit == tollgate_unit::Airtime as u32 => it.with::<Airtime>(),
        _ if unit == tollgate_unit::Bytes as u32 => it.with::<Bytes>(),
        _ if unit == tollgate_unit::Other as u32 => it.with::<Custom<0>>(),
        _ => return None,
    })
}

struct MakeLine(AccountId, u64);

impl ByUnit for MakeLine {
    type Out = Line;

    #[inline]
    fn with<U: Unit>(self) -> Line {
        Line::new::<U>(self.0, Amount::from_micros(self.1).unwrap_or(Amount::MAX))
    }
}

/// An amount of the caller's, which is not below zero.
fn micros(amount: i64) -> Option<u64> {
    u64::try_from(amount).ok()
}

/// The lines of a job.
pub(crate) type Lines = List<Line, TOLLGATE_ACCOUNTS>;

/// Reads the lines of a job.
///
/// # Safety
/// As [`list`].
pub(crate) unsafe fn lines(pointer: *const tollgate_line, count: usize) -> Result<Lines, Why> {
    let convert = |position, line: tollgate_line| {
        let wrong = |status: S| Why { line: position, ..status.into() };
        let micros = micros(line.amount).ok_or_else(|| wrong(S::ErrorNegative))?;
        let account = u8::try_from(line.account).map_err(|_| wrong(S::ErrorLineAccount))?;
        by_unit(line.unit, MakeLine(AccountId(account), micros)).ok_or_else(|| wrong(S::ErrorLineUnit))
    };
    let nothing = Line::new::<Credits>(AccountId(0), Amount::ZERO);
    // SAFETY: the caller's promise.
    unsafe { list(pointer, count, nothing, convert) }
}

struct MakeSpec<'b>(&'b tollgate_budget, Renewal<'static>);

impl ByUnit for MakeSpec<'_> {
    type Out = Result<BudgetSpec<'static>, S>;

    fn with<U: Unit>(self) -> Self::Out {
        let Self(budget, renewal) = self;
        let amount = |micros: i64, wrong: S| {
            let micros = u64::try_from(micros).map_err(|_| wrong)?;
            Amount::<U>::from_micros(micros).map_err(|_| wrong)
        };
        let spec = BudgetSpec::new(amount(budget.limit, S::ErrorBudgetLimit)?, renewal);
        let soft = amount(budget.soft, S::ErrorBudgetSoft)?;
        let spec = if soft.is_zero() { spec } else { spec.with_soft(soft).map_err(|_| S::ErrorBudgetSoft)? };
        match budget.overage {
            _ if budget.overage == tollgate_overage::Reject as u32 => Ok(spec),
            _ if budget.overage == tollgate_overage::Cap as u32 => Ok(spec.with_cap()),
            _ if budget.overage == tollgate_overage::Debt as u32 => {
                spec.with_debt(amount(budget.debt, S::ErrorBudgetOverage)?).map_err(|_| S::ErrorBudgetOverage)
            }
            _ => Err(S::ErrorBudgetOverage),
        }
    }
}

impl tollgate_budget {
    fn spec(&self) -> Result<BudgetSpec<'static>, S> {
        let spec = by_unit(self.unit, MakeSpec(self, self.renewal()?)).ok_or(S::ErrorBudgetUnit)??;
        let mut shares = [0; 4];
        for (share, percent) in shares.iter_mut().zip(self.alerts) {
            *share = u32::from(percent);
        }
        let used = shares.iter().take_while(|share| **share > 0).fold(0, |count: usize, _| count.saturating_add(1));
        let (kept, rest) = shares.split_at_checked(used).unwrap_or_default();
        if rest.iter().any(|share| *share > 0) {
            return Err(S::ErrorBudgetAlerts);
        }
        Ok(spec.with_thresholds(Thresholds::percent(kept, 5).map_err(|_| S::ErrorBudgetAlerts)?))
    }

    fn renewal(&self) -> Result<Renewal<'static>, S> {
        let is = |renewal: tollgate_renewal| self.renewal == renewal as u32;
        let cycle = match self.renewal {
            _ if is(tollgate_renewal::Lifetime) => return Ok(Renewal::Lifetime),
            _ if is(tollgate_renewal::Day) => Cycle::Day,
            _ if is(tollgate_renewal::Week) => Cycle::Week { start: self.weekday()? },
            _ if is(tollgate_renewal::Month) => {
                let anchor = MonthDay::new(self.day.max(1)).map_err(|_| S::ErrorBudgetDay)?;
                Cycle::Month { anchor, rule: ShortMonth::ClampToLast }
            }
            _ if is(tollgate_renewal::Rolling) => {
                let rolling = Rolling::new(Duration::from_micros(self.window_us), self.slices);
                return rolling.map(Renewal::Rolling).map_err(|_| S::ErrorBudgetWindow);
            }
            _ => return Err(S::ErrorBudgetRenewal),
        };
        let offset = UtcOffset::minutes(self.offset_minutes).map_err(|_| S::ErrorBudgetOffset)?;
        Ok(Renewal::Calendar(Calendar { cycle, offset }))
    }

    fn weekday(&self) -> Result<Weekday, S> {
        Ok(match self.day {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            6 => Weekday::Sunday,
            _ => return Err(S::ErrorBudgetDay),
        })
    }
}

/// The budgets of a ledger or a gate, in its storage, which the ledger refers to. Nobody makes a reference to the whole.
#[derive(Debug)]
pub(crate) struct Specs {
    /// One place more than there are accounts: for the next change.
    kept: [MaybeUninit<BudgetSpec<'static>>; TOLLGATE_ACCOUNTS + 1],
    /// The place of each account's budget.
    places: [u8; TOLLGATE_ACCOUNTS],
    /// The place that is free.
    free: u8,
}

impl Specs {
    /// Puts a budget into its place, and returns it for as long as the storage holds it.
    ///
    /// # Safety
    /// There is such a place, nobody refers to what is in it, and the storage stays where it is.
    unsafe fn put(specs: *mut Self, place: u8, spec: BudgetSpec<'static>) -> &'static BudgetSpec<'static> {
        // SAFETY: the caller's promise; `'static` is as long as the storage holds the ledger that refers to it.
        unsafe {
            let place = (&raw mut (*specs).kept).cast::<BudgetSpec<'static>>().add(place.into());
            place.write(spec);
            &*place
        }
    }
}

/// Whether these budgets are in order. They are read twice, and not kept in between: a chip's stack is small.
///
/// # Safety
/// As [`each`].
pub(crate) unsafe fn check(pointer: *const tollgate_budget, count: usize) -> Done {
    if count > TOLLGATE_ACCOUNTS {
        return Err(S::ErrorBudgetCount.into());
    }
    let mut left = TOLLGATE_ROLLING_SLICES;
    let see = |position, budget: tollgate_budget| {
        let wrong = |status: S| Why::from(status).of_account(position);
        if let Renewal::Rolling(rolling) = budget.spec().map_err(wrong)?.renewal() {
            let needed = usize::from(rolling.slices()).saturating_add(1);
            left = left.checked_sub(needed).ok_or(wrong(S::ErrorBudgetWindow))?;
        }
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { each(pointer, count, see) }
}

/// Opens an account for each of these budgets, which have been checked, and keeps them at `specs`.
///
/// # Safety
/// As [`each`]; `specs` can be written to, and stays as it is for as long as the ledger is used.
pub(crate) unsafe fn open<const H: usize, const L: usize, const R: usize>(
    pointer: *const tollgate_budget,
    count: usize,
    now: Instant,
    specs: *mut Specs,
    ledger: &mut Ledger<'static, TOLLGATE_ACCOUNTS, H, L, R, TOLLGATE_ROLLING_SLICES>,
) -> Done {
    let mut numbers = 0u8..LAST_PLACE;
    let see = |_, budget: tollgate_budget| {
        let number = numbers.next().ok_or(S::ErrorBudgetCount)?;
        // SAFETY: there are as many places as accounts, and the caller promises the rest.
        let kept = unsafe { Specs::put(specs, number, budget.spec()?) };
        ledger.open(now, kept).map_err(|_| S::ErrorOther)?;
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe {
        each(pointer, count, see)?;
        let places = core::array::from_fn(|account| u8::try_from(account).unwrap_or(LAST_PLACE));
        (&raw mut (*specs).places).write(places);
        (&raw mut (*specs).free).write(LAST_PLACE);
    }
    Ok(())
}

/// The place that is free at first.
#[expect(clippy::cast_possible_truncation, reason = "a handful")]
const LAST_PLACE: u8 = TOLLGATE_ACCOUNTS as u8;

/// Gives an account another budget.
///
/// # Safety
/// `specs` are those that the ledger refers to, and nobody else uses them during the call.
pub(crate) unsafe fn change<const H: usize, const L: usize, const R: usize>(
    specs: *mut Specs,
    ledger: &mut Ledger<'static, TOLLGATE_ACCOUNTS, H, L, R, TOLLGATE_ROLLING_SLICES>,
    now: Instant,
    account: u32,
    budget: &tollgate_budget,
) -> Result<(), Why> {
    let wrong = |status: S| Why::from(status).of_account(account);
    let id = u8::try_from(account).map(AccountId).map_err(|_| S::ErrorNotFound)?;
    let spec = budget.spec().map_err(wrong)?;
    // SAFETY: the caller's promise; the ledger refers to what is kept, and not to these.
    let (places, free) = unsafe { (&mut (*specs).places, &mut (*specs).free) };
    let place = places.get_mut(usize::from(id.0)).ok_or(S::ErrorNotFound)?;
    // SAFETY: the free place is one of those that there are, and nobody refers to it.
    let kept = unsafe { Specs::put(specs, *free, spec) };
    ledger.set_spec(now, id, kept).map_err(|error| match error {
        ChangeError::UnknownBudget => S::ErrorNotFound.into(),
        ChangeError::UnitMismatch => wrong(S::ErrorBudgetUnit),
        ChangeError::OtherRenewal => wrong(S::ErrorBudgetRenewal),
        _ => S::ErrorOther.into(),
    })?;
    core::mem::swap(place, free);
    Ok(())
}

/// Acknowledges an alert.
pub(crate) fn acknowledge<const H: usize, const L: usize, const R: usize>(
    ledger: &mut Ledger<'static, TOLLGATE_ACCOUNTS, H, L, R, TOLLGATE_ROLLING_SLICES>,
    account: u32,
    alert: u32,
) -> Done {
    let is_it = |known: &Alert| u32::from(known.account.0) == account && u32::from(known.threshold) == alert;
    let pending = ledger.alerts().find(is_it).ok_or(S::Nothing)?;
    ledger.acknowledge(pending);
    Ok(())
}
