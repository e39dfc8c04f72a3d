//! Dates that are unknown for a while, or were wrong: what was used and held meanwhile is nobody's gift.

use proptest::prelude::*;
use tollgate::{
    AccountId, Amount, BudgetSpec, Calendar, Credits, Cycle, Denied, Duration, Gate, Heard, HoldState, Instant, JobId,
    Ledger, Limiter, Limits, Line, MonthDay, Receipt, Renewal, Request, ShortMonth, Trust, UnixMicros, UtcOffset,
    Weekday,
};

use crate::support::{Every, dated};

type C = Credits;
type Books<'a> = Ledger<'a, 1, 8, 1, 64>;

const ACCOUNT: AccountId = AccountId(0);
const MINUTE: u64 = 60;
/// A year from the epoch, in whole minutes.
const FAR: i64 = 365 * 86_400;

fn secs(n: u64) -> Instant {
    Instant::from_secs(n)
}

fn micros(n: u64) -> Amount<C> {
    Amount::from_micros(n).unwrap()
}

fn of(n: u64) -> [Line; 1] {
    [Line::new::<C>(ACCOUNT, micros(n))]
}

fn minutely(limit: u64) -> BudgetSpec<'static> {
    BudgetSpec::new::<C>(micros(limit), Renewal::Zone(&Every(60)))
}

fn says(books: &mut Books<'_>, now: u64, unix: i64, trust: Trust) -> Heard {
    books.set_wall(secs(now), UnixMicros::from_secs(unix), Duration::ZERO, trust)
}

/// Posted, held, owed, and posted in the period before.
fn shown(books: &Books<'_>, now: u64) -> [u64; 4] {
    let r = books.report(secs(now), ACCOUNT).unwrap();
    [r.posted, r.held, r.debt, r.previous]
}

#[test]
fn what_is_held_since_a_date_that_was_wrong_belongs_to_the_period_that_is_confirmed() {
    let spec = minutely(100);
    let mut books = Books::new(Duration::ZERO);
    says(&mut books, 0, 1_000_000, Trust::Owner);
    books.open(secs(0), &spec).unwrap();
    let _ = books.reserve(secs(0), JobId(1), &of(30), Duration::MAX).unwrap();
    let _ = books.charge(secs(0), JobId(2), &of(10)).unwrap();
    assert_eq!(says(&mut books, 1, 600_000, Trust::Owner), Heard::Learned);
    assert_eq!(shown(&books, 1), [10, 30, 0, 0]);
    // A minute later both are of the period before: another hold stands for itself, and a refund frees nothing here.
    let _ = books.reserve(secs(61), JobId(3), &of(50), Duration::MAX).unwrap();
    let _ = books.settle(secs(62), JobId(1), &of(30)).unwrap();
    assert_eq!(shown(&books, 62), [0, 50, 0, 40]);
    let _ = books.refund(secs(63), JobId(2), &of(10)).unwrap();
    assert_eq!(shown(&books, 63), [0, 50, 0, 30]);
}

/// The same for a gate, which keeps what its jobs hold in its own table.
#[test]
fn what_a_job_holds_since_a_date_that_was_wrong_belongs_to_the_period_that_is_confirmed() {
    let spec = minutely(100);
    let mut money = Ledger::<1, 0, 1, 0>::new(Duration::ZERO);
    money.open(secs(0), &spec).unwrap();
    let mut gate = Gate::<_, 4, 4>::new(Limits::new().money(money), secs(0));
    let owner = |gate: &mut Gate<_, 4, 4>, now, unix| {
        gate.set_wall(secs(now), UnixMicros::from_secs(unix), Duration::ZERO, Trust::Owner);
    };
    owner(&mut gate, 0, 1_000_000);
    for (id, now, cost) in [(1, 0, of(30)), (2, 0, of(10)), (3, 61, of(50))] {
        let permit = gate.ask(secs(now), &Request::new(JobId(id), Duration::MAX).costs(&cost)).unwrap();
        gate.sending(secs(now), &permit).unwrap();
        match id {
            1 => {}
            2 => {
                gate.finished(secs(0), JobId(2), &of(10)).unwrap();
                owner(&mut gate, 1, 600_000);
            }
            _ => drop(gate.finished(secs(62), JobId(1), &of(30)).unwrap()),
        }
    }
    let shown = |gate: &Gate<_, 4, 4>| {
        let r = gate.report(secs(63), ACCOUNT).unwrap();
        [r.posted, r.held, r.previous]
    };
    assert_eq!(shown(&gate), [0, 50, 40]);
    let _ = gate.refund(secs(63), JobId(2), &of(10)).unwrap();
    assert_eq!(shown(&gate), [0, 50, 30]);
}

