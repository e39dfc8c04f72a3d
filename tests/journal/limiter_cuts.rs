//! One limiter, and the power that goes at every byte of every write and every erase, and again while that is recovered from.
//!
//! P1: over all lives no more is granted than the limit allows, by a model that was never off. P2: after recovery there is
//! what the limit leaves, less one lease for each cut. A store that writes behind fails the same sweep.

use tollgate::journal::{ImageLog, JournalError, LimiterKeepError, LimiterKeeper};
use tollgate::{
    Duration, History, Image, Instant, Limiter, Mismatch, Offline, TokenBucket, WhenFull, Window, WindowLog,
};
use tollgate_std::testing::{Cut, FlashError};

use crate::limiters::*;
use crate::support::{LAYOUT, Small, reboot};

const CHARGES: u64 = 2_000;
const CUTS: [Cut; 3] = [Cut::Clean, Cut::Half { seed: 7 }, Cut::Zeros];

/// What a sweep has tried, and what was wrong.
#[derive(Default, Debug)]
struct Tally {
    cuts: u64,
    double: u64,
    above: u64,
    below: u64,
    lost: u64,
}

impl Tally {
    fn is_clean(&self) -> bool {
        (self.above, self.below, self.lost) == (0, 0, 0)
    }
}

/// The sweep over one subject in one store.
struct Sweep<L: Subject, K, const B: usize> {
    tally: Tally,
    charges: u64,
    /// After every so many cuts a second one, at every so manieth byte.
    second: u64,
    stride: u64,
    of: std::marker::PhantomData<(L, K)>,
}

/// More than a lease: what a grant of it leaves unsaid is as much.
const LARGE: u64 = 15;

impl<L: Subject, K: Store<L>, const B: usize> Sweep<L, K, B> {
    fn new(charges: u64, second: u64, stride: u64) -> Self {
        Self { tally: Tally::default(), charges, second, stride, of: std::marker::PhantomData }
    }

    fn run(mut self) -> Tally {
        let (mut store, _) = K::open(blank(B), 0, Wake::Anew).unwrap();
        let (mut model, mut real) = (L::Model::default(), 0);
        for id in 1..=self.charges {
            let cost = 1 + id % 3;
            real += id * 7_919 % 1_300_000;
            while store.room(Instant::from_micros(real)) < cost {
                real += 50_000;
            }
            let now = Instant::from_micros(real);
            let mut whole = store.clone();
            let before = whole.flash().bytes_touched();
            assert!(whole.allow(now, cost) && model.room(real) >= cost, "charge {id}");
            for at in 0..whole.flash().bytes_touched() - before {
                self.cut(&store, &model, id, at, real, cost);
            }
            store = whole;
            model.take(real, cost);
        }
        self.tally
    }

    fn cut(&mut self, before: &K, model: &L::Model, id: u64, at: u64, real: u64, cost: u64) {
        let (cut, wake) =
            (CUTS[of_three(at + id)], [Wake::Trusted, Wake::Continued, Wake::Anew][of_three(at / 3 + id)]);
        let (mut store, mut model) = (before.clone(), model.clone());
        *store.flash() = store.flash().clone().with_cut(cut);
        store.flash().cut_after(at);
        if store.allow(Instant::from_micros(real), cost) {
            model.take(real, cost);
        }
        let flash = reboot(store.into_flash());
        self.tally.cuts += 1;
        // It is off for up to three seconds.
        let real = real + id * 31 % 3_000_000;
        if self.tally.cuts.is_multiple_of(self.second) {
            self.cut_again(&flash, &model, real, wake, cut);
        }
        // Nearly all cuts of a whole page are in its erasing.
        let steps = if self.tally.cuts.is_multiple_of(8) { 12 } else { 2 };
        self.live(flash, model, real, wake, u64::from(LEASE), steps);
    }

    /// Wakes, and takes all it can get for a while, judged by the model.
    fn live(&mut self, flash: Small, mut model: L::Model, real: u64, wake: Wake, over: u64, steps: u64) {
        let Some((mut store, life)) = K::open(flash, real, wake) else { return self.tally.lost += 1 };
        // Where no time is known there is less, by what it was worth.
        let is_exact = wake == Wake::Trusted || L::IS_TIMELESS;
        let (left, most) = (store.room(life.now(real)), model.room(real));
        self.tally.above += u64::from(left > most);
        self.tally.below += u64::from(is_exact && left < most.saturating_sub(over));
        self.take_all(&mut store, &mut model, &life, steps);
    }

    fn take_all(&mut self, store: &mut K, model: &mut L::Model, life: &Life, steps: u64) -> u64 {
        let mut real = life.since;
        for step in 0..steps {
            let now = life.now(real);
            let cost = if step % 3 == 0 { store.room(now).clamp(1, LARGE) } else { 1 + step % 2 };
            if store.allow(now, cost) {
                self.tally.above += u64::from(model.room(real) < cost);
                model.take(real, cost);
            }
            real += 1_700_000;
        }
        real
    }

