//! `cargo xtask firmware`: every binary of `examples/firmware` on every board it is for, in an emulator.
//!
//! ```text
//! table below ──> two or three builds for each board ──> emulator ──> text ──┐
//! examples/firmware/expected/BOARD-BINARY.txt ───────────────────────────────┴─> the same, byte for byte
//! ```
//! A new binary is one line in [`BINARIES`]; `cargo xtask firmware --bless` saves what it prints.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

use crate::bare::{self, Toolchain};
use crate::c;
use crate::emulator;
use crate::shell::{cargo, run as sh, stdout_of};

const MANIFEST: &str = "examples/firmware/Cargo.toml";
const FOLDER: &str = "target/firmware";

/// Where the toolchain for a target comes from.
pub(crate) type Find = fn(&str) -> Result<Toolchain>;

/// A board and how the emulator is told about it.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) name: &'static str,
    /// Of the package.
    feature: &'static str,
    pub(crate) target: &'static str,
    pub(crate) emulator: &'static str,
    pub(crate) machine: &'static [&'static str],
}

const ARM: &str = "qemu-system-arm";
const RISCV: &str = "qemu-system-riscv32";

const BOARDS: [Board; 5] = [
    Board {
        name: "lm3s6965",
        feature: "lm3s6965",
        target: "thumbv7m-none-eabi",
        emulator: ARM,
        machine: &["lm3s6965evb"],
    },
    Board {
        name: "microbit",
        feature: "microbit",
        target: "thumbv6m-none-eabi",
        emulator: ARM,
        machine: &["microbit"],
    },
    Board {
        name: "mps2-an505",
        feature: "mps2-an505",
        target: "thumbv8m.main-none-eabi",
        emulator: ARM,
        machine: &["mps2-an505"],
    },
    Board {
        name: "rv32imac",
        feature: "riscv-virt",
        target: "riscv32imac-unknown-none-elf",
        emulator: RISCV,
        machine: &["virt", "-bios", "none"],
    },
    Board {
        name: "rv32imc",
        feature: "riscv-virt",
        target: "riscv32imc-unknown-none-elf",
        emulator: RISCV,
        machine: &["virt", "-bios", "none"],
    },
];

/// A binary, where it runs, and what it needs.
#[derive(Debug)]
struct Binary {
    name: &'static str,
    /// Names of boards.
    boards: &'static [&'static str],
    /// Of the package, besides the board's.
    features: &'static [&'static str],
    how: How,
}

/// What stands around the emulator.
#[derive(Debug)]
pub(crate) enum How {
    /// Nothing: it prints text and ends.
    Alone,
    /// It logs with defmt, whose frames are decoded with the binary at hand.
    Defmt,
    /// It has a network, and servers on this machine's loopback: several runs, see `network.rs`.
    Network,
}

const EVERY: &[&str] = &["lm3s6965", "microbit", "mps2-an505", "rv32imac", "rv32imc"];

/// Features that change what the others print or wait for: binaries that have one are built apart, and the rest together.
const APART: [&str; 2] = ["defmt", "rtic"];

/// The golden traces: this machine writes them, see [`bless_golden`].
const GOLDEN: &str = "tests/golden";
/// What writes the golden traces, in the order of their names.
const TRACE: &str = "trace";
/// The program that is the same in four ways: three are binaries whose names begin like this, and one runs on this machine.
const CLIPS: &str = "clips_";
const CLIPS_SAVED: &str = "examples/clips/expected.txt";
const HERE: &str = "this machine-clips_tokio";
const CLIPS_HERE: [&str; 6] = ["run", "--quiet", "--package", "tollgate-examples", "--example", "clips_tokio"];