#[test]
fn a_debt_made_without_a_date_goes_along_to_the_period_that_is_learned() {
    // (carried, posted with a date, held and settled without one; the debt then; posted and owed after a year or at once)
    for (carried, before, held, settled, debt, later, same) in [
        (true, 0, 100, 130, 30, [100, 30], [100, 30]),
        (false, 0, 100, 130, 30, [100, 30], [100, 30]),
        // All 50 are of the period that is learned, and not only the 20 that had room in the old one.
        (true, 80, 20, 50, 30, [50, 0], [100, 30]),
        (true, 100, 0, 30, 30, [30, 0], [100, 30]),
        (true, 80, 20, 20, 0, [20, 0], [100, 0]),
    ] {
        let spec = minutely(100).with_debt(micros(50)).unwrap();
        let spec = if carried { spec } else { spec.forgiving() };
        for (unix, expected) in [(FAR, later), (0, same)] {
            let mut books: Books<'_> = dated(0);
            books.open(secs(0), &spec).unwrap();
            let _ = books.charge(secs(0), JobId(1), &of(before)).unwrap();
            assert_eq!(says(&mut books, 1, FAR + 1, Trust::Stranger), Heard::Unconfirmed);
            let _ = books.reserve(secs(2), JobId(2), &of(held), Duration::MAX).unwrap();
            let _ = books.settle(secs(3), JobId(2), &of(settled)).unwrap();
            let report = books.report(secs(3), ACCOUNT).unwrap();
            assert_eq!((report.debt, report.undated, report.frozen), (debt, settled, true));
            assert_eq!(books.forecast(secs(3), ACCOUNT, None), None, "nobody knows how much of the period is over");
            assert_eq!(says(&mut books, 4, unix + 4, Trust::Owner), Heard::Learned);
            assert_eq!(shown(&books, 4)[..3], [expected[0], 0, expected[1]], "{before} {held} {settled} {unix}");
            assert_eq!(books.report(secs(4), ACCOUNT).unwrap().undated, 0);
        }
    }
}

#[test]
fn a_debt_made_without_a_date_and_refunded_is_not_counted_twice() {
    let spec = minutely(100).with_debt(micros(50)).unwrap();
    let mut books: Books<'_> = dated(0);
    books.open(secs(0), &spec).unwrap();
    says(&mut books, 1, FAR, Trust::Stranger);
    let _ = books.reserve(secs(2), JobId(2), &of(100), Duration::MAX).unwrap();
    let _ = books.settle(secs(3), JobId(2), &of(130)).unwrap();
    let _ = books.refund(secs(4), JobId(2), &of(50)).unwrap();
    assert_eq!((shown(&books, 4), books.report(secs(4), ACCOUNT).unwrap().undated), ([80, 0, 0, 0], 80));
    says(&mut books, 5, FAR, Trust::Owner);
    assert_eq!(shown(&books, 5), [80, 0, 0, 0]);
}

#[derive(Clone, Debug)]
enum Op {
    Charge(u64),
    Reserve(u64),
    /// Settles the oldest live hold at so much more, or less, than it holds.
    Settle(i64),
    Void,
    /// Gives back so much of what was used last.
    Refund(u64),
    /// A stranger names a date that nobody believes, and the date is unknown.
    Frozen,
    /// The owner says what time it is, so many minutes wrong.
    Says(i64),
}

fn op() -> impl Strategy<Value = (u64, Op)> {
    let what = prop_oneof![
        (0..60u64).prop_map(Op::Charge),
        (0..60u64).prop_map(Op::Reserve),
        (0..60u64).prop_map(Op::Reserve),
        (-30..40i64).prop_map(Op::Settle),
        (-30..40i64).prop_map(Op::Settle),
        Just(Op::Void),
        (0..40u64).prop_map(Op::Refund),
        Just(Op::Frozen),
        (-9..9i64).prop_map(Op::Says),
    ];
    (prop_oneof![0..3u64, 0..40u64, 0..200u64], what)
}

/// A ledger, and a list of what was used when.
struct Run<'a> {
    books: Books<'a>,
    now: u64,
    next: u64,
    /// When, how much, and by which job.
    used: Vec<(u64, u64, JobId)>,
}

