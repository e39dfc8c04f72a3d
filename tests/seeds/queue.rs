//! Defects 12 to 15: queues that run one job at a time, start ten at once, sleep after the last and drop what was refused.
//!
//! With limiters alone: whether a job may start is one question, how long it runs is another, and what comes of it a
//! third. The loops below are what a super-loop does; the instants are what a wait-free clock makes of them.

use std::collections::{BTreeMap, VecDeque};

use tollgate::{Denied, Duration, Instant, JobId, Limiter, Quota, Slots, Start, TokenBucket, reserve_all};

use crate::{at, golden_json, seconds, wait};

const PER_MINUTE_60: Quota = tollgate::valid!(Quota::new_with_burst(60, Duration::from_mins(1), 1));

/// When `jobs` of this length start under the two limits, and how many ran at once at most. Time moves to the next start
/// or the next end, never in between.
fn starts(jobs: u64, length: Duration, concurrent: u32) -> (Vec<Instant>, u64) {
    let mut spacing = TokenBucket::new(PER_MINUTE_60, Start::Full, at(0));
    let mut slots = Slots::<16>::new(concurrent);
    let (mut now, mut started, mut most, mut next) = (at(0), Vec::new(), 0, 0);
    let mut ends = BTreeMap::new();
    while next < jobs {
        while let Some(end) = ends.first_entry().filter(|end| *end.key() <= now) {
            slots.close(now, end.remove()).expect("a job that runs");
        }
        let mut slot = slots.job(JobId(next), Duration::MAX).expect("a job that is new");
        match reserve_all(now, Duration::ZERO, [(&mut spacing, 1), (&mut slot, 1)]) {
            Ok([request, running]) => {
                spacing.commit(now, request, 1);
                slots.commit(now, running, 1);
                most = most.max(slots.in_flight(now));
                ends.insert(now.saturating_add(length).saturating_add(Duration::from_micros(next)), JobId(next));
                started.push(now);
                next += 1;
            }
            Err(refused) => {
                now = match refused.denied {
                    Denied::Until(then) => wait(now, then),
                    Denied::Busy => *ends.first_key_value().expect("a job that runs").0,
                    Denied::Never { max } => panic!("one is more than {max}"),
                }
            }
        }
    }
    (started, most)
}

fn recorded(index: usize) -> Vec<Duration> {
    golden_json("g14_queue_seed000.json")[index]["starts"].as_array().unwrap().iter().map(seconds).collect()
}

/// Five jobs of 30 s at 60 a minute started at 0, 31, 62, 93 and 124 s, and never two ran at once.
#[test]
fn defect_12_the_decision_to_start_does_not_wait_for_the_job() {
    assert_eq!(recorded(1), [0, 31, 62, 93, 124].map(Duration::from_secs), "the defect is recorded");
    let (started, most) = starts(5, Duration::from_secs(30), 10);
    assert_eq!(started, [0, 1, 2, 3, 4].map(at));
    assert_eq!(most, 5);

    // Short jobs drifted by their own length: 0, 1.1, 2.2 s.
    assert_eq!(recorded(0)[1], Duration::from_millis(1_100));
    assert_eq!(starts(5, Duration::from_millis(100), 10).0, [0, 1, 2, 3, 4].map(at));
    // Those that take no time were right.
    let (started, _) = starts(3, Duration::ZERO, 10);
    assert_eq!(started.iter().map(|start| start.saturating_since(at(0))).collect::<Vec<_>>(), recorded(2));
}

/// Ten workers slept for themselves: ten starts at 0, ten at 1 s. The spacing is shared: start k at k seconds.
#[test]
fn defect_13_workers_share_one_spacing() {
    let theirs = recorded(4);
    assert_eq!(theirs.iter().filter(|start| start.is_zero()).count(), 10, "the defect is recorded");
    let (started, _) = starts(20, Duration::ZERO, 10);
    assert_eq!(started, (0..20).map(at).collect::<Vec<_>>());

    // With jobs of 30 s the eleventh waits for a slot, and then nothing is made up for in a burst.
    let (started, most) = starts(20, Duration::from_secs(30), 10);
    assert_eq!(most, 10);
    for (k, start) in (0..10).zip(&started) {
        assert_eq!(*start, at(k));
    }
    assert!(started[10] >= at(30) && started[10] < at(31));
    assert!(started.windows(2).all(|pair| pair[1].saturating_since(pair[0]) >= Duration::from_secs(1)));
}

/// It slept after the last job, kept results for ever, and a second look for a result waited 300 s.
#[test]
fn defect_14_nothing_is_kept_and_nobody_sleeps_after_the_last_job() {
    let recorded = golden_json("g14_queue_seed000.json");
    assert_eq!(seconds(&recorded[2]["end_s"]), Duration::from_secs(3), "one second after the last of three");
    let (started, _) = starts(3, Duration::ZERO, 10);
    assert_eq!(started.last(), Some(&at(2)), "and there it ends");

    let mut slots = Slots::<10>::new(10);
    let size = size_of_val(&slots);
    for job in 0..10_000 {
        slots.job(JobId(job), Duration::MAX).unwrap().allow(at(job), 1).unwrap();
        slots.close(at(job), JobId(job)).unwrap();
        assert!(slots.close(at(job), JobId(job)).is_err(), "the second look is answered at once");
    }
    assert_eq!((slots.jobs().count(), size_of_val(&slots)), (0, size));
    assert!(size <= 10 * 40 + 64, "{size} bytes");
}

/// A job that met a 429 was popped and lost; and two seconds of call plus two of sleep made 15 a minute of 30.
#[test]
fn defect_15_the_spacing_counts_from_start_to_start_and_a_refused_job_stays_the_callers() {
    let recorded = golden_json("g14b_queue_seed001.json");
    let theirs: Vec<_> = recorded["starts"].as_array().unwrap().iter().map(seconds).collect();
    assert_eq!(theirs, [0, 4, 8, 12].map(Duration::from_secs), "the defect is recorded");
    let meets_429: Vec<_> =
        recorded["callbacks"].as_array().unwrap().iter().map(|call| call.as_str() == Some("429")).collect();

    let interval = Duration::from_secs(2);
    let mut spacing = TokenBucket::new(Quota::every(interval).unwrap(), Start::Full, at(0));
    let mut queue: VecDeque<usize> = (0..meets_429.len()).collect();
    let (mut now, mut started, mut done) = (at(0), Vec::new(), Vec::new());
    while let Some(job) = queue.front().copied() {
        if let Err(denied) = spacing.allow(now, 1) {
            let Denied::Until(then) = denied else { panic!("{denied}") };
            assert_eq!(Some(then), started.last().map(|start: &Instant| start.saturating_add(interval)));
            now = wait(now, then);
            continue;
        }
        queue.pop_front();
        let call = started.len();
        started.push(now);
        now = now.saturating_add(Duration::from_secs(2)); // the call
        if meets_429.get(call) == Some(&true) { queue.push_back(job) } else { done.push(job) }
    }
    assert_eq!(started, [0, 2, 4, 6, 8].map(at), "four calls at 0, 2, 4, 6 s, and the refused one again");
    assert_eq!(done, [0, 2, 3, 1], "none is lost");
}
