//! Golden traces: the same answers today as when they were saved, and on this machine as on the chips.
//!
//! `cargo xtask golden` saves them; firmware writes the same ones (`examples/firmware`, binary `trace`).

mod scenario;

use std::fs;
use std::path::Path;

#[test]
fn every_trace_is_as_it_was_saved() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let bless = std::env::var_os("GOLDEN_BLESS").is_some();
    for (name, write) in scenario::SCENARIOS {
        let mut text = String::new();
        write(&mut text).unwrap();
        let path = folder.join(format!("{name}.trace"));
        if bless {
            fs::write(&path, &text).unwrap();
        }
        let saved = fs::read_to_string(&path).unwrap_or_default();
        for (line, (now, then)) in text.lines().zip(saved.lines()).enumerate() {
            assert_eq!(now, then, "{name}, line {}", line + 1);
        }
        assert_eq!(text.len(), saved.len(), "{name}");
    }
}

#[test]
fn there_are_no_other_traces_and_they_are_in_order() {
    let names = scenario::SCENARIOS.map(|(name, _)| name);
    assert!(names.is_sorted(), "firmware writes them in the order of their names");
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "trace"))
    {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(&name.as_str()), "{name}");
    }
}

/// A trace must be able to tell: every one has refusals as well as grants, and time that goes back.
#[test]
fn the_traces_have_something_to_tell() {
    for (name, write) in scenario::SCENARIOS {
        let mut text = String::new();
        write(&mut text).unwrap();
        let stamps: Vec<u64> =
            text.lines().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
        assert!(!stamps.is_sorted(), "{name}: time never goes back");
        let (good, bad) = (text.matches("Ok(").count(), text.matches("Err(").count() + text.matches("refused").count());
        assert!(bad > 3 && (good > 3 || name == "breaker"), "{name}: {good} grants and {bad} refusals");
    }
}
