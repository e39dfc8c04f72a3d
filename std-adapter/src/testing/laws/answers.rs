//! Laws about a single answer.

use tollgate::{Denied, Duration, Instant, Limiter, Reservation};

use super::{Case, Verdict};
use crate::testing::report::Log;
use crate::testing::trace::{Act, Answer, Mood};

pub(super) fn zero_cost_is_free<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Faulty);
    let mut world = case.world(&driver);
    for raw in &case.trace.steps {
        let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        let mut other = world.limiter.clone();
        let (allowed, earliest) = (other.allow(call.now, 0), other.earliest(call.now, 0));
        let held = other.reserve(call.now, 0, Duration::from_micros(raw.extra));
        if allowed.is_err() || earliest != Ok(call.now) {
            return Err(format!(
                "at {} allow(0) passes and earliest(0) is now, got {allowed:?}, {earliest:?}",
                call.now
            ));
        }
        match held {
            Ok(held) if held.at() == call.now && held.cost() == 0 => other.release(Instant::MAX, held),
            held => return Err(format!("at {} reserve(0) books nothing for now, got {held:?}", call.now)),
        }
        let (untouched, after) = (look(case, &world.limiter, call.now), look(case, &other, call.now));
        if untouched != after {
            return Err(format!("zero leaves no trace at {}: {untouched:?}, got {after:?}", call.now));
        }
        let answer = world.run(&call, log);
        driver.note(&call, answer);
    }
    Ok(())
}

fn look<L: Limiter + Clone>(case: &Case<'_, L>, limiter: &L, now: Instant) -> (u64, [Result<Instant, Denied>; 3]) {
    crate::testing::world::look(limiter, now, case.costs())
}

pub(super) fn too_big_is_never<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let max = case.scale.max_cost;
    let mut driver = case.driver(Mood::Faulty);
    let mut world = case.world(&driver);
    for raw in &case.trace.steps {
        let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        let now = call.now;
        for cost in [max.saturating_add(1), max.saturating_add(raw.extra >> 1), u64::MAX] {
            if cost <= max {
                continue;
            }
            let mut other = world.limiter.clone();
            let answers = [
                other.allow(now, cost),
                other.reserve(now, cost, Duration::ZERO).map(drop),
                other.reserve(now, cost, Duration::MAX).map(drop),
                other.earliest(now, cost).map(drop),
            ];
            if answers != [Err(Denied::Never { max }); 4] {
                return Err(format!("at {now} a cost of {cost} is never granted, at most {max}; got {answers:?}"));
            }
        }
        let answer = world.run(&call, log);
        driver.note(&call, answer);
        let fits = !matches!(call.act, Act::Allow(n) | Act::Reserve(n, _) | Act::Late(n, _) | Act::Peek(n) if n > max);
        let never = matches!(
            answer,
            Answer::Allowed(Err(Denied::Never { .. }))
                | Answer::Reserved(Err(Denied::Never { .. }))
                | Answer::Seen(_, Err(Denied::Never { .. }))
        );
        if fits && never {
            return Err(format!("a cost of at most {max} is never refused for ever, got {answer}"));
        }
    }
    Ok(())
}

pub(super) fn allow_iff_available<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Faulty);
    let mut world = case.world(&driver);
    for raw in &case.trace.steps {
        let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        let now = call.now;
        let room = world.limiter.available(now);
        for cost in [1, room, room.saturating_add(1), case.scale.max_cost, raw.extra % room.saturating_add(2)] {
            if cost == 0 {
                continue;
            }
            let allowed = world.limiter.clone().allow(now, cost);
            if allowed.is_ok() != (cost <= room) {
                return Err(format!("at {now} {room} available, so allow({cost}) follows from it; got {allowed:?}"));
            }
            let reserved = world.limiter.clone().reserve(now, cost, Duration::ZERO);
            if reserved.as_ref().map(Reservation::at) != allowed.as_ref().map(|()| now) {
                return Err(format!(
                    "at {now} reserve({cost}) without patience as allow, {allowed:?}; got {reserved:?}"
                ));
            }
            charges_as_it_reserves(case, &world.limiter, now, cost)?;
        }
        let answer = world.run(&call, log);
        driver.note(&call, answer);
    }
    Ok(())
}

