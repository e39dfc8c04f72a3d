//! What outlives the process: a directory, which one process has at a time.
//!
//! | File | Whose | What |
//! |---|---|---|
//! | `journal` | the client's | its gate: each job before it is sent and when it is paid for, and what is spent |
//! | `ended` | the client's | a line for each job that has ended |
//! | `server` | the server's | all that it knows, written before it answers |
//!
//! Killed at any instant and started again, the client finds in the journal what may run, asks the server for it, and goes on
//! with what has not ended.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, OpenOptions, read_to_string};
use std::io::Write;
use std::path::{Path, PathBuf};

use embedded_storage::nor_flash::NorFlash;
use tollgate::journal::{GateKeeper, JournalError, Keeping};
use tollgate_std::JournalFile;

use crate::limits::{Gate, Keeper};

/// What there is besides the journal; by default it is that of a run that leaves nothing behind.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) ended: Ended,
    /// The server's file.
    pub(crate) server: Option<PathBuf>,
    /// Whether there was a run before this one.
    pub(crate) resumed: bool,
}

impl State {
    /// The directory, which is locked as long as its journal is open.
    pub(crate) fn open(dir: &Path) -> Result<(Self, JournalFile), Box<dyn Error>> {
        let journal = JournalFile::open_in(dir)?;
        let server = dir.join("server");
        let resumed = server.exists();
        Ok((Self { ended: Ended::open(&dir.join("ended"))?, server: Some(server), resumed }, journal))
    }
}

/// A gate as its journal knows it.
pub(crate) fn keeper<F: NorFlash>(flash: F, gate: Gate, accounts: usize) -> Result<Keeper<F>, JournalError<F::Error>> {
    GateKeeper::open(flash, JournalFile::LAYOUT, gate, &vec![Keeping::Strict; accounts])
}

/// The jobs that have ended, and why those that failed did.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    file: Option<File>,
    pub(crate) jobs: BTreeMap<u64, Option<String>>,
}

impl Ended {
    fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let text = read_to_string(path)?;
        // A line that was cut short was never written.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        let line = |line: &str| {
            let (id, why) = line.split_once(' ').map_or((line, None), |(id, why)| (id, Some(why.to_owned())));
            Some((id.parse().ok()?, why))
        };
        Ok(Self { file: Some(file), jobs: text[..whole].lines().filter_map(line).collect() })
    }

    /// A job has ended: made, or failed for good.
    pub(crate) fn add(&mut self, id: u64, why: Option<String>) -> std::io::Result<()> {
        if let Some(file) = &mut self.file {
            let why = why.as_ref().map(|why| format!(" {}", why.replace('\n', " "))).unwrap_or_default();
            file.write_all(format!("{id}{why}\n").as_bytes())?;
            file.sync_data()?;
        }
        self.jobs.insert(id, why);
        Ok(())
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
