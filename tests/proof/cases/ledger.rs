//! Budgets, the ledger that charges many of them together, and grants that burn down.

use tollgate::{Ask, BudgetSpec, Credits, Forecast, GrantAsk, Grants, Ledger, Rolling, Thresholds, burns_out};
use tollgate_proof::{any, cases, seen};

use crate::limiters::verbs;

/// Four budgets, eight holds of two lines, eight resolved ones, room for a day in hours.
type Books = Ledger<'static, 4, 8, 2, 8, 25>;
type Packages = Grants<Credits, 4, 8, 4, 8>;

cases! {
    budget_spec {
        seen(BudgetSpec::new::<Credits>(any(), any()));
        let spec = || *any::<&BudgetSpec<'static>>();
        seen(spec().with_soft::<Credits>(any()));
        seen(spec().with_cap());
        seen(spec().with_debt::<Credits>(any()));
        seen(spec().forgiving());
        seen(spec().with_rollover::<Credits>(any(), any()));
        seen(spec().with_thresholds(any()));
        seen((spec().limit_micros(), spec().overage(), spec().carries_debt(), spec().rollover()));
        seen((Rolling::new(any(), any()), any::<Rolling>().slice(), any::<Rolling>().length()));
        seen((Thresholds::new(any(), any()), Thresholds::percent(any(), any()), any::<&Thresholds>().get(any())));
        any::<&Thresholds>().iter().for_each(seen);
    }

    ledger_accounts {
        seen(Books::new(any()).with_wall(any()));
        let books = any::<&mut Books>;
        seen(books().open(any(), any()));
        books().absorb_below(any());
        seen(books().set_wall(any(), any(), any(), any()));
        seen(books().set_spec(any(), any(), any()));
        seen(books().available::<Credits>(any(), any()));
        seen(books().report(any(), any()));
        books().alerts().for_each(seen);
        seen(books().acknowledge(any()));
        seen(books().write_off::<Credits>(any()));
        seen(books().observe::<Credits>(any(), any(), any(), any()));
        seen(books().forecast(any(), any(), any()));
    }

    ledger_charges {
        let books = any::<&mut Books>;
        seen(books().check(any(), any()));
        seen(books().reserve(any(), any(), any(), any()));
        seen(books().charge(any(), any(), any()));
        seen(books().settle(any(), any(), any()));
        seen(books().absorb(any(), any(), any()));
        seen(books().refund(any(), any(), any()));
        seen(books().void(any(), any()));
        seen(books().extend(any(), any(), any()));
        seen(books().on_expiry(any(), any(), any()));
        seen(books().hold(any()));
        books().holds().for_each(seen);
    }

    grants {
        seen(Packages::new(any()));
        let grants = any::<&mut Packages>;
        seen(grants().add(any()));
        seen(grants().remove(any(), any(), any()));
        seen(grants().report(any(), any(), any()));
        seen((grants().available(any(), any()), grants().unaccounted()));
        seen(grants().reserve(any(), any(), any(), any(), any()));
        seen(grants().settle(any(), any(), any(), any()));
        seen(grants().void(any(), any()));
        seen(grants().refund(any(), any(), any()));
        seen(grants().ask(any(), any(), any()));
    }

    /// As limiters among others.
    asks {
        let books = any::<&mut Books>;
        seen(books().ask(any(), any(), any()));
        seen(books().account(any(), any()));
        seen(books().commit(any(), any(), any()));
        verbs::<Ask<'static, 'static, 4, 8, 2, 8, 25>>();
        verbs::<GrantAsk<'static, Credits, 4, 8, 4, 8>>();
    }

    forecast {
        seen(Forecast::linear(any(), any(), any(), any(), any()));
        seen(burns_out(any(), any(), any(), any()));
    }
}
