//! The figures of a gate as JSON, read back by another reader.

use serde_json::Value;
use tollgate::config::{ConfiguredGate, Name, WriteError, write_status};
use tollgate::presets::backoffs;
use tollgate::{
    AccountId, Amount, AnyLimits, Binding, Credits, Duration, Failure, Gate, Instant, JobId, JobState, Limits, Line,
    Outcome, Phase, Repeatable, Request, Retry,
};

use crate::documents::parse;

const S: fn(u64) -> Instant = Instant::from_secs;

/// An amount as a report has it.
fn micros(value: &Value) -> u64 {
    Amount::<Credits>::parse(value.as_str().unwrap()).unwrap().as_micros()
}

fn perhaps(value: &Value) -> Option<u64> {
    assert!(value.is_null() || value.is_u64(), "{value}");
    value.as_u64()
}

/// Every figure that is written is the one that the gate says.
fn agrees<L: AnyLimits, const JOBS: usize, const CALLS: usize>(json: &str, now: Instant, gate: &Gate<L, JOBS, CALLS>) {
    let read: Value = serde_json::from_str(json).unwrap();
    let status = gate.status(now);
    assert_eq!(read["now"], now.as_micros());
    assert_eq!(perhaps(&read["blocked_until"]), status.blocked.map(Instant::as_micros));
    assert_eq!(perhaps(&read["requests"]).unwrap_or(u64::MAX), status.requests);
    assert_eq!(perhaps(&read["window"]).unwrap_or(u64::MAX), status.window);
    assert_eq!(perhaps(&read["slots"]).unwrap_or(u64::from(u32::MAX)), u64::from(status.slots));
    assert_eq!(read["in_flight"], status.in_flight);
    assert_eq!((&read["foreign"], &read["calls"]), (&status.foreign.into(), &status.calls.into()));
    for (name, state) in [
        ("asked", JobState::Asked),
        ("sent", JobState::Sent),
        ("unknown", JobState::Unknown),
        ("running", JobState::Running),
        ("needs_actual", JobState::NeedsActual),
        ("overdue", JobState::Overdue),
        ("settled", JobState::Settled),
    ] {
        assert_eq!(read["jobs"][name], status.jobs_in(state), "{name}");
    }
    match status.breaker {
        Phase::Closed => assert_eq!(read["breaker"]["phase"], "closed"),
        Phase::Open { until } => {
            assert_eq!(read["breaker"]["phase"], "open");
            assert_eq!(read["breaker"]["until"], until.as_micros());
        }
        Phase::HalfOpen { out, passed, lost_at } => {
            assert_eq!(read["breaker"]["phase"], "half_open");
            assert_eq!((&read["breaker"]["out"], &read["breaker"]["passed"]), (&out.into(), &passed.into()));
            assert_eq!(read["breaker"]["lost_at"], lost_at.as_micros());
        }
    }
    let (counters, said) = (status.counters, &read["counters"]);
    for (name, limit) in [
        ("block", Binding::Block),
        ("requests", Binding::Requests),
        ("window", Binding::Window),
        ("slots", Binding::Slots),
        ("jobs", Binding::Jobs),
        ("calls", Binding::Calls),
        ("money", Binding::Money(AccountId(0))),
        ("breaker", Binding::Breaker),
    ] {
        assert_eq!(said["refused"][name], counters.refused(limit), "{name}");
    }
    assert_eq!(said["refused"].as_object().unwrap().len(), counters.refusals.len());
    for (name, count) in [
        ("granted", counters.granted),
        ("refunded", counters.refunded),
        ("expired", counters.expired),
        ("forgotten", counters.forgotten),
        ("late", counters.late),
        ("clock_faults", counters.clock_faults),
        ("parse_rejects", counters.parse_rejects),
    ] {
        assert_eq!(said[name], count, "{name}");
    }
    for (index, account) in (0u8..).zip(read["accounts"].as_array().unwrap()) {
        let report = gate.report(now, AccountId(index)).unwrap();
        assert_eq!(account["unit"], report.unit);
        for (name, amount) in [
            ("limit", report.limit),
            ("bonus", report.bonus),
            ("posted", report.posted),
            ("held", report.held),
            ("debt", report.debt),
            ("available", report.available),
            ("previous", report.previous),
            ("previous_held", report.previous_held),
            ("undated", report.undated),
            ("unaccounted", report.unaccounted),
        ] {
            assert_eq!(micros(&account[name]), amount, "{name}");
        }
        assert_eq!((&account["period"], &account["permille"]), (&report.period.into(), &report.permille.into()));
        for (name, is) in [("closed", report.closed), ("soft", report.soft), ("frozen", report.frozen)] {
            assert_eq!(account[name], is, "{name}");
        }
        assert_eq!((&account["armed"], &account["pending"]), (&report.armed.into(), &report.pending.into()));
        assert_eq!(account["clock_regressions"], report.clock_regressions);
        assert_eq!(account["wall_steps"], report.wall_steps);
    }
}

