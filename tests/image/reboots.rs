//! Reboots as they happen: other configurations, clocks that had jumped, airtime, money, and reservations of before.

use tollgate::presets::radio::{LoRa, sub_band};
use tollgate::{
    AccountId, Amount, BudgetSpec, Calendar, Clock, Continued, Credits, Cycle, Denied, Duration, Heard, History,
    HoldState, Image, ImageError, Instant, JobId, Ledger, Limiter, Line, ManualClock, Mismatch, Offline, Quota,
    Renewal, Slots, Start, TokenBucket, Trust, UnixMicros, WhenFull, Window, WindowLog, WindowSlices, saved_at,
};

use crate::support::{Rng, S, SECS, load, saved};

const UNKNOWN: Offline = Offline::Unknown;

fn trusted(secs: u64) -> Offline {
    Offline::Trusted(SECS(secs))
}

fn bucket(units: u32, burst: u32, now: Instant) -> TokenBucket {
    TokenBucket::new(Quota::new_with_burst(units, SECS(60), burst).unwrap(), Start::Full, now)
}

// --- other configurations ---

#[test]
fn under_another_configuration_what_was_used_stays_used() {
    let mut old = bucket(60, 10, S(100));
    old.allow(S(100), 7).unwrap();
    let image = saved(&old, S(100));
    for (burst, available) in [(10, 3), (20, 3), (5, 0), (8, 1)] {
        let mut new = bucket(60, burst, S(100));
        if burst != 10 {
            let refused = new.restore(S(100), UNKNOWN, Mismatch::Refuse, &image);
            assert_eq!((refused, new.available(S(100))), (Err(ImageError::OtherConfig), u64::from(burst)));
        }
        let restored = new.restore(S(100), UNKNOWN, Mismatch::KeepUsed, &image).unwrap();
        assert_eq!((restored.other_config, new.available(S(100))), (burst != 10, available), "burst {burst}");
    }

    let window = |limit, secs| Window::new(limit, SECS(secs)).unwrap();
    let log = |limit, secs| WindowLog::<8>::new(window(limit, secs), WhenFull::Refuse, History::Empty, S(0));
    let mut old = log(10, 60);
    old.allow(S(100), 7).unwrap();
    let image = saved(&old, S(100));
    for (limit, available) in [(10, 3), (20, 13), (5, 0)] {
        let mut new = log(limit, 60);
        new.restore(S(100), UNKNOWN, Mismatch::KeepUsed, &image).unwrap();
        assert_eq!(new.available(S(100)), available, "limit {limit}");
    }
    // What an old window has forgotten, a longer one would have to know.
    assert_eq!(log(10, 90).restore(S(100), UNKNOWN, Mismatch::KeepUsed, &image), Err(ImageError::OtherConfig));

    let mut old = Slots::<4>::new(3);
    old.job(JobId(1), SECS(60)).unwrap().allow(S(100), 3).unwrap();
    let image = saved(&old, S(100));
    let mut new = Slots::<4>::new(2);
    assert_eq!(new.restore(S(100), UNKNOWN, Mismatch::Refuse, &image), Err(ImageError::OtherConfig));
    new.restore(S(100), UNKNOWN, Mismatch::KeepUsed, &image).unwrap();
    assert_eq!((new.in_flight(S(100)), new.limit()), (3, 2));
}

static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)));
static DAILY_MORE: BudgetSpec =
    BudgetSpec::new::<Credits>(Amount::whole(150), Renewal::Calendar(Calendar::utc(Cycle::Day)));
static EVER: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);

const MIDNIGHT: i64 = 1_767_225_600;
const CREDITS: AccountId = AccountId(0);

type Books = Ledger<'static, 2, 4, 1, 4>;

fn books(specs: &[&'static BudgetSpec<'static>]) -> Books {
    let mut ledger = Books::new(SECS(0));
    for spec in specs {
        ledger.open(S(0), spec).unwrap();
    }
    ledger
}

fn lines(units: u32) -> [Line; 1] {
    [Line::new::<Credits>(CREDITS, Amount::whole(units))]
}

fn left(ledger: &Books, now: Instant) -> u64 {
    ledger.available::<Credits>(now, CREDITS).unwrap().as_micros() / 1_000_000
}

