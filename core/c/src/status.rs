//! What every function answers, and why: `tollgate_status` and `tollgate_why`.

use core::ffi::{CStr, c_char};

use tollgate::{Denied, QuotaError};

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
    /// A number is not one of its enumeration.
    ErrorValue = -6,
    /// A reservation of another limiter.
    ErrorForeign = -7,

    /// A quota of zero units.
    ErrorQuotaUnits = -20,
    /// A quota per zero microseconds.
    ErrorQuotaPeriod = -21,
    /// A burst of zero units.
    ErrorQuotaBurst = -22,
    /// Burst times period is too large to be exact; `why->amount` is the largest burst.
    ErrorQuotaTooLarge = -23,
}

impl tollgate_status {
    const fn text(self) -> &'static CStr {
        match self {
            Self::Ok => c"done",
            Self::Until => c"not before an instant",
            Self::Busy => c"not before something is released",
            Self::Never => c"never: too much at once",
            Self::Nothing => c"nothing to tell",
            Self::ErrorNull => c"a pointer is NULL: expected storage",
            Self::ErrorMisaligned => c"a pointer is misaligned: expected the alignment of its type",
            Self::ErrorUninitialised => c"the storage holds nothing: expected it to be initialised",
            Self::ErrorWrongKind => c"the storage holds a handle of another kind",
            Self::ErrorMoved => c"the storage was moved: expected it where it was initialised",
            Self::ErrorValue => c"a number is not one of its enumeration",
            Self::ErrorForeign => c"a reservation of another limiter",
            Self::ErrorQuotaUnits => c"a quota of 0 units: expected at least 1",
            Self::ErrorQuotaPeriod => c"a quota per 0 us: expected at least 1 us",
            Self::ErrorQuotaBurst => c"a burst of 0 units: expected at least 1",
            Self::ErrorQuotaTooLarge => c"burst x period is too large to be exact: expected a smaller burst",
        }
    }

    /// Every one of them.
    const ALL: [Self; 16] = [
        Self::Ok,
        Self::Until,
        Self::Busy,
        Self::Never,
        Self::Nothing,
        Self::ErrorNull,
        Self::ErrorMisaligned,
        Self::ErrorUninitialised,
        Self::ErrorWrongKind,
        Self::ErrorMoved,
        Self::ErrorValue,
        Self::ErrorForeign,
        Self::ErrorQuotaUnits,
        Self::ErrorQuotaPeriod,
        Self::ErrorQuotaBurst,
        Self::ErrorQuotaTooLarge,
    ];
}

/// Why a call was not done. Written whenever the answer is not `TOLLGATE_STATUS_OK`, and only then; what an answer does
/// not speak of is zero. Every parameter of this type may be NULL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct tollgate_why {
    /// What was answered.
    pub status: tollgate_status,
    /// When to come back, in microseconds of the caller's clock; `UINT64_MAX` for beyond all time.
    pub at_us: u64,
    /// The number that the answer speaks of.
    pub amount: u64,
}

/// Why a call was not done, inside.
pub(crate) type Why = tollgate_why;

impl From<tollgate_status> for tollgate_why {
    fn from(status: tollgate_status) -> Self {
        Self { status, at_us: 0, amount: 0 }
    }
}

impl From<Denied> for tollgate_why {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Until(at) => Self { at_us: at.as_micros(), ..tollgate_status::Until.into() },
            Denied::Busy => tollgate_status::Busy.into(),
            Denied::Never { max } => Self { amount: max, ..tollgate_status::Never.into() },
        }
    }
}

impl From<QuotaError> for tollgate_why {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::ZeroUnits => tollgate_status::ErrorQuotaUnits.into(),
            QuotaError::ZeroPeriod => tollgate_status::ErrorQuotaPeriod.into(),
            QuotaError::ZeroBurst => tollgate_status::ErrorQuotaBurst.into(),
            QuotaError::TooLarge { max_burst, .. } => {
                Self { amount: max_burst.into(), ..tollgate_status::ErrorQuotaTooLarge.into() }
            }
            _ => tollgate_status::ErrorValue.into(),
        }
    }
}

/// What a status means, in a few English words, lower case, for a log. Never NULL; the text lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_status_text(status: i32) -> *const c_char {
    let known = tollgate_status::ALL.into_iter().find(|known| *known as i32 == status);
    known.map_or(c"not a status", tollgate_status::text).as_ptr()
}
