//! What users of other libraries complain about, each with the restart in the middle: images for limits, the journal for
//! money.

use tollgate::journal::{GateKeeper, Health, Keeper, Keeping, Layout};
use tollgate::presets::radio::sub_band;
use tollgate::{
    AccountId, Amount, BudgetSpec, Calendar, Cost, Credits, Cycle, Denied, Duration, Gate, GateError, Heard, History,
    Image, Instant, JobId, JobState, Ledger, LedgerError, Limiter, Limits, Mismatch, Offline, Outcome, Quota, Renewal,
    Repeatable, Request, Retry, Start, TokenBucket, Trust, UnixMicros, Verdict, WindowSlices, presets::backoffs, valid,
};
use tollgate_std::ZonedCalendar;

use crate::support::{ACCOUNT, Small, charge, credits, lease, micros, open, reboot, used};

type Money = Ledger<'static, 1, 0, 1, 0>;
type Doorman = GateKeeper<Small, Limits<TokenBucket, (), Money>, 1, 4, 2>;

const PAGES: Layout = valid!(Layout::new(0, 1024, 2));
const S: fn(u64) -> Instant = Instant::from_secs;
const HOUR: Duration = Duration::from_hours(1);
const MIDNIGHT: i64 = 1_767_225_600;
static EVER: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)));

fn bucket() -> TokenBucket {
    TokenBucket::new(valid!(Quota::new(60, Duration::from_mins(1))), Start::Full, S(0))
}

fn wake(flash: Small, requests: TokenBucket, spec: &'static BudgetSpec<'static>) -> Doorman {
    let mut money = Money::new(Duration::ZERO);
    money.open(S(0), spec).unwrap();
    let gate = Gate::new(Limits::new().requests(requests).money(money), S(0)).with_slots(2);
    GateKeeper::open(reboot(flash), PAGES, gate, &[Keeping::Strict]).unwrap()
}

fn accepted(keeper: &mut Doorman, now: Instant, id: u64, units: u32) {
    let cost = credits(units);
    let permit = keeper.ask(now, &Request::new(JobId(id), HOUR).costs(&cost)).unwrap();
    keeper.sending(now, &permit).unwrap();
    let ok = Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None };
    keeper.answered(now, &permit, &ok, &mut Retry::new(backoffs::RETRY, Repeatable::No, now), 0).unwrap();
}

fn posted(keeper: &Doorman) -> u64 {
    keeper.gate().report(keeper.base(), ACCOUNT).unwrap().posted
}

/// Peers B 19.
#[test]
fn state_is_saved_and_restored_across_a_restart() {
    let mut keeper = wake(Small::new(2048), bucket(), &EVER);
    for id in 1..=2 {
        accepted(&mut keeper, S(10), id, 30);
    }
    let mut image = [0; TokenBucket::SIZE];
    keeper.gate().limits().requests.save(S(10), &mut image).unwrap();
    keeper.shutdown(S(10)).unwrap();
    // A minute later by a clock that is trusted: the rate is whole again, slots and money are not.
    for (offline, requests) in [(Offline::Unknown, 58), (Offline::Trusted(Duration::from_mins(1)), 60)] {
        let mut requests_then = bucket();
        requests_then.restore(S(10), offline, Mismatch::Refuse, &image).unwrap();
        let again = wake(Small::from_bytes(keeper.flash_mut().bytes().to_vec()), requests_then, &EVER);
        let status = again.gate().status(S(10));
        assert_eq!((status.requests, status.in_flight, status.jobs_in(JobState::Running)), (requests, 2, 2));
        assert_eq!(again.gate().report(S(10), ACCOUNT).unwrap().available, micros(40));
    }
}

/// Peers B 20.
#[test]
fn an_unused_part_is_given_back_bounded_by_what_was_debited_also_after_a_restart() {
    let mut keeper = wake(Small::new(2048), bucket(), &EVER);
    accepted(&mut keeper, S(1), 1, 40);
    assert_eq!(keeper.finished(S(2), JobId(1), &credits(25)).unwrap().cost, Cost::Settled);
    for left in [25, 20] {
        keeper = wake(keeper.into_flash(), bucket(), &EVER);
        assert_eq!(posted(&keeper), micros(left));
        let more = u32::try_from(left).unwrap() + 1;
        let error = keeper.refund(S(3), JobId(1), &credits(more)).unwrap_err();
        assert_eq!(error, GateError::Ledger(LedgerError::RefundExceeds { line: 0, left: micros(left) }));
        let _ = keeper.refund(S(3), JobId(1), &credits(5)).unwrap();
    }
    assert_eq!(posted(&wake(keeper.into_flash(), bucket(), &EVER)), micros(15));
}

