//! `Feedback`: what a response said about limits, in a fixed size and without any line of it.
//!
//! It says what the server said; how much of it to believe is the caller's policy. Nothing is capped here, so a gate that
//! obeys [`Feedback::gate`] blindly can be closed for ever by one hostile header.

use super::bucket::{Bucket, Maybe, Origin, Unit};
use super::dialects::Cause;
use super::label::Label;
use super::moment::{Delay, UnixMicros};
use super::ratelimit::Generation;
use super::table::Table;
use crate::retry::Verdict;
use crate::time::Duration;

/// What was wrong with the headers; every counter saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Faults {
    /// Lines that could not be read, and fields that were incomplete or contradicted themselves in form.
    pub ignored: u16,
    /// Numbers that were too large, and were read as the largest.
    pub clamped: u16,
    /// Mentions of named limits that are void because there were too many names.
    pub void: u16,
    /// Dates that nothing could be compared to.
    pub unresolved: u16,
}

impl Faults {
    pub(super) fn ignore(&mut self) {
        self.ignored = self.ignored.saturating_add(1);
    }

    pub(super) fn torn(&mut self, torn: bool) {
        self.ignored = self.ignored.saturating_add(torn.into());
    }

    pub(super) fn clamp(&mut self, clamped: bool) {
        self.clamped = self.clamped.saturating_add(clamped.into());
    }

    pub(super) fn unresolve(&mut self) {
        self.unresolved = self.unresolved.saturating_add(1);
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What one response said about limits. Made by [`FeedbackReader::finish`](super::FeedbackReader::finish).
///
/// All spans count from the receipt of the response. About a kilobyte.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate::headers::{FeedbackReader, Verdict};
/// let mut reader = FeedbackReader::new();
/// reader.line(b"Retry-After", b"Fri, 31 Dec 1999 23:59:59 GMT");
/// reader.line(b"Date", b"Fri, 31 Dec 1999 23:59:57 GMT");
/// reader.line(b"X-RateLimit-Remaining", b"lots");
/// let feedback = reader.finish(503, None);
/// assert_eq!(feedback.verdict(), Verdict::Overloaded);
/// assert_eq!(feedback.gate(), Some(Duration::from_secs(2)));
/// assert_eq!((feedback.binding(), feedback.faults().ignored), (None, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Feedback {
    pub(super) status: u16,
    pub(super) plain: Bucket,
    pub(super) table: Table,
    pub(super) retry_after: Option<Delay>,
    pub(super) should_retry: Option<bool>,
    pub(super) scope: Option<Label>,
    pub(super) rate: Maybe,
    pub(super) cause: Option<Cause>,
    pub(super) code: Option<u32>,
    pub(super) near_limit: bool,
    pub(super) cached: bool,
    /// The dialect refuses with this status too.
    pub(super) may_throttle: bool,
    pub(super) date: Option<UnixMicros>,
    pub(super) generation: Option<Generation>,
    pub(super) faults: Faults,
}

/// How long a concurrency limit is given at least, when no task is known to end.
const CONCURRENCY_WAIT: Duration = Duration::from_secs(1);

impl Feedback {
    /// The status of the response.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// What the response means for whoever sends requests.
    ///
    /// 429 is a refusal for the rate, and so is what the dialect or the body says is one. A plain 403 or 500 is
    /// [`Verdict::Clear`]: it says nothing about limits.
    pub fn verdict(&self) -> Verdict {
        let evidence = self.retry_after.is_some() || self.buckets().any(Bucket::is_exhausted);
        let throttled = self.status == 429 || self.cause == Some(Cause::Rate) || (self.may_throttle && evidence);
        match self.cause {
            Some(Cause::HardQuota) => Verdict::HardQuota,
            _ if throttled && self.should_retry == Some(false) => Verdict::HardQuota,
            Some(Cause::Concurrency) => Verdict::Concurrency,
            Some(Cause::Overload) => Verdict::Overloaded,
            _ if throttled && self.is_full() => Verdict::Concurrency,
            _ if throttled && self.named_wait().is_some() => Verdict::Soft,
            _ if throttled => Verdict::Blind,
            _ if matches!(self.status, 503 | 529) => Verdict::Overloaded,
            _ => Verdict::Clear,
        }
    }

