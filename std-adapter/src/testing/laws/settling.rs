//! Laws about what becomes of a booking: released, used in part, used beyond what was held.

use tollgate::{Denied, Duration, Instant, Limiter, Reservation};

use super::{Case, Verdict};
use crate::testing::report::Log;
use crate::testing::trace::{Act, Answer, Call, Held, Mood};
use crate::testing::world::{World, copy, look};

pub(super) fn settles_once<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Steady);
    let (mut plain, mut twin) = (case.world(&driver), case.world(&driver));
    // Behind a later promise a release may return less; so the law speaks where there is none.
    let mut promised = Instant::ORIGIN;
    for raw in &case.trace.steps {
        let call = driver.call(raw, &plain.held(), plain.limiter.available(driver.now));
        let (now, patience) = (call.now, Duration::from_micros(raw.far % case.scale.full.saturating_add(1)));
        let cost = raw.extra % case.scale.max_cost.max(1) + 1;
        let mut released = twin.limiter.clone();
        if let Ok(held) = released.reserve(now, cost, patience)
            && promised <= held.at()
            && held.at() < Instant::MAX
        {
            let at = held.at();
            log.row(now, || (format!("reserve({cost}, patience {patience})"), format!("granted for {at}")));
            log.row(now, || ("release of that".into(), "-".into()));
            released.release(now, held);
            // A booking ahead is rounded up to a microsecond, and what the last one of a full bucket lost is lost.
            let rounding = Duration::from_micros(u64::from(at > now));
            judge_release(case, &twin.limiter, &released, (now, rounding))?;
            if rounding.is_zero() && case.subject.grain.is_zero() {
                twin.limiter = released;
            }
        }
        let (expected, got) = (plain.apply(&call), twin.run(&call, log));
        if expected != got {
            return Err(format!(
                "{} at {now} answers \"{expected}\" where nothing was booked and released, got \"{got}\"",
                call.act
            ));
        }
        if let Answer::Reserved(Ok(at)) = got {
            promised = promised.max(at);
        }
        driver.note(&call, got);
    }
    Ok(())
}

/// What was released at once leaves no trace: no wait is longer than before by more than the rounding, and none shorter.
fn judge_release<L: Limiter + Clone>(
    case: &Case<'_, L>,
    untouched: &L,
    released: &L,
    (now, rounding): (Instant, Duration),
) -> Verdict {
    let grain = case.subject.grain;
    let [before, after] = [untouched, released].map(|limiter| look(limiter, now, case.costs()));
    let close = |(before, after): (&Result<Instant, Denied>, &Result<Instant, Denied>)| match (before, after) {
        (Ok(soon), Ok(late)) | (Err(Denied::Until(soon)), Err(Denied::Until(late))) => {
            *soon <= late.saturating_add(grain) && *late <= soon.saturating_add(rounding.saturating_add(grain))
        }
        // Within the grain, and beyond the range of time.
        (Ok(soon), Err(Denied::Until(Instant::MAX))) => soon.saturating_add(grain) == Instant::MAX,
        (before, after) => before == after,
    };
    let rooms = if rounding.is_zero() { after.0 == before.0 } else { after.0 <= before.0 };
    if rooms && before.1.iter().zip(&after.1).all(close) {
        return Ok(());
    }
    Err(format!("at {now} nothing is left of what is released at once, {before:?}; got {after:?}"))
}

/// Whether nobody is worse off in `better` than in `worse`, at this stamp; but for the grain of time.
fn dominates<L: Limiter + Clone>(case: &Case<'_, L>, better: &World<L>, worse: &World<L>, now: Instant) -> bool {
    let grain = case.subject.grain;
    let (much, less) = (&better.limiter, &worse.limiter);
    let sooner = |cost| {
        let (soon, late) = (waits(much, now, cost), waits(less, now, cost));
        let latest = late.1.saturating_add(grain);
        soon <= (late.0, latest) || (!grain.is_zero() && latest == Instant::MAX)
    };
    let then = now.saturating_add(grain);
    let more = (then == Instant::MAX && !grain.is_zero()) || much.available(then) >= less.available(now);
    more && case.costs().into_iter().all(sooner)
}

