//! What each line says on its own, put into the reader: one method for each [`Meaning`].
//!
//! Every method answers `None` for garbage and has changed nothing then, but for the two structured fields, whose
//! malformed lines leave a mark that voids the field. Whatever is merged is merged by minimum or maximum, never by "the
//! last one wins", so that the order of lines leaves no trace.

use super::bucket::{Bucket, Origin, Unit};
use super::dialects::{Cause, Meaning, Rule};
use super::label::Label;
use super::moment::{Delay, Format, Moment, Stamp};
use super::ratelimit::{self, Count, Generation, Item, Name};
use super::reader::FeedbackReader;
use super::retry_after::{Pushback, millis, pushback};
use super::structured::Malformed;
use super::text::{Out, Scan, trim};
use crate::time::Duration;

/// How the lines of one structured field looked: a set of flags.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Field(u8);

impl Field {
    pub(super) const NEW: Self = Self(0);

    pub(super) const SEEN: u8 = 1;
    pub(super) const SEVERAL: u8 = 2;
    pub(super) const EMPTY: u8 = 4;
    pub(super) const MALFORMED: u8 = 8;
    /// A quota twice.
    pub(super) const REPEATED: u8 = 16;
    /// Lists of names.
    pub(super) const LISTS: u8 = 32;
    /// Dictionaries, or lists of integers.
    pub(super) const OLDER: u8 = 64;

    pub(super) fn set(&mut self, flag: u8, is: bool) {
        self.0 |= if is { flag } else { 0 };
    }

    pub(super) const fn has(self, flags: u8) -> bool {
        self.0 & flags == flags
    }

    pub(super) fn note(&mut self, line: &[u8]) {
        self.set(Self::SEVERAL, self.has(Self::SEEN));
        self.set(Self::SEEN, true);
        self.set(Self::EMPTY, line.is_empty());
    }

    /// Broken when its lines are seen as one. An empty line is a stray comma in the whole.
    pub(super) const fn is_torn(self) -> bool {
        self.has(Self::REPEATED) || self.has(Self::LISTS | Self::OLDER) || self.has(Self::EMPTY | Self::SEVERAL)
    }

    pub(super) const fn is_void(self) -> bool {
        self.has(Self::MALFORMED) || self.is_torn()
    }

    /// Whether it counts and has this form.
    pub(super) const fn counts_as(self, form: u8) -> bool {
        self.has(form) && !self.is_void()
    }
}

impl FeedbackReader {
    /// Takes one header line: its name and its value, as bytes, in any order. Linear in their length.
    pub fn line(&mut self, name: &[u8], value: &[u8]) {
        let Some((rule, bucket)) = self.dialect.rule(name) else { return };
        let value = trim(value);
        let read = match rule.meaning {
            Meaning::Limit => self.limit(rule, bucket, value),
            Meaning::Remaining | Meaning::Used => self.count(rule, bucket, value),
            Meaning::Reset(format) => self.reset(format, rule, bucket, value),
            Meaning::WindowMillis => self.window(rule, bucket, value),
            Meaning::UsedOfLimit => self.used_of_limit(value),
            Meaning::ApiUsage => self.api_usage(value),
            Meaning::LimitPairs | Meaning::UsedPairs => self.pairs(rule.meaning, bucket, value),
            Meaning::Rate => self.rate(value),
            Meaning::RetryAfter => Some(self.retry.line(value, self.mode)).filter(|valid| *valid).map(drop),
            Meaning::RetryMillis => millis(value).map(|delay| self.exactly(delay)),
            Meaning::Pushback => {
                match pushback(value) {
                    Pushback::After(span) => self.exactly(Delay::exactly(span)),
                    Pushback::Never => self.should_retry = Some(false),
                }
                Some(())
            }
            Meaning::ShouldRetry => flag(value).map(|retry| {
                self.should_retry = Some(retry && self.should_retry != Some(false));
            }),
            Meaning::GrpcStatus => self.grpc_status(value),
            Meaning::Scope(rank) => self.scope(rank, value),
            Meaning::Reason => self.reason(value),
            Meaning::NearLimit => flag(value).map(|near| self.near_limit |= near),
            Meaning::RateLimit => self.limits(value).ok(),
            Meaning::RateLimitPolicy => self.policies(value).ok(),
            Meaning::Date => Stamp::http_date(value, self.mode).map(|date| {
                self.date = Some(self.date.map_or(date, |other| other.min(date)));
            }),
            Meaning::Age => whole(value).map(|(age, _)| self.cached |= age > 0),
            Meaning::Ignore => Some(()),
        };
        if read.is_none() {
            self.faults.ignore();
        }
    }

