//! Time in the life of a job: permits and requests that are lost, leases, retries, and money that comes late.

use tollgate::{
    Amount, Answer, AskError, Binding, BudgetSpec, Cost, Credits, Denied, Duration, Failure, Fate, Gate, GateError,
    Instant, JobId, JobState, Ledger, Limits, Line, Outcome, Renewal, Repeatable, Request, Rolling, Start, TokenBucket,
    Trust, UnixMicros, Window, WindowLog, valid,
};

use crate::support::{
    ACCOUNT, BLIND, BROKEN, JOB, LEASE, OK, PATIENCE, S, ask, books, bucket, credits, gate, hear, money, reach,
};

const US: Duration = Duration::from_micros(1);

#[test]
fn a_permit_that_is_lost_gives_everything_back_when_it_is_void() {
    let mut gate = gate().with_slots(1);
    let lost = ask(&mut gate, 0, JOB, Repeatable::No).unwrap();
    assert_eq!(lost.until(), S(10));
    let before = S(10).saturating_sub(US);
    let cost = credits(80);
    let other = Request::new(JobId(2), LEASE).costs(&cost);
    let until = AskError::Refused { limit: Binding::Slots, denied: Denied::Until(S(10)) };
    assert_eq!(gate.ask(before, &other).unwrap_err(), until);
    assert!(gate.ask(S(10), &other).is_ok());
    assert_eq!(gate.sending(S(10), &lost), Err(GateError::StalePermit));
    assert_eq!((gate.job(S(10), JOB), gate.in_flight(S(10))), (None, 1));
    assert_eq!(gate.counters().expired, 1);
}

#[test]
fn an_answer_that_does_not_come_leaves_the_job_unknown_and_the_request_counted() {
    let mut gate = gate();
    let permit = ask(&mut gate, 0, JOB, Repeatable::No).unwrap();
    gate.sending(S(5), &permit).unwrap();
    assert_eq!(gate.job(S(65).saturating_sub(US), JOB), Some(JobState::Sent));
    assert_eq!(gate.job(S(65), JOB), Some(JobState::Unknown));
    assert_eq!(gate.next_event(S(5)), Some(S(65)));
    assert_eq!(gate.expire(S(65)), Some((JOB, JobState::Unknown)));
    assert_eq!((gate.expire(S(65)), gate.next_event(S(65))), (None, Some(S(605))));
    assert_eq!(hear(&mut gate, 66, &permit, &OK, Repeatable::No), Err(GateError::StalePermit));
    assert_eq!(books(&gate, 66), (Some(JobState::Unknown), 1, 0, 40, 0));
}

#[test]
fn only_what_was_never_sent_is_not_counted() {
    for (outcome, left) in [
        (BLIND, 59),
        (BROKEN, 59),
        (Outcome::Failed(Failure::NotProcessed), 59),
        (Outcome::Failed(Failure::NotSent), 60),
    ] {
        let mut gate = gate();
        let permit = ask(&mut gate, 0, JOB, Repeatable::No).unwrap();
        gate.sending(S(0), &permit).unwrap();
        hear(&mut gate, 0, &permit, &outcome, Repeatable::No).unwrap();
        assert_eq!(gate.status(S(0)).requests, left, "{outcome:?}");
    }
}

#[test]
fn an_unknown_job_is_sent_again_with_its_slot_and_its_money() {
    let (mut gate, _) = reach(Some(JobState::Unknown));
    let again = ask(&mut gate, 100, JOB, Repeatable::Keyed).unwrap();
    assert_eq!(books(&gate, 100), (Some(JobState::Unknown), 1, 0, 40, 0), "nothing twice");
    let twice = ask(&mut gate, 100, JOB, Repeatable::Keyed).unwrap_err();
    assert_eq!(twice, AskError::Known { state: JobState::Unknown }, "one request of a job at a time");
    gate.sending(S(101), &again).unwrap();
    assert_eq!(gate.job(S(101), JOB), Some(JobState::Sent));
    assert_eq!(hear(&mut gate, 102, &again, &OK, Repeatable::Keyed), Ok(Answer::Accepted));
    assert_eq!(books(&gate, 102), (Some(JobState::Running), 1, 0, 40, 0));
    assert_eq!(gate.job(S(701), JOB), Some(JobState::Overdue), "the lease starts anew");
}

