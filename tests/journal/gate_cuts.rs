//! The power goes at every byte of a run of jobs through a gate, and again during the recovery from that.
//!
//! P1: what counts after recovery is at least what was granted: charges, costs of finished jobs, and the holds of those
//! that were sent. P2: at most a lease more, and the hold of the job that was under way. And once every job is finished
//! after the reboot, each has been charged once, whatever it was that the cut went through.

use std::collections::BTreeMap;

use tollgate::journal::{Async, GateKeeper, Health, Keeping, Layout};
use tollgate::{
    AccountId, Amount, BudgetSpec, Calendar, Cost, Credits, Cycle, Duration, Failure, Fate, Gate, Instant, JobId,
    JobState, Ledger, Limits, Line, Outcome, Permit, Renewal, Repeatable, Request, Retry, Trust, UnixMicros, Verdict,
    presets::backoffs,
};
use tollgate_std::testing::Cut;

use crate::asynchronous::ready;
use crate::support::{Small, lease, micros, reboot};

static EVER: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(1_000_000), Renewal::Lifetime);
static DAILY: BudgetSpec =
    BudgetSpec::new::<Credits>(Amount::whole(1_000_000), Renewal::Calendar(Calendar::utc(Cycle::Day)));

pub(crate) type Money = Ledger<'static, 2, 0, 2, 0>;
pub(crate) type Doorman<F = Small> = GateKeeper<F, Limits<(), (), Money>, 2, 4, 2>;

const PAGES: Layout = tollgate::valid!(Layout::new(0, 1024, 2));
const CUTS: [Cut; 3] = [Cut::Clean, Cut::Half { seed: 7 }, Cut::Zeros];
const HOLD: u32 = 40;
const ROUNDS: u64 = 9;

fn gate() -> Gate<Limits<(), (), Money>, 4, 2> {
    let mut money = Money::new(Duration::ZERO);
    for spec in [&EVER, &DAILY] {
        money.open(Instant::ORIGIN, spec).unwrap();
    }
    Gate::new(Limits::new().money(money), Instant::ORIGIN)
}

fn lines(units: u32) -> [Line; 2] {
    [0, 1].map(|account| Line::new::<Credits>(AccountId(account), Amount::whole(units)))
}

fn told(keeper: &mut Doorman, now: Instant) {
    keeper.set_wall(now, UnixMicros::from_secs(1_767_225_600), Duration::ZERO, Trust::Owner);
}

/// One step of a run.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(u64),
    Send(u64),
    Hear(u64, Outcome),
    Resolve(u64, Fate),
    Finish(u64, u32),
    Charge(u32),
    Tick,
    Expire,
}

/// The steps of a run: jobs that run, break off, are refused, outlive their lease, and cost more or less than was held. Of
/// half of them the program says by itself what has become of them.
fn script() -> Vec<(u64, Step)> {
    const fn answer(status: u16, verdict: Verdict) -> Outcome {
        Outcome::Answered { status, verdict, wait: None, should_retry: None }
    }
    let (mut steps, mut now) = (Vec::new(), 0);
    for round in 1..=ROUNDS {
        now += 100;
        steps.extend([(now, Step::Ask(round)), (now, Step::Send(round))]);
        let heard = match round {
            9 => Step::Resolve(round, Fate::NotSent),
            8 => Step::Resolve(round, Fate::Unknown),
            6 | 7 => Step::Resolve(round, Fate::Runs),
            5 => Step::Resolve(round, Fate::Refused),
            4 => Step::Hear(round, Outcome::Failed(Failure::Broken)),
            1 => Step::Hear(round, answer(429, Verdict::Concurrency)),
            _ => Step::Hear(round, answer(200, Verdict::Clear)),
        };
        steps.extend([(now, heard), (now, Step::Charge(3))]);
        if round % 3 == 0 {
            // The lease of the job before is over by now, which nobody had said was finished.
            now += 600;
            steps.extend([(now, Step::Expire), (now, Step::Tick)]);
        }
        let before = round - 1;
        if before % 4 != 1 && before > 0 {
            let actual = [25, 55, 0, 40].into_iter().cycle().nth(usize::try_from(before).unwrap()).unwrap();
            steps.push((now, Step::Finish(before, actual)));
        }
    }
    steps
}

/// What is known outside about a job.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Asked,
    /// It was told that it may be sent.
    Sent,
    Refused,
    /// It was said what it cost; whether that was confirmed.
    Finished(u32, bool),
}

/// The world outside of the device.
#[derive(Clone, Debug, Default)]
struct World {
    jobs: BTreeMap<u64, Known>,
    charged: u32,
    /// A charge, or a job on its way, of which the device had not said yes when the power went.
    unsure: u32,
}

/// A device in a run; its permits do not outlive it.
struct Run {
    keeper: Doorman,
    permits: BTreeMap<u64, Permit>,
    world: World,
}

