//! `JournalFile`: a journal of budgets in a file, on a host.
//!
//! The same pages and records as on flash, so that the same laws hold: a process that is killed, and a machine that loses
//! its power, never counts less than was granted.
//!
//! The file has its full length from the start: that the disk is full shows when it is made, and not at the first charge
//! of a new hour. Every record is appended and synced before what it allows is granted. The file is locked while it is
//! open, because two processes with one budget would have two.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::{error, fmt};

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use tollgate::journal::Layout;

/// A file as the flash of a [`Keeper`](tollgate::journal::Keeper).
///
/// # Example
/// ```
/// use tollgate::journal::{Keeper, Keeping};
/// use tollgate::{Amount, BudgetSpec, Duration, Instant, JobId, Ledger, Line, Renewal, Usd};
/// use tollgate_std::{JournalFile, JournalFileError};
/// static DOLLARS: BudgetSpec = BudgetSpec::new::<Usd>(Amount::whole(50), Renewal::Lifetime);
/// let path = std::env::temp_dir().join(format!("dollars-{}", std::process::id()));
///
/// let mut ledger = Ledger::<1, 4>::new(Duration::ZERO);
/// let dollars = ledger.open(Instant::ORIGIN, &DOLLARS)?;
/// let file = JournalFile::open(&path, JournalFile::LAYOUT)?;
/// let mut keeper = Keeper::<_, 1, 4>::open(file, JournalFile::LAYOUT, ledger, &[Keeping::Strict])?;
/// let _ = keeper.charge(keeper.base(), JobId(1), &[Line::new::<Usd>(dollars, Amount::whole(12))])?;
///
/// // Nobody else has it.
/// assert!(matches!(JournalFile::open(&path, JournalFile::LAYOUT), Err(JournalFileError::Locked)));
/// # drop(keeper);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JournalFile {
    file: File,
    length: u64,
    /// A sync has failed: what is in the page cache may never reach the disk, and must not be believed.
    failed: bool,
}

/// Why a journal's file cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalFileError {
    /// The system says no: no such directory, no permission, the disk is full.
    Io(io::Error),
    /// Another process has it, or this one.
    Locked,
    /// The file is of another length than this layout: it is another file, or was cut.
    Length {
        /// Its length, in bytes.
        found: u64,
        /// That of the layout.
        expected: u64,
    },
    /// Writing has failed before. Open it anew, and what is known to be on the disk will be read.
    Failed,
    /// The arguments lie behind the end of the file.
    OutOfBounds,
}

impl fmt::Display for JournalFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Locked => f.write_str("the journal is in use: expected one process"),
            Self::Length { found, expected } => write!(f, "a file of {found} bytes: expected a journal of {expected}"),
            Self::Failed => f.write_str("writing has failed before: expected the file to be opened anew"),
            Self::OutOfBounds => f.write_str("behind the end of the file"),
        }
    }
}

impl error::Error for JournalFileError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for JournalFileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl NorFlashError for JournalFileError {
    fn kind(&self) -> NorFlashErrorKind {
        if matches!(self, Self::OutOfBounds) { NorFlashErrorKind::OutOfBounds } else { NorFlashErrorKind::Other }
    }
}

impl JournalFile {
    /// Two pages of 64 KiB: 2 046 records each, snapshots not deducted.
    pub const LAYOUT: Layout = tollgate::valid!(Layout::new(0, 65_536, 2));