#[test]
fn a_budget_with_another_limit_goes_on_and_one_with_other_periods_does_not() {
    let mut ledger = books(&[&DAILY]);
    let _ = ledger.charge(S(1), JobId(1), &lines(60)).unwrap();
    let image = saved(&ledger, S(1));
    let mut more = books(&[&DAILY_MORE]);
    assert_eq!(more.restore(S(1), UNKNOWN, Mismatch::Refuse, &image), Err(ImageError::OtherConfig));
    more.restore(S(1), UNKNOWN, Mismatch::KeepUsed, &image).unwrap();
    assert_eq!(left(&more, S(1)), 90);
    let mut other = books(&[&EVER]);
    assert_eq!(other.restore(S(1), UNKNOWN, Mismatch::KeepUsed, &image), Err(ImageError::OtherConfig));
    assert_eq!(left(&other, S(1)), 100);
    // Another account at the end starts whole; one that is missing is another configuration.
    let mut two = books(&[&DAILY, &EVER]);
    two.restore(S(1), UNKNOWN, Mismatch::KeepUsed, &image).unwrap();
    assert_eq!(left(&two, S(1)), 40);
    let image = saved(&two, S(1));
    assert_eq!(books(&[&DAILY]).restore(S(1), UNKNOWN, Mismatch::KeepUsed, &image), Err(ImageError::OtherConfig));
}

// --- money over a reboot ---

fn dated(unix: i64) -> Books {
    let mut ledger = books(&[&DAILY]);
    ledger.set_wall(S(0), UnixMicros::from_secs(unix), SECS(0), Trust::Owner);
    ledger
}

#[test]
fn a_calendar_budget_is_frozen_after_a_time_that_nobody_knows() {
    let mut ledger = dated(MIDNIGHT + 80_000);
    let _ = ledger.charge(S(10), JobId(1), &lines(70)).unwrap();
    let image = saved(&ledger, S(10));

    // Off for two hours: midnight has passed. Trusted, it has; unknown, it has not, however long it runs on.
    assert_eq!(left(&load(books(&[&DAILY]), S(7_210), trusted(7_200), &image), S(7_210)), 100);
    let mut ledger = load(books(&[&DAILY]), S(10), UNKNOWN, &image);
    assert_eq!(left(&ledger, S(10_000_000)), 30);
    let _ = ledger.charge(S(20), JobId(2), &lines(20)).unwrap();
    assert_eq!(left(&ledger, S(20)), 10);
    // Not earlier than it surely was: a stranger's date below that is not believed.
    let old = UnixMicros::from_secs(MIDNIGHT);
    assert_eq!(ledger.set_wall(S(20), old, SECS(1), Trust::Stranger), Heard::BelowFloor);
    // The owner says that it is the next day: what was charged while that was unknown belongs to it.
    ledger.set_wall(S(30), UnixMicros::from_secs(MIDNIGHT + 90_000), SECS(0), Trust::Owner);
    assert_eq!(left(&ledger, S(30)), 80);
}

#[test]
fn the_owners_word_since_the_boot_is_later_news_than_the_image() {
    let mut ledger = dated(MIDNIGHT + 80_000);
    let _ = ledger.charge(S(10), JobId(1), &lines(70)).unwrap();
    let image = saved(&ledger, S(10));
    let same_day = load(dated(MIDNIGHT + 80_500), S(1), UNKNOWN, &image);
    assert_eq!(left(&same_day, S(2)), 30);
    let next_day = load(dated(MIDNIGHT + 90_000), S(1), UNKNOWN, &image);
    assert_eq!(left(&next_day, S(2)), 100);
}

#[test]
fn a_hold_is_settled_by_its_id_after_the_reboot_and_its_reservation_is_stale() {
    let mut ledger = books(&[&EVER]);
    let held = ledger.ask(JobId(5), SECS(600), &lines(40)).unwrap().reserve(S(1), 1, Duration::ZERO).unwrap();
    let nobody = ledger.account(CREDITS, SECS(600)).unwrap().reserve(S(1), 7_000_000, Duration::ZERO).unwrap();
    let image = saved(&ledger, S(2));
    let mut ledger = books(&[&EVER]);
    assert_eq!(ledger.restore(S(2), UNKNOWN, Mismatch::Refuse, &image).unwrap().open, 1);
    assert_eq!(left(&ledger, S(3)), 53);
    assert!(ledger.commit(S(3), nobody, 0).is_err() && ledger.commit(S(3), held, 0).is_err());
    assert_eq!(left(&ledger, S(3)), 53, "used, and never returned");
    assert_eq!(ledger.settle(S(3), JobId(5), &lines(30)).unwrap().state, HoldState::Posted);
    assert!(ledger.settle(S(3), JobId(5), &lines(30)).unwrap().replayed);
    assert_eq!(left(&ledger, S(601)), 63);
}

// --- reservations of before ---