impl Run<'_> {
    fn live(&self) -> impl Iterator<Item = (JobId, u64)> + '_ {
        let live = self.books.holds().filter(|hold| hold.state() == HoldState::Live);
        live.map(|hold| (hold.id(), hold.lines()[0].reserved()))
    }

    fn step(&mut self, op: &Op, wrong: bool) {
        let (at, id) = (secs(self.now), JobId(self.next));
        self.next += 1;
        let oldest = self.live().next();
        let said = |receipt: Receipt| assert!(!receipt.replayed);
        match (op, oldest) {
            (Op::Charge(n), _) => {
                if self.books.charge(at, id, &of(*n)).map(said).is_ok() {
                    self.used.push((self.now, *n, id));
                }
            }
            (Op::Reserve(n), _) => drop(self.books.reserve(at, id, &of(*n), Duration::MAX)),
            (Op::Settle(more), Some((id, held))) => {
                let actual = held.saturating_add_signed(*more);
                if self.books.settle(at, id, &of(actual)).map(said).is_ok() {
                    // What lies above the hold is of the running period; the hold may be of an earlier one.
                    self.used.push((self.now, actual.saturating_sub(held), id));
                }
            }
            (Op::Void, Some((id, _))) => self.books.void(at, id).map(said).unwrap(),
            (Op::Refund(n), _) => {
                if let Some((when, amount, id)) =
                    self.used.last_mut().filter(|(when, ..)| *when / MINUTE == self.now / MINUTE)
                    && self.books.refund(at, *id, &of((*n).min(*amount))).map(said).is_ok()
                {
                    (*when, *amount) = (*when, *amount - (*n).min(*amount));
                }
            }
            (Op::Frozen, _) => drop(says(&mut self.books, self.now, FAR * 30, Trust::Stranger)),
            (Op::Says(minutes), _) => {
                let minutes = if wrong { *minutes } else { 0 };
                let unix = i64::try_from(self.now + 1_000 * MINUTE).unwrap() + minutes * 60;
                says(&mut self.books, self.now, unix, Trust::Owner);
            }
            (Op::Settle(_) | Op::Void, None) => {}
        }
    }
}

