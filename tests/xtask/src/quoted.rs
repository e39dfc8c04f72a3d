//! What the README quotes of `tests/bench/SIZES.md`: a table between two marks, written by `cargo xtask size` and compared
//! by `cargo xtask tidy`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::size::{FLASH, INSTRUCTIONS, MEMORY, STACK};
use crate::table::{Section, TABLE, number, parse};

const README: &str = "README.md";
const BEGIN: &str = "<!-- sizes: written by `cargo xtask size` -->\n";
const END: &str = "<!-- end of sizes -->\n";

const COLUMNS: [&str; 4] = ["host", "Cortex-M3", "Cortex-M0", "RV32"];

/// A row of a table, and what the README calls it.
type Words = (&'static str, &'static str);

/// What is quoted: the title of a table, what the README calls it, and rows.
const QUOTED: [(&str, &str, &[Words]); 4] = [
    (
        INSTRUCTIONS,
        "instructions",
        &[
            ("TokenBucket: refill", "`TokenBucket`: granted"),
            ("TokenBucket: refuse", "refused"),
            ("TokenBucket: refuse + retry time", "refused, with the retry time"),
            ("WindowSlices<60>: grant", "`WindowSlices<60>`: granted"),
            ("Backoff: next with jitter", "`Backoff`: next delay, with jitter"),
            ("Ledger of 4 accounts, 8 of 16 holds: reserve 2 amounts", "`Ledger`: two amounts reserved"),
            ("Gate of a quota and 8 slots: ask, granted", "`Gate` of a quota and slots: asked, granted"),
            ("Gate of five limits, 7 of 8 slots taken: ask, granted", "`Gate` of five limits: asked, granted"),
            ("Queue of 16, 15 wait: pop", "`Queue` of 16: the next one"),
            ("Queue of 1024, 1023 wait: pop", "`Queue` of 1024: the next one"),
        ],
    ),
    (
        FLASH,
        "bytes of flash",
        &[
            ("TokenBucket: yes or no, constant", "`TokenBucket`, a constant quota"),
            ("TokenBucket: yes, or when, run time", "`TokenBucket`, a quota of run time, retry times"),
            ("Slots, constant", "`Slots`"),
            ("Ledger: four accounts, reserve, settle, void, constant", "`Ledger`"),
            ("Gate of a quota and slots: yes or no, constant", "`Gate` of a quota and slots, yes or no"),
            (
                "Gate of a quota and slots: yes, or when, with retries, constant",
                "`Gate` of a quota and slots, retry times, retries",
            ),
            ("Gate of five limits, constant", "`Gate` of five limits"),
            (
                "Image + journal: a TokenBucket kept on flash (LimiterKeeper), constant",
                "`LimiterKeeper`, beside its `TokenBucket`",
            ),
            (
                "Journal and image: the ledger kept on flash, a TokenBucket in bytes, constant",
                "`Keeper` and an image, beside the ledger",
            ),
            ("hello of examples/firmware, by its limiter", "what the limiter adds to the firmware `hello`"),
        ],
    ),
    (
        MEMORY,
        "bytes of memory",
        &[
            ("TokenBucket, with its quota", "`TokenBucket`"),
            ("Slots<8>", "`Slots<8>`"),
            ("Ledger of 4 accounts", "`Ledger`, four accounts"),
            (
                "Gate of a quota, slots and 4 accounts: 16 jobs, 2 requests",
                "`Gate`, four accounts, 16 jobs of two amounts",
            ),
        ],
    ),
    (
        STACK,
        "bytes of stack",
        &[
            ("TokenBucket: refuse + retry time", "`TokenBucket`"),
            ("Gate of five limits, 7 of 8 slots taken: ask, granted", "`Gate` of five limits: asked, granted"),
        ],
    ),
];

/// Puts the recorded figures into the README.
pub(crate) fn write() -> Result<()> {
    let (_, now) = both()?;
    fs::write(README, now).context(README)
}

/// What the README says is what is recorded.
pub(crate) fn check() -> Result<()> {
    let (readme, now) = both()?;
    ensure!(readme == now, "{README} quotes other figures than {TABLE} has: run `cargo xtask size`");
    Ok(())
}

/// The README as it is, and as it should be.
fn both() -> Result<(String, String)> {
    let readme = fs::read_to_string(README).context(README)?;
    let recorded = parse(&fs::read_to_string(TABLE).context(TABLE)?);
    let now = quote_in(&readme, &block(&recorded)?)?;
    Ok((readme, now))
}

fn quote_in(readme: &str, block: &str) -> Result<String> {
    let (before, rest) = readme.split_once(BEGIN).with_context(|| format!("{README} has no line {}", BEGIN.trim()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{README} has no line {}", END.trim()))?;
    Ok([before, BEGIN, block, END, after].concat())
}

fn block(recorded: &[Section]) -> Result<String> {
    let mut text = format!("\n| | {} |\n|---|{}\n", COLUMNS.join(" | "), "---:|".repeat(COLUMNS.len()));
    for (title, unit, rows) in QUOTED {
        let section = recorded.iter().find(|section| section.title == title);
        let section = section.with_context(|| format!("{TABLE} has no table {title:?}"))?;
        for (number_of_row, (row, words)) in rows.iter().enumerate() {
            let unit = if number_of_row == 0 { format!("**{unit}**: ") } else { String::new() };
            write!(text, "| {unit}{words} |")?;
            let mut any = false;
            for column in COLUMNS {
                // Memory is the same on all chips.
                let alike = if title == MEMORY && column != "host" { "32-bit chips" } else { column };
                let cell = section.cell(row, alike);
                any |= cell.is_some();
                write!(text, " {} |", cell.map(|cell| number(cell.figure)).unwrap_or_default())?;
            }
            ensure!(any, "{TABLE}: {title} has no row {row:?}");
            text.push('\n');
        }
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_between_the_marks_is_replaced_and_nothing_else() {
        let readme = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(quote_in(&readme, "new\n").unwrap(), format!("before\n{BEGIN}new\n{END}after\n"));
        assert!(quote_in("before\nafter\n", "new\n").is_err());
    }

    #[test]
    fn a_row_that_is_not_recorded_is_named() {
        let empty: Vec<Section> = [INSTRUCTIONS, FLASH, MEMORY, STACK]
            .map(|title| Section { title: title.into(), ..Section::default() })
            .into();
        let error = block(&empty).unwrap_err().to_string();
        assert!(error.contains("TokenBucket: refill"), "{error}");
    }
}
