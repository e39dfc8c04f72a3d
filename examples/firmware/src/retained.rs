//! Memory that survives a reset, with the rules of flash: what stands in for a chip's last pages in an emulator.
//!
//! ```text
//! | mark, boots | sector 0 | sector 1 | sector 2 | sector 3 |      erase: a sector to ones
//!   64 bytes      1 KiB each, words of 4 bytes                    write: ones to zeros, whole words
//! ```
//! The micro:bit, whose RAM is small, has two sectors. The emulator clears RAM when it starts and keeps it when the chip resets, so that the mark tells a first start from a
//! restart: a first start finds flash as the factory left it, erased.

use core::cell::Cell;
use core::ptr;

use critical_section::Mutex;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Not what random memory holds after power-up.
const MARK: u32 = u32::from_le_bytes(*b"toll");
/// Before the sectors: the mark, and how often the chip has started.
const HEAD: usize = 64;
const SECTOR: usize = 1024;
const WORD: usize = 4;

static TAKEN: Mutex<Cell<bool>> = Mutex::new(Cell::new(false));

unsafe extern "C" {
    /// From the memory map, as all that follows.
    static __retained_start: u32;
    static __retained_end: u32;
}

/// The retained memory as flash: there is one.
#[derive(Debug)]
pub struct Retained {
    boots: u32,
}

/// What flash refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainedError {
    /// Past the end, or not on whole words or sectors.
    Bounds(NorFlashErrorKind),
    /// A bit that is zero was to become one: only erasing does that.
    NotErased,
}

impl NorFlashError for RetainedError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Bounds(kind) => *kind,
            Self::NotErased => NorFlashErrorKind::Other,
        }
    }
}

impl From<NorFlashErrorKind> for RetainedError {
    fn from(kind: NorFlashErrorKind) -> Self {
        Self::Bounds(kind)
    }
}

/// The mark; the count is the word after it.
fn head() -> *mut u32 {
    (&raw const __retained_start).cast_mut()
}

/// The byte at `offset`, which the caller has checked.
fn byte(offset: usize) -> *mut u8 {
    head().cast::<u8>().wrapping_add(HEAD + offset)
}

/// How many bytes the sectors have.
fn capacity() -> usize {
    (&raw const __retained_end as usize).saturating_sub(head() as usize + HEAD)
}

impl Retained {
    /// The memory, erased if this is the first start; `None` if somebody has it. Counts the start.
    pub fn take() -> Option<Self> {
        if critical_section::with(|token| TAKEN.borrow(token).replace(true)) {
            return None;
        }
        let (mark, boots) = (head(), head().wrapping_add(1));
        // SAFETY: the memory map keeps this range, aligned to words, from everybody else, and `TAKEN` keeps it from a
        // second caller.
        unsafe {
            if mark.read_volatile() != MARK {
                ptr::write_bytes(byte(0), 0xFF, capacity());
                boots.write_volatile(0);
                mark.write_volatile(MARK);
            }
            let count = boots.read_volatile().wrapping_add(1);
            boots.write_volatile(count);
            Some(Self { boots: count })
        }
    }

    /// Which start of the chip this is, from 1.
    pub fn boots(&self) -> u32 {
        self.boots
    }
}

impl ErrorType for Retained {
    type Error = RetainedError;
}

impl ReadNorFlash for Retained {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RetainedError> {
        check_read(self, offset, bytes.len())?;
        for (place, read) in bytes.iter_mut().enumerate() {
            // SAFETY: inside the range that this handle alone has.
            *read = unsafe { byte(offset as usize + place).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        capacity()
    }
}

impl NorFlash for Retained {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), RetainedError> {
        check_erase(self, from, to)?;
        for offset in from..to {
            // SAFETY: inside the range that this handle alone has.
            unsafe { byte(offset as usize).write_volatile(0xFF) };
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RetainedError> {
        check_write(self, offset, bytes.len())?;
        for (place, new) in bytes.iter().enumerate() {
            let at = byte(offset as usize + place);
            // SAFETY: inside the range that this handle alone has.
            unsafe {
                let old = at.read_volatile();
                if old & new != *new {
                    return Err(RetainedError::NotErased);
                }
                at.write_volatile(*new);
            }
        }
        Ok(())
    }
}
