//! The HTTP side of the client: requests out, answers in, no decisions.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tollgate::Duration;
use tollgate::headers::{FeedbackReader, Verdict, dialects::KLING};

use crate::books::Books;
use crate::jobs::Job;

/// What the server said to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The task runs, and will be ready after about so long.
    Accepted { ready_in: Duration },
    /// 429: nothing was started. Come back after so long, if the server said so.
    TooFast { retry_after: Option<Duration> },
    /// 429: nothing was started, too many tasks run.
    TooMany,
    /// 5xx, or no answer at all: whether the task was started is **not known**.
    Unclear,
    /// The order is bad and will stay bad.
    Rejected { why: String },
}

/// What the server said about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Running,
    Ended,
    /// It was never started.
    Unknown,
    /// No usable answer; ask again.
    Unclear,
}

/// The server as the client sees it.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
}

impl Api {
    /// Talks to a server on this machine, past any proxy that the environment may name.
    pub(crate) fn new(server: SocketAddr) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        Ok(Self { http, base: format!("http://{server}") })
    }

    /// Orders the video. The job's id goes along as the task's name, so that a lost answer can be asked for later.
    pub(crate) async fn order(&self, job: &Job) -> Answer {
        let order = json!({
            "external_task_id": job.id,
            "model_name": job.model,
            "duration": job.duration_s,
            "resolution": job.resolution,
            "prompt": job.prompt,
        });
        let Ok(response) = self.http.post(format!("{}/v1/videos", self.base)).json(&order).send().await else {
            return Answer::Unclear;
        };
        let status = response.status().as_u16();
        // What all of it means for whoever sends requests: the lines of the header, and the code in the body.
        let mut reader = FeedbackReader::of(&KLING);
        for (name, value) in response.headers() {
            reader.line(name.as_str().as_bytes(), value.as_bytes());
        }
        let body = response.json::<Value>().await.unwrap_or_default();
        if let Some(Ok(code)) = body["code"].as_u64().map(u32::try_from) {
            reader.code(code);
        }
        let feedback = reader.finish(status, None);
        match (status, feedback.verdict()) {
            (200, _) => {
                Answer::Accepted { ready_in: Duration::from_secs(body["data"]["ready_in_s"].as_u64().unwrap_or(0)) }
            }
            (_, Verdict::Soft | Verdict::Blind) => Answer::TooFast { retry_after: feedback.gate() },
            (_, Verdict::Concurrency) => Answer::TooMany,
            (500.., _) => Answer::Unclear,
            // Also a 429 that no wait will mend: no money in the account, address not allowed.
            _ => Answer::Rejected { why: format!("{status}: {}", body["message"].as_str().unwrap_or("no reason")) },
        }
    }

    /// Asks how a task is doing. Costs nothing.
    pub(crate) async fn status(&self, id: u64) -> Status {
        let Ok(response) = self.http.get(format!("{}/v1/videos/{id}", self.base)).send().await else {
            return Status::Unclear;
        };
        let found = response.status().as_u16();
        let body = response.json::<Value>().await.unwrap_or_default();
        match (found, body["data"]["task_status"].as_str()) {
            (404, _) => Status::Unknown,
            (200, Some("succeed" | "failed")) => Status::Ended,
            (200, Some(_)) => Status::Running,
            _ => Status::Unclear,
        }
    }

    /// The server's own books: the judge of the run, not something a real API has.
    pub(crate) async fn books(&self) -> Result<Books, String> {
        let page = self.http.get(format!("{}/books", self.base)).send().await.map_err(|error| error.to_string())?;
        let mut body = page.json::<Value>().await.map_err(|error| error.to_string())?;
        serde_json::from_value(body["data"].take()).map_err(|error| error.to_string())
    }
}
