//! How the server refuses: every kind of refusal, each in the words of several dialects. Only the server knows this list.
//!
//! A real API sits behind proxies and moves between vendors, so its refusals look different from day to day. Here all of
//! them come from one server in one run. Whatever counts on the calendar (`Retry-After` as a date, an epoch, RFC 3339)
//! is told by the virtual clock, and the answer's `Date` is too: a client needs no clock of its own.

use tollgate::Duration;
use tollgate::headers::Unit;
use tollgate::headers::emit::{Answer, Policy, Standing, Style, emit};
use tollgate::headers::http_date::{IMF_LEN, write_imf};
use tollgate::headers::moment::UnixMicros;

use Dialect::{Anthropic, Bare, GitHub, HttpDate, Ietf, Kling, Millis, OpenAi, Seconds, ShouldRetry, Trio};
use Kind::{AnswerLost, Billing, Blind, Broken, Concurrency, Hostile, Invalid, Overloaded, Soft};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Too fast; the wait is told.
    Soft,
    /// Too fast; the wait is not told.
    Blind,
    /// Too many tasks at once.
    Concurrency,
    /// More than the server can do; nothing was started.
    Overloaded,
    /// An error; nothing was started.
    Broken,
    /// An error; yet the task was started, and only the answer is lost.
    AnswerLost,
    /// No wait will help: nothing is paid for any more, or "do not retry".
    Billing,
    /// Too fast; the wait that is told is longer than anybody lives.
    Hostile,
    /// A bad order.
    Invalid,
}

