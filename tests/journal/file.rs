//! The same journal in a file: killed processes, cut files, full disks, and two at once.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use tollgate::journal::{GateKeeper, Health, ImageLog, Keeper, Keeping, LimiterKeeper};
use tollgate::{
    Duration, Gate, Instant, JobId, JobState, Ledger, Limiter, Limits, Mismatch, Offline, Quota, Report, Request,
    Start, TokenBucket,
};
use tollgate_std::{JournalFile, JournalFileError};

use crate::support::*;

/// A child has all files of its parent until it runs a program of its own, and so their locks. Who starts one waits for those
/// who open files, and they for it.
static FILES: RwLock<()> = RwLock::new(());

fn files() -> RwLockReadGuard<'static, ()> {
    FILES.read().unwrap_or_else(PoisonError::into_inner)
}

/// This program again, for one of its tests.
fn start(test: &str, variable: &str, path: &Path) -> Child {
    let _alone = FILES.write().unwrap_or_else(PoisonError::into_inner);
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(variable, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

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
    let mut child = start("file::child_that_spends_until_it_is_killed", "TOLLGATE_JOURNAL_CHILD", &path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The test runner's own words may come before the first number on its line.
    let number = |line: String| line.split("granted ").nth(1).and_then(|number| number.parse::<u64>().ok());
    assert_eq!(lines.by_ref().filter_map(number).nth(49), Some(50));
    child.kill().unwrap();
    child.wait().unwrap();
    let _files = files();
    let granted = lines.filter_map(number).last().unwrap_or(50);
    let known = used(&keep(&path));
    assert!(known >= micros(granted) && known <= micros(granted + 1), "{known} {granted}");
    fs::remove_file(path).unwrap();
}

fn keep_bucket(path: &Path) -> LimiterKeeper<TokenBucket, JournalFile> {
    const QUOTA: Quota = tollgate::valid!(Quota::new(1_000_000, Duration::from_days(365)));
    let file = JournalFile::open(path, JournalFile::LAYOUT).unwrap();
    let log = ImageLog::open(file, JournalFile::LAYOUT).unwrap();
    let bucket = TokenBucket::new(QUOTA, Start::Full, Instant::ORIGIN);
    LimiterKeeper::open(log, bucket, 8, Instant::ORIGIN, Offline::Unknown, Mismatch::Refuse).unwrap()
}

#[test]
fn a_bucket_in_a_file_goes_on_after_it_is_opened_anew_and_its_lease_counts() {
    let _files = files();
    let path = path("bucket");
    for (boot, used) in [(1, 0), (2, 16), (3, 32)] {
        let mut keeper = keep_bucket(&path);
        assert_eq!(keeper.limiter().available(Instant::ORIGIN), 1_000_000 - used, "boot {boot}");
        assert!((0..11).all(|_| keeper.allow(Instant::ORIGIN, 1).is_ok()));
        assert_eq!(keeper.log().records(), 2);
    }
    // What was cut off of the last record is a record less, and one lease.
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.chunks(96).take_while(|record| record.iter().any(|byte| *byte != 0xFF)).count() - 1;
    bytes[last * 96 + 50..(last + 1) * 96].fill(0xFF);
    fs::write(&path, &bytes).unwrap();
    let keeper = keep_bucket(&path);
    assert_eq!(keeper.limiter().available(Instant::ORIGIN), 1_000_000 - 40);
    assert_eq!(keeper.health(), Health::Torn { slots: 1 });
    drop(keeper);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_second_process_does_not_get_the_same_budget() {
    let _files = files();
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
    let _files = files();
    let path = path("short");
    fs::write(&path, vec![0xFF; 70_000]).unwrap();
    drop(keep(&path));
    fs::write(&path, b"{\"budget\": 50}").unwrap();
    let error = JournalFile::open(&path, JournalFile::LAYOUT).unwrap_err();
    assert!(matches!(error, JournalFileError::Length { found: 14, expected: 131_072 }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"{\"budget\": 50}");
    fs::remove_file(path).unwrap();
}

type Doorman = GateKeeper<JournalFile, Limits<(), (), Ledger<'static, 1, 0, 1, 0>>, 1, 4, 2>;

fn guard(directory: &Path) -> Doorman {
    let mut money = Ledger::new(Duration::ZERO);
    money.open(Instant::ORIGIN, &PLENTY).unwrap();
    let gate = Gate::new(Limits::new().money(money), Instant::ORIGIN);
    let file = JournalFile::open_in(directory).unwrap();
    GateKeeper::open(file, JournalFile::LAYOUT, gate, &[Keeping::Strict]).unwrap()
}

fn directory(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("tollgate-state-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

/// Sends a job of 40 credits, and finishes the one before at 25, for ever.
fn work(keeper: &mut Doorman, id: u64) {
    let cost = credits(40);
    let now = keeper.base();
    let permit = keeper.ask(now, &Request::new(JobId(id), Duration::MAX).costs(&cost)).unwrap();
    keeper.sending(now, &permit).unwrap();
    println!("granted {id}");
    keeper.finished(now, JobId(id), &credits(25)).unwrap();
    println!("finished {id}");
    keeper.cancel(now, permit).unwrap();
}

/// What the child of the next test runs; by itself it does nothing.
#[test]
fn child_that_sends_jobs_until_it_is_killed() {
    let Ok(path) = env::var("TOLLGATE_STATE_CHILD") else { return };
    let mut keeper = guard(Path::new(&path));
    for id in 1.. {
        work(&mut keeper, id);
    }
}

#[test]
fn a_process_that_is_killed_has_lost_no_job_it_sent() {
    let path = directory("killed");
    let mut child = start("file::child_that_sends_jobs_until_it_is_killed", "TOLLGATE_STATE_CHILD", &path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number =
        |line: &String, word: &str| line.split(word).nth(1).and_then(|number| number.trim().parse::<u64>().ok());
    let (mut sent, mut finished) = (0, 0);
    let mut hear = |line: String| {
        sent = number(&line, "granted ").unwrap_or(sent);
        finished = number(&line, "finished ").unwrap_or(finished);
        finished
    };
    assert!(lines.by_ref().map(&mut hear).any(|finished| finished == 30));
    child.kill().unwrap();
    child.wait().unwrap();
    let _files = files();
    let _ = lines.map(&mut hear).last();
    let keeper = guard(&path);
    let report = keeper.gate().report(keeper.base(), ACCOUNT).unwrap();
    let least = finished * 25 + (sent - finished) * 25;
    let range = micros(least)..=micros((finished + 1) * 25 + 40);
    assert!(range.contains(&(report.posted + report.held)), "{report:?} {sent} {finished}");
    for id in finished.saturating_sub(2)..=finished {
        assert_eq!(keeper.gate().job(keeper.base(), JobId(id)), Some(JobState::Settled), "job {id}");
    }
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn a_file_that_was_cut_at_any_byte_of_a_job_knows_it_or_never_sent_it() {
    let _files = files();
    let path = directory("cut");
    let cut = directory("cut-copy");
    let mut keeper = guard(&path);
    work(&mut keeper, 1);
    let (now, cost) = (keeper.base(), credits(40));
    let permit = keeper.ask(now, &Request::new(JobId(2), Duration::MAX).costs(&cost)).unwrap();
    for step in 0..2 {
        let before = fs::read(path.join("journal")).unwrap();
        if step == 0 {
            keeper.sending(now, &permit).unwrap();
        } else {
            keeper.finished(now, JobId(2), &credits(25)).unwrap();
        }
        let after = fs::read(path.join("journal")).unwrap();
        let changed: Vec<usize> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
        assert!((33..=64).contains(&changed.len()), "a record of two slots: {}", changed.len());
        for written in 0..changed.len() {
            let mut bytes = before.clone();
            for at in &changed[..written] {
                bytes[*at] = after[*at];
            }
            fs::create_dir_all(&cut).unwrap();
            fs::write(cut.join("journal"), bytes).unwrap();
            let mut keeper = guard(&cut);
            assert!(!matches!(keeper.health(), Health::Damaged(_)));
            let state = keeper.gate().job(now, JobId(2));
            assert_eq!(state, (step == 1).then_some(JobState::Unknown), "step {step}, byte {written}");
            let expected = if step == 0 { 25 } else { 50 };
            if step == 1 {
                keeper.finished(now, JobId(2), &credits(25)).unwrap();
            }
            let report = guard_report(&keeper);
            assert_eq!((report.posted, report.held), (micros(expected), 0), "step {step}, byte {written}");
        }
    }
    fs::remove_dir_all(path).unwrap();
    fs::remove_dir_all(cut).unwrap();
}

fn guard_report(keeper: &Doorman) -> Report {
    keeper.gate().report(keeper.base(), ACCOUNT).unwrap()
}
