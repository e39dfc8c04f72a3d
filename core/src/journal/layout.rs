//! `Layout`: where in the flash the journal lives, and what a page's first slot says.
//!
//! ```text
//!  page 0                         page 1                              a ring of two or more
//!  ├header┤ records ... ┤mark┤    ├header┤ snapshot, records ...
//! ```
//! The header is written last: a page without one was never finished. The last slot is the mark that a later page has
//! taken over; a page with a mark is stale, whatever has become of the later one.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
#[cfg(feature = "journal-async")]
use embedded_storage_async::nor_flash::NorFlash as AsyncNorFlash;

#[cfg(feature = "journal-async")]
use super::keeper::Async;
use super::record::{Bytes, Found, SLOT, Slot, Words};

/// The version of the format, in every header. A version's headers can be read by every later one.
pub const FORMAT: u8 = 1;

const PAGE: u8 = 0xA5;
const MARK: u8 = 0x5A;
const MAGIC: u32 = u32::from_le_bytes(*b"toll");

/// A ring of pages in a flash.
///
/// # Example
/// ```
/// use tollgate::journal::{Layout, LayoutError};
/// // Two sectors of 4 KiB at the end of a flash of 256 KiB.
/// const LAYOUT: Layout = tollgate::valid!(Layout::new(0x3_E000, 4096, 2));
/// assert_eq!(LAYOUT.records_per_page(), 126);
/// assert_eq!(Layout::new(0, 4096, 1), Err(LayoutError::Pages { pages: 1 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layout {
    start: u32,
    page: u32,
    pages: u16,
}

/// Why a flash cannot hold a journal like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LayoutError {
    /// Fewer than two pages, or more than 4096.
    Pages {
        /// How many.
        pages: u16,
    },
    /// A page is not a multiple of 32 bytes from 128 bytes to 1 MiB.
    Page {
        /// Its bytes.
        page: u32,
    },
    /// The pages do not fit between this start and the end of the flash.
    Capacity {
        /// Where the last page would end.
        end: u64,
        /// The bytes of the flash.
        capacity: u64,
    },
    /// The flash cannot write 32 bytes and nothing else.
    WriteSize {
        /// What it writes at once.
        bytes: u32,
    },
    /// The flash cannot read 32 bytes and nothing else.
    ReadSize {
        /// What it reads at once.
        bytes: u32,
    },
    /// The start or the size of a page is not a multiple of what the flash erases at once.
    EraseSize {
        /// What it erases at once.
        bytes: u32,
    },
}

impl LayoutError {
    /// What is wrong, without the numbers, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::Pages { .. } => "a journal needs 2 to 4096 pages",
            Self::Page { .. } => "a page must be a multiple of 32 bytes, from 128 to 1 MiB",
            Self::Capacity { .. } => "the pages end behind the end of the flash",
            Self::WriteSize { .. } => "the flash must write 1, 2, 4, 8, 16 or 32 bytes at once",
            Self::ReadSize { .. } => "the flash must read 1, 2, 4, 8, 16 or 32 bytes at once",
            Self::EraseSize { .. } => "start and page must be multiples of what the flash erases at once",
        }
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages { pages } => write!(f, "{pages} pages: expected 2 to 4096"),
            Self::Page { page } => write!(f, "pages of {page} bytes: expected a multiple of 32 from 128 to 1 MiB"),
            Self::Capacity { end, capacity } => write!(f, "the pages end at {end}: expected at most {capacity}"),
            Self::WriteSize { bytes } => write!(f, "the flash writes {bytes} bytes at once: expected a divisor of 32"),
            Self::ReadSize { bytes } => write!(f, "the flash reads {bytes} bytes at once: expected a divisor of 32"),
            Self::EraseSize { bytes } => {
                write!(f, "the flash erases {bytes} bytes at once: expected start and page to be multiples of it")
            }
        }
    }
}

impl core::error::Error for LayoutError {}

/// What a flash can do, from the constants of its driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) read: usize,
    pub(crate) write: usize,
    pub(crate) erase: usize,
    pub(crate) capacity: usize,
}

/// A driver, of either kind, that says what its flash can do.
pub(crate) trait Measured {
    fn geometry(&self) -> Geometry;
}

impl<F: NorFlash> Measured for F {
    fn geometry(&self) -> Geometry {
        Geometry { read: F::READ_SIZE, write: F::WRITE_SIZE, erase: F::ERASE_SIZE, capacity: self.capacity() }
    }
}

#[cfg(feature = "journal-async")]
impl<F: AsyncNorFlash> Measured for Async<F> {
    fn geometry(&self) -> Geometry {
        Geometry { read: F::READ_SIZE, write: F::WRITE_SIZE, erase: F::ERASE_SIZE, capacity: self.0.capacity() }
    }
}

impl Layout {
    /// `pages` pages of `page` bytes from `start` on.
    ///
    /// # Errors
    /// [`LayoutError::Pages`]; [`LayoutError::Page`]. Whether it suits a flash is checked when the journal is opened.
    pub const fn new(start: u32, page: u32, pages: u16) -> Result<Self, LayoutError> {
        if pages < 2 || pages > 4096 {
            return Err(LayoutError::Pages { pages });
        }
        if !page.is_multiple_of(SLOT) || page < 4 * SLOT || page > 1 << 20 {
            return Err(LayoutError::Page { page });
        }
        Ok(Self { start, page, pages })
    }

