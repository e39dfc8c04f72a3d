//! `TokenBucket`: so many units per period with a burst, exact for ever.
//!
//! Take it for a rate ("60 requests a minute, 10 at once"). It lets `burst + rate x window` through in a window; for
//! "never more than N in *any* window" take a [`WindowLog`](crate::WindowLog), for money a budget.
//!
//! 48 bytes with its quota. A decision is two 32 x 32 multiplications, an addition and a comparison; only the retry time
//! divides, and a caller who ignores it does not pay for it.
//!
//! ```text
//! level                    ┌ burst: what accrues here is lost
//!  full ──┐          ┌─────┴─┐
//!         │        ╱         │ a grant of n steps down by n
//!         └┐     ╱           └┐        ╱
//!          └──╱ ‥ rate ‥‥‥‥‥‥‥└─────╱──────────> time
//! ```

use core::hint::cold_path;

use crate::division::{divide, divide_up};
use crate::gain::{self, gained};
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::quota::{MAX_FULL, Quota, Rate, mul_div};
use crate::time::{Duration, Instant};

/// An exact token bucket.
///
/// By time `t` it has granted at most `burst + floor(t x units / per)`, and exactly that under greedy demand as long as
/// the burst can hold what accrues between two calls (`burst >= 1 + ceil(units x gap / per)`).
///
/// **Debt.** A commit above the cost never fails; it delays those who come after. The debt saturates at 2^63 - 1 level
/// units, which is at least one burst of the largest quota (3.5 million units at 30 days a unit).
///
/// **Giving back.** A release returns what time has not returned already and what nobody was promised behind:
/// `min(cost - actual, cost - accrued(at .. max(now, latest promise)))`. After `cost / rate` nothing comes back; for
/// slow calls of unknown cost take a window or a budget.
///
/// # Example
/// ```
/// use tollgate::{Denied, Duration, Instant, Limiter, Quota, Start, TokenBucket};
/// const API: Quota = tollgate::valid!(Quota::new_with_burst(60, Duration::from_mins(1), 10));
///
/// let mut bucket = TokenBucket::new(API, Start::Full, Instant::ORIGIN);
/// assert_eq!(bucket.allow(Instant::ORIGIN, 10), Ok(()));
/// assert_eq!(bucket.allow(Instant::ORIGIN, 1), Err(Denied::Until(Instant::from_secs(1))));
/// assert_eq!(bucket.allow(Instant::from_secs(1), 1), Ok(()));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
// In this sequence, so that the short instructions of small chips reach what is narrow.
#[repr(C)]
pub struct TokenBucket {
    pub(crate) gain: u32,
    /// Numbers the bookings ahead since the tail was last in the past; `u16::MAX` means "too many to tell apart".
    pub(crate) seq: u16,
    /// Counts the lives before this one: a booking of another life is spent, and gives nothing back.
    pub(crate) life: u8,
    pub(crate) faults: u8,
    // The level is kept as what is missing to full, in units of 1/step: refilling is then a saturating subtraction
    // that needs no clamp, and two of them commute, so that giving back and crediting need not refill first.
    pub(crate) missing: u64,
    // The latest stamp acted on. Besides the level it takes this: a full-at instant alone would lock everybody out after
    // a jump forward and back.
    pub(crate) last: Instant,
    pub(crate) step: u64,
    /// What may be missing for one unit to pass: full less one step.
    pub(crate) room: u64,
    /// The latest instant promised to any booking.
    pub(crate) tail: Instant,
}

/// How full a bucket is when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Start {
    /// The whole burst is there.
    Full,
    /// Nothing is there: the safe choice after a reboot without a memory.
    Empty,
    /// So many units are there, at most the burst.
    With(u32),
}

/// What a bucket keeps of its level when its quota changes.
///
/// | rule | the level becomes | may the level rise? |
/// |---|---|---|
/// | `Reset` | full | yes |
/// | `AsIs` | what it was, at most the new burst | no |
/// | `Proportional` | as full, in relation to the burst, as it was | with the burst, as full as before |
/// | `Additive` | what it was, plus what the burst has grown | yes, by that |
/// | `KeepUsed` | the new burst less what is used, at most what it was; a debt if more is used | no |
///
/// Fractions of a unit are kept, rounded down. `Reset` is a fresh start: what was booked before gives nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Inherit {
    /// Full.
    Reset,
    /// The level stays.
    AsIs,
    /// The share of the burst stays.
    Proportional,
    /// The level stays and the additional burst is added.
    Additive,
    /// What is used of the burst stays used.
    KeepUsed,
}

