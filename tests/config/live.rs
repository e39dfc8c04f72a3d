//! From a configuration to a gate, and from one of a running gate to the next.

use tollgate::config::{
    AccountConfig, ConfigError, ConfiguredGate, GateConfig, Name, Problem, SlotsConfig, WriteError,
};
use tollgate::headers::FeedbackReader;
use tollgate::presets::backoffs;
use tollgate::{
    AccountId, Adaptation, Aimd, Amount, AskError, Binding, Breaker, BudgetSpec, Burst, Calendar, Credits, Cycle,
    Denied, Duration, Failure, Gate, Instant, JobId, Ledger, Limits, Line, Offer, Outcome, Quota, RatioBudget, Renewal,
    Repeatable, Request, Restraint, Retry, RetryQuota, Start, TokenBucket, Trust, UnixMicros, Usd, Verdict, WhenFull,
    Window, WindowLog,
};

use crate::documents::{Config, example, parse};

const S: fn(u64) -> Instant = Instant::from_secs;
const T0: Instant = Instant::ORIGIN;

/// Room for four accounts, 8 jobs, 4 requests on their way, 2 amounts a job, 61 slices, 30 requests in the window.
type Roomy<'c> = ConfiguredGate<'c, 4, 8, 4, 2, 61, 30>;

fn built(config: &Config, now: Instant) -> Roomy<'_> {
    config.gate(now).unwrap_or_else(|error| panic!("{error}"))
}

fn served() -> Outcome {
    Outcome::Answered { status: 200, verdict: Verdict::Clear, wait: None, should_retry: None }
}

/// Everything that can be seen of a gate.
fn seen(config: &Config, now: Instant, gate: &Roomy<'_>) -> String {
    let mut page = [0; 4096];
    let next = gate.next_event(now);
    format!("{} {next:?} {:?}", config.status(now, gate, &mut page).unwrap(), gate.limits())
}

