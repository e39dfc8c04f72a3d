//! Each way in which a job can end, and what the gate knows then.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::{Instant as TokioInstant, sleep};
use tollgate::{Answer, AskError, Duration, GateError, JobId, JobState, QueueError, Reason, Repeatable, Verdict};
use tollgate_std::{Call, JobError, JobHandle, JobRequest, Stop, SubmitRefusal};

use crate::scene::*;

#[test]
fn a_job_runs_and_its_result_is_there_when_its_books_are() {
    paused(async {
        let plant = plant(1);
        let driver = start(&plant);
        let job = plant.submit(clip(), |call| work(call, 60, 30)).unwrap();
        assert_eq!((job.id(), plant.waiting()), (JobId(1), 1));
        sleep(secs(30)).await;
        assert_eq!((state(&plant, JobId(1)), spent(&plant)), (Some(JobState::Running), (0, 40)));
        assert_eq!(job.await.unwrap(), 30);
        assert_eq!((state(&plant, JobId(1)), spent(&plant)), (Some(JobState::Settled), (30, 0)));
        assert_eq!(load(&plant), (0, 0, 0, 0));
        driver.abort();
    });
}

#[test]
fn a_refused_request_goes_back_to_its_old_place_and_is_sent_again() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let waits = Arc::new(AtomicU32::new(0));
        let sent = Arc::clone(&waits);
        let first = plant
            .submit(clip(), move |mut call: Call| {
                let sent = Arc::clone(&sent);
                async move {
                    assert_eq!(call.attempt(), 1 + sent.fetch_add(1, Ordering::SeqCst));
                    call.sending()?;
                    let outcome = if call.attempt() == 1 { answer(429, Verdict::Concurrency) } else { OK };
                    assert_eq!(call.completed(&outcome, &credits(10))?, Answer::Accepted);
                    Ok(call.now())
                }
            })
            .unwrap();
        let second = plant.submit(clip(), |call| work(call, 0, 20)).unwrap();
        assert_eq!(second.await.unwrap(), 20, "meanwhile");
        assert_eq!((load(&plant), state(&plant, JobId(1))), ((0, 0, 0, 1), None), "it waits, and holds nothing");
        first.await.unwrap();
        assert_eq!((spent(&plant), waits.load(Ordering::SeqCst)), ((30, 0), 2));
    });
}

#[test]
fn what_the_server_will_not_have_is_given_up_and_free() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let refused = plant.submit(clip(), |mut call: Call| async move {
            call.sending()?;
            call.answered(&answer(402, Verdict::HardQuota))?;
            Ok(())
        });
        assert!(matches!(refused.unwrap().await, Err(JobError::GaveUp(Reason::Refused))));
        assert_eq!((load(&plant), spent(&plant), state(&plant, JobId(1))), ((0, 0, 0, 0), (0, 0), None));
        // A bad request is the caller's own business: final, and free.
        let bad = plant.submit(clip(), |mut call: Call| async move {
            call.sending()?;
            call.completed(&answer(400, Verdict::Clear), &credits(9))
        });
        assert_eq!(bad.unwrap().await.unwrap(), Answer::Done);
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (0, 0)));
    });
}

#[test]
fn what_may_be_running_is_not_sent_twice_without_a_key() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let broken = |mut call: Call| async move {
            call.sending()?;
            if call.attempt() == 1 {
                call.answered(&BROKEN)?;
            }
            call.completed(&OK, &credits(25))?;
            Ok(call.attempt())
        };
        let once = plant.submit(clip(), broken).unwrap();
        assert!(matches!(once.await, Err(JobError::GaveUp(Reason::MaybeRunning))));
        assert_eq!((load(&plant), state(&plant, JobId(1))), ((1, 0, 0, 0), Some(JobState::Unknown)));
        // Somebody finds out.
        plant.with(|gate, now| gate.finished(now, JobId(1), &credits(5))).unwrap();

        let keyed = plant.submit(clip().repeatable(Repeatable::Keyed), broken).unwrap();
        assert_eq!(keyed.await.unwrap(), 2);
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (30, 0)));
    });
}

/// Unknown, and to be sent again with its key; but a webhook knows better before that.
#[test]
fn a_job_that_somebody_else_has_finished_is_not_sent_again() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let job = plant.submit(clip().repeatable(Repeatable::Keyed), |mut call: Call| async move {
            call.sending()?;
            call.answered(&BROKEN)?;
            Ok(())
        });
        settle_down().await;
        assert_eq!((plant.waiting(), state(&plant, JobId(1))), (1, Some(JobState::Unknown)));
        plant.with(|gate, now| gate.finished(now, JobId(1), &credits(12))).unwrap();
        let ended = job.unwrap().await;
        assert!(matches!(ended, Err(JobError::Refused(AskError::Known { state: JobState::Settled }))), "{ended:?}");
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (12, 0)));
    });
}

