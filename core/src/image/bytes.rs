//! Writing and reading little-endian bytes, without panics and without generics: one copy of each in the program.

use crate::checksum::Crc32;
use crate::time::Instant;

/// Writes one value after the other. Past the end it writes nothing and remembers that.
pub(crate) struct Writer<'b> {
    rest: &'b mut [u8],
    full: bool,
}

impl<'b> Writer<'b> {
    pub(crate) const fn new(to: &'b mut [u8]) -> Self {
        Self { rest: to, full: false }
    }

    /// Whether all was written, to the last byte.
    pub(crate) const fn is_complete(&self) -> bool {
        !self.full && self.rest.is_empty()
    }

    /// So many bytes of this value, the lowest first.
    // Small, and called for every field: inlined it would be the half of an image's code. The length comes first, because
    // a value of 64 bits takes two registers of which the first has an even number.
    #[inline(never)]
    fn put(&mut self, len: usize, value: u64) {
        let rest = core::mem::take(&mut self.rest);
        let Some((place, rest)) = rest.split_at_mut_checked(len) else {
            self.full = true;
            return;
        };
        for (byte, value) in place.iter_mut().zip(value.to_le_bytes()) {
            *byte = value;
        }
        self.rest = rest;
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.put(1, u64::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.put(2, u64::from(value));
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.put(4, u64::from(value));
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.put(8, value);
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.u32(value.cast_unsigned());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.u64(value.cast_unsigned());
    }

    /// A count; no table has 2^32 entries.
    pub(crate) fn count(&mut self, value: usize) {
        self.u32(u32::try_from(value).unwrap_or(u32::MAX));
    }

    pub(crate) fn instant(&mut self, value: Instant) {
        self.u64(value.as_micros());
    }

    /// Nothing, in so many bytes: entries that are not there, so that the size stays the same.
    pub(crate) fn blank(&mut self, len: usize) {
        for _ in 0..len {
            self.u8(0);
        }
    }
}

/// Reads one value after the other. Past the end there are zeros, and it remembers that.
pub(crate) struct Reader<'b> {
    rest: &'b [u8],
    bad: bool,
}

impl<'b> Reader<'b> {
    pub(crate) const fn new(from: &'b [u8]) -> Self {
        Self { rest: from, bad: false }
    }

    #[inline(never)]
    fn take(&mut self, len: usize) -> u64 {
        let Some((place, rest)) = self.rest.split_at_checked(len) else {
            self.bad = true;
            return 0;
        };
        self.rest = rest;
        place.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    #[expect(clippy::cast_possible_truncation, reason = "so many bytes were read")]
    pub(crate) fn u8(&mut self) -> u8 {
        self.take(1) as u8
    }

    #[expect(clippy::cast_possible_truncation, reason = "so many bytes were read")]
    pub(crate) fn u16(&mut self) -> u16 {
        self.take(2) as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "so many bytes were read")]
    pub(crate) fn u32(&mut self) -> u32 {
        self.take(4) as u32
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.take(8)
    }

    pub(crate) fn i32(&mut self) -> i32 {
        self.u32().cast_signed()
    }

    pub(crate) fn i64(&mut self) -> i64 {
        self.u64().cast_signed()
    }

    pub(crate) fn instant(&mut self) -> Instant {
        Instant::from_micros(self.u64())
    }

    /// A number of entries; more than there can be is bad, and read as none.
    pub(crate) fn count(&mut self, most: usize) -> usize {
        let count = usize::try_from(self.u32()).unwrap_or(usize::MAX);
        self.expect(count <= most);
        if count <= most { count } else { 0 }
    }

    /// An amount in millionths: at most 2^63 - 1, so that every sum of two fits.
    pub(crate) fn amount(&mut self) -> u64 {
        let value = self.u64();
        self.expect(i64::try_from(value).is_ok());
        value
    }

    pub(crate) fn flag(&mut self) -> bool {
        let value = self.u8();
        self.expect(value <= 1);
        value == 1
    }

    /// Passes over what is not there.
    pub(crate) fn skip(&mut self, len: usize) {
        match self.rest.split_at_checked(len) {
            Some((_, rest)) => self.rest = rest,
            None => self.bad = true,
        }
    }

    /// Remembers that something cannot be.
    pub(crate) const fn expect(&mut self, is_so: bool) {
        self.bad |= !is_so;
    }

    /// Whether all that was read so far can be.
    pub(crate) const fn is_good(&self) -> bool {
        !self.bad
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

/// A number that tells one configuration from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print(u32);

impl Print {
    pub(crate) const NONE: Self = Self(0);

    /// Takes in one more value.
    pub(crate) fn add(&mut self, value: u64) {
        self.0 = Crc32::NEW.with(&self.0.to_le_bytes()).with(&value.to_le_bytes()).get();
    }

    pub(crate) fn add_optional(&mut self, value: Option<u64>) {
        self.add(u64::from(value.is_some()));
        self.add(value.unwrap_or(0));
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }
}