const BINARIES: &[Binary] = &[
    Binary { name: "hello", boards: EVERY, features: &[], how: How::Alone },
    Binary { name: "isr", boards: EVERY, features: &[], how: How::Alone },
    Binary { name: "lora_duty", boards: EVERY, features: &["image"], how: How::Alone },
    Binary { name: "configured", boards: EVERY, features: &["json"], how: How::Alone },
    Binary { name: TRACE, boards: EVERY, features: &[], how: How::Alone },
    Binary { name: "rtic_gateway", boards: &["lm3s6965"], features: &["rtic"], how: How::Alone },
    Binary { name: "embassy_gateway", boards: EVERY, features: &["embassy", "defmt"], how: How::Defmt },
    Binary { name: "clips_super_loop", boards: EVERY, features: &[], how: How::Alone },
    Binary { name: "clips_rtic", boards: &["lm3s6965"], features: &["rtic"], how: How::Alone },
    Binary { name: "clips_embassy", boards: EVERY, features: &["embassy"], how: How::Alone },
    Binary { name: "http_gateway", boards: &["lm3s6965"], features: &["network"], how: How::Network },
];

/// What to do instead of everything.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Builds and runs one binary on one board, with its output on the screen
    Run {
        /// As in the list
        board: String,
        /// As in the list
        binary: String,
    },
    /// Names every board and binary
    List,
}

pub(crate) fn run(task: Option<Task>, bless: bool, from_source: bool) -> Result<()> {
    let find = if from_source { bare::with_source } else { bare::find };
    match task {
        None => all(find, bless),
        Some(Task::List) => {
            for (board, binary) in pairs() {
                println!("{} {}", board.name, binary.name);
            }
            for board in &BOARDS {
                println!("{} {}", board.name, c::PROGRAM);
            }
            Ok(())
        }
        Some(Task::Run { board, binary }) => {
            let c = BOARDS.iter().find(|known| known.name == board && binary == c::PROGRAM);
            if let Some(board) = c {
                emulator::installed([board.emulator])?;
                c::installed()?;
                print!("{}", c::run(find, board)?);
                return Ok(());
            }
            let pair = pairs().find(|pair| pair.0.name == board && pair.1.name == binary);
            let Some((board, binary)) = pair else {
                bail!("no {binary} on {board}: `cargo xtask firmware list` names what there is");
            };
            emulator::installed([board.emulator])?;
            let built = build(find, board, &[binary])?;
            print!("{}", emulator::run(board, &built.join(binary.name), &binary.how)?);
            Ok(())
        }
    }
}

/// The files of `hello` with its limiter and without, for the board with this target.
pub(crate) fn hello(target: &str) -> Result<[PathBuf; 2]> {
    const NAMES: [&str; 2] = ["hello", "hello_without"];
    let board = BOARDS.iter().find(|board| board.target == target).with_context(|| format!("no board for {target}"))?;
    let binaries = NAMES.map(|name| Binary { name, boards: &[], features: &[], how: How::Alone });
    let folder = build(bare::find, board, &binaries.each_ref())?;
    Ok(NAMES.map(|name| folder.join(name)))
}

/// As a step of `cargo xtask ci`: its own lints, and then everything.
pub(crate) fn check() -> Result<()> {
    sh(&mut cargo(&["fmt", "--manifest-path", MANIFEST, "--check"]))?;
    for board in &BOARDS {
        for binaries in groups(board) {
            // A compiler of the distribution has no clippy.
            if bare::find(board.target)? == Toolchain::Plain {
                let arguments = arguments("clippy", board, &binaries);
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                sh(Toolchain::Plain.cargo_in(FOLDER, &arguments, board.target).args(["--", "-D", "warnings"]))?;
            }
        }
    }
    all(bare::find, false)
}

/// The traces that the host has saved, one after the other: a chip must write the same bytes.
fn golden() -> Result<String> {
    let folder = fs::read_dir(GOLDEN).context(GOLDEN)?;
    let mut traces: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    traces.retain(|path| path.extension().is_some_and(|kind| kind == "trace"));
    traces.sort();
    traces.iter().map(|path| fs::read_to_string(path).with_context(|| path.display().to_string())).collect()
}

