//! One limit as a server described it: how much, how much is left, when it comes back. Absent is not zero.

use core::fmt;
use core::num::NonZeroU64;

use super::label::Label;
use super::moment::{Delay, Stamp, UnixMicros};
use crate::time::Duration;

/// What a limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unit {
    /// Requests, and whatever says nothing else.
    #[default]
    Requests,
    /// Tokens of a language model, of both directions or of an unknown one.
    Tokens,
    /// Tokens sent.
    InputTokens,
    /// Tokens received.
    OutputTokens,
    /// Bytes of content (`qu="content-bytes"`).
    ContentBytes,
    /// Requests at the same time (`qu="concurrent-requests"`): time alone gives nothing back.
    ConcurrentRequests,
    /// Something else.
    Other,
}

impl Unit {
    /// The value of the parameter `qu`. Draft 10 registers `request` and uses `requests`.
    pub(super) fn of_parameter(text: &[u8]) -> Self {
        match text {
            b"requests" | b"request" => Self::Requests,
            b"content-bytes" => Self::ContentBytes,
            b"concurrent-requests" => Self::ConcurrentRequests,
            _ => Self::Other,
        }
    }

    /// The part of a vendor's header name that says what is counted.
    pub(super) fn of_name(text: &[u8]) -> Self {
        let ends = |end: &[u8]| ends_with(text, end);
        if ends(b"input-tokens") {
            Self::InputTokens
        } else if ends(b"output-tokens") {
            Self::OutputTokens
        } else if ends(b"tokens") || ends(b"tokens_usage_based") {
            Self::Tokens
        } else {
            Self::Requests
        }
    }
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let start = text.len().checked_sub(end.len());
    start.and_then(|start| text.get(start..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// A number that may be absent, in eight bytes: one more than the number. The two largest numbers are read as one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Maybe(Option<NonZeroU64>);

impl Maybe {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn some(value: u64) -> Self {
        Self(NonZeroU64::new(value.saturating_add(1)))
    }

    pub(super) fn get(self) -> Option<u64> {
        self.0.map(|plus_one| if plus_one == NonZeroU64::MAX { u64::MAX } else { plus_one.get() - 1 })
    }

    /// The smaller of the two, absent being no number.
    pub(super) fn lower(&mut self, value: Option<u64>) {
        if let Some(value) = value {
            *self = Self::some(self.get().map_or(value, |old| old.min(value)));
        }
    }

    /// The larger of the two, absent being no number.
    pub(super) fn raise(&mut self, value: Option<u64>) {
        if let Some(value) = value {
            *self = Self::some(self.get().map_or(value, |old| old.max(value)));
        }
    }
}

impl fmt::Debug for Maybe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Which fields a bucket came from; names are only equal within one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Origin {
    /// The one limit without a name: `RateLimit-Limit`, `X-RateLimit-Remaining` and their like.
    Plain,
    /// A policy named in `RateLimit` and `RateLimit-Policy` (drafts 8 and later).
    Policy,
    /// A quota of `RateLimit-Policy` (drafts 4 to 7), named by itself.
    Quota,
    /// A quota listed in `RateLimit-Limit` behind the limit that binds, with its name if it has one.
    Listed,
    /// A name within a vendor's header name, as in `x-ratelimit-remaining-tokens`.
    Vendor,
}

/// One limit, as far as the server told it. 96 bytes or less.
///
/// Where a server contradicts itself, the careful reading counts: the smaller limit and remainder, the later reset.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bucket {
    pub(super) label: Label,
    pub(super) limit: Maybe,
    pub(super) remaining: Maybe,
    pub(super) used: Maybe,
    /// Microseconds until the reset, and the reset on the calendar while it is not resolved.
    pub(super) after: Maybe,
    pub(super) on: Option<Stamp>,
    /// Microseconds.
    pub(super) window: Maybe,
    pub(super) origin: Origin,
    pub(super) unit: Unit,
}

impl Bucket {
    pub(super) const fn new(origin: Origin, label: Label) -> Self {
        Self {
            label,
            limit: Maybe::NONE,
            remaining: Maybe::NONE,
            used: Maybe::NONE,
            after: Maybe::NONE,
            on: None,
            window: Maybe::NONE,
            origin,
            unit: Unit::Requests,
        }
    }

    /// What it is called; empty for [`Origin::Plain`].
    pub const fn name(&self) -> &Label {
        &self.label
    }

    /// Which fields it came from.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// What it counts.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// How many units in a window; `None` if the server did not say.
    pub fn limit(&self) -> Option<u64> {
        self.limit.get()
    }

    /// How many units are left; `None` if the server did not say. Not a promise.
    pub fn remaining(&self) -> Option<u64> {
        self.remaining.get()
    }

    /// How many units have been used; `None` if the server did not say.
    pub fn used(&self) -> Option<u64> {
        self.used.get()
    }

    /// How long from the receipt of the response until units come back, not necessarily all; `None` if the server did
    /// not say, or said it as a date with no other date to compare it to.
    pub fn reset_after(&self) -> Option<Duration> {
        self.after.get().map(Duration::from_micros)
    }

    /// The window that the limit refers to; `None` if nobody said.
    pub fn window(&self) -> Option<Duration> {
        self.window.get().map(Duration::from_micros)
    }

    /// Whether the server said that nothing is left.
    pub fn is_exhausted(&self) -> bool {
        self.remaining() == Some(0)
    }

    pub(super) fn is_blank(&self) -> bool {
        let numbers = [self.limit, self.remaining, self.used, self.after, self.window];
        numbers.iter().all(|number| number.get().is_none()) && self.on.is_none()
    }

    pub(super) fn reset_in(&mut self, delay: Delay) {
        self.after.raise(Some(delay.span.as_micros()));
    }

    /// Settles what could not be settled before every line was seen. False if a date remains that nothing resolves.
    pub(super) fn resolve(&mut self, base: Option<UnixMicros>) -> bool {
        let mut resolved = true;
        if let Some(stamp) = self.on.take()
            && self.after.get().is_none()
        {
            let span = stamp.until(base);
            self.after.raise(span.map(Duration::as_micros));
            resolved = span.is_some();
        }
        if let (Some(limit), Some(used), None) = (self.limit(), self.used(), self.remaining()) {
            self.remaining = Maybe::some(limit.saturating_sub(used));
        }
        // Over the limit the sum would be wrong, and nothing remains then.
        if let (None, Some(used), Some(remaining @ 1..)) = (self.limit(), self.used(), self.remaining()) {
            self.limit = Maybe::some(used.saturating_add(remaining));
        }
        resolved
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("origin", &self.origin)
            .field("name", &self.label)
            .field("unit", &self.unit)
            .field("limit", &self.limit)
            .field("remaining", &self.remaining)
            .field("used", &self.used)
            .field("reset_after", &self.reset_after())
            .field("window", &self.window())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_not_zero() {
        let mut number = Maybe::NONE;
        number.lower(None);
        assert_eq!(number.get(), None);
        number.lower(Some(0));
        assert_eq!(number.get(), Some(0));
        number.raise(Some(u64::MAX));
        assert_eq!(number.get(), Some(u64::MAX));
        assert_eq!(Maybe::some(u64::MAX - 2).get(), Some(u64::MAX - 2));
    }

    #[test]
    fn units_are_known_by_the_end_of_a_name() {
        for (name, unit) in [
            ("requests", Unit::Requests),
            ("project-Tokens", Unit::Tokens),
            ("tokens_usage_based", Unit::Tokens),
            ("priority-input-tokens", Unit::InputTokens),
            ("output-tokens", Unit::OutputTokens),
            ("minute", Unit::Requests),
            ("", Unit::Requests),
        ] {
            assert_eq!(Unit::of_name(name.as_bytes()), unit, "{name}");
        }
    }
}
