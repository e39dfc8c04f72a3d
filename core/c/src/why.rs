//! `tollgate_why`: the numbers behind a status, and how the errors of the core become one.

use core::ffi::{CStr, c_char};

use tollgate::{AskError, Binding, Denied, GateError, GiveUp, JobState, LedgerError, QuotaError, Shortfall};

use crate::status::tollgate_status::{self, self as S};

/// Why a call was not done. Written whenever the answer is not `TOLLGATE_STATUS_OK`, and only then; what an answer does
/// not speak of is zero. Every parameter of this type may be NULL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_why {
    /// What was answered.
    pub status: tollgate_status,
    /// Which limit of a gate binds, one of `tollgate_limit`.
    pub limit: u32,
    /// The account, by its position in the configuration.
    pub account: u32,
    /// The line, by its position in the call.
    pub line: u32,
    /// Where the job stands, one of `tollgate_job_state`.
    pub state: u32,
    /// When to come back, in microseconds of the caller's clock; `UINT64_MAX` for beyond all time.
    pub at_us: u64,
    /// The number that the status speaks of.
    pub amount: u64,
}

/// Which limit of a gate binds.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_limit {
    /// None, or not of a gate.
    None = 0,
    /// The server has closed the gate.
    Block = 1,
    /// The rate of requests.
    Requests = 2,
    /// The strict window of requests.
    Window = 3,
    /// Too many jobs at once.
    Slots = 4,
    /// The table of jobs is full.
    Jobs = 5,
    /// Too many requests on their way at once.
    Calls = 6,
    /// The account `why->account`; amounts are in millionths.
    Money = 7,
    /// The breaker is open.
    Breaker = 8,
}

/// What a limit is called, in a few English words, lower case, for a log. Never NULL; the text lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_limit_text(limit: u32) -> *const c_char {
    const TEXTS: &[(tollgate_limit, &CStr)] = &[
        (tollgate_limit::None, c"no limit"),
        (tollgate_limit::Block, c"the server's block"),
        (tollgate_limit::Requests, c"the rate of requests"),
        (tollgate_limit::Window, c"the window of requests"),
        (tollgate_limit::Slots, c"the slots"),
        (tollgate_limit::Jobs, c"the table of jobs"),
        (tollgate_limit::Calls, c"the requests on their way"),
        (tollgate_limit::Money, c"an account"),
        (tollgate_limit::Breaker, c"the breaker"),
    ];
    let known = TEXTS.iter().find(|(known, _)| *known as u32 == limit);
    known.map_or(c"not a limit", |(_, text)| text).as_ptr()
}

/// Where a job of a gate stands.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_job_state {
    /// It is not here: never asked for, free again, or forgotten.
    None = 0,
    /// It has a permit that is not sent yet.
    Asked = 1,
    /// Its request is under way.
    Sent = 2,
    /// Its request broke off: nobody knows whether it runs. Slot and money stay.
    Unknown = 3,
    /// The server has accepted it. Slot and money stay.
    Running = 4,
    /// The server no longer lists it, and nobody has said what it cost. The money stays.
    NeedsActual = 5,
    /// Its lease is over: its slot is free, its money is posted, and the first word about its cost corrects it.
    Overdue = 6,
    /// It is paid for.
    Settled = 7,
}

impl From<JobState> for tollgate_job_state {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Asked => Self::Asked,
            JobState::Sent => Self::Sent,
            JobState::Unknown => Self::Unknown,
            JobState::Running => Self::Running,
            JobState::NeedsActual => Self::NeedsActual,
            JobState::Overdue => Self::Overdue,
            JobState::Settled => Self::Settled,
        }
    }
}

impl tollgate_why {
    /// Nothing to say yet.
    const NONE: Self = Self { status: S::Ok, limit: 0, account: 0, line: 0, state: 0, at_us: 0, amount: 0 };

    /// The same, about this account.
    pub(crate) const fn of_account(self, account: u32) -> Self {
        Self { account, ..self }
    }

    fn of_line(status: S, line: u8) -> Self {
        Self { line: line.into(), ..status.into() }
    }

    fn of_state(status: S, state: JobState) -> Self {
        Self { state: tollgate_job_state::from(state) as u32, ..status.into() }
    }