const DOCUMENT: &str = r#"{
  "requests": { "units": 9, "per": "7s" },
  "slots": { "limit": 4, "lease": "20s" },
  "accounts": [
    { "name": "daily", "unit": "credits", "limit": "66", "soft": "0.5", "period": "day", "thresholds": ["1/100"] },
    { "name": "best é", "unit": "custom/9", "limit": "9223372036854.775807", "period": "lifetime" }
  ],
  "breaker": { "failures": 1, "open_for": "10s" }
}"#;

type Tested<'c> = ConfiguredGate<'c, 4, 8, 4>;

#[test]
fn figures_are_read_back_through_a_life() {
    let config = parse(DOCUMENT);
    let mut gate: Tested<'_> = config.gate(S(1)).unwrap();
    let mut page = [0; 4096];
    let cost = [Line::new::<Credits>(AccountId(0), Amount::parse("2.400001").unwrap())];
    let mut phases = Vec::new();
    let mut now = S(1);
    for id in 0..12 {
        let asked = gate.ask(now, &config.request(JobId(id)).costs(&cost));
        agrees(config.status(now, &gate, &mut page).unwrap(), now, &gate);
        if let Ok(permit) = asked {
            gate.sending(now, &permit).unwrap();
            let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, now);
            let outcome = if id % 3 == 1 {
                Outcome::Failed(Failure::Broken)
            } else {
                Outcome::Answered { status: 200, verdict: tollgate::Verdict::Clear, wait: None, should_retry: None }
            };
            gate.answered(now, &permit, &outcome, &mut retry, 0).unwrap();
            if id % 2 == 0 {
                gate.finished(now, JobId(id), &cost).unwrap();
            }
        }
        let text = config.status(now, &gate, &mut page).unwrap();
        agrees(text, now, &gate);
        phases.push(serde_json::from_str::<Value>(text).unwrap()["breaker"]["phase"].as_str().unwrap().to_owned());
        now = now.saturating_add(Duration::from_millis(3_456));
        let text = config.status(now, &gate, &mut page).unwrap();
        agrees(text, now, &gate);
        phases.push(serde_json::from_str::<Value>(text).unwrap()["breaker"]["phase"].as_str().unwrap().to_owned());
    }
    for phase in ["closed", "open", "half_open"] {
        assert!(phases.iter().any(|seen| seen == phase), "{phases:?}");
    }
    gate.block_until(now, S(1_000));
    // An earlier stamp is counted.
    let _ = gate.poll(S(2), 0);
    let text = config.status(now, &gate, &mut page).unwrap();
    agrees(text, now, &gate);
    assert!(text.contains(r#""blocked_until":1000000000,"#), "{text}");
    assert!(text.contains(r#""clock_faults":1,"#), "{text}");
    assert!(text.contains(r#"{"name":"best é","unit":"units","limit":"9223372036854.775807","#), "{text}");
}

#[test]
fn a_buffer_that_is_too_small_says_what_it_takes() {
    let config = parse(DOCUMENT);
    let gate: Tested<'_> = config.gate(S(1)).unwrap();
    let mut large = [0; 4096];
    let whole = config.status(S(1), &gate, &mut large).unwrap().to_owned();
    assert!(whole.len() < 500 + 2 * 450, "{}", whole.len());
    for len in 0..whole.len() {
        let mut page = vec![0xff; len];
        let needed = whole.len();
        assert_eq!(config.status(S(1), &gate, &mut page), Err(WriteError::NoRoom { needed }), "{len}");
    }
    let mut exact = vec![0xff; whole.len()];
    assert_eq!(config.status(S(1), &gate, &mut exact), Ok(whole.as_str()));
    let refused = config.status(S(1), &gate, &mut []).unwrap_err();
    assert_eq!(refused.to_string(), format!("the buffer is too small: expected {} bytes", whole.len()));
}

#[test]
fn a_gate_made_in_code_has_figures_too() {
    let mut gate = Gate::<_, 2, 2>::new(Limits::new(), S(0));
    let _permit = gate.ask(S(0), &Request::new(JobId(1), Duration::MAX)).unwrap();
    let mut page = [0; 1024];
    let text = write_status(S(1), &gate, &[], &mut page).unwrap();
    agrees(text, S(1), &gate);
    let read: Value = serde_json::from_str(text).unwrap();
    assert!(read["requests"].is_null() && read["window"].is_null() && read["slots"].is_null());
    assert!(read["blocked_until"].is_null());
    assert_eq!(read["accounts"], Value::Array(Vec::new()));

    let config = parse(DOCUMENT);
    let gate: Tested<'_> = config.gate(S(1)).unwrap();
    let mut page = [0; 4096];
    let text = write_status(S(1), &gate, &[Name::new("one").unwrap()], &mut page).unwrap();
    agrees(text, S(1), &gate);
    let read: Value = serde_json::from_str(text).unwrap();
    assert_eq!((&read["accounts"][0]["name"], &read["accounts"][1]["name"]), (&"one".into(), &"".into()));
    assert_eq!(read["accounts"].as_array().unwrap().len(), 2);
}
