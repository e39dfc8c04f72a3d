//! `Log`: where the next record goes, as steps for a driver: it reads, writes and erases nothing itself.
//!
//! ```text
//!  begin(record) ──> there is room ─────────────────────────────────────────────> write its slots ──> done
//!                └─> page full ──> erase the next ──> copy the state ──> header ──> mark the old one ─┘
//! ```
//! The new page counts from the moment its header is whole; until then the old one does, and nothing more is added to
//! it. After a failure the slot in question is read first: a torn one is skipped, never written again.

use super::JournalFault;
use super::layout::{Header, Layout, mark};
use super::record::{Bytes, Found, Record, SLOT, Slot};
use super::recovery::Scan;

/// What a driver has to do next; `Write` writes the log's buffer, `Read` reads into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Read(u32),
    Write(u32),
    Erase(u32, u32),
    /// Hand over the record with this number of the state as it is now, or `None` after the last: `give`.
    Ask(u16),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Todo {
    Idle,
    /// Read the slot that a failure left in doubt.
    Doubt,
    Looked,
    Start,
    /// This many parts have been written.
    Put(u8),
    Erased,
    /// The record with this number is wanted.
    Next(u16),
    /// This many parts of the record with this number have been copied.
    Copied(u16, u8),
    Headed,
    Marked,
}

/// The end of the journal.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Log {
    pub(crate) buf: Bytes,
    layout: Layout,
    config: u32,
    generation: u32,
    page: u16,
    slot: u16,
    seq: u32,
    /// The page must be left before anything is added: the next one may be half written.
    must_turn: bool,
    /// The page has its mark already.
    marked: bool,
    /// A write to `slot` may have happened.
    doubt: bool,
    todo: Todo,
    record: Option<Record>,
    copied: Option<Record>,
    /// The next slot and number on the page that is being prepared.
    to_slot: u16,
    to_seq: u32,
    /// How often a page was taken over by the next since the journal was opened.
    turns: u32,
}

impl Log {
    /// An empty journal whose header is to be written.
    pub(crate) fn blank(layout: Layout, config: u32) -> Self {
        Self {
            buf: [0; SLOT as usize],
            layout,
            config,
            generation: 1,
            page: 0,
            slot: 1,
            seq: 1,
            must_turn: false,
            marked: false,
            doubt: false,
            todo: Todo::Idle,
            record: None,
            copied: None,
            to_slot: 0,
            to_seq: 0,
            turns: 0,
        }
    }

    /// What reads the same journal.
    pub(crate) fn scan(&self) -> Scan {
        Scan::new(self.layout, self.config)
    }

    /// A journal whose newest page was read.
    pub(crate) fn resume(layout: Layout, page: u16, header: &Header, slot: u16, seq: u32) -> Self {
        Self { generation: header.generation, page, slot, seq, ..Self::blank(layout, header.config) }
    }

    /// Leaves the page before anything is added.
    pub(crate) const fn turn_first(&mut self) {
        self.must_turn = true;
    }

    /// The page was marked as stale although it is the newest that is left: a lost one had the next number.
    pub(crate) const fn was_stale(&mut self) {
        self.marked = true;
        self.generation = self.generation.saturating_add(1);
    }

    pub(crate) const fn turns(&self) -> u32 {
        self.turns
    }

    /// Starts to append; whatever was under way before was abandoned.
    pub(crate) fn begin(&mut self, record: Option<Record>) {
        self.abandon();
        self.record = record;
        self.todo = if self.doubt { Todo::Doubt } else { Todo::Start };
    }

    /// A step failed, or its future was dropped.
    pub(crate) fn abandon(&mut self) {
        match self.todo {
            Todo::Put(_) => self.doubt = true,
            Todo::Erased | Todo::Next(_) | Todo::Copied(..) | Todo::Headed => self.must_turn = true,
            Todo::Idle | Todo::Doubt | Todo::Looked | Todo::Start | Todo::Marked => {}
        }
        self.todo = Todo::Idle;
        self.copied = None;
    }

    /// The record that was begun with, once it is written.
    pub(crate) const fn done(&mut self) -> Option<Record> {
        self.record.take()
    }

    pub(crate) fn give(&mut self, record: Option<Record>) {
        self.copied = record;
    }

