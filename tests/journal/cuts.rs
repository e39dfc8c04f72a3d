//! The power goes at every byte of every write and every erase, and again while the first cut is being recovered from.
//!
//! P1: what is counted after recovery is at least what was granted. P2: at most one lease more for each cut, less what was
//! granted of it; all of it only if the record is whole and its charge was not granted any more. A store that gets it wrong fails the same sweep, so that the sweep is known to look.

use tollgate::Instant;
use tollgate::journal::{Health, Keeping};
use tollgate_std::testing::{Cut, FlashError};

use crate::support::*;

const CHARGES: u64 = 2_000;
const LEASE: u32 = 10;
const CUTS: [Cut; 3] = [Cut::Clean, Cut::Half { seed: 7 }, Cut::Zeros];

/// What the sweep needs of a store: one budget, in units of a millionth of a credit.
trait Store: Clone {
    fn open(flash: Small) -> Option<Self>;
    /// Whether it was granted.
    fn charge(&mut self, id: u64) -> bool;
    fn used(&self) -> u64;
    fn flash(&mut self) -> &mut Small;
    fn into_flash(self) -> Small;
}

const COST: u64 = 1_000_000;

impl Store for Kept {
    fn open(flash: Small) -> Option<Self> {
        let keeper = open(flash, Keeping::Lease { micros: u64::from(LEASE) * COST }).ok()?;
        // A cut is never a damage.
        assert!(!matches!(keeper.health(), Health::Damaged(_)), "{:?}", keeper.health());
        Some(keeper)
    }

    fn charge(&mut self, id: u64) -> bool {
        charge(self, id, 1)
    }

    fn used(&self) -> u64 {
        used(self)
    }

    fn flash(&mut self) -> &mut Small {
        self.flash_mut()
    }

    fn into_flash(self) -> Small {
        assert_eq!(self.clone().flash_mut().reprogrammed(), 0);
        self.into_flash()
    }
}

/// A store as one writes it first: one place, erased and written anew for every lease.
#[derive(Clone)]
struct Naive {
    flash: Small,
    used: u64,
    high: u64,
}

impl Store for Naive {
    fn open(mut flash: Small) -> Option<Self> {
        use embedded_storage::nor_flash::ReadNorFlash;
        let mut bytes = [0; 8];
        flash.read(0, &mut bytes).ok()?;
        let high = if bytes == [0xFF; 8] { 0 } else { u64::from_le_bytes(bytes) };
        Some(Self { flash, used: high, high })
    }

    fn charge(&mut self, _id: u64) -> bool {
        use embedded_storage::nor_flash::NorFlash;
        if self.used + COST > self.high {
            let high = self.used + u64::from(LEASE) * COST;
            let done = self.flash.erase(0, 512).and_then(|()| self.flash.write(0, &high.to_le_bytes()));
            if done.is_err() {
                return false;
            }
            self.high = high;
        }
        self.used += COST;
        true
    }

    fn used(&self) -> u64 {
        self.used
    }

    fn flash(&mut self) -> &mut Small {
        &mut self.flash
    }

    fn into_flash(self) -> Small {
        self.flash
    }
}

/// What a sweep has tried, and what was wrong.
#[derive(Default, Debug)]
struct Tally {
    cuts: u64,
    double: u64,
    under: u64,
    over: u64,
    lost: u64,
}

impl Tally {
    fn judge(&mut self, used: Option<u64>, granted: u64, cuts: u64) {
        let Some(used) = used else { return self.lost += 1 };
        self.under += u64::from(used < granted);
        self.over += u64::from(used > granted + cuts * u64::from(LEASE) * COST);
    }

    fn is_clean(&self) -> bool {
        (self.under, self.over, self.lost) == (0, 0, 0)
    }
}

/// What one charge writes and erases, if it is not cut.
fn touched<S: Store>(before: &S, id: u64) -> u64 {
    let mut whole = before.clone();
    let from = whole.flash().bytes_touched();
    let _ = whole.charge(id);
    whole.flash().bytes_touched() - from
}

fn cut_charge<S: Store>(before: &S, id: u64, at: u64, cut: Cut) -> (Small, bool) {
    let mut store = before.clone();
    store.flash().cut_after(at);
    *store.flash() = store.flash().clone().with_cut(cut);
    let granted = store.charge(id);
    (store.into_flash(), granted)
}

/// Cuts every byte of every charge of a run; after every `second`th cut, every `stride`th byte of what recovery and the
/// next charges touch as well.
fn sweep<S: Store>(charges: u64, second: u64, stride: u64) -> Tally {
    let mut tally = Tally::default();
    let mut store = S::open(Small::new(1024)).unwrap();
    for id in 1..=charges {
        let truth = (id - 1) * COST;
        for at in 0..touched(&store, id) {
            let cut = CUTS[usize::try_from((at + id) % 3).unwrap()];
            let (flash, granted) = cut_charge(&store, id, at, cut);
            let truth = truth + u64::from(granted) * COST;
            tally.cuts += 1;
            let flash = reboot(flash);
            let again = S::open(flash.clone());
            tally.judge(again.as_ref().map(S::used), truth, 1);
            if tally.cuts % second == 0 {
                cut_again::<S>(&mut tally, &flash, truth, stride, cut);
            }
        }
        assert!(store.charge(id));
    }
    tally
}

