//! Who is run first, and what wakes the runner.

use std::sync::{Arc, Mutex};

use tokio::time::{Instant as TokioInstant, sleep};
use tollgate::{Duration, Verdict};
use tollgate_std::{Call, JobRequest};

use crate::scene::*;

/// Runs these, all submitted before the first starts, and tells in which order they did.
async fn order_of(requests: Vec<JobRequest>) -> Vec<usize> {
    let plant = plant(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = requests
        .into_iter()
        .enumerate()
        .map(|(place, request)| {
            let order = Arc::clone(&order);
            let job = plant.submit(request, move |call| {
                order.lock().unwrap().push(place);
                work(call, 1, 1)
            });
            job.unwrap()
        })
        .collect();
    let _driver = start(&plant);
    for job in jobs {
        job.await.unwrap();
    }
    assert_eq!(load(&plant), (0, 0, 0, 0));
    Arc::into_inner(order).map_or_else(Vec::new, |order| order.into_inner().unwrap())
}

#[test]
fn urgent_classes_go_first_keys_take_turns_and_the_rest_is_first_come_first_served() {
    paused(async {
        let plain = (0..5).map(|_| clip()).collect();
        assert_eq!(order_of(plain).await, [0, 1, 2, 3, 4]);
        let classes = vec![clip().class(1), clip().class(1), clip(), clip()];
        assert_eq!(order_of(classes).await, [2, 3, 0, 1]);
        let keys = vec![clip().key(7), clip().key(7), clip().key(7), clip().key(8), clip().key(9)];
        assert_eq!(order_of(keys).await, [0, 3, 4, 1, 2]);
    });
}

#[test]
fn a_release_time_and_a_live_change_start_the_next_job() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let began = TokioInstant::now();
        let first = plant.submit(clip(), |call| work(call, 5, 1)).unwrap();
        let second = plant.submit(clip(), |call| work(call, 5, 1)).unwrap();
        let third = plant.submit(clip(), |call| work(call, 5, 1)).unwrap();
        first.await.unwrap();
        settle_down().await;
        assert_eq!((plant.running(), plant.waiting()), (1, 1), "by a release");
        plant.with(|gate, _| gate.set_slots(2));
        settle_down().await;
        assert_eq!((plant.running(), plant.waiting()), (2, 0), "by a change");
        second.await.unwrap();
        third.await.unwrap();
        assert!(began.elapsed() >= secs(10) && began.elapsed() < secs(11), "{:?}", began.elapsed());

        plant.with(|gate, now| gate.block_until(now, now.saturating_add(Duration::from_secs(100))));
        let fourth = plant.submit(clip(), |call| work(call, 0, 1)).unwrap();
        fourth.await.unwrap();
        assert!(began.elapsed() >= secs(110) && began.elapsed() < secs(111), "by time: {:?}", began.elapsed());
    });
}

/// Who ends at the provider and is told by somebody else frees the slot, too.
#[test]
fn a_slot_that_a_webhook_frees_starts_the_next_job() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let submitted = plant.submit(clip(), |mut call: Call| async move {
            call.sending()?;
            call.answered(&OK)?;
            Ok(call.id())
        });
        let id = submitted.unwrap().await.unwrap();
        let next = plant.submit(clip(), |call| work(call, 0, 1)).unwrap();
        sleep(secs(60)).await;
        assert_eq!((plant.waiting(), load(&plant).0), (1, 1), "it still runs, over there");
        plant.with(|gate, now| gate.finished(now, id, &credits(33))).unwrap();
        next.await.unwrap();
        assert_eq!(spent(&plant), (34, 0));
    });
}

/// After a refusal for concurrency a slot of ours says nothing: one of our jobs has to end first.
#[test]
fn when_the_server_has_no_room_the_next_job_waits_for_a_release() {
    paused(async {
        let plant = plant(3);
        let _driver = start(&plant);
        let began = TokioInstant::now();
        let long = plant.submit(clip(), |call| work(call, 60, 1)).unwrap();
        settle_down().await;
        let refused = plant.submit(clip(), |mut call: Call| async move {
            call.sending()?;
            let outcome = if call.attempt() == 1 { answer(429, Verdict::Concurrency) } else { OK };
            call.completed(&outcome, &credits(1))
        });
        settle_down().await;
        let next = plant.submit(clip(), |call| work(call, 0, 1)).unwrap();
        sleep(secs(50)).await;
        assert_eq!((plant.waiting(), plant.running()), (2, 1), "although two slots are free");
        assert_eq!(long.await.unwrap(), 1);
        refused.unwrap().await.unwrap();
        next.await.unwrap();
        assert!(began.elapsed() >= secs(60) && began.elapsed() < secs(61), "{:?}", began.elapsed());
    });
}

/// A lease that ends does as well, although nobody says a word.
#[test]
fn a_lease_that_ends_starts_the_next_job() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let lost = plant.submit(clip(), hang).unwrap();
        settle_down().await;
        drop(lost);
        let began = TokioInstant::now();
        let next = plant.submit(clip(), |call| work(call, 0, 1)).unwrap();
        next.await.unwrap();
        assert!(began.elapsed() >= LEASE.into(), "{:?}", began.elapsed());
        assert_eq!(spent(&plant), (41, 0), "what it held is posted");
    });
}

#[test]
fn several_may_run_it_and_one_that_is_dropped_can_be_replaced() {
    paused(async {
        let plant = plant(8);
        let drivers = [start(&plant), start(&plant), start(&plant)];
        let jobs: Vec<_> = (0..20).map(|_| plant.submit(clip(), |call| work(call, 3, 1)).unwrap()).collect();
        sleep(secs(1)).await;
        drivers[0].abort();
        drivers[2].abort();
        for job in jobs {
            job.await.unwrap();
        }
        drivers[1].abort();
        settle_down().await;
        let late = plant.submit(clip(), |call| work(call, 0, 1)).unwrap();
        settle_down().await;
        assert_eq!(plant.waiting(), 1, "nobody runs it");
        let _driver = start(&plant);
        late.await.unwrap();
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (21, 0)));
    });
}
