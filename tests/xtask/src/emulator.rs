//! Firmware in an emulator: started, limited in time, and what it has said.
//!
//! ```text
//! timeout N qemu-system-... ──console──> text          (or defmt frames ──decoder──> text)
//!             │ network
//!             └── server on the loopback, when there is one; its last words are appended
//! ```
//! Time in the emulator is counted in instructions and skips what the chip sleeps, so that every run prints the same.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::firmware::{Board, How};
use crate::shell::{capture, cargo};

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
        How::Alone => text(console(board, binary, &[], None)?),
        How::Defmt => crate::defmt::decode(binary, &console(board, binary, &[], None)?),
        How::Served(example) => {
            let mut server = Server::start(example)?;
            let heard = console(board, binary, &["-nic", "user"], Some(&server.port));
            let books = server.end()?;
            Ok(text(heard?)? + &books)
        }
    }
}

fn text(heard: Vec<u8>) -> Result<String> {
    String::from_utf8(heard).context("the firmware printed something else than text")
}

/// What comes out of the console.
fn console(board: &Board, binary: &Path, more: &[&str], argument: Option<&str>) -> Result<Vec<u8>> {
    let argument = argument.map(|argument| format!(",arg={argument}")).unwrap_or_default();
    let semihosting = format!("enable=on,target=native,chardev=console{argument}");
    let mut command = Command::new("timeout");
    command.args([LIMIT, board.emulator, "-machine"]).args(board.machine).args(more);
    command.args(["-display", "none", "-monitor", "none", "-serial", "none", "-icount", "shift=6,sleep=off"]);
    command.args(["-chardev", "stdio,id=console", "-semihosting-config", &semihosting, "-kernel"]).arg(binary);
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

/// A server on this machine's loopback.
struct Server {
    child: Child,
    said: BufReader<ChildStdout>,
    port: String,
}

impl Server {
    fn start(example: &[&str]) -> Result<Self> {
        let mut command = cargo(&["run", "--quiet", "--release", "--example"]);
        command.args(example).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the server")?;
        let mut said = BufReader::new(child.stdout.take().ok_or_else(|| anyhow!("the server has no output"))?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        let port = line.trim_end().rsplit(':').next().unwrap_or_default().to_owned();
        ensure!(port.parse::<u16>().is_ok(), "the server did not name its port, but said {line:?}");
        Ok(Self { child, said, port })
    }

    /// Closes the server's input, which asks it for its books, and waits for them.
    fn end(&mut self) -> Result<String> {
        drop(self.child.stdin.take());
        let mut books = String::new();
        self.said.read_to_string(&mut books)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server failed ({status}); it said:\n{books}");
        Ok(books)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, unless something failed on the way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