/// `fits` and `charge`, the short cuts: the same answer, and the same limiter afterwards.
fn charges_as_it_reserves<L: Limiter + Clone>(case: &Case<'_, L>, limiter: &L, now: Instant, cost: u64) -> Verdict {
    let (mut charged, mut reserved) = (limiter.clone(), limiter.clone());
    let (short, long) = (charged.charge(now, cost), reserved.reserve(now, cost, Duration::ZERO));
    let fits = limiter.fits(now, cost);
    if fits != long.is_ok() || short.as_ref() != long.as_ref().ok() {
        return Err(format!("at {now} fits and charge of {cost} as reserve: {long:?}; got {fits}, {short:?}"));
    }
    let (after, expected) = (look(case, &charged, now), look(case, &reserved, now));
    if after != expected {
        return Err(format!("at {now} after charge({cost}) as after reserve: {expected:?}; got {after:?}"));
    }
    if let (Some(short), Ok(long)) = (short, long) {
        charged.release(now, short);
        reserved.release(now, long);
        let (after, expected) = (look(case, &charged, now), look(case, &reserved, now));
        if after != expected {
            return Err(format!("at {now} charge({cost}) and back as reserve: {expected:?}; got {after:?}"));
        }
    }
    Ok(())
}

pub(super) fn until_is_exact<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Faulty);
    let mut world = case.world(&driver);
    for raw in &case.trace.steps {
        let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        let (cost, patience) = match call.act {
            Act::Reserve(cost, patience) => (cost, Some(patience)),
            Act::Allow(cost) | Act::Late(cost, _) | Act::Peek(cost) => (cost, None),
            Act::Settle(..) | Act::Drop(_) => (1, None),
        };
        // One answer in the log for the call that is judged, whether it is the trace's own or not.
        judge_wait(&world.limiter, call.now, cost, patience, raw.extra)?;
        judge_quote(&world.limiter, call.now, cost)?;
        let answer = world.run(&call, log);
        driver.note(&call, answer);
    }
    Ok(())
}

/// The call that is asked again and again, each time of a fresh copy.
fn ask<L: Limiter + Clone>(limiter: &L, now: Instant, cost: u64, patience: Option<Duration>) -> Result<(), Denied> {
    match patience {
        None => limiter.clone().allow(now, cost),
        Some(patience) => limiter.clone().reserve(now, cost, patience).map(drop),
    }
}

fn judge_wait<L: Limiter + Clone>(
    limiter: &L,
    now: Instant,
    cost: u64,
    patience: Option<Duration>,
    extra: u64,
) -> Verdict {
    let Err(Denied::Until(until)) = ask(limiter, now, cost, patience) else { return Ok(()) };
    let name = patience.map_or(format!("allow({cost})"), |patience| format!("reserve({cost}, patience {patience})"));
    if until <= now && until != Instant::MAX {
        return Err(format!("{name} at {now} names an instant ahead, got {until}"));
    }
    let wait = until.saturating_since(now).as_micros();
    let parts = extra % 7 + 2;
    let mut asked: Vec<u64> = (1..parts).map(|part| mul_div(wait, part, parts)).collect();
    asked.extend([1, extra % wait.max(1), wait.saturating_sub(1)]);
    for after in asked.into_iter().filter(|&after| after > 0 && after < wait) {
        let stamp = now.saturating_add(Duration::from_micros(after));
        let answer = ask(limiter, stamp, cost, patience);
        if answer != Err(Denied::Until(until)) {
            return Err(format!("{name}, refused at {now} until {until}, the same at {stamp}; got {answer:?}"));
        }
    }
    // Nothing is promised at the end of time.
    let answer = ask(limiter, until, cost, patience);
    if until < Instant::MAX && answer.is_err() {
        return Err(format!("{name}, refused at {now} until {until}, granted then; got {answer:?}"));
    }
    Ok(())
}

fn mul_div(wait: u64, part: u64, parts: u64) -> u64 {
    u64::try_from(u128::from(wait) * u128::from(part) / u128::from(parts)).unwrap_or(u64::MAX)
}

/// What `earliest` says, `reserve` books with exactly that patience, and not with a microsecond less.
fn judge_quote<L: Limiter + Clone>(limiter: &L, now: Instant, cost: u64) -> Verdict {
    let Ok(at) = limiter.earliest(now, cost) else { return Ok(()) };
    if at < now {
        return Err(format!("earliest({cost}) at {now} is not in the past, got {at}"));
    }
    let wait = at.saturating_since(now);
    let booked = limiter.clone().reserve(now, cost, wait).map(|held| held.at());
    if booked != Ok(at) {
        return Err(format!("earliest({cost}) at {now} is {at}, so a patience of {wait} books it; got {booked:?}"));
    }
    if wait.is_zero() || cost == 0 {
        return Ok(());
    }
    let short = wait.saturating_sub(Duration::from_micros(1));
    let refused = limiter.clone().reserve(now, cost, short).map(|held| held.at());
    let soon = now.saturating_add(Duration::from_micros(1));
    if refused != Err(Denied::Until(soon)) {
        return Err(format!("earliest({cost}) at {now} is {at}, so a patience of {short} waits 1 us; got {refused:?}"));
    }
    Ok(())
}
