//! `tollgate_gate`: every limit of one upstream behind one admission.

use tollgate::{
    Breaker, BreakerPolicy, Duration, Gate, Instant, JobId, Ledger, Limits, Patience, Permit, Quota, Request, Start,
    TokenBucket, Trip,
};

use crate::bucket::tollgate_quota;
use crate::budget::{self, Specs, TOLLGATE_ACCOUNTS, TOLLGATE_ROLLING_SLICES, lines, tollgate_budget, tollgate_line};
use crate::call::{Place, explained, given, plain};
use crate::handle::{self, handle, inside};
use crate::outcome::{fate, repeatable, tollgate_answer, tollgate_outcome, tollgate_retry};
use crate::response::tollgate_response;
use crate::status::tollgate_status;
use crate::why::tollgate_why;

/// How many jobs a `tollgate_gate` has room for, the remembered ones included.
pub const TOLLGATE_GATE_JOBS: usize = 16;

/// How many requests of a `tollgate_gate` can be on their way at once.
pub const TOLLGATE_GATE_CALLS: usize = 4;

/// Words of 64 bits in a `tollgate_gate`.
pub const TOLLGATE_GATE_WORDS: usize = 517;

/// Every limit of one upstream: requests, slots, accounts, a breaker, the server's word. In the caller's storage, which
/// stays where it is from `tollgate_gate_init` on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_gate {
    opaque: [u64; TOLLGATE_GATE_WORDS],
}
handle!(tollgate_gate, 9, Upstream);

/// Words of 64 bits in a `tollgate_permit`.
pub const TOLLGATE_PERMIT_WORDS: usize = 5;

/// The permission to send one request, now. A value: it may be moved and copied, and is used up once.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_permit {
    opaque: [u64; TOLLGATE_PERMIT_WORDS],
}
handle!(tollgate_permit, 10, Permit, COPIED);

type Accounts = Ledger<'static, TOLLGATE_ACCOUNTS, 0, TOLLGATE_ACCOUNTS, 0, TOLLGATE_ROLLING_SLICES>;
pub(crate) type TheGate = Gate<Limits<TokenBucket, (), Accounts, Breaker>, TOLLGATE_GATE_JOBS, TOLLGATE_GATE_CALLS>;

/// The gate's ledger refers to the budgets beside it. Nobody makes a reference to the whole, only to the gate.
#[derive(Debug)]
pub(crate) struct Upstream {
    specs: Specs,
    gate: TheGate,
}

/// The gate in a storage.
///
/// # Safety
/// As [`inside`], and `'h` ends with the call.
pub(crate) unsafe fn gate_of<'h>(gate: *mut tollgate_gate) -> Result<&'h mut TheGate, tollgate_status> {
    // SAFETY: sealed storage holds a valid upstream, and the caller promises the rest.
    unsafe { inside(gate).map(|upstream| &mut (*upstream).gate) }
}

/// The gate in a storage, to look at.
///
/// # Safety
/// As [`inside`], and `'h` ends with the call.
pub(crate) unsafe fn gate_read<'h>(gate: *const tollgate_gate) -> Result<&'h TheGate, tollgate_status> {
    // SAFETY: sealed storage holds a valid upstream, and the caller promises the rest.
    unsafe { inside(gate).map(|upstream| &(*upstream).gate) }
}

/// The budgets of the gate in a storage.
///
/// # Safety
/// As [`inside`].
pub(crate) unsafe fn specs_of(gate: *mut tollgate_gate) -> Result<*mut Specs, tollgate_status> {
    // SAFETY: sealed storage holds a valid upstream, and the caller promises the rest.
    unsafe { inside(gate).map(|upstream| &raw mut (*upstream).specs) }
}

/// What a gate keeps. What is zero is off or usual, but for the quota, which there must be.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tollgate_gate_config {
    /// Requests, by rate.
    pub quota: tollgate_quota,
    /// An account for each of these, known by its position. They are copied. May be NULL if there are none.
    pub budgets: *const tollgate_budget,
    /// How many there are, at most `TOLLGATE_ACCOUNTS`.
    pub budget_count: usize,
    /// How long the breaker stays open before it lets a probe through, in microseconds.
    pub breaker_open_us: u64,
    /// So many failures in a row open the breaker; 0 for no breaker.
    pub breaker_failures: u32,
    /// How many jobs may run at once, by weight; 0 for no limit.
    pub slots: u32,
    /// Requests that are there at the start; `UINT32_MAX` for the whole burst, 0 after a reboot without a memory.
    pub start: u32,
    /// A permit that is not sent within this is void, in microseconds; 0 for 30 s.
    pub to_send_us: u64,
    /// A request that is not answered within this is lost, in microseconds; 0 for two minutes.
    pub to_answer_us: u64,
    /// The longest that a server can close the gate for, in microseconds; 0 for an hour.
    pub max_block_us: u64,
}

