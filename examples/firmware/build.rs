//! Finds out which board is meant and hands its memory map to the linker.

use std::path::PathBuf;
use std::{env, fs};

const BOARDS: [&str; 4] = ["lm3s6965", "microbit", "mps2-an505", "riscv-virt"];

fn main() {
    let is_set = |feature: &str| env::var_os(format!("CARGO_FEATURE_{}", feature.to_uppercase().replace('-', "_")));
    let chosen: Vec<_> = BOARDS.into_iter().filter(|board| is_set(board).is_some()).collect();
    let [board] = chosen[..] else { panic!("set exactly one board as a feature, of {BOARDS:?}; set: {chosen:?}") };

    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let parts = [format!("memory/{board}.x"), "memory/retained.x".to_owned()];
    let text = parts.map(|part| fs::read_to_string(part).expect("a memory map")).concat();
    fs::write(folder.join("memory.x"), text).expect("can write where cargo says");
    println!("cargo:rustc-link-search={}", folder.display());
    if board == "riscv-virt" {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if is_set("defmt").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    println!("cargo:rerun-if-changed=memory");
}
