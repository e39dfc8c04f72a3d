//! `Scan`: what a flash holds after a reboot, as steps for a driver.
//!
//! ```text
//!  headers of all pages ──> the newest ──> its slots, in order ──> its mark ──> the mark of the one before ──> the log
//!                       └─> none: blank, zeroed, unknown, another version or configuration: nothing is granted
//! ```
//! A bad slot is a torn tail exactly if the numbers around it are consecutive: a write that was cut never used its number
//! up. A missing number is a damage. A page of which the snapshot is not whole, or that has its mark while no later page is
//! there, is one as well.

use crate::bounded::Bounded;
use heapless::Vec;

use super::JournalFault;
use super::layout::{Header, Layout, PageKind, mark};
use super::log::Log;
use super::record::{Bytes, Found, PARTS, Record, SLOT, Slot, Words};
use super::state::Health;

/// What a journal has lost. Its budgets are closed for one period; one without periods waits for its owner. In the log of one
/// image every record is whole in itself, so that only [`NewestPage`](Self::NewestPage) loses anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Damage {
    /// Records are missing: the one with this number should have come next.
    Missing {
        /// The number that was expected.
        expected: u32,
    },
    /// A record has a checksum that is right and a content that is not.
    Unreadable {
        /// Its number.
        seq: u32,
    },
    /// The newest page is gone: the one that is left has been marked as stale.
    NewestPage,
    /// Two pages have the same number.
    SamePage {
        /// Their number.
        generation: u32,
    },
}

impl core::fmt::Display for Damage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Missing { expected } => write!(f, "record {expected} is missing"),
            Self::Unreadable { seq } => write!(f, "record {seq} is not one of this format"),
            Self::NewestPage => f.write_str("the newest page is missing"),
            Self::SamePage { generation } => write!(f, "two pages have the number {generation}"),
        }
    }
}

/// What a driver has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Read(u32),
    Write(u32),
    /// Replay the record: `take`.
    Replay,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Stage {
    Begin,
    Header(u16),
    /// The header of the page after the newest one.
    Ahead,
    Slot(u16),
    /// This slot is to be read next.
    Ready(u16),
    OldMark,
    Blank(u16, u16),
    Done,
}

/// The reading of a flash.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Scan {
    pub(crate) buf: Bytes,
    layout: Layout,
    config: u32,
    stage: Stage,
    newest: Option<(u16, Header)>,
    before: Option<u16>,
    /// The worst that was seen among headers that are not ours, and the generation it claims.
    foreign: Option<(JournalFault, u32)>,
    /// The first header of a format that was cut.
    torn_format: bool,
    odd: u16,
    next_seq: u32,
    /// The last slot that is not erased.
    used: u16,
    torn: u16,
    damage: Option<Damage>,
    must_turn: bool,
    first: Option<Slot>,
    rest: Vec<Words, { PARTS as usize - 1 }>,
    record: Option<Record>,
}

impl Scan {
    pub(crate) fn new(layout: Layout, config: u32) -> Self {
        Self {
            buf: [0; SLOT as usize],
            layout,
            config,
            stage: Stage::Begin,
            newest: None,
            before: None,
            foreign: None,
            torn_format: false,
            odd: 0,
            next_seq: 0,
            used: 0,
            torn: 0,
            damage: None,
            must_turn: false,
            first: None,
            rest: Vec::new(),
            record: None,
        }
    }

    /// The header with which an empty journal starts.
    pub(crate) fn first_header(&self) -> Bytes {
        Header { generation: 1, config: self.config, first: 1, snapshot: 0 }.encode(&self.layout)
    }

    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn take(&mut self) -> Option<Record> {
        self.record.take()
    }

    /// In what state it was found.
    pub(crate) const fn health(&self) -> Health {
        match (self.damage, self.torn) {
            (Some(damage), _) => Health::Damaged(damage),
            (None, 0) => Health::Clean,
            (None, slots) => Health::Torn { slots },
        }
    }

