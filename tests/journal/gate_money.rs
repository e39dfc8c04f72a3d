//! What the accounts of a gate know, over a reboot: alerts, rolling windows, what others spent, debts, several at once.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use tollgate::journal::{GateKeepError, GateKeeper, Health, JournalError, JournalFault, Keeping, Layout};
use tollgate::{
    AccountId, Alert, Amount, BudgetSpec, Calendar, Cost, Credits, Cycle, Duration, Gate, GateError, Instant, JobId,
    JobState, Ledger, LedgerError, Limits, Line, Outcome, Raise, Renewal, Repeatable, Request, Retry, Rolling,
    Thresholds, Trust, UnixMicros, Usd, Verdict, presets::backoffs, valid,
};

use tollgate_std::testing::FlashError;

use crate::support::{Small, lease, micros, reboot};

const EVER: AccountId = AccountId(0);
const HOUR: AccountId = AccountId(1);
const DEBT: AccountId = AccountId(2);
const DAY: AccountId = AccountId(3);
const ALERTS: Thresholds = valid!(Thresholds::percent(&[50, 80], 5));

static SPECS: [BudgetSpec; 4] = [
    BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime).with_thresholds(ALERTS),
    BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Rolling(valid!(Rolling::new(Duration::from_hours(1), 4)))),
    valid!(BudgetSpec::new::<Usd>(Amount::whole(100), Renewal::Lifetime).with_debt::<Usd>(Amount::whole(50))),
    BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day))),
];

type Money = Ledger<'static, 4, 0, 4, 0, 5>;
type Doorman = GateKeeper<Small, Limits<(), (), Money>, 4, 4, 2>;

const PAGES: Layout = valid!(Layout::new(0, 2048, 2));
const S: fn(u64) -> Instant = Instant::from_secs;
const MIDNIGHT: i64 = 1_767_225_600;

fn wake(flash: Small, keeping: Keeping) -> Doorman {
    let mut money = Money::new(Duration::ZERO);
    for spec in &SPECS {
        money.open(Instant::ORIGIN, spec).unwrap();
    }
    let gate = Gate::new(Limits::new().money(money), Instant::ORIGIN);
    GateKeeper::open(reboot(flash), PAGES, gate, &[keeping; 4]).unwrap()
}

fn fresh(units: u32) -> Doorman {
    wake(Small::new(4096), lease(units))
}

fn after(keeper: Doorman) -> Doorman {
    wake(keeper.into_flash(), lease(0))
}

fn line(account: AccountId, units: u32) -> Line {
    if account == DEBT {
        Line::new::<Usd>(account, Amount::whole(units))
    } else {
        Line::new::<Credits>(account, Amount::whole(units))
    }
}

/// A job that the provider has accepted.
fn accepted(keeper: &mut Doorman, now: u64, id: u64, cost: &[Line]) {
    let request = Request::new(JobId(id), Duration::from_mins(10)).costs(cost);
    let permit = keeper.ask(S(now), &request).unwrap();
    keeper.sending(S(now), &permit).unwrap();
    let ok = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };
    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, S(now));
    keeper.answered(S(now), &permit, &ok, &mut retry, 0).unwrap();
}

fn job(keeper: &mut Doorman, now: u64, id: u64, estimate: &[Line], actual: &[Line]) {
    accepted(keeper, now, id, estimate);
    assert_eq!(keeper.finished(S(now), JobId(id), actual).unwrap().cost, Cost::Settled);
}

/// Posted, held, debt.
fn stands(keeper: &Doorman, account: AccountId) -> (u64, u64, u64) {
    let report = keeper.gate().report(keeper.base(), account).unwrap();
    (report.posted, report.held, report.debt)
}

fn owner(keeper: &mut Doorman, now: Instant, unix: i64) {
    keeper.set_wall(now, UnixMicros::from_secs(unix), Duration::ZERO, Trust::Owner);
}

#[test]
fn a_charge_inside_a_lease_writes_nothing() {
    let mut keeper = fresh(50);
    keeper.charge(S(1), &[line(EVER, 1)]).unwrap();
    let (records, written) = (keeper.records(), keeper.flash_mut().bytes_touched());
    for now in 2..50 {
        keeper.charge(S(now), &[line(EVER, 1)]).unwrap();
    }
    assert_eq!((keeper.records(), keeper.flash_mut().bytes_touched()), (records, written));
    keeper.charge(S(50), &[line(EVER, 2)]).unwrap();
    assert_eq!(keeper.records(), records + 1);
    let short = keeper.charge(S(51), &[line(EVER, 99)]).unwrap_err();
    assert!(matches!(short, tollgate::journal::KeepError::Ledger(LedgerError::Denied { .. })), "{short}");
}