/// Saves the golden traces as this machine writes them.
pub(crate) fn bless_golden() -> Result<()> {
    sh(cargo(&["test", "--quiet", "-p", "tollgate-tests", "--test", "golden"]).env("GOLDEN_BLESS", "1"))
}

fn all(find: Find, bless: bool) -> Result<()> {
    // What is missing is said before anything is built.
    emulator::installed([ARM, RISCV])?;
    c::installed()?;
    BOARDS.iter().try_for_each(|board| find(board.target).map(drop))?;
    let mut faults = Vec::new();
    let mut judge = |name: &str, file: &str, text: &str| -> Result<()> {
        // The golden traces have a command of their own, and the clips are what this machine says.
        if bless && file != GOLDEN && (file != CLIPS_SAVED || name == HERE) {
            fs::write(file, text).with_context(|| file.to_owned())?;
        }
        let expected = if file == GOLDEN { golden()? } else { fs::read_to_string(file).unwrap_or_default() };
        match difference(&expected, text) {
            None => println!("    {name}: {} lines as saved", text.lines().count()),
            Some(difference) => faults.push(format!("{name}: {difference}")),
        }
        Ok(())
    };
    judge(HERE, CLIPS_SAVED, &stdout_of(&mut cargo(&CLIPS_HERE))?)?;
    for board in &BOARDS {
        for binaries in groups(board) {
            let built = build(find, board, &binaries)?;
            for binary in binaries {
                let name = format!("{}-{}", board.name, binary.name);
                let text = emulator::run(board, &built.join(binary.name), &binary.how).with_context(|| name.clone())?;
                judge(&name, &saved(board, binary), &text)?;
            }
        }
    }
    for board in &BOARDS {
        judge(&format!("{}-{}", board.name, c::PROGRAM), c::EXPECTED, &c::run(find, board)?)?;
    }
    ensure!(
        faults.is_empty(),
        "{}\nif that is wanted, run `cargo xtask firmware --bless` and say why",
        faults.join("\n")
    );
    println!("    all {} runs printed what is saved", pairs().count() + 1 + BOARDS.len());
    Ok(())
}

/// The file with what a binary has to print.
fn saved(board: &Board, binary: &Binary) -> String {
    match binary.name {
        TRACE => GOLDEN.to_owned(),
        name if name.starts_with(CLIPS) => CLIPS_SAVED.to_owned(),
        name => format!("examples/firmware/expected/{}-{name}.txt", board.name),
    }
}

fn pairs() -> impl Iterator<Item = (&'static Board, &'static Binary)> {
    BOARDS.iter().flat_map(|board| {
        BINARIES.iter().filter(|binary| binary.boards.contains(&board.name)).map(move |binary| (board, binary))
    })
}

/// The binaries of a board that are built together, in the order of the table.
fn groups(board: &Board) -> Vec<Vec<&'static Binary>> {
    let mut groups: Vec<Vec<&Binary>> = Vec::new();
    for (_, binary) in pairs().filter(|pair| pair.0.name == board.name) {
        let apart = |binary: &Binary| APART.map(|feature| binary.features.contains(&feature));
        match groups.iter_mut().find(|group| group.iter().any(|other| apart(other) == apart(binary))) {
            Some(group) => group.push(binary),
            None => groups.push(vec![binary]),
        }
    }
    groups
}

/// The folder with the results. The binaries get the features of all of them.
fn build(find: Find, board: &Board, binaries: &[&Binary]) -> Result<PathBuf> {
    let arguments = arguments("build", board, binaries);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut command, folder) = find(board.target)?.linking(FOLDER, &arguments, board.target)?;
    // What a log statement has to be worth to be part of a binary: ours and the limiters' all.
    sh(command.env("DEFMT_LOG", "info,tollgate=debug"))?;
    Ok(PathBuf::from(folder).join(board.target).join("release"))
}