    /// The end of the journal; `None` if the flash is blank, and whether its first page has to be erased then.
    pub(crate) fn log(&self) -> Result<Log, bool> {
        let Some((page, header)) = self.newest else { return Err(self.torn_format) };
        let mut log = Log::resume(self.layout, page, &header, self.used.saturating_add(1), self.next_seq);
        if self.must_turn || self.damage.is_some() {
            log.turn_first();
        }
        if self.damage == Some(Damage::NewestPage) {
            log.was_stale();
        }
        Ok(log)
    }

    /// What to do next; the step before was done.
    pub(crate) fn next(&mut self) -> Result<Look, JournalFault> {
        match self.stage {
            Stage::Begin => Ok(self.read(Stage::Header(0), 0, 0)),
            Stage::Header(page) => {
                self.header(page);
                let next = page.saturating_add(1);
                if next < self.layout.pages() { Ok(self.read(Stage::Header(next), next, 0)) } else { self.headers() }
            }
            Stage::Ahead => {
                let kind = Header::read(&self.buf, &self.layout);
                self.must_turn = matches!(kind, PageKind::Unknown | PageKind::Zeroed);
                Ok(self.read_newest(1))
            }
            Stage::Slot(at) => {
                if at < self.layout.mark() {
                    self.slot(at);
                    self.stage = Stage::Ready(at.saturating_add(1));
                    return Ok(if self.record.is_some() {
                        Look::Replay
                    } else {
                        self.read_newest(at.saturating_add(1))
                    });
                }
                if Slot::decode(&self.buf) != Found::Erased {
                    self.damaged(Damage::NewestPage);
                }
                self.check_snapshot();
                match self.before {
                    Some(page) => Ok(self.read(Stage::OldMark, page, self.layout.mark())),
                    None => Ok(self.finish()),
                }
            }
            Stage::Ready(at) => Ok(self.read_newest(at)),
            Stage::OldMark => match (self.before.take(), self.newest) {
                // The power went between the header of the newest page and the mark of the one before.
                (Some(page), Some((_, header))) if Slot::decode(&self.buf) == Found::Erased => {
                    self.buf = mark(header.generation);
                    Ok(Look::Write(self.layout.address(page, self.layout.mark())))
                }
                _ => Ok(self.finish()),
            },
            Stage::Blank(page, slot) => self.blank(page, slot),
            Stage::Done => Ok(Look::Done),
        }
    }

    fn finish(&mut self) -> Look {
        self.stage = Stage::Done;
        Look::Done
    }

    fn read(&mut self, stage: Stage, page: u16, slot: u16) -> Look {
        self.stage = stage;
        Look::Read(self.layout.address(page, slot))
    }

    fn read_newest(&mut self, slot: u16) -> Look {
        let page = self.newest.map_or(0, |(page, _)| page);
        self.read(Stage::Slot(slot), page, slot)
    }

    fn header(&mut self, page: u16) {
        let header = match Header::read(&self.buf, &self.layout) {
            PageKind::Blank => return,
            PageKind::Ours(header) if header.config == self.config => header,
            PageKind::Ours(Header { config: found, generation, .. }) => {
                return self.foreign(JournalFault::Config { found, expected: self.config }, generation);
            }
            PageKind::Version { found, generation } => {
                return self.foreign(JournalFault::Version { found }, generation);
            }
            PageKind::Geometry { generation } => return self.foreign(JournalFault::OtherLayout, generation),
            kind => {
                self.odd = self.odd.saturating_add(1);
                // Cut while it was written, it has only bits cleared that are to be cleared.
                let first = self.first_header();
                let torn = self.buf.iter().zip(first).all(|(byte, whole)| byte & whole == whole);
                self.torn_format = page == 0 && torn;
                let fault = if kind == PageKind::Zeroed { JournalFault::Zeroed } else { JournalFault::Unknown };
                return self.foreign(fault, 0);
            }
        };
        match self.newest {
            Some((_, known)) if known.generation == header.generation => {
                self.damaged(Damage::SamePage { generation: header.generation });
            }
            Some((at, known)) if known.generation < header.generation => {
                self.before = Some(at).filter(|_| known.generation.saturating_add(1) == header.generation);
                self.newest = Some((page, header));
            }
            Some((_, known)) if header.generation.saturating_add(1) == known.generation => self.before = Some(page),
            Some(_) => {}
            None => self.newest = Some((page, header)),
        }
    }

