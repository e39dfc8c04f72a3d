//! Every type that has an image: its size, and that nothing but its own image is taken for one.

use tollgate::{
    Aimd, AimdPolicy, Amount, Backoff, Boot, Breaker, BreakerPolicy, BudgetSpec, Burst, Calendar, Credits, Cycle,
    Duration, Grant, Grants, History, Image, ImageError, Instant, JobId, Ledger, Limiter, Line, Mismatch, Offline,
    Policy, Quota, QuotaCosts, RatioBudget, Renewal, Restraint, RetryKind, RetryQuota, Rolling, Slots, Start,
    TokenBucket, Trip, Trust, UnixMicros, Usage, UsageKey, Wall, WhenFull, Window, WindowLog, WindowSlices,
};

use crate::support::{Rng, S, SECS, crc, refusal, saved};

type Books = Ledger<'static, 3, 2, 2, 4, 5>;

static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(66), Renewal::Calendar(Calendar::utc(Cycle::Day)));
static EVER: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(50), Renewal::Lifetime);
static WINDOW: BudgetSpec = BudgetSpec::new::<Credits>(
    Amount::whole(9),
    Renewal::Rolling(tollgate::valid!(Rolling::new(Duration::from_secs(60), 4))),
);

fn bucket() -> TokenBucket {
    TokenBucket::new(Quota::new(60, SECS(60)).unwrap(), Start::Full, S(1))
}

fn log<const N: usize>() -> WindowLog<N> {
    WindowLog::new(Window::new(9, SECS(60)).unwrap(), WhenFull::Refuse, History::Empty, S(1))
}

fn slices<const B: usize>() -> WindowSlices<B> {
    WindowSlices::new(Window::new(9, SECS(60)).unwrap(), History::Empty, S(1)).unwrap()
}

fn breaker() -> Breaker {
    Breaker::new(BreakerPolicy::new(Trip::Consecutive { failures: 2 }, SECS(30)).unwrap(), S(1))
}

fn restraint() -> Restraint {
    let quota = Some(RetryQuota::new(QuotaCosts::AWS));
    Restraint { quota, ratio: None, burst: Some(Burst::SEED_001) }
}

fn aimd() -> Aimd {
    Aimd::new(AimdPolicy { floor: 6, ceiling: 60, keep_permille: 700, step: 1, every: 10 })
}

fn backoff() -> Backoff {
    Backoff::new(Policy::new(SECS(1), SECS(60)).unwrap(), S(1))
}

fn books() -> Books {
    let mut ledger = Books::new(SECS(5));
    for spec in [&DAILY, &EVER, &WINDOW] {
        ledger.open(S(1), spec).unwrap();
    }
    ledger
}

/// A ledger that has seen something of everything.
fn used_books() -> Books {
    let mut ledger = books();
    let [daily, ever, window] = [0, 1, 2].map(tollgate::AccountId);
    ledger.set_wall(S(2), UnixMicros::from_secs(1_767_225_600), SECS(1), Trust::Owner);
    let lines = |account, units| [Line::new::<Credits>(account, Amount::whole(units))];
    let _ = ledger.reserve(S(3), JobId(1), &lines(daily, 20), SECS(600)).unwrap();
    let _ = ledger.charge(S(3), JobId(2), &lines(window, 5)).unwrap();
    let _ = ledger.charge(S(3), JobId(3), &lines(ever, 99)).unwrap_err();
    let _ = ledger.account(ever, SECS(60)).unwrap().reserve(S(4), 7_000_000, Duration::ZERO).unwrap();
    ledger
}

fn grants() -> Grants<Credits, 3, 2> {
    Grants::new(SECS(5))
}

fn used_grants() -> Grants<Credits, 3, 2> {
    let mut grants = grants();
    let pack = Grant { id: 1, amount: Amount::whole(100), effective: None, expires: None, priority: 0, kind: 0 };
    grants.add(pack).unwrap();
    grants.add(Grant { id: 2, expires: Some(UnixMicros::from_secs(9)), ..pack }).unwrap();
    grants.reserve(S(2), &Wall::default(), JobId(1), Amount::whole(40), SECS(60)).unwrap();
    grants
}

