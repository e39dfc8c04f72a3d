//! The image of a gate: every part, every state of a job over a reboot, and nothing granted that was not granted before.

use tollgate::{
    AccountId, Adaptation, Aimd, AimdPolicy, Amount, Answer, AskError, Binding, Breaker, BreakerPolicy, BudgetSpec,
    Burst, Calendar, Cost, Credits, Cycle, Denied, Duration, Failure, Gate, GateError, Heard, History, Image,
    ImageError, Instant, JobId, JobState, Ledger, Limits, Line, Mismatch, Offline, Outcome, Patience, Permit, Phase,
    Quota, QuotaCosts, Renewal, Repeatable, Request, Restraint, Retry, RetryQuota, Seen, Start, TokenBucket, Trip,
    Trust, UnixMicros, Verdict, WhenFull, Window, WindowLog, presets::backoffs,
};

use crate::support::{Rng, S, SECS, saved};

static DAILY: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Calendar(Calendar::utc(Cycle::Day)));
static EVER: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(200), Renewal::Lifetime);

type Money = Ledger<'static, 2, 0, 2, 0>;
type All = Limits<TokenBucket, WindowLog<8>, Money, Breaker, Restraint, Adaptation>;
type Full = Gate<All, 4, 3>;
type Bare = Gate<Limits, 2, 1>;

const LEASE: Duration = Duration::from_secs(600);
const JOB: JobId = JobId(1);
const PATIENCE: Patience = Patience { to_send: SECS_10, to_answer: SECS_60, max_block: Duration::from_hours(1) };
const SECS_10: Duration = Duration::from_secs(10);
const SECS_60: Duration = Duration::from_secs(60);
const MIDNIGHT: i64 = 1_767_225_600;

fn bucket(units: u32) -> TokenBucket {
    TokenBucket::new(Quota::new(units, SECS_60).unwrap(), Start::Full, S(0))
}

fn policy(ceiling: u32) -> Aimd {
    Aimd::new(AimdPolicy { floor: 6, ceiling, keep_permille: 500, step: 1, every: 10 })
}

fn gate() -> Full {
    let mut money = Money::new(Duration::ZERO);
    for spec in [&DAILY, &EVER] {
        money.open(S(0), spec).unwrap();
    }
    let window = WindowLog::new(Window::new(20, SECS(60)).unwrap(), WhenFull::Refuse, History::Empty, S(0));
    let breaker = BreakerPolicy::new(Trip::Consecutive { failures: 2 }, SECS(30)).unwrap();
    let limits = Limits::new()
        .requests(bucket(60))
        .window(window)
        .money(money)
        .breaker(Breaker::new(breaker, S(0)))
        .restraint(Restraint {
            quota: Some(RetryQuota::new(QuotaCosts::AWS)),
            ratio: None,
            burst: Some(Burst::SEED_001),
        })
        .adaptation(Adaptation {
            rate: Some((policy(60), SECS_60)),
            jobs: Some(policy(8)),
            offer: None,
            ..Adaptation::default()
        });
    Gate::new(limits, S(0)).with_slots(3).with_patience(PATIENCE)
}

fn costs(n: u32) -> [Line; 2] {
    [0, 1].map(|account| Line::new::<Credits>(AccountId(account), Amount::whole(n)))
}

fn ask(gate: &mut Full, now: u64, id: u64) -> Result<Permit, AskError> {
    gate.ask(S(now), &Request::new(JobId(id), LEASE).costs(&costs(40)))
}

fn send(gate: &mut Full, now: u64, id: u64) -> Permit {
    let permit = ask(gate, now, id).unwrap();
    gate.sending(S(now), &permit).unwrap();
    permit
}

fn hear(gate: &mut Full, now: u64, permit: &Permit, outcome: &Outcome) -> Answer {
    gate.answered(S(now), permit, outcome, &mut Retry::new(backoffs::RETRY, Repeatable::No, S(now)), 0).unwrap()
}

const fn answer(status: u16, verdict: Verdict) -> Outcome {
    Outcome::Answered { status, verdict, wait: None, should_retry: None }
}

const OK: Outcome = answer(200, Verdict::Clear);

