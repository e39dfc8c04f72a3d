//! What the owner changes while a gate runs, and what the server advertises: both live, and nothing is gained by it.

use tollgate::headers::FeedbackReader;
use tollgate::{
    Adaptation, Aimd, AimdPolicy, Amount, AskError, Binding, BudgetSpec, Cost, Credits, Denied, Duration, Gate,
    GateError, Inherit, JobId, JobState, Ledger, LedgerError, Limits, Line, Offer, Quota, Raise, Renewal, Repeatable,
    Request, Thresholds, TokenBucket, valid,
};

use crate::support::{
    ACCOUNT, JOB, LEASE, OK, PATIENCE, Plain, S, ask, books, bucket, credits, gate, hear, reach, retry,
};

type Follows = Gate<Limits<TokenBucket, (), (), (), (), Adaptation>, 8, 4>;

/// Once a second, a burst of 60, and it follows what the server advertises.
fn follows(rate: Option<(Aimd, Duration)>) -> Follows {
    let adaptation = Adaptation { rate, offer: Some(Offer::NONE), ..Adaptation::default() };
    Gate::new(Limits::new().requests(bucket()).adaptation(adaptation), S(0)).with_slots(4).with_patience(PATIENCE)
}

fn heard(gate: &mut Follows, at: u64, lines: &[(&str, &str)]) {
    let mut reader = FeedbackReader::new();
    for (name, value) in lines {
        reader.line(name.as_bytes(), value.as_bytes());
    }
    gate.heard(S(at), &reader.finish(200, None));
}

/// The rate in force as microseconds between two requests, and the burst.
fn rate(gate: &Follows) -> (u64, u32) {
    let quota = gate.limits().requests.quota();
    (quota.per().as_micros() / u64::from(quota.units()), quota.burst())
}

#[test]
fn an_advertised_rate_is_adopted_if_it_is_lower_and_followed_up_to_the_owners() {
    let mut gate = follows(None);
    for (policy, gap, burst) in [
        ("\"m\";q=30;w=60", 2_000_000, 30),
        ("\"m\";q=10;w=60", 6_000_000, 10),
        ("\"m\";q=20;w=60", 3_000_000, 20),
        // More than the owner's is the owner's.
        ("\"m\";q=600;w=60", 1_000_000, 60),
        // Of two windows the slower one.
        ("\"s\";q=5;w=1, \"m\";q=40;w=60", 1_500_000, 40),
        // A whole day is no rate, and neither is nothing.
        ("\"d\";q=100;w=86400", 1_500_000, 40),
        ("\"m\";q=0;w=60", 1_500_000, 40),
        ("rubbish;;", 1_500_000, 40),
        // The slowest that is believed: one in the longest block.
        ("\"h\";q=1;w=3600", 3_600_000_000, 1),
        ("\"m\";q=60;w=60", 1_000_000, 60),
    ] {
        heard(&mut gate, 1, &[("ratelimit-policy", policy)]);
        assert_eq!(rate(&gate), (gap, burst), "{policy}");
    }
}

#[test]
fn following_down_and_up_grants_nothing() {
    let mut gate = follows(None);
    for _ in 0..50 {
        let permit = gate.poll(S(0), 1).unwrap();
        gate.sending(S(0), &permit).unwrap();
        gate.answered(S(0), &permit, &OK, &mut retry(Repeatable::No), 0).unwrap();
    }
    assert_eq!(gate.status(S(0)).requests, 10);
    for _ in 0..5 {
        heard(&mut gate, 0, &[("ratelimit-policy", "\"m\";q=6;w=60")]);
        heard(&mut gate, 0, &[("ratelimit-policy", "\"m\";q=60;w=60")]);
    }
    assert!(gate.status(S(0)).requests <= 10);
}

#[test]
fn what_is_left_in_any_window_is_believed_and_never_raises() {
    let mut gate = follows(None);
    heard(&mut gate, 0, &[("ratelimit", "\"s\";r=50;t=1, \"d\";r=7;t=3600")]);
    assert_eq!(gate.status(S(0)).requests, 7);
    heard(&mut gate, 0, &[("ratelimit", "\"s\";r=50;t=1")]);
    assert_eq!(gate.status(S(0)).requests, 7);
}

