//! Killed in the middle and started again, the run ends with the same books.
//!
//! The process that is killed is this test program once more, with one test to run. It uses the loopback and ends by itself.

use std::env;
use std::fs::{create_dir_all, read_to_string, remove_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::Value;

use super::{Ended, State};
use crate::{Args, jobs, run, save};

/// Where the process of its own finds its state, jobs, and room for its report.
const PLACE: &str = "GATEWAY_TEST_PLACE";

/// What the test below starts and kills; for anybody else it does nothing.
#[test]
fn a_process_of_its_own() {
    let Some(place) = env::var_os(PLACE).map(PathBuf::from) else { return };
    let file = |name: &str| place.join(name).display().to_string();
    let [state, jobs_file, out] = ["state", "jobs.json", "out"].map(file);
    let args =
        ["gateway", "--state", &state, "--jobs", &jobs_file, "--out", &out, "--speed", "200", "--deadline", "60"];
    let args = Args::parse_from(args);
    let (state, journal) = State::open(Path::new(&state)).unwrap();
    let report = run(&args, jobs::load(&args.jobs).unwrap(), state, journal).unwrap();
    save(&report, &args.out).unwrap();
}

/// A place with one job in five of those that come along.
fn place(name: &str) -> PathBuf {
    let place = env::temp_dir().join(format!("gateway-{}-{name}", std::process::id()));
    create_dir_all(place.join("out")).unwrap();
    let all = read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/jobs.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&all).unwrap();
    let some: Vec<Value> = all.into_iter().skip(1).step_by(5).collect();
    write(place.join("jobs.json"), serde_json::to_string(&some).unwrap()).unwrap();
    place
}

fn start(place: &Path) -> Child {
    let test = ["--exact", "state::tests::a_process_of_its_own"];
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(test).env(PLACE, place).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

/// The requests that have arrived so far, by the server's file.
fn arrivals(place: &Path) -> usize {
    let server = read_to_string(place.join("state/server")).unwrap_or_default();
    let server: Value = serde_json::from_str(&server).unwrap_or_default();
    server["books"]["arrivals"].as_array().map_or(0, Vec::len)
}

/// What must not hang on how often the run was killed.
fn books(place: &Path) -> Value {
    let report: Value = serde_json::from_str(&read_to_string(place.join("out/report.json")).unwrap()).unwrap();
    assert_eq!(report["bill_agrees"], true, "{:#}", report["spent"]);
    assert_eq!(report["violations"], 0);
    let mut alerts: Vec<_> = report["alerts"].as_array().unwrap().iter().map(Value::to_string).collect();
    alerts.sort();
    serde_json::json!({ "spent": report["spent"], "failed": report["failed"], "done": report["done"], "alerts": alerts })
}

#[test]
fn killed_and_started_again_it_ends_with_the_same_books() {
    let [whole, cut] = ["whole", "cut"].map(place);
    assert!(start(&whole).wait().unwrap().success());

    // The server has written down a request, and has not answered it.
    for seen in [1, 4, 11, 12, 19, 25] {
        let mut process = start(&cut);
        let patience = Instant::now() + Duration::from_mins(1);
        while arrivals(&cut) < seen && process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < patience, "nothing has happened for a minute");
            sleep(Duration::from_millis(1));
        }
        if seen == 19 {
            let refused = State::open(&cut.join("state")).map(|_| ()).unwrap_err();
            assert_eq!(refused.to_string(), "the journal is in use: expected one process");
        }
        process.kill().unwrap();
        assert!(!process.wait().unwrap().success(), "it had ended before it was killed at {seen}");
    }
    assert!(start(&cut).wait().unwrap().success());
    assert_eq!(books(&cut), books(&whole));
    for place in [whole, cut] {
        remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_line_that_was_cut_short_was_never_written() {
    let place = place("ended");
    let path = place.join("ended");
    write(&path, "7\n9 too expensive, by far\n12").unwrap();
    let mut ended = Ended::open(&path).unwrap();
    let expected = [(7, None), (9, Some("too expensive, by far".to_owned()))];
    assert_eq!(ended.jobs, expected.clone().into());
    ended.add(12, Some("two\nlines".into())).unwrap();
    assert_eq!(read_to_string(&path).unwrap(), "7\n9 too expensive, by far\n12 two lines\n");
    remove_dir_all(place).unwrap();
}
