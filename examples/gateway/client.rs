//! The client: asks the dispatcher what to do next, does it, and tells what came of it. All decisions are the gate's.
//!
//! ```text
//!  queue ──> next: Send ──> order ──> answered: Accepted ──> look, when it should be ready ──> finished: slot, money
//!    ^         │ WaitUntil: sleep        │ RetryAt: waits again by itself
//!    └─────────┴─────────────────────────┘ GiveUp: fails; if it may run all the same, look first
//! ```

use indicatif::ProgressBar;
use tokio::task::JoinSet;
use tollgate::{Answer, AskError, Clock, Duration, Entropy, Instant, JobId, JobState, Next, Permit, SubmitError};

use crate::api::{Api, Reply, Status};
use crate::clock::FastClock;
use crate::limits::{Jobs, LEASE, Order};
use crate::money::Purse;
use crate::run::{Attempt, Run, Standing};

/// How often to ask for a task that takes longer than announced. Asking costs nothing.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What was heard of a job: the answer to its order, with the instant of that and its permit; or how its task is doing.
#[derive(Debug)]
enum Heard {
    Reply(Instant, Permit, Reply),
    Status(Status),
}

/// Works through a queue of jobs. One task owns the gate: no lock, no shared state; the others bring it events.
#[derive(Debug)]
pub(crate) struct Client {
    clock: FastClock,
    api: Api,
    jobs: Box<Jobs>,
    purse: Purse,
    dice: Entropy,
    on_their_way: JoinSet<(Order, Heard)>,
    bar: ProgressBar,
    run: Run,
}

impl Client {
    pub(crate) fn new(
        clock: FastClock,
        api: Api,
        (jobs, purse): (Box<Jobs>, Purse),
        seed: u64,
        bar: ProgressBar,
    ) -> Self {
        let (dice, run) = (Entropy::of_device(seed), Run::default());
        Self { clock, api, jobs, purse, dice, on_their_way: JoinSet::new(), bar, run }
    }

    /// Lets a job wait, or refuses at once what no budget would ever pay.
    pub(crate) fn submit(&mut self, order: Order) {
        match self.jobs.submit(self.clock.now(), order) {
            Ok(()) => {}
            Err(SubmitError::Gate { entry, why }) => {
                self.reject(&entry, why);
            }
            Err(SubmitError::Queue(rejected)) => self.fail(&rejected.entry, rejected.why.to_string()),
        }
    }

    /// Until every job is done or has failed for good.
    pub(crate) async fn work(mut self) -> Run {
        loop {
            let wake = self.dispatch();
            // Nothing polls: either the instant that was named comes, or something that is on its way does.
            tokio::select! {
                Some(Ok((order, heard))) = self.on_their_way.join_next() => self.handle(order, heard),
                () = self.clock.sleep_until(wake), if wake < Instant::MAX => {}
                else => break,
            }
        }
        let (end, gate) = (self.clock.now(), &self.jobs.gate);
        let held_back = gate.jobs().filter(|(_, state)| state.has_hold()).count();
        Run { end, held_back, spent: self.purse.spent(gate, end), refused: Some(*gate.counters()), ..self.run }
    }

    /// Sends all that may go now, and tells when to look again at the latest.
    fn dispatch(&mut self) -> Instant {
        loop {
            let now = self.clock.now();
            match self.jobs.next(now) {
                Next::Send { entry, permit } => self.send(now, entry, permit),
                Next::WaitUntil(at) => return at,
                Next::WaitForRelease | Next::Empty => return Instant::MAX,
                Next::Expired(order) => self.fail(&order, "its deadline has passed".into()),
                // It does not fit, and nothing that is under way would make room: refused before it is sent.
                Next::Rejected { entry, why } => self.reject(&entry, why),
            }
        }
    }

    fn send(&mut self, now: Instant, order: Order, permit: Permit) {
        let gate = &mut self.jobs.gate;
        if let Err(stale) = gate.sending(now, &permit) {
            return self.fail(&order, stale.to_string());
        }
        self.run.sending(now, &order, gate);
        let api = self.api.clone();
        self.on_their_way.spawn(async move {
            let reply = api.order(&order.payload.job).await;
            (order, Heard::Reply(now, permit, reply))
        });
    }