#[test]
fn what_refuses_the_second_request_of_a_job_says_nothing_about_the_first() {
    for outcome in [BLIND, Outcome::Failed(Failure::NotSent)] {
        let (mut gate, _) = reach(Some(JobState::Unknown));
        let again = ask(&mut gate, 100, JOB, Repeatable::Keyed).unwrap();
        gate.sending(S(101), &again).unwrap();
        let answer = hear(&mut gate, 102, &again, &outcome, Repeatable::Keyed).unwrap();
        assert!(matches!(answer, Answer::RetryAt(_)), "{answer:?}");
        assert_eq!(books(&gate, 102), (Some(JobState::Unknown), 1, 0, 40, 0), "{outcome:?}");
    }
}

#[test]
fn a_retry_that_is_not_sent_leaves_the_job_unknown() {
    let (mut gate, _) = reach(Some(JobState::Unknown));
    let _lost = ask(&mut gate, 100, JOB, Repeatable::Keyed).unwrap();
    assert_eq!(gate.expire(S(110)), None, "the permit is void");
    assert_eq!(books(&gate, 110), (Some(JobState::Unknown), 1, 0, 40, 0));
    assert!(ask(&mut gate, 110, JOB, Repeatable::Keyed).is_ok());
}

#[test]
fn a_lost_request_is_asked_for_again_whether_or_not_somebody_has_looked() {
    for looked in [false, true] {
        // Not answered in time, and a second permit not sent in time.
        for (state, asked, lost) in [(JobState::Sent, 90, 151), (JobState::Unknown, 100, 110)] {
            let (mut gate, _) = reach(Some(state));
            if state == JobState::Unknown {
                let _lost = ask(&mut gate, asked, JOB, Repeatable::Keyed).unwrap();
            }
            let cost = credits(40);
            let request = Request::new(JOB, LEASE).costs(&cost).repeatable(Repeatable::Keyed);
            let known = Err(AskError::Known { state });
            assert_eq!(gate.earliest(S(lost - 1), &request), known, "{state:?}: it is on its way");
            while looked && gate.expire(S(lost)).is_some() {}
            assert_eq!(gate.earliest(S(lost), &request), Ok(S(lost)), "{state:?}, {looked}");
            assert!(gate.try_ask(S(lost), &request).is_some(), "{state:?}, {looked}");
            assert_eq!(books(&gate, lost), (Some(JobState::Unknown), 1, 0, 40, 0), "nothing twice");
        }
    }
}

#[test]
fn what_is_heard_of_a_forgotten_job_says_nothing_about_a_new_one_of_that_name() {
    for fate in [Fate::Runs, Fate::Refused, Fate::NotSent, Fate::Unknown] {
        for is_sent in [false, true] {
            let mut gate: Gate<_, 1, 2> = Gate::new(Limits::new(), S(0)).with_patience(PATIENCE);
            let job = Request::new(JOB, LEASE);
            let first = gate.ask(S(0), &job).unwrap();
            gate.sending(S(0), &first).unwrap();
            // Finished before its answer comes, and forgotten for another one, which is not sent.
            gate.finished(S(1), JOB, &[]).unwrap();
            let other = gate.ask(S(2), &Request::new(JobId(2), LEASE)).unwrap();
            gate.cancel(S(2), other).unwrap();
            let anew = gate.ask(S(3), &job).unwrap();
            if is_sent {
                gate.sending(S(4), &anew).unwrap();
            }
            gate.resolved(S(5), &first, fate).unwrap();
            let state = if is_sent { JobState::Sent } else { JobState::Asked };
            assert_eq!((gate.job(S(5), JOB), gate.in_flight(S(5))), (Some(state), 1), "{fate:?}");
            if !is_sent {
                gate.sending(S(6), &anew).unwrap();
            }
            gate.resolved(S(7), &anew, Fate::Runs).unwrap();
            assert_eq!(gate.job(S(7), JOB), Some(JobState::Running), "{fate:?}");
        }
    }
}

#[test]
fn a_job_over_its_estimate_is_never_refused_and_what_does_not_fit_is_shown() {
    let (mut gate, _) = reach(Some(JobState::Running));
    let done = gate.finished(S(100), JOB, &credits(130)).unwrap();
    assert_eq!(done.cost, Cost::Settled);
    assert!(done.receipt.unwrap().missed.contains(0));
    assert_eq!(books(&gate, 100), (Some(JobState::Settled), 0, 100, 0, 30));
}

