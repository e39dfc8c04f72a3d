//! One limiter: what is no log, another one, or a damaged one is told, and nothing is granted that may have been before.

use tollgate::journal::{
    Damage, Health, ImageLog, JournalError, JournalFault, Layout, LayoutError, LimiterKeepError, LimiterKeeper, Wear,
};
use tollgate::{
    Breaker, BreakerPolicy, Denied, Duration, History, ImageError, Instant, Limiter, Mismatch, Offline, Quota, Start,
    TokenBucket, Trip, WhenFull, Window, WindowLog, WindowSlices,
};
use tollgate_std::testing::{Flash, FlashError};

use crate::limiters::{LEASE, Once, WIDE};
use crate::support::{LAYOUT, Small, reboot};

type Bucket = LimiterKeeper<TokenBucket, Small>;
type Fault = JournalError<FlashError>;

const S: fn(u64) -> Instant = Instant::from_secs;
const QUOTA: Quota = tollgate::valid!(Quota::new_with_burst(60, Duration::from_mins(1), 50));

fn open_with(flash: Small, quota: Quota, mismatch: Mismatch) -> Result<Bucket, Fault> {
    let log = ImageLog::open(flash, LAYOUT)?;
    LimiterKeeper::open(log, TokenBucket::new(quota, Start::Full, S(0)), LEASE, S(0), Offline::Unknown, mismatch)
}

fn open(flash: Small) -> Bucket {
    open_with(flash, QUOTA, Mismatch::Refuse).unwrap()
}

