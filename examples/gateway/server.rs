//! A video API on a loopback port, which enforces its plan and now and then has a bad day.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/videos` | starts a task, or refuses in one of the ways of `refusals.rs` |
//! | `GET /v1/videos` | the tasks that run, by the client's names; costs nothing |
//! | `GET /v1/videos/{id}` | `processing`, `succeed` and how long it became, `failed`, or 404; costs nothing |
//! | `GET /books` | the [`Books`] |
//! | `GET /bill` | the [`Bill`] |
//!
//! What it knows it writes to a file before it answers, if it has one: so it goes on where it was, even if it is killed.
//!
//! A request that breaks the plan is a violation and is refused. Besides, some requests that did nothing wrong are refused
//! all the same; those are no violations.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tollgate::Duration;
use tollgate::headers::moment::UnixMicros;

use crate::Args;
use crate::bill::{self, Bill};
use crate::books::Books;
use crate::clock::{FastClock, Noted};
use crate::refusals::{Dialect, Kind, Refusal};

const SECOND: u64 = 1_000_000;
/// When the clock showed zero: 1 January 2026.
const EPOCH: i64 = 1_767_225_600_000_000;
const INVALID: Refusal = Refusal::new(400, Kind::Invalid, Dialect::Kling);

/// What a client orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    external_task_id: u64,
    project: String,
    model_name: String,
    duration: u32,
    resolution: String,
    prompt: String,
}

impl Order {
    /// How long the machines need for it, in microseconds; `None` for what they cannot do.
    fn run(&self) -> Option<u64> {
        let per_second = match self.model_name.as_str() {
            "kling-v1" => 600_000,
            "kling-v1.5" => 900_000,
            "kling-pro" => 1_100_000,
            _ => return None,
        };
        let permille = match self.resolution.as_str() {
            "720p" => 800,
            "1080p" => 1_000,
            "4k" => 1_500,
            _ => return None,
        };
        Some(u64::from(self.duration) * per_second * permille / 1_000)
    }
}

/// The server: its clock, its books and its seed of misfortune.
#[derive(Debug)]
pub(crate) struct Server {
    clock: FastClock,
    seed: u64,
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// What the clock showed when this was written.
    noted: Option<Noted>,
    books: Books,
    /// How often each task was asked for.
    attempts: BTreeMap<u64, u32>,
    /// What was ordered in each task that was started.
    orders: BTreeMap<u64, Order>,
    bill: Bill,
    /// How often the server refused in which way.
    refused: BTreeMap<String, u32>,
}

impl Server {
    /// A server that runs on where its file ends, if it has one that is not empty.
    pub(crate) fn open(file: Option<PathBuf>, args: &Args) -> Result<Arc<Self>, Box<dyn Error>> {
        let plan = args.plan.plan();
        let known = match &file {
            Some(file) if file.exists() => serde_json::from_slice(&std::fs::read(file)?)?,
            _ => None,
        };
        let fresh = || State { books: Books::new(plan.per_minute, plan.concurrent), ..State::default() };
        let state: State = known.unwrap_or_else(fresh);
        if (state.books.per_minute, state.books.concurrent) != (plan.per_minute as usize, plan.concurrent as usize) {
            return Err("begun with another plan: expected the same".into());
        }
        let clock = FastClock::start(args.speed, state.noted);
        Ok(Arc::new(Self { clock, seed: args.seed, file, state: Mutex::new(state) }))
    }

    /// The clock of this world.
    pub(crate) const fn clock(&self) -> FastClock {
        self.clock
    }

