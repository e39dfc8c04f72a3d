//! Random traces: numbers from proptest, read as calls in the light of what the limiter has answered so far.
//!
//! A raw step is five numbers; smaller ones mean simpler calls, so that shrinking needs no help.

use core::fmt;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use tollgate::{Denied, Duration, Instant};

use super::subject::Scale;

/// The numbers of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw {
    /// How time moves.
    motion: u8,
    /// How far.
    pub(super) far: u64,
    /// What is called.
    kind: u8,
    /// With what cost.
    pub(super) size: u8,
    /// A number for the rest.
    pub(super) extra: u64,
}

/// A trace: where time starts, and the steps.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) start: u8,
    pub(super) steps: Vec<Raw>,
}

pub(super) fn traces(steps: usize) -> impl Strategy<Value = Trace> {
    let numbers = (0..64u8, any::<u64>(), 0..32u8, 0..32u8, any::<u64>());
    let step = numbers.prop_map(|(motion, far, kind, size, extra)| Raw { motion, far, kind, size, extra });
    (0..8u8, vec(step, 1..=steps)).prop_map(|(start, steps)| Trace { start, steps })
}

/// What the clock and the caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// The clock never goes back; nothing is used beyond what was held.
    Steady,
    /// The clock goes back and jumps; nothing is used beyond what was held.
    Faulty,
    /// Anything, with any number.
    Wild,
}

/// A call on a limiter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) now: Instant,
    pub(super) act: Act,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// `available` and `earliest(cost)`.
    Peek(u64),
    Allow(u64),
    Reserve(u64, Duration),
    /// Books at an instant this much later than the earliest, as `reserve_all` does where another limit is slower.
    Late(u64, Duration),
    /// Settles the booking of this number with the actual units.
    Settle(usize, u64),
    /// Forgets the booking of this number.
    Drop(usize),
}

/// A booking that is out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) id: usize,
    pub(super) cost: u64,
    /// The instant it was booked for.
    pub(super) at: Instant,
}

/// What a limiter answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Seen(u64, Result<Instant, Denied>),
    Allowed(Result<(), Denied>),
    /// The instant booked for.
    Reserved(Result<Instant, Denied>),
    Settled,
}

impl Answer {
    /// Whether units were granted.
    pub(super) const fn granted(self) -> bool {
        matches!(self, Self::Allowed(Ok(())) | Self::Reserved(Ok(_)))
    }

    const fn until(self) -> Option<Instant> {
        match self {
            Self::Seen(_, Ok(at) | Err(Denied::Until(at)))
            | Self::Allowed(Err(Denied::Until(at)))
            | Self::Reserved(Ok(at) | Err(Denied::Until(at))) => Some(at),
            _ => None,
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peek(cost) => write!(f, "available, earliest({cost})"),
            Self::Allow(cost) => write!(f, "allow({cost})"),
            Self::Reserve(cost, patience) => write!(f, "reserve({cost}, patience {patience})"),
            Self::Late(cost, late) => write!(f, "book({cost}, {late} later than the earliest)"),
            Self::Settle(id, 0) => write!(f, "release(#{id})"),
            Self::Settle(id, actual) => write!(f, "commit(#{id}, {actual})"),
            Self::Drop(id) => write!(f, "drop(#{id})"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = |f: &mut fmt::Formatter<'_>, denied: &Denied| write!(f, "refused: {denied}");
        match self {
            Self::Seen(room, Ok(at)) => write!(f, "{room}, {at}"),
            Self::Seen(room, Err(denied)) => write!(f, "{room}, {denied}"),
            Self::Allowed(Ok(())) => f.write_str("granted"),
            Self::Reserved(Ok(at)) => write!(f, "granted for {at}"),
            Self::Allowed(Err(denied)) | Self::Reserved(Err(denied)) => refused(f, denied),
            Self::Settled => f.write_str("-"),
        }
    }
}

/// Reads raw steps as calls.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) mood: Mood,
    pub(super) scale: Scale,
    /// The last stamp.
    pub(super) now: Instant,
    /// The latest stamp at which units were granted: there the limiter has acted for certain.
    pub(super) granted: Instant,
    /// The latest stamp of a grant or a settlement: there it may have acted.
    acted: Instant,
    /// The instant that the last answer named.
    until: Option<Instant>,
}

impl Driver {
    pub(super) fn new(mood: Mood, scale: Scale, start: u8) -> Self {
        let far = Duration::from_micros(scale.full).saturating_mul(10);
        let now = match start {
            0 | 1 => Instant::ORIGIN,
            2 => Instant::from_secs(1),
            3 => Instant::from_micros((1 << 32) - scale.unit.min(1 << 31)),
            4 => Instant::from_millis(1 << 32).saturating_sub(far),
            5 => Instant::from_secs(100 * 365 * 86_400),
            6 => Instant::from_micros(u64::MAX / 2),
            _ => Instant::MAX.saturating_sub(far),
        };
        Self { mood, scale, now, granted: now, acted: now, until: None }
    }

