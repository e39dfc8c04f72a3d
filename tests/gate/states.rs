//! Every state of a job against every event: those of the table, and all the others, which change nothing.
//!
//! A cell is "answer -> state, weight in flight, posted + held". `=` says that nothing has changed.

use tollgate::{Cost, Fate, GateError, JobState, Repeatable, Request, Seen};

use crate::support::{BLIND, BROKEN, JOB, LEASE, OK, S, ask, books, credits, hear, reach};

const STATES: [Option<JobState>; 8] = [
    None,
    Some(JobState::Asked),
    Some(JobState::Sent),
    Some(JobState::Unknown),
    Some(JobState::Running),
    Some(JobState::NeedsActual),
    Some(JobState::Overdue),
    Some(JobState::Settled),
];

fn name(state: Option<JobState>) -> String {
    state.map_or("free".into(), |state| format!("{state:?}"))
}

/// What an event answers in a state, and where everything stands then.
fn cell(state: Option<JobState>, event: &str) -> String {
    let (mut gate, permit) = reach(state);
    let at = if state == Some(JobState::Overdue) { 601 } else { 100 };
    let (before, status) = (books(&gate, at), gate.status(S(at)));
    let mut end = at;
    let short = |error: GateError| match error {
        GateError::Unexpected { state } => format!("unexpected({state:?})"),
        other => format!("{other:?}"),
    };
    let answer = match event {
        "ask" => ask(&mut gate, at, JOB, Repeatable::No).map_or_else(|e| format!("{e:?}"), |_| "permit".into()),
        "ask keyed" => {
            ask(&mut gate, at, JOB, Repeatable::Keyed).map_or_else(|e| format!("{e:?}"), |_| "permit".into())
        }
        "ask tersely" => {
            let cost = credits(40);
            gate.try_ask(S(at), &Request::new(JOB, LEASE).costs(&cost)).map_or("not now".into(), |_| "permit".into())
        }
        "runs" | "is refused" | "is not sent" | "is unknown" => {
            let fate = match event {
                "runs" => Fate::Runs,
                "is refused" => Fate::Refused,
                "is not sent" => Fate::NotSent,
                _ => Fate::Unknown,
            };
            gate.resolved(S(at), &permit, fate).map_or_else(short, |()| "ok".into())
        }
        "sending" => gate.sending(S(at), &permit).map_or_else(short, |()| "ok".into()),
        "cancel" => gate.cancel(S(at), permit).map_or_else(short, |()| "ok".into()),
        "accepted" | "refused" | "broken" => {
            let outcome = match event {
                "accepted" => OK,
                "refused" => BLIND,
                _ => BROKEN,
            };
            let answer = hear(&mut gate, at, &permit, &outcome, Repeatable::No);
            answer.map_or_else(short, |a| format!("{a:?}").split(['(', ' ']).next().unwrap().to_string())
        }
        "renew" => {
            gate.renew(S(at), JOB, LEASE).map_or_else(short, |end| format!("until {}", end.as_micros() / 1_000_000))
        }
        "finished" => gate.finished(S(at), JOB, &credits(30)).map_or_else(short, |f| format!("{:?}", f.cost)),
        "listed" => format!("{:?}", gate.reconcile(S(at), S(at), true, &[Seen::Job(JOB)])),
        "absent" => format!("{:?}", gate.reconcile(S(at), S(at), true, &[])),
        "absent twice" => {
            gate.reconcile(S(at), S(at), true, &[]);
            format!("{:?}", gate.reconcile(S(at), S(at + 1), true, &[])) // Not newer than now: the same list.
        }
        "lease over" => {
            end = 1_000;
            gate.expire(S(end)).map_or("nothing".into(), |(_, state)| format!("{state:?}"))
        }
        other => panic!("{other}"),
    };
    let answer = answer.replace("Found { running: 0, freed: 0, needs_actual: 0, foreign: 0 }", "nothing");
    let after = books(&gate, end);
    if after == before && (gate.status(S(end)).requests == status.requests || end != at) {
        return format!("{answer} =");
    }
    let (state, taken, posted, held, _) = after;
    format!("{answer} -> {}, {taken}, {posted}+{held}", name(state))
}

fn row(event: &str) -> Vec<String> {
    STATES.map(|state| cell(state, event)).to_vec()
}

/// In the order free, Asked, Sent, Unknown, Running, `NeedsActual`, Overdue, Settled.
#[track_caller]
fn check(event: &str, expected: [&str; 8]) {
    assert_eq!(row(event), expected, "{event}");
}

#[test]
fn a_job_is_asked_for_once() {
    check(
        "ask",
        [
            "permit -> Asked, 1, 0+40",
            "Known { state: Asked } =",
            "Known { state: Sent } =",
            "MaybeRunning =",
            "Known { state: Running } =",
            "Known { state: NeedsActual } =",
            "Known { state: Overdue } =",
            "Known { state: Settled } =",
        ],
    );
}

#[test]
fn with_a_key_an_unknown_job_is_asked_for_again_with_the_slot_and_the_money_it_has() {
    check(
        "ask keyed",
        [
            "permit -> Asked, 1, 0+40",
            "Known { state: Asked } =",
            "Known { state: Sent } =",
            "permit -> Unknown, 1, 0+40",
            "Known { state: Running } =",
            "Known { state: NeedsActual } =",
            "Known { state: Overdue } =",
            "Known { state: Settled } =",
        ],
    );
}

