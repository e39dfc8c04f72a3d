//! Thousands of jobs that end in every way there is, with a witness who keeps books of his own.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};

use tokio::time::{sleep, timeout};
use tollgate::{Answer, Clock, Duration, Failure, GateError, JobState, Outcome, Patience, Repeatable, Verdict};
use tollgate_std::{Call, JobError, JobHandle, JobRequest, Stop, SubmitRefusal, Wait};

use crate::scene::*;

const SLOTS: u32 = 6;
const ESTIMATE: u64 = 40;
/// Longer than any job takes, shorter than the whole.
const LEASE: Duration = Duration::from_secs(5);
const PATIENCE: Patience =
    Patience { to_send: Duration::from_secs(3), to_answer: Duration::from_secs(4), ..Patience::DEFAULT };

/// How jobs pass their time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pause {
    /// Up to so many milliseconds of tokio's time.
    Millis(u64),
    /// Up to so many turns of the others.
    Turns(u64),
}

impl Pause {
    async fn take(self, dice: &mut Dice) {
        match self {
            Self::Millis(most) => sleep(std::time::Duration::from_millis(dice.throw(most))).await,
            Self::Turns(most) => {
                for _ in 0..dice.throw(most) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// What the witness has seen of one job.
#[derive(Debug, Default)]
struct Fate {
    /// An attempt of it is between its permit and its end.
    active: AtomicBool,
    /// It may run, and nobody has said what it cost.
    open: AtomicBool,
    /// It was accepted.
    accepted: AtomicBool,
    /// What it cost, plus one.
    actual: AtomicU64,
}

impl Fate {
    fn cost(&self) -> u64 {
        match self.actual.load(Ordering::SeqCst) {
            0 if self.open.load(Ordering::SeqCst) => ESTIMATE,
            0 => 0,
            said => said - 1,
        }
    }
}

/// An attempt, as the witness sees it: no second one of the same job beside it.
struct Watched(Arc<Fate>);

impl Watched {
    fn of(fate: &Arc<Fate>) -> Self {
        assert!(!fate.active.swap(true, Ordering::SeqCst), "two attempts of one job at once");
        assert!(!fate.accepted.load(Ordering::SeqCst), "it was accepted, and is run again");
        Self(Arc::clone(fate))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.active.store(false, Ordering::SeqCst);
    }
}

/// How the jobs ended, for the test's teeth.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    done: AtomicU32,
    gave_up: AtomicU32,
    panicked: AtomicU32,
    expired: AtomicU32,
    timeout: AtomicU32,
    refused: AtomicU32,
    requeue: AtomicU32,
    dropped: AtomicU32,
    detached: AtomicU32,
    full: AtomicU32,
    /// Their permit, or their lease, was over before they said their word.
    late: AtomicU32,
}

fn count(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::SeqCst);
}

#[derive(Default)]
pub(crate) struct Witness {
    fates: Mutex<Vec<Arc<Fate>>>,
    pub(crate) counts: Counts,
}

impl Witness {
    fn note(&self, ended: &Result<u64, JobError>) {
        let counts = &self.counts;
        count(match ended {
            Ok(_) => &counts.done,
            Err(JobError::GaveUp(_)) => &counts.gave_up,
            Err(JobError::Panicked(_)) => &counts.panicked,
            Err(JobError::Expired) => &counts.expired,
            Err(JobError::Timeout) => &counts.timeout,
            Err(JobError::Refused(_)) => &counts.refused,
            Err(JobError::Requeue(_)) => &counts.requeue,
            Err(JobError::Gate(GateError::StalePermit | GateError::Unexpected { state: JobState::Overdue })) => {
                &counts.late
            }
            Err(why) => panic!("{why}"),
        });
    }

    fn spent(&self) -> u64 {
        self.fates.lock().unwrap().iter().map(|fate| fate.cost()).sum()
    }
}

fn outcome(dice: &mut Dice) -> Outcome {
    match dice.throw(14) {
        0 => BLIND,
        1 => answer(429, Verdict::Concurrency),
        2 => answer(402, Verdict::HardQuota),
        3 => BROKEN,
        4 => Outcome::Failed(Failure::NotSent),
        5 => answer(500, Verdict::Clear),
        6 => answer(400, Verdict::Clear),
        _ => OK,
    }
}

/// Whether the server certainly does not run it.
fn is_refusal(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Failed(Failure::Broken) | Outcome::Answered { status: 500, .. })
}

async fn mishap(dice: &mut Dice, pause: Pause) {
    pause.take(dice).await;
    assert!(dice.throw(25) > 0, "on purpose");
}

/// One attempt, with what may go wrong at each of its points.
async fn attempt(mut call: Call, mut dice: Dice, fate: Arc<Fate>, pause: Pause) -> Result<u64, Stop> {
    let _watched = Watched::of(&fate);
    mishap(&mut dice, pause).await;
    if dice.throw(20) == 0 {
        return Err(Stop::Again { not_before: call.now().saturating_add(Duration::from_millis(5)) });
    }
    if dice.throw(20) == 0 {
        return Ok(0);
    }
    let before = fate.open.swap(true, Ordering::SeqCst);
    call.sending().inspect_err(|_| fate.open.store(before, Ordering::SeqCst))?;
    mishap(&mut dice, pause).await;
    let outcome = outcome(&mut dice);
    let answer = call.answered(&outcome);
    if let Err(Stop::Gate(why)) = answer {
        assert_eq!(why, GateError::StalePermit, "answered too late, and unknown by then");
    } else if outcome == OK {
        assert_eq!(answer, Ok(Answer::Accepted));
        fate.accepted.store(true, Ordering::SeqCst);
    } else if is_refusal(&outcome) && !before {
        fate.open.store(false, Ordering::SeqCst);
    }
    if answer? != Answer::Accepted || dice.throw(20) == 0 {
        return Ok(0); // nobody says what it cost
    }
    mishap(&mut dice, pause).await;
    let actual = dice.throw(2 * ESTIMATE);
    call.finished(&credits(u32::try_from(actual).unwrap()))?;
    fate.actual.store(actual + 1, Ordering::SeqCst);
    mishap(&mut dice, pause).await;
    Ok(actual)
}

fn request(dice: &mut Dice) -> JobRequest {
    let mut request =
        clip_of(LEASE).weighs(u32::try_from(dice.throw(4)).unwrap()).key(u32::try_from(dice.throw(3)).unwrap());
    request = request.class(u8::from(dice.throw(2) == 0));
    if dice.throw(2) == 0 {
        request = request.repeatable(Repeatable::Keyed);
    }
    if dice.throw(4) == 0 {
        request = request.timeout(Duration::from_millis(dice.throw(3_000)));
    }
    request
}

fn clip_of(lease: Duration) -> JobRequest {
    JobRequest::new(lease).costs(credits(u32::try_from(ESTIMATE).unwrap()))
}

/// Submits one job; `None` if there was no room.
fn submit<C: Clock + Send + Sync + 'static>(
    plant: &Plant<C>,
    dice: &mut Dice,
    witness: &Witness,
    pause: Pause,
) -> Option<JobHandle<u64>> {
    let (fate, mut seeds) = (Arc::new(Fate::default()), Dice::of(dice.throw(u64::from(u32::MAX))));
    let seen = Arc::clone(&fate);
    let job = plant.submit(request(dice), move |call| {
        attempt(call, Dice::of(seeds.throw(u64::from(u32::MAX))), Arc::clone(&seen), pause)
    });
    match job {
        Ok(job) => {
            witness.fates.lock().unwrap().push(fate);
            Some(job)
        }
        Err(SubmitRefusal::Queue(_)) => {
            count(&witness.counts.full);
            None
        }
        Err(why) => panic!("{why}"),
    }
}

