//! What every function answers, and why: `tollgate_status` and `tollgate_why`.

use core::ffi::{CStr, c_char};

/// What a function has done. Zero is success, above zero is an ordinary refusal, below zero is a mistake of the caller.
/// Whatever is not `TOLLGATE_STATUS_OK` has changed nothing, unless a function says otherwise.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tollgate_status {
    /// Done.
    Ok = 0,
    /// Not now: the same call passes at `why->at_us`, and not a microsecond earlier.
    Until = 1,
    /// Not now: come back when something is released; time alone will not help.
    Busy = 2,
    /// Not ever: at most `why->amount` can pass in one call.
    Never = 3,
    /// There is nothing to tell.
    Nothing = 4,
    /// A budget has too little left: `why->account` is short of `why->amount` millionths. The id remembers it: ask anew
    /// under a new one.
    Denied = 5,
    /// A settlement does not fit: `why->account` is short of `why->amount` millionths. A live hold stays, and is posted
    /// when its time is up.
    Overage = 6,
    /// All retries are used.
    Retries = 7,
    /// The next sleep would end after the deadline.
    Deadline = 8,
    /// The job is here already, in the state `why->state`: asking again would run it twice.
    Known = 9,
    /// The job may be running, and its request must not be carried out twice.
    MaybeRunning = 10,
    /// Not now; nobody has asked why, or when.
    NotNow = 11,

    /// A pointer is NULL that must not be.
    ErrorNull = -1,
    /// A pointer is not aligned as its type asks for.
    ErrorMisaligned = -2,
    /// The storage holds nothing: it was not initialised, or what it held is used up.
    ErrorUninitialised = -3,
    /// The storage holds a handle of another kind.
    ErrorWrongKind = -4,
    /// The storage was copied or moved after it was initialised.
    ErrorMoved = -5,
    /// A number is not one of its enumeration, or a flag is neither 0 nor 1.
    ErrorValue = -6,
    /// A reservation of another limiter.
    ErrorForeign = -7,
    /// A list is longer than it may be.
    ErrorTooMany = -8,
    /// An amount is below zero.
    ErrorNegative = -9,

    /// A quota of zero units.
    ErrorQuotaUnits = -20,
    /// A quota per zero microseconds.
    ErrorQuotaPeriod = -21,
    /// A burst of zero units.
    ErrorQuotaBurst = -22,
    /// Burst times period is too large to be exact: at most `why->amount`.
    ErrorQuotaTooLarge = -23,
    /// A window with a limit of zero.
    ErrorWindowLimit = -24,
    /// A window whose length is zero, or no whole number of microseconds for each of its slices.
    ErrorWindowLength = -25,
    /// A backoff whose base is above its max.
    ErrorBackoffBase = -26,
    /// A backoff whose factor is below 1000 permille.
    ErrorBackoffGrowth = -27,
    /// A jitter that is not one of its enumeration, or whose range is empty.
    ErrorBackoffJitter = -28,
    /// More budgets than there are places.
    ErrorBudgetCount = -29,
    /// The unit of budget `why->account` is not one of its enumeration.
    ErrorBudgetUnit = -30,
    /// The renewal of budget `why->account` is not one of its enumeration.
    ErrorBudgetRenewal = -31,
    /// The limit of budget `why->account` is below zero.
    ErrorBudgetLimit = -32,
    /// The soft limit of budget `why->account` is below zero.
    ErrorBudgetSoft = -33,
    /// The overage of budget `why->account` is not one of its enumeration, or its debt is below zero or, with the limit,
    /// above `INT64_MAX`.
    ErrorBudgetOverage = -34,
    /// The offset of budget `why->account` is outside of -1440 to 1440 minutes.
    ErrorBudgetOffset = -35,
    /// The day of budget `why->account` is outside of 0 to 31, or of 0 to 6.
    ErrorBudgetDay = -36,
    /// The window of budget `why->account` does not divide into 1 to 4096 slices, or there are too few left for it.
    ErrorBudgetWindow = -37,
    /// The alerts of budget `why->account` are not ascending.
    ErrorBudgetAlerts = -38,
    /// A breaker that opens for no time.
    ErrorBreaker = -39,
    /// A time to send or to answer that is zero.
    ErrorPatience = -40,

    /// No job or hold has this id, or it is no longer remembered.
    ErrorNotFound = -60,
    /// The job has a slot already.
    ErrorAlreadyOpen = -61,
    /// The permit is not one of a request under way: used up, cancelled, or not sent in time.
    ErrorStalePermit = -62,
    /// This does not happen to a job in the state `why->state`.
    ErrorUnexpected = -63,
    /// The id was used before for other amounts.
    ErrorMismatch = -64,
    /// Settled already, at another amount.
    ErrorAlreadyPosted = -65,
    /// Voided already.
    ErrorAlreadyVoided = -66,
    /// Not settled yet, so that nothing can be refunded.
    ErrorNotPosted = -67,
    /// The hold's time is up.
    ErrorExpired = -68,
    /// All the places for holds are taken by live ones.
    ErrorFull = -69,
    /// Line `why->line` is in another unit than its account.
    ErrorLineUnit = -70,
    /// Line `why->line` names an account that is not there, or is not part of the job.
    ErrorLineAccount = -71,
    /// Line `why->line` names an account a second time.
    ErrorLineRepeated = -72,
    /// No line for `why->account`; say zero if it is zero.
    ErrorLineMissing = -73,
    /// Line `why->line` refunds more than the `why->amount` millionths left.
    ErrorLineRefund = -74,
    /// Something that this version of the interface has no name for.
    ErrorOther = -99,
}