    /// All of it, or nothing: a file that is half written has another name.
    fn save(&self) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut state = self.state();
        state.noted = Some(self.clock.note());
        let begun = file.with_extension("new");
        std::fs::write(&begun, serde_json::to_vec(&*state)?)?;
        std::fs::rename(begun, file)
    }

    /// Serves for ever; drop the future to stop.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let server = Arc::clone(&self);
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move {
                    let response = server.count(server.answer(request).await);
                    // Whom the disk fails, nobody hears.
                    server.save().map(|()| response)
                }
            });
            // A `Date` of the real clock would contradict the virtual one.
            let mut http = hyper::server::conn::http1::Builder::new();
            connections.spawn(http.auto_date_header(false).serve_connection(TokioIo::new(stream), service));
        }
    }

    /// The books, the bill, and how often it refused in which way.
    pub(crate) fn accounts(&self) -> (Books, Bill, BTreeMap<String, u32>) {
        let state = self.state();
        (state.books.clone(), state.bill.clone(), state.refused.clone())
    }

    fn count(&self, response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
        if let Some(label) = response.headers().get("x-label").and_then(|label| label.to_str().ok()) {
            *self.state().refused.entry(label.to_owned()).or_default() += 1;
        }
        response
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        match (request.method(), path.strip_prefix("/v1/videos")) {
            (&Method::POST, Some("")) => {
                let body = Limited::new(request.into_body(), 64 * 1024).collect().await;
                let order = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
                order.map_or_else(|| refuse(INVALID.with_code(1200), self.clock.micros(), 0, 0), |o| self.start(&o))
            }
            (&Method::GET, Some("")) => {
                let (now, state) = (self.clock.micros(), self.state());
                succeed(&json!(
                    state.books.tasks.iter().filter(|(_, task)| task.end > now).map(|(id, _)| id).collect::<Vec<_>>()
                ))
            }
            (&Method::GET, Some(id)) => self.status(id.trim_start_matches('/').parse().ok()),
            (&Method::GET, None) if path == "/books" => succeed(&json!(self.state().books)),
            (&Method::GET, None) if path == "/bill" => succeed(&json!(self.state().bill)),
            _ => reply(404, Some(1202), "no such page", &Value::Null),
        }
    }

    fn start(&self, order: &Order) -> Response<Full<Bytes>> {
        let mut state = self.state();
        // Stamped under the lock: the order of the stamps is the order of the books.
        let (now, id) = (self.clock.micros(), order.external_task_id);
        let (per_minute, concurrent) = (state.books.per_minute as u64, state.books.concurrent as u64);
        if let Err(wait) = state.books.arrive(now) {
            return refuse(Refusal::too_fast(self.seed, id), now, wait, per_minute);
        }
        let attempt = *state.attempts.entry(id).and_modify(|attempt| *attempt += 1).or_insert(0);
        let Some(run) = order.run() else { return refuse(INVALID.with_code(1201), now, 0, 0) };
        if order.prompt.contains("banknote") {
            return refuse(INVALID.with_code(1301), now, 0, 0);
        }
        let chance = Refusal::by_chance(self.seed, id, attempt);
        if let Some(refusal) = chance.filter(|refusal| refusal.kind != Kind::AnswerLost) {
            let limit = if refusal.kind == Kind::Concurrency { concurrent } else { per_minute };
            // From 1.5 to 6.5 s, so that rounding shows.
            return refuse(refusal, now, SECOND * 3 / 2 + SECOND * (id % 6), limit);
        }
        let started = state.books.start(now, id, run);
        if started.is_ok() {
            state.orders.entry(id).or_insert_with(|| order.clone());
        }
        match (started, chance) {
            (Err(()), _) => refuse(Refusal::too_many(self.seed, id), now, SECOND, concurrent),
            (Ok(_), Some(lost)) => refuse(lost, now, 0, 0),
            (Ok(task), None) => {
                let ready_in = task.end.saturating_sub(now).div_ceil(SECOND);
                succeed(&json!({ "task_id": id, "task_status": "submitted", "ready_in_s": ready_in }))
            }
        }
    }

    fn status(&self, id: Option<u64>) -> Response<Full<Bytes>> {
        let state = &mut *self.state();
        let Some((id, task)) = id.and_then(|id| Some((id, state.books.tasks.get(&id)?))) else {
            return reply(404, Some(1203), "no such task", &Value::Null);
        };
        let Some(order) = state.orders.get(&id).filter(|_| task.end <= self.clock.micros()) else {
            return succeed(&json!({ "task_id": id, "task_status": "processing" }));
        };
        let Some(seconds) = bill::made(id, order.duration) else {
            return succeed(&json!({ "task_id": id, "task_status": "failed" }));
        };
        state.bill.deliver(id, &order.project, &order.model_name, &order.resolution, seconds);
        succeed(&json!({ "task_id": id, "task_status": "succeed", "duration_s": seconds }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal at `now`, after which to wait for `wait`, both in microseconds.
pub(crate) fn refuse(refusal: Refusal, now: u64, wait: u64, limit: u64) -> Response<Full<Bytes>> {
    let at = UnixMicros::from_micros(EPOCH.saturating_add_unsigned(now));
    let (status, lines) = refusal.write(at, Duration::from_micros(wait), limit);
    let mut response = reply(status, refusal.code, refusal.message(), &Value::Null);
    let label = ("x-label", refusal.label());
    for (name, value) in lines.into_iter().chain([label]) {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn succeed(data: &Value) -> Response<Full<Bytes>> {
    reply(200, Some(0), "SUCCEED", data)
}

fn reply(status: u16, code: Option<u32>, message: &str, data: &Value) -> Response<Full<Bytes>> {
    let body = json!({ "code": code, "message": message, "data": data }).to_string();
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(Full::new(Bytes::from(body))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_and_finer_video_takes_longer() {
        let run = |model: &str, duration, resolution: &str| {
            let [model_name, resolution] = [model, resolution].map(str::to_owned);
            Order {
                external_task_id: 1,
                project: String::new(),
                model_name,
                duration,
                resolution,
                prompt: String::new(),
            }
            .run()
        };
        assert_eq!(run("kling-v1", 5, "1080p"), Some(3 * SECOND));
        assert_eq!(run("kling-pro", 10, "4k"), Some(16 * SECOND + SECOND / 2));
        assert_eq!((run("kling-v9", 5, "1080p"), run("kling-v1", 5, "8k")), (None, None));
    }
}