    pub(super) fn exactly(&mut self, delay: Delay) {
        self.exact = self.exact.max(Some(delay));
        self.faults.clamp(delay.saturated);
    }

    /// The limit that a rule and a header's name speak of; `None` if there is no room for it.
    fn bucket(&mut self, rule: &Rule, name: &[u8]) -> Option<&mut Bucket> {
        let name = if name.is_empty() { rule.bucket.as_bytes() } else { name };
        if name.is_empty() {
            self.has_plain = true;
            return Some(&mut self.plain);
        }
        let label = Label::new(name.iter().map(u8::to_ascii_lowercase));
        let (row, _) = self.table.row(Origin::Vendor, label)?;
        row.unit = Unit::of_name(name);
        Some(row)
    }

    fn limit(&mut self, rule: &Rule, name: &[u8], value: &[u8]) -> Option<()> {
        let list = value.iter().any(|byte| *byte == b',' || *byte == b'"');
        let count = if list && name.is_empty() {
            // Whole or not at all.
            ratelimit::quotas(value, |_| {}).ok()?;
            let table = &mut self.table;
            let (count, generation) = ratelimit::quotas(value, |item| {
                let label = item_label(item.name);
                if let Some((row, _)) = table.row(Origin::Listed, label) {
                    row.limit.lower(item.quota);
                    row.window.raise(item.window.map(micros));
                }
            })
            .ok()?;
            self.listed = self.listed.or(generation).min(generation.or(self.listed));
            count
        } else {
            let count = ratelimit::count(value)?;
            if count.window.is_some() {
                self.listed = self.listed.or(Some(Generation::A));
            }
            count
        };
        self.faults.clamp(count.saturated);
        if let Some(value) = count.value
            && let Some(bucket) = self.bucket(rule, name)
        {
            bucket.limit.lower(Some(value));
            bucket.window.raise(count.window.map(micros));
        }
        Some(())
    }

    fn count(&mut self, rule: &Rule, name: &[u8], value: &[u8]) -> Option<()> {
        let Count { value, fraction, saturated, window } = ratelimit::count(value)?;
        self.faults.clamp(saturated);
        let Some(value) = value else { return Some(()) };
        if let Some(bucket) = self.bucket(rule, name) {
            match rule.meaning {
                Meaning::Remaining => bucket.remaining.lower(Some(value)),
                _ => bucket.used.raise(Some(value.saturating_add(fraction.into()))),
            }
            bucket.window.raise(window.map(micros));
        }
        Some(())
    }

    fn reset(&mut self, format: Format, rule: &Rule, name: &[u8], value: &[u8]) -> Option<()> {
        // A parameter behind a number is a comment (drafts 4 to 6).
        let number = value.split(|byte| *byte == b';').next().unwrap_or(value);
        let moment = format.read(value, self.mode).or_else(|| format.read(number, self.mode))?;
        match moment {
            Moment::Unknown => {}
            Moment::After(delay) => {
                self.faults.clamp(delay.saturated);
                if let Some(bucket) = self.bucket(rule, name) {
                    bucket.reset_in(delay);
                }
            }
            Moment::On(stamp) => {
                if let Some(bucket) = self.bucket(rule, name) {
                    bucket.on = bucket.on.max(Some(stamp));
                }
            }
        }
        Some(())
    }

    fn window(&mut self, rule: &Rule, name: &[u8], value: &[u8]) -> Option<()> {
        let delay = millis(value)?;
        self.faults.clamp(delay.saturated);
        if let Some(bucket) = self.bucket(rule, name) {
            bucket.window.raise(Some(delay.span.as_micros()).filter(|micros| *micros > 0));
        }
        Some(())
    }

    /// `40/40`
    fn used_of_limit(&mut self, value: &[u8]) -> Option<()> {
        let mut scan = Scan::new(value);
        let (used, too_many) = scan.whole()?;
        scan.byte(b'/')?;
        let (limit, too_much) = scan.whole()?;
        scan.end()?;
        self.faults.clamp(too_many || too_much);
        self.plain.used.raise(Some(used));
        self.plain.limit.lower(Some(limit));
        Some(())
    }

    /// `api-usage=10018/100000; api-bursts=1/750`
    fn api_usage(&mut self, value: &[u8]) -> Option<()> {
        let mut parts = value.split(|byte| matches!(byte, b';' | b','));
        let usage = parts.find_map(|part| trim(part).strip_prefix(b"api-usage="))?;
        self.used_of_limit(usage)
    }

