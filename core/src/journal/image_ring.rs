//! Where the newest image is and where the next one goes: what a flash looks like after a reboot, without reading it itself.
//!
//! ```text
//!  record  ├ number ┼ "TL" version, size/32 ┼ page/32, pages ┼ lease ┼── image ──┼ zeros ┼ crc32 ┤     little-endian
//!          0        4                       8               12      16                 size - 4
//!  page    ├ record ┼ record ┼ ... ┼ rest ┼ mark: 32 bytes of zeros once the next page has a record ┤
//! ```
//! Every record is the whole state, and the one with the highest number counts. A bad one is a torn write exactly if the
//! numbers around it are consecutive, because a write that was cut never used its number up.

use crate::image::{Image, Reader, Writer, is_sealed, seal};
use crate::time::Instant;

use super::fault::JournalFault;
use super::layout::{FORMAT, Geometry, Layout};
use super::record::SLOT;
use super::recovery::Damage;
use super::state::Health;

/// What a record takes beside its image.
pub(super) const AROUND: usize = HEAD + CRC;
pub(super) const HEAD: usize = 16;
const CRC: usize = 4;

/// The mark of a page that another one has followed.
pub(super) const MARK: [u8; SLOT as usize] = [0; SLOT as usize];

/// Nobody knows the number of what is missing.
const LOST: u32 = u32::MAX;

/// What was seen on a page. Words only, which are moved in the fewest instructions.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Seen {
    /// The number of its newest record, 0 if there is none, and where that is.
    seq: u32,
    at: u32,
    /// What may have been granted since.
    lease: u32,
    /// Behind the last place that is not erased.
    next: u32,
    torn: u32,
    /// The number of a record that should be there, or 0; [`LOST`] if it is the newest of all.
    missing: u32,
}

/// What is the same in all records: "TL", version and size; pages of what size, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Kind {
    tag: u32,
    pages: u32,
}

/// The end of the log.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Ring {
    pub(super) layout: Layout,
    /// What is the same in all records.
    kind: Kind,
    /// The bytes of a record.
    size: u32,
    /// The page with the newest record, and what is on it.
    page: u16,
    newest: Seen,
    /// A write was begun and not seen to end: look again before the next one.
    pub(super) doubt: bool,
}

impl Ring {
    /// An empty one, of records of so many bytes.
    pub(super) fn new(layout: Layout, flash: Geometry, size: u32) -> Result<Self, JournalFault> {
        layout.suits(flash).map_err(JournalFault::Layout)?;
        let kind = Kind::of(&layout, size);
        let ring = Self { layout, kind, size, page: 0, newest: Seen::default(), doubt: false };
        if size <= layout.page_bytes() / 2 {
            Ok(ring)
        } else {
            Err(JournalFault::PageTooSmall { slots: layout.slots() })
        }
    }

    /// In what state it was found, if so many records were written since.
    pub(super) fn health(&self, records: u32) -> Health {
        let Seen { seq, torn, missing, .. } = self.newest;
        if seq == records {
            Health::New
        } else if missing == LOST {
            Health::Damaged(Damage::NewestPage)
        } else if missing > 0 {
            Health::Damaged(Damage::Missing { expected: missing })
        } else if torn > 0 {
            Health::Torn { slots: u16::try_from(torn).unwrap_or(u16::MAX) }
        } else {
            Health::Clean
        }
    }

    /// What may have been granted since the newest record.
    pub(super) const fn lease(&self) -> u32 {
        self.newest.lease
    }

    /// Whether anything was saved.
    pub(super) const fn has_record(&self) -> bool {
        self.newest.seq > 0
    }

    /// Whether what was saved last is lost: all that is left is older.
    pub(super) const fn is_stale(&self) -> bool {
        self.newest.next > self.mark()
    }

    pub(super) const fn page(&self) -> u16 {
        self.page
    }

    /// Where on each page its mark is: the last place.
    pub(super) const fn mark(&self) -> u32 {
        self.layout.page_bytes().wrapping_sub(self.size)
    }

    /// The place after this one. A page has at most a megabyte, and a record 8 KiB.
    pub(super) const fn after(&self, at: u32) -> u32 {
        at.wrapping_add(self.size)
    }

    /// Whether a record at this place of a page leaves its mark alone.
    pub(super) const fn fits(&self, at: u32) -> bool {
        self.after(at) <= self.mark()
    }

    /// Does not wrap: the end was checked.
    pub(super) const fn address(&self, page: u16, at: u32) -> u32 {
        self.layout.address(page, 0).wrapping_add(at)
    }

    /// The address of the newest record.
    pub(super) const fn newest(&self) -> u32 {
        self.address(self.page, self.newest.at)
    }

    /// The mark of the page before, if the newest record is the first of its page: the power may have gone between the two.
    pub(super) const fn mark_due(&self) -> Option<u32> {
        if self.newest.seq == 0 || self.newest.at > 0 {
            return None;
        }
        let before = if self.page == 0 { self.layout.pages() } else { self.page };
        Some(self.address(before.wrapping_sub(1), self.mark()))
    }