/// In whose words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `RateLimit` and `RateLimit-Policy`, draft 11.
    Ietf,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset`: drafts 4 to 6.
    Trio,
    /// `Retry-After` in seconds.
    Seconds,
    /// `Retry-After` as a date.
    HttpDate,
    /// `retry-after-ms`.
    Millis,
    /// `X-RateLimit-Reset` in seconds since 1970.
    GitHub,
    /// `x-ratelimit-reset-requests` as Go prints a duration; beside it, a limit that is not exhausted.
    OpenAi,
    /// `anthropic-ratelimit-requests-reset` in RFC 3339.
    Anthropic,
    /// A code in the body, and no header.
    Kling,
    /// `x-should-retry: false`.
    ShouldRetry,
    /// The status alone.
    Bare,
}

/// A way to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    dialect: Dialect,
    status: u16,
    /// Kling's code for it, in the body.
    pub(crate) code: Option<u32>,
}

/// All that happens to requests that did nothing wrong. The last [`FINAL`] are for good.
pub(crate) const ALL: [Refusal; 22] = [
    Refusal::new(429, Soft, Ietf),
    Refusal::new(429, Soft, Trio),
    Refusal::new(429, Soft, Seconds),
    Refusal::new(429, Soft, HttpDate),
    Refusal::new(429, Soft, Millis),
    Refusal::new(403, Soft, GitHub),
    Refusal::new(429, Soft, OpenAi),
    Refusal::new(429, Soft, Anthropic),
    Refusal::new(429, Blind, Bare),
    Refusal::new(429, Blind, Kling).with_code(1302),
    Refusal::new(429, Concurrency, Ietf),
    Refusal::new(429, Concurrency, Kling).with_code(1303),
    Refusal::new(503, Overloaded, Seconds),
    Refusal::new(503, Overloaded, Bare),
    Refusal::new(529, Overloaded, Bare),
    Refusal::new(500, Overloaded, Kling).with_code(5000),
    Refusal::new(500, Broken, Bare),
    Refusal::new(500, AnswerLost, Bare),
    Refusal::new(429, Billing, Kling).with_code(1102),
    Refusal::new(429, Billing, ShouldRetry),
    Refusal::new(500, Broken, ShouldRetry),
    Refusal::new(429, Hostile, Seconds),
];
const FINAL: usize = 4;
/// The first ones of the list: those that tell a wait.
const SOFT: usize = 8;
/// Of so many tasks in a row, each refusal of the list meets one.
const ROUND: u64 = 128;

impl Refusal {
    pub(crate) const fn new(status: u16, kind: Kind, dialect: Dialect) -> Self {
        Self { kind, dialect, status, code: None }
    }

    pub(crate) const fn with_code(self, code: u32) -> Self {
        Self { code: Some(code), ..self }
    }

    /// What goes wrong with an attempt at a task, counted from 0, without being anybody's fault: one request in five.
    ///
    /// It follows from the seed, the task and the attempt, not from the order in which requests happen to arrive. What is
    /// for good is so for every attempt; of the others nobody has more than three in a row.
    pub(crate) fn by_chance(seed: u64, id: u64, attempt: u32) -> Option<Self> {
        let turn = scramble(seed).wrapping_add(id).wrapping_mul(37) % ROUND;
        let in_turn = usize::try_from(turn).ok().filter(|turn| attempt == 0 || *turn >= ALL.len() - FINAL);
        let in_turn = in_turn.and_then(|turn| ALL.get(turn));
        let luck = luck(seed, id, attempt);
        let by_luck = (attempt < 3 && luck.is_multiple_of(12)).then(|| pick(&ALL[..ALL.len() - FINAL], luck / 12));
        in_turn.copied().or(by_luck)
    }

    /// The plan's requests in a minute are used up, which is told in one dialect or the other.
    pub(crate) fn too_fast(seed: u64, id: u64) -> Self {
        pick(&ALL[..SOFT], luck(seed, id, u32::MAX))
    }

    /// As many tasks run as the plan allows.
    pub(crate) fn too_many(seed: u64, id: u64) -> Self {
        let in_words = [Self::new(429, Concurrency, Ietf), Self::new(429, Concurrency, Kling).with_code(1303)];
        pick(&in_words, luck(seed, id, u32::MAX))
    }

    /// What the report calls it. No client looks at this to understand anything.
    pub(crate) fn label(self) -> String {
        let kind = match self.kind {
            Soft => "soft",
            Blind => "blind",
            Concurrency => "concurrency",
            Overloaded => "overloaded",
            Broken => "broken",
            AnswerLost => "answer lost",
            Billing => "billing",
            Hostile => "hostile",
            Invalid => "invalid",
        };
        let dialect = match self.dialect {
            Ietf => "IETF draft 11",
            Trio => "RateLimit-*",
            Seconds => "Retry-After",
            HttpDate => "Retry-After date",
            Millis => "retry-after-ms",
            GitHub => "GitHub",
            OpenAi => "OpenAI",
            Anthropic => "Anthropic",
            Kling => "Kling",
            ShouldRetry => "x-should-retry",
            Bare => "status only",
        };
        format!("{kind}, {dialect}")
    }

    /// The message in the body, for people.
    pub(crate) const fn message(self) -> &'static str {
        match self.code {
            Some(1102) => return "resource pack depleted",
            Some(1201) => return "model or resolution not supported",
            Some(1301) => return "the prompt is against the content policy",
            _ => {}
        }
        match self.kind {
            Soft | Blind | Hostile => "API request too fast",
            Concurrency => "parallel task over resource pack limit",
            Overloaded => "too much to do",
            Broken => "internal error",
            AnswerLost => "timeout",
            Billing => "do not come back",
            Invalid => "invalid request parameters",
        }
    }

    /// Status and header lines. `now` is the server's time, `wait` what a polite client should wait, and
    /// `limit` what it ran into.
    pub(crate) fn write(self, now: UnixMicros, wait: Duration, limit: u64) -> (u16, Vec<(&'static str, String)>) {
        let secs = wait.to_secs_ceil();
        let until = Duration::from_micros(now.as_micros().unsigned_abs()).saturating_add(wait).to_secs_ceil();
        let mut lines = match self.dialect {
            Ietf => self.emit(Style::Draft, now, wait, limit),
            Trio => self.emit(Style::Draft6, now, wait, limit),
            GitHub => self.emit(Style::XEpoch, now, wait, limit),
            Seconds if self.kind == Hostile => vec![("Retry-After", "9".repeat(20))],
            Seconds => vec![("Retry-After", secs.to_string())],
            HttpDate => vec![("Retry-After", imf(until))],
            Millis => vec![("retry-after-ms", wait.as_micros().div_ceil(1_000).to_string())],
            OpenAi => vec![
                ("x-ratelimit-limit-requests", limit.to_string()),
                ("x-ratelimit-remaining-requests", "0".to_owned()),
                ("x-ratelimit-reset-requests", format!("{secs}s")),
                ("x-ratelimit-remaining-tokens", "149984".to_owned()),
                ("x-ratelimit-reset-tokens", "6m0s".to_owned()),
            ],
            Anthropic => vec![
                ("anthropic-ratelimit-requests-limit", limit.to_string()),
                ("anthropic-ratelimit-requests-remaining", "0".to_owned()),
                ("anthropic-ratelimit-requests-reset", rfc3339(until)),
            ],
            ShouldRetry => vec![("x-should-retry", "false".to_owned())],
            Kling | Bare => vec![],
        };
        lines.push(("Date", imf(now.as_secs().unsigned_abs())));
        (self.status, lines)
    }

    fn emit(self, style: Style, now: UnixMicros, wait: Duration, limit: u64) -> Vec<(&'static str, String)> {
        let policy = if self.kind == Concurrency {
            Policy::new("tasks", limit).map(|policy| policy.with_unit(Unit::ConcurrentRequests))
        } else {
            Policy::new("minute", limit).map(|policy| policy.with_window(Duration::from_mins(1)))
        };
        let standing = policy.ok().map(|policy| Standing { policy, remaining: 0, reset: Some(wait) });
        let answer = Answer { standings: standing.as_slice(), retry_after: None, now: Some(now) };
        let (mut buffer, mut lines) = ([0; 80], Vec::new());
        let written = emit(style, &answer, &mut buffer, |name, value| lines.push((name, value.to_owned())));
        debug_assert_eq!(written, Ok(()), "80 bytes are enough for one limit");
        lines
    }
}

fn imf(unix: u64) -> String {
    let unix = i64::try_from(unix).unwrap_or(i64::MAX);
    write_imf(unix, &mut [0; IMF_LEN]).unwrap_or_default().to_owned()
}

/// `2026-01-01T00:00:05Z`.
fn rfc3339(unix: u64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let imf = imf(unix);
    let [_, day, month, year, time, _] = imf.split(' ').collect::<Vec<_>>()[..] else { return String::new() };
    let month = 1 + MONTHS.iter().position(|name| *name == month).unwrap_or(0);
    format!("{year}-{month:02}-{day}T{time}Z")
}

fn luck(seed: u64, id: u64, attempt: u32) -> u64 {
    scramble(scramble(seed ^ scramble(id)) ^ u64::from(attempt))
}

fn pick(from: &[Refusal], luck: u64) -> Refusal {
    from[usize::try_from(luck % from.len() as u64).unwrap_or(0)]
}

/// Every bit of the input moves every bit of the output (the finaliser of splitmix64).
fn scramble(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
#[path = "refusals_tests.rs"]
mod tests;
