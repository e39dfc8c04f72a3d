//! Random lives of grants against a slow, obvious model: lists of what every hold took, and everything recomputed.
//!
//! After every step G1 holds for every grant: granted = remaining + held + posted + expired.

use tollgate::{
    Amount, Credits, Denied, Duration, Grant, GrantError, Grants, HoldState, Instant, JobId, Limiter, Segment, Trust,
    UnixMicros, Wall,
};

use crate::model::Rng;

type C = Credits;

const RUNS: u64 = 1_000;
const STEPS: u32 = 300;
const GRANTS: usize = 6;
const PLACES: usize = 4;
const SEGMENTS: usize = 3;
const REMEMBERED: usize = 6;
const GRACE: u64 = 1;

type Books = Grants<C, GRANTS, PLACES, SEGMENTS, REMEMBERED>;

#[derive(Clone, Copy, Debug)]
struct Given {
    id: u32,
    amount: u64,
    effective: Option<u64>,
    expires: Option<u64>,
    priority: u8,
}

#[derive(Clone, Debug)]
struct Held {
    id: u64,
    until: u64,
    reserved: u64,
    actual: u64,
    missed: u64,
    state: HoldState,
    /// Which grant, how much: what is held, or what was posted and is not refunded.
    split: Vec<(u32, u64)>,
    forgotten: bool,
}

#[derive(Clone, Debug)]
struct Model {
    now: u64,
    /// The date may be wrong by so many seconds either way.
    error: u64,
    grants: Vec<Given>,
    live: Vec<Held>,
    /// The oldest first; those that are forgotten count all the same.
    resolved: Vec<Held>,
    unaccounted: u64,
}

impl Model {
    fn at(&self, now: u64) -> Self {
        let mut then = self.clone();
        then.now = then.now.max(now);
        let (mut over, live): (Vec<_>, Vec<_>) = then.live.drain(..).partition(|hold| hold.until + GRACE <= then.now);
        then.live = live;
        over.sort_by_key(|hold| (hold.until, hold.id));
        for mut hold in over {
            (hold.state, hold.split) = (HoldState::Expired, Vec::new());
            then.resolved.push(hold);
        }
        then
    }

    fn known(&self, id: u64) -> Option<&Held> {
        self.live.iter().chain(&self.resolved).find(|hold| hold.id == id && !hold.forgotten)
    }

    /// Only what is done pushes old ids out, and not a look.
    fn forget(&mut self) {
        for old in self.resolved.iter_mut().rev().filter(|hold| !hold.forgotten).skip(REMEMBERED) {
            old.forgotten = true;
        }
    }

    fn of(holds: &[Held], grant: u32) -> u64 {
        holds.iter().flat_map(|hold| &hold.split).filter(|(id, _)| *id == grant).map(|(_, micros)| micros).sum()
    }

    /// Remaining, held, posted and expired.
    fn stands(&self, given: &Given) -> [u64; 4] {
        let (held, posted) = (Self::of(&self.live, given.id), Self::of(&self.resolved, given.id));
        let left = given.amount - held - posted;
        let gone = given.expires.is_some_and(|end| end <= self.now + self.error);
        if gone { [0, held, posted, left] } else { [left, held, posted, 0] }
    }

    /// The usable grants in the order in which they are burned, and what each has left.
    fn usable(&self) -> Vec<(u32, u64)> {
        let mut usable: Vec<_> = self.grants.iter().collect();
        usable.retain(|given| given.effective.is_none_or(|from| from + self.error <= self.now));
        usable.sort_by_key(|given| (given.priority, given.expires.unwrap_or(u64::MAX), given.effective, given.id));
        usable.iter().map(|given| (given.id, self.stands(given)[0])).filter(|(_, left)| *left > 0).collect()
    }

