//! Grants: the burn order of `ref_grants.json`, and what every moment of a random life keeps.

use proptest::prelude::*;
use tollgate::{
    Amount, Credits, Denied, Duration, Grant, GrantError, Grants, Instant, JobId, Limiter, Segment, Trust, UnixMicros,
    Wall,
};

use crate::support::json;

type C = Credits;

fn micros(n: u64) -> Amount<C> {
    Amount::from_micros(n).unwrap()
}

fn secs(n: u64) -> Instant {
    Instant::from_secs(n)
}

fn exact() -> Wall {
    let mut wall = Wall::default();
    wall.set(Instant::ORIGIN, UnixMicros::from_secs(0), Duration::ZERO, Trust::Owner);
    wall
}

fn grant(id: u32, n: u64, effective: i64, expires: Option<i64>, priority: u8) -> Grant<C> {
    let date = UnixMicros::from_secs;
    let (effective, expires) = ((effective > 0).then(|| date(effective)), expires.map(date));
    Grant { id, amount: micros(n), effective, expires, priority, kind: 0 }
}

/// The five grants of the vectors, which name only what was burned: 5 starts at 40, 3 comes last and ends at 50.
const FIVE: [(u32, u64, i64, Option<i64>, u8); 5] = [
    (3, 100, 0, Some(50), 1),
    (4, 30, 0, None, 0),
    (2, 20, 0, Some(100), 0),
    (5, 10, 40, Some(50), 0),
    (1, 50, 0, Some(40), 0),
];