#[test]
fn a_handle_that_is_dropped_takes_its_job_out_of_the_queue() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let running = plant.submit(clip(), |call| work(call, 60, 1)).unwrap();
        settle_down().await;
        let drops = Drops::default();
        let handle = Drops(Arc::clone(&drops.0));
        let waiting = plant.submit(clip(), move |call| {
            let _keep = &handle;
            work(call, 0, 1)
        });
        assert_eq!((plant.waiting(), drops.many()), (1, 0));
        drop(waiting.unwrap());
        assert_eq!((plant.waiting(), drops.many()), (0, 1), "with its function, at once");
        assert_eq!(running.await.unwrap(), 1);
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (1, 0)));
    });
}

/// Cancelled while it waits to be sent again: what is unknown stays unknown.
#[test]
fn a_handle_that_is_dropped_between_two_attempts_leaves_what_the_gate_knows() {
    paused(async {
        let plant = plant(2);
        let _driver = start(&plant);
        for (outcome, repeatable, left) in
            [(BLIND, Repeatable::No, None), (BROKEN, Repeatable::Keyed, Some(JobState::Unknown))]
        {
            let job = plant
                .submit(clip().repeatable(repeatable), move |mut call: Call| async move {
                    call.sending()?;
                    call.answered(&outcome)?;
                    Ok(())
                })
                .unwrap();
            let id = job.id();
            settle_down().await;
            assert_eq!((plant.waiting(), plant.running()), (1, 0), "it waits to be sent again");
            drop(job);
            settle_down().await;
            assert_eq!((plant.waiting(), plant.running(), state(&plant, id)), (0, 0, left));
        }
    });
}

/// Dropped in the very poll in which the job asks for another turn, here by the job itself.
#[test]
fn a_job_whose_handle_is_gone_does_not_go_back_into_the_queue() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let own = Arc::new(Mutex::new(None::<JobHandle<()>>));
        let handle = Arc::clone(&own);
        let job = plant.submit(clip(), move |call: Call| {
            let handle = Arc::clone(&handle);
            async move {
                drop(handle.lock().unwrap().take());
                Err(Stop::Again { not_before: call.now().saturating_add(Duration::from_secs(100)) })
            }
        });
        *own.lock().unwrap() = Some(job.unwrap());
        settle_down().await;
        assert_eq!(load(&plant), (0, 0, 0, 0));
    });
}

/// Dropped while it runs, at each point of its life.
#[test]
fn a_handle_that_is_dropped_drops_the_future_and_the_gate_knows_how_far_it_came() {
    for (sends, accepted, left) in
        [(false, false, None), (true, false, Some(JobState::Unknown)), (true, true, Some(JobState::Running))]
    {
        paused(async {
            let plant = plant(1);
            let _driver = start(&plant);
            let drops = Drops::default();
            let handle = Arc::clone(&drops.0);
            let job = plant
                .submit(clip(), move |mut call: Call| {
                    let drops = Drops(Arc::clone(&handle));
                    async move {
                        if sends {
                            call.sending()?;
                        }
                        if accepted {
                            call.answered(&OK)?;
                        }
                        std::future::pending::<()>().await;
                        drop(drops);
                        Ok(())
                    }
                })
                .unwrap();
            settle_down().await;
            assert_eq!((load(&plant).0, plant.running(), drops.many()), (1, 1, 0));
            drop(job);
            settle_down().await;
            assert_eq!((plant.running(), drops.many(), state(&plant, JobId(1))), (0, 1, left));
            assert_eq!(load(&plant).1, 0, "no request is on its way");
            let held = if left.is_some() { 40 } else { 0 };
            assert_eq!(spent(&plant), (0, held));
            // Whatever it was, when its lease is over the slot is free and the money is where it belongs.
            sleep(LEASE.into()).await;
            plant.with(|gate, now| while gate.expire(now).is_some() {});
            assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (held, 0)));
        });
    }
}

