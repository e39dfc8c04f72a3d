//! What questions execute: on this machine counted by callgrind, on chips by a plugin of the emulator.
//!
//! ```text
//! tests/bench ─────── valgrind --tool=callgrind, a file at each mark ──┐
//! tests/bench/chip ── qemu -plugin tests/bench/plugin, a line a pair ──┴─> counted.rs ──> a figure for each case
//! ```
//! The counts repeat exactly, on every machine and with every version of the emulator. Instructions are not cycles: a
//! Cortex-M3 takes one for most, up to twelve for a division.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};

use crate::bare;
use crate::counted::{Measured, measured};
use crate::elf::Elf;
use crate::shell::{capture, cargo, run as sh, stdout_of};

/// Where the firmware of `tests/bench/chip` is built.
pub(crate) const FOLDER: &str = "target/chip";
pub(crate) const MANIFEST: &str = "tests/bench/chip/Cargo.toml";

/// What the firmware's mark is called, and the host's.
const CHIP_MARK: &str = "tollgate_mark";
const HOST_MARK: &str = "tollgate_bench::mark";

/// A chip, and the board that has it.
#[derive(Debug)]
pub(crate) struct Chip {
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    emulator: &'static str,
    machine: &'static [&'static str],
    /// Which of a case's goals are for it.
    goal: Option<usize>,
}

pub(crate) const CHIPS: [Chip; 3] = [
    Chip {
        name: "Cortex-M3",
        target: "thumbv7m-none-eabi",
        emulator: "qemu-system-arm",
        machine: &["mps2-an385"],
        goal: Some(1),
    },
    Chip {
        name: "Cortex-M0",
        target: "thumbv6m-none-eabi",
        emulator: "qemu-system-arm",
        machine: &["microbit"],
        goal: Some(2),
    },
    Chip {
        name: "RV32",
        target: "riscv32imc-unknown-none-elf",
        emulator: "qemu-system-riscv32",
        machine: &["virt", "-bios", "none"],
        goal: None,
    },
];

/// This machine.
pub(crate) fn host() -> Result<Measured> {
    // Incremental code is cut into pieces, and another program.
    let mut build = cargo(&["build", "--quiet", "--release", "-p", "tollgate-bench", "--target-dir", "target"]);
    sh(build.env("CARGO_INCREMENTAL", "0"))?;
    let folder = Path::new("target/callgrind");
    // What an earlier run has left would be counted again.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=target/callgrind/out"]);
    valgrind.args([&format!("--dump-before={HOST_MARK}"), "target/release/tollgate-bench"]);
    let output = capture(&mut valgrind)
        .map_err(|_| anyhow!("valgrind is missing: install it, for instance with `apt-get install valgrind`"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "callgrind failed; it printed:\n{printed}{errors}");
    // Every second file is of a run: the others are of what lies between.
    let runs = (2..).step_by(2).map_while(|number| fs::read_to_string(folder.join(format!("out.{number}"))).ok());
    let counts: Result<Vec<u64>> = runs.map(|text| total(&text)).collect();
    measured(&printed, &counts?, Some(0))
}

/// The sum in a file of callgrind.
fn total(text: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals: ")).context("callgrind wrote no total")?;
    Ok(line.trim().parse()?)
}

/// The chips; none where there is no emulator, which only CI takes for a failure.
pub(crate) fn chips() -> Result<Option<Vec<Measured>>> {
    if let Err(advice) = crate::emulator::installed(["qemu-system-arm", "qemu-system-riscv32"]) {
        ensure!(env::var_os("CI").is_none_or(|ci| ci != "true"), advice);
        println!("    warning: {advice}; what chips execute is not measured");
        return Ok(None);
    }
    CHIPS.iter().map(|chip| on(chip).with_context(|| chip.name)).collect::<Result<_>>().map(Some)
}

fn on(chip: &Chip) -> Result<Measured> {
    let (mut build, folder) = build(chip.target, &["--bin", "tollgate-chip"])?;
    sh(&mut build)?;
    let firmware = format!("{folder}/{}/release/tollgate-chip", chip.target);
    let file = fs::read(&firmware).with_context(|| firmware.clone())?;
    let symbols = Elf::parse(&file)?.symbols();
    let mark = symbols.iter().find(|symbol| symbol.name == CHIP_MARK).context("the firmware has no mark")?;
    // The lowest bit of an Arm address says that it is Thumb code.
    let mark = mark.address & !1;

    let counts = format!("target/chip/{}.counts", chip.target);
    let plugin = plugin(chip.emulator)?;
    let mut emulator = Command::new("timeout");
    emulator.args(["300", chip.emulator, "-machine"]).args(chip.machine);
    emulator.args(["-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=console"]);
    emulator.args(["-semihosting-config", "enable=on,target=native,chardev=console"]);
    emulator.args(["-plugin", &format!("{plugin},mark={mark:#x},out={counts}"), "-kernel", &firmware]);
    let output = capture(&mut emulator)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the firmware failed ({}); it printed:\n{printed}{errors}", output.status);
    let runs = fs::read_to_string(&counts).with_context(|| counts.clone())?;
    let runs: Result<Vec<u64>, _> = runs.lines().map(str::parse).collect();
    measured(&printed, &runs?, chip.goal)
}

/// A build of the firmware, and the folder where it will be.
pub(crate) fn build(target: &str, more: &[&str]) -> Result<(Command, String)> {
    let fixed = ["build", "--quiet", "--locked", "--release", "--manifest-path", MANIFEST];
    let arguments = [&fixed, more].concat();
    let (mut build, folder) = bare::find(target)?.linking(FOLDER, &arguments, target)?;
    build.env("CARGO_INCREMENTAL", "0");
    Ok((build, folder))
}

/// The plugin, for this emulator's version of the interface.
fn plugin(emulator: &str) -> Result<String> {
    let about = stdout_of(Command::new(emulator).arg("--version"))?;
    let version = interface(&about);
    let folder = format!("target/plugin-{version}");
    let manifest = "tests/bench/plugin/Cargo.toml";
    let mut build = cargo(&["build", "--quiet", "--locked", "--release", "--manifest-path", manifest]);
    sh(build.args(["--target-dir", &folder]).env("TOLLGATE_PLUGIN_VERSION", version))?;
    Ok(format!("{folder}/release/libtollgate_count.so"))
}

/// The version of the plugins' interface: 9.0 no longer takes the first.
fn interface(about: &str) -> &'static str {
    let number = about.split_once("version ").map_or("", |(_, number)| number);
    let major = number.split('.').next().and_then(|part| part.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 9) { "2" } else { "1" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_follows_the_version() {
        assert_eq!(interface("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)"), "1");
        assert_eq!(interface("QEMU emulator version 8.2.0"), "1");
        assert_eq!(interface("QEMU emulator version 9.0.1"), "2");
        assert_eq!(interface("QEMU emulator version 10.0.2"), "2");
    }

    #[test]
    fn the_total_of_a_dump_is_read() {
        assert_eq!(total("events: Ir\nsummary: 9\n\ntotals: 33664\n").unwrap(), 33_664);
        assert!(total("events: Ir\n").is_err());
    }
}
