//! `Flash`: a NOR flash in memory that loses its power when it is told to.

use std::fmt;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// A NOR flash in memory, for tests of what has to survive a power cut. `WRITE` and `ERASE` are what it writes and erases
/// at once, in bytes.
///
/// It keeps the rules: erased is all ones, writing only clears bits, and a word that was written must be erased before it
/// is written again. It counts its wear. And it can be cut off at any byte of any write and any erase, with what was under
/// way left whole, half done, or as zeros; after that it answers nothing until its power is back.
///
/// # Example
/// ```
/// use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
/// use tollgate_std::testing::{Flash, FlashError};
///
/// let mut flash = Flash::<4, 256>::new(1024);
/// flash.cut_after(6);
/// assert_eq!(flash.write(0, &[0; 8]), Err(FlashError::PowerLost));
/// assert_eq!(flash.write(16, &[0; 8]), Err(FlashError::PowerLost));
///
/// flash.power_on();
/// assert_eq!(flash.bytes()[..8], [0, 0, 0, 0, 0, 0, 0xFF, 0xFF]);
/// assert_eq!(flash.write(4, &[0; 4]), Err(FlashError::NotErased { at: 4 }));
/// flash.erase(0, 256)?;
/// assert_eq!((flash.bytes()[0], flash.wear()), (0xFF, 1));
/// # Ok::<(), FlashError>(())
/// ```
#[derive(Clone)]
pub struct Flash<const WRITE: usize = 4, const ERASE: usize = 4096> {
    bytes: Vec<u8>,
    /// Words that were written since they were erased.
    written: Vec<bool>,
    erases: Vec<u32>,
    power: Power,
    cut: Cut,
    endurance: u32,
    room: u64,
    bytes_written: u64,
    bytes_erased: u64,
    reprogrammed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    On,
    /// It goes after so many more bytes.
    Left(u64),
    Off,
}

/// What a cut leaves behind of the word that was being written, or of the block that was being erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// Everything up to the byte of the cut is done, and nothing behind it has begun.
    #[default]
    Clean,
    /// As [`Clean`](Self::Clean), but of the word or block in question some bits have changed and some not, as this seed
    /// will have it.
    Half {
        /// Any number.
        seed: u64,
    },
    /// As [`Clean`](Self::Clean), but the rest of the block that was being erased is all zeros: many chips program a block
    /// before they erase it.
    Zeros,
}

/// Why a [`Flash`] refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlashError {
    /// The power is gone.
    PowerLost,
    /// This word was written before and not erased since.
    NotErased {
        /// Its address.
        at: u32,
    },
    /// This block was erased as often as it can be.
    Worn {
        /// Its number.
        block: u32,
    },
    /// No more bytes can be written: see [`Flash::fill_after`].
    Full,
    /// The arguments are not multiples of what is read, written or erased at once.
    NotAligned,
    /// The arguments lie behind the end.
    OutOfBounds,
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerLost => f.write_str("the power is gone"),
            Self::NotErased { at } => write!(f, "the word at {at} was written before: expected an erased one"),
            Self::Worn { block } => write!(f, "block {block} is worn out"),
            Self::Full => f.write_str("nothing more can be written"),
            Self::NotAligned => f.write_str("not aligned"),
            Self::OutOfBounds => f.write_str("out of bounds"),
        }
    }
}

impl std::error::Error for FlashError {}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        if kind == NorFlashErrorKind::NotAligned { Self::NotAligned } else { Self::OutOfBounds }
    }
}

impl<const WRITE: usize, const ERASE: usize> fmt::Debug for Flash<WRITE, ERASE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flash")
            .field("capacity", &self.bytes.len())
            .field("power", &self.power)
            .field("wear", &self.wear())
            .field("bytes_written", &self.bytes_written)
            .finish_non_exhaustive()
    }
}

impl<const WRITE: usize, const ERASE: usize> Flash<WRITE, ERASE> {
    /// An erased flash of this many bytes.
    ///
    /// # Panics
    /// If that is not a multiple of what it erases at once, or that not of what it writes at once.
    pub fn new(capacity: usize) -> Self {
        Self::from_bytes(vec![0xFF; capacity])
    }

