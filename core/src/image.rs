//! `Image`: the state of a limiter in a fixed number of bytes, for a page of flash, an EEPROM or a file.
//!
//! Configuration never comes from flash: the program builds its limiter as always, and the saved state is laid over it. An
//! image that is damaged, or of something else, is refused with the reason, and nothing has changed then.
//!
//! ```text
//! "TG" version kind │ size │ two fingerprints of the configuration │ saved at │ body ... │ CRC-32     little-endian
//!  ─────── 4 ────────── 4 ──────────────── 8 ──────────────────────── 8 ──────── fixed ──── 4 ──
//! ```
//! Sizes, with N entries, B slices, H holds of L lines, R remembered, A accounts, S pooled slices, G grants of K segments:
//!
//! | type | bytes | type | bytes |
//! |---|---|---|---|
//! | `TokenBucket` | 76 | `Burst` | 100 |
//! | `WindowLog<N>` | 64 + 12 N | `Aimd` | 45 |
//! | `WindowSlices<B>` | 64 + 4 B | `Restraint` | 228 |
//! | `Slots<N>` | 56 + 29 N | `Usage<_, N>` | 56 + 29 N |
//! | `Breaker` | 129 | `Wall` | 107 |
//! | `Backoff` | 64 | `Boot` | 32 |
//! | `RetryQuota` | 36 | `Grants<_, G, H, K, R>` | 60 + 56 G + (46 + 12 K)(H + R) |
//! | `RatioBudget` | 124 | `Ledger<A, H, L, R, S>` | 135 + 77 A + 8 S + (37 + 49 L)(H + R) |
//! | `Adaptation` | 97 | `Gate<_, J, _>` | 142 + (40 + 13 L) J, and of each part its own less 20 |

mod adapt;
mod boot;
mod breaker;
mod bucket;
mod bytes;
mod frame;
mod grants;
mod hold;
mod ledger;
mod retry;
mod slots;
mod usage;
mod wall;
mod windows;

pub use boot::Boot;
pub(crate) use bytes::{Reader, Writer};
pub(crate) use frame::{Body, Config, Piece, Shift};
#[cfg(feature = "journal")]
pub(crate) use frame::{is_sealed, seal};

use core::fmt;

use crate::continued::Offline;
use crate::time::Instant;

/// State that can be saved and laid over a fresh object later.
///
/// **What survives.** All that later answers depend on. After a restore with the time off trusted, a limiter answers as if
/// it had never been away; with the time off unknown, it never grants more.
///
/// **What does not.** Nobody can settle a [`Reservation`](crate::Reservation) of before the reboot any more, so it counts
/// as used: spent in a bucket, used at the moment of the restore in a window, a running job in [`Slots`](crate::Slots), a
/// failed probe of a breaker. Should one turn up all the same, it is recognised as stale and gives nothing back: booking
/// numbers go on well above those of the image (save again after a restore, so that the next boot goes on above these).
/// Holds of a [`Ledger`](crate::Ledger) have ids, and are settled by them as if nothing had happened; so have the jobs of a
/// [`Gate`](crate::Gate): one that was only asked for is given back with all that its request had booked, and one that was
/// sent is [`Unknown`](crate::JobState::Unknown), with a probe that it was counted as a failure.
///
/// **Stamps.** An image knows when it was saved; ages are reckoned from there. A stamp ahead of that (a clock had jumped)
/// counts as just then, so that no device is locked out by it. A clock that starts at zero at every boot has no instants
/// for what is older than the boot: it is placed at the boot, which errs towards refusing. With
/// [`Continued`](crate::Continued) nothing is lost.
///
/// # Example
/// ```
/// use tollgate::{Duration, Image, ImageError, Instant, Limiter, Mismatch, Offline, Quota, Start, TokenBucket};
/// const API: Quota = tollgate::valid!(Quota::new(60, Duration::from_mins(1)));
/// let hour = Instant::from_secs(3_600);
///
/// let mut bucket = TokenBucket::new(API, Start::Full, hour);
/// bucket.allow(hour, 60).unwrap();
/// let mut page = [0xFF; 256];
/// let len = bucket.save(hour, &mut page)?;
/// assert_eq!(len, TokenBucket::SIZE);
///
/// // After the reboot: the configuration is the program's, the level is the page's.
/// let boot = hour; // the clock goes on where it was heard of last
/// let mut bucket = TokenBucket::new(API, Start::Full, boot);
/// bucket.restore(boot, Offline::Unknown, Mismatch::Refuse, &page)?;
/// assert_eq!(bucket.available(boot), 0);
///
/// // Had the device been off for ten seconds that somebody trustworthy has counted:
/// bucket.restore(boot, Offline::Trusted(Duration::from_secs(10)), Mismatch::Refuse, &page)?;
/// assert_eq!(bucket.available(boot), 10);
///
/// page[30] ^= 1;
/// let refused = bucket.restore(boot, Offline::Unknown, Mismatch::Refuse, &page);
/// assert_eq!((refused, bucket.available(boot)), (Err(ImageError::Damaged), 10));
/// # Ok::<(), ImageError>(())
/// ```
pub trait Image {
    /// How many bytes an image takes, always.
    const SIZE: usize;

    /// Writes the state at `now` into the first [`SIZE`](Self::SIZE) bytes, and returns how many that are. Changes nothing
    /// in the object.
    ///
    /// # Errors
    /// [`ImageError::NoRoom`]; nothing was written then.
    fn save(&self, now: Instant, out: &mut [u8]) -> Result<usize, ImageError>;

