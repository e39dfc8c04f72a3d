//! The client: asks the dispatcher what to do next, does it, and tells what came of it. All decisions are the gate's.
//!
//! ```text
//!  queue ──> next: Send ──> order ──> answered: Accepted ──> look, when it should be ready ──> finished: slot, money
//!    ^         │ WaitUntil: sleep        │ RetryAt: waits again by itself
//!    └─────────┴─────────────────────────┘ GiveUp: fails; if it may run all the same, look first
//! ```

use std::error::Error;

use embedded_storage::nor_flash::NorFlash;
use indicatif::ProgressBar;
use tokio::task::JoinSet;
use tollgate::{
    Alert, Answer, AskError, Clock, Dispatcher, Duration, Entropy, Instant, JobId, JobState, Next, Permit, Queue, Seen,
    SubmitError,
};

use crate::api::{Api, Reply, Status};
use crate::clock::FastClock;
use crate::limits::{Jobs, Keeper, LEASE, Order, STRICT};
use crate::money::Purse;
use crate::run::{Attempt, Run, Standing};
use crate::state::Ended;

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
pub(crate) struct Client<F: NorFlash> {
    clock: FastClock,
    api: Api,
    jobs: Box<Jobs<Keeper<F>>>,
    purse: Purse,
    ended: Ended,
    dice: Entropy,
    on_their_way: JoinSet<(Order, Heard)>,
    bar: ProgressBar,
    run: Run,
}

