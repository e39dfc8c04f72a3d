//! The C library of `core/c` on chips: `examples/firmware/c/gateway.c` with a cross compiler, in an emulator.
//!
//! ```text
//! tollgate-c ──cargo──> libtollgate_c.a ──┐
//! gateway.c, say.c, chip.c ──────gcc──────┴──ld──> emulator ──> text, as in examples/firmware/expected/c_gateway.txt
//! ```
//! The host prints the same: `tests/c`. Another program has all functions in it, and no panic: where one can be reached it
//! does not link, as `tests/c/must_not_link.c` shows.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::elf::Elf;
use crate::emulator;
use crate::firmware::{Board, Find, How, difference};
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

    let link = |sources: &[&str]| {
        let mut gcc = Command::new(compiler.program);
        gcc.args(*options).args(OPTIONS).args(sources);
        gcc.args(["chip.c", compiler.port].map(|file| format!("{SOURCES}/{file}")));
        gcc.args(["-Wl,--gc-sections", "-Wl,-z,noexecstack", "-T"]).arg(format!("examples/firmware/memory/{memory}.x"));
        gcc.arg("-T").arg(format!("{SOURCES}/chip.x")).arg(folder.join("libtollgate_c.a"));
        gcc.args(["-lgcc", "-o"]).arg(&program);
        gcc
    };
    must_not_link(&mut link(&["tests/c/must_not_link.c"]))?;
    let all = folder.join("all.c");
    let count = write_all(&all)?;
    sh(&mut link(&[&all.to_string_lossy()]))?;
    without_panics(board, &program, &format!("all {count} functions"))?;
    sh(&mut link(&[&format!("{SOURCES}/gateway.c"), &format!("{SOURCES}/say.c")]))?;
    without_panics(board, &program, PROGRAM)?;
    Ok(program)
}

/// Does not link, and for no other reason: else linking would prove nothing.
fn must_not_link(link: &mut Command) -> Result<()> {
    let output = capture(link)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success(), "a program with a panic links");
    ensure!(errors.contains("tollgate_panicked"), "a program with a panic does not link for another reason:\n{errors}");
    Ok(())
}

/// A program in which every function is, but for the one that may panic; how many they are.
fn write_all(path: &Path) -> Result<usize> {
    let mut functions = header::functions()?;
    functions.retain(|function| function != "tollgate_response_line");
    let mut text =
        "#include \"tollgate.h\"\n\ntypedef void (*each)(void);\nstatic each const volatile all[] = {\n".to_owned();
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
