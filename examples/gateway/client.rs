//! The client: every request passes three limits and the budgets at once, and none of them is ever exceeded *on the server's books*.
//!
//! ```text
//!  queue ──> reserve_all [ rate │ minute │ slots │ money ] ──> send ──> answered: commit ──> task ends: close, settle
//!    ^            │ refused: sleep until the instant named,               │ refused: read ──> Outcome ──> Retry::decide:
//!    └────────────┴── or until an answer or an ended task ────────────────┘ this job again or not, everybody slower or not
//! ```
//!
//! **Why no violation can happen, however late a packet or a thread is.** The server counts a request when it *arrives*.
//! That instant is not known here, but it lies between two that are: *reserved*, before the request was sent, and
//! *committed*, after its answer came. A reservation counts in full from the first and does not age until the second.
//! So whatever the server has in its minute, this window has in its own:
//!
//! ```text
//!  here     reserved ├──── held, does not age ────┤ committed ├──── 60 s ────┤ out
//!  server                    arrived ├──── 60 s ────┤ out
//! ```
//!
//! Take the requests of any server minute, and among them the one that was reserved last. At that reservation all the
//! others were counted here: not committed yet, or committed after they arrived, hence less than 60 s ago. Together they
//! were within the limit, or it would have been refused. The same with tasks: a slot is taken before the request is sent,
//! and closed after the server said that the task has ended. No margin is guessed, and none is needed.
//!
//! Two things would need one. Clocks that drift apart: lengthen the window by the drift (here both sides read the same
//! clock). And giving up on a request that may still arrive: so there is no timeout on one, only on the whole run.

use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tollgate::{
    Burst, Clock, Decision, Denied, Duration, Entropy, Failure, Instant, JobId, Outcome, QuotaCosts, Reason, Refused,
    Restraint, RetryQuota,
};

use crate::api::{self, Answer, Api, Status};
use crate::clock::FastClock;
use crate::limits::{LEASE, Limits, Permit};
use crate::purse::Purse;
use crate::queue::{Queue, Turn};
use crate::run::{Held, Run, Sent};

/// How often to ask for a task that takes longer than announced. Asking costs nothing.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// A job whose request or task is on its way, and since when it has its slot.
#[derive(Debug)]
struct Flight {
    turn: Turn,
    since: Instant,
    /// What to do should no task run, and what the server said.
    decision: Decision,
    said: String,
}

#[derive(Debug)]
enum Event {
    Answered(Turn, Instant, Permit, Answer),
    Looked(Flight, Status),
}

/// Works through a queue of jobs. One task owns all limits: no lock, no shared state; the rest sends it events.
#[derive(Debug)]
pub(crate) struct Client {
    clock: FastClock,
    api: Api,
    limits: Limits,
    purse: Box<Purse>,
    queue: Queue,
    entropy: Entropy,
    /// The server wants nobody before this.
    closed_until: Instant,
    /// What all jobs share of retrying: a stock of retries, and longer waits after several refusals in a row.
    restraint: Restraint,
    in_flight: u32,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    bar: ProgressBar,
    run: Run,
}

impl Client {
    pub(crate) fn new(
        (clock, api): (FastClock, Api),
        (limits, purse): (Limits, Box<Purse>),
        queue: Queue,
        seed: u64,
        bar: ProgressBar,
    ) -> Self {
        Self {
            clock,
            api,
            limits,
            purse,
            queue,
            entropy: Entropy::of_device(seed),
            closed_until: Instant::ORIGIN,
            restraint: Restraint {
                quota: Some(RetryQuota::new(QuotaCosts::AWS)),
                burst: Some(Burst::SEED_001),
                ratio: None,
            },
            in_flight: 0,
            events: mpsc::channel(64),
            bar,
            run: Run::default(),
        }
    }

    /// Until every job is done or has failed for good.
    pub(crate) async fn work(mut self) -> Run {
        loop {
            let wake = self.dispatch();
            if self.queue.is_empty() && self.in_flight == 0 {
                break;
            }
            // Nothing polls: either the instant that was named comes, or something that is on its way does.
            tokio::select! {
                Some(event) = self.events.1.recv() => self.handle(event),
                () = self.clock.sleep_until(wake) => {}
            }
        }
        self.run.end = self.clock.now();
        (self.run.spent, self.run.held_back) = (self.purse.spent(self.run.end), self.purse.held());
        self.run
    }

    /// Sends all that may go now, and tells when to look again at the latest.
    fn dispatch(&mut self) -> Instant {
        loop {
            let now = self.clock.now();
            if now < self.closed_until {
                return self.closed_until;
            }
            let turn = match self.queue.take(now) {
                Ok(turn) => turn,
                Err(next) => return next,
            };
            let admitted = match self.purse.ask(&turn.job) {
                Ok(mut price) => self.limits.admit(now, JobId(turn.job.id), price.as_mut().map(|price| price as _)),
                Err(no_price) => {
                    self.fail(now, &turn, no_price);
                    continue;
                }
            };
            let Refused { index, denied } = match admitted {
                Ok(permit) => {
                    self.send(now, turn, permit);
                    continue;
                }
                Err(refused) => refused,
            };
            self.run.refused[index] += 1;
            let wake = match denied {
                Denied::Until(at) => at,
                Denied::Busy if self.in_flight > 0 => Instant::MAX,
                // It does not fit, and nothing that is under way would make room: refused before it is sent.
                _ => {
                    let why = if index == 3 { self.purse.why_not(now, &turn.job) } else { denied.to_string() };
                    self.fail(now, &turn, why);
                    continue;
                }
            };
            self.queue.put(turn);
            return wake;
        }
    }