    /// Lays a saved state over this object, which was built from its configuration: all that it held before is gone.
    ///
    /// `now` is this boot's clock; `offline` is how much of the time since the save is known. What follows the image in the
    /// slice is not looked at.
    ///
    /// # Errors
    /// [`ImageError`], each cause its own; nothing has changed then.
    fn restore(
        &mut self,
        now: Instant,
        offline: Offline,
        mismatch: Mismatch,
        image: &[u8],
    ) -> Result<Restored, ImageError>;
}

/// What to do with an image of the right kind and size that was saved under another configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mismatch {
    /// Refuse it with [`ImageError::OtherConfig`].
    Refuse,
    /// Lay it over the new configuration, in which what was used stays used: a lower limit admits nothing until enough is
    /// free again; a higher one leaves as much more, but for a bucket, whose level only rises with time
    /// ([`Inherit::KeepUsed`](crate::Inherit::KeepUsed)).
    ///
    /// Only for numbers: limits, rates, leases, policies. Where the structure differs (another window or slice length,
    /// other units or periods of a budget, another rule of a breaker) the image is refused all the same.
    KeepUsed,
}

/// What a restore did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Restored {
    /// The image was of another configuration, and [`Mismatch::KeepUsed`] applied.
    pub other_config: bool,
    /// Reservations that were open when it was saved, and count as used now.
    pub open: u32,
    /// Stamps that lay ahead of the save, and were clamped to it: a clock had jumped.
    pub clamped: u32,
}

/// Why there is no image, or not this one. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ImageError {
    /// The place for the image is too small.
    NoRoom {
        /// How many bytes it takes.
        needed: usize,
    },
    /// There are fewer bytes than the image has.
    Truncated {
        /// How many it has.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// Nothing but zeros.
    Zeroed,
    /// Nothing but 0xFF: erased flash.
    Erased,
    /// It does not begin as an image does.
    NotAnImage,
    /// The checksum is wrong.
    Damaged,
    /// A whole image in another layout than this version's.
    OtherVersion {
        /// Its version.
        found: u8,
    },
    /// A whole image of another type.
    OtherKind {
        /// The number of its kind.
        found: u8,
    },
    /// A whole image of this type with other capacities.
    OtherSize {
        /// How many bytes were expected.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A whole image of this type under another configuration.
    OtherConfig,
    /// The checksum is right, and yet the contents cannot be: not written by this library.
    Invalid,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom { needed } => write!(f, "too little room for an image: expected {needed} bytes"),
            Self::Truncated { needed, found } => write!(f, "{found} bytes of an image: expected {needed}"),
            Self::Zeroed => f.write_str("nothing but zeros: expected an image"),
            Self::Erased => f.write_str("erased flash: expected an image"),
            Self::NotAnImage => f.write_str("something else than an image"),
            Self::Damaged => f.write_str("an image with a wrong checksum"),
            Self::OtherVersion { found } => {
                write!(f, "an image of layout {found}: expected layout {}", frame::VERSION)
            }
            Self::OtherKind { found } => write!(f, "an image of another type, number {found}"),
            Self::OtherSize { expected, found } => {
                write!(f, "an image of {found} bytes: expected {expected}, as for these capacities")
            }
            Self::OtherConfig => f.write_str("an image of another configuration: expected the one it was saved under"),
            Self::Invalid => f.write_str("an image that holds what cannot be"),
        }
    }
}

impl core::error::Error for ImageError {}

/// When this image was saved, by the clock of then. For [`Continued::offline_since`](crate::Continued::offline_since).
///
/// # Errors
/// As [`Image::restore`], as far as the type does not matter.
pub fn saved_at(image: &[u8]) -> Result<Instant, ImageError> {
    frame::saved_at(image)
}

impl<T: Body> Image for T {
    const SIZE: usize = frame::HEADER + T::LEN + frame::TRAILER;

    fn save(&self, now: Instant, out: &mut [u8]) -> Result<usize, ImageError> {
        let image = frame::place(out, Self::SIZE)?;
        let mut to = frame::begin(image, T::KIND, now, self.config());
        self.write(now, &mut to);
        if !to.is_complete() {
            // A body of another length than it says; none of ours is.
            return Err(ImageError::Invalid);
        }
        frame::seal(image);
        Ok(Self::SIZE)
    }

    fn restore(
        &mut self,
        now: Instant,
        offline: Offline,
        mismatch: Mismatch,
        image: &[u8],
    ) -> Result<Restored, ImageError> {
        let config = self.config();
        let opened = frame::open(image, T::KIND, Self::SIZE, config, mismatch)?;
        let mut read = |dry| {
            let (mut from, mut when) =
                (bytes::Reader::new(opened.body), opened.shift(now, offline, mismatch, config, dry));
            self.read(&mut from, &mut when);
            when.restored(&from)
        };
        if T::HAS_PARTS {
            // Whether all of it can be, before anything is taken over.
            read(true)?;
        }
        read(false)
    }
}

/// How far numbers of bookings go on above those of an image: more than are made between two saves.
pub(crate) const NUMBERS_ON: u32 = 1 << 16;

/// The number at which bookings go on, given that of the image and that of the object itself; never zero.
pub(crate) fn number_on(saved: u32, own: u32) -> u32 {
    saved.max(own).checked_add(NUMBERS_ON).unwrap_or(NUMBERS_ON)
}