    fn of_shortfall(status: S, short: Shortfall) -> Self {
        let (account, line) = (short.account.0.into(), short.line.into());
        Self { account, line, amount: short.micros, ..status.into() }
    }
}

impl From<S> for tollgate_why {
    fn from(status: S) -> Self {
        Self { status, ..Self::NONE }
    }
}

impl From<Denied> for tollgate_why {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Until(at) => Self { at_us: at.as_micros(), ..S::Until.into() },
            Denied::Busy => S::Busy.into(),
            Denied::Never { max } => Self { amount: max, ..S::Never.into() },
        }
    }
}

impl From<GiveUp> for tollgate_why {
    fn from(reason: GiveUp) -> Self {
        match reason {
            GiveUp::Retries => S::Retries.into(),
            GiveUp::Deadline => S::Deadline.into(),
        }
    }
}

impl From<QuotaError> for tollgate_why {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::ZeroUnits => S::ErrorQuotaUnits.into(),
            QuotaError::ZeroPeriod => S::ErrorQuotaPeriod.into(),
            QuotaError::ZeroBurst => S::ErrorQuotaBurst.into(),
            QuotaError::TooLarge { max_burst, .. } => Self { amount: max_burst.into(), ..S::ErrorQuotaTooLarge.into() },
            _ => S::ErrorOther.into(),
        }
    }
}

impl From<LedgerError> for tollgate_why {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::IdMismatch => S::ErrorMismatch.into(),
            LedgerError::NotFound | LedgerError::Absorbed => S::ErrorNotFound.into(),
            LedgerError::AlreadyPosted => S::ErrorAlreadyPosted.into(),
            LedgerError::AlreadyVoided => S::ErrorAlreadyVoided.into(),
            LedgerError::NotPosted => S::ErrorNotPosted.into(),
            LedgerError::Expired => S::ErrorExpired.into(),
            LedgerError::TooManyLines => S::ErrorTooMany.into(),
            LedgerError::UnitMismatch { line, .. } => Self::of_line(S::ErrorLineUnit, line),
            LedgerError::UnknownBudget { line } => Self::of_line(S::ErrorLineAccount, line),
            LedgerError::Repeated { line } => Self::of_line(S::ErrorLineRepeated, line),
            LedgerError::Unsettled { account } => Self { account: account.0.into(), ..S::ErrorLineMissing.into() },
            LedgerError::RefundExceeds { line, left } => {
                Self { amount: left, ..Self::of_line(S::ErrorLineRefund, line) }
            }
            LedgerError::Denied { short, .. } => Self::of_shortfall(S::Denied, short),
            LedgerError::Overage(short) => Self::of_shortfall(S::Overage, short),
            LedgerError::Full => S::ErrorFull.into(),
            _ => S::ErrorOther.into(),
        }
    }
}

impl From<GateError> for tollgate_why {
    fn from(error: GateError) -> Self {
        match error {
            GateError::NotFound => S::ErrorNotFound.into(),
            GateError::StalePermit => S::ErrorStalePermit.into(),
            GateError::Unexpected { state } => Self::of_state(S::ErrorUnexpected, state),
            GateError::Mismatch => S::ErrorMismatch.into(),
            GateError::Ledger(error) => error.into(),
            _ => S::ErrorOther.into(),
        }
    }
}

impl From<AskError> for tollgate_why {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused { limit, denied } => {
                let (limit, account) = match limit {
                    Binding::Block => (tollgate_limit::Block, 0),
                    Binding::Requests => (tollgate_limit::Requests, 0),
                    Binding::Window => (tollgate_limit::Window, 0),
                    Binding::Slots => (tollgate_limit::Slots, 0),
                    Binding::Jobs => (tollgate_limit::Jobs, 0),
                    Binding::Calls => (tollgate_limit::Calls, 0),
                    Binding::Money(account) => (tollgate_limit::Money, account.0.into()),
                    Binding::Breaker => (tollgate_limit::Breaker, 0),
                    _ => (tollgate_limit::None, 0),
                };
                Self { limit: limit as u32, account, ..denied.into() }
            }
            AskError::Known { state } => Self::of_state(S::Known, state),
            AskError::MaybeRunning => S::MaybeRunning.into(),
            AskError::Estimate(error) => error.into(),
            _ => S::ErrorOther.into(),
        }
    }
}
