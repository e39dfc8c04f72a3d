//! `cargo xtask bare`: the core with all its features for chips without an operating system.
//!
//! ```text
//! libcore of the target is installed, or `rustup target add` brings it ──> plain cargo
//! else a rustc that has the sources of core beside it ──────────────────> cargo -Zbuild-std=core
//! else ─────────────────────────────────────────────────────────────────> an error that says what to install
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{capture, cargo, run as sh, stdout_of};

/// Cortex-M0, Cortex-M3 and a small RISC-V. None has a 64-bit division; the first has no compare-and-swap either.
pub(crate) const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "riscv32imc-unknown-none-elf"];

/// How core gets onto a target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// It is installed.
    Plain,
    /// This compiler has its source.
    FromSource { rustc: PathBuf },
}

pub(crate) fn run(from_source: bool) -> Result<()> {
    for target in TARGETS {
        let toolchain = if from_source { with_source(target)? } else { find(target)? };
        let arguments = ["build", "--release", "-p", "tollgate", "--all-features"];
        sh(toolchain.cargo(&arguments, target).arg("--lib"))?;
    }
    Ok(())
}

/// The first of the three ways that works.
pub(crate) fn find(target: &str) -> Result<Toolchain> {
    let added =
        || capture(Command::new("rustup").args(["target", "add", target])).is_ok_and(|out| out.status.success());
    if has_core(target) || (added() && has_core(target)) { Ok(Toolchain::Plain) } else { with_source(target) }
}

fn has_core(target: &str) -> bool {
    let Ok(folder) = stdout_of(Command::new("rustc").args(["--print", "target-libdir", "--target", target])) else {
        return false;
    };
    let Ok(entries) = fs::read_dir(folder.trim()) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("libcore-") && path.extension().is_some_and(|kind| kind == "rlib")
    })
}

/// The last of them.
pub(crate) fn with_source(target: &str) -> Result<Toolchain> {
    for rustc in ["rustc", "/usr/bin/rustc"] {
        let Ok(sysroot) = stdout_of(Command::new(rustc).args(["--print", "sysroot"])) else { continue };
        if Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file() {
            return Ok(Toolchain::FromSource { rustc: rustc.into() });
        }
    }
    bail!(
        "no core library for {target}: run `rustup target add {target}`, \
         or install the Debian packages of its source: `apt-get install rustc-web rust-web-src`"
    )
}

/// A linker for chips, for a compiler that brings none: that of the toolchain in use, or another one.
pub(crate) fn linker() -> Result<PathBuf> {
    let sysroot = stdout_of(Command::new("rustc").args(["--print", "sysroot"]))?;
    let hosts = fs::read_dir(Path::new(sysroot.trim()).join("lib/rustlib")).into_iter().flatten().flatten();
    if let Some(lld) = hosts.map(|host| host.path().join("bin/rust-lld")).find(|path| path.is_file()) {
        return Ok(lld);
    }
    if capture(Command::new("ld.lld").arg("--version")).is_ok() {
        return Ok("ld.lld".into());
    }
    bail!("no linker for chips: install one, for instance with `apt-get install lld`")
}

impl Toolchain {
    /// The compiler that will be used.
    pub(crate) fn rustc(&self) -> &Path {
        match self {
            Self::Plain => Path::new("rustc"),
            Self::FromSource { rustc } => rustc,
        }
    }

    /// A cargo command for the target. Another compiler gets a folder of its own, or each would throw away what the
    /// other has built.
    pub(crate) fn cargo(&self, arguments: &[&str], target: &str) -> Command {
        let folder = if *self == Self::Plain { "target" } else { "target/from-source" };
        self.cargo_in(folder, arguments, target)
    }

    /// The same for what is linked: a folder of the caller's choice, in which another compiler gets one of its own, and a
    /// linker for the compiler that brings none. The folder is where the results will be.
    pub(crate) fn linking(&self, folder: &str, arguments: &[&str], target: &str) -> Result<(Command, String)> {
        if *self == Self::Plain {
            return Ok((self.cargo_in(folder, arguments, target), folder.to_owned()));
        }
        let own = format!("{folder}/from-source");
        let mut command = self.cargo_in(&own, arguments, target);
        let variable = target.to_uppercase().replace(['-', '.'], "_");
        command.env(format!("CARGO_TARGET_{variable}_LINKER"), linker()?);
        Ok((command, own))
    }

    /// The same with a folder of the caller's choice.
    pub(crate) fn cargo_in(&self, folder: &str, arguments: &[&str], target: &str) -> Command {
        let mut command = cargo(arguments);
        command.args(["--target", target, "--target-dir", folder]);
        if let Self::FromSource { rustc } = self {
            command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=core");
        }
        command
    }
}
