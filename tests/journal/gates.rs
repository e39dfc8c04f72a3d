//! Jobs of a gate over a reboot: each state, what is written when, and what a repetition does.

use tollgate::journal::{GateKeepError, GateKeeper, Keeping, Layout};
use tollgate::{
    Answer, Cost, Duration, Failure, Fate, Gate, GateError, Instant, JobId, JobState, Ledger, Limits, Outcome, Permit,
    Repeatable, Request, Retry, Verdict, presets::backoffs,
};
use tollgate_std::testing::FlashError;

use crate::support::*;

type Money = Ledger<'static, 1, 0, 1, 0>;
type Doorman = GateKeeper<Small, Limits<(), (), Money>, 1, 4, 3>;
type Refused = GateKeepError<FlashError>;

const PAGES: Layout = tollgate::valid!(Layout::new(0, 1024, 2));
const LEASE: Duration = Duration::from_mins(10);
const JOB: JobId = JobId(1);
const S: fn(u64) -> Instant = Instant::from_secs;

fn wake(flash: Small, keeping: Keeping) -> Doorman {
    let mut money = Money::new(Duration::ZERO);
    money.open(Instant::ORIGIN, &PLENTY).unwrap();
    let gate = Gate::new(Limits::new().money(money), Instant::ORIGIN).with_slots(3);
    GateKeeper::open(flash, PAGES, gate, &[keeping]).unwrap()
}

fn fresh() -> Doorman {
    wake(Small::new(2048), lease(10))
}

fn after(keeper: Doorman) -> Doorman {
    wake(reboot(keeper.into_flash()), lease(10))
}

fn asked(keeper: &mut Doorman, now: u64, id: JobId) -> Permit {
    keeper.ask(S(now), &Request::new(id, LEASE).weighs(2).costs(&credits(40))).unwrap()
}

fn sent(keeper: &mut Doorman, now: u64, id: JobId) -> Permit {
    let permit = asked(keeper, now, id);
    keeper.sending(S(now), &permit).unwrap();
    permit
}

fn hear(keeper: &mut Doorman, now: u64, permit: &Permit, outcome: &Outcome) -> Answer {
    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, S(0));
    keeper.answered(S(now), permit, outcome, &mut retry, 0).unwrap()
}

const fn answer(status: u16, verdict: Verdict) -> Outcome {
    Outcome::Answered { status, verdict, wait: None, should_retry: None }
}

const OK: Outcome = answer(200, Verdict::Clear);

#[test]
fn what_a_program_says_of_a_job_is_written_as_if_an_answer_had_said_it() {
    let cases = [
        (Fate::Runs, OK, Some(JobState::Running)),
        (Fate::Refused, answer(429, Verdict::Concurrency), None),
        (Fate::NotSent, Outcome::Failed(Failure::NotSent), None),
        (Fate::Unknown, Outcome::Failed(Failure::Broken), Some(JobState::Unknown)),
    ];
    for (fate, outcome, state) in cases {
        let (mut said, mut heard) = (fresh(), fresh());
        let permit = sent(&mut said, 100, JOB);
        said.resolved(S(101), &permit, fate).unwrap();
        let answered = sent(&mut heard, 100, JOB);
        hear(&mut heard, 101, &answered, &outcome);
        assert_eq!(said.flash_mut().bytes(), heard.flash_mut().bytes(), "{fate:?}");
        assert_eq!(said.resolved(S(101), &permit, fate), Err(GateError::StalePermit), "{fate:?}");

        let held = if state.is_some() { micros(40) } else { 0 };
        let keeper = after(said);
        assert_eq!((books(&keeper).0, books(&keeper).3), (state, held), "{fate:?}");
    }
}

#[test]
fn a_word_about_a_job_is_a_fact_even_where_it_cannot_be_written() {
    let mut keeper = fresh();
    let permit = sent(&mut keeper, 100, JOB);
    keeper.flash_mut().cut_after(0);
    assert_eq!(keeper.resolved(S(101), &permit, Fate::Runs), Ok(()));
    assert_eq!((keeper.gate().job(S(101), JOB), keeper.is_behind()), (Some(JobState::Running), true));
    keeper.flash_mut().power_on();
    keeper.sync().unwrap();
    assert_eq!(books(&after(keeper)).0, Some(JobState::Running));
}

#[test]
fn a_known_clock_fault_ends_and_what_was_written_in_it_stays() {
    let mut keeper = fresh();
    let permit = sent(&mut keeper, 3_700, JOB);
    keeper.resolved(S(3_701), &permit, Fate::Runs).unwrap();
    keeper.block_until(S(3_701), S(4_001));
    assert_eq!(keeper.try_ask(S(101), &Request::new(JobId(2), LEASE)), None, "closed");
    keeper.restart(S(101));
    assert_eq!((keeper.gate().status(S(101)).blocked, keeper.is_behind()), (Some(S(401)), false));
    assert!(keeper.try_ask(S(401), &Request::new(JobId(2), LEASE)).is_some());
    assert_eq!(keeper.gate().job(S(699), JOB), Some(JobState::Running));
    let keeper = after(keeper);
    assert_eq!(books(&keeper), (Some(JobState::Running), 2, 0, micros(40)));
}

