//! How [`Grants`] are burned: which of them are usable, how an amount is split over them, and what comes back.
//!
//! Everything is computed on what is left at the moment of asking, holds whose time is up included; only what is granted
//! is written down.

use heapless::Vec;

use crate::bounded::{Bounded, Counting};
use crate::grants::{Entry, Grant, GrantAsk, GrantError, Grants, Held, Segment};
use crate::hold::HoldState;
use crate::job::JobId;
use crate::limiter::{Book, Denied, Reservation, Token};
use crate::time::{Duration, Instant};
use crate::wall::Wall;
use crate::window::is_live;

impl<U: Copy, const G: usize, const H: usize, const K: usize, const R: usize> Grants<U, G, H, K, R> {
    /// What holds whose time is up still have of this grant.
    pub(crate) fn run_out(&self, grant: u32, eff: Instant) -> u64 {
        let over = self.holds.iter().filter(|hold| self.state(hold, eff) == HoldState::Expired);
        over.flat_map(|hold| &hold.split).filter(|segment| segment.grant == grant).map(|segment| segment.micros).total()
    }

    pub(crate) fn state(&self, hold: &Held<K>, eff: Instant) -> HoldState {
        match hold.state {
            HoldState::Live if !is_live(hold.until.saturating_add(self.grace), eff) => HoldState::Expired,
            state => state,
        }
    }

    /// The usable grants in their order, and what each has left.
    fn usable<'s>(&'s self, wall: &'s Wall, eff: Instant) -> impl Iterator<Item = Segment> + 's {
        self.table.iter().filter(move |entry| is_usable(&entry.grant, wall, eff)).filter_map(move |entry| {
            let micros = entry.remaining.saturating_add(self.run_out(entry.grant.id, eff));
            (micros > 0).then_some(Segment { grant: entry.grant.id, micros })
        })
    }

    pub(crate) fn most(&self, wall: &Wall, eff: Instant) -> u64 {
        self.usable(wall, eff).take(K).fold(0, |sum: u64, segment| sum.saturating_add(segment.micros))
    }

    pub(crate) fn split(&self, wall: &Wall, eff: Instant, need: u64) -> Result<Vec<Segment, K>, GrantError> {
        let (mut split, mut rest, mut fragmented) = (Vec::new(), need, false);
        for segment in self.usable(wall, eff) {
            if rest == 0 {
                break;
            }
            let micros = segment.micros.min(rest);
            fragmented |= split.put(Segment { micros, ..segment }).is_err();
            rest -= micros;
        }
        match (rest, fragmented) {
            (0, false) => Ok(split),
            (0, true) => Err(GrantError::TooFragmented { max: self.most(wall, eff) }),
            (short, _) => Err(GrantError::Denied { short }),
        }
    }

    pub(crate) fn find(&self, id: JobId) -> Option<&Held<K>> {
        self.holds.iter().chain(&self.resolved).find(|hold| hold.id == id)
    }

    fn has_place(&self, eff: Instant) -> bool {
        !self.holds.is_full() || self.holds.iter().any(|hold| self.state(hold, eff) == HoldState::Expired)
    }

    pub(crate) fn with(&mut self, grant: u32, change: impl FnOnce(&mut Entry<U>)) {
        if let Some(entry) = self.table.iter_mut().find(|entry| entry.grant.id == grant) {
            change(entry);
        }
    }

    pub(crate) fn take(&mut self, id: JobId) -> Option<Held<K>> {
        if let Some(at) = self.holds.iter().place(|hold| hold.id == id) {
            return self.holds.take_out(at);
        }
        self.resolved.iter().place(|hold| hold.id == id).and_then(|at| self.resolved.take_out(at))
    }

    pub(crate) fn act(&mut self, now: Instant) {
        self.last = self.last.max(now);
        for _ in 0..H {
            let over =
                self.holds.iter().numbered().filter(|(_, hold)| self.state(hold, self.last) == HoldState::Expired);
            let Some((at, _)) = over.min_by_key(|(_, hold)| (hold.until, hold.id)) else { break };
            let Some(hold) = self.holds.take_out(at) else { break };
            self.release(hold, HoldState::Expired);
        }
    }

    pub(crate) fn insert(
        &mut self,
        now: Instant,
        id: JobId,
        split: Vec<Segment, K>,
        reserved: u64,
        ttl: Duration,
    ) -> Result<u32, GrantError> {
        if !self.has_place(self.last.max(now)) {
            return Err(GrantError::Full);
        }
        self.act(now);
        self.seq = self.seq.checked_add(1).unwrap_or(1);
        for segment in &split {
            self.with(segment.grant, |entry| {
                entry.remaining = entry.remaining.saturating_sub(segment.micros);
                entry.held = entry.held.saturating_add(segment.micros);
            });
        }
        let (until, mark) = (self.last.saturating_add(ttl), self.seq);
        let state = HoldState::Live;
        let hold = Held { id, split, reserved, actual: 0, missed: 0, until, state, mark, order: 0 };
        self.holds.put(hold).map_err(|_| GrantError::Full)?;
        Ok(mark)
    }

