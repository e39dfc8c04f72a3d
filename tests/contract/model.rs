//! The obvious bucket: a fractional level as a whole number of `1 / per`, in 128 bits, one rule at a time.
//!
//! With the right rules it agrees with `TokenBucket` on every call; with a wrong one it grants too much, and the dense
//! traces of `bookings.rs` see it.

use tollgate::Instant;

/// How much a release gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Give {
    /// `min(x, cost - accrued(at .. max(now, tail)))`.
    Rule,
    /// All of it.
    Everything,
    /// What time has not returned since `at`, whoever was promised behind it.
    SinceAt,
    /// What nobody was promised behind, however long ago.
    LaterPromises,
    /// The rule, with a tail that is read off the level.
    TailFromLevel,
    /// The rule, with a tail that any booking at it rolls back.
    AnyLastRollsBack,
}

/// How a booking ahead is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// The line through (at, level(at) - cost).
    Line,
    /// At once, from today's level.
    AtOnce,
    /// At `at`, and time has moved there.
    MoveLast,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    give: Give,
    charge: Charge,
    units: i128,
    per: i128,
    full: i128,
    level: i128,
    last: i128,
    tail: i128,
    /// The bookings ahead since the tail was last in the past, each with the tail that it found.
    promises: Vec<(u32, i128)>,
    next: u32,
}

/// A booking in the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booked {
    pub(crate) cost: u64,
    /// The effective instant, from which on time returns it.
    since: i128,
    number: u32,
}

impl Model {
    pub(crate) fn new(units: u32, per: u64, burst: u32, now: u64) -> Self {
        let full = i128::from(burst) * i128::from(per);
        let (units, per, last) = (units.into(), per.into(), now.into());
        let (give, charge) = (Give::Rule, Charge::Line);
        Self { give, charge, units, per, full, level: full, last, tail: 0, promises: Vec::new(), next: 0 }
    }

    /// The same bucket under other rules.
    pub(crate) fn ruled(self, give: Give, charge: Charge) -> Self {
        Self { give, charge, ..self }
    }

    fn level(&self, now: i128) -> i128 {
        (self.level + (now - self.last).max(0) * self.units).min(self.full)
    }

    fn act(&mut self, now: u64) {
        self.level = self.level(now.into());
        self.last = self.last.max(now.into());
    }

    pub(crate) fn available(&self, now: u64) -> u64 {
        u64::try_from(self.level(now.into()).div_euclid(self.per)).unwrap_or(0)
    }

    /// The first instant from `from` on with enough, `None` for never.
    pub(crate) fn earliest(&self, from: u64, cost: u64) -> Option<u64> {
        let need = i128::from(cost) * self.per;
        if need > self.full {
            return None;
        }
        if self.level(from.into()) >= need {
            return Some(from);
        }
        let wait = (need - self.level + self.units - 1).div_euclid(self.units);
        Some(u64::try_from(self.last + wait).unwrap_or(u64::MAX))
    }

    pub(crate) fn allow(&mut self, now: u64, cost: u64) -> bool {
        let fits = self.level(now.into()) >= i128::from(cost) * self.per;
        if fits {
            self.act(now);
            self.level -= i128::from(cost) * self.per;
        }
        fits
    }

    /// Books at an instant not before `earliest`.
    pub(crate) fn book(&mut self, now: u64, at: u64, cost: u64) -> Booked {
        self.act(now);
        let number = self.next;
        self.next += 1;
        let since = self.last.max(at.into());
        let need = i128::from(cost) * self.per;
        if since > self.last {
            if self.tail <= self.last {
                self.promises.clear();
            }
            self.promises.push((number, self.tail));
            self.tail = self.tail.max(since);
            let ahead = (since - self.last) * self.units;
            match self.charge {
                Charge::Line => self.level = self.level(since) - need - ahead,
                Charge::AtOnce => self.level -= need,
                Charge::MoveLast => {
                    self.level = self.level(since) - need;
                    self.last = since;
                }
            }
        } else {
            self.level -= need;
        }
        Booked { cost, since, number }
    }

    pub(crate) fn settle(&mut self, now: u64, held: Booked, actual: u64) {
        let (x, cost) = ((i128::from(held.cost) - i128::from(actual)) * self.per, i128::from(held.cost) * self.per);
        if x <= 0 {
            if x < 0 {
                self.act(now);
                self.level += x;
            }
            return;
        }
        let now_or_last = self.last.max(now.into());
        let until = match self.give {
            Give::SinceAt => now_or_last,
            Give::LaterPromises => self.tail,
            Give::TailFromLevel => now_or_last.max(self.last + (-self.level).max(0).div_euclid(self.units)),
            _ => now_or_last.max(self.tail),
        };
        let returned = (until - held.since).max(0) * self.units;
        let back = if self.give == Give::Everything { x } else { x.min(cost - returned).max(0) };
        // Giving back does not move time: what was missing is less, and what is full stays full.
        self.level = (self.level + back).min(self.full);
        let newest = match self.give {
            Give::AnyLastRollsBack => self.tail == held.since && self.promises.iter().any(|&(n, _)| n == held.number),
            _ => self.promises.last().is_some_and(|&(number, _)| number == held.number),
        };
        if actual == 0 && newest {
            self.promises.retain(|&(number, before)| {
                let it = number == held.number;
                self.tail = if it { before } else { self.tail };
                !it
            });
        }
    }
}

pub(crate) const fn us(micros: u64) -> Instant {
    Instant::from_micros(micros)
}
