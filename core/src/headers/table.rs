//! The named limits of one response: a fixed number of rows, found by origin and name.
//!
//! Which rows there are in the end, and in which sequence, does not depend on the order in which they were asked for.

use super::bucket::{Bucket, Origin};
use super::label::Label;
use crate::bounded::Counting;

/// How many named limits of one response are kept. A response with more of them has none.
pub const BUCKETS: usize = 8;

/// What stands in a row that is not used.
const BLANK: Bucket = Bucket::new(Origin::Vendor, Label::EMPTY);

/// The named limits of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Table {
    rows: [Bucket; BUCKETS],
    len: u8,
    /// How often a row was asked for, and whether there was none left.
    asked: u16,
    pub(super) full: bool,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { rows: [BLANK; BUCKETS], len: 0, asked: 0, full: false }
    }

    /// The row of this name, new if need be, and whether it is new; `None` if there is no room.
    pub(super) fn row(&mut self, origin: Origin, label: Label) -> Option<(&mut Bucket, bool)> {
        self.asked = self.asked.saturating_add(1);
        let used = usize::from(self.len);
        let found = self.rows().iter().place(|row| row.origin == origin && row.label == label);
        let at = found.unwrap_or(used);
        let Some(row) = self.rows.get_mut(at) else {
            self.full = true;
            return None;
        };
        if found.is_none() {
            *row = Bucket::new(origin, label);
            self.len = self.len.saturating_add(1);
        }
        Some((row, found.is_none()))
    }

    pub(super) fn rows(&self) -> &[Bucket] {
        self.rows.get(..usize::from(self.len)).unwrap_or(&self.rows)
    }

    pub(super) fn rows_mut(&mut self) -> &mut [Bucket] {
        let used = usize::from(self.len).min(BUCKETS);
        self.rows.get_mut(..used).unwrap_or_default()
    }

    /// Keeps the rows that fulfil a condition, sorted by origin and name, so that the order of lines leaves no trace.
    /// Returns how many entries were void because there were too many names.
    pub(super) fn tidy(&mut self, keep: impl Fn(&Bucket) -> bool) -> u16 {
        if self.full {
            let void = self.asked;
            *self = Self::new();
            return void;
        }
        let rows = self.rows_mut();
        rows.sort_unstable_by(|a, b| (a.origin, &a.label).cmp(&(b.origin, &b.label)));
        let mut kept = 0;
        for at in 0..rows.len() {
            if rows.get(at).is_some_and(&keep) {
                if kept < at {
                    rows.swap(kept, at);
                }
                kept = kept.saturating_add(1);
            }
        }
        rows.iter_mut().skip(kept).for_each(|row| *row = BLANK);
        // No more than there were.
        self.len = u8::try_from(kept).unwrap_or(self.len);
        self.asked = 0;
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str) -> Label {
        Label::new(name.bytes())
    }

    #[test]
    fn too_many_names_leave_none() {
        let mut table = Table::new();
        for name in 0..BUCKETS {
            assert!(table.row(Origin::Vendor, label(&std::format!("{name}"))).is_some());
        }
        assert!(table.row(Origin::Vendor, label("0")).is_some_and(|(_, new)| !new));
        assert!(table.row(Origin::Policy, label("0")).is_none());
        assert_eq!((table.tidy(|_| true), table.rows().len()), (10, 0));
    }
}