#[test]
fn a_panic_is_an_error_for_the_handle_and_for_nobody_else() {
    for sends in [false, true] {
        paused(async {
            let plant = plant(1);
            let _driver = start(&plant);
            let job = plant.submit(clip(), move |mut call: Call| async move {
                if sends {
                    call.sending()?;
                }
                tokio::task::yield_now().await;
                assert!(call.attempt() > 1, "on purpose");
                Ok(())
            });
            let Err(JobError::Panicked(payload)) = job.unwrap().await else { panic!() };
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
            assert_eq!(state(&plant, JobId(1)), sends.then_some(JobState::Unknown));
            plant.with(|gate, now| gate.finished(now, JobId(1), &credits(7))).ok();
            assert_eq!(plant.submit(clip(), |call| work(call, 0, 3)).unwrap().await.unwrap(), 3, "the next one runs");
        });
    }
}

/// The function itself, before there is a future; a future in its drop; a function in its drop.
#[test]
fn a_panic_anywhere_leaves_the_books_right() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "on purpose, in a drop");
        }
    }
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let at_once = plant.submit(clip(), |call| {
            assert!(call.attempt() > 1, "at once");
            work(call, 0, 1)
        });
        assert!(matches!(at_once.unwrap().await, Err(JobError::Panicked(_))));
        assert_eq!(load(&plant), (0, 0, 0, 0));

        let bombed = plant
            .submit(clip(), |mut call: Call| async move {
                let _bomb = Bomb;
                call.sending()?;
                std::future::pending::<()>().await;
                Ok(())
            })
            .unwrap();
        settle_down().await;
        drop(bombed);
        settle_down().await;
        assert_eq!((load(&plant), state(&plant, JobId(2))), ((1, 0, 0, 0), Some(JobState::Unknown)));
        plant.with(|gate, now| gate.finished(now, JobId(2), &credits(0))).unwrap();

        let bomb = Bomb;
        let kept = plant.submit(clip(), move |call| {
            let _keep = &bomb;
            work(call, 0, 5)
        });
        assert_eq!(kept.unwrap().await.unwrap(), 5);
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (5, 0)));
    });
}

#[test]
fn a_timeout_ends_a_job_that_waits_and_one_that_runs() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let began = TokioInstant::now();
        let running = plant.submit(clip().timeout(Duration::from_secs(5)), hang).unwrap();
        let waiting = plant.submit(clip().timeout(Duration::from_secs(3)), hang).unwrap();
        assert!(matches!(waiting.await, Err(JobError::Expired)));
        assert!(began.elapsed() >= secs(3) && began.elapsed() < secs(4), "{:?}", began.elapsed());
        assert!(matches!(running.await, Err(JobError::Timeout)));
        assert!(began.elapsed() >= secs(5) && began.elapsed() < secs(6), "{:?}", began.elapsed());
        assert_eq!((load(&plant), state(&plant, JobId(1))), ((1, 0, 0, 0), Some(JobState::Unknown)));
        // A retry that would come too late is none.
        plant.with(|gate, now| gate.finished(now, JobId(1), &credits(0))).unwrap();
        let retried = plant.submit(clip().timeout(Duration::from_millis(500)), |mut call: Call| async move {
            call.sending()?;
            call.answered(&answer(429, Verdict::Concurrency))?;
            Ok(())
        });
        assert!(matches!(retried.unwrap().await, Err(JobError::Requeue(QueueError::TooLate { .. }))));
        assert_eq!(load(&plant), (0, 0, 0, 0));
    });
}

#[test]
fn a_job_that_is_not_taken_is_told_why() {
    paused(async {
        let plant = plant(1);
        let submit = |request: JobRequest| plant.submit(request, hang).map(JobHandle::detach);
        assert!(submit(clip()).is_ok());
        assert!(matches!(submit(clip().id(JobId(1))), Err(SubmitRefusal::Queue(QueueError::AlreadyQueued(JobId(1))))));
        assert!(matches!(submit(clip().class(2)), Err(SubmitRefusal::Queue(QueueError::UnknownClass { .. }))));
        assert!(matches!(submit(clip().weighs(2)), Err(SubmitRefusal::Gate(AskError::Refused { .. }))));
        for _ in 1..24 {
            assert!(submit(clip()).is_ok());
        }
        let full = submit(clip());
        assert!(matches!(full, Err(SubmitRefusal::Queue(QueueError::Full { waiting: 24 }))), "eight are for returns");
        let _driver = start(&plant);
        settle_down().await;
        assert!(matches!(submit(clip().id(JobId(1))), Err(SubmitRefusal::Gate(AskError::Known { .. }))));
        let soon = plant.look(|_, now| now).saturating_add(Duration::from_secs(5));
        let late = submit(clip().start_by(soon));
        assert!(matches!(late, Err(SubmitRefusal::Queue(QueueError::TooLate { .. }))), "the lease before it is longer");
        assert!(
            submit(clip().timeout(Duration::from_secs(5))).is_ok(),
            "but it may end sooner, for who waits and sees"
        );
    });
}

