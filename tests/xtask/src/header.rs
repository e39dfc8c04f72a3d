//! `cargo xtask header`: the C header of `core/c`, from its sources.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};

const CRATE: &str = "core/c";
const HEADER: &str = "core/c/include/tollgate.h";

/// The order in which a reader meets things; what is not named comes last.
const ORDER: [&str; 16] = [
    "handle", "status", "why", "bucket", "window", "slots", "backoff", "budget", "report", "ledger", "outcome",
    "response", "gate", "jobs", "accounts", "state",
];

/// What stands before the name of a function.
const FUNCTION: &str = "extern \"C\" fn ";

/// Writes it.
pub(crate) fn write() -> Result<()> {
    fs::write(HEADER, generate()?).with_context(|| HEADER.to_owned())
}

/// As a step of `cargo xtask ci`: what is saved is what would be written.
pub(crate) fn check() -> Result<()> {
    let saved = fs::read_to_string(HEADER).with_context(|| format!("{HEADER}: run `cargo xtask header`"))?;
    ensure!(saved == generate()?, "{HEADER} is not that of the sources: run `cargo xtask header`");
    println!("    {HEADER} is that of the sources");
    Ok(())
}

/// The names of all functions.
pub(crate) fn functions() -> Result<Vec<String>> {
    let texts = texts(&sources()?)?;
    let found: Vec<String> = names(&texts, FUNCTION).map(str::to_owned).collect();
    ensure!(found.len() > 50, "only {} functions", found.len());
    Ok(found)
}

/// The files in which they are, in order.
fn sources() -> Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(Path::new(CRATE).join("src"))?.flatten().map(|entry| entry.path()).collect();
    // It only names the others, which would then be read twice.
    files.retain(|file| !file.ends_with("lib.rs"));
    let place = |file: &Path| ORDER.iter().position(|name| file.file_stem().is_some_and(|stem| stem == *name));
    files.sort_by_key(|file| (place(file).unwrap_or(ORDER.len()), file.clone()));
    Ok(files)
}

fn texts(files: &[PathBuf]) -> Result<String> {
    Ok(files.iter().map(fs::read_to_string).collect::<Result<_, _>>()?)
}

fn generate() -> Result<String> {
    let files = sources()?;
    let texts = texts(&files)?;
    let mut config = cbindgen::Config::from_file(format!("{CRATE}/cbindgen.toml")).map_err(|error| anyhow!(error))?;
    // Numbers of an enumeration are passed as plain integers, so that no function mentions it.
    config.export.include = names(&texts, "pub enum ").map(str::to_owned).collect();
    config.trailer = Some(assertions(&texts)?);
    let builder = files.iter().fold(cbindgen::Builder::new(), cbindgen::Builder::with_src);
    let mut header = Vec::new();
    builder.with_config(config).generate().context("cbindgen cannot read the sources")?.write(&mut header);
    let header = String::from_utf8(header).context("a header that is no text")?;
    for function in names(&texts, FUNCTION) {
        ensure!(
            header.contains(&format!(" {function}(")) || header.contains(&format!("*{function}(")),
            "no {function}"
        );
    }
    Ok(header)
}

/// The C names that stand behind these words.
fn names<'t>(texts: &'t str, words: &'t str) -> impl Iterator<Item = &'t str> {
    let behind = texts.split(words).skip(1);
    behind.filter_map(|rest| rest.split(|letter: char| letter != '_' && !letter.is_alphanumeric()).next())
}

/// What a C compiler has to agree to: that every handle is as large as the library takes it to be.
fn assertions(texts: &str) -> Result<String> {
    let mut text = "#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L\n".to_owned();
    let mut count = 0;
    for words in names(texts, "pub const ").filter(|name| name.ends_with("_WORDS")) {
        let handle = words.trim_end_matches("_WORDS").to_lowercase();
        writeln!(text, "_Static_assert(sizeof({handle}) == 8 * {words}, \"the size of {handle}\");")?;
        writeln!(text, "_Static_assert(_Alignof({handle}) == TOLLGATE_ALIGNMENT, \"the alignment of {handle}\");")?;
        count += 1;
    }
    ensure!(count >= 10, "only {count} handles");
    text.push_str("#endif\n");
    Ok(text)
}
