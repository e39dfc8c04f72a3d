//! What the programs of `tests/bench` print, with the instructions counted between their marks.
//!
//! ```text
//! mark  limiter FEW  mark   mark  limiter MANY  mark   mark  empty FEW  mark   mark  empty MANY  mark   next case ...
//! ```
//! MANY is twice FEW; what lies between two counted runs does not matter.

use anyhow::{Context, Result, bail, ensure};

use crate::table::Cell;

/// What one machine said and did.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// What a check executes, by the case's name.
    pub(crate) instructions: Vec<(String, Cell)>,
    /// What it takes of the stack.
    pub(crate) stack: Vec<(String, Cell)>,
    /// What values take in memory.
    pub(crate) bytes: Vec<(String, Cell)>,
}

/// Puts together what was printed and what was counted. `goal` is which of the goals in a case's line are this machine's.
pub(crate) fn measured(printed: &str, runs: &[u64], goal: Option<usize>) -> Result<Measured> {
    let mut measured = Measured::default();
    let mut runs = runs.chunks_exact(4);
    for line in printed.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            ["case", few, limiter, name, parts, ref goals @ ..] => {
                let runs = runs.next().with_context(|| format!("no counts for: {line}"))?;
                let &[limiter_few, limiter_many, empty_few, empty_many] = runs else { bail!("four runs for a case") };
                let checks: f64 = few.parse::<u32>()?.into();
                let parts: f64 = parts.parse::<u32>()?.into();
                let more = |few: u64, many: u64| many.checked_sub(few).context("more checks took fewer instructions");
                let limiter_more = more(limiter_few, limiter_many)?;
                let own = limiter_more.checked_sub(more(empty_few, empty_many)?).context("nothing cost more")?;
                let figure = f64::from(u32::try_from(own)?) / checks / parts;
                let goal = goal.and_then(|at| parse_goal(goals.get(2 * at..)?));
                measured.instructions.push((format!("{limiter}: {name}"), Cell { figure, goal }));
            }
            ["stack", bytes] => {
                let (what, _) = measured.instructions.last().context("a stack before any case")?;
                measured.stack.push((what.clone(), Cell { figure: bytes.parse()?, goal: None }));
            }
            ["bytes", name, bytes, ref goals @ ..] => {
                let cell = Cell { figure: bytes.parse()?, goal: parse_goal(goals) };
                measured.bytes.push((name.to_owned(), cell));
            }
            _ => bail!("unexpected line: {line}"),
        }
    }
    ensure!(runs.next().is_none(), "more was counted than printed");
    ensure!(!measured.instructions.is_empty(), "nothing was printed");
    Ok(measured)
}

fn parse_goal(words: &[&str]) -> Option<(u32, u32)> {
    Some((words.first()?.parse().ok()?, words.get(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "bytes\tTokenBucket\t48\t48\t40\nbytes\tQuota\t40\t\t\n\
                           case\t4\tTokenBucket\tburst\t1\t20\t14\t30\t18\t47\t25\nstack\t12\n\
                           case\t2\tFeedback\ta byte\t10\t\t\t40\t20\t\t\nstack\t300\n";

    #[test]
    fn a_figure_is_what_each_further_check_costs() {
        let runs = [148, 288, 20, 32, 1_000, 2_000, 10, 10];
        let found = measured(PRINTED, &runs, Some(1)).unwrap();
        let cell = |figure, goal| Cell { figure, goal };
        let instructions = [
            ("TokenBucket: burst".to_owned(), cell(32.0, Some((30, 18)))),
            ("Feedback: a byte".to_owned(), cell(50.0, Some((40, 20)))),
        ];
        assert_eq!(found.instructions, instructions);
        assert_eq!(found.stack[1], ("Feedback: a byte".to_owned(), cell(300.0, None)));
        assert_eq!(found.bytes[0], ("TokenBucket".to_owned(), cell(48.0, Some((48, 40)))));
        assert_eq!(found.bytes[1].1, cell(40.0, None));
        assert_eq!(measured(PRINTED, &runs, Some(2)).unwrap().instructions[0].1.goal, Some((47, 25)));
        assert_eq!(measured(PRINTED, &runs, None).unwrap().instructions[0].1.goal, None);
    }

    #[test]
    fn what_does_not_fit_together_is_an_error() {
        let runs = [148, 288, 20, 32, 1_000, 2_000, 10, 10];
        assert!(measured(PRINTED, &runs[..4], None).is_err());
        assert!(measured(PRINTED, &[runs, runs].concat(), None).is_err());
        assert!(measured(PRINTED, &[288, 148, 20, 32, 1_000, 2_000, 10, 10], None).is_err());
        assert!(measured("", &[], None).is_err());
        assert!(measured("answered otherwise than the case says\n", &[], None).is_err());
    }
}
