//! The verbs of a [`GateKeeper`] that may write.
//!
//! One body for drivers that block and for those that are asynchronous.

use embedded_storage::nor_flash::NorFlash;
#[cfg(feature = "journal-async")]
use embedded_storage_async::nor_flash::NorFlash as AsyncNorFlash;

use crate::amount::Amount;
use crate::gate::{
    Adapt, Answer, Fate, Finished, Found, Fuse, Gate, GateError, JobState, Part, Permit, Requests, Restrain, Seen,
};
use crate::hold::{AccountId, Line, Receipt};
use crate::job::JobId;
use crate::report::{Alert, Observed, Raise};
use crate::retry::{Outcome, Retry};
use crate::time::Instant;
use crate::unit::Unit;

use super::books::Books;
use super::drive::{append, begin, read};
#[cfg(feature = "journal-async")]
use super::drive::{append_async, begin_async, read_async};
use super::fault::{GateKeepError, JournalError, KeepError};
use super::gate_keeper::GateKeeper;
use super::gate_state::{GateState, Kept};
#[cfg(feature = "journal-async")]
use super::keeper::Async;
use super::layout::{Layout, Measured};
use super::lease::Keeping;
use super::owner::repair;
use super::record::Record;

/// The verbs, once for each kind of driver: `[async]` and `[.await]` are all that differs.
macro_rules! verbs {
    (
        $Flash:ty, $Bound:path, [$($inner:tt)*], [$append:ident, $read:ident, $begin:ident],
        $open:ident, $format:ident, [$($async:tt)?], [$($wait:tt)*]
    ) => {
        impl<
            'a,
            F: $Bound,
            Q: Requests,
            W: Part,
            B: Fuse,
            R: Restrain,
            A: Adapt,
            const N: usize,
            const L: usize,
            const S: usize,
            const JOBS: usize,
            const CALLS: usize,
        > GateKeeper<$Flash, Kept<'a, Q, W, B, R, A, N, L, S>, N, JOBS, CALLS>
        {
            /// Opens the journal in this part of a flash, or begins a new one if it is blank.
            ///
            /// The gate is fresh, with its accounts open, in their order; `keeping` says for each how it is kept. Tell it
            /// the date afterwards.
            ///
            /// # Errors
            /// [`JournalError`]: the flash failed, is not erased and not a journal, or is that of another version,
            /// layout or configuration, or has more jobs. A journal with damages is opened: see
            /// [`health`](Self::health).
            pub $($async)? fn $open(
                flash: $Flash,
                layout: Layout,
                gate: Gate<Kept<'a, Q, W, B, R, A, N, L, S>, JOBS, CALLS>,
                keeping: &[Keeping],
            ) -> Result<Self, JournalError<F::Error>> {
                let (state, log) = GateState::new(gate, layout, keeping, flash.geometry())?;
                let mut scan = log.scan();
                let mut keeper = Self { flash, log, state };
                let state = &mut keeper.state;
                $read(&mut keeper.flash$($inner)*, &mut scan, |record| state.replay(record))$($wait)*?;
                if let Some(erase) = state.opened(&scan, &mut keeper.log) {
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
                gate: Gate<Kept<'a, Q, W, B, R, A, N, L, S>, JOBS, CALLS>,
                keeping: &[Keeping],
            ) -> Result<Self, JournalError<F::Error>> {
                let (state, log) = GateState::new(gate, layout, keeping, flash.geometry())?;
                let scan = log.scan();
                let mut keeper = Self { flash, log, state };
                $begin(&mut keeper.flash$($inner)*, &scan, layout.pages())$($wait)*?;
                let _ = keeper.state.opened(&scan, &mut keeper.log);
                Ok(keeper)
            }

            $($async)? fn append(&mut self, record: Option<Record>) -> Result<(), JournalError<F::Error>> {
                let state = &self.state;
                $append(&mut self.flash$($inner)*, &mut self.log, record, |at| state.record(at))$($wait)*
            }

            $($async)? fn put(&mut self, record: Record) -> Result<(), JournalError<F::Error>> {
                self.append(Some(record))$($wait)*?;
                if let Some(record) = self.log.done() {
                    self.state.wrote(&record);
                }
                Ok(())
            }

            /// Writes what has happened and is not written down. Every verb here does so first; call it where only time
            /// has passed, or when the flash works again.
            ///
            /// # Errors
            /// [`JournalError`]: it is still [behind](Self::is_behind).
            pub $($async)? fn sync(&mut self) -> Result<(), JournalError<F::Error>> {
                self.state.prune();
                for _ in 0..GateState::<Kept<'a, Q, W, B, R, A, N, L, S>, N, JOBS, CALLS>::most_pending() {
                    let Some(record) = self.state.pending() else { break };
                    self.put(record)$($wait)*?;
                }
                Ok(())
            }

            /// The request goes out now: written first, and if that fails it must not go. As [`Gate::sending`].
            ///
            /// # Errors
            /// [`GateKeepError::Gate`] as there; [`GateKeepError::Journal`]: do not send it; the permit is as good as
            /// before.
            pub $($async)? fn sending(&mut self, now: Instant, permit: &Permit) -> Result<(), GateKeepError<F::Error>> {
                self.state.gate.may_send(now, permit)?;
                self.sync()$($wait)*?;
                for _ in 0..=N {
                    let Some(record) = self.state.before_sending(now, permit)? else { break };
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.gate.sending(now, permit)?)
            }

            /// As [`Gate::answered`], and writes down what became of the job. An answer is a fact, and told whether that
            /// could be written or not: see [`is_behind`](Self::is_behind).
            ///
            /// # Errors
            /// [`GateError`].
            pub $($async)? fn answered(
                &mut self,
                now: Instant,
                permit: &Permit,
                outcome: &Outcome,
                retry: &mut Retry,
                entropy: u32,
            ) -> Result<Answer, GateError> {
                let answer = self.state.gate.answered(now, permit, outcome, retry, entropy)?;
                let _ = self.sync()$($wait)*;
                Ok(answer)
            }

            /// As [`Gate::resolved`], and writes down what became of the job: a fact too, as in
            /// [`answered`](Self::answered).
            ///
            /// # Errors
            /// [`GateError`].
            pub $($async)? fn resolved(&mut self, now: Instant, permit: &Permit, fate: Fate) -> Result<(), GateError> {
                self.state.gate.resolved(now, permit, fate)?;
                let _ = self.sync()$($wait)*;
                Ok(())
            }

            /// As [`Gate::finished`]: what the job cost is written before it is settled.
            ///
            /// # Errors
            /// [`GateKeepError::Gate`] as there; [`GateKeepError::Journal`]: say it again. If it is told as
            /// [`Cost::Replayed`](crate::Cost::Replayed) then, it had been settled.
            pub $($async)? fn finished(
                &mut self,
                now: Instant,
                id: JobId,
                actual: &[Line],
            ) -> Result<Finished, GateKeepError<F::Error>> {
                if self.state.gate.may_finish(now, id, actual) {
                    self.state.gate.act(now);
                    self.sync()$($wait)*?;
                    for _ in 0..=N {
                        let Some(record) = self.state.before_finish(id, actual) else { break };
                        self.put(record)$($wait)*?;
                    }
                } else if self.state.gate.job(now, id).is_none() {
                    // A late charge: nobody could tell that it was said before.
                    for _ in 0..=N {
                        let Some(record) = self.state.before_charge(now, actual) else { break };
                        self.put(record)$($wait)*?;
                    }
                }
                let finished = self.state.gate.finished(now, id, actual)?;
                self.sync()$($wait)*?;
                Ok(finished)
            }

            /// As [`Gate::refund`], and writes down what is left of it. In a rolling window only until the next reboot, after
            /// which nobody knows what has left it.
            ///
            /// # Errors
            /// [`GateError`].
            pub $($async)? fn refund(&mut self, now: Instant, id: JobId, lines: &[Line]) -> Result<Receipt, GateError> {
                let receipt = self.state.gate.refund(now, id, lines)?;
                self.state.restate(id);
                let _ = self.sync()$($wait)*;
                Ok(receipt)
            }

            /// Charges what is no job, at once: within the leases nothing is written.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as [`Ledger::check`](crate::Ledger::check); [`KeepError::Journal`]: not charged.
            pub $($async)? fn charge(&mut self, now: Instant, lines: &[Line]) -> Result<(), KeepError<F::Error>> {
                self.state.ledger().check(now, lines)?;
                self.state.gate.act(now);
                self.sync()$($wait)*?;
                for _ in 0..=N {
                    let Some(record) = self.state.before_charge(now, lines) else { break };
                    self.put(record)$($wait)*?;
                }
                let ledger = &mut self.state.gate.limits.money;
                ledger.act(now);
                ledger.charge_admitted(None, lines);
                Ok(())
            }

            /// As [`Gate::tag`], written at once for a job that was accepted.
            ///
            /// # Errors
            /// [`GateError::NotFound`].
            pub $($async)? fn tag(&mut self, id: JobId, tag: u64) -> Result<(), GateError> {
                self.state.gate.tag(id, tag)?;
                self.state.touch(id);
                let _ = self.sync()$($wait)*;
                Ok(())
            }

            /// As [`Gate::reconcile`], and writes down what it found.
            pub $($async)? fn reconcile(
                &mut self,
                now: Instant,
                asked_at: Instant,
                complete: bool,
                seen: &[Seen],
            ) -> Found {
                let found = self.state.gate.reconcile(now, asked_at, complete, seen);
                let _ = self.sync()$($wait)*;
                found
            }

            /// As [`Gate::expire`], and writes down what time has done.
            pub $($async)? fn expire(&mut self, now: Instant) -> Option<(JobId, JobState)> {
                let told = self.state.gate.expire(now);
                let _ = self.sync()$($wait)*;
                told
            }

            /// As [`Gate::block_until`]; a block of more than a minute is written down.
            pub $($async)? fn block_until(&mut self, now: Instant, until: Instant) {
                self.state.gate.act(now);
                self.state.gate.block_until(now, until);
                let _ = self.sync()$($wait)*;
            }

            /// As [`Gate::restart`]. What the faulty clock had written down stays: after a reboot instants go on at that base.
            pub $($async)? fn restart(&mut self, now: Instant) {
                self.state.gate.restart(now);
                let _ = self.sync()$($wait)*;
            }

            /// As [`Ledger::observe`](crate::Ledger::observe): what others have spent.
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: heard, and not written down.
            pub $($async)? fn observe<U: Unit>(
                &mut self,
                now: Instant,
                account: AccountId,
                balance: Amount<U>,
                raise: Raise,
            ) -> Result<Observed, KeepError<F::Error>> {
                self.state.gate.act(now);
                let observed = self.state.gate.limits.money.observe(now, account, balance, raise)?;
                self.sync()$($wait)*?;
                Ok(observed)
            }

            /// As [`Ledger::write_off`](crate::Ledger::write_off).
            ///
            /// # Errors
            /// [`KeepError::Ledger`] as there; [`KeepError::Journal`]: written off, but not after a reboot.
            pub $($async)? fn write_off<U: Unit>(
                &mut self,
                account: AccountId,
            ) -> Result<Amount<U>, KeepError<F::Error>> {
                let unaccounted = self.state.gate.limits.money.write_off::<U>(account)?;
                self.sync()$($wait)*?;
                Ok(unaccounted)
            }

            /// As [`Ledger::acknowledge`](crate::Ledger::acknowledge), after a record: an alert is never lost, and repeated
            /// at most once.
            ///
            /// # Errors
            /// [`JournalError`]: it is still pending.
            pub $($async)? fn acknowledge(&mut self, alert: Alert) -> Result<bool, JournalError<F::Error>> {
                if let Some(record) = Books::<N, 0>::before_acknowledge(self.state.ledger(), alert) {
                    self.put(record)$($wait)*?;
                }
                Ok(self.state.gate.limits.money.acknowledge(alert))
            }

            /// A fresh id, never given out before, across reboots as well: one record for every 64.
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
                if let Some(record) = self.state.books.before_tick(self.state.ledger(), now) {
                    self.put(record)$($wait)*?;
                }
                Ok(())
            }

            /// The owner's word that so much of a budget is used: opens one that a damage has closed.
            ///
            /// # Errors
            /// [`LedgerError::UnknownBudget`](crate::LedgerError::UnknownBudget) or
            /// [`LedgerError::UnitMismatch`](crate::LedgerError::UnitMismatch), of line 0; [`KeepError::Journal`].
            pub $($async)? fn repair<U: Unit>(
                &mut self,
                now: Instant,
                account: AccountId,
                used: Amount<U>,
            ) -> Result<(), KeepError<F::Error>> {
                let GateState { gate, books, .. } = &mut self.state;
                gate.limits.money.resolve(&[Line::new::<U>(account, used)])?;
                gate.act(now);
                let record = books.before_repair(&mut gate.limits.money, now, account, used.as_micros())?;
                self.put(record)$($wait)*?;
                repair(&mut self.state.gate.limits.money, account, used.as_micros());
                Ok(())
            }

            /// Writes everything exactly as it is, before the power is taken away on purpose: nothing is counted too much
            /// afterwards. It may be used on.
            ///
            /// # Errors
            /// [`JournalError`]: a reboot counts up to a lease too much.
            pub $($async)? fn shutdown(&mut self, now: Instant) -> Result<(), JournalError<F::Error>> {
                self.state.gate.act(now);
                self.sync()$($wait)*?;
                for _ in 0..N + 2 {
                    let Some(record) = self.state.books.before_shutdown(self.state.ledger(), now) else { break };
                    self.put(record)$($wait)*?;
                }
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