/// A gate with a job in this state at 100 s; leases are over at 700 s.
fn reach(state: Option<JobState>) -> Full {
    let mut gate = gate();
    if state == Some(JobState::Asked) {
        let _ = ask(&mut gate, 100, 1).unwrap();
        return gate;
    }
    let permit = send(&mut gate, 100, 1);
    match state {
        None => _ = hear(&mut gate, 100, &permit, &answer(400, Verdict::Clear)),
        Some(JobState::Sent) => {}
        Some(JobState::Unknown) => _ = hear(&mut gate, 100, &permit, &Outcome::Failed(Failure::Broken)),
        Some(state) => {
            assert_eq!(hear(&mut gate, 100, &permit, &OK), Answer::Accepted);
            match state {
                JobState::NeedsActual => _ = gate.reconcile(S(101), S(101), true, &[]),
                JobState::Settled => _ = gate.finished(S(100), JOB, &costs(30)).unwrap(),
                JobState::Overdue => assert!(gate.expire(S(700)).is_some()),
                _ => {}
            }
        }
    }
    assert_eq!(gate.job(S(100), JOB), state);
    gate
}

fn load(image: &[u8], now: Instant, offline: Offline) -> Full {
    let mut gate = gate();
    if let Err(error) = gate.restore(now, offline, Mismatch::Refuse, image) {
        panic!("not restored: {error}");
    }
    gate
}

/// Requests left, the window's room, state, weight in flight, posted and held of the lifetime account.
fn books(gate: &Full, now: Instant) -> (u64, u64, Option<JobState>, u64, u64, u64) {
    let (status, report) = (gate.status(now), gate.report(now, AccountId(1)).unwrap());
    let whole = |micros: u64| micros / 1_000_000;
    (status.requests, status.window, gate.job(now, JOB), status.in_flight, whole(report.posted), whole(report.held))
}

#[test]
fn every_state_of_a_job_over_a_reboot() {
    use JobState::*;
    for (before, expected) in [
        (None, (59, 19, None, 0, 0, 0)),
        (Some(Asked), (60, 20, None, 0, 0, 0)),
        (Some(Sent), (59, 19, Some(Unknown), 1, 0, 40)),
        (Some(Unknown), (59, 19, Some(Unknown), 1, 0, 40)),
        (Some(Running), (59, 19, Some(Running), 1, 0, 40)),
        (Some(NeedsActual), (59, 19, Some(NeedsActual), 0, 0, 40)),
        (Some(Overdue), (60, 20, Some(Overdue), 0, 40, 0)),
        (Some(Settled), (59, 19, Some(Settled), 0, 30, 0)),
    ] {
        let gate = reach(before);
        let at = if before == Some(Overdue) { S(700) } else { S(100) };
        let mut image = saved(&gate, at);
        // Twice in a row, and on a clock that starts again.
        for now in [at, at, S(0)] {
            let mut gate = load(&image, now, Offline::Unknown);
            let mut expected = expected;
            if now == S(0) && before.is_some_and(|state| state != Asked) {
                // What was used before this clock began was used just when it began.
                assert!(books(&gate, now).0 <= expected.0);
                expected.0 = books(&gate, now).0;
            }
            assert_eq!(books(&gate, now), expected, "{before:?} at {now:?}");
            image = saved(&gate, now);
            let told = matches!(before, Some(Sent)).then_some((JOB, Unknown));
            assert_eq!(gate.expire(now), told, "{before:?}");
        }
    }
}

#[test]
fn a_job_is_finished_after_the_reboot_as_if_there_had_been_none() {
    use JobState::*;
    for (before, cost) in [
        (Sent, Cost::Settled),
        (Unknown, Cost::Settled),
        (Running, Cost::Settled),
        (NeedsActual, Cost::Settled),
        (Overdue, Cost::Corrected),
        (Settled, Cost::Replayed),
    ] {
        let at = if before == Overdue { S(700) } else { S(150) };
        let mut gate = load(&saved(&reach(Some(before)), at), at, Offline::Unknown);
        assert_eq!(gate.finished(at, JOB, &costs(30)).unwrap().cost, cost, "{before}");
        let (_, _, state, in_flight, posted, held) = books(&gate, at);
        assert_eq!((state, in_flight, posted, held), (Some(Settled), 0, 30, 0), "{before}");
        assert_eq!(gate.finished(at, JOB, &costs(31)), Err(GateError::Mismatch));
    }
}

