//! The places of a queue and five search trees over them: links of two bytes, no recursion, logarithmic in every case.
//!
//! AVL trees (Adelson-Velsky and Landis, 1962). A place is in the tree of names always, in that of deadlines if it has
//! one, and either in the lines of its key (new entries) or in the two trees of those that came back. The code knows
//! neither the payload nor the capacity, so a program has it once.

use core::cmp::Ordering;

use heapless::Vec;

use crate::bounded::Bounded;
use crate::queue_place::{NIL, Place, Side, Tree};
use crate::time::Instant;

/// The height of an AVL tree of 65 535 nodes is at most 22.
type Path = Vec<(u16, Side), 24>;

/// What a tree is sorted by: two words, and the place for what is equal in both.
pub(crate) type Key = (u64, u64, u16);

/// The places, seen without their number: `Places<[Place; N]>` coerces to it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Places<P: ?Sized = [Place]> {
    roots: [u16; Tree::COUNT],
    free: u16,
    /// Places from here on have never been used.
    unused: u16,
    taken: u16,
    table: P,
}

impl<const N: usize> Places<[Place; N]> {
    pub(crate) const fn new() -> Self {
        Self { roots: [NIL; Tree::COUNT], free: NIL, unused: 0, taken: 0, table: [Place::VACANT; N] }
    }
}

impl<P: ?Sized> Places<P> {
    pub(crate) const fn taken(&self) -> u16 {
        self.taken
    }
}