use tollgate_status as S;

/// Each with a few words.
const TEXTS: &[(S, &CStr)] = &[
    (S::Ok, c"done"),
    (S::Until, c"not before an instant"),
    (S::Busy, c"not before something is released"),
    (S::Never, c"never: too much at once"),
    (S::Nothing, c"nothing to tell"),
    (S::Denied, c"denied: a budget has too little left"),
    (S::Overage, c"the settlement does not fit"),
    (S::Retries, c"all retries are used"),
    (S::Deadline, c"the next sleep would end after the deadline"),
    (S::Known, c"the job is here already: expected a new one"),
    (S::MaybeRunning, c"the job may be running: expected an idempotency key to send it again"),
    (S::NotNow, c"not now"),
    (S::ErrorNull, c"a pointer is NULL: expected storage"),
    (S::ErrorMisaligned, c"a pointer is misaligned: expected the alignment of its type"),
    (S::ErrorUninitialised, c"the storage holds nothing: expected it to be initialised"),
    (S::ErrorWrongKind, c"the storage holds a handle of another kind"),
    (S::ErrorMoved, c"the storage was moved: expected it where it was initialised"),
    (S::ErrorValue, c"a number is not one of its enumeration"),
    (S::ErrorForeign, c"a reservation of another limiter"),
    (S::ErrorTooMany, c"a list is longer than it may be"),
    (S::ErrorNegative, c"an amount below zero"),
    (S::ErrorQuotaUnits, c"a quota of 0 units: expected at least 1"),
    (S::ErrorQuotaPeriod, c"a quota per 0 us: expected at least 1 us"),
    (S::ErrorQuotaBurst, c"a burst of 0 units: expected at least 1"),
    (S::ErrorQuotaTooLarge, c"burst x period is too large to be exact: expected a smaller burst"),
    (S::ErrorWindowLimit, c"a window of 0 units: expected at least 1"),
    (S::ErrorWindowLength, c"a window's length: expected whole microseconds for each slice"),
    (S::ErrorBackoffBase, c"a backoff whose base is above its max"),
    (S::ErrorBackoffGrowth, c"a backoff's factor: expected at least 1000 permille"),
    (S::ErrorBackoffJitter, c"a backoff's jitter: expected one of the enumeration, and a range that is not empty"),
    (S::ErrorBudgetCount, c"more budgets than there are places"),
    (S::ErrorBudgetUnit, c"a budget's unit: expected one of the enumeration"),
    (S::ErrorBudgetRenewal, c"a budget's renewal: expected one of the enumeration"),
    (S::ErrorBudgetLimit, c"a budget's limit: expected at least 0"),
    (S::ErrorBudgetSoft, c"a budget's soft limit: expected at least 0"),
    (S::ErrorBudgetOverage, c"a budget's overage: expected one of the enumeration, and a debt that fits"),
    (S::ErrorBudgetOffset, c"a budget's offset: expected -1440 to 1440 minutes"),
    (S::ErrorBudgetDay, c"a budget's day: expected 0 to 31 of a month, 0 to 6 of a week"),
    (S::ErrorBudgetWindow, c"a budget's window: expected whole microseconds for each slice, and room for the slices"),
    (S::ErrorBudgetAlerts, c"a budget's alerts: expected each above the one before"),
    (S::ErrorBreaker, c"a breaker that opens for 0 us: expected at least 1 us"),
    (S::ErrorPatience, c"0 us to send or to answer: expected at least 1 us"),
    (S::ErrorNotFound, c"no job or hold has this id"),
    (S::ErrorAlreadyOpen, c"the job has a slot already"),
    (S::ErrorStalePermit, c"a permit that is used up: expected one of a request under way"),
    (S::ErrorUnexpected, c"this does not happen to a job in this state"),
    (S::ErrorMismatch, c"the id was used for other amounts"),
    (S::ErrorAlreadyPosted, c"settled already, at another amount"),
    (S::ErrorAlreadyVoided, c"voided already"),
    (S::ErrorNotPosted, c"not settled yet: expected a settled job"),
    (S::ErrorExpired, c"the hold's time is up"),
    (S::ErrorFull, c"no place for another hold: expected one to be settled first"),
    (S::ErrorLineUnit, c"a line is in another unit than its account"),
    (S::ErrorLineAccount, c"a line names an account that is not there"),
    (S::ErrorLineRepeated, c"a line names an account a second time"),
    (S::ErrorLineMissing, c"no line for an account of the job: expected one, or zero"),
    (S::ErrorLineRefund, c"a line refunds more than is left"),
    (S::ErrorOther, c"something that this version has no name for"),
];

/// What a status means, in a few English words, lower case, for a log. Never NULL; the text lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_status_text(status: i32) -> *const c_char {
    let known = TEXTS.iter().find(|(known, _)| *known as i32 == status);
    known.map_or(c"not a status", |(_, text)| text).as_ptr()
}
