//! `Pages`: one state, written again and again to the sectors of a flash in turn, so that the one before is there until
//! the new one is whole.
//!
//! ```text
//! sector     0           1           2           3
//!            state 4 ■   state 5 ■   torn   □    state 3 ■      the newest whole one is 5
//!                    └ its number, written last: a sector without it was never finished
//! ```
//! For state that changes a few times an hour; a ledger that changes with every job has the journal.

use embedded_storage::nor_flash::NorFlash;

/// Bytes of a number, and what erased flash shows in its place.
const NUMBER: u32 = 4;
const NONE: u32 = u32::MAX;

/// The sectors of a flash as pages for one state.
#[derive(Debug)]
pub struct Pages<F> {
    flash: F,
    /// The newest whole page and its number.
    newest: Option<(u32, u32)>,
}

impl<F: NorFlash> Pages<F> {
    /// What one state can have, in bytes, if flash is written in whole words.
    pub const ROOM: usize = F::ERASE_SIZE - NUMBER as usize;

    #[expect(clippy::cast_possible_truncation, reason = "flash has 32-bit offsets")]
    const SECTOR: u32 = F::ERASE_SIZE as u32;

    /// Looks for the newest state.
    ///
    /// # Errors
    /// Those of the flash.
    pub fn open(flash: F) -> Result<Self, F::Error> {
        let mut pages = Self { flash, newest: None };
        for page in 0..pages.count() {
            let mut number = [0; NUMBER as usize];
            pages.flash.read((page + 1) * Self::SECTOR - NUMBER, &mut number)?;
            let number = u32::from_le_bytes(number);
            if number != NONE && pages.newest.is_none_or(|(_, newest)| number > newest) {
                pages.newest = Some((page, number));
            }
        }
        Ok(pages)
    }

    /// The flash.
    pub const fn flash(&self) -> &F {
        &self.flash
    }

    /// Reads the beginning of the newest state; `false` if there never was one.
    ///
    /// # Errors
    /// Those of the flash.
    pub fn read(&mut self, state: &mut [u8]) -> Result<bool, F::Error> {
        let Some((page, _)) = self.newest else { return Ok(false) };
        self.flash.read(page * Self::SECTOR, state)?;
        Ok(true)
    }

    /// Writes a state: whole words, at most [`ROOM`](Self::ROOM) bytes. It counts once this has returned; until then the
    /// one before does.
    ///
    /// # Errors
    /// Those of the flash.
    pub fn write(&mut self, state: &[u8]) -> Result<(), F::Error> {
        let (page, number) = self.newest.map_or((0, 0), |(page, number)| ((page + 1) % self.count(), number + 1));
        let (from, to) = (page * Self::SECTOR, (page + 1) * Self::SECTOR);
        self.flash.erase(from, to)?;
        self.flash.write(from, state)?;
        self.flash.write(to - NUMBER, &number.to_le_bytes())?;
        self.newest = Some((page, number));
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "flash has 32-bit offsets")]
    fn count(&self) -> u32 {
        (self.flash.capacity() / F::ERASE_SIZE) as u32
    }
}