/// Peers B 33.
#[test]
fn a_radio_is_neither_over_its_hour_after_a_reboot_nor_restricted_for_ever() {
    let window = sub_band(868_100_000).unwrap().window();
    let fresh = |history, now| WindowSlices::<60>::new(window, history, now).unwrap();
    for (first, second) in [(0, 36_000_000), (20_000_000, 16_000_000), (36_000_000, 0)] {
        let mut airtime = fresh(History::Empty, S(5_000));
        airtime.allow(S(5_000), first).unwrap();
        let mut image = [0; WindowSlices::<60>::SIZE];
        airtime.save(S(5_000), &mut image).unwrap();
        // Ten reboots in a row, on a clock that starts at zero each time: what is left of the hour is left.
        for _ in 0..10 {
            airtime = fresh(History::Empty, S(0));
            airtime.restore(S(0), Offline::Unknown, Mismatch::Refuse, &image).unwrap();
            assert_eq!(airtime.available(S(0)), second);
            airtime.save(S(0), &mut image).unwrap();
        }
        // And an hour after the last one, and a slice, it is whole: no factory reset.
        assert_eq!(airtime.available(S(3_660)), 36_000_000);
    }
    // Without a memory the first hour is used up, and the second is not.
    let mut forgetful = fresh(History::UsedUp, S(0));
    assert!(matches!(forgetful.allow(S(0), 1), Err(Denied::Until(_))));
    assert_eq!(forgetful.available(S(3_660)), 36_000_000);
}

/// Money D 19.
#[test]
fn the_duty_cycle_holds_in_any_hour_the_first_after_a_join_storm_and_a_reboot_included() {
    let window = sub_band(868_100_000).unwrap().window();
    let join = 1_000_000;
    let mut airtime = WindowSlices::<60>::new(window, History::Empty, S(0)).unwrap();
    let mut sent = 0;
    for now in 0..3_500 {
        if now == 1_000 {
            let mut image = [0; WindowSlices::<60>::SIZE];
            airtime.save(S(now), &mut image).unwrap();
            airtime = WindowSlices::new(window, History::Empty, S(now)).unwrap();
            airtime.restore(S(now), Offline::Unknown, Mismatch::Refuse, &image).unwrap();
        }
        // Never against zero: the frame itself counts, and the one that fits exactly is sent.
        assert_eq!(airtime.available(S(now)) >= join, airtime.allow(S(now), join).is_ok().then(|| sent += 1).is_some());
    }
    assert_eq!(sent, 36, "a join every second for an hour, of which 45 were once sent");
    let Err(Denied::Until(at)) = airtime.allow(S(3_500), join) else { panic!("the hour is used up") };
    assert!(airtime.allow(at, join).is_ok());
}

/// Money D 20.
#[test]
fn a_counter_neither_jumps_nor_starts_anew_with_the_power() {
    // Fifty cycles of the power, orderly or not: a counter of others jumped by 256 with each, or began at zero.
    let mut keeper = open(Small::new(1024), lease(100)).unwrap();
    let mut counted = 0;
    for cycle in 0..50u64 {
        assert!(charge(&mut keeper, cycle, 1));
        counted += 1;
        keeper.shutdown(S(0)).unwrap();
        keeper = open(reboot(keeper.into_flash()), lease(100)).unwrap();
        assert_eq!(used(&keeper), micros(counted), "cycle {cycle}");
    }
    // Pulled out, it is never less, and at most a lease more.
    assert!(charge(&mut keeper, 99, 1));
    let keeper = open(reboot(keeper.into_flash()), lease(100)).unwrap();
    assert!((micros(51)..=micros(150)).contains(&used(&keeper)));
}

