//! Plans as the source documents state them, side by side, and the provider's rule for jobs at the same time.

use tollgate::presets::plans::concurrency::{Kind, Pack, Task, capacity};
use tollgate::presets::plans::{seed000, seed001, seed004};
use tollgate::presets::tariffs::seed003;
use tollgate::{Amount, BurstRule, Plan, Reset, Scope, Stated};

#[test]
fn plans_are_what_the_documents_state() {
    let limits = |plan: Plan<'static>| (plan.requests_per_minute.value(), plan.concurrency.value());
    for (first, second, left, right) in [
        (seed000::FREE, seed001::FREE, (Some(10), Some(2)), (Some(10), Some(1))),
        (seed000::STANDARD, seed001::STANDARD, (Some(60), Some(10)), (Some(30), Some(3))),
        (seed000::PRO, seed001::PRO, (Some(200), Some(50)), (Some(60), Some(5))),
        (seed000::ENTERPRISE, seed001::ENTERPRISE, (None, None), (None, Some(10))),
    ] {
        assert_eq!((limits(first), limits(second), first.name), (left, right, second.name));
        assert_eq!(first.burst, BurstRule::Allowed { from_percent: 10, to_percent: 20 });
        assert_eq!((second.burst, second.scope), (BurstRule::Punished, Scope::Key));
    }
    assert_eq!(seed001::ENTERPRISE.requests_per_minute, Stated::Custom);
    assert_eq!(seed001::FREE.daily, seed004::PLAN.daily);
    assert_eq!(seed001::STANDARD.daily, Stated::Unstated);

    let Plan { concurrency, daily, monthly, max_seconds, max_resolution, reset, scope, .. } = seed004::PLAN;
    assert_eq!((concurrency, max_seconds), (Stated::Exactly(4), Stated::Exactly(180)));
    assert_eq!((daily.value(), monthly.value()), (Some(Amount::whole(66)), Some(Amount::whole(3_000))));
    assert_eq!((max_resolution, reset, scope), (Stated::Exactly("1080p"), Reset::Rolling, Scope::Plan));
}

#[test]
fn capacity_is_that_of_the_largest_active_pack_of_the_kind() {
    let pack = |kind, concurrency, active| Pack { kind, concurrency, active };
    let packs = [
        pack(Kind::Video, 5, true),
        pack(Kind::Video, 10, true),
        pack(Kind::Video, 20, false),
        pack(Kind::Image, 9, true),
    ];
    assert_eq!((capacity(&packs, Kind::Video), capacity(&packs, Kind::Image)), (10, 9));
    assert_eq!((capacity(&packs[..1], Kind::Image), capacity(&[], Kind::Video)), (0, 0));
    for (task, slots, kind) in [
        (Task::Video, 1, Some(Kind::Video)),
        (Task::TryOn, 1, Some(Kind::Video)),
        (Task::Image { count: 9 }, 9, Some(Kind::Image)),
        (Task::Query, 0, None),
    ] {
        assert_eq!((task.slots(), task.kind()), (slots, kind));
    }
}

/// Row by row as document 003 has them; its "else" is nobody's advice, and not in the lists.
#[test]
fn durations_and_resolutions_are_those_of_document_003() {
    let of = |purpose| seed003::DURATIONS.iter().find(|(name, _)| *name == purpose).map(|(_, seconds)| *seconds);
    for (purpose, seconds) in [
        ("social_media_clip", Some(5)),
        ("product_showcase", Some(10)),
        ("story_segment", Some(15)),
        ("full_scene", Some(30)),
        ("extended_content", Some(60)),
        ("anything_else", None),
    ] {
        assert_eq!(of(purpose), seconds, "{purpose}");
    }
    let of = |platform| seed003::PLATFORMS.iter().find(|(name, _)| *name == platform).map(|(_, name)| *name);
    for (platform, resolution) in [
        ("tiktok", Some("1080p")),
        ("instagram", Some("1080p")),
        ("presentation", Some("1080p")),
        ("youtube", Some("4k")),
        ("broadcast", Some("4k")),
        ("twitter", Some("720p")),
        ("anything else", None),
    ] {
        assert_eq!(of(platform), resolution, "{platform}");
    }
}

/// The advice of document 003 contradicts its own table: of its five durations the cheapest model makes two.
#[test]
fn advice_names_resolutions_that_exist_and_durations_that_somebody_makes() {
    let parts = seed003::TARIFF.parts();
    for (platform, resolution) in seed003::PLATFORMS {
        assert!(parts.resolutions.iter().any(|known| known.name == resolution), "{platform}");
    }
    for (model, expected) in [(0, 2), (1, 4), (2, 5)] {
        let max = parts.models[model].max_seconds;
        let made = seed003::DURATIONS.iter().filter(|(_, seconds)| Some(*seconds) <= max);
        assert_eq!(made.count(), expected, "{}", parts.models[model].name);
    }
}
