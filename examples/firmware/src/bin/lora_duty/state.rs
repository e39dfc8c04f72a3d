//! What survives a reset, in a page of flash.

use board::{Pages, Retained};
use tollgate::{Boot, Image, ImageError, Instant, Ledger, Mismatch, Offline, WindowLog};

pub(crate) type Airtime = WindowLog<16>;
/// The plan, and the frame that is on the air.
pub(crate) type Books = Ledger<'static, 1, 1, 1, 0>;

/// All that survives, one image after the other.
pub(crate) struct State {
    pub(crate) boot: Boot,
    pub(crate) airtime: Airtime,
    pub(crate) books: Books,
}

impl State {
    pub(crate) const SIZE: usize = (Boot::SIZE + Airtime::SIZE + Books::SIZE).next_multiple_of(4);

    pub(crate) fn restore(&mut self, page: &[u8]) -> Result<(), ImageError> {
        let (now, off, other) = (Instant::ORIGIN, Offline::Unknown, Mismatch::Refuse);
        self.boot.restore(now, off, other, page)?;
        let (now, page) = (self.boot.last(), &page[Boot::SIZE..]);
        self.airtime.restore(now, off, other, page)?;
        self.books.restore(now, off, other, &page[Airtime::SIZE..])?;
        Ok(())
    }

    pub(crate) fn save(&self, now: Instant, pages: &mut Pages<Retained>) -> Result<(), ImageError> {
        let mut page = [0xFF; Self::SIZE];
        let mut end = self.boot.save(now, &mut page)?;
        end += self.airtime.save(now, &mut page[end..])?;
        self.books.save(now, &mut page[end..])?;
        pages.write(&page).expect("the flash is there");
        Ok(())
    }
}