    /// The page of the next record and its place there; the beginning of the page after if this one is full.
    pub(super) const fn place(&self) -> (u16, u32) {
        let next = self.newest.next;
        if self.fits(next) { (self.page, next) } else { (self.layout.after(self.page), 0) }
    }

    /// Makes the next record, on zeros.
    pub(super) fn frame<I: Image>(
        &self,
        record: &mut [u8],
        now: Instant,
        object: &I,
        lease: u32,
    ) -> Result<(), JournalFault> {
        let (head, image) = record.split_at_mut_checked(HEAD).unwrap_or_default();
        object.save(now, image).map_err(JournalFault::Image)?;
        if self.newest.seq == u32::MAX {
            return Err(JournalFault::Exhausted);
        }
        let mut to = Writer::new(head);
        to.u32(self.newest.seq.wrapping_add(1));
        to.u32(self.kind.tag);
        to.u32(self.kind.pages);
        to.u32(lease);
        seal(record);
        Ok(())
    }

    /// A record was written there.
    pub(super) const fn wrote(&mut self, page: u16, at: u32, lease: u32) {
        let newest = &mut self.newest;
        (self.page, newest.at, newest.next) = (page, at, at.wrapping_add(self.size));
        newest.lease = lease;
        // It was not the last number.
        newest.seq = newest.seq.wrapping_add(1);
    }
}

impl Kind {
    fn of(layout: &Layout, size: u32) -> Self {
        // At most 255 x 32 bytes, at most 2^15 x 32 a page, and at most 2^12 pages.
        let tag = u32::from_le_bytes([b'T', b'L', FORMAT, 0]) | (size / SLOT) << 24;
        Self { tag, pages: (layout.page_bytes() / SLOT) | (u32::from(layout.pages()) << 16) }
    }

    /// What is wrong with a flash that has this where one of ours should be.
    fn fault(self, ours: Self) -> JournalFault {
        let [_, _, found, _] = self.tag.to_le_bytes();
        // Without the size, and without the version.
        let agrees = |bits: u32| self.tag << bits == ours.tag << bits;
        if agrees(8) && self != ours {
            JournalFault::OtherLayout
        } else if agrees(16) && self != ours {
            JournalFault::Version { found }
        } else if self.tag | self.pages == 0 {
            JournalFault::Zeroed
        } else {
            JournalFault::Unknown
        }
    }
}

#[inline(never)]
pub(super) fn is_erased(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0xFF)
}

/// What was seen of a flash, place by place.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The page that is being looked at.
    here: Seen,
    best: Seen,
    page: u16,
    /// The first place that is neither erased nor good, nor may be the first record of all, cut while it was written.
    strange: Option<Kind>,
}

impl Survey {
    /// A record's place on the page, or its mark.
    pub(super) fn saw(&mut self, ring: &Ring, at: u32, bytes: &[u8]) {
        if is_erased(bytes) {
            return;
        }
        // A mark lies behind every record.
        let before = core::mem::replace(&mut self.here.next, ring.after(at));
        let mut from = Reader::new(bytes);
        let (seq, kind) = (from.u32(), Kind { tag: from.u32(), pages: from.u32() });
        let is_whole = is_sealed(bytes);
        if is_whole && seq > 0 && kind == ring.kind {
            return self.here.found(seq, at, from.u32());
        }
        // No page has so many.
        self.here.torn = self.here.torn.wrapping_add(1);
        // That one is tried in one place after the other, from its beginning on, and bits are cleared only where they are to be.
        let wrong = 1 & !seq | ring.kind.tag & !kind.tag | ring.kind.pages & !kind.pages;
        if is_whole || wrong != 0 || before != at || seq & kind.tag & kind.pages == u32::MAX {
            self.strange.get_or_insert(kind);
        }
    }

    /// Everything on this page was seen.
    pub(super) fn turned(&mut self, page: u16) {
        if page == 0 || self.here.seq > self.best.seq {
            (self.best, self.page) = (self.here, page);
        }
        self.here = Seen::default();
    }

    /// Where the log goes on.
    pub(super) fn end(&self, ring: &mut Ring) -> Result<(), JournalFault> {
        // What was missing when it was opened stays so, however often one looks.
        let missing = ring.newest.missing.max(self.best.missing);
        (ring.newest, ring.page) = (self.best, self.page);
        ring.newest.missing = if ring.is_stale() { LOST } else { missing };
        match self.strange {
            Some(kind) if self.best.seq == 0 => Err(kind.fault(ring.kind)),
            _ => Ok(()),
        }
    }
}

impl Seen {
    fn found(&mut self, seq: u32, at: u32, lease: u32) {
        // A page begins with a whole record; only the first record of all may have been tried before.
        let expected = match self.seq {
            0 if at > 0 && seq > 1 => seq.wrapping_sub(1),
            0 => seq,
            before => before.wrapping_add(1),
        };
        if seq != expected {
            self.missing = expected;
        }
        if seq > self.seq {
            (self.seq, self.at, self.lease) = (seq, at, lease);
        }
    }
}
