//! A gate with a request quota, two slots and one account of 100 credits, and short words for what happens to it.

use tollgate::{
    AccountId, Amount, Answer, AskError, BudgetSpec, Credits, Duration, Failure, Gate, GateError, Instant, JobId,
    JobState, Ledger, Limits, Line, Outcome, Patience, Permit, Quota, Renewal, Repeatable, Request, Retry, Start,
    TokenBucket, Verdict, presets::backoffs, valid,
};

pub(crate) static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
pub(crate) const S: fn(u64) -> Instant = Instant::from_secs;
pub(crate) const LEASE: Duration = Duration::from_secs(600);
pub(crate) const ACCOUNT: AccountId = AccountId(0);
pub(crate) const JOB: JobId = JobId(1);

/// 10 s to send, 60 s to answer.
pub(crate) const PATIENCE: Patience = Patience {
    to_send: Duration::from_secs(10),
    to_answer: Duration::from_secs(60),
    max_block: Duration::from_secs(3_600),
};

pub(crate) type Money = Ledger<'static, 1, 0, 2, 0>;
pub(crate) type Plain = Gate<Limits<TokenBucket, (), Money>, 4, 3>;

pub(crate) fn bucket() -> TokenBucket {
    TokenBucket::new(valid!(Quota::new(60, Duration::from_secs(60))), Start::Full, S(0))
}

pub(crate) fn money() -> Money {
    let mut money = Ledger::new(Duration::ZERO);
    money.open(S(0), &CREDITS).unwrap();
    money
}

pub(crate) fn gate() -> Plain {
    Gate::new(Limits::new().requests(bucket()).money(money()), S(0)).with_slots(2).with_patience(PATIENCE)
}

pub(crate) fn credits(n: u32) -> [Line; 1] {
    [Line::new::<Credits>(ACCOUNT, Amount::whole(n))]
}

pub(crate) fn retry(repeatable: Repeatable) -> Retry {
    Retry::new(backoffs::RETRY, repeatable, S(0))
}

pub(crate) const fn answer(status: u16, verdict: Verdict) -> Outcome {
    Outcome::Answered { status, verdict, wait: None, should_retry: None }
}

pub(crate) const OK: Outcome = answer(200, Verdict::Clear);
pub(crate) const BLIND: Outcome = answer(429, Verdict::Blind);
pub(crate) const BROKEN: Outcome = Outcome::Failed(Failure::Broken);

/// Asks for a job of 40 credits.
pub(crate) fn ask(gate: &mut Plain, at: u64, job: JobId, repeatable: Repeatable) -> Result<Permit, AskError> {
    let cost = credits(40);
    gate.ask(S(at), &Request::new(job, LEASE).costs(&cost).repeatable(repeatable))
}

pub(crate) fn hear(
    gate: &mut Plain,
    at: u64,
    permit: &Permit,
    outcome: &Outcome,
    repeatable: Repeatable,
) -> Result<Answer, GateError> {
    gate.answered(S(at), permit, outcome, &mut retry(repeatable), 0)
}

/// A gate with one job in this state at 100 s, and its latest permit. Leases end at 601 s.
pub(crate) fn reach(state: Option<JobState>) -> (Plain, Permit) {
    let mut gate = gate();
    let permit = ask(&mut gate, 0, JOB, Repeatable::No).unwrap();
    match state {
        None => {
            assert_eq!(gate.sending(S(0), &permit), Ok(()));
            hear(&mut gate, 0, &permit, &BLIND, Repeatable::No).unwrap();
        }
        Some(JobState::Asked) => {
            // The others are looked at later than it lives.
            gate.cancel(S(0), permit).unwrap();
            let permit = ask(&mut gate, 95, JOB, Repeatable::No).unwrap();
            return (gate, permit);
        }
        Some(JobState::Sent) => {
            gate.cancel(S(0), permit).unwrap();
            let permit = ask(&mut gate, 90, JOB, Repeatable::No).unwrap();
            gate.sending(S(91), &permit).unwrap();
            return (gate, permit);
        }
        Some(state) => {
            gate.sending(S(1), &permit).unwrap();
            let outcome = if state == JobState::Unknown { BROKEN } else { OK };
            hear(&mut gate, 2, &permit, &outcome, Repeatable::No).unwrap();
            match state {
                JobState::NeedsActual => _ = gate.reconcile(S(50), S(50), true, &[]),
                JobState::Overdue => {
                    // Time has to pass: it is looked at later than the others.
                    while gate.expire(S(601)).is_some() {}
                }
                JobState::Settled => _ = gate.finished(S(50), JOB, &credits(30)).unwrap(),
                _ => {}
            }
        }
    }
    (gate, permit)
}

/// Where the job and its books stand: state, weight in flight, credits posted and held, credits unaccounted for.
pub(crate) fn books(gate: &Plain, at: u64) -> (Option<JobState>, u64, u64, u64, u64) {
    let report = gate.report(S(at), ACCOUNT).unwrap();
    let whole = |micros: u64| micros / 1_000_000;
    (gate.job(S(at), JOB), gate.in_flight(S(at)), whole(report.posted), whole(report.held), whole(report.unaccounted))
}
