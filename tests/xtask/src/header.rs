//! `cargo xtask header`: the C header of `core/c`, from its sources.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};

const CRATE: &str = "core/c";
pub(crate) const HEADER: &str = "core/c/include/tollgate.h";

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

fn generate() -> Result<String> {
    let config = cbindgen::Config::from_file(format!("{CRATE}/cbindgen.toml")).map_err(|error| anyhow!(error))?;
    let sources = Path::new(CRATE).join("src");
    let mut files: Vec<_> = fs::read_dir(&sources)?.flatten().map(|entry| entry.path()).collect();
    // It only names the others, which would then be read twice.
    files.retain(|file| !file.ends_with("lib.rs"));
    files.sort();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in &files {
        builder = builder.with_src(file);
    }
    let mut text = Vec::new();
    builder.generate().context("cbindgen cannot read the sources")?.write(&mut text);
    let text = String::from_utf8(text).context("a header that is no text")?;
    ensure!(text.contains("tollgate_bucket_take"), "cbindgen has found no functions");
    Ok(text)
}
