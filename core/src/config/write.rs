//! JSON into a caller's buffer: the writer, and a configuration written back.

use core::fmt::{self, Display, Write as _};

use super::account::{AccountConfig, DAYS, OVERAGES, PERIODS, SHORT_MONTHS};
use super::{AdaptationConfig, GateConfig, RetryConfig, span};
use crate::adapt::AimdPolicy;
use crate::breaker_policy::{BreakerPolicy, Trip};
use crate::bucket::Start;
use crate::calendar::{Cycle, MonthDay, ShortMonth};
use crate::decimal;
use crate::terms::{Overage, Renewal};
use crate::time::Duration;
use crate::unit::Custom;
use crate::unit::Unit as _;
use crate::window::{History, WhenFull};

/// Why nothing could be written. What is in the buffer then is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WriteError {
    /// The buffer is too small.
    NoRoom {
        /// How many bytes it takes.
        needed: usize,
    },
    /// The budget of this account is in a real time zone, which a document cannot say.
    Zone {
        /// Its position.
        account: u8,
    },
}

impl Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom { needed } => write!(f, "the buffer is too small: expected {needed} bytes"),
            Self::Zone { account } => write!(f, "accounts[{account}] is in a time zone: expected an offset from utc"),
        }
    }
}

impl core::error::Error for WriteError {}

/// Writes JSON, and counts what it takes where there is no room.
pub(super) struct Json<'b> {
    page: &'b mut [u8],
    len: usize,
    /// Something stands in the innermost object or list already.
    comma: bool,
}

impl fmt::Write for Json<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        if let Some(room) = self.page.get_mut(self.len..end) {
            for (to, from) in room.iter_mut().zip(text.bytes()) {
                *to = from;
            }
        }
        self.len = end;
        Ok(())
    }
}

/// An amount in millionths, exact.
pub(super) struct Micros(pub(super) u64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_micros(self.0, f)
    }
}

impl<'b> Json<'b> {
    /// An object, whose fields `fields` writes, and nothing else.
    pub(super) fn whole(page: &'b mut [u8], fields: impl FnOnce(&mut Self)) -> Result<&'b str, WriteError> {
        let mut json = Self { page, len: 0, comma: false };
        json.within("{", "}", fields);
        let Self { page, len: needed, .. } = json;
        let written = page.get(..needed).ok_or(WriteError::NoRoom { needed })?;
        // Only texts were written, each of them whole.
        core::str::from_utf8(written).map_err(|_| WriteError::NoRoom { needed })
    }

    fn put(&mut self, what: impl Display) {
        // Never fails: what has no room is counted.
        let _ = write!(self, "{what}");
    }

    fn within(&mut self, open: &str, close: &str, fields: impl FnOnce(&mut Self)) {
        self.put(open);
        self.comma = false;
        fields(self);
        self.put(close);
        self.comma = true;
    }

    fn next(&mut self) {
        self.put(if self.comma { "," } else { "" });
        self.comma = true;
    }

    fn name(&mut self, name: &str) {
        self.next();
        let _ = write!(self, "\"{name}\":");
    }

    /// A number, or a word of JSON.
    pub(super) fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        self.put(value);
    }

    /// A text without anything that JSON escapes.
    pub(super) fn text(&mut self, name: &str, value: impl Display) {
        self.name(name);
        let _ = write!(self, "\"{value}\"");
    }

    /// A duration.
    pub(super) fn span(&mut self, name: &str, value: Duration) {
        self.text(name, span::Written(value));
    }

    /// A number, or `null`.
    pub(super) fn perhaps(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.plain(name, value),
            None => self.plain(name, "null"),
        }
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str, fields: impl FnOnce(&mut Self)) {
        self.name(name);
        self.within("{", "}", fields);
    }

    /// A list.
    pub(super) fn list(&mut self, name: &str, items: impl FnOnce(&mut Self)) {
        self.name(name);
        self.within("[", "]", items);
    }

    /// An object in a list.
    pub(super) fn item(&mut self, fields: impl FnOnce(&mut Self)) {
        self.next();
        self.within("{", "}", fields);
    }
}

impl<const ACCOUNTS: usize> GateConfig<ACCOUNTS> {
    /// Writes it as a document that [`parse`](Self::parse) reads as the same; what a plan has filled in is written out.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write<'b>(&self, page: &'b mut [u8]) -> Result<&'b str, WriteError> {
        for (account, config) in (0u8..).zip(&self.accounts) {
            if let Renewal::Zone(_) = config.spec.renewal {
                return Err(WriteError::Zone { account });
            }
        }
        Json::whole(page, |json| {
            for (name, preset) in [("plan", self.plan), ("tariff", self.tariff)] {
                if let Some(preset) = preset {
                    json.text(name, preset);
                }
            }
            self.write_limits(json);
            json.list("accounts", |json| {
                for account in &self.accounts {
                    json.item(|json| write_account(json, account));
                }
            });
            if let Some(policy) = self.breaker {
                json.object("breaker", |json| write_breaker(json, &policy));
            }
            if let Some(retry) = self.retry {
                json.object("retry", |json| write_retry(json, &retry));
            }
            if let Some(adaptation) = self.adaptation {
                json.object("adaptation", |json| write_adaptation(json, &adaptation));
            }
            json.object("patience", |json| {
                json.span("to_send", self.patience.to_send);
                json.span("to_answer", self.patience.to_answer);
            });
            json.object("block", |json| {
                json.span("max", self.patience.max_block);
                if let Some(until) = self.closed_until {
                    json.plain("until_us", until.as_micros());
                }
            });
        })
    }

    fn write_limits(&self, json: &mut Json<'_>) {
        if let Some(requests) = self.requests {
            json.object("requests", |json| {
                json.plain("units", requests.quota.units());
                json.span("per", requests.quota.per());
                json.plain("burst", requests.quota.burst());
                match requests.start {
                    Start::Full => json.text("start", "full"),
                    Start::Empty => json.text("start", "empty"),
                    Start::With(units) => json.text("start", units),
                }
            });
        }
        if let Some(window) = self.window {
            json.object("window", |json| {
                json.plain("limit", window.limit);
                json.span("length", window.length);
                json.text("when_full", if window.when_full == WhenFull::Merge { "merge" } else { "refuse" });
                json.text("history", if window.history == History::UsedUp { "used_up" } else { "empty" });
            });
        }
        if let Some(slots) = self.slots {
            json.object("slots", |json| {
                json.plain("limit", slots.limit);
                json.plain("weight", slots.weight);
                json.span("lease", slots.lease);
            });
        }
    }
}

