//! `cargo xtask size`: what a decision costs, in instructions and bytes, into `tests/bench/SIZES.md`.
//!
//! Counts repeat exactly, unlike times. On the host callgrind counts many checks more or less, and the same loop around
//! an empty limiter is taken off; for the chips the instructions of the compiled question are counted, and those that an
//! emulator executes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::bare::{self, TARGETS};
use crate::executed;
use crate::shell::{capture, cargo, run as sh, stdout_of};

const TABLE: &str = "tests/bench/SIZES.md";
const BENCH: &str = "target/release/tollgate-bench";

/// The functions of `tests/bench/src/lib.rs` whose code is counted on the chips.
const QUESTIONS: [&str; 2] = ["token_bucket_allow", "token_bucket_retry"];

/// One table: what was measured, how, with which compiler.
#[derive(Debug, PartialEq)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) how: String,
    pub(crate) compiler: String,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) figure: f64,
    pub(crate) target: String,
    pub(crate) stretch: String,
}

pub(crate) fn run(check: bool) -> Result<()> {
    sh(&mut cargo(&["build", "--quiet", "--release", "-p", "tollgate-bench", "--target-dir", "target"]))?;
    let list = stdout_of(Command::new(BENCH).arg("list"))?;
    let mut measured = vec![host(&list)?, bytes(&list)?, chips()?];
    measured.extend(executed::sections()?);
    print!("{}", render(&measured)?);
    let recorded = fs::read_to_string(TABLE).map(|text| parse(&text));
    if check {
        return compare(&recorded.with_context(|| format!("{TABLE}: run `cargo xtask size`"))?, &measured);
    }
    // What could not be measured here stays as it was.
    for old in recorded.unwrap_or_default() {
        if old.title.ends_with("executed") && measured.iter().all(|new| new.title != old.title) {
            measured.push(old);
        }
    }
    fs::write(TABLE, render(&measured)?).with_context(|| format!("cannot write {TABLE}"))
}

/// Instructions a check on this machine.
fn host(list: &str) -> Result<Section> {
    let mut rows = Vec::new();
    for words in lines_about(list, "instructions") {
        let [limiter, case, parts, target, stretch, ..] = words[..] else { bail!("tollgate-bench: unexpected list") };
        let parts: u32 = parts.parse().context("tollgate-bench: not a number of parts")?;
        let checks = 100_000 / parts;
        let figure = slope("limiter", limiter, case, checks)? - slope("empty", limiter, case, checks)?;
        let figure = figure / f64::from(parts);
        rows.push(Row { what: format!("{limiter}: {case}"), figure, target: target.into(), stretch: stretch.into() });
    }
    let how = "Executed by one check: callgrind's count between one and two hundred thousand of them (of a response's \
               bytes), less the same loop around an empty limiter, called through a pointer that the compiler cannot \
               see through.";
    Ok(Section { title: "Instructions on the host".into(), how: how.into(), compiler: version("rustc")?, rows })
}

/// Instructions that each further check costs.
fn slope(subject: &str, limiter: &str, case: &str, few: u32) -> Result<f64> {
    let many = 2 * few;
    let count = |checks: u32| -> Result<u32> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", BENCH, subject, limiter, case]);
        let output = capture(valgrind.arg(checks.to_string()))
            .map_err(|_| anyhow!("valgrind is missing: install it, for instance with `apt-get install valgrind`"))?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "callgrind: {limiter}: {case}: {}", text.lines().last().unwrap_or_default());
        let total = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, total)| total.trim());
        total.and_then(|total| total.parse().ok()).ok_or_else(|| anyhow!("callgrind printed no count"))
    };
    let more = count(many)?.checked_sub(count(few)?).context("callgrind counted less for more checks")?;
    Ok(f64::from(more) / f64::from(many - few))
}

fn bytes(list: &str) -> Result<Section> {
    let mut rows = Vec::new();
    for words in lines_about(list, "bytes") {
        let [what, figure, target, stretch] = words[..] else { bail!("tollgate-bench: unexpected list") };
        let figure = figure.parse().context("tollgate-bench: not a number of bytes")?;
        rows.push(Row { what: what.into(), figure, target: target.into(), stretch: stretch.into() });
    }
    let how = "What a value takes in memory.";
    Ok(Section { title: "Bytes".into(), how: how.into(), compiler: version("rustc")?, rows })
}

/// Instructions in the code of each question, for each chip, as firmware is built.
fn chips() -> Result<Section> {
    let mut rows = Vec::new();
    let mut compiler = String::new();
    for target in TARGETS {
        let toolchain = bare::find(target)?;
        compiler = version(toolchain.rustc())?;
        let assembly = format!("target/size-{target}.s");
        let firmware = ["--config", "profile.release.opt-level=\"s\"", "--config", "profile.release.codegen-units=1"];
        let arguments = ["rustc", "--quiet", "--release", "-p", "tollgate-bench", "--lib"];
        // Cargo does not write again what it believes to be there, so the package is forgotten first.
        let folder = "target/size";
        let forget = ["clean", "--quiet", "-p", "tollgate-bench", "--release", "--target", target];
        stdout_of(cargo(&forget).args(["--target-dir", folder]))?;
        let emit = format!("--emit=asm={assembly}");
        let mut command = toolchain.cargo_in(folder, &arguments, target);
        sh(command.args(firmware).args(["--", &emit, "-Cdebuginfo=0"]))?;
        let text = fs::read_to_string(&assembly).with_context(|| assembly.clone())?;
        for question in QUESTIONS {
            let figure = instructions(&text, question).ok_or_else(|| anyhow!("{assembly} has no {question}"))?;
            let what = format!("{question}, {target}");
            rows.push(Row { what, figure: f64::from(figure), target: String::new(), stretch: String::new() });
        }
    }
    let how = "In the code of one question, every path of it, without the division routine that a retry time calls; \
               opt-level s, one codegen unit.";
    Ok(Section { title: "Instructions in the code on chips".into(), how: how.into(), compiler, rows })
}