impl Places {
    /// All that are taken, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.table.iter().filter(|place| place.height(Tree::Id) > 0)
    }

    pub(crate) fn get(&self, slot: u16) -> Option<&Place> {
        self.table.get(usize::from(slot))
    }

    pub(crate) fn get_mut(&mut self, slot: u16) -> Option<&mut Place> {
        self.table.get_mut(usize::from(slot))
    }

    /// Whether the entry came back.
    pub(crate) fn has_returned(&self, slot: u16) -> bool {
        self.height(Tree::Ready, slot) > 0
    }

    /// Takes a free place.
    pub(crate) fn take_place(&mut self) -> Option<u16> {
        let slot = if self.free == NIL { self.unused } else { self.free };
        let after = self.get(slot)?.after;
        if self.free == NIL {
            self.unused = self.unused.saturating_add(1);
        } else {
            self.free = after;
        }
        self.taken = self.taken.saturating_add(1);
        Some(slot)
    }

    /// Gives a place back that is in no tree any more.
    pub(crate) fn free_place(&mut self, slot: u16) {
        let free = self.free;
        if let Some(place) = self.get_mut(slot) {
            *place = Place::VACANT;
            place.after = free;
            self.free = slot;
            self.taken = self.taken.saturating_sub(1);
        }
    }

    /// The first whose key is not below `from`, or [`NIL`].
    pub(crate) fn first(&self, tree: Tree, from: Key) -> u16 {
        let (mut at, mut found) = (self.root(tree), NIL);
        while let Some(key) = self.key(tree, at) {
            if key < from {
                at = self.child(tree, at, Side::Right);
            } else {
                found = at;
                at = self.child(tree, at, Side::Left);
            }
        }
        found
    }

    /// The first of those that came back, by class and arrival, that is not below `from` and ready at `eff`, or [`NIL`].
    pub(crate) fn first_ready(&self, from: Key, eff: Instant) -> u16 {
        const TREE: Tree = Tree::Returned;
        let (mut at, mut path) = (self.root(TREE), Path::new());
        while let Some(key) = self.key(TREE, at) {
            let side = if key < from { Side::Right } else { Side::Left };
            if side == Side::Left {
                // Never full: the path is no longer than the tree is high.
                let _ = path.put((at, side));
            }
            at = self.child(TREE, at, side);
        }
        for &(node, _) in path.iter().rev() {
            let right = self.child(TREE, node, Side::Right);
            if self.is_ready(node, eff) {
                return node;
            }
            if self.is_ready(self.least(right), eff) {
                return self.leftmost_ready(right, eff);
            }
        }
        NIL
    }

    /// The first that is ready in a subtree that has one.
    fn leftmost_ready(&self, mut at: u16, eff: Instant) -> u16 {
        loop {
            let left = self.child(Tree::Returned, at, Side::Left);
            if self.is_ready(self.least(left), eff) {
                at = left;
            } else if at == NIL || self.is_ready(at, eff) {
                return at;
            } else {
                at = self.child(Tree::Returned, at, Side::Right);
            }
        }
    }

    pub(crate) fn insert(&mut self, tree: Tree, slot: u16) {
        let path = self.descend(tree, slot);
        if let Some(place) = self.get_mut(slot) {
            place.set_child(tree, Side::Left, NIL);
            place.set_child(tree, Side::Right, NIL);
        }
        self.refresh(tree, slot);
        self.ascend(tree, &path, slot);
    }

    pub(crate) fn remove(&mut self, tree: Tree, slot: u16) {
        if self.height(tree, slot) == 0 {
            return;
        }
        let mut path = self.descend(tree, slot);
        let (left, right) = (self.child(tree, slot, Side::Left), self.child(tree, slot, Side::Right));
        let mut below = if left == NIL { right } else { left };
        if left != NIL && right != NIL {
            // The next one takes its place.
            let (depth, mut next) = (path.len(), right);
            let _ = path.put((slot, Side::Right));
            while self.child(tree, next, Side::Left) != NIL {
                let _ = path.put((next, Side::Left));
                next = self.child(tree, next, Side::Left);
            }
            below = self.child(tree, next, Side::Right);
            self.set_child(tree, next, Side::Left, left);
            self.set_child(tree, next, Side::Right, right);
            if let Some(step) = path.get_mut(depth) {
                *step = (next, Side::Right);
            }
        }
        if let Some(place) = self.get_mut(slot) {
            place.set_height(tree, 0);
        }
        self.ascend(tree, &path, below);
    }

    /// The way from the root to where `slot` is or belongs, without it.
    fn descend(&self, tree: Tree, slot: u16) -> Path {
        let (mut at, mut path) = (self.root(tree), Path::new());
        let wanted = self.key(tree, slot);
        while at != NIL {
            let side = match wanted.cmp(&self.key(tree, at)) {
                Ordering::Less => Side::Left,
                Ordering::Equal => break,
                Ordering::Greater => Side::Right,
            };
            let _ = path.put((at, side));
            at = self.child(tree, at, side);
        }
        path
    }

    /// Hangs a subtree to the end of a path and balances every node on the way up.
    fn ascend(&mut self, tree: Tree, path: &Path, mut below: u16) {
        for &(node, side) in path.iter().rev() {
            self.set_child(tree, node, side, below);
            below = self.balance(tree, node);
        }
        if let Some(root) = self.roots.get_mut(tree as usize) {
            *root = below;
        }
    }

    /// Makes the two sides of a node differ in height by one at most; returns what is on top then.
    fn balance(&mut self, tree: Tree, node: u16) -> u16 {
        for side in [Side::Left, Side::Right] {
            let near = self.child(tree, node, side);
            let height = |places: &Self, side| places.height(tree, places.child(tree, near, side));
            if self.height(tree, near) > self.height(tree, self.child(tree, node, side.other())).saturating_add(1) {
                if height(self, side.other()) > height(self, side) {
                    let lifted = self.lift(tree, near, side.other());
                    self.set_child(tree, node, side, lifted);
                }
                return self.lift(tree, node, side);
            }
        }
        self.refresh(tree, node);
        node
    }

    /// Puts the child on this side on top of its parent.
    fn lift(&mut self, tree: Tree, node: u16, side: Side) -> u16 {
        let top = self.child(tree, node, side);
        let between = self.child(tree, top, side.other());
        self.set_child(tree, node, side, between);
        self.set_child(tree, top, side.other(), node);
        self.refresh(tree, node);
        self.refresh(tree, top);
        top
    }

    /// Computes what a node knows of its children.
    fn refresh(&mut self, tree: Tree, node: u16) {
        let [left, right] = [Side::Left, Side::Right].map(|side| self.child(tree, node, side));
        let height = self.height(tree, left).max(self.height(tree, right)).saturating_add(1);
        if let Some(place) = self.get_mut(node) {
            place.set_height(tree, height);
        }
        if tree == Tree::Returned {
            let [left, right] = [left, right].map(|below| self.least(below));
            let earlier = |a: u16, b: u16| if self.not_before(b) < self.not_before(a) { b } else { a };
            let least = earlier(node, earlier(left, right));
            if let Some(place) = self.get_mut(node) {
                place.least = least;
            }
        }
    }

    fn key(&self, tree: Tree, slot: u16) -> Option<Key> {
        #[cfg(test)]
        steps::count();
        let place = self.get(slot)?;
        let (major, minor) = match tree {
            Tree::Id => (place.id, 0),
            Tree::Deadline => (place.deadline.as_micros(), place.arrival),
            Tree::Line => (place.line(), place.arrival),
            Tree::Returned => (u64::from(place.class), place.arrival),
            Tree::Ready => (place.not_before.as_micros(), place.arrival),
        };
        Some((major, minor, slot))
    }

    fn root(&self, tree: Tree) -> u16 {
        self.roots.get(tree as usize).copied().unwrap_or(NIL)
    }

    fn child(&self, tree: Tree, slot: u16, side: Side) -> u16 {
        #[cfg(test)]
        steps::count();
        self.get(slot).map_or(NIL, |place| place.child(tree, side))
    }

    fn set_child(&mut self, tree: Tree, slot: u16, side: Side, to: u16) {
        if let Some(place) = self.get_mut(slot) {
            place.set_child(tree, side, to);
        }
    }

    fn height(&self, tree: Tree, slot: u16) -> u8 {
        self.get(slot).map_or(0, |place| place.height(tree))
    }

    fn least(&self, slot: u16) -> u16 {
        self.get(slot).map_or(NIL, |place| place.least)
    }

    fn not_before(&self, slot: u16) -> Instant {
        self.get(slot).map_or(Instant::MAX, |place| place.not_before)
    }

    fn is_ready(&self, slot: u16, eff: Instant) -> bool {
        self.get(slot).is_some_and(|place| place.not_before <= eff)
    }
}

