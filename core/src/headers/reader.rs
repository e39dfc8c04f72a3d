//! `FeedbackReader`: every header line of a response goes in, in any order; a [`Feedback`] comes out.
//!
//! Nothing of a line's text is kept, so a line may be of any length and its buffer may be used again. What is kept has a
//! fixed size, about a kilobyte: the plain limit, [`BUCKETS`] named ones, the longest delay, and dates in pieces, because
//! the `Date` that resolves them may come last.
//!
//! ```text
//! line  line  line ... line       finish(status, wall clock if there is one)
//!   |     |     |       |            |
//!   v     v     v       v            v
//!  what each says on its own     dates resolved, void fields dropped, contradictions settled, rows sorted
//! ```
//! [`BUCKETS`]: super::BUCKETS

use super::Mode;
use super::bucket::{Bucket, Maybe, Origin, Unit};
use super::dialects::{Cause, Dialect, GENERIC};
use super::feedback::{Faults, Feedback};
use super::label::Label;
use super::lines::{Field, quota_label};
use super::moment::{Delay, Stamp, UnixMicros};
use super::ratelimit::Generation;
use super::retry_after::RetryAfter;
use super::table::Table;
use crate::time::Duration;

/// Reads the header lines of one response.
///
/// The order of lines does not matter, and lines that have nothing to do with limits may be given too. Do not give it
/// trailers: a server must not send limits there.
///
/// What contradicts itself is read carefully: of two limits or remainders the smaller, of two delays or resets the
/// longer, of two `Date`s the earlier. What cannot be read is ignored and counted ([`Faults`]), never guessed at. One
/// malformed line of `RateLimit` or `RateLimit-Policy` voids that field, and more than [`BUCKETS`](super::BUCKETS) named
/// limits void all of them.
///
/// # Example
/// ```
/// use tollgate::Duration;
/// use tollgate::headers::{FeedbackReader, Verdict};
///
/// let mut reader = FeedbackReader::new();
/// reader.line(b"RateLimit", br#""minute";r=0;t=12, "hour";r=1900;t=1812"#);
/// reader.line(b"RateLimit-Policy", br#""minute";q=60;w=60, "hour";q=3000;w=3600"#);
/// reader.line(b"Content-Type", b"text/plain");
/// let feedback = reader.finish(429, None);
///
/// assert_eq!(feedback.verdict(), Verdict::Soft);
/// assert_eq!(feedback.gate(), Some(Duration::from_secs(12)));
/// let minute = feedback.binding().unwrap();
/// assert_eq!((minute.name().as_bytes(), minute.limit(), minute.remaining()), (&b"minute"[..], Some(60), Some(0)));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FeedbackReader {
    pub(super) dialect: &'static Dialect,
    pub(super) mode: Mode,
    pub(super) date: Option<Stamp>,
    pub(super) retry: RetryAfter,
    /// A delay in milliseconds, which outranks the one in seconds.
    pub(super) exact: Option<Delay>,
    pub(super) should_retry: Option<bool>,
    pub(super) plain: Bucket,
    pub(super) table: Table,
    /// What lines of generation C said; counts only if it is complete in the end.
    pub(super) dictionary: Bucket,
    pub(super) limits: Field,
    pub(super) policies: Field,
    /// What a list of quotas told of its generation, and whether there were plain fields at all.
    pub(super) listed: Option<Generation>,
    pub(super) has_plain: bool,
    pub(super) scope: Option<(u8, Label)>,
    pub(super) rate: Maybe,
    pub(super) cause: Option<Cause>,
    pub(super) code: Option<u32>,
    pub(super) near_limit: bool,
    pub(super) cached: bool,
    pub(super) faults: Faults,
}

impl Default for FeedbackReader {
    fn default() -> Self {
        Self::new()
    }
}

impl FeedbackReader {
    /// For a server that nobody knows: [`dialects::GENERIC`](super::dialects::GENERIC), leniently.
    pub const fn new() -> Self {
        Self::of(&GENERIC)
    }

