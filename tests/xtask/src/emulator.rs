//! Firmware in an emulator: started, limited in time, and what it has said.
//!
//! ```text
//! timeout N qemu-system-... ──console──> text          (or defmt frames ──decoder──> text)
//! ```
//! Time in the emulator is counted in instructions and skips what the chip sleeps, so that every run prints the same.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::firmware::{Board, How};
use crate::shell::capture;

/// Seconds of this machine, for a run of a second or two: only what hangs is ended.
const LIMIT: &str = "60";

/// Says what to install, all of it at once.
pub(crate) fn installed<const N: usize>(emulators: [&str; N]) -> Result<()> {
    let packages = emulators.into_iter().filter(|emulator| capture(Command::new(emulator).arg("--version")).is_err());
    let packages = packages.map(|emulator| match emulator {
        "qemu-system-riscv32" => "qemu-system-misc",
        other => other,
    });
    let packages: Vec<&str> = packages.collect();
    ensure!(
        packages.is_empty(),
        "an emulator is missing: install it, for instance with `apt-get install {}`",
        packages.join(" ")
    );
    Ok(())
}

/// Runs the binary to its end, and returns what it said.
pub(crate) fn run(board: &Board, binary: &Path, how: &How) -> Result<String> {
    match how {
        How::Alone => text(console(board, binary, SKIPPING)?),
        How::Defmt => crate::defmt::decode(binary, &console(board, binary, SKIPPING)?),
        How::Network => crate::network::run(board, binary),
    }
}

fn text(heard: Vec<u8>) -> Result<String> {
    String::from_utf8(heard).context("the firmware printed something else than text")
}

/// Time is counted in instructions, and what the chip sleeps is skipped.
const SKIPPING: &[&str] =
    &["-icount", "shift=6,sleep=off", "-semihosting-config", "enable=on,target=native,chardev=console"];

/// The same for a chip that talks to others, whose time is the real one: `more` says how.
pub(crate) fn in_real_time(board: &Board, binary: &Path, more: &[&str]) -> Result<String> {
    text(console(board, binary, more)?)
}

/// What comes out of the console.
fn console(board: &Board, binary: &Path, more: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new("timeout");
    command.args([LIMIT, board.emulator, "-machine"]).args(board.machine).args(more);
    command.args(["-display", "none", "-monitor", "none", "-serial", "none"]);
    command.args(["-chardev", "stdio,id=console", "-kernel"]).arg(binary);
    let output = capture(&mut command)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    match output.status.code() {
        Some(124) => bail!("still running after {LIMIT} s; it printed:\n{said}"),
        _ => bail!("the firmware failed ({}); it printed:\n{said}", output.status),
    }
}
