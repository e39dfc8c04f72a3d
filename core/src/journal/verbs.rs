//! The verbs of a [`Keeper`]: those of the ledger, each after the record it needs.
//!
//! One body for drivers that block and for those that are asynchronous.

use embedded_storage::nor_flash::NorFlash;
#[cfg(feature = "journal-async")]
use embedded_storage_async::nor_flash::NorFlash as AsyncNorFlash;

use crate::amount::Amount;
#[cfg(doc)]
use crate::hold::LedgerError;
use crate::hold::{AccountId, Line, Receipt};
use crate::job::JobId;
use crate::ledger::Ledger;
use crate::report::{Alert, Observed, Raise};
use crate::time::{Duration, Instant};
use crate::unit::Unit;

use super::books::Books;
use super::drive::{append, begin, read};
#[cfg(feature = "journal-async")]
use super::drive::{append_async, begin_async, read_async};
use super::fault::{JournalError, KeepError};
#[cfg(feature = "journal-async")]
use super::keeper::Async;
use super::keeper::Keeper;
use super::layout::{Layout, Measured};
use super::lease::Keeping;
use super::owner::repair;
use super::record::Record;
use super::state::State;

/// The verbs, once for each kind of driver: `[async]` and `[.await]` are all that differs.
macro_rules! verbs {
    (
        $Flash:ty, $Bound:path, [$($inner:tt)*], [$append:ident, $read:ident, $begin:ident],
        $open:ident, $format:ident, [$($async:tt)?], [$($wait:tt)*]
    ) => {
        impl<'a, F: $Bound, const N: usize, const H: usize, const J: usize, const L: usize, const R: usize, const S: usize>
            Keeper<'a, $Flash, N, H, J, L, R, S>
        {
            /// Opens the journal in this part of a flash, or begins a new one if it is blank.
            ///
            /// The accounts of the ledger must be open, in their order, and untouched; `keeping` says for each how it is
            /// kept. What was used before the reboot is used in them afterwards.
            ///
            /// # Errors
            /// [`JournalError`]: the flash failed, is not erased and not a journal, or is that of another version,
            /// layout or configuration. Nothing has changed then. A journal with damages is opened: see
            /// [`health`](Self::health).
            pub $($async)? fn $open(
                flash: $Flash,
                layout: Layout,
                ledger: Ledger<'a, N, H, L, R, S>,
                keeping: &[Keeping],
            ) -> Result<Self, JournalError<F::Error>> {
                let state = State::new(ledger, layout, keeping, flash.geometry())?;
                let mut scan = state.log.scan();
                let mut keeper = Self { flash, state };
                let state = &mut keeper.state;
                $read(&mut keeper.flash$($inner)*, &mut scan, |record| {
                    state.books.replay(&mut state.ledger, record)
                })$($wait)*?;
                if let Some(erase) = state.opened(&scan) {
                    $begin(&mut keeper.flash$($inner)*, &scan, u16::from(erase))$($wait)*?;
                }
                if state.health.is_damaged() {
                    // Closed also after the next reboot.
                    keeper.append(None)$($wait)*?;
                }
                Ok(keeper)
            }

            /// Erases this part of a flash, whatever is in it, and begins a new journal: the owner's word that nothing in
            /// it counts.
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn $format(
                flash: $Flash,
                layout: Layout,
                ledger: Ledger<'a, N, H, L, R, S>,
                keeping: &[Keeping],
            ) -> Result<Self, JournalError<F::Error>> {
                let state = State::new(ledger, layout, keeping, flash.geometry())?;
                let mut keeper = Self { flash, state };
                let scan = keeper.state.log.scan();
                $begin(&mut keeper.flash$($inner)*, &scan, layout.pages())$($wait)*?;
                let _ = keeper.state.opened(&scan);
                Ok(keeper)
            }

            $($async)? fn append(&mut self, record: Option<Record>) -> Result<(), JournalError<F::Error>> {
                let State { log, books, ledger, .. } = &mut self.state;
                $append(&mut self.flash$($inner)*, log, record, |at| books.record(ledger, at))$($wait)*
            }

            $($async)? fn put(&mut self, record: Record) -> Result<(), JournalError<F::Error>> {
                self.append(Some(record))$($wait)*?;
                if let Some(record) = self.state.log.done() {
                    self.state.wrote(&record);
                }
                Ok(())
            }

            /// What can wait: until it is written a reboot counts too much, and the next call tries again.
            $($async)? fn tidy(&mut self) {
                for _ in 0..2 * N {
                    let Some(record) = self.state.untidy() else { break };
                    if self.put(record)$($wait)*.is_err() {
                        break;
                    }
                }
            }

            /// As [`Ledger::charge`], after a record if it is not inside the lease.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: the record could not be written.
            pub $($async)? fn charge(
                &mut self,
                now: Instant,
                id: JobId,
                lines: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N {
                    let Some(record) = self.state.before_take(now, id, lines, false) else { break };
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.ledger.charge(now, id, lines)?)
            }

            /// As [`Ledger::reserve`], after a record if it is not inside the lease. A reboot takes it for used; for jobs
            /// that live longer, see [`reserve_unsent`](Self::reserve_unsent).
            ///
            /// # Errors
            /// As [`charge`](Self::charge); [`LedgerError::Full`].
            pub $($async)? fn reserve(
                &mut self,
                now: Instant,
                id: JobId,
                lines: &[Line],
                ttl: Duration,
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N {
                    let Some(record) = self.state.before_take(now, id, lines, true) else { break };
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.ledger.reserve(now, id, lines, ttl)?)
            }

            /// The job is about to be sent: from here on it is kept. A reboot restores its hold, which is posted and not
            /// released if nobody ever hears of it again.
            ///
            /// `tag` is the provider's name for it or 0, `weight` what it weighs in a limit of concurrency; both are only
            /// kept. Called again, for another attempt, it is written again.
            ///
            /// # Errors
            /// [`LedgerError::NotFound`], [`LedgerError::Expired`] and the like: it holds nothing;
            /// [`LedgerError::Full`]: no place for another job; [`LedgerError::TooManyLines`] above four;
            /// [`KeepError::Journal`]: do not send it.
            pub $($async)? fn sending(
                &mut self,
                now: Instant,
                id: JobId,
                weight: u16,
                tag: u64,
            ) -> Result<(), KeepError<F::Error>> {
                let record = self.state.sending(now, id, weight, tag)?;
                self.put(record)$($wait)*?;
                Ok(self.state.sent(now, id)?)
            }

            /// The provider has accepted a kept job, under this tag.
            ///
            /// # Errors
            /// [`LedgerError::NotFound`]: it is not kept; [`KeepError::Journal`].
            pub $($async)? fn accepted(&mut self, id: JobId, tag: u64) -> Result<(), KeepError<F::Error>> {
                let record = self.state.accepted(id, tag)?;
                Ok(self.put(record)$($wait)*?)
            }

            /// As [`Ledger::settle`]: what it takes above its hold, or at the end of a kept job all of it, is written
            /// first.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: not settled.
            pub $($async)? fn settle(
                &mut self,
                now: Instant,
                id: JobId,
                actual: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N + 1 {
                    let Some(record) = self.state.before_settle(now, id, actual, false) else { break };
                    self.put(record)$($wait)*?;
                }
                let receipt = self.state.ledger.settle(now, id, actual);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::absorb`]: settled whatever it was.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: not settled.
            pub $($async)? fn absorb(
                &mut self,
                now: Instant,
                id: JobId,
                actual: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                for _ in 0..=N + 1 {
                    let Some(record) = self.state.before_settle(now, id, actual, true) else { break };
                    self.put(record)$($wait)*?;
                }
                let receipt = self.state.ledger.absorb(now, id, actual);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::void`]; a kept job ends with a record, and is given back also after its time was up.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: not released.
            pub $($async)? fn void(&mut self, now: Instant, id: JobId) -> Result<Receipt, KeepError<F::Error>> {
                let record = self.state.before_void(now, id);
                let was_kept = record.is_some();
                if let Some(record) = record {
                    self.put(record)$($wait)*?;
                }
                let receipt = self.state.void(now, id, was_kept);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::refund`].
            ///
            /// # Errors
            /// As there.
            pub $($async)? fn refund(
                &mut self,
                now: Instant,
                id: JobId,
                lines: &[Line],
            ) -> Result<Receipt, KeepError<F::Error>> {
                let receipt = self.state.ledger.refund(now, id, lines);
                self.tidy()$($wait)*;
                Ok(receipt?)
            }

            /// As [`Ledger::observe`]; what others have spent is written afterwards.
            ///
            /// # Errors
            /// As there.
            pub $($async)? fn observe<U: Unit>(
                &mut self,
                now: Instant,
                account: AccountId,
                balance: Amount<U>,
                raise: Raise,
            ) -> Result<Observed, KeepError<F::Error>> {
                let observed = self.state.ledger.observe(now, account, balance, raise);
                self.tidy()$($wait)*;
                Ok(observed?)
            }

            /// As [`Ledger::write_off`].
            ///
            /// # Errors
            /// As there.
            pub $($async)? fn write_off<U: Unit>(
                &mut self,
                account: AccountId,
            ) -> Result<Amount<U>, KeepError<F::Error>> {
                let unaccounted = self.state.ledger.write_off::<U>(account);
                self.tidy()$($wait)*;
                Ok(unaccounted?)
            }

            /// As [`Ledger::acknowledge`], after a record: an alert is never lost, and repeated at most once.
            ///
            /// # Errors
            /// [`JournalError`]: it is still pending.
            pub $($async)? fn acknowledge(&mut self, alert: Alert) -> Result<bool, JournalError<F::Error>> {
                if let Some(record) = Books::<N, J>::before_acknowledge(&self.state.ledger, alert) {
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.ledger.acknowledge(alert))
            }

            /// A fresh id, never given out before, across reboots as well: one record for every 64.
            ///
            /// After a reboot an older one that is not remembered is [`LedgerError::Absorbed`].
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn next_id(&mut self) -> Result<JobId, JournalError<F::Error>> {
                if let Some(record) = self.state.books.before_id() {
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.books.take_id())
            }

            /// Writes down what time it is: on the first call after a boot, and then every hour. An hour that is not
            /// written down is one that has not passed after a reboot.
            ///
            /// # Errors
            /// [`JournalError`].
            pub $($async)? fn tick(&mut self, now: Instant) -> Result<(), JournalError<F::Error>> {
                if let Some(record) = self.state.before_tick(now) {
                    self.put(record)$($wait)*?;
                }
                Ok(())
            }

            /// This upstream, by your numbering, is blocked until then: written if that is more than 60 s away. At most
            /// four are remembered, those that end last.
            ///
            /// # Errors
            /// [`JournalError`]: it is remembered until the next reboot.
            pub $($async)? fn block(
                &mut self,
                now: Instant,
                who: u16,
                until: Instant,
            ) -> Result<(), JournalError<F::Error>> {
                let record = self.state.before_block(now, who, until);
                self.state.books.block(who, until);
                if let Some(record) = record {
                    self.put(record)$($wait)*?;
                }
                Ok(())
            }

            /// The owner's word that so much of a budget is used: opens one that a damage has closed.
            ///
            /// # Errors
            /// [`LedgerError::UnknownBudget`] or [`LedgerError::UnitMismatch`], of line 0; [`KeepError::Journal`].
            pub $($async)? fn repair<U: Unit>(
                &mut self,
                now: Instant,
                account: AccountId,
                used: Amount<U>,
            ) -> Result<(), KeepError<F::Error>> {
                self.state.ledger.resolve(&[Line::new::<U>(account, used)])?;
                let State { books, ledger, .. } = &mut self.state;
                let record = books.before_repair(ledger, now, account, used.as_micros())?;
                self.put(record)$($wait)*?;
                repair(&mut self.state.ledger, account, used.as_micros());
                Ok(())
            }

            /// Writes everything exactly as it is, before the power is taken away on purpose: nothing is counted too much
            /// afterwards. It may be used on.
            ///
            /// # Errors
            /// [`JournalError`]: a reboot counts up to a lease too much.
            pub $($async)? fn shutdown(&mut self, now: Instant) -> Result<(), JournalError<F::Error>> {
                self.state.ledger.act(now);
                for _ in 0..N + 2 {
                    let Some(record) = self.state.before_shutdown(now) else { break };
                    self.put(record)$($wait)*?;
                }
                // The ids above are free again.
                Ok(())
            }
        }
    };
}

verbs!(F, NorFlash, [], [append, read, begin], open, format, [], []);
#[cfg(feature = "journal-async")]
verbs!(
    Async<F>, AsyncNorFlash, [.0], [append_async, read_async, begin_async], open_async,
    format_async, [async], [.await]
);
