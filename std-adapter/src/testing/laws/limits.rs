//! Laws about a whole trace: the bound, panics, memory; and about constructors.

use tollgate::{Duration, Instant, Limiter, Reservation, Token};

use super::{Case, Verdict};
use crate::testing::report::Log;
use crate::testing::trace::{Held, Mood};
use crate::testing::world::copy;

pub(super) fn constructors_reject<L: Limiter + Clone>(case: &Case<'_, L>, _log: &mut Log) -> Verdict {
    match case.subject.rejects.iter().find(|(_, rejected)| !rejected()) {
        Some((what, _)) => Err(format!("an error for {what}, got none")),
        None => Ok(()),
    }
}

pub(super) fn never_over<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let Some(bound) = &case.subject.bound else { return Ok(()) };
    for mood in [Mood::Steady, Mood::Faulty] {
        let mut driver = case.driver(mood);
        let mut world = case.world(&driver);
        let mut rows = Log::like(log);
        for raw in &case.trace.steps {
            let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
            let answer = world.run(&call, &mut rows);
            driver.note(&call, answer);
        }
        if let Err(expected) = bound.judge(&world.history) {
            *log = rows;
            return Err(expected);
        }
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "every law has this shape")]
pub(super) fn no_panic<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Wild);
    let mut world = case.world(&driver);
    for raw in &case.trace.steps {
        let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        let answer = world.run(&call, log);
        driver.note(&call, answer);
        let cost = (raw.far ^ raw.extra).max(1);
        let at = call.now.saturating_add(Duration::from_micros(raw.far));
        let mut other = world.limiter.clone();
        let _ = other.quote(call.now, at, cost);
        if let Ok(held) = other.book(call.now, at, raw.extra % case.scale.max_cost.max(1) + 1) {
            other.settle(Instant::from_micros(raw.extra), held, raw.far);
        }
        // Reservations of another limiter, or made up.
        let token = Token { key: raw.far, mark: u32::from(raw.size) };
        other.commit(call.now, Reservation::new(Instant::from_micros(raw.extra), cost, token), raw.far);
        for Held { id, .. } in world.held() {
            if let Some(held) = world.booking(id) {
                other.release(Instant::from_micros(raw.far), copy(held));
                other.commit(at, copy(held), raw.extra);
            }
        }
        let _ = (other.available(call.now), other.earliest(at, cost));
    }
    Ok(())
}

pub(super) fn bounded_memory<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let Some((most, count)) = &case.subject.footprint else { return Ok(()) };
    let mut driver = case.driver(Mood::Wild);
    let mut world = case.world(&driver);
    for raw in case.trace.steps.iter().cycle().take(case.trace.steps.len() * 16) {
        let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        let answer = world.run(&call, log);
        driver.note(&call, answer);
        let got = count(&world.limiter);
        if got > *most {
            return Err(format!("at most {most} held, got {got}"));
        }
    }
    Ok(())
}
