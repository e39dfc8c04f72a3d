//! The law about several limits at once: the subject, a bucket of its own pace, and one that breaks its word.

use tollgate::{
    Book, Denied, Duration, Instant, Limiter, Quota, Refused, Reservation, Start, TokenBucket, reserve_all,
};

use super::{Case, Verdict};
use crate::testing::report::Log;
use crate::testing::trace::{Answer, Mood, Raw};
use crate::testing::world::look;

pub(super) fn all_or_nothing<L: Limiter + Clone>(case: &Case<'_, L>, log: &mut Log) -> Verdict {
    let mut driver = case.driver(Mood::Faulty);
    let mut world = case.world(&driver);
    let (pace, start) = (Duration::from_micros(case.scale.unit.min(1 << 50)), driver.now);
    let Ok(quota) = Quota::new_with_burst(2, pace.saturating_mul(3), 3) else { return Ok(()) };
    let mut pair = Pair { subject: world.limiter, bucket: TokenBucket::new(quota, Start::Full, start) };
    // Behind a later promise a rollback may return less.
    let mut promised = Instant::ORIGIN;
    for raw in &case.trace.steps {
        world.limiter = pair.subject;
        let call = driver.call(raw, &world.held(), world.limiter.available(driver.now));
        let cost = raw.extra % case.scale.max_cost.max(1) + 1;
        let patience = Duration::from_micros(raw.far % case.scale.full.saturating_add(1));
        let question = Question {
            now: call.now,
            patience: if raw.extra.is_multiple_of(3) { Duration::ZERO } else { patience },
            costs: [if raw.extra.is_multiple_of(2) { 1 } else { cost }, raw.far % 5],
        };
        pair.subject = world.limiter.clone();
        if promised <= question.now {
            judge_broken_word(case, &pair, &question, raw)?;
        }
        let at;
        // A grant of both is part of the trace: what was booked in the subject is forgotten, as by a dropped job.
        (pair, at) = judge(case, &pair, &question, log)?;
        promised = promised.max(at);
        world.limiter = pair.subject.clone();
        let answer = world.run(&call, log);
        if let Answer::Reserved(Ok(at)) = answer {
            promised = promised.max(at);
        }
        driver.note(&call, answer);
        pair.subject = world.limiter.clone();
    }
    Ok(())
}

#[derive(Clone)]
struct Pair<L> {
    subject: L,
    bucket: TokenBucket,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    now: Instant,
    patience: Duration,
    costs: [u64; 2],
}

impl<L: Limiter + Clone> Pair<L> {
    fn ask(&mut self, question: &Question) -> Result<[Reservation; 2], Refused> {
        let [cost, other] = question.costs;
        reserve_all(question.now, question.patience, [(&mut self.subject, cost), (&mut self.bucket, other)])
    }

    fn swapped(&mut self, question: &Question) -> Result<[Reservation; 2], Refused> {
        let [cost, other] = question.costs;
        reserve_all(question.now, question.patience, [(&mut self.bucket, other), (&mut self.subject, cost)])
    }

    fn look(&self, case: &Case<'_, L>, now: Instant) -> [(u64, [Result<Instant, Denied>; 3]); 2] {
        [look(&self.subject, now, case.costs()), look(&self.bucket, now, [1, 2, 3])]
    }
}

