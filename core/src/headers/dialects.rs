//! Which header means what: a table for servers that nobody knows, and small tables for those that differ from it.
//!
//! ```text
//! dialect's own rules  ->  the standard's fields  ->  what most servers do (GENERIC)      the first match counts
//! ```
//! A dialect is data in flash; one that the program does not name is not linked, unless it calls [`by_name`]. Names of
//! headers are compared without case, because HTTP/2 knows lower case only.
//!
//! Reset times are told apart by their size and form ([`Format::Auto`]); only milliseconds from now look like seconds and
//! need a dialect ([`DELTA_MILLIS`]).

use super::moment::Format;
pub use super::vendors::*;

/// What the value of a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Meaning {
    /// How many units in a window, perhaps with a list of quotas behind it (`10, 10;w=1, 1000;w=3600`).
    Limit,
    /// How many units are left.
    Remaining,
    /// How many units have been used.
    Used,
    /// When units come back.
    Reset(Format),
    /// The length of the window in milliseconds.
    WindowMillis,
    /// `used/limit`.
    UsedOfLimit,
    /// `api-usage=used/limit; ...`: Salesforce.
    ApiUsage,
    /// Requests per second, with a fraction: Amazon.
    Rate,
    /// `limit:seconds, ...`: Riot.
    LimitPairs,
    /// `used:seconds, ...`: Riot.
    UsedPairs,
    /// `Retry-After`.
    RetryAfter,
    /// The same in milliseconds, which outranks it.
    RetryMillis,
    /// `grpc-retry-pushback-ms`.
    Pushback,
    /// `true` or `false`: what the server thinks of another attempt.
    ShouldRetry,
    /// A status of gRPC.
    GrpcStatus,
    /// What the limit belongs to; of several, the highest rank counts.
    Scope(u8),
    /// Why a request was refused; a concurrency limit if it ends in `-concurrency` (Stripe).
    Reason,
    /// `true`: little is left.
    NearLimit,
    /// `RateLimit` (drafts 7 and later).
    RateLimit,
    /// `RateLimit-Policy`.
    RateLimitPolicy,
    /// `Date`: what points on the calendar are compared to.
    Date,
    /// `Age`: above zero, the response came from a cache and its limits are old.
    Age,
    /// Nothing that is of use here.
    Ignore,
}

/// One header and its meaning.
///
/// # Example
/// ```
/// use tollgate::headers::{dialects::{Dialect, Meaning, Rule}, moment::Format};
/// static SHOP: Dialect = Dialect::new(&["shop"], &[
///     Rule::new("shop-quota-left", Meaning::Remaining),
///     Rule::new("shop-*-reset-ms", Meaning::Reset(Format::Millis)), // shop-orders-reset-ms: a limit called "orders"
/// ]);
/// # assert_eq!(SHOP.name(), "shop");
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rule {
    head: &'static str,
    /// What follows the name of the limit, if there is such a name.
    tail: Option<&'static str>,
    pub(super) meaning: Meaning,
    pub(super) bucket: &'static str,
}

impl Rule {
    /// A header by its name, in which one `*` may stand for the name of a limit.
    pub const fn new(pattern: &'static str, meaning: Meaning) -> Self {
        Self::of(pattern, meaning, "")
    }

    /// As [`new`](Self::new), for the limit of a name that the header's does not contain. Empty: the plain limit.
    pub const fn of(pattern: &'static str, meaning: Meaning, bucket: &'static str) -> Self {
        let (mut rest, mut at) = (pattern.as_bytes(), 0);
        while let [first, tail @ ..] = rest {
            if *first == b'*' {
                let (head, tail) = pattern.split_at(at);
                return Self { head, tail: Some(tail.split_at(1).1), meaning, bucket };
            }
            (rest, at) = (tail, at + 1);
        }
        Self { head: pattern, tail: None, meaning, bucket }
    }

    /// The name of the limit within the header's name (empty if there is none), or `None` if it is another header.
    fn matches<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        let Some(tail) = self.tail else {
            return name.eq_ignore_ascii_case(self.head.as_bytes()).then_some(&[]);
        };
        let (head, rest) = name.split_at_checked(self.head.len())?;
        let (middle, end) = rest.split_at_checked(rest.len().checked_sub(tail.len())?)?;
        let same = head.eq_ignore_ascii_case(self.head.as_bytes()) && end.eq_ignore_ascii_case(tail.as_bytes());
        (same && !middle.is_empty()).then_some(middle)
    }
}

