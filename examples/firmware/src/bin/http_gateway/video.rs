//! The API: how a video is ordered and asked for, what the answers say, and what it costs.

use core::fmt::{Arguments, Write as _};

use heapless::String;
use serde::Deserialize;
use tollgate::headers::dialects::{Dialect, Meaning, Rule};
use tollgate::headers::moment::Format;
use tollgate::presets::tariffs::seed003;
use tollgate::{AccountId, Credits, Duration, JobSpec, Line, PriceError, Rounding, Usd};

/// What this server may say, beyond what every server may: Anthropic's names, and GitHub's way to refuse with 403.
pub(crate) static DIALECT: Dialect = Dialect::new(
    &["gateway"],
    &[
        Rule::new("anthropic-ratelimit-*-limit", Meaning::Limit),
        Rule::new("anthropic-ratelimit-*-remaining", Meaning::Remaining),
        Rule::new("anthropic-ratelimit-*-reset", Meaning::Reset(Format::Rfc3339)),
    ],
)
.with_throttles(&[403]);

const MODELS: [&str; 3] = ["kling-v1", "kling-v1.5", "kling-pro"];
const RESOLUTIONS: [&str; 2] = ["720p", "1080p"];

/// Credits and dollars.
pub(crate) type Accounts = [AccountId; 2];

/// One video to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Video {
    pub(crate) id: u64,
    model: &'static str,
    pub(crate) seconds: u32,
    resolution: &'static str,
}

impl Video {
    /// A video like no other of its neighbours.
    pub(crate) fn nth(id: u16) -> Self {
        let nth = usize::from(id);
        let (model, resolution) = (MODELS[nth % MODELS.len()], RESOLUTIONS[nth / 4 % RESOLUTIONS.len()]);
        Self { id: id.into(), model, resolution, seconds: 2 + u32::from(id % 4) }
    }

    /// What so many seconds of it cost, priced as it is billed, up to the next millionth.
    pub(crate) fn price(&self, [credits, dollars]: Accounts, seconds: u32) -> Result<[Line; 2], PriceError<'_>> {
        let duration = Duration::from_secs(seconds.into());
        let spec = JobSpec { model: self.model, resolution: self.resolution, duration };
        let price = seed003::TARIFF.credits(&spec, Rounding::Ceil)?;
        let bought = seed003::PACKAGES[3].usd(price, Rounding::Ceil)?;
        Ok([Line::new::<Credits>(credits, price), Line::new::<Usd>(dollars, bought)])
    }

    /// The request that orders it. The job's id goes along, so that a lost answer can be asked for later.
    pub(crate) fn order(&self) -> String<512> {
        let Self { id, model, seconds, resolution } = self;
        let body: String<256> = text(format_args!(
            r#"{{"external_task_id":{id},"project":"chip","model_name":"{model}","duration":{seconds},"resolution":"{resolution}","prompt":"the view from here"}}"#
        ));
        let length = body.len();
        text(format_args!(
            "POST /v1/videos HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// The request that asks how it is doing, which costs nothing.
    pub(crate) fn status(&self) -> String<512> {
        text(format_args!("GET /v1/videos/{} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n", self.id))
    }
}

/// The longest of the texts above takes 350 bytes.
fn text<const N: usize>(words: Arguments<'_>) -> String<N> {
    let mut text = String::new();
    let _ = text.write_fmt(words);
    text
}

/// The body of an answer, as far as it is looked at.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Page<'a> {
    pub(crate) code: Option<u32>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Data<'a> {
    task_status: Option<&'a str>,
    ready_in_s: Option<u64>,
    duration_s: Option<u32>,
}

/// What a page says about the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs, and is ready in about so long if that was said.
    Running(Duration),
    /// The video is there, so many seconds long.
    Made(u32),
    /// It will never be, and costs nothing.
    Failed,
}

impl Page<'_> {
    /// What it says about the task, if anything.
    pub(crate) fn state(&self) -> Option<State> {
        let Data { task_status, ready_in_s, duration_s } = self.data?;
        match task_status? {
            "submitted" | "processing" => Some(State::Running(Duration::from_secs(ready_in_s.unwrap_or(2)))),
            "succeed" => duration_s.map(State::Made),
            "failed" => Some(State::Failed),
            _ => None,
        }
    }
}
