//! Limiters in a journal of their own, and what they may have granted by a slow model that was never off.

use tollgate::journal::{Health, ImageLog, Layout, LimiterKeeper};
use tollgate::{
    Book, Denied, Duration, History, Image, ImageError, Instant, Limiter, Mismatch, Offline, Quota, Reservation,
    Restored, Start, Token, TokenBucket, WhenFull, Window, WindowLog,
};

use crate::support::{LAYOUT, Small};

pub(crate) const LEASE: u32 = 10;
/// Two pages of 1024 bytes, for records of up to 512.
pub(crate) const WIDE: Layout = tollgate::valid!(Layout::new(0, 1024, 2));

/// A limiter, the bytes of its records, and the model that judges it. Real time goes on while the power is off.
pub(crate) trait Subject: Book + Image + Clone {
    type Model: Model;
    const IS_TIMELESS: bool = false;

    /// As it is when it leaves the factory, on a clock that shows this.
    fn new(now: Instant) -> Self;
}

/// What may be granted, by definition.
pub(crate) trait Model: Clone + Default {
    fn room(&self, real: u64) -> u64;
    fn take(&mut self, real: u64, cost: u64);
}

/// 20 units at once and 5 in 7 seconds: a level in millionths of a seventh.
impl Subject for TokenBucket {
    type Model = Level;

    fn new(now: Instant) -> Self {
        const QUOTA: Quota = tollgate::valid!(Quota::new_with_burst(5, Duration::from_secs(7), 20));
        Self::new(QUOTA, Start::Full, now)
    }
}

/// Units are 7 000 000 each, and 5 come every microsecond.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    missing: u128,
    last: u64,
}

impl Level {
    const UNIT: u128 = 7_000_000;

    fn missing(&self, real: u64) -> u128 {
        self.missing.saturating_sub(u128::from(real - self.last) * 5)
    }
}

impl Model for Level {
    fn room(&self, real: u64) -> u64 {
        u64::try_from((20 * Self::UNIT).saturating_sub(self.missing(real)) / Self::UNIT).unwrap()
    }

    fn take(&mut self, real: u64, cost: u64) {
        (self.missing, self.last) = (self.missing(real) + u128::from(cost) * Self::UNIT, real);
    }
}

/// 24 units in any 20 seconds.
impl Subject for WindowLog<12> {
    type Model = Stamps;

    fn new(now: Instant) -> Self {
        const WINDOW: Window = tollgate::valid!(Window::new(24, Duration::from_secs(20)));
        Self::new(WINDOW, WhenFull::Refuse, History::Empty, now)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Stamps(Vec<(u64, u64)>);

impl Model for Stamps {
    fn room(&self, real: u64) -> u64 {
        let used: u64 = self.0.iter().filter(|(at, _)| at + 20_000_000 > real).map(|(_, cost)| cost).sum();
        24 - used.min(24)
    }

    fn take(&mut self, real: u64, cost: u64) {
        self.0.retain(|(at, _)| at + 20_000_000 > real);
        self.0.push((real, cost));
    }
}

/// So many units in a life, and not one more: a limiter and an image that are not the library's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Once {
    pub(crate) used: u64,
}

impl Once {
    pub(crate) const LIMIT: u64 = 100_000;
}

impl Book for Once {
    fn room(&self, _now: Instant) -> u64 {
        Self::LIMIT.saturating_sub(self.used)
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        if cost <= self.room(now) { Ok(from) } else { Err(Denied::Never { max: self.room(now) }) }
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.quote(now, at, cost)?;
        self.used += cost;
        Ok(Reservation::new(at, cost, Token::default()))
    }

    fn settle(&mut self, _now: Instant, held: Reservation, actual: u64) {
        self.used = self.used - held.cost() + actual;
    }
}

impl Image for Once {
    const SIZE: usize = 16;

    fn save(&self, now: Instant, out: &mut [u8]) -> Result<usize, ImageError> {
        out[..8].copy_from_slice(&self.used.to_le_bytes());
        out[8..16].copy_from_slice(&now.as_micros().to_le_bytes());
        Ok(Self::SIZE)
    }

    fn restore(&mut self, _: Instant, _: Offline, _: Mismatch, image: &[u8]) -> Result<Restored, ImageError> {
        self.used = u64::from_le_bytes(image[..8].try_into().unwrap());
        Ok(Restored::default())
    }
}

impl Subject for Once {
    type Model = Spent;
    const IS_TIMELESS: bool = true;