#[test]
fn what_a_job_writes_is_one_record_for_each_step_and_none_for_a_question() {
    let mut keeper = fresh(0);
    let cost = [line(EVER, 10)];
    job(&mut keeper, 1, 1, &cost, &cost);
    // Asking writes nothing, and what is cancelled is in no record.
    let before = keeper.records();
    let permit = keeper.ask(S(2), &Request::new(JobId(2), Duration::ZERO).costs(&cost)).unwrap();
    keeper.cancel(S(2), permit).unwrap();
    let permit = keeper.poll(S(2), 1).unwrap();
    keeper.sending(S(2), &permit).unwrap();
    assert_eq!(keeper.records(), before);
    // Sent, accepted, settled.
    job(&mut keeper, 3, 3, &cost, &cost);
    assert_eq!(keeper.records(), before + 3);
}

#[test]
fn an_alert_is_pending_until_it_is_acknowledged_and_then_never_again() {
    let mut keeper = fresh(0);
    job(&mut keeper, 1, 1, &[line(EVER, 60)], &[line(EVER, 60)]);
    let [fifty, eighty] = [0, 1].map(|at| Alert { account: EVER, threshold: at, share: ALERTS.get(at).unwrap() });
    for acknowledged in [false, true] {
        keeper = after(keeper);
        let pending: Vec<Alert> = keeper.ledger().alerts().collect();
        assert_eq!(pending, if acknowledged { vec![] } else { vec![fifty] });
        assert_eq!(keeper.acknowledge(fifty).unwrap(), !acknowledged);
    }
    job(&mut keeper, 2, 2, &[line(EVER, 25)], &[line(EVER, 25)]);
    let mut keeper = after(keeper);
    assert_eq!(keeper.ledger().alerts().collect::<Vec<_>>(), [eighty]);
    // An acknowledgement that cannot be written is none.
    keeper.flash_mut().cut_after(0);
    assert!(keeper.acknowledge(eighty).is_err());
    assert_eq!(after(keeper).ledger().alerts().count(), 1);
}

#[test]
fn a_rolling_budget_is_used_from_the_reboot_on_for_its_whole_length() {
    let mut keeper = fresh(0);
    job(&mut keeper, 1, 1, &[line(HOUR, 60)], &[line(HOUR, 50)]);
    accepted(&mut keeper, 1_000, 2, &[line(HOUR, 30)]);
    keeper.tick(S(1_000)).unwrap();
    let mut keeper = after(keeper);
    assert_eq!(stands(&keeper, HOUR), (micros(50), micros(30), 0));
    let now = keeper.base();
    assert_eq!(keeper.finished(now, JobId(2), &[line(HOUR, 20)]).unwrap().cost, Cost::Settled);
    assert_eq!(stands(&keeper, HOUR), (micros(70), 0, 0));
    // Nobody knows when it was used: it leaves an hour after the boot, and a slice.
    let left = |keeper: &Doorman, secs| {
        keeper.ledger().available::<Credits>(now.saturating_add(Duration::from_secs(secs)), HOUR).unwrap()
    };
    assert_eq!((left(&keeper, 3_600), left(&keeper, 4_500)), (Amount::whole(30), Amount::whole(100)));
}

