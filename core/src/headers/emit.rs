//! A server's side: the state of its limits written as headers, into a caller's buffer.
//!
//! Seconds are rounded up and units down, so that a client that obeys is never refused for obeying. What a structured
//! field cannot hold is clamped to fifteen digits. By default the newest draft ([`Style::Draft`]); the older forms are for
//! clients that know nothing else.
//!
//! ```text
//! RateLimit-Policy: "default";q=100;w=60        what is granted
//! RateLimit: "default";r=0;t=5                  what is left, and when more comes
//! Retry-After: 5                                only with a refusal; at least 1, never before t
//! ```

use core::fmt;

use super::bucket::Unit;
use super::http_date::imf_into;
use super::moment::UnixMicros;
use super::text::Out;
use crate::bounded::Counting;
use crate::quota::{MAX_FULL, mul_div};
use crate::time::Duration;

/// The largest integer of a structured field (RFC 9651 section 3.3.1).
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// A limit as it is announced: its name, and so many units in a window.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate::headers::emit::{Policy, PolicyError};
/// const API: Policy<'_> = tollgate::valid!(Policy::new("default", 100)).with_window(Duration::from_mins(1));
/// assert_eq!(Policy::new("caf\u{e9}", 1), Err(PolicyError::NotPrintable { at: 3 }));
/// # assert_eq!(API.name(), "default");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy<'a> {
    name: &'a str,
    quota: u64,
    unit: Unit,
    window: Option<Duration>,
    partition: Option<&'a [u8]>,
}

/// Why a policy cannot be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PolicyError {
    /// The name has a byte that no structured string can hold.
    NotPrintable {
        /// Where, in bytes.
        at: usize,
    },
}

impl PolicyError {
    /// What is wrong, for [`valid!`](crate::valid).
    pub const fn message(self) -> &'static str {
        match self {
            Self::NotPrintable { .. } => "a policy name with a byte that is not printable ASCII: expected 0x20 to 0x7e",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPrintable { at } => {
                write!(f, "byte {at} of a policy name is not printable ASCII: expected 0x20 to 0x7e")
            }
        }
    }
}

impl core::error::Error for PolicyError {}

impl<'a> Policy<'a> {
    /// A limit of `quota` units; of requests and without a window until told otherwise.
    ///
    /// # Errors
    /// [`PolicyError::NotPrintable`] for a name that is not printable ASCII.
    pub const fn new(name: &'a str, quota: u64) -> Result<Self, PolicyError> {
        let (mut rest, mut at) = (name.as_bytes(), 0);
        while let [byte, tail @ ..] = rest {
            if !matches!(*byte, 0x20..=0x7E) {
                return Err(PolicyError::NotPrintable { at });
            }
            (rest, at) = (tail, at + 1);
        }
        Ok(Self { name, quota, unit: Unit::Requests, window: None, partition: None })
    }

    /// In every such window. A fraction of a second cannot be said: the window is rounded up, and the quota with it, so
    /// that the rate stays (5 in 250 ms is announced as 20 in 1 s). Zero is no window.
    #[must_use]
    pub const fn with_window(self, window: Duration) -> Self {
        Self { window: if window.is_zero() { None } else { Some(window) }, ..self }
    }

    /// Counted in another unit. Concurrent requests have neither a window nor a reset.
    #[must_use]
    pub const fn with_unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// For the part of the clients that this key stands for (`pk`).
    #[must_use]
    pub const fn with_partition(self, key: &'a [u8]) -> Self {
        Self { partition: Some(key), ..self }
    }

    /// Its name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    fn is_timed(&self) -> bool {
        self.unit != Unit::ConcurrentRequests
    }

    /// Quota and window in whole seconds.
    fn announced(&self) -> (u64, Option<u64>) {
        let Some(window) = self.window.filter(|_| self.is_timed()) else {
            return (self.quota.min(MAX_INTEGER), None);
        };
        let secs = window.to_secs_ceil();
        let whole = Duration::from_secs(secs);
        let quota = if whole == window || window.as_micros() > MAX_FULL {
            self.quota
        } else {
            mul_div(self.quota, whole.as_micros(), window.as_micros()).map_or(u64::MAX, |(quota, _)| quota)
        };
        (quota.min(MAX_INTEGER), Some(secs.min(MAX_INTEGER)))
    }
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Standing<'a> {
    /// The limit.
    pub policy: Policy<'a>,
    /// How many units are left.
    pub remaining: u64,
    /// How long until it is replenished: with units left, in full; without, until there is one. `None`: not said.
    pub reset: Option<Duration>,
}

/// What a response is to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Answer<'a> {
    /// The limits that the request was subject to. Without any, only `Retry-After` is written.
    pub standings: &'a [Standing<'a>],
    /// For a refusal: when the same request could pass, with regard to all limits.
    pub retry_after: Option<Duration>,
    /// The time of the response, which [`Style::XEpoch`] needs. Send it as `Date` too.
    pub now: Option<UnixMicros>,
}