#[test]
fn advertised_concurrency_lowers_the_slots_but_not_below_one() {
    let mut gate = follows(None);
    let said = |q: u64| format!("\"tasks\";q={q};qu=\"concurrent-requests\"");
    for (q, slots) in [(3, 3), (2, 2), (0, 1), (9, 4), (999_999_999_999, 4)] {
        heard(&mut gate, 0, &[("ratelimit-policy", &said(q))]);
        assert_eq!(gate.slots(), slots, "{q}");
    }
    heard(&mut gate, 0, &[("ratelimit-policy", &said(2))]);
    // It may rise again: a job of weight 3 is not refused for ever.
    let three = Request::new(JOB, LEASE).weighs(3);
    assert!(matches!(gate.ask(S(0), &three), Err(AskError::Refused { limit: Binding::Slots, denied: Denied::Busy })));
    assert_eq!(rate(&gate), (1_000_000, 60), "it has nothing to do with the rate");
}

#[test]
fn the_adaptation_and_the_server_agree_on_the_lower_rate() {
    const RPM: AimdPolicy = AimdPolicy { floor: 6, ceiling: 60, keep_permille: 500, step: 30, every: 1 };
    let mut gate = follows(Some((Aimd::new(valid!(RPM.checked())), Duration::from_mins(1))));
    let exchange = |gate: &mut Follows, at: u64, outcome| {
        let permit = gate.poll(S(at), 1).unwrap();
        gate.sending(S(at), &permit).unwrap();
        gate.answered(S(at), &permit, outcome, &mut retry(Repeatable::No), 0).unwrap();
    };
    heard(&mut gate, 0, &[("ratelimit-policy", "\"m\";q=40;w=60")]);
    assert_eq!(rate(&gate), (1_500_000, 40));
    exchange(&mut gate, 1, &crate::support::BLIND);
    assert_eq!(rate(&gate), (2_000_000, 60), "30 a minute, by ourselves");
    exchange(&mut gate, 100, &OK);
    assert_eq!(rate(&gate), (1_500_000, 40), "60 by ourselves, 40 by the server");
}

#[test]
fn without_an_offer_nothing_is_adopted() {
    let mut gate = gate();
    let mut reader = FeedbackReader::new();
    reader.line(b"ratelimit-policy", b"\"m\";q=1;w=60");
    gate.heard(S(0), &reader.finish(200, None));
    assert_eq!(gate.limits().requests.quota(), bucket().quota());
}

#[test]
fn the_owner_has_the_last_word_on_the_quota() {
    let mut gate = follows(None);
    heard(&mut gate, 0, &[("ratelimit-policy", "\"m\";q=10;w=60")]);
    let quota = valid!(Quota::new(120, Duration::from_mins(1)));
    gate.requests_mut().set_quota(S(0), quota, Inherit::KeepUsed);
    assert_eq!(rate(&gate), (500_000, 120));
    // And the server again, below it and up to it.
    heard(&mut gate, 0, &[("ratelimit-policy", "\"m\";q=10;w=60")]);
    assert_eq!(rate(&gate), (6_000_000, 10));
    heard(&mut gate, 0, &[("ratelimit-policy", "\"m\";q=1000;w=60")]);
    assert_eq!(rate(&gate), (500_000, 120));
}

#[test]
fn fewer_slots_end_nothing_and_more_are_there_at_once() {
    let mut gate = gate();
    for id in 1..=2 {
        let permit = ask(&mut gate, 0, JobId(id), Repeatable::No).unwrap();
        gate.sending(S(0), &permit).unwrap();
        hear(&mut gate, 0, &permit, &OK, Repeatable::No).unwrap();
    }
    gate.set_slots(1);
    assert_eq!((gate.in_flight(S(1)), gate.slots()), (2, 1));
    gate.finished(S(2), JobId(1), &credits(1)).unwrap();
    let third = Request::new(JobId(3), LEASE);
    assert!(matches!(gate.ask(S(2), &third), Err(AskError::Refused { limit: Binding::Slots, .. })));
    gate.set_slots(2);
    assert!(gate.ask(S(2), &third).is_ok());
}

