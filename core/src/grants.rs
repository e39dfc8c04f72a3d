//! `Grants`: prepaid amounts that are burned in a stated order, and expire.
//!
//! For credit packs, promotions, free allowances with a date. A limit that renews itself is a
//! [`Ledger`](crate::Ledger) account; the two join in [`reserve_all`](crate::reserve_all).
//!
//! ```text
//! priority, then the earliest expiry (none last), then the earliest start, then the id:
//! |■■■■ promotion, ends soon ■■|■■■■ pack of March ■■■■|□□□□□ pack without an end □□□□□|
//!  └─ a hold stores its split ────────────┘             a refund goes back to where it came from
//! ```
//! Conservation: granted = remaining + held + posted + expired, for every grant, at every moment.

use core::fmt;

use heapless::Vec;

use crate::amount::Amount;
use crate::bounded::{Bounded, Counting};
use crate::burn::is_gone;
use crate::hold::HoldState;
use crate::job::JobId;
use crate::time::{Duration, Instant};
use crate::wall::{UnixMicros, Wall};

/// One prepaid amount.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Grant<U> {
    /// Its number, which no other grant has; also the last word in the order.
    pub id: u32,
    /// How much was granted.
    pub amount: Amount<U>,
    /// Not usable before; at once if `None`.
    pub effective: Option<UnixMicros>,
    /// Not usable from then on; what remains is gone. `None` for ever.
    pub expires: Option<UnixMicros>,
    /// The lowest is burned first.
    pub priority: u8,
    /// Whatever the caller tells kinds of grants apart by.
    pub kind: u8,
}

/// Where a grant stands. `granted = remaining + held + posted + expired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GrantReport<U> {
    /// What can still be used, now or once it is effective.
    pub remaining: Amount<U>,
    /// What live holds have set aside.
    pub held: Amount<U>,
    /// What was used, refunds deducted.
    pub posted: Amount<U>,
    /// What nobody used in time.
    pub expired: Amount<U>,
}

/// Why grants refuse. Nothing has changed then, but what [`Overage`](Self::Overage) says. Amounts in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GrantError {
    /// This id was used before for another amount; or there is a grant with this id.
    IdMismatch,
    /// No hold or grant has this id, or it was resolved too long ago to be remembered.
    NotFound,
    /// The hold was settled already, at another amount.
    AlreadyPosted,
    /// The hold was voided already.
    AlreadyVoided,
    /// The hold is not settled yet: nothing can be refunded.
    NotPosted,
    /// The hold's time is up, and it was released.
    Expired,
    /// More is refunded than is left of what was posted.
    RefundExceeds {
        /// What is left to refund.
        left: u64,
    },
    /// The usable grants are short of this.
    Denied {
        /// By how much.
        short: u64,
    },
    /// It would take more grants than a hold can name; so much could be had.
    TooFragmented {
        /// The most that one hold can take.
        max: u64,
    },
    /// A settlement above its hold does not fit. After the hold's time was up, the amount is counted as unaccounted.
    Overage {
        /// By how much.
        short: u64,
    },
    /// No place for another grant or hold.
    Full,
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdMismatch => f.write_str("this id was used before: expected a new id"),
            Self::NotFound => f.write_str("nothing has this id"),
            Self::AlreadyPosted => f.write_str("settled already, at another amount"),
            Self::AlreadyVoided => f.write_str("voided already"),
            Self::NotPosted => f.write_str("not settled yet: expected a posted hold"),
            Self::Expired => f.write_str("the hold's time is up"),
            Self::RefundExceeds { left } => write!(f, "more than the {left} millionths left to refund"),
            Self::Denied { short } => write!(f, "the grants are short of {short} millionths"),
            Self::TooFragmented { max } => write!(f, "spread over too many grants: expected at most {max} millionths"),
            Self::Overage { short } => write!(f, "the settlement does not fit: short of {short} millionths"),
            Self::Full => f.write_str("no place left"),
        }
    }
}

impl core::error::Error for GrantError {}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Entry<U> {
    pub(crate) grant: Grant<U>,
    pub(crate) remaining: u64,
    pub(crate) held: u64,
    pub(crate) posted: u64,
}