    /// What to do next; the step before was done.
    pub(crate) fn next(&mut self) -> Result<Step, JournalFault> {
        // A few states do nothing themselves.
        loop {
            match self.todo {
                Todo::Idle => return Ok(Step::Done),
                Todo::Doubt => {
                    self.todo = Todo::Looked;
                    return Ok(Step::Read(self.layout.address(self.page, self.slot)));
                }
                Todo::Looked => {
                    self.judge_doubtful();
                    self.todo = Todo::Start;
                }
                Todo::Start => {
                    let parts = self.record.as_ref().map_or(0, Record::parts);
                    if self.must_turn || self.slot.saturating_add(parts.into()) > self.layout.mark() {
                        return self.turn();
                    }
                    if let Some(step) = self.put(0)? {
                        return Ok(step);
                    }
                }
                Todo::Put(part) => {
                    self.advance();
                    if let Some(step) = self.put(part)? {
                        return Ok(step);
                    }
                }
                Todo::Erased => {
                    (self.to_slot, self.to_seq) = (1, self.seq);
                    self.todo = Todo::Next(0);
                    return Ok(Step::Ask(0));
                }
                Todo::Next(at) => {
                    return if self.copied.is_some() { self.copy(at, 0) } else { Ok(self.head()) };
                }
                Todo::Copied(at, part) => {
                    (self.to_slot, self.to_seq) = (self.to_slot.saturating_add(1), self.to_seq.saturating_add(1));
                    if self.copied.as_ref().is_some_and(|record| part < record.parts()) {
                        return self.copy(at, part);
                    }
                    let next = at.saturating_add(1);
                    self.todo = Todo::Next(next);
                    return Ok(Step::Ask(next));
                }
                Todo::Headed => {
                    let old = self.page;
                    (self.page, self.slot, self.seq) = (self.layout.after(old), self.to_slot, self.to_seq);
                    self.generation = self.generation.saturating_add(1);
                    self.turns = self.turns.saturating_add(1);
                    (self.must_turn, self.doubt) = (false, false);
                    self.todo = Todo::Marked;
                    if !core::mem::take(&mut self.marked) {
                        self.buf = mark(self.generation);
                        return Ok(Step::Write(self.layout.address(old, self.layout.mark())));
                    }
                }
                Todo::Marked => {
                    let parts = self.record.as_ref().map_or(0, Record::parts);
                    if self.slot.saturating_add(parts.into()) > self.layout.mark() {
                        return Err(JournalFault::PageTooSmall { slots: self.layout.slots() });
                    }
                    if let Some(step) = self.put(0)? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    /// The slot after a failed write: written after all, untouched, or torn and to be skipped.
    fn judge_doubtful(&mut self) {
        self.doubt = false;
        match Slot::decode(&self.buf) {
            Found::Erased => {}
            Found::Good(slot) if slot.seq == self.seq => self.advance(),
            Found::Good(_) | Found::Bad => self.slot = self.slot.saturating_add(1),
        }
    }

    /// The slot is used. Neither saturates: a page is short, and the number was checked.
    const fn advance(&mut self) {
        (self.slot, self.seq) = (self.slot.saturating_add(1), self.seq.saturating_add(1));
    }

    /// Writes this part of the record; after the last, it is done.
    fn put(&mut self, part: u8) -> Result<Option<Step>, JournalFault> {
        let Some(record) = self.record.as_ref().filter(|record| part < record.parts()) else {
            self.todo = Todo::Idle;
            return Ok(None);
        };
        if self.seq == u32::MAX {
            return Err(JournalFault::Exhausted);
        }
        self.buf = record.slot(part, self.seq).encode();
        self.todo = Todo::Put(part.saturating_add(1));
        Ok(Some(Step::Write(self.layout.address(self.page, self.slot))))
    }

    fn turn(&mut self) -> Result<Step, JournalFault> {
        if self.generation >= u32::MAX - 1 {
            return Err(JournalFault::Exhausted);
        }
        self.todo = Todo::Erased;
        let (from, to) = self.layout.range(self.layout.after(self.page));
        Ok(Step::Erase(from, to))
    }

    fn copy(&mut self, at: u16, part: u8) -> Result<Step, JournalFault> {
        if self.to_slot >= self.layout.mark() {
            return Err(JournalFault::PageTooSmall { slots: self.layout.slots() });
        }
        if self.to_seq == u32::MAX {
            return Err(JournalFault::Exhausted);
        }
        if let Some(record) = &self.copied {
            self.buf = record.slot(part, self.to_seq).encode();
        }
        self.todo = Todo::Copied(at, part.saturating_add(1));
        Ok(Step::Write(self.layout.address(self.layout.after(self.page), self.to_slot)))
    }

    fn head(&mut self) -> Step {
        let header = Header {
            generation: self.generation.saturating_add(1),
            config: self.config,
            first: self.seq,
            snapshot: self.to_slot.saturating_sub(1),
        };
        self.buf = header.encode(&self.layout);
        self.todo = Todo::Headed;
        Step::Write(self.layout.address(self.layout.after(self.page), 0))
    }
}
