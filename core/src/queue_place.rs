//! One place of a queue: what it has to know of an entry beside the payload, and its links in the trees.

use crate::time::Instant;

/// No place.
pub(crate) const NIL: u16 = u16::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// By the name of the job.
    Id,
    /// By deadline; only those that have one.
    Deadline,
    /// New entries by class, key and arrival.
    Line,
    /// Those that came back, by class and arrival; each knows the earliest `not_before` below it.
    Returned,
    /// Those that came back, by `not_before`.
    Ready,
}

impl Tree {
    pub(crate) const COUNT: usize = 5;

    /// Which links of a place it uses: none is in a line and came back.
    const fn links(self) -> usize {
        match self {
            Self::Id => 0,
            Self::Deadline => 1,
            Self::Line | Self::Returned => 2,
            Self::Ready => 3,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// One place: 64 bytes.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Place {
    pub(crate) id: u64,
    pub(crate) deadline: Instant,
    pub(crate) not_before: Instant,
    pub(crate) arrival: u64,
    pub(crate) key: u32,
    /// The neighbours of a line's first entry in the ring of lines; `after` of a free place: the next free one.
    pub(crate) after: u16,
    pub(crate) before: u16,
    children: [[u16; 2]; 4],
    /// Zero: not in that tree.
    heights: [u8; 4],
    /// The place with the earliest `not_before` of the subtree of those that came back.
    pub(crate) least: u16,
    pub(crate) class: u8,
    pub(crate) overtaken: u8,
}

impl Place {
    pub(crate) const VACANT: Self = Self {
        id: 0,
        deadline: Instant::MAX,
        not_before: Instant::ORIGIN,
        arrival: 0,
        key: 0,
        after: NIL,
        before: NIL,
        children: [[NIL; 2]; 4],
        heights: [0; 4],
        least: NIL,
        class: 0,
        overtaken: 0,
    };

    /// Whether it may still be served at `eff`.
    pub(crate) fn is_live(&self, eff: Instant) -> bool {
        self.deadline >= eff
    }

    /// Class and key as one word.
    pub(crate) fn line(&self) -> u64 {
        line(self.class, self.key)
    }

    pub(crate) fn height(&self, tree: Tree) -> u8 {
        self.heights.get(tree.links()).copied().unwrap_or(0)
    }

    pub(crate) fn child(&self, tree: Tree, side: Side) -> u16 {
        let Some([left, right]) = self.children.get(tree.links()) else { return NIL };
        match side {
            Side::Left => *left,
            Side::Right => *right,
        }
    }

    pub(crate) fn set_child(&mut self, tree: Tree, side: Side, to: u16) {
        let Some([left, right]) = self.children.get_mut(tree.links()) else { return };
        match side {
            Side::Left => *left = to,
            Side::Right => *right = to,
        }
    }

    pub(crate) fn set_height(&mut self, tree: Tree, height: u8) {
        if let Some(old) = self.heights.get_mut(tree.links()) {
            *old = height;
        }
    }
}

const fn line(class: u8, key: u32) -> u64 {
    (class as u64) << 32 | key as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_64_bytes() {
        assert_eq!(size_of::<Place>(), 64);
    }
}