/// Which headers to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Style {
    /// `RateLimit-Policy` and `RateLimit` as lists of names: ietf-08 to 11.
    #[default]
    Draft,
    /// `RateLimit` as a dictionary: ietf-07.
    Draft7,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset` and `-Policy`: ietf-04 to 06.
    Draft6,
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset`, the latter in seconds from now.
    XDelta,
    /// The same with the reset in seconds since 1970.
    XEpoch,
}

/// Why headers could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EmitError {
    /// A value is longer than the buffer. 64 bytes for each limit, and twice its name and its key, are enough.
    Full,
    /// [`Style::XEpoch`] without a time.
    NoTime,
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "a header value is longer than the buffer: expected 64 bytes for each limit and its name",
            Self::NoTime => "a reset in seconds since 1970 without a time: expected `now`",
        })
    }
}

impl core::error::Error for EmitError {}

/// Hands out every header of the answer, name and value, in turn; each value is written into `buffer`.
///
/// The styles other than [`Style::Draft`] can only describe one limit: the one with the fewest units left.
///
/// # Errors
/// [`EmitError::Full`] and [`EmitError::NoTime`]. What has been handed out until then is complete.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate::headers::emit::{Answer, Policy, Standing, Style, emit};
/// const API: Policy<'_> = tollgate::valid!(Policy::new("default", 100)).with_window(Duration::from_mins(1));
///
/// let wait = Duration::from_millis(4_200);
/// let standings = [Standing { policy: API, remaining: 0, reset: Some(wait) }];
/// let answer = Answer { standings: &standings, retry_after: Some(wait), now: None };
/// let (mut buffer, mut lines) = ([0; 80], Vec::new());
/// emit(Style::Draft, &answer, &mut buffer, |name, value| lines.push(format!("{name}: {value}")))?;
/// assert_eq!(lines, [
///     r#"RateLimit-Policy: "default";q=100;w=60"#,
///     r#"RateLimit: "default";r=0;t=5"#,
///     "Retry-After: 5",
/// ]);
/// # Ok::<(), tollgate::headers::emit::EmitError>(())
/// ```
pub fn emit(
    style: Style,
    answer: &Answer<'_>,
    buffer: &mut [u8],
    mut each: impl FnMut(&'static str, &str),
) -> Result<(), EmitError> {
    let retry = answer.retry_after.map(retry_secs);
    let mut write = |name: &'static str, value: &dyn Fn(&mut Out<'_>) -> Option<()>| {
        let mut out = Out::new(buffer);
        value(&mut out).ok_or(EmitError::Full)?;
        // Always ASCII.
        each(name, core::str::from_utf8(out.done()).map_err(|_| EmitError::Full)?);
        Ok(())
    };
    let tightest = answer.standings.iter().min_by_key(|standing| standing.remaining);
    if let Some(tightest) = tightest {
        let limit = tightest.policy.announced().0;
        let remaining = tightest.remaining.min(MAX_INTEGER);
        let reset = reset_secs(tightest, retry);
        match style {
            Style::Draft => {
                write("RateLimit-Policy", &|out| list(out, answer.standings, policy))?;
                write("RateLimit", &|out| list(out, answer.standings, |out, standing| rest(out, standing, retry)))?;
            }
            Style::Draft7 => {
                write("RateLimit", &|out| {
                    member(out, b"limit=", limit)?;
                    member(out, b", remaining=", remaining)?;
                    reset.map_or(Some(()), |secs| member(out, b", reset=", secs))
                })?;
                write("RateLimit-Policy", &|out| quotas(out, answer.standings))?;
            }
            Style::Draft6 => {
                write("RateLimit-Limit", &|out| out.number(limit))?;
                write("RateLimit-Remaining", &|out| out.number(remaining))?;
                if let Some(secs) = reset {
                    write("RateLimit-Reset", &|out| out.number(secs))?;
                }
                write("RateLimit-Policy", &|out| quotas(out, answer.standings))?;
            }
            Style::XDelta | Style::XEpoch => {
                write("X-RateLimit-Limit", &|out| out.number(limit))?;
                write("X-RateLimit-Remaining", &|out| out.number(remaining))?;
                let reset = match style {
                    Style::XEpoch => tightest.reset.map(|span| epoch_secs(answer.now, span)).transpose()?,
                    _ => reset,
                };
                if let Some(secs) = reset {
                    write("X-RateLimit-Reset", &|out| out.number(secs))?;
                }
            }
        }
    }
    if let Some(secs) = retry {
        write("Retry-After", &|out| out.number(secs))?;
    }
    Ok(())
}

