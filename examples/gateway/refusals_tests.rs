//! What the server writes and what the client makes of it, side by side.

use http_body_util::BodyExt;
use tollgate::{Decision, Duration, Instant, Outcome, Reason, Repeatable, Restraint, Retry, Verdict};

use super::{ALL, Dialect, FINAL, Kind, Refusal, SOFT};
use crate::api::{self, Reply};
use crate::limits::POLICY;
use crate::server::refuse;

/// The server's clock, between two seconds; and what it wants a client to wait.
const AT_SERVER: u64 = 5_250_000;
const WAIT: u64 = 2_500_000;
/// The client's clock, which shows something else.
const NOW: Instant = Instant::from_secs(1_000);

/// As written by the server and read by the client, bytes and all.
async fn understood(refusal: Refusal) -> Reply {
    let response = refuse(refusal, AT_SERVER, WAIT, 30);
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    api::read(head.status.as_u16(), &head.headers, &serde_json::from_slice(&body).unwrap())
}

fn call() -> Retry {
    Retry::new(POLICY, Repeatable::No, NOW)
}

#[tokio::test]
async fn every_refusal_is_understood_as_it_was_meant() {
    use Verdict::{Blind, Clear, Concurrency, HardQuota, Overloaded, Soft};
    let ms = |millis| Some(Duration::from_millis(millis));
    let again = |millis| Decision::RetryAt(NOW.saturating_add(Duration::from_millis(millis)));
    let on_release = Decision::RetryOnRelease { not_before: NOW.saturating_add(Duration::from_secs(1)) };
    let [ask, refused] = [Reason::MaybeRunning, Reason::Refused].map(Decision::GiveUp);
    let for_ever = Some(Duration::MAX);
    let too_long = Decision::GiveUp(Reason::TooLong { until: Instant::MAX });
    let table = [
        ("soft, IETF draft 11", 429, Soft, ms(3_000), again(3_000), "ratelimit: \"minute\";r=0;t=3"),
        ("soft, RateLimit-*", 429, Soft, ms(3_000), again(3_000), "ratelimit-reset: 3"),
        ("soft, Retry-After", 429, Soft, ms(3_000), again(3_000), "retry-after: 3"),
        ("soft, Retry-After date", 429, Soft, ms(3_000), again(3_000), "retry-after: Thu, 01 Jan 2026 00:00:08 GMT"),
        ("soft, retry-after-ms", 429, Soft, ms(2_500), again(2_500), "retry-after-ms: 2500"),
        ("soft, GitHub", 403, Soft, ms(3_000), again(3_000), "x-ratelimit-reset: 1767225608"),
        ("soft, OpenAI", 429, Soft, ms(3_000), again(3_000), "x-ratelimit-reset-requests: 3s"),
        (
            "soft, Anthropic",
            429,
            Soft,
            ms(3_000),
            again(3_000),
            "anthropic-ratelimit-requests-reset: 2026-01-01T00:00:08Z",
        ),
        ("blind, status only", 429, Blind, None, again(1_000), ""),
        ("blind, Kling", 429, Blind, None, again(1_000), "\"code\": 1302"),
        ("concurrency, IETF draft 11", 429, Concurrency, ms(1_000), on_release, "ratelimit: \"tasks\";r=0"),
        ("concurrency, Kling", 429, Concurrency, ms(1_000), on_release, "\"code\": 1303"),
        ("overloaded, Retry-After", 503, Overloaded, ms(3_000), ask, "retry-after: 3"),
        ("overloaded, status only", 503, Overloaded, None, ask, ""),
        ("overloaded, status only", 529, Overloaded, None, ask, ""),
        ("overloaded, Kling", 500, Overloaded, None, ask, "\"code\": 5000"),
        ("broken, status only", 500, Clear, None, ask, ""),
        ("answer lost, status only", 500, Clear, None, ask, ""),
        ("billing, Kling", 429, HardQuota, None, refused, "\"code\": 1102"),
        ("billing, x-should-retry", 429, HardQuota, None, refused, "x-should-retry: false"),
        ("broken, x-should-retry", 500, Clear, None, refused, "x-should-retry: false"),
        ("hostile, Retry-After", 429, Soft, for_ever, too_long, "retry-after: 99999999999999999999"),
        ("invalid, Kling", 400, Clear, None, Decision::Done, "\"code\": 1301"),
    ];
    let invalid = Refusal::new(400, Kind::Invalid, Dialect::Kling).with_code(1301);
    for (refusal, (label, status, verdict, wait, decision, wrote)) in ALL.into_iter().chain([invalid]).zip(table) {
        let answer = understood(refusal).await;
        assert_eq!((answer.label.as_str(), answer.wrote.as_str()), (label, wrote));
        let expected = match label {
            "broken, x-should-retry" | "billing, x-should-retry" => Some(false),
            _ => None,
        };
        let outcome = Outcome::Answered { status, verdict, wait, should_retry: expected };
        assert_eq!(answer.outcome, outcome, "{label}");
        let advice = call().decide(NOW, &answer.outcome, &mut Restraint::default(), 0);
        assert_eq!(advice.decision, decision, "{label}");
        assert_eq!(advice.fewer_jobs, verdict == Concurrency, "{label}");
        assert_eq!(advice.slow_down, matches!(verdict, Blind | Overloaded), "{label}");
    }
}