    /// A second cut: in recovery itself, and in the first grants after it.
    fn cut_again(&mut self, flash: &Small, model: &L::Model, real: u64, wake: Wake, cut: Cut) {
        let mut at = 0;
        loop {
            let mut off = flash.clone().with_cut(cut);
            off.cut_after(at);
            let mut model = model.clone();
            let (off, end) = match K::open(off.clone(), real, wake) {
                Some((mut store, life)) => {
                    let end = self.take_all(&mut store, &mut model, &life, 12);
                    (store.into_flash(), end)
                }
                None => (interrupted_open::<B>(off), real),
            };
            let survived = off.is_on();
            self.tally.double += 1;
            self.live(reboot(off), model, end, wake, u64::from(LEASE) + LARGE, 6);
            if survived {
                return;
            }
            at += self.stride;
        }
    }
}

fn blank(bytes: usize) -> Small {
    Small::new(if bytes > 128 { 2048 } else { 1024 })
}

fn of_three(number: u64) -> usize {
    usize::try_from(number % 3).unwrap()
}

/// Opening takes the flash by value; a borrowed one shows what was written before the power went.
fn interrupted_open<const B: usize>(mut flash: Small) -> Small {
    assert!(ImageLog::<_, B>::open(&mut flash, layout(B)).is_err());
    flash
}

fn once(flash: Small) -> Kept<Once, 64> {
    <Kept<Once, 64> as Store<Once>>::open(reboot(flash), 0, Wake::Anew).unwrap().0
}

fn assert_clean(tally: &Tally, cuts: u64, double: u64) {
    assert!(tally.is_clean(), "{tally:?}");
    assert!(tally.cuts > cuts && tally.double > double, "{tally:?}");
}

#[test]
fn a_bucket_never_grants_more_at_any_byte_of_two_thousand_charges() {
    assert_clean(&Sweep::<TokenBucket, Kept<_, 96>, 96>::new(CHARGES, 499, 37).run(), 50_000, 2_000);
}

#[test]
fn a_window_never_grants_more_at_any_byte_of_two_thousand_charges() {
    assert_clean(&Sweep::<WindowLog<12>, Kept<_, 256>, 256>::new(CHARGES, 997, 61).run(), 50_000, 2_000);
}

#[test]
fn a_limit_for_life_of_somebody_elses_never_grants_more_at_any_byte_of_two_thousand_charges() {
    assert_clean(&Sweep::<Once, Kept<_, 64>, 64>::new(CHARGES, 499, 37).run(), 50_000, 2_000);
}

#[test]
fn every_byte_of_a_second_cut_is_survived_too() {
    assert_clean(&Sweep::<TokenBucket, Kept<_, 96>, 96>::new(40, 29, 1).run(), 1_000, 10_000);
}

#[test]
fn a_store_that_writes_behind_fails_the_same_sweep() {
    let bucket = Sweep::<TokenBucket, Naive<_, 96>, 96>::new(100, u64::MAX, 1).run();
    let window = Sweep::<WindowLog<12>, Naive<_, 256>, 256>::new(100, u64::MAX, 1).run();
    let once = Sweep::<Once, Naive<_, 64>, 64>::new(100, u64::MAX, 1).run();
    assert!(bucket.above > 0 && window.above > 0 && once.above > 0, "{bucket:?} {window:?} {once:?}");
    assert_eq!((bucket.lost, window.lost, once.lost), (0, 0, 0), "the log itself is whole");
}

#[test]
fn three_hundred_cuts_in_a_row_lose_nothing_and_wrap_nothing() {
    // Money D 21.
    let (mut flash, mut granted) = (Small::new(1024), 0);
    for round in 0..300u64 {
        let mut keeper = once(flash);
        assert!(keeper.limiter().used >= granted, "round {round}");
        granted = keeper.limiter().used;
        keeper.flash_mut().cut_after(round * 37 % 700);
        for _ in 0..60 {
            granted += if Store::allow(&mut keeper, Instant::ORIGIN, 7) { 7 } else { 0 };
        }
        assert_eq!(keeper.flash_mut().reprogrammed(), 0);
        flash = keeper.into_flash();
    }
}

#[test]
fn a_store_that_returned_ok_after_two_interrupted_ones_is_there_after_the_reboot() {
    // Money D 21: bytes of a new header completed a phantom one left by the torn writes before it.
    let open = once;
    for (first, second) in (0..64).flat_map(|first| (0..64).step_by(3).map(move |second| (first, second))) {
        let mut keeper = open(Small::new(1024));
        assert!(Store::allow(&mut keeper, Instant::ORIGIN, 1));
        for cut in [first, second] {
            keeper.flash_mut().cut_after(cut);
            assert!(!Store::allow(&mut keeper, Instant::ORIGIN, 20));
            keeper = open(keeper.into_flash());
        }
        assert!(Store::allow(&mut keeper, Instant::ORIGIN, 20));
        let known = keeper.limiter().used;
        assert!(open(keeper.into_flash()).limiter().used >= known, "{first} {second}");
    }
}

