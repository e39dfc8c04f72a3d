//! Where a `tollgate_gate` stands, in a fixed size.

use tollgate::{AccountId, Binding, Instant, Phase};

use crate::call::{Place, plain};
use crate::gate::{gate_read, tollgate_gate};
use crate::status::tollgate_status;

/// Where the breaker of a gate stands.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_phase {
    /// It lets everything through, or there is none.
    Closed = 0,
    /// It lets nothing through before `breaker_until_us`.
    Open = 1,
    /// It lets a probe through.
    HalfOpen = 2,
}

/// Where a gate stands. Every counter saturates.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_gate_state {
    /// Closed by the server until then, in microseconds; 0 while open.
    pub blocked_until_us: u64,
    /// When the breaker lets the first probe through, in microseconds; 0 unless it is open.
    pub breaker_until_us: u64,
    /// Requests that could go now.
    pub requests: u64,
    /// The weight that is taken, by jobs of ours and by strangers.
    pub in_flight: u64,
    /// The limit on slots.
    pub slots: u32,
    /// Requests between permit and answer.
    pub calls: u32,
    /// How many jobs stand where, by `tollgate_job_state`.
    pub jobs: [u32; 8],
    /// One of `tollgate_phase`.
    pub breaker: u32,
    /// Permits given.
    pub granted: u32,
    /// Refusals, by the `tollgate_limit` that bound.
    pub refused: [u32; 9],
    /// Jobs that gave back all they held.
    pub refunded: u32,
    /// Permits not sent in time, requests not answered in time, and leases that were over.
    pub expired: u32,
    /// Overdue jobs that were forgotten for want of room.
    pub forgotten: u32,
    /// Costs of jobs that nobody remembered.
    pub late: u32,
    /// Calls whose stamp was older than one acted on before.
    pub clock_faults: u32,
}

/// Writes where the gate stands to `state`. Changes nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_status(
    gate: *const tollgate_gate,
    now_us: u64,
    state: *mut tollgate_gate_state,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, place) = (gate_read(gate)?, Place::new(state)?);
            place.put(gate.status(Instant::from_micros(now_us)).into());
            Ok(())
        })
    }
}

impl From<tollgate::Status> for tollgate_gate_state {
    fn from(status: tollgate::Status) -> Self {
        let (breaker, until) = match status.breaker {
            Phase::Closed => (tollgate_phase::Closed, 0),
            Phase::Open { until } => (tollgate_phase::Open, until.as_micros()),
            Phase::HalfOpen { .. } => (tollgate_phase::HalfOpen, 0),
        };
        let [asked, sent, unknown, running, needs_actual, overdue, settled] = status.jobs;
        let counters = status.counters;
        let refused = |limit| counters.refused(limit);
        Self {
            blocked_until_us: status.blocked.map_or(0, Instant::as_micros),
            breaker_until_us: until,
            requests: status.requests,
            in_flight: status.in_flight,
            slots: status.slots,
            calls: status.calls,
            jobs: [0, asked, sent, unknown, running, needs_actual, overdue, settled],
            breaker: breaker as u32,
            granted: counters.granted,
            refused: [
                0,
                refused(Binding::Block),
                refused(Binding::Requests),
                refused(Binding::Window),
                refused(Binding::Slots),
                refused(Binding::Jobs),
                refused(Binding::Calls),
                refused(Binding::Money(AccountId(0))),
                refused(Binding::Breaker),
            ],
            refunded: counters.refunded,
            expired: counters.expired,
            forgotten: counters.forgotten,
            late: counters.late,
            clock_faults: counters.clock_faults,
        }
    }
}
