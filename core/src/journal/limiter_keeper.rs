//! `LimiterKeeper`: one limiter that survives a power cut, and hardly ever writes.
//!
//! Take it for a quota, a window or a duty cycle on a device. For money in a ledger take a [`Keeper`](super::Keeper), for a
//! gate a [`GateKeeper`](super::GateKeeper), for what grants nothing an [`ImageLog`]. It has no reservations: those outlive
//! the call, and what outlives the power as well is a job of a ledger or a gate.
//!
//! ```text
//!  allow ──> inside the lease ─────────────────────────────────────────────────────────────────> granted
//!        └─> above it ──> record: the state after this grant, and what else may go ──> written ──> granted
//!                                                                                  └─> failed ───> nothing granted
//! ```

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
#[cfg(feature = "journal-async")]
use embedded_storage_async::nor_flash::NorFlash as AsyncNorFlash;

use crate::continued::Offline;
use crate::image::{Image, Mismatch};
use crate::limiter::{Book, Denied, Limiter, Reservation, Token};
use crate::time::Instant;

use super::fault::JournalError;
use super::image_log::ImageLog;
#[cfg(feature = "journal-async")]
use super::keeper::Async;
use super::state::Health;

/// A limiter `L` in a flash `F`, in records of `B` bytes: see [`ImageLog`] for those.
///
/// **Never too little.** A cut at any byte, a second one during recovery included, loses nothing that was granted: after it
/// the state of the last record counts, and all of its lease as used at the moment of the reboot.
///
/// **Hardly too much.** For each cut at most one lease, less what was granted of it, or the one grant that was cut if that is
/// larger. A bucket earns it back in time; a window forgets it after its length. With a lease of 0 every grant is written
/// first, and it alone can be counted too much: strict. Nothing is after [`save`](Self::save).
///
/// **Time.** What the time since the last record is worth is up to [`Offline`]: unknown it counts as none, and trusted all of
/// it counts, the time before the cut included, because the lease is used up behind it and not in front of it.
///
/// **Damage.** If all that is left of the flash is older than what was saved last, everything may have been granted: the
/// limiter starts with all its [`room`](Book::room) used up, and [`health`](Self::health) says so. What is no log at all is
/// an error, and nothing is granted.
///
/// # Example
/// ```
/// use tollgate::journal::{ImageLog, Layout, LimiterKeeper};
/// use tollgate::{Duration, Instant, Limiter, Mismatch, Offline, Quota, Start, TokenBucket};
/// use tollgate_std::testing::Flash;
/// const LAYOUT: Layout = tollgate::valid!(Layout::new(0, 4096, 2));
/// const API: Quota = tollgate::valid!(Quota::new_with_burst(60, Duration::from_mins(1), 50));
/// const LEASE: u32 = 10;
/// let mut flash = <Flash>::new(8192);
///
/// let now = Instant::ORIGIN;
/// let log = ImageLog::<_, 96>::open(&mut flash, LAYOUT)?;
/// let bucket = TokenBucket::new(API, Start::Full, now);
/// let mut keeper = LimiterKeeper::open(log, bucket, LEASE, now, Offline::Unknown, Mismatch::Refuse)?;
/// for _ in 0..13 {
///     keeper.allow(now, 1)?;
/// }
/// // Thirteen grants are two records.
/// assert_eq!((keeper.log().records(), keeper.limiter().available(now)), (2, 37));
/// drop(keeper); // the power goes
///
/// let log = ImageLog::<_, 96>::open(&mut flash, LAYOUT)?;
/// let bucket = TokenBucket::new(API, Start::Full, now);
/// let keeper = LimiterKeeper::open(log, bucket, LEASE, now, Offline::Unknown, Mismatch::Refuse)?;
/// assert_eq!(keeper.limiter().available(now), 30); // 13 were granted, and 20 count
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LimiterKeeper<L, F, const B: usize = 96> {
    limiter: L,
    log: ImageLog<F, B>,
    lease: u32,
    /// What the last record has leased and nobody has taken.
    left: u32,
}

/// Why a call on a [`LimiterKeeper`] was refused. Nothing was granted, and nothing has changed in the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LimiterKeepError<E> {
    /// By the limiter; nothing was written.
    Denied(Denied),
    /// By the journal: the record could not be written.
    Journal(JournalError<E>),
}

impl<E> From<Denied> for LimiterKeepError<E> {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl<E> From<JournalError<E>> for LimiterKeepError<E> {
    fn from(error: JournalError<E>) -> Self {
        Self::Journal(error)
    }
}

impl<E: fmt::Debug> fmt::Display for LimiterKeepError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denied) => denied.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for LimiterKeepError<E> {}

impl<L, F, const B: usize> LimiterKeeper<L, F, B> {
    /// The limiter, for its questions: `available`, `earliest`.
    pub const fn limiter(&self) -> &L {
        &self.limiter
    }

    /// The limiter, for its owner: another quota, a refund, the end of a clock fault. What is changed here is in flash with
    /// the next record, or with [`save`](Self::save): call that at once after whatever takes units.
    pub const fn limiter_mut(&mut self) -> &mut L {
        &mut self.limiter
    }