    /// Opens the file, or makes one of the layout's length; locks it until it is dropped.
    ///
    /// # Errors
    /// [`JournalFileError::Io`], also if the disk has no room for all of it; [`JournalFileError::Locked`];
    /// [`JournalFileError::Length`].
    pub fn open(path: impl AsRef<Path>, layout: Layout) -> Result<Self, JournalFileError> {
        let path = path.as_ref();
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalFileError::Locked),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let (found, length) = (file.metadata()?.len(), layout.end());
        if found < length {
            // Cut while it was made, it has only erased bytes yet.
            let mut begun = Vec::new();
            Read::by_ref(&mut file).take(found).read_to_end(&mut begun)?;
            if begun.iter().any(|byte| *byte != 0xFF) {
                return Err(JournalFileError::Length { found, expected: length });
            }
            fill(&mut file, 0, length)?;
            file.sync_all()?;
            sync_directory(path)?;
        } else if found > length {
            return Err(JournalFileError::Length { found, expected: length });
        }
        Ok(Self { file, length, failed: false })
    }

    /// Opens the file `journal` in this directory, with [`LAYOUT`](Self::LAYOUT); makes both where they are missing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Example
    /// A gate whose jobs and money survive the process:
    /// ```
    /// use tollgate::journal::{GateKeeper, Keeping};
    /// use tollgate::{
    ///     Amount, BudgetSpec, Duration, Gate, Instant, JobId, JobState, Ledger, Limits, Line, Renewal, Request, Usd,
    /// };
    /// use tollgate_std::JournalFile;
    /// static DOLLARS: BudgetSpec = BudgetSpec::new::<Usd>(Amount::whole(50), Renewal::Lifetime);
    /// # let dir = std::env::temp_dir().join(format!("state-{}", std::process::id()));
    /// let start = || -> Result<_, Box<dyn std::error::Error>> {
    ///     let mut money = Ledger::<1, 0, 1, 0>::new(Duration::ZERO);
    ///     let dollars = money.open(Instant::ORIGIN, &DOLLARS)?;
    ///     let gate = Gate::<_, 8, 2>::new(Limits::new().money(money), Instant::ORIGIN).with_slots(2);
    ///     let file = JournalFile::open_in(&dir)?;
    ///     Ok((GateKeeper::open(file, JournalFile::LAYOUT, gate, &[Keeping::Strict])?, dollars))
    /// };
    ///
    /// let (mut keeper, dollars) = start()?;
    /// let (now, cost) = (keeper.base(), [Line::new::<Usd>(dollars, Amount::whole(12))]);
    /// let permit = keeper.ask(now, &Request::new(JobId(1), Duration::from_mins(10)).costs(&cost))?;
    /// keeper.sending(now, &permit)?;
    /// drop(keeper); // the process ends
    ///
    /// let (keeper, _) = start()?;
    /// assert_eq!(keeper.gate().job(keeper.base(), JobId(1)), Some(JobState::Unknown));
    /// # drop(keeper);
    /// # std::fs::remove_dir_all(&dir)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_in(directory: impl AsRef<Path>) -> Result<Self, JournalFileError> {
        let directory = directory.as_ref();
        fs::create_dir_all(directory)?;
        Self::open(directory.join("journal"), Self::LAYOUT)
    }

    /// Does it and waits until it is on the disk.
    fn change(
        &mut self,
        from: u32,
        len: u64,
        change: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), JournalFileError> {
        self.check(from, len)?;
        let done = change(&mut self.file).and_then(|()| self.file.sync_data());
        self.failed = done.is_err();
        Ok(done?)
    }

    fn check(&self, from: u32, len: u64) -> Result<(), JournalFileError> {
        if self.failed {
            return Err(JournalFileError::Failed);
        }
        if u64::from(from).saturating_add(len) > self.length { Err(JournalFileError::OutOfBounds) } else { Ok(()) }
    }
}

/// Makes a stretch of a file look like erased flash.
fn fill(file: &mut File, from: u64, to: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let erased = [0xFF; 4096];
    let mut left = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    while left > 0 {
        let some = left.min(erased.len());
        file.write_all(&erased[..some])?;
        left -= some;
    }
    Ok(())
}

/// A new name is on the disk only once its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

impl ErrorType for JournalFile {
    type Error = JournalFileError;
}

impl ReadNorFlash for JournalFile {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), JournalFileError> {
        self.check(offset, bytes.len() as u64)?;
        self.file.seek(SeekFrom::Start(offset.into()))?;
        Ok(self.file.read_exact(bytes)?)
    }

    fn capacity(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }
}

impl NorFlash for JournalFile {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 1;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), JournalFileError> {
        let len = u64::from(to.saturating_sub(from));
        self.change(from, len, |file| fill(file, from.into(), to.into()))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), JournalFileError> {
        self.change(offset, bytes.len() as u64, |file| {
            file.seek(SeekFrom::Start(offset.into()))?;
            file.write_all(bytes)
        })
    }
}

impl Drop for JournalFile {
    /// Closing is not enough: a child that another thread is just starting has a copy of it until it is another program.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_just_being_started_does_not_keep_the_journal_locked() {
        let path = std::env::temp_dir().join(format!("tollgate-copy-{}", std::process::id()));
        let file = JournalFile::open(&path, JournalFile::LAYOUT).unwrap();
        // What a fork does to every file that is open.
        let copy = file.file.try_clone().unwrap();
        assert!(matches!(JournalFile::open(&path, JournalFile::LAYOUT), Err(JournalFileError::Locked)));
        drop(file);
        assert!(JournalFile::open(&path, JournalFile::LAYOUT).is_ok());
        drop(copy);
        std::fs::remove_file(path).unwrap();
    }
}