#[test]
fn permits_of_before_the_reboot_are_stale_and_new_ones_are_not_taken_for_them() {
    let mut gate = gate();
    let (unsent, permit) = (ask(&mut gate, 1, 7).unwrap(), send(&mut gate, 1, 1));
    let mut gate = load(&saved(&gate, S(2)), S(2), Offline::Unknown);
    let fresh = ask(&mut gate, 2, 2).unwrap();
    let retry = &mut Retry::new(backoffs::RETRY, Repeatable::No, S(2));
    assert_eq!(gate.answered(S(2), &permit, &OK, retry, 0), Err(GateError::StalePermit));
    assert_eq!(gate.sending(S(2), &unsent), Err(GateError::StalePermit));
    assert_eq!(gate.cancel(S(2), unsent), Err(GateError::StalePermit));
    assert_eq!(gate.sending(S(2), &fresh), Ok(()));
}

#[test]
fn a_permit_that_was_given_after_the_save_is_stale_too_and_nothing_of_before_a_restore_is_left() {
    let mut gate = gate();
    let image = saved(&gate, S(1));
    let late = ask(&mut gate, 1, 1).unwrap();
    gate.restore(S(2), Offline::Unknown, Mismatch::Refuse, &image).unwrap();
    assert_eq!((gate.status(S(2)).calls, gate.job(S(2), JOB)), (0, None));
    let mut again = load(&image, S(2), Offline::Unknown);
    let fresh = ask(&mut again, 2, 1).unwrap();
    assert_ne!(fresh, late);
    assert_eq!(again.sending(S(2), &late), Err(GateError::StalePermit));
}

#[test]
fn leases_go_on_by_the_time_that_is_known_to_have_passed() {
    let image = saved(&reach(Some(JobState::Running)), S(400));
    // 300 s of the lease were left.
    for (offline, now, left) in [
        (Offline::Unknown, S(400), Some(300)),
        (Offline::Unknown, S(0), Some(300)),
        (Offline::Trusted(SECS(100)), S(500), Some(200)),
        (Offline::Trusted(SECS(300)), S(700), None),
        (Offline::Trusted(SECS(9_999)), S(0), None),
    ] {
        let mut gate = load(&image, now, offline);
        match left {
            Some(left) => assert_eq!(gate.next_event(now), Some(now.saturating_add(SECS(left))), "{offline:?}"),
            None => assert_eq!(gate.expire(now), Some((JOB, JobState::Overdue)), "{offline:?}"),
        }
    }
}

#[test]
fn a_probe_that_was_sent_has_failed_and_one_that_was_not_is_returned() {
    for sent in [false, true] {
        let mut gate = gate();
        for at in [0, 1] {
            let permit = send(&mut gate, at, at + 10);
            hear(&mut gate, at, &permit, &Outcome::Failed(Failure::Broken));
            gate.finished(S(at), JobId(at + 10), &costs(0)).unwrap();
        }
        assert_eq!(gate.status(S(1)).breaker, Phase::Open { until: S(31) });
        let probe = ask(&mut gate, 31, 1).unwrap();
        if sent {
            gate.sending(S(31), &probe).unwrap();
        }
        let mut gate = load(&saved(&gate, S(32)), S(32), Offline::Unknown);
        if sent {
            assert_eq!(gate.status(S(32)).breaker, Phase::Open { until: S(62) });
        } else {
            assert!(ask(&mut gate, 32, 2).is_ok());
        }
        // There is one place for a probe.
        let refused = ask(&mut gate, 32, 3).unwrap_err();
        assert!(matches!(refused, AskError::Refused { limit: Binding::Breaker, .. }), "{refused}");
    }
}

#[test]
fn a_block_outlives_a_reboot_and_a_clock_that_had_jumped_does_not_lock_it() {
    let mut gate = gate();
    let permit = send(&mut gate, 100, 1);
    let wait = Outcome::Answered { status: 429, verdict: Verdict::Soft, wait: Some(SECS(600)), should_retry: None };
    hear(&mut gate, 100, &permit, &wait);
    let until = gate.status(S(100)).blocked.unwrap();
    assert_eq!(until, S(700));
    for (offline, now, left) in [
        (Offline::Unknown, S(5), 600),
        (Offline::Trusted(SECS(100)), S(200), 500),
        (Offline::Trusted(SECS(600)), S(5), 0),
    ] {
        let gate = load(&saved(&gate, S(100)), now, offline);
        let blocked = gate.status(now).blocked;
        assert_eq!(blocked, (left > 0).then(|| now.saturating_add(SECS(left))), "{offline:?}");
    }
    // It was acted on at a date far ahead, and saved when the clock was right again.
    let mut gate = self::gate();
    let permit = send(&mut gate, 1_000_000_000, 1);
    hear(&mut gate, 1_000_000_000, &permit, &wait);
    let gate = load(&saved(&gate, S(100)), S(100), Offline::Unknown);
    assert_eq!(gate.status(S(100)).blocked, Some(S(700)));
}

