//! `Wear`: how long a flash lasts under a journal, in integers, before it is bought.
//!
//! A page is erased once for every page of records written. With leases a charge is a record only every so often, and the
//! smallest lease that lets a flash live long enough follows from its geometry.

use crate::time::Duration;

use super::layout::Layout;
use super::record::SLOT;

/// The geometry and the endurance of a flash.
///
/// # Example
/// Two sectors of 4 KiB, 10 000 erases each, and ten charges a second for ten years:
/// ```
/// use tollgate::journal::Wear;
/// use tollgate::Duration;
/// const FLASH: Wear = Wear { page_bytes: 4096, record_bytes: 32, pages: 2, endurance: 10_000, overhead: 1 };
/// const TEN_YEARS: Duration = Duration::from_secs(315_576_000);
///
/// assert_eq!(FLASH.lifetime_records(), 2_540_000);
/// let charges = Wear::charges(TEN_YEARS, Duration::from_millis(100));
/// assert_eq!(FLASH.least_lease(charges), 1_243); // a record every 1 243 charges
/// assert!(FLASH.life(Duration::from_millis(100), 1_243) >= TEN_YEARS);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wear {
    /// The bytes of a page.
    pub page_bytes: u32,
    /// The bytes of a record: 32 in the journal of a ledger or a gate.
    pub record_bytes: u32,
    /// How many pages take turns.
    pub pages: u16,
    /// How often a page can be erased.
    pub endurance: u32,
    /// Places of a page that no new record gets: 1 for its mark; in the journal of a ledger or a gate also 1 for its header,
    /// and those of the snapshot.
    pub overhead: u32,
}

impl Wear {
    /// The wear of a [`Layout`] under the journal of a ledger or a gate, with so many slots of snapshot on each page: four a
    /// budget, one each for ids, clock and blocks, up to three a job. For one limiter see
    /// [`ImageLog::wear`](super::ImageLog::wear).
    pub const fn of(layout: &Layout, endurance: u32, snapshot: u32) -> Self {
        Self {
            page_bytes: layout.page_bytes(),
            record_bytes: SLOT,
            pages: layout.pages(),
            endurance,
            overhead: snapshot.saturating_add(2),
        }
    }

    /// New records that fit on a page.
    pub const fn records_per_page(&self) -> u32 {
        match self.page_bytes.checked_div(self.record_bytes) {
            Some(slots) => slots.saturating_sub(self.overhead),
            None => 0,
        }
    }

    /// Records that can be written before the pages are worn out; saturates.
    pub const fn lifetime_records(&self) -> u64 {
        (self.records_per_page() as u64).saturating_mul(self.pages as u64).saturating_mul(self.endurance as u64)
    }

    /// Charges in a life, one every `every`; rounded down. `u64::MAX` for an `every` of zero.
    pub const fn charges(life: Duration, every: Duration) -> u64 {
        match life.as_micros().checked_div(every.as_micros()) {
            Some(charges) => charges,
            None => u64::MAX,
        }
    }

    /// The smallest lease, in charges a record, with which so many charges can be made: at least 1. `u64::MAX` if not a
    /// single record fits.
    pub const fn least_lease(&self, charges: u64) -> u64 {
        match self.lifetime_records() {
            0 => u64::MAX,
            records if charges <= records => 1,
            records => charges.div_ceil(records),
        }
    }

    /// Records that so many charges take with a lease of so many; a lease of zero counts as one: strict.
    pub const fn writes(charges: u64, lease: u64) -> u64 {
        if lease <= 1 { charges } else { charges.div_ceil(lease) }
    }

    /// How long it lasts with one charge every `every` and a lease of so many charges; saturates.
    pub const fn life(&self, every: Duration, lease: u64) -> Duration {
        let lease = if lease == 0 { 1 } else { lease };
        every.saturating_mul(self.lifetime_records().saturating_mul(lease))
    }

    /// Bytes written for a thousand charges with a lease of so many: to compare with other stores.
    pub const fn bytes_per_thousand(&self, lease: u64) -> u64 {
        Self::writes(1_000, lease).saturating_mul(self.record_bytes as u64)
    }
}
