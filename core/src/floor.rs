//! Ids from before a reboot: what they cost is inside what was restored, and must not be charged again.

use crate::hold::LedgerError;
use crate::job::JobId;
use crate::ledger::Ledger;

impl<const N: usize, const H: usize, const L: usize, const R: usize, const S: usize> Ledger<'_, N, H, L, R, S> {
    /// From now on an id below this one that is not remembered is answered with [`LedgerError::Absorbed`].
    ///
    /// For ids that are given out in ascending order and kept in blocks. Zero, as in a new ledger: none is. Never lowered.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Instant, JobId, Ledger, LedgerError};
    /// let mut ledger = Ledger::<0, 1>::new(Duration::ZERO);
    /// ledger.absorb_below(65);
    /// assert_eq!(ledger.settle(Instant::ORIGIN, JobId(64), &[]), Err(LedgerError::Absorbed));
    /// assert_eq!(ledger.settle(Instant::ORIGIN, JobId(65), &[]), Err(LedgerError::NotFound));
    /// ```
    pub fn absorb_below(&mut self, floor: u64) {
        self.id_floor = self.id_floor.max(floor);
    }

    /// An id that nobody remembers and that is to be used for the first time.
    pub(crate) const fn fresh(&self, id: JobId) -> Result<(), LedgerError> {
        if id.0 < self.id_floor { Err(LedgerError::Absorbed) } else { Ok(()) }
    }

    /// Why an id that nobody remembers is not there.
    pub(crate) const fn missing(&self, id: JobId) -> LedgerError {
        if id.0 < self.id_floor { LedgerError::Absorbed } else { LedgerError::NotFound }
    }
}