    fn new(_now: Instant) -> Self {
        Self::default()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Spent(u64);

impl Model for Spent {
    fn room(&self, _real: u64) -> u64 {
        Once::LIMIT.saturating_sub(self.0)
    }

    fn take(&mut self, _real: u64, cost: u64) {
        self.0 += cost;
    }
}

/// A store of one limiter: ours, and one that gets it wrong.
pub(crate) trait Store<L>: Clone {
    /// Wakes at this moment of real time, which the device may not know.
    fn open(flash: Small, real: u64, wake: Wake) -> Option<(Self, Life)>;
    fn allow(&mut self, now: Instant, cost: u64) -> bool;
    fn room(&self, now: Instant) -> u64;
    fn flash(&mut self) -> &mut Small;
    fn into_flash(self) -> Small;
}

/// What a device knows of the time when it wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// All of it, by a clock that went on.
    Trusted,
    /// That it is no earlier than the last record.
    Continued,
    /// Nothing: the clock starts again.
    Anew,
}

/// A life between two boots: how the device's clock goes along with real time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) since: u64,
    boot: Instant,
    offline: Offline,
}

impl Life {
    /// With what the log says, if anything: an image that is not the library's has no stamp, nor any use for one.
    fn begin<const B: usize>(log: &mut ImageLog<Small, B>, real: u64, wake: Wake) -> Self {
        let saved = log.saved_at().ok().flatten().unwrap_or_default();
        let boot = Instant::from_micros(real);
        let (boot, offline) = match wake {
            Wake::Trusted => (boot, Offline::Trusted(boot.saturating_since(saved))),
            Wake::Continued => (saved, Offline::Unknown),
            Wake::Anew => (Instant::ORIGIN, Offline::Unknown),
        };
        Self { since: real, boot, offline }
    }

    pub(crate) fn now(&self, real: u64) -> Instant {
        self.boot.saturating_add(Duration::from_micros(real - self.since))
    }
}

pub(crate) type Kept<L, const B: usize> = LimiterKeeper<L, Small, B>;

pub(crate) fn layout(bytes: usize) -> Layout {
    if bytes > 128 { WIDE } else { LAYOUT }
}

impl<L: Subject, const B: usize> Store<L> for Kept<L, B> {
    fn open(flash: Small, real: u64, wake: Wake) -> Option<(Self, Life)> {
        let mut log = ImageLog::open(flash, layout(B)).ok()?;
        // A cut is never a damage.
        assert!(!matches!(log.health(), Health::Damaged(_)), "{:?}", log.health());
        let life = Life::begin(&mut log, real, wake);
        let keeper = Self::open(log, L::new(life.boot), LEASE, life.boot, life.offline, Mismatch::Refuse).ok()?;
        Some((keeper, life))
    }

    fn allow(&mut self, now: Instant, cost: u64) -> bool {
        self.allow(now, cost).is_ok()
    }

    fn room(&self, now: Instant) -> u64 {
        self.limiter().available(now)
    }

    fn flash(&mut self) -> &mut Small {
        self.flash_mut()
    }

    fn into_flash(self) -> Small {
        self.into_flash()
    }
}

/// Saves the limiter after every lease of grants, and not before: as one writes it first.
#[derive(Clone)]
pub(crate) struct Naive<L, const B: usize> {
    limiter: L,
    log: ImageLog<Small, B>,
    unsaved: u64,
}

impl<L: Subject, const B: usize> Store<L> for Naive<L, B> {
    fn open(flash: Small, real: u64, wake: Wake) -> Option<(Self, Life)> {
        let mut log = ImageLog::open(flash, layout(B)).ok()?;
        let life = Life::begin(&mut log, real, wake);
        let mut limiter = L::new(life.boot);
        log.restore(&mut limiter, life.boot, life.offline, Mismatch::Refuse).ok()?;
        Some((Self { limiter, log, unsaved: 0 }, life))
    }

    fn allow(&mut self, now: Instant, cost: u64) -> bool {
        let granted = self.limiter.allow(now, cost).is_ok();
        self.unsaved += if granted { cost } else { 0 };
        if self.unsaved >= u64::from(LEASE) && self.log.save(now, &self.limiter).is_ok() {
            self.unsaved = 0;
        }
        granted
    }

    fn room(&self, now: Instant) -> u64 {
        self.limiter.available(now)
    }

    fn flash(&mut self) -> &mut Small {
        self.log.flash_mut()
    }

    fn into_flash(self) -> Small {
        self.log.into_flash()
    }
}
