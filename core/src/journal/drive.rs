//! The hands of a journal: what its log and its scan ask for is done to a flash, with drivers that block and without.

use embedded_storage::nor_flash::NorFlash;
#[cfg(feature = "journal-async")]
use embedded_storage_async::nor_flash::NorFlash as AsyncNorFlash;

use super::fault::{JournalError, JournalFault};
use super::log::{Log, Step};
use super::record::Record;
use super::recovery::{Look, Scan};

/// Once for each kind of driver: `[async]` and `[.await]` are all that differs.
macro_rules! hands {
    ($Bound:path, $append:ident, $read:ident, $begin:ident, [$($async:tt)?], [$($wait:tt)*]) => {
        /// Appends a record, or with none only turns the page; `state` hands over the records of the state as it is now.
        pub(super) $($async)? fn $append<F: $Bound>(
            flash: &mut F,
            log: &mut Log,
            record: Option<Record>,
            mut state: impl FnMut(u16) -> Option<Record>,
        ) -> Result<(), JournalError<F::Error>> {
            log.begin(record);
            loop {
                let done = match log.next()? {
                    Step::Ask(at) => {
                        log.give(state(at));
                        Ok(())
                    }
                    Step::Read(at) => flash.read(at, &mut log.buf)$($wait)*,
                    Step::Write(at) => flash.write(at, &log.buf)$($wait)*,
                    Step::Erase(from, to) => flash.erase(from, to)$($wait)*,
                    Step::Done => return Ok(()),
                };
                if let Err(error) = done {
                    log.abandon();
                    return Err(JournalError::Flash(error));
                }
            }
        }

        /// Reads all there is, record by record.
        pub(super) $($async)? fn $read<F: $Bound>(
            flash: &mut F,
            scan: &mut Scan,
            mut replay: impl FnMut(&Record) -> Result<(), JournalFault>,
        ) -> Result<(), JournalError<F::Error>> {
            loop {
                let done = match scan.next()? {
                    Look::Read(at) => flash.read(at, &mut scan.buf)$($wait)*,
                    Look::Write(at) => flash.write(at, &scan.buf)$($wait)*,
                    Look::Replay => {
                        if let Some(record) = scan.take() {
                            replay(&record)?;
                        }
                        Ok(())
                    }
                    Look::Done => return Ok(()),
                };
                done.map_err(JournalError::Flash)?;
            }
        }

        /// Erases so many pages, and writes the first header.
        pub(super) $($async)? fn $begin<F: $Bound>(
            flash: &mut F,
            scan: &Scan,
            pages: u16,
        ) -> Result<(), JournalError<F::Error>> {
            for page in 0..pages {
                let (from, to) = scan.layout().range(page);
                flash.erase(from, to)$($wait)*.map_err(JournalError::Flash)?;
            }
            flash.write(scan.layout().start(), &scan.first_header())$($wait)*.map_err(JournalError::Flash)
        }
    };
}

hands!(NorFlash, append, read, begin, [], []);
#[cfg(feature = "journal-async")]
hands!(AsyncNorFlash, append_async, read_async, begin_async, [async], [.await]);