fn fault(flash: Small) -> JournalFault {
    match ImageLog::<_, 96>::open(flash, LAYOUT) {
        Err(JournalError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// One grant in so many records: four fill a page.
fn filled(records: u64) -> Small {
    let mut keeper = open(Small::new(1024));
    keeper.allow(S(0), 1).unwrap();
    assert!((1..records).all(|_| keeper.save(S(0)).is_ok()));
    keeper.into_flash()
}

/// So many grants, each with a record: seven fill a page.
fn once(records: u64) -> Small {
    let mut keeper = open_once(Small::new(1024), 0);
    assert!((0..records).all(|_| keeper.allow(S(0), 1).is_ok()));
    keeper.into_flash()
}

fn open_once(flash: Small, lease: u32) -> LimiterKeeper<Once, Small, 64> {
    let log = ImageLog::open(flash, LAYOUT).unwrap();
    LimiterKeeper::open(log, Once::default(), lease, S(0), Offline::Unknown, Mismatch::Refuse).unwrap()
}

#[test]
fn blank_flash_begins_with_the_limiter_as_it_is_and_writes_nothing() {
    let mut keeper = open(Small::new(1024));
    assert_eq!((keeper.health(), keeper.left(), keeper.limiter().available(S(0))), (Health::New, 0, 50));
    assert_eq!(keeper.flash_mut().bytes_touched(), 0);
    assert_eq!(open(keeper.into_flash()).health(), Health::New);
}

#[test]
fn a_grant_inside_the_lease_and_a_refusal_write_nothing() {
    let mut keeper = open(Small::new(1024));
    keeper.allow(S(0), 1).unwrap();
    let written = keeper.flash_mut().bytes_written();
    assert!((0..9).all(|_| keeper.allow(S(0), 1).is_ok()));
    assert_eq!((keeper.left(), keeper.flash_mut().bytes_written()), (0, written));
    keeper.allow(S(0), 40).unwrap();
    let (written, left) = (keeper.flash_mut().bytes_written(), keeper.left());
    assert_eq!(keeper.allow(S(0), 1), Err(LimiterKeepError::Denied(Denied::Until(S(1)))));
    assert_eq!(keeper.allow(S(0), 51), Err(LimiterKeepError::Denied(Denied::Never { max: 50 })));
    assert_eq!(keeper.allow(S(0), 0), Ok(()));
    assert_eq!((keeper.flash_mut().bytes_written(), keeper.left()), (written, left));
    assert_eq!(keeper.health(), Health::New);
}

#[test]
fn an_orderly_end_is_exact_and_the_time_off_counts_if_it_is_trusted() {
    let mut keeper = open(Small::new(1024));
    keeper.allow(S(0), 33).unwrap();
    keeper.save(S(0)).unwrap();
    for (offline, left) in [(Offline::Unknown, 17), (Offline::Trusted(Duration::from_secs(20)), 37)] {
        let log = ImageLog::<_, 96>::open(keeper.clone().into_flash(), LAYOUT).unwrap();
        let bucket = TokenBucket::new(QUOTA, Start::Full, S(0));
        let keeper = LimiterKeeper::open(log, bucket, LEASE, S(0), offline, Mismatch::Refuse).unwrap();
        assert_eq!((keeper.limiter().available(S(0)), keeper.health()), (left, Health::Clean));
    }
}

#[test]
fn trusted_time_counts_from_the_record_and_what_was_granted_after_it_is_not_lost_by_that() {
    // Full at the record, idle for a minute, and nearly all of the lease granted just before the power goes.
    let (quota, lease) = (Quota::new_with_burst(60, Duration::from_mins(1), 5).unwrap(), 6);
    let bucket = || TokenBucket::new(quota, Start::Full, S(0));
    let wake = |flash, now, offline| {
        let log = ImageLog::<_, 96>::open(flash, LAYOUT).unwrap();
        LimiterKeeper::open(log, bucket(), lease, now, offline, Mismatch::Refuse).unwrap()
    };
    let mut keeper = wake(Small::new(1024), S(0), Offline::Unknown);
    keeper.allow(S(0), 1).unwrap();
    keeper.allow(S(60), 5).unwrap();
    assert_eq!(keeper.log().records(), 1);
    let keeper = wake(keeper.into_flash(), S(60), Offline::Trusted(Duration::from_secs(60)));
    assert_eq!(
        keeper.limiter().available(S(60)),
        0,
        "counted from the write, and before the grants, it would be all five"
    );
}

#[test]
fn a_window_counts_its_whole_lease_though_there_is_no_room_for_it() {
    // Nine of ten units are old when the lease is written; they leave, and ten more are granted before the power goes.
    let window = Window::new(10, Duration::from_secs(60)).unwrap();
    let log = || WindowLog::<12>::new(window, WhenFull::Refuse, History::Empty, S(0));
    let wake = |flash, now| {
        let flash = ImageLog::<_, 256>::open(flash, WIDE).unwrap();
        LimiterKeeper::open(flash, log(), 12, now, Offline::Unknown, Mismatch::Refuse).unwrap()
    };
    let mut keeper = wake(Small::new(2048), S(0));
    keeper.allow(S(0), 9).unwrap();
    keeper.save(S(50)).unwrap();
    keeper.allow(S(50), 1).unwrap();
    keeper.allow(S(61), 9).unwrap();
    assert_eq!(keeper.log().records(), 3);
    // Nobody knows of the eleven seconds. In truth ten were used in the last of them.
    let mut keeper = wake(keeper.into_flash(), S(50));
    for now in 50..110 {
        assert!(keeper.allow(S(now), 1).is_err(), "after {now} seconds");
    }
    assert!(keeper.allow(S(111), 1).is_ok());
}

#[test]
fn a_window_in_slices_counts_its_lease_from_the_reboot_on() {
    let window = Window::new(20, Duration::from_secs(60)).unwrap();
    let wake = |flash, now| {
        let log = ImageLog::<_, 128>::open(flash, LAYOUT).unwrap();
        let slices = WindowSlices::<6>::new(window, History::Empty, now).unwrap();
        LimiterKeeper::open(log, slices, LEASE, now, Offline::Unknown, Mismatch::Refuse).unwrap()
    };
    let mut keeper = wake(Small::new(1024), S(0));
    assert!((0..14).all(|now| keeper.allow(S(now), 1).is_ok()));
    assert_eq!(keeper.log().records(), 2);
    // Eleven in the second record, and nine more that may have been granted since.
    for boot in [S(0), S(10), S(1_000)] {
        let again = wake(keeper.clone().into_flash(), boot);
        assert_eq!(again.limiter().available(boot), 0);
        let later = |secs| boot.saturating_add(Duration::from_secs(secs));
        assert!(again.limiter().available(later(59)) <= 11 && again.limiter().available(later(71)) == 20);
    }
}

#[test]
fn what_is_no_log_is_told_and_left_alone() {
    assert_eq!(fault(Small::from_bytes(vec![0; 1024])), JournalFault::Zeroed);
    let noise = (0..1024u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(fault(Small::from_bytes(noise)), JournalFault::Unknown);
    for at in [0, 50, 96, 300, 420, 512, 950] {
        let mut text = vec![0xFF; 1024];
        text[at..at + 5].copy_from_slice(b"hello");
        assert_eq!(fault(Small::from_bytes(text)), JournalFault::Unknown, "at {at}");
    }
    // A page of zeros beside one with records is stale, or was being erased.
    let mut bytes = filled(3).bytes().to_vec();
    bytes[512..].fill(0);
    assert_eq!(open(Small::from_bytes(bytes)).limiter().available(S(0)), 49);
    // The ledger's journal is another's, and ours is none of its own.
    let ledger = crate::support::open(Small::new(1024), crate::support::lease(0)).unwrap().into_flash();
    assert_eq!(fault(ledger), JournalFault::Unknown);
    let error = crate::support::open(filled(3), crate::support::lease(0)).unwrap_err();
    assert_eq!(error, JournalError::Fault(JournalFault::Unknown));
}

#[test]
fn another_format_size_layout_limiter_or_configuration_is_told() {
    let forged = |at: usize, value: u8| {
        let mut bytes = filled(1).bytes().to_vec();
        bytes[at] = value;
        let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..92]);
        bytes[92..96].copy_from_slice(&crc.to_le_bytes());
        fault(Small::from_bytes(bytes))
    };
    assert_eq!(forged(6, 9), JournalFault::Version { found: 9 });
    assert_eq!((forged(7, 4), forged(8, 99), forged(4, 0)), {
        (JournalFault::OtherLayout, JournalFault::OtherLayout, JournalFault::Unknown)
    });
    let larger = ImageLog::<_, 128>::open(filled(3), LAYOUT).unwrap_err();
    assert_eq!(larger, JournalError::Fault(JournalFault::OtherLayout));
    let four = Layout::new(0, 512, 4).unwrap();
    let flash = Small::from_bytes([filled(3).bytes(), &[0xFF; 1024]].concat());
    assert_eq!(ImageLog::<_, 96>::open(flash, four).unwrap_err(), JournalError::Fault(JournalFault::OtherLayout));

    let image = |error| JournalError::Fault(JournalFault::Image(error));
    let policy = BreakerPolicy::new(Trip::Consecutive { failures: 1 }, Duration::from_secs(1)).unwrap();
    let mut log = ImageLog::<_, 160>::open(Flash::<4, 512>::new(1024), LAYOUT).unwrap();
    log.save(S(0), &TokenBucket::new(QUOTA, Start::Full, S(0))).unwrap();
    let other = log.restore(&mut Breaker::new(policy, S(0)), S(0), Offline::Unknown, Mismatch::Refuse);
    assert_eq!(other.unwrap_err(), image(ImageError::OtherKind { found: 1 }));

    let quota = Quota::new_with_burst(60, Duration::from_mins(1), 40).unwrap();
    assert_eq!(open_with(filled(3), quota, Mismatch::Refuse).unwrap_err(), image(ImageError::OtherConfig));
    let keeper = open_with(filled(3), quota, Mismatch::KeepUsed).unwrap();
    assert_eq!(keeper.limiter().available(S(0)), 39);
}

#[test]
fn a_flash_that_cannot_hold_it_is_told_with_the_value() {
    let fault = |layout, capacity| match ImageLog::<_, 96>::open(Flash::<64, 512>::new(capacity), layout) {
        Err(JournalError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(LAYOUT, 1024), JournalFault::Layout(LayoutError::WriteSize { bytes: 64 }));
    let long = Layout::new(0, 512, 3).unwrap();
    let error = ImageLog::<_, 96>::open(Small::new(1024), long).unwrap_err();
    assert_eq!(error, JournalError::Fault(JournalFault::Layout(LayoutError::Capacity { end: 1536, capacity: 1024 })));
    // A record and the mark.
    let error = ImageLog::<_, 288>::open(Small::new(1024), LAYOUT).unwrap_err();
    assert_eq!(error, JournalError::Fault(JournalFault::PageTooSmall { slots: 16 }));
    assert!(ImageLog::<_, 256>::open(Small::new(1024), LAYOUT).is_ok());
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    // Nine records: seven on the first page, which has its mark, and two on the second.
    let flash = once(9);
    for (at, bit) in (0..1024).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut flash = flash.clone();
        flash.flip(at, bit);
        let keeper = open_once(flash, 0);
        let expected = match at {
            // The newest page's first record: a number is missing, and the newest record is right.
            512..576 => (9, Health::Damaged(Damage::Missing { expected: 8 })),
            // The newest record of all looks as if it had been cut: the one exception.
            576..640 => (8, Health::Torn { slots: 1 }),
            // Behind it, as if a write had been cut there; and then in the mark, as if there were a page after this one.
            640..960 => (9, Health::Torn { slots: 1 }),
            960.. => (Once::LIMIT, Health::Damaged(Damage::NewestPage)),
            // The page before says nothing any more.
            _ => (9, Health::Clean),
        };
        assert_eq!((keeper.limiter().used, keeper.health()), expected, "byte {at}");
    }
}

#[test]
fn numbers_that_are_missing_before_a_good_record_are_told_and_it_counts() {
    let mut flash = once(3);
    flash.flip(64 + 20, 3);
    let mut keeper = open_once(flash, 0);
    assert_eq!((keeper.health(), keeper.limiter().used), (Health::Damaged(Damage::Missing { expected: 2 }), 3));
    assert!(keeper.allow(S(0), 1).is_ok());
    assert_eq!(open_once(keeper.into_flash(), 0).limiter().used, 4);
}

#[test]
fn a_stale_page_closes_the_limiter_until_time_gives_something_back() {
    // Five records: the last one alone on the second page. Without that page, or with it torn to pieces, what is left is old.
    let noise = |at: usize| ((at * 2_654_435_761) >> 7).to_le_bytes()[0];
    let losses: [fn(usize) -> u8; 3] = [|_| 0xFF, |_| 0, noise];
    for loss in losses {
        let mut bytes = filled(5).bytes().to_vec();
        (512..1024).for_each(|at| bytes[at] = loss(at));
        let mut keeper = open(Small::from_bytes(bytes));
        assert_eq!(keeper.health(), Health::Damaged(Damage::NewestPage));
        assert_eq!(keeper.limiter().available(S(0)), 0);
        // It is not written down before there is something to grant, and not forgotten either.
        let again = open(keeper.clone().into_flash());
        assert_eq!((again.health(), again.limiter().available(S(0))), (keeper.health(), 0));
        keeper.allow(S(2), 2).unwrap();
        assert_eq!(keeper.health(), again.health(), "how it was found");
        assert_eq!(open(keeper.clone().into_flash()).health(), Health::Clean);
        assert_eq!(keeper.flash_mut().reprogrammed(), 0);
    }
    // A limit without time waits for its owner's word, which is a new log.
    let mut bytes = once(8).bytes().to_vec();
    bytes[512..].fill(0xFF);
    let mut keeper = open_once(Small::from_bytes(bytes), 0);
    assert_eq!(keeper.allow(S(0), 1), Err(LimiterKeepError::Denied(Denied::Never { max: 0 })));
    let mut log = ImageLog::<_, 64>::format(keeper.into_flash(), LAYOUT).unwrap();
    log.save(S(0), &Once { used: 99 }).unwrap();
    let mut keeper = open_once(log.into_flash(), 0);
    assert!(keeper.allow(S(0), 1).is_ok() && keeper.limiter().used == 100);
}

#[test]
fn pages_in_another_order_are_told_apart_by_their_numbers() {
    let bytes = once(10).bytes().to_vec();
    let swapped = [&bytes[512..], &bytes[..512]].concat();
    let mut keeper = open_once(Small::from_bytes(swapped), 0);
    assert_eq!((keeper.limiter().used, keeper.health()), (10, Health::Clean));
    assert!((0..30).all(|_| keeper.allow(S(0), 1).is_ok()));
    assert_eq!(open_once(keeper.into_flash(), 0).limiter().used, 40);
    // An old page in the place of the newest is no newer for that.
    let old = [&bytes[..512], &bytes[..512]].concat();
    assert_eq!(open_once(Small::from_bytes(old), 0).health(), Health::Damaged(Damage::NewestPage));
}

#[test]
fn records_in_another_order_are_told_apart_by_their_numbers() {
    let mut bytes = once(3).bytes().to_vec();
    let (one, two) = bytes[64..192].split_at(64);
    let swapped = [two, one].concat();
    bytes[64..192].copy_from_slice(&swapped);
    let keeper = open_once(Small::from_bytes(bytes), 0);
    assert_eq!((keeper.limiter().used, keeper.health()), (3, Health::Damaged(Damage::Missing { expected: 4 })));
}

#[test]
fn a_first_record_that_was_cut_is_not_believed_in_any_other_place() {
    let first = once(1).bytes()[..40].to_vec();
    for (at, is_new) in [(0, true), (64, false), (448, false), (576, false)] {
        let mut bytes = vec![0xFF; 1024];
        bytes[at..at + 40].copy_from_slice(&first);
        let opened = ImageLog::<_, 64>::open(Small::from_bytes(bytes), LAYOUT);
        let fault = opened.map(|log| log.health());
        let unknown = Err(JournalError::Fault(JournalFault::Unknown));
        assert_eq!(fault, if is_new { Ok(Health::New) } else { unknown }, "at {at}");
    }
}

#[test]
fn a_torn_record_is_skipped_and_is_no_damage() {
    for cut in 1..64 {
        let mut keeper = open_once(once(2), 0);
        keeper.flash_mut().cut_after(cut);
        assert!(keeper.allow(S(0), 1).is_err());
        let mut keeper = open_once(reboot(keeper.into_flash()), 0);
        assert_eq!((keeper.health(), keeper.limiter().used), (Health::Torn { slots: 1 }, 2));
        assert!(keeper.allow(S(0), 1).is_ok());
        let keeper = open_once(keeper.into_flash(), 0);
        assert_eq!((keeper.health(), keeper.limiter().used), (Health::Torn { slots: 1 }, 3));
    }
}

#[test]
fn a_first_record_that_was_cut_is_no_reason_to_give_up() {
    let mut flash = Small::new(1024);
    for cut in 0..64 {
        let mut keeper = open_once(reboot(flash), 0);
        assert_eq!(keeper.health(), Health::New, "byte {cut}");
        keeper.flash_mut().cut_after(cut);
        assert!(keeper.allow(S(0), 1).is_err());
        flash = keeper.into_flash();
        if cut % 9 == 8 {
            // More of them than a page has places would be.
            flash = Small::new(1024);
        }
    }
}

#[test]
fn a_full_or_worn_flash_is_an_error_before_anything_is_granted() {
    let mut keeper = open_once(Small::new(1024).with_endurance(2), 0);
    let granted = (1..=200).take_while(|_| keeper.allow(S(0), 1).is_ok()).count() as u64;
    assert!(granted < 100 && keeper.limiter().used == granted);
    assert_eq!(open_once(keeper.into_flash(), 0).limiter().used, granted);

    let mut keeper = open_once(Small::new(1024), 10);
    keeper.flash_mut().fill_after(300);
    let granted = (1..=200).take_while(|_| keeper.allow(S(0), 1).is_ok()).count() as u64;
    assert_eq!(granted, 40, "four records of 64 bytes, and ten grants each");
    let full = keeper.allow(S(0), 1).unwrap_err();
    assert_eq!(full, LimiterKeepError::Journal(JournalError::Flash(FlashError::Full)));
    assert_eq!((keeper.limiter().used, keeper.left()), (granted, 0));
    // As soon as there is room again it goes on.
    keeper.flash_mut().fill_after(u64::MAX);
    assert!(keeper.allow(S(0), 1).is_ok());
    assert_eq!(open_once(keeper.into_flash(), 10).limiter().used, granted + 10);
}

#[test]
fn the_wear_is_what_was_reckoned_and_even() {
    let layout = Layout::new(0, 512, 4).unwrap();
    let log = ImageLog::open(Flash::<4, 512>::new(2048), layout).unwrap();
    let mut keeper =
        LimiterKeeper::<_, _, 64>::open(log, Once::default(), LEASE, S(0), Offline::Unknown, Mismatch::Refuse).unwrap();
    assert!((0..20_000).all(|_| keeper.allow(S(0), 1).is_ok()));
    let wear = ImageLog::<(), 64>::wear(&layout, 100_000);
    assert_eq!((wear.records_per_page(), wear.record_bytes), (7, 64));
    assert_eq!(u64::from(keeper.log().records()), Wear::writes(20_000, LEASE.into()));
    assert_eq!(keeper.log().turns(), (2_000 - 1) / 7);
    let erases = keeper.flash_mut().erases().to_vec();
    assert!(erases.iter().all(|count| (71..=72).contains(count)), "{erases:?}");
    // A record, and a 32-byte mark a page.
    assert_eq!(keeper.flash_mut().bytes_written(), 2_000 * 64 + 286 * 32);
}