#[test]
fn undated_money_moves_to_the_period_that_is_learned_and_a_date_told_before_is_forgotten() {
    for early in [false, true] {
        let mut gate = gate();
        let permit = send(&mut gate, 1, 1);
        assert_eq!(hear(&mut gate, 1, &permit, &OK), Answer::Accepted);
        let image = saved(&gate, S(2));
        let mut gate = self::gate();
        let learn =
            |gate: &mut Full| gate.set_wall(S(2), UnixMicros::from_secs(MIDNIGHT), Duration::ZERO, Trust::Owner);
        if early {
            assert_eq!(learn(&mut gate), Heard::Learned);
        }
        gate.restore(S(2), Offline::Unknown, Mismatch::Refuse, &image).unwrap();
        let held = |gate: &Full| gate.report(S(2), AccountId(0)).unwrap().held;
        assert_eq!(held(&gate), 40_000_000);
        assert_eq!(learn(&mut gate), Heard::Learned, "told again");
        assert_eq!(held(&gate), 40_000_000);
        gate.finished(S(3), JOB, &costs(35)).unwrap();
        let report = gate.report(S(3), AccountId(0)).unwrap();
        assert_eq!((report.posted, report.held, report.period), (35_000_000, 0, 20_454), "early {early}");
    }
}

#[test]
fn what_was_found_out_about_the_server_survives() {
    let mut gate = gate();
    let permit = send(&mut gate, 1, 1);
    hear(&mut gate, 1, &permit, &answer(429, Verdict::Blind));
    assert_eq!(gate.limits().adaptation.rate.unwrap().0.value(), 30);
    let before = gate.status(S(700));
    // The bucket of the image is not the one of the configuration; the adaptation has made it so.
    let image = saved(&gate, S(700));
    let mut again = self::gate();
    let restored = again.restore(S(700), Offline::Unknown, Mismatch::Refuse, &image).unwrap();
    assert!(!restored.other_config);
    assert_eq!(again.status(S(700)), before);
    assert_eq!(again.limits().requests.quota(), gate.limits().requests.quota());
    assert_eq!(again.limits().adaptation.rate.unwrap().0.value(), 30);
    assert_eq!(*again.counters(), *gate.counters());
}

#[test]
fn another_configuration_is_refused_or_keeps_what_was_used() {
    let image = saved(&reach(Some(JobState::Running)), S(100));
    let fewer = || gate().with_slots(1);
    let refused = fewer().restore(S(100), Offline::Unknown, Mismatch::Refuse, &image);
    assert_eq!(refused, Err(ImageError::OtherConfig));
    let mut gate = fewer();
    let restored = gate.restore(S(100), Offline::Unknown, Mismatch::KeepUsed, &image).unwrap();
    assert!(restored.other_config);
    assert_eq!((gate.slots(), gate.in_flight(S(100))), (1, 1));
    let more = gate.ask(S(100), &Request::new(JobId(2), LEASE)).unwrap_err();
    assert_eq!(more, AskError::Refused { limit: Binding::Slots, denied: Denied::Until(S(700)) });
    // Another structure never: parts that are not there.
    let mut plain = Gate::<Limits<TokenBucket>, 4, 3>::new(Limits::new().requests(bucket(60)), S(0));
    let error = plain.restore(S(100), Offline::Unknown, Mismatch::KeepUsed, &image).unwrap_err();
    assert!(matches!(error, ImageError::OtherSize { .. }), "{error}");
}

#[test]
fn the_size_is_the_one_of_the_table() {
    let parts =
        TokenBucket::SIZE + WindowLog::<8>::SIZE + Money::SIZE + Breaker::SIZE + Restraint::SIZE + Adaptation::SIZE;
    assert_eq!((Full::SIZE, Adaptation::SIZE), (142 + (40 + 13 * 2) * 4 + parts - 6 * 20, 97));
    assert_eq!(Bare::SIZE, 142 + 40 * 2);
}

