//! `Wall`: what time it is outside, learned from samples, and believed only with reason.
//!
//! Limiters live on [`Instant`]s. Whoever must know the date (a daily budget, a grant that expires) asks a wall, which
//! may not know. One sample from a stranger is not believed; a jump is not followed until it is confirmed.
//!
//! ```text
//!           owner's word, or two samples >= 60 s apart that agree
//! Unknown ────────────────────────────────────────────> Known ──┐ small steps: followed (back: held until it catches up)
//!                             Frozen <── jump > max_step ─┘ <───┘
//!                               └── as from Unknown ──> Known
//! ```
//! Between samples it shows the sample plus what has elapsed, and never goes back.

use crate::civil::floor_div;
use crate::time::{Duration, Instant};

/// A point on the calendar: microseconds since 1970-01-01T00:00:00Z, without leap seconds. Saturates.
///
/// Not an [`Instant`]: limiters never see the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnixMicros(i64);

impl UnixMicros {
    /// `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// `millis` milliseconds after the epoch; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// `secs` seconds after the epoch; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        floor_div(self.0, 1_000_000)
    }

    /// How long ago `earlier` was, or zero if it lies ahead.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        if self.0 <= earlier.0 { Duration::ZERO } else { Duration::from_micros(self.0.abs_diff(earlier.0)) }
    }

    /// `span` later, or the end of the range.
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(span.as_micros()))
    }

    /// `span` earlier, or the start of the range.
    #[must_use]
    pub const fn saturating_sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(span.as_micros()))
    }

    const fn distance(self, other: Self) -> Duration {
        Duration::from_micros(self.0.abs_diff(other.0))
    }
}

/// Whose word a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Trust {
    /// The owner's: a real-time clock that keeps its power, authenticated network time, a person. Believed at once.
    Owner,
    /// A stranger's, such as the `Date` of a response. Believed when a second one at least 60 s later agrees.
    Stranger,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Heard {
    /// The date is known from now on, or known anew; it may be an earlier one than was believed.
    Learned,
    /// It agrees with what was believed.
    Agreed,
    /// It differs by more than the errors allow, but not by a jump: followed. A step back holds the wall still.
    Stepped,
    /// It is a jump, or the first of two: nothing is known until it is confirmed.
    Unconfirmed,
    /// It lies below the floor, before which it cannot be: ignored.
    BelowFloor,
}

/// One reading: `unix` at `at`, give or take `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) unix: UnixMicros,
    pub(crate) error: Duration,
}

impl Sample {
    pub(crate) const fn read(&self, now: Instant) -> UnixMicros {
        self.unix.saturating_add(now.saturating_since(self.at))
    }

    /// Whether two readings can both be right.
    fn agrees(&self, later: &Self) -> bool {
        self.read(later.at).distance(later.unix) <= self.error.saturating_add(later.error)
    }

    /// Whether `later` is the second sample that makes this one believable.
    fn confirmed_by(&self, later: &Self) -> bool {
        later.at.saturating_since(self.at) >= Wall::APART && self.agrees(later)
    }
}

/// What time it is outside, if that is known.
///
/// # Example
/// ```
/// use tollgate::{Duration, Heard, Instant, Trust, UnixMicros, Wall};
/// let mut wall = Wall::new(Wall::MAX_STEP);
/// let (boot, error) = (Instant::ORIGIN, Duration::from_secs(1));
///
/// // A server's Date is believed when another one, a minute or more later, agrees.
/// let date = UnixMicros::from_secs(1_760_000_000);
/// assert_eq!(wall.set(boot, date, error, Trust::Stranger), Heard::Unconfirmed);
/// let later = boot.saturating_add(Duration::from_secs(90));
/// assert_eq!(wall.set(later, UnixMicros::from_secs(1_760_000_091), error, Trust::Stranger), Heard::Learned);
/// assert_eq!(wall.read(later).map(UnixMicros::as_secs), Some(1_760_000_091));
/// assert_eq!(wall.surely(later).map(UnixMicros::as_secs), Some(1_760_000_090));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wall {
    /// What was believed last; in force only while `known`.
    pub(crate) anchor: Option<Sample>,
    /// The first of two samples.
    pub(crate) candidate: Option<Sample>,
    /// What the wall has shown already: it does not go back below it.
    pub(crate) least: UnixMicros,
    pub(crate) floor: UnixMicros,
    pub(crate) max_step: Duration,
    pub(crate) last: Instant,
    pub(crate) steps: u32,
    pub(crate) known: bool,
}

impl Wall {
    /// How far two samples of strangers must lie apart.
    pub const APART: Duration = Duration::from_secs(60);
    /// A sensible largest step, one hour: more than a bad crystal drifts in half a year, less than any calendar period.
    pub const MAX_STEP: Duration = Duration::from_hours(1);

