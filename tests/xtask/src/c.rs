//! The C library of `core/c` on chips: `examples/firmware/c/gateway.c` with `arm-none-eabi-gcc`, in an emulator.
//!
//! ```text
//! tollgate-c ──cargo──> libtollgate_c.a ──┐
//! gateway.c, say.c, cortex.c ────gcc──────┴──ld──> emulator ──> text, as in examples/firmware/expected/c_gateway.txt
//! ```
//! The host prints the same: `tests/c`. What is linked contains no panic; where one could be reached it would not link.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::elf::Elf;
use crate::emulator;
use crate::firmware::{Board, Find, How, difference};
use crate::shell::{capture, run as sh};

/// What the program is called beside the binaries of the package.
pub(crate) const PROGRAM: &str = "c_gateway";

const GCC: &str = "arm-none-eabi-gcc";
const SOURCES: &str = "examples/firmware/c";
const EXPECTED: &str = "examples/firmware/expected/c_gateway.txt";
const FOLDER: &str = "target/firmware";

/// The boards it runs on, and how the compiler is told about their cores.
const CORES: [(&str, &str); 3] =
    [("lm3s6965", "cortex-m3"), ("microbit", "cortex-m0"), ("mps2-an505", "cortex-m33+nodsp+nofp")];

/// The same for every chip: all warnings are errors, and what is not used is left out.
const OPTIONS: [&str; 12] = [
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Werror",
    "-Os",
    "-mthumb",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-nostdlib",
    "-Icore/c/include",
];

/// Whether it runs on this board.
pub(crate) fn is_for(board: &Board) -> bool {
    core_of(board).is_some()
}

fn core_of(board: &Board) -> Option<&'static str> {
    CORES.iter().find(|(name, _)| *name == board.name).map(|(_, core)| *core)
}

/// Builds it, runs it, and returns what it has printed.
pub(crate) fn run(find: Find, board: &Board) -> Result<String> {
    let program = build(find, board)?;
    emulator::run(board, &program, &How::Alone).with_context(|| format!("{}-{PROGRAM}", board.name))
}

/// The same, compared with what is saved, or saved; the difference if there is one.
pub(crate) fn compare(find: Find, board: &Board, bless: bool) -> Result<Option<String>> {
    let text = run(find, board)?;
    if bless {
        fs::write(EXPECTED, &text).context(EXPECTED)?;
    }
    let name = format!("{}-{PROGRAM}", board.name);
    let found = difference(&fs::read_to_string(EXPECTED).unwrap_or_default(), &text);
    if found.is_none() {
        println!("    {name}: {} lines as saved", text.lines().count());
    }
    Ok(found.map(|difference| format!("{name}: {difference}")))
}

fn build(find: Find, board: &Board) -> Result<PathBuf> {
    ensure!(
        capture(Command::new(GCC).arg("--version")).is_ok(),
        "no C compiler for chips: install one, for instance with `apt-get install gcc-arm-none-eabi`"
    );
    let arguments = ["build", "--quiet", "--locked", "--profile", "chip", "-p", "tollgate-c"];
    let (mut library, folder) = find(board.target)?.linking(FOLDER, &arguments, board.target)?;
    sh(&mut library)?;
    let folder = Path::new(&folder).join(board.target).join("chip");
    let program = folder.join(PROGRAM);

    let mut gcc = Command::new(GCC);
    gcc.arg(format!("-mcpu={}", core_of(board).unwrap_or_default())).args(OPTIONS);
    gcc.args(["gateway.c", "say.c", "cortex.c"].map(|file| format!("{SOURCES}/{file}")));
    gcc.args(["-Wl,--gc-sections", "-Wl,-z,noexecstack", "-T"]);
    gcc.arg(format!("examples/firmware/memory/{}.x", board.name)).args(["-T", "examples/firmware/c/cortex.x"]);
    gcc.arg(folder.join("libtollgate_c.a")).args(["-lgcc", "-o"]).arg(&program);
    sh(&mut gcc)?;
    without_panics(board, &program)?;
    Ok(program)
}

fn without_panics(board: &Board, program: &Path) -> Result<()> {
    let file = fs::read(program).with_context(|| program.display().to_string())?;
    let elf = Elf::parse(&file)?;
    let symbols = elf.symbols();
    ensure!(symbols.iter().any(|symbol| symbol.name == "tollgate_gate_ask"), "the program does not ask a gate");
    let panic = symbols.iter().find(|symbol| symbol.name.contains("panic"));
    ensure!(panic.is_none(), "a panic is linked: {panic:?}");
    println!("    {}-{PROGRAM}: {} bytes of flash, no panic", board.name, elf.flash());
    Ok(())
}
