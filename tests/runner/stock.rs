//! The stock of retries of a runner: a job that is not sent again, for whatever reason, gives back what its retry took.

use tokio::time::sleep;
use tollgate::{Clock, Gate, Limits, QueuePolicy, QuotaCosts, Restraint, RetryQuota};
use tollgate_std::{Call, JobError, JobHandle, JobRequest, Runner, Stop, TokioClock, Wait};

use crate::scene::*;

type Upstream = Limits<(), (), (), (), Restraint>;
type Stocked = Runner<Upstream, TokioClock, 8, 4, 4>;

/// 500 retries in stock, and it runs.
fn stocked() -> Stocked {
    let clock = TokioClock::default();
    let restraint = Restraint { quota: Some(RetryQuota::new(QuotaCosts::AWS)), ..Restraint::default() };
    let runner = Stocked::new(Gate::new(Limits::new().restraint(restraint), clock.now()), QueuePolicy::DEFAULT, clock);
    let plant = runner.clone();
    drop(tokio::spawn(async move { plant.run(|job| drop(tokio::spawn(job))).await }));
    runner
}

fn left(runner: &Stocked) -> u32 {
    runner.look(|gate, _| gate.limits().restraint.quota.as_ref().map_or(0, RetryQuota::left))
}

/// Refused at once, so that it waits to be sent again; then it does this with its retry.
fn refused(runner: &Stocked, job: JobRequest, then: fn(Call) -> Result<(), Stop>) -> JobHandle<()> {
    let attempt = move |mut call: Call| async move {
        if call.attempt() > 1 {
            return then(call);
        }
        call.sending()?;
        call.answered(&BLIND)?;
        Ok(())
    };
    runner.submit(job, attempt).unwrap()
}

fn job() -> JobRequest {
    JobRequest::new(LEASE)
}

#[test]
fn a_handle_that_is_dropped_while_its_job_waits_to_be_sent_again_gives_its_retry_back() {
    paused(async {
        let runner = stocked();
        let handle = refused(&runner, job(), |_| Ok(()));
        settle_down().await;
        assert_eq!((left(&runner), runner.waiting()), (495, 1));
        drop(handle);
        assert_eq!((left(&runner), runner.waiting()), (500, 0));
    });
}

#[test]
fn so_does_a_runner_that_is_closed_and_a_job_whose_time_is_over() {
    paused(async {
        let runner = stocked();
        let handle = refused(&runner, job(), |_| Ok(()));
        settle_down().await;
        assert_eq!(left(&runner), 495);
        runner.close(Wait::forever()).await.unwrap();
        assert!(matches!(handle.await, Err(JobError::Closed)));
        assert_eq!(left(&runner), 500);

        let runner = stocked();
        let handle = refused(&runner, job().timeout(tollgate::Duration::from_millis(1)), |_| Ok(()));
        assert!(matches!(handle.await, Err(JobError::Requeue(_) | JobError::Expired)));
        assert_eq!(left(&runner), 500);
    });
}

#[test]
fn a_retry_that_ends_before_it_is_sent_comes_back_and_one_that_is_sent_does_not() {
    paused(async {
        for (then, left_then) in [
            ((|_| Ok(())) as fn(Call) -> Result<(), Stop>, 500),
            (|mut call| call.sending(), 495),
            // A success gives it back as always.
            (|mut call| call.sending().and_then(|()| call.completed(&OK, &[])).map(drop), 500),
        ] {
            let runner = stocked();
            refused(&runner, job(), then).await.unwrap();
            sleep(secs(1)).await;
            assert_eq!(left(&runner), left_then);
        }
    });
}
