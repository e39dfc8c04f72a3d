//! Hands the memory map of the target's board to the linker.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let [target, out, folder] =
        ["TARGET", "OUT_DIR", "CARGO_MANIFEST_DIR"].map(|name| env::var(name).expect("cargo sets it"));
    let map = format!("memory/{target}.x");
    let text = fs::read_to_string(&map).unwrap_or_else(|_| panic!("no board for {target}: {map} is missing"));
    fs::write(PathBuf::from(&out).join("memory.x"), text).expect("can write where cargo says");
    println!("cargo:rustc-link-search={out}");
    println!("cargo:rustc-link-arg-bins=-T{folder}/link.x");
    println!("cargo:rerun-if-changed=link.x");
    println!("cargo:rerun-if-changed=memory");
}