/// Submits so many jobs, and treats their handles as one can.
pub(crate) async fn customer<C: Clock + Send + Sync + 'static>(
    plant: Plant<C>,
    mut dice: Dice,
    witness: Arc<Witness>,
    jobs: u32,
    pause: Pause,
) {
    plant.with(|gate, _| gate.set_patience(PATIENCE));
    let mut left = jobs;
    while left > 0 {
        let Some(mut job) = submit(&plant, &mut dice, &witness, pause) else {
            pause.take(&mut dice).await;
            continue;
        };
        left -= 1;
        assert!(plant.status().in_flight <= u64::from(SLOTS), "more than there are");
        let counts = &witness.counts;
        match (dice.throw(8), pause) {
            (0, _) => {
                pause.take(&mut dice).await;
                job.detach();
                count(&counts.detached);
            }
            (1, _) => {
                drop(job);
                count(&counts.dropped);
            }
            (2, Pause::Turns(_)) => {
                pause.take(&mut dice).await;
                drop(job);
                count(&counts.dropped);
            }
            (2, Pause::Millis(_)) => {
                let span = std::time::Duration::from_millis(dice.throw(2_000));
                match timeout(span, &mut job).await {
                    Ok(ended) => witness.note(&ended),
                    Err(_elapsed) => {
                        drop(job);
                        count(&counts.dropped);
                    }
                }
            }
            _ => {
                let ended = job.await;
                witness.note(&ended);
            }
        }
    }
}