/// No booking lies further ahead than this much level: with a full one it is at most what may be missing.
const MAX_AHEAD: u64 = MAX_MISSING - MAX_FULL;
/// Where debt saturates: a full level more still fits, so that a decision adds without a check.
pub(crate) const MAX_MISSING: u64 = gain::MOST;

impl TokenBucket {
    /// A bucket that starts as said, at the stamp `now`.
    ///
    /// No error and no panic: the [`Quota`] has been checked.
    pub const fn new(quota: Quota, start: Start, now: Instant) -> Self {
        let Rate { gain, step, full } = quota.rate();
        let missing = match start {
            Start::Full => 0,
            Start::Empty => full,
            Start::With(units) => full.saturating_sub(step.saturating_mul(units as u64)),
        };
        let room = full.wrapping_sub(step);
        Self { missing, last: now, step, room, tail: Instant::ORIGIN, gain, seq: 0, life: 0, faults: 0 }
    }

    /// The quota, in lowest terms: 60 a minute reads as 1 a second.
    pub fn quota(&self) -> Quota {
        Quota::from_rate(Rate { gain: self.gain, step: self.step, full: self.full() })
    }

    /// The most that can pass in any interval of this length; see [`Quota::worst_case`].
    pub fn worst_case(&self, interval: Duration) -> u64 {
        self.quota().worst_case(interval)
    }

    /// Adds `units`, for instance a refund by the server; never above the burst.
    pub fn credit(&mut self, now: Instant, units: u64) {
        self.note(now);
        self.missing = self.missing.saturating_sub(units.saturating_mul(self.step));
    }

    /// Re-anchors the bucket at `now` after a **known** clock fault, without adding units.
    ///
    /// A clock that jumped an hour ahead and back stalls the refill for that hour, because minting would be worse. An
    /// owner who knows that the jump was a fault ends the stall with this.
    ///
    /// What was booked before gives nothing back afterwards, nor does what is booked until the faulty time has passed:
    /// what time has returned is no longer known. What has accrued between the latest stamp and a later `now` is lost.
    pub const fn restart(&mut self, now: Instant) {
        let known = if self.tail.as_micros() > self.last.as_micros() { self.tail } else { self.last };
        if now.as_micros() < known.as_micros() {
            self.tail = known.saturating_add(Duration::from_micros(divide_up(self.full(), self.gain as u64)));
        }
        self.last = now;
    }

    /// Calls whose stamp was older than one acted on before; saturates at 255.
    pub const fn clock_faults(&self) -> u16 {
        self.faults as u16
    }

    /// Changes the quota, live. Bookings keep the instants they were promised.
    ///
    /// # Example
    /// ```
    /// use tollgate::{Duration, Inherit, Instant, Limiter, Quota, Start, TokenBucket};
    /// let now = Instant::ORIGIN;
    /// let mut bucket = TokenBucket::new(Quota::new(10, Duration::from_secs(1))?, Start::With(6), now);
    /// bucket.set_quota(now, Quota::new(5, Duration::from_secs(1))?, Inherit::Proportional);
    /// assert_eq!(bucket.available(now), 3);
    /// # Ok::<(), tollgate::QuotaError>(())
    /// ```
    pub fn set_quota(&mut self, now: Instant, quota: Quota, inherit: Inherit) {
        self.note(now);
        self.missing = self.missing_at(now);
        self.last = self.last.max(now);
        let old = Rate { gain: self.gain, step: self.step, full: self.full() };
        let new = quota.rate();
        // What is missing of `burst` units, seen by the new quota; rounded up, towards refusing.
        let scale = |level: u64, num: u64, den: u64| {
            mul_div(level, num, den).map_or(u64::MAX, |(q, r)| q.saturating_add(u64::from(r > 0)))
        };
        let burst_was = scale(old.full, new.step, old.step);
        let missing_was = scale(self.missing, new.step, old.step);
        self.missing = match inherit {
            Inherit::Reset => 0,
            Inherit::AsIs if new.full >= burst_was => missing_was.saturating_add(new.full - burst_was),
            Inherit::Proportional => scale(self.missing, new.full, old.full),
            Inherit::Additive if new.full >= burst_was => missing_was,
            Inherit::AsIs | Inherit::Additive => missing_was.saturating_sub(burst_was.saturating_sub(new.full)),
            Inherit::KeepUsed => missing_was.saturating_add(new.full.saturating_sub(burst_was)),
        }
        .min(MAX_MISSING);
        // A booking made before must not be given back what the old, faster rate has returned since. Moving the tail
        // by the difference between the two fill times covers every booking, however old; after a reset, all of it.
        let fill_new = divide_up(burst_was.max(new.full), u64::from(new.gain));
        let fill_old = if inherit == Inherit::Reset { 0 } else { divide(old.full, u64::from(old.gain)).0 };
        let same_rate = (old.gain, old.step) == (new.gain, new.step) && inherit != Inherit::Reset;
        if fill_new > fill_old && !same_rate {
            let behind = self.last.saturating_add(Duration::from_micros(fill_new.saturating_sub(fill_old)));
            self.tail = self.tail.max(behind);
        }
        (self.gain, self.step, self.room) = (new.gain, new.step, new.full.wrapping_sub(new.step));
    }