fn arguments(verb: &str, board: &Board, binaries: &[&Binary]) -> Vec<String> {
    let mut features: Vec<&str> = binaries.iter().flat_map(|binary| binary.features).copied().collect();
    features.sort_unstable();
    features.dedup();
    let features = [&[board.feature], &features[..]].concat().join(",");
    let fixed = [verb, "--quiet", "--locked", "--release", "--manifest-path", MANIFEST, "--features", &features];
    let named = binaries.iter().flat_map(|binary| ["--bin", binary.name]);
    fixed.into_iter().chain(named).map(str::to_owned).collect()
}

/// The first line that differs.
fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (mut expected, mut found) = (expected.split('\n'), found.split('\n'));
    (1..).find_map(|line| match (expected.next(), found.next()) {
        (None, None) => Some("differs".to_owned()),
        (expected, found) if expected == found => None,
        (expected, found) => {
            let side = |text: Option<&str>| text.map_or_else(|| "the end".to_owned(), |text| format!("{text:?}"));
            Some(format!("line {line} is {}, saved is {}", side(found), side(expected)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let table = [
            ("a\nb\n", "a\nb\n", None),
            ("a\nb\n", "a\nc\n", Some("line 2 is \"c\", saved is \"b\"")),
            ("a\n", "a", Some("line 2 is the end, saved is \"\"")),
            ("", "a\n", Some("line 1 is \"a\", saved is \"\"")),
            ("a", "a\nb", Some("line 2 is \"b\", saved is the end")),
        ];
        for (expected, found, answer) in table {
            assert_eq!(difference(expected, found).as_deref(), answer, "{expected:?} {found:?}");
        }
    }

    #[test]
    fn the_table_names_boards_and_features_that_there_are() {
        let manifest =
            fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/firmware/Cargo.toml")).unwrap();
        let (_, features) = manifest.split_once("[features]").unwrap();
        let known = |name: &str| features.contains(&format!("\n{name} = "));
        for binary in BINARIES {
            assert!(manifest.contains(&format!("[[bin]]\nname = \"{}\"\n", binary.name)), "{}", binary.name);
            assert!(binary.features.iter().all(|name| known(name)), "{:?}", binary.features);
            assert!(
                binary.boards.iter().all(|name| BOARDS.iter().any(|board| board.name == *name)),
                "{:?}",
                binary.boards
            );
        }
        assert!(BOARDS.iter().all(|board| known(board.feature)));
        assert_eq!(BOARDS.iter().flat_map(groups).flatten().count(), pairs().count());
    }

    /// The radio's own log is the judge: what it sent, and when. The chip was reset in the middle of a frame.
    #[test]
    fn no_hour_of_the_saved_radio_log_holds_more_than_36_seconds_and_no_frame_is_missing() {
        for board in &BOARDS {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/firmware/expected");
            let log = fs::read_to_string(format!("{folder}/{}-lora_duty.txt", board.name)).unwrap();
            let sent: Vec<(u64, u32)> = log
                .lines()
                .filter_map(|line| line.split_once(" s  frame "))
                .map(|(at, rest)| (at.trim().parse().unwrap(), rest.split(' ').next().unwrap().parse().unwrap()))
                .collect();
            for (from, _) in &sent {
                let micros = sent.iter().filter(|(at, _)| (*from..from + 3_600).contains(at)).count() * 2_793_472;
                assert!(micros <= 36_000_000, "{}: {micros} us in the hour from {from} s", board.name);
            }
            let mut numbers: Vec<u32> = sent.iter().map(|(_, number)| *number).collect();
            assert_eq!(numbers.iter().filter(|number| **number == 8).count(), 2, "the reset was in the eighth");
            numbers.dedup();
            assert!(numbers.iter().copied().eq(1..=numbers.last().copied().unwrap()), "{numbers:?}");
            let last = log.lines().next_back().unwrap();
            assert!(last.starts_with(&format!("{} frames are settled", numbers.len())), "{last}");
        }
    }
}
