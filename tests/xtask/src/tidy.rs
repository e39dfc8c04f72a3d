//! `cargo xtask tidy`: what a compiler does not look at.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::quoted;
use crate::shell::{capture, cargo, run as sh, stdout_of};

/// Past this many lines a file gets a question, past the limit it fails.
const FILE_QUESTION: usize = 400;
const FILE_LIMIT: usize = 500;
const FUNCTION_QUESTION: usize = 70;

/// What the README tells a reader to type: the tests, and the main job.
const COMMANDS: [&str; 2] = ["cargo test --workspace", "cargo run --release --example gateway"];

/// Words and paths of a workshop, not of the product. The brackets keep the pattern from finding itself.
const FOREIGN: &str =
    r"\b([t]his session|[t]he agent|[c]laude|[w]orkplace|[i]ssue #?[0-9]+ asks)\b|/([w]ork|[r]oot|[f]arm)/";

pub(crate) fn run() -> Result<()> {
    sh(&mut cargo(&["fmt", "--all", "--check"]))?;
    readme_is_the_documentation()?;
    guide_shows_what_is_compiled()?;
    quoted::check()?;
    lengths()?;
    foreign_words()
}

/// `core/src/lib.rs` includes the README as its documentation, so that its examples are tested and cannot differ.
fn readme_is_the_documentation() -> Result<()> {
    let readme = fs::read_to_string("README.md").context("README.md")?;
    for command in COMMANDS {
        ensure!(readme.contains(command), "README.md does not tell the reader about `{command}`");
    }
    let source = fs::read_to_string("core/src/lib.rs").context("core/src/lib.rs")?;
    let Some(path) = included_documentation(&source) else {
        bail!("core/src/lib.rs has no `#![doc = include_str!(\"...README.md\")]`");
    };
    let included = Path::new("core/src").join(path);
    let same = included.canonicalize().with_context(|| format!("core/src/lib.rs includes {path}"))?
        == Path::new("README.md").canonicalize()?;
    ensure!(same, "core/src/lib.rs includes {path}, which is not the README.md of the workspace");
    if path.starts_with("../../") {
        println!("    warning: {path} lies outside the package: published, it would not build; link core/README.md");
    }
    Ok(())
}

/// `core/src/guide.rs` shows whole programs. Each is one that is built and run: the path of a binary or an example, or a
/// module that such a one declares.
fn guide_shows_what_is_compiled() -> Result<()> {
    let mut built = Vec::new();
    for package in ["examples", "examples/firmware"] {
        let manifest = fs::read_to_string(Path::new(package).join("Cargo.toml")).context(package)?;
        for path in manifest.lines().filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"')) {
            built.push(Path::new(package).join(path).canonicalize().with_context(|| format!("{package}: {path}"))?);
        }
    }
    let modules = |root: &Path| {
        let source = fs::read_to_string(root).unwrap_or_default();
        let names = source.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        names.map(|name| root.with_file_name(format!("{name}.rs"))).collect::<Vec<_>>()
    };
    built.extend(built.iter().flat_map(|root| modules(root)).collect::<Vec<_>>());
    let page = fs::read_to_string("core/src/guide.rs").context("core/src/guide.rs")?;
    // What it prints is text, and no program.
    let shown: Vec<&str> =
        page.lines().filter_map(included_documentation).filter(|path| !path.ends_with("expected.txt")).collect();
    ensure!(!shown.is_empty(), "core/src/guide.rs shows no program");
    for path in shown {
        let file = Path::new("core/src").join(path).canonicalize().with_context(|| path.to_owned())?;
        ensure!(built.contains(&file), "core/src/guide.rs shows {}, which nothing builds", file.display());
    }
    Ok(())
}

/// The path in `#![doc = include_str!("path")]`.
fn included_documentation(source: &str) -> Option<&str> {
    let line = source.lines().find(|line| line.starts_with("#![doc = include_str!("))?;
    line.split('"').nth(1)
}

/// Long files and long functions of the two libraries: questions up to the limit, a failure past it.
fn lengths() -> Result<()> {
    let mut too_long = Vec::new();
    let files = stdout_of(Command::new("git").args(["ls-files", "core/src/*.rs", "std-adapter/src/*.rs"]))?;
    for path in files.lines() {
        let source = fs::read_to_string(path).with_context(|| path.to_owned())?;
        let lines = source.lines().count();
        if lines > FILE_LIMIT {
            too_long.push(format!("{path} ({lines})"));
        } else if lines > FILE_QUESTION {
            println!("    warning: {path} has {lines} lines: what is the second idea in it?");
        }
        for (name, at, length) in functions(&source).filter(|found| found.2 > FUNCTION_QUESTION) {
            println!("    warning: {path}:{at}: {name} has {length} lines, more than {FUNCTION_QUESTION}");
        }
    }
    ensure!(too_long.is_empty(), "files over {FILE_LIMIT} lines: {}", too_long.join(", "));
    Ok(())
}

/// Functions with a body: name, line number, length in lines. Relies on the format that `cargo fmt` has just checked.
fn functions(source: &str) -> impl Iterator<Item = (&str, usize, usize)> {
    let lines: Vec<&str> = source.lines().collect();
    (0..lines.len()).filter_map(move |first| {
        let line = lines.get(first)?;
        let name = function_name(line)?;
        let indent = line.get(..line.len() - line.trim_start().len())?;
        let own = |line: &str| line.strip_prefix(indent).is_some_and(|rest| !rest.starts_with(' ') && !rest.is_empty());
        let last = (first..lines.len())
            .find(|&at| lines.get(at).is_some_and(|line| own(line) && (line.ends_with('}') || line.ends_with(';'))))?;
        Some((name, first + 1, last - first + 1))
    })
}

/// The name, if this line declares a function.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let qualifier =
        |word: &str| word.starts_with("pub") || ["const", "async", "unsafe", "extern", "\"C\""].contains(&word);
    before.split_whitespace().all(qualifier).then(|| after.split(['(', '<']).next())?
}

fn foreign_words() -> Result<()> {
    let output = capture(Command::new("git").args(["grep", "-nIiE", FOREIGN, "--", ".", ":!*Cargo.lock"]))?;
    match output.status.code() {
        Some(1) => Ok(()),
        Some(0) => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            bail!("the lines above speak of something else than the product")
        }
        _ => bail!("git grep failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_with_their_lengths() {
        let source = "\
impl A {
    /// fn not_this() {
    pub(crate) const fn one(
        a: u8,
    ) -> u8 {
        a
    }

    fn declared(&self);
    fn empty() {}
}

fn two<T>() {
    if x {
    }
}
";
        let found: Vec<_> = functions(source).collect();
        assert_eq!(found, [("one", 3, 5), ("declared", 9, 1), ("empty", 10, 1), ("two", 13, 4)]);
    }

    #[test]
    fn included_documentation_is_a_path() {
        assert_eq!(
            included_documentation("#![no_std]\n#![doc = include_str!(\"../README.md\")]\n"),
            Some("../README.md")
        );
        assert_eq!(included_documentation("//! #![doc = 1]\n"), None);
    }
}
