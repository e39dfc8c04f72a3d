//! `WallSync`: a clock that learns the date from what servers say, with its error bound.
//!
//! A [`Wall`] with the clock it is read by. Whoever has a [`Ledger`](crate::Ledger) passes what it hears to its
//! [`set_wall`](crate::Ledger::set_wall) instead: a [`WallReading`] has the numbers.
//!
//! ```text
//!            sent                 received         the Date names a second that the answer was made in:
//!  us     ────●─────────────────────●────          it lies at most 1 s plus the round trip back
//!  server ─────────────●─────────────────          SNTP names both of the server's stamps: the error is half of
//!                   answered                       what the way took
//! ```

use crate::time::{Clock, Duration, Instant};
use crate::wall::{Heard, Trust, UnixMicros, Wall};

/// Who may know what time it is outside.
pub trait WallClock {
    /// The date, or `None` while nobody knows it.
    fn unix(&self) -> Option<UnixMicros>;
}

impl<W: WallClock + ?Sized> WallClock for &W {
    fn unix(&self) -> Option<UnixMicros> {
        (**self).unix()
    }
}

/// What the date was when an answer arrived, give or take an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WallReading {
    /// The date at the arrival.
    pub unix: UnixMicros,
    /// By how much it may be wrong, either way.
    pub error: Duration,
}

impl WallReading {
    /// From the `Date` of a response (RFC 9110 section 6.6.1), which names a whole second: the error is one second plus
    /// the round trip.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, UnixMicros, WallReading};
    /// let reading = WallReading::of_date(UnixMicros::from_secs(1_760_000_000), Duration::from_millis(300));
    /// assert_eq!(reading.error, Duration::from_millis(1_300));
    /// ```
    pub const fn of_date(date: UnixMicros, round_trip: Duration) -> Self {
        Self { unix: date, error: Duration::from_secs(1).saturating_add(round_trip) }
    }

    /// From an SNTP exchange (RFC 4330 section 5): when the server received and sent, how long the whole took here, and the
    /// server's own distance from the truth, which is half its root delay plus its root dispersion.
    ///
    /// The error is half of the time on the way, rounded up, plus that distance. A server that claims to have taken
    /// longer than the whole is taken to have answered at once.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, UnixMicros, WallReading};
    /// let (received, sent) = (UnixMicros::from_millis(5_000), UnixMicros::from_millis(5_010));
    /// // 110 ms here, of which the server took 10: 50 ms each way.
    /// let reading = WallReading::of_sntp(received, sent, Duration::from_millis(110), Duration::from_millis(2));
    /// assert_eq!(reading.unix, UnixMicros::from_millis(5_060));
    /// assert_eq!(reading.error, Duration::from_millis(52));
    /// ```
    pub const fn of_sntp(received: UnixMicros, sent: UnixMicros, round_trip: Duration, distance: Duration) -> Self {
        let way = match round_trip.as_micros().checked_sub(sent.saturating_since(received).as_micros()) {
            Some(way) => way,
            None => round_trip.as_micros(),
        };
        let unix = sent.saturating_add(Duration::from_micros(way / 2));
        Self { unix, error: Duration::from_micros(way.div_ceil(2)).saturating_add(distance) }
    }
}

/// A wall and the clock it is read by.
///
/// # Example
/// ```
/// use tollgate::{Clock, Duration, Heard, Instant, ManualClock, UnixMicros, Wall, WallClock, WallSync};
/// let clock = ManualClock::new(Instant::from_secs(10));
/// let mut sync = WallSync::new(&clock, Wall::default());
///
/// // A response to a request sent at 9.8 s says what time it is; another one, 70 s later, agrees.
/// let date = UnixMicros::from_secs(1_760_000_000);
/// assert_eq!(sync.date(Instant::from_millis(9_800), date), Heard::Unconfirmed);
/// assert_eq!(sync.unix(), None);
/// clock.set(Instant::from_secs(80));
/// let later = date.saturating_add(Duration::from_secs(70));
/// assert_eq!(sync.date(Instant::from_millis(79_500), later), Heard::Learned);
/// assert_eq!(sync.unix(), Some(later));
/// assert_eq!(sync.wall().error(), Some(Duration::from_millis(1_500)));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WallSync<C> {
    clock: C,
    wall: Wall,
}

impl<C> WallSync<C> {
    /// This wall, which may have a floor and know the date already, read by this clock.
    pub const fn new(clock: C, wall: Wall) -> Self {
        Self { clock, wall }
    }

    /// The wall.
    pub const fn wall(&self) -> &Wall {
        &self.wall
    }