/// How long somebody waits; longest for a release, because no instant is known.
fn waits<L: Limiter>(limiter: &L, now: Instant, cost: u64) -> (u8, Instant) {
    let mut asked = now;
    for _ in 0..8 {
        match limiter.earliest(asked, cost) {
            Ok(at) => return (0, at),
            // It cannot be booked yet; what it would be booked for is known then.
            Err(Denied::Until(at)) if at > asked && at < Instant::MAX => asked = at,
            // Not within the range of time, or not before something is released.
            Err(Denied::Until(_) | Denied::Busy) => return (1, Instant::MAX),
            Err(Denied::Never { .. }) => return (2, Instant::MAX),
        }
    }
    (0, asked)
}

/// Runs the call in the worse world, and in the better one if it passed there; it must pass then. `None` ends the trace:
/// from there on the worlds cannot be compared.
fn follow<L: Limiter + Clone>(
    case: &Case<'_, L>,
    (better, worse): (&mut World<L>, &mut World<L>),
    call: &Call,
    log: &mut Log,
    why: &str,
) -> Result<Option<Answer>, String> {
    // A lease may be over in one world and not in the other; what is committed then is counted there in another way.
    if let Act::Settle(id, _) = call.act
        && better.booking(id).is_some_and(|held| call.now.saturating_since(held.at()) >= case.subject.lease)
    {
        return Ok(None);
    }
    let answer = worse.run(call, log);
    let refused = matches!(answer, Answer::Allowed(Err(_)) | Answer::Reserved(Err(_)));
    let grain = case.subject.grain;
    if !grain.is_zero() && call.now.saturating_add(grain) == Instant::MAX {
        // The grain reaches beyond the range of time, where nothing is promised.
        if !refused {
            better.apply(call);
        }
        return Ok(Some(answer));
    }
    if !refused {
        let mut other = better.apply(call);
        if answer.granted() && !other.granted() {
            other = better.apply(&Call { now: call.now.saturating_add(grain), ..*call });
        }
        let worse_off = match (answer, other) {
            (Answer::Reserved(Ok(late)), Answer::Reserved(Ok(soon))) => soon > late.saturating_add(grain),
            (Answer::Allowed(Ok(())) | Answer::Reserved(Ok(_)), other) => !other.granted(),
            _ => false,
        };
        if worse_off {
            return Err(format!(
                "{} at {} is not granted sooner than {why}, \"{other}\"; got \"{answer}\"",
                call.act, call.now
            ));
        }
    }
    if !dominates(case, better, worse, call.now) {
        let [most, got] = [&better, &worse].map(|world| look(&world.limiter, call.now, case.costs()));
        return Err(format!("at {} not better off than {why}, {most:?}; got {got:?}", call.now));
    }
    Ok(Some(answer))
}

pub(super) fn gives_back_only_what_time_has_not<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Steady);
    // In the other world the chosen booking is made, from the start, for no more than it will have used.
    let (mut other, mut world) = (case.world(&driver), case.world(&driver));
    let mut chosen: Option<(usize, u64)> = None;
    for raw in &case.trace.steps {
        let mut call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        // The other bookings are used in full: what a release returns depends on what was promised in that world.
        let cost = booked(&world, &call).unwrap_or(0);
        if let Act::Settle(id, actual) = &mut call.act {
            *actual = chosen.filter(|(number, _)| number == id).map_or(cost, |(_, used)| used);
        }
        if let (None, Act::Reserve(cost, patience)) = (chosen, call.act) {
            let used = if raw.extra.is_multiple_of(3) { raw.far % cost.max(1) } else { 0 };
            let number = world.next();
            let answer = world.run(&call, log);
            driver.note(&call, answer);
            if cost > 0 && answer.granted() {
                chosen = Some((number, used));
                match used {
                    0 => other.skip(),
                    used if !other.apply(&Call { act: Act::Reserve(used, patience), ..call }).granted() => {
                        return Err(format!("less is granted where more is: {used} at {}", call.now));
                    }
                    _ => {}
                }
            }
            continue;
        }
        let why = match chosen {
            Some((id, used)) => format!("had #{id} been booked for {used}"),
            None => "it is".into(),
        };
        let Some(answer) = follow(case, (&mut other, &mut world), &call, log, &why)? else { return Ok(()) };
        driver.note(&call, answer);
    }
    Ok(())
}

