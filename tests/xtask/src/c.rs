//! The C library of `core/c` on chips: `examples/firmware/c/gateway.c` with a cross compiler, in an emulator.
//!
//! ```text
//! tollgate-c ──cargo──> libtollgate_c.a ──┐
//! gateway.c, say.c, chip.c ──────gcc──────┴──ld──> emulator ──> text, as in examples/firmware/expected/c_gateway.txt
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

/// A cross compiler, and the file with what all its cores have.
#[derive(Debug)]
struct Compiler {
    program: &'static str,
    package: &'static str,
    port: &'static str,
}

const ARM: Compiler = Compiler { program: "arm-none-eabi-gcc", package: "gcc-arm-none-eabi", port: "cortex.c" };
const RISCV: Compiler =
    Compiler { program: "riscv64-unknown-elf-gcc", package: "gcc-riscv64-unknown-elf", port: "riscv.c" };

const SOURCES: &str = "examples/firmware/c";
const EXPECTED: &str = "examples/firmware/expected/c_gateway.txt";
const FOLDER: &str = "target/firmware";

/// A board, its compiler, its memory map, and what the compiler has to know about the core.
type Core = (&'static str, Compiler, &'static str, &'static [&'static str]);

const CORES: [Core; 5] = [
    ("lm3s6965", ARM, "lm3s6965", &["-mthumb", "-mcpu=cortex-m3"]),
    ("microbit", ARM, "microbit", &["-mthumb", "-mcpu=cortex-m0"]),
    ("mps2-an505", ARM, "mps2-an505", &["-mthumb", "-mcpu=cortex-m33+nodsp+nofp"]),
    ("rv32imac", RISCV, "riscv-virt", &["-march=rv32imac_zicsr", "-mabi=ilp32", "-mcmodel=medany"]),
    ("rv32imc", RISCV, "riscv-virt", &["-march=rv32imc_zicsr", "-mabi=ilp32", "-mcmodel=medany"]),
];

/// The same for every chip: all warnings are errors, and what is not used is left out.
const OPTIONS: [&str; 11] = [
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Werror",
    "-Os",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-nostdlib",
    "-Icore/c/include",
];

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
    let core = CORES.iter().find(|core| core.0 == board.name);
    let (_, compiler, memory, options) = core.with_context(|| format!("no {PROGRAM} on {}", board.name))?;
    ensure!(
        capture(Command::new(compiler.program).arg("--version")).is_ok(),
        "no C compiler for {}: install one, for instance with `apt-get install {}`",
        board.name,
        compiler.package
    );
    let arguments = ["build", "--quiet", "--locked", "--profile", "chip", "-p", "tollgate-c"];
    let (mut library, folder) = find(board.target)?.linking(FOLDER, &arguments, board.target)?;
    sh(&mut library)?;
    let folder = Path::new(&folder).join(board.target).join("chip");
    let program = folder.join(PROGRAM);

    let mut gcc = Command::new(compiler.program);
    gcc.args(*options).args(OPTIONS);
    gcc.args(["gateway.c", "say.c", "chip.c", compiler.port].map(|file| format!("{SOURCES}/{file}")));
    gcc.args(["-Wl,--gc-sections", "-Wl,-z,noexecstack", "-T"]).arg(format!("examples/firmware/memory/{memory}.x"));
    gcc.arg("-T").arg(format!("{SOURCES}/chip.x")).arg(folder.join("libtollgate_c.a"));
    sh(gcc.args(["-lgcc", "-o"]).arg(&program))?;
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