#[test]
fn the_terse_question_has_the_same_answers() {
    let no = "not now =";
    check("ask tersely", ["permit -> Asked, 1, 0+40", no, no, no, no, no, no, no]);
}

#[test]
fn who_decides_alone_says_what_has_become_of_a_request() {
    let stale = "StalePermit =";
    let cells = |sent| [stale, "unexpected(Asked) =", sent, stale, stale, stale, stale, stale];
    check("runs", cells("ok -> Running, 1, 0+40"));
    check("is refused", cells("ok -> free, 0, 0+0"));
    check("is not sent", cells("ok -> free, 0, 0+0"));
    check("is unknown", cells("ok -> Unknown, 1, 0+40"));
}

#[test]
fn only_a_fresh_permit_is_sent() {
    let stale = "StalePermit =";
    check("sending", [stale, "ok -> Sent, 1, 0+40", "unexpected(Sent) =", stale, stale, stale, stale, stale]);
}

#[test]
fn a_permit_that_is_dropped_before_sending_gives_everything_back() {
    let stale = "StalePermit =";
    check("cancel", [stale, "ok -> free, 0, 0+0", "ok -> Unknown, 1, 0+40", stale, stale, stale, stale, stale]);
}

#[test]
fn an_accepted_job_runs() {
    let stale = "StalePermit =";
    check(
        "accepted",
        [stale, "unexpected(Asked) =", "Accepted -> Running, 1, 0+40", stale, stale, stale, stale, stale],
    );
}

#[test]
fn a_refused_job_is_free() {
    let stale = "StalePermit =";
    check("refused", [stale, "unexpected(Asked) =", "RetryAt -> free, 0, 0+0", stale, stale, stale, stale, stale]);
}

#[test]
fn a_job_whose_request_broke_off_is_unknown() {
    let stale = "StalePermit =";
    check("broken", [stale, "unexpected(Asked) =", "GiveUp -> Unknown, 1, 0+40", stale, stale, stale, stale, stale]);
}

#[test]
fn only_a_running_job_is_renewed() {
    check(
        "renew",
        [
            "NotFound =",
            "unexpected(Asked) =",
            "unexpected(Sent) =",
            "unexpected(Unknown) =",
            "until 700 =",
            "unexpected(NeedsActual) =",
            "unexpected(Overdue) =",
            "unexpected(Settled) =",
        ],
    );
}

#[test]
fn the_last_word_is_taken_in_every_state_but_before_sending() {
    check(
        "finished",
        [
            "Late -> free, 0, 30+0",
            "unexpected(Asked) =",
            "Settled -> Settled, 0, 30+0",
            "Settled -> Settled, 0, 30+0",
            "Settled -> Settled, 0, 30+0",
            "Settled -> Settled, 0, 30+0",
            "Corrected -> Settled, 0, 30+0",
            "Replayed =",
        ],
    );
}

#[test]
fn a_list_finds_an_unknown_job_running_and_others_that_should_not() {
    let stranger = "Found { running: 0, freed: 0, needs_actual: 0, foreign: 1 } -> ";
    check(
        "listed",
        [
            &format!("{stranger}free, 1, 0+0"),
            "nothing =",
            "nothing =",
            "Found { running: 1, freed: 0, needs_actual: 0, foreign: 0 } -> Running, 1, 0+40",
            "nothing =",
            &format!("{stranger}NeedsActual, 1, 0+40"),
            &format!("{stranger}Overdue, 1, 40+0"),
            &format!("{stranger}Settled, 1, 30+0"),
        ],
    );
}

#[test]
fn one_list_is_enough_for_a_job_that_ran_and_not_for_an_unknown_one() {
    let needs = "Found { running: 0, freed: 0, needs_actual: 1, foreign: 0 } -> NeedsActual, 0, 0+40";
    let nothing = "nothing =";
    check("absent", [nothing, nothing, nothing, nothing, needs, nothing, nothing, nothing]);
    // The same list twice is one list.
    let nothing_more = "nothing -> NeedsActual, 0, 0+40";
    check("absent twice", [nothing, nothing, nothing, nothing, nothing_more, nothing, nothing, nothing]);
}

#[test]
fn time_ends_every_state_but_the_last() {
    check(
        "lease over",
        [
            "nothing =",
            "nothing -> free, 0, 0+0",
            "Overdue -> Overdue, 0, 40+0",
            "Overdue -> Overdue, 0, 40+0",
            "Overdue -> Overdue, 0, 40+0",
            "Overdue -> Overdue, 0, 40+0",
            "nothing =",
            "nothing =",
        ],
    );
}

#[test]
fn a_settlement_is_repeated_and_not_replaced() {
    let (mut gate, _) = reach(Some(JobState::Settled));
    assert_eq!(gate.finished(S(101), JOB, &credits(30)).unwrap().cost, Cost::Replayed);
    assert_eq!(gate.finished(S(101), JOB, &credits(31)), Err(GateError::Mismatch));
    assert_eq!(books(&gate, 101), (Some(JobState::Settled), 0, 30, 0, 0));
}

#[test]
fn an_answer_after_the_last_word_only_counts_the_request() {
    let (mut gate, permit) = reach(Some(JobState::Sent));
    gate.finished(S(95), JOB, &credits(30)).unwrap();
    assert_eq!(hear(&mut gate, 96, &permit, &OK, Repeatable::No), Ok(tollgate::Answer::Finished));
    assert_eq!(books(&gate, 96), (Some(JobState::Settled), 0, 30, 0, 0));
}