#[test]
fn what_others_spent_and_a_debt_are_there_after_the_reboot() {
    let mut keeper = fresh(0);
    job(&mut keeper, 1, 1, &[line(DEBT, 90)], &[line(DEBT, 130)]);
    assert_eq!(stands(&keeper, DEBT), (micros(100), 0, micros(30)));
    let observed = keeper.observe(S(2), EVER, Amount::<Credits>::whole(75), Raise::No).unwrap();
    assert_eq!(observed.posted, micros(25));
    let mut keeper = after(keeper);
    assert_eq!((stands(&keeper, DEBT), stands(&keeper, EVER)), ((micros(100), 0, micros(30)), (micros(25), 0, 0)));
    // A debt admits nothing, and what could not be booked is told until it is written off.
    assert!(keeper.charge(S(3), &[line(DEBT, 1)]).is_err());
    job(&mut keeper, 4, 2, &[line(EVER, 70)], &[line(EVER, 90)]);
    let unaccounted = |keeper: &Doorman| keeper.gate().report(keeper.base(), EVER).unwrap().unaccounted;
    let mut keeper = after(keeper);
    assert_eq!((unaccounted(&keeper), stands(&keeper, EVER)), (micros(15), (micros(100), 0, 0)));
    assert_eq!(keeper.write_off::<Credits>(EVER).unwrap(), Amount::whole(15));
    assert_eq!(unaccounted(&after(keeper)), 0);
}

#[test]
fn several_accounts_are_held_and_settled_together_over_reboots() {
    let mut keeper = fresh(10);
    owner(&mut keeper, S(0), MIDNIGHT);
    let all = |units| [EVER, HOUR, DEBT, DAY].map(|account| line(account, units));
    accepted(&mut keeper, 1, 1, &all(40));
    let mut keeper = after(keeper);
    for account in [EVER, HOUR, DEBT, DAY] {
        assert_eq!(stands(&keeper, account), (0, micros(40), 0), "{account:?}");
    }
    let now = keeper.base();
    keeper.finished(now, JobId(1), &all(35)).unwrap();
    let keeper = after(keeper);
    for account in [EVER, HOUR, DEBT, DAY] {
        assert_eq!(stands(&keeper, account), (micros(35), 0, 0), "{account:?}");
    }
}

#[test]
fn a_hold_belongs_to_the_day_of_its_estimate_also_when_the_reboot_is_a_day_later() {
    for (asked, learned, expected) in [
        // Asked on the first day; the next date that is known is the second day, or the first.
        (Some(MIDNIGHT), MIDNIGHT + 86_400, (0, 0)),
        (Some(MIDNIGHT), MIDNIGHT + 3_600, (0, 40)),
        // Asked while nobody knew the date: it goes along to the day that is learned.
        (None, MIDNIGHT + 86_400, (0, 40)),
    ] {
        let mut keeper = fresh(0);
        if let Some(unix) = asked {
            owner(&mut keeper, S(0), unix);
        }
        accepted(&mut keeper, 1, 1, &[line(DAY, 40)]);
        let mut keeper = after(keeper);
        assert_eq!(stands(&keeper, DAY).1, micros(40), "unknown is no new day");
        let now = keeper.base();
        owner(&mut keeper, now, learned);
        let (posted, held, _) = stands(&keeper, DAY);
        assert_eq!((posted, held), (micros(expected.0), micros(expected.1)), "{asked:?} {learned}");
        // What it cost above its estimate is of the day on which that is said.
        keeper.finished(now, JobId(1), &[line(DAY, 47)]).unwrap();
        let today = if expected.1 == 0 { 7 } else { 47 };
        assert_eq!(stands(&keeper, DAY), (micros(today), 0, 0), "{asked:?} {learned}");
        let mut keeper = after(keeper);
        owner(&mut keeper, now, learned);
        assert_eq!(stands(&keeper, DAY), (micros(today), 0, 0), "{asked:?} {learned}, rebooted");
    }
}

#[test]
fn a_lease_that_ends_on_a_later_day_takes_nothing_of_that_day() {
    let day = 86_400;
    let mut keeper = fresh(0);
    owner(&mut keeper, S(0), MIDNIGHT);
    // Ten minutes from just before midnight on; then something is used on the new day.
    accepted(&mut keeper, day - 60, 1, &[line(DAY, 40)]);
    keeper.charge(S(day + 60), &[line(DAY, 3)]).unwrap();
    assert_eq!(keeper.expire(S(day + 540)), Some((JobId(1), JobState::Overdue)));
    keeper.tick(S(day + 540)).unwrap();
    for _ in 0..2 {
        keeper = after(keeper);
        let now = keeper.base();
        owner(&mut keeper, now, MIDNIGHT + 86_400 + 540);
        assert_eq!(stands(&keeper, DAY), (micros(3), 0, 0));
        assert_eq!(keeper.gate().job(now, JobId(1)), Some(JobState::Overdue));
    }
    // The first word corrects the day before: what it cost less is of no use to this one.
    assert_eq!(keeper.finished(keeper.base(), JobId(1), &[line(DAY, 10)]).unwrap().cost, Cost::Corrected);
    let mut keeper = after(keeper);
    let now = keeper.base();
    owner(&mut keeper, now, MIDNIGHT + 86_400 + 541);
    assert_eq!(stands(&keeper, DAY), (micros(3), 0, 0));
}