    /// The front of the usable grants that makes up `need`, and what is missing.
    fn take(&self, need: u64, places: usize) -> (Vec<(u32, u64)>, u64) {
        let (mut split, mut rest) = (Vec::new(), need);
        for (id, left) in self.usable() {
            if rest > 0 && split.len() < places {
                split.push((id, left.min(rest)));
                rest -= left.min(rest);
            }
        }
        (split, rest)
    }

    fn reserve(&mut self, now: u64, id: u64, need: u64, ttl: u64) -> Result<Vec<(u32, u64)>, GrantError> {
        let mut then = self.at(now);
        if let Some(known) = then.known(id) {
            return match known.state {
                _ if known.reserved != need => Err(GrantError::IdMismatch),
                HoldState::Live => Ok(known.split.clone()),
                HoldState::Voided => Err(GrantError::AlreadyVoided),
                HoldState::Expired => Err(GrantError::Expired),
                _ => Err(GrantError::AlreadyPosted),
            };
        }
        let all = then.usable().iter().map(|(_, left)| left).sum::<u64>();
        if let Some(short) = need.checked_sub(all).filter(|short| *short > 0) {
            return Err(GrantError::Denied { short });
        }
        let (split, rest) = then.take(need, SEGMENTS);
        if rest > 0 {
            return Err(GrantError::TooFragmented { max: need - rest });
        }
        if then.live.len() == PLACES {
            return Err(GrantError::Full);
        }
        let (until, state) = (then.now + ttl, HoldState::Live);
        then.live.push(Held {
            id,
            until,
            reserved: need,
            actual: 0,
            missed: 0,
            state,
            split: split.clone(),
            forgotten: false,
        });
        *self = then;
        Ok(split)
    }

    fn settle(&mut self, now: u64, id: u64, actual: u64) -> Result<(), GrantError> {
        let mut then = self.at(now);
        let mut hold = then.known(id).ok_or(GrantError::NotFound)?.clone();
        let late = match hold.state {
            HoldState::Live => false,
            HoldState::Expired => true,
            HoldState::Voided => return Err(GrantError::AlreadyVoided),
            _ if hold.actual == actual => return Ok(()),
            _ => return Err(GrantError::AlreadyPosted),
        };
        let excess = if late { actual } else { actual.saturating_sub(hold.reserved) };
        let (fresh, rest) = then.take(excess, SEGMENTS - hold.split.len());
        if rest > 0 {
            if late {
                then.unaccounted += actual.saturating_sub(hold.missed);
                let known = then.resolved.iter_mut().find(|known| known.id == id && !known.forgotten).unwrap();
                known.missed = known.missed.max(actual);
                *self = then.clone();
            }
            let all = then.usable().iter().map(|(_, left)| left).sum::<u64>();
            let max = hold.split.iter().map(|(_, micros)| micros).sum::<u64>() + excess - rest;
            return Err(match excess.checked_sub(all) {
                Some(short) if short > 0 => GrantError::Overage { short },
                _ => GrantError::TooFragmented { max },
            });
        }
        // From the front of the split.
        let mut left = actual;
        for (_, micros) in &mut hold.split {
            *micros = left.min(*micros);
            left -= *micros;
        }
        hold.split.extend(fresh);
        then.unaccounted -= hold.missed.min(actual);
        (hold.actual, hold.state) = (actual, if late { HoldState::PostedLate } else { HoldState::Posted });
        then.live.retain(|known| known.id != id);
        let remembered = then.resolved.iter().position(|known| known.id == id && late && !known.forgotten);
        remembered.map(|at| then.resolved.remove(at));
        then.resolved.push(hold);
        *self = then;
        Ok(())
    }