#[test]
fn a_reservation_of_before_gives_nothing_back() {
    let mut before = bucket(60, 10, S(100));
    let (now, ahead) = (before.reserve(S(100), 10, SECS(0)).unwrap(), before.reserve(S(100), 5, SECS(60)).unwrap());
    let image = saved(&before, S(100));
    let mut after = load(bucket(60, 10, S(100)), S(100), UNKNOWN, &image);
    let earliest = after.earliest(S(100), 1);
    after.release(S(100), now);
    after.release(S(100), ahead);
    assert_eq!(after.earliest(S(100), 1), earliest);
    // One of its own does, also after a second reboot from an image of the first.
    let own = after.reserve(S(100), 3, SECS(60)).unwrap();
    after.release(S(100), own);
    assert_eq!(after.earliest(S(100), 1), earliest);

    let window = Window::new(10, SECS(60)).unwrap();
    let mut before = WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, S(100));
    let mut slices_before = WindowSlices::<6>::new(window, History::Empty, S(100)).unwrap();
    let (held, other) =
        (before.reserve(S(100), 6, SECS(0)).unwrap(), slices_before.reserve(S(100), 6, SECS(0)).unwrap());
    let fresh = WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, S(110));
    let mut after = load(fresh, S(110), trusted(10), &saved(&before, S(100)));
    let fresh = WindowSlices::<6>::new(window, History::Empty, S(110)).unwrap();
    let mut slices_after = load(fresh, S(110), trusted(10), &saved(&slices_before, S(100)));
    after.release(S(111), held);
    slices_after.release(S(111), other);
    // Used at the moment of the restore, and not a microsecond before.
    for limiter in [&mut after as &mut dyn tollgate::Book, &mut slices_after] {
        assert_eq!(limiter.available(S(169)), 4);
        assert_eq!(limiter.available(S(180)), 10);
    }

    let mut before = Slots::<4>::new(3);
    let held = before.job(JobId(1), SECS(60)).unwrap().reserve(S(100), 2, SECS(0)).unwrap();
    let mut after = load(Slots::<4>::new(3), S(130), trusted(30), &saved(&before, S(100)));
    after.release(S(130), held);
    assert_eq!(after.in_flight(S(159)), 2, "its lease goes on");
    assert_eq!((after.in_flight(S(160)), after.expire(S(160))), (0, Some(JobId(1))));
}

// --- stamps of the future: "duty-cycle restricted until factory reset" (LoRaMac-node 1399) ---

#[test]
fn a_stamp_of_the_future_locks_nobody_out() {
    let far = S(400_000_000);
    let mut before = bucket(60, 10, S(5));
    before.allow(far, 10).unwrap();
    let mut after = bucket(60, 10, S(5));
    let restored = after.restore(S(6), UNKNOWN, Mismatch::Refuse, &saved(&before, S(6))).unwrap();
    assert_eq!((restored.clamped, after.available(S(6)), after.available(S(16))), (1, 0, 10));

    let window = Window::new(36, SECS(3_600)).unwrap();
    let mut log = WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, S(0));
    let mut slices = WindowSlices::<60>::new(window, History::Empty, S(0)).unwrap();
    log.allow(far, 36).unwrap();
    slices.allow(far, 36).unwrap();
    let log =
        load(WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, S(1)), S(1), UNKNOWN, &saved(&log, S(9)));
    let fresh = WindowSlices::<60>::new(window, History::Empty, S(1)).unwrap();
    let slices = load(fresh, S(1), UNKNOWN, &saved(&slices, S(9)));
    for limiter in [&log as &dyn tollgate::Book, &slices] {
        assert_eq!((limiter.room(S(3_600)), limiter.room(S(3_662))), (0, 36));
    }

    let mut slots = Slots::<4>::new(1);
    slots.job(JobId(1), SECS(60)).unwrap().allow(far, 1).unwrap();
    let slots = load(Slots::<4>::new(1), S(9), UNKNOWN, &saved(&slots, S(9)));
    assert_eq!((slots.in_flight(S(68)), slots.in_flight(S(69))), (1, 0), "what was left of its lease");
}