fn binds(refused: Result<tollgate::Permit, AskError>) -> (Binding, Denied) {
    match refused {
        Err(AskError::Refused { limit, denied }) => (limit, denied),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_limit_of_the_document_binds() {
    let config = parse(
        r#"{ "requests": { "units": 60, "per": "1m", "burst": 3 }, "slots": { "limit": 2, "weight": 2, "lease": "10m" },
             "accounts": [{ "name": "a", "unit": "credits", "limit": "66", "period": "lifetime" }] }"#,
    );
    let mut gate = built(&config, T0);
    let cost = |credits| [Line::new::<Credits>(AccountId(0), Amount::whole(credits))];
    let dear = cost(67);
    let never = binds(gate.ask(T0, &config.request(JobId(1)).costs(&dear)));
    assert_eq!(never, (Binding::Money(AccountId(0)), Denied::Never { max: 66_000_000 }));
    let _first = gate.ask(T0, &config.request(JobId(1)).costs(&cost(60))).unwrap();
    let (limit, _) = binds(gate.ask(T0, &config.request(JobId(2))));
    assert_eq!(limit, Binding::Slots, "one job weighs 2 of 2");
    let _polls = (gate.poll(T0, 1).unwrap(), gate.poll(T0, 1).unwrap());
    assert_eq!(binds(gate.poll(T0, 1)), (Binding::Requests, Denied::Until(S(1))));

    let config = parse(r#"{ "window": { "limit": 2, "length": "1m" }, "block": { "until_us": 5000000 } }"#);
    let mut gate = built(&config, T0);
    assert_eq!(binds(gate.poll(T0, 1)), (Binding::Block, Denied::Until(S(5))));
    let _polls = (gate.poll(S(5), 1).unwrap(), gate.poll(S(5), 1).unwrap());
    assert_eq!(binds(gate.poll(S(6), 1)).0, Binding::Window);
    let config = parse(r#"{ "window": { "limit": 2, "length": "1m", "history": "used_up" } }"#);
    assert_eq!(binds(built(&config, T0).poll(S(59), 1)), (Binding::Window, Denied::Until(S(60))));
    let config = parse(r#"{ "requests": { "units": 1, "per": "1s", "burst": 2, "start": "empty" } }"#);
    assert_eq!(binds(built(&config, T0).poll(T0, 1)), (Binding::Requests, Denied::Until(S(1))));
}

#[test]
fn what_reacts_reacts_as_said() {
    let config = parse(
        r#"{ "breaker": { "failures": 2, "open_for": "30s" }, "slots": { "limit": 8 },
             "retry": { "quota": { "capacity": 14, "transient": 14, "throttled": 5, "success": 1 } },
             "patience": { "to_send": "1s", "to_answer": "5s" } }"#,
    );
    let mut gate = built(&config, T0);
    let mut answers = Vec::new();
    for id in 0..2 {
        let permit = gate.ask(T0, &config.request(JobId(id)).repeatable(Repeatable::Keyed)).unwrap();
        assert_eq!(permit.until(), S(1), "the patience");
        gate.sending(T0, &permit).unwrap();
        let mut retry = Retry::new(backoffs::RETRY, Repeatable::Keyed, T0);
        answers.push(gate.answered(T0, &permit, &Outcome::Failed(Failure::Broken), &mut retry, 0).unwrap());
    }
    assert!(matches!(answers[0], tollgate::Answer::RetryAt(_)));
    assert_eq!(answers[1], tollgate::Answer::GiveUp(tollgate::Reason::Quota), "the stock is empty");
    assert_eq!(binds(gate.poll(T0, 1)), (Binding::Breaker, Denied::Until(S(30))));
}

#[test]
fn a_configured_gate_answers_as_one_made_in_code() {
    let config = parse(&example());
    let requests = config.requests.unwrap();
    let window = config.window.unwrap();
    let retry = config.retry.unwrap();
    let adaptation = config.adaptation.unwrap();
    let mut money = Ledger::<4, 0, 2, 0, 61>::new(Duration::ZERO);
    for account in &config.accounts {
        money.open(T0, &account.spec).unwrap();
    }
    let log = Window::new(window.limit, window.length).unwrap();
    let ratio = retry.ratio.unwrap();
    let burst = retry.burst.unwrap();
    let limits = Limits::new()
        .requests(TokenBucket::new(requests.quota, Start::Full, T0))
        .window(WindowLog::<30>::new(log, WhenFull::Refuse, window.history, T0))
        .money(money)
        .breaker(Breaker::new(config.breaker.unwrap(), T0))
        .restraint(Restraint {
            quota: retry.quota.map(RetryQuota::new),
            ratio: Some(RatioBudget::new(ratio.per, ratio.permille, ratio.per_second)),
            burst: Some(Burst::new(burst.refusals, burst.within, (burst.wait_min, burst.wait_max))),
        })
        .adaptation(Adaptation {
            rate: adaptation.rate.map(|(policy, per)| (Aimd::new(policy), per)),
            jobs: adaptation.jobs.map(Aimd::new),
            pacing: adaptation.pacing,
            offer: Some(Offer::NONE),
        });
    let mut ours = Gate::<_, 8, 4>::new(limits, T0).with_slots(3).with_patience(config.patience);
    let mut theirs = built(&config, T0);
    theirs.set_wall(T0, UnixMicros::from_secs(1_767_225_600), Duration::ZERO, Trust::Owner);
    ours.set_wall(T0, UnixMicros::from_secs(1_767_225_600), Duration::ZERO, Trust::Owner);

    let mut state = 7u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut now = T0;
    for id in 0..2_000 {
        now = now.saturating_add(Duration::from_millis(random(3_000)));
        let cost = [
            Line::new::<Credits>(AccountId(0), Amount::whole(u32::try_from(random(9)).unwrap())),
            Line::new::<Usd>(AccountId(2), Amount::whole(u32::try_from(random(2)).unwrap())),
        ];
        let request = config.request(JobId(id)).repeatable(Repeatable::Keyed).costs(&cost);
        let (one, other) = (ours.ask(now, &request), theirs.ask(now, &request));
        assert_eq!(one, other, "{id}");
        let fails = random(5) == 0;
        let outcome = if fails { Outcome::Failed(Failure::Broken) } else { served() };
        if let (Ok(one), Ok(other)) = (one, other) {
            if random(4) == 0 {
                assert_eq!(ours.cancel(now, one), theirs.cancel(now, other));
                assert_eq!(ours.status(now), theirs.status(now), "what was cancelled is back");
                continue;
            }
            let entropy = u32::try_from(random(1 << 31)).unwrap();
            let [mut left, mut right] = [(), ()].map(|()| Retry::new(backoffs::RETRY, Repeatable::Keyed, now));
            assert_eq!(ours.sending(now, &one), theirs.sending(now, &other));
            let answers = (
                ours.answered(now, &one, &outcome, &mut left, entropy),
                theirs.answered(now, &other, &outcome, &mut right, entropy),
            );
            assert_eq!(answers.0, answers.1);
            now = now.saturating_add(Duration::from_millis(random(9_000)));
            assert_eq!(ours.finished(now, JobId(id), &cost), theirs.finished(now, JobId(id), &cost));
        }
        assert_eq!(ours.status(now), theirs.status(now));
        assert_eq!(ours.next_event(now), theirs.next_event(now));
        for account in 0..4 {
            assert_eq!(ours.report(now, AccountId(account)), theirs.report(now, AccountId(account)));
        }
    }
    let counters = ours.counters();
    assert!(counters.granted > 100 && counters.refused(Binding::Money(AccountId(0))) > 10, "{counters:?}");
}

#[test]
fn a_gate_without_room_is_not_built() {
    let refused = |error: Result<(), ConfigError>| error.unwrap_err().to_string();
    let small = |document: &str, now| {
        let config = parse(document);
        let gate: Result<ConfiguredGate<'_, 4, 2, 1, 1, 5, 3>, ConfigError> = config.gate(now);
        gate.map(|_| ())
    };
    let rolling = |slices: u32| {
        format!(
            r#"{{ "name": "{slices}", "unit": "usd", "limit": "1", "period": "rolling", "length": "1h", "slices": {slices} }}"#
        )
    };
    assert_eq!(small(r#"{ "slots": { "limit": 2 }, "window": { "limit": 3, "length": "1s" } }"#, T0), Ok(()));
    assert_eq!(
        refused(small(r#"{ "slots": { "limit": 3 } }"#, T0)),
        "slots.limit: 3 is too much: expected at most 2, the jobs of this weight that the gate has room for"
    );
    // Of weight 3, seven slots are room for two jobs, and nine for three.
    assert_eq!(small(r#"{ "slots": { "limit": 8, "weight": 3 } }"#, T0), Ok(()));
    assert!(refused(small(r#"{ "slots": { "limit": 9, "weight": 3 } }"#, T0)).contains("expected at most 6"));
    assert_eq!(small(r#"{ "slots": { "limit": 4294967295, "weight": 0 } }"#, T0), Ok(()));
    assert_eq!(
        refused(small(r#"{ "window": { "limit": 4, "length": "1s" } }"#, T0)),
        "window.limit: 4 is too much: expected at most 3, the entries of the gate's window, or a when_full of \"merge\""
    );
    assert_eq!(small(r#"{ "window": { "limit": 4, "length": "1s", "when_full": "merge" } }"#, T0), Ok(()));
    let two = format!(r#"{{ "accounts": [{}, {}] }}"#, rolling(1), rolling(2));
    assert_eq!(small(&two, T0), Ok(()), "2 + 3 slices");
    let more = format!(r#"{{ "accounts": [{}, {}] }}"#, rolling(1), rolling(3));
    assert_eq!(
        refused(small(&more, T0)),
        "accounts[1].slices: no room in this gate: 4 slices are needed and 3 are left"
    );
    assert_eq!(
        refused(small(r#"{ "block": { "until_us": 5000000 } }"#, S(5))),
        "block.until_us: 5.000000 s has passed: expected an instant after 5.000000 s"
    );
    assert_eq!(small(r#"{ "block": { "until_us": 5000001 } }"#, S(5)), Ok(()));
    let config = parse(&two);
    let gate: Result<ConfiguredGate<'_, 4, 2, 1, 0, 5>, ConfigError> = config.gate(T0);
    assert_eq!(gate.map(|_| ()).unwrap_err().path(), "accounts", "no room for amounts");
}

/// The document with one place changed.
fn edited(document: &str, from: &str, to: &str) -> String {
    let edited = document.replacen(from, to, 1);
    assert_ne!(edited, document, "{from}");
    edited
}

/// Edits that a running gate refuses, and the path of each.
const REFUSED: [(&str, &str, &str); 16] = [
    (r#""limit": 30, "length": "1m""#, r#""limit": 29, "length": "1m""#, "window"),
    (r#""when_full": "refuse""#, r#""when_full": "merge""#, "window"),
    (r#""calls": 20"#, r#""calls": 21"#, "breaker"),
    (r#""capacity": 500"#, r#""capacity": 501"#, "retry"),
    (
        r#""rate": { "per": "1m", "floor": 6, "ceiling": 30"#,
        r#""rate": { "per": "2m", "floor": 6, "ceiling": 30"#,
        "adaptation",
    ),
    (r#""advertised": true"#, r#""advertised": false"#, "adaptation"),
    (r#""name": "daily""#, r#""name": "dayly""#, "accounts[0].name"),
    (r#""unit": "usd", "limit": "50.00""#, r#""unit": "credits", "limit": "50.00""#, "accounts[1].unit"),
    (r#""utc_offset_min": 480"#, r#""utc_offset_min": 60"#, "accounts[0].period"),
    (r#""month_start": 15"#, r#""month_start": 16"#, "accounts[1].period"),
    (r#""slices": 60"#, r#""slices": 30"#, "accounts[3].period"),
    (
        r#""requests": { "units": 30, "per": "1m", "burst": 5, "start": "full" },"#,
        "",
        // Without requests there is nothing to adapt either, and that is found first.
        "adaptation.rate",
    ),
    // Others cannot be at all.
    (r#""slots": { "limit": 3"#, r#""slots": { "limit": 9"#, "adaptation.jobs.ceiling"),
    (r#""block": { "max": "1h" }"#, r#""block": { "until_us": 8000000 }"#, "block.until_us"),
    (r#""soft": "50""#, r#""soft": "67""#, "accounts[0].soft"),
    (r#""plan": "seed001/standard""#, r#""plan": "seed000/free""#, "requests.units"),
];

#[test]
fn a_refused_change_changes_nothing() {
    let text = example();
    let config = parse(&text);
    // With other changes in the same document, which must not be made either.
    let base = edited(&text, r#""limit": "66""#, r#""limit": "60""#);
    let base = edited(&base, r#""to_send": "30s""#, r#""to_send": "9s""#);
    let mut others = Vec::new();
    for (from, to, path) in REFUSED {
        let other = Config::parse(&edited(&base, from, to));
        // What is no configuration cannot even be tried.
        match other {
            Ok(other) => others.push((other, path)),
            Err(error) => assert!(error.path() == path || path == "adaptation.jobs.ceiling", "{error}"),
        }
    }
    let fewer = Config { accounts: config.accounts.iter().copied().take(3).collect(), ..config.clone() };
    others.push((fewer, "accounts"));
    let none = Config { requests: None, adaptation: None, plan: None, ..config.clone() };
    others.push((none, "requests"));
    let wider = Config { slots: Some(SlotsConfig::new(9)), plan: None, ..config.clone() };
    others.push((wider, "slots.limit"));
    assert!(others.len() >= 12, "{}", others.len());

    let mut gate = built(&config, T0);
    let cost = [Line::new::<Credits>(AccountId(0), Amount::whole(40))];
    let _permit = gate.ask(S(1), &config.request(JobId(1)).costs(&cost)).unwrap();
    for (other, path) in &others {
        let before = seen(&config, S(9), &gate);
        let error = other.apply(S(9), &mut gate, &config).expect_err(path);
        assert_eq!(error.path(), *path, "{error}");
        assert_eq!(seen(&config, S(9), &gate), before, "{path}");
    }
    // A gate with other accounts than `running` says is not touched.
    let error = config.apply(S(9), &mut gate, &others[others.len() - 3].0).unwrap_err();
    assert_eq!((error.path(), error.problem()), ("accounts", Problem::NotLive));
}

#[test]
fn what_can_change_changes_at_once() {
    let text = example();
    let config = parse(&text);
    let mut next = text.clone();
    for (from, to) in [
        (r#""plan": "seed001/standard""#, r#""plan": "seed001/pro""#),
        (r#""units": 30, "per": "1m", "burst": 5"#, r#""units": 60, "per": "1m", "burst": 9"#),
        (r#""slots": { "limit": 3"#, r#""slots": { "limit": 5"#),
        (r#""limit": "66", "soft": "50""#, r#""limit": "50""#),
        (r#""overage": "cap""#, r#""overage": "reject""#),
        (r#""to_send": "30s""#, r#""to_send": "9s""#),
        (r#""block": { "max": "1h" }"#, r#""block": { "max": "2h", "until_us": 30000000 }"#),
    ] {
        next = edited(&next, from, to);
    }
    let next = parse(&next);
    let mut gate = built(&config, T0);
    let cost = [Line::new::<Credits>(AccountId(0), Amount::whole(40))];
    let permit = gate.ask(T0, &config.request(JobId(1)).costs(&cost)).unwrap();
    assert_eq!(gate.status(T0).requests, 4);

    next.apply(S(1), &mut gate, &config).unwrap();
    let status = gate.status(S(1));
    // What was used stays used, and nothing is granted by the change: 4 left and half a unit that has accrued.
    assert_eq!((status.requests, status.slots, status.blocked), (4, 3, Some(S(30))), "the adapted jobs stay at 3");
    let report = gate.report(S(1), AccountId(0)).unwrap();
    assert_eq!((report.limit, report.held, report.available, report.soft), (50_000_000, 40_000_000, 10_000_000, false));
    // A promise stays a promise; the next permit has the new patience.
    assert_eq!(permit.until(), S(30));
    gate.sending(S(2), &permit).unwrap();
    let later = gate.ask(S(30), &next.request(JobId(2))).unwrap();
    assert_eq!(later.until(), S(39));
    assert_eq!(gate.limits().requests.as_ref().unwrap().quota(), next.requests.unwrap().quota);

    // And back; the owner's block has gone by.
    config.apply(S(31), &mut gate, &next).unwrap();
    assert_eq!(gate.report(S(31), AccountId(0)).unwrap().limit, 66_000_000);
    assert_eq!(gate.limits().requests.as_ref().unwrap().quota(), config.requests.unwrap().quota);
}

#[test]
fn accounts_are_added_behind_those_that_are_there() {
    let head = r#"{ "accounts": [{ "name": "a", "unit": "usd", "limit": "5", "period": "lifetime" }"#;
    let rolling = |slices: u32| {
        format!(
            r#", {{ "name": "b", "unit": "usd", "limit": "1", "period": "rolling", "length": "1h", "slices": {slices} }}] }}"#
        )
    };
    let one = parse(&format!("{head}] }}"));
    let (two, large) = (parse(&format!("{head}{}", rolling(60))), parse(&format!("{head}{}", rolling(90))));
    let mut gate = built(&one, T0);
    let before = seen(&one, S(1), &gate);
    assert_eq!(
        large.apply(S(1), &mut gate, &one).unwrap_err().to_string(),
        "accounts[1].slices: no room in this gate: 91 slices are needed and 61 are left"
    );
    assert_eq!(seen(&one, S(1), &gate), before);
    two.apply(S(1), &mut gate, &one).unwrap();
    assert_eq!(gate.report(S(1), two.account("b").unwrap()).unwrap().available, 1_000_000);
    // Said again, nothing is added again.
    two.apply(S(2), &mut gate, &two).unwrap();
    assert_eq!(gate.report(S(2), AccountId(2)), None);
}

#[test]
fn a_rate_that_was_lowered_stays_lowered() {
    let text = |units: u32| {
        format!(
            r#"{{ "requests": {{ "units": {units}, "per": "1m", "burst": 5 }},
                 "adaptation": {{ "rate": {{ "per": "1m", "floor": 6, "ceiling": 30, "keep_permille": 500, "step": 1,
                                             "every": 10 }} }} }}"#
        )
    };
    let (config, faster) = (parse(&text(30)), parse(&text(40)));
    let mut gate = built(&config, T0);
    let per_minute = |gate: &Roomy<'_>| {
        let quota = gate.limits().requests.as_ref().unwrap().quota();
        quota.units() * u32::try_from(60_000_000 / quota.per().as_micros()).unwrap()
    };
    let permit = gate.ask(S(1), &Request::new(JobId(1), Duration::MAX)).unwrap();
    gate.sending(S(1), &permit).unwrap();
    let blind = Outcome::Answered { status: 429, verdict: Verdict::Blind, wait: None, should_retry: None };
    let mut retry = Retry::new(backoffs::RETRY, Repeatable::No, S(1));
    gate.answered(S(2), &permit, &blind, &mut retry, 0).unwrap();
    assert_eq!(per_minute(&gate), 15);
    faster.apply(S(3), &mut gate, &config).unwrap();
    assert_eq!(per_minute(&gate), 15);
    let mut fresh = built(&config, T0);
    faster.apply(S(3), &mut fresh, &config).unwrap();
    assert_eq!(per_minute(&fresh), 40);
}

#[test]
fn an_adaptation_moves_with_the_limits_around_it() {
    let text = example();
    let config = parse(&text);
    let mut lower = text.clone();
    for (from, to) in [
        (r#""units": 30, "per": "1m", "burst": 5"#, r#""units": 20, "per": "1m", "burst": 5"#),
        (r#""slots": { "limit": 3"#, r#""slots": { "limit": 2"#),
        (r#""floor": 6, "ceiling": 30, "keep_permille": 700"#, r#""floor": 6, "ceiling": 20, "keep_permille": 500"#),
        (r#""floor": 1, "ceiling": 3"#, r#""floor": 1, "ceiling": 2"#),
        (r#""below_permille": 100, "least": "2s""#, r#""below_permille": 200, "least": "0s""#),
    ] {
        lower = edited(&lower, from, to);
    }
    let lower = parse(&lower);
    let mut gate = built(&config, T0);
    lower.apply(T0, &mut gate, &config).unwrap();
    let adaptation = gate.limits().adaptation.unwrap();
    assert_eq!(adaptation.rate.map(|(rate, _)| rate.value()), Some(20));
    assert_eq!((adaptation.pacing, gate.slots()), (lower.adaptation.unwrap().pacing, 2));
    // Half of the new ceiling, as the new policy says; and the way back goes up only for what was not lowered.
    let permit = gate.ask(S(1), &Request::new(JobId(1), Duration::MAX)).unwrap();
    gate.sending(S(1), &permit).unwrap();
    let blind = Outcome::Answered { status: 429, verdict: Verdict::Blind, wait: None, should_retry: None };
    gate.answered(S(2), &permit, &blind, &mut Retry::new(backoffs::RETRY, Repeatable::No, S(1)), 0).unwrap();
    config.apply(S(3), &mut gate, &lower).unwrap();
    let quota = gate.limits().requests.as_ref().unwrap().quota();
    assert_eq!((quota, gate.slots()), (Quota::new_with_burst(10, Duration::from_mins(1), 5).unwrap(), 3));
}

#[test]
fn the_server_is_followed_only_where_that_is_said() {
    for (offer, units) in [("true", 20), ("false", 60)] {
        let config = parse(&format!(
            r#"{{ "requests": {{ "units": 60, "per": "1m" }}, "adaptation": {{ "advertised": {offer} }} }}"#
        ));
        let mut gate = built(&config, T0);
        let mut response = FeedbackReader::new();
        response.line(b"ratelimit-policy", b"\"minute\";q=20;w=60");
        gate.heard(T0, &response.finish(200, None));
        let quota = Quota::new_with_burst(units, Duration::from_mins(1), units).unwrap();
        assert_eq!(gate.limits().requests.as_ref().unwrap().quota(), quota, "{offer}");
    }
}

#[test]
fn a_budget_in_a_real_zone_cannot_be_written() {
    static ZONE: Calendar = Calendar::utc(Cycle::Day);
    let spec = BudgetSpec::new::<Usd>(Amount::whole(5), Renewal::Zone(&ZONE));
    let named = |name: &str| AccountConfig { name: Name::new(name).unwrap(), spec };
    let config = Config { accounts: [named("a"), named("b")].into_iter().collect(), ..Config::default() };
    assert_eq!(config.write(&mut [0; 999]), Err(WriteError::Zone { account: 0 }));
    // But it can be run, and changed.
    let lower = Config { slots: Some(SlotsConfig::new(1)), ..config.clone() };
    let mut gate = built(&config, T0);
    lower.apply(T0, &mut gate, &config).unwrap();
    assert_eq!(gate.slots(), 1);
}

#[test]
fn the_smallest_gate_has_room_for_what_it_needs() {
    let config = GateConfig::<0>::parse("{}").unwrap();
    let mut gate: ConfiguredGate<'_, 0, 1, 1, 0, 0, 1> = config.gate(T0).unwrap();
    let permit = gate.ask(T0, &config.request(JobId(1))).unwrap();
    gate.cancel(T0, permit).unwrap();
    assert_eq!(gate.status(T0).requests, u64::MAX);
}

#[test]
fn sizes_are_as_the_documentation_says() {
    let none = size_of::<GateConfig<0>>();
    let each = size_of::<GateConfig<2>>() - size_of::<GateConfig<1>>();
    // On 64 bits; less on 32.
    assert!(none <= 400, "{none}");
    assert!(each <= 230, "{each}");
    assert!(size_of::<ConfigError>() <= 112, "{}", size_of::<ConfigError>());
}