    fn void(&mut self, now: u64, id: u64) -> Result<(), GrantError> {
        let mut then = self.at(now);
        match then.known(id).ok_or(GrantError::NotFound)?.state {
            HoldState::Live => {}
            HoldState::Voided => return Ok(()),
            HoldState::Expired => return Err(GrantError::Expired),
            _ => return Err(GrantError::AlreadyPosted),
        }
        let at = then.live.iter().position(|hold| hold.id == id).unwrap();
        let mut hold = then.live.remove(at);
        (hold.state, hold.split) = (HoldState::Voided, Vec::new());
        then.resolved.push(hold);
        *self = then;
        Ok(())
    }

    fn refund(&mut self, now: u64, id: u64, amount: u64) -> Result<(), GrantError> {
        let mut then = self.at(now);
        let mut hold = then.known(id).ok_or(GrantError::NotFound)?.clone();
        if !matches!(hold.state, HoldState::Posted | HoldState::PostedLate) {
            return Err(GrantError::NotPosted);
        }
        let left = hold.split.iter().map(|(_, micros)| micros).sum();
        if amount > left {
            return Err(GrantError::RefundExceeds { left });
        }
        // What was burned last is given back first.
        let mut rest = amount;
        for (_, micros) in hold.split.iter_mut().rev() {
            let back = rest.min(*micros);
            (rest, *micros) = (rest - back, *micros - back);
        }
        let at = then.resolved.iter().position(|known| known.id == id && !known.forgotten).unwrap();
        then.resolved.remove(at);
        then.resolved.push(hold);
        *self = then;
        Ok(())
    }
}

fn micros(n: u64) -> Amount<C> {
    Amount::from_micros(n).unwrap()
}

fn given(rng: &mut Rng, id: u32, now: u64) -> Given {
    let begins = rng.below(3) == 0;
    let ends = rng.below(3) > 0;
    let effective = begins.then(|| now + rng.below(60));
    let expires = ends.then(|| now + 5 + rng.below(150));
    let priority = u8::try_from(rng.below(3)).unwrap();
    Given { id, amount: rng.below(120), effective, expires, priority }
}

fn add(books: &mut Books, given: &Given) -> Result<(), GrantError> {
    let date = |secs: u64| UnixMicros::from_secs(i64::try_from(secs).unwrap());
    let (effective, expires) = (given.effective.map(date), given.expires.map(date));
    let Given { id, amount, priority, .. } = *given;
    books.add(Grant { id, amount: micros(amount), effective, expires, priority, kind: 0 })
}

/// One random operation on both, and its two answers.
fn step(rng: &mut Rng, books: &mut Books, model: &mut Model, wall: &Wall, now: u64, label: &str) {
    let (at, id, n) = (Instant::from_secs(now), rng.below(14), rng.below(90));
    let job = JobId(id);
    let known = model.at(now).known(id).cloned();
    let near = known.as_ref().map_or(n, |hold| (hold.reserved + n / 3).saturating_sub(15));
    match rng.below(12) {
        0..=4 => {
            let (need, ttl) = (if rng.below(8) == 0 { near } else { n }, rng.below(60));
            let split = books.reserve(at, wall, job, micros(need), Duration::from_secs(ttl));
            let split = split.map(|split| split.iter().map(|&Segment { grant, micros }| (grant, micros)).collect());
            assert_eq!(split, model.reserve(now, id, need, ttl), "{label}: reserve {need}");
        }
        5..=7 => {
            let got = books.settle(at, wall, job, micros(near));
            assert_eq!(got, model.settle(now, id, near), "{label}: settle {near} of {known:?}");
        }
        8 => assert_eq!(books.void(at, job), model.void(now, id), "{label}: void {known:?}"),
        9 | 10 => assert_eq!(books.refund(at, job, micros(n / 4)), model.refund(now, id, n / 4), "{label}: {known:?}"),
        _ => {
            let next = model.grants.iter().map(|given| given.id).max().unwrap_or(0) + 1;
            let id = u32::try_from(rng.below(u64::from(next) + 1)).unwrap();
            let given = given(rng, id, now);
            let want = match () {
                () if model.grants.iter().any(|known| known.id == id) => Err(GrantError::IdMismatch),
                () if model.grants.len() == GRANTS => Err(GrantError::Full),
                () => Ok(()),
            };
            assert_eq!(add(books, &given), want, "{label}: add {given:?}");
            if want.is_ok() {
                model.grants.push(given);
            }
        }
    }
}