    /// A wall that knows nothing yet, and will follow steps of up to `max_step` without confirmation.
    pub const fn new(max_step: Duration) -> Self {
        let least = UnixMicros::from_micros(i64::MIN);
        Self {
            anchor: None,
            candidate: None,
            least,
            floor: least,
            max_step,
            last: Instant::ORIGIN,
            steps: 0,
            known: false,
        }
    }

    /// The same wall, which knows that it is not earlier than `floor`: what was persisted before the power went.
    #[must_use]
    pub const fn with_floor(self, floor: UnixMicros) -> Self {
        Self { floor, ..self }
    }

    /// Hears that it was `unix` at `now`, give or take `error`.
    ///
    /// For a response's `Date`, the error is one second plus the round trip.
    ///
    /// * Within the errors of what is believed: agreed; the sample replaces a vaguer one.
    /// * A step of up to `max_step`: followed. Backwards, whoever says it: the wall stands still until it is caught up.
    /// * Further, from a stranger: frozen, until another sample at least 60 s later agrees with this one, or with what
    ///   was believed before. From the owner: believed, forwards and backwards.
    ///
    /// A stamp older than the last one counts as the last one.
    pub fn set(&mut self, now: Instant, unix: UnixMicros, error: Duration, trust: Trust) -> Heard {
        if unix < self.floor && trust == Trust::Stranger {
            self.steps = self.steps.saturating_add(1);
            return Heard::BelowFloor;
        }
        self.last = self.last.max(now);
        let sample = Sample { at: self.last, unix, error };
        match self.anchor.filter(|_| self.known) {
            Some(believed) => self.compare(believed, sample, trust),
            None => self.confirm(sample, trust),
        }
    }

    /// A sample while the date is known.
    fn compare(&mut self, believed: Sample, sample: Sample, trust: Trust) -> Heard {
        let shown = self.least.max(believed.read(sample.at));
        if believed.agrees(&sample) {
            self.candidate = None;
            if sample.error <= believed.error || trust == Trust::Owner {
                self.anchor = Some(sample);
                self.least = shown;
            }
            return Heard::Agreed;
        }
        self.steps = self.steps.saturating_add(1);
        if shown.distance(sample.unix) <= self.max_step {
            self.candidate = None;
            self.anchor = Some(sample);
            self.least = shown;
            return Heard::Stepped;
        }
        if trust == Trust::Owner {
            return self.learn(sample);
        }
        self.known = false;
        self.candidate = Some(sample);
        Heard::Unconfirmed
    }

    /// A sample while nothing is known.
    fn confirm(&mut self, sample: Sample, trust: Trust) -> Heard {
        let seconds = [self.candidate, self.anchor];
        if trust == Trust::Owner || seconds.iter().flatten().any(|first| first.confirmed_by(&sample)) {
            return self.learn(sample);
        }
        // The first of several that agree stays, so that a chatty server does not push the sixty seconds away.
        if !self.candidate.is_some_and(|first| first.agrees(&sample)) {
            self.candidate = Some(sample);
        }
        Heard::Unconfirmed
    }

    fn learn(&mut self, sample: Sample) -> Heard {
        (self.anchor, self.candidate, self.known) = (Some(sample), None, true);
        self.least = UnixMicros::from_micros(i64::MIN);
        Heard::Learned
    }

    /// Knows nothing until the next confirmation: after a reboot of unknown length.
    pub fn freeze(&mut self) {
        (self.anchor, self.candidate, self.known) = (None, None, false);
    }

    /// Knows nothing until the next confirmation, and goes on at `now` after a known clock fault.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.freeze();
        self.last = self.last.min(now);
    }

    /// Whether the date is known.
    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// What time it is, give or take [`error`](Self::error); `None` while unknown or frozen.
    pub fn read(&self, now: Instant) -> Option<UnixMicros> {
        let anchor = self.anchor.filter(|_| self.known)?;
        Some(self.least.max(anchor.read(self.last.max(now))))
    }

    /// By how much [`read`](Self::read) may be wrong.
    pub fn error(&self) -> Option<Duration> {
        self.anchor.filter(|_| self.known).map(|anchor| anchor.error)
    }

    /// What time it is at least: the reading less its error. A period is over when this has reached its end.
    pub fn surely(&self, now: Instant) -> Option<UnixMicros> {
        Some(self.read(now)?.saturating_sub(self.error()?))
    }

    /// What time it is at most: the reading plus its error. What expires is gone when this has reached its end.
    pub fn at_latest(&self, now: Instant) -> Option<UnixMicros> {
        Some(self.read(now)?.saturating_add(self.error()?))
    }

    /// The instant from which [`surely`](Self::surely) is not before `unix`, as far as is known now.
    ///
    /// [`Instant::ORIGIN`] if that is so already; `None` while unknown or frozen.
    pub fn when_surely(&self, unix: UnixMicros) -> Option<Instant> {
        let anchor = self.anchor.filter(|_| self.known)?;
        let target = unix.saturating_add(anchor.error);
        if self.least >= target {
            return Some(Instant::ORIGIN);
        }
        Some(match target.saturating_since(anchor.unix) {
            Duration::ZERO => Instant::ORIGIN,
            ahead => anchor.at.saturating_add(ahead),
        })
    }

    /// The earliest date that a stranger may name.
    pub const fn floor(&self) -> UnixMicros {
        self.floor
    }

    /// Samples that differed from what was believed by more than the errors, or lay below the floor; saturates.
    pub const fn steps(&self) -> u32 {
        self.steps
    }
}