/// A second cut: in recovery itself, and in the first charges after it.
fn cut_again<S: Store>(tally: &mut Tally, flash: &Small, truth: u64, stride: u64, cut: Cut) {
    let mut at = 0;
    loop {
        let mut cut_off = flash.clone().with_cut(cut);
        cut_off.cut_after(at);
        let mut granted = truth;
        // Twelve charges are more than a lease: something is written.
        let off = match S::open(cut_off.clone()) {
            Some(mut store) => {
                for id in 1_000_000..1_000_012 {
                    granted += if store.charge(id) { COST } else { 0 };
                }
                store.into_flash()
            }
            // It failed to open without its power: what it wrote is what the cut let through.
            None => interrupted_open::<S>(cut_off),
        };
        let survived = off.is_on();
        tally.double += 1;
        tally.judge(S::open(reboot(off)).as_ref().map(S::used), granted, 2);
        if survived {
            return;
        }
        at += stride;
    }
}

/// Opening takes the flash by value; a borrowed one shows what was written before the power went.
fn interrupted_open<S: Store>(mut flash: Small) -> Small {
    let layout = LAYOUT;
    let keeping = [Keeping::Lease { micros: u64::from(LEASE) * COST }];
    let opened = tollgate::journal::Keeper::<_, 1, 4>::open(&mut flash, layout, ledger(&PLENTY), &keeping);
    assert!(opened.is_err());
    drop(opened);
    flash
}

#[test]
fn nothing_that_was_granted_is_lost_at_any_byte_of_two_thousand_charges() {
    let tally = sweep::<Kept>(CHARGES, 29, 7);
    assert!(tally.is_clean(), "{tally:?}");
    assert!(tally.cuts > 10_000 && tally.double > 50_000, "{tally:?}");
}

#[test]
fn every_byte_of_a_second_cut_is_survived_too() {
    let tally = sweep::<Kept>(120, 7, 1);
    assert!(tally.is_clean(), "{tally:?}");
}

#[test]
fn a_naive_store_fails_the_same_sweep() {
    let tally = sweep::<Naive>(100, u64::MAX, 1);
    assert!(tally.under > 0, "{tally:?}");
}

#[test]
fn three_hundred_cuts_in_a_row_lose_nothing_and_wrap_nothing() {
    // Money D 21: a counter of page cycles wrapped after 256 interrupted ones.
    let mut flash = Small::new(1024);
    let mut granted = 0;
    for round in 0..300u64 {
        let mut keeper = open(reboot(flash), lease(10)).unwrap();
        assert!(used(&keeper) >= granted, "round {round}");
        granted = used(&keeper);
        keeper.flash_mut().cut_after(round * 37 % 700);
        for id in 0..60 {
            granted += if charge(&mut keeper, id, 7) { micros(7) } else { 0 };
        }
        assert_eq!(keeper.flash_mut().reprogrammed(), 0);
        flash = keeper.into_flash();
    }
}

#[test]
fn a_store_that_returned_ok_after_two_interrupted_ones_is_there_after_the_reboot() {
    // Money D 21: bytes of a new header completed a phantom one left by the torn writes before it.
    for (first, second) in (0..32).flat_map(|first| (0..32).map(move |second| (first, second))) {
        let mut keeper = open(Small::new(1024), lease(10)).unwrap();
        assert!(charge(&mut keeper, 1, 1));
        for cut in [first, second] {
            keeper.flash_mut().cut_after(cut);
            assert!(!charge(&mut keeper, 2, 20));
            keeper = open(reboot(keeper.into_flash()), lease(10)).unwrap();
        }
        assert!(charge(&mut keeper, 3, 20));
        let known = used(&keeper);
        let keeper = open(keeper.into_flash(), lease(10)).unwrap();
        assert!(used(&keeper) >= known, "{first} {second}");
    }
}

#[test]
fn a_failed_write_without_a_reboot_is_skipped_and_never_written_over() {
    for cut in 0..32 {
        let mut keeper = open(Small::new(1024), lease(10)).unwrap();
        assert!(charge(&mut keeper, 1, 1));
        keeper.flash_mut().cut_after(cut);
        assert_eq!(
            keeper.charge(Instant::ORIGIN, tollgate::JobId(2), &credits(20)),
            Err(tollgate::journal::KeepError::Journal(tollgate::journal::JournalError::Flash(FlashError::PowerLost)))
        );
        keeper.flash_mut().power_on();
        assert!(charge(&mut keeper, 2, 20));
        assert_eq!(keeper.flash_mut().reprogrammed(), 0);
        let known = used(&keeper);
        let again = open(keeper.into_flash(), lease(10)).unwrap();
        assert!(used(&again) >= known && !matches!(again.health(), Health::Damaged(_)));
    }
}