/// No name is given twice, not even one that somebody has chosen himself.
#[test]
fn names_are_given_to_those_who_have_none() {
    paused(async {
        let plant = plant(1);
        let name = |request: JobRequest| {
            let job = plant.submit(request, hang).unwrap();
            let id = job.id().0;
            job.detach();
            id
        };
        assert_eq!([name(clip().id(JobId(2))), name(clip()), name(clip()), name(clip())], [2, 1, 3, 4]);
    });
}

#[test]
fn a_job_that_says_nothing_has_sent_nothing() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let requests = plant.status().requests;
        let silent = plant.submit(clip(), |_call| async { Ok(7) }).unwrap();
        assert_eq!(silent.await.unwrap(), 7);
        assert_eq!((load(&plant), plant.status().requests, spent(&plant)), ((0, 0, 0, 0), requests, (0, 0)));
        // Sent, and gone without an answer: that is unknown, whatever its result is.
        let rude = plant.submit(clip(), |mut call: Call| async move { call.sending() }).unwrap();
        rude.await.unwrap();
        assert_eq!(state(&plant, JobId(2)), Some(JobState::Unknown));
    });
}

#[test]
fn words_at_the_wrong_time_are_errors_and_change_nothing() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let early = plant.submit(clip(), |mut call: Call| async move {
            assert!(matches!(call.answered(&OK), Err(Stop::Gate(GateError::Unexpected { .. }))));
            assert!(call.finished(&credits(1)).is_err());
            call.sending()?;
            assert!(call.sending().is_err());
            call.answered(&OK)?;
            assert!(matches!(call.answered(&OK), Err(Stop::Gate(GateError::StalePermit))));
            call.tag(77)?;
            let end = call.renew(Duration::from_hours(1))?;
            call.finished(&credits(3))?;
            assert!(matches!(call.finished(&credits(4)), Err(Stop::Gate(GateError::Mismatch))));
            Ok(end)
        });
        assert!(early.unwrap().await.is_ok());
        // Too late to send: everything has returned.
        let slow = plant.submit(clip(), |mut call: Call| async move {
            sleep(secs(31)).await;
            call.sending()?;
            Ok(())
        });
        assert!(matches!(slow.unwrap().await, Err(JobError::Gate(GateError::StalePermit))));
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (3, 0)));
    });
}

/// The permit lives no longer than its attempt, wherever the call has gone.
#[test]
fn a_call_that_outlives_its_job_has_no_permit_any_more() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let escaped = plant.submit(clip(), |call| async move { Ok(call) });
        let mut call = escaped.unwrap().await.unwrap();
        assert_eq!(load(&plant), (0, 0, 0, 0));
        assert_eq!(call.sending(), Err(Stop::Gate(GateError::StalePermit)));
        drop(call);
        let escaped = plant.submit(clip(), |mut call: Call| async move {
            call.sending()?;
            Ok(call)
        });
        let mut call = escaped.unwrap().await.unwrap();
        assert_eq!(call.answered(&OK), Err(Stop::Gate(GateError::StalePermit)));
        assert_eq!(state(&plant, call.id()), Some(JobState::Unknown));
    });
}

#[test]
fn a_detached_job_runs_for_nobody() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let drops = Drops::default();
        let value = Arc::clone(&drops.0);
        let job = plant.submit(clip(), move |call| {
            let value = Drops(Arc::clone(&value));
            async move { work(call, 9, 2).await.map(|_| value) }
        });
        job.unwrap().detach();
        sleep(secs(10)).await;
        assert_eq!((drops.many(), spent(&plant), load(&plant)), (1, (2, 0), (0, 0, 0, 0)));
    });
}

/// A job may put itself off, as long as it has sent nothing.
#[test]
fn a_job_can_ask_for_another_turn() {
    paused(async {
        let plant = plant(1);
        let _driver = start(&plant);
        let mut turns = 0;
        let job = plant.submit(clip(), move |call: Call| {
            turns += 1;
            let turns = turns;
            async move {
                if turns < 5 {
                    return Err(Stop::Again { not_before: call.now().saturating_add(Duration::from_secs(1)) });
                }
                assert_eq!(call.attempt(), 1, "nothing was sent");
                work(call, 0, 1).await
            }
        });
        let began = TokioInstant::now();
        assert_eq!(job.unwrap().await.unwrap(), 1);
        assert!(began.elapsed() >= secs(4));
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (1, 0)));
    });
}