/// As a limiter: what is available is allowed and no more; `Until` is exact, and `Busy` is for ever, left alone.
fn the_limiter_says_when(rng: &mut Rng, books: &Books, wall: &Wall, (now, full): (u64, bool), label: &str) {
    let (at, need) = (Instant::from_secs(now), rng.below(200));
    let allow = |at: Instant| books.clone().ask(wall, JobId(999), Duration::MAX).unwrap().allow(at, need);
    let room = books.clone().ask(wall, JobId(999), Duration::MAX).unwrap().available(at);
    assert_eq!(allow(at).is_ok(), need <= room, "{label}: {need} of {room}");
    match allow(at) {
        Ok(()) => {}
        Err(Denied::Until(then)) => {
            assert!(then > at, "{label}: {need}");
            let just_before = then.saturating_sub(Duration::from_micros(1));
            assert_eq!(allow(just_before), Err(Denied::Until(then)), "{label}: {need}");
            assert_eq!(allow(then), Ok(()), "{label}: {need}");
        }
        // All places are taken.
        Err(Denied::Busy) if full => {}
        // Nothing here lasts longer than that.
        Err(Denied::Busy) => {
            assert!((now..now + 300).step_by(3).all(|t| allow(Instant::from_secs(t)).is_err()), "{label}: {need}");
        }
        Err(Denied::Never { max }) => {
            assert!(need > max, "{label}: {need} of {max}");
            assert!((now..now + 300).step_by(3).all(|t| allow(Instant::from_secs(t)).is_err()), "{label}: {need}");
        }
    }
}

#[test]
fn grants_do_what_a_slow_obvious_model_does_and_are_conserved() {
    for run in 1..=RUNS {
        let mut rng = Rng(run.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (mut wall, error) = (Wall::default(), rng.below(2) * 3);
        wall.set(Instant::ORIGIN, UnixMicros::from_secs(0), Duration::from_secs(error), Trust::Owner);
        let mut books = Books::new(Duration::from_secs(GRACE));
        let mut model =
            Model { now: 0, error, grants: Vec::new(), live: Vec::new(), resolved: Vec::new(), unaccounted: 0 };
        for id in 1..=4 {
            let given = given(&mut rng, id, 0);
            add(&mut books, &given).unwrap();
            model.grants.push(given);
        }
        let mut now = 0;
        for at in 0..STEPS {
            now = match rng.below(40) {
                0 => now + rng.below(60),
                1 => now.saturating_sub(rng.below(40)),
                2..=12 => now + rng.below(4),
                _ => now,
            };
            let label = format!("run {run} step {at} at {now}");
            step(&mut rng, &mut books, &mut model, &wall, now, &label);
            model.forget();
            let (then, stamp) = (model.at(now), Instant::from_secs(now));
            for given in &model.grants {
                let r = books.report(stamp, &wall, given.id).unwrap();
                let parts = [r.remaining, r.held, r.posted, r.expired].map(Amount::as_micros);
                assert_eq!(parts, then.stands(given), "{label}: {given:?}");
                assert_eq!(parts.iter().sum::<u64>(), given.amount, "{label}: G1 of {given:?}");
            }
            let most = then.take(u64::MAX, SEGMENTS).0.iter().map(|(_, micros)| micros).sum();
            assert_eq!(books.available(stamp, &wall), micros(most), "{label}");
            assert_eq!(books.unaccounted(), micros(model.unaccounted), "{label}");
            if at % 60 == 0 {
                the_limiter_says_when(&mut rng, &books, &wall, (now, then.live.len() == PLACES), &label);
            }
        }
    }
}
