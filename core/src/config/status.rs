//! A gate's figures as JSON.

use super::GateConfig;
use super::build::ConfiguredGate;
use super::write::{Json, Micros, WriteError};
use crate::breaker::Phase;
use crate::gate::{AnyLimits, Binding, Counters, Gate, JobState, Status};
use crate::hold::AccountId;
use crate::report::Report;
use crate::time::Instant;

/// Writes where a gate stands at `now`: its [`Status`], its [`Counters`], and the [`Report`] of every account, the first one
/// under the first of these names; one without a name is called `""`.
///
/// Amounts are text, exact decimals of whole units. Instants are microseconds. `null` stands for what is not limited, and
/// for a gate that is open. Changes nothing.
///
/// ```json
/// { "now": 0, "blocked_until": null, "requests": 29, "window": null, "slots": 3, "in_flight": 1, "foreign": 0, "calls": 1,
///   "jobs": { "asked": 1, "sent": 0, "unknown": 0, "running": 0, "needs_actual": 0, "overdue": 0, "settled": 0 },
///   "breaker": { "phase": "closed" },
///   "counters": { "granted": 1, "refused": { "block": 0, "requests": 0, ... }, "refunded": 0, ... },
///   "accounts": [ { "name": "daily", "unit": "credits", "limit": "66", "posted": "0", "held": "2.4", ... } ] }
/// ```
///
/// # Errors
/// [`WriteError::NoRoom`] with the length it takes: about 500 bytes, and 400 an account, more where the numbers are long.
///
/// # Example
/// ```
/// use tollgate::config::{WriteError, write_status};
/// use tollgate::{Gate, Instant, JobId, Limits, Request, Duration};
/// let mut gate = Gate::<_, 4, 2>::new(Limits::new(), Instant::ORIGIN).with_slots(2);
/// let _permit = gate.ask(Instant::ORIGIN, &Request::new(JobId(1), Duration::MAX))?;
/// let mut page = [0; 1024];
/// let status = write_status(Instant::ORIGIN, &gate, &[], &mut page)?;
/// assert!(status.contains(r#""slots":2,"in_flight":1,"#));
/// assert!(matches!(write_status(Instant::ORIGIN, &gate, &[], &mut [0; 9]), Err(WriteError::NoRoom { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_status<'b, L: AnyLimits, const JOBS: usize, const CALLS: usize>(
    now: Instant,
    gate: &Gate<L, JOBS, CALLS>,
    names: &[super::Name],
    page: &'b mut [u8],
) -> Result<&'b str, WriteError> {
    let accounts = (0..u8::MAX).map(|index| (usize::from(index), AccountId(index)));
    let name = |index: usize| names.get(index).map_or("", super::Name::as_str);
    write(now, gate, accounts.map(|(index, account)| (name(index), account)), page)
}

impl<const ACCOUNTS: usize> GateConfig<ACCOUNTS> {
    /// Writes where a gate that was built from this stands at `now`, with the names of its accounts: as [`write_status`].
    ///
    /// # Errors
    /// [`WriteError::NoRoom`].
    pub fn status<
        'b,
        const JOBS: usize,
        const CALLS: usize,
        const LINES: usize,
        const SLICES: usize,
        const WINDOW: usize,
    >(
        &self,
        now: Instant,
        gate: &ConfiguredGate<'_, ACCOUNTS, JOBS, CALLS, LINES, SLICES, WINDOW>,
        page: &'b mut [u8],
    ) -> Result<&'b str, WriteError> {
        let accounts = (0..u8::MAX).zip(&self.accounts);
        write(now, gate, accounts.map(|(index, account)| (account.name.as_str(), AccountId(index))), page)
    }
}

fn write<'n, 'b, L: AnyLimits, const JOBS: usize, const CALLS: usize>(
    now: Instant,
    gate: &Gate<L, JOBS, CALLS>,
    accounts: impl Iterator<Item = (&'n str, AccountId)>,
    page: &'b mut [u8],
) -> Result<&'b str, WriteError> {
    Json::whole(page, |json| {
        json.plain("now", now.as_micros());
        write_gate(json, &gate.status(now));
        json.list("accounts", |json| {
            for (name, account) in accounts {
                let Some(report) = gate.report(now, account) else { break };
                json.item(|json| write_report(json, name, &report));
            }
        });
    })
}

fn write_gate(json: &mut Json<'_>, status: &Status) {
    let limited = |room: u64| (room < u64::MAX).then_some(room);
    json.perhaps("blocked_until", status.blocked.map(Instant::as_micros));
    json.perhaps("requests", limited(status.requests));
    json.perhaps("window", limited(status.window));
    json.perhaps("slots", (status.slots < u32::MAX).then_some(u64::from(status.slots)));
    json.plain("in_flight", status.in_flight);
    json.plain("foreign", status.foreign);
    json.plain("calls", status.calls);
    json.object("jobs", |json| {
        for (name, state) in [
            ("asked", JobState::Asked),
            ("sent", JobState::Sent),
            ("unknown", JobState::Unknown),
            ("running", JobState::Running),
            ("needs_actual", JobState::NeedsActual),
            ("overdue", JobState::Overdue),
            ("settled", JobState::Settled),
        ] {
            json.plain(name, status.jobs_in(state));
        }
    });
    json.object("breaker", |json| match status.breaker {
        Phase::Closed => json.text("phase", "closed"),
        Phase::Open { until } => {
            json.text("phase", "open");
            json.plain("until", until.as_micros());
        }
        Phase::HalfOpen { out, passed, lost_at } => {
            json.text("phase", "half_open");
            json.plain("out", out);
            json.plain("passed", passed);
            json.plain("lost_at", lost_at.as_micros());
        }
    });
    json.object("counters", |json| write_counters(json, &status.counters));
}

fn write_counters(json: &mut Json<'_>, counters: &Counters) {
    json.plain("granted", counters.granted);
    json.object("refused", |json| {
        for (name, limit) in [
            ("block", Binding::Block),
            ("requests", Binding::Requests),
            ("window", Binding::Window),
            ("slots", Binding::Slots),
            ("jobs", Binding::Jobs),
            ("calls", Binding::Calls),
            ("money", Binding::Money(AccountId(0))),
            ("breaker", Binding::Breaker),
        ] {
            json.plain(name, counters.refused(limit));
        }
    });
    json.plain("refunded", counters.refunded);
    json.plain("expired", counters.expired);
    json.plain("forgotten", counters.forgotten);
    json.plain("late", counters.late);
    json.plain("clock_faults", counters.clock_faults);
    json.plain("parse_rejects", counters.parse_rejects);
}

fn write_report(json: &mut Json<'_>, name: &str, report: &Report) {
    json.text("name", name);
    json.text("unit", report.unit);
    for (name, micros) in [
        ("limit", report.limit),
        ("bonus", report.bonus),
        ("posted", report.posted),
        ("held", report.held),
        ("debt", report.debt),
        ("available", report.available),
        ("previous", report.previous),
        ("previous_held", report.previous_held),
        ("undated", report.undated),
        ("unaccounted", report.unaccounted),
    ] {
        json.text(name, Micros(micros));
    }
    json.plain("period", report.period);
    json.plain("permille", report.permille);
    for (name, is) in [("closed", report.closed), ("soft", report.soft), ("frozen", report.frozen)] {
        json.plain(name, is);
    }
    json.plain("armed", report.armed);
    json.plain("pending", report.pending);
    json.plain("clock_regressions", report.clock_regressions);
    json.plain("wall_steps", report.wall_steps);
}
