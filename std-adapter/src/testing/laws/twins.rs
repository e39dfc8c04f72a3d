//! Laws that compare two futures: one limiter as it is, its twin disturbed by what must not matter.

use tollgate::{Denied, Duration, Instant, Limiter};

use super::{Case, Verdict};
use crate::testing::report::Log;
use crate::testing::trace::{Act, Answer, Call, Mood, Raw};
use crate::testing::world::{World, look};

/// Runs the call on both and compares the answers, and all that can be seen afterwards.
fn same<L: Limiter + Clone>(
    case: &Case<'_, L>,
    (plain, twin): (&mut World<L>, &mut World<L>),
    call: &Call,
    log: &mut Log,
    why: &str,
) -> Result<Answer, String> {
    let (answer, got) = (plain.apply(call), twin.run(call, log));
    if answer != got {
        let expected = answer;
        return Err(format!("{} at {} answers \"{expected}\" {why}, got \"{got}\"", call.act, call.now));
    }
    let (expected, got) = (look(&plain.limiter, call.now, case.costs()), look(&twin.limiter, call.now, case.costs()));
    if expected != got {
        return Err(format!(
            "at {} available and earliest of {:?} are {expected:?} {why}, got {got:?}",
            call.now,
            case.costs()
        ));
    }
    Ok(answer)
}

pub(super) fn refusal_changes_nothing<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Faulty);
    let (mut plain, mut twin) = (case.world(&driver), case.world(&driver));
    for raw in &case.trace.steps {
        let call = driver.call(raw, &plain.held(), plain.limiter.available(driver.now));
        disturb(case, &mut twin, call.now, raw, log);
        let answer = same(case, (&mut plain, &mut twin), &call, log, "without the refused calls before it")?;
        driver.note(&call, answer);
    }
    Ok(())
}

/// Calls that are refused or cost nothing, at stamps before, now and far ahead.
fn disturb<L: Limiter + Clone>(case: &Case<'_, L>, twin: &mut World<L>, now: Instant, raw: &Raw, log: &mut Log) {
    let Raw { extra, .. } = *raw;
    let full = Duration::from_micros(case.scale.full);
    let some = Duration::from_micros(extra % case.scale.full.saturating_add(1));
    let stamps = [
        now.saturating_add(some),
        now,
        now.saturating_sub(some),
        now.saturating_add(full.saturating_mul(extra % 50)),
        if extra.is_multiple_of(5) { Instant::MAX } else { Instant::ORIGIN },
    ];
    for (index, stamp) in (0u32..).zip(stamps) {
        let pick = extra.rotate_left(index * 13);
        let room = twin.limiter.available(stamp);
        let cost = match pick % 4 {
            0 => 0,
            1 => room.saturating_add(1),
            2 => case.scale.max_cost,
            _ => room.saturating_add(1).max(pick >> 32),
        };
        let act = match pick % 3 {
            0 => Act::Allow(cost),
            _ => Act::Reserve(cost, Duration::from_micros((pick >> 8) % case.scale.unit.saturating_add(1))),
        };
        let call = Call { now: stamp, act };
        if cost == 0 || !twin.clone().apply(&call).granted() {
            twin.run(&call, log);
        }
        if cost == 0
            && let Ok(nothing) = twin.limiter.reserve(stamp, 0, Duration::ZERO)
        {
            twin.limiter.release(stamp, nothing);
        }
    }
}

pub(super) fn poll_invariance<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Steady);
    let (mut plain, mut twin) = (case.world(&driver), case.world(&driver));
    for raw in &case.trace.steps {
        let before = driver.now;
        let call = driver.call(raw, &plain.held(), plain.limiter.available(driver.now));
        let polls = 1 + raw.extra % 8;
        let gap = call.now.saturating_since(before).as_micros() / polls;
        for poll in 0..=polls {
            let stamp = before.saturating_add(Duration::from_micros(gap * poll));
            let cost = twin.limiter.available(stamp).saturating_add(1);
            let patience = Duration::from_micros(raw.extra % case.scale.unit);
            for act in [Act::Peek(1), Act::Allow(cost), Act::Reserve(cost, patience)] {
                let poll = Call { now: stamp, act };
                if !twin.clone().apply(&poll).granted() {
                    twin.run(&poll, log);
                }
            }
        }
        let answer = same(case, (&mut plain, &mut twin), &call, log, "where nobody polled")?;
        driver.note(&call, answer);
    }
    Ok(())
}

/// One world gets old stamps, the other the effective ones, and nothing tells them apart.
pub(super) fn time_backwards_mints_nothing<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Faulty);
    let (mut honest, mut faulty) = (case.world(&driver), case.world(&driver));
    for raw in &case.trace.steps {
        let mut call = driver.call(raw, &honest.held(), honest.limiter.available(driver.now));
        let effective = call.now.max(driver.granted);
        // Patience counts from the stamp of the call, so that a booking with an old one asks for less.
        if matches!(call.act, Act::Reserve(..) | Act::Late(..)) {
            call.now = effective;
        }
        let expected = honest.apply(&Call { now: effective, ..call });
        let got = faulty.run(&call, log);
        // For an old stamp "at once" is earlier; and nothing is promised at the end of time.
        let later = |answer| match answer {
            Answer::Seen(room, Ok(at)) => Answer::Seen(room, Ok(at.max(effective))),
            Answer::Seen(room, Err(Denied::Until(Instant::MAX))) => Answer::Seen(room, Ok(Instant::MAX)),
            other => other,
        };
        if later(expected) != later(got) {
            return Err(format!(
                "{} at {} answers as at {effective}, the latest stamp acted on: \"{expected}\", got \"{got}\"",
                call.act, call.now
            ));
        }
        let rooms = (honest.limiter.available(effective), faulty.limiter.available(call.now));
        if rooms.0 != rooms.1 {
            return Err(format!("at {} {} available as at {effective}, got {}", call.now, rooms.0, rooms.1));
        }
        driver.note(&call, got);
    }
    Ok(())
}