#[test]
fn yes_or_no_writes_nothing() {
    let mut keeper = fresh();
    let before = keeper.flash_mut().bytes().to_vec();
    let cost = credits(40);
    let ask = |keeper: &mut Doorman, id| keeper.try_ask(S(100), &Request::new(JobId(id), LEASE).weighs(2).costs(&cost));
    let permit = ask(&mut keeper, 1).unwrap();
    assert_eq!(ask(&mut keeper, 1), None, "it is here already");
    assert_eq!(ask(&mut keeper, 2), None, "one slot of three is left");
    assert_eq!(keeper.flash_mut().bytes(), before);
    keeper.sending(S(100), &permit).unwrap();
    assert_ne!(keeper.flash_mut().bytes(), before);
}

/// A job in this state, at 100 s; its lease is over at 700 s.
fn reach(state: Option<JobState>) -> Doorman {
    let mut keeper = fresh();
    if state == Some(JobState::Asked) {
        let _ = asked(&mut keeper, 100, JOB);
        return keeper;
    }
    let permit = sent(&mut keeper, 100, JOB);
    match state {
        None => assert!(matches!(hear(&mut keeper, 100, &permit, &answer(429, Verdict::Blind)), Answer::RetryAt(_))),
        Some(JobState::Sent) => {}
        Some(JobState::Unknown) => {
            hear(&mut keeper, 100, &permit, &Outcome::Failed(Failure::Broken));
        }
        Some(state) => {
            assert_eq!(hear(&mut keeper, 100, &permit, &OK), Answer::Accepted);
            match state {
                JobState::NeedsActual => _ = keeper.reconcile(S(200), S(150), true, &[]),
                JobState::Overdue => assert_eq!(keeper.expire(S(700)), Some((JOB, JobState::Overdue))),
                JobState::Settled => _ = keeper.finished(S(200), JOB, &credits(30)).unwrap(),
                _ => {}
            }
        }
    }
    assert_eq!(keeper.gate().job(S(200), JOB), state);
    keeper
}

/// State, weight in flight, posted and held.
fn books(keeper: &Doorman) -> (Option<JobState>, u64, u64, u64) {
    let (now, gate) = (keeper.base(), keeper.gate());
    let report = gate.report(now, ACCOUNT).unwrap();
    (gate.job(now, JOB), gate.in_flight(now), report.posted, report.held)
}

#[test]
fn every_state_of_a_job_over_a_reboot_and_another_one() {
    use JobState::*;
    for (before, state, in_flight, posted, held) in [
        (None, None, 0, 0, 0),
        (Some(Asked), None, 0, 0, 0),
        (Some(Sent), Some(Unknown), 2, 0, 40),
        (Some(Unknown), Some(Unknown), 2, 0, 40),
        (Some(Running), Some(Running), 2, 0, 40),
        (Some(NeedsActual), Some(NeedsActual), 0, 0, 40),
        (Some(Overdue), Some(Overdue), 0, 40, 0),
        (Some(Settled), Some(Settled), 0, 30, 0),
    ] {
        let mut keeper = reach(before);
        for _ in 0..3 {
            assert!(!keeper.is_behind(), "{before:?}");
            keeper = after(keeper);
            assert_eq!(books(&keeper), (state, in_flight, micros(posted), micros(held)), "{before:?}");
        }
        // What was sent is told to be unknown; the others are where they were.
        let told = matches!(before, Some(Sent | Unknown)).then_some((JOB, Unknown));
        let now = keeper.base();
        assert_eq!(keeper.expire(now), told, "{before:?}");
    }
}

#[test]
fn every_state_is_finished_once_although_it_is_said_after_a_reboot_and_again_after_another() {
    use JobState::*;
    for (before, cost) in [
        (Sent, Cost::Settled),
        (Unknown, Cost::Settled),
        (Running, Cost::Settled),
        (NeedsActual, Cost::Settled),
        (Overdue, Cost::Corrected),
        (Settled, Cost::Replayed),
    ] {
        for actual in [30, 10, 70] {
            let mut keeper = after(reach(Some(before)));
            let now = keeper.base();
            if before == Settled && actual != 30 {
                let again = keeper.finished(now, JOB, &credits(actual));
                assert_eq!(again.unwrap_err(), Refused::Gate(GateError::Mismatch));
                continue;
            }
            assert_eq!(keeper.finished(now, JOB, &credits(actual)).unwrap().cost, cost, "{before}");
            for _ in 0..2 {
                assert_eq!(books(&keeper), (Some(Settled), 0, micros(actual.into()), 0), "{before} {actual}");
                assert_eq!(keeper.finished(now, JOB, &credits(actual)).unwrap().cost, Cost::Replayed, "{before}");
                keeper.shutdown(now).unwrap();
                keeper = after(keeper);
            }
        }
    }
}

#[test]
fn a_lease_begins_again_with_the_boot_and_ends_in_what_is_posted() {
    let mut keeper = after(reach(Some(JobState::Running)));
    let now = keeper.base();
    assert_eq!(keeper.gate().next_event(now), Some(now.saturating_add(LEASE)));
    let over = now.saturating_add(LEASE);
    assert_eq!(keeper.expire(over), Some((JOB, JobState::Overdue)));
    keeper.tick(over).unwrap();
    assert_eq!(books(&after(keeper)), (Some(JobState::Overdue), 0, micros(40), 0));
}
