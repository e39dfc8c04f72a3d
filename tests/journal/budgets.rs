//! Leases, periods, jobs and ids over a reboot.

use tollgate::journal::{JobPhase, KeepError, Keeper, Keeping};
use tollgate::{
    Amount, BudgetSpec, Calendar, Credits, Cycle, Duration, HoldState, Instant, JobId, Ledger, LedgerError, Renewal,
    Trust, UnixMicros, valid,
};

use crate::support::*;

type Jobs = Keeper<'static, Small, 1, 8, 2>;

const TTL: Duration = Duration::from_mins(10);
const MIDNIGHT: i64 = 1_767_225_600;

fn jobs(flash: Small) -> Jobs {
    let layout = tollgate::journal::Layout::new(0, 1024, 2).unwrap();
    Jobs::open(flash, layout, ledger(&PLENTY), &[lease(10)]).unwrap()
}

#[test]
fn a_charge_inside_a_lease_writes_nothing_and_a_clean_shutdown_is_exact() {
    // Money D 20: counters that jumped by 256 or started anew after a power cycle.
    let mut keeper = open(Small::new(1024), lease(100)).unwrap();
    assert!((1..=50).all(|id| charge(&mut keeper, id, 1)));
    assert_eq!((keeper.records(), keeper.high(ACCOUNT)), (1, Some(micros(100))));
    keeper.shutdown(Instant::ORIGIN).unwrap();
    let keeper = open(keeper.into_flash(), lease(100)).unwrap();
    assert_eq!(used(&keeper), micros(50));
}

#[test]
fn a_lease_near_the_limit_shrinks_so_that_a_crash_locks_out_no_more_than_was_left() {
    let mut keeper = open_as(Small::new(1024), &DAILY, lease(40)).unwrap();
    assert!((1..=9).all(|id| charge(&mut keeper, id, 10)));
    assert_eq!(keeper.high(ACCOUNT), Some(micros(100)));
    assert!(charge(&mut keeper, 10, 10) && !charge(&mut keeper, 11, 1));
}

#[test]
fn a_large_hold_that_is_released_lowers_the_lease() {
    let mut keeper = open(Small::new(1024), lease(10)).unwrap();
    let _ = keeper.reserve(Instant::ORIGIN, JobId(1), &credits(500), TTL).unwrap();
    assert_eq!(keeper.high(ACCOUNT), Some(micros(500)));
    let _ = keeper.void(Instant::ORIGIN, JobId(1)).unwrap();
    assert_eq!(keeper.high(ACCOUNT), Some(micros(10)));
}

#[test]
fn holds_are_never_released_by_a_reboot() {
    let mut keeper = open(Small::new(1024), lease(10)).unwrap();
    let _ = keeper.reserve(Instant::ORIGIN, JobId(1), &credits(500), TTL).unwrap();
    let keeper = open(keeper.into_flash(), lease(10)).unwrap();
    assert_eq!(used(&keeper), micros(500));
}

#[test]
fn a_kept_job_is_charged_once_although_it_finishes_after_the_reboot() {
    // Peers B 20 and 19: the unused part comes back, over a restart.
    let mut keeper = jobs(Small::new(2048));
    let id = keeper.next_id().unwrap();
    let _ = keeper.reserve_unsent(Instant::ORIGIN, id, &credits(40), TTL).unwrap();
    keeper.sending(Instant::ORIGIN, id, 3, 0).unwrap();
    keeper.accepted(id, 77).unwrap();

    let mut keeper = jobs(keeper.into_flash());
    let job = keeper.jobs().next().unwrap().clone();
    assert_eq!((job.id, job.tag, job.weight, job.phase), (id, 77, 3, JobPhase::Running));
    assert_eq!(used(&keeper), micros(40));
    let receipt = keeper.settle(Instant::ORIGIN, id, &credits(25)).unwrap();
    assert_eq!((receipt.state, used(&keeper)), (HoldState::Posted, micros(25)));

    let mut keeper = jobs(keeper.into_flash());
    assert_eq!((used(&keeper), keeper.jobs().count()), (micros(25), 0));
    let again = keeper.settle(Instant::ORIGIN, id, &credits(25));
    assert_eq!(again, Err(KeepError::Ledger(LedgerError::Absorbed)));
    assert_eq!(keeper.absorb(Instant::ORIGIN, id, &credits(25)), Err(KeepError::Ledger(LedgerError::Absorbed)));
    assert_eq!(used(&keeper), micros(25));
}

#[test]
fn the_end_of_a_kept_job_cut_at_any_byte_is_counted_once() {
    let mut keeper = jobs(Small::new(2048));
    let _ = keeper.charge(Instant::ORIGIN, JobId(1), &credits(1)).unwrap();
    let _ = keeper.reserve_unsent(Instant::ORIGIN, JobId(2), &credits(40), TTL).unwrap();
    keeper.sending(Instant::ORIGIN, JobId(2), 1, 0).unwrap();
    for cut in 0..=64 {
        let mut cut_off = keeper.clone();
        cut_off.flash_mut().cut_after(cut);
        let settled = cut_off.settle(Instant::ORIGIN, JobId(2), &credits(25)).is_ok();
        let after = jobs(reboot(cut_off.into_flash()));
        let used = used(&after);
        assert!(used == micros(35) || !settled && used == micros(50), "cut {cut}: {used}");
    }
}

