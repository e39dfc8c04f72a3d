//! `cargo xtask proof`: the core cannot panic, whatever its state and arguments.
//!
//! ```text
//! tests/proof/cases      every public question ──> must link      overflow checks on and off x opt-level s and 3 x chip
//! tests/proof/must_fail  a panic in each ────────> must not link, for want of the function that the panic handler calls
//! tests/proof/decide     decisions alone ────────> no float, no 64-bit division among the symbols, which `divides` has
//! ```
//! What it covers and what it leaves out: `tests/proof/src/lib.rs`. Each way to compile is one command for a chip, and
//! several are worked on at a time: most of the time is one link, which takes one core.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::bare::{self, TARGETS, Toolchain};
use crate::elf::Elf;
use crate::shell::capture;

const MANIFEST: &str = "tests/proof/Cargo.toml";
const FOLDER: &str = "target/proof";
/// What the panic handler calls and nobody defines.
const MISSING: &str = "a_panic_can_be_reached";

/// How the core is compiled: the profiles of `tests/proof/Cargo.toml`.
const PROFILES: [&str; 4] = ["small", "small-checked", "fast", "fast-checked"];

/// What must not link, and whether only where sums are checked.
const MUST_FAIL: [(&str, bool); 6] = [
    ("index", false),
    ("refcell", false),
    ("overflow", true),
    ("division", false),
    ("answer", false),
    ("resumed", false),
];

/// A 64-bit division on a chip without one, by the names of the routine.
const DIVISIONS: [&str; 8] =
    ["__aeabi_uldivmod", "__aeabi_ldivmod", "__udivdi3", "__umoddi3", "__divdi3", "__moddi3", "__udivti3", "__umodti3"];
/// Decisions, which must not divide; each is a function of its own.
const DECISION: &str = "decide_";

pub(crate) fn run() -> Result<()> {
    let cases = cases()?;
    ensure!(cases.len() > 50, "only {} cases in tests/proof/cases", cases.len());
    let chips = TARGETS.iter().map(|target| Ok(Chip { toolchain: bare::find(target)?, target }));
    let chips: Vec<Chip> = chips.collect::<Result<_>>()?;
    // A profile on all chips is one thread's work: cargo builds only one of them at a time in a folder. Each builds one
    // program at a time, since a link takes one core and half a gigabyte.
    let proved = thread::scope(|scope| {
        let (cases, chips) = (&cases, &chips);
        let threads = PROFILES.map(|profile| scope.spawn(move || prove(chips, profile, cases)));
        threads.map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a thread of the proof panicked"))))
    });
    proved.into_iter().collect()
}

/// Everything about one way to compile, one chip after the other.
fn prove(chips: &[Chip], profile: &str, cases: &[String]) -> Result<()> {
    for chip in chips {
        let target = chip.target;
        let flash = chip.must_link(profile, cases).with_context(|| format!("{target}, {profile}"))?;
        chip.decides(profile).with_context(|| format!("{target}, {profile}: decisions"))?;
        let failed = chip.must_fail(profile).with_context(|| format!("{target}, {profile}: must not link"))?;
        let many = cases.len();
        println!("    {target}, {profile}: {many} cases link without a panic, {flash} bytes; {failed} others do not");
    }
    Ok(())
}

/// The names of all cases, which must be found in the firmware again.
fn cases() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir("tests/proof/cases").context("tests/proof/cases")? {
        names.extend(case_names(&fs::read_to_string(entry?.path())?).map(str::to_owned));
    }
    Ok(names)
}

/// The names in a `cases!` block: a word at the first indentation, with a block behind it.
fn case_names(source: &str) -> impl Iterator<Item = &str> {
    let block = source.split_once("cases! {").map_or("", |(_, block)| block);
    let names = block.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" {"));
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

struct Chip {
    toolchain: Toolchain,
    target: &'static str,
}

impl Chip {
    fn folder(&self) -> String {
        if self.toolchain == Toolchain::Plain { FOLDER.into() } else { format!("{FOLDER}/from-source") }
    }

    fn build(&self, subjects: &[&str], profile: &str) -> Result<Command> {
        let arguments =
            ["build", "--quiet", "--locked", "--jobs", "1", "--manifest-path", MANIFEST, "--profile", profile];
        let mut build = self.toolchain.cargo_in(&self.folder(), &arguments, self.target);
        for subject in subjects {
            build.args(["--bin", subject]);
        }
        if self.toolchain != Toolchain::Plain {
            let variable = self.target.to_uppercase().replace('-', "_");
            build.env(format!("CARGO_TARGET_{variable}_LINKER"), bare::linker()?);
        }
        Ok(build)
    }

    fn firmware(&self, subject: &str, profile: &str) -> Result<Vec<u8>> {
        let path = format!("{}/{}/{profile}/{subject}", self.folder(), self.target);
        fs::read(&path).with_context(|| path)
    }