    /// How much may be granted before the next record.
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// In what state the flash was found.
    pub fn health(&self) -> Health {
        self.log.health()
    }

    /// The log beneath, for its figures.
    pub const fn log(&self) -> &ImageLog<F, B> {
        &self.log
    }

    /// The flash, for what else it can do. Whoever writes to the log's pages destroys it.
    pub const fn flash_mut(&mut self) -> &mut F {
        self.log.flash_mut()
    }

    /// The flash back; the limiter is forgotten.
    pub fn into_flash(self) -> F {
        self.log.into_flash()
    }
}

/// Counts units as used, as a debt if need be: what is committed above a reservation of nothing.
fn use_up<L: Book>(limiter: &mut L, now: Instant, units: u64) {
    if units > 0 {
        limiter.settle(now, Reservation::new(now, 0, Token::default()), units);
    }
}

/// Once for each kind of driver: `[async]` and `[.await]` are all that differs.
macro_rules! keeper {
    ($Flash:ty, $Bound:path, $open:ident, [$($async:tt)?], [$($wait:tt)*]) => {
        impl<L: Book + Image + Clone, F: $Bound, const B: usize> LimiterKeeper<L, $Flash, B> {
            /// Goes on where the log ends, or with the limiter as it is if the log is new.
            ///
            /// `lease` is how many units a record allows, in the limiter's unit; with 0 there is a record for every grant.
            /// `now` is this boot's clock, `offline` how much of the time since the last record
            /// ([`saved_at`](ImageLog::saved_at)) is known, `mismatch` what to do after the configuration was changed.
            ///
            /// Writes nothing.
            ///
            /// # Errors
            /// [`JournalError`]: the flash failed, or the log is that of another limiter or configuration
            /// ([`JournalFault::Image`](super::JournalFault::Image)).
            pub $($async)? fn $open(
                mut log: ImageLog<$Flash, B>,
                mut limiter: L,
                lease: u32,
                now: Instant,
                offline: Offline,
                mismatch: Mismatch,
            ) -> Result<Self, JournalError<F::Error>> {
                // Why this is never too little. Let R be the record's state and G what was granted after it, at most its
                // lease. The true state is R, aged by the time that has really passed, with G somewhere in between. Here it
                // is R, aged by no more than that, with the whole lease at the very end.
                // A bucket: what is taken later leaves at most as much, because less is lost by being full; so its true
                // level is no lower than this one, now and ever after.
                // A window: what is in R leaves no earlier than in truth, for it is no older; what is in G neither, for here
                // it is stamped last. A limit without time: R and the lease are no less than R and G.
                // That the whole lease counts, and not only as much of it as there is room for, matters: in truth old
                // entries may have left and made room for more, which here leave later.
                let mut record = [0; B];
                let gone = match log.newest(&mut record)$($wait)*? {
                    // Older than what was saved last: of the state nothing is known but that the limiter allowed it.
                    _ if log.ring.is_stale() => limiter.room(now),
                    Some(lease) => {
                        ImageLog::<$Flash, B>::lay(&record, &mut limiter, now, offline, mismatch)?;
                        lease.into()
                    }
                    None => 0,
                };
                use_up(&mut limiter, now, gone);
                Ok(Self { limiter, log, lease, left: 0 })
            }

            /// Takes `cost` units now, or tells why not. Inside the lease it writes nothing; above it one record first, which
            /// leases as much again. A cost of zero always passes, and what is refused writes nothing.
            ///
            /// # Errors
            /// [`LimiterKeepError::Denied`] as [`Limiter::allow`]; [`LimiterKeepError::Journal`]: the flash failed, and the
            /// next call tries again.
            #[inline]
            pub $($async)? fn allow(&mut self, now: Instant, cost: u64) -> Result<(), LimiterKeepError<F::Error>> {
                if let Some(left) = u64::from(self.left).checked_sub(cost) {
                    self.limiter.allow(now, cost)?;
                    // It was 32 bits long and is no longer now.
                    self.left = u32::try_from(left).unwrap_or(0);
                    return Ok(());
                }
                let mut after = self.limiter.clone();
                after.allow(now, cost)?;
                let more = u32::try_from(u64::from(self.lease).saturating_sub(cost)).unwrap_or(0);
                // A write that fails may be there all the same, and then the lease of the record before is over.
                self.left = 0;
                self.log.save_leased(now, &after, more)$($wait)*?;
                (self.limiter, self.left) = (after, more);
                Ok(())
            }

            /// Writes the state exactly as it is, without a lease: before the power is taken away on purpose, and after what
            /// was done to [`limiter_mut`](Self::limiter_mut). The next grant writes again.
            ///
            /// # Errors
            /// [`JournalError`]: the record before counts, with its lease, or this one if it is there after all.
            pub $($async)? fn save(&mut self, now: Instant) -> Result<(), JournalError<F::Error>> {
                self.left = 0;
                self.log.save(now, &self.limiter)$($wait)*
            }
        }
    };
}

keeper!(F, NorFlash, open, [], []);
#[cfg(feature = "journal-async")]
keeper!(Async<F>, AsyncNorFlash, open_async, [async], [.await]);
