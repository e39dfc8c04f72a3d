//! Reads the vectors: comma-separated values without quotes, addressed by the name of their column.

use std::fmt::Debug;
use std::str::FromStr;

/// A vector file, whole.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// One row of a [`Table`].
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    head: &'a [String],
    cells: &'a [String],
}

/// The text of a file in `tests/vectors/golden/`.
pub(crate) fn text(name: &str) -> String {
    let path = format!("{}/vectors/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Table {
    /// Reads a file and checks that it has as many rows as it should: a test over no rows proves nothing.
    pub(crate) fn read(name: &str, rows: usize) -> Self {
        let split = |line: &str| line.split(',').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let text = text(name);
        let mut lines = text.lines();
        let head = split(lines.next().expect("a head line"));
        let table = Self { head, rows: lines.map(split).collect() };
        assert_eq!(table.rows.len(), rows, "{name}");
        table
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { head: &self.head, cells })
    }
}

impl<'a> Row<'a> {
    pub(crate) fn text(self, column: &str) -> &'a str {
        let at = self.head.iter().position(|name| name == column);
        &self.cells[at.unwrap_or_else(|| panic!("no column {column} in {:?}", self.head))]
    }

    pub(crate) fn get<T: FromStr<Err: Debug>>(self, column: &str) -> T {
        self.text(column).parse().unwrap_or_else(|error| panic!("{column} of {:?}: {error:?}", self.cells))
    }
}
