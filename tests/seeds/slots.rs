//! Defects 16 and 17: slots that block for ever, that are never freed, and whose answer is now a text, now a boolean.

use std::thread;

use serde_json::json;
use tollgate::{AlreadyOpen, Denied, Duration, Instant, JobId, Limiter, NotOpen, Slots};
use tollgate_std::{Shared, Wait, WaitError};

use crate::{at, golden_json};

const LEASE: Duration = Duration::from_mins(10);

/// `timeout=0` meant "for ever" (zero is falsy), success was a `str`, a slot had no lease, and releasing twice went
/// unnoticed.
#[test]
fn defect_16_no_patience_is_no_wait_and_the_answers_are_typed() {
    let recorded = golden_json("g15_slots_seed000.json");
    assert_eq!(recorded["type_of_success"], json!("str"));
    assert_eq!(recorded["timeout_0_blocks_like_None"], json!(true));
    assert_eq!(recorded["double_release_active"], json!(0), "releasing twice is harmless, and stays so");

    let mut slots = Slots::<2>::new(1);
    assert_eq!(slots.job(JobId(1), Duration::MAX).unwrap().allow(at(0), 1), Ok(()));
    let full = slots.job(JobId(2), Duration::MAX).unwrap().reserve(at(0), 1, Duration::ZERO);
    assert_eq!(full, Err(Denied::Busy), "at once, and typed");

    assert_eq!(slots.close(at(5), JobId(1)), Ok(1));
    assert_eq!(slots.close(at(5), JobId(1)), Err(NotOpen(JobId(1))), "reported");
    assert_eq!(slots.in_flight(at(5)), 0);
    assert_eq!(slots.job(JobId(2), Duration::MAX).unwrap().allow(at(5), 1), Ok(()));
    assert_eq!(slots.job(JobId(2), Duration::MAX).err(), Some(AlreadyOpen(JobId(2))), "a job runs once");
}

#[test]
fn defect_16_a_slot_has_a_lease() {
    let mut slots = Slots::<2>::new(1);
    slots.job(JobId(1), LEASE).unwrap().allow(at(0), 1).unwrap();
    // Its owner has died. There the slot was lost for good.
    assert_eq!(slots.job(JobId(2), LEASE).unwrap().allow(at(1), 1), Err(Denied::Until(at(600))));
    let eve = at(600).saturating_sub(Duration::from_micros(1));
    assert_eq!(slots.job(JobId(2), LEASE).unwrap().allow(eve, 1), Err(Denied::Until(at(600))));
    assert_eq!(slots.job(JobId(2), LEASE).unwrap().allow(at(600), 1), Ok(()));
    assert_eq!(slots.in_flight(at(600)), 1);
}

/// A handle that is settled after its slot went to another job must not free that job's slot: the generation is checked,
/// even where the second job has the first one's name.
#[test]
fn defect_16_a_stale_handle_frees_nobody_elses_slot() {
    let mut slots = Slots::<1>::new(1);
    let short = Duration::from_secs(30);
    let stale = slots.job(JobId(1), short).unwrap().reserve(at(0), 1, Duration::ZERO).unwrap();
    assert_eq!(slots.expire(at(30)), Some(JobId(1)));
    let fresh = slots.job(JobId(1), short).unwrap().reserve(at(31), 1, Duration::ZERO).unwrap();
    slots.commit(at(31), fresh, 1);
    slots.release(at(32), stale);
    assert_eq!(slots.in_flight(at(32)), 1, "the second job still runs");
    assert_eq!(slots.jobs().collect::<Vec<_>>(), [JobId(1)]);
}

/// `notify` woke one, and a newcomer could take the slot before he had it. A waits, the slot is freed, B asks in that very
/// moment: it is A's. Real threads, so a few hundred times; whoever stands in line is known by its length.
#[test]
fn defect_17_a_freed_slot_goes_to_who_waited_and_not_to_who_comes() {
    fn open(slots: &mut Slots<4>, now: Instant, id: u64) -> Result<(), Denied> {
        slots.job(JobId(id), LEASE).map_or(Err(Denied::Busy), |mut job| job.allow(now, 1))
    }
    let shared = Shared::new(Slots::<4>::new(1));
    let (runs, waits, comes) = (1, 2, 3);
    for round in 0..300 {
        shared.with(|slots, now| open(slots, now, runs)).unwrap();
        let came = thread::scope(|scope| {
            let waiter =
                scope.spawn(|| shared.blocking_wait_for(Wait::forever(), |slots, now| open(slots, now, waits)));
            while shared.waiting() == 0 && !waiter.is_finished() {
                thread::yield_now();
            }
            shared.with(|slots, now| slots.close(now, JobId(runs))).unwrap();
            let came = shared.blocking_wait_for(Duration::ZERO, |slots, now| open(slots, now, comes));
            if came.is_ok() {
                shared.with(|slots, now| slots.close(now, JobId(comes))).unwrap();
            }
            assert_eq!(waiter.join().unwrap(), Ok(()));
            came
        });
        assert!(matches!(came, Err(WaitError::Timeout { .. })), "round {round}: {came:?}");
        shared.with(|slots, now| slots.close(now, JobId(waits))).unwrap();
    }
}