/// Judges one call on both limits and returns what they have become, and what was promised.
fn judge<L: Limiter + Clone>(
    case: &Case<'_, L>,
    before: &Pair<L>,
    question: &Question,
    log: &mut Log,
) -> Result<(Pair<L>, Instant), String> {
    let Question { now, patience, costs } = *question;
    let mut after = before.clone();
    let answer = after.ask(question);
    log.row(now, || {
        (format!("reserve_all({}, 3-unit bucket: {}, patience {patience})", costs[0], costs[1]), format!("{answer:?}"))
    });
    let name = format!("reserve_all({costs:?}, patience {patience}) at {now}");
    let swapped = before.clone().swapped(question);
    let stamps = [now, Instant::ORIGIN, now.saturating_sub(patience), now.saturating_add(patience)];
    match &answer {
        Err(Refused { denied, .. }) => {
            if swapped.as_ref().map_err(|refused| refused.denied).err() != Some(*denied) {
                return Err(format!("{name} refuses in any order, {denied}; got {swapped:?}"));
            }
            if let Some(stamp) = stamps.into_iter().find(|&stamp| before.look(case, stamp) != after.look(case, stamp)) {
                return Err(format!("{name} is refused and has changed nothing at {stamp}"));
            }
            judge_until(before, question, *denied, &name)?;
        }
        Ok([first, second]) => {
            if first.at() != second.at() || [first.cost(), second.cost()] != costs {
                return Err(format!("{name} books both at one instant; got {answer:?}"));
            }
            if first.at() < now || first.at() > now.saturating_add(patience) {
                return Err(format!("{name} books within the patience; got {answer:?}"));
            }
            if swapped.as_ref().map(|[held, _]| held.at()) != Ok(first.at()) {
                return Err(format!("{name} books for {} in any order; got {swapped:?}", first.at()));
            }
            let mut single = before.clone();
            let alone = [
                if costs[0] > 0 { single.subject.book(now, first.at(), costs[0]).err() } else { None },
                if costs[1] > 0 { single.bucket.book(now, first.at(), costs[1]).err() } else { None },
            ];
            if alone != [None; 2] || single.look(case, now) != after.look(case, now) {
                return Err(format!("{name} leaves each limit as its own booking does; {alone:?}"));
            }
        }
    }
    let at = answer.map_or(Instant::ORIGIN, |[held, _]| held.at());
    Ok((after, at))
}

fn judge_until<L: Limiter + Clone>(before: &Pair<L>, question: &Question, denied: Denied, name: &str) -> Verdict {
    let Denied::Until(until) = denied else { return Ok(()) };
    let at = |now| before.clone().ask(&Question { now, ..*question });
    let just_before = until.saturating_sub(Duration::from_micros(1));
    if until < Instant::MAX && at(until).is_err() {
        return Err(format!("{name} passes at {until}, as it said; got {:?}", at(until)));
    }
    if question.now < just_before && at(just_before).is_ok() {
        return Err(format!("{name} passes not before {until}; yet it does at {just_before}"));
    }
    Ok(())
}

/// A limit that quotes and then does not book: what was booked before it is rolled back.
#[derive(Debug)]
struct Fickle;

impl Book for Fickle {
    fn room(&self, _now: Instant) -> u64 {
        u64::MAX
    }

    fn quote(&self, _now: Instant, from: Instant, _cost: u64) -> Result<Instant, Denied> {
        Ok(from)
    }

    fn book(&mut self, _now: Instant, _at: Instant, _cost: u64) -> Result<Reservation, Denied> {
        Err(Denied::Busy)
    }

    fn settle(&mut self, _now: Instant, _held: Reservation, _actual: u64) {}
}

fn judge_broken_word<L: Limiter + Clone>(
    case: &Case<'_, L>,
    before: &Pair<L>,
    question: &Question,
    raw: &Raw,
) -> Verdict {
    // Without patience: a booking ahead may be rounded up.
    let (mut after, [cost, other]) = (before.clone(), question.costs);
    let now = question.now;
    let limits: [(&mut dyn Book, u64); 3] = if raw.extra.is_multiple_of(2) {
        [(&mut after.subject, cost), (&mut Fickle, 1), (&mut after.bucket, other)]
    } else {
        [(&mut after.subject, cost), (&mut after.bucket, other), (&mut Fickle, 1)]
    };
    let answer = reserve_all(now, Duration::ZERO, limits);
    if answer.is_ok() {
        return Err(format!("reserve_all with a limit that never books is refused, got {answer:?}"));
    }
    let [was, is] = [before, &after].map(|pair| pair.look(case, now));
    let rooms = [was, is].map(|[subject, bucket]| (subject.0, bucket));
    if rooms[0] != rooms[1] || (case.subject.grain.is_zero() && was != is) {
        return Err(format!("at {now} a limit that does not book what it quoted undoes the rest, {was:?}; got {is:?}"));
    }
    Ok(())
}