#[test]
fn a_clock_that_starts_at_zero_errs_towards_refusing() {
    // 40 minutes old at the save, an hour's window: on a clock of its own it has 20 minutes to go, but on a clock that
    // starts at zero nothing is older than the boot.
    let window = Window::new(36, SECS(3_600)).unwrap();
    let mut log = WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, S(0));
    log.allow(S(5_000), 36).unwrap();
    let image = saved(&log, S(7_400));
    let fresh = |now| WindowLog::<4>::new(window, WhenFull::Refuse, History::Empty, now);
    let (zero, on) = (load(fresh(S(1)), S(1), UNKNOWN, &image), load(fresh(S(7_400)), S(7_400), UNKNOWN, &image));
    assert_eq!((zero.available(S(3_599)), zero.available(S(3_600))), (0, 36));
    assert_eq!((on.available(S(8_599)), on.available(S(8_600))), (0, 36));
    // Off for half an hour, it has left the window, on whatever clock.
    assert_eq!(load(fresh(S(1)), S(1), trusted(1_800), &image).available(S(1)), 36);
}

#[test]
fn the_clock_goes_on_and_images_are_as_old_as_they_are() {
    let mut before = bucket(60, 60, S(1_000));
    before.allow(S(1_000), 60).unwrap();
    let image = saved(&before, S(1_000));
    // The clock was persisted ten seconds after the bucket, and the device was off for twenty.
    let clock = Continued::new(ManualClock::default(), S(1_010), trusted(20));
    assert_eq!(saved_at(&image), Ok(S(1_000)));
    let after = load(bucket(60, 60, clock.now()), clock.now(), clock.offline_since(S(1_000)), &image);
    assert_eq!((clock.now(), after.available(clock.now())), (S(1_030), 30));
}

// --- airtime: at most 36 s in any hour, the first one after a reboot included (EU868, RadioLib 1682) ---

#[test]
fn airtime_stays_within_its_duty_cycle_over_reboots() {
    let hour = SECS(3_600);
    let window = sub_band(868_100_000).unwrap().window();
    let frame = LoRa { spreading_factor: 12, ..LoRa::EU868 }.airtime(64).unwrap().as_micros();
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let (mut truth, mut sent) = (S(100_000), Vec::new());
        // What the device believes: its clock goes on with what is known.
        let mut clock = truth;
        let mut airtime = WindowSlices::<60>::new(window, History::Empty, clock).unwrap();
        let mut log = WindowLog::<16>::new(window, WhenFull::Refuse, History::Empty, clock);
        for _ in 0..4 {
            for _ in 0..60 {
                let wait = Duration::from_micros(rng.below(120_000_000));
                (truth, clock) = (truth.saturating_add(wait), clock.saturating_add(wait));
                if airtime.available(clock) >= frame && log.available(clock) >= frame {
                    airtime.allow(clock, frame).unwrap();
                    log.allow(clock, frame).unwrap();
                    sent.push(truth);
                }
            }
            // Saved, in flight another frame that goes out after the save, and off for up to two hours.
            let ends = log.available(clock) >= frame && airtime.available(clock) >= frame;
            if ends {
                let _ = airtime.reserve(clock, frame, Duration::ZERO).unwrap();
                let _ = log.reserve(clock, frame, Duration::ZERO).unwrap();
            }
            let images = (saved(&airtime, clock), saved(&log, clock));
            if ends {
                sent.push(truth.saturating_add(Duration::from_micros(frame)));
            }
            let off = Duration::from_micros(frame + rng.below(7_200_000_000));
            truth = truth.saturating_add(off);
            let offline = if rng.below(2) == 0 { UNKNOWN } else { Offline::Trusted(off) };
            clock = if rng.below(2) == 0 { S(1) } else { clock.saturating_add(offline.credit()) };
            airtime = load(WindowSlices::new(window, History::Empty, clock).unwrap(), clock, offline, &images.0);
            log = load(WindowLog::new(window, WhenFull::Refuse, History::Empty, clock), clock, offline, &images.1);
        }
        assert!(sent.len() > 12, "the radio was used");
        for end in &sent {
            let in_window = sent.iter().filter(|at| *at <= end && end.saturating_since(**at) < hour).count() as u64;
            assert!(in_window * frame <= u64::from(window.limit()), "{in_window} frames before {end}, seed {seed}");
        }
    }
}

// --- what was asked for elsewhere: state over a restart (governor 179), refunds bounded by the debit (go 54082) ---

#[test]
fn state_survives_a_restart_and_a_refund_is_never_more_than_was_taken() {
    let mut before = bucket(60, 60, S(100));
    before.allow(S(100), 60).unwrap();
    let image = saved(&before, S(100));
    let mut after = load(bucket(60, 60, S(105)), S(105), trusted(5), &image);
    assert_eq!(after.allow(S(105), 6), Err(Denied::Until(S(106))));
    let held = after.reserve(S(105), 5, Duration::ZERO).unwrap();
    after.release(S(105), held);
    assert_eq!(after.available(S(105)), 5);
}