impl Default for Wall {
    fn default() -> Self {
        Self::new(Self::MAX_STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Heard::{Agreed, BelowFloor, Learned, Stepped, Unconfirmed};
    use Trust::{Owner, Stranger};

    #[test]
    fn a_table_of_samples() {
        // (now s, unix s, error s, trust, heard, reading afterwards)
        type Row = (u64, i64, u64, Trust, Heard, Option<i64>);
        let tables: &[&[Row]] = &[
            // Two that agree, but too close; the first stays the first.
            &[
                (0, 1_000_000, 1, Stranger, Unconfirmed, None),
                (59, 1_000_059, 1, Stranger, Unconfirmed, None),
                (60, 1_000_062, 1, Stranger, Learned, Some(1_000_062)),
            ],
            // Two that disagree; the third agrees with the second.
            &[
                (0, 1_000_000, 1, Stranger, Unconfirmed, None),
                (60, 1_000_063, 1, Stranger, Unconfirmed, None),
                (120, 1_000_123, 1, Stranger, Learned, Some(1_000_123)),
            ],
            // A jump freezes; a good sample brings the old belief back.
            &[
                (0, 1_000_000, 0, Owner, Learned, Some(1_000_000)),
                (10, 9_000_000, 1, Stranger, Unconfirmed, None),
                (100, 1_000_100, 1, Stranger, Learned, Some(1_000_100)),
            ],
            // A jump back is believed once confirmed.
            &[
                (0, 9_000_000, 0, Owner, Learned, Some(9_000_000)),
                (10, 1_000_000, 1, Stranger, Unconfirmed, None),
                (70, 1_000_060, 1, Stranger, Learned, Some(1_000_060)),
            ],
            // A small step back holds the wall still; a small one forward is followed; a vaguer sample changes nothing.
            &[
                (0, 1_000_000, 0, Owner, Learned, Some(1_000_000)),
                (10, 1_000_000, 1, Stranger, Stepped, Some(1_000_010)),
                (15, 1_000_005, 9, Stranger, Agreed, Some(1_000_010)),
                (30, 1_000_100, 1, Stranger, Stepped, Some(1_000_100)),
                (31, 1_000_095, 9, Stranger, Agreed, Some(1_000_101)),
                (20, 1_000_101, 0, Stranger, Agreed, Some(1_000_101)),
            ],
            // The owner's word is believed, however far; but a small step back waits like anybody's.
            &[
                (0, 1_000_000, 0, Owner, Learned, Some(1_000_000)),
                (1, 9_000_000, 0, Owner, Learned, Some(9_000_000)),
                (2, 8_999_999, 0, Owner, Stepped, Some(9_000_001)),
                (3, 1_000_000, 0, Owner, Learned, Some(1_000_000)),
            ],
            &[(0, 499_999, 1, Stranger, BelowFloor, None), (0, 499_999, 1, Owner, Learned, Some(499_999))],
        ];
        for table in tables {
            let mut wall = Wall::default().with_floor(UnixMicros::from_secs(500_000));
            for (row, &(now, unix, error, trust, heard, reading)) in table.iter().enumerate() {
                let now = Instant::from_secs(now);
                let got = wall.set(now, UnixMicros::from_secs(unix), Duration::from_secs(error), trust);
                assert_eq!((got, wall.read(now).map(UnixMicros::as_secs)), (heard, reading), "row {row} of {table:?}");
            }
        }
    }

    #[test]
    fn the_instant_of_a_date_is_the_first_at_which_it_is_sure() {
        let mut wall = Wall::default();
        let end = UnixMicros::from_secs(2_000);
        assert_eq!(wall.when_surely(end), None);
        wall.set(Instant::from_secs(5), UnixMicros::from_secs(1_990), Duration::from_millis(500), Owner);
        let at = wall.when_surely(end).unwrap();
        assert_eq!(at, Instant::from_micros(15_500_000));
        assert!(wall.surely(at) >= Some(end));
        assert!(wall.surely(at.saturating_sub(Duration::from_micros(1))) < Some(end));
        assert_eq!(wall.when_surely(UnixMicros::from_secs(1)), Some(Instant::ORIGIN));
    }
}
