//! Whose turn it is within a class of a queue: lines of one key each, and the ring in which they take turns.
//!
//! ```text
//!            front ──> key 7: A1 A2 A3      served: A1, B1, C1, A2, B2, A3
//!   ring      key 9: B1 B2                  a line that is served goes behind all others,
//!            key 4: C1                      and so does one that begins
//! ```
//! The first entry of a line stands for it in the ring. Those that came back are in no line: they go first.

use crate::queue_place::{NIL, Place, Tree};
use crate::queue_trees::Places;
use crate::time::Instant;

/// One class.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Class {
    /// How often another class was served while an entry of this one could have been, since it was served itself.
    pub(crate) passed: u32,
    /// The line whose turn it is.
    pub(crate) front: u16,
}

impl Class {
    pub(crate) const EMPTY: Self = Self { passed: 0, front: NIL };
}

impl Places {
    /// Puts a new entry to the end of its line.
    pub(crate) fn line_up(&mut self, class: &mut Class, slot: u16) {
        let alone = self.line_head(slot) == NIL;
        self.insert(Tree::Line, slot);
        if alone {
            self.join(class, slot);
        }
    }

    /// Takes an entry out, wherever it is. If it was `served`, its line has had its turn.
    pub(crate) fn leave(&mut self, class: &mut Class, slot: u16, served: bool) {
        self.remove(Tree::Id, slot);
        self.remove(Tree::Deadline, slot);
        if self.has_returned(slot) {
            self.remove(Tree::Returned, slot);
            self.remove(Tree::Ready, slot);
            return;
        }
        let head = self.line_head(slot);
        if head != slot && !served {
            return self.remove(Tree::Line, slot);
        }
        self.remove(Tree::Line, slot);
        let heir = self.line_head(slot);
        if served {
            self.part(class, head);
            if heir != NIL {
                self.join(class, heir);
            }
        } else if heir == NIL {
            self.part(class, head);
        } else {
            self.inherit(class, head, heir);
        }
    }

    /// The `nth` entry of the line of `head`, from 0, of those that may still be served; or [`NIL`].
    pub(crate) fn nth_live(&self, head: u16, mut nth: u16, eff: Instant) -> u16 {
        let mut slot = head;
        while let Some(place) = self.get(slot) {
            if place.is_live(eff) {
                if nth == 0 {
                    return slot;
                }
                nth -= 1;
            }
            let next = self.first(Tree::Line, (place.line(), place.arrival.saturating_add(1), 0));
            slot = if self.get(next).is_some_and(|other| other.line() == place.line()) { next } else { NIL };
        }
        NIL
    }

    /// The first entry in the line of this one, which need not be in it; or [`NIL`].
    fn line_head(&self, slot: u16) -> u16 {
        let Some(line) = self.get(slot).map(Place::line) else { return NIL };
        let head = self.first(Tree::Line, (line, 0, 0));
        if self.get(head).is_some_and(|place| place.line() == line) { head } else { NIL }
    }

    /// A line goes behind all others of the ring.
    fn join(&mut self, class: &mut Class, slot: u16) {
        let front = class.front;
        let last = self.get(front).map_or(slot, |place| place.before);
        self.tie(last, slot);
        self.tie(slot, if front == NIL { slot } else { front });
        if front == NIL {
            class.front = slot;
        }
    }

    /// A line leaves the ring.
    fn part(&mut self, class: &mut Class, slot: u16) {
        let Some((before, after)) = self.get(slot).map(|place| (place.before, place.after)) else { return };
        self.tie(before, after);
        if class.front == slot {
            class.front = if after == slot { NIL } else { after };
        }
    }

    /// Another entry stands for the line, in the same place of the ring.
    fn inherit(&mut self, class: &mut Class, slot: u16, heir: u16) {
        let Some((before, after)) = self.get(slot).map(|place| (place.before, place.after)) else { return };
        self.tie(if before == slot { heir } else { before }, heir);
        self.tie(heir, if after == slot { heir } else { after });
        if class.front == slot {
            class.front = heir;
        }
    }

    fn tie(&mut self, before: u16, after: u16) {
        if let Some(place) = self.get_mut(before) {
            place.after = after;
        }
        if let Some(place) = self.get_mut(after) {
            place.before = before;
        }
    }
}