#[test]
fn an_overdue_job_is_corrected_up_and_down() {
    for (actual, posted) in [(0, 0), (30, 30), (40, 40), (90, 90)] {
        let (mut gate, _) = reach(Some(JobState::Overdue));
        assert_eq!(books(&gate, 601), (Some(JobState::Overdue), 0, 40, 0, 0));
        let done = gate.finished(S(700), JOB, &credits(actual)).unwrap();
        assert_eq!((done.cost, books(&gate, 700).2), (Cost::Corrected, posted), "{actual}");
        assert_eq!(gate.finished(S(701), JOB, &credits(actual)).unwrap().cost, Cost::Replayed);
    }
}

#[test]
fn a_question_sees_the_end_of_a_lease_that_nobody_wrote_down() {
    let (gate, _) = reach(Some(JobState::Running));
    assert_eq!(books(&gate, 600), (Some(JobState::Running), 1, 0, 40, 0));
    let (state, taken, posted, held, _) = books(&gate, 601);
    assert_eq!((state, taken, posted + held), (Some(JobState::Overdue), 0, 40));
}

#[test]
fn what_is_settled_first_is_forgotten_first_and_its_second_word_is_flagged() {
    let mut gate = gate().with_slots(9);
    for id in 1..=4 {
        let cost = credits(10);
        let permit = gate.ask(S(id), &Request::new(JobId(id), LEASE).costs(&cost)).unwrap();
        gate.sending(S(id), &permit).unwrap();
        hear(&mut gate, id, &permit, &OK, Repeatable::No).unwrap();
    }
    let cost = credits(10);
    let fifth = Request::new(JobId(5), LEASE).costs(&cost);
    let full = AskError::Refused { limit: Binding::Jobs, denied: Denied::Until(S(601)) };
    assert_eq!(gate.ask(S(10), &fifth).unwrap_err(), full, "all four run");
    for id in [3, 2] {
        gate.finished(S(20), JobId(id), &credits(10)).unwrap();
    }
    let permit = gate.ask(S(30), &fifth).unwrap();
    gate.cancel(S(30), permit).unwrap();
    assert_eq!((gate.job(S(30), JobId(3)), gate.job(S(30), JobId(2))), (None, Some(JobState::Settled)));
    assert_eq!(gate.finished(S(31), JobId(3), &credits(10)).unwrap().cost, Cost::Late);
    assert_eq!(gate.counters().late, 1);
    assert_eq!(books(&gate, 31).2, 30, "charged twice, and said so");
}

#[test]
fn jobs_without_an_end_never_shut_the_gate_for_good() {
    let mut gate = gate().with_slots(9);
    for id in 1..=9 {
        // One after the other is overdue, and nobody says what it cost.
        let at = id * 1_000;
        let permit = gate.ask(S(at), &Request::new(JobId(id), LEASE)).unwrap();
        gate.sending(S(at), &permit).unwrap();
    }
    assert_eq!(gate.counters().forgotten, 5);
}

#[test]
fn a_question_about_a_status_has_no_job_and_costs_what_it_costs() {
    let mut gate = gate();
    let free = gate.poll(S(0), 0).unwrap();
    assert_eq!((free.job(), gate.status(S(0)).requests), (None, 60));
    gate.sending(S(0), &free).unwrap();
    assert_eq!(hear(&mut gate, 0, &free, &OK, Repeatable::Idempotent), Ok(Answer::Done));
    let two = gate.poll(S(0), 2).unwrap();
    assert_eq!(gate.status(S(0)).requests, 58);
    gate.cancel(S(0), two).unwrap();
    assert_eq!((gate.status(S(0)).requests, gate.status(S(0)).calls), (60, 0));
}

#[test]
fn a_strict_window_counts_a_request_from_its_answer() {
    let window = valid!(Window::new(1, Duration::from_secs(60)));
    let log = WindowLog::<4>::new(window, tollgate::WhenFull::Refuse, tollgate::History::Empty, S(0));
    let mut gate = Gate::<_, 4, 3>::new(Limits::new().window(log), S(0)).with_patience(PATIENCE);
    let permit = gate.ask(S(0), &Request::new(JOB, LEASE)).unwrap();
    gate.sending(S(1), &permit).unwrap();
    gate.answered(S(30), &permit, &OK, &mut crate::support::retry(Repeatable::No), 0).unwrap();
    let other = Request::new(JobId(2), LEASE);
    let refused = gate.ask(S(31), &other).unwrap_err();
    assert_eq!(refused, AskError::Refused { limit: Binding::Window, denied: Denied::Until(S(90)) });
    assert!(gate.ask(S(90), &other).is_ok());
}

