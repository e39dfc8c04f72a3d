//! `Boot`: which boot this is, and where the clock goes on.

use crate::image::bytes::{Reader, Writer};
use crate::image::{Body, Config, Shift};
use crate::time::Instant;

/// Counts the boots, and remembers the latest instant that was persisted.
///
/// Restore it first, save it at once (so that a second boot in a row is counted too), and then from time to time: an hour
/// that is not persisted is an hour that has not passed.
///
/// # Example
/// ```
/// use tollgate::{Boot, Clock, Continued, Entropy, Image, ImageError, Instant, ManualClock, Mismatch, Offline};
/// let mut page = [0xFF; Boot::SIZE];
///
/// // The first boot finds nothing.
/// let mut boot = Boot::FIRST;
/// assert_eq!(boot.restore(Instant::ORIGIN, Offline::Unknown, Mismatch::Refuse, &page), Err(ImageError::Erased));
/// let clock = Continued::new(ManualClock::default(), boot.last(), Offline::Unknown);
/// clock.clock().set(Instant::from_secs(90));
/// boot.save(clock.now(), &mut page)?;
///
/// // The second one goes on where the first was heard of last.
/// boot.restore(Instant::ORIGIN, Offline::Unknown, Mismatch::Refuse, &page)?;
/// assert_eq!((boot.count(), boot.last()), (2, Instant::from_secs(90)));
/// let clock = Continued::new(ManualClock::default(), boot.last(), Offline::Unknown);
/// let entropy = Entropy::of_device(7).at_boot(boot.count());
/// # let _ = (clock, entropy);
/// # Ok::<(), ImageError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Boot {
    count: u32,
    last: Instant,
}

impl Boot {
    /// The first one, or one without a memory.
    pub const FIRST: Self = Self { count: 1, last: Instant::ORIGIN };

    /// Which boot this is, from 1; saturates.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The latest instant that was persisted before this boot.
    pub const fn last(self) -> Instant {
        self.last
    }
}

/// To restore it is to boot once more.
impl Body for Boot {
    const KIND: u8 = 16;
    const LEN: usize = 4;

    fn config(&self) -> Config {
        Config::of(&[], &[])
    }

    fn write(&self, _saved: Instant, to: &mut Writer<'_>) {
        to.u32(self.count);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        let count = from.u32();
        if when.applies(from) {
            *self = Self { count: count.saturating_add(1), last: when.saved() };
        }
    }
}