    /// The wall, to freeze or to restore it.
    pub const fn wall_mut(&mut self) -> &mut Wall {
        &mut self.wall
    }

    /// The clock.
    pub const fn clock(&self) -> &C {
        &self.clock
    }
}

impl<C: Clock> WallSync<C> {
    /// Hears the `Date` of a response that has just arrived, to a request sent at `sent` on the same clock.
    ///
    /// Where the clock has gone back in between, nobody knows how long it took: ignored, as
    /// [`Heard::Unconfirmed`].
    pub fn date(&mut self, sent: Instant, date: UnixMicros) -> Heard {
        let reading = |round_trip| WallReading::of_date(date, round_trip);
        self.arrived(sent, Trust::Stranger, reading)
    }

    /// Hears an SNTP answer that has just arrived, to a request sent at `sent` on the same clock; see
    /// [`WallReading::of_sntp`]. Only an authenticated server is the owner's word.
    pub fn sntp(
        &mut self,
        sent: Instant,
        (server_received, server_sent): (UnixMicros, UnixMicros),
        distance: Duration,
        trust: Trust,
    ) -> Heard {
        let reading = |round_trip| WallReading::of_sntp(server_received, server_sent, round_trip, distance);
        self.arrived(sent, trust, reading)
    }

    /// Hears the owner's word: a real-time clock that keeps its power, a person.
    pub fn owner(&mut self, unix: UnixMicros, error: Duration) -> Heard {
        self.wall.set(self.clock.now(), unix, error, Trust::Owner)
    }

    fn arrived(&mut self, sent: Instant, trust: Trust, reading: impl Fn(Duration) -> WallReading) -> Heard {
        let now = self.clock.now();
        let Some(round_trip) = now.checked_since(sent) else { return Heard::Unconfirmed };
        let WallReading { unix, error } = reading(round_trip);
        self.wall.set(now, unix, error, trust)
    }
}

impl<C: Clock> WallClock for WallSync<C> {
    fn unix(&self) -> Option<UnixMicros> {
        self.wall.read(self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const U: fn(i64) -> UnixMicros = UnixMicros::from_millis;

    #[test]
    fn the_truth_lies_within_the_error_of_an_exchange() {
        // The truth is 1 000 000 ms at our 0; there and back take this long, the server that.
        for (there, server, back) in [(0, 0, 0), (10, 0, 10), (10, 5, 990), (990, 5, 10), (1, 3, 0), (333, 1, 334)] {
            let (received, sent) = (1_000_000 + there, 1_000_000 + there + server);
            let whole = there + server + back;
            let truth = U(1_000_000 + whole);
            let span = Duration::from_millis(whole.cast_unsigned());
            let reading = WallReading::of_sntp(U(received), U(sent), span, Duration::ZERO);
            assert!(truth.saturating_since(reading.unix) <= reading.error, "{there} {server} {back}");
            assert!(reading.unix.saturating_since(truth) <= reading.error, "{there} {server} {back}");

            // Any second that the answer was made in.
            let second = UnixMicros::from_secs(U(sent).as_secs());
            let reading = WallReading::of_date(second, span);
            assert!(truth.saturating_since(reading.unix) <= reading.error, "{there} {server} {back}");
        }
    }

    #[test]
    fn an_answer_that_claims_too_much_has_the_error_of_the_whole_way() {
        let reading = WallReading::of_sntp(U(0), U(9_000), MS(100), MS(1));
        assert_eq!(reading, WallReading { unix: U(9_050), error: MS(51) });
        let backwards = WallReading::of_sntp(U(9_000), U(0), MS(100), MS(1));
        assert_eq!(backwards, WallReading { unix: U(50), error: MS(51) });
    }

    #[test]
    fn an_answer_to_a_request_of_the_future_is_ignored() {
        let clock = ManualClock::new(Instant::from_secs(10));
        let mut sync = WallSync::new(&clock, Wall::default());
        for _ in 0..3 {
            assert_eq!(sync.date(Instant::from_secs(11), UnixMicros::from_secs(5)), Heard::Unconfirmed);
            assert_eq!(sync.unix(), None);
        }
        assert_eq!(sync.owner(UnixMicros::from_secs(7), MS(1)), Heard::Learned);
        assert_eq!(sync.unix(), Some(UnixMicros::from_secs(7)));
        let exchange = (UnixMicros::from_secs(7), UnixMicros::from_secs(7));
        assert_eq!(sync.sntp(Instant::from_secs(10), exchange, MS(5), Trust::Stranger), Heard::Agreed);
    }
}
