//! What is around every image: header, checksum, and the way from the time of the save to the time of now.

use crate::checksum::crc32;
use crate::continued::Offline;
use crate::image::bytes::{Print, Reader, Writer};
use crate::image::{ImageError, Mismatch, Restored};
use crate::time::{Duration, Instant};

pub(crate) const VERSION: u8 = 1;
pub(crate) const HEADER: usize = 24;
pub(crate) const TRAILER: usize = 4;
const MAGIC: [u8; 2] = *b"TG";

/// What has an image. A refused image changes nothing.
pub(crate) trait Body {
    /// Whether it takes over one part after the other. It is read twice then: once to look, and once to apply.
    const HAS_PARTS: bool = false;

    /// The number of its kind; never given to another one.
    const KIND: u8;
    /// How many bytes it writes, always.
    const LEN: usize;

    /// The fingerprints of its configuration.
    fn config(&self) -> Config;

    /// Writes [`LEN`](Self::LEN) bytes.
    fn write(&self, saved: Instant, to: &mut Writer<'_>);

    /// Reads as many, and takes them over if [`Shift::applies`]: at the very end, unless it has parts.
    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift);
}

/// Two fingerprints: what must be the same, and what may differ under [`Mismatch::KeepUsed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) shape: Print,
    pub(crate) terms: Print,
}

impl Config {
    pub(crate) fn of(shape: &[u64], terms: &[u64]) -> Self {
        let print = |values: &[u64]| {
            let mut print = Print::NONE;
            for value in values {
                print.add(*value);
            }
            print
        };
        Self { shape: print(shape), terms: print(terms) }
    }
}

/// A body inside another, with fingerprints of its own: 8 bytes more.
pub(crate) const fn part_len<B: Body>() -> usize {
    8 + B::LEN
}

pub(crate) fn write_part<B: Body>(body: &B, saved: Instant, to: &mut Writer<'_>) {
    let Config { shape, terms } = body.config();
    to.u32(shape.to_bits());
    to.u32(terms.to_bits());
    body.write(saved, to);
}

pub(crate) fn read_part<B: Body>(body: &mut B, from: &mut Reader<'_>, when: &mut Shift) {
    let (shape, terms) = (Print::from_bits(from.u32()), Print::from_bits(from.u32()));
    let around = when.same;
    when.compare(Config { shape, terms }, body.config());
    body.read(from, when);
    when.same = around;
}

/// What may stand in a place of a bigger image: a body with its fingerprints, perhaps, or nothing.
pub(crate) trait Piece {
    /// How many bytes it takes, always.
    const LEN: usize;

    fn write(&self, saved: Instant, to: &mut Writer<'_>);

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift);
}

impl Piece for () {
    const LEN: usize = 0;

    fn write(&self, _saved: Instant, _to: &mut Writer<'_>) {}

    fn read(&mut self, _from: &mut Reader<'_>, _when: &mut Shift) {}
}

impl<B: Body> Piece for B {
    const LEN: usize = part_len::<B>();

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        write_part(self, saved, to);
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        read_part(self, from, when);
    }
}

/// It is there in both, or in neither.
impl<B: Body> Piece for Option<B> {
    const LEN: usize = 1 + part_len::<B>();

    fn write(&self, saved: Instant, to: &mut Writer<'_>) {
        to.u8(u8::from(self.is_some()));
        match self {
            Some(part) => write_part(part, saved, to),
            None => to.blank(part_len::<B>()),
        }
    }

    fn read(&mut self, from: &mut Reader<'_>, when: &mut Shift) {
        when.require(from.flag() == self.is_some());
        match self {
            Some(part) => read_part(part, from, when),
            None => from.skip(part_len::<B>()),
        }
    }
}

/// The place of an image in a slice.
pub(crate) fn place(out: &mut [u8], size: usize) -> Result<&mut [u8], ImageError> {
    out.get_mut(..size).ok_or(ImageError::NoRoom { needed: size })
}

/// Writes the header; what comes back writes the body.
pub(crate) fn begin(image: &mut [u8], kind: u8, saved: Instant, config: Config) -> Writer<'_> {
    let size = image.len();
    let mut to = Writer::new(image.get_mut(..size.saturating_sub(TRAILER)).unwrap_or_default());
    // At once: every call takes its place in a small program.
    let [magic0, magic1] = MAGIC;
    to.u32(u32::from_le_bytes([magic0, magic1, VERSION, kind]));
    to.count(size);
    to.u32(config.shape.to_bits());
    to.u32(config.terms.to_bits());
    to.instant(saved);
    to
}