/// How much of which grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Segment {
    /// The grant.
    pub grant: u32,
    /// How much of it, in millionths.
    pub micros: u64,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Held<const K: usize> {
    pub(crate) id: JobId,
    /// In the order in which they are burned. Once settled: what was posted and not refunded.
    pub(crate) split: Vec<Segment, K>,
    pub(crate) reserved: u64,
    pub(crate) actual: u64,
    /// What a late settlement could not book.
    pub(crate) missed: u64,
    pub(crate) until: Instant,
    pub(crate) state: HoldState,
    pub(crate) mark: u32,
    pub(crate) order: u32,
}

/// Up to `G` grants in one unit, `H` live holds of up to `K` segments each, and `R` remembered ones.
///
/// Dates are judged when something is burned, by a [`Wall`]: a grant is usable when it is *surely* effective and surely
/// not expired. While the date is unknown only grants without dates are usable.
///
/// # Example
/// ```
/// use tollgate::{Amount, Credits, Duration, Grant, Grants, Instant, JobId, Segment, Trust, UnixMicros, Wall};
/// let now = Instant::ORIGIN;
/// let mut wall = Wall::default();
/// wall.set(now, UnixMicros::from_secs(0), Duration::ZERO, Trust::Owner);
///
/// let pack = Grant { id: 1, amount: Amount::whole(100), effective: None, expires: None, priority: 0, kind: 0 };
/// let promotion = Grant { id: 2, amount: Amount::whole(5), expires: Some(UnixMicros::from_secs(60)), ..pack };
/// let mut grants = Grants::<Credits, 4, 8>::new(Duration::ZERO);
/// grants.add(pack)?;
/// grants.add(promotion)?;
///
/// // The promotion ends first, so it is burned first.
/// let split = grants.reserve(now, &wall, JobId(1), Amount::whole(20), Duration::from_mins(5))?;
/// assert_eq!(split, [Segment { grant: 2, micros: 5_000_000 }, Segment { grant: 1, micros: 15_000_000 }]);
/// grants.settle(now, &wall, JobId(1), Amount::whole(12))?;
/// assert_eq!(grants.available(now, &wall), Amount::whole(93));
/// # Ok::<(), tollgate::GrantError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Grants<U, const G: usize, const H: usize, const K: usize = 4, const R: usize = 8> {
    /// In the order in which they are burned.
    pub(crate) table: Vec<Entry<U>, G>,
    pub(crate) holds: Vec<Held<K>, H>,
    pub(crate) resolved: Vec<Held<K>, R>,
    pub(crate) grace: Duration,
    pub(crate) last: Instant,
    pub(crate) seq: u32,
    pub(crate) unaccounted: u64,
}

impl<U: Copy, const G: usize, const H: usize, const K: usize, const R: usize> Grants<U, G, H, K, R> {
    /// No grants yet; a hold lives `grace` longer than its time to live.
    pub const fn new(grace: Duration) -> Self {
        Self {
            table: Vec::new(),
            holds: Vec::new(),
            resolved: Vec::new(),
            grace,
            last: Instant::ORIGIN,
            seq: 0,
            unaccounted: 0,
        }
    }

    /// Adds a grant.
    ///
    /// # Errors
    /// [`GrantError::IdMismatch`] if there is one with this id: a top-up that is sent twice is credited once.
    /// [`GrantError::Full`].
    pub fn add(&mut self, grant: Grant<U>) -> Result<(), GrantError> {
        if self.table.iter().any(|entry| entry.grant.id == grant.id) {
            return Err(GrantError::IdMismatch);
        }
        let key =
            |grant: &Grant<U>| (grant.priority, grant.expires.is_none(), grant.expires, grant.effective, grant.id);
        let at = self.table.iter().place(|entry| key(&entry.grant) > key(&grant)).unwrap_or(self.table.len());
        let entry = Entry { grant, remaining: grant.amount.as_micros(), held: 0, posted: 0 };
        self.table.put_at(at, entry).map_err(|_| GrantError::Full)
    }

