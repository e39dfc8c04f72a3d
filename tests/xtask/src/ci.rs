//! `cargo xtask ci`: everything a change has to pass. Nothing is skipped: what cannot be checked fails.

use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::shell::{cargo, run as sh, stdout_of};
use crate::{bare, firmware, header, proof, size, tidy};

/// A step: its name and what it does.
type Step = (&'static str, fn() -> Result<()>);

/// The cheap and the likely to fail first.
const STEPS: [Step; 10] = [
    ("tidy", tidy::run),
    ("header", header::check),
    ("clippy", clippy),
    ("tests", tests),
    ("docs", docs),
    ("bare", || bare::run(false)),
    ("proof", proof::run),
    ("gateway", gateway),
    ("firmware", firmware::check),
    ("size", || size::run(true)),
];

pub(crate) fn run() -> Result<()> {
    let all = Instant::now();
    for (name, step) in STEPS {
        println!("==> {name}");
        let started = Instant::now();
        step().with_context(|| format!("step {name}"))?;
        println!("==> {name}: ok in {:.1} s\n", started.elapsed().as_secs_f32());
    }
    println!("all {} steps passed in {:.0} s", STEPS.len(), all.elapsed().as_secs_f32());
    Ok(())
}

fn clippy() -> Result<()> {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    sh(cargo(&["clippy", "--workspace", "--all-targets", "--all-features"]).args(DENY))?;
    sh(cargo(&["clippy", "-p", "tollgate", "--all-targets"]).args(DENY))?;
    for feature in features("tollgate")? {
        sh(cargo(&["clippy", "-p", "tollgate", "--all-targets", "--features", &feature]).args(DENY))?;
    }
    Ok(())
}

fn tests() -> Result<()> {
    sh(&mut cargo(&["test", "--workspace"]))?;
    for package in ["tollgate", "tollgate-std"] {
        let features = features(package)?;
        for feature in &features {
            sh(&mut cargo(&["test", "-p", package, "--features", feature]))?;
        }
        // With one feature, all is the same as each.
        if features.len() > 1 {
            sh(&mut cargo(&["test", "-p", package, "--all-features"]))?;
        }
    }
    Ok(())
}

fn docs() -> Result<()> {
    const STRICT: (&str, &str) = ("RUSTDOCFLAGS", "-D warnings");
    sh(cargo(&["doc", "--workspace", "--no-deps", "--all-features"]).env(STRICT.0, STRICT.1))?;
    sh(cargo(&["doc", "-p", "tollgate", "--no-deps"]).env(STRICT.0, STRICT.1))
}

/// The main job, as the README tells the reader to run it.
fn gateway() -> Result<()> {
    sh(&mut cargo(&["run", "--release", "--example", "gateway"]))
}

/// The features of a package of this workspace, without `default`.
fn features(package: &str) -> Result<Vec<String>> {
    let text = stdout_of(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata answered something else than JSON")?;
    let features = metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|found| found["name"] == package))
        .and_then(|found| found["features"].as_object())
        .ok_or_else(|| anyhow!("cargo metadata knows no package {package}"))?;
    Ok(features.keys().filter(|name| *name != "default").cloned().collect())
}