    /// Everything links, and everything is in it; its size. The decisions are built by the way.
    fn must_link(&self, profile: &str, cases: &[String]) -> Result<usize> {
        let output = capture(&mut self.build(&["proof", "decide", "divides"], profile)?)?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(errors.contains(MISSING), "does not build:\n{errors}");
            let named = capture(self.build(&["proof"], profile)?.args(["--features", "name-the-panics"]))?;
            ensure!(named.status.success(), "does not build with its panics named");
            let panics = Elf::parse(&self.firmware("proof", profile)?)?.panics().join("\n  ");
            bail!("a panic can be reached, at one of\n  {panics}");
        }
        let file = self.firmware("proof", profile)?;
        let elf = Elf::parse(&file)?;
        let symbols = elf.symbols();
        for case in cases {
            let found = symbols.iter().find(|symbol| symbol.name == case);
            let bytes =
                found.with_context(|| format!("the case {case} is not in the firmware: is its module called?"))?.bytes;
            ensure!(bytes >= 8, "the case {case} has {bytes} bytes: the compiler has seen through it");
        }
        let float = symbols.iter().find(|symbol| is_float(symbol.name));
        ensure!(float.is_none(), "a float routine is linked: {float:?}");
        Ok(elf.flash())
    }

    /// Decisions do not divide 64 bits, and are told from those that do.
    fn decides(&self, profile: &str) -> Result<()> {
        let file = self.firmware("decide", profile)?;
        let symbols = Elf::parse(&file)?.symbols();
        let decisions = symbols.iter().filter(|symbol| symbol.name.starts_with(DECISION) && symbol.bytes >= 8).count();
        ensure!(decisions >= 9, "only {decisions} decisions in the firmware");
        let long = symbols.iter().find(|symbol| is_division(symbol.name) || is_float(symbol.name));
        ensure!(long.is_none(), "a routine is linked that no decision may need: {long:?}");

        let file = self.firmware("divides", profile)?;
        let symbols = Elf::parse(&file)?.symbols();
        ensure!(symbols.iter().any(|symbol| is_division(symbol.name)), "a 64-bit division is not seen");
        ensure!(symbols.iter().any(|symbol| is_float(symbol.name)), "a float routine is not seen");
        Ok(())
    }

    /// None of them links, and for no other reason; how many they are.
    fn must_fail(&self, profile: &str) -> Result<usize> {
        let checked = profile.ends_with("-checked");
        let subjects: Vec<&str> =
            MUST_FAIL.iter().filter(|(_, only_checked)| checked || !only_checked).map(|(name, _)| *name).collect();
        let output = capture(self.build(&subjects, profile)?.args(["--keep-going", "--message-format", "json"]))?;
        let messages = String::from_utf8_lossy(&output.stdout);
        for subject in &subjects {
            let errors = errors_of(subject, &messages);
            ensure!(!errors.is_empty(), "{subject} links, so that the proof proves nothing");
            ensure!(errors.contains(MISSING), "{subject} fails for another reason:\n{errors}");
        }
        Ok(subjects.len())
    }
}

/// What cargo's messages say is wrong with one program.
fn errors_of(subject: &str, messages: &str) -> String {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors =
        messages.filter(|message| message["target"]["name"] == subject && message["message"]["level"] == "error");
    errors.filter_map(|message| Some(message["message"]["rendered"].as_str()?.to_owned())).collect()
}

pub(crate) fn is_division(name: &str) -> bool {
    DIVISIONS.contains(&name) || name.contains("u64_div_rem") || name.contains("u128_div_rem")
}

/// `__aeabi_fadd`, `__aeabi_dmul`, `__adddf3`, `__floatsisf` and their like.
pub(crate) fn is_float(name: &str) -> bool {
    let arm = |rest: &str| {
        let (kind, verb) = rest.split_at_checked(1).unwrap_or_default();
        matches!(kind, "f" | "d")
            && ["add", "sub", "mul", "div", "cmp", "2", "rsub"].iter().any(|v| verb.starts_with(v))
    };
    let gcc = |rest: &str| rest.contains("sf") || rest.contains("df") || rest.contains("float");
    match (name.strip_prefix("__aeabi_"), name.strip_prefix("__")) {
        (Some(rest), _) => arm(rest) || rest.contains("2f") || rest.contains("2d"),
        (None, Some(rest)) => gcc(rest) && !rest.starts_with("rustc"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_by_their_names() {
        let source = "fn not_this() {\n}\ncases! {\n    /// About it.\n    one {\n        seen(if x {\n    }\n\n    and_two {\n    }\n}\n";
        assert_eq!(case_names(source).collect::<Vec<_>>(), ["one", "and_two"]);
    }

    #[test]
    fn errors_are_told_apart_by_their_programs() {
        let messages = r#"
            {"reason":"compiler-message","target":{"name":"one"},"message":{"level":"error","rendered":"first"}}
            {"reason":"compiler-message","target":{"name":"two"},"message":{"level":"warning","rendered":"no matter"}}
            {"reason":"compiler-message","target":{"name":"one"},"message":{"level":"error","rendered":", second"}}
            {"reason":"build-finished","success":false}"#;
        assert_eq!(errors_of("one", messages), "first, second");
        assert_eq!(errors_of("two", messages), "");
    }

    #[test]
    fn routines_are_known_by_their_names() {
        for name in ["__aeabi_fadd", "__aeabi_d2iz", "__aeabi_ul2d", "__adddf3", "__floatunsisf", "__ltsf2"] {
            assert!(is_float(name), "{name}");
        }
        for name in
            ["__aeabi_uldivmod", "__aeabi_uidiv", "__aeabi_memcpy", "__udivdi3", "reset", "memset", "__aeabi_lmul"]
        {
            assert!(!is_float(name), "{name}");
        }
        assert!(is_division("__aeabi_uldivmod") && is_division("__udivdi3") && !is_division("__aeabi_uidiv"));
    }
}
