//! `cargo xtask fuzz`: arbitrary bytes into every parser, for a while. Not part of `ci`, because it is never done.
//!
//! The seeds under `tests/fuzz/seeds` are only read: they are copied into `tests/fuzz/corpus`, which git ignores, and
//! what is found to be interesting joins them there. A crash leaves its input under `tests/fuzz/artifacts`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{run as sh, stdout_of};

const FOLDER: &str = "tests/fuzz";

pub(crate) fn run(only: Option<&str>, seconds: u32) -> Result<()> {
    let all = targets()?;
    let chosen: Vec<&str> =
        all.iter().map(String::as_str).filter(|name| only.is_none_or(|only| only == *name)).collect();
    ensure!(!chosen.is_empty(), "no target {}: there are {}", only.unwrap_or_default(), all.join(", "));
    if stdout_of(Command::new("cargo").args(["+nightly", "--version"])).is_err() {
        bail!("fuzzing takes a nightly compiler: install it with `rustup toolchain install nightly`");
    }
    if stdout_of(Command::new("cargo").args(["+nightly", "fuzz", "--version"])).is_err() {
        bail!("fuzzing takes cargo-fuzz: install it with `cargo install cargo-fuzz`");
    }
    for target in chosen {
        let corpus = format!("{FOLDER}/corpus/{target}");
        copy(&Path::new(FOLDER).join("seeds").join(target), Path::new(&corpus))?;
        let mut fuzz = Command::new("cargo");
        fuzz.args(["+nightly", "fuzz", "run", "--fuzz-dir", FOLDER, target, &corpus, "--"]);
        fuzz.args([&format!("-max_total_time={seconds}"), &format!("-dict={FOLDER}/headers.dict"), "-verbosity=0"]);
        sh(&mut fuzz)
            .with_context(|| format!("target {target} (what crashes it is kept under {FOLDER}/artifacts/{target})"))?;
    }
    Ok(())
}

/// Every file under `tests/fuzz/targets`, by name.
fn targets() -> Result<Vec<String>> {
    let folder = Path::new(FOLDER).join("targets");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn copy(seeds: &Path, corpus: &Path) -> Result<()> {
    fs::create_dir_all(corpus).with_context(|| corpus.display().to_string())?;
    for seed in fs::read_dir(seeds).with_context(|| seeds.display().to_string())? {
        let seed = seed?;
        fs::copy(seed.path(), corpus.join(seed.file_name()))?;
    }
    Ok(())
}
