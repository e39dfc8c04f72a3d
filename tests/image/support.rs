//! What the tests of images share.

use tollgate::{Book, Denied, Duration, Image, ImageError, Instant, JobId, Mismatch, Offline, Reservation, Slots};

pub(crate) const S: fn(u64) -> Instant = Instant::from_secs;
pub(crate) const SECS: fn(u64) -> Duration = Duration::from_secs;

/// An image in a place of its own.
pub(crate) fn saved<I: Image>(object: &I, now: Instant) -> Vec<u8> {
    let mut page = vec![0xA5; I::SIZE + 16];
    assert_eq!(object.save(now, &mut page), Ok(I::SIZE));
    assert!(page.iter().skip(I::SIZE).all(|byte| *byte == 0xA5), "nothing is written beyond the image");
    page.truncate(I::SIZE);
    page
}

/// Restores what must be restorable.
pub(crate) fn load<I: Image>(mut object: I, now: Instant, offline: Offline, image: &[u8]) -> I {
    if let Err(error) = object.restore(now, offline, Mismatch::Refuse, image) {
        panic!("not restored: {error}");
    }
    object
}

/// What a restore says that must not succeed.
pub(crate) fn refusal<I: Image>(object: &mut I, image: &[u8]) -> ImageError {
    let restored = object.restore(S(10_000), Offline::Unknown, Mismatch::Refuse, image);
    restored.expect_err("an image that is not one")
}

/// CRC-32 as in IEEE 802.3, by its definition.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes)
}

/// A small generator: the same numbers on every run.
#[derive(Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// Slots in which every call is a job of its own.
#[derive(Debug, Clone)]
pub(crate) struct Jobs<const N: usize> {
    pub(crate) slots: Slots<N>,
    pub(crate) next: u64,
    pub(crate) lease: Duration,
}

impl<const N: usize> Jobs<N> {
    pub(crate) fn new(limit: u32, lease: Duration) -> Self {
        Self { slots: Slots::new(limit), next: 1, lease }
    }

    fn with<R>(&mut self, ask: impl FnOnce(&mut dyn Book) -> R) -> R {
        ask(&mut self.slots.job(JobId(self.next), self.lease).expect("every job has a number of its own"))
    }
}

impl<const N: usize> Book for Jobs<N> {
    fn room(&self, now: Instant) -> u64 {
        self.clone().with(|job| job.room(now))
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        self.clone().with(|job| job.quote(now, from, cost))
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        let held = self.with(|job| job.book(now, at, cost))?;
        self.next += 1;
        Ok(held)
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        if held.cost() > 0 {
            self.slots.commit(now, held, actual);
        } else {
            self.with(|job| job.settle(now, held, actual));
        }
    }
}

/// The number of the next job is the program's to remember; the slots are the image's.
impl<const N: usize> Image for Jobs<N> {
    const SIZE: usize = Slots::<N>::SIZE;

    fn save(&self, now: Instant, out: &mut [u8]) -> Result<usize, ImageError> {
        self.slots.save(now, out)
    }

    fn restore(
        &mut self,
        now: Instant,
        offline: Offline,
        mismatch: Mismatch,
        image: &[u8],
    ) -> Result<tollgate::Restored, ImageError> {
        let restored = self.slots.restore(now, offline, mismatch, image)?;
        self.next = self.slots.jobs().map(|id| id.0 + 1).max().unwrap_or(1).max(self.next);
        Ok(restored)
    }
}

/// One account of a ledger as a limiter of its own.
#[derive(Debug, Clone)]
pub(crate) struct OneAccount {
    pub(crate) ledger: tollgate::Ledger<'static, 1, 8, 1, 4, 5>,
    pub(crate) account: tollgate::AccountId,
}

impl OneAccount {
    fn with<R>(&mut self, ask: impl FnOnce(&mut dyn Book) -> R) -> R {
        ask(&mut self.ledger.account(self.account, Duration::MAX).expect("it was opened"))
    }
}

impl Book for OneAccount {
    fn room(&self, now: Instant) -> u64 {
        self.clone().with(|ask| ask.room(now))
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        self.clone().with(|ask| ask.quote(now, from, cost))
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.with(|ask| ask.book(now, at, cost))
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        self.with(|ask| ask.settle(now, held, actual));
    }

    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        self.with(|ask| ask.take(now, cost))
    }
}

impl Image for OneAccount {
    const SIZE: usize = tollgate::Ledger::<'static, 1, 8, 1, 4, 5>::SIZE;

    fn save(&self, now: Instant, out: &mut [u8]) -> Result<usize, ImageError> {
        self.ledger.save(now, out)
    }

    fn restore(
        &mut self,
        now: Instant,
        offline: Offline,
        mismatch: Mismatch,
        image: &[u8],
    ) -> Result<tollgate::Restored, ImageError> {
        self.ledger.restore(now, offline, mismatch, image)
    }
}