#[test]
fn what_was_settled_while_nobody_knew_the_date_goes_along_to_the_day_that_is_learned() {
    let mut keeper = fresh(0);
    owner(&mut keeper, S(0), MIDNIGHT);
    job(&mut keeper, 1, 1, &[line(DAY, 10)], &[line(DAY, 10)]);
    let mut keeper = after(keeper);
    job(&mut keeper, 2, 2, &[line(DAY, 40)], &[line(DAY, 35)]);
    let mut keeper = after(keeper);
    assert_eq!(stands(&keeper, DAY), (micros(45), 0, 0));
    let now = keeper.base();
    owner(&mut keeper, now, MIDNIGHT + 86_400);
    assert_eq!(stands(&keeper, DAY), (micros(35), 0, 0));
}

#[test]
fn a_lease_is_after_a_reboot_no_shorter_than_an_answer_may_take() {
    let mut keeper = fresh(0);
    let permit = keeper.ask(S(1), &Request::new(JobId(1), Duration::from_secs(1))).unwrap();
    keeper.sending(S(1), &permit).unwrap();
    let keeper = after(keeper);
    let soon = keeper.base().saturating_add(Duration::from_secs(119));
    assert_eq!(keeper.gate().job(soon, JobId(1)), Some(JobState::Unknown));
}

#[test]
fn a_refund_over_a_reboot_gives_back_no_more_than_was_booked() {
    let mut keeper = fresh(0);
    job(&mut keeper, 1, 1, &[line(EVER, 60)], &[line(EVER, 130)]);
    // 100 were booked, and 30 are unaccounted for.
    let mut keeper = after(keeper);
    let too_much = keeper.refund(S(2), JobId(1), &[line(EVER, 101)]).unwrap_err();
    assert_eq!(too_much, GateError::Ledger(LedgerError::RefundExceeds { line: 0, left: micros(100) }));
    assert!(keeper.refund(S(2), JobId(1), &[line(EVER, 70)]).is_ok());
    let mut keeper = after(keeper);
    assert_eq!(stands(&keeper, EVER), (micros(30), 0, 0));
    let again = keeper.refund(S(3), JobId(1), &[line(EVER, 31)]).unwrap_err();
    assert_eq!(again, GateError::Ledger(LedgerError::RefundExceeds { line: 0, left: micros(30) }));
    assert_eq!(keeper.finished(S(3), JobId(1), &[line(EVER, 130)]).unwrap().cost, Cost::Replayed);
}

#[test]
fn a_long_block_is_there_after_the_reboot_a_short_one_is_not_and_none_outlives_its_time() {
    let mut keeper = fresh(0);
    keeper.block_until(S(5_000), S(5_060));
    assert_eq!(after(keeper).gate().status(S(5_000)).blocked, None);
    let mut keeper = fresh(0);
    keeper.block_until(S(5_000), S(5_600));
    // It is at least as late as when that was said: ten minutes are not an hour and a half.
    let mut keeper = after(keeper);
    assert_eq!((keeper.base(), keeper.gate().status(S(5_000)).blocked), (S(5_000), Some(S(5_600))));
    // The owner opens it.
    keeper.block_until(S(5_010), S(0));
    assert_eq!(after(keeper).gate().status(S(5_010)).blocked, None);
}