#[tokio::test]
async fn nobody_comes_back_before_the_server_is_ready() {
    for refusal in &ALL[..SOFT] {
        let advice = call().decide(NOW, &understood(*refusal).await.outcome, &mut Restraint::default(), 0);
        let ready = NOW.saturating_add(Duration::from_micros(WAIT));
        assert!(advice.gate >= Some(ready) && advice.gate < Some(ready.saturating_add(Duration::from_secs(2))));
    }
}

#[tokio::test]
async fn a_hostile_wait_stops_nobody_for_longer_than_the_policy_says() {
    let hostile = ALL.into_iter().find(|refusal| refusal.kind == Kind::Hostile).unwrap();
    let advice = call().decide(NOW, &understood(hostile).await.outcome, &mut Restraint::default(), u32::MAX);
    assert_eq!(advice.gate, Some(NOW.saturating_add(Duration::from_mins(2))));
}

#[test]
fn misfortune_follows_from_the_seed_and_ends() {
    for seed in 0..20 {
        let fates = |attempt| (0..128).map(move |id| Refusal::by_chance(seed, id, attempt)).collect::<Vec<_>>();
        let first = fates(0);
        assert_eq!(first, fates(0));
        assert!((22..50).contains(&first.iter().flatten().count()), "seed {seed}");
        for refusal in ALL {
            assert!(first.contains(&Some(refusal)), "seed {seed}: {}", refusal.label());
        }
        // What is for good is said again to those who come back, and to nobody else.
        let is_final = |fate: &Option<Refusal>| fate.is_some_and(|fate| ALL[ALL.len() - FINAL..].contains(&fate));
        for later in (1..4).map(fates) {
            assert!(
                first.iter().zip(&later).all(|(first, later)| !is_final(first) && !is_final(later) || first == later)
            );
        }
        assert!(fates(1).iter().chain(&fates(2)).any(|later| later.is_some() && !is_final(later)));
        assert!(fates(3).iter().all(|last| last.is_none() || is_final(last)));
    }
}

#[test]
fn a_broken_plan_is_told_in_every_dialect() {
    let told = |choose: fn(u64, u64) -> Refusal| {
        let mut labels: Vec<_> = (0..200).map(|id| choose(1, id).label()).collect();
        labels.sort();
        labels.dedup();
        labels
    };
    let soft = told(Refusal::too_fast);
    assert!(soft.len() == SOFT && soft.iter().all(|label| label.starts_with("soft")), "{soft:?}");
    assert_eq!(told(Refusal::too_many), ["concurrency, IETF draft 11", "concurrency, Kling"]);
}
