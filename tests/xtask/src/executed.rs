//! What questions execute on chips: the firmware of `tests/bench/chip`, run in an emulator that logs every instruction.
//!
//! ```text
//! qemu-system-arm, one instruction to a block ──> a line for each, with its function ──> counted between two marks
//! ```
//! The count repeats exactly, on every machine and with every version of the emulator. Instructions are not cycles: a
//! Cortex-M3 takes one for most, up to twelve for a division.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::bare;
use crate::shell::{run as sh, stdout_of};
use crate::size::{Row, Section, version};

const EMULATOR: &str = "qemu-system-arm";
const FOLDER: &str = "target/chip";

/// What the firmware's mark is called.
const MARK: &str = "tollgate_mark";

struct Board {
    chip: &'static str,
    target: &'static str,
    machine: &'static str,
    cpu: &'static str,
    /// Where in a case's line the target for this chip stands; the stretch comes after it.
    goal: usize,
}

const BOARDS: [Board; 2] = [
    Board { chip: "Cortex-M3", target: "thumbv7m-none-eabi", machine: "lm3s6965evb", cpu: "cortex-m3", goal: 5 },
    Board { chip: "Cortex-M0", target: "thumbv6m-none-eabi", machine: "microbit", cpu: "cortex-m0", goal: 7 },
];

/// One table for each chip; none where there is no emulator, which only CI takes for a failure.
pub(crate) fn sections() -> Result<Vec<Section>> {
    let Ok(about) = stdout_of(Command::new(EMULATOR).arg("--version")) else {
        let advice = format!("{EMULATOR} is missing: install it, for instance with `apt-get install {EMULATOR}`");
        ensure!(env::var_os("CI").is_none_or(|ci| ci != "true"), advice);
        println!("    warning: {advice}; what chips execute is not measured");
        return Ok(Vec::new());
    };
    let one_by_one = one_instruction_to_a_block(&about);
    BOARDS.iter().map(|board| section(board, one_by_one).with_context(|| board.chip)).collect()
}

/// The option was renamed in version 8.1.
fn one_instruction_to_a_block(about: &str) -> &'static [&'static str] {
    let number = about.split_once("version ").map_or("", |(_, number)| number);
    let mut parts = number.split('.').map_while(|part| part.parse::<u32>().ok());
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version >= (8, 1) { &["-accel", "tcg,one-insn-per-tb=on"] } else { &["-singlestep"] }
}

fn section(board: &Board, one_by_one: &[&str]) -> Result<Section> {
    let toolchain = bare::find(board.target)?;
    let manifest = ["build", "--quiet", "--locked", "--release", "--manifest-path", "tests/bench/chip/Cargo.toml"];
    let folder = if toolchain == bare::Toolchain::Plain { FOLDER.to_owned() } else { format!("{FOLDER}/from-source") };
    let mut build = toolchain.cargo_in(&folder, &manifest, board.target);
    if toolchain != bare::Toolchain::Plain {
        let variable = board.target.to_uppercase().replace('-', "_");
        build.env(format!("CARGO_TARGET_{variable}_LINKER"), bare::linker()?);
    }
    sh(&mut build)?;

    let mut emulator = Command::new("timeout");
    emulator.args(["300", EMULATOR, "-machine", board.machine, "-cpu", board.cpu]).args(one_by_one);
    emulator.args(["-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=console"]);
    emulator.args(["-semihosting-config", "enable=on,target=native,chardev=console", "-d", "exec,nochain"]);
    emulator.args(["-kernel", &format!("{folder}/{}/release/tollgate-chip", board.target)]);
    let (printed, runs) = watch(&mut emulator)?;
    let how = "Executed by one check, as the emulator counts: eight checks less four, less the same loop around an empty \
               limiter, called through a pointer that the compiler cannot see through; opt-level s, link-time \
               optimisation, one codegen unit. The typical response is in `src/response.rs`: 17 lines, 560 bytes of \
               names and values; the one without a limit is its first 11 lines, 375 bytes.";
    Ok(Section {
        title: format!("Instructions on a {}, executed", board.chip),
        how: how.into(),
        compiler: version(toolchain.rustc())?,
        rows: rows(&printed, &runs, board.goal)?,
    })
}

/// What the firmware printed, and how many instructions lay between its marks.
fn watch(emulator: &mut Command) -> Result<(String, Vec<u32>)> {
    emulator.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = emulator.spawn().context("cannot start `timeout`")?;
    let log = child.stderr.take().ok_or_else(|| anyhow!("{EMULATOR} has no log"))?;
    let runs = between_marks(BufReader::with_capacity(1 << 20, log))?;
    let mut printed = String::new();
    // A few lines, which the pipe has held meanwhile.
    child.stdout.take().ok_or_else(|| anyhow!("{EMULATOR} has no console"))?.read_to_string(&mut printed)?;
    let status = child.wait()?;
    ensure!(status.success(), "the firmware failed ({status}); it printed:\n{printed}");
    Ok((printed, runs))
}

