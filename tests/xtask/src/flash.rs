//! What each feature adds to a program in flash: firmware with it, less the same firmware without it.
//!
//! ```text
//! tests/bench/chip/src/bin ──> linked for each chip, configuration a constant or known at run time ──> bytes of sections
//! examples/firmware hello ───> less hello_without
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::elf::Elf;
use crate::executed::{CHIPS, Chip, build};
use crate::firmware;
use crate::proof::{is_division, is_float};
use crate::shell::run as sh;
use crate::table::Cell;

/// A binary, what it is less, how its row is called, and what it should take at most on a Cortex-M3 and a Cortex-M0.
struct Feature {
    binary: &'static str,
    without: &'static str,
    what: &'static str,
    /// Constant, then at run time; the latter is not measured where it is the same.
    goals: [[Option<(u32, u32)>; 2]; 2],
    has_config: bool,
}

const fn feature(binary: &'static str, what: &'static str) -> Feature {
    Feature { binary, without: "nothing", what, goals: [[None; 2]; 2], has_config: true }
}

const FEATURES: [Feature; 18] = [
    Feature {
        goals: [[Some((200, 150)), Some((300, 200))], [Some((730, 500)), Some((1_100, 800))]],
        ..feature("token_bucket", "TokenBucket: yes or no")
    },
    feature("token_bucket_retry", "TokenBucket: yes, or when"),
    feature("window_log", "WindowLog"),
    feature("window_slices", "WindowSlices"),
    feature("slots", "Slots"),
    Feature { goals: [[Some((400, 150)), None], [None; 2]], ..feature("backoff", "Backoff, with jitter") },
    feature("breaker", "Breaker"),
    feature("budget", "Budget: one account, charge"),
    feature("ledger", "Ledger: four accounts, reserve, settle, void"),
    feature("queue", "Queue"),
    Feature { goals: [[None, Some((4_095, 4_095))], [None; 2]], ..feature("gate_of_two", "Gate of a quota and slots") },
    feature("gate_of_five", "Gate of five limits"),
    feature("dispatcher", "Dispatcher: a queue and a gate of a quota and slots"),
    Feature { has_config: false, ..feature("feedback", "Feedback: headers of a response") },
    Feature {
        without: "token_bucket",
        ..feature("persistent_bucket", "Image: a TokenBucket saved to bytes and restored")
    },
    Feature {
        without: "token_bucket",
        goals: [[Some((4_095, 4_095)), None], [Some((4_095, 4_095)), None]],
        ..feature("limiter_keeper", "Image + journal: a TokenBucket kept on flash (LimiterKeeper)")
    },
    Feature { without: "ledger", ..feature("journal", "Journal: the ledger kept on flash (Keeper)") },
    Feature {
        without: "ledger_and_bucket",
        ..feature("image_and_journal", "Journal and image: the ledger kept on flash, a TokenBucket in bytes")
    },
];

/// What links the compiler's 64-bit division: dates and decimals in headers, and the retry time of a bucket that is asked
/// by itself. No other limiter does, nor a gate; decisions are looked at by `cargo xtask proof`.
const DIVIDE: [&str; 2] = ["feedback", "token_bucket_retry"];

/// What `hello` may grow by on a Cortex-M3: more fails.
const HELLO: u32 = 200;

/// One row of one chip.
pub(crate) struct Found {
    pub(crate) what: String,
    pub(crate) column: usize,
    pub(crate) cell: Cell,
}

pub(crate) fn all() -> Result<Vec<Found>> {
    const CONFIGS: [(&str, &[&str]); 2] = [("constant", &[]), ("run time", &["--features", "run-time"])];
    let mut found = Vec::new();
    for (column, chip) in CHIPS.iter().enumerate() {
        let mut rows = Vec::new();
        for (number, (config, flags)) in CONFIGS.into_iter().enumerate() {
            let (mut command, folder) = build(chip.target, &[&["--bins"], flags].concat())?;
            sh(&mut command)?;
            for (place, feature) in FEATURES.iter().enumerate().filter(|(_, one)| one.has_config || number == 0) {
                let bytes = |binary: &str| program(format!("{folder}/{}/release/{binary}", chip.target));
                let path = format!("{folder}/{}/release/{}", chip.target, feature.binary);
                ensure!(
                    DIVIDE.contains(&feature.binary) || !divides(&path)?,
                    "{path}: a 64-bit division is linked, which only {DIVIDE:?} may have"
                );
                let figure = bytes(feature.binary)? - bytes(feature.without)?;
                let goal = feature.goals.get(number).and_then(|goals| goals.get(column).copied().flatten());
                let what = if feature.has_config { format!("{}, {config}", feature.what) } else { feature.what.into() };
                rows.push((place, Found { what, column, cell: Cell { figure, goal } }));
            }
        }
        // Both configurations of a feature stand together.
        rows.sort_by_key(|(place, _)| *place);
        found.extend(rows.into_iter().map(|(_, row)| row));
        found.push(hello(column, chip)?);
    }
    Ok(found)
}

/// The example of `examples/firmware`, less the same without a limiter.
fn hello(column: usize, chip: &Chip) -> Result<Found> {
    let [with, without] = firmware::hello(chip.target)?.map(program);
    let figure = with? - without?;
    let goal = (chip.name == "Cortex-M3").then_some((HELLO, HELLO));
    let cell = Cell { figure, goal };
    ensure!(!cell.is_missed(), "{}: the limiter adds {figure} bytes to hello, more than {HELLO}", chip.name);
    Ok(Found { what: "hello of examples/firmware, by its limiter".into(), column, cell })
}

/// Bytes of code and constants. That nothing lies in memory is up to the linker script.
fn program(path: impl AsRef<Path>) -> Result<f64> {
    let path = path.as_ref();
    let file = fs::read(path).with_context(|| path.display().to_string())?;
    let elf = Elf::parse(&file).with_context(|| path.display().to_string())?;
    let float = elf.symbols().into_iter().find(|symbol| is_float(symbol.name));
    ensure!(float.is_none(), "{}: a float routine is linked: {float:?}", path.display());
    Ok(f64::from(u32::try_from(elf.flash())?))
}

/// Whether the compiler's 64-bit division is in it.
fn divides(path: &str) -> Result<bool> {
    let file = fs::read(path).with_context(|| path.to_owned())?;
    Ok(Elf::parse(&file)?.symbols().iter().any(|symbol| is_division(symbol.name)))
}