impl Run {
    fn new(keeping: Keeping) -> Self {
        let mut keeper = Doorman::open(Small::new(2048), PAGES, gate(), &[keeping; 2]).unwrap();
        told(&mut keeper, Instant::ORIGIN);
        Self { keeper, permits: BTreeMap::new(), world: World::default() }
    }

    fn step(&mut self, (now, step): (u64, Step)) {
        let (now, keeper, world) = (Instant::from_secs(now), &mut self.keeper, &mut self.world);
        match step {
            Step::Ask(id) => {
                let cost = lines(HOLD);
                let request = Request::new(JobId(id), Duration::from_secs(600)).costs(&cost);
                let granted = if id % 2 == 0 { keeper.try_ask(now, &request) } else { keeper.ask(now, &request).ok() };
                self.permits.insert(id, granted.unwrap());
                world.jobs.insert(id, Known::Asked);
            }
            Step::Send(id) => match keeper.sending(now, &self.permits[&id]) {
                Ok(()) => _ = world.jobs.insert(id, Known::Sent),
                Err(_) => world.unsure = HOLD,
            },
            Step::Hear(id, _) | Step::Resolve(id, _) => {
                let permit = &self.permits[&id];
                if let Step::Hear(_, outcome) = step {
                    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, now);
                    keeper.answered(now, permit, &outcome, &mut retry, 0).unwrap();
                } else if let Step::Resolve(_, fate) = step {
                    keeper.resolved(now, permit, fate).unwrap();
                }
                if keeper.gate().job(now, JobId(id)).is_none() {
                    world.jobs.insert(id, Known::Refused);
                    world.unsure = if keeper.is_behind() { HOLD } else { 0 };
                }
            }
            Step::Finish(id, actual) => {
                let done = keeper.finished(now, JobId(id), &lines(actual)).is_ok();
                world.jobs.insert(id, Known::Finished(actual, done));
            }
            Step::Charge(units) => match keeper.charge(now, &lines(units)) {
                Ok(()) => world.charged += units,
                Err(_) => world.unsure = units,
            },
            Step::Tick => _ = keeper.tick(now),
            Step::Expire => while keeper.expire(now).is_some() {},
        }
    }

    fn on(&mut self) -> bool {
        self.keeper.flash_mut().is_on()
    }
}

/// What counts as used in an account, in millionths.
fn counted(keeper: &Doorman, account: u8) -> u64 {
    let report = keeper.gate().report(keeper.base(), AccountId(account)).unwrap();
    report.posted + report.held + report.debt
}

/// The device is back: never too little, hardly too much, and no job forgotten.
fn judge(keeper: &Doorman, world: &World, slack: u64, what: &str) {
    assert!(!matches!(keeper.health(), Health::Damaged(_)), "{what}: {:?}", keeper.health());
    let (mut least, mut most) = (world.charged, world.charged + world.unsure);
    for (id, known) in &world.jobs {
        let state = keeper.gate().job(keeper.base(), JobId(*id));
        match *known {
            Known::Asked | Known::Refused => assert_ne!(state, Some(JobState::Asked), "{what}: job {id}"),
            Known::Sent => {
                assert!(state.is_some_and(|state| state != JobState::Settled), "{what}: job {id} {state:?}");
                (least, most) = (least + HOLD, most + HOLD);
            }
            Known::Finished(actual, true) => {
                assert!(matches!(state, None | Some(JobState::Settled)), "{what}: job {id} {state:?}");
                (least, most) = (least + actual, most + actual);
            }
            Known::Finished(actual, false) => {
                (least, most) = (least + actual.min(HOLD), most + actual.max(HOLD));
            }
        }
    }
    for account in 0..2 {
        let counted = counted(keeper, account);
        let range = micros(least.into())..=micros(u64::from(most) + slack);
        assert!(range.contains(&counted), "{what}: account {account} {counted} of {range:?} {world:?}");
    }
}

/// Everything is finished after the reboot: each job is charged once.
fn settle(keeper: &mut Doorman, world: &World, slack: u64, what: &str) {
    let now = keeper.base();
    told(keeper, now);
    let (mut sum, mut unsure) = (world.charged, world.unsure.min(3));
    for (id, known) in &world.jobs {
        let state = keeper.gate().job(now, JobId(*id));
        let (actual, replays) = match *known {
            Known::Sent => (17, false),
            Known::Finished(actual, done) => (actual, done),
            Known::Asked | Known::Refused => (0, false),
        };
        sum += actual;
        if state.is_some() {
            let cost = keeper.finished(now, JobId(*id), &lines(actual)).unwrap().cost;
            assert!(!replays || cost == Cost::Replayed, "{what}: job {id} {cost:?}");
            assert_ne!(cost, Cost::Late, "{what}: job {id}");
        } else if *known == Known::Finished(actual, false) {
            unsure += actual;
        }
    }
    for account in 0..2 {
        let counted = counted(keeper, account);
        let range = micros(sum.into())..=micros(u64::from(sum + unsure) + slack);
        assert!(range.contains(&counted), "{what}: settled, account {account} {counted} of {range:?} {world:?}");
    }
}