    /// The call that a raw step means, where these bookings are held.
    pub(super) fn call(&self, raw: &Raw, held: &[Held], room: u64) -> Call {
        let &Raw { motion, far, kind, size, extra } = raw;
        let mut now = self.moved(motion, far);
        if self.mood == Mood::Steady {
            now = now.max(self.now);
        }
        // Between a settlement and the next grant a limiter may or may not have acted: the effective time is only
        // certain if the clock does not go back there.
        if self.mood == Mood::Faulty && self.acted > self.granted {
            now = now.max(self.acted);
        }
        let cost = self.cost(size, extra, room);
        let act = match (kind, held) {
            (0..=2, _) => Act::Peek(cost),
            (18..=28, [first, ..]) => {
                let pick = usize::try_from(extra >> 32).unwrap_or(0) % held.len();
                let Held { id, cost, at } = *held.get(pick).unwrap_or(first);
                let mut actual = self.actual(kind, far ^ extra, cost);
                // Nothing is used before the instant it was booked for.
                if actual > 0 && at > now && self.mood != Mood::Wild {
                    let soon = at.saturating_since(now).as_micros() <= self.scale.full.saturating_mul(4);
                    (now, actual) = if soon && at < Instant::MAX { (at, actual) } else { (now, 0) };
                }
                if kind == 28 { Act::Drop(id) } else { Act::Settle(id, actual) }
            }
            (3..=10, _) => Act::Allow(cost),
            (16..=17, _) => {
                Act::Late(cost, Duration::from_micros(far % self.scale.full.saturating_mul(2).saturating_add(1)))
            }
            _ => Act::Reserve(cost, self.patience(extra >> 16)),
        };
        Call { now, act }
    }

    /// Learns from the answer.
    pub(super) fn note(&mut self, call: &Call, answer: Answer) {
        self.now = call.now;
        let nothing = matches!(call.act, Act::Allow(0) | Act::Reserve(0, _) | Act::Late(0, _));
        if answer.granted() && !nothing {
            self.granted = self.granted.max(call.now);
            self.acted = self.acted.max(call.now);
        }
        if answer == Answer::Settled {
            self.acted = self.acted.max(call.now);
        }
        self.until = answer.until().or(self.until);
    }

    fn moved(&self, motion: u8, far: u64) -> Instant {
        let Scale { unit, full, .. } = self.scale;
        let on = |micros| self.now.saturating_add(Duration::from_micros(micros));
        let back = |micros| self.now.saturating_sub(Duration::from_micros(micros));
        let until = self.until.filter(|&at| at > self.now && at < Instant::MAX).unwrap_or_else(|| on(unit));
        match (motion, self.mood) {
            (0..=15, _) => self.now,
            (16..=19, _) => on(1),
            (20..=23, _) => on(unit),
            (24..=29, _) => on(far % unit.saturating_mul(2).saturating_add(1)),
            (30..=35, _) => on(far % full.saturating_add(1)),
            (36..=37, _) => on(full),
            (38..=41, _) => until,
            (42, _) => until.saturating_sub(Duration::from_micros(1)),
            (43, _) => until.saturating_add(Duration::from_micros(1)),
            (44, _) => on(full.saturating_mul(far % 100)),
            (45, _) if far.is_multiple_of(4) => on(far >> (far % 64)),
            (46, _) if far.is_multiple_of(4) => Instant::MAX.saturating_sub(Duration::from_micros(far >> 8 & 7)),
            (_, Mood::Steady) => on(far % (full.saturating_mul(2).saturating_add(1))),
            (45..=49, _) => back(1),
            (50..=53, _) => back(far % unit.saturating_mul(2).saturating_add(1)),
            (54..=57, _) => back(far % full.saturating_mul(2).saturating_add(1)),
            (58..=59, _) => Instant::ORIGIN,
            (60, Mood::Wild) => Instant::from_micros(far),
            // To where it was before the fault.
            _ => self.granted.saturating_add(Duration::from_micros(far % 3)),
        }
    }

    fn cost(&self, size: u8, extra: u64, room: u64) -> u64 {
        let max = self.scale.max_cost;
        match size {
            0..=7 => 1,
            8..=11 => 2.min(max),
            12..=13 => 3.min(max),
            14..=17 => extra % max.min(8) + 1,
            18..=20 => extra % max.max(1) + 1,
            21..=24 => room.max(1),
            25..=26 => max,
            27 => max - max / 2,
            28 => 0,
            29 => max.saturating_add(1),
            _ if self.mood == Mood::Wild => extra >> (extra % 64),
            _ => 1,
        }
    }

    fn patience(&self, pick: u64) -> Duration {
        let Scale { unit, full, .. } = self.scale;
        Duration::from_micros(match pick % 16 {
            0..=3 => 0,
            4..=7 => pick % (unit.saturating_mul(2).saturating_add(1)),
            8..=12 => pick % (full.saturating_mul(2).saturating_add(1)),
            13 | 14 => full.saturating_mul(16),
            _ => u64::MAX,
        })
    }

    fn actual(&self, kind: u8, pick: u64, cost: u64) -> u64 {
        let most = if self.mood == Mood::Wild { u64::MAX } else { cost };
        match kind {
            18..=22 => 0,
            23 | 24 => cost,
            25 | 26 => pick % cost.saturating_add(1).max(1),
            _ => (pick >> (pick % 64)).min(most),
        }
    }
}
