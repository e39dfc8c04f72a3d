//! `tollgate_response`: what servers say about their limits.

use tollgate::headers::retry_after::RetryAfter;
use tollgate::headers::{Feedback, FeedbackReader, Mode, dialects};
use tollgate::{Duration, UnixMicros, Verdict};

use crate::call::{Place, bytes, plain};
use crate::handle::{self, handle};
use crate::outcome::{tollgate_failure, tollgate_outcome, tollgate_verdict};
use crate::status::tollgate_status;

/// Words of 64 bits in a `tollgate_response`.
pub const TOLLGATE_RESPONSE_WORDS: usize = 142;

/// The header lines of one response, as far as they speak of limits. In the caller's storage, which stays where it is from
/// `tollgate_response_init` on.
#[repr(C)]
#[derive(Debug)]
pub struct tollgate_response {
    opaque: [u64; TOLLGATE_RESPONSE_WORDS],
}
handle!(tollgate_response, 8, FeedbackReader);

impl From<&Feedback> for tollgate_outcome {
    fn from(feedback: &Feedback) -> Self {
        let verdict = match feedback.verdict() {
            Verdict::Clear => tollgate_verdict::Clear,
            Verdict::Soft => tollgate_verdict::Soft,
            Verdict::Blind => tollgate_verdict::Blind,
            Verdict::Concurrency => tollgate_verdict::Concurrency,
            Verdict::HardQuota => tollgate_verdict::HardQuota,
            Verdict::Overloaded => tollgate_verdict::Overloaded,
        };
        Self {
            wait_us: feedback.gate().map_or(0, Duration::as_micros),
            at_once: feedback.gate().is_some_and(Duration::is_zero).into(),
            failure: tollgate_failure::None as u32,
            verdict: verdict as u32,
            should_retry: feedback.should_retry().map_or(0, |yes| if yes { 1 } else { -1 }),
            status: feedback.status(),
        }
    }
}

/// Reads the value of a `Retry-After` header: whole seconds, a decimal, or a date; writes the wait to `wait_us`. `unix_us`
/// is what a clock showed at the receipt, for a date; negative if there is none.
///
/// `TOLLGATE_STATUS_NOTHING` if it cannot be read, or is a date and there is no clock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_retry_after(
    value: *const u8,
    length: usize,
    unix_us: i64,
    wait_us: *mut u64,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (value, place) = (bytes(value, length)?, Place::new(wait_us)?);
            let mut header = RetryAfter::new();
            header.line(value, Mode::Lenient);
            let now = (unix_us >= 0).then_some(UnixMicros::from_micros(unix_us));
            place.put(header.resolve(now).ok_or(tollgate_status::Nothing)?.delay.span.as_micros());
            Ok(())
        })
    }
}

/// Makes a reader of header lines in `response`, whatever was there, for a server by the name of its dialect (of
/// `dialect_length` bytes: "github", "kling"), or for any server if `dialect` is NULL.
///
/// Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND` for a dialect that nobody knows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_response_init(
    response: *mut tollgate_response,
    dialect: *const u8,
    dialect_length: usize,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let known = if dialect.is_null() {
                &dialects::GENERIC
            } else {
                let name = core::str::from_utf8(bytes(dialect, dialect_length)?).ok();
                name.and_then(dialects::by_name).ok_or(tollgate_status::ErrorNotFound)?
            };
            Ok(handle::put(response, FeedbackReader::of(known))?)
        })
    }
}

/// Takes one header line: its name and its value, without the colon and the end of the line, in any order. What has nothing
/// to do with limits is ignored; what cannot be read is ignored and counted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_response_line(
    response: *mut tollgate_response,
    name: *const u8,
    name_length: usize,
    value: *const u8,
    value_length: usize,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (response, name) = (handle::open(response)?, bytes(name, name_length)?);
            response.line(name, bytes(value, value_length)?);
            Ok(())
        })
    }
}

/// Takes the server's own error code from the response's body, which its dialect may know the meaning of.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_response_code(response: *mut tollgate_response, code: u32) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            handle::open(response)?.code(code);
            Ok(())
        })
    }
}

/// Writes what all lines together mean, for a response of this HTTP status, to `outcome`. `unix_us` is what a wall clock
/// showed at the receipt, for a response without a `Date`; negative if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_response_outcome(
    response: *const tollgate_response,
    status: u16,
    unix_us: i64,
    outcome: *mut tollgate_outcome,
) -> tollgate_status {
    // SAFETY: the caller keeps the rules.
    unsafe {
        plain(|| {
            let (response, place) = (handle::look(response)?, Place::new(outcome)?);
            let now = (unix_us >= 0).then_some(UnixMicros::from_micros(unix_us));
            place.put((&response.finish(status, now)).into());
            Ok(())
        })
    }
}
