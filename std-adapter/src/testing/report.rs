//! What a broken law looks like: its name, the shortest trace as a table, what was expected.

use core::fmt;

use tollgate::Instant;

use super::laws::Law;

/// A law that a limiter breaks, with the shortest trace that was found to break it.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which law.
    pub law: Law,
    /// What was expected, and what came instead.
    pub expected: String,
    /// The trace: stamp, call, answer, a line each.
    pub trace: String,
    /// The seed that the traces were drawn from.
    pub seed: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the law `{}` is broken: {}", self.law, self.law.meaning())?;
        writeln!(f, "{}", self.trace)?;
        writeln!(f, "expected: {}", self.expected)?;
        write!(f, "again with TOLLGATE_SEED={}", self.seed)
    }
}

impl core::error::Error for Broken {}

/// Collects the table of one trace; switched off while traces are tried, because formatting costs more than the calls.
#[derive(Debug)]
pub(super) struct Log {
    rows: Option<Vec<[String; 3]>>,
}

impl Log {
    pub(super) const fn off() -> Self {
        Self { rows: None }
    }

    pub(super) const fn on() -> Self {
        Self { rows: Some(Vec::new()) }
    }

    /// An empty one, switched on or off as the other.
    pub(super) const fn like(other: &Self) -> Self {
        if other.rows.is_some() { Self::on() } else { Self::off() }
    }

    /// Adds a line; the strings are only made if somebody will read them.
    pub(super) fn row(&mut self, stamp: Instant, text: impl FnOnce() -> (String, String)) {
        if let Some(rows) = &mut self.rows {
            let (call, answer) = text();
            rows.push([stamp.to_string(), call, answer]);
        }
    }

    pub(super) fn table(&self) -> String {
        let titles = ["stamp", "call", "answer"].map(String::from);
        let mut lines = vec![&titles];
        lines.extend(self.rows.iter().flatten());
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let (stamp, call) = (width(0), width(1));
        lines.iter().map(|[a, b, c]| format!("  {a:>stamp$}  {b:call$}  {c}")).collect::<Vec<_>>().join("\n")
    }
}
