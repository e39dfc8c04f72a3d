//! The committed tables of `cargo xtask size`: figures in columns, written, read again, and compared.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

/// Where they are kept.
pub(crate) const TABLE: &str = "tests/bench/SIZES.md";

/// One table: what was measured, how, with which compiler.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) how: String,
    pub(crate) compiler: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// One for each column, if it was measured there.
    pub(crate) cells: Vec<Option<Cell>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) figure: f64,
    /// What it should be at most, and what would be splendid.
    pub(crate) goal: Option<(u32, u32)>,
}

impl Cell {
    pub(crate) fn is_missed(&self) -> bool {
        self.goal.is_some_and(|(target, _)| self.figure > f64::from(target))
    }
}

impl Section {
    /// Puts a figure into its row, a new one at the end if there is none yet.
    pub(crate) fn put(&mut self, what: &str, column: usize, cell: Cell) {
        let wide = self.columns.len();
        let at = self.rows.iter().position(|row| row.what == what).unwrap_or_else(|| {
            self.rows.push(Row { what: what.to_owned(), cells: vec![None; wide] });
            self.rows.len() - 1
        });
        if let Some(place) = self.rows.get_mut(at).and_then(|row| row.cells.get_mut(column)) {
            *place = Some(cell);
        }
    }

    /// The figure of a row in a column.
    pub(crate) fn cell(&self, what: &str, column: &str) -> Option<Cell> {
        let column = self.columns.iter().position(|name| name == column)?;
        self.rows.iter().find(|row| row.what == what)?.cells.get(column).copied().flatten()
    }
}