    /// A flash with this in it; words that are not all ones have been written.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        assert!(ERASE.is_multiple_of(WRITE), "blocks of {ERASE} bytes: expected a multiple of {WRITE}");
        assert!(bytes.len().is_multiple_of(ERASE), "{} bytes: expected a multiple of {ERASE}", bytes.len());
        Self {
            written: bytes.chunks(WRITE).map(|word| word.iter().any(|byte| *byte != 0xFF)).collect(),
            erases: vec![0; bytes.len() / ERASE],
            bytes,
            power: Power::On,
            cut: Cut::Clean,
            endurance: u32::MAX,
            room: u64::MAX,
            bytes_written: 0,
            bytes_erased: 0,
            reprogrammed: 0,
        }
    }

    /// The same, cut like this.
    #[must_use]
    pub fn with_cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
        self
    }

    /// The same, in which a block can be erased only so often.
    #[must_use]
    pub fn with_endurance(mut self, erases: u32) -> Self {
        self.endurance = erases;
        self
    }

    /// The power goes after so many more bytes have been written or erased: in the middle of whatever comes then.
    pub fn cut_after(&mut self, bytes: u64) {
        self.power = Power::Left(bytes);
    }

    /// The power is back.
    pub fn power_on(&mut self) {
        self.power = Power::On;
    }

    /// Whether the power is there.
    pub fn is_on(&self) -> bool {
        self.power != Power::Off
    }

    /// Nothing more can be written after so many more bytes: as on a full disk. The write in question is not begun.
    pub fn fill_after(&mut self, bytes: u64) {
        self.room = bytes;
    }

    /// Turns one bit over, as age and radiation do.
    ///
    /// # Panics
    /// If there is no such byte or bit.
    pub fn flip(&mut self, at: usize, bit: u8) {
        assert!(bit < 8, "bit {bit}: expected 0 to 7");
        self.bytes[at] ^= 1 << bit;
    }

    /// What is in it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How often the block was erased that was erased most often.
    pub fn wear(&self) -> u32 {
        self.erases.iter().copied().max().unwrap_or(0)
    }

    /// How often each block was erased.
    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    /// Bytes written in all.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Bytes written or erased in all: what [`cut_after`](Self::cut_after) counts.
    pub fn bytes_touched(&self) -> u64 {
        self.bytes_written + self.bytes_erased
    }

    /// Writes to words that had not been erased: always a mistake of the caller's.
    pub fn reprogrammed(&self) -> u32 {
        self.reprogrammed
    }

    /// How many of `wanted` bytes there is power for.
    fn draw(&mut self, wanted: usize) -> Result<usize, FlashError> {
        match self.power {
            Power::On => Ok(wanted),
            Power::Off => Err(FlashError::PowerLost),
            Power::Left(left) if left >= wanted as u64 => {
                self.power = Power::Left(left - wanted as u64);
                Ok(wanted)
            }
            Power::Left(left) => {
                self.power = Power::Off;
                Ok(usize::try_from(left).unwrap_or(wanted))
            }
        }
    }

    fn read_at(&self, at: u32, to: &mut [u8]) -> Result<(), FlashError> {
        if !self.is_on() {
            return Err(FlashError::PowerLost);
        }
        check_read(self, at, to.len())?;
        to.copy_from_slice(&self.bytes[at as usize..at as usize + to.len()]);
        Ok(())
    }

    fn write_at(&mut self, at: u32, from: &[u8]) -> Result<(), FlashError> {
        check_write(self, at, from.len())?;
        let (start, words) = (at as usize, at as usize / WRITE..(at as usize + from.len()) / WRITE);
        if let Some(word) = words.clone().find(|word| self.written[*word]) {
            self.reprogrammed += 1;
            return Err(FlashError::NotErased { at: u32::try_from(word * WRITE).unwrap_or(u32::MAX) });
        }
        if from.len() as u64 > self.room {
            return Err(FlashError::Full);
        }
        self.room -= from.len() as u64;
        let done = self.draw(from.len())?;
        self.bytes_written += done as u64;
        for (to, byte) in self.bytes[start..].iter_mut().zip(&from[..done]) {
            *to &= byte;
        }
        let torn = if done < from.len() { done / WRITE * WRITE..(done / WRITE + 1) * WRITE } else { 0..0 };
        if let Cut::Half { seed } = self.cut {
            for index in torn.clone() {
                self.bytes[start + index] &= from[index] | noise(seed, start + index);
            }
        }
        for word in words.take(done.div_ceil(WRITE).max(torn.end / WRITE)) {
            self.written[word] =
                self.bytes[word * WRITE..(word + 1) * WRITE].iter().any(|byte| *byte != 0xFF) || done >= from.len();
        }
        if done < from.len() { Err(FlashError::PowerLost) } else { Ok(()) }
    }

    fn erase_at(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to)?;
        for block in from as usize / ERASE..to as usize / ERASE {
            if self.erases[block] >= self.endurance {
                return Err(FlashError::Worn { block: u32::try_from(block).unwrap_or(u32::MAX) });
            }
            let done = self.draw(ERASE)?;
            if done > 0 {
                self.erases[block] += 1;
            }
            self.bytes_erased += done as u64;
            let (erased, rest) = self.bytes[block * ERASE..(block + 1) * ERASE].split_at_mut(done);
            erased.fill(0xFF);
            match self.cut {
                Cut::Half { seed } if done > 0 => {
                    for (index, byte) in rest.iter_mut().enumerate() {
                        *byte |= noise(seed, index);
                    }
                }
                Cut::Zeros if done > 0 => rest.fill(0),
                _ => {}
            }
            for word in block * ERASE / WRITE..(block + 1) * ERASE / WRITE {
                self.written[word] = self.bytes[word * WRITE..(word + 1) * WRITE].iter().any(|byte| *byte != 0xFF);
            }
            if done < ERASE {
                return Err(FlashError::PowerLost);
            }
        }
        Ok(())
    }
}

/// Any byte, always the same for the same numbers (the finaliser of `SplitMix64`).
fn noise(seed: u64, at: usize) -> u8 {
    let mut word = seed.wrapping_add((at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (word ^ word >> 31).to_le_bytes()[7]
}

impl<const WRITE: usize, const ERASE: usize> ErrorType for Flash<WRITE, ERASE> {
    type Error = FlashError;
}

impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for Flash<WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.read_at(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WRITE: usize, const ERASE: usize> NorFlash for Flash<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.erase_at(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.write_at(offset, bytes)
    }
}

impl<const WRITE: usize, const ERASE: usize> embedded_storage_async::nor_flash::ReadNorFlash for Flash<WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    /// Ready at once.
    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.read_at(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WRITE: usize, const ERASE: usize> embedded_storage_async::nor_flash::NorFlash for Flash<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    /// Ready at once.
    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.erase_at(from, to)
    }

    /// Ready at once.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.write_at(offset, bytes)
    }
}