    /// How long all requests to this limit should stay back; `None` if no wait follows from what the server said.
    ///
    /// The longest of `Retry-After` and the resets of exhausted limits. A success, too, may say that nothing is left;
    /// its `Retry-After` is only information. As long as the server said: cap it.
    pub fn gate(&self) -> Option<Duration> {
        let told = self.retry_after.map(|delay| delay.span);
        match self.verdict() {
            Verdict::HardQuota | Verdict::Blind => None,
            Verdict::Concurrency => Some(told.unwrap_or_default().max(CONCURRENCY_WAIT)),
            Verdict::Soft => self.named_wait(),
            Verdict::Overloaded => told.max(self.exhausted_for()),
            Verdict::Clear => self.exhausted_for(),
        }
    }

    /// What the server asked to wait: of milliseconds and `Retry-After`, the former. `None` if it did not ask.
    pub const fn retry_after(&self) -> Option<Delay> {
        self.retry_after
    }

    /// What the server thinks of another attempt (`x-should-retry`, a negative pushback); `None` if it did not say.
    pub const fn should_retry(&self) -> Option<bool> {
        self.should_retry
    }

    /// The limit without a name, if any, and then the named ones, by origin and name.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        let plain = (!self.plain.is_blank()).then_some(&self.plain);
        plain.into_iter().chain(self.table.rows())
    }

    /// The limit that matters most: of the exhausted ones, that which takes longest; else one whose rest is known, the
    /// plain one before named ones, requests before tokens, and the smallest rest. `None` if there is no limit.
    pub fn binding(&self) -> Option<&Bucket> {
        let exhausted = self.buckets().filter(|bucket| bucket.is_exhausted());
        let longest = exhausted.reduce(|best, next| if next.reset_after() > best.reset_after() { next } else { best });
        longest.or_else(|| {
            self.buckets().min_by_key(|bucket| {
                let rest = bucket.remaining();
                (rest.is_none(), bucket.origin() != Origin::Plain, bucket.unit(), rest)
            })
        })
    }

    /// What the limits belong to (a resource, a bucket, a user), or why the request was refused, in the server's words.
    pub const fn scope(&self) -> Option<&Label> {
        self.scope.as_ref()
    }

    /// The server's own error code, if the caller found one in the body.
    pub const fn code(&self) -> Option<u32> {
        self.code
    }

    /// The cause that the body or a header named.
    pub const fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// The rate that the server allows, in millionths of a request per second, rounded down (`x-amzn-RateLimit-Limit`).
    pub fn micro_requests_per_sec(&self) -> Option<u64> {
        self.rate.get()
    }

    /// Whether the server warned that little is left.
    pub const fn near_limit(&self) -> bool {
        self.near_limit
    }

    /// Whether the response came from a cache: its limits were old and have been left out.
    pub const fn from_cache(&self) -> bool {
        self.cached
    }

    /// The server's time when it answered, good to a second and the way of the response. What a wall clock may learn
    /// from.
    pub const fn date(&self) -> Option<UnixMicros> {
        self.date
    }

    /// In which form of the draft the limits came; `None` if in none.
    pub const fn generation(&self) -> Option<Generation> {
        self.generation
    }

    /// What was wrong with the headers.
    pub const fn faults(&self) -> Faults {
        self.faults
    }

    /// Only a limit on requests at the same time is exhausted.
    fn is_full(&self) -> bool {
        let mut exhausted = self.buckets().filter(|bucket| bucket.is_exhausted()).peekable();
        exhausted.peek().is_some() && exhausted.all(|bucket| bucket.unit() == Unit::ConcurrentRequests)
    }

    /// The longest reset of an exhausted limit that time replenishes.
    fn exhausted_for(&self) -> Option<Duration> {
        let timed = |bucket: &&Bucket| bucket.is_exhausted() && bucket.unit() != Unit::ConcurrentRequests;
        self.buckets().filter(timed).filter_map(Bucket::reset_after).max()
    }

    /// What a refusal says about the wait; a reset without a rest, too, if there is nothing else.
    fn named_wait(&self) -> Option<Duration> {
        let told = self.retry_after.map(|delay| delay.span);
        let unknown = |bucket: &&Bucket| bucket.remaining().is_none() && bucket.unit() != Unit::ConcurrentRequests;
        told.max(self.exhausted_for()).or_else(|| self.buckets().filter(unknown).filter_map(Bucket::reset_after).max())
    }
}