/// Panics on purpose are not worth a word.
pub(crate) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str().is_none_or(|why| !why.contains("on purpose")) {
                loud(panic);
            }
        }));
    });
}

/// Everything has ended, leases too: nothing is held, nothing runs, and both books are the same.
pub(crate) fn assert_books_are_equal<C: Clock>(plant: &Plant<C>, witness: &Witness) {
    plant.with(|gate, now| while gate.expire(now).is_some() {});
    let status = plant.status();
    assert_eq!(load(plant), (0, 0, 0, 0));
    for state in [JobState::Asked, JobState::Sent, JobState::Unknown, JobState::Running, JobState::NeedsActual] {
        assert_eq!(status.jobs_in(state), 0, "{state}");
    }
    assert_eq!((status.counters.late, status.counters.forgotten), (0, 0));
    assert_eq!(status.requests, 1_000, "every request that is over has been given back by time");
    assert!(witness.fates.lock().unwrap().iter().all(|fate| !fate.active.load(Ordering::SeqCst)));
    assert_eq!(spent(plant), (witness.spent(), 0));
}

#[test]
fn thousands_of_jobs_end_in_every_way_and_the_books_are_equal() {
    hush();
    let (mut all, mut ended) = (0, [0; 9]);
    for seed in 0..12 {
        paused(async {
            let plant = plant(SLOTS);
            let witness = Arc::new(Witness::default());
            let drivers = [start(&plant), start(&plant)];
            let customers: Vec<_> = (0..25)
                .map(|who| {
                    let dice = Dice::of(1 + seed * 100 + who);
                    tokio::spawn(customer(plant.clone(), dice, Arc::clone(&witness), 10, Pause::Millis(300)))
                })
                .collect();
            sleep(secs(2)).await;
            drivers[0].abort();
            let [_, second] = drivers;
            for customer in customers {
                customer.await.unwrap();
            }
            plant.drain(Wait::forever()).await.unwrap();
            second.await.unwrap();
            sleep(secs(60)).await;
            assert_books_are_equal(&plant, &witness);
            all += witness.fates.lock().unwrap().len();
            let counts = &witness.counts;
            let of = [
                &counts.done,
                &counts.gave_up,
                &counts.panicked,
                &counts.expired,
                &counts.timeout,
                &counts.requeue,
                &counts.dropped,
                &counts.detached,
                &counts.full,
            ];
            ended.iter_mut().zip(of).for_each(|(sum, count)| *sum += count.load(Ordering::SeqCst));
        });
    }
    assert_eq!(all, 12 * 250);
    assert!(ended.iter().all(|many| *many > 0), "the test has lost its teeth: {ended:?}");
}