impl<F: NorFlash + 'static> Client<F> {
    /// A client of `api` that goes on where `keeper` and `ended` are.
    pub(crate) fn new(
        clock: FastClock,
        api: Api,
        purse: Purse,
        (keeper, ended): (Keeper<F>, Ended),
        seed: u64,
    ) -> Self {
        let jobs = Box::new(Dispatcher::new(keeper, Queue::new(STRICT)));
        let (dice, bar, run) = (Entropy::of_device(seed), ProgressBar::hidden(), Run::default());
        Self { clock, api, jobs, purse, ended, dice, on_their_way: JoinSet::new(), bar, run }
    }

    /// Until every one of these has ended, which some may have before.
    pub(crate) async fn work(mut self, orders: Vec<Order>, bar: ProgressBar) -> Result<Run, Box<dyn Error>> {
        self.bar = bar;
        self.begin(orders).await?;
        loop {
            let wake = self.dispatch()?;
            // Nothing polls: either the instant that was named comes, or something that is on its way does.
            tokio::select! {
                Some(heard) = self.on_their_way.join_next() => {
                    let (order, heard) = heard?;
                    self.handle(order, heard)?;
                }
                () = self.clock.sleep_until(wake), if wake < Instant::MAX => {}
                else => break,
            }
        }
        self.close()
    }

    /// The end of the run. Alerts are pending until they are in a report: so each is told once, killed or not.
    fn close(mut self) -> Result<Run, Box<dyn Error>> {
        let pending: Vec<Alert> = self.jobs.gate.ledger().alerts().collect();
        for alert in pending {
            self.run.alerts.push(self.purse.tell(self.jobs.gate.gate(), alert));
            self.jobs.gate.acknowledge(alert)?;
        }
        let (end, gate) = (self.clock.now(), self.jobs.gate.gate());
        let held_back = gate.jobs().filter(|(_, state)| state.has_hold()).count();
        let (spent, refused, ended) = (self.purse.spent(gate, end), Some(*gate.counters()), self.ended.jobs);
        Ok(Run { ended, refused, spent, held_back, end, ..self.run })
    }

    /// What may run since before a restart is compared with what does; the others wait for their turn.
    async fn begin(&mut self, orders: Vec<Order>) -> Result<(), Box<dyn Error>> {
        let asked_at = self.clock.now();
        self.run.begin = asked_at;
        let seen: Vec<Seen> = self.api.running().await?.into_iter().map(|id| Seen::Job(JobId(id))).collect();
        let now = self.clock.now();
        self.jobs.gate.reconcile(now, asked_at, true, &seen);
        for order in orders {
            match self.jobs.gate.gate().job(now, order.id) {
                _ if self.ended.jobs.contains_key(&order.id.0) => {}
                // It has its slot and its money if nobody knows whether it was started, and is sent again by its name.
                None | Some(JobState::Unknown) => match self.jobs.submit(now, order) {
                    Ok(()) => {}
                    Err(SubmitError::Gate { entry, why }) => self.reject(&entry, why)?,
                    Err(SubmitError::Queue(rejected)) => return Err(rejected.why.into()),
                },
                Some(_) => self.look(order, now),
            }
        }
        Ok(())
    }

    /// Sends all that may go now, and tells when to look again at the latest.
    fn dispatch(&mut self) -> Result<Instant, Box<dyn Error>> {
        loop {
            let now = self.clock.now();
            match self.jobs.next(now) {
                Next::Send { entry, permit } => self.send(now, entry, permit)?,
                Next::WaitUntil(at) => return Ok(at),
                Next::WaitForRelease | Next::Empty => return Ok(Instant::MAX),
                Next::Expired(order) => self.end(&order, Some("its deadline has passed".into()))?,
                // It does not fit, and nothing that is under way would make room: refused before it is sent.
                Next::Rejected { entry, why } => self.reject(&entry, why)?,
            }
        }
    }

    fn send(&mut self, now: Instant, order: Order, permit: Permit) -> Result<(), Box<dyn Error>> {
        // What could not be written down is not sent.
        self.jobs.gate.sending(now, &permit)?;
        self.run.sending(now, &order, self.jobs.gate.gate());
        let api = self.api.clone();
        self.on_their_way.spawn(async move {
            let reply = api.order(&order.payload.job).await;
            (order, Heard::Reply(now, permit, reply))
        });
        Ok(())
    }

    fn handle(&mut self, order: Order, heard: Heard) -> Result<(), Box<dyn Error>> {
        let (now, id) = (self.clock.now(), order.id);
        match heard {
            Heard::Reply(sent, permit, reply) => self.answered(now, order, (sent, &permit), reply)?,
            Heard::Status(Status::Running) => {
                // An error says that the lease is over: then the slot is lost, but the task is still waited for.
                let _ = self.jobs.gate.renew(now, id, LEASE);
                self.look(order, now.saturating_add(ASK_AGAIN));
            }
            Heard::Status(Status::Made(seconds)) => self.finish(now, &order, Ok(seconds))?,
            Heard::Status(Status::Failed) => self.finish(now, &order, Err("the task failed: not billed".into()))?,
            Heard::Status(Status::Unknown) => self.finish(now, &order, Err(order.payload.said.clone()))?,
        }
        if !self.has_slot(now, id) {
            self.run.left(now, id);
        }
        let gate = self.jobs.gate.gate();
        let (slots, used) = (gate.in_flight(now), gate.limits().window.usage_permille(now));
        self.bar.set_message(format!("{slots} running, {}.{} % of the minute used", used / 10, used % 10));
        Ok(())
    }

    fn answered(
        &mut self,
        now: Instant,
        order: Order,
        (sent, permit): (Instant, &Permit),
        reply: Reply,
    ) -> Result<(), Box<dyn Error>> {
        let (id, before) = (order.id, Standing::of(self.jobs.gate.gate(), now));
        reply.feedback.iter().for_each(|feedback| self.jobs.gate.heard(now, feedback));
        let heard = match self.jobs.answered(now, order, permit, &reply.outcome, self.dice.next()) {
            Ok(heard) => heard,
            // Later than the gate has waited for it: does it run?
            Err(unheard) => {
                self.look(unheard.entry, now);
                return Ok(());
            }
        };
        let after = Standing::of(self.jobs.gate.gate(), now);
        let (said, ready_in) = (reply.said.clone(), reply.ready_in);
        self.run.answered(Attempt { job: id.0, sent, answered: now, reply, answer: heard.answer, before, after });
        let Some(mut order) = heard.entry else { return Ok(()) };
        order.payload.said = match heard.answer {
            Answer::GiveUp(reason) => format!("{said}: {reason}"),
            _ => said,
        };
        if self.has_slot(now, id) {
            // It runs; or it may, and is given up.
            self.look(order, now.saturating_add(ready_in));
            return Ok(());
        }
        self.end(&order, Some(order.payload.said.clone()))
    }

    fn has_slot(&self, now: Instant, id: JobId) -> bool {
        self.jobs.gate.gate().job(now, id).is_some_and(JobState::has_slot)
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
    fn finish(&mut self, now: Instant, order: &Order, made: Result<u32, String>) -> Result<(), Box<dyn Error>> {
        let cost = self.purse.price(&order.payload.job, *made.as_ref().unwrap_or(&0))?;
        self.jobs.gate.finished(now, order.id, &cost)?;
        self.end(order, made.err())
    }

    fn reject(&mut self, order: &Order, why: AskError) -> Result<(), Box<dyn Error>> {
        self.end(order, Some(self.purse.why_not(self.jobs.gate.gate(), order, why)))
    }

    /// A job is made, or failed for good.
    fn end(&mut self, order: &Order, why: Option<String>) -> Result<(), Box<dyn Error>> {
        self.ended.add(order.id.0, why)?;
        self.bar.set_position(self.ended.jobs.len() as u64);
        Ok(())
    }
}