    pub(crate) fn release(&mut self, mut hold: Held<K>, state: HoldState) {
        for segment in &hold.split {
            self.with(segment.grant, |entry| {
                entry.held = entry.held.saturating_sub(segment.micros);
                entry.remaining = entry.remaining.saturating_add(segment.micros);
            });
        }
        hold.state = state;
        self.remember(hold);
    }

    pub(crate) fn remember(&mut self, mut hold: Held<K>) {
        self.seq = self.seq.checked_add(1).unwrap_or(1);
        hold.order = self.seq;
        if let Err(hold) = self.resolved.put(hold) {
            let seq = self.seq;
            if let Some(oldest) = self.resolved.iter_mut().max_by_key(|known| seq.wrapping_sub(known.order)) {
                *oldest = hold;
            }
        }
    }

    pub(crate) fn finish(
        &mut self,
        now: Instant,
        wall: &Wall,
        id: JobId,
        actual: u64,
        forced: bool,
    ) -> Result<(), GrantError> {
        let eff = self.last.max(now);
        // A copy: what runs out meanwhile may push it out of what is remembered.
        let mut hold = self.find(id).ok_or(GrantError::NotFound)?.clone();
        let state = self.state(&hold, eff);
        match state {
            HoldState::Live | HoldState::Expired => {}
            HoldState::Posted | HoldState::PostedLate if hold.actual == actual => return Ok(()),
            HoldState::Posted | HoldState::PostedLate => return Err(GrantError::AlreadyPosted),
            HoldState::Voided => return Err(GrantError::AlreadyVoided),
            HoldState::Denied(_) => return Err(GrantError::NotFound),
        }
        let late = state == HoldState::Expired;
        let kept: Vec<Segment, K> = if late { Vec::new() } else { hold.split.clone() };
        let excess = actual.saturating_sub(if late { 0 } else { hold.reserved });
        let burned = self.burn(wall, eff, &kept, excess, forced);
        if burned.is_err() && late {
            self.act(now);
            self.unaccounted = self.unaccounted.saturating_add(actual.saturating_sub(hold.missed));
            if let Some(known) = self.resolved.iter_mut().find(|known| known.id == id) {
                known.missed = known.missed.max(actual);
            }
        }
        let (split, missed) = burned?;
        self.act(now);
        self.take(id);
        self.unaccounted = self.unaccounted.saturating_sub(hold.missed.min(actual)).saturating_add(missed);
        self.post(&mut hold, kept.len(), split, actual);
        hold.state = if late { HoldState::PostedLate } else { HoldState::Posted };
        self.remember(hold);
        Ok(())
    }

    /// A charge without a hold; what cannot be had is unaccounted.
    fn burn_late(&mut self, now: Instant, wall: &Wall, id: JobId, actual: u64) {
        if self.find(id).is_some() {
            self.unaccounted = self.unaccounted.saturating_add(actual);
            return;
        }
        let (split, state) = (Vec::new(), HoldState::Expired);
        self.act(now);
        let until = self.last;
        self.remember(Held { id, split, reserved: 0, actual: 0, missed: 0, until, state, mark: 0, order: 0 });
        if self.finish(now, wall, id, actual, true).is_err() {
            self.unaccounted = self.unaccounted.saturating_add(actual);
        }
    }

    /// The split of a hold lengthened by an `excess`, and what of it could not be had.
    fn burn(
        &self,
        wall: &Wall,
        eff: Instant,
        kept: &Vec<Segment, K>,
        excess: u64,
        forced: bool,
    ) -> Result<(Vec<Segment, K>, u64), GrantError> {
        let (mut split, mut rest) = (kept.clone(), excess);
        for segment in self.usable(wall, eff) {
            let micros = segment.micros.min(rest);
            if micros == 0 || split.put(Segment { micros, ..segment }).is_err() {
                break;
            }
            rest -= micros;
        }
        if rest > 0 && !forced {
            let all = self.usable(wall, eff).fold(0, |sum: u64, segment| sum.saturating_add(segment.micros));
            let max = kept.iter().map(|segment| segment.micros).total().saturating_add(excess.saturating_sub(rest));
            return Err(match excess.checked_sub(all) {
                Some(short) if short > 0 => GrantError::Overage { short },
                _ => GrantError::TooFragmented { max },
            });
        }
        Ok((split, rest))
    }