    fn handle(&mut self, order: Order, heard: Heard) {
        let (now, id) = (self.clock.now(), order.id);
        match heard {
            Heard::Reply(sent, permit, reply) => self.answered(now, order, (sent, &permit), reply),
            Heard::Status(Status::Running) => {
                // An error says that the lease is over: then the slot is lost, but the task is still waited for.
                let _ = self.jobs.gate.renew(now, id, LEASE);
                self.look(order, now.saturating_add(ASK_AGAIN));
            }
            Heard::Status(Status::Made(seconds)) => self.finish(now, &order, Ok(seconds)),
            Heard::Status(Status::Failed) => self.finish(now, &order, Err("the task failed: not billed".into())),
            Heard::Status(Status::Unknown) => self.finish(now, &order, Err(order.payload.said.clone())),
        }
        if !self.has_slot(now, id) {
            self.run.left(now, id);
        }
        self.run.alerts.extend(self.purse.alerts(&mut self.jobs.gate, now));
        let (slots, used) = (self.jobs.gate.in_flight(now), self.jobs.gate.limits().window.usage_permille(now));
        self.bar.set_message(format!("{slots} running, {}.{} % of the minute used", used / 10, used % 10));
        self.bar.set_position((self.run.done + self.run.failed.len()) as u64);
    }

    fn answered(&mut self, now: Instant, order: Order, (sent, permit): (Instant, &Permit), reply: Reply) {
        let (id, before) = (order.id, Standing::of(&self.jobs.gate, now));
        reply.feedback.iter().for_each(|feedback| self.jobs.gate.heard(now, feedback));
        let heard = match self.jobs.answered(now, order, permit, &reply.outcome, self.dice.next()) {
            Ok(heard) => heard,
            // Later than the gate has waited for it: does it run?
            Err(unheard) => return self.look(unheard.entry, now),
        };
        let after = Standing::of(&self.jobs.gate, now);
        let (said, ready_in) = (reply.said.clone(), reply.ready_in);
        self.run.answered(Attempt { job: id.0, sent, answered: now, reply, answer: heard.answer, before, after });
        let Some(mut order) = heard.entry else { return };
        order.payload.said = match heard.answer {
            Answer::GiveUp(reason) => format!("{said}: {reason}"),
            _ => said,
        };
        if self.has_slot(now, id) {
            // It runs; or it may, and is given up.
            self.look(order, now.saturating_add(ready_in));
        } else {
            self.fail(&order, order.payload.said.clone());
        }
    }

    fn has_slot(&self, now: Instant, id: JobId) -> bool {
        self.jobs.gate.job(now, id).is_some_and(JobState::has_slot)
    }

    /// Asks for the task at `at`.
    fn look(&mut self, order: Order, at: Instant) {
        let (api, clock) = (self.api.clone(), self.clock);
        self.on_their_way.spawn(async move {
            clock.sleep_until(at).await;
            let status = api.status(order.id.0).await;
            (order, Heard::Status(status))
        });
    }

    /// The task has ended, or was never started: its slot is free, and what was made is billed.
    fn finish(&mut self, now: Instant, order: &Order, made: Result<u32, String>) {
        let cost = self.purse.price(&order.payload.job, *made.as_ref().unwrap_or(&0));
        let settled = cost.and_then(|cost| self.jobs.gate.finished(now, order.id, &cost).map_err(|e| e.to_string()));
        match settled.and(made) {
            Ok(_) => self.run.done += 1,
            Err(why) => self.fail(order, why),
        }
    }

    fn reject(&mut self, order: &Order, why: AskError) {
        self.fail(order, self.purse.why_not(&self.jobs.gate, order, why));
    }

    fn fail(&mut self, order: &Order, why: String) {
        self.run.failed.push((order.id.0, why));
    }
}