#[test]
fn the_owner_works_on_the_accounts_while_jobs_hold_money() {
    static MORE: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(150), Renewal::Lifetime);
    let (mut gate, _) = reach(Some(JobState::Running));
    assert_eq!(books(&gate, 100), (Some(JobState::Running), 1, 0, 40, 0));
    gate.money_mut(S(100)).set_spec(S(100), ACCOUNT, &MORE).unwrap();
    assert_eq!(gate.report(S(100), ACCOUNT).unwrap().available, 110_000_000);
    // The provider says 90: of the 150 only 110 are ours to spend, 40 are held.
    let heard = gate.money_mut(S(100)).observe::<Credits>(S(100), ACCOUNT, Amount::whole(90), Raise::No).unwrap();
    assert_eq!(heard.difference, -60_000_000);
    assert_eq!(gate.report(S(100), ACCOUNT).unwrap().available, 50_000_000);
    let fee = [Line::new::<Credits>(ACCOUNT, Amount::whole(5))];
    let _ = gate.money_mut(S(100)).charge(S(100), JobId(99), &fee).unwrap();
    assert_eq!(gate.report(S(100), ACCOUNT).unwrap().available, 45_000_000);
    // A lease that ended before is posted before anything else.
    assert_eq!(gate.money_mut(S(700)).report(S(700), ACCOUNT).unwrap().held, 0);
}

#[test]
fn alerts_of_a_gate_are_acknowledged_once() {
    static ALERTED: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime)
        .with_thresholds(valid!(Thresholds::percent(&[50], 0)));
    let mut money = Ledger::<1, 0, 2, 0>::new(Duration::ZERO);
    money.open(S(0), &ALERTED).unwrap();
    let mut gate: Plain = Gate::new(Limits::new().requests(bucket()).money(money), S(0));
    let cost = credits(60);
    let permit = gate.ask(S(0), &Request::new(JOB, LEASE).costs(&cost)).unwrap();
    gate.sending(S(0), &permit).unwrap();
    gate.answered(S(0), &permit, &OK, &mut retry(Repeatable::No), 0).unwrap();
    gate.finished(S(1), JOB, &credits(60)).unwrap();
    let money = gate.money_mut(S(1));
    let alert = money.alerts().next().unwrap();
    assert!(money.acknowledge(alert));
    assert_eq!(money.alerts().count(), 0);
}

#[test]
fn a_settled_job_is_refunded_up_to_what_it_cost() {
    let (mut gate, _) = reach(Some(JobState::Settled));
    let posted = |gate: &Plain| books(gate, 100).2;
    assert_eq!(posted(&gate), 30);
    let _ = gate.refund(S(100), JOB, &credits(10)).unwrap();
    assert_eq!(posted(&gate), 20);
    let refused = gate.refund(S(100), JOB, &credits(21));
    assert_eq!(refused, Err(GateError::Ledger(LedgerError::RefundExceeds { line: 0, left: 20_000_000 })));
    // The last word, said again, is still the same word.
    assert_eq!(gate.finished(S(100), JOB, &credits(30)).unwrap().cost, Cost::Replayed);
    assert_eq!(gate.finished(S(100), JOB, &credits(19)), Err(GateError::Mismatch));
    let _ = gate.refund(S(100), JOB, &credits(20)).unwrap();
    assert_eq!(posted(&gate), 0);
    assert!(gate.refund(S(100), JOB, &[]).is_ok());
    assert_eq!(gate.refund(S(100), JobId(7), &credits(1)), Err(GateError::NotFound));
}

#[test]
fn only_a_settled_job_is_refunded() {
    for state in [JobState::Asked, JobState::Sent, JobState::Unknown, JobState::Running, JobState::NeedsActual] {
        let (mut gate, _) = reach(Some(state));
        let before = books(&gate, 100);
        assert_eq!(gate.refund(S(100), JOB, &credits(1)), Err(GateError::Unexpected { state }));
        assert_eq!(books(&gate, 100), before, "{state}");
    }
}

#[test]
fn what_was_never_booked_is_not_given_back() {
    let (mut gate, _) = reach(Some(JobState::Running));
    // 100 credits are there, the job took 130.
    gate.finished(S(100), JOB, &credits(130)).unwrap();
    assert_eq!(books(&gate, 100), (Some(JobState::Settled), 0, 100, 0, 30));
    let refused = gate.refund(S(100), JOB, &credits(101));
    assert_eq!(refused, Err(GateError::Ledger(LedgerError::RefundExceeds { line: 0, left: 100_000_000 })));
    assert_eq!(gate.finished(S(100), JOB, &credits(130)).unwrap().cost, Cost::Replayed);
    let _ = gate.refund(S(100), JOB, &credits(100)).unwrap();
    assert_eq!(books(&gate, 100).2, 0);
}