    /// Posts `actual` from the front of the split, of which the first `kept` segments are held; the others are fresh.
    fn post(&mut self, hold: &mut Held<K>, kept: usize, split: Vec<Segment, K>, actual: u64) {
        hold.split = split;
        hold.actual = actual;
        let mut rest = actual;
        for (at, segment) in hold.split.iter_mut().numbered() {
            let (was, used) = (segment.micros, segment.micros.min(rest));
            (rest, segment.micros) = (rest - used, used);
            self.with(segment.grant, |entry| {
                if at < kept {
                    entry.held = entry.held.saturating_sub(was);
                    entry.remaining = entry.remaining.saturating_add(was - used);
                } else {
                    entry.remaining = entry.remaining.saturating_sub(used);
                }
                entry.posted = entry.posted.saturating_add(used);
            });
        }
    }

    /// All that can ever be had, from whatever number of grants.
    fn ever(&self, wall: &Wall, eff: Instant) -> u64 {
        let alive = self.table.iter().filter(|entry| !is_gone(&entry.grant, wall, eff));
        alive.fold(0, |sum: u64, entry| sum.saturating_add(entry.remaining).saturating_add(entry.held))
    }
}

/// Usable iff `effective <= now < expires`, both surely.
fn is_usable<U>(grant: &Grant<U>, wall: &Wall, eff: Instant) -> bool {
    let begun = grant.effective.is_none_or(|from| wall.surely(eff).is_some_and(|now| from <= now));
    begun && grant.expires.is_none_or(|end| wall.at_latest(eff).is_some_and(|now| now < end))
}

/// Gone for good, as far as is known: while the date is unknown nothing is.
pub(crate) fn is_gone<U>(grant: &Grant<U>, wall: &Wall, eff: Instant) -> bool {
    grant.expires.is_some_and(|end| wall.at_latest(eff).is_some_and(|now| now >= end))
}

impl<U: Copy, const G: usize, const H: usize, const K: usize, const R: usize> Book for GrantAsk<'_, U, G, H, K, R> {
    fn room(&self, now: Instant) -> u64 {
        let eff = self.grants.last.max(now);
        let free = self.grants.has_place(eff) && self.grants.find(self.id).is_none();
        if free { self.grants.most(self.wall, eff) } else { 0 }
    }

    /// `Never` above all that was ever granted and is left; `Until` where a grant becomes effective or a hold ends.
    fn quote(&self, now: Instant, from: Instant, cost: u64) -> Result<Instant, Denied> {
        let (grants, eff) = (&*self.grants, self.grants.last.max(now));
        let ever = grants.ever(self.wall, eff);
        if cost > ever {
            return Err(Denied::Never { max: ever });
        }
        if !grants.has_place(eff) || grants.find(self.id).is_some() {
            return Err(Denied::Busy);
        }
        if cost <= grants.most(self.wall, eff) {
            return Ok(from);
        }
        let starts = grants.table.iter().filter_map(|entry| self.wall.when_surely(entry.grant.effective?));
        let ends = grants.holds.iter().map(|hold| hold.until.saturating_add(grants.grace));
        // What has expired leaves its place in the split to another grant.
        let leaves = grants.table.iter().filter_map(|entry| {
            let error = self.wall.error()?;
            self.wall.when_surely(entry.grant.expires?.saturating_sub(error.saturating_mul(2)))
        });
        let events = starts.chain(ends).chain(leaves).filter(|at| *at > eff && *at < Instant::MAX);
        let fits = events.filter(|at| cost <= grants.most(self.wall, *at));
        Err(fits.min().map_or(Denied::Busy, Denied::Until))
    }

    fn book(&mut self, now: Instant, at: Instant, cost: u64) -> Result<Reservation, Denied> {
        self.quote(now, at, cost)?;
        let eff = self.grants.last.max(now);
        let split = self.grants.split(self.wall, eff, cost).map_err(|_| Denied::Busy)?;
        let mark = self.grants.insert(now, self.id, split, cost, self.ttl).map_err(|_| Denied::Busy)?;
        Ok(Reservation::new(at, cost, Token { key: self.id.0, mark }))
    }

    fn settle(&mut self, now: Instant, held: Reservation, actual: u64) {
        let id = JobId(held.token().key);
        let known = self.grants.find(id).is_some_and(|hold| hold.mark == held.token().mark && hold.mark != 0);
        if known && (actual > 0 || self.grants.void(now, id).is_err()) {
            // Settled by its id before: whoever did that knew better.
            let _ = self.grants.finish(now, self.wall, id, actual, true);
        } else if actual > 0 {
            // A reservation of nothing, or one that is forgotten: a fresh charge.
            self.grants.burn_late(now, self.wall, self.id, actual);
        }
    }
}