    /// For a server whose dialect is known, leniently.
    pub const fn of(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            mode: Mode::Lenient,
            date: None,
            retry: RetryAfter::new(),
            exact: None,
            should_retry: None,
            plain: Bucket::new(Origin::Plain, Label::EMPTY),
            // A constant, so that it is copied as a whole.
            table: const { Table::new() },
            dictionary: Bucket::new(Origin::Plain, Label::EMPTY),
            limits: Field::NEW,
            policies: Field::NEW,
            listed: None,
            has_plain: false,
            scope: None,
            rate: Maybe::NONE,
            cause: None,
            code: None,
            near_limit: false,
            cached: false,
            faults: Faults { ignored: 0, clamped: 0, void: 0, unresolved: 0 },
        }
    }

    /// With another [`Mode`], for dates, `Retry-After`, `RateLimit` and `RateLimit-Policy`.
    #[must_use]
    pub const fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Takes what the response's body was recognised to mean. Of several, the gravest counts.
    pub fn cause(&mut self, cause: Cause) {
        self.cause = self.cause.max(Some(cause));
    }

    /// Takes the server's own error code from the response's body, which the dialect may know the cause of.
    ///
    /// # Example
    /// ```
    /// use tollgate::headers::{FeedbackReader, Verdict, dialects::KLING};
    /// let mut reader = FeedbackReader::of(&KLING);
    /// reader.code(1102); // the resource pack is used up: 429, and yet no wait will help
    /// assert_eq!(reader.finish(429, None).verdict(), Verdict::HardQuota);
    /// ```
    pub fn code(&mut self, code: u32) {
        self.code = self.code.max(Some(code));
        if let Some(cause) = self.dialect.cause(code) {
            self.cause(cause);
        }
    }

    /// Takes a delay from the response's body (`retryDelay` of Google, `retry_after` of Discord), which is as good as a
    /// header in milliseconds.
    pub fn delay(&mut self, span: Duration) {
        self.exactly(Delay::exactly(span));
    }

    /// What all of it means, for a response of this status.
    ///
    /// `now` is what a wall clock showed at the receipt, if there is one; it is only asked where the response has no
    /// `Date` of its own. Without either, points on the calendar are unresolved and counted.
    pub fn finish(&self, status: u16, now: Option<UnixMicros>) -> Feedback {
        let date = self.date.and_then(|date| date.resolve(now));
        let base = date.or(now);
        let mut feedback = self.said(status, date);
        // The table is settled where it stays: it is most of a kilobyte.
        let Feedback { plain, table, faults, retry_after, .. } = &mut feedback;

        if let Some(dictionary) = self.complete_dictionary(faults) {
            plain.limit.lower(dictionary.limit());
            plain.remaining.lower(dictionary.remaining());
            plain.after.raise(dictionary.after.get());
        }
        for row in table.rows_mut() {
            match row.origin {
                Origin::Policy if self.limits.is_void() => (row.remaining, row.after) = (Maybe::NONE, Maybe::NONE),
                Origin::Quota if self.policies.is_void() => *row = Bucket::new(row.origin, row.label),
                _ => {}
            }
            if row.origin == Origin::Policy && self.policies.is_void() {
                (row.limit, row.window, row.unit) = (Maybe::NONE, Maybe::NONE, Unit::Requests);
            }
        }
        if !table.full {
            Self::adopt(plain, table);
        }
        let mut settle = |bucket: &mut Bucket| {
            if !bucket.resolve(base) {
                faults.unresolve();
            }
            let documented = matches!(bucket.origin, Origin::Plain | Origin::Vendor) && !bucket.is_blank();
            if let (true, None, Some(secs)) =
                (documented, bucket.window(), self.dialect.window_secs(bucket.label.as_bytes()))
            {
                bucket.window = Maybe::some(u64::from(secs) * 1_000_000);
            }
        };
        settle(plain);
        table.rows_mut().iter_mut().for_each(settle);
        faults.torn(self.limits.is_torn());
        faults.torn(self.policies.is_torn() && !table.full);
        faults.void = table.tidy(|row| !row.is_blank() && !self.cached);
        if self.cached {
            *plain = Bucket::new(Origin::Plain, Label::EMPTY);
        }
        let told = self.retry.resolve(base).map(|wait| wait.delay);
        faults.clamp(told.is_some_and(|delay| delay.saturated));
        if self.exact.is_none() && told.is_none() && !self.retry.is_empty() {
            faults.unresolve();
        }
        *retry_after = self.exact.or(told);
        feedback
    }

    /// What the lines said, with nothing settled between them.
    fn said(&self, status: u16, date: Option<UnixMicros>) -> Feedback {
        Feedback {
            status,
            plain: self.plain,
            table: self.table,
            retry_after: None,
            should_retry: self.should_retry,
            scope: self.scope.map(|(_, scope)| scope),
            rate: self.rate,
            cause: self.cause,
            code: self.code,
            near_limit: self.near_limit,
            cached: self.cached,
            may_throttle: self.dialect.is_throttle(status),
            date,
            generation: self.generation(),
            faults: self.faults,
        }
    }

    fn generation(&self) -> Option<Generation> {
        if self.limits.counts_as(Field::LISTS) || self.policies.counts_as(Field::LISTS) {
            Some(Generation::D)
        } else if self.limits.counts_as(Field::OLDER) {
            Some(Generation::C)
        } else if self.policies.counts_as(Field::OLDER) {
            Some(Generation::B)
        } else {
            self.listed.or(self.has_plain.then_some(Generation::B))
        }
    }

    /// The dictionary's members, if the required ones are there.
    fn complete_dictionary(&self, faults: &mut Faults) -> Option<Bucket> {
        if !self.limits.counts_as(Field::OLDER) {
            return None;
        }
        let complete = self.dictionary.limit().is_some() && self.dictionary.after.get().is_some();
        if !complete {
            faults.ignore();
        }
        complete.then_some(self.dictionary)
    }

    /// Gives the plain limit the window of the quota that it is, and drops that quota unless it has a name of its own.
    fn adopt(plain: &mut Bucket, table: &mut Table) {
        let Some(limit) = plain.limit() else { return };
        for row in table.rows_mut() {
            let quota = matches!(row.origin, Origin::Quota | Origin::Listed) && row.limit() == Some(limit);
            if !quota {
                continue;
            }
            plain.window.raise(row.window.get());
            if row.label == quota_label(limit) {
                *row = Bucket::new(row.origin, row.label);
            }
        }
    }
}
