//! `ImageLog`: the newest image of one thing in a ring of flash pages, wear-levelled.
//!
//! Every record is a whole image with a number and a checksum, and the newest whole one counts: nothing is replayed, and
//! nothing copied when a page is full. A cut at any byte of any write or erase leaves the image before or the new one.
//!
//! For a limiter that must not forget what it granted after the last image, take a
//! [`LimiterKeeper`](super::LimiterKeeper), which is one of these with a lease.

use embedded_storage::nor_flash::NorFlash;
#[cfg(feature = "journal-async")]
use embedded_storage_async::nor_flash::NorFlash as AsyncNorFlash;

use crate::continued::Offline;
use crate::image::{Image, Mismatch, Restored, saved_at};
use crate::time::Instant;

use super::fault::{JournalError, JournalFault};
use super::image_ring::{AROUND, HEAD, MARK, Ring, Survey, is_erased};
#[cfg(feature = "journal-async")]
use super::keeper::Async;
use super::layout::{Geometry, Layout, Measured};
use super::record::SLOT;
use super::state::Health;
use super::wear::Wear;

/// The newest image of one thing, in a flash `F`, in records of `B` bytes.
///
/// `B` is [`record_bytes`] of the image's size, or more; 96 will do for a [`TokenBucket`](crate::TokenBucket), a
/// [`Backoff`](crate::Backoff) and all that is no larger. Too small does not compile. A page holds two records at least.
///
/// **What is found.** [`health`](Self::health) says whether writes were cut; whether records are missing before the newest
/// one, which is whole and right all the same ([`Damage::Missing`](super::Damage::Missing)); or whether all that is left is
/// out of date ([`Damage::NewestPage`](super::Damage::NewestPage)). Only the last record of all, if it is damaged later, looks
/// as if it had been cut: the one before counts then.
///
/// # Example
/// A breaker that is still open after a reboot:
/// ```
/// use tollgate::journal::{ImageLog, Layout, record_bytes};
/// use tollgate::{Breaker, BreakerPolicy, Denied, Duration, Image, Instant, Limiter, Mismatch, Offline, Trip, valid};
/// use tollgate_std::testing::Flash;
/// type Log<'a> = ImageLog<&'a mut Flash, { record_bytes(Breaker::SIZE) }>;
/// const LAYOUT: Layout = valid!(Layout::new(0, 4096, 2));
/// const POLICY: BreakerPolicy = valid!(BreakerPolicy::new(Trip::Consecutive { failures: 1 }, Duration::from_secs(30)));
/// let (mut flash, now) = (<Flash>::new(8192), Instant::ORIGIN);
///
/// let mut log = Log::open(&mut flash, LAYOUT)?;
/// let mut breaker = Breaker::new(POLICY, now);
/// assert_eq!(log.restore(&mut breaker, now, Offline::Unknown, Mismatch::Refuse)?, None); // the first boot
/// let call = breaker.reserve(now, 1, Duration::ZERO)?;
/// breaker.failure(now, call);
/// log.save(now, &breaker)?;
/// drop(log); // the power goes
///
/// let mut log = Log::open(&mut flash, LAYOUT)?;
/// let mut breaker = Breaker::new(POLICY, now);
/// log.restore(&mut breaker, now, Offline::Unknown, Mismatch::Refuse)?;
/// assert_eq!(breaker.allow(now, 1), Err(Denied::Until(Instant::from_secs(30))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ImageLog<F, const B: usize = 96> {
    flash: F,
    pub(super) ring: Ring,
    records: u32,
    turns: u32,
}

/// The bytes of a record with an image of this [size](Image::SIZE): 20 more, and a multiple of 32.
///
/// # Example
/// ```
/// use tollgate::journal::record_bytes;
/// use tollgate::{Image, TokenBucket, WindowSlices};
/// assert_eq!(record_bytes(TokenBucket::SIZE), 96);
/// assert_eq!(record_bytes(<WindowSlices<60>>::SIZE), 352);
/// ```
pub const fn record_bytes(image: usize) -> usize {
    match image.saturating_add(AROUND).checked_next_multiple_of(SLOT as usize) {
        Some(bytes) => bytes,
        // Nothing is so large.
        None => usize::MAX,
    }
}

