//! The order in which a queue would serve, looked at without serving.
//!
//! A walk is a handful of cursors, one a class: first those that came back and are ready, by arrival; then the ring of
//! lines, round by round: the first entry of each line, the second of each, and so on.

use core::cmp::Reverse;

use crate::bounded::Counting;
use crate::queue_lines::Class;
use crate::queue_place::NIL;
use crate::queue_trees::Places;
use crate::time::Instant;

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Cursor {
    passed: u32,
    /// What would be served next in this class.
    next: u16,
    /// Those that came back are done up to here; `None`: all of them.
    returned: Option<(u64, u16)>,
    line: u16,
    round: u16,
    /// Whether this round has found an entry.
    found: bool,
}

/// Where a look at the order has come to.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Walk<const C: usize> {
    eff: Instant,
    patience: u16,
    cursors: [Cursor; C],
    /// The class that was chosen last: its cursor has to move before the next choice.
    chosen: Option<usize>,
}

impl<const C: usize> Walk<C> {
    pub(crate) fn new(places: &Places, classes: &[Class; C], patience: u16, eff: Instant) -> Self {
        let start = |class: &Class| Cursor {
            passed: class.passed,
            next: NIL,
            returned: Some((0, 0)),
            line: class.front,
            round: 0,
            found: false,
        };
        let mut walk = Self { eff, patience, cursors: classes.each_ref().map(start), chosen: None };
        for (number, (cursor, class)) in walk.cursors.iter_mut().zip(classes).numbered() {
            cursor.advance(places, number, class.front, eff);
        }
        walk
    }

    /// The next that would be served, and its class.
    pub(crate) fn next(&mut self, places: &Places, classes: &[Class; C]) -> Option<u16> {
        if let Some(number) = self.chosen.take()
            && let (Some(cursor), Some(class)) = (self.cursors.get_mut(number), classes.get(number))
        {
            cursor.advance(places, number, class.front, self.eff);
        }
        let waiting = || self.cursors.iter().numbered().filter(|(_, cursor)| cursor.next != NIL);
        // Of those that are due the one passed over most, and the most urgent of equals; else the most urgent of all.
        let due = waiting().filter(|(_, cursor)| cursor.passed >= u32::from(self.patience));
        let (number, _) = due.min_by_key(|(_, cursor)| Reverse(cursor.passed)).or_else(|| waiting().next())?;
        self.serve(number);
        self.chosen = Some(number);
        self.cursors.get(number).map(|cursor| cursor.next)
    }

    /// Counts a service of this class: every other that could have been served was passed over.
    fn serve(&mut self, number: usize) {
        for (other, cursor) in self.cursors.iter_mut().numbered() {
            if other == number {
                cursor.passed = 0;
            } else if cursor.next != NIL {
                cursor.passed = cursor.passed.saturating_add(1);
            }
        }
    }

    /// Counts a service of this class in the classes themselves; only right before the first step.
    pub(crate) fn count(&self, number: usize, classes: &mut [Class; C]) {
        let mut walk = self.clone();
        walk.serve(number);
        for (class, cursor) in classes.iter_mut().zip(&walk.cursors) {
            class.passed = cursor.passed;
        }
    }
}

impl Cursor {
    /// Finds the next of the class; every step but the last leaves behind an entry whose deadline has passed.
    fn advance(&mut self, places: &Places, class: usize, front: u16, eff: Instant) {
        while let Some((arrival, slot)) = self.returned {
            let found = places.first_ready((class as u64, arrival, slot), eff);
            let place = places.get(found).filter(|place| usize::from(place.class) == class);
            self.returned = place.map(|place| (place.arrival, found.saturating_add(1)));
            if place.is_some_and(|place| place.is_live(eff)) {
                self.next = found;
                return;
            }
        }
        self.next = NIL;
        while self.next == NIL && self.line != NIL {
            self.next = places.nth_live(self.line, self.round, eff);
            self.found |= self.next != NIL;
            self.line = places.get(self.line).map_or(NIL, |place| place.after);
            if self.line == front {
                self.round = self.round.saturating_add(1);
                if !core::mem::take(&mut self.found) {
                    self.line = NIL;
                }
            }
        }
    }
}
