//! The provider's list: what it can say about which job, and what it cannot.

use tollgate::{Found, JobId, JobState, Repeatable, Request, Seen};

use crate::support::{BROKEN, JOB, LEASE, OK, S, ask, books, gate, hear, reach};

const NOTHING: Found = Found { running: 0, freed: 0, needs_actual: 0, foreign: 0 };

#[test]
fn two_complete_lists_free_a_job_that_never_ran() {
    let (mut gate, _) = reach(Some(JobState::Unknown));
    assert_eq!(gate.reconcile(S(100), S(99), true, &[]), NOTHING);
    assert_eq!(gate.reconcile(S(101), S(99), true, &[]), NOTHING, "the same list again");
    assert_eq!(gate.reconcile(S(101), S(98), true, &[]), NOTHING, "an older one");
    assert_eq!(gate.reconcile(S(102), S(101), true, &[]), Found { freed: 1, ..NOTHING });
    assert_eq!(books(&gate, 102), (None, 0, 0, 0, 0));
}

#[test]
fn a_list_in_between_starts_the_count_anew() {
    let (mut gate, _) = reach(Some(JobState::Unknown));
    gate.reconcile(S(100), S(99), true, &[]);
    assert_eq!(gate.reconcile(S(101), S(100), true, &[Seen::Job(JOB)]), Found { running: 1, ..NOTHING });
    assert_eq!(gate.job(S(101), JOB), Some(JobState::Running));
}

#[test]
fn a_page_says_what_runs_and_not_what_does_not() {
    let (mut gate, _) = reach(Some(JobState::Running));
    assert_eq!(gate.reconcile(S(100), S(99), false, &[]), NOTHING);
    assert_eq!(gate.reconcile(S(101), S(100), false, &[Seen::Tag(7)]), Found { foreign: 1, ..NOTHING });
    assert_eq!(gate.reconcile(S(102), S(101), false, &[]).foreign, 1, "another page does not take it back");
    assert_eq!(gate.reconcile(S(103), S(102), true, &[Seen::Job(JOB)]), NOTHING, "a whole list does");
}

#[test]
fn jobs_sent_after_the_question_are_exempt() {
    let mut gate = gate();
    let permit = ask(&mut gate, 15, JOB, Repeatable::No).unwrap();
    gate.sending(S(20), &permit).unwrap();
    hear(&mut gate, 30, &permit, &OK, Repeatable::No).unwrap();
    assert_eq!(gate.reconcile(S(40), S(20), true, &[]), NOTHING, "asked in the same instant");
    assert_eq!(gate.reconcile(S(40), S(21), true, &[]), Found { needs_actual: 1, ..NOTHING });
}

#[test]
fn a_job_is_found_by_the_providers_name() {
    let (mut gate, _) = reach(Some(JobState::Unknown));
    gate.tag(JOB, 4_711).unwrap();
    assert!(gate.tag(JobId(9), 1).is_err());
    assert_eq!(gate.reconcile(S(100), S(100), true, &[Seen::Tag(4_711)]), Found { running: 1, ..NOTHING });
    assert_eq!(gate.reconcile(S(101), S(101), true, &[Seen::Tag(0)]).foreign, 1, "zero is no name of ours");
}

#[test]
fn strangers_take_slots() {
    let mut gate = gate();
    assert_eq!(gate.reconcile(S(0), S(0), true, &[Seen::Tag(1), Seen::Tag(1), Seen::Job(JobId(77))]).foreign, 2);
    assert!(gate.ask(S(1), &Request::new(JOB, LEASE)).is_err(), "two slots, two strangers");
    gate.reconcile(S(2), S(2), true, &[]);
    assert!(gate.ask(S(2), &Request::new(JOB, LEASE)).is_ok());
}

#[test]
fn a_retry_that_was_asked_for_is_recalled_with_its_job() {
    let mut gate = gate();
    let permit = ask(&mut gate, 0, JOB, Repeatable::Keyed).unwrap();
    gate.sending(S(0), &permit).unwrap();
    hear(&mut gate, 1, &permit, &BROKEN, Repeatable::Keyed).unwrap();
    gate.reconcile(S(10), S(9), true, &[]);
    let again = ask(&mut gate, 11, JOB, Repeatable::Keyed).unwrap();
    assert_eq!(gate.reconcile(S(12), S(11), true, &[]), Found { freed: 1, ..NOTHING });
    assert!(gate.sending(S(12), &again).is_err());
    assert_eq!((gate.status(S(12)).calls, gate.status(S(12)).requests), (0, 60), "and what it booked is back");
}
