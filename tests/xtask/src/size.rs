//! `cargo xtask size`: what a decision costs, in instructions, flash, memory and stack, into `tests/bench/SIZES.md`.
//!
//! Counts repeat exactly, unlike times: see `executed.rs` for instructions and stack, `flash.rs` for flash. `table.rs` keeps
//! and compares them, `quoted.rs` puts a few of them into the README.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::bare;
use crate::counted::Measured;
use crate::executed::{self, CHIPS};
use crate::shell::stdout_of;
use crate::table::{Cell, Section, TABLE, compare, parse, render};
use crate::{flash, quoted};

pub(crate) const INSTRUCTIONS: &str = "Instructions";
pub(crate) const FLASH: &str = "Bytes of flash";
pub(crate) const MEMORY: &str = "Bytes of memory";
pub(crate) const STACK: &str = "Bytes of stack";

const HOST: &str = "host";

pub(crate) fn run(check: bool) -> Result<()> {
    let host = executed::host()?;
    let chips = executed::chips()?;
    let mut measured = vec![flash()?];
    measured.extend(sections(&host, chips.as_deref())?);
    let recorded = fs::read_to_string(TABLE).map(|text| parse(&text));
    let Ok(recorded) = recorded.with_context(|| format!("{TABLE}: run `cargo xtask size`")) else {
        ensure!(!check, "{TABLE} is missing: run `cargo xtask size`");
        return write(&measured);
    };
    if check {
        print!("{}", render(&measured)?);
        compare(&recorded, &measured)?;
        return quoted::check();
    }
    // What could not be measured here stays as it was.
    measured
        .extend(recorded.into_iter().filter(|old| [MEMORY, STACK].contains(&old.title.as_str()) && chips.is_none()));
    write(&measured)
}

fn write(measured: &[Section]) -> Result<()> {
    let text = render(measured)?;
    print!("{text}");
    fs::write(TABLE, text).with_context(|| format!("cannot write {TABLE}"))?;
    quoted::write()
}

fn flash() -> Result<Section> {
    let how = "Code and constants: firmware with it, less the same firmware without. The firmware does nothing else, but it \
               has the compiler's routines that copy, move and clear memory, as any has; not its 64-bit division. Built with \
               opt-level s, link-time optimisation and one codegen unit; the configuration is a constant, checked when it is \
               compiled, or known at run time only, and checked on the chip. Nothing here links a float routine; the compiler's \
               64-bit division is linked by the headers and by \"TokenBucket: yes, or when\" alone.";
    let mut section = section(FLASH, how, &CHIPS.map(|chip| chip.name))?;
    for found in flash::all()? {
        section.put(&found.what, found.column, found.cell);
    }
    Ok(section)
}

fn sections(host: &Measured, chips: Option<&[Measured]>) -> Result<Vec<Section>> {
    let names = CHIPS.map(|chip| chip.name);
    let how = "Executed by one check: the count for twice as many checks less that for some, less the same around an empty \
               limiter, called through a pointer that the compiler cannot see through. On the host counted by callgrind, on \
               chips by a plugin of the emulator, which has instructions and no cycles. The responses are in \
               `src/response.rs`.";
    let columns: Vec<&str> = [HOST].into_iter().chain(chips.iter().flat_map(|_| names)).collect();
    let mut instructions = section(INSTRUCTIONS, how, &columns)?;
    fill(&mut instructions, 0, &host.instructions);
    let Some(chips) = chips else { return Ok(vec![instructions]) };

    let how = "What a value takes; the same on all three chips. The library has no table in memory and no variable: none of \
               the firmware here links with one.";
    let mut memory = section(MEMORY, how, &["32-bit chips"])?;
    let how = "The deepest that one check reaches, its callee included: the stack is painted before it, and looked at after it.";
    let mut stack = section(STACK, how, &names)?;
    for (column, chip) in chips.iter().enumerate() {
        fill(&mut instructions, column + 1, &chip.instructions);
        fill(&mut stack, column, &chip.stack);
        let same = chips.first().is_some_and(|first| first.bytes == chip.bytes);
        ensure!(same, "values take other memory on one chip than on another: the table needs a column for each");
        fill(&mut memory, 0, &chip.bytes);
    }
    Ok(vec![instructions, memory, stack])
}

fn fill(section: &mut Section, column: usize, rows: &[(String, Cell)]) {
    for (what, cell) in rows {
        section.put(what, column, *cell);
    }
}

/// An empty one, with the compiler of its columns.
fn section(title: &str, how: &str, columns: &[&str]) -> Result<Section> {
    let mut compilers = vec![version("rustc")?];
    for chip in CHIPS.iter().filter(|chip| columns.contains(&chip.name)) {
        compilers.push(version(bare::find(chip.target)?.rustc())?);
    }
    compilers.dedup();
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    let compiler = compilers.join(", chips with ");
    Ok(Section { title: title.into(), how: how.into(), compiler, columns, rows: Vec::new() })
}

fn version(rustc: impl AsRef<Path>) -> Result<String> {
    Ok(stdout_of(Command::new(rustc.as_ref()).arg("--version"))?.trim().to_owned())
}