impl<F, const B: usize> ImageLog<F, B> {
    fn of(flash: F, layout: Layout, geometry: Geometry) -> Result<Self, JournalFault> {
        const {
            assert!(
                B.is_multiple_of(32) && B >= 64 && B <= 8_160,
                "records are a multiple of 32 bytes, from 64 to 8160"
            );
        }
        let ring = Ring::new(layout, geometry, u32::try_from(B).unwrap_or(u32::MAX))?;
        Ok(Self { flash, ring, records: 0, turns: 0 })
    }

    /// Lays the image of a record over its object.
    pub(super) fn lay<I: Image>(
        record: &[u8; B],
        object: &mut I,
        now: Instant,
        offline: Offline,
        mismatch: Mismatch,
    ) -> Result<Restored, JournalFault> {
        const { assert!(B >= I::SIZE + AROUND, "the image needs larger records: see `record_bytes`") }
        let image = record.get(HEAD..).unwrap_or_default();
        object.restore(now, offline, mismatch, image).map_err(JournalFault::Image)
    }

    /// In what state the flash was found when it was opened.
    pub fn health(&self) -> Health {
        self.ring.health(self.records)
    }

    /// Records written since it was opened.
    pub const fn records(&self) -> u32 {
        self.records
    }

    /// Pages erased and begun since it was opened.
    pub const fn turns(&self) -> u32 {
        self.turns
    }

    /// How long a flash lasts that endures so many erases.
    ///
    /// # Example
    /// ```
    /// use tollgate::journal::{ImageLog, Layout, Wear};
    /// use tollgate::Duration;
    /// // Two sectors of 4 KiB, 10 000 erases each, and a grant a second for ten years:
    /// const LAYOUT: Layout = tollgate::valid!(Layout::new(0, 4096, 2));
    /// let wear = ImageLog::<(), 96>::wear(&LAYOUT, 10_000);
    /// assert_eq!((wear.records_per_page(), wear.lifetime_records()), (41, 820_000));
    /// let grants = Wear::charges(Duration::from_secs(315_576_000), Duration::from_secs(1));
    /// assert_eq!(wear.least_lease(grants), 385);
    /// ```
    pub const fn wear(layout: &Layout, endurance: u32) -> Wear {
        #[expect(clippy::cast_possible_truncation, reason = "at most 8160")]
        let record_bytes = B as u32;
        Wear { page_bytes: layout.page_bytes(), record_bytes, pages: layout.pages(), endurance, overhead: 1 }
    }

    /// The flash, for what else it can do. Whoever writes to the log's pages destroys it.
    pub const fn flash_mut(&mut self) -> &mut F {
        &mut self.flash
    }

    /// The flash back.
    pub fn into_flash(self) -> F {
        self.flash
    }
}

