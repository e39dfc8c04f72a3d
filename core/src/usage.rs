//! `Usage`: who has used how much, in this period and the one before, in constant memory.
//!
//! For reports by project or user; it refuses nothing. What must not be exceeded is an account of a
//! [`Ledger`](crate::Ledger). 40 bytes a key.
//!
//! ```text
//! key       this period   before
//! alice        ■■■■■        ■■
//! others       ■■           ■■■■     all those for whom there was no place, counted together
//! ```

use heapless::Vec;

use crate::amount::Amount;
use crate::bounded::Bounded;

/// Whom something is counted for: a project, a user, a key of an API. The caller numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UsageKey {
    /// What kind of whom: projects and users may have the same numbers.
    pub kind: u8,
    /// Who.
    pub id: u64,
}

/// What one key has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Used<U> {
    /// In the running period.
    pub current: Amount<U>,
    /// In the one before it.
    pub previous: Amount<U>,
    /// How many times in the running period; saturates.
    pub count: u32,
}

impl<U> Used<U> {
    const NOTHING: Self = Self { current: Amount::ZERO, previous: Amount::ZERO, count: 0 };

    fn add(&mut self, amount: Amount<U>) {
        // Sums that people read; a total beyond the range stays at its end.
        self.current = self.current.checked_add(amount).unwrap_or(Amount::MAX);
        self.count = self.count.saturating_add(1);
    }

    fn roll(&mut self, next: bool) {
        let current = core::mem::take(&mut self.current);
        self.previous = if next { current } else { Amount::ZERO };
        self.count = 0;
    }
}

/// Where something was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Counted {
    /// Under its key.
    Own,
    /// With the others: there was no place for another key.
    Others,
}

/// Totals of up to `N` keys, and of all others together.
///
/// # Example
/// ```
/// use tollgate::{Amount, Counted, Credits, Usage, UsageKey};
/// let (alice, bob) = (UsageKey { kind: 0, id: 1 }, UsageKey { kind: 0, id: 2 });
/// let mut usage = Usage::<Credits, 1>::new();
/// assert_eq!(usage.add(7, alice, Amount::whole(40)), Counted::Own);
/// assert_eq!(usage.add(7, bob, Amount::whole(20)), Counted::Others);
/// assert_eq!(usage.add(8, alice, Amount::whole(5)), Counted::Own); // the next period
/// let used = usage.of(alice).unwrap();
/// assert_eq!((used.current, used.previous, used.count), (Amount::whole(5), Amount::whole(40), 1));
/// assert_eq!(usage.others().previous, Amount::whole(20));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Usage<U, const N: usize> {
    pub(crate) table: Vec<(UsageKey, Used<U>), N>,
    pub(crate) others: Used<U>,
    pub(crate) period: i32,
}

impl<U, const N: usize> Usage<U, N> {
    /// Nothing used by anybody.
    pub const fn new() -> Self {
        Self { table: Vec::new(), others: Used::NOTHING, period: i32::MIN }
    }

    /// Counts `amount` for `key` in this period; an earlier period than the running one counts in the running one.
    ///
    /// A new key takes the place of one that has used nothing in this period and the one before; if there is none, it
    /// counts with the others.
    pub fn add(&mut self, period: i32, key: UsageKey, amount: Amount<U>) -> Counted {
        self.roll(period);
        if let Some((_, used)) = self.table.iter_mut().find(|(known, _)| *known == key) {
            used.add(amount);
            return Counted::Own;
        }
        let mut used = Used::NOTHING;
        used.add(amount);
        let Err(entry) = self.table.put((key, used)) else { return Counted::Own };
        let idle = |(_, used): &&mut (UsageKey, Used<U>)| used.count == 0 && used.previous.is_zero();
        if let Some(place) = self.table.iter_mut().find(idle) {
            *place = entry;
            return Counted::Own;
        }
        self.others.add(amount);
        Counted::Others
    }

    /// Goes on to a later period; after one in which nobody asked, the period before is empty.
    pub fn roll(&mut self, period: i32) {
        if period <= self.period {
            return;
        }
        let next = self.period.checked_add(1) == Some(period);
        for (_, used) in &mut self.table {
            used.roll(next);
        }
        self.others.roll(next);
        self.period = period;
    }

    /// What this key has used; `None` if it is not counted by itself.
    pub fn of(&self, key: UsageKey) -> Option<&Used<U>> {
        self.table.iter().find(|(known, _)| *known == key).map(|(_, used)| used)
    }

    /// What all those have used together for whom there was no place.
    pub const fn others(&self) -> &Used<U> {
        &self.others
    }

    /// Every key that is counted by itself.
    pub fn iter(&self) -> impl Iterator<Item = (UsageKey, &Used<U>)> + '_ {
        self.table.iter().map(|(key, used)| (*key, used))
    }
}

impl<U, const N: usize> Default for Usage<U, N> {
    fn default() -> Self {
        Self::new()
    }
}