#[test]
fn a_job_that_was_never_sent_is_forgotten_and_one_that_did_not_run_is_given_back() {
    let mut keeper = jobs(Small::new(2048));
    let _ = keeper.reserve_unsent(Instant::ORIGIN, JobId(1), &credits(40), TTL).unwrap();
    let mut keeper = jobs(keeper.into_flash());
    assert_eq!(used(&keeper), 0);
    let _ = keeper.reserve_unsent(Instant::ORIGIN, JobId(1), &credits(40), TTL).unwrap();
    keeper.sending(Instant::ORIGIN, JobId(1), 1, 0).unwrap();
    let _ = keeper.void(Instant::ORIGIN, JobId(1)).unwrap();
    assert_eq!(used(&jobs(keeper.into_flash())), 0);
}

#[test]
fn ids_are_one_record_for_sixty_four_and_never_come_back() {
    let mut keeper = jobs(Small::new(2048));
    let first: Vec<u64> = (0..65).map(|_| keeper.next_id().unwrap().0).collect();
    assert_eq!((first[0], first[64], keeper.records()), (1, 65, 2));
    let mut keeper = jobs(keeper.into_flash());
    assert!(keeper.next_id().unwrap().0 > 65);
    let old = keeper.charge(Instant::ORIGIN, JobId(3), &credits(1));
    assert_eq!(old, Err(KeepError::Ledger(LedgerError::Absorbed)));
}

#[test]
fn a_new_day_starts_whole_and_a_reboot_in_it_does_not_bring_back_the_old_one() {
    // Money D 22 and 23: days are periods, and no date locks the device for years.
    let owner = |keeper: &mut Kept, now: u64, unix: i64| {
        keeper.set_wall(Instant::from_secs(now), UnixMicros::from_secs(unix), Duration::ZERO, Trust::Owner);
    };
    let spend = |keeper: &mut Kept, now: u64, id: u64, units: u32| {
        keeper.charge(Instant::from_secs(now), JobId(id), &credits(units)).is_ok()
    };
    let mut keeper = open_as(Small::new(1024), &DAILY, lease(10)).unwrap();
    owner(&mut keeper, 0, MIDNIGHT);
    assert!(spend(&mut keeper, 1, 1, 100) && !spend(&mut keeper, 2, 2, 1));
    assert!(spend(&mut keeper, 86_400, 3, 30));

    let mut keeper = open_as(keeper.into_flash(), &DAILY, lease(10)).unwrap();
    assert_eq!(used(&keeper), micros(30));
    // The date is unknown: nothing is whole again, and what is charged now goes along to a later day.
    assert!(spend(&mut keeper, 1, 4, 20) && !spend(&mut keeper, 2, 5, 51));
    let mut keeper = open_as(keeper.into_flash(), &DAILY, lease(10)).unwrap();
    owner(&mut keeper, 3, MIDNIGHT + 5 * 86_400);
    let report = keeper.ledger().report(Instant::from_secs(3), ACCOUNT).unwrap();
    assert!((micros(20)..=micros(29)).contains(&report.posted), "{report:?}");
}

#[test]
fn a_block_and_the_time_survive_and_the_device_is_not_locked_out() {
    // Peers B 33: restored state that left the device restricted until a factory reset.
    let mut keeper = open(Small::new(1024), lease(10)).unwrap();
    let now = Instant::from_secs(5_000);
    keeper.tick(now).unwrap();
    keeper.block(now, 1, Instant::from_secs(5_030)).unwrap();
    keeper.block(now, 2, Instant::from_secs(5_600)).unwrap();
    let mut keeper = open(keeper.into_flash(), lease(10)).unwrap();
    assert_eq!(keeper.base(), now);
    assert_eq!((keeper.blocked(1), keeper.blocked(2)), (None, Some(Instant::from_secs(5_600))));
    assert!(charge(&mut keeper, 1, 1));
}

#[test]
fn what_is_written_to_a_flash_in_ten_years_fits_its_endurance() {
    // Money D 19 and 20: a lease makes wear a number that is known before the flash is bought.
    let mut keeper = open(Small::new(1024), lease(100)).unwrap();
    assert!((1..=20_000).all(|id| charge(&mut keeper, id, 1)));
    assert_eq!(keeper.records(), 200);
    assert!(keeper.flash_mut().wear() <= 12, "{}", keeper.flash_mut().wear());
}

#[test]
fn a_debt_made_without_a_date_survives_a_reboot_and_goes_along_to_the_day_that_is_learned() {
    static OWES: BudgetSpec = valid!(
        BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)))
            .with_debt::<Credits>(Amount::whole(50))
    );
    let open = |flash: Small| {
        let mut ledger = Ledger::new(Duration::ZERO);
        ledger.open(Instant::ORIGIN, &OWES).unwrap();
        Kept::open(flash, LAYOUT, ledger, &[Keeping::Strict]).unwrap()
    };
    let says = |keeper: &mut Kept, now: u64, unix: i64| {
        keeper.set_wall(Instant::from_secs(now), UnixMicros::from_secs(unix), Duration::ZERO, Trust::Owner);
    };
    let mut keeper = open(Small::new(1024));
    says(&mut keeper, 0, MIDNIGHT);
    let _ = keeper.charge(Instant::from_secs(1), JobId(1), &credits(10)).unwrap();
    // The power goes, and with it the date. 90 fit, 120 were used.
    let mut keeper = open(keeper.into_flash());
    let now = keeper.base();
    let _ = keeper.reserve(now, JobId(2), &credits(90), TTL).unwrap();
    let _ = keeper.settle(now, JobId(2), &credits(120)).unwrap();
    for reboots in 0..2 {
        let mut keeper = keeper.clone();
        for _ in 0..reboots {
            keeper = open(keeper.into_flash());
        }
        assert_eq!(used(&keeper), micros(130), "{reboots}");
        says(&mut keeper, 3, MIDNIGHT + 5 * 86_400);
        assert_eq!(used(&keeper), micros(120), "{reboots}");
    }
}