/// Runs `each` on a fresh object and a used one of every type.
macro_rules! every_kind {
    ($each:ident) => {{
        let mut used = bucket();
        used.allow(S(2), 50).unwrap();
        $each("TokenBucket", &bucket(), &used, 76);
        let mut used = log::<8>();
        used.allow(S(2), 5).unwrap();
        let _ = used.reserve(S(3), 2, Duration::ZERO).unwrap();
        $each("WindowLog<8>", &log::<8>(), &used, 64 + 12 * 8);
        let mut used = slices::<6>();
        used.allow(S(2), 5).unwrap();
        $each("WindowSlices<6>", &slices::<6>(), &used, 64 + 4 * 6);
        let mut used = Slots::<4>::new(3);
        used.job(JobId(7), SECS(60)).unwrap().allow(S(2), 2).unwrap();
        $each("Slots<4>", &Slots::<4>::new(3), &used, 56 + 29 * 4);
        let mut used = breaker();
        let call = used.reserve(S(2), 1, Duration::ZERO).unwrap();
        used.failure(S(3), call);
        $each("Breaker", &breaker(), &used, 129);
        let mut used = backoff();
        used.next(S(2), 0).unwrap();
        $each("Backoff", &backoff(), &used, 64);
        let mut used = RetryQuota::new(QuotaCosts::AWS);
        used.take(RetryKind::Transient).unwrap();
        $each("RetryQuota", &RetryQuota::new(QuotaCosts::AWS), &used, 36);
        let mut used = RatioBudget::new(SECS(10), 500, 1);
        used.deposit(S(2));
        $each("RatioBudget", &RatioBudget::new(SECS(10), 500, 1), &used, 124);
        let mut used = Burst::SEED_001;
        used.refused(S(2), 0);
        $each("Burst", &Burst::SEED_001, &used, 100);
        let mut used = restraint();
        used.quota.as_mut().unwrap().take(RetryKind::Throttled).unwrap();
        $each("Restraint", &restraint(), &used, 228);
        let mut used = aimd();
        used.congested(S(2), S(2));
        $each("Aimd", &aimd(), &used, 45);
        let mut used = Usage::<Credits, 3>::new();
        used.add(7, UsageKey { kind: 1, id: 2 }, Amount::whole(3));
        $each("Usage<_, 3>", &Usage::<Credits, 3>::new(), &used, 56 + 29 * 3);
        let mut used = Wall::default();
        used.set(S(2), UnixMicros::from_secs(1_767_225_600), SECS(1), Trust::Owner);
        $each("Wall", &Wall::default(), &used, 107);
        let mut used = Boot::FIRST;
        let image = saved(&used, S(2));
        used.restore(S(3), Offline::Unknown, Mismatch::Refuse, &image).unwrap();
        $each("Boot", &Boot::FIRST, &used, 32);
        let grants_size = 60 + 56 * 3 + (46 + 12 * 4) * (2 + 8);
        $each("Grants<_, 3, 2>", &grants(), &used_grants(), grants_size);
        $each("Ledger<3, 2, 2, 4, 5>", &books(), &used_books(), 135 + 77 * 3 + 8 * 5 + (37 + 49 * 2) * (2 + 4));
    }};
}

#[test]
fn every_size_is_the_one_of_the_table() {
    fn same_size<I: Image>(name: &str, fresh: &I, used: &I, expected: usize) {
        assert_eq!(I::SIZE, expected, "{name}");
        assert_ne!(saved(fresh, S(9)), saved(used, S(9)), "{name}: what it is about is in the image");
    }
    every_kind!(same_size);
}

#[test]
fn what_is_restored_at_once_is_the_same_image() {
    fn round<I: Image + Clone>(name: &str, fresh: &I, used: &I, _: usize) {
        let mut fresh = fresh.clone();
        let image = saved(used, S(9));
        let restored = fresh.restore(S(9), Offline::Trusted(Duration::ZERO), Mismatch::Refuse, &image);
        let restored = restored.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!restored.other_config && restored.clamped == 0, "{name}");
        let again = saved(&fresh, S(9));
        fresh.restore(S(9), Offline::Trusted(Duration::ZERO), Mismatch::Refuse, &again).unwrap();
    }
    every_kind!(round);
}