#[test]
fn every_damage_is_recognised_and_changes_nothing() {
    let image = saved(&reach(Some(JobState::Running)), S(100));
    let mut gate = gate();
    let before = saved(&gate, S(100));
    let mut refusal = |image: &[u8]| gate.restore(S(100), Offline::Unknown, Mismatch::KeepUsed, image).unwrap_err();
    for bit in 0..image.len() * 8 {
        let mut image = image.clone();
        image[bit / 8] ^= 1 << (bit % 8);
        refusal(&image);
    }
    for len in 0..image.len() {
        assert_eq!(refusal(&image[..len]), ImageError::Truncated { needed: Full::SIZE, found: len });
    }
    let mut rng = Rng(5);
    for _ in 0..200 {
        let noise: Vec<u8> = (0..Full::SIZE).map(|_| u8::try_from(rng.below(256)).unwrap()).collect();
        assert_eq!(refusal(&noise), ImageError::NotAnImage);
        let header = [&image[..24], &noise[24..]].concat();
        assert_eq!(refusal(&header), ImageError::Damaged);
    }
    assert_eq!(refusal(&vec![0; Full::SIZE]), ImageError::Zeroed);
    assert_eq!(refusal(&vec![0xFF; Full::SIZE]), ImageError::Erased);
    assert_eq!(refusal(&saved(&bucket(60), S(1))), ImageError::OtherKind { found: 1 });
    let mut other = image;
    other[2] = 9;
    reseal(&mut other);
    assert_eq!(refusal(&other), ImageError::OtherVersion { found: 9 });
    assert_eq!(saved(&gate, S(100)), before, "nothing has changed");
}

fn reseal(image: &mut [u8]) {
    let (sealed, trailer) = image.split_at_mut(image.len() - 4);
    trailer.copy_from_slice(&crate::support::crc(sealed).to_le_bytes());
}

/// A checksum is no proof: whatever the bytes are, it is refused or taken over, and then used, without a panic.
#[test]
fn contents_that_cannot_be_do_no_harm() {
    let (image, mut rng) = (saved(&reach(Some(JobState::Running)), S(100)), Rng(11));
    for round in 0..400 {
        let mut image = image.clone();
        for _ in 0..=round % 7 {
            let at = 24 + usize::try_from(rng.below(image.len() as u64 - 28)).unwrap();
            image[at] = u8::try_from(rng.below(256)).unwrap();
        }
        reseal(&mut image);
        let offline = if round % 2 == 0 { Offline::Unknown } else { Offline::Trusted(Duration::MAX) };
        for now in [Instant::ORIGIN, S(700), Instant::MAX] {
            let mut gate = gate();
            let before = saved(&gate, S(9));
            if gate.restore(now, offline, Mismatch::KeepUsed, &image).is_err() {
                assert_eq!(saved(&gate, S(9)), before);
                continue;
            }
            while gate.expire(now).is_some() {}
            let _ = gate.ask(now, &Request::new(JobId(5), LEASE).costs(&costs(1)));
            gate.reconcile(now, now, true, &[Seen::Tag(7)]);
            let _ = (gate.finished(now, JOB, &costs(3)), gate.status(now), gate.next_event(now));
            saved(&gate, now);
        }
    }
}

/// As a configuration makes it: every place there or not.
type Optional = Gate<
    Limits<Option<TokenBucket>, Option<WindowLog<8>>, Money, Option<Breaker>, Option<Restraint>, Option<Adaptation>>,
    4,
    3,
>;

#[test]
fn a_gate_whose_places_may_be_empty_has_an_image_of_one_size() {
    let made = |with: bool| -> Optional {
        let mut money = Money::new(Duration::ZERO);
        money.open(S(0), &EVER).unwrap();
        let policy = BreakerPolicy::new(Trip::Consecutive { failures: 2 }, SECS(30)).unwrap();
        let limits = Limits::new()
            .requests(with.then(|| bucket(60)))
            .window(None)
            .money(money)
            .breaker(with.then(|| Breaker::new(policy, S(0))))
            .restraint(None)
            .adaptation(None);
        Gate::new(limits, S(0))
    };
    for with in [false, true] {
        let mut gate = made(with);
        let permit = gate.ask(S(1), &Request::new(JOB, LEASE)).unwrap();
        gate.sending(S(1), &permit).unwrap();
        let image = saved(&gate, S(2));
        let mut again = made(with);
        again.restore(S(2), Offline::Unknown, Mismatch::Refuse, &image).unwrap();
        assert_eq!(
            (again.job(S(2), JOB), again.status(S(2)).requests),
            (Some(JobState::Unknown), gate.status(S(2)).requests)
        );
        let other = made(!with).restore(S(2), Offline::Unknown, Mismatch::KeepUsed, &image);
        assert_eq!(other, Err(ImageError::OtherConfig), "a limit that was not there, or is no longer");
    }
}