/// Makes a gate in `gate`, whatever was there. The configuration is looked at as a whole before anything is done.
///
/// Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...`, `TOLLGATE_STATUS_ERROR_BREAKER`, and `TOLLGATE_STATUS_ERROR_BUDGET_...` with
/// `why->account`, each of which names the field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_init(
    gate: *mut tollgate_gate,
    config: *const tollgate_gate_config,
    now_us: u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    let now = Instant::from_micros(now_us);
    // SAFETY: the caller keeps the rules. The budgets stay beside the gate that refers to them, and are sealed with it.
    unsafe {
        explained(why, || {
            let config = given(config)?;
            let quota = Quota::try_from(config.quota)?;
            let breaker = config.breaker().map_err(|_| tollgate_status::ErrorBreaker)?;
            budget::check(config.budgets, config.budget_count)?;
            let start = if config.start == u32::MAX { Start::Full } else { Start::With(config.start) };

            let upstream = handle::begin(gate)?;
            let made = &raw mut (*upstream).gate;
            let limits = Limits::new().requests(TokenBucket::new(quota, start, now)).money(Ledger::new(Duration::ZERO));
            made.write(Gate::new(limits.breaker(Breaker::new(breaker, now)), now));
            let (made, specs) = (&mut *made, &raw mut (*upstream).specs);
            budget::open(config.budgets, config.budget_count, now, specs, made.money_mut(now))?;
            made.set_slots(if config.slots == 0 { u32::MAX } else { config.slots });
            made.set_patience(config.patience());
            handle::finish(gate);
            Ok(())
        })
    }
}

impl tollgate_gate_config {
    /// Without one, a breaker that opens after four billion failures in a row, for a microsecond.
    fn breaker(&self) -> Result<BreakerPolicy, tollgate::BreakerError> {
        match self.breaker_failures {
            0 => BreakerPolicy::new(Trip::Consecutive { failures: u32::MAX }, Duration::from_micros(1)),
            failures => BreakerPolicy::new(Trip::Consecutive { failures }, Duration::from_micros(self.breaker_open_us)),
        }
    }

    fn patience(&self) -> Patience {
        let or = |micros: u64, usual: Duration| if micros == 0 { usual } else { Duration::from_micros(micros) };
        let usual = Patience::DEFAULT;
        Patience {
            to_send: or(self.to_send_us, usual.to_send),
            to_answer: or(self.to_answer_us, usual.to_answer),
            max_block: or(self.max_block_us, usual.max_block),
        }
    }
}

/// One request for a permit.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tollgate_request {
    /// The caller's name for the job.
    pub job: u64,
    /// How long the job may run from its sending unless it is renewed, in microseconds; 0 for ever.
    pub lease_us: u64,
    /// About what it will cost, a line for each account. May be NULL if it costs nothing.
    pub estimate: *const tollgate_line,
    /// How many lines, at most `TOLLGATE_ACCOUNTS`.
    pub estimate_count: usize,
    /// How many slots it takes; usually 1, 0 for none.
    pub weight: u32,
    /// How many requests it counts as; usually 1.
    pub requests: u32,
    /// One of `tollgate_repeatable`: whether it may be sent again while nobody knows whether it runs.
    pub repeatable: u32,
    /// How often it was sent before.
    pub attempt: u32,
}

/// Asks to send the request of a job, now: all limits agree and are charged, or none is. The permit is written to `permit`.
///
/// Refused with `TOLLGATE_STATUS_UNTIL`, `TOLLGATE_STATUS_BUSY` or `TOLLGATE_STATUS_NEVER` and `why->limit`; with
/// `TOLLGATE_STATUS_KNOWN` and `TOLLGATE_STATUS_MAYBE_RUNNING`. Errors: `TOLLGATE_STATUS_ERROR_LINE_...`,
/// `TOLLGATE_STATUS_ERROR_NEGATIVE`, `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_ask(
    gate: *mut tollgate_gate,
    now_us: u64,
    request: *const tollgate_request,
    permit: *mut tollgate_permit,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let (gate, request, _) = (gate_of(gate)?, given(request)?, handle::sound_mut(permit)?);
            let estimate = lines(request.estimate, request.estimate_count)?;
            let given = gate.ask(Instant::from_micros(now_us), &request.with(estimate.as_slice())?)?;
            Ok(handle::put(permit, given)?)
        })
    }
}

/// As `tollgate_gate_ask`, for who comes back anyway: yes, or `TOLLGATE_STATUS_NOT_NOW`. The reason, and when, would be told by
/// `tollgate_gate_earliest`; to find that out is most of the work of a refusal, and of the code.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NEGATIVE`, `TOLLGATE_STATUS_ERROR_VALUE`; what else is wrong with the request is
/// `TOLLGATE_STATUS_NOT_NOW` too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_try_ask(
    gate: *mut tollgate_gate,
    now_us: u64,
    request: *const tollgate_request,
    permit: *mut tollgate_permit,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, request, _) = (gate_of(gate)?, given(request)?, handle::sound_mut(permit)?);
            let estimate = lines(request.estimate, request.estimate_count)?;
            let given = gate.try_ask(Instant::from_micros(now_us), &request.with(estimate.as_slice())?);
            Ok(handle::put(permit, given.ok_or(tollgate_status::NotNow)?)?)
        })
    }
}