    /// Of what is not ours, a whole header says more than none, and zeroes say least.
    fn foreign(&mut self, fault: JournalFault, generation: u32) {
        let rank = |fault: JournalFault| match fault {
            JournalFault::Zeroed => 0,
            JournalFault::Unknown => 1,
            _ => 2,
        };
        if self.foreign.is_none_or(|known| (rank(known.0), known.1) < (rank(fault), generation)) {
            self.foreign = Some((fault, generation));
        }
    }

    /// All headers are read.
    fn headers(&mut self) -> Result<Look, JournalFault> {
        let Some((page, header)) = self.newest else {
            let cut_format = self.torn_format && self.odd == 1;
            return match self.foreign {
                Some((JournalFault::Unknown | JournalFault::Zeroed, _)) if cut_format => {
                    Ok(self.read(Stage::Blank(0, 1), 0, 1))
                }
                Some((fault, _)) => Err(fault),
                None => Ok(self.read(Stage::Blank(0, 1), 0, 1)),
            };
        };
        self.torn_format = false;
        if let Some((fault, generation)) = self.foreign
            && generation > header.generation
        {
            return Err(fault);
        }
        self.next_seq = header.first;
        let ahead = self.layout.after(page);
        Ok(self.read(Stage::Ahead, ahead, 0))
    }

    fn blank(&mut self, page: u16, slot: u16) -> Result<Look, JournalFault> {
        if self.buf.iter().any(|byte| *byte != 0xFF) {
            let zeroed = self.buf.iter().all(|byte| *byte == 0);
            return Err(if zeroed { JournalFault::Zeroed } else { JournalFault::Unknown });
        }
        let next = slot.saturating_add(1);
        Ok(if next < self.layout.slots() {
            self.read(Stage::Blank(page, next), page, next)
        } else if page.saturating_add(1) < self.layout.pages() {
            let page = page.saturating_add(1);
            self.read(Stage::Blank(page, 1), page, 1)
        } else {
            self.finish()
        })
    }

    /// The first damage is reported.
    fn damaged(&mut self, damage: Damage) {
        self.damage.get_or_insert(damage);
    }

    fn slot(&mut self, at: u16) {
        let slot = match Slot::decode(&self.buf) {
            Found::Erased => return,
            Found::Bad => {
                (self.used, self.torn) = (at, self.torn.saturating_add(1));
                return;
            }
            Found::Good(slot) => slot,
        };
        self.used = at;
        if slot.seq != self.next_seq {
            self.damaged(Damage::Missing { expected: self.next_seq });
            self.first = None;
            if slot.seq < self.next_seq {
                return;
            }
        }
        self.next_seq = slot.seq.saturating_add(1);
        self.part(&slot);
    }

    /// One more part of a record; parts count only when all are there.
    fn part(&mut self, slot: &Slot) {
        let (part, parts) = (slot.part & 0xF, slot.part >> 4);
        let have = self
            .first
            .as_ref()
            .map(|first| (first.kind, first.who, first.part >> 4, self.rest.len().saturating_add(1)));
        if part == 0 {
            self.first = Some(*slot);
            self.rest.clear();
        } else if have != Some((slot.kind, slot.who, parts, usize::from(part))) || self.rest.put(slot.words).is_err() {
            // The rest of a record that was abandoned cannot come later.
            self.first = None;
            return self.damaged(Damage::Unreadable { seq: slot.seq });
        }
        if part.saturating_add(1) < parts {
            return;
        }
        if let Some(first) = self.first.take() {
            self.record = Record::from_parts(&first, &self.rest);
            if self.record.is_none() {
                self.damaged(Damage::Unreadable { seq: slot.seq });
            }
        }
    }

    /// The header was written after all of the snapshot.
    fn check_snapshot(&mut self) {
        if let Some((_, header)) = self.newest {
            let end = header.first.saturating_add(header.snapshot.into());
            if self.next_seq < end {
                self.damaged(Damage::Missing { expected: self.next_seq });
            }
        }
    }
}
