//! A budget in a small flash: what most tests start from.

use tollgate::journal::{JournalError, Keeper, Keeping, Layout};
use tollgate::{
    AccountId, Amount, BudgetSpec, Calendar, Credits, Cycle, Duration, Instant, JobId, Ledger, Line, Overage, Renewal,
};
use tollgate_std::testing::{Flash, FlashError};

pub(crate) type Small = Flash<4, 512>;
pub(crate) type Kept = Keeper<'static, Small, 1, 4, 0>;
pub(crate) type Fault = JournalError<FlashError>;

pub(crate) const LAYOUT: Layout = tollgate::valid!(Layout::new(0, 512, 2));
pub(crate) const ACCOUNT: AccountId = AccountId(0);
pub(crate) static PLENTY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(1_000_000), Renewal::Lifetime);
pub(crate) static DAILY: BudgetSpec =
    BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)));

/// A lease of so many whole units; zero is strict.
pub(crate) fn lease(units: u32) -> Keeping {
    Keeping::lease::<Credits>(Amount::whole(units))
}

pub(crate) fn ledger<const H: usize>(spec: &'static BudgetSpec<'static>) -> Ledger<'static, 1, H> {
    let mut ledger = Ledger::new(Duration::ZERO);
    assert_eq!(ledger.open(Instant::ORIGIN, spec), Ok(ACCOUNT));
    assert_eq!(spec.overage(), Overage::Reject);
    ledger
}

pub(crate) fn open_as(flash: Small, spec: &'static BudgetSpec<'static>, keeping: Keeping) -> Result<Kept, Fault> {
    Kept::open(flash, LAYOUT, ledger(spec), &[keeping])
}

pub(crate) fn open(flash: Small, keeping: Keeping) -> Result<Kept, Fault> {
    open_as(flash, &PLENTY, keeping)
}

pub(crate) fn credits(units: u32) -> [Line; 1] {
    [Line::new::<Credits>(ACCOUNT, Amount::whole(units))]
}

pub(crate) fn micros(units: u64) -> u64 {
    units * 1_000_000
}

/// What is counted as used, in millionths.
pub(crate) fn used<const H: usize, const J: usize, F>(keeper: &Keeper<'_, F, 1, H, J>) -> u64 {
    let report = keeper.ledger().report(keeper.base(), ACCOUNT).unwrap();
    report.posted + report.held + report.debt
}

pub(crate) fn charge(keeper: &mut Kept, id: u64, units: u32) -> bool {
    keeper.charge(Instant::ORIGIN, JobId(id), &credits(units)).is_ok()
}

/// The power is back after a cut.
pub(crate) fn reboot(mut flash: Small) -> Small {
    flash.power_on();
    flash
}
