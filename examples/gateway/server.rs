//! A video API on a loopback port, which enforces its plan and now and then has a bad day.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/videos` | starts a task; 400, 429 with code 1302 (too fast) or 1303 (too many tasks), 500 |
//! | `GET /v1/videos/{id}` | `processing`, `succeed`, or 404; costs nothing |
//! | `GET /books` | the [`Books`] |
//!
//! Codes are those of the Kling API. A request that breaks the plan is a violation and is answered 429. Besides, some
//! requests that did nothing wrong are answered 429 or 500 all the same: which ones follows from the seed, the task and
//! how often it was tried, not from the order in which requests happen to arrive.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::books::Books;
use crate::clock::FastClock;

const SECOND: u64 = 1_000_000;

/// What a client orders.
#[derive(Debug, Deserialize)]
struct Order {
    external_task_id: u64,
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

/// What goes wrong without being anybody's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// 500; nothing was started.
    Broken,
    /// 500; yet the task was started, and only the answer is lost.
    AnswerLost,
    /// 429 with `Retry-After`, in seconds.
    Soft(u64),
    /// 429 without.
    Hard,
    /// 429: somebody else works with the same resource pack.
    PackBusy,
}

impl Fault {
    /// One request in six has one, and nobody has more than three in a row.
    fn of(seed: u64, id: u64, attempt: u32) -> Option<Self> {
        let luck = scramble(scramble(seed ^ scramble(id)) ^ u64::from(attempt));
        match luck % 100 {
            _ if attempt >= 3 => None,
            0..4 => Some(Self::Broken),
            4..7 => Some(Self::AnswerLost),
            7..10 => Some(Self::Soft(2 + luck / 100 % 5)),
            10..14 => Some(Self::Hard),
            14..17 => Some(Self::PackBusy),
            _ => None,
        }
    }
}

/// Every bit of the input moves every bit of the output (the finaliser of splitmix64).
fn scramble(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The server: its clock, its books and its seed of misfortune.
#[derive(Debug)]
pub(crate) struct Server {
    clock: FastClock,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    books: Books,
    /// How often each task was asked for.
    attempts: BTreeMap<u64, u32>,
}

impl Server {
    pub(crate) fn new(clock: FastClock, seed: u64, books: Books) -> Arc<Self> {
        Arc::new(Self { clock, seed, state: Mutex::new(State { books, attempts: BTreeMap::new() }) })
    }

    /// Serves for ever; drop the future to stop.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let server = Arc::clone(&self);
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.answer(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            connections.spawn(connection);
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        match (request.method(), path.strip_prefix("/v1/videos")) {
            (&Method::POST, Some("")) => {
                let body = Limited::new(request.into_body(), 64 * 1024).collect().await;
                let order = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
                order.map_or_else(|| reply(400, 1200, "invalid request parameters", &Value::Null), |o| self.start(&o))
            }
            (&Method::GET, Some(id)) => self.status(id.trim_start_matches('/').parse().ok()),
            (&Method::GET, None) if path == "/books" => self.show_books(),
            _ => reply(404, 1202, "no such page", &Value::Null),
        }
    }

    fn start(&self, order: &Order) -> Response<Full<Bytes>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Stamped under the lock: the order of the stamps is the order of the books.
        let (now, id) = (self.clock.micros(), order.external_task_id);
        if let Err(wait) = state.books.arrive(now) {
            return too_fast(Some(wait.div_ceil(SECOND)));
        }
        let attempt = *state.attempts.entry(id).and_modify(|attempt| *attempt += 1).or_insert(0);
        let Some(run) = order.run() else {
            return reply(400, 1201, "model or resolution not supported", &Value::Null);
        };
        if order.prompt.contains("banknote") {
            return reply(400, 1301, "the prompt is against the content policy", &Value::Null);
        }
        let fault = Fault::of(self.seed, id, attempt);
        match fault {
            Some(Fault::Broken) => return reply(500, 5000, "internal error", &Value::Null),
            Some(Fault::Soft(wait)) => return too_fast(Some(wait)),
            Some(Fault::Hard) => return too_fast(None),
            Some(Fault::PackBusy) => return reply(429, 1303, "parallel task over resource pack limit", &Value::Null),
            Some(Fault::AnswerLost) | None => {}
        }
        match state.books.start(now, id, run) {
            Err(()) => reply(429, 1303, "parallel task over resource pack limit", &Value::Null),
            Ok(_) if fault == Some(Fault::AnswerLost) => reply(500, 5002, "timeout", &Value::Null),
            Ok(task) => {
                let ready_in = task.end.saturating_sub(now).div_ceil(SECOND);
                reply(200, 0, "SUCCEED", &json!({ "task_id": id, "task_status": "submitted", "ready_in_s": ready_in }))
            }
        }
    }

    fn status(&self, id: Option<u64>) -> Response<Full<Bytes>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match id.and_then(|id| state.books.tasks.get(&id)) {
            Some(task) => {
                let status = if task.end <= self.clock.micros() { "succeed" } else { "processing" };
                reply(200, 0, "SUCCEED", &json!({ "task_id": id, "task_status": status }))
            }
            None => reply(404, 1203, "no such task", &Value::Null),
        }
    }

    fn show_books(&self) -> Response<Full<Bytes>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        reply(200, 0, "SUCCEED", &json!(state.books))
    }
}

fn too_fast(retry_after: Option<u64>) -> Response<Full<Bytes>> {
    let mut response = reply(429, 1302, "API request too fast", &Value::Null);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn reply(status: u16, code: u32, message: &str, data: &Value) -> Response<Full<Bytes>> {
    let body = json!({ "code": code, "message": message, "data": data }).to_string();
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(Full::new(Bytes::from(body))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misfortune_follows_from_the_seed_and_ends() {
        for seed in 0..20 {
            let faults: Vec<_> = (0..110).map(|id| Fault::of(seed, id, 0)).collect();
            assert_eq!(faults, (0..110).map(|id| Fault::of(seed, id, 0)).collect::<Vec<_>>());
            assert!((5..40).contains(&faults.iter().flatten().count()), "seed {seed}");
            assert!((0..110).all(|id| Fault::of(seed, id, 3).is_none()));
        }
    }

    #[test]
    fn a_longer_and_finer_video_takes_longer() {
        let run = |model: &str, duration, resolution: &str| {
            let [model_name, resolution] = [model, resolution].map(str::to_owned);
            Order { external_task_id: 1, model_name, duration, resolution, prompt: String::new() }.run()
        };
        assert_eq!(run("kling-v1", 5, "1080p"), Some(3 * SECOND));
        assert_eq!(run("kling-pro", 10, "4k"), Some(16 * SECOND + SECOND / 2));
        assert_eq!((run("kling-v9", 5, "1080p"), run("kling-v1", 5, "8k")), (None, None));
    }
}