    /// Takes a grant out, for instance one that has expired long ago, and returns where it stood.
    ///
    /// # Errors
    /// [`GrantError::NotFound`]; [`GrantError::NotPosted`] while a hold is on it. A refund to it later only repays nobody.
    pub fn remove(&mut self, now: Instant, wall: &Wall, id: u32) -> Result<GrantReport<U>, GrantError> {
        let report = self.report(now, wall, id).ok_or(GrantError::NotFound)?;
        if !report.held.is_zero() {
            return Err(GrantError::NotPosted);
        }
        self.act(now);
        self.table.keep(|entry| entry.grant.id != id);
        Ok(report)
    }

    /// Where a grant stands; `None` if there is no such grant.
    pub fn report(&self, now: Instant, wall: &Wall, id: u32) -> Option<GrantReport<U>> {
        let eff = self.last.max(now);
        let entry = self.table.iter().find(|entry| entry.grant.id == id)?;
        let amount = |micros| Amount::from_micros(micros).unwrap_or(Amount::MAX);
        let back = self.run_out(id, eff);
        let left = entry.remaining.saturating_add(back);
        let gone = is_gone(&entry.grant, wall, eff);
        Some(GrantReport {
            remaining: amount(if gone { 0 } else { left }),
            held: amount(entry.held.saturating_sub(back)),
            posted: amount(entry.posted),
            expired: amount(if gone { left } else { 0 }),
        })
    }

    /// What one call could take now, from at most `K` grants.
    pub fn available(&self, now: Instant, wall: &Wall) -> Amount<U> {
        Amount::from_micros(self.most(wall, self.last.max(now))).unwrap_or(Amount::MAX)
    }

    /// What was used and could not be booked; saturates.
    pub fn unaccounted(&self) -> Amount<U> {
        Amount::from_micros(self.unaccounted).unwrap_or(Amount::MAX)
    }

    /// Sets `need` aside from the usable grants in their order, all of it or nothing, for `ttl`; returns the split.
    ///
    /// # Errors
    /// [`GrantError::Denied`], [`GrantError::TooFragmented`], neither of which is remembered;
    /// [`GrantError::IdMismatch`]; [`GrantError::Full`]; and if this id's hold is no longer live, what became of it.
    pub fn reserve(
        &mut self,
        now: Instant,
        wall: &Wall,
        id: JobId,
        need: Amount<U>,
        ttl: Duration,
    ) -> Result<&[Segment], GrantError> {
        let (eff, need) = (self.last.max(now), need.as_micros());
        if let Some(known) = self.find(id) {
            // The same call again: the same answer, while it is true.
            match self.state(known, eff) {
                _ if known.reserved != need => return Err(GrantError::IdMismatch),
                HoldState::Live => {}
                HoldState::Voided => return Err(GrantError::AlreadyVoided),
                HoldState::Posted | HoldState::PostedLate => return Err(GrantError::AlreadyPosted),
                HoldState::Expired | HoldState::Denied(_) => return Err(GrantError::Expired),
            }
        } else {
            let split = self.split(wall, eff, need)?;
            self.insert(now, id, split, need, ttl)?;
        }
        self.find(id).map(|known| &*known.split).ok_or(GrantError::NotFound)
    }

    /// Replaces what a hold has set aside by what was used: from the front of its split; the rest goes back to the grants
    /// it came from. More is burned afresh. After its time is up, all of it is.
    ///
    /// # Errors
    /// [`GrantError::Overage`]; [`GrantError::TooFragmented`]; [`GrantError::NotFound`];
    /// [`GrantError::AlreadyPosted`]; [`GrantError::AlreadyVoided`].
    pub fn settle(&mut self, now: Instant, wall: &Wall, id: JobId, actual: Amount<U>) -> Result<(), GrantError> {
        self.finish(now, wall, id, actual.as_micros(), false)
    }