#[test]
fn in_a_rolling_budget_a_job_that_is_overdue_is_stamped_when_its_lease_ended() {
    static HOUR: BudgetSpec = BudgetSpec::new::<Credits>(
        Amount::whole(100),
        Renewal::Rolling(valid!(Rolling::new(Duration::from_secs(3_600), 6))),
    );
    let mut money = Ledger::<1, 0, 2, 0, 7>::new(Duration::ZERO);
    money.open(S(0), &HOUR).unwrap();
    let mut gate = Gate::<_, 4, 3>::new(Limits::new().money(money), S(0)).with_patience(PATIENCE);
    let cost = credits(100);
    let permit = gate.ask(S(0), &Request::new(JOB, LEASE).costs(&cost)).unwrap();
    gate.sending(S(0), &permit).unwrap();
    let other = Request::new(JobId(2), LEASE).costs(&cost);
    let AskError::Refused { limit, denied: Denied::Until(until) } = gate.ask(S(1), &other).unwrap_err() else {
        panic!("a rolling budget frees itself");
    };
    // Its lease ends at 600 s; an hour and at most a slice later it is out.
    assert_eq!(limit, Binding::Money(ACCOUNT));
    assert!(until > S(600 + 3_600) && until <= S(600 + 3_600 + 600), "{until}");
    assert!(gate.ask(until.saturating_sub(US), &other).is_err());
    assert!(gate.ask(until, &other).is_ok(), "nobody has written the end of the lease down before");
}

#[test]
fn what_is_held_while_the_date_is_unknown_moves_to_the_period_that_is_learned() {
    use tollgate::{Calendar, Cycle};
    static DAY: BudgetSpec =
        BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)));
    let mut money = Ledger::<1, 0, 2, 0>::new(Duration::ZERO);
    money.open(S(0), &DAY).unwrap();
    let mut gate = Gate::<_, 4, 3>::new(Limits::new().money(money), S(0)).with_patience(PATIENCE);
    let day = |days: i64| UnixMicros::from_secs(days * 86_400);
    gate.set_wall(S(0), day(20_000), Duration::ZERO, Trust::Owner);
    let cost = credits(30);
    let permit = gate.ask(S(0), &Request::new(JOB, Duration::MAX).costs(&cost)).unwrap();
    gate.sending(S(0), &permit).unwrap();
    // A jump of two days by a stranger: frozen until somebody confirms it.
    gate.set_wall(S(10), day(20_002), Duration::ZERO, Trust::Stranger);
    let permit = gate.ask(S(11), &Request::new(JobId(2), Duration::MAX).costs(&cost)).unwrap();
    gate.sending(S(11), &permit).unwrap();
    assert!(gate.report(S(11), ACCOUNT).unwrap().frozen);
    gate.set_wall(S(12), day(20_002), Duration::ZERO, Trust::Owner);
    let report = gate.report(S(12), ACCOUNT).unwrap();
    assert_eq!(
        (report.held, report.previous_held),
        (30_000_000, 30_000_000),
        "the undated one moved, the other did not"
    );
    gate.finished(S(13), JOB, &credits(20)).unwrap();
    gate.finished(S(13), JobId(2), &credits(25)).unwrap();
    let report = gate.report(S(13), ACCOUNT).unwrap();
    assert_eq!((report.posted, report.previous, report.held), (25_000_000, 20_000_000, 0));
}

#[test]
fn amounts_that_are_wrong_change_nothing() {
    use tollgate::{LedgerError, Usd};
    let (mut gate, _) = reach(Some(JobState::Running));
    let before = books(&gate, 100);
    let dollars = [Line::new::<Usd>(ACCOUNT, Amount::whole(1))];
    for (actual, error) in [
        (dollars.as_slice(), LedgerError::UnitMismatch { line: 0, expected: "credits" }),
        (&[], LedgerError::Unsettled { account: ACCOUNT }),
        (&[credits(1)[0], credits(2)[0]], LedgerError::Repeated { line: 1 }),
    ] {
        assert_eq!(gate.finished(S(100), JOB, actual), Err(GateError::Ledger(error)));
        assert_eq!(books(&gate, 100), before);
    }
    let ask = gate.ask(S(100), &Request::new(JobId(9), LEASE).costs(&dollars)).unwrap_err();
    assert_eq!(ask, AskError::Estimate(LedgerError::UnitMismatch { line: 0, expected: "credits" }));
}