/// What an error in a response's body means for whoever sends requests.
///
/// Ordered: of several, the gravest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cause {
    /// Too many requests in too short a time: slow down.
    Rate,
    /// The server has more than it can do.
    Overload,
    /// Too many at the same time: wait for one of them to end; the rate is fine.
    Concurrency,
    /// Paid for, entitled to or allowed no more: do not repeat.
    HardQuota,
}

/// How one server speaks of its limits.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dialect {
    names: &'static [&'static str],
    rules: &'static [Rule],
    /// Seconds of the window of a limit by its name, where the documentation says what no header does. An empty name
    /// stands for all others.
    windows: &'static [(&'static str, u32)],
    throttles: &'static [u16],
    codes: &'static [(u32, Cause)],
}

impl Dialect {
    /// A dialect of these names (of which the first is its own), with rules that go before all others.
    pub const fn new(names: &'static [&'static str], rules: &'static [Rule]) -> Self {
        Self { names, rules, windows: &[], throttles: &[], codes: &[] }
    }

    /// With windows in seconds by the name of the limit, as the server's documentation has them; an empty name stands
    /// for all others.
    #[must_use]
    pub const fn with_windows(self, windows: &'static [(&'static str, u32)]) -> Self {
        Self { windows, ..self }
    }

    /// With statuses besides 429 that refuse for the rate, if `Retry-After` or an exhausted limit comes with them.
    #[must_use]
    pub const fn with_throttles(self, throttles: &'static [u16]) -> Self {
        Self { throttles, ..self }
    }

    /// With the server's own error codes.
    #[must_use]
    pub const fn with_codes(self, codes: &'static [(u32, Cause)]) -> Self {
        Self { codes, ..self }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self.names {
            [name, ..] => name,
            [] => "",
        }
    }

    /// What one of the server's own error codes means; `None` if it says nothing about limits.
    pub fn cause(&self, code: u32) -> Option<Cause> {
        self.codes.iter().find(|(known, _)| *known == code).map(|(_, cause)| *cause)
    }

    pub(super) fn is_throttle(&self, status: u16) -> bool {
        self.throttles.contains(&status)
    }

    pub(super) fn window_secs(&self, name: &[u8]) -> Option<u32> {
        let windows = self.windows.iter().chain(CALENDAR);
        let of = |wanted: &[u8]| windows.clone().find(|(known, _)| known.as_bytes() == wanted).map(|(_, secs)| *secs);
        of(name).or_else(|| of(b""))
    }

    /// The first rule that matches, and the name of the limit within the header's name.
    pub(super) fn rule<'n>(&self, name: &'n [u8]) -> Option<(&'static Rule, &'n [u8])> {
        let first = |rules: &'static [Rule]| rules.iter().find_map(|rule| Some((rule, rule.matches(name)?)));
        first(self.rules).or_else(|| first(shared(name)))
    }
}

/// The only rules of all servers that a header of this name can match, so that most lines are compared to none.
///
/// A byte that is no letter may pass for one here: the rules compare again.
fn shared(name: &[u8]) -> &'static [Rule] {
    match name {
        [a, b, c, ..] => match [a | 0x20, b | 0x20, c | 0x20] {
            [b'x', _, b'r'] => COMMON,
            [b'x', ..] => STANDARD_X,
            [b'r', b'a', _] => STANDARD_RATE,
            [b'r', ..] => STANDARD_RETRY,
            [b'g', ..] => STANDARD_GRPC,
            [b'd' | b'a', ..] => STANDARD_TIME,
            _ => &[],
        },
        _ => &[],
    }
}