/// Money D 21.
#[test]
fn three_hundred_cuts_in_a_row_lose_no_job_that_was_said_to_be_kept() {
    let mut flash = Small::new(2048);
    let (mut spent, mut settled) = (0, Vec::new());
    for round in 0..300u64 {
        let mut keeper = wake(flash, bucket(), &crate::support::PLENTY);
        assert!(!matches!(keeper.health(), Health::Damaged(_)), "round {round}: {:?}", keeper.health());
        assert!(posted(&keeper) >= spent, "round {round}");
        for id in &settled {
            let again = keeper.finished(keeper.base(), JobId(*id), &credits(7)).unwrap();
            assert_eq!(again.cost, Cost::Replayed, "round {round}");
        }
        let now = keeper.base();
        while keeper.expire(now).is_some() {}
        // What the cut before left unknown did not run.
        let unknown: Vec<JobId> = keeper.gate().jobs().filter(|(_, s)| s.has_hold()).map(|(id, _)| id).collect();
        for id in unknown {
            keeper.finished(now, id, &credits(0)).unwrap();
        }
        spent = posted(&keeper);
        settled.clear();
        keeper.flash_mut().cut_after(round * 37 % 900);
        let cost = credits(7);
        for id in (round * 10 + 1)..(round * 10 + 5) {
            let request = Request::new(JobId(id), HOUR).costs(&cost);
            let Ok(permit) = keeper.ask(now, &request) else { break };
            if keeper.sending(now, &permit).is_err() {
                break;
            }
            if keeper.finished(now, JobId(id), &cost).is_err() {
                break;
            }
            spent += micros(7);
            settled = vec![id];
        }
        assert_eq!(keeper.flash_mut().reprogrammed(), 0);
        flash = keeper.into_flash();
    }
}

/// Money D 22.
#[test]
fn a_day_of_23_or_25_hours_is_one_day_also_with_a_reboot_in_it() {
    let berlin = ZonedCalendar::new(Cycle::Day, "Europe/Berlin").unwrap();
    let spec: BudgetSpec<'_> = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Zone(&berlin));
    // 2026-03-29 has 23 hours, 2026-10-25 has 25.
    for (start, length) in [(1_774_738_800, 23), (1_792_879_200, 25)] {
        let mut flash = Small::new(2048);
        for (hour, fits) in [(0, true), (12, false), (length - 1, false), (length, true), (length + 23, false)] {
            let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
            ledger.open(S(0), &spec).unwrap();
            let mut keeper = Keeper::<_, 1, 4>::open(flash, PAGES, ledger, &[Keeping::Strict]).unwrap();
            let now = keeper.base();
            let unix = UnixMicros::from_secs(start + hour * 3_600);
            keeper.set_wall(now, unix, Duration::ZERO, Trust::Owner);
            let id = JobId(u64::try_from(hour).unwrap() + 1);
            assert_eq!(keeper.charge(now, id, &credits(100)).is_ok(), fits, "{length} hours, hour {hour}");
            flash = reboot(keeper.into_flash());
        }
    }
}

/// Money D 23.
#[test]
fn a_date_of_the_year_2611_neither_sticks_nor_renews_and_a_step_back_starves_nobody() {
    let year_2611 = 20_227_968_000;
    let mut keeper = wake(Small::new(2048), bucket(), &DAILY);
    keeper.set_wall(S(0), UnixMicros::from_secs(MIDNIGHT), Duration::ZERO, Trust::Owner);
    accepted(&mut keeper, S(1), 1, 100);
    keeper.finished(S(1), JobId(1), &credits(100)).unwrap();
    keeper.tick(S(2)).unwrap();
    let mut keeper = wake(keeper.into_flash(), bucket(), &DAILY);
    let now = keeper.base();
    // A stranger's date is not believed, however often it reboots.
    let heard = keeper.set_wall(now, UnixMicros::from_secs(year_2611), Duration::ZERO, Trust::Stranger);
    assert_eq!((heard, keeper.charge(now, &credits(1)).is_ok()), (Heard::Unconfirmed, false));
    // The owner's own mistake is one day's budget, and not one until 2611.
    let mut keeper = wake(keeper.into_flash(), bucket(), &DAILY);
    keeper.set_wall(now, UnixMicros::from_secs(year_2611), Duration::ZERO, Trust::Owner);
    keeper.charge(now, &credits(30)).unwrap();
    let mut keeper = wake(keeper.into_flash(), bucket(), &DAILY);
    for day in 1..4 {
        let now = now.saturating_add(Duration::from_secs(day));
        keeper.set_wall(
            now,
            UnixMicros::from_secs(MIDNIGHT + 86_400 * day.cast_signed()),
            Duration::ZERO,
            Trust::Owner,
        );
    }
    let now = now.saturating_add(Duration::from_secs(4));
    let left = keeper.gate().report(now, AccountId(0)).unwrap();
    assert!(left.available >= micros(70), "{left:?}");
    // And an instant that steps back mints nothing and starves nobody.
    let (before, earlier) = (keeper.gate().status(now).requests, S(0));
    assert!(keeper.ask(earlier, &Request::new(JobId(9), HOUR)).is_ok());
    assert_eq!(keeper.gate().status(earlier).requests, before - 1);
}