#[test]
fn every_single_bit_and_every_length_is_looked_at() {
    fn damaged<I: Image + Clone>(name: &str, fresh: &I, used: &I, _: usize) {
        let mut fresh = fresh.clone();
        let (image, before) = (saved(used, S(9)), saved(&fresh, S(9)));
        for bit in 0..image.len() * 8 {
            let mut image = image.clone();
            image[bit / 8] ^= 1 << (bit % 8);
            refusal(&mut fresh, &image);
        }
        for len in 0..image.len() {
            let error = refusal(&mut fresh, &image[..len]);
            let truncated =
                matches!(error, ImageError::Truncated { needed, found } if needed == I::SIZE && found == len);
            assert!(truncated, "{name}, {len} bytes: {error:?}");
        }
        let (zeros, erased) = (vec![0; I::SIZE], vec![0xFF; I::SIZE + 9]);
        assert_eq!(refusal(&mut fresh, &zeros), ImageError::Zeroed, "{name}");
        assert_eq!(refusal(&mut fresh, &erased), ImageError::Erased, "{name}");
        assert_eq!(refusal(&mut fresh, &vec![b'?'; I::SIZE]), ImageError::NotAnImage, "{name}");
        let mut image = image;
        image[26] ^= 0x10;
        assert_eq!(refusal(&mut fresh, &image), ImageError::Damaged, "{name}");
        assert_eq!(saved(&fresh, S(9)), before, "{name}: nothing has changed");
        assert_eq!(used.save(S(9), &mut [0; 27]), Err(ImageError::NoRoom { needed: I::SIZE }), "{name}");
    }
    every_kind!(damaged);
}

/// The checksum that an image ends with, made right again.
fn reseal(image: &mut [u8]) {
    let (sealed, trailer) = image.split_at_mut(image.len() - 4);
    trailer.copy_from_slice(&crc(sealed).to_le_bytes());
}

#[test]
fn a_whole_image_of_something_else_is_refused_with_the_reason() {
    fn other<I: Image + Clone>(name: &str, fresh: &I, used: &I, _: usize) {
        let mut fresh = fresh.clone();
        let (image, before) = (saved(used, S(9)), saved(&fresh, S(9)));
        for (at, expected) in [
            (2, ImageError::OtherVersion { found: 1 ^ 0x40 }),
            (3, ImageError::OtherKind { found: image[3] ^ 0x40 }),
            (8, ImageError::OtherConfig),
            (12, ImageError::OtherConfig),
        ] {
            let mut image = image.clone();
            image[at] ^= 0x40;
            reseal(&mut image);
            assert_eq!(refusal(&mut fresh, &image), expected, "{name}, byte {at}");
        }
        let mut longer = image.clone();
        longer.extend([0; 8]);
        let len = u32::try_from(longer.len()).unwrap();
        longer[4..8].copy_from_slice(&len.to_le_bytes());
        reseal(&mut longer);
        let (expected, found) = (I::SIZE, longer.len());
        assert_eq!(refusal(&mut fresh, &longer), ImageError::OtherSize { expected, found }, "{name}");
        assert_eq!(saved(&fresh, S(9)), before, "{name}: nothing has changed");
    }
    every_kind!(other);
    let eight = saved(&log::<8>(), S(9));
    let found = eight.len();
    assert_eq!(refusal(&mut log::<4>(), &eight), ImageError::OtherSize { expected: WindowLog::<4>::SIZE, found });
    assert_eq!(refusal(&mut bucket(), &eight), ImageError::OtherKind { found: 2 });
}

/// A checksum is no proof: whatever the bytes are, it is refused or taken over, without a panic, then and later.
#[test]
fn contents_that_cannot_be_do_no_harm() {
    fn garbled<I: Image + Clone>(name: &str, fresh: &I, used: &I, _: usize) {
        let (image, mut rng) = (saved(used, S(9)), Rng(7));
        for round in 0..150 {
            let mut image = image.clone();
            for _ in 0..=round % 5 {
                let at = 24 + usize::try_from(rng.below(image.len() as u64 - 28)).unwrap();
                image[at] = match rng.below(3) {
                    0 => 0xFF,
                    1 => 0,
                    _ => u8::try_from(rng.below(256)).unwrap(),
                };
            }
            reseal(&mut image);
            for now in [Instant::ORIGIN, S(5), Instant::MAX] {
                for offline in [Offline::Unknown, Offline::Trusted(SECS(7)), Offline::Trusted(Duration::MAX)] {
                    let mut fresh = fresh.clone();
                    let before = saved(&fresh, S(9));
                    if fresh.restore(now, offline, Mismatch::KeepUsed, &image).is_err() {
                        assert_eq!(saved(&fresh, S(9)), before, "{name}");
                    } else {
                        saved(&fresh, now);
                    }
                }
            }
        }
    }
    every_kind!(garbled);
}
