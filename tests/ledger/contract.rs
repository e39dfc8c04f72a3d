//! One account of a ledger, held to the contract of every limiter.

use tollgate::{
    AccountId, Amount, Book, BudgetSpec, Credits, Denied, Duration, Instant, Ledger, Renewal, Reservation, Rolling,
    Trust, UnixMicros,
};
use tollgate_std::testing::{Subject, WindowBound, contract};

use crate::support::Every;

const FOREVER: Duration = Duration::MAX;

/// An account together with its ledger.
#[derive(Clone, Debug)]
struct Owned {
    ledger: Ledger<'static, 1, 64, 1, 4, 8>,
    account: AccountId,
}

impl Owned {
    fn new(spec: &'static BudgetSpec<'static>, now: Instant) -> Self {
        let mut ledger = Ledger::new(Duration::ZERO);
        let unix = UnixMicros::from_secs(1_700_000_000);
        ledger.set_wall(now, unix, Duration::from_millis(300), Trust::Owner);
        let account = ledger.open(now, spec).expect("there is a place");
        Self { ledger, account }
    }
}

impl Book for Owned {
    fn room(&self, now: Instant) -> u64 {
        self.ledger.clone().account(self.account, FOREVER).map_or(0, |account| account.room(now))
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        self.ledger.clone().account(self.account, FOREVER).map_err(|_| Denied::Busy)?.quote(now, from, cost)
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.ledger.account(self.account, FOREVER).map_err(|_| Denied::Busy)?.book(now, at, cost)
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        let _ = self.ledger.account(self.account, FOREVER).map(|mut account| account.settle(now, held, actual));
    }

    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        self.ledger.account(self.account, FOREVER).map_err(|_| Denied::Busy)?.take(now, cost)
    }
}

/// Owed without end, as the contract wants it of whoever commits more than he held.
fn subject(limit: u64, renewal: Renewal<'static>) -> Subject<Owned> {
    let micros = |n| Amount::<Credits>::from_micros(n).unwrap();
    let spec = BudgetSpec::new(micros(limit), renewal).with_debt(micros(1 << 60)).unwrap();
    let spec: &'static BudgetSpec<'static> = Box::leak(Box::new(spec));
    Subject::new(move |now| Owned::new(spec, now)).max_cost(limit)
}

#[test]
fn a_calendar_account_keeps_the_contract() {
    contract(&subject(10, Renewal::Zone(&Every(60))).time_scale(Duration::from_secs(60)));
    contract(&subject(100, Renewal::Zone(&Every(1))).time_scale(Duration::from_secs(1)));
}

#[test]
fn a_rolling_account_keeps_the_contract() {
    for (limit, length, slices) in [(3, 7, 1), (5, 10, 2), (100, 60_000_000, 6)] {
        let window = Duration::from_micros(length);
        let rolling = Rolling::new(window, slices).unwrap();
        contract(
            &subject(limit, Renewal::Rolling(rolling))
                .bound(WindowBound { limit, window })
                .grain(rolling.slice())
                .rejects("no slices", move || Rolling::new(window, 0).is_err())
                .rejects("no length", move || Rolling::new(Duration::ZERO, slices).is_err()),
        );
    }
}