pub(super) fn debt_is_paid_by_later_callers<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Steady);
    let (mut exact, mut indebted) = (case.world(&driver), case.world(&driver));
    let mut debt = 0u64;
    for raw in &case.trace.steps {
        let mut call = driver.call(raw, &indebted.held(), indebted.limiter.available(driver.now));
        if let (0, Act::Settle(id, _), Some(cost)) = (debt, call.act, booked(&indebted, &call))
            && in_time(case, &indebted, id, call.now)
        {
            debt = match raw.extra % 8 {
                0..=3 => raw.extra % 3 + 1,
                4..=6 => raw.extra % case.scale.max_cost.max(1) + 1,
                _ => raw.extra,
            };
            exact.apply(&Call { act: Act::Settle(id, cost), ..call });
            call.act = Act::Settle(id, cost.saturating_add(debt));
            let answer = indebted.run(&call, log);
            driver.note(&call, answer);
            let expected = exact.limiter.available(call.now).saturating_sub(debt);
            let got = indebted.limiter.available(call.now);
            if expected != got {
                return Err(format!("at {} {expected} available, because {debt} more were used; got {got}", call.now));
            }
            beyond_all_bounds(case, &indebted, call.now)?;
            continue;
        }
        // What a release returns depends on what was promised in that world.
        if let (Some(cost), Act::Settle(_, actual)) = (booked(&indebted, &call), &mut call.act) {
            *actual = cost;
        }
        let why = format!("without the debt of {debt}");
        let Some(answer) = follow(case, (&mut exact, &mut indebted), &call, log, &why)? else { return Ok(()) };
        driver.note(&call, answer);
    }
    Ok(())
}

fn booked<L: Limiter + Clone>(world: &World<L>, call: &Call) -> Option<u64> {
    match call.act {
        Act::Settle(id, _) => world.booking(id).map(Reservation::cost),
        _ => None,
    }
}

/// Whether the booking is still counted for certain, and may be used already.
fn in_time<L: Limiter + Clone>(case: &Case<'_, L>, world: &World<L>, id: usize, now: Instant) -> bool {
    let over = |held: &Reservation| now.saturating_since(held.at()) >= case.subject.lease;
    world.booking(id).is_some_and(|held| held.at() <= now && !over(held))
}

/// The largest debt there is, twice: nothing is available, and nothing wraps.
fn beyond_all_bounds<L: Limiter + Clone>(case: &Case<'_, L>, world: &World<L>, now: Instant) -> Verdict {
    let mut ruined = world.clone();
    for Held { id, .. } in world.held() {
        if !in_time(case, world, id, now) {
            continue;
        }
        ruined.apply(&Call { now, act: Act::Settle(id, u64::MAX) });
        let left = ruined.limiter.available(now);
        if left > 0 && case.scale.max_cost < u64::MAX {
            return Err(format!("at {now} nothing is available after a commit of 2^64 - 1, got {left}"));
        }
    }
    if let Some(Held { id, .. }) = world.held().first()
        && let Some(held) = world.booking(*id)
    {
        // A mistake of the caller's that must not panic: the same booking once more.
        ruined.limiter.commit(now, copy(held), u64::MAX);
        ruined.limiter.release(now, copy(held));
    }
    Ok(())
}