fn run<'a>(spec: &'a BudgetSpec<'a>) -> Run<'a> {
    let mut books = Books::new(Duration::ZERO);
    says(&mut books, 0, 1_000 * 60, Trust::Owner);
    books.open(secs(0), spec).unwrap();
    Run { books, now: 0, next: 1, used: Vec::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    /// I4, whatever date is believed: what is held is the sum of the live holds, of this period and of earlier ones.
    #[test]
    fn no_date_makes_a_hold_count_twice_or_not_at_all(ops in prop::collection::vec(op(), 1..80), owes: bool) {
        let spec = if owes { minutely(100).with_debt(micros(60)).unwrap() } else { minutely(100) };
        let mut run = run(&spec);
        for (wait, op) in ops {
            run.now += wait;
            run.step(&op, true);
            let report = run.books.report(secs(run.now), ACCOUNT).unwrap();
            let live: u64 = run.live().map(|(_, held)| held).sum();
            prop_assert_eq!(report.held + report.previous_held, live, "{:?} at {}: {:?}", op, run.now, report);
        }
    }

    /// As long as nobody lies about it, all that was used in the running period is posted or owed there.
    #[test]
    fn a_time_without_a_date_hides_nothing_that_was_used(
        ops in prop::collection::vec(op(), 1..80), owes: bool, carries: bool,
    ) {
        let spec = if owes { minutely(100).with_debt(micros(60)).unwrap() } else { minutely(100) };
        let spec = if carries { spec } else { spec.forgiving() };
        let mut run = run(&spec);
        for (wait, op) in ops {
            run.now += wait;
            run.step(&op, false);
            let report = run.books.report(secs(run.now), ACCOUNT).unwrap();
            let here = run.used.iter().filter(|(at, ..)| at / MINUTE == run.now / MINUTE);
            let used: u64 = here.map(|(_, amount, _)| amount).sum();
            prop_assert!(report.posted + report.debt >= used, "{:?} at {}: {} of {:?}", op, run.now, used, report);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// The same for a gate, whose jobs hold without end here: sent, and finished when they are.
    #[test]
    fn no_date_makes_a_job_count_twice_or_not_at_all(ops in prop::collection::vec(op(), 1..80), lies: bool) {
        let spec = minutely(100);
        let mut money = Ledger::<1, 0, 1, 0>::new(Duration::ZERO);
        money.set_wall(secs(0), UnixMicros::from_secs(60_000), Duration::ZERO, Trust::Owner);
        money.open(secs(0), &spec).unwrap();
        let mut gate = Gate::<_, 8, 8>::new(Limits::new().money(money), secs(0));
        let (mut now, mut live, mut used) = (0, Vec::<(JobId, u64)>::new(), Vec::<(u64, u64)>::new());
        for (id, (wait, op)) in (1u64..).zip(ops) {
            now += wait;
            match op {
                Op::Charge(n) | Op::Reserve(n) => {
                    let cost = of(n);
                    let request = Request::new(JobId(id), Duration::MAX).costs(&cost);
                    if let Ok(permit) = gate.ask(secs(now), &request) {
                        gate.sending(secs(now), &permit).unwrap();
                        gate.cancel(secs(now), permit).unwrap();
                        live.push((JobId(id), n));
                    }
                }
                Op::Settle(more) if !live.is_empty() => {
                    let (id, held) = live.remove(0);
                    let actual = held.saturating_add_signed(more);
                    let finished = gate.finished(secs(now), id, &of(actual)).unwrap();
                    let missed = finished.receipt.is_some_and(|receipt| receipt.missed.contains(0));
                    used.push((now, if missed { 0 } else { actual.saturating_sub(held) }));
                }
                Op::Void if !live.is_empty() => drop(gate.finished(secs(now), live.remove(0).0, &of(0)).unwrap()),
                Op::Frozen => {
                    gate.set_wall(secs(now), UnixMicros::from_secs(FAR * 30), Duration::ZERO, Trust::Stranger);
                }
                Op::Says(minutes) => {
                    let minutes = if lies { minutes } else { 0 };
                    let unix = i64::try_from(now + 60_000).unwrap() + minutes * 60;
                    gate.set_wall(secs(now), UnixMicros::from_secs(unix), Duration::ZERO, Trust::Owner);
                }
                Op::Settle(_) | Op::Void | Op::Refund(_) => {}
            }
            let report = gate.report(secs(now), ACCOUNT).unwrap();
            let held: u64 = live.iter().map(|(_, held)| held).sum();
            prop_assert_eq!(report.held + report.previous_held, held, "{:?} at {}: {:?}", op, now, report);
            let here: u64 = used.iter().filter(|(at, _)| at / MINUTE == now / MINUTE).map(|(_, amount)| amount).sum();
            prop_assert!(lies || report.posted + report.debt >= here, "{:?} at {}: {} of {:?}", op, now, here, report);
        }
    }
}

fn any_instant() -> impl Strategy<Value = Instant> {
    prop_oneof![0..1_000_000_000u64, any::<u64>(), (u64::MAX - 1_000)..=u64::MAX].prop_map(Instant::from_micros)
}

fn any_unix() -> impl Strategy<Value = UnixMicros> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -9_999_999_999_999..9_999_999_999_999i64]
        .prop_map(UnixMicros::from_micros)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    /// Whatever the clock and the wall show, nothing panics, and no more is held than there are holds.
    #[test]
    fn no_clock_and_no_wall_break_the_books(
        ops in prop::collection::vec((any_instant(), any_unix(), any::<u64>(), 0..9u8, 0..6u64), 1..60),
        cycle in 0..3usize, east in -1_440..=1_440i16,
    ) {
        let anchor = MonthDay::new(31).unwrap();
        let cycles = [Cycle::Day, Cycle::Week { start: Weekday::Sunday }, Cycle::Month { anchor, rule: ShortMonth::EndOfLast }];
        let calendar = Calendar { cycle: cycles[cycle], offset: UtcOffset::minutes(east).unwrap() };
        let debt = BudgetSpec::new::<C>(micros(100), Renewal::Calendar(calendar)).with_debt::<C>(micros(1 << 60));
        let spec = debt.unwrap().with_rollover::<C>(micros(0), micros(1 << 60)).unwrap();
        let mut books = Books::new(Duration::from_micros(7));
        books.open(Instant::ORIGIN, &spec).unwrap();
        for (now, unix, n, op, id) in ops {
            let (span, amount, job) = (Duration::from_micros(n), of(n % 150), JobId(id));
            match op {
                0 | 1 => drop(books.set_wall(now, unix, span, Trust::Owner)),
                2 => drop(books.set_wall(now, unix, span, Trust::Stranger)),
                3 => drop(books.charge(now, job, &amount)),
                4 => drop(books.reserve(now, job, &amount, span)),
                5 => drop(books.settle(now, job, &of(n >> 2))),
                6 => drop(books.extend(now, job, span)),
                7 => drop(books.refund(now, job, &amount)),
                _ => drop(books.void(now, job)),
            }
            let report = books.report(now, ACCOUNT).unwrap();
            let live: u64 = books.holds().map(|hold| hold.lines()[0].reserved()).sum();
            prop_assert!(report.held + report.previous_held <= live, "{:?}", report);
            let _ = books.forecast(now, ACCOUNT, Some(span));
            let mut ask = books.account(ACCOUNT, span).unwrap();
            if let Err(Denied::Until(then)) = ask.allow(now, 1 + n % 90) {
                prop_assert!(then > now);
            }
        }
    }
}
