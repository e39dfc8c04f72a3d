//! The end of a runner: in good order, with a time limit, and without any.

use tokio::time::{Instant as TokioInstant, sleep};
use tollgate::{Duration, JobId, JobState, Verdict};
use tollgate_std::{Call, JobError, JobHandle, SubmitRefusal, Wait, WaitError};

use crate::scene::*;

#[test]
fn closing_turns_away_those_who_wait_and_waits_for_those_who_run() {
    paused(async {
        let plant = plant(1);
        let driver = start(&plant);
        let began = TokioInstant::now();
        let running = plant.submit(clip(), |call| work(call, 10, 1)).unwrap();
        settle_down().await;
        let waiting = plant.submit(clip(), |call| work(call, 10, 1)).unwrap();
        let early = plant.close(Duration::from_secs(4)).await;
        assert!(matches!(early, Err(WaitError::Timeout { .. })));
        assert!(matches!(waiting.await, Err(JobError::Closed)));
        assert!(matches!(plant.submit(clip(), hang).map(JobHandle::detach), Err(SubmitRefusal::Closed)));
        assert!(!driver.is_finished());
        plant.close(Wait::forever()).await.unwrap();
        assert!(began.elapsed() >= secs(10) && began.elapsed() < secs(11), "{:?}", began.elapsed());
        driver.await.unwrap();
        assert_eq!((running.await.unwrap(), load(&plant), spent(&plant)), (1, (0, 0, 0, 0), (1, 0)));
        plant.close(Duration::ZERO).await.expect("it is closed");
    });
}

#[test]
fn draining_serves_those_who_wait_and_those_who_come_back() {
    paused(async {
        let plant = plant(1);
        let driver = start(&plant);
        let jobs: Vec<_> = (0..5)
            .map(|_| {
                let job = plant.submit(clip(), |mut call: Call| async move {
                    call.sending()?;
                    let outcome = if call.attempt() == 1 { answer(429, Verdict::Concurrency) } else { OK };
                    call.completed(&outcome, &credits(1))?;
                    Ok(())
                });
                job.unwrap()
            })
            .collect();
        plant.drain(Wait::forever()).await.unwrap();
        driver.await.unwrap();
        assert!(plant.submit(clip(), hang).is_err());
        for job in jobs {
            assert!(job.is_finished());
            job.await.unwrap();
        }
        assert_eq!((load(&plant), spent(&plant)), ((0, 0, 0, 0), (5, 0)));
    });
}

#[test]
fn a_job_that_comes_back_to_a_closed_runner_is_told() {
    paused(async {
        let plant = plant(1);
        let driver = start(&plant);
        let job = plant
            .submit(clip(), |mut call: Call| async move {
                call.sending()?;
                sleep(secs(5)).await;
                call.answered(&BLIND)?;
                Ok(())
            })
            .unwrap();
        settle_down().await;
        plant.close(Wait::forever()).await.unwrap();
        assert!(matches!(job.await, Err(JobError::Closed)));
        driver.await.unwrap();
        assert_eq!(load(&plant), (0, 0, 0, 0));
    });
}

#[test]
fn a_runner_that_nobody_runs_closes_at_once() {
    paused(async {
        let plant = plant(1);
        let waiting = plant.submit(clip(), hang).unwrap();
        plant.close(Duration::ZERO).await.unwrap();
        assert!(matches!(waiting.await, Err(JobError::Closed)));
        plant.run(|_| panic!("nothing to run")).await;
    });
}

/// A runtime that shuts down drops its tasks wherever they are.
#[test]
fn an_executor_that_drops_its_tasks_leaves_the_books_right() {
    let plant = plant(4);
    let jobs = paused(async {
        let _driver = start(&plant);
        let jobs = [plant.submit(clip(), hang).unwrap(), plant.submit(clip(), hang).unwrap()];
        settle_down().await;
        assert_eq!(plant.running(), 2);
        jobs
    });
    assert_eq!((load(&plant), state(&plant, JobId(1))), ((2, 0, 0, 0), Some(JobState::Unknown)));
    for job in jobs {
        assert!(matches!(job.blocking_wait(), Err(JobError::Lost)));
    }
    // One that is never even run.
    paused(async {
        let never = plant.submit(clip(), hang).unwrap();
        let handle = plant.clone();
        let driver = tokio::spawn(async move { handle.run(drop).await });
        assert!(matches!(never.await, Err(JobError::Lost)));
        driver.abort();
        assert_eq!((load(&plant).0, state(&plant, JobId(3))), (2, None));
    });
}