#[test]
fn a_write_that_failed_without_a_reboot_is_skipped_and_what_it_may_have_said_is_believed() {
    for cut in 0..700 {
        let mut keeper = once(Small::new(1024));
        // Leaves six units of the last lease.
        assert!([10, 10, 10, 4].into_iter().all(|cost| Store::allow(&mut keeper, Instant::ORIGIN, cost)));
        for step in 0..8 {
            keeper.flash_mut().cut_after(cut);
            match keeper.allow(Instant::ORIGIN, 7) {
                Ok(()) => {}
                Err(LimiterKeepError::Journal(JournalError::Flash(FlashError::PowerLost))) => {
                    keeper.flash_mut().power_on();
                    assert!(keeper.allow(Instant::ORIGIN, 6).is_ok(), "what is left of the old lease is not relied on");
                }
                Err(error) => panic!("{error}"),
            }
            keeper.flash_mut().power_on();
            assert_eq!(keeper.flash_mut().reprogrammed(), 0);
            let known = keeper.limiter().used;
            let again = keeper.clone();
            let again = once(again.into_flash());
            assert!((known..=known + u64::from(LEASE)).contains(&again.limiter().used), "byte {cut}, step {step}");
        }
    }
}

/// The bytes of a turn up to the mark of the page before: its erasing, and the record.
const BEFORE_THE_MARK: u64 = 512 + 64;

#[test]
fn an_exact_record_that_was_said_to_have_failed_ends_the_lease_before_it() {
    // Seven records fill a page; the eighth is there, and its mark is not.
    let mut keeper = once(Small::new(1024));
    assert!([10, 10, 10, 10, 10, 10, 4].into_iter().all(|cost| Store::allow(&mut keeper, Instant::ORIGIN, cost)));
    keeper.flash_mut().cut_after(BEFORE_THE_MARK);
    assert!(keeper.save(Instant::ORIGIN).is_err());
    keeper.flash_mut().power_on();
    assert!(Store::allow(&mut keeper, Instant::ORIGIN, 6));
    let used = keeper.limiter().used;
    assert!(once(keeper.into_flash()).limiter().used >= used);
}

#[test]
fn a_grant_that_was_said_to_have_failed_ends_the_lease_before_it() {
    const S: fn(u64) -> Instant = Instant::from_secs;
    let window = || {
        let window = Window::new(100, Duration::from_secs(60)).unwrap();
        WindowLog::<9>::new(window, WhenFull::Merge, History::Empty, S(0))
    };
    // With a clock that went on.
    let wake = |flash: Small, now: Instant| {
        let mut log = ImageLog::<_, 192>::open(flash, WIDE).unwrap();
        let offline = Offline::Trusted(now.saturating_since(log.saved_at().unwrap().unwrap_or_default()));
        LimiterKeeper::open(log, window(), LEASE, now, offline, Mismatch::Refuse).unwrap()
    };
    // Four records fill a page; the lease of the last has six units left.
    let mut keeper = wake(Small::new(2048), S(0));
    assert!([10, 10, 10, 4].into_iter().all(|cost| keeper.allow(S(0), cost).is_ok()));
    keeper.flash_mut().cut_after(1024 + 192);
    assert!(keeper.allow(S(0), 7).is_err());
    keeper.flash_mut().power_on();
    // Half a minute later they are granted, and the power goes. The record has seven at once, and three in reserve.
    assert!(keeper.allow(S(30), 6).is_ok());
    let keeper = wake(keeper.into_flash(), S(30));
    assert!(keeper.limiter().available(S(61)) <= 100 - 6);
}

#[test]
fn a_strict_keeper_counts_nothing_too_much() {
    // Every cut of forty grants: what was granted, and at most the one under way.
    let open = |flash: Small| {
        let log = ImageLog::<_, 64>::open(flash, LAYOUT).unwrap();
        LimiterKeeper::open(log, Once::default(), 0, Instant::ORIGIN, Offline::Unknown, Mismatch::Refuse).unwrap()
    };
    for cut in 0..5_000 {
        let mut keeper = open(Small::new(1024));
        keeper.flash_mut().cut_after(cut);
        let granted =
            (1..=40).filter(|cost| keeper.allow(Instant::ORIGIN, *cost).is_ok()).map(|cost| cost.max(1)).sum::<u64>();
        let next = (1..=40)
            .map(|cost| (cost + 1, (1..=cost).sum::<u64>()))
            .find(|(_, sum)| *sum == granted)
            .map_or(1, |(cost, _)| cost);
        let used = open(reboot(keeper.into_flash())).limiter().used;
        assert!(used == granted || used == granted + next, "cut {cut}: {used} of {granted}");
    }
    // And without a cut there is a record for each.
    let mut keeper = open(Small::new(1024));
    assert!((0..40).all(|_| keeper.allow(Instant::ORIGIN, 1).is_ok()));
    assert_eq!((keeper.log().records(), keeper.left()), (40, 0));
    assert_eq!(open(keeper.into_flash()).limiter().used, 40);
}

#[test]
fn images_of_the_subjects_fit_their_records() {
    use tollgate::journal::record_bytes;
    assert_eq!([TokenBucket::SIZE, <WindowLog<12>>::SIZE, Once::SIZE].map(record_bytes), [96, 256, 64]);
}