/// Instructions between the label of a function and its end.
fn instructions(assembly: &str, function: &str) -> Option<u32> {
    let mut lines = assembly.lines();
    lines.find(|line| line.contains(function) && line.ends_with(':') && !line.starts_with('.'))?;
    let body = lines.take_while(|line| !line.starts_with(".Lfunc_end"));
    let is_instruction = |line: &&str| line.starts_with('\t') && !line.starts_with("\t.") && !line.starts_with("\t@");
    u32::try_from(body.filter(is_instruction).count()).ok()
}

fn lines_about<'a>(list: &'a str, kind: &'static str) -> impl Iterator<Item = Vec<&'a str>> {
    list.lines().filter_map(move |line| Some(line.strip_prefix(kind)?.strip_prefix('\t')?.split('\t').collect()))
}

pub(crate) fn version(rustc: impl AsRef<Path>) -> Result<String> {
    Ok(stdout_of(Command::new(rustc.as_ref()).arg("--version"))?.trim().to_owned())
}

fn render(sections: &[Section]) -> Result<String> {
    let mut text = String::from(
        "# What a decision costs\n\nWritten by `cargo xtask size`, not by hand; `cargo xtask size --check` fails where a \
         figure has grown by more than 2 %\nwith the same compiler. Growth that is wanted is recorded here and explained \
         in the changelog.\n",
    );
    for Section { title, how, compiler, rows } in sections {
        write!(text, "\n## {title}\n\n{how}\n\nCompiler: {compiler}\n\n| what | figure | target | stretch |\n")?;
        text.push_str("|---|---:|---:|---:|\n");
        for Row { what, figure, target, stretch } in rows {
            let figure = format!("{figure:.2}");
            let figure = figure.trim_end_matches('0').trim_end_matches('.');
            writeln!(text, "| {what} | {figure} | {target} | {stretch} |")?;
        }
    }
    Ok(text)
}

/// What `render` has written.
fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let (how, compiler) = (String::new(), String::new());
            sections.push(Section { title: title.into(), how, compiler, rows: Vec::new() });
        }
        let Some(section) = sections.last_mut() else { continue };
        if let Some(compiler) = line.strip_prefix("Compiler: ") {
            section.compiler = compiler.into();
        } else if section.how.is_empty() && !line.starts_with(['#', '|']) {
            section.how = line.into();
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [what, figure, target, stretch] = cells[..]
            && let Ok(figure) = figure.parse()
        {
            section.rows.push(Row { what: what.into(), figure, target: target.into(), stretch: stretch.into() });
        }
    }
    sections
}

/// Every figure is recorded, and none has grown by more than 2 %; another compiler is another matter.
fn compare(recorded: &[Section], measured: &[Section]) -> Result<()> {
    let mut faults = Vec::new();
    for new in measured {
        let old = recorded.iter().find(|old| old.title == new.title);
        let old = old.ok_or_else(|| anyhow!("{TABLE} has no \"{}\": run `cargo xtask size`", new.title))?;
        if old.compiler != new.compiler {
            println!("    warning: {}: recorded with {}, so not compared", new.title, old.compiler);
            continue;
        }
        for Row { what, figure, .. } in &new.rows {
            match old.rows.iter().find(|row| row.what == *what) {
                None => faults.push(format!("{what}: not recorded")),
                Some(row) if *figure > row.figure * 1.02 => faults.push(format!("{what}: {} to {figure}", row.figure)),
                Some(_) => {}
            }
        }
    }
    ensure!(faults.is_empty(), "{}; if that is wanted, run `cargo xtask size` and say why", faults.join("; "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(figure: f64) -> Section {
        let row = Row { what: "TokenBucket: burst".into(), figure, target: "20".into(), stretch: String::new() };
        Section { title: "Instructions".into(), how: "Counted.".into(), compiler: "rustc 1".into(), rows: vec![row] }
    }

    #[test]
    fn a_table_reads_back_as_it_was_written() {
        for figure in [20.0, 17.5, 100.0, 0.0] {
            let written = render(&[section(figure)]).unwrap();
            assert_eq!(parse(&written), [section(figure)], "{written}");
        }
    }

    #[test]
    fn growth_above_two_percent_fails_with_the_same_compiler() {
        assert!(compare(&[section(100.0)], &[section(102.0)]).is_ok());
        assert!(compare(&[section(100.0)], &[section(102.5)]).is_err());
        assert!(compare(&[section(100.0)], &[section(50.0)]).is_ok());
        let other = Section { compiler: "rustc 2".into(), ..section(1.0) };
        assert!(compare(&[other], &[section(100.0)]).is_ok());
        let empty = Section { rows: Vec::new(), ..section(1.0) };
        assert!(compare(&[empty], &[section(1.0)]).is_err());
        assert!(compare(&[], &[section(1.0)]).is_err());
    }

    #[test]
    fn instructions_are_counted_to_the_end_of_the_function() {
        let assembly = "\t.globl\tx_ask\nx_ask:\n\t.fnstart\n\tmovs\tr0, #0\n.LBB0_1:\n\tbx\tlr\n.Lfunc_end0:\n\tnop\n";
        assert_eq!(instructions(assembly, "ask"), Some(2));
        assert_eq!(instructions(assembly, "absent"), None);
    }
}