/// Writes the checksum of all but the last four bytes there.
#[inline(never)]
pub(crate) fn seal(image: &mut [u8]) {
    if let Some((sealed, trailer)) = image.split_last_chunk_mut::<TRAILER>() {
        *trailer = crc32(sealed).to_le_bytes();
    }
}

/// Whether its last four bytes are the checksum of the others.
#[inline(never)]
pub(crate) fn is_sealed(image: &[u8]) -> bool {
    image.split_last_chunk().is_some_and(|(sealed, trailer)| crc32(sealed) == u32::from_le_bytes(*trailer))
}

/// A whole image: what its header says, and its body.
pub(crate) struct Opened<'b> {
    version: u8,
    kind: u8,
    size: usize,
    config: Config,
    saved: Instant,
    pub(crate) body: &'b [u8],
}

/// Looks whether it is whole, whatever it is an image of.
fn look(image: &[u8], needed: usize) -> Result<Opened<'_>, ImageError> {
    let found = image.len();
    let [first, ..] = image else { return Err(ImageError::Truncated { needed, found }) };
    if found < HEADER {
        return Err(ImageError::Truncated { needed, found });
    }
    if image.get(..needed).unwrap_or(image).iter().all(|byte| byte == first) {
        match first {
            0 => return Err(ImageError::Zeroed),
            0xFF => return Err(ImageError::Erased),
            _ => {}
        }
    }
    let mut from = Reader::new(image);
    let [magic0, magic1, version, kind] = from.u32().to_le_bytes();
    if [magic0, magic1] != MAGIC {
        return Err(ImageError::NotAnImage);
    }
    let size = usize::try_from(from.u32()).unwrap_or(usize::MAX);
    let config = Config { shape: Print::from_bits(from.u32()), terms: Print::from_bits(from.u32()) };
    let saved = from.instant();
    let whole = image.get(..size).ok_or(ImageError::Truncated { needed: size, found })?;
    match size.checked_sub(TRAILER).and_then(|end| whole.get(HEADER..end)) {
        Some(body) if is_sealed(whole) => Ok(Opened { version, kind, size, config, saved, body }),
        _ => Err(ImageError::Damaged),
    }
}

/// Opens an image of this kind and size under this configuration.
pub(crate) fn open(
    image: &[u8],
    kind: u8,
    size: usize,
    config: Config,
    mismatch: Mismatch,
) -> Result<Opened<'_>, ImageError> {
    let opened = look(image, size)?;
    // The layout first: in another one the rest may mean something else.
    match opened {
        Opened { version, .. } if version != VERSION => Err(ImageError::OtherVersion { found: version }),
        Opened { kind: found, .. } if found != kind => Err(ImageError::OtherKind { found }),
        Opened { size: found, .. } if found != size => Err(ImageError::OtherSize { expected: size, found }),
        opened if !opened.config.may_become(config, mismatch) => Err(ImageError::OtherConfig),
        opened => Ok(opened),
    }
}

/// When a whole image was saved.
pub(crate) fn saved_at(image: &[u8]) -> Result<Instant, ImageError> {
    let opened = look(image, HEADER + TRAILER)?;
    if opened.version == VERSION { Ok(opened.saved) } else { Err(ImageError::OtherVersion { found: opened.version }) }
}

impl Opened<'_> {
    /// The way from then to now.
    pub(crate) fn shift(&self, now: Instant, offline: Offline, mismatch: Mismatch, own: Config, dry: bool) -> Shift {
        // What was opened under `Refuse` is the same: said here so that programs which refuse have no code for the rest.
        let same = mismatch == Mismatch::Refuse || self.config == own;
        let restored = Restored { other_config: !same, ..Restored::default() };
        Shift { saved: self.saved, now, offline, mismatch, same, refused: false, dry, restored }
    }
}

/// The way from the time of the save to the time of now, and what was met on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    saved: Instant,
    now: Instant,
    offline: Offline,
    mismatch: Mismatch,
    /// Whether the configuration is the one it was saved under.
    pub(crate) same: bool,
    refused: bool,
    dry: bool,
    restored: Restored,
}

impl Shift {
    /// Now.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// When it was saved, on the clock of then.
    pub(crate) const fn saved(&self) -> Instant {
        self.saved
    }