/// Writes when this request would pass, if nothing happens until then, to `at_us`. Changes nothing.
///
/// Refused and errors as `tollgate_gate_ask`, but never `TOLLGATE_STATUS_UNTIL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_earliest(
    gate: *const tollgate_gate,
    now_us: u64,
    request: *const tollgate_request,
    at_us: *mut u64,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let (gate, request, place) = (gate_read(gate)?, given(request)?, Place::new(at_us)?);
            let estimate = lines(request.estimate, request.estimate_count)?;
            let at = gate.earliest(Instant::from_micros(now_us), &request.with(estimate.as_slice())?)?;
            place.put(at.as_micros());
            Ok(())
        })
    }
}

impl tollgate_request {
    fn with<'e>(&self, estimate: &'e [tollgate::Line]) -> Result<Request<'e>, tollgate_status> {
        let request = Request::new(JobId(self.job), Duration::from_micros(self.lease_us)).weighs(self.weight);
        let request = request.counts(self.requests).costs(estimate).attempt(self.attempt);
        Ok(request.repeatable(repeatable(self.repeatable)?))
    }
}

/// Asks to send a request that starts no job and costs no money: a question for a status. `cost` is what the provider
/// counts it for. The permit is written to `permit`.
///
/// Refused as `tollgate_gate_ask`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_poll(
    gate: *mut tollgate_gate,
    now_us: u64,
    cost: u32,
    permit: *mut tollgate_permit,
    why: *mut tollgate_why,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        explained(why, || {
            let (gate, _) = (gate_of(gate)?, handle::sound_mut(permit)?);
            Ok(handle::put(permit, gate.poll(Instant::from_micros(now_us), cost)?)?)
        })
    }
}

/// The request goes out now: the point after which a reboot cannot tell whether its job runs.
///
/// Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT` if it is too late, `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was sent
/// already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_sending(
    gate: *mut tollgate_gate,
    now_us: u64,
    permit: *const tollgate_permit,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe { plain(|| Ok(gate_of(gate)?.sending(Instant::from_micros(now_us), handle::look(permit)?)?)) }
}

/// Gives a permit back, and uses it up. Not sent yet, everything returns; once sent, its job is
/// `TOLLGATE_JOB_STATE_UNKNOWN`, for it may run.
///
/// Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_cancel(
    gate: *mut tollgate_gate,
    now_us: u64,
    permit: *mut tollgate_permit,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let gate = gate_of(gate)?;
            Ok(gate.cancel(Instant::from_micros(now_us), handle::take(permit)?)?)
        })
    }
}

/// Hears how a request ended, settles what it booked, and writes what becomes of it to `answer`. `retry` is the call's own,
/// and `entropy` any 32 random bits. Uses the permit up.
///
/// A job that was refused is free: money and slot return. One that broke off is `TOLLGATE_JOB_STATE_UNKNOWN`.
///
/// Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was not sent;
/// `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_answered(
    gate: *mut tollgate_gate,
    now_us: u64,
    permit: *mut tollgate_permit,
    outcome: *const tollgate_outcome,
    retry: *mut tollgate_retry,
    entropy: u32,
    answer: *mut tollgate_answer,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, retry, place) = (gate_of(gate)?, handle::open(retry)?, Place::new(answer)?);
            let outcome = given(outcome)?.try_into()?;
            let used = handle::look(permit)?;
            let answer = gate.answered(Instant::from_micros(now_us), used, &outcome, retry, entropy)?;
            let _ = handle::take(permit)?;
            place.put(answer.into());
            Ok(())
        })
    }
}

/// Hears what has become of a request, one of `tollgate_fate`, from a program that decides by itself whether to send it again:
/// `tollgate_gate_answered` without its `tollgate_retry`. A breaker takes `TOLLGATE_FATE_RUNS` for a success,
/// `TOLLGATE_FATE_UNKNOWN` for a failure, and the others for neither; nothing is learnt about the server. Uses the permit up.
///
/// Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was not sent;
/// `TOLLGATE_STATUS_ERROR_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_resolved(
    gate: *mut tollgate_gate,
    now_us: u64,
    permit: *mut tollgate_permit,
    fate: u32,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, fate) = (gate_of(gate)?, self::fate(fate)?);
            gate.resolved(Instant::from_micros(now_us), handle::look(permit)?, fate)?;
            let _ = handle::take(permit)?;
            Ok(())
        })
    }
}

/// Hears what a response of this HTTP status said about limits besides its outcome: what is left of the rate is believed
/// if it is less than we thought. Call it before `tollgate_gate_answered`; a server never raises anything by this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_gate_heard(
    gate: *mut tollgate_gate,
    now_us: u64,
    response: *const tollgate_response,
    status: u16,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (gate, response) = (gate_of(gate)?, handle::look(response)?);
            gate.heard(Instant::from_micros(now_us), &response.finish(status, None));
            Ok(())
        })
    }
}