fn wake(flash: Small, keeping: Keeping) -> Doorman {
    Doorman::open(reboot(flash), PAGES, gate(), &[keeping; 2]).unwrap()
}

/// Runs up to this step, which is cut after so many bytes; `None` if it needs no more.
fn cut_at(keeping: Keeping, steps: &[(u64, Step)], at: u64, cut: Cut) -> Option<(Small, World)> {
    let mut run = Run::new(keeping);
    let (last, before) = steps.split_last()?;
    for step in before {
        run.step(*step);
    }
    let flash = run.keeper.flash_mut();
    flash.cut_after(at);
    *flash = flash.clone().with_cut(cut);
    run.step(*last);
    let on = run.on();
    (!on).then(|| (run.keeper.into_flash(), run.world))
}

fn sweep(units: u32, second: u64) {
    let (keeping, slack, steps) = (lease(units), micros(u64::from(units) * 2), script());
    let (mut cuts, mut double) = (0u64, 0u64);
    for end in 1..=steps.len() {
        let mut at = 0;
        while let Some((flash, world)) = cut_at(keeping, &steps[..end], at, CUTS[usize::try_from(at % 3).unwrap()]) {
            let what = format!("lease {units}, step {end} {:?}, byte {at}", steps[end - 1]);
            let mut keeper = wake(flash.clone(), keeping);
            judge(&keeper, &world, slack, &what);
            settle(&mut keeper, &world, slack, &what);
            cuts += 1;
            if cuts % second == 0 {
                double += cut_again(keeping, &flash, &world, slack * 2, &what);
            }
            // An erase is a thousand bytes; every residue has its turn.
            at += if at < 160 { 1 } else { 7 };
        }
    }
    assert!(cuts > 2_000 && double > 500, "{cuts} {double}");
}

/// A second cut, in the recovery or in what is settled after it.
fn cut_again(keeping: Keeping, flash: &Small, world: &World, slack: u64, what: &str) -> u64 {
    let mut at = 0;
    loop {
        let mut off = reboot(flash.clone()).with_cut(CUTS[usize::try_from(at % 3).unwrap()]);
        off.cut_after(at);
        let mut world = world.clone();
        // A borrowed flash shows what was written before the power went.
        if let Ok(mut keeper) = GateKeeper::open(&mut off, PAGES, gate(), &[keeping; 2]) {
            let now = keeper.base();
            keeper.set_wall(now, UnixMicros::from_secs(1_767_225_600), Duration::ZERO, Trust::Owner);
            for (id, known) in &mut world.jobs {
                if *known == Known::Sent {
                    let done = keeper.finished(now, JobId(*id), &lines(17)).is_ok();
                    *known = Known::Finished(17, done);
                }
            }
        }
        let survived = off.is_on();
        let mut keeper = wake(off, keeping);
        judge(&keeper, &world, slack, &format!("{what}, then {at}"));
        settle(&mut keeper, &world, slack, &format!("{what}, then {at}"));
        if survived {
            return at;
        }
        at += 5;
    }
}

#[test]
fn a_run_of_jobs_cut_at_every_byte_charges_each_job_once() {
    sweep(10, 113);
}

#[test]
fn a_strict_run_of_jobs_cut_at_every_byte_is_exact() {
    sweep(0, 113);
}

#[test]
fn both_kinds_of_driver_write_the_same_jobs() {
    let mut run = Run::new(lease(10));
    let keeping = [lease(10); 2];
    let opened = GateKeeper::open_async(Async(Small::new(2048)), PAGES, gate(), &keeping);
    let mut other: Doorman<Async<Small>> = ready(opened).unwrap();
    other.set_wall(Instant::ORIGIN, UnixMicros::from_secs(1_767_225_600), Duration::ZERO, Trust::Owner);
    let mut permits = BTreeMap::new();
    for (secs, step) in script() {
        run.step((secs, step));
        let now = Instant::from_secs(secs);
        match step {
            Step::Ask(id) => {
                let cost = lines(HOLD);
                let request = Request::new(JobId(id), Duration::from_secs(600)).costs(&cost);
                permits.insert(id, other.ask(now, &request).unwrap());
            }
            Step::Send(id) => ready(other.sending(now, &permits[&id])).unwrap(),
            Step::Hear(id, outcome) => {
                let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, now);
                ready(other.answered(now, &permits[&id], &outcome, &mut retry, 0)).unwrap();
            }
            Step::Resolve(id, fate) => ready(other.resolved(now, &permits[&id], fate)).unwrap(),
            Step::Finish(id, actual) => _ = ready(other.finished(now, JobId(id), &lines(actual))).unwrap(),
            Step::Charge(units) => ready(other.charge(now, &lines(units))).unwrap(),
            Step::Tick => ready(other.tick(now)).unwrap(),
            Step::Expire => while ready(other.expire(now)).is_some() {},
        }
    }
    assert!(run.keeper.turns() > 1, "{}", run.keeper.turns());
    let Async(flash) = other.into_flash();
    assert_eq!(flash.bytes(), run.keeper.into_flash().bytes());
}