    /// `20:1,100:120`
    fn pairs(&mut self, meaning: Meaning, name: &[u8], value: &[u8]) -> Option<()> {
        // Whole or not at all.
        for apply in [false, true] {
            for part in value.split(|byte| *byte == b',') {
                let part = trim(part);
                let mut scan = Scan::new(part);
                let (count, too_many) = scan.whole()?;
                let window = scan.rest();
                scan.byte(b':')?;
                let (secs, too_long) = scan.whole()?;
                scan.end()?;
                if !apply {
                    self.faults.clamp(too_many || too_long);
                    continue;
                }
                let label = Label::new(name.iter().map(u8::to_ascii_lowercase).chain(window.iter().copied()));
                if let Some((row, _)) = self.table.row(Origin::Vendor, label) {
                    row.window.raise(Some(micros(secs)).filter(|micros| *micros > 0));
                    match meaning {
                        Meaning::LimitPairs => row.limit.lower(Some(count)),
                        _ => row.used.raise(Some(count)),
                    }
                }
            }
        }
        Some(())
    }

    fn rate(&mut self, value: &[u8]) -> Option<()> {
        let mut scan = Scan::new(value);
        let decimal = scan.decimal()?;
        scan.end()?;
        self.faults.clamp(decimal.saturated);
        self.rate.lower(Some(decimal.micros_down()));
        Some(())
    }

    fn grpc_status(&mut self, value: &[u8]) -> Option<()> {
        match whole(value)? {
            (8, _) => self.cause(Cause::Rate),
            (14, _) => self.cause(Cause::Overload),
            _ => {}
        }
        Some(())
    }

    fn scope(&mut self, rank: u8, value: &[u8]) -> Option<()> {
        if value.is_empty() {
            return None;
        }
        self.scope = self.scope.max(Some((rank, Label::new(value.iter().copied()))));
        Some(())
    }

    fn reason(&mut self, value: &[u8]) -> Option<()> {
        self.scope(3, value)?;
        if value.ends_with(b"-concurrency") {
            self.cause(Cause::Concurrency);
        }
        Some(())
    }

    fn limits(&mut self, line: &[u8]) -> Result<(), Malformed> {
        self.limits.note(line);
        if line.is_empty() {
            return Ok(());
        }
        let read = if ratelimit::is_dictionary(line) {
            self.limits.set(Field::OLDER, true);
            ratelimit::dictionary(line).map(|read| {
                self.dictionary.limit.lower(read.limit);
                self.dictionary.remaining.lower(read.remaining);
                self.dictionary.after.raise(read.reset.map(micros));
            })
        } else {
            self.limits.set(Field::LISTS, true);
            let table = &mut self.table;
            ratelimit::limits(line, self.mode, |item| {
                if let Some((row, _)) = table.row(Origin::Policy, item_label(item.name)) {
                    row.remaining.lower(item.remaining);
                    row.after.raise(item.reset.map(micros));
                }
            })
        };
        self.limits.set(Field::MALFORMED, read.is_err());
        read
    }

    fn policies(&mut self, line: &[u8]) -> Result<(), Malformed> {
        self.policies.note(line);
        let (table, field) = (&mut self.table, &mut self.policies);
        let mut each = |item: Item<'_>| {
            let origin = if matches!(item.name, Name::Quota(_)) { Origin::Quota } else { Origin::Policy };
            if let Some((row, new)) = table.row(origin, item_label(item.name)) {
                field.set(Field::REPEATED, origin == Origin::Quota && !new);
                row.limit.lower(item.quota);
                row.window.raise(item.window.map(micros));
                row.unit = row.unit.max(item.unit);
            }
        };
        match ratelimit::policies(line, self.mode, &mut each) {
            Ok(form) => {
                self.policies.set(Field::OLDER, form == Some(Generation::B));
                self.policies.set(Field::LISTS, form == Some(Generation::D));
                Ok(())
            }
            Err(malformed) => {
                self.policies.set(Field::MALFORMED, true);
                Err(malformed)
            }
        }
    }
}

/// Seconds in microseconds; saturates.
const fn micros(secs: u64) -> u64 {
    Duration::from_secs(secs).as_micros()
}

fn whole(value: &[u8]) -> Option<(u64, bool)> {
    let mut scan = Scan::new(value);
    let read = scan.whole()?;
    scan.end()?;
    Some(read)
}

fn flag(value: &[u8]) -> Option<bool> {
    if value.eq_ignore_ascii_case(b"true") { Some(true) } else { value.eq_ignore_ascii_case(b"false").then_some(false) }
}

fn item_label(name: Name<'_>) -> Label {
    match name {
        Name::Text(text) => Label::new(text.bytes()),
        Name::Quota(quota) => quota_label(quota),
    }
}

/// The digits of a quota, which is all the name it has.
pub(super) fn quota_label(quota: u64) -> Label {
    let mut digits = [0; 20];
    let mut out = Out::new(&mut digits);
    // Twenty digits hold every number.
    let _ = out.number(quota);
    Label::new(out.done().iter().copied())
}