/// Counts the log's instructions from a mark to the next, in pairs of marks.
fn between_marks(mut log: impl BufRead) -> Result<Vec<u32>> {
    let (mut runs, mut running, mut in_mark) = (Vec::new(), None::<u32>, false);
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? > 0 {
        let text = line.trim_ascii_end();
        if text.starts_with(b"Trace ") {
            let mark = text.ends_with(MARK.as_bytes());
            match &mut running {
                Some(count) if mark && !in_mark => {
                    runs.push(*count);
                    running = None;
                }
                Some(count) if !mark => *count += 1,
                None if mark && !in_mark => running = Some(0),
                _ => {}
            }
            in_mark = mark;
        }
        line.clear();
    }
    ensure!(running.is_none(), "a mark is missing in the log");
    Ok(runs)
}

/// The firmware's lines with their figures.
fn rows(printed: &str, runs: &[u32], goal: usize) -> Result<Vec<Row>> {
    let mut lines = printed.lines();
    let more: f64 = lines.next().context("the firmware printed nothing")?.parse()?;
    let (cases, runs): (Vec<&str>, _) = (lines.collect(), runs.chunks_exact(4));
    ensure!(runs.len() == cases.len(), "{} cases, and counts of {}", cases.len(), runs.len());
    let row = |(case, runs): (&str, &[u32])| {
        let words: Vec<&str> = case.split('\t').collect();
        let ([limiter, name, parts, ..], [few, many, empty_few, empty_many]) = (&words[..], runs) else {
            bail!("unexpected line: {case}");
        };
        let parts: f64 = parts.parse()?;
        let slope = |few: u32, many: u32| (f64::from(many) - f64::from(few)) / more;
        let figure = (slope(*few, *many) - slope(*empty_few, *empty_many)) / parts;
        let word = |at: usize| words.get(at).map(ToString::to_string).unwrap_or_default();
        let (target, stretch) = (word(goal), word(goal + 1));
        Ok(Row { what: format!("{limiter}: {name}"), figure, target, stretch })
    };
    cases.into_iter().zip(runs).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_counted_between_pairs_of_marks() {
        let log = "Timer with period zero, disabling\n\
                   Trace 0: 0x1 [0/222/1/f] reset\n\
                   Trace 0: 0x1 [0/300/1/f] tollgate_mark\n\
                   Trace 0: 0x1 [0/302/1/f] tollgate_mark\n\
                   Trace 0: 0x1 [0/224/1/f] reset\n\
                   Trace 0: 0x1 [0/100/1/f] ask\n\
                   Trace 0: 0x1 [0/300/1/f] tollgate_mark\n\
                   Trace 0: 0x1 [0/228/1/f] reset\n\
                   Trace 0: 0x1 [0/300/1/f] tollgate_mark\n\
                   Trace 0: 0x1 [0/300/1/f] tollgate_mark\n\
                   Trace 0: 0x1 [0/22a/1/f] \n\
                   Trace 0: 0x1 [0/300/1/f] tollgate_mark\n\
                   Trace 0: 0x1 [0/22c/1/f] reset\n";
        assert_eq!(between_marks(log.as_bytes()).unwrap(), [2, 1]);
        let torn = log.lines().take(5).collect::<Vec<_>>().join("\n");
        assert!(between_marks(torn.as_bytes()).is_err());
        assert_eq!(between_marks(&b""[..]).unwrap(), [0; 0]);
    }

    #[test]
    fn a_figure_is_what_each_further_check_costs() {
        let printed = "4\nTokenBucket\tburst\t1\t20\t14\t30\t18\t47\t25\nFeedback\ta byte\t10\t\t\t40\t20\t\t\n";
        let runs = [148, 288, 20, 32, 1_000, 2_000, 10, 10];
        let found = rows(printed, &runs, 5).unwrap();
        let figures: Vec<_> = found.iter().map(|row| (row.what.as_str(), row.figure, row.target.as_str())).collect();
        assert_eq!(figures, [("TokenBucket: burst", 32.0, "30"), ("Feedback: a byte", 25.0, "40")]);
        assert_eq!(rows(printed, &runs, 7).unwrap()[0].stretch, "25");
        assert!(rows(printed, &runs[..4], 5).is_err());
        assert!(rows("", &[], 5).is_err());
    }

    #[test]
    fn the_option_follows_the_version() {
        let flag = |about: &str| one_instruction_to_a_block(about)[0];
        assert_eq!(flag("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)"), "-singlestep");
        assert_eq!(flag("QEMU emulator version 8.0.0"), "-singlestep");
        assert_eq!(flag("QEMU emulator version 8.1.0"), "-accel");
        assert_eq!(flag("QEMU emulator version 10.0.2"), "-accel");
    }
}