    /// The level of a whole burst, at most 2^62: the sum was taken apart when the bucket was made.
    #[inline]
    const fn full(&self) -> u64 {
        self.room.wrapping_add(self.step)
    }

    #[inline(never)]
    fn note(&mut self, now: Instant) {
        if now < self.last {
            self.faults = self.faults.saturating_add(1);
        }
    }

    /// What is missing to full at `now`; nothing accrues while time stands still or goes back.
    #[inline(never)]
    fn missing_at(&self, now: Instant) -> u64 {
        self.missing.saturating_sub(gained(now.saturating_since(self.last).as_micros(), self.gain))
    }

    /// Level gained between two instants, saturating; nothing if they are not in order.
    #[inline(never)]
    fn accrued(&self, from: Instant, to: Instant) -> u64 {
        gained(to.saturating_since(from).as_micros(), self.gain)
    }

    /// What is missing at `now` once `cost` units are taken; `u64::MAX` if they are not there.
    fn without(&self, now: Instant, cost: u64) -> u64 {
        let need = self.level_of(cost);
        let missing = self.missing_at(now);
        let fits = need <= self.full() && missing <= self.full().wrapping_sub(need);
        if fits { missing.wrapping_add(need) } else { u64::MAX }
    }

    /// The level of so many units; saturates, and no burst has more than 32 bits of them.
    #[inline(never)]
    fn level_of(&self, units: u64) -> u64 {
        match u32::try_from(units) {
            // One unit multiplies nothing.
            Ok(1) => self.step,
            Ok(units) => gained(self.step, units),
            Err(_) => u64::MAX,
        }
    }

    /// Names a booking: what it stands behind, and its number, 0 if it is not ahead.
    fn token(&self, behind: Instant, seq: u16) -> Token {
        Token { key: behind.as_micros(), mark: u32::from(self.life) << 16 | u32::from(seq) }
    }

    /// More was used than was held.
    fn owe(&mut self, now: Instant, units: u64) {
        // In halves: a 64 by 64 bit multiplication that saturates takes a chip a hundred bytes.
        let half = |units| gained(self.step, u32::try_from(units).unwrap_or(u32::MAX));
        let (high, low) = (half(units >> 32), half(units & u64::from(u32::MAX)));
        let debt = if high >> 31 == 0 { (high << 32).saturating_add(low) } else { MAX_MISSING };
        // What time brought before and a full bucket has lost must not pay for it.
        self.missing = self.missing_at(now).saturating_add(debt).min(MAX_MISSING);
        self.last = self.last.max(now);
    }

    /// Less was used than was held: what time has not returned already, and nobody was promised behind.
    #[inline(never)]
    fn give_back(&mut self, now: Instant, held: &Reservation, unused: u64) {
        let Token { key, mark } = held.token();
        if mark >> 16 != u32::from(self.life) {
            return;
        }
        let (mark, before) = (mark & 0xFFFF, Instant::from_micros(key));
        let since = if mark == 0 { held.at().max(before) } else { held.at() };
        let returned = self.accrued(since, now.max(self.last).max(self.tail));
        let back = self.level_of(unused).min(self.level_of(held.cost()).saturating_sub(returned));
        self.missing = self.missing.saturating_sub(back);

        // The newest booking, wholly released: the promise is as if it had never been. The tail it left is compared
        // too, because numbers start again once the tail has passed.
        let newest = mark == u32::from(self.seq) && self.seq != 0 && self.seq != u16::MAX;
        if unused == held.cost() && newest && self.tail == before.max(held.at()) {
            self.tail = before;
            self.seq -= 1;
        }
    }

    /// The level of `cost` units, or `Never`.
    fn level(&self, cost: u64) -> Result<u64, Denied> {
        let need = self.level_of(cost);
        if need <= self.full() { Ok(need) } else { Err(self.never()) }
    }

    /// More than a whole burst.
    fn never(&self) -> Denied {
        Denied::Never { max: divide(self.full(), self.step).0 }
    }

    /// When no more than `missing` will be missing, left alone.
    fn reaches(&self, missing: u64) -> Instant {
        let wait = divide_up(self.missing.saturating_sub(missing), u64::from(self.gain));
        self.last.saturating_add(Duration::from_micros(wait))
    }
}

