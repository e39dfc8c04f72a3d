//! The client: every request passes three limits at once, and none of them is ever exceeded *on the server's books*.
//!
//! ```text
//!  queue ──> reserve_all [ rate │ minute │ slots ] ──> send ──> answered: commit ──> task ends: close the slot
//!    ^            │ refused: sleep until the instant named,        │ 429, 5xx: back off
//!    └────────────┴── or until an answer or an ended task ─────────┘
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
use tollgate::{Clock, Denied, Duration, Entropy, GiveUp, Instant, JobId, Refused};

use crate::api::{Answer, Api, Status};
use crate::clock::FastClock;
use crate::limits::{LEASE, Limits, Permit};
use crate::queue::{Queue, Turn};
use crate::run::{Held, Run, Sent};

/// How often to ask for a task that takes longer than announced. Asking costs nothing.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Several 429s in a row: "aggressive backoff, 30 to 60 s" (source document 001).
const BURST: (u32, Duration) = (3, Duration::from_secs(30));

/// A job whose request or task is on its way, and since when it has its slot.
#[derive(Debug)]
struct Flight {
    turn: Turn,
    since: Instant,
}

#[derive(Debug)]
enum Event {
    Answered(Flight, Permit, Answer),
    Looked(Flight, Status),
}

/// Works through a queue of jobs. One task owns all limits: no lock, no shared state; the rest sends it events.
#[derive(Debug)]
pub(crate) struct Client {
    clock: FastClock,
    api: Api,
    limits: Limits,
    queue: Queue,
    entropy: Entropy,
    /// The server wants nobody before this.
    closed_until: Instant,
    throttled_in_a_row: u32,
    in_flight: u32,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    bar: ProgressBar,
    run: Run,
}

impl Client {
    pub(crate) fn new(clock: FastClock, api: Api, limits: Limits, queue: Queue, seed: u64, bar: ProgressBar) -> Self {
        Self {
            clock,
            api,
            limits,
            queue,
            entropy: Entropy::of_device(seed),
            closed_until: Instant::ORIGIN,
            throttled_in_a_row: 0,
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
            let Refused { index, denied } = match self.limits.admit(now, JobId(turn.job.id)) {
                Ok(permit) => {
                    self.send(now, turn, permit);
                    continue;
                }
                Err(refused) => refused,
            };
            self.run.refused[index] += 1;
            let wake = match denied {
                Denied::Until(at) => at,
                Denied::Busy => Instant::MAX,
                Denied::Never { .. } => {
                    self.fail(&turn, denied.to_string());
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
            let _ = events.send(Event::Answered(Flight { turn, since: now }, permit, answer)).await;
        });
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Answered(flight, permit, answer) => self.answered(now, flight, permit, answer),
            Event::Looked(flight, Status::Running | Status::Unclear) => {
                // An error says that the lease is over: then the slot is lost, but the task is still waited for.
                let _ = self.limits.slots.renew(now, JobId(flight.turn.job.id), LEASE);
                self.look(flight, now.saturating_add(ASK_AGAIN));
            }
            Event::Looked(flight, Status::Ended) => {
                self.land(now, &flight);
                self.run.done += 1;
            }
            Event::Looked(flight, Status::Unknown) => {
                self.land(now, &flight);
                let mut turn = flight.turn;
                let delay = turn.failing.next(now, self.entropy.next());
                self.retry(now, turn, delay);
            }
        }
        let (slots, used) = (self.limits.slots.in_flight(now), self.limits.minute.usage_permille(now));
        self.bar.set_message(format!("{slots} running, {}.{} % of the minute used", used / 10, used % 10));
        self.bar.set_position((self.run.done + self.run.failed.len()) as u64);
    }

    fn answered(&mut self, now: Instant, flight: Flight, permit: Permit, answer: Answer) {
        // A 5xx or a broken connection says nothing about the task: it may run, so it keeps its slot until we know.
        let holds_slot = matches!(answer, Answer::Accepted { .. } | Answer::Unclear);
        self.limits.answered(now, permit, holds_slot);
        self.run.requests.push(Sent::new(&flight.turn, flight.since, now, &answer));
        match answer {
            Answer::Accepted { ready_in } => {
                self.throttled_in_a_row = 0;
                return self.look(flight, now.saturating_add(ready_in));
            }
            Answer::Unclear => return self.look(flight, now),
            Answer::TooFast { .. } | Answer::TooMany | Answer::Rejected { .. } => self.land(now, &flight),
        }
        let (mut turn, dice) = (flight.turn, self.entropy.next());
        let delay = match answer {
            Answer::Rejected { why } => return self.fail(&turn, why),
            // What the server says is a floor; jitter is only added.
            Answer::TooFast { retry_after: Some(floor) } => turn.throttled.after(floor, now, dice),
            _ => turn.throttled.next(now, dice),
        };
        self.throttled_in_a_row += 1;
        if let (Answer::TooFast { .. }, Ok(delay)) = (&answer, delay) {
            // "Too fast" is said to the account, not to the job.
            let burst = if self.throttled_in_a_row >= BURST.0 { BURST.1 } else { Duration::ZERO };
            self.closed_until = self.closed_until.max(now.saturating_add(delay.max(burst)));
            self.run.closed.push((now, self.closed_until));
        }
        self.retry(now, turn, delay);
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

    fn retry(&mut self, now: Instant, turn: Turn, delay: Result<Duration, GiveUp>) {
        match delay {
            Ok(delay) => {
                self.run.retried += 1;
                self.queue.put(Turn { ready: now.saturating_add(delay), ..turn });
            }
            Err(given_up) => self.fail(&turn, given_up.to_string()),
        }
    }

    fn fail(&mut self, turn: &Turn, why: String) {
        self.run.failed.push((turn.job.id, why));
    }
}
