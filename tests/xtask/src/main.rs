//! `cargo xtask`: what the project checks and measures about itself.
//!
//! ```text
//! cargo xtask ci            everything a change has to pass, in order; stops at the first failure
//! cargo xtask tidy          format, README, file lengths, foreign words
//! cargo xtask bare          the core, with all its features, for three chips without an operating system
//! cargo xtask firmware      builds examples/firmware, runs it in emulators, and compares what it prints
//! cargo xtask golden        saves the golden traces, tests/golden/*.trace, as this machine writes them
//! cargo xtask header         writes the C header, core/c/include/tollgate.h, from its sources
//! cargo xtask proof         no panic, no float, and no long division on a decision: by what can be linked
//! cargo xtask size          measures, and writes tests/bench/SIZES.md and what the README quotes of it
//! cargo xtask size --check  measures, and fails where a figure has grown by more than 2 %
//! cargo xtask fuzz          arbitrary bytes into every parser, a minute each; not part of ci
//! ```

mod bare;
mod c;
mod ci;
mod counted;
mod defmt;
mod elf;
mod emulator;
mod executed;
mod firmware;
mod flash;
mod fuzz;
mod header;
mod network;
mod proof;
mod quoted;
mod shell;
mod size;
mod table;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

/// What the project checks and measures about itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Everything a change has to pass, in order; stops at the first failure
    Ci,
    /// Format, README, file lengths, foreign words
    Tidy,
    /// Builds the core with all its features for chips without an operating system
    Bare {
        /// Build the standard library's core from source even where the target is installed
        #[arg(long)]
        from_source: bool,
    },
    /// Builds the firmware of examples/firmware, runs it in emulators, and compares what it prints with the saved files
    Firmware {
        /// Save what is printed instead of comparing it
        #[arg(long)]
        bless: bool,
        /// Build the standard library's core from source even where the target is installed
        #[arg(long)]
        from_source: bool,
        #[command(subcommand)]
        task: Option<firmware::Task>,
    },
    /// Saves the golden traces as this machine writes them; the tests compare them here, `firmware` on the chips
    Golden,
    /// Writes the header of the C interface from its sources
    Header,
    /// Links the core for chips in a way that fails if a panic can be reached
    Proof,
    /// Counts instructions and bytes, and writes tests/bench/SIZES.md and what the README quotes of it
    Size {
        /// Write nothing; fail where a figure has grown by more than 2 %
        #[arg(long)]
        check: bool,
    },
    /// Feeds arbitrary bytes to the parsers and fails on a crash; takes cargo-fuzz and nightly, and is not part of ci
    Fuzz {
        /// How long each target runs
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u32,
        /// One file of tests/fuzz/targets without its ending; all of them if none is named
        target: Option<String>,
    },
}

fn main() -> ExitCode {
    let task = Task::parse();
    let done = shell::enter_workspace().and_then(|()| match task {
        Task::Ci => ci::run(),
        Task::Tidy => tidy::run(),
        Task::Bare { from_source } => bare::run(from_source),
        Task::Firmware { bless, from_source, task } => firmware::run(task, bless, from_source),
        Task::Golden => firmware::bless_golden(),
        Task::Header => header::write(),
        Task::Proof => proof::run(),
        Task::Size { check } => size::run(check),
        Task::Fuzz { seconds, target } => fuzz::run(target.as_deref(), seconds),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