/// How many links were followed and keys read: what operations cost, without a clock.
#[cfg(test)]
pub(crate) mod steps {
    use core::cell::Cell;

    std::thread_local!(static STEPS: Cell<u64> = const { Cell::new(0) });

    pub(crate) fn count() {
        STEPS.with(|steps| steps.set(steps.get() + 1));
    }

    pub(crate) fn of<R>(work: impl FnOnce() -> R) -> (u64, R) {
        let before = STEPS.with(Cell::get);
        let result = work();
        (STEPS.with(Cell::get) - before, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::collections::BTreeMap;

    type Random = core::iter::Successors<u64, fn(&u64) -> Option<u64>>;

    fn random() -> Random {
        core::iter::successors(Some(1), |x| Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1)))
    }

    /// By class and arrival, as the tree is, in a map.
    type Oracle = BTreeMap<(u8, u64, u16), Instant>;

    fn check(places: &Places, oracle: &Oracle, from: (u8, u64), eff: Instant) {
        let (class, arrival) = from;
        let mut above = oracle.range((class, arrival, 0)..);
        let first = above.clone().next().map_or(NIL, |(key, _)| key.2);
        assert_eq!(places.first(Tree::Returned, (class.into(), arrival, 0)), first);
        let ready = above.find(|(_, not_before)| **not_before <= eff).map_or(NIL, |(key, _)| key.2);
        assert_eq!(places.first_ready((class.into(), arrival, 0), eff), ready);
        let height = places.height(Tree::Returned, places.root(Tree::Returned));
        // An AVL tree of height h has at least F(h + 2) - 1 nodes.
        let (mut least, mut next) = (0, 1);
        (0..height).for_each(|_| (least, next) = (next, least + next + 1));
        assert!(least <= oracle.len(), "{height} high with {} nodes", oracle.len());
    }

    #[test]
    fn the_trees_find_what_a_map_finds_and_stay_low() {
        for order in 0..3 {
            let mut table = Box::new(Places::<[Place; 600]>::new());
            let places: &mut Places = &mut *table;
            let (mut oracle, mut random) = (Oracle::new(), random().map(|x| x >> 33));
            let mut draw = |below: u64| random.next().unwrap() % below;
            for arrival in 0..1_500u64 {
                // Ascending, descending, and in no order; with as many taken out later on.
                let arrival = [arrival, 1_500 - arrival, draw(1_500)][order];
                if let Some(slot) = places.take_place() {
                    let (class, not_before) = (u8::try_from(draw(3)).unwrap(), Instant::from_micros(draw(1_000)));
                    let place = places.get_mut(slot).unwrap();
                    (place.class, place.arrival, place.not_before) = (class, arrival, not_before);
                    places.insert(Tree::Returned, slot);
                    oracle.insert((class, arrival, slot), not_before);
                }
                if oracle.len() > 300 && draw(3) > 0 {
                    let taken = *oracle.keys().nth(usize::try_from(draw(300)).unwrap()).unwrap();
                    oracle.remove(&taken);
                    places.remove(Tree::Returned, taken.2);
                    places.free_place(taken.2);
                }
                let from = (u8::try_from(draw(3)).unwrap(), draw(1_500));
                check(places, &oracle, from, Instant::from_micros(draw(100)));
            }
            for taken in oracle.clone().into_keys() {
                oracle.remove(&taken);
                places.remove(Tree::Returned, taken.2);
                check(places, &oracle, (0, 0), Instant::from_micros(draw(1_000)));
            }
        }
    }
}