    /// Releases a hold.
    ///
    /// # Errors
    /// [`GrantError::NotFound`]; [`GrantError::AlreadyPosted`]; [`GrantError::Expired`].
    pub fn void(&mut self, now: Instant, id: JobId) -> Result<(), GrantError> {
        let known = self.find(id).ok_or(GrantError::NotFound)?;
        match self.state(known, self.last.max(now)) {
            HoldState::Live => {}
            HoldState::Voided => return Ok(()),
            HoldState::Expired => return Err(GrantError::Expired),
            _ => return Err(GrantError::AlreadyPosted),
        }
        self.act(now);
        if let Some(hold) = self.take(id) {
            self.release(hold, HoldState::Voided);
        }
        Ok(())
    }

    /// Gives back a part of what a settled job was charged, what was burned last first, to the grants it came from. What
    /// goes back to a grant that has expired stays expired.
    ///
    /// # Errors
    /// [`GrantError::RefundExceeds`]; [`GrantError::NotPosted`]; [`GrantError::NotFound`].
    pub fn refund(&mut self, now: Instant, id: JobId, amount: Amount<U>) -> Result<(), GrantError> {
        // A copy: what runs out meanwhile may push it out of what is remembered.
        let mut hold = self.find(id).ok_or(GrantError::NotFound)?.clone();
        if !matches!(hold.state, HoldState::Posted | HoldState::PostedLate) {
            return Err(GrantError::NotPosted);
        }
        let left = hold.split.iter().map(|segment| segment.micros).total();
        if amount.as_micros() > left {
            return Err(GrantError::RefundExceeds { left });
        }
        self.act(now);
        self.take(id);
        let mut rest = amount.as_micros();
        for segment in hold.split.iter_mut().rev() {
            let back = rest.min(segment.micros);
            (rest, segment.micros) = (rest - back, segment.micros - back);
            self.with(segment.grant, |entry| {
                entry.posted = entry.posted.saturating_sub(back);
                entry.remaining = entry.remaining.saturating_add(back);
            });
        }
        self.remember(hold);
        Ok(())
    }

    /// The grants as a one-shot limiter whose cost is in millionths; joins [`reserve_all`](crate::reserve_all). Settle
    /// by the id.
    ///
    /// # Errors
    /// [`GrantError::IdMismatch`]: a hold with this id is known.
    ///
    /// # Example
    /// A request and the credits of its job, both or neither:
    /// ```
    /// use tollgate::{Amount, Credits, Duration, Grant, Grants, Instant, JobId, Quota, Start, TokenBucket, Wall, reserve_all};
    /// let (now, wall) = (Instant::ORIGIN, Wall::default()); // the date is not known: no matter for a pack without one
    /// let mut grants = Grants::<Credits, 2, 4>::new(Duration::ZERO);
    /// grants.add(Grant { id: 1, amount: Amount::whole(100), effective: None, expires: None, priority: 0, kind: 0 })?;
    /// let mut requests = TokenBucket::new(Quota::new(60, Duration::from_mins(1))?, Start::Full, now);
    ///
    /// let cost = Amount::<Credits>::whole(40).as_micros();
    /// let mut credits = grants.ask(&wall, JobId(1), Duration::from_mins(10))?;
    /// let [request, _credits] = reserve_all(now, Duration::ZERO, [(&mut requests, 1), (&mut credits, cost)])?;
    /// tollgate::Limiter::commit(&mut requests, now, request, 1);
    /// grants.settle(now, &wall, JobId(1), Amount::whole(35))?;
    /// assert_eq!(grants.available(now, &wall), Amount::whole(65));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ask<'g>(
        &'g mut self,
        wall: &'g Wall,
        id: JobId,
        ttl: Duration,
    ) -> Result<GrantAsk<'g, U, G, H, K, R>, GrantError> {
        if self.find(id).is_some() {
            return Err(GrantError::IdMismatch);
        }
        Ok(GrantAsk { grants: self, wall, id, ttl })
    }
}

/// Some of the [`Grants`] as a one-shot limiter; the cost is in millionths.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GrantAsk<'g, U, const G: usize, const H: usize, const K: usize, const R: usize> {
    pub(crate) grants: &'g mut Grants<U, G, H, K, R>,
    pub(crate) wall: &'g Wall,
    pub(crate) id: JobId,
    pub(crate) ttl: Duration,
}