    /// Whether the date is still known.
    pub(crate) const fn is_trusted(&self) -> bool {
        matches!(self.offline, Offline::Trusted(_))
    }

    /// Whether this is the second reading, and all is well so far.
    pub(crate) const fn applies(&self, from: &Reader<'_>) -> bool {
        !self.dry && !self.refused && from.is_good()
    }

    /// Counts reservations that were open.
    pub(crate) fn found_open(&mut self, count: u32) {
        self.restored.open = self.restored.open.saturating_add(count);
    }

    fn found_clamped(&mut self) {
        self.restored.clamped = self.restored.clamped.saturating_add(1);
    }

    /// How old something is now that was stamped `then`; one stamped after the save is as old as the save.
    pub(crate) fn age(&self, then: Instant) -> Duration {
        self.span(self.saved, then)
    }

    /// How old something is now that was stamped `then` and saved at that time.
    pub(crate) fn span(&self, saved: Instant, then: Instant) -> Duration {
        saved.saturating_since(then).saturating_add(self.offline.credit())
    }

    /// Where something lies on this clock that is so old, and how far before its beginning.
    pub(crate) fn ago(&self, age: Duration) -> (Instant, Duration) {
        let since = self.now.saturating_since(Instant::ORIGIN);
        (self.now.saturating_sub(age), age.saturating_sub(since))
    }

    /// A stamp of the past: never after now, and at the origin if it is older than this clock.
    pub(crate) fn past(&mut self, then: Instant) -> Instant {
        if then > self.saved {
            self.found_clamped();
        }
        self.ago(self.age(then)).0
    }

    /// How much older than this clock something is: what [`past`](Self::past) could not express.
    pub(crate) fn excess(&self, then: Instant) -> Duration {
        self.ago(self.age(then)).1
    }

    /// A stamp that may lie ahead; never stays never.
    // Out of line: many sums, wherever an image has such a stamp.
    #[inline(never)]
    pub(crate) fn at(&self, then: Instant) -> Instant {
        let (ahead, credit) = (then.saturating_since(self.saved), self.offline.credit());
        if then == Instant::MAX {
            then
        } else if ahead > credit {
            self.now.saturating_add(ahead.saturating_sub(credit))
        } else {
            self.now.saturating_sub(self.age(then).saturating_sub(ahead))
        }
    }

    /// As [`at`](Self::at), but at most so far ahead.
    pub(crate) fn at_most(&mut self, then: Instant, ahead: Duration) -> Instant {
        let (at, latest) = (self.at(then), self.now.saturating_add(ahead));
        if at > latest {
            self.found_clamped();
        }
        at.min(latest)
    }

    /// When an object was saved that had acted on a stamp after that: all its stamps move back alike, so that what was left
    /// of its leases is left.
    pub(crate) fn last_act(&mut self, last: Instant) -> Instant {
        if last > self.saved {
            self.found_clamped();
        }
        self.saved.max(last)
    }

    /// The way of such an object.
    pub(crate) fn behind(&mut self, last: Instant) -> Self {
        Self { saved: self.last_act(last), ..*self }
    }

    /// Reads a part whose numbers may be others because the object has changed them itself; whether they are.
    pub(crate) fn leniently(&mut self, read: impl FnOnce(&mut Self)) -> bool {
        let (mismatch, other) = (self.mismatch, self.restored.other_config);
        (self.mismatch, self.restored.other_config) = (Mismatch::KeepUsed, false);
        read(self);
        let changed = self.restored.other_config;
        (self.mismatch, self.restored.other_config) = (mismatch, other);
        changed
    }

    /// Refuses the image as one of another configuration, unless this is so.
    pub(crate) const fn require(&mut self, is_so: bool) {
        self.refused |= !is_so;
    }

    fn compare(&mut self, saved: Config, own: Config) {
        self.refused |= !saved.may_become(own, self.mismatch);
        self.same = saved == own;
        self.restored.other_config |= !self.same;
    }

    /// What was met, once all is read.
    pub(crate) fn restored(&self, from: &Reader<'_>) -> Result<Restored, ImageError> {
        match self {
            Self { refused: true, .. } => Err(ImageError::OtherConfig),
            _ if from.is_good() && from.is_at_end() => Ok(self.restored),
            _ => Err(ImageError::Invalid),
        }
    }
}

impl Config {
    fn may_become(self, own: Self, mismatch: Mismatch) -> bool {
        self == own || (mismatch == Mismatch::KeepUsed && self.shape == own.shape)
    }
}