fn write_account(json: &mut Json<'_>, account: &AccountConfig) {
    let spec = &account.spec;
    json.text("name", account.name);
    if spec.unit_name() == Custom::<0>::NAME {
        json.text("unit", format_args!("custom/{}", spec.unit));
    } else {
        json.text("unit", spec.unit_name());
    }
    json.text("limit", Micros(spec.limit));
    if let Some(soft) = spec.soft {
        json.text("soft", Micros(soft));
    }
    write_renewal(json, &spec.renewal);
    let [reject, cap, debt] = OVERAGES;
    match spec.overage {
        Overage::Reject => json.text("overage", reject),
        Overage::Cap => json.text("overage", cap),
        Overage::Debt { max } => {
            json.text("overage", debt);
            json.text("max_debt", Micros(max));
        }
    }
    json.plain("forgive_debt", !spec.carry_debt);
    if let Some((min, max)) = spec.rollover {
        json.object("rollover", |json| {
            json.text("min", Micros(min));
            json.text("max", Micros(max));
        });
    }
    if spec.thresholds.iter().next().is_some() {
        json.list("thresholds", |json| {
            for share in spec.thresholds.iter() {
                json.next();
                let _ = write!(json, "\"{share}\"");
            }
        });
        json.text("hysteresis", spec.thresholds.hysteresis);
    }
}

fn write_renewal(json: &mut Json<'_>, renewal: &Renewal<'_>) {
    let [lifetime, day, week, month, rolling] = PERIODS;
    let calendar = match renewal {
        Renewal::Lifetime | Renewal::Zone(_) => return json.text("period", lifetime),
        Renewal::Rolling(window) => {
            json.text("period", rolling);
            json.span("length", window.length());
            json.plain("slices", window.slices());
            return;
        }
        Renewal::Calendar(calendar) => calendar,
    };
    match calendar.cycle {
        Cycle::Day => json.text("period", day),
        Cycle::Week { start } => {
            json.text("period", week);
            json.text("week_start", DAYS.get(start as usize).unwrap_or(&"monday"));
        }
        Cycle::Month { anchor, rule } => {
            json.text("period", month);
            json.plain("month_start", MonthDay::get(anchor));
            let [clamp, end] = SHORT_MONTHS;
            json.text("short_month", if rule == ShortMonth::EndOfLast { end } else { clamp });
        }
    }
    json.plain("utc_offset_min", calendar.offset.as_minutes());
}

fn write_breaker(json: &mut Json<'_>, policy: &BreakerPolicy) {
    match policy.trip {
        Trip::Consecutive { failures } => json.plain("failures", failures),
        Trip::Rolling { window, calls, permille } => {
            json.span("window", window);
            json.plain("calls", calls);
            json.plain("permille", permille);
        }
    }
    json.span("open_for", policy.open_for);
    json.plain("probes", policy.probes);
    json.span("probe_timeout", policy.lost_after);
}

fn write_retry(json: &mut Json<'_>, retry: &RetryConfig) {
    if let Some(costs) = retry.quota {
        json.object("quota", |json| {
            json.plain("capacity", costs.capacity);
            json.plain("transient", costs.transient);
            json.plain("throttled", costs.throttled);
            json.plain("success", costs.success);
        });
    }
    if let Some(ratio) = retry.ratio {
        json.object("ratio", |json| {
            json.span("per", ratio.per);
            json.plain("permille", ratio.permille);
            json.plain("per_second", ratio.per_second);
        });
    }
    if let Some(burst) = retry.burst {
        json.object("burst", |json| {
            json.plain("refusals", burst.refusals);
            json.span("within", burst.within);
            json.span("wait_min", burst.wait_min);
            json.span("wait_max", burst.wait_max);
        });
    }
}

fn write_adaptation(json: &mut Json<'_>, adaptation: &AdaptationConfig) {
    if let Some((policy, per)) = adaptation.rate {
        json.object("rate", |json| {
            json.span("per", per);
            write_aimd(json, &policy);
        });
    }
    if let Some(policy) = adaptation.jobs {
        json.object("jobs", |json| write_aimd(json, &policy));
    }
    if let Some(pacing) = adaptation.pacing {
        json.object("pacing", |json| {
            json.plain("below_permille", pacing.below_permille);
            json.span("least", pacing.least);
        });
    }
    json.plain("advertised", adaptation.advertised);
}

fn write_aimd(json: &mut Json<'_>, policy: &AimdPolicy) {
    json.plain("floor", policy.floor);
    json.plain("ceiling", policy.ceiling);
    json.plain("keep_permille", policy.keep_permille);
    json.plain("step", policy.step);
    json.plain("every", policy.every);
}