/// Once for each kind of driver: `[async]` and `[.await]` are all that differs.
macro_rules! log {
    (
        $Flash:ty, $Bound:path, [$($inner:tt)*], $open:ident, $format:ident, [$($async:tt)?], [$($wait:tt)*]
    ) => {
        impl<F: $Bound, const B: usize> ImageLog<$Flash, B> {
            /// Opens the log in this part of a flash, which may be blank.
            ///
            /// # Errors
            /// [`JournalError`]: the flash failed, is not erased and holds no image, or images in another format, layout or
            /// size. Nothing has changed then.
            pub $($async)? fn $open(flash: $Flash, layout: Layout) -> Result<Self, JournalError<F::Error>> {
                let geometry = flash.geometry();
                let mut log = Self::of(flash, layout, geometry)?;
                log.look()$($wait)*?;
                Ok(log)
            }

            /// Erases this part of a flash, whatever is in it: the owner's word that nothing in it counts.
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn $format(flash: $Flash, layout: Layout) -> Result<Self, JournalError<F::Error>> {
                let geometry = flash.geometry();
                let mut log = Self::of(flash, layout, geometry)?;
                for page in 0..layout.pages() {
                    let (from, to) = layout.range(page);
                    log.flash$($inner)*.erase(from, to)$($wait)*.map_err(JournalError::Flash)?;
                }
                Ok(log)
            }

            /// Looks through all pages for the newest record, and for where the next one goes.
            $($async)? fn look(&mut self) -> Result<(), JournalError<F::Error>> {
                let (mut survey, mut record) = (Survey::default(), [0; B]);
                for page in 0..self.ring.layout.pages() {
                    let mut at = 0;
                    loop {
                        let address = self.ring.address(page, at);
                        self.flash$($inner)*.read(address, &mut record)$($wait)*.map_err(JournalError::Flash)?;
                        survey.saw(&self.ring, at, &record);
                        if at == self.ring.mark() {
                            break;
                        }
                        at = self.ring.after(at);
                        if !self.ring.fits(at) {
                            at = self.ring.mark();
                        }
                    }
                    survey.turned(page);
                }
                survey.end(&mut self.ring)?;
                self.mark()$($wait)*
            }

            /// Marks the page before as stale, if the newest record is the first of its page and that was not done.
            $($async)? fn mark(&mut self) -> Result<(), JournalError<F::Error>> {
                let Some(at) = self.ring.mark_due() else { return Ok(()) };
                let mut found = MARK;
                self.flash$($inner)*.read(at, &mut found)$($wait)*.map_err(JournalError::Flash)?;
                if is_erased(&found) {
                    self.flash$($inner)*.write(at, &MARK)$($wait)*.map_err(JournalError::Flash)?;
                }
                Ok(())
            }

            /// Lays the newest image over this object, as [`Image::restore`] does; `None` if nothing was ever saved.
            ///
            /// `now` is this boot's clock; `offline` is how much of the time since the image was
            /// [saved](Self::saved_at) is known.
            ///
            /// # Errors
            /// [`JournalError`]: the flash failed, or it is the image of something else. Nothing has changed then.
            pub $($async)? fn restore<I: Image>(
                &mut self,
                object: &mut I,
                now: Instant,
                offline: Offline,
                mismatch: Mismatch,
            ) -> Result<Option<Restored>, JournalError<F::Error>> {
                let mut record = [0; B];
                let Some(_) = self.newest(&mut record)$($wait)*? else { return Ok(None) };
                Ok(Some(Self::lay(&record, object, now, offline, mismatch)?))
            }

            /// Reads the newest record, and returns how much may have been granted since.
            pub(super) $($async)? fn newest(&mut self, record: &mut [u8; B]) -> Result<Option<u32>, JournalError<F::Error>> {
                if !self.ring.has_record() {
                    return Ok(None);
                }
                self.flash$($inner)*.read(self.ring.newest(), record)$($wait)*.map_err(JournalError::Flash)?;
                Ok(Some(self.ring.lease()))
            }

            /// When the newest image was saved, by the clock of then; `None` if nothing ever was. For
            /// [`Continued`](crate::Continued).
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn saved_at(&mut self) -> Result<Option<Instant>, JournalError<F::Error>> {
                let mut record = [0; B];
                let Some(_) = self.newest(&mut record)$($wait)*? else { return Ok(None) };
                let image = record.get(HEAD..).unwrap_or_default();
                Ok(Some(saved_at(image).map_err(JournalFault::Image)?))
            }

            /// Writes the image of this object as it is now. If that fails or its future is dropped, the image before
            /// counts, or this one if it is there after all.
            ///
            /// # Errors
            /// [`JournalError`]; the next call looks at the flash again before it writes.
            pub $($async)? fn save<I: Image>(
                &mut self,
                now: Instant,
                object: &I,
            ) -> Result<(), JournalError<F::Error>> {
                self.save_leased(now, object, 0)$($wait)*
            }

            /// The same, and so much may be granted without another record.
            pub(super) $($async)? fn save_leased<I: Image>(
                &mut self,
                now: Instant,
                object: &I,
                lease: u32,
            ) -> Result<(), JournalError<F::Error>> {
                const { assert!(B >= I::SIZE + AROUND, "the image needs larger records: see `record_bytes`") }
                if self.ring.doubt {
                    // What was half written is skipped, never written over.
                    self.look()$($wait)*?;
                }
                let mut record = [0; B];
                self.ring.frame(&mut record, now, object, lease)?;
                let (page, at) = self.ring.place();
                self.ring.doubt = true;
                if page != self.ring.page() {
                    let (from, to) = self.ring.layout.range(page);
                    self.flash$($inner)*.erase(from, to)$($wait)*.map_err(JournalError::Flash)?;
                    self.turns = self.turns.wrapping_add(1);
                }
                let address = self.ring.address(page, at);
                self.flash$($inner)*.write(address, &record)$($wait)*.map_err(JournalError::Flash)?;
                self.ring.wrote(page, at, lease);
                self.mark()$($wait)*?;
                self.ring.doubt = false;
                self.records = self.records.wrapping_add(1);
                Ok(())
            }
        }
    };
}

log!(F, NorFlash, [], open, format, [], []);
#[cfg(feature = "journal-async")]
log!(Async<F>, AsyncNorFlash, [.0], open_async, format_async, [async], [.await]);