#[test]
fn the_next_event_is_exactly_when_something_happens() {
    let mut gate = gate();
    assert_eq!(gate.next_event(S(0)), None);
    let permit = ask(&mut gate, 0, JOB, Repeatable::No).unwrap();
    assert_eq!(gate.next_event(S(1)), Some(S(10)), "void");
    gate.sending(S(2), &permit).unwrap();
    assert_eq!(gate.next_event(S(2)), Some(S(62)), "lost");
    hear(&mut gate, 3, &permit, &OK, Repeatable::No).unwrap();
    assert_eq!(gate.next_event(S(3)), Some(S(602)), "the lease");
    gate.renew(S(500), JOB, LEASE).unwrap();
    assert_eq!(gate.next_event(S(500)), Some(S(1_100)));
    assert_eq!(gate.next_event(S(2_000)), Some(S(2_000)), "it has passed");
    assert_eq!(gate.expire(S(2_000)), Some((JOB, JobState::Overdue)));
    assert_eq!(gate.next_event(S(2_000)), None);
}

#[test]
fn old_stamps_are_counted_and_mint_nothing() {
    let mut gate = gate();
    let _first = ask(&mut gate, 100, JOB, Repeatable::No).unwrap();
    let permit = gate.ask(S(40), &Request::new(JobId(2), LEASE)).unwrap();
    assert_eq!(permit.until(), S(110), "it lives as long as one asked for at the latest stamp");
    assert_eq!(gate.counters().clock_faults, 1);
    assert_eq!(gate.in_flight(S(0)), 2);
}

#[test]
fn a_forward_jump_that_is_refused_changes_nothing() {
    let (mut gate, _) = reach(Some(JobState::Running));
    let big = credits(90);
    let refused = gate.ask(S(1_000_000), &Request::new(JobId(2), LEASE).costs(&big)).unwrap_err();
    assert_eq!(
        refused,
        AskError::Refused { limit: Binding::Money(ACCOUNT), denied: Denied::Never { max: 60_000_000 } }
    );
    assert_eq!(books(&gate, 100), (Some(JobState::Running), 1, 0, 40, 0));
}

#[test]
fn a_gate_without_money_or_requests_is_a_table_of_slots() {
    let mut gate = Gate::<_, 4, 2>::new(Limits::new(), S(0)).with_slots(1);
    let permit = gate.ask(S(0), &Request::new(JOB, LEASE)).unwrap();
    gate.sending(S(0), &permit).unwrap();
    gate.answered(S(0), &permit, &OK, &mut crate::support::retry(Repeatable::No), 0).unwrap();
    let refused = gate.ask(S(0), &Request::new(JobId(2), LEASE)).unwrap_err();
    assert_eq!(refused, AskError::Refused { limit: Binding::Slots, denied: Denied::Until(S(600)) });
    assert_eq!(gate.finished(S(1), JOB, &[]).unwrap().cost, Cost::Settled);
    assert!(gate.ask(S(1), &Request::new(JobId(2), LEASE).weighs(2)).is_err());
    assert!(gate.ask(S(1), &Request::new(JobId(2), LEASE)).is_ok());
}

#[test]
fn the_whole_gate_of_a_small_device_fits_two_kibibytes() {
    type Device = Gate<Limits<TokenBucket, (), Ledger<'static, 4, 0, 2, 0>>, 16, 2>;
    let size = size_of::<Device>();
    assert!(size < 2_048, "{size}");
    let _ = (bucket(), money(), Start::Full, Instant::ORIGIN);
}

#[test]
fn a_second_request_is_not_sent_once_something_is_known_about_the_job() {
    for state in [JobState::Running, JobState::Settled, JobState::Overdue] {
        let (mut gate, _) = reach(Some(JobState::Unknown));
        // Its lease ends at 601 s.
        let (at, then) = if state == JobState::Overdue { (598, 602) } else { (100, 101) };
        let again = ask(&mut gate, at, JOB, Repeatable::Keyed).unwrap();
        match state {
            JobState::Running => _ = gate.reconcile(S(at), S(at), false, &[tollgate::Seen::Job(JOB)]),
            JobState::Settled => _ = gate.finished(S(at), JOB, &credits(30)).unwrap(),
            _ => {}
        }
        let before = books(&gate, then);
        assert_eq!(gate.sending(S(then), &again), Err(GateError::Unexpected { state }));
        assert_eq!(books(&gate, then), before, "{state}");
        gate.cancel(S(then), again).unwrap();
        assert_eq!(books(&gate, then), before, "{state}");
    }
}
