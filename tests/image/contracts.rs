//! A limiter that has been through a reboot is a limiter: it keeps every law.

use tollgate::{
    Duration, History, Image, Instant, Limiter, Offline, Quota, Start, TokenBucket, WhenFull, Window, WindowLog,
    WindowSlices,
};
use tollgate_std::testing::{BucketBound, Subject, WindowBound, contract};

use crate::support::{Jobs, SECS, load, saved};

/// What `make` makes, saved a while before and restored at `now`.
fn restored<L: Limiter + Image>(make: impl Fn(Instant) -> L, now: Instant, offline: Offline) -> L {
    let before = now.saturating_sub(SECS(1));
    let limiter = make(before);
    let image = saved(&limiter, before);
    load(make(now), now, offline, &image)
}

const OFFLINES: [Offline; 2] = [Offline::Unknown, Offline::Trusted(Duration::from_secs(1))];

#[test]
fn a_restored_bucket_keeps_the_contract() {
    for offline in OFFLINES {
        let quota = Quota::new_with_burst(7, SECS(60), 3).unwrap();
        let make = move |now| restored(move |then| TokenBucket::new(quota, Start::With(1), then), now, offline);
        contract(&Subject::new(make).bound(BucketBound { units: 7, per: SECS(60), burst: 3 }).max_cost(3).cases(32));
    }
}

#[test]
fn restored_windows_keep_the_contract() {
    let window = Window::new(5, SECS(60)).unwrap();
    let bound = || WindowBound { limit: 5, window: SECS(60) };
    for offline in OFFLINES {
        for history in [History::Empty, History::UsedUp] {
            let log = move |then| WindowLog::<4>::new(window, WhenFull::Refuse, history, then);
            let make = move |now| restored(log, now, offline);
            contract(&Subject::new(make).bound(bound()).max_cost(5).cases(16));
            let slices = move |then| WindowSlices::<6>::new(window, history, then).unwrap();
            let make = move |now| restored(slices, now, offline);
            contract(&Subject::new(make).bound(bound()).max_cost(5).grain(SECS(10)).cases(16));
        }
    }
}

#[test]
fn restored_slots_keep_the_contract() {
    for offline in OFFLINES {
        let make = move |now| {
            let slots = |then| {
                let mut jobs = Jobs::<3>::new(5, SECS(60));
                jobs.slots.reconcile(then, then, &[], SECS(60));
                jobs
            };
            let mut jobs = restored(slots, now, offline);
            // What was restored has not acted on a stamp of this boot yet.
            jobs.slots.reconcile(now, now, &[], SECS(60));
            jobs
        };
        contract(&Subject::new(make).max_cost(5).time_scale(SECS(60)).lease(SECS(60)).cases(32));
    }
}