impl Book for TokenBucket {
    fn room(&self, now: Instant) -> u64 {
        divide(self.full().saturating_sub(self.missing_at(now)), self.step).0
    }

    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        let left = self.full().wrapping_sub(self.level(cost)?);
        // By the level and not by `last`: after a jump forward and back, an old stamp is served what is there.
        let mut at = from;
        if self.missing_at(from) > left {
            at = self.reaches(left);
            if at == Instant::MAX {
                return Err(Denied::Until(at));
            }
        }
        let since = self.last.max(now);
        if at <= since {
            return Ok(at);
        }
        let ahead = self.accrued(since, at);
        if ahead > MAX_AHEAD {
            let furthest = Duration::from_micros(divide(MAX_AHEAD, u64::from(self.gain)).0);
            return Err(Denied::Until(at.saturating_sub(furthest)));
        }
        Ok(at)
    }

    fn fits(&self, now: Instant, cost: u64) -> bool {
        self.without(now, cost) < u64::MAX
    }

    fn charge(&mut self, now: Instant, cost: u64) -> Option<Reservation> {
        let missing = self.without(now, cost);
        if missing == u64::MAX {
            return None;
        }
        self.note(now);
        (self.missing, self.last) = (missing, self.last.max(now));
        // An old stamp is served at the latest one: from there on time returns it.
        Some(Reservation::new(now, cost, self.token(self.last, 0)))
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        // What is there now, also for an old stamp; what fits then is what `quote` would say.
        if at <= self.last.max(now)
            && let Some(held) = self.charge(now, cost)
        {
            return Ok(Reservation::new(at, cost, held.token()));
        }
        let earliest = self.quote(now, at, cost)?;
        if earliest > at {
            return Err(Denied::Until(earliest));
        }
        // The line through (at, level(at) - cost): nobody else is served from what accrues before `at`. What is missing
        // there is at most full, and what accrues before is at most `MAX_AHEAD`.
        let need = self.level(cost)?;
        self.note(now);
        let missing = self.missing_at(now);
        self.last = self.last.max(now);
        let ahead = self.accrued(self.last, at);
        self.missing = missing.saturating_sub(ahead).wrapping_add(need).wrapping_add(ahead);
        self.seq = if self.tail <= self.last { 1 } else { self.seq.saturating_add(1) };
        let token = self.token(self.tail, self.seq);
        self.tail = self.tail.max(at);
        Ok(Reservation::new(at, cost, token))
    }

    #[expect(clippy::inline_always, reason = "a caller who knows which of the three it is links only that")]
    #[inline(always)]
    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        self.note(now);
        if actual > held.cost() {
            self.owe(now, actual - held.cost());
        } else if actual < held.cost() {
            self.give_back(now, &held, held.cost() - actual);
        }
    }

    #[expect(clippy::inline_always, reason = "out of line, a refusal would divide for a retry time that few read")]
    #[inline(always)]
    fn take(&mut self, now: Instant, cost: u64) -> Result<(), Denied> {
        // Beyond the first unit. One unit multiplies nothing, neither where it is a constant nor out of line.
        let more = if cost == 1 { Some(0) } else { cost.saturating_sub(1).checked_mul(self.step) };
        let Some(room) = more.and_then(|more| self.room.checked_sub(more)) else {
            return Err(self.never());
        };
        // Overflowing, not checked: compilers subtract twice for a checked one on a 32-bit chip.
        let (mut elapsed, late) = now.as_micros().overflowing_sub(self.last.as_micros());
        let mut now = now;
        if late {
            cold_path();
            self.faults = self.faults.wrapping_add(u8::from(self.faults < u8::MAX));
            (now, elapsed) = (self.last, 0);
        }
        let missing = match gain::checked(elapsed, self.gain).map(|gained| self.missing.overflowing_sub(gained)) {
            None => 0, // full again: nothing to compare
            Some(missing) if gain::is_negative(missing) => 0,
            Some((missing, _)) if missing <= room => missing,
            _ => {
                // By the compiler's routine, which goes where nobody looks at the instant, and which a firmware that prints
                // 64-bit numbers has anyway.
                let wait = self.missing.saturating_sub(room).div_ceil(u64::from(self.gain.max(1)));
                return Err(Denied::Until(self.last.saturating_add(Duration::from_micros(wait))));
            }
        };
        // At most full. `self.room - room` is what goes beyond one unit.
        self.missing = missing.wrapping_add(self.step).wrapping_add(self.room.wrapping_sub(room));
        self.last = now;
        Ok(())
    }

    fn restart(&mut self, now: Instant) {
        Self::restart(self, now);
    }
}
