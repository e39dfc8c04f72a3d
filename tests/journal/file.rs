//! The same journal in a file: killed processes, full disks, and two at once.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate::journal::{Keeper, Keeping};
use tollgate::{Instant, JobId};
use tollgate_std::{JournalFile, JournalFileError};

use crate::support::*;

fn path(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("tollgate-journal-{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

fn keep(path: &Path) -> Keeper<'static, JournalFile, 1, 4> {
    let file = JournalFile::open(path, JournalFile::LAYOUT).unwrap();
    Keeper::open(file, JournalFile::LAYOUT, ledger(&PLENTY), &[Keeping::Strict]).unwrap()
}

/// What the child of the next test runs; by itself it does nothing.
#[test]
fn child_that_spends_until_it_is_killed() {
    let Ok(path) = env::var("TOLLGATE_JOURNAL_CHILD") else { return };
    let mut keeper = keep(Path::new(&path));
    for id in 1.. {
        let _ = keeper.charge(Instant::ORIGIN, JobId(id), &credits(1)).unwrap();
        println!("granted {id}");
    }
}

#[test]
fn a_process_that_is_killed_has_lost_nothing_it_granted() {
    let path = path("killed");
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "file::child_that_spends_until_it_is_killed", "--nocapture"])
        .env("TOLLGATE_JOURNAL_CHILD", &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The test runner's own words may come before the first number on its line.
    let number = |line: String| line.split("granted ").nth(1).and_then(|number| number.parse::<u64>().ok());
    assert_eq!(lines.by_ref().filter_map(number).nth(49), Some(50));
    child.kill().unwrap();
    child.wait().unwrap();
    let granted = lines.filter_map(number).last().unwrap_or(50);
    let known = used(&keep(&path));
    assert!(known >= micros(granted) && known <= micros(granted + 1), "{known} {granted}");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_second_process_does_not_get_the_same_budget() {
    let path = path("locked");
    let keeper = keep(&path);
    assert!(matches!(JournalFile::open(&path, JournalFile::LAYOUT), Err(JournalFileError::Locked)));
    drop(keeper);
    assert!(JournalFile::open(&path, JournalFile::LAYOUT).is_ok());
    fs::remove_file(path).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_before_anything_is_granted() {
    let error = JournalFile::open("/dev/full", JournalFile::LAYOUT).unwrap_err();
    assert!(
        matches!(&error, JournalFileError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
}

#[test]
fn a_file_that_was_cut_while_it_was_made_is_made_again_and_another_one_is_left_alone() {
    let path = path("short");
    fs::write(&path, vec![0xFF; 70_000]).unwrap();
    drop(keep(&path));
    fs::write(&path, b"{\"budget\": 50}").unwrap();
    let error = JournalFile::open(&path, JournalFile::LAYOUT).unwrap_err();
    assert!(matches!(error, JournalFileError::Length { found: 14, expected: 131_072 }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"{\"budget\": 50}");
    fs::remove_file(path).unwrap();
}
