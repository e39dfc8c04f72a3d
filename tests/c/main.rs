//! The C interface, from C: what is built here with the host's compiler, under its sanitizers.
//!
//! `handles.c` gives every function storage that is not what it should be, `values.c` numbers that are not, `life.c` what
//! is in order. The gateway of `examples/firmware/c` prints here what `cargo xtask firmware` compares on the chips.

mod library;

use library::{compile, header, read, run};

/// Undefined behaviour, and memory that is not ours, end the program.
const SANITIZED: &[&str] = &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

#[test]
fn storage_that_is_not_what_it_should_be_is_refused() {
    run(&compile("handles", &["tests/c/handles.c"], SANITIZED));
}

#[test]
fn numbers_that_are_out_of_range_are_refused_by_name() {
    run(&compile("values", &["tests/c/values.c"], SANITIZED));
}

#[test]
fn c_sees_what_rust_sees() {
    run(&compile("life", &["tests/c/life.c"], SANITIZED));
}

#[test]
fn the_gateway_prints_the_same_as_on_the_chips() {
    let sources = ["gateway.c", "say.c", "host.c"].map(|file| format!("examples/firmware/c/{file}"));
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let text = run(&compile("gateway", &sources, SANITIZED));
    assert_eq!(text, read("examples/firmware/expected/c_gateway.txt"), "cargo xtask firmware --bless saves it");
}

#[test]
fn the_gateway_fits_on_a_page() {
    let lines = read("examples/firmware/c/gateway.c").lines().count();
    assert!(lines <= 100, "{lines} lines");
}

#[test]
fn the_example_of_the_readme_compiles_and_runs() {
    let readme = read("core/c/README.md");
    let (_, behind) = readme.split_once("```c\n").expect("an example");
    let (example, _) = behind.split_once("\n```").expect("its end");
    let path = library::scratch().join("readme.c");
    std::fs::write(&path, example).unwrap();
    run(&compile("readme", &[path.to_str().unwrap()], SANITIZED));
}

#[test]
fn the_library_links_without_sanitizers_and_with_optimisation() {
    run(&compile("plain", &["tests/c/life.c"], &["-O2"]));
}

/// Each of them appears in `handles.c`, but for the few that take no pointer that could be wrong.
#[test]
fn no_function_is_left_out_of_the_tests() {
    let (header, tests) = (header(), read("tests/c/handles.c"));
    let functions = || header.lines().filter_map(|line| line.split_once('(')).map(|(before, _)| before);
    let functions =
        functions().filter_map(|before| before.rsplit([' ', '*']).next()).filter(|n| n.starts_with("tollgate_"));
    let functions: Vec<&str> = functions.collect();
    assert!(functions.len() > 50, "{functions:?}");
    for function in functions {
        let plain = ["tollgate_status_text", "tollgate_limit_text", "tollgate_entropy"].contains(&function);
        assert!(plain || tests.contains(&format!("{function}(")), "{function}");
    }
}

#[test]
fn every_status_has_a_text_of_its_own() {
    let header = header();
    let numbers = header.lines().filter_map(|line| line.trim().strip_prefix("TOLLGATE_STATUS_"));
    let names: Vec<&str> = numbers.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    assert!(names.len() > 50, "{names:?}");
    let lines = names.iter().map(|name| format!("    puts(tollgate_status_text(TOLLGATE_STATUS_{name}));\n"));
    let program =
        format!("#include \"tollgate.h\"\n#include <stdio.h>\nint main(void) {{\n{}}}\n", lines.collect::<String>());
    let path = library::scratch().join("texts.c");
    std::fs::write(&path, program).unwrap();
    let text = run(&compile("texts", &[path.to_str().unwrap()], SANITIZED));
    let mut texts: Vec<&str> = text.lines().collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), names.len(), "{texts:?}");
    assert!(!texts.contains(&"not a status"));
}
