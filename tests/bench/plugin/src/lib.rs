//! A plugin for QEMU that counts executed instructions between one call of a function and the next.
//!
//! ```text
//! qemu-system-... -plugin libtollgate_count.so,mark=0x1a4,out=counts.txt
//!
//! mark() ── instructions ── mark() ──> a line with their number      mark() ── ... ── mark() ──> the next line
//! ```
//! `mark` is the address of the function. What it executes itself is counted once a pair, whatever lies between.
//! The declarations are those of version 1 of QEMU's plugin interface, which later versions have kept as they were.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What the emulator knows and we do not look into.
#[repr(C)]
struct Opaque {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: u64, hear: extern "C" fn(u64, *mut Opaque));
    fn qemu_plugin_tb_n_insns(block: *const Opaque) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Opaque, index: usize) -> *mut Opaque;
    fn qemu_plugin_insn_vaddr(instruction: *const Opaque) -> u64;
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Opaque,
        hear: extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
}

/// The interface that this was built for: 9.0 no longer takes version 1, and versions before do not take 2.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name that the emulator looks for")]
pub static qemu_plugin_version: c_int = match option_env!("TOLLGATE_PLUGIN_VERSION") {
    Some(text) if text.len() == 1 => (text.as_bytes()[0] - b'0') as c_int,
    _ => 1,
};

static MARK: AtomicU64 = AtomicU64::new(u64::MAX);
static OUT: OnceLock<File> = OnceLock::new();
static COUNT: AtomicU64 = AtomicU64::new(0);
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Where the emulator starts: `mark=ADDRESS` and `out=FILE`.
///
/// # Safety
/// The emulator passes an array of `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _about: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    for index in 0..usize::try_from(argc).unwrap_or(0) {
        // SAFETY: see above.
        let word = unsafe { CStr::from_ptr(*argv.add(index)) }.to_string_lossy();
        let known = match word.split_once('=') {
            Some(("mark", address)) => u64::from_str_radix(address.trim_start_matches("0x"), 16)
                .map(|address| MARK.store(address, Relaxed))
                .is_ok(),
            Some(("out", path)) => File::create(path).is_ok_and(|file| OUT.set(file).is_ok()),
            _ => false,
        };
        if !known {
            eprintln!("tollgate-count: {word}: expected mark=ADDRESS and out=FILE that can be written");
            return 1;
        }
    }
    // SAFETY: the identity that was handed to us, and a function that stays.
    unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translated) };
    0
}

/// A block of instructions is translated: each of them will report when it is executed.
extern "C" fn translated(_id: u64, block: *mut Opaque) {
    let mark = MARK.load(Relaxed);
    // SAFETY: the block and its instructions are there while this runs, the functions stay, and flags of zero say that
    // no register is touched.
    unsafe {
        for index in 0..qemu_plugin_tb_n_insns(block) {
            let instruction = qemu_plugin_tb_get_insn(block, index);
            let hear = if qemu_plugin_insn_vaddr(instruction) == mark { marked } else { executed };
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, hear, 0, std::ptr::null_mut());
        }
    }
}

extern "C" fn executed(_cpu: c_uint, _data: *mut c_void) {
    // There is one core.
    COUNT.store(COUNT.load(Relaxed) + 1, Relaxed);
}

extern "C" fn marked(_cpu: c_uint, _data: *mut c_void) {
    let count = COUNT.swap(0, Relaxed);
    if RUNNING.fetch_xor(true, Relaxed)
        && let Some(mut out) = OUT.get()
        && writeln!(out, "{count}").is_err()
    {
        eprintln!("tollgate-count: cannot write a count");
        std::process::exit(1);
    }
}