#[test]
fn a_flash_that_cannot_be_written_lets_nothing_be_sent_and_forgets_nothing() {
    let mut keeper = fresh(0);
    let cost = [line(EVER, 10)];
    accepted(&mut keeper, 1, 1, &cost);
    let (first, second) = (Request::new(JobId(2), Duration::ZERO).costs(&cost), JobId(1));
    let permit = keeper.ask(S(2), &first).unwrap();
    keeper.flash_mut().fill_after(0);
    let refused = keeper.sending(S(2), &permit).unwrap_err();
    assert!(matches!(refused, GateKeepError::Journal(JournalError::Flash(_))), "{refused}");
    assert_eq!(keeper.gate().job(S(2), JobId(2)), Some(JobState::Asked));
    let refused = keeper.finished(S(2), second, &cost).unwrap_err();
    assert!(matches!(refused, GateKeepError::Journal(JournalError::Flash(_))), "{refused}");
    assert!(keeper.charge(S(2), &cost).is_err());
    // A list is heard all the same, and written when it can be.
    let found = keeper.reconcile(S(3), S(3), true, &[]);
    assert_eq!((found.needs_actual, keeper.is_behind()), (1, true));
    keeper.flash_mut().fill_after(u64::MAX);
    keeper.sending(S(4), &permit).unwrap();
    assert!(!keeper.is_behind());
    let keeper = after(keeper);
    let states: Vec<_> = [1, 2].map(|id| keeper.gate().job(keeper.base(), JobId(id))).to_vec();
    assert_eq!(states, [Some(JobState::NeedsActual), Some(JobState::Unknown)]);
}

#[test]
fn a_damage_closes_every_account_for_jobs_too() {
    let mut keeper = fresh(0);
    for id in 1..=3 {
        job(&mut keeper, id, id, &[line(EVER, 5)], &[line(EVER, 5)]);
    }
    let mut flash = keeper.into_flash();
    // The header, four slots of snapshot, then the first parts of the first job.
    flash.flip(32 * 6, 0);
    let mut keeper = wake(flash, lease(0));
    assert!(matches!(keeper.health(), Health::Damaged(_)) && keeper.is_closed(EVER));
    let now = keeper.base();
    assert!(keeper.ask(now, &Request::new(JobId(9), Duration::ZERO).costs(&[line(EVER, 1)])).is_err());
    keeper.repair(now, EVER, Amount::<Credits>::whole(15)).unwrap();
    let keeper = after(keeper);
    assert_eq!((stands(&keeper, EVER), keeper.is_closed(EVER)), ((micros(15), 0, 0), false));
}

#[test]
fn a_job_that_a_record_cannot_describe_is_not_sent() {
    let mut keeper = fresh(0);
    let permit = keeper.ask(S(1), &Request::new(JobId(1), Duration::ZERO).weighs(65_536)).unwrap();
    let refused = keeper.sending(S(1), &permit).unwrap_err();
    let fault = JournalFault::TooHeavy { weight: 65_536 };
    assert_eq!(refused, GateKeepError::Journal(JournalError::Fault(fault)));
}

#[test]
fn more_jobs_than_the_gate_remembers_are_forgotten_in_the_order_in_which_they_ended() {
    let mut keeper = fresh(100);
    for id in 1..=60 {
        job(&mut keeper, id, id, &[line(EVER, 2)], &[line(EVER, 1)]);
        if id % 7 == 0 {
            keeper = after(keeper);
        }
    }
    assert!(keeper.turns() < 3 && stands(&keeper, EVER).0 >= micros(60));
    let known: Vec<u64> = keeper.gate().jobs().map(|(id, _)| id.0).collect();
    assert!(known.contains(&60) && known.contains(&59) && !known.contains(&50), "{known:?}");
    assert_eq!(keeper.finished(keeper.base(), JobId(60), &[line(EVER, 1)]).unwrap().cost, Cost::Replayed);
}

#[test]
fn a_name_that_the_provider_gave_is_known_after_the_reboot() {
    let mut keeper = fresh(0);
    accepted(&mut keeper, 1, 1, &[line(EVER, 10)]);
    keeper.tag(JobId(1), 77).unwrap();
    let mut keeper = after(keeper);
    let now = keeper.base().saturating_add(Duration::from_secs(1));
    let found = keeper.reconcile(now, now, true, &[tollgate::Seen::Tag(77)]);
    assert_eq!((found.foreign, keeper.gate().job(now, JobId(1))), (0, Some(JobState::Running)));
}

#[test]
fn ids_and_a_late_cost_over_a_reboot() {
    let mut keeper = fresh(0);
    let first = keeper.next_id().unwrap();
    let mut keeper = after(keeper);
    assert!(keeper.next_id().unwrap() > first);
    // A job that nobody remembers is a late charge, told as such.
    assert_eq!(keeper.finished(S(1), JobId(7), &[line(EVER, 9)]).unwrap().cost, Cost::Late);
    assert_eq!(stands(&after(keeper), EVER), (micros(9), 0, 0));
}

