//! What is no journal, another one, or a damaged one: each is told, and nothing is granted.

use tollgate::journal::{Damage, Health, JournalError, JournalFault, KeepError, Keeper, Layout, LayoutError};
use tollgate::{Amount, Credits, Duration, Instant, JobId, Trust, UnixMicros};
use tollgate_std::testing::Flash;

use crate::support::*;

/// So many strict charges of one credit, each a record after the first four slots.
fn filled(charges: u64) -> Small {
    let mut keeper = open(Small::new(1024), lease(0)).unwrap();
    assert!((1..=charges).all(|id| charge(&mut keeper, id, 1)));
    keeper.into_flash()
}

fn fault(flash: Small) -> JournalFault {
    match open(flash, lease(0)) {
        Err(JournalError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_journal_is_told_and_left_alone() {
    assert_eq!(fault(Small::from_bytes(vec![0; 1024])), JournalFault::Zeroed);
    let noise = (0..1024u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(fault(Small::from_bytes(noise)), JournalFault::Unknown);
    let mut text = vec![0xFF; 1024];
    text[900..905].copy_from_slice(b"hello");
    assert_eq!(fault(Small::from_bytes(text)), JournalFault::Unknown);
}

#[test]
fn a_journal_of_other_accounts_or_another_layout_is_told() {
    let daily = open_as(filled(3), &DAILY, lease(0)).unwrap_err();
    assert!(matches!(daily, JournalError::Fault(JournalFault::Config { .. })), "{daily}");
    let layout = Layout::new(0, 512, 4).unwrap();
    let larger = Small::from_bytes([filled(3).bytes(), &[0xFF; 1024]].concat());
    let other = Keeper::<_, 1, 4>::open(larger, layout, ledger(&PLENTY), &[lease(0)]);
    assert_eq!(other.unwrap_err(), JournalError::Fault(JournalFault::OtherLayout));
}

#[test]
fn a_journal_of_another_version_is_told() {
    let mut bytes = filled(3).bytes().to_vec();
    bytes[5] = 9;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(fault(Small::from_bytes(bytes)), JournalFault::Version { found: 9 });
}

#[test]
fn a_flash_that_cannot_hold_it_is_told_with_the_value() {
    let open = |layout: Layout| {
        Keeper::<_, 1, 4>::open(Flash::<64, 512>::new(1024), layout, ledger(&PLENTY), &[lease(0)]).unwrap_err()
    };
    let layout = |fault| JournalError::Fault(JournalFault::Layout(fault));
    assert_eq!(open(LAYOUT), layout(LayoutError::WriteSize { bytes: 64 }));
    let long = Layout::new(0, 512, 3).unwrap();
    let error = Keeper::<_, 1, 4>::open(Small::new(1024), long, ledger(&PLENTY), &[lease(0)]).unwrap_err();
    assert_eq!(error, layout(LayoutError::Capacity { end: 1536, capacity: 1024 }));
    let odd = Layout::new(0, 320, 2).unwrap();
    let error = Keeper::<_, 1, 4>::open(Small::new(1024), odd, ledger(&PLENTY), &[lease(0)]).unwrap_err();
    assert_eq!(error, layout(LayoutError::EraseSize { bytes: 512 }));
    let short = Layout::new(0, 256, 2).unwrap();
    let error = Keeper::<_, 1, 4>::open(Flash::<4, 256>::new(512), short, ledger(&PLENTY), &[lease(0)]).unwrap_err();
    assert_eq!(error, JournalError::Fault(JournalFault::PageTooSmall { slots: 8 }));
}

#[test]
fn it_works_on_every_size_of_word_and_block() {
    fn run<const WRITE: usize, const ERASE: usize>() {
        let mut flash = Flash::<WRITE, ERASE>::new(2048);
        let layout = Layout::new(0, 1024, 2).unwrap();
        let mut keeper = Keeper::<_, 1, 4>::open(&mut flash, layout, ledger(&PLENTY), &[lease(0)]).unwrap();
        for id in 1..=100 {
            let _ = keeper.charge(Instant::ORIGIN, JobId(id), &credits(1)).unwrap();
        }
        drop(keeper);
        let keeper = Keeper::<_, 1, 4>::open(&mut flash, layout, ledger(&PLENTY), &[lease(0)]).unwrap();
        assert_eq!((used(&keeper), keeper.health()), (micros(100), Health::Clean));
    }
    run::<1, 32>();
    run::<2, 64>();
    run::<4, 128>();
    run::<8, 256>();
    run::<16, 512>();
    run::<32, 1024>();
}

#[test]
fn any_bit_flipped_is_found_or_takes_no_more_than_the_last_record() {
    let whole = filled(8);
    for at in 0..1024 {
        let mut flash = whole.clone();
        flash.flip(at, u8::try_from(at % 8).unwrap());
        match open(flash, lease(0)) {
            Err(JournalError::Fault(_)) => {}
            Err(error) => panic!("byte {at}: {error}"),
            Ok(mut keeper) => match keeper.health() {
                Health::Damaged(_) => assert!(!charge(&mut keeper, 99, 1), "byte {at}"),
                _ => assert!(used(&keeper) >= micros(7), "byte {at}: {}", used(&keeper)),
            },
        }
    }
}

#[test]
fn a_missing_number_closes_a_lifetime_budget_until_its_owner_repairs_it() {
    let mut flash = filled(8);
    // The header, four slots of snapshot, then the lease of the second charge.
    flash.flip(32 * 6, 0);
    let mut keeper = open(flash, lease(0)).unwrap();
    assert!(matches!(keeper.health(), Health::Damaged(Damage::Missing { .. })), "{:?}", keeper.health());
    for _ in 0..3 {
        assert!(!charge(&mut keeper, 99, 1));
        assert!(keeper.is_closed(ACCOUNT));
        keeper = open(keeper.into_flash(), lease(0)).unwrap();
    }
    keeper.repair(Instant::ORIGIN, ACCOUNT, Amount::<Credits>::whole(8)).unwrap();
    assert!(charge(&mut keeper, 100, 1));
    let keeper = open(keeper.into_flash(), lease(0)).unwrap();
    assert_eq!((used(&keeper), keeper.is_closed(ACCOUNT)), (micros(9), false));
}

#[test]
fn a_missing_number_closes_a_daily_budget_for_the_day_that_is_learned_next() {
    let owner = |keeper: &mut Kept, now: u64, unix: i64| {
        keeper.set_wall(Instant::from_secs(now), UnixMicros::from_secs(unix), Duration::ZERO, Trust::Owner);
    };
    let spend =
        |keeper: &mut Kept, now: u64| keeper.charge(Instant::from_secs(now), JobId(100 + now), &credits(1)).is_ok();
    let mut keeper = open_as(Small::new(1024), &DAILY, lease(0)).unwrap();
    owner(&mut keeper, 0, 1_767_225_600);
    assert!((1..=8).all(|now| spend(&mut keeper, now)));
    let mut flash = keeper.into_flash();
    flash.flip(32 * 6, 0);
    let mut keeper = open_as(flash, &DAILY, lease(0)).unwrap();
    assert!(!spend(&mut keeper, 10));
    // Three days later, which may be the day of the record that is lost.
    let mut keeper = open_as(keeper.into_flash(), &DAILY, lease(0)).unwrap();
    owner(&mut keeper, 20, 1_767_225_600 + 3 * 86_400);
    assert!(!spend(&mut keeper, 21));
    assert!(spend(&mut keeper, 20 + 86_400) && !keeper.is_closed(ACCOUNT));
}

#[test]
fn a_torn_slot_between_consecutive_numbers_is_no_damage() {
    let mut keeper = open(Small::new(1024), lease(0)).unwrap();
    assert!(charge(&mut keeper, 1, 1));
    keeper.flash_mut().cut_after(13);
    assert!(!charge(&mut keeper, 2, 1));
    let mut keeper = open(reboot(keeper.into_flash()), lease(0)).unwrap();
    assert_eq!(keeper.health(), Health::Torn { slots: 1 });
    assert!(charge(&mut keeper, 2, 1));
    let keeper = open(keeper.into_flash(), lease(0)).unwrap();
    assert_eq!((keeper.health(), used(&keeper)), (Health::Torn { slots: 1 }, micros(2)));
}

#[test]
fn a_stale_page_is_not_taken_for_the_newest() {
    let (mut keeper, mut id) = (open(Small::new(1024), lease(0)).unwrap(), 0);
    while keeper.turns() < 1 {
        id += 1;
        assert!(charge(&mut keeper, id, 1));
    }
    // The newest page is the second; without it the first is all there is, and it has its mark.
    let mut bytes = keeper.into_flash().bytes().to_vec();
    bytes[512..].fill(0xFF);
    let mut keeper = open(Small::from_bytes(bytes), lease(0)).unwrap();
    assert_eq!(keeper.health(), Health::Damaged(Damage::NewestPage));
    assert!(!charge(&mut keeper, 99, 1));
}

#[test]
fn a_full_or_worn_flash_is_an_error_before_anything_is_granted() {
    let mut keeper = open(Small::new(1024).with_endurance(2), lease(0)).unwrap();
    let granted = (1..=200).take_while(|id| charge(&mut keeper, *id, 1)).count();
    assert!(granted < 100);
    assert_eq!(used(&keeper), micros(granted as u64));

    let mut keeper = open(Small::new(1024), lease(0)).unwrap();
    keeper.flash_mut().fill_after(300);
    let granted = (1..=200).take_while(|id| charge(&mut keeper, *id, 1)).count() as u64;
    let full = keeper.charge(Instant::ORIGIN, JobId(900), &credits(1)).unwrap_err();
    assert!(matches!(full, KeepError::Journal(JournalError::Flash(_))), "{full}");
    let keeper = open(keeper.into_flash(), lease(0)).unwrap();
    assert_eq!(used(&keeper), micros(granted));
}