/// Writes `Retry-After` as a date; seconds are better, because they need no clock. `None` outside the years 1 to 9999 or
/// if the buffer has less than 29 bytes.
pub fn retry_after_date(unix: i64, buffer: &mut [u8]) -> Option<&str> {
    let mut out = Out::new(buffer);
    imf_into(unix, &mut out)?;
    core::str::from_utf8(out.done()).ok()
}

/// Never zero: that would say "now" and be refused again.
fn retry_secs(wait: Duration) -> u64 {
    wait.to_secs_ceil().clamp(1, MAX_INTEGER)
}

/// When the limit is replenished; of an exhausted one, neither now nor after the time at which to come back.
fn reset_secs(standing: &Standing<'_>, retry: Option<u64>) -> Option<u64> {
    if !standing.policy.is_timed() {
        return None;
    }
    let reset = standing.reset.map(|span| span.to_secs_ceil().min(MAX_INTEGER));
    if standing.remaining > 0 {
        return reset;
    }
    let latest = retry.unwrap_or(MAX_INTEGER);
    reset.map(|secs| secs.clamp(1, latest)).or(retry)
}

fn epoch_secs(now: Option<UnixMicros>, span: Duration) -> Result<u64, EmitError> {
    let micros = u64::try_from(now.ok_or(EmitError::NoTime)?.as_micros()).unwrap_or(0);
    Ok(Duration::from_micros(micros).saturating_add(span).to_secs_ceil())
}

fn list<'a>(
    out: &mut Out<'_>,
    standings: &[Standing<'a>],
    item: impl Fn(&mut Out<'_>, &Standing<'a>) -> Option<()>,
) -> Option<()> {
    let mut between: &[u8] = b"";
    for standing in standings {
        out.bytes(between)?;
        item(out, standing)?;
        between = b", ";
    }
    Some(())
}

/// `"default";q=100;qu="content-bytes";w=60;pk=:...:`
fn policy(out: &mut Out<'_>, standing: &Standing<'_>) -> Option<()> {
    let (quota, window) = standing.policy.announced();
    string(out, standing.policy.name)?;
    member(out, b";q=", quota)?;
    if let Some(unit) = parameter(standing.policy.unit) {
        out.bytes(b";qu=")?;
        string(out, unit)?;
    }
    if let Some(secs) = window {
        member(out, b";w=", secs)?;
    }
    partition(out, &standing.policy)
}

/// `"default";r=50;t=30;pk=:...:`
fn rest(out: &mut Out<'_>, standing: &Standing<'_>, retry: Option<u64>) -> Option<()> {
    string(out, standing.policy.name)?;
    member(out, b";r=", standing.remaining.min(MAX_INTEGER))?;
    if let Some(secs) = reset_secs(standing, retry) {
        member(out, b";t=", secs)?;
    }
    partition(out, &standing.policy)
}

/// `100;w=60, 1000;w=3600`; a quota twice would void the field.
fn quotas(out: &mut Out<'_>, standings: &[Standing<'_>]) -> Option<()> {
    let mut between: &[u8] = b"";
    for (at, standing) in standings.iter().numbered() {
        let (quota, window) = standing.policy.announced();
        if standings.iter().take(at).any(|earlier| earlier.policy.announced().0 == quota) {
            continue;
        }
        out.bytes(between)?;
        out.number(quota)?;
        if let Some(secs) = window {
            member(out, b";w=", secs)?;
        }
        between = b", ";
    }
    Some(())
}

fn member(out: &mut Out<'_>, key: &[u8], value: u64) -> Option<()> {
    out.bytes(key)?;
    out.number(value)
}

/// A structured string; the text is printable ASCII.
fn string(out: &mut Out<'_>, text: &str) -> Option<()> {
    out.bytes(b"\"")?;
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.bytes(b"\\")?;
        }
        out.bytes(&[byte])?;
    }
    out.bytes(b"\"")
}

/// The value of `qu`; requests are understood.
const fn parameter(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::Requests => None,
        Unit::Tokens => Some("tokens"),
        Unit::InputTokens => Some("input-tokens"),
        Unit::OutputTokens => Some("output-tokens"),
        Unit::ContentBytes => Some("content-bytes"),
        Unit::ConcurrentRequests => Some("concurrent-requests"),
        Unit::Other => Some("other"),
    }
}

/// `;pk=:QXBwLTk5OQ==:`, a byte sequence in base 64 (RFC 4648 section 4).
fn partition(out: &mut Out<'_>, policy: &Policy<'_>) -> Option<()> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let Some(key) = policy.partition else { return Some(()) };
    out.bytes(b";pk=:")?;
    for chunk in key.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit > chunk.len() {
                out.bytes(b"=")?;
            } else {
                let six = usize::try_from(bits >> (18 - 6 * digit) & 63).ok()?;
                out.bytes(&[*ALPHABET.get(six)?])?;
            }
        }
    }
    out.bytes(b":")
}