#[test]
fn grants_burn_in_the_order_of_the_vectors() {
    let wall = exact();
    let mut grants = Grants::<C, 5, 8, 8, 8>::new(Duration::ZERO);
    for (id, n, effective, expires, priority) in FIVE {
        grants.add(grant(id, n, effective, expires, priority)).unwrap();
    }
    let steps = json("ref_grants.json");
    let steps = steps["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 7);
    for (id, step) in (0u64..).zip(steps) {
        let now = secs(step["now"].as_u64().unwrap());
        let need = micros(step["need"].as_u64().unwrap());
        let got = grants.reserve(now, &wall, JobId(id), need, Duration::MAX).map(<[Segment]>::to_vec);
        match step["split"].as_array() {
            None => assert!(matches!(got, Err(GrantError::Denied { .. })), "{step}"),
            Some(split) => {
                let want = split.iter().map(|part| Segment {
                    grant: u32::try_from(part[0].as_u64().unwrap()).unwrap(),
                    micros: part[1].as_u64().unwrap(),
                });
                assert_eq!(got, Ok(want.collect::<Vec<_>>()), "{step}");
                grants.settle(now, &wall, JobId(id), need).unwrap();
            }
        }
        for (grant, remaining) in step["remaining"].as_object().unwrap() {
            let report = grants.report(now, &wall, grant.parse().unwrap()).unwrap();
            // The vectors still show what has expired unburned.
            let left = report.remaining.as_micros() + report.expired.as_micros();
            assert_eq!(left, remaining.as_u64().unwrap(), "{step}: {grant}");
        }
    }
}

#[test]
fn a_split_over_too_many_grants_is_refused_and_says_how_much_would_do() {
    let wall = exact();
    let mut grants = Grants::<C, 4, 4, 2>::new(Duration::ZERO);
    for id in 1..=3 {
        grants.add(grant(id, 10, 0, None, 0)).unwrap();
    }
    let reserve = |grants: &mut Grants<C, 4, 4, 2>, id, n| {
        grants.reserve(secs(0), &wall, JobId(id), micros(n), Duration::MAX).map(<[Segment]>::len)
    };
    assert_eq!(reserve(&mut grants, 1, 31), Err(GrantError::Denied { short: 1 }));
    assert_eq!(reserve(&mut grants, 1, 21), Err(GrantError::TooFragmented { max: 20 }));
    assert_eq!(reserve(&mut grants, 1, 20), Ok(2));
    assert_eq!(reserve(&mut grants, 1, 20), Ok(2), "the same call again");
    assert_eq!(reserve(&mut grants, 1, 19), Err(GrantError::IdMismatch));
    assert_eq!(grants.add(grant(1, 5, 0, None, 0)), Err(GrantError::IdMismatch), "a top-up sent twice");
}

#[test]
fn expiry_takes_only_what_remains_and_refunds_go_back_where_they_came_from() {
    let wall = exact();
    let mut grants = Grants::<C, 2, 4>::new(Duration::ZERO);
    grants.add(grant(1, 30, 0, Some(60), 0)).unwrap();
    grants.add(grant(2, 100, 0, None, 0)).unwrap();
    let shown = |grants: &Grants<C, 2, 4>, now, id| {
        let r = grants.report(secs(now), &wall, id).unwrap();
        [r.remaining, r.held, r.posted, r.expired].map(Amount::as_micros)
    };
    grants.reserve(secs(0), &wall, JobId(1), micros(20), Duration::MAX).unwrap();
    assert_eq!((shown(&grants, 59, 1), shown(&grants, 60, 1)), ([10, 20, 0, 0], [0, 20, 0, 10]));
    assert_eq!(shown(&grants, 60, 2), [100, 0, 0, 0], "the next one pays nothing for it");
    // Settled after its grant has expired, for less: what was held is posted, the rest is expired.
    grants.settle(secs(61), &wall, JobId(1), micros(15)).unwrap();
    assert_eq!(shown(&grants, 61, 1), [0, 0, 15, 15]);
    // A refund does not launder it into the other.
    grants.refund(secs(62), JobId(1), micros(15)).unwrap();
    assert_eq!((shown(&grants, 62, 1), shown(&grants, 62, 2)), ([0, 0, 0, 30], [100, 0, 0, 0]));
    assert_eq!(grants.refund(secs(62), JobId(1), micros(1)), Err(GrantError::RefundExceeds { left: 0 }));
}

#[test]
fn a_late_settlement_that_does_not_fit_is_unaccounted() {
    let wall = exact();
    let mut grants = Grants::<C, 1, 4>::new(Duration::ZERO);
    grants.add(grant(1, 100, 0, None, 0)).unwrap();
    grants.reserve(secs(0), &wall, JobId(1), micros(80), Duration::from_secs(60)).unwrap();
    grants.reserve(secs(60), &wall, JobId(2), micros(80), Duration::from_secs(60)).unwrap();
    let late = |grants: &mut Grants<C, 1, 4>, n| grants.settle(secs(61), &wall, JobId(1), micros(n));
    assert_eq!(late(&mut grants, 80), Err(GrantError::Overage { short: 60 }));
    assert_eq!(late(&mut grants, 80), Err(GrantError::Overage { short: 60 }));
    assert_eq!(grants.unaccounted(), micros(80), "counted once");
    assert_eq!(late(&mut grants, 20), Ok(()));
    assert_eq!(grants.unaccounted(), micros(60));
}

#[test]
fn grants_with_dates_are_unusable_while_the_date_is_unknown() {
    let mut grants = Grants::<C, 3, 4>::new(Duration::ZERO);
    grants.add(grant(1, 10, 0, Some(60), 0)).unwrap();
    grants.add(grant(2, 20, 5, None, 0)).unwrap();
    grants.add(grant(3, 40, 0, None, 0)).unwrap();
    assert_eq!(grants.available(secs(0), &Wall::default()), micros(40));
    // With an error of two seconds both ends are judged against us.
    let mut wall = Wall::default();
    wall.set(secs(0), UnixMicros::from_secs(0), Duration::from_secs(2), Trust::Owner);
    for (now, available) in [(0, 50), (6, 50), (7, 70), (57, 70), (58, 60)] {
        assert_eq!(grants.available(secs(now), &wall), micros(available), "{now}");
    }
}

#[test]
fn grants_join_as_a_limiter() {
    let wall = exact();
    let mut grants = Grants::<C, 2, 4>::new(Duration::ZERO);
    grants.add(grant(1, 30, 0, None, 0)).unwrap();
    grants.add(grant(2, 50, 100, None, 0)).unwrap();
    let ttl = Duration::from_secs(10);
    let mut ask = grants.ask(&wall, JobId(1), ttl).unwrap();
    assert_eq!(ask.allow(secs(0), 81), Err(Denied::Never { max: 80 }));
    assert_eq!(ask.allow(secs(0), 31), Err(Denied::Until(secs(100))));
    let held = ask.reserve(secs(0), 30, Duration::ZERO).unwrap();
    assert_eq!(grants.ask(&wall, JobId(2), ttl).unwrap().allow(secs(1), 30), Err(Denied::Until(secs(10))));
    assert!(grants.ask(&wall, JobId(1), ttl).is_err());
    grants.settle(secs(2), &wall, JobId(1), micros(held.cost() - 5)).unwrap();
    // A commit never fails: what there is not is unaccounted.
    let mut ask = grants.ask(&wall, JobId(3), ttl).unwrap();
    let held = ask.reserve(secs(3), 2, Duration::ZERO).unwrap();
    ask.commit(secs(4), held, 9);
    assert_eq!((grants.available(secs(4), &wall), grants.unaccounted()), (micros(0), micros(4)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// G1, at every moment: granted = remaining + held + posted + expired; and nothing is burned that is not usable.
    #[test]
    fn what_was_granted_is_conserved(ops in prop::collection::vec((0..12u64, 0..6u8, 0..12u64, 0..70u64), 1..80)) {
        let wall = exact();
        let mut grants = Grants::<C, 5, 3, 3, 4>::new(Duration::from_secs(1));
        for (id, n, effective, expires, priority) in FIVE {
            grants.add(grant(id, n, effective, expires, priority)).unwrap();
        }
        let mut now = 0;
        for (wait, op, id, n) in ops {
            now += wait;
            let (at, id) = (secs(now), JobId(id));
            let before = grants.available(at, &wall);
            match op {
                0 | 1 => {
                    let fresh = grants.ask(&wall, id, Duration::ZERO).is_ok();
                    if let Ok(split) = grants.reserve(at, &wall, id, micros(n), Duration::from_secs(n / 2)) {
                        prop_assert_eq!(split.iter().map(|part| part.micros).sum::<u64>(), n);
                        prop_assert!(!fresh || n <= before.as_micros());
                    }
                }
                2 | 3 => drop(grants.settle(at, &wall, id, micros(n))),
                4 => drop(grants.void(at, id)),
                _ => drop(grants.refund(at, id, micros(n / 4))),
            }
            for (id, granted, ..) in FIVE {
                let r = grants.report(at, &wall, id).unwrap();
                let parts = [r.remaining, r.held, r.posted, r.expired].map(Amount::as_micros);
                prop_assert_eq!(parts.iter().sum::<u64>(), granted, "grant {} at {}: {:?}", id, now, parts);
            }
        }
    }
}
