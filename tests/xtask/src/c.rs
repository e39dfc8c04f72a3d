//! The C library of `core/c` on chips: `examples/firmware/c/gateway.c` with a cross compiler, in an emulator.
//!
//! ```text
//! tollgate-c ──cargo──> libtollgate_c.a ──┐
//! gateway.c, say.c, chip.c ──────gcc──────┴──ld──> emulator ──> text, as in examples/firmware/expected/c_gateway.txt
//! ```
//! The host prints the same: `tests/c`. Another program has all functions in it, and no panic: where one can be reached it
//! does not link, as an unoptimised build shows.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::elf::Elf;
use crate::emulator;
use crate::firmware::{Board, Find, How};
use crate::header;
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
/// The same text for every board, and for the host.
pub(crate) const EXPECTED: &str = "examples/firmware/expected/c_gateway.txt";
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

/// Where an unoptimised build, which is full of panics, must not link.
const MUST_FAIL: &str = "lm3s6965";

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

/// Says what to install, all of it at once.
pub(crate) fn installed() -> Result<()> {
    let missing = [ARM, RISCV].into_iter().filter(|gcc| capture(Command::new(gcc.program).arg("--version")).is_err());
    let packages: Vec<&str> = missing.map(|gcc| gcc.package).collect();
    ensure!(
        packages.is_empty(),
        "a C compiler for chips is missing: install it, for instance with `apt-get install {}`",
        packages.join(" ")
    );
    Ok(())
}

fn build(find: Find, board: &Board) -> Result<PathBuf> {
    let core = CORES.iter().find(|core| core.0 == board.name);
    let (_, compiler, memory, options) = core.with_context(|| format!("no {PROGRAM} on {}", board.name))?;
    let library = |profile: &str| -> Result<PathBuf> {
        let arguments = ["build", "--quiet", "--locked", "--profile", profile, "-p", "tollgate-c"];
        let (mut library, folder) = find(board.target)?.linking(FOLDER, &arguments, board.target)?;
        sh(&mut library)?;
        let name = if profile == "dev" { "debug" } else { profile };
        Ok(Path::new(&folder).join(board.target).join(name))
    };
    let link = |folder: &Path, sources: &[&str]| {
        let mut gcc = Command::new(compiler.program);
        gcc.args(*options).args(OPTIONS).args(sources);
        gcc.args(["chip.c", compiler.port].map(|file| format!("{SOURCES}/{file}")));
        gcc.args(["-Wl,--gc-sections", "-Wl,-z,noexecstack", "-T"]).arg(format!("examples/firmware/memory/{memory}.x"));
        gcc.arg("-T").arg(format!("{SOURCES}/chip.x")).arg(folder.join("libtollgate_c.a"));
        gcc.args(["-lgcc", "-o"]).arg(folder.join(PROGRAM));
        gcc
    };
    let folder = library("chip")?;
    let (program, all) = (folder.join(PROGRAM), folder.join("all.c"));
    let count = write_all(&all)?;
    let all = all.to_string_lossy();
    if board.name == MUST_FAIL {
        must_not_link(&mut link(&library("dev")?, &[&all]))?;
    }
    sh(&mut link(&folder, &[&all]))?;
    without_panics(board, &program, &format!("all {count} functions"))?;
    sh(&mut link(&folder, &[&format!("{SOURCES}/gateway.c"), &format!("{SOURCES}/say.c")]))?;
    without_panics(board, &program, PROGRAM)?;
    Ok(program)
}

/// Does not link, and for no other reason: else linking would prove nothing.
fn must_not_link(link: &mut Command) -> Result<()> {
    let output = capture(link)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success(), "a program with panics links, so that linking proves nothing");
    ensure!(errors.contains("tollgate_panicked"), "a program with panics does not link for another reason:\n{errors}");
    Ok(())
}

/// A program in which every function is; how many they are.
fn write_all(path: &Path) -> Result<usize> {
    let functions = header::functions()?;
    let start = "#include \"tollgate.h\"\n\ntypedef void (*each)(void);\nstatic each const volatile all[] = {\n";
    let mut text = start.to_owned();
    for function in &functions {
        writeln!(text, "    (each){function},")?;
    }
    text.push_str("};\n\nint main(void) {\n    return all[0] == 0;\n}\n");
    fs::write(path, text).with_context(|| path.display().to_string())?;
    Ok(functions.len())
}

fn without_panics(board: &Board, program: &Path, what: &str) -> Result<()> {
    let file = fs::read(program).with_context(|| program.display().to_string())?;
    let elf = Elf::parse(&file)?;
    let symbols = elf.symbols();
    ensure!(symbols.iter().any(|symbol| symbol.name == "tollgate_gate_ask"), "the program does not ask a gate");
    let panic = symbols.iter().find(|symbol| symbol.name.contains("panic"));
    ensure!(panic.is_none(), "a panic is linked: {panic:?}");
    println!("    {}: {what}: {} bytes of flash, no panic", board.name, elf.flash());
    Ok(())
}