/// A figure as it is read: two digits behind the point at most.
pub(crate) fn number(figure: f64) -> String {
    let text = format!("{figure:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(crate) fn render(sections: &[Section]) -> Result<String> {
    let mut text = String::from(
        "# What it costs\n\n\
         Written by `cargo xtask size`, not by hand; `cargo xtask size --check` fails where a figure has grown by more\n\
         than 2 % with the same compiler. With another one it compares nothing and says so. Growth that is wanted is\n\
         recorded here and explained in the changelog. In brackets: what was aimed at and, behind the stroke, what would\n\
         be splendid; a figure above its aim is bold.\n",
    );
    for Section { title, how, compiler, columns, rows } in sections {
        write!(text, "\n## {title}\n\n{how}\n\nCompiler: {compiler}\n\n| what | {} |\n|---|", columns.join(" | "))?;
        text.push_str(&"---:|".repeat(columns.len()));
        for Row { what, cells } in rows {
            write!(text, "\n| {what} |")?;
            for cell in cells {
                match cell {
                    None => text.push_str("  |"),
                    Some(cell) => write!(text, " {} |", render_cell(cell))?,
                }
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn render_cell(cell: &Cell) -> String {
    let figure = number(cell.figure);
    match cell.goal {
        None => figure,
        Some((target, stretch)) if cell.is_missed() => format!("**{figure}** [{target}/{stretch}]"),
        Some((target, stretch)) => format!("{figure} [{target}/{stretch}]"),
    }
}

/// What `render` has written.
pub(crate) fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section { title: title.into(), ..Section::default() });
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        if let Some(compiler) = line.strip_prefix("Compiler: ") {
            section.compiler = compiler.into();
        } else if let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) {
            let mut cells = cells.split('|').map(str::trim);
            let what = cells.next().unwrap_or_default();
            if what == "what" {
                section.columns = cells.map(str::to_owned).collect();
            } else {
                section.rows.push(Row { what: what.into(), cells: cells.map(parse_cell).collect() });
            }
        } else if section.how.is_empty() && !line.starts_with('|') {
            section.how = line.into();
        }
    }
    sections
}

fn parse_cell(text: &str) -> Option<Cell> {
    let (figure, goal) = text.split_once(' ').unwrap_or((text, ""));
    let goal = goal.trim_matches(['[', ']']).split_once('/');
    let goal = goal.and_then(|(target, stretch)| Some((target.parse().ok()?, stretch.parse().ok()?)));
    Some(Cell { figure: figure.trim_matches('*').parse().ok()?, goal })
}

/// Every figure is recorded, and none has grown by more than 2 %; another compiler is another matter.
pub(crate) fn compare(recorded: &[Section], measured: &[Section]) -> Result<()> {
    let mut faults = Vec::new();
    for new in measured {
        let Some(old) = recorded.iter().find(|old| old.title == new.title) else {
            faults.push(format!("there is no table \"{}\"", new.title));
            continue;
        };
        if old.compiler != new.compiler {
            println!(
                "    warning: {}: recorded with {}, measured with {}: not compared; `cargo xtask size` records it anew",
                new.title, old.compiler, new.compiler
            );
            continue;
        }
        for row in &new.rows {
            for (column, cell) in new.columns.iter().zip(&row.cells) {
                let Some(Cell { figure, .. }) = cell else { continue };
                let place = format!("{}, {}, {column}", new.title, row.what);
                match old.cell(&row.what, column) {
                    None => faults.push(format!("{place}: not recorded, now {}", number(*figure))),
                    Some(known) if *figure > known.figure * 1.02 => {
                        let percent = (figure / known.figure - 1.0) * 100.0;
                        let (known, figure) = (number(known.figure), number(*figure));
                        faults.push(format!("{place}: recorded {known}, now {figure} (+{percent:.1} %)"));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    ensure!(
        faults.is_empty(),
        "{TABLE} does not record this:\n  {}\neither undo the growth, or run `cargo xtask size`, commit {TABLE} and README.md, \
         and say why in CHANGELOG.md",
        faults.join("\n  ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(figure: f64) -> Section {
        let mut section = Section {
            title: "Instructions".into(),
            how: "Counted.".into(),
            compiler: "rustc 1".into(),
            columns: vec!["host".into(), "Cortex-M3".into(), "RV32".into()],
            rows: Vec::new(),
        };
        section.put("TokenBucket: burst", 0, Cell { figure: 17.0, goal: Some((20, 14)) });
        section.put("TokenBucket: burst", 1, Cell { figure, goal: Some((20, 14)) });
        section.put("Gate<..>: ask", 2, Cell { figure: 3.5, goal: None });
        section
    }

    #[test]
    fn a_table_reads_back_as_it_was_written() {
        for figure in [20.0, 17.5, 100.0, 0.0, 20.25] {
            let written = render(&[section(figure), section(1.0)]).unwrap();
            assert_eq!(parse(&written), [section(figure), section(1.0)], "{written}");
        }
    }

    #[test]
    fn a_figure_above_its_aim_is_bold() {
        let text = render(&[section(20.5)]).unwrap();
        assert!(text.contains("| TokenBucket: burst | 17 [20/14] | **20.5** [20/14] |  |\n"), "{text}");
    }

    #[test]
    fn growth_above_two_percent_fails_with_the_same_compiler() {
        assert!(compare(&[section(100.0)], &[section(102.0)]).is_ok());
        let error = compare(&[section(100.0)], &[section(102.5)]).unwrap_err().to_string();
        assert!(
            error.contains("Instructions, TokenBucket: burst, Cortex-M3: recorded 100, now 102.5 (+2.5 %)"),
            "{error}"
        );
        assert!(error.contains("run `cargo xtask size`"), "{error}");
        assert!(compare(&[section(100.0)], &[section(50.0)]).is_ok());
        let other = Section { compiler: "rustc 2".into(), ..section(1.0) };
        assert!(compare(&[other], &[section(100.0)]).is_ok());
        let empty = Section { rows: Vec::new(), ..section(1.0) };
        assert!(compare(&[empty], &[section(1.0)]).is_err());
        assert!(compare(&[], &[section(1.0)]).is_err());
    }
}