    /// Records of one slot that fit on a page, less what a snapshot takes.
    pub const fn records_per_page(&self) -> u32 {
        // A page has four slots at least.
        (self.page / SLOT).saturating_sub(2)
    }

    /// The bytes of a page.
    pub const fn page_bytes(&self) -> u32 {
        self.page
    }

    /// How many pages there are.
    pub const fn pages(&self) -> u16 {
        self.pages
    }

    /// Where it starts in the flash.
    pub const fn start(&self) -> u32 {
        self.start
    }

    /// Where it ends in the flash, exclusive.
    pub const fn end(&self) -> u64 {
        self.start as u64 + self.page as u64 * self.pages as u64
    }

    pub(crate) fn suits(&self, flash: Geometry) -> Result<(), LayoutError> {
        let bytes = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let divides = |size: u32| size.is_power_of_two() && size <= SLOT;
        if !divides(bytes(flash.write)) {
            return Err(LayoutError::WriteSize { bytes: bytes(flash.write) });
        }
        if !divides(bytes(flash.read)) {
            return Err(LayoutError::ReadSize { bytes: bytes(flash.read) });
        }
        let erase = bytes(flash.erase);
        // Slots must be aligned to what is written at once, wherever the pages are.
        let aligned = |size: u32| size.is_multiple_of(erase);
        if erase == 0 || !aligned(self.start) || !aligned(self.page) || !self.start.is_multiple_of(SLOT) {
            return Err(LayoutError::EraseSize { bytes: erase });
        }
        let capacity = flash.capacity as u64;
        if self.end() > capacity || self.end() > u64::from(u32::MAX) + 1 {
            return Err(LayoutError::Capacity { end: self.end(), capacity });
        }
        Ok(())
    }

    /// The number of slots of a page, header and mark included.
    #[expect(clippy::cast_possible_truncation, reason = "a page has at most 2^15 slots")]
    pub(crate) const fn slots(&self) -> u16 {
        (self.page / SLOT) as u16
    }

    /// The slot of the mark.
    pub(crate) const fn mark(&self) -> u16 {
        self.slots().saturating_sub(1)
    }

    /// The address of a slot. Does not wrap: the end was checked.
    pub(crate) const fn address(&self, page: u16, slot: u16) -> u32 {
        self.start.wrapping_add(self.page.wrapping_mul(page as u32)).wrapping_add(SLOT * slot as u32)
    }

    /// The addresses of a page.
    pub(crate) const fn range(&self, page: u16) -> (u32, u32) {
        let from = self.address(page, 0);
        (from, from.saturating_add(self.page))
    }

    /// The page after this one.
    pub(crate) const fn after(&self, page: u16) -> u16 {
        // At most 4096.
        let next = page.wrapping_add(1);
        if next < self.pages { next } else { 0 }
    }
}

/// What the first slot of a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Header {
    pub(crate) generation: u32,
    pub(crate) config: u32,
    /// The number of the first record.
    pub(crate) first: u32,
    /// How many slots the snapshot takes; no more than there are.
    pub(crate) snapshot: u16,
}

/// What a page is, going by its first slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    Blank,
    Zeroed,
    Unknown,
    /// Of another version of the format.
    Version {
        found: u8,
        generation: u32,
    },
    /// Of another layout.
    Geometry {
        generation: u32,
    },
    Ours(Header),
}

impl Header {
    pub(crate) fn encode(&self, layout: &Layout) -> Bytes {
        let place = u64::from(self.config) | u64::from(self.generation) << 32;
        let geometry = u64::from(layout.page) | u64::from(layout.pages) << 32;
        let words = Words::new(MAGIC, place, geometry);
        Slot { seq: self.first, kind: PAGE, part: FORMAT, who: self.snapshot, words }.encode()
    }

    pub(crate) fn read(bytes: &Bytes, layout: &Layout) -> PageKind {
        let slot = match Slot::decode(bytes) {
            Found::Erased => return PageKind::Blank,
            Found::Bad if bytes.iter().all(|byte| *byte == 0) => return PageKind::Zeroed,
            Found::Good(slot) if slot.kind == PAGE && slot.words.a == MAGIC => slot,
            _ => return PageKind::Unknown,
        };
        let half = |half: u64| u32::try_from(half).unwrap_or(0);
        let (config, generation) = (half(slot.words.b & u64::from(u32::MAX)), half(slot.words.b >> 32));
        if slot.part != FORMAT {
            return PageKind::Version { found: slot.part, generation };
        }
        if slot.words.c != u64::from(layout.page) | u64::from(layout.pages) << 32 {
            return PageKind::Geometry { generation };
        }
        PageKind::Ours(Header { generation, config, first: slot.seq, snapshot: slot.who })
    }
}

/// The slot that says that page `generation` has taken over.
pub(crate) fn mark(generation: u32) -> Bytes {
    Slot { seq: generation, kind: MARK, part: FORMAT, who: 0, words: Words::default() }.encode()
}
