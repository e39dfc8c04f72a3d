//! The static library, the host's C compiler, and what they have built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The top of the workspace, where cargo, compiler and programs run.
fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Where this test leaves what it makes.
pub(crate) fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// A file of the workspace.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn header() -> String {
    read("core/c/include/tollgate.h")
}

/// Built once, by the cargo that runs the tests, as a user does it.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = scratch().join("c-library");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", "tollgate-c", "--target-dir"]).arg(&folder);
        done(&mut cargo);
        folder.join("debug/libtollgate_c.a")
    })
}

/// Compiles a program for this host with all warnings as errors, links the library, and returns its path.
pub(crate) fn compile(name: &str, sources: &[&str], options: &[&str]) -> PathBuf {
    let program = scratch().join(format!("c-{name}"));
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]).args(options);
    compiler.args(["-Icore/c/include", "-Itests/c"]).args(sources).arg(library());
    compiler.args(["-lgcc_s", "-lpthread", "-ldl", "-lm", "-o"]).arg(&program);
    done(&mut compiler);
    program
}

/// Runs a program, which must succeed, and returns what it has printed.
pub(crate) fn run(program: &Path) -> String {
    String::from_utf8(done(&mut Command::new(program)).stdout).expect("text")
}

fn done(command: &mut Command) -> Output {
    let output = command.current_dir(top()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; a C compiler is needed here"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    output
}