    fn send(&mut self, now: Instant, turn: Turn, permit: Permit) {
        self.run.admitted(now, turn.ready);
        self.run.peak_permille = self.run.peak_permille.max(self.limits.minute.usage_permille(now));
        self.run.peak_slots = self.run.peak_slots.max(self.limits.slots.in_flight(now));
        self.in_flight += 1;
        let (api, events) = (self.api.clone(), self.events.0.clone());
        tokio::spawn(async move {
            let answer = api.order(&turn.job).await;
            // Nobody listens any more only when the run was broken off.
            let _ = events.send(Event::Answered(turn, now, permit, answer)).await;
        });
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Answered(turn, sent, permit, answer) => self.answered(now, turn, sent, permit, answer),
            Event::Looked(flight, Status::Running | Status::Unclear) => {
                // An error says that the lease is over: then the slot is lost, but the task is still waited for.
                let _ = self.limits.slots.renew(now, JobId(flight.turn.job.id), LEASE);
                self.look(flight, now.saturating_add(ASK_AGAIN));
            }
            Event::Looked(flight, Status::Made(seconds)) => {
                self.land(now, &flight);
                self.run.done += 1;
                if let Err(why) = self.purse.settle(now, &flight.turn.job, seconds) {
                    self.fail(now, &flight.turn, why);
                }
            }
            Event::Looked(flight, Status::Failed) => {
                self.land(now, &flight);
                self.fail(now, &flight.turn, "the task failed: not billed".into());
            }
            Event::Looked(mut flight, Status::Unknown) => {
                if flight.decision == Decision::GiveUp(Reason::MaybeRunning) {
                    // Now we know that it does not run.
                    let outcome = Outcome::Failed(Failure::NotProcessed);
                    let dice = self.entropy.next();
                    flight.decision = flight.turn.retry.decide(now, &outcome, &mut self.restraint, dice).decision;
                }
                self.go_on(now, flight);
            }
        }
        self.run.alerts.extend(self.purse.alerts(now));
        let (slots, used) = (self.limits.slots.in_flight(now), self.limits.minute.usage_permille(now));
        self.bar.set_message(format!("{slots} running, {}.{} % of the minute used", used / 10, used % 10));
        self.bar.set_position((self.run.done + self.run.failed.len()) as u64);
    }

    fn answered(&mut self, now: Instant, mut turn: Turn, sent: Instant, permit: Permit, answer: Answer) {
        let advice = turn.retry.decide(now, &answer.outcome, &mut self.restraint, self.entropy.next());
        self.limits.lower(now, sent, &advice);
        if let Some(until) = advice.gate {
            // Said to the account, not to the job.
            self.closed_until = self.closed_until.max(until);
            self.run.closed.push((now, until));
        }
        let unclear = api::is_unclear(&answer.outcome);
        self.limits.answered(now, permit, unclear || answer.ready_in.is_some());
        self.run.requests.push(Sent::new(turn.job.id, sent, now, &answer, advice));
        let flight = Flight { turn, since: sent, decision: advice.decision, said: answer.said };
        match answer.ready_in {
            Some(ready_in) => {
                self.limits.raise(now);
                self.restraint.burst.iter_mut().for_each(Burst::reset);
                self.look(flight, now.saturating_add(ready_in));
            }
            None if unclear => self.look(flight, now),
            None => self.go_on(now, flight),
        }
    }

    /// No task runs: the slot is free, and the job is ordered again as decided, or never.
    fn go_on(&mut self, now: Instant, flight: Flight) {
        self.land(now, &flight);
        let Flight { turn, decision, said, .. } = flight;
        match decision {
            // What waits for the end of a task besides, waits for a slot: the cap was lowered to what ran.
            Decision::RetryAt(ready) | Decision::RetryOnRelease { not_before: ready } => {
                self.run.retried += 1;
                self.queue.put(Turn { ready, ..turn });
            }
            Decision::Done => self.fail(now, &turn, said),
            Decision::GiveUp(reason) => self.fail(now, &turn, format!("{said}: {reason}")),
        }
    }

    /// Asks for the task at `at`.
    fn look(&self, flight: Flight, at: Instant) {
        let (api, events, clock) = (self.api.clone(), self.events.0.clone(), self.clock);
        tokio::spawn(async move {
            clock.sleep_until(at).await;
            let status = api.status(flight.turn.job.id).await;
            let _ = events.send(Event::Looked(flight, status)).await;
        });
    }

    /// The task has ended or was never started: whoever waits for a slot has one.
    fn land(&mut self, now: Instant, flight: &Flight) {
        self.in_flight -= 1;
        // Closing twice is harmless: after a 429 the slot was released with its reservation.
        let _ = self.limits.slots.close(now, JobId(flight.turn.job.id));
        self.run.held.push(Held::new(&flight.turn, flight.since, now));
    }

    fn fail(&mut self, now: Instant, turn: &Turn, why: String) {
        self.purse.void(now, &turn.job);
        self.run.failed.push((turn.job.id, why));
    }
}
