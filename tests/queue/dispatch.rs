//! What a dispatcher does with it: the head asks the limits, and is served when they grant. Defects 12 to 17 of the source
//! documents' queues, by a loop that sleeps exactly as long as it is told.

use std::collections::BTreeMap;

use tollgate::{
    Denied, Duration, Entry, Instant, JobId, Limiter, Queue, QueuePolicy, Quota, SkipAhead, Slots, Start, TokenBucket,
    reserve_all,
};

use crate::at;

const FOREVER: Duration = Duration::MAX;

/// Ids and starts of `jobs` of this length that arrive together, at one a second and at most `limit` at once.
fn starts(jobs: u64, length: Duration, limit: u32) -> Vec<(u64, Instant)> {
    let quota = Quota::new_with_burst(60, Duration::from_mins(1), 1).unwrap();
    let (mut spacing, mut slots) = (TokenBucket::new(quota, Start::Full, at(0)), Slots::<16>::new(limit));
    let mut queue = Queue::<(), 32>::new(QueuePolicy::DEFAULT);
    for id in 0..jobs {
        queue.submit(at(0), at(0), Entry::new(JobId(id), ())).unwrap();
    }
    let (mut now, mut started, mut running) = (at(0), Vec::new(), BTreeMap::<(Instant, JobId), JobId>::new());
    while let Some(id) = queue.head(now).map(|head| head.id) {
        while let Some(end) = running.first_entry().filter(|end| end.key().0 <= now) {
            slots.close(now, end.remove()).unwrap();
        }
        let mut slot = slots.job(id, FOREVER).unwrap();
        match reserve_all(now, Duration::ZERO, [(&mut spacing, 1), (&mut slot, 1)]) {
            Ok([request, held]) => {
                spacing.commit(now, request, 1);
                slots.commit(now, held, 1);
                assert_eq!(queue.pop(now).map(|entry| entry.id), Some(id), "the head is what is served");
                running.insert((now.saturating_add(length), id), id);
                started.push((id.0, now));
            }
            Err(refused) => {
                now = match refused.denied {
                    Denied::Until(then) => then,
                    Denied::Busy => running.first_key_value().unwrap().0.0,
                    Denied::Never { max } => panic!("one is more than {max}"),
                }
            }
        }
    }
    started
}

#[test]
fn defects_12_and_13_jobs_start_by_the_limits_and_in_order() {
    let seconds = |jobs: u64| (0..jobs).map(|k| (k, at(k))).collect::<Vec<_>>();
    assert_eq!(starts(5, Duration::from_secs(30), 10), seconds(5), "a start does not wait for the job before");
    assert_eq!(starts(5, Duration::from_millis(100), 10), seconds(5));
    assert_eq!(starts(20, Duration::ZERO, 10), seconds(20), "nor do ten start at once");
    let long = starts(20, Duration::from_secs(30), 10);
    assert!(long.iter().map(|(id, _)| *id).eq(0..20), "first in, first out");
    assert_eq!(long[10], (10, at(30)), "the eleventh starts when the first ends");
    assert_eq!(long[19], (19, at(39)));
}

/// It was popped and lost. Here it comes back: the four starts are at 0, 2, 4 and 6 s, and the job tried again is one.
#[test]
fn defect_15_a_job_that_meets_a_429_comes_back() {
    let interval = Duration::from_secs(2);
    let mut spacing = TokenBucket::new(Quota::every(interval).unwrap(), Start::Full, at(0));
    let mut queue = Queue::<(), 8>::new(QueuePolicy::DEFAULT);
    for id in 0..3 {
        queue.submit(at(0), at(0), Entry::new(JobId(id), ())).unwrap();
    }
    let (mut now, mut started) = (at(0), Vec::new());
    while !queue.is_empty() {
        if queue.head(now).is_none() {
            now = queue.next_ready(now).unwrap();
        } else if let Err(Denied::Until(then)) = spacing.allow(now, 1) {
            now = then;
        } else {
            let entry = queue.pop(now).unwrap();
            started.push((entry.id.0, now));
            if started.len() == 2 {
                queue.requeue(now, entry, now.saturating_add(Duration::from_secs(1))).unwrap();
            }
        }
    }
    assert_eq!(started, [(0, at(0)), (1, at(2)), (1, at(4)), (2, at(6))]);
}

/// `Condition.notify` woke one, and a newcomer could be faster.
#[test]
fn defect_17_a_newcomer_does_not_barge() {
    let mut slots = Slots::<4>::new(1);
    let mut queue = Queue::<(), 8>::new(QueuePolicy::DEFAULT);
    slots.job(JobId(0), FOREVER).unwrap().allow(at(0), 1).unwrap();
    queue.submit(at(1), at(1), Entry::new(JobId(1), ())).unwrap();
    let waits = queue.head(at(1)).unwrap().id;
    assert_eq!(slots.job(waits, FOREVER).unwrap().allow(at(1), 1), Err(Denied::Busy));
    slots.close(at(2), JobId(0)).unwrap();
    queue.submit(at(2), at(2), Entry::new(JobId(2), ())).unwrap();
    let next = queue.pop(at(2)).unwrap().id;
    assert_eq!((next, slots.job(next, FOREVER).unwrap().allow(at(2), 1)), (JobId(1), Ok(())));
}

/// Two of three slots are free: a job of three waits, and one of two may go ahead of it.
#[test]
fn skipping_ahead_is_a_search_among_the_candidates() {
    let policy = QueuePolicy { skip_ahead: Some(SkipAhead { past: 4, times: 1 }), ..QueuePolicy::DEFAULT };
    let mut queue = Queue::<u64, 8>::new(policy);
    let mut slots = Slots::<8>::new(3);
    slots.job(JobId(9), FOREVER).unwrap().allow(at(0), 1).unwrap();
    for (id, weight) in [(1, 3), (2, 3), (3, 2), (4, 1)] {
        queue.submit(at(0), at(0), Entry::new(JobId(id), weight)).unwrap();
    }
    let mut ask = |queue: &Queue<u64, 8>, now| {
        let fits = |slots: &mut Slots<8>, id, weight| slots.job(id, FOREVER).unwrap().allow(now, weight).is_ok();
        queue.candidates(now).find(|waiting| fits(&mut slots, waiting.id, *waiting.payload)).map(|waiting| waiting.id)
    };
    assert_eq!(ask(&queue, at(1)), Some(JobId(3)));
    assert_eq!(queue.take(at(1), JobId(3)).unwrap().payload, 2);
    assert_eq!(ask(&queue, at(1)), None, "those in front bear no more");
}

/// The client waits for the sum of two limits; its deadline is judged by when they would both grant.
#[test]
fn a_quote_decides_at_submission() {
    let quota = Quota::new_with_burst(1, Duration::from_mins(1), 1).unwrap();
    let mut bucket = TokenBucket::new(quota, Start::Full, at(0));
    bucket.allow(at(0), 1).unwrap();
    let mut queue = Queue::<(), 8>::new(QueuePolicy::DEFAULT);
    let earliest = bucket.earliest(at(10), 1).unwrap();
    assert_eq!(earliest, at(60));
    let entry = |deadline| Entry::new(JobId(1), ()).deadline(deadline);
    assert!(queue.submit(at(10), earliest, entry(Instant::from_micros(59_999_999))).is_err());
    assert!(queue.submit(at(10), earliest, entry(at(60))).is_ok());
    assert!(bucket.allow(at(60), 1).is_ok() && queue.pop(at(60)).is_some());
}