/// A flash that writes what it is told to, and says once that it could not.
struct Liar {
    flash: Small,
    lies_at: Option<u32>,
}

impl ErrorType for Liar {
    type Error = FlashError;
}

impl ReadNorFlash for Liar {
    const READ_SIZE: usize = 1;

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.flash.read(at, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for Liar {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 512;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.flash.erase(from, to)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.flash.write(at, bytes)?;
        match self.lies_at.map(|left| left.checked_sub(1)) {
            Some(None) => {
                self.lies_at = None;
                Err(FlashError::PowerLost)
            }
            Some(left) => {
                self.lies_at = left;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// A keeper whose flash will lie.
fn lying() -> GateKeeper<Liar, Limits<(), (), Money>, 4, 4, 2> {
    let mut money = Money::new(Duration::ZERO);
    for spec in &SPECS {
        money.open(Instant::ORIGIN, spec).unwrap();
    }
    let gate = Gate::new(Limits::new().money(money), Instant::ORIGIN);
    GateKeeper::open(Liar { flash: Small::new(4096), lies_at: None }, PAGES, gate, &[lease(0); 4]).unwrap()
}

#[test]
fn a_record_that_was_written_although_the_flash_said_no_is_one_record() {
    for said_again in [false, true] {
        let mut keeper = lying();
        let cost = [line(EVER, 40)];
        let permit = keeper.ask(S(1), &Request::new(JobId(1), Duration::from_mins(10)).costs(&cost)).unwrap();
        // The snapshot, then the two slots of the job: all of it is there, and it may be said again.
        keeper.flash_mut().lies_at = Some(5);
        assert!(keeper.sending(S(1), &permit).is_err());
        keeper.sending(S(1), &permit).unwrap();
        keeper.flash_mut().lies_at = Some(1);
        assert!(keeper.finished(S(2), JobId(1), &[line(EVER, 25)]).is_err());
        if said_again {
            assert_eq!(keeper.finished(S(2), JobId(1), &[line(EVER, 25)]).unwrap().cost, Cost::Settled);
        } else {
            // Never again, and its lease runs out: the flash knows better.
            assert_eq!(keeper.expire(S(601)), Some((JobId(1), JobState::Overdue)));
        }
        let keeper = wake(keeper.into_flash().flash, lease(0));
        assert_eq!((stands(&keeper, EVER), keeper.health()), ((micros(25), 0, 0), Health::Clean), "{said_again}");
        assert_eq!(keeper.gate().job(S(700), JobId(1)), Some(JobState::Settled));
    }
}

#[test]
fn an_end_that_is_written_twice_is_posted_once() {
    let mut keeper = lying();
    let cost = [line(EVER, 40)];
    let permit = keeper.ask(S(1), &Request::new(JobId(1), Duration::from_mins(10)).costs(&cost)).unwrap();
    keeper.sending(S(1), &permit).unwrap();
    keeper.flash_mut().lies_at = Some(1);
    assert_eq!(keeper.expire(S(120)), None);
    assert_eq!(keeper.expire(S(601)).map(|(_, state)| state), Some(JobState::Overdue));
    assert!(keeper.is_behind());
    keeper.sync().unwrap();
    assert!(!keeper.is_behind());
    let keeper = wake(keeper.into_flash().flash, lease(0));
    assert_eq!(stands(&keeper, EVER), (micros(40), 0, 0));
}

#[test]
fn a_job_that_may_be_in_a_record_and_was_never_sent_is_taken_out_of_it() {
    let mut keeper = lying();
    let cost = [line(EVER, 40)];
    let permit = keeper.ask(S(1), &Request::new(JobId(1), Duration::from_mins(10)).costs(&cost)).unwrap();
    // The snapshot and the job are there, and the flash says that the job is not.
    keeper.flash_mut().lies_at = Some(5);
    assert!(keeper.sending(S(1), &permit).is_err());
    keeper.cancel(S(1), permit).unwrap();
    assert!(keeper.is_behind());
    keeper.sync().unwrap();
    let keeper = wake(keeper.into_flash().flash, lease(0));
    assert_eq!((keeper.gate().job(S(1), JobId(1)), stands(&keeper, EVER)), (None, (0, 0, 0)));
}
