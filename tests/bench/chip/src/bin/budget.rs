//! One budget: a charge, if it fits.

#![no_std]
#![no_main]

use core::hint::black_box;

use tollgate::{Amount, BudgetSpec, Credits, Duration, JobId, Ledger, Line, Renewal};
use tollgate_chip::{config, firmware};

static SPEC: BudgetSpec<'static> = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Lifetime);

#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    let at_run_time = || Some(BudgetSpec::new::<Credits>(Amount::whole(black_box(66)), Renewal::Lifetime));
    let spec = config(SPEC, at_run_time);
    let start = |now| {
        let mut ledger = Ledger::<1, 0, 1, 0>::new(Duration::ZERO);
        let account = ledger.open(now, &spec).ok();
        (ledger, account)
    };
    firmware(start, |(ledger, account), now| {
        let Some(account) = *account else { return false };
        let cost = [Line::new::<Credits>(account, Amount::whole(black_box(7)))];
        ledger.charge(now, JobId(black_box(1)), &cost).is_ok()
    })
}