/// The dialect of that name, in any case; `None` if it is not known.
///
/// Links every table. Firmware that talks to one server names its dialect instead.
///
/// # Example
/// ```
/// use tollgate::headers::dialects::by_name;
/// assert_eq!(by_name("GitHub").map(|dialect| dialect.name()), Some("github"));
/// assert!(by_name("nobody").is_none());
/// ```
pub fn by_name(name: &str) -> Option<&'static Dialect> {
    ALL.iter().copied().find(|dialect| dialect.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Names of limits that are names of windows (Kong). Months and years have no one length.
const CALENDAR: &[(&str, u32)] = &[("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];

// What RFCs, drafts and the widest-spread SDKs define, by the beginnings that `shared` tells apart.

const STANDARD_TIME: &[Rule] = &[Rule::new("date", Meaning::Date), Rule::new("age", Meaning::Age)];

const STANDARD_RETRY: &[Rule] =
    &[Rule::new("retry-after", Meaning::RetryAfter), Rule::new("retry-after-ms", Meaning::RetryMillis)];

const STANDARD_RATE: &[Rule] = &[
    Rule::new("ratelimit", Meaning::RateLimit),
    Rule::new("ratelimit-policy", Meaning::RateLimitPolicy),
    Rule::new("ratelimit-limit", Meaning::Limit),
    Rule::new("ratelimit-remaining", Meaning::Remaining),
    Rule::new("ratelimit-reset", Meaning::Reset(Format::Auto)),
];

const STANDARD_X: &[Rule] = &[
    Rule::new("x-ms-retry-after-ms", Meaning::RetryMillis),
    Rule::new("x-amz-retry-after", Meaning::RetryMillis),
    Rule::new("x-should-retry", Meaning::ShouldRetry),
];

const STANDARD_GRPC: &[Rule] =
    &[Rule::new("grpc-retry-pushback-ms", Meaning::Pushback), Rule::new("grpc-status", Meaning::GrpcStatus)];

/// What most servers do. Names without a `*` come first; all begin with `x-r`.
const COMMON: &[Rule] = &[
    Rule::new("x-ratelimit-limit", Meaning::Limit),
    Rule::new("x-ratelimit-remaining", Meaning::Remaining),
    Rule::new("x-ratelimit-used", Meaning::Used),
    Rule::new("x-ratelimit-reset", Meaning::Reset(Format::Auto)),
    Rule::new("x-ratelimit-reset-after", Meaning::Reset(Format::Seconds)),
    Rule::new("x-ratelimit-retry-after", Meaning::Reset(Format::Auto)),
    Rule::new("x-ratelimit-resource", Meaning::Scope(1)),
    Rule::new("x-ratelimit-nearlimit", Meaning::NearLimit),
    Rule::new("x-rate-limit-limit", Meaning::Limit),
    Rule::new("x-rate-limit-remaining", Meaning::Remaining),
    Rule::new("x-rate-limit-reset", Meaning::Reset(Format::Auto)),
    Rule::new("x-ratelimit-limit-*", Meaning::Limit),
    Rule::new("x-ratelimit-remaining-*", Meaning::Remaining),
    Rule::new("x-ratelimit-reset-*", Meaning::Reset(Format::Auto)),
    Rule::new("x-ratelimit-*-limit", Meaning::Limit),
    Rule::new("x-ratelimit-*-remaining", Meaning::Remaining),
    Rule::new("x-ratelimit-*-reset", Meaning::Reset(Format::Auto)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn the_first_rule_counts_in_any_case() {
        let found = |dialect: &Dialect, name: &'static str| {
            dialect.rule(name.as_bytes()).map(|(rule, bucket)| (rule.meaning, core::str::from_utf8(bucket).unwrap()))
        };
        assert_eq!(found(&GENERIC, "X-RateLimit-Reset-After"), Some((Meaning::Reset(Format::Seconds), "")));
        assert_eq!(found(&GENERIC, "x-ratelimit-reset-tokens"), Some((Meaning::Reset(Format::Auto), "tokens")));
        assert_eq!(found(&GENERIC, "X-RATELIMIT-Requests-Limit"), Some((Meaning::Limit, "Requests")));
        assert_eq!(found(&GENERIC, "RATELIMIT-RESET"), Some((Meaning::Reset(Format::Auto), "")));
        assert_eq!(found(&GITLAB, "ratelimit-reset"), Some((Meaning::Reset(Format::EpochSeconds), "")));
        for other in
            ["", "x", "x-ratelimit-", "x-ratelimit-limit-", "x-ratelimit--limit", "ratelimit-limits", "content-type"]
        {
            assert_eq!(found(&GENERIC, other), None, "{other}");
        }
    }

    #[test]
    fn every_shared_rule_stands_where_its_names_lead() {
        let tables = [STANDARD_TIME, STANDARD_RETRY, STANDARD_RATE, STANDARD_X, STANDARD_GRPC, COMMON];
        assert_eq!(tables.iter().map(|table| table.len()).sum::<usize>(), 31);
        for table in tables {
            for rule in table {
                let name =
                    std::format!("{}{}", rule.head, rule.tail.map_or(String::new(), |tail| std::format!("a{tail}")));
                for name in [name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
                    let mut found = shared(name.as_bytes()).iter();
                    assert!(found.any(|found| (found.head, found.tail) == (rule.head, rule.tail)), "{name}");
                }
            }
        }
    }

    #[test]
    fn every_name_is_listed_once_and_found() {
        let mut seen = std::vec::Vec::new();
        for dialect in ALL {
            for name in dialect.names {
                assert!(!seen.contains(name), "{name} twice");
                assert_eq!(by_name(&name.to_ascii_uppercase()).unwrap().name(), dialect.name());
                seen.push(name);
            }
        }
        assert!(by_name("").is_none());
    }
}
