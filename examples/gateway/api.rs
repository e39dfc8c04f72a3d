//! The HTTP side of the client: requests out, answers in, no decisions.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tollgate::headers::dialects::{Dialect, KLING, Meaning, Rule};
use tollgate::headers::{Feedback, FeedbackReader, moment::Format};
use tollgate::{Duration, Failure, Outcome};

use crate::bill::Bill;
use crate::books::Books;
use crate::jobs::Job;

/// What this server may say, beyond what every server may: Anthropic's names, and GitHub's way to refuse with 403.
static DIALECT: Dialect = Dialect::new(
    &["gateway"],
    &[
        Rule::new("anthropic-ratelimit-*-limit", Meaning::Limit),
        Rule::new("anthropic-ratelimit-*-remaining", Meaning::Remaining),
        Rule::new("anthropic-ratelimit-*-reset", Meaning::Reset(Format::Rfc3339)),
    ],
)
.with_throttles(&[403]);

/// What the server said to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// What it means for whoever sends requests.
    pub(crate) outcome: Outcome,
    /// And all that it said about limits.
    pub(crate) feedback: Option<Box<Feedback>>,
    /// The task will be ready after about so long, if it runs.
    pub(crate) ready_in: Duration,
    /// Status and message, for people.
    pub(crate) said: String,
    /// The line that tells most of a refusal, and what the server calls it: for the table at the end.
    pub(crate) wrote: String,
    pub(crate) label: String,
}

/// What the server said about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It runs, or there was no usable answer: ask again.
    Running,
    /// The video is there, so many seconds long.
    Made(u32),
    /// It will never be.
    Failed,
    /// It was never started.
    Unknown,
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
    pub(crate) async fn order(&self, job: &Job) -> Reply {
        let order = json!({
            "external_task_id": job.id,
            "project": job.project,
            "model_name": job.model,
            "duration": job.duration_s,
            "resolution": job.resolution,
            "prompt": job.prompt,
        });
        let response = match self.http.post(format!("{}/v1/videos", self.base)).json(&order).send().await {
            Ok(response) => response,
            Err(error) => {
                let failure = if error.is_connect() { Failure::NotSent } else { Failure::Broken };
                let [wrote, label] = ["", "no answer"].map(str::to_owned);
                let said = error.to_string();
                return Reply {
                    outcome: Outcome::Failed(failure),
                    feedback: None,
                    ready_in: Duration::ZERO,
                    said,
                    wrote,
                    label,
                };
            }
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        read(status, &headers, &response.json::<Value>().await.unwrap_or_default())
    }

    /// Asks how a task is doing. Costs nothing.
    pub(crate) async fn status(&self, id: u64) -> Status {
        let Ok(response) = self.http.get(format!("{}/v1/videos/{id}", self.base)).send().await else {
            return Status::Running;
        };
        let found = response.status().as_u16();
        let body = response.json::<Value>().await.unwrap_or_default();
        match (found, body["data"]["task_status"].as_str()) {
            (404, _) => Status::Unknown,
            (200, Some("failed")) => Status::Failed,
            (200, Some("succeed")) => {
                let seconds = body["data"]["duration_s"].as_u64().and_then(|seconds| u32::try_from(seconds).ok());
                seconds.map_or(Status::Running, Status::Made)
            }
            _ => Status::Running,
        }
    }

    /// The tasks that run, all of them. Costs nothing.
    pub(crate) async fn running(&self) -> Result<Vec<u64>, String> {
        self.page("v1/videos").await
    }

    /// The server's own books: the judge of the run, not something a real API has.
    pub(crate) async fn books(&self) -> Result<Books, String> {
        self.page("books").await
    }

    /// What the server charges.
    pub(crate) async fn bill(&self) -> Result<Bill, String> {
        self.page("bill").await
    }

    async fn page<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let page = self.http.get(format!("{}/{name}", self.base)).send().await.map_err(|error| error.to_string())?;
        let mut body = page.json::<Value>().await.map_err(|error| error.to_string())?;
        serde_json::from_value(body["data"].take()).map_err(|error| error.to_string())
    }
}

/// Reads an answer in whatever dialect it is: the lines of the header, and the code in the body.
pub(crate) fn read(status: u16, headers: &HeaderMap, body: &Value) -> Reply {
    let mut reader = FeedbackReader::of(&DIALECT);
    for (name, value) in headers {
        reader.line(name.as_str().as_bytes(), value.as_bytes());
    }
    let code = body["code"].as_u64().and_then(|code| u32::try_from(code).ok());
    if let Some(cause) = code.and_then(|code| KLING.cause(code)) {
        reader.cause(cause);
    }
    // Dates are compared to the answer's own: no clock of ours is asked.
    let feedback = reader.finish(status, None);

    let telling = |name: &str| name == "ratelimit" || name.contains("retry") || name.contains("reset");
    let line = headers.iter().find(|(name, _)| telling(name.as_str()));
    let line = line.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")));
    let coded = || code.map(|code| format!("\"code\": {code}"));
    Reply {
        outcome: Outcome::from(&feedback),
        feedback: Some(Box::new(feedback)),
        ready_in: Duration::from_secs(body["data"]["ready_in_s"].as_u64().unwrap_or(0)),
        said: format!("{status}: {}", body["message"].as_str().unwrap_or("no reason")),
        wrote: line.or_else(coded).unwrap_or_default(),
        label: headers.get("x-label").and_then(|label| label.to_str().ok()).unwrap_or("another").to_owned(),
    }
}
